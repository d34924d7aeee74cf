#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# A real browser: Chromium plays a real HLS stream with hls.js on a page of
# one origin and reports to another origin, by fetch with credentials (so
# there are preflights) and by sendBeacon when the page goes.  Every event
# that the page says it handed over is in the Collector, or in the OTLP file
# where no Collector can be built.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use Digest::SHA qw(sha256_base64);
use File::Copy qw(copy);
use MIME::Base64 qw(decode_base64);

use OpenQoE::Peers qw(browse collector_if_any node_dir otlp_file_logs
                      peers_dir program);

use constant UUID7 =>
    qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

# A playback to the end must have sent these; the player decides about the
# others.

my @expected_types = qw(manifestload playerready canplay playing heartbeat
                        qualitychangerequested qualitychange fragmentloaded
                        pause seek quartile playbackvolumechange ended
                        moveaway moveback);

need(chromium => program('chromium'), ffmpeg => program('ffmpeg'));

my $node = node_dir();
my $collector_program = collector_if_any();
my $certs = make_certs();
my $site = make_site();

note('no Collector can be built here: the OTLP file is read')
    if !$collector_program;


# The pages, the scripts and the stream in one directory.

sub make_site () {
    my $dir = scratch_dir('site');
    my $from = peers_dir() . '/browser';

    mkdir "$dir/media";
    write_file("$dir/blank.html", "<!DOCTYPE html>\n<title>Blank</title>\n");
    copy("$node/node_modules/hls.js/dist/hls.min.js", $dir) or die "hls.js\n";
    copy("$from/$_", $dir) or die "$_: $!\n"
        for qw(index.html page.js reporter.js);

    my ($rc, undef, $err) = run_cmd({ timeout => 60 }, "$from/stream.sh",
                                    "$dir/media");
    die "ffmpeg: $err\n" if $rc ne '0';

    return $dir;
}


# What --ignore-certificate-errors-spki-list wants of a certificate

sub spki ($certificate) {
    my ($rc, $pem) = run_cmd('openssl', 'x509', '-in', $certificate,
                             '-pubkey', '-noout');
    my $key = decode_base64($pem =~ s/-----[^-]+-----//gr);

    return sha256_base64($key) . '=';
}


# One server for the events, two with the pages; the second's origin is not
# in openqoe_cors_origin.

sub make_nginx ($collector, $tls, $host) {
    my ($port, $foreign_port) = free_ports(2);
    my $scheme = $tls ? 'https' : 'http';
    my $ssl = $tls ? ' ssl' : '';
    my $log = scratch_dir('log') . '/events.log';
    my %opt = (workers => 2);

    $opt{exporter} = "endpoint http://127.0.0.1:" . $collector->port('grpc')
                     . ";\n        protocol grpc;\n        interval 100ms;"
        if $collector;

    $opt{http} = <<"END";
    types {
        text/html html;
        text/javascript js;
        application/vnd.apple.mpegurl m3u8;
        video/mp2t ts;
    }
    log_format peers '\$request_method|\$status|\$http_origin|'
                     '\$content_type|\$cookie_marker|\$server_protocol';
END
    $opt{http} .= "    ssl_certificate $certs->{server};\n"
                  . "    ssl_certificate_key $certs->{server_key};\n" if $tls;
    $opt{servers} = join '', map { <<"END" } $port, $foreign_port;
    server {
        listen 127.0.0.1:$_$ssl;
        root $site;
    }
END

    my $nginx = OpenQoE::Nginx->new(
        %opt, listen => $tls ? 'ssl http2' : '',
        events => "openqoe_cors_origin $scheme://localhost:$port;
            openqoe_marker on;
            access_log $log peers;",
    )->start;

    $nginx->{events_log} = $log;
    $nginx->{site} = "$scheme://localhost:$port";
    $nginx->{foreign} = "$scheme://localhost:$foreign_port";
    $nginx->{endpoint} = "$scheme://$host:" . $nginx->port . '/v2/events';

    return $nginx;
}


# What Chromium and its pages say; undef when the driver fails.

sub drive ($nginx, $tls) {
    return browse('browser/drive.js', 240,
                  (map { $_ => $nginx->{$_} } qw(site foreign endpoint)),
                  run => run_id() . ($tls ? 1 : 0),
                  $tls ? (spki => spki($certs->{server})) : ());
}


sub check_playback ($seen) {
    my $all = $seen->{states}{all};
    my %types = map { $_->[1] => 1 }
                map { @{ $_->{events} } } @{ $seen->{sent}{all} };

    like($seen->{product}, qr/^Chrome/, "the browser: $seen->{product}");
    ok($all->{ended}, 'the stream played to its end');
    cmp_ok($all->{decoded}, '>', 50, 'the stream has real pictures');
    is_deeply([grep { !$types{$_} } @expected_types], [],
              'the player reported every type expected');
    ok((grep { $_->[1] eq 'error' && $_->[0] }
        map { @{ $_->{events} } } @{ $seen->{sent}{missing} }),
       'the player reported an error where the stream is missing');
    is_deeply([map { @{ $_->{errors} } } values %{ $seen->{states} }], [],
              'no script had an error');
}


# Each fetch from the site was answered 202, each beacon taken by the browser;
# what a foreign page tried by fetch was not sent at all.

sub note_sent ($seen, $oracle) {
    my (@wrong, %via, %type);

    for my $name (sort keys %{ $seen->{sent} }) {
        for my $entry (@{ $seen->{sent}{$name} }) {
            my $n = @{ $entry->{events} };
            my $ok = $entry->{status} eq 'queued' ||
                     $entry->{status} eq '202' && $entry->{answer}{success}
                     && $entry->{answer}{events_received} == $n;
            my $refuse = $name eq 'foreign' && $entry->{via} eq 'fetch';

            push @wrong, "$name $entry->{via}: $entry->{status}"
                if $refuse ? $entry->{status} !~ /Failed to fetch/ : !$ok;
            $via{ $entry->{via} }++;

            for my $event (@{ $entry->{events} }) {
                my $id = $event->[0] =~ s/^oqid-//r;
                $refuse ? $oracle->refused($id) : $oracle->accepted($id);
                $type{ $event->[0] } = $event->[1] if !$refuse;
            }
        }
    }

    is_deeply(\@wrong, [], 'every request was answered as expected');
    ok($via{$_}, "events went by $_")
        for 'fetch', 'beacon text/plain', 'beacon application/json';

    return \%type;
}


sub check_delivered ($file, $oracle, $type) {
    my %got;

    for my $log (otlp_file_logs($file)) {
        my ($id) = $log->{record}{body}{stringValue} =~ /"(oqid-[^"]+)"/;
        $got{$id} = $log->{attr}{event_type};
    }

    $oracle->is_exactly_once(
        'the events that the browser sent are those that arrived');
    is_deeply(\%got, $type, 'each way of sending has its content type');
}


