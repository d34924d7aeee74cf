# HTTP/2 at random: many streams at once that must get their answers, with
# padding, split header blocks, windows and frame sizes that change, streams
# that are cancelled in each state, lengths that lie; connections with frames
# that are broken; connections that end in the middle.  A client of HTTP/1 is
# served all the time.  OpenQoE::Fuzz says how to repeat a run.
#
# Twice: with all kinds of acknowledgement, and with a queue that is so small
# and a collector that is so slow that requests wait for room.

use lib 't/lib';
use OpenQoE::Fuzz;
use OpenQoE::H2 qw(:DEFAULT frame header_block headers_frames data_frame
                   settings window_update rst_stream preface
                   DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING
                   GOAWAY WINDOW_UPDATE CONTINUATION
                   END_STREAM END_HEADERS PADDED WITH_PRIORITY ACK);
use OpenQoE::Test;

*chance = \&OpenQoE::Fuzz::chance;
*pick = \&OpenQoE::Fuzz::pick;
*bytes = \&OpenQoE::Fuzz::bytes;
*refused = \&OpenQoE::Fuzz::refused;

# Identifiers of SETTINGS.
use constant {
    TABLE_SIZE => 1, ENABLE_PUSH => 2, STREAMS => 3, WINDOW => 4,
    FRAME_SIZE => 5, LIST_SIZE => 6,
};

my ($fuzz, $h2_port, @posts, $full, %seen);

my $locations = <<'END';
        location = /v2/events { openqoe_events; openqoe_overload_wait 500ms; }
        location = /events/now { openqoe_events; openqoe_overload_wait off; }
        location = /events/patient {
            openqoe_events;
            openqoe_overload_wait 3s;
        }
        location = /events/small {
            openqoe_events;
            client_body_buffer_size 128;
        }
        location = /events/strict {
            openqoe_events;
            openqoe_validation strict;
        }
        location = /v2/health { openqoe_health; }
        location = /v2/stats  { openqoe_stats; }
        location = /none { return 404; }
END

my $stored = <<'END';
        location = /events/spool { openqoe_events; openqoe_ack spool; }
        location = /events/fsync { openqoe_events; openqoe_ack fsync; }
END


# --- a request: what is sent, and what may be answered

sub post ($q) {
    my $body = $fuzz->body;

    $q->{path} = pick(@posts);
    $q->{method} = chance(90) ? 'POST' : pick(qw(PUT GET DELETE HEAD));
    $q->{headers} = '';
    $q->{bytes} = $q->{method} eq 'POST' && chance(30)
                  ? $fuzz->encode($q, $body) : $body->{text};
    refused($body, 405) if $q->{method} ne 'POST';
    push $body->{status}->@*, 400 if $q->{path} =~ /strict/;

    # With a full queue a request is refused before its body is looked at.

    push $body->{status}->@*, 503 if $full;
    push $body->{status}->@*, 413 if length $q->{bytes} > 262_144;

    $q->{$_} = $body->{$_} for qw(status first n);
    $q->{events} = 1;

    my $length = length $q->{bytes};
    if (chance(8)) {
        # nginx answers by itself, or resets the stream.
        $length = pick($length + 1 + int rand 2000, int rand $length)
            if $length;
        if ($length != length $q->{bytes}) {
            $q->{lies} = 1;
            $q->{events} = 0;
            $q->{status} = [400, 405, 413, 503];
        }
    }

    push $q->{fields}->@*, map { [ lc $1, $2 ] if /^(\S+): (.*)/ }
                           split /\r\n/, $q->{headers};
    push $q->{fields}->@*, ['content-type', 'application/json']
        if chance(80);
    push $q->{fields}->@*, ['content-length', $length]
        if $q->{lies} || chance(50);
}


