#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Which records make one view, and what it says: openqoe.views of
# deploy/fleet/clickhouse/schema.sql, asked on the engine of ClickHouse about
# records that are made up here.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Centre;
use OpenQoE::Peers qw(clickhouse_python);

my ($python, $why) = clickhouse_python();
plan(skip_all => $why) if !$python;

my $centre = OpenQoE::Centre->new->start_engine;
my $hour = int(time / 3600) * 3600 - 3600;
my $serial = 0;


# Puts records of a view_id into the table of the exporter: [ edge, seconds of
# its begin, of its end, { attribute => value } ].

sub put ($id, @records) {
    my @rows;

    for my $record (@records) {
        my ($edge, $from, $to, $more) = @$record;
        my %attr = (
            org_id => 'acme', session_id => "s-$id", view_id => $id,
            'openqoe.edge' => $edge, video_id => 'v-1',
            'openqoe.view.play' => 1, 'openqoe.view.seq' => 1,
            'openqoe.view.started' => 'true',
            'openqoe.view.start_ms' => int(1000 * ($hour + $from)),
            'openqoe.view.end_ms' => int(1000 * ($hour + $to)),
            'openqoe.view.playing_ms' => int(1000 * ($to - $from)),
        );

        for my $name (keys %{ $more // {} }) {
            my $key = exists $attr{$name} ? $name : "openqoe.view.$name";
            $attr{$key} = $more->{$name};
        }

        $attr{'openqoe.view.final'} = 'true' if $attr{'openqoe.view.outcome'};
        push @rows, '(now64(9), map(' . join(', ', map { "'$_', '$attr{$_}'" }
                                             sort keys %attr) . '))';
    }

    $centre->sql('INSERT INTO openqoe.otel_logs (Timestamp, LogAttributes) '
                 . 'VALUES ' . join ', ', @rows);
}


# [outcome, played s, handover s, overlap s, edges] of each view of an id

sub views_of ($id) {
    return [ map { [ $_->{outcome}, map { 0 + $_ }
                     $_->{playing_ms} / 1000, $_->{handover_ms} / 1000,
                     $_->{overlap_ms} / 1000, $_->{edges} ] }
        $centre->sql('SELECT * FROM openqoe.views(since = toDateTime('
            . "{since:UInt32}, 'UTC'), until = toDateTime({until:UInt32}, "
            . "'UTC')) WHERE view_id = {id:String} ORDER BY number",
            since => $hour - 3 * 86400, until => $hour + 86400, id => $id) ];
}


my @cases = (
    [ 'a view that one edge saw is that',
      [ [ [ a => 0, 60, { outcome => 'completed', end_reason => 'ended' } ] ],
      ], [ completed => 60, 0, 0, 1 ] ],

    [ 'the highest number counts, in whatever order the records come',
      [ [ [ a => 0, 60, { seq => 3, outcome => 'completed' } ] ],
        [ [ a => 0, 20, { seq => 1 } ] ], [ [ a => 0, 40, { seq => 2 } ] ],
        [ [ a => 0, 60, { seq => 3, outcome => 'completed' } ] ] ],
      [ completed => 60, 0, 0, 1 ] ],

    [ 'a final record counts, though a lost process had counted further',
      [ [ [ a => 0, 20, { seq => 9 } ] ],
        [ [ a => 0, 60, { seq => 2, outcome => 'completed' } ] ] ],
      [ completed => 60, 0, 0, 1 ] ],

    [ 'a view that moves is one view, and ends as its last record says',
      [ [ [ a => 0, 20, { outcome => 'played', end_reason => 'silent' } ],
          [ b => 30, 60, { outcome => 'completed', end_reason => 'ended' } ],
        ] ],
      [ completed => 50, 10, 0, 2 ] ],

    [ 'an edge that is lost leaves a record that is not final',
      [ [ [ a => 0, 20 ], [ b => 30, 60, { outcome => 'completed' } ] ] ],
      [ completed => 50, 10, 0, 2 ] ],

    [ 'an edge that lost a view and gets it again has two records of it',
      [ [ [ a => 0, 20 ], [ a => 30, 60, { outcome => 'completed' } ] ] ],
      [ completed => 50, 10, 0, 1 ] ],

    [ 'a replay under the same view_id is another view',
      [ [ [ a => 0, 60, { outcome => 'completed', end_reason => 'ended' } ],
          [ a => 70, 90, { play => 2, outcome => 'played' } ] ] ],
      [ completed => 60, 0, 0, 1 ], [ played => 20, 0, 0, 1 ] ],

    [ 'a replay at another edge, which counts from 1, is another view',
      [ [ [ a => 0, 60, { outcome => 'completed', end_reason => 'ended' } ],
          [ b => 70, 90, { outcome => 'played' } ] ] ],
      [ completed => 60, 0, 0, 1 ], [ played => 20, 0, 0, 1 ] ],

    [ 'another video under the same view_id is another view',
      [ [ [ a => 0, 60, { outcome => 'played', end_reason => 'silent' } ],
          [ b => 70, 90, { video_id => 'v-2', outcome => 'played' } ] ] ],
      [ played => 60, 0, 0, 1 ], [ played => 20, 0, 0, 1 ] ],

    [ 'a view that goes on after a long silence is one view',
      [ [ [ a => 0, 60, { outcome => 'played', end_reason => 'silent' } ],
          [ a => 1000, 1060, { continued => 'true',
                               outcome => 'completed' } ] ] ],
      [ completed => 120, 940, 0, 1 ] ],

    [ 'requests that go to and fro are played once',
      [ [ [ a => 0, 90, { outcome => 'played', end_reason => 'silent' } ],
          [ b => 10, 100, { outcome => 'completed',
                            end_reason => 'ended' } ] ] ],
      [ completed => 100, 0, 80, 2 ] ],

    [ 'what one of several edges saw in the midst of it is no other view',
      [ [ [ a => 0, 100, { outcome => 'completed', end_reason => 'ended' } ],
          [ b => 10, 90, { outcome => 'played', end_reason => 'silent' } ],
          [ c => 20, 80, { outcome => 'played', end_reason => 'silent' } ] ] ],
      [ completed => 100, 0, 140, 3 ] ],

    [ 'a view without a final record is alive',
      [ [ [ a => 3500, 3590 ] ] ], [ alive => 90, 0, 0, 1 ] ],

    [ 'a view of which nothing came for hours is unfinished',
      [ [ [ a => -20000, -19000 ] ] ], [ unfinished => 1000, 0, 0, 1 ] ],
);

for my $case (@cases) {
    my ($name, $puts, @want) = @$case;
    my $id = 'view-' . ++$serial;

    put($id, @$_) for @$puts;
    is_deeply(views_of($id), \@want, $name);
}


subtest 'what comes with a view' => sub {
    put('all', [ a => 0, 20, { startup_ms => 800, stalls => 2,
                               stalled_ms => 900, errors => 1 } ],
               [ b => 30, 60, { stalls => 1, stalled_ms => 600,
                                outcome => 'completed' } ]);
    my ($view) = $centre->sql(
        "SELECT * FROM openqoe.views(since = toDateTime({t:UInt32}, 'UTC'), "
        . "until = toDateTime({t:UInt32} + 3600, 'UTC')) "
        . "WHERE view_id = 'all'", t => $hour);

    is($view->{startup_ms}, 800, 'the startup is that of the edge that saw it');
    is($view->{stalls}, 3, 'stalls are added up');
    is($view->{stalled_ms}, 1500, 'their time is added up');
    is($view->{last_edge}, 'b', 'the last edge is named');
};


subtest 'when a view begins' => sub {
    my $count = sub ($since, $until) {
        my ($row) = $centre->sql('SELECT count() AS n FROM openqoe.views('
            . "since = toDateTime({a:UInt32}, 'UTC'), "
            . "until = toDateTime({b:UInt32}, 'UTC')) "
            . "WHERE view_id = 'over'", a => $since, b => $until);
        return $row->{n};
    };

    put('over', [ a => 1700, 1790, { outcome => 'played' } ],
                [ b => 1810, 1900, { outcome => 'completed' } ]);
    is($count->($hour, $hour + 1800), 1,
       'it is in the half hour in which it begins');
    is($count->($hour + 1800, $hour + 3600), 0,
       'it is not in the one in which it goes on elsewhere');
};


subtest 'a log that is no record of a view' => sub {
    my $rows = sub () {
        ($centre->sql('SELECT count() AS n FROM openqoe.part'))[0]{n} };
    my $before = $rows->();
    $centre->sql('INSERT INTO openqoe.otel_logs (Timestamp, LogAttributes, '
                 . "EventName) VALUES (now64(9), map('view_id', 'x'), 'beat')");
    is($rows->(), $before, 'does not become one');
};


subtest 'an attribute without a column' => sub {
    $centre->sql('INSERT INTO openqoe.otel_logs (Timestamp, LogAttributes) '
        . "VALUES (now64(9), map('view_id', 'own', 'openqoe.view.seq', '1', "
        . "'openqoe.view.start_ms', '${hour}000', 'my_dimension', 'x'))");
    my ($row) = $centre->sql('SELECT more[\'my_dimension\'] AS m FROM '
                             . "openqoe.part WHERE view_id = 'own'");
    is($row->{m}, 'x', 'is kept beside the columns');
};


# The columns and those that are set aside are the record's and no others.

subtest 'attributes that the record has' => sub {
    my $schema = slurp(OpenQoE::Centre::deploy_dir()
                       . '/clickhouse/schema.sql');
    my $header = slurp("$FindBin::Bin/../src/view/qoe_view_record.h");
    my %has = map { $_ => 1 } $header =~ /^ *[A-Z]+\(\w+, "([^"]+)"/mg;
    my %dims = map { $_ => 1 } slurp("$FindBin::Bin/../docs/metrics.md")
               =~ /^\| `(\w+)` \|/mg;

    is_deeply([ grep { !$has{$_} && !$dims{$_} && $_ ne 'openqoe.edge' }
                $schema =~ /\ba\['([^']+)'\]/g ], [],
              'the schema asks for none that there is not');
};


ok($centre->stop, 'the engine stops by itself');
done_testing;
