# From POST /v2/events to a receiver that others wrote, and each way in which
# that receiver may fail: what is retried, what is dropped, what is told.

use lib 't/lib';
use OpenQoE::NodePeer;
use OpenQoE::Test;

my $oq_uuid = qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
my $certs = make_certs();


# nginx with one worker, so one lane: requests follow one another.

sub nginx_for ($peer, %opt) {
    return OpenQoE::Nginx->new(workers => 1,
                               exporter => exporter($peer, %opt))->start;
}


sub exporter ($peer, %opt) {
    my $protocol = $opt{protocol}
        // ($peer->{script} =~ /http/ ? 'http/protobuf' : 'grpc');

    return 'endpoint ' . $peer->url . "; protocol $protocol; interval 50ms;"
           . ' timeout 2s; ' . ($opt{conf} // '');
}


sub stats ($nginx) {
    return decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
}


sub health ($nginx) {
    return decode_json_text(http_get($nginx->port, '/v2/health')->{body});
}


sub exporter_health ($nginx) { health($nginx)->{dependencies}{exporter} }


# What the exporter counted: a flat hash.

sub counted ($nginx) {
    my $e = stats($nginx)->{exporter};
    return { exported => $e->{exported}, rejected => $e->{rejected},
             %{ $e->{dropped} }, map { $_ => $e->{batches}{$_} }
                                     qw(sent retried failed) };
}


sub wait_counted ($nginx, $name, $n, $timeout = 10) {
    return wait_until(sub { counted($nginx)->{$name} >= $n }, $timeout);
}


# One request of n events; the oracle is told, if there is one.

sub post ($nginx, $n, $oracle = undef) {
    my $events = batch($n);
    my $answer = http_post($nginx->port, '/v2/events', batch_json($events));

    $oracle->note($events, $answer) if $oracle;
    return ($answer // { status => 0 })->{status};
}


# The end of most scenarios: all arrived, nothing comes a second time.

sub finish ($nginx, $peer, $oracle, $name, $timeout = 20) {
    $oracle->wait_delivered($peer->file, $timeout);
    ok($nginx->stop, 'quits');
    $oracle->delivered_file($peer->file);
    $oracle->is_exactly_once($name);
    $nginx->no_errors;
}


sub log_lines ($nginx, $pattern) {
    return grep { /$pattern/ } split /^/, $nginx->error_log;
}


sub attributes ($list) {
    return { map { $_->{key} => $_->{value}{stringValue} } @{ $list // [] } };
}


for my $script ('grpc_server.js', 'http_server.js') {
    my $grpc = $script =~ /grpc/;

    subtest "$script: what arrives" => sub {
        my $peer = OpenQoE::NodePeer->new($script)->start;
        my $oracle = OpenQoE::Oracle->new;
        my $nginx = nginx_for($peer, conf => 'header X-Scope-OrgID tenant-3;'
            . ' header Authorization "Basic dTpw";'
            . ' resource deployment.environment prod;'
            . ' resource host.name edge-7;');

        post($nginx, 25, $oracle) for 1 .. 4;
        finish($nginx, $peer, $oracle, 'four requests');

        my $headers = $peer->stats->{headers};
        is($headers->{'x-scope-orgid'}, 'tenant-3', 'X-Scope-OrgID');
        is($headers->{authorization}, 'Basic dTpw', 'Authorization');
        like($headers->{'user-agent'},
             qr{^OTel-OTLP-Exporter-openqoe-nginx/\d+\.\d}, 'User-Agent');
        is($headers->{ $grpc ? 'grpc-encoding' : 'content-encoding' }, 'gzip',
           'compressed');
        is($headers->{'content-type'}, $grpc ? 'application/grpc'
                                             : 'application/x-protobuf',
           'type');

        my @items = grep { defined $_->{item}{eventName} }
                    read_jsonl($peer->file);
        my $resource = attributes($items[0]{resource}{attributes});
        is(scalar @items, 100, 'a log record an event');
        is($resource->{'service.name'}, 'openQoE-worker', 'service.name');
        like($resource->{'service.instance.id'}, $oq_uuid,
             'service.instance.id');
        is($resource->{'deployment.environment'}, 'prod', 'an attribute');
        is($resource->{'host.name'}, 'edge-7', 'one that replaces ours');
        is($items[0]{item}{eventName}, 'openqoe.heartbeat', 'event name');
    };
}


subtest 'not compressed' => sub {
    my $peer = OpenQoE::NodePeer->new('http_server.js')->start;
    my $oracle = OpenQoE::Oracle->new;
    my $nginx = nginx_for($peer, protocol => 'http/json',
                          conf => 'compression none;');

    post($nginx, 5, $oracle);
    finish($nginx, $peer, $oracle, 'http/json');

    my $headers = $peer->stats->{headers};
    is($headers->{'content-encoding'}, undef, 'no Content-Encoding');
    is($headers->{'content-type'}, 'application/json', 'type');
};


subtest 'compression_level' => sub {
    my %length;
    my $events = batch(200);

    for my $level (1, 6, 9) {
        my $peer = OpenQoE::NodePeer->new('http_server.js')->start;
        my $nginx = nginx_for($peer, protocol => 'http/protobuf',
                              conf => "compression_level $level;"
                                      . ' signals logs;');

        is(http_post($nginx->port, '/v2/events',
                     batch_json($events))->{status}, 202, 'taken');
        ok(wait_until(sub { ($peer->stats->{items} // 0) >= 200 }, 10),
           "level $level: delivered");
        $length{$level} = $peer->stats->{headers}{'content-length'};
        ok($nginx->stop, 'stops');
        $nginx->no_errors;
    }

    cmp_ok($length{1}, '>', $length{6}, 'level 6 takes less than 1');
    cmp_ok($length{6}, '>=', $length{9}, 'and 9 no more than that');
};


# A receiver that refuses for a while: kept, sent again, told, healed.

my @retries = (
    ['grpc_server.js', 'UNAVAILABLE', mode => 'status', code => 14,
     message => 'not yet'],
    ['grpc_server.js', 'no grpc-status: connection reset', mode => 'drop'],
    ['http_server.js', '503', mode => 'status', code => 503],
    ['http_server.js', '502', mode => 'status', code => 502],
    ['http_server.js', 'closed without an answer', mode => 'close'],
    ['http_server.js', 'hangs, timeout', mode => 'hang'],
);

for my $case (@retries) {
    my ($script, $name, %mode) = @$case;

    subtest "$script: $name, then OK" => sub {
        my $peer = OpenQoE::NodePeer->new($script)->start;
        my $oracle = OpenQoE::Oracle->new;
        my $nginx = nginx_for($peer);

        $peer->mode(%mode);
        is(post($nginx, 10, $oracle), 202, 'accepted') for 1 .. 3;
        ok(wait_counted($nginx, 'retried', 1), 'tried again');
        is(post($nginx, 10, $oracle), 202, 'accepted while it fails');

        my $health = exporter_health($nginx);
        is($health->{status}, 'degraded', 'degraded');
        isnt($health->{last_error} // '', '', 'last_error');
        like($health->{last_error}, qr/$name/, 'names it')
            if $name =~ /^(?:UNAVAILABLE|\d+)$/;
        is($health->{last_success}, undef, 'no success so far');

        $peer->mode(mode => 'ok');
        $oracle->wait_delivered($peer->file, 20);
        ok(wait_until(sub { health($nginx)->{status} eq 'healthy' }),
           'healthy again');

        my $counted = counted($nginx);
        is($counted->{exported}, 40, 'exported');
        is($counted->{refused} + $counted->{rejected} + $counted->{failed}, 0,
           'nothing dropped');
        like($nginx->error_log, qr/takes events again, after \d+ fail/,
             'the log tells the end of it');
        finish($nginx, $peer, $oracle, 'nothing lost, nothing twice');
    };
}


# ... that says how long to wait.  The jittered backoff of a first failure is
# a second at most.

my @waits = (
    ['grpc_server.js', 'RESOURCE_EXHAUSTED with RetryInfo', mode => 'status',
     code => 8, retry_ms => 2500],
    ['http_server.js', '429 with Retry-After', mode => 'status', code => 429,
     retry_after => '3'],
);

for my $case (@waits) {
    my ($script, $name, %mode) = @$case;

    subtest "$script: $name" => sub {
        my $peer = OpenQoE::NodePeer->new($script)->start;
        my $oracle = OpenQoE::Oracle->new;
        my $nginx = nginx_for($peer);

        $peer->mode(%mode);
        post($nginx, 10, $oracle);
        ok($peer->wait_requests(1), 'one attempt');

        my $start = time;
        $peer->mode(mode => 'ok');
        post($nginx, 10, $oracle);
        sleep 1.7;
        my $requests = $peer->stats->{requests};
        ok($requests == 1 || time - $start > 2.3, 'none before the time told');
        $oracle->wait_delivered($peer->file, 20);
        my $took = time - $start;
        cmp_ok($took, '>=', 2.3, 'waits as it was told');
        cmp_ok($took, '<', 3 + scaled(7), 'and not for longer');
        is(counted($nginx)->{retried}, 1, 'one retry');
        finish($nginx, $peer, $oracle, 'nothing lost, nothing twice');
    };
}


# A receiver that refuses for good: dropped, counted, told once a second; what
# comes later passes.

my @finals = (
    ['grpc_server.js', 'INVALID_ARGUMENT', mode => 'status', code => 3,
     message => 'no such field'],
    ['grpc_server.js', 'RESOURCE_EXHAUSTED', mode => 'status', code => 8],
    ['http_server.js', '400', mode => 'status', code => 400],
    ['http_server.js', '413', mode => 'status', code => 413],
);

for my $case (@finals) {
    my ($script, $name, %mode) = @$case;

    subtest "$script: $name" => sub {
        my $peer = OpenQoE::NodePeer->new($script)->start;
        my $oracle = OpenQoE::Oracle->new;
        my $nginx = nginx_for($peer);
        my $start = time;

        $peer->mode(%mode);

        for my $n (1 .. 8) {
            is(post($nginx, 5), 202, 'accepted');
            $peer->wait_requests($n);
        }

        ok(wait_counted($nginx, 'refused', 40), 'counted as dropped');
        my $seconds = time - $start;

        my $counted = counted($nginx);
        is_deeply($counted, { exported => 0, rejected => 0, refused => 40,
            corrupt => 0, spool => 0, behind => 0, removed => 0, lost => 0,
            sent => 0, retried => 0, failed => 8 },
            'and as nothing else');
        is($peer->stats->{requests}, 8, 'each was sent once');
        is(stats($nginx)->{queue}{used}, 0, 'none is kept');

        my @lines = log_lines($nginx, qr/refused them for good/);
        cmp_ok(scalar @lines, '>=', 1, 'logged');
        cmp_ok(scalar @lines, '<=', 1 + int $seconds, 'once a second at most');
        like($lines[0], qr/5 events dropped.*\b$name\b/, 'what and why');
        like(exporter_health($nginx)->{last_error}, qr/\b$name\b/,
             'last_error');

        $peer->mode(mode => 'ok');
        post($nginx, 5, $oracle);
        finish($nginx, $peer, $oracle, 'a later batch passes');
    };
}


for my $script ('grpc_server.js', 'http_server.js') {
    subtest "$script: partial success" => sub {
        my $peer = OpenQoE::NodePeer->new($script)->start;
        my $nginx = nginx_for($peer);

        $peer->mode(mode => 'partial', rejected => 3, message => 'too old');
        post($nginx, 10);
        ok(wait_counted($nginx, 'rejected', 3), 'rejected ones are counted');
        sleep 1.5;
        is($peer->stats->{requests}, 1, 'and never sent again');

        my $counted = counted($nginx);
        is_deeply($counted, { exported => 7, rejected => 3, refused => 0,
            corrupt => 0, spool => 0, behind => 0, removed => 0, lost => 0,
            sent => 1, retried => 0, failed => 0 }, 'sums');
        like($nginx->error_log, qr/rejected 3 of 10 events.*too old/,
             'the message is logged');
        is(health($nginx)->{status}, 'healthy', 'no failure');

        # no more than there was, whatever the receiver says

        $peer->mode(mode => 'partial', rejected => 1000);
        post($nginx, 10);
        ok(wait_counted($nginx, 'rejected', 13), 'all of the second');
        is(counted($nginx)->{exported}, 7, 'the sums hold');
        ok($nginx->stop, 'quits');
        $nginx->no_errors;
    };
}


subtest 'h2_server.js: an answer without grpc-status' => sub {
    my $peer = OpenQoE::NodePeer->new('h2_server.js')->start;
    my $nginx = nginx_for($peer);

    $peer->mode(mode => 'headers', headers => {});
    post($nginx, 10);
    ok(wait_counted($nginx, 'retried', 1), 'is no success');
    like(exporter_health($nginx)->{last_error}, qr/grpc-status/, 'last_error');
    is(counted($nginx)->{exported}, 0, 'nothing counted as exported');

    $peer->mode(mode => 'headers', body => '0000000000',
                trailers => { 'grpc-status' => '0' });
    ok(wait_counted($nginx, 'exported', 10), 'sent again');
    ok($nginx->stop, 'quits');
    $nginx->no_errors;
};


for my $script ('grpc_server.js', 'http_server.js') {
    subtest "$script: down at the start, up, restarted" => sub {
        my $peer = OpenQoE::NodePeer->new($script);
        my $oracle = OpenQoE::Oracle->new;
        my $nginx = nginx_for($peer);

        is(health($nginx)->{status}, 'healthy', 'nothing was tried yet');
        is(post($nginx, 10, $oracle), 202, 'accepted without a server');
        ok(wait_until(sub { health($nginx)->{status} eq 'degraded' }),
           'degraded');
        like(exporter_health($nginx)->{last_error},
             qr/localhost:$peer->{port}: .*connect/i, 'who and why');

        $peer->start;
        $oracle->wait_delivered($peer->file, 20);
        is($oracle->report->{missing}, 0, 'delivered once it is up');

        ok($peer->stop, 'the server stops');
        post($nginx, 10, $oracle) for 1 .. 3;
        ok(wait_counted($nginx, 'retried', 2), 'tried in vain');
        $peer->start;
        finish($nginx, $peer, $oracle, 'nothing lost, nothing twice');
    };
}


subtest 'grpc_server.js: restarted under load' => sub {
    my $load_tool = tool('load') or plan(skip_all => 'needs load');
    my $peer = OpenQoE::NodePeer->new('grpc_server.js')->start;
    my $oracle = OpenQoE::Oracle->new;
    my $nginx = nginx_for($peer, conf => 'batch_size 100;');
    my $load = load($nginx, d => 5, c => 4, n => 5, r => 100);

    for (1 .. 2) {
        sleep 1;
        $peer->stop('KILL');
        sleep 0.3;
        $peer->start;
    }

    $load->wait(scaled(20));
    $oracle->load_file($load->{ids});
    $oracle->wait_delivered($peer->file, 30);
    sleep 1;
    $oracle->delivered_file($peer->file);

    # each death leaves what was in flight unanswered: 4 batches at most
    $oracle->is_at_least_once('a server killed twice', 2 * 4 * 100);
    ok($nginx->stop, 'quits');
    $nginx->no_errors;
};


# TLS.  What is wrong is told and loses nothing; a reload mends it.

my $server_tls = "$certs->{server},$certs->{server_key}";
my $client_conf = "certificate $certs->{client};"
                  . " certificate_key $certs->{client_key};";

my @tls = (
    ['its own CA', { tls => $server_tls },
     "trusted_certificate $certs->{wrong_ca};", qr/certificate|verify/i,
     "trusted_certificate $certs->{ca};"],
    ['a client certificate', { tls => $server_tls,
                               client_ca => $certs->{ca} },
     "trusted_certificate $certs->{ca};", qr/certificate|closed the connection/,
     "trusted_certificate $certs->{ca}; $client_conf"],
    ['another name', { tls => "$certs->{other_host},"
                              . $certs->{other_host_key} },
     "trusted_certificate $certs->{ca};", qr/localhost|name/i,
     'ssl_verify off;'],
    ['an old certificate', { tls => "$certs->{expired},"
                                    . $certs->{expired_key} },
     "trusted_certificate $certs->{ca};", qr/expired/i, 'ssl_verify off;'],
);

for my $case (@tls) {
    my ($name, $peer_opt, $wrong, $error, $right) = @$case;

    for my $script ('grpc_server.js', 'http_server.js') {
        subtest "$script: TLS, $name" => sub {
            my $peer = OpenQoE::NodePeer->new($script, %$peer_opt)->start;
            my $oracle = OpenQoE::Oracle->new;
            my $nginx = nginx_for($peer, conf => $wrong);

            is(post($nginx, 10, $oracle), 202, 'accepted');
            ok(wait_until(sub { health($nginx)->{status} eq 'degraded' }, 10),
               'degraded');
            like(exporter_health($nginx)->{last_error}, $error, 'why')
                and note exporter_health($nginx)->{last_error};
            is(post($nginx, 10, $oracle), 202, 'accepted');

            my ($lane) = @{ stats($nginx)->{queue}{lanes} };
            is($lane->{produced} - $lane->{consumed}, 20,
               'the events are kept');

            $nginx->write_config(exporter => exporter($peer,
                                                      conf => $right));
            ok($nginx->reload(old => 1), 'mended by a reload');
            $oracle->wait_delivered($peer->file, 20);
            ok(wait_until(sub { health($nginx)->{status} eq 'healthy' }),
               'healthy');
            finish($nginx, $peer, $oracle, 'delivered exactly once');
        };
    }
}


done_testing;
