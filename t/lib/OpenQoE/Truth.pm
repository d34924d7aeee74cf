package OpenQoE::Truth;

# Copyright (C) OpenQoE
#
# Sessions of real players, as t/peers/players/truth.js has them: the module's
# numbers against what a recorder on the page saw.
#
#     compare($session, $metrics);     # a check for each number
#
# The metrics of a session are those whose player_id, or whose attribute $by, is
# its name: compare($session, $metrics, $startup_slack, $by).

use v5.36;

use Exporter qw(import);
use List::Util qw(any max min sum0);
use Test::More;

our @EXPORT_OK = qw(compare);

# How far a number may be from the truth: a part of it or, for small numbers,
# this much.
use constant {
    PLAYING => [ 0.05, 600 ],
    STALLED => [ 0.12, 400 ],
    STARTUP => [ 0.20, 250 ],
};

# The longest stall, in ms, that may count or not (t/peers/players/truth.js).
use constant BRIEF => 350;

my @outcomes = qw(completed played playback_failure startup_failure
                  exit_before_start);


# [least, most] around a range, within a tolerance and some slack.

sub around ($low, $high, $tolerance, $n = 1, $slack = 0) {
    my ($part, $least) = @$tolerance;

    return [ $low - max($low * $part, $least * $n) - $slack,
             $high + max($high * $part, $least * $n) + $slack ];
}


sub exactly ($n) { [ $n, $n ] }


# How a view of a session ended.  Without a first frame it failed if the
# player said so: dash.js and shaka do not report a source that is missing.

sub outcome ($session, $view) {
    return 'completed' if $view->{ended};
    return 'played' if defined $view->{startup_ms};

    my $error = any { $_->{event_type} eq 'error'
                      && $_->{video}{id} eq $view->{video} }
                map { $_->{event} } @{ $session->{events} };
    return $error ? 'startup_failure' : 'exit_before_start';
}


# How long after the wish for a view its first event was made: a page that the
# machine gave no time meanwhile.  No event says more.

sub unreported ($session, $view) {
    my ($wish) = map { $_->[0] } grep { $_->[1] eq $view->{video} }
                 @{ $session->{wishes} // [] };
    my $first = min(map { $_->{at_ms} } grep {
        ($_->{event}{video}{id} // '') eq $view->{video}
    } @{ $session->{events} });

    return defined $wish && defined $first ? max(0, $first - $wish) : 0;
}


# What the module may say of a session, as ranges: { what => [least, most] },
# and the truth itself.  A startup may be wrong by the slack besides.

sub expected ($session, $startup_slack) {
    my $views = $session->{views};
    my @started = grep { defined $_->{startup_ms} } @$views;
    my @stalls = map { @{ $_->{stalls} } } @$views;
    my $brief = sum0(map { $_->{brief} } @$views);
    my $rests = sum0(map { scalar @{ $_->{hiccups} // [] } } @$views);
    my $clear = grep { $_->{ms} > BRIEF } @stalls;
    my $sum = sub ($what) { sum0(map { $_->{$what} // 0 } @$views) };
    my $stalled = sum0(map { $_->{ms} } @stalls);
    my @first = map {
        my ($frame, $playing) = @$_{qw(startup_ms startup_playing_ms)};
        [ min($frame, $playing) - unreported($session, $_),
          max($frame, $playing) ];
    } @started;
    my $slack = @started * $startup_slack;
    my %outcome = map { $_ => 0 } @outcomes;

    $outcome{ outcome($session, $_) }++ for @$views;

    # A machine that is too busy to play is no stall of the player: that time
    # may count as playing or not, or as a stall where a player looks at the
    # position alone.  A brief stall that counts takes its time.
    my ($playing, $hiccups) = ($sum->('playing_ms'), $sum->('hiccup_ms'));

    return {
        (map { $_ => [ exactly($outcome{$_}), $outcome{$_} ] } @outcomes),
        started => [ exactly(@started + 0), @started + 0 ],
        over => [ exactly(@$views + 0), @$views + 0 ],
        playing_ms => [ around($playing, $playing + $hiccups, PLAYING),
                        $playing ],
        stalls => [ [ $clear, $clear + $brief + $rests ], @stalls + 0 ],
        stalled_ms => [ around($stalled, $stalled + BRIEF * $brief + $hiccups,
                               STALLED), $stalled ],
        startups => [ exactly(@started + 0), @started + 0 ],
        startup_ms => [ around(sum0(map { $_->[0] } @first),
                               sum0(map { $_->[1] } @first), STARTUP,
                               scalar @started, $slack),
                        $sum->('startup_ms') ],
        pauses => [ exactly($sum->('pauses')), $sum->('pauses') ],
    };
}


# The same ranges from the module's numbers.

sub measured ($metrics, $by, $name) {
    my $value = sub ($metric, %attrs) {
        $metrics->value("openqoe.$metric", $by => $name, %attrs);
    };
    my $sum = sub ($metric) {
        sum0(map { $_->{sum} // 0 }
             $metrics->series("openqoe.$metric", $by => $name));
    };

    return {
        started => $value->('views_started_total'),
        over => $value->('views_total'),
        (map { $_ => $value->('views_total', outcome => $_) } @outcomes),
        playing_ms => 1000 * $value->('playing_time_seconds'),
        stalls => $value->('rebuffer_duration'),
        stalled_ms => $sum->('rebuffer_duration'),
        startups => $value->('video_startup_time'),
        startup_ms => $sum->('video_startup_time'),
        pauses => $value->('pause_events_total'),
    };
}


my %claim = (
    started => 'each view that showed a frame started, and no other',
    over => 'each view is over once',
    completed => 'views that played to their end completed',
    played => 'views that were left in the middle were played',
    playback_failure => 'no view failed while it played',
    startup_failure => 'views whose player reported an error failed to start',
    exit_before_start => 'views that were left without a frame did not start',
    playing_ms => 'playing time is what the recorder saw',
    stalls => 'each stall counts once; start-up, seek and pause do not',
    stalled_ms => 'stalls are as long as the recorder saw them',
    startups => 'each view that started has a start-up time',
    startup_ms => 'start-up is from the wish to the first frame',
    pauses => "the viewer's pauses count, the element's own do not",
);

my @order = (qw(started over), @outcomes, qw(playing_ms stalls stalled_ms
             startups startup_ms pauses));


sub compare ($session, $metrics, $startup_slack = 0, $by = 'player_id') {
    my $want = expected($session, $startup_slack // 0);
    my $got = measured($metrics, $by, $session->{name});
    my @lines = sprintf '%-26s %10s %10s  %s', $session->{name}, 'truth',
                        'module', 'allowed';

    for my $what (@order) {
        my ($range, $truth) = @{ $want->{$what} };
        my ($low, $high) = @$range;
        my $fits = $low <= $got->{$what} && $got->{$what} <= $high;

        ok($fits, $claim{$what});
        push @lines, sprintf '%1s %-24s %10.0f %10.0f  %.0f to %.0f',
                             $fits ? '' : '!', $what, $truth,
                             $got->{$what}, $low, $high;
    }

    my $text = join "\n", @lines;
    (any { /^!/ } @lines) ? diag($text) : note($text);
}


1;
