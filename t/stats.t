#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# /v2/stats as JSON: its numbers of dimensions, views, series and exports, and
# the values of a dimension.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:64m',
    http => <<'END',
    openqoe_dimension app_name allow max=3;
    openqoe_dimension os_family allow max=1 overflow=hash;
    openqoe_dimension network_asn bucket size=100;
    openqoe_dimension marker allow;
    openqoe_dimension plan allow max=200 source=data.plan;
    openqoe_dimension gone drop source=data.gone;
    openqoe_view_timeout 1s hidden=1s;
    openqoe_series_max 5000;
END
    events => 'openqoe_marker on;');
$nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                                 . '; interval 30ms; metric_interval 200ms;');
$nginx->start;


sub get ($args = '', %opt) {
    my $r = http_get($nginx->port, "/v2/stats$args", %opt);
    is($r->{status}, 200, "/v2/stats$args is answered");
    is($r->{headers}{'content-type'}, 'application/json', 'the stats are JSON');
    return decode_json_text($r->{body}) // {};
}


sub post (@events) {
    my $r = http_post($nginx->port, '/v2/events', batch_json(\@events));
    is($r->{status}, 202, 'events are accepted') or diag($r->{body});
}


# Waits until the helpers are done with the events.

sub wait_stats ($what, $test) {
    my $stats;
    my $ok = wait_until(sub {
        my $r = http_get($nginx->port, '/v2/stats');
        $stats = decode_json_text($r->{body}) // {};
        return $test->($stats);
    }, 10);
    ok($ok, $what) or diag(encode_json_text($stats));
    return $stats;
}

subtest 'the limits of dimensions' => sub {
    my $limits = get()->{cardinality_limits};
    my %want = (
        org_id => [ 1000, 'allow', 'other' ],
        app_name => [ 3, 'allow', 'other' ],
        os_family => [ 1, 'allow', 'hash' ],
        video_title => [ 100, 'topk', 'other' ],
        viewer_id => [ 0, 'drop', undef ],
        plan => [ 200, 'allow', 'other' ],
    );

    for my $name (sort keys %want) {
        is_deeply($limits->{$name}, {
            max_cardinality => $want{$name}[0], action => $want{$name}[1],
            overflow => $want{$name}[2],
        }, $name);
    }

    is($limits->{network_asn}{bucket_size}, 100,
       'the limit of a bucket dimension has its size');
    is(scalar keys %$limits, 44 + 2,
       'the stats have the limits of all dimensions');
};

subtest 'the values of dimensions are counted' => sub {
    my @apps = ('b', 'a', 'd', 'c', 'e');
    # Events of one session are in one lane, and so are applied in this order.
    post(event(session_id => 's', app_name => $_, os => { family => "os-$_" },
               data => { plan => "plan $_", gone => $_ })) for @apps;

    my $stats = wait_stats('all events are in the metrics', sub ($s) {
        $s->{dimensions}{plan}{count} == 5
    });
    my $dims = $stats->{dimensions};

    is($dims->{app_name}{count}, 3, 'as many values count as were admitted');
    is($dims->{app_name}{overflow}, 2,
       'values that were not admitted are counted');
    is($dims->{os_family}{count}, 1,
       'values of a dimension with overflow=hash are counted');
    is($dims->{plan}{overflow}, 0,
       'a dimension whose values are all admitted has no overflow');
    is($dims->{gone}{count}, 5, 'values of a dropped dimension are estimated');
    is($dims->{view_id}{count}, 5, 'distinct ids are estimated');
    is_deeply([sort keys %$dims], [sort keys %{ $stats->{cardinality_limits} }],
              'dimensions have the same names as the limits');

    is_deeply(get('?dimension=app_name'), {
        dimension => 'app_name', count => 3, values => [ 'a', 'b', 'd' ],
    }, 'the values of a dimension are sorted');
    is_deeply(get('?x=1&dimension=no%20such%22one'), {
        dimension => 'no such"one', count => 0, values => [],
    }, 'an unknown dimension has no values');
    is_deeply(get('?dimension='), { dimension => '', count => 0, values => [] },
              'an empty name has no values');
    is_deeply(get('?dimension=plan', headers => { Accept => 'text/plain' })
              ->{values}, [ map { "plan $_" } sort @apps ],
              'the values of a dimension are JSON whatever Accept says');

    for my $name (qw(session_id view_id viewer_id marker)) {
        my $one = get("?dimension=$name");
        cmp_ok($one->{count}, '>', 0, "$name: distinct values are counted");
        is_deeply($one->{values}, [], "$name: the values are never shown");
    }
};

