#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The real OpenTelemetry Collector takes what the module sends, by each
# protocol, and gets every event once and whole; it may be away for a while.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use Encode qw(decode encode);
use Sys::Hostname qw(hostname);

use OpenQoE::Peers qw(collector_program otlp_file_logs);


my %severity = (heartbeat => 9, stallstart => 13, error => 17, playing => 9);

my $program = collector_program();
my $certs = make_certs();

my %server = (cert_file => $certs->{server}, key_file => $certs->{server_key});
my $trust = "trusted_certificate $certs->{ca};";
my $client = "certificate $certs->{client};"
             . " certificate_key $certs->{client_key};";

my %case = (
    'gRPC h2c' => { protocol => 'grpc' },
    'gRPC over TLS' =>
        { protocol => 'grpc', tls => \%server, conf => $trust },
    'gRPC over TLS with a client certificate' =>
        { protocol => 'grpc', conf => "$trust $client",
          tls => { %server, client_ca_file => $certs->{ca} } },
    'HTTP/protobuf' => { protocol => 'http/protobuf' },
    'HTTP/protobuf over TLS' =>
        { protocol => 'http/protobuf', tls => \%server, conf => $trust },
    'HTTP/JSON' => { protocol => 'http/json' },
    'HTTP/JSON over TLS with a client certificate' =>
        { protocol => 'http/json', conf => "$trust $client",
          tls => { %server, client_ca_file => $certs->{ca} } },
);


sub exporter ($collector, $protocol, %opt) {
    my $scheme = $opt{tls} ? 'https' : 'http';
    my $port = $collector->port($protocol);
    my $conf = $opt{conf} // '';
    my $compression = $opt{compression} // 'gzip';

    return <<"END";
endpoint $scheme://localhost:$port;
        protocol $protocol;
        compression $compression;
        interval 100ms;
        timeout 60s;
        header X-Scope-OrgID tenant-7;
        resource deployment.environment staging;
        $conf
END
}


# A JSON text that a parser and a printer would change: the Collector must
# still show it byte for byte. { id, raw }

sub peculiar_event () {
    my $event = event(event_type => 'error');
    my $raw = encode_json_text({ %$event, data => 'DATA' });
    my $data = "{ \"seq\" :\"$event->{data}{seq}\",\n\t\"n\":[1.50, 1E3, -0.0,"
               . ' 9007199254740993], "error_message":"\u00e9\ud83d\ude00\/'
               . encode('UTF-8', "\x{65e5}\x{672c} \x{1f4fa}\\t\\\"") . '" }';

    $raw =~ s/"DATA"/$data/;
    return ($event, $raw);
}


# Events of several types and an odd one, as a single request: returns the
# events, and the JSON text of each by id.

sub send_batch ($nginx, $oracle) {
    my %view = (view_id => uuid(), session_id => uuid());
    my @events = map { event(%view, event_type => $_,
                             video => { id => 'v', title => "T\x{e9}l\x{e9} "
                                        . "\x{65e5}\x{672c}\x{8a9e} \x{1f3ac}"
                             }) } qw(heartbeat stallstart error playing);
    my @raw = map { encode_json_text($_) } @events;

    my ($odd, $odd_raw) = peculiar_event();
    push @events, $odd;
    push @raw, $odd_raw;

    my $answer = http_post($nginx->port, '/v2/events',
                           '{"events":[' . join(', ', @raw) . ']}');
    is($answer->{status}, 202, 'a batch is accepted');
    $oracle->note(\@events, $answer);

    return map { { event => $events[$_], raw => $raw[$_] } } 0 .. $#events;
}


# Compares a log record with the event that it came from: the names of what is
# wrong.

