#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# openqoe_dimension ... allow file=: the values of a file, read again when it
# changes, in all lanes, workers and generations, without a reload.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

my $dir = scratch_dir('lists');
chmod 0755, $dir;


# Replaces a file at once, as whoever distributes lists should.

sub put ($name, @values) {
    write_file("$dir/$name.new", join '', map { "$_\n" } @values);
    chmod 0644, "$dir/$name.new";
    rename "$dir/$name.new", "$dir/$name" or die;
}


put('apps', '# made by the centre', 'one', 'two', '');
put('orgs', 'acme');

my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:16m',
    http => "openqoe_dimension app_name allow file=$dir/apps;\n"
            . "    openqoe_dimension org_id allow values=pinned max=1\n"
            . "        file=$dir/orgs;");
$nginx->start;


# Posts an event of each of so many sessions, which are of all lanes.

sub post ($app, %more) {
    my @events = map { event(app_name => $app, org_id => 'acme',
                             event_type => 'playing', %more) } 1 .. 12;
    my $r = http_post($nginx->port, '/v2/events', batch_json(\@events));
    return $r->{status} == 202;
}


sub metrics () {
    return http_get($nginx->port, '/v2/stats?format=prometheus')->{body};
}


# How many events metrics have under each value of a label.

sub events_by ($label) {
    my %n;
    for (metrics() =~ /^(openqoe_events_total\{.*)$/mg) {
        my ($value) = /\b$label="([^"]*)"/;
        my ($count) = /\} (\S+)/;
        $n{ $value // '' } += $count;
    }
    return \%n;
}


# Posts until every lane gives the events this label; the events before that
# are 'other'.

