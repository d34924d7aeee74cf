#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# src/export's transports against real servers: what each answer, and each
# failure to answer, makes of a request.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;
use OpenQoE::Peers;

my $CLI = tool('transport_cli');
need('t/tools/transport_cli (OPENQOE_TOOLS)' => $CLI);

my $MODULES = OpenQoE::Peers::node_dir() . '/node_modules';
my $DIR = scratch_dir('transport');
my $CERTS = make_certs();


# --- the payload: an ExportLogsServiceRequest by hand

sub varint ($n) {
    my $out = '';
    while ($n > 127) { $out .= chr($n & 127 | 128); $n >>= 7 }
    return $out . chr $n;
}

sub field ($number, $bytes) {
    return varint($number << 3 | 2) . varint(length $bytes) . $bytes;
}

sub logs_request ($n, $size) {
    my $records = join '', map {
        field(2, field(5, field(1, "event $_ " . 'x' x $size)))
    } 1 .. $n;
    return field(1, field(2, $records));
}

sub json_request ($n) {
    my $records = join ',', map {
        qq({"body":{"stringValue":"event $_"}})
    } 1 .. $n;
    return qq({"resourceLogs":[{"scopeLogs":[{"logRecords":[$records]}]}]});
}

write_file("$DIR/logs.bin", logs_request(10, 100));
write_file("$DIR/logs.json", json_request(10));
write_file("$DIR/large.bin", logs_request(3000, 1000));

my %PAYLOAD = ('http/json' => "$DIR/logs.json", file => "$DIR/logs.json");


# --- peers, and the driver

sub peer ($script, %opt) {
    state $serial = 0;
    my $out = "$DIR/out." . ++$serial;
    my $process = spawn_peer(
        cmd => ['node', OpenQoE::Peers::peers_dir() . "/$script", "out=$out",
                map { "$_=$opt{$_}" } sort keys %opt],
        env => { NODE_PATH => $MODULES }, name => $script);
    my ($port, $control) = split ' ', $process->{ready}[0];
    return { process => $process, port => $port, control => $control,
             out => $out };
}

# Sets a mode; returns the statistics.

sub ask ($peer, $command = undef) {
    my $answer = http_post($peer->{control}, '/',
                           $command ? encode_json_text($command) : '');
    return decode_json_text($answer->{body});
}

# Runs the driver; returns a list of outcomes, each a hash, with the driver's
# other lines in {log} of the first.

