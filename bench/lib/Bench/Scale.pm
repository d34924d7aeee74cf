package Bench::Scale;

# Copyright (C) OpenQoE
#
# How cost grows: with workers, also more of them than cores, with connections,
# and with live views.

use v5.36;

use Exporter qw(import);

use Bench::Report qw(commas of spread table);
use Bench::Run;

our @EXPORT_OK = qw(scale scale_report);

use constant BATCH => 10;


# scale(runs, progress, options of Bench::Run): { workers, connections, views }
# each a list of figures with {side} and {batch}, the number that grows

sub scale ($runs, $progress, %opt) {
    my %all;
    my %grow = (workers => [ 1, 2, 4, 8 ], connections => [ 10, 100, 1000 ],
                views => [ 300, 3000, 30_000 ]);

    for my $what (sort keys %grow) {
        for my $run (1 .. $runs) {
            for my $n (@{ $grow{$what} }) {
                my %own = $what eq 'workers' ? (workers => $n)
                    : $what eq 'connections' ? (connections => $n)
                    : (script_env => { BENCH_VIEWS => $n });
                my $bench = Bench::Run->new(%opt, %own);

                $bench->start_receiver;

                for my $side ($what eq 'views' ? 'events'
                              : qw(baseline alone events)) {
                    my $f = $bench->measure($side, BATCH);
                    push @{ $all{$what} }, { %$f, side => $side, batch => $n };
                    $progress->($run, $f, "$what $n", $side);
                }

                $bench->stop_receiver;
            }
        }
    }

    return \%all;
}


my %side = (baseline => 'plain nginx', alone => 'events, not exported',
            events => 'events');


sub rows ($runs, @columns) {
    my (%n, %sides, @rows);

    $n{ $_->{batch} }++, $sides{ $_->{side} }++ for @$runs;

    for my $n (sort { $a <=> $b } keys %n) {
        for my $side (grep { $sides{$_} } qw(baseline alone events)) {
            push @rows, [ commas($n), $side{$side}, map {
                my ($format, $key) = @$_;
                my @values = grep { defined } of($runs, $side, $n, $key);
                @values ? spread($format, @values) : '';
            } @columns ];
        }
    }

    return @rows;
}


sub scale_report ($all) {
    my @columns = ([ '%.0f', 'events' ], [ '%.2f', 'loop_us' ],
                   [ '%.2f', 'helper_us' ], [ '%.2f', 'p99' ]);
    my @head = ('events/s accepted', 'event loop, us an event',
                'helper, us an event', 'p99, ms');
    my $text = "## Scale\n\n";

    $text .= table([ 'workers', '', @head ],
                   rows($all->{workers}, @columns)) . "\n";
    $text .= table([ 'connections', '', @head ],
                   rows($all->{connections}, @columns)) . "\n";
    $text .= table([ 'live views', '', @head ],
                   rows($all->{views}, @columns));

    return $text . <<"END";

In batches of @{[ BATCH ]}, as fast as answers come.  All workers, with their helpers,
share nginx's core: what more of them cost is what this shows, not what more
cores give.  Rates count what was accepted: where the event loop is faster than
the helper on that core, the queue fills, and the rest is refused with 503.

![Workers on one core](workers.png)
![Connections](connections.png)
![Live views](views.png)
END
}


1;
