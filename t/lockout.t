#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Requests with made-up values, and with made-up sessions: the values of real
# viewers keep their series, new values get theirs, and views stay open.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);
use Time::HiRes qw(sleep time);

use OpenQoE::Test;

use OpenQoE::Prometheus qw(prometheus_text);

use constant { REQUESTS => 40, EVENTS => 60 };

my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:16m',
    max_sessions => 64, http => <<'HTTP', location => <<'END');
    openqoe_max_new_values 8;
    openqoe_dimension org_id allow max=50;
    openqoe_dimension app_name allow max=3 values=app-a,app-b;
HTTP
        location = /strict { openqoe_events; openqoe_validation strict; }
END
$nginx->start;


sub post ($path, @events) {
    my $r = http_post($nginx->port, $path, batch_json(\@events));
    return $r ? $r->{status} : 0;
}


# Events with values of their own, of a session of its own.  The other
# dimensions are left alone: this attack is not aimed at the number of series.

sub forged () {
    state $n = 0;
    my $x = sprintf '%07d', $n++ * 7919 % 10_000_000;

    return event(org_id => "o$x", env => "e$x", app_name => "a$x",
                 device => { category => "d$x" });
}


# An event of a real customer, by the customer's number.

my %posted;

sub real ($i, %set) {
    $posted{$i}++;
    return event(org_id => "real-$i", env => "env-$i",
                 device => { category => "device-$i" }, app_name => 'app-a',
                 %set);
}


# The events in series where the customer has values of its own.

sub counted ($i) {
    my $r = http_get($nginx->port, '/v2/stats?format=prometheus',
                     timeout => 20);
    my $text = prometheus_text($r->{body});
    my $labels = $text->{labels};

    return sum0(map { $text->{samples}{$_} } grep {
        my $l = $labels->{$_};
        /^openqoe_events_total\{/ && ($l->{org_id} // '') eq "real-$i"
        && ($l->{env} // '') eq "env-$i"
        && ($l->{device_category} // '') eq "device-$i"
    } keys %$labels);
}


sub all_counted (@customers) {
    return wait_until(sub {
        !grep { counted($_) != $posted{$_} } @customers;
    }, 20);
}


# --- refused events

my $bad = 0;
$bad += (post('/strict', (map { forged() } 1 .. 50), event(event_time => 1))
         != 400) for 1 .. 20;
is($bad, 0, 'strict batches with one invalid event are refused');

my $dimensions = $nginx->stats->{dimensions};
is($dimensions->{org_id}{count}, 0, 'no org_id of a refused batch has a place');
is($dimensions->{org_id}{overflow}, 0,
   'no org_id of a refused batch counts as an overflow');


# --- content types: a page may call its stream anything

post('/v2/events', map { event(org_id => 'forger',
                               video => { stream_type => "forged-$_" }) }
                   1 .. 6);
ok(wait_until(sub {
    $nginx->stats->{dimensions}{content_type}{overflow} == 4
}, 20), 'of six forged content types in a request four become other');
is($nginx->stats->{dimensions}{content_type}{count}, 2,
   'the places that vod and live may need are not counted');

post('/v2/events', event(org_id => 'streams',
                         video => { stream_type => $_ })) for qw(vod live);

ok(wait_until(sub {
    my $text = http_get($nginx->port, '/v2/stats?format=prometheus')->{body};
    return 2 == grep { $text =~ /^openqoe_events_total\{(?=[^}]*org_id="streams")
                                 [^}]*content_type="$_"/mx } qw(vod live);
}, 20), 'the vod and live of real viewers have series of their own after that');


# --- known values

my @customers = 1 .. 5;

# Each second in which events are applied counts once.

for (1 .. 3) {
    is(post('/v2/events', map { real($_) } @customers), 202,
       'real customers\' events are accepted');
    ok(all_counted(@customers),
       'real customers have series of their own at once');
    sleep 1.1;
}

my %viewer = (session_id => uuid(), view_id => uuid());
post('/v2/events', real(1, %viewer));
ok(all_counted(1), "the viewer's event is counted");
sleep 2.1;
post('/v2/events', real(1, %viewer));


# --- the attack

for my $n (1 .. REQUESTS) {
    $bad += (post('/v2/events', map { forged() } 1 .. EVENTS) != 202);
    post('/v2/events', map { real($_) } @customers) if $n % 10 == 0;
}

is($bad, 0, 'the made-up events are accepted');
ok(all_counted(@customers),
   'all events of real customers are in the series of their own')
    or diag explain { map { $_ => [ counted($_), $posted{$_} ] } @customers };

$dimensions = $nginx->stats->{dimensions};
is($dimensions->{env}{count}, 10, 'the places of env are all taken');
cmp_ok($dimensions->{env}{overflow}, '>=', REQUESTS * EVENTS * 0.9,
       'made-up values that found no place are counted');


# --- customers who come during the attack

$posted{6} = 0;
my $own = wait_until(sub {
    post('/v2/events', map { forged() } 1 .. EVENTS);
    post('/v2/events', real(6));
    sleep 1.1;
    return counted(6) > 0;
}, 60);
ok($own, 'a new customer gets a series of his own while the attack goes on');

# Events of this customer may still wait in the queue.
ok(wait_until(sub { $nginx->stats->{queue}{events} == 0 }, 20),
   'all events so far are applied');
my $before = counted(6);
$posted{6} = 0;
post('/v2/events', map { forged() } 1 .. EVENTS);
post('/v2/events', real(6));
ok(wait_until(sub { counted(6) == $before + 1 }, 20),
   'a new customer keeps that series');

post('/v2/events', real(1, app_name => 'app-b'));
ok(wait_until(sub {
    http_get($nginx->port, '/v2/stats?format=prometheus')->{body}
    =~ /^openqoe_events_total\{[^}]*app_name="app-b"/m;
}, 20), 'a value that is pinned has its place when it is first seen');


# --- sessions: many times what the table holds

my $views = $nginx->stats->{views};
my $ids = 0;
for (1 .. 1 + $views->{capacity} * 3 / 64) {
    post('/v2/events', map { event(org_id => 'crowd') } 1 .. 64);
    $ids += 64;
}

ok(wait_until(sub {
    $nginx->stats->{views}{started} >= $views->{started} + $ids
}, 60), "$ids sessions began, in a table for $views->{capacity}");

my $started = $nginx->stats->{views}{started};
post('/v2/events', real(1, %viewer));
ok(all_counted(1), 'another event of the viewer is counted');
is($nginx->stats->{views}{started}, $started,
   'that event is of the view that was there before the crowd');
cmp_ok($nginx->stats->{views}{closed_early}, '>=', $ids / 2,
       'the views that were closed early are those of the crowd');

is($nginx->stats->{events}{rejected}{sessions}, 0,
   'no request had more sessions than it may have');

ok($nginx->stop('QUIT', 20), 'nginx exits by itself');
$nginx->no_errors;

done_testing;
