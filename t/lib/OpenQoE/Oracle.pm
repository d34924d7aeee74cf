package OpenQoE::Oracle;

# Copyright (C) OpenQoE
#
# Accepted against delivered.  Ids are RUN-NUMBER (see OpenQoE::Event and
# t/tools/load.c).  An id is accepted when its request was answered 202,
# ambiguous when its connection broke before the answer, refused otherwise.
# Right is: each accepted id delivered (once, where no fault hit), ambiguous
# ones any number of times, refused and unknown ones never.

use v5.36;

use Test::More ();

use OpenQoE::Event qw(event_id);
use OpenQoE::Process qw(wait_until);

use constant { ACCEPTED => 1, AMBIGUOUS => 2, REFUSED => 3 };

my %STATE = (A => ACCEPTED, U => AMBIGUOUS, R => REFUSED);


# Per run two byte strings indexed by number: the state and the count of
# deliveries.  Millions of ids fit.

sub new ($class) {
    return bless { state => {}, count => {}, offset => {} }, $class;
}


sub mark ($self, $state, $run, $first, $n = 1) {
    for my $number ($first .. $first + $n - 1) {
        vec($self->{state}{$run}, $number, 8) = $state;
    }
}


sub accepted ($self, @ids) { $self->mark(ACCEPTED, split /-/) for @ids }


sub ambiguous ($self, @ids) { $self->mark(AMBIGUOUS, split /-/) for @ids }


sub refused ($self, @ids) { $self->mark(REFUSED, split /-/) for @ids }


# Sorts the events of a request by its response (undef: connection lost).

sub note ($self, $events, $response) {
    my $method = !$response ? 'ambiguous'
               : $response->{status} == 202 ? 'accepted' : 'refused';
    $self->$method(map { event_id($_) } @$events);
}


# Reads what t/tools/load or oracle.lua wrote: "run RUN", then lines "A|U|R
# first count [status]"; a later line about an id wins.  A path or a list of
# paths.

sub load_file ($self, $paths) {
    for my $path (ref $paths ? @$paths : $paths) {
        my $run;

        open my $in, '<', $path or die "$path: $!\n";
        while (my $line = <$in>) {
            if ($line =~ /^run (\w+)$/) {
                $run = $1;

            } elsif ($line =~ /^([AUR]) (\d+) (\d+)/) {
                $self->mark($STATE{$1}, $run, $2, $3);

            } else {
                die "$path: bad line: $line";
            }
        }
    }
}


# What a file already holds is another oracle's.

sub skip_to_end ($self, $path) { $self->{offset}{$path} = -s $path // 0 }


# Counts every id that was added to the file since the last call; an unfinished
# last line waits for the next call.

sub delivered_file ($self, $path) {
    open my $in, '<:raw', $path or return 0;
    seek $in, $self->{offset}{$path} // 0, 0;

    while (my $line = <$in>) {
        last if $line !~ /\n\z/;
        $self->delivered_text($line);
        $self->{offset}{$path} = tell $in;
    }
}


# A file that was read so far has another name now.

sub renamed ($self, $from, $to) {
    $self->{offset}{$to} = delete $self->{offset}{$from};
}


sub delivered_text ($self, $text) {
    while ($text =~ /oqid-([0-9a-z]+)-(\d+)/g) {
        vec($self->{count}{$1}, $2, 8)++
            if vec($self->{count}{$1} //= '', $2, 8) < 255;
    }
}


# { accepted, delivered, missing, duplicates, refused, unexpected, ambiguous,
#   ambiguous_delivered, missing_ids, duplicate_ids, unexpected_ids }; the
# lists are the first ten.

sub report ($self) {
    my %r = map { $_ => 0 } qw(accepted delivered missing duplicates refused
                               unexpected ambiguous ambiguous_delivered);
    my %ids = (missing => [], duplicates => [], unexpected => []);
    my %runs = (%{ $self->{state} }, %{ $self->{count} });

    for my $run (sort keys %runs) {
        my $state = $self->{state}{$run} // '';
        my $count = $self->{count}{$run} // '';
        my $last = length $state > length $count ? length $state
                                                 : length $count;
        for my $i (0 .. $last - 1) {
            my $is = $i < length $state ? vec($state, $i, 8) : 0;
            my $n = $i < length $count ? vec($count, $i, 8) : 0;
            my $wrong = tally(\%r, $is, $n) // next;

            push @{ $ids{$wrong} }, "$run-$i" if @{ $ids{$wrong} } < 10;
        }
    }

    return { %r, missing_ids => $ids{missing},
             duplicate_ids => $ids{duplicates},
             unexpected_ids => $ids{unexpected} };
}


# Adds an id to the sums; returns the name of what is wrong with it, if
# anything is.

sub tally ($r, $is, $n) {
    if ($is == ACCEPTED) {
        $r->{accepted}++;
        $r->{delivered}++ if $n;
        $r->{missing}++ if !$n;
        $r->{duplicates} += $n - 1 if $n > 1;
        return $n == 0 ? 'missing' : $n > 1 ? 'duplicates' : undef;
    }

    if ($is == AMBIGUOUS) {
        $r->{ambiguous}++;
        $r->{ambiguous_delivered}++ if $n;
        $r->{duplicates} += $n - 1 if $n > 1;
        return $n > 1 ? 'duplicates' : undef;
    }

    $r->{refused}++ if $is == REFUSED;
    return undef if !$n;
    $r->{unexpected}++;
    return 'unexpected';
}


# Reads the files again and again until no accepted event is missing.

sub wait_delivered ($self, $paths, $timeout = 10) {
    my @paths = ref $paths ? @$paths : $paths;
    my $report;

    wait_until(sub {
        $self->delivered_file($_) for @paths;
        $report = $self->report;
        return $report->{missing} == 0;
    }, $timeout);

    return $report;
}


sub explain ($report) {
    my $text = join ', ', map { "$_ $report->{$_}" }
        qw(accepted delivered missing duplicates refused unexpected
           ambiguous ambiguous_delivered);
    Test::More::diag($text);
    for my $list (qw(missing_ids duplicate_ids unexpected_ids)) {
        Test::More::diag("$list: @{ $report->{$list} }")
            if @{ $report->{$list} };
    }
    return 0;
}


# Assertions, one test each.  An empty oracle fails, because it has shown
# nothing.

sub is_exactly_once ($self,
    $name = 'each accepted event is delivered exactly once')
{
    my $r = $self->report;
    my $ok = $r->{accepted} > 0 && $r->{missing} == 0
             && $r->{duplicates} == 0 && $r->{unexpected} == 0;
    return Test::More::ok($ok, "$name ($r->{accepted} events)")
           || explain($r);
}


sub is_at_least_once ($self, $name = 'no accepted event is lost',
                      $max_duplicates = undef)
{
    my $r = $self->report;
    my $ok = $r->{accepted} > 0 && $r->{missing} == 0
             && $r->{unexpected} == 0
             && $r->{duplicates} <= ($max_duplicates // $r->{duplicates});
    return Test::More::ok($ok, "$name ($r->{accepted} events,"
                               . " $r->{duplicates} duplicates)")
           || explain($r);
}


1;
