#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# A fleet of three edges whose viewers move between them, a real Collector with
# deploy/fleet/collector.yaml, and the engine of ClickHouse with the schema and
# the queries of deploy/fleet/clickhouse: what the centre says is what happened,
# also with a tenth of the records twice.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(sum0);

use OpenQoE::Centre;
use OpenQoE::Fleet;
use OpenQoE::FleetTest;
use OpenQoE::Movers;
use OpenQoE::Peers qw(prometheus3);
use OpenQoE::Prometheus;

need_centre();

my ($prometheus) = prometheus3();
my $metrics = $prometheus && OpenQoE::Prometheus->new(
    program => $prometheus, jobs => {},
    args => ['--web.enable-remote-write-receiver'])->start;
my $centre = OpenQoE::Centre->new($metrics ? (remote_write =>
    'http://127.0.0.1:' . $metrics->port . '/api/v1/write') : ())->start;
my $fleet = OpenQoE::Fleet->new(edges => 3, files => 1,
    signals => $metrics ? 'views metrics' : 'views',
    endpoint => $centre->url)->start;
my $movers = OpenQoE::Movers->new(sessions => 300, edges => 3);
my $truth = $movers->truth;

cmp_ok($truth->{moved}, '>', 80, 'many views move between edges');
ok(post_movers($fleet, $movers), 'the edges take all events');
ok($fleet->wait_final, 'the centre has all records');

sums_are($centre, $truth, 'moves');
answers_are($centre, $truth, 'moves');


subtest 'edges that are added up one by one are wrong' => sub {
    my @edges = $centre->query('edges', whole());

    is_deeply([ map { $_->{edge} } @edges ], [ map { "edge-$_" } 0 .. 2 ],
              'edges.sql has a line for each edge');
    cmp_ok(sum0(map { $_->{parts} } @edges), '>', 1.2 * $truth->{views},
           'the edges together have many more views than there were');
};

subtest 'which titles are watched most' => sub {
    my $titles = $truth->{titles};
    my @want = (sort { $titles->{$b} <=> $titles->{$a} || $a cmp $b }
                keys %$titles)[0 .. 9];

    is_deeply([ map { "$_->{video_id} $_->{views}" }
                $centre->query('top_titles', whole()) ],
              [ map { "$_ $titles->{$_}" } @want ],
              'top_titles.sql has the ten of all edges');
};

subtest 'what else the queries say' => sub {
    my @moves = $centre->query('moves', whole());
    is(sum0(map { $_->{edges} > 1 ? $_->{views} : 0 } @moves), $truth->{moved},
       'moves.sql has the views that moved');

    my ($error) = $centre->query('errors', whole());
    is("$error->{error_type} $error->{error_code} $error->{views}",
       "network 403 $truth->{errors}", 'errors.sql has what failed');

    my ($bitrate) = $centre->query('bitrate', whole());
    cmp_ok($bitrate->{bitrate}, '>', 1_200_000, 'bitrate.sql has a bitrate');
    cmp_ok($bitrate->{bitrate}, '<', 4_800_000,
           'bitrate.sql is between the renditions');

    for my $query (qw(by_cdn by_minute)) {
        is(sum0(map { $_->{views} } $centre->query($query, whole())),
           $truth->{views}, "$query.sql has all views");
    }

    my ($view) = map { $_->{events}[0]{view_id} } $movers->requests;
    my @parts = $centre->query('view', whole(), view => $view);
    cmp_ok(scalar @parts, '>', 0, 'view.sql has the records of a view');
};

# What metrics say of a fleet: each edge for itself.  A view that moves is in
# several of them, which is why the records are there.

subtest 'metrics reach Prometheus by remote write' => sub {
    plan(skip_all => 'no Prometheus 3') if !$metrics;

    my ($parts) = $centre->sql('SELECT count() AS n, sum(started) AS s '
                               . 'FROM openqoe.part FINAL');
    ok(wait_until(sub {
           ($metrics->value('sum(openqoe_views_total)') // 0) == $parts->{n};
       }, 30), 'they count each record that is over')
        or diag($metrics->value('sum(openqoe_views_total)') // 'none',
                " of $parts->{n}");
    is($metrics->value('count(count by (instance) (openqoe_views_total))'), 3,
       'the name of the edge is their instance');
    is($metrics->value('count(openqoe_views_total{video_id!=""})') // 0, 0,
       'they have few dimensions');
};

subtest 'a tenth of the records comes again, the last ones first' => sub {
    my $rows = sub () {
        ($centre->sql('SELECT count() AS n FROM openqoe.part'))[0]{n} };
    my $before = $rows->();

    # else a merge could have made the replayed rows one already
    $centre->sql('SYSTEM STOP MERGES openqoe.part');
    my $sent = play_again($fleet, $centre, 10);
    cmp_ok($sent, '>', 40, 'many records are sent again');
    cmp_ok($rows->(), '>', $before, 'the table has them twice');
    sums_are($centre, $truth, 'replays');
    answers_are($centre, $truth, 'replays');

    $centre->sql('SYSTEM START MERGES openqoe.part');
    $centre->sql('OPTIMIZE TABLE openqoe.part FINAL');
    sums_are($centre, $truth, 'replays, merged');
};

subtest 'the hours of a day' => sub {
    my ($day) = $centre->sql(
        'SELECT toString(toDate(min(start))) AS d FROM openqoe.part');
    my $sum = sub () { ($centre->sql(
        'SELECT sum(views) AS views, sum(playing_ms) AS playing_ms '
        . 'FROM openqoe.agg_1h'))[0] };

    $centre->run_file('roll.sql', day => $day->{d});
    my $once = $sum->();
    my ($want) = $centre->sql(
        'SELECT sum(views) AS views, sum(playing_ms) AS playing_ms '
        . "FROM openqoe.agg_1m WHERE toDate(time) = '$day->{d}'");
    is_deeply($once, $want, 'roll.sql makes the sums of that day');

    $centre->run_file('roll.sql', day => $day->{d});
    is_deeply($sum->(), $once, 'roll.sql run twice makes them once');
};

# Edges get a new key one by one.  Until all have it a viewer may have two
# hashes, and nothing else changes.

subtest 'a new key' => sub {
    my $more = OpenQoE::Movers->new(sessions => 60, edges => 3, first => 1000,
                                    seed => 51);

    $fleet->new_keys(0);
    ok(post_movers($fleet, $more), 'edges with both keys take events');
    ok($fleet->wait_final, 'the centre has all records');
    my $both = OpenQoE::Movers->together($movers, $more);
    sums_are($centre, $both, 'two keys');
    my ($row) = $centre->query('totals', whole());
    cmp_ok($row->{viewers}, '>=', $both->{viewers}, 'no viewer is missed');
    cmp_ok($row->{viewers}, '<=', 2 * $both->{viewers},
           'a viewer counts twice at most');

    $fleet->new_keys(1, 2);
    my $late = OpenQoE::Movers->new(sessions => 60, edges => 3, first => 9000,
                                    seed => 77, org => 'late');
    ok(post_movers($fleet, $late), 'edges with the new key take events');
    ok($fleet->wait_final, 'the centre has all records');
    ($row) = $centre->query('totals', whole(), org => 'late');
    is($row->{viewers}, $late->truth->{viewers},
       'once all have the new key each viewer counts once');
};

ok(!$metrics || $metrics->stop, 'Prometheus stops by itself');
ok($fleet->stop, 'the edges stop by themselves');
ok($centre->stop, 'the parts of the centre stop by themselves');
$fleet->nginx($_)->no_errors(name => "edge $_: nothing at alert, crit or emerg")
    for $fleet->all;

done_testing;
