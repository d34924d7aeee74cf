# Workers start and exit: reloads, other worker counts and zone sizes, exits,
# single-process mode. None of these is a fault: every event answered 202
# arrives exactly once.

use lib 't/lib';
use IO::Select;
use IO::Socket::INET;
use OpenQoE::Test;

need(load => tool('load'));

# A helper that has no time to end sends what is in flight once more.
my @patient = (http => 'openqoe_drain_timeout 60s;');


# Load for some seconds while $what happens in between; returns the report.

sub under_load ($nginx, $seconds, $what, %opt) {
    my $oracle = OpenQoE::Oracle->new;
    my $load = load($nginx, d => $seconds, c => 16, n => 5, %opt);

    sleep 0.3;
    $what->();
    $load->wait(scaled($seconds + 20));
    $oracle->load_file($load->{ids});
    $oracle->wait_delivered($nginx->out_file, 20);
    return $oracle;
}


# An event that reaches the file a moment later would be a duplicate.

sub settle ($oracle, $nginx) {
    sleep 1.5;
    $oracle->delivered_file($nginx->out_file);
    return $oracle;
}


{
    my $nginx = OpenQoE::Nginx->new(workers => 2, @patient)->start;
    my $oracle = OpenQoE::Oracle->new;

    for (1 .. 20) {
        my $events = batch(7);
        $oracle->note($events, http_post($nginx->port, '/v2/events',
                                         batch_json($events)));
    }

    ok($nginx->stop('QUIT'), 'nginx quits right after the last answer');
    $oracle->delivered_file($nginx->out_file);
    $oracle->is_exactly_once('quit: each accepted event is delivered once');
    $nginx->no_errors;
}

{
    my $nginx = OpenQoE::Nginx->new(workers => 2)->start;
    my $oracle = OpenQoE::Oracle->new;
    my $events = batch(50);

    $oracle->note($events, http_post($nginx->port, '/v2/events',
                                     batch_json($events)));
    ok($nginx->stop('TERM', 5), 'nginx stops right after the answer');
    $oracle->delivered_file($nginx->out_file);
    $oracle->is_exactly_once('stop: each accepted event is delivered once');
    $nginx->no_errors;
}

