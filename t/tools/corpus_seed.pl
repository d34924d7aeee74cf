#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Usage: corpus_seed.pl DIR
# Writes the bodies of t/data/corpus.tsv and of t/data/realistic.jsonl, the sets
# of t/data/cmcd/decode.tsv, and parts of the players' runs beside it, to DIR, a
# file each: the seeds of the fuzzers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Path qw(make_path);

use OpenQoE::Corpus;

my $dir = shift @ARGV // die "usage: $0 DIR\n";

make_path($dir);

# The fuzzer decodes at a fixed time (t/fuzz/decode_fuzz.c), and the lines of
# realistic.jsonl are of that day.

my @cases = OpenQoE::Corpus->write_bodies($dir, now => 1_765_976_635_154);

my $path = "$FindBin::Bin/../data/realistic.jsonl";

open(my $in, '<:raw', $path) or die "$path: $!\n";

while (my $body = <$in>) {
    chomp $body;
    open(my $out, '>:raw', "$dir/realistic-$.") or die "$dir: $!\n";
    print $out $body;
    close($out) or die "$dir: $!\n";
}

my $lines = $.;

# The first byte says where a set comes from, the first one of a header line
# which header it is: see t/fuzz/cmcd_fuzz.c.

my %where = (query => 'c', header => 'd', body => 'e');
my %header = ('cmcd-object' => 0, 'cmcd-request' => 1, 'cmcd-session' => 2,
              'cmcd-status' => 3);
my %escape = (t => "\t", n => "\n", r => "\r", '\\' => '\\');
my $sets = 0;

$path = "$FindBin::Bin/../data/cmcd/decode.tsv";
open($in, '<:raw', $path) or die "$path: $!\n";

while (my $row = <$in>) {
    my ($id, $where, $set) = split /\t/, $row;
    next if $id !~ /^\d+$/;

    $set =~ s/\\(?:x([0-9A-F]{2})|(.))/defined $1 ? chr hex $1 : $escape{$2}/ge;
    $set =~ s{^(?:\?|([\w-]+): ?)}{defined $1 ? $header{ lc $1 } // 5 : 4}gem
        if $where eq 'header';

    open(my $out, '>:raw', "$dir/cmcd-$id") or die "$dir: $!\n";
    print $out $where{$where}, $set;
    close($out) or die "$dir: $!\n";
    $sets++;
}

# The reports of a run as t/fuzz/cmcd_events_fuzz.c reads them, in parts that are
# shorter than what libFuzzer takes.

sub write_part {
    my ($name, $text) = @_;
    open(my $out, '>:raw', "$dir/$name") or die "$dir: $!\n";
    print $out $text;
    close($out) or die "$dir: $!\n";
}

my $parts = 0;

for my $run (glob("$FindBin::Bin/../data/cmcd/*-v2-event*.txt"),
             glob("$FindBin::Bin/../data/cmcd/*-x-*.txt")) {
    my ($name) = $run =~ m{([^/]+)\.txt$};
    my ($t0, $part, $at) = (0, '', 0);

    open($in, '<:raw', $run) or die "$run: $!\n";

    while (my $line = <$in>) {
        $t0 = $1 if $line =~ /^# t0 .*= (\d+)/;

        if ($line =~ /^P (\d+)-/) {
            $part .= '@' . ($1 > $at ? $1 - $at : 0) . "\n" if $part ne '';
            $at = $1;

            if (length $part > 6000) {
                write_part("cmcd-$name-" . $parts++, $part);
                $part = '';
            }
        }

        next if $line !~ s/^ +\| //;
        $line =~ s/\bts=(\d+)/'ts=' . ($1 - $t0)/e;
        $line =~ s/"(\w)[\w-]{30,}"/"$1"/g;
        $part .= $line;
    }

    write_part("cmcd-$name-" . $parts++, $part) if $part ne '';
}

printf "%d sets, %d parts of runs and %d bodies in %s\n", $sets, $parts,
       @cases + $lines, $dir;
