#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The same viewers give the same totals with one worker and with four, with a
# reload in the middle and with workers that are killed in the middle: exports
# add up to the same, under one identity and one start time, from one exporting
# process at a time.  A kill may cost one event.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Metrics qw(near);
use OpenQoE::Shim;
use OpenQoE::Viewers;

use constant INTERVAL => 0.5;

# Of gauges a window is exported, so only whether they were exported is
# compared; in one event these are as large as this, others are 1 or the max of
# their histogram.
my %one_event = (
    'openqoe.network.bandwidth' => 9e6, 'openqoe.bitrate_change' => 4.4e6,
    'openqoe.buffered_duration' => 6, 'openqoe.dropped_frames_total' => 9,
    'openqoe.playing_time_seconds' => 5, 'openqoe.watch_time_seconds' => 5,
);

# Slower machines need more time for the same work, so the viewers take their
# time.
my $viewers = OpenQoE::Viewers->new(span => scaled(4000));

# Views fall silent when the clock is set, not while a busy machine makes the
# viewers wait; the sanitizers have no such clock.
my $shim = OpenQoE::Shim->usable ? OpenQoE::Shim->new : undef;
my $silence = $shim ? 600 : int scaled(4);


sub new_nginx ($workers) {
    $shim->clock(0) if $shim;

    my $nginx = OpenQoE::Nginx->new(
        workers => $workers, zone => 'qoe:64m',
        $shim ? (env => $shim->env) : (),
        http => "openqoe_metrics core rules view; openqoe_series_ttl 1d;\n"
                . "    openqoe_view_timeout ${silence}s hidden=${silence}s;");
    $nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                         . ";\n        interval 100ms;\n        metric_interval "
                         . INTERVAL * 1000 . 'ms;');
    return $nginx->start;
}


# An interval lies between two collections: two exporting processes would make
# more.  A new one may begin at once.

sub check_writer ($metrics, $changes) {
    my @times = $metrics->times;
    my $early = grep { $times[$_] - $times[$_ - 1] < INTERVAL * 0.5e9 }
                1 .. $#times;

    cmp_ok(scalar @times, '>', 5, 'collections were exported');
    cmp_ok($early, '<=', $changes, 'only one process exports at a time');
    is(scalar keys %{ $metrics->{instances} }, 1,
       'all points have the same service.instance.id');
    isnt((keys %{ $metrics->{instances} })[0] // '', '',
         'service.instance.id is not empty');
    is_deeply($metrics->problems, [],
              'points go on in time, from one start, and never fall');
    cmp_ok($metrics->torn, '<=', $changes,
           'no line of the file is torn, but for one at each kill');
}


# The totals of the viewers' events: run(workers => 4, middle => sub ($nginx) {
# }, changes => 1, kills => 1)

sub run (%opt) {
    my $nginx = new_nginx($opt{workers});
    my $metrics = OpenQoE::Metrics->new($nginx->out_file);

    $viewers->begin;
    ok($viewers->post($nginx, 0, 0.5), 'the first half is accepted');
    my $first = time;
    $opt{middle}->($nginx) if $opt{middle};
    ok($viewers->post($nginx, 0.5, 1), 'the second half is accepted');
    is($viewers->accepted, $viewers->count, 'every event is accepted');

    ok(wait_until(sub { $nginx->stats->{queue}{events} == 0 }, 20),
       'every event is applied');
    $shim->clock(2 * 3600) if $shim;

    my $over = $viewers->views - ($opt{kills} // 0);
    ok($metrics->wait_value($over, 'openqoe.views_total', -timeout => 30),
       'every view ends')
        or diag('views that ended: ', $metrics->value('openqoe.views_total'));
    ok($metrics->wait_collection, 'another collection is made after that');

    check_writer($metrics, $opt{changes} // 0);
    my ($events) = $metrics->series('openqoe.events_total');
    cmp_ok($events->{start} / 1e9, '<', $first,
           'the counters start before the first half is accepted');

    ok($nginx->stop, 'nginx exits by itself');
    $nginx->no_errors(allow => $opt{kills} ? qr/exited on signal 9/ : undef);

    return $metrics->read->totals;
}


# The words that only one of two lists has.

sub one_sided ($got, $want) {
    my %in;

    $in{$_} |= 1 for split /(?<=\}) /, $got;
    $in{$_} |= 2 for split /(?<=\}) /, $want;
    return map { $in{$_} == 1 ? "too much: $_" : "missing: $_" }
           grep { $in{$_} != 3 } sort keys %in;
}


