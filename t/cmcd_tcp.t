#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# What the kernel says of a connection (TCP_INFO), by request: over HTTP/2, where
# streams share the connection, and over several connections.  The shim answers
# for the kernel.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::H2Client;
use OpenQoE::Metrics;
use OpenQoE::Shim;

my $root = scratch_dir('media');
chmod 0755, $root;
my $segment = 'x' x 100_000;            # more than the window of a held stream
write_file("$root/seg-$_.m4s", $segment) for 1 .. 9;

my $shim = OpenQoE::Shim->new->tcp;
my $h2 = free_port();
my $nginx = OpenQoE::Nginx->new(
    zone => 'qoe:16m', env => $shim->env,
    exporter => 'endpoint file://' . scratch_dir('out') . '/otlp.jsonl; '
                . 'interval 100ms; metric_interval 200ms;',
    http => <<'END',
    types { video/mp4 m4s; }
    openqoe_metrics all;
    openqoe_series_ttl 1d;
END
    servers => <<"END",
    server {
        listen 127.0.0.1:$h2 http2;
        http2_max_concurrent_streams 16;
        location ~ ^/(?<org>[^/]+)/(?<file>.*) {
            alias $root/\$file;
            openqoe_cmcd on;
            openqoe_cmcd_org \$org;
        }
    }
END
)->start;

my $metrics = OpenQoE::Metrics->new(
    $nginx->{exporter} =~ m{file://(\S+?);} ? $1 : die);


sub path ($org, $n, $keys = '') {
    my $set = "d=2000,ot=v,sid=\"$org\"$keys";
    return "/$org/seg-$n.m4s?CMCD="
           . ($set =~ s/([^A-Za-z0-9.-])/sprintf '%%%02X', ord $1/ger);
}


sub metric_is ($n, $claim, $name, @labels) {
    my $seen = $metrics->wait_value($n, $name, @labels, -timeout => 20);
    my $got = $metrics->value($name, @labels);

    ok(defined $seen && $got == $n, $claim)
        || diag("$name is $got, not $n");
}


# Ends a held stream, some time after its request began: of answers that take
# no millisecond only some are looked at.

sub release ($client, $stream) {
    $client->statuses(20, $stream);
    sleep 0.02;
    $client->release($stream);
    is(length(($client->bodies(20, $stream))[0]), length $segment,
       'the segment comes');
}


# A whole request, with a buffer that lasts for a while

sub play ($client, $org, $n, $keys) {
    release($client, $client->get(path($org, $n, $keys), hold => 1));
    metric_is($n, "request $n counts", 'openqoe.delivery.requests',
              org_id => $org);
}


subtest 'retransmits over HTTP/2' => sub {
    my @sent = ('openqoe.delivery.retransmits', org_id => 'shared');
    my $client = OpenQoE::H2Client->new($h2);
    my ($long, $short) = map { $client->get(path('shared', $_), hold => 1) }
                         1, 2;

    $client->statuses(20, $long);
    $shim->tcp(rtt_ms => 7, retransmits => 3);
    release($client, $short);
    metric_is(1, 'a stream has the round trip time of its connection',
              'openqoe.delivery.rtt', org_id => 'shared');
    metric_is(3, 'what was sent again goes to the stream that ends first',
              @sent);

    $shim->tcp(rtt_ms => 7, retransmits => 5);
    release($client, $long);
    metric_is(2, 'the other stream has one as well', 'openqoe.delivery.rtt',
              org_id => 'shared');
    metric_is(5, 'it takes what was sent again since then, and no more', @sent);

    play($client, 'shared', 3, '');
    metric_is(5, 'what has been counted does not count for the next stream',
              @sent);

    my $other = OpenQoE::H2Client->new($h2);
    release($other, $other->get(path('shared', 4), hold => 1));
    metric_is(10, 'another connection has a count of its own', @sent);

    my ($rtt) = $metrics->series('openqoe.delivery.rtt', org_id => 'shared');
    is($rtt->{sum}, 4 * 7, 'all of them have the time that the kernel says');
    $_->close for $client, $other;
};


# A player starves although its segments came at once: the kernel has been busy
# for longer than a segment plays.  With another stream open, that may have been
# for the other one.

sub starve ($org, $others) {
    my $client = OpenQoE::H2Client->new($h2);
    my $busy = 0;

    my @open = map { $client->get(path("$org-other", $_), hold => 1) }
               1 .. $others;
    $client->statuses(20, @open);

    play($client, $org, 1, ',bl=0,su');
    play($client, $org, 2, ',bl=4000');
    $shim->tcp(busy_ms => $busy += 5000);
    play($client, $org, 3, ',bl=0,bs');
    play($client, $org, 4, ',bl=2000');
    play($client, $org, 5, ',bl=4000');
    $client->close;
    $shim->tcp;
}


subtest 'what the kernel still had to send' => sub {
    starve('alone', 0);
    starve('busy', 1);
    $shim->clock(3600);

    my @stalls = ('openqoe.experience.rebuffers', reason => 'bs');
    metric_is(1, 'it makes the network the cause of a stall', @stalls,
              org_id => 'alone', cause => 'network');
    metric_is(1, 'not where another stream has a part in it', @stalls,
              org_id => 'busy', cause => 'client');
};

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;

done_testing;