sub get ($q) {
    $q->{method} = pick('GET', 'GET', 'HEAD');
    $q->{path} = pick('/v2/health', '/v2/stats', '/v2/stats?dimension=org_id',
                      '/v2/stats?format=prometheus',
                      '/v2/stats?format=openmetrics', '/none');
    $q->{status} = $q->{path} eq '/none' ? [404] : [200];
    push $q->{status}->@*, 503 if $q->{path} =~ /format/ || $full;
    $q->{bytes} = '';
    $q->{fields} = [];
}


sub request () {
    my $q = {};

    if (chance(85)) { post($q) } else { get($q) }

    push $q->{fields}->@*, ['x-long', 'y' x rand 3000] if chance(5);
    push $q->{fields}->@*, map { ["x-h$_", $_] } 1 .. rand 40 if chance(5);
    push $q->{fields}->@*, ['cookie', "a$_=b"] for 1 .. (chance(5) ? 5 : 0);
    return $q;
}


sub block ($q) {
    return header_block([':method', $q->{method}], [':scheme', 'http'],
                        [':path', $q->{path}], [':authority', 'localhost'],
                        $q->{fields}->@*);
}


# The frames of a request as steps.  A request may be cancelled at any place.

sub stream_steps ($id, $q) {
    my $block = block($q);
    my $body = $q->{bytes};
    my $empty = $body eq '';
    my $end = $empty;
    my $head = headers_frames($id, $block, end => $end,
                              pieces => chance(15) ? 2 + int rand 5 : 1,
                              priority => chance(10),
                              chance(10) ? (pad => int rand 200) : ());
    my @steps = [ call => sub ($c) {
        my $s = $c->{h2}->open($id);
        $s->{q} = $q;
        $s->{sent_all} = $s->{sent_whole} = $empty;
        return $head;
    } ];

    while (!$end) {
        my $n = chance(20) ? int rand 40 : 1 + int rand 16_000;
        $n = length $body if $n > length $body;
        my $piece = substr $body, 0, $n, '';

        # The end may come in a frame of its own.

        $end = $body eq '' && chance(80);
        push @steps, data_step($id, $piece, $end, $body eq '',
                               chance(15) ? int rand 255 : undef);
        if ($body eq '' && !$end) {
            push @steps, data_step($id, '', 1, 1, undef);
            $end = 1;
        }
    }

    splice @steps, 1 + int rand @steps, @steps, cancel_step($id)
        if chance(8);
    return @steps;
}


# DATA waits for the windows, and is not sent to a stream that has ended or is
# being answered, because a refused stream gets no more window.

sub data_step ($id, $piece, $end, $whole, $pad) {
    my $frame = data_frame($id, $piece, end => $end,
                           defined $pad ? (pad => $pad) : ());
    my $n = length($frame) - 9;

    return [ call => sub ($c) {
        my $s = $c->{h2}{stream}{$id};
        return '' if $s->{status} || defined $s->{reset} || $s->{cancelled};
        return undef if $n > $c->{h2}->room($id) && $n;
        $c->{h2}->sent($id, $n);
        $s->{sent_whole} = 1 if $whole;
        $s->{sent_all} = 1 if $end;
        return $frame;
    } ];
}


sub cancel_step ($id) {
    my $code = pick(0, 5, 8, 0xdeadbeef);

    return [ call => sub ($c) {
        my $s = $c->{h2}{stream}{$id};
        return '' if $s->{done} || defined $s->{reset};
        $s->{cancelled} = 1;
        return rst_stream($id, $code);
    } ];
}


# Frames that change nothing for the streams, or only how frames are sent to
# us.

sub harmless ($ids) {
    my $id = pick(@$ids);

    return pick(
        frame(PING, 0, 0, bytes(8)),
        settings(TABLE_SIZE, int rand 65536),
        settings(WINDOW, pick(0, 1000, 4096, 65535, 1 << 20)),
        settings(FRAME_SIZE, 16384 + int rand 100_000),
        settings(STREAMS, int rand 100, LIST_SIZE, int rand 100_000),
        settings(),
        settings(0x1234, int rand 2 ** 31),
        window_update(0, 1 + int rand 10_000),
        frame(PRIORITY, 0, $id, pack 'NC', $id + 2, int rand 256),
        frame(0x20 + int rand 100, int rand 256, pick(0, $id), bytes(rand 50)));
}


