# Every body of t/data/corpus.tsv over HTTP: the status, the counts, and the
# first error's event, field and reason; then the counters against the tally
# of the answers, and the worker that took all of it.

use lib 't/lib';
use OpenQoE::Test;
use OpenQoE::Corpus;
use OpenQoE::HTTP;

my @cases = OpenQoE::Corpus->cases;
my $nginx = OpenQoE::Nginx->new(workers => 1, zone => 'qoe:16m',
    exporter => 'endpoint file:///dev/null;',
    events => 'client_max_body_size 4m;')->start;
my @workers = $nginx->worker_pids;
my $kept = $nginx->http(timeout => 5);

my %tally = map { $_ => 0 } qw(requests accepted invalid 202 400 413 415);


sub request_of ($case) {
    my %headers = %{ $case->{headers} };
    $headers{'Content-Length'} = $case->{length} if defined $case->{length};
    return (headers => \%headers, body => $case->{body});
}


# Only what is framed as it says may be followed by another request.

sub answer ($case) {
    return $kept->request('POST', '/v2/events', request_of($case))
        if !defined $case->{length};
    return http_request($nginx->port, 'POST', '/v2/events',
                        request_of($case));
}


sub hangs ($case) {
    my $client = $nginx->http(timeout => 0.3);
    my $answer = $client->request('POST', '/v2/events', request_of($case));
    $client->close;
    return !defined $answer;
}


# What differs from what the case says; an empty list if nothing does.

sub differences ($case, $status, $body) {
    my $json = decode_json_text($body);
    my %first = %{ $json->{errors}[0] // {} };
    my @wrong;

    my $is = sub ($what, $got, $want) {
        push @wrong, "$what '" . ($got // 'none') . "', not '"
                     . ($want // 'none') . "'"
            if ($got // "\0") ne ($want // "\0");
    };

    $is->(status => $status, $case->{status});
    return @wrong if $case->{flags}{nginx} || @wrong;
    return 'the body is not JSON' if !$json;

    $is->(success => $json->{success} ? 1 : 0, $status == 202 ? 1 : 0);
    $is->(accepted => $json->{events_received}, $case->{accepted})
        if defined $case->{accepted};
    $is->(rejected => $json->{events_rejected} // 0, $case->{rejected})
        if defined $case->{rejected};

    if (defined $case->{reason}) {
        $is->(event => $first{event}, $case->{event});
        $is->(field => $first{field}, $case->{field})
            if defined $case->{field};
        push @wrong, "reason '" . ($first{reason} // 'none')
                     . "', not '$case->{reason}'"
            if index($first{reason} // '', $case->{reason}) < 0;
    } elsif ($status == 202) {
        $is->(errors => scalar @{ $json->{errors} // [] }, 0);
    }

    return @wrong;
}


# The events of a body that was refused: an error of the body's JSON has no
# event, one in "events" or in an event concerns all of them, of which the
# answer names twenty.

sub refused_events ($case, $json) {
    my @errors = @{ $json->{errors} // [] };
    my $of_events = grep { defined $_->{event} || $_->{field} eq 'events' }
                    @errors;
    my $body = decode_json_text($case->{body});
    my $list = ref $body eq 'HASH' ? $body->{events} : undef;

    return 0 if !$of_events;
    return ref $list eq 'ARRAY' ? @$list
           : grep { defined $_->{event} } @errors;
}


# What nginx refuses before it looks for a location is not counted; by the
# location's client_max_body_size it is.

sub count ($case, $r) {
    my $json = decode_json_text($r->{body});

    $tally{requests}++;
    $tally{ $r->{status} }++;
    $tally{accepted} += $json->{events_received} // 0;
    $tally{invalid} += $json->{success} ? $json->{events_rejected} // 0
                                        : refused_events($case, $json);
}


my %flags;

for my $case (@cases) {
    $flags{$_}++ for keys %{ $case->{flags} };

    if ($case->{flags}{hang}) {
        ok(hangs($case), "$case->{name}: nginx waits for the rest");
        $tally{requests}++;
        next;
    }

    my $r = answer($case);
    my @wrong = $r ? differences($case, $r->{status}, $r->{body})
                   : 'no answer';
    ok(!@wrong, $case->{name}) or diag(join '; ', @wrong);
    count($case, $r)
        if $r && !($case->{flags}{nginx} && $r->{status} == 400);
}

cmp_ok(scalar @cases, '>=', 220, scalar(@cases) . ' bodies');
cmp_ok($flags{$_} // 0, '>', 0,
       "the corpus has bodies that are $_") for qw(http nginx hang);


# --- afterwards

my $stats = decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
my ($events, $requests) = @$stats{qw(events requests)};

is($requests->{received}, $tally{requests},
   'all requests are counted as received');
is($requests->{$_}, $tally{$_}, "requests answered with $_ are counted")
    for qw(202 400 413 415);
is($requests->{$_}, 0,
   "no request is answered with $_") for qw(401 405 500 503);
is($events->{accepted}, $tally{accepted}, 'accepted events are counted');
is($events->{rejected}{invalid}, $tally{invalid},
   'rejected events are counted');
is($events->{rejected}{$_}, 0,
   "no event is rejected as $_") for qw(strict overload error);
is($events->{received}, $tally{accepted} + $tally{invalid},
   'received events are all events');
is($stats->{queue}{lanes}[0]{produced} > 0, 1,
   'accepted events went through the queue');

ok(wait_until(sub {
    decode_json_text(http_get($nginx->port, '/v2/stats')->{body})
        ->{exporter}{exported} == $tally{accepted};
}), 'all accepted events are exported');

is_deeply([ $nginx->worker_pids ], \@workers,
          'the same worker served all requests');
$kept->close;
ok($nginx->stop, 'nginx exits in order');
$nginx->no_errors;

done_testing;
