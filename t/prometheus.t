#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# A real Prometheus scrapes /v2/stats: by OpenMetrics, for which it asks, by
# the older text when only that is offered, and by ?format=prometheus.  Its
# HTTP API has the values of the text, which are those that were sent. promtool
# complains only of names that dashboards expect.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Peers qw(program);
use OpenQoE::Prometheus qw(prometheus_text sample_differences);
use OpenQoE::Viewers;

need('Prometheus, Debian package prometheus' => program('prometheus'));

my $viewers = OpenQoE::Viewers->new(sessions => 20, span => 1500);
my $log = scratch_dir('scrapes') . '/scrapes';

# These metrics change by themselves between two scrapes.
my $MOVES = qr/^(?:worker_heap|worker_stack|openqoe_queue_|openqoe_spool_
               |openqoe_delivery_|otel_sdk_exporter_)/x;

# These series are in OpenMetrics alone.
my $CREATED = qr/^\w+_created(?:\{|\z)/;

# promtool's complaints about names that OpenTelemetry prescribes.
my %inherent = (
    (map { ($_ => 'use base unit "seconds" instead of "milliseconds"') }
     map { "openqoe_${_}_milliseconds" } qw(
         aggregate_startup_time buffer_length
         delivery_duration delivery_rtt delivery_ttfb delivery_upstream_time
         experience_buffer experience_deadline_margin
         experience_rebuffer_time experience_startup heart_beat_playing_time
         network_latency page_load_time pause_playing_time
         player_startup_time playing_time quality_change_latency
         rebuffer_duration seek_latency stall_position stay_duration
         video_startup_time)),
    (map { ($_ => 'use base unit "seconds" instead of "milliseconds"') }
     map { "openqoe_${_}_milliseconds_total" }
     qw(delivery_media_time experience_playing_time)),
    (map { ($_ => 'non-histogram and non-summary metrics should not have '
                  . '"_count" suffix') }
     qw(openqoe_rebuffer_count openqoe_series_count)),
    request_processing_time_nanoseconds =>
        'use base unit "seconds" instead of "nanoseconds"',
);

my $cache = scratch_dir('cache');
my $media = scratch_dir('media');

my $nginx = OpenQoE::Nginx->new(
    workers => 2, zone => 'qoe:16m', http => <<"END",
    openqoe_view_timeout 2s;
    log_format scrape '\$uri \$args|\$http_accept|\$sent_http_content_type|'
                      '\$status';
    proxy_cache_path $cache keys_zone=cache:1m;
END
    server => "access_log $log scrape;",
);
my $text = 'proxy_pass http://127.0.0.1:' . $nginx->port . '/v2/stats;'
           . ' access_log off;';
$nginx->write_config(
    exporter => 'endpoint file://' . $nginx->out_file
                . ";\n        interval 100ms;\n        metric_interval 1h;",
    location => "location = /v2/text { proxy_set_header Accept text/plain;"
                . " $text }" . <<"END");
        location /origin/ {
            alias $media/;
            if (\$uri ~ slow) { set \$limit_rate 10k; }
        }
        location /video/ {
            access_log off;
            openqoe_cmcd on;
            openqoe_cmcd_org acme;
            proxy_cache cache;
            proxy_cache_key \$uri;
            proxy_cache_valid 200 1m;
            proxy_pass http://127.0.0.1:@{[ $nginx->port ]}/origin/;
        }
END
$nginx->start;

# Requests for media, from which docs/cmcd.md makes its numbers: a viewer whose
# fourth segment comes late from the origin, a viewer who gets the same from the
# cache, and a viewer who sees an error and no video.

sub media ($file, $sid, $set) {
    my $cmcd = qq(cid="film",sid="$sid",sf=h,st=v,$set);
    $cmcd =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ge;
    return http_get($nginx->port, "/video/$file?CMCD=$cmcd")->{status};
}

write_file("$media/$_", 'x' x 30_000)
    for 'list.m3u8', map { ("seg-$_.ts", "slow-$_.ts") } 1 .. 8;

for my $sid (qw(late cached)) {
    is(media('list.m3u8', $sid, 'ot=m,su'), 200, "$sid: the playlist");

    for my $n (1 .. 8) {
        my $file = ($n == 4 ? 'slow' : 'seg') . "-$n.ts";
        my $buffer = $n < 3 ? 'bl=0,su' : $n == 4 ? 'bl=700,dl=700'
                   : $n == 5 ? 'bl=2000,dl=2000,bs' : 'bl=4000,dl=4000';
        select undef, undef, undef, 0.05;    # as a player fills its buffer
        is(media($file, $sid, "br=1000,tb=2000,d=2000,ot=v,$buffer"), 200,
           "$sid: segment $n");
    }
}

is(media('list.m3u8', 'failed', 'ot=m,su'), 200, 'failed: the playlist');
is(media('gone-1.ts', 'failed', 'br=1000,d=2000,ot=v,su'), 404,
   'failed: there is no segment');

$viewers->begin;
ok($viewers->post($nginx), 'the viewers\' events are accepted');

my $odd = event(event_type => 'error', org_id => "o\"\\\n{}",
                data => { error_code => "T\x{e9}\x{1f4fa}\\\"x\ny",
                          error_family => 'drm' });
is(http_post($nginx->port, '/v2/events', batch_json([ $odd ]))->{status},
   202, 'an event with odd texts is accepted');
is(http_post($nginx->port, '/v2/events', '{"events":[{}]}')->{status}, 400,
   'an invalid event is refused');


sub scrape ($accept = 'text/plain', $path = '/v2/stats') {
    my $answer = http_get($nginx->port, $path,
                          $accept ? (headers => { Accept => $accept }) : ());
    return $answer;
}


# Everything is applied when no event waits any more.

my $sent = $viewers->count + 1;
ok(wait_until(sub {
    my $samples = prometheus_text(scrape()->{body})->{samples};
    my $applied = 0;
    $applied += $samples->{$_} for grep { /^openqoe_events_total\{/ }
                                   keys %$samples;
    return $applied == $sent;
}, 10), 'all events are in the metrics');
ok(wait_until(sub {
    my $stats = decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
    return $stats->{views}{active} == 0;
}, 30), 'every view is over, so that nothing waits to be judged');


my %answer = (
    text => scrape(),
    format => scrape('', '/v2/stats?format=prometheus'),
    openmetrics => scrape('application/openmetrics-text;version=1.0.0'),
);
my %parsed = map { $_ => prometheus_text($answer{$_}{body}) } keys %answer;

subtest 'the texts are well-formed' => sub {
    for my $how (qw(text format)) {
        is($answer{$how}{headers}{'content-type'},
           'text/plain; version=0.0.4; charset=utf-8',
           "$how: the content type is that of text 0.0.4");
        ok(!$parsed{$how}{open_metrics},
           "$how: the text does not end with # EOF");
    }
    is($answer{openmetrics}{headers}{'content-type'},
       'application/openmetrics-text; version=1.0.0; charset=utf-8',
       'openmetrics: the content type is that of OpenMetrics');
    ok($parsed{openmetrics}{open_metrics},
       'openmetrics: the text ends with # EOF');
    is_deeply($parsed{$_}{problems}, [], "$_: the text is well-formed")
        for sort keys %parsed;

    my %family = %{ $parsed{text}{families} };
    is_deeply([ grep { !$family{$_}{help} || !$family{$_}{type}
                       || !$family{$_}{samples} } sort keys %family ], [],
              'each family has a HELP, a TYPE and samples');
};


# The samples without those that change by themselves.

sub still ($samples) {
    return { map { $_ => $samples->{$_} }
             grep { !/$MOVES/ && !/$CREATED/ } keys %$samples };
}


sub total ($samples, $name) {
    my $total = 0;
    $total += $samples->{$_} for grep { /^\Q$name\E\{/ } keys %$samples;
    return $total;
}


subtest 'the values that were sent are in the text' => sub {
    my $s = $parsed{text}{samples};
    my $types = $viewers->types;
    my %want = (
        openqoe_events_total => $sent,
        openqoe_events_received_total => $sent + 1,
        openqoe_events_accepted_total => $sent,
        openqoe_events_rejected_total => 1,
        openqoe_errors_total => $types->{error} + 1,
        openqoe_pause_events_total => $viewers->pauses,
        openqoe_seek_latency_milliseconds_count => $types->{seek},
    );

    is(total($s, $_), $want{$_}, $_) for sort keys %want;

    my ($key) = grep { /^openqoe_errors_total.*drm/ } keys %$s;
    my $labels = $parsed{text}{labels}{ $key // '' } // {};
    is($labels->{org_id}, 'o"\\?{}', 'a label with odd characters keeps them');
    is($labels->{error_code}, "T\xc3\xa9\xf0\x9f\x93\xba\\\"x?y",
       'a label keeps its UTF-8');

    cmp_ok(scalar keys %{ $parsed{text}{families} }, '>', 60,
           'the text has more than 60 families');
};


subtest 'all formats have the same content' => sub {
    my $text = still($parsed{text}{samples});

    for my $how (qw(format openmetrics)) {
        is_deeply([ sample_differences($text, still($parsed{$how}{samples}),
                                       'text', $how) ], [], $how);
    }

    my $open = $parsed{openmetrics}{samples};
    my @created = grep { /$CREATED/ } keys %$open;
    cmp_ok(scalar @created, '>', 100,
           'counters and histograms have their time of creation');
    is(scalar(grep { $open->{$_} > time + 1 } @created), 0,
       'no time of creation is in the future');
    is(scalar(grep { /$CREATED/ } keys %{ $parsed{text}{samples} }), 0,
       'the older text has no times of creation');
};


my $prometheus = OpenQoE::Prometheus->new(jobs => {
    openmetrics => { port => $nginx->port, path => '/v2/stats' },
    text => { port => $nginx->port, path => '/v2/text' },
    format => { port => $nginx->port, path => '/v2/stats',
                params => 'format: [prometheus]' },
})->start;

for my $job (qw(openmetrics text format)) {
    subtest "Prometheus, $job" => sub {
        my $target = $prometheus->wait_scrape($job);
        ok($target, 'Prometheus scrapes the target') or return;
        is($target->{health}, 'up', 'Prometheus finds the target up');
        is($target->{lastError}, '', 'Prometheus reports no error');

        my $got = still($prometheus->samples($job));
        my $want = still(prometheus_text(scrape()->{body})->{samples});
        cmp_ok(scalar keys %$got, '>', 1000,
               'Prometheus has more than 1000 samples');
        is_deeply([ sample_differences($got, $want, 'Prometheus',
                                       'the text') ], [],
                  'Prometheus has the samples of the text');

        my $metadata = $prometheus->metadata($job);
        my $families = $parsed{$job eq 'openmetrics' ? $job : 'text'}
                       {families};
        is_deeply({ map { $_ => [ @{ $metadata->{$_} }{qw(type help)} ] }
                    grep { $families->{$_} } keys %$metadata },
                  { map { $_ => [ @{ $families->{$_} }{qw(type help)} ] }
                    keys %$families },
                  'Prometheus knows type and help of each metric');
    };
}

# What t/readme.t knows by their names alone: every query of the documents is
# answered, and but for alerts there is something to see.

subtest 'the queries of the documents' => sub {
    my @queries = map { split /\n\n/ }
                  map { slurp($_) =~ /^```promql\n(.*?)^```$/msg }
                  "$FindBin::Bin/../README.md",
                  glob "$FindBin::Bin/../docs/*.md";

    cmp_ok(scalar @queries, '>', 10, 'the documents have queries');

    for my $query (@queries) {
        my ($line) = $query =~ /(\S.*)/;
        my $alert = $query =~ / [<>] /;

        # an error of Prometheus ends the wait, and is no answer
        ok((wait_until(sub {
            my @results = eval { $prometheus->query($query) };
            return $@ ? -1 : ($alert || @results) ? 1 : 0;
        }, 20) // 0) == 1, ($alert ? 'an alert is answered: ' : 'there is a value: ')
                     . $line) or diag($@);
    }
};

# docs/grafana.md has a table of what the reference project publishes.

subtest 'published dashboards, rules and alerts' => sub {
    my ($table) = slurp("$FindBin::Bin/../docs/grafana.md")
                  =~ /^\| published \|.*\n((?:\|.*\n)+)/m;
    my %seen;

    for my $row (split /\n/, $table // '') {
        my (undef, $what, $asked, $here) = split /\s*\|\s*/, $row;
        next if $here !~ /^(?:alive|all only)/;

        for my $metric ($asked =~ /`((?:openqoe|request|worker)_\w+
                                    (?:\{[^}]*\})?)`/gx) {
            next if $seen{$metric}++;
            my ($name, $labels) = $metric =~ /^(\w+)(?:\{(.*)\})?$/;
            my $query = "$name\{" . join(',', map { "$_!=\"\"" }
                                     split /,/, $labels // '') . '}';
            ok(scalar($prometheus->query("count(last_over_time($query" . '[10m]))')),
               "$what: there is $metric");
        }
    }

    cmp_ok(scalar keys %seen, '>', 40, 'the table names metrics');
};

ok($prometheus->stop, 'Prometheus exits by itself');

subtest 'what Prometheus asked for and got' => sub {
    my (@open, @format);

    for my $line (slurp($log) =~ /^(.*openmetrics-text.*)\n/mg) {
        my ($uri, $accept, $type, $status) = split /\|/, $line;
        next if $accept !~ m{text/plain};        # that was us
        push @{ $uri =~ /format=/ ? \@format : \@open }, "$type $status";
    }

    cmp_ok(scalar @open, '>', 1, 'Prometheus asked for OpenMetrics');
    is(scalar(grep { !/^application\/openmetrics-text.* 200$/ } @open), 0,
       'Prometheus got OpenMetrics');
    cmp_ok(scalar @format, '>', 1, 'Prometheus asked for format=prometheus');
    is(scalar(grep { !/^text\/plain.* 200$/ } @format), 0,
       'Prometheus got the older text');
};

subtest 'promtool check metrics' => sub {
    my $promtool = program('promtool');
    plan(skip_all => 'needs promtool') if !$promtool;

    my $file = scratch_dir('promtool') . '/metrics';
    write_file($file, $answer{text}{body});
    my ($rc, $out, $err) = run_cmd({ stdin => $file }, $promtool, 'check',
                                   'metrics');
    my @lines = map { "$_\n" } grep { /\S/ } split /\n/, $err;
    my %said;

    for my $line (@lines) {
        my ($name, $text) = $line =~ /^(\w+) (.*)$/;
        push @{ $said{ $name // $line } }, $text // '';
    }

    is($out, '', 'promtool prints nothing on stdout');
    unlike($err, qr/error while linting/, 'promtool can parse the text');
    is_deeply({ map { $_ => join ' ', @{ $said{$_} } } keys %said },
              \%inherent,
              'promtool complains only of names that OpenTelemetry prescribes')
        or diag($err);
};

ok($nginx->stop, 'nginx leaves by itself');
$nginx->no_errors;

done_testing;
