#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# examples/openqoe-reporter.js in a page without a browser (t/peers/examples/
# world.js), with a clock, a media element and a server that do as they are
# told: which events it posts and with which times, what it does while the
# server is away, and what it never posts.  The same for the small file, which
# must be the large one, minified.  t/examples.t has it in a real browser.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(any max sum0 uniq);

use OpenQoE::Peers qw(node_dir peers_dir program);

my $examples = "$FindBin::Bin/../examples";
my $node = node_dir();


sub run_node (@args) {
    my ($rc, $out, $err) = run_cmd({ timeout => 60 }, program('node'), @args);
    die "node @args: $err\n" if $rc ne '0';
    return $out;
}


# [ms, type] of brief events without those of a type that does not matter.

sub steps ($events, $but = qr/^(?:manifestload|playerready|heartbeat)$/) {
    return [ map { "$_->[0] $_->[1]" } grep { $_->[1] !~ $but } @$events ];
}


sub data_of ($events, $type, $key) {
    return [ map { $_->[3]{$key} } grep { $_->[1] eq $type } @$events ];
}


sub check_times ($r) {
    my $whole = $r->{whole};

    is_deeply(steps($whole), [
        '1000 playing', '1000 stallstart', '3000 canplay', '3000 stallend',
        '3000 qualitychange', '13000 stallstart', '16000 stallend',
        '21850 seek', '26850 pause', '86850 playing', '101900 ended',
    ], 'each event has the time at which it happened');
    is_deeply(data_of($whole, 'canplay', 'video_startup_time'), [2000],
              'startup is from the wish to the first frame');
    is_deeply(data_of($whole, 'stallend', 'stall_duration'), [undef, 3000],
              'a stall is as long as the position stood still');
    is_deeply([ map { $_->[2] } grep { $_->[0] == 3000 } @$whole ],
              [0, 0, 0], 'the events of the first frame have its position');
    is_deeply(data_of($whole, 'seek', 'seek_latency'), [700],
              'a seek lasts until it plays again');
    is_deeply(data_of($whole, 'seek', 'from'), [15_150],
              'a seek begins where the video was, between two looks, too');
    is_deeply(data_of($whole, 'ended', 'playing_time'), [35_150],
              'playing time has no wait, seek or pause in it');
    is($whole->[7][0], 4000, 'the first heartbeat comes soon after the start');
}


sub check_away ($r) {
    my $away = $r->{away};
    my @at = map { $_->[0] } @{ $away->{posts} };
    my @waits = map { $at[$_] - $at[$_ - 1] } 1 .. 6;

    cmp_ok($waits[0], '>=', 7000, 'Retry-After is obeyed');
    is_deeply([ grep { my $least = 1000 * 2 ** $_;
                       $waits[$_] < $least || $waits[$_] > 1.5 * $least + 100 }
                1 .. 5 ], [],
              'without an answer the waits double, and differ by chance');
    is_deeply($away->{types},
              { manifestload => 1, playerready => 1, playing => 1,
                stallstart => 1, canplay => 1, stallend => 1,
                qualitychange => 1, heartbeat => 10, quartile => 4,
                ended => 1 },
              'each event arrives once, although the server was away');
    is_deeply($away->{times}, [ sort { $a <=> $b } @{ $away->{times} } ],
              'they arrive in their order');

    my $bounded = $r->{bounded};
    cmp_ok(sum0(values %{ $bounded->{types} }), '<', 125,
           'memory is bounded while the server is away for hours');
    is_deeply([ @{ $bounded->{types} }{qw(pause playing)} ], [20, 21],
              'heartbeats are dropped first');
    cmp_ok($bounded->{most}, '<=', 50, 'no batch has more than 50 events');
    cmp_ok($bounded->{posts}, '<', 250, 'a server that is away is left alone');

    is_deeply($r->{refused}{posts}, [400, 202, 202],
              'a batch that was refused for good is not sent again');
    is($r->{hidden}{lost}, 0,
       'no beacon is thrown at a server that is known to be away');
    is($r->{hidden}{types}{moveaway}, 1, 'its events arrive later');
}


sub check_leaving ($r) {
    my $closed = $r->{closed};

    is($closed->{kept}, 0, 'a beacon that the browser does not take is kept');
    is_deeply([ @{ $closed->{types} }{qw(playing pause moveaway)} ],
              [41, 40, 1], 'nothing is lost or sent twice when the tab closes');
    is($closed->{last}, 'playbackdetached', 'the last event is the leaving');
    cmp_ok($closed->{bytes}, '<', 60_000, 'each beacon is below 64 kB');
}


