# A binary is upgraded under load, for good and rolled back: USR2 starts a
# second master beside the first, WINCH makes the old workers exit, then either
# the old master quits, or HUP brings its workers back and the new master
# quits.  Events are kept in memory alone, without a spool: the processes that
# leave a zone must empty it.

use lib 't/lib';
use OpenQoE::Daemon qw(start_daemon);
use OpenQoE::Test;

need(load => tool('load'));


# Each connection is offered to the workers of both masters: without the mutex
# nginx uses EPOLLEXCLUSIVE, with which the kernel gives all of a light load to
# the workers that came first.  Few requests on a connection let both have
# some, and a worker that exits waits for connections that have not yet had a
# request.

sub daemon ($name) {
    # a helper that has no time to end sends what is in flight once more
    return start_daemon(OpenQoE::Nginx->new(workers => 2,
        http => 'openqoe_drain_timeout 60s;',
        main => 'env LD_PRELOAD;', events_block => 'accept_mutex on;',
        server => 'keepalive_requests 5; client_header_timeout 1s;'),
        "$name: ");
}


sub gone (@pids) {
    return wait_until(sub { !grep { kill 0, $_ } @pids }, 20);
}


# Starts a second master beside the first, both with workers that answer and
# take events: %$took has how many events, by instance.

sub second ($name, $nginx, $seen, $took) {
    my $old = $nginx->master_pid;

    $seen->{$_} = 1 for $old, children($old);
    kill 'USR2', $old;
    ok(wait_until(sub { -s "$nginx->{dir}/nginx.pid.oldbin"
                        && -s "$nginx->{dir}/nginx.pid"
                        && $nginx->master_pid != $old }, 20),
       "$name: USR2 starts a second master") or return;

    my $new = $nginx->master_pid;
    ok(wait_until(sub { my @pids = children($new); @pids == 2 }, 20),
       "$name: the second master has two workers");
    $seen->{$_} = 1 for $new, children($new);

    ok(wait_until(sub {
           my $stats = $nginx->stats;
           $took->{ $stats->{instance_id} } = $stats->{events}{accepted}
               if $stats->{events}{accepted};
           return keys %$took == 2;
       }, 30), "$name: the workers of both masters take events");

    kill 'WINCH', $old;
    ok(wait_until(sub { !grep { $_ != $new } children($old) }, 20),
       "$name: WINCH makes the workers of the old master exit");
    return ($old, $new);
}


sub for_good ($name, $nginx, $seen, $old, $new) {
    kill 'QUIT', $old;
    ok(gone($old), "$name: the old master exits");
    return $new;
}


sub rolled_back ($name, $nginx, $seen, $old, $new) {
    kill 'HUP', $old;
    ok(wait_until(sub { 2 == grep { $_ != $new } children($old) }, 20),
       "$name: HUP brings the workers of the old master back");
    $seen->{$_} = 1 for children($old);
    sleep 0.5;
    kill 'QUIT', $new;
    ok(gone($new), "$name: the new master exits");
    return $old;
}


# Compares what the client counted, what was written, and what the survivor
# counted.  The rest is what the other instance wrote, whose counters are gone.

sub counted ($name, $nginx, $load, $took) {
    my $oracle = OpenQoE::Oracle->new;

    is($load->wait(scaled(60)) // 'too long', 0, "$name: the load ends well");
    $oracle->load_file($load->{ids});
    $oracle->wait_delivered($nginx->out_file, 20);

    my $stats;
    ok(wait_until(sub {
           $stats = $nginx->stats;
           return ($stats->{exporter}{queued} // 1) == 0
                  && $stats->{queue}{used} == 0;
       }, 20), "$name: the queue ends empty");
    $oracle->delivered_file($nginx->out_file);
    $oracle->is_exactly_once("$name: each accepted event is delivered once");

    my $r = $oracle->report;
    my ($to, $events) = @$stats{qw(exporter events)};
    my ($other) = grep { $_ ne $stats->{instance_id} } keys %$took;
    my $rest = $r->{accepted} + $r->{ambiguous_delivered}
               - $events->{accepted};

    is($r->{refused}, 0, "$name: no request was refused");
    is($to->{exported}, $events->{accepted},
       "$name: the surviving instance exported what it accepted");
    cmp_ok($events->{accepted}, '>=', $took->{ $stats->{instance_id} } // 1e9,
           "$name: the surviving instance accepted what its workers took");
    cmp_ok($rest, '>=', $took->{ $other // '' } // 1e9,
           "$name: the other instance exported the rest, no less than its "
           . 'workers took');
    is($events->{lost_at_exit}, 0, "$name: no event was lost at an exit");
}


for my $case ([ 'an upgrade', \&for_good ], [ 'a rollback', \&rolled_back ]) {
    my ($name, $end) = @$case;
    my $nginx = daemon($name);
    my $load = load($nginx, d => scaled(600), c => 8, n => 5, r => 200);
    my (%seen, %took);

    sleep 0.5;
    my @masters = second($name, $nginx, \%seen, \%took) or last;
    my $left = $end->($name, $nginx, \%seen, @masters);
    ok($load->alive, "$name: all of this happens under load");
    $load->signal('TERM');
    counted($name, $nginx, $load, \%took);

    $seen{$_} = 1 for children($left);
    kill 'QUIT', $left;
    ok(gone(keys %seen), "$name: no process stays");
    $nginx->no_errors(name => "$name: nothing at alert, crit or emerg");
}

done_testing;
