use Test::Nginx::Socket;

# What HTTP can do to a request and nginx to a location: ways of a body,
# methods, other modules and error pages in the same location, locations of
# every kind.  What needs connections of its own is in connections.t.

use OpenQoE::Event qw(event batch batch_json gzip);

add_block_preprocessor(sub {
    my $block = shift;
    my $main = $block->main_config // '';
    my $http = $block->http_config // '';

    $block->set_value('main_config',
                      "load_module \$TEST_NGINX_OPENQOE_MODULE;\n$main");
    $block->set_value('http_config', $http
        . 'openqoe_zone qoe:8m; openqoe_exporter { '
        . 'endpoint file://$TEST_NGINX_SERVER_ROOT/logs/otlp; }');
    $block->set_value('config', <<'END') if !defined $block->config;
        location = /v2/events { openqoe_events; }
        location = /v2/health { openqoe_health; }
        location = /v2/stats { openqoe_stats; }
END
    $block->set_value('no_error_log', "[error]")
        if !defined $block->no_error_log && !defined $block->error_log;
});

# a POST in chunks of so many bytes

sub chunked {
    my ($size, $body, @headers) = @_;
    my $chunks = '';
    while ($body =~ /(.{1,$size})/gs) {
        $chunks .= sprintf "%x\r\n%s\r\n", length $1, $1;
    }
    return join "\r\n", 'POST /v2/events HTTP/1.1', 'Host: localhost',
                'Connection: close', 'Transfer-Encoding: chunked', @headers,
                '', "${chunks}0\r\n\r\n";
}

