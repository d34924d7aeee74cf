# The openqoe_exporter block: the effect of each line, its default, and every
# wrong value, which stops "nginx -t" with the line's name and the token.

use lib 't/lib';
use Sys::Hostname qw(hostname);

use OpenQoE::Test;
use OpenQoE::Peers qw(otlp_file_logs);
use OpenQoE::Sink;

use IO::Socket::INET;

my $certs = make_certs();
my $nginx = OpenQoE::Nginx->new;
my $out = $nginx->out_file;
my $file = "endpoint file://$out;";


# --- wrong lines

sub check ($exporter, $http = '') {
    $nginx->write_config(exporter => $exporter, http => $http);
    return $nginx->test_config;
}


sub refused ($exporter, @says) {
    my ($rc, $text) = check($exporter);
    my @lines = grep { /\[emerg\]/ } split /^/, $text;
    my @missing = grep { index($lines[0] // '', $_) < 0 } @says;

    ok($rc ne 'timeout' && $rc >> 8 == 1 && @lines == 1 && !@missing
       && $lines[0] =~ m{ in \S+:\d+$}, "refused: $exporter")
        or diag("status $rc, missing: @missing\n$text");
}


sub taken ($exporter, $warning = undef) {
    my ($rc, $text) = check($exporter);
    my $bad = $warning ? $text !~ $warning : $text =~ /\[warn\]/;
    ok($rc eq '0' && !$bad, "taken: $exporter") or diag($text);
}


# Wrong values of lines: the line, the value, what it must be.

sub bad ($line, $value, $expected) {
    my $shown = $value =~ s/^"(.*)"$/$1/r;
    refused("$line $value;", "invalid value \"$shown\" in \"$line\", it must "
                             . "be $expected");
}

bad(endpoint => @$_) for
    map({ [ $_, 'a URL that begins with http://, https:// or file:///' ] }
        'ftp://a', 'localhost:4317', 'HTTP://a', 'http:/a', '/v1/logs'),
    map({ [ $_, 'a URL with a host' ] } 'http://', 'http:///x', 'http://:80'),
    map({ [ $_, 'a URL with a port from 1 to 65535' ] } 'http://a:0',
        'http://a:65536', 'http://a:', 'http://a:x', 'http://a:80x',
        'http://a:-1'),
    map({ [ $_, 'a URL with a valid host' ] } 'http://a,b', 'http://[::1',
        'http://[::x]', "http://a%20b"),
    map({ [ $_, 'a URL without query and fragment' ] } 'http://a?b',
        'http://a/#b'),
    map({ [ $_, 'a URL without user and password' ] } 'http://u:p@a',
        'http://u@a'),
    map({ [ $_, 'a URL without spaces and other characters' ] }
        '"http://a b"', '"http://a/{b}"', '"http://a/<b>"'),
    map({ [ $_, 'file:///path with the absolute path of a file' ] }
        'file:', 'file://', 'file:///', 'file://host/x', 'file:///tmp/',
        'file:x'),
    [ 'http://a/v1/logs', 'without a path, the protocol being grpc' ],
    [ '""', 'a URL' ];
# the line is the one of the endpoint, which stands before all that follows

{
    $nginx->write_config(exporter => "endpoint file:///nope/x;\ninterval 1s;");
    my $conf = slurp("$nginx->{dir}/nginx.conf");
    my $line = 1 + substr($conf, 0, index $conf, 'endpoint file') =~ tr/\n//;
    my (undef, $text) = $nginx->test_config;
    like($text, qr{"endpoint"\ cannot\ open\ the\ file\ "/nope/x"
                   \ \(2:\ No\ such\ file\ or\ directory\)\ in
                   \ \S+:$line$}mx,
         'a file that cannot be opened names the directive and its line');
}

like((check("endpoint file://$nginx->{dir}/log;",
            "access_log $nginx->{dir}/log combined buffer=8k;"))[1],
     qr/"endpoint", it must be a file that is not a log of nginx/,
     'refused: a file that nginx buffers for');

bad(protocol => $_, '"grpc", "http/protobuf" or "http/json"')
    for qw(http GRPC grpcs http/protobuf2 "" json);
bad(compression => $_, '"gzip" or "none"') for qw(on zstd GZIP gzip2 "" off);
bad(interval => $_, 'a time from 10ms to 1h') for qw(0 9ms 61m -1 x "" 2h);
bad(metric_interval => $_, 'a time from 100ms to 1h')
    for qw(0 99ms 61m -1 x "" 2h);
bad(batch_size => $_, 'a number from 1 to 10000')
    for qw(0 10001 -1 1k x "" 99999999999999999999);
bad(compression_level => $_, 'a number from 1 to 9')
    for qw(0 10 -1 x "" best);
bad(timeout => $_, '') for qw(9ms 11m x -1 "" 0);
bad(ssl_verify => $_, '"on" or "off"') for qw(yes 1 "" ON);
bad(spool => $_, '"on" or "off"') for qw(yes 1 "" ON);
bad(refused => $_, '"hold" or "drop"') for qw(keep 1 "" HOLD);
bad(signals => $_,
    '"logs", "metrics", "views", "traces" or "requests", each once')
    for qw(spans log "" all Logs);
refused("signals $_->[0];", "\"$_->[1]\" in \"signals\"")
    for [ 'logs logs', 'logs' ], [ 'metrics spans', 'spans' ],
        [ 'logs metrics logs', 'logs' ], [ 'traces traces', 'traces' ];
refused('spool on;', '"spool on" of "openqoe_exporter" "default" needs the '
        . '"openqoe_spool" directive');
like((check('spool on; signals metrics;', 'openqoe_spool spool;'))[1],
     qr/"default" needs "logs", "views", "traces" or "requests" among/,
     'refused: a spool of metrics');

refused("$file header \"$_->[0]\" v;", 'in "header", it must be ', $_->[1])
    for [ '', 'a header name' ], [ 'a b', '"a b"' ], [ 'a:', '"a:"' ],
        [ "\xc3\xa4", "\xc3\xa4" ], map { [ $_, "\"$_\" in" ] }
            qw(Content-Type content-length HOST Te User-Agent
               Transfer-Encoding grpc-timeout Connection Content-Encoding
               Expect Accept-Encoding grpc-encoding);
refused("$file header X-Secret \"a\nsecret\";", '"X-Secret" in "header"',
        'without control characters');
unlike((check("$file header X-Secret \"a\rsecret\";"))[1], qr/invalid.*secret"/,
       'the value of a header is not shown');
refused("$file header X-A 1; header x-a 2;", '"x-a" in "header"',
        'it must be given once');
refused("$file resource \"\" v;", '"resource"',
        'an attribute name');
refused("$file resource a \"\xff\";", '"resource"', 'valid UTF-8');
refused("$file resource \"\xff\" a;", '"resource"', 'valid UTF-8');
refused("$file resource a 1; resource a 2;", '"a" in "resource"',
        'it must be given once');

refused("$file $_->[0] $_->[1];", "\"$_->[0]\"", '"' . $_->[1] . '"', $_->[2])
    for map({ [ $_, '/nowhere/x', 'cannot open' ],
              [ $_, $nginx->dir, 'is not a regular file' ] }
            qw(trusted_certificate certificate certificate_key)),
        [ trusted_certificate => $certs->{ca} =~ s/crt$/key/r,
          'no usable certificate' ],
        [ certificate => $certs->{client_key}, 'no usable certificate' ],
        [ certificate_key => $certs->{client},
          'no usable unencrypted private key' ];
refused("$file $_ \"\";", "\"$_\"", 'a file name')
    for qw(trusted_certificate certificate certificate_key);

run_cmd('openssl', 'ec', '-aes256', '-passout', 'pass:x', '-in',
        $certs->{client_key}, '-out', "$certs->{dir}/locked.key");
ok(-s "$certs->{dir}/locked.key", 'the test has an encrypted key');
refused("$file certificate_key $certs->{dir}/locked.key;",
        '"certificate_key"', 'unencrypted private key');

refused("endpoint https://a:1; certificate $certs->{client};",
        '"certificate" of the openqoe exporter needs "certificate_key"');
refused("endpoint https://a:1; certificate_key $certs->{client_key};",
        '"certificate_key" of the openqoe exporter needs "certificate"');
refused("endpoint https://a:1; certificate $certs->{client}; "
        . "certificate_key $certs->{server_key};",
        '"certificate_key"', 'does not belong to its "certificate"');
taken("endpoint http://a:1; trusted_certificate $certs->{ca};",
      qr{\[warn\].*no effect with endpoint "http://a:1"});

refused("$_->[0] $_->[1]; $_->[0] $_->[1];",
        "\"$_->[0]\" directive is duplicate in \"openqoe_exporter\"")
    for [ endpoint => 'http://a' ], [ protocol => 'grpc' ],
        [ compression => 'none' ], [ interval => '1s' ],
        [ metric_interval => '1s' ], [ batch_size => 5 ],
        [ compression_level => 6 ],
        [ timeout => '1s' ], [ ssl_verify => 'off' ],
        [ signals => 'logs' ], [ spool => 'off' ],
        [ refused => 'drop' ],
        map { [ $_ => $certs->{ /key/ ? 'client_key' : 'client' } ] }
            qw(trusted_certificate certificate certificate_key);

refused("$file $_;", 'unknown directive "' . (split ' ')[0]
        . '" in "openqoe_exporter"')
    for 'endpoints http://a', 'Endpoint http://a', 'openqoe_events',
        'location /x';
refused("$_;", 'invalid number of arguments in "' . (split ' ')[0]
        . '" of "openqoe_exporter"')
    for 'endpoint', 'endpoint a b', 'protocol', 'compression gzip none',
        'interval', 'batch_size 1 2', 'compression_level', 'timeout', 'header a', 'header a b c',
        'resource a', 'resource a b c', 'ssl_verify', 'signals', 'spool',
        'refused', 'refused hold drop',
        'spool on off', 'certificate',
        'certificate_key', 'trusted_certificate';

taken("$_;") for 'endpoint http://a.example', 'endpoint https://[::1]:4317',
    'endpoint http://a/', 'protocol http/json; endpoint http://a/base/',
    'interval 10ms; timeout 10ms; batch_size 1; metric_interval 100ms',
    'compression_level 1', 'compression_level 9', 'refused hold',
    'refused drop',
    'interval 1h; timeout 10m; batch_size 10000', 'header X-Empty ""',
    'signals logs', 'signals metrics', 'signals metrics logs', 'signals views',
    'signals views metrics logs', 'spool off',
    'resource a ""', "endpoint https://a; certificate $certs->{client}; "
    . "certificate_key $certs->{client_key}; ssl_verify off";

write_file($nginx->dir . '/part.conf', "protocol http/nonsense;\n");
refused("$file include part.conf;", '"http/nonsense"', 'part.conf:1');


# --- effects; the receiver is a server of the same nginx, and the exit does
# not wait for what is not delivered

sub start ($exporter, %opt) {
    return OpenQoE::Nginx->new(exporter => $exporter, http =>
        'openqoe_drain_timeout 100ms;', %opt)->start;
}


sub post ($nginx, $n = 1) {
    my $events = batch($n);
    my $answer = http_post($nginx->port, '/v2/events', batch_json($events));
    is($answer->{status}, 202, 'an event is taken');
    return $events;
}


sub health ($nginx) {
    return decode_json_text(http_get($nginx->port, '/v2/health')->{body})
           ->{dependencies}{exporter};
}


sub done ($nginx, %opt) {
    ok($nginx->stop, 'nginx exits by itself');
    $nginx->no_errors(%opt);
}


subtest 'endpoint and protocol: defaults' => sub {
    for (['', 4317], ['protocol grpc;', 4317], ['protocol http/json;', 4318],
         ['protocol http/protobuf;', 4318])
    {
        my $nginx = start($_->[0]);
        is(health($nginx)->{endpoint}, "http://localhost:$_->[1]",
           "endpoint \"$_->[0]\" has the default that is expected");
        done($nginx);
    }

    my $nginx = start(undef);
    is(health($nginx)->{endpoint}, 'http://localhost:4317',
       'without an exporter block the endpoint is the default');
    done($nginx);
};

subtest 'protocol, header, compression, over HTTP' => sub {
    my $sink = OpenQoE::Sink->new;
    my $nginx = start('endpoint ' . $sink->url . '; interval 50ms; '
        . 'protocol http/json; compression none; header X-Scope-OrgID t7; '
        . 'header X-One "a b"; header x-two "";', $sink->config);
    my $id = event_id(post($nginx)->[0]);
    my ($r) = $sink->wait_for(1);

    is($r->{uri}, '/v1/logs', 'the path is that of the signal');
    is($r->{method}, 'POST', 'the method is POST');
    is($r->{type}, 'application/json', 'the content type is JSON');
    is($r->{encoding}, '', 'compression none sends no Content-Encoding');
    is($r->{scope}, 't7', 'a header directive is sent');
    is($r->{one}, 'a b', 'a second header directive is sent');
    is($r->{agent}, 'OTel-OTLP-Exporter-openqoe-nginx/2.0.0',
       'the user agent names the module and its version');
    like($r->{body}, qr/^\{"resourceLogs":\[.*oqid-\Q$id\E/, 'JSON as it is');

    my $good = wait_until(sub { health($nginx)->{last_success} });
    like($good, qr/^\d{4}-/, '/v2/health has the time of the last success');
    is(health($nginx)->{endpoint}, $sink->url,
       '/v2/health has the endpoint as configured');
    done($nginx);
};

subtest 'base path; protobuf; gzip is the default' => sub {
    my $sink = OpenQoE::Sink->new;
    my $nginx = start('endpoint ' . $sink->url('/base//') . '; interval 50ms; '
        . 'protocol http/protobuf;', $sink->config);
    post($nginx);
    my ($r) = $sink->wait_for(1);

    is($r->{uri}, '/base/v1/logs', 'the base path of the endpoint is kept');
    is($r->{type}, 'application/x-protobuf',
       'the content type is that of protobuf');
    is($r->{encoding}, 'gzip', 'compression gzip sends Content-Encoding');
    like($r->{body}, qr/^\x1f\x8b\x08/, 'the body is gzip');
    done($nginx);
};

subtest 'grpc is the default' => sub {
    my $sink = OpenQoE::Sink->new(listen => 'http2');
    my $nginx = start('endpoint ' . $sink->url . '; interval 50ms; '
                      . 'timeout 1500ms;', $sink->config);
    post($nginx);
    my ($r) = $sink->wait_for(1);

    is($r->{uri},
       '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
       "the path is that of gRPC's service");
    is($r->{protocol}, 'HTTP/2.0', 'gRPC uses HTTP/2 by prior knowledge');
    is($r->{type}, 'application/grpc', 'the content type is that of gRPC');
    is($r->{te}, 'trailers', 'te is sent as gRPC asks for');
    is($r->{grpc_timeout}, '1500m',
       'the directive timeout is sent as grpc-timeout');
    done($nginx);
};

subtest 'batch_size and interval decide when events are sent' => sub {
    # Metrics are sent at the exit, in lines of their own.
    my $logs = qr/^(\{"resourceLogs".+)\n/m;
    my $nginx = start("$file batch_size 5; interval 50ms;");
    post($nginx, 12);
    ok(wait_until(sub { otlp_file_logs($out) == 12 }),
       'all events are exported');
    done($nginx);
    my @sizes = map { scalar(() = /oqid-/g) } slurp($out) =~ /$logs/g;
    is("@sizes", '5 5 2', 'events are sent in batches of five');

    # With an interval of an hour, events are sent only when a batch is full,
    # or at the exit.
    unlink $out;
    $nginx = start("$file batch_size 5; interval 1h;");
    post($nginx, 4);
    sleep 0.4;
    ok(!-s $out, 'four of a batch of five wait for the interval');
    post($nginx, 8);
    my $lines = wait_until(sub { (() = slurp($out) =~ /\n/g) == 2 });
    ok($lines,
       'two full batches are sent, and two events wait') or diag(slurp($out));
    done($nginx);

    @sizes = map { scalar(() = /oqid-/g) } slurp($out) =~ /$logs/g;
    is("@sizes", '5 5 2', 'the last two events are sent at the exit');
};

subtest 'the defaults: 512 records, one second' => sub {
    unlink $out;
    my $nginx = start($file);
    post($nginx, 600);
    my $first;
    ok(wait_until(sub { ($first) = slurp($out) =~ /^(.+)\n/ }, 0.6),
       'a full batch is sent at once');
    is((() = $first =~ /oqid-/g), 512, 'the default batch has 512 records');
    ok(wait_until(sub { (() = slurp($out) =~ /oqid-/g) == 600 }, 2),
       'the other events are sent after a second');
    done($nginx);
};

subtest 'timeout ends a request without an answer' => sub {
    my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
        or die;
    my $nginx = start('endpoint http://127.0.0.1:' . $silent->sockport
        . '; protocol http/json; interval 20ms; timeout 300ms;');
    my $before = time;
    post($nginx);
    my $error = wait_until(sub { health($nginx)->{last_error} }, 5);

    like($error // '', qr/no answer within (?:29\d|[3-9]\d\d|\d{4}) ms/,
         'the directive timeout ends a request without an answer');
    cmp_ok(time - $before, '<', 8,
           'the request does not wait for the default of 10 s');
    is(health($nginx)->{status}, 'degraded',
       'a server that does not answer makes the health degraded');
    done($nginx);
};

subtest 'attributes of the resource' => sub {
    my $attributes = sub ($lines) {
        unlink $out;
        my $nginx = start("$file interval 50ms; $lines");
        post($nginx);
        my @logs;
        wait_until(sub { @logs = otlp_file_logs($out) });
        done($nginx);
        return $logs[0]{resource};
    };

    my $r = $attributes->('');
    is_deeply([ sort keys %$r ], [ qw(host.name openqoe.config.hash
              service.instance.id
              service.name service.version) ],
              'without a resource line the resource has the default '
              . 'attributes');
    is($r->{'service.name'}, 'openQoE-worker', 'service.name has its default');
    is($r->{'service.version'}, '2.0.0', "service.version is the module's");
    is($r->{'service.instance.id'}, lc hostname(),
       'the instance is the host name');
    is($attributes->('')->{'service.instance.id'}, $r->{'service.instance.id'},
       'service.instance.id is the same after a restart');

    is($attributes->('resource service.instance.id edge-1;')
       ->{'service.instance.id'}, 'edge-1', 'a directive names the instance');

    $r = $attributes->('resource deployment.environment prod; '
                       . 'resource service.name mine;');
    is($r->{'deployment.environment'}, 'prod',
       'a resource directive adds an attribute');
    is($r->{'service.name'}, 'mine', 'a resource directive replaces a default');
    is(scalar keys %$r, 6, 'a resource directive adds nothing else');
};

subtest 'ssl_verify and trusted_certificate, a client certificate' => sub {
    my $sink = OpenQoE::Sink->new(listen => 'ssl', server =>
        "ssl_certificate $certs->{server}; "
        . "ssl_certificate_key $certs->{server_key}; "
        . "ssl_client_certificate $certs->{ca}; ssl_verify_client optional;");
    my $base = 'endpoint ' . $sink->url . '; protocol http/json; '
               . 'interval 20ms; timeout 2s;';

    my %fails = ('not trusted' => '',
                 'another authority' =>
                     "trusted_certificate $certs->{wrong_ca};");
    for my $name (sort keys %fails) {
        my $nginx = start("$base $fails{$name}", $sink->config);
        post($nginx);
        my $error = wait_until(sub { health($nginx)->{last_error} });
        like($error // '', qr/certificate|SSL/i, "refused: $name");
        is(scalar $sink->requests, 0, 'no request was sent');
        done($nginx, allow => qr/SSL_do_handshake/);
    }

    my %works = ("ssl_verify off;" => '',
                 "trusted_certificate $certs->{ca};" => '',
                 "trusted_certificate $certs->{ca}; "
                 . "certificate $certs->{client}; "
                 . "certificate_key $certs->{client_key};" => 'CN=client');
    for my $line (sort keys %works) {
        $sink->clear;
        my $nginx = start("$base $line", $sink->config);
        post($nginx);
        my ($r) = $sink->wait_for(1);
        is($r->{client}, $works{$line}, $line);
        done($nginx);
    }
};

subtest 'several exporters, and signals' => sub {
    my %file = map { $_ => $nginx->dir . "/out/$_.jsonl" } qw(a b c);
    unlink values %file;
    my $several = OpenQoE::Nginx->new(
        exporter => "endpoint file://$file{a}; interval 50ms; signals logs; "
                    . 'metric_interval 200ms;',
        http => "openqoe_exporter b { endpoint file://$file{b}; "
                . 'signals metrics; } '
                . "openqoe_exporter c { endpoint file://$file{c}; "
                . 'interval 50ms; resource service.name c; }')->start;
    post($several, 3);

    my %want = (a => 1, b => 2, c => 3);
    for my $name (sort keys %file) {
        my $found = sub {
            my $text = slurp($file{$name});
            return ($text =~ /^\{"resourceLogs"/m ? 1 : 0)
                   + ($text =~ /^\{"resourceMetrics"/m ? 2 : 0);
        };
        ok(wait_until(sub { $found->() == $want{$name} }),
           "$name gets the events that are meant for it")
            or diag($found->());
    }
    is(scalar otlp_file_logs($file{$_}), 3,
       "$_: each event arrives") for qw(a c);
    is((otlp_file_logs($file{c}))[0]{resource}{'service.name'}, 'c',
       'an exporter may have a resource of its own');

    my $stats = decode_json_text(http_get($several->port,
                                          '/v2/stats')->{body});
    is_deeply([ map { [ @{ $stats->{exporters}{$_} }{qw(accepted exported)} ] }
                qw(default b c) ], [ [ 3, 3 ], [ 0, 0 ], [ 3, 3 ] ],
              'the stats count events for each exporter');
    is_deeply($stats->{exporter}, $stats->{exporters}{default},
              'the stats show the first exporter by itself, too');
    my $health = decode_json_text(http_get($several->port,
                                           '/v2/health')->{body});
    is($health->{dependencies}{exporters}{b}{endpoint}, "file://$file{b}",
       "the health shows each exporter's endpoint");
    done($several);
};

subtest 'an exporter in an included file' => sub {
    my $included = OpenQoE::Nginx->new(exporter => 'include part.conf;');
    write_file($included->dir . '/part.conf', "$file interval 50ms;\n");
    unlink $out;
    $included->start;
    post($included);
    ok(wait_until(sub { -s $out }), 'an exporter in an included file is used');
    done($included);
};

done_testing;
