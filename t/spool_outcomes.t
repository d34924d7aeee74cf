# What each answer of a collector makes of the events, end to end and with a
# spool: delivered later, refused for good (counted, and kept in the
# quarantine), or rejected in part.  The transport's own view of every answer
# is in transport.t.

use lib 't/lib';
use OpenQoE::Faults;
use OpenQoE::NodePeer;
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'));


# One event under a bad answer: how it ended, and after how long.

sub told ($f, $peer_mode, $well, $outcome, %opt) {
    my $before = $f->dest;
    my $start = time;

    $peer_mode->();
    is($f->status(1), 202, "$outcome->{name}: the event is accepted");

    my $want = $outcome->{final} ? 'failed' : 'retried';
    my $seen = wait_until(sub {
        $f->dest->{batches}{$want} > $before->{batches}{$want};
    }, $opt{timeout} // 5);
    ok($seen, "$outcome->{name}: the event is $want");

    if ($outcome->{final}) {
        is($f->dest->{dropped}{refused} - $before->{dropped}{refused}, 1,
           "$outcome->{name}: the event counts as refused");
        is($f->dest->{batches}{quarantined}
           - $before->{batches}{quarantined}, 1,
           "$outcome->{name}: the event is kept in the quarantine");
        $well->();
        return;
    }

    is($f->dest->{dropped}{refused}, $before->{dropped}{refused},
       "$outcome->{name}: the event is not dropped");
    $well->();
    ok(wait_until(sub { $f->dest->{exported} > $before->{exported} }, 15),
       "$outcome->{name}: the event is delivered in the end");

    return time - $start;
}


# Ids of events that were refused must be found in the quarantine's files.

sub kept_is ($f, $n, $name) {
    my $text = join '', map { slurp($_) } $f->quarantined;
    my %ids = map { $_ => 1 } $text =~ /oqid-([0-9a-z]+-\d+)/g;
    my $r = $f->oracle->report;

    is(scalar(keys %ids), $n, "$name: the quarantine holds all refused events");
    is(scalar(grep { !$ids{$_} } @{ $r->{missing_ids} }), 0,
       "$name: the quarantine holds just the events that did not arrive");
}


sub http_date ($when) {
    my @t = gmtime $when;
    return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT',
        (qw(Sun Mon Tue Wed Thu Fri Sat))[$t[6]], $t[3],
        (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$t[4]],
        $t[5] + 1900, @t[2, 1, 0];
}


subtest 'HTTP' => sub {
    my $f = OpenQoE::Faults->new(workers => 1,
                                 exporter => 'timeout 400ms;')->start;
    my $well = sub { $f->receiver->mode('ok') };
    my %final = map { $_ => 1 } 400, 413, 415, 422;
    my $refused = 0;

    for my $code (400, 413, 415, 422, 401, 403, 404, 405, 408, 429, 500, 501,
                  502, 503, 504, 301, 307)
    {
        told($f, sub { $f->receiver->mode("status $code") }, $well,
             { name => "HTTP $code", final => $final{$code} });
        $refused += $final{$code} // 0;
    }

    for my $mode (qw(hang close rst)) {
        told($f, sub { $f->receiver->mode($mode) }, $well, { name => $mode });
    }

    # both forms of Retry-After: not before, and not much later

    for my $value (3, 'date') {
        my $text = $value eq 'date' ? http_date(time + 4) : $value;
        my $took = told($f, sub { $f->receiver->mode("status 503 $text") },
                        $well, { name => "Retry-After: $value" });
        cmp_ok($took, '>', 2.7, sprintf 'not before (%.1f s)', $took);
        cmp_ok($took, '<', scaled(12),
               'the batch is sent soon after that time');
    }

    # answers that are strange, of which the request was taken

    my $before = $f->dest;
    $f->receiver->mode('large 6000000');
    is($f->status(2), 202, 'events whose answer is too large are accepted');
    ok(wait_until(sub { $f->dest->{exported} == $before->{exported} + 2 }, 5),
       'events whose answer is too large count as exported');

    $f->receiver->mode('partial 3');
    is($f->status(7), 202, 'events with a partial success are accepted');
    ok(wait_until(sub { $f->dest->{rejected} == 3 }, 5),
       'three of these events count as rejected');
    is($f->dest->{dropped}{refused}, $refused,
       'none of these events counts as refused');
    $well->();

    $f->settled('HTTP', dropped => { default => $refused });
    kept_is($f, $refused, 'HTTP');

    # The dripping answer never ends: a timeout, and the batch comes twice.

    told($f, sub { $f->receiver->mode('drip') }, $well, { name => 'drip' });
    $f->settled('drip', dropped => { default => $refused });
    $f->end;
};


# Out of many batches in flight, one is poison: the others pass.

for my $ack (qw(memory fsync)) {
    my $f = OpenQoE::Faults->new(workers => 1, ack => $ack, exporter =>
                                 'batch_size 8; interval 50ms;')->start;

    $f->receiver->mode('poison org-poison 400');

    for my $i (1 .. 30) {
        $f->status(1, set => $i % 10 ? {} : { org_id => 'org-poison' });
    }

    ok(wait_until(sub { $f->dest->{queued} + $f->dest->{spooled} == 0 }, 10),
       "poison, $ack: no batch waits for the poison batch");

    my $dest = $f->dest;
    cmp_ok($dest->{dropped}{refused}, '>=', 3,
           "poison, $ack: its events count as refused");
    cmp_ok($dest->{dropped}{refused}, '<=', 24,
           "poison, $ack: only its batch counts as refused");
    cmp_ok($dest->{batches}{failed}, '<=', 3,
           "poison, $ack: each batch is tried once");
    $f->settled("poison, $ack",
                dropped => { default => $dest->{dropped}{refused} },
                fresh => 0);
    kept_is($f, $dest->{dropped}{refused}, "poison, $ack");
    $f->end;
}

# The same out of the backlog: what is refused when it is sent at last

{
    my $f = OpenQoE::Faults->new(workers => 1, exporter =>
                                 'batch_size 8; interval 50ms;')->start;

    $f->receiver->mode('status 503');
    $f->status(4) for 1 .. 20;
    ok(wait_until(sub { $f->dest->{spooled} >= 40 }, 10),
       'a backlog is in the spool');
    is($f->status(8, set => { org_id => 'org-poison' }), 202,
       'the poison event is accepted');
    ok(wait_until(sub { $f->dest->{queued} == 0 }, 10),
       'all events are in the spool');
    $f->receiver->mode('poison org-poison 400');
    ok(wait_until(sub { $f->dest->{spooled} == 0 }, 20), 'the backlog drains');

    my $refused = $f->dest->{dropped}{refused};
    cmp_ok($refused, '>=', 8, 'the poison batch is refused');
    cmp_ok($refused, '<=', 24, 'only the poison batch is refused');
    $f->receiver->mode('ok');
    $f->settled('poison in the backlog', dropped => { default => $refused });
    kept_is($f, $refused, 'backlog');
    $f->end;
}


subtest 'gRPC' => sub {
    my $peer = OpenQoE::NodePeer->new('grpc_server.js', ids => 1)->start;
    my $f = OpenQoE::Faults->new(workers => 1);
    my %final = map { $_ => 1 } qw(3 6 8 9);
    my $well = sub { $peer->mode(mode => 'ok') };
    my $refused = 0;

    # the collector of the scenario is this one

    $f->{grpc} = $peer;
    $f->nginx->write_config(exporter => 'endpoint ' . $peer->url
                            . '; protocol grpc; interval 100ms;',
                            http => 'openqoe_spool ' . $f->spool_dir
                            . ' max_size=64m;');
    $f->nginx->start;

    for my $code (1 .. 16) {
        told($f, sub { $peer->mode(mode => 'status', code => $code) }, $well,
             { name => "gRPC $code", final => $final{$code} });
        $refused += $final{$code} // 0;
    }

    my $took = told($f, sub { $peer->mode(mode => 'status', code => 8,
                                          retry_ms => 2500) }, $well,
                    { name => 'RESOURCE_EXHAUSTED with RetryInfo' });
    cmp_ok($took, '>', 2.2, sprintf 'not before it says (%.1f s)', $took);
    cmp_ok($took, '<', scaled(12), 'the batch is sent soon after that time');

    told($f, sub { $peer->mode(mode => 'drop') }, $well,
         { name => 'connection dropped' });

    my $before = $f->dest;
    $peer->mode(mode => 'goaway');
    is($f->status(3), 202, 'events are accepted before GOAWAY');
    ok(wait_until(sub { $f->dest->{exported} == $before->{exported} + 3 }, 10),
       'events in flight at GOAWAY are delivered');
    $peer->mode(mode => 'partial', rejected => 2, message => 'two');
    is($f->status(5), 202, 'events with a partial success are accepted');
    ok(wait_until(sub { $f->dest->{rejected} == 2 }, 5),
       'two of these events count as rejected');
    $well->();

    is($f->status(3), 202, 'new events are accepted');
    my $oracle = $f->oracle;
    ok(wait_until(sub {
        $oracle->delivered_file($peer->file);
        $oracle->report->{missing} == $refused;
    }, 10), 'all events but the refused ones are delivered');
    is($f->dest->{dropped}{refused}, $refused, 'refused events are counted');
    kept_is($f, $refused, 'gRPC');
    is(OpenQoE::Faults::difference($f->dest), 0,
       'the sums of the exporter agree');
    $f->end;
    ok($peer->stop, 'the peer exits in order');
};

done_testing;