{
    my $nginx = OpenQoE::Nginx->new(workers => 2, @patient)->start;
    my $reloads = 0;
    my $oracle = under_load($nginx, 6, sub {
        for (1 .. 5) {
            $reloads += $nginx->reload ? 1 : 0;
            sleep 0.5;
        }
    });

    is($reloads, 5, 'nginx reloads five times');
    settle($oracle, $nginx)->is_exactly_once(
        'reloads under load lose no event');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

{
    my $nginx = OpenQoE::Nginx->new(workers => 2, @patient)->start;
    my $oracle = under_load($nginx, 6, sub {
        for my $workers (4, 1, 3) {
            $nginx->write_config(workers => $workers);
            $nginx->reload or diag("no reload to $workers");
            ok(wait_until(sub { $nginx->worker_pids == $workers }),
               "nginx runs $workers workers");
            sleep 0.5;
        }
    });

    settle($oracle, $nginx)->is_exactly_once(
        'reloads with other numbers of workers lose no event');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

{
    my $nginx = OpenQoE::Nginx->new(workers => 2, @patient)->start;
    my $oracle = under_load($nginx, 5, sub {
        for my $size (qw(16m 4m)) {
            $nginx->write_config(zone => "qoe:$size");
            ok($nginx->reload, "nginx reloads with a zone of $size");
            sleep 1;
        }
    });

    settle($oracle, $nginx)->is_exactly_once(
        'reloads with other zone sizes lose no event');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

{
    my $nginx = OpenQoE::Nginx->new(single => 1, @patient)->start;
    my $oracle = OpenQoE::Oracle->new;
    my $events = batch(5);

    $oracle->note($events, http_post($nginx->port, '/v2/events',
                                     batch_json($events)));
    $oracle->wait_delivered($nginx->out_file);
    kill 'HUP', $nginx->master_pid;
    ok(wait_until(sub { $nginx->error_log =~ /reconfiguring/ }, 10),
       'a single process reads its configuration again');
    $events = batch(5);
    $oracle->note($events, http_post($nginx->port, '/v2/events',
                                     batch_json($events)));
    $oracle->wait_delivered($nginx->out_file);
    $events = batch(5);
    $oracle->note($events, http_post($nginx->port, '/v2/events',
                                     batch_json($events)));
    ok($nginx->stop, 'a single process exits in order');
    $oracle->delivered_file($nginx->out_file);
    $oracle->is_exactly_once(
        'a single process delivers every event, reloaded too');
    $nginx->no_errors;
}

{
    my $nginx = OpenQoE::Nginx->new(workers => 1)->start;
    my $oracle = OpenQoE::Oracle->new;
    my $events = batch(3);

    $nginx->write_config(events => 'openqoe_max_events nonsense;');
    like($nginx->reload_fails, qr/nonsense/,
         'a reload with a wrong configuration fails');
    $oracle->note($events, http_post($nginx->port, '/v2/events',
                                     batch_json($events)));
    $oracle->wait_delivered($nginx->out_file);
    $oracle->is_exactly_once('a failed reload changes nothing');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors(allow => qr/nonsense/);
}

{
    my $nginx = OpenQoE::Nginx->new(workers => 2, @patient)->start;
    my $oracle = OpenQoE::Oracle->new;
    my $out = $nginx->out_file;

    for my $turn (1 .. 2) {
        my $events = batch(10);
        $oracle->note($events, http_post($nginx->port, '/v2/events',
                                         batch_json($events)));
        $oracle->wait_delivered([ grep { -e } $out, "$out.1" ]);

        if ($turn == 1) {
            rename $out, "$out.1" or die "rename: $!\n";
            $oracle->renamed($out, "$out.1");
            kill 'USR1', $nginx->master_pid;
            ok(wait_until(sub { -e $out }), 'USR1 makes a new file');
        }
    }

    $oracle->is_exactly_once('a rotated file loses nothing');
    ok(-s $out && -s "$out.1", 'both files have events');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

# A quit right after a reload: workers of both generations exit at once, and
# the last of them sends what no other process holds any more.

{
    my $nginx = OpenQoE::Nginx->new(workers => 2, @patient)->start;
    my $oracle = OpenQoE::Oracle->new;
    my @slow;

    for (1 .. 4) {
        my $events = batch(5);
        my $body = batch_json($events);
        my $http = $nginx->http;
        my $half = int(length($body) / 2);

        $http->send_raw("POST /v2/events HTTP/1.1\r\nHost: localhost\r\n"
                        . "Content-Type: application/json\r\n"
                        . 'Content-Length: ' . length($body) . "\r\n\r\n"
                        . substr($body, 0, $half));
        push @slow, [$http, $events, substr($body, $half)];
    }

    sleep 0.3;
    ok($nginx->reload, 'nginx reloads with requests half read');
    kill 'QUIT', $nginx->master_pid;
    ok(wait_until(sub { !$nginx->worker_pids }, 20),
       'the workers know that they must exit');

    for (@slow) {
        my ($http, $events, $rest) = @$_;
        $http->send_raw($rest);
        $oracle->note($events, $http->read_response);
        $http->close;
    }

    ok(wait_until(sub { !$nginx->{process}->alive }, 10),
       'nginx quits after that reload');
    $oracle->delivered_file($nginx->out_file);
    $oracle->is_exactly_once(
        'the last events of the old workers are delivered');
    $nginx->stop;
    $nginx->no_errors;
}

# A helper that hands over waits for an answer and does not spin for it.

{
    my $hole = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
                                     LocalAddr => '127.0.0.1')
        or die "listen: $!\n";
    my $nginx = OpenQoE::Nginx->new(workers => 1,
        exporter => 'endpoint http://127.0.0.1:' . $hole->sockport . ';'
                    . ' interval 1s; batch_size 16; timeout 30s;')->start;
    my $keep = $nginx->http;

    $keep->request('POST', '/v2/events', body => batch_json(batch(40)),
                   headers => { 'Content-Type' => 'application/json' });
    $keep->send_raw("POST /v2/events HTTP/1.1\r\n");

    my ($old) = $nginx->worker_pids;
    ok(IO::Select->new($hole)->can_read(scaled(30)),
       'a batch is on its way to a collector that does not answer');
    ok($nginx->reload, 'nginx reloads with a batch in flight');

    my $ticks = sub {
        my @f = split ' ', slurp("/proc/$old/stat") =~ s/.*\)//sr;
        return $f[11] + $f[12];
    };

    # By then the records that wait after the batch in flight are due.

    sleep 0.9;
    my $before = $ticks->();
    sleep 0.8;
    my $used = $ticks->() - $before;
    cmp_ok($used, '<', slow() ? 60 : 15,
           "the old worker uses no CPU while it waits ($used ticks in 0.8 s)");
    $keep->close;
    ok($nginx->stop('TERM', 10), 'nginx exits in order');
    $nginx->no_errors;
}

# The helper gives way to its event loop.

for ([ '', 5 ], [ 'openqoe_helper_nice 0;', 0 ],
     [ 'openqoe_helper_nice 19;', 19 ])
{
    my ($http, $nice) = @$_;
    my $nginx = OpenQoE::Nginx->new(workers => 2, http => $http)->start;

    # this test may run under nice(1) itself
    my $own = getpriority 0, 0;
    my $want = $own + $nice > 19 ? 19 : $own + $nice;
    my %nice;

    # A helper takes its name and its priority when it first runs, which on a
    # busy machine is after its worker's first answer.

    wait_until(sub {
        %nice = (nginx => [], openqoe => []);

        for my $pid ($nginx->worker_pids) {
            for my $task (glob "/proc/$pid/task/*") {
                my ($name, $rest) = slurp("$task/stat") =~ /\((.*)\) (.*)/s
                    or next;
                push $nice{$name}->@*, (split ' ', $rest)[16];
            }
        }

        return "@{ $nice{openqoe} }" eq "$want $want";
    });

    is("@{ $nice{openqoe} }", "$want $want",
       'helpers: ' . ($http || 'by default'));
    is("@{ $nice{nginx} }", "$own $own", 'event loops keep their priority');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

# When idle, neither thread takes CPU time that the kernel counts.

{
    my $nginx = OpenQoE::Nginx->new(workers => 2)->start;

    http_post($nginx->port, '/v2/events', batch_json(batch(5)));
    sleep 2;

    my $ticks = sub {
        my $sum = 0;
        for my $pid ($nginx->worker_pids) {
            my @f = split ' ', slurp("/proc/$pid/stat") =~ s/.*\)//sr;
            $sum += $f[11] + $f[12];
        }
        return $sum;
    };
    my $before = $ticks->();
    sleep 6;
    my $used = $ticks->() - $before;

    cmp_ok($used, '<=', slow() ? 10 : 1,
           'two idle workers with their helpers use no CPU in 6 s');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

done_testing;
