package Test::Nginx::Socket::Request;

# Copyright (C) OpenQoE
#
# From the request sections of a block to bytes on the wire, and back to a
# response.

use v5.36;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use Text::ParseWords qw(shellwords);
use Time::HiRes qw(sleep time);

use OpenQoE::HTTP qw(parse_head decode_chunked);
use OpenQoE::Process qw(run_cmd scaled wait_until);

our @EXPORT_OK = qw(requests_of send_bits parse_response send_by_curl
                    parse_time);


sub parse_time ($text) {
    return undef if !defined $text;
    return $1 / 1000 if $text =~ /^([\d.]+)ms$/;
    return $text =~ s/s$//r;
}


# "name: value" lines with CRLF, and whether the body is already chunked.

sub header_lines ($text) {
    my ($lines, $chunked) = ('', 0);

    for my $line (grep { !/^\s*#/ } split /\n+/, $text // '') {
        my ($name, $value) = split /:\s*/, $line, 2;
        $value //= '';
        $chunked = 1 if lc $name eq 'transfer-encoding'
                        && $value eq 'chunked';
        $lines .= "$name: $value\r\n";
    }

    return ($lines, $chunked);
}


# One request of the form "METHOD [url [version]]\nbody".  White space around
# the body goes, unless its length was given or it is chunked.

sub build ($block, $text, $more, $connection, $host) {
    my ($line, $body) = split /\n/, $text, 2;
    my ($method, $url, $version) = split ' ', $line;
    my ($headers, $chunked) = header_lines($more);
    my $length = '';

    $url //= '/';
    $version //= 'HTTP/1.1';
    $body //= '';

    if (!$chunked && $body ne '' && $headers !~ /^Content-Length:/m) {
        $body =~ s/\A\s+|\s+\z//g;
        $length = 'Content-Length: ' . length($body) . "\r\n";
    }

    my $head = "$method $url $version\r\n";
    $head .= "Host: $host\r\n" if $headers !~ /^Host:/mi;
    $head .= "Connection: $connection\r\n" if $headers !~ /^Connection/mi;

    return { head => "$head$headers$length\r\n", body => $body,
             method => $method, url => $url, headers => $headers };
}


# A request given as packets is cut where they were cut.

sub cut ($request, $packets) {
    my @bits = map { ref $_ ? { %$_ } : { value => $_ } } @$packets;
    my $all = $request->{head} . $request->{body};
    my $rest = 0;

    $rest += length $_->{value} for @bits[1 .. $#bits];
    $rest = length $request->{body} if $rest > length $request->{body};

    my $at = length($all) - $rest;
    $bits[0]{value} = substr $all, 0, $at;
    for my $bit (@bits[1 .. $#bits]) {
        my $n = length $bit->{value};
        $bit->{value} = $at < length $all ? substr $all, $at, $n : '';
        $at += $n;
    }

    return @bits;
}


# The requests of a block: [ { bits => [ { value, delay_before, delay_after }
# ], count => responses on this connection, ... } ]

sub requests_of ($block, $host) {
    my $more = $block->more_headers;
    my $raw = $block->raw_request;

    if (defined $raw) {
        my @bits = map { { value => $_ } } ref $raw ? @$raw : $raw;
        my $delay = parse_time($block->raw_request_middle_delay);
        if ($delay) {
            $_->{delay_before} = $delay for @bits[1 .. $#bits];
        }
        return { bits => \@bits, count => 1,
                 method => $bits[0]{value} =~ /^(\w+)/ ? $1 : '' };
    }

    my $of = sub ($i) { ref $more ? $more->[$i] : $more };
    my $pipelined = $block->pipelined_requests;

    if (defined $pipelined) {
        my $last = $#$pipelined;
        my @all = map { build($block, $pipelined->[$_], $of->($_),
                              $_ < $last ? 'keep-alive' : 'close', $host)
                      } 0 .. $last;
        return { bits => [ { value => join '', map { $_->{head} . $_->{body} }
                                                   @all } ],
                 count => scalar @all, method => $all[0]{method} };
    }

    my $request = $block->request;
    die "no --- request\n" if !defined $request;

    if (!ref $request) {
        1 while $request =~ s/\A(?:\s*#[^\n]+\s+|\s+)//;
        $request = [ $request ];
    }

    my $i = 0;
    return map { one($block, $_, $of->($i++), $host) } @$request;
}


sub one ($block, $request, $more, $host) {
    my $text = join '', map { ref $_ eq 'HASH' ? $_->{value} : $_ }
                        ref $request ? @$request : $request;
    my $built = build($block, $text, $more, 'close', $host);

    $built->{count} = 1;
    $built->{bits} = ref $request ? [ cut($built, $request) ]
                     : [ { value => $built->{head} . $built->{body} } ];
    return $built;
}


# Sends the pieces and reads to the end of the connection.  Returns the bytes
# and an error text (undef when all went well).

sub send_bits ($port, $bits, $timeout) {
    my $sock = wait_until(sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
                              Proto => 'tcp', Timeout => 2);
    }, 5);
    return ('', "can not connect to port $port: $!") if !$sock;

    my ($in, $end) = ('', time + scaled($timeout));
    my $select = IO::Select->new($sock);

    local $SIG{PIPE} = 'IGNORE';
    $sock->blocking(0);

    for my $bit (@$bits) {
        sleep $bit->{delay_before} if $bit->{delay_before};

        my $sent = 0;
        while ($sent < length $bit->{value}) {
            return ($in, 'timed out') if time >= $end;
            # A server that refuses early answers while we still send.
            my $n = syswrite $sock, $bit->{value}, 65536, $sent;
            if (defined $n) {
                $sent += $n;
            } elsif ($!{EAGAIN}) {
                $select->can_write(0.05);
            } else {
                last;
            }
        }
        sleep $bit->{delay_after} if $bit->{delay_after};
    }

    while (1) {
        my $left = $end - time;
        return ($in, 'timed out') if $left <= 0;
        next if !$select->can_read($left);

        my $n = sysread $sock, $in, 65536, length $in;
        next if !defined $n && $!{EAGAIN};
        last if !$n;
    }

    return ($in, undef);
}


# The first response in the bytes: ({ status, headers, raw_headers, body },
# what is left, error)

sub parse_response ($raw, $is_head) {
    return (undef, '', 'no response') if $raw eq '';
    return (undef, '', 'no complete header')
        if $raw !~ s/\A(.*?\r\n)\r\n//s;

    my $head = $1;
    my ($status, $reason, $headers) = parse_head($head);
    my $r = { status => $status, reason => $reason, headers => $headers,
              raw_headers => $head, body => '' };

    return parse_response($raw, $is_head) if ($status // 0) == 100;

    my $length = $headers->{'content-length'};

    if ($is_head || ($status // 0) =~ /^(?:101|204|304)$/) {
        return ($r, $raw, undef);
    }

    if (($headers->{'transfer-encoding'} // '') eq 'chunked') {
        my ($body, $used) = decode_chunked($raw);
        return ($r, '', 'bad or unfinished chunks') if !defined $body;
        $r->{body} = $body;
        return ($r, substr($raw, $used), undef);
    }

    if (defined $length && $length =~ /^\d+$/) {
        $r->{body} = substr $raw, 0, $length;
        return ($r, '', "body truncated: $length expected, "
                        . length($raw) . ' received')
            if length $raw < $length;
        return ($r, substr($raw, $length), undef);
    }

    $r->{body} = $raw;
    return ($r, '', undef);
}


# http2 and other protocols: by curl, as the bytes of an HTTP/1 response

sub send_by_curl ($block, $request, $port, $timeout) {
    my $scheme = $block->curl_protocol // 'http';
    my @cmd = ('curl', '-i', '-sS', '-X', $request->{method});

    push @cmd, '-I' if $request->{method} eq 'HEAD';
    push @cmd, '--http2-prior-knowledge'
        if defined $block->http2 && $scheme eq 'http';
    push @cmd, '--http2' if defined $block->http2 && $scheme ne 'http';
    push @cmd, '-H', $_ for split /\r\n/, $request->{headers};
    push @cmd, '-H', 'Content-Type:'
        if $request->{headers} !~ /^Content-Type:/mi;
    push @cmd, '--data-binary', $request->{body} if $request->{body} ne '';
    push @cmd, shellwords($block->curl_options // '');
    push @cmd, "$scheme://127.0.0.1:$port$request->{url}";

    my ($rc, $out, $err) = run_cmd({ timeout => $timeout }, @cmd);
    return ($out, $rc eq '0' ? undef : "curl: $err");
}


1;
