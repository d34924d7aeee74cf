#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# What "./build.sh fleet" runs, t/tools/fleet.pl, with two edges and few
# sessions: in the table that it prints the centre says what happened, and the
# edges, added up, do not.  Whether a run ends or is interrupted, nothing that
# it started is left.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Movers;
use OpenQoE::Peers qw(clickhouse_python fleet_collector victorialogs);

my @tool = ($^X, "$FindBin::Bin/tools/fleet.pl");
my ($sessions, $edges) = (20, 2);

# what cannot run is refused before anything starts

for my $case ([ 'EDGES', '1', 'EDGES is a number from 2 to 20' ],
              [ 'SESSIONS', 'many', 'SESSIONS is a number from 1 to 2000' ],
              [ 'MINUTES', '601', 'MINUTES is a number from 0 to 600' ])
{
    my ($name, $value, $says) = @$case;
    my ($rc, $out, $err) = run_cmd({ env => { $name => $value } }, @tool);

    isnt($rc, 0, "$name=$value is refused");
    is("$out$err", "fleet: $says\n", "the message says what $name can be");
}


# All processes below one.

sub below ($pid) { map { ($_, below($_)) } children($pid) }


# The rows of a table: name => [ truth, sum of edges, centre ].

sub rows ($table) {
    return map { /^ +(\S.*?) {2,}(\d+) +(\d+) +(\d+)$/ ? ($1 => [ $2, $3, $4 ])
                                                       : () }
           split /\n/, $table;
}


sub start ($minutes) {
    return spawn_peer(
        cmd => \@tool, name => 'fleet', timeout => 90,
        env => { EDGES => $edges, SESSIONS => $sessions, MINUTES => $minutes,
                 ENGINE => undef },
        ready => qr/^edge 1:  (\S+)$/m);
}


SKIP: {
    my ($collector, $why) = fleet_collector();
    skip($why, 1) if !$collector;
    my ($engine, $no_clickhouse) = clickhouse_python();
    ($engine, $why) = victorialogs() if !$engine;
    skip("$no_clickhouse; $why", 1) if !$engine;

    # a run to its end

    my $fleet = start(0);
    my @started = below($fleet->pid);
    my $status = $fleet->wait(120);
    my $text = $fleet->output;

    is($status, 0, 'a run ends well') or diag($text, $fleet->errors);
    cmp_ok(scalar @started, '>=', $edges + 2,
           'it starts the edges, a Collector and an engine');
    ok(wait_until(sub { !grep { kill 0, $_ } @started }, 20),
       'none of them is left after it');

    # the first sessions that it makes
    my $truth = OpenQoE::Movers->new(
        sessions => $sessions, edges => $edges, viewers => 5 * $sessions,
    )->truth;
    my %row = rows(($text =~ /^In the end: (.*)\z/ms)[0] // '');

    cmp_ok($truth->{moved}, '>', 0, 'some views move between the edges');
    like($text, qr/^In\ the\ end:\ $edges\ edges,\ $sessions\ sessions,
                   \ $truth->{moved}\ views\ moved$/mx,
         'the table says how many edges, sessions and moves it is about');
    is(scalar keys %row, 9, 'it has a row for each number');

    my %is = (%$truth, %{ $truth->{outcomes} });
    for my $name (sort keys %row) {
        my $key = { 'views started' => 'started', 'playing, s' => 'playing_ms',
                    'distinct viewers' => 'viewers' }->{$name}
                  // $name =~ s/ /_/gr;
        my $want = $is{$key} // 0;

        is($row{$name}[0],
           $key eq 'playing_ms' ? sprintf('%.0f', $want / 1000) : $want,
           "the truth about $name is what the sessions are made of");
        is($row{$name}[2], $row{$name}[0],
           "the centre says the truth about $name");
    }

    cmp_ok($row{'views started'}[1], '>=', $truth->{started} + $truth->{moved},
           'the edges, added up, have each view that moved more than once');
    is($row{'playing, s'}[1], $row{'playing, s'}[0],
       'what was played can be added up');
    cmp_ok($row{'distinct viewers'}[1], '>', $row{'distinct viewers'}[0],
           'distinct viewers cannot');

    # a run that is interrupted

    $fleet = start(10);
    @started = below($fleet->pid);
    cmp_ok(scalar @started, '>=', $edges + 2, 'another run starts as much');
    like(http_get($fleet->{ready}[0] =~ /:(\d+)/, '/v2/stats')->{body},
         qr/"views"/, 'the address of an edge that it prints answers');
    ok($fleet->stop('INT', 30), 'Ctrl-C ends it');
    ok(wait_until(sub { !grep { kill 0, $_ } @started }, 20),
       'and all that it started');
}

done_testing;
