package OpenQoE::Audience;

# Copyright (C) OpenQoE
#
# Viewers whose truth is known to the last number that a dashboard shows: slow
# starts, failures, viewers who leave, stalls by one CDN rather than by the
# other, and some who watch a live stream for as long as the test looks.
#
#     my $audience = OpenQoE::Audience->new(views => 180);
#     $audience->begin;
#     $audience->post($nginx);                    # in real time
#     $audience->beat($nginx);                    # those of the live stream
#     my $truth = $audience->truth;
#
# As in OpenQoE::Plays, what the events say leaves no room for interpretation.
# Views of another organisation are among them and not in the truth.

use v5.36;

use parent -norequire, 'OpenQoE::Viewers';

use JSON::PP ();
use Time::HiRes qw(time);

use OpenQoE::Viewers;

my @DEVICES = ([ 'desktop', 'Windows', 'Chrome' ],
               [ 'mobile', 'iOS', 'Mobile Safari' ],
               [ 'tv', 'Android TV', 'Android WebView' ]);

my $LIVE = 5;
my $OTHERS = 10;
my $BEAT = 1.5;


sub new ($class, %opt) {
    my $self = bless { views => 180, span => 10_000, %opt, list => [],
                       accepted => 0, live => [], beaten => 0,
                       truth => { startups => [], ratios => [], lengths => [],
                                  bitrates => [] } }, $class;

    $self->view($_, 'acme') for 0 .. $self->{views} - 1;

    my $truth = $self->{truth};
    $self->{truth} = { startups => [], ratios => [], lengths => [],
                       bitrates => [] };
    $self->view(20 * $_, 'zulu') for 0 .. $OTHERS - 1;
    $self->{truth} = $truth;

    $self->live_view($_) for 0 .. $LIVE - 1;

    my @list = @{ $self->{list} };
    my @order = sort { $list[$a]{at} <=> $list[$b]{at} || $a <=> $b }
                0 .. $#list;
    $self->{list} = [ @list[@order] ];

    return $self;
}


# startups (s), ratios, lengths of stalls (s), bitrates: lists of the views' values; else
# sums by name, and by name and label: { "plays cdn alpha" => 81 }.

sub truth ($self) { $self->{truth} }


sub add ($self, $view, $name, $n = 1) {
    my $truth = $self->{truth};

    $truth->{$name} += $n;
    $truth->{"$name $_ $view->{$_}"} += $n
        for qw(cdn asn title device country);
}


sub labels ($self, $view, $org) {
    my ($device, $os, $browser) = @{ $DEVICES[ $view->{i} % @DEVICES ] };

    $view->{device} = $device;
    $view->{country} = (qw(DE FR))[ $view->{i} % 2 ];

    return {
        org_id => $org, player_id => 'web', env => 'production',
        app_name => 'acme-tv', app_version => '4.12.0',
        player => { name => 'hls.js', version => '1.5.13' },
        device => { name => $device, category => $device },
        os => { family => $os }, browser => { family => $browser },
        network => { country_code => $view->{country}, asn => $view->{asn} },
        cdn => { provider => $view->{cdn} },
        session_id => sprintf('5e551011-0002-4000-8000-%04x%08x',
                              $org eq 'acme' ? 0 : 1, $view->{i}),
        view_id => sprintf('71e30000-0002-4000-8000-%04x%08x',
                           $org eq 'acme' ? 0 : 1, $view->{i}),
        viewer_id => "viewer-$org-$view->{i}",
    };
}


# An event after so many ms, of which so many were played.

sub event_of ($self, $view, $type, $ms, $played = 0, %data) {
    $view->{at} += $ms;
    $view->{position} += $played;
    $view->{playing} += $played;
    push @{ $self->{list} }, { %{ $view->{same} }, event_type => $type,
                               at => int $view->{at}, data => \%data,
                               playback_time => $view->{position} };
    $self->add($view, 'events');
}


sub plays ($self, $view, $type, $ms, %data) {
    $self->event_of($view, $type, $ms, $ms,
                    playing_time => $view->{position} + $ms,
                    bitrate => $view->{bitrate}, %data);
}


sub first_frame ($self, $view, $startup) {
    $self->event_of($view, 'canplay', 0, 0, video_startup_time => $startup);
    $self->event_of($view, 'playing', 20, 0, playing_time => 0,
                    bitrate => $view->{bitrate},
                    resolution => { width => 1280, height => 720 });
    push @{ $self->{truth}{startups} }, $startup / 1000;
    $self->add($view, 'plays');
    $self->add($view, 'starts');
}


