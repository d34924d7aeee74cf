package OpenQoE::Viewers;

# Copyright (C) OpenQoE
#
# Sessions of viewers, the same at each call: players with their habits, who
# start, stall, seek, pause, hide the page, fail, leave and come back.
#
#     my $viewers = OpenQoE::Viewers->new(sessions => 50, span => 4000);
#     $viewers->begin;                            # event times start from now
#     $viewers->post($nginx, 0, 0.5);             # the first half of them
#     $viewers->post($nginx, 0.5, 1);
#     is($viewers->accepted, $viewers->count);
#
# An event is posted when its time has come, so what is measured between two
# events of a session does not depend on when they were received.

use v5.36;

use JSON::PP ();
use Time::HiRes qw(sleep time);

use OpenQoE::Event qw(event encode_json_text decode_json_text);
use OpenQoE::HTTP qw(http_post);

my @PROFILES = (
    { player => { name => 'hls.js', version => '1.5.13' },
      device => { name => 'MacBook', category => 'desktop' },
      os => { family => 'macOS' }, browser => { family => 'Chrome' },
      network => { country_code => 'DE', asn => 3320 },
      video => { id => 'v-1', title => 'The Long Way Home' } },
    { player => { name => 'dashjs', version => '4.7.4' },
      device => { name => 'PC', category => 'desktop' },
      os => { family => 'Windows' }, browser => { family => 'Firefox' },
      network => { country_code => 'FR', asn => 3215 },
      video => { id => 'v-2', title => "Quiet \"Harbour\" \\ 2" } },
    { player => { name => 'shaka', version => '4.9.2' },
      device => { name => 'BRAVIA', category => 'tv' },
      os => { family => 'Android TV' }, browser => { family => 'WebView' },
      network => { country_code => 'US', asn => 7922 },
      video => { id => 'live-1', title => 'Derby', stream_type => 'live' } },
    { player => { name => 'video.js', version => '8.12.0' },
      device => { name => 'iPhone', category => 'mobile' },
      os => { family => 'iOS' }, browser => { family => 'Mobile Safari' },
      network => { country_code => 'JP', asn => 4713 }, cmcd => { st => 'v' },
      video => { id => 'v-3', title => "\x{591c}\x{306e}\x{5217}\x{8eca}" } },
    { player => { name => 'html5' }, device => { category => 'mobile' },
      os => { family => 'Android' }, browser => { family => 'Chrome' },
      network => {}, video => { id => 'v-1' } },
);


# new(sessions => 50, span => ms, events => about so many a session)

sub new ($class, %opt) {
    my $self = bless { sessions => 50, span => 4000, events => 60, %opt,
                       seed => 20260117, list => [], views => 0,
                       accepted => 0 }, $class;

    $self->session($_) for 0 .. $self->{sessions} - 1;

    # Events of the same time stay in the order in which they were made.
    my @list = @{ $self->{list} };
    my @order = sort { $list[$a]{at} <=> $list[$b]{at} || $a <=> $b }
                0 .. $#list;
    $self->{list} = [ @list[@order] ];

    return $self;
}



# Pauses of the viewers, without those that the player makes at the end of a
# video.

sub pauses ($self) {
    my ($n, %ended) = 0;

    for my $e (@{ $self->{list} }) {
        $ended{"$e->{session_id} $e->{view_id}"} = $e->{at}
            if $e->{event_type} eq 'ended';
    }

    for my $e (grep { $_->{event_type} eq 'pause' } @{ $self->{list} }) {
        my $end = $ended{"$e->{session_id} $e->{view_id}"};
        $n++ if !defined $end || $end - $e->{at} > 500;
    }

    return $n;
}


sub count ($self) { scalar @{ $self->{list} } }
sub views ($self) { $self->{views} }
sub accepted ($self) { $self->{accepted} }


# { type => count } of all events

sub types ($self) {
    my %types;
    $types{ $_->{event_type} }++ for @{ $self->{list} };
    return \%types;
}


# A value from low to high, the same in each run.

sub number ($self, $low, $high) {
    $self->{seed} = ($self->{seed} * 1103515245 + 12345) & 0x7fffffff;
    return $low + int($self->{seed} / 0x80000000 * ($high - $low + 1));
}


