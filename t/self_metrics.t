#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The golden scenario of groups self and stats of the catalogue: requests of
# every outcome, and then the exact numbers in /v2/stats.  A row of these
# groups that the test does not check is a failure.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Metrics qw(catalogue labels_key near);
use OpenQoE::Prometheus qw(prometheus_text);

# otel name => the family in Prometheus text, without _total
my %FAMILY = (
    'request_processing_time' => 'request_processing_time_nanoseconds',
    'worker.heap_allocation' => 'worker_heap_allocation_byte',
    'worker.stack_in_use' => 'worker_stack_in_use_byte',
    'openqoe.ingest.events' => 'openqoe_ingest_events',
    'openqoe.ingest.waiting' => 'openqoe_ingest_waiting',
    'openqoe.ingest.delayed' => 'openqoe_ingest_delayed',
    'openqoe.ingest.delay' => 'openqoe_ingest_delay_seconds',
    'openqoe.ingest.undecoded' => 'openqoe_ingest_undecoded',
    'openqoe.queue.size' => 'openqoe_queue_size_bytes',
    'openqoe.queue.capacity' => 'openqoe_queue_capacity_bytes',
    'openqoe.queue.oldest_age' => 'openqoe_queue_oldest_age_seconds',
    'openqoe.spool.size' => 'openqoe_spool_size_bytes',
    'openqoe.spool.capacity' => 'openqoe_spool_capacity_bytes',
    'openqoe.delivery.events' => 'openqoe_delivery_events',
    'otel.sdk.exporter.log.exported' => 'otel_sdk_exporter_log_exported',
    'otel.sdk.exporter.span.exported' => 'otel_sdk_exporter_span_exported',
    'otel.sdk.exporter.metric_data_point.exported' =>
        'otel_sdk_exporter_metric_data_point_exported',
    'otel.sdk.exporter.operation.duration' =>
        'otel_sdk_exporter_operation_duration_seconds',
    'openqoe.series.count' => 'openqoe_series_count',
    'openqoe.series.overflow' => 'openqoe_series_overflow',
    'openqoe.dimension.cardinality' => 'openqoe_dimension_cardinality',
    'openqoe.dimension.overflow' => 'openqoe_dimension_overflow',
    'openqoe.events_received' => 'openqoe_events_received',
    'openqoe.events_accepted' => 'openqoe_events_accepted',
    'openqoe.events_rejected' => 'openqoe_events_rejected',
    'openqoe.ingest_latency' => 'openqoe_ingest_latency_seconds',
);
my %looked;
my $samples;


sub scrape ($nginx) {
    my $answer = http_get($nginx->port, '/v2/stats?format=prometheus',
                          headers => { 'X-API-Key' => 'k' });
    my $text = prometheus_text($answer->{body});
    is_deeply($text->{problems}, [], 'the Prometheus text is well formed')
        if @{ $text->{problems} };
    return $samples = $text->{samples};
}


# The series of a row: { labels => value }; part is _total, _count or a bucket.

sub row ($otel, $part = '') {
    my $name = ($FAMILY{$otel} // die "$otel: no family\n") . $part;
    $looked{$otel}++;
    return { map { /^\Q$name\E(\{.*\})$/ ? ($1 => $samples->{$_}) : () }
             keys %$samples };
}

sub is_row ($otel, $part, $want, $text) {
    my $got = row($otel, $part);
    is_deeply($got, $want, "$otel: $text") or diag explain $got;
}

sub labels (%attrs) { labels_key(\%attrs) }


# 1. requests of every outcome

my $nginx = OpenQoE::Nginx->new(
    http => "openqoe_dimension env allow max=2;\n"
            . "openqoe_dimension app_name allow max=1 overflow=hash;\n"
            . "openqoe_dimension org_id allow max=2;\n"
            . 'limit_req_zone $server_port zone=one:32k rate=1r/m;',
    events => 'openqoe_api_key k; client_max_body_size 64k;',
    location => <<'END');
        location /strict { openqoe_events; openqoe_validation strict; }
        location /limited { limit_req zone=one; openqoe_events; }
        location /forbidden { deny all; openqoe_events; }
END
$nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                     . "; interval 100ms; metric_interval 1h;");
$nginx->start;

sub answers ($status, $text, $path, $body, %headers) {
    my $r = http_request($nginx->port, 'POST', $path, body => $body,
                         headers => { 'X-API-Key' => 'k', %headers });
    is($r->{status}, $status, $text);
}

my %one = (org_id => 'o1', player_id => 'p1', env => 'e1', app_name => 'a1');
my %two = (org_id => 'o2', player_id => 'p2', env => 'e2', app_name => 'a1');
my %bad = (org_id => 'o1', player_id => undef);