sub watch ($self, $view, $k) {
    my $stall = $view->{stall};

    $self->plays($view, 'heartbeat', 1500, buffer_length => 8000,
                 dropped_frames => 2);
    $self->plays($view, 'fragmentloaded', 100, $self->fragment);
    $self->plays($view, 'qualitychange', 100, media_type => 'video',
                 codec => 'avc1.640028', bitrate_kb => $view->{bitrate} / 1000,
                 resolution => { width => 1280, height => 720 },
                 video_width => 1280, video_height => 720,
                 player_width => 1920, player_height => 1080,
                 device_pixel_ratio => 1, framerate => '25');
    $self->plays($view, 'error', 400, error_family => 'media',
                 error_code => 'E3014', error_message => 'bufferAppendError',
                 error_context => { fatal => JSON::PP::false }) if $k == 13;
    $self->add($view, 'errors') if $k == 13;
    $self->plays($view, 'heartbeat', 1500, buffer_length => 8000,
                 dropped_frames => 2);

    return if !$stall;

    $self->plays($view, 'stallstart', 1000);
    $self->event_of($view, 'stallend', $stall, 0, stall_duration => $stall);
    $self->plays($view, 'heartbeat', 1500, buffer_length => 8000);
    push @{ $self->{truth}{lengths} }, $stall / 1000;
    $self->add($view, 'stalls');
    $self->add($view, 'stalled', $stall / 1000);
}


sub fragment ($self) {
    return (media_type => 'video', ttfb_ms => 40, time_to_load => 80,
            frag_duration => 4, size_bytes => 1_200_000, z_score => 0.25,
            is_outlier => JSON::PP::false);
}


# A view that had a first frame is over.

sub over ($self, $view, $outcome) {
    my $stalled = $view->{stall} // 0;

    $self->add($view, $outcome);
    $self->add($view, 'over');
    return if $outcome =~ /^start|^exit/;

    $self->add($view, 'played', $view->{playing} / 1000);
    push @{ $self->{truth}{ratios} },
         $stalled / ($stalled + $view->{playing});
    push @{ $self->{truth}{bitrates} }, $view->{bitrate};
}


sub view ($self, $i, $org) {
    my $k = $i % 20;
    my $beta = $k >= 10;
    my $even = $k % 2 == 0 && $k != 4;
    my $view = { i => $i, playing => 0, position => 0,
                 at => int($self->{span} * $i / $self->{views}),
                 cdn => $beta ? 'beta' : 'alpha', asn => $even ? 3215 : 3320,
                 title => 'The Title ' . $i % 3,
                 bitrate => $beta ? 1_200_000 : 2_400_000,
                 stall => $k == 4 ? 300 : $beta && $even ? 1000 : 0 };
    $view->{same} = { %{ $self->labels($view, $org) },
                      video => { id => 'video-' . $i % 3,
                                 title => $view->{title} } };

    return $self->no_frame($view, 'startup_failure') if $k == 3;
    return $self->no_frame($view, 'exit_before_start') if $k == 7;

    my $slow = $k % 5 == 1 || $k == 2 || $k == 12;
    $self->first_frame($view, $slow ? 4500 : (400, 0, 2500, 1500, 900)[$k % 5]);
    $self->watch($view, $k);

    if ($k == 11) {
        $self->fatal($view, 1000);
        $self->over($view, 'playback_failure');

    } elsif ($k == 15) {
        $self->plays($view, 'playbackdetached', 1000);
        $self->over($view, 'played_part');

    } else {
        $self->plays($view, 'ended', 1000, completion_rate => 1);
        $self->over($view, 'completed');
    }
}


# The viewer waits, and an error comes, or the viewer leaves.

sub no_frame ($self, $view, $outcome) {
    $self->event_of($view, 'playing', 0);
    $self->event_of($view, 'stallstart', 0);

    if ($outcome eq 'startup_failure') {
        $self->fatal($view, 0);
        $self->add($view, 'starts');

    } else {
        $self->event_of($view, 'playbackdetached', 2000);
    }

    $self->over($view, $outcome);
}


sub fatal ($self, $view, $played) {
    $self->event_of($view, 'error', 1000, $played, error_family => 'network',
                    error_code => 403, error_message => 'fragLoadError',
                    error_context => { fatal => JSON::PP::true });
    $self->add($view, 'errors');
}


sub live_view ($self, $i) {
    my $view = { i => $self->{views} + $i, playing => 0, position => 0,
                 at => 0, cdn => 'alpha', asn => 3320, title => 'The Derby',
                 bitrate => 2_400_000 };
    $view->{same} = { %{ $self->labels($view, 'acme') },
                      video => { id => 'derby', title => $view->{title},
                                 stream_type => 'live' } };
    $self->first_frame($view, 400);
    $self->add($view, 'live');
    push @{ $self->{live} }, $view;
}


# Those who watch the live stream say so, unless they did just now.

sub beat ($self, $nginx) {
    my $now = time;
    return if $now - $self->{beaten} < $BEAT;

    my @list = @{ $self->{list} };
    my $n = @list;

    for my $view (@{ $self->{live} }) {
        my $ms = int(1000 * ($now - $self->{start}) - $view->{at});
        my %data = $self->fragment;

        $self->plays($view, 'heartbeat', $ms, buffer_length => 8000);
        $self->event_of($view, 'fragmentloaded', 0, 0, %data);
        $self->add($view, 'played', $ms / 1000);
    }

    my @events = @{ $self->{list} }[$n .. $#{ $self->{list} }];
    $self->{beaten} = $now;
    $self->{list} = \@list;
    $self->request($nginx, @events) or die "a beat was not accepted\n";
}


1;
