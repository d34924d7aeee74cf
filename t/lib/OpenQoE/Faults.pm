package OpenQoE::Faults;

# Copyright (C) OpenQoE
#
# A scenario of the fault tests: an nginx with a spool, the collectors it
# exports to, an oracle for each, and what must be true whatever happened:
# everything accepted is delivered or counted as dropped, nothing is damaged,
# the sums of /v2/stats agree, the spool ends empty, no process stays.
#
#     my $f = OpenQoE::Faults->new(ack => 'fsync', workers => 2)->start;
#     $f->load(d => 5, r => 500);
#     $f->nginx->kill_worker;
#     $f->settled('a worker killed');
#     $f->end(allow => $OpenQoE::Faults::killed);

use v5.36;

use Exporter qw(import);
use File::Find ();
use JSON::PP ();
use Test::More ();
use Time::HiRes qw(sleep time);

use OpenQoE::Event qw(batch batch_json decode_json_text);
use OpenQoE::HTTP qw(http_get http_post);
use OpenQoE::Nginx;
use OpenQoE::Oracle;
use OpenQoE::Process qw(children group_alive run_cmd scaled slurp wait_until);
use OpenQoE::Receiver;

our @EXPORT_OK = qw(long $killed);

our $killed = qr/exited on signal 9|was terminated with signal 9/;


# The scenarios are short in CI, and long when that is asked for.

sub long ($short, $long) { $ENV{OPENQOE_LONG} ? $long : $short }


# new(name => value, ...), all optional:
#   ack        memory, spool or fsync
#   spool      what follows the directory in openqoe_spool; undef: no spool
#   spool_dir  another directory
#   to         { name => text in the block }, "default" the unnamed one; text
#              may be undef.  A collector for each.
#   exporter   text in all of them
# and those of OpenQoE::Nginx.

