#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The name of the edge: where it comes from, that all that goes out has it, and
# that a reload keeps it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Peers qw(otlp_file_logs);
use OpenQoE::Records;
use OpenQoE::Shim;
use OpenQoE::Test;

my $shim = OpenQoE::Shim->new->host('host-1');


sub health ($nginx) {
    return decode_json_text(http_get($nginx->port, '/v2/health')->{body});
}


# Two exporters, each into a file of its own.

sub new_nginx (%opt) {
    my $nginx = OpenQoE::Nginx->new(zone => 'qoe:16m',
        env => { %{ $shim->env }, %{ delete $opt{env} // {} } });
    my ($lines, $http) = @opt{qw(lines http)};
    my $dir = $nginx->dir;

    $nginx->write_config(
        exporter => "endpoint file://@{[ $nginx->out_file ]};\n"
                    . "        interval 50ms; metric_interval 200ms;\n"
                    . "        signals logs metrics views traces;\n"
                    . '        ' . ($lines // ''),
        http => "openqoe_view_record interval=1s;\n    openqoe_traces all;\n"
                . "    openqoe_exporter second {\n"
                . "        endpoint file://$dir/out/second.jsonl;\n"
                . "        interval 50ms; metric_interval 200ms;\n"
                . "        signals logs metrics views traces;\n    }\n    "
                . ($http // ''));
    return $nginx->start;
}


sub play ($nginx, $id = uuid()) {
    my $t = int(time * 1000) - 60_000;
    my @events = (view_event($t, $id, 0, 'playing', 0),
                  view_event($t, $id, 9_000, 'heartbeat', 9_000),
                  view_event($t, $id, 10_000, 'ended', 10_000));

    is(http_post($nginx->port, '/v2/events', batch_json(\@events))->{status},
       202, 'the events of a view are accepted');
    return $id;
}


# The values of service.instance.id in a file, by signal.

sub instances ($file) {
    my %found;

    for my $line (read_jsonl($file)) {
        for my $kind (qw(resourceLogs resourceMetrics resourceSpans)) {
            for my $r (@{ $line->{$kind} // [] }) {
                my ($id) = map { $_->{value}{stringValue} }
                           grep { $_->{key} eq 'service.instance.id' }
                           @{ $r->{resource}{attributes} };
                $found{$kind}{ $id // '' } = 1;
            }
        }
    }

    return { map { $_ => join ',', sort keys %{ $found{$_} } } keys %found };
}


sub all_have ($nginx, $name, $second = $name) {
    my %want = ("@{[ $nginx->out_file ]}" => $name,
                $nginx->dir . '/out/second.jsonl' => $second);
    my $kinds = sub ($file) { -e $file ? keys %{ instances($file) } : () };

    ok(wait_until(sub { 6 == map { $kinds->($_) } keys %want }, scaled(20)),
       'each exporter sends logs, metrics and spans');

    for my $file (sort keys %want) {
        my $got = instances($file);

        is($got->{$_}, $want{$file}, "all $_ are of $want{$file}")
            for qw(resourceLogs resourceMetrics resourceSpans);

        my $records = OpenQoE::Records->new($file);
        ok($records->wait_final(1, scaled(20)), 'the view has a final record');
        is_deeply([ grep { $_->{'openqoe.edge'} ne $want{$file} }
                    $records->all ], [],
                  "all records of views are of the edge $want{$file}");
        is(scalar(grep { !$_->{seq} } $records->all), 0,
           'all records of views have a number');
    }
}


sub done ($nginx, %opt) {
    ok($nginx->stop, 'nginx stops by itself');
    $nginx->no_errors(%opt);
}


subtest 'the default is the host name, and a reload keeps it' => sub {
    my $nginx = new_nginx();

    is(health($nginx)->{edge}, 'host-1', 'the edge is named as its host');
    play($nginx);
    all_have($nginx, 'host-1');

    $shim->host('host-2');
    ok($nginx->reload, 'nginx is reloaded after the host got another name');
    is(health($nginx)->{edge}, 'host-1', 'a reload does not rename the edge');
    play($nginx);
    ok(OpenQoE::Records->new($nginx->out_file)->wait_final(2, scaled(20)),
       'a view after the reload has a final record');
    all_have($nginx, 'host-1');
    done($nginx);
    $shim->host('host-1');
};


subtest 'openqoe_edge names the edge' => sub {
    my $nginx = new_nginx(http => qq{openqoe_edge 'fra 1/"\xc3\xa4"';},
        env => { OTEL_RESOURCE_ATTRIBUTES =>
                 'service.instance.id=from-env,a=b' });
    my $name = qq{fra 1/"\x{e4}"};

    is(health($nginx)->{edge}, $name, 'the health has the name');
    is(decode_json_text(http_get($nginx->port, '/v2/stats?view=live')->{body})
       ->{edge}, $name, 'the data of the live page have the name');
    play($nginx);
    all_have($nginx, $name);

    $nginx->write_config(http => $nginx->{http} =~ s/'fra.*'/fra-2/r);
    ok($nginx->reload, 'nginx is reloaded with another name');
    is(health($nginx)->{edge}, 'fra-2', 'the edge has the other name');
    like($nginx->error_log,
         qr{\[warn\] .* the edge "fra 1/.*" is renamed to "fra-2": the records},
         'the log says what that means');
    done($nginx, allow => qr/is renamed to/);
};


subtest 'the variable of OpenTelemetry' => sub {
    my %env = (OTEL_RESOURCE_ATTRIBUTES => 'service.instance.id=pod%2D7');
    my $nginx = new_nginx(env => \%env);

    is(health($nginx)->{edge}, 'pod-7',
       'OTEL_RESOURCE_ATTRIBUTES wins over the host name');
    play($nginx);
    all_have($nginx, 'pod-7');
    done($nginx);

    $nginx = new_nginx(env => \%env,
                       lines => 'resource service.instance.id mine;');
    is(health($nginx)->{edge}, 'pod-7',
       'a resource line of an exporter does not name the edge');
    play($nginx);
    all_have($nginx, 'mine', 'pod-7');
    done($nginx);
};


subtest 'a long name' => sub {
    my $name = 'e' x 255;
    my $nginx = new_nginx(http => "openqoe_edge $name;");

    is(health($nginx)->{edge}, $name, 'a name of 255 bytes is whole');
    play($nginx);
    all_have($nginx, $name);
    done($nginx);
};


done_testing;
