# Everything at once, at random, under load: workers killed with -9, told to
# leave, stopped for a while; reloads, other worker counts, rotated files.
# OPENQOE_CHAOS_SECONDS (15) and OPENQOE_CHAOS_SEED repeat or lengthen it.

use lib 't/lib';
use OpenQoE::Test;

need(load => tool('load'));

my $seconds = $ENV{OPENQOE_CHAOS_SECONDS} || 15;
my $seed = $ENV{OPENQOE_CHAOS_SEED} || time ^ $$;
my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:32m')->start;
my %done;

srand $seed;


sub worker () {
    my @workers = $nginx->worker_pids;
    return @workers ? $workers[rand @workers] : ();
}


sub stopped ($pid) {
    kill 'STOP', $pid;
    sleep 0.5;
    kill 'CONT', $pid;
}


my %action = (
    kill => sub { kill 'KILL', worker() },
    term => sub { kill 'TERM', worker() },
    quit => sub { kill 'QUIT', worker() },
    stop => sub { stopped($_) for worker() },
    usr1 => sub { kill 'USR1', $nginx->master_pid },
    reload => sub { $nginx->reload },
    workers => sub {
        $nginx->write_config(workers => 1 + int rand 4);
        $nginx->reload;
    },
);

# moderate load: a lane whose owner was just killed must not fill

my $load = load($nginx, d => $seconds, c => 8, n => 4, r => 1500);
my $end = time + scaled($seconds) - 2;

while (time < $end && $load->alive) {
    my $name = (sort keys %action)[rand keys %action];
    $action{$name}->();
    $done{$name}++;
    sleep 0.2 + rand 0.8;
}

$load->wait(scaled($seconds + 30));
diag("seed $seed: ", join ', ', map { "$_ $done{$_}" } sort keys %done);

my $oracle = OpenQoE::Oracle->new;
$oracle->load_file($load->{ids});
$oracle->wait_delivered($nginx->out_file, 20);
sleep 1;
$oracle->delivered_file($nginx->out_file);
$oracle->is_at_least_once('nothing accepted is lost');

my $stats = decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
my ($events, $queue, $exporter) = @$stats{qw(events queue exporter)};

is($queue->{events}, 0, 'the queue is empty');
is($exporter->{dropped}{corrupt}, 0, 'no record was damaged');
is($exporter->{exported} + $exporter->{rejected}
   + $exporter->{dropped}{refused}, $events->{accepted},
   'accepted events are exported, rejected or dropped');
ok($nginx->stop, 'nginx exits in order');
$nginx->no_errors(allow => qr/exited on signal 9/);

done_testing;
