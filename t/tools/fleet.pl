#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# A fleet on one machine (./build.sh fleet): edges, viewers who move between
# them, a Collector and the engine of ClickHouse or, where that cannot be had,
# VictoriaLogs, all with the files of deploy/fleet.  Shows what happened beside
# what the edges say, added up, and what the centre says.
#
# EDGES=3       how many edges
# MINUTES=1     how long viewers come
# SESSIONS=100  how many of them, each five seconds
# ENGINE=       clickhouse or victorialogs
#
# Ctrl-C ends all of it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/../lib";

use List::Util qw(min sum0);
use Time::HiRes qw(sleep time);

use OpenQoE::Centre;
use OpenQoE::Fleet;
use OpenQoE::HTTP qw(http_get);
use OpenQoE::Movers;
use OpenQoE::Peers qw(clickhouse_python fleet_collector victorialogs);
use OpenQoE::Process qw(wait_until);

$| = 1;

my $edges = number('EDGES', 3, 2, 20);
my $seconds = 60 * number('MINUTES', 1, 0, 600);
my $sessions = number('SESSIONS', 100, 1, 2000);


sub number ($name, $default, $least, $most) {
    my $value = $ENV{$name} // $default;

    die "fleet: $name is a number from $least to $most\n"
        if $value !~ /^\d+(?:\.\d+)?$/ || $value < $least || $value > $most;
    return $value;
}


# The engine that is asked for, else the first that can be had.

sub engine () {
    my %path = (clickhouse => \&clickhouse_python,
                victorialogs => \&victorialogs);
    my @names = $ENV{ENGINE} ? $ENV{ENGINE} : qw(clickhouse victorialogs);

    for my $name (@names) {
        my $path = $path{$name} // die "fleet: there is no engine $name\n";
        my ($found, $why) = $path->();
        return $name if $found;
        say "$name: $why";
    }

    die "fleet: no engine can be had here\n";
}


# A counter of all edges together, over all of its series.

sub counter ($fleet, $name, $label = qr/./) {
    return sum0(map {
        my $answer = http_get($fleet->nginx($_)->port,
                              '/v2/stats?format=prometheus', timeout => 20);
        sum0(map { (split ' ')[-1] } grep { /$label/ }
             grep { /^\Q$name\E[{ ]/ }
             split /\n/, $answer ? $answer->{body} : '');
    } $fleet->all);
}


sub edges_say ($fleet) {
    my %say = (
        started => counter($fleet, 'openqoe_views_started_total'),
        playing_ms => 1000 * counter($fleet, 'openqoe_playing_time_seconds'),
        stalls => counter($fleet, 'openqoe_rebuffer_events_total'),
        viewers => counter($fleet, 'openqoe_unique_viewers'),
    );

    for my $outcome (qw(completed played playback_failure startup_failure
                        exit_before_start))
    {
        $say{$outcome} = counter($fleet, 'openqoe_views_total',
                                 qr/outcome="$outcome"/);
    }

    return \%say;
}


sub centre_says ($centre) {
    my %time = (since => int(time - 7200), until => int(time + 3600),
                org => 'acme');

    if ($centre->{engine} eq 'victorialogs') {
        my %say = map { %$_ } map { $centre->logsql($_, %time) }
                  qw(totals viewers);
        $say{ $_->{outcome} } = $_->{views}
            for $centre->logsql('outcomes', %time);
        return \%say;
    }

    my ($say) = $centre->query('totals', %time);
    $say->{ $_->{outcome} } = $_->{views}
        for $centre->refresh->query('outcomes', %time);
    return $say;
}


# What VictoriaLogs has stored can be seen by queries some seconds later: waits
# until two answers in a row are the same.

sub centre_settles ($centre) {
    my $last = '';

    return wait_until(sub {
        sleep 3;
        my $say = centre_says($centre);
        my $now = join ' ', map { "$_=" . ($say->{$_} // '') } sort keys %$say;
        my $same = $now eq $last;
        $last = $now;
        return $same;
    }, 60);
}


sub table ($truth, $fleet, $centre, $title) {
    my ($edge, $middle) = (edges_say($fleet), centre_says($centre));
    my %is = (%$truth, %{ $truth->{outcomes} });
    my $format = "  %-20s %14s %14s %14s\n";

    printf "\n%s\n$format", $title, '', 'truth', 'sum of edges', 'centre';
    for my $row ([ 'views started', 'started' ],
                 [ 'playing, s', 'playing_ms', 1000 ], [ 'stalls', 'stalls' ],
                 [ 'completed', 'completed' ], [ 'played', 'played' ],
                 [ 'playback failure', 'playback_failure' ],
                 [ 'startup failure', 'startup_failure' ],
                 [ 'exit before start', 'exit_before_start' ],
                 [ 'distinct viewers', 'viewers' ])
    {
        my ($name, $key, $unit) = @$row;
        printf $format, $name, map { sprintf '%.0f', ($_->{$key} // 0)
                                     / ($unit // 1) } \%is, $edge, $middle;
    }
}


my ($collector, $why) = fleet_collector();
die "fleet: $why\n" if !$collector;
my $engine = engine();

say "starting $engine, a Collector and $edges edges";
my $centre = OpenQoE::Centre->new(
    engine => $engine,
    collector => $engine eq 'clickhouse' ? 'collector.yaml'
                                         : 'collector-victorialogs.yaml',
)->start;
my $fleet = OpenQoE::Fleet->new(edges => $edges,
                                endpoint => $centre->url)->start;

say "engine:  ", $centre->engine_url;
say "edge $_:  ", $fleet->nginx($_)->url('/v2/stats') for $fleet->all;

my ($end, $shown, @movers) = (time + $seconds, time);

while (!@movers || time < $end) {
    my $next = time + 5;
    push @movers, OpenQoE::Movers->new(sessions => $sessions, edges => $edges,
                                       first => @movers * $sessions,
                                       viewers => 5 * $sessions,
                                       seed => 1 + @movers);
    $movers[-1]->post(sub ($i, $events) { $fleet->post($i, $events) })
        or die "fleet: an edge refuses events\n";

    if (time - $shown > 15) {
        $shown = time;
        table(OpenQoE::Movers->together(@movers), $fleet, $centre,
              'While they watch (the last views are not over yet)');
    }

    my $rest = min($next, $end) - time;
    sleep $rest if $rest > 0;
}

$fleet->wait_final or die "fleet: the centre does not take all records\n";
centre_settles($centre) if $engine eq 'victorialogs';
table(OpenQoE::Movers->together(@movers), $fleet, $centre,
      "In the end: $edges edges, " . @movers * $sessions . ' sessions, '
      . OpenQoE::Movers->together(@movers)->{moved} . ' views moved');
say "\nA view that moves is one at the centre, and one more at each edge; a"
    . "\nviewer whom several edges see is one.  docs/fleet.md";

$fleet->stop;
$centre->stop;
