package OpenQoE::Plays;

# Copyright (C) OpenQoE
#
# Views whose videos are their own, so that nearly every view makes series of
# its own, and the truth about these views:
#
#     my $plays = OpenQoE::Plays->new(views => 60, span => 15_000);
#     $plays->begin;                              # event times start from now
#     $plays->post($nginx);                       # in real time
#     is($completed, $plays->truth->{completed});
#
# What the events say leaves no room for interpretation: a reported startup, the
# position and the playing time grow with the clock except in a stall, and the
# end is said.  The first videos are left by `playbackdetached`, because such a
# view is over only 30 s later.

use v5.36;

use parent -norequire, 'OpenQoE::Viewers';

use JSON::PP ();

use OpenQoE::Viewers;

my @DEVICES = ([ 'desktop', 'Windows', 'Chrome' ],
               [ 'mobile', 'iOS', 'Mobile Safari' ],
               [ 'tv', 'Android TV', 'Android WebView' ]);


# new(views => 60, span => ms in which they begin, first => the number of the
# first video (0), left => of so many views the viewer leaves (0))

sub new ($class, %opt) {
    my $self = bless { views => 60, span => 15_000, first => 0, left => 0,
                       %opt, list => [], accepted => 0, truth => {
        started => 0, completed => 0, over => 0, errors => 0, stalls => 0,
    } }, $class;

    $self->play($_) for 0 .. $self->{views} - 1;

    my @list = @{ $self->{list} };
    my @order = sort { $list[$a]{at} <=> $list[$b]{at} || $a <=> $b }
                0 .. $#list;
    $self->{list} = [ @list[@order] ];

    return $self;
}


# { started, completed, over, errors, stalls => how many }

sub truth ($self) { $self->{truth} }


# The fields that all events of this view share.

sub labels ($self, $i) {
    # Every sixth view is of a video that another viewer saw before.
    my $video = $self->{first} + ($i % 6 == 5 ? $i - 3 : $i);
    my ($device, $os, $browser) = @{ $DEVICES[$video % @DEVICES] };

    return (
        org_id => 'org-' . $video % 4, player_id => 'player-' . $video % 2,
        env => 'production', app_name => 'acme-tv', app_version => '4.12.0',
        player => { name => 'hls.js', version => '1.5.13' },
        device => { name => $device, category => $device },
        os => { family => $os }, browser => { family => $browser },
        network => { country_code => (qw(DE FR US JP))[$video % 4] },
        video => { id => "video-$video", title => "The Title $video" },
        session_id => sprintf('5e551011-0001-4000-8000-%06x%06x',
                              $self->{first}, $i),
        view_id => sprintf('71e30000-0001-4000-8000-%06x%06x',
                           $self->{first}, $i),
        viewer_id => "viewer-$video-$i",
    );
}


sub play ($self, $i) {
    my $truth = $self->{truth};
    my $left = $i < $self->{left};
    my $fails = $i % 10 == 3;
    my $stalls = !$left && $i % 5 == 1;
    my $at = int($self->{span} * $i / $self->{views});
    my $position = 0;
    my %same = $self->labels($i);
    my $add = sub ($type, $ms, %data) {
        $at += $ms;
        push @{ $self->{list} }, { %same, event_type => $type, at => $at,
                                   playback_time => $position,
                                   data => \%data };
    };
    my $plays = sub ($type, $ms, %data) {
        $position += $ms;
        $add->($type, $ms, playing_time => $position, bitrate => 2_400_000,
               %data);
    };

    $add->('canplay', 0, video_startup_time => 400);
    $add->('playing', 20, playing_time => 0, bitrate => 2_400_000);
    $plays->('heartbeat', 1500);

    # Fragments that fail are loaded again, so nothing stops.
    $plays->('error', 400, error_family => 'network',
             error_code => 500 + $i % 4, error_message => 'fragLoadError',
             error_context => { fatal => JSON::PP::false }) if $fails;
    $plays->('heartbeat', 1500);

    if ($stalls) {
        $plays->('stallstart', 1000);
        $add->('stallend', 1000, stall_duration => 1000);
        $plays->('heartbeat', 1500);
    }

    $plays->('heartbeat', 1500) if !$left;
    $plays->($left ? 'playbackdetached' : 'ended', 1000);

    $truth->{started}++;
    $truth->{over}++;
    $truth->{completed}++ if !$left;
    $truth->{errors}++ if $fails;
    $truth->{stalls}++ if $stalls;
}


1;
