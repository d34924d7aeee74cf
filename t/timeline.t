#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# /v2/stats?view=ID: the state and the timeline of one view.  First those of the
# recorded sessions of real players, compared with what a recorder saw on the
# page and with the metrics of the same view; then views that are alive, that
# are not known, and that have no place in the zone.

use lib 't/lib';
use OpenQoE::Metrics;
use OpenQoE::Sessions qw(recorded_sessions batches);
use OpenQoE::Shim;
use OpenQoE::Test;

my $KINDS = qr/\A(?:startup|playing|stall|seek|pause|hidden|rendition|error)\z/;

# Seconds of the recording between two waits for the helper thread.
my $SYNC = 10;

my $shim = OpenQoE::Shim->new;
my $nginx = OpenQoE::Nginx->new(env => $shim->env, zone => 'qoe:16m',
                                workers => 2);
$nginx->write_config(
    exporter => 'endpoint file://' . $nginx->out_file
                . ";\n        interval 100ms;\n        metric_interval 1s;",
    location => '        location = /locked { openqoe_stats; '
                . 'openqoe_api_key sesame; }');
$nginx->start;

my $metrics = OpenQoE::Metrics->new($nginx->out_file);
my $http = $nginx->http;


sub escaped ($text) {
    utf8::encode($text);
    return $text =~ s/([^A-Za-z0-9_.-])/sprintf '%%%02X', ord $1/ger;
}


sub view ($id, $org = undef, $of = $nginx) {
    my $query = '?view=' . escaped($id);
    $query .= '&org=' . escaped($org) if defined $org;

    my $r = http_get($of->port, "/v2/stats$query");
    return $r->{status} == 200 ? decode_json_text($r->{body})->{view} : undef;
}


sub entries ($view, $name) {
    return grep { $_->{name} eq $name } @{ $view->{timeline} };
}


sub lasted ($view, $name) {
    my $sum = 0;
    $sum += $_->{duration_ms} for entries($view, $name);
    return $sum;
}


sub sum ($org, $metric, $part) {
    my $sum = 0;
    $sum += $_->{$part} // 0 for $metrics->series($metric, org_id => $org);
    return $sum;
}


sub applied ($of = $nginx) {
    return wait_until(sub {
        my $answer = http_get($of->port, '/v2/stats');
        my $stats = decode_json_text($answer->{body}) // return;
        return $stats->{queue}{used} == 0;
    }, scaled(30));
}


sub post ($of, @events) {
    my $r = http_post($of->port, '/v2/events', batch_json(\@events));
    is($r->{status}, 202, 'the events are accepted') or diag($r->{body});
}


# --- recorded sessions

my @sessions = recorded_sessions();
my $start = int(time * 1000) + 60_000;
my @batches = batches($start, \@sessions);
my $last = 0;

for my $batch (@batches) {
    if ($batch->{received} >= $last + 1000 * $SYNC) {
        applied();
        $last = $batch->{received};
    }

    $shim->clock($batch->{received} / 1000 - time);
    $http->request('POST', '/v2/events', body => $batch->{body},
                   headers => { 'Content-Type' => 'application/json' });
}

applied();
$shim->clock(($batches[-1]{received} + 11 * 60_000) / 1000 - time);

ok(wait_until(sub {
       $metrics->read;
       return !grep { sum($_->{name}, 'openqoe.views_total', 'value')
                      < $_->{expect}{over} } @sessions;
   }, scaled(30)), 'the views of all recorded sessions are over');

