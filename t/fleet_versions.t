#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Two versions of the module in one fleet: an edge with one that knows nothing
# of fleets beside two of today, between which viewers move, and its upgrade
# while the centre is away.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Centre;
use OpenQoE::Fleet;
use OpenQoE::FleetTest;
use OpenQoE::Movers;
use OpenQoE::Peers qw(older_module);

need_centre();
my ($older, $why) = older_module();
plan(skip_all => $why) if !$older;

my $now = $ENV{TEST_NGINX_OPENQOE_MODULE};
my $centre = OpenQoE::Centre->new->start;
my $fleet = OpenQoE::Fleet->new(edges => 3, endpoint => $centre->url,
    modules => { 2 => $older }, old => { 2 => 1 })->start;
my @movers = map { OpenQoE::Movers->new(sessions => 100, edges => 3,
                                        first => 1000 * $_, seed => $_ + 20) }
             0 .. 2;

sub truth ($n) { OpenQoE::Movers->together(@movers[0 .. $n]) }

ok(post_movers($fleet, $movers[0]), 'edges of both versions take events');
ok($fleet->wait_final, 'the centre has all records');
sums_are($centre, truth(0), 'two versions');
my ($row) = $centre->query('totals', whole());
cmp_ok($row->{viewers}, '<=', 2 * $movers[0]->truth->{viewers},
       'a viewer counts twice at most, for the older edge has its own key');

# The older edge leaves records on disk, which the newer module sends.

$centre->stop_part;
ok(post_movers($fleet, $movers[1]),
   'they take events while the centre is away');
ok(wait_until(sub { my ($views, $records) = $fleet->views(2);
                    !$views->{active} && !$views->{records_waiting}
                    && $records->{spooled} > 10 }, 40),
   'the older edge has records on disk');
ok($fleet->nginx(2)->stop, 'the older edge stops by itself');
$fleet->upgrade(2, $now);
$centre->start_collector;
ok($fleet->wait_final, 'the newer module sends what it found');
sums_are($centre, truth(1), 'after the upgrade');

ok(post_movers($fleet, $movers[2]), 'the upgraded edge takes events');
ok($fleet->wait_final, 'the centre has all records');
sums_are($centre, truth(2), 'in the end');

ok($fleet->stop, 'the edges stop by themselves');
ok($centre->stop, 'the parts of the centre stop by themselves');
$fleet->nginx($_)->no_errors(name => "edge $_: nothing at alert, crit or emerg")
    for $fleet->all;

done_testing;
