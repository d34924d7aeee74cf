#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# /v2/health says what becomes of each exporter's requests, whatever they
# carry: events out of the spool without new ones, and metrics alone.

use lib 't/lib';
use OpenQoE::Event qw(decode_json_text);
use OpenQoE::Faults;
use OpenQoE::HTTP qw(http_get);
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'));


sub health ($f, $query = '') {
    my $answer = http_get($f->nginx->port, "/v2/health$query") // return {};
    return { code => $answer->{status}, %{ decode_json_text($answer->{body}) } };
}

sub exporter ($f, $name = 'default') {
    return health($f)->{dependencies}{exporters}{$name};
}


subtest 'a backlog that the collector does not take' => sub {
    my $f = OpenQoE::Faults->new(workers => 1)->start;

    $f->receiver->mode('status 503');
    is($f->status(5), 202, 'five events are accepted');
    ok(wait_until(sub { $f->dest->{spooled} == 5 }, 15),
       'the events wait in the spool');
    ok($f->nginx->stop, 'nginx exits');

    # a zone that knows nothing yet, and no event comes

    $f->nginx->start;
    ok(wait_until(sub { health($f, '?ready')->{code} == 503 }, 15),
       'after a start without traffic the health is not ready');
    is(health($f)->{status}, 'degraded', 'the health is degraded');
    is(health($f)->{code}, 200,
       'a degraded health is answered with 200 where readiness is not asked '
       . 'for');
    like(exporter($f)->{last_error}, qr/HTTP status 503/,
         'last_error is the answer to the events of the spool');
    ok(wait_until(sub { exporter($f)->{consecutive_failures} >= 3 }, 30),
       'the failures keep being counted');

    $f->receiver->mode('status 502');
    ok(wait_until(sub { exporter($f)->{last_error} =~ /HTTP status 502/ }, 60),
       'last_error is the latest answer');

    $f->receiver->mode('ok');
    ok(wait_until(sub { health($f, '?ready')->{code} == 200 }, 60),
       'the health is healthy as soon as the events are taken');
    is(exporter($f)->{consecutive_failures}, 0,
       'no failure is counted any more');
    $f->settled('a backlog');
    $f->end;
};


subtest 'an exporter of metrics alone' => sub {
    my $f = OpenQoE::Faults->new(workers => 2, to => {
        default => 'signals logs;',
        metrics => 'signals metrics; metric_interval 200ms;',
    })->start;

    is(exporter($f, 'metrics')->{consecutive_failures}, 0,
       'the exporter of metrics has no failure yet');
    ok(wait_until(sub { exporter($f, 'metrics')->{last_success} }, 15),
       'the exporter of metrics has the time of its last success');
    is(exporter($f, 'metrics')->{last_error}, undef,
       'the exporter of metrics has no error');

    my $port = $f->receiver('metrics')->{port};
    $f->receiver('metrics')->stop;
    ok(wait_until(sub { exporter($f, 'metrics')->{consecutive_failures} }, 15),
       'failures of the exporter of metrics are counted when its collector '
       . 'is gone');
    is(exporter($f, 'metrics')->{status}, 'degraded',
       'the exporter of metrics is degraded');
    like(exporter($f, 'metrics')->{last_error}, qr/connect/i,
         'the exporter of metrics has the reason');
    is(exporter($f)->{status}, 'healthy', 'the other exporter is healthy');
    is(health($f, '?ready')->{code}, 503, 'nginx is not ready');

    # it keeps its place over a reload

    $f->nginx->reload;
    ok(exporter($f, 'metrics')->{last_success},
       'last_success is still known after a reload');

    $f->receiver('metrics')->start;
    ok(wait_until(sub { health($f, '?ready')->{code} == 200 }, 60),
       'the health is ready again when the collector is back');
    is($f->status(3), 202, 'events are accepted');
    ok(wait_until(sub { $f->dest->{exported} == 3 }, 15),
       'events go to the other exporter alone');
    is($f->dest('metrics')->{accepted}, 0,
       'no event goes to the exporter of metrics');
    $f->end;
};

done_testing;
