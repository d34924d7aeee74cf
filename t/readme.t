#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The documents (README.md, CONTRIBUTING.md, SECURITY.md and all of docs/)
# against the code: every nginx snippet passes "nginx -t", every directive,
# line of the exporter block, limit, environment variable, metric, dimension
# and field of /v2/health and /v2/stats is there, and nothing that is not;
# every link leads to a file and to a heading in it.
# The files of conf/ pass too, and the Collector takes its snippet.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;
use OpenQoE::Metrics qw(catalogue);
use OpenQoE::Peers qw(collector_if_any);

my $top = "$FindBin::Bin/..";
my @documents = ('README.md', 'CONTRIBUTING.md', 'SECURITY.md',
                 map { s{.*/docs/}{docs/}r } sort glob "$top/docs/*.md");
my %text = map { $_ => slurp("$top/$_") } @documents;
my $all = join "\n", @text{@documents};
my $module = slurp("$top/ngx_http_openqoe_module.c");
my $exporter = slurp("$top/src/nginx/ngx_http_openqoe_exporter_conf.c");

my $so = $ENV{TEST_NGINX_OPENQOE_MODULE}
    // die "TEST_NGINX_OPENQOE_MODULE is not set\n";
my @binary = split ' ', $ENV{TEST_NGINX_BINARY} || 'nginx';
my $dir = scratch_dir('readme');
my $certs = make_certs();

# whatever the environment of the tests
delete @ENV{grep { /^(?:OTEL_|GRAFANA_|DESTINATION_TYPE$|API_KEY$|LOG_LEVEL$
                    |CORS_ALLOWED|OWN_DOMAIN$|CARDINALITY_LIMITS$)/x } keys %ENV};


# Two lists of names, the same set, with what is only in one of them.

sub same_names ($got, $expected, $name) {
    my %got = map { $_ => 1 } @$got;
    my %expected = map { $_ => 1 } @$expected;

    cmp_ok(scalar keys %expected, '>', 0, "$name: there are some");
    is_deeply([grep { !$got{$_} } sort keys %expected], [],
              "$name: all are in the documents");
    is_deeply([grep { !$expected{$_} } sort keys %got], [],
              "$name: the documents have no other");
}


# A document without its fenced code, which may look like headings or links.

