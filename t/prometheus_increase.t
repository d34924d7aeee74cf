#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# What a dashboard shows: sum(increase(...)) on a real Prometheus is what
# happened, although nearly every view makes series of its own, which come and
# go.  Debian's Prometheus 2 and a Prometheus 3 without feature flags scrape
# as the two servers of a pair do; Prometheus 3 is also sent OTLP.  In the
# middle nginx is stopped and started.
#
# increase() counts from the first sample of a series that it sees, so a view
# is lost where the series is born with its value; that is what is tested.  It
# also extrapolates: at the front never beyond zero, hence not at all for a
# series that begins with 0; at the end up to the time of the query if that is
# at most 1.1 mean intervals off, else by half an interval.  So with a query at
# the very time of the last sample the result is exact for series that live
# then, and 1/(2(n-1)) too high for those that ended after n samples.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Metrics qw(labels_key);
use OpenQoE::Peers qw(program prometheus3);
use OpenQoE::Plays;
use OpenQoE::Prometheus qw(prometheus_text);

need('Prometheus, Debian package prometheus' => program('prometheus'));

my ($program3, $reason) = prometheus3();

# The extrapolation of series that ended takes up to 2 of these 5 %.
my $TOLERANCE = 0.05;

# The scrapers look every second; a value waits until its zero was scraped,
# even by a scraper that a busy machine holds up for some seconds.
my $birth = int scaled(6);

# The metric that is asked for => what the driver knows.
my %asked = (
    'openqoe_views_started_total' => 'started',
    'openqoe_views_completed_total' => 'completed',
    'openqoe_views_total' => 'over',
    'openqoe_errors_total' => 'errors',
    'openqoe_rebuffer_events_total' => 'stalls',
    'openqoe_video_startup_seconds_count' => 'started',
    'openqoe_video_startup_seconds_bucket{le="0.5"}' => 'started',
);


