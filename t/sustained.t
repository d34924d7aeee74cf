# Sustained load: wrk for a minute, two workers, one of them killed with -9
# every five seconds and a reload in between; every event answered 202 must
# reach a gRPC server that is not ours.
#
# OPENQOE_SUSTAINED_SECONDS  how long (60)

use lib 't/lib';
use OpenQoE::NodePeer;
use OpenQoE::Peers qw(program);
use OpenQoE::Test;

use constant {
    BATCH => 512, WINDOW => 4,      # of a lane; so much is in flight at most
    KILL_EVERY => 5, WORKERS => 2,
};

my $seconds = $ENV{OPENQOE_SUSTAINED_SECONDS} || 60;
my $killed = qr/exited on signal 9|was terminated with signal 9/;

need(wrk => program('wrk'));


# A kill every five seconds, or as soon as the killed worker is replaced, while
# the load runs, and a reload after the second kill; returns how many of each.

sub disturb ($nginx, $load) {
    my $start = time;
    my ($kills, $reloads) = (0, 0);

    for (my $next = KILL_EVERY; $next < $seconds; $next += KILL_EVERY) {
        my $pause = $start + $next - time;
        sleep $pause if $pause > 0;
        last if !$load->alive;

        $nginx->kill_worker;
        $kills++;

        next if $kills != 2;
        sleep 1;
        $reloads++ if $nginx->reload;
    }

    return ($kills, $reloads);
}


# The peer is a single thread of Node: 4 connections of 10 events with a pause
# of 5 ms are what it and two workers can take on a machine with two cores.  It
# writes only the ids of the events that it decoded.

my $peer = OpenQoE::NodePeer->new('grpc_server.js', ids => 1)->start;
my $nginx = OpenQoE::Nginx->new(
    workers => WORKERS, zone => 'qoe:32m',
    exporter => 'endpoint ' . $peer->url . '; protocol grpc; batch_size '
                . BATCH . '; interval 200ms;')->start;
my $load = wrk_load($nginx, threads => 4, events => 10, pause => 5,
                    seconds => $seconds);

my ($kills, $reloads) = disturb($nginx, $load);

my $status = $load->wait(scaled(60) + KILL_EVERY);
is($status, 0, 'wrk ends well') or diag($load->output, $load->errors);

cmp_ok($kills, '>=', 2, "$kills workers were killed");
is($reloads, 1, 'nginx was reloaded');

my $oracle = OpenQoE::Oracle->new;
$oracle->load_file($load->{ids});
my $report = $oracle->wait_delivered($peer->file, 60);

# An event that comes late would be a duplicate.

ok(wait_until(sub { $nginx->stats->{queue}{used} == 0 }, 30),
   'the queue is empty at the end');
sleep 1;
$oracle->delivered_file($peer->file);
$report = $oracle->report;

# A killed helper had in flight at most the window of each lane that it held:
# one lane, or both when the other worker was dead a moment ago.

my $in_flight = $kills * WINDOW * BATCH * WORKERS;

$oracle->is_at_least_once("$seconds s, $kills kills: accepted equals"
                          . ' delivered', $in_flight);
cmp_ok($report->{accepted}, '>=', 100 * $seconds, 'the load was high enough');

my $stats = $nginx->stats;
my ($produced, $consumed) = (0, 0);

for my $lane (@{ $stats->{queue}{lanes} }) {
    $produced += $lane->{produced};
    $consumed += $lane->{consumed};
}

my ($events, $exporter) = @{$stats}{qw(events exporter)};

# A worker killed between two steps has done the first: put, then counted and
# answered; or sent, then counted, then released.

is($consumed, $produced, 'all records that were produced were consumed');
cmp_ok($produced, '>=', $events->{accepted},
       'no event is counted as accepted that was not produced');
cmp_ok($produced - $events->{accepted}, '<=', $kills * 10,
       'but for a request a kill, events that were produced are counted');
cmp_ok($events->{accepted}, '>=', $report->{accepted},
       'every 202 is counted');
cmp_ok($exporter->{exported}, '>=', $consumed,
       'all records that were consumed were exported');
cmp_ok($exporter->{exported}, '<=', $produced + $in_flight,
       'no more records were exported than kills explain');
is_deeply([@{ $exporter->{dropped} }{qw(refused corrupt)},
           $exporter->{rejected}], [0, 0, 0], 'no event was dropped');
cmp_ok($stats->{queue}{lanes_adopted}, '>=', 1,
       'the lanes of killed workers were adopted');

diag(sprintf '%d events in %d s (%d/s), %d refused, %d ambiguous of which '
     . '%d arrived, %d duplicates; %d kills, %d lanes adopted, %d locks stolen',
     $report->{accepted}, $seconds, $report->{accepted} / $seconds,
     @{$report}{qw(refused ambiguous ambiguous_delivered duplicates)}, $kills,
     @{ $stats->{queue} }{qw(lanes_adopted locks_stolen)});

ok($nginx->stop, 'nginx exits in order');
$nginx->no_errors(allow => $killed);

done_testing;
