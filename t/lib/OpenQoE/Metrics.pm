package OpenQoE::Metrics;

# Copyright (C) OpenQoE
#
# Metrics as a receiver sees them.  An object follows a file of OTLP JSON lines
# (the file exporter, the Collector) or of items (t/peers/*.js) and keeps the
# last point of each series and what no receiver should see:
#
#     my $metrics = OpenQoE::Metrics->new($nginx->out_file);
#     $metrics->wait_value(1, 'openqoe.errors_total', error_code => 403);
#     is($metrics->value('openqoe.seek_total'), 7);      # of all series
#     is_deeply($metrics->problems, []);
#
# A series is a hash: name, attrs, kind (counter, updown, gauge, histogram),
# unit, start and time (Unix ns), points (how many were seen), and value, or
# count, sum, min, max, bounds, buckets.  Its key is the attributes as
# Prometheus writes them, sorted: {a="1",b="2"}.

use v5.36;

use Carp qw(croak);
use Exporter qw(import);
use JSON::XS ();
use List::Util qw(sum0);

use OpenQoE::Process qw(wait_until);

our @EXPORT_OK = qw(catalogue labels_key near);

use constant CUMULATIVE => 2;
use constant NO_VALUE => 1;                   # a bit of the flags

# Megabytes of points are too much for JSON::PP.
my $json = JSON::XS->new->utf8;


# Rows of src/series/qoe_catalogue*.h: { name => { kind, unit, group, attrs } },
# all in lower case but name and unit.

sub catalogue () {
    state $rows;
    return $rows if $rows;

    my $dir = __FILE__ =~ s{t/lib/OpenQoE/Metrics\.pm\z}{src/series}r;
    my $text = '';

    for my $path (glob "$dir/qoe_catalogue*.h") {
        open my $in, '<', $path or die "$path: $!\n";
        $text .= do { local $/; <$in> };
    }

    $text =~ s/\\\n//g;

    while ($text =~ /X\(\w+,\s+"([^"]+)",\s+([A-Z_]+),\s+"([^"]*)",\s+(\w+),
                     \s+([A-Z]+),\s+([A-Z]+),\s+"([^"]*)"/xg)
    {
        $rows->{$1} = { name => $1, kind => lc $2, unit => $3,
                        group => lc $5, grain => lc $6,
                        attrs => [ split /,/, $7 ] };
    }

    return $rows;
}


