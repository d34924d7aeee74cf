# Faults: workers killed with -9 under load, a collector that hangs, is down
# at the start or goes away, a full queue.

use lib 't/lib';
use IO::Socket::INET;
use POSIX ();
use OpenQoE::Test;

need(load => tool('load'));

my $killed = qr/exited on signal 9|was terminated with signal 9/;


sub health ($nginx, $query = '') {
    my $answer = http_get($nginx->port, "/v2/health$query") // return {};
    return { %{ decode_json_text($answer->{body}) // {} },
             http => $answer->{status} };
}


# A port that takes connections and never answers.

sub black_hole () {
    my $sock = IO::Socket::INET->new(Listen => 128, LocalAddr => '127.0.0.1',
                                     ReuseAddr => 1) or die "listen: $!\n";
    return ($sock, $sock->sockport);
}


# Workers are killed again and again: no accepted event is lost, and only what
# was in flight comes twice.

{
    my $nginx = OpenQoE::Nginx->new(workers => 2)->start;
    my $oracle = OpenQoE::Oracle->new;
    my $load = load($nginx, d => 8, c => 16, n => 5, r => 2000);

    for (1 .. 6) {
        sleep 1;
        $nginx->kill_worker;
    }

    $load->wait(scaled(30));
    $oracle->load_file($load->{ids});
    $oracle->wait_delivered($nginx->out_file, 20);
    sleep 1;
    $oracle->delivered_file($nginx->out_file);

    # A lane has at most 4 batches of 512 in flight when its owner dies.
    $oracle->is_at_least_once('six killed workers lose no accepted event',
                              6 * 4 * 512);

    my $stats = $nginx->stats;
    cmp_ok($stats->{queue}{lanes_adopted}, '>=', 1,
           'lanes of dead workers were adopted');

    # A lane that filled before its owner was replaced makes the health
    # unhealthy for the next ten seconds.

    ok(wait_until(sub { health($nginx)->{status} eq 'healthy' }, 15),
       'after the faults the health is healthy');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors(allow => $killed);
}

# With a collector that hangs, no request waits for it, and the exit is
# bounded.

for my $signal (qw(TERM QUIT)) {
    my ($hole, $port) = black_hole();
    my $nginx = OpenQoE::Nginx->new(workers => 2,
        exporter => "endpoint http://127.0.0.1:$port; interval 50ms;"
                    . ' timeout 30s;')->start;

    for (1 .. 5) {
        is(http_post($nginx->port, '/v2/events',
                     batch_json(batch(10)))->{status}, 202,
           'events are accepted');
    }

    sleep 0.5;

    my $start = time;
    ok($nginx->stop($signal, 8), "$signal: nginx exits by itself");
    my $took = time - $start;

    # no_errors checks that the master has not killed a worker; on a busy
    # machine an exit takes seconds.

    cmp_ok($took, '<', scaled(25),
           "$signal: nginx exits before the collector's timeout");
    like($nginx->error_log, qr/50 events were not exported|\d+ events were/,
         'events that are lost at the exit are logged');
    $nginx->no_errors;
}

# With a collector that hangs and times out, the health shows that, and
# recovers.

{
    my ($hole, $port) = black_hole();
    my $nginx = OpenQoE::Nginx->new(workers => 1,
        exporter => "endpoint http://127.0.0.1:$port; interval 50ms;"
                    . ' timeout 500ms;')->start;

    is(health($nginx)->{status}, 'healthy',
       'at the start the health is healthy');
    http_post($nginx->port, '/v2/events', batch_json(batch(3)));
    ok(wait_until(sub { health($nginx)->{status} eq 'degraded' }, 10),
       'a timeout makes the health degraded');

    my $health = health($nginx);
    is($health->{http}, 200, 'a degraded health is answered with 200');
    is(health($nginx, '?ready')->{http}, 503, 'a degraded module is not ready');
    cmp_ok($health->{dependencies}{exporter}{consecutive_failures}, '>', 0,
           'the failures are counted');
    like($health->{dependencies}{exporter}{last_error}, qr/no answer within \d+ ms/,
         'the last error says that no answer came');
    my ($lane) = @{ $nginx->stats->{queue}{lanes} };
    is($lane->{produced} - $lane->{consumed}, 3,
       'the events stay in the queue');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

my $small = 'qoe:' . (OpenQoE::Nginx->zone_min + 64) . 'k';

# A full queue refuses whole requests and loses nothing.

{
    my ($hole, $port) = black_hole();
    # The refused events are to be counted, so nothing may be refused
    # undecoded.
    my $nginx = OpenQoE::Nginx->new(workers => 1, zone => $small,
        events => 'openqoe_overload_wait off;',
        exporter => "endpoint http://127.0.0.1:$port; interval 50ms;"
                    . ' timeout 500ms;')->start;
    my $oracle = OpenQoE::Oracle->new;
    my $refused;

    for (1 .. 200) {
        my $events = batch(10);
        my $answer = http_post($nginx->port, '/v2/events',
                               batch_json($events));
        $oracle->note($events, $answer);
        next if $answer->{status} == 202;
        $refused = $answer;
        last;
    }

    is($refused->{status}, 503, 'a full queue is answered with 503');
    like($refused->{headers}{'retry-after'}, qr/^\d+$/,
         'the 503 has Retry-After');
    my $said = decode_json_text($refused->{body});
    is($said->{message}, 'Server overload',
       'the 503 says that the server is overloaded');
    is($said->{events_received}, 0, 'nothing of the request was taken');

    my $health = health($nginx);
    is($health->{status}, 'unhealthy',
       'a queue that refuses events makes the health unhealthy');
    is($health->{http}, 503, 'an unhealthy health is answered with 503');
    cmp_ok($nginx->stats->{events}{rejected}{overload}, '==', 10,
           'the refused events are counted');

    # The same zone goes on with a destination that works.

    $nginx->write_config(exporter => "endpoint file://$nginx->{out_file};"
                                     . ' interval 50ms;');
    ok($nginx->reload, 'a reload sets another destination');
    $oracle->wait_delivered($nginx->out_file, 20);
    $oracle->is_exactly_once(
        'all accepted events arrive, and no refused event does');

    my $events = batch(10);
    my $answer = http_post($nginx->port, '/v2/events', batch_json($events));
    is($answer->{status}, 202, 'after that reload there is room again');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

# A request larger than a lane can ever hold is no overload, because trying
# again is no use.

{
    my $nginx = OpenQoE::Nginx->new(workers => 1, zone => $small,
                                    http => 'client_max_body_size 4m;')->start;
    my $answer = http_post($nginx->port, '/v2/events',
                           batch_json(batch(600)));

    is($answer->{status}, 413,
       'a request larger than the queue is answered with 413');
    like($answer->{body}, qr/more than the queue can hold/,
         'the 413 says that the request is too large for the queue');
    is(health($nginx)->{status}, 'healthy',
       'such a request leaves the health healthy');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

# Conditional requests of the health get the whole answer all the same.

{
    my $nginx = OpenQoE::Nginx->new->start;
    my %if = ('If-None-Match' => '*', 'If-Modified-Since' =>
              'Fri, 01 Jan 2038 00:00:00 GMT');

    for my $name (sort keys %if) {
        my $answer = http_get($nginx->port, '/v2/health',
                              headers => { $name => $if{$name} });
        is($answer->{status}, 200, "$name: the health is answered with 200");
        like($answer->{body}, qr/"healthy"/, "$name: the answer has its body");
    }

    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

# nginx gives the file of a file:// endpoint to the workers' user only if nginx
# made the file.

SKIP: {
    skip 'not root', 3 if $> != 0;

    my $nginx = OpenQoE::Nginx->new(main => 'user nobody nogroup;');
    my $dir = "$nginx->{dir}/out";

    write_file("$nginx->{dir}/secret", "of root\n");
    symlink "$nginx->{dir}/secret", $nginx->out_file or die "symlink: $!\n";
    $nginx->test_config;
    $nginx->start;
    is((stat "$nginx->{dir}/secret")[4], 0,
       'the owner of a file that a link leads to is kept');
    ok($nginx->stop, 'nginx exits in order');

    unlink $nginx->out_file;
    $nginx->start;
    is((stat $nginx->out_file)[4], scalar getpwnam('nobody'),
       "a file that the module makes belongs to the workers' user");
    ok($nginx->stop, 'nginx exits in order');
}

# A collector refuses batches after a batch that it will take later: the lane
# cannot be released meanwhile, and nothing of it is counted twice, whichever
# process has the lane in the end.

{
    my $dir = scratch_dir('moody');
    my $mode = sub ($text) { write_file("$dir/mode", $text) };
    my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1,
                                       LocalAddr => '127.0.0.1')
        or die "listen: $!\n";
    my $server = fork // die "fork: $!\n";

    if ($server == 0) {
        while (my $sock = $listen->accept) {
            my ($head, $body, $length) = ('', '', 0);
            while (defined(my $line = <$sock>)) {
                $length = $1 if $line =~ /^content-length: *(\d+)/i;
                last if $line eq "\r\n";
            }
            read $sock, $body, $length;
            my $now = slurp("$dir/mode");
            sleep 60 if $now eq 'hang';
            my $status = $now eq 'ok' ? '200 OK'
                       : $body =~ /first-of-all/ ? '503 Later' : '400 Never';
            print $sock "HTTP/1.1 $status\r\nContent-Length: 0\r\n"
                        . "Connection: close\r\n\r\n";
            close $sock;
        }
        POSIX::_exit(0);
    }

    my %nginx = (workers => 1, exporter => 'endpoint http://127.0.0.1:'
        . $listen->sockport . '; protocol http/json; compression none;'
        . ' batch_size 1; interval 10ms; timeout 20s;');
    my $sum = sub ($s) {
        my $e = $s->{exporter};
        return $e->{exported} + $e->{rejected} + $e->{dropped}{refused}
               + $e->{dropped}{corrupt} + $s->{queue}{events};
    };
    my $blocked = sub {
        my $nginx = OpenQoE::Nginx->new(%nginx)->start;
        my $events = batch(4);
        $events->[0]{data}{note} = 'first-of-all';
        http_post($nginx->port, '/v2/events', batch_json($events));
        ok(wait_until(sub { $nginx->stats->{exporter}{batches}{failed} == 3 }),
           'three batches are refused while an older one waits');
        my $s = $nginx->stats;
        is($sum->($s), 4, 'accepted events add up while batches wait');
        is($s->{queue}{events}, 4, 'all four events are still queued');
        return $nginx;
    };

    $mode->('moody');
    my $nginx = $blocked->();
    $mode->('ok');
    ok($nginx->reload(old => 1),
       'nginx reloads, and the collector takes the oldest batch');
    ok(wait_until(sub { $nginx->stats->{queue}{events} == 0 }),
       'the queue becomes empty');

    my $s = $nginx->stats;
    is($s->{exporter}{exported}, 1, 'one event was exported');
    is($s->{exporter}{dropped}{refused}, 3,
       'three events were refused, once each');
    is($sum->($s), 4, 'accepted events add up');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;

    # The same, with a collector that hangs when the old worker tries once
    # more.

    $mode->('moody');
    $nginx = $blocked->();
    $mode->('hang');

    my ($old) = $nginx->worker_pids;
    my $keep = $nginx->http;
    $keep->send_raw("POST /v2/events HTTP/1.1\r\n");
    sleep 0.2;
    ok($nginx->reload, 'nginx reloads while the collector hangs');
    sleep 2.2;

    my $ticks = sub {
        my @f = split ' ', slurp("/proc/$old/stat") =~ s/.*\)//sr;
        return $f[11] + $f[12];
    };
    my $before = $ticks->();
    sleep 0.8;
    my $used = $ticks->() - $before;
    cmp_ok($used, '<', slow() ? 60 : 15,
           "the old worker uses no CPU while it waits ($used ticks)");
    ok(wait_until(sub {
        my ($lane) = @{ $nginx->stats->{queue}{lanes} };
        return $lane->{owner_pid} && $lane->{owner_pid} != $old;
    }), 'the new worker takes the lane in time');

    kill 'KILL', $server;
    waitpid $server, 0;
    $keep->close;
    ok($nginx->stop('TERM'), 'nginx exits in order');
    $nginx->no_errors;
}

# A file that cannot be written for a while heals without a restart.

{
    my $nginx = OpenQoE::Nginx->new(workers => 1)->start;
    my $oracle = OpenQoE::Oracle->new;
    my $dir = "$nginx->{dir}/out";

    rename $dir, "$dir.gone" or die "rename: $!\n";
    kill 'USR1', $nginx->master_pid;

    # Until the helper opens the file again, it writes into the one it has.
    ok(wait_until(sub {
        my $events = batch(4);
        $oracle->note($events, http_post($nginx->port, '/v2/events',
                                         batch_json($events)));
        return health($nginx)->{status} eq 'degraded';
    }, 20), 'without its directory the exporter is degraded');
    rename "$dir.gone", $dir or die "rename: $!\n";
    $oracle->wait_delivered($nginx->out_file, 15);
    $oracle->is_exactly_once('events are delivered once the directory is back');
    ok(wait_until(sub { health($nginx)->{status} eq 'healthy' }, 10),
       'with its directory the exporter is healthy again');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors(allow => qr/\[emerg\].*open\(\).*otlp\.jsonl/);
}

done_testing;
