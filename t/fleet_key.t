#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# openqoe_fleet_key: edges with one key agree on a viewer's hash and on the
# views that have a trace; what a change of the key does; and that its text
# appears nowhere.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Metrics;
use OpenQoE::Records;
use OpenQoE::Test;
use OpenQoE::Traces qw(trace_id traces_of);

my $dir = scratch_dir('keys');
my %text = (one => 'c0ffee' . '0123456789abcdef' x 4 . '01',
            two => 'C0FFEE' . '0123456789abcdef' x 4 . '02');


sub key_file ($name, $text, $mode = 0600) {
    write_file("$dir/$name", $text);
    chmod $mode, "$dir/$name" or die;
    return "$dir/$name";
}

key_file($_, "$text{$_}\n") for sort keys %text;


sub new_edge ($name, $key, %opt) {
    my $nginx = OpenQoE::Nginx->new(zone => 'qoe:16m', workers => 2, %opt);

    $nginx->write_config(
        exporter => "endpoint file://@{[ $nginx->out_file ]};\n"
                    . "        interval 50ms; metric_interval 100ms;\n"
                    . '        signals metrics views traces;',
        http => "openqoe_edge $name;\n    openqoe_traces bad sample=40%;\n"
                . "    openqoe_view_record interval=1s;\n    "
                . ($key ? "openqoe_fleet_key $dir/$key;" : ''));
    return $nginx->start;
}


# Good views of so many viewers; their ids.

my $t = int(time * 1000) - 3_600_000;
my @views = map { my $n = $_; { id => uuid(), viewer_id => "viewer-$n" } }
            1 .. 40;

sub play ($nginx, @which) {
    for my $v (@which) {
        my @of = map { view_event($t, $v->{id}, $_->[0], $_->[1], $_->[2],
                                  viewer_id => $v->{viewer_id}) }
                 [ 0, 'playing', 0 ], [ 10_000, 'heartbeat', 10_000 ],
                 [ 20_000, 'ended', 20_000 ];
        my $r = http_post($nginx->port, '/v2/events', batch_json(\@of));
        return 0 if $r->{status} != 202;
    }
    return 1;
}


# The hashes of the viewers by view.

sub hashes ($nginx, @which) {
    my $records = OpenQoE::Records->new($nginx->out_file);
    my %ids = map { $_->{id} => 1 } @which;

    wait_until(sub { $records->read;
                     @which == grep { $ids{ $_->{view_id} } }
                               $records->final }, scaled(20))
        or return {};
    return { map { $_->{view_id} => $_->{viewer_hash} }
             grep { $ids{ $_->{view_id} } } $records->final };
}


sub fleet_key ($nginx) {
    my $r = http_get($nginx->port, '/v2/health');
    return decode_json_text($r->{body})->{fleet_key};
}


sub unique ($nginx) {
    my $metrics = OpenQoE::Metrics->new($nginx->out_file);
    my $r = http_get($nginx->port, '/v2/stats',
                     headers => { Accept => 'text/plain' });
    my ($value) = $r->{body} =~ /^openqoe_unique_viewers\{.*acme.*\} (\S+)/m;
    return $value // 0;
}


my %edge = (a => new_edge('a', 'one'), b => new_edge('b', 'one'),
            other => new_edge('other', 'two'), none => new_edge('none', ''));
my %hash;

for my $name (sort keys %edge) {
    ok(play($edge{$name}, @views), "edge $name takes the views");
}

for my $name (sort keys %edge) {
    $hash{$name} = hashes($edge{$name}, @views);
    is(scalar keys %{ $hash{$name} }, 40, "edge $name has made all records");
}

like(fleet_key($edge{a}), qr/^[0-9a-f]{16}$/,
     'the health shows a number for the key');
is(fleet_key($edge{b}), fleet_key($edge{a}),
   'the number is the same on edges with the same key');
isnt(fleet_key($edge{other}), fleet_key($edge{a}),
     'another key has another number');
is(fleet_key($edge{none}), undef, 'without a key there is no number');

is_deeply($hash{a}, $hash{b},
          'a viewer has the same hash on edges with the same key');
is(scalar(grep { $hash{a}{$_} eq $hash{other}{$_} } keys %{ $hash{a} }), 0,
   'a viewer has another hash under another key');
is(scalar(grep { $hash{a}{$_} eq $hash{none}{$_} } keys %{ $hash{a} }), 0,
   'a viewer has another hash under the key of the zone');
my %distinct = map { $_ => 1 } values %{ $hash{a} };
is(scalar keys %distinct, 40, 'each viewer has a hash of its own');

# Spans arrive with the records of the same batch or of the next one.

sub traced ($nginx) {
    my $all = traces_of($nginx->out_file);
    return join ' ', sort grep { $all->{ trace_id($_) } }
                          map { $_->{id} } @views;
}

my $chosen = '';

for my $name (sort keys %edge) {
    ok(wait_until(sub {
           my $stats = $edge{$name}->stats->{exporters}{default}{traces};
           $stats->{accepted} >= @views && $stats->{queued} == 0
       }, scaled(20)), "edge $name has sent its traces");
    $chosen = traced($edge{$name}) if $name eq 'a';
    is(traced($edge{$name}), $chosen,
       "edge $name has traces of the same views as edge a");
}

