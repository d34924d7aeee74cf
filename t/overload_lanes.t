#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# openqoe_overload_wait where one lane is full and another has room: decoding
# finds out that a request is for the full lane; the request waits for that
# lane, is decoded a second time and counted once.  The collector answers 503
# until its own nginx is reloaded.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use Compress::Zlib qw(memGzip);
use Time::HiRes qw(time);

my $small = 'qoe:' . (OpenQoE::Nginx->zone_min(2) + 64) . 'k';


sub since ($nginx, $before) {
    my $now = $nginx->stats;
    return { received => $now->{events}{received}
                         - $before->{events}{received},
             invalid => $now->{events}{rejected}{invalid}
                        - $before->{events}{rejected}{invalid},
             accepted => $now->{events}{accepted}
                         - $before->{events}{accepted},
             map { $_ => $now->{requests}{$_} - $before->{requests}{$_} }
                 qw(delayed undecoded 202 503) };
}


sub sent ($nginx, $path, $body, @headers) {
    my $http = $nginx->http(timeout => 60);
    $http->send_raw(join("\r\n", "POST $path HTTP/1.1", 'Host: a', @headers,
                         'Content-Length: ' . length $body) . "\r\n\r\n$body");
    return $http;
}


sub of_session ($session, $n = 1, %more) {
    return [ map { event(session_id => $session, %more) } 1 .. $n ];
}


# A collector that takes events as soon as there is a file: a request waits for
# 10 s at most, and a reload takes long on a busy machine.

sub collector () {
    my $collector = OpenQoE::Nginx->new(module => 0);
    my $file = $collector->{opens} = $collector->dir . '/out/open';

    $collector->write_config(locations =>
        "location / { if (-f $file) { return 200; } return 503; }");
    return $collector->start;
}


sub takes_events ($collector) { write_file($collector->{opens}, '') }


sub scenario ($what, %opt) {
    my $collector = collector();
    my $nginx = OpenQoE::Nginx->new(zone => $small,
        workers => $opt{workers} // 2, single => $opt{single},
        exporter => 'endpoint http://127.0.0.1:' . $collector->port
                    . '; protocol http/protobuf; interval 50ms;',
        http => 'client_body_buffer_size 8k; client_max_body_size 4m;',
        events => 'openqoe_overload_wait off;',
        location => 'location = /patient { openqoe_events; '
            . 'openqoe_marker on; openqoe_overload_wait 10s; }'
            . ' location = /hasty { openqoe_events; '
            . 'openqoe_overload_wait 300ms; }')->start;

    # A session whose lane is full; of two lanes the other is empty.

    # Large requests first: the longer this takes, the longer the exporter backs
    # off, and the collector must be tried again while requests wait.

    my $full;
    for my $n (20, 1) {
        $full = 0;
        for (1 .. 3000) {
            $full = http_post($nginx->port, '/v2/events',
                        batch_json(of_session('hot', $n)))->{status} == 503;
            last if $full;
        }
    }
    ok($full, "$what: the lane of a session is full");

    my $cool;
    for my $i (1 .. ($opt{single} ? 0 : 50)) {
        $cool = "other $i";
        last if http_post($nginx->port, '/v2/events',
                          batch_json(of_session($cool)))->{status} == 202;
    }

    my $before = $nginx->stats;
    my $large = batch_json(of_session('hot', 10, data => { x => 'y' x 2000 }));
    my $partial = batch_json([ @{ of_session('hot', 2) },
                               event(event_type => 'nonsense') ]);
    my @waiting = (
        sent($nginx, '/patient', batch_json(of_session('hot', 3))),
        sent($nginx, '/patient', $large),
        sent($nginx, '/patient', memGzip($large), 'Content-Encoding: gzip'),
        sent($nginx, '/patient', $partial),
    );
    my $gone = sent($nginx, '/patient', $large);

    ok(wait_until(sub { since($nginx, $before)->{delayed} == 5 }, 20),
       "$what: requests for that session wait instead of being refused");
    is(since($nginx, $before)->{received}, 0,
       "$what: no event that waits is counted yet");
    $gone->close;

    if (!$opt{single}) {
        is(http_post($nginx->port, '/patient', batch_json(of_session($cool)))
               ->{status}, 202, "$what: a session of the other lane is taken");
        is(since($nginx, $before)->{delayed}, 5, "$what: it has not waited");
        $before->{events}{$_}++ for qw(received accepted);
        $before->{requests}{202}++;
    }

    my $begin = time;
    is(http_post($nginx->port, '/hasty', batch_json(of_session('hot')))
           ->{status}, 503, "$what: a request that waits in vain gets 503");
    cmp_ok(time - $begin, '>=', 0.25,
           "$what: the refused request was answered after its wait");

    takes_events($collector);
    my @answers = map { $_->read_response } @waiting;
    is(join(' ', map { $_->{status} } @answers), '202 202 202 202',
       "$what: requests that waited are accepted once their lane has room");
    is((() = $answers[0]{raw_headers} =~ /^set-cookie: marker=/mgi), 1,
       "$what: an accepted request sets one marker cookie");
    is(decode_json_text($answers[3]{body})->{events_rejected}, 1,
       "$what: an invalid event in such a request is reported");

    my $s = since($nginx, $before);
    is_deeply([ @$s{qw(received accepted invalid undecoded 202)} ],
              [ 26, 25, 1, 1, 4 ],
              "$what: each event is counted once, though decoded twice");
    $_->close for @waiting;
    ok($nginx->stop, "$what: nginx exits in order");
    $nginx->no_errors;
    $collector->stop;
}


