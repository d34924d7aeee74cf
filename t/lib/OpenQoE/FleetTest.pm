package OpenQoE::FleetTest;

# Copyright (C) OpenQoE
#
# What the tests of fleets share: the comparison of a centre with the truth of
# its viewers, by the queries that are delivered.

use v5.36;

use Exporter qw(import);
use Test::More;
use Time::HiRes qw(time);

use OpenQoE::Event qw(decode_json_text encode_json_text);
use OpenQoE::HTTP qw(http_post);
use OpenQoE::Movers;
use OpenQoE::Peers qw(clickhouse_python fleet_collector);
use OpenQoE::Process qw(slurp);

our @EXPORT = qw(need_centre whole sums_are answers_are post_movers play_again);


# Skips the test where a part of the centre cannot be had.

sub need_centre () {
    for my $part (\&fleet_collector, \&clickhouse_python) {
        my ($path, $why) = $part->();
        plan(skip_all => $why) if !$path;
    }
}


# The time that the queries look at: all that Movers make, and some more.

sub whole () {
    return (since => time - 7200, until => time + 3600, org => 'acme');
}


# Posts the sessions to the edges of a fleet.

sub post_movers ($fleet, @movers) {
    for my $movers (@movers) {
        $movers->post(sub ($edge, $events) { $fleet->post($edge, $events) })
            or return 0;
    }
    return 1;
}


my @EXACT = qw(views started playing_ms stalled_ms stalls errors handover_ms
               startups startup_ms);


# The sums of the views themselves.  A difference is shown by its name.

sub sums_are ($centre, $truth, $name) {
    my ($row) = $centre->query('totals', whole());
    my %got = map { $_ => 0 + ($row->{$_} // 0) } @EXACT;
    my %want = map { $_ => $truth->{$_} } @EXACT;

    is_deeply(\%got, \%want, "$name: the sums of the views are the truth");
}


# Every number that the queries of the refreshed sums show.

sub answers_are ($centre, $truth, $name, %opt) {
    $centre->refresh;
    my $one = sub ($query) { ($centre->query($query, whole()))[0] };
    my $near = sub ($got, $want, $part, $what) {
        cmp_ok(abs($got - $want), '<=', $want * $part + 1e-9,
               "$name: $what, $got, is within $part of $want");
    };
    my ($starts, $playing, $stalls) =
        map { $one->($_) } qw(starts playing_time stalls);

    is($starts->{views}, $truth->{views}, "$name: starts.sql has all views");
    is($starts->{started}, $truth->{started},
       "$name: starts.sql has those that showed a picture");
    is_deeply({ map { $_->{outcome} => 0 + $_->{views} }
                $centre->query('outcomes', whole()) }, $truth->{outcomes},
              "$name: outcomes.sql has how each view ended");
    is($playing->{playing_ms}, $truth->{playing_ms},
       "$name: playing_time.sql has the time of playing to the ms");
    is($playing->{handover_ms}, $truth->{handover_ms},
       "$name: playing_time.sql has the time that no edge saw");
    is($stalls->{stalls}, $truth->{stalls}, "$name: stalls.sql has all stalls");
    $near->($one->('rebuffer_ratio')->{rebuffer_ratio},
            $truth->{stalled_ms} / ($truth->{stalled_ms}
                                    + $truth->{playing_ms}),
            1e-9, 'the ratio of rebuffer_ratio.sql');
    $near->($one->('startup')->{mean},
            $truth->{startup_ms} / $truth->{startups}, 1e-6,
            'the mean of startup.sql');
    $near->($one->('viewers')->{viewers}, $truth->{viewers}, 0.02,
            'the number of viewers.sql') if !$opt{keys};
}


# Sends every $nth of the lines of OTLP that the edges wrote to files once
# more, the last ones first; returns how many.

sub play_again ($fleet, $centre, $nth) {
    my ($n, $sent) = (0, 0);

    for my $i ($fleet->all) {
        my %all = (resourceLogs => []);

        for my $line (reverse slurp($fleet->nginx($i)->out_file) =~ /^(.+)\n/mg) {
            my $request = decode_json_text($line) // next;
            push @{ $all{resourceLogs} }, @{ $request->{resourceLogs} // [] };
        }

        for my $scope (map { @{ $_->{scopeLogs} } } @{ $all{resourceLogs} }) {
            $scope->{logRecords} = [ grep { $n++ % $nth == 0 }
                                     reverse @{ $scope->{logRecords} } ];
            $sent += @{ $scope->{logRecords} };
        }

        my $answer = http_post($centre->{http}, '/v1/logs',
                               encode_json_text(\%all), timeout => 30);
        die "the Collector refuses a replay\n"
            if !$answer || $answer->{status} != 200;
    }

    return $sent;
}


1;
