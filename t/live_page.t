#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The live page in Chromium: its numbers are those of the stats after known
# sessions, its texts are texts whatever a player sends, its keyboard works,
# axe-core finds nothing wrong.  An audience of ten minutes is shown as it is on
# a good day and in an incident.
#
# OPENQOE_PICTURES=dir keeps the pictures: docs/img has those of the documents.

use v5.36;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use List::Util qw(sum0);

use OpenQoE::Crowd;
use OpenQoE::Peers qw(browse node_dir program);
use OpenQoE::Shim;

# What an audience lives through, in steps of 5 s.
use constant { STEPS => 120, INCIDENT => 84 };

need(chromium => program('chromium'));

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

my $axe = node_dir() . '/node_modules/axe-core/axe.min.js';
my $vendor = node_dir() . '/node_modules';
my $scratch = scratch_dir('pictures');

# The pictures of the documents; the others are there to be looked at.
my %documented = map { $_ => 1 } qw(live-idle live-busy live-incident-dark
                                    live-incident-phone live-timeline);

my $numbers = '({ ' . join(', ', map {
    "$_: document.querySelector('#tile-$_ .now').textContent"
} qw(watched starts p50 p95 rebuffer failures exits)) . ' })';
my $rows = sub ($id) {
    "[...document.querySelectorAll('#$id tbody tr')].map((r) =>"
    . " [...r.cells].map((c) => (c.querySelector('bdi, span') || c)"
    . ".textContent))"
};
my $bads = '[...document.querySelectorAll("#bad tbody tr")].map((r) =>'
           . ' [...r.cells].map((c) => c.textContent))';
my $shown = 'document.querySelector("#list-devices table")';

# Whether the starts of the last minute are those of the stats: a minute is soon
# over.
my $starts = 'fetch("/v2/stats?view=live").then((r) => r.json()).then((d) =>'
             . ' d.history.started.slice(-12).reduce((a, b) => a + b, 0) =='
             . ' document.querySelector("#tile-starts .now").textContent)';


sub shot ($name, @whole) {
    my $dir = $documented{$name} ? $ENV{OPENQOE_PICTURES} // $scratch
                                 : $scratch;
    return [ shot => "$dir/$name.png", @whole ];
}


