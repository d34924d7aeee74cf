#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The metrics that go by OTLP through the real Collector's Prometheus exporter,
# and the module's own text at /v2/stats: the same families, series and values
# for the same events.

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

# These metrics are in the module's text alone.
my $OURS = qr/^openqoe_(?:events_received|events_accepted|events_rejected
              |ingest_latency)_/x;

# This metric is in the Collector's text alone.
my $THEIRS = qr/^target_info\{/;

# These metrics change between the last collection and the module's text, so
# only their names are compared.
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


# Gauges are means of a window, so all events must fall into the same window,
# and both texts are scraped while it is the last.

sub observe ($protocol, $interval) {
    my $collector = OpenQoE::Peers->new(program => $program,
                                        prometheus => 1)->start;
    my $metrics = OpenQoE::Metrics->new($collector->file);
    my $nginx = OpenQoE::Nginx->new(
        workers => 2, zone => 'qoe:16m',
        http => 'openqoe_view_timeout 10m hidden=10m;', exporter => <<"END")->start;
endpoint http://127.0.0.1:@{[ $collector->port($protocol) ]};
        protocol $protocol;
        interval 100ms;
        metric_interval ${interval}s;
END

    ok(wait_until(sub { $metrics->read->times }, 2 * $interval + 5),
       'a collection is exported');

    $viewers->begin;
    ok($viewers->post($nginx), 'the viewers\' events are accepted');

    my $all = $metrics->wait_value($viewers->count, 'openqoe.events_total',
                                   -timeout => 2 * $interval + 10);
    is($all, $viewers->count, 'every event is in the exported metrics');
    is_deeply($metrics->problems, [], 'no point contradicts another');

    my $times = $metrics->times;
    wait_until(sub {
        my $body = http_get($collector->port('prometheus'), '/metrics');
        return $body && $body->{body} =~ /^openqoe_events_total/m;
    }, 5);

    my %seen = (
        theirs => fetch($collector->port('prometheus'), '/metrics'),
        ours => fetch($nginx->port, '/v2/stats'),
        later => $metrics->read->times - $times,
        apart => scalar(grep { $_->{points} != 1 }
                        $metrics->series('openqoe.fragment_size')),
    );

    ok($nginx->stop, 'nginx exits by itself');
    $nginx->no_errors;
    ok($collector->stop, 'the Collector exits by itself');
    return \%seen;
}


# A busy machine needs a longer interval for that.

sub check ($protocol) {
    my $seen;

    for my $interval (4, 12, 36) {
        $seen = observe($protocol, int scaled($interval));
        last if !$seen->{later} && !$seen->{apart};
        note("an interval of $interval s was too short");
    }

    is($seen->{apart}, 0, 'every event is in one collection');
    is($seen->{later}, 0, 'both scrapes fall between two collections');
    compare($seen->{theirs}, $seen->{ours});
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
