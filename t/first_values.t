#!/usr/bin/perl

# Copyright (C) OpenQoE
#
# openqoe_max_sessions and openqoe_max_new_values as they are by default: what a
# fresh installation shows of its first requests, what becomes of a request that
# brings more than its share, and what a relay is given.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);

use OpenQoE::Test;

use OpenQoE::Prometheus qw(prometheus_text);

use constant SESSIONS => 20;

my $nginx = OpenQoE::Nginx->new(max_sessions => undef, max_new_values => undef,
                                location => <<'END');
        location = /relay { openqoe_events; openqoe_max_sessions 1000; }
END
$nginx->start;


sub post ($path, @events) {
    my $r = http_post($nginx->port, $path, batch_json(\@events));
    return ($r->{status}, decode_json_text($r->{body}));
}


# The events counted by the value of a label.

sub counted ($label) {
    my $r = http_get($nginx->port, '/v2/stats?format=prometheus',
                     timeout => 20);
    my $text = prometheus_text($r->{body});
    my %n;

    for my $id (grep { /^openqoe_events_total\{/ } keys %{ $text->{labels} }) {
        my $value = $text->{labels}{$id}{$label};
        $n{$value} += $text->{samples}{$id} if defined $value;
    }

    return \%n;
}


# --- the first request of a player

my %first = (
    org_id => 'first', player_id => 'web', env => 'production',
    app_name => 'site', app_version => '3.2.1',
    device_category => 'tv', os_family => 'Tizen', browser_family => 'Samsung',
    player_name => 'shaka', network_country => 'NO', video_id => 'v-77',
    video_title => 'Fjord', content_type => 'vod',
);
my ($status, $json) = post('/v2/events', map { event(
    %first{qw(org_id player_id env app_name app_version)},
    session_id => 'viewer', view_id => 'view', event_type => $_,
    device => { category => 'tv' }, os => { family => 'Tizen' },
    browser => { family => 'Samsung' }, player => { name => 'shaka' },
    network => { country_code => 'NO' },
    video => { id => 'v-77', title => 'Fjord', stream_type => 'vod' },
) } qw(playerready viewstart playrequest loadstart canplay playing heartbeat
       pause playing quartile heartbeat ended));

is($status, 202, 'the first request of a fresh installation is accepted');
my $taken = $json->{events_received};
cmp_ok($taken, '>', 8,
       'the request brings more events than new values of a dimension');

ok(wait_until(sub { sum0(values %{ counted('org_id') }) == $taken }, 20),
   'all events of the request are counted');
my $shown = prometheus_text(
    http_get($nginx->port, '/v2/stats?format=prometheus')->{body});
for my $label (sort keys %first) {
    my %values = map { $_->{$label} // '' => 1 }
                 grep { ($_->{org_id} // '') eq 'first' }
                 values %{ $shown->{labels} };
    delete $values{''};
    is_deeply([ keys %values ], [ $first{$label} ],
              "$label has its real value in all metrics that have it");
}


# --- a request that brings more values than it may

my @crowd = map { {
    org_id => 'crowd', app_name => "app-$_", session_id => "s$_",
    view_id => "v$_",
} } 1 .. SESSIONS;

my $apps = sub {
    my $n = counted('app_name');
    return { map { $_ => $n->{$_} } grep { /^app-|^other$/ } keys %$n };
};

for my $turn (1 .. 3) {
    is((post('/v2/events', map { event(%$_) } @crowd))[0], 202,
       "request $turn of " . SESSIONS . ' new applications is accepted');
    ok(wait_until(sub { sum0(values %{ $apps->() }) == SESSIONS * $turn }, 20),
       'no event of these applications is lost');

    my $own = grep { /^app-/ } keys %{ $apps->() };
    is($own, $turn * 8 > SESSIONS ? SESSIONS : $turn * 8,
       "$own of these applications have series of their own by then");
}

is($apps->()->{other}, SESSIONS - 8 + SESSIONS - 16,
   'the events that came too early are those under "other"');


# --- sessions

sub sessions ($n) { map { event(session_id => "x$_") } 1 .. $n }

($status, $json) = post('/v2/events', sessions(70));
is($status, 202, 'a request of 70 sessions is accepted');
is_deeply([ @$json{qw(events_received events_rejected)} ], [ 64, 6 ],
          'the events of its first 64 sessions are accepted');
is($json->{errors}[0]{event}, 64,
   'the error names the first event of a session past the limit');
like($json->{errors}[0]{reason}, qr/only the first 64 sessions/,
     'the error has the reason');

($status, $json) = post('/relay', sessions(500));
is_deeply([ $status, $json->{events_received} ], [ 202, 500 ],
          'a location for relays takes more sessions in a request');

ok($nginx->stop('QUIT', 20), 'nginx exits by itself');
$nginx->no_errors;

done_testing;
