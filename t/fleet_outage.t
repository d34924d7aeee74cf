#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# A fleet whose centre is away, part by part, while viewers go on and an edge
# loses its power: what the spools of the edges keep is at the centre once, and
# what the centre says is what happened.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(sum0);

use OpenQoE::Centre;
use OpenQoE::Fleet;
use OpenQoE::FleetTest;
use OpenQoE::Movers;

need_centre();

my $centre = OpenQoE::Centre->new->start;
my $fleet = OpenQoE::Fleet->new(edges => 3, files => 1, protocol => 'grpc',
                                endpoint => $centre->grpc_url)->start;
my @movers = map { OpenQoE::Movers->new(sessions => 100, edges => 3,
                                        first => 1000 * $_, seed => $_ + 7) }
             0 .. 3;


sub spooled () {
    return sum0(map { ($fleet->views($_))[1]{spooled} } $fleet->all);
}

sub truth ($n) { OpenQoE::Movers->together(@movers[0 .. $n]) }


# Waits until no view is alive, while records may still be on disk.

sub wait_over () {
    return wait_until(sub {
        !grep { my ($views, undef, $stats) = $fleet->views($_);
                $stats->{queue}{events} || $views->{active}
                || $views->{records_waiting} } $fleet->all;
    }, 60) && $fleet->wait_settled;
}


ok(post_movers($fleet, $movers[0]), 'at first the edges take all events');
ok($fleet->wait_final, 'and the centre has all records');
sums_are($centre, truth(0), 'at first');

# Collector and engine are away, as for an hour: edges keep all of it.

$centre->stop_part;
$centre->stop_part('engine');
ok(post_movers($fleet, $movers[1]),
   'the edges take all events while the centre is away');
ok(wait_over(), 'all views end, with their records on disk');
cmp_ok(spooled(), '>', 100, 'the spools of the edges have the records');

# An edge loses its power.  What views at it had was seen to be on disk, so
# nothing of them is lost; it comes back while the centre is still away.

ok($fleet->kill_edge(1), 'an edge is killed, master and workers');
$fleet->nginx(1)->start;
ok(wait_until(sub { ($fleet->views(1))[1]{spooled} > 10 }, 20),
   'its new processes find the spool');

# The Collector is back before the engine: it cannot know the columns of the
# table, and leaves EventName out, as long as it lives.

$centre->start_collector;
ok(wait_until(sub { $centre->output =~ /schema detection failed/ }, 20),
   'the Collector starts without the engine');
ok(post_movers($fleet, $movers[2]),
   'the edges take all events while the engine is away');
ok(wait_over(), 'all views end, and no record is lost');
my ($views) = $fleet->views(0);
is($views->{records_dropped}, 0, 'no record was given up');
cmp_ok(spooled(), '>', 200, 'the Collector refuses what it cannot store');

$centre->start_engine;
ok($fleet->wait_final, 'once the engine is back the centre has all records');
sums_are($centre, truth(2), 'after the outage');
answers_are($centre, truth(2), 'after the outage');


# An edge dies under views that go on elsewhere: they have no final record of
# it, and the last one of it counts.

subtest 'an edge is killed under views that go on at others' => sub {
    my @requests = $movers[3]->requests;
    my $victim = $requests[0]{edge};
    my (%sent, %gone, @before, @after);

    # Views that begin at it, play a while and then go elsewhere.
    for my $request (@requests) {
        my @events = @{ $request->{events} };
        my $early = $request->{edge} == $victim
                    && !$gone{ $events[0]{view_id} }++ && @events > 5
                    && $events[-1]{event_type} eq 'heartbeat';
        push @{ $early ? \@before : \@after }, $request;
    }

    # The centre is away again, so that the records are on disk alone.  Views do
    # not fall silent at this edge, so they have no final record.
    my $timeout = qr/(openqoe_view_timeout) [^;]*/;
    my ($short) = $fleet->nginx($victim)->{http} =~ /$timeout/ ? $& : die;
    my $long = 'openqoe_view_timeout 300s hidden=300s paused=300s';
    $fleet->change($victim, $timeout, $long);
    $centre->stop_part;
    $sent{ $_->{events}[0]{view_id} } += @{ $_->{events} } for @before;

    # The last event comes later than the interval, and so makes a record.
    my @early = map { [ @{ $_->{events} } ] } @before;
    my @last = map { [ pop @$_ ] } @early;
    ok(!(grep { @$_ && !$fleet->post($victim, $_) } @early),
       'the edge takes the first events of its views');
    sleep 3;
    ok(!(grep { !$fleet->post($victim, $_) } @last), 'and one more of each');

    ok(wait_until(sub {
           my %seen;
           $seen{ $_->{view_id} } += $_->{events}
               for $fleet->records($victim)->read->last;
           return !grep { ($seen{$_} // 0) != $sent{$_} } keys %sent;
       }, 30), 'records of the views say all of that');
    ok($fleet->wait_settled($victim), 'the records are on disk');
    ok($fleet->kill_edge($victim), 'the edge is killed');

    ok(!(grep { $_->{edge} != $victim
                && !$fleet->post($_->{edge}, $_->{events}) } @after),
       'the other edges take what follows');
    $fleet->nginx($victim)->write_config(
        http => $fleet->nginx($victim)->{http} =~ s/\Q$long\E/$short/r);
    $fleet->nginx($victim)->start;
    ok(!(grep { $_->{edge} == $victim
                && !$fleet->post($_->{edge}, $_->{events}) } @after),
       'the edge takes events again');
    $centre->start_collector;
    ok($fleet->wait_final, 'the centre has all records');

    my ($parts) = $centre->sql('SELECT countIf(NOT final) AS alive FROM '
                               . 'openqoe.part FINAL');
    is($parts->{alive}, scalar @before, 'its views have no final record of it');
    cmp_ok($parts->{alive}, '>', 5, 'which are several views');

    my $truth = truth(3);
    my ($row) = $centre->query('totals', whole());
    is($row->{$_}, $truth->{$_}, "the centre has the truth about $_")
        for qw(views started stalls stalled_ms);

    # An event is judged a moment later, so the last record of a view that an
    # edge loses may lack its last beat, which then is time that no edge saw.
    my $lost = $truth->{playing_ms} - $row->{playing_ms};
    cmp_ok($lost, '>=', 0, 'no playing is there twice');
    cmp_ok($lost, '<=', 11_000 * @before, 'a beat of each is missing at most');
    is($row->{handover_ms}, $truth->{handover_ms} + $lost,
       'and is in the time that no edge saw');
};

my ($twice) = $centre->sql('SELECT count() - uniqExact(org_id, session_id, '
    . 'view_id, start, play, edge) AS n FROM openqoe.part FINAL');
is($twice->{n}, 0, 'no record is there twice');

ok($fleet->stop, 'the edges stop by themselves');
ok($centre->stop, 'the parts of the centre stop by themselves');
$fleet->nginx($_)->no_errors(name => "edge $_: nothing at alert, crit or emerg")
    for $fleet->all;

done_testing;