sub check_views ($r) {
    is_deeply(steps($r->{autoplay}{allowed}), [
        '0 playing', '0 stallstart', '1500 canplay', '1500 stallend',
        '1500 qualitychange',
    ], 'the wish of autoplay is as old as the load');
    is_deeply(steps($r->{autoplay}{refused}),
              [ '0 playing', '0 stallstart', '1500 pause' ],
              'autoplay that the browser refuses is withdrawn');

    my @views = @{ $r->{views} };
    is_deeply([ map { "$_->[0] $_->[2]" } @views ],
              [ 'playing a', 'canplay a', 'ended a',
                'playing a', 'canplay a', 'playbackdetached a',
                'playing b', 'canplay b', 'ended b' ],
              'a replay and another video are views with a start of their own');
    is(scalar(uniq(map { $_->[1] } @views)), 3, 'each play has its view_id');

    is_deeply(steps($r->{withdrawn}), [
        '0 playing', '0 stallstart', '3000 pause', '63000 playing',
        '63000 stallstart', '63500 canplay', '63500 stallend',
        '63500 qualitychange',
    ], 'a wish that was withdrawn is not the next one');
    is_deeply(data_of($r->{withdrawn}, 'canplay', 'video_startup_time'), [500],
              'startup is from the last wish');

    my @live = @{ $r->{live}{events} };
    is_deeply(steps(\@live), [
        '0 playing', '0 stallstart', '1200 canplay', '1200 stallend',
        '1200 qualitychange',
    ], 'a live stream has one start, and no seek to its edge');
    is_deeply([ map { $_->[2] } grep { $_->[1] eq 'canplay' } @live ],
              [3_600_000], 'it starts at its edge');
    is($r->{live}{type}, 'live', 'a video without an end is live');

    my @order = @{ $r->{order} };
    my @ended = grep { $_->[0] eq 'ended' } @order;
    is(scalar(@ended), 2, 'a video whose page is quick to go on has ended, too');
    is_deeply([ uniq(map { $_->[1] } @order) ], ['unknown'],
              'a video without a known source keeps its id in a view');
    is_deeply([ uniq(map { $_->[2] } @order) ], [ map { $_->[2] } @ended ],
              'two plays are two views');
    is_deeply([ @{ $r->{six} }{qw(sessions views posts)} ], [1, 6, 2],
              'six elements share a session and its requests');
    is_deeply(steps($r->{asleep}, qr/heartbeat/),
              [ '0 stallstart', '0 stallend', '3610050 stallstart',
                '3611000 stallend', '3621000 playbackdetached' ],
              'the hour that a computer slept is no stall');
}


sub check_errors ($r) {
    my $all = $r->{errors}{all};

    is_deeply(steps($r->{broken}, qr/manifestload|playerready/),
              [ '0 playing', '0 stallstart', '1000 error' ],
              'after an error that ends the start it is silent');
    is_deeply([ map { @$_{qw(error_family error_code error_message)} }
                map { $_->[3] } grep { $_->[1] eq 'error' }
                @{ $r->{broken} } ],
              [ 'network', 'manifestLoadError', '404' ],
              'an error of hls.js has its family, name and message');
    is_deeply([ @{ steps($all) }[5 .. 8] ],
              [ '5000 stallstart', '7000 stallend', '7000 error',
                '8000 playing' ],
              'after a fatal error it plays, or does not');
    is_deeply(data_of($all, 'error', 'error_message'),
              ['GET https://cdn.example.com/seg failed'],
              'an error that comes again at once is one, without its query');
    is($r->{errors}{errors}, 21, 'a view reports a bounded number of errors');
}


sub check_fields ($r) {
    my $event = $r->{fields}{first};
    my $uuid = qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}
                   -[0-9a-f]{12}$/x;

    is_deeply([ sort keys %$event ],
              [ qw(browser data device event_time event_type org_id os
                   playback_time player player_id session_id video view_id
                   viewer_id) ], 'an event has these fields and no other');
    is_deeply([ grep { $event->{$_} !~ $uuid }
                qw(session_id view_id viewer_id) ], [],
              'ids are random UUIDs, also on a page without TLS');
    is(scalar(uniq(@$event{qw(session_id view_id viewer_id)})), 3,
       'no two of them are equal');
    is_deeply($event->{video}, { id => '/a/video.mp4', duration => 100_000,
                                 stream_type => 'vod' },
              'without an id the video is the path of its source');
    is_deeply([ @$event{qw(browser os device)} ],
              [ { family => 'Chrome' }, { family => 'Linux' },
                { category => 'desktop' } ],
              'of the browser only families and the kind of device are sent');
    ok(!$r->{fields}{secret}, 'nothing of a query or of the user agent is sent');
}


my $min = run_node(peers_dir() . '/examples/minify.js', "$node/node_modules",
                   "$examples/openqoe-reporter.js");
my ($rc, $packed) = run_cmd('gzip', '-9nc',
                            "$examples/openqoe-reporter.min.js");

is(slurp("$examples/openqoe-reporter.min.js"), $min,
   'the small reporter is the other one, minified: t/peers/examples/minify.js');
cmp_ok(length $packed, '<', 4096, 'it is less than 4 kB, gzipped');
note('it is ', length $packed, ' bytes, gzipped');

for my $file ('openqoe-reporter.js', 'openqoe-reporter.min.js') {
    my $r = decode_json_text(run_node(
        peers_dir() . '/examples/reporter_test.js', "$examples/$file"));

    subtest $file => sub {
        check_times($r);
        check_away($r);
        check_leaving($r);
        check_views($r);
        check_errors($r);
        check_fields($r);
    };
}

done_testing;
