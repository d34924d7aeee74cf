#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# A series that begins comes with 0 first, to scrapers and in exports, and then
# with everything that it has counted: increase() and rate() of Prometheus
# ignore a series' first value.

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


# A viewer who plays for 20 s, has an error, and stays to the end.

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


my @counters = qw(openqoe_events_total openqoe_views_started_total
                  openqoe_errors_total openqoe_bitrate_bits_per_second_count
                  openqoe_ingest_events_total openqoe_events_accepted_total
                  openqoe_playing_time_seconds);

subtest 'scrapes, over reloads and killed workers' => sub {
    my $began = time;
    my $nginx = OpenQoE::Nginx->new(workers => 2,
                                    http => 'openqoe_series_birth 10m;')
                ->start;

    is(post($nginx, map { viewer($_) } qw(a b c)), 202,
       'the events of three viewers are accepted');
    ok(wait_until(sub { $nginx->stats->{views}{ended} == 3 }, 20),
       'the JSON of the stats has the three views at once');

    # The values that a view adds at its end appear a moment after it.
    my $text;
    ok(wait_until(sub {
        $text = scrape($nginx);
        return 3 == grep { defined total($text, 'openqoe_views_total',
                                         "org_id=\"$_\"") } qw(a b c);
    }, 20), 'the series of three viewers are in a scrape');

    my @names = grep { defined total($text, $_) } @counters;
    cmp_ok(scalar @names, '>=', 5,
           'at least five metrics of the three viewers are in the scrape');
    is(total($text, $_), 0, "$_ begins with 0") for @names;
    is_deeply($text->{problems}, [], 'the text is well-formed');

    my $open = scrape($nginx, $OPEN);
    is(total($open, $_), 0, "OpenMetrics: $_ begins with 0, too") for @names;
    is_deeply($open->{problems}, [], 'OpenMetrics is well-formed');

    my $created = sub {
        my $samples = scrape($nginx, $OPEN)->{samples};
        return { map { $_ => $samples->{$_} }
                 grep { /^openqoe_events_created\{/ } keys %$samples };
    };
    my $at = $created->();
    cmp_ok(scalar keys %$at, '>=', 3, 'each counter has its time of creation');
    is(scalar(grep { $_ < $began - 1 || $_ > time + 1 } values %$at), 0,
       'these times are the present');

    ok($nginx->kill_worker, 'a worker is killed') for 1 .. 2;
    ok($nginx->reload, 'nginx reloads');
    ok(wait_until(sub { (total(scrape($nginx), 'openqoe_events_total')
                         // -1) == 0 }, 20),
       'counters that wait stay at 0 over a kill and a reload');
    is_deeply($created->(), $at,
              'times of creation stay the same over a kill and a reload');

    $nginx->write_config(http => 'openqoe_series_birth off;');
    ok($nginx->reload, 'nginx reloads with births off');

    my $want = 12;
    ok(wait_until(sub { total(scrape($nginx), 'openqoe_events_total')
                        == $want }, 20), 'no value that waited is lost');
    $text = scrape($nginx);
    is(total($text, 'openqoe_errors_total'), 3, 'the errors are counted');
    is(total($text, 'openqoe_playing_time_seconds'), 60,
       'the seconds of playing are counted');

    is(post($nginx, viewer('d')), 202,
       'the events of another viewer are accepted');
    ok(wait_until(sub { (total(scrape($nginx), 'openqoe_events_total',
                               'org_id="d"') // 0) == 4 }, 20),
       'with births off the first value of a series is shown at once');

    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors(allow => qr/exited on signal 9/);
};


# The first and the last point of every series in a file of exports.

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

    # An eighth of the interval is more than a minute, but a new helper looks
    # at once.
    is(post($nginx, viewer('a')), 202, 'the events of a viewer are accepted');
    ok(wait_until(sub { $nginx->stats->{views}{ended} == 1 }, 20),
       'the view has ended');
    ok($nginx->reload, 'nginx reloads');

    ok(wait_until(sub { $seen->read->series('openqoe.views_started_total') },
                  30), 'series that began are exported at once');
    is_deeply(first_points($seen), [], 'each series is exported with 0 first');
    is(scalar $seen->series('openqoe.heart_beat_rate_bps'), 0,
       'gauges are not exported before their interval');

    ok($nginx->stop, 'nginx exits in order');
    $seen->read;
    is($seen->value('openqoe.events_total'), 4,
       'the last export has the values that waited');
    is($seen->value('openqoe.playing_time_seconds'), 20,
       'the last export has all values that waited');
    is_deeply($seen->problems, [], 'no point contradicts another');
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
    is(post($nginx, viewer('a')), 202, 'the events of a viewer are accepted');

    ok(wait_until(sub { $seen->read->series('openqoe.views_started_total') },
                  30), 'the zeros of the series are exported');

    # The regular export comes while the series are young, or long after.
    $nginx->write_config(exporter => "endpoint file://$file; interval 50ms;"
                                     . ' metric_interval 2s;');
    ok($nginx->reload, 'nginx reloads with shorter intervals');
    is(post($nginx, viewer('b')), 202,
       'the events of a second viewer are accepted');

    ok($seen->wait_value(8, 'openqoe.events_total', -timeout => 60),
       'the values follow the zeros');
    ok($seen->wait_value(40, 'openqoe.playing_time_seconds', -timeout => 60),
       'all values follow the zeros');
    is_deeply(first_points($seen), [],
              'every series of the export was seen with 0 first');
    is_deeply($seen->problems, [], 'no point contradicts another');

    my ($series) = $seen->series('openqoe.views_started_total');
    cmp_ok($series->{start}, '<=', $series->{time},
           'no point is before its start');

    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
};


# The Collector keeps the last values: a scrape at the interval finds the zero,
# and a later one the value.

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

    is(post($nginx, viewer('a')), 202, 'the events of a viewer are accepted');

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

    cmp_ok(scalar keys %first, '>=', 6,
           'the Collector has at least six series');
    is_deeply([ grep { $first{$_} != 0 } sort keys %first ], [],
              'each series came with 0 first');

    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
    ok($collector->stop, 'the Collector leaves');
};


done_testing();
