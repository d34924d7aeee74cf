package Bench::Report;

# Copyright (C) OpenQoE
#
# Figures of many runs -> Markdown.

use v5.36;

use Exporter qw(import);
use List::Util qw(max min sum0);

our @EXPORT_OK = qw(attack_report commas median of ratios report spread table
                    verdict_of);

my %side = (baseline => 'plain nginx', alone => 'events, not exported',
            events => 'events');
my @sides = qw(baseline alone events);


sub verdict_of ($met) { $met ? 'met' : '**missed**' }



sub median (@values) {
    my @sorted = sort { $a <=> $b } @values;
    my $half = int @sorted / 2;

    return @sorted % 2 ? $sorted[$half]
                       : ($sorted[$half - 1] + $sorted[$half]) / 2;
}


sub commas ($text) {
    1 while $text =~ s/^(-?\d+)(\d{3})/$1,$2/;
    return $text;
}


# "median (min..max)"

sub spread ($format, @values) {
    my @text = map { commas(sprintf $format, $_) }
               median(@values), min(@values), max(@values);

    return $text[0] if @values == 1;
    return "$text[0] ($text[1]..$text[2])";
}


sub table ($head, @rows) {
    my @align = map { $_ ? '---:' : '---' } 0 .. $#$head;
    return join '', map { '| ' . join(' | ', @$_) . " |\n" }
           $head, \@align, @rows;
}


# of($runs, side, batch, name): the values of all runs

sub of ($runs, $side, $batch, $name) {
    return map { $_->{$name} }
           grep { $_->{side} eq $side && $_->{batch} == $batch } @$runs;
}


# The ratio of a side to another, of runs that were neighbours in time.

sub ratios ($runs, $side, $other, $batch, $name) {
    my @own = of($runs, $side, $batch, $name);
    my @top = of($runs, $other, $batch, $name);

    return map { $top[$_] ? $own[$_] / $top[$_] : 0 } 0 .. $#own;
}


sub rates ($runs, @batches) {
    my @rows;

    for my $batch (@batches) {
        for my $name (@sides) {
            my $get = sub ($key) { of($runs, $name, $batch, $key) };
            my @ratio = map { 100 * $_ } ratios($runs, $name, 'baseline',
                                                $batch, 'requests');

            push @rows, [ $side{$name}, $batch,
                spread('%.0f', $get->('requests')),
                spread('%.0f', $get->('events')),
                $name eq 'baseline' ? '' : spread('%.1f %%', @ratio),
                spread('%.2f', $get->('p50')), spread('%.2f', $get->('p99')) ];
        }
    }

    return table(['', 'events a request', 'requests/s', 'events/s',
                  'of plain nginx', 'p50, ms', 'p99, ms'], @rows);
}


sub cpu ($runs, @batches) {
    my @rows;

    for my $batch (@batches) {
        for my $name (@sides) {
            my $get = sub ($format, $key) {
                spread($format, of($runs, $name, $batch, $key));
            };
            my $helper = $name ne 'baseline';

            push @rows, [ $side{$name}, $batch, $get->('%.2f', 'loop_cores'),
                $get->('%.2f', 'loop_us'),
                $helper ? $get->('%.2f', 'helper_cores') : '',
                $helper ? $get->('%.2f', 'helper_us') : '',
                $get->('%.0f', 'capacity'), $get->('%.2f', 'other_cores'),
                $get->('%.2f', 'stolen') ];
        }
    }

    return table(['', 'events a request', 'event loop, cores',
                  'us an event', 'helper thread, cores', 'us an event',
                  'events/s of a whole core',
                  'others on that core, cores', 'stolen, cores'], @rows);
}


