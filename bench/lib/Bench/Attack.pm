package Bench::Attack;

# Copyright (C) OpenQoE
#
# A crowd of honest viewers beside one that forges every value of every
# dimension: two nginx at the same core, loaded in turn at one rate, so that
# what disturbs the machine for a while disturbs both.

use v5.36;

use JSON::PP ();
use List::Util qw(max);

use Bench::Proc qw(thread_cpu memory);
use OpenQoE::HTTP qw(http_get);
use OpenQoE::Nginx;
use OpenQoE::Process qw(run_cmd scratch_dir slurp wait_until);

# The number of honest viewers is no multiple of the five event types that they
# send in turn.
use constant { VIEWERS => 997, BATCH => 20, CONNECTIONS => 16 };


# new(load => t/tools/load, events => of the attack, rate => events/s,
#     slice => seconds, zone => size, server_core =>, driver_core =>)

sub new ($class, %opt) {
    my $self = bless { %opt, dir => scratch_dir('attack') }, $class;
    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';

    chmod 0777, $self->{dir};
    $self->{server} = "taskset -c $self->{server_core} $nginx";
    $self->{driver} = "taskset -c $self->{driver_core} $nginx";

    return $self;
}


# The collector's part: it notes how large the metrics are.

sub start_receiver ($self) {
    my @sides = map { <<"END" } qw(calm attack);
    location /$_/v1/metrics {
        access_log $self->{dir}/$_ size;
        return 200;
    }
END
    $self->{receiver} = OpenQoE::Nginx->new(
        module => 0, binary => $self->{driver}, log_level => 'notice',
        http => "client_max_body_size 16m;\n    log_format size "
                . "'\$msec \$content_length';",
        location => "location / { return 200; }\n@sides")->start;
}


sub start_side ($self, $side, $series_max) {
    my $port = $self->{receiver}->port;

    return OpenQoE::Nginx->new(
        binary => $self->{server}, log_level => 'notice',
        zone => "qoe:$self->{zone}", exporter => <<"END",
endpoint http://127.0.0.1:$port/$side;
        protocol http/protobuf;
        compression none;
        metric_interval 5s;
END
        http => <<"END")->start;
    client_body_buffer_size 1m;
    keepalive_requests 1000000000;
    openqoe_series_max $series_max;
END
}


# Sends so many more events of a side: { accepted, seconds, p99, ... }

sub load ($self, $side, $nginx, $events) {
    my $at = \$self->{at}{$side};
    my ($rc, $out, $err) = run_cmd(
        { timeout => 120 + 4 * $events / $self->{rate} },
        'taskset', '-c', $self->{driver_core}, $self->{load},
        '-p', $nginx->port, '-o', '/dev/null', '-c', CONNECTIONS,
        '-n', BATCH, '-r', int($self->{rate} / BATCH), '-d', 100_000,
        '-m', int($events / BATCH), '-s', $$at // 0,
        '-x', $side eq 'attack' ? 0 : VIEWERS);

    die "load failed: $out$err\n" if $rc ne '0';
    $$at += $events;

    my %figure = $out =~ /(\w+) ([\d.]+)/g;
    return \%figure;
}


sub stats ($self, $nginx) {
    my $answer = http_get($nginx->port, '/v2/stats', timeout => 30,
                          headers => { Accept => 'application/json' })
        or die "/v2/stats does not answer\n";
    return JSON::PP->new->utf8->decode($answer->{body});
}


sub drained ($self, $nginx) {
    my $stats;
    wait_until(sub { ($stats = $self->stats($nginx))->{queue}{used} == 0 },
               60) or die "the queue does not drain\n";
    return $stats;
}


# MB of memory that its mapping shares: the zone, whether touched or not.

sub mapped ($pid) {
    no warnings 'portable';
    my $bytes = 0;

    for my $line (slurp("/proc/$pid/maps") =~ /^(\w+-\w+ rw-s) /mg) {
        my ($from, $to) = $line =~ /(\w+)-(\w+)/;
        $bytes += hex($to) - hex($from);
    }

    return $bytes / 1024 / 1024;
}


# Bytes of each collection: requests that follow each other are one collection.

sub exports ($self, $side) {
    my (@bytes, $last);

    for my $line (slurp("$self->{dir}/$side") =~ /^(.*)\n/mg) {
        my ($at, $bytes) = split ' ', $line;
        push @bytes, 0 if !defined $last || $at - $last > 2;
        $bytes[-1] += $bytes;
        $last = $at;
    }

    return @bytes;
}


# How much the zone must hold for the honest viewers, found out by a short run.

sub honest_series ($self) {
    my $nginx = $self->start_side('calm', 1_000_000);

    $self->load('calm', $nginx, VIEWERS * 40);
    my $stats = $self->drained($nginx);
    my $series = $stats->{series}{count};
    $nginx->stop('QUIT', 20);
    $self->{at}{calm} = 0;

    return $series;
}


# { calm => { ... }, attack => { ... }, series_max }; progress is called each
# slice.

sub run ($self, $progress) {
    my (%nginx, %of);

    $self->start_receiver;

    # A third more than the honest viewers need: until their values are known,
    # they have three quarters of the table, as forged ones have.
    my $max = $self->{series_max} = int($self->honest_series * 4 / 3) + 1;

    my $slice = $self->{rate} * $self->{slice};
    $slice = $self->{events} if $slice > $self->{events};

    for my $side (qw(calm attack)) {
        $nginx{$side} = $self->start_side($side, $max);

        # Both sides have their series before anything counts.
        $self->load($side, $nginx{$side}, VIEWERS * 40);
    }

    for (my $left = $self->{events}; $left > 0; $left -= $slice) {
        for my $side (qw(calm attack)) {
            my $f = $self->slice($side, $nginx{$side},
                                 $left < $slice ? $left : $slice);
            push @{ $of{$side} }, $f;
            $progress->($side, $f);
        }
    }

    my %result = map { $_ => $self->figures($_, $nginx{$_}, $of{$_}) }
                 qw(calm attack);
    $_->stop('QUIT', 20) for values %nginx;
    $self->{receiver}->stop;

    return { %result, series_max => $max };
}


sub slice ($self, $side, $nginx, $events) {
    my ($pid) = $nginx->worker_pids;
    my $before = thread_cpu($pid);
    my $f = $self->load($side, $nginx, $events);

    $self->drained($nginx);
    my $after = thread_cpu($pid);

    $f->{loop_us} = ($after->{loop} - $before->{loop}) * 1e6 / $events;
    $f->{helper_us} = ($after->{helper} - $before->{helper}) * 1e6 / $events;
    return $f;
}


sub figures ($self, $side, $nginx, $slices) {
    my ($pid) = $nginx->worker_pids;

    # A gauge is in an export only if it had values in its window, so the
    # largest export is compared; the last one may still be under way.
    my $n = $self->exports($side);
    wait_until(sub { $self->exports($side) > $n + 1 }, 30);

    my @bytes = $self->exports($side);
    my $memory = memory($pid);
    my ($rss) = slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
    my %f = (export => max(@bytes), zone => mapped($pid),
             touched => $memory->{shared},
             series => $self->stats($nginx)->{series}{count},
             own => $rss / 1024 - $memory->{shared});

    for my $name (qw(accepted_events refused_events)) {
        $f{$name} += $_->{$name} for @$slices;
    }
    for my $name (qw(p50_ms p99_ms loop_us helper_us)) {
        $f{$name} = [ map { $_->{$name} } @$slices ];
    }

    return \%f;
}


1;
