#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Real players: plain video, hls.js, dash.js and shaka play in Chromium while
# viewers click, wait, pause, seek, go on to another video and close the tab.
# A reporter posts what the published SDK posts (t/peers/players/adapters.js);
# a recorder on the same page, which has no part in that, knows what really
# happened (recorder.js, truth.js).  The module's numbers must be the truth's,
# within the tolerances below.
#
# OPENQOE_PLAYERS_SAVE=dir keeps the sessions in files: what was posted and
# what was true, in ms since the page's begin.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(any max min sum0);

use OpenQoE::Metrics;
use OpenQoE::Peers qw(browse media_dir node_dir program);
use OpenQoE::Shim;

# How far a number may be from the truth: a part of it or, for small numbers,
# this much.
use constant {
    PLAYING => [ 0.05, 600 ],
    STALLED => [ 0.12, 400 ],
    STARTUP => [ 0.20, 250 ],
};

# shaka reports its first buffer, 170 to 400 ms before the first frame, and
# neither `canplay` nor a start-up time: the events do not say more.
my %startup_slack = (shaka => 400);

# By then every view is over, whatever it waits for; series must last longer.
use constant LATER => 2 * 3600;

my @outcomes = qw(completed played playback_failure startup_failure
                  exit_before_start);

my @players = qw(html5 hlsjs dashjs shaka);

# What a session of each scenario must contain to be worth comparing.
my %scenario = (
    full => { views => 1, completed => 1, stalls => 1, pauses => 1, seeks => 1,
              types => [qw(playing heartbeat stallstart stallend pause seek
                           quartile ended moveaway)] },
    next => { views => 2, completed => 1, stalls => 0, pauses => 0, seeks => 1,
              types => [qw(playing heartbeat seek quartile ended moveaway)] },
    never => { views => 1, started => 0, completed => 0, stalls => 0,
               pauses => 0, seeks => 0, types => ['moveaway'] },
    missing => { views => 1, started => 0, completed => 0, stalls => 0,
                 pauses => 0, seeks => 0, types => ['moveaway'] },
    ready => { views => 1, completed => 0, stalls => 0, pauses => 0,
               seeks => 0, types => [qw(playing moveaway)] },
);

need(chromium => program('chromium'), ffmpeg => program('ffmpeg'));

my $lib = node_dir() . '/node_modules';
my $media = media_dir();
my $shim = OpenQoE::Shim->new;
my $port = free_port();


# Values of new series are exported at once, not after a scrape has had their
# zero, because the file is read when everything is over.  A module without
# births has no such directive.

sub birth_off () {
    my $directive = 'openqoe_series_birth off;';
    my ($rc) = OpenQoE::Nginx->new(http => $directive)->test_config;

    return $rc eq '0' ? $directive : '';
}


sub make_nginx () {
    my $nginx = OpenQoE::Nginx->new(
        workers => 2, zone => 'qoe:64m', env => $shim->env,
        http => 'openqoe_series_ttl 1d; ' . birth_off(),
        events => "openqoe_cors_origin http://localhost:$port;");

    $nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                         . ';
        interval 100ms;
        metric_interval 500ms;');

    return $nginx->start;
}


sub save ($dir, $sessions) {
    mkdir $dir;
    write_file("$dir/$_->{name}.json", encode_json_text($_)) for @$sessions;
    note("the sessions are in $dir");
}


# The recordings are what they are meant to be.

sub check_recorded ($session) {
    my ($views, $name) = @$session{qw(views name)};
    my $want = $scenario{ $session->{scenario} };
    my %types = map { $_->{event}{event_type} => 1 } @{ $session->{events} };
    my $sum = sub ($what) { sum0(map { $_->{$what} } @$views) };

    is(scalar @$views, $want->{views}, "$name: the videos planned were played");
    is((grep { defined $_->{startup_ms} } @$views),
       $want->{started} // $want->{views},
       "$name: as many videos showed a frame as planned");
    is($sum->('ended'), $want->{completed},
       "$name: as many videos ended as planned");
    is($sum->('pauses'), $want->{pauses},
       "$name: the viewer paused as planned");
    cmp_ok($sum->('seeks'), '>=', $want->{seeks},
           "$name: the viewer sought as planned");
    cmp_ok((sum0 map { scalar @{ $_->{stalls} } } @$views), '>=',
           $want->{stalls}, "$name: the cut network made it stall");
    is_deeply([ grep { !$types{$_} } @{ $want->{types} } ], [],
              "$name: every type of event expected was sent");
    is($session->{refused}, 0, "$name: no request was refused");
    is_deeply($session->{errors}, [], "$name: no script had an error");
}


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
                 @{ $session->{wishes} };
    my $first = min(map { $_->{at_ms} } grep {
        ($_->{event}{video}{id} // '') eq $view->{video}
    } @{ $session->{events} });

    return max(0, $first - $wish);
}


