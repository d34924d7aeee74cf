#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The module beside Debian's other dynamic modules: nginx loads them all, in
# either order, and those that touch a request body, its answer's headers or
# its answer's body do not disturb us, nor we them.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

plan(skip_all => 'other modules are not built for sanitizers')
    if $ENV{OPENQOE_SANITIZE};

my $enabled = '/etc/nginx/modules-enabled';
my $binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
my @modules = debian_modules();

need('dynamic modules of Debian (libnginx-mod-*)' => scalar @modules);


# Paths of the enabled modules, in the order that the packages ask for; none
# when the nginx under test is not the one they were built for.

sub debian_modules () {
    my (undef, $out, $err) = run_cmd(split(' ', $binary), '-V');
    my ($dir) = "$out$err" =~ /--modules-path=(\S+)/ or return;
    my (@paths, %seen);

    for my $conf (sort glob "$enabled/*.conf") {
        for my $path (slurp($conf) =~ /^\s*load_module\s+"?([^";]+)"?;/mg) {
            $path = "$dir/" . $path =~ s{^modules/}{}r;
            push @paths, $path if -e $path && !$seen{$path}++;
        }
    }

    return if !@paths;

    # another build of nginx says that they are not binary compatible
    my $alone = OpenQoE::Nginx->new(module => 0,
                                    main => load_lines(@paths));
    my ($rc, $text) = $alone->test_config;

    return if $text =~ /is not binary compatible|version \d+ instead/;
    is($rc, 0, 'the other modules load without this one') or diag($text);

    return @paths;
}


sub load_lines (@paths) { join '', map { "load_module $_;\n" } @paths }


sub have (@names) {
    return !grep { my $name = $_; !grep { m{/\Q$name\E\.so$} } @modules }
            @names;
}


sub check_order ($name, $nginx) {
    my ($rc, $text) = $nginx->test_config;

    is($rc, 0, "$name: nginx -t succeeds") or return diag($text);
    unlike($text, qr/\[(?:warn|error|alert|emerg)\].*openqoe/,
           "$name: nginx -t does not complain about this module");

    $nginx->start;
    deliver($nginx, '/v2/events', $name);
    ok($nginx->stop, "$name: nginx exits in order");
    $nginx->no_errors;
}


sub deliver ($nginx, $path, $name, %opt) {
    my $oracle = $nginx->{oracle} //= OpenQoE::Oracle->new;
    my $events = batch($opt{n} // 3);
    my $answer = http_post($nginx->port, $path, batch_json($events),
                           headers => $opt{headers} // {});

    is($answer->{status}, 202, "$name: events are accepted");
    $oracle->note($events, $answer);
    $oracle->wait_delivered($nginx->out_file);
    $oracle->is_exactly_once("$name: delivered");

    return $answer;
}


note("modules: ", join ' ', map { m{([^/]+)\.so$} } @modules);

my $loads = load_lines(@modules);

check_order('ours first', OpenQoE::Nginx->new(main => $loads));

my $last = OpenQoE::Nginx->new;
$last->write_config(raw => $loads . $last->{config});
check_order('ours last', $last);


# The rest in one nginx: what other modules do to our locations.

my @parts = (
    { name => 'lua', needs => ['ngx_http_lua_module'],
      location => 'rewrite_by_lua_block { ngx.req.read_body() }
                   access_by_lua_block {
                       ngx.req.set_header("X-Body",
                                          #(ngx.req.get_body_data() or ""))
                   }
                   header_filter_by_lua_block {
                       ngx.header["X-Lua"] = ngx.var.request_method
                   }',
      header => ['x-lua' => 'POST'] },
    { name => 'modsecurity', needs => ['ngx_http_modsecurity_module'],
      location => "modsecurity on;
                   modsecurity_rules 'SecRuleEngine On
                       SecRequestBodyAccess On
                       SecResponseBodyAccess On
                       SecResponseBodyMimeType application/json';" },
    { name => 'headers-more', needs => ['ngx_http_headers_more_filter_module'],
      location => 'more_set_headers "X-More: yes";
                   more_set_input_headers "Content-Type: text/plain";',
      header => ['x-more' => 'yes'] },
    { name => 'brotli', needs => ['ngx_http_brotli_filter_module'],
      location => 'brotli on; brotli_types application/json;
                   brotli_min_length 0;',
      send => { 'Accept-Encoding' => 'br' },
      get => ['content-encoding' => 'br'] },
    { name => 'subs-filter', needs => ['ngx_http_subs_filter_module'],
      location => 'subs_filter_types application/json;
                   subs_filter "Events accepted" "Subs accepted";',
      body => qr/"Subs accepted"/ },
    { name => 'set-misc', needs => ['ndk_http_module',
                                    'ngx_http_set_misc_module'],
      location => 'set_sha1 $digest $request_uri;
                   add_header X-Digest $digest always;',
      header => ['x-digest' => qr/^[0-9a-f]{40}$/] },
    { name => 'upload-progress', needs => ['ngx_http_uploadprogress_module'],
      http => 'upload_progress uploads 1m;',
      location => 'track_uploads uploads 5s;' },
    { name => 'njs', needs => ['ngx_http_js_module'],
      http => 'js_path DIR; js_import peers from peers.js;',
      location => 'js_header_filter peers.stamp;',
      header => ['x-njs' => 'stamped'] },
    { name => 'echo', needs => ['ngx_http_echo_module'],
      location => 'echo_after_body "said after";',
      body => qr/^\{.*\}\s*said after/s },
    { name => 'perl', needs => ['ngx_http_perl_module'],
      http => "perl_set \$method 'sub { return shift->request_method; }';",
      location => 'add_header X-Perl $method always;',
      header => ['x-perl' => 'POST'] },
);

@parts = grep { have(@{ $_->{needs} }) } @parts;

my $nginx = OpenQoE::Nginx->new(main => $loads, workers => 2);

write_file($nginx->dir . '/peers.js', <<'END');
function stamp(r) { r.headersOut['X-Njs'] = 'stamped'; }
export default { stamp };
END

$nginx->write_config(
    http => join("\n    ", map { ($_->{http} // '') =~ s/DIR/$nginx->dir/er }
                           @parts),
    location => join("\n        ", map { <<"END" } @parts));
location = /$_->{name} {
            openqoe_events;
            $_->{location}
        }
        location = /$_->{name}/stats {
            openqoe_stats;
            $_->{location}
        }
END

my ($rc, $text) = $nginx->test_config;
is($rc, 0, "nginx -t takes the other modules' directives") or diag($text);
$nginx->start;

for my $part (@parts) {
    my $name = $part->{name};
    my $answer = deliver($nginx, "/$name", $name, headers => $part->{send},
                         n => 20);
    my ($header, $value) = @{ $part->{header} // [] };

    if ($header) {
        like($answer->{headers}{$header} // '',
             ref $value ? $value : qr/^\Q$value\E$/,
             "$name: the answer has the header $header");
    }

    like($answer->{body}, $part->{body},
         "$name: the answer has its body") if $part->{body};

    # an answer that is not 200 is not for brotli
    $answer = http_get($nginx->port, "/$name/stats", headers => $part->{send});
    is($answer->{status}, 200, "$name: the stats are answered");

    if ($part->{get}) {
        my ($field, $is) = @{ $part->{get} };
        is($answer->{headers}{$field}, $is,
           "$name: the answer has the field $field");
    }
}

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;

done_testing;
