#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Records of views over a whole run of viewers, as a receiver has them: their
# sums are those of the metrics, also with workers that are killed, a reload,
# and a collector that is away.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Metrics qw(near);
use OpenQoE::NodePeer;
use OpenQoE::Records;
use OpenQoE::Viewers;

# Slower machines need more time for the same work, so the viewers take their
# time.
my $viewers = OpenQoE::Viewers->new(span => scaled(4000));
my $silence = int scaled(4);


# An nginx with two exporters: a receiver gets logs and records, a file gets
# metrics and, in JSON, records.

sub new_nginx ($peer, %opt) {
    my $nginx = OpenQoE::Nginx->new(
        workers => $opt{workers} // 2, zone => 'qoe:64m',
        http => "openqoe_metrics core rules view;\n"
                . "    openqoe_view_timeout ${silence}s hidden=${silence}s;\n"
                . '    openqoe_view_record interval='
                . ($opt{interval} // '1s') . ";\n" . ($opt{http} // ''));
    my $file = 'openqoe_exporter file { endpoint file://' . $nginx->out_file
               . '; interval 100ms; metric_interval 500ms; '
               . 'signals metrics views; spool off; }';

    $nginx->write_config(
        http => $nginx->{http} . "\n    $file",
        exporter => 'endpoint ' . $peer->url . "; protocol http/protobuf;\n"
                    . "        interval 50ms; signals logs views;");
    return $nginx->start;
}


# The records of an exporter in the stats, and whether they add up.

sub balance ($nginx, $name = 'default') {
    my $views = $nginx->stats->{exporters}{$name}{views};
    my $gone = 0;

    $gone += $_ for values %{ $views->{dropped} };
    $gone += $views->{$_} for qw(exported rejected queued spooled);
    return ($views, $views->{accepted} + $views->{recovered} - $gone);
}


# What a stream of the exporter has: 'logs' or 'views'.

sub part ($nginx, $stream) {
    my $exporter = $nginx->stats->{exporters}{default};
    return $stream eq 'views' ? $exporter->{views} : $exporter;
}


# Waits until a stream has delivered all that came, or has so much in its
# spool.

sub delivers ($nginx, $stream) {
    return wait_until(sub {
        my $part = part($nginx, $stream);
        return $part->{accepted} && $part->{exported} == $part->{accepted};
    }, scaled(20));
}

sub spools ($nginx, $stream) {
    return wait_until(sub { part($nginx, $stream)->{spooled} > 20 },
                      scaled(20));
}


# What metrics and final records both say; ms to seconds.

my %same = (
    'openqoe.views_started_total'      => [ 'started', 1 ],
    'openqoe.playing_time_seconds'     => [ 'playing_ms', 1000 ],
    'openqoe.watch_time_seconds'       => [ 'watched_ms', 1000 ],
    'openqoe.rebuffer_events_total'    => [ 'stalls', 1 ],
    'openqoe.rebuffer_duration'        => [ 'stalled_ms', 1 ],
    'openqoe.pause_events_total'       => [ 'pauses', 1 ],
    'openqoe.seek_total'               => [ 'seeks', 1 ],
    'openqoe.errors_total'             => [ 'errors', 1 ],
    'openqoe.dropped_frames_total'     => [ 'dropped_frames', 1 ],
    'openqoe.video_startup_time'       => [ 'startup_ms', 1 ],
    'openqoe.aggregate_startup_time'   => [ 'aggregate_startup_ms', 1 ],
    'openqoe.events_total'             => [ 'events', 1 ],
);


# The names of metrics whose sums are not those of the records; one event
# lost is allowed for each kill.

sub differences ($totals, $records, $kills) {
    my @wrong;

    for my $name (sort keys %same) {
        my ($attr, $unit) = @{ $same{$name} };
        my $total = $totals->{$name} // { value => 0 };
        my $want = $total->{value} // $total->{sum};
        my $got = $records->sum($attr) / $unit;
        my $one = $unit == 1 && $attr !~ /_ms/ ? 10 : 5000;

        push @wrong, "$name: $want, the records say $got"
            if !near($got, $want, 1e-6) && abs($got - $want) > $one * $kills;
    }

    return @wrong;
}


# Waits until no view is alive, and no record is on its way.  (While a lane has
# no helper its views may fall silent, and go on as others.)

sub all_over ($nginx) {
    return wait_until(sub {
        my $stats = $nginx->stats;
        my $views = $stats->{exporters}{default}{views};
        my $file = $stats->{exporters}{file}{views};
        return $stats->{queue}{events} == 0 && $stats->{views}{active} == 0
               && $stats->{views}{records_waiting} == 0
               && $views->{queued} + $views->{spooled} + $file->{queued} == 0;
    }, scaled(60));
}


sub run (%opt) {
    my $peer = OpenQoE::NodePeer->new('http_server.js')->start;
    my $nginx = new_nginx($peer, %opt);
    my $metrics = OpenQoE::Metrics->new($nginx->out_file);
    my $records = OpenQoE::Records->new($peer->file);
    my $json = OpenQoE::Records->new($nginx->out_file);
    my $kills = $opt{kills} // 0;

    $viewers->begin;
    ok($viewers->post($nginx, 0, 0.5), 'the first half is accepted');
    $opt{middle}->($nginx, $peer) if $opt{middle};
    ok($viewers->post($nginx, 0.5, 1), 'the second half is accepted');
    $opt{after}->($nginx, $peer) if $opt{after};

    ok(all_over($nginx), 'every view ends, and every record is delivered');
    ok($metrics->wait_collection, 'another collection is made after that');
    $records->read;
    $json->read;

    # Of views that end while the receiver gets no records, the file has them.
    $records = $json if $opt{by_file};
    cmp_ok(scalar $records->final, '>=', $viewers->views - $kills,
           'every view has a final record');

    my ($views, $difference) = balance($nginx);
    is($difference, 0, 'the records of the exporter add up');
    is($views->{queued} + $views->{spooled}, 0, 'no record waits');
    my $stats = $nginx->stats->{views};
    is($stats->{records_dropped}, 0, 'no record was given up');

    $metrics->read;
    is_deeply([ differences($metrics->totals, $records, $kills) ], [],
              'the sums over final records are those of the metrics');
    is($records->sum('events'), $json->sum('events'),
       'records in JSON are those in protobuf');
    is_deeply([ $records->contradictions ], [],
              'records with the same number say the same');
    is_deeply([ $records->bad ], [], 'no attribute appears twice');

    $opt{check}->($records, $metrics, $nginx) if $opt{check};
    ok($nginx->stop, 'nginx exits by itself');
    $nginx->no_errors(allow => $opt{kills} ? qr/exited on signal 9/
                             : $opt{allow});
    $peer->stop;
}


# Records are turned off and on by the reloads; those for the file go on.

subtest 'two reloads in the middle' => sub {
    run(workers => 4, by_file => 1, middle => sub ($nginx, $peer) {
        my $exporter = 'endpoint ' . $peer->url . '; protocol http/protobuf; '
                       . 'interval 50ms; signals logs';

        $nginx->write_config(exporter => "$exporter;");
        ok($nginx->reload, 'nginx reloads');
        is(part($nginx, 'views'), undef, 'the exporter gets no records now');
        $nginx->write_config(exporter => "$exporter views;");
        ok($nginx->reload, 'nginx reloads again');
        is(ref part($nginx, 'views'), 'HASH', 'it gets them again');
    }, check => sub ($records, $metrics, $nginx) {
        my %outcomes;
        $outcomes{ $_->{outcome} }++ for $records->final;

        for my $name (sort keys %outcomes) {
            is($metrics->value('openqoe.views_total', outcome => $name),
               $outcomes{$name}, "as many views ended as $name");
        }

        my ($r) = grep { ($_->{'video_id'} // '') eq 'v-3' } $records->final;
        is($r->{video_title}, "\x{591c}\x{306e}\x{5217}\x{8eca}",
           'a title is there as it was sent');
        is($r->{network_asn}, 4713,
           'so is the value of a dimension that metrics do not have');
        like($r->{viewer_hash}, qr/^[0-9a-f]{16}\z/,
             'the viewer is a hash');
        is($r->{_log}{traceId}, $r->{view_id} =~ s/-//gr,
           'the trace id is the view');
        ok(!exists $r->{viewer_id} && !exists $r->{marker},
           'no id of the viewer or the device is there');

        my %of;
        $of{ $_->{viewer_hash} }{ $_->{org_id} }++ for $records->final;
        ok(!(grep { keys %$_ > 1 } values %of),
           'a viewer of two organizations has two hashes');
        cmp_ok(scalar(grep { !$_->{final} } $records->all), '>', 20,
               'live views put records, too');
    });
};

subtest 'all of four workers are killed, one after the other' => sub {
    run(workers => 4, kills => 4, middle => sub ($nginx, $peer) {
        $nginx->kill_worker(pid => $_) for $nginx->worker_pids;
    });
};

my $dir = scratch_dir('spool');
chmod 0777, $dir;
my $spool = "openqoe_spool $dir max_size=4m segment_size=64k sync=50ms;";

subtest 'a collector that is away for a while' => sub {
    run(workers => 2, http => $spool, middle => sub ($nginx, $peer) {
        $peer->stop('KILL');
    }, after => sub ($nginx, $peer) {
        ok(spools($nginx, 'views'), 'records wait in the spool');
        ok(spools($nginx, 'logs'), 'events wait in a spool of their own');
        my @dirs = map { s{.*/}{}r } glob "$dir/*-*/*";
        is_deeply([ sort grep { !/lock/ } @dirs ],
                  [ 'default', 'default.views' ],
                  'the spool has a directory for each');
        my ($views, $difference) = balance($nginx);
        is($difference, 0, 'the records of the exporter add up meanwhile');
        $peer->start;
    });
};

subtest 'workers that are killed while the collector is away' => sub {
    run(workers => 2, http => $spool, kills => 2,
        middle => sub ($nginx, $peer) {
            $peer->mode(mode => 'status', code => 503);
            $nginx->kill_worker(pid => $_) for $nginx->worker_pids;
        }, after => sub ($nginx, $peer) {
            ok(spools($nginx, 'views'), 'records wait in the spool');
            $nginx->kill_worker(pid => $_) for $nginx->worker_pids;
            $peer->mode(mode => 'ok');
        });
};

# Views that are alive when nginx stops have a last record then, so what a
# consumer keeps of them is in the metrics' last collection, too.

{
    package LastRecords;
    use parent -norequire, 'OpenQoE::Records';
    sub final ($self) { $self->last }
}

subtest 'a stop while views are alive' => sub {
    my $peer = OpenQoE::NodePeer->new('http_server.js')->start;
    my $nginx = new_nginx($peer, workers => 2, interval => '5m');

    $viewers->begin;
    ok($viewers->post($nginx, 0, 0.5), 'some of the events are accepted');
    ok(wait_until(sub { $nginx->stats->{queue}{events} == 0 }, scaled(20)),
       'they are exported');
    cmp_ok($nginx->stats->{views}{active}, '>', 10, 'views are alive');
    ok($nginx->stop, 'nginx stops');

    my $records = LastRecords->new($peer->file)->read;
    my $metrics = OpenQoE::Metrics->new($nginx->out_file);

    $metrics->read;

    # A view that has not started has no record yet, but has events.
    delete local @same{ grep { $same{$_}[0] !~ /^(?:started|playing_ms|stall
                               |startup|pauses)/x } keys %same };
    is_deeply([ differences($metrics->totals, $records, 0) ], [],
              'the sums over the last records are those of the last metrics');
    cmp_ok($records->sum('playing_ms'), '>', 0, 'views have played');
    cmp_ok(scalar(grep { !$_->{final} && $_->{seq} > 1 } $records->last), '>',
           5, 'views that are alive have more than their first record');
    is_deeply([ $records->contradictions ], [],
              'records with the same number say the same');
    $nginx->no_errors;
    $peer->stop;
};

# Without a spool, neither may the events wait for records, nor the other way.

for my $case ([ 'records', 'openqoe.view', 'views', 'logs' ],
              [ 'events', 'event_type', 'logs', 'views' ])
{
    my ($what, $text, $held, $other) = @$case;

    subtest "a collector that takes no $what for a while" => sub {
        run(workers => 2, middle => sub ($nginx, $peer) {
            ok(delivers($nginx, $held), 'at first it takes all');
            $peer->mode(mode => 'status', code => 503, only => $text);
        }, after => sub ($nginx, $peer) {
            ok(delivers($nginx, $other), "the $other are all delivered");
            my $part = part($nginx, $held);
            cmp_ok($part->{queued}, '>', 0, "the $held wait in the queue");
            is($part->{exported} + $part->{queued}, $part->{accepted},
               "none of the $held is lost");
            $peer->mode(mode => 'ok');
        });
    };
}

done_testing;
