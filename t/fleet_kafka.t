#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The way through Kafka: edges whose viewers move between them, a real Collector
# with deploy/fleet/collector-to-kafka.yaml, a real broker (KRaft), another
# Collector with collector-from-kafka.yaml, and the engine of ClickHouse.  Broker,
# engine and Collectors are away in turn, and what the centre says is what
# happened.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(sum0);

use OpenQoE::Centre;
use OpenQoE::Fleet;
use OpenQoE::FleetTest;
use OpenQoE::Movers;
use OpenQoE::Peers qw(kafka_jars peers_dir);

need_centre();
my ($jars, $why) = kafka_jars();
plan(skip_all => $why) if !$jars;

my $dir = scratch_dir('kafka');
my ($port, $controller) = free_ports(2);
my ($to, $from) = ('collector-to-kafka.yaml', 'collector-from-kafka.yaml');
my $broker;


sub start_broker () {
    $broker = spawn_peer(
        cmd => [peers_dir() . '/kafka/run.sh', $jars, "$dir/kafka", $port,
                $controller], name => 'kafka', timeout => 90,
        ready => qr/Kafka Server started/);
}


start_broker();
my $centre = OpenQoE::Centre->new(collector => $to,
    env => { KAFKA => "127.0.0.1:$port" })->start;
$centre->start_collector($from);

my $fleet = OpenQoE::Fleet->new(edges => 2, endpoint => $centre->url)->start;
my @movers = map { OpenQoE::Movers->new(sessions => 80, edges => 2,
                                        first => 1000 * $_, seed => $_ + 3) }
             0 .. 2;


# Waits for the sums of the views; says what differs in the end.

sub arrives ($n, $name) {
    my $truth = OpenQoE::Movers->together(@movers[0 .. $n]);

    wait_until(sub {
        my ($row) = $centre->query('totals', whole());
        return $row->{views} == $truth->{views}
               && $row->{playing_ms} == $truth->{playing_ms};
    }, 60);
    sums_are($centre, $truth, $name);
}


ok(post_movers($fleet, $movers[0]), 'the edges take all events');
ok($fleet->wait_final, 'Kafka has all records');
arrives(0, 'through Kafka');

# Without a broker the records wait at the edges.

$broker->stop('TERM', 20);
ok(post_movers($fleet, $movers[1]),
   'the edges take all events while the broker is away');
ok(wait_until(sub {
       sum0(map { ($fleet->views($_))[1]{spooled} } $fleet->all) > 20;
   }, 40), 'the spools of the edges have the records');
start_broker();
ok($fleet->wait_final, 'once it is back Kafka has all records');
arrives(1, 'after a broker that was away');

# Without the engine and the Collector before it they wait in the broker.

$centre->stop_part($from, 'KILL');
$centre->stop_part('engine');
ok(post_movers($fleet, $movers[2]),
   'the edges take all events while the engine is away');
ok($fleet->wait_final, 'Kafka has all records, and no edge waits');
$centre->start_collector($from);
$centre->start_engine;
arrives(2, 'after an engine that was away');
answers_are($centre, OpenQoE::Movers->together(@movers),
            'after an engine that was away');

my ($twice) = $centre->sql('SELECT count() - uniqExact(org_id, session_id, '
    . 'view_id, start, play, edge) AS n FROM openqoe.part FINAL');
is($twice->{n}, 0, 'no record is there twice');

ok($fleet->stop, 'the edges stop by themselves');
ok($centre->stop, 'the parts of the centre stop by themselves');
ok($broker->stop('TERM', 30), 'the broker stops by itself');
done_testing;
