package OpenQoE::Sessions;

# Copyright (C) OpenQoE
#
# The recorded sessions of t/data/sessions: what the published SDK posted while
# real players played, and what a recorder on the same page saw.  Each gets an
# org_id of its own, its name, so that all of them can be played into one
# module and be distinguished in its output.
#
#     my @all = recorded_sessions();
#     for my $batch (batches($start_ms, @all)) {
#         $batch->{received}; $batch->{body};
#     }
#     my ($got) = view_totals([ tool('view_cli') ], view_lines(@batches));
#     is_truth($_, $got->{ $_->{name} }) for @all;

use v5.36;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use Test::More ();

use OpenQoE::Event qw(decode_json_text encode_json_text);
use OpenQoE::Process qw(scratch_dir slurp);

our @EXPORT_OK = qw(recorded_sessions batches is_truth view_lines
                    view_totals);

# How far the module's numbers may be from those of the page's own recorder.
my %SHARE = (playing => 0.05, stalls => 0.12, startup => 0.2);
my %ABOUT = (playing => 600, stalls => 400, startup => 250);        # ms

# The recorder takes its last sample before the page is closed.
my $UNSEEN = 400;

# Where the events cannot say what the page showed: the truth that they can
# say, and why.  All other expectations are derived from "truth".
my %SAID = (
    'dashjs-bad' => {
        outcome => ['exit_before_start'],
        why => 'The adapter of dash.js posts no error for a manifest that is'
               . ' missing, so the viewer left an attempt.' },
    'shaka-bad' => {
        outcome => ['exit_before_start'],
        why => 'The adapter of shaka posts no error for a manifest that is'
               . ' missing, so the viewer left an attempt.' },
    'html5-bad' => {
        pauses => 0,
        why => 'The element paused itself when it failed; a pause before the'
               . ' first frame is none.' },
    'videojs-bad' => {
        pauses => 0,
        why => 'The element paused itself when it failed; a pause before the'
               . ' first frame is none.' },
    'shaka-full' => {
        early => 400,
        why => 'The stallend of shaka comes 170 to 400 ms before its first'
               . ' frame, which no event names.' },
    'shaka-close' => {
        early => 400, unplayed => 2000, untold => [395],
        outcome => ['playback_failure'],
        why => 'As shaka-full; of a stall of 395 ms right after the start no'
               . ' event was posted, and positions say 2 s less than the'
               . ' recorder.  An error named the last stall, which lasted'
               . ' until the tab was closed.' },
    'videojs-close' => {
        untold => [419],
        why => 'No event was posted of a stall of 419 ms at 6.5 s.' },
    'hlsjs-next' => {
        second => 205,
        why => '"truth" has the startup of the first video only: the second'
               . ' is from the element, play to playing.' },
    'html5-next' => {
        second => 18,
        why => '"truth" has the startup of the first video only: the second'
               . ' is from the element, play to playing.' },
);


# Each is { name, events => [ { at, received, event } ], truth, last, expect }.

sub recorded_sessions () {
    my $dir = dirname(abs_path(__FILE__)) . '/../../data/sessions';

    return map { recorded_session($_) } sort glob "$dir/*.json";
}


sub recorded_session ($path) {
    my ($name) = $path =~ m{([^/]+)\.json\z};
    my $file = decode_json_text(slurp($path)) // die "$path: not JSON\n";
    my @events;

    for my $e (@{ $file->{events} }) {
        my %event = (%{ $e->{event} }, org_id => $name);
        delete @event{qw(event_time viewer_time)};
        push @events, { at => $e->{at_ms}, received => $e->{received_ms},
                        text => encode_json_text(\%event) };
    }

    my $session = { name => $name, events => \@events,
                    truth => $file->{truth}, scenario => $file->{scenario},
                    last => $file->{events}[-1]{event}{event_type} };

    $session->{expect} = expectation($session);
    return $session;
}


# What the recorder saw, in the module's terms.

