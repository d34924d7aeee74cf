# Tests that need connections of their own: TLS and HTTP/2, 100-continue,
# clients that are slow or go away, several servers with one zone, the access
# log, and that the module does not change other locations.

use lib 't/lib';
use OpenQoE::Test;
use OpenQoE::HTTP;

my $certs = make_certs();
my %tls = (server => "ssl_certificate $certs->{server}; "
                     . "ssl_certificate_key $certs->{server_key};");


sub done ($nginx, %opt) {
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors(%opt);
}


sub body_file ($text) {
    my $path = scratch_dir('body') . '/body';
    write_file($path, $text);
    return $path;
}


# --- TLS, HTTP/1.1 and HTTP/2

subtest 'requests over TLS' => sub {
    my $nginx = OpenQoE::Nginx->new(%tls, listen => 'ssl http2',
        events => 'openqoe_api_key k; openqoe_cors_origin https://a.example; '
                  . 'openqoe_marker on;')->start;
    my $oracle = OpenQoE::Oracle->new;
    my $base = 'https://localhost:' . $nginx->port;

    my ($rc, $said) = $nginx->test_config;
    unlike($said, qr/\[warn\]/, 'nginx -t has no warning about HTTP/2');

    my @common = ('--cacert', $certs->{ca}, '-H', 'Origin: https://a.example');

    for my $version (['--http1.1', '1.1'], ['--http2', 2]) {
        for my $n (1, 500) {
            my $events = batch($n);
            my $r = curl(@common, $version->[0], '-H', 'X-API-Key: k',
                         '--data-binary', '@' . body_file(batch_json($events)),
                         '-H', 'Content-Type: application/json',
                         "$base/v2/events");
            $oracle->note($events, $r);
            is("$r->{version} $r->{status}", "$version->[1] 202",
               "HTTP/$version->[1]: $n events are accepted");
            is($r->{headers}{'content-type'}, 'application/json',
               'the answer is JSON');
            is($r->{headers}{'access-control-allow-origin'},
               'https://a.example', 'the answer has the CORS header');
            like($r->{headers}{'set-cookie'}, qr/^marker=/,
                 'the answer sets the marker cookie');
            is(decode_json_text($r->{body})->{events_received}, $n,
               'the answer has the number of events');
        }

        my %want = (GET => 405, PUT => 405, OPTIONS => 204, POST => 401);
        for my $method (sort keys %want) {
            my $r = curl(@common, $version->[0], '-X', $method,
                         "$base/v2/events");
            is($r->{status}, $want{$method},
               "HTTP/$version->[1] $method gets its status");
        }

        my $r = curl(@common, $version->[0], "$base/v2/health");
        is($r->{status}, 200, 'the health is answered');
        $r = curl(@common, $version->[0], '-I', "$base/v2/stats");
        is($r->{status}, 200, 'HEAD of the stats is answered');
        cmp_ok($r->{headers}{'content-length'} // 0, '>', 200,
               'HEAD of the stats has the length');
    }

    $oracle->wait_delivered($nginx->out_file);
    $oracle->is_exactly_once('all accepted events arrive, each once');
    done($nginx);
};

subtest 'HTTP/2: a body without a length, in a temporary file' => sub {
    my $nginx = OpenQoE::Nginx->new(listen => 'http2',
        events => 'client_body_buffer_size 4k;')->start;
    my $r = curl('--http2-prior-knowledge', '-T',
                 body_file(batch_json(batch(300))), '-X', 'POST', '-H',
                 'Content-Length:', $nginx->url);
    is("$r->{version} $r->{status}", '2 202', 'a large request is accepted');
    is(decode_json_text($r->{body})->{events_received}, 300,
       'all events of a large request are received');
    done($nginx);
};


# --- everything else on one nginx

my ($two, $three, $plain) = free_ports(3);