sub session ($self, $i) {
    my $profile = $PROFILES[$i % @PROFILES];
    my $s = $self->{now} = {
        at => int($self->{span} / 2 * $i / $self->{sessions}),
        step => int($self->{span} / 2 / $self->{events}), playing => 0,
        same => { %$profile, org_id => 'org-' . $i % 5 % 3,
                  player_id => 'player-' . $i % 5 % 2,
                  viewer_id => sprintf('viewer-%d', $i % 40),
                  env => 'production', app_name => 'acme-tv',
                  app_version => '4.12.' . $i % 5 % 2,
                  session_id => sprintf('5e551011-0000-4000-8000-%012x', $i) },
        name => $profile->{player}{name}, kb => 2400, dropped => 0,
    };

    $self->view($i, 0);

    # Another film in the same session.
    $self->view($i, 1) if $i % 9 == 4;
    return $s;
}


sub add ($self, $type, %data) {
    my $s = $self->{now};

    $s->{at} += $self->number(1, 2 * $s->{step} - 1);
    # Pictures move as fast as time, from the first frame on.
    $s->{first} //= $s->{at} if $type eq 'playing';
    push @{ $self->{list} }, { %{ $s->{same} }, event_type => $type,
                               playback_time => $s->{at}
                                                - ($s->{first} // $s->{at}),
                               at => $s->{at}, data => \%data };
}


sub view ($self, $i, $nth) {
    my $s = $self->{now};

    $s->{same}{view_id} = sprintf '71e30000-%04x-4000-8000-%012x', $nth, $i;
    $s->{same}{video} = { id => 'v-9', title => 'The next one' } if $nth;
    $s->{playing} = 0;
    delete $s->{first};
    $self->{views}++;

    $self->add('manifestload', page_load_time => $self->number(200, 900));
    $self->add('playerready',
               player_startup_time => $self->number(50, 400));

    # Some viewers see nothing: they leave, or playback fails.
    return $self->add('playbackdetached') if $i % 13 == 7;
    return $self->failure if $i % 17 == 11;

    $self->first_frame;
    $self->habit for 1 .. $self->{events} / ($nth ? 3 : 1);
    $self->ending($i);
}


sub failure ($self) {
    $self->add('error', error_family => 'network', error_code => 403,
               error_message => 'manifestLoadError',
               error_context => { fatal => JSON::PP::true });
}


sub first_frame ($self) {
    my ($s, $startup) = ($self->{now}, $self->number(300, 4000));
    my $late = $s->{name} =~ /shaka|video\.js/;

    $self->add('canplay', video_startup_time => $startup) if !$late;
    $self->add('stallend', stall_duration => 0) if $s->{name} eq 'hls.js';
    $self->add('playing', playing_time => 0, $self->bitrate,
               resolution => { width => 1280, height => 720 },
               framerate => 25,
               $late ? (video_startup_time => $startup) : ());
}


# A stall as the player reports it.

sub bitrate ($self) {
    my $s = $self->{now};
    return (bitrate => $s->{kb} * ($s->{name} eq 'dashjs' ? 1 : 1000));
}


# About the mix of events that a view sends.

sub habit ($self) {
    my $s = $self->{now};
    my $at = $self->number(1, 100);

    $s->{playing} += 10_000;
    return $self->heartbeat if $at <= 35;
    return $self->fragment if $at <= 53;
    return $self->add('bufferlevelchange', z_score => $at / 50 - 1.2,
                      buffer_len_ms => $self->number(0, 25_000),
                      is_outlier => JSON::PP::false, media_type => 'video')
        if $at <= 68;
    return $self->add('bandwidthchange', codec => 'avc1.640028',
                      bandwidth => $self->number(1, 9) * 1_000_000,
                      media_type => 'video') if $at <= 74;
    return $self->quality if $at <= 82;
    return $self->stall if $at <= 88;
    return $self->pause if $at <= 92;
    return $self->add('quartile', quartile => 25 * $self->number(1, 4),
                      playing_time => $s->{playing}) if $at <= 95;
    return $self->hide if $at <= 97;
    return $self->add('error', error_family => 'media', error_code => 'E3014',
                      error_message => 'bufferAppendError') if $at <= 98;
    return $self->add('seek', from => $s->{playing}, to => 0,
                      seek_latency => $self->number(20, 3000));
}


sub heartbeat ($self) {
    my $s = $self->{now};
    my $dropped = $s->{dropped} += $self->number(0, 9);

    $self->add('heartbeat', playing_time => $s->{playing}, $self->bitrate,
               buffer_length => $self->number(0, 30_000),
               dropped_frames => $s->{name} eq 'html5'
                   ? { time => 1, droppedFrames => $dropped } : $dropped);
}


sub fragment ($self) {
    my $slow = $self->number(1, 12) == 1;

    $self->add('fragmentloaded', frag_duration => $self->number(2, 6),
               size_bytes => $self->number(100, 4000) * 1000,
               time_to_load => 80, ttfb_ms => $slow ? 900 : 40,
               z_score => $slow ? 3.5 : 0.25, media_type => 'video',
               is_outlier => $slow ? JSON::PP::true : JSON::PP::false);
}


sub quality ($self) {
    my $s = $self->{now};
    my $old = $s->{kb};
    my ($kb, $width, $height) = @{ (
        [ 800, 640, 360 ], [ 2400, 1280, 720 ], [ 5200, 1920, 1080 ],
    )[$self->number(0, 2)] };

    $self->add('qualitychangerequested', media_type => 'video',
               new => { bitrate_kb => $kb, codec => 'avc1.640028' },
               $s->{name} eq 'hls.js' ? ()
                   : (old => { bitrate_kb => $old }));
    $s->{kb} = $kb;
    $self->add('qualitychange', media_type => 'video', codec => 'avc1.640028',
               resolution => { width => $width, height => $height },
               video_width => $width, video_height => $height,
               player_width => 1280, player_height => 720,
               device_pixel_ratio => 1, framerate => '25',
               $s->{name} =~ /shaka|video/ ? (bitrate => $kb * 1000)
                                           : (bitrate_kb => $kb));
}


sub stall ($self) {
    my $s = $self->{now};
    my $length = $self->number(1, 9) * 300;

    $self->add('stallstart', buffer_length => 0, bitrate => undef);
    $self->add('stallstart', buffer_len_ms => 0) if $s->{name} eq 'dashjs';

    # A wait of less than a quarter of a second would be no stall.
    $s->{at} += 300;
    $s->{first} += 300;
    $self->add('stallend', stall_position_secs => $s->{playing} / 1000,
               $s->{name} eq 'dashjs' ? () : (stall_duration => $length));
}


sub pause ($self) {
    my $s = $self->{now};

    $self->add('pause', playing_time => $s->{playing});
    $self->add('playing', playing_time => $s->{playing}, $self->bitrate);
}


sub hide ($self) {
    $self->add('moveaway');
    $self->add('moveback');
}


# A third plays to the end, a third says that it leaves, a third falls silent.

sub ending ($self, $i) {
    my $s = $self->{now};

    return $self->add('ended', playing_time => $s->{playing},
                      completion_rate => 0.75, rebuffer_count => 1)
        if $i % 3 == 0;
    return $self->add('playbackdetached') if $i % 3 == 1;
}


sub begin ($self) {
    $self->{start} = time;
    $self->{accepted} = 0;
}


# Posts the events from a share of them to another, in requests of up to 25,
# each when its last event's time has come.  Returns true when all were
# accepted.

sub post ($self, $nginx, $from = 0, $to = 1) {
    my @list = @{ $self->{list} };
    my ($at, $end) = map { int $_ * @list } $from, $to;

    while ($at < $end) {
        my $next = $at + 25 < $end ? $at + 25 : $end;
        my $wait = $self->{start} + $list[$next - 1]{at} / 1000 - time;

        sleep $wait if $wait > 0;
        $self->request($nginx, @list[$at .. $next - 1]) or return 0;
        $at = $next;
    }

    return 1;
}


# Each request has a connection of its own: a worker that exits closes idle
# connections, and a request that met that could not be distinguished from an
# accepted one.

sub request ($self, $nginx, @events) {
    my $ms = $self->{start} * 1000;
    my @bodies = map {
        my %event = %$_;
        my $time = int($ms + delete $event{at});
        event(%event, event_time => $time, viewer_time => $time);
    } @events;

    # The harness' own data is of another session.
    for my $i (0 .. $#bodies) {
        $bodies[$i]{data} = { seq => $bodies[$i]{data}{seq},
                              %{ $events[$i]{data} } };
    }

    my $answer = http_post($nginx->port, '/v2/events',
                           encode_json_text({ events => \@bodies }),
                           timeout => 20, headers => { Connection => 'close' });
    my $body = $answer && decode_json_text($answer->{body});

    return 0 if !$body || $answer->{status} != 202 || $body->{errors};
    $self->{accepted} += $body->{events_received};
    return $body->{events_received} == @events;
}


1;
