package OpenQoE::H2;

# Copyright (C) OpenQoE
#
# HTTP/2 (RFC 9113) by hand, so that a test can send what no library would.
# Frames are made one by one, header fields are literals without an index and
# without Huffman codes.  Of what the server sends only the status of an
# answer is decoded, which nginx sends as an entry of the static table or as a
# plain literal.
#
#     my $h2 = OpenQoE::H2->new;
#     $h2->open(1);
#     my $reply = $h2->receive(\$in);      # what must be sent in return
#     $h2->{stream}{1}{status}

use v5.36;

use Exporter qw(import);

our @EXPORT_OK = qw(frame header_block headers_frames data_frame settings
                    window_update rst_stream preface
                    DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE
                    PING GOAWAY WINDOW_UPDATE CONTINUATION
                    END_STREAM END_HEADERS PADDED WITH_PRIORITY ACK);

use constant {
    DATA => 0, HEADERS => 1, PRIORITY => 2, RST_STREAM => 3, SETTINGS => 4,
    PUSH_PROMISE => 5, PING => 6, GOAWAY => 7, WINDOW_UPDATE => 8,
    CONTINUATION => 9,
};

use constant {
    ACK => 1, END_STREAM => 1, END_HEADERS => 4, PADDED => 8,
    WITH_PRIORITY => 32,
};

use constant { INITIAL_WINDOW => 4 };

# entries 8 to 14 of the static table of HPACK (RFC 7541, appendix A)

my @STATUS = (200, 204, 206, 304, 400, 404, 500);


# --- frames

sub preface () { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }


sub frame ($type, $flags, $id, $payload = '') {
    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $id) . $payload;
}


# An integer of HPACK (RFC 7541, 5.1) after the bits of its first byte.

sub integer ($bits, $first, $n) {
    my $max = 2 ** $bits - 1;

    return chr($first | $n) if $n < $max;

    my $out = chr($first | $max);
    for ($n -= $max; $n >= 128; $n >>= 7) { $out .= chr(128 | $n & 127) }
    return $out . chr $n;
}


sub text ($text) { integer(7, 0, length $text) . $text }


# Fields as [name, value]: literals, some of them "never indexed".

sub header_block (@fields) {
    return join '', map {
        (rand 2 < 1 ? "\x00" : "\x10") . text($_->[0]) . text($_->[1])
    } @fields;
}


# A HEADERS frame and as many CONTINUATION frames as pieces ask for.  Options:
# end (END_STREAM), pad (bytes), priority, pieces.

sub headers_frames ($id, $block, %opt) {
    my $n = $opt{pieces} // 1;
    my $size = int(length($block) / $n) || 1;
    my @pieces = $n > 1 ? unpack("(a$size)*", $block) : $block;
    my $flags = ($opt{end} ? END_STREAM : 0) | (@pieces == 1 ? END_HEADERS : 0);
    my $first = shift @pieces;

    if ($opt{priority}) {
        $flags |= WITH_PRIORITY;
        $first = pack('NC', 0, int rand 256) . $first;
    }

    if (defined $opt{pad}) {
        $flags |= PADDED;
        $first = chr($opt{pad}) . $first . "\0" x $opt{pad};
    }

    my $out = frame(HEADERS, $flags, $id, $first);
    while (@pieces) {
        my $piece = shift @pieces;
        $out .= frame(CONTINUATION, @pieces ? 0 : END_HEADERS, $id, $piece);
    }

    return $out;
}


sub data_frame ($id, $bytes, %opt) {
    my $flags = $opt{end} ? END_STREAM : 0;

    if (defined $opt{pad}) {
        $flags |= PADDED;
        $bytes = chr($opt{pad}) . $bytes . "\0" x $opt{pad};
    }

    return frame(DATA, $flags, $id, $bytes);
}


sub settings (@pairs) {
    my $payload = '';

    while (my ($name, $value) = splice @pairs, 0, 2) {
        $payload .= pack 'nN', $name, $value;
    }

    return frame(SETTINGS, 0, 0, $payload);
}


sub window_update ($id, $n) { frame(WINDOW_UPDATE, 0, $id, pack 'N', $n) }
sub rst_stream ($id, $code = 8) { frame(RST_STREAM, 0, $id, pack 'N', $code) }


# --- the client's side of a connection

