#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Request mode of CMCD: what nginx's log phase makes of requests for media, with
# CMCD and without, through a cache, aborted, redirected, by HTTP/2; that bad
# input changes no answer; the sums of a view; logs of requests; CMSD.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Prometheus qw(prometheus_text);
use OpenQoE::Metrics qw(labels_key);

my $root = scratch_dir('media');
chmod 0755, $root;
mkdir "$root/v";
mkdir "$root/cache";
chmod 0777, "$root/cache";

my $segment = join '', map { chr($_ % 251) } 1 .. 16384;
write_file("$root/v/seg-$_.m4s", $segment) for 1 .. 3;
write_file("$root/v/big.mp4", 'x' x 4_000_000);
write_file("$root/v/list.m3u8", "#EXTM3U\n");
write_file("$root/v/page.html", "<p>\n");

my ($h2, $origin) = free_ports(2);

# Locations with openqoe_cmcd on have their name as organization, so each has
# series of its own.
my $nginx = OpenQoE::Nginx->new(
    zone => 'qoe:16m', listen => '',
    exporter => <<"END",
        endpoint file://@{[ scratch_dir('out') ]}/otlp.jsonl;
        interval 100ms;
        signals logs metrics views requests;
END
    http => <<"END",
    types {
        video/iso.segment m4s; video/mp4 mp4; text/html html;
        application/vnd.apple.mpegurl m3u8;
    }
    proxy_cache_path $root/cache keys_zone=cache:1m;
    openqoe_attribute env test;
    openqoe_attribute tier edge;
    openqoe_dimension pop allow source=attribute.tier;
    openqoe_metrics all;
END
    server => "root $root;\n        log_subrequest on;",
    location => <<"END",
        location /on/ {
            alias $root/v/;
            openqoe_cmcd on;
            openqoe_cmcd_org on;
        }
        location /query/ {
            alias $root/v/;
            openqoe_cmcd query;
            openqoe_cmcd_org query;
        }
        location /headers/ {
            alias $root/v/;
            openqoe_cmcd headers;
            openqoe_cmcd_org headers;
        }
        location /off/ { alias $root/v/; }
        location /var/ {
            alias $root/v/;
            openqoe_cmcd on;
            openqoe_cmcd_org "org-\$arg_tenant";
        }
        location /stripped/ {
            openqoe_cmcd on;
            openqoe_cmcd_org stripped;
            set \$args "";
            rewrite ^/stripped/(.*) /redirected/\$1 last;
        }
        location /redirected/ {
            alias $root/v/;
            openqoe_cmcd on;
            openqoe_cmcd_org redirected;
        }
        location /guarded/ {
            alias $root/v/;
            openqoe_cmcd on;
            openqoe_cmcd_org guarded;
            auth_request /guard;
        }
        location = /guard {
            openqoe_cmcd on;
            openqoe_cmcd_org guard;
            return 204;
        }
        location /slow/ {
            alias $root/v/;
            openqoe_cmcd on;
            openqoe_cmcd_org slow;
            limit_rate 200k;
        }
        location /cached/ {
            proxy_pass http://127.0.0.1:$origin;
            proxy_cache cache;
            proxy_cache_key \$uri;
            proxy_cache_valid 200 1m;
            openqoe_cmcd on;
            openqoe_cmcd_org cached;
            openqoe_cmsd on name=edge;
        }
        location /down/ {
            proxy_pass http://127.0.0.1:1;
            openqoe_cmcd on;
            openqoe_cmcd_org down;
        }
        location /cmsd/ {
            alias $root/v/;
            openqoe_cmsd on "name=edge 1";
        }
        location /logged/ {
            alias $root/v/;
            openqoe_cmcd on;
            openqoe_cmcd_org logged;
            openqoe_cmcd_log on;
        }
        location /some/ {
            alias $root/v/;
            openqoe_cmcd on;
            openqoe_cmcd_org some;
            openqoe_cmcd_log sample=50%;
        }
END
    servers => <<"END",
    server {
        listen 127.0.0.1:$h2 http2;
        location / {
            alias $root/v/;
            openqoe_cmcd on;
            openqoe_cmcd_org h2;
        }
    }
    server {
        listen 127.0.0.1:$origin;
        location /cached/ {
            alias $root/v/;
            add_header CMSD-Dynamic '"origin";rd=7';
        }
        location /cached/broken.m4s { return 503; }
    }
END
)->start;

