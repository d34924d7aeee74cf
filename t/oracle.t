# The instruments of the fault tests must be able to fail: the oracle, the
# receiver that checks payloads, the sums, the shim.

use lib 't/lib';
use Compress::Zlib qw(crc32);
use Errno qw(ENOSPC);
use OpenQoE::Faults;
use OpenQoE::Receiver;
use OpenQoE::Shim;
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'));


# an event as t/tools/load makes it

sub summed ($number) {
    my $text = '{"event_type":"heartbeat","event_time":' . int(time * 1000)
               . ',"data":{"seq":"oqid-r-' . $number . '","a":12345,';
    return sprintf '%s"sum":"%08x"}}', $text, crc32($text);
}


my $to = OpenQoE::Receiver->new->start;
my $send = sub ($text) { http_post($to->port, '/v1/logs', $text)->{status} };

is($send->(summed(0) . "\0\1" . summed(1)), 200,
   'the receiver takes two events with right sums');
is($send->(summed(2) =~ s/12345/12346/r), 200,
   'the receiver takes an event with another digit');
is($send->(substr summed(3), 0, -3), 200,
   'the receiver takes an event that is cut');
is($send->('{"seq":"oqid-r-4"}'), 200,
   'the receiver takes an event without a sum');
is_deeply([$to->damaged], ['damaged r 2', 'damaged r 3'],
          'the receiver reports events that are not as they were sent');
my %sums = %{ $to->sums };
is_deeply([@sums{qw(events damaged unchecked)}], [3, 2, 1],
          'the receiver counts damaged and unchecked events');

$to->mode('status 503 7');
my $answer = http_post($to->port, '/v1/logs', summed(5));
is("$answer->{status} $answer->{headers}{'retry-after'}", '503 7',
   'the receiver answers by its mood');
is($to->sums->{events}, 3, 'in that mood the receiver takes no event');

{
    my $oracle = OpenQoE::Oracle->new;

    $oracle->accepted('r-0', 'r-1', 'r-2');
    $oracle->refused('r-4');
    $oracle->delivered_file($to->file);
    my $r = $oracle->report;
    is_deeply([@$r{qw(accepted delivered missing unexpected)}], [3, 2, 1, 1],
              'a damaged event is missing, a refused one unexpected');
}

is(OpenQoE::Faults::difference({ accepted => 10, recovered => 2, exported => 5,
                                 rejected => 1, queued => 1, spooled => 2,
                                 dropped => { refused => 1, spool => 1 } }),
   1, 'the sums of an exporter that lost one event differ by one');

# The load's own events are whole; a load that is ended early leaves ambiguous
# ones.

{
    $to->mode('ok');
    my $server = bless { port => $to->port, dir => scratch_dir('ids') },
                 'OpenQoE::Nginx';
    my $before = $to->sums;
    my $load = load($server, m => 20, d => 5, n => 5, u => '/v1/logs');
    is($load->wait, 0, 'a load ends well');
    my $now = $to->sums;
    is($now->{events} - $before->{events}, 100,
       'the receiver counts the events of the load');
    is($now->{damaged} + $now->{unchecked}
       - $before->{damaged} - $before->{unchecked}, 0,
       'the events of the load are whole');

    $to->mode('hang');
    $load = load($server, d => 30, c => 2, n => 5, u => '/v1/logs');
    ok(wait_until(sub { $to->sums->{requests} >= $now->{requests} + 2 }, 20),
       'both connections of a load wait for an answer');
    $load->signal('TERM');
    is($load->wait(5), 0, 'a load ends when it is asked to');
    like(slurp($load->{ids}[0]), qr/\Arun \w+\nU 0 5\nU 5 5\n\z/,
         'a load that was ended knows what it left out');
}

# --- the shim: another clock, and a disk that is full in one place

SKIP: {
    skip('the sanitizers have a preload of their own', 4)
        if $ENV{OPENQOE_SANITIZE};

    my $shim = OpenQoE::Shim->new;
    my $dir = scratch_dir('full');
    my $run = sub (@cmd) { run_cmd({ env => $shim->env }, @cmd) };

    $shim->clock(7200);
    my $start = int(time) + 7200;
    my (undef, $out) = $run->('date', '+%s');
    ok($out >= $start && $out <= time + 7200,
       'the clock can be set two hours ahead');
    $shim->fail(ENOSPC, ['write'], $dir);
    my ($rc, undef, $err) = $run->('dd', 'if=/dev/zero', "of=$dir/a", 'bs=10',
                                   'count=1');
    like($err, qr/No space left/, 'the disk can be full for a directory');
    ($rc) = $run->('dd', 'if=/dev/zero', "of=$dir.b", 'bs=10', 'count=1');
    is($rc, 0, 'the disk is not full elsewhere');
    unlink "$dir.b";
    $shim->heal;
    ($rc) = $run->('dd', 'if=/dev/zero', "of=$dir/a", 'bs=10', 'count=1');
    is($rc, 0, 'a full disk can be healed');
}

$to->stop;
done_testing;
