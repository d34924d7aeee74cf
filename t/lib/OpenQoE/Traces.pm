package OpenQoE::Traces;

# Copyright (C) OpenQoE
#
# Spans in a file of OTLP JSON lines, by trace.
#
#     my $traces = traces_of($path, via => 'grpc');
#     $traces->{$view_id}{root}{attr}{'openqoe.view.outcome'};
#     $_->{name} for @{ $traces->{$view_id}{children} };

use v5.36;

use Exporter qw(import);

use OpenQoE::Event qw(decode_json_text);
use OpenQoE::Process qw(slurp);

our @EXPORT_OK = qw(traces_of spans_in trace_id shown);


sub trace_id ($view_id) { lc $view_id =~ s/-//gr }


sub value ($value) {
    return (values %{ $value // {} })[0];
}


sub attributes ($list) {
    return { map { $_->{key} => value($_->{value}) } @{ $list // [] } };
}


# The spans of all requests, with start and length in ms, attributes as
# { name => value } and the resource's as well.

sub spans_in ($path) {
    my @spans;

    for my $line (slurp($path) =~ /^(.+)\n/mg) {
        next if $line =~ /^\{"resource(?:Metrics|Logs)"/;
        my $request = decode_json_text($line) // die "$path: not JSON\n";

        for my $rs (@{ $request->{resourceSpans} // [] }) {
            my $resource = attributes($rs->{resource}{attributes});

            push @spans, map { span($_, $resource) }
                map { @{ $_->{spans} // [] } } @{ $rs->{scopeSpans} // [] };
        }
    }

    return @spans;
}


sub span ($s, $resource) {
    my $start = $s->{startTimeUnixNano} / 1e6;

    return {
        id => $s->{spanId}, trace => $s->{traceId}, name => $s->{name},
        parent => $s->{parentSpanId} // '', kind => $s->{kind} // 0,
        start => $start, ms => $s->{endTimeUnixNano} / 1e6 - $start,
        attr => attributes($s->{attributes}), resource => $resource,
        status => $s->{status} // {},
        events => [ map { { name => $_->{name}, ms => $_->{timeUnixNano} / 1e6,
                            attr => attributes($_->{attributes}) } }
                    @{ $s->{events} // [] } ],
    };
}


# By trace id: the root, the other spans in the order in which they came, and
# how many spans came twice.  via: those whose resource has that "via".

sub traces_of ($path, %opt) {
    my %traces;

    for my $s (spans_in($path)) {
        next if defined $opt{via} && ($s->{resource}{via} // '') ne $opt{via};

        my $trace = $traces{ $s->{trace} } //= { children => [], twice => 0 };
        $trace->{twice}++ if $trace->{seen}{ $s->{id} }++;

        if ($s->{name} eq 'view') {
            $trace->{root} = $s;
        } else {
            push @{ $trace->{children} }, $s;
        }
    }

    return \%traces;
}


# "name start+length" of spans, in the order of their start, since a moment

sub shown ($since, @spans) {
    return join '; ', map {
        sprintf '%s %d+%d', $_->{name}, $_->{start} - $since + 0.5,
                $_->{ms} + 0.5
    } sort { $a->{start} <=> $b->{start} || $a->{name} cmp $b->{name} } @spans;
}


1;