# --- connections

# The steps of some streams, mixed; ids come in the order in which the streams
# open.

sub mixed (@ids) {
    my @queue = map { [ stream_steps($_, request()) ] } @ids;
    my ($opened, $together) = (0, 1 + int rand 12);
    my @steps;

    while (@queue) {
        my $i = int rand($together < @queue ? $together : @queue);

        # A stream may not open before a stream with a smaller id.

        $i = $opened if $i > $opened;
        push @steps, shift $queue[$i]->@*;
        $opened++ if $i == $opened;
        if (!$queue[$i]->@*) {
            splice @queue, $i, 1;
            $opened--;
        }

        push @steps, [ send => harmless(\@ids) ] if chance(5);
        push @steps, [ pause => rand 0.02 ] if chance(2);
    }

    return @steps;
}


sub opening () {
    return [ send => preface() . settings(
        chance(30) ? (WINDOW, pick(0, 1000, 4096, 1 << 20)) : (),
        chance(20) ? (TABLE_SIZE, int rand 10_000) : (),
        chance(20) ? (ENABLE_PUSH, 0) : ()) ];
}


# At last all windows are opened, so that every answer comes.

sub closing (@ids) {
    return [ send => settings(WINDOW, 1 << 24) . window_update(0, 1 << 24)
                     . frame(PING, 0, 0, 'the last') ];
}


sub clean () {
    my $n = chance(10) ? 40 : 1 + int rand 10;
    my @ids = map { 2 * $_ - 1 } 1 .. $n;
    my @steps = (opening(), mixed(@ids), closing(@ids));

    return { steps => \@steps, kind => 'clean' };
}


# A request that has been sent whole before is answered as if nothing were
# wrong, or not at all.

sub from_here_broken ($c) {
    $c->{broken} = 1;
    $_->{safe} = $_->{sent_all} for values $c->{h2}{stream}->%*;
}


# The client goes away in the middle, perhaps within a frame.

sub gone () {
    my @ids = map { 2 * $_ - 1 } 1 .. 1 + int rand 10;
    my @steps = (opening(), mixed(@ids));

    $#steps = int rand @steps;
    my $part = frame(pick(0 .. 9), int rand 256, pick(0, @ids), bytes(60));
    my $keep = int rand length $part;

    push @steps, [ call => sub ($c) {
        $c->{mute} = 1;
        from_here_broken($c);
        return substr $part, 0, $keep;
    } ], [ pause => rand 0.03 ], [ pick(qw(reset half close)) ];
    return { steps => \@steps, kind => 'gone', may_end => 1 };
}


# A frame that is wrong in itself, or in its place.

sub broken_frame ($ids) {
    my $id = pick(@$ids);
    my $next = $ids->[-1] + 2 + 2 * int rand 5;
    my $none = { method => 'POST', path => '/v2/events', fields => [] };
    my $head = block($none);

    state $kinds = [ broken_frames() ];
    return pick(@$kinds)->($id, $next, $head);
}


# Breaks the windows, the settings and the frames as such.

