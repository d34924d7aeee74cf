use Test::Nginx::Socket;

# Cross-origin requests: allowed and forbidden origins, *, credentials, Vary,
# the preflight, and all of it on errors too.

use OpenQoE::Event qw(event batch batch_json);

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
        openqoe_cors_origin https://a.example http://b.example:8080;
        location = /v2/events {
            openqoe_events;
            client_max_body_size 4k;
        }
        location = /key { openqoe_events; openqoe_api_key k; }
        location = /v2/health { openqoe_health; }
        location = /v2/stats { openqoe_stats; openqoe_api_key k; }
        location = /static { default_type text/plain; return 200 "static"; }
END
    $block->set_value('no_error_log', "[error]")
        if !defined $block->no_error_log && !defined $block->error_log;
});

sub post { return "POST /v2/events\n" . batch_json(batch(1)) }

our $Allow = 'Access-Control-Allow-Origin';
our $None = "! $Allow\n! Access-Control-Allow-Credentials\n"
            . '! Access-Control-Expose-Headers';

sub allowed {
    my ($origin) = @_;
    return "$Allow: $origin\nAccess-Control-Allow-Credentials: true\n"
           . "Access-Control-Expose-Headers: Retry-After\nVary: Origin";
}

our $Preflight = "Access-Control-Allow-Methods: GET, POST, OPTIONS\n"
    . 'Access-Control-Allow-Headers: Content-Type, Content-Encoding, '
    . 'Authorization, X-API-Key, X-API-Token, X-OpenQoE-Session, '
    . 'X-SDK-Version, traceparent'
    . "\nAccess-Control-Max-Age: 86400\nX-Content-Type-Options: nosniff\n"
    . "X-App-Version: v2\nCache-Control: no-store\n! Content-Type\n"
    . '! Content-Length';

plan('no_plan');
run_tests();

__DATA__

=== TEST 1: each origin of the list is allowed
--- request eval
[::post(), ::post()]
--- more_headers eval
["Origin: https://a.example", "Origin: http://b.example:8080"]
--- error_code eval
[202, 202]
--- response_headers eval
[::allowed('https://a.example'), ::allowed('http://b.example:8080')]



=== TEST 2: an origin that is nearly one of the list is not allowed
--- request eval
[map { ::post() } 1 .. 11]
--- more_headers eval
[map { "Origin: $_" } 'http://a.example', 'https://a.example:443',
 'https://a.example/', 'https://A.example', 'https://sub.a.example',
 'https://a.example.org', 'https://xa.example', 'null', '*', '',
 'https://a.example, http://b.example:8080']
--- error_code eval
[(202) x 11]
--- response_headers eval
[("$::None\nVary: Origin") x 11]



=== TEST 3: a request without Origin gets Vary all the same
--- request eval
::post()
--- error_code: 202
--- response_headers eval
"$::None\nVary: Origin"



=== TEST 4: without the directive no CORS header is sent
--- config
    location = /v2/events { openqoe_events; }
--- request eval
[::post(), "OPTIONS /v2/events"]
--- more_headers
Origin: https://a.example
--- error_code eval
[202, 204]
--- response_headers eval
["$::None\n! Vary\n! X-Preflight-Refused", "$::None\n! Vary\n"
 . "X-Preflight-Refused: openqoe_cors_origin is not set here"]



=== TEST 5: openqoe_cors_origin off removes the server's list
--- config
    openqoe_cors_origin https://a.example;
    location = /v2/events { openqoe_events; openqoe_cors_origin off; }
--- request eval
::post()
--- more_headers
Origin: https://a.example
--- error_code: 202
--- response_headers eval
"$::None\n! Vary"



=== TEST 6: the location's list stands in place of the server's
--- config
    openqoe_cors_origin https://a.example;
    location = /v2/events {
        openqoe_events;
        openqoe_cors_origin https://c.example;
        openqoe_cors_origin https://d.example;
    }
--- request eval
[map { ::post() } 1 .. 3]
--- more_headers eval
[map { "Origin: https://$_.example" } qw(a c d)]
--- error_code eval
[202, 202, 202]
--- response_headers eval
["$::None\nVary: Origin", ::allowed('https://c.example'),
 ::allowed('https://d.example')]



