package OpenQoE::Listen;

# Copyright (C) OpenQoE
#
# HTTP/2 in a configuration for the nginx at hand.  Tests and documents write
# "listen ... http2", which every version takes; nginx 1.25.1 and later warn
# of it and have "http2 on" instead.

use v5.36;

use Exporter 'import';

use OpenQoE::Process qw(run_cmd);

our @EXPORT_OK = qw(nginx_version listen_for);

my $HTTP2_DIRECTIVE = 1_025_001;


# 1.25.1 is 1025001; 0 when the binary does not say.  The binary may be a
# command with arguments.

sub nginx_version ($binary) {
    state %version;

    return $version{$binary} //= do {
        my ($rc, $out, $err) = run_cmd(split(' ', $binary), '-v');
        "$out$err" =~ m{nginx/(\d+)\.(\d+)\.(\d+)}
            ? $1 * 1_000_000 + $2 * 1_000 + $3 : 0;
    };
}


# The configuration as that nginx takes it without a warning.  A server has
# "http2 on" once, after the last of its listen lines.

sub listen_for ($config, $binary) {
    return $config if $config !~ /\bhttp2\b/
                      || nginx_version($binary) < $HTTP2_DIRECTIVE;

    $config =~ s{((?:\blisten\s[^;{}]*;\s*)+)}{
        my $listen = $1;
        my $http2 = $listen =~ s/(\blisten\s[^;]*?)\s+http2\b/$1/g;
        $http2 ? $listen =~ s/;(\s*)\z/; http2 on;$1/r : $listen;
    }ge;

    return $config;
}


1;