sub new ($class, %opt) {
    my %to = %{ delete $opt{to} // { default => undef } };
    my %own = map { $_ => delete $opt{$_} }
              grep { exists $opt{$_} } qw(ack spool spool_dir exporter http);
    my $self = bless {
        ack => 'memory', spool => 'max_size=64m', exporter => '', http => '',
        %own, to => \%to, load => [], oracle => {}, samples => 0,
    }, $class;

    for my $name (keys %to) {
        $self->{receiver}{$name} = OpenQoE::Receiver->new;
        $self->{oracle}{$name} = OpenQoE::Oracle->new;
    }

    $self->{nginx} = OpenQoE::Nginx->new(workers => 2, exporter => undef,
                                         %opt);
    $self->{spool_dir} //= "$self->{nginx}{dir}/kept";
    $self->config;

    return $self;
}


sub nginx ($self) { $self->{nginx} }
sub spool_dir ($self) { $self->{spool_dir} }
sub receiver ($self, $name = 'default') { $self->{receiver}{$name} }
sub oracle ($self, $name = 'default') { $self->{oracle}{$name} }
sub names ($self) { my @n = sort keys %{ $self->{receiver} }; @n }


# The configuration as it is now, for a start or a reload.

sub config ($self, %change) {
    my $http = '';

    for my $key (qw(ack spool exporter http)) {
        $self->{$key} = delete $change{$key} if exists $change{$key};
    }

    $http .= "openqoe_spool $self->{spool_dir} $self->{spool};\n"
        if defined $self->{spool};

    for my $name ($self->names) {
        my $block = $name eq 'default' ? '' : " $name";
        my $text = $self->{to}{$name} // '';
        $http .= "openqoe_exporter$block {\n"
            . '    endpoint ' . $self->receiver($name)->url . ";\n"
            . "    protocol http/protobuf; compression none;\n"
            . "    $self->{exporter} $text\n";
        $http .= "    interval 100ms;\n"
            if "$self->{exporter} $text" !~ /\binterval\b/;
        $http .= "}\n";
    }

    my $events = $self->{ack} eq 'memory' ? '' : "openqoe_ack $self->{ack};";
    $self->nginx->write_config(%change, events => $events,
                               http => $http . $self->{http});
    return $self;
}


sub start ($self, %opt) {
    if (!$opt{dead}) {
        $_->{process} || $_->start for values %{ $self->{receiver} };
    }

    $self->nginx->start;
    return $self;
}


# Starts a load in the background (options of t/tools/load); returns the
# process.

sub load ($self, %opt) {
    my $load = OpenQoE::Test::load($self->nginx, n => 5, %opt);
    push @{ $self->{load} }, $load;
    return $load;
}


# Posts a request of n events, notes it with every oracle, and returns the answer.

sub post ($self, $n = 5, %opt) {
    my $events = batch($n, %{ $opt{set} // {} });
    my $answer = http_post($self->nginx->port, '/v2/events',
                           batch_json($events),
                           timeout => $opt{timeout} // 10);
    $_->note($events, $answer) for values %{ $self->{oracle} };
    return $answer;
}


sub status ($self, $n = 5, %opt) {
    my $answer = $self->post($n, %opt);
    return $answer ? $answer->{status} : 'none';
}


# /v2/stats, or undef while it does not answer

sub stats ($self) {
    my $answer = http_get($self->nginx->port, '/v2/stats', timeout => 5)
        // return undef;
    return decode_json_text($answer->{body});
}


# { name => its part of /v2/stats }

sub dests ($self, $stats = $self->stats) {
    return $stats->{exporters} // {};
}


sub dest ($self, $name = 'default') { $self->dests->{$name} }


sub sum_dropped ($dest) {
    my $sum = 0;
    $sum += $_ for values %{ $dest->{dropped} };
    return $sum;
}


# accepted + recovered - exported - rejected - dropped - queued - spooled

sub difference ($dest) {
    return $dest->{accepted} + $dest->{recovered} - $dest->{exported}
           - $dest->{rejected} - sum_dropped($dest) - $dest->{queued}
           - $dest->{spooled};
}


# Checks the sums while the load runs: they may disagree by what moves between
# reads of two of the numbers, but no number may be absurd.

sub sample ($self) {
    my $stats = $self->stats // return;

    for my $dest (values %{ $self->dests($stats) }) {
        my $off = abs difference($dest);
        my @absurd = grep { $dest->{$_} < 0 || $dest->{$_} > 2 ** 53 }
            qw(accepted recovered exported rejected queued spooled);

        $self->{samples}++;
        $self->{off} = $off if $off > ($self->{off} // 0);
        $self->{absurd} //= "$_ $dest->{$_}" for @absurd;
    }
}


# Does something at random times until the load is over.

sub meanwhile ($self, $load, $what, $pause = 0.5) {
    my $n = 0;

    while ($load->alive) {
        $self->sample;
        sleep $pause / 2 + rand $pause;
        last if !$load->alive;
        $what->($n++);
    }

    return $n;
}


sub loaded ($self) {
    for my $load (splice @{ $self->{load} }) {
        my $status = $load->wait(scaled(60)) // 'too long';
        Test::More::is($status, 0, 'the load ends well')
            || Test::More::diag($load->output, $load->errors);
        $_->load_file($load->{ids}) for values %{ $self->{oracle} };
    }
}


# Ends the loads early; requests that have no answer yet are ambiguous.

sub halt ($self) {
    $_->signal('TERM') for @{ $self->{load} };
    $self->loaded;
}


# Files of the spool, without the quarantine.

sub segments ($self) {
    my @found;

    return if !-d $self->{spool_dir};
    File::Find::find({ no_chdir => 1, wanted => sub {
        push @found, $File::Find::name
            if /\.(?:open|seg)\z/ && !m{/quarantine/} && -f;
    } }, $self->{spool_dir});

    return @found;
}


sub quarantined ($self) { glob "$self->{spool_dir}/quarantine/*/*" }


# Waits until every collector has all accepted events, but for those that are
# counted as dropped.

sub wait_delivered ($self, $timeout = 30) {
    my (%report, %dropped);

    my $all = wait_until(sub {
        my $dests = $self->dests // return 0;
        my $missing = 0;

        for my $name ($self->names) {
            my $oracle = $self->oracle($name);
            $oracle->delivered_file($self->receiver($name)->file);
            $report{$name} = $oracle->report;
            $dropped{$name} = sum_dropped($dests->{$name} // {});
            $missing += $report{$name}{missing} > $dropped{$name};
        }

        return !$missing;
    }, $timeout);

    return ($all, \%report, \%dropped);
}


# settled(name, ...): the load is over and the fault is gone, and all is well:
#   dropped         { exporter => events } counted as dropped; 0 each
#   duplicates      at most so many
#   off             so far the sums may have been off under load (20,000)
#   timeout         for everything to arrive
#   fresh           0: no event more

sub settled ($self, $name, %opt) {
    $self->loaded;

    if ($opt{fresh} // 1) {
        my $status = wait_until(sub { $self->status(3) == 202 }, 20);
        Test::More::ok($status, "$name: a new event is accepted");
    }

    my ($all) = $self->wait_delivered($opt{timeout} // 30);
    my $at_rest = wait_until(sub {
        my $dests = $self->dests;
        return !grep { $_->{queued} || $_->{spooled} || difference($_) }
               values %$dests;
    }, $opt{timeout} // 30);

    # An event that comes after this would be a duplicate.

    sleep 0.5;
    $self->wait_delivered(0.1);

    my $dests = $self->dests;
    for my $to ($self->names) {
        $self->delivered_all($name, $to, $dests->{$to}, %opt);
    }

    Test::More::ok($at_rest, "$name: the exporters' sums agree at rest")
        || Test::More::diag(JSON::PP->new->canonical->pretty->encode($dests));
    Test::More::ok(wait_until(sub { !$self->segments }, 10),
                   "$name: no segment is left in the spool")
        || Test::More::diag(join "\n", $self->segments);
    $self->sampled($name, $opt{off} // 20_000);

    return $self;
}


sub delivered_all ($self, $name, $to, $dest, %opt) {
    my $r = $self->oracle($to)->report;
    my $want = $opt{dropped}{$to} // 0;
    my $dropped = sum_dropped($dest);
    my @damaged = $self->receiver($to)->damaged;
    my $text = $self->names > 1 ? "$name: $to" : $name;
    my $max = $opt{duplicates} // $r->{duplicates};

    Test::More::ok($r->{accepted} > 0 && $r->{missing} == $dropped
                   && $r->{unexpected} == 0 && $r->{duplicates} <= $max,
                   "$text: accepted events are delivered or dropped"
                   . " ($r->{accepted} events, $dropped dropped,"
                   . " $r->{duplicates} duplicates)")
        || OpenQoE::Oracle::explain($r);
    Test::More::is($dropped, $want, "$text: $want events are dropped")
        || Test::More::diag(JSON::PP->new->canonical->encode($dest))
        if $want ne 'any';
    Test::More::is("@damaged", '', "$text: no event is damaged");
}


sub sampled ($self, $name, $most) {
    return if !$self->{samples};

    my $off = $self->{off} // 0;
    Test::More::ok($off <= $most && !defined $self->{absurd},
                   "$name: the exporters' sums agree under load "
                   . "($self->{samples} samples, off by $off at most)")
        || Test::More::diag($self->{absurd} // '');
    $self->{samples} = 0;
}


# nginx exits, and no process stays.

sub end ($self, %opt) {
    my $pid = $self->nginx->{process}{pid};

    Test::More::ok($self->nginx->stop($opt{signal} // 'QUIT',
                                      $opt{timeout} // 10),
                   'nginx exits in order');
    Test::More::ok(!group_alive($pid), 'no process of nginx is left');
    $self->nginx->no_errors(allow => $opt{allow});
    $_->stop for values %{ $self->{receiver} };
}


# Kills the master and all workers at once with SIGKILL.

sub kill_all ($self) {
    my $p = $self->nginx->{process};

    kill 'KILL', -$p->{pid};
    wait_until(sub { !$p->alive && !group_alive($p->{pid}) }, 5)
        or die "nginx outlives a kill\n";
    $p->stop('KILL');
    unlink $self->nginx->{dir} . '/nginx.pid';
    $self->nginx->{process} = undef;
}


1;
