# HTTP/1 at random: well-formed requests of every kind, which must get their
# status, between malformed ones, bodies that break off, slow clients and
# clients that go away.  OpenQoE::Fuzz says how to repeat a run.
#
# A client that resets its connection while nginx discards its body keeps it
# until keepalive_timeout: nginx itself does not look at that error.

use lib 't/lib';
use OpenQoE::Fuzz;
use OpenQoE::HTTP qw(parse_head decode_chunked);
use OpenQoE::Test;

my $dir = scratch_dir('fuzz');
my $fuzz = OpenQoE::Fuzz->new(http => <<"END", locations => <<'END');
    openqoe_spool $dir/spool max_size=64m;
    client_header_timeout 20s;
    client_body_timeout 20s;
    keepalive_timeout 10s;
    keepalive_requests 100000;
    client_max_body_size 256k;
END
        location = /v2/events { openqoe_events; openqoe_cors_origin *; }
        location = /events/key {
            openqoe_events;
            openqoe_api_key secret;
            openqoe_cors_origin https://a.example;
        }
        location = /events/file {
            openqoe_events;
            client_body_in_file_only clean;
        }
        location = /events/small {
            openqoe_events;
            client_body_buffer_size 128;
            openqoe_marker on;
        }
        location = /events/strict {
            openqoe_events;
            openqoe_validation strict;
        }
        location = /events/spool { openqoe_events; openqoe_ack spool; }
        location = /events/fsync { openqoe_events; openqoe_ack fsync; }
        location = /v2/health { openqoe_health; openqoe_cors_origin *; }
        location = /v2/stats  { openqoe_stats; openqoe_cors_origin *; }
END

my @posts = ('/v2/events', '/v2/events', '/events/key', '/events/file',
             '/events/small', '/events/strict', '/events/spool',
             '/events/fsync');
my @gets = ('/v2/health', '/v2/health?ready', '/v2/stats',
            '/v2/stats?format=prometheus', '/v2/stats?format=openmetrics',
            '/v2/stats?dimension=org_id', '/v2/stats?dimension=%00%ff');

*chance = \&OpenQoE::Fuzz::chance;
*pick = \&OpenQoE::Fuzz::pick;
*refused = \&OpenQoE::Fuzz::refused;


# --- a request: { bytes, status => [..], ... } of what may be answered

sub chunked ($bytes) {
    my $out = '';
    my $at = 0;

    while ($at < length $bytes) {
        my $n = 1 + int rand(chance(30) ? 30 : 8000);
        my $piece = substr $bytes, $at, $n;
        $at += $n;
        $out .= sprintf "%s%x%s\r\n%s\r\n", pick('', '', '0'), length $piece,
                        pick('', '', ';a=b'), $piece;
    }

    return $out . "0\r\n" . pick('', '', "X-Trailer: 1\r\n") . "\r\n";
}


sub extra_headers () {
    my $h = '';

    $h .= "Origin: https://" . pick('a', 'b') . ".example\r\n" if chance(20);
    $h .= 'Range: bytes=' . pick('0-', '5-9', '-1', '9-5,0-0') . "\r\n"
        if chance(5);
    $h .= "If-None-Match: *\r\n" if chance(3);
    $h .= 'X-Long: ' . 'y' x rand(3000) . "\r\n" if chance(5);
    $h .= join '', map { "X-H$_: $_\r\n" } 1 .. rand 60 if chance(5);
    $h .= 'Cookie: marker=' . pick('x', '', '0' x 36, OpenQoE::Event::uuid())
          . "\r\n" if chance(10);
    $h .= "traceparent: 00-" . 'a' x 32 . "-" . 'b' x 16 . "-01\r\n"
        if chance(5);
    $h .= 'Accept: ' . pick('*/*', 'text/plain;q=0.5', 'application/json;q=0',
                            'application/openmetrics-text; version=1.0.0',
                            ',;q=,', 'text/*;q=1.0001') . "\r\n" if chance(15);
    return $h;
}


# The key, right or not; returns whether it is right.

sub key ($q, $path) {
    my $right = chance(80);
    my $key = $right ? 'secret' : pick('', 'Secret', 'secre', 'x' x 500);

    $q->{headers} .= pick('Authorization: Bearer ', 'Authorization: ',
                          'X-API-Key: ', 'X-API-Token: ') . "$key\r\n"
        if $path eq '/events/key' || chance(10);
    return $right || $path ne '/events/key';
}


# The answers that come before the body is looked at; undef if the body
# decides.

sub first_refusal ($q, $path) {
    my $right = key($q, $path);
    my $method = $q->{method};

    return 204 if $method eq 'OPTIONS';
    return 405 if $method ne 'POST';
    return 401 if !$right;

    if (chance(85)) {
        $q->{headers} .= 'Content-Type: '
            . pick('application/json', 'text/plain', 'Application/JSON',
                   'application/json; charset=utf-8') . "\r\n" if chance(90);
        return undef;
    }

    $q->{headers} .= pick('Content-Type: text/html', 'Content-Type: ;',
                          'Content-Encoding: br',
                          "Content-Encoding: gzip\r\nContent-Encoding: gzip")
                     . "\r\n";
    return 415;
}


