#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# "Was it us?": hls.js and dash.js play in Chromium with nothing but their own
# CMCD, from an edge with the module that has its media from an origin.  Each
# session stalls for another reason: the network between edge and viewer is
# slow, the origin answers late, the edge lets requests wait, the origin answers
# with errors.  The module must name that cause, and the stalls must be those
# that a recorder on the page saw.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(max sum0);

use OpenQoE::Metrics;
use OpenQoE::Network qw(own_network slow_path);
use OpenQoE::Peers qw(browse media_dir node_dir peers_dir program);

my @players = qw(hlsjs dashjs);
my @causes = qw(network origin edge error);

# dash.js gives up after three errors, which is before the buffer is empty.

my @sessions = grep { $_ ne 'dashjs-error' }
               map { my $p = $_; map { "$p-$_" } @causes } @players;

need(chromium => program('chromium'), ffmpeg => program('ffmpeg'));

# What comes from outside is fetched before the network is left.

my $lib = node_dir() . '/node_modules';
my $media = media_dir();
my $pages = peers_dir();

own_network('OPENQOE_CAUSES_INSIDE');


# A session whose media are to be late has a file here, but for the network.

my $late = scratch_dir('late');
my $user = $> == 0 ? 'user root;' : '';

# Of audio and of video, a request every 6.7 s: segments of 2 s come so late
# that a buffer of 4 s runs dry.

my $delay = 'limit_req zone=late burst=20;';

sub zone ($cause) {
    return <<"END";
        map \$request_uri \$session { ~^/media/(?<name>[^/]+)/ \$name; }
        map \$request_uri \$track { ~/seg-3- a; default v; }
        map \$late \$slowed { ~-$cause\$ \$late\$track; default ""; }
        limit_req_zone \$slowed zone=late:1m rate=9r/m;
END
}

my $switch = <<"END";
        set \$late "";
        if (-f $late/\$session) { set \$late \$session; }
END

my $origin = OpenQoE::Nginx->new(
    module => 0, main => $user, server => $switch,
    http => zone('origin') . <<"END",
        types {
            text/html html;
            text/javascript js;
            video/mp4 m4s;
            application/vnd.apple.mpegurl m3u8;
            application/dash+xml mpd;
        }
END
    locations => <<"END",
        location /pages/ { alias $pages/; }
        location /lib/ { alias $lib/; }
        location /media/ {
            if (\$late ~ -error\$) { return 503; }
            rewrite ^/media/[^/]+(/.*)\$ /files\$1 last;
        }
        location /files/ {
            internal;
            alias $media/;
            $delay
        }
END
);

my %port = map { $_ => free_port() } @sessions;
my $nginx = OpenQoE::Nginx->new(zone => 'qoe:64m');
my $log = $nginx->dir . '/requests.log';
my $listen = join "\n", map { "        listen 127.0.0.1:$port{$_};" } @sessions;

