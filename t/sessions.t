#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Sessions of real players (t/data/sessions) through the real module, all in
# one nginx, each in an organisation of its own: views, times, stalls, startups
# and outcomes are those that a recorder saw on the page, in the metrics and in
# the records of views alike.
#
# nginx runs with a clock that the test moves (t/shim), so that each batch is
# received when it was, and the silence at the end passes at once.

use lib 't/lib';
use OpenQoE::Metrics qw(near);
use OpenQoE::Records;
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
                . ";\n        interval 100ms;\n        metric_interval 1s;\n"
                . '        signals logs metrics views;',
);
$nginx->start;

my $metrics = OpenQoE::Metrics->new($nginx->out_file);
my $http = $nginx->http;
my $start = int(time * 1000) + 60_000;
my @batches = batches($start, \@sessions);


# Sets the clock of nginx to that Unix time in ms.

sub clock_at ($ms) { $shim->clock($ms / 1000 - time) }


# Whether nothing waits in the queue: then the helper thread has applied all
# that came.

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


# The views of a session that must be over by now and by the latest export.

sub over ($session) { total($session, 'over') }


# The same of the final records, and the totals that have no column of theirs.

sub recorded ($session, @records) {
    my %got = map { ($_ => 0) } keys %TOTAL;

    for my $r (grep { $_->{org_id} eq $session->{name} } @records) {
        $got{over}++;
        $got{ $_->{outcome} }++ for $r;
        $got{started}++ if $r->{started};
        $got{playing_s} += ($r->{playing_ms} // 0) / 1000;
        $got{rebuffers} += $r->{stalls} // 0;
        $got{rebuffer_ms} += $r->{stalled_ms} // 0;
        $got{pauses} += $r->{pauses} // 0;

        for (qw(startup aggregate)) {
            my $ms = $r->{$_ eq 'startup' ? 'startup_ms'
                                          : 'aggregate_startup_ms'} // next;
            $got{"${_}s"}++;
            $got{"${_}_ms"} += $ms;
        }
    }

    return \%got;
}


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

# A tab that is closed hides its page first, which is all that the events say.

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

# Long after that, nothing more comes of these views.

clock_at($end + 3 * 3600_000);
ok($metrics->wait_collection(scaled(30)), 'hours later a collection is made');

for my $session (@sessions) {
    is_truth($session, { map { ($_ => total($session, $_)) } keys %TOTAL });
}

my $records = OpenQoE::Records->new($nginx->out_file)->read;
my @final = $records->final;

for my $session (@sessions) {
    my $got = recorded($session, @final);

    is_truth($session, $got, "$session->{name}, by its records");
    # Records have whole ms of a stall, metrics what the player reports.
    is_deeply([ grep { !near($got->{$_}, total($session, $_), 1e-6)
                       && !($_ eq 'rebuffer_ms'
                            && abs($got->{$_} - total($session, $_))
                               <= $got->{rebuffers}) }
                sort keys %TOTAL ], [],
              "the records of $session->{name} add up to its metrics");
}

is_deeply([ $records->bad, $records->contradictions ], [],
          'no record contradicts another');
is_deeply($metrics->problems, [], 'no point contradicts another');

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;
done_testing;
