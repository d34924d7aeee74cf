#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The share that requests for media have of a zone: small when the zone is made
# without openqoe_cmcd, so that views have the room; what a reload with
# openqoe_cmcd says and does then; and how the zone gets a full share.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

my $root = scratch_dir('media');
chmod 0755, $root;
write_file("$root/1.m4s", 'x' x 1000);

my $off = "location /v/ { alias $root/; types { video/mp4 m4s; } }";
my $on = $off =~ s/alias/openqoe_cmcd on; alias/r;
my $warning = qr/\[warn\] .*zone "qoe" was made when no location had/;

my $nginx = OpenQoE::Nginx->new(
    zone => 'qoe:16m', location => $off,
    exporter => "endpoint file://@{[ scratch_dir('out') ]}/otlp.jsonl;",
);

sub warned { return scalar(() = $nginx->error_log =~ /$warning/g) }


# The number of sessions that began with requests of n sessions.

sub begun ($prefix, $n) {
    for my $i (1 .. $n) {
        my $answer = http_get($nginx->port,
                              "/v/1.m4s?CMCD=ot%3Dv%2Csid%3D%22$prefix-$i%22");
        $answer->{status} == 200 or return "status $answer->{status}";
    }

    my $stats;
    wait_until(sub {
        $stats = $nginx->stats;
        return $stats->{cmcd}{tap}{used} == 0;
    });
    return $stats->{cmcd}{sessions}{begun};
}

$nginx->start;
my $small = $nginx->stats;

ok($small->{cmcd}{small}, 'a zone made without openqoe_cmcd says that its '
                          . 'share for requests is small');
cmp_ok($small->{cmcd}{sessions}{capacity}, '>', 50,
       'it has room for some sessions of requests all the same');
ok($nginx->reload && warned() == 0,
   'a reload without openqoe_cmcd has nothing to warn of');

$nginx->write_config(location => $on);
ok($nginx->reload(old => 1), 'nginx reloads with openqoe_cmcd');
is(warned(), 1, 'the reload warns that the zone has little room for them');

my $kept = $nginx->stats;

is_deeply([ @{ $kept->{cmcd}{sessions} }{capacity},
            $kept->{views}{capacity}, $kept->{instance_id} ],
          [ @{ $small->{cmcd}{sessions} }{capacity},
            $small->{views}{capacity}, $small->{instance_id} ],
          'the zone keeps its layout and all that is in it');
is(begun('a', 10), 10, 'requests make sessions in the small share');

my $many = $kept->{cmcd}{sessions}{capacity} + 20;
is(begun('b', $many), $many + 10 - $nginx->stats->{cmcd}{dropped},
   'more sessions than it has room for are served and counted');
cmp_ok($nginx->stats->{cmcd}{sessions}{evicted}, '>', 0,
       'and take the places of others');

$nginx->write_config(zone => 'qoe:17m');
ok($nginx->reload(old => 1), 'nginx reloads with another size of the zone');

my $full = $nginx->stats;

ok(!$full->{cmcd}{small} && warned() == 1,
   'the new zone has a full share, and nothing is warned of');
cmp_ok($full->{cmcd}{sessions}{capacity}, '>',
       4 * $small->{cmcd}{sessions}{capacity},
       'it has room for more sessions of requests');
cmp_ok($full->{views}{capacity}, '<', $small->{views}{capacity},
       'which views had before, though the zone is larger');

$nginx->write_config(location => $off);
ok($nginx->reload && warned() == 1 && !$nginx->stats->{cmcd}{small},
   'without openqoe_cmcd again the zone keeps its full share, silently');

$nginx->stop;
$nginx->no_errors;

done_testing;
