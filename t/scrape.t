#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# /v2/stats as Prometheus text: who gets which form, HEAD, keys, many series,
# clients that go away or do not read, too many at a time.  What the text says
# is in prometheus.t.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;
use OpenQoE::HTTP;
use OpenQoE::Prometheus qw(prometheus_text);

my $TEXT = 'text/plain; version=0.0.4; charset=utf-8';
my $OPEN = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
my $JSON = 'application/json';

my $nginx = OpenQoE::Nginx->new(workers => 1, zone => 'qoe:64m',
    http => 'client_max_body_size 8m; send_timeout 600s;'
            . ' openqoe_dimension app_name allow'
            . ' max=100000; openqoe_series_max 1000000;',
    location => 'location = /keyed { openqoe_stats; openqoe_api_key k; }'
)->start;


sub get ($accept, $args = '', %opt) {
    my %headers = defined $accept ? (Accept => $accept) : ();
    return http_request($nginx->port, $opt{method} // 'GET',
                        ($opt{path} // '/v2/stats') . $args,
                        headers => { %headers, %{ $opt{headers} // {} } },
                        timeout => 60);
}


sub post (@events) {
    my $r = http_post($nginx->port, '/v2/events', batch_json(\@events));
    is($r->{status}, 202, 'events are accepted') or diag($r->{body});
}

subtest 'who gets what' => sub {
    for ([ undef, $JSON ], [ '*/*', $JSON ], [ $JSON, $JSON ], [ '', $JSON ],
         [ 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
           $JSON ],
         [ 'application/json, text/plain, */*', $JSON ],
         [ 'image/png', $JSON ],
         [ 'text/plain', $TEXT ], [ 'TEXT/plain; q=1.000', $TEXT ],
         [ 'text/*', $TEXT ], [ 'text/plain, */*', $TEXT ],
         [ 'text/plain;version=0.0.4;q=1,*/*;q=0.1', $TEXT ],
         [ 'text/plain;version="0.0.4"', $TEXT ],
         [ 'application/json;q=0, text/plain;q=0.1', $TEXT ],
         [ 'application/json;q=0.5, text/plain;q=0.4', $JSON ],
         [ 'application/openmetrics-text', $OPEN ],
         [ 'application/openmetrics-text; version=0.0.1, text/plain;q=0.2',
           $TEXT ],
         # Prometheus 2.42, and a newer one
         [ 'application/openmetrics-text;version=1.0.0,'
           . 'application/openmetrics-text;version=0.0.1;q=0.75,'
           . 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1', $OPEN ],
         [ 'application/vnd.google.protobuf;proto=io.prometheus.client.'
           . 'MetricFamily;encoding=delimited;q=0.7,application/openmetrics-'
           . 'text;version=1.0.0;q=0.6,text/plain;version=1.0.0;q=0.4,'
           . 'text/plain;version=0.0.4;q=0.3,*/*;q=0.2', $OPEN ],
         # no quality values at all count as none
         [ 'text/plain;q=x, application/json;q=0.1', $JSON ],
         [ 'text/plain;q=2, application/json;q=0.1', $JSON ],
         [ ',;,;q=1,text/plain;;', $TEXT ])
    {
        my ($accept, $type) = @$_;
        my $r = get($accept);
        is($r->{status}, 200, 'Accept: ' . ($accept // '-'));
        is($r->{headers}{'content-type'}, $type, $type);
    }

    is(get($_->[0], $_->[1])->{headers}{'content-type'}, $_->[2],
       "$_->[1] $_->[0]")
        for [ '*/*', '?format=prometheus', $TEXT ],
            [ 'application/json', '?format=prometheus', $TEXT ],
            [ 'text/plain', '?a&format=openmetrics', $OPEN ],
            [ 'text/plain', '?format=json', $JSON ],
            [ 'text/plain', '?format=nonsense', $TEXT ];
};

subtest 'the text' => sub {
    post(event(org_id => 'one'));
    ok(wait_until(sub {
        get('text/plain')->{body} =~ /^openqoe_events_total\{[^}]*one/m
    }, 10), 'an event is in the metrics');

    for my $accept ('text/plain', 'application/openmetrics-text') {
        my $r = get($accept);
        my $p = prometheus_text($r->{body});
        is_deeply($p->{problems} // [], [], "$accept: the text is well-formed");
        is($r->{headers}{'content-length'}, length $r->{body},
           "$accept: Content-Length is right");
        is($r->{headers}{'cache-control'}, 'no-store',
           "$accept: the text must not be stored");
        is($r->{body} =~ /# EOF\n\z/ ? 1 : 0, $accept =~ /open/ ? 1 : 0,
           "$accept: only OpenMetrics ends with # EOF");

        my $head = get($accept, '', method => 'HEAD');
        is($head->{status}, 200, 'HEAD is answered');
        is($head->{body}, '', 'the answer to HEAD has no body');
        cmp_ok($head->{headers}{'content-length'}, '>', 1000,
               'the answer to HEAD has a length');
    }
};

subtest 'key and methods' => sub {
    is(get('text/plain', '', path => '/keyed')->{status}, 401,
       'a scrape without a key is refused');
    is(get('text/plain', '', path => '/keyed',
           headers => { 'X-API-Key' => 'k' })->{status}, 200,
       'a scrape with a key is answered');
    is(get('text/plain', '', method => 'POST')->{status}, 405,
       'a POST is refused');
};

# some ten thousand series: slices, many buffers

subtest 'large' => sub {
    # a request brings in few new values
    for my $n (1 .. 375) {
        post(map { event(app_name => "app $n $_",
                         event_type => 'seek',
                         data => { seek_latency => 100 }) } 1 .. 8);
    }
    # every event makes more than one series, so the queue tells the end
    my $stats = sub {
        my $r = http_get($nginx->port, '/v2/stats');
        return decode_json_text($r->{body});
    };
    ok(wait_until(sub {
        my $lanes = $stats->()->{queue}{lanes};
        return !grep { $_->{consumed} < $_->{produced} } @$lanes;
    }, 20), 'all events are counted');
    my $series = $stats->()->{series}{count};
    cmp_ok($series, '>', 3000, "there are more than 3000 series: $series");

    # the text is the same however it is cut
    my $r = get('text/plain');
    is($r->{status}, 200, 'a scrape of many series is answered');
    is($r->{headers}{'content-length'}, length $r->{body},
       'a scrape of many series is whole');
    cmp_ok(length $r->{body}, '>', 1_000_000,
           'a scrape of many series has more than a megabyte');
    my @apps = $r->{body} =~ /^openqoe_events_total\{[^}]*"app \d+ \d+"/mg;
    is(scalar @apps, 3000, 'each series is there once');
    is_deeply(prometheus_text($r->{body})->{problems} // [], [],
              'a scrape of many series is well-formed');
};

subtest 'clients that go away' => sub {
    for (1 .. 20) {
        my $client = $nginx->http;
        $client->send_raw("GET /v2/stats?format=prometheus HTTP/1.1\r\n"
                          . "Host: h\r\n\r\n");
        sleep 0.001 * ($_ % 5);
        $client->close;
    }

    # the places of those that left are free again
    ok(wait_until(sub { get('text/plain')->{status} == 200 }, 10),
       'after a scrape was broken off the next one is answered');
    is(get('text/plain')->{status}, 200,
       'the scrape after that is answered, too');
};

subtest 'too many' => sub {
    # with the text not read, nginx keeps it
    my @clients = map { $nginx->http } 1 .. 4;
    $_->send_raw("GET /v2/stats?format=prometheus HTTP/1.1\r\nHost: h\r\n"
                 . "\r\n") for @clients;

    my $r;
    ok(wait_until(sub {
        $r = get('text/plain');
        return $r->{status} == 503;
    }, 10), 'a third scrape at a time is answered with 503');
    like($r->{headers}{'retry-after'}, qr/^\d+$/, 'the 503 has Retry-After');
    is(decode_json_text($r->{body})->{success} ? 1 : 0, 0, 'the 503 is JSON');
    is(get($JSON)->{status}, 200, 'the stats as JSON are answered meanwhile');
    is(http_post($nginx->port, '/v2/events', batch_json(batch(1)))->{status},
       202, 'events are accepted meanwhile');

    $_->close for @clients;
    ok(wait_until(sub { get('text/plain')->{status} == 200 }, 10),
       'once the two clients have left a scrape is answered');
};

# send_timeout is longer than the test waits for the third client

subtest 'two clients that do not read' => sub {
    my @clients = map { $nginx->http } 1 .. 2;
    $_->send_raw("GET /v2/stats?format=prometheus HTTP/1.1\r\nHost: h\r\n"
                 . "\r\n") for @clients;

    ok(wait_until(sub { get('text/plain')->{status} == 503 }, 10),
       'clients that do not read take both places of the worker');

    my $from = time;
    ok(wait_until(sub { get('text/plain')->{status} == 200 }, 30),
       'a third client is served although they neither read nor leave');
    my $after = time - $from;
    cmp_ok($after, '>', 3, 'the two clients had some seconds to read');

    ok(wait_until(sub { get('text/plain')->{status} == 200 }, 10),
       'the next scrape is answered, too');
    is(http_post($nginx->port, '/v2/events', batch_json(batch(1)))->{status},
       202, 'events are accepted');

    $_->close for @clients;
};

# slices set no timer of nginx's own, and a worker that quits leaves without

subtest 'a worker that quits' => sub {
    my $client = $nginx->http(timeout => 20);
    $client->send_raw("GET /v2/stats?format=prometheus HTTP/1.1\r\n"
                      . "Host: h\r\n\r\n");
    sleep 0.01;
    kill 'QUIT', $nginx->master_pid;

    my $r = eval { $client->read_response };
    is($r->{status}, 200,
       'a worker that quits ends the scrape that it has begun');
    is(length($r->{body} // ''), $r->{headers}{'content-length'},
       'that scrape is whole');
};

ok($nginx->stop, 'nginx exits in order');
$nginx->no_errors;

done_testing;