sub prose ($file) { $text{$file} =~ s/^```.*?^```$//msgr }


# The headings of a document, underlined or after number signs.

sub headings ($file) {
    return prose($file) =~ /^(?|\#+\ ([^\n]+)$|([^\n|]+)\n[-=]{3,}$)/msxg;
}


# The text below a heading of a document, up to the next heading.

sub section ($file, $title) {
    my ($text) = $text{$file} =~ /^(?:\#+\ \Q$title\E
                                     |\Q$title\E\n[-=]{3,})\n+(.*?)
                                   (?=^\#+\ |^[^\n|]+\n[-=]{3,}\n|\z)/msx;
    return $text // die "$file: no \"$title\"\n";
}


sub blocks ($text, $language) { $text =~ /^```$language\n(.*?)^```$/msg }


# What stands in back quotes in the first cell of each row of a text's tables.

sub first_cells ($text) {
    return map { /`([^`]+)`/g } $text =~ /^\| ([^|]*`[^|]*) \|/mg;
}


# A file for nginx -t: what is not there on this machine is replaced, a
# fragment gets what belongs around it.

sub config ($text) {
    my $around = "access_log off;\n" . join '', map {
        "${_}_temp_path $dir/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);

    $text =~ s/^\s*(?:\w+_temp_path|pid|user|listen \[::\]).*\n//mg;
    $text =~ s/^(load_module) .*;/$1 $so;/m;
    $text =~ s{(listen )(\d+)}{$1 . (20000 + $2 % 10000)}ge;
    $text =~ s{/etc/nginx/tls/ca\.pem}{$certs->{ca}}g;
    $text =~ s{/etc/nginx/tls/client\.pem}{$certs->{client}}g;
    $text =~ s{/etc/nginx/tls/client\.key}{$certs->{client_key}}g;
    $text =~ s{/etc/nginx/tls/[\w.]+\.pem}{$certs->{server}}g;
    $text =~ s{/etc/nginx/tls/[\w.]+\.key}{$certs->{server_key}}g;

    if ($text !~ /^http \{/m) {
        my $zone = $text =~ /openqoe_zone/ ? '' : "openqoe_zone qoe:8m;\n";
        $text = "load_module $so;\nevents {\n}\nhttp {\n$zone$text}\n";
    }

    $text =~ s/^http \{\n/http {\n$around/m;
    return "pid $dir/nginx.pid;\n$text";
}


sub nginx_t ($text, $name) {
    write_file("$dir/nginx.conf", config($text));
    my ($rc, $out, $err) = run_cmd(@binary, '-t', '-p', "$dir/", '-e',
                                   "$dir/error.log", '-c', "$dir/nginx.conf");

    # nginx 1.25.1 has another way, Debian's 1.22 has not
    $err =~ s/^.*"listen \.\.\. http2" directive is deprecated.*\n//mg;

    is($rc, 0, "nginx -t: $name") or diag("$out$err" . config($text));
    unlike("$out$err", qr/\[(?:warn|error|crit|alert|emerg)\]/,
           "nginx -t is silent: $name");
}


# The name of a metric in Prometheus, as the translation from OTLP gives it:
# unit and type behind the name, unless they are in it.

sub prometheus_name ($metric) {
    my %word = (ms => 'milliseconds', s => 'seconds', ns => 'nanoseconds',
                By => 'bytes', '{stall}/min' => 'per_min');
    my @tokens = split /[^a-zA-Z0-9]+/, $metric->{name};
    my $unit = $metric->{unit};

    $unit = $word{$unit} // ($unit =~ /\{/ ? '' : $unit);
    my $total = $metric->{kind} =~ /^counter/;
    @tokens = grep { $_ ne 'total' } @tokens if $total;
    push @tokens, $unit if $unit ne '' && !grep { $_ eq $unit } @tokens;
    return join '_', @tokens, $total ? 'total' : ();
}


# snippets and examples

{
    my $n = 0;

    for my $file (@documents) {
        for my $snippet (blocks($text{$file}, 'nginx')) {
            nginx_t($snippet, "$file, " . ($snippet =~ /(\S.*)/)[0]);
            $n++;
        }
    }

    cmp_ok($n, '>=', 10, 'the documents have nginx snippets');
    nginx_t(slurp($_), s{.*/}{}r) for glob "$top/conf/*.conf";

    my @linked = $text{'README.md'} =~ m{\]\((conf/[^)]+)\)}g;
    same_names(\@linked, [map { s{.*/conf/}{conf/}r } glob "$top/conf/*.conf"],
               'conf/');
}

# directives: name, context by the flags, the three lines

{
    my %context = (NGX_HTTP_MAIN_CONF => 'http',
                   NGX_HTTP_LOC_CONF => 'location',
                   NGX_HTTP_OPENQOE_ANY_CONF => 'http, server, location');
    my %directive = $module =~ /ngx_string\("(openqoe_\w+)"\),\s*\n\s*(\w+)/g;
    my %entry = map { $_ => section('docs/directives.md', $_) }
                grep { /^openqoe_/ } headings('docs/directives.md');

    same_names([keys %entry], [keys %directive], 'directives');

    for my $name (sort keys %directive) {
        my $entry = $entry{$name} // next;

        like($entry, qr/\A\*\*syntax:\*\* \*\Q$name\E\b/, "$name: syntax");
        like($entry, qr/^\*\*default:\*\* \*.+\*$/m, "$name: default");
        my $where = quotemeta $context{$directive{$name}};
        like($entry, qr/^\*\*context:\*\* \*$where\*$/m, "$name: context");
    }

    my ($lines) = $entry{openqoe_exporter} // '';
    my @rows = map { /^(\w+)/ } first_cells($lines);
    my ($table) = $exporter =~ /ngx_http_openqoe_lines\[\] = \{(.*?)^\};/ms;
    same_names(\@rows, [$table =~ /ngx_string\("(\w+)"\)/g],
               'lines of openqoe_exporter');

    # nothing speaks of a directive that is not there
    # but for metrics, which are named in a table of their own
    my %metric = map { prometheus_name($_) => 1 } values %{ catalogue() };
    my @said = grep { !$metric{$_} }
               $all =~ /\b(openqoe_[a-z_]+)/g;
    same_names(\@said, [keys %directive], 'names of directives');
}

# limits, as the messages for a wrong value have them

{
    my $source = join '', map { slurp($_) }
        "$top/ngx_http_openqoe_module.c", glob "$top/src/nginx/*.c";
    my @ranges = $source =~ /"(a (?:number|size|time) from [^"]+)"/g;

    cmp_ok(@ranges, '>=', 5, 'there are limits');
    for my $range (@ranges) {
        like($text{'docs/directives.md'}, qr/\Q$range\E/,
             "docs/directives.md has \"$range\"");
    }
}

# environment variables

{
    my %read;

    for my $path (glob "$top/src/nginx/*env*.c $top/src/nginx/*grafana.c") {
        my $source = slurp($path);
        $read{$_} = 1 for $source =~ /^    \{ "([A-Z][A-Z0-9_]+)"/mg,
            $source =~ /\bgetenv\("([^"]+)"\)/g,
            $source =~ /_need\(cf, "([^"]+)"/g;
    }

    same_names([first_cells(section('docs/directives.md',
                                    'Environment variables'))],
               [keys %read], 'environment variables');
}

