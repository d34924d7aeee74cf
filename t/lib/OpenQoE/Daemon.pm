package OpenQoE::Daemon;

# Copyright (C) OpenQoE
#
# An nginx that makes itself a daemon, as the upgrade of a binary needs it.
# Its processes are no children of the test, and end with the test here.

use v5.36;

use Exporter qw(import);
use Test::More import => [qw(is ok)];

use OpenQoE::Process qw(children run_cmd slurp wait_until);
use OpenQoE::Test ();

our @EXPORT_OK = qw(start_daemon);

my @started;


# Starts the nginx, whose configuration has been written, with two workers.

sub start_daemon ($nginx, $prefix = '') {
    my $path = "$nginx->{dir}/nginx.conf";

    OpenQoE::Test::write_file($path,
                              slurp($path) =~ s/daemon off/daemon on/r);
    push @started, $nginx;

    my ($rc, undef, $err) = run_cmd($nginx->command);
    is("$rc$err", '0', $prefix . 'nginx starts as a daemon');
    ok(wait_until(sub { $nginx->worker_pids == 2 && $nginx->listening }, 10),
       $prefix . 'nginx listens with two workers');
    return $nginx;
}


END {
    for my $nginx (@started) {
        for my $file (glob "$nginx->{dir}/nginx.pid*") {
            my ($pid) = slurp($file) =~ /^(\d+)/ or next;
            kill 'KILL', children($pid), $pid;
        }
    }
}


1;
