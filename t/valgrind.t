# Memory under valgrind: nginx lives through requests and reloads, once and
# three times as many.  What the module's frames lose or leave must not grow,
# and none of them reads or writes memory that is not theirs. nginx itself
# leaves its last cycle to the end of the process, libraries their globals, so
# only blocks whose stack has a frame of this module count.

use lib 't/lib';
use IO::Compress::Gzip qw(gzip);
use OpenQoE::NodePeer;
use OpenQoE::Peers qw(program);
use OpenQoE::Test;

my $valgrind = program('valgrind');
need(valgrind => $valgrind);
plan(skip_all => 'valgrind and sanitizers exclude each other')
    if $ENV{OPENQOE_SANITIZE};

# Everything is about twenty times slower.

$OpenQoE::Process::Slow = 10 if $OpenQoE::Process::Slow < 10;

# A program to stand for nginx: valgrind writes a report of each process to a
# file.

sub wrapper ($dir) {
    my $path = "$dir/nginx";

    write_file($path, <<"END");
#!/bin/sh
exec $valgrind --quiet --vgdb=no --trace-children=yes --leak-check=full \\
    --show-leak-kinds=all --errors-for-leak-kinds=definite \\
    --num-callers=40 --keep-debuginfo=yes --child-silent-after-fork=no \\
    --log-file=$dir/report.%p \\
    $ENV{TEST_NGINX_BINARY} "\$@"
END
    chmod 0755, $path;
    return $path;
}


# Sends n requests of each kind.

sub requests ($nginx, $oracle, $n) {
    my $http = $nginx->http(timeout => 60);
    my %json = ('Content-Type' => 'application/json',
                Authorization => 'Bearer sesame', Cookie => 'marker=1');

    for my $i (1 .. $n) {
        my $events = batch(5);
        my $body = batch_json($events);
        $oracle->note($events, $http->request('POST', '/v2/events',
            headers => \%json, body => $body));

        $events = batch(2);
        gzip(\batch_json($events), \my $packed);
        $oracle->note($events, $http->request('POST', '/v2/events',
            headers => { %json, 'Content-Encoding' => 'gzip' },
            body => $packed));

        $events = batch(40);        # more than client_body_buffer_size
        $oracle->note($events, $http->request('POST', '/v2/events',
            headers => \%json, body => batch_json($events)));

        my $good = event();
        $oracle->note([ $good ], $http->request('POST', '/v2/events',
            headers => \%json,
            body => batch_json([ event(org_id => ''), $good ])));

        for my $bad ('{"events":[{}]}', '{"events":[1,', '[]', "\xff") {
            $http->request('POST', '/v2/events', headers => \%json,
                           body => $bad);
        }

        $http->request('POST', '/v2/events', body => '{}',
                       headers => { 'Content-Type' => 'image/png' });
        $http->request('PUT', '/v2/events', body => '{}');
        $http->request('OPTIONS', '/v2/events',
                       headers => { Origin => 'https://a.example' });
        $http->request('GET', $_) for '/v2/health', '/v2/stats';
    }
}


# A life of n reloads, n requests of each kind before each of them; the
# directory of the reports.

sub life ($n, $destination, $peer) {
    my $dir = scratch_dir('valgrind');
    my $oracle = OpenQoE::Oracle->new;
    my %conf = (
        binary => wrapper($dir), workers => 1, events => '',
        http => 'openqoe_drain_timeout 20s;',
        location => 'client_body_buffer_size 8k;',
    );
    my $more = ' interval 50ms; timeout 120s; header X-Scope-OrgID 1;'
               . ' resource a b;';
    my $nginx = OpenQoE::Nginx->new(%conf, !$peer ? () : (
        exporter => 'endpoint ' . $peer->url . "; protocol $destination;"
                    . $more));
    my $out = $peer ? $peer->file : $nginx->out_file;

    chmod 0777, $dir;               # the workers are not root
    $oracle->skip_to_end($out);
    $nginx->start;

    for my $i (1 .. $n) {
        requests($nginx, $oracle, $n);

        $nginx->write_config(events => 'openqoe_max_events nonsense;');
        ok($nginx->reload_fails, 'a reload with a wrong configuration fails');
        $nginx->write_config(events => 'openqoe_cors_origin https://a.example;'
                             . ' openqoe_api_key sesame; openqoe_marker on;');
        ok($nginx->reload(old => 1), "nginx reloads, $i of $n") or last;
        kill 'USR1', $nginx->master_pid;
    }

    requests($nginx, $oracle, 1);
    ok($nginx->stop, 'nginx exits in order');
    $oracle->wait_delivered($out, 1);
    $oracle->is_exactly_once('each accepted event is delivered once');
    $nginx->no_errors(allow => qr/nonsense/);

    return $dir;
}


my $leak = qr/^==\d+==\ ([\d,]+)(?:\ \([^)]*\))?
              \ bytes\ in\ [\d,]+\ blocks\ are\ (\w+)/x;


# The paragraphs of a report that have a frame of the module.

sub ours ($text) {
    my @records = split /^==\d+== *\n/m, $text =~ s/\0//gr;
    return grep { /(?:ngx_http_openqoe|\bqoe_)\w+/ } @records;
}


# Reads the reports of a life: errors; the most bytes that a process, the
# master or any worker, lost or left; and how many processes there were.

sub judge ($dir) {
    my %sum = (errors => [], lost => 0, left => 0, processes => 0);

    for my $file (glob "$dir/report.*") {
        my %bytes = (lost => 0, left => 0);
        $sum{processes}++;

        for my $record (ours(slurp($file))) {
            my ($n, $kind) = $record =~ $leak;

            if (!defined $n) {
                push @{ $sum{errors} }, $record;
                next;
            }

            my $class = $kind eq 'still' ? 'left' : 'lost';
            $bytes{$class} += $n =~ s/,//gr;
            push @{ $sum{records}{$class} }, $record;
        }

        for my $class (keys %bytes) {
            $sum{$class} = $bytes{$class} if $bytes{$class} > $sum{$class};
        }
    }

    return \%sum;
}


sub show (@records) { diag($_) for @records[0 .. ($#records < 4 ? $#records
                                                                 : 4)] }


for my $destination ('grpc', 'http/protobuf', 'file') {
    my $script = $destination =~ /http/ ? 'http_server.js' : 'grpc_server.js';
    my $peer = $destination eq 'file' ? undef
                                      : OpenQoE::NodePeer->new($script)->start;
    my @sums = map { judge(life($_, $destination, $peer)) } 1, 3;

    # The master, and a worker for each generation.

    is($sums[0]{processes}, 3,
       "$destination: each process of the first life left a report");
    is($sums[1]{processes}, 5,
       "$destination: each process of the second life left a report");

    for my $sum (@sums) {
        is(scalar @{ $sum->{errors} }, 0,
           "there is no error in the module's frames")
            or show(@{ $sum->{errors} });
        is($sum->{lost}, 0, 'no memory is lost')
            or show(@{ $sum->{records}{lost} });
    }

    cmp_ok($sums[1]{left}, '<=', $sums[0]{left},
           'the memory left at the exit does not grow with the life')
        or show(@{ $sums[1]{records}{left} });
    diag("$destination: bytes left by our frames in one process:"
         . " $sums[0]{left}, $sums[1]{left}");
}

done_testing;
