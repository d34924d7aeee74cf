# Processes apart from reloads: crashes, a worker that stands still, many
# workers, another user, a daemon, an upgrade of the binary.

use lib 't/lib';
use OpenQoE::Daemon qw(start_daemon);
use OpenQoE::Peers qw(program);
use OpenQoE::Test;

need(load => tool('load'));

# A helper that has no time to end sends what is in flight once more.
my @patient = (http => 'openqoe_drain_timeout 60s;');
my $setpriv;


sub healthy ($nginx) {
    my $answer = http_get($nginx->port, '/v2/health') // return 0;
    return $answer->{status} == 200
           && decode_json_text($answer->{body})->{status} eq 'healthy';
}


# Checks what a load of some seconds left: returns the oracle, after everything
# arrived.

sub settled ($nginx, $load, $oracle = OpenQoE::Oracle->new) {
    $load->wait(scaled(40));
    $oracle->load_file($load->{ids});
    $oracle->wait_delivered($nginx->out_file, 20);
    sleep 1;
    $oracle->delivered_file($nginx->out_file);
    ok(wait_until(sub { healthy($nginx) }, 15), 'nginx is healthy again');
    is($nginx->stats->{queue}{used}, 0, 'the queue is empty');
    return $oracle;
}


sub post ($nginx, $oracle, $n = 5) {
    my $events = batch($n);
    my $answer = http_post($nginx->port, '/v2/events', batch_json($events),
                           timeout => 20);
    $oracle->note($events, $answer);
    return $answer ? $answer->{status} : 'none';
}


# A new binary has only those variables of the environment that the
# configuration names.

sub daemon () {
    return start_daemon(OpenQoE::Nginx->new(workers => 2, @patient,
                                            main => 'env LD_PRELOAD;'));
}


sub gone ($pid) { wait_until(sub { !kill 0, $pid }, 10) }


# A bug elsewhere in the worker: a signal kills it, and its lanes are adopted.

for my $signal (qw(SEGV ABRT)) {
    my $nginx = OpenQoE::Nginx->new(workers => 2)->start;
    my $load = load($nginx, d => 4, c => 8, n => 5, r => 400);

    for (1 .. 3) {
        sleep 0.8;
        $nginx->kill_worker(signal => $signal);
    }

    settled($nginx, $load)->is_at_least_once(
        "SIG$signal loses no accepted event",
        3 * 2 * 4 * 512);
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors(allow => qr/exited on signal (?:6|11)|AddressSanitizer/);
}

# A worker that stands still holds up no other worker and loses nothing.

{
    my $nginx = OpenQoE::Nginx->new(workers => 2)->start;
    my $load = load($nginx, d => 6, c => 16, n => 5, r => 200);

    sleep 1.5;
    my ($pid) = $nginx->worker_pids;
    kill 'STOP', $pid;
    sleep 0.5;

    my $oracle = OpenQoE::Oracle->new;
    my $start = time;
    my @answers = map { post($nginx, $oracle, 1) } 1 .. 20;
    my $took = time - $start;
    sleep 2;
    kill 'CONT', $pid;

    # The answer is 503 only if the worker was stopped while it held the lock
    # of a lane.
    is(scalar(grep { /^(?:202|503)$/ } @answers), 20,
       'while a worker hangs the other worker answers') or diag("@answers");
    cmp_ok($took, '<', scaled(30), 'the other worker answers soon');

    settled($nginx, $load, $oracle)->is_exactly_once(
        'a worker that stands still loses no event');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

# There are more workers than cores.

{
    my $nginx = OpenQoE::Nginx->new(workers => 8)->start;
    my $load = load($nginx, d => 5, c => 16, n => 5, r => 300);

    for (1 .. 2) {
        sleep 1;
        $nginx->kill_worker;
        sleep 0.5;
        ok($nginx->reload, 'nginx reloads');
    }

    settled($nginx, $load)->is_at_least_once('8 workers lose no accepted event',
                                             2 * 8 * 4 * 512);

    my %owners = map { $_->{owner_pid} => 1 }
                     @{ $nginx->stats->{queue}{lanes} };
    my %workers = map { $_ => 1 } $nginx->worker_pids;
    is_deeply(\%owners, \%workers, 'each worker holds one of the lanes');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors(allow => qr/exited on signal 9/);
}

sub copied ($path, $dir) {
    my $copy = "$dir/" . $path =~ s{.*/}{}r;
    write_file($copy, slurp($path));
    chmod 0755, $dir, $copy;
    return $copy;
}


# A master that is not root gives nothing away: the files are the user's own.

SKIP: {
    $setpriv = program('setpriv');
    skip('needs root and setpriv', 5) if $> != 0 || !$setpriv;

    my $user = getpwnam('nobody') // 65534;

    # This tree may lie where that user may not look, so copies are used.

    my $dir = scratch_dir('user');
    my $binary = program($ENV{TEST_NGINX_BINARY} || 'nginx')
        // $ENV{TEST_NGINX_BINARY};
    local $ENV{TEST_NGINX_OPENQOE_MODULE} =
        copied($ENV{TEST_NGINX_OPENQOE_MODULE}, $dir);
    $binary = copied($binary, $dir) if slurp($binary) =~ /^#!/;
    my $nginx = OpenQoE::Nginx->new(workers => 2, @patient, binary =>
        "$setpriv --reuid $user --clear-groups $binary");
    my $oracle = OpenQoE::Oracle->new;

    chown $user, -1, $nginx->{dir}, "$nginx->{dir}/out";
    $nginx->start;
    post($nginx, $oracle) for 1 .. 3;
    ok($nginx->reload(old => 1), 'nginx reloads');
    kill 'USR1', $nginx->master_pid;
    post($nginx, $oracle) for 1 .. 3;
    $oracle->wait_delivered($nginx->out_file);
    $oracle->is_exactly_once('workers of another user lose no event');
    is((stat $nginx->out_file)[4], $user,
       "the exporter's file belongs to the workers' user");
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

# A daemon: what was made before the master forked works after it.

{
    my $nginx = daemon();
    my $oracle = OpenQoE::Oracle->new;

    post($nginx, $oracle);
    $oracle->wait_delivered($nginx->out_file);
    ok($nginx->reload(old => 1), 'nginx reloads');
    post($nginx, $oracle);

    my $pid = $nginx->master_pid;
    kill 'QUIT', $pid;
    ok(gone($pid), 'nginx exits in order');
    $oracle->delivered_file($nginx->out_file);
    $oracle->is_exactly_once('a daemon loses no event');
    $nginx->no_errors;
}

# USR2: the new binary makes a zone of its own, and the old workers empty
# theirs.

{
    my $nginx = daemon();
    my $load = load($nginx, d => 6, c => 8, n => 5, r => 200);

    sleep 1;
    my $old = $nginx->master_pid;
    kill 'USR2', $old;
    ok(wait_until(sub { -e "$nginx->{dir}/nginx.pid.oldbin"
                        && -s "$nginx->{dir}/nginx.pid"
                        && $nginx->master_pid != $old }, 10),
       'USR2 starts a second master') or last;

    my $new = $nginx->master_pid;
    ok(wait_until(sub { my @pids = children($new); @pids == 2 }, 10),
       'the second master has two workers');
    sleep 0.5;
    kill 'WINCH', $old;
    sleep 1;
    kill 'QUIT', $old;
    ok(gone($old), 'the old master exits');

    settled($nginx, $load)->is_exactly_once(
        'an upgrade under load loses no event');
    kill 'QUIT', $new;
    ok(gone($new), 'the new master exits');
    $nginx->no_errors;
}

done_testing;
