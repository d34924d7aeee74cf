use Test::Nginx::Socket;

# POST /v2/events: each status with its headers and body, and what decides
# between them.

use OpenQoE::Event qw(event batch batch_json gzip);

add_block_preprocessor(sub {
    my $block = shift;
    my $main = $block->main_config // '';
    my $http = $block->http_config // '';

    $block->set_value('main_config',
                      "load_module \$TEST_NGINX_OPENQOE_MODULE;\n$main");
    # full_queue: a small zone that nothing leaves, because its collector is
    # not there.
    $block->set_value('http_config', $http . (defined $block->full_queue
        ? 'openqoe_zone qoe:4m; '
          . 'openqoe_exporter { endpoint http://127.0.0.1:1; }'
        : 'openqoe_zone qoe:8m; openqoe_exporter { '
          . 'endpoint file://$TEST_NGINX_SERVER_ROOT/logs/otlp; }'));
    $block->set_value('config', <<'END') if !defined $block->config;
        location = /v2/events { openqoe_events; }
END
    $block->set_value('no_error_log', "[error]")
        if !defined $block->no_error_log && !defined $block->error_log;
});

# n events of about a kB each, of one session and so of one lane.

sub big {
    my ($n) = @_;
    return batch($n, data => { text => 'x' x 600 });
}

# A POST as bytes, for a body whose white space counts.

sub post {
    my ($body, @headers) = @_;
    return join "\r\n", 'POST /v2/events HTTP/1.1', 'Host: localhost',
                'Connection: close', @headers,
                'Content-Length: ' . length $body, '', $body;
}

our $Answer = qr/^\{"success":true,"message":"Events\ accepted",
                  "events_received":(\d+),"processing_time_ns":\d+\}$/x;
our $Refused = qr/^\{"success":false,"message":"[^"]+"(?:,.*)?\}$/;
our $Common = "Content-Type: application/json\n"
              . "X-Content-Type-Options: nosniff\nX-App-Version: v2\n"
              . "Cache-Control: no-store";

plan('no_plan');
run_tests();

__DATA__

=== TEST 1: a valid request gets 202, its body and its headers
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- more_headers
Content-Type: application/json
--- error_code: 202
--- response_headers eval
$::Common
--- response_body eval
$::Answer



=== TEST 2: the 202 counts the events of a batch
--- request eval
"POST /v2/events\n" . ::batch_json(::batch(25))
--- more_headers
Content-Type: application/json
--- error_code: 202
--- response_body_like: "events_received":25,



=== TEST 3: text/plain, as sendBeacon sends it, gets 202
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- more_headers
Content-Type: text/plain;charset=UTF-8
--- error_code: 202
--- response_body eval
$::Answer



=== TEST 4: a request without a content type gets 202
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- error_code: 202
--- response_body eval
$::Answer



=== TEST 5: a content type with parameters and capitals gets 202
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- more_headers
Content-Type: Application/JSON; charset=utf-8
--- error_code: 202
--- response_body eval
$::Answer



=== TEST 6: a chunked body gets 202
--- raw_request eval
my $body = ::batch_json([::event()]);
["POST /v2/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
 . "Transfer-Encoding: chunked\r\n\r\n"
 . sprintf("%x\r\n%s\r\n", 20, substr $body, 0, 20),
 sprintf("%x\r\n%s\r\n0\r\n\r\n", length($body) - 20, substr $body, 20)]
--- raw_request_middle_delay: 0.05
--- error_code: 202
--- response_body eval
$::Answer



=== TEST 7: a body in a temporary file gets 202
--- config
    location = /v2/events {
        openqoe_events;
        client_body_buffer_size 1k;
    }
--- request eval
"POST /v2/events\n" . ::batch_json(::batch(20))
--- error_code: 202
--- response_body_like: "events_received":20,
--- error_log
a client request body is buffered to a temporary file



=== TEST 8: a gzip body gets 202
--- raw_request eval
::post(::gzip(::batch_json(::batch(10))), 'Content-Encoding: gzip')
--- error_code: 202
--- response_body_like: "events_received":10,



=== TEST 9: a batch with invalid events gets 202 with these events named
--- request eval
"POST /v2/events\n" . ::batch_json([::event(), ::event(event_time => 1),
    ::event(), ::event(event_type => undef), ::event(device => 'x')])