sub labels_key ($attrs) {
    my @pairs;

    for my $name (sort keys %$attrs) {
        my $value = $attrs->{$name} =~ s/([\\"])/\\$1/gr =~ s/\n/\\n/gr;
        push @pairs, qq($name="$value");
    }

    return '{' . join(',', @pairs) . '}';
}


# Equal but for the rounding of sums that were added in another order.

sub near ($a, $b, $tolerance = 1e-9) {
    my $size = abs $a > abs $b ? abs $a : abs $b;
    return abs($a - $b) <= $tolerance * ($size > 1 ? $size : 1);
}


# new(path, from => the byte where it begins to read)

sub new ($class, $path, %opt) {
    return bless { path => $path, at => $opt{from} // 0, series => {},
                   instances => {}, resource => undef, scope => undef,
                   requests => 0, torn => 0, times => {}, problems => [] },
                 $class;
}


# Reads what was written since the last time, complete lines only.

sub read ($self) {
    open my $in, '<:raw', $self->{path} or return $self;
    seek $in, $self->{at}, 0;

    while (my $line = <$in>) {
        last if $line !~ /\n\z/;
        $self->{at} += length $line;
        next if substr($line, 0, 200)
                !~ /"resourceMetrics"|"signal":"metrics"/;
        my $request = eval { $json->decode($line) };

        # A process that is killed leaves half a line.
        if ($request) { $self->take($request) }
        else { $self->{torn}++ }
    }

    return $self;
}


sub take ($self, $request) {
    $self->{requests}++;

    if ($request->{signal}) {
        $self->take_resource($request->{resource});
        $self->{scope} = $request->{scope};
        $self->take_metric($request->{item});
        return;
    }

    for my $rm (@{ $request->{resourceMetrics} // [] }) {
        $self->take_resource($rm->{resource});

        for my $sm (@{ $rm->{scopeMetrics} // [] }) {
            $self->{scope} = $sm->{scope};
            $self->take_metric($_) for @{ $sm->{metrics} // [] };
        }
    }
}


# The value of an AnyValue that is no list.

sub plain ($value) {
    my ($kind) = grep { /Value$/ } keys %{ $value // {} } or return undef;
    my $plain = $value->{$kind};
    return $kind eq 'boolValue' ? ($plain ? 'true' : 'false') : $plain;
}


sub plain_attrs ($list) {
    return { map { $_->{key} => plain($_->{value}) } @{ $list // [] } };
}


sub take_resource ($self, $resource) {
    $self->{resource} = plain_attrs($resource->{attributes});
    $self->{instances}{ $self->{resource}{'service.instance.id'} // '' }++;
}


sub problem ($self, $series, $text) {
    my $list = $self->{problems};
    push @$list, "$series->{name}$series->{key}: $text" if @$list < 50;
}


sub take_metric ($self, $metric) {
    my ($data) = grep { ref $metric->{$_} } qw(sum gauge histogram);
    my $body = $data ? $metric->{$data} : {};
    my $kind = ($data // '') ne 'sum' ? $data // 'none'
               : $body->{isMonotonic} ? 'counter' : 'updown';
    my %seen;

    for my $point (@{ $body->{dataPoints} // [] }) {
        my $attrs = plain_attrs($point->{attributes});
        my $new = { name => $metric->{name}, attrs => $attrs, kind => $kind,
                    key => labels_key($attrs), unit => $metric->{unit} // '',
                    start => $point->{startTimeUnixNano} // 0,
                    time => $point->{timeUnixNano} // 0 };

        # A gauge that has ended has no value.
        if (($point->{flags} // 0) & NO_VALUE) {
            $self->problem($new, 'has flags and is no gauge')
                if $kind ne 'gauge';
            $self->{ended}{ $new->{name} }{ $new->{key} }++;
            delete $self->{series}{ $new->{name} }{ $new->{key} };
            next;
        }

        if ($kind eq 'histogram') { histogram($new, $point) }
        else { $new->{value} = $point->{asInt} // $point->{asDouble} }

        $self->problem($new, 'is not cumulative')
            if $kind ne 'gauge'
               && ($body->{aggregationTemporality} // 0) != CUMULATIVE;
        $self->problem($new, 'twice in a metric') if $seen{ $new->{key} }++;

        $self->check($new);
        $self->follow($new);
    }
}


sub histogram ($series, $point) {
    $series->{bounds} = $point->{explicitBounds} // [];
    $series->{buckets} = $point->{bucketCounts} // [];
    $series->{$_} = $point->{$_} for qw(sum min max);

    # JSON leaves a zero out.
    $series->{count} = $point->{count} // 0;
}


# What must hold of any point by itself.

sub check ($self, $new) {
    my $bad = sub ($text) { $self->problem($new, $text) };

    $bad->("has no data of a kind we send") if $new->{kind} eq 'none';
    $bad->('has no time') if !$new->{time};
    $bad->("starts at $new->{start}, after its time $new->{time}")
        if $new->{kind} ne 'gauge' && $new->{start} > $new->{time};

    if ($new->{kind} ne 'histogram') {
        $bad->('has no value') if !defined $new->{value};
        $bad->("is $new->{value}") if ($new->{value} // 0) =~ /nan|inf/i;
        $bad->("is negative")
            if $new->{kind} eq 'counter' && ($new->{value} // 0) < 0;
        return;
    }

    my $sum = sum0(@{ $new->{buckets} });
    $bad->("buckets say $sum, count $new->{count}") if $sum != $new->{count};
    $bad->(@{ $new->{buckets} } . ' buckets for ' . @{ $new->{bounds} }
           . ' bounds') if @{ $new->{buckets} } != @{ $new->{bounds} } + 1;
}


# What must hold beside the point before: time goes on, the start stays,
# nothing shrinks.

sub follow ($self, $new) {
    my $place = \$self->{series}{ $new->{name} }{ $new->{key} };
    my $old = $$place;
    my $bad = sub ($text) { $self->problem($new, $text) };

    $new->{points} = 1 + ($old ? $old->{points} : 0);
    $new->{first} = $old ? $old->{first} : $new->{value} // $new->{count};
    $self->{times}{ $new->{time} }++;
    $$place = $new;
    return if !$old;

    $bad->('came twice for one time') if $new->{time} == $old->{time};
    $bad->('went back in time') if $new->{time} < $old->{time};
    $bad->("was a $old->{kind}, is a $new->{kind}")
        if $new->{kind} ne $old->{kind};
    $bad->("unit $old->{unit} became $new->{unit}")
        if $new->{unit} ne $old->{unit};
    return if $new->{kind} eq 'gauge';

    $bad->("start $old->{start} became $new->{start}")
        if $new->{start} != $old->{start};

    my $value = $new->{kind} eq 'histogram' ? 'count' : 'value';
    $bad->("fell from $old->{$value} to $new->{$value}")
        if $new->{kind} ne 'updown' && $new->{$value} < $old->{$value};
}


sub problems ($self) { $self->{problems} }


# The number of lines that were no JSON.

sub torn ($self) { $self->{torn} }


sub names ($self) { sort keys %{ $self->{series} } }


# The last points of the series of a name that have these attributes, and maybe
# others.  An attribute given as undef must be absent.

sub series ($self, $name, %attrs) {
    my $all = $self->{series}{$name} // {};

    return grep {
        my $own = $_->{attrs};
        !grep { defined $attrs{$_} ? ($own->{$_} // "\0") ne $attrs{$_}
                                   : exists $own->{$_} } keys %attrs;
    } map { $all->{$_} } sort keys %$all;
}


# The sum of the series' values, or of histograms' counts.

sub value ($self, $name, %attrs) {
    return sum0(map { $_->{value} // $_->{count} }
                $self->series($name, %attrs));
}


# Waits until that sum is (at least) so large, which must not be 0, for every sum
# is that; returns the sum, or undef.

sub wait_value ($self, $value, $name, %attrs) {
    croak("wait_value($value) waits for nothing") if $value <= 0;

    return wait_until(sub {
        my $now = $self->read->value($name, %attrs);
        return $now >= $value && $now;
    }, delete $attrs{-timeout} // 15);
}


# Times of the collections seen so far, Unix ns, in order.

sub times ($self) {
    my @times = sort { $a <=> $b } keys %{ $self->{times} };
    return @times;
}


# Waits for a collection that was made after all that has happened up to now,
# which is the second new one.  Returns false when there is none in time.

sub wait_collection ($self, $timeout = 15) {
    my ($last) = reverse $self->read->times;
    my $seen = $last // 0;

    return wait_until(sub {
        my $new = grep { $_ > $seen } $self->read->times;
        return $new >= 2;
    }, $timeout);
}


# The totals of all series of each name: { name => { kind, series, value } } or
# { kind, series, count, sum, buckets }. Of gauges only which series there
# were, because their values are of windows.

sub totals ($self) {
    my %totals;

    for my $name ($self->names) {
        my @all = $self->series($name);
        my %keys = map { $_ => 1 } keys %{ $self->{ended}{$name} // {} },
                                   map { $_->{key} } @all;

        # only gauges end
        my $t = $totals{$name} = { kind => @all ? $all[0]{kind} : 'gauge' };

        $t->{series} = join ' ', sort keys %keys;

        if ($t->{kind} eq 'histogram') {
            $t->{$_} = 0 for qw(count sum);
            for my $s (@all) {
                $t->{$_} += $s->{$_} // 0 for qw(count sum);
                $t->{buckets}[$_] += $s->{buckets}[$_]
                    for 0 .. $#{ $s->{buckets} };
            }

        } elsif ($t->{kind} ne 'gauge') {
            $t->{value} = sum0(map { $_->{value} } @all);
        }
    }

    return \%totals;
}


1;
