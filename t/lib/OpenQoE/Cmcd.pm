package OpenQoE::Cmcd;

# Copyright (C) OpenQoE
#
# Another decoder of CMCD, made of the rules of docs/cmcd.md and of RFC 8941 and
# not of the module's source, for tests that compare the two:
#
#     my ($text, $ignored) = decode(query => 'CMCD=br%3D5');
#
# The text is that of t/tools/cmcd_cli.c: the set as JSON with sorted keys, or
# "refused: ...".  $ignored has the counts by reason.  Limits on the number of
# items and of custom keys are not there: give it less.

use v5.36;

use Exporter qw(import);

our @EXPORT_OK = qw(decode rows @REASONS);

our @REASONS = qw(syntax type range length unknown mode version no_sid);

my %type = (
    (map { $_ => 'numbers' } qw(ab bl br bsa bsd bsda lab lb mtp pb tab tb tbl
                                tpb)),
    (map { $_ => 'texts' } qw(nor ec)),
    (map { $_ => 'number' } qw(d dfa dl ltc msd pt rc rtp sn ts ttfb ttfbb ttlb
                               v)),
    pr => 'decimal',
    (map { $_ => 'flag' } qw(bg bs nr su)),
    (map { $_ => 'text' } qw(cen cid cmsdd cmsds cs h nrr sid smrt url)),
    (map { $_ => 'token' } qw(e ot sf st sta)),
);
my %reports = map { $_ => 1 } qw(cen cmsdd cmsds e h rc smrt ts ttfb ttfbb ttlb
                                 url);
my %longest = (sid => 64, cid => 128, h => 128, cen => 64);
my %tokens = (
    ot => [qw(m a v av i c tt k o)], sf => [qw(d e h s o)],
    st => [qw(v l ll)], sta => [qw(s p k r a w e f q d)],
    e => [qw(abs abe ae as b bc c ce e h m pc pe pr ps rr sk t um)],
);
my %object = map { $_ => 1 } @{ $tokens{ot} };


# Rows of decode.tsv or real.tsv: [where, bytes].

