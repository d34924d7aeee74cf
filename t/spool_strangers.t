# Whatever stands in the spool's directory under a segment's name (links,
# FIFOs, sockets, directories, files of another owner or of any size): requests
# are accepted all the same, whatever 202 promises, and each such file is
# counted once.

use lib 't/lib';
use Cwd qw(getcwd);
use IO::Socket::UNIX;
use OpenQoE::Faults;
use OpenQoE::Test;
use POSIX qw(mkfifo);

need(receiver => tool('receiver'));


# Root makes these files where root runs the tests, and the workers are not
# root: they cannot open the last two.

sub strangers ($dir, $n) {
    my @path = map { sprintf '%s/%016x.seg', $dir, $n + $_ } 0 .. 6;
    my $here = getcwd;

    symlink '/etc/passwd', $path[0] or die $!;
    symlink 'nowhere', $path[1] or die $!;
    mkfifo($path[2], 0600) or die $!;
    mkdir $path[3] or die $!;

    chdir $dir or die $!;
    IO::Socket::UNIX->new(Local => $path[4] =~ s{.*/}{}r) or die $!;
    chdir $here or die $!;

    write_file($path[5], 'x');
    truncate $path[5], 3 * 2**30 or die $!;
    write_file($path[6], 'not for the workers');
    chmod 0, $path[6];

    # A file whose name is not the spool's business.

    mkfifo("$dir/x$n.seg", 0600) or die $!;
    return scalar @path;
}


for my $ack (qw(memory spool fsync)) {
    my $f = OpenQoE::Faults->new(ack => $ack,
        main => $> == 0 ? 'user nobody nogroup;' : '');

    $f->start->receiver->mode('status 503');
    is($f->status, 202, "$ack: events are accepted");
    ok(wait_until(sub { $f->dest->{spooled} == 5 }, 10),
       "$ack: the events are in the spool");

    # These go into a directory that is in use, and that the next helper reads.

    my ($home) = glob $f->spool_dir . '/*-*/default/0';
    my $n = strangers($home, 1);

    $f->nginx->kill_worker;
    ok(wait_until(sub {
        my $dest = $f->dest;
        return $f->status == 202 && $dest->{queued} == 0 ? $dest : 0;
    }, 15), "$ack: another helper goes on");
    my @statuses = map { select undef, undef, undef, 0.3; $f->status } 1 .. 8;
    is("@statuses", join(' ', (202) x 8), "$ack: requests are accepted");
    ok(wait_until(sub { $f->dest->{queued} == 0 }, 10),
       "$ack: these requests are in the spool");

    # The next start adopts that directory, with more strangers.

    ok($f->nginx->stop, "$ack: nginx exits by itself");
    $n += strangers($home, 100);
    $f->start;
    ok(wait_until(sub { $f->dest->{spool}{strangers} > 0 }, 15),
       "$ack: the next start meets the strangers");
    @statuses = map { select undef, undef, undef, 0.3; $f->status } 1 .. 8;
    is("@statuses", join(' ', (202) x 8), "$ack: requests are accepted then");

    $f->receiver->mode('ok');
    $f->settled($ack);

    my $spool = $f->dest->{spool};
    is($spool->{errors}, 0, "$ack: no call of the spool's has failed");
    ok(!$spool->{failing}, "$ack: the spool does not fail");
    my $health = decode_json_text(http_get($f->nginx->port,
                                           '/v2/health')->{body});
    is($health->{dependencies}{spool}{status}, 'healthy',
       "$ack: the spool is healthy");

    my @lines = grep { /is not a segment/ } split /\n/, $f->nginx->error_log;
    cmp_ok(scalar(@lines), '>=', 1, "$ack: the strangers are reported");
    cmp_ok(scalar(@lines), '<=', $n,
           "$ack: each stranger is reported once at most");
    is(scalar(grep { /spool: cannot/ } split /\n/, $f->nginx->error_log), 0,
       "$ack: the log has no failed call of the spool");

    $f->end(allow => $OpenQoE::Faults::killed);
    my @left = map { s{.*/}{}r } glob "$home/*.seg";
    is("@left", 'x1.seg x100.seg', "$ack: files of foreign names stay");
}

done_testing;
