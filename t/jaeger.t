#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Traces of views in a real Jaeger 2, as its API answers: recorded sessions of
# real players, and a view that failed.

use lib 't/lib';
use OpenQoE::Peers qw(jaeger_program);
use OpenQoE::Sessions qw(recorded_sessions batches);
use OpenQoE::Test;

my ($program, $reason) = jaeger_program();
plan(skip_all => $reason) if !$program;

my $dir = scratch_dir('jaeger');
my ($grpc, $http, $query, $query_grpc, $health, $telemetry) = free_ports(6);

write_file("$dir/config.yaml", <<"END");
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [jaeger_storage_exporter]
  telemetry:
    resource:
      service.name: jaeger
    metrics:
      level: none
extensions:
  healthcheckv2:
    use_v2: true
    http:
      endpoint: 127.0.0.1:$health
  jaeger_query:
    storage:
      traces: memory
    http:
      endpoint: 127.0.0.1:$query
    grpc:
      endpoint: 127.0.0.1:$query_grpc
  jaeger_storage:
    backends:
      memory:
        memory:
          max_traces: 1000
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:$grpc
      http:
        endpoint: 127.0.0.1:$http
processors:
  batch:
exporters:
  jaeger_storage_exporter:
    trace_storage: memory
END

my $jaeger = spawn_peer(cmd => [ $program, '--config', "$dir/config.yaml" ],
                        name => 'jaeger', ready => qr/Everything is ready/,
                        timeout => 60);

my $nginx = OpenQoE::Nginx->new(zone => 'qoe:16m', workers => 2);
$nginx->write_config(http => <<"END", exporter => <<"END2");
    openqoe_view_timeout 1h;
    openqoe_traces all;
END
endpoint http://127.0.0.1:$grpc;
        protocol grpc;
        interval 50ms;
        signals traces;
END2
$nginx->start;


# A trace as Jaeger shows it: spans with the ids of their parents, in ms.

sub trace ($view_id) {
    my $id = lc $view_id =~ s/-//gr;
    my $r = http_get($query, "/api/traces/$id");
    my $json = $r->{status} == 200 ? decode_json_text($r->{body}) : undef;
    my $trace = ($json // {})->{data}[0] // return;

    return map { {
        name => $_->{operationName}, id => $_->{spanID},
        start => $_->{startTime} / 1000, ms => $_->{duration} / 1000,
        parent => ($_->{references}[0] // {})->{spanID} // '',
        tag => { map { $_->{key} => $_->{value} } @{ $_->{tags} } },
        logs => $_->{logs},
    } } @{ $trace->{spans} };
}


sub root (@spans) { (grep { $_->{name} eq 'view' } @spans)[0] }


# The sessions that ended by an event, so that their views are over at once.

my @sessions = grep { $_->{truth}{ended} && $_->{expect}{over} == 1 }
               recorded_sessions();
my $now = int(time * 1000) - 600_000;

cmp_ok(scalar @sessions, '>=', 2, 'sessions of several players ended');

for my $batch (batches($now, \@sessions)) {
    my $r = http_post($nginx->port, '/v2/events', $batch->{body});
    is($r->{status}, 202, 'a batch is accepted') if $r->{status} != 202;
}

for my $s (@sessions) {
    subtest $s->{name} => sub {
        my ($id) = $s->{events}[0]{text} =~ /"view_id":"([^"]+)"/;
        my @spans;

        # Jaeger stores span by span.
        ok(wait_until(sub {
               my $n = @spans;
               return root(@spans = trace($id)) && @spans == $n;
           }, 60), 'Jaeger has the trace of the view') or return;

        my $root = root(@spans);
        my @children = grep { $_->{parent} eq $root->{id} } @spans;
        my $played = 0;
        $played += $_->{ms} for grep { $_->{name} eq 'playing' } @children;

        is($root->{id}, substr(lc $id =~ s/-//gr, 16),
           'its root is the end of the view_id');
        is(scalar @children, @spans - 1, 'all other spans are its children');
        is($root->{tag}{'openqoe.view.outcome'}, 'completed',
           'the outcome is a tag of the root');
        is($root->{tag}{org_id}, $s->{name}, 'so is the organization');
        is($played, $root->{tag}{'openqoe.view.playing_ms'},
           'the stretches of playing are the playing time of the view');
        is(scalar(grep { $_->{name} eq 'stall' } @children),
           @{ $s->{expect}{stalls} }, 'the stalls are those the page saw');
        ok(!$root->{tag}{error}, 'a view without a failure has no error');
    };
}

# A view that failed, and a search for such views.

my $id = uuid();
my %ids = (view_id => $id, session_id => uuid(), org_id => 'acme');
my $t = int(time * 1000) - 60_000;

http_post($nginx->port, '/v2/events', batch_json([ map {
    event(%ids, event_type => $_->[0], event_time => $t + $_->[1],
          playback_time => 0, data => $_->[2])
} [ 'playing', 0, { playing_time => 0 } ], [ 'stallstart', 1, {} ],
  [ 'error', 3000, { error_family => 'manifest', error_code => 'gone',
                     error_context => { fatal => \1 } } ],
  [ 'ended', 3100, {} ] ]));

my @spans;
ok(wait_until(sub { root(@spans = trace($id)) }, 60),
   'a view that failed is there');
is(root(@spans)->{tag}{error}, JSON::PP::true(), 'Jaeger shows it as an error');
is(root(@spans)->{tag}{'otel.status_description'}, 'startup_failure',
   'with its outcome');
is(scalar @{ root(@spans)->{logs} }, 1, 'its error is a log of the root');

my $r = http_get($query, '/api/traces?service=openQoE-worker&operation=view'
    . '&limit=100&start=' . ($t - 7_200_000) . '000&end=' . ($t + 60_000)
    . '000&tags=%7B%22openqoe.view.outcome%22%3A%22startup_failure%22%7D');
my @found = map { $_->{traceID} }
            @{ (decode_json_text($r->{body}) // {})->{data} // [] };
is_deeply(\@found, [ lc $id =~ s/-//gr ],
          'a search for the outcome finds that view, and no other')
    or diag($r->{body});

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;
ok($jaeger->stop('TERM', 20), 'so does Jaeger');
done_testing;
