# The environment variables: the effect of each, which of them wins, what stops
# "nginx -t".  They are read where the configuration is, in the master.

use lib 't/lib';
use OpenQoE::Test;
use OpenQoE::Peers qw(otlp_file_logs);
use OpenQoE::Sink;

my $certs = make_certs();
my $OTLP = 'OTEL_EXPORTER_OTLP';

# The tests' own environment has none of these variables.

my @all = (slurp('src/nginx/ngx_http_openqoe_env.c') =~ /^\s+\{ "(\w+)",/mg);
cmp_ok(scalar @all, '>', 25,
       'the README lists more than 25 environment variables');

my %none = map { $_ => undef } @all;


# The exit does not wait for what is not delivered.

sub start ($env, %opt) {
    return OpenQoE::Nginx->new(exporter => undef,
                               http => 'openqoe_drain_timeout 100ms;', %opt,
                               env => { %none, %$env })->start;
}


sub post ($nginx, %opt) {
    return http_post($nginx->port, '/v2/events', batch_json(batch(1)), %opt);
}


sub health ($nginx) {
    return decode_json_text(http_get($nginx->port, '/v2/health')->{body})
           ->{dependencies}{exporter};
}


sub done ($nginx, %opt) {
    ok($nginx->stop, 'nginx exits by itself');
    $nginx->no_errors(%opt);
}


# --- metrics: their endpoint, their interval and their limits

# The paths of the requests that an event and a collection make.

sub paths ($env, $exporter = '') {
    my $sink = OpenQoE::Sink->new;
    my %env = map { $_ => $env->{$_} =~ s/SINK/$sink->url/er } keys %$env;
    my $nginx = start({ "${OTLP}_PROTOCOL" => 'http/json', %env },
                      $sink->config, exporter => 'interval 30ms; '
                      . ($exporter =~ s/SINK/$sink->url/er));
    my %seen;

    post($nginx);
    wait_until(sub {
        %seen = map { $_->{uri} => 1 } $sink->wait_for(1);
        return keys %seen == 2;
    }, 5);
    done($nginx);
    return [ sort keys %seen ];
}

subtest 'the endpoint of metrics' => sub {
    my %often = (OTEL_METRIC_EXPORT_INTERVAL => 100);

    is_deeply(paths({ %often, OTEL_URL => 'SINK/a' }),
              [ '/a/v1/logs', '/a/v1/metrics' ],
              'without a variable of their own metrics go beside the logs');
    is_deeply(paths({ %often, "${OTLP}_ENDPOINT" => 'SINK/a/' }),
              [ '/a/v1/logs', '/a/v1/metrics' ],
              'OTEL_EXPORTER_OTLP_ENDPOINT is the base of both signals');
    is_deeply(paths({ %often, "${OTLP}_ENDPOINT" => 'SINK/a',
                      "${OTLP}_METRICS_ENDPOINT" => 'SINK/m/' }),
              [ '/a/v1/logs', '/m/' ],
              'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is taken as it is');
    is_deeply(paths({ %often, "${OTLP}_ENDPOINT" => 'SINK/a',
                      "${OTLP}_LOGS_ENDPOINT" => 'SINK/l' }),
              [ '/a/v1/metrics', '/l' ],
              'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is for logs alone');
    is_deeply(paths({ %often, OTEL_URL => 'SINK/a',
                      "${OTLP}_LOGS_ENDPOINT" => 'SINK/l',
                      "${OTLP}_METRICS_ENDPOINT" => 'SINK/m' }),
              [ '/l', '/m' ], 'each signal can have its own endpoint');
    is_deeply(paths({ %often, "${OTLP}_METRICS_ENDPOINT" => 'SINK/m' },
                    'endpoint SINK/d;'),
              [ '/d/v1/logs', '/d/v1/metrics' ],
              'the directive endpoint wins over the variable');
};

# The paths of the requests that a view makes which is left before it starts.

sub trace_paths ($env) {
    my $sink = OpenQoE::Sink->new;
    my %env = map { $_ => $env->{$_} =~ s/SINK/$sink->url/er } keys %$env;
    my $nginx = start({ "${OTLP}_PROTOCOL" => 'http/json', %env },
                      $sink->config, exporter => 'interval 30ms; '
                                                 . 'signals logs traces;');
    my %ids = (view_id => uuid(), session_id => uuid());
    my %seen;

    http_post($nginx->port, '/v2/events', batch_json(
        [ map { event(%ids, event_type => $_, data => { playing_time => 0 }) }
          qw(playing stallstart ended) ]));
    wait_until(sub {
        %seen = map { $_->{uri} => 1 } $sink->wait_for(1);
        return keys %seen == 2;
    }, 5);
    done($nginx);
    return [ sort keys %seen ];
}

subtest 'the endpoint of traces' => sub {
    is_deeply(trace_paths({ "${OTLP}_ENDPOINT" => 'SINK/a/' }),
              [ '/a/v1/logs', '/a/v1/traces' ],
              'without a variable of their own traces go beside the logs');
    is_deeply(trace_paths({ "${OTLP}_ENDPOINT" => 'SINK/a',
                            "${OTLP}_TRACES_ENDPOINT" => 'SINK/t/' }),
              [ '/a/v1/logs', '/t/' ],
              'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is taken as it is');
    is_deeply(trace_paths({ "${OTLP}_ENDPOINT" => 'SINK/a',
                            "${OTLP}_LOGS_ENDPOINT" => 'SINK/l' }),
              [ '/a/v1/traces', '/l' ],
              'the endpoint of logs alone is not that of traces');
};

subtest 'the interval of metrics' => sub {
    # many are waited for; that there are few shows only after a while

    my $collections = sub ($env, $exporter, $least = undef) {
        my $dir = scratch_dir('interval');
        chmod 0777, $dir;
        my $nginx = start({ OTEL_URL => "file://$dir/out", %$env },
                          exporter => $exporter);
        post($nginx);
        my $read = sub {
            my $stats = http_get($nginx->port, '/v2/stats')->{body};
            return decode_json_text($stats)->{metrics}{collections};
        };
        defined $least ? wait_until(sub { $read->() >= $least }, 20) : sleep 1;
        my $n = $read->();
        done($nginx);
        return $n;
    };
    my %often = (OTEL_METRIC_EXPORT_INTERVAL => 100);

    cmp_ok($collections->({ %often }, '', 3), '>=', 3,
           'OTEL_METRIC_EXPORT_INTERVAL sets the interval');
    cmp_ok($collections->({ %often }, 'metric_interval 1h;'), '<=', 1,
           'the directive metric_interval wins over the variable');
    cmp_ok($collections->({ }, ''), '<=', 1,
           'the default interval is a minute');
};

subtest 'CARDINALITY_LIMITS' => sub {
    my $nginx = start({ CARDINALITY_LIMITS => encode_json_text({
        video_id => { max_cardinality => 7, action => 'allow' },
        env => { max_cardinality => 8, action => 'allow' },
        network_asn => { action => 'bucket', bucket_size => 50 },
        cdn_provider => { action => 'allow', max => 9, overflow => 'hash' },
    }) }, http => 'openqoe_dimension env allow max=3;'
                  . ' openqoe_drain_timeout 100ms;');
    my $stats = decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
    my $limits = $stats->{cardinality_limits};

    is($limits->{video_id}{max_cardinality}, 7,
       'CARDINALITY_LIMITS sets max_cardinality');
    is($limits->{env}{max_cardinality}, 3,
       'a directive wins over CARDINALITY_LIMITS');
    is($limits->{network_asn}{bucket_size}, 50,
       'CARDINALITY_LIMITS sets bucket_size');
    is_deeply($limits->{cdn_provider}, { max_cardinality => 9,
              action => 'allow', overflow => 'hash' },
              'CARDINALITY_LIMITS takes the short names');
    is($limits->{org_id}{max_cardinality}, 1000,
       'dimensions that CARDINALITY_LIMITS leaves out keep their defaults');
    done($nginx);
};


# --- the endpoint: the rightmost variable of a row wins

subtest 'endpoints' => sub {
    my @order = (
        [ OTEL_URL => 'http://127.0.0.1:1/' ],
        [ "${OTLP}_ENDPOINT" => 'http://127.0.0.1:2' ],
        [ "${OTLP}_LOGS_ENDPOINT" => 'http://127.0.0.1:3/' ],
        [ directive => 'http://127.0.0.1:4' ],
    );
    my %env;
    my $nginx = OpenQoE::Nginx->new(exporter => undef, env => { %none })
                ->start;
    is(health($nginx)->{endpoint}, 'http://localhost:4317',
       'without a variable the endpoint is the default');
    done($nginx);

    for (@order) {
        my ($name, $value) = @$_;
        my $exporter = $name eq 'directive' ? "endpoint $value;" : undef;
        $env{$name} = $value if !$exporter;
        $nginx = start(\%env, exporter => $exporter);
        is(health($nginx)->{endpoint}, $value,
           "$name wins over the variables before it");
        done($nginx);
    }
};

subtest 'an empty variable is as good as none' => sub {
    my $nginx = start({ map { $_ => '' } grep { $_ ne 'API_KEY' } @all });
    is(health($nginx)->{endpoint}, 'http://localhost:4317',
       'an empty variable leaves the endpoint at its default');
    is(post($nginx)->{status}, 202, 'an empty variable asks for no key');
    done($nginx);
};

subtest 'a host without a scheme, for grpc' => sub {
    my %want = ('' => 'https', true => 'http', false => 'https',
                TRUE => 'http');
    for my $insecure (sort keys %want) {
        my $nginx = start({ "${OTLP}_ENDPOINT" => '127.0.0.1:4',
                            "${OTLP}_INSECURE" => $insecure });
        is(health($nginx)->{endpoint}, "$want{$insecure}://127.0.0.1:4",
           "${OTLP}_INSECURE='$insecure' chooses the scheme");
        done($nginx);
    }

    my $nginx = start({ "${OTLP}_ENDPOINT" => '127.0.0.1:4',
                        "${OTLP}_INSECURE" => 'false',
                        "${OTLP}_LOGS_INSECURE" => 'true' });
    is(health($nginx)->{endpoint}, 'http://127.0.0.1:4',
       'the INSECURE variable of the signal wins');
    done($nginx);
};


# --- what requests look like

# A request as the sink got it, of an event posted with this environment.

sub sent ($env, %opt) {
    my $sink = OpenQoE::Sink->new;
    my $lines = delete $opt{lines} // '';
    my %env = map { $_ => $env->{$_} =~ s/SINK/$sink->url/er } keys %$env;

    $env{OTEL_URL} //= $sink->url
        if !grep { /ENDPOINT/ } keys %env;
    my $nginx = start(\%env, $sink->config, exporter =>
                      "interval 30ms; $lines", %opt);
    post($nginx, headers => $opt{headers} // {});
    my ($request) = $sink->wait_for(1);
    done($nginx);

    return $request // {};
}

subtest 'the path of the signal' => sub {
    is(sent({ OTEL_URL => 'SINK/a', "${OTLP}_PROTOCOL" => 'http/json' })
       ->{uri}, '/a/v1/logs', 'OTEL_URL is a base');
    is(sent({ "${OTLP}_ENDPOINT" => 'SINK/b/',
              "${OTLP}_PROTOCOL" => 'http/json' })
       ->{uri}, '/b/v1/logs', "${OTLP}_ENDPOINT is a base, too");
    is(sent({ "${OTLP}_LOGS_ENDPOINT" => 'SINK/c/',
              "${OTLP}_PROTOCOL" => 'http/json' })
       ->{uri}, '/c/', "${OTLP}_LOGS_ENDPOINT is taken as it is");
};

subtest 'protocol' => sub {
    my %type = ('http/json' => 'application/json',
                'http/protobuf' => 'application/x-protobuf');
    is(sent({ "${OTLP}_PROTOCOL" => $_ })->{type}, $type{$_}, $_)
        for sort keys %type;
    is(sent({ "${OTLP}_PROTOCOL" => 'http/json',
              "${OTLP}_LOGS_PROTOCOL" => 'http/protobuf' })->{type},
       $type{'http/protobuf'}, 'the PROTOCOL variable of the signal wins');
    is(sent({ "${OTLP}_LOGS_PROTOCOL" => 'http/protobuf' },
            lines => 'protocol http/json;')->{type},
       $type{'http/json'}, 'the directive protocol wins over the variable');
};

my %json = ("${OTLP}_PROTOCOL" => 'http/json');

subtest 'compression' => sub {
    is(sent({ %json, "${OTLP}_COMPRESSION" => 'none' })->{encoding}, '',
       'the COMPRESSION variable switches compression off');
    is(sent({ %json, "${OTLP}_COMPRESSION" => 'none',
              "${OTLP}_LOGS_COMPRESSION" => 'gzip' })->{encoding}, 'gzip',
       'the COMPRESSION variable of the signal wins');
    is(sent({ %json, "${OTLP}_LOGS_COMPRESSION" => 'gzip' },
            lines => 'compression none;')->{encoding}, '',
       'the directive compression wins over the variable');
};

subtest 'headers' => sub {
    my $r = sent({ %json, "${OTLP}_HEADERS" =>
                   'x-one=a%20b%2Cc,  X-Two = two ,,x-scope-orgid=' });
    is($r->{one}, 'a b,c',
       'values in the HEADERS variable are percent-decoded');
    is($r->{two}, 'two', 'blanks around a header are cut');
    is($r->{scope}, '', 'a header may be empty');

    $r = sent({ %json, "${OTLP}_HEADERS" => 'x-one=1,x-two=2',
                "${OTLP}_LOGS_HEADERS" => 'x-one=3' });
    is($r->{one}, '3', 'the HEADERS variable of the signal is used');
    is($r->{two}, '',
       'the HEADERS variable of the signal stands in place of the general one');

    $r = sent({ %json, "${OTLP}_HEADERS" => 'x-one=1,x-two=2' },
              lines => 'header X-One directive;');
    is($r->{one}, 'directive', 'a header directive wins over the variable');
    is($r->{two}, '2',
       'a header directive replaces only the header of its name');
};

subtest 'the timeout, as sent in grpc-timeout' => sub {
    my $timeout = sub ($env, $lines) {
        my $sink = OpenQoE::Sink->new(listen => 'http2');
        my $nginx = start({ OTEL_URL => $sink->url, %$env }, $sink->config,
                          exporter => "interval 30ms; $lines");
        post($nginx);
        my ($r) = $sink->wait_for(1);
        done($nginx);
        return $r->{grpc_timeout};
    };

    is($timeout->({ "${OTLP}_TIMEOUT" => 1234 }, ''), '1234m',
       'the TIMEOUT variable is in milliseconds');
    is($timeout->({ "${OTLP}_TIMEOUT" => 1234, "${OTLP}_LOGS_TIMEOUT" => 999 },
                  ''), '999m', 'the TIMEOUT variable of the signal wins');
    is($timeout->({ "${OTLP}_LOGS_TIMEOUT" => 999 }, 'timeout 2s;'), '2000m',
       'the directive timeout wins over the variable');
};

subtest 'certificates' => sub {
    # a sink that is trusted gets the request at last, however busy it is
    my $client = sub ($env, $lines = '', %opt) {
        my $sink = OpenQoE::Sink->new(listen => 'ssl', server =>
            "ssl_certificate $certs->{server}; "
            . "ssl_certificate_key $certs->{server_key}; "
            . "ssl_client_certificate $certs->{ca}; "
            . 'ssl_verify_client optional;');
        my $nginx = start({ OTEL_URL => $sink->url, %json, %$env },
                          $sink->config,
                          exporter => "interval 30ms; $lines");
        post($nginx);
        wait_until(sub {
            $opt{refused} ? health($nginx)->{last_error} : $sink->requests;
        });
        my ($r) = $sink->requests;
        done($nginx, allow => qr/SSL_do_handshake/);
        return $r ? $r->{client} : undef;
    };
    my ($ca, $cert, $key) = map { "${OTLP}_$_" }
        qw(CERTIFICATE CLIENT_CERTIFICATE CLIENT_KEY);
    my %client = ($cert => $certs->{client}, $key => $certs->{client_key});

    is($client->({}, '', refused => 1), undef,
       'without a certificate variable the server is not trusted');
    is($client->({ $ca => $certs->{ca} }), '', $ca);
    is($client->({ $ca => $certs->{ca}, %client }), 'CN=client', $cert);
    is($client->({ $ca => $certs->{wrong_ca}, "${OTLP}_LOGS_CERTIFICATE" =>
                   $certs->{ca}, map({ ($_ =~ s/CLIENT/LOGS_CLIENT/r
                   => $client{$_}) } keys %client) }), 'CN=client',
       'the certificate variables of the signal win');
    is($client->({ $ca => $certs->{wrong_ca} },
                 "trusted_certificate $certs->{ca};"), '',
       'the directive trusted_certificate wins over the variable');
};

subtest 'service name and resource' => sub {
    my $resource = sub ($env, $lines = '') {
        my $nginx = OpenQoE::Nginx->new(env => { %none, %$env });
        $nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                             . "; interval 30ms; $lines");
        $nginx->start;
        post($nginx);
        my @logs;
        wait_until(sub { @logs = otlp_file_logs($nginx->out_file) });
        done($nginx);
        return $logs[0]{resource};
    };

    my $r = $resource->({});
    is($r->{'service.name'}, 'openQoE-worker', 'service.name has its default');

    $r = $resource->({ OTEL_RESOURCE_ATTRIBUTES =>
                       'service.name=from-list, a.b = c%20%3D , x%2Cy=1' });
    is($r->{'service.name'}, 'from-list',
       'OTEL_RESOURCE_ATTRIBUTES sets service.name');
    is($r->{'a.b'}, 'c =',
       'values of OTEL_RESOURCE_ATTRIBUTES are percent-decoded');
    is($r->{'x,y'}, '1',
       'names in OTEL_RESOURCE_ATTRIBUTES are percent-decoded');

    $r = $resource->({ OTEL_RESOURCE_ATTRIBUTES => 'service.name=from-list',
                       OTEL_SERVICE_NAME => 'own' });
    is($r->{'service.name'}, 'own', 'OTEL_SERVICE_NAME wins');

    $r = $resource->({ OTEL_SERVICE_NAME => 'own',
                       OTEL_RESOURCE_ATTRIBUTES => 'a=env,b=env' },
                     'resource service.name line; resource a line;');
    is($r->{'service.name'}, 'line',
       'a resource_attribute directive wins over the variables');
    is("$r->{a} $r->{b}", 'line env',
       'a directive replaces only the attribute of its name');
};


# --- Grafana Cloud

my %grafana = (DESTINATION_TYPE => 'GrafanaCloud',
               GRAFANA_CLOUD_INSTANCE_ID => '123456',
               GRAFANA_CLOUD_API_KEY => 'glc_secret=',
               GRAFANA_CLOUD_REGION => 'prod-eu-west-2');

subtest 'Grafana Cloud: its endpoint' => sub {
    my $gateway = 'https://otlp-gateway-prod-eu-west-2.grafana.net/otlp';
    my $nginx = start({ %grafana, OTEL_URL => 'http://127.0.0.1:1' });
    is(health($nginx)->{endpoint}, $gateway,
       "Grafana Cloud's variables win over OTEL_URL");
    done($nginx);

    $nginx = start({ %grafana, DESTINATION_TYPE => 'SelfHosted' });
    is(health($nginx)->{endpoint}, 'http://localhost:4317',
       "a mode of SelfHosted ignores Grafana Cloud's variables");
    done($nginx);

    for my $signal (qw(METRICS TRACES)) {
        $nginx = start({ %grafana,
                         "${OTLP}_${signal}_ENDPOINT" => 'http://127.0.0.1:1' });
        is(health($nginx)->{endpoint}, 'http://localhost:4317',
           "another endpoint of \L$signal\E wins over Grafana Cloud's, so that "
           . 'it is not sent the credentials');
        done($nginx);
    }

    for my $case ([ { "${OTLP}_ENDPOINT" => 'SINK' }, '' ],
                  [ {}, 'endpoint SINK;' ])
    {
        my $sink = OpenQoE::Sink->new;
        my ($env, $lines) = ({ %{ $case->[0] } }, $case->[1]);
        s/SINK/$sink->url/e for values %$env, $lines;
        my $nginx = start({ %grafana, %json, %$env }, $sink->config,
                          exporter => "interval 30ms; $lines");
        is(health($nginx)->{endpoint}, $sink->url,
           "another endpoint wins over Grafana Cloud's");
        post($nginx);
        my ($r) = $sink->wait_for(1);
        is($r->{authorization}, '',
           "another endpoint is not sent Grafana Cloud's credentials");
        done($nginx);
    }
};

# The gateway's name leads to this machine only in nginx's own mount namespace.

SKIP: {
    my $dir = scratch_dir('grafana');
    my $name = "otlp-gateway-$grafana{GRAFANA_CLOUD_REGION}.grafana.net";
    my ($rc) = run_cmd('unshare', '-m', 'true');

    skip('needs unshare -m and port 443', 1) if $> != 0 || $rc ne '0';

    write_file("$dir/hosts", "127.0.0.77 $name\n127.0.0.1 localhost\n");
    write_file("$dir/nginx", "#!/bin/sh\nmount --bind $dir/hosts /etc/hosts "
        . '&& exec ' . ($ENV{TEST_NGINX_BINARY} || 'nginx') . " \"\$@\"\n");
    chmod 0755, "$dir/nginx";

    OpenQoE::Certs::leaf($certs->{dir}, 'gateway', usage => 'serverAuth',
                         san => "DNS:$name");

    subtest 'Grafana Cloud: the request' => sub {
        my $sink = OpenQoE::Sink->new(address => '127.0.0.77:443',
            listen => 'ssl', server => "ssl_certificate "
            . "$certs->{dir}/gateway.crt; "
            . "ssl_certificate_key $certs->{dir}/gateway.key;");
        my $nginx = start({ %grafana, "${OTLP}_CERTIFICATE" => $certs->{ca} },
                          $sink->config, binary => "unshare -m $dir/nginx",
                          exporter => 'interval 30ms;');
        post($nginx);
        my ($r) = $sink->wait_for(1);
        is($r->{uri}, '/otlp/v1/logs',
           'Grafana Cloud gets the path of its gateway');
        is($r->{host}, $name, 'Grafana Cloud gets its host name');
        is($r->{type}, 'application/x-protobuf',
           'Grafana Cloud gets HTTP with protobuf');
        is($r->{authorization}, 'Basic MTIzNDU2OmdsY19zZWNyZXQ9',
           'Grafana Cloud gets basic authentication');
        unlike($nginx->error_log . http_get($nginx->port, '/v2/health')->{body}
               . http_get($nginx->port, '/v2/stats')->{body},
               qr/glc_secret|MTIzNDU2/, "Grafana Cloud's key is shown nowhere");
        done($nginx);
    };
}


# --- variables of the location

subtest 'API_KEY' => sub {
    my %key = (headers => { 'X-API-Key' => 'from env' });
    my $nginx = start({ API_KEY => 'from env' });
    is(post($nginx)->{status}, 401, 'API_KEY asks for a key');
    is(post($nginx, %key)->{status}, 202, 'API_KEY takes its own key');
    is(http_get($nginx->port, '/v2/stats')->{status}, 401,
       'API_KEY protects the stats, too');
    is(http_get($nginx->port, '/v2/health')->{status}, 200,
       'API_KEY leaves the health open');
    ok($nginx->reload, 'nginx reloads');
    is(post($nginx)->{status}, 401,
       'after a reload API_KEY still asks for a key');
    done($nginx);

    $nginx = start({ API_KEY => 'from env' },
                   events => 'openqoe_api_key other;');
    is(post($nginx, %key)->{status}, 401, 'openqoe_api_key wins over API_KEY');
    done($nginx);

    $nginx = start({ API_KEY => 'from env' }, events => 'openqoe_api_key off;');
    is(post($nginx)->{status}, 202, 'openqoe_api_key off wins over API_KEY');
    done($nginx);
};

subtest 'CORS_ALLOWED_ORIGINS' => sub {
    my $allow = sub ($nginx, $origin) {
        return post($nginx, headers => { Origin => $origin })
               ->{headers}{'access-control-allow-origin'};
    };
    my %env = (CORS_ALLOWED_ORIGINS => 'https://a.example, ,https://b.example');

    my $nginx = start(\%env);
    is($allow->($nginx, $_), $_, $_) for qw(https://a.example
                                            https://b.example);
    is($allow->($nginx, 'https://c.example'), undef,
       'an origin that the variable does not list is not allowed');
    done($nginx);

    $nginx = start(\%env, events => 'openqoe_cors_origin https://c.example;');
    is($allow->($nginx, 'https://c.example'), 'https://c.example',
       'openqoe_cors_origin wins over the variable');
    is($allow->($nginx, 'https://a.example'), undef,
       'openqoe_cors_origin stands in place of the variable');
    done($nginx);

    $nginx = start({ CORS_ALLOWED_ORIGINS => '*' });
    is($allow->($nginx, 'https://c.example'), '*', '*');
    done($nginx);

    $nginx = start(\%env, events => 'openqoe_cors_origin off;');
    is($allow->($nginx, 'https://a.example'), undef,
       'openqoe_cors_origin off wins over the variable');
    done($nginx);
};

subtest 'OWN_DOMAIN' => sub {
    for ([ '', '.example.org' ],
         [ 'openqoe_marker_domain a.example;', 'a.example' ])
    {
        my $nginx = start({ OWN_DOMAIN => '.example.org' },
                          events => "openqoe_marker on; $_->[0]");
        like(post($nginx)->{headers}{'set-cookie'} // '',
             qr/; Domain=\Q$_->[1]\E;/, $_->[1]);
        done($nginx);
    }
};

subtest 'LOG_LEVEL' => sub {
    my $url = 'http://127.0.0.1:1';

    for my $level (qw(debug info warn error ERROR)) {
        my $nginx = start({ OTEL_URL => $url, LOG_LEVEL => $level,
                            "${OTLP}_PROTOCOL" => 'http/json' },
                          exporter => 'interval 30ms;');
        post($nginx);
        wait_until(sub { health($nginx)->{last_error} });
        done($nginx);

        # the failure is logged after the health shows it
        my $says = $nginx->error_log =~ /\[warn\].*openqoe:.* export failed/;
        is($says ? 1 : 0, $level =~ /error/i ? 0 : 1, $level);
    }
};


# --- wrong values

my $nginx = OpenQoE::Nginx->new(exporter => undef);

sub refused ($env, @says) {
    $nginx->{env} = { %none, %$env };
    my ($rc, $text) = $nginx->test_config;
    my @lines = grep { /\[emerg\]/ } split /^/, $text;
    my @missing = grep { index($lines[0] // '', $_) < 0 } @says;
    my $name = join ' ', map { "$_=" . ($env->{$_} // 'unset') }
                         grep { keys %$env == 1 || /REGION|_ID|_KEY/ }
                         sort keys %$env;

    return ok($rc ne 'timeout' && $rc >> 8 == 1 && @lines == 1 && !@missing,
              "refused: $name") || diag("missing: @missing\n$text");
}

sub bad ($name, $value, $expected = '') {
    refused({ $name => $value }, "invalid value \"$value\" in \"$name\", it "
                                 . "must be $expected");
}

for my $name ('OTEL_URL', map { "${OTLP}${_}_ENDPOINT" } '', '_LOGS',
              '_METRICS')
{
    bad($name, $_) for 'ftp://a', 'http://', 'http://a:0', 'http://u:p@a',
        'http://a?b', 'http://a/path', 'file://x';
    bad($name, 'file:///tmp/x') if $name =~ /METRICS/;
}
bad('OTEL_URL', 'localhost:4317', 'a URL that begins with');
refused({ OTEL_URL => 'file:///nope/x' },
        '"OTEL_URL" cannot open the file "/nope/x" (2: No such file');

for my $signal ('', '_LOGS') {
    bad("$OTLP${signal}_PROTOCOL", $_, '"grpc"') for qw(http GRPC);
    bad("$OTLP${signal}_COMPRESSION", $_, '"gzip"') for qw(zstd deflate);
    bad("$OTLP${signal}_TIMEOUT", 'x', 'a number of milliseconds');
    bad("$OTLP${signal}_TIMEOUT", $_) for qw(10s 9 600001 -1);
    bad("$OTLP${signal}_INSECURE", $_, '"true" or "false"') for qw(1 yes);
    refused({ "$OTLP${signal}_HEADERS" => $_ }, "\"$OTLP${signal}_HEADERS\"",
            'invalid value "..."')
        for 'secret', 'a=secret,b', 'a=secret%0d%0ax: y', 'a=secret%00',
            'a=secret%2', 'a=secret%zz', '=secret', 'a b=secret',
            'host=secret';

    for my $kind (qw(CERTIFICATE CLIENT_CERTIFICATE CLIENT_KEY)) {
        my $name = "$OTLP${signal}_$kind";
        refused({ $name => '/nowhere' }, "\"$name\"", '"/nowhere"');
        refused({ $name => $nginx->error_log_path }, "\"$name\"", 'no usable')
            if write_file($nginx->error_log_path, "x\n") || 1;
    }
}

bad('OTEL_METRIC_EXPORT_INTERVAL', $_) for qw(99 3600001 10s -1 x);
refused({ CARDINALITY_LIMITS => $_ }, '"CARDINALITY_LIMITS"')
    for '{', '[]', '1', '{"env":1}', '{"env":{"action":"nope"}}',
        '{"env":{"max_cardinality":-1}}', '{"session_id":{"action":"allow"}}';
bad('OTEL_RESOURCE_ATTRIBUTES', $_) for 'a', 'a=b,c', '=b', 'a=%f', 'a=%ff';
bad('OTEL_RESOURCE_ATTRIBUTES', "service.instance.id=$_",
    'with a service.instance.id of 1 to 255 bytes of UTF-8 without control '
    . 'characters') for '', 'a%0ab', 'e' x 256;
bad('DESTINATION_TYPE', $_, '"SelfHosted" or "GrafanaCloud"')
    for qw(grafanacloud Grafana SelfHost);
for my $name (grep { /^GRAFANA/ } keys %grafana) {
    for my $value (undef, '') {
        refused({ %grafana, $name => $value }, "\"$name\"", 'GrafanaCloud');
    }
}
for ('EU', 'a.b', 'a/b', 'a b', 'a@b') {
    refused({ %grafana, GRAFANA_CLOUD_REGION => $_ },
            "invalid value \"$_\" in \"GRAFANA_CLOUD_REGION\"");
}
refused({ %grafana, GRAFANA_CLOUD_INSTANCE_ID => 'a:b' },
        'invalid value "a:b" in "GRAFANA_CLOUD_INSTANCE_ID"');
refused({ API_KEY => '' }, '"API_KEY"', 'a key');
bad('CORS_ALLOWED_ORIGINS', $_) for 'a.example', 'https://a.example/',
    'https://a.example https://b.example', '*,https://a.example';
bad('OWN_DOMAIN', $_, 'a domain name') for 'a b', 'a.example;x', 'a_b';
bad('LOG_LEVEL', $_, '"error", "warn", "info" or "debug"')
    for qw(trace warning crit 1);

# The module is loaded and not used, so none of these variables is read.

$nginx->{env} = { %none, OTEL_URL => 'nonsense', API_KEY => '' };
$nginx->write_config(zone => undef, locations => '');
is(($nginx->test_config)[0], 0, 'without a zone the environment is not read');

done_testing;
