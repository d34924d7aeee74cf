#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# random_collector.pl PORT DIR SEED [h2]: a collector that answers at random,
# over HTTP/1.1, or with h2 by gRPC over HTTP/2 without TLS, until there is a
# file DIR/good; from then on it answers as it should.
#
# What it notes, by appending to files of DIR: in "taken" the ids of the events
# (oqid-RUN-NUMBER) of every request that was, or may have been, answered with
# a success; in "refused" those of every request whose answer says that the
# batch itself is at fault, or may be read so; in "answers" the kind of each
# answer.  A connection is a process of its own, whose choices depend on the
# seed and on its number.

use v5.36;

use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep);

my ($port, $dir, $seed, $h2) = @ARGV;
my $final = join '|', 400, 406, 409, 411, 413, 415, 422, 425, 431, 451;

# The names of gRPC's trailers, and the frames of HTTP/2 that are used here.
use constant { DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4,
               PING => 6, GOAWAY => 7, WINDOW_UPDATE => 8 };

$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = 'IGNORE';


sub chance ($percent) { rand 100 < $percent }
sub pick (@list) { $list[rand @list] }
sub bytes ($n) { join '', map { chr int rand 256 } 1 .. $n }
sub good () { -e "$dir/good" }


# Each line is a single write, so that lines of many processes do not mix.

sub note ($file, $text) {
    open my $out, '>>:raw', "$dir/$file" or die "$file: $!\n";
    syswrite $out, "$text\n";
    close $out;
}


sub ids ($body) { join ' ', $body =~ /oqid-[0-9a-z]+-\d+/g }


# Reads more of the connection into the buffer; false at its end.

sub more ($c, $wait = 30) {
    my $bits = '';

    vec($bits, fileno $c->{sock}, 1) = 1;
    return 0 if !select my $ready = $bits, undef, undef, $wait;
    return sysread($c->{sock}, $c->{in}, 65_536, length $c->{in}) // 0;
}


sub send_all ($c, $bytes) {
    while (length $bytes) {
        my $n = syswrite($c->{sock}, $bytes) // return 0;
        substr $bytes, 0, $n, '';
    }

    return 1;
}


# Sends the bytes in pieces, or a few at a time, not all at once.

sub send_somehow ($c, $bytes) {
    return send_all($c, $bytes) if chance(60);

    my $slow = chance(20);

    for (1 .. 30) {
        my $n = $slow ? 1 : 1 + rand 40;

        send_all($c, substr $bytes, 0, $n, '') or return 0;
        return 1 if !length $bytes;
        sleep $slow ? 0.02 : 0.001;
    }

    return send_all($c, $bytes);
}


# Ends the connection, by a reset or not.

sub hang_up ($c) {
    setsockopt $c->{sock}, SOL_SOCKET, SO_LINGER, pack 'll', 1, 0
        if chance(50);
    close $c->{sock};
    exit 0;
}


# --- what the answers are made of

sub varint ($n) {
    my $out = '';

    while ($n > 127) {
        $out .= chr($n & 127 | 128);
        $n >>= 7;
    }

    return $out . chr $n;
}


# A partial success of n rejected records; a collector may claim anything.

sub partial ($n, $json) {
    my $text = pick('', 'no', "\x01\xff\xc2\x85", 'long ' x 100);

    return sprintf '{"partialSuccess":{"rejectedLogRecords":"%s",'
                   . '"errorMessage":"%s"}}', $n, pick('no', '\u0000', 'x' x 99)
        if $json;

    my $part = "\x08" . varint($n) . "\x12" . varint(length $text) . $text;
    return "\x0a" . varint(length $part) . $part;
}


sub success ($json) {
    return $json ? '{}' : '' if chance(50);
    return partial(pick(0, 1, 3, 1000, 2 ** 62), $json) if chance(50);
    return pick('{', '[]', 'null', '{"partialSuccess":7}', bytes(rand 300),
                "\x0a\xff\xff\xff\xff\x0f", '[' x 5000);
}


# No delay is so long that a test would have to wait for it.