--- error_code: 202
--- response_body eval
qr/^\{"success":true,"message":"[^"]+","events_received":2,
    .*"events_rejected":3,"errors":\[
    \{"event":1,"field":"event_time","reason":"[^"]+"\},
    \{"event":3,"field":"event_type","reason":"[^"]+"\},
    \{"event":4,"field":"device","reason":"[^"]+"\}\]/x



=== TEST 10: a 202 in part names the first twenty invalid events
--- request eval
"POST /v2/events\n"
. ::batch_json([::event(), map { ::event(event_time => 1) } 1 .. 30])
--- error_code: 202
--- response_body eval
qr/"events_received":1,.*"events_rejected":30,"errors":\[(?:\{[^}]*\},?){20}\]/



=== TEST 11: strict validation answers 400 for one invalid event
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_validation strict;
    }
--- request eval
"POST /v2/events\n" . ::batch_json([::event(), ::event(event_time => 1)])
--- error_code: 400
--- response_headers eval
$::Common
--- response_body eval
qr/^\{"success":false,"message":"Validation\ failed",.*"errors":\[
   \{"event":1,"field":"event_time","reason":"[^"]+"\}\]/x



=== TEST 12: a batch without a valid event gets 400
--- request eval
"POST /v2/events\n" . ::batch_json([::event(org_id => '')])
--- error_code: 400
--- response_headers eval
$::Common
--- response_body eval
qr/^\{"success":false,"message":"Validation\ failed",.*"errors":\[
   \{"event":0,"field":"org_id","reason":"[^"]+"\}\]/x



=== TEST 13: a body that is not JSON gets 400
--- raw_request eval
::post('{"events":[')
--- error_code: 400
--- response_headers eval
$::Common
--- response_body eval
qr/^\{"success":false,"message":"Validation failed",.*"errors":\[\{/



=== TEST 14: an empty body gets 400
--- raw_request eval
::post('')
--- error_code: 400
--- response_body eval
$::Refused



=== TEST 15: JSON of another shape and an empty batch get 400
--- request eval
["POST /v2/events\n[]", "POST /v2/events\n{}",
 "POST /v2/events\n{\"events\":[]}", "POST /v2/events\n{\"events\":{}}"]
--- error_code eval
[400, 400, 400, 400]
--- response_body eval
[($::Refused) x 4]



=== TEST 16: more than openqoe_max_events events get 400, so many get 202
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_max_events 3;
    }
--- request eval
["POST /v2/events\n" . ::batch_json(::batch(3)),
 "POST /v2/events\n" . ::batch_json(::batch(4))]
--- error_code eval
[202, 400]
--- response_body eval
[$::Answer, $::Refused]



=== TEST 17: a truncated gzip stream gets 400
--- raw_request eval
::post(substr(::gzip(::batch_json(::batch(10))), 0, -20),
       'Content-Encoding: gzip')
--- error_code: 400
--- response_body eval
$::Refused



=== TEST 18: a request without a key gets 401 and its headers
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_api_key secret-one;
    }
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- error_code: 401
--- response_headers eval
"$::Common\nWWW-Authenticate: Bearer realm=\"OpenQoE\""
--- response_body chomp
{"success":false,"message":"Unauthorized: Invalid or missing API key"}



=== TEST 19: a wrong key, a prefix, a longer key and an empty key get 401
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_api_key secret-one;
    }
--- request eval
[("POST /v2/events\n" . ::batch_json([::event()])) x 5]
--- more_headers eval
["Authorization: Bearer wrong", "Authorization: Bearer secret-on",
 "X-API-Key: secret-one1", "X-API-Token: ", "Authorization: Basic secret-one"]
--- error_code eval
[401, 401, 401, 401, 401]
--- response_body eval
[($::Refused) x 5]



=== TEST 20: each way to give a key and each key gets 202
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_api_key secret-one;
        openqoe_api_key secret-two;
    }
--- request eval
[("POST /v2/events\n" . ::batch_json([::event()])) x 5]
--- more_headers eval
["Authorization: Bearer secret-one", "Authorization: secret-two",
 "X-API-Key: secret-one", "X-API-Token: secret-two",
 "Authorization: bearer secret-two"]
--- error_code eval
[202, 202, 202, 202, 202]
--- response_body eval
[($::Answer) x 5]



=== TEST 21: keys can be read from a file
--- user_files
>>> keys.txt
file-key-one
file-key-two
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_api_key_file $TEST_NGINX_SERVER_ROOT/html/keys.txt;
    }
--- request eval
[("POST /v2/events\n" . ::batch_json([::event()])) x 3]
--- more_headers eval
["X-API-Key: file-key-one", "X-API-Key: file-key-two", "X-API-Key: other"]
--- error_code eval
[202, 202, 401]
--- response_body eval
[$::Answer, $::Answer, $::Refused]



=== TEST 22: another method gets 405 with Allow
--- request eval
["GET /v2/events", "PUT /v2/events\n{}", "DELETE /v2/events"]
--- error_code eval
[405, 405, 405]
--- response_headers eval
[("$::Common\nAllow: POST, OPTIONS") x 3]
--- response_body eval
[($::Refused) x 3]



=== TEST 23: a wrong method is refused before a wrong key: that check is cheaper
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_api_key secret-one;
    }
--- request
GET /v2/events
--- error_code: 405
--- response_body eval
$::Refused



=== TEST 24: client_max_body_size gives 413 with the API's own headers
--- config
    location = /v2/events {
        client_max_body_size 1k;
        openqoe_events;
    }
--- request eval
"POST /v2/events\n" . ::batch_json(::batch(20))
--- error_code: 413
--- response_headers eval
$::Common
--- response_body eval
$::Refused
--- error_log
client intended to send too large body



=== TEST 25: a gzip bomb gets 413
--- raw_request eval
::post(::gzip(' ' x 50_000_000), 'Content-Encoding: gzip')
--- error_code: 413
--- response_headers eval
$::Common
--- response_body eval
$::Refused
--- no_error_log
[crit]



=== TEST 26: a body past openqoe_max_inflated_size gets 413
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_max_inflated_size 4k;
    }
