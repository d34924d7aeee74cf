#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The decoder of CMCD against another one, which is made of the rules alone
# (t/lib/OpenQoE/Cmcd.pm): the rows of t/data/cmcd, and then those rows cut,
# joined and changed at random.  OPENQOE_SEED=N repeats a run, OPENQOE_SETS=N is
# how many sets are made.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use IPC::Open2 qw(open2);
use File::Temp;
use Test::More;

use OpenQoE::Cmcd qw(decode rows @REASONS);

my $tools = $ENV{OPENQOE_TOOLS} // "$FindBin::Bin/../build/lib/tools";
my $seed = $ENV{OPENQOE_SEED} // 17;
my $sets = $ENV{OPENQOE_SETS} // 20_000;

plan skip_all => "$tools/cmcd_cli is not built (make -f src/lib.mk tools)"
    if !-x "$tools/cmcd_cli";

my @rows = rows("$FindBin::Bin/data/cmcd/decode.tsv");
my @real = rows_of_real();

cmp_ok(@rows, '>', 200, 'there are rows of all kinds');
cmp_ok(@real, '>', 1900, 'there are sets of real players');

my $pid = open2(my $out, my $in, "$tools/cmcd_cli");

srand($seed);
note("OPENQOE_SEED=$seed");

is(compare(@rows), 0, 'the rows of decode.tsv decode as the rules say');
is(compare(@real), 0, 'the sets of real players decode as the rules say');
is(compare(map { change() } 1 .. $sets), 0,
   "$sets sets made at random decode as the rules say");

close $in;
waitpid $pid, 0;
is($?, 0, 'the decoder has ended well');

done_testing;


# The rows of real.tsv.gz.

sub rows_of_real () {
    my $file = File::Temp->new;

    system("gzip -dc $FindBin::Bin/data/cmcd/real.tsv.gz > $file") == 0
        or die "gzip: $?\n";
    return rows("$file");
}


# How many of the sets differ; shows the first of them.

sub compare (@sets) {
    my $differ = 0;

    for my $set (@sets) {
        my ($where, $bytes) = @$set;
        my ($text, $ignored) = decode($where, $bytes);
        my $want = "$text\t" . join ' ', map { $ignored->{$_} // 0 } @REASONS;

        print $in "$where ", unpack('H*', $bytes), "\n";
        $in->flush;
        my $got = <$out> // die "cmcd_cli has ended\n";
        chomp $got;

        next if $got eq $want;
        diag("$where <$bytes>\n  got    $got\n  wanted $want")
            if $differ++ < 5;
    }

    return $differ;
}


# A row with some changes: of characters that mean something, of members of
# other rows, of places.

sub change () {
    my $from = rand() < 0.5 ? \@rows : \@real;
    my ($where, $bytes) = @{ $from->[rand @$from] };

    for (0 .. rand 4) {
        my $at = int rand(1 + length $bytes);
        my $what = rand 6;

        if ($what < 1) {
            substr($bytes, $at, 1 + rand 3) = '' if $at < length $bytes;

        } elsif ($what < 3) {
            substr($bytes, $at, $what < 2 ? 0 : 1) = character($where)
                if $at < length $bytes;

        } elsif ($what < 4) {
            $bytes = substr $bytes, 0, $at;

        } else {
            my ($other) = map { $_->[1] } grep { $_->[0] eq $where }
                          map { $rows[rand @rows] } 1 .. 20;
            my $begin = int rand(1 + length($other // ''));
            substr($bytes, $at, 0) = substr($other // '', $begin, rand 40);
        }
    }

    return [ $where, $bytes ];
}


sub character ($where) {
    my $all = q{",;=()? -.:*\\+&%_'/@} . "\t\n\r\x00\x7f\xc3\xa9\xff";
    my $c = rand() < 0.7 ? substr($all, rand length $all, 1)
          : rand() < 0.5 ? chr(48 + rand 10) : chr(97 + rand 26);

    return $where eq 'query' && rand() < 0.8 ? sprintf('%%%02X', ord $c) : $c;
}