answers(202, 'taken', '/v2/events', batch_json(batch(3, %one)));
answers(202, 'again', '/v2/events', batch_json(batch(4, %one)));
answers(202, 'of three orgs', '/v2/events', batch_json([
    event(%two), event(%one), event(%two),
    event(%two, org_id => 'o3', env => 'e3', app_name => 'a2') ]));
answers(202, 'in part', '/v2/events',
        batch_json([ event(%bad), event(%two), event(%bad) ]));
answers(400, 'no valid event', '/v2/events', batch_json([ event(%bad) ]));
answers(400, 'strict', '/strict',
        batch_json([ event(%one), event(%bad), event(%one) ]));
answers(400, 'no JSON', '/v2/events', '{');
answers(400, 'no event', '/v2/events', '{"events":[]}');
answers(401, 'no key', '/v2/events', batch_json(batch(2)),
        'X-API-Key' => 'x');
answers(415, 'another type', '/v2/events', batch_json(batch(2)),
        'Content-Type' => 'text/html');
answers(413, 'too large', '/v2/events', 'x' x 70_000);
answers(202, 'the first of a minute', '/limited', batch_json(batch(1, %one)));
answers(503, 'the second', '/limited', batch_json(batch(2, %one)));
answers(403, 'forbidden', '/forbidden', batch_json(batch(2, %one)));
is(http_get($nginx->port, '/v2/events')->{status}, 405,
   'a GET of events is refused');

my $accepted = 3 + 4 + 4 + 1 + 1;

