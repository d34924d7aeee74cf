#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Every body of t/data/corpus.tsv that needs no HTTP, through the decoder
# alone: status, counts, and event, field and reason of the first error.
# The decoder is t/tools/decode_cli.c; OPENQOE_TOOLS says where.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use Test::More;

use OpenQoE::Corpus;

my $root = "$FindBin::Bin/..";
my $program = ($ENV{OPENQOE_TOOLS} // "$root/build/lib/tools") . '/decode_cli';

BAIL_OUT("$program is not built (make -f src/lib.mk tools)")
    unless -x $program;

my %STATUS = (ok => 202, invalid => 400, nomem => 503);

my $now = int(time() * 1000);
my $dir = tempdir(CLEANUP => 1);
my @all = OpenQoE::Corpus->write_bodies($dir, now => $now);
my @cases = grep { $_->{json} } @all;

my %got = decode(@cases);

for my $case (@cases) {
    subtest $case->{name} => sub { check($case, $got{$case->{name}}) };
}

my $refused = grep { $_->{status} >= 400 } @all;

cmp_ok($refused, '>=', 220, "$refused malformed or hostile bodies are refused");
covers_schema(@cases);

done_testing();

# name -> [status, events, rejected, unknown keys, event, field, reason]

sub decode {
    my @files = map { "$dir/$_->{name}" } @_;

    open(my $out, '-|', $program, $now, @files) or die "cannot run: $!";

    my %result;

    while (my $line = <$out>) {
        chomp $line;
        my ($path, @rest) = split /\t/, $line, -1;
        my ($name) = $path =~ m{([^/]+)$};
        $result{$name} = \@rest;
    }

    ok(close($out), 'the decoder ends well');

    return %result;
}

sub check {
    my ($case, $got) = @_;

    ok($got, 'the body is decoded') or return;

    my ($status, $events, $rejected, undef, $event, $field, $reason) = @$got;

    is($STATUS{$status}, $case->{status}, 'the body has the expected status')
        or diag("$case->{name}: $reason");

    if (defined $case->{accepted}) {
        is($events, $case->{accepted},
           'as many events are accepted as expected');
        is($rejected, $case->{rejected},
           'as many events are rejected as expected');
    }

    if (defined $case->{reason}) {
        is($field, $case->{field}, 'the error has the expected field');
        is($event, $case->{event} // -1, 'the error has the expected event');
        cmp_ok(index($reason, $case->{reason}), '>=', 0,
               'the error has the expected reason')
            or diag("$case->{name}: \"$reason\", not \"$case->{reason}\"");
    } else {
        is($reason, '', 'the body has no error');
    }
}

# a field of the schema without a body that has it wrong fails here

sub covers_schema {
    my %seen = map { ($_->{field} // '') => 1 } @_;

    open(my $fh, '<', "$root/src/event/qoe_event.h") or die "qoe_event.h: $!";

    my @missing;
    my $fields = 0;

    while (<$fh>) {
        next unless /^ \s+ X\([A-Z_]+,\s+ (?:NULL|"(\w+)"),\s+ "(\w+)",
                     \s+ [A-Z_]+\)/x;
        my $path = defined $1 ? "$1.$2" : $2;
        $fields++;
        push @missing, $path unless $seen{$path};
    }

    cmp_ok($fields, '>', 50, "the schema has $fields fields");
    is("@missing", '', 'each field is wrong in some body');
}
