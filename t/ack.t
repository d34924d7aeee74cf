#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# openqoe_ack: the 202 is sent when the events are in the spool, not before,
# and no other request waits for that.  There is no collector, so stored events
# stay.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Shim;
use OpenQoE::Test;

use Errno qw(EIO);
use IO::Select;
use IO::Socket::INET;

my $certs = make_certs();


# No process listens on this port, and a try to connect takes no time.

sub started (%opt) {
    my $nginx = OpenQoE::Nginx->new(workers => 2,
        exporter => 'endpoint http://127.0.0.1:1; protocol http/protobuf; '
                    . 'interval 1s; ' . ($opt{line} // ''),
        http => 'openqoe_spool fresh max_size=16m ' . ($opt{spool} // '') . ';'
                . ($opt{http} // ''),
        events => 'openqoe_ack spool;',
        location => 'location = /fsync { openqoe_events; openqoe_ack fsync; '
            . 'openqoe_ack_timeout ' . ($opt{timeout} // '5s') . '; }'
            . ' location = /memory { openqoe_events; openqoe_ack memory; }'
            . ' location = /hasty { openqoe_events; openqoe_ack fsync; '
            . 'openqoe_ack_timeout 300ms; }',
        map { exists $opt{$_} ? ($_ => $opt{$_}) : () }
            qw(workers single listen server main env))->start;
    return $nginx;
}


sub health ($nginx) {
    my $r = http_get($nginx->port, '/v2/health');
    return ($r->{status}, decode_json_text($r->{body}));
}


# The bytes that the files of a spool hold now.

sub stored ($nginx) {
    return join '', map { slurp($_) // '' }
           glob $nginx->dir . '/fresh/*/default/*/*';
}


# Posts a request of n events; returns whether all of them are in the files at
# once.

sub post ($nginx, $path, $n = 1, %opt) {
    my $events = batch($n);
    my $r = http_post($nginx->port, $path, batch_json($events), %opt);
    my $bytes = stored($nginx);
    my @missing = grep { index($bytes, event_id($_)) < 0 } @$events;
    return ($r ? $r->{status} : 0, !@missing, $r);
}


sub done ($nginx, %opt) {
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors(%opt);
}


# --- what 202 means

{
    my $nginx = started();

    my $dir = $nginx->dir . '/fresh';
    my @st = stat $dir;
    is($st[2] & 07777, 0700,
       'the master makes the directory with the mode 0700');
    is($st[4], (stat [glob "$dir/*"]->[0])[4],
       "the master gives the directory to the workers' user") if wait_until(sub {
           glob "$dir/*"
       });

    for my $path (qw(/v2/events /fsync)) {
        for my $n (1, 10, 500) {
            my ($status, $all, $r) = post($nginx, $path, $n);
            is($status, 202, "$path, $n events: 202");
            ok($all,
               "$path: the events are in the files when the answer comes");
            is(decode_json_text($r->{body})->{events_received}, $n,
               "$path: the answer has the number of events");
        }
    }

    my $syncs = $nginx->stats->{exporter}{spool}{syncs};
    cmp_ok($syncs, '>=', 3, 'ack=fsync syncs the files');

    is((post($nginx, '/memory'))[0], 202,
       'ack=memory is answered although nothing is stored');

    # A batch that is accepted in part: its errors survive the wait.
    my ($good, $bad) = (event(), event(event_type => 'nonsense'));
    my $r = http_post($nginx->port, '/fsync', batch_json([ $good, $bad ]));
    my $answer = decode_json_text($r->{body});
    is($r->{status}, 202, 'a batch with an invalid event is accepted in part');
    is_deeply([ @$answer{qw(events_received events_rejected)} ], [ 1, 1 ],
              'the answer counts both the valid and the invalid event');
    is($answer->{errors}[0]{field}, 'event_type',
       'the answer names the field that is wrong');
    cmp_ok($answer->{processing_time_ns}, '>', 0,
           'the answer says how long the request took');

    my $s = $nginx->stats;
    is($s->{events}{unconfirmed}, 0, 'no event is counted as unconfirmed');
    is($s->{exporter}{accepted}, 2 * 511 + 2,
       'all events are counted as accepted');
    is($s->{exporter}{exported}, 0, 'no event is counted as exported');
    is($s->{exporter}{queued} + $s->{exporter}{spooled}, 2 * 511 + 2,
       'all events are in the queue or in the spool');
    done($nginx);

    # Events that were only in memory are in the spool after the exit, too.
    ok((() = stored($nginx) =~ /openqoe\.\w+/g) >= 2 * 511 + 2,
       'at the exit all events are stored');
}

# --- clients: many at once, keepalive, pipelined, chunked, HTTP/2

{
    my $nginx = started();
    my (@socks, @wanted);

    for my $i (1 .. 200) {
        my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                         PeerPort => $nginx->port) or die $!;
        my $event = event();
        my $body = batch_json([ $event ]);
        my $path = (qw(/v2/events /fsync))[$i % 2];
        print $sock "POST $path HTTP/1.1\r\nHost: a\r\nContent-Type: "
              . "application/json\r\nConnection: close\r\nContent-Length: "
              . length($body) . "\r\n\r\n$body";
        $sock->flush;
        push @socks, $sock;
        push @wanted, event_id($event);
    }

    my $ok = 0;
    for my $sock (@socks) {
        local $/;
        my $text = IO::Select->new($sock)->can_read(10) ? <$sock> : '';
        $ok++ if $text =~ m{^HTTP/1\.1 202 .*"events_received":1,}s;
    }
    is($ok, 200, '200 connections at once: each is answered');
    my $bytes = stored($nginx);
    is(scalar(grep { index($bytes, $_) < 0 } @wanted), 0,
       'every event of these requests is stored');

    my $spool = $nginx->stats->{exporter}{spool};
    cmp_ok($spool->{syncs}, '<', 150,
           "$spool->{syncs} syncs serve 200 requests");

    my $http = $nginx->http;
    my @status = map {
        $http->request('POST', '/fsync', headers =>
            { 'Content-Type' => 'application/json' },
            body => batch_json(batch(2)))->{status}
    } 1 .. 20;
    is("@status", join(' ', (202) x 20),
       'twenty requests on one connection are acknowledged');

    my $one = batch_json([ event() ]);
    my $head = "POST /fsync HTTP/1.1\r\nHost: a\r\n";
    my $length = 'Content-Length: ' . length $one;
    $http = $nginx->http;
    $http->send_raw("$head$length\r\n\r\n$one" x 5);
    is(join(' ', map { $http->read_response->{status} } 1 .. 5),
       '202 202 202 202 202', 'pipelined requests are acknowledged');

    $http = $nginx->http;
    $http->send_raw("${head}Transfer-Encoding: chunked\r\n\r\n"
        . join('', map { sprintf "%x\r\n%s\r\n", length, $_ }
               $one =~ /(.{1,50})/gs) . "0\r\n\r\n");
    is($http->read_response->{status}, 202,
       'a chunked request is acknowledged');

    is($nginx->stats->{events}{unconfirmed}, 0,
       'no event is counted as unconfirmed');
    done($nginx);
}

{
    my $nginx = started(listen => 'ssl http2', server =>
        "ssl_certificate $certs->{server}; "
        . "ssl_certificate_key $certs->{server_key};");
    my $file = $nginx->dir . '/body.json';
    write_file($file, batch_json(batch(3)));

    my @urls = map { ('https://127.0.0.1:' . $nginx->port . '/fsync',
                      '-o', '/dev/null') } 1 .. 30;
    my ($rc, $out) = run_cmd('curl', '-sk', '--http2', '--parallel',
        '--parallel-max', 30, '-H', 'Content-Type: application/json',
        '--data-binary', "\@$file", '-w', "%{http_version} %{http_code}\n",
        @urls);
    is((() = $out =~ /^2 202$/mg), 30,
       '30 streams of HTTP/2 are acknowledged') or diag($out);
    done($nginx);
}

# --- a spool that cannot be written for a while

if (OpenQoE::Shim->usable) {
    my $shim = OpenQoE::Shim->new;
    my $nginx = started(env => $shim->env);
    is((post($nginx, '/fsync'))[0], 202,
       'with a spool that works requests are acknowledged');
    $shim->fail(EIO, ['write'], $nginx->dir . '/fresh');

    my ($status, undef, $r) = post($nginx, '/hasty', 10);
    is($status, 503, 'with a spool that cannot be written requests get 503');
    is($r->{headers}{'retry-after'}, 1, 'the 503 has Retry-After');
    like($r->{body}, qr/"success":false,"message":"Events\ queued,\ but\ not
                        \ stored\ in\ time","events_received":10,/x,
         'the 503 says that the events are queued');
    is(http_post($nginx->port, '/memory', batch_json(batch(1)))->{status}, 202,
       'a location with ack=memory goes on');

    my ($code, $health) = health($nginx);
    is($code, 503, 'a spool that fails makes the health unhealthy');
    is($health->{dependencies}{spool}{status}, 'unhealthy',
       'the health shows that the spool fails');
    like($health->{dependencies}{spool}{last_error} // '', qr/\w/,
         'the health shows why the spool fails');
    ok(wait_until(sub {
        http_post($nginx->port, '/fsync', batch_json(batch(1)));
        return $nginx->stats->{events}{rejected}{unstorable};
    }), 'further requests are refused before they are read, and counted');
    ok($nginx->stats->{exporter}{spool}{failing},
       'the stats show that the spool fails');
    cmp_ok($nginx->stats->{exporter}{spool}{errors}, '>', 0,
           'the stats count the errors of the spool');

    $shim->heal;
    ok(wait_until(sub { (post($nginx, '/fsync'))[0] == 202 }, 15),
       'the spool heals without a restart');
    ok((post($nginx, '/fsync', 5))[1],
       'a spool that healed stores events again');

    my $s = $nginx->stats;
    is($s->{exporter}{accepted} + $s->{exporter}{recovered},
       $s->{exporter}{exported} + $s->{exporter}{rejected}
       + $s->{exporter}{queued} + $s->{exporter}{spooled}
       + $s->{exporter}{dropped}{lost} + $s->{exporter}{dropped}{spool}
       + $s->{exporter}{dropped}{corrupt}, 'no event got lost meanwhile');
    done($nginx);
}

# --- a helper that stands still: SIGSTOP stops all threads of a process, so a
# worker holds the lane, and the other worker answers

{
    my $nginx = started(workers => 1, listen => 'reuseport',
                        timeout => '60s');
    post($nginx, '/fsync');

    # No process takes the lane of a worker that lives: two workers of another
    # generation start, and the stopped worker holds the lane.
    my ($held) = $nginx->worker_pids;
    $nginx->write_config(workers => 2);
    ok($nginx->reload, 'nginx reloads to two workers');

    my ($owner) = map { $_->{owner_pid} } @{ $nginx->stats->{queue}{lanes} };
    my ($other) = grep { $_ != $owner } $nginx->worker_pids;
    ok($other, 'one worker holds the lane, the other does not');
    kill 'STOP', $owner;

    my $answers = sub ($path, $timeout) {
        my $r = http_post($nginx->port, $path, batch_json(batch(3)),
                          timeout => $timeout) // return 0;
        return $r->{status} // 0;
    };

    # The kernel gives some connections to the stopped worker.
    ok(wait_until(sub { $answers->('/hasty', 2) == 503 }, 20),
       'a request that is not stored in time gets 503');
    ok(wait_until(sub { $answers->('/memory', 2) == 202 }, 20),
       'ack=memory is answered at once');

    # Whether a connection is the stopped worker's is known to the kernel alone:
    # more of them are made until a request of the other worker waits.
    my $parked = sub () {
        my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                         PeerPort => $nginx->port) or die $!;
        my $body = batch_json(batch(1));
        print $sock "POST /fsync HTTP/1.1\r\nHost: a\r\nContent-Type: "
              . "application/json\r\nConnection: close\r\nContent-Length: "
              . length($body) . "\r\n\r\n$body";
        $sock->flush;
        return $sock;
    };

    # A connection that is the other worker's.
    my $http;
    ok(wait_until(sub {
        $http = $nginx->http(timeout => 1);
        return $http->request('GET', '/v2/stats');
    }, 20), 'the other worker answers');
    my $stats = sub () {
        return decode_json_text($http->request('GET', '/v2/stats')->{body});
    };

    # Clients that do not wait.
    my $before = $stats->()->{events}{unconfirmed};
    my @gone;
    ok(wait_until(sub {
        push @gone, $parked->();
        return $stats->()->{waiting}{ack};
    }, 20), 'requests wait for the spool');
    close $_ for @gone;
    ok(wait_until(sub {
        my $s = $stats->();
        return $s->{waiting}{ack} == 0 && $s->{events}{unconfirmed} > $before;
    }, 20), 'a request whose client goes away is unconfirmed, and no more waits');

    # A reload while requests wait: the old worker answers them.
    my @waiting = map { $parked->() } 1 .. 20;
    ok(wait_until(sub {
        push @waiting, $parked->();
        return $stats->()->{waiting}{ack};
    }, 20), 'further requests wait');
    kill 'HUP', $nginx->master_pid;
    ok(wait_until(sub {
        my %worker = map { $_ => 1 } $nginx->worker_pids;
        return !$worker{$other} && keys %worker == 2 + 1;
    }, 20), 'beside the stopped worker and the one that is about to exit there '
       . 'are two new workers');
    kill 'CONT', $owner;

    my $ok = 0;
    for my $sock (@waiting) {
        local $/;
        my $text = IO::Select->new($sock)->can_read(10) ? <$sock> : '';
        $ok++ if $text =~ m{^HTTP/1\.1 202 };
    }
    is($ok, scalar @waiting,
       'requests that wait over a reload are all answered with 202');
    ok(wait_until(sub {
        !grep { $_ == $owner || $_ == $other } children($nginx->master_pid);
    }, 15), 'the old workers exit');

    my $s = $nginx->stats->{events};
    cmp_ok($s->{unconfirmed}, '>=', 3 + 1,
           'events that were not acknowledged are counted');
    is($s->{accepted}, $nginx->stats->{exporter}{spooled}
                       + $nginx->stats->{exporter}{queued},
       'no event that was not acknowledged is lost');
    done($nginx);
}

# --- a single process does without other workers' wake-ups

{
    my $nginx = started(single => 1, workers => 1);
    my ($status, $all) = post($nginx, '/fsync', 10);
    is($status, 202, 'a single process acknowledges events');
    ok($all, 'a single process stores events');
    done($nginx);
}

# --- TERM while a request waits: no answer, no harm

{
    my $nginx = started(line => 'timeout 1s;');
    my @socks = map { $nginx->http } 1 .. 20;
    $_->send_raw("POST /fsync HTTP/1.1\r\nHost: a\r\nContent-Length: "
                 . length($_->{b} = batch_json(batch(1)))
                 . "\r\n\r\n" . $_->{b}) for @socks;
    ok($nginx->stop('TERM', 4),
       'with requests that wait nginx exits in time on TERM');
    $nginx->no_errors;
}

done_testing;
