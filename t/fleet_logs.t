#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# A small fleet: edges whose viewers move between them, a real Collector with
# deploy/fleet/collector-victorialogs.yaml, a real VictoriaLogs, and the queries
# of deploy/fleet/victorialogs: what these say is what happened, also with a
# tenth of the records twice and after VictoriaLogs was away.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(sum0);

use OpenQoE::Centre;
use OpenQoE::Fleet;
use OpenQoE::FleetTest;
use OpenQoE::Movers;
use OpenQoE::Peers qw(fleet_collector victorialogs);

for my $part (\&fleet_collector, \&victorialogs) {
    my ($path, $why) = $part->();
    plan(skip_all => $why) if !$path;
}

my $centre = OpenQoE::Centre->new(
    engine => 'victorialogs', collector => 'collector-victorialogs.yaml')->start;
my $fleet = OpenQoE::Fleet->new(edges => 2, files => 1,
                                endpoint => $centre->url)->start;
my @movers = map { OpenQoE::Movers->new(sessions => 150, edges => 2,
                                        first => 1000 * $_, seed => $_ + 3) }
             0, 1;
my @EXACT = qw(views started playing_ms stalled_ms stalls errors startups
               startup_ms);


# The rows of a query; what was stored a moment ago may not be seen yet.

sub ask ($query) { $centre->logsql($query, whole()) }


sub says ($truth, $name) {
    my ($totals, %outcomes, %got);

    wait_until(sub {
        ($totals) = ask('totals');
        %outcomes = map { $_->{outcome} => 0 + $_->{views} } ask('outcomes');
        %got = map { $_ => 0 + ($totals->{$_} // 0) } @EXACT;
        return !grep { $got{$_} != $truth->{$_} } @EXACT;
    }, 10);

    is_deeply(\%got, { map { $_ => $truth->{$_} } @EXACT },
              "$name: totals.logsql is the truth");
    is_deeply(\%outcomes, $truth->{outcomes},
              "$name: outcomes.logsql has how each view ended");
    is((ask('viewers'))[0]{viewers}, $truth->{viewers},
       "$name: viewers.logsql has each viewer once");
    is((ask('stalls'))[0]{stalls}, $truth->{stalls},
       "$name: stalls.logsql has all stalls");

    my $ratio = $truth->{stalled_ms} / ($truth->{stalled_ms}
                                        + $truth->{playing_ms});
    cmp_ok(abs((ask('rebuffer_ratio'))[0]{rebuffer_ratio} - $ratio), '<', 1e-9,
           "$name: rebuffer_ratio.logsql is the truth");
    cmp_ok(abs((ask('startup'))[0]{mean}
               - $truth->{startup_ms} / $truth->{startups}), '<', 1e-6,
           "$name: the mean of startup.logsql is the truth");
}


my $truth = $movers[0]->truth;

ok(post_movers($fleet, $movers[0]), 'the edges take all events');
ok($fleet->wait_final, 'VictoriaLogs has all records');
says($truth, 'moves');

subtest 'what else the queries say' => sub {
    my $titles = $truth->{titles};
    my @want = (sort { $titles->{$b} <=> $titles->{$a} || $a cmp $b }
                keys %$titles)[0 .. 9];

    is_deeply([ map { "$_->{video_id} $_->{views}" } ask('top_titles') ],
              [ map { "$_ $titles->{$_}" } @want ],
              'top_titles.logsql has the ten of all edges');
    is(sum0(map { $_->{views} } ask('by_cdn')), $truth->{views},
       'by_cdn.logsql has all views');
    is((ask('errors'))[0]{views}, $truth->{errors},
       'errors.logsql has what failed');
    is(join(' ', map { $_->{'openqoe.edge'} } ask('edges')), 'edge-0 edge-1',
       'edges.logsql has a line for each edge');
};

cmp_ok(play_again($fleet, $centre, 10), '>', 20, 'records are sent again');
says($truth, 'replays');

$centre->stop_part('engine');
ok(post_movers($fleet, $movers[1]),
   'the edges take all events while VictoriaLogs is away');
ok(wait_until(sub {
       sum0(map { ($fleet->views($_))[1]{spooled} } $fleet->all) > 50;
   }, 30), 'the spools of the edges have the records');
$centre->start_engine;
ok($fleet->wait_final, 'once it is back it has all records');
says(OpenQoE::Movers->together(@movers), 'after the outage');

ok($fleet->stop, 'the edges stop by themselves');
ok($centre->stop, 'the parts of the centre stop by themselves');
$fleet->nginx($_)->no_errors(name => "edge $_: nothing at alert, crit or emerg")
    for $fleet->all;

done_testing;
