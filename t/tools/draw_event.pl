#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# Draws the way of an event from the socket to the collector.  Prints
# docs/event.svg; t/readme.t compares that file with what this prints, and
# looks up each function that is named here in the source.
#
#   perl t/tools/draw_event.pl > docs/event.svg

use strict;
use warnings;

my ($width, $height) = (1040, 700);

# An area: x, y, width, height, colour, title.
my @areas = (
    [20, 74, 310, 532, '#e8f1fb', 'event loop of an nginx worker'],
    [365, 74, 310, 532, '#f4f0e6', 'the zone: memory that all workers share'],
    [710, 74, 310, 532, '#e9f5ea', 'helper thread of the worker'],
);

# A box: name, x, y, height, function, what it does.  All are 270 wide.
my @boxes = (
    [player    => 40, 14, 44, '', 'player: POST /v2/events'],
    [scraper   => 40, 636, 44, '', 'Prometheus: GET /v2/stats'],
    [spool     => 385, 636, 44, '', 'spool: segments on disk'],
    [collector => 730, 636, 44, '', 'collector: OTLP'],

    [handler => 40, 112, 62, 'ngx_http_openqoe_events_handler',
     'method, key, content type'],
    [body    => 40, 192, 62, 'ngx_http_openqoe_body',
     'bytes of the body, inflated'],
    [decode  => 40, 272, 62, 'qoe_decode', 'JSON to valid events'],
    [pack    => 40, 352, 62, 'qoe_record_pack', 'an event to a record'],
    [put     => 40, 432, 62, 'qoe_zone_put',
     'all records of the request or none'],
    [scrape  => 40, 532, 62, 'ngx_http_openqoe_scrape',
     'a collection as Prometheus text'],

    [lane    => 385, 352, 142, 'qoe_lane_t', 'a lane: a ring of records'],
    [views   => 385, 232, 62, 'qoe_sessions_t', 'sessions and live views'],
    [govern  => 385, 112, 62, 'qoe_govern_t', 'values of dimensions'],
    [series  => 385, 532, 62, 'qoe_store_t', 'metric series of a lane'],

    [turn    => 730, 112, 44, 'qoe_helper_turn', ''],
    [intake  => 730, 172, 62, 'qoe_intake_run', 'reads ahead, once for all'],
    [apply   => 730, 252, 62, 'qoe_apply_sample',
     'view, points, series: the metrics'],
    [feed    => 730, 332, 62, 'qoe_feed_run',
     'batches of OTLP, for each exporter'],
    [send    => 730, 412, 62, 'qoe_exporter_run',
     'sends, repeats, or spools'],
    [release => 730, 492, 44, 'qoe_feed_release', ''],
    [report  => 730, 548, 50, 'qoe_report_run', 'exports the metrics'],
);

my %box = map { $_->[0] => $_ } @boxes;
my $wide = 270;

# An arrow: points as x,y, label, where the label stands, its anchor.
my @arrows = (
    [down('player', 'handler')],
    [down('handler', 'body')], [down('body', 'decode')],
    [down('decode', 'pack')], [down('pack', 'put')],
    ['310,463 385,463', '', 0, 0, ''],
    ['655,385 692,385 692,203 730,203', '', 0, 0, ''],
    ['655,363 730,363', '', 0, 0, ''],
    ['730,283 655,263', '', 0, 0, ''],
    ['730,275 700,275 700,143 655,143', '', 0, 0, ''],
    ['730,300 684,300 684,563 655,563', '', 0, 0, ''],
    [down('turn', 'intake')], [down('intake', 'apply')],
    [down('feed', 'send')], [down('send', 'release')],
    ['730,514 700,514 700,484 655,484', '', 0, 0, ''],
    ['655,585 730,585', '', 0, 0, ''],
    ['385,563 310,563', '', 0, 0, ''],
    ['175,594 175,636', '', 0, 0, ''],
    ['1000,443 1010,443 1010,658 1000,658', '', 0, 0, ''],
    ['730,458 692,458 692,658 655,658', '', 0, 0, ''],
    ['865,598 865,636', '', 0, 0, ''],
    ['40,463 8,463 8,36 40,36', '202', 14, 55, 'start'],
);

# Notes: x, y, text.
my @notes = (
    [520, 318, 'one writer: the helper that holds'],
    [520, 334, 'the lane by its lease'],
    [520, 422, 'tail: event loops put records here'],
    [520, 440, 'applied: the metrics have it'],
    [520, 458, 'head: an exporter has released it'],
    [520, 476, 'floor: the slowest head, free before it'],
);

print <<"END";
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height"
 width="$width" height="$height" font-family="sans-serif" font-size="13">
<title>The way of an event from the socket to the collector</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"
 markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"
 fill="#444"/></marker></defs>
<rect width="$width" height="$height" fill="#fff"/>
END

for my $a (@areas) {
    my ($x, $y, $w, $h, $colour, $title) = @$a;
    print qq{<rect x="$x" y="$y" width="$w" height="$h" rx="8" },
          qq{fill="$colour"/>\n};
    text($x + $w / 2, $y + 24, $title, 'middle', ' font-weight="bold"');
}

for my $b (@boxes) {
    my ($name, $x, $y, $h, $function, $what) = @$b;
    my $middle = $x + $wide / 2;
    print qq{<rect x="$x" y="$y" width="$wide" height="$h" rx="4" },
          qq{fill="#fff" stroke="#888"/>\n};
    text($middle, $y + ($what eq '' ? 27 : 25), $function, 'middle',
         ' font-family="monospace"') if $function ne '';
    text($middle, $y + ($function eq '' ? 27 : 45), $what, 'middle', '')
        if $what ne '';
}

for my $a (@arrows) {
    my ($points, $label, $x, $y, $anchor) = @$a;
    print qq{<polyline points="$points" fill="none" stroke="#444" },
          qq{marker-end="url(#tip)"/>\n};
    text($x, $y, $label, $anchor, ' font-size="11"') if $label ne '';
}

text(@$_[0 .. 2], 'middle', ' font-size="12" fill="#555"')
    for @notes;

print "</svg>\n";


# From the lower edge of a box to the upper edge of the next one.

sub down {
    my ($from, $to) = map { $box{$_} } @_;
    my $x = $from->[1] + $wide / 2;
    return (sprintf('%d,%d %d,%d', $x, $from->[2] + $from->[3], $x,
                    $to->[2]), '', 0, 0, '');
}

sub text {
    my ($x, $y, $text, $anchor, $more) = @_;
    print qq{<text x="$x" y="$y" text-anchor="$anchor"$more>$text</text>\n};
}
