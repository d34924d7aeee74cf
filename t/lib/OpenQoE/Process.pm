package OpenQoE::Process;

# Copyright (C) OpenQoE
#
# Processes, ports and scratch directories of a test.  Whatever is spawned
# here is a process group of its own and is gone when the test ends, however
# it ends.

use v5.36;

use Errno qw(EINTR);
use Exporter qw(import);
use Fcntl qw(:flock O_CREAT O_RDWR);
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(free_port free_ports scratch_dir spawn spawn_peer
                    wait_until scaled slow slurp children process_title
                    group_alive run_cmd);

# Timeouts are multiplied by this under sanitizers and valgrind.

our $Slow = $ENV{OPENQOE_SLOW} || 1;
$Slow = 5 if $Slow !~ /^[\d.]+$/;
$Slow = 5 if $ENV{OPENQOE_SLOW} && $Slow == 1;

# The ports are below the ephemeral range, so that no outgoing connection takes
# one.

use constant { PORT_FIRST => 18000, PORT_LAST => 31999 };

# What a test waits for comes much sooner, except on a machine that is busy
# with something else; longer deadlines cost nothing where it comes.

use constant PATIENCE => 3;

my $owner = $$;
my (@live, @port_locks, @scratch);


sub slow () { $Slow > 1 }


sub scaled ($seconds) { $seconds * $Slow }


# Calls $check until it returns a true value, which is returned, or until the
# timeout (seconds, scaled, with patience) has passed: then undef.  Not for
# checks that something does not happen.

sub wait_until ($check, $timeout = 5) {
    my $end = time + scaled($timeout) * PATIENCE;
    my $pause = 0.01;

    while (1) {
        my $value = $check->();
        return $value if $value;
        return undef if time >= $end;
        sleep $pause;
        $pause *= 1.5 if $pause < 0.1;
    }
}


sub slurp ($path) {
    open my $in, '<:raw', $path or return '';
    local $/;
    return <$in> // '';
}


# A TCP port on which no process listens.  A lock file keeps it ours among the
# tests that run at the same time, until this process ends.

