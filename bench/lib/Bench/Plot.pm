package Bench::Plot;

# Copyright (C) OpenQoE
#
# Plots by gnuplot: PNG files beside RESULTS.md.

use v5.36;

use Exporter qw(import);

our @EXPORT_OK = qw(plot);


# plot(file, title =>, x =>, y =>, logx =>, logy =>, bars => 1 for steps that
#      are no numbers, lines => [ [ label, [ x, y ] ... ] ... ])

sub plot ($file, %p) {
    my @lines = @{ $p{lines} };
    my $i = 0;
    my $data = '';
    my @what;

    for my $line (@lines) {
        my ($label, @points) = @$line;

        $i++;
        $data .= "\$d$i << EOD\n"
            . join('', map { "$_->[0] $_->[1]\n" } @points) . "EOD\n";
        push @what, "\$d$i using 1:2 with linespoints lw 2 pt 7 ps 1.2 "
                    . "title \"$label\"";
    }

    my $script = <<"END";
set terminal pngcairo size 900,540 font "DejaVu Sans,12" background "#ffffff"
set output "$file"
set title "$p{title}"
set xlabel "$p{x}"
set ylabel "$p{y}"
set grid lc rgb "#dddddd"
set key outside bottom center horizontal
set border 3
set tics nomirror
set format y "%.10g"
END
    $script .= "set logscale x\n" if $p{logx};
    $script .= $p{logy} ? "set logscale y\n" : "set yrange [0:*]\n";
    $script .= 'set xtics (' . join(', ', @{ $p{ticks} }) . ")\n"
        if $p{ticks};
    $script .= $data . 'plot ' . join(', ', @what) . "\n";

    open my $out, '|-', 'gnuplot' or die "gnuplot: $!\n";
    print $out $script;
    close $out or die "gnuplot failed on $file\n";

    return $file;
}


1;
