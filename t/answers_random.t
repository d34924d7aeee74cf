#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# Collectors that answer at random, over HTTP and gRPC, while events come in:
# statuses, headers and bodies of all kinds, answers that break off, never end,
# come a byte at a time or are no answers (t/tools/random_collector.pl).  Then
# they answer well: everything acknowledged has arrived, or was dropped because
# a collector said that the batch is at fault.
#
#   OPENQOE_FUZZ_SECONDS  how long they answer at random (8)
#   OPENQOE_FUZZ_SEED     the seed of an earlier run

use lib 't/lib';
use OpenQoE::Event qw(batch batch_json decode_json_text);
use OpenQoE::Faults;
use OpenQoE::HTTP qw(http_get http_post);
use OpenQoE::Nginx;
use OpenQoE::Oracle;
use OpenQoE::Process qw(free_port scratch_dir slurp spawn_peer wait_until);
use OpenQoE::Test;

my $seconds = $ENV{OPENQOE_FUZZ_SECONDS} // 8;
my $seed = $ENV{OPENQOE_FUZZ_SEED} // int(time * 1000) % 2 ** 31;
my $dir = scratch_dir('answers');
my %protocol = (default => 'http/protobuf', json => 'http/json',
                grpc => 'grpc', bare => 'grpc');
my (%collector, $http);

diag("seed $seed") if $ENV{OPENQOE_FUZZ_SECONDS};
note("seed $seed");


# --- four collectors, each of an exporter of its own; one has no spool

for my $name (sort keys %protocol) {
    my $to = $collector{$name} = {
        dir => "$dir/$name", port => free_port(),
        oracle => OpenQoE::Oracle->new,
    };

    mkdir $to->{dir} or die "$to->{dir}: $!\n";
    $to->{process} = spawn_peer(name => "collector-$name", cmd => [
        $^X, 't/tools/random_collector.pl', $to->{port}, $to->{dir},
        $seed + 1000 * keys %collector,
        $protocol{$name} eq 'grpc' ? 'h2' : () ]);

    my $block = $name eq 'default' ? '' : $name;
    my $spool = $name eq 'bare' ? 'spool off;' : '';
    $http .= <<"END";
    openqoe_exporter $block {
        endpoint http://127.0.0.1:$to->{port};
        protocol $protocol{$name};
        compression none;
        interval 50ms;
        batch_size 16;
        timeout 500ms;
        metric_interval 1s;
        $spool
    }
END
}

my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:32m',
    exporter => undef, http => "openqoe_spool $dir/spool max_size=64m;\n$http",
    events => 'openqoe_ack spool; openqoe_ack_timeout 5s;')->start;
my %worker = map { $_ => 1 } $nginx->worker_pids;


sub dests () {
    my $answer = http_get($nginx->port, '/v2/stats', timeout => 10)
        // return {};
    return (decode_json_text($answer->{body}) // {})->{exporters} // {};
}


sub dropped ($dest) {
    my $sum = 0;
    $sum += $_ for values $dest->{dropped}->%*;
    return $sum;
}


# The ids that a collector said were at fault; those of a request that came
# again are there more than once.

sub refused ($to) {
    my @ids = map { split / / } grep { length }
              split /\n/, slurp("$to->{dir}/refused");
    return scalar @ids;
}


# --- events, while the answers are random

my $n = 0;
my $end = time + $seconds;

while (time < $end) {
    my $events = batch(1 + int rand 8);
    my $answer = http_post($nginx->port, '/v2/events', batch_json($events),
                           timeout => 20);

    $_->{oracle}->note($events, $answer) for values %collector;
    $n++ if $answer && $answer->{status} == 202;
    sleep 0.02;
}

cmp_ok($n, '>', 5 * $seconds, "requests are acknowledged meanwhile ($n)");

for my $name (sort keys %collector) {
    my %kind;

    $kind{$_}++ for split /\n/, slurp("$collector{$name}{dir}/answers");
    cmp_ok(scalar keys %kind, '>=', 3, "$name: there were answers of "
           . keys(%kind) . ' kinds');
    note("$name: ", join ', ', map { "$_ $kind{$_}" } sort keys %kind);
}

is_deeply([ sort grep { $worker{$_} } $nginx->worker_pids ],
          [ sort keys %worker ], 'the workers are those that were started');


# --- and then all of them answer well

for my $to (values %collector) {
    open my $out, '>', "$to->{dir}/good" or die "good: $!\n";
    close $out;
}

my $dests;
my $rest = wait_until(sub {
    $dests = dests();
    return keys %$dests == 4 && !grep { $_->{queued} || $_->{spooled}
                                        || OpenQoE::Faults::difference($_) }
                                values %$dests;
}, 240);     # back-off is up to 30 s, for one batch after the other

ok($rest, 'all four exporters have nothing left, and their sums agree')
    || diag(explain $dests);

for my $name (sort keys %collector) {
    my $to = $collector{$name};
    my $dest = $dests->{$name} // {};
    my $dropped = dropped($dest);

    $to->{oracle}->delivered_file("$to->{dir}/taken");
    my $report = $to->{oracle}->report;

    ok($report->{accepted} > 0 && $report->{missing} <= $dropped
       && $report->{unexpected} == 0, "$name: what was acknowledged has "
       . "arrived, or is counted as dropped ($report->{accepted} events, "
       . "$report->{missing} of $dropped dropped have never arrived)")
        || OpenQoE::Oracle::explain($report);
    is($dropped, $dest->{dropped}{refused},
       "$name: events are dropped for no other reason than a refusal")
        || diag(explain $dest);
    cmp_ok($dropped, '<=', refused($to),
           "$name: no more events are dropped than the collector has refused");
    cmp_ok($dest->{rejected}, '<=', $dest->{accepted} + $dest->{recovered},
           "$name: no more is rejected than was sent");
    unlike(slurp($nginx->error_log_path), qr/[^\x20-\x7e\x80-\xff\n\t]/,
           "$name: no control character of an answer is in the log");
}

is_deeply([ sort grep { $worker{$_} } $nginx->worker_pids ],
          [ sort keys %worker ], 'the workers are still the same');
ok($nginx->stop('QUIT', 15), 'nginx exits in order');
$nginx->no_errors(allow => qr/exporter "\w+"/);
$_->{process}->stop('KILL') for values %collector;

done_testing;