my $out = $nginx->{exporter} =~ m{file://(\S+);} ? $1 : die;


sub get ($path, @headers) {
    my $answer = http_get($nginx->port, $path, headers => \@headers);
    return $answer // { status => 0, headers => {}, body => '' };
}


sub cmcd ($text) {
    return 'CMCD=' . ($text =~ s/([^A-Za-z0-9.-])/sprintf '%%%02X', ord $1/ger);
}


sub stats () { $nginx->stats->{cmcd} }


# The sum of a metric over its series with those labels.

sub metric ($name, %labels) {
    my $answer = http_get($nginx->port, '/v2/stats',
                          headers => { Accept => 'text/plain' });
    my $p = prometheus_text($answer->{body});
    my $sum = 0;

    for my $key (grep { /^\Q$name\E\{/ } keys %{ $p->{samples} }) {
        my $has = $p->{labels}{$key};
        next if grep { ($has->{$_} // '') ne ($labels{$_} // '') }
                keys %labels;
        $sum += $p->{samples}{$key};
    }

    return $sum;
}


sub metric_is ($n, $claim, $name, %labels) {
    my $got;
    ok(wait_until(sub { ($got = metric($name, %labels)) == $n }), $claim)
        || diag("$name is $got, not $n");
}


my $set = 'bl=8000,br=3200,cid="film",d=4000,dl=6000,ot=v,sf=h,sid="s-1",'
          . 'st=v,tb=6000';

my @requests = qw(openqoe_delivery_requests_total);
my @sets = qw(openqoe_cmcd_requests_total);

subtest 'a segment with CMCD in the query' => sub {
    my $plain = get('/off/seg-1.m4s');
    my $with = get('/on/seg-1.m4s?' . cmcd($set));

    is($with->{body}, $plain->{body}, 'CMCD does not change the answer');
    is_deeply([ sort keys %{ $with->{headers} } ],
              [ sort keys %{ $plain->{headers} } ],
              'and adds no header to it');

    metric_is(1, 'the request counts with source and version', @sets,
              org_id => 'on', source => 'query', version => 1);
    metric_is(1, 'its object type and status come from the set and the answer',
              @requests, org_id => 'on', ot => 'v', status_class => '2xx',
              cache_status => 'NONE', video_id => 'film', env => 'test',
              content_type => 'vod', pop => 'edge');
    metric_is(16384, 'its bytes are those of the body',
              'openqoe_delivery_bytes_total', org_id => 'on');
    metric_is(4000, 'its media time counts',
              'openqoe_delivery_media_time_milliseconds_total',
              org_id => 'on');
    metric_is(1, 'its session is active', 'openqoe_cmcd_sessions_active',
              st => 'v', sf => 'h');
    is(metric(@requests, org_id => ''), 0,
       'a location without the directive makes no metrics');
};

subtest 'headers, and both at once' => sub {
    get('/headers/seg-1.m4s', 'CMCD-Session' => 'sid="s-2",cid="film"',
        'CMCD-Request' => 'bl=1000', 'cmcd-object' => 'ot=a');
    metric_is(1, 'headers make a set', @sets, org_id => 'headers',
              source => 'header');
    metric_is(1, 'keys of all headers are in it', @requests,
              org_id => 'headers', ot => 'a', video_id => 'film');

    get('/headers/seg-1.m4s?' . cmcd($set));
    metric_is(2, '"headers" leaves the query alone: the type of the content '
              . 'stands in', @requests, org_id => 'headers');
    is(metric(@sets, org_id => 'headers'), 1, 'and counts no second set');

    get('/query/seg-1.m4s', 'CMCD-Session' => 'sid="s-2"');
    get('/query/seg-1.m4s?' . cmcd($set), 'CMCD-Object' => 'ot=a');
    metric_is(1, '"query" leaves the headers alone', @sets,
              org_id => 'query', source => 'query');

    my $before = stats()->{ignored}{unknown};
    get('/on/seg-2.m4s?' . cmcd('ot=v,sid="q"'),
        'CMCD-Object' => 'ot=a', 'CMCD-Session' => 'sid="h"',
        'CMCD-Object' => 'd=2000,zz=1');
    metric_is(1, 'headers win over the query', @sets, org_id => 'on',
              source => 'header');
    metric_is(2000, 'a second line of a header counts, too',
              'openqoe_delivery_media_time_milliseconds_total',
              org_id => 'on', ot => 'a');
    is(stats()->{ignored}{unknown}, $before + 1, 'an unknown key is counted');
};

subtest 'requests without CMCD' => sub {
    my $before = stats()->{without};

    get("/query/$_") for qw(seg-3.m4s list.m3u8 page.html gone.m4s gone.html);
    is(stats()->{without}, $before + 3,
       'those for media and playlists are seen, by type or by name');
    metric_is(1, 'a playlist is a manifest', @requests, org_id => 'query',
              ot => 'm', status_class => '2xx');
    metric_is(1, 'an error is one for what the name asks for', @requests,
              org_id => 'query', ot => 'v', status_class => '4xx');
    metric_is(1, 'and an error of delivery',
              'openqoe_delivery_errors_total', org_id => 'query');
};

subtest 'which requests count' => sub {
    my $before = stats()->{requests};

    http_request($nginx->port, $_, '/on/seg-1.m4s?' . cmcd($set))
        for qw(HEAD OPTIONS DELETE);
    is(stats()->{requests}, $before, 'HEAD, OPTIONS and others do not');

    get('/guarded/seg-1.m4s?' . cmcd($set));
    metric_is(1, 'a request with a subrequest counts', @sets,
              org_id => 'guarded');
    is(metric(@sets, org_id => 'guard'), 0, 'the subrequest does not');

    get('/stripped/seg-1.m4s?' . cmcd($set));
    metric_is(1, 'a request that was redirected and lost its arguments '
              . 'counts once, where it ended', @sets,
              org_id => 'redirected');
    is(metric(@sets, org_id => 'stripped'), 0, 'and not where it began');

    get('/var/seg-1.m4s?tenant=a&' . cmcd($set));
    metric_is(1, 'the organization may have variables', @sets,
              org_id => 'org-a');
};

subtest 'through a cache' => sub {
    my $sid = cmcd('ot=v,sid="c"');
    is(get("/cached/seg-1.m4s?$sid")->{status}, 200, 'an upstream answers')
        for 1 .. 2;
    is(get("/cached/broken.m4s?$sid")->{status}, 503, 'an upstream fails');
    is(get("/down/seg-1.m4s?$sid")->{status}, 502, 'an upstream is down');

    metric_is(1, 'a miss', @requests, org_id => 'cached',
              cache_status => 'MISS', status_class => '2xx');
    metric_is(1, 'a hit', @requests, org_id => 'cached',
              cache_status => 'HIT');
    metric_is(1, 'an error of the upstream', @requests, org_id => 'cached',
              cache_status => 'MISS', status_class => '5xx');
    metric_is(1, 'an upstream that is down', @requests, org_id => 'down',
              status_class => '5xx');
    metric_is(2, 'only what was asked of an upstream has its time',
              'openqoe_delivery_upstream_time_milliseconds_count',
              org_id => 'cached', stage => 'header');
};

subtest 'a client that goes' => sub {
    my $client = $nginx->http;
    $client->send_raw('GET /slow/big.mp4?' . cmcd('ot=v,sid="gone",d=4000')
                      . " HTTP/1.1\r\nHost: x\r\n\r\n");
    $client->fill(time + 10);
    $client->close;

    metric_is(1, 'its request is aborted', 'openqoe_delivery_aborted_total',
              org_id => 'slow');
    is(metric('openqoe_delivery_media_time_milliseconds_total',
              org_id => 'slow'), 0,
       'and what it asked for was not delivered');
};

subtest 'HTTP/2' => sub {
    plan skip_all => 'curl has no HTTP/2'
        if `curl -V` !~ /HTTP2/;

    my $answer = curl('--http2-prior-knowledge',
                      "http://127.0.0.1:$h2/seg-1.m4s?" . cmcd($set));
    is($answer->{body}, $segment, 'the segment is served');
    metric_is(16384, 'its bytes count without frames',
              'openqoe_delivery_bytes_total', org_id => 'h2');
    metric_is(0, 'it was not aborted', 'openqoe_delivery_aborted_total',
              org_id => 'h2');

    curl('--http2-prior-knowledge', '-H', 'CMCD-Session: sid="h2"',
         '-H', 'CMCD-Object: ot=v', "http://127.0.0.1:$h2/seg-1.m4s");
    metric_is(1, 'headers make a set', @sets, org_id => 'h2',
              source => 'header');
};

subtest 'bad input' => sub {
    my $whole = cmcd($set);
    my %bad = (
        '8 kB of a text' => cmcd('ot=v,sid="' . 'x' x 7000 . '"'),
        '1000 keys' => cmcd(join ',', 'ot=v', map { "k$_" } 1 .. 900),
        'wrong types' => cmcd('bl="x",br=v,ot=1,sid=1,su=3,pr="y"'),
        'no UTF-8' => 'CMCD=sid%3D%22%ff%fe%22%2Ccid%3D%22%c3%28%22',
        'version 0' => cmcd("$set,v=0"),
        'version 99' => cmcd("$set,v=99"),
        'two sets' => "$whole&" . cmcd('sid="other"'),
        'half an escape' => 'CMCD=sid%3D%22a%2',
        'nothing' => 'CMCD=',
        'quotes alone' => cmcd('""""""'),
        'control characters' => cmcd("sid=\"\x01\x7f\0\",ot=\n"),
    );

    for my $name (sort keys %bad) {
        my $answer = get("/on/seg-3.m4s?$bad{$name}");
        ok($answer->{status} == 200 && $answer->{body} eq $segment,
           "$name: the segment is served as ever");
    }

    my $good = 0;
    for my $len (0 .. length $whole) {
        my $answer = get('/on/seg-3.m4s?' . substr $whole, 0, $len);
        $good++ if $answer->{status} == 200 && $answer->{body} eq $segment;
    }
    is($good, 1 + length $whole, 'so it is after every truncation of a set');

    my $ignored = stats()->{ignored};
    cmp_ok($ignored->{$_}, '>', 0, "$_ is counted as a reason")
        for qw(syntax type length unknown version no_sid);
    metric_is($ignored->{version}, 'the metric counts what the stats count',
              'openqoe_cmcd_ignored_total', reason => 'version');

    my @warned = $nginx->error_log =~ /CMCD of a version above 2/g;
    is(scalar @warned, 1, 'a version that is too high is logged');
    is(stats()->{dropped}, 0, 'no request was dropped');
};

subtest 'the view of the same session' => sub {
    my ($session, $view) = (uuid(), uuid());
    my %of = (org_id => 'on', session_id => $session, view_id => $view,
              video => { id => 'film' });
    my $answer = http_post($nginx->port, '/v2/events', batch_json([
        event(%of, event_type => 'playing'),
        event(%of, event_type => 'heartbeat') ]));
    is($answer->{status}, 202, 'events begin a view');
    ok(wait_until(sub { $nginx->stats->{views}{active} }), 'it is alive');

    get('/on/seg-1.m4s?' . cmcd(qq(ot=v,sid="$session",cid="film")));
    get('/on/gone.m4s?' . cmcd(qq(ot=v,sid="$session",cid="film")));

    my $of_view = sub {
        my $r = http_get($nginx->port, "/v2/stats?view=$view&org_id=on");
        return decode_json_text($r->{body})->{view};
    };
    ok(wait_until(sub { ($of_view->()->{requests}{count} // 0) == 2 }),
       'the view has the requests of its session');
    my $sums = $of_view->()->{requests};
    cmp_ok($sums->{bytes}, '>', 16384, 'and their bytes');
    is($sums->{errors}, 1, 'and their errors');

    http_post($nginx->port, '/v2/events',
              batch_json([ event(%of, event_type => 'ended') ]));
    my $record;
    ok(wait_until(sub {
        ($record) = grep { ($_->{'openqoe.view.final'} // 0) }
                    logs('openqoe.view');
        return $record;
    }), 'its record follows');
    is($record->{'openqoe.view.requests'}, 2, 'the record has the requests');
    is($record->{'openqoe.view.request_errors'}, 1, 'and their errors');
};


# The attributes of log records with that event name.

sub logs ($event) {
    my @logs;

    for my $request (read_jsonl($out)) {
        for my $rl (@{ $request->{resourceLogs} // [] }) {
            for my $log (map { @{ $_->{logRecords} } } @{ $rl->{scopeLogs} })
            {
                next if ($log->{eventName} // '') ne $event;
                push @logs, { map {
                    my ($v) = values %{ $_->{value} };
                    $_->{key} => $v } @{ $log->{attributes} } };
            }
        }
    }

    return @logs;
}


subtest 'logs of requests' => sub {
    get('/logged/seg-1.m4s?token=secret&'
        . cmcd("$set,com.example-x=\"y\",bs,pr=1.25"),
        Range => 'bytes=0-99');
    get('/logged/seg-1.m4s');

    my @logs;
    ok(wait_until(sub { @logs = logs('openqoe.request') }), 'a log follows');
    is(scalar @logs, 1, 'for the request with CMCD alone');

    my %want = (
        'http.request.method' => 'GET', 'http.response.status_code' => 206,
        'http.response.body.size' => 100, 'url.path' => '/logged/seg-1.m4s',
        'server.address' => 'localhost', org_id => 'logged', env => 'test',
        session_id => 's-1', tier => 'edge', 'cmcd.br' => 3200,
        'cmcd.cid' => 'film', 'cmcd.ot' => 'v', 'cmcd.pr' => 1.25,
        'cmcd.com.example-x' => 'y', 'openqoe.cmcd.source' => 'query',
    );
    is($logs[0]{$_}, $want{$_}, "it has $_") for sort keys %want;
    ok($logs[0]{'cmcd.bs'}, 'a flag is true');
    ok(!grep({ /secret/ } values %{ $logs[0] }),
       'arguments, which may be secrets, are not in it');

    get("/some/seg-1.m4s?" . cmcd(qq(ot=v,sid="s$_")))
        for (1 .. 60) x 2;
    metric_is(120, 'more sessions make requests', @sets, org_id => 'some');

    my %n;
    ok(wait_until(sub { stats()->{tap}{used} == 0
                        && logs('openqoe.request') == stats()->{logs}{queued}
    }), 'all logs were exported');
    $n{ $_->{session_id} }++
        for grep { $_->{org_id} eq 'some' } logs('openqoe.request');
    ok(keys %n > 5 && keys %n < 55, 'a sample of sessions is logged');
    is(join(',', grep { $n{$_} != 2 } keys %n), '',
       'all requests of such a session are');
};

subtest 'CMSD' => sub {
    my $head = sub ($answer) { $answer->{headers}{'cmsd-dynamic'} // '' };

    is($head->(get('/off/seg-1.m4s')), '', 'off by default');

    my $client = $nginx->http;
    my $first = $client->request('GET', '/cmsd/seg-1.m4s');
    like($head->($first), qr/^"edge 1";rd=\d+;rtt=\d+$/,
         'a new connection has a round trip time and no throughput');
    $client->request('GET', '/cmsd/big.mp4');
    like($head->($client->request('GET', '/cmsd/seg-1.m4s')),
         qr/^"edge 1";etp=[1-9]\d*;rd=\d+;rtt=[1-9]\d*$/,
         'after some megabytes the throughput is known');
    unlike($head->($first), qr/mb=/, 'mb is never sent');
    is($head->(get('/cmsd/gone.m4s')), '', 'an error has none');

    like($head->(get('/cached/seg-2.m4s')),
         qr/^"origin";rd=7, "edge";rd=\d+;rtt=\d+$/,
         'this hop is added after that of the upstream');
    like($head->(get('/cached/seg-2.m4s')), qr/^"edge";rd=\d+;rtt=\d+$/,
         'what the cache remembers of other hops is left out');
};

subtest 'reload and stop' => sub {
    $nginx->reload;
    get('/on/seg-1.m4s?' . cmcd('ot=k,sid="after"'));
    metric_is(1, 'requests count after a reload', @requests, org_id => 'on',
              ot => 'k');
    ok($nginx->stop, 'nginx leaves by itself');
    $nginx->no_errors;
};

done_testing;