for my $s (@sessions) {
    my ($id) = $s->{events}[0]{text} =~ /"view_id":"([^"]+)"/;
    my ($session) = $s->{events}[0]{text} =~ /"session_id":"([^"]+)"/;
    my $view = view($id, $s->{name});

    subtest $s->{name} => sub {
        ok($view, 'the view is known when it is over') or return;
        is($view->{state}, 'over', 'its state says so');
        is($view->{org_id}, $s->{name}, 'the organization is that of its events');
        is($view->{session_id}, $session, 'so is the session');
        is($view->{view_id}, $id, 'and the view');
        is_timeline($view);
        is_deeply([ grep { ($_->{codec} // '') ne 'avc' }
                    entries($view, 'rendition') ], [],
                  'each of its renditions has the codec that the events name')
            if grep { $_->{text} =~ /"codec":"avc/ } @{ $s->{events} };

        # The second video of a session is a view of its own under the same id.

        return if $s->{expect}{over} > 1;

        is($view->{outcome}, $s->{expect}{outcome}[0],
           'the outcome is that of the metrics');
        is_ms($view->{playing_ms},
              1000 * sum($s->{name}, 'openqoe.playing_time_seconds', 'value'),
              'its stretches of playing are the playing time of the metrics');
        is_ms($view->{stalled_ms},
              sum($s->{name}, 'openqoe.rebuffer_duration', 'sum'),
              'its stalls are the rebuffering of the metrics',
              scalar @{ $s->{expect}{stalls} });
        is(scalar entries($view, 'stall'), @{ $s->{expect}{stalls} },
           'it has the stalls that the page saw, and no other');
        is(scalar entries($view, 'pause'), $s->{expect}{pauses},
           'it has the pauses of the viewer');
        is_ms(lasted($view, 'startup'),
              sum($s->{name}, 'openqoe.video_startup_time', 'sum'),
              'its startup is that of the metrics') if $view->{started};
    };
}


# The module counts in whole ms.

sub is_ms ($got, $want, $name, $room = 1) {
    ok(abs($got - $want) <= $room, $name) or diag("$got, not $want");
}


sub is_timeline ($view) {
    my (%end, %overlap, $before, $disorder, $unknown);

    for my $e (@{ $view->{timeline} }) {
        $unknown++ if $e->{name} !~ $KINDS;
        $overlap{ $e->{name} }++ if ($end{ $e->{name} } // 0) > $e->{start_ms};
        $end{ $e->{name} } = $e->{start_ms} + $e->{duration_ms};
        $disorder++ if defined $before && $e->{start_ms} < $before;
        $before = $e->{start_ms};
    }

    ok(@{ $view->{timeline} } <= 32, 'the timeline has at most 32 entries');
    ok(!$unknown && !$disorder, 'they have known names, and are in order');
    is_deeply(\%overlap, {}, 'no two of a kind overlap');
    is($view->{playing_ms}, lasted($view, 'playing'),
       'its playing time is the sum of its stretches');
    is($view->{stalled_ms}, lasted($view, 'stall'),
       'and its stalled time is the sum of its stalls');
    cmp_ok($view->{playing_ms} + $view->{stalled_ms}, '<=',
           $view->{end_ms} - $view->{start_ms},
           'both together are no longer than the view');
}

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;


# --- views that are alive

$nginx = OpenQoE::Nginx->new(zone => 'qoe:8m', workers => 2,
    location => '        location = /locked { openqoe_stats; '
                . 'openqoe_api_key sesame; }');
$nginx->start;

my $t = int(time * 1000) - 120_000;


sub of (@what) { view_event($t, @what) }


my $id = uuid();
post($nginx,
     of($id, 0, 'playing', 0), of($id, 1, 'stallstart', 0),
     of($id, 1500, 'stallend', 0),
     of($id, 2000, 'qualitychange', 500,
        data => { bitrate => 3_000_000, media_type => 'video',
                  codec => 'mp4a.40.2, AVC1.64001f',
                  resolution => { width => 1280, height => 720 } }),
     of($id, 21_500, 'stallstart', 20_000), of($id, 24_500, 'stallend', 20_000),
     of($id, 34_500, 'pause', 30_000), of($id, 40_000, 'heartbeat', 30_000),
     of($id, 41_000, 'heartbeat', 30_000));

my $view;
ok(wait_until(sub { ($view = view($id)) && $view->{state} eq 'paused' }, 10),
   'a view that is alive is found, and its state is known');
is($view->{view_id}, $id, 'the answer names it');
is($view->{session_id}, "s-$id", 'the session, whose id is no UUID,');
is($view->{org_id}, 'acme', 'and the organization');
is($view->{started}, JSON::PP::true(), 'it has started');
is($view->{outcome}, undef, 'and has no outcome yet');
is($view->{start_ms}, $t, 'its start is that of its first event');
is_deeply([ map { [ $_->{name}, $_->{start_ms} - $t, $_->{duration_ms} ] }
            @{ $view->{timeline} } ],
    [ ['rendition', 0, 2000], ['startup', 0, 1500], ['playing', 1500, 20_000],
      ['rendition', 2000, 38_000], ['stall', 21_500, 3000],
      ['playing', 24_500, 10_000], ['pause', 34_500, 5500] ],
    'its timeline is what was judged until its last event')
    or diag(encode_json_text($view));
is_deeply([ map { $_->{open} // JSON::PP::false() } entries($view, 'pause') ],
          [ JSON::PP::true() ], 'the pause that goes on is marked as open');
my $rendition = (entries($view, 'rendition'))[-1];
is_deeply([ @$rendition{qw(bitrate height codec)} ], [ 3_000_000, 720, 'avc' ],
          'the rendition has its bitrate, its height and its codec');
is((entries($view, 'rendition'))[0]{codec}, undef,
   'a rendition of which no event named the codec has none');
is($view->{merged}, 0, 'nothing of it was merged');

post($nginx, of($id, 50_000, 'playing', 30_000),
     of($id, 60_000, 'ended', 40_000));
ok(wait_until(sub { ($view = view($id)) && $view->{state} eq 'over' }, 10),
   'a view that has just ended is found');
is($view->{outcome}, 'completed', 'its outcome is known');
is_deeply([ map { [ $_->{name}, $_->{start_ms} - $t, $_->{duration_ms} ] }
            (entries($view, 'pause'))[0], (entries($view, 'playing'))[-1] ],
          [ ['pause', 34_500, 15_500], ['playing', 50_000, 10_000] ],
          'the pause has ended, and the view has played on');

# An error, and an id that a page must not take for markup.

my $odd = qq{<b>"view" & \\ \x{fc}n\x{ef}</b>};
post($nginx, of($odd, 0, 'playing', 0),
     of($odd, 1000, 'error', 0, data => { error_family => 'network',
                                           error_context => { fatal => 1 } }),
     of($odd, 2000, 'heartbeat', 0));
ok(wait_until(sub { ($view = view($odd))
                    && entries($view, 'error') }, 10),
   'a view is found by an id of any characters');
is($view->{view_id}, $odd, 'which the answer repeats as it is');
is_deeply([ map { [ $_->{start_ms} - $t, $_->{duration_ms}, $_->{count} ] }
            entries($view, 'error') ], [ [1000, 0, 1] ],
          'an error is a moment of the timeline');
is($view->{started}, JSON::PP::false(), 'the view has not started');
is((entries($view, 'startup'))[0]{open}, JSON::PP::true(),
   'its startup is open');

# One view_id in two organizations.

my $both = uuid();
post($nginx, of($both, 0, 'playing', 0, org_id => 'one'),
     of($both, 5000, 'playing', 0, org_id => 'two'));
ok(wait_until(sub { view($both, 'one') && view($both, 'two') }, 10),
   'views of two organizations under one id are found by both');
is(view($both)->{org_id}, 'two',
   'without an organization the view that began last is shown');
is(view($both, 'three'), undef, 'another organization has no such view');

# Answers that are no view.

my $r = http_get($nginx->port, '/v2/stats?view=' . uuid());
is($r->{status}, 404, 'a view that is not known is answered 404');
is($r->{headers}{'content-type'}, 'application/json', 'as JSON');
is_deeply(decode_json_text($r->{body}),
    { success => JSON::PP::false(),
      message => 'This view is not known, or no longer' }, 'which says why');
is(http_get($nginx->port, "/v2/stats?view=$_")->{status}, 404,
   'an odd id is not known') for '', '%00%ff', 'x' x 2000;
is(http_get($nginx->port, "/locked?view=$id")->{status}, 401,
   'a location with a key shows no view without it');
is(http_get($nginx->port, "/locked?view=$id",
            headers => { Authorization => 'Bearer sesame' })->{status}, 200,
   'and shows it with the key');

# A reload keeps the timelines.

$nginx->reload;
is(view($id)->{state}, 'over', 'after a reload the view is found');
post($nginx, of($both, 6000, 'heartbeat', 1000, org_id => 'two'),
     of($both, 16_000, 'heartbeat', 11_000, org_id => 'two'),
     of($both, 26_000, 'heartbeat', 21_000, org_id => 'two'));
ok(wait_until(sub { view($both)->{playing_ms} > 9000 }, 20),
   'and timelines go on');

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;


# --- a zone that has not enough places

$nginx = OpenQoE::Nginx->new(zone => 'qoe:2m');
$nginx->start;
$t = int(time * 1000) - 5000;

my $stats = decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
my $places = $stats->{views}{timelines};
my $views = $stats->{views}{capacity};

cmp_ok($places, '<', $views, 'a small zone has fewer timelines than views');
cmp_ok($places, '>', 0, 'but some');

my @ids = map { "view-$_" } 1 .. $places + 5;

while (my @some = splice @ids, 0, 50) {
    my $r = http_post($nginx->port, '/v2/events',
                      batch_json([ map { of($_, 0, 'playing', 0) } @some ]));
    is($r->{status}, 202, 'views begin');
}

ok(wait_until(sub {
       my $r = http_get($nginx->port, '/v2/stats');
       $stats = decode_json_text($r->{body}) // {};
       return $stats->{views}{started} == $places + 5;
   }, 20), 'more views begin than there are timelines');
is($stats->{views}{without_timeline}, 5,
   'those that found no place are counted');
ok(view('view-1') && view("view-$places"), 'the first ones have theirs');
is(view('view-' . ($places + 1)), undef, 'the next one has none');

# The first view ends, and the place of its timeline goes to another view.

post($nginx, of('view-1', 2000, 'ended', 2000));
ok(wait_until(sub { view('view-1')->{state} eq 'over' }, 20),
   'a view that is over keeps its timeline while no other needs the place');
post($nginx, of('another', 3000, 'playing', 0));
ok(wait_until(sub { view('another') }, 20),
   'the next view gets its place');
is(view('view-1'), undef, 'and it is no longer known');

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;
done_testing;