sub rows ($path) {
    my %escape = (t => "\t", n => "\n", r => "\r", '\\' => '\\');
    my @rows;

    open my $in, '<:raw', $path or die "$path: $!\n";

    while (my $line = <$in>) {
        my @column = split /\t/, $line, -1;
        my ($i) = grep { ($column[$_] // '') =~ /^(?:query|header|body)$/ }
                  0, 1;
        next if !defined $i;

        push @rows, [ $column[$i], $column[$i + 1]
            =~ s/\\(?:x([0-9A-F]{2})|(.))/defined $1 ? chr hex $1 : $escape{$2}/ger ];
    }

    return @rows;
}


# A bare item at pos: [type, value] or nothing, with pos where to go on.

sub item ($s) {
    if ($$s =~ /\G"/) {
        if ($$s !~ /\G"((?:[^"\\]|\\.)*+)"/gcs) {
            pos($$s) = length $$s;
            return;
        }

        my $text = $1;
        my @escaped = $text =~ /\\(.)/gs;
        my $characters = $text;

        return if grep { !/["\\]/ } @escaped;
        return if $text =~ /[\x00-\x1f\x7f]/ || !utf8::decode($characters);
        return if $characters =~ /[\x{d800}-\x{dfff}]|[^\x{0}-\x{10ffff}]/;
        return [ text => $text =~ s/\\(.)/$1/gsr ];
    }

    if ($$s =~ /\G(-?)(\d+)(?:(\.)(\d*))?/gc) {
        my ($sign, $whole, $dot, $fraction) = ($1, $2, $3, $4);
        my $number = "$sign$whole" . (defined $dot ? ".$fraction" : '');

        return length $whole > 15 ? () : [ integer => $number ] if !$dot;
        return if length $whole > 12 || $fraction !~ /^\d{1,3}$/;
        return [ decimal => $number ];
    }

    return [ token => $1 ] if $$s =~ m{\G([A-Za-z*][\w!#\$%&'*+.^`|~:/-]*)}gca;
    return [ bytes => $1 ] if $$s =~ m{\G:([A-Za-z0-9+/=]*):}gc;
    return [ flag => $1 ] if $$s =~ /\G\?([01])/gc;
    return;
}


# Parameters at pos: { ot, r }, or nothing.

sub parameters ($s) {
    my (%value, @order);

    while ($$s =~ /\G; */gc) {
        $$s =~ /\G([A-Za-z*][\w.*-]*)/gca or return;
        my $name = $1;
        my $item = [ flag => 1 ];

        if ($$s =~ /\G=/gc) {
            $item = item($s) // return;
        }

        push @order, $name if !$value{$name};
        $value{$name} = $item;
    }

    my ($ot) = grep { $object{$_} && "@{ $value{$_} }" ne 'flag 0' } @order;
    my $r = $value{r};

    return { ot => $ot, r => $r && $r->[0] eq 'text' ? $r->[1] : undef };
}


# A member at pos: [name, type, value, parameters], or nothing.

sub member ($s) {
    $$s =~ /\G([A-Za-z*][\w.*-]*)/gca or return;
    my @member = ($1, flag => 1);

    if ($$s =~ /\G=\(/gc) {
        my @items;

        while ($$s !~ /\G *\)/gc) {
            $$s =~ /\G */gc;
            my $item = item($s) // return;
            my $parameters = parameters($s) // return;
            $$s =~ /\G(?=[ )])/gc or return;
            push @items, [ @$item, $parameters ];
        }

        @member[1, 2] = (list => \@items);

    } elsif ($$s =~ /\G=/gc) {
        @member[1, 2] = @{ item($s) // return };
    }

    $member[3] = parameters($s) // return;
    return $$s =~ /\G[ \t]*(?=,|\z)/gc ? \@member : undef;
}


# All members of a dictionary.

sub dictionary ($text, $ignored) {
    my @members;
    my $s = $text;

    pos($s) = 0;
    $s =~ /\G */gc;

    while (pos($s) < length $s) {
        if (my $member = member(\$s)) {
            push @members, $member;
        } else {
            $ignored->{syntax}++;
            $s =~ /\G[^,]*/gcs;
        }

        last if $s !~ /\G,/gc;
        $s =~ /\G[ \t]*/gc;
        $ignored->{syntax}++ if pos($s) == length $s;
    }

    return @members;
}


# Halves are rounded up.  Numbers are decimal texts here, so nothing is lost.

sub whole ($type, $text) {
    return if $type !~ /^(?:integer|decimal)$/;

    my ($sign, $whole, $fraction) = $text =~ /^(-?)(\d+)(?:\.(\d+))?$/;
    my $part = sprintf '%-03s', $fraction // 0;
    $part =~ tr/ /0/;
    my $up = $sign ? $part > 500 : $part >= 500;

    return ($sign ? -1 : 1) * ($whole + ($up ? 1 : 0));
}


sub number ($text) {
    my ($sign, $whole, $fraction) = $text =~ /^(-?)0*(\d+?)(?:\.(\d*?)0*)?$/;

    $sign = '' if "$whole" . ($fraction // '') eq '0';
    return "$sign$whole" . (length($fraction // '') ? ".$fraction" : '');
}


sub characters ($text) { scalar(() = $text =~ /[^\x80-\xbf]/g) }

sub string ($text) { '"' . $text =~ s/(["\\])/\\$1/gr . '"' }


# The JSON of an item of a list, and why there is none.

sub list_item ($key, $type, $value, $parameters) {
    if ($type{$key} eq 'numbers') {
        my $n = whole($type, $value) // return (undef, 'type');

        return (undef, 'range') if $n < 0;
        return $parameters->{ot} ? "[$n,\"$parameters->{ot}\"]" : $n;
    }

    return (undef, 'type')
        if $type ne 'text'
           && !($key eq 'ec' && $type =~ /^(?:integer|decimal)$/);
    return $key eq 'nor' && defined $parameters->{r}
        ? sprintf('[%s,{"r":%s}]', map { string($_) } $value, $parameters->{r})
        : string($value);
}


# The JSON of a value, or nothing; and why some of it, or all, is left out.

sub value ($key, $type, $value, $parameters, $report) {
    my $must = $type{$key};

    return (undef, 'mode') if $reports{$key} && !$report;

    if ($must eq 'numbers' || $must eq 'texts') {
        my @items = $type eq 'list' ? @$value : [ $type, $value, $parameters ];
        my ($why, @json) = @items ? () : 'length';

        for my $item (@items) {
            my ($json, $bad) = list_item($key, @$item);
            defined $json ? push @json, $json : ($why = $bad);
        }

        return (@json ? '[' . join(',', @json) . ']' : undef, $why);
    }

    return (undef, 'type') if $type eq 'list';

    if ($must eq 'number') {
        my $n = whole($type, $value) // return (undef, 'type');

        return $n < 0 || ($key eq 'v' && $n == 0) ? (undef, 'range') : $n;
    }

    if ($must eq 'decimal') {
        return $type =~ /^(?:integer|decimal)$/ ? number($value)
                                                : (undef, 'type');
    }

    return (undef, 'type') if $type ne $must;
    return $value ? 'true' : 'false' if $must eq 'flag';

    if ($must eq 'token') {
        return (grep { $_ eq $value } @{ $tokens{$key} }) ? string($value)
                                                          : (undef, 'range');
    }

    return $longest{$key} && characters($value) > $longest{$key}
        ? (undef, 'length') : string($value);
}


# The value of a custom key.

sub custom ($type, $value) {
    return (undef, 'unknown') if $type eq 'list';
    return (undef, 'type') if $type =~ /^(?:flag|bytes)$/;
    return (undef, 'length') if characters($value) > 64;
    return $type =~ /^(?:integer|decimal)$/ ? number($value) : string($value);
}


# A set of some dictionaries: its members by name, or nothing if its version is
# too high.

sub set ($dictionaries, $report, $ignored) {
    my (%json, %why);

    for my $member (map { dictionary($_, $ignored) } @$dictionaries) {
        my ($name, $type, $value, $parameters) = @$member;

        if ($type{$name}) {
            ($json{$name}, $why{$name}) = value($name, $type, $value,
                                                $parameters, $report);

        } elsif ($name =~ /^[^-]+.*-.*[^-]$/s) {
            ($json{$name}, my $bad) = custom($type, $value);
            $ignored->{$bad}++ if $bad;

        } else {
            $ignored->{unknown}++;
        }

        delete $json{$name} if !defined $json{$name};
    }

    if (($json{v} // 0) > 2) {
        %$ignored = (version => 1);
        return;
    }

    $ignored->{$_}++ for grep { defined } values %why;
    return \%json;
}


sub json ($set) {
    return '{' . join(',', map { "\"$_\":$set->{$_}" } sort keys %$set) . '}';
}


sub unescape ($text) {
    return $text =~ tr/+/ /r =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger;
}


sub query ($query, $ignored) {
    for my $argument (split /&/, $query) {
        my ($name, $value) = split /=/, $argument, 2;
        next if unescape($name // '') ne 'CMCD';

        my $set = set([ unescape($value // '') ], 0, $ignored);
        return $set ? json($set) : 'refused: version not supported';
    }

    return 'refused: no CMCD';
}


sub headers ($lines, $ignored) {
    my ($found, $query, %value) = (0, '');

    for my $line (split /\n/, $lines, -1) {
        if ($line =~ /^\?(.*)/s) {
            $query = $1;
        } elsif ($line =~ /^cmcd-(object|request|session|status):(.*)/si) {
            my ($name, $value) = (lc $1, $2);
            $found = 1;
            $value =~ s/^[ \t\r]+|[ \t\r]+$//g;
            push @{ $value{$name} }, $value if length $value;
        }
    }

    return query($query, $ignored) if !$found;

    my $set = set([ map { join ',', @{ $value{$_} // [] } }
                    qw(object request session status) ], 0, $ignored);
    return $set ? json($set) : 'refused: version not supported';
}


sub report ($line, $ignored) {
    my $set = set([ $line ], 1, $ignored)
        // return '"refused: version not supported"';
    my @lacks = grep { !defined $set->{$_} } qw(e ts);

    return @lacks ? '"refused: event report without ' . join(' and ', @lacks)
                    . '"' : json($set);
}


sub body ($text, $ignored) {
    my @reports;

    for my $line (split /\n/, $text) {
        my %bad;

        $line =~ s/^[ \t\r]+//;
        $line =~ s/[ \t\r]+\z//;
        next if $line eq '';
        push @reports, report($line, \%bad);
        $ignored->{$_} += $bad{$_} for keys %bad;
    }

    return @reports ? '[' . join(',', @reports) . ']' : 'refused: no record';
}


sub decode ($where, $bytes) {
    my %ignored;
    my $text = $where eq 'query' ? query($bytes, \%ignored)
             : $where eq 'header' ? headers($bytes, \%ignored)
             : body($bytes, \%ignored);

    return ($text, \%ignored);
}


1;
