#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Forged values in every dimension at once: the sizes of the zone, the exports
# and the text stay within bounds that were set, a value that was known before
# keeps series of its own, and the other values are counted.  OPENQOE_ATTACK is
# the number of events (100,000; ./build.sh bench sends 10 million).

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max sum0);

use OpenQoE::Test;

use OpenQoE::Prometheus qw(prometheus_text);

use constant { SERIES => 3000, ZONE_MB => 32, EVENTS => 20 };

need('t/tools/load' => tool('load'));

my $attack = $ENV{OPENQOE_ATTACK} || 100_000;
die "OPENQOE_ATTACK: a number of events\n" if $attack !~ /^[1-9]\d*$/;

# The limits of the configuration below, else the defaults.
my %max = (
    org_id => 50, player_id => 10_000, env => 10, app_name => 100,
    app_version => 200, device_category => 10, os_family => 20,
    browser_family => 20, player_name => 20, network_country => 250,
    video_id => 500, video_title => 30, stream_id => 1000, media_type => 8,
    codec => 50, error_family => 20, error_code => 200, framerate => 30,
    cdn_provider => 20,
);

# These are not attributes, only counted.
my @dropped = qw(network_region network_asn session_id view_id viewer_id
                 video_source_url);

my $dir = scratch_dir('exports');
my $sink = free_port();

my $nginx = OpenQoE::Nginx->new(
    workers => 2, zone => 'qoe:' . ZONE_MB . 'm', http => <<"END",
    openqoe_series_max @{[ SERIES ]};
    openqoe_view_timeout 2s hidden=2s;
    openqoe_drain_timeout 500ms;
    openqoe_dimension org_id allow max=$max{org_id};
    openqoe_dimension video_id allow max=$max{video_id} metrics=all;
    openqoe_dimension video_title topk max=$max{video_title} metrics=all;
    openqoe_dimension app_version allow max=$max{app_version} metrics=all;
    openqoe_dimension cdn_provider allow max=$max{cdn_provider};
    # when the first series of a request was collected: points have their start
    # (field 2) and their time (3), of eight bytes each
    map \$request_body \$collected {
        "~(?s)\\x11.{8}\\x19(?<time>.{8})" \$time;
    }
    log_format size '\$collected \$content_length';
END
    servers => <<"END");
    server {
        listen 127.0.0.1:$sink;
        client_max_body_size 16m;
        client_body_buffer_size 8m;
        location / { return 200; }
        location = /v1/metrics {
            access_log $dir/sizes size;
            proxy_pass http://unix:$dir/answer;
        }
    }
    server {
        listen unix:$dir/answer;
        location / { return 200; }
    }
END
$nginx->write_config(exporter => <<"END");
endpoint http://127.0.0.1:$sink;
        protocol http/protobuf;
        compression none;
        interval 200ms;
        metric_interval 1s;
END
chmod 0777, $dir;
$nginx->start;


sub text () {
    my $answer = http_get($nginx->port, '/v2/stats?format=prometheus',
                          timeout => 20);
    return { %{ prometheus_text($answer->{body}) },
             bytes => length $answer->{body} };
}


# The events of a viewer who was known before the attack: n heartbeats.  They
# have no title, because only the most frequent titles have series.

my %known = (
    org_id => 'org-known', player_id => 'player-known', env => 'env-known',
    app_name => 'app-known', app_version => '1.known',
    device => { category => 'd-known' }, os => { family => 'os-known' },
    browser => { family => 'b-known' }, player => { name => 'p-known' },
    network => { country_code => 'XK' },
    video => { id => 'video-known' },
    session_id => uuid(), view_id => uuid(),
);

sub known_viewer ($n) {
    my @events = map { event(%known, data => { buffer_length => 1000 + $_ }) }
                 1 .. $n;

    # The attack may have filled the queue.
    ok(wait_until(sub {
           my $answer = http_post($nginx->port, '/v2/events',
                                  batch_json(\@events));
           return $answer && $answer->{status} == 202;
       }, 30), 'the events of the known viewer are accepted');
}


