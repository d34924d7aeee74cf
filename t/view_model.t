#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# Random sessions of plausible players (t/tools/view_random.py): the module's
# machine against a model of the same rules (t/view_model.py), against what
# really happened, against itself with other batches and with consumers that
# are killed, and its numbers against each other.  OPENQOE_SEED, OPENQOE_SESSIONS.

use lib 't/lib';
use OpenQoE::Peers qw(program);
use OpenQoE::Sessions qw(recorded_sessions batches is_truth view_lines
                         view_totals);
use OpenQoE::Test;

need(view_cli => tool('view_cli'), python3 => program('python3'));

my $seed = $ENV{OPENQOE_SEED} || 20261129;
my $n = $ENV{OPENQOE_SESSIONS} || 3000;
my $start = 1_800_000_000_000;

diag("seed $seed");

# the oracle itself: it knows what the recorded sessions were

my @sessions = recorded_sessions();
my ($model) = view_totals([ 'python3', 't/tools/view_model_cli.py' ],
                          view_lines(batches($start, \@sessions)));

is_truth($_, $model->{ $_->{name} }, "the model counts the truth of $_->{name}")
    for @sessions;

my ($rc, $out, $err) = run_cmd({ timeout => scaled(300) }, 'python3',
    't/tools/view_diff.py', tool('view_cli'), $seed, $n);

is($rc, 0, 'the random sessions are played') or diag($err);

my $result = decode_json_text($out) // {};

cmp_ok($result->{events} // 0, '>', 20 * $n,
       'the sessions have many events');
cmp_ok($result->{views} // 0, '>', $n, 'the sessions have many views');
cmp_ok($result->{sure} // 0, '>', $n / 2,
       'the events say all of what happened in most of the sessions');

ok_none('model', 'the machine and the model count the same');
ok_none('truth', 'what is counted is what really happened');
ok_none('batches', 'other batches of the same events give the same numbers');
ok_none('kills', 'consumers that are killed between batches change nothing');
ok_none('identity', 'no numbers of a session contradict each other');

done_testing;


sub ok_none ($kind, $claim) {
    my $found = $result->{$kind} // [ 'nothing was compared' ];
    my $more = @$found > 20 ? "\n... and " . (@$found - 20) . ' more' : '';

    ok(!@$found, $claim)
        or diag(join("\n", grep { defined } @{$found}[0 .. 19]) . $more);
}
