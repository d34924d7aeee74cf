#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The pages of examples/ as a site would take them: plain video, hls.js, dash.js,
# Shaka Player and video.js in Chromium, with examples/openqoe-reporter.js.  A
# viewer clicks before anything has come, waits, stalls, pauses, seeks, watches
# to the end; closes the tab in the middle; gives up a clip that is missing.  A
# recorder on the page, which has no part in the reports, knows what really
# happened, and the module's numbers must be those.
#
# OPENQOE_PICTURES=dir writes a screenshot of each page there.
# OPENQOE_PLAYERS_SAVE=dir keeps the sessions in files.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(any first sum0);

use OpenQoE::Metrics;
use OpenQoE::Peers qw(browse media_dir node_dir program);
use OpenQoE::Shim;
use OpenQoE::Truth qw(compare);

# By then every view is over, whatever it waits for; series must last longer.
use constant LATER => 2 * 3600;

my @players = qw(video hlsjs dashjs shaka videojs);
my @scenarios = qw(full closed missing);

my %types = (
    full => [qw(manifestload playerready playing stallstart canplay stallend
                qualitychange heartbeat pause seek quartile ended)],
    closed => [qw(playing stallstart canplay stallend qualitychange heartbeat
                  playbackdetached)],
    missing => [qw(playing stallstart error playbackdetached)],
);

need(chromium => program('chromium'), ffmpeg => program('ffmpeg'));

my $lib = node_dir() . '/node_modules';
my $shim = OpenQoE::Shim->new;
my $port = free_port();


sub make_nginx () {
    my $nginx = OpenQoE::Nginx->new(
        workers => 2, zone => 'qoe:64m', env => $shim->env,
        http => 'openqoe_series_ttl 1d; openqoe_series_birth off;');

    $nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                         . ';
        interval 100ms;
        metric_interval 500ms;');

    return $nginx->start;
}


sub events_of ($session, $type) {
    return grep { $_->{event_type} eq $type }
           map { $_->{event} } @{ $session->{events} };
}


# What the viewer did was really done, and posted as it should be.

sub check_posted ($session) {
    my ($name, $scenario) = @$session{qw(name scenario)};
    my ($view) = @{ $session->{views} };
    my %sent = map { $_->{event}{event_type} => 1 } @{ $session->{events} };

    is($session->{refused}, 0, "$name: every request was answered with 202");
    is_deeply($session->{errors}, [], "$name: no script had an error");
    is_deeply([ grep { !$sent{$_} } @{ $types{$scenario} } ], [],
              "$name: every type of event expected was sent");
    ok((any { $_ eq 'text/plain' } @{ $session->{types} }),
       "$name: what was left when the tab closed went as a beacon")
        if $scenario ne 'full';
    is($view->{ended} ? 1 : 0, $scenario eq 'full' ? 1 : 0,
       "$name: the video was watched as far as planned");
    cmp_ok(scalar @{ $view->{stalls} }, '>=', 1,
           "$name: the cut network made it stall") if $scenario eq 'full';
    ok((any { $_->{data}{fatal} } events_of($session, 'error')),
       "$name: the error was fatal")
        if $scenario eq 'missing';
}


# Numbers that the metrics do not have a view each, from the events.

sub check_events ($session) {
    my ($name, $view) = ($session->{name}, $session->{views}[0]);
    my ($seek) = events_of($session, 'seek');
    my ($ended) = events_of($session, 'ended');
    my @quality = events_of($session, 'qualitychange');
    my @ids = map { $_->{event}{view_id} } @{ $session->{events} };
    my %ids = map { $_ => 1 } @ids;

    is(scalar(keys %ids), 1, "$name: one play has one view_id");
    is(scalar(events_of($session, 'seek')), $view->{seeks},
       "$name: each seek is reported once");
    cmp_ok(abs($seek->{data}{to} - 28_000), '<', 1000,
           "$name: the seek has its target");
    cmp_ok(abs($seek->{data}{seek_latency} - $view->{seek_wait_ms}), '<', 1000,
           "$name: the seek took as long as the recorder saw");

    # a busy machine plays slower than the clock, which the recorder lets pass
    cmp_ok(abs($ended->{data}{playing_time} - $view->{playing_ms}), '<',
           0.05 * $view->{playing_ms} + 600 + $view->{hiccup_ms},
           "$name: the reporter's playing time is the recorder's");
    cmp_ok($ended->{data}{completion_rate}, '<', 0.9,
           "$name: what the seek left out does not count as seen");
    is_deeply([ @{ $quality[-1]{data} }{qw(video_width video_height)} ],
              $session->{size}, "$name: the last quality is what was shown");
    is((any { !$_->{data}{bitrate_kb} } @quality) ? 1 : 0,
       $name =~ /^video-/ ? 1 : 0,
       "$name: each quality has a bitrate where the player knows it");
    is_deeply([ map { $_->{data}{quartile} } events_of($session, 'quartile') ],
              [ 25, 50, 75, 100 ], "$name: each quartile is reported once");
}


my $nginx = make_nginx();
my $metrics = OpenQoE::Metrics->new($nginx->out_file);

my $seen = browse('examples/drive.js', 300, port => $port, lib => $lib,
                  media => media_dir(),
                  examples => "$FindBin::Bin/../examples",
                  pictures => $ENV{OPENQOE_PICTURES},
                  endpoint => $nginx->url);

ok($seen, 'the browser was driven to the end') or done_testing, exit 1;
note("the browser: $seen->{product}");

my %session = map { $_->{name} => $_ } @{ $seen->{sessions} };
my $events = sum0(map { scalar @{ $_->{events} } } values %session);
my $views = sum0(map { scalar @{ $_->{views} } } values %session);

if (my $dir = $ENV{OPENQOE_PLAYERS_SAVE}) {
    mkdir $dir;
    write_file("$dir/$_->{name}.json", encode_json_text($_))
        for values %session;
}

is_deeply([ sort keys %session ],
          [ sort map { my $p = $_; map { "$p-$_" } @scenarios } @players ],
          'every session was recorded');

subtest 'what the pages posted is what the viewers did' => sub {
    check_posted($session{$_}) for sort keys %session;
    check_events($session{$_}) for map { "$_-full" } @players;
};

ok($metrics->wait_value($events, 'openqoe.events_total', -timeout => 30),
   'every event that a page handed over was taken')
    or diag($metrics->value('openqoe.events_total'), " of $events");

$shim->clock(LATER);
$metrics->wait_value($views, 'openqoe.views_total', -timeout => 10);
ok($metrics->wait_collection, 'collections are made with the clock moved');

for my $name (sort keys %session) {
    subtest $name => sub { compare($session{$name}, $metrics) };
}

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;

done_testing;
