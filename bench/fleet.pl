#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# What a fleet's centre costs, measured here by the time of the CPU: bytes of a record on the wire and
# on disk, records that a core of the Collector and of ClickHouse's engine takes
# in a second, how fast views are put together.  docs/fleet.md has the numbers.
#
#     OPENQOE_CACHE=~/.cache/openqoe perl -It/lib bench/fleet.pl [VIEWS]

use v5.36;

use FindBin;
use lib "$FindBin::Bin/../t/lib";

use IO::Socket::INET;
use IO::Uncompress::Gunzip;
use Time::HiRes qw(time);

use OpenQoE::Centre;
use OpenQoE::Event qw(uuid);
use OpenQoE::Fleet;
use OpenQoE::HTTP qw(http_get);
use OpenQoE::Movers;
use OpenQoE::Process qw(free_port scratch_dir slurp spawn_peer);

my $views = $ARGV[0] // 400_000;
my $day = int(time) - 90_000;
my $engine = OpenQoE::Centre->new->start_engine;


sub show ($name, $format, @values) {
    printf "%-44s $format\n", $name, @values;
}


# Seconds of a process' CPU, user and system.

sub cpu ($pid) {
    my @stat = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\) //r;
    return ($stat[11] + $stat[12]) / 100;
}


# Sessions whose names compress as badly as real ones.

sub sessions ($n, $edges) {
    my $movers = OpenQoE::Movers->new(sessions => $n, edges => $edges,
                                      viewers => 3 * $n, moves => 0);
    my %name;

    for my $event (map { @{ $_->{events} } } $movers->requests) {
        $event->{$_} = $name{ $event->{$_} } //= uuid()
            for qw(session_id view_id viewer_id);
    }

    return $movers;
}


