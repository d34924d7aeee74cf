#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# openqoe_attribute: fills fields that the client left empty, adds attributes
# to log records, gives dimensions their values; levels, empty values, sizes,
# hostile bytes.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;
use OpenQoE::Metrics;
use OpenQoE::Peers qw(otlp_file_logs);

my $long = 'x' x 300;

my $nginx = OpenQoE::Nginx->new(
    workers => 2,
    http => <<'END',
        openqoe_attribute outer http;
        openqoe_dimension app_version allow metrics=all;
        openqoe_dimension tier allow source=attribute.tier metrics=all;
        openqoe_dimension pop allow source=cdn.edge_pop metrics=all;
        map $http_x_plan $tier { ~^gold paid; default $http_x_plan; }
END
    server => 'openqoe_attribute outer server;',
    locations => <<"END",
        location = /v2/stats { openqoe_stats; }
        location = /inherits { openqoe_events; }
        location = /own {
            openqoe_events;
            openqoe_attribute tier \$tier;
            openqoe_attribute address \$remote_addr;
            openqoe_attribute request \$request_id;
            openqoe_attribute empty "";
            openqoe_attribute long "${long}";
            openqoe_attribute cut "\xc3\xa9${long}";
        }
        location = /fill {
            openqoe_events;
            openqoe_attribute network.country_code DE;
            openqoe_attribute network.asn 64500;
            openqoe_attribute cdn.edge_pop \$server_port;
            openqoe_attribute app_version \$http_x_version;
            openqoe_attribute video.duration not-a-number;
        }
        location = /bytes {
            openqoe_events;
            openqoe_attribute tier \$arg_x;
            openqoe_attribute header \$http_x_bytes;
        }
        location = /if {
            openqoe_events;
            openqoe_attribute tier outside;
            if (\$arg_in) { set \$inside 1; }
        }
END
);
$nginx->write_config(exporter => 'endpoint file://' . $nginx->out_file
                                 . '; interval 30ms; metric_interval 200ms;');
$nginx->start;

my $metrics = OpenQoE::Metrics->new($nginx->out_file);


# The attributes of the log records of events posted to a location.

sub logs ($path, $events, %headers) {
    my %wanted = map { event_id($_) => 1 } @$events;
    my $answer = http_post($nginx->port, $path, batch_json($events),
                           headers => \%headers);
    is($answer->{status}, 202,
       "$path: events are accepted") or diag($answer->{body});

    my @found;
    wait_until(sub {
        @found = grep { $wanted{ $_->{record}{body}{stringValue} =~ /oqid-([\w-]+)/ ? $1 : '' } }
                 otlp_file_logs($nginx->out_file);
        return @found >= @$events;
    }, 10);
    is(scalar @found, scalar @$events, "$path: events are exported");
    return @found;
}


sub attributes ($path, $set, %headers) {
    my ($log) = logs($path, [ event(%$set) ], %headers);
    return $log->{attr} // {};
}

subtest 'attributes of http, server and location' => sub {
    is(attributes('/inherits', {})->{outer}, 'server',
       "the server's attribute stands in place of that of http");
    is(attributes('/own', {})->{outer}, undef,
       'a location with an attribute of its own inherits none');
    is(attributes('/if', {})->{tier}, 'outside',
       "a location's attribute is used");
    is(attributes('/if?in=1', {})->{tier}, 'outside',
       "an \"if\" in the location has the location's attribute");
};

subtest 'attributes of log records' => sub {
    my $attrs = attributes('/own', {}, 'X-Plan' => 'gold card');
    is($attrs->{tier}, 'paid', "an attribute's value may come from a map");
    is($attrs->{address}, '127.0.0.1',
       "an attribute's value may be a variable");
    ok(!exists $attrs->{empty}, 'an attribute with an empty value is left out');
    is($attrs->{long}, 'x' x 256, 'an attribute has at most 256 bytes');
    is($attrs->{cut}, "\x{e9}" . 'x' x 254,
       'an attribute is cut at a whole character');

    my @logs = logs('/own', batch(3));
    my %id = map { $_->{attr}{request} => 1 } @logs;
    is(scalar keys %id, 1, 'a variable is evaluated once a request');
    like((keys %id)[0], qr/^[0-9a-f]{32}$/,
         'the variable of a request has its value');
    ok(!exists attributes('/own', {})->{tier},
       'an attribute whose variable is empty is left out');
};

subtest 'values with hostile bytes' => sub {
    my $attrs = attributes('/bytes?x=a', {}, 'X-Bytes' => "a\xffb\x01c\xc3");
    is($attrs->{header}, 'a?b?c?',
       'bytes that are no text become question marks');
    $attrs = attributes('/bytes?x=' . 'y' x 2000, {});
    is($attrs->{tier}, 'y' x 256, 'a long attribute is cut');
};

subtest 'fields that an attribute fills' => sub {
    my $network = { country_code => 'FR', asn => 1 };
    my $country = sub ($code, %more) {
        return $metrics->wait_value(1, 'openqoe.events_total',
                                    network_country => $code, %more);
    };
    my $port = $nginx->port;

    logs('/fill', [ event(org_id => 'empty', app_version => undef) ],
         'X-Version' => '9.9');
    ok($country->('DE', org_id => 'empty', pop => $port,
                  app_version => '9.9'),
       'fields that the client left out are filled');

    logs('/fill', [ event(org_id => 'own', network => $network,
                          cdn => { edge_pop => 'fra1' }) ],
         'X-Version' => '9.9');
    ok($country->('FR', org_id => 'own', pop => 'fra1',
                  app_version => '1.0.0'), 'fields that the client sent stay');

    logs('/fill', [ event(org_id => 'blank', network => { country_code => '' },
                          cdn => { edge_pop => undef }) ]);
    ok($country->('DE', org_id => 'blank', pop => $port),
       'empty and null fields are filled, too');

    my ($log) = logs('/fill', [ event(org_id => 'body') ]);
    unlike($log->{record}{body}{stringValue}, qr/"DE"/,
           'the body stays as it was sent');
};

subtest 'an attribute as the source of a dimension' => sub {
    logs('/own', [ event(org_id => 'dim') ], 'X-Plan' => 'gold');
    ok($metrics->wait_value(1, 'openqoe.events_total', org_id => 'dim',
                            tier => 'paid'),
       'an attribute can be the source of a dimension');

    ok(wait_until(sub {
           my $r = http_get($nginx->port, '/v2/stats?dimension=tier');
           return grep { $_ eq 'paid' }
                  @{ decode_json_text($r->{body})->{values} };
       }), "the dimension has the attribute's values");
};

# The most attributes that a request can have fit its memory.

subtest 'as many attributes as a request can have' => sub {
    $nginx->write_config(locations => "location = /many { openqoe_events;\n"
        . join('', map { "openqoe_attribute a$_ '$long';\n" } 1 .. 32) . '}',
        http => 'client_max_body_size 8m;', zone => 'qoe:64m');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->start;

    my $events = batch(1000);
    my $answer = http_post($nginx->port, '/many', batch_json($events));
    is($answer->{status}, 202,
       '1000 events with 32 attributes each are accepted')
        or diag($answer->{body});
};

ok($nginx->stop, 'nginx exits in order');
$nginx->no_errors;
is_deeply($metrics->problems, [], 'no point contradicts another');

done_testing;
