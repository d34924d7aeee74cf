#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# docs/numbers.md against the code: its table of states and transitions is the
# program's, the scenarios that it names exist and expect their metric, and the
# sizes that it gives are those of the structures.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;
my $top = "$FindBin::Bin/..";
my $doc = slurp("$top/docs/numbers.md");
my $tools = $ENV{OPENQOE_TOOLS} // "$top/build/lib/tools";


my ($table) = $doc =~ /^<!--\ made\ by[^\n]+-->\n\n(.*?)\n<!--\ end\ -->$/msx;

is($table, qx($tools/view_table_cli),
   "the document's states and transitions are those of the program");

my ($record) = slurp("$top/docs/views.md")
               =~ /^<!--\ made\ by[^\n]+-->\n\n(.*?)\n<!--\ end\ -->$/msx;

is($record, qx($tools/view_table_cli --record),
   "the document's attributes of a record are those of the program");

like($doc, qr/^A view takes ${\ size('view')} bytes of the zone/m,
     "the document's size of a view is right");
like($doc, qr/a session ${\ size('session')} bytes for as long/,
     "the document's size of a session is right");

# names in OTLP by those in Prometheus, as t/readme.t has checked them
my %prometheus = map { /^\| `([\w.]+)` \| `(openqoe\w+)` \|/ ? ($2 => $1) : () }
                 split /\n/, slurp("$top/docs/metrics.md");
my @rows = grep { m{t/scenarios/} } split /\n/, $doc;

cmp_ok(scalar @rows, '>', 10, 'the document has rows with scenarios');

for my $row (@rows) {
    my ($metrics, undef, $scenarios) = $row =~ /^\| (.*?) \| (.*) \| (.*) \|$/;
    my ($metric) = grep { $prometheus{$_} } $metrics =~ /`(openqoe\w+)`/g;

    ok($metric, "the catalogue has the metric of: $metrics") or next;

    for my $path ($scenarios =~ m{\(\.\./(t/scenarios/[\w-]+\.txt)\)}g) {
        ok(-f "$top/$path", "$path exists") or next;
        like(slurp("$top/$path"), qr/^(?:metrics .*)?\b\Q$prometheus{$metric}\E\b/m,
             "$path looks at $prometheus{$metric}");
    }
}

done_testing;


# Bytes of a structure, by the tool of that name.

sub size ($what) {
    my ($bytes) = qx($tools/view_table_cli --size $what) =~ /^(\d+)$/m;
    return $bytes;
}