scenario('two lanes');
scenario('a single process', single => 1, workers => 1);

# --- a worker that exits: its requests that wait go on waiting

{
    my $collector = collector();
    my $nginx = OpenQoE::Nginx->new(zone => $small, workers => 2,
        listen => 'reuseport',
        exporter => 'endpoint http://127.0.0.1:' . $collector->port
                    . '; protocol http/protobuf; interval 50ms;',
        http => 'openqoe_drain_timeout 30s;',
        events => 'openqoe_overload_wait off;',
        location => 'location = /patient { openqoe_events; '
                    . 'openqoe_overload_wait 10s; }')->start;
    my $lanes = sub () { $nginx->stats(timeout => 1)->{queue}{lanes} };
    my @owner;
    ok(wait_until(sub {
        @owner = map { $_->{owner_pid} } @{ $lanes->() };
        return $owner[0] && $owner[1] && $owner[0] != $owner[1];
    }, 20), 'each of two workers holds a lane');

    # A session of each lane; both lanes become full.
    my @session;
    for my $i (1 .. 50) {
        my @before = map { $_->{produced} } @{ $lanes->() };
        http_post($nginx->port, '/v2/events', batch_json(of_session("s$i")));
        my @after = map { $_->{produced} } @{ $lanes->() };
        $session[$_] //= "s$i" for grep { $after[$_] > $before[$_] } 0, 1;
        last if defined $session[0] && defined $session[1];
    }
    my $full = 0;
    for my $session (@session) {
        for my $n (20, 1) {
            my $status = 202;
            for (1 .. 3000) {
                $status = http_post($nginx->port, '/v2/events',
                                    batch_json(of_session($session, $n)))
                              ->{status};
                last if $status == 503;
            }
            $full += $status == 503;
        }
    }
    is($full, 4, 'both lanes are full');

    kill 'STOP', $owner[1];

    # Connections of the other worker.
    my ($http, $watch);
    for my $sock (\$http, \$watch) {
        ok(wait_until(sub {
            $$sock = $nginx->http(timeout => 1);
            return $$sock->request('GET', '/v2/stats');
        }, 20), 'the worker that is not stopped answers');
    }

    my $body = batch_json(of_session($session[1]));
    $http->{timeout} = 60;
    $http->send_raw(join("\r\n", 'POST /patient HTTP/1.1', 'Host: a',
                         'Content-Length: ' . length $body) . "\r\n\r\n$body");
    ok(wait_until(sub {
        my $r = $watch->request('GET', '/v2/stats');
        return decode_json_text($r->{body})->{waiting}{room} == 1;
    }, 20), 'a request waits, for all lanes are full');

    kill 'HUP', $nginx->master_pid;
    ok(wait_until(sub { !grep { $_ == $owner[0] } $nginx->worker_pids }, 20),
       'the worker of that request is about to exit');
    takes_events($collector);
    ok(wait_until(sub { $lanes->()->[0]{used} == 0 }, 20),
       'the lane of the worker that is about to exit has room');
    kill 'CONT', $owner[1];

    is(($http->read_response // {})->{status}, 202,
       'a request of a worker that is about to exit waits for its lane though '
       . 'another lane has room');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
    $collector->stop;
}

done_testing;
