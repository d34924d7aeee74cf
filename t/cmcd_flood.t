#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# A flood of requests whose CMCD has forged sids and cids: sessions, series and
# the tap stay within their bounds, events are accepted as ever, each request is
# served, and an honest session keeps its place.  OPENQOE_ATTACK_SECONDS is how
# long it lasts (3).

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(max);

use OpenQoE::Prometheus qw(prometheus_text);

use constant { SERIES => 2000 };

my $seconds = $ENV{OPENQOE_ATTACK_SECONDS} // 3;
my $root = scratch_dir('media');
chmod 0755, $root;
write_file("$root/segment.m4s", 'x' x 1000);

write_file("$root/forge.lua", <<'END');
-- each request is of another session and of other content
local n = 0
function request()
    n = n + 1
    local id = string.format("%08x%08x", math.random(0, 0x7fffffff), n)
    return wrk.format("GET", "/v/segment.m4s?CMCD=ot%3Dv%2Cd%3D4000%2Cbl%3D"
        .. math.random(1, 99999) .. "%2Csid%3D%22" .. id .. "%22%2Ccid%3D%22c"
        .. id .. "%22%2Cx" .. id .. "%3D1")
end
END

my $nginx = OpenQoE::Nginx->new(
    workers => 2, zone => 'qoe:8m', max_new_values => undef,
    exporter => "endpoint http://127.0.0.1:1;\n        interval 100ms;\n"
                . '        timeout 1s;',
    http => '    types { video/iso.segment m4s; }
    openqoe_series_max ' . SERIES . ';
    openqoe_dimension video_id allow max=100 metrics=all;',
    location => <<"END",
        location /v/ {
            alias $root/;
            openqoe_cmcd on;
            openqoe_cmcd_org acme;
        }
END
)->start;


sub text () {
    my $answer = http_get($nginx->port, '/v2/stats?format=prometheus',
                          timeout => 30);
    return ($answer->{body}, prometheus_text($answer->{body}));
}


sub honest ($n, $sid) {
    my $answer = http_get($nginx->port, "/v/segment.m4s?CMCD=ot%3Dv%2Cd%3D4000"
        . "%2Cbl%3D8000%2Csid%3D%22$sid%22%2Ccid%3D%22honest%22",
        timeout => 30);
    return $answer->{status} // 0;
}


# Three sessions that show the same content make it known.
for my $n (1 .. 4) {
    honest($n, "honest-$_") for 1 .. 4;
    select undef, undef, undef, 0.6;
}

my $flood = spawn(cmd => ['wrk', '-t', 1, '-c', 16, '-d', "${seconds}s",
                          '--timeout', '10s', '-s', "$root/forge.lua",
                          'http://127.0.0.1:' . $nginx->port],
                  name => 'wrk');

my $refused = 0;
my $until = time + $seconds;

while (time < $until) {
    my $answer = http_post($nginx->port, '/v2/events', batch_json(batch(5)),
                           timeout => 30);
    $refused++ if ($answer->{status} // 0) != 202;
    $refused++ if honest(1, 'honest-1') != 200;
    # no collector takes the events, and the queue has room for some thousands
    select undef, undef, undef, max(0.1, $seconds / 300);
}

is($flood->wait($seconds + 60), 0, 'the flood ends well');
my ($sent) = $flood->output =~ /(\d+) requests in/;
unlike($flood->output, qr/Non-2xx|Socket errors/, 'each request was served');
is($refused, 0, 'events and honest requests were taken beside it');

my $stats;
ok(wait_until(sub {
    $stats = $nginx->stats(timeout => 30);
    return $stats->{cmcd}{tap}{used} == 0;
}, 60), 'what waits in the tap is taken in');

my $cmcd = $stats->{cmcd};
note("$sent requests, dropped $cmcd->{dropped}; sessions begun "
     . "$cmcd->{sessions}{begun}, evicted $cmcd->{sessions}{evicted}; "
     . "series $stats->{series}{count}");
cmp_ok($cmcd->{requests}, '>=', $sent, 'each request is counted');
is($cmcd->{requests}, $cmcd->{sets}, 'and has a set');
cmp_ok($cmcd->{ignored}{unknown}, '>=', $sent, 'unknown keys are counted');

my $apart = $cmcd->{requests} - $cmcd->{dropped};
cmp_ok($cmcd->{sessions}{begun}, '<=', $apart, 'a request begins one session');
cmp_ok($cmcd->{sessions}{active}, '<=', $cmcd->{sessions}{capacity},
       'sessions stay within their room');
cmp_ok($cmcd->{sessions}{evicted}, '>=',
       $cmcd->{sessions}{begun} - $cmcd->{sessions}{capacity},
       'those without room are counted');
cmp_ok($stats->{series}{count}, '<=', SERIES, 'series stay within their bound');
cmp_ok($stats->{dimensions}{video_id}{overflow}, '>', 0,
       'contents without a place are counted');

my ($body, $p) = text();
cmp_ok(length $body, '<', 5_000_000, 'the text of a scrape stays small');

my $sum = sub ($name, %labels) {
    my $n = 0;
    for my $key (grep { /^\Q$name\E\{/ } keys %{ $p->{samples} }) {
        my $has = $p->{labels}{$key};
        $n += $p->{samples}{$key}
            if !grep { ($has->{$_} // '') ne $labels{$_} } keys %labels;
    }
    return $n;
};

is($sum->('openqoe_delivery_requests_total'), $apart,
   'no request is missing in the metric but those that were dropped');
cmp_ok($sum->('openqoe_delivery_requests_total', video_id => 'honest'), '>=',
       16, 'honest content keeps its series');

ok($nginx->stop, 'nginx leaves by itself');
$nginx->no_errors;

done_testing;
