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
    is($f->status(5), 202, 'five events are taken');
    ok(wait_until(sub { $f->dest->{spooled} == 5 }, 15),
       'they wait in the spool');
    ok($f->nginx->stop, 'nginx leaves');

    # a zone that knows nothing yet, and no event comes

    $f->nginx->start;
    ok(wait_until(sub { health($f, '?ready')->{code} == 503 }, 15),
       'after a start without traffic the health is not ready');
    is(health($f)->{status}, 'degraded', 'it is degraded');
    is(health($f)->{code}, 200, 'which is 200 where readiness is not asked');
    like(exporter($f)->{last_error}, qr/HTTP status 503/,
         'last_error is the answer to the events of the spool');
    ok(wait_until(sub { exporter($f)->{consecutive_failures} >= 3 }, 30),
       'the failures go on being counted');

    $f->receiver->mode('status 502');
    ok(wait_until(sub { exporter($f)->{last_error} =~ /HTTP status 502/ }, 60),
       'last_error is the last one');

    $f->receiver->mode('ok');
    ok(wait_until(sub { health($f, '?ready')->{code} == 200 }, 60),
       'healthy as soon as they are taken');
    is(exporter($f)->{consecutive_failures}, 0, 'no failure is left');
    $f->settled('a backlog');
    $f->end;
};


subtest 'an exporter of metrics alone' => sub {
    my $f = OpenQoE::Faults->new(workers => 2, to => {
        default => 'signals logs;',
        metrics => 'signals metrics; metric_interval 200ms;',
    })->start;

    is(exporter($f, 'metrics')->{consecutive_failures}, 0, 'no failure yet');
    ok(wait_until(sub { exporter($f, 'metrics')->{last_success} }, 15),
       'last_success is that of its metrics');
    is(exporter($f, 'metrics')->{last_error}, undef, 'and no error');

    my $port = $f->receiver('metrics')->{port};
    $f->receiver('metrics')->stop;
    ok(wait_until(sub { exporter($f, 'metrics')->{consecutive_failures} }, 15),
       'its failures are counted when the collector is gone');
    is(exporter($f, 'metrics')->{status}, 'degraded', 'it is degraded');
    like(exporter($f, 'metrics')->{last_error}, qr/connect/i, 'and says why');
    is(exporter($f)->{status}, 'healthy', 'the other exporter is not');
    is(health($f, '?ready')->{code}, 503, 'nginx is not ready');

    # it keeps its place over a reload

    $f->nginx->reload;
    ok(exporter($f, 'metrics')->{last_success},
       'last_success is still known after a reload');

    $f->receiver('metrics')->start;
    ok(wait_until(sub { health($f, '?ready')->{code} == 200 }, 60),
       'healthy again when the collector is back');
    is($f->status(3), 202, 'events are taken');
    ok(wait_until(sub { $f->dest->{exported} == 3 }, 15),
       'and go to the other exporter alone');
    is($f->dest('metrics')->{accepted}, 0, 'none to the one of metrics');
    $f->end;
};

done_testing;
