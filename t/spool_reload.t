# Reloads under load with other worker counts and other sizes of the zone,
# binary upgrades and their rollback, all with a spool.  OPENQOE_LONG=1: fifty
# reloads.

use lib 't/lib';
use OpenQoE::Daemon qw(start_daemon);
use OpenQoE::Faults qw(long $killed);
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'));

my $reloads = long(12, 50);


for my $ack (qw(memory fsync)) {
    my $f = OpenQoE::Faults->new(ack => $ack, zone => 'qoe:16m')->start;
    my $load = $f->load(d => $reloads * 60, c => 16, r => 300);
    my $done = 0;

    $f->meanwhile($load, sub ($i) {
        return $load->signal('TERM') if $i >= $reloads;
        my %change = (workers => 1 + $i % 3);
        $change{zone} = 'qoe:' . (8, 16, 12)[$i / 2 % 3] . 'm' if $i % 2;
        $f->receiver->mode($i % 5 == 2 ? 'status 503' : 'ok');
        $f->config(%change);
        $done += $f->nginx->reload ? 1 : 0;
    }, 0.4);

    $f->receiver->mode('ok');
    is($done, $reloads, "$ack: nginx reloads $done times");

    # A worker that lingers in a zone that no other process has serves that
    # zone.

    like($load->output, qr/ late 0$/m, "$ack: no request waited in vain");

    # Each change of the size is another zone, whose counters begin anew.

    $f->loaded;
    ok(wait_until(sub { $f->status(3) == 202 }, 20),
       "$ack: after the reloads events are acknowledged");
    my ($all, $report) = $f->wait_delivered(60);
    ok($all, "$ack: every accepted event is delivered")
        or OpenQoE::Oracle::explain($report->{default});
    $f->settled("$ack: reloads under load", timeout => 60);
    $f->end;
}

# A new binary beside the old: two masters, two zones, two directories in the
# spool.  Then back to the old binary.

{
    # A connection has few requests, and each is offered to the workers of both
    # masters: with EPOLLEXCLUSIVE, which is nginx's way without the mutex, the
    # kernel gives all of a light load to the workers that came first.  A
    # worker that exits waits for connections that have not yet had a request.

    my $f = OpenQoE::Faults->new(ack => 'spool', zone => 'qoe:16m',
                                 events_block => 'accept_mutex on;',
                                 server => 'keepalive_requests 5; '
                                           . 'client_header_timeout 1s;');
    my $nginx = $f->nginx;

    $f->receiver->start;
    $nginx->write_config(main => 'env LD_PRELOAD;');
    start_daemon($nginx);

    my $old = $nginx->master_pid;
    my $load = $f->load(d => 16, c => 8, r => 200);

    # The collector is away, so that both instances have segments in the spool.

    sleep 1;
    $f->receiver->mode('status 503');
    ok(wait_until(sub { $f->segments > 0 }, 30),
       'the first binary has something in its spool');
    kill 'USR2', $old;
    ok(wait_until(sub { -s "$nginx->{dir}/nginx.pid.oldbin"
                        && -s "$nginx->{dir}/nginx.pid"
                        && $nginx->master_pid != $old }, 10),
       'USR2 starts a second master') or last;

    my $new = $nginx->master_pid;
    ok(wait_until(sub { my @pids = children($new); @pids == 2 }, 10),
       'the second master has two workers');
    ok(wait_until(sub {
           my %instance = map { m{^\Q$f->{spool_dir}\E/([^/]+)/} => 1 }
                              $f->segments;
           keys %instance == 2;
       }, 10), 'the spool holds two instances');

    # The old master's workers exit, and come back: the new binary was not
    # good.

    kill 'WINCH', $old;
    my $workers = sub { scalar(grep { $_ != $new } children($old)) };
    ok(wait_until(sub { $workers->() == 0 }, 10),
       'WINCH makes the old workers exit');
    kill 'HUP', $old;
    ok(wait_until(sub { $workers->() == 2 }, 10),
       'HUP brings the old workers back');
    kill 'QUIT', $new;
    ok(wait_until(sub { !kill 0, $new }, 10), 'the new master exits');
    $f->receiver->mode('ok');

    # Then the upgrade is done again, for good.

    ok(wait_until(sub { -s "$nginx->{dir}/nginx.pid"
                        && $nginx->master_pid == $old }, 5),
       'the old master has its pid file again');
    sleep 1;
    kill 'USR2', $old;
    ok(wait_until(sub { -s "$nginx->{dir}/nginx.pid.oldbin"
                        && -s "$nginx->{dir}/nginx.pid"
                        && $nginx->master_pid != $old }, 10),
       'USR2 starts a second master again');
    $new = $nginx->master_pid;
    ok(wait_until(sub { my @pids = children($new); @pids == 2 }, 10),
       'that master has two workers');
    kill 'QUIT', $old;
    ok(wait_until(sub { !kill 0, $old }, 10), 'the old master exits');

    $f->settled('an upgrade that is rolled back', timeout => 60);
    kill 'QUIT', $new;
    ok(wait_until(sub { !kill 0, $new }, 10), 'the last master exits');
    $nginx->no_errors;

    END {
        if ($nginx) {
            for my $file (glob "$nginx->{dir}/nginx.pid*") {
                my ($pid) = slurp($file) =~ /^(\d+)/ or next;
                kill 'KILL', children($pid), $pid;
            }
        }
    }
}

done_testing;