sub on_the_wire () {
    my $dir = scratch_dir('wire');
    my $port = free_port();
    open my $mode, '>', "$dir/mode" or die "$dir: $!\n";
    print $mode "ok\n";
    close $mode;

    my $receiver = spawn_peer(
        cmd => ["$ENV{OPENQOE_TOOLS}/receiver", '-p', $port, '-o', "$dir/out",
                '-m', "$dir/mode"], name => 'receiver');
    my $fleet = OpenQoE::Fleet->new(edges => 1,
        endpoint => "http://127.0.0.1:$port")->start;
    my ($worker) = $fleet->nginx(0)->worker_pids;
    my $before = cpu($worker);

    sessions(2000, 1)->post(sub ($i, $events) { $fleet->post($i, $events) })
        or die "the edge refuses events\n";
    $fleet->wait_final or die "views do not end\n";

    my (undef, $records, $stats) = $fleet->views(0);
    my $text = http_get($fleet->nginx(0)->port, '/v2/stats?format=prometheus',
                        timeout => 60)->{body};
    show('series of an edge after 2,000 sessions', '%d',
         scalar(() = $text =~ /^[^#\n]/mg));
    my ($bytes) = http_get($port, '/stats')->{body} =~ /"bytes":(\d+)/;
    show('record on the wire, gzip', '%.0f bytes',
         $bytes / $records->{exported});
    show('records of a view', '%.2f', $records->{exported}
                                      / (2000 * 1.2));
    show('edge: events and records of a view', '%.2f ms of CPU',
         1000 * (cpu($worker) - $before) / (2000 * 1.2));
    $fleet->stop;
    $receiver->stop;
}


# What an edge sends, by the Collector and the server of the engine: the CPU of
# the Collector alone.

sub collector () {
    my $centre = OpenQoE::Centre->new->start;
    my $fleet = OpenQoE::Fleet->new(edges => 1,
                                    endpoint => $centre->url)->start;
    my $pid = $centre->{processes}{'collector.yaml'}->pid;
    my $before = cpu($pid);

    sessions(3000, 1)->post(sub ($i, $events) { $fleet->post($i, $events) });
    $fleet->wait_final or die "views do not end\n";

    my (undef, $records) = $fleet->views(0);
    my $cpu = cpu($pid) - $before;
    show('Collector, a core', '%.0f records/s (%.0f in %.2f s)',
         $records->{exported} / $cpu, $records->{exported}, $cpu);
    $fleet->stop;
    $centre->stop;
}


# Records of a day, two of each view, as the exporter inserts them.

sub attributes ($seq) {
    return <<"END";
SELECT
    now64(9),
    map('org_id', 'acme', 'session_id', toString(reinterpretAsUUID(unhex(hex(sipHash128(number, 1))))),
        'view_id', toString(reinterpretAsUUID(unhex(hex(sipHash128(number, 2))))),
        'viewer_hash', lower(hex(sipHash64(number % ($views / 2)))),
        'openqoe.edge', concat('edge-', toString(number % 20)),
        'env', 'production', 'app_name', 'acme-tv', 'app_version', '4.12.0',
        'player_id', 'player-1', 'player_name', ['hls.js', 'shaka', 'video.js'][number % 3 + 1],
        'device_category', ['desktop', 'mobile', 'tv'][number % 3 + 1],
        'os_family', ['Windows', 'iOS', 'Android TV'][number % 3 + 1],
        'browser_family', ['Chrome', 'Safari', 'WebView'][number % 3 + 1],
        'network_country', ['DE', 'FR', 'PL', 'US', 'JP', 'ES', 'AT'][number % 7 + 1],
        'network_asn', toString(3200 + number % 97),
        'cdn_provider', ['alpha', 'beta', 'gamma'][number % 3 + 1],
        'content_type', 'vod',
        'video_id', concat('video-', toString(number % 1987)),
        'video_title', concat('The Title of ', toString(number % 1987)))
    AS dims,
    map('openqoe.view.play', '1', 'openqoe.view.seq', '$seq',
        'openqoe.view.started', 'true', 'openqoe.view.source', 'events',
        'openqoe.view.start_ms', toString(start), 'openqoe.view.end_ms', toString(start + span),
        'openqoe.view.events', toString(intDiv(span, 10000) + 6),
        'openqoe.view.startup_ms', toString(200 + h % 2900),
        'openqoe.view.aggregate_startup_ms', toString(900 + h % 2900),
        'openqoe.view.playing_ms', toString(span - h % 3000), 'openqoe.view.watched_ms', toString(span),
        'openqoe.view.paused_ms', '0', 'openqoe.view.seeking_ms', '0', 'openqoe.view.hidden_ms', '0',
        'openqoe.view.stalled_ms', toString(if(h % 9 = 0, 300 + h % 2500, 0)),
        'openqoe.view.stalls', toString(toUInt8(h % 9 = 0)),
        'openqoe.view.longest_stall_ms', toString(if(h % 9 = 0, 300 + h % 2500, 0)),
        'openqoe.view.pauses', toString(h % 3), 'openqoe.view.seeks', toString(h % 4), 'openqoe.view.errors', '0',
        'openqoe.view.bitrate', toString(2400000 + h % 999983), 'openqoe.view.height', toString(700 + h % 380),
        'openqoe.view.top_bitrate', '4800000', 'openqoe.view.top_height', '1080',
        'openqoe.view.switches_up', toString(h % 3), 'openqoe.view.switches_down', toString(h % 2),
        'openqoe.view.dropped_frames', toString(h % 17), 'openqoe.view.quartile', '75',
        'openqoe.view.completion', toString((h % 1000) / 1000))
    AS numbers,
    if($seq = 2, map('openqoe.view.final', 'true', 'openqoe.view.outcome', ['completed', 'played'][number % 2 + 1],
        'openqoe.view.end_reason', ['ended', 'detached'][number % 2 + 1],
        'openqoe.view.experience_score', toString((h % 1000) / 1000)), map()) AS ends
FROM (SELECT number, sipHash64(number, 3) AS h, $day * 1000 + intDiv(number * 86000000, $views) AS start,
      if($seq = 2, 60000 + h % 2400000, 3000) AS span FROM numbers({from:UInt64}, {n:UInt64}))
END
}


# Seconds of CPU that the engine has used, merges too.

sub used () { cpu($engine->{processes}{engine}->pid) }


sub clickhouse () {
    my $batch = 20_000;
    my ($rows, $seconds, $start) = (0, 0);

    $engine->sql('SYSTEM STOP VIEW openqoe.agg_1m_mv');

    for my $seq (1, 2) {
        my $sql = attributes($seq);

        # the rows are made first, for the Collector makes them elsewhere
        $engine->sql('CREATE OR REPLACE TABLE made (t DateTime64(9), '
                     . 'a Map(LowCardinality(String), String)) ENGINE = Memory');

        for (my $from = 0; $from < $views; $from += $batch) {
            $engine->sql('TRUNCATE TABLE made');
            $engine->sql('INSERT INTO made SELECT now64(9), '
                         . "mapConcat(dims, numbers, ends) FROM ($sql)",
                         from => $from, n => $batch);
            $start = used();
            $engine->sql('INSERT INTO openqoe.otel_logs (Timestamp, '
                . 'LogAttributes) SELECT t, a FROM made '
                . 'SETTINGS max_threads = 1');
            $seconds += used() - $start;
            $rows += $batch;
        }
    }

    show('ClickHouse, a core: inserts of 20,000', '%.0f records/s',
         $rows / $seconds);

    my $on_disk = sub ($name) {
        my ($size) = $engine->sql('SELECT sum(bytes_on_disk) AS b, sum(rows) '
            . "AS n FROM system.parts WHERE active AND table = '$name'");
        return ($size->{b}, $size->{n});
    };

    $start = used();
    $engine->sql('OPTIMIZE TABLE openqoe.part FINAL');
    show('ClickHouse: all merged into one part a day', '%.0f records/s',
         $rows / (used() - $start));
    my ($bytes, $n) = $on_disk->('part');
    show('disk, a view', '%.0f bytes (%d views)', $bytes / $n, $n);

    for my $case ([ 'views of a day put together', 0 ],
                  [ 'views of its last hour', 23 ])
    {
        my ($name, $hours) = @$case;
        $start = used();
        my ($row) = $engine->sql('SELECT count() AS n, sum(playing_ms) AS p '
            . "FROM openqoe.views(since = toDateTime({a:UInt32}, 'UTC'), "
            . "until = toDateTime({b:UInt32}, 'UTC')) "
            . 'SETTINGS max_threads = 1', a => $day + $hours * 3600,
            b => $day + 24 * 3600);
        show("ClickHouse, a core: $name", '%.0f views in %.2f s of CPU', $row->{n},
             used() - $start);
    }

    $start = used();
    $engine->sql('SELECT * EXCEPT hourly FROM openqoe.sums('
        . "since = toDateTime({a:UInt32}, 'UTC'), "
        . "until = toDateTime({b:UInt32}, 'UTC'), step = 'minute') "
        . 'FORMAT Null SETTINGS max_threads = 1',
        a => $day, b => $day + 90_000);
    show('ClickHouse, a core: sums by the minute', '%.0f views/s',
         $views / (used() - $start));

    $engine->sql('SYSTEM START VIEW openqoe.agg_1m_mv');
    $engine->refresh;

    my %time = (since => $day, until => int(time + 60),
                org => 'acme');
    for my $query (qw(startup viewers top_titles)) {
        $start = used();
        $engine->query($query, %time);
        show("ClickHouse: $query.sql, a day", '%.2f s of CPU', used() - $start);
    }
}


# A request of an edge with so many records, as it is sent: caught here.

sub request_of ($records) {
    my $listen = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1')
        or die "no socket: $!\n";
    my $fleet = OpenQoE::Fleet->new(edges => 1, batch => $records, silence => 2,
        endpoint => 'http://127.0.0.1:' . $listen->sockport)->start;
    my $found;

    sessions($records * 2 < 20 ? 20 : $records * 2, 1)
        ->post(sub ($i, $events) { $fleet->post($i, $events) });

    while (!$found) {
        my $sock = $listen->accept or die "no request comes\n";
        my $in = '';

        while (!$found && sysread $sock, $in, 65536, length $in) {
            my ($head, $body) = split /\r\n\r\n/, $in, 2;
            my ($length) = $head =~ /content-length: (\d+)/i or next;
            next if length($body // '') < $length;
            $found = $in if records_in($body) == $records;
            syswrite $sock, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            $in = '';
        }
    }

    $fleet->kill_edge(0);
    return $found;
}


sub records_in ($body) {
    IO::Uncompress::Gunzip::gunzip(\$body, \my $plain) or return 0;
    return scalar(() = $plain =~ /openqoe\.view\.seq/g);
}


# Sends a request on each of so many connections, several times, and waits for
# the answers: edges of a fleet, each with its share of a load.

sub edges ($n, $each, $rounds = 5) {
    my $request = request_of($each);
    my $centre = OpenQoE::Centre->new->start;
    my $pid = $centre->{processes}{'collector.yaml'}->pid;
    my $server = $centre->{processes}{engine}->pid;
    my @sock = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $centre->{http})
                     // die "connection $_: $!\n" } 1 .. $n;
    my ($before, $engine_before) = (cpu($pid), cpu($server));
    my ($longest, $refused) = (0, 0);

    for my $round (1 .. $rounds) {
        my $start = time;
        syswrite $_, $request for @sock;

        for my $sock (@sock) {
            my $answer = '';
            sysread $sock, $answer, 65536, length $answer
                or die "the Collector closes a connection\n"
                while $answer !~ /\r\n\r\n/;
            $refused++ if $answer !~ /^HTTP\S+ 200/;
        }

        $longest = time - $start if time - $start > $longest;
    }

    my $records = $n * $each * $rounds;
    show("$n edges, requests of $each records", 'a core of the Collector '
         . '%.0f records/s, of the engine %.0f, slowest round %.1f s, '
         . 'refused %d', $records / (cpu($pid) - $before),
         $records / (cpu($server) - $engine_before), $longest, $refused);
    $centre->stop;
}


clickhouse();
on_the_wire();
collector();
edges(@$_) for [ 10, 500 ], [ 100, 50 ], [ 1000, 5 ];
$engine->stop;
