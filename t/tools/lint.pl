#!/usr/bin/env perl
#
# The house rules that a program can check: the rooms and which other rooms
# each may include, nginx style, sizes.  Prints what breaks them; exits 1 then.

use strict;
use warnings;

my %may = (
    core   => [],
    event  => [qw(core)],
    cmcd   => [qw(core event)],
    shm    => [qw(core)],
    govern => [qw(core event shm)],
    series => [qw(core shm)],
    view   => [qw(core event govern series)],
    delivery => [qw(core event cmcd govern series view)],
    qoe    => [qw(core event cmcd shm govern series view delivery)],
    prom   => [qw(core event qoe)],
    otlp   => [qw(core event cmcd series view delivery qoe)],
    net    => [qw(core otlp)],
    spool  => [qw(core shm otlp)],
);
$may{helper} = [keys %may];
$may{nginx} = [keys %may];

my $max_columns  = 80;
my $max_function = 90;
my $max_file     = 700;
my $bad          = 0;

sub complain {
    my ($file, $line, $text) = @_;
    print STDERR "$file:$line: $text\n";
    $bad++;
}

my %room_of;    # header => room
for my $path (glob 'src/*/*.h') {
    my ($room, $name) = $path =~ m{^src/(\w+)/(.+)$};
    complain($path, 1, "no such room: $room") unless $may{$room};
    complain($path, 1, "$name is also in src/$room_of{$name}")
        if $room_of{$name};
    $room_of{$name} = $room;
}

my @sources = (glob('src/*/*.[ch] t/unit/*.[ch] t/unit/*/*.[ch] t/oracle/*.[ch]'),
    glob('t/fuzz/*.c t/tools/*.c'),
    glob('bench/*.c tools/*.[ch]'), 'ngx_http_openqoe_module.c');

for my $path (@sources) {
    open my $fh, '<', $path or die "$path: $!\n";
    my @lines = <$fh>;
    close $fh;
    check_text($path, @lines);
    check_includes($path, @lines) if $path =~ m{^src/};
    check_functions($path, @lines);
}

for my $path (glob 'build.sh config .ci/run src/lib.mk t/*.t t/lib/*/*.pm
    t/lib/*/*/*.pm t/tools/*.pl t/tools/*.sh t/peers/*.js t/peers/*.sh t/peers/*/*.js
    t/peers/*/*.sh t/peers/*/*.go t/packages/*.sh debian/rules debian/tests/*
    debian/examples/* tools/*.1 bench/*.pl *.md docs/*.md conf/*.conf
    examples/*.html examples/*.css examples/*.js examples/clip/*.sh')
{
    open my $fh, '<', $path or next;
    my $n = 0;
    while (<$fh>) {
        $n++;
        complain($path, $n, 'trailing white space') if /[ \t]+$/;
        complain($path, $n, 'a mark of a merge') if /^(?:<<<<<<<|>>>>>>>) /;
    }
}

for my $path (glob 't/*.t t/tools/*.pl bench/*.pl') {
    my $out = `perl -It/lib -c $path 2>&1`;
    complain($path, 1, $out) if $? != 0;
}

print STDERR "$bad broken rules\n" if $bad;
exit($bad != 0);


sub check_text {
    my ($path, @lines) = @_;

    complain($path, 1, 'no copyright header')
        unless join('', @lines[0 .. 5]) =~ /Copyright \(C\)/;
    complain($path, scalar @lines, "more than $max_file lines")
        if @lines > $max_file;

    for my $i (0 .. $#lines) {
        my $line = $lines[$i];
        chomp $line;
        complain($path, $i + 1, 'a tab') if $line =~ /\t/;
        complain($path, $i + 1, 'a mark of a merge')
            if $line =~ /^(?:<<<<<<<|>>>>>>>) /;
        complain($path, $i + 1, 'trailing white space') if $line =~ /\s$/;
        my $chars = () = $line =~ /[^\x80-\xbf]/g;
        complain($path, $i + 1, "$chars columns") if $chars > $max_columns;
        complain($path, $i + 1, 'a // comment')
            if $line =~ m{^\s*//} && $path =~ /^src|^ngx/;
    }
}

sub check_includes {
    my ($path, @lines) = @_;
    my ($room) = $path =~ m{^src/(\w+)/};

    for my $i (0 .. $#lines) {
        next unless $lines[$i] =~ /^\s*#\s*include\s+[<"]([^>"]+)[>"]/;
        my $name = $1;
        if ($name =~ m{(^|/)(ngx_|nginx)}) {
            complain($path, $i + 1, "$name: only src/nginx includes nginx")
                if $room ne 'nginx';
            next;
        }
        my $to = $room_of{$name} // next;
        complain($path, $i + 1, "src/$room must not know src/$to ($name)")
            unless $to eq $room || grep { $_ eq $to } @{ $may{$room} };
    }
}

# A function begins at a line with an opening brace alone in column 0.
sub check_functions {
    my ($path, @lines) = @_;
    my ($start, $name);

    for my $i (0 .. $#lines) {
        if ($lines[$i] =~ /^\{/) {
            my $j = $i - 1;
            $j-- while $j > 0 && $lines[$j] !~ /^\w[\w ]*\(|^\w+ \w+\(/;
            ($name) = $lines[$j] =~ /(\w+)\(/;
            ($start, $name) = ($i, $name // '?');
            complain($path, $j + 1, "the return type of $name stands on a "
                . 'line of its own') if $lines[$j] =~ /^[\w]+[ *]+\w+\(/;
        }
        if ($lines[$i] =~ /^\}/ && defined $start) {
            my $n = $i - $start;
            complain($path, $start + 1, "$name has $n lines")
                if $n > $max_function;
            complain($path, $i + 2, "two blank lines after $name")
                if $i + 3 <= $#lines
                && ($lines[$i + 1] ne "\n" || $lines[$i + 2] ne "\n"
                    || $lines[$i + 3] eq "\n")
                && $lines[$i + 1] !~ /^#/ && $lines[$i] =~ /^\}$/;
            undef $start;
        }
    }
}
