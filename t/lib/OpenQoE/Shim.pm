package OpenQoE::Shim;

# Copyright (C) OpenQoE
#
# t/shim/shim.c for one nginx: its disk fails, its clock jumps, its host gets
# another name, its kernel says something else of connections.
#
#     my $shim = OpenQoE::Shim->new;
#     my $nginx = OpenQoE::Nginx->new(env => $shim->env, ...);
#     $shim->fail(EIO, [qw(write sync)], $dir);
#     $shim->heal;
#     $shim->clock(3600);
#     $shim->host('edge-2');
#     $shim->tcp(rtt_ms => 7, retransmits => 3, busy_ms => 5000);

use v5.36;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More ();

use OpenQoE::Process qw(run_cmd scratch_dir);

my %BIT = (write => 1, sync => 2, create => 4, rename => 8, unlink => 16,
           half => 32);


# Builds the shim once a test; skips the test where it cannot be built.

sub new ($class) {
    state $so = build();
    my $dir = scratch_dir('shim');
    my $self = bless { so => $so, file => "$dir/state", clock => 0,
                       error => 0, what => 0, path => '' }, $class;
    $self->write;
    return $self;
}


# The sanitizers have a preload of their own.

sub usable ($class) { !$ENV{OPENQOE_SANITIZE} }


sub build () {
    Test::More::plan(skip_all => 'the sanitizers have a preload of their own')
        if !__PACKAGE__->usable;

    my $source = dirname(abs_path(__FILE__)) . '/../../shim/shim.c';
    my $so = scratch_dir('preload') . '/shim.so';
    my ($rc, undef, $err) = run_cmd('gcc', '-std=gnu11', '-O1', '-fPIC',
        '-shared', '-W', '-Wall', '-o', $so, $source, '-ldl');

    die "shim.c: $err\n" if $rc ne '0' || $err ne '';
    return $so;
}


sub env ($self) {
    my %env = (LD_PRELOAD => $self->{so}, OPENQOE_SHIM => $self->{file});
    $env{OPENQOE_SHIM_HOST} = "$self->{file}.host" if $self->{host};
    $env{OPENQOE_SHIM_TCP} = "$self->{file}.tcp" if $self->{tcp};
    return \%env;
}


# What the kernel says of every connection, whatever that is; to be called
# before env, too.  The places are those of struct tcp_info.

sub tcp ($self, %says) {
    my $info = "\0" x 256;

    substr $info, 68, 4, pack 'L<', 1000 * ($says{rtt_ms} // 1);
    substr $info, 100, 4, pack 'L<', $says{retransmits} // 0;
    substr $info, 168, 8, pack 'Q<', 1000 * ($says{busy_ms} // 0);

    $self->{tcp} = 1;
    my $path = "$self->{file}.tcp";
    open my $out, -e $path ? '+<' : '>', $path or die "$path: $!\n";
    syswrite $out, $info;
    close $out;
    return $self;
}


# Sets the host name; to be called before env, too.

sub host ($self, $name) {
    $self->{host} = $name;
    open my $out, '>', "$self->{file}.host" or die "$self->{file}: $!\n";
    print {$out} $name;
    close $out;
    return $self;
}


# Written in place, because the file is mapped.

sub write ($self) {
    my $ms = sprintf '%.0f', $self->{clock} * 1000;
    my $bytes = pack 'q< l< L< Z4080', $ms, @$self{qw(error what path)};

    open my $out, -e $self->{file} ? '+<' : '>', $self->{file}
        or die "$self->{file}: $!\n";
    syswrite $out, $bytes;
    close $out;
    return $self;
}


sub fail ($self, $error, $what, $path) {
    $self->{what} = 0;
    $self->{what} |= $BIT{$_} // die "$_: no such call\n" for @$what;
    @$self{qw(error path)} = ($error, $path);
    return $self->write;
}


sub heal ($self) {
    @$self{qw(error what)} = (0, 0);
    return $self->write;
}


# Sets the clock so many seconds off the real one from now on, down to a
# millisecond.

sub clock ($self, $seconds) {
    $self->{clock} = $seconds;
    return $self->write;
}


1;
