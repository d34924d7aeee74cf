#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The golden scenarios of t/scenarios: the events of each pass through
# everything but nginx, and the points are compared exactly; some scenario
# expects every metric of the catalogue's groups core, rules and view.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my $tools = $ENV{OPENQOE_TOOLS} // "$root/build/lib/tools";

for my $name (qw(scenario_cli catalogue_cli)) {
    BAIL_OUT("$tools/$name is not built (make -f src/lib.mk tools)")
        unless -x "$tools/$name";
}

my %expected;

for my $path (sort glob "$FindBin::Bin/scenarios/*.txt") {
    my ($name) = $path =~ m{([^/]+)\.txt$};
    subtest $name => sub { run_scenario($path) };
}

is(join(' ', missing()), '', 'every metric has a scenario');

done_testing();

sub run_scenario {
    my ($path) = @_;

    my ($events, @points) = read_scenario($path);

    cmp_ok($events, '>', 0, "the scenario has $events events") or return;
    cmp_ok(scalar @points, '>', 0, scalar(@points) . ' points') or return;

    open(my $out, '-|', "$tools/scenario_cli", $path) or die "cannot run: $!";
    chomp(my @got = <$out>);
    ok(close($out), 'the scenario runs');

    my %got = map { $_ => 1 } @got;
    my %want = map { $_ => 1 } @points;

    is(join("\n", grep { !$got{$_} } @points), '',
       'every expected point is there');
    is(join("\n", grep { !$want{$_} } @got), '', 'no other point is there');

    $expected{ (split /\{/)[0] } = 1 for @points;
}

# the number of events, and the points

sub read_scenario {
    my ($path) = @_;
    my ($events, $points, @points) = (0, 0);

    open(my $fh, '<', $path) or die "$path: $!";

    while (my $line = <$fh>) {
        chomp $line;
        next if $line eq '' || $line =~ /^#/;

        if ($line eq 'points') {
            $points = 1;
        } elsif ($points) {
            push @points, $line;
        } else {
            $events += $line =~ /^\+/;
        }
    }

    return ($events, @points);
}

# Of the group cmcd, those that are made of reports.

sub missing {
    my $reported = qr/^openqoe\.(?:cmcd\.(?:reports|sequence_gaps)|
                                  delivery\.client_\w+)$/x;
    open(my $out, '-|', "$tools/catalogue_cli") or die "cannot run: $!";

    my @missing;

    while (my $line = <$out>) {
        my ($name, $group) = (split /\t/, $line)[0, 4];
        push @missing, $name
            if ($group =~ /^(?:core|rules|view)$/ || $name =~ $reported)
               && !$expected{$name};
    }

    close($out) or die "catalogue_cli failed";

    return @missing;
}
