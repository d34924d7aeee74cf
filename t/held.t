#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# Answers of a collector that do not blame the batch: a wrong credential, a
# wrong address, a server that is broken.  Acknowledged events are held until
# the collector takes them, and a server cannot make the module send too often.

use lib 't/lib';
use OpenQoE::Event qw(decode_json_text);
use OpenQoE::Faults;
use OpenQoE::HTTP qw(http_get);
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'));


# The requests that the collector was sent, by the counters of their batches.

sub requests ($dest) {
    return $dest->{batches}{sent} + $dest->{batches}{retried}
           + $dest->{batches}{failed};
}


for my $code (401, 403, 404, 405, 500, 501, 302) {
    my $f = OpenQoE::Faults->new(workers => 1, ack => 'fsync')->start;
    my $name = "HTTP $code";

    $f->receiver->mode("status $code");
    is($f->status(100), 202, "$name: 100 events are acknowledged") for 1 .. 50;
    ok(wait_until(sub { $f->dest->{batches}{retried} >= 2 }, 15),
       "$name: the collector refuses, and is tried again");
    ok(wait_until(sub { $f->dest->{spooled} == 5000 }, 15),
       "$name: the spool holds all 5,000 events");
    is($f->dest->{exported}, 0, "$name: no event counts as exported");

    my $health = decode_json_text(http_get($f->nginx->port,
                                           '/v2/health')->{body});
    is($health->{status}, 'degraded', "$name: the health says degraded");
    like($health->{dependencies}{exporter}{last_error}, qr/HTTP status $code/,
         "$name: the health has the collector's answer");

    $f->receiver->mode('ok');
    $f->settled($name);
    $f->end;
}


subtest 'without a spool the queue holds them' => sub {
    my $f = OpenQoE::Faults->new(workers => 1, spool => undef)->start;

    $f->receiver->mode('status 401');
    is($f->status(100), 202, '100 events are accepted') for 1 .. 20;
    ok(wait_until(sub { $f->dest->{batches}{retried} >= 2 }, 15),
       'the collector refuses, and is tried again');
    is($f->dest->{queued}, 2000, 'all 2,000 events are in the queue');
    $f->receiver->mode('ok');
    $f->settled('held in the queue');
    $f->end;
};


subtest 'openqoe_refused drop: refused batches are dropped' => sub {
    my $f = OpenQoE::Faults->new(workers => 1, ack => 'fsync',
                                 exporter => 'refused drop;')->start;

    $f->receiver->mode('status 401');
    is($f->status(10), 202, 'ten events are acknowledged');
    ok(wait_until(sub { $f->dest->{dropped}{refused} == 10 }, 15),
       'these ten events are dropped and counted');
    is($f->dest->{batches}{retried}, 0, 'these ten events are sent once');
    $f->receiver->mode('ok');
    $f->settled('openqoe_refused drop', dropped => { default => 10 });
    $f->end;
};


# A batch that the server breaks on, while the server takes all others: this
# batch waits for its turn again and again, and the others pass it.

{
    my $f = OpenQoE::Faults->new(workers => 1, ack => 'fsync', exporter =>
                                 'batch_size 8; interval 50ms;')->start;

    $f->receiver->mode('poison org-poison 500');
    is($f->status(8, set => { org_id => 'org-poison' }), 202,
       'a batch that the server breaks on is acknowledged');
    ok(wait_until(sub { $f->dest->{batches}{retried} }, 15),
       'a batch that the server breaks on is refused');
    is($f->status(8), 202, 'later batches are acknowledged meanwhile')
        for 1 .. 20;
    ok(wait_until(sub { $f->dest->{exported} == 160 }, 60),
       'all other batches are delivered');
    is($f->dest->{dropped}{refused}, 0,
       'the batch that the server breaks on is not dropped meanwhile');
    is($f->dest->{spooled}, 8,
       'the batch that the server breaks on is still in the spool');

    if ($ENV{OPENQOE_LONG}) {

        # A segment is closed, and so read, when nothing came for a second.

        ok(wait_until(sub {
            $f->status(1);
            sleep 1.5;
            return $f->dest->{dropped}{refused} == 8;
        }, 120), 'the batch that the server breaks on is given up in the end');
        is($f->dest->{batches}{quarantined}, 1,
           'the batch that the server breaks on is in the quarantine');
    }

    my $dropped = $f->dest->{dropped}{refused};
    $f->receiver->mode('ok');
    $f->settled('a batch that the server breaks on',
                dropped => { default => $dropped });
    $f->end;
}


# The same without a spool: the batch stays in the queue, and what comes after
# it is sent.  More batches pass it than the window of a lane holds.

{
    my $f = OpenQoE::Faults->new(workers => 1, spool => undef, exporter =>
                                 'batch_size 8; interval 50ms;')->start;

    $f->receiver->mode('poison org-poison 500');
    is($f->status(8, set => { org_id => 'org-poison' }), 202,
       'no spool: a batch that the server breaks on is accepted');
    ok(wait_until(sub { $f->dest->{batches}{retried} }, 15),
       'no spool: a batch that the server breaks on is refused');
    is($f->status(8), 202, 'no spool: later batches are accepted meanwhile')
        for 1 .. 20;
    ok(wait_until(sub { $f->dest->{batches}{sent} == 20 }, 60),
       'no spool: all other batches are delivered');
    is($f->dest->{dropped}{refused}, 0,
       'no spool: the batch that the server breaks on is not dropped');

    if ($ENV{OPENQOE_LONG}) {
        ok(wait_until(sub {
            $f->status(8);
            return $f->dest->{dropped}{refused} == 8;
        }, 120), 'no spool: it is given up in the end');
    }

    my $dropped = $f->dest->{dropped}{refused};
    $f->receiver->mode('ok');
    $f->settled('no spool: a batch that the server breaks on',
                dropped => { default => $dropped });
    $f->end;
}


# The receiver takes the batch and says so, but its answer never ends.

{
    my $f = OpenQoE::Faults->new(workers => 1, exporter =>
                                 'timeout 1500ms;')->start;

    $f->receiver->mode('drip');
    is($f->status(5), 202,
       'five events are accepted before an answer without an end');
    ok(wait_until(sub { $f->dest->{batches}{unfinished} == 1 }, 60),
       'a batch whose answers have no end counts as exported in the end');
    is($f->dest->{batches}{retried}, 3,
       'a batch whose answers have no end is sent again three times');
    $f->receiver->mode('ok');
    $f->settled('an answer without an end');
    $f->end;
}


for my $value (0, 'Thu, 01 Jan 1970 00:00:00 GMT') {
    my $f = OpenQoE::Faults->new(workers => 1)->start;
    my $name = "Retry-After: $value";

    $f->receiver->mode("status 503 $value");
    is($f->status(5), 202, "$name: events are accepted");
    ok(wait_until(sub { $f->dest->{batches}{retried} }, 10),
       "$name: the collector refuses");

    # At most 1 + 4 tries fit in 6 s of a back-off that begins with 0.5 s.

    my ($start, $before) = (time, requests($f->dest));
    sleep 6;
    my $n = requests($f->dest) - $before;
    cmp_ok($n, '<=', 4 + (time - $start - 6) * 2,
           "$name: the back-off stays as it is ($n requests in 6 s)");
    $f->receiver->mode('ok');
    $f->settled($name);
    $f->end;
}

done_testing;
