# The marker cookie: issued, kept, replaced; its attributes; the attribute of
# the log record.

use lib 't/lib';
use OpenQoE::Test;
use OpenQoE::Peers qw(otlp_file_logs);

my $nginx = OpenQoE::Nginx->new(workers => 2, locations => <<'END')->start;
        location = /v2/events { openqoe_events; openqoe_marker on; }
        location = /off { openqoe_events; }
        location = /off/too { openqoe_events; openqoe_marker off; }
        location /domain/ {
            openqoe_marker on;
            openqoe_marker_domain .example.org;
            location /domain/in { openqoe_events; }
        }
        location "/a path;x" { openqoe_events; openqoe_marker on; }
        location ^~ /prefix { openqoe_events; openqoe_marker on; }
        location = /key { openqoe_events; openqoe_marker on;
                          openqoe_api_key k; }
        location = /v2/health { openqoe_health; openqoe_marker on; }
END

my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-
              [0-9a-f]{12}/x;


# the cookie's (value, rest) and the events that were sent

sub post ($path, $cookie = undef, $events = batch(1)) {
    my $r = http_post($nginx->port, $path, batch_json($events), headers =>
                      { defined $cookie ? (Cookie => $cookie) : () });
    my ($value, $rest) = ($r->{headers}{'set-cookie'} // '')
                         =~ /^marker=([^;]*)(.*)$/;
    return ($value, $rest, $events, $r);
}


# the log records of these events

sub records (@events) {
    my %ids = map { event_id($_) => 1 } @events;
    my @found;

    wait_until(sub {
        @found = grep { encode_json_text($_->{record}) =~ /oqid-([\w-]+)/
                        && $ids{$1} } otlp_file_logs($nginx->out_file);
        return @found == @events;
    });
    return @found;
}


# --- a new marker

my ($value, $rest, $events, $r) = post('/v2/events', undef, batch(3));

is($r->{status}, 202, 'a request without a cookie is accepted');
like($value // '', qr/^$uuid$/, 'the cookie is a UUID of version 7');
is($rest, '; Path=/v2/events; Max-Age=31536000; HttpOnly; Secure; '
          . 'SameSite=None', 'the cookie has its attributes');
is((() = $r->{raw_headers} =~ /^Set-Cookie:/mgi), 1,
   'there is a single Set-Cookie header');

my $ms = hex(substr $value, 0, 8) * 65536 + hex(substr $value, 9, 4);
cmp_ok(abs($ms / 1000 - time), '<', 60, 'the UUID has the present time');

my @records = records(@$events);
is(scalar @records, 3, 'the events are exported');
is($_->{attr}{marker}, $value, 'each event has the marker') for @records;

my %seen = map { ((post('/v2/events'))[0] => 1) } 1 .. 40;
is(scalar keys %seen, 40, 'no two markers are alike');


# --- a marker that comes with the request

my $mine = '01890a5d-ac96-774b-bcce-b302099a8057';

($value, undef, $events) = post('/v2/events', "a=b; marker=$mine; c=d");
is($value, $mine, 'a valid marker is kept');
is((records(@$events))[0]{attr}{marker}, $mine, 'a valid marker is exported');

for my $cookies ("marker=$mine", "a=b;marker=$mine", "a=\"b\"; ;  marker=$mine;",
                 "a=b\r\nCookie: marker=$mine; c=d",
                 "Marker=x; marker=$mine; marker=y")
{
    ($value) = post('/v2/events', $cookies);
    is($value, $mine, 'a valid marker is found in ' . $cookies =~ s/\s+/ /gr);
}

my %invalid = (
    empty => '', short => substr($mine, 1), long => "${mine}0",
    'no hexadecimal digit' => $mine =~ s/d/g/r,
    'without dashes' => $mine =~ s/-//gr,
    'dashes elsewhere' => $mine =~ s/d-a/-da/r, braces => "{$mine}",
    'another text' => 'x' x 36, quoted => "\"$mine\"", urn => "urn:uuid:$mine",
    'with a blank' => "$mine x", 'the nil UUID' =>
        '00000000-0000-0000-0000-000000000000',
    script => '<script>alert(1)</script>',
);

for my $name (sort keys %invalid) {
    ($value, undef, $events) = post('/v2/events', "marker=$invalid{$name}");
    ok($value =~ /^$uuid$/ && $value ne $mine, "replaced: $name")
        or diag($value);
    is((records(@$events))[0]{attr}{marker}, $value,
       'the new marker is exported')
        if $name =~ /^[sn]/;
}

($value) = post('/v2/events', "Xmarker=$mine; markers=$mine; xmarker=$mine");
isnt($value, $mine, 'a cookie of another name is no marker');


# --- where there is no marker, and what else decides

for my $path ('/off', '/off/too') {
    ($value, undef, $events, $r) = post($path, "marker=$mine");
    is($r->{status}, 202, "$path accepts the request");
    is($r->{headers}{'set-cookie'}, undef, "$path sets no cookie");
    ok(!exists((records(@$events))[0]{attr}{marker}),
       "$path exports no marker");
}

(undef, $rest) = post('/domain/in');
is($rest, '; Path=/domain/in; Domain=.example.org; Max-Age=31536000; '
          . 'HttpOnly; Secure; SameSite=None',
   'the cookie has the domain that the location inherits');
(undef, $rest) = post('/prefix/and/more');
like($rest, qr{^; Path=/prefix;}, "the cookie's path is that of the location");
(undef, $rest) = post('/a%20path;x');
like($rest, qr{^; Path=/;},
     "the cookie's path is / where the location's cannot stand in a cookie");

for (['/key', batch(1), 401], ['/v2/events', [], 400],
     ['/v2/events', [ event(event_type => undef) ], 400])
{
    (undef, undef, undef, $r) = post($_->[0], undef, $_->[1]);
    is($r->{status}, $_->[2], "a request is refused with $_->[2]");
    is($r->{headers}{'set-cookie'}, undef, 'a refused request sets no cookie');
}

is(http_get($nginx->port, '/v2/health')->{headers}{'set-cookie'}, undef,
   'health sets no cookie');

ok($nginx->stop, 'nginx exits in order');
$nginx->no_errors;

done_testing;
