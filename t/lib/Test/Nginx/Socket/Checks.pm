package Test::Nginx::Socket::Checks;

# Copyright (C) OpenQoE
#
# What a block expects, as tests.  The number of tests is that of the
# upstream module: one for the status, one for each header, pattern and body.

use v5.36;

use Exporter qw(import);
use Test::More ();
use Time::HiRes qw(sleep);

use OpenQoE::Process qw(scaled slow slurp wait_until);
use Test::Nginx::Socket::Server;

our @EXPORT_OK = qw(check_response check_logs check_shutdown bad_lines
                    reset_logs);

our $AccumulateErrorLog = $ENV{TEST_NGINX_CHECK_ACCUM_ERR_LOG};
our @BodyChecks;

my $log_at = 0;
my $pause = $ENV{TEST_NGINX_SLEEP} || 0.015;


# With several requests every expectation is a list.

sub indexed ($value, $i, $many) {
    return ref $value eq 'ARRAY' ? $value->[$i] : $value if !$many;
    die "several requests need lists of expectations\n"
        if ref $value ne 'ARRAY';
    return $value->[$i];
}


sub ports ($text) {
    my $set = \%Test::Nginx::Socket::Server::Set;
    return $text if !defined $text || ref $text;
    $text =~ s/\$ServerPortForClient\b/$set->{client_port}/g;
    $text =~ s/\$ServerPort\b/$set->{port}/g;
    return $text;
}


