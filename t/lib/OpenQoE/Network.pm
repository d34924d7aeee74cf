package OpenQoE::Network;

# Copyright (C) OpenQoE
#
# A network of its own for a test, whose loopback is as slow as the test says
# for what comes from some ports:
#
#     own_network('OPENQOE_X_INSIDE');        # runs the test again inside
#     my $path = slow_path($port, $class);    # { cut => [...], mend => [...] }
#
# The commands of a path can be run at any time, by any process inside.  The
# bytes are really queued and lost in the kernel below TCP, so that a sender sees
# what it sees of a slow access network: no proxy takes the bytes first.

use v5.36;

use Exporter qw(import);
use Test::More ();

our @EXPORT_OK = qw(own_network slow_path);

use constant FAST => '1gbit';
use constant SLOW => '120kbit';

# As a network outside: segments of 1500 bytes, one packet each.
my @LOOPBACK = ([qw(ip link set dev lo mtu 1500 gso_max_segs 1 up)],
                [qw(tc qdisc add dev lo root handle 1: htb default 1)],
                [qw(tc class add dev lo parent 1: classid 1:1 htb
                    quantum 1514 rate), FAST]);


sub run (@command) {
    my $text = join ' ', map { "'$_'" } @command;
    return system("$text > /dev/null 2>&1") == 0;
}


# Runs the test again in a network of its own, or skips it with the reason.
# name: a variable of the environment that says that this has been done.  Root
# stays root; others have the rights that they need inside alone.

sub own_network ($name) {
    if ($ENV{$name}) {
        for my $command (@LOOPBACK) {
            run(@$command) or Test::More::plan(
                skip_all => "the kernel cannot do this: @$command");
        }

        return;
    }

    my @unshare = $> == 0 ? qw(unshare -n)
                  : qw(unshare -n --map-current-user --keep-caps);

    Test::More::plan(skip_all => 'needs ip and tc (iproute2)')
        if !run(qw(tc -V)) || !run(qw(ip -V));
    Test::More::plan(skip_all => 'needs a network of its own (no permission)')
        if !run(@unshare, 'true');

    $ENV{$name} = 1;
    exec @unshare, $^X, (map { "-I$_" } @INC), $0;
}


# What comes from the port goes through a queue of its own, which is short, as
# that of an access network: class 2 or more.

sub slow_path ($port, $class) {
    my @class = ('dev', 'lo', 'parent', '1:', 'classid', "1:$class", 'htb',
                 'quantum', '1514', 'burst', '3k', 'rate');

    run(qw(tc class add), @class, FAST)
        && run(qw(tc qdisc add dev lo parent), "1:$class",
               qw(pfifo limit 20))
        && run(qw(tc filter add dev lo parent 1: protocol ip prio 1 u32
                  match ip sport), $port, '0xffff', 'flowid', "1:$class")
        or die "no slow path for port $port\n";

    return { cut => [qw(tc class change), @class, SLOW],
             mend => [qw(tc class change), @class, FAST] };
}


1;