sub broken_frames () {
    return broken_streams(), (
        sub ($id, $next, $head) {
            frame(int rand 16, int rand 256,
                  pick(0, $id, $next, 2, int rand 2 ** 32), bytes(rand 200))
        },
        sub ($id, $next, $head) {
            substr(pack('N', int rand 2 ** 24), 1) . pack('CCN', int rand 12,
                int rand 256, pick(0, $id, $next)) . bytes(rand 100)
        },
        sub ($id, @) { window_update(pick($id, 0), 0) },
        sub ($id, @) { window_update($id, 0x7fffffff) },
        sub (@) { window_update(0, 0x7fffffff) },
        sub ($id, $next, $head) { window_update($next, 5) },
        sub ($id, @) { frame(WINDOW_UPDATE, 0, $id, bytes(3)) },
        sub (@) { settings(WINDOW, 2 ** 31) },
        sub (@) { settings(FRAME_SIZE, pick(0, 1, 2 ** 24)) },
        sub (@) { settings(ENABLE_PUSH, 2) },
        sub (@) { settings(map { (WINDOW, int rand 2 ** 31) } 1 .. 500) },
        sub (@) { frame(SETTINGS, pick(0, ACK), 0, bytes(pick(5, 6))) },
        sub ($id, @) { frame(SETTINGS, 0, $id) },
        sub ($id, @) { frame(DATA, PADDED, $id, pick("\xff" . bytes(20), '')) },
        sub (@) { frame(DATA, END_STREAM, 0, bytes(9)) },
        sub ($id, $next, $head) { data_frame($next, bytes(9)) },
        sub ($id, @) { data_frame($id, 'x' x 16_385) },
        sub ($id, @) { data_frame($id, bytes(100), end => chance(50)) },
        sub ($id, @) { data_frame($id, 'x' x 16_000) x 6 },
        sub ($id, @) { rst_stream($id) },
        sub ($id, $next, $head) { rst_stream(pick(0, $next)) },
        sub ($id, @) { frame(RST_STREAM, 0, $id, bytes(3)) },
        sub (@) {
            frame(GOAWAY, 0, 0, pack('NN', 0, int rand 14) . bytes(rand 30))
        },
        sub ($id, @) { frame(GOAWAY, 0, $id, bytes(4)) },
        sub ($id, @) { frame(PING, 0, pick(0, $id), bytes(pick(7, 8))) },
        sub ($id, @) { frame(PUSH_PROMISE, 4, $id, bytes(20)) },
        sub ($id, @) { frame(PRIORITY, 0, $id, pack 'NC', $id, 7) },
        sub (@) { frame(PRIORITY, 0, 0, bytes(5)) },
    );
}


# Breaks a block of headers, or its place.

sub broken_streams () {
    return (
        sub ($id, $next, $head) {
            frame(CONTINUATION, END_HEADERS, pick($id, $next), $head)
        },
        sub ($id, $next, $head) {
            frame(HEADERS, 0, $next, $head)
                . pick(frame(PING, 0, 0, bytes(8)),
                       data_frame($next, '{}', end => 1))
        },
        sub ($id, $next, $head) {
            frame(HEADERS, 0, $next, $head)
                . frame(CONTINUATION, 0, $next, header_block(['a', 'b'])) x 300
        },
        sub ($id, $next, $head) {
            frame(HEADERS, 0, $next) . frame(CONTINUATION, 0, $next) x 50
                . frame(CONTINUATION, END_HEADERS, $next)
        },
        # Trailers of a stream that may be open, or an id once more.
        sub ($id, @) {
            headers_frames($id, header_block(['x-trailer', '1']), end => 1)
        },
        sub ($id, $next, $head) { headers_frames(pick($id, 2), $head) },
        sub ($id, $next, $head) { headers_frames($next, $head, pad => 255) },
        sub ($id, $next, $head) {
            frame(HEADERS, END_HEADERS | PADDED, $next, "\xff$head")
        },
        sub ($id, $next, $head) {
            frame(HEADERS, END_HEADERS | WITH_PRIORITY, $next,
                  pack('NC', $next, 0) . $head)
        },
        (sub ($id, $next, $head) {
            headers_frames($next, bad_block($head), end => chance(50))
        }) x 3,
        sub ($id, $next, $head) {
            headers_frames($next, OpenQoE::Fuzz::mutate($head))
        },
        (sub ($id, $next, $head) {
            headers_frames($next, header_block(bad_fields()), end => 1)
        }) x 4,
        sub ($id, $next, $head) { many_streams($next) },
    );
}