# The fields of a document: "a.b" and "a[].b"; stop names end there.

sub fields ($value, $path, $stop) {
    return $path if $stop->{$path} || ref($value) !~ /^(?:ARRAY|HASH)$/;
    return map { fields($_, "$path\[]", $stop) } @$value
        if ref $value eq 'ARRAY';
    return map { fields($value->{$_}, $path eq '' ? $_ : "$path.$_", $stop) }
           sort keys %$value;
}

{
    my $nginx = OpenQoE::Nginx->new(workers => 1,
        http => "openqoe_spool spool-$$;")->start;
    my %stop = map { $_ => 1 } qw(exporter.health exporters
        dependencies.exporters cardinality_limits dimensions);

    for my $name (qw(stats health)) {
        my $answer = http_get($nginx->port, "/v2/$name");
        is($answer->{status}, 200, "/v2/$name answers");

        my %field = map { $_ => 1 }
            fields(decode_json_text($answer->{body}), '', \%stop);
        my $text = section('docs/http-api.md', "GET /v2/$name");
        my ($table) = $text =~ /^(\| field .*)/ms;
        # there is one: of those without, the table says so
        $field{'exporter.spool'} = 1 if $field{'exporter.spool.bytes'};
        same_names([first_cells($table)], [keys %field], "/v2/$name");
    }

    # the curl line of the document, with this nginx's port
    my ($curl) = $text{'docs/http-api.md'} =~ /^(    curl -i .*?\]\}')$/ms;
    $curl =~ s/localhost:8788/'127.0.0.1:' . $nginx->port/e;
    my ($rc, $out) = run_cmd('sh', '-c', $curl =~ s/%3N/000/r);
    like($out, qr/ 202 Accepted\r.*"events_received":1,/s, 'the curl line');

    ok($nginx->stop, 'quits');
    $nginx->no_errors;
}

# event types

{
    my ($list) = slurp("$top/src/event/qoe_event_type.h")
        =~ /define QOE_EVENT_TYPES\(X\)(.*?)typedef/s;
    my ($row) = $text{'docs/http-api.md'} =~ /^\| `event_type` \| ([^|]+), or a/m;

    same_names([$row =~ /`(\w+)`/g], [$list =~ /"(\w+)"/g], 'event types');
}

# metrics: each row of the catalogue, with all that the table says of it

