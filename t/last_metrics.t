#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# No metric is late and none is lost: records that come while the helper
# pauses, and an exit while the exporter waits for an answer.

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


# Nothing but the record itself would wake the helper for many seconds.

subtest 'records behind records' => sub {
    my $nginx = OpenQoE::Nginx->new(workers => 1);
    $nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                         . '; interval 60s; metric_interval 60s;');
    $nginx->start;

    # the first seconds of a helper have more wakes
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


# The exporter is in the middle of a collection when all are told to leave:
# what came behind it is in the last one, whoever sends that.

sub lost ($workers, $posts) {
    my $peer = OpenQoE::NodePeer->new('http_server.js')->start;
    my $logs = OpenQoE::NodePeer->new('http_server.js')->start;
    my $seen = OpenQoE::Metrics->new($peer->file);

    # the logs are out at once: they do not make the exit wait
    my $nginx = OpenQoE::Nginx->new(workers => $workers,
        env => {
            OTEL_EXPORTER_OTLP_LOGS_ENDPOINT => $logs->url . '/v1/logs',
            OTEL_EXPORTER_OTLP_METRICS_ENDPOINT => $peer->url . '/v1/metrics',
        },
        exporter => 'protocol http/protobuf; interval 20ms;'
                    . ' metric_interval 400ms;')->start;
    my $accepted = 0;

    $peer->mode(mode => 'delay', ms => 300);

    for (1 .. $posts) {
        $accepted += 4 if post($nginx, 4) == 202;
        sleep 0.03;
    }

    is($accepted, $posts * 4, 'all events are accepted');
    ok($nginx->stop('TERM', 8), 'nginx exits by itself');
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
