# Batches with invalid events: partial and strict, indexes and fields, the
# first twenty, the counters, and that what was refused does not leave.

use lib 't/lib';
use OpenQoE::Test;

my $nginx = OpenQoE::Nginx->new(location => <<'END')->start;
        location = /strict { openqoe_events; openqoe_validation strict; }
        location /in {
            openqoe_validation strict;
            location = /in/strict { openqoe_events; }
            location = /in/partial {
                openqoe_events;
                openqoe_validation partial;
            }
        }
END
my $oracle = OpenQoE::Oracle->new;
my %sum = map { $_ => 0 } qw(received accepted invalid strict 202 400);


sub bad (%set) { event(event_time => 1, %set) }


# Posts and keeps the books: which events of a batch are valid is told by
# their time.

sub post ($path, @events) {
    my $r = http_post($nginx->port, $path, batch_json(\@events));
    my $json = decode_json_text($r->{body});
    my @invalid = grep { ($_->{event_time} // 1) == 1 } @events;
    my @valid = grep { ($_->{event_time} // 1) != 1 } @events;
    my $taken = $r->{status} == 202;

    $sum{received} += @events;
    $sum{invalid} += @invalid;
    $sum{ $r->{status} }++;
    $sum{$taken ? 'accepted' : 'strict'} += @valid;

    $oracle->refused(map { event_id($_) } @invalid);
    $oracle->note(\@valid, $r);

    return ($r->{status}, $json);
}


sub indexes ($json) { join ' ', map { $_->{event} } @{ $json->{errors} } }


# --- partial, the default and by the directive

for my $path ('/v2/events', '/in/partial') {
    my ($status, $json) = post($path, event(), bad(), event(), event(), bad(),
                               bad());
    is($status, 202, "$path: a batch with invalid events is accepted in part");
    is_deeply([ sort keys %$json ], [ qw(errors events_received
              events_rejected message processing_time_ns success) ],
              'the answer has its five members');
    is($json->{events_received}, 3, 'the valid events are counted');
    is($json->{events_rejected}, 3, 'the invalid events are counted');
    is(indexes($json), '1 4 5', 'errors name events by their index');
    is($json->{errors}[0]{field}, 'event_time', 'an error has the field');
    ok(length $json->{errors}[0]{reason}, 'an error has a reason');
    is_deeply([ sort keys %{ $json->{errors}[0] } ], [ qw(event field reason) ],
              'an error has nothing else');

    ($status, $json) = post($path, event(), event());
    is($status, 202, 'a batch of valid events is accepted');
    ok(!exists $json->{$_},
       "its answer has no member $_") for qw(errors events_rejected);

    ($status, $json) = post($path, bad(), bad());
    is($status, 400, 'a batch without a valid event is refused');
    is($json->{message}, 'Validation failed',
       'the message says that the validation failed');
    is(indexes($json), '0 1', 'each invalid event is named');
    ok(!exists $json->{events_received}, 'no event is received');
}

# each error names its own field; an event has one for each of its faults

{
    my (undef, $json) = post('/v2/events', event(),
        bad(event_time => undef), bad(org_id => ''), event(),
        bad(device => 'x', event_time => 1));
    is(indexes($json), '1 2 2 4 4', 'different errors');
    is($json->{errors}[0]{field}, 'event_time', 'an absent field');
    is(join(' ', map { $_->{field} } @{ $json->{errors} }),
       'event_time event_time org_id event_time device',
       'an error for each fault of an event');
}

# twenty, of more

for my $n (19, 20, 21, 500) {
    my @batch = ((map { event() } 1 .. 3), (map { bad() } 1 .. $n), event());
    my ($status, $json) = post('/v2/events', @batch);
    my $named = $n < 20 ? $n : 20;

    is($status, 202, "a batch with $n invalid events is accepted in part");
    is($json->{events_received}, 4, 'its valid events are counted');
    is($json->{events_rejected}, $n, 'all of its invalid events are counted');
    is(indexes($json), join(' ', 3 .. 2 + $named),
       'the first of its invalid events are named');
}

{
    my ($status, $json) = post('/v2/events', map { bad() } 1 .. 1000);
    is($status, 400, 'a batch of a thousand invalid events is refused');
    is(indexes($json), join(' ', 0 .. 19),
       'the first twenty of them are named');
}

# --- strict

for my $path ('/strict', '/in/strict') {
    my ($status, $json) = post($path, event(), event(), bad(), event());
    is($status, 400, "$path: a batch with an invalid event is refused");
    is($json->{success} ? 1 : 0, 0, 'a refusal is no success');
    is($json->{message}, 'Validation failed',
       'the message says that the validation failed');
    is(indexes($json), '2', 'the invalid event is named');
    ok(!exists $json->{events_received}, 'no event is received');

    ($status, $json) = post($path, event(), event());
    is($status, 202, 'strict: a batch of valid events is accepted');
    is($json->{events_received}, 2, 'strict: both valid events are counted');

    ($status, $json) = post($path, event(), map { bad() } 1 .. 30);
    is($status, 400, 'strict: a batch of many invalid events is refused');
    is(indexes($json), join(' ', 1 .. 20), 'strict: twenty of them are named');
}

# --- the books

$oracle->wait_delivered($nginx->out_file);

my $stats = decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
my $events = $stats->{events};

is($events->{received}, $sum{received}, 'the stats count received events');
is($events->{accepted}, $sum{accepted}, 'the stats count accepted events');
is($events->{rejected}{invalid}, $sum{invalid},
   'the stats count invalid events');
is($events->{rejected}{strict}, $sum{strict},
   'the stats count valid events that strict validation refused');
is($stats->{requests}{$_}, $sum{$_},
   "the stats count answers with $_") for 202, 400;
is($events->{received}, $events->{accepted} + $events->{rejected}{invalid}
   + $events->{rejected}{strict}, 'the stats of events add up');

ok($nginx->stop, 'nginx exits in order');
$oracle->delivered_file($nginx->out_file);
$oracle->is_exactly_once('the valid ones arrive, no other does');
$nginx->no_errors;

done_testing;
