package OpenQoE::HTTP;

# Copyright (C) OpenQoE
#
# A small HTTP/1.1 client on a raw socket that shows everything (status,
# headers, resets), and a wrapper of curl for TLS and HTTP/2.

use v5.36;

use Exporter qw(import);
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

use OpenQoE::Process qw(scaled run_cmd slurp);

our @EXPORT_OK = qw(http_request http_get http_post curl parse_head
                    decode_chunked);


# new(port) or new(port, timeout => seconds, host => address): a connection,
# opened at the first request and kept alive

sub new ($class, $port, %opt) {
    return bless { port => $port, host => '127.0.0.1', timeout => 10, %opt,
                   in => '' }, $class;
}


sub connect ($self) {
    return $self->{sock} if $self->{sock};

    $self->{in} = '';
    $self->{sock} = IO::Socket::INET->new(PeerAddr => $self->{host},
                                          PeerPort => $self->{port},
                                          Proto => 'tcp',
                                          Timeout => scaled($self->{timeout}));
    return $self->{sock};
}


sub close ($self) {
    $self->{sock}->close if $self->{sock};
    $self->{sock} = undef;
}


# Sends bytes as they are; returns false when the peer has gone.

sub send_raw ($self, $bytes) {
    my $sock = $self->connect or return 0;
    my $sent = 0;

    local $SIG{PIPE} = 'IGNORE';

    while ($sent < length $bytes) {
        my $n = syswrite $sock, $bytes, 65536, $sent;
        return 0 if !defined $n;
        $sent += $n;
    }

    return 1;
}


# Reads one more piece of input; returns false at the end, on an error and
# after the time.

sub fill ($self, $end) {
    my $left = $end - time;
    return 0 if $left <= 0 || !$self->{sock};
    return 0 if !IO::Select->new($self->{sock})->can_read($left);

    my $n = sysread $self->{sock}, $self->{in}, 65536, length $self->{in};
    return $n;
}


# "status line and headers" -> (status, reason, { name => value }); repeated
# headers are joined by ", "

sub parse_head ($head) {
    my ($first, @lines) = split /\r\n/, $head;
    my %headers;

    my ($status, $reason) = ($first // '') =~ m{^HTTP/[\d.]+ (\d+) ?(.*)};

    for my $line (@lines) {
        my ($name, $value) = $line =~ /^([^:]+):\s*(.*?)\s*$/ or next;
        $name = lc $name;
        $headers{$name} = defined $headers{$name}
                          ? "$headers{$name}, $value" : $value;
    }

    return ($status, $reason, \%headers);
}


# (body, bytes consumed), or nothing while the last chunk has not come

sub decode_chunked ($raw) {
    my $body = '';

    pos($raw) = 0;
    while ($raw =~ /\G([0-9a-fA-F]+)[^\r\n]*\r\n/gc) {
        my $size = hex $1;
        my $at = pos $raw;

        if ($size == 0) {
            return ($body, pos $raw) if $raw =~ /\G(?:[^\r\n]+\r\n)*\r\n/gc;
            return;
        }

        return if length($raw) < $at + $size + 2;
        $body .= substr $raw, $at, $size;
        pos($raw) = $at + $size + 2;
    }

    return;
}


# The next response: { status, reason, headers, raw_headers, body }, undef
# when the connection ends before it is complete.

sub read_response ($self, %opt) {
    my $end = time + scaled($opt{timeout} // $self->{timeout});
    my ($head, $status, $reason, $headers);

    do {
        while ($self->{in} !~ /\r\n\r\n/) {
            $self->fill($end) or return $self->close;
        }
        $self->{in} =~ s/\A(.*?\r\n)\r\n//s;
        $head = $1;
        ($status, $reason, $headers) = parse_head($head);
        return $self->close if !defined $status;
    } while ($status >= 100 && $status < 200 && $status != 101);

    my $body = $self->read_body($status, $headers, $opt{head}, $end);
    return $self->close if !defined $body;

    $self->close if lc($headers->{connection} // '') eq 'close';

    return { status => $status, reason => $reason, headers => $headers,
             raw_headers => $head, body => $body };
}


sub read_body ($self, $status, $headers, $head_only, $end) {
    my $length = $headers->{'content-length'};

    return '' if $head_only || $status == 204 || $status == 304
                 || $status == 101;

    if (($headers->{'transfer-encoding'} // '') =~ /chunked/i) {
        while (1) {
            my ($body, $used) = decode_chunked($self->{in});
            if (defined $body) {
                substr $self->{in}, 0, $used, '';
                return $body;
            }
            $self->fill($end) or return undef;
        }
    }

    if (!defined $length) {
        1 while $self->fill($end);
        my $body = $self->{in};
        $self->{in} = '';
        return $body;
    }

    while (length $self->{in} < $length) {
        $self->fill($end) or return undef;
    }

    return substr $self->{in}, 0, $length, '';
}


# request(METHOD, path, headers => { } or [name, value, ...], body => bytes)
# A header whose value is undef is left out, Host and Content-Length too.

sub request ($self, $method, $path, %opt) {
    my @list = ref $opt{headers} eq 'ARRAY' ? @{ $opt{headers} }
                                            : %{ $opt{headers} // {} };
    my $bytes = "$method $path HTTP/1.1\r\n";
    my $body = $opt{body};
    my %seen;

    while (my ($name, $value) = splice @list, 0, 2) {
        $seen{ lc $name } = 1;
        $bytes .= "$name: $value\r\n" if defined $value;
    }

    $bytes .= "Host: localhost\r\n" if !$seen{host};
    if (defined $body && !$seen{'content-length'}
        && !$seen{'transfer-encoding'})
    {
        $bytes .= "Content-Length: " . length($body) . "\r\n";
    }

    # A server may refuse early and close: read the answer all the same.
    $self->send_raw("$bytes\r\n" . ($body // ''));

    return $self->read_response(%opt, head => $method eq 'HEAD');
}


# A single request on a connection of its own.

sub http_request ($port, $method, $path, %opt) {
    my $client = __PACKAGE__->new($port, timeout => $opt{timeout} // 10);
    my $response = $client->request($method, $path, %opt);
    $client->close;
    return $response;
}


sub http_get ($port, $path, %opt) { http_request($port, 'GET', $path, %opt) }


sub http_post ($port, $path, $body, %opt) {
    my %headers = ('Content-Type' => 'application/json',
                   %{ $opt{headers} // {} });
    return http_request($port, 'POST', $path, %opt, body => $body,
                        headers => \%headers);
}


# curl(args..., url): { rc, status, version, headers, body, stderr }

sub curl (@args) {
    my $dir = File::Temp->newdir('openqoe-curl-XXXXXX', TMPDIR => 1);
    my ($rc, $out, $err) =
        run_cmd({ timeout => 60 }, 'curl', '-sS', '-D', "$dir/head", '-o',
                "$dir/body", '-w', '%{http_code} %{http_version}', @args);
    my ($status, $version) = split ' ', $out;

    # The last block of headers: earlier ones are 1xx or redirects.
    my @blocks = split /\r\n\r\n/, slurp("$dir/head");
    my $head = $blocks[-1] // '';
    my (undef, undef, $headers) = parse_head($head);

    return { rc => $rc eq 'timeout' ? -1 : $rc >> 8, status => $status,
             version => $version, headers => $headers, raw_headers => $head,
             body => slurp("$dir/body"), stderr => $err };
}


1;
