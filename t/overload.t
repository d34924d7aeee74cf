#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# openqoe_overload_wait: with a full queue a request waits before it is
# decoded, for a bounded time and in bounded memory, and is accepted when there
# is room.  The collector takes connections and never answers, so the queue of
# the smallest zone fills up.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Process qw(free_port);
use OpenQoE::Test;

use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my $hole = IO::Socket::INET->new(Listen => 128, LocalAddr => '127.0.0.1',
                                 ReuseAddr => 1) or die "listen: $!\n";
my $certs = make_certs();
my $h2_port = free_port();
my $small = 'qoe:' . (OpenQoE::Nginx->zone_min + 64) . 'k';

# Memory that was freed and that a sanitizer keeps would look like growth.

my $nginx = OpenQoE::Nginx->new(workers => 1, zone => $small,
    env => { ASAN_OPTIONS => join ':', $ENV{ASAN_OPTIONS} // (),
                                  'quarantine_size_mb=1' },
    exporter => 'endpoint http://127.0.0.1:' . $hole->sockport
                . '; interval 50ms; timeout 500ms;',
    http => 'client_body_buffer_size 64k; client_max_body_size 4m;',
    location => 'location = /now { openqoe_events; openqoe_overload_wait 0; }'
        . ' location = /patient { openqoe_events; openqoe_overload_wait 10s; }'
        . ' location = /plain { return 204; }',
    servers => "server { listen 127.0.0.1:$h2_port ssl http2; "
        . "ssl_certificate $certs->{server}; "
        . "ssl_certificate_key $certs->{server_key}; "
        . 'location = /v2/events { openqoe_events; } }')->start;
my $oracle = OpenQoE::Oracle->new;


# What the stats count since an earlier answer.

sub since ($before) {
    my $now = $nginx->stats;
    return { received => $now->{events}{received}
                         - $before->{events}{received},
             map { $_ => $now->{requests}{$_} - $before->{requests}{$_} }
                 qw(delayed undecoded delay_ms 202 503) };
}


sub post ($path, $events) {
    my $answer = http_post($nginx->port, $path, batch_json($events),
                           timeout => 30);
    $oracle->note($events, $answer);
    return $answer;
}


# A connection on which the text has been sent, and no answer read.

sub sent ($text) {
    my $http = $nginx->http(timeout => 60);
    $http->send_raw($text);
    return $http;
}


sub request_text ($path, $body) {
    return "POST $path HTTP/1.1\r\nHost: a\r\nContent-Length: "
           . length($body) . "\r\n\r\n$body";
}


# The worker's resident memory in kB.

sub resident () {
    my ($pid) = $nginx->worker_pids;
    return slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : 0;
}


# --- until the queue is full

my $filled;
for (1 .. 2000) {
    my $answer = post('/now', batch(1));
    $filled = $answer->{status};
    last if $filled != 202;
}
is($filled, 503, 'without a wait requests are taken until the queue is full');
is($nginx->stats->{requests}{delayed}, 0, 'no request has waited');

# --- a request waits, and is refused undecoded

my $before = $nginx->stats;
my $start = time;
my $answer = post('/v2/events', batch(3));
my $took = time - $start;

is($answer->{status}, 503, 'a request that waits in vain gets 503');
is($answer->{headers}{'retry-after'}, 1, 'the 503 has Retry-After');
is(decode_json_text($answer->{body})->{message}, 'Server overload',
   'the 503 says that the server is overloaded');
cmp_ok($took, '>=', 0.35,
       'the request was answered only after the default wait');

my $s = since($before);
is_deeply([ @$s{qw(delayed undecoded 503 received)} ], [ 1, 1, 1, 0 ],
          'the request is counted as delayed and as refused, and its events '
          . 'were not read');
cmp_ok($s->{delay_ms}, '>=', 350,
       'the time that the request waited is counted');
is(decode_json_text(http_get($nginx->port, '/v2/health')->{body})->{status},
   'unhealthy', 'refusing requests makes the module unhealthy');

# --- pipelined requests, and the streams of HTTP/2

my $one = request_text('/v2/events', batch_json(batch(1)));
my $http = sent($one x 3);
is(join(' ', map { $http->read_response->{status} } 1 .. 3), '503 503 503',
   'pipelined requests wait and are refused, each for itself');
$http->close;

