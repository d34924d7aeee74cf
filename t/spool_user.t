# The directive `user` changes: by a reload under load, and over a restart.  The
# new workers have the spool and the file of an exporter, and nothing is refused
# or lost on the way.

use lib 't/lib';
use OpenQoE::Faults;
use OpenQoE::Test;

need(load => tool('load'), receiver => tool('receiver'),
     'root' => $> == 0);

my @users = ('nobody nogroup', 'daemon daemon');


sub user ($i) { "user $users[$i % 2];" }

sub owners ($dir) {
    my %uids;

    open my $find, '-|', 'find', $dir, '-printf', '%U\n' or die $!;
    $uids{s/\s+//gr}++ while <$find>;
    return join ' ', map { scalar getpwuid $_ } sort keys %uids;
}


for my $ack (qw(memory spool fsync)) {
    my $f = OpenQoE::Faults->new(ack => $ack, zone => 'qoe:16m',
                                 main => user(0));
    my $nginx = $f->nginx;

    $f->start->receiver->mode('status 503');
    is($f->status(50), 202, "$ack: events are accepted");

    my $load = $f->load(d => 600, c => 8, r => 200);
    my $done = 0;

    # One reload with the spool in use by an outage, the next while the spool
    # is replayed, and so on.

    $f->meanwhile($load, sub ($i) {
        return $load->signal('TERM') if $i >= 5;
        $f->config(main => user($i + 1));
        $done += $nginx->reload ? 1 : 0;
        $f->receiver->mode($i % 2 ? 'status 503' : 'ok');
    }, 1.5);

    $f->receiver->mode('ok');
    is($done, 5, "$ack: nginx reloads five times with another user");
    like($load->output, qr/ refused_events 0\b/, "$ack: no event was refused");
    like($load->output, qr/ late 0$/m, "$ack: no request waited in vain");

    is($f->status(20), 202, "$ack: the new workers accept events");
    $f->settled("$ack: reloads with another user", timeout => 60);
    is($f->dest->{spool}{strangers}, 0, "$ack: no segment became a stranger");
    is($f->dest->{spool}{errors}, 0, "$ack: no call of the spool's failed");

    # A restart, with segments and a quarantine of the old user.

    $f->receiver->mode('status 503');
    is($f->status(30), 202, "$ack: events are accepted before a restart");
    ok($nginx->stop, "$ack: nginx exits by itself");
    ok(scalar $f->segments, "$ack: the exit leaves segments");
    my $i = owners($f->spool_dir) eq 'nobody' ? 0 : 1;
    is(owners($f->spool_dir), (split ' ', $users[$i])[0],
       "$ack: all files belong to the user of the last workers");
    $f->config(main => user($i + 1));
    $f->receiver->mode('ok');
    $f->start;
    $f->settled("$ack: a restart as another user", timeout => 60);
    $f->end;
}

# A directory that is no spool, or that is open to others, is not given away.

for my $case (['more than a spool', 0755, sub ($dir) {
                   write_file("$dir/mail", 'yours') }],
              ['open to others', 0777, sub ($dir) { }])
{
    my ($name, $mode, $make) = @$case;
    my $f = OpenQoE::Faults->new(ack => 'memory', main => user(0));

    mkdir $f->spool_dir or die $!;
    $make->($f->spool_dir);
    chmod $mode, $f->spool_dir;
    $f->start;
    is((stat $f->spool_dir)[4], 0, "$name: the directory stays root's");
    like($f->nginx->error_log, qr/another user.*and stays so/,
         "$name: the log says that the directory stays root's");
    ok($f->nginx->stop, "$name: nginx exits in order");
    $f->receiver->stop;
}

# A link in the old user's tree is not followed.

{
    my $f = OpenQoE::Faults->new(ack => 'memory', main => user(0));
    my $mine = scratch_dir('mine') . '/file';

    write_file($mine, 'root');
    $f->start->receiver->mode('status 503');
    is($f->status, 202, 'events are accepted');
    ok(wait_until(sub { $f->dest->{spooled} == 5 }, 10),
       'the events are in the spool');
    my ($home) = glob $f->spool_dir . '/*-*/default/0';
    symlink $mine, "$home/link" or die $!;
    link $mine, "$home/hard" or die $!;

    $f->config(main => user(1));
    ok($f->nginx->reload, 'nginx reloads');
    is((stat $mine)[4], 0, "root's file stays root's");
    is((stat $home)[4], getpwnam('daemon'),
       "the spool's directory becomes the workers'");
    unlink "$home/link", "$home/hard";
    $f->receiver->mode('ok');
    $f->settled('links in the spool');
    $f->end;
}

# The file of an exporter.

{
    my $nginx = OpenQoE::Nginx->new(main => user(0), workers => 1)->start;
    my $oracle = OpenQoE::Oracle->new;

    for my $i (1 .. 3) {
        my $events = batch(10);

        $oracle->note($events, http_post($nginx->port, '/v2/events',
                                         batch_json($events)));
        $oracle->wait_delivered($nginx->out_file);
        $nginx->write_config(main => user($i));
        ok($nginx->reload(old => 1), "nginx reloads, number $i");
    }

    my $events = batch(10);
    $oracle->note($events, http_post($nginx->port, '/v2/events',
                                     batch_json($events)));
    is($oracle->wait_delivered($nginx->out_file)->{missing}, 0,
       'the file of an exporter goes on with each user');
    ok($nginx->stop, 'nginx exits in order');
    $nginx->no_errors;
}

done_testing;
