use Test::Nginx::Socket;

# Each directive of the module: what it does and what holds without it, and
# from where it is inherited.  Wrong values are in directives_refused.t, the
# exporter's lines in directives_exporter.t, keys, origins and the cookie in
# auth.t, cors.t and marker.t.

use OpenQoE::Event qw(event batch batch_json gzip);
use Time::HiRes qw(time);

add_block_preprocessor(sub {
    my $block = shift;
    my $main = $block->main_config // '';
    my $http = $block->http_config // '';

    $block->set_value('main_config',
                      "load_module \$TEST_NGINX_OPENQOE_MODULE;\n$main");
    # bare: the block has its own zone and exporter, or none
    $block->set_value('http_config', $http
        . 'openqoe_zone qoe:8m; openqoe_exporter { '
        . 'endpoint file://$TEST_NGINX_SERVER_ROOT/logs/otlp; }')
        if !defined $block->bare;
    $block->set_value('config', <<'END') if !defined $block->config;
        location = /v2/events { openqoe_events; }
        location = /v2/stats { openqoe_stats; }
END
    $block->set_value('no_error_log', "[error]")
        if !defined $block->no_error_log && !defined $block->error_log;
});

sub body { return batch_json(ref $_[0] ? $_[0] : batch($_[0])) }
sub post { return "POST /v2/events\n" . body($_[0]) }

# An event of a time so many seconds from when the file is read, which may be a
# good while before the block runs.

sub at { return [ event(event_time => int((time() + $_[0]) * 1000)) ] }