sub frame ($q, $bytes) {
    if ($q->{version} eq '1.1' && chance(30)) {
        $q->{headers} .= "Transfer-Encoding: chunked\r\n";
        $q->{chunked} = 1;
        return chunked($bytes);
    }

    $q->{headers} .= 'Content-Length: ' . length($bytes) . "\r\n";
    return $bytes;
}


sub post ($q) {
    my $path = pick(@posts);
    my $body = $fuzz->body;

    $q->{method} = pick(('POST') x 14, qw(OPTIONS GET PUT HEAD DELETE PATCH));
    my $refusal = first_refusal($q, $path);
    my $bytes = !$refusal && chance(35) ? $fuzz->encode($q, $body)
                                        : $body->{text};

    refused($body, $refusal) if $refusal;

    # nginx checks the length before the module does; strict validation refuses
    # invalid parts.

    if (chance(2)) {
        $bytes = 'x' x (262_145 + rand 100_000);
        refused($body, 413, $refusal // 413);
    }

    push $body->{status}->@*, 400 if $path =~ /strict/;
    push $body->{status}->@*, 413 if length $bytes > 262_144;

    $q->{status} = $body->{status};
    $q->{$_} = $body->{$_} for qw(first n refused);
    $q->{expect} = 1, $q->{headers} .= "Expect: 100-continue\r\n"
        if $q->{version} eq '1.1' && chance(5);
    $q->{body} = frame($q, $bytes);
    $q->{events} = $q->{method} ne 'OPTIONS';
    return $path;
}


sub get ($q) {
    $q->{method} = pick('GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'POST');
    $q->{status} = $q->{method} eq 'OPTIONS' ? [204]
                 : $q->{method} eq 'POST' ? [405] : [200];
    my $path = pick(@gets);

    # ready: something is not exported for a while; format: there are too many
    # scrapes at a time.

    push $q->{status}->@*, 503
        if $path =~ /ready|format/ && $q->{status}[0] == 200;
    $q->{body} = $q->{method} eq 'POST' ? frame($q, 'x' x rand 50) : '';
    return $path;
}


sub request () {
    my $q = { version => chance(8) ? '1.0' : '1.1', headers => '' };
    my $path = chance(80) ? post($q) : get($q);

    $path = "http://localhost$path" if chance(5);
    $q->{last} = $q->{version} eq '1.0' || chance(5);
    $q->{headers} .= "Connection: close\r\n" if $q->{last} && chance(50);
    $q->{last} = 1 if $q->{headers} =~ /^Connection: close/m;
    delete $q->{last} if $q->{version} eq '1.1'
                         && $q->{headers} !~ /^Connection: close/m;

    $q->{head} = "$q->{method} $path HTTP/$q->{version}\r\nHost: localhost\r\n"
                 . $q->{headers} . extra_headers() . "\r\n";
    $q->{bytes} = $q->{head} . $q->{body};

    # Accept asks for a scrape as well, and there may be too many at a time.

    push $q->{status}->@*, 503
        if $path =~ /stats/ && $q->{head} =~ /^Accept: .*text/m
           && $q->{status}[0] == 200;
    return $q;
}


# --- one connection

# Bytes that are no request, or a request whose framing is broken.

sub garbage () {
    # How much of this is taken cannot be known, and a body may be compressed.
    local $fuzz->{prefix} = 'none';
    my $text = request()->{bytes};

    return pick(
        OpenQoE::Fuzz::mutate($text),
        OpenQoE::Fuzz::mutate(substr $text, 0, 200) . $text,
        OpenQoE::Fuzz::bytes(rand 300),
        $text =~ s/\r\n/\n/gr,
        $text =~ s/Content-Length: \d+/pick('Content-Length: -1',
            'Content-Length: 99999999999999999999', 'Content-Length: 1x',
            "Content-Length: 5\r\nContent-Length: 7",
            "Content-Length: 5\r\nTransfer-Encoding: chunked")/er,
        $text =~ s/^(\S+) \S+/"$1 " . pick('*', '\/' x 9000, '\/%', '\/..\/..',
            '\/v2\/events?' . 'a' x 3000, 'http:\/\/', '')/er,
        $text =~ s/\r\n/"\r\nX: " . 'z' x (9000 + rand 40000) . "\r\n"/er,
        $text =~ s/^Host:.*\r\n//mr,
        $text =~ s/\r\n\r\n[0-9a-f]+/"\r\n\r\n" . pick('ffffffffffffffffff',
            '-1', 'g', '7fffffffffffffff', '')/er,
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . OpenQoE::Fuzz::bytes(60),
        "GET /v2/health\r\n",
        "\x16\x03\x01\x02\x00" . OpenQoE::Fuzz::bytes(200));
}


sub connection ($number) {
    my $kind = rand 100;

    if ($kind < 12) {
        my $text = garbage();
        return { steps => [ OpenQoE::Fuzz::pieces($text), [ pause => 0.05 ],
                            [ pick('half', 'half', 'close', 'reset') ] ],
                 want => [], loose => 1, may_end => 1, trace => $text };
    }

    my @want = map { request() } 1 .. (chance(30) ? 1 + rand 6 : 1);

    # Nothing is sent after an answer that ends the connection.  Of a long body
    # nginx may leave the rest unread and close, as after an Expect.

    for my $i (0 .. $#want) {
        next if !$want[$i]{last} && !$want[$i]{expect}
                && !grep { $_ == 413 } $want[$i]{status}->@*;
        $#want = $i;
        last;
    }

    my @steps = map {
        my $q = $_;
        $q->{expect} ? ([ send => $q->{head} ], [ pause => rand 0.05 ],
                        [ send => $q->{body} ]) : [ send => $q->{bytes} ];
    } @want;

    @steps = OpenQoE::Fuzz::pieces(join '', map { $_->[1] } @steps)
        if !grep { $_->{expect} } @want;

    my $gone = chance(20);
    @steps = OpenQoE::Fuzz::cut(@steps) if $gone;

    # A client that has sent all its requests could close its half and still
    # want answers, but nginx takes such a client for one that has gone away,
    # so there is only a pause.

    return { steps => \@steps, want => \@want, may_end => $gone,
             may_hang => 0, trace => join '', map { $_->{head} } @want };
}


# --- answers

# Takes a whole answer out of ->{in}: (status, headers, body), or nothing.

sub answer ($c, $q, $eof) {
    while (1) {
        $c->{in} =~ /\A(.*?\r\n)\r\n/s or return;
        my $at = $+[0];
        my ($status, undef, $headers) = parse_head($1);
        return (0, {}, '') if !defined $status;

        if ($status < 200) {
            substr $c->{in}, 0, $at, '';
            next;
        }

        my $rest = substr $c->{in}, $at;
        my ($body, $used) = ('', 0);

        if (($q->{method} // '') eq 'HEAD' || $status == 204
            || $status == 304)
        {
            # none

        } elsif (($headers->{'transfer-encoding'} // '') eq 'chunked') {
            ($body, $used) = decode_chunked($rest);
            return if !defined $body;

        } elsif (defined(my $n = $headers->{'content-length'})) {
            return if length $rest < $n;
            ($body, $used) = (substr($rest, 0, $n), $n);

        } else {
            return if !$eof;
            ($body, $used) = ($rest, length $rest);
        }

        substr $c->{in}, 0, $at + $used, '';
        return ($status, $headers, $body);
    }
}


sub read_answers ($c, $eof) {
    while (length $c->{in}) {
        my $q = $c->{want}[0];
        my ($status, $headers, $body) = answer($c, $q // {}, $eof)
            or return 0;

        last if !$status;

        if (!$q) {
            $fuzz->wrong($c, "an answer to no request: $status")
                if !$c->{loose};
            $fuzz->answered($status, 0);
            next;
        }

        shift $c->{want}->@*;
        judge($c, $q, $status, $headers, $body);
    }

    return !$c->{loose} && !$c->{want}->@*;
}


sub judge ($c, $q, $status, $headers, $body) {
    $c->{about} = "$q->{method}, answered $status: $body";

    $fuzz->answered($status, $q->{events});
    $fuzz->wrong($c, "status $status, not one of $q->{status}->@*")
        if !grep { $_ == $status } $q->{status}->@*;

    my $json = decode_json_text($body);
    $fuzz->wrong($c, 'the answer is not JSON')
        if $q->{events} && $q->{method} ne 'HEAD' && !ref $json
           && ($headers->{'content-type'} // '') eq 'application/json';

    return if !defined $q->{first};

    my $taken = $status == 202 ? 'ACCEPTED' : 'REFUSED';
    $fuzz->wrong($c, "of $q->{n} events $json->{events_received}")
        if $status == 202 && $json->{events_received} != $q->{n};
    $fuzz->{oracle}->mark(OpenQoE::Oracle->can($taken)->(), $fuzz->{run},
                          $q->{first}, $q->{n});
    delete $q->{first};
}


# A client that went away does not know what became of its other requests.

sub lost ($c) {
    $fuzz->{broken} += $c->{loose} ? 3 : $c->{want}->@*;

    for my $q ($c->{want}->@*) {
        $fuzz->{oracle}->mark(OpenQoE::Oracle::AMBIGUOUS, $fuzz->{run},
                              $q->{first}, $q->{n}) if defined $q->{first};
    }
}


$fuzz->begin;
$fuzz->run(make => \&connection, read => \&read_answers, lost => \&lost);
$fuzz->check('HTTP/1');
$fuzz->end('HTTP/1');

for my $status (qw(200 202 204 400 401 405 413 415)) {
    cmp_ok($fuzz->{status}{$status} // 0, '>', 0,
           "some requests were answered with $status")
        if !defined $ENV{OPENQOE_FUZZ_CASE};
}

done_testing;
