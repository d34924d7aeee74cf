package Bench::Cmcd;

# Copyright (C) OpenQoE
#
# What openqoe_cmcd costs a file that nginx serves: the same file in a location
# without it and in one with it, in turn, as fast as answers come and at a
# constant rate.

use v5.36;

use Exporter qw(import);

use Bench::Proc qw(threads_cpu);
use Bench::Rate qw(drive);
use Bench::Report qw(commas median spread table verdict_of);

our @EXPORT_OK = qw(cmcd cmcd_report);

use constant { BYTES => 16_384, RATE => 5_000, CONNECTIONS => 32 };

# A set of hls.js.
my $set = 'CMCD=bl%3D21300%2Cbr%3D3200%2Ccid%3D%22film%22%2Cd%3D4004%2Cdl'
    . '%3D18500%2Cmtp%3D25400%2Cnor%3D%22seg-13.m4s%22%2Cot%3Dv%2Crtp%3D15000'
    . '%2Csf%3Dh%2Csid%3D%226e2fb550-c457-11e9-bb97-0800200c9a66%22%2Cst%3Dv'
    . '%2Ctb%3D6000';

# What is asked for, the least share of requests/s that is aimed at, and name.
my @cases = (
    [ set => "seg-12.m4s?$set", 0.92, 'a segment with CMCD' ],
    [ media => 'seg-12.m4s', 0.99, 'a segment without CMCD' ],
    [ other => 'page.bin', 0.99, 'a file that is no media' ],
);


# cmcd(Bench::Run, runs, seconds): { case => [ { off, on } ... ] }

sub cmcd ($bench, $runs, $seconds) {
    my $dir = "$bench->{dir}/media";
    mkdir $dir;
    chmod 0755, $bench->{dir}, $dir;

    for my $name (qw(seg-12.m4s page.bin)) {
        open my $out, '>', "$dir/$name" or die "$name: $!\n";
        print $out 'x' x BYTES;
        close $out or die "$name: $!\n";
    }

    local $bench->{events} = {
        http => 'types { video/iso.segment m4s; }',
        location => <<"END",
location /off/ { alias $dir/; }
        location /on/ {
            alias $dir/;
            openqoe_cmcd on;
            openqoe_cmcd_org acme;
        }
END
    };

    my $nginx = $bench->start_nginx('events');
    my %all;

    # each is the first one in turn, for what comes first finds another machine
    for my $i (1 .. $runs) {
        for my $case (@cases) {
            push @{ $all{ $case->[0] } }, {
                map { $_ => one($bench, $nginx, "/$_/$case->[1]", $seconds) }
                $i % 2 ? qw(off on) : qw(on off)
            };
        }
    }

    $nginx->stop('QUIT', 10) or warn "nginx did not stop by itself\n";

    return \%all;
}


sub one ($bench, $nginx, $path, $seconds) {
    my $address = '127.0.0.1:' . $nginx->port;
    my @pids = $nginx->worker_pids;
    my $before = threads_cpu(@pids);
    my $fast = drive($bench, $address, $path, 0, $seconds, undef, CONNECTIONS);
    my $after = threads_cpu(@pids);
    my $even = drive($bench, $address, $path, RATE, $seconds, undef,
                     CONNECTIONS);

    for my $f ($fast, $even) {
        die "$path: $f->{errors} errors\n"
            if $f->{errors} || $f->{requests} != ($f->{status}{200} // 0);
    }

    return { rate => $fast->{requests} / $seconds, p99 => $even->{p99},
             cpu => ($after->{loop} - $before->{loop}) / $fast->{requests} };
}


sub cmcd_report ($all) {
    my @rows;

    for my $case (@cases) {
        my ($name, $path, $aim, $text) = @$case;
        my @pairs = @{ $all->{$name} };
        my $of = sub ($key, $side) { map { $_->{$side}{$key} } @pairs };
        my $ratios = sub ($key) {
            map { $_->{on}{$key} / $_->{off}{$key} } @pairs };
        my $share = median($ratios->('rate'));
        my $p99 = median($ratios->('p99'));

        push @rows, [ $text, spread('%.0f', $of->('rate', 'off')),
                      spread('%.0f', $of->('rate', 'on')),
                      spread('%.3f', $ratios->('rate')),
                      "$aim: " . verdict_of($share >= $aim),
                      spread('%.2f', $ratios->('p99')),
                      '1.05: ' . verdict_of($p99 <= 1.05),
                      spread('%.3f', $ratios->('cpu')) ];
    }

    return "## CMCD of requests\n\n"
        . table([ '', 'requests/s without', 'requests/s with', 'ratio',
                  'aim, at least', 'p99, ratio', 'aim, at most',
                  'CPU of the event loop a request, ratio' ], @rows)
        . "\nA static file of @{[ BYTES / 1024 ]} kB in a location without "
        . "`openqoe_cmcd` and in one with `openqoe_cmcd on`, in turn;\nas fast "
        . 'as answers come, and for p99 at ' . commas(RATE)
        . " requests/s.  The helper thread, which makes\nthe metrics, has the "
        . "same core: on a core of its own it would cost the event loop\n"
        . "nothing but what the last column says.\n";
}


1;
