# From POST /v2/events to a receiver that is not ours, and each way in which
# that receiver may fail: what is retried, what is dropped, what is reported.

use lib 't/lib';
use Sys::Hostname qw(hostname);

use OpenQoE::NodePeer;
use OpenQoE::Test;

my $certs = make_certs();


# nginx with a single worker, and so a single lane: requests follow one
# another.

sub nginx_for ($peer, %opt) {
    return OpenQoE::Nginx->new(workers => 1,
                               exporter => exporter($peer, %opt))->start;
}


sub exporter ($peer, %opt) {
    my $protocol = $opt{protocol}
        // ($peer->{script} =~ /http/ ? 'http/protobuf' : 'grpc');

    # long enough for a collector on a busy machine, but for one that hangs
    return 'endpoint ' . $peer->url . "; protocol $protocol; interval 50ms;"
           . ' timeout ' . ($opt{timeout} // '30s') . '; ' . ($opt{conf} // '');
}


sub health ($nginx) {
    return decode_json_text(http_get($nginx->port, '/v2/health')->{body});
}


sub exporter_health ($nginx) { health($nginx)->{dependencies}{exporter} }


# The counters of the exporter as a flat hash.

sub counted ($nginx) {
    my $e = $nginx->stats->{exporter};
    return { exported => $e->{exported}, rejected => $e->{rejected},
             %{ $e->{dropped} }, map { $_ => $e->{batches}{$_} }
                                     qw(sent retried failed) };
}


sub wait_counted ($nginx, $name, $n, $timeout = 10) {
    return wait_until(sub { counted($nginx)->{$name} >= $n }, $timeout);
}


# Posts a request of n events, and notes it with the oracle if there is one.

sub post ($nginx, $n, $oracle = undef) {
    my $events = batch($n);
    my $answer = http_post($nginx->port, '/v2/events', batch_json($events));

    $oracle->note($events, $answer) if $oracle;
    return ($answer // { status => 0 })->{status};
}


# The end of most scenarios: all events arrived, and none comes a second time.

sub finish ($nginx, $peer, $oracle, $name, $timeout = 20) {
    $oracle->wait_delivered($peer->file, $timeout);
    ok($nginx->stop, 'nginx exits in order');
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

    subtest "$script: headers, resource and records" => sub {
        my $peer = OpenQoE::NodePeer->new($script)->start;
        my $oracle = OpenQoE::Oracle->new;
        my $nginx = nginx_for($peer, conf => 'header X-Scope-OrgID tenant-3;'
            . ' header Authorization "Basic dTpw";'
            . ' resource deployment.environment prod;'
            . ' resource host.name edge-7;');

        post($nginx, 25, $oracle) for 1 .. 4;
        finish($nginx, $peer, $oracle,
               'four requests are delivered, each event once');

        my $headers = $peer->stats->{headers};
        is($headers->{'x-scope-orgid'}, 'tenant-3',
           'the header X-Scope-OrgID is sent');
        is($headers->{authorization}, 'Basic dTpw',
           'the header Authorization is sent');
        like($headers->{'user-agent'},
             qr{^OTel-OTLP-Exporter-openqoe-nginx/\d+\.\d},
             'the user agent names the module');
        is($headers->{ $grpc ? 'grpc-encoding' : 'content-encoding' }, 'gzip',
           'requests are compressed by default');
        is($headers->{'content-type'}, $grpc ? 'application/grpc'
                                             : 'application/x-protobuf',
           'the content type is that of the protocol');

        my @items = grep { defined $_->{item}{eventName} }
                    read_jsonl($peer->file);
        my $resource = attributes($items[0]{resource}{attributes});
        is(scalar @items, 100, 'each event is a log record');
        is($resource->{'service.name'}, 'openQoE-worker',
           'the resource has service.name');
        is($resource->{'service.instance.id'}, lc hostname(),
           'the resource has the host name as service.instance.id');
        is($resource->{'deployment.environment'}, 'prod',
           'the resource has the configured attribute');
        is($resource->{'host.name'}, 'edge-7',
           "a configured attribute replaces the module's own");
        is($items[0]{item}{eventName}, 'openqoe.heartbeat',
           "the record has the event's name");
    };
}


subtest 'http/json without compression' => sub {
    my $peer = OpenQoE::NodePeer->new('http_server.js')->start;
    my $oracle = OpenQoE::Oracle->new;
    my $nginx = nginx_for($peer, protocol => 'http/json',
                          conf => 'compression none;');

    post($nginx, 5, $oracle);
    finish($nginx, $peer, $oracle,
           'http/json: requests are delivered, each event once');

    my $headers = $peer->stats->{headers};
    is($headers->{'content-encoding'}, undef,
       'with compression none there is no Content-Encoding');
    is($headers->{'content-type'}, 'application/json',
       'the content type of http/json is JSON');
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
                     batch_json($events))->{status}, 202, 'a batch is taken');
        ok(wait_until(sub { ($peer->stats->{items} // 0) >= 200 }, 10),
           "level $level: all events are delivered");
        $length{$level} = $peer->stats->{headers}{'content-length'};
        ok($nginx->stop, 'nginx exits in order');
        $nginx->no_errors;
    }

    cmp_ok($length{1}, '>', $length{6},
           'level 6 gives fewer bytes than level 1');
    cmp_ok($length{6}, '>=', $length{9},
           'level 9 gives no more bytes than level 6');
};


# A receiver that refuses for a while: events are kept and sent again, the
# failure is reported, and the health recovers.

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
        my $nginx = nginx_for($peer, $mode{mode} eq 'hang' ? (timeout => '2s')
                                                           : ());

        $peer->mode(%mode);
        is(post($nginx, 10, $oracle), 202, 'events are accepted') for 1 .. 3;
        ok(wait_counted($nginx, 'retried', 1),
           'a batch that the collector refuses is tried again');
        is(post($nginx, 10, $oracle), 202,
           'events are accepted while the collector fails');

        my $health = exporter_health($nginx);
        is($health->{status}, 'degraded',
           'while the collector fails the health is degraded');
        isnt($health->{last_error} // '', '',
             'while the collector fails there is a last_error');
        # on a busy machine the first failure may be a collector without an answer
        ok(wait_until(sub {
               (exporter_health($nginx)->{last_error} // '') =~ /$name/
           }), 'last_error names the failure')
            if $name =~ /^(?:UNAVAILABLE|\d+)$/;
        is($health->{last_success}, undef,
           'before any success there is no last_success');

        $peer->mode(mode => 'ok');
        $oracle->wait_delivered($peer->file, 20);
        ok(wait_until(sub { health($nginx)->{status} eq 'healthy' }),
           'once the collector takes events the health is healthy');

        my $counted = counted($nginx);
        is($counted->{exported}, 40, 'all events count as exported');
        is($counted->{refused} + $counted->{rejected} + $counted->{failed}, 0,
           'no event is dropped');
        like($nginx->error_log, qr/takes events again, after \d+ fail/,
             'the log says when the failures end');
        finish($nginx, $peer, $oracle,
               'no event is lost, and none arrives twice');
    };
}


# A receiver that says how long to wait.  Without that, the jittered back-off
# of a first failure is a second at most.

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

        my $start = time;
        $peer->mode(%mode);
        post($nginx, 10, $oracle);
        ok($peer->wait_requests(1), 'the batch is tried once');
        $peer->mode(mode => 'ok');
        post($nginx, 10, $oracle);
        sleep 1.7;
        my $requests = $peer->stats->{requests};
        ok($requests == 1 || time - $start > 2.3,
           'no retry comes before the time that the collector gave');
        $oracle->wait_delivered($peer->file, 20);
        my $took = time - $start;
        cmp_ok($took, '>=', 2.3,
               'the retry waits as long as the collector asked for');
        # on a busy machine a retry that is due needs a while
        cmp_ok($took, '<', 3 + scaled(20),
               'the retry does not wait for much longer');
        is(counted($nginx)->{retried}, 1, 'there is a single retry');
        finish($nginx, $peer, $oracle,
               'no event is lost, and none arrives twice');
    };
}


