#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# What packages are made of: flags of a distribution reach every compilation,
# generated code stays out of the source tree, "install" puts the files where
# they belong, the manual page and the packages' versions are those of the
# program, and the packages' example is a configuration that nginx takes.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

my $top = "$FindBin::Bin/..";
chdir $top or die "$top: $!\n";

my $build = $ENV{OPENQOE_BUILD} // '';
my $module = $ENV{TEST_NGINX_OPENQOE_MODULE} // '';

need('build/lib/openqoe-spool (OPENQOE_BUILD)' =>
         -x "$build/lib/openqoe-spool",
     'the module (TEST_NGINX_OPENQOE_MODULE)' => -f $module);

my @make = qw(make -s -f src/lib.mk);
my $dir = scratch_dir('packages');

sub make (@args) {
    return run_cmd({ timeout => scaled(300) }, @make, @args);
}


subtest 'flags of a distribution' => sub {
    my ($rc, $out, $err) = make('-n', '-B', "BUILD=$dir/none",
        'CPPFLAGS=-DA_CPPFLAG', 'CFLAGS=-O1 -DA_CFLAG',
        'LDFLAGS=-Wl,-z,a_ldflag', qw(all programs units tools benches));
    is($rc, '0', 'make says what it would run') or diag($err);

    $out =~ s/\\\n//g;
    my @compile = grep { /-std=gnu11/ && / -c / } split /\n/, $out;
    my @link = grep { /-std=gnu11/ && !/ -c / } split /\n/, $out;

    cmp_ok(@compile, '>', 50, 'there are files to compile');
    cmp_ok(@link, '>', 20, 'there are programs to link');
    is_deeply([grep { !/-DA_CPPFLAG .*-O1 -DA_CFLAG/ } @compile, @link], [],
              'CPPFLAGS and CFLAGS reach all that is compiled');
    is_deeply([grep { !/-Wl,-z,a_ldflag/ } @link], [],
              'LDFLAGS reach all that is linked');
};


subtest 'generated code outside of the source tree' => sub {
    my $gen = "$dir/gen";
    my ($rc, $out, $err) = make("QOE_GEN=$gen", "BUILD=$dir/none", 'gen');
    is($rc, '0', 'the code is generated') or diag($err);
    ok(-f "$gen/.done", 'and is where QOE_GEN says');

    ($rc, $out, $err) = make('-n', "QOE_GEN=$gen", "BUILD=$dir/none", 'all');
    like($out, qr/-isystem \Q$gen\E /, 'the compiler looks there');
    unlike($out, qr{build/gen}, 'and not in the tree');

    ($rc, $out) = run_cmd({ env => { QOE_GEN => 'gen' } }, 'sh', '-c',
                          'ngx_addon_dir=. . ./config');
    isnt($rc, '0', "a relative QOE_GEN ends nginx's configure");
    like($out, qr/QOE_GEN is no absolute path: gen/, 'which says why');
};


subtest 'install' => sub {
    my $stage = "$dir/stage";
    my ($rc, $out, $err) = make("BUILD=$build/lib", "MODULE=$module",
        "DESTDIR=$stage", 'PREFIX=/usr', 'MODULEDIR=/usr/lib/nginx/modules',
        'install');
    is($rc, '0', 'all is installed') or diag($err);

    for (['usr/lib/nginx/modules/ngx_http_openqoe_module.so', '644'],
         ['usr/bin/openqoe-spool', '755'],
         ['usr/share/man/man1/openqoe-spool.1', '644'],
         (map { ['usr/share/doc/openqoe/examples/' . s{.*/}{}r, '644'] }
              glob 'conf/*.conf'),
         map { ['usr/share/openqoe/' . s{^deploy/}{}r, '644'] }
             glob('deploy/grafana/*.json'),
             map { "deploy/prometheus/$_.yml" } qw(rules alerts))
    {
        my ($path, $want) = @$_;
        my $mode = (stat "$stage/$path")[2];
        is(defined $mode ? sprintf('%o', $mode & 07777) : 'missing', $want,
           "$path has the mode $want");
    }

    ($rc, $out, $err) = make("BUILD=$build/lib", "DESTDIR=$stage",
                             "MODULE=$dir/none.so", 'install-module');
    isnt($rc, '0', 'a module that was not built is an error');
    like($err, qr{none\.so: run \./build\.sh build first},
         'which says what to do');
};


subtest 'the manual page' => sub {
    my (undef, $help) = run_cmd("$build/lib/openqoe-spool", '--help');
    my (undef, $version) = run_cmd("$build/lib/openqoe-spool", '--version');
    my $page = slurp('tools/openqoe-spool.1') =~ s/\\-/-/gr;
    my %in_help = map { $_ => 1 } $help =~ /(--[a-z-]+)/g;
    my %in_page = map { $_ => 1 } $page =~ /(--[a-z-]+)/g;

    cmp_ok(keys %in_help, '>=', 14, '--help has options');
    is_deeply([sort keys %in_page], [sort keys %in_help],
              'the manual page has the options of --help');
    for my $command (split /\|/, ($help =~ /spool ([a-z|]+)/)[0]) {
        like($page, qr/^\.TP\n\.B \Q$command\E\n/m, "it has $command");
    }

    my ($number) = $version =~ /(\d+\.\d+\.\d+)/;
    like($page, qr/^\.TH .*"OpenQoE for nginx \Q$number\E"/m,
         "its version is the program's");
    like(slurp('debian/changelog'), qr/\A[\w-]+ \(\Q$number\E-/,
         "the Debian package's version is the program's");
    my (undef, $made) = make('version');
    is($made, "$number\n", "make's version is the program's");

    SKIP: {
        skip 'groff is not installed', 1 if system('command -v groff >/dev/null');
        my (undef, undef, $warnings) =
            run_cmd(qw(groff -ww -man -Tutf8 -z tools/openqoe-spool.1));
        is($warnings, '', 'groff has no warnings for it');
    }
};


subtest "the packages' example" => sub {
    my $site = slurp('debian/examples/openqoe');
    my $port = free_port();

    is($site =~ s/listen 8788;/listen 127.0.0.1:$port;/, 1,
       'it listens on the documented port');
    is($site =~ s{openqoe_spool /var/spool/openqoe}
                 {openqoe_spool $dir/spool}, 1, 'it has a spool');
    write_file("$dir/site", $site);
    write_file("$dir/nginx.conf", <<"CONF");
load_module $module;
pid $dir/nginx.pid;
events {}
http {
    access_log off;
    include $dir/site;
}
CONF
    my ($rc, $out, $err) = run_cmd($ENV{TEST_NGINX_BINARY} // 'nginx', '-t',
        '-p', $dir, '-e', 'stderr', '-c', "$dir/nginx.conf");
    is($rc, '0', 'nginx takes it as a site') or diag($err);
    unlike($err, qr/\[(?:warn|error|crit|alert|emerg)\]/,
           'without a warning');
};

done_testing;
