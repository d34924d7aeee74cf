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
    is($status, 202, "$path: taken in part");
    is_deeply([ sort keys %$json ], [ qw(errors events_received
              events_rejected message processing_time_ns success) ], 'members');
    is($json->{events_received}, 3, 'the valid ones');
    is($json->{events_rejected}, 3, 'the others');
    is(indexes($json), '1 4 5', 'by index');
    is($json->{errors}[0]{field}, 'event_time', 'with a field');
    ok(length $json->{errors}[0]{reason}, 'and a reason');
    is_deeply([ sort keys %{ $json->{errors}[0] } ], [ qw(event field reason) ],
              'and nothing else');

    ($status, $json) = post($path, event(), event());
    is($status, 202, 'taken whole');
    ok(!exists $json->{$_}, "no $_") for qw(errors events_rejected);

    ($status, $json) = post($path, bad(), bad());
    is($status, 400, 'none is valid');
    is($json->{message}, 'Validation failed', 'the message');
    is(indexes($json), '0 1', 'each is named');
    ok(!exists $json->{events_received}, 'nothing was received');
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

    is($status, 202, "$n invalid ones");
    is($json->{events_received}, 4, 'accepted');
    is($json->{events_rejected}, $n, 'rejected, all of them');
    is(indexes($json), join(' ', 3 .. 2 + $named), 'the first named');
}

{
    my ($status, $json) = post('/v2/events', map { bad() } 1 .. 1000);
    is($status, 400, 'a thousand invalid ones');
    is(indexes($json), join(' ', 0 .. 19), 'the first twenty named');
}

# --- strict

for my $path ('/strict', '/in/strict') {
    my ($status, $json) = post($path, event(), event(), bad(), event());
    is($status, 400, "$path: refused");
    is($json->{success} ? 1 : 0, 0, 'no success');
    is($json->{message}, 'Validation failed', 'the message');
    is(indexes($json), '2', 'the invalid one named');
    ok(!exists $json->{events_received}, 'none received');

    ($status, $json) = post($path, event(), event());
    is($status, 202, 'all valid: taken');
    is($json->{events_received}, 2, 'both');

    ($status, $json) = post($path, event(), map { bad() } 1 .. 30);
    is($status, 400, 'many invalid ones');
    is(indexes($json), join(' ', 1 .. 20), 'twenty named');
}

# --- the books

$oracle->wait_delivered($nginx->out_file);

my $stats = decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
my $events = $stats->{events};

is($events->{received}, $sum{received}, 'received');
is($events->{accepted}, $sum{accepted}, 'accepted');
is($events->{rejected}{invalid}, $sum{invalid}, 'invalid');
is($events->{rejected}{strict}, $sum{strict}, 'valid, refused by strict');
is($stats->{requests}{$_}, $sum{$_}, "answers with $_") for 202, 400;
is($events->{received}, $events->{accepted} + $events->{rejected}{invalid}
   + $events->{rejected}{strict}, 'they add up');

ok($nginx->stop, 'quits');
$oracle->delivered_file($nginx->out_file);
$oracle->is_exactly_once('the valid ones arrive, no other does');
$nginx->no_errors;

done_testing;