sub retry_after () {
    return pick('0', '1', '-1', '1.5', '', 'soon', '99999999999999999999x',
                'Thu, 01 Jan 1970 00:00:00 GMT', 'Mon, 32 Foo 2099', bytes(20) =~ s/[\r\n\0]//gr, '1' x 70);
}


sub extra_headers () {
    my $text = '';

    $text .= 'Retry-After: ' . retry_after() . "\r\n" if chance(40);
    $text .= 'X-Long: ' . 'y' x rand(60_000) . "\r\n" if chance(4);
    $text .= join '', map { "X-$_: $_\r\n" } 1 .. rand 400 if chance(4);
    $text .= "Content-Encoding: gzip\r\n" if chance(3);
    $text .= pick('grpc-status: 3', ': x', 'x', "X:\x01", 'Connection: close')
             . "\r\n" if chance(6);
    return $text;
}


# --- HTTP/1.1

# The next request's body, or undef at the end.

sub request ($c) {
    while ($c->{in} !~ /\r\n\r\n/) {
        more($c) or return undef;
    }

    my ($head, $rest) = split /\r\n\r\n/, $c->{in}, 2;
    my ($n) = $head =~ /^content-length: (\d+)/mi;

    $c->{in} = $rest;
    $c->{json} = $head =~ m{^content-type: application/json}mi;

    while (length $c->{in} < $n) {
        more($c) or return undef;
    }

    return substr $c->{in}, 0, $n, '';
}


sub type ($c) {
    return '' if chance(10);
    return 'Content-Type: ' . pick('text/html', 'application/json',
                                   'application/x-protobuf', ';') . "\r\n"
        if chance(10);
    return 'Content-Type: application/'
           . ($c->{json} ? 'json' : 'x-protobuf') . "\r\n";
}


sub chunked ($body) {
    my $out = '';

    while (length $body) {
        my $n = 1 + rand 500;
        my $part = substr $body, 0, $n, '';
        $out .= sprintf "%x\r\n%s\r\n", length $part, $part;
    }

    return $out . "0\r\n\r\n";
}


sub head ($status, $more) { "HTTP/1.1 $status Some\r\n$more" }


# The collector has the events of a success, whether its answer is whole or
# not.

my %http = (
    ok => sub ($c, $ids) {
        note(taken => $ids);
        my $body = success($c->{json});
        my $how = chance(50)
            ? 'Content-Length: ' . length($body) . "\r\n\r\n$body"
            : "Transfer-Encoding: chunked\r\n\r\n" . chunked($body);
        send_somehow($c, head(pick(200, 200, 202), type($c) . $how));
    },
    interim => sub ($c, $ids) {
        note(taken => $ids);
        send_all($c, head(pick(100, 102, 103), "X: y\r\n\r\n"))
            for 1 .. 1 + rand 20;
        send_somehow($c, head(200, "Content-Length: 0\r\n\r\n"));
    },
    switched => sub ($c, $ids) {
        send_somehow($c, head(101, "Upgrade: x\r\nConnection: Upgrade\r\n\r\n"
                                   . bytes(rand 50)));
        hang_up($c);
    },
    retry => sub ($c, $ids) {
        send_somehow($c, head(pick(429, 502, 503, 504), extra_headers()
                                  . type($c) . "Content-Length: 2\r\n\r\nno"));
    },
    hold => sub ($c, $ids) {
        send_somehow($c, head(pick(401, 403, 404, 405, 500, 501, 302, 599,
                                   999), extra_headers() . type($c)
                                   . "Content-Length: 2\r\n\r\nno"));
    },
    final => sub ($c, $ids) {
        note(refused => $ids);
        my $body = pick('', 'no', bytes(rand 3000));
        send_somehow($c, head(pick(split /\|/, $final), extra_headers()
            . type($c) . 'Content-Length: ' . length($body) . "\r\n\r\n$body"));
    },
    cut => sub ($c, $ids) {
        note(taken => $ids);
        send_somehow($c, head(200, type($c)
            . "Content-Length: 900\r\n\r\n" . bytes(rand 800)));
        hang_up($c);
    },
    garbled => sub ($c, $ids) {
        note(taken => $ids);
        send_somehow($c, head(200, "Transfer-Encoding: chunked\r\n\r\n"
            . pick('zz', '-1', 'ffffffffffffffff', "3\r\nabcd", "5\r\nab")
            . "\r\n" . bytes(rand 200)));
        hang_up($c);
    },
    endless => sub ($c, $ids) {
        note(taken => $ids);
        send_all($c, head(200, type($c) . 'Content-Length: 5000000000'
                               . "\r\n\r\n"));
        for (1 .. 400) {
            send_all($c, ' ' x pick(1, 20_000)) or exit 0;
            sleep 0.01;
        }
        exit 0;
    },
    junk => sub ($c, $ids) {
        send_somehow($c, pick(bytes(1 + rand 500), "HTTP/1.1\r\n\r\n",
            "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", 'H',
            "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Type: x", "\r\n\r\n", 'x' x 200_000));
        hang_up($c);
    },
    huge => sub ($c, $ids) {
        send_somehow($c, head(503, "X: " . 'y' x 400_000 . "\r\n\r\n"));
        hang_up($c);
    },
    silent => sub ($c, $ids) { sleep 2; hang_up($c) },
    gone => sub ($c, $ids) { hang_up($c) },
);


sub serve_http ($c) {
    while (defined(my $body = request($c))) {
        my $ids = ids($body);

        if (good()) {
            note(taken => $ids);
            send_all($c, head(200, "Content-Length: 0\r\n\r\n")) or return;
            next;
        }

        my $kind = chance(55) ? 'ok' : pick(sort keys %http);
        note(answers => $kind);
        $http{$kind}->($c, $ids);
    }
}


# --- gRPC over HTTP/2: frames by hand, headers without compression

sub frame ($type, $flags, $stream, $payload) {
    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}


sub string ($text) {
    my $n = length $text;

    return chr($n) . $text if $n < 127;
    return chr(127) . varint($n - 127) . $text;
}


# ":status" and the other headers as literals that are not indexed.

sub block (@pairs) {
    my $out = '';

    while (my ($name, $value) = splice @pairs, 0, 2) {
        $out .= "\0" . string($name) . string($value);
    }

    return $out;
}


sub headers ($stream, $end, @pairs) {
    return frame(HEADERS, 4 | $end, $stream, block(@pairs));
}


sub head_ok ($stream) {
    return headers($stream, 0, ':status', 200, 'content-type',
                   'application/grpc');
}


sub message ($body) { pack('CN', 0, length $body) . $body }


# The number of a stream whose request is whole, and its message.

sub call ($c) {
    while (1) {
        while (length $c->{in} < 9) {
            more($c) or return;
        }

        my ($type, $flags, $stream) = unpack 'x3CCN', $c->{in};
        my $n = unpack 'N', "\0" . substr $c->{in}, 0, 3;

        while (length $c->{in} < 9 + $n) {
            more($c) or return;
        }

        my $payload = substr $c->{in}, 9, $n;
        substr $c->{in}, 0, 9 + $n, '';

        send_all($c, frame(SETTINGS, 1, 0, ''))
            if $type == SETTINGS && !($flags & 1);
        send_all($c, frame(PING, 1, 0, $payload))
            if $type == PING && !($flags & 1);
        delete $c->{call}{$stream} if $type == RST_STREAM;
        next if $type != DATA && $type != HEADERS;

        $c->{call}{$stream} .= $payload if $type == DATA;
        send_all($c, frame(WINDOW_UPDATE, 0, 0, pack 'N', $n)
                     . frame(WINDOW_UPDATE, 0, $stream, pack 'N', $n))
            if $type == DATA && $n;
        return ($stream, delete $c->{call}{$stream} // '') if $flags & 1;
    }
}


sub details () {
    return pick('', '!', 'AAAA', bytes(30) =~ s/[^!-~]/A/gr, 'CAgaAA==',
                'CAgaLgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5m'
                . 'bxICCgA=');
}


sub trailers ($s, $status) {
    my @more;

    push @more, 'grpc-message', pick('no', '%C3%A3%00%01', '%', 'x' x 5000)
        if chance(50);
    push @more, 'grpc-status-details-bin', details() if chance(30);
    return headers($s, 1, 'grpc-status', $status, @more);
}


# INVALID_ARGUMENT and its like blame the batch; RESOURCE_EXHAUSTED does so
# without RetryInfo.

my %grpc = (
    ok => sub ($c, $s, $ids) {
        note(taken => $ids);
        send_somehow($c, head_ok($s) . frame(DATA, 0, $s, message(success(0)))
                         . trailers($s, 0));
    },
    bare => sub ($c, $s, $ids) {
        note(taken => $ids);
        send_somehow($c, head_ok($s) . frame(DATA, 1, $s, message('')));
    },
    interim => sub ($c, $s, $ids) {
        note(taken => $ids);
        send_all($c, headers($s, 0, ':status', 103, 'x', 'y'))
            for 1 .. 1 + rand 5;
        send_somehow($c, head_ok($s) . frame(DATA, 0, $s, message(''))
                         . trailers($s, 0));
    },
    misframed => sub ($c, $s, $ids) {
        note(taken => $ids);
        send_somehow($c, head_ok($s) . frame(DATA, 0, $s,
            pick(bytes(rand 40), pack('CN', 1, 5) . 'abcde',
                 pack('CN', 0, 2 ** 32 - 1), pack('CN', 0, 3) . 'ab'))
            . trailers($s, 0));
    },
    again => sub ($c, $s, $ids) {
        send_somehow($c, head_ok($s) . trailers($s, pick(1, 4, 10, 11, 14,
                                                         15)));
    },
    hold => sub ($c, $s, $ids) {
        send_somehow($c, head_ok($s) . trailers($s, pick(2, 5, 7, 12, 13, 16,
                                                         17, 99, '', 'x')));
    },
    final => sub ($c, $s, $ids) {
        note(refused => $ids);
        send_somehow($c, head_ok($s) . trailers($s, pick(3, 6, 8, 9)));
    },
    http => sub ($c, $s, $ids) {
        send_somehow($c, headers($s, 1, ':status', pick(401, 403, 404, 429,
                                 500, 502, 503, 504), 'retry-after',
                                 retry_after()));
    },
    unsaid => sub ($c, $s, $ids) {
        send_somehow($c, headers($s, 1, ':status', 200));
    },
    reset => sub ($c, $s, $ids) {
        send_somehow($c, (chance(50) ? head_ok($s) : '')
                         . frame(RST_STREAM, 0, $s, pack 'N', int rand 14));
    },
    goaway => sub ($c, $s, $ids) {
        send_somehow($c, frame(GOAWAY, 0, 0, pack 'NN', pick(0, $s),
                               int rand 14));
        hang_up($c);
    },
    junk => sub ($c, $s, $ids) {
        send_somehow($c, frame(int rand 12, int rand 256, pick(0, $s, $s + 2),
                               bytes(rand 60)) . bytes(rand 60));
        sleep rand 0.1;
        hang_up($c);
    },
    huge => sub ($c, $s, $ids) {
        send_somehow($c, headers($s, 1, ':status', 503, 'x', 'y' x 16_000));
    },
    silent => sub ($c, $s, $ids) { sleep 2; hang_up($c) },
    gone => sub ($c, $s, $ids) { hang_up($c) },
);


sub serve_grpc ($c) {
    while (length $c->{in} < 24) {
        more($c) or return;
    }

    substr $c->{in}, 0, 24, '';
    send_all($c, frame(SETTINGS, 0, 0, ''));

    while (my ($stream, $body) = call($c)) {
        my $ids = ids($body);

        if (good()) {
            note(taken => $ids);
            send_all($c, head_ok($stream) . frame(DATA, 0, $stream,
                message('')) . headers($stream, 1, 'grpc-status', 0))
                or return;
            next;
        }

        my $kind = chance(55) ? 'ok' : pick(sort keys %grpc);
        note(answers => $kind);
        $grpc{$kind}->($c, $stream, $ids);
    }
}


# --- a process for each connection

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128,
    LocalPort => $port, ReuseAddr => 1) or die "port $port: $!\n";

$| = 1;
print "READY\n";

for (my $number = 1; ; $number++) {
    my $sock = $listen->accept or next;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        srand $seed + $number;
        close $listen;
        my $c = { sock => $sock, in => '', call => {} };
        $h2 ? serve_grpc($c) : serve_http($c);
        exit 0;
    }

    close $sock;
}
