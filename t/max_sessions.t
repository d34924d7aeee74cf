#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# openqoe_max_sessions: how many sessions one request may have events of, and
# what becomes of the others.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

my $nginx = OpenQoE::Nginx->new(max_sessions => 64, location => <<'END');
        location = /three { openqoe_events; openqoe_max_sessions 3; }
        location = /strict {
            openqoe_events;
            openqoe_max_sessions 3;
            openqoe_validation strict;
        }
        location /outer {
            openqoe_max_sessions 2;
            location = /outer/in { openqoe_events; }
            location = /outer/own { openqoe_events; openqoe_max_sessions 1; }
        }
END
$nginx->start;


sub post ($path, @events) {
    my $r = http_post($nginx->port, $path, batch_json(\@events));
    return ($r->{status}, decode_json_text($r->{body}));
}


sub rejected () {
    my $r = http_get($nginx->port, '/v2/stats',
                     headers => { Accept => 'application/json' });
    return decode_json_text($r->{body})->{events}{rejected};
}


# n sessions, with an event each

sub sessions ($n) { map { event(session_id => "s$_") } 1 .. $n }


for my $case ([ '/v2/events', 64 ], [ '/three', 3 ], [ '/outer/in', 2 ],
              [ '/outer/own', 1 ])
{
    my ($path, $max) = @$case;
    my ($status, $json) = post($path, sessions($max));

    is($status, 202, "$path takes $max sessions in one request");
    is($json->{events_received}, $max, 'all of their events are accepted');

    ($status, $json) = post($path, sessions($max + 2), event(
        session_id => 's1'));
    is($status, 202, "$path takes the first $max of more sessions");
    is($json->{events_received}, $max + 1,
       'the last event, of the first session, is accepted');
    is($json->{events_rejected}, 2, 'the events of the other sessions are not');
    is_deeply($json->{errors}, [ map { {
        event => $max + $_, field => 'session_id',
        reason => "only the first $max sessions of a request are taken",
    } } 0, 1 ], 'each error names the event, the field and the reason');
}

is(rejected()->{sessions}, 8,
   'events past the limit of sessions are counted by themselves');
is(rejected()->{invalid}, 0,
   'events past the limit of sessions are not counted as invalid');

my ($status, $json) = post('/strict', sessions(4));
is($status, 400, 'a strict batch is refused as a whole');
is($json->{errors}[0]{field}, 'session_id',
   'the refusal of the strict batch has the same reason');
is_deeply([ @{ rejected() }{qw(sessions strict)} ], [ 9, 3 ],
          'the other events of the strict batch are counted as strict');

my $text = http_get($nginx->port, '/v2/stats?format=prometheus')->{body};
my ($n) = $text =~ /^openqoe_ingest_events_total\{
                    [^}]*reason="sessions"[^}]*\}\s(\d+)/mx;
is($n, 9, 'openqoe.ingest.events has a reason for these events');

is($nginx->stop('QUIT', 20) ? 1 : 0, 1, 'nginx exits by itself');
$nginx->no_errors;

done_testing;