subtest 'the first 100 values' => sub {
    # A request gets only a few new values admitted.
    for my $i (0 .. 29) {
        post(map { event(data => { plan => sprintf 'p%03d', $_ }) }
             $i * 5 + 1 .. $i * 5 + 5);
    }
    wait_stats('all values are in the metrics',
               sub ($s) { $s->{dimensions}{plan}{count} == 155 });

    my $one = get('?dimension=plan');
    is($one->{count}, 155, 'all values are counted');
    is(scalar @{ $one->{values} }, 100, 'a hundred values are shown');
    is_deeply($one->{values}, [sort @{ $one->{values} }],
              'the values are sorted');
    is($one->{values}[0], 'p001',
       'the list begins with the first value of all');
    is($one->{values}[99], 'p100', 'the list has no gap');
};

subtest 'views are counted' => sub {
    wait_stats('all views have ended by silence', sub ($s) {
        $s->{views}{active} == 0
    });
    my $before = get()->{views};
    is($before->{started}, $before->{ended}, 'as many views ended as began');
    is($before->{ended}, $before->{ended_silent},
       'each view ended by its own silence');

    my $now = int(time * 1000);
    my ($first, $next) = @{ batch(2, event_time => $now) };
    post({ %$first, event_type => 'playing' },
         { %$first, event_type => 'playing' },
         { %$next, event_type => 'ended', event_time => $now + 10 },
         { %$next, event_type => 'heartbeat', event_time => $now + 20 });

    # The late event is the last that is applied.
    my $after = wait_stats('another view has ended', sub ($s) {
        $s->{views}{ended} == $before->{ended} + 1
        && $s->{views}{late} == $before->{late} + 1
    })->{views};
    is($after->{started}, $before->{started} + 1, 'one view began');
    is($after->{duplicates}, $before->{duplicates} + 1,
       'one duplicate is counted');
    is($after->{late}, $before->{late} + 1,
       "one event after its view's end is counted");
    is($after->{ended_silent}, $before->{ended_silent},
       'that view did not end by silence');
    cmp_ok($after->{capacity}, '>', 1000, 'the table of views has room');
};

subtest 'series and exports are counted' => sub {
    my $stats = wait_stats('metrics are exported', sub ($s) {
        $s->{metrics}{points}{sent} > 0
    });
    my ($series, $metrics) = @$stats{qw(series metrics)};

    is($series->{max}, 5000, 'the limit of series is openqoe_series_max');
    cmp_ok($series->{count}, '>', 0, 'there are series');
    cmp_ok($series->{capacity}, '>=', $series->{count},
           'there is room for the series');
    is($series->{overflow}, 0, 'no series was refused');
    cmp_ok($metrics->{collections}, '>', 0, 'collections are counted');
    like($metrics->{last_collection}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
         'the time of the last collection is shown');
    cmp_ok($metrics->{batches}{sent}, '>', 0,
           'sent batches of metrics are counted');
    is($metrics->{batches}{failed}, 0, 'no batch of metrics failed');
};

# Counters survive a reload, and so do the values of dimensions.

subtest 'values of dimensions survive a reload' => sub {
    my $before = get();
    my $values = get('?dimension=app_name')->{values};
    ok($nginx->reload(old => 1), 'nginx reloads');
    my $after = get();
    is($after->{dimensions}{$_}{count}, $before->{dimensions}{$_}{count}, $_)
        for qw(app_name plan gone session_id);
    is_deeply(get('?dimension=app_name')->{values}, $values,
              'the values of dimensions survive a reload');
};

ok($nginx->stop, 'nginx exits in order');
$nginx->no_errors;

# The directives that decide which metrics there are.

sub started (%opt) {
    $nginx = OpenQoE::Nginx->new(%opt);
    $nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                         . '; interval 30ms; metric_interval 200ms;');
    $nginx->start;
    return $nginx;
}