my $file = $nginx->dir . '/body.json';
write_file($file, batch_json(batch(2)));
my ($rc, $out) = run_cmd('curl', '-sk', '--http2', '--parallel',
    '--parallel-max', 20, '--data-binary', "\@$file", '-H',
    'Content-Type: application/json', '-w', "%{http_version} %{http_code}\n",
    map { ("https://127.0.0.1:$h2_port/v2/events", '-o', '/dev/null') }
        1 .. 20);
is((() = $out =~ /^2 503$/mg), 20,
   '20 streams of HTTP/2 wait and are refused, each for itself')
    or diag($out);

# --- clients that go away while their requests wait

$before = $nginx->stats;
my @gone = map { sent(request_text('/patient', batch_json(batch(1)))) }
           1 .. 20;
ok(wait_until(sub { since($before)->{delayed} == 20 }, 20),
   'twenty more requests wait');
$_->close for @gone;
ok(wait_until(sub { since($before)->{delay_ms} > 0 }, 20),
   'requests end when their clients have gone');

# --- thousands of requests: memory is bounded, and other locations go on

my $large = request_text('/v2/events', batch_json([ map {
    event(data => { note => 'x' x 4000 }) } 1 .. 10 ]));
my (@resident, $late);
$before = $nginx->stats;

for my $round (1 .. 5) {
    my @http = map { sent($large) } 1 .. 400;

    $start = time;
    is(http_get($nginx->port, '/plain', timeout => 30)->{status}, 204,
       "round $round: another location answers meanwhile");

    my @answers = map { $_->read_response } @http;
    is(scalar(grep { $_->{status} == 503
                     && ($_->{headers}{'retry-after'} // '') eq '1' }
              @answers), 400,
       "round $round: each of 400 requests gets 503 with Retry-After");
    $_->close for @http;
    push @resident, resident();
}

$s = since($before);
is_deeply([ @$s{qw(undecoded 503 received)} ], [ 2000, 2000, 0 ],
          'none of the 2,000 requests was decoded');
is($s->{delayed}, 2000, 'each of these requests has waited, many of them '
   . 'before their body was read');
cmp_ok($resident[4] - $resident[1], '<', 4096 * (slow() ? 4 : 1),
       "the worker has stopped growing (kB: @resident)");

# --- room: requests that wait are accepted, here while their worker exits by a
# reload

$before = $nginx->stats;
my @events = map { batch(2) } 1 .. 30;
my @waiting = map { sent(request_text('/patient', batch_json($_))) } @events;
ok(wait_until(sub { since($before)->{delayed} == 30 }, 20),
   'thirty requests wait');

my ($old) = $nginx->worker_pids;
$nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                                 . '; interval 50ms;');
ok($nginx->reload, 'a reload sets another destination');

my $accepted = 0;
for my $i (0 .. $#waiting) {
    my $r = $waiting[$i]->read_response;
    $oracle->note($events[$i], $r);
    $accepted++ if $r->{status} == 202;
    $waiting[$i]->close;
}
is($accepted, 30, 'each request that waits is accepted once there is room');
$oracle->wait_delivered($nginx->out_file, 30);
$oracle->is_exactly_once('accepted events are delivered, and no others');
ok(wait_until(sub { !grep { $_ == $old } children($nginx->master_pid) }, 20),
   'the old worker exits');
is(post('/v2/events', batch(1))->{status}, 202,
   'a queue with room takes requests at once');
ok($nginx->stop, 'nginx exits in order');
$nginx->no_errors;

# --- an exit, gentle or not, while requests wait

for my $signal (qw(QUIT TERM)) {
    $nginx = OpenQoE::Nginx->new(workers => 1, zone => $small,
        exporter => 'endpoint http://127.0.0.1:' . $hole->sockport
                    . '; interval 50ms; timeout 500ms;',
        http => 'openqoe_drain_timeout 100ms;',
        location => 'location = /now { openqoe_events; '
                    . 'openqoe_overload_wait off; }',
        events => 'openqoe_overload_wait 2s;')->start;
    1 while http_post($nginx->port, '/now', batch_json(batch(1)))->{status}
            == 202;
    $before = $nginx->stats;
    @waiting = map { sent($one) } 1 .. 20;
    ok(wait_until(sub { since($before)->{delayed} == 20 }, 20),
       "$signal: twenty requests wait");
    ok($nginx->stop($signal, 10), "$signal: nginx exits in bounded time");

    if ($signal eq 'QUIT') {
        is(scalar(grep { $_->read_response->{status} == 503 } @waiting), 20,
           'QUIT: the requests that waited have been answered');
    }

    $nginx->no_errors;
}

done_testing;
