#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# Names of collectors: a nameserver that is dead, and an address that changes.
# The test runs in namespaces of its own, with its own resolv.conf and a
# nameserver on the loopback, so that nothing of the machine is touched.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use OpenQoE::Test;

my $CLI = tool('transport_cli');
need('t/tools/transport_cli (OPENQOE_TOOLS)' => $CLI);

my $INSIDE = 'OPENQOE_RESOLVER_INSIDE';

if (!$ENV{$INSIDE}) {
    plan skip_all => 'needs unshare and namespaces of its own (no permission)'
        if system('unshare -rmn true 2> /dev/null') != 0;
    $ENV{$INSIDE} = 1;
    exec 'unshare', '-rmn', $^X, "-I$FindBin::Bin/lib", $0;
}


# --- the namespace: a loopback and a resolv.conf

my $DIR = scratch_dir('resolver');
my $NAME = 'collector.openqoe.test';
my $PORT = 4318;

sub loopback_up {
    my $socket = IO::Socket::INET->new(Proto => 'udp') or return 0;
    my $request = pack 'a16 s x14', 'lo', 0x1;       # IFF_UP
    return defined ioctl $socket, 0x8914, $request;  # SIOCSIFFLAGS
}

write_file("$DIR/resolv.conf",
           "nameserver 127.0.0.2\nnameserver 127.0.0.3\n");
write_file("$DIR/nsswitch.conf", "hosts: files dns\n");

my $conf = readlink('/etc/resolv.conf') ? `readlink -f /etc/resolv.conf`
           : '/etc/resolv.conf';
chomp $conf;

plan skip_all => 'cannot have a loopback and a resolv.conf of its own'
    if !loopback_up()
       || system("mount --bind $DIR/resolv.conf $conf 2> /dev/null") != 0
       || system("mount --bind $DIR/nsswitch.conf /etc/nsswitch.conf"
                 . ' 2> /dev/null') != 0;


my $parent = $$;
my @children;

sub child ($run) {
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{TERM} = 'DEFAULT';
        eval { $run->() };
        require POSIX;
        POSIX::_exit(1);
    }

    push @children, $pid;
}

END {
    if (defined $parent && $$ == $parent) {
        local $?;
        kill 'KILL', @children;
        waitpid $_, 0 for @children;
    }
}


# Answers A queries with the address in the file, to be kept for a second.

sub nameserver ($address, $file) {
    my $socket = IO::Socket::INET->new(Proto => 'udp', LocalPort => 53,
                                       LocalAddr => $address)
        or die "no socket for a nameserver: $!\n";

    child(sub {
        while (defined(my $from = $socket->recv(my $query, 512))) {
            next if !defined $file || length $query < 17;

            my $end = index($query, "\0", 12) + 5;
            my $question = substr $query, 12, $end - 12;
            my $a = unpack('n', substr $question, -4) == 1;
            my $answer = substr($query, 0, 2)
                . pack('n5', 0x8180, 1, $a ? 1 : 0, 0, 0) . $question;

            $answer .= pack('n n n N n a4', 0xc00c, 1, 1, 1, 4,
                            pack 'C4', split /\./, slurp($file)) if $a;
            $socket->send($answer, 0, $from);
        }
    });
}


# A collector that keeps its connections, and writes a byte for each request.

sub collector ($address) {
    my $out = "$DIR/requests.$address";
    my $listen = IO::Socket::INET->new(LocalAddr => $address, Listen => 16,
                                       LocalPort => $PORT, ReuseAddr => 1)
        or die "no socket for a collector: $!\n";

    write_file($out, '');

    child(sub {
        local $SIG{CHLD} = 'IGNORE';

        while (my $client = $listen->accept) {
            next if fork;
            local $/ = "\r\n";

            while (defined(my $line = <$client>)) {
                my $length = 0;

                while (defined($line = <$client>) && $line ne "\r\n") {
                    $length = $1 if $line =~ /^content-length: *(\d+)/i;
                }

                read $client, my ($body), $length;
                open my $log, '>>', $out;
                syswrite $log, '.';
                syswrite $client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
                                  . "\r\n";
            }

            require POSIX;
            POSIX::_exit(0);
        }
    });

    return $out;
}


sub requests ($file) { -s $file // 0 }

write_file("$DIR/payload", "\x0a\x00");

sub driver (%opt) {
    return ($CLI, 'protocol=http/protobuf', "payload=$DIR/payload",
            "url=http://$NAME:$PORT/v1/logs",
            map { "$_=$opt{$_}" } sort keys %opt);
}


my $first = collector('127.0.1.1');
my $second = collector('127.0.1.2');
write_file("$DIR/address", '127.0.1.1');


# The first nameserver does not answer: libc asks the second after five
# seconds, which is just the time that connecting has.

nameserver('127.0.0.2', undef);
nameserver('127.0.0.3', "$DIR/address");

{
    my ($rc, $out) = run_cmd({ timeout => 120 },
                             driver(timeout => 20000, connect => 5000));
    like($out, qr/^kind=OK /m, 'a dead first nameserver: the request is taken');
    is(requests($first), 1,
       'a dead first nameserver: the collector gets the request');
    my ($ms) = $out =~ / ms=(\d+)/;
    cmp_ok($ms // 0, '>', 4000,
           'a dead first nameserver: the request waited for it');
}


# The address changes while the old collector still answers on a kept
# connection.  Only a nameserver that answers is asked: this test is not about
# the first.

write_file("$DIR/resolv.conf", "nameserver 127.0.0.3\n");

{
    my $process = spawn(cmd => [driver(timeout => 10000, connect => 5000,
                                       count => 100000, pause => 200)],
                        name => 'transport_cli');

    my $before = requests($first);
    ok(wait_until(sub { requests($first) > $before + 3 }, 20),
       'an address that changes: the old one gets the requests');
    is(requests($second), 0,
       'an address that changes: the new one gets no request before that');

    write_file("$DIR/address.new", '127.0.1.2');
    rename "$DIR/address.new", "$DIR/address";

    my $start = time;
    ok(wait_until(sub { requests($second) }, 60),
       'an address that changes: the new one is used although the old one '
       . 'answers');
    # a busy machine takes some seconds more
    cmp_ok(time - $start, '<', scaled(60),
           sprintf 'an address that changes: within some 30 s (%.0f s)',
                   time - $start);
    $before = requests($first);
    my $new = requests($second);
    ok(wait_until(sub { requests($second) > $new + 5 }, 20),
       'an address that changes: the new one gets the requests');
    is(requests($first), $before,
       'an address that changes: the old one gets no more');

    $process->stop('TERM');
    unlike($process->output, qr/^kind=(?!OK)/m,
           'an address that changes: no request failed');
}

done_testing;
