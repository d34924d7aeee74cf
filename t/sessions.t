#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Sessions of real players (t/data/sessions) through the real module, all in
# one nginx, each in an organisation of its own: views, times, stalls, startups
# and outcomes are those that a recorder saw on the page.
#
# nginx runs with a clock that the test moves (t/shim), so that each batch is
# received when it was, and the silence at the end passes at once.

use lib 't/lib';
use OpenQoE::Metrics qw(near);
use OpenQoE::Sessions qw(recorded_sessions batches is_truth);
use OpenQoE::Shim;
use OpenQoE::Test;

my @sessions = recorded_sessions();

# Seconds of the recording between two waits for the helper thread.
my $SYNC = 10;

my %TOTAL = (
    started => ['openqoe.views_started_total', 'value'],
    over => ['openqoe.views_total', 'value'],
    rebuffers => ['openqoe.rebuffer_events_count', 'value'],
    rebuffer_ms => ['openqoe.rebuffer_duration', 'sum'],
    playing_s => ['openqoe.playing_time_seconds', 'value'],
    startups => ['openqoe.video_startup_time', 'count'],
    startup_ms => ['openqoe.video_startup_time', 'sum'],
    aggregates => ['openqoe.aggregate_startup_time', 'count'],
    aggregate_ms => ['openqoe.aggregate_startup_time', 'sum'],
    pauses => ['openqoe.pause_events_total', 'value'],
    map { ($_ => ['openqoe.views_total', 'value', outcome => $_]) }
        qw(completed played exit_before_start startup_failure
           playback_failure),
);

my $shim = OpenQoE::Shim->new;
my $nginx = OpenQoE::Nginx->new(env => $shim->env, zone => 'qoe:16m');
$nginx->write_config(
    exporter => 'endpoint file://' . $nginx->out_file
                . ";\n        interval 100ms;\n        metric_interval 1s;",
);
$nginx->start;

my $metrics = OpenQoE::Metrics->new($nginx->out_file);
my $http = $nginx->http;
my $start = int(time * 1000) + 60_000;
my @batches = batches($start, \@sessions);


# The clock of nginx shows that Unix time in ms.

sub clock_at ($ms) { $shim->clock($ms / 1000 - time) }


# Nothing waits in the queue: the helper thread has applied all that came.

sub applied () {
    return wait_until(sub {
        my $answer = http_get($nginx->port, '/v2/stats');
        my $stats = decode_json_text($answer->{body}) // return;
        return $stats->{queue}{used} == 0;
    }, scaled(30));
}


sub total ($session, $name) {
    my ($metric, $part, %attrs) = @{ $TOTAL{$name} };
    my $sum = 0;

    $sum += $_->{$part} // 0
        for $metrics->series($metric, org_id => $session->{name}, %attrs);
    return $sum;
}


# Views of a session that are over by now and by the latest export.

sub over ($session) { total($session, 'over') }


my ($refused, $waited, $last) = (0, 1, 0);

for my $batch (@batches) {
    if ($batch->{received} >= $last + 1000 * $SYNC) {
        $waited &&= applied();
        $last = $batch->{received};
    }

    clock_at($batch->{received});
    my $answer = $http->request('POST', '/v2/events', body => $batch->{body},
        headers => { 'Content-Type' => 'application/json' });
    $refused++ if $answer->{status} != 202;
}

is($refused, 0, 'every batch of the recordings is accepted');
ok($waited && applied(), 'every batch is applied');

my $end = $batches[-1]{received};
my @hidden = grep { $_->{last} eq 'moveaway' } @sessions;
my @ended = grep { $_->{truth}{ended} } @sessions;

cmp_ok(scalar @hidden, '>', 5, 'tabs that were closed are among them');
cmp_ok(scalar @ended, '>', 3,
       'videos that were played to the end are among them, too');

# A tab that is closed hides its page first, and the events say no more.

clock_at($end + 3 * 60_000 + 5_000);

ok(wait_until(sub {
       $metrics->read;
       return !grep { over($_) < $_->{expect}{over} } @hidden;
   }, scaled(30)), 'a closed tab is over 3 minutes after its last event')
    or diag('still on: ' . join ' ', map { $_->{name} }
            grep { over($_) < $_->{expect}{over} } @hidden);

clock_at($end + 11 * 60_000);

ok(wait_until(sub {
       $metrics->read;
       return !grep { over($_) < $_->{expect}{over} } @sessions;
   }, scaled(30)), 'every view is over 10 minutes after its last event')
    or diag('still on: ' . join ' ', map { $_->{name} }
            grep { over($_) < $_->{expect}{over} } @sessions);

# long after: nothing more comes of them

clock_at($end + 3 * 3600_000);
ok($metrics->wait_collection(scaled(30)), 'hours later a collection is made');

for my $session (@sessions) {
    is_truth($session, { map { ($_ => total($session, $_)) } keys %TOTAL });
}

is_deeply($metrics->problems, [], 'no point contradicts another');

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;
done_testing;
