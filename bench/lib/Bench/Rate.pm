package Bench::Rate;

# Copyright (C) OpenQoE
#
# Load at a constant rate by bench/rate.c, whose latencies count from when a
# request was due: what a viewer's player waits, what a viewer of the video
# waits meanwhile, and how much is carried on without end.

use v5.36;

use Exporter qw(import);
use JSON::PP ();

use Bench::Proc qw(threads_cpu);
use Bench::Report qw(commas median of ratios spread table verdict_of);
use OpenQoE::Process qw(run_cmd spawn);

our @EXPORT_OK = qw(command drive goodput goodput_report latencies
                    latency_report segment static static_report sustained
                    sustained_report);

use constant { BATCH => 10, CONNECTIONS => 64, STATIC_RATE => 1000,
               STATIC_BYTES => 16_384, WARMUP => 1, SUSTAINED => 160_000,
               AIM_RATE => 20_000 };


# drive(Bench::Run or { rate_tool, driver_core }, "host:port", path, requests/s
# or 0, seconds, bodies or undef, connections): what bench/rate.c prints

sub command ($bench, $address, $path, $rate, $seconds, $bodies,
             $n = CONNECTIONS) {
    return ('taskset', '-c', $bench->{driver_core}, $bench->{rate_tool},
            '-c', $n, '-r', $rate, '-d', $seconds,
            '-w', WARMUP, defined $bodies ? ('-f', $bodies) : (),
            $address, $path);
}


sub drive ($bench, @what) {
    my ($rc, $out, $err) = run_cmd({ timeout => $what[3] + 60 },
                                   command($bench, @what));
    die "rate: $out$err\n" if $rc ne '0';

    return JSON::PP->new->decode($out);
}


# The figures of a run at a rate: those of the driver, of the CPU, and what
# became of the events.

