#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# The module with ISA-L and without: the libraries that it needs, the names
# that it exports, and that a build without ISA-L compresses by zlib.

use lib 't/lib';
use OpenQoE::Test;
use File::Temp;

my $module = $ENV{TEST_NGINX_OPENQOE_MODULE};
my @make = qw(make -s -f src/lib.mk);


# The libraries that a file is linked to.

sub needed ($file) {
    my ($rc, $out, $err) = run_cmd('readelf', '-d', $file);
    die "readelf: $err\n" if $rc ne '0';

    return $out =~ /\(NEEDED\).*\[([^\]]+)\]/g;
}


my ($rc, $isal, $err) = run_cmd(@make, 'isal');
like($isal, qr/^(?:yes|no)$/, 'the build says whether it has ISA-L')
    or diag($err);

is(scalar(grep { /^libisal\./ } needed($module)), $isal =~ /yes/ ? 1 : 0,
   'the module is linked to ISA-L where it is there, else not');

# nginx opens modules with RTLD_GLOBAL

my (undef, $symbols) = run_cmd('nm', '-D', '--defined-only', $module);
is_deeply([ sort $symbols =~ /^\S+ \S (\S+)$/mg ],
          [ qw(ngx_module_names ngx_module_order ngx_modules) ],
          'the module exports the three names that nginx looks up, no more');

my $dir = File::Temp->newdir;
my $test = "$dir/unit/net/gzip_test";

($rc, my $out, $err) = run_cmd({ timeout => 300 }, @make, 'QOE_ISAL=no',
                               "BUILD=$dir", 'CFLAGS=-O0', $test);
is($rc, '0', 'QOE_ISAL=no: everything compiles without ISA-L')
    or diag($err);

is(scalar(grep { /^libisal\./ } needed($test)), 0,
   'QOE_ISAL=no: the program is not linked to ISA-L');

($rc, $out) = run_cmd({ timeout => 300 }, $test);
is($rc, '0', 'QOE_ISAL=no: all that holds of gzip holds with zlib alone')
    or diag($out);
like($out, qr/^ok .*a build without ISA-L packs all levels by zlib$/m,
     'QOE_ISAL=no: zlib packs all levels');

done_testing;