sub with_job ($metric, $job) {
    my ($name, $labels) = $metric =~ /^(\w+)(?:\{(.*)\})?$/;
    return "$name\{" . join(',', $labels // (), "job=\"$job\"") . '}';
}


# A way by which series come to a Prometheus: { name, server, job }.

my (@ways, @servers);

sub way ($name, $server, $job) {
    push @ways, { name => $name, server => $server, job => $job };
}


# The time of the last sample of the views, as a Unix time with ms.

sub last_sample ($way) {
    my $metric = with_job('openqoe_views_started_total', $way->{job});
    return $way->{server}->value("max(timestamp($metric))");
}


# So many more samples have come.

sub wait_samples ($way, $n) {
    my $last = last_sample($way) // 0;

    for (1 .. $n) {
        $last = wait_until(sub {
            my $new = last_sample($way);
            return defined $new && $new > $last && $new;
        }, 20) // return 0;
    }

    return 1;
}


# A range that begins at a time, for queries at another.

sub range ($from, $at) { '[' . int(1000 * ($at - $from)) . 'ms]' }


# Waits until the values that Prometheus has now are what happened since a
# time: all views are over, and no value waits for its zero to be scraped.
# Returns what is missing after that wait, as texts.

sub missing ($way, $truth, $from) {
    my %seen;

    my $all = wait_until(sub {
        my $at = time;
        for my $metric (keys %asked) {
            my $series = with_job($metric, $way->{job}) . range($from, $at);
            $seen{$metric} = $way->{server}->value(
                "sum(last_over_time($series))", $at) // 0;
        }
        return !grep { $seen{$_} != $truth->{ $asked{$_} } } keys %asked;
    }, 45 + $birth);

    return $all ? () : map { "$_: $seen{$_} of $truth->{ $asked{$_} }" }
                       grep { $seen{$_} != $truth->{ $asked{$_} } }
                       sort keys %asked;
}


# What increase() gives from a time to the last sample.

sub increases ($way, $truth, $from) {
    my $at = last_sample($way);

    for my $metric (sort keys %asked) {
        my $series = with_job($metric, $way->{job}) . range($from, $at);
        my $want = $truth->{ $asked{$metric} };
        my $seen = $way->{server}->value("sum(increase($series))", $at) // 0;

        cmp_ok(abs($seen - $want), '<=', $TOLERANCE * $want,
               sprintf '%s: increase() of %s is %.2f of %d', $way->{name},
               $metric, $seen, $want);
    }
}


# The counters, and the counts of histograms, in the text at /v2/stats.

sub counting ($nginx) {
    my $answer = http_get($nginx->port, '/v2/stats',
                          headers => { Accept => 'text/plain' });
    my $families = prometheus_text($answer->{body})->{families};

    return map {
        my $type = $families->{$_}{type};
        $type eq 'counter' ? $_
            : $type eq 'histogram' ? ("${_}_count", "${_}_bucket") : ();
    } sort keys %$families;
}


# For each metric the number of series that answer to an expression, where
# there are any: a list of texts.  %s stands for the series.

sub guilty ($way, $from, $expression, @metrics) {
    my $at = last_sample($way);
    my $range = range($from, $at);

    return map { "$_->{metric}{metric}: $_->{value}" } $way->{server}->query(
        join(' or ', map {
            my $series = with_job($_, $way->{job}) . $range;
            my $bad = sprintf $expression, $series;
            "label_replace(count($bad), \"metric\", \"$_\", \"\", \"\")";
        } @metrics), $at);
}


# The first sample of a series is 0, and the series never falls, since a time.

sub born_with_zero ($way, $from, @metrics) {
    is_deeply([ guilty($way, $from, 'min_over_time(%s) > 0', @metrics) ], [],
              "$way->{name}: the first sample of every series is 0");
    is_deeply([ guilty($way, $from, 'resets(%s) > 0', @metrics) ], [],
              "$way->{name}: no series falls");
}


# The samples since a time of each series of a metric: { labels => [...] }.

sub samples ($way, $from, $metric) {
    my $at = last_sample($way);
    my $series = with_job($metric, $way->{job}) . range($from, $at);
    my %samples;

    for my $result ($way->{server}->query($series, $at)) {
        my %labels = %{ $result->{metric} };
        delete $labels{__name__};
        $samples{ labels_key(\%labels) } = $result->{samples};
    }

    return \%samples;
}


# OpenMetrics says when a series was created.  A scrape's time is that of its
# begin by Prometheus' clock, in ms.

sub created ($way, $from) {
    my $started = samples($way, $from, 'openqoe_views_started_total');
    my $created = samples($way, $from, 'openqoe_views_started_created');

    is_deeply([ sort keys %$created ], [ sort keys %$started ],
              "$way->{name}: every series says when it was created");
    is_deeply([ grep { $created->{$_} && $created->{$_}[-1][1]
                       > $started->{$_}[0][0] + 1 } sort keys %$started ], [],
              "$way->{name}: no series was created after its first sample");
}


# A gauge of views that are over does not remain.

sub nothing_is_on ($way) {
    my $gauge = with_job('openqoe_concurrent_views_current', $way->{job});

    ok(wait_until(sub { !$way->{server}->value("sum($gauge)") }, 20),
       "$way->{name}: no view is shown as being watched any more");
}


# Views whose truth is known, from their events to the queries.

sub run ($nginx, $plays, $from) {
    $plays->begin;
    ok($plays->post($nginx), 'the events of the views are accepted');

    for my $way (@ways) {
        is_deeply([ missing($way, $plays->truth, $from) ], [],
                  "$way->{name}: in the end every view is in the values");
    }

    my @metrics = counting($nginx);

    for my $way (@ways) {
        ok(wait_samples($way, 2), "$way->{name}: samples keep coming");
        increases($way, $plays->truth, $from);
        born_with_zero($way, $from, @metrics);
        created($way, $from) if $way->{job} eq 'edge';
        nothing_is_on($way);
    }
}


my $otlp = '';
my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:32m',
                                birth => "${birth}s",
                                http => "client_body_buffer_size 128k;\n");
