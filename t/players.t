#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Real players: plain video, hls.js, dash.js and shaka play in Chromium while
# viewers click, wait, pause, seek, go on to another video and close the tab.
# A reporter posts what the published SDK posts (t/peers/players/adapters.js);
# a recorder on the same page, which has no part in that, knows what really
# happened (recorder.js, truth.js).  The module's numbers must be the truth's,
# within the tolerances below.
#
# OPENQOE_PLAYERS_SAVE=dir keeps the sessions in files: what was posted and
# what was true, in ms since the page's begin.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(sum0);

use OpenQoE::Metrics;
use OpenQoE::Peers qw(browse media_dir node_dir program);
use OpenQoE::Shim;
use OpenQoE::Truth qw(compare);

# shaka reports its first buffer, 170 to 400 ms before the first frame, and
# neither `canplay` nor a start-up time: the events do not say more.
my %startup_slack = (shaka => 400);

# By then every view is over, whatever it waits for; series must last longer.
use constant LATER => 2 * 3600;

my @players = qw(html5 hlsjs dashjs shaka);

# What a session of each scenario must contain to be worth comparing.
my %scenario = (
    full => { views => 1, completed => 1, stalls => 1, pauses => 1, seeks => 1,
              types => [qw(playing heartbeat stallstart stallend pause seek
                           quartile ended moveaway)] },
    next => { views => 2, completed => 1, stalls => 0, pauses => 0, seeks => 1,
              types => [qw(playing heartbeat seek quartile ended moveaway)] },
    never => { views => 1, started => 0, completed => 0, stalls => 0,
               pauses => 0, seeks => 0, types => ['moveaway'] },
    missing => { views => 1, started => 0, completed => 0, stalls => 0,
                 pauses => 0, seeks => 0, types => ['moveaway'] },
    ready => { views => 1, completed => 0, stalls => 0, pauses => 0,
               seeks => 0, types => [qw(playing moveaway)] },
);

need(chromium => program('chromium'), ffmpeg => program('ffmpeg'));

my $lib = node_dir() . '/node_modules';
my $media = media_dir();
my $shim = OpenQoE::Shim->new;
my $port = free_port();


# Values of new series are exported at once, not after a scrape has had their
# zero, because the file is read when everything is over.  A module without
# births has no such directive.

sub birth_off () {
    my $directive = 'openqoe_series_birth off;';
    my ($rc) = OpenQoE::Nginx->new(http => $directive)->test_config;

    return $rc eq '0' ? $directive : '';
}


sub make_nginx () {
    my $nginx = OpenQoE::Nginx->new(
        workers => 2, zone => 'qoe:64m', env => $shim->env,
        http => 'openqoe_series_ttl 1d; ' . birth_off(),
        events => "openqoe_cors_origin http://localhost:$port;");

    $nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                         . ';
        interval 100ms;
        metric_interval 500ms;');

    return $nginx->start;
}


sub save ($dir, $sessions) {
    mkdir $dir;
    write_file("$dir/$_->{name}.json", encode_json_text($_)) for @$sessions;
    note("the sessions are in $dir");
}


# The recordings are what they are meant to be.

sub check_recorded ($session) {
    my ($views, $name) = @$session{qw(views name)};
    my $want = $scenario{ $session->{scenario} };
    my %types = map { $_->{event}{event_type} => 1 } @{ $session->{events} };
    my $sum = sub ($what) { sum0(map { $_->{$what} } @$views) };

    is(scalar @$views, $want->{views}, "$name: the videos planned were played");
    is((grep { defined $_->{startup_ms} } @$views),
       $want->{started} // $want->{views},
       "$name: as many videos showed a frame as planned");
    is($sum->('ended'), $want->{completed},
       "$name: as many videos ended as planned");
    is($sum->('pauses'), $want->{pauses},
       "$name: the viewer paused as planned");
    cmp_ok($sum->('seeks'), '>=', $want->{seeks},
           "$name: the viewer sought as planned");
    cmp_ok((sum0 map { scalar @{ $_->{stalls} } } @$views), '>=',
           $want->{stalls}, "$name: the cut network made it stall");
    is_deeply([ grep { !$types{$_} } @{ $want->{types} } ], [],
              "$name: every type of event expected was sent");
    is($session->{refused}, 0, "$name: no request was refused");
    is_deeply($session->{errors}, [], "$name: no script had an error");
}


my $nginx = make_nginx();
my $metrics = OpenQoE::Metrics->new($nginx->out_file);

my $seen = browse('players/drive.js', 300, port => $port, media => $media,
                  lib => $lib, org => 'org-players',
                  endpoint => $nginx->url =~ s/127\.0\.0\.1/localhost/r);

ok($seen, 'the browser was driven to the end') or done_testing, exit 1;
note("the browser: $seen->{product}");

my %session = map { $_->{name} => $_ } @{ $seen->{sessions} };
my $events = sum0(map { scalar @{ $_->{events} } } values %session);
my $views = sum0(map { scalar @{ $_->{views} } } values %session);

save($ENV{OPENQOE_PLAYERS_SAVE}, $seen->{sessions})
    if $ENV{OPENQOE_PLAYERS_SAVE};

is_deeply([ sort keys %session ],
          [ sort map { my $s = $_; map { "$_-$s" } @players } keys %scenario ],
          'every session was recorded');

subtest 'the recordings are what the scenarios planned' => sub {
    check_recorded($session{$_}) for sort keys %session;
};

ok($metrics->wait_value($events, 'openqoe.events_total', -timeout => 30),
   'every event that a page handed over was taken')
    or diag($metrics->value('openqoe.events_total'), " of $events");

$shim->clock(LATER);
$metrics->wait_value($views, 'openqoe.views_total', -timeout => 10);
ok($metrics->wait_collection, 'collections are made with the clock moved');

for my $name (sort keys %session) {
    subtest $name => sub {
        compare($session{$name}, $metrics,
                $startup_slack{ $session{$name}{player} });
    };
}

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;

done_testing;
