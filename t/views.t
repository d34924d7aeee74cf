#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Views over a long time and at the edges of what players send, without nginx:
# what is seen at each look, live views of more than a day, one view_id for
# hours, playing times in seconds, positions that are times.

use lib 't/lib';
use OpenQoE::Sessions qw(view_lines view_totals);
use OpenQoE::Test;

need(view_cli => tool('view_cli'));

my $start = 1_800_000_000_000;
my @batches;


# An event of an organisation that is received 20 ms after it happened.

sub post ($org, $at, $type, %set) {
    my %event = (event_type => $type, event_time => $start + $at,
                 org_id => $org, player_id => 'web', session_id => 's',
                 view_id => 'v', viewer_id => 'u', data => {}, %set);

    push @batches, { received => $start + $at + 20,
                     body => batch_json([ \%event ]) };
}


# The lines of all events posted since the last call, with looks between them.

sub lines (@looks) {
    my @lines = map { [ $_->{received}, view_lines($_) ] } @batches;

    for my $look (@looks) {
        my $ms = $start + $look;
        push @lines, [ $ms, qq({"collect":$ms}\n) ];
    }

    @batches = ();
    return join '', map { $_->[1] } sort { $a->[0] <=> $b->[0] } @lines;
}


subtest 'ten views whose players beat once a minute' => sub {
    for my $i (0 .. 9) {
        my %own = (session_id => "s$i", view_id => "v$i");
        post('beat', $i * 1000, 'playing', %own);
        post('beat', $i * 1000 + $_ * 60_000, 'heartbeat', %own)
            for 1 .. 10;
    }

    # from when each has beaten twice up to three beats after the last

    my @looks = map { 135_000 + 7000 * $_ } 0 .. 90;
    my @now = map { $_->{beat}{concurrent} }
              view_totals([ tool('view_cli') ], lines(@looks, 1_000_000));

    is(join(' ', @now[0 .. $#looks]), join(' ', (10) x @looks),
       'all ten views count as concurrent at each look');
    is($now[-2], 0, 'no view counts as concurrent after three silent beats');
};


subtest 'a live view of 30 hours' => sub {
    my $hours = 30;
    my $end = $hours * 3600_000;

    post('long', 0, 'playing', playback_time => 0);

    for (my $at = 60_000; $at < $end; $at += 60_000) {
        post('long', $at, 'heartbeat', playback_time => $at,
             data => { playing_time => $at });
    }

    post('long', $end, 'ended', playback_time => $end);

    my ($got) = view_totals([ tool('view_cli') ], lines());
    is($got->{long}{playing_s}, $end / 1000,
       'the long view has played 30 hours');
    is($got->{long}{watch_s}, $end / 1000,
       'the long view was watched for 30 hours');
    is($got->{long}{started}, 1, 'the long view has started once');
    is($got->{long}{completed}, 1, 'the long view is completed once');
};


subtest 'a view_id that is used for hours' => sub {
    my $n = 500;

    for my $i (0 .. $n - 1) {
        my $at = $i * 40_000;
        post('again', $at, 'playing');
        post('again', $at + 30_000, 'ended');
        post('again', $at + 30_001, 'pause');
    }

    my ($got) = view_totals([ tool('view_cli') ], lines());
    is($got->{again}{started}, $n, 'each replay has started');
    is($got->{again}{completed}, $n, 'each replay is completed');
    is($got->{again}{over}, $n, 'each replay is over once');
    is($got->{again}{playing_s}, 30 * $n, 'each replay has played');
    is($got->{again}{pauses}, 0, "the pause at a video's end does not count");
};


subtest 'thirty views of one session at once' => sub {
    my $n = 30;

    for my $i (1 .. $n) {
        post('many', $i, 'playing', view_id => "v$i", playback_time => 0);
        post('many', $i + 10_000 * $_, 'heartbeat', view_id => "v$i",
             playback_time => 10_000 * $_) for 1 .. 3;
        post('many', $i + 40_000, 'ended', view_id => "v$i",
             playback_time => 40_000);
    }

    my ($got) = view_totals([ tool('view_cli') ], lines());
    is($got->{many}{completed}, $n, 'all views are completed');
    is($got->{many}{playing_s}, 40 * $n, 'each view has played its 40 s');
};


subtest 'units and origins of what players send' => sub {
    for my $beat (1 .. 6) {
        my $at = $beat * 10_000;
        my @beat = ($at, 'heartbeat');

        # playing_time in seconds, beside a position in ms
        post('seconds', @beat, playback_time => $at,
             data => { playing_time => $at / 1000 });

        # a live stream whose position is the time of day
        post('epoch', @beat, playback_time => $start + $at,
             data => { playing_time => $at });

        # a playing_time that is nothing
        post('negative', @beat, playback_time => $at,
             data => { playing_time => -5 });

        # no position at all
        post('alone', @beat, data => { playing_time => $at });
    }

    my %origin = (epoch => $start, seconds => 0, negative => 0);

    for my $org (qw(seconds epoch negative alone)) {
        my @position = exists $origin{$org}
                       ? (playback_time => $origin{$org}) : ();
        post($org, 0, 'playing', @position);
        post($org, 61_000, 'ended');
    }

    my ($got) = view_totals([ tool('view_cli') ], lines());

    for my $org (sort keys %$got) {
        is($got->{$org}{playing_s}, 61, "$org: the view has played for 61 s");
        is($got->{$org}{rebuffers}, 0, "$org: the view has not stalled");
        is($got->{$org}{started}, 1, "$org: the view has started once");
        is($got->{$org}{completed}, 1, "$org: the view is completed");
    }
};


subtest 'a tab that is closed' => sub {
    post('closed', 0, 'playing', playback_time => 0);
    post('closed', 10_000, 'heartbeat', playback_time => 10_000);
    post('closed', 12_000, 'moveaway', playback_time => 12_000);

    my ($before, $after) = view_totals([ tool('view_cli') ],
                                       lines(185_000, 200_000));
    is($before->{closed}{over}, 0, 'a hidden view goes on for 3 minutes');
    is($after->{closed}{played}, 1, 'a hidden view is over after 3 minutes');
    is($after->{closed}{playing_s}, 12,
       'a hidden view has played until it was closed');
};

done_testing;