# The requests as nginx saw them: lists of
# [method, status, origin, content type, marker, protocol]

sub check_requests ($nginx, $seen, $tls) {
    my @requests = map { [split /\|/, $_, -1] }
                   split /\n/, slurp($nginx->{events_log});
    my @own = grep { $_->[2] eq $nginx->{site} } @requests;
    my @posts = grep { $_->[0] eq 'POST' } @own;
    my ($cookie) = grep { $_->{name} eq 'marker' } @{ $seen->{cookies} };

    ok((grep { $_->[0] eq 'OPTIONS' && $_->[1] == 204 } @own),
       'the browser sent a preflight first');
    is_deeply([grep { $_->[1] != 202 } @posts], [],
              'each POST was answered with 202');
    is_deeply([grep { $_->[0] eq 'POST' && $_->[2] eq $nginx->{foreign}
                      && $_->[3] !~ m{^text/plain} } @requests], [],
              'a page of another origin sent no JSON');
    is_deeply([grep { $_->[5] ne 'HTTP/2.0' } @posts], [],
              'the browser used HTTP/2')
        if $tls;

    like($cookie->{value}, UUID7, 'the marker is a UUIDv7') or return;
    ok($cookie->{httpOnly} && $cookie->{secure}
       && $cookie->{sameSite} eq 'None',
       'the cookie is HttpOnly, Secure and SameSite=None');
    is($cookie->{path}, '/v2/events', 'the cookie has its path');
    cmp_ok($cookie->{expires} - time, '>', 30_000_000,
           'the cookie is kept for a year');

    my @back = grep { $_->[4] eq $cookie->{value} } @posts;
    cmp_ok(scalar @back, '>', 2, 'the browser sends the cookie back');
    ok((grep { $_->[3] =~ m{^text/plain} } @back),
       'the browser sends the cookie with beacons, too');
}


sub check_browser ($tls, $host) {
    my $collector = $collector_program
        && OpenQoE::Peers->new(program => $collector_program)->start;
    my $nginx = make_nginx($collector, $tls, $host);
    my $file = $collector ? $collector->file : $nginx->out_file;
    my $oracle = OpenQoE::Oracle->new;

    my $seen = drive($nginx, $tls);
    ok($seen, 'the browser was driven to the end') or return;

    check_playback($seen);
    my $type = note_sent($seen, $oracle);
    $oracle->wait_delivered($file);
    ok($nginx->stop, 'nginx exits by itself');
    $oracle->delivered_file($file);
    check_delivered($file, $oracle, $type);
    check_requests($nginx, $seen, $tls);

    $nginx->no_errors;
    ok(!$collector || $collector->stop, 'the Collector exits by itself');
}


# Secure cookies go over http to localhost only, so there the other origin is
# another port; over TLS it is another host too.

subtest 'http, pages of another port' => sub { check_browser(0, 'localhost') };

subtest 'https and HTTP/2, pages of another host' => sub {
    check_browser(1, '127.0.0.1');
};


done_testing;
