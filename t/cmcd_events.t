use Test::Nginx::Socket;

# Reports of CMCD (openqoe_cmcd_events): what is taken and what is refused, the
# answers, which players take for different things than other clients do, and
# that bad input costs nothing but itself.

use OpenQoE::Event qw(gzip);

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
        location = /v2/cmcd {
            openqoe_cmcd_events;
            openqoe_cmcd_org acme;
            openqoe_cors_origin https://a.example;
        }
        location = /v2/stats { openqoe_stats; openqoe_api_key off; }
END
    $block->set_value('no_error_log', "[error]")
        if !defined $block->no_error_log && !defined $block->error_log;
});

# A report, by default of a player that plays.

sub report {
    my (%key) = (sid => '"s1"', cid => '"c1"', e => 'ps', sta => 'p',
                 ts => int(time * 1000), v => 2, @_);
    return join ',', map { "$_=$key{$_}" }
                     grep { defined $key{$_} } sort keys %key;
}

sub post { return join "\n", "POST /v2/cmcd", @_ }

our $Empty = "X-Content-Type-Options: nosniff\nCache-Control: no-store\n"
             . "! Content-Type\n! Content-Length";
our $Type = 'Content-Type: application/cmcd';

plan('no_plan');
run_tests();

__DATA__

=== TEST 1: a report gets 204 without a body
--- request eval
::post(::report())
--- more_headers eval
$::Type
--- error_code: 204
--- response_headers eval
$::Empty
--- response_body



=== TEST 2: text/cmcd, capitals and parameters are taken
--- request eval
[::post(::report()), ::post(::report())]
--- more_headers eval
['Content-Type: text/cmcd', 'Content-Type: Application/CMCD; charset=utf-8']
--- error_code eval
[204, 204]



=== TEST 3: another content type gets 415, and so does none
--- request eval
[(::post(::report())) x 3]
--- more_headers eval
['Content-Type: application/json', 'Content-Type: text/plain', '']
--- error_code eval
[415, 415, 415]
--- response_body eval
[(qr/Content-Type must be application\/cmcd or text\/cmcd/) x 3]



