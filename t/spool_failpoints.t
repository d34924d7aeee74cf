# Kill -9 at every place between an action and its report, by the build with
# failpoints (build.sh test makes it).  OPENQOE_LONG=1: more passes, each at
# another hit.

use lib 't/lib';
use OpenQoE::Faults qw(long $killed);
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'));

my $so = ($ENV{OPENQOE_BUILD} // 'build')
         . '/failpoints/ngx_http_openqoe_module.so';
need('build/failpoints' => -e $so);
plan(skip_all => 'the module under sanitizers has no failpoints')
    if $ENV{OPENQOE_SANITIZE};
$ENV{TEST_NGINX_OPENQOE_MODULE} = $so;

my $passes = long(1, 10);

# The collector's mood makes the process reach that point.

my @points = (
    ['put.publish', 'ok'], ['intake.apply', 'ok'],
    ['feed.send', 'ok'], ['feed.acked', 'ok'], ['feed.release', 'ok'],
    ['feed.stored', 'ok'], ['feed.stored', 'status 503'],
    ['feed.release', 'status 503'],
    ['segment.create', 'status 503'], ['segment.append', 'status 503'],
    ['segment.appended', 'status 503'], ['spool.sync', 'ok'],
    ['segment.append', 'ok'], ['segment.appended', 'ok'],
    ['spool.done', 'ok'], ['spool.unlink', 'ok'],
);


# The environment variable names a file that is read at each hit.

sub scenario ($ack, %opt) {
    my $dir = scratch_dir('failpoints');
    my $file = "$dir/armed";
    write_file($file, '');
    chmod 0755, $dir;

    my $f = OpenQoE::Faults->new(ack => $ack, zone => 'qoe:16m',
        spool => 'max_size=64m segment_size=1m sync=200ms',
        env => { OPENQOE_FAILPOINTS => $file }, %opt);
    return ($f, sub ($text) {
        write_file("$file.new", $text);
        rename "$file.new", $file or die "rename: $!\n";
    });
}


sub deaths ($f) { scalar(() = $f->nginx->error_log =~ /exited on signal 9/g) }


# Lets a load run, if the last one is over.

sub loading ($f) {
    state $load;
    state $of = '';

    if ($of ne $f || !$load->alive) {
        $f->loaded;
        $load = $f->load(d => 12, c => 8, r => 150);
        $of = $f;
    }
}


# Arms the failpoint, waits until a process died of it, lets the collector take
# events again.

sub die_at ($f, $arm, $point, $mood, $after) {
    my $before = deaths($f);

    $f->receiver->mode($mood);
    $arm->("$point kill $after\n");
    my $died = wait_until(sub { deaths($f) > $before }, 4);

    # What earlier outages left may have been sent: another outage, until there
    # is something in the spool again.

    for (1 .. 3) {
        last if $died;
        loading($f);
        $f->receiver->mode('status 503');
        wait_until(sub { ($f->dest // {})->{spooled} });
        $f->receiver->mode($mood);
        $died = wait_until(sub { deaths($f) > $before }, 4);
    }

    $arm->('');
    $f->receiver->mode('ok');

    return $died;
}


for my $ack (qw(memory fsync)) {
    my ($f, $arm) = scenario($ack);

    $f->start;

    for my $pass (1 .. $passes) {
        for my $row (@points) {
            my ($point, $mood) = @$row;

            # Without acknowledgement the spool is at rest while the collector
            # takes events.
            next if $ack eq 'memory' && $mood eq 'ok'
                    && $point =~ /^(?:segment|spool\.sync|feed\.stored)/;

            loading($f);
            ok(die_at($f, $arm, $point, $mood,
                      $point =~ /create|done|unlink/ ? 0
                      : $passes > 1 ? int rand 5 : $point =~ /^feed/ ? 1 : 0),
               "$ack: killed at $point, the collector says $mood");
            $f->sample;
            wait_until(sub { $f->nginx->worker_pids == 2 }, 5);
        }
    }

    $f->halt;
    $f->settled("$ack: killed at each failpoint", timeout => 60,
                duplicates => deaths($f) * 2 * 4 * 512);
    $f->end(allow => $killed);
}

# Between two segments that are moved from an instance that has ended.

{
    my ($f, $arm) = scenario('spool', workers => 1);

    $f->receiver->mode('status 503');
    $f->start;
    $f->load(d => 4, c => 8, r => 300);
    wait_until(sub { $f->segments >= 2 }, 30);
    $f->kill_all;
    $f->halt;

    cmp_ok(scalar($f->segments), '>=', 2, 'several segments are left');
    $arm->("spool.adopt kill 0\n");
    $f->start;
    ok(wait_until(sub { deaths($f) >= 1 }, 10),
       'a process is killed while it moves segments');
    $arm->('');
    $f->receiver->mode('ok');
    $f->settled('killed during an adoption', timeout => 60);
    $f->end(allow => $killed);
}

# An action other than a kill: an error of the disk at one place, once.

for my $row (['segment.create', 'status 503'], ['segment.append', 'status 503'],
             ['spool.sync', 'ok'])
{
    my ($point, $mood) = @$row;
    my ($f, $arm) = scenario('fsync', workers => 1);

    $f->start;
    $f->receiver->mode($mood);
    $arm->("$point error=5\n");
    $f->load(d => 3, c => 8, r => 200);
    wait_until(sub { (($f->dest // {})->{spool}{errors} // 0) >= 1 }, 30);
    $f->receiver->mode('ok');
    $f->settled("an error at $point", timeout => 60);
    cmp_ok($f->dest->{spool}{errors}, '>=', 1, 'the error is counted');
    $f->end(allow => qr/\[crit\].*spool|Input\/output error/);
}

done_testing;