cmp_ok(scalar(split / /, $chosen), '>', 3, 'some views are chosen');
cmp_ok(scalar(split / /, $chosen), '<', 37, 'some views are not chosen');


# --- a change of the key

my $a = $edge{a};

ok(wait_until(sub { unique($a) > 39 && unique($a) < 41 }, scaled(20)),
   'the viewers are counted');
$a->write_config(http => $a->{http} =~ s{/one;}{/two;}r);
ok($a->reload, 'edge a is reloaded with the other key');
is(fleet_key($a), fleet_key($edge{other}), 'edge a has the other key');
my $HEX = qr/[0-9a-f]{16}/;
like($a->error_log,
     qr/notice\].* of viewers changes from $HEX to $HEX: viewer_hash is another/,
     'the log says what the change does');

my @again = map { { %$_, id => uuid() } } @views[0 .. 9];
ok(play($a, @again), 'viewers come again');
my $after = hashes($a, @again);
is_deeply([ map { $after->{ $again[$_]{id} } } 0 .. 9 ],
          [ map { $hash{other}{ $views[$_]{id} } } 0 .. 9 ],
          'their hashes are those of the other edge with that key');
ok(wait_until(sub { unique($a) > 9.5 && unique($a) < 10.5 }, scaled(20)),
   'unique viewers begin anew with the new key');

$a->write_config(http => $a->{http} =~ s{openqoe_fleet_key .*;}{}r);
ok($a->reload, 'edge a is reloaded without a key');
like($a->error_log, qr/changes from [0-9a-f]{16} to that of the zone/,
     'the log says that the key is that of the zone');
ok($a->reload, 'edge a is reloaded again');
my $n = () = $a->error_log =~ /the key of viewers changes/g;
is($n, 2, 'a reload with the same key is no change');


# --- the text of the key

my $seen = '';

for my $nginx (values %edge) {
    $seen .= $nginx->error_log . slurp($nginx->out_file);
    $seen .= http_get($nginx->port, $_)->{body}
        for qw(/v2/health /v2/stats /v2/stats?view=live);
}

unlike($seen, qr/c0ffee|\Q$text{one}\E/i, 'the text of the key appears nowhere');


# --- files that are no key

sub check ($file) {
    my $nginx = OpenQoE::Nginx->new(http => "openqoe_fleet_key $file;");
    my ($rc, $text) = $nginx->test_config;
    return ($rc eq '0', $text);
}


sub refused ($name, $file, $says) {
    my ($taken, $text) = check($file);
    my ($line) = grep { /\[emerg\]/ } split /^/, $text;

    ok(!$taken, "refused: $name");
    like($line // '', qr/"\Q$file\E" .*"openqoe_fleet_key".*$says/,
         'the message names the file, the directive and the reason');
    unlike($text, qr/c0ffee/i, 'the message has nothing of the text');
}

my $LINE = 'must have a line of 32 to 128 hexadecimal digits and nothing else';
my ($missing, $text) = check("$dir/none");
ok(!$missing, 'refused: a file that does not exist');
like($text, qr/cannot open "\Q$dir\E\/none" of "openqoe_fleet_key"/,
     'the message says so');
refused('an empty file', key_file('empty', ''), $LINE);
refused('30 digits', key_file('short', 'c0ffee' x 5), "$LINE.*it has 30 digits");
refused('130 digits', key_file('long', 'c0ffee' x 21 . 'c0ff'),
        "$LINE.*it has 130 digits");
refused('an odd number of digits', key_file('odd', 'c0ffee' x 7 . 'a'), $LINE);
refused('a letter', key_file('letter', 'c0ffee' x 7 . 'gg'), $LINE);
refused('two lines', key_file('lines', 'c0ffee' x 7 . "\n" . 'c0ffee' x 7),
        $LINE);
refused('a large file', key_file('large', 'c0ffee' x 800),
        'is larger than 4096 bytes');
mkdir "$dir/directory";
refused('a directory', "$dir/directory", 'is not a regular file');

for my $row ([ 0644, 'read' ], [ 0602, 'changed' ]) {
    my ($mode, $what) = @$row;
    my ($taken, $text) = check(key_file('open', $text{one}, $mode));

    ok($taken, sprintf 'a file of mode %04o is taken', $mode);
    like($text, qr/\[warn\].*"\Q$dir\E\/open" of .* can be $what by all users/,
         'there is a warning');
}

for my $key ("\n\t $text{one} \r\n", 'c0ffee00' x 4, 'C0ffEE00' x 16) {
    my ($taken, $text) = check(key_file('good', $key, 0640));
    ok($taken && $text !~ /\[(?:warn|emerg)\]/,
       length($key) . ' bytes are a key without a warning') or diag($text);
}


for my $name (sort keys %edge) {
    ok($edge{$name}->stop, "edge $name stops by itself");
    $edge{$name}->no_errors;
}

done_testing;
