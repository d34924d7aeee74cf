# Workers killed with -9 at random under load, in each acknowledgement mode,
# while the collector comes and goes; and all processes killed at once.
# OPENQOE_LONG=1: a hundred kills in each mode.

use lib 't/lib';
use OpenQoE::Faults qw(long $killed);
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'));

my $kills = long(8, 100);


for my $ack (qw(memory spool fsync)) {
    my $f = OpenQoE::Faults->new(ack => $ack, zone => 'qoe:16m')->start;
    my $load = $f->load(d => $kills * 60, c => 16, r => 400);
    my ($to, $done) = ($f->receiver, 0);

    # Each lane with its state passes through many processes, with batches in
    # flight, in the spool and between the two.

    $f->meanwhile($load, sub ($i) {
        return $load->signal('TERM') if $done == $kills;
        $to->mode(('ok', 'status 503', 'slow 300', 'close')[$i % 4]);
        $f->nginx->kill_worker(wait => $i % 3);
        $done++;
    });

    $to->mode('ok');
    is($done, $kills, "$ack: $done workers were killed");

    # What was in flight comes twice: that of both lanes when one helper has
    # both.

    $f->settled("$ack: workers killed one by one", timeout => 60,
                duplicates => $done * 2 * 4 * 512);

    my $stats = $f->stats;
    cmp_ok($stats->{queue}{lanes_adopted}, '>=', 1,
           'the lanes of killed workers were adopted');
    is($f->dest->{dropped}{corrupt}, 0, 'no record was damaged');
    $f->end(allow => $killed);
}

# All processes are killed at once, under load, while the collector is away:
# what was acknowledged in these modes is on the disk, and the next start has
# it.

for my $ack (qw(spool fsync)) {
    my $f = OpenQoE::Faults->new(ack => $ack, zone => 'qoe:16m')->start;
    my $turns = long(2, 20);

    for my $turn (1 .. $turns) {
        $f->load(d => 10, c => 16, r => 400);

        sleep 0.7;
        $f->receiver->mode($turn % 2 ? 'hang' : 'status 503');
        sleep 1 + rand;
        $f->kill_all;
        $f->halt;
        $f->receiver->mode('ok');
        $f->start;
    }

    ok(wait_until(sub { $f->dest->{recovered} > 0 }, 10),
       "$ack: the last kill left something to recover");
    $f->settled("$ack: all processes killed, $turns times", timeout => 60);
    $f->end(allow => $killed);
}

done_testing;