sub known_count ($text, $name) {
    my $labels = $text->{labels};

    return sum0(map { $text->{samples}{$_} } grep {
        my $l = $labels->{$_};
        /^\Q$name\E\{/ && ($l->{org_id} // '') eq 'org-known'
        && ($l->{video_id} // '') eq 'video-known'
        && ($l->{app_version} // '') eq '1.known'
        && ($l->{player_name} // '') eq 'p-known'
    } keys %$labels);
}


# KB of memory of the workers outside the zone.

sub own_memory () {
    return max(map {
        my $status = slurp("/proc/$_/status");
        my ($all) = $status =~ /^VmRSS:\s+(\d+)/m;
        my ($shared) = $status =~ /^RssShmem:\s+(\d+)/m;
        $all - $shared;
    } $nginx->worker_pids);
}


sub shared_memory () {
    return max(map { slurp("/proc/$_/status") =~ /^RssShmem:\s+(\d+)/m }
               $nginx->worker_pids);
}


# The sizes of the exports so far: an export is one or more requests with the
# values of one collection.

sub exports () {
    my (@sizes, $last);

    for my $line (slurp("$dir/sizes") =~ /^(.*)\n/mg) {
        my ($collected, $bytes) = $line =~ /^(.+) (\d+)\z/;
        push @sizes, 0 if ($last // '') ne $collected;
        $sizes[-1] += $bytes;
        $last = $collected;
    }

    return @sizes;
}


sub drained () {
    return wait_until(sub {
        my $stats = $nginx->stats(timeout => 20);
        return $stats->{queue}{used} == 0;
    }, 60);
}


# Sends so many events of the attack, more than once if the queue was full most
# of the time, as on a busy machine; returns how many were accepted, and how
# many have no answer.

sub attack ($events) {
    state $first = 0;
    my ($accepted, $unknown) = (0, 0);

    for (1 .. 10) {
        my $p = load($nginx, c => 4, n => EVENTS, x => 0, d => 3600,
                     s => $first, m => int($events / EVENTS));
        $first += $events;
        my $status = $p->wait(600 + $events / 5000);
        my %sum = $p->output =~ /(\w+)_events (\d+)/g;

        is($status, 0, 'the load ends well')
            or diag($p->errors);
        note($p->output);
        $accepted += $sum{accepted} // 0;
        $unknown += $sum{ambiguous} // 0;
        last if $accepted >= $events / 2;
    }

    return ($accepted, $unknown);
}


known_viewer(10);
ok(wait_until(sub {
    known_count(text(), 'openqoe_events_total') == 10
}, 10), 'a viewer is known');

my $began = time;
my ($accepted, $unknown) = attack($attack / 2);
ok(drained(), 'all events of the first half are exported');
wait_until(sub { exports() >= 3 }, 10);
my $half = text();
my $own = own_memory();
my @first = exports();

known_viewer(10);
my @second = attack($attack / 2);
$accepted += $second[0];
$unknown += $second[1];
known_viewer(10);
ok(drained(), 'all events of the second half are exported');
my $exported = exports();
ok(wait_until(sub { exports() >= $exported + 3 }, 15),
   'metrics are exported all the time');

my $text = text();
my $took = time - $began;
my $stats = $nginx->stats(timeout => 20);
my @sizes = exports();

is_deeply($text->{problems}, [], 'the text is well-formed');
ok($stats->{series} && $stats->{dimensions}, '/v2/stats answers');
cmp_ok($accepted, '>=', $attack * 0.5, 'most of the attack was accepted');


# Distinct values of each label.

sub values_of ($text) {
    my %values;

    for my $labels (values %{ $text->{labels} }) {
        $values{$_}{ $labels->{$_} } = 1 for keys %$labels;
    }

    return \%values;
}

subtest 'the values of each dimension stay within their max' => sub {
    my $values = values_of($text);
    my $series = $text->{samples};

    for my $dim (sort keys %max) {
        my $n = keys %{ $values->{$dim} // {} };
        # A value that becomes known takes the place of a value on probation,
        # once a second at most; the latter's series stay until their ttl.
        cmp_ok($n, '<=', $max{$dim} + 1 + $took,
               "$dim: at most max values, \"other\" and values that lost "
               . 'their place');
        ok($values->{$dim}{other}, "$dim: values past max become \"other\"")
            if $max{$dim} <= 50;

        my @over = grep { /^openqoe_dimension_overflow_total\{
                          .*dimension="$dim"/x } keys %$series;
        cmp_ok(sum0(map { $series->{$_} } @over), '>', 0,
               "$dim: its overflow is counted") if $max{$dim} < 1000;

        my ($count) = map { $series->{$_} } grep {
            /^openqoe_dimension_cardinality\{dimension="$dim"/ } keys %$series;
        cmp_ok($count // -1, '>', 0, "$dim: has a cardinality");
        cmp_ok($count // 0, '<=', $max{$dim},
               "$dim: its cardinality is within its max")
            if $dim ne 'video_title';
    }

    for my $dim (@dropped) {
        ok(!$values->{$dim}, "$dim: there is no attribute");
    }

    for my $dim (qw(session_id view_id viewer_id)) {
        my ($count) = map { $series->{$_} } grep {
            /^openqoe_dimension_cardinality\{dimension="$dim"/ } keys %$series;
        cmp_ok(abs(($count // 0) / ($accepted + 1) - 1), '<', 0.05,
               "$dim: estimated (" . ($count // 'none') . " of $accepted)");
    }
};


subtest 'the known viewer keeps series of his own' => sub {
    is(known_count($text, 'openqoe_events_total'), 30,
       'every event of the known viewer is in series of its own');
    is(known_count($text, 'openqoe_buffer_length_milliseconds_count'), 30,
       'every value of the known viewer is in series of its own');
};


# A line of the text holds a number, and a histogram has several.

sub series_of ($text) {
    return grep { !/_(?:bucket|sum)\{/ } keys %{ $text->{samples} };
}

subtest 'series, memory, texts and exports are bounded' => sub {
    my $others = grep { /^(?:otel_|worker_|request_|openqoe_(?:dimension|queue
                         |series|spool|delivery|ingest|events_(?:rec|acc|rej)
                         |unique|concurrent))/x } series_of($text);

    note("$others series of the module itself");
    cmp_ok(scalar(series_of($text)) - $others, '<=', SERIES + 100,
           'there are at most openqoe_series_max series and those of overflow');
    cmp_ok($stats->{series}{count}, '<=', SERIES + 100,
           'the stats say the same number of series');
    cmp_ok(shared_memory(), '<=', ZONE_MB * 1024 + 64,
           'the shared memory is no larger than the zone');
    # Each lane has four batches of 512 events in flight.
    cmp_ok(own_memory() - $own, '<', 2 * 4 * 2048,
           "the workers' own memory does not grow");
    cmp_ok($text->{bytes}, '<', $half->{bytes} * 1.1,
           "the text ($text->{bytes} bytes) does not grow");

    # The exports are measured under load, so that the gauges are in them.
    my $before = max(@first);
    my $after = max(@sizes[@first .. $#sizes]);

    cmp_ok($after, '<', $before * 1.1,
           "an export ($after bytes) does not grow");
    cmp_ok($after, '<', SERIES * 1200, 'the size of an export is bounded');

    my ($overflow) = map { $text->{samples}{$_} }
                     grep { /^openqoe_series_overflow_total/ }
                     keys %{ $text->{samples} };
    cmp_ok($overflow // 0, '>', 0, 'series that were refused are counted');
    ok(scalar(grep { /otel_metric_overflow="true"/ }
              keys %{ $text->{samples} }),
       'values of refused series are in the overflow series');

    my $events = sum0(map { $text->{samples}{$_} }
                      grep { /^openqoe_events_total\{/ }
                      keys %{ $text->{samples} });
    cmp_ok($events, '>=', $accepted + 30, 'no event is missing in the sums');
    cmp_ok($events, '<=', $accepted + 30 + $unknown,
           'no event counts twice in the sums');
};

ok($nginx->stop('QUIT', 20), 'nginx exits by itself');
$nginx->no_errors;

done_testing;
