package OpenQoE::Movers;

# Copyright (C) OpenQoE
#
# Sessions of viewers whose requests reach one edge of a fleet and, after a
# while, another, and the truth about them:
#
#     my $movers = OpenQoE::Movers->new(sessions => 200, edges => 3);
#     $movers->post(sub ($edge, $events) { ... });
#     is($row->{started}, $movers->truth->{started});
#
# The events of a view at one edge are one request, with the times at which they
# happened within the last half hour, so nothing waits for the clock.  What they
# say leaves no room for interpretation, and a view moves while it plays: the
# time from its last event at the one edge to its first at the other is seen by
# none (truth: handover_ms), and all else is exact.

use v5.36;

use JSON::PP ();
use List::Util qw(min);
use Time::HiRes qw(time);

use OpenQoE::Event qw(event);

use constant BEAT => 10_000;

my @COUNTRIES = qw(DE FR PL US JP);
my @CDNS = qw(alpha beta gamma);
my @DEVICES = ([ 'desktop', 'Windows', 'Chrome', 'hls.js' ],
               [ 'mobile', 'iOS', 'Mobile Safari', 'video.js' ],
               [ 'tv', 'Android TV', 'WebView', 'shaka' ]);


# new(sessions => 100, edges => 3, seed => 1, org => 'acme',
#     moves => the share of views that move (0.5), first => the number of the
#     first session (0), viewers => how many viewers there are (all sessions
#     / 2), start => Unix ms at which the first view begins)

sub new ($class, %opt) {
    my $self = bless {
        sessions => 100, edges => 3, seed => 1, org => 'acme', moves => 0.5,
        first => 0, start => int(time * 1000) - 1_800_000, %opt,
        requests => [], seen => {}, truth => { map { $_ => 0 }
            qw(views started playing_ms stalled_ms stalls errors startups
               startup_ms handover_ms moved events) },
    }, $class;

    $self->{viewers} //= int($self->{sessions} / 2) || 1;
    $self->session($_) for $self->{first}
                           .. $self->{first} + $self->{sessions} - 1;
    $self->{truth}{viewers} = keys %{ $self->{seen} };
    return $self;
}


# { views, started, outcomes => { }, titles => { }, playing_ms, ... }

sub truth ($self) { $self->{truth} }


# The truths of several, added up.

sub together ($class, @movers) {
    my %sum;

    for my $truth (map { $_->truth } @movers) {
        for my $name (keys %$truth) {
            my $value = $truth->{$name};
            if (ref $value) {
                $sum{$name}{$_} += $value->{$_} for keys %$value;
            } else {
                $sum{$name} += $value;
            }
        }
    }

    my %seen = map { %{ $_->{seen} } } @movers;
    $sum{viewers} = keys %seen;
    return \%sum;
}


# { edge, at, events }, in the order of time; edge counts from 0

sub requests ($self) {
    return sort { $a->{at} <=> $b->{at} || $a->{n} <=> $b->{n} }
           @{ $self->{requests} };
}


# Calls $send->(edge, [events]) for each; stops and returns false when that
# does.

sub post ($self, $send) {
    for my $request ($self->requests) {
        $send->($request->{edge}, $request->{events}) or return 0;
    }
    return 1;
}


# Whole numbers from low to high, the same in each run.

sub number ($self, $low, $high) {
    $self->{seed} = ($self->{seed} * 1103515245 + 12345) & 0x7fffffff;
    return $low + int($self->{seed} / 0x80000000 * ($high - $low + 1));
}


sub share ($self, $share) { $self->number(0, 999) < $share * 1000 }


sub session ($self, $i) {
    my $device = $DEVICES[$i % @DEVICES];
    my $viewer = $self->number(0, $self->{viewers} - 1);

    $self->{s} = {
        org_id => $self->{org}, player_id => 'player-1', env => 'production',
        app_name => 'acme-tv', app_version => '4.12.0',
        device => { name => $device->[0], category => $device->[0] },
        os => { family => $device->[1] }, browser => { family => $device->[2] },
        player => { name => $device->[3], version => '1.0' },
        network => { country_code => $COUNTRIES[$i % @COUNTRIES],
                     asn => 64500 + $i % 7 },
        cdn => { provider => $CDNS[$i % @CDNS] },
        session_id => sprintf('5e550000-0000-4000-8000-%012x', $i),
        viewer_id => "viewer-$viewer",
    };
    $self->{seen}{"viewer-$viewer"} = 1;
    $self->{at} = $self->{start} + $self->number(0, 600_000);
    $self->{edge} = $self->number(0, $self->{edges} - 1);

    # Every fifth session has a second video, under the same view_id where it
    # stays at its edge.  (Where a session moves, a player that calls several
    # videos by one view_id leaves the edges to guess which of them ended.)
    my $id = sprintf '71e30000-0000-4000-8000-%012x', 2 * $i;
    $self->view($id);
    $self->view($self->{v}{moved} ? $id =~ s/.\z/1/r : $id, 1) if $i % 5 == 2;
}


