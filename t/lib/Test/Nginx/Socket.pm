package Test::Nginx::Socket;

# Copyright (C) OpenQoE
#
# A runner for the declarative test format of OpenResty's Test::Nginx::Socket,
# with core Perl alone.  Written anew from the documented format; a t/*.t that
# keeps to what is here runs with the upstream module as well.
#
# What differs: the port and the server root are free and private unless
# TEST_NGINX_PORT (or _SERVER_PORT) and TEST_NGINX_SERVROOT are set, so tests
# may run in parallel; the default log level is info; workers run as nginx's
# own default user unless TEST_NGINX_WORKER_USER is set; and a block fails for
# an [alert], [crit] or [emerg] in error.log that it does not expect, for a
# sanitizer's report, an unclean end of nginx, or an unknown section.

use v5.36;

use strict ();
use warnings ();

use List::Util qw(shuffle);
use Scalar::Util qw(looks_like_number);
use Test::More ();
use Time::HiRes qw(sleep);

use Test::Nginx::Socket::Block;
use Test::Nginx::Socket::Checks qw(check_response check_logs check_shutdown
                                   bad_lines reset_logs);
use Test::Nginx::Socket::Request qw(requests_of send_bits send_by_curl
                                    parse_response parse_time);
use Test::Nginx::Socket::Server;

our @EXPORT = qw(
    plan blocks run_tests repeat_each no_shuffle no_long_string
    no_root_location log_level workers worker_connections master_on
    master_off master_process_enabled timeout server_name server_addr
    server_root html_dir server_port server_port_for_client config_preamble
    env_to_nginx add_block_preprocessor add_cleanup_handler
    add_response_body_check check_accum_error_log bail_out is_str
);

my $set = \%Test::Nginx::Socket::Server::Set;
my ($repeat_each, $shuffle, $timeout) = (1, 1, $ENV{TEST_NGINX_TIMEOUT} || 3);
my (@preprocessors, @cleanup, $blocks, $last_config);


sub import ($class, @plan) {
    my $caller = caller;

    strict->import;
    warnings->import;
    no strict 'refs';
    no warnings 'redefine';
    *{"${caller}::$_"} = \&{"Test::More::$_"}
        for grep { /^\w+$/ && $_ ne 'plan' } @Test::More::EXPORT;
    *{"${caller}::TODO"} = \${"${caller}::TODO"};
    *{"${caller}::$_"} = \&$_ for @EXPORT;
    plan(@plan) if @plan;
}


sub plan (@plan) {
    Test::More::plan(@plan == 1 ? $plan[0] : @plan);
}


# The blocks of main's DATA; their number in scalar context.

sub blocks () {
    $blocks //= do {
        no warnings 'once';
        my $text = join '', <main::DATA>;
        [ Test::Nginx::Socket::Block->parse($text) ];
    };
    return @$blocks;
}


# Settings that are also getters.

BEGIN {
    my %settings = (log_level => 'log_level', workers => 'workers',
                    worker_connections => 'worker_connections',
                    server_name => 'server_name', server_port => 'port',
                    server_port_for_client => 'client_port');
    no strict 'refs';
    while (my ($function, $name) = each %settings) {
        my $key = $name;
        *$function = sub (@value) {
            $Test::Nginx::Socket::Server::Set{$key} = $value[0] if @value;
            return $Test::Nginx::Socket::Server::Set{$key};
        };
    }
}


sub repeat_each (@n) { $repeat_each = $n[0] if @n; return $repeat_each }
sub timeout (@t) { $timeout = $t[0] if @t; return $timeout }
sub no_shuffle () { $shuffle = 0 }
sub no_long_string () { }
sub no_root_location () { $set->{root_location} = 0 }
sub master_on () { $set->{master_process} = 'on' }
sub master_off () { $set->{master_process} = 'off' }
sub server_addr (@) { '127.0.0.1' }
sub server_root () { $set->{root} }
sub html_dir () { Test::Nginx::Socket::Server::html_dir() }
sub config_preamble ($text) { $set->{preamble} = $text }
sub env_to_nginx (@names) { push @{ $set->{env} }, @names }
sub add_block_preprocessor :prototype(&) { unshift @preprocessors, $_[0] }
sub add_cleanup_handler ($code) { unshift @cleanup, $code }
sub add_response_body_check ($code) {
    push @Test::Nginx::Socket::Checks::BodyChecks, $code;
}
sub check_accum_error_log () {
    $Test::Nginx::Socket::Checks::AccumulateErrorLog = 1;
}
sub bail_out (@text) { Test::More::BAIL_OUT(join '', @text) }


sub master_process_enabled (@on) {
    $set->{master_process} = $on[0] ? 'on' : 'off' if @on;
    return $set->{master_process};
}


sub is_str ($got, $expected, $name = undef) {
    return ref $expected ? Test::More::like($got, $expected, $name)
                         : Test::More::is($got, $expected, $name);
}


sub run_tests () {
    my @all = blocks();

    $ENV{TEST_NGINX_SERVER_PORT} //= $set->{port};
    Test::More::fail('there are no blocks') if !@all;

    for my $block ($shuffle && !$ENV{TEST_NGINX_NO_SHUFFLE} ? shuffle @all
                                                            : @all)
    {
        eval {
            $_->($block) for @preprocessors;
            run_block($block);
            1;
        } or Test::More::fail($block->name . " - $@");
    }

    Test::Nginx::Socket::Server::stop();
    $_->() for @cleanup;
}