=== TEST 4: a client that asks for JSON gets it, and which lines were refused
--- request eval
::post(::report(sn => 0), 'e=zz,ts=1', ::report(sn => 1))
--- more_headers eval
"$::Type\nAccept: application/json"
--- error_code: 202
--- response_body eval
qr/"events_received":2,.*"events_rejected":1,"errors":\[\{"event":1,/



=== TEST 5: a broken line does not take the others, and the answer is 204
--- request eval
[::post(::report(sn => 0), 'e=ps,ts=', ::report(sn => 1)), 'GET /v2/stats']
--- more_headers eval
["$::Type", '']
--- error_code eval
[204, 200]
--- response_body eval
['', qr/"accepted":2\b.*"cmcd":\{"reports":3,/s]



=== TEST 6: a body without a report gets 400 with the reason
--- request eval
[::post('<html>'), ::post("\n\n"), ::post('e=ps,ts=1,sid="s"')]
--- more_headers eval
[($::Type) x 3]
--- error_code eval
[400, 400, 400]
--- response_body eval
[qr/"event":0,.*"reason":"event report without e and ts"/,
 qr/"reason":"the body has no report"/,
 qr/"reason":"ts is older than 24 hours"/]



=== TEST 7: reports without a sid are taken, counted, and in no session
--- request eval
[::post(::report(sid => undef), ::report(sid => '""')), 'GET /v2/stats']
--- more_headers eval
["$::Type", '']
--- error_code eval
[204, 200]
--- response_body eval
['', qr/"accepted":0\b.*"cmcd":\{"reports":2,.*"no_sid":2\b/s]



=== TEST 8: versions 0, 1 and 2 are taken, a higher one is left out
--- request eval
[::post(::report(v => 0), ::report(v => 1), ::report(v => 2)),
 ::post(::report(v => 99)), 'GET /v2/stats']
--- more_headers eval
["$::Type", "$::Type", '']
--- error_code eval
[204, 400, 200]
--- response_body eval
['', qr/"reason":"version not supported"/,
 qr/"accepted":3\b.*"version":1\b/s]



=== TEST 9: 10,000 lines: 1,000 are taken, the rest is refused line by line
--- request eval
[::post(map { ::report(sn => $_, e => 't') } 1 .. 10000), 'GET /v2/stats']
--- more_headers eval
["$::Type", '']
--- error_code eval
[204, 200]
--- response_body eval
['', qr/"accepted":1000\b.*"cmcd":\{"reports":10000,/s]



=== TEST 10: ts of another century are refused one by one
--- request eval
::post(::report(ts => 1), ::report(ts => '9' x 15), ::report(ts => -5),
       ::report())
--- more_headers eval
"$::Type\nAccept: application/json"
--- error_code: 202
--- response_body eval
qr/"events_received":1,.*"events_rejected":3,.*"ts is older than 24 hours".*"ts is more than 5 minutes in the future"/



=== TEST 11: numbers that go backwards, repeat or are too large do no harm
--- request eval
::post(map { ::report(sn => $_, e => 't') } 9, 8, 8, 1, '9' x 15, 0, 7)
--- more_headers eval
$::Type
--- error_code: 204



=== TEST 12: bytes that are no UTF-8 leave out their member alone
--- request eval
[::post(::report(cid => "\"\xff\xfe\"")), ::post(::report(sid => "\"\xff\"")),
 'GET /v2/stats']
--- more_headers eval
["$::Type", "$::Type", '']
--- error_code eval
[204, 204, 200]
--- response_body eval
['', '', qr/"accepted":1\b.*"no_sid":1\b/s]



=== TEST 13: sids of more sessions than a request may have are refused
--- request eval
::post(map { ::report(sid => "\"forged-$_\"") } 1 .. 100)
--- more_headers eval
"$::Type\nAccept: application/json"
--- error_code: 202
--- response_body eval
qr/"events_received":64,.*"events_rejected":36,/



=== TEST 14: openqoe_validation strict takes all lines or none
--- config
    location = /v2/cmcd {
        openqoe_cmcd_events;
        openqoe_validation strict;
    }
--- request eval
[::post(::report(), 'nonsense'), ::post(::report())]
--- more_headers eval
[($::Type) x 2]
--- error_code eval
[400, 204]



=== TEST 15: a preflight allows the content type, and an answer the origin
--- request eval
["OPTIONS /v2/cmcd", ::post(::report())]
--- more_headers eval
["Origin: https://a.example\nAccess-Control-Request-Method: POST\n"
 . "Access-Control-Request-Headers: content-type",
 "Origin: https://a.example\n$::Type"]
--- error_code eval
[204, 204]
--- response_headers eval
["Access-Control-Allow-Origin: https://a.example\n"
 . 'Access-Control-Allow-Headers: Content-Type, Content-Encoding, '
 . 'Authorization, X-API-Key, X-API-Token, X-SDK-Version, traceparent',
 "Access-Control-Allow-Origin: https://a.example"]



=== TEST 16: other methods get 405
--- request eval
["GET /v2/cmcd", "PUT /v2/cmcd\nx"]
--- error_code eval
[405, 405]
--- response_headers eval
[("Allow: POST, OPTIONS") x 2]



=== TEST 17: a key may be an argument of the query, escaped or not
--- config
    location = /v2/cmcd { openqoe_cmcd_events; openqoe_api_key "k 1"; }
    location = /v2/events { openqoe_events; openqoe_api_key "k 1"; }
--- request eval
["POST /v2/cmcd?api_key=k%201\n" . ::report(),
 "POST /v2/cmcd?a=b&api_key=other\n" . ::report(),
 ::post(::report()),
 "POST /v2/events?api_key=k%201\n{}"]
--- more_headers eval
[($::Type) x 3, 'Content-Type: application/json']
--- error_code eval
[204, 401, 401, 401]



=== TEST 18: a full queue answers 204, and what was not taken is counted
--- http_config
    openqoe_drain_timeout 100ms;
--- full_queue
--- config
    location = /v2/cmcd { openqoe_cmcd_events; openqoe_cmcd_org acme; }
    location = /v2/stats { openqoe_stats; openqoe_api_key off; }
--- request eval
[(::post(map { ::report(sn => $_, 'com.x-pad' => '"' . 'x' x 60 . '"',
                        url => '"' . 'u' x 700 . '"', e => 'rr') }
             1 .. 600)) x 3,
 'GET /v2/stats']
--- more_headers eval
[($::Type) x 3, '']
--- error_code eval
[204, 204, 204, 200]
--- response_body eval
['', '', '', qr/"503":2,.*"undecoded":2\b/]
--- no_error_log
[crit]



=== TEST 19: openqoe_overload_status 429 answers a full queue with 429
--- http_config
    openqoe_drain_timeout 100ms;
--- full_queue
--- config
    location = /v2/cmcd {
        openqoe_cmcd_events;
        openqoe_overload_status 429;
    }
--- request eval
[(::post(map { ::report(sn => $_, url => '"' . 'u' x 900 . '"', e => 'rr') }
             1 .. 700)) x 2]
--- more_headers eval
[($::Type) x 2]
--- error_code eval
[204, 429]
--- no_error_log
[crit]



=== TEST 20: "gone" answers every report with 410
--- config
    location = /v2/cmcd { openqoe_cmcd_events gone; }
--- request eval
[::post(::report()), 'OPTIONS /v2/cmcd']
--- more_headers eval
["$::Type", '']
--- error_code eval
[410, 204]
--- response_body eval
[qr/"message":"Gone"/, '']



=== TEST 21: another parameter of openqoe_cmcd_events is refused
--- config
    location = /v2/cmcd { openqoe_cmcd_events away; }
--- must_die
--- error_log
invalid value "away" in "openqoe_cmcd_events", it must be "gone" or nothing



=== TEST 22: a location takes events in one notation alone
--- config
    location = /v2/cmcd { openqoe_cmcd_events; openqoe_events; }
--- must_die
--- error_log
conflicts with another openqoe handler of this location



=== TEST 23: openqoe_overload_status 204 is refused where events are JSON
--- config
    location = /v2/events { openqoe_events; openqoe_overload_status 204; }
--- must_die
--- error_log
whose clients would take it for success



=== TEST 24: a body may be compressed
--- request eval
"POST /v2/cmcd\n" . ::gzip(join "\n", map { ::report(sn => $_) } 0 .. 9)
--- more_headers eval
"$::Type\nContent-Encoding: gzip\nAccept: application/json"
--- error_code: 202
--- response_body eval
qr/"events_received":10,/



=== TEST 25: a body beyond client_max_body_size gets 413
--- config
    location = /v2/cmcd { openqoe_cmcd_events; client_max_body_size 1k; }
--- request eval
::post(map { ::report(sn => $_) } 0 .. 99)
--- more_headers eval
$::Type
--- error_code: 413
--- no_error_log
[crit]



=== TEST 26: openqoe_ack spool answers 204 once the reports are on disk
--- http_config
    openqoe_spool $TEST_NGINX_SERVER_ROOT/spool;
--- config
    location = /v2/cmcd { openqoe_cmcd_events; openqoe_ack spool; }
    location = /v2/stats { openqoe_stats; openqoe_api_key off; }
--- request eval
[::post(::report()), 'GET /v2/stats']
--- more_headers eval
["$::Type", '']
--- error_code eval
[204, 200]
--- response_body eval
['', qr/"accepted":1\b/]



=== TEST 27: reports are taken over HTTP/2
--- http2
--- request eval
::post(::report())
--- more_headers eval
$::Type
--- error_code: 204
