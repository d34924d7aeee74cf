#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# No value is late in the metrics and none is lost: records that come while the
# helper pauses, and an exit while the exporter waits for an answer.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Metrics;
use OpenQoE::NodePeer;
use OpenQoE::Test;


sub post ($nginx, $n) {
    return http_post($nginx->port, '/v2/events', batch_json(batch($n)))
           ->{status};
}


sub counted ($nginx) {
    my $text = http_get($nginx->port, '/v2/stats',
                        headers => { Accept => 'text/plain' })->{body};
    my $sum = 0;

    $sum += $1 while $text =~ /^openqoe_events_total\{[^}]*\} (\d+)/mg;
    return $sum;
}


# Only the record itself can wake the helper for many seconds.

subtest 'a record right after another is in the metrics soon' => sub {
    my $nginx = OpenQoE::Nginx->new(workers => 1);
    $nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                         . '; interval 60s; metric_interval 60s;');
    $nginx->start;

    # In its first seconds a helper wakes up more often.
    post($nginx, 1);
    sleep scaled(1);

    my $sum = counted($nginx);

    for my $round (1 .. 2) {
        is(post($nginx, 1), 202, 'an event is accepted');
        sleep 0.1;
        is(post($nginx, 1), 202, 'another event is accepted a moment later');
        $sum += 2;

        ok(wait_until(sub { counted($nginx) == $sum }, scaled(2)),
           'both events are in the metrics soon');
        sleep scaled(0.7);
    }

    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
};


# The exporter is in the middle of a collection when all workers are told to
# exit: later events are in the last collection, whichever worker sends that.

sub lost ($workers, $posts) {
    my $peer = OpenQoE::NodePeer->new('http_server.js')->start;
    my $logs = OpenQoE::NodePeer->new('http_server.js')->start;
    my $seen = OpenQoE::Metrics->new($peer->file);

    # The logs are sent at once, so the exit does not wait for them.
    my $nginx = OpenQoE::Nginx->new(workers => $workers,
        env => {
            OTEL_EXPORTER_OTLP_LOGS_ENDPOINT => $logs->url . '/v1/logs',
            OTEL_EXPORTER_OTLP_METRICS_ENDPOINT => $peer->url . '/v1/metrics',
        },
        http => 'openqoe_drain_timeout 30s;',
        exporter => 'protocol http/protobuf; interval 20ms;'
                    . ' metric_interval 400ms;')->start;
    my $accepted = 0;

    $peer->mode(mode => 'delay', ms => 300);

    for (1 .. $posts) {
        $accepted += 4 if post($nginx, 4) == 202;
        sleep 0.03;
    }

    is($accepted, $posts * 4, 'all events are accepted');

    # a TERM would leave them 1.2 s, in which a busy machine may do nothing
    ok($nginx->stop('QUIT', 12), 'nginx exits by itself');
    $nginx->no_errors;
    $_->stop for $peer, $logs;

    return $accepted - $seen->read->value('openqoe.events_total');
}


for my $workers (1, 2) {
    subtest "$workers workers leave in a collection" => sub {
        is(lost($workers, 14 + 3 * $_), 0, 'every event is in the metrics')
            for 1 .. 5;
    };
}


done_testing();
