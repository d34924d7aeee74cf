#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The hash of the configuration: it is the same on all edges with the same
# directives, in whatever order, and another if a value changes numbers.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Peers qw(otlp_file_logs);
use OpenQoE::Test;

my $dir = scratch_dir('keys');
write_file("$dir/one", '0123456789abcdef' x 2);
write_file("$dir/two", 'fedcba9876543210' x 2);
write_file("$dir/keys", "a secret\n");
chmod 0600, "$dir/one", "$dir/two";

my $nginx = OpenQoE::Nginx->new(birth => undef, max_sessions => undef,
                                max_new_values => undef);
my $out = $nginx->out_file;


# The hash under a configuration; undef if nginx does not take it.

sub hash_of (%change) {
    my $more = $change{exporter} // '';

    $nginx->write_config(zone => 'qoe:8m', env => {},
        (map { $_ => '' } qw(http server location events)), %change,
        exporter => "endpoint file://$out; interval 50ms; $more");

    my $new = $nginx->{process} ? $nginx->reload : eval { $nginx->start; 1 };
    return undef if !$new;

    my $body = http_get($nginx->port, '/v2/health')->{body};
    return decode_json_text($body)->{config_hash};
}


my $plain = hash_of();
like($plain, qr/^[0-9a-f]{16}$/, 'the health has a hash of 16 digits');
is(hash_of(), $plain, 'the same configuration has the same hash');

is(http_post($nginx->port, '/v2/events', batch_json(batch(1)))->{status}, 202,
   'an event is accepted');
my @logs;
ok(wait_until(sub { @logs = otlp_file_logs($out) }, scaled(20)),
   'the event arrives');
is($logs[0]{resource}{'openqoe.config.hash'}, $plain,
   'the resource has the hash');


# --- what does not change it

my @SAME = (
    [ 'the name of the edge', http => 'openqoe_edge other;' ],
    [ 'a default that is written down', http => 'openqoe_view_timeout 10m;' ],
    [ 'the defaults of a location', events => 'openqoe_max_events 1000; '
      . 'openqoe_validation partial; openqoe_ack memory;' ],
    [ 'an unused value', http => 'openqoe_drain_timeout 3s;' ],
    [ 'another server', http => 'server { listen 127.0.0.1:' . free_port()
      . '; location / { return 204; } }' ],
    [ 'a header, which may be secret', exporter => 'header X-Key secret;' ],
    [ 'an attribute of the resource', exporter => 'resource region fra;' ],
    [ 'a batch size', exporter => 'batch_size 100;' ],
    [ 'CORS', events => 'openqoe_cors_origin *;' ],
);

for my $row (@SAME) {
    my ($name, %change) = @$row;
    is(hash_of(%change), $plain, "the hash does not depend on $name");
}

my $one = hash_of(http => "openqoe_fleet_key $dir/one;");
isnt($one, $plain, 'the hash shows that there is a key of the fleet');
is(hash_of(http => "openqoe_fleet_key $dir/two;"), $one,
   'the hash does not depend on the key of the fleet itself');

$one = hash_of(events => 'openqoe_api_key one;');
isnt($one, $plain, 'the hash shows that events need a key');
is(hash_of(events => 'openqoe_api_key two; openqoe_api_key three;'), $one,
   'the hash does not depend on the keys themselves');
is(hash_of(events => "openqoe_api_key_file $dir/keys;"), $one,
   'a file of keys is no difference');

my @lines = ('openqoe_dimension plan allow max=5 values=b,a source=data.plan;',
             'openqoe_dimension city topk source=network.city;',
             'openqoe_dimension env drop;', 'openqoe_event_type ad;',
             'openqoe_event_type quiz severity=warn;',
             'openqoe_metrics core view;', 'openqoe_series_ttl 2h;');
my @attributes = ('openqoe_attribute a $arg_a;', 'openqoe_attribute b "b c";');
my $all = hash_of(http => "@lines", events => "@attributes");

isnt($all, $plain, 'directives change the hash');
is(hash_of(http => join(' ', reverse @lines) =~ s/=b,a /=a,b /r
                   =~ s/core view/view core/r =~ s/2h/7200s/r,
           events => join ' ', reverse @attributes), $all,
   'the order of directives does not matter, nor that of lists, nor units');
