#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Usage: corpus_seed.pl DIR
# Writes the bodies of t/data/corpus.tsv to DIR, one file each: the seeds of
# the decode fuzzer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Path qw(make_path);

use OpenQoE::Corpus;

my $dir = shift @ARGV // die "usage: $0 DIR\n";

make_path($dir);

# the fuzzer decodes at one fixed time (t/fuzz/decode_fuzz.c)

my @cases = OpenQoE::Corpus->write_bodies($dir, now => 1_765_976_635_154);

printf "%d bodies in %s\n", scalar(@cases), $dir;
