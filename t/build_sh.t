#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# build.sh in a tree of its own where apt-get, make, nginx, prove and their like
# are stubs that note how they were called.  The first minutes: what "run"
# installs and in which order, what the screen shows, which port and which files
# it takes, and what it says where it cannot go on.  The inner loop: which tests
# "test" and "test-all" run, and what each installs.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;
use IO::Socket::INET;

my $top = "$FindBin::Bin/..";
my $dir = scratch_dir('build-sh');
my $module = 'ngx_http_openqoe_module.so';

chmod 0755, $dir;
delete @ENV{grep { /^(?:OTEL_|GRAFANA_|DESTINATION_TYPE$|NGINX_SRC$)/x }
            keys %ENV};


# An executable file.

sub script ($path, $text) {
    write_file($path, "#!/bin/bash\n$text");
    chmod 0755, $path or die "$path: $!\n";
}


# A tree that has build.sh and what it looks at, an nginx source whose
# configure leaves a module, and the stubs.

sub tree ($name) {
    my $t = "$dir/$name";

    run_cmd('mkdir', '-p', map { "$t/$_" } qw(src/core proto bin nginx/src/core
                                              conf t/peers/collector
                                              t/peers/prometheus3
                                              t/peers/jaeger t/peers/fleet
                                              t/peers/clickhouse
                                              t/peers/victorialogs
                                              t/peers/kafka
                                              build/lib/unit/core));
    run_cmd('cp', "$top/build.sh", "$top/config", $t);
    run_cmd('cp', "$top/conf/openqoe.conf", "$t/conf");
    write_file("$t/$_", '') for qw(nginx/src/core/nginx.h calls installed
                                   build/openqoe-spool build/lib/openqoe-spool
                                   build/lib/unit/core/core_test
                                   t/quick.t t/chromium.t t/other.t);
    write_file("$t/src/core/a.c", 'qoe_failpoint("a")');
    write_file("$t/t/slow", "# why\n\nt/chromium.t   a browser\n");
    script("$t/nginx/configure", "mkdir -p objs && echo module > objs/$module\n"
           . "touch objs/Makefile\n");
    script("$t/$_", "exit 77\n")
        for qw(t/peers/node.sh t/peers/collector/build.sh
               t/peers/prometheus3/build.sh t/peers/jaeger/build.sh
               t/peers/fleet/build.sh t/peers/clickhouse/build.sh
               t/peers/victorialogs/build.sh t/peers/kafka/build.sh);
    script("$t/bin/$_", "echo $_ \"\$@\" >> $t/calls\n") for qw(prove node npm);

    script("$t/bin/id", "case \$1 in -u) echo 0 ;; *) echo root ;; esac\n");
    script("$t/bin/dpkg-query",
           "grep -qx \"\${\@: -1}\" $t/installed && echo -n installed\n");
    script("$t/bin/nginx", "[ \"\$1\" = -v ] || echo nginx \"\$@\" >> $t/calls\n");

    # 60 files, as make -n and make print them
    script("$t/bin/make", <<'END');
case " $* " in
*" modules "*)
    [[ " $* " != *" -s "* ]] || exit 0
    for i in $(seq 60); do
        printf 'cc -c -fPIC \\\n\t-o objs/addon/%s.o \\\n\ta.c\n' $i
    done ;;
esac
END

    script("$t/bin/apt-get", <<"END");
printf 'apt-get %s\\n' "\$*" >> $t/calls
case " \$* " in
*" -s "*)
    [ -e $t/lists ] || { echo 'E: Unable to locate package' >&2; exit 100; } ;;
*" update "*)
    touch $t/lists
    rm -f $t/stale ;;
*)
    echo 'debconf: delaying package configuration' >&2
    if [ -e $t/stale ] || [ -e $t/broken ]; then
        echo 'E: Failed to fetch: 404' >&2
        exit 100
    fi
    echo 'Setting up some package'
    echo 'dlstatus:1:3.1:Retrieving file 1 of 9' >&3
    echo 'dlstatus:9:42.5:Retrieving file 4 of 9' >&3
    echo 'pmstatus:nginx:50.0:Installing nginx (amd64)' >&3
    echo 'pmstatus:nginx:100.0:Installed nginx (amd64)' >&3
    for p; do echo \$p; done >> $t/installed ;;
esac
END
    return $t;
}


# Runs a command of build.sh there: status, stdout, stderr, what was called.

