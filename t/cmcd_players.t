#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# CMCD of real players: hls.js, dash.js and shaka play in Chromium from nginx
# with their own CMCD turned on, by query, by headers and with reports, and older
# versions of them by query.  The network of each session becomes slow until its
# video stalls; the viewer pauses, seeks and sees the end.  A recorder on the
# page knows what really happened (t/peers/players/recorder.js, truth.js); the
# page has no other reporter.  Views made of reports must have the recorder's
# numbers; estimates made of requests must be near them.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(max sum0 uniq);

use OpenQoE::Event qw(decode_json_text);
use OpenQoE::Metrics;
use OpenQoE::Peers qw(browse media_dir node_dir program);
use OpenQoE::Shim;
use OpenQoE::Truth qw(compare);

# By then every view is over, whatever it waits for; series must last longer.
use constant LATER => 2 * 3600;

# A player reports its state some ms after its first report, more on a machine
# that is busy; no report says what was before.
use constant STATE => 150;

my @players = qw(hlsjs dashjs shaka);
my @modes = qw(query headers event);
my @older = qw(hlsjs15 dashjs4 shaka4);

need(chromium => program('chromium'), ffmpeg => program('ffmpeg'));

my $lib = node_dir() . '/node_modules';
my $media = media_dir();
my $port = free_port();


# A log with variables of the keys that requests of these players have.

my @keys = qw(sid cid ot br v);
my $log = join ',', map { qq("$_":"\$openqoe_cmcd_$_") } @keys;

# Each session has an organization of its own, by which its series are found.

my $shim = OpenQoE::Shim->new;
my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:64m',
                                env => $shim->env);
my $slow = $nginx->dir . '/out';
my $log_file = $nginx->dir . '/requests.log';

# The slow network brings a segment of 2 s in 9 s: longer than all buffers last,
# so that each video stalls once.

