package OpenQoE::Event;

# Copyright (C) OpenQoE
#
# Valid events with an id of their own.  The id, data.seq, is a string of the
# form oqid-RUN-NUMBER, so that the oracle finds it in any text form of what
# was exported: structured value, JSON text, a peer's dump.

use v5.36;

use Exporter qw(import);
use IO::Compress::Gzip ();
use JSON::PP ();
use Time::HiRes qw(time);

our @EXPORT_OK = qw(event view_event batch batch_json event_id encode_json_text
                    decode_json_text gzip uuid run_id);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $run = sprintf '%x%04x', $$, int rand 0x10000;
my $serial = 0;


sub encode_json_text ($value) { $json->encode($value) }


sub decode_json_text ($text) { eval { $json->decode($text) } }


# Bytes as Content-Encoding: gzip sends them.

sub gzip ($bytes) {
    IO::Compress::Gzip::gzip(\$bytes, \my $packed);
    return $packed;
}


sub run_id () { $run }


sub uuid () {
    return sprintf '%08x-%04x-4%03x-%04x-%06x%06x', int rand 2 ** 32,
           int rand 2 ** 16, int rand 2 ** 12, 0x8000 + int rand 2 ** 14,
           int rand 2 ** 24, int rand 2 ** 24;
}


sub event_id ($event) { $event->{data}{seq} =~ s/^oqid-//r }


# event(key => value, ...): a heartbeat with every required field; a value of
# undef removes the field, and data is merged.

sub event (%set) {
    my $id = "oqid-$run-" . $serial++;
    my %event = (
        event_type => 'heartbeat',
        event_time => int(time * 1000),
        viewer_time => int(time * 1000),
        playback_time => 12500,
        org_id => 'org-1',
        player_id => 'player-1',
        view_id => uuid(),
        session_id => uuid(),
        viewer_id => 'viewer-1',
        env => 'test',
        app_name => 'harness',
        app_version => '1.0.0',
        device => { name => 'desktop', category => 'desktop' },
        os => { family => 'Linux', version => '6.1' },
        browser => { family => 'Chrome', version => '120' },
        player => { name => 'hls.js', version => '1.5.0',
                    autoplay => JSON::PP::true },
        video => { id => 'video-1', title => "T\x{e9}st" },
        %set,
    );

    if (!exists $set{data} || ref $set{data} eq 'HASH') {
        $event{data} = { seq => $id, playing_time => 10000,
                         bitrate => 3000000, %{ $set{data} // {} } };
    }

    delete @event{ grep { !defined $event{$_} } keys %event };

    return \%event;
}


# An event of a view of acme, so many ms after t (Unix ms), with its video at
# that position (ms).

sub view_event ($t, $id, $ms, $type, $at, %more) {
    my %data = (%{ $more{data} // {} }, seq => "oqid-x-$ms");
    return event(view_id => $id, session_id => "s-$id", org_id => 'acme',
                 %more, event_type => $type, event_time => $t + $ms,
                 viewer_time => $t + $ms, playback_time => $at,
                 data => \%data);
}


# batch(n, key => value, ...): n events of one session and view

sub batch ($n, %set) {
    my %same = (view_id => uuid(), session_id => uuid(), %set);
    return [ map { event(%same) } 1 .. $n ];
}


# The body of a request with a list of events.

sub batch_json ($events) { encode_json_text({ events => $events }) }


1;
