#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# build/openqoe-spool: checks, prints and sends again what is in a spool, and
# changes nothing of it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Find qw(find);

use OpenQoE::Test;
use OpenQoE::NodePeer;
use OpenQoE::Peers ();

my $WRITE = tool('segment_cli');
my $TOOL = ($ENV{OPENQOE_BUILD} // '') . '/openqoe-spool';

need('t/tools/segment_cli (OPENQOE_TOOLS)' => $WRITE,
     'openqoe-spool (OPENQOE_BUILD)' => -x $TOOL);

my @VALGRIND = split ' ', $ENV{OPENQOE_VALGRIND} // '';


# --- helpers

# Makes a segment in DIR; returns the offsets of its records.

sub segment ($path, $id, $records, $items, $done = 0) {
    my ($rc, $out, $err) = run_cmd($WRITE, $path, $id, $records, $items,
                                   $done);
    is("$rc$err", '0', "the tool segment_cli makes $path") if "$rc$err" ne '0';
    return split ' ', $out;
}

# A spool of two exporters and a quarantine: 5 records of a are 10 items each
# (2 are done), 3 more in an open segment; b has 1 of 4; refused 1 of 7.  The
# open segment is where earlier versions wrote it, without a lane.

sub spool () {
    my $dir = scratch_dir('spool');
    mkdir "$dir/$_" for qw(i1 i1/a i1/a/0 i1/b i1/b/1 quarantine quarantine/a);
    write_file("$dir/i1/lock", '');
    segment("$dir/i1/a/0/0000000000000001.seg", 1, 5, 10, 2);
    segment("$dir/i1/a/0000000000000002.open", 2, 3, 10);
    segment("$dir/i1/b/1/0000000000000003.seg", 3, 1, 4);
    segment("$dir/quarantine/a/0000000000000004.seg", 4, 1, 7);
    return $dir;
}

sub names ($id, $records, $items) {
    my @names;
    for my $r (@$records) {
        push @names, map { "$id.$r.$_" } 0 .. $items - 1;
    }
    return @names;
}

my @A = (names(1, [2 .. 4], 10), names(2, [0 .. 2], 10));
my @B = names(3, [0], 4);
my @REFUSED = names(4, [0], 7);

# run(command, args): exit status, stdout, stderr

sub run (@args) {
    my ($rc, $out, $err) = run_cmd({ timeout => 60 }, @VALGRIND, $TOOL, @args);
    return ($rc eq 'timeout' ? $rc : $rc >> 8, $out, $err);
}

sub names_in ($text) { return $text =~ /\b([0-9a-f]+\.\d+\.\d+)\b/g }

sub names_are ($text, $want, $name) {
    is_deeply([sort(names_in($text))], [sort @$want], $name);
}

# The whole tree with its bytes and times.

sub state_of ($dir) {
    my %state;
    find({ no_chdir => 1, wanted => sub {
        my @st = stat $_;
        $state{$_} = -d _ ? "$st[2] $st[9]"
                          : "$st[2] $st[7] $st[9] $st[10] " . slurp($_);
    } }, $dir);
    return \%state;
}

sub patch ($path, $offset, $bytes) {
    open my $f, '+<:raw', $path or die "$path: $!\n";
    seek $f, $offset, 0;
    print $f $bytes;
    close $f or die "$path: $!\n";
}


my $DIR = spool();
my $BEFORE = state_of($DIR);


subtest 'the command line' => sub {
    my ($rc, $out, $err) = run('--help');
    is($rc, 0, '--help is no error');
    like($out, qr/^usage: openqoe-spool verify\|dump\|replay/,
         '--help says how the tool is used');
    ($rc, $out) = run('--version');
    like($out, qr/^openqoe-spool \d+\.\d+\.\d+\n\z/,
         '--version prints the version');

    my @endpoint = ('--endpoint', 'http://localhost:1');

    for my $case (
        [[], qr/^usage:/],
        [['frob', $DIR], qr/no such command "frob"/],
        [['verify'], qr/no directory or file/],
        [['verify', "$DIR/nowhere"], qr/nowhere": No such file/],
        [['verify', '--nonsense', $DIR], qr/--nonsense/],
        [['verify', '--all', $DIR], qr/--all is not an option of this/],
        [['dump', '--rate', '1m', $DIR], qr/--rate is not an option/],
        [['dump', '--from', 'yesterday', $DIR], qr/--from: .*"yesterday"/],
        [['dump', '--to', '2026-02-30T00:00:00Z', $DIR], qr/"2026-02-30T/],
        [['dump', '--to', '2026-02-20T00:00:00', $DIR], qr/"2026-02-20T/],
        [['replay', $DIR], qr/needs an --endpoint/],
        [['replay', '--endpoint', 'ftp://x', $DIR], qr/"ftp:\/\/x"/],
        [['replay', @endpoint, '--protocol', 'file', $DIR], qr/"file"/],
        [['replay', @endpoint, '--header', 'no colon', $DIR], qr/"no colon"/],
        [['replay', @endpoint, '--header', "a: b\nc: d", $DIR], qr/--header/],
        [['replay', @endpoint, '--rate', '12x', $DIR], qr/--rate: .*"12x"/],
        [['replay', @endpoint, '--compression', 'zip', $DIR], qr/"zip"/],
        [['replay', @endpoint, '--timeout', '0', $DIR], qr/--timeout/],
    ) {
        my ($args, $want) = @$case;
        ($rc, $out, $err) = run(@$args);
        is($rc, 2, "refused: @$args");
        like($err, $want, 'refused: the message says what is wrong');
    }
};


subtest 'verify' => sub {
    my ($rc, $out, $err) = run('verify', $DIR);
    is("$rc$err", '0', 'verify of a sound spool is no error');
    like($out, qr{^\Q$DIR\E/i1/a/0/0000000000000001\.seg
                  \ id=0000000000000001\ created=2023-11-14T22:13:20Z
                  \ records=5\ done=2\ items=50\ waiting=30\ bytes=\d+\ ok$}mx,
         'verify prints a line for a segment');
    like($out, qr/^total\ segments=4\ records=10\ done=2\ items=91
                  \ waiting=71\ bytes=\d+\ damaged=0\n\z/mx,
         'verify prints the sum');

    ($rc, $out) = run('verify', "$DIR/i1/a", "$DIR/i1/a/0/0000000000000001.seg");
    like($out, qr/^total segments=2 /m, 'a file that is named twice is one');
    ($rc, $out) = run('verify', '--exporter', 'b', $DIR);
    like($out, qr/^total segments=1 records=1 /m,
         'verify takes the directory of one exporter');

    my $empty = scratch_dir('empty');
    ($rc, $out) = run('verify', $empty);
    is($rc, 0, 'verify of an empty spool is no error');
    like($out, qr/^total segments=0 /,
         'verify of an empty spool counts no segment');
};


subtest 'dump' => sub {
    my ($rc, $out, $err) = run('dump', $DIR);
    is("$rc$err", '0', 'dump of a sound spool is no error');
    names_are($out, [@A, @B, @REFUSED], 'all that is not done');
    my @lines = map { decode_json_text($_) } $out =~ /^(.+)\n/mg;
    is(scalar(@lines), 8, 'dump prints a line for each record');
    is(scalar(grep { @{ $_->{resourceLogs}[0]{scopeLogs}[0]{logRecords} } }
              @lines), 8, 'each line of a dump is OTLP JSON');

    ($rc, $out) = run('dump', '--all', "$DIR/i1/a");
    names_are($out, [names(1, [0 .. 4], 10), names(2, [0 .. 2], 10)],
              'those that are done, too');

    # The records are a minute apart, from 22:13:20 on.
    for my $case (
        [['--from', '1700000180'], [names(1, [3, 4], 10)], 'seconds'],
        [['--from', '2023-11-14T22:16:20Z'], [names(1, [3, 4], 10)],
         'RFC 3339'],
        [['--from', '2023-11-14T22:16:20.000000001Z'],
         [names(1, [4], 10)], 'to the nanosecond'],
        [['--from', '2023-11-15T00:15:20+02:00', '--to', '1700000240.0'],
         [names(1, [2, 3], 10), names(2, [2], 10)], 'a span of time'],
    ) {
        my ($args, $want, $name) = @$case;
        ($rc, $out) = run('dump', @$args, "$DIR/i1/a");
        names_are($out, $want, $name);
    }
};


subtest 'damage' => sub {
    my $dir = scratch_dir('damage');
    my $file = "$dir/0000000000000005.seg";
    my @at = segment($file, 5, 4, 3);

    # Damages the payload of a record, and the header of the next but one.
    patch($file, $at[0] + 45, "\xff\xff");
    patch($file, $at[2] + 14, "\xff\xff");

    my ($rc, $out, $err) = run('verify', $file);
    is($rc, 1, 'verify exits with 1 when a segment is damaged');
    like($out, qr/DAMAGED: passed over [1-9]\d* bytes, 1 records missing, 1 of 3 items unreadable/,
         'verify says what is damaged');
    like($out, qr/damaged=1$/m, 'verify counts the damaged segment');

    ($rc, $out, $err) = run('dump', $dir);
    is($rc, 1, 'dump exits with 1 when a segment is damaged');
    like($err, qr/0000000000000005\.seg" is damaged/, 'where');
    names_are($out, [names(5, [1, 3], 3)], 'all else is there');

    $file = "$dir/0000000000000006.seg";
    @at = segment($file, 6, 3, 3);
    truncate $file, $at[2] + 50;
    ($rc, $out) = run('verify', $file);
    is($rc, 1, 'a segment that is cut off is damaged');
    rename $file, $file =~ s/seg\z/open/r;
    ($rc, $out) = run('verify', $file =~ s/seg\z/open/r);
    is($rc, 0, 'a segment that is being written may end anywhere');

    # Room that the writer has asked for and could not give back.
    $file = "$dir/000000000000000a.seg";
    segment($file, 'a', 2, 3);
    truncate $file, 100_000;
    ($rc, $out) = run('verify', $file);
    is($rc, 0, 'zeroes after the records are no damage');
    patch($file, 99_990, 'x');
    ($rc, $out) = run('verify', $file);
    is($rc, 1, 'other bytes after the records are damage');

    $file = "$dir/0000000000000007.seg";
    write_file($file, 'x' x 5000);
    ($rc, $out) = run('verify', $file);
    is($rc, 1, 'a file that is no segment is damaged');
    like($out, qr/no header/, 'verify says that such a file has no header');

    write_file("$dir/0000000000000008.open", '');
    ($rc, $out) = run('verify', "$dir/0000000000000008.open");
    is($rc, 0, 'a file that was just made is no damage');

    # Links are followed only where they are named.
    symlink "$DIR/i1/a/0/0000000000000001.seg", "$dir/0000000000000009.seg";
    ($rc, $out) = run('verify', $dir);
    unlike($out, qr/0000000000000009/, 'a link in a directory is not followed');
    ($rc, $out) = run('verify', "$dir/0000000000000009.seg");
    is($rc, 0, 'a link that is named is followed');
};


# The rest sends to servers in Node, which not every machine has.

my ($node, $reason) = OpenQoE::Peers::path_of('node.sh');

if (!defined $node) {
    SKIP: { skip($reason, 1) }
    done_testing;
    exit;
}

my $GRPC = OpenQoE::NodePeer->new('grpc_server.js')->start;
my $HTTP = OpenQoE::NodePeer->new('http_server.js')->start;

sub peer_file ($peer) {
    my $text = slurp($peer->file);
    truncate $peer->file, 0;
    return $text;
}


subtest 'replay' => sub {
    for my $case (
        ['grpc', $GRPC, []],
        ['grpc', $GRPC, ['--compression', 'gzip']],
        ['http/protobuf', $HTTP, []],
        ['http/json', $HTTP, ['--compression', 'gzip']],
    ) {
        my ($protocol, $peer, $args) = @$case;
        my ($rc, $out, $err) = run(
            'replay', '--endpoint', $peer->url . '/', '--protocol', $protocol,
            '--header', 'X-Scope-OrgID: t 1', @$args, $DIR);

        is($rc, 0, "$protocol @$args: all records are taken") or diag $err;
        like($out, qr/^sent=64 rejected=0 refused=0 damaged=0 unsent=0 requests=7 /,
             'the final line has the sums');
        like($err, qr/1 segments of the quarantine are left out/,
             'the quarantine is not replayed');
        like($err, qr/several exporters \(a, b\)/,
             'a warning names the exporters of a spool with two');
        names_are(peer_file($peer), [@A, @B], 'all arrived');
        my $headers = $peer->stats->{headers};
        is($headers->{'x-scope-orgid'}, 't 1',
           'a header that was given is sent');
        is($headers->{'grpc-encoding'} // $headers->{'content-encoding'},
           @$args ? 'gzip' : undef, 'the compression that was given is used');
    }

    my @to = ('--endpoint', $GRPC->url);
    my ($rc, $out, $err) = run('replay', @to, '--exporter', 'a',
                               '--quarantine', $DIR);
    is("$rc$err", '0', 'a spool of one exporter gives no warning');
    names_are(peer_file($GRPC), [@A, @REFUSED], 'with its quarantine');

    run('replay', @to, "$DIR/quarantine/a");
    names_are(peer_file($GRPC), \@REFUSED, 'the quarantine, by its path');

    run('replay', @to, '--from', '1700000240', "$DIR/i1");
    names_are(peer_file($GRPC), [names(1, [4], 10)], 'of some time');
};


subtest 'replay: records that the collector does not take' => sub {
    my @to = ('--endpoint', $GRPC->url);

    $GRPC->mode(mode => 'status', code => 3, message => 'not so');
    my ($rc, $out, $err) = run('replay', @to, "$DIR/i1/b");
    is($rc, 1, 'refused records make the replay fail');
    like($out, qr/^sent=0 rejected=0 refused=4 /,
         'refused records are counted');
    like($err, qr/refused ".*0003\.seg", record 0, 4 items: .*not so/,
         'refused records are listed');

    $GRPC->mode(mode => 'partial', rejected => 3, message => 'bad ones');
    ($rc, $out, $err) = run('replay', @to, "$DIR/i1/b");
    is($rc, 1, 'rejected records make the replay fail');
    like($out, qr/^sent=1 rejected=3 refused=0 /,
         'rejected records are counted');
    like($err, qr/rejected ".*", record 0, 3 of 4 items: .*bad ones/,
         'rejected records are listed');

    $GRPC->mode(mode => 'status', code => 14, message => 'later');
    my $start = time;
    ($rc, $out, $err) = run('replay', @to, '--max-time', '2500ms',
                            "$DIR/i1/a");
    cmp_ok(time - $start, '<', 40, 'a replay with a time limit ends in time');
    is($rc, 1, 'records that were not taken make the replay fail');
    like($out, qr/^sent=0 .* unsent=60 /,
         'records that were not taken are counted');
    like($err, qr/not finished in time: .*later/, 'the message has the reason');
    like($err, qr/^segment \d of 2, sent 0, .*trying again: .*later$/m,
         'the progress is printed once a second');

    # The collector comes back.

    peer_file($GRPC);
    my $process = spawn(cmd => [$TOOL, 'replay', @to, '--max-time', '60s',
                                "$DIR/i1/a"], name => 'replay');
    $GRPC->wait_requests($GRPC->stats->{requests} + 1);
    $GRPC->mode(mode => 'ok');
    is($process->wait(30), 0,
       'the replay tries again until the collector takes the records');
    names_are(peer_file($GRPC), \@A, 'all arrived once');
};


subtest 'replay: rate and damage' => sub {
    my $dir = scratch_dir('rate');
    my $file = "$dir/0000000000000005.seg";
    my @at = segment($file, 5, 6, 20);
    my $rate = int((-s $file) / 2);

    my $start = time;
    my ($rc, $out) = run('replay', '--endpoint', $GRPC->url, '--rate', $rate,
                         $dir);
    is($rc, 0, 'a replay with a rate succeeds');
    cmp_ok(time - $start, '>', 1.3, 'a replay keeps to its rate');
    peer_file($GRPC);

    patch($file, $at[3] + 60, "\xff\xff\xff");
    ($rc, $out) = run('replay', '--endpoint', $GRPC->url, $dir);
    is($rc, 1, 'damage makes the replay fail');
    like($out, qr/^sent=100 rejected=0 refused=0 damaged=20 /,
         'damaged records are counted');
    names_are(peer_file($GRPC), [names(5, [0 .. 2, 4, 5], 20)],
              'all else arrived');
};


# nginx is at work: while the tool reads, a segment is finished, and others are
# gone.

subtest 'files that vanish' => sub {
    my $dir = spool();
    my $slow = "$dir/i1/a/0000000000000000.seg";
    segment($slow, 0, 40, 100);

    my $process = spawn(cmd => [$TOOL, 'replay', '--endpoint', $GRPC->url,
                                '--rate', (-s $slow) / 2 | 0, "$dir/i1/a"],
                        name => 'replay', stdout => "$dir/out");
    ok(wait_until(sub { slurp($GRPC->file) =~ /\b0\.0\.99\b/ }, 10),
       'the replay has begun');
    unlink "$dir/i1/a/0/0000000000000001.seg" or die;
    rename "$dir/i1/a/0000000000000002.open", "$dir/i1/a/0000000000000002.seg";

    is($process->wait(30), 0, 'a replay of a spool in use is no error');
    my @got = names_in(peer_file($GRPC));
    is(scalar(grep { /^2\./ } @got), 30, 'a finished segment is replayed');
    is(scalar(grep { /^0\./ } @got), 4000,
       'the segment being written is replayed');
};


is_deeply(state_of($DIR), $BEFORE,
          'the tool leaves every byte of the spool as it was');

done_testing;