--- raw_request eval
::post(::gzip(::batch_json(::batch(20))), 'Content-Encoding: gzip')
--- error_code: 413
--- response_body eval
$::Refused
--- no_error_log
[crit]



=== TEST 27: another content type gets 415
--- request eval
[("POST /v2/events\n" . ::batch_json([::event()])) x 2]
--- more_headers eval
["Content-Type: application/xml", "Content-Type: application/jsonx"]
--- error_code eval
[415, 415]
--- response_headers eval
[($::Common) x 2]
--- response_body eval
[($::Refused) x 2]



=== TEST 28: the 415 names the content types that are taken
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- more_headers
Content-Type: application/xml
--- error_code: 415
--- response_body eval
'{"success":false,"message":"Unsupported media type","errors":[{"field":"",'
. '"reason":"Content-Type must be application/json or text/plain, or absent"}]}'



=== TEST 29: another content encoding gets 415
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- more_headers
Content-Encoding: br
--- error_code: 415
--- response_body eval
'{"success":false,"message":"Unsupported media type","errors":[{"field":"",'
. '"reason":"Content-Encoding must be gzip or identity, or absent"}]}'



=== TEST 30: a preflight of an allowed origin gets 204
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_cors_origin https://a.example https://b.example;
    }
--- request
OPTIONS /v2/events
--- more_headers
Origin: https://b.example
Access-Control-Request-Method: POST
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: https://b.example
Access-Control-Allow-Credentials: true
Access-Control-Allow-Methods: GET, POST, OPTIONS
Access-Control-Allow-Headers: Content-Type, Content-Encoding, Authorization, X-API-Key, X-API-Token, X-OpenQoE-Session, X-SDK-Version, traceparent
Access-Control-Max-Age: 86400
Vary: Origin
X-Content-Type-Options: nosniff
X-App-Version: v2
Cache-Control: no-store
--- response_body chomp



=== TEST 31: every answer to an allowed origin has its headers
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_cors_origin https://a.example;
    }
--- request eval
["POST /v2/events\n" . ::batch_json([::event()]), "POST /v2/events\n{}",
 "GET /v2/events"]
--- more_headers
Origin: https://a.example
--- error_code eval
[202, 400, 405]
--- response_headers eval
[("Access-Control-Allow-Origin: https://a.example\nVary: Origin\n"
  . "Access-Control-Allow-Credentials: true\n"
  . "Access-Control-Expose-Headers: Retry-After") x 3]
--- response_body eval
[$::Answer, $::Refused, $::Refused]



=== TEST 32: an origin that is not in the list gets no CORS header
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_cors_origin https://a.example;
    }
--- request eval
[("POST /v2/events\n" . ::batch_json([::event()])) x 2]
--- more_headers eval
["Origin: https://a.example.evil.example", "Origin: null"]
--- error_code eval
[202, 202]
--- response_headers eval
[("! Access-Control-Allow-Origin\n! Access-Control-Allow-Credentials") x 2]
--- response_body eval
[$::Answer, $::Answer]



