#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# A plain nginx before three edges, with the files of deploy/fleet/nginx: each
# session has an edge of its own, an edge that dies in the middle takes no
# request with it, and the sessions of the others stay where they were.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(min sum0);

use OpenQoE::Fleet;
use OpenQoE::Movers;

my $deploy = "$FindBin::Bin/../deploy/fleet/nginx";
my $fleet = OpenQoE::Fleet->new(edges => 3, files => 1, silence => 4,
                                endpoint => 'http://127.0.0.1:9')->start;

my $router = OpenQoE::Nginx->new(module => 0, http => <<"END",
    include $deploy/upstream.conf;
    client_max_body_size 2m;
END
    locations => "include $deploy/location.conf;");
write_file("$router->{dir}/openqoe-edges.conf",
           join '', map { 'server 127.0.0.1:' . $fleet->nginx($_)->port
                          . " max_fails=1 fail_timeout=10s;\n" } $fleet->all);

# nginx looks for included files beside the file that it was started with
$router->start;
my $client = $router->http(timeout => 20);


# True when the router's answer says that an edge took all of it.

sub posts ($events, %opt) {
    my $session = $events->[0]{session_id};
    my $path = '/v2/events' . ($opt{header} ? '' : "?session=$session");
    my $answer = $client->request('POST', $path,
        headers => { 'Content-Type' => 'application/json',
                     $opt{header} ? ('X-OpenQoE-Session' => $session) : () },
        body => encode_json_text({ events => $events }));
    my $body = $answer && decode_json_text($answer->{body});

    return $body && $answer->{status} == 202
           && $body->{events_received} == @$events;
}


# The parts of a view's events: what comes before a beat of playing, and from
# that on; the time between.

sub halves ($events) {
    my ($k) = grep { $events->[$_]{event_type} eq 'heartbeat'
                     && $events->[$_ + 1]{event_type} eq 'heartbeat' }
              0 .. $#$events - 1;

    return ($events, [], 0) if !defined $k;
    return ([ @$events[0 .. $k] ], [ @$events[$k + 1 .. $#$events] ],
            $events->[$k + 1]{event_time} - $events->[$k]{event_time});
}


my $movers = OpenQoE::Movers->new(sessions => 120, edges => 1, moves => 0);
my @views = map { [ halves($_->{events}), $_->{events}[0]{session_id} ] }
            $movers->requests;
my $truth = $movers->truth;

# Half of the sessions say who they are in a header.

my $n = 0;
my %by_header = map { $_->[3] => $n++ % 2 } @views;

is(scalar(grep { !posts($_->[0], header => $by_header{ $_->[3] }) } @views), 0,
   'every request is taken');

# The records of all edges, once they say all that was posted.

sub records ($events, @edges) {
    my @records;

    wait_until(sub {
        @records = map { my $i = $_; map { { %$_, at => $i } }
                         $fleet->records($i)->read->last } @edges;
        return sum0(map { $_->{events} } @records) >= $events;
    }, 30);
    return @records;
}

my @before = records(sum0(map { scalar @{ $_->[0] } } @views), $fleet->all);
my (%edge, %load);

$edge{ $_->{session_id} }{ $_->{at} } = 1 for @before;
$load{ (keys %$_)[0] }++ for values %edge;
is(scalar(grep { keys %$_ > 1 } values %edge), 0,
   'each session has one edge, whether the address or a header names it');
is(scalar(keys %load), 3, 'each edge has sessions');
cmp_ok(min(values %load), '>', 10, 'none has only a few');

ok($fleet->kill_edge(1), 'an edge is killed');
my @rest = grep { @{ $_->[1] } } @views;
is(scalar(grep { !posts($_->[1], header => $by_header{ $_->[3] }) } @rest), 0,
   'no request fails');

my $posted = sum0(map { scalar(@{ $_->[0] }) * !$edge{ $_->[3] }{1}
                        + @{ $_->[1] } } @views);
my @after = records($posted, 0, 2);
my @moved = grep { $edge{ $_->[3] }{1} } @rest;
my %now;

$now{ $_->{session_id} }{ $_->{at} } = 1 for @after;
cmp_ok(scalar @moved, '>', 10, 'views of the dead edge go on');
is(scalar(grep { !$now{ $_->[3] } } @moved), 0, 'at one that is alive');
is(scalar(grep { my $id = $_; !$edge{$id}{1} && !$now{$id}{ (keys
                     %{ $edge{$id} })[0] } || keys %{ $now{$id} } > 1 }
          keys %now), 0, 'no session of the others moved');

# What the dead edge had said, and what the others say.

my @all = (@after, grep { $_->{at} == 1 } @before);
is(sum0(map { $_->{playing_ms} } @all),
   $truth->{playing_ms} - sum0(map { $_->[2] } @moved),
   'all of the playing is there, but for the beat in which a view moved');
is(sum0(map { $_->{stalls} } @all), $truth->{stalls}, 'so are all stalls');

$router->no_errors(name => 'the router: nothing at alert, crit or emerg');
ok($router->stop, 'the router stops by itself');
ok($fleet->stop, 'the edges stop by themselves');
done_testing;
