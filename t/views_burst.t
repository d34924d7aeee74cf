#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Many views that end at once, as after a final whistle: every one of them has
# its final record, the traces are those of the bad views and of the sample, and
# the sums are those of the metrics.  The same while the collector is away and
# the queue is full, and in a zone that has fewer timelines than views.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(sum0);
use Time::HiRes qw(time);

use OpenQoE::Metrics qw(near);
use OpenQoE::Prometheus qw(prometheus_text);
use OpenQoE::Records;
use OpenQoE::Traces qw(trace_id traces_of);

# A batch has one session a view, and 64 sessions at most.
use constant { BURST => 10_000, BATCH => 50, SAMPLE => 0.1 };


# --- events by a template, because many are needed

my $form = encode_json_text(event(
    event_type => 'TYPE', event_time => 'AT', viewer_time => 'AT',
    view_id => 'VIEW', session_id => 'SESSION', playback_time => 'POSITION',
    data => { playing_time => 'POSITION', seq => 'x' }));

$form =~ s/"(AT|POSITION)"/$1/g;

my $t = int(time * 1000) - 3_600_000;

sub text ($view, $type, $ms, $position) {
    my %is = (TYPE => $type, AT => $t + $ms, POSITION => $position,
              VIEW => $view, SESSION => "s-$view");

    return $form =~ s/\b(TYPE|AT|POSITION|VIEW|SESSION)\b/$is{$1}/gr;
}


sub begins ($view, $bad) {
    return (text($view, 'canplay', 0, 0), text($view, 'playing', 0, 0),
            text($view, 'heartbeat', 10_000, 10_000),
            $bad ? text($view, 'error', 12_000, 12_000) : ());
}


# Bodies of the events that a function makes of each view.

sub bodies ($make, @views) {
    my @bodies;

    while (my @some = splice @views, 0, BATCH) {
        push @bodies, '{"events":[' . join(',', map { $make->($_) } @some)
                      . ']}';
    }

    return @bodies;
}


# Posts them one after the other, each until it is accepted.  Returns how many
# were refused at first.

sub post ($nginx, @bodies) {
    my $http = $nginx->http;
    my $refused = 0;

    for my $body (@bodies) {
        my $took = wait_until(sub {
            my $r = $http->request('POST', '/v2/events', body => $body);
            $refused += !$r || $r->{status} != 202;
            return $r && $r->{status} == 202;
        }, scaled(60));
        return -1 if !$took;
    }

    return $refused;
}


