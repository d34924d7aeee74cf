package OpenQoE::Fuzz;

# Copyright (C) OpenQoE
#
# What the fuzzers over sockets share: many connections at once out of one
# process, each made by a random generator of its own, and what must be true
# of nginx afterwards.  A connection's choices depend on the seed and on its
# number alone, whatever the others do; its event times and ids do not.
#
#   OPENQOE_FUZZ_SECONDS  how long (10)
#   OPENQOE_FUZZ_SEED     the seed of an earlier run
#   OPENQOE_FUZZ_CASE     only the connection of that number

use v5.36;

use Errno qw(EAGAIN EINPROGRESS EINTR);
use IO::Compress::Gzip ();
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More ();
use Time::HiRes qw(sleep time);

use OpenQoE::Corpus;
use OpenQoE::Event qw(decode_json_text run_id uuid);
use OpenQoE::HTTP qw(http_get);
use OpenQoE::Nginx;
use OpenQoE::Oracle;
use OpenQoE::Process qw(scaled slow slurp wait_until);
use OpenQoE::Receiver;

# On a busy machine it takes longer to have enough connections of each kind.

use constant { CONNECTIONS => 24, LEAST => 500, PATIENCE_S => 30 };


# new(nginx options): an nginx that exports to a receiver of its own.

sub new ($class, %opt) {
    my $receiver = OpenQoE::Receiver->new->start;
    my $seed = $ENV{OPENQOE_FUZZ_SEED} // int(time * 1000) % 2 ** 31;
    my $self = bless {
        seed => $seed, receiver => $receiver, oracle => OpenQoE::Oracle->new,
        run => run_id(), next_id => 0, prefix => 'oqid', inputs => 0,
        wrong => [], status => {}, certain => {}, possible => {}, broken => 0,
        seconds => delete $opt{seconds} // $ENV{OPENQOE_FUZZ_SECONDS} // 10,
    }, $class;

    $self->{nginx} = OpenQoE::Nginx->new(workers => 1, zone => 'qoe:32m',
        exporter => 'endpoint ' . $receiver->url . ";\n"
                    . "protocol http/protobuf; compression none;\n"
                    . 'interval 50ms; timeout 5s;',
        env => { ASAN_OPTIONS => join ':', $ENV{ASAN_OPTIONS} // (),
                                      'quarantine_size_mb=1' },
        log_level => 'warn', %opt)->start;

    Test::More::note("seed $seed");
    return $self;
}


sub nginx ($self) { $self->{nginx} }


# --- random input

sub chance ($percent) { rand 100 < $percent }
sub pick (@list) { $list[rand @list] }
sub bytes ($n) { join '', map { chr int rand 256 } 1 .. $n }


# The text of n valid events of one session, and the number of the first.
# Events of bodies that need no answer have no ids, because nothing is expected
# of them.

sub events ($self, $n) {
    my $first = $self->{next_id};
    my $same = sprintf '"org_id":"org-%d","player_id":"web","view_id":"%s",'
        . '"session_id":"%s","viewer_id":"v%d"', rand 4, uuid(), uuid(),
        rand 50;
    my $now = int(time * 1000);
    my $body = join ',', map {
        my $id = $self->{next_id}++;
        sprintf '{"event_type":"%s","event_time":%d,%s,"data":'
            . '{"seq":"%s-%s-%d","playing_time":%d,"fill":"%s"}}',
            pick(qw(heartbeat playing pause quartile)), $now, $same,
            $self->{prefix}, $self->{run}, $id, rand 10000,
            'x' x (chance(10) ? rand 2000 : 9);
    } 1 .. $n;

    return ("{\"events\":[$body]}", $first);
}


# A body of the corpus without ids, and its expected answer; then mutated.  An
# event time too far ahead would come near enough while the fuzzer runs.

sub corpus_case ($self) {
    $self->{corpus} //= [ grep { $_->{json} && length $_->{body} < 100_000
                                 && $_->{name} !~ /^time-.*-ahead\z/ }
                          OpenQoE::Corpus->cases ];
    return pick(@{ $self->{corpus} });
}


sub mutate ($text) {
    for (1 .. 1 + rand 4) {
        my $at = int rand(1 + length $text);
        my $n = int rand 8;
        my $what = int rand 6;

        if ($what == 0) { substr $text, $at, $n, '' }
        elsif ($what == 1) { substr $text, $at, 0, bytes($n) }
        elsif ($what == 2) { substr $text, $at, $n, bytes($n) }
        elsif ($what == 3) { substr $text, $at, 0, substr $text, 0, $at % 41 }
        elsif ($what == 4) { substr($text, $at) = '' if chance(30) }
        else {
            substr $text, $at, 0,
                pick('{', '}', '[', ']', '"', ',', ':', '\\', "\0", "\xff",
                     '1e999', '\ud800', 'null', "\r\n", '-', '0');
        }
    }

    return $text;
}


