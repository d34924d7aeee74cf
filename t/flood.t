#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Made-up values fill the table of series, in a zone of 16 MB: new series of
# known values still find a place, and so do those of a new org.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);
use Time::HiRes qw(sleep);

use OpenQoE::Test;

use OpenQoE::Prometheus qw(prometheus_text);

use constant EVENTS => 100;              # of a request

my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:16m')->start;


sub post (@events) {
    my $r = http_post($nginx->port, '/v2/events', batch_json(\@events));
    return $r ? $r->{status} : 0;
}


# Eight new values of each dimension are as many as a request may bring: any
# combination of them is a series.

my $forged = 0;

sub forge () {
    my $n = $forged++;
    return post(map {
        event(org_id => "o$n-" . $_ % 8, player_id => "p$n-" . ($_ >> 3) % 8,
              app_name => "a$n-" . ($_ >> 6))
    } 1 .. EVENTS);
}


sub viewer ($org, $type) {
    return post(event(org_id => $org, player_id => 'web', app_name => 'site',
                      event_type => $type));
}


# Events of an org and type that are in series of their own.

sub counted ($org, $type) {
    my $r = http_get($nginx->port, '/v2/stats?format=prometheus',
                     timeout => 20);
    my $text = prometheus_text($r->{body});
    my $labels = $text->{labels};

    return sum0(map { $text->{samples}{$_} } grep {
        /^openqoe_events_total\{/
        && ($labels->{$_}{org_id} // '') eq $org
        && ($labels->{$_}{event_type} // '') eq $type
    } keys %$labels);
}


# Each second in which events are applied counts once.

for my $n (1 .. 4) {
    viewer('real', 'heartbeat');
    ok(wait_until(sub { counted('real', 'heartbeat') == $n }, 20),
       "event $n of a known org is counted");
    sleep 1.1;
}

my $full = wait_until(sub {
    forge() for 1 .. 10;
    return $nginx->stats->{series}{overflow} > 2000;
}, 120);
ok($full, "$forged requests of " . EVENTS
          . ' events with made-up values fill the table of series')
    or diag explain $nginx->stats->{series};

viewer('real', 'seek') for 1 .. 5;
ok(wait_until(sub { counted('real', 'seek') == 5 }, 20),
   'during the flood a new series of known values has its place');

my $sent = 0;
ok(wait_until(sub {
    forge();
    viewer('newcomer', 'pause');
    $sent++;
    sleep 1.1;
    return counted('newcomer', 'pause') > 0;
}, 60), 'a new org gets its series while made-up values come')
    or diag explain $nginx->stats->{dimensions}{org_id};

my $before = counted('newcomer', 'pause');
for (1 .. 5) {
    forge();
    viewer('newcomer', 'pause');
}

ok(wait_until(sub { counted('newcomer', 'pause') >= $before + 5 }, 20),
   "the new org keeps its series (after $sent viewers)");

my $series = $nginx->stats->{series};
cmp_ok($series->{overflow}, '>', 0,
       "values that found no place are counted ($series->{overflow})");

ok($nginx->stop('QUIT', 20), 'nginx exits by itself');
$nginx->no_errors;

done_testing;