sub check_status ($block, $r, $i, $many) {
    my $got = $r->{status} // '';
    my $name = $block->name . ' - status code ok';

    if (defined(my $like = $block->error_code_like)) {
        my $pattern = indexed($like, $i, $many);
        return Test::More::like($got, qr/$pattern/sm, $name);
    }

    my $code = $block->error_code;
    $code = defined $code ? indexed($code, $i, $many) : 200;
    Test::More::is($got, $code =~ s/\s+\z//r, $name);
}


# "name: value" lines; "! name" is a header that must be absent.

sub check_headers ($block, $r, $i, $many) {
    my $exact = $block->response_headers;
    my $like = $exact // $block->response_headers_like;
    return if !defined $like;

    my %seen;
    for my $line (split /\n/, indexed($like, $i, $many)) {
        $line =~ s/^\s+|\s+$//g;
        next if $line eq '';

        my ($key, $value) = $line =~ /^!\s*(.+)/ ? ($1, undef)
                            : split /\s*:\s*/, $line, 2;
        next if $seen{$key}++;
        my $got = $r->{headers}{ lc $key };
        my $name = $block->name . " - header $key";

        if (!defined $value && defined $exact) {
            Test::More::unlike($r->{raw_headers} // '', qr/^\s*\Q$key\E\s*:/mi,
                               "$name not present");
        } elsif (defined $exact) {
            Test::More::is($got // '', ports($value), "$name ok");
        } else {
            my $pattern = $value // '';
            Test::More::like($got // '', qr/^$pattern$/, "$name like ok");
        }
    }
}


sub check_raw_headers ($block, $r, $i, $many) {
    my $raw = $r->{raw_headers} // '';

    if (defined(my $like = $block->raw_response_headers_like)) {
        my $pattern = indexed($like, $i, $many) =~ s/\s+\z//r;
        Test::More::like($raw, qr/$pattern/s,
                         $block->name . ' - raw resp headers like');
    }

    if (defined(my $unlike = $block->raw_response_headers_unlike)) {
        my $pattern = indexed($unlike, $i, $many) =~ s/\s+\z//r;
        Test::More::unlike($raw, qr/$pattern/s,
                           $block->name . ' - raw resp headers unlike');
    }
}


sub check_body ($block, $r, $i, $many) {
    my $got = $r->{body};
    my $name = $block->name . ' - response_body';

    if (defined(my $body = $block->response_body)) {
        my $expected = ports(indexed($body, $i, $many));
        if (ref $expected) {
            Test::More::like($got, $expected, "$name - like ($i)");
        } else {
            Test::More::is($got, $expected, "$name - as expected ($i)");
        }
        return;
    }

    if (defined(my $like = $block->response_body_like)) {
        my $pattern = ports(indexed($like, $i, $many));
        Test::More::like($got, qr/$pattern/s, "${name}_like ($i)");
        return;
    }

    if (defined(my $unlike = $block->response_body_unlike)) {
        my $pattern = ports(indexed($unlike, $i, $many));
        Test::More::unlike($got, qr/$pattern/s, "${name}_unlike ($i)");
    }
}


sub check_response ($block, $r, $i, $repeat, $many) {
    check_status($block, $r, $i, $many);
    check_raw_headers($block, $r, $i, $many);
    check_headers($block, $r, $i, $many);
    check_body($block, $r, $i, $many);
    $_->($block, $r->{body}, $i, $repeat, 0) for @BodyChecks;
}


sub reset_logs () { $log_at = 0 }


sub error_lines () {
    my $text = slurp(Test::Nginx::Socket::Server::error_log_path());
    return [ split /^/, $AccumulateErrorLog ? $text
                        : substr $text, $log_at < length $text ? $log_at
                                                               : length $text ];
}


sub patterns ($value) {
    return () if !defined $value;
    return $value if ref $value eq 'Regexp';
    return grep { defined } @$value if ref $value;
    return grep { $_ ne '' } split /\n+/, $value;
}


sub matches ($line, $pattern) {
    return ref $pattern ? $line =~ $pattern : index($line, $pattern) >= 0;
}


sub found ($pattern, $lines) {
    return grep { matches($_, $pattern) } @$lines;
}


# Patterns that must match lines that $read returns: waits for these, because a
# log is written after the answer.

sub check_present ($block, $section, $read, $note) {
    my @patterns = patterns($block->$section) or return;

    wait_until(sub {
        my $lines = $read->();
        return !grep { !found($_, $lines) } @patterns;
    }, 1);

    my $lines = $read->();
    for my $pattern (@patterns) {
        Test::More::ok(scalar found($pattern, $lines),
            $block->name . qq{ - $section: "$pattern" is in a line$note})
        or Test::More::diag(@$lines > 40 ? @$lines[-40 .. -1] : @$lines);
    }
}


sub check_absent ($block, $section, $read, $note) {
    my @patterns = patterns($block->$section) or return;

    sleep $pause * 3;

    my $lines = $read->();
    for my $pattern (@patterns) {
        my @found = found($pattern, $lines);
        Test::More::ok(!@found,
            $block->name . qq{ - $section: "$pattern" is in no line$note})
        or Test::More::diag($found[0]);
    }
}


sub check_grep ($block, $repeat) {
    my $pattern = $block->grep_error_log // return;
    my $expected = $block->grep_error_log_out
        // die "grep_error_log without grep_error_log_out\n";
    my $name = $block->name . " - grep_error_log_out (req $repeat)";

    $pattern = $pattern->[$repeat] if ref $pattern eq 'ARRAY';
    $expected = $expected->[$repeat] if ref $expected eq 'ARRAY';
    $pattern = qr/\Q$pattern\E/ if !ref $pattern;

    my $out;
    wait_until(sub {
        $out = join '', map { /$pattern/ ? "$&\n" : () } @{ error_lines() };
        return ref $expected ? $out =~ $expected : $out eq $expected;
    }, 0.5);

    if (ref $expected) {
        Test::More::like($out, $expected, $name);
    } else {
        Test::More::is($out, $expected, $name);
    }
}


# The log sections, over what came since the last call.

sub check_logs ($block, $repeat) {
    my $access = sub {
        [ split /^/, slurp(Test::Nginx::Socket::Server::access_log_path()) ];
    };
    my $note = " (req $repeat)";

    check_grep($block, $repeat);
    check_present($block, 'error_log', \&error_lines, $note);
    check_absent($block, 'no_error_log', \&error_lines, $note);
    check_present($block, 'access_log', $access, $note);
    check_absent($block, 'no_access_log', $access, $note);

    $log_at = -s Test::Nginx::Socket::Server::error_log_path() // 0;
}


# After the end of nginx, over the whole log.

sub check_shutdown ($block) {
    my $all = sub {
        [ split /^/, slurp(Test::Nginx::Socket::Server::error_log_path()) ];
    };

    check_present($block, 'shutdown_error_log', $all, '');
    check_absent($block, 'no_shutdown_error_log', $all, '');
}


# Lines that no block may cause unless it expects them: of a level that none of
# the block's own log patterns names, and that none of them matches.

sub bad_lines ($block, $stderr = '') {
    my @expected = map { patterns($block->$_) }
                   qw(error_log shutdown_error_log grep_error_log);
    my @named = (@expected, patterns($block->no_error_log));
    my @levels = grep {
        my $level = "[$_";
        !grep { index("$_", $level) >= 0 || index("$_", "\\$level") >= 0 }
             @named;
    } qw(alert crit emerg);
    my $levels = @levels ? '\[(?:' . join('|', @levels) . ')\]' : '(?!)';
    my $bad = qr/$levels|AddressSanitizer|LeakSanitizer|runtime error:
                |\bAssertion\b.*failed/x;

    return grep {
        my $line = $_;
        $line =~ $bad && !grep { matches($line, $_) } @expected;
    } split /^/, slurp(Test::Nginx::Socket::Server::error_log_path())
                 . $stderr;
}


1;