# (number of tests, reason) if the block is to be skipped here

sub skipped ($block) {
    if (($block->skip_eval // '') =~ /^\s*(\d+)\s*:\s*(.*)/s) {
        my ($n, $code) = ($1, $2);
        return ($n, 'skip_eval') if eval "package main; $code";
    }

    if (($block->skip_nginx // '')
        =~ /^\s*(\d+)\s*:\s*([<>]=?)\s*(\d+)\.(\d+)\.(\d+)(?:\s*:\s*(.*))?/)
    {
        my ($n, $op, $reason) = ($1, $2, $6);
        my $order = Test::Nginx::Socket::Server::version()
                    <=> $3 * 1000000 + $4 * 1000 + $5;
        my $hit = $op =~ /</ ? $order < 0 : $order > 0;
        $hit ||= $order == 0 if $op =~ /=/;
        return ($n, $reason // "nginx version $op $3.$4.$5") if $hit;
    }

    return;
}


sub run_block ($block) {
    my ($skip, $reason) = skipped($block);

    if ($skip) {
        SKIP: { Test::More::skip($block->name . " - $reason", $skip); }
        return;
    }

    # A block without config has that of the block before.
    $block->set_value('config', $last_config
                      // die "no --- config, and none before\n")
        if !defined $block->config;
    $last_config = $block->config;

    reset_logs();
    $block->excuse(qw(log_level user_files curl http2));

    my $failure = Test::Nginx::Socket::Server::start($block);

    if (defined $block->must_die) {
        $block->excuse(qw(request more_headers timeout));
        died($block, $failure);

    } elsif ($failure) {
        Test::More::fail($block->name . ' - nginx does not start: '
                         . $failure->{said});
        return;

    } else {
        init($block);
        requests($block, $_) for 0 .. $repeat_each - 1;
    }

    finish($block);
}


sub init ($block) {
    my $code = $block->init // return;
    eval "package main; $code; 1" or die "init failed: $@";
}


# must_die with a number wants that exit status, else any but 0.

sub died ($block, $failure) {
    my $expected = $block->must_die;
    my $name = $block->name . ' - die';
    my $status = $failure ? $failure->{status} : undef;

    for (0 .. $repeat_each - 1) {
        if (!defined $status || $status & 127) {
            Test::More::fail("$name - nginx "
                . (defined $status ? 'ended by a signal' : 'runs on'));
        } elsif (looks_like_number($expected)) {
            Test::More::is($status >> 8, $expected,
                           "$name with the expected exit code");
        } else {
            Test::More::isnt($status, 0, "$name as expected");
        }
        reset_logs();
        check_logs($block, $_);
    }
}


# Sends all requests of a block, once.

sub requests ($block, $repeat) {
    my @requests = requests_of($block, $set->{server_name});
    my $many = @requests > 1 || $requests[0]{count} > 1;
    my $wait = parse_time($block->wait);
    my $i = 0;

    for my $request (@requests) {
        my $raw = exchange($block, $request);

        for my $nth (1 .. $request->{count}) {
            $raw = response($block, $request, $raw, $i, $repeat, $many);
            sleep $wait if $wait;
            check_logs($block, $repeat);
            $i++;
        }
    }
}


# Sends a request; returns the bytes that came back.

sub exchange ($block, $request) {
    my $seconds = parse_time($block->timeout) // $timeout;
    my $abort = defined $block->abort;
    my ($raw, $error);

    if (defined $block->http2 || defined $block->curl_protocol) {
        ($raw, $error) = send_by_curl($block, $request, $set->{client_port},
                                      $seconds);
        $request->{by_curl} = 1;
    } else {
        ($raw, $error) = send_bits($set->{client_port}, $request->{bits},
                                   $seconds);
    }

    Test::More::fail($block->name . " - $error") if $error && !$abort;
    return $raw;
}


# Checks the first response in $raw; returns what is left after it.

sub response ($block, $request, $raw, $i, $repeat, $many) {
    return '' if defined $block->ignore_response;

    # curl has put chunks together.
    my $is_head = $request->{method} eq 'HEAD';
    $raw =~ s/^transfer-encoding:.*\r\n//mi if $request->{by_curl};

    my ($r, $left, $error) = parse_response($raw, $is_head);

    if ($error && !(defined $block->abort && $raw eq '')) {
        Test::More::fail($block->name . " - $error");
    }

    check_response($block, $r // {}, $i, $repeat, $many);

    if ($left ne '' && $i + 1 >= $request->{count}) {
        Test::More::diag($block->name . ' - unexpected bytes after the '
                         . 'response: ' . substr $left, 0, 200);
    }

    return $left;
}


# Ends nginx and looks for errors that the block does not expect.

sub finish ($block) {
    my $name = $block->name;
    my $stderr = Test::Nginx::Socket::Server::stderr_text();
    my $unclean = Test::Nginx::Socket::Server::stop();
    my @bad = grep { !(defined $block->must_die && /\[emerg\]/) }
              bad_lines($block, $stderr);

    check_shutdown($block);

    Test::More::fail("$name - $unclean") if $unclean;
    if (@bad) {
        Test::More::fail("$name - unexpected lines in error.log");
        Test::More::diag(@bad > 10 ? @bad[0 .. 9] : @bad);
    }
    if (my @unread = $block->unread) {
        Test::More::fail("$name - sections that nothing checks: @unread");
    }
}


1;
