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
my $fleet = OpenQoE::Fleet->new(edges => 3, files => 1,
                                endpoint => $centre->url)->start;
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
    my (%sent, @before, @after, %gone);

    # What comes to it after some other edge had the view would come late.
    for my $request (@requests) {
        my $id = $request->{events}[0]{view_id};
        my $early = $request->{edge} == $victim && !$gone{$id}++;
        push @{ $early ? \@before : \@after }, $request;
    }

    # The centre is away again, so that the records are on disk alone.
    $centre->stop_part;
    $sent{ $_->{events}[0]{view_id} } += @{ $_->{events} } for @before;
    ok(!(grep { !$fleet->post($victim, $_->{events}) } @before),
       'the edge takes the first events of its views');

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
    $fleet->nginx($victim)->start;
    ok(!(grep { $_->{edge} == $victim
                && !$fleet->post($_->{edge}, $_->{events}) } @after),
       'the edge takes events again');
    $centre->start_collector;
    ok($fleet->wait_final, 'the centre has all records');

    my $truth = truth(3);
    my ($row) = $centre->query('totals', whole());
    is($row->{$_}, $truth->{$_}, "the centre has the truth about $_")
        for qw(views started playing_ms stalls stalled_ms handover_ms);
};

my ($twice) = $centre->sql('SELECT count() - uniqExact(org_id, session_id, '
    . 'view_id, start, play, edge) AS n FROM openqoe.part FINAL');
is($twice->{n}, 0, 'no record is there twice');

ok($fleet->stop, 'the edges stop by themselves');
ok($centre->stop, 'the parts of the centre stop by themselves');
$fleet->nginx($_)->no_errors(name => "edge $_: nothing at alert, crit or emerg")
    for $fleet->all;

done_testing;