sub stopped () {
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

subtest 'openqoe_metrics' => sub {
    started(http => 'openqoe_metrics rules view;');

    # canplay and playing at one moment are a wish and its first frame.
    my @view = (event_time => int(time * 1000) - 5000, view_id => 'v-metrics',
                session_id => 's-metrics');
    post(event(@view, event_type => 'canplay',
               data => { video_startup_time => 300 }),
         event(@view, event_type => 'playing'),
         event(@view, event_type => 'ended', event_time => int(time * 1000)));

    my $text = '';
    ok(wait_until(sub {
        $text = http_get($nginx->port, '/v2/stats?format=prometheus')->{body};
        return $text =~ /^openqoe_view_started_total\{.* 1$/m;
    }, 10), 'rules is there');
    like($text, qr/^# TYPE openqoe_aggregate_startup_time_milliseconds /m,
         'a metric of the group view is exported');
    unlike($text, qr/^# TYPE openqoe_(?:events_total|views_started_total)/m,
           'a metric of the group core is not exported');
    unlike($text, qr/^# TYPE openqoe_queue_/m,
           'a metric of the group self is not exported');
    like($text, qr/^openqoe_events_received_total\{/m,
         "the location's own are always");
    stopped();
};

subtest 'openqoe_series_max' => sub {
    started(http => 'openqoe_series_max 100;'
                    . ' openqoe_dimension app_name allow max=1000;');
    for my $i (0 .. 99) {
        post(map { event(app_name => "app $_") } $i * 5 + 1 .. $i * 5 + 5);
    }

    my $stats = wait_stats('more series than allowed are asked for', sub ($s) {
        $s->{series}{overflow} > 0 && $s->{dimensions}{app_name}{count} == 500
    });
    cmp_ok($stats->{series}{count}, '<=', 100,
           'there are no more series than openqoe_series_max');

    # Nothing is lost: the other values are in the overflow series.
    my $sum;
    ok(wait_until(sub {
        my $text = http_get($nginx->port,
                            '/v2/stats?format=prometheus')->{body};
        $sum = 0;
        $sum += $_ for $text =~ /^openqoe_events_total\{.*\} (\d+)$/mg;
        return $sum == 500;
    }, 10), 'every event is counted in some series') or diag($sum);
    stopped();
};

subtest 'openqoe_series_ttl' => sub {
    started(http => 'openqoe_series_ttl 1s; openqoe_view_timeout 1s;');
    post(event(org_id => 'gone'));
    my $there = sub () {
        http_get($nginx->port, '/v2/stats?format=prometheus')->{body}
            =~ /^openqoe_events_total\{[^}]*org_id="gone"/m
    };
    ok(wait_until($there, 5), 'a series is exported at first');
    ok(wait_until(sub { !$there->() }, 15),
       'a series without new values leaves after its ttl');
    wait_stats('all series have left', sub ($s) { $s->{series}{count} == 0 });

    post(event(org_id => 'gone'));
    ok(wait_until($there, 5), 'a series that left begins anew');
    stopped();
};

# A number that there is no room to count is null, not 0.

subtest 'a small zone' => sub {
    started(zone => 'qoe:2m');
    post(event(session_id => "s$_")) for 1 .. 3;
    my $s = wait_stats('the events are applied',
                       sub ($s) { $s->{views}{started} == 3 });
    my %count = map { $_ => $s->{dimensions}{$_}{count} }
                keys %{ $s->{dimensions} };
    ok((grep { !defined } values %count),
       'in a small zone some dimensions have no estimate');
    is($count{player_id}, 1, 'values of dimensions that are kept are counted');
    my ($none) = sort grep { !defined $count{$_} } keys %count;
    is(get("?dimension=$none")->{count}, undef,
       "without an estimate the count is null: $none");
    stopped();
};

# The tables of counters (src/shm/qoe_counters.h) and what is written of them.

subtest 'every counter is shown' => sub {
    my $tool = tool('catalogue_cli')
        or plan skip_all => 't/tools/catalogue_cli is not built';
    my ($rc, $out) = run_cmd($tool, 'counters');
    my @paths = $out =~ /^([^\t]+)\t/mg;
    is($rc, 0, 'the tool prints the counters');
    cmp_ok(scalar @paths, '>', 80, 'the counters of the zone and of exporters');

    started(http => "openqoe_spool spool-$$;");
    my $stats = get();

    for my $path (@paths) {
        my $value = $stats;
        $value = ref $value eq 'HASH' ? $value->{$_} : undef
            for split /\./, $path;
        like($value // 'absent', qr/^\d+$/, "the stats have $path");
    }

    stopped();
};

# Metrics are off: nothing is made, but the limits are known all the same.

{
    $nginx = OpenQoE::Nginx->new(http => 'openqoe_metrics off;')->start;
    post(event());
    wait_stats('the event is exported',
               sub ($s) { $s->{exporter}{exported} == 1 });
    is(get()->{series}{count}, 0, 'without metrics there is no series');
    is(get()->{metrics}{points}{sent}, 0, 'without metrics no point is sent');
    ok($nginx->stop, 'quits');
    $nginx->no_errors;
}

done_testing;
