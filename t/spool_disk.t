# Disks that fail: full, read-only, with I/O errors.  Acknowledged requests are
# refused while it lasts, others go on; it heals without a restart.

use lib 't/lib';
use Errno qw(EIO ENOSPC EROFS);
use OpenQoE::Faults;
use OpenQoE::Shim;
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'));

# what the module says of the disk, at most once a second
my $said = qr{\[(?:error|crit|alert)\].*spool: cannot};

my $both = 'location = /v2/memory { openqoe_events; openqoe_ack memory; }';


# A request to the location without acknowledgement

sub memory_status ($f) {
    my $events = batch(2);
    my $answer = http_post($f->nginx->port, '/v2/memory', batch_json($events));
    $f->oracle->note($events, $answer);
    return $answer ? $answer->{status} : 'none';
}


# Refused with Retry-After and nothing taken, while memory mode goes on and
# arrives; then well again.

sub fails_and_heals ($f, $name, $break, $heal) {
    is($f->status, 202, "$name: a request is acknowledged at first");
    $break->();

    my $answer;
    ok(wait_until(sub { $answer = $f->post; $answer->{status} == 503 }, 10),
       "$name: a request is refused once the disk fails");
    like($answer->{headers}{'retry-after'} // '', qr/^\d+$/,
         "$name: the refusal has Retry-After");

    my @statuses = map { $f->status } 1 .. 3;
    is("@statuses", '503 503 503', "$name: every request is refused");

    for (1 .. 3) {
        is(memory_status($f), 202, "$name: ack=memory goes on");
        sleep 0.2;
    }

    ok(wait_until(sub {
        $f->wait_delivered(0);
        return !$f->oracle->report->{missing};
    }, 10), "$name: events of ack=memory are delivered");

    my $dest = $f->dest;
    cmp_ok($dest->{spool}{errors}, '>', 0, "$name: the errors are counted");
    my $health = decode_json_text(http_get($f->nginx->port,
                                           '/v2/health')->{body});
    isnt($health->{status}, 'healthy',
         "$name: the health shows that the spool fails");
    my @lines = grep { /$said/ } split /\n/, $f->nginx->error_log;
    cmp_ok(scalar(@lines), '>', 0, "$name: the log says that the spool fails");

    $heal->();
    ok(wait_until(sub { $f->status == 202 }, 15),
       "$name: the spool heals by itself");
    ok(wait_until(sub { http_get($f->nginx->port, '/v2/health?ready')->{status}
                        == 200 }, 15), "$name: the health is ready again");
}


for my $row ([EIO, [qw(write)], 'write'], [EIO, [qw(sync)], 'fdatasync'],
             [EROFS, [qw(write create sync rename unlink)], 'read-only'],
             [ENOSPC, [qw(write create half)], 'no space, half written'])
{
    last if !OpenQoE::Shim->usable;

    my ($errno, $calls, $name) = @$row;
    my $shim = OpenQoE::Shim->new;
    my $f = OpenQoE::Faults->new(ack => 'fsync', env => $shim->env,
                                 location => $both)->start;

    fails_and_heals($f, $name, sub { $shim->fail($errno, $calls,
                                                 $f->spool_dir) },
                    sub { $shim->heal });
    $f->settled($name);
    $f->end(allow => $said);
}

# The same errors while the spool is in use for an outage, under load

if (OpenQoE::Shim->usable) {
    my $shim = OpenQoE::Shim->new;
    my $f = OpenQoE::Faults->new(ack => 'spool', zone => 'qoe:16m',
                                 env => $shim->env, location => $both,
                                 spool => 'max_size=64m segment_size=1m')
        ->start;
    my $load = $f->load(d => 10, c => 8, r => 300);
    my @calls = (['write'], ['sync'], ['create'], ['rename', 'unlink'],
                 ['write', 'half']);

    $f->meanwhile($load, sub ($i) {
        $f->receiver->mode($i % 2 ? 'ok' : 'status 503');
        $shim->fail(EIO, $calls[$i / 2 % 5], $f->spool_dir);
        sleep 0.4;
        $shim->heal;
    }, 1.2);

    $shim->heal;
    $f->receiver->mode('ok');
    $f->settled('errors in an outage', timeout => 60);
    $f->end(allow => $said);
}

# A small file system of its own, really full

SKIP: {
    skip('not root', 1) if $> != 0;

    my $f = OpenQoE::Faults->new(ack => 'spool', location => $both,
                                 main => 'user nobody nogroup;');
    my $dir = $f->spool_dir;

    mkdir $dir;
    my ($rc, undef, $err) = run_cmd('mount', '-t', 'tmpfs', '-o',
                                    'size=3m,mode=0700,uid='
                                    . getpwnam('nobody'), 'openqoe', $dir);
    skip("no file system of our own: $err", 1) if $rc ne '0';
    my $mounted = OpenQoE::Mounted->new($dir);

    $f->start;
    fails_and_heals($f, 'full', sub {
        system "head -c 4m /dev/zero > $dir/filler 2> /dev/null";
    }, sub { unlink "$dir/filler" });
    $f->settled('a full file system');

    # filled by the spool itself: its cap is more than there is

    $f->receiver->mode('status 503');
    my $load = $f->load(d => 5, c => 8, r => 400);
    $f->meanwhile($load, sub ($i) { });
    like($load->output, qr/refused_events [1-9]/,
         'the spool fills the disk and refuses events');
    $f->receiver->mode('ok');
    $f->settled('filled by the spool', timeout => 60);

    SKIP: {
        my ($ro) = run_cmd('mount', '-o', 'remount,ro', $dir);
        skip('files are open for writing: no remount', 1) if $ro ne '0';
        ok(wait_until(sub { $f->status == 503 }, 10),
           'on a disk remounted read-only requests are refused');
        run_cmd('mount', '-o', 'remount,rw', $dir);
        ok(wait_until(sub { $f->status == 202 }, 15),
           'once the disk is writable requests are acknowledged');
        $f->settled('remounted');
    }

    $f->end(allow => $said);
}

done_testing;


package OpenQoE::Mounted;

sub new ($class, $dir) { bless { dir => $dir, pid => $$ }, $class }

sub DESTROY ($self) {
    local $?;
    system 'umount', '-l', $self->{dir} if $self->{pid} == $$;
}
