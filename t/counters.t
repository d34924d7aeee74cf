# The counters of /v2/stats about requests: each outcome of the events
# locations once, whoever answered, and nothing of the other locations.

use lib 't/lib';
use OpenQoE::Test;
use OpenQoE::HTTP;

my $nginx = OpenQoE::Nginx->new(workers => 2,
    http => 'limit_req_zone $server_port zone=one:32k rate=1r/m;',
    events => 'openqoe_api_key k; client_max_body_size 64k;',
    location => <<'END')->start;
        location = /limited { limit_req zone=one; openqoe_events; }
        location = /stats { openqoe_stats; openqoe_api_key k; }
        location = /other { client_max_body_size 1; }
END

my $client = $nginx->http;
my $valid = batch_json(batch(2));
my $last = counters();


sub counters () {
    my $stats = decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
    return { %{ $stats->{requests} },
             map { ("event_$_" => $stats->{events}{$_}) }
                 qw(received accepted) };
}


# One request, its status, and what it adds to the counters.

sub adds ($status, $want, $name, $method, $path, %opt) {
    $opt{headers} = { 'X-API-Key' => 'k', %{ $opt{headers} // {} } };
    my $r = http_request($nginx->port, $method, $path, %opt);
    is($r->{status}, $status, "$name is answered with $status");

    my $now = counters();
    my %got = map { ($_ => $now->{$_} - $last->{$_}) }
              grep { $now->{$_} != $last->{$_} } keys %$now;
    is_deeply(\%got, $want, "$name is counted") or diag explain \%got;
    $last = $now;
}

my @post = (POST => '/v2/events');

adds(202, { received => 1, 202 => 1, event_received => 2, event_accepted => 2 },
     'taken', @post, body => $valid);
adds(400, { received => 1, 400 => 1 }, 'no JSON', @post, body => 'x');
adds(401, { received => 1, 401 => 1 }, 'no key', @post, body => $valid,
     headers => { 'X-API-Key' => 'x' });
adds(405, { received => 1, 405 => 1 }, 'another method', GET => '/v2/events');
adds(415, { received => 1, 415 => 1 }, 'another type', @post, body => $valid,
     headers => { 'Content-Type' => 'text/html' });
adds(413, { received => 1, 413 => 1 }, 'too large, by its length', @post,
     body => 'x' x 70_000);
adds(413, { received => 1, 413 => 1 }, 'too large, in chunks', @post,
     headers => { 'Transfer-Encoding' => 'chunked' },
     body => sprintf("%x\r\n%s\r\n0\r\n\r\n", 70_000, 'x' x 70_000));
adds(202, { received => 1, 202 => 1, event_received => 2, event_accepted => 2 },
     'the first of a minute', POST => '/limited', body => $valid);
adds(503, { received => 1, 503 => 1 }, 'the second', POST => '/limited',
     body => $valid);

# a preflight is no request of the player's own; the rest is of other places

adds(204, {}, 'a preflight', OPTIONS => '/v2/events');
adds(401, {}, 'stats without a key', GET => '/stats',
     headers => { 'X-API-Key' => 'x' });
adds(405, {}, 'another method for stats', POST => '/v2/stats', body => 'x');
adds(405, {}, 'another method for health', PUT => '/v2/health', body => 'x');
adds(200, {}, 'health', GET => '/v2/health');
adds(413, {}, 'too large for another location', POST => '/other', body => 'xx');

my $sum = 0;
$sum += $last->{$_} for grep { /^\d+$/ } keys %$last;
is($last->{received}, $sum, 'received is the sum of the answers');

ok($nginx->stop, 'nginx exits in order');
$nginx->no_errors;

done_testing;
