#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# README.md against the code: every nginx snippet passes "nginx -t", it has
# every directive, line of the exporter block, limit, environment variable,
# metric, dimension and field of /v2/health and /v2/stats, and none that does
# not exist.  The files of conf/ pass too, and the Collector takes its snippet.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;
use OpenQoE::Metrics qw(catalogue);
use OpenQoE::Peers qw(collector_if_any);

my $top = "$FindBin::Bin/..";
my $readme = slurp("$top/README.md");
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


# Compares two lists of names as sets, and prints names that only one of them
# has.

sub same_names ($got, $expected, $name) {
    my %got = map { $_ => 1 } @$got;
    my %expected = map { $_ => 1 } @$expected;

    cmp_ok(scalar keys %expected, '>', 0, "the program has $name");
    is_deeply([grep { !$got{$_} } sort keys %expected], [],
              "README.md has all $name of the program");
    is_deeply([grep { !$expected{$_} } sort keys %got], [],
              "README.md has no other $name");
}


# The text below a heading, up to the next heading.

sub section ($title) {
    my ($text) = $readme =~ /^\Q$title\E\n[-=]{3,}\n(.*?)
                             (?=^[^\n]+\n[-=]{3,}\n|\z)/msx;
    return $text // die "README.md: no \"$title\"\n";
}


sub blocks ($language) { $readme =~ /^```$language\n(.*?)^```$/msg }


# The names in back quotes in the first cell of each row of a text's tables.

sub first_cells ($text) {
    return map { /`([^`]+)`/g } $text =~ /^\| ([^|]*`[^|]*) \|/mg;
}


# A file for nginx -t: paths that this machine lacks are replaced, and a
# fragment gets the blocks that belong around it.

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

    # nginx 1.25.1 and later have another way, which Debian's 1.22 lacks.
    $err =~ s/^.*"listen \.\.\. http2" directive is deprecated.*\n//mg;

    is($rc, 0, "nginx -t: $name") or diag("$out$err" . config($text));
    unlike("$out$err", qr/\[(?:warn|error|crit|alert|emerg)\]/,
           "nginx -t is silent: $name");
}


# The name of a metric in Prometheus, as the translation from OTLP gives it:
# unit and type follow the name, unless they are in it.

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


# Snippets and examples

{
    my @snippets = blocks('nginx');
    my $n = 0;

    cmp_ok(@snippets, '>=', 5, 'README.md has nginx snippets');
    nginx_t($_, 'snippet ' . ++$n . ', ' . (/(\S.*)/)[0]) for @snippets;
    nginx_t(slurp($_), s{.*/}{}r) for glob "$top/conf/*.conf";

    my @linked = $readme =~ m{\]\((conf/[^)]+)\)}g;
    same_names(\@linked, [map { s{.*/conf/}{conf/}r } glob "$top/conf/*.conf"],
               'conf/');
}

# Directives: name, context by the flags, the three lines

{
    my %context = (NGX_HTTP_MAIN_CONF => 'http',
                   NGX_HTTP_LOC_CONF => 'location',
                   NGX_HTTP_OPENQOE_ANY_CONF => 'http, server, location');
    my %directive = $module =~ /ngx_string\("(openqoe_\w+)"\),\s*\n\s*(\w+)/g;
    my %entry = map { $_ => section($_) } $readme =~ /^(openqoe_\w+)\n-{3,}$/mg;

    same_names([keys %entry], [keys %directive], 'directives');

    for my $name (sort keys %directive) {
        my $entry = $entry{$name} // next;

        like($entry, qr/\A\*\*syntax:\*\* \*\Q$name\E\b/,
             "$name: the entry has its syntax");
        like($entry, qr/^\*\*default:\*\* \*.+\*$/m,
             "$name: the entry has a default");
        my $where = quotemeta $context{$directive{$name}};
        like($entry, qr/^\*\*context:\*\* \*$where\*$/m,
             "$name: the entry has its contexts");
    }

    my ($lines) = $entry{openqoe_exporter} // '';
    my @rows = map { /^(\w+)/ } first_cells($lines);
    my ($table) = $exporter =~ /ngx_http_openqoe_lines\[\] = \{(.*?)^\};/ms;
    same_names(\@rows, [$table =~ /ngx_string\("(\w+)"\)/g],
               'lines of openqoe_exporter');

    # README.md names no directive that does not exist, apart from metrics,
    # which have a table of their own.
    my %metric = map { prometheus_name($_) => 1 } values %{ catalogue() };
    my @said = grep { !$metric{$_} }
               $readme =~ /\b(openqoe_[a-z_]+)/g;
    same_names(\@said, [keys %directive], 'names of directives');
}

# Limits, as the messages for a wrong value have them