sub wrong_in ($log, $sent, $before, $after) {
    my ($event, $record) = ($sent->{event}, $log->{record});
    my ($observed) = ($record->{observedTimeUnixNano} // 0) / 1e9;
    my $attr = $log->{attr};

    my %check = (
        'event name' => $record->{eventName}
                        eq "openqoe.$event->{event_type}",
        severity => $record->{severityNumber}
                    == $severity{ $event->{event_type} },
        time => $record->{timeUnixNano} eq $event->{event_time} . '000000',
        'observed time' => $observed >= $before - 1 && $observed <= $after + 1,
        body => encode('UTF-8', $record->{body}{stringValue} // '')
                eq $sent->{raw},
        'trace id' => $record->{traceId} eq $event->{view_id} =~ s/-//gr,
        'span id' => $record->{spanId}
                     eq substr($event->{view_id} =~ s/-//gr, 16),
        uid => ($attr->{'log.record.uid'} // '') ne '',
        map {
            $_ => ($attr->{$_} // '') eq $event->{$_}
        } qw(event_type org_id player_id session_id view_id env)
    );

    return grep { !$check{$_} } sort keys %check;
}


sub check_resource ($log) {
    my $resource = $log->{resource};

    is($resource->{'service.name'}, 'openQoE-worker',
       'the resource has service.name');
    is($resource->{'service.instance.id'}, lc hostname(),
       'the resource has the host name as service.instance.id');
    like($resource->{'service.version'}, qr/^\d+\.\d+/,
         'the resource has service.version');
    isnt($resource->{'host.name'} // '', '', 'the resource has host.name');
    is($resource->{'deployment.environment'}, 'staging',
       'the resource has the configured attribute');
    is($log->{scope}{name}, 'openqoe', 'the scope has its name');
    is($log->{scope}{version}, $resource->{'service.version'},
       'the scope has its version');
}


sub check_content ($collector, $before, @sent) {
    my @logs = otlp_file_logs($collector->file);
    my (%uid, %by_id, @wrong);

    for my $log (@logs) {
        my ($id) = $log->{record}{body}{stringValue} =~ /"(oqid-[^"]+)"/;
        push @{ $by_id{$id} }, $log;
        $uid{ $log->{attr}{'log.record.uid'} // '' }++;
    }

    for my $sent (@sent) {
        my $id = $sent->{event}{data}{seq};
        my @found = @{ $by_id{$id} // [] };
        push @wrong, map { "$id $_" }
            @found == 1 ? wrong_in($found[0], $sent, $before, time)
                        : scalar(@found) . ' times';
    }

    is(scalar @logs, scalar @sent, 'there are as many log records as events');
    is_deeply(\@wrong, [], 'each record says what its event said');
    is(scalar keys %uid, scalar @sent,
       'each record has a log.record.uid of its own');
    check_resource($logs[0]);
}


sub check_case ($name, %case) {
    my $collector = OpenQoE::Peers->new(program => $program,
                                        tls => $case{tls})->start;
    my $nginx = OpenQoE::Nginx->new(
        workers => 2, exporter => exporter($collector, $case{protocol}, %case)
    )->start;
    my $oracle = OpenQoE::Oracle->new;
    my $before = time;

    my @sent = map { send_batch($nginx, $oracle) } 1 .. 4;

    $oracle->wait_delivered($collector->file);
    ok($nginx->stop, 'nginx exits by itself');
    $oracle->delivered_file($collector->file);
    $oracle->is_exactly_once;
    check_content($collector, $before, @sent);

    like($collector->headers, qr/^X-Scope-Orgid: tenant-7$/mi,
         'the configured header is sent');
    like($collector->headers,
         qr{^User-Agent: OTel-OTLP-Exporter-openqoe-nginx/\d}mi,
         'the user agent names the module');

    if ($case{protocol} =~ m{^http/(\w+)}) {
        my $type = $1 eq 'json' ? 'json' : 'x-protobuf';
        like($collector->headers, qr{^Content-Type: application/$type$}mi,
             'the content type is that of the protocol');
        is(scalar($collector->headers =~ /^Content-Encoding: gzip$/mi) || 0,
           $case{compression} eq 'gzip' ? 1 : 0,
           'Content-Encoding says whether requests are compressed');
    }

    $nginx->no_errors;
    ok($collector->stop, 'the Collector exits by itself');
}


for my $name (sort keys %case) {
    for my $compression (qw(gzip none)) {
        subtest "$name, compression $compression" => sub {
            check_case($name, %{ $case{$name} }, compression => $compression);
        };
    }
}


# A Collector whose certificate our CA did not sign gets nothing.

subtest 'TLS with a certificate of another authority' => sub {
    my $collector = OpenQoE::Peers->new(program => $program,
                                        tls => \%server)->start;
    my $nginx = OpenQoE::Nginx->new(exporter => exporter(
        $collector, 'grpc', tls => 1,
        conf => "trusted_certificate $certs->{wrong_ca};"))->start;

    my $answer = http_post($nginx->port, '/v2/events', batch_json(batch(3)));
    is($answer->{status}, 202, 'events are accepted although the export fails');

    my $failing = wait_until(sub {
        my $health = http_get($nginx->port, '/v2/health');
        my $exporter = decode_json_text($health->{body})
                       ->{dependencies}{exporter};
        return $exporter->{consecutive_failures} && $exporter;
    }, 10);
    ok($failing, 'health counts the failure');
    isnt($failing->{last_error} // '', '',
         'health has the reason of the failure');
    note('last_error: ', $failing->{last_error} // '');
    is(slurp($collector->file), '', 'the Collector got no event');

    $nginx->stop;
    $nginx->no_errors;
    ok($collector->stop, 'the Collector exits by itself');
};


# A batch of many records, and many requests over a kept connection.

subtest 'many requests' => sub {
    my $collector = OpenQoE::Peers->new(program => $program)->start;
    my $nginx = OpenQoE::Nginx->new(
        workers => 2, exporter => exporter($collector, 'grpc')
                                  . "        batch_size 64;")->start;
    my $oracle = OpenQoE::Oracle->new;
    my $http = $nginx->http;

    for (1 .. 60) {
        my $events = batch(50);
        $oracle->note($events,
                      $http->request('POST', '/v2/events', headers =>
                                     { 'Content-Type' => 'application/json' },
                                     body => batch_json($events)));
    }

    $oracle->wait_delivered($collector->file, 20);
    $oracle->is_exactly_once;

    ok($nginx->stop, 'nginx exits by itself');
    $nginx->no_errors;
    ok($collector->stop, 'the Collector exits by itself');
};


sub retried ($nginx) {
    my $stats = http_get($nginx->port, '/v2/stats')->{body};
    return decode_json_text($stats)->{exporter}{batches}{retried};
}


# Waits until exports have been tried again more than $before times.

sub fails ($nginx, $before, $name) {
    ok(wait_until(sub { retried($nginx) > $before }, 30),
       "$name: an export fails and is tried again");
}


# Posts a few batches and says whether each was answered at once.

sub post_batches ($nginx, $oracle, $n) {
    my ($refused, @took) = 0;

    for (1 .. $n) {
        my $events = batch(5);
        my $start = time;
        my $answer = http_post($nginx->port, '/v2/events',
                               batch_json($events));
        push @took, time - $start;
        $refused++ if !$answer || $answer->{status} != 202;
        $oracle->note($events, $answer);
    }

    is($refused, 0, 'all requests are accepted');
    # some of them wait for a machine that is busy
    my $median = (sort { $a <=> $b } @took)[@took / 2];
    cmp_ok($median, '<', scaled(1.5), 'answers do not wait for the Collector');
}


for my $protocol ('grpc', 'http/protobuf') {
    subtest "$protocol, Collector down at start, then away, then stuck" => sub {
        my $collector = OpenQoE::Peers->new(program => $program);
        my $nginx = OpenQoE::Nginx->new(
            workers => 2, exporter => exporter($collector, $protocol))->start;
        my $oracle = OpenQoE::Oracle->new;

        post_batches($nginx, $oracle, 10);
        fails($nginx, 0, 'down at start');
        $collector->start;
        $oracle->wait_delivered($collector->file, 30);
        $oracle->is_exactly_once(
            'Collector down at start: events are delivered once it is there');

        ok($collector->stop, 'the Collector exits');
        my $before = retried($nginx);
        post_batches($nginx, $oracle, 10);
        fails($nginx, $before, 'away');
        $collector->start;
        $oracle->wait_delivered($collector->file, 30);
        $oracle->is_exactly_once(
            'Collector away: events are delivered once it is back');

        # A request that timed out may have been taken all the same.
        $nginx->write_config(exporter => exporter($collector, $protocol)
                                         =~ s/timeout 60s/timeout 2s/r);
        ok($nginx->reload(old => 1), 'nginx reloads with a short timeout');
        $collector->process->signal('STOP');
        $before = retried($nginx);
        post_batches($nginx, $oracle, 10);
        fails($nginx, $before, 'stuck');
        $collector->process->signal('CONT');
        $oracle->wait_delivered($collector->file, 30);
        $oracle->is_at_least_once(
            'Collector stuck: events are delivered once it goes on');

        ok($nginx->stop, 'nginx exits by itself');
        $nginx->no_errors;
        ok($collector->stop, 'the Collector exits by itself');
    };
}


# While no collector takes events the exit is bounded.

subtest 'nginx exits while the Collector is stuck' => sub {
    my $collector = OpenQoE::Peers->new(program => $program)->start;
    my $nginx = OpenQoE::Nginx->new(
        exporter => exporter($collector, 'grpc'))->start;
    my $oracle = OpenQoE::Oracle->new;

    $collector->process->signal('STOP');
    post_batches($nginx, $oracle, 3);
    sleep 0.5;

    my $start = time;
    ok($nginx->stop('TERM', 8), 'nginx exits by itself');
    cmp_ok(time - $start, '<', scaled(30),
           'nginx exits before the timeout of its request');

    $collector->process->signal('CONT');
    $nginx->no_errors;
    ok($collector->stop, 'the Collector exits by itself');
};


done_testing;