=== TEST 7: openqoe_cors_origin * is answered as *, never with credentials
--- config
    location = /v2/events { openqoe_events; openqoe_cors_origin *; }
--- request eval
[::post(), ::post(), "OPTIONS /v2/events", "POST /v2/events\n{}"]
--- more_headers eval
["Origin: https://x.example", "", "Origin: null", "Origin: https://y.example"]
--- error_code eval
[202, 202, 204, 400]
--- response_headers eval
[("$::Allow: *\n! Access-Control-Allow-Credentials\n! Vary\n"
  . "! X-Preflight-Refused\n"
  . "Access-Control-Expose-Headers: Retry-After") x 4]



=== TEST 8: a preflight is answered on each location, with a key or without
--- request eval
[map { "OPTIONS $_" } qw(/v2/events /key /v2/health /v2/stats)]
--- more_headers
Origin: https://a.example
Access-Control-Request-Method: POST
Access-Control-Request-Headers: content-type,x-api-key
--- error_code eval
[204, 204, 204, 204]
--- response_headers eval
[(::allowed('https://a.example') . "\n$::Preflight\n! X-Preflight-Refused")
 x 4]
--- response_body eval
["", "", "", ""]



=== TEST 9: a preflight of an origin that is not allowed gets no CORS header
--- request
OPTIONS /v2/events
--- more_headers
Origin: https://evil.example
Access-Control-Request-Method: POST
--- error_code: 204
--- response_headers eval
"$::None\nVary: Origin\nX-Preflight-Refused: "
. "the origin is not in openqoe_cors_origin"
--- response_body chomp
--- error_log
preflight of origin "https://evil.example" refused: the origin is not in openqoe_cors_origin



=== TEST 10: a preflight may have a body
--- request eval
"OPTIONS /v2/events\n" . 'x' x 1000
--- more_headers
Origin: https://a.example
--- error_code: 204
--- response_headers eval
::allowed('https://a.example')



=== TEST 11: errors of the module have the CORS headers
--- request eval
["POST /v2/events\n{}", "GET /v2/events", "POST /v2/events\n{}",
 "POST /key\n{}", "GET /v2/stats", "POST /v2/health\n{}"]
--- more_headers eval
[map { "Origin: https://a.example\n$_" } '', '',
 'Content-Type: application/xml', '', '', '']
--- error_code eval
[400, 405, 415, 401, 401, 405]
--- response_headers eval
[(::allowed('https://a.example')) x 6]



=== TEST 12: a 413 of nginx has the CORS headers
--- request eval
"POST /v2/events\n" . 'x' x 5000
--- more_headers
Origin: https://a.example
--- error_code: 413
--- response_headers eval
::allowed('https://a.example')
--- no_error_log
[crit]



=== TEST 13: limit_req and a bad request have the CORS headers
--- http_config
    limit_req_zone $server_port zone=one:32k rate=1r/m;
--- config
    location = /v2/events {
        limit_req zone=one;
        openqoe_events;
        openqoe_cors_origin https://a.example;
    }
--- request eval
[::post(), ::post()]
--- more_headers
Origin: https://a.example
--- error_code eval
[202, 503]
--- response_headers eval
[(::allowed('https://a.example')) x 2]
--- no_error_log
[crit]



=== TEST 14: health and stats have the CORS headers
--- request eval
["GET /v2/health", "HEAD /v2/health", "GET /v2/stats"]
--- more_headers
Origin: https://a.example
X-API-Key: k
--- error_code eval
[200, 200, 200]
--- response_headers eval
[(::allowed('https://a.example')) x 3]



=== TEST 15: other locations of the server never get CORS headers
--- request eval
["GET /static", "GET /nowhere", "OPTIONS /static"]
--- more_headers
Origin: https://a.example
--- error_code eval
[200, 404, 200]
--- response_headers eval
[("$::None\n! Vary") x 3]
--- no_error_log
[crit]



=== TEST 16: the log says why a preflight is refused where no origin is allowed
--- config
    location = /v2/events { openqoe_events; }
--- request
OPTIONS /v2/events
--- more_headers
Origin: https://a.example
--- error_code: 204
--- error_log
preflight of origin "https://a.example" refused: openqoe_cors_origin is not set here