=== TEST 33: openqoe_cors_origin * sends no credentials
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_cors_origin *;
    }
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- more_headers
Origin: https://any.example
--- error_code: 202
--- response_headers
Access-Control-Allow-Origin: *
! Access-Control-Allow-Credentials



=== TEST 34: an answer sets the marker cookie
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_marker on;
        openqoe_marker_domain .example.org;
    }
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- error_code: 202
--- response_headers_like
Set-Cookie: marker=[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}; Path=/v2/events; .*Max-Age=31536000; HttpOnly; Secure; SameSite=None.*
--- raw_response_headers_like: (?i)Domain=\.?example\.org



=== TEST 35: without openqoe_marker no cookie is set
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- error_code: 202
--- response_headers
! Set-Cookie



=== TEST 36: the 503 of limit_req is JSON, too
--- http_config
    limit_req_zone $server_port zone=one:32k rate=1r/m;
--- config
    location = /v2/events {
        limit_req zone=one;
        openqoe_events;
    }
--- request eval
[("POST /v2/events\n" . ::batch_json([::event()])) x 2]
--- error_code eval
[202, 503]
--- response_headers eval
[$::Common, "$::Common\nRetry-After: 1"]
--- response_body eval
[$::Answer, $::Refused]
--- no_error_log
[crit]



=== TEST 37: a full queue answers 503 with Retry-After and takes nothing
--- http_config
    openqoe_drain_timeout 100ms;
--- full_queue
--- config
    location = /v2/events {
        openqoe_events;
    }
    location = /v2/stats {
        openqoe_stats;
    }
--- request eval
["POST /v2/events\n" . ::batch_json(::big(700)),
 "POST /v2/events\n" . ::batch_json(::big(700)),
 "POST /v2/events\n" . ::batch_json([::event()]),
 "GET /v2/stats"]
--- error_code eval
[202, 503, 202, 200]
--- response_headers eval
[$::Common, "$::Common\nRetry-After: 1", $::Common, $::Common]
--- response_body eval
[$::Answer,
 qr/^\{"success":false,"message":"Server overload","events_received":0[,}]/,
 $::Answer, qr/"accepted":701\b/]
--- no_error_log
[crit]



=== TEST 38: openqoe_overload_status 429 answers a full queue with 429
--- http_config
    openqoe_drain_timeout 100ms;
--- full_queue
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_overload_status 429;
    }
--- request eval
["POST /v2/events\n" . ::batch_json(::big(700)),
 "POST /v2/events\n" . ::batch_json(::big(700))]
--- error_code eval
[202, 429]
--- response_headers eval
[$::Common, "$::Common\nRetry-After: 1"]
--- response_body eval
[$::Answer,
 qr/^\{"success":false,"message":"Server overload","events_received":0[,}]/]
--- no_error_log
[crit]



=== TEST 39: events are accepted over HTTP/2
--- http2
--- request eval
"POST /v2/events\n" . ::batch_json([::event()])
--- more_headers
Content-Type: application/json
--- error_code: 202
--- response_headers eval
$::Common
--- response_body eval
$::Answer



=== TEST 40: a custom event type is accepted only where it is configured
--- http_config
    openqoe_event_type ad_start;
--- request eval
["POST /v2/events\n" . ::batch_json([::event(event_type => 'ad_start')]),
 "POST /v2/events\n" . ::batch_json([::event(event_type => 'ad_end')])]
--- error_code eval
[202, 400]
--- response_body eval
[$::Answer, qr/"event":0,"field":"event_type"/]



=== TEST 41: GET /v2/health shows the health
--- config
    location = /v2/health {
        openqoe_health;
    }
--- request
GET /v2/health
--- response_headers eval
$::Common
--- response_body eval
qr/^\{"status":"healthy","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^"]*Z",
    "service":"openqoe-worker","version":"2\.0\.0","edge":"[^"]+",
    "config_hash":"[0-9a-f]{16}","fleet_key":null,"uptime":\d+.*
    "dependencies":\{.*"exporter":\{.*"queue":\{.*\}\}$/x



=== TEST 42: GET /v2/stats needs the key
--- config
    location = /v2/stats {
        openqoe_stats;
        openqoe_api_key secret-one;
    }
--- request eval
["GET /v2/stats", "GET /v2/stats"]
--- more_headers eval
["", "X-API-Key: secret-one"]
--- error_code eval
[401, 200]
--- response_headers eval
["$::Common\nWWW-Authenticate: Bearer realm=\"OpenQoE\"", $::Common]
--- response_body eval
[$::Refused, qr/^\{.*"events":\{.*\}\}?$/]