sub make_nginx (%opt) {
    return OpenQoE::Nginx->new(workers => 2, zone => 'qoe:64m',
        location => 'location = /v2/live { openqoe_page; }', %opt,
        http => ($opt{http} // '') . <<'END')->start;
    openqoe_dimension cdn_provider allow max=20;
    client_max_body_size 20m;
    client_body_buffer_size 4m;
END
}


sub visit ($nginx, @steps) {
    return browse('page/drive.js', 240, axe => $axe, steps => \@steps,
                  url => 'http://127.0.0.1:' . $nginx->port . '/v2/live');
}


sub live ($nginx) {
    my $r = http_get($nginx->port, '/v2/stats?view=live');
    return decode_json_text($r->{body}) // {};
}


sub no_faults ($seen, $what) {
    is_deeply($seen->{faults}, [],
              "$what: no script fails and nothing breaks the policy");
    is_deeply($seen->{$_}, [], "$what: axe-core finds nothing ($_)")
        for grep { /^axe/ } sort keys %$seen;
}


sub post ($nginx, $events) {
    my $r = http_post($nginx->port, '/v2/events', batch_json($events));
    is($r->{status}, 202, 'events are accepted') if $r->{status} != 202;
}


# --- what is vendored is what npm has

for my $pair ([ 'htm-preact.js', 'htm/preact/standalone.umd.js' ],
              [ 'uPlot.js', 'uplot/dist/uPlot.iife.min.js' ],
              [ 'LICENSE.htm', 'htm/LICENSE' ],
              [ 'LICENSE.uPlot', 'uplot/LICENSE' ]) {
    is(slurp("$FindBin::Bin/../ui/vendor/$pair->[0]"),
       slurp("$vendor/$pair->[1]"), "$pair->[0] is the file of npm");
}


subtest 'a module that nothing happens in' => sub {
    my $nginx = make_nginx();
    my $seen = visit($nginx, [ window => 1440, 900 ], ['load'],
        [ until => 'document.querySelector("#list-titles")' ],
        [ note => status => 'document.querySelector("#status").textContent' ],
        [ note => numbers => $numbers ],
        [ until => 'document.title !== "OpenQoE live"' ],
        [ note => title => 'document.title' ],
        [ note => paint => 'performance.getEntriesByType("paint")'
                           . '.map((e) => e.startTime)' ],
        [ note => asked => 'performance.getEntriesByType("resource")'
                           . '.map((e) => new URL(e.name).origin)' ],
        [ axe => 'axe' ], shot('live-idle'));

    is($seen->{status}, '✓ All quiet', 'the page says so');
    is($seen->{title}, '✓ 0 watching – OpenQoE', 'so does its title');
    is_deeply($seen->{numbers}, { watched => '0', starts => '0', p50 => '–',
              p95 => '–', rebuffer => '–', failures => '–', exits => '–' },
              'what is not known is no 0');
    is_deeply([ grep { $_ ne 'http://127.0.0.1:' . $nginx->port }
                @{ $seen->{asked} } ], [], 'no other host is asked');
    note("first paint after $seen->{paint}[0] ms") if $seen->{paint}[0];
    no_faults($seen, 'idle');
    $nginx->stop;
};


# Sessions of which all is known: [how many, startup, how it ends, its texts]

my $strange = "<img src=x onerror=faults.push('markup')>&amp;\x{1}\x{202e}"
              . "\x{1F600}" x 64;
my @known = (
    [ 20, 600, 'ended', {} ],
    [ 4, 5200, 'ended', {} ],
    [ 3, 0, 'error', { video => { id => 'v2', title => $strange } } ],
    [ 5, 0, 'left', {} ],
    [ 2, 600, 'playing', {} ],
);

sub known_events ($now) {
    my ($n, @events) = 0;

    for my $kind (@known) {
        my ($times, $startup, $end, $set) = @$kind;

        for (1 .. $times) {
            my $at = $now - 40_000;
            my @story = ([ 0, 'playing' ], [ 1, 'stallstart' ]);

            push @story, [ $startup, 'stallend' ],
                [ $startup + 10_000, 'heartbeat', 10_000 ],
                [ $startup + 20_000, 'heartbeat', 20_000 ] if $startup;
            push @story, [ $startup + 30_000, 'ended', 30_000 ]
                if $end eq 'ended';
            push @story, [ 700, 'error' ], [ 800, 'playbackdetached' ]
                if $end eq 'error';
            push @story, [ 900, 'playbackdetached' ] if $end eq 'left';

            my $id = sprintf '%08x-1111-4222-8333-444455556666', ++$n;
            push @events, map { known_event($id, $at, $set, @$_) } @story;
        }
    }

    return \@events;
}


sub known_event ($id, $at, $set, $ms, $type, $played = undef) {
    my $event = event(event_type => $type, event_time => $at + $ms,
        viewer_time => $at + $ms, playback_time => $played // 0,
        view_id => $id, session_id => "s-$id",
        cdn => { provider => 'edge' }, network => { country_code => 'DE' },
        %$set);

    delete @{ $event->{data} }{qw(bitrate playing_time)};
    $event->{data}{playing_time} = $played if defined $played;
    @{ $event->{data} }{qw(error_family error_code fatal)} =
        ('net', "40\x{1}3", 1)
        if $type eq 'error';

    return $event;
}

my $timeline = encode_json_text({ view => {
    org_id => 'org-1', session_id => 's', view_id => 'x', state => 'over',
    started => JSON::PP::true, start_ms => 1000, merged => 3, timeline => [
        { name => 'startup', start_ms => 1000, duration_ms => 5200 },
        { name => 'playing', start_ms => 6200, duration_ms => 20000 },
        { name => 'stall', start_ms => 26200, duration_ms => 4000 },
        { name => 'playing', start_ms => 30200, duration_ms => 10000 },
        { name => 'rendition', start_ms => 6200, duration_ms => 14000,
          bitrate => 4_500_000, height => 1080, codec => 'avc' },
        { name => 'rendition', start_ms => 20200, duration_ms => 20000,
          bitrate => 1_200_000, height => 540, codec => undef },
        { name => 'error', start_ms => 25000, duration_ms => 0 },
    ] } });

# As the module answers ?view=ID; the page asks for it when a view is opened.
my $answer = "window.fetch = ((ask) => (url, o) => /view=live/.test(url)"
             . " ? ask(url, o) : (window.asked = url, Promise.resolve("
             . "new Response(JSON.stringify($timeline)))))(window.fetch)";
my $unknown = "window.fetch = ((ask) => (url, o) => /view=live/.test(url)"
              . " ? ask(url, o) : Promise.resolve(new Response('{}',"
              . " { status: 404 })))(window.fetch)";

subtest 'known sessions' => sub {
    my $shim = OpenQoE::Shim->new;
    my $nginx = make_nginx(env => $shim->env);

    post($nginx, known_events(int(time * 1000)));

    # Suspended views are over half a minute later.
    my $over = sub ($l) { sum0(map { @{ $l->{history}{$_} } }
                               qw(completed start_failures exits)) };
    ok(wait_until(sub {
        sum0(@{ live($nginx)->{history}{started} // [] }) == 26
    }, 20), 'the views have started');
    $shim->clock(35);
    ok(wait_until(sub { $over->(live($nginx)) == 32 }, 20),
       'those that are over are over');

    # The two that play on are not silent yet: they beat once more.
    my $now = int((time + 35) * 1000);
    post($nginx, [ map {
        known_event(sprintf('%08x-1111-4222-8333-444455556666', $_),
                    $now, {}, 0, 'heartbeat', 50_000) } 33, 34 ]);

    # Each worker sums up the lists, at other moments than the history and at
    # most every 2 s: a row that is not whole when the page is loaded would be
    # new to it later.
    my $whole;
    ok(wait_until(sub {
        my $l = live($nginx);
        my @over = map { sum0(map { $_->{over} } @{ $_->{rows} }) }
                   grep { $_ } @{ $l->{top} // {} }{qw(titles cdns countries
                                                       devices)};
        my $is = $l->{history}{watched}[-1] == 2
                 && @over == 4 && !grep { $_ != 32 } @over;
        $whole = $is ? $whole // time : undef;
        return defined $whole && time - $whole > 2.5;
    }, 30), 'two views go on');

    my $seen = visit($nginx, [ window => 1440, 900 ], ['load'],
        [ until => $shown ], [ note => numbers => $numbers ],
        [ until => $starts ],
        [ note => started =>
          'document.querySelector("#tile-starts .sub").textContent' ],
        (map { [ note => $_ => $rows->("list-$_") ] }
         qw(titles cdns countries devices)),
        [ note => bads => $bads ], [ note => title => 'document.title' ],
        [ note => levels => 'Object.fromEntries([...document.'
          . 'querySelectorAll(".tile")].map((t) => [t.id, t.className]))' ],
        [ note => widest => 'document.documentElement.scrollWidth' ],
        [ note => tallest => 'document.documentElement.scrollHeight' ],
        [ note => icon => 'decodeURIComponent(document.'
          . 'getElementById("icon").href)' ],
        [ axe => 'axe' ],

        # the timeline that the module has of a view with a slow start
        [ note => _ => '[...document.querySelectorAll("#bad td button")]'
          . '.find((b) => /Slow start/.test(b.getAttribute("aria-label")))'
          . '.click()' ],
        [ until => 'document.querySelector("dialog[open] svg")' ],
        [ note => real => '[...document.querySelectorAll("dialog rect")]'
          . '.map((r) => r.textContent)' ],
        [ axe => 'axe_real' ], [ key => 'Escape', 27 ],
        [ until => '!document.querySelector("dialog")' ],

        # the keyboard: to the first bad view, down, open, close
        [ note => _ => 'document.querySelector("#bad td button").focus()' ],
        [ key => 'ArrowDown', 40 ],
        [ note => focus => '[...document.querySelectorAll("#bad td button")]'
          . '.indexOf(document.activeElement)' ],
        [ note => _ => $answer ],
        [ key => 'Enter', 13 ],
        [ until => 'document.querySelector("dialog[open] svg")' ],
        [ note => asked => 'window.asked' ],
        [ note => drawn => '[...document.querySelectorAll("dialog rect")]'
          . '.map((r) => r.textContent)' ],
        [ note => spoken => 'document.querySelector("dialog svg")'
          . '.getAttribute("aria-label")' ],
        [ axe => 'axe_dialog' ], shot('timeline-drawn'),
        [ key => 'Escape', 27 ],
        [ until => '!document.querySelector("dialog")' ],
        [ note => back => 'document.activeElement.tagName' ],

        # any view, by its id
        [ note => _ => 'document.querySelector("#bad input").focus()' ],
        [ type => ' some&view ' ], [ key => 'Enter', 13 ],
        [ until => 'document.querySelector("dialog[open] svg")' ],
        [ note => found => 'window.asked' ],
        [ note => state => 'document.querySelector("dialog dl").textContent' ],
        [ axe => 'axe_found' ], [ key => 'Escape', 27 ],
        [ until => '!document.querySelector("dialog")' ],
        [ note => _ => 'document.querySelector("#bad td button").focus()' ],

        [ note => _ => $unknown ],
        [ key => 'Enter', 13 ],
        [ until => 'document.querySelector("#unknown")' ],
        [ key => 'Escape', 27 ],
        [ until => '!document.querySelector("dialog")' ],

        # pointing at a line shows all numbers of that moment
        [ point => '#tile-watched .u-over' ],
        [ until => '/ at [0-9:]+$/.test(document.querySelector('
          . '"#tile-starts .now").textContent)' ],
        [ note => moment => 'document.querySelector("#tile-watched .now")'
          . '.textContent' ],
        [ point => '#status' ],
        [ until => '!/ at /.test(document.querySelector('
          . '"#tile-starts .now").textContent)' ],

        # more than a minute later
        [ note => _ => '(Date.now = ((now) => () => now() + 70000)(Date.now))'
          . ' && 0' ],
        [ until => 'document.querySelector("#list-titles small")'
          . '.textContent === "last 1 min"' ],
        [ note => later => 'document.querySelector("#list-titles p")'
          . '.textContent' ],

        [ window => 390, 844, 1 ],
        [ note => phone => 'document.documentElement.scrollWidth' ]);

    my $n = $seen->{numbers};
    my $l = live($nginx);
    is($n->{watched}, '2', 'the views that are watched are those of the stats');
    is($seen->{started}, sum0(@{ $l->{history}{started} }) . ' in 5 min',
       'so are the starts');
    is($n->{failures}, '9.4 %', 'three of 32 views failed');
    is($n->{exits}, '16 %', 'five of 32 viewers left before the start');
    is($n->{p50}, sprintf('%.0f ms', $l->{startup}{p50}),
       'the median is the one of the stats');
    is($n->{p95}, sprintf('%.2f s', $l->{startup}{p95} / 1000),
       'so is the 95th percentile');
    cmp_ok($l->{startup}{p50}, '>', 500, 'which is right: above 500 ms');
    cmp_ok($l->{startup}{p50}, '<=', 650, 'and not above 650 ms');
    cmp_ok($l->{startup}{p95}, '>', 5000, 'and above 5 s');
    is($n->{rebuffer}, '0.0 %', 'nothing has stalled');

    is($seen->{levels}{'tile-failures'}, 'card tile bad',
       'failures above the threshold are marked');
    is($seen->{levels}{'tile-p95'}, 'card tile bad',
       'so are slow starts, four of 26');
    is($seen->{levels}{'tile-rebuffer'}, 'card tile good',
       'the rebuffer ratio is good');
    like($seen->{title}, qr/^✕ 2 watching/, 'the title has the verdict');
    like($seen->{icon}, qr/✕/, 'and the icon, too, by a sign and a colour');

    my ($first, $second) = @{ $seen->{titles} };
    is_deeply([ @$first[0, 1, 3, 4] ], [ 'Tést', '26', '0.0 %', '0.0 %' ],
              'the title has its views and no failure');
    is($second->[4], '100 %', 'those of the strange title failed');
    is_deeply([ map { $_->[0] } @{ $seen->{cdns} } ], ['edge'],
              'the CDN is listed');
    is($seen->{cdns}[0][1], '26', 'with its views');
    is($seen->{countries}[0][0], 'DE', 'the country is listed');
    is($seen->{devices}[0][0], 'desktop', 'the device is listed');

    is(scalar @{ $seen->{bads} }, 12, 'all bad views are listed');
    is((grep { $_->[1] eq "Start failed (40\x{2401}3)" } @{ $seen->{bads} }),
       3, 'failed starts with the code of the error, whatever is in it');
    is((grep { $_->[1] eq 'Left before start' } @{ $seen->{bads} }), 5,
       'viewers who left');
    is((grep { $_->[1] =~ /^Slow start, 5\.2/ } @{ $seen->{bads} }), 4,
       'slow starts with their time');

    like($second->[0], qr/^<img src=x onerror/, 'markup in a title is text');
    unlike($second->[0], qr/\x{202e}/, 'no title turns the direction');
    is($seen->{widest}, 1440, 'a long title does not make the page wider');
    is($seen->{tallest}, 900, 'all is on one screen');
    is($seen->{phone}, 390, 'a phone need not scroll to the side');

    is_deeply([ map { s/[^ ]* at /at /r } grep { /^(?:startup|playing)/ }
                @{ $seen->{real} } ],
              [ 'at 0 ms for 5.20 s', 'at 5.20 s for 30.0 s' ],
              'the timeline of a view is what happened in it');
    is($seen->{focus}, 1, 'the arrow keys move between bad views');
    like($seen->{asked}, qr{/v2/stats\?view=[0-9a-f]{8}-1111-},
         'opening a view asks for its timeline');
    is(scalar @{ $seen->{drawn} }, 7, 'every stretch of it is drawn');
    like(join('|', @{ $seen->{drawn} }),
         qr/rendition at 5\.20 s for 14\.0 s, 1080p avc 4\.50 Mbit/,
         'with time, length, height, codec and bitrate');
    like(join('|', @{ $seen->{drawn} }),
         qr/rendition at 19\.2 s for 20\.0 s, 540p 1\.20 Mbit/,
         'a codec that is not known is left out');
    like($seen->{spoken}, qr/startup 5\.20 s, playing 30\.0 s, stall 4\.00 s/,
         'and said in words');
    like($seen->{found}, qr{\?view=some%26view$}, 'a view is found by its id');
    like($seen->{state}, qr/stateover.*org_idorg-1/, 'with its state');
    like($seen->{moment}, qr/^0 at \d\d:\d\d:\d\d$/,
         'five minutes ago no view was watched');
    is($seen->{later}, 'No view in this time.',
       'after a minute the lists show what is new');
    is($seen->{back}, 'BUTTON', 'closing goes back to the view in the list');
    no_faults($seen, 'known sessions');

    $nginx->stop;
    $nginx->no_errors;
};


subtest 'a key' => sub {
    my $nginx = make_nginx(http => 'openqoe_api_key secret;');
    my $form = 'document.querySelector("#key")';
    my $seen = visit($nginx, [ window => 1440, 900 ], ['load'],
        [ until => $form ], [ axe => 'axe' ],
        [ note => _ => "$form.focus()" ], [ type => 'wrong' ],
        [ key => 'Enter', 13 ],
        [ until => 'document.querySelector("#wrong").textContent' ],
        [ note => _ => "$form.value = '', $form.focus()" ],
        [ type => 'secret' ], [ key => 'Enter', 13 ],
        [ until => 'document.querySelector("#status")' ],
        [ note => local => 'JSON.stringify(localStorage)' ],
        [ note => cookie => 'document.cookie' ],
        ['load'], [ until => 'document.querySelector("#status")' ],
        [ note => session => 'sessionStorage.length' ]);

    ok($seen, 'the page asks for the key, and again when it is wrong');
    unlike($seen->{local}, qr/secret/, 'the key is not kept for long');
    is($seen->{cookie}, '', 'nor in a cookie');
    is($seen->{session}, 1, 'but for this tab, over a reload of the page');
    no_faults($seen, 'a key');
    $nginx->stop;
};


# Ten minutes of an audience, the clock running as fast as the module can.

sub watch ($nginx, $shim, $incident) {
    my $audience = OpenQoE::Crowd->new(seed => 7);

    for my $i (0 .. STEPS - 1) {
        my $at = 5 * ($i - STEPS);
        my $bad = $incident && $i > INCIDENT;
        my $events = $audience->step((time + $at) * 1000, 5000,
            rate => 8 + 3 * sin($i / 25), trouble => sub ($v) {
                return if !$bad || $v->{cdn} ne 'fastedge';
                my $dice = $audience->dice;
                @$v{qw(stall stalls)} = (3500, 5);
                if ($dice < .25) { @$v{qw(fails startup)} = (1, 2500) }
                elsif ($dice < .6) { $v->{startup} += 5200 }
                elsif ($dice < .7) { $v->{leaves} = 1 }
            });

        $shim->clock($at + 5);
        post($nginx, [ splice @$events, 0, 400 ]) while @$events;
        sleep 0.12;                     # a tick of the helper
    }
}

# A view that was slow and stalled, as the module knows it.

sub timeline () {
    return ([ note => _ => '[...document.querySelectorAll("#bad td button")]'
              . '.find((b) => /Slow start.*Stalled/'
              . '.test(b.getAttribute("aria-label"))).click()' ],
            [ until => 'document.querySelector("dialog[open] svg")' ],
            [ note => stalls =>
              'document.querySelectorAll("dialog .k-stall").length' ],
            [ axe => 'axe_timeline' ], shot('live-timeline'));
}


for my $day ([ 'busy', 0 ], [ 'incident', 1 ]) {
    my ($name, $incident) = @$day;

    subtest "ten minutes: $name" => sub {
        my $shim = OpenQoE::Shim->new;
        $shim->clock(-5 * STEPS);

        my $nginx = make_nginx(env => $shim->env);
        watch($nginx, $shim, $incident);

        my $seen = visit($nginx, [ window => 1440, 900 ], ['load'],
            [ until => $shown ], [ note => numbers => $numbers ],
            [ note => status =>
              'document.querySelector("#status").textContent' ],
            [ note => cdns => $rows->('list-cdns') ],
            [ until => '!/–/.test(document.querySelector("#module .meter")'
                       . '.textContent)' ],
            [ axe => 'axe' ], shot("live-$name"),
            ($incident ? timeline() : ()),
            [ window => 1440, 900, 0, 'dark' ], ['load'], [ until => $shown ],
            [ axe => 'axe_dark' ], shot("live-$name-dark"),
            [ window => 390, 844, 1, 'dark' ], ['load'], [ until => $shown ],
            [ axe => 'axe_phone' ],
            shot("live-$name-phone"),
            [ window => 2560, 1440, 0, 'dark' ], ['load'], [ until => $shown ],
            [ note => tallest => 'document.documentElement.scrollHeight' ],
            shot("live-$name-wall"));

        my $watched = $seen->{numbers}{watched};
        cmp_ok($watched, '>', 300, "the audience is there ($watched)");
        is($seen->{tallest}, 1440, 'a wall screen shows all of it');

        my %failed = map { $_->[0] => $_->[4] } @{ $seen->{cdns} };
        my $failed = $failed{fastedge} =~ s/ .*//r;

        if ($incident) {
            like($seen->{status}, qr/^✕ .*starts/, "it says: $seen->{status}");
            cmp_ok($failed, '>', 2, 'the CDN that fails shows it');
            is($failed{'north-cdn'}, '0.0 %', 'the others do not');
            is($seen->{stalls}, 5, 'a view that stalled shows each stall');
        } else {
            is($seen->{status}, '✓ All right', 'it says that all is right');
        }

        no_faults($seen, $name);
        $nginx->stop;
        $nginx->no_errors;
    };
}

done_testing;
