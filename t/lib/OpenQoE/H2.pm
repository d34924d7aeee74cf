package OpenQoE::H2;

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

use constant { DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4,
               PING => 6, GOAWAY => 7 };
use constant { END_STREAM => 1, ACK => 1, END_HEADERS => 4 };

# of HPACK's static table; all other statuses come as three digits
my %STATUS = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404,
              14 => 500);


sub new ($class, $port) {
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port) or die "connect: $!\n";
    my $self = bless { sock => $sock, in => '', next => 1, status => {},
                       reset => {}, goaway => 0 }, $class;
    print $sock "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    $self->frame(SETTINGS, 0, 0, '');
    return $self;
}


sub frame ($self, $type, $flags, $stream, $payload) {
    my $text = substr(pack('N', length $payload), 1)
               . pack('CCN', $type, $flags, $stream) . $payload;
    local $SIG{PIPE} = 'IGNORE';
    $self->{sock}->syswrite($text);
    return;
}


# POSTs and returns the stream's number; the body must fit the first windows

sub post ($self, $path, $body, %headers) {
    my $stream = $self->{next};
    my @headers = ([ ':method', 'POST' ], [ ':scheme', 'http' ],
                   [ ':path', $path ], [ ':authority', 'localhost' ],
                   map { [ $_, $headers{$_} ] } sort keys %headers);

    $self->{next} += 2;

    # literals without indexing, with names of their own
    $self->frame(HEADERS, END_HEADERS, $stream, join '', map {
        pack('C C/a* C/a*', 0, @$_) } @headers);

    while (length $body > 16384) {
        $self->frame(DATA, 0, $stream, substr $body, 0, 16384, '');
    }

    $self->frame(DATA, END_STREAM, $stream, $body);
    return $stream;
}


sub reset ($self, $stream) {
    $self->frame(RST_STREAM, 0, $stream, pack 'N', 8);   # CANCEL
    return;
}


# Reads until each of these streams has its status or was reset, or the
# connection ends; the statuses, 0 for none.

sub statuses ($self, $timeout, @streams) {
    my $end = time + $timeout;

    while (grep { !$self->{status}{$_} && !$self->{reset}{$_} } @streams) {
        my $left = $end - time;
        last if $left <= 0
                || !IO::Select->new($self->{sock})->can_read($left)
                || !$self->{sock}->sysread($self->{in}, 65536,
                                           length $self->{in});
        $self->take;
    }

    return map { $self->{status}{$_} // 0 } @streams;
}


sub take ($self) {
    while (length $self->{in} >= 9) {
        my ($high, $low, $type, $flags, $stream) =
            unpack 'CnCCN', $self->{in};
        my $len = $high << 16 | $low;
        last if length $self->{in} < 9 + $len;
        my $payload = substr $self->{in}, 9, $len;
        substr $self->{in}, 0, 9 + $len, '';

        if ($type == SETTINGS && !($flags & ACK)) {
            $self->frame(SETTINGS, ACK, 0, '');

        } elsif ($type == PING && !($flags & ACK)) {
            $self->frame(PING, ACK, 0, $payload);

        } elsif ($type == HEADERS) {
            $self->{status}{$stream} = status($payload);

        } elsif ($type == RST_STREAM) {
            $self->{reset}{$stream} = 1;

        } elsif ($type == GOAWAY) {
            $self->{goaway} = 1;
        }
    }
    return;
}


# nginx sends the status first, after updates of the table's size

sub status ($block) {
    $block =~ s/^(?:[\x20-\x3e]|\x3f[\x80-\xff]*[\x00-\x7f])+//s;
    return $1 if $block =~ /^\x48\x03(\d{3})/;
    my $first = ord($block) & 0x7f;
    return $STATUS{$first} // 0;
}


sub close ($self) { $self->{sock}->close }


1;
