# QUIT while each write to the spool takes longer than the exit may: error.log
# has the number of events that the helper threads could not store, and the
# next start finds the others.  With the build that has failpoints.

use lib 't/lib';
use OpenQoE::Faults;
use OpenQoE::Test;

need(receiver => tool('receiver'));

my $so = ($ENV{OPENQOE_BUILD} // 'build')
         . '/failpoints/ngx_http_openqoe_module.so';
need('build/failpoints' => -e $so);
plan(skip_all => 'the module under sanitizers has no failpoints')
    if $ENV{OPENQOE_SANITIZE};
$ENV{TEST_NGINX_OPENQOE_MODULE} = $so;

for my $workers (1, 2) {
    my $dir = scratch_dir('failpoints');
    my $name = "$workers workers";
    write_file("$dir/armed", "segment.append sleep=6000\n");
    chmod 0755, $dir;

    my $f = OpenQoE::Faults->new(ack => 'memory', zone => 'qoe:16m',
        workers => $workers, exporter => 'timeout 30s;',
        env => { OPENQOE_FAILPOINTS => "$dir/armed" });

    $f->start->receiver->mode('hang');
    is($f->status(50), 202, "$name: events are accepted") for 1 .. 20;
    ok($f->nginx->stop('QUIT', 20), "$name: nginx exits in order");

    my $log = $f->nginx->error_log;
    my $lost = 0;
    $lost += $1 while $log =~ /(\d+) events were not exported.*are lost if/g;

    write_file("$dir/armed", '');
    $f->receiver->mode('ok');
    $f->start;

    # What an exit left is looked for after the start.
    my $found;
    wait_until(sub { ($found = $f->dest->{recovered}) + $lost >= 1000 }, 15);
    cmp_ok($lost, '>', 0, "$name: some events were lost");
    cmp_ok($lost, '<=', 1000, "$name: no event is counted as lost twice");
    cmp_ok($lost + $found, '>=', 1000, "$name: $lost of 1,000 events are"
           . " reported as lost, $found were stored");
    like($log, qr/did not end in time/,
         "$name: the log says that the helper did not end in time");
    ok($f->nginx->stop, "$name: nginx exits in order again");
    $f->receiver->stop;
}

done_testing;