sub gzip ($text, @options) {
    IO::Compress::Gzip::gzip(\$text => \my $packed, -Minimal => 1, @options)
        or die "gzip failed\n";
    return $packed;
}


# A body, and its expected answer where nothing else is wrong.

sub body ($self) {
    my $kind = rand 100;

    if ($kind < 55) {
        my $n = chance(5) ? 60 : 1 + int rand 8;
        my ($text, $first) = $self->events($n);
        return { text => $text, status => [202], first => $first, n => $n };
    }

    my $case = $self->corpus_case;
    return { text => $case->{body}, status => [ $case->{status}, 400 ] }
        if $kind < 80;
    return { text => mutate($case->{body}),
             status => [202, 400, 413] };
}


# gzip that is well-formed in several ways, and gzip that is not.

sub encode ($self, $q, $body) {
    my $text = $body->{text};
    my $kind = int rand 12;

    $q->{headers} .= 'Content-Encoding: '
                     . pick('gzip', 'x-gzip', 'GZIP') . "\r\n";

    if ($kind < 6) {
        my $half = $kind < 4 ? length $text : int rand length $text;
        my $packed = gzip(substr($text, 0, $half),
                                         -Level => 1 + int rand 9);
        $packed .= gzip(substr $text, $half) if $kind >= 4;

        # More than 64 kB are refused when they are compressed 100 to 1, so
        # what is invalid in such a text is not always reached.

        push $body->{status}->@*, 413
            if length $text > 65_536 && length $text > 90 * length $packed;
        return $packed;
    }

    refused($body, 400, 413);
    return gzip($text) . bomb() if $kind == 6;

    $text = gzip($text);

    if ($kind < 9) { return substr $text, 0, rand(length($text) - 8) }
    if ($kind == 9) { return "${text}x" . bytes(rand 20) }
    # The corpus has a compressed body without a header that says so.
    if ($kind == 10) { return $body->{text} =~ s/\A\x1f\x8b/\x1f/r }
    substr $text, -8, 4, substr($text, -8, 4) ^. "\xff\xff\xff\xff";
    return $text;
}


# A gzip member that alone is more than openqoe_max_inflated_size.

sub bomb () {
    state $bomb = gzip(' ' x (9 << 20));
    return $bomb;
}


sub refused ($body, @status) {
    $body->{status} = \@status;
    $body->{refused} = 1;
}


# Makes bytes into steps that send them in pieces, with pauses or without.

sub pieces ($bytes, $slow = chance(15)) {
    my @steps;
    my $at = 0;

    return [ send => $bytes ] if chance(60);

    while ($at < length $bytes) {
        my $n = 1 + int rand(chance(50) ? 20 : 4000);
        push @steps, [ send => substr $bytes, $at, $n ];
        push @steps, [ pause => rand 0.05 ] if $slow && @steps < 40;
        $at += $n;

        # A large body is not cut into thousands of steps.
        if (@steps > 60) {
            push @steps, [ send => substr $bytes, $at ] if $at < length $bytes;
            last;
        }
    }

    return @steps;
}


# Cuts the steps at some place and ends the connection there.

sub cut (@steps) {
    my $keep = int rand @steps;
    my @kept = @steps[0 .. $keep];

    if ($kept[-1][0] eq 'send') {
        $kept[-1] = [ send => substr $kept[-1][1], 0,
                                     rand length $kept[-1][1] ];
    }

    return (@kept, [ pause => rand 0.02 ], [ pick(qw(reset half close)) ]);
}


# --- the connections

# run(make => sub, read => sub): make a connection, { steps => [...] } with
# whatever the protocol needs; read looks at ->{in} and is true when the
# connection has all its answers.  Beside these it may be ended.

sub run ($self, %how) {
    my $end = time + $self->{seconds};
    my $only = $ENV{OPENQOE_FUZZ_CASE};
    my $number = $only // 0;
    my @open;

    local $SIG{PIPE} = 'IGNORE';
    $self->{how} = \%how;
    $self->{started} = time;

    while (1) {
        while (@open < CONNECTIONS && !@{ $self->{wrong} }) {
            last if defined $only ? $number != $only
                                  : time >= $end && $number >= LEAST;
            push @open, $self->open_one($number++, $how{make});
        }

        last if !@open;
        $self->turn(\@open);
        @open = grep { $_->{sock} } @open;
        $self->half_time if time > $self->{started} + $self->{seconds} / 2;
    }

    $self->{took} = time - $self->{started};
    return $self;
}


