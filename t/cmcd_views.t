#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Reports of a real player through a real nginx with two workers: the run of
# hls.js in t/data/cmcd, moved to now, posted as it was, each report by another
# connection and every fifth twice.  Then an SDK that describes the same
# session: one view, not two.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Prometheus qw(prometheus_text);

my $nginx = OpenQoE::Nginx->new(workers => 2, location => <<'END');
        location = /v2/cmcd {
            openqoe_cmcd_events;
            openqoe_cmcd_org acme;
            openqoe_attribute player.name hls.js;
        }
END
$nginx->start;

sub report (@reports) {
    my $r = http_post($nginx->port, '/v2/cmcd', join("\n", @reports) . "\n",
                      headers => { 'Content-Type' => 'application/cmcd' });
    return $r->{status};
}

# The sum of a metric over its series that have these labels; undef: it has
# none.

sub value ($name, %labels) {
    my $r = http_get($nginx->port, '/v2/stats?format=prometheus',
                     timeout => 20);
    my $text = prometheus_text($r->{body});
    my $sum;

    for my $id (grep { /^openqoe_\Q$name\E\{/ } keys %{ $text->{labels} }) {
        my $has = $text->{labels}{$id};
        next if grep { ($has->{$_} // '') ne $labels{$_} } keys %labels;
        $sum += $text->{samples}{$id};
    }

    return $sum;
}

# --- the run of hls.js

my ($t0, @reports) = (0);

open(my $in, '<', "$FindBin::Bin/data/cmcd/hls.js-1.7.4-v2-event.txt")
    or die "cannot read the run: $!";

while (<$in>) {
    $t0 = $1 if /^# t0 \(ms since epoch\) = (\d+)/;
    push @reports, $1 if /^  \| (.*)/;
}

my $shift = int(time * 1000) - 60000 - $t0;

s/\bts=(\d+)/'ts=' . ($1 + $shift)/e for @reports;

my ($n, %status) = (0);

for my $report (@reports) {
    $status{ report($report) }++;
    $status{ report($report) }++ if ++$n % 5 == 0;
}

is_deeply([ keys %status ], [ 204 ], "all $n reports are taken");

# What came twice may be applied after the view has ended.
wait_until(sub {
    (value('views_total') // 0) == 1
        && $nginx->stats->{views}{duplicates} == int($n / 5);
}, 20);

is(value('views_total', outcome => 'completed', source => 'event',
         player_name => 'hls.js', video_id => 'content-1'), 1,
   'one view, completed, described by reports');
is(value('views_started_total'), 1, 'it has started once');
is(value('rebuffer_events_total', source => 'event'), 1,
   'it has one stall, and a wait of 25 ms is none');

my $stalled = value('rebuffer_duration_milliseconds_sum');
ok(abs($stalled - 3470) < 300, "the stall took $stalled ms, by the element "
                               . '3470 ms');
my $playing = value('playing_time_seconds');
ok(abs($playing - 34.9) < 1, "it has played $playing s, by the element 34.9 s");

is(value('cmcd_reports_total', event_type => 'heartbeat'), 9,
   'each heartbeat counts once, however often it came');
is($nginx->stats->{views}{duplicates}, int($n / 5),
   'reports that came twice are duplicates');
is(value('cmcd_sequence_gaps_total'), undef, 'no report was lost');

report('cid=5,e=ps,sid="x",sta=q,ts=' . int(time * 1000) . ',zz=1',
       'e=t,ts=' . int(time * 1000));

ok(wait_until(sub { (value('cmcd_ignored_total', reason => 'no_sid') // 0) == 1
                  }, 20),
   'a report without a sid is counted');
is(value('cmcd_ignored_total', reason => 'type', org_id => 'acme'), 1,
   'and so is a member of the wrong type');
is(value('cmcd_ignored_total', reason => 'unknown'), 1, 'or an unknown one');

# --- what the logs have

sub stall_log () {
    my ($log) = grep { ($_->{body}{stringValue} // '') =~ /"sta":"r"/ }
                map { @{ $_->{logRecords} } }
                map { @{ $_->{scopeLogs} } }
                map { @{ $_->{resourceLogs} // [] } }
                    read_jsonl($nginx->out_file);
    return $log;
}

my $log;
ok(wait_until(sub { $log = stall_log() }, 20), 'a report is a log record');

my $body = decode_json_text($log->{body}{stringValue});

is($body->{event_type}, 'stallstart', 'its body says what it means');
is($body->{session_id}, $body->{cmcd}{sid}, 'its session is the sid');
is_deeply($body->{cmcd}{br}, [ 216 ], 'and has the whole set of the player');

# --- the same session by an SDK and by its player

my $sid = uuid();
my $view = uuid();
my $start = int(time * 1000) - 40000;

sub sdk ($ms, $type, %field) {
    my $r = http_post($nginx->port, '/v2/events', batch_json([ event(
        event_type => $type, event_time => $start + $ms, org_id => 'acme',
        session_id => $sid, view_id => $view, player_id => 'web',
        video => { id => 'film' }, data => {}, %field) ]));
    return $r->{status};
}

sub cmcd ($ms, $sn, $keys) {
    return report("cid=\"film\",$keys,sid=\"$sid\",sn=$sn,ts="
                  . ($start + $ms) . ',v=2');
}

is(cmcd(0, 0, 'e=ps,sta=s'), 204, 'the first report begins a view');
is(cmcd(300, 1, 'e=ps,sta=p'), 204, 'which plays');
is(sdk(5000, 'heartbeat', playback_time => 4700), 202,
   'an event of the SDK takes it over');
is(cmcd(10000, 2, 'e=ps,sta=r'), 204, 'what reports say of stalls then');
is(cmcd(12000, 3, 'e=ps,sta=p'), 204, 'no longer counts');
is(cmcd(13000, 4, 'e=rr,rc=503,sta=p,ttlb=40'), 204,
   'but what the player saw of a response does');
is(sdk(30000, 'ended', playback_time => 29700), 202, 'the SDK ends it');

wait_until(sub { (value('views_total') // 0) == 2 }, 20);

is(value('views_total', player_id => 'web', outcome => 'completed'), 1,
   'both have described one view, which is the SDK\'s');
is(value('views_total', player_id => 'cmcd'), 1,
   'and there is no other one of reports');
is(value('rebuffer_events_total'), 1, 'it has no stall');
is(value('delivery_client_errors_total', status_class => '5xx'), 1,
   'the response that failed is known from the report');

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;
done_testing;
