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
my $fleet = OpenQoE::Fleet->new(edges => 3, files => 1, silence => 2,
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


# The parts of a view's events: what comes before a beat of 10 s of playing, and
# what follows; the time between.

sub halves ($events) {
    my ($k) = grep { $events->[$_]{event_type} eq 'heartbeat'
                     && $events->[$_ + 1]{event_type} eq 'heartbeat'
                     && $events->[$_ + 1]{event_time}
                        == $events->[$_]{event_time} + 10_000 }
              0 .. $#$events - 1;

    return ($events, [], 0) if !defined $k;
    return ([ @$events[0 .. $k] ], [ @$events[$k + 1 .. $#$events] ],
            $events->[$k + 1]{event_time} - $events->[$k]{event_time});
}


my $movers = OpenQoE::Movers->new(sessions => 120, edges => 1, moves => 0);
my %views;
$views{ $_->{events}[0]{view_id} }++ for $movers->requests;

# Of a view_id with two videos the events stay in their order.
my @views = map { my $events = $_->{events};
                  [ $views{ $events->[0]{view_id} } > 1 ? ($events, [], 0)
                                                        : halves($events),
                    $events->[0]{session_id} ] } $movers->requests;
my $truth = $movers->truth;

# Half of the sessions say who they are in a header.

my $n = 0;
my %by_header = map { $_->[3] => $n++ % 2 } @views;

is(scalar(grep { !posts($_->[0], header => $by_header{ $_->[3] }) } @views), 0,
   'every request is taken');

# The records of these edges once all views of theirs have fallen silent.

sub records (@edges) {
    wait_until(sub {
        !grep { my ($views, undef, $stats) = $fleet->views($_);
                $stats->{queue}{events} || $views->{active}
                || $views->{records_waiting}
                || $stats->{exporters}{file}{views}{queued} } @edges;
    }, 30) or die "views do not end\n";
    return map { my $i = $_; map { { %$_, at => $i } }
                 $fleet->records($i)->read->last } @edges;
}

my @before = records($fleet->all);
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

my @after = records(0, 2);
my @moved = grep { $edge{ $_->[3] }{1} } @rest;
my %now;

$now{ $_->{session_id} }{ $_->{at} } = 1 for @after;
cmp_ok(scalar @moved, '>', 10, 'views of the dead edge go on');
is(scalar(grep { !$now{ $_->[3] } } @moved), 0, 'at one that is alive');
is(scalar(grep { my $id = $_; !$edge{$id}{1} && !$now{$id}{ (keys
                     %{ $edge{$id} })[0] } || keys %{ $now{$id} } > 1 }
          keys %now), 0, 'no session of the others moved');

# What the dead edge had said, and what the others say.  Every view fell silent
# before its second half, so no edge saw the beat between the halves.

my @all = (@after, grep { $_->{at} == 1 } @before);
is(sum0(map { $_->{playing_ms} // 0 } @all),
   $truth->{playing_ms} - sum0(map { $_->[2] } @rest),
   'all of the playing that an edge saw is in the records');
is(sum0(map { $_->{stalls} // 0 } @all), $truth->{stalls},
   'so are all stalls');

$router->no_errors(name => 'the router: nothing at alert, crit or emerg');
ok($router->stop, 'the router stops by itself');
ok($fleet->stop, 'the edges stop by themselves');
done_testing;