{
    my $source = join '', map { slurp($_) }
        "$top/ngx_http_openqoe_module.c", glob "$top/src/nginx/*.c";
    my @ranges = $source =~ /"(a (?:number|size|time) from [^"]+)"/g;

    cmp_ok(@ranges, '>=', 5, 'the program has limits');
    for my $range (@ranges) {
        like($readme, qr/\Q$range\E/, "README.md has \"$range\"");
    }
}

# Environment variables

{
    my %read;

    for my $path (glob "$top/src/nginx/*env*.c $top/src/nginx/*grafana.c") {
        my $source = slurp($path);
        $read{$_} = 1 for $source =~ /^    \{ "([A-Z][A-Z0-9_]+)"/mg,
            $source =~ /\bgetenv\("([^"]+)"\)/g,
            $source =~ /_need\(cf, "([^"]+)"/g;
    }

    same_names([first_cells(section('Environment variables'))],
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
        my $text = section("GET /v2/$name");
        my ($table) = $text =~ /^(\| field .*)/ms;
        # There is a spool here; of exporters without one the table says so.
        $field{'exporter.spool'} = 1 if $field{'exporter.spool.bytes'};
        same_names([first_cells($table)], [keys %field], "/v2/$name");
    }

    # The README's own curl line, with this nginx's port.
    my ($curl) = $readme =~ /^(    curl -i .*?\]\}')$/ms;
    $curl =~ s/localhost:8788/'127.0.0.1:' . $nginx->port/e;
    my ($rc, $out) = run_cmd('sh', '-c', $curl =~ s/%3N/000/r);
    like($out, qr/ 202 Accepted\r.*"events_received":1,/s,
         'the curl line of README.md works');

    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

# Event types

{
    my ($list) = slurp("$top/src/event/qoe_event_type.h")
        =~ /define QOE_EVENT_TYPES\(X\)(.*?)typedef/s;
    my ($row) = $readme =~ /^\| `event_type` \| ([^|]+), or a/m;

    same_names([$row =~ /`(\w+)`/g], [$list =~ /"(\w+)"/g], 'event types');
}

# Metrics: each row of the catalogue, with all that the table says of it

{
    my ($table) = section('Metrics') =~ /^(\| OTLP .*)/ms;
    my %kind = (counter => 'counter', counter_double => 'counter',
                updown_double => 'up-down sum', gauge => 'gauge',
                gauge_now => 'gauge, now', histogram => 'histogram');
    my (@rows, @expected);

    for my $line (grep { /^\| `/ } split /\n/, $table) {
        my @cells = map { s/`//gr } split /\s*\|\s*/, $line =~ s/^\|\s*//r;
        pop @cells;                        # when: text for people
        push @rows, join ' | ', @cells;
        like($line, qr/\| [^|]*\w[^|]* \|$/,
             "the row of $cells[0] says when the metric is made");
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
        my ($list) = section('Dimensions') =~ $lists{$grain};
        same_names([ ($list // '') =~ /`([^`]+)`/g ],
                   [ map { $_->{name} } grep { $_->{grain} eq $grain }
                     values %{ catalogue() } ], "$grain metrics");
    }
}

# Dimensions: each built-in one, its rule and its number

{
    my $header = slurp("$top/src/govern/qoe_dimension.h") =~ s/\\\n//gr;
    my %of = (BASE => 'each', TITLE => 'titled', FINE => 'headline',
              EXTRA => 'where', NEVER => 'none');
    my ($list) = $header =~ /define QOE_DIMENSIONS\(TEXT, MADE\)(.*?)typedef/s;
    my (@rows, @expected);

    for my $line (section('Dimensions') =~ /^(\| `.*)/mg) {
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

# Links within the tree, and to headings

{
    my %anchor = map { lc s/[^\w\s-]//gr =~ s/ /-/gr => 1 }
        $readme =~ /^(\S[^\n]*)\n[-=]{3,}$/mg;

    for my $target ($readme =~ /\]\(([^)]+)\)/g) {
        # The results are measured, and not always there.
        next if $target eq 'bench/RESULTS.md';
        ok($target =~ /^#(.+)/ ? $anchor{$1} : -e "$top/$target",
           "the link to $target leads somewhere");
    }
}

# The Collector's snippet

SKIP: {
    my $program = collector_if_any() // skip('there is no Collector here', 1);
    my ($yaml) = blocks('yaml');

    write_file("$dir/collector.yaml", $yaml // '');
    my ($rc, $out, $err) = run_cmd($program, 'validate', '--config',
                                   "$dir/collector.yaml");
    is($rc, 0,
       'the Collector takes the snippet of README.md') or diag("$out$err");
}

done_testing;