my $nginx = OpenQoE::Nginx->new(workers => 2, http => <<'END',
    log_format t '$uri $request_method $status $body_bytes_sent '
                 '$content_length $request_length $request_completion '
                 '"$sent_http_content_type" $upstream_status END';
END
    location => <<"END",
        location = /slow { openqoe_events; client_body_timeout 1s; }
        location = /log {
            openqoe_events;
            openqoe_max_events 2;
            access_log TMP/access t;
        }
        location = /log/stats { openqoe_stats; access_log TMP/access t; }
        location = /log/large {
            openqoe_events;
            client_max_body_size 10;
            access_log TMP/access t;
        }
        location /file { alias TMP/www; etag on; expires 1h; }
END
    servers => <<"END");
    server {
        listen 127.0.0.1:$two;
        openqoe_max_events 2;
        location = /v2/events { openqoe_events; }
        location = /v2/stats { openqoe_stats; }
    }
    server {
        listen 127.0.0.1:$three;
        location ~ events { openqoe_events; }
        location ~ stats { openqoe_stats; }
    }
END

my $dir = $nginx->dir;

mkdir "$dir/www";
write_file("$dir/www/a.txt", "a file\n" x 100);
chmod 0777, $dir;
$nginx->write_config(location => $nginx->{location} =~ s/TMP/$dir/gr);
$nginx->start;