is(hash_of(http => "@lines", server => "@attributes"), $all,
   'a location may inherit its directives');


# --- what changes it: each value gives a hash of its own

my @OTHER = (
    (map { [ http => $_ ] }
        'openqoe_event_time max_age=1h;', 'openqoe_event_time max_ahead=1m;',
        'openqoe_metrics core;', 'openqoe_metrics off;',
        'openqoe_view_timeout 5m;', 'openqoe_view_timeout 5m paused=2h;',
        'openqoe_view_timeout 10m hidden=1m;',
        'openqoe_view_record interval=1m;', 'openqoe_view_record interval=off;',
        'openqoe_traces all;', 'openqoe_traces bad sample=2%;',
        'openqoe_max_new_values 9;', 'openqoe_series_max 1000;',
        'openqoe_series_ttl 2h;', 'openqoe_series_birth off;',
        'openqoe_event_type ad;', 'openqoe_event_type ad severity=error;',
        'openqoe_dimension env drop;', 'openqoe_dimension env hash;',
        'openqoe_dimension env allow max=11;',
        'openqoe_dimension env allow ttl=1h;',
        'openqoe_dimension env allow overflow=hash;',
        'openqoe_dimension env allow maxlen=9;',
        'openqoe_dimension env allow values=a,b;',
        'openqoe_dimension env allow values=ab;',
        'openqoe_dimension env allow metrics=headline;',
        'openqoe_dimension app_name allow values=ab;',
        'openqoe_dimension env bucket size=4;',
        'openqoe_dimension env bucket size=5;',
        'openqoe_dimension x allow source=data.x;',
        'openqoe_dimension x allow source=data.y;',
        'openqoe_dimension y allow source=data.x;',
        'openqoe_spool spool;', 'openqoe_spool spool full=reject;',
        'openqoe_spool spool max_size=2g;'),
    (map { [ events => $_ ] }
        'openqoe_max_events 999;', 'openqoe_max_sessions 9;',
        'openqoe_max_inflated_size 1m;', 'openqoe_validation strict;',
        'openqoe_overload_status 429;', 'openqoe_overload_wait off;',
        'openqoe_marker on;', 'openqoe_attribute a b;',
        'openqoe_attribute a c;', 'openqoe_attribute ab "";',
        'openqoe_attribute env b;'),
    (map { [ exporter => $_ ] }
        'metric_interval 30s;', 'signals logs;', 'signals logs metrics views;',
        'refused drop;'),
    [ zone => 'qoe:16m' ],
    [ location => 'location = /v2/more { openqoe_events; }' ],
);

my %seen = ($plain => 'the plain configuration');

for my $row (@OTHER) {
    my ($place, $text) = @$row;
    my $hash = hash_of($place => $text) // 'none';

    like($hash, qr/^[0-9a-f]{16}$/, "nginx takes $text");
    ok(!$seen{$hash}, "$text gives a hash of its own")
        or diag("it is that of $seen{$hash}");
    $seen{$hash} = $text;
}

my $spool = hash_of(http => 'openqoe_spool spool;');
isnt(hash_of(http => 'openqoe_spool spool;', events => 'openqoe_ack spool;'),
     $spool, 'what a 202 promises changes the hash');


# A new directive must be decided about: here, and in the hash if it has a part
# in the numbers.

my $texts = join ' ', @lines, @attributes, (map { @$_ } @SAME, @OTHER),
                 qw(openqoe_zone openqoe_exporter openqoe_fleet_key
                    openqoe_api_key openqoe_api_key_file);
my %tried = map { $_ => 1 } $texts =~ /\b(openqoe_\w+)/g;
my %exempt = map { $_ => 1 } qw(openqoe_helper_nice openqoe_health
    openqoe_stats openqoe_page openqoe_marker_domain openqoe_ack_timeout);
my @directives = slurp("$FindBin::Bin/../ngx_http_openqoe_module.c")
                 =~ /ngx_string\("(openqoe_\w+)"\)/g;
is_deeply([ grep { !$tried{$_} && !$exempt{$_} } @directives ], [],
          'of each directive it is known whether it changes the hash');


is(hash_of(), $plain, 'without all that the hash is the first one again');
ok($nginx->stop, 'nginx stops by itself');
$nginx->no_errors;

done_testing;