# The names of metrics that differ by more than so many events.

sub differences ($got, $want, $events) {
    my @wrong;

    for my $name (sort keys %{ { %$got, %$want } }) {
        my ($g, $w) = ($got->{$name}, $want->{$name});

        if (!$g || !$w) {
            push @wrong, "$name is " . ($g ? 'too much' : 'missing');
            next;
        }

        push @wrong, map { "$name: series $_" }
                     one_sided($g->{series}, $w->{series}) if !$events;

        for my $what (grep { defined $w->{$_} } qw(value count sum)) {
            my $one = $what eq 'sum' ? $w->{sum} / ($w->{count} || 1) * 20
                                     : $one_event{$name} // 1;
            next if near($g->{$what}, $w->{$what})
                    || abs($g->{$what} - $w->{$what}) <= $one * $events;
            push @wrong, "$name: $what $g->{$what}, not $w->{$what}";
        }

        push @wrong, "$name: buckets @{ $g->{buckets} }, not "
                     . "@{ $w->{buckets} }"
            if $w->{buckets} && !$events
               && "@{ $g->{buckets} }" ne "@{ $w->{buckets} }";
    }

    return @wrong;
}


my $want;

subtest '1 worker' => sub {
    $want = run(workers => 1);

    my $types = $viewers->types;
    is($want->{'openqoe.events_total'}{value}, $viewers->count,
       'every event is counted');
    is($want->{'openqoe.views_total'}{value}, $viewers->views,
       'every view is counted');
    is($want->{'openqoe.errors_total'}{value}, $types->{error},
       'every error is counted');
    is($want->{'openqoe.pause_events_total'}{value}, $viewers->pauses,
       'every pause of a viewer is counted');
    is($want->{'openqoe.fragment_size'} && 'there',
       'there', 'gauges are exported');
    is($want->{'openqoe.buffer_length'}{count},
       $types->{bufferlevelchange} + $types->{stallstart}
       + $types->{heartbeat}, 'every buffer length is counted')
};

my %case = (
    '4 workers' => { workers => 4 },
    'a reload in the middle' => {
        workers => 4, changes => 1,
        middle => sub ($nginx) { ok($nginx->reload, 'nginx reloads') } },
    'a reload to fewer workers' => {
        workers => 4, changes => 1,
        middle => sub ($nginx) {
            $nginx->write_config(workers => 2);
            ok($nginx->reload, 'nginx reloads');
        } },
    'the only worker is killed' => {
        workers => 1, changes => 1, kills => 1,
        middle => sub ($nginx) { $nginx->kill_worker } },
    'all of four are killed, one after the other' => {
        workers => 4, changes => 4, kills => 4,
        middle => sub ($nginx) {
            $nginx->kill_worker(pid => $_) for $nginx->worker_pids;
        } },
);

for my $name (sort keys %case) {
    subtest $name => sub {
        my $kills = $case{$name}{kills} // 0;
        my $got = run(%{ $case{$name} });

        is_deeply([ differences($got, $want, $kills) ], [],
                  'the totals are those of one worker'
                  . ($kills ? " but for $kills events" : ''));
        note("within the tolerance: $_")
            for $kills ? differences($got, $want, 0) : ();
    };
}

done_testing;