sub at_rate ($bench, $side, $rate, $seconds, $bodies) {
    my $nginx = $bench->start_nginx($side);
    my $address = '127.0.0.1:' . $nginx->port;
    my @pids = $nginx->worker_pids;
    my $before = threads_cpu(@pids);
    my $f = drive($bench, $address, '/v2/events', $rate / BATCH, $seconds,
                  $bodies);
    my $after = threads_cpu(@pids);
    my $wall = $seconds + WARMUP;

    $f->{side} = $side;
    $f->{batch} = $rate;
    $f->{loop_cores} = ($after->{loop} - $before->{loop}) / $wall;
    $f->{helper_cores} = (($after->{helper} // 0) - ($before->{helper} // 0))
                         / $wall;
    $f->{refused} = ($f->{status}{503} // 0) + $f->{unsent};

    if ($side eq 'events') {
        my $s = $bench->drained($nginx);
        die "$rate events/s: $s->{accepted} accepted, $s->{exported} exported, "
            . "$s->{lost} lost\n" if $s->{accepted} != $s->{exported};
    }

    my $other = $f->{errors};
    $other += $f->{status}{$_} for grep { $_ != 202 && $_ != 503 }
                                   keys %{ $f->{status} };
    die "$rate events/s: $other errors\n" if $other;

    my @bad = $nginx->bad_lines;
    $nginx->stop('QUIT', 10) or push @bad, "nginx did not stop by itself\n";
    warn @bad if @bad;

    return $f;
}


# latencies(Bench::Run, runs, seconds, bodies, rates in events/s ...)

sub latencies ($bench, $runs, $seconds, $bodies, @rates) {
    my @all;

    for (1 .. $runs) {
        for my $rate (@rates) {
            push @all, at_rate($bench, $_, $rate, $seconds, $bodies)
                for qw(baseline events);
        }
    }

    return @all;
}


sub latency_report (@runs) {
    my %seen;
    my @rows;

    for my $rate (grep { !$seen{$_}++ } map { $_->{batch} } @runs) {
        for my $side (qw(baseline events)) {
            push @rows, [ $side eq 'events' ? 'events' : 'plain nginx',
                commas($rate),
                (map { spread('%.2f', of(\@runs, $side, $rate, $_)) }
                 qw(p50 p90 p99 p999 max)),
                spread('%.0f', of(\@runs, $side, $rate, 'refused')) ];
        }
    }

    my @ratio = map { sprintf '%.2f', $_ }
        ratios(\@runs, 'events', 'baseline', AIM_RATE, 'p99');
    my $aim = @ratio ? median(@ratio) : undef;
    my $verdict = !defined $aim ? '' : sprintf "\nThe p99 at %s events/s is "
        . "%s times that of plain nginx beside it.  Aim: at most\n1.5 times: "
        . "%s.\n", commas(AIM_RATE), spread('%.2f', @ratio),
        verdict_of($aim <= 1.5);

    return "## Latency at a constant rate\n\n"
        . table(['', 'events/s', 'p50, ms', 'p90, ms', 'p99, ms', 'p99.9, ms',
                 'max, ms', 'refused or not sent'], @rows) . <<"END";

`bench/rate.c`, batches of @{[ BATCH ]}, @{[ CONNECTIONS ]} connections, open loop: each
latency counts from when its request was due (no coordinated omission).  Default settings, gzip too.
$verdict
![Latency at constant rates](latency.png)
END
}


# A file of 16 kB, and the location in which it is /static/segment.

sub segment ($bench) {
    mkdir "$bench->{dir}/static";
    chmod 0755, $bench->{dir}, "$bench->{dir}/static";
    open my $out, '>', "$bench->{dir}/static/segment" or die "segment: $!\n";
    print $out 'x' x STATIC_BYTES;
    close $out or die "segment: $!\n";

    return <<"END";
location /static/ {
            root $bench->{dir};
        }
END
}


# Serves a static file from the worker that takes events, and from a worker
# that takes none, in turn: [ p99 without, p99 with ] for each run.

sub static ($bench, $side, $runs, $seconds, $rate, $bodies) {
    local $bench->{events} = { location => segment($bench) };

    my $nginx = $bench->start_nginx($side);
    my $address = '127.0.0.1:' . $nginx->port;
    my @all;

    for (1 .. $runs) {
        my @p99;

        for my $with (0, 1) {
            my $load = $with && spawn(cmd => [
                command($bench, $address, '/v2/events', $rate / BATCH,
                        $seconds + 1, $bodies, CONNECTIONS) ]);
            my $f = drive($bench, $address, '/static/segment', STATIC_RATE,
                          $seconds, undef, 16);

            die "the static file: $f->{errors} errors\n"
                if $f->{errors} || $f->{requests} != ($f->{status}{200} // 0);
            $load->wait(30) if $load;
            push @p99, $f->{p99};
        }

        push @all, \@p99;
    }

    $nginx->stop('QUIT', 10) or warn "nginx did not stop by itself\n";

    return @all;
}


# static_report(rate, side => list of static ...)

sub static_report ($rate, %side) {
    my @rows = map {
        my @pairs = @{ $side{$_} };
        [ $_ eq 'events' ? 'events' : 'plain nginx that answers 202',
          spread('%.3f', map { $_->[0] } @pairs),
          spread('%.3f', map { $_->[1] } @pairs),
          spread('%.2f', map { $_->[1] / $_->[0] } @pairs) ];
    } qw(baseline events);
    my $ratio = median(map { $_->[1] / $_->[0] } @{ $side{events} });

    return "## A video beside the events\n\n"
        . table(['while events go to', 'p99 without, ms', 'p99 with, ms',
                 'ratio'], @rows)
        . "\nA static file of @{[ STATIC_BYTES / 1024 ]} kB at "
        . commas(STATIC_RATE) . " requests/s from the same worker, without\n"
        . 'and with ' . commas($rate) . " events/s in batches of @{[ BATCH ]}, "
        . "in turn.  Aim: at most 1.3 times: "
        . verdict_of($ratio <= 1.3) . ".\n";
}


# sustained(Bench::Run, seconds, bodies, rates ...): up to the first that is
# refused, and twice each

sub sustained ($bench, $seconds, $bodies, @rates) {
    my @all;

    for my $rate (@rates) {
        my @f = map { at_rate($bench, 'events', $rate, $seconds, $bodies) }
                1 .. 2;
        push @all, @f;
        last if !grep { !$_->{refused} } @f;
    }

    return @all;
}


sub sustained_report (@runs) {
    my %seen;
    my $best = 0;
    my @rows;

    for my $rate (grep { !$seen{$_}++ } map { $_->{batch} } @runs) {
        my $get = sub ($format, $key) {
            spread($format, of(\@runs, 'events', $rate, $key));
        };

        $best = $rate if !grep { $_ } of(\@runs, 'events', $rate, 'refused');
        push @rows, [ commas($rate), $get->('%.0f', 'refused'),
            $get->('%.2f', 'p50'), $get->('%.2f', 'p99'),
            $get->('%.2f', 'loop_cores'), $get->('%.2f', 'helper_cores') ];
    }

    return "## Sustained, end to end\n\n"
        . table(['events/s', 'requests refused or not sent', 'p50, ms', 'p99, ms',
                 'event loop, cores', 'helper, cores'], @rows)
        . "\nAccepted, metrics made, exported with the default settings, gzip "
        . "too, to the receiver,\nin batches of @{[ BATCH ]} at a constant "
        . "rate; every event accepted was exported.  Without a "
        . "refusal:\nup to "
        . commas($best) . ' events/s.  Aim: ' . commas(SUSTAINED)
        . ' on one core: ' . verdict_of($best >= SUSTAINED) . ".\n";
}


# goodput(Bench::Run, runs, seconds, bodies, best in events/s): what is
# accepted at the best rate, at twice and four times that, and in a closed loop
# (rate 0), where as many requests wait as there are connections.

sub goodput ($bench, $runs, $seconds, $bodies, $best) {
    my @all;

    for (1 .. $runs) {
        for my $times (1, 2, 4, 0) {
            my $f = at_rate($bench, 'events', $best * $times, $seconds,
                            $bodies);
            my $all = $f->{status}{202} // 0;

            $f->{batch} = $times;
            $f->{good} = $all * BATCH / $f->{seconds};
            $f->{core} = $f->{good} / ($f->{loop_cores} + $f->{helper_cores});
            $all += $f->{status}{503} // 0;
            $f->{refusals} = $all ? 100 * ($f->{status}{503} // 0) / $all : 0;
            push @all, $f;
        }
    }

    return @all;
}


sub goodput_report ($best, @runs) {
    my %name = (0 => 'as fast as answers come', 1 => 'best', 2 => 'twice',
                4 => 'four times');
    my %good = map { $_ => median(of(\@runs, 'events', $_, 'core')) }
               keys %name;
    my $top = (sort { $b <=> $a } values %good)[0];
    my $least = (sort { $a <=> $b } @good{0, 2, 4})[0];
    my $refused = median(of(\@runs, 'events', 0, 'refusals'));
    my @rows = map {
        my $times = $_;
        my $get = sub ($format, $key) {
            spread($format, of(\@runs, 'events', $times, $key));
        };
        [ $name{$_}, $_ ? commas($_ * $best) : '', $get->('%.0f', 'good'),
          $get->('%.0f', 'core'), sprintf('%.2f', $good{$_} / $top),
          $get->('%.1f %%', 'refusals'), $get->('%.0f', 'unsent'),
          $get->('%.2f', 'p99') ];
    } 1, 2, 4, 0;

    return "## Goodput under overload\n\n"
        . table(['load', 'events/s offered', 'events/s accepted',
                 'accepted a second of CPU', 'of the most',
                 'of the answers 503', 'not sent', 'p99, ms'],
                @rows)
        . "\nDefault settings, batches of @{[ BATCH ]}, @{[ CONNECTIONS ]} "
        . "connections; every event accepted was exported.\n\"Not sent\" "
        . "found no connection free: those that wait for answers hold them.\n"
        . "The second of CPU is of the event loop and the helper: what reaches "
        . "them at four times\nthe load is bounded by the driver and the "
        . "receiver, which share the other core.\n"
        . 'Aims: at least 0.90 of the most at twice and four times the best '
        . "rate and in the closed\nloop: " . verdict_of($least >= 0.9 * $top)
        . '; at most 5 % of the answers 503 in the closed loop: '
        . verdict_of($refused < 5) . ".\n";
}


1;