sub new ($class) {
    return bless { stream => {}, window => 65535, initial => 65535,
                   fields => '', wrong => undef }, $class;
}


sub open ($self, $id) {
    return $self->{stream}{$id} = { id => $id, window => $self->{initial},
                                    body => '' };
}


# How many bytes of DATA the stream may send.

sub room ($self, $id) {
    my $window = $self->{stream}{$id}{window};
    return $window < $self->{window} ? $window : $self->{window};
}


sub sent ($self, $id, $n) {
    $self->{stream}{$id}{window} -= $n;
    $self->{window} -= $n;
}


# Takes whole frames out of the text; returns what must be sent in answer.  The
# first frame that is not right stays in ->{wrong}.

sub receive ($self, $in) {
    my $reply = '';
    my $at = 0;

    while (length($$in) - $at >= 9) {
        my ($high, $low, $type, $flags, $id) = unpack 'CnCCN',
                                                      substr $$in, $at, 9;
        my $n = ($high << 16) + $low;

        last if length($$in) - $at - 9 < $n;
        $reply .= $self->take($type, $flags, $id, substr $$in, $at + 9, $n);
        $at += 9 + $n;
    }

    substr $$in, 0, $at, '';
    return $reply;
}


sub take ($self, $type, $flags, $id, $payload) {
    return $self->take_settings($flags, $payload) if $type == SETTINGS;

    return $flags & ACK ? '' : frame(PING, ACK, 0, $payload)
        if $type == PING;

    if ($type == GOAWAY) {
        (undef, $self->{goaway}) = unpack 'NN', $payload;
        return '';
    }

    if ($type == WINDOW_UPDATE && $id == 0) {
        $self->{window} += unpack 'N', $payload;
        return '';
    }

    my $s = $self->{stream}{$id};
    if (!$s) {
        # Windows and resets may still come after the end of a stream.
        $self->{wrong} //= "a frame of type $type for stream $id"
            if $type != WINDOW_UPDATE && $type != RST_STREAM;
        return '';
    }

    if ($type == WINDOW_UPDATE) { $s->{window} += unpack 'N', $payload }
    elsif ($type == RST_STREAM) { $s->{reset} = unpack 'N', $payload }
    elsif ($type == DATA) { return $self->take_data($s, $flags, $payload) }
    elsif ($type == HEADERS || $type == CONTINUATION) {
        $s->{ends} ||= $type == HEADERS && $flags & END_STREAM;
        $self->{fields} .= $payload;
        $self->take_fields($s) if $flags & END_HEADERS;
    }
    else { $self->{wrong} //= "a frame of type $type" }

    return '';
}


sub take_settings ($self, $flags, $payload) {
    return '' if $flags & ACK;

    for (my $i = 0; $i + 6 <= length $payload; $i += 6) {
        my ($name, $value) = unpack 'nN', substr $payload, $i, 6;
        next if $name != INITIAL_WINDOW;
        $_->{window} += $value - $self->{initial}
            for values %{ $self->{stream} };
        $self->{initial} = $value;
    }

    return frame(SETTINGS, ACK, 0);
}


# Bytes that were read may be sent again.

sub take_data ($self, $s, $flags, $payload) {
    my $n = length $payload;

    $self->{wrong} //= "DATA of stream $s->{id} before its HEADERS"
        if !$s->{status};
    $self->{wrong} //= "DATA after the end of stream $s->{id}" if $s->{done};
    $s->{body} .= $payload;
    $s->{done} = 1 if $flags & END_STREAM;

    return '' if !$n;
    return window_update(0, $n)
           . ($s->{done} || $s->{cancelled} ? ''
                                            : window_update($s->{id}, $n));
}


sub take_fields ($self, $s) {
    my $block = $self->{fields};

    $self->{fields} = '';
    $block =~ s/\A[\x20-\x3f]//;        # a smaller table

    if ($block =~ /\A([\x88-\x8e])/) { $s->{status} = $STATUS[ord($1) - 0x88] }
    elsif ($block =~ /\A[\x08\x48\x18]\x03([1-5][0-9]{2})/) {
        $s->{status} = $1;
    }
    else { $self->{wrong} //= 'no status: ' . unpack 'H40', $block }

    $s->{done} = 1 if $s->{ends};
}


1;