sub build_sh ($t, $env, @args) {
    my ($rc, $out, $err) = run_cmd('env', "PATH=$t/bin:$ENV{PATH}",
        "NGINX_SRC=$t/nginx", "OPENQOE_POLICY_RC=$t/policy-rc.d", @$env,
        'bash', "$t/build.sh", @args);
    return { rc => $rc >> 8, out => $out, err => $err, calls => slurp("$t/calls") };
}


my $port = free_port();

# a fresh machine: no package lists

{
    my $t = tree('fresh');
    my $r = build_sh($t, ["PORT=$port"], 'run');

    is($r->{rc}, 0, 'a fresh machine gets as far as nginx')
        or diag($r->{err});
    like($r->{calls}, qr/\Aapt-get\ -qq\ -s\ install.*\n
                         apt-get\ -qq\ update\n
                         apt-get\ -qq\ install\ /x,
         'empty package lists are fetched before anything is installed');
    like($r->{err}, qr/^==\ fetching\ the\ package\ lists.*
                       ^==\ installing\ \d+\ packages:/msx,
         'the screen says that lists are fetched, then what is installed');
    unlike("$r->{out}$r->{err}", qr/E:|debconf|Setting up/,
           'the screen shows no noise of apt-get');
    like($r->{err}, qr/downloaded\ 40\ %\n\s+installed\ 40\ %\n
                       \s+installed\ 100\ %\n/x,
         'the installation shows its progress as lines');
    like($r->{err}, qr/^==\ compiling\ the\ module:\ 60\ files\n
                       \s+25\ of\ 60\n\s+50\ of\ 60\n/mx,
         'the compilation shows its progress as lines');
    like($r->{calls}, qr/^apt-get -qq install.* curl\b.*^nginx/ms,
         'curl is installed before its line is shown');

    my $conf = "$t/build/run/openqoe.conf";
    like($r->{calls}, qr/^nginx -p \S+ -e stderr -c \Q$conf\E /m,
         'nginx gets the configuration that was made for this run');
    like(slurp($conf), qr/^ +listen $port;$/m, 'nginx listens on PORT');
    like($r->{out}, qr/\A\s*http:\/\/localhost:$port\/\n/,
         'the first thing that is printed is the address of the first page');
    cmp_ok(scalar(() = $r->{out} =~ /\n/g), '<', 20,
           'what is printed fits a small window');
    like($r->{out}, qr/curl -i http:\/\/localhost:$port\/v2\/events/,
         'the curl line has PORT');
    is(readlink("$t/build/run/examples"), "$t/examples",
       'nginx finds the pages of this tree, and nothing else of it');
    like(slurp($conf), qr{location / \{\s+root examples;},
         'the pages are served from there');

    my @block = slurp($conf) =~ /^    openqoe_exporter( \w+)? (\{.*?^    \})/msg;
    is(scalar @block, 4, 'two exporters write into files');
    like($block[1], qr{events\.jsonl;\s+signals logs;},
         'events have a file of their own');
    like($block[3], qr{metrics\.jsonl;\s+signals metrics;},
         'metrics have another one');
    unlike($r->{calls}, qr/lib\.mk/, 'run makes the module alone');
}

# lists that are there, lists that are outdated, an archive that fails

{
    my $t = tree('lists');

    write_file("$t/lists", '');
    my $r = build_sh($t, ["PORT=$port"], 'run');
    is($r->{rc}, 0, 'a machine with package lists gets as far as nginx');
    unlike($r->{calls}, qr/apt-get -qq update/,
           'package lists that know all packages are not fetched');

    $r = build_sh($t, ["PORT=$port"], 'run');
    is(scalar(() = $r->{calls} =~ /apt-get -qq install/g), 2,
       'nothing is installed again by a second run');

    $t = tree('stale');
    write_file("$t/$_", '') for qw(lists stale);
    $r = build_sh($t, ["PORT=$port"], 'run');
    is($r->{rc}, 0, 'outdated package lists are fetched anew');
    like($r->{calls}, qr/^apt-get -qq update/m, 'apt-get update did that');
    unlike($r->{err}, qr/404/, 'the screen does not show the first failure');

    $t = tree('broken');
    write_file("$t/$_", '') for qw(lists broken);
    $r = build_sh($t, ["PORT=$port"], 'run');
    is($r->{rc}, 1, 'an installation that fails twice ends it');
    like($r->{err}, qr/^build.sh: apt-get install failed: .*404/ms,
         'the words of apt-get are shown then');
    unlike($r->{out}, qr/curl -i/, 'no curl line is shown then');
}

# a destination of the exporter's

{
    my $t = tree('collector');
    write_file("$t/lists", '');
    my $r = build_sh($t, ["PORT=$port", 'OTEL_URL=http://localhost:4317'],
                     'run');
    my $conf = slurp("$t/build/run/openqoe.conf");

    is($conf, slurp("$top/conf/openqoe.conf") =~ s/listen 8788/listen $port/r,
       'with a destination the configuration is that of conf/ with the port');
    like($r->{out}, qr{^Events go to: +http://localhost:4317$}m,
         'the destination is shown');
}

# ports that cannot be had

{
    my $t = tree('port');
    my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
        // die "no socket: $!\n";
    my $r = build_sh($t, ['PORT=' . $taken->sockport], 'run');

    is($r->{rc}, 1, 'a port that is taken ends it');
    like($r->{err}, qr/\Abuild\.sh:\ nginx\ cannot\ listen\ on\ port\ \d+\ \(address
                       \ already\ in\ use\):\ PORT=N\ \.\/build\.sh\ run/x,
         'the line says which port, why, and how to choose another');
    is($r->{out}, '', 'no banner is shown before');
    is($r->{calls}, '', 'nothing is installed before');

    for my $bad ('x', '0', '65536', '80 80') {
        $r = build_sh($t, ["PORT=$bad"], 'run');
        is("$r->{rc} $r->{err}", "1 build.sh: PORT: $bad is no port\n",
           "PORT=$bad is refused");
    }
}

# which tests run

{
    my @quick = qw(t/other.t t/quick.t build/lib/unit/core/core_test);
    my %run = (
        'test' => [ 0, @quick ],
        'test-all' => [ 1, 't/chromium.t', @quick ],
        'test-all --rest' => [ 1, 't/chromium.t' ],
        'test t/quick.t' => [ 0, 't/quick.t' ],
        'test t/quick.t t/chromium.t' => [ 1, 't/quick.t', 't/chromium.t' ],
    );

    for my $command (sort keys %run) {
        my ($all, @files) = @{ $run{$command} };
        my $t = tree("test-$all-" . @files);
        my $r = build_sh($t, [], split / /, $command);
        my ($prove) = $r->{calls} =~ /^prove (.*)/m;

        is($r->{rc}, 0, "$command ends well") or diag($r->{err});
        is($prove =~ s/^-j \d+ -It\/lib //r, "@files",
           "$command runs these files");
        is(scalar($r->{calls} =~ /install.* chromium/), $all ? 1 : '',
           "$command installs a browser if one of them needs it");
        is(-e "$t/build/failpoints/$module" ? 1 : 0, $all,
           "$command makes the module with failpoints if one of them needs it");
    }

    my $r = build_sh(tree('test-option'), [], 'test-all', '--no');
    is("$r->{rc} $r->{err}", "1 build.sh: test-all: no such option: --no\n",
       'test-all refuses another option');

    my @slow = slurp("$top/t/slow") =~ /^(t\S+)/mg;
    cmp_ok(scalar @slow, '>', 10, 't/slow names files');
    is_deeply([ grep { !-e "$top/$_" } @slow ], [], 'each of them is there');
    my %times;
    $times{$_}++ for @slow;
    is_deeply([ grep { $times{$_} > 1 } keys %times ], [],
              'each of them stands there once');
    is_deeply([ grep { !$times{$_}
                       && slurp("$top/$_") =~ /\bwrk_load\(|\[\s*'wrk'/ }
                map { s{^\Q$top\E/}{}r } glob "$top/t/*.t" ], [],
              'no other one runs wrk, which only test-all installs');
    is_deeply([ grep { !/^(?:#.*|t\/\w+\.t {2,}\S.*|)$/ }
                split /\n/, slurp("$top/t/slow") ], [],
              'each line of t/slow is a file with its reason, or a comment');
}

# a fleet: what t/tools/fleet.pl is given

{
    my $t = tree('fleet');
    my $r = build_sh($t, [], 'fleet');

    is($r->{rc}, 1, 'fleet without a Collector ends');
    like($r->{err}, qr/^build\.sh: the Collector cannot be had on this machine$/m,
         'it says that there is none');

    script("$t/t/peers/fleet/build.sh", "echo /otelcol\n");
    script("$t/bin/perl",
           "echo perl \"\$@\" \$TEST_NGINX_OPENQOE_MODULE >> $t/calls\n");
    $r = build_sh($t, [], 'fleet');
    is($r->{rc}, 0, 'fleet without ClickHouse leaves the choice to the tool')
        or diag($r->{err});
    like($r->{calls}, qr{^perl t/tools/fleet\.pl \Q$t\E/build/\Q$module\E$}m,
         'the tool gets the module of this tree');
    ok(-e "$t/build/$module", 'which is built before');
}

# a tree that another user has built

{
    my $t = tree('foreign');
    run_cmd('mkdir', '-p', "$t/build/nginx/objs");
    my @as = $> == 0 ? ('setpriv', '--reuid=65534', '--regid=65534',
                        '--clear-groups') : ();
    chmod 0555, "$t/build/nginx/objs" if $> != 0;
    chmod 0755, $t;
    unlink "$t/bin/id";

    for my $command ('build', 'run') {
        # the other user may not be able to read these tests, as below /root
        my ($rc, undef, $err) = run_cmd(@as, 'env', '-u', 'PERL5LIB',
            "PATH=$t/bin:$ENV{PATH}",
            "PORT=$port", "NGINX_SRC=$t/nginx", 'bash', "$t/build.sh",
            $command);
        is($rc >> 8, 1, "$command in a tree that another user has built ends");
        like($err, qr/may\ not\ write\ to\ \Q$t\E\/build.*,\ which\ belongs
                      .*sudo\ chown\ -R\ \S+\ \Q$t\E\n\z/x,
             "$command says whose it is and how to take it over");
    }

    chmod 0755, "$t/build/nginx/objs";
}

# packages that "test-on" downloads before it builds

{
    my $t = tree('packages');
    my $r = build_sh($t, [], 'packages');
    my %listed = map { $_ => 1 } split ' ', $r->{out};

    is($r->{calls}, '', 'to print the packages installs none');
    build_sh($t, [], 'test');
    is_deeply([ grep { !$listed{$_} && !/^(?:-|Dir|APT|install$|libisal)/ }
                split /\n/, slurp("$t/installed") ], [],
              'it prints each that a test installs, but for ISA-L');
}

# another Debian in CI: .ci/run among commands that do nothing

{
    my $t = "$dir/ci";
    my %ends = (0 => [ 0, 'that passed' ], 1 => [ 1, 'that failed' ],
                77 => [ 0, 'that this machine cannot have' ]);

    run_cmd('mkdir', '-p', "$t/.ci");
    run_cmd('cp', "$top/.ci/run", "$t/.ci");

    for my $rc (sort keys %ends) {
        script("$t/build.sh", "[ \$1 != test-on ] || exit $rc\n");
        my ($got) = run_cmd("$t/.ci/run");
        is($got >> 8, $ends{$rc}[0],
           "another Debian $ends{$rc}[1] is $ends{$rc}[0] for CI");
    }

    script("$t/build.sh", "[ \$1 != lint ]\n");
    my ($got) = run_cmd("$t/.ci/run");
    isnt($got, 0, 'another command that fails ends CI');
}

# without root there is no chroot

{
    my @as = $> == 0 ? ('setpriv', '--reuid=65534', '--regid=65534',
                        '--clear-groups') : ();
    # where any user may read
    run_cmd('mkdir', '-p', "$dir/on/t/tools");
    run_cmd('cp', "$top/t/tools/test_on.sh", "$dir/on/t/tools");
    my ($rc, undef, $err) = run_cmd(@as, 'bash',
        "$dir/on/t/tools/test_on.sh", 'trixie');
    is($rc >> 8, 77, 'test-on without root ends with 77');
    like($err, qr/^test-on: not possible here: a chroot needs root$/m,
         'it says why');
}

# in the real tree

SKIP: {
    my $objects = ($ENV{OPENQOE_BUILD} // '') . '/nginx/objs/addon';
    skip('the module was not built', 2) if !-d $objects;

    my ($rc, $out, $err) = run_cmd('make', '-C', $top, '-n', '-f', 'src/lib.mk',
        "BUILD=$dir/lib", "OBJECTS=$objects", 'all');
    is($rc, 0, 'each object of the library is one of the module')
        or diag($err);
    unlike($out, qr/ -c /, 'nothing is compiled twice');
}

done_testing;
