package Bench::Proc;

# Copyright (C) OpenQoE
#
# What Linux tells in /proc: CPU time of a process by thread, its memory, the
# load of a core, the machine.

use v5.36;

use Exporter qw(import);
use POSIX ();

use OpenQoE::Process qw(slurp run_cmd);

our @EXPORT_OK = qw(thread_cpu threads_cpu memory core_ticks machine versions ticks_rate);

use constant HELPER => 'openqoe';


sub ticks_rate () { POSIX::sysconf(POSIX::_SC_CLK_TCK()) }


# Seconds of CPU so far: { loop, helper } or undef for helper when there is no
# such thread.  Helpers of the helper (libcurl's resolver) have its name.

sub thread_cpu ($pid) {
    my %cpu = (loop => 0, helper => undef);

    for my $path (glob "/proc/$pid/task/*/stat") {
        my ($tid, $name, $rest) = slurp($path) =~ /^(\d+) \((.*)\) (.*)/s
            or next;
        my @field = split ' ', $rest;
        my $seconds = ($field[11] + $field[12]) / ticks_rate();

        if ($name eq HELPER) { $cpu{helper} += $seconds }
        elsif ($tid == $pid) { $cpu{loop} += $seconds }
    }

    return \%cpu;
}


# The same of several processes together.

sub threads_cpu (@pids) {
    my %sum = (loop => 0, helper => undef);

    for my $cpu (map { thread_cpu($_) } @pids) {
        $sum{loop} += $cpu->{loop};
        $sum{helper} += $cpu->{helper} if defined $cpu->{helper};
    }

    return \%sum;
}


# MB: the process' peak, the shared memory (the zone) it has touched, and what
# is its alone

sub memory ($pid) {
    my $status = slurp("/proc/$pid/status");
    my ($peak) = $status =~ /^VmHWM:\s+(\d+) kB/m;
    my ($shared) = $status =~ /^RssShmem:\s+(\d+) kB/m;

    my ($anon) = $status =~ /^RssAnon:\s+(\d+) kB/m;

    return { peak => ($peak // 0) / 1024, shared => ($shared // 0) / 1024,
             anon => ($anon // 0) / 1024 };
}


# Ticks of a core: { busy, stolen }; busy is everything but idle and waiting

sub core_ticks ($core) {
    my ($line) = slurp('/proc/stat') =~ /^cpu$core (.*)$/m
        or die "no CPU $core in /proc/stat\n";
    my ($user, $nice, $system, $idle, $wait, $irq, $soft, $steal) =
        split ' ', $line;

    return { busy => $user + $nice + $system + $irq + $soft,
             stolen => $steal // 0 };
}


sub machine () {
    my $info = slurp('/proc/cpuinfo');
    my ($model) = $info =~ /^model name\s*:\s*(.*)$/m;
    my $cores = () = $info =~ /^processor\s*:/mg;
    my ($total) = slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;
    my ($os) = slurp('/etc/os-release') =~ /^PRETTY_NAME="?([^"\n]*)/m;
    my (undef, undef, $kernel, undef, $arch) = POSIX::uname();

    return { cores => $cores, model => $model // $arch, kernel => $kernel,
             memory => sprintf('%.1f GB', $total / 1024 / 1024),
             os => $os // 'unknown' };
}


# The first match of a pattern in what a command prints, or "unknown".

sub said ($pattern, @cmd) {
    my ($rc, $out, $err) = run_cmd(@cmd);
    return "$out$err" =~ $pattern ? $1 : 'unknown';
}


# Of the first that is installed: since 2024 Debian has some libraries under
# another name, for the size of time_t.

sub package_version (@names) {
    my @versions = grep { $_ ne 'unknown' }
        map { said(qr/^(\S+)/, 'dpkg-query', '-W', '-f', '${Version}', $_) }
        @names;
    return $versions[0] // 'unknown';
}


sub versions ($nginx) {
    my ($version) = slurp('src/nginx/ngx_http_openqoe.h')
        =~ /NGX_HTTP_OPENQOE_VERSION\s+"([^"]+)"/;
    my $commit = said(qr/^([0-9a-f]+)$/m, 'git', 'rev-parse', '--short',
                      'HEAD');
    my ($rc, $changed) = run_cmd('git', 'status', '--porcelain', '--', 'src',
                                 'proto', 'config',
                                 'ngx_http_openqoe_module.c');

    $commit = "commit $commit" if $commit ne 'unknown';
    $commit .= ' with changes' if $changed =~ /\S/;

    return [ [ 'module', ($version // 'unknown') . " ($commit)" ],
             [ 'nginx', said(qr{nginx/(\S+)}, $nginx, '-v') ],
             [ 'libcurl', package_version('libcurl4', 'libcurl4t64') ],
             [ 'jansson', package_version('libjansson4') ],
             [ 'protobuf-c', package_version('libprotobuf-c1') ],
             [ 'zlib', package_version('zlib1g') ],
             [ 'ISA-L', package_version('libisal2') ],
             [ 'libc', package_version('libc6') ],
             [ 'gcc', said(qr/^gcc.* (\S+)$/m, 'gcc', '--version') ],
             [ 'wrk', said(qr/wrk (\S+)/, 'wrk', '-v') ] ];
}


1;
