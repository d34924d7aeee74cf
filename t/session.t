#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# $openqoe_session: the session of a request, from the query, a header or the
# marker cookie, and edges chosen by it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

my $marker = '01a2097c-f12b-4490-8c29-c01d6946dc22';


# Without a zone: only the variable of the module is used.

my @ports = free_ports(3);
my $servers = join "\n", map {
    "server { listen 127.0.0.1:$_; location / { return 200 '$_'; } }" } @ports;
my $upstream = join ' ', map { "server 127.0.0.1:$_;" } @ports;
my $nginx = OpenQoE::Nginx->new(
    zone => undef, exporter => undef, birth => undef,
    http => "upstream edges { hash \$openqoe_session consistent; $upstream }\n"
            . $servers,
    locations => <<'END');
        location = /show { return 200 "[$openqoe_session]"; }
        location = /again {
            set $args "session_id=changed";
            return 200 "[$openqoe_session]";
        }
        location = /header {
            add_header X-Session $openqoe_session;
            return 200 "";
        }
        location / { proxy_pass http://edges; }
END
$nginx->start;


sub show ($query, %headers) {
    my $r = http_get($nginx->port, "/show$query", headers => \%headers);
    return $r->{body};
}

my @session = ('X-OpenQoE-Session' => 'from-header');
my @cookie = (Cookie => "a=b; marker=$marker");

is(show(''), '[]', 'without a session the variable is empty');
is(show('?session_id=one'), '[one]', 'the argument session_id is the session');
is(show('?a=b&session_id=one&c=d'), '[one]',
   'the argument may be among others');
is(show('?session_id=a%2Db%c3%a4'), "[a-b\xc3\xa4]",
   'the argument is decoded, so that a header with the same id is equal');
is(show('', @session), '[from-header]', 'the header is the session');
is(show('', 'x-openqoe-session' => 'lower'), '[lower]',
   'the case of the header does not matter');
is(show('', @cookie), "[$marker]", 'the marker is the session');
is(show('', Cookie => 'marker=' . uc $marker), "[$marker]",
   'the marker is written in one way');
is(show('?session_id=one', @session, @cookie), '[one]',
   'the argument wins over header and marker');
is(show('', @session, @cookie), '[from-header]',
   'the header wins over the marker');

is(show('?session_id=', @session), '[from-header]',
   'an empty argument is none');
is(show('?session_id=' . 's' x 256), '[' . 's' x 256 . ']',
   'an id may have 256 bytes');
is(show('?session_id=' . '%73' x 256), '[' . 's' x 256 . ']',
   'an id may have 256 bytes after it is decoded');
is(show('?session_id=' . 's' x 257, @session), '[from-header]',
   'a longer argument is none');
is(show('?session_id=' . '%73' x 257), '[]',
   'a longer argument is none after it is decoded');
is(show('', 'X-OpenQoE-Session' => 's' x 257), '[]',
   'a longer header is none');
is(show("?session_id=a%${_}b"), '[]', "an argument with %$_ is none")
    for qw(00 0a 0D 1f 7f);
is(show('', Cookie => "marker=$_"), '[]', "a marker that is $_ is none")
    for 'x', '00000000-0000-0000-0000-000000000000', "${marker}0";
is(http_get($nginx->port, '/again?session_id=first')->{body}, '[changed]',
   'the variable follows a changed query');

my $r = http_get($nginx->port, '/header?session_id=a%0d%0aSet-Cookie:%20b');
is($r->{headers}{'set-cookie'}, undef,
   'a session makes no header of its own');


# --- edges

sub edge ($path, %opt) {
    return http_get($nginx->port, $path, %opt)->{body};
}

my (%of, %used);

for my $n (1 .. 60) {
    $of{$n} = edge("/v2/events?session_id=s-$n");
    $used{ $of{$n} }++;
}

is(join(' ', sort keys %used), join(' ', sort @ports),
   'sessions are spread over all edges');

my @moved = grep {
    edge("/other?x=y&session_id=s-$_") ne $of{$_}
        || edge('/v2/events', headers => { 'X-OpenQoE-Session' => "s-$_" })
           ne $of{$_}
} 1 .. 60;
is("@moved", '', 'each session stays at its edge, by argument and by header');

is(http_post($nginx->port, '/v2/events?session_id=s-7', '{}' x 9)->{body},
   $of{7}, 'a POST goes there, too');


ok($nginx->stop, 'nginx stops by itself');
$nginx->no_errors;

done_testing;
