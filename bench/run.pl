#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# ./build.sh bench [OPTIONS]: plain nginx that reads the body and answers 202
# beside the events location, in turn, on one core: as fast as answers come, and
# at constant rates; the parts of it without nginx; honest viewers beside forged
# ones.  Prints the figures and writes them to bench/RESULTS.md, with plots.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../t/lib";

use Getopt::Long;
use POSIX qw(strftime);

use Bench::Attack;
use Bench::Cmcd qw(cmcd cmcd_report);
use Bench::Count qw(count_report stages);
use Bench::Live qw(pages pages_report);
use Bench::Plot qw(plot);
use Bench::Proc qw(machine versions);
use Bench::Rate qw(drive goodput goodput_report latencies latency_report static
                   static_report sustained sustained_report);
use Bench::Report qw(attack_report commas median of report table);
use Bench::Run;
use Bench::Scale qw(scale scale_report);
use Bench::Scrape qw(scrapes scrape_report);
use Bench::Spool qw(modes replay spool_report);
use OpenQoE::Process qw(run_cmd);

my $usage = <<'END';
usage: ./build.sh bench [OPTIONS]

  --seconds N        load of a run (6)
  --runs N           runs of each side and batch size (3)
  --events LIST      events a request (1,10,100)
  --connections N    that wrk keeps open (32)
  --protocol P       http/protobuf, http/json or grpc (http/protobuf)
  --compression C    gzip or none (the module's default)
  --zone SIZE        of openqoe_zone (64m)
  --server-core N    core of nginx (0)
  --driver-core LIST cores of wrk and the receiver (1)
  --attack N         events of the cardinality attack (OPENQOE_ATTACK, or
                     1000000); 0 leaves it out
  --attack-rate N    events/s of it (20000)
  --quick            one short run of each, no attack: in about three minutes
  --only PART        attack, cmcd, count, decode, goodput, gzip, hostile,
                     latency, live, metrics, rates, requests, scale, scrape,
                     spool, static or sustained: prints that part and writes
                     nothing
  --against URL      the same load on another server, http://HOST[:PORT]/PATH:
                     prints what it makes of it and writes nothing
  --out FILE         instead of bench/RESULTS.md; - writes none
END

my @given = @ARGV;
my %opt = (seconds => 6, runs => 3, events => '1,10,100', connections => 32,
           protocol => 'http/protobuf', zone => '64m', 'server-core' => 0,
           'driver-core' => '1', out => "$FindBin::Bin/RESULTS.md",
           attack => $ENV{OPENQOE_ATTACK} // 1_000_000,
           'attack-rate' => 20_000, only => '');

GetOptions(\%opt, 'seconds=i', 'runs=i', 'events=s', 'connections=i',
           'protocol=s', 'compression=s', 'zone=s', 'server-core=i',
           'driver-core=s', 'out=s', 'attack=i', 'attack-rate=i', 'only=s',
           'quick', 'against=s', 'help')
    && !@ARGV or die $usage;

if ($opt{help}) {
    print $usage;
    exit;
}

my $build = $ENV{OPENQOE_BUILD} // "$FindBin::Bin/../build";
my @batches = split /,/, $opt{events};

die "--events: numbers from 1 to 1000, with commas\n"
    if !@batches || grep { !/^[1-9]\d{0,3}$/ || $_ > 1000 } @batches;
die "--seconds and --runs: at least 1\n"
    if $opt{seconds} < 1 || $opt{runs} < 1;
die "--attack-rate: from 100, --attack: from 0\n"
    if $opt{attack} < 0 || $opt{'attack-rate'} < 100;
my %part = (attack => \&attack, cmcd => \&sets, count => \&count,
            decode => \&decode,
            goodput => \&overload, gzip => \&packing, hostile => \&hostile,
            latency => \&latency, live => \&looked, metrics => \&metrics,
            rates => \&rated, requests => \&requests,
            scale => \&scaled, scrape => \&scraped, spool => \&spool,
            static => \&beside, sustained => \&endless);

die '--only: ' . join(', ', sort keys %part) . "\n"
    if $opt{only} && !$part{ $opt{only} };

@opt{qw(seconds runs attack)} = (2, 1, 0) if $opt{quick};

$ENV{TEST_NGINX_OPENQOE_MODULE} //= "$build/ngx_http_openqoe_module.so";
$| = 1;
chdir "$FindBin::Bin/.." or die "$FindBin::Bin/..: $!\n";

die "two cores are needed\n" if machine->{cores} < 2;

my %run = (
    baseline => "$build/baseline/ngx_http_bench_baseline_module.so",
    script => "$FindBin::Bin/events.lua", warmup => 1,
    server_core => $opt{'server-core'}, driver_core => $opt{'driver-core'},
    map { $_ => $opt{$_} } qw(seconds connections protocol compression zone),
);

$run{rate_tool} = "$build/lib/bench/rate";

my $bench = Bench::Run->new(%run);
my %plots;

if ($opt{against}) {
    print "\n", against($opt{against});
    exit;
}

if ($opt{only}) {
    print "\n", $part{ $opt{only} }->();
    exit;
}

my @runs = run_all();
my $text = report(
    runs => \@runs, batches => \@batches, machine => machine(),
    versions => versions($ENV{TEST_NGINX_BINARY} || 'nginx'),
    command => join(' ', './build.sh bench', @given),
    date => strftime('%Y-%m-%d %H:%M UTC', gmtime), how => how(),
    sustained => endless(), goodput => overload(), latency => latency(),
    static => beside() . "\n" . looked(), cmcd => requests(),
    scale => scaled(), spool => spool(),
    decode => decode() . hostile() . sets(), count => count(),
    metrics => metrics(), scrape => scraped(), attack => attack(),
    body_form => body_form(), gzip => packing(),
);

print "\n$text";

if ($opt{out} ne '-') {
    open my $out, '>', $opt{out} or die "$opt{out}: $!\n";
    print $out $text;
    close $out or die "$opt{out}: $!\n";
    print "\nwritten to $opt{out}\n";
    plots($opt{out} =~ s{[^/]*\z}{}r);
}


# The sides run in turn, A B A B ...: a disturbance of the machine disturbs
# both.

sub run_all () {
    my @all;

    $bench->start_receiver;

    for my $run (1 .. $opt{runs}) {
        for my $batch (@batches) {
            for my $side (qw(baseline alone events)) {
                my $f = $bench->measure($side, $batch);
                push @all, { %$f, side => $side, batch => $batch };
                progress($run, $all[-1]);
            }
        }
    }

    $bench->stop_receiver;

    return @all;
}


# The first tables alone: answers, processor time and memory.

sub rated () {
    my @runs = run_all();

    return Bench::Report::rates(\@runs, @batches) . "\n"
        . Bench::Report::aims(\@runs, @batches) . "\n"
        . Bench::Report::cpu(\@runs, @batches) . "\n"
        . Bench::Report::memory(\@runs, @batches);
}


sub progress ($run, $f) {
    printf "run %d  %-8s  %4d a request  %7.0f requests/s  %7.0f events/s  "
           . "p99 %.1f ms", $run, @$f{qw(side batch requests events p99)};
    printf "  %d refused", $f->{refused} if $f->{refused};
    print "\n";
}


# A file of bodies, one on each line; wrk's script makes it for plain nginx.

sub bodies ($batch) {
    my $file = "$bench->{dir}/bodies.$batch";

    if (!-s $file) {
        my $nginx = $bench->start_nginx('baseline');
        $bench->load($nginx, $batch, 1, $file);
        $nginx->stop('QUIT', 10) or warn "nginx did not stop by itself\n";
    }

    return $file;
}


# With the receiver, and the chosen settings, which default to the module's.

sub received ($what) {
    my $bodies = bodies(10);

    $bench->start_receiver;
    my @all = $what->($bodies);
    $bench->stop_receiver;

    return @all;
}


sub endless () {
    my @all = received(sub ($bodies) {
        sustained($bench, $opt{seconds}, $bodies, 50_000, 100_000, 130_000,
                  160_000, 200_000, 250_000);
    });

    return sustained_report(@all);
}


# 160,000 is the aim of "Sustained": where it is missed, the rate accepted
# there need not be the highest.

sub overload () {
    my $best = 160_000;
    my @all = received(sub ($bodies) {
        goodput($bench, $opt{runs}, $opt{seconds}, $bodies, $best);
    });

    return goodput_report($best, @all);
}


sub latency () {
    my @rates = (1_000, 20_000, 50_000);
    my @all = received(sub ($bodies) {
        latencies($bench, $opt{runs}, $opt{seconds}, $bodies, @rates);
    });
    my @keys = ([ p50 => 'p50' ], [ p99 => 'p99' ], [ p999 => 'p99.9' ]);

    $plots{latency} = {
        title => 'Latency at constant rates, batches of 10',
        x => 'events/s', y => 'ms', logx => 1, logy => 1, lines => [ map {
            my ($side, $name) = @$_;
            map {
                my ($key, $label) = @$_;
                [ "$name $label", map {
                    [ $_, median(of(\@all, $side, $_, $key)) ]
                } @rates ];
            } @keys;
        } [ baseline => 'plain nginx' ], [ events => 'events' ] ],
    };

    return latency_report(@all);
}


sub beside () {
    my $rate = 20_000;
    my %side;

    received(sub ($bodies) {
        $side{$_} = [ static($bench, $_, $opt{runs} * 2 + 1, $opt{seconds},
                             $rate, $bodies) ] for qw(baseline events);
    });

    return static_report($rate, %side);
}


sub requests () {
    my ($all) = received(sub ($bodies) {
        cmcd($bench, $opt{runs} * 2 + 1, $opt{seconds});
    });

    return cmcd_report($all)
        . "\n|  | event loop, ns | helper, ns |\n| --- | ---: | ---: |\n"
        . program('requests')
        . "\nCPU time a request of `bench/requests.c`, 1,000 sessions in turn, "
        . "without nginx, the tap and\nwhat another core costs; the loop's has "
        . "the making of the query in it.\n";
}


sub looked () {
    my ($result) = received(sub ($bodies) {
        pages($bench, $opt{runs} * 2 + 1, $opt{seconds}, $bodies);
    });

    return pages_report($result);
}


sub scaled () {
    my $all = scale(1, sub ($run, $f, $label, $side) {
        printf "%-16s  %-8s  %8.0f events/s  %.2f us\n", $label, $side,
               $f->{events}, $f->{loop_us};
    }, %run, compression => 'none', seconds => $opt{quick} ? 1 : 3);
    my %name = (baseline => 'plain nginx', alone => 'events, not exported',
                events => 'events');
    my $lines = sub ($what, $key, @sides) {
        my %n = map { $_->{batch} => 1 } @{ $all->{$what} };
        my @n = sort { $a <=> $b } keys %n;
        return [ map {
            my $side = $_;
            [ $name{$side}, map {
                [ $_, median(of($all->{$what}, $side, $_, $key)) ]
            } @n ];
        } @sides ];
    };

    $plots{workers} = {
        title => 'Workers on one core, batches of 10', x => 'workers',
        y => 'events/s accepted', ticks => [ 1, 2, 4, 8 ], logy => 1,
        lines => $lines->('workers', 'events', qw(baseline alone events)) };
    $plots{connections} = {
        title => 'Connections, batches of 10', x => 'connections',
        y => 'event loop, us an event', logx => 1,
        lines => $lines->('connections', 'loop_us',
                          qw(baseline alone events)) };
    $plots{views} = {
        title => 'Live views, batches of 10', x => 'views', logx => 1,
        y => 'helper, us an event',
        lines => $lines->('views', 'helper_us', 'events') };

    return scale_report($all);
}


sub scraped () {
    return scrape_report(scrapes(sub ($r) {
        printf "%6d live views  %d series  %d samples a scrape\n",
               @$r{qw(views series)}, $r->{open}{samples};
    }, server_core => $opt{'server-core'}));
}


sub count () {
    return count_report(stages("$build/lib/bench/decode", bodies(10),
                               $bench->{dir}));
}


sub plots ($dir) {
    $plots{rates} = {
        title => 'As fast as answers come', x => 'events a request',
        y => 'events/s accepted', logx => 1, logy => 1, ticks => \@batches,
        lines => [ map {
            my ($side, $name) = @$_;
            [ $name, map { [ $_, median(of(\@runs, $side, $_, 'events')) ] }
                     @batches ];
        } [ baseline => 'plain nginx' ], [ alone => 'events, not exported' ],
          [ events => 'events' ] ],
    };

    plot("$dir$_.png", %{ $plots{$_} }) for sort keys %plots;
}


# Another server, at any address, with the same bodies.

sub against ($url) {
    my ($host, $port, $path) = $url =~ m{^http://([^/:]+)(?::(\d+))?(/\S*)?\z}
        or die "--against: http://HOST[:PORT]/PATH\n";
    my $address = "$host:" . ($port // 80);
    my @rows;

    for my $batch (@batches) {
        for my $rate (0, 1_000, 10_000, 50_000) {
            next if $rate % $batch;

            my $f = drive($bench, $address, $path // '/', $rate / $batch,
                          $opt{seconds}, bodies($batch), $opt{connections});
            my $status = join ', ', map { "$f->{status}{$_} x $_" }
                         sort keys %{ $f->{status} };
            my $taken = 0;

            $taken += $f->{status}{$_} for grep { /^2/ }
                                           keys %{ $f->{status} };
            push @rows, [ $batch, $rate ? commas($rate) : 'all it takes',
                commas(sprintf '%.0f', $taken * $batch / $f->{seconds}),
                (map { sprintf '%.2f', $f->{$_} } qw(p50 p99 p999 max)),
                $status, $f->{errors} ];
        }
    }

    return "## $url\n\n" . table([ 'events a request', 'events/s offered',
        'events/s answered 2xx', 'p50, ms', 'p99, ms', 'p99.9, ms', 'max, ms',
        'answers', 'errors' ], @rows)
        . "\nBy `bench/rate.c` on core $opt{'driver-core'}, $opt{connections} "
        . "connections, $opt{seconds} s each.  At a rate a latency counts\n"
        . "from when its request was due.\n";
}


# Rows of bench/decode.c for the bodies that wrk has sent.

sub decode () {
    my $rows = '';

    for my $batch (@batches) {
        my ($rc, $out, $err) = run_cmd({ timeout => 120 }, 'taskset', '-c',
            $opt{'server-core'}, "$build/lib/bench/decode", bodies($batch), 2);
        die "decode: $err\n" if $rc ne '0';
        $rows .= $out;
    }

    return $rows;
}


# The output of a program of bench/, run on nginx's core alone.

sub program ($name, @args) {
    my ($rc, $out, $err) = run_cmd({ timeout => 120 }, 'taskset', '-c',
                                   $opt{'server-core'},
                                   "$build/lib/bench/$name", @args);
    die "$name: $err\n" if $rc ne '0';

    return $out;
}


# bench/qoe.c and bench/collect.c

sub metrics () {
    my ($speed, $memory, $sides) = program('qoe', $opt{seconds} * 4)
        =~ /^speed (.*)\nmemory (.*)\n((?:side .*\n)+)\z/
        or die "qoe: no figures\n";
    $sides =~ s/^side //mg;
    my $collect = program('collect');

    return <<"END";
## Metrics without nginx

| events/s | ns an event | of slices | sessions | series |
|---|---|---|---|---|
$speed

| bytes of a view | of a session | of a number | of a histogram | of an attribute set | of a series, with its attributes |
|---|---|---|---|---|---|
$memory

CPU time of `bench/qoe.c`: samples through the state machine of views,
governance and the series store, 13 base attributes and 2 of the point, in the
usual mix.  Aims: 1,000,000 events/s, a session at most 512 bytes.

| what is on | ns an event | of metrics alone | bytes of a view in the zone | records a view | in the ring, bytes a view | in protobuf | packed |
|---|---|---|---|---|---|---|---|
$sides
The same, in turns of some ms each (median and quartiles of the ratios), with
all that records and traces cost but the network: made, put into the ring, read,
encoded, packed.  A view has 64 events in 3 minutes, and each view has a trace,
as with `openqoe_traces all`.  Aim: records and timelines cost at most 10 % of
the helper, which exports the events beside that (the table "CPU").

$collect
`bench/collect.c`: series of four lanes merged and encoded as OTLP.  Aims: at
most 200 ms for 100,000 series, no step longer than 5 ms.
END
}


# The acknowledgement modes, and the replay of a spool.

sub spool () {
    my @modes = modes($build, $opt{runs}, \&progress, %run);
    my @replay = replay($build, $opt{runs}, %run);
    my (undef, $out) = run_cmd('df', '--output=source,fstype', $build);
    my ($disk, $type) = $out =~ /^(\S+) +(\S+)\n\z/m;

    return spool_report(modes => \@modes, replay => \@replay,
                        disk => "$disk ($type)");
}


sub attack () {
    return '' if !$opt{attack};

    my $attack = Bench::Attack->new(
        load => "$build/lib/tools/load", events => $opt{attack},
        rate => $opt{'attack-rate'}, slice => 20, zone => $opt{zone},
        server_core => $opt{'server-core'},
        driver_core => $opt{'driver-core'});
    my $result = $attack->run(sub ($side, $f) {
        printf "%-6s  %d events accepted, %d refused  p99 %.2f ms  "
               . "%.1f + %.1f us an event\n", $side,
               @$f{qw(accepted_events refused_events p99_ms loop_us
                      helper_us)};
    });

    return attack_report($result, rate => $opt{'attack-rate'});
}


sub body_form () {
    return if !-x "$build/lib/bench/body_form";

    my $out = program('body_form');

    return $out =~ /^\|/m ? $out : "```\n$out```\n";
}


# bench/gzip.c

sub packing () {
    my $rows = program('gzip', bodies(10), $opt{seconds});

    return "## gzip of export requests\n\n"
        . table(['who packs', 'level', 'us an event', 'ratio']) . $rows
        . "\nCPU time of `bench/gzip.c`, which packs requests of 512 log "
        . "records: medians of\nrounds in which all take their turn.  `module` "
        . "is what `compression_level` chooses.\n";
}


# bench/hostile.c

sub hostile () {
    my $rows = program('hostile');
    my @us = map { (split /\s*\|\s*/)[3] } grep { /\| [\d.]+ \|/ }
             split /\n/, $rows;

    return "\n## Bodies of 1 MB that an attacker sends\n\n$rows\n"
        . "CPU time of `bench/hostile.c`: decoding, validation, packing; the "
        . "best of 5 rounds.\nAim: at most 10,000 us: "
        . (grep({ $_ > 10_000 } @us) || 'none') . " of them take longer.\n";
}


# bench/cmcd.c

sub sets () {
    my $rows = program('cmcd');

    return "\n## Sets of CMCD\n\n$rows\nCPU time of `bench/cmcd.c`, which "
        . "decodes a set: the best of 9 rounds.\n";
}


sub how () {
    my ($bytes) = map { sprintf '%.0f', $_->{event_bytes} } @runs;
    my $compression = defined $opt{compression}
        ? "compression $opt{compression}" : "the module's default compression";

    return <<"END";
- One nginx worker on core $opt{'server-core'}, and on the same core the module's helper
  thread.  On core $opt{'driver-core'} wrk (one thread, $opt{connections} connections, as fast as
  they are answered) and the receiver.
- plain nginx: `bench/baseline`, a module that reads the body and answers 202
  with a JSON text.  events: `openqoe_events` with its defaults, zone
  $opt{zone}, exporting by $opt{protocol} with $compression to another nginx
  with that module, which answers 200 and looks at nothing.
- Both have client_body_buffer_size 1m, no access log, keep-alive.
- Events by `bench/events.lua`: $bytes bytes each on the mean, several types,
  sessions, devices, Unicode; 3000 of them are made before the load starts.
- $opt{runs} runs of $opt{seconds} s of each row, in turn (plain, events, plain, ...)
  in one go; a fresh nginx and a warm-up of 1 s before each.  Figures are
  median (min..max) of the runs; the ratio is of neighbours in time.
- requests/s and events/s count answers of 202.  Latency is wrk's, under full
  load.
- CPU: utime and stime of /proc/PID/task/*/stat of the worker's main thread and
  of the thread named openqoe.  The helper's us an event go on until the queue
  is empty.  "Events/s of a whole core" is what both together could do with
  these us, were the core theirs alone.  "Others" is what else was busy on
  nginx's core, softirqs too; "stolen" what the hypervisor took.  Where event
  loop, helper and others stay well below 1 core together, the driver was the
  limit.  A driver that waits for nginx sleeps between two answers, and to wake
  it is paid by the event loop: some microseconds an answer on a virtual
  machine, which plain nginx with its driver never at rest does not pay.
- Memory: VmHWM of the worker; the zone's part is RssShmem.
- Outcome: sums over the runs, from /v2/stats but for the last column.
END
}
