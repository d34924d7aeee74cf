package Bench::Scrape;

# Copyright (C) OpenQoE
#
# What a Prometheus takes with every scrape: series, samples and bytes for so
# many live views.  Each viewer has watched one view to its end and is in the
# middle of another, whose events are in about the mix that players send, as
# in bench/qoe.c, and which has met everything that such a view can.

use v5.36;

use Exporter qw(import);
use Time::HiRes qw(time);

use Bench::Report qw(commas table);
use OpenQoE::Event qw(decode_json_text);
use OpenQoE::HTTP qw(http_get);
use OpenQoE::Nginx;
use OpenQoE::Process qw(wait_until);

our @EXPORT_OK = qw(fill scrapes scrape_report stats);

use constant STEP => 3000;                   # ms between two events of a view

my @DEVICE = qw(desktop mobile tv tablet);
my @OS = ('Windows', 'iOS', 'Android TV', 'Android');
my @BROWSER = ('Chrome', 'Mobile Safari', 'Android WebView', 'Firefox');
my @PLAYER = qw(hls.js dash.js shaka video.js);
my @COUNTRY = qw(DE FR US BR JP);
my @ORG = qw(acme-broadcast northern-media kids-channel sports-now);

my @BEGIN = (
    [ manifestload => '"page_load_time":420' ],
    [ playerready => '"player_startup_time":180' ],
    [ canplay => '"video_startup_time":1300' ],
    [ playing => '"playing_time":0,"bitrate":3000000,"framerate":25' ],
);

# Everything that happens once; %d is the playing time.
my @RARE = (
    [ stallstart => '"buffer_length":0' ],
    [ stallend => '"stall_duration":1500' ],
    [ seek => '"from":%d,"to":90000,"seek_latency":300' ],
    [ quartile => '"quartile":25,"playing_time":%d' ],
    [ moveaway => '' ],
    [ moveback => '' ],
    [ error => '"error_family":"network","error_code":"503",'
               . '"error_message":"fragLoadError"' ],
    [ pause => '"playing_time":%d' ],
    [ playing => '"playing_time":%d,"bitrate":2400000' ],
);

my @USUAL = (
    [ heartbeat => '"playing_time":%d,"bitrate":2400000,'
                   . '"buffer_length":12000,"dropped_frames":4' ],
    [ fragmentloaded => '"media_type":"video","frag_duration":4,'
        . '"size_bytes":1200000,"ttfb_ms":40,"time_to_load":300,'
        . '"z_score":0.3,"is_outlier":false' ],
    [ heartbeat => '"playing_time":%d,"bitrate":2400000,'
                   . '"buffer_length":9000,"dropped_frames":5' ],
    [ bufferlevelchange => '"media_type":"video","buffer_len_ms":8000,'
                           . '"z_score":-0.7,"is_outlier":false' ],
);

my $QUALITY = [ qualitychange => '"media_type":"video","bitrate_kb":2400,'
    . '"codec":"avc1.640028","framerate":"25",'
    . '"resolution":{"width":1280,"height":720},"video_width":1280,'
    . '"video_height":720,"player_width":960,"player_height":540,'
    . '"device_pixel_ratio":2' ];

# A view that ends, and a view that goes on.
my @ENDED = (@BEGIN, @USUAL, [ ended => '"playing_time":%d,'
                                        . '"completion_rate":0.9' ]);
my @LIVE = (@BEGIN, map({ (@USUAL, $_) } @RARE, $QUALITY), @USUAL);


# The fields that all events of a viewer share. sets: how many sets of
# attributes there are; undef: each viewer has a set of its own, with a video
# of its own.

sub common ($i, $sets) {
    my $set = $sets ? $i % $sets : $i;
    my ($other, $video) = ($set % 4, $sets ? int $set / 4 : $i);

    return sprintf '"session_id":"5e551011-0000-4000-8000-%012x",'
        . '"viewer_id":"viewer-%d","org_id":"%s","player_id":"web-player-main",'
        . '"env":"production","app_name":"acme-tv","app_version":"4.12.3",'
        . '"device":{"name":"%s","category":"%s"},"os":{"family":"%s"},'
        . '"browser":{"family":"%s"},"player":{"name":"%s","version":"1.0"},'
        . '"network":{"country_code":"%s","asn":3320},'
        . '"cdn":{"provider":"edge-one"},"cmcd":{"st":"v"},'
        . '"video":{"id":"vid-%05d","title":"The Long Way Home, %d"}',
        $i, $i * 7 % 65536, $ORG[$video % 4], $DEVICE[$other], $DEVICE[$other],
        $OS[$other], $BROWSER[$other], $PLAYER[$other], $COUNTRY[$video % 5],
        $video, $video % 100;
}


# The events of one viewer, as the body of a request; and how many there are.

