# Outages: longer than the limit of the spool, with either policy; live events
# while the backlog drains; several collectors of which one is dead.

use lib 't/lib';
use OpenQoE::Faults qw(long);
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'));


sub quantile ($q, @values) {
    my @sorted = sort { $a <=> $b } @values;
    return @sorted ? $sorted[$q * $#sorted] : undef;
}


# Most of a load's events come soon.  On a busy machine some of them wait for
# seconds, but none for as long as a backlog or an outage lasts.

sub soon ($f, $load, $name) {
    my @ms = $f->receiver->latencies(run_of($load));
    my ($half, $p99) = map { quantile($_, @ms) // 1e9 } 0.5, 0.99;

    cmp_ok($half, '<', scaled(1500), "$name, half of them within $half ms");
    cmp_ok($p99, '<', scaled(10_000), "$name, 99 % of them within $p99 ms");
}


sub run_of ($load) { (slurp($load->{ids}[0]) =~ /^run (\w+)/)[0] }


# An outage longer than the limit: the oldest events are dropped, and each is
# counted.

{
    my $f = OpenQoE::Faults->new(workers => 2, zone => 'qoe:16m',
        spool => 'max_size=8m segment_size=1m replay_rate=0')->start;

    $f->receiver->stop;
    my $load = $f->load(d => 30, m => 5000, c => 8, r => 1200);
    $f->meanwhile($load, sub ($i) { });

    my $dest = $f->dest;
    cmp_ok($dest->{dropped}{spool}, '>', 0, 'the oldest events were dropped');
    cmp_ok($dest->{spool}{bytes}, '<=', 8 * 1024 * 1024,
           'the limit of the spool holds in the stats');

    my $size = 0;
    $size += -s $_ // 0 for $f->segments;
    cmp_ok($size, '<=', 8 * 1024 * 1024,
           'the limit of the spool holds on the disk');

    $f->receiver->start;
    $f->settled('an outage past the limit of the spool',
                dropped => { default => 'any' },
                timeout => 60);
    $dest = $f->dest;
    is(OpenQoE::Faults::sum_dropped($dest), $dest->{dropped}{spool},
       'no event was dropped for another reason');
    $f->end;
}

# The same with full=reject: 503 when queue and spool are full, and nothing is
# lost.

{
    my $f = OpenQoE::Faults->new(workers => 2, zone => 'qoe:8m',
        spool => 'max_size=8m segment_size=1m full=reject replay_rate=0')
        ->start;

    $f->receiver->stop;
    my $load = $f->load(d => 30, m => 8000, c => 8, r => 1600);
    $f->meanwhile($load, sub ($i) { });
    like($load->output, qr/refused_events [1-9]/,
         'a full spool refuses events');
    $f->receiver->start;
    $f->settled('a full spool that rejects', timeout => 60);
    $f->end;
}

# Live events come first: they reach the collector soon while the backlog,
# whose rate is bounded, drains.

{
    my $f = OpenQoE::Faults->new(workers => 2, zone => 'qoe:16m',
        spool => 'max_size=64m replay_rate=1m')->start;

    $f->receiver->mode('status 503');
    $f->load(d => 60, m => 4000, c => 8, r => 800);
    $f->loaded;
    $f->receiver->mode('ok');
    ok(wait_until(sub { $f->dest->{spool}{replayed} > 0 }, 15),
       'the backlog is being replayed');

    my $before = $f->dest;
    my $start = time;
    my $live = $f->load(d => long(5, 20), c => 4, n => 1, r => 100);
    $f->meanwhile($live, sub ($i) { });

    my $after = $f->dest;
    my $rate = ($before->{spool}{bytes} - $after->{spool}{bytes})
               / (time - $start);
    cmp_ok($after->{spooled}, '>', 0, 'the backlog is not over yet');
    cmp_ok($rate, '<', 3e6, sprintf 'at a bounded rate (%.1f MB/s)',
           $rate / 1e6);
    cmp_ok($after->{spool}{replayed}, '>', $before->{spool}{replayed},
           'the backlog goes on being replayed');

    ok(wait_until(sub {
        my @n = $f->receiver->latencies(run_of($live)); @n >= 100 }, 5),
       'live events arrive while the backlog is replayed');
    soon($f, $live, 'live events reach the collector soon');

    $f->settled('live events before the backlog', timeout => 90);
    $f->end;
}

# One of two collectors is dead.  The other gets everything at once; when the
# dead one comes back it gets everything, too.

for my $mood ('dead', 'hang') {
    my $f = OpenQoE::Faults->new(to => { default => undef, second => undef },
                                 workers => 2, zone => 'qoe:8m',
                                 exporter => 'timeout 2s;')->start;

    $mood eq 'dead' ? $f->receiver('second')->stop
                    : $f->receiver('second')->mode('hang');

    my $load = $f->load(d => 6, c => 8, r => 600);
    $f->meanwhile($load, sub ($i) { });
    $f->loaded;
    $f->wait_delivered(1);

    is($f->oracle->report->{missing}, 0,
       "$mood: the other exporter has every event");
    soon($f, $load, "$mood: the other exporter has them soon");
    is($f->dests->{second}{exported}, 0,
       "$mood: the second exporter exports nothing");
    cmp_ok($f->dests->{second}{spooled}, '>', 0,
           "$mood: events for the second exporter are in its spool");

    $f->receiver('second')->mode('ok');
    $f->receiver('second')->start if $mood eq 'dead';
    $f->settled("the second collector is $mood", timeout => 60);
    is(OpenQoE::Faults::sum_dropped($f->dests->{second}), 0,
       "$mood: no event for the second exporter is dropped");
    $f->end;
}

# Without a spool the queue serves both, and events that the dead collector
# cannot get are counted, not kept at the cost of the other.

{
    my $f = OpenQoE::Faults->new(to => { default => undef, second => undef },
                                 workers => 2, zone => 'qoe:8m',
                                 spool => undef)->start;

    $f->receiver('second')->stop;
    my $load = $f->load(d => 8, c => 8, r => 1000);
    $f->meanwhile($load, sub ($i) { });
    like($load->output, qr/refused_events 0 /, 'no request was refused');
    $f->loaded;
    $f->wait_delivered(1);

    is($f->oracle->report->{missing}, 0, 'the other exporter has every event');
    soon($f, $load, 'the other exporter has them soon');
    cmp_ok($f->dests->{second}{dropped}{behind}, '>', 0,
           'events that the second exporter lost are counted');

    $f->receiver('second')->start;
    $f->settled('two collectors without a spool',
                dropped => { second => 'any' }, timeout => 60);
    my $second = $f->dests->{second};
    is(OpenQoE::Faults::sum_dropped($second), $second->{dropped}{behind},
       'the second exporter lost no event for another reason');
    $f->end;
}

done_testing;
