#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Usage: corpus_seed.pl DIR
# Writes the bodies of t/data/corpus.tsv and of t/data/realistic.jsonl to DIR,
# one file each: the seeds of the fuzzers of the decoder.

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

printf "%d bodies in %s\n", @cases + $., $dir;
