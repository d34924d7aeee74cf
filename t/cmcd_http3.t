#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# CMCD over HTTP/3: requests for media, by query and by headers, are counted as
# over TCP, but for what the kernel knows of a connection, since the socket of
# QUIC is one for all clients; the shim would answer for it.  Reports and events
# are taken.  Needs an nginx with http_v3_module and a curl with HTTP/3, as
# Debian 13 has them.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(sum0);

use OpenQoE::Metrics;
use OpenQoE::Shim;

my $binary = $ENV{TEST_NGINX_BINARY} || 'nginx';

# Does a program say so of itself?

sub says ($pattern, @command) {
    return join('', run_cmd(@command)) =~ $pattern ? 1 : 0;
}


need('an nginx with http_v3_module' =>
         says(qr/--with-http_v3_module/, $binary, '-V'),
     'a curl with HTTP/3' => says(qr/\bHTTP3\b/, 'curl', '-V'));

my $root = scratch_dir('media');
chmod 0755, $root;
my $segment = join '', map { chr($_ % 251) } 1 .. 300_000;
write_file("$root/seg-$_.m4s", $segment) for 1 .. 6;

my $certs = make_certs();
my $port = free_port();
my $dir = scratch_dir('out');
chmod 0777, $dir;

# Each location has its name as organization.  A segment of /slow/ takes two
# seconds, one of /tcp/ some time, since of those that take no millisecond only
# some are looked at.

my %limit = (quic => 0, tcp => '250k', slow => '150k');
my $locations = join '', map { <<"END" } sort keys %limit;
        location /$_/ {
            alias $root/;
            openqoe_cmcd on;
            openqoe_cmcd_org $_;
            openqoe_cmcd_log on;
            openqoe_cmsd on name=edge;
            limit_rate $limit{$_};
            access_log $dir/log cmcd;
        }
END

my $shim = OpenQoE::Shim->new->tcp(rtt_ms => 7, retransmits => 3);
my $nginx = OpenQoE::Nginx->new(
    zone => 'qoe:16m', env => $shim->env,
    exporter => <<"END",
        endpoint file://$dir/otlp.jsonl;
        interval 100ms;
        metric_interval 200ms;
        signals logs metrics requests;
END
    http => <<"END",
    types { video/mp4 m4s; }
    log_format cmcd '\$server_protocol \$status \$body_bytes_sent '
                    '\$openqoe_cmcd_sid \$openqoe_cmcd_br \$openqoe_args';
    openqoe_metrics all;
END
    servers => <<"END",
    server {
        listen 127.0.0.1:$port quic;
        listen 127.0.0.1:$port ssl;
        ssl_certificate $certs->{server};
        ssl_certificate_key $certs->{server_key};
$locations
        location = /v2/cmcd { openqoe_cmcd_events; openqoe_cmcd_org quic; }
        location = /v2/events { openqoe_events; }
    }
END
)->start;

my $metrics = OpenQoE::Metrics->new("$dir/otlp.jsonl");


# Asks over HTTP/3, or with an option of curl over what it names.

sub get ($path, @options) {
    return curl('--cacert', $certs->{ca},
                @options && $options[0] =~ /^--http/ ? () : '--http3-only',
                @options, "https://localhost:$port$path");
}


sub cmcd ($text) {
    return 'CMCD=' . ($text =~ s/([^A-Za-z0-9.-])/sprintf '%%%02X', ord $1/ger);
}


sub metric_is ($n, $claim, $name, @labels) {
    my $seen = $metrics->wait_value($n, $name, @labels, -timeout => 20);
    my $got = $metrics->value($name, @labels);

    ok(defined $seen && $got == $n, $claim)
        || diag("$name is $got, not $n");
}