$nginx->write_config(
    exporter => 'endpoint file://' . $nginx->out_file
                . '; interval 100ms; metric_interval 500ms;',
    http => <<"END",
        openqoe_series_ttl 1d;
        log_format cmcd escape=json
            '{"session":"\$session","uri":"\$uri","method":"\$request_method",'
            '"bytes":\$body_bytes_sent,"query":"\$is_args","rest":"\$openqoe_args",$log}';
END
    location => <<"END",
        location ~ ^/media/(?<session>[^/]+)/ {
            if (-f $slow/\$session) { set \$limit_rate 8k; }
            openqoe_cmcd on;
            openqoe_cmcd_org \$session;
            access_log $log_file cmcd;
            proxy_buffers 32 64k;
            proxy_pass http://127.0.0.1:$port;
        }
        location ~ ^/reports/(?<session>.+) {
            openqoe_cmcd_events;
            openqoe_cmcd_org \$session;
        }
        location / { proxy_pass http://127.0.0.1:$port; }
END
);
$nginx->start;

my $seen = browse('cmcd/drive.js', 500, port => $port, media => $media,
                  lib => $lib, slow => $slow, site => $nginx->url(''));

ok($seen, 'the browser was driven to the end') or done_testing, exit 1;
note("the browser: $seen->{product}");

my %session = map { ("$_->{player}-$_->{mode}" => $_) } @{ $seen->{sessions} };

is_deeply([ sort keys %session ],
          [ sort +(map { my $p = $_; map { "$p-$_" } @modes } @players),
                 map { "$_-query" } @older ],
          'every session was recorded');


# The recording is what it is meant to be: a stall, a pause and a seek, but by
# headers, where a few seconds of playing will do.

sub check_recorded ($session) {
    my ($view) = @{ $session->{views} };
    my $full = $session->{mode} ne 'headers';

    ok(defined $view->{startup_ms}, 'the video showed a frame');
    is_deeply([ $view->{pauses}, $view->{ended} ? 1 : 0 ],
              $full ? [ 1, 1 ] : [ 0, 0 ], 'the viewer did what was planned');
    cmp_ok($view->{seeks}, '>=', $full ? 1 : 0, 'the viewer sought as planned');
    cmp_ok(scalar @{ $view->{stalls} }, $full ? '>=' : '==', $full ? 1 : 0,
           'the video stalled while the network was slow, and only then');
    is_deeply($session->{errors}, [], 'no script had an error');
}


# What the path of a file says about the object type.

sub type_of ($path) {
    return $path =~ /\.(?:m3u8|mpd)$/ ? 'm' : $path =~ m{/init-} ? 'i'
         : $path =~ m{/seg-3-} ? 'a' : 'v';
}


# The variables of the requests for the media of a session.

sub check_variables ($session, @lines) {
    my @segments = grep { $_->{uri} =~ m{/seg-} } @lines;
    my %logged = map { $_->{uri} => 1 } @lines;
    my $mode = $session->{mode};

    is_deeply([ grep { !$logged{$_} } @{ $session->{fetched} } ], [],
              'nginx has logged every file that the page has fetched');
    is_deeply([ uniq map { $_->{sid} } @lines ], [ $session->{sid} ],
              '$openqoe_cmcd_sid is the id of the session in every request');
    is_deeply([ uniq map { $_->{cid} } @segments ], [ 'content-1' ],
              '$openqoe_cmcd_cid is the id of the content in every segment');
    is_deeply([ grep { $_->{ot} ne type_of($_->{uri}) } @lines ], [],
              '$openqoe_cmcd_ot is the type of the object');
    is_deeply([ grep { $_->{br} !~ /^[1-9]\d*$/ } @segments ], [],
              '$openqoe_cmcd_br is a number in every segment');
    is_deeply([ uniq map { $_->{v} } @segments ],
              [ $mode eq 'event' ? 2 : '' ],
              '$openqoe_cmcd_v is the version of the set if it is not 1');
    is_deeply([ uniq map { $_->{query} } @lines ],
              [ $mode eq 'headers' ? '' : '?' ],
              'the set came the way that the player was told to use');
    is_deeply([ uniq map { $_->{rest} } @lines ], [ '' ],
              '$openqoe_args has nothing but what is no CMCD');
}


# What the server knows of the requests of a session, by the metrics and by its
# own log.

sub check_delivery ($session, $metrics, @lines) {
    my $org = $session->{name};
    my $source = $session->{mode} eq 'headers' ? 'header' : 'query';

    is($metrics->value('openqoe.delivery.requests', org_id => $org),
       scalar @lines, 'openqoe.delivery.requests has every request');
    is($metrics->value('openqoe.cmcd.requests', org_id => $org,
                       source => $source),
       scalar @lines, 'openqoe.cmcd.requests says how each set has come');
    is($metrics->value('openqoe.delivery.bytes', org_id => $org),
       sum0(map { $_->{bytes} } @lines),
       'openqoe.delivery.bytes has the bytes that were sent');
    is($metrics->value('openqoe.cmcd.ignored', org_id => $org), 0,
       'nothing of the sets of this player is left out');
}


# A number that is estimated, and what it was: right within a part of it or so
# many ms.

sub near ($got, $truth, $part, $ms, $claim) {
    my $allowed = max($truth * $part, $ms);

    ok(abs($got - $truth) <= $allowed, $claim)
        or diag(sprintf '%.0f, in truth %.0f, allowed +-%.0f', $got, $truth,
                $allowed);
    note(sprintf '%.0f, in truth %.0f', $got, $truth);
}


# What is estimated from the requests of a session.

sub check_experience ($session, $metrics) {
    my ($view) = @{ $session->{views} };
    my $full = $session->{mode} ne 'headers';
    my @by = (org_id => $session->{name});
    my $sum = sub ($name, %attrs) {
        sum0(map { $_->{sum} // 0 }
             $metrics->series("openqoe.experience.$name", @by, %attrs));
    };

    is($metrics->value('openqoe.experience.attempts', @by), 1,
       'a session is one attempt');
    is($metrics->value('openqoe.experience.startup', @by), 1,
       'it has one start-up');
    near($sum->('startup'), $view->{startup_ms}, 0.5, 1000,
         'the start-up is near to that of the page');
    near($metrics->value('openqoe.experience.playing_time', @by),
         $view->{playing_ms}, 0.15, $full ? 2000 : 3000,
         'the playing time is near to that of the page');

    if (!$full) {
        is($metrics->value('openqoe.experience.rebuffers', @by), 0,
           'there is no stall where there was none');
        return;
    }

    my @late = (reason => 'deadline');

    cmp_ok($metrics->value('openqoe.experience.rebuffers', @by, @late), '>=',
           1, 'a missed deadline is a stall');
    near($sum->('rebuffer_time', @late),
         sum0(map { $_->{ms} } @{ $view->{stalls} }), 0.3, 1000,
         'stalls by missed deadlines are as long as those of the page');
    is($metrics->value('openqoe.experience.rebuffers', @by),
       $metrics->value('openqoe.experience.rebuffers', @by, @late),
       'neither the start, the seek nor the pause is a stall');
    is_deeply([ uniq map { $_->{attrs}{cause} }
                $metrics->series('openqoe.experience.rebuffers', @by) ],
              ['network'],
              'the cause of a stall is that the bytes came slowly');
}


my %lines;

for my $line (map { decode_json_text($_) } split /\n/, slurp($log_file)) {
    push @{ $lines{ $line->{session} } }, $line
        if $line->{method} eq 'GET';
}

my $metrics = OpenQoE::Metrics->new($nginx->out_file);
my $all = sum0(map { scalar @$_ } values %lines);

ok($metrics->wait_value($all, 'openqoe.delivery.requests', -timeout => 30),
   'all requests for media are counted')
    or diag($metrics->value('openqoe.delivery.requests'), " of $all");

$shim->clock(LATER);
$metrics->wait_value(scalar(grep { /-event-/ } keys %lines),
                     'openqoe.views_total', -timeout => 10);
ok(wait_until(sub { $nginx->stats->{cmcd}{sessions}{active} == 0 }, 30),
   'no session is left of those that have made requests');
ok($metrics->wait_collection, 'collections are made with the clock moved');

for my $name (sort keys %session) {
    my $s = $session{$name};
    my @requests = @{ $lines{ $s->{name} } // [] };

    subtest "$name: the recording" => sub { check_recorded($s) };
    subtest "$name: variables" => sub { check_variables($s, @requests) };
    subtest "$name: requests" => sub {
        check_delivery($s, $metrics, @requests);
    };

    note("$name: the page did not run for $s->{lag_ms} ms, "
         . "and its video was $s->{drag_ms} ms slow");

    SKIP: {
        skip "the machine has no time for the page of $name", 1
            if $s->{starved};

        subtest "$name: estimates" => sub { check_experience($s, $metrics) };

        subtest "$name: the view made of reports" => sub {
            compare($s, $metrics, STATE, 'org_id');
        } if $s->{mode} eq 'event';
    }
}

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;

done_testing;