sub becomes ($app, $label) {
    return wait_until(sub {
        my $before = events_by('app_name')->{$label} // 0;
        post($app) or return 0;
        wait_until(sub { $nginx->stats->{queue}{events} == 0 }, scaled(5));
        return wait_until(sub {
            (events_by('app_name')->{$label} // 0) >= $before + 12
        }, 1);
    }, scaled(30));
}


sub lists () { $nginx->stats->{lists} }
sub limit ($name) { $nginx->stats->{cardinality_limits}{$name} }


ok(becomes('one', 'one'), 'a value of the file is an attribute');
ok(becomes('three', 'other'), 'another value is "other"');
is(events_by('app_name')->{three}, undef, 'it is never an attribute');
is($nginx->stats->{dimensions}{app_name}{count}, 2,
   'the stats count the values of the file');
my $answer = http_get($nginx->port, '/v2/stats?dimension=app_name')->{body};
is_deeply(decode_json_text($answer)->{values}, [ 'one', 'two' ],
          'the stats list the values of the file');

put('apps', 'two', 'three');
ok(becomes('three', 'three'), 'a value that comes is an attribute soon');
ok(becomes('one', 'other'), 'a value that goes is "other" soon');
ok(becomes('two', 'two'), 'a value that stays is one');
cmp_ok(lists()->{read}, '>=', 2, 'each worker has read the file');
like($nginx->error_log, qr/\[info\] .*list "\Q$dir\E\/apps": read, 2 values/,
     'the log says so');

# A view that is alive gets another attribute, too.

my $session = uuid();
my %view = (view_id => uuid(), session_id => $session, app_name => 'four',
            org_id => 'acme');
my $send = sub {
    my $e = event(%view, event_type => 'heartbeat');
    http_post($nginx->port, '/v2/events', batch_json([ $e ]))->{status} == 202;
};
ok($send->(), 'a view with a value that is not in the file begins');
put('apps', 'two', 'three', 'four');
ok(wait_until(sub { $send->(); events_by('app_name')->{four} }, scaled(30)),
   'the view has the attribute once the value is in the file');


# --- files that are missing or wrong

my $failed = lists()->{failed};
is($failed, 0, 'no look has failed so far');
unlink "$dir/apps" or die;
ok(wait_until(sub { lists()->{failed} > 1 }, scaled(20)),
   'a look at a missing file counts');
ok(becomes('three', 'three'), 'the last good list stays');
like($nginx->error_log, qr/list "\Q$dir\E\/apps": stat\(\) failed \(2\); the last/,
     'the log says that the file is missing');

put('apps', 'five', 'x' x 129);
ok(wait_until(sub {
       $nginx->error_log =~ /line 2 is longer than "maxlen="; the last good one/
   }, scaled(20)), 'the log says what is wrong with a file');
ok(becomes('five', 'other'), 'of a wrong file nothing is taken');
ok(becomes('three', 'three'), 'the last good list stays then, too');

put('apps', 'five');
ok(becomes('five', 'five'), 'a good file is taken again');


# --- other workers and generations

put('apps', 'six', 'seven');
ok(becomes('six', 'six'), 'the file has changed since nginx was started');
ok($nginx->kill_worker, 'a worker is killed');
ok(becomes('six', 'six'), 'the worker that takes its place has the new list');
ok(becomes('five', 'other'), 'it has not the first one');
ok($nginx->reload, 'nginx is reloaded');
ok(becomes('seven', 'seven'), 'the workers after a reload have the list');
put('apps', 'eight');
ok(becomes('eight', 'eight'), 'they read it again, too');


# --- max= beside the file, and metrics of requests

# What the event loops count, by organization.

my $accepted = sub ($org) {
    return metrics() =~ /^openqoe_events_accepted\w*\{[^}]*org_id="$org"/m;
};

post('one', org_id => $_) for qw(acme pinned first second);
ok(wait_until(sub { my $n = events_by('org_id');
                    $n->{acme} && $n->{pinned} && $n->{first}
                        && $n->{other} }, scaled(20)),
   'max= leaves places for values that are not in the file');
is(events_by('org_id')->{second}, undef, 'no more than max= says');
ok($accepted->('acme') && $accepted->('other') && !$accepted->('second'),
   'so it is in metrics that the event loops make');

put('orgs', 'second');
ok(wait_until(sub { post('one', org_id => 'second');
                    events_by('org_id')->{second} }, scaled(30)),
   'the file of another dimension is read, too');

ok(wait_until(sub { post('one', org_id => 'second'); $accepted->('second') },
              scaled(30)),
   'metrics that the event loops make have the value, too');


# --- a file that the workers may not read

SKIP: {
    skip 'the workers run as the user of the test', 2 if $> != 0;
    chmod 0600, "$dir/orgs";
    write_file("$dir/orgs", "third\n");
    ok(wait_until(sub {
           $nginx->error_log =~ /list "\Q$dir\E\/orgs": open\(\) failed \(13\)/
       }, scaled(20)), 'the log says that the workers may not read the file');
    ok($nginx->reload, 'nginx is reloaded') && ok(wait_until(sub {
        post('one', org_id => 'third');
        events_by('org_id')->{third} }, scaled(20)),
       'the master has read it for them');
}


# --- what stops nginx -t

sub refused ($name, $params, $says) {
    my $other = OpenQoE::Nginx->new(
        http => "openqoe_dimension app_name allow $params;");
    my ($rc, $text) = $other->test_config;
    my ($line) = grep { /\[emerg\]/ } split /^/, $text;

    isnt($rc, '0', "refused: $name");
    like($line // '', qr/$says/, 'the message says why');
}

write_file("$dir/$_->[0]", $_->[1])
    for [ empty => "# nothing\n" ], [ long => 'x' x 10 ],
        [ control => "a\nb\tc\n" ], [ bytes => "a\xff\n" ],
        [ large => "a\n" x 4_200_000 ],
        [ many => join "\n", map { "v$_" } 0 .. 100_000 ];
mkdir "$dir/directory";

refused('no file', "file=$dir/none",
        qr/cannot open "\Q$dir\E\/none" of "openqoe_dimension"/);
refused('no path', 'file=', qr/invalid value "file=" in "openqoe_dimension"/);
refused('a directory', "file=$dir/directory", qr/is not a regular file/);
my $LIST = qr/of "openqoe_dimension" is no list of values: /;
refused('no value', "file=$dir/empty", qr/$LIST.*there is no value/);
refused('a long value', "file=$dir/long maxlen=9",
        qr/$LIST.*line 1 is longer than "maxlen="/);
refused('a control character', "file=$dir/control",
        qr/$LIST.*line 2 has a control character/);
refused('bytes', "file=$dir/bytes", qr/$LIST.*line 1 is not UTF-8/);
refused('a large file', "file=$dir/large", qr/is larger than 8388608 bytes/);
refused('many values', "file=$dir/many",
        qr/$LIST.*line 100001 is one value too many/);
refused('two files', "file=$dir/apps file=$dir/orgs",
        qr/duplicate parameter "file=/);

my $topk = OpenQoE::Nginx->new(
    http => "openqoe_dimension app_name topk file=$dir/apps;");
my ($rc, $text) = $topk->test_config;
like($text, qr/"file=" of "app_name" .* has no meaning with the action "topk"/,
     'refused: another action than allow');

ok($nginx->stop, 'nginx stops by itself');
$nginx->no_errors(allow => qr/exited on signal 9/);

done_testing;