sub body ($i, $sets) {
    my $common = common($i, $sets);
    my $time = int(time * 1000) - STEP * (@ENDED + @LIVE);
    my ($view, @events) = (0);

    for my $script (\@ENDED, \@LIVE) {
        my $position = 0;
        my $plays = 0;
        my $id = sprintf '71e30000-%04x-4000-8000-%012x', $view++, $i;

        for my $step (@$script) {
            my ($type, $data) = @$step;
            $position += STEP if $plays;
            $plays = 0 if $type =~ /^(?:stallstart|pause)$/;
            $plays = 1 if $type =~ /^(?:stallend|playing)$/;
            push @events, sprintf
                '{"event_type":"%s","event_time":%d,"viewer_time":%d,'
                . '"playback_time":%d,"view_id":"%s",%s,"data":{%s}}', $type,
                $time, $time, $position, $id, $common,
                $data =~ s/%d/$position/r;
            $time += STEP;
        }
    }

    return '{"events":[' . join(',', @events) . ']}';
}


sub fill ($nginx, $views, $sets) {
    my $client = $nginx->http(timeout => 30);

    for my $i (0 .. $views - 1) {
        my $body = body($i, $sets);
        my $done = wait_until(sub {
            my $answer = $client->request('POST', '/v2/events', body => $body,
                headers => { 'Content-Type' => 'application/json' })
                or die "no answer\n";
            return 1 if $answer->{status} == 202
                        && $answer->{body} !~ /"events_rejected"/;
            die "refused: $answer->{body}\n" if $answer->{status} != 503;
            return 0;
        }, 30);
        die "the queue stays full\n" if !$done;
    }

    $client->close;
}


sub stats ($nginx) {
    my $answer = http_get($nginx->port, '/v2/stats', timeout => 30)
        // die "/v2/stats does not answer\n";
    return decode_json_text($answer->{body});
}


# { bytes, samples, ms } of an answer in a format

sub scrape ($nginx, $accept) {
    my $start = time;
    my $answer = http_get($nginx->port, '/v2/stats', timeout => 120,
                          headers => { Accept => $accept });
    my $ms = 1000 * (time - $start);

    die "no scrape\n" if !$answer || $answer->{status} != 200;
    my $events = 0;
    $events += $1 while $answer->{body} =~ /^openqoe_events_total\{.* (\d+)$/mg;

    return { bytes => length $answer->{body}, ms => $ms, events => $events,
             samples => scalar(() = $answer->{body} =~ /^[^#\n]/mg) };
}


# A fresh nginx with that many live views: { views, sets, series, text, open }

sub measure ($views, $sets, %opt) {
    my $nginx = OpenQoE::Nginx->new(
        binary => "taskset -c $opt{server_core} "
                  . ($ENV{TEST_NGINX_BINARY} || 'nginx'),
        log_level => 'notice', zone => 'qoe:1g', birth => '1s',
        exporter => <<"END", http => <<"END")->start;
endpoint http://127.0.0.1:1;
        signals metrics;
        metric_interval 1h;
END
    client_max_body_size 8m;
    client_body_buffer_size 1m;
    keepalive_requests 1000000000;
    openqoe_view_timeout 1h;
    openqoe_series_max 10000000;
END
    my $events = $views * (@ENDED + @LIVE);
    fill($nginx, $views, $sets);

    # All events are in the metrics, and no value waits for its zero to be
    # scraped.
    my $text;
    wait_until(sub {
        return stats($nginx)->{queue}{events} == 0
               && ($text = scrape($nginx, 'text/plain'))->{events} == $events;
    }, 60) // die "only $text->{events} of $events events are in a scrape\n";

    my $open = scrape($nginx, 'application/openmetrics-text;version=1.0.0');
    my $stats = stats($nginx);

    $nginx->stop('QUIT', 10) or warn "nginx did not stop by itself\n";
    return { views => $views, sets => $sets, series => $stats->{series}{count},
             text => $text, open => $open };
}


# scrapes(progress, server_core =>): of the usual mix, and of views that each
# have a video of their own.

sub scrapes ($progress, %opt) {
    my @all;

    for my $case ([ 1_000, 400 ], [ 10_000, 400 ], [ 1_000, undef ]) {
        push @all, measure(@$case, %opt);
        $progress->($all[-1]);
    }

    return @all;
}


sub scrape_report (@all) {
    my @rows = map {
        my $r = $_;
        [ commas($r->{views}),
          $r->{sets} ? "$r->{sets} sets of attributes" : 'a video each',
          commas($r->{series}), sprintf('%.1f', $r->{series} / $r->{views}),
          map { (commas($r->{$_}{samples}),
                 sprintf('%.1f', $r->{$_}{bytes} / 1e6),
                 sprintf('%.0f', $r->{$_}{ms})) } qw(open text) ];
    } @all;

    return "## A scrape\n\n" . table([ 'live views', 'of', 'series',
        'series a view', 'samples, OpenMetrics', 'MB', 'ms', 'samples, text',
        'MB', 'ms' ], @rows) . <<'END';

`/v2/stats` of one worker, as Prometheus asks for it (OpenMetrics) and as the
older text.  Each viewer has ended one view and is in another, in the mix of
`bench/qoe.c`.  ms are of the whole request.
END
}


1;