sub command ($protocol, %opt) {
    $opt{payload} //= $PAYLOAD{$protocol} // "$DIR/logs.bin";
    my @headers = @{ delete $opt{header} // [] };
    my @valgrind = split ' ', $ENV{OPENQOE_VALGRIND} // '';
    return (@valgrind, $CLI, "protocol=$protocol",
            (map { "header=$_" } @headers),
            map { "$_=$opt{$_}" } sort keys %opt);
}

sub outcomes ($text) {
    my (@outcomes, @log);

    for my $line (split /\n/, $text) {
        if (my ($fields, $message) = $line =~ /^(kind=.*) message=(.*)$/) {
            push @outcomes, { (map { /^(\w+)=(.*)$/ } split / /, $fields),
                              message => $message };
        } else {
            push @log, $line;
        }
    }

    return (\@log, @outcomes);
}

sub drive ($protocol, %opt) {
    my ($rc, $out, $err) = run_cmd({ timeout => 60 },
                                   command($protocol, %opt));
    is("$rc$err", '0', 'the driver exits in order') if "$rc$err" ne '0';
    my ($log, @outcomes) = outcomes($out);
    return { first => $outcomes[0] // {}, all => \@outcomes, log => $log };
}

sub grpc ($peer, %opt) {
    return drive('grpc', url => "http://127.0.0.1:$peer->{port}", %opt);
}

sub http ($peer, %opt) {
    return drive('http/protobuf',
                 url => "http://127.0.0.1:$peer->{port}/v1/logs", %opt);
}

sub outcome_is ($run, $want, $name) {
    my %got = map { $_ => $run->{first}{$_} } keys %$want;
    is_deeply(\%got, $want, $name) or diag explain $run;
}


my $grpc = peer('grpc_server.js');
my $http = peer('http_server.js');
my $h2 = peer('h2_server.js');


subtest 'gRPC: requests that are taken' => sub {
    for my $gzip (0, 1, 9) {
        my $before = ask($grpc)->{items};
        my $run = grpc($grpc, gzip => $gzip);
        outcome_is($run, { kind => 'OK', rejected => 0, grpc => 0, http => 200,
                           error => '', retry_after => -1 },
                   "gRPC, gzip $gzip: a request is taken");
        my $now = ask($grpc);
        is($now->{items} - $before, 10, 'all records arrived');
        is($now->{headers}{'grpc-encoding'}, $gzip ? 'gzip' : undef,
           'grpc-encoding says whether the request is compressed');
        is($now->{headers}{te}, 'trailers', 'te is sent as gRPC asks for');
        is($now->{headers}{'grpc-timeout'}, '10000m', 'grpc-timeout is sent');
        is($now->{headers}{'content-type'}, 'application/grpc',
           'the content type is that of gRPC');
        is($now->{headers}{'user-agent'},
           'OTel-OTLP-Exporter-openqoe-nginx/test',
           'the user agent names the module');
        ok(!exists $now->{headers}{$_},
           "the header $_ is not sent") for qw(expect accept);
    }

    is((read_jsonl($grpc->{out}))[0]{item}{body}{stringValue},
       'event 1 ' . 'x' x 100, 'a record arrives as it was sent');

    for my $signal (qw(traces metrics)) {
        write_file("$DIR/empty.bin", field(1, ''));
        outcome_is(grpc($grpc, signal => $signal, payload => "$DIR/empty.bin"),
                   { kind => 'OK' }, $signal);
        like(ask($grpc)->{headers}{':path'}, qr/\u$signal|Trace/,
             'the path is that of the signal');
    }

    outcome_is(grpc($grpc, payload => "$DIR/large.bin"), { kind => 'OK' },
               'a request of 3 MB is taken');
};


subtest 'gRPC: headers of the operator' => sub {
    my $run = grpc($grpc, header => ['X-Scope-OrgID:1', 'X-Empty:', 'TE:gzip',
        'content-TYPE:text/html', 'grpc-timeout:1S', "x-bad:a\nb", 'a b:c']);
    outcome_is($run, { kind => 'OK' },
               'a request with headers of the operator is taken');
    my $headers = ask($grpc)->{headers};
    is($headers->{'x-scope-orgid'}, '1', 'a header of the operator is sent');
    is($headers->{'x-empty'}, '', 'an empty header is sent empty');
    is($headers->{te}, 'trailers', 'te cannot be replaced');
    is($headers->{'grpc-timeout'}, '10000m', 'grpc-timeout cannot be replaced');
    is(scalar(grep { /is not sent/ } @{ $run->{log} }), 5,
       'each header that is not sent is logged');
};


subtest 'gRPC: status codes' => sub {
    my @names = qw(OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED
        NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED
        FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL
        UNAVAILABLE DATA_LOSS UNAUTHENTICATED);
    my %kind = ((map { $_ => 'RETRY' } qw(1 4 10 11 14 15)),
                (map { $_ => 'HOLD' } qw(2 5 7 12 13 16)));

    for my $code (1 .. 16) {
        ask($grpc, { mode => 'status', code => $code,
                     message => "because \x{e4}\n%" });
        my $run = grpc($grpc);
        outcome_is($run, { kind => $kind{$code} // 'FINAL',
                           grpc => $code, error => $names[$code],
                           retry_after => -1 }, $names[$code]);
        like($run->{first}{message}, qr/^127\.0\.0\.1:\d+: /,
             "the message begins with the collector's address");
        like($run->{first}{message},
             qr/: gRPC status $code $names[$code]: because \xc3\xa4 %$/,
             'the message has the status and its text');
    }

    for my $code (8, 14, 3) {
        ask($grpc, { mode => 'status', code => $code, retry_ms => 1500 });
        outcome_is(grpc($grpc),
                   { kind => $code == 3 ? 'FINAL' : 'RETRY', grpc => $code,
                     retry_after => 1500 },
                   "RetryInfo with code $code is read");
    }

    ask($grpc, { mode => 'partial', rejected => 3, message => 'three' });
    my $run = grpc($grpc);
    outcome_is($run, { kind => 'OK', rejected => 3, error => '' },
               'a partial success counts the rejected records');
    like($run->{first}{message}, qr/: three$/,
         'a partial success has its message');
    ask($grpc, { mode => 'ok' });
};


subtest 'gRPC: answers that no library gives' => sub {
    my @cases = (
        ['no status', {}, 'HOLD', 'no_grpc_status'],
        ['no status, half a frame', { body => '000000' }, 'HOLD',
         'no_grpc_status'],
        ['no status, a whole frame', { body => '0000000000' }, 'OK', ''],
        ['no status, html', { headers => { 'content-type' => 'text/html' },
                              body => '0000000000' },
         'HOLD', 'no_grpc_status'],
        ['status in the headers', { headers => { 'grpc-status' => '7' } },
         'HOLD', 'PERMISSION_DENIED'],
        ['a status from the future', { trailers => { 'grpc-status' => '99' } },
         'HOLD', 'UNKNOWN'],
        ['no number', { trailers => { 'grpc-status' => 'x' } }, 'HOLD',
         'UNKNOWN'],
        ['HTTP 503', { headers => { ':status' => 503, 'retry-after' => '7' } },
         'RETRY', '503'],
        ['HTTP 404', { headers => { ':status' => 404 } }, 'HOLD', '404'],
        ['HTTP 302', { headers => { ':status' => 302, location => '/' } },
         'HOLD', '302'],
        ['RST_STREAM', { mode => 'reset' }, 'RETRY', 'http2'],
    );

    for my $case (@cases) {
        my ($name, $mode, $kind, $error) = @$case;
        ask($h2, { mode => 'headers', %$mode });
        outcome_is(grpc($h2), { kind => $kind, error => $error }, $name);
    }

    ask($h2, { mode => 'goaway' });
    outcome_is(grpc($h2), { kind => 'OK' }, 'a call in flight survives GOAWAY');

    # When RST_STREAM follows at once, libcurl may meet it while it sends and
    # lose the status; then it must not wait, and the request is to be retried.

    for my $mode (qw(stall early)) {
        ask($h2, { mode => $mode, headers => { 'grpc-status' => '8' } });
        my $run = grpc($h2, payload => "$DIR/large.bin", timeout => 8000);
        my $first = $run->{first};
        my $lost = $mode eq 'early' && $first->{error} eq 'http2'
                   && $first->{kind} eq 'RETRY';
        ok($lost || $first->{kind} eq 'FINAL'
                    && $first->{error} eq 'RESOURCE_EXHAUSTED',
           "$mode: a refusal during the upload is read") or diag explain $run;
        cmp_ok($first->{ms}, '<', scaled(5000),
               'a refusal during the upload does not wait for the timeout');
    }

    ask($h2, { mode => 'large', bytes => 20_000_000 });
    outcome_is(grpc($h2), { kind => 'OK', error => '' },
               'a request whose answer is too large was taken');
};


subtest 'gRPC: requests without an answer' => sub {
    my $port = free_port();
    my $run = grpc({ port => $port });
    outcome_is($run, { kind => 'RETRY', error => 'connect', http => 0,
                       grpc => -1 }, 'a closed port is to be retried');
    like($run->{first}{message}, qr/^127\.0\.0\.1:$port: .*connect/i,
         'the message has the address that refused');

    outcome_is(drive('grpc', url => 'http://no-such-host.invalid:4317'),
               { kind => 'RETRY', error => 'resolve' },
               'an unknown host is to be retried');

    ask($grpc, { mode => 'hang' });
    $run = grpc($grpc, timeout => 300);
    outcome_is($run, { kind => 'RETRY', error => 'timeout' },
               'a server that hangs is to be retried');
    like($run->{first}{message}, qr/: no answer within \d+ ms$/,
         'the message says that no answer came in time');

    $run = grpc($grpc, deadline => 200, count => 4, concurrency => 4);
    is(scalar(grep { $_->{error} eq 'timeout' && $_->{ms} < 2000 }
              @{ $run->{all} }), 4,
       'all requests in flight have the same deadline');

    $run = grpc($grpc, abort => 200, count => 8, concurrency => 8);
    like("@{ $run->{log} }", qr/aborted with 8/,
         'destroying the transport aborts its requests in flight');

    ask($grpc, { mode => 'drop' });
    outcome_is(grpc($grpc), { kind => 'RETRY' },
               'a dropped connection is to be retried');

    ask($grpc, { mode => 'goaway' });
    outcome_is(grpc($grpc), { kind => 'OK' },
               'a call in flight survives a graceful GOAWAY');
    ask($grpc, { mode => 'ok' });

    outcome_is(grpc($http, timeout => 2000), { kind => 'RETRY' },
               'a server of HTTP/1.1 is to be retried');
};


subtest 'gRPC: connections are kept' => sub {
    my $before = ask($grpc);
    my $run = grpc($grpc, count => 20, gzip => 1);
    my $now = ask($grpc);

    is(scalar(grep { $_->{kind} eq 'OK' } @{ $run->{all} }), 20,
       '20 requests in a row are taken');
    is($now->{items} - $before->{items}, 200,
       'each of these records arrives once');
    is($now->{connections} - $before->{connections}, 1,
       '20 requests use a single connection');

    $before = $now;
    $run = grpc($grpc, count => 200, concurrency => 8);
    $now = ask($grpc);

    is(scalar(grep { $_->{kind} eq 'OK' } @{ $run->{all} }), 200,
       '200 requests, eight at a time, are taken');
    is($now->{items} - $before->{items}, 2000,
       'each of these records arrives once');
    cmp_ok($now->{connections} - $before->{connections}, '<=', 8,
           'eight requests at a time use eight connections at most');

    # The server sends GOAWAY on the idle connection between two requests.

    $before = $now;
    my $p = spawn(cmd => [command('grpc', count => 2,
        after => "$DIR/closed-grpc",
        url => "http://127.0.0.1:$grpc->{port}")], name => 'idle');
    ok(wait_until(sub { $p->output =~ /kind=OK/ }, 10),
       'the first request is taken');
    ask($grpc, { close => 1 });
    write_file("$DIR/closed-grpc", '');
    is($p->wait(10), 0, 'the driver ends after the second request');
    is(() = $p->output =~ /kind=OK/g, 2,
       'both requests are taken although the connection idled');
    is(ask($grpc)->{items} - $before->{items}, 20,
       'each record of both requests arrives once');
};


subtest 'gRPC: the server is restarted between two requests' => sub {
    my $port = free_port();
    my $server = peer('grpc_server.js', port => $port);
    my $restarted = "$DIR/restarted";
    my $p = spawn(cmd => [command('grpc', count => 2, after => $restarted,
        url => "http://localhost:$port")], name => 'restart');

    ok(wait_until(sub { $p->output =~ /kind=OK/ }, 10),
       'the first request is taken');
    $server->{process}->stop('KILL');
    $server = peer('grpc_server.js', port => $port);
    write_file($restarted, '');

    is($p->wait(20), 0, 'the driver ends after the second request');
    is(() = $p->output =~ /kind=OK/g, 2,
       'both requests are taken although the server restarted')
       or diag $p->output;
    is(ask($server)->{items}, 10, 'the new server gets the second request');

    # Refusals do not cost the connection.

    my $before = ask($server, { mode => 'status', code => 14 });
    my $run = grpc($server, count => 20);
    is(scalar(grep { $_->{error} eq 'UNAVAILABLE' } @{ $run->{all} }), 20,
       'every request is refused as UNAVAILABLE');
    is(ask($server)->{connections} - $before->{connections}, 1,
       'refused requests stay on one connection');
};


subtest 'gRPC: a kept connection that dies is no failure of the export' => sub {
    my %answer = (headers => { 'grpc-status' => '0' });
    my $before = ask($h2, { mode => 'dead', %answer });
    my $run = grpc($h2, count => 3);
    my $now = ask($h2);

    is(scalar(grep { $_->{kind} eq 'OK' } @{ $run->{all} }), 3,
       'each request is delivered at its first report') or diag explain $run;
    is($now->{connections} - $before->{connections}, 3,
       'each dead connection is replaced by a new one');
    is($now->{requests} - $before->{requests}, 5,
       'only the request that was cut is sent once more');

    # A new connection that is cut is a failure of the collector.

    $before = $now;
    ask($h2, { mode => 'dead', cut => 'all', %answer });
    $run = grpc($h2);
    outcome_is($run, { kind => 'RETRY' },
               'a new connection that is cut is reported');
    is(ask($h2)->{requests} - $before->{requests}, 1,
       'a request cut on a new connection is sent once');
    ask($h2, { mode => 'headers', headers => {} });
};


subtest 'HTTP: requests that are taken' => sub {
    for my $gzip (0, 1) {
        for my $case (['http/protobuf', 'application/x-protobuf'],
                      ['http/json', 'application/json'])
        {
            my ($protocol, $type) = @$case;
            my $before = ask($http)->{items};
            my $run = http($http, gzip => $gzip, protocol => $protocol,
                           payload => $PAYLOAD{$protocol} // "$DIR/logs.bin");
            outcome_is($run, { kind => 'OK', http => 200, grpc => -1,
                               error => '' },
                       "$protocol, gzip $gzip: a request is taken");
            my $now = ask($http);
            is($now->{items} - $before, 10, 'all records arrive');
            is($now->{headers}{'content-type'}, $type,
               'the content type is that of the encoding');
            is($now->{headers}{'content-encoding'}, $gzip ? 'gzip' : undef,
               'Content-Encoding says whether the request is compressed');
            ok(!exists $now->{headers}{$_}, "the header $_ is not sent")
                for qw(expect accept transfer-encoding);

            ask($http, { mode => 'partial', rejected => 4, message => 'four' });
            $run = http($http, protocol => $protocol,
                        payload => $PAYLOAD{$protocol} // "$DIR/logs.bin");
            outcome_is($run, { kind => 'OK', rejected => 4 },
                       'a partial success counts the rejected records');
            like($run->{first}{message}, qr/: four$/,
                 'a partial success has its message');
            ask($http, { mode => 'ok' });
        }
    }

    my $before = ask($http);
    http($http, count => 20);
    is(ask($http)->{connections} - $before->{connections}, 1,
       '20 requests use a single connection');

    # The server closes the idle connection between two requests.

    $before = ask($http);
    my $p = spawn(cmd => [command('http/protobuf', count => 2,
        after => "$DIR/closed-http",
        url => "http://127.0.0.1:$http->{port}/v1/logs")], name => 'idle');
    ok(wait_until(sub { $p->output =~ /kind=OK/ }, 10),
       'the first request is taken');
    ask($http, { close => 1 });
    write_file("$DIR/closed-http", '');
    is($p->wait(10), 0, 'the driver ends after the second request');
    is(() = $p->output =~ /kind=OK/g, 2,
       'both requests are taken although the connection idled')
       or diag $p->output;
    is(ask($http)->{items} - $before->{items}, 20,
       'each record of both requests arrives once');
};


subtest 'HTTP: status codes' => sub {
    my %kind = ((map { $_ => 'RETRY' } 429, 502, 503, 504),
                (map { $_ => 'HOLD' } 301, 307, 401, 402, 403, 404, 405, 407,
                                      408, 410, 421, 500, 501, 505, 520));

    for my $code (400, 413, 415, 422, keys %kind)
    {
        ask($http, { mode => 'status', code => $code, body => "no \xff\x01way",
                     location => "http://127.0.0.1:$http->{port}/v1/logs" });
        my $run = http($http);
        outcome_is($run, { kind => $kind{$code} // 'FINAL',
                           http => $code, error => $code, retry_after => -1 },
                   "HTTP status $code has its kind of outcome");
        like($run->{first}{message},
             qr/^127\.0\.0\.1:\d+: HTTP status $code: no /,
             'the message has the address and the status');
        unlike($run->{first}{message}, qr/[^ -~\x80-\xff]/,
               'the message is printable');
    }

    ask($http, { mode => 'status', code => 400, rpc => 'bad ' . 'x' x 140,
                 type => 'application/x-protobuf' });
    like(http($http)->{first}{message}, qr/: HTTP status 400: bad x{140}$/,
         'the message is the text of a google.rpc.Status');

    ask($http, { mode => 'status', code => 503, retry_after => '7' });
    outcome_is(http($http), { kind => 'RETRY', retry_after => 7000 },
               'Retry-After in seconds is read');

    my @t = gmtime(time + 30);
    my $date = sprintf '%s, %02d %s %d %02d:%02d:%02d GMT',
        (qw(Sun Mon Tue Wed Thu Fri Sat))[$t[6]], $t[3],
        (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$t[4]],
        $t[5] + 1900, @t[2, 1, 0];
    ask($http, { mode => 'status', code => 429, retry_after => $date });
    my $run = http($http);
    cmp_ok($run->{first}{retry_after}, '>=', 20000,
           'Retry-After as a date is read');
    cmp_ok($run->{first}{retry_after}, '<=', 30000,
           'the delay of a date counts from now');

    ask($http, { mode => 'early', code => 413 });
    $run = http($http, payload => "$DIR/large.bin", timeout => 8000);
    outcome_is($run, { kind => 'FINAL', http => 413 },
               'a refusal during the upload is read');
    cmp_ok($run->{first}{ms}, '<', scaled(5000),
           'a refusal during the upload does not wait for the timeout');
};


subtest 'HTTP: requests without an answer' => sub {
    outcome_is(drive('http/protobuf', url => 'http://127.0.0.1:'
                     . free_port() . '/v1/logs'),
               { kind => 'RETRY', error => 'connect' },
               'a closed port is to be retried');

    my @cases = (
        ['hang', {}, 'timeout'],
        ['drip', { ms => 10 }, 'timeout'],
        ['rst', {}, 'receive'],
        ['close', {}, 'closed'],
        ['truncate', {}, 'closed'],
    );

    for my $case (@cases) {
        my ($mode, $more, $error) = @$case;
        ask($http, { mode => $mode, %$more });
        my $slow = $error eq 'timeout';
        outcome_is(http($http, timeout => $slow ? 400 : 10000),
                   { kind => 'RETRY', error => $error }, $mode);
    }

    # A request whose success never ends is not repeated for ever.

    for my $mode (qw(drip truncate)) {
        ask($http, { mode => $mode, ms => 10 });
        my $run = http($http, timeout => 1000, count => 6);
        is(join(' ', map { $_->{kind} } @{ $run->{all} }),
           'RETRY RETRY RETRY OK OK OK',
           "$mode: after three answers without an end the next 200 counts");
        like($run->{all}[3]{message}, qr/answers in a row did not end/,
             "$mode: the message says that the answers did not end");
    }

    ask($http, { mode => 'drip', code => 400, ms => 10 });
    outcome_is(http($http, timeout => 400), { kind => 'FINAL', http => 400 },
               'a refusal that never ends is a refusal');

    # The request is never sent again because of its answer's size: the next
    # answer would be as large.

    ask($http, { mode => 'large', bytes => 20_000_000 });
    outcome_is(http($http), { kind => 'OK', error => '' },
               'a request whose answer is too large was taken');

    ask($http, { mode => 'ok' });
};


subtest 'TLS: certificates are verified' => sub {
    my %tls = (tls => "$CERTS->{server},$CERTS->{server_key}");
    my @peers = (
        ['grpc', '', peer('grpc_server.js', %tls),
         peer('grpc_server.js', %tls, client_ca => $CERTS->{ca})],
        ['http/protobuf', '/v1/logs', peer('http_server.js', %tls),
         peer('http_server.js', %tls, client_ca => $CERTS->{ca})],
    );
    my %ca = (ca => $CERTS->{ca});

    for my $row (@peers) {
        my ($protocol, $path, $plain, $mutual) = @$row;
        my $run = sub ($peer, %opt) {
            return drive($protocol, timeout => 5000,
                         url => "https://localhost:$peer->{port}$path", %opt);
        };

        my $good = $run->($plain, %ca, count => 20, gzip => 1);
        outcome_is($good, { kind => 'OK' },
                   "$protocol: a request over verified TLS is taken");
        is(scalar(grep { $_->{kind} eq 'OK' } @{ $good->{all} }), 20,
           'each of 20 requests over TLS is taken');
        is(ask($plain)->{connections}, 1,
           '20 requests over TLS use a single connection');

        outcome_is($run->($plain, verify => 0), { kind => 'OK' },
                   'verification can be switched off');

        my $bad = $run->($plain, ca => $CERTS->{wrong_ca});
        outcome_is($bad, { kind => 'RETRY', error => 'tls_verify' },
                   'a certificate of another authority is refused');
        like($bad->{first}{message}, qr/^localhost:\d+: .*certificate/i,
             'the message names the host and the certificate');

        outcome_is($run->($plain), { kind => 'RETRY', error => 'tls_verify' },
                   "a certificate unknown to the system's store is refused");

        outcome_is($run->($mutual, %ca, cert => $CERTS->{client},
                          key => $CERTS->{client_key}), { kind => 'OK' },
                   'a client certificate is sent');
        outcome_is($run->($mutual, %ca), { kind => 'RETRY' },
                   'a missing client certificate is to be retried');
    }

    for my $name (qw(expired other_host)) {
        my $peer = peer('http_server.js',
                        tls => "$CERTS->{$name},$CERTS->{\"${name}_key\"}");
        outcome_is(drive('http/protobuf', %ca,
                         url => "https://localhost:$peer->{port}/v1/logs"),
                   { kind => 'RETRY', error => 'tls_verify' }, $name);
    }

    my $old = peer('http_server.js', %tls);
    ask($old, { mode => 'status', code => 200 });
    outcome_is(drive('grpc', %ca, url => "https://localhost:$old->{port}"),
               { kind => 'RETRY', error => 'no_http2' },
               'gRPC over TLS to a server of HTTP/1.1 is to be retried');
};


subtest 'file: several processes write lines to it' => sub {
    my $file = "$DIR/otlp.jsonl";
    my $line = slurp("$DIR/logs.json");

    my @p = map { spawn(cmd => [command('file', url => $file, count => 200,
                                        concurrency => 4)]) } 1 .. 4;
    is($_->wait(30), 0, 'a process that writes the file ends well') for @p;

    my @lines = split /\n/, slurp($file), -1;
    is(pop @lines, '', 'the file ends with a newline');
    is(scalar @lines, 800, 'all lines of all processes are in the file');
    is(scalar(grep { $_ ne $line } @lines), 0, 'no line is torn');
    is((stat $file)[2] & 07777, 0640, 'the file has the mode 0640');

    my $run = drive('file', url => "$DIR/none/otlp.jsonl");
    outcome_is($run, { kind => 'RETRY', error => 'file' },
               'a file in a missing directory is to be retried');
    like($run->{first}{message}, qr/No such file/,
         'the message says that the directory is missing');

    my $part = 2 * (length($line) + 1) + 10;
    $run = drive('file', url => "$DIR/full.jsonl", fsize => $part, count => 3);
    is($run->{all}[2]{kind}, 'RETRY',
       'a line for which there is no room is to be retried');
    like($run->{all}[2]{message}, qr/File too large/,
         'the message says that the file is too large');
    is(slurp("$DIR/full.jsonl"), "$line\n$line\n",
       'a file without room keeps two whole lines');
};


subtest 'wrong URLs are refused at the start' => sub {
    for my $url ('ftp://127.0.0.1/', 'http://', 'http://127.0.0.1:4317/path') {
        my $run = drive_raw('grpc', url => $url);
        like($run, qr/^log=0 .*\ncreate failed\n/, $url);
    }

    like(drive_raw('grpc'), qr/^send failed$/m,
         'a request for a signal without a URL is not sent');
};

sub drive_raw ($protocol, %opt) {
    my ($rc, $out) = run_cmd(command($protocol, %opt));
    isnt($rc, '0', 'a wrong URL makes the driver fail');
    return $out;
}


subtest 'an idle transport takes no CPU time' => sub {
    my $p = spawn(cmd => [command('grpc', idle => scaled(2500),
        url => "http://127.0.0.1:$grpc->{port}")], name => 'sleeper');
    my $ticks = sub {
        my @stat = split ' ', slurp('/proc/' . $p->pid . '/stat')
                              =~ s/.*\) //r;
        return $stat[11] + $stat[12];
    };

    sleep scaled(1);
    my $before = $ticks->();
    sleep 1;
    cmp_ok($ticks->() - $before, '<=', 1,
           'a transport with nothing to do takes at most a tick of CPU a '
           . 'second');
    is($p->wait(10), 0, 'the driver ends');
};


ok($_->{process}->stop, 'the peer exits in order') for $grpc, $http, $h2;

done_testing;