sub new_nginx (%opt) {
    my $nginx = OpenQoE::Nginx->new(%opt);
    my $dir = $nginx->dir . '/out';

    $nginx->write_config(
        http => <<"END" . ($opt{http} // ''), exporter => $opt{exporter}
    openqoe_view_timeout @{[ $opt{timeout} // '1h' ]};
    openqoe_view_record interval=off;
    openqoe_traces $opt{traces};
    client_body_buffer_size 1m;
    openqoe_exporter records {
        endpoint file://$dir/views.jsonl;
        interval 50ms;
        signals views;
        spool off;
    }
END
        // <<"END");
        endpoint file://$dir/traces.jsonl;
        interval 50ms;
        signals traces;
END
    return $nginx->start;
}


sub records ($nginx) { OpenQoE::Records->new($nginx->dir . '/out/views.jsonl') }
sub traces ($nginx) { traces_of($nginx->dir . '/out/traces.jsonl') }


# The sum of a metric over its series.

sub metric ($nginx, $name) {
    my $r = http_get($nginx->port, '/v2/stats?format=prometheus',
                     timeout => scaled(20));
    my $samples = prometheus_text($r->{body})->{samples};

    return sum0(map { $samples->{$_} } grep { /^\Q$name\E\{/ } keys %$samples);
}


# Does the sample of traces have the view?  The last 56 bits decide.

sub sampled ($view) {
    no warnings 'portable';
    return hex(substr trace_id($view), 18) < SAMPLE * 2 ** 56;
}


subtest 'a burst' => sub {
    my @views = map { uuid() } 1 .. BURST;
    my %bad = map { $_ => 1 } @views[map { $_ * 20 } 0 .. BURST / 20 - 1];
    my $nginx = new_nginx(workers => 2, zone => 'qoe:128m',
                          traces => 'bad sample=' . SAMPLE * 100 . '%');

    is(post($nginx, bodies(sub ($v) { begins($v, $bad{$v}) }, @views)), 0,
       'the views begin');
    is($nginx->stats->{views}{records}, 0, 'no record is made before the end');

    my @ends = bodies(sub ($v) { text($v, 'ended', 20_000, 20_000) }, @views);
    my $begin = time;

    is(post($nginx, @ends), 0, 'they end');
    note(sprintf '%d ends in %.2f s', BURST, time - $begin);

    my $records = records($nginx);

    ok(wait_until(sub { $nginx->stats->{views}{records} >= BURST }, scaled(60)),
       'records are put');
    ok($records->wait_final(BURST, scaled(60)), 'and arrive');
    is($records->all, BURST, 'each view has one record');
    is(scalar(keys %{ { map { $_->{view_id} => 1 } $records->final } }), BURST,
       'the final one');

    my $views = $nginx->stats->{views};
    is_deeply([ @$views{qw(started ended active records records_dropped
                           records_waiting without_timeline)} ],
              [ BURST, BURST, 0, BURST, 0, 0, 0 ],
              'the stats have lost nothing');

    ok(near($records->sum('playing_ms') / 1000,
            metric($nginx, 'openqoe_playing_time_seconds'), 1e-6),
       'the time of playing in the records is that of the metric');
    is(metric($nginx, 'openqoe_views_total'), BURST, 'all views are counted');

    my @traced = sort map { trace_id($_) } grep { $bad{$_} || sampled($_) }
                 @views;
    my $traces;

    ok(wait_until(sub { $traces = traces($nginx); keys %$traces >= @traced },
                  scaled(60)), scalar(@traced) . ' traces arrive');
    is_deeply([ sort keys %$traces ], \@traced,
              'those of bad views, and of the sample of the others');
    is_deeply([ grep { !$_->{root} || $_->{root}{ms} != 20_000 }
                values %$traces ], [], 'each is whole');

    $nginx->stop;
    $nginx->no_errors;
};


# Records share the ring with the events of an exporter whose collector is away.

subtest 'a full queue' => sub {
    my $collector = OpenQoE::Nginx->new(module => 0,
        locations => 'location / { return 200; }');
    my $n = 3_000;
    my $silence = int scaled(10);
    my @views = map { uuid() } 1 .. $n;
    my $nginx = new_nginx(workers => 1, zone => 'qoe:32m', traces => 'off',
        timeout => "${silence}s hidden=${silence}s",
        exporter => 'endpoint ' . $collector->url('') . "/;\n"
                    . "        protocol http/protobuf;\n"
                    . "        interval 50ms;\n        signals logs;\n");

    is(post($nginx, bodies(sub ($v) { begins($v, 0) }, @views)), 0,
       'the views begin');

    my ($body) = bodies(sub ($v) {
        (text($v, 'heartbeat', 11_000, 11_000)) x 50
    }, $views[0]);
    my $http = $nginx->http;

    my $status = 202;

    for (1 .. 1000) {
        my $r = $http->request('POST', '/v2/events', body => $body);
        $status = $r ? $r->{status} : 0;
        last if $status != 202;
    }

    is($status, 503, 'the queue is full of events that no collector takes');

    ok(wait_until(sub { $nginx->stats->{views}{ended} == $n }, scaled(60)),
       'the views end in silence');

    my $views = $nginx->stats->{views};
    cmp_ok($views->{records_waiting}, '>', 0,
           "$views->{records_waiting} records wait for room");
    is($views->{records} + $views->{records_waiting}, $n, 'all are there');

    $collector->start;

    my $records = records($nginx);
    ok($records->wait_final($n, scaled(120)),
       'they arrive when the collector is back');
    is_deeply([ @{ $nginx->stats->{views} }{qw(records records_dropped
                                               records_waiting)} ],
              [ $n, 0, 0 ], 'none is lost or made twice');

    $nginx->stop;
    $collector->stop;
    $nginx->no_errors(allow => qr/refused|Couldn't connect/);
};


subtest 'fewer timelines than views' => sub {
    my $nginx = new_nginx(workers => 1, traces => 'all',
        zone => 'qoe:' . OpenQoE::Nginx->zone_min . 'k');
    my $views = $nginx->stats->{views};
    my ($places, $n) = @$views{qw(timelines capacity)};

    cmp_ok($places, '<', $n, "$places timelines for $n views");

    my @views = map { uuid() } 1 .. $n;

    is(post($nginx, bodies(sub ($v) { begins($v, 0) }, @views)), 0,
       'as many views as there is room for begin');
    ok(wait_until(sub { $nginx->stats->{views}{active} == $n }, scaled(30)),
       'all of them are alive');
    is($nginx->stats->{views}{without_timeline}, $n - $places,
       'those without a timeline are counted');

    is(post($nginx, bodies(sub ($v) { text($v, 'ended', 20_000, 20_000) },
                           @views)), 0, 'they end');

    my $records = records($nginx);
    ok($records->wait_final($n, scaled(60)), 'each has its final record');
    is($nginx->stats->{views}{records_dropped}, 0, 'none is dropped');
    is($records->sum('playing_ms'), $n * 20_000, 'with all it played');
    is(metric($nginx, 'openqoe_views_total'), $n, 'all views are counted');
    ok(near(metric($nginx, 'openqoe_playing_time_seconds'), $n * 20),
       'and what they played');

    my $traces;
    ok(wait_until(sub {
        $traces = traces($nginx);
        return $n == grep { $_->{root} } values %$traces;
    }, scaled(30)), 'each has the root of its trace');
    is(scalar(grep { @{ $_->{children} } } values %$traces), $places,
       'and those with a timeline have what is below it');

    $nginx->stop;
    $nginx->no_errors;
};

done_testing;
