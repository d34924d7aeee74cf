package OpenQoE::Records;

# Copyright (C) OpenQoE
#
# Records of views as a receiver has them, from a file of OTLP JSON lines (the
# file exporter) or of items (t/peers/*.js), and what a consumer makes of them:
# of each view the record with the highest number counts.
#
#     my $records = OpenQoE::Records->new($peer->file);
#     $records->wait_final(60);
#     is($records->sum('stalls'), 7);
#
# A record is a hash of its attributes, without "openqoe.view.", and with the
# log record itself in _log.

use v5.36;

use JSON::XS ();

use OpenQoE::Process qw(wait_until);

my $json = JSON::XS->new->utf8;


sub new ($class, @paths) {
    return bless { paths => \@paths, at => {}, all => [], bad => [] }, $class;
}


# Reads what was written since the last time, complete lines only.

sub read ($self) {
    for my $path (@{ $self->{paths} }) {
        open my $in, '<:raw', $path or next;
        seek $in, $self->{at}{$path} // 0, 0;

        while (my $line = <$in>) {
            last if $line !~ /\n\z/;
            $self->{at}{$path} += length $line;
            next if $line !~ /openqoe\.view"/;
            my $request = eval { $json->decode($line) } or next;
            $self->take($_)
                for $request->{item} // map { @{ $_->{logRecords} // [] } }
                    map { @{ $_->{scopeLogs} } } @{ $request->{resourceLogs} };
        }
    }

    return $self;
}


sub value ($value) {
    for my $kind (qw(intValue doubleValue boolValue)) {
        return 0 + $value->{$kind} if defined $value->{$kind};
    }
    return $value->{stringValue};
}


sub take ($self, $log) {
    return if ($log->{eventName} // '') ne 'openqoe.view';
    my %r = (_log => $log);

    for my $attr (@{ $log->{attributes} }) {
        my $name = $attr->{key} =~ s/^openqoe\.view\.//r;
        push @{ $self->{bad} }, "$name appears twice" if exists $r{$name};
        $r{$name} = value($attr->{value});
    }

    push @{ $self->{all} }, \%r;
}


sub all ($self) { @{ $self->{all} } }
sub bad ($self) { @{ $self->{bad} } }


# What identifies a view.

sub key ($r) { join ' ', map { $_ // '' }
               @$r{qw(org_id view_id play start_ms openqoe.edge)} }


# The record of each view that counts, in the order of their keys.

sub last ($self) {
    my %last;

    for my $r ($self->all) {
        my $key = key($r);
        $last{$key} = $r if !$last{$key} || $r->{seq} >= $last{$key}{seq};
    }

    return @last{sort keys %last};
}


sub final ($self) { grep { $_->{final} } $self->last }


# Waits until so many views are over.  Returns true then.

sub wait_final ($self, $n, $timeout = 30) {
    return wait_until(sub { $self->read; $self->final >= $n }, $timeout);
}


# The sum of an attribute over the views that are over, and how many have it.

sub sum ($self, $name) {
    my $sum = 0;
    $sum += $_->{$name} // 0 for $self->final;
    return $sum;
}

sub count ($self, $name, $value = undef) {
    return scalar grep { defined $_->{$name}
                         && (!defined $value || $_->{$name} eq $value) }
                  $self->final;
}


# Records that contradict one another: of one number with other contents, or
# numbers that fall.  (What is put again after a kill is the same.)

sub contradictions ($self) {
    my (%seen, @wrong);

    for my $r ($self->all) {
        my $key = key($r) . " $r->{seq}";
        my $text = join ' ', map { "$_=$r->{$_}" }
                   grep { $_ ne '_log' } sort keys %$r;
        push @wrong, $key if defined $seen{$key} && $seen{$key} ne $text;
        $seen{$key} = $text;
    }

    return @wrong;
}


1;
