package Bench::Count;

# Copyright (C) OpenQoE
#
# Instructions by valgrind's callgrind, which are the same each time, where
# seconds are not.  What a program does at its start cancels: it does its work
# once and twice, and the difference counts.

use v5.36;

use Exporter qw(import);

use Bench::Report qw(commas table verdict_of);
use OpenQoE::Process qw(run_cmd slurp);

our @EXPORT_OK = qw(stages count_report);

use constant BODIES => 110;


sub collected ($text) {
    my ($n) = $text =~ /Collected : (\d+)/
        or die "callgrind counts no instructions: $text\n";
    return $n;
}


# stages(bench/decode, bodies of 10): { stage => instructions an event }

sub stages ($program, $bodies, $dir) {
    my (%of, %per);
    my $few = "$dir/few";
    my @lines = split /\n/, slurp($bodies);

    open my $out, '>', $few or die "$few: $!\n";
    print $out map { "$_\n" } @lines[0 .. BODIES - 1];
    close $out or die "$few: $!\n";

    for my $stage (qw(decode pack read log jansson)) {
        my @n;

        for my $times (1, 2) {
            my ($rc, $text, $err) = run_cmd({ timeout => 300 }, 'valgrind',
                '--tool=callgrind', '--callgrind-out-file=/dev/null',
                $program, $few, $stage, $times);
            die "callgrind: $text$err\n" if $rc ne '0';
            push @n, [ $text =~ /^(\d+)$/m, collected($err) ];
        }

        $of{$stage} = ($n[1][1] - $n[0][1]) / ($n[1][0] - $n[0][0]);
    }

    %per = (decode => $of{decode}, jansson => $of{jansson},
            pack => $of{pack} - $of{decode}, read => $of{read} - $of{pack},
            log => $of{log} - $of{pack});

    return \%per;
}


# count_report(stages)

sub count_report ($per) {
    my %what = (decode => 'decode and validate', pack => 'event to record',
                read => 'record to sample', log => 'record to log record',
                jansson => 'decode and validate by jansson');
    my @rows = map { [ $what{$_}, commas(sprintf '%.0f', $per->{$_}) ] }
               qw(decode pack read log jansson);

    return "## Instructions\n\n"
        . table([ 'stage', 'instructions an event' ], @rows)
        . "\nBy callgrind, of `bench/decode.c` with bodies of 10 events.  "
        . 'Aim: decode and validate in at most 3,000: '
        . verdict_of($per->{decode} <= 3000) . ".\n";
}


1;