sub post { return "POST /v2/events\n" . batch_json(batch($_[0] // 1)) }

our $Common = "Content-Type: application/json\n"
              . "X-Content-Type-Options: nosniff\nX-App-Version: v2\n"
              . "Cache-Control: no-store";
our $Foreign = "! X-Content-Type-Options\n! X-App-Version\n! Cache-Control";
our $One = qr/^\{"success":true,.*"events_received":1,/;
our $Refused = qr/^\{"success":false,"message":"[^"]+".*\}$/;

plan('no_plan');
run_tests();

__DATA__

=== TEST 1: a body in chunks of seven bytes is accepted
--- raw_request eval
::chunked(7, ::batch_json(::batch(3)))
--- error_code: 202
--- response_body_like: "events_received":3,
--- no_error_log
temporary file



=== TEST 2: a chunked body in a temporary file is accepted
--- config
    location = /v2/events { openqoe_events; client_body_buffer_size 2k; }
--- raw_request eval
::chunked(1000, ::batch_json(::batch(30)))
--- error_code: 202
--- response_body_like: "events_received":30,
--- error_log
buffered to a temporary file



=== TEST 3: a chunked gzip body in a temporary file is accepted
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_max_sessions 100;
        client_body_buffer_size 1k;
    }
--- raw_request eval
::chunked(100, ::gzip(::batch_json([map { ::event() } 1 .. 100])),
          'Content-Encoding: gzip')
--- error_code: 202
--- response_body_like: "events_received":100,
--- error_log
buffered to a temporary file



=== TEST 4: a body that comes in many packets is accepted
--- request eval
my $body = ::batch_json(::batch(20));
[["POST /v2/events\n" . substr($body, 0, 1),
  map { { value => $_, delay_before => 0.02 } }
      (substr($body, 1) =~ /(.{1,1500})/gs)]]
--- error_code: 202
--- response_body_like: "events_received":20,



=== TEST 5: client_body_in_file_only: a body that is only in a file is accepted
--- config
    location = /v2/events {
        openqoe_events;
        client_body_in_file_only clean;
    }
--- request eval
::post(2)
--- error_code: 202
--- response_body_like: "events_received":2,



=== TEST 6: client_body_in_single_buffer: a body in a single buffer is accepted
--- config
    location = /v2/events {
        openqoe_events;
        client_body_in_single_buffer on;
        client_body_buffer_size 64k;
    }
--- request eval
::post(40)
--- error_code: 202
--- response_body_like: "events_received":40,



=== TEST 7: pipelined requests are answered in order, refused ones among accepted ones
--- pipelined_requests eval
[::post(), "POST /v2/events\n{}", "GET /v2/events", ::post(),
 "GET /v2/health", ::post()]
--- error_code eval
[202, 400, 405, 202, 200, 202]
--- response_body eval
[$::One, $::Refused, $::Refused, $::One, qr/^\{"status":/, $::One]



=== TEST 8: events: methods other than POST are refused
--- request eval
[map { "$_ /v2/events" } qw(GET HEAD PUT DELETE PATCH PROPFIND)]
--- error_code eval
[(405) x 6]
--- response_headers eval
[("$::Common\nAllow: POST, OPTIONS") x 6]
--- response_body eval
my $r = $::Refused;
[$r, '', $r, $r, $r, $r]



=== TEST 9: health and stats: methods other than GET and HEAD are refused
--- request eval
[map { ("GET $_", "HEAD $_", "POST $_\n{}", "PUT $_\nx", "DELETE $_") }
     qw(/v2/health /v2/stats)]
--- error_code eval
[(200, 200, 405, 405, 405) x 2]
--- response_headers eval
[($::Common, $::Common, ("$::Common\nAllow: GET, HEAD, OPTIONS") x 3) x 2]
--- response_body eval
my $r = $::Refused;
[qr/^\{"status":/, '', $r, $r, $r, qr/^\{"worker_version":/, '', $r, $r, $r]



=== TEST 10: without CORS OPTIONS is refused on each location
--- request eval
[map { "OPTIONS $_" } qw(/v2/events /v2/health /v2/stats)]
--- error_code eval
[204, 204, 204]
--- response_headers eval
["Allow: POST, OPTIONS\n! Access-Control-Allow-Origin\n! Content-Type",
 ("Allow: GET, HEAD, OPTIONS\n! Access-Control-Allow-Origin") x 2]



=== TEST 11: a query string does not matter to events
--- request eval
"POST /v2/events?a=b&c\n" . ::batch_json(::batch(1))
--- error_code: 202
--- response_body eval
$::One



=== TEST 12: a request that auth_request lets in is accepted
--- config
    location = /v2/events { auth_request /auth; openqoe_events; }
    location = /auth { internal; return 204; }
--- request eval
::post(3)
--- error_code: 202
--- response_headers eval
$::Common
--- response_body_like: "events_received":3,



=== TEST 13: a 401 of auth_request is JSON, with CORS headers
--- config
    location = /v2/events {
        auth_request /auth;
        openqoe_events;
        openqoe_cors_origin https://a.example;
    }
    location = /auth { internal; return 401; }
--- request eval
::post()
--- more_headers
Origin: https://a.example
--- error_code: 401
--- response_headers eval
"$::Common\nAccess-Control-Allow-Origin: https://a.example\nVary: Origin"
--- response_body eval
$::Refused



=== TEST 14: a 500 of auth_request is JSON
--- config
    location = /v2/events { auth_request /auth; openqoe_events; }
    location = /auth { internal; return 418; }
--- request eval
::post()
--- error_code: 500
--- response_headers eval
$::Common
--- response_body eval
$::Refused
--- error_log
auth request unexpected status: 418



=== TEST 15: a 403 of deny is JSON
--- config
    location = /v2/events { deny all; openqoe_events; }
--- request eval
::post()
--- error_code: 403
--- response_headers eval
$::Common
--- response_body eval
$::Refused
--- error_log
access forbidden by rule



=== TEST 16: limit_req and auth_request work together
--- http_config
    limit_req_zone $server_port zone=one:32k rate=1r/m;
--- config
    location = /v2/events {
        limit_req zone=one burst=1 nodelay;
        limit_req_status 429;
        auth_request /auth;
        openqoe_events;
    }
    location = /auth { internal; return 204; }
--- request eval
[::post(), ::post(), ::post()]
--- error_code eval
[202, 202, 429]
--- response_headers eval
[$::Common, $::Common, "$::Common\nRetry-After: 1"]
--- response_body eval
[$::One, $::One, $::Refused]
--- no_error_log
[crit]



=== TEST 17: auth_request may ask the module's health
--- config
    location = /v2/events { auth_request /v2/health; openqoe_events; }
    location = /v2/health { openqoe_health; }
--- request eval
::post()
--- error_code: 202
--- response_body eval
$::One



=== TEST 18: a named location serves events
--- config
    location /some { try_files /nowhere @events; }
    location @events { openqoe_events; openqoe_marker on; }
--- request eval
"POST /some/path\n" . ::batch_json(::batch(2))
--- error_code: 202
--- response_headers_like
Set-Cookie: marker=[0-9a-f-]{36}; Path=/; .*
--- response_body_like: "events_received":2,



=== TEST 19: a regex location serves events
--- config
    location ~ ^/v\d+/(events|collect)$ { openqoe_events; openqoe_marker on; }
--- request eval
["POST /v7/collect\n" . ::batch_json(::batch(1)), ::post(),
 "POST /index.html\n{}"]
--- error_code eval
[202, 202, 405]
--- response_headers_like eval
[("Set-Cookie: marker=[0-9a-f-]{36}; Path=/; .*") x 2, ""]
--- response_body eval
[$::One, $::One, qr/<html>/]
--- no_error_log
[crit]



=== TEST 20: a prefix location serves events
--- config
    location /in/ { openqoe_events; }
--- request eval
["POST /in/any/thing\n" . ::batch_json(::batch(1)), "GET /in/"]
--- error_code eval
[202, 405]
--- response_body eval
[$::One, $::Refused]



=== TEST 21: a rewrite leads to the location
--- config
    rewrite ^/old$ /v2/events last;
    location = /v2/events { openqoe_events; }
--- request eval
"POST /old\n" . ::batch_json(::batch(1))
--- error_code: 202
--- response_body eval
$::One



=== TEST 22: a return in the location wins over the handler
--- config
    location = /v2/events { openqoe_events; return 200 "mine"; }
--- request eval
::post()
--- response_headers eval
$::Foreign
--- response_body chomp
mine



=== TEST 23: a return with an error in the location is JSON
--- config
    location = /v2/events { openqoe_events; return 404; }
--- request eval
::post()
--- error_code: 404
--- response_headers eval
$::Common
--- response_body eval
$::Refused



=== TEST 24: limit_except in the location works
--- config
    location = /v2/events {
        openqoe_events;
        limit_except POST { deny all; }
    }
--- request eval
[::post(), "GET /v2/events"]
--- error_code eval
[202, 403]
--- response_body eval
[$::One, qr/./]
--- no_error_log
[crit]



=== TEST 25: a 413 is JSON in the module's locations and HTML in others
--- config
    location = /v2/events { openqoe_events; client_max_body_size 100; }
    location = /v2/stats { openqoe_stats; client_max_body_size 100; }
    location = /file { client_max_body_size 100; }
--- request eval
["POST /v2/events\n" . 'x' x 101, "GET /v2/stats\n" . 'x' x 101,
 "GET /file\n" . 'x' x 101]
--- error_code eval
[413, 413, 413]
--- response_headers eval
[$::Common, $::Common, "Content-Type: text/html\n$::Foreign"]
--- response_body eval
[$::Refused, $::Refused, qr/^<html>/]
--- no_error_log
[crit]



=== TEST 26: error_page works for what nginx refuses
--- config
    error_page 413 /too-large;
    location = /v2/events { openqoe_events; client_max_body_size 100; }
    location = /too-large { return 413 "mine"; }
--- request eval
"POST /v2/events\n" . 'x' x 101
--- error_code: 413
--- response_headers eval
$::Foreign
--- response_body chomp
mine
--- no_error_log
[crit]



=== TEST 27: error_page does not work for what the module refuses
--- config
    error_page 400 401 405 415 /mine;
    location = /v2/events { openqoe_events; }
    location = /mine { return 200 "mine"; }
--- request eval
["POST /v2/events\n{}", "GET /v2/events"]
--- error_code eval
[400, 405]
--- response_headers eval
[$::Common, "$::Common\nAllow: POST, OPTIONS"]
--- response_body eval
[$::Refused, $::Refused]



=== TEST 28: error_page may lead to a location of the module
--- config
    error_page 404 =503 /v2/health;
    location = /v2/health { openqoe_health; }
    location = /x { return 404; }
--- request
GET /x
--- error_code: 503
--- response_headers eval
$::Common
--- response_body eval
qr/^\{"status":"healthy",.*\}$/



=== TEST 29: add_header works in the location
--- config
    location = /v2/events { openqoe_events; add_header X-Mine yes always; }
--- request eval
[::post(), "POST /v2/events\n{}"]
--- error_code eval
[202, 400]
--- response_headers eval
[("X-Mine: yes\n$::Common") x 2]



=== TEST 30: answers are compressed by gzip
--- config
    location = /v2/stats {
        openqoe_stats;
        gzip on;
        gzip_types application/json;
        gzip_min_length 1;
    }
--- request
GET /v2/stats
--- more_headers
Accept-Encoding: gzip
--- response_headers
Content-Encoding: gzip
Content-Type: application/json
--- response_body_like: ^\x1f\x8b



=== TEST 31: other locations stay as they were
--- config
    location = /v2/events { openqoe_events; }
    location = /static { default_type text/plain; return 200 "static"; }
    location = /gone { return 410; }
--- request eval
["GET /static", "GET /index.html", "GET /gone", "GET /nowhere",
 "POST /index.html\nx"]
--- error_code eval
[200, 200, 410, 404, 405]
--- response_headers eval
[$::Foreign, $::Foreign, ("Content-Type: text/html\n$::Foreign") x 3]
--- response_body eval
["static", qr/It works/, qr/^<html>/, qr/^<html>/, qr/^<html>/]
--- no_error_log
[crit]



=== TEST 32: HTTP/1.0 without keepalive is accepted
--- raw_request eval
my $body = ::batch_json(::batch(1));
"POST /v2/events HTTP/1.0\r\nContent-Length: " . length($body) . "\r\n\r\n$body"
--- error_code: 202
--- response_headers
Connection: close
--- response_body eval
$::One