# A receiver that refuses for good: events are dropped, counted, and logged
# once a second; later batches pass.

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
            is(post($nginx, 5), 202, 'events are accepted');
            $peer->wait_requests($n);
        }

        ok(wait_counted($nginx, 'refused', 40),
           'events that the collector refuses for good count as dropped');
        my $seconds = time - $start;

        my $counted = counted($nginx);
        is_deeply($counted, { exported => 0, rejected => 0, refused => 40,
            corrupt => 0, spool => 0, behind => 0, removed => 0, lost => 0,
            sent => 0, retried => 0, failed => 8 },
            'refused events count as nothing else');
        is($peer->stats->{requests}, 8, 'each refused batch was sent once');
        is($nginx->stats->{queue}{used}, 0,
           'no refused event stays in the queue');

        my @lines = log_lines($nginx, qr/refused them for good/);
        cmp_ok(scalar @lines, '>=', 1, 'dropped events are logged');
        cmp_ok(scalar @lines, '<=', 1 + int $seconds,
               'dropped events are logged once a second at most');
        like($lines[0], qr/5 events dropped.*\b$name\b/,
             'the log says how many events were dropped, and why');
        like(exporter_health($nginx)->{last_error}, qr/\b$name\b/,
             'last_error has the refusal');

        $peer->mode(mode => 'ok');
        post($nginx, 5, $oracle);
        finish($nginx, $peer, $oracle, 'a later batch is delivered');
    };
}