# A block that is not HPACK.

sub bad_block ($head) {
    return pick(
        bytes(rand 100), "\x80$head", "\xff\xff\xff\xff\xff\xff\x7f",
        "\xbe$head", "\x3f\xe1\xff\xff\xff\x7f$head", "$head\x00\x05ab",
        "\x00\x81\xff\x81\xff$head", "$head\x00\x8f" . bytes(15),
        "\x40\x01a\x7f\xff\xff\xff\x07", ("\x40\x01a\x01b") x 500 . $head,
        "\x82\x86\x84\x41\x8a" . bytes(10));
}


sub bad_fields () {
    my @good = ([':method', 'POST'], [':scheme', 'http'],
                [':path', '/v2/events'], [':authority', 'localhost']);

    return pick(
        [ @good[1 .. 3] ], [ @good[0, 1, 3] ], [ @good, $good[0] ],
        [ ['a', 'b'], @good ], [ @good, [':status', '200'] ],
        [ @good, ['Upper', 'x'] ], [ @good, ['connection', 'close'] ],
        [ @good, ['transfer-encoding', 'chunked'] ], [ @good, ['', 'x'] ],
        [ @good, ["a\0b", "c\r\nd: e"] ], [ @good, ['content-length', '-1'] ],
        [ @good, ['content-length', '9' x 40] ], [ [':method', 'A B'] ],
        [ @good, ['x', 'z' x 60_000] ],
        [ @good, map { ["x$_", 'z' x 500] } 1 .. 200 ],
        [ @good[0, 1], [':path', 'no slash'], $good[3] ],
        [ @good[0, 1], [':path', '/' . 'a' x 9000], $good[3] ],
        [ @good, ['te', 'gzip'], ['host', 'a'], ['host', 'b'] ])->@*;
}


# More streams at a time than nginx takes.

sub many_streams ($first) {
    my $head = block({ method => 'POST', path => '/v2/events',
                       fields => [] });
    return join '', map { headers_frames($first + 2 * $_, $head)
                          . (chance(30) ? rst_stream($first + 2 * $_) : '') }
                    0 .. 50 + int rand 250;
}


sub broken () {
    my @ids = map { 2 * $_ - 1 } 1 .. 1 + int rand 8;
    my @steps = (opening(), mixed(@ids));
    my $at = 1 + int rand @steps;
    my $frames = join '', map { broken_frame(\@ids) } 1 .. 1 + int rand 3;

    splice @steps, $at, 0, [ call => sub ($c) {
        from_here_broken($c);
        return $frames;
    } ];
    push @steps, closing(@ids) if chance(50);
    push @steps, [ pause => rand 0.05 ], [ pick(qw(reset half close)) ];
    return { steps => \@steps, kind => 'broken', may_end => 1,
             slack => length $frames < 2000 ? 5 : 1000 };
}


sub garbage () {
    my $head = headers_frames(1, block(request()));
    my $text = pick(
        bytes(rand 300), preface() . bytes(rand 300),
        substr(preface(), 0, rand 24), preface() . $head,
        "GET /v2/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        preface() . settings() . OpenQoE::Fuzz::mutate($head),
        OpenQoE::Fuzz::mutate(preface()) . settings() . $head);

    return { steps => [ OpenQoE::Fuzz::pieces($text), [ pause => 0.03 ],
                        [ pick(qw(half close reset)) ] ],
             kind => 'garbage', broken => 1, may_end => 1, slack => 3 };
}


# A client of HTTP/1 beside the fuzzed connections.

sub bystander () {
    my ($text, $first) = $fuzz->events(1);
    my $post = chance(60);

    return { port => $fuzz->nginx->port, kind => 'bystander', first => $first,
             post => $post, steps => [ [ send => $post
        ? "POST /v2/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
          . length($text) . "\r\n\r\n$text"
        : "GET /v2/health HTTP/1.1\r\nHost: localhost\r\n\r\n" ] ] };
}


