package Bench::Spool;

# Copyright (C) OpenQoE
#
# What a promise costs: the three acknowledgement modes side by side, and how
# fast a spool goes out again.

use v5.36;

use Exporter qw(import);
use File::Temp ();
use Time::HiRes qw(time);

use Bench::Report qw(commas of ratios spread table);
use Bench::Run;
use OpenQoE::Process qw(run_cmd wait_until);

our @EXPORT_OK = qw(modes replay spool_report);

use constant { BATCH => 10, CONNECTIONS => 200 };

my @modes = qw(memory spool fsync);


# New spool directories are made on the disk of the build directory.

sub spool_dir ($build) {
    my $dir = File::Temp->newdir('bench-spool-XXXXXX', DIR => $build,
                                 CLEANUP => 1);
    chmod 0755, "$dir";
    return $dir;
}


# modes(build directory, runs, progress, options of Bench::Run): a list of
# figures, with {side} the mode

sub modes ($build, $runs, $progress, %opt) {
    my $bench = Bench::Run->new(%opt, connections => CONNECTIONS);
    my @all;

    $bench->start_receiver;

    for my $run (1 .. $runs) {
        for my $mode (@modes) {
            my $dir = spool_dir($build);
            $bench->{events} = {
                http => "    openqoe_spool $dir/spool max_size=8g;\n",
                events => "openqoe_ack $mode;",
            };
            my $f = $bench->measure('events', BATCH);
            push @all, { %$f, side => $mode, batch => BATCH };
            $progress->($run, $all[-1]);
        }
    }

    $bench->stop_receiver;

    return @all;
}


# A spool of some hundred thousand events, which openqoe-spool on nginx's core
# sends to the receiver on the other: [ events, MB, seconds ] for each run.

sub replay ($build, $runs, %opt) {
    my $dir = spool_dir($build);
    my $bench = Bench::Run->new(%opt, connections => CONNECTIONS,
        events => { http => "    openqoe_spool $dir/spool max_size=8g;\n"
                            . '    openqoe_drain_timeout 20s;' });
    my @all;

    # At first no process listens, so all events go to the disk.

    $bench->start_receiver;
    my $port = $bench->{receiver}->port;
    $bench->stop_receiver;

    my $nginx = $bench->start_nginx('events');
    $bench->load($nginx, 100, $opt{seconds});
    $nginx->stop('QUIT', 30) or die "nginx did not stop by itself\n";

    $bench->start_receiver;
    for my $run (1 .. $runs) {
        my $start = time;
        my ($rc, $out, $err) = run_cmd({ timeout => 120 }, 'taskset', '-c',
            $opt{server_core}, "$build/openqoe-spool", 'replay', '--protocol',
            'http/protobuf', '--endpoint',
            'http://127.0.0.1:' . $bench->{receiver}->port, "$dir/spool");
        die "openqoe-spool: $out$err\n" if $rc ne '0';
        my $seconds = time - $start;
        my ($events) = $out =~ /\bsent=(\d+)/
            or die "openqoe-spool does not tell the events: $out$err\n";
        my ($kb) = (run_cmd('du', '-sk', "$dir/spool"))[1] =~ /^(\d+)/;
        push @all, [$events, $kb / 1024, $seconds];
    }
    $bench->stop_receiver;

    return @all;
}


# spool_report(modes => list, replay => list, disk => text)

sub spool_report (%r) {
    my @runs = @{ $r{modes} };
    my @rows;

    for my $mode (@modes) {
        my $get = sub ($format, $key) {
            spread($format, of(\@runs, $mode, BATCH, $key));
        };

        push @rows, [ "`openqoe_ack $mode`", $get->('%.0f', 'events'),
            $mode eq 'memory' ? ''
            : spread('%.2f', ratios(\@runs, $mode, 'memory', BATCH, 'events')),
            $get->('%.2f', 'p50'), $get->('%.2f', 'p99'),
            $get->('%.2f', 'loop_us'), $get->('%.2f', 'helper_us'),
            $get->('%.0f', 'refused') ];
    }

    my @rate = map { $_->[0] / $_->[2] } @{ $r{replay} };
    my @mb = map { $_->[1] / $_->[2] } @{ $r{replay} };
    my $events = commas($r{replay}[0][0] // 0);

    return "## What 202 means, and what it costs\n\n" . table(
        ['', 'events/s', 'of memory', 'p50, ms', 'p99, ms',
         'event loop, us an event', 'helper, us an event',
         'requests refused'], @rows) . <<"END";

In batches of @{[ BATCH ]}, @{[ CONNECTIONS ]} connections, one worker, the
receiver as above, the spool on $r{disk}.  Aim: fsync at least half of memory.

Replay of a spool by `openqoe-spool replay` on nginx's core to the receiver on
the other: @{[ spread('%.0f', @rate) ]} events/s, @{[ spread('%.0f', @mb) ]} MB/s
($events events a run, from the page cache).  Aim: 200,000 events/s.
END
}


1;
