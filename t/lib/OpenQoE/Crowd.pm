package OpenQoE::Crowd;

# Copyright (C) OpenQoE
#
# Made-up viewers for the pictures of the live page, the same in each run: they
# start, play, stall, fail and leave, at a rate and with troubles that the
# caller says for each step of time.
#
#     my $crowd = OpenQoE::Crowd->new(seed => 7);
#     my $events = $crowd->step($from_ms, 5000, rate => 8,
#                                  trouble => sub ($viewer) { ... });

use v5.36;
use utf8;

use Exporter qw(import);
use List::Util qw(sum0);

use OpenQoE::Event qw(event);

my @titles = (
    [ 'Harbour Lights', 'vod-101', 30 ], [ 'The Long Winter, part 2', 'vod-102', 18 ],
    [ 'Cup Final – live', 'live-7', 40 ], [ 'Gärten der Stadt', 'vod-103', 9 ],
    [ 'Fjällvandring', 'vod-104', 7 ], [ 'Night Bus', 'vod-105', 6 ],
    [ 'Cooking for Two', 'vod-106', 5 ], [ 'Small Planets', 'vod-107', 4 ],
    [ 'Le Tour, étape 12', 'vod-108', 3 ], [ 'Archive 1974', 'vod-109', 2 ],
);
my @cdns = ([ 'north-cdn', 0, 55 ], [ 'fastedge', 0, 30 ], [ 'own-pop', 0, 15 ]);
my @countries = (map { [ $_->[0], 0, $_->[1] ] } [ 'DE', 40 ], [ 'FR', 22 ],
                 [ 'PL', 14 ], [ 'AT', 9 ], [ 'ES', 8 ], [ 'SE', 4 ], [ 'CH', 3 ]);
my @devices = ([ 'tv', 'Tizen', 34 ], [ 'mobile', 'Chrome Mobile', 33 ],
               [ 'desktop', 'Firefox', 25 ], [ 'tablet', 'Safari', 8 ]);


sub new ($class, %opt) {
    return bless { state => $opt{seed} // 1, alive => [], serial => 0 }, $class;
}


# From 0 to 1, from a generator of our own: perl's is not the same everywhere.

sub dice ($self) {
    $self->{state} = ($self->{state} * 1103515245 + 12345) % 2 ** 31;
    return $self->{state} / 2 ** 31;
}


sub choose ($self, @of) {
    my $left = $self->dice * sum0(map { $_->[2] } @of);

    for my $one (@of) {
        $left -= $one->[2];
        return $one if $left <= 0;
    }

    return $of[-1];
}


# A normal viewer; trouble may change startup, stalls, fails and leaves.

sub viewer ($self, $at) {
    my ($title, $cdn, $country, $device) =
        map { $self->choose(@$_) } \@titles, \@cdns, \@countries, \@devices;
    my $n = ++$self->{serial};

    return {
        at => $at, title => $title, cdn => $cdn->[0],
        country => $country->[0], device => $device,
        startup => int(280 + 900 * $self->dice ** 3
                       + ($self->dice < .02 ? 3600 : 0)),
        length => int(60_000 + 480_000 * $self->dice),
        stall => $self->dice < .08 ? int(400 + 900 * $self->dice) : 0,
        fails => $self->dice < .0015, leaves => $self->dice < .02,
        id => sprintf('%08x-0000-4000-8000-%012x', $n, $n),
    };
}


# All that happens to a viewer, in order: [ms, type, data, position].

sub story ($self, $v) {
    my ($at, $first) = ($v->{at}, $v->{at} + $v->{startup});
    my @story = ([ $at, 'playing', {}, 0 ], [ $at + 1, 'stallstart', {}, 0 ]);

    return (@story, [ $first, 'error', { error_family => 'network',
                                         error_code => $v->{code} // '503',
                                         fatal => 1 }, 0 ],
            [ $first + 20, 'playbackdetached', {}, 0 ]) if $v->{fails};
    return (@story, [ $at + 5000, 'playbackdetached', {}, 0 ])
        if $v->{leaves};

    push @story, [ $first, 'stallend', {}, 0 ],
        rendition($first + 1, 1, 1_200_000, 540);
    my ($stalled, $stalls) = (0, $v->{stall} ? ($v->{stalls} // 1) : 0);

    for (my $t = 10_000; $t < $v->{length}; $t += 10_000) {
        push @story, rendition($first + $t - 9000, $t - 9000 - $stalled,
                               $v->{stall} > 2000 ? 2_100_000 : 4_200_000,
                               $v->{stall} > 2000 ? 720 : 1080) if $t == 10_000;

        if ($stalls-- > 0) {
            push @story, [ $first + $t - 5000, 'stallstart', {},
                           $t - 5000 - $stalled ],
                [ $first + $t - 5000 + $v->{stall}, 'stallend',
                  { stall_duration => $v->{stall} }, $t - 5000 - $stalled ];
            $stalled += $v->{stall};
        }

        push @story, [ $first + $t, 'heartbeat',
                       { playing_time => $t - $stalled, bitrate => 4_200_000 },
                       $t - $stalled ];
    }

    return (@story, [ $first + $v->{length}, 'ended', {},
                      $v->{length} - $stalled ]);
}


# A change of the picture that is shown.

sub rendition ($at, $position, $bitrate, $height) {
    return [ $at, 'qualitychange', { media_type => 'video',
        bitrate => $bitrate, resolution => { width => $height * 16 / 9,
                                             height => $height } },
        $position ];
}


# The events of a step of so many ms, in the order of time.

sub step ($self, $from, $ms, %opt) {
    my $until = $from + $ms;
    my @events;

    for (1 .. int($opt{rate} + $self->dice)) {
        my $v = $self->viewer(int($from + $ms * $self->dice));
        $opt{trouble}->($v) if $opt{trouble};
        push @{ $self->{alive} }, { %$v, story => [ $self->story($v) ] };
    }

    for my $v (@{ $self->{alive} }) {
        while (@{ $v->{story} } && $v->{story}[0][0] < $until) {
            my ($at, $type, $data, $position) = @{ shift @{ $v->{story} } };
            push @events, $self->one($v, $at, $type, $data, $position);
        }
    }

    @{ $self->{alive} } = grep { @{ $_->{story} } } @{ $self->{alive} };
    return [ sort { $a->{event_time} <=> $b->{event_time} } @events ];
}


sub one ($self, $v, $at, $type, $data, $position) {
    my $event = event(
        event_type => $type, event_time => int $at, viewer_time => int $at,
        playback_time => int $position, view_id => $v->{id},
        session_id => "s-$v->{id}", viewer_id => "v-$v->{id}", org_id => 'acme',
        player_id => 'web', env => 'prod', app_name => 'shop',
        device => { name => $v->{device}[0], category => $v->{device}[0] },
        browser => { family => $v->{device}[1], version => '1' },
        network => { country_code => $v->{country} },
        cdn => { provider => $v->{cdn} },
        video => { id => $v->{title}[1], title => $v->{title}[0] });

    delete @{ $event->{data} }{qw(playing_time bitrate)};
    $event->{data} = { %{ $event->{data} }, %$data };

    return $event;
}


1;
