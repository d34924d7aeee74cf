package OpenQoE::Corpus;

# Copyright (C) OpenQoE
#
# The corpus of bodies in t/data/corpus.tsv (format: t/data/README.md).
#
#   for my $case (OpenQoE::Corpus->cases) { ... }
#
# Each case is a hash:
#   name      unique, [a-z0-9-]
#   status    the HTTP status expected
#   accepted, rejected   events (undef where the answer does not tell)
#   event     index of the event in the first error; undef: not an event's
#   field     "field" of the first error; undef: none told
#   reason    part of the "reason" of the first error; undef: any
#   headers   hash of request headers beside Content-Length
#   length    the Content-Length to send where it is a false one, else undef
#   flags     hash: http, nginx, hang (t/data/README.md)
#   json      true: the decoder alone gives this result, without HTTP
#   body      the bytes

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use IO::Compress::Gzip qw(gzip $GzipError);
use Time::HiRes ();

my @COLUMNS = qw(name status events event field reason headers flags via body);

my @BASE = (
    [event_type => '"playing"'],
    [event_time => '%<now%>'],
    [org_id     => '"org"'],
    [player_id  => '"player"'],
    [view_id    => '"view"'],
    [session_id => '"session"'],
    [viewer_id  => '"viewer"'],
);

my %VIA = (
    cut    => \&via_cut,
    gzip   => \&via_gzip,
    flip   => \&via_flip,
    append => sub { $_[0] . pack('H*', $_[1]) },
);

# cases([now => Unix ms], [file => path]) -> list of cases

sub cases {
    my ($class, %opt) = @_;

    my $now = $opt{now} // int(Time::HiRes::time() * 1000);
    my $file = $opt{file}
        // File::Spec->catfile(dirname(__FILE__), qw(.. .. data corpus.tsv));

    open(my $fh, '<:raw', $file) or die "cannot open $file: $!\n";

    my (@cases, %seen);

    while (my $line = <$fh>) {
        chomp $line;
        next if $line =~ /^(?:#|\s*$)/;

        my $case = eval { parse_line($line, $now) }
            or die "$file, line $.: $@";

        die "$file, line $.: \"$case->{name}\" stands twice\n"
            if $seen{$case->{name}}++;

        push @cases, $case;
    }

    close $fh;

    return @cases;
}

# Writes the body of every case to DIR/name: the seeds of the decode fuzzer.

sub write_bodies {
    my ($class, $dir, %opt) = @_;

    my @cases = $class->cases(%opt);

    for my $case (@cases) {
        my $path = File::Spec->catfile($dir, $case->{name});

        open(my $fh, '>:raw', $path) or die "cannot create $path: $!\n";
        print {$fh} $case->{body};
        close($fh) or die "cannot write $path: $!\n";
    }

    return @cases;
}

sub parse_line {
    my ($line, $now) = @_;

    my @cells = split /\t/, $line, -1;

    die scalar(@cells) . " columns, not " . @COLUMNS . "\n"
        if @cells != @COLUMNS;

    my %c;
    @c{@COLUMNS} = map { $_ eq '-' ? undef : $_ } @cells;

    die "bad name\n" unless ($c{name} // '') =~ /^[a-z0-9-]+$/;
    die "bad status\n" unless ($c{status} // '') =~ /^\d+$/;

    my %flags = map { $_ => 1 } split /,/, $c{flags} // '';
    my %headers;

    for (split /\|/, $c{headers} // '') {
        my ($name, $value) = /^([\w-]+)=(.*)$/ or die "bad header \"$_\"\n";
        $headers{$name} = $value;
    }

    my ($accepted, $rejected) = split m{/}, $c{events} // '';

    return {
        name     => $c{name},
        status   => $c{status},
        accepted => $accepted,
        rejected => $rejected,
        event    => $c{event},
        field    => defined $c{field} && $c{field} eq '""' ? '' : $c{field},
        reason   => $c{reason},
        length   => delete $headers{'Content-Length'},
        headers  => \%headers,
        flags    => \%flags,
        json     => !$flags{http},
        body     => make_body($c{body}, $c{via}, $now),
    };
}

sub make_body {
    my ($text, $via, $now) = @_;

    my $body = expand($text // '', $now);

    for (split /,/, $via // '') {
        my ($name, $arg) = split /:/, $_, 2;
        my $code = $VIA{$name} or die "unknown step \"$name\"\n";
        $body = $code->($body, $arg // '');
    }

    return $body;
}

# Literal text with %<word arguments%> in it, which nest.

sub expand {
    my ($text, $now) = @_;

    my @tokens = split /(%<|%>)/, $text;
    my $out = expand_tokens(\@tokens, $now);

    die "%> without %<\n" if @tokens;

    return $out;
}

sub expand_tokens {
    my ($tokens, $now) = @_;

    my $out = '';

    while (@$tokens && $tokens->[0] ne '%>') {
        my $token = shift @$tokens;

        if ($token ne '%<') {
            $out .= $token;
            next;
        }

        my $inner = expand_tokens($tokens, $now);
        die "%< without %>\n" unless @$tokens;
        shift @$tokens;

        $out .= generate($inner, $now);
    }

    return $out;
}

sub generate {
    my ($text, $now) = @_;

    return $now if $text eq 'now';
    return int($now / 1000) if $text eq 'seconds';
    return $now + $1 if $text =~ /^now([+-]\d+)$/;
    return pack('H*', $1 =~ s/ //gr) if $text =~ /^x ([0-9a-f ]+)$/i;
    return $2 x $1 if $text =~ /^rep (\d+) (.*)$/s;
    return base($now, undef, undef) if $text eq 'base';
    return base($now, $1, undef) if $text =~ /^base -(\w+)$/;
    return base($now, $1, $2) if $text =~ /^base (\w+)=(.*)$/s;

    die "unknown \"%<$text%>\"\n";
}

# The members that every event must have; one of them left out or replaced.

sub base {
    my ($now, $key, $value) = @_;

    my @members;

    for (@BASE) {
        my ($k, $v) = @$_;

        if (defined $key && $k eq $key) {
            next if !defined $value;
            $v = $value;
        }

        push @members, "\"$k\":" . ($v eq '%<now%>' ? $now : $v);
    }

    return join ',', @members;
}

# cut:N keeps N bytes, cut:-N drops the last N

sub via_cut {
    my ($body, $n) = @_;

    return substr($body, 0, $n);
}

sub via_gzip {
    my ($body) = @_;

    gzip(\$body => \my $out, -Minimal => 1, -Level => 9)
        or die "gzip: $GzipError\n";

    return $out;
}

# flip:N inverts the byte at N; negative: from the end

sub via_flip {
    my ($body, $n) = @_;

    substr($body, $n, 1) = chr(ord(substr($body, $n, 1)) ^ 0xff);

    return $body;
}

1;
