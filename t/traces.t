#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Traces of views: which views have one (openqoe_traces), what is in it, and
# that it arrives by gRPC, by HTTP, in protobuf and JSON, and in a file.  The
# receiver of the first two is a real OpenTelemetry Collector.

use lib 't/lib';
use OpenQoE::Peers qw(collector_program otlp_file_logs);
use OpenQoE::Test;
use OpenQoE::Traces qw(shown spans_in trace_id traces_of);

my $collector = OpenQoE::Peers->new(program => collector_program())->start;
my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:16m');
my %url = (grpc => 'http://127.0.0.1:' . $collector->port('grpc'),
           http => 'http://127.0.0.1:' . $collector->port('http'));


# All exporters get the traces, and the file the records of views as well.

sub config ($traces, %opt) {
    my $more = <<"END";
    openqoe_view_timeout 1h;
    openqoe_traces $traces;
    openqoe_exporter http {
        endpoint $url{http};
        protocol http/protobuf;
        interval 50ms;
        signals traces;
        resource via http;
    }
    openqoe_exporter json {
        endpoint $url{http};
        protocol http/json;
        interval 50ms;
        signals traces;
        resource via json;
    }
    openqoe_exporter file {
        endpoint file://@{[ $nginx->out_file ]};
        interval 50ms;
        signals traces views;
        resource via file;
    }
END
    $nginx->write_config(http => $more,
        exporter => "endpoint $url{grpc};\n        protocol grpc;\n"
                    . "        interval 50ms;\n"
                    . "        signals logs traces;\n"
                    . '        resource via grpc;');
}

config('bad sample=0%');
$nginx->start;

my $t = int(time * 1000) - 7_200_000;


sub of (@what) { view_event($t, @what) }


sub post (@events) {
    my $r = http_post($nginx->port, '/v2/events', batch_json(\@events));
    is($r->{status}, 202, 'the events are accepted') or diag($r->{body});
}


# A view that plays for a while and ends.

sub good ($id, $ms = 20_000) {
    return (of($id, 0, 'canplay', 0, data => { video_startup_time => 0 }),
            of($id, 0, 'playing', 0),
            (map { of($id, $_ * 10_000, 'heartbeat', $_ * 10_000) }
             1 .. $ms / 10_000),
            of($id, $ms, 'ended', $ms));
}


# One that stalls, has an error and goes on.

sub stalled ($id) {
    return (of($id, 0, 'playing', 0, data => { codec => 'hvc1.1.6.L93.B0' }),
            of($id, 1, 'stallstart', 0), of($id, 2000, 'stallend', 0),
            of($id, 12_000, 'heartbeat', 10_000),
            of($id, 22_000, 'stallstart', 20_000),
            of($id, 25_000, 'stallend', 20_000),
            of($id, 26_000, 'error', 21_000,
               data => { error_family => 'network',
                         error_code => 'fragLoadError' }),
            of($id, 35_000, 'heartbeat', 30_000),
            of($id, 45_000, 'ended', 40_000));
}


# One that fails before it starts.

sub failed ($id) {
    return (of($id, 0, 'playing', 0), of($id, 1, 'stallstart', 0),
            of($id, 3000, 'error', 0, data => { error_family => 'manifest',
                error_code => 'manifestLoadError',
                error_context => { fatal => \1 } }),
            of($id, 3100, 'playbackdetached', 0),
            of($id, 60_000, 'playing', 0));
}


sub file_of ($via) { $via eq 'file' ? $nginx->out_file : $collector->file }


sub traces ($via = 'file') {
    return -e file_of($via) ? traces_of(file_of($via), via => $via) : {};
}