my %edge = (edge => { port => $nginx->port, path => '/v2/stats' });

push @servers, OpenQoE::Prometheus->new(jobs => \%edge, replica => 'a');
way('2 by scrape', $servers[0], 'edge');

# The other server of the pair.
push @servers, OpenQoE::Prometheus->new(
    jobs => \%edge, replica => 'b',
    $program3 ? (program => $program3,
                 args => [ '--web.enable-otlp-receiver' ]) : ());
way($program3 ? '3 by scrape' : '2 by scrape, the other', $servers[1], 'edge');

if ($program3) {
    way('3 by OTLP', $servers[1], 'edge-otlp');
    $otlp = <<"END";
    openqoe_exporter prometheus {
        endpoint http://127.0.0.1:@{[ $servers[1]->port ]}/api/v1/otlp;
        protocol http/protobuf;
        signals metrics;
        metric_interval 1s;
        resource service.name edge-otlp;
    }
END
}

$_->start for @servers;
like($servers[0]->version, qr/^[23]\./,
     "one server is Debian's Prometheus, a 2 or, after Debian 13, a 3");

SKIP: {
    skip "no Prometheus 3, so nothing by OTLP: $reason", 1 if !$program3;
    like($servers[1]->version, qr/^3\./, 'the other server is a Prometheus 3');
}

note('Prometheus ', $_->version) for @servers;

$nginx->write_config(exporter => <<"END", http => $nginx->{http} . $otlp);
endpoint file://@{[ $nginx->out_file ]};
        interval 100ms;
        metric_interval 1s;
        resource service.name edge-otlp;
END


my $begin = time;
my $first = OpenQoE::Plays->new(views => 66);
my $second = OpenQoE::Plays->new(views => 66, first => 33, left => 12);

$nginx->start;
subtest 'views with labels of their own' => sub {
    run($nginx, $first, $begin);
};

my $metrics = OpenQoE::Metrics->new($nginx->out_file)->read;
is_deeply($metrics->problems, [], 'by OTLP no point is before its start');
ok($nginx->stop, 'nginx exits by itself');

# The last points of a process are read before those of the next process.
$metrics->read;
my $size = -s $nginx->out_file;
my $again = time;

$nginx->start;
subtest 'other views, half of them of the same videos, after a restart' => sub {
    run($nginx, $second, $again);
};

subtest 'the whole run' => sub {
    my %truth = map { $_ => $first->truth->{$_} + $second->truth->{$_} }
                keys %{ $first->truth };

    increases($_, \%truth, $begin) for @ways;
};

subtest 'the series are those of before the restart' => sub {
    for my $way (@ways) {
        my $series = with_job('openqoe_views_started_total', $way->{job})
                     . range($begin, last_sample($way));
        is($way->{server}->value(
               "count(count by (instance) (count_over_time($series)))"), 1,
           "$way->{name}: all series are of one instance");
    }

    my $later = OpenQoE::Metrics->new($nginx->out_file, from => $size)->read;
    is_deeply($later->problems, [], 'no point is before its start');
    is_deeply([ sort keys %{ $later->{instances} } ],
              [ sort keys %{ $metrics->{instances} } ],
              'service.instance.id stays the same');
};

for my $way (grep { $_->{job} eq 'edge' } @ways) {
    my $series = "{job=\"edge\"}" . range($begin, time);
    note(sprintf '%s: at most %d samples a scrape, %d views made series',
         $way->{name}, $way->{server}->value(
             "max(max_over_time(scrape_samples_scraped$series))"),
         $first->truth->{started} + $second->truth->{started});
}

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;
ok($_->stop, 'Prometheus exits by itself') for @servers;

done_testing;
