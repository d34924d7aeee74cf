#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# A series that begins is seen with 0 first, by scrapers and in exports, and
# then with all that it has counted: increase() and rate() of Prometheus take
# the first value for granted.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Metrics;
use OpenQoE::Peers qw(collector_if_any);
use OpenQoE::Prometheus qw(prometheus_text);

my $OPEN = 'application/openmetrics-text; version=1.0.0';


sub post ($nginx, @events) {
    return http_post($nginx->port, '/v2/events', batch_json(\@events))
           ->{status};
}


# A viewer who plays for 20 s, has an error, and is there to the end.

sub viewer ($org) {
    my %same = (org_id => $org, session_id => uuid(), view_id => uuid());
    my $ms = int(time * 1000) - 30_000;

    return map {
        my ($at, $type, %data) = @$_;
        event(%same, event_type => $type, event_time => $ms + $at,
              viewer_time => $ms + $at, playback_time => $at, data => \%data);
    } [ 0, 'playing', playing_time => 0 ],
      [ 10_000, 'heartbeat', playing_time => 10_000, bitrate => 3_000_000 ],
      [ 15_000, 'error', error_family => 'media', error_code => 'E1',
        error_message => 'bufferAppendError' ],
      [ 20_000, 'ended', playing_time => 20_000 ];
}


sub scrape ($nginx, $accept = 'text/plain') {
    my $answer = http_get($nginx->port, '/v2/stats',
                          headers => { Accept => $accept });
    return prometheus_text($answer->{body});
}


