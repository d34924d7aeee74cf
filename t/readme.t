#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The documents (README.md, CHANGES.md, CONTRIBUTING.md, SECURITY.md and all of
# docs/) against the code: every nginx snippet passes "nginx -t", every directive,
# line of the exporter block, limit, environment variable, metric, dimension
# and field of /v2/health and /v2/stats is there, and nothing that is not;
# every link leads to a file and to a heading in it; the source has what
# is said of it, and the queries ask for metrics that there are.
# The files of conf/ pass too, the Collector and promtool take their snippets,
# and the page of docs/players.md sends events that are accepted.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;
use OpenQoE::Listen qw(listen_for);
use OpenQoE::Metrics qw(catalogue);
use OpenQoE::Peers qw(collector_if_any program);

my $top = "$FindBin::Bin/..";
my @documents = ('README.md', 'CHANGES.md', 'CONTRIBUTING.md', 'SECURITY.md',
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


# Compares two lists of names as sets, and prints names that only one of them
# has.

sub same_names ($got, $expected, $name) {
    my %got = map { $_ => 1 } @$got;
    my %expected = map { $_ => 1 } @$expected;

    cmp_ok(scalar keys %expected, '>', 0, "the program has $name");
    is_deeply([grep { !$got{$_} } sort keys %expected], [],
              "$name: the documents have them all");
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
    $text =~ s{/var/cache/nginx/}{$dir/}g;
    $text =~ s{/etc/nginx/tls/ca\.pem}{$certs->{ca}}g;
    $text =~ s{/etc/nginx/tls/client\.pem}{$certs->{client}}g;
    $text =~ s{/etc/nginx/tls/client\.key}{$certs->{client_key}}g;
    $text =~ s{/etc/nginx/tls/[\w.]+\.pem}{$certs->{server}}g;
    $text =~ s{/etc/openqoe/titles}{write_file("$dir/titles", "a\n");
                                    "$dir/titles"}ge;
    $text =~ s{/etc/nginx/tls/[\w.]+\.key}{$certs->{server_key}}g;

    if ($text !~ /^http \{/m) {
        my $zone = $text =~ /openqoe_zone/ ? '' : "openqoe_zone qoe:8m;\n";
        $text = "load_module $so;\nevents {\n}\nhttp {\n$zone$text}\n";
    }

    $text =~ s/^http \{\n/http {\n$around/m;
    return listen_for("pid $dir/nginx.pid;\n$text", "@binary");
}


my ($http3) = (run_cmd(@binary, '-V'))[2] =~ /(--with-http_v3_module)/;

sub nginx_t ($text, $name) {
    if ($text =~ /^\s*listen .*\bquic\b/m && !$http3) {
        SKIP: { skip("$name: this nginx has no HTTP/3", 2) }
        return;
    }

    write_file("$dir/nginx.conf", config($text));
    my ($rc, $out, $err) = run_cmd(@binary, '-t', '-p', "$dir/", '-e',
                                   "$dir/error.log", '-c', "$dir/nginx.conf");

    is($rc, 0, "nginx -t: $name") or diag("$out$err" . config($text));
    unlike("$out$err", qr/\[(?:warn|error|crit|alert|emerg)\]/,
           "nginx -t is silent: $name");
}


# The name of a metric in Prometheus, as the translation from OTLP gives it:
# unit and type follow the name, unless they are in it.

sub prometheus_name ($metric) {
    my %word = (ms => 'milliseconds', s => 'seconds', ns => 'nanoseconds',
                By => 'bytes', '{stall}/min' => 'per_min',
                'kbit/s' => 'kbit_per_second');
    my @tokens = split /[^a-zA-Z0-9]+/, $metric->{name};
    my $unit = $metric->{unit};

    $unit = $word{$unit} // ($unit =~ /\{/ ? '' : $unit);
    my $total = $metric->{kind} =~ /^counter/;
    @tokens = grep { $_ ne 'total' } @tokens if $total;
    push @tokens, $unit if $unit ne '' && !grep { $_ eq $unit } @tokens;
    return join '_', @tokens, $total ? 'total' : ();
}


# The names of samples that Prometheus has of the module: name => kind.

my %series;

for my $m (values %{ catalogue() }) {
    my $name = prometheus_name($m);
    my @names = $m->{kind} eq 'histogram'
                ? map { "${name}_$_" } qw(bucket sum count) : $name;
    @series{@names} = ($m->{kind}) x @names;
}


# Snippets and examples

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

# Directives: name, context by the flags, the three lines

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

        like($entry, qr/\A\*\*syntax:\*\* \*\Q$name\E\b/,
             "$name: the entry has its syntax");
        like($entry, qr/^\*\*default:\*\* \*.+\*$/m,
             "$name: the entry has a default");
        my $where = quotemeta $context{$directive{$name}};
        like($entry, qr/^\*\*context:\*\* \*$where\*$/m,
             "$name: the entry has its contexts");
    }

    # the table of README.md, with a link and the context of each
    my %row = $text{'README.md'} =~
        m{^\|\ \[(openqoe_\w+)\]\(docs/directives\.md\#\1\)
          \ \|\ ([^|]+)\ \|\ \S[^|]*\ \|$}mgx;
    is_deeply(\%row, { map { $_ => $context{$directive{$_}} }
                       keys %directive },
              'the table of directives in README.md has each, with its context');

    my ($lines) = $entry{openqoe_exporter} // '';
    my @rows = map { /^(\w+)/ } first_cells($lines);
    my ($table) = $exporter =~ /ngx_http_openqoe_lines\[\] = \{(.*?)^\};/ms;
    same_names(\@rows, [$table =~ /ngx_string\("(\w+)"\)/g],
               'lines of openqoe_exporter');

    # No document names a directive that does not exist, apart from metrics and
    # variables, which have tables of their own.
    my %metric = map { $_ => 1 } (keys %series,
                                  map { prometheus_name($_) }
                                  values %{ catalogue() });
    my @said = grep { !$metric{$_} }
               $all =~ /(?<!\$)\b(openqoe_[a-z_]+)/g;
    same_names(\@said, [keys %directive], 'names of directives');
}

# Variables: KEY stands for any key of CMCD

{
    my %variable = map { $_ => 1 }
                   slurp("$top/src/nginx/ngx_http_openqoe_cmcd_var.c")
                   =~ /^    \{ ngx_string\("(openqoe_\w+)"\)/mg;
    $variable{openqoe_cmcd_KEY} = 1;
    same_names([first_cells(section('docs/cmcd.md', 'Variables'))],
               [map { "\$$_" } keys %variable], 'variables of docs/cmcd.md');

    my ($session) = slurp("$top/src/nginx/ngx_http_openqoe_session.c")
                    =~ /ngx_string\("(openqoe_\w+)"\)/;
    $variable{$session} = 1;
    same_names([first_cells(section('docs/directives.md', 'Variables'))],
               [map { "\$$_" } keys %variable],
               'variables of docs/directives.md');

    my @said = map { s/^openqoe_cmcd_\K\w+$/KEY/r } $all =~ /\$(openqoe_\w+)/g;
    same_names(\@said, [keys %variable], 'names of variables');
}

# Limits, as the messages for a wrong value have them

{
    my $source = join '', map { slurp($_) }
        "$top/ngx_http_openqoe_module.c", glob "$top/src/nginx/*.c";
    my @ranges = $source =~ /"(a (?:number|size|time) from [^"]+)"/g;

    cmp_ok(@ranges, '>=', 5, 'the program has limits');
    for my $range (@ranges) {
        like($text{'docs/directives.md'}, qr/\Q$range\E/,
             "docs/directives.md has \"$range\"");
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
        http => "openqoe_spool spool-$$;",
        location => 'location = /v2/cmcd { openqoe_cmcd_events; }')->start;
    my %stop = map { $_ => 1 } qw(exporter.health exporters
        dependencies.exporters cardinality_limits dimensions);

    for my $name (qw(stats health)) {
        my $answer = http_get($nginx->port, "/v2/$name");
        is($answer->{status}, 200, "/v2/$name answers");

        my %field = map { $_ => 1 }
            fields(decode_json_text($answer->{body}), '', \%stop);
        my $text = section('docs/http-api.md', "GET /v2/$name");
        my ($table) = $text =~ /^(\| field .*)/ms;
        # There is a spool here; of exporters without one the table says so.
        $field{'exporter.spool'} = 1 if $field{'exporter.spool.bytes'};
        same_names([first_cells($table)], [keys %field], "/v2/$name");
    }

    # The curl lines, with this nginx's port, and whole seconds for a date
    # without milliseconds.
    for my $file ('README.md', 'docs/http-api.md') {
        my ($curl) = $text{$file} =~ /^(    curl -i .*?\]\}')$/ms;
        $curl =~ s/localhost:8788/'127.0.0.1:' . $nginx->port/e;
        my ($rc, $out) = run_cmd('sh', '-c', $curl =~ s/%3N/000/r);
        like($out, qr/ 202 Accepted\r.*"events_received":1,/s,
             "the curl line of $file works");
    }

    my ($curl) = section('docs/http-api.md', 'POST /v2/cmcd')
                 =~ /^(    curl -i .*?,v=2')$/ms;
    $curl =~ s/localhost:8788/'127.0.0.1:' . $nginx->port/e;
    my ($rc, $out) = run_cmd('sh', '-c', $curl =~ s/%3N/000/r);
    like($out, qr/ 204 No Content\r/,
         'the curl line of docs/http-api.md for a report of CMCD works');

    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

# Event types

{
    my ($list) = slurp("$top/src/event/qoe_event_type.h")
        =~ /define QOE_EVENT_TYPES\(X\)(.*?)typedef/s;
    my ($row) = $text{'docs/http-api.md'} =~ /^\| `event_type` \| ([^|]+), or a/m;

    same_names([$row =~ /`(\w+)`/g], [$list =~ /"(\w+)"/g], 'event types');
}

# Metrics: each row of the catalogue, with all that the table says of it

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
        my ($list) = section('docs/metrics.md', 'Dimensions')
                     =~ $lists{$grain};
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

# Links within the tree, and to the headings of the documents

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

# names of the source in the texts about it, and in the drawing

{
    my $source = join "\n", map { slurp($_) }
        glob("$top/src/*/*.[ch] $top/t/*.t $top/t/tools/*.c"),
        "$top/ngx_http_openqoe_module.c";
    my $drawing = slurp("$top/docs/event.svg");
    my ($n, %looked) = 0;

    my ($rc, $out) = run_cmd($^X, "$top/t/tools/draw_event.pl");
    ok($rc eq '0' && $out eq $drawing,
       'docs/event.svg is what t/tools/draw_event.pl prints');

    for my $part ((map { [$_, $text{$_}] } qw(README.md CONTRIBUTING.md
                   SECURITY.md docs/architecture.md)),
                  ['docs/event.svg', $drawing])
    {
        my ($file, $said) = @$part;

        for my $name ($said =~ /\b((?:qoe|QOE|ngx_http_openqoe)_\w+)/g) {
            next if $name =~ /_$/ || $looked{$name}++
                    || -e "$top/src/nginx/$name.c" || $name =~ /_module$/
                    || (() = glob "$top/src/*/$name.[ch]");
            like($source, qr/\b\Q$name\E\b/, "$file: the source has $name");
            $n++;
        }

        # a star stands for any characters, a word of capitals for a name
        for my $path ($said =~ m{`((?:src|t|docs|conf|bench|proto|tools)/
                                   [\w./*-]+)`}xg)
        {
            my $pattern = $path =~ s/\b[A-Z]{2,}\b/*/gr;
            my @found = glob("$top/$pattern");
            ok(@found && -e $found[0], "$file: there is $path")
                unless $looked{$path}++;
        }
    }

    cmp_ok($n, '>', 50, 'the documents name functions and types');
}

# the rooms, and what each may include

{
    my $lint = slurp("$top/t/tools/lint.pl");
    my ($may) = $lint =~ /^my %may = \((.*?)^\);/ms;
    my %may = map { /(\w+)\s+=> \[(?:qw\(([^)]*)\))?\]/
                    ? ($1 => join ' ', sort split ' ', $2 // '') : () }
              split /^/, $may;
    $may{$_} = 'all' for $lint =~ /^\$may\{(\w+)\} = \[keys %may\];/mg;

    my %row = map { my ($room, $rest) = @$_;
                    ($room => $rest =~ /^all/ ? 'all'
                     : join ' ', sort $rest =~ /`(\w+)`/g) }
              map { [ m{^\| `(\w+)` \| .* \| ([^|]*) \|$} ] }
              grep { /^\| `/ }
              split /\n/, section('docs/architecture.md', 'Rooms');

    cmp_ok(keys %may, '>', 10, 'lint knows the rooms');
    is_deeply(\%row, \%may, 'the table of rooms is that of lint');
    same_names([keys %row], [map { m{.*/(\w+)$} } grep { -d } glob "$top/src/*"],
               'the rooms of src');
}

# queries: metrics and labels that there are, rates of what only grows

{
    my %label = map { $_ => 1 } qw(le job instance), map { s/\W/_/gr }
        map { @{ $_->{attrs} } } values %{ catalogue() };
    $label{$_} = 1
        for first_cells(section('docs/metrics.md', 'Dimensions'));
    my @queries = grep { /\S/ } map { split /\n\n/ } blocks($all, 'promql');
    my $rules = "groups:\n- name: documents\n  rules:\n";
    my $i = 0;

    cmp_ok(@queries, '>', 10, 'the documents have queries');

    for my $query (@queries) {
        my $bare = $query =~ s/"[^"]*"/""/gr;
        my @names = $bare =~ /\b((?:openqoe|otel|worker|request)_\w+)/g;
        my @labels = ((map { split /\W+/ } $bare =~ /\bby \(([^)]*)\)/g),
                      map { /(\w+)\s*[=!]/g } $bare =~ /\{([^}]*)\}/g);
        my ($line) = $query =~ /(\S.*)/;
        my @grows = $bare =~ /\b(?:rate|increase)\((\w+)/g;

        ok(@names && !grep({ !$series{$_} } @names),
           "a query asks for metrics that exist: $line")
            or diag("no such metric: @{[grep { !$series{$_} } @names]}");
        is_deeply([grep { !$label{$_} } @labels], [],
                  "a query splits by labels that exist: $line");
        # OpenMetrics writes 1.0 where the text format has 1
        unlike($query, qr/\ble="\d+"/,
               "a query finds its bound in both formats: $line");
        is_deeply([grep { ($series{$_} // '') !~ /^(?:counter|histogram)/ }
                   @grows], [],
                  "a query takes rates only of what grows: $line");
        $rules .= "  - record: document:query:$i\n    expr: |-\n"
                  . ($query =~ s/^/      /mgr) . "\n";
        $i++;
    }

    SKIP: {
        my $promtool = program('promtool') // skip('no promtool here', 2);
        my @jobs = grep { /^scrape_configs:/ } blocks($all, 'yaml');

        write_file("$dir/rules.yaml", $rules);
        my ($rc, $out, $err) = run_cmd($promtool, 'check', 'rules',
                                       "$dir/rules.yaml");
        is($rc, 0, 'promtool takes the queries') or diag("$out$err$rules");

        cmp_ok(@jobs, '>', 0, 'there are scrape jobs');
        for my $job (@jobs) {
            write_file("$dir/prometheus.yaml", $job);
            ($rc, $out, $err) = run_cmd($promtool, 'check', 'config',
                                        "$dir/prometheus.yaml");
            is($rc, 0, 'promtool takes a scrape job') or diag("$out$err$job");
        }
    }
}

# The page of docs/players.md: its script in Node, with a document and a video
# that are made of nothing but events.

SKIP: {
    my $node = program('node') // skip('no Node here', 4);
    my ($page) = grep { /DOCTYPE/ } blocks($text{'docs/players.md'}, 'html');
    my ($script) = ($page // '') =~ m{<script>(.*)</script>}s;
    my $nginx = OpenQoE::Nginx->new(workers => 1)->start;
    my $url = 'http://127.0.0.1:' . $nginx->port . '/v2/events';

    ok($script && $script =~ s{http://localhost:8788/v2/events}{$url},
       'docs/players.md has a page with a script');
    write_file("$dir/page.js", <<'END' . $script . <<'END2');
'use strict';
const video = Object.assign(new EventTarget(),
    { currentTime: 1.5, duration: 60, paused: false });
globalThis.document = Object.assign(new EventTarget(),
    { visibilityState: 'visible', querySelector: () => video });
const beacons = [], timers = [];
Object.defineProperty(globalThis, 'navigator', { configurable: true,
    value: { sendBeacon: (url, text) => beacons.push([url, text]) } });
Object.defineProperty(globalThis, 'crypto', { configurable: true,
    value: require('crypto').webcrypto });
globalThis.setInterval = (f) => timers.push(f);
{
END
}
(async () => {
    for (const name of ['canplay', 'play', 'waiting', 'playing', 'seeked',
                        'pause', 'error', 'ended']) {
        video.dispatchEvent(new Event(name));
    }
    for (const timer of timers) {
        await timer();
    }
    document.visibilityState = 'hidden';
    document.dispatchEvent(new Event('visibilitychange'));
    for (const [url, body] of beacons) {
        const answer = await fetch(url, { method: 'POST', body,
            headers: { 'Content-Type': 'text/plain;charset=UTF-8' } });
        console.log(answer.status, beacons.length);
    }
})();
END2

    my ($rc, $out, $err) = run_cmd($node, "$dir/page.js");
    is($out, "202 1
", 'the beacon of the page is accepted')
        or diag("$rc $err");

    my $events = decode_json_text(http_get($nginx->port, '/v2/stats')->{body})
        ->{events};

    # playerready, eight events of the video, a heartbeat; moveaway
    is_deeply([@$events{qw(received accepted unknown_keys)}], [11, 11, 0],
              'all events of the page are accepted, and every key is known')
        or diag("$out$err");

    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

# The Collector's snippet

SKIP: {
    my $program = collector_if_any() // skip('no Collector here', 1);
    my ($yaml) = grep { /^receivers:/ } blocks($all, 'yaml');

    write_file("$dir/collector.yaml", $yaml // '');
    my ($rc, $out, $err) = run_cmd($program, 'validate', '--config',
                                   "$dir/collector.yaml");
    is($rc, 0, 'the Collector takes the snippet of docs/grafana.md')
        or diag("$out$err");
}

done_testing;
