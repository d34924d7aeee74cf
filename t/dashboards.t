#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The dashboards, rules and alerts of deploy/ on a real Prometheus 2, and on
# Prometheus 3 by scrape and by OTLP where it can be built, with a module whose
# viewers' truth is known: every expression of every panel, rule and alert has
# data, and what the panels show is what happened, within 5 %.
#
# Grafana itself is not part of this test.  The JSON is what Grafana's own SDK
# for Python makes (build.sh --check), and the strict decoder of that for Go
# takes it; what Grafana puts in place of the variables is put here.  Loki,
# Tempo and Jaeger are not asked.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max sum0);

use OpenQoE::Test;

use OpenQoE::Audience;
use OpenQoE::Peers qw(grafana_check program prometheus3);
use OpenQoE::Prometheus;

need('Prometheus, Debian package prometheus' => program('prometheus'));

my $deploy = "$FindBin::Bin/../deploy";
my $books = "$FindBin::Bin/../docs/runbooks";
my $TOLERANCE = 0.05;
my $birth = int scaled(6);

my @STARTUP = (0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 10, 15, 30);
my @REBUFFER = (0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30);


# The panels of a dashboard, those within rows too.

sub panels ($dashboard) {
    return grep { $_->{type} ne 'row' }
           map { ($_, @{ $_->{panels} // [] }) } @{ $dashboard->{panels} };
}


my %dashboard = map { my ($name) = m{(\w+)\.json$};
                      $name => decode_json_text(slurp($_)) }
                glob "$deploy/grafana/*.json";

is_deeply([ sort keys %dashboard ], [ qw(delivery module overview titles view) ],
          'there are five dashboards');


subtest 'the dashboards are what build.py makes' => sub {
    my ($rc, $out, $err) = run_cmd({ timeout => 300 },
                                   "$deploy/grafana/build.sh", '--check');

    plan(skip_all => $err) if $rc ne 'timeout' && $rc >> 8 == 77;
    is($rc, '0', 'the committed JSON is that of the SDK') or diag($err);
};


subtest "the dashboards are of Grafana's schema" => sub {
    my ($check, $why) = grafana_check();
    plan(skip_all => $why) if !$check;

    my @files = glob "$deploy/grafana/*.json";
    my ($rc, $out, $err) = run_cmd($check, @files);
    is($rc, '0', 'the strict decoder of the SDK for Go takes them')
        or diag($out, $err);

    my $wrong = scratch_dir('schema') . '/wrong.json';
    write_file($wrong, slurp($files[0]) =~ s/"legendFormat"/"legend"/r);
    ($rc, $out) = run_cmd($check, $wrong);
    isnt($rc, '0', 'it refuses a member that the schema does not have');
    like($out, qr/unexpected field 'legend'/, 'and names that member');
};


subtest 'every panel says what it shows' => sub {
    for my $name (sort keys %dashboard) {
        my @panels = panels($dashboard{$name});
        my @sources = slurp("$deploy/grafana/$name.json")
                      =~ /"uid":\s*"([^"]*)"/g;

        is(scalar(grep { !$_->{description}
                         || !$_->{fieldConfig}{defaults}{unit} } @panels), 0,
           "$name: each panel has a description and a unit");
        is(scalar(grep { !@{ $_->{targets} // [] } } @panels), 0,
           "$name: each panel asks for something");
        is_deeply([ grep { !/^\$\{\w+\}$/ && $_ ne $dashboard{$name}{uid} }
                    @sources ], [],
                  "$name: every data source is a variable");

        my %seen;
        is(scalar(grep { $seen{ $_->{id} }++ } @panels), 0,
           "$name: no two panels have one id");
    }
};


# Loki is not asked, so at least the names are those of the documents: in Loki a
# dot of an attribute's name is an underscore.

subtest 'One view asks for attributes that records have' => sub {
    my %known = map { tr/./_/r => 1 }
                map { slurp("$FindBin::Bin/../docs/$_.md") =~ /`([\w.]+)`/g }
                qw(views metrics http-api);
    my @asked = map { ($_->{expr} =~ /\| (\w+) ?(?:=~|!=|=|>)/g,
                       $_->{expr} =~ /\{\{\.(\w+)\}\}/g) }
                grep { defined $_->{expr} }
                map { @{ $_->{targets} } } panels($dashboard{view});

    cmp_ok(scalar @asked, '>', 10, 'the queries name attributes');
    is_deeply([ grep { !$known{$_} } @asked ], [],
              'the documents have each of them');
};


my @rules = map {
    my $file = $_;
    my @found;

    for my $part (split /^ +- (?=record:|alert:)/m, slurp($file)) {
        my ($kind, $name) = $part =~ /\A(record|alert): (\S+)\n/ or next;
        my ($expr) = $part =~ /^ +expr: \|\n((?: {10}.*\n)+)/m;
        push @found, { kind => $kind, name => $name, expr => $expr,
                       runbook => $part =~ /runbook_url: (\S+)/ ? $1 : '',
                       text => $part };
    }
    @found;
} "$deploy/prometheus/rules.yml", "$deploy/prometheus/alerts.yml";

my %record = map { $_->{kind} eq 'record' ? ($_->{name} => $_->{expr}) : () }
             @rules;
my @alerts = grep { $_->{kind} eq 'alert' } @rules;


subtest 'every alert has a runbook, and every runbook an alert' => sub {
    my %book = map { m{([^/]+)\.md$} ? ($1 => slurp($_)) : () }
               glob "$books/*.md";

    is_deeply([ grep { $_->{runbook} !~ m{/docs/runbooks/\Q$_->{name}\E\.md$}
                       || !$book{ $_->{name} } } @alerts ], [],
              'the runbook of each alert is in the tree, by its name');

    my %alert = map { $_->{name} => 1 } @alerts;
    is_deeply([ sort keys %book ], [ sort keys %alert ],
              'there is no runbook without an alert');

    for my $name (sort keys %book) {
        like($book{$name}, qr/^\#\#\ What\ it\ means\n .*
                              ^\#\#\ What\ to\ look\ at\n .*
                              ^\#\#\ What\ to\ do\n/msx,
             "$name: the runbook says what it means, where to look, what to do");
        is_deeply([ grep { !-e "$books/$_" }
                    $book{$name} =~ /\]\(([^)#:]+)(?:#[^)]*)?\)/g ], [],
                  "$name: its links lead to files");
    }
};


subtest 'promtool' => sub {
    my $promtool = program('promtool');
    plan(skip_all => 'needs promtool') if !$promtool;

    my $tests = slurp("$deploy/prometheus/alerts_test.yml");
    my ($rc, $out, $err) = run_cmd({ timeout => 120 }, $promtool, 'test',
        'rules', "$deploy/prometheus/alerts_test.yml");
    is($rc, '0', 'alerts fire where they should, and only there')
        or diag($out, $err);

    my (%fires, %silent);

    for my $case (split /^ +- eval_time:/m, $tests) {
        my ($name) = $case =~ /^ +alertname: (\S+)\n/m or next;
        ($case =~ /exp_alerts: \[\]/ ? $silent{$name} : $fires{$name})++;
    }

    for my $name (sort map { $_->{name} } @alerts) {
        ok($fires{$name}, "$name: there is a test in which it fires");
        ok($silent{$name}, "$name: there is a test in which it does not");
    }
};


# --- the module, its viewers, and who scrapes them ---------------------------

my ($program3, $reason) = prometheus3();
my $dir = scratch_dir('dashboards');
my @files = map { "$dir/$_.yml" } qw(rules alerts);

for my $name (qw(rules alerts)) {
    my $text = slurp("$deploy/prometheus/$name.yml");
    write_file("$dir/$name.yml", $text =~ s/interval: 30s/interval: 1s/gr);
}

mkdir "$dir/spool";
chmod 0777, $dir, "$dir/spool";

my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:32m',
                                birth => "${birth}s");
my %scraping = (jobs => { edge => { port => $nginx->port,
                                    path => '/v2/stats' } },
                rules => \@files);
my @servers = (OpenQoE::Prometheus->new(%scraping));
my %way = ($servers[0] => 'Prometheus 2 by scrape');
my $otlp = '';

if ($program3) {
    push @servers, OpenQoE::Prometheus->new(%scraping, program => $program3),
                   OpenQoE::Prometheus->new(%scraping, program => $program3,
                       jobs => {}, args => [ '--web.enable-otlp-receiver' ]);
    @way{@servers[1, 2]} = ('Prometheus 3 by scrape', 'Prometheus 3 by OTLP');
    $otlp = <<"END";
    openqoe_exporter prometheus {
        endpoint http://127.0.0.1:@{[ $servers[2]->port ]}/api/v1/otlp;
        protocol http/protobuf;
        signals metrics;
        metric_interval 1s;
    }
END
}

# Nothing listens at the port of the exporter that fails.
my $nowhere = free_port();

$nginx->write_config(
    exporter => 'endpoint file://' . $nginx->out_file . ";\n"
                . '        interval 100ms; metric_interval 1s;',
    http => <<"END");
    client_body_buffer_size 128k;
    openqoe_dimension cdn_provider allow;
    openqoe_dimension network_asn allow;
    openqoe_spool $dir/spool/s max_size=8m segment_size=1m;
    openqoe_exporter dead {
        endpoint http://127.0.0.1:$nowhere;
        interval 100ms;
    }
$otlp
END

$_->start for @servers;
like($servers[0]->version, qr/^[23]\./,
     "one server is Debian's Prometheus, a 2 or, after Debian 13, a 3");

SKIP: {
    skip "no Prometheus 3: $reason", 1 if !$program3;
    like($servers[1]->version, qr/^3\./, 'the others are a Prometheus 3');
}

note("$way{$_}: ", $_->version) for @servers;

my $audience = OpenQoE::Audience->new;
my $begin = time;

$nginx->start;
$audience->begin;
ok($audience->post($nginx), 'the events of the viewers are accepted');
is(http_post($nginx->port, '/v2/events',
             '{"events":[' . join(',', ('{}') x 40) . ']}')->{status}, 400,
   'invalid events are refused');

my $truth = $audience->truth;


# The time of the last scrape.

sub last_scrape ($server) {
    return $server->value('max(timestamp(openqoe_queue_capacity_bytes))');
}


# What is missing yet: views are over 30 s after the player was removed, and
# values wait until their zeroes were scraped.

sub complete ($server) {
    my %want = (openqoe_views_started_total => $truth->{plays},
                openqoe_views_total => $truth->{over},
                openqoe_rebuffer_ratio_count => scalar @{ $truth->{ratios} },
                openqoe_concurrent_views_current => $truth->{live});
    my @missing;

    for my $name (sort keys %want) {
        my $seen = $server->value("sum($name\{org_id=\"acme\"})") // 0;
        push @missing, "$name: $seen of $want{$name}" if $seen != $want{$name};
    }

    return @missing;
}


for my $server (@servers) {
    my @missing;
    ok(wait_until(sub {
        $audience->beat($nginx);
        return !(@missing = complete($server));
    }, 90 + $birth), "$way{$server}: every view is in the values")
        or diag("@missing");
}


# The same moment for all questions: some ms after a scrape, so that nothing is
# extrapolated, and a rounded step of a subquery does not come before it.
my %at = map { $_ => last_scrape($_) + 0.01 } @servers;


# An expression as Grafana sends it, for a choice of values.

sub filled ($server, $expr, %choice) {
    my $range = int(1000 * ($at{$server} - $begin)) . 'ms';
    my %value = (__range => $range, __rate_interval => $range, %choice);

    $expr =~ s/\$(\w+)/$value{$1} \/\/ '.*'/ge;
    return $expr;
}


# A recorded name is replaced by its expression, so that a window of hours need
# not be waited for; a sum of pieces of 5 minutes is that of a single piece,
# which ends at the moment of the question.

sub expanded ($server, $expr) {
    my $ms = sprintf '%.0f', 1000 * $at{$server} - 5;

    # A choice of organisations is that of views.
    $expr =~ s/\b((?:org|cdn|asn):\w+:\w+)(\{[^}]*\})
              /($1 and on (org_id) openqoe_views_started_total$2)/gx;
    $expr =~ s/\b((?:org|cdn|asn):\w+:\w+)\[(\w+)\]/$1\[$2:1s]/g;
    1 while $expr =~ s/\b((?:org|cdn|asn):\w+:\w+)/"("
                       . ($record{$1} \/\/ die "$1 is not recorded\n")
                       . ")"/ge;
    return $expr =~ s/:5m\]/:${ms}ms]/gr;
}


sub ask ($server, $expr) { $server->query($expr, $at{$server}) }


for my $server (@servers) {
    my $name = $way{$server};

    subtest "$name: every expression of the dashboards has data" => sub {
        for my $board (grep { $_ ne 'view' } sort keys %dashboard) {
            for my $panel (panels($dashboard{$board})) {
                for my $target (@{ $panel->{targets} }) {
                    my @got = eval {
                        ask($server, expanded($server, filled($server,
                            $target->{expr})));
                    };
                    ok(scalar(@got) && !grep({ $_->{value} =~ /nan|inf/i } @got),
                       "$board, $panel->{title}, $target->{refId}")
                        or diag($@ || filled($server, $target->{expr}),
                                map { " $_->{value}" } @got);
                }
            }

            for my $variable (@{ $dashboard{$board}{templating}{list} }) {
                next if $variable->{type} ne 'query';
                my ($what, $label) = $variable->{query}{query}
                    =~ /^label_values\((.*), (\w+)\)$/;
                my @values = grep { defined $_->{metric}{$label} }
                    ask($server, filled($server, "count by ($label) ($what)"));
                ok(scalar @values,
                   "$board, the variable $variable->{name} has values");
            }
        }
    };

    subtest "$name: every rule and alert is answered" => sub {
        my @groups = @{ $server->ask('rules')->{groups} };
        my @bad = grep { $_->{health} ne 'ok' } map { @{ $_->{rules} } } @groups;

        is(scalar(map { @{ $_->{rules} } } @groups), scalar @rules,
           'Prometheus has all rules');
        is_deeply([ map { "$_->{name}: " . ($_->{lastError} // $_->{health}) }
                    @bad ], [], 'Prometheus evaluates all of them');

        for my $query (map { slurp($_) =~ /^ *```promql\n(.*?)^ *```$/msg }
                       glob "$books/*.md") {
            my ($line) = $query =~ /(\S.*)/;
            ok(eval { ask($server, $query); 1 }, "a runbook asks $line")
                or diag($@);
        }

        for my $rule (grep { $_->{kind} eq 'record' } @rules) {
            my @got = eval { ask($server, expanded($server, $rule->{expr})) };
            ok(scalar @got, "$rule->{name} has data") or diag($@);
        }

        for my $rule (@alerts) {
            my $expr = expanded($server, $rule->{expr}) =~ s/ offset 10m//gr;
            ok(eval { ask($server, $expr); 1 }, "$rule->{name} is answered")
                or diag($@);

            # No event of this test is refused for want of room.
            my %seen;
            for my $series (grep { !$seen{$_}++ && !/reason="overload"/ }
                            $expr =~ /\b((?:openqoe|otel)_\w+(?:\{[^}]*\})?)/g) {
                ok(scalar(ask($server, $series)),
                   "$rule->{name}: there is $series");
            }
        }
    };
}


# --- the numbers -------------------------------------------------------------

# What histogram_quantile() makes of values, by its definition.

sub quantile ($q, $bounds, @values) {
    my ($low, $below) = (0, 0);

    for my $bound (@$bounds) {
        my $upto = grep { $_ <= $bound } @values;
        return $low + ($bound - $low) * ($q * @values - $below)
               / ($upto - $below) if $upto >= $q * @values;
        ($low, $below) = ($bound, $upto);
    }

    return $low;
}


sub mean (@values) { sum0(@values) / @values }
sub over ($bound, @values) { (grep { $_ > $bound } @values) / @values }

sub part ($n, $all, $of = '') {
    return ($truth->{"$n$of"} // 0) / $truth->{"$all$of"};
}


my $stats = decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
my $spool = $stats->{exporters}{dead}{spool};

# dashboard, title of the panel, what it should show, and for a table or lines
# the target and the labels; other choices than those of acme.
my @shown = (
    [ overview => 'Watching now', $truth->{live} ],
    [ overview => 'Plays', $truth->{plays} ],
    [ overview => 'Startup, median',
      quantile(0.5, \@STARTUP, @{ $truth->{startups} }) ],
    [ overview => 'Startup, p95',
      quantile(0.95, \@STARTUP, @{ $truth->{startups} }) ],
    [ overview => 'Startups over 4 s', over(4, @{ $truth->{startups} }) ],
    [ overview => 'Rebuffering', mean(@{ $truth->{ratios} }) ],
    [ overview => 'Failed starts', part('startup_failure', 'starts') ],
    [ overview => 'Left before start', part('exit_before_start', 'over') ],
    [ overview => 'Views that stall', over(0.01, @{ $truth->{ratios} }) ],
    [ overview => 'Failed later', part('playback_failure', 'over') ],
    [ overview => 'Watched to the end', part('completed', 'over') ],
    [ overview => 'Hours watched', $truth->{played} / 3600 ],
    [ overview => 'Stalls a play', part('stalls', 'plays') ],
    [ overview => 'Viewers today', $truth->{plays} + $truth->{startup_failure}
                                   + $truth->{exit_before_start} ],
    [ overview => 'By device', $truth->{'plays device tv'}, 'A',
      { device_category => 'tv' } ],
    [ overview => 'By country', part('exit_before_start', 'over', ' country FR'),
      'F', { network_country => 'FR' } ],
    [ overview => 'Errors', $truth->{errors} / 2, 'A',
      { error_family => 'network', error_code => '403' },
      { want => $truth->{startup_failure} + $truth->{playback_failure} } ],
    [ overview => 'Burn rate over an hour',
      part('startup_failure', 'starts') / 0.005, 'A', { org_id => 'acme' } ],
    [ overview => 'Burn rate over an hour',
      over(4, @{ $truth->{startups} }) / 0.05, 'B', { org_id => 'acme' } ],
    [ overview => 'Burn rate over an hour',
      over(0.01, @{ $truth->{ratios} }) / 0.03, 'C', { org_id => 'acme' } ],
    [ delivery => 'By CDN', $truth->{'plays cdn beta'}, 'A',
      { cdn_provider => 'beta' } ],
    [ delivery => 'By CDN', part('stalled', 'plays', ' cdn beta'), 'C',
      { cdn_provider => 'beta' } ],
    [ delivery => 'By CDN', part('playback_failure', 'over', ' cdn beta'), 'D',
      { cdn_provider => 'beta' } ],
    [ delivery => 'By network', part('stalled', 'plays', ' asn 3215'), 'C',
      { network_asn => '3215' } ],
    [ delivery => 'Times worse than the other CDNs',
      part('stalled', 'starts', ' cdn beta')
      / max(0.1, part('stalled', 'starts', ' cdn alpha')), 'A',
      { org_id => 'acme', cdn_provider => 'beta' } ],
    [ delivery => 'Times worse than the other networks',
      part('stalled', 'starts', ' asn 3215')
      / max(0.1, part('stalled', 'starts', ' asn 3320')), 'A',
      { org_id => 'acme', network_asn => '3215' } ],
    [ delivery => 'Mean bitrate', mean(@{ $truth->{bitrates} }) ],
    [ delivery => 'Time to the first byte', 40 ],
    [ delivery => 'Stall, median',
      quantile(0.5, \@REBUFFER, @{ $truth->{lengths} }) ],
    [ titles => 'Plays', $truth->{'plays title The Title 1'}, 'A', {},
      { video_title => 'The Title 1' } ],
    [ titles => 'Watched to the end',
      part('completed', 'over', ' title The Title 1'), 'A', {},
      { video_title => 'The Title 1' } ],
    [ titles => 'Titles', $truth->{'played title The Title 2'} / 3600, 'B',
      { video_title => 'The Title 2' } ],
    [ titles => 'Titles', part('stalls', 'plays', ' title The Title 2'), 'E',
      { video_title => 'The Title 2' } ],
    [ titles => 'Live streams', $truth->{live}, 'A', { stream_id => 'derby' } ],
    [ module => 'Edges', 1 ],
    [ module => 'Refused events', 40 ],
    [ module => 'Spool', $spool->{bytes} / $spool->{max_size} ],
);


sub panel_of ($board, $title) {
    my @found = grep { $_->{title} eq $title } panels($dashboard{$board});
    return $found[0] // die "$board has no \"$title\"\n";
}


sub shown ($server, $board, $title, $ref, $labels, $choice) {
    my ($target) = grep { $_->{refId} eq $ref }
                   @{ panel_of($board, $title)->{targets} };
    my $expr = expanded($server, filled($server, $target->{expr},
                                        org_id => 'acme', %$choice));
    my @got = grep { my $metric = $_->{metric};
                     !grep { ($metric->{$_} // '') ne $labels->{$_} }
                     keys %$labels } ask($server, $expr);
    return @got == 1 ? $got[0]{value} : 'of ' . @got . ' values';
}


for my $server (@servers) {
    my $name = $way{$server};

    subtest "$name: what the panels show is what happened" => sub {
        for my $row (@shown) {
            my ($board, $title, $want, $ref, $labels, $choice) = @$row;
            my %choice = %{ $choice // {} };
            $want = delete $choice{want} // $want;

            my $got = shown($server, $board, $title, $ref // 'A',
                            $labels // {}, \%choice);
            my $text = join ' ', map { "$_=$labels->{$_}" }
                                 sort keys %{ $labels // {} };
            ok($got !~ /[^-+.\de]/ && abs($got - $want) <= $TOLERANCE * $want,
               sprintf '%s, %s%s: %s, and it was %.5g', $board, $title,
               $text ? " ($text)" : '', $got, $want);
        }
    };
}


subtest 'the alerts of these viewers' => sub {
    for my $server (@servers) {
        my %firing;

        for my $rule (@alerts) {
            my @got = ask($server, expanded($server, $rule->{expr}));
            $firing{ $rule->{name} } += @got;
        }

        cmp_ok($firing{$_}, '>', 0, "$_: the condition is met")
            for qw(OpenqoeStartFailures OpenqoeSlowStartups OpenqoeRebuffering
                   OpenqoeCdnWorse OpenqoeAsnWorse OpenqoeExporterFailing);
        is($firing{$_}, 0, "$_: the condition is not met")
            for qw(OpenqoeViewsDrop OpenqoeEventsDropped OpenqoeEventsRefused
                   OpenqoeSeriesOverflow OpenqoeEdgeGone);
    }
};


ok($nginx->stop, 'nginx exits by itself');
ok($_->stop, 'Prometheus exits by itself') for @servers;

done_testing;