subtest 'Expect: 100-continue' => sub {
    my $body = batch_json(batch(2));
    my $client = $nginx->http;
    $client->send_raw("POST /v2/events HTTP/1.1\r\nHost: h\r\n"
                      . "Expect: 100-continue\r\nContent-Length: "
                      . length($body) . "\r\n\r\n");
    ok($client->fill(time + 5), 'an answer comes before the body is sent');
    like($client->{in}, qr{^HTTP/1\.1 100 Continue\r\n\r\n$},
         'that answer is 100 Continue');
    $client->send_raw($body);
    is(($client->read_response // {})->{status}, 202,
       'the body sent after that is accepted');

    my $r = $client->request('POST', '/v2/events', body => $body, headers =>
        { Expect => '100-continue', 'Content-Type' => 'text/html' });
    is($r->{status}, 415, 'a request that is refused gets no 100 Continue');
    $client->close;
};

subtest 'clients that go away' => sub {
    my $before = $nginx->stats;
    my $body = batch_json(batch(50));

    for my $part (0, 1, 1000, length($body) - 1) {
        my $client = $nginx->http;
        $client->send_raw("POST /v2/events HTTP/1.1\r\nHost: h\r\n"
            . 'Content-Length: ' . length($body) . "\r\n\r\n"
            . substr $body, 0, $part);
        $client->close;

        $client = $nginx->http;
        $client->send_raw("POST /v2/events HTTP/1.1\r\nHost: h\r\n"
            . "Transfer-Encoding: chunked\r\n\r\n"
            . sprintf("%x\r\n%s", length $body, substr $body, 0, $part));
        $client->close;
    }

    # A client that goes away before the answer has sent its events whole.
    my $client = $nginx->http;
    $client->send_raw("POST /v2/events HTTP/1.1\r\nHost: h\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
    $client->close;

    my $after;
    wait_until(sub {
        $after = $nginx->stats;
        return $after->{events}{accepted} == $before->{events}{accepted} + 50;
    });
    is($after->{events}{received}, $before->{events}{received} + 50,
       'half a body is not decoded');
    is($after->{events}{accepted}, $before->{events}{accepted} + 50,
       'a whole body is accepted');
};

subtest 'slow clients' => sub {
    my $body = batch_json(batch(2));
    my $head = "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: "
               . length($body) . "\r\n\r\n";
    my $client = $nginx->http;

    $client->send_raw($head);
    for my $byte (map { substr $body, $_ * 200, 200 }
                  0 .. int(length($body) / 200))
    {
        $client->send_raw($byte);
        sleep 0.05;
    }
    is(($client->read_response // {})->{status}, 202,
       'a body that comes slowly, but within its timeout, is accepted');
    $client->close;

    $client = $nginx->http(timeout => 30);
    $client->send_raw($head . substr $body, 0, 10);
    my $begin = time;
    my $r = $client->read_response;
    ok(!$r || $r->{status} == 408,
       'a body that comes too slowly ends by client_body_timeout');
    cmp_ok(time - $begin, '<', 20,
           'client_body_timeout ends the request long before its default of '
           . '60 s');
    $client->close;
};

subtest 'several servers with one zone' => sub {
    my $before = $nginx->stats;
    my @got = map {
        my ($port, $path, $n) = @$_;
        (http_post($port, $path, batch_json(batch($n))) // {})->{status};
    } [ $nginx->port, '/v2/events', 3 ], [ $two, '/v2/events', 2 ],
      [ $two, '/v2/events', 3 ], [ $three, '/my/events', 5 ];

    is("@got", '202 202 400 202', 'each server answers by its own directives');

    for my $port ($nginx->port, $two, $three) {
        my $after = decode_json_text(http_get($port, '/v2/stats')->{body});
        is($after->{events}{accepted} - $before->{events}{accepted}, 10,
           "each server's stats count the events of all");
        is($after->{requests}{202} - $before->{requests}{202}, 3,
           "each server's stats count the requests of all");
        is($after->{instance_id}, $before->{instance_id},
           'all servers are one instance');
    }
};

subtest 'the access log' => sub {
    my $ok = batch_json(batch(2));
    my (@sent, @lines);

    # A line is written after its answer, so the next request, which another
    # worker may serve, may get its line first.

    for my $request (
        [ POST => '/log', body => $ok ], [ POST => '/log', body => '{}' ],
        [ GET => '/log' ], [ OPTIONS => '/log' ], [ GET => '/log/stats' ],
        [ HEAD => '/log/stats' ], [ POST => '/log/large', body => 'x' x 20 ])
    {
        push @sent, http_request($nginx->port, @$request);
        wait_until(sub {
            @lines = split /\n/, slurp("$dir/access");
            return @lines >= @sent;
        });
    }
    is(scalar @lines, 7, 'the access log has a line for each request');

    my @want = ([ 'POST', 202, length $ok ], [ 'POST', 400, 2 ],
                [ 'GET', 405, '-' ], [ 'OPTIONS', 204, '-' ],
                [ 'GET', 200, '-' ], [ 'HEAD', 200, '-' ],
                [ 'POST', 413, 20 ]);
    for my $i (0 .. 6) {
        my ($method, $status, $length) = @{ $want[$i] };
        my $size = length $sent[$i]{body};
        my $type = $status == 204 ? '-' : 'application/json';
        like($lines[$i] // '', qr{^\S+\ $method\ $status\ $size\ $length\ \d+
             \ OK\ "$type"\ -\ END$}x,
             "the access log is right for $method $status");
    }
};

# Sends the same requests to an nginx that has not loaded the module: all bytes
# of the headers but the date are the same.

subtest 'other locations are as without the module' => sub {
    my $without = OpenQoE::Nginx->new(module => 0, locations => '',
        location => "location /file { alias $dir/www; etag on; expires 1h; }"
        )->start;
    my @requests = (
        [ GET => '/file/a.txt' ], [ HEAD => '/file/a.txt' ],
        [ GET => '/file/none' ], [ POST => '/file/a.txt', body => 'x' ],
        [ OPTIONS => '/file/a.txt' ], [ GET => '/file/' ],
        [ GET => '/file/a.txt', headers => { Range => 'bytes=5-9',
          Origin => 'https://a.example' } ],
        [ GET => '/file/a.txt', headers => { 'If-Modified-Since' =>
          'Fri, 01 Jan 2100 00:00:00 GMT' } ],
        [ GET => '/../x' ], [ POST => '/v3/events', body => '{}' ],
    );

    for my $request (@requests) {
        my ($with, $bare) = map {
            my $r = http_request($_->port, @$request);
            $r->{raw_headers} =~ s/^(?:Date|Expires):[^\n]*\n//gmr
            . "\n$r->{body}";
        } $nginx, $without;
        is($with, $bare,
           "@{$request}[0, 1]: the answer is the same as without the "
           . "module's filters");
    }

    done($without);
};

is($nginx->stats->{events}{rejected}{error}, 0,
   'no request ended in an internal error');
done($nginx);

done_testing;