$nginx->write_config(
    main => $user, server => "$listen\n$switch",
    exporter => 'endpoint file://' . $nginx->out_file
                . '; interval 100ms; metric_interval 500ms;',
    http => zone('edge') . <<"END",
        log_format late '\$session \$msec \$status \$body_bytes_sent '
            'took=\$request_time origin=\$upstream_header_time'
            '/\$upstream_response_time bl=\$openqoe_cmcd_bl '
            'dl=\$openqoe_cmcd_dl bs=\$openqoe_cmcd_bs su=\$openqoe_cmcd_su '
            '\$uri';
END
    location => <<"END",
        location /media/ {
            openqoe_cmcd on;
            openqoe_cmcd_org \$session;
            access_log $log late;
            $delay
            proxy_pass http://127.0.0.1:@{[ $origin->port ]};
        }
        location / { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END
);
$_->start for $origin, $nginx;


# How the media of a session are made late, and in time again.

sub means ($name, $class) {
    return slow_path($port{$name}, $class) if $name =~ /-network$/;
    return { cut => ['touch', "$late/$name"], mend => ['rm', "$late/$name"] };
}

my $seen = browse('cmcd/causes.js', 300, sessions => [ map {
    my $name = $sessions[$_];
    { name => $name, player => $name =~ s/-.*//r,
      site => "http://127.0.0.1:$port{$name}", %{ means($name, 2 + $_) } };
} 0 .. $#sessions ]);

ok($seen, 'the browser was driven to the end')
    or done_testing, exit 1;
note("the browser: $seen->{product}");

my $metrics = OpenQoE::Metrics->new($nginx->out_file);

ok($metrics->wait_value(scalar @sessions, 'openqoe.experience.startup',
                        -timeout => 30) && $metrics->wait_collection(30),
   'a collection was made after the last request');


# What the page saw, and beside that what the module says; docs/cmcd.md has such
# a run.

sub show ($session) {
    my @page = map { "stalled $_->{ms} ms at $_->{position_s} s" }
               @{ $session->{views}[0]{stalls} };
    my @module;

    for my $name (qw(rebuffers rebuffer_time deadline_missed)) {
        for my $s ($metrics->series("openqoe.experience.$name",
                                    org_id => $session->{name})) {
            my $attrs = $s->{attrs};
            my $by = join ',', map { qq($_="$attrs->{$_}") }
                               grep { defined $attrs->{$_} }
                               qw(reason cause ot);

            push @module, "${name}{$by} " . ($s->{value} // $s->{sum});
        }
    }

    for my $i (0 .. max($#page, $#module)) {
        note(sprintf '%-14s  %-26s  %s', $i ? '' : $session->{name},
             $page[$i] // '', $module[$i] // '');
    }
}


# Stalls with less than a second of playing between them may count as one.

sub apart (@stalls) {
    return grep {
        $_ == 0
            || $stalls[$_]{position_s} - $stalls[$_ - 1]{position_s} >= 1
    } 0 .. $#stalls;
}


# docs/cmcd.md: stalls below 300 ms are not counted, and lengths were up to
# 255 ms wrong; a busy machine adds its own.

sub check ($session, $cause) {
    my @by = (org_id => $session->{name});
    my @all = @{ $session->{views}[0]{stalls} };
    my @stalls = grep { $_->{ms} >= 300 } @all;
    my $least = () = apart(@stalls);
    my $real = sum0(map { $_->{ms} } @all);
    my $stalled = sum0(map { $_->{sum} } $metrics->series(
                           'openqoe.experience.rebuffer_time', @by));
    my $count = $metrics->value('openqoe.experience.rebuffers', @by);

    is_deeply($session->{errors}, [], 'no script of the page had an error');
    cmp_ok(scalar @stalls, '>=', 1, 'the video stalled');
    ok($count >= $least && $count <= @stalls,
       'the stalls of the page are counted once each')
        or diag("$count, on the page $least to " . @stalls);
    is($metrics->value('openqoe.experience.rebuffers', @by, cause => $cause),
       $count, "the cause of each is $cause");
    ok(abs($stalled - $real) <= max(0.1 * $real, 600),
       'they are as long as on the page')
        or diag("$stalled ms, on the page $real ms");
    is($metrics->value('openqoe.experience.deadline_missed', @by),
       $metrics->value('openqoe.experience.deadline_missed', @by,
                       cause => $cause),
       'no response was late for another reason');
}

for my $session (sort { $a->{name} cmp $b->{name} } @{ $seen->{sessions} }) {
    my ($cause) = $session->{name} =~ /-(.+)/;

    note("$session->{name}: the page did not run for $session->{lag_ms} ms, "
         . "and its video was $session->{drag_ms} ms slow");

    # a page that stood still has stalls that no request can know of

    if ($session->{starved}) {
        SKIP: { skip "the machine has no time for $session->{name}", 1 }
        next;
    }

    my $fine = subtest "$session->{name}: the cause of a stall" => sub {
        show($session);
        check($session, $cause);
    };

    diag(map { "$_\n" } grep { /^\Q$session->{name}\E / } split /\n/,
                                                             slurp($log))
        if !$fine || $ENV{OPENQOE_KEEP};
}

ok($_->stop, 'nginx exits by itself') for $nginx, $origin;
$nginx->no_errors;

done_testing;
