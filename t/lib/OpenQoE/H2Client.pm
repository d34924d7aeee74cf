package OpenQoE::H2Client;

# Copyright (C) OpenQoE
#
# HTTP/2 in cleartext by prior knowledge, as far as tests need it: requests on
# many streams of one connection, streams that are reset, and the statuses of
# the answers.  curl 7.88 cannot do that: from the second request of a
# connection on it fails with error 16, whatever the server does.

use v5.36;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

use OpenQoE::H2 qw(data_frame header_block headers_frames preface rst_stream
                   settings window_update);


sub new ($class, $port) {
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port) or die "connect: $!\n";
    my $self = bless { sock => $sock, in => '', next => 1,
                       h2 => OpenQoE::H2->new }, $class;
    $self->send(preface() . settings());
    return $self;
}


sub send ($self, $text) {
    local $SIG{PIPE} = 'IGNORE';
    $self->{sock}->syswrite($text) if $text ne '';
    return;
}


# GETs and returns the stream's number.  Of an answer that is held no more comes
# than the first window, 65535 bytes, until it is released.

sub get ($self, $path, %opt) {
    my $stream = $self->{next};

    $self->{next} += 2;
    $self->{h2}->open($stream)->{cancelled} = $opt{hold};
    $self->send(headers_frames($stream, header_block(
        [ ':method', 'GET' ], [ ':scheme', 'http' ], [ ':path', $path ],
        [ ':authority', 'localhost' ]), end => 1));
    return $stream;
}


sub release ($self, $stream) {
    $self->{h2}{stream}{$stream}{cancelled} = 0;
    $self->send(window_update($stream, 1 << 24));
}


# POSTs and returns the stream's number; the body must fit the first windows.

sub post ($self, $path, $body, %headers) {
    my $stream = $self->{next};

    $self->{next} += 2;
    $self->{h2}->open($stream);
    $self->send(headers_frames($stream, header_block(
        [ ':method', 'POST' ], [ ':scheme', 'http' ], [ ':path', $path ],
        [ ':authority', 'localhost' ],
        map { [ $_, $headers{$_} ] } sort keys %headers)));

    while (length $body > 16384) {
        $self->send(data_frame($stream, substr $body, 0, 16384, ''));
    }

    $self->send(data_frame($stream, $body, end => 1));
    return $stream;
}


sub reset ($self, $stream) { $self->send(rst_stream($stream)) }


# Reads until each of these streams has its status or was reset, or the
# connection ends; returns the statuses, 0 for a stream without one.

sub statuses ($self, $timeout, @streams) {
    my $all = $self->{h2}{stream};

    $self->read_until($timeout, 'status', @streams);
    return map { $all->{$_}{status} // 0 } @streams;
}


# The same for the bodies, of streams that have ended.

sub bodies ($self, $timeout, @streams) {
    my $all = $self->{h2}{stream};

    $self->read_until($timeout, 'done', @streams);
    return map { $all->{$_}{body} } @streams;
}


sub read_until ($self, $timeout, $what, @streams) {
    my $end = time + $timeout;
    my $all = $self->{h2}{stream};

    while (grep { !$all->{$_}{$what} && !defined $all->{$_}{reset} } @streams)
    {
        my $left = $end - time;
        last if $left <= 0
                || !IO::Select->new($self->{sock})->can_read($left)
                || !$self->{sock}->sysread($self->{in}, 65536,
                                           length $self->{in});
        $self->send($self->{h2}->receive(\$self->{in}));
    }
}


sub close ($self) { $self->{sock}->close }


1;