our $Taken = qr/^\{"success":true,/;
our $Refused = qr/^\{"success":false,"message":"Validation failed"/;

plan('no_plan');
run_tests();

__DATA__

=== TEST 1: openqoe_zone: a good part of the zone is the queue's
--- bare
--- http_config
    openqoe_zone qoe:4m;
--- config
    location = /v2/stats { openqoe_stats; }
--- request
GET /v2/stats
--- response_body_like: "queue":\{"events":0,"used":0,"size":1[0-9]\d{5},



=== TEST 2: openqoe_zone: a configuration without any directive needs no zone
--- bare
--- config
    openqoe_max_events 5;
    location = /x { return 200 "x"; }
--- request
GET /x
--- response_body chomp
x



=== TEST 3: openqoe_zone: a handler needs a zone
--- bare
--- config
    location = /v2/events { openqoe_events; }
--- must_die
--- error_log
"openqoe_events" needs the "openqoe_zone" directive



=== TEST 4: openqoe_zone: an exporter needs a zone
--- bare
--- http_config
    openqoe_exporter { endpoint http://localhost:1; }
--- config
    location = /x { return 200 "x"; }
--- request
GET /x
--- response_body chomp
x



=== TEST 5: openqoe_zone: wrong parameters are refused
--- bare
--- http_config
    openqoe_zone qoe;
--- config
--- must_die
--- error_log
invalid value "qoe" in "openqoe_zone", it must be name:size



=== TEST 6: openqoe_exporter: events are written to the file of the endpoint
--- bare
--- http_config
    openqoe_zone qoe:8m;
    openqoe_exporter {
        endpoint file://$TEST_NGINX_SERVER_ROOT/html/otlp;
        interval 20ms;
    }
--- config
    location = /v2/events { openqoe_events; }
    location = /otlp { root $TEST_NGINX_SERVER_ROOT/html; }
--- request eval
[::post(1), "GET /otlp"]
--- wait: 1
--- error_code eval
[202, 200]
--- response_body eval
[$::Taken, qr/^\{"resourceLogs":\[.*\}\n$/]



=== TEST 7: openqoe_exporter: a wrong block is refused
--- bare
--- http_config
    openqoe_exporter { nonsense on; }
--- config
--- must_die
--- error_log
unknown directive "nonsense" in "openqoe_exporter"



=== TEST 8: openqoe_events, openqoe_health and openqoe_stats each serve their location
--- config
    location = /e { openqoe_events; }
    location = /h { openqoe_health; }
    location = /s { openqoe_stats; }
--- request eval
["POST /e\n" . ::body(1), "GET /h", "GET /s"]
--- error_code eval
[202, 200, 200]
--- response_body eval
[$::Taken, qr/^\{"status":"healthy"/, qr/^\{"worker_version":"2\.0\.0"/]



=== TEST 9: a handler is not inherited
--- config
    location /v2/ {
        openqoe_events;
        location = /v2/other { return 200 "other"; }
    }
--- request eval
["POST /v2/any\n" . ::body(1), "GET /v2/other"]
--- error_code eval
[202, 200]
--- response_body eval
[$::Taken, "other"]



=== TEST 10: two handlers in a location are refused
--- config
    location = /v2/events { openqoe_events; openqoe_stats; }
--- must_die
--- error_log
"openqoe_stats" directive conflicts with another openqoe handler



=== TEST 11: openqoe_max_events: the default is 1000
--- config
    location = /v2/events { openqoe_events; openqoe_max_sessions 1000; }
--- request eval
[::post(1000), ::post(1001)]
--- error_code eval
[202, 400]
--- response_body eval
[qr/"events_received":1000,/, $::Refused]



=== TEST 12: openqoe_max_events: values up to 10000 are taken
--- config
    location = /v2/events {
        openqoe_events;
        openqoe_max_events 1500;
        openqoe_max_sessions 1500;
    }
--- request eval
[::post(1500), ::post(1501)]
--- error_code eval
[202, 400]
--- response_body eval
[qr/"events_received":1500,/, $::Refused]



=== TEST 13: openqoe_max_events: http, server and location can set the value
--- http_config
    openqoe_max_events 3;
--- config
    location = /http { openqoe_events; }
    location /outer {
        openqoe_max_events 2;
        location = /outer/in { openqoe_events; }
        location = /outer/own { openqoe_events; openqoe_max_events 1; }
    }
--- request eval
[map { ("POST $_->[0]\n" . ::body($_->[1]),
        "POST $_->[0]\n" . ::body($_->[1] + 1)) }
     ['/http', 3], ['/outer/in', 2], ['/outer/own', 1]]
--- error_code eval
[(202, 400) x 3]
--- response_body eval
[($::Taken, qr/"field":"events","reason":"[^"]+"/) x 3]



=== TEST 14: openqoe_max_events: a wrong value is refused
--- config
    openqoe_max_events 0;
--- must_die
--- error_log
invalid value "0" in "openqoe_max_events", it must be a number from 1 to 10000



=== TEST 15: openqoe_max_inflated_size: the default is 8 MB
--- config
    location = /v2/events { openqoe_events; openqoe_max_events 10000; }
--- raw_request eval
my @events = map { ::event(data => { x => join '', map { rand } 1 .. 40 }) }
             1 .. 1000;
my $gzip = ::gzip(' ' . ::batch_json([(@events) x 8]));
"POST /v2/events HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
. "Content-Encoding: gzip\r\nContent-Length: " . length($gzip) . "\r\n\r\n$gzip"
--- error_code: 413
--- response_body_like: inflates to more than is allowed
--- timeout: 10



=== TEST 16: openqoe_max_inflated_size: the size is exact and inherited
--- http_config
    openqoe_max_inflated_size 2k;
--- config eval
'location = /v2/events { openqoe_events; }
 location = /own { openqoe_events; openqoe_max_inflated_size 2049; }'
--- request eval
my $fill = sub {
    my $body = ::body(1);
    return ::gzip($body . ' ' x ($_[0] - length $body));
};
["POST /v2/events\n" . $fill->(2048), "POST /v2/events\n" . $fill->(2049),
 "POST /own\n" . $fill->(2049), "POST /own\n" . $fill->(2050)]
--- more_headers
Content-Encoding: gzip
--- error_code eval
[202, 413, 202, 413]



=== TEST 17: openqoe_max_inflated_size: a wrong size is refused
--- config
    openqoe_max_inflated_size 2g;
--- must_die
--- error_log
invalid value "2g" in "openqoe_max_inflated_size", it must be a size from 1k to



=== TEST 18: openqoe_validation: the default is partial, and the value is inherited
--- http_config
    openqoe_validation strict;
--- config
    location = /http { openqoe_events; }
    location = /own { openqoe_events; openqoe_validation partial; }
--- request eval
[map { "POST $_\n" . ::body([::event(), ::event(event_time => 1)]) }
     '/http', '/own']
--- error_code eval
[400, 202]
--- response_body eval
[$::Refused, qr/"events_received":1,.*"events_rejected":1,/]



=== TEST 19: openqoe_validation: a wrong value is refused
--- config
    openqoe_validation none;
--- must_die
--- error_log
invalid value "none" in "openqoe_validation", it must be "partial" or "strict"



=== TEST 20: openqoe_event_time: the default is a day back and five minutes ahead
--- request eval
[map { "POST /v2/events\n" . ::body(::at($_)) }
     -85000, -87000, 200, 600]
--- error_code eval
[202, 400, 202, 400]



=== TEST 21: openqoe_event_time: both limits can be set
--- http_config
    openqoe_event_time max_age=10m max_ahead=1h;
--- request eval
[map { "POST /v2/events\n" . ::body(::at($_)) } -300, -900, 3000, 4200]
--- error_code eval
[202, 400, 202, 400]
--- response_body eval
my $bad = qr/"field":"event_time"/;
[$::Taken, $bad, $::Taken, $bad]



=== TEST 22: openqoe_event_time: setting one limit leaves the other at its default
--- http_config
    openqoe_event_time max_ahead=1h;
--- request eval
[map { "POST /v2/events\n" . ::body(::at($_)) } -85000, -87000, 3000, 4200]
--- error_code eval
[202, 400, 202, 400]



=== TEST 23: openqoe_event_time: the limits can be set in two lines
--- http_config
    openqoe_event_time max_ahead=1h;
    openqoe_event_time max_age=10m;
--- request eval
[map { "POST /v2/events\n" . ::body(::at($_)) } -300, -900, 3000, 4200]
--- error_code eval
[202, 400, 202, 400]



=== TEST 24: openqoe_event_time: a wrong limit is refused
--- http_config
    openqoe_event_time max_age=0;
--- config
--- must_die
--- error_log
invalid value "max_age=0" in "openqoe_event_time", it must be a time from 1s



=== TEST 25: openqoe_event_type: a type that is not configured is refused
--- request eval
[map { "POST /v2/events\n" . ::body([::event(event_type => $_)]) }
     qw(ad_start heartbeat)]
--- error_code eval
[400, 202]
--- response_body eval
[qr/"field":"event_type"/, $::Taken]



=== TEST 26: openqoe_event_type: several types can be set, with their severity
--- bare
--- http_config
    openqoe_zone qoe:8m;
    openqoe_event_type ad_start;
    openqoe_event_type ad_skip severity=info;
    openqoe_event_type ad_slow severity=warn;
    openqoe_event_type ad_error severity=error;
    openqoe_exporter {
        endpoint file://$TEST_NGINX_SERVER_ROOT/html/otlp;
        interval 20ms;
    }
--- config
    location = /v2/events { openqoe_events; }
    location = /otlp { root $TEST_NGINX_SERVER_ROOT/html; }
--- request eval
["POST /v2/events\n" . ::body([map { ::event(event_type => $_,
    session_id => 's') } qw(ad_start ad_skip ad_slow ad_error)]),
 "POST /v2/events\n" . ::body([::event(event_type => 'ad_other')]),
 "GET /otlp"]
--- wait: 1
--- error_code eval
[202, 400, 200]
--- response_body eval
[qr/"events_received":4,/, $::Refused,
 qr/"severityNumber":9,(?:(?!severityNumber).)*openqoe\.ad_start.*
    "severityNumber":9,(?:(?!severityNumber).)*openqoe\.ad_skip.*
    "severityNumber":13,(?:(?!severityNumber).)*openqoe\.ad_slow.*
    "severityNumber":17,(?:(?!severityNumber).)*openqoe\.ad_error/x]



=== TEST 27: openqoe_event_type: a built-in type is refused
--- http_config
    openqoe_event_type playing;
--- config
--- must_die
--- error_log
invalid value "playing" in "openqoe_event_type"



=== TEST 28: openqoe_overload_status: a wrong value is refused (its effect is in events.t)
--- config
    openqoe_overload_status 500;
--- must_die
--- error_log
invalid value "500" in "openqoe_overload_status", it must be "503" or "429" or "204"



=== TEST 29: openqoe_drain_timeout: a collector that is away holds the exit for so long
--- bare
--- http_config
    openqoe_zone qoe:8m;
    openqoe_drain_timeout 50ms;
    openqoe_exporter { endpoint http://127.0.0.1:1; interval 10ms; }
--- config
    location = /v2/events { openqoe_events; }
--- request eval
::post(1)
--- error_code: 202
--- no_error_log
[crit]
--- shutdown_error_log
were not exported within the drain timeout of 50 ms



=== TEST 30: openqoe_drain_timeout: the default is two seconds
--- bare
--- http_config
    openqoe_zone qoe:8m;
    openqoe_exporter { endpoint http://127.0.0.1:1; interval 10ms; }
--- config
    location = /v2/events { openqoe_events; }
--- request eval
::post(1)
--- error_code: 202
--- no_error_log
[crit]
--- shutdown_error_log
were not exported within the drain timeout of 2000 ms



=== TEST 31: openqoe_drain_timeout: a wrong value is refused
--- http_config
    openqoe_drain_timeout 11m;
--- config
--- must_die
--- error_log
invalid value "11m" in "openqoe_drain_timeout", it must be a time from 0 to 10m



=== TEST 32: openqoe_api_key: the keys of http are inherited, replaced or switched off
--- http_config
    openqoe_api_key outer;
--- config
    location = /http { openqoe_events; }
    location = /own { openqoe_events; openqoe_api_key inner; }
    location = /off { openqoe_events; openqoe_api_key off; }
--- request eval
[map { "POST $_\n" . ::body(1) } '/http', '/own', '/own', '/off']
--- more_headers eval
["X-API-Key: outer", "X-API-Key: outer", "X-API-Key: inner", ""]
--- error_code eval
[202, 401, 202, 202]



=== TEST 33: openqoe_api_key_file: a wrong file is refused
--- config
    openqoe_api_key_file /nowhere/keys;
--- must_die
--- error_log
cannot open "/nowhere/keys" of "openqoe_api_key_file"



=== TEST 34: openqoe_cors_origin: a wrong origin is refused
--- config
    openqoe_cors_origin example.org;
--- must_die
--- error_log
invalid value "example.org" in "openqoe_cors_origin", it must be scheme://host



=== TEST 35: openqoe_marker, openqoe_marker_domain: http and server can set them
--- http_config
    openqoe_marker on;
--- config
    openqoe_marker_domain example.org;
    location = /v2/events { openqoe_events; }
    location = /off { openqoe_events; openqoe_marker off; }
    location = /own { openqoe_events; openqoe_marker_domain b.example; }
--- request eval
[map { "POST $_\n" . ::body(1) } '/v2/events', '/off', '/own']
--- error_code eval
[202, 202, 202]
--- response_headers_like eval
["Set-Cookie: marker=.*; Domain=example\\.org; .*", "",
 "Set-Cookie: marker=.*; Domain=b\\.example; .*"]



=== TEST 36: openqoe_marker: a wrong value is refused
--- config
    openqoe_marker yes;
--- must_die
--- error_log
invalid value "yes" in "openqoe_marker" directive, it must be "on" or "off"



=== TEST 37: openqoe_marker_domain: a wrong domain is refused
--- config
    openqoe_marker_domain "a b";
--- must_die
--- error_log
invalid value "a b" in "openqoe_marker_domain", it must be a domain name