sub expectation ($s) {
    my $truth = $s->{truth};
    my $said = $SAID{ $s->{name} } // {};
    my $played = $s->{scenario} eq 'next' ? 2 : $truth->{playing_ms} ? 1 : 0;
    my @outcome = $truth->{ended} ? 'completed' : ();
    my @stalls = map { $_->{ms} } @{ $truth->{stalls} };
    my @startup;

    push @outcome, ('played') x ($played - @outcome);
    push @outcome, 'startup_failure' if !$played;

    if ($played) {
        push @startup, $truth->{startup_ms} < 0 ? $truth->{startup_playing_ms}
                       : $truth->{startup_ms};
        push @startup, $said->{second} // () if $played > 1;
    }

    for my $untold (@{ $said->{untold} // [] }) {
        my $before = @stalls;
        @stalls = grep { $_ != $untold } @stalls;
        die "$s->{name}: no stall of $untold ms\n" if @stalls == $before;
    }

    return {
        started => $played, over => $played || 1,
        outcome => $said->{outcome} // \@outcome,
        playing => $truth->{playing_ms}, stalls => \@stalls,
        startup => \@startup,
        pauses => $said->{pauses} // $truth->{pause_events} - !!$truth->{ended},
        early => $said->{early} // 0, unplayed => $said->{unplayed} // 0,
        closed => !$truth->{ended} || $played > 1,
    };
}


# The batches of sessions in the order of their receipt, as one stream: a list
# of { received => Unix ms, body => JSON }.  The page of each is opened at
# start_ms.  How events are cut into batches may be changed:
#   cut => sub ($events) -> lists of { at, received, text }
#   every batch is received at the greatest "received" of its events

sub batches ($start_ms, $sessions, %opt) {
    my $cut = $opt{cut} // \&recorded_batches;
    my @batches;

    for my $s (@$sessions) {
        push @batches, $cut->($s->{events});
    }

    my @list = map { batch_of($start_ms, $_) } grep { @$_ } @batches;

    return sort { $a->{received} <=> $b->{received} } @list;
}


sub recorded_batches ($events) {
    my %batch;
    push @{ $batch{ $_->{received} } }, $_ for @$events;
    return map { $batch{$_} } sort { $a <=> $b } keys %batch;
}


sub batch_of ($start_ms, $events) {
    my ($received) = sort { $b <=> $a } map { $_->{received} } @$events;
    my @texts = map {
        my $at = $start_ms + $_->{at};
        qq({"event_time":$at,"viewer_time":$at,) . substr $_->{text}, 1;
    } @$events;

    return { received => $start_ms + $received, events => scalar @texts,
             body => '{"events":[' . join(',', @texts) . ']}' };
}


# Batches as lines of t/tools/view_cli.

sub view_lines (@batches) {
    return join '', map { qq({"received":$_->{received},)
                          . substr($_->{body}, 1) . "\n" } @batches;
}


# Runs view_cli, or a program that answers as it does, with each input in an
# empty zone; returns a list of { org_id => totals }.

sub view_totals ($cmd, @inputs) {
    my $path = scratch_dir('view') . '/input';
    open my $in, '>', $path or die "$path: $!\n";
    print $in join qq({"reset":1}\n), @inputs;
    close $in or die "$path: $!\n";

    open my $out, '-|', 'sh', '-c', 'in=$1; shift; exec "$@" < "$in"', 'sh',
        $path, @$cmd or die "@$cmd: $!\n";
    my (@totals, %now);

    while (my $line = <$out>) {
        my $row = decode_json_text($line) // die "not JSON: $line";

        if (exists $row->{org_id}) {
            $now{ $row->{org_id} } = $row;
        } else {
            die "the zone has no room for all views\n" if $row->{evicted};
            push @totals, { %now };
            %now = ();
        }
    }

    close $out or die "@$cmd failed\n";
    return @totals;
}


sub sum (@n) {
    my $sum = 0;
    $sum += $_ for @n;
    return $sum;
}


sub about ($what, $want, $got, $below = 0, $above = 0) {
    my $room = $SHARE{$what} * $want;
    $room = $ABOUT{$what} if $room < $ABOUT{$what};

    return Test::More::ok($got >= $want - $room - $below
                          && $got <= $want + $room + $above,
        sprintf '%s: %.0f ms, the page saw %.0f', $what, $got, $want);
}


# got: started, over, the outcomes by their names, playing_s, rebuffers,
# rebuffer_ms, startups, startup_ms, aggregates, aggregate_ms, pauses.

sub is_truth ($s, $got, $claim = $s->{name}) {
    my $want = $s->{expect};
    my %outcomes;

    $outcomes{$_}++ for @{ $want->{outcome} };

    Test::More::subtest($claim => sub {
        Test::More::is($got->{started}, $want->{started},
                       'as many views started as the page showed');
        Test::More::is($got->{over}, $want->{over},
                       'every view and attempt is over once');
        Test::More::is($got->{$_}, $outcomes{$_} // 0,
                       "as many views are $_ as the page showed")
            for qw(completed played exit_before_start startup_failure
                   playback_failure);

        about('playing', $want->{playing}, 1000 * $got->{playing_s},
              $want->{unplayed}, $want->{closed} ? $UNSEEN : 0);

        Test::More::is($got->{rebuffers}, @{ $want->{stalls} },
                       'as many stalls as the page saw');
        about('stalls', sum(@{ $want->{stalls} }), $got->{rebuffer_ms});

        Test::More::is($got->{startups}, @{ $want->{startup} },
                       'each view that started has a startup');
        about('startup', sum(@{ $want->{startup} }), $got->{startup_ms},
              $want->{early});

        Test::More::is($got->{pauses}, $want->{pauses},
                       'the pauses are those of the viewer');
        is_aggregate($s, $got);
    });
}


# The page opened at 0, so no aggregate startup is longer than the time to the
# first frame that the recorder saw; the viewer's click is not in it.

sub is_aggregate ($s, $got) {
    my @startup = @{ $s->{expect}{startup} };

    Test::More::is($got->{aggregates}, @startup,
                   'each startup has an aggregate startup');
    return if !@startup;

    my $most = $s->{truth}{page_to_first_frame_ms} + ($startup[1] // 0)
               + $ABOUT{startup};

    Test::More::cmp_ok($got->{aggregate_ms}, '<=', $most,
        'the aggregate startup is no longer than page to first frame');
    Test::More::cmp_ok($got->{aggregate_ms}, '>=', $got->{startup_ms} - 0.001,
        'the aggregate startup is no shorter than the startup of the video');
}


1;
