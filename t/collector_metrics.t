#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The way by OTLP and the real Collector's Prometheus exporter, and our own
# text at /v2/stats: the same families, series and values for the same events.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Metrics;
use OpenQoE::Peers qw(collector_program);
use OpenQoE::Prometheus qw(prometheus_text sample_key sample_differences);
use OpenQoE::Viewers;

my $program = collector_program();
my $viewers = OpenQoE::Viewers->new(sessions => 20, span => 1000);

# in our text alone
my $OURS = qr/^openqoe_(?:events_received|events_accepted|events_rejected
              |ingest_latency)_/x;

# of the Collector alone
my $THEIRS = qr/^target_info\{/;

# go on between its last collection and our text: only names are compared
my $MOVES = qr/^(?:worker_heap|worker_stack|openqoe_queue_|openqoe_spool_
               |openqoe_delivery_|openqoe_series_count|otel_sdk_exporter_)/x;


# The Collector's samples without what its exporter adds.

sub collected ($text) {
    my %samples;

    for my $key (keys %{ $text->{samples} }) {
        next if $key =~ $THEIRS;
        my ($name) = $key =~ /^(\w+)/;
        my %labels = %{ $text->{labels}{$key} };
        delete @labels{ grep { /^(?:job|instance|otel_scope_\w+)$/ }
                        keys %labels };
        $samples{ sample_key($name, \%labels) } = $text->{samples}{$key};
    }

    return \%samples;
}


sub ours ($text) {
    return { map { $_ => $text->{samples}{$_} } grep { !/$OURS/ }
             keys %{ $text->{samples} } };
}


# { names of samples that move => 1 } and the others with their values

sub split_moving ($samples) {
    my (%names, %still);

    for my $key (keys %$samples) {
        if ($key =~ $MOVES) { $names{ $key =~ s/\{.*//sr } = 1 }
        else { $still{$key} = $samples->{$key} }
    }

    return (\%names, \%still);
}


sub fetch ($port, $path) {
    my $answer = http_get($port, $path, headers => { Accept => 'text/plain' })
        // die "$path: no answer\n";
    my $text = prometheus_text($answer->{body});
    is_deeply($text->{problems}, [], "$path is well-formed");
    return $text;
}


sub check ($protocol) {
    my $collector = OpenQoE::Peers->new(program => $program,
                                        prometheus => 1)->start;
    my $metrics = OpenQoE::Metrics->new($collector->file);
    my $interval = int scaled(4);
    my $nginx = OpenQoE::Nginx->new(
        workers => 2, zone => 'qoe:16m',
        http => 'openqoe_view_timeout 10m hidden=10m;', exporter => <<"END")->start;
endpoint http://127.0.0.1:@{[ $collector->port($protocol) ]};
        protocol $protocol;
        interval 100ms;
        metric_interval ${interval}s;
END

    # gauges are means of a window: all events fall into one, and both are
    # asked while it is the last

    ok(wait_until(sub { $metrics->read->times }, 2 * $interval + 5),
       'a collection is exported');

    $viewers->begin;
    ok($viewers->post($nginx), 'the viewers\' events are accepted');

    my $all = $metrics->wait_value($viewers->count, 'openqoe.events_total',
                                   -timeout => 2 * $interval + 10);
    is($all, $viewers->count, 'every event is in the exported metrics');
    is(scalar(grep { $_->{points} != 1 }
              $metrics->series('openqoe.fragment_size')), 0,
       'every event is in one collection');
    is_deeply($metrics->problems, [], 'no point contradicts another');

    my $times = $metrics->times;
    my ($theirs, $ours);
    wait_until(sub {
        my $body = http_get($collector->port('prometheus'), '/metrics');
        return $body && $body->{body} =~ /^openqoe_events_total/m;
    }, 5);
    $theirs = fetch($collector->port('prometheus'), '/metrics');
    $ours = fetch($nginx->port, '/v2/stats');
    is(scalar $metrics->read->times, $times,
       'both scrapes fall between two collections');

    compare($theirs, $ours);

    ok($nginx->stop, 'nginx exits by itself');
    $nginx->no_errors;
    ok($collector->stop, 'the Collector exits by itself');
}


sub compare ($theirs, $ours) {
    my ($moving, $still) = split_moving(collected($theirs));
    my ($our_moving, $our_still) = split_moving(ours($ours));

    cmp_ok(scalar keys %$still, '>', 1000,
           'there are more than 1000 samples to compare');
    is_deeply([ sample_differences($still, $our_still, 'the Collector',
                                   '/v2/stats') ], [],
              "the Collector's text has the same series with the same values");
    is_deeply($moving, $our_moving,
              "the Collector's text has the same names of samples that change");

    my %types = map { $_ => $theirs->{families}{$_}{type} }
                grep { $_ ne 'target_info' } keys %{ $theirs->{families} };
    my %our_types = map { $_ => $ours->{families}{$_}{type} }
                    grep { "${_}_" !~ $OURS } keys %{ $ours->{families} };
    is_deeply(\%our_types, \%types, "the Collector's text has the same types");

    my %help = map { $_ => $theirs->{families}{$_}{help} } keys %types;
    my %our_help = map { $_ => $ours->{families}{$_}{help} } keys %our_types;
    is_deeply(\%our_help, \%help, "the Collector's text has the same help");
}


for my $protocol (qw(grpc http/protobuf http/json)) {
    subtest $protocol => sub { check($protocol) };
}

done_testing;
