#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Requests that wait for room and for the spool as streams of HTTP/2
# connections in cleartext: streams are reset, connections closed, and the
# worker is reloaded or exits.  The collector answers 503 until its own nginx
# is reloaded.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::H2Client;
use OpenQoE::Process qw(free_port);
use OpenQoE::Test;

use Compress::Zlib qw(memGzip);

# It takes events as soon as there is a file: a request waits for 10 s at most,
# and a reload takes long on a busy machine.
my $collector = OpenQoE::Nginx->new(module => 0);
my $opens = $collector->dir . '/out/open';
$collector->write_config(locations =>
    "location / { if (-f $opens) { return 200; } return 503; }");
$collector->start;
my ($nginx, $port);


sub since ($before) {
    my $now = $nginx->stats;
    return { accepted => $now->{events}{accepted}
                         - $before->{events}{accepted},
             error => $now->{events}{rejected}{error},
             map { $_ => $now->{requests}{$_} - $before->{requests}{$_} }
                 qw(received delayed delay_ms undecoded 202 503) };
}


# an nginx whose queue is full

sub full (%opt) {
    my $workers = $opt{workers} // 1;
    $port = free_port();
    unlink $opens;
    $nginx = OpenQoE::Nginx->new(workers => $workers, single => $opt{single},
        zone => 'qoe:' . (OpenQoE::Nginx->zone_min($workers) + 64) . 'k',
        exporter => 'endpoint http://127.0.0.1:' . $collector->port
                    . '; protocol http/protobuf; interval 50ms;',
        http => 'client_body_buffer_size 8k; openqoe_drain_timeout 300ms;'
                . ($opt{http} // ''),
        location => 'location = /now { openqoe_events; '
                    . 'openqoe_overload_wait off; }',
        servers => "server { listen 127.0.0.1:$port http2; "
            . 'location = /patient { openqoe_events; '
            . ($opt{events} // '') . ' openqoe_overload_wait 10s; } '
            . 'location = /hasty { openqoe_events; '
            . 'openqoe_overload_wait 300ms; } }')->start;

    # Large requests first: the longer this takes, the longer the exporter backs
    # off, and the collector must be tried again while requests wait.
    my $refused;
    for my $n (20, 1) {
        $refused = 0;
        for (1 .. 6000) {
            $refused = http_post($nginx->port, '/now',
                                 batch_json(batch($n)))->{status} == 503
                       ? $refused + 1 : 0;
            last if $refused >= 20 * $workers;
        }
    }
    ok($refused, "$opt{what}: the queue is full");
}


sub wait_delayed ($before, $n, $what) {
    ok(wait_until(sub { since($before)->{delayed} >= $n }, 30), $what);
}


sub room () { write_file($opens, '') }


sub done () {
    ok($nginx->stop('QUIT', 20), 'nginx exits in order');
    $nginx->no_errors;
}


# --- one connection, many streams

for my $how ([ 'one worker' ], [ 'two workers', workers => 2 ],
             [ 'a single process', single => 1 ])
{
    my ($what, %opt) = @$how;
    full(%opt, what => $what);

    my $h2 = OpenQoE::H2Client->new($port);
    my @hasty = map { $h2->post('/hasty', batch_json(batch(1))) } 1 .. 20;
    is(join(' ', $h2->statuses(30, @hasty)), join(' ', (503) x 20),
       "$what: twenty streams of a connection wait in vain, each gets 503");

    my $before = $nginx->stats;
    my $large = batch_json(batch(20));
    my @streams = map { $h2->post('/patient', batch_json(batch(1))) } 1 .. 10;
    push @streams, $h2->post('/patient', $large),
        $h2->post('/patient', memGzip($large), 'content-encoding' => 'gzip');
    wait_delayed($before, 12, "$what: twelve streams wait, one of them with "
                              . 'its body in a file and one with gzip');

    is_deeply($nginx->stats->{waiting}, { room => 12, ack => 0 },
              "$what: the stats show how many wait now");

    $h2->reset($_) for @streams[0 .. 4];
    my $closed = OpenQoE::H2Client->new($port);
    $closed->post('/patient', batch_json(batch(1))) for 1 .. 5;
    wait_delayed($before, 17,
                 "$what: five streams of another connection wait, too");
    $closed->close;
    ok(wait_until(sub { since($before)->{delay_ms} > 0 }, 20),
       "$what: streams that were reset, or lost their connection, are gone");

    # the collector takes events again
    room();
    ok($nginx->reload, "$what: nginx is reloaded meanwhile") if !$opt{single};

    is(join(' ', $h2->statuses(30, @streams[5 .. 11])), join(' ', (202) x 7),
       "$what: the other streams are accepted once there is room");
    ok(wait_until(sub { $nginx->stats->{waiting}{room} == 0 }, 20),
       "$what: no request waits any more");
    my $s = since($before);
    is_deeply([ @$s{qw(accepted undecoded error)} ], [ 45, 0, 0 ],
              "$what: all events of the accepted streams are counted, and "
              . 'no others');
    $h2->close;
    done();
}

# --- waiting for room, and then for the spool

full(what => 'spool', workers => 1, events => 'openqoe_ack spool;',
     http => 'openqoe_spool fresh max_size=256k segment_size=64k '
             . 'full=reject;');
my $before = $nginx->stats;
my $h2 = OpenQoE::H2Client->new($port);
my @streams = map { $h2->post('/patient', batch_json(batch(1))) } 1 .. 10;
wait_delayed($before, 10, 'spool: ten streams wait for room');
$h2->reset($streams[0]);
ok(wait_until(sub { $nginx->stats->{waiting}{room} == 9 }, 30),
   'spool: the stream that was reset no longer waits');
room();
is(join(' ', $h2->statuses(30, @streams[1 .. 9])), join(' ', (202) x 9),
   'spool: the other streams wait for room, then until they are stored');
is(since($before)->{accepted}, 9,
   'spool: the events of these streams are counted, and no others');
$h2->close;
done();

# --- the worker exits

full(what => 'QUIT');
$before = $nginx->stats;
$h2 = OpenQoE::H2Client->new($port);
@streams = map { $h2->post('/patient', batch_json(batch(1))) } 1 .. 10;
wait_delayed($before, 10, 'QUIT: ten streams wait');
kill 'QUIT', $nginx->master_pid;
is(join(' ', map { $_ == 202 || $_ == 503 ? 'answered' : $_ }
                 $h2->statuses(30, @streams)),
   join(' ', ('answered') x 10), 'QUIT: each of these streams is answered');
$h2->close;
ok(wait_until(sub { !$nginx->{process}->alive }, 20), 'QUIT: nginx exits');
$nginx->stop;
$nginx->no_errors;
$collector->stop;

done_testing;