sub memory ($runs, @batches) {
    my (@rows, $most);

    for my $batch (@batches) {
        my @own = map { $_->{peak} - $_->{shared} }
                  grep { $_->{side} eq 'events' && $_->{batch} == $batch }
                  @$runs;
        my @plain = of($runs, 'baseline', $batch, 'peak');
        my $more = median(of($runs, 'events', $batch, 'anon'))
                   - median(of($runs, 'baseline', $batch, 'anon'));

        $most = $more if !defined $most || $more > $most;

        push @rows, [ $batch, spread('%.1f', @plain),
            spread('%.1f', of($runs, 'events', $batch, 'peak')),
            spread('%.1f', of($runs, 'events', $batch, 'shared')),
            spread('%.1f', map { $own[$_] - $plain[$_] } 0 .. $#own),
            sprintf('%.1f', $more) ];
    }

    return table(['events a request', 'plain nginx, MB', 'events, MB',
                  'of it the zone, MB', 'without the zone over plain nginx, MB',
                  'private memory over plain nginx, MB'], @rows)
        . "\nPrivate memory (RssAnon) is read as the load ends.  Aim: at most 8 "
        . "MB more: " . verdict_of($most <= 8) . ".\n";
}


# Sums over the runs, because a refusal in any of them must be seen.

sub outcome ($runs, @batches) {
    my @rows;

    for my $batch (@batches) {
        my $all = sub ($key, $name = 'events') {
            commas(sum0(of($runs, $name, $batch, $key)));
        };

        push @rows, [ $batch, $all->('accepted'), $all->('exported'),
            $all->('exported_in_time'),
            spread('%.0f', of($runs, 'events', $batch, 'backlog')),
            $all->('refused'), $all->('not_202'), $all->('invalid'),
            $all->('lost'), $all->('retried'), $all->('socket_errors') ];
    }

    return table(['events a request', 'events accepted', 'exported',
                  'exported under load', 'left at the end of a run',
                  'requests refused (503)', 'not 202', 'events invalid',
                  'events lost', 'exports retried', 'socket errors'], @rows);
}


# The aims of the event loop alone.

sub aims ($runs, @batches) {
    my %aim = (1 => 0.75, 10 => 0.50, 100 => 0.30);
    my @text;

    for my $batch (grep { $aim{$_} } @batches) {
        my $got = median(ratios($runs, 'alone', 'baseline', $batch,
                                'requests'));
        push @text, sprintf '%.2f of plain nginx at %d a request (aim: at '
            . 'least %.2f, %s)', $got, $batch, $aim{$batch},
            verdict_of($got >= $aim{$batch});
    }

    return @text ? 'The event loop alone: ' . join(', ', @text) . ".\n" : '';
}


# Where a helper exports beside the event loop on the same core, load that is
# too much for both is refused: the rate without refusals is that of
# "Sustained".

sub verdict ($runs) {
    my @events = grep { $_->{side} eq 'events' } @$runs;
    my $refused = grep { $_->{refused} } @events;
    my $short = grep { $_->{accepted} != $_->{exported} } @events;
    my $other = grep { $_->{not_202} > ($_->{refused} // 0)
                       || $_->{socket_errors} } @$runs;
    my @text;

    push @text, $refused
        ? "**$refused of " . @events . ' runs refused requests with 503: '
          . "the queue was full.**  Rates count what was accepted;\n"
          . '"Sustained" shows what goes on without end.'
        : 'No run refused a request.';
    push @text, $short
        ? "**$short runs exported fewer events than they accepted.**"
        : 'Every event accepted was exported.';
    push @text, "**$other runs had other errors.**" if $other;

    return join(' ', @text) . "\n";
}


sub facts (@pairs) {
    return join '', map { "- $_->[0]: $_->[1]\n" } @pairs;
}


# attack_report(result of Bench::Attack, rate => events/s)

sub attack_report ($result, %opt) {
    my @sides = @$result{qw(calm attack)};
    my $row = sub ($label, $format, $key) {
        my @value = map { ref $_->{$key} ? median(@{ $_->{$key} })
                                         : $_->{$key} } @sides;
        my @text = map { ref $_->{$key} ? spread($format, @{ $_->{$key} })
                                        : commas(sprintf $format, $_->{$key})
                       } @sides;

        return [ $label, @text, !$value[0] ? ''
                 : sprintf '%+.1f %%', 100 * ($value[1] / $value[0] - 1) ];
    };
    my $rate = commas($opt{rate});

    return "## Cardinality attack\n\n" . table(
        ['', 'honest viewers', 'forged values', 'difference'],
        $row->('events accepted', '%.0f', 'accepted_events'),
        $row->('events refused', '%.0f', 'refused_events'),
        $row->('p50, ms', '%.2f', 'p50_ms'),
        $row->('p99, ms', '%.2f', 'p99_ms'),
        $row->('event loop, us an event', '%.2f', 'loop_us'),
        $row->('helper, us an event', '%.2f', 'helper_us'),
        $row->('zone, MB', '%.1f', 'zone'),
        $row->('of it touched, MB', '%.1f', 'touched'),
        $row->('worker without the zone, MB', '%.1f', 'own'),
        $row->('largest export of metrics, bytes', '%.0f', 'export'),
        $row->('series', '%.0f', 'series')) . <<"END";

$rate events/s of each side in turn, in slices (median, min..max), from
`t/tools/load -x`: one has a value of its own in every dimension of every
event, the other those of 997 viewers; openqoe_series_max is
$result->{series_max}, a third more than the honest ones need, because the last
quarter of the series is kept for values that are known.  Export uncompressed.
Aim: zone, export and p99 within 10 %.
END
}


# report(runs =>, batches =>, machine =>, versions =>, command =>, date =>,
#        options => text of the options in force, decode => table rows,
#        spool, sustained, latency, static, cmcd, scale, count => text, metrics => text, attack => text, gzip => text, body_form => text or undef)

sub report (%r) {
    my ($runs, @batches) = ($r{runs}, @{ $r{batches} });
    my $m = $r{machine};
    my $text = "# Benchmark results\n\nWritten by `$r{command}` on $r{date}, "
        . "by nothing else.\n\n## Machine and versions\n\n";

    $text .= facts([ 'machine', "$m->{cores} cores, $m->{model}, "
                                . "$m->{memory}" ],
                   [ 'system', "$m->{os}, Linux $m->{kernel}" ],
                   @{ $r{versions} });
    $text .= "\n## Rates, as fast as answers come\n\n"
        . rates($runs, @batches) . "\n" . aims($runs, @batches) . "\n"
        . verdict($runs) . "\n![Rates by batch size](rates.png)\n";
    $text .= "\n## CPU\n\n" . cpu($runs, @batches);
    $text .= "\n## Memory\n\n" . memory($runs, @batches);
    $text .= "\n## What became of the events\n\n" . outcome($runs, @batches);
    $text .= "\n$_"
        for grep { $_ } @r{qw(sustained goodput latency static cmcd scale
                                    spool)};
    $text .= "\n## How\n\n$r{how}";

    $text .= "\n## An event's way without nginx\n\n"
        . table(['events a body', 'bytes an event', 'decode by jansson, ns',
                 'decode, ns', 'of it, MB/s', 'event to record, ns',
                 'record to sample, ns', 'record to log record, ns',
                 'bytes of a record']) . $r{decode}
        . "\nCPU time an event of `bench/decode.c` with the same bodies.  Aim: "
        . "decode at least 500 MB/s.\n\n$r{count}";

    $text .= "\n$r{metrics}\n$r{scrape}";
    $text .= "\n$r{attack}" if $r{attack};

    $text .= "\n$r{gzip}";
    $text .= "\n## The body of a log record\n\n$r{body_form}"
        if defined $r{body_form};

    return $text;
}


1;