for my $script ('grpc_server.js', 'http_server.js') {
    subtest "$script: partial success" => sub {
        my $peer = OpenQoE::NodePeer->new($script)->start;
        my $nginx = nginx_for($peer);

        $peer->mode(mode => 'partial', rejected => 3, message => 'too old');
        post($nginx, 10);
        ok(wait_counted($nginx, 'rejected', 3),
           'events that the collector rejects in part are counted');
        sleep 1.5;
        is($peer->stats->{requests}, 1,
           'a batch that was rejected in part is not sent again');

        my $counted = counted($nginx);
        is_deeply($counted, { exported => 7, rejected => 3, refused => 0,
            corrupt => 0, spool => 0, behind => 0, removed => 0, lost => 0,
            sent => 1, retried => 0, failed => 0 },
                  'the sums of a partial success are right');
        like($nginx->error_log, qr/rejected 3 of 10 events.*too old/,
             "the collector's message is logged");
        is(health($nginx)->{status}, 'healthy',
           'a partial success is no failure');

        # No more events are counted as rejected than there were, whatever the
        # receiver says.

        $peer->mode(mode => 'partial', rejected => 1000);
        post($nginx, 10);
        ok(wait_counted($nginx, 'rejected', 13),
           'a second partial success is counted');
        is(counted($nginx)->{exported}, 7,
           'the number of exported events stays as it was');
        ok($nginx->stop, 'nginx exits in order');
        $nginx->no_errors;
    };
}


subtest 'h2_server.js: an answer without grpc-status' => sub {
    my $peer = OpenQoE::NodePeer->new('h2_server.js')->start;
    my $nginx = nginx_for($peer);

    $peer->mode(mode => 'headers', headers => {});
    post($nginx, 10);
    ok(wait_counted($nginx, 'retried', 1),
       'an answer without grpc-status is no success');
    like(exporter_health($nginx)->{last_error}, qr/grpc-status/,
         'last_error says that grpc-status is missing');
    is(counted($nginx)->{exported}, 0, 'no event counts as exported');

    $peer->mode(mode => 'headers', body => '0000000000',
                trailers => { 'grpc-status' => '0' });
    ok(wait_counted($nginx, 'exported', 10),
       'the batch is sent again and exported');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
};


for my $script ('grpc_server.js', 'http_server.js') {
    subtest "$script: down at the start, up, restarted" => sub {
        my $peer = OpenQoE::NodePeer->new($script);
        my $oracle = OpenQoE::Oracle->new;
        my $nginx = nginx_for($peer);

        is(health($nginx)->{status}, 'healthy',
           'before the first try the health is healthy');
        is(post($nginx, 10, $oracle), 202,
           'events are accepted without a server');
        ok(wait_until(sub { health($nginx)->{status} eq 'degraded' }),
           'without a server the health is degraded');
        like(exporter_health($nginx)->{last_error},
             qr/localhost:$peer->{port}: .*connect/i,
             'last_error has the address and the reason');

        $peer->start;
        $oracle->wait_delivered($peer->file, 20);
        is($oracle->report->{missing}, 0,
           'once the server is up all events are delivered');

        ok($peer->stop, 'the server stops');
        post($nginx, 10, $oracle) for 1 .. 3;
        ok(wait_counted($nginx, 'retried', 2),
           'the next batch is retried in vain');
        $peer->start;
        finish($nginx, $peer, $oracle,
               'no event is lost, and none arrives twice');
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

    # Each death leaves what was in flight unanswered, which is 4 batches at
    # most.
    $oracle->is_at_least_once(
        'a server that is killed twice loses no accepted event',
        2 * 4 * 100);
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
};


# TLS: a wrong certificate is reported and loses nothing, and a reload with a
# right one heals the exporter.

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

            is(post($nginx, 10, $oracle), 202, 'events are accepted');
            ok(wait_until(sub { health($nginx)->{status} eq 'degraded' }, 10),
               'with a wrong certificate the health is degraded');
            like(exporter_health($nginx)->{last_error}, $error,
                 'last_error has the TLS failure')
                and note exporter_health($nginx)->{last_error};
            is(post($nginx, 10, $oracle), 202, 'events are accepted meanwhile');

            my ($lane) = @{ $nginx->stats->{queue}{lanes} };
            is($lane->{produced} - $lane->{consumed}, 20,
               'the events are kept in the queue');

            $nginx->write_config(exporter => exporter($peer,
                                                      conf => $right));
            ok($nginx->reload(old => 1),
               'nginx reloads with the right certificate');
            $oracle->wait_delivered($peer->file, 20);
            ok(wait_until(sub { health($nginx)->{status} eq 'healthy' }),
               'after the reload the health is healthy');
            finish($nginx, $peer, $oracle,
                   'all events are delivered exactly once');
        };
    }
}


done_testing;
