# QUIT and TERM while the collector hangs, and under load: the exit takes a
# bounded time, all accepted events are in the spool, and the next start
# delivers them.

use lib 't/lib';
use OpenQoE::Faults;
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'));


# The master kills -9 what is there 3.1 s after a TERM; it does not after a
# QUIT, whose bound is openqoe_drain_timeout.

my @cases = (
    [QUIT => 'memory', 'hang'], [QUIT => 'fsync', 'hang'],
    [TERM => 'memory', 'hang'], [TERM => 'spool', 'hang'],
    [TERM => 'memory', 'status 503'], [TERM => 'memory', 'slow 3000'],
);

for my $case (@cases) {
    my ($signal, $ack, $mood) = @$case;
    my $name = "$signal, $ack, $mood";
    my $f = OpenQoE::Faults->new(ack => $ack, zone => 'qoe:16m',
                                 exporter => 'timeout 30s;');

    $f->receiver->mode($mood);
    $f->start;
    is($f->status(10), 202, "$name: events are accepted") for 1 .. 3;

    my $load = $f->load(d => 10, c => 8, r => 300);
    sleep 1.5;

    # A QUIT closes the idle connections, so the load sees no answer cut off.

    my $start = time;
    ok($f->nginx->stop($signal, 8), "$name: nginx exits by itself");
    my $took = time - $start;
    $f->halt;

    # a busy machine takes seconds for an exit, the collector's timeout is 30
    cmp_ok($took, '<', scaled(25), sprintf '%s: in %.2f s', $name, $took);
    ok(scalar $f->segments, "$name: the spool holds segments");
    unlike($f->nginx->error_log, qr/events were not exported|events were lost/,
           "$name: no event is reported as lost");
    is(scalar(grep { /\.open\z/ } $f->segments), 0,
       "$name: the spool's segments are finished");

    $f->receiver->mode('ok');
    $f->start;
    ok(wait_until(sub { $f->dest->{recovered} > 0 }, 10),
       "$name: the next start recovers the events");
    $f->settled($name);
    $f->end;
}

# An upgrade from a version whose segments had no directories of lanes: the next
# start finds them where that version has left them.

{
    my $f = OpenQoE::Faults->new(ack => 'spool');

    $f->receiver->mode('status 503');
    $f->start;
    is($f->status(20), 202, 'events are accepted') for 1 .. 10;
    ok($f->nginx->stop('QUIT', 8), 'nginx exits in order');
    $f->halt;

    my @segments = $f->segments;
    for my $path (@segments) {
        my $to = $path =~ s{/\d+/([^/]+)\z}{/$1}r;
        isnt($to, $path, 'a segment is in the directory of a lane');
        rename $path, $to or die "rename: $!\n";
        rmdir $path =~ s{/[^/]+\z}{}r;
    }

    $f->receiver->mode('ok');
    $f->start;
    ok(wait_until(sub { $f->dest->{recovered} == 200 }, 10),
       'the next start recovers the events of the earlier version');
    $f->settled('an upgrade', duplicates => 0);
    $f->end;
}

# A drain timeout of the operator's, with nothing to send in it.

{
    my $f = OpenQoE::Faults->new(ack => 'memory',
        http => 'openqoe_drain_timeout 4s;');

    $f->receiver->mode('hang');
    $f->start;
    is($f->status(50), 202, 'events are accepted');
    sleep 0.3;

    my $start = time;
    ok($f->nginx->stop('QUIT', 8), 'nginx exits by itself');
    cmp_ok(time - $start, '>', 3.5,
           'the exit waits for the configured drain timeout, not the default');

    $f->receiver->mode('ok');
    $f->start;
    $f->settled('an exit within a drain timeout');

    # While the collector takes events nothing of an exit goes through the
    # spool.

    is($f->status(50), 202, 'events are accepted');
    ok($f->nginx->stop('QUIT', 8), 'nginx exits in order');
    is(scalar($f->segments), 0, 'the spool is empty after the exit');
    $f->start;
    $f->settled('a quit with the collector up', duplicates => 0);
    is($f->dest->{recovered}, 0, 'the next start recovers nothing');
    $f->end;
}

done_testing;
