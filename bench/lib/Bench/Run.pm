package Bench::Run;

# Copyright (C) OpenQoE
#
# One measured run: a fresh nginx on its core, warmed up, loaded by wrk from
# the driver's core, and the figures of it.

use v5.36;

use JSON::PP ();
use Time::HiRes qw(time);

use Bench::Proc qw(threads_cpu memory core_ticks ticks_rate);
use OpenQoE::HTTP qw(http_get);
use OpenQoE::Nginx;
use OpenQoE::Process qw(run_cmd scratch_dir slurp wait_until);

# This is the same for both sides.
my $http = <<'END';
    client_max_body_size 8m;
    client_body_buffer_size 1m;
    keepalive_requests 1000000000;
END


# new(module => .so, baseline => .so, script => events.lua, server_core =>,
#     driver_core =>, protocol =>, compression =>, zone =>, connections =>,
#     seconds =>, warmup =>, events => { more of the events side's
#     OpenQoE::Nginx; http is added })

sub new ($class, %opt) {
    my $self = bless { %opt, dir => scratch_dir('bench') }, $class;
    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';

    $self->{server} = "taskset -c $self->{server_core} $nginx";
    $self->{driver} = "taskset -c $self->{driver_core} $nginx";

    return $self;
}


# The collector's part: it takes what is exported and reads none of it.

sub start_receiver ($self) {
    my $grpc = $self->{protocol} eq 'grpc';
    my $answer = $grpc ? 'bench_baseline grpc; add_trailer grpc-status 0;'
                       : 'bench_baseline otlp;';

    $self->{receiver} = OpenQoE::Nginx->new(
        module => 0, binary => $self->{driver}, log_level => 'notice',
        main => "load_module $self->{baseline};", http => $http,
        listen => $grpc ? 'http2' : '', location => "location / { $answer }",
    )->start;
}


sub stop_receiver ($self) { $self->{receiver}->stop }


# Sides: "baseline" is plain nginx, "events" exports to the receiver, "alone"
# has the same event loop and a helper that only frees the queue.

