#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The live page over HTTP: its files, their headers, and /v2/stats?view=live,
# which has its numbers.  What a browser makes of them is in t/live_page.t.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use IO::Uncompress::Gunzip ();
use List::Util qw(sum0);
use OpenQoE::Peers;

# What a page that is opened costs, headers and all.
use constant MAX_BYTES => 45_000;

my @files = qw(live.css live.js uPlot.js htm-preact.js);
my $policy = "default-src 'none'; script-src 'self'; style-src 'self'; "
             . "connect-src 'self'; img-src data:; base-uri 'none'; "
             . "form-action 'none'; frame-ancestors 'self'";
my %type = (html => 'text/html', css => 'text/css', js => 'text/javascript');

my $nginx = OpenQoE::Nginx->new(workers => 2, zone => 'qoe:32m',
    http => 'openqoe_dimension cdn_provider allow max=20;',
    location => <<'END')->start;
        location = /v2/live { openqoe_page; }
        location /prefix { openqoe_page; }
        location /slash/ { openqoe_page; }
        location /keyed/ {
            openqoe_api_key secret;
            location = /keyed/stats { openqoe_stats; }
            location = /keyed/live { openqoe_page; }
        }
        location /closed/ {
            deny all;
            location = /closed/live { openqoe_page; }
            location = /closed/stats { openqoe_stats; }
        }
END


sub get ($path, %headers) {
    return http_get($nginx->port, $path, headers => \%headers);
}


sub unzip ($bytes) {
    IO::Uncompress::Gunzip::gunzip(\$bytes, \my $text);
    return $text;
}


sub source ($name) {
    my $dir = OpenQoE::Peers::peers_dir() . '/../../ui';
    return slurp(-e "$dir/$name" ? "$dir/$name" : "$dir/vendor/$name");
}