{
    my ($table) = section('docs/metrics.md', 'Metrics') =~ /^(\| OTLP .*)/ms;
    my %kind = (counter => 'counter', counter_double => 'counter',
                updown_double => 'up-down sum', gauge => 'gauge',
                gauge_now => 'gauge, now', histogram => 'histogram');
    my (@rows, @expected);

    for my $line (grep { /^\| `/ } split /\n/, $table) {
        my @cells = map { s/`//gr } split /\s*\|\s*/, $line =~ s/^\|\s*//r;
        pop @cells;                        # when: text for people
        push @rows, join ' | ', @cells;
        like($line, qr/\| [^|]*\w[^|]* \|$/, "$cells[0]: when");
    }

    for my $m (values %{ catalogue() }) {
        push @expected, join ' | ', $m->{name}, prometheus_name($m),
             $m->{group}, $kind{$m->{kind}}, $m->{unit},
             join ', ', @{ $m->{attrs} };
    }

    same_names(\@rows, \@expected, 'metrics');

    my %lists = (headline => qr/headline metrics alone.*?\n(`.*?)\.\n/s,
                 titled => qr/one title at a time.*?\n(`.*?)\.\n/s);

    for my $grain (sort keys %lists) {
        my ($list) = section('docs/metrics.md', 'Dimensions')
                     =~ $lists{$grain};
        same_names([ ($list // '') =~ /`([^`]+)`/g ],
                   [ map { $_->{name} } grep { $_->{grain} eq $grain }
                     values %{ catalogue() } ], "$grain metrics");
    }
}

# dimensions: each built-in one, its rule and its number

{
    my $header = slurp("$top/src/govern/qoe_dimension.h") =~ s/\\\n//gr;
    my %of = (BASE => 'each', TITLE => 'titled', FINE => 'headline',
              EXTRA => 'where', NEVER => 'none');
    my ($list) = $header =~ /define QOE_DIMENSIONS\(TEXT, MADE\)(.*?)typedef/s;
    my (@rows, @expected);

    for my $line (section('docs/metrics.md', 'Dimensions') =~ /^(\| `.*)/mg) {
        my @cells = map { s/`//gr } split /\s*\|\s*/, $line =~ s/^\|\s*//r;
        my ($of) = $cells[2] =~ /^(each|titled|headline|where|none)/;
        push @rows, join ' ', $cells[0], $of // '', @cells[3, 4];
    }

    while ($list =~ /(?:TEXT|MADE)\(\w+,\s+"(\w+)",\s+(\w+),\s+(\w+),
                     \s+(\d+)/xg)
    {
        push @expected, "$1 $of{$2} " . lc($3) . ' '
                        . ($2 eq 'NEVER' ? '-' : $4);
    }

    same_names(\@rows, \@expected, 'dimensions');
}

# links within the tree, and to the headings of the documents

{
    my (%anchors, %reached);

    for my $file (@documents) {
        $anchors{$file}{lc s/[^\w\s-]//gr =~ s/ /-/gr} = 1 for headings($file);
    }

    for my $file (@documents) {
        my $folder = $file =~ m{^(.+/)} ? $1 : '';

        for my $target (prose($file) =~ /\]\(([^)\s]+)\)/g) {
            next if $target =~ /^https?:/;
            my ($path, $anchor) = $target =~ /^([^#]*)#?(.*)$/;

            $path = $path eq '' ? $file : $folder . $path;
            1 while $path =~ s{(?:^|(?<=/))(?!\.\./)[^/]+/\.\./}{};
            $reached{$path} = 1 if $path ne $file;

            # measured, not always there
            next if $path eq 'bench/RESULTS.md';
            ok(-e "$top/$path"
               && ($anchor eq '' || $anchors{$path}{$anchor}),
               "$file: the link $target leads somewhere");
        }
    }

    ok($reached{$_}, "a link leads to $_") for grep { /^docs/ } @documents;
}

# the Collector's snippet

SKIP: {
    my $program = collector_if_any() // skip('no Collector here', 1);
    my ($yaml) = grep { /^receivers:/ } blocks($all, 'yaml');

    write_file("$dir/collector.yaml", $yaml // '');
    my ($rc, $out, $err) = run_cmd($program, 'validate', '--config',
                                   "$dir/collector.yaml");
    is($rc, 0, 'the Collector takes its snippet') or diag("$out$err");
}

done_testing;
