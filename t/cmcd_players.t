#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# CMCD of real players: hls.js, dash.js and shaka play in Chromium from nginx
# with their own CMCD turned on, by query, by headers and with reports.  The
# network of each session becomes slow until its video stalls; the viewer pauses,
# seeks and sees the end.  A recorder on the page knows what really happened
# (t/peers/players/recorder.js, truth.js); the page has no other reporter.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(sum0 uniq);

use OpenQoE::Event qw(decode_json_text);
use OpenQoE::Peers qw(browse media_dir node_dir program);

my @players = qw(hlsjs dashjs shaka);
my @modes = qw(query headers event);

need(chromium => program('chromium'), ffmpeg => program('ffmpeg'));

my $lib = node_dir() . '/node_modules';
my $media = media_dir();
my $port = free_port();


# A log with variables of the keys that requests of these players have.

my @keys = qw(sid cid ot br v);
my $log = join ',', map { qq("$_":"\$openqoe_cmcd_$_") } @keys;

my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:64m');
my $slow = $nginx->dir . '/out';
my $log_file = $nginx->dir . '/requests.log';

$nginx->write_config(
    http => <<"END",
        log_format cmcd escape=json
            '{"session":"\$session","uri":"\$uri","method":"\$request_method",'
            '"query":"\$is_args","rest":"\$openqoe_args",$log}';
END
    location => <<"END",
        location ~ ^/media/(?<session>[^/]+)/ {
            if (-f $slow/\$session) { set \$limit_rate 12k; }
            access_log $log_file cmcd;
            proxy_pass http://127.0.0.1:$port;
        }
        location / { proxy_pass http://127.0.0.1:$port; }
END
);
$nginx->start;

my $seen = browse('cmcd/drive.js', 300, port => $port, media => $media,
                  lib => $lib, slow => $slow, site => $nginx->url(''));

ok($seen, 'the browser was driven to the end') or done_testing, exit 1;
note("the browser: $seen->{product}");

my %session = map { $_->{name} => $_ } @{ $seen->{sessions} };

is_deeply([ sort keys %session ],
          [ sort map { my $p = $_; map { "$p-$_" } @modes } @players ],
          'every session was recorded');


# The recording is what it is meant to be: a stall, a pause and a seek, but by
# headers, where a few seconds of playing will do.

sub check_recorded ($session) {
    my ($view) = @{ $session->{views} };
    my $full = $session->{mode} ne 'headers';

    ok(defined $view->{startup_ms}, 'the video showed a frame');
    is_deeply([ @$view{qw(pauses seeks)}, $view->{ended} ? 1 : 0 ],
              $full ? [ 1, 1, 1 ] : [ 0, 0, 0 ],
              'the viewer did what was planned');
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


ok($nginx->stop, 'nginx exits by itself');

my %lines;

for my $line (map { decode_json_text($_) } split /\n/, slurp($log_file)) {
    push @{ $lines{ $line->{session} } }, $line
        if $line->{method} eq 'GET';
}

for my $name (sort keys %session) {
    subtest "$name: the recording" => sub { check_recorded($session{$name}) };
    subtest "$name: variables" => sub {
        check_variables($session{$name}, @{ $lines{$name} // [] });
    };
}

$nginx->no_errors;

done_testing;
