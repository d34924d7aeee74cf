#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The reports of CMCD that real players posted (t/data/cmcd), at the times at
# which they did, through everything but nginx: what the views say is compared
# with the events of the media element of the same run, up to the last report,
# because players lose the rest when a page is closed.

use strict;
use warnings;

use File::Temp;
use FindBin;
use List::Util qw(max sum0);
use Test::More;

my $root = "$FindBin::Bin/..";
my $tools = $ENV{OPENQOE_TOOLS} // "$root/build/lib/tools";

BAIL_OUT("$tools/scenario_cli is not built (make -f src/lib.mk tools)")
    unless -x "$tools/scenario_cli";

# A stall that the element shows only by the rate that shaka sets: it did not
# end, but for a failure.  And how views ended, unless they were played.

my %open_stall = ('shaka-5.2.12-x-err404' => [11899, 12493]);
my %outcome = ('shaka-5.2.12-x-err404' => 'playback_failure',
               'dashjs-5.2.1-x-err404' => 'playback_failure');

for my $path (sort glob("$FindBin::Bin/data/cmcd/*-v2-event*.txt"),
              sort glob("$FindBin::Bin/data/cmcd/*-x-*.txt"))
{
    my ($name) = $path =~ m{([^/]+)\.txt$};

    subtest $name => sub {
        my $run = read_run($path);
        my $got = replay($run);

        return none($got) if $name =~ /nokeys/;

        compare($name, $got, truth($name, $run));
    };
}

done_testing();

# All reports of that run lack a sid.

sub none {
    my ($got) = @_;

    is_deeply([sort keys %$got], [],
              'reports without a session make no view and no metric');
}

sub compare {
    my ($name, $got, $true) = @_;

    near($got->{startup}, $true->{startup}, 'the startup');
    near($got->{playing}, $true->{playing}, 'the time of playing');
    is($got->{stalls} // 0, $true->{stalls}, 'the number of stalls');
    near($got->{stalled} // 0, $true->{stalled}, 'the time stalled');

    is($got->{started}, 1, 'one view started');
    is($got->{over}, 1, 'and one is over');
    is($got->{outcome}, $true->{outcome}, "it was $true->{outcome}");
}

# within 10 % or 300 ms

sub near {
    my ($got, $true, $what) = @_;

    my $most = max($true / 10, 300);

    ok(defined $got && abs($got - $true) <= $most,
       sprintf('%s is %s ms, by the element %d ms', $what, $got // 'unknown',
               $true));
}

# {t0, posts: [[ms, line, ...]], events: [[ms, name, position]], last}

sub read_run {
    my ($path) = @_;
    my %run = (posts => [], events => [], last => 0);

    open(my $fh, '<', $path) or die "$path: $!";

    while (my $line = <$fh>) {
        chomp $line;

        if ($line =~ /^# t0 \(ms since epoch\) = (\d+)/) {
            $run{t0} = $1;

        } elsif ($line =~ /^@ (\d+) (\w+) currentTime=([\d.]+)/) {
            push @{$run{events}}, [$1, $2, $3 * 1000];

        } elsif ($line =~ /^P \d+-(\d+) POST/) {
            push @{$run{posts}}, [$1];

        } elsif ($line =~ /^  \| (.*)/) {
            push @{$run{posts}[-1]}, $1;
            $run{last} = max($run{last}, report_time($1) - $run{t0});
        }
    }

    return \%run;
}

sub report_time {
    my ($report) = @_;

    my ($ts) = $report =~ /\bts=(\d+)/;
    my ($ttlb) = $report =~ /\be=rr\b.*\bttlb=(\d+)/;

    return $ts + ($ttlb // 0);
}

# The sums of the metrics that matter.

sub replay {
    my ($run) = @_;
    my ($at, %got) = (0);

    my $in = File::Temp->new;
    print $in "start $run->{t0}\n";

    for my $post (sort { $a->[0] <=> $b->[0] } @{$run->{posts}}) {
        my ($ms, @lines) = @$post;

        $at = max($at, $ms);
        print $in "+$at post ", join('\n', @lines), "\n";
    }

    # long enough for the end by silence

    printf $in "+%d tick\n+%d tick\n", $at + 40000, $at + 300000;
    close($in);

    open(my $out, '-|', "$tools/scenario_cli", "$in") or die "cannot run: $!";

    while (<$out>) {
        my ($name, $labels, $value) = /^openqoe\.(\w+)(\{.*?\}) .*?sum=(\S+)/
            or next;

        $got{startup} = $value if $name eq 'video_startup_time';
        $got{playing} += 1000 * $value if $name eq 'playing_time_seconds';
        $got{stalls} += $value if $name eq 'rebuffer_events_total';
        $got{stalled} += $value if $name eq 'rebuffer_duration';
        $got{started} += $value if $name eq 'views_started_total';

        if ($name eq 'views_total') {
            $got{over} += $value;
            ($got{outcome}) = $labels =~ /outcome="(\w+)"/;
        }
    }

    ok(close($out), 'the reports are accepted');

    return \%got;
}

# What the element did.  It plays from `playing` on, unless its position stands
# still: shaka stops it by its rate.

sub truth {
    my ($name, $run) = @_;

    my @events = grep { $_->[0] <= $run->{last} } @{$run->{events}};
    my ($play) = grep { $_->[1] eq 'play' } @events;
    my ($first) = grep { $_->[1] eq 'playing' } @events;
    my ($state, $playing, $since, @stalls) = ('startup', 0);

    if (my $stall = $open_stall{$name}) {
        push @stalls, $stall->[1] - $stall->[0];
        push @events, [$stall->[0], 'waiting', undef];

    } else {
        push @events, [$run->{last}, 'last', undef];
    }

    for my $i (0 .. $#events) {
        my ($ms, $event, $position) = @{$events[$i]};

        if ($i > 0 && $state eq 'playing') {
            my ($then, undef, $was) = @{$events[$i - 1]};
            my $stands = defined $position
                         && $position - $was < ($ms - $then) / 4;

            if ($stands && $ms - $then >= 250) {
                push @stalls, $ms - $then;
            } else {
                $playing += $ms - $then;
            }
        }

        if ($state eq 'stalled' && $event =~ /^(?:playing|last|seeking)$/) {
            push @stalls, $ms - $since if $ms - $since >= 250;
        }

        if ($event eq 'playing') {
            $state = 'playing';
        } elsif ($event eq 'waiting' && $state eq 'playing') {
            ($state, $since) = ('stalled', $ms);
        } elsif ($event =~ /^(?:pause|ended|seeking)$/) {
            $state = $event;
        }
    }

    my $ended = grep { $_->[1] eq 'ended' } @events;

    return {
        startup => $first->[0] - $play->[0],
        playing => $playing,
        stalls => scalar @stalls,
        stalled => sum0(@stalls),
        outcome => $outcome{$name} // ($ended ? 'completed' : 'played')
    };
}
