package Bench::Live;

# Copyright (C) OpenQoE
#
# The live page under load: what those who post events and watch videos wait
# while nobody, one person or 200 people look at the numbers of 100,000 live
# views and 90,000 series, and what one answer costs.

use v5.36;

use Exporter qw(import);

use Bench::Proc qw(threads_cpu);
use Bench::Rate qw(command drive segment);
use Bench::Report qw(commas median spread table verdict_of);
use Bench::Scrape qw(fill stats);
use OpenQoE::Event qw(encode_json_text event);
use OpenQoE::Process qw(spawn wait_until);

our @EXPORT_OK = qw(pages pages_report);

# A viewer with a video of its own has 15 series, and a request 64 sessions.
use constant { VIEWS => 100_000, OWN_VIDEO => 6_800, BATCH => 50,
               EVENTS => 10_000, PROBE => 1_000, PATH => '/v2/stats?view=live',
               COST_S => 9 };

my @LOOKING = (0, 1, 200);


# Views of a few events each, for those that need no series of their own.

sub fill_short ($nginx, $from, $to) {
    my $form = encode_json_text(event(event_type => 'TYPE', event_time => 'AT',
        viewer_time => 'AT', playback_time => 'POSITION', view_id => 'VIEW',
        session_id => 'SESSION', data => { bitrate => 3_000_000 }));
    my $client = $nginx->http(timeout => 30);
    my $t = int(time * 1000);

    $form =~ s/"(AT|POSITION)"/$1/g;

    for (my $i = $from; $i < $to; $i += BATCH) {
        my @events;

        for my $view ($i .. $i + BATCH - 1) {
            for my $step ([ playing => -2000, 0 ], [ heartbeat => 0, 2000 ]) {
                my %is = (TYPE => $step->[0], AT => $t + $step->[1],
                          POSITION => $step->[2],
                          VIEW => sprintf('71e40000-0000-4000-8000-%012x', $view),
                          SESSION => "short-$view");
                push @events, $form =~ s/\b(TYPE|AT|POSITION|VIEW|SESSION)\b
                                        /$is{$1}/gxr;
            }
        }

        wait_until(sub {
            my $answer = $client->request('POST', '/v2/events',
                body => '{"events":[' . join(',', @events) . ']}');
            return $answer && $answer->{status} == 202;
        }, 30) or die "the queue stays full\n";
    }

    $client->close;
}


# The driver's figures for a small file, while so many people have the page
# open, each of whom asks once a second.  Events go on all the time.

sub probe ($bench, $address, $seconds, $bodies, $people) {
    my @load = ([ '/v2/events', EVENTS / 10, $bodies, 16 ]);

    push @load, [ PATH, $people, undef, $people ] if $people;

    my @running = map {
        my ($path, $rate, $file, $n) = @$_;
        spawn(cmd => [ command($bench, $address, $path, $rate, $seconds + 1,
                               $file, $n) ]);
    } @load;
    my $f = drive($bench, $address, '/static/segment', PROBE, $seconds, undef,
                  16);

    die "the static file: $f->{errors} errors\n"
        if $f->{errors} || $f->{requests} != ($f->{status}{200} // 0);
    $_->wait(60) for @running;

    return $f->{p99};
}


# ms of the event loop for each second in which so many people look, without
# other load

sub cost ($bench, $nginx, $address, $people) {
    my @pids = $nginx->worker_pids;
    my $before = threads_cpu(@pids);
    my $f = drive($bench, $address, PATH, $people, COST_S, undef, $people);
    my $after = threads_cpu(@pids);

    die "the numbers: $f->{errors} errors\n" if $f->{errors};

    return 1000 * ($after->{loop} - $before->{loop}) / (COST_S + 1);
}


# pages(Bench::Run, runs, seconds, bodies):
# { views, series, cost => { people => ms }, p99 => { people => [ ms ... ] } }

sub pages ($bench, $runs, $seconds, $bodies) {
    local $bench->{zone} = '1g';
    local $bench->{events} = {
        location => "location = /v2/live { openqoe_page; }\n        "
                    . segment($bench),
        http => <<'END' };
    openqoe_dimension video_id allow max=20000;
    openqoe_view_timeout 1h;
    openqoe_series_max 10000000;
END
    my $nginx = $bench->start_nginx('events');
    my $address = '127.0.0.1:' . $nginx->port;
    my %p99;

    fill($nginx, OWN_VIDEO, undef);
    fill_short($nginx, OWN_VIDEO, VIEWS);
    wait_until(sub { stats($nginx)->{queue}{events} == 0 }, 120)
        or die "the queue does not empty\n";

    my $stats = stats($nginx);

    for (1 .. $runs) {
        push @{ $p99{$_} }, probe($bench, $address, $seconds, $bodies, $_)
            for @LOOKING;
    }

    my %cost = map { $_ => cost($bench, $nginx, $address, $_) } grep { $_ }
               @LOOKING;

    $nginx->stop('QUIT', 10) or warn "nginx did not stop by itself\n";

    return { views => $stats->{views}{active}, cost => \%cost, p99 => \%p99,
             series => $stats->{series}{count} };
}


sub pages_report ($r) {
    my $alone = $r->{p99}{0};
    my %ratio = map {
        my $p99 = $r->{p99}{$_};
        $_ => [ map { $p99->[$_] / $alone->[$_] } 0 .. $#$alone ];
    } @LOOKING;
    my @rows = map {
        [ $_ || 'nobody', spread('%.3f', @{ $r->{p99}{$_} }),
          $_ ? (spread('%.2f', @{ $ratio{$_} }),
                sprintf '%.1f', $r->{cost}{$_}) : ('', '') ];
    } @LOOKING;

    return "## The live page\n\n"
        . table([ 'people who look', 'p99, ms', 'of that with nobody',
                  'event loop, ms a second' ], @rows)
        . "\nA static file of 16 kB at " . commas(PROBE) . ' requests/s beside '
        . commas(EVENTS) . " events/s, both of one\nworker, with "
        . commas($r->{views}) . ' live views and ' . commas($r->{series})
        . " series, in turn.  Each\nof the people asks for `" . PATH
        . "` once a second; what that costs\nthe event loop is measured without "
        . "other load.  Aim: with one page open at most\n1.1 times: "
        . verdict_of(median(@{ $ratio{1} }) <= 1.1) . ".\n";
}


1;