# What the module may say of a session, as ranges: { what => [least, most] },
# and the truth itself.

sub expected ($session) {
    my $views = $session->{views};
    my @started = grep { defined $_->{startup_ms} } @$views;
    my @stalls = map { @{ $_->{stalls} } } @$views;
    my $brief = sum0(map { $_->{brief} } @$views);
    my $clear = grep { $_->{ms} > 350 } @stalls;
    my $sum = sub ($what) { sum0(map { $_->{$what} // 0 } @$views) };
    my $stalled = sum0(map { $_->{ms} } @stalls);
    my @first = map {
        my ($frame, $playing) = @$_{qw(startup_ms startup_playing_ms)};
        [ min($frame, $playing) - unreported($session, $_),
          max($frame, $playing) ];
    } @started;
    my $slack = @started * ($startup_slack{ $session->{player} } // 0);
    my %outcome = map { $_ => 0 } @outcomes;

    $outcome{ outcome($session, $_) }++ for @$views;

    # A machine that is too busy to play is no stall of the player: that time
    # may count as playing or not.
    my ($playing, $hiccups) = ($sum->('playing_ms'), $sum->('hiccup_ms'));

    return {
        (map { $_ => [ exactly($outcome{$_}), $outcome{$_} ] } @outcomes),
        started => [ exactly(@started + 0), @started + 0 ],
        over => [ exactly(@$views + 0), @$views + 0 ],
        playing_ms => [ around($playing, $playing + $hiccups, PLAYING),
                        $playing ],
        stalls => [ [ $clear, $clear + $brief ], @stalls + 0 ],
        stalled_ms => [ around($stalled, $stalled, STALLED), $stalled ],
        startups => [ exactly(@started + 0), @started + 0 ],
        startup_ms => [ around(sum0(map { $_->[0] } @first),
                               sum0(map { $_->[1] } @first), STARTUP,
                               scalar @started, $slack),
                        $sum->('startup_ms') ],
        pauses => [ exactly($sum->('pauses')), $sum->('pauses') ],
    };
}


# The same ranges from the module's numbers.

sub measured ($metrics, $name) {
    my $value = sub ($metric, %attrs) {
        $metrics->value("openqoe.$metric", player_id => $name, %attrs);
    };
    my $sum = sub ($metric) {
        sum0(map { $_->{sum} // 0 }
             $metrics->series("openqoe.$metric", player_id => $name));
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


sub compare ($session, $metrics) {
    my $want = expected($session);
    my $got = measured($metrics, $session->{name});
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


my $nginx = make_nginx();
my $metrics = OpenQoE::Metrics->new($nginx->out_file);

my $seen = browse('players/drive.js', 300, port => $port, media => $media,
                  lib => $lib, org => 'org-players',
                  endpoint => $nginx->url =~ s/127\.0\.0\.1/localhost/r);

ok($seen, 'the browser was driven to the end') or done_testing, exit 1;
note("the browser: $seen->{product}");

my %session = map { $_->{name} => $_ } @{ $seen->{sessions} };
my $events = sum0(map { scalar @{ $_->{events} } } values %session);
my $views = sum0(map { scalar @{ $_->{views} } } values %session);

save($ENV{OPENQOE_PLAYERS_SAVE}, $seen->{sessions})
    if $ENV{OPENQOE_PLAYERS_SAVE};

is_deeply([ sort keys %session ],
          [ sort map { my $s = $_; map { "$_-$s" } @players } keys %scenario ],
          'every session was recorded');

subtest 'the recordings are what the scenarios planned' => sub {
    check_recorded($session{$_}) for sort keys %session;
};

ok($metrics->wait_value($events, 'openqoe.events_total', -timeout => 30),
   'every event that a page handed over was taken')
    or diag($metrics->value('openqoe.events_total'), " of $events");

$shim->clock(LATER);
$metrics->wait_value($views, 'openqoe.views_total', -timeout => 10);
ok($metrics->wait_collection, 'collections are made with the clock moved');

for my $name (sort keys %session) {
    subtest $name => sub { compare($session{$name}, $metrics) };
}

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;

done_testing;