subtest 'the page and its files' => sub {
    my $bytes = 0;

    for my $name ('live.html', @files) {
        my $query = $name eq 'live.html' ? '' : "?$name";
        my $r = get("/v2/live$query", 'Accept-Encoding' => 'gzip, br');
        my $h = $r->{headers};
        my ($kind) = $name =~ /\.(\w+)$/;

        is($r->{status}, 200, "$name is answered");
        is($h->{'content-type'}, "$type{$kind}; charset=utf-8",
           "$name has its type");
        is($h->{'content-encoding'}, 'gzip', "$name is packed");
        is(unzip($r->{body}), source($name), "$name is the file of the tree");
        is($h->{'content-security-policy'}, $policy, "$name has the policy");
        is($h->{'x-content-type-options'}, 'nosniff',
           "the type of $name is not guessed");
        is($h->{'cache-control'}, 'no-cache', "$name is asked for each time");
        is($h->{vary}, 'Accept-Encoding', "caches keep both forms of $name");
        like($h->{etag}, qr/^"[0-9a-f]+-[0-9a-f]+-gz"$/, "$name has an ETag");
        unlike(source($name), qr{(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//},
               "$name asks no other host") if $name !~ /uPlot|htm/;

        $bytes += length($r->{body}) + length("HTTP/1.1 200 OK\r\n\r\n")
                  + sum0(map { length("$_: $h->{$_}\r\n") } keys %$h);

        my $again = get("/v2/live$query", 'Accept-Encoding' => 'gzip',
                        'If-None-Match' => $h->{etag});
        is($again->{status}, 304, "$name is not sent again");
        is($again->{body}, '', "nor is anything else instead of $name");
        is($again->{headers}{etag}, $h->{etag},
           "the 304 for $name has the ETag");

        my $plain = get("/v2/live$query");
        is($plain->{headers}{'content-encoding'}, undef,
           "$name is not packed for a client that does not ask for gzip");
        is($plain->{body}, source($name), "$name is whole then, too");
        isnt($plain->{headers}{etag}, $h->{etag},
             "both forms of $name have their own ETag");

        my $head = http_request($nginx->port, 'HEAD', "/v2/live$query",
                                headers => { 'Accept-Encoding' => 'gzip' });
        is($head->{status}, 200, "HEAD of $name is answered");
        is($head->{body}, '', "HEAD of $name has no body");
        is($head->{headers}{'content-length'}, length $r->{body},
           "HEAD of $name has the length");
    }

    cmp_ok($bytes, '<=', MAX_BYTES, 'the whole page fits its budget');
    note("the page is $bytes bytes over the wire");

    is(get('/v2/live', 'Accept-Encoding' => 'gzip;q=0')
       ->{headers}{'content-encoding'}, undef, 'gzip;q=0 means no gzip');
    is(get('/v2/live', 'Accept-Encoding' => 'br, gzip;q=0.5')
       ->{headers}{'content-encoding'}, 'gzip', 'gzip;q=0.5 means gzip');
    is(get('/v2/live', 'Accept-Encoding' => 'x-notgzip')
       ->{headers}{'content-encoding'}, undef, 'nor is another name gzip');
    is(get('/v2/live?stats=1')->{body}, source('live.html'),
       'a query that names no file is for the page');
};

subtest 'locations of other kinds' => sub {
    is(get('/prefix')->{body}, source('live.html'),
       'a prefix location has the page');
    is(get('/prefix/')->{body}, source('live.html'), 'with a slash as well');
    is(get('/prefix/live.js')->{body}, source('live.js'),
       'and its files by their paths');
    is(get('/prefix?live.js')->{body}, source('live.js'), 'and by query');
    is(get('/slash/')->{body}, source('live.html'),
       'so has a location that ends in a slash');
    is(get('/slash/uPlot.js')->{body}, source('uPlot.js'), 'with its files');

    for my $path (qw(/prefix/none.js /prefixed /prefix/live.js/ /slash/x)) {
        my $r = get($path);
        is($r->{status}, 404, "$path is not found");
        is((decode_json_text($r->{body}) // {})->{success}, JSON::PP::false,
           "and $path is answered by JSON");
    }
};

subtest 'methods' => sub {
    my $r = http_post($nginx->port, '/v2/live', 'x');

    is($r->{status}, 405, 'POST is not allowed');
    is($r->{headers}{allow}, 'GET, HEAD, OPTIONS', 'the answer says what is');
};

subtest 'where the directive may stand' => sub {
    my $other = OpenQoE::Nginx->new;

    for my $place (qw(http server main)) {
        $other->write_config(main => '', http => '', server => '',
                             $place => 'openqoe_page;');
        my ($rc, $text) = $other->test_config;
        isnt($rc, 0, "openqoe_page in $place stops nginx -t");
        like($text, qr/"openqoe_page" directive is not allowed here/,
             "and the message for $place says so");
    }

    for my $line ('openqoe_page; openqoe_page;', 'openqoe_page on;',
                  'openqoe_page; openqoe_stats;') {
        $other->write_config(map({ $_ => '' } qw(main http server)),
                             location => "location = /x { $line }");
        my ($rc, $text) = $other->test_config;
        isnt($rc, 0, "\"$line\" stops nginx -t");
        like($text, qr/"openqoe_(?:page|stats)" directive/,
             "and the message for \"$line\" names the directive");
    }

    $other->write_config(zone => undef, exporter => undef, location => '',
                         locations => 'location = /x { openqoe_page; }');
    my ($rc, $text) = $other->test_config;
    isnt($rc, 0, 'without a zone there is no page');
    like($text, qr/openqoe_page/, 'and the message names the directive');
};

subtest 'access' => sub {
    is(get('/keyed/live')->{status}, 200,
       'the page itself asks for no key, for it asks the viewer');
    is(get('/keyed/stats?view=live')->{status}, 401,
       'its numbers do ask for the key');
    is(get('/keyed/stats?view=live', 'X-API-Key' => 'secret')->{status}, 200,
       'and are given for it');
    is(get('/keyed/stats?view=live', 'X-API-Key' => 'secreT')->{status}, 401,
       'but not for another one');
    is(get('/closed/live')->{status}, 403, "nginx's own rules hold");
    is(get('/closed/stats?view=live')->{status}, 403, 'for both');
};


# The numbers of the page, when they are as the test says.

sub wait_live ($what, $test) {
    my $live;
    my $ok = wait_until(sub {
        $live = decode_json_text(get('/v2/stats?view=live')->{body}) // {};
        return $test->($live);
    }, 20);

    ok($ok, $what) or diag(encode_json_text($live));
    return $live;
}


sub all ($live, $name) { sum0 @{ $live->{history}{$name} } }


# One view: a startup, seconds of playing, and how it ends.

sub view ($id, %set) {
    my $at = int(time * 1000) - 60_000;
    my @story = ([ 0, 'playing' ], [ 1, 'stallstart' ]);

    push @story, [ $set{startup}, 'stallend' ],
        [ $set{startup} + 10_000, 'heartbeat', { playing_time => 10_000 } ],
        [ $set{startup} + 20_000, 'ended', { playing_time => 20_000 } ]
            if $set{startup};
    push @story, [ 500, 'error', { error_code => '403', fatal => 1,
                                   error_family => 'network' } ] if $set{fails};

    my @events = map {
        my ($ms, $type, $data) = @$_;
        my $position = $data ? $data->{playing_time} // 0 : 0;
        my $event = event(
            event_type => $type, event_time => $at + $ms,
            viewer_time => $at + $ms, playback_time => $position,
            view_id => $id, session_id => "s-$id",
            video => { id => 'v1', title => $set{title} // 'Dune' },
            cdn => { provider => 'edge' }, network => { country_code => 'DE' },
            data => $data // {});
        delete $event->{data}{bitrate};
        delete $event->{data}{playing_time} if !$data->{playing_time};
        $event;
    } @story;

    my $r = http_post($nginx->port, '/v2/events', batch_json(\@events));
    is($r->{status}, 202, "view $id is accepted");
}

subtest 'the numbers' => sub {
    my $empty = wait_live('a new module has lists', sub ($l) { $l->{top} });

    is(scalar @{ $empty->{history}{started} }, 132,
       'the history has ten minutes and the one before');
    is($empty->{shown}, 120, 'and says how much of it to show');
    is_deeply([ grep { $_ } map { @$_ } values %{ $empty->{history} } ], [],
              'nothing has happened yet');
    is_deeply($empty->{bad}, [], 'no view went badly');
    is($empty->{startup}{p95}, undef, 'there is no startup time');
    is($empty->{status}, 'healthy', 'the module says that it is well');

    view("good-$_", startup => 500) for 1 .. 10;
    view("slow-$_", startup => 6000) for 1 .. 2;
    view('failed', fails => 1, title => qq{<b>"&\x{1}\x{1F600}});

    my $live = wait_live('all views are there', sub ($l) {
        all($l, 'started') == 12 && all($l, 'completed') == 12
            && all($l, 'errors') == 1
            && 2 == (grep { $_->{view_id} =~ /slow/ } @{ $l->{bad} })
            && !grep { ($_->{rows}[0]{over} // 0) < 12 }
                     @{ $l->{top} // {} }{qw(titles cdns countries devices)}
    });

    is(all($live, 'errors'), 1, 'the error is counted');
    is(all($live, 'startups'), 12, 'the startups are counted');
    is(all($live, 'slow'), 2, 'those of more than 4 s are, too');
    cmp_ok(abs(all($live, 'playing_ms') - 12 * 20_000), '<', 500,
           'the time of playing is there');
    cmp_ok($live->{startup}{p50}, '>', 400, 'the median is in its bucket');
    cmp_ok($live->{startup}{p50}, '<=', 500, 'and not above it');
    cmp_ok($live->{startup}{p95}, '>', 5000, 'so is the 95th percentile');
    cmp_ok($live->{startup}{p95}, '<=', 7000, 'and not above it');
    is($live->{history}{watched}[-1], 0, 'nobody watches any more')
        if all($live, 'start_failures');
    is($live->{events}{accepted}, 10 * 5 + 2 * 5 + 3,
       'the events are counted');

    my $row = $live->{top}{titles}{rows}[0];
    is($row->{name}, 'Dune', 'the title is listed');
    is($row->{started}, 12, 'with its views');
    is(sum0(@{ $row->{startup} }), 12, 'and its startups');
    is($live->{top}{cdns}{rows}[0]{name}, 'edge', 'the CDN is listed');
    is($live->{top}{countries}{rows}[0]{name}, 'DE', 'the country is listed');
    is($live->{top}{devices}{rows}[0]{name}, 'desktop',
       'the device is listed');

    my %bad = map { $_->{view_id} => $_ } @{ $live->{bad} };
    is_deeply([ sort grep { /slow/ } keys %bad ], [ 'slow-1', 'slow-2' ],
              'slow starts are bad views');
    is_deeply($bad{'slow-1'}{why}, [ 'slow_start' ], 'that say why');
    is($bad{'slow-1'}{startup_ms}, 6000, 'and how slow');
    is($bad{'slow-1'}{labels}{cdn_provider}, 'edge', 'with their attributes');
    is($bad{'good-1'}, undef, 'good views are not among them');

    my $stats = decode_json_text(get('/v2/stats')->{body});
    is($live->{series}{count}, $stats->{series}{count},
       'the series are those of the stats');
    is($live->{views}{max}, $stats->{views}{capacity},
       'so are the places of views');
};

subtest 'the answer with the numbers' => sub {
    my $r = get('/v2/stats?view=live');
    my $h = $r->{headers};

    is($h->{'content-type'}, 'application/json', 'it is JSON');
    is($h->{'cache-control'}, 'no-store', 'which is not kept');
    like($h->{etag}, qr/^"[0-9a-f]{16}"$/, 'it has an ETag');

    # A step of the history may begin between two requests.
    my $same = wait_until(sub {
        my $etag = get('/v2/stats?view=live')->{headers}{etag};
        return get('/v2/stats?view=live', 'If-None-Match' => $etag)
               ->{status} == 304;
    }, 20);
    ok($same, 'a client that has it gets 304');
    is(get('/v2/stats?view=live', 'If-None-Match' => '"0"')->{status}, 200,
       'one that has another gets it');
    is(get('/v2/stats?view=live', Accept => 'text/plain')
       ->{headers}{'content-type'}, 'application/json',
       'it is JSON whatever Accept says');
    is(http_request($nginx->port, 'HEAD', '/v2/stats?view=live')->{body}, '',
       'HEAD has no body');
    ok(decode_json_text(get('/v2/stats?view=live')->{body}), 'it is valid');
};

subtest 'without metrics' => sub {
    my $off = OpenQoE::Nginx->new(http => 'openqoe_metrics off;')->start;
    my $answer = http_get($off->port, '/v2/stats?view=live');
    my $live = decode_json_text($answer->{body}) // {};

    is($live->{metrics}, JSON::PP::false,
       'the page learns that there are no numbers of views');
    is($live->{status}, 'healthy', 'but those of the module');
    $off->stop;
};

subtest 'a reload keeps the history' => sub {
    $nginx->reload;

    my $live = wait_live('the new workers answer', sub ($l) {
        all($l, 'started') == 12 && $l->{top}
            && ($l->{top}{titles}{rows}[0]{started} // 0) == 12
    });
    cmp_ok(scalar @{ $live->{bad} }, '>=', 2, 'bad views are kept as well');
};

ok($nginx->stop, 'nginx leaves by itself');
$nginx->no_errors;

done_testing;