sub connection ($number) {
    my $kind = rand 100;
    my $c = $kind < 45 ? clean() : $kind < 57 ? gone() : $kind < 85 ? broken()
          : $kind < 90 ? garbage() : bystander();

    $c->{port} //= $h2_port;
    $c->{h2} = OpenQoE::H2->new;

    # The client reads slowly, but not so slowly that nginx loses its patience.
    $c->{most} = 100 + int rand pick(300, 2000, 20_000) if chance(15);
    $seen{ $c->{kind} }++;
    return $c;
}


# --- answers

sub read_answers ($c, $eof) {
    return read_bystander($c) if $c->{kind} eq 'bystander';
    if ($c->{kind} eq 'garbage') {
        $c->{in} = '';
        return 0;
    }

    my $reply = $c->{h2}->receive(\$c->{in});
    $c->{out} .= $reply if !$c->{mute} && !$eof;

    for my $s (values $c->{h2}{stream}->%*) {
        judge($c, $s) if !$s->{judged} && ($s->{done} || defined $s->{reset}
                                           || $s->{cancelled});
    }

    return 0 if $c->{may_end};
    $fuzz->wrong($c, $c->{h2}{wrong}) if defined $c->{h2}{wrong};
    $fuzz->wrong($c, "GOAWAY with error $c->{h2}{goaway}")
        if $c->{h2}{goaway};
    return !@{ $c->{steps} }
           && !grep { !$_->{judged} } values $c->{h2}{stream}->%*;
}


sub read_bystander ($c) {
    my ($status) = $c->{in} =~ m{\AHTTP/1.1 (\d+) .*\r\n\r\n.*\}}s or return 0;

    return 1 if $c->{answered}++;
    $fuzz->answered($status, $c->{post});
    $fuzz->wrong($c, "HTTP/1 beside HTTP/2 was answered $status")
        if $status != ($c->{post} ? 202 : 200) && !($full && $status == 503);
    $fuzz->{oracle}->mark($status == 202 ? OpenQoE::Oracle::ACCEPTED
                                         : OpenQoE::Oracle::REFUSED,
                          $fuzz->{run}, $c->{first}) if $c->{post};
    return 1;
}


sub judge ($c, $s) {
    my $q = $s->{q};
    my $status = $s->{status} // 0;
    my $known = !$c->{broken} || $s->{safe};

    $s->{judged} = 1;

    # An answer that was cut short does not count, and a cancelled request may
    # have been answered all the same.  A scrape that is read for longer than 5 s,
    # as on a busy machine, gives way to a third one.

    if (!$s->{done}) {
        $fuzz->{broken}++;
        $fuzz->wrong($c, "stream $s->{id} was reset with $s->{reset}")
            if !$c->{may_end} && !$s->{cancelled} && !$q->{lies}
               && $q->{path} !~ /format=/;
        return ambiguous($s, $c);
    }

    $seen{streams}++;
    $seen{"status $status"}++;
    $c->{about} = "stream $s->{id}, $q->{method} $q->{path}, answered $status:"
                  . ' ' . substr $s->{body}, 0, 300;
    $fuzz->answered($status, $q->{events} && $known);

    return ambiguous($s, $c) if !$known;

    $fuzz->wrong($c, "status $status, not one of $q->{status}->@*")
        if !grep { $_ == $status } $q->{status}->@*;
    return if !defined $q->{first};

    if ($status == 202) {
        my $json = decode_json_text($s->{body}) // {};
        my $n = $json->{events_received} // 0;
        $fuzz->wrong($c, "of $q->{n} events $n") if $n != $q->{n};
    }

    $fuzz->{oracle}->mark($status == 202 ? OpenQoE::Oracle::ACCEPTED
                                         : OpenQoE::Oracle::REFUSED,
                          $fuzz->{run}, $q->{first}, $q->{n});
}


# Unless all of the body was sent, nothing of it may be taken. What a broken
# frame has added to a body is not known.