sub total ($parsed, $name, $labels = '') {
    my $total;

    for my $key (grep { /^\Q$name\E\{/ && /$labels/ }
                 keys %{ $parsed->{samples} }) {
        $total += $parsed->{samples}{$key};
    }

    return $total;
}


sub stats ($nginx) {
    return decode_json_text(http_get($nginx->port, '/v2/stats?format=json')
                            ->{body});
}


my @counters = qw(openqoe_events_total openqoe_views_started_total
                  openqoe_errors_total openqoe_bitrate_bits_per_second_count
                  openqoe_ingest_events_total openqoe_events_accepted_total
                  openqoe_playing_time_seconds);

subtest 'scrapes, over reloads and killed workers' => sub {
    my $began = time;
    my $nginx = OpenQoE::Nginx->new(workers => 2,
                                    http => 'openqoe_series_birth 10m;')
                ->start;

    is(post($nginx, map { viewer($_) } qw(a b c)), 202, 'three viewers');
    ok(wait_until(sub { stats($nginx)->{views}{ended} == 3 }, 20),
       'the JSON of the stats does not wait: three views have ended');

    # what a view brings at its end is seen a moment after that
    my $text;
    ok(wait_until(sub {
        $text = scrape($nginx);
        return 3 == grep { defined total($text, 'openqoe_views_total',
                                         "org_id=\"$_\"") } qw(a b c);
    }, 20), 'the series of three viewers are in a scrape');

    my @names = grep { defined total($text, $_) } @counters;
    cmp_ok(scalar @names, '>=', 5, "@names are there");
    is(total($text, $_), 0, "$_ is born with 0") for @names;
    is_deeply($text->{problems}, [], 'the text is well-formed');

    my $open = scrape($nginx, $OPEN);
    is(total($open, $_), 0, "OpenMetrics: $_ too") for @names;
    is_deeply($open->{problems}, [], 'OpenMetrics is well-formed');

    my $created = sub {
        my $samples = scrape($nginx, $OPEN)->{samples};
        return { map { $_ => $samples->{$_} }
                 grep { /^openqoe_events_created\{/ } keys %$samples };
    };
    my $at = $created->();
    cmp_ok(scalar keys %$at, '>=', 3, 'each counter has the time of its birth');
    is(scalar(grep { $_ < $began - 1 || $_ > time + 1 } values %$at), 0,
       'which is now');

    ok($nginx->kill_worker, 'a worker is killed') for 1 .. 2;
    ok($nginx->reload, 'a reload');
    ok(wait_until(sub { (total(scrape($nginx), 'openqoe_events_total')
                         // -1) == 0 }, 20), 'the zeros are zeros still');
    is_deeply($created->(), $at, 'born when they were born');

    $nginx->write_config(http => 'openqoe_series_birth off;');
    ok($nginx->reload, 'off');

    my $want = 12;
    ok(wait_until(sub { total(scrape($nginx), 'openqoe_events_total')
                        == $want }, 20), 'nothing of what waited is lost');
    $text = scrape($nginx);
    is(total($text, 'openqoe_errors_total'), 3, 'the errors are there');
    is(total($text, 'openqoe_playing_time_seconds'), 60,
       'the seconds of playing are there');

    is(post($nginx, viewer('d')), 202, 'another viewer');
    ok(wait_until(sub { (total(scrape($nginx), 'openqoe_events_total',
                               'org_id="d"') // 0) == 4 }, 20),
       'off: the first value of a series is shown');

    ok($nginx->stop, 'leaves');
    $nginx->no_errors(allow => qr/exited on signal 9/);
};


# Every series of a file of exports, by its first point and by its last one.

sub first_points ($seen) {
    my @wrong;

    for my $name ($seen->names) {
        push @wrong, map { "$name$_->{key} began with $_->{first}" }
                     grep { $_->{kind} ne 'gauge' && $_->{first} != 0 }
                     $seen->series($name);
    }

    return \@wrong;
}


subtest 'exports, between long intervals and at the end' => sub {
    my $nginx = OpenQoE::Nginx->new(workers => 2,
                                    http => 'openqoe_series_birth 10m;');
    my $file = $nginx->out_file;
    my $seen = OpenQoE::Metrics->new($file);

    $nginx->write_config(exporter => "endpoint file://$file; interval 50ms;"
                                     . ' metric_interval 1h;');
    $nginx->start;

    # an eighth of the time is more than a minute: a new helper looks at once
    is(post($nginx, viewer('a')), 202, 'a viewer');
    ok(wait_until(sub { stats($nginx)->{views}{ended} == 1 }, 20), 'is over');
    ok($nginx->reload, 'a reload');

    ok(wait_until(sub { $seen->read->series('openqoe.views_started_total') },
                  30), 'the series that began are exported at once');
    is_deeply(first_points($seen), [], 'each with 0');
    is(scalar $seen->series('openqoe.heart_beat_rate_bps'), 0,
       'gauges have no birth');

    ok($nginx->stop, 'leaves');
    $seen->read;
    is($seen->value('openqoe.events_total'), 4,
       'the last export has the values that waited');
    is($seen->value('openqoe.playing_time_seconds'), 20, 'all of them');
    is_deeply($seen->problems, [], 'each point is as it should be');
    $nginx->no_errors;
};


subtest 'exports, values after their zeros' => sub {
    my $nginx = OpenQoE::Nginx->new(workers => 2,
                                    http => 'openqoe_series_birth 5s;');
    my $file = $nginx->out_file;
    my $seen = OpenQoE::Metrics->new($file);

    $nginx->write_config(exporter => "endpoint file://$file; interval 50ms;"
                                     . ' metric_interval 1h;');
    $nginx->start;
    is(post($nginx, viewer('a')), 202, 'a viewer');

    ok(wait_until(sub { $seen->read->series('openqoe.views_started_total') },
                  30), 'the zeros come');

    # the regular export comes while they are young, or long after
    $nginx->write_config(exporter => "endpoint file://$file; interval 50ms;"
                                     . ' metric_interval 2s;');
    ok($nginx->reload, 'shorter intervals');
    is(post($nginx, viewer('b')), 202, 'a second viewer');

    ok($seen->wait_value(8, 'openqoe.events_total', -timeout => 60),
       'the values follow');
    ok($seen->wait_value(40, 'openqoe.playing_time_seconds', -timeout => 60),
       'all of them');
    is_deeply(first_points($seen), [],
              'every series of the export was seen with 0 first');
    is_deeply($seen->problems, [], 'each point is as it should be');

    my ($series) = $seen->series('openqoe.views_started_total');
    cmp_ok($series->{start}, '<=', $series->{time},
           'no point is before its start');

    ok($nginx->stop, 'leaves');
    $nginx->no_errors;
};


# The Collector keeps what came last: who scrapes it at the interval finds the
# zero, and later the value.

subtest 'the Prometheus exporter of the Collector' => sub {
    my $program = collector_if_any();
    plan(skip_all => 'needs the Collector') if !$program;

    my $collector = OpenQoE::Peers->new(program => $program,
                                        prometheus => 1)->start;
    my $nginx = OpenQoE::Nginx->new(workers => 2,
                                    http => 'openqoe_series_birth 8s;',
        exporter => 'endpoint http://127.0.0.1:' . $collector->port('grpc')
                    . "; interval 50ms;\n metric_interval 3s;")->start;
    my $text = sub {
        my $answer = http_get($collector->port('prometheus'), '/metrics');
        return prometheus_text($answer ? $answer->{body} : '');
    };

    is(post($nginx, viewer('a')), 202, 'a viewer');

    my (%first, %last);
    ok(wait_until(sub {
        my $p = $text->();

        for my $key (grep { /^openqoe_(?:events|views_started|errors)_total\{
                              |^openqoe_playing_time_seconds\{
                              |^openqoe_video_startup_seconds_count\{/x }
                     keys %{ $p->{samples} }) {
            $last{$key} = $p->{samples}{$key};
            $first{$key} //= $last{$key};
        }

        return (total($p, 'openqoe_events_total') // 0) == 4
               && (total($p, 'openqoe_playing_time_seconds') // 0) == 20;
    }, 60), 'the values come');

    cmp_ok(scalar keys %first, '>=', 6, 'there are series');
    is_deeply([ grep { $first{$_} != 0 } sort keys %first ], [],
              'each was seen with 0 before');

    ok($nginx->stop, 'nginx leaves');
    $nginx->no_errors;
    ok($collector->stop, 'the Collector leaves');
};


done_testing();
