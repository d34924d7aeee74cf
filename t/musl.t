#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# The sources against the headers of musl, the C library of nginx's images for
# Alpine Linux: nothing in them is glibc's alone.

use lib 't/lib';
use OpenQoE::Test;

plan skip_all => 'no musl-gcc (package musl-tools)'
    if !grep { -x "$_/musl-gcc" } split /:/, $ENV{PATH};

my ($rc, $out, $err) = run_cmd({ timeout => scaled(600) }, 't/tools/musl.sh');

is($rc, 0, 'no file needs what musl does not have') or diag($err);
like($out, qr/^musl: \d{2,} files of the rooms and the tool compile$/m,
     'the rooms and openqoe-spool were compiled');

SKIP: {
    skip 'no configured nginx in build/nginx', 1
        if !-f 'build/nginx/objs/ngx_auto_config.h';
    like($out, qr/^musl: the glue compiles$/m, 'so was the glue');
}

done_testing;
