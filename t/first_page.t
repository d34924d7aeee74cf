#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The first page, as conf/openqoe.conf serves it: in Chromium the clip plays
# without a click, its buttons throttle, seek and fail, the module counts what
# they did, and the live page beside the clip shows it.  Nothing but the files of examples/ is
# served, and the page asks no other host.
#
# OPENQOE_PICTURES=dir writes a screenshot there.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);

use OpenQoE::Test;

use OpenQoE::Peers qw(browse node_dir program);

my $top = "$FindBin::Bin/..";
my $user = getpwuid $>;


# conf/openqoe.conf in a directory like that of "./build.sh run".

sub make_nginx () {
    my $nginx = OpenQoE::Nginx->new;
    my $dir = $nginx->dir;
    my $conf = slurp("$top/conf/openqoe.conf");

    mkdir "$dir/tmp";
    symlink "$top/examples", "$dir/examples" or die "examples: $!\n";

    $conf =~ s/^load_module .*;/load_module $ENV{TEST_NGINX_OPENQOE_MODULE};/m;
    $conf =~ s/listen 8788/listen 127.0.0.1:@{[ $nginx->port ]}/;
    $conf =~ s{^ +openqoe_exporter \{\n}
              {$&        endpoint file://@{[ $nginx->out_file ]};\n}m;
    $conf = "user $user;\n$conf" if $> == 0;
    $nginx->write_config(raw => "daemon off;\n$conf");

    return $nginx->start;
}


my $nginx = make_nginx();
my $http = $nginx->http;


# A counter, the sum of its series whose labels match.

sub sum_of ($name, $labels = qr//) {
    my $text = $http->request('GET', '/v2/stats?format=prometheus')->{body};

    return sum0(map { (split ' ')[-1] } grep { $_ =~ $labels }
                $text =~ /^($name\{.*)$/mg);
}


is($http->request('GET', '/')->{status}, 200, 'the first page is served');
is($http->request('GET', "/$_")->{status}, 404, "nothing else is served: /$_")
    for qw(build.sh nginx.conf error.log tmp conf/openqoe.conf);
is($http->request('GET', '/../nginx.conf')->{status}, 400,
   'no path leads out of examples/');
is($http->request($_, '/index.html')->{status}, 405, "$_ changes no page")
    for qw(PUT DELETE POST);

SKIP: {
    my $chromium = program('chromium');
    skip('no chromium', 1) if !$chromium;
    node_dir();

    my $pictures = $ENV{OPENQOE_PICTURES};
    my $seen = browse('examples/first.js', 240,
                      page => $nginx->url('/') =~ s/127\.0\.0\.1/localhost/r,
                      picture => $pictures && "$pictures/first-page.png");

    ok($seen, 'the clip plays, stalls, seeks, fails and plays again, and the'
       . ' live page beside it moves with that') or last;
    is_deeply($seen->{errors}, [], 'no script had an error');
    is_deeply($seen->{refused}, [], 'the policy of the page refused nothing');
    like($seen->{failed}, qr/failed: 404/, 'the page says why the play failed');
    is_deeply($seen->{hosts}, ['localhost:' . $nginx->port],
              'the page asks no other host');

    my $stats;
    ok(wait_until(sub {
           my $r = $http->request('GET', '/v2/stats');
           $stats = decode_json_text($r->{body});
           return $stats->{views}{started} == 2;
       }, 20), 'the module saw both plays start');
    is($stats->{events}{rejected}{invalid}, 0, 'it took every event');
    is($stats->{events}{unknown_keys}, 0, 'no event had a key that no field has');

    is($seen->{watched}, 1, 'the live page beside the clip shows its viewer');

    ok(wait_until(sub { sum_of("openqoe_$_") == 1 }, 30),
       "the module counts openqoe_$_")
        for qw(rebuffer_events_total seek_total errors_total
               experience_attempts_total);

    my $cmcd = $stats->{cmcd};
    cmp_ok($cmcd->{sets}, '>', 10, 'the requests for segments have CMCD');
    is(sum0(values %{ $cmcd->{ignored} }), 0, 'nothing of their CMCD is left out');
    cmp_ok($cmcd->{without}, '>', 0,
           'the playlists, which have no CMCD, count as delivery');
    is($cmcd->{sessions}{begun}, 1,
       'both plays are one session of requests, as they are one of events');
    ok(wait_until(sub { sum_of('openqoe_delivery_requests_total',
                               qr/ot="v"/) > 10 }, 30),
       'the module counts the requests for segments of video');
}

is($http->request('POST', '/v2/cmcd', headers => { 'Content-Type' =>
                  'application/cmcd' }, body => 'e=ps,sid="a",sn=0,sta=s,ts='
                  . int(1000 * time) . ',v=2')->{status}, 204,
   'a report of CMCD is taken');

ok($nginx->stop, 'nginx exits by itself');

done_testing;
