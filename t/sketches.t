#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# ?sketch=unique_viewers of the stats: the registers of three edges, merged by
# their maxima, are those of all their viewers.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max sum0);
use MIME::Base64 qw(decode_base64);

use OpenQoE::Test;

use constant { BITS => 15, SIZE => 1 << 15, RANKS => 64 - 15 };

my $dir = scratch_dir('keys');
write_file("$dir/key", '0123456789abcdef' x 4);
write_file("$dir/other", 'fedcba9876543210' x 4);
chmod 0600, "$dir/key", "$dir/other";


sub new_edge ($name, $key = 'key') {
    my $nginx = OpenQoE::Nginx->new(zone => 'qoe:128m', workers => 2);
    $nginx->write_config(http => "openqoe_edge $name;\n    "
                                 . ($key ? "openqoe_fleet_key $dir/$key;" : ''));
    return $nginx->start;
}


# Viewers of an organization, each with a view of one event.

sub watch ($nginx, $org, @viewers) {
    while (my @some = splice @viewers, 0, 500) {
        my @events = map { event(org_id => $org, event_type => 'playing',
                                 viewer_id => "viewer-$_") } @some;
        my $r = http_post($nginx->port, '/v2/events', batch_json(\@events));
        return 0 if $r->{status} != 202;
    }
    return wait_until(sub { $nginx->stats->{queue}{events} == 0 }, scaled(30));
}


sub sketch ($nginx, $more = '') {
    my $r = http_get($nginx->port, "/v2/stats?sketch=unique_viewers$more");
    return decode_json_text($r->{body});
}