sub start_nginx ($self, $side) {
    my %more = %{ $self->{events} // {} };
    my $more_http = delete $more{http} // '';
    my $more_exporter = '';

    if ($side eq 'alone') {
        $more_http .= '    openqoe_metrics off;';
        $more_exporter = "\n        signals metrics;";
    }

    my @events = $side eq 'baseline' ? () : (
        %more,
        exporter => sprintf("endpoint http://127.0.0.1:%d;\n"
            . "        protocol %s;%s", $self->{receiver}->port,
            $self->{protocol}, defined $self->{compression}
                ? "\n        compression $self->{compression};" : '')
            . $more_exporter,
        zone => "qoe:$self->{zone}", http => $http . $more_http,
    );
    my @baseline = (
        module => 0, main => "load_module $self->{baseline};", http => $http,
        location => 'location = /v2/events { bench_baseline; }'
                    . ($more{location} // ''),
    );

    return OpenQoE::Nginx->new(
        binary => $self->{server}, log_level => 'notice',
        workers => $self->{workers} // 1,
        $side eq 'baseline' ? @baseline : @events,
    )->start;
}


# wrk's figures as events.lua writes them.

sub load ($self, $nginx, $batch, $seconds, @dump) {
    my $report = "$self->{dir}/report";
    unlink $report;
    local %ENV = (%ENV, %{ $self->{script_env} // {} });

    my ($rc, $out, $err) = run_cmd(
        { timeout => $seconds + 30 },
        'taskset', '-c', $self->{driver_core}, 'wrk', '-t', 1, '-c',
        $self->{connections}, '-d', "${seconds}s", '--latency', '-s',
        $self->{script}, $nginx->url, '--', $batch, $report, @dump);

    die "wrk failed: $out$err\n" if $rc ne '0' || !-s $report;

    my %figure = map { split ' ', $_, 2 } split /\n/, slurp($report);

    return { map { $_ => 0 + $figure{$_} } keys %figure };
}


sub stats ($self, $nginx) {
    my $answer = http_get($nginx->port, '/v2/stats', timeout => 30)
        or die "/v2/stats does not answer\n";
    my $s = JSON::PP->new->utf8->decode($answer->{body});
    my $to = $s->{exporters}{default};
    my $lost = 0;

    $lost += $_ for $to->{rejected}, values %{ $to->{dropped} };

    return { accepted => $s->{events}{accepted},
             refused => $s->{requests}{503},
             invalid => $s->{events}{rejected}{invalid},
             exported => $to->{exported}, lost => $lost,
             taken => $to->{accepted}, queued => $s->{queue}{events},
             retried => $to->{batches}{retried} };
}


# The stats once every accepted event was exported (or after a time in vain).

sub drained ($self, $nginx) {
    my $s;

    wait_until(sub {
        $s = $self->stats($nginx);
        return $s->{queued} == 0 && $s->{taken} == $s->{exported} + $s->{lost};
    }, 20);

    return $s;
}


sub snapshot ($self, $nginx, $pids, $side) {
    return { time => time, cpu => threads_cpu(@$pids),
             core => core_ticks($self->{server_core}),
             anon => memory($pids->[0])->{anon},
             stats => $side eq 'baseline' ? undef : $self->stats($nginx) };
}


# measure(side, events a request): the figures of a run

sub measure ($self, $side, $batch) {
    my $nginx = $self->start_nginx($side);
    my @pids = $nginx->worker_pids;
    my @dump = $side eq 'baseline' ? "$self->{dir}/bodies.$batch" : ();

    $self->load($nginx, $batch, $self->{warmup}, @dump);
    $self->drained($nginx) if $side ne 'baseline';

    my $before = $self->snapshot($nginx, \@pids, $side);
    my $wrk = $self->load($nginx, $batch, $self->{seconds});
    my $after = $self->snapshot($nginx, \@pids, $side);

    if ($side ne 'baseline') {
        $after->{drained} = $self->drained($nginx);
        $after->{drained_cpu} = threads_cpu(@pids);
    }

    my $memory = memory($pids[0]);
    my @bad = $nginx->bad_lines;
    $nginx->stop('QUIT', 10) or push @bad, "nginx did not stop by itself\n";
    warn @bad if @bad;

    return $self->figures($side, $batch, $wrk, $before, $after, $memory);
}


sub figures ($self, $side, $batch, $wrk, $before, $after, $memory) {
    my $taken = $wrk->{requests} - $wrk->{status_errors};
    my $seconds = $wrk->{seconds};
    my $cpu = sub ($thread, $end = $after->{cpu}) {
        return ($end->{$thread} // 0) - ($before->{cpu}{$thread} // 0);
    };
    my $loop = $cpu->('loop');
    my $core = sub ($name) {
        return ($after->{core}{$name} - $before->{core}{$name})
               / ticks_rate() / ($after->{time} - $before->{time});
    };

    my %f = (
        event_bytes => $wrk->{event_bytes},
        requests => $taken / $seconds,
        events => $taken * $batch / $seconds,
        p50 => $wrk->{p50_ms}, p99 => $wrk->{p99_ms}, max => $wrk->{max_ms},
        loop_cores => $loop / $seconds,
        loop_us => $taken ? $loop * 1e6 / ($taken * $batch) : 0,
        peak => $memory->{peak}, shared => $memory->{shared},
        anon => $after->{anon},
        not_202 => $wrk->{status_errors},
        socket_errors => $wrk->{socket_errors},
        other_cores => $core->('busy') - ($loop + $cpu->('helper'))
                       / ($after->{time} - $before->{time}),
        stolen => $core->('stolen'),
    );

    if ($side ne 'baseline') {
        die "the worker has no thread \"openqoe\"\n"
            if !defined $before->{cpu}{helper};

        my ($from, $to, $end) = ($before->{stats}, $after->{stats},
                                 $after->{drained});
        my $all = $side eq 'events' ? $end->{exported} - $from->{exported}
                                    : $end->{accepted} - $from->{accepted};

        $f{$_} = $end->{$_} - $from->{$_}
            for qw(accepted refused invalid exported lost retried);
        $f{exported_in_time} = $to->{exported} - $from->{exported};
        $f{backlog} = $to->{taken} - $to->{exported} - $to->{lost};
        $f{helper_cores} = $cpu->('helper') / $seconds;
        $f{helper_us} = $all
            ? $cpu->('helper', $after->{drained_cpu}) * 1e6 / $all : 0;
    }

    my $us = $f{loop_us} + ($f{helper_us} // 0);
    $f{capacity} = $us ? 1e6 / $us : 0;

    return \%f;
}


1;