sub open_one ($self, $number, $make) {
    srand(($self->{seed} * 1_000_003 + $number) % 2 ** 32);

    my $c = { n => $number, in => '', answers => 0, wake => 0, out => '',
              $make->($number)->%* };
    $c->{sock} = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
                                       PeerPort => $c->{port}
                                                   // $self->{nginx}->port)
        or die "nginx does not listen any more: $!\n";
    $c->{sock}->blocking(0);
    $c->{until} = time + scaled(PATIENCE_S);
    return $c;
}


# One turn of all connections: sends due steps, then reads what came.

sub turn ($self, $open) {
    my ($read, $write) = (IO::Select->new, IO::Select->new);
    my $now = time;
    my $wait = 0.1;
    my %of;

    for my $c (@$open) {
        $self->step($c, $now) if $c->{sock};
        next if !$c->{sock};
        $of{ fileno $c->{sock} } = $c;
        $read->add($c->{sock});
        $write->add($c->{sock}) if length $c->{out};
        $wait = $c->{wake} - $now
            if $c->{wake} > $now && $c->{wake} - $now < $wait;
    }

    my ($can_read) = IO::Select->select($read, $write, undef,
                                        $wait > 0 ? $wait : 0);
    $self->receive($of{ fileno $_ }) for @{ $can_read // [] };

    for my $c (values %of) {
        next if !$c->{sock} || time < $c->{until};
        $self->wrong($c, 'no end within the time') if !$c->{may_hang};
        $self->finish($c, 1);
    }
}


sub step ($self, $c, $now) {
    while ($c->{sock} && $now >= $c->{wake}) {
        if (length $c->{out}) {
            my $n = syswrite $c->{sock}, $c->{out}, $c->{most} // 262_144;
            if (!defined $n) {
                return if $! == EAGAIN || $! == EINTR;
                # A server may answer and close before it has read everything.
                $c->{out} = '';
                $c->{steps} = [];
                next;
            }
            substr $c->{out}, 0, $n, '';
            $c->{wake} = $now + rand 0.01 if defined $c->{most} && chance(20);
            next;
        }

        my $step = shift @{ $c->{steps} } or last;
        my ($what, $arg) = @$step;

        if ($what eq 'send') { $c->{out} = $arg }
        elsif ($what eq 'call') {
            # undef: the step is not due yet.
            my $bytes = $arg->($c);
            unshift(@{ $c->{steps} }, $step), last if !defined $bytes;
            $c->{out} = $bytes;
        }
        elsif ($what eq 'pause') { $c->{wake} = $now + $arg }
        elsif ($what eq 'half') { shutdown $c->{sock}, 1 }
        elsif ($what eq 'close') { $self->finish($c, 1) }
        elsif ($what eq 'reset') {
            setsockopt $c->{sock}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
            $self->finish($c, 1);
        }
    }

    $self->finish($c, 0) if $c->{sock} && $c->{complete}
                            && !@{ $c->{steps} } && !length $c->{out};
}


sub receive ($self, $c) {
    return if !$c->{sock};

    my $n = sysread $c->{sock}, $c->{in}, 262_144, length $c->{in};
    return if !defined $n && ($! == EAGAIN || $! == EINTR);

    my $done = $self->{how}{read}->($c, !$n);

    if (!$n) {
        $self->wrong($c, 'closed by the server before its answers')
            if !$done && !$c->{may_end};
        $self->finish($c, !$done);
        return;
    }

    $c->{complete} = 1 if $done;
}


# early: the connection has requests whose answer is not known.

sub finish ($self, $c, $early) {
    my $sock = delete $c->{sock} or return;

    if ($early) {
        $self->{how}{lost}->($c);
    }

    close $sock;
    $self->{inputs}++;
}


sub wrong ($self, $c, $text) {
    return if $c->{wrong}++;
    push @{ $self->{wrong} }, "connection $c->{n}: $text"
        . ($c->{about} ? " ($c->{about})" : '')
        . ($c->{trace} ? "\n" . substr($c->{trace}, 0, 1500) : '');
}


# --- what must hold

sub worker ($self) { ($self->{nginx}->worker_pids)[0] }
sub fds ($self) { my @fd = glob "/proc/$self->{pid}/fd/*"; scalar @fd }


sub memory ($self) {
    my ($kb) = slurp("/proc/$self->{pid}/status") =~ /^RssAnon:\s+(\d+)/m;
    return $kb // 0;
}


sub stats ($self) {
    my $answer = http_get($self->{nginx}->port, '/v2/stats', timeout => 20)
        // return {};
    return decode_json_text($answer->{body}) // {};
}


# To be called when nginx has answered a few requests of each kind.

sub begin ($self) {
    $self->{pid} = $self->worker;
    $self->{receiver}->sums;
    $self->stats for 1 .. 3;
    $self->{fds} = $self->fds;
    return $self;
}


sub half_time ($self) { $self->{half_kb} ||= $self->memory }


# Nothing may be wrong, and no number may have got lost.

sub check ($self, $name) {
    my $again = "OPENQOE_FUZZ_SEED=$self->{seed}";
    my @wrong = @{ $self->{wrong} };

    Test::More::ok(!@wrong, "$name: every well-formed request got its answer"
                            . " ($self->{inputs} connections)")
        || Test::More::diag("$again\n", join "\n",
                            @wrong[0 .. ($#wrong < 4 ? $#wrong : 4)]);
    Test::More::is($self->worker, $self->{pid},
                   "$name: the worker is the one that was started")
        || Test::More::diag($again);
    $self->{nginx}->no_errors(name => "$name: no alert, and no report of a"
                                      . ' sanitizer')
        || Test::More::diag($again);
    $self->check_resources($name);
    $self->check_counters($name);
    Test::More::note(sprintf '%s: %d connections, %d answers in %.1f s, seed '
                     . '%d', $name, $self->{inputs}, $self->answers,
                     $self->{took}, $self->{seed});
    return $self;
}


sub answers ($self) {
    my $sum = 0;
    $sum += $_ for values %{ $self->{status} };
    return $sum;
}


sub check_resources ($self, $name) {
    my $fds;
    my $grown = $self->memory - ($self->{half_kb} // $self->memory);

    # The exporter keeps as many connections as it has used at a time.

    Test::More::ok(wait_until(sub {
        $fds = $self->fds;
        return $fds <= $self->{fds} + 6;
    }, 20), "$name: no connection and no file stays open")
        || Test::More::diag("$fds descriptors, $self->{fds} before");
    Test::More::cmp_ok($grown, '<', slow() ? 65536 : 16384,
                       "$name: memory does not grow in the second half"
                       . " ($grown kB)");
}


# Answers to requests whose location is known are the least that each counter
# may show; answers to garbage and on broken connections may add to that.

sub check_counters ($self, $name) {
    my $stats;

    my $at_rest = wait_until(sub {
        $stats = $self->stats;
        $self->{oracle}->delivered_file($self->{receiver}->file);
        return ($stats->{exporter}{queued} // 1) == 0
               && $self->{oracle}->report->{missing} == 0;
    }, 30);

    Test::More::ok($at_rest, "$name: all accepted events are delivered")
        || OpenQoE::Oracle::explain($self->{oracle}->report);
    Test::More::is($stats->{queue}{used}, 0,
                   "$name: no event stays in shared memory");

    my ($requests, $to, $events) = @$stats{qw(requests exporter events)};
    my @dropped = grep { $to->{dropped}{$_} } keys %{ $to->{dropped} };

    Test::More::is("$to->{exported} @dropped", "$events->{accepted} ",
                   "$name: accepted events are counted as exported");
    Test::More::is($self->{oracle}->report->{unexpected}, 0,
                   "$name: no refused event is delivered");

    for my $status (sort keys %{ $self->{certain} }) {
        my $least = $self->{certain}{$status};
        my $most = $least + ($self->{possible}{$status} // 0)
                   + $self->{broken};
        my $got = $requests->{$status} // 0;
        Test::More::ok($got >= $least && $got <= $most,
                       "$name: requests answered with $status are counted")
            || Test::More::diag("$got, not $least to $most");
    }
}


# Notes an answer. where: 'events' if that is certain.

sub answered ($self, $status, $certain) {
    $self->{status}{$status}++;
    $self->{ $certain ? 'certain' : 'possible' }{$status}++;
}


sub end ($self, $name) {
    Test::More::ok($self->{nginx}->stop, "$name: nginx quits by itself");
    $self->{nginx}->no_errors(name => "$name: no alert on the way out");
    $self->{receiver}->stop;
}


1;