sub of ($doc, $org) {
    my ($s) = grep { ($_->{org_id} // '') eq $org } @{ $doc->{sketches} };
    return $s;
}


sub registers ($s) { unpack 'C*', decode_base64($s->{registers}) }


sub merge (@sketches) {
    my @all = map { [ registers($_) ] } @sketches;
    return map { my $i = $_; max map { $_->[$i] } @all } 0 .. SIZE - 1;
}


# O. Ertl's improved estimator, written from his paper.

sub sigma ($x) {
    my ($z, $y, $last) = ($x, 1, -1);
    while ($z != $last) {
        $x *= $x;
        $last = $z;
        $z += $x * $y;
        $y += $y;
    }
    return $z;
}


sub tau ($x) {
    return 0 if $x <= 0 || $x >= 1;
    my ($z, $y, $last) = (1 - $x, 1, -1);
    while ($z != $last) {
        $x = sqrt $x;
        $last = $z;
        $y *= 0.5;
        $z -= (1 - $x) ** 2 * $y;
    }
    return $z / 3;
}


sub estimate (@registers) {
    my @n = (0) x (RANKS + 2);
    $n[$_]++ for @registers;
    my $z = SIZE * tau(1 - $n[RANKS + 1] / SIZE);
    $z = 0.5 * ($z + $n[$_]) for reverse 1 .. RANKS;
    $z += SIZE * sigma($n[0] / SIZE);
    return SIZE * SIZE / (2 * log 2) / $z;
}


sub within ($got, $want, $share) { abs($got - $want) <= $share * $want }


# Viewer n is on edge n % 3, and every second one on the next edge as well.

my @edges = map { new_edge("edge-$_") } 0 .. 2;
my $truth = 6000;
my @on;

for my $n (1 .. $truth) {
    push @{ $on[ $n % 3 ] }, $n;
    push @{ $on[ ($n + 1) % 3 ] }, $n if $n % 2;
}

ok(watch($edges[$_], 'acme', @{ $on[$_] }), "edge-$_ takes its viewers")
    for 0 .. 2;

my @docs = map { sketch($_) } @edges;
my @of = map { of($_, 'acme') } @docs;

for my $i (0 .. 2) {
    my ($doc, $s) = ($docs[$i], $of[$i]);
    my $stamp = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

    is($doc->{edge}, "edge-$i", 'the answer names the edge');
    is($doc->{sketch}, 'unique_viewers', 'the answer names the sketch');
    is($doc->{precision}, BITS, 'the answer has the precision');
    like($doc->{hash}, qr/SipHash-1-3 of viewer_id/,
         'the answer says what is hashed');
    is($doc->{next}, undef, 'the answer is the last one');
    like($doc->{until}, $stamp, 'the answer says when it was made');
    like($s->{since}, $stamp, 'a sketch says when it began');
    cmp_ok($s->{since}, 'le', $doc->{until}, 'a sketch began before now');
    is(scalar(() = registers($s)), SIZE, 'a register has a byte');
    ok(within($s->{viewers}, scalar @{ $on[$i] }, 0.02),
       "edge-$i has its own viewers: $s->{viewers}");
    ok(within(estimate(registers($s)), $s->{viewers}, 0.001),
       'the registers give the number of viewers');
    is($s->{key}, $of[0]{key}, 'the key is the same on all edges');
}

my $health = http_get($edges[0]->port, '/v2/health')->{body};
is($of[0]{key}, decode_json_text($health)->{fleet_key},
   'the key is named as in the health');

my $union = estimate(merge(@of));
my $sum = sum0(map { $_->{viewers} } @of);

ok(within($union, $truth, 0.02),
   "the maxima of the registers of three edges have $union of $truth viewers");
ok($sum > 1.4 * $truth, "the sum of the edges has $sum");


# The Python of the documents, run as it stands there.

SKIP: {
    my ($rc) = run_cmd('python3', '-c', '');
    skip 'there is no python3', 2 if $rc ne '0';

    my ($code) = slurp("$FindBin::Bin/../docs/http-api.md")
                 =~ /```python\n(.*?)```/s;
    write_file("$dir/sketches.json", encode_json_text(\@of));
    write_file("$dir/merge.py", <<"END");
import json, sys
$code
sketches = json.load(open(sys.argv[1]))
print(estimate(merge(sketches)), estimate(merge(sketches[:1])))
END
    my (undef, $out, $err) = run_cmd('python3', "$dir/merge.py",
                                 "$dir/sketches.json");
    my ($all, $first) = split ' ', $out;
    ok(within($all // 0, $truth, 0.02),
       "the Python of docs/http-api.md merges to $out") or diag($err);
    ok(within($first // 0, $of[0]{viewers}, 0.01),
       'it estimates an edge as the module does');
}


# --- other organizations, and more of them than an answer holds

ok(watch($edges[0], 'globex', 1 .. 50), 'another organization has viewers');
my $other = of(sketch($edges[0]), 'globex');
ok(within($other->{viewers}, 50, 0.02), 'it has a sketch of its own');

my @new = map { sprintf 'org-%02d', $_ } 1 .. 30;
watch($edges[1], $_, 1 .. 3) for @new;

my (%seen, @answers);
my $from = 0;

while (defined $from && @answers < 20) {
    my $doc = sketch($edges[1], "&from=$from");
    push @answers, scalar @{ $doc->{sketches} };
    $seen{ $_->{org_id} // '' }++ for @{ $doc->{sketches} };
    $from = $doc->{next};
}

cmp_ok(max(@answers), '<=', 16, 'an answer has 16 sketches at most');
ok(!defined $from && @answers > 1, 'the last answer has no next one');
is(max(values %seen), 1, 'no sketch is in two answers');
ok($seen{acme}, 'the first organization is in one of them');
ok($seen{''} || !grep({ !$seen{$_} } @new),
   'organizations that have no sketch of their own share the last one');


# --- keys that differ, and none

my $none = new_edge('none', '');
ok(watch($none, 'acme', 1 .. 100), 'an edge without a key takes viewers');
is(of(sketch($none), 'acme')->{key}, 'zone:' . $none->stats->{instance_id},
   'without a key of the fleet the key is that of the zone');

my $doc = sketch($edges[2]);
my $before = of($doc, 'acme')->{since};
$edges[2]->write_config(http => $edges[2]->{http} =~ s{/key;}{/other;}r);
ok($edges[2]->reload, 'an edge is reloaded with another key');
is_deeply(sketch($edges[2])->{sketches}, [],
          'with the key, the sketches of the old one are gone');
ok(watch($edges[2], 'acme', 1 .. 10), 'viewers come again');
my $after = of(sketch($edges[2]), 'acme');
isnt($after->{key}, $of[0]{key}, 'the sketch is under the other key');
ok(within($after->{viewers}, 10, 0.02), 'the sketch has begun anew');
cmp_ok($after->{since}, 'ge', $before, 'the sketch says since when');


# --- who may read them

my $r = http_get($none->port, '/v2/stats?sketch=viewers');
is($r->{status}, 404, 'an unknown sketch is not found');
$none->write_config(locations =>
    'location = /v2/stats { openqoe_stats; openqoe_api_key secret; }');
ok($none->reload, 'the stats ask for a key now');
my $path = '/v2/stats?sketch=unique_viewers';
is(http_get($none->port, $path)->{status}, 401,
   'a sketch asks for the key of the stats');
$r = http_get($none->port, $path, headers => { 'X-API-Key' => 'secret' });
is($r->{status}, 200, 'a sketch can be read with the key');


for my $nginx (@edges, $none) {
    ok($nginx->stop, 'nginx stops by itself');
    $nginx->no_errors;
}

done_testing;
