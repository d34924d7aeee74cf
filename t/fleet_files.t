#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# The files of deploy/fleet: docs/fleet.md names each of them, and none that is
# not there; systemd takes the units.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use OpenQoE::Test;

use OpenQoE::Peers qw(program);

my $deploy = "$FindBin::Bin/../deploy/fleet";
my $doc = slurp("$FindBin::Bin/../docs/fleet.md");

sub names ($pattern) { map { m{([^/]+)$} ? $1 : () } glob "$deploy/$pattern" }

my @sql = map { s/\.sql$//r } names('clickhouse/queries/*.sql');
my ($table) = $doc =~ /^\| file \| answers \|\n(.*?)\n\n/ms;
my %row = map { $_ => 1 } map { /`(\w+)`/g }
          map { (split /\|/)[1] } grep { /^\| `/ } split /\n/, $table;

is_deeply([ grep { !$row{$_} && $doc !~ /queries\/$_\.sql/ } @sql ], [],
          'the document names each query');
is_deeply([ grep { my $name = $_; !grep { $_ eq $name } @sql }
            sort keys %row ], [], 'each query that it names is there');

my @logsql = map { s/\.logsql$//r } names('victorialogs/queries/*.logsql');
is_deeply([ grep { my $name = $_; !grep { $_ eq $name } @sql } @logsql ], [],
          'each query in LogsQL is one in SQL, too');

is_deeply([ grep { !-e "$deploy/$_" }
            $doc =~ m{`((?:nginx|systemd|clickhouse|victorialogs)/[\w./-]+)`}g,
            $doc =~ m{`(collector[\w-]*\.yaml)`}g ], [],
          'each file that the document names is there');
is_deeply([ grep { $doc !~ /\Q$_\E/ } names('*.yaml'), names('nginx/*') ], [],
          'the document names each configuration');

for my $query (glob "$deploy/*/queries/*") {
    like(slurp($query), qr/^(?:--|#) \S/, ($query =~ m{([^/]+)$})[0]
         . ' says what it answers');
}

subtest 'units' => sub {
    my $verify = program('systemd-analyze');
    plan(skip_all => 'systemd-analyze is not installed') if !$verify;

    # What a unit starts is not installed here.
    for my $unit (glob "$deploy/systemd/*.{service,timer}") {
        my ($rc, $out, $err) = run_cmd($verify, 'verify', $unit);
        my @wrong = grep { !/is not executable|^$/ } split /\n/, "$out$err";
        is_deeply(\@wrong, [], ($unit =~ m{([^/]+)$})[0]
                  . ' is taken by systemd');
    }
};

done_testing;