sub sum_of ($name, @labels) {
    return sum0(map { $_->{sum} // 0 } $metrics->series($name, @labels));
}


my $set = 'bl=8000,br=900,cid="film",d=2000,dl=6000,ot=v,sf=d,sid="s-1",st=v';
my @requests = ('openqoe.delivery.requests', ot => 'v', status_class => '2xx');

subtest 'a segment over HTTP/3' => sub {
    my $answer = get('/quic/seg-1.m4s?token=a&' . cmcd($set) . '&b=c');

    is($answer->{version}, 3, 'curl has spoken HTTP/3');
    ok($answer->{body} eq $segment, 'the segment is served');
    like($answer->{headers}{'cmsd-dynamic'}, qr/^"edge";rd=\d+$/,
         'CMSD has the time that the answer took to begin, and no etp or rtt');

    metric_is(1, 'the request counts once', @requests, org_id => 'quic',
              video_id => 'film', cache_status => 'NONE');
    metric_is(1, 'its set came by the query', 'openqoe.cmcd.requests',
              org_id => 'quic', source => 'query', version => 1);
    metric_is(length $segment, 'its bytes are those of the body, without the '
              . 'frames of HTTP/3', 'openqoe.delivery.bytes',
              org_id => 'quic');
    metric_is(2000, 'its media time counts, so it was complete',
              'openqoe.delivery.media_time', org_id => 'quic');
    metric_is(1, 'it has a duration', 'openqoe.delivery.duration',
              org_id => 'quic');
    metric_is(1, 'and a time to the first byte', 'openqoe.delivery.ttfb',
              org_id => 'quic');
    metric_is(1, 'its session is one attempt',
              'openqoe.experience.attempts', org_id => 'quic');

    is(slurp("$dir/log"), "HTTP/3.0 200 300000 s-1 900 token=a&b=c\n",
       'the variables have the keys, and the arguments without CMCD');
};

subtest 'what the kernel knows of a connection' => sub {
    is(get('/tcp/seg-1.m4s?' . cmcd($set), '--http1.1')->{version}, '1.1',
       'the same server answers over TCP');
    metric_is(1, 'a request over TCP has a round trip time',
              'openqoe.delivery.rtt', org_id => 'tcp');
    metric_is(3, 'and retransmits', 'openqoe.delivery.retransmits',
              org_id => 'tcp');

    get("/quic/seg-$_.m4s?" . cmcd($set)) for 2 .. 5;
    metric_is(5, 'more requests over HTTP/3 count', @requests,
              org_id => 'quic');
    is($metrics->value('openqoe.delivery.rtt', org_id => 'quic'), 0,
       'none of them has a round trip time');
    is($metrics->value('openqoe.delivery.retransmits', org_id => 'quic'), 0,
       'and none has retransmits');

    my @logs = grep { $_->{attr}{org_id} eq 'quic' } request_logs(6);
    is(scalar @logs, 5, 'each request has its log');
    is(scalar(grep { exists $_->{attr}{'openqoe.request.rtt_ms'}
                     || exists $_->{attr}{'openqoe.request.retransmits'} }
              @logs), 0, 'no log of HTTP/3 has what only TCP knows');
};


# n logs of requests, { attr => { name => value } }

sub request_logs ($n) {
    my @logs;

    wait_until(sub {
        @logs = ();

        for my $request (read_jsonl("$dir/otlp.jsonl")) {
            push @logs, map { { attr => { map {
                my ($value) = values %{ $_->{value} };
                $_->{key} => $value } @{ $_->{attributes} } } } }
                grep { ($_->{eventName} // '') eq 'openqoe.request' }
                map { @{ $_->{logRecords} } }
                map { @{ $_->{scopeLogs} } }
                @{ $request->{resourceLogs} // [] };
        }

        return @logs >= $n;
    });

    return @logs;
}


subtest 'CMCD by headers' => sub {
    get('/quic/seg-6.m4s', '-H', 'CMCD-Object: ot=a,d=1997,br=64',
        '-H', 'CMCD-Request: bl=4000', '-H', 'CMCD-Session: sid="s-2"',
        '-H', 'CMCD-Session: cid="film"');
    metric_is(1, 'the headers make a set', 'openqoe.cmcd.requests',
              org_id => 'quic', source => 'header');
    metric_is(1, 'keys of all of them are in it', 'openqoe.delivery.requests',
              org_id => 'quic', ot => 'a', video_id => 'film');
    like(slurp("$dir/log"), qr{^HTTP/3\.0 200 300000 s-2 64 $}m,
         'the variables have them');
};

subtest 'a segment that takes two seconds' => sub {
    get('/slow/seg-1.m4s?' . cmcd($set));
    metric_is(1, 'it counts', @requests, org_id => 'slow');
    metric_is(1, 'its throughput is known', 'openqoe.delivery.throughput',
              org_id => 'slow');

    my $ms = sum_of('openqoe.delivery.duration', org_id => 'slow');
    cmp_ok($ms, '>=', 900, 'its duration is that of the body');
    cmp_ok(sum_of('openqoe.delivery.ttfb', org_id => 'slow'), '<', $ms / 2,
           'its first byte was sent long before');
    cmp_ok(sum_of('openqoe.delivery.throughput', org_id => 'slow'), '<=',
           300_000 * 8 / 900, 'its throughput is what that comes to');
};

subtest 'streams of one connection' => sub {
    my ($rc) = run_cmd({ timeout => 60 }, 'curl', '-sS', '--http3-only', '-Z',
                       '--cacert', $certs->{ca}, map { ('-o', '/dev/null',
                       "https://localhost:$port/slow/seg-$_.m4s?"
                       . cmcd($set =~ s/s-1/s-$_/r)) } 2 .. 5);
    is($rc, 0, 'four segments come side by side');
    metric_is(5, 'each counts once', @requests, org_id => 'slow');
    metric_is(5 * length $segment, 'with its own bytes',
              'openqoe.delivery.bytes', org_id => 'slow');
    is($metrics->value('openqoe.delivery.aborted', org_id => 'slow'), 0,
       'none was aborted');
};

subtest 'what goes wrong' => sub {
    is(get('/quic/gone.m4s?' . cmcd($set))->{status}, 404,
       'a segment is missing');
    metric_is(1, 'that is an error of delivery', 'openqoe.delivery.errors',
              org_id => 'quic', status_class => '4xx');

    is(get('/slow/seg-6.m4s?' . cmcd($set), '--max-time', 0.7)->{rc}, 28,
       'a client gives up');
    metric_is(1, 'its request is aborted', 'openqoe.delivery.aborted',
              org_id => 'slow');
    metric_is(5 * 2000, 'and its media do not count',
              'openqoe.delivery.media_time', org_id => 'slow');
};

subtest 'reports and events over HTTP/3' => sub {
    my $ts = int(time * 1000);
    my $report = join "\n",
        qq(e=ps,sid="s-9",cid="film",sn=0,sta=s,ts=$ts,v=2),
        qq(e=ps,sid="s-9",cid="film",sn=1,sta=p,ts=@{[ $ts + 300 ]},v=2),
        qq(e=t,sid="s-9",cid="film",sn=2,sta=p,ts=@{[ $ts + 2000 ]},v=2);

    is(get('/v2/cmcd', '-H', 'Content-Type: application/cmcd', '-d', $report)
       ->{status}, 204, 'reports are taken');
    metric_is(1, 'they make a view that has started',
              'openqoe.views_started_total', org_id => 'quic',
              source => 'event');

    is(get('/v2/events', '-H', 'Content-Type: application/json', '-d',
           batch_json(batch(3)))->{status}, 202, 'events are taken');
    is($nginx->stats->{events}{accepted}, 6, 'all of them count');
};

ok($nginx->stop, 'nginx exits by itself');
$nginx->no_errors;

done_testing;
