#!/usr/bin/env perl

# Copyright (C) OpenQoE
#
# mutate.pl [N [SEED [FILE..]]]: do the unit tests notice a fault?  Makes N
# faults (200) in the rooms below the nginx glue, or in those files of them,
# one at a time, and runs the unit tests that cover the line.  Prints the
# faults that no test noticed and how many were caught in each room.  The
# sample depends on SEED (1) and on the sources alone.
#
# A fault is a change of one place in the text of a function: a condition is
# negated, a bound is off by one (< for <=), a constant is one more or less,
# && stands for ||, a statement is gone, another value is returned.  Comments,
# strings, preprocessor lines, declarations, log messages and fail points are
# left as they are.  A fault that does not compile, of which the compiler warns
# (a variable without a value, a function without a call), which every build
# takes for an error, or whose object file is that of the original, is no fault
# and is not counted.  What remains may still change nothing that a caller can
# see, so 100 % is not to be had.
#
# Everything is below build/mutate: a copy of the library, and for each unit
# test its object, how long it takes and which lines it runs, which is measured
# once by a build with --coverage.  For a fault one file is compiled, and each
# test is linked with that object before the library.  A test that takes far
# longer than it did has noticed the fault.  JOBS faults at once.  What a test
# writes is in memory, for many a test syncs files thousands of times, and what
# it mounts is seen by it alone, for a test that is killed leaves it mounted.

use v5.36;
no warnings 'portable';

use Digest::SHA qw(sha1_hex);
use File::Basename qw(basename);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use FindBin;
use List::Util qw(first);
use POSIX ();
use Time::HiRes qw(time);

chdir "$FindBin::Bin/../.." or die "mutate: $!\n";

my ($count, $seed, @only) = @ARGV;
$count //= 200;
$seed //= 1;
die "usage: mutate.pl [N [SEED [FILE..]]]\n"
    if "$count $seed" !~ /^[1-9]\d* \d+$/;

my $dir  = 'build/mutate';
my $jobs = $ENV{JOBS} // 2;
my %make = map { split /\t/ } make_out('mutate-vars', "BUILD=$dir/lib");
my @rooms = split ' ', $make{rooms};
my $tmp = File::Temp->newdir('openqoe-mutate-XXXXXX',
                             DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp');
chmod 0755, "$tmp";              # some tests become another user
my @alone = $> == 0 && system('unshare -m true 2>/dev/null') == 0
            ? qw(unshare -m) : ();

# what a child prints never mixes with what is buffered here
$| = 1;

# interrupted, it reports what it has by then
my $stop = 0;
$SIG{INT} = $SIG{TERM} = sub { $stop = 1 };

build();
my $tests = measure();
my @sites = sample();
report(try_all(@sites));


sub note ($text) { print STDERR "== $text\n" }

sub slurp ($path)
{
    open my $fh, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$fh>;
}

sub spew ($path, $text)
{
    open my $fh, '>', $path or die "$path: $!\n";
    print $fh $text;
    close $fh or die "$path: $!\n";
}

sub make_out (@args)
{
    my $out = `make -s -f src/lib.mk @args`;
    die "mutate: make @args failed\n" if $? != 0;
    return split /\n/, $out;
}


# The library and the tests as they are, and the same with counters.  An exit
# by _exit() would leave no counts.

sub build ()
{
    make_path("$dir/test", "$dir/run");
    spew("$dir/exit.h", <<~'END') unless -e "$dir/exit.h";
        extern void __gcov_dump(void);
        extern void _Exit(int code) __attribute__((noreturn));
        static inline void __attribute__((noreturn))
        qoe_cov_exit(int code) { __gcov_dump(); _Exit(code); }
        #define _exit qoe_cov_exit
        END

    note('building the unit tests');
    make_out("-j$jobs", "BUILD=$dir/lib", 'CFLAGS="-O2 -w"', 'all units');
}

sub build_counters ()
{
    note('building the unit tests once more, with counters');
    make_out("-j$jobs", "BUILD=$dir/cov", 'WARN=-w',
             "CFLAGS='-O1 --coverage -fprofile-update=atomic "
             . "-include $dir/exit.h'", 'all units');
}


# Runs a command in a process group of its own, in which nothing stays; its
# exit status, or undef when it took longer.

sub run ($seconds, $slot, @command)
{
    my $scratch = "$tmp/$slot";
    make_path($scratch);

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{INT} = $SIG{TERM} = 'DEFAULT';
        POSIX::setsid();
        $ENV{TMPDIR} = $scratch;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec @alone, 'sh', '-c', 'ulimit -c 0; ulimit -v 16777216; exec "$@"', 'sh',
            @command or POSIX::_exit(127);
    }

    my $done = eval {
        local $SIG{ALRM} = sub { die "late\n" };
        Time::HiRes::alarm($seconds);
        waitpid $pid, 0;
        Time::HiRes::alarm(0);
        1;
    };
    my $status = $?;

    kill 'KILL', -$pid;
    waitpid $pid, 0 unless $done;
    remove_tree($scratch);

    return $done ? $status : undef;
}