sub rooted ($id, $via = 'file') {
    return (traces($via)->{ trace_id($id) } // {})->{root};
}


# --- one view, by each transport

my %view = map { $_ => uuid() } qw(good stalled failed);

post(good($view{good}), stalled($view{stalled}), failed($view{failed}));

for my $via (qw(grpc http json file)) {
    ok(wait_until(sub { rooted($view{stalled}, $via)
                        && rooted($view{failed}, $via) }, 20),
       "the traces of bad views arrive by $via");

    my $trace = traces($via)->{ trace_id($view{stalled}) };
    my $root = $trace->{root};

    is($root->{kind}, 1, 'the root is an internal span');
    is($root->{id}, substr(trace_id($view{stalled}), 16),
       'its id is the end of the view_id');
    is($root->{parent}, '', 'it has no parent');
    is(shown($t, $root), 'view 0+45000', 'it lasts as long as the view');
    is(shown($t, @{ $trace->{children} }),
       'rendition 0+45000; startup 0+2000; playing 2000+20000; '
       . 'stall 22000+3000; playing 25000+20000',
       'its children are the stretches of the timeline');
    is_deeply([ grep { $_->{parent} ne $root->{id} }
                @{ $trace->{children} } ], [], 'all of them are its own');
    is_deeply([ map { $_->{attr}{'openqoe.rendition.codec'} }
                grep { $_->{name} eq 'rendition' } @{ $trace->{children} } ],
              ['hevc'], 'the rendition names its codec');
    is($trace->{twice}, 0, 'no span comes twice');
    is_deeply([ map { $_->{name} . ' ' . ($_->{ms} - $t) . ' '
                      . $_->{attr}{error_code} } @{ $root->{events} } ],
              ['error 26000 fragLoadError'], 'the error is an event of it');
    is_deeply($root->{status}, {}, 'a view that went on is no failure');
    is($root->{attr}{'openqoe.view.stalled_ms'}, 3000,
       'the root has the attributes of the record of the view');
    is($root->{attr}{org_id}, 'acme', 'and its dimensions');
    is($root->{attr}{'openqoe.trace.probability'}, 1,
       'such a view always has a trace');

    my $failed = traces($via)->{ trace_id($view{failed}) };
    is($failed->{root}{status}{code}, 2,
       'a view that failed to start has the status of an error');
    is($failed->{root}{status}{message}, 'startup_failure', 'which says which');
    is($failed->{root}{events}[0]{attr}{'openqoe.error.fatal'},
       JSON::PP::true(), 'its error was fatal');
}

is(rooted($view{good}, 'file'), undef, 'a view without a fault has none');

# Logs of the view's events name the root.

my @logs;
ok(wait_until(sub {
       @logs = grep { ($_->{attr}{view_id} // '') eq $view{stalled} }
               otlp_file_logs($collector->file);
       return @logs == 9;
   }, 20), 'the events of the view are logs');
is_deeply([ grep { $_->{record}{spanId} ne rooted($view{stalled})->{id} }
            @logs ], [], 'all of them name the root of the trace');

# Records that have no trace are taken, and make no request.

my $accepted;
ok(wait_until(sub {
       $accepted = $nginx->stats->{exporters}{http}{traces};
       return $accepted->{accepted} == $accepted->{exported};
   }, 20), 'every record that came to the exporter of traces is done with');
is($accepted->{dropped}{corrupt}, 0, 'records without a trace are no fault');


# --- a long view, in parts

my $long = uuid();

for my $part (0 .. 9) {
    my @events;

    push @events, of($long, 0, 'canplay', 0,
                     data => { video_startup_time => 0 }),
                  of($long, 0, 'playing', 0) if $part == 0;
    push @events, map {
        my $at = ($part * 60 + $_) * 10_000;
        of($long, $at, 'heartbeat', $at);
    } 1 .. 60;

    if ($part == 1) {
        push @events, of($long, 12_001_00, 'error', 12_001_00,
                         data => { error_family => 'network' });
    }

    post(@events);
}

ok(wait_until(sub { @{ (traces()->{ trace_id($long) } // {})->{children}
                       // [] } > 2 }, 20),
   'a view that is alive for more than 30 minutes sends a part of its trace');
is(rooted($long), undef, 'without the root, which is not over yet');

post(of($long, 6_010_000, 'ended', 6_010_000));
ok(wait_until(sub { rooted($long) }, 20), 'the root comes with its end');

my $trace = traces()->{ trace_id($long) };
my $played = 0;
$played += $_->{ms} for grep { $_->{name} eq 'playing' }
                        @{ $trace->{children} };

is($trace->{twice}, 0, 'no span of it comes twice');
is($played, $trace->{root}{attr}{'openqoe.view.playing_ms'},
   'the parts together have all of its playing');
cmp_ok(scalar(grep { $_->{name} eq 'playing' } @{ $trace->{children} }), '>',
       2, 'in as many stretches as there were parts');
is(scalar @{ $trace->{root}{events} }, 1, 'the error of the first part too');


# --- two views under one view_id

my $twice = uuid();
post(stalled($twice));
ok(wait_until(sub { rooted($twice) }, 20), 'the first view has its trace');
$t += 100_000;
post(stalled($twice));
ok(wait_until(sub { (grep { $_->{name} eq 'view' && $_->{trace}
                            eq trace_id($twice) }
                     spans_in($nginx->out_file)) == 2 }, 20),
   'so has the second one under the same view_id');
my @roots = grep { $_->{name} eq 'view' && $_->{trace} eq trace_id($twice) }
            spans_in($nginx->out_file);
is($roots[1]{parent}, $roots[0]{id}, 'which is a child of the first one');
isnt($roots[1]{id}, $roots[0]{id}, 'with an id of its own');


# --- other settings

# The old workers apply the events of a lane by their own setting until they
# have exited.
config('all');
$nginx->reload(old => 1);
my $all = uuid();
post(good($all));
ok(wait_until(sub { rooted($all) }, 20), 'with "all" any view has a trace');
is(rooted($all)->{attr}{'openqoe.trace.probability'}, 1,
   'with a probability of 1');

config('bad sample=100%');
$nginx->reload(old => 1);
my $sampled = uuid();
post(good($sampled));
ok(wait_until(sub { rooted($sampled) }, 20),
   'a sample of 100% has one of any view');

config('bad sample=50%');
$nginx->reload(old => 1);
my @many = map { uuid() } 1 .. 60;
post(map { good($_, 10_000) } @many);
ok(wait_until(sub {
       my $stats = $nginx->stats;
       return $stats->{views}{active} == 0
              && $stats->{exporters}{file}{traces}{queued} == 0;
   }, 20),
   'sixty good views are over');
ok(wait_until(sub {
       my $traces = traces();
       my $n = grep { $traces->{ trace_id($_) } } @many;
       return $n >= 10 && $n <= 50;
   }, 20), 'of which about a half have a trace');
my ($one) = grep { rooted($_) } @many;
is(rooted($one)->{attr}{'openqoe.trace.probability'}, 0.5,
   'the probability of the sample is an attribute');

config('off');
$nginx->reload(old => 1);
my $off = uuid();
post(stalled($off));
ok(wait_until(sub {
       my $stats = $nginx->stats;
       return $stats->{views}{active} == 0
              && $stats->{exporters}{file}{views}{queued} == 0;
   }, 20),
   'a bad view is over');
is(rooted($off), undef, 'with "off" it has no trace');

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;
ok($collector->stop, 'so does the Collector');
done_testing;