sub free_port () {
    my $dir = ($ENV{TMPDIR} // '/tmp') . "/openqoe-ports.$>";
    my $span = PORT_LAST - PORT_FIRST + 1;
    my $start = int rand $span;

    mkdir $dir, 0700;

    for my $i (0 .. $span - 1) {
        my $port = PORT_FIRST + ($start + $i) % $span;

        sysopen my $lock, "$dir/$port", O_CREAT | O_RDWR, 0600 or next;
        flock $lock, LOCK_EX | LOCK_NB or next;

        my $sock = IO::Socket::INET->new(LocalAddr => '0.0.0.0',
                                         LocalPort => $port, Listen => 1,
                                         Proto => 'tcp', ReuseAddr => 1)
            or next;
        close $sock;

        push @port_locks, $lock;
        return $port;
    }

    die "no free port\n";
}


sub free_ports ($n) { map { free_port() } 1 .. $n }


# A directory that every user may enter (the workers are not root), removed at
# the end of the test unless OPENQOE_KEEP is set.

sub scratch_dir ($name = 'test') {
    my $dir = File::Temp->newdir("openqoe-$name-XXXXXX", TMPDIR => 1,
                                 CLEANUP => !$ENV{OPENQOE_KEEP});
    chmod 0755, "$dir";
    push @scratch, $dir;

    return "$dir";
}


# Runs a command to its end; returns (exit status, stdout, stderr).

sub run_cmd (@cmd) {
    my %opt = ref $cmd[0] eq 'HASH' ? %{ shift @cmd } : ();
    my $dir = File::Temp->newdir('openqoe-cmd-XXXXXX', TMPDIR => 1);
    my $p = spawn(%opt, cmd => \@cmd, stdout => "$dir/out",
                  stderr => "$dir/err");
    my $status = $p->wait($opt{timeout} // 30);

    if (!defined $status) {
        $p->stop;
        $status = 'timeout';
    }

    return ($status, slurp("$dir/out"), slurp("$dir/err"));
}


my $setpriv = (grep { -x } map { "$_/setpriv" } split /:/, $ENV{PATH})[0];


# spawn(cmd => [...], name =>, env => {}, stdout => path, stderr => path,
#       stdin => path, chdir =>)
# Starts a process without waiting for anything.  See the methods below.

sub spawn (%opt) {
    state $dir = scratch_dir('spawn');
    state $serial = 0;

    $serial++;
    my $name = $opt{name} // (split m{/}, $opt{cmd}[0])[-1];
    my $self = bless {
        name => $name,
        stdout => $opt{stdout} // "$dir/$name.$serial.out",
        stderr => $opt{stderr} // "$dir/$name.$serial.err",
    }, __PACKAGE__;

    my @cmd = @{ $opt{cmd} };
    unshift @cmd, $setpriv, '--pdeathsig', 'TERM' if $setpriv;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        setpgrp 0, 0;
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP CHLD PIPE);
        open STDIN, '<', $opt{stdin} // '/dev/null';
        open STDOUT, '>', $self->{stdout};
        open STDERR, $self->{stdout} eq $self->{stderr} ? '>>' : '>',
             $self->{stderr};
        while (my ($key, $value) = each %{ $opt{env} // {} }) {
            if (defined $value) { $ENV{$key} = $value }
            else { delete $ENV{$key} }
        }
        chdir $opt{chdir} if $opt{chdir};
        { no warnings 'exec'; exec { $cmd[0] } @cmd; }
        print STDERR "exec $cmd[0]: $!\n";
        POSIX::_exit(127);
    }

    setpgrp $pid, $pid;
    $self->{pid} = $pid;
    push @live, $self;

    return $self;
}


# Spawns a process and waits until a line of its stdout matches ready (READY);
# the match's captures are in $peer->{ready}. Dies when that line does not
# come.

sub spawn_peer (%opt) {
    my $self = spawn(%opt);
    my $ready = $opt{ready} // qr/^READY\b[ \t]*(.*)$/m;

    my $ok = wait_until(sub {
        for my $file ($self->{stdout}, $self->{stderr}) {
            if (my @found = slurp($file) =~ $ready) {
                $self->{ready} = \@found;
                return 1;
            }
        }
        return !$self->alive && -1;
    }, $opt{timeout} // 20);

    if (($ok // -1) != 1) {
        $self->stop;
        die "$self->{name} is not ready: ", substr(slurp($self->{stderr}),
            -2000), substr(slurp($self->{stdout}), -2000), "\n";
    }

    return $self;
}


sub pid ($self) { $self->{pid} }


sub output ($self) { slurp($self->{stdout}) }


sub errors ($self) { slurp($self->{stderr}) }


sub alive ($self) {
    return 0 if defined $self->{status};

    my $got = waitpid $self->{pid}, WNOHANG;
    return 1 if $got == 0;

    $self->{status} = $got > 0 ? $? : -1;
    return 0;
}


# The wait status, or undef when the time is over.

sub wait ($self, $timeout = 10) {
    wait_until(sub { !$self->alive }, $timeout);
    return $self->{status};
}


sub signal ($self, $sig) { $self->alive && kill $sig, $self->{pid} }


# Signals the group and waits; kills what is left of it after the timeout.
# Returns true if nothing had to be killed.

sub stop ($self, $sig = 'TERM', $timeout = 5) {
    my $clean = 1;

    $self->signal($sig);
    $self->signal('CONT') if $sig ne 'KILL';

    my $gone = wait_until(sub { !$self->alive && !group_alive($self->{pid}) },
                          $timeout);
    if (!$gone) {
        $clean = 0;
        kill 'KILL', -$self->{pid};
        wait_until(sub { !$self->alive && !group_alive($self->{pid}) }, 5);
    }

    @live = grep { $_ != $self } @live;

    return $clean;
}


# (state, parent, group) of a process by /proc

sub proc_stat ($pid) {
    open my $in, '<', "/proc/$pid/stat" or return;
    my $line = <$in> // return;
    return $line =~ /^\d+ \(.*\) (\S) (\d+) (\d+)/s;
}


sub pids () {
    opendir my $dir, '/proc' or die "/proc: $!\n";
    return grep { /^\d+$/ } readdir $dir;
}


sub children ($parent) {
    return sort { $a <=> $b } grep {
        my ($state, $ppid) = proc_stat($_);
        defined $ppid && $ppid == $parent && $state ne 'Z';
    } pids();
}


sub group_alive ($group) {
    return 0 if !kill 0, -$group;

    for my $pid (pids()) {
        my ($state, undef, $pgrp) = proc_stat($pid);
        return 1 if defined $pgrp && $pgrp == $group
                    && ($state ne 'Z' || threads_alive($pid));
    }

    return 0;
}


# A process whose first thread is a zombie keeps its sockets and locks until
# its other threads have ended, too.

sub threads_alive ($pid) {
    return scalar grep {
        my ($state) = slurp($_) =~ /^\d+ \(.*\) (\S) /s;
        defined $state && $state !~ /[ZX]/;
    } glob "/proc/$pid/task/*/stat";
}


sub process_title ($pid) {
    my $title = slurp("/proc/$pid/cmdline");
    $title =~ s/\0+/ /g;
    return $title =~ s/ +$//r;
}


# A signal that would end the test must not skip the END block.

for my $sig (qw(INT TERM HUP PIPE)) {
    $SIG{$sig} = sub { exit 128 + 15 } if !defined $SIG{$sig};
}


END {
    if ($$ == $owner) {
        local $?;

        for my $process (@live) {
            kill 'KILL', -$process->{pid};
        }
        for my $process (@live) {
            wait_until(sub { !$process->alive
                             && !group_alive($process->{pid}) }, 5);
        }
    }
}


1;