sub add ($self, $name, $n = 1) { $self->{truth}{$name} += $n }


# An event so many ms after the last one, of which pictures moved so many.

sub happens ($self, $type, $ms, $played = 0, %data) {
    my $v = $self->{v};

    $self->{at} += $ms;
    $v->{position} += $played;
    $data{playing_time} //= $v->{position} if $v->{shown};
    push @{ $v->{events} }, event(
        %{ $self->{s} }, video => $v->{video}, view_id => $v->{id},
        event_type => $type, event_time => $self->{at},
        viewer_time => $self->{at}, playback_time => $v->{position},
        data => { seq => "oqid-m-$self->{at}", bitrate => $v->{bitrate},
                  %data });
    $self->add('events');

    # What is played from one event to the next is seen by the edge of both.
    $self->add($v->{hole} ? 'handover_ms' : 'playing_ms', $played);
    $v->{played} += $played;
    $v->{hole} = 0;
}


# What happened so far goes to the edge where the session is, the rest to the
# next one.

sub flush ($self) {
    my $v = $self->{v};

    push @{ $self->{requests} }, { edge => $self->{edge}, at => $self->{at},
        n => scalar @{ $self->{requests} }, events => $v->{events} }
        if @{ $v->{events} };
    $v->{events} = [];
}


sub move ($self) {
    $self->flush;
    $self->{edge} = ($self->{edge} + $self->{v}{step}) % $self->{edges};
    $self->{v}{hole} = 1;
    $self->{v}{moved}++;
}


sub view ($self, $id, $second = 0) {
    my $title = min($self->number(0, 11), $self->number(0, 11));
    my $v = $self->{v} = {
        id => $id, events => [], position => 0, hole => 0, played => 0,
        bitrate => (1_200_000, 2_400_000, 4_800_000)[$self->number(0, 2)],
        video => { id => "video-$title", title => "The Title $title" },
    };
    # the second one is of another series
    $v->{video}{id} .= '-b' if $second;

    my $outcome = $self->plays($second ? 0 : $self->{moves});

    $self->flush;
    $self->add('views');
    $self->{truth}{outcomes}{$outcome}++;
    $self->{truth}{titles}{ $v->{video}{id} }++;
    $self->add('moved') if $v->{moved};
    $self->{at} += 5_000;
}


# The events of a view, that moves with this likelihood; returns how it ends.

sub plays ($self, $share) {
    my $v = $self->{v};
    my $kind = $self->number(0, 19);
    my $startup = $self->number(2, 60) * 50;

    $self->happens('playing', 0);
    $self->happens('stallstart', 1);

    if ($kind == 0) {
        $self->fails($startup);
        return 'startup_failure';
    }

    if ($kind == 1) {
        $self->happens('playbackdetached', $startup + 3000);
        return 'exit_before_start';
    }

    $self->happens('stallend', $startup - 1);
    $v->{shown} = 1;
    $self->add('started');
    $self->add('startups');
    $self->add('startup_ms', $startup);

    my $beats = $self->number(3, 12);
    my $moves = $self->number(1, $self->{edges} > 2 ? 2 : 1);
    my %move = $self->{edges} > 1 && $self->share($share)
        ? map { $self->number(1, $beats - 1) => 1 } 1 .. $moves : ();
    $v->{step} = $self->number(1, $self->{edges} - 1) if %move;
    $v->{step} = 1 if $v->{step} && $self->{edges} < 5 && $v->{step} > 1
                      && $self->{edges} % $v->{step} == 0;

    for my $beat (1 .. $beats) {
        $self->happens('heartbeat', BEAT, BEAT);
        $self->stalls if $self->share(0.08);
        $self->move if $move{$beat};
    }

    # where the last beat ends at another edge, the end is not in the hole
    $self->happens('heartbeat', BEAT, BEAT);

    if ($kind == 2) {
        $self->fails(1000);
        return 'playback_failure';
    }

    if ($kind < 6) {
        $self->happens('playbackdetached', 2500, 2500);
        return 'played';
    }

    $self->happens('ended', 2500, 2500);
    return 'completed';
}


sub stalls ($self) {
    my $ms = $self->number(10, 60) * 50;

    $self->happens('heartbeat', 1000, 1000);
    $self->happens('stallstart', 0);
    $self->happens('stallend', $ms, 0, stall_duration => $ms);
    $self->happens('heartbeat', 2000, 2000);
    $self->add('stalls');
    $self->add('stalled_ms', $ms);
}


sub fails ($self, $ms) {
    $self->happens('error', $ms, 0, error_family => 'network',
                   error_code => '403', error_message => 'fragLoadError',
                   error_context => { fatal => JSON::PP::true });
    $self->happens('playbackdetached', 10);
    $self->add('errors');
}


1;
