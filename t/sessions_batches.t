#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The recorded sessions of t/data/sessions, without nginx, cut into batches in
# other ways than they were posted: what the network does with batches changes
# no number.

use lib 't/lib';
use List::Util qw(shuffle);
use OpenQoE::Sessions qw(recorded_sessions batches is_truth view_lines
                         view_totals);
use OpenQoE::Test;

need(view_cli => tool('view_cli'));

my $seed = $ENV{OPENQOE_SEED} || 20261129;
my $start = 1_800_000_000_000;
my @sessions = recorded_sessions();

# What must be the same however the events come: all but what is counted of
# events themselves, and the gauge of the moment.
my @same = qw(started over completed played exit_before_start startup_failure
              playback_failure views_completed exits continued playing_s
              watch_s rebuffers rebuffer_count rebuffer_ms startups startup_ms
              aggregates aggregate_ms ratios ratio pauses);

srand $seed;
diag("seed $seed");

# from here the tool is asked once for all ways of cutting

my @ways = (
    [ 'as they were posted', {} ],
    [ 'each event alone, as it happens', { cut => \&alone } ],
    [ 'all events of a session at once', { cut => sub ($e) { $e } } ],
    [ 'in another order within their batches', { order => 1 } ],
    [ 'each batch posted twice', { twice => 1 } ],
    map { [ "cut at random, number $_", { cut => \&anywhere, order => 1,
                                          twice => $_ % 2 } ] } 1 .. 8,
);

my @results = view_totals([ tool('view_cli') ],
                          map { input(%{ $_->[1] }) } @ways);

is(@results, @ways, 'each way of cutting into batches gives totals');

is_truth($_, $results[0]{ $_->{name} },
         "$_->{name}, $ways[0][0]: the totals are the truth")
    for @sessions;

for my $i (1 .. $#ways) {
    my @different = map { differences($_, $results[0], $results[$i]) }
                    map { $_->{name} } @sessions;
    is(join("\n", @different), '', "$ways[$i][0]: the totals are the same");
}

done_testing;


# An event is posted at once and takes 40 ms.

sub alone ($events) {
    return map { [ { %$_, received => $_->{at} + 40 } ] } @$events;
}


# Batches of any size over at most 20 s, each received up to 2 s after its last
# event: after 30 s without a receipt what was held for judgement is judged.

sub anywhere ($events) {
    my @left = sort { $a->{at} <=> $b->{at} } @$events;
    my @batches;
    my $received = 0;

    while (@left) {
        my $most = 1 + int rand(rand() < 0.5 ? 4 : 40);
        my $until = $left[0]{at} + 20_000;
        my @batch;
        push @batch, shift @left
            while @left && @batch < $most && $left[0]{at} <= $until;
        my $at = $batch[-1]{at} + int rand 2000;
        $received = $at if $at > $received;
        push @batches, [ map { { %$_, received => $received } } @batch ];
    }

    return @batches;
}


# The lines of one way, all sessions in one zone.

sub input (%way) {
    my $cut = $way{cut} // \&OpenQoE::Sessions::recorded_batches;
    my @batches = batches($start, \@sessions, cut => sub ($events) {
        my @lists = $cut->($events);
        @lists = map { [ shuffle @$_ ] } @lists if $way{order};
        @lists = map { ($_, $_) } @lists if $way{twice};
        return @lists;
    });

    return view_lines(@batches);
}


# Sums of times may differ by what a clock's estimate of 1 ms makes of them.

sub differences ($name, $want, $got) {
    my ($w, $g) = ($want->{$name}, $got->{$name});
    return "$name: nothing" if !$g;

    return map { "$name $_: $w->{$_}, now $g->{$_}" }
           grep { abs($w->{$_} - $g->{$_}) > (/_ms$/ ? 5 : 0.005) } @same;
}