# For each unit test: its name, its seconds, the lines of src that it runs, and
# the sources that it includes.  Kept until the library or the test changes.

sub measure ()
{
    my $lib = sha1_hex(map { slurp($_) } 'src/lib.mk',
        map { sort glob "$_/*.[ch]" } 't/oracle', map { "src/$_" } @rooms);
    my @known;
    my @todo;

    for my $source (map { sort glob "t/unit/$_/*_test.c" } @rooms) {
        my ($name) = $source =~ m{^t/unit/(.*)\.c$};
        my $test = {
            name => $name, source => $source,
            file => "$dir/test/" . $name =~ s{/}{-}r,
            key => sha1_hex($lib, with_headers($source)),
        };
        push @known, $test;
        push @todo, $test
            unless (-e $test->{file} ? slurp($test->{file}) : '')
                   =~ /^\Q$test->{key}\E/;
    }

    build_counters() if @todo;
    note('measuring ' . @todo . ' unit tests') if @todo;
    in_parallel(\@todo, sub ($test, $n) { measure_one($test, $n) });

    for my $test (@known) {
        my ($head, @lines) = split /\n/, slurp($test->{file});
        (undef, $test->{seconds}, my $passed, my @included) = split ' ', $head;
        note("$test->{name} fails without a fault, and is left out")
            unless $passed;
        $test->{passed} = $passed;
        $test->{kills} = slurp($test->{source}) =~ /SIGKILL/;
        $test->{includes} = { map { $_ => 1 } @included };

        for (@lines) {
            my ($path, $ran, $not) = split /\t/;
            $test->{ran}{$path} = { map { $_ => 1 } split ' ', $ran };
            $test->{code}{$path}
                = { map { $_ => 1 } split ' ', "$ran " . ($not // '') };
        }
    }

    return [grep { $_->{passed} } @known];
}

# A test and what it includes, but for the library's headers.

sub with_headers ($path, $seen = {})
{
    my $text = slurp($path);

    while ($text =~ /^#include "(.*)"/mg) {
        my $name = basename($1);
        next if $seen->{$name}++;
        $text .= with_headers($_, $seen)
            for grep { -e } map { "t/$_/$name" } qw(unit oracle fuzz);
    }

    return $text;
}

sub measure_one ($test, $n)
{
    my $scratch = "$dir/run/$n";
    my $gcda = "$ENV{PWD}/$scratch/gcda";
    my $object = "$test->{file}.o";

    remove_tree($scratch);
    make_path($gcda);
    compile($test->{source}, $object, '-It/unit -It/oracle') == 0
        or die "mutate: $test->{source} does not compile\n";
    my ($included) = slurp("$test->{file}.d") =~ /^\S+:((?:.*\\\n)*.*)/;
    my @included = grep { m{src/\w+/\w+\.c$} } split /[\s\\]+/, $included;
    s{^.*?src/}{src/} for @included;

    my $from = time;
    my $status = run(900, $n, "$dir/lib/unit/$test->{name}");
    my $seconds = time - $from;

    local $ENV{GCOV_PREFIX} = $gcda;
    local $ENV{GCOV_PREFIX_STRIP} = 99;
    run(900, $n, "$dir/cov/unit/$test->{name}");

    my %lines;
    for my $counts (glob "$gcda/*.gcda") {
        my $base = basename($counts, '.gcda');
        my ($notes) = (glob("$dir/cov/src/*/$base.gcno"),
                       glob("$dir/cov/unit/*/$base.gcno"));
        symlink "$ENV{PWD}/$notes", "$gcda/$base.gcno" if $notes;
    }
    my $path;
    for (`cd '$ENV{PWD}' && gcov -t $gcda/*.gcda 2>/dev/null`) {
        $path = m{(src/\w+/\w+\.c)$} ? $1 : undef, next
            if /^\s*-:\s*0:Source:(.*)/;
        next unless $path && /^\s*([\d#=]+)\*?:\s*(\d+):/;
        $lines{$path}{$2} ||= ($1 =~ /\d/ ? 1 : 0);
    }

    my $text = sprintf "%s %.2f %d %s\n", $test->{key}, $seconds,
        defined $status && $status == 0, join ' ', @included;
    for my $p (sort keys %lines) {
        my @all = sort { $a <=> $b } keys %{ $lines{$p} };
        $text .= join("\t", $p, join(' ', grep { $lines{$p}{$_} } @all),
                      join(' ', grep { !$lines{$p}{$_} } @all)) . "\n";
    }
    spew("$test->{file}.new", $text);
    rename "$test->{file}.new", $test->{file};
    remove_tree($scratch);
}

sub compile ($source, $object, $more, $warn = '-w')
{
    return system("$make{compile} -O2 -g0 $warn $more -c -o $object $source "
                  . '2>/dev/null');
}


# Calls a function with each of the items and the number of a slot, in JOBS
# processes at once.

sub in_parallel ($items, $call)
{
    my %running;
    my @free = (1 .. $jobs);

    for my $item (@$items) {
        wait_one(\%running, \@free) unless @free;
        my $slot = shift @free;
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            $SIG{INT} = $SIG{TERM} = 'DEFAULT';
            $call->($item, $slot);
            POSIX::_exit(0);
        }
        $running{$pid} = $slot;
    }
    wait_one(\%running, \@free) while %running;
}

sub wait_one ($running, $free)
{
    my $pid = wait;
    die "mutate: interrupted\n" if $pid < 0 || $stop;
    die "mutate: a step failed\n" if $? != 0;
    push @$free, delete $running->{$pid};
}


# All places where a fault can be made, in an order that depends on the seed.

sub sample ()
{
    my @files = map { sort glob "src/$_/*.c" } @rooms;

    if (@only) {
        my %wanted = map { $_ => 1 } @only;
        @files = grep { $wanted{$_} } @files;
        die "mutate: no such files: @only\n" unless @files;
    }

    my @found = map { sites($_) } @files;
    note(@found . ' places, seed ' . $seed);
    srand $seed;

    for my $i (reverse 1 .. $#found) {
        my $j = int rand $i + 1;
        @found[$i, $j] = @found[$j, $i];
    }
    $found[$_]{number} = $_ for 0 .. $#found;

    return @found;
}

# A site: path, line, and edits, [offset, length, text] each, last ones first.

sub sites ($path)
{
    my $text = slurp($path);
    my $masked = mask($text);
    my @found;

    while ($masked =~ /^(\w[\w ]*\*?)\n(\w+)\([^{};]*\)\n\{\n(.*?)^\}/gms) {
        my ($type, $from, $body) = ($1, $-[3], $3);
        push @found, map { $_->{path} = $path; $_ }
            conditions($body, $from), operators($body, $from),
            constants($body, $from), statements($body, $from),
            returns($body, $from, $type);
    }

    for my $s (@found) {
        $s->{line} = 1 + (substr($text, 0, $s->{at}) =~ tr/\n//);
    }

    return sort { $a->{at} <=> $b->{at} || $a->{kind} cmp $b->{kind} } @found;
}

# The same text, without what is no code; offsets stay.

sub mask ($text)
{
    $text =~ s{(/\*.*?\*/|^[ \t]*\#(?:[^\n]*\\\n)*[^\n]*)
               |"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)+)'}
              {defined $1 ? $1 =~ tr/\n/ /cr
               : defined $2 ? '"' . $2 =~ tr/\n/x/cr . '"'
               : "'" . $3 =~ tr/\n/x/cr . "'"}gemsx;

    # what a log says, and where a test may kill, is nobody's behaviour
    my $calls = qr/(?:\w+[ ]=[ ])?
                   \bqoe_(?:log|log_limited|log_write|spool_warn|failpoint)/x;
    $text =~ s{$calls(\((?:[^()]++|(?1))*\))}{$& =~ tr/\n/ /cr}ge;

    # declarations at the top of a block
    $text =~ s!^[ ]{4,}(?\!return|goto|else|case)(?:(?:static|const|struct
               |volatile|register|unsigned|enum)[ ]+)*\w+[ ]+[ *]*\w+
               (?:\[[^\]\n]*\])*(?:[ ]*(?:=|,)[^;{]*)?;[^\n]*$
              !$& =~ tr/\n/ /cr!gemx;

    return $text;
}

# The offset after the bracket that closes the one at $at.

sub closed ($body, $at)
{
    pos($body) = $at;
    return $body =~ /\G(\((?:[^()]++|(?1))*\))/g ? pos $body : undef;
}

sub conditions ($body, $from)
{
    my @found;

    while ($body =~ /\b(?:if|while) \(/g) {
        my $open = pos($body) - 1;
        my $end = closed($body, $open) // next;
        push @found, {
            kind => 'condition negated', at => $from + $open,
            edits => [[$from + $end - 1, 0, ')'],
                      [$from + $open + 1, 0, '!(']],
        };
    }

    return @found;
}

sub operators ($body, $from)
{
    my %other = ('<' => '<=', '<=' => '<', '>' => '>=', '>=' => '>',
                 '==' => '!=', '!=' => '==', '&&' => '||', '||' => '&&');
    my @found;

    while ($body =~ /(?<=\s)(<=?|>=?|[=!]=|&&|\|\|)(?=\s)/g) {
        push @found, {
            kind => "$other{$1} for $1", at => $from + $-[1],
            edits => [[$from + $-[1], length $1, $other{$1}]],
        };
    }

    return @found;
}

sub constants ($body, $from)
{
    my @found;

    while ($body =~ /(?<![\w.])(0x[0-9a-fA-F]+|\d+)([uUlL]*)(?![\w.])/g) {
        my ($number, $suffix, $at) = ($1, $2, $-[0]);
        my $value = $number =~ /^0x/ ? hex $number : 0 + $number;
        next if length $number > 15;

        # 0 has no value below in an unsigned type; others: by their place
        my $new = $value == 0 || $at % 2 ? $value + 1 : $value - 1;
        push @found, {
            kind => "$new for $number", at => $from + $at,
            edits => [[$from + $at, length("$number$suffix"),
                       "$new$suffix"]],
        };
    }

    return @found;
}

sub statements ($body, $from)
{
    my @found;

    while ($body =~ /^( {4,})(?=[\w*(])/gm) {
        my ($at, $start) = (pos $body, $-[0]);
        my $before = substr $body, 0, $start;
        next unless $before =~ /(?:^|[;{}:]|\belse)\s*$/
                    || $before =~ /\b(?:if|while|for) \([^;{}]*\)\s*$/
                    || $before =~ /\bfor \([^{}]*\)\s*$/;
        my $rest = substr $body, $at;
        next if $rest =~ /^(?:(?:if|for|while|do|switch|else|case|default)\b
                          |return[ ]|\w+:\n|\(void\)[ ]\w+;)/x;
        next unless $rest =~ /^([^;{}]+);/;
        push @found, {
            kind => 'statement removed', at => $from + $at,
            edits => [[$from + $at, length $1, $1 =~ tr/\n//cdr]],
        };
    }

    return @found;
}

sub returns ($body, $from, $type)
{
    my @found;

    while ($body =~ /\breturn ([^;{}]+);/g) {
        my ($at, $value) = ($-[1], $1);
        my $new = $value eq 'true' ? 'false'
            : $value eq 'false' ? 'true'
            : $value eq 'QOE_OK' ? 'QOE_ERROR'
            : $type =~ /\bqoe_status_t$/ ? 'QOE_OK'
            : $type =~ /\bbool$/ ? "!($value)"
            : $type =~ /\*$/ ? ($value eq 'NULL' ? next : 'NULL')
            : "($value) + 1";
        push @found, {
            kind => 'returns ' . $new =~ s/\s+/ /gr, at => $from + $at,
            edits => [[$from + $at, length $value,
                       $new . ($new =~ /\n/ ? '' : $value =~ tr/\n//cdr)]],
        };
    }

    return @found;
}


# Tries faults until $count of them count.  Those that were begun in vain are
# not counted, so the result does not depend on JOBS.

sub try_all (@sites)
{
    my (%running, @results, $known);
    my @free = (1 .. $jobs);
    my $next = 0;

    while (1) {
        my $counted = grep { $_ && $_->{result} ne 'no' } @results;
        my $more = !$stop && $next < @sites
                   && $counted + keys(%running) < $count;

        last unless $more || %running;

        if ($more && @free) {
            my $site = $sites[$next];
            my $slot = shift @free;
            my $pid = fork // die "fork: $!\n";
            if ($pid == 0) {
                $SIG{INT} = $SIG{TERM} = 'IGNORE';
                spew("$dir/run/$next.result", try_one($site, $slot));
                POSIX::_exit(0);
            }
            $running{$pid} = [$next++, $slot];
            next;
        }

        my $pid = wait;
        next if $pid < 0;
        my ($n, $slot) = @{ delete $running{$pid} // next };
        die "mutate: a step failed\n" if $? != 0;
        push @free, $slot;
        ($results[$n]{result}, $results[$n]{by})
            = split /\t/, slurp("$dir/run/$n.result");
        $results[$n]{site} = $sites[$n];
        unlink "$dir/run/$n.result";
        print_survivor($results[$n]) if $results[$n]{result} eq 'survived';
        note("$counted of $count") if ++$counted % 25 == 0
            && $results[$n]{result} ne 'no';
    }

    my @counted = grep { $_ && $_->{result} ne 'no' } @results;
    splice @counted, $count if @counted > $count;

    return @counted;
}

# "no", "caught\tTEST" or "survived\tHOW MANY TESTS".

sub try_one ($site, $slot)
{
    my $scratch = "$dir/run/$slot";
    my $base = basename($site->{path}, '.c');
    my $text = slurp($site->{path});
    my $result;

    remove_tree($scratch);
    make_path("$scratch/from");

    # the original once more: a file of the same name, at the same place
    spew("$scratch/from/$base.c", qq{#line 1 "$site->{path}"\n$text});
    compile("$scratch/from/$base.c", "$scratch/$base.o", includes($site)) == 0
        or die "mutate: $site->{path} does not compile\n";
    my $original = slurp("$scratch/$base.o");

    substr($text, $_->[0], $_->[1]) = $_->[2] for @{ $site->{edits} };
    spew("$scratch/from/$base.c", qq{#line 1 "$site->{path}"\n$text});

    if (compile("$scratch/from/$base.c", "$scratch/$base.o", includes($site))
        != 0 || slurp("$scratch/$base.o") eq $original
        || compile("$scratch/from/$base.c", "$scratch/warned.o",
                   includes($site), $make{warn}) != 0)
    {
        $result = 'no';

    } else {
        my @tests = covering($site);
        my $by = first { caught($site, $slot, $_) } @tests;
        $result = $by ? "caught\t$by->{name}" : "survived\t" . @tests;
    }

    remove_tree($scratch);
    return $result;
}

sub includes ($site) { $site->{path} =~ m{^(.*)/} ? "-I$1" : '' }

# The tests that run the line, the quickest first; a line without code of its
# own belongs to the last one before it that has some.  A process that is killed
# leaves no counts: where no test runs the line as far as is known, it may be one
# of the tests that kill.

sub covering ($site)
{
    my $path = $site->{path};
    my %code = map { %{ $_->{code}{$path} // {} } } @$tests;
    my $line = $site->{line};
    $line-- while $line > 1 && !$code{$line};

    my @run = grep { $_->{ran}{$path}{$line} } @$tests;
    @run = grep { $_->{kills} && $_->{ran}{$path} } @$tests unless @run;

    return sort { $a->{seconds} <=> $b->{seconds} } @run;
}

# Does the test fail with the fault?

sub caught ($site, $slot, $test)
{
    my $scratch = "$dir/run/$slot";
    my $base = basename($site->{path}, '.c');
    my $object = "$test->{file}.o";
    my $faulty = "$scratch/$base.o";

    # what it includes is the faulty file, which -I would look for last
    if ($test->{includes}{$site->{path}}) {
        $object = "$scratch/test.o";
        $faulty = '';
        return 1 if compile($test->{source}, $object,
                            "-iquote $scratch/from -It/unit -It/oracle") != 0;
    }

    system("$make{cc} -o $scratch/test $object $faulty $dir/lib/liboracle.a "
           . "$dir/lib/libqoe.a $make{libs} 2>$scratch/link") == 0
        or die "mutate: $test->{name} does not link: "
            . slurp("$scratch/link");

    my $status = run(10 + 3 * $test->{seconds}, $slot, "$scratch/test");
    return !defined $status || $status != 0;
}


sub print_survivor ($r)
{
    my $site = $r->{site};
    my @lines = split /\n/, slurp($site->{path});
    my $line = $lines[$site->{line} - 1] =~ s/^\s+//r;

    printf "%s:%d: %s, %s: %s\n", $site->{path}, $site->{line},
        $site->{kind}, $r->{by} == 1 ? '1 test' : "$r->{by} tests", $line;
}

sub report (@results)
{
    my (%all, %caught);

    for my $r (@results) {
        my ($room) = $r->{site}{path} =~ m{^src/(\w+)/};
        for my $name ($room, 'all') {
            $all{$name}++;
            $caught{$name} += $r->{result} eq 'caught';
        }
    }

    printf "\n%-8s %7s %7s %7s\n", 'room', 'faults', 'caught', '';
    printf "%-8s %7d %7d %6.1f%%\n", $_, $all{$_}, $caught{$_},
        100 * $caught{$_} / $all{$_} for grep { $all{$_} } @rooms, 'all';
}