ok(wait_until(sub {
    scrape($nginx);
    my $logs = row('otel.sdk.exporter.log.exported', '_total');
    my $applied = 0;
    $applied += $samples->{$_} for grep { /^openqoe_events_total\{/ }
                                   keys %$samples;
    return ($logs->{'{}'} // 0) == $accepted && $applied == $accepted;
}, 15), 'all events are applied and exported');
sleep 0.2;
scrape($nginx);

is_row('openqoe.ingest.events', '_total', {
    labels(outcome => 'accepted') => $accepted,
    labels(outcome => 'rejected', reason => 'invalid') => 4,
    labels(outcome => 'rejected', reason => 'strict') => 2,
    labels(outcome => 'rejected', reason => 'malformed') => 2,
    labels(outcome => 'rejected', reason => 'unauthorized') => 1,
    labels(outcome => 'rejected', reason => 'media_type') => 1,
    labels(outcome => 'rejected', reason => 'too_large') => 1,
    labels(outcome => 'rejected', reason => 'overload') => 1,
    labels(outcome => 'rejected', reason => 'refused') => 1,
}, 'events are counted by outcome, a body that was not read as one event');

my %org = (o1 => 9, o2 => 3, other => 1);

is_row('openqoe.events_accepted', '_total',
       { map { (labels(org_id => $_) => $org{$_}) } keys %org },
       'accepted events are counted by org');
is_row('openqoe.events_received', '_total', {
    (map { (labels(org_id => $_) => $org{$_}) } qw(o2 other)),
    labels(org_id => 'o1') => 11, '{}' => 4 },
       'received events are counted by org where it is known');
is_row('openqoe.events_rejected', '_total', {
    labels(reason => 'invalid') => 4,
    labels(org_id => 'o1', reason => 'strict') => 2 },
       'rejected events are counted by org and reason');

my %endpoint = ('request.endpoint' => '/v2/events');
my %requests = (
    labels(org_id => 1) => undef,
    map { my ($n, %l) = @$_;
          (labels(map { (s/\./_/gr => $l{$_}) } keys %l) => $n) }
    [ 2, %endpoint, 'org.id' => 'o1', 'player.id' => 'p1',
      'http.response.status_code' => 202 ],
    [ 2, %endpoint, 'org.id' => 'o2', 'player.id' => 'p2',
      'http.response.status_code' => 202 ],
    [ 1, 'request.endpoint' => '/strict', 'org.id' => 'o1',
      'player.id' => 'p1', 'http.response.status_code' => 400 ],
    [ 1, 'request.endpoint' => '/limited', 'org.id' => 'o1',
      'player.id' => 'p1', 'http.response.status_code' => 202 ],
    [ 3, %endpoint, 'http.response.status_code' => 400 ],
    (map { [ 1, %endpoint, 'http.response.status_code' => $_ ] }
     401, 413, 415),
    [ 1, 'request.endpoint' => '/limited',
      'http.response.status_code' => 503 ],
    [ 1, 'request.endpoint' => '/forbidden',
      'http.response.status_code' => 403 ],
);
delete $requests{ labels(org_id => 1) };

is_row('request_processing_time', '_count', \%requests,
       'each answered POST is counted by the ids of its first event');

my ($first) = grep { /"202"/ && /"p1"/ && /events/ }
              keys %{ row('request_processing_time', '_sum') };
my $sum = row('request_processing_time', '_sum')->{$first};
ok($sum > 2000 && $sum < 2e9,
   "processing times are in nanoseconds: $sum for two");
is(scalar(grep { /\Q"p1"\E/ && /"202"/ && /events/ }
          keys %{ row('request_processing_time', '_bucket') }), 16,
   'the histogram has fifteen bounds and +Inf');

is_row('openqoe.ingest_latency', '_count', { '{}' => 14 },
       'the latency of each answered POST is counted');
my $seconds = row('openqoe.ingest_latency', '_sum')->{'{}'};
my $nanoseconds = 0;
$nanoseconds += $_ for values %{ row('request_processing_time', '_sum') };
ok(abs($seconds - $nanoseconds / 1e9) < 14e-6,
   "the latency is the same time in seconds: $seconds");

# 2. what is taken at a scrape

my $stats = decode_json_text(http_get($nginx->port, '/v2/stats',
    headers => { 'X-API-Key' => 'k' })->{body});

is_row('openqoe.ingest.waiting', '', { labels(reason => 'room') => 0,
       labels(reason => 'ack') => 0 }, 'no request waits now');
my $requests = $stats->{requests};
is_row('openqoe.ingest.delayed', '_total', { '{}' => $requests->{delayed} },
       'requests that waited for room are counted as in the JSON');
is_row('openqoe.ingest.delay', '_total',
       { '{}' => $requests->{delay_ms} / 1000 },
       'the time that requests waited is in seconds');
is_row('openqoe.ingest.undecoded', '_total',
       { '{}' => $requests->{undecoded} },
       'requests refused undecoded are counted as in the JSON');
is_row('openqoe.queue.size', '', { '{}' => 0 },
       'an empty queue has the size 0');
is_row('openqoe.queue.oldest_age', '', { '{}' => 0 },
       'an empty queue has the age 0');
is_row('openqoe.queue.capacity', '', { '{}' => $stats->{queue}{size} },
       "the queue's capacity is that of the JSON");
is_row('openqoe.spool.size', '', { labels(exporter => 'default') => 0 },
       'without a spool its size is 0');
is_row('openqoe.spool.capacity', '', {}, 'without a spool it is absent');
is_row('openqoe.delivery.events', '', {
    (map { labels(exporter => 'default', state => $_) =>
               $stats->{exporter}{$_} }
        qw(accepted recovered exported rejected queued spooled)),
    (map { labels(exporter => 'default', state => 'dropped', reason => $_) =>
               $stats->{exporter}{dropped}{$_} }
        keys %{ $stats->{exporter}{dropped} }),
}, 'events are counted by state as in the JSON');
cmp_ok($stats->{exporter}{exported}, '>', 0, 'some events were exported');

# A dimension's overflow is a counter: with 0 from the first value on, where
# there is a limit.
my ($dims, $limits) = @$stats{qw(dimensions cardinality_limits)};
is_row('openqoe.dimension.overflow', '_total', {
    map { labels(dimension => $_, action => $limits->{$_}{overflow}) =>
              $dims->{$_}{overflow} }
    grep { $dims->{$_}{count} && $limits->{$_}{action} =~ /allow|topk/ }
    keys %$dims
}, 'values that were not admitted are counted by what they became');
is($stats->{dimensions}{env}{overflow}, 1, 'one value of env was not admitted');

my $distinct = row('openqoe.dimension.cardinality');
is($distinct->{ labels(dimension => 'player_id') }, 2,
   'two distinct players are counted');
is($distinct->{ labels(dimension => 'event_type') }, 1,
   'one distinct event type is counted');
is_deeply($distinct,
          { map { my $n = $stats->{dimensions}{$_}{count};
                  $n ? (labels(dimension => $_) => $n) : () }
            keys %{ $stats->{dimensions} } },
          'distinct values are counted as in the JSON');

# The series of the lanes: those that the text has of the other groups.

my $catalogue = catalogue();
my %own = map { $_ => 1 } values %FAMILY;
my $series = grep {
    my ($name) = /^(\w+)\{/;
    $name !~ /_(?:bucket|sum)$/ && !$own{$name}
        && !$own{ $name =~ s/_(?:total|count)$//r } && !/^openqoe_(?:unique_viewers|concurrent_views_current)\{/
} keys %$samples;
is(row('openqoe.series.count')->{'{}'}, $series, 'what the text has: '
   . $series);
is($stats->{series}{count}, $series,
   'the number of series is that of the JSON');
is_row('openqoe.series.overflow', '_total', { '{}' => 0 },
       'every series had room');

my ($worker) = $nginx->worker_pids;
my ($stack) = slurp("/proc/$worker/status") =~ /^VmStk:\s+(\d+) kB/m;
my $told = row('worker.stack_in_use')->{'{}'};
ok(abs($told - $stack * 1024) <= 65536,
   "the worker's stack is reported: $told bytes");
my $heap = row('worker.heap_allocation')->{'{}'};
my ($rss) = slurp("/proc/$worker/status") =~ /^VmSize:\s+(\d+) kB/m;

# The allocator of AddressSanitizer does not say what it has given out.

ok($heap > ($ENV{OPENQOE_SANITIZE} ? -1 : 10_000) && $heap < $rss * 1024,
   "the worker's heap is reported: $heap bytes");

# 3. the exporter's own: a file takes all, and there are no spans

my $lines = () = slurp($nginx->out_file) =~ /\n/g;
is_row('otel.sdk.exporter.log.exported', '_total', { '{}' => $accepted },
       'accepted events are counted as exported');
is_row('otel.sdk.exporter.operation.duration', '_count', { '{}' => $lines },
       'each export request is counted');
is_row('otel.sdk.exporter.span.exported', '_total', {}, 'no spans are counted');
is_row('otel.sdk.exporter.metric_data_point.exported', '_total', {},
       'no metric points are counted yet');

ok($nginx->stop, 'quits');
$nginx->no_errors;

# 4.  Few series, exported metrics, and a collector that fails for good.

my $sink_text = OpenQoE::Nginx->new(module => 0, location =>
    'location / { return 400; }')->start;
$nginx = OpenQoE::Nginx->new(http => 'openqoe_series_max 1000;',
    exporter => 'endpoint ' . $sink_text->url('') . '; protocol http/protobuf;'
                . ' interval 100ms; metric_interval 1s;')->start;
answers(202, "taken, $_", '/v2/events', batch_json([
    map { event(org_id => "x$_") } $_ * 5 .. $_ * 5 + 4 ])) for 1 .. 60;

my $failed = labels(error_type => 400);
ok(wait_until(sub {
    scrape($nginx);
    my $logs = row('otel.sdk.exporter.log.exported', '_total');
    my $points = row('otel.sdk.exporter.metric_data_point.exported',
                     '_total');
    return ($logs->{$failed} // 0) == 300 && $points->{$failed};
}, 20), 'logs and points that are refused are counted by their error')
    or diag explain row('otel.sdk.exporter.log.exported', '_total'),
            row('otel.sdk.exporter.metric_data_point.exported', '_total');

$stats = decode_json_text(http_get($nginx->port, '/v2/stats')->{body});
is(row('openqoe.series.overflow', '_total')->{'{}'},
   $stats->{series}{overflow}, 'values beyond openqoe_series_max are counted');
is($stats->{series}{overflow}, 750,
   'of 300 new orgs the last 150 had no room for 5 series each');

my $attempts = row('otel.sdk.exporter.operation.duration', '_count');
my @attempts = grep { /error_type="400"/
                      && /http_response_status_code="400"/ } keys %$attempts;
is(scalar @attempts, scalar keys %$attempts,
   'attempts are counted by error and status') or diag explain $attempts;

ok($nginx->stop, 'quits');
ok($sink_text->stop, 'the sink exits in order');
$nginx->no_errors;

# 5.  A collector that is not there: events wait.

$nginx = OpenQoE::Nginx->new(exporter => 'endpoint http://127.0.0.1:'
    . free_port() . '; protocol http/json; interval 100ms;',
    http => 'openqoe_drain_timeout 100ms;')->start;
my $sent = time;
answers(202, 'taken', '/v2/events', batch_json(batch(5)));
sleep 2;
scrape($nginx);
my $age = row('openqoe.queue.oldest_age')->{'{}'};
ok($age >= 1.9 && $age <= time - $sent + 0.1,
   "the oldest event in the queue waits for $age s");
cmp_ok(row('openqoe.queue.size')->{'{}'}, '>', 1000,
       'an event that waits takes room');
ok($nginx->stop, 'quits');

# 6.  No row was left out.

my @rows = grep { $catalogue->{$_}{group} =~ /^(?:self|stats)$/ }
           sort keys %$catalogue;
cmp_ok(scalar @rows, '>=', 20,
       'the catalogue has rows of the groups self and stats');
is_deeply([ grep { !$looked{$_} } @rows ], [],
          'the test looked at each of these rows');

done_testing;