sub ambiguous ($s, $c) {
    my $q = $s->{q};
    my $never = !$s->{sent_whole} && !$c->{broken} || $q->{lies};

    $fuzz->{oracle}->mark($never ? OpenQoE::Oracle::REFUSED
                                 : OpenQoE::Oracle::AMBIGUOUS,
                          $fuzz->{run}, $q->{first}, $q->{n})
        if defined $q->{first};
}


sub lost ($c) {
    $fuzz->{broken} += $c->{slack} // 0;
    if ($c->{kind} eq 'bystander') {
        $fuzz->{oracle}->mark(OpenQoE::Oracle::AMBIGUOUS, $fuzz->{run},
                              $c->{first});
        $fuzz->{broken}++;
        return;
    }

    for my $s (values $c->{h2}{stream}->%*) {
        next if $s->{judged}++;
        $fuzz->{broken}++;
        ambiguous($s, $c);
    }
}


# A collector that takes nothing, until the queue is full.

sub fill () {
    $fuzz->{receiver}->mode('status 503');

    for (1 .. 5000) {
        my ($text, $first) = $fuzz->events(5);
        my $answer = http_post($fuzz->nginx->port, '/events/now', $text);

        $fuzz->answered($answer->{status}, 1);
        $fuzz->{oracle}->mark($answer->{status} == 202
                              ? OpenQoE::Oracle::ACCEPTED
                              : OpenQoE::Oracle::REFUSED,
                              $fuzz->{run}, $first, 5);
        return pass('the queue is full') if $answer->{status} == 503;
    }

    return fail('the queue is full');
}


# --- both runs

sub fuzz ($name, %opt) {
    $h2_port = free_port();
    %seen = ();

    my $listen = $opt{locations};
    $fuzz = OpenQoE::Fuzz->new(%opt,
        seconds => ($ENV{OPENQOE_FUZZ_SECONDS} // 10) / 2,
        servers => "server { listen 127.0.0.1:$h2_port http2; "
                   . "server_name localhost;\n$listen }");
    $fuzz->begin;
    fill() if $full;
    $fuzz->{receiver}->mode($opt{collector});
    $fuzz->run(make => \&connection, read => \&read_answers, lost => \&lost);
    $fuzz->{receiver}->mode('ok');
    $fuzz->check($name);

    my $stats = $fuzz->stats;
    note("$name: " . join ', ', map { "$_ $seen{$_}" } sort keys %seen);
    note("$name: delayed $stats->{requests}{delayed}, undecoded "
         . $stats->{requests}{undecoded});
    $fuzz->end($name);
    return $stats;
}


my $common = <<'END';
    client_header_timeout 60s;
    client_body_timeout 60s;
    keepalive_timeout 10s;
    client_max_body_size 256k;
END
my $dir = scratch_dir('fuzz');

@posts = qw(/v2/events /v2/events /events/small /events/strict /events/spool
            /events/fsync);
fuzz('HTTP/2', collector => 'ok', locations => $locations . $stored,
     http => "openqoe_spool $dir/spool max_size=64m;\n$common");

if (!defined $ENV{OPENQOE_FUZZ_CASE}) {
    cmp_ok($seen{"status $_"} // 0, '>', 0,
           "some streams were answered with $_")
        for qw(200 202 400 404 405);
    cmp_ok($seen{bystander} // 0, '>', 0,
           'HTTP/1 was served beside the fuzzed connections');
}

@posts = qw(/v2/events /v2/events /events/now /events/patient /events/small);
$full = 1;
my $stats = fuzz('HTTP/2 with a full queue', collector => 'slow 400',
                 locations => $locations, http => $common,
                 zone => 'qoe:' . (OpenQoE::Nginx->zone_min + 64) . 'k');
cmp_ok($stats->{requests}{delayed}, '>', 0, 'some requests waited for room')
    if !defined $ENV{OPENQOE_FUZZ_CASE};

done_testing;
