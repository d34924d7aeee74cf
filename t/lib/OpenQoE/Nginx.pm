package OpenQoE::Nginx;

# Copyright (C) OpenQoE
#
# An nginx with the module, for scenarios that the declarative format does
# not reach: reloads, killed workers, exits.

use v5.36;

use IO::Socket::INET;
use Test::More ();

use OpenQoE::Event qw(decode_json_text);
use OpenQoE::HTTP qw(http_get);
use OpenQoE::Listen qw(listen_for);
use OpenQoE::Process qw(spawn run_cmd wait_until slurp children scratch_dir
                        process_title free_port);

my @started;


# new(workers => 2, ...).  All are optional:
#   workers   number of workers (1); single => 1 is master_process off
#   zone      "qoe:8m"; undef: no openqoe_zone line
#   birth     openqoe_series_birth ("off"); undef, or with a line in http: none
#   max_sessions, max_new_values   openqoe_max_sessions, openqoe_max_new_values
#             (10000, for a test's requests are made up of many sessions and
#             values); undef, or with a line in http: none
#   exporter  text inside openqoe_exporter { }; default a file in out_file,
#             interval 100ms; undef: no block
#   events    text inside location = /v2/events after openqoe_events
#   locations replaces all three locations; location adds to them
#   main, events_block, http, server, servers   text at those levels
#   listen    what follows the port ("ssl http2"; see OpenQoE::Listen)
#   log_level info
#   env       { NAME => value } for the process
#   module    0: no load_module line (then zone and exporter default to none)

sub new ($class, %opt) {
    my $dir = scratch_dir('nginx');
    my $self = bless {
        dir => $dir, workers => 1, module => 1, log_level => 'info',
        port => free_port(), binary => $ENV{TEST_NGINX_BINARY} || 'nginx',
        out_file => "$dir/out/otlp.jsonl", %opt,
    }, $class;

    mkdir "$dir/out";
    mkdir "$dir/spool";
    chmod 0777, "$dir/out", "$dir/spool";

    $self->write_config;
    return $self;
}


sub dir ($self) { $self->{dir} }
sub port ($self) { $self->{port} }
sub out_file ($self) { $self->{out_file} }
sub error_log_path ($self) { "$self->{dir}/error.log" }
sub error_log ($self) { slurp($self->error_log_path) }
sub url ($self, $path = '/v2/events') {
    "http://127.0.0.1:$self->{port}$path"
}


sub http ($self, %opt) { OpenQoE::HTTP->new($self->{port}, %opt) }


sub module_config ($self) {
    return ('', '', '') if !$self->{module};

    my $so = $ENV{TEST_NGINX_OPENQOE_MODULE}
        // die "TEST_NGINX_OPENQOE_MODULE is not set\n";
    my $zone = exists $self->{zone} ? $self->{zone} : 'qoe:8m';
    my $exporter = exists $self->{exporter} ? $self->{exporter}
        : "endpoint file://$self->{out_file};\n        interval 100ms;";

    my $http = '';
    $http .= "    openqoe_zone $zone;\n" if defined $zone;

    # Most tests read a value right after it was made.
    my $birth = exists $self->{birth} ? $self->{birth} : 'off';
    $http .= "    openqoe_series_birth $birth;\n"
        if defined $zone && defined $birth
           && ($self->{http} // '') !~ /openqoe_series_birth/;

    for my $bound (qw(max_sessions max_new_values)) {
        my $n = exists $self->{$bound} ? $self->{$bound} : 10000;
        $http .= "    openqoe_$bound $n;\n"
            if defined $zone && defined $n
               && ($self->{http} // '') !~ /openqoe_$bound/;
    }

    $http .= "    openqoe_exporter {\n        $exporter\n    }\n"
        if defined $exporter;

    my $events = $self->{events} // '';
    my $locations = <<"END";
        location = /v2/events {
            openqoe_events;
            $events
        }
        location = /v2/health { openqoe_health; }
        location = /v2/stats  { openqoe_stats; }
END

    return ("load_module $so;\n", $http, $locations);
}


# Writes the configuration file; called again with changes (the options of new)
# before a reload.

sub write_config ($self, %change) {
    %$self = (%$self, %change);

    my ($load, $http, $locations) = $self->module_config;
    my $text = sub ($name) { $self->{$name} // '' };
    my $master = $self->{single} ? 'off' : 'on';

    $locations = $self->{locations} if defined $self->{locations};
    my $config = $self->{raw} // <<"END";
${load}daemon off;
master_process $master;
worker_processes $self->{workers};
pid $self->{dir}/nginx.pid;
error_log $self->{dir}/error.log $self->{log_level};
env ASAN_OPTIONS;
env UBSAN_OPTIONS;
env LSAN_OPTIONS;
@{[ $text->('main') ]}
events {
    worker_connections 1024;
    @{[ $text->('events_block') ]}
}
http {
    access_log off;
    default_type text/plain;
    client_body_temp_path $self->{dir}/body;
    proxy_temp_path $self->{dir}/proxy;
$http
    @{[ $text->('http') ]}
    server {
        listen 127.0.0.1:$self->{port} @{[ $text->('listen') ]};
        server_name localhost;
        @{[ $text->('server') ]}
$locations
        @{[ $text->('location') ]}
    }
    @{[ $text->('servers') ]}
}
END
    $self->{config} = listen_for($config, $self->{binary});
    open my $out, '>', "$self->{dir}/nginx.conf"
        or die "nginx.conf: $!\n";
    print $out $self->{config};
    close $out;
}


sub command ($self, @more) {
    return (split(' ', $self->{binary}), '-p', "$self->{dir}/", '-c',
            "$self->{dir}/nginx.conf", '-e', $self->error_log_path, @more);
}


# Runs "nginx -t"; returns (exit status, messages).

sub test_config ($self) {
    my ($rc, $out, $err) = run_cmd({ env => $self->{env} },
                                   $self->command('-t'));
    return ($rc, $out . $err);
}


# The smallest zone for so many workers, in kB, as "nginx -t" asks for it.

sub zone_min ($class, $workers = 1) {
    my $self = $class->new(workers => $workers, zone => 'qoe:64k');
    my $k = 64;

    # First for a single worker, then for all of them.
    for (1 .. 3) {
        $self->write_config(zone => "qoe:${k}k");
        my ($rc, $text) = $self->test_config;
        return $k if $rc eq '0';
        ($k) = $text =~ /at least (\d+)k/ or die "no zone is enough: $text\n";
    }

    die "the zone that nginx asks for is not enough\n";
}


sub listening ($self) {
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Timeout => 2,
                                     PeerPort => $self->{port});
    return defined $sock;
}


# Waits until all workers are there and the port answers; dies otherwise.

sub start ($self) {
    my $p = $self->{process} = spawn(cmd => [$self->command], name => 'nginx',
                                     env => $self->{env});
    my $up = wait_until(sub {
        return -1 if !$p->alive;
        return 0 if !$self->{single}
                    && $self->worker_pids < $self->{workers};
        return $self->listening;
    }, 15);

    if (!$up || $up == -1) {
        $p->stop('KILL');
        die "nginx does not start:\n", $p->errors, $self->error_log, "\n";
    }

    push @started, $self if !grep { $_ == $self } @started;
    return $self;
}


# The master (or the only process).  Below a wrapper that does not exec this is
# what the pid file says.

sub master_pid ($self) {
    my ($pid) = slurp("$self->{dir}/nginx.pid") =~ /^(\d+)/;
    return $pid // $self->{process}->pid;
}


# Living workers that are not exiting; with all => 1 the exiting ones too.

sub worker_pids ($self, %opt) {
    my $not = $opt{all} ? qr/cache (manager|loader)/
                        : qr/cache (manager|loader)|shutting down/;
    return grep { process_title($_) !~ $not } children($self->master_pid);
}


# Sends HUP, then waits until as many new workers are there as configured and
# the old ones know that they must exit: a test that kills a worker now kills a
# new one.  With old => 1 waits also until the old ones have exited.  Returns
# false on a timeout.

sub reload ($self, %opt) {
    my %old = map { $_ => 1 } $self->worker_pids(all => 1);

    kill 'HUP', $self->master_pid;

    my $new = wait_until(sub {
        my @workers = $self->worker_pids;
        return @workers >= $self->{workers} && !grep { $old{$_} } @workers;
    }, $opt{timeout} // 30);

    if ($new && $opt{old}) {
        $new = wait_until(sub {
            !grep { $old{$_} } children($self->master_pid);
        }, $opt{timeout} // 30);
    }

    return $new;
}


# A reload that must fail: returns the lines that it added to the error log,
# once one of them is an [emerg]; undef when there is none.

sub reload_fails ($self, $timeout = 10) {
    my $before = length $self->error_log;
    kill 'HUP', $self->master_pid;
    return wait_until(sub {
        my $added = substr $self->error_log, $before;
        return $added =~ /\[emerg\].*\n/ && $added;
    }, $timeout);
}


# Kills a worker (a random one unless pid => is given) and, unless wait => 0,
# waits for the worker that the master starts in its place: on a busy virtual
# machine a fork has taken 40 s.  Returns the pid that was killed.

sub kill_worker ($self, %opt) {
    my @before;
    wait_until(sub { @before = $self->worker_pids })
        or die "no worker to kill\n";
    my $pid = $opt{pid} // $before[rand @before];
    my %before = map { $_ => 1 } @before;

    kill $opt{signal} // 'KILL', $pid;

    if ($opt{wait} // 1) {
        wait_until(sub { grep { !$before{$_} } $self->worker_pids }, 40)
            or die "worker $pid of @before was not replaced:\n",
                   $self->error_log, map { "$_ " . process_title($_) . "\n" }
                                         children($self->master_pid);
    }

    return $pid;
}


# stop('QUIT' or 'TERM', seconds): true if every process exited by itself.

sub stop ($self, $sig = 'QUIT', $timeout = 10) {
    my $p = $self->{process} // return 1;
    my $pid = $self->master_pid;

    kill $sig, $pid;
    my $left = wait_until(sub { !$p->alive }, $timeout);
    my $clean = $p->stop('TERM', $left ? 2 : 0.1);

    $self->{status} = $p->wait(0.1);
    $self->{process} = undef;

    return $left && $clean;
}


# Lines of the error log that no test may cause unless it expects them.

sub bad_lines ($self, $allow = undef) {
    return grep { !defined $allow || !/$allow/ }
           grep { /\[(?:alert|crit|emerg)\]|AddressSanitizer|runtime error:
                   |LeakSanitizer|Assertion/x }
           split /^/, $self->error_log
                      . ($self->{process} ? $self->{process}->errors : '');
}


# What /v2/stats says, decoded.  A worker that was killed a moment ago may have
# taken its answer with it, so another one is asked for; dies without any.

sub stats ($self, %opt) {
    return wait_until(sub {
        my $answer = http_get($self->port, '/v2/stats', %opt) // return 0;
        return decode_json_text($answer->{body});
    }) // die "/v2/stats does not answer\n";
}


# A check of its own. allow: a pattern of what the scenario itself causes, for
# example qr/exited on signal 9/.

sub no_errors ($self, %opt) {
    my @bad = $self->bad_lines($opt{allow});
    my $name = $opt{name} // 'nothing at alert, crit or emerg in error.log';

    return Test::More::ok(!@bad, $name)
           || (Test::More::diag(@bad[0 .. ($#bad < 9 ? $#bad : 9)]), 0);
}


# A failed test shows what nginx logged.

END {
    my $builder = Test::More->builder;

    if (@started && $builder->current_test && !$builder->is_passing) {
        for my $self (@started) {
            my @lines = grep { !/\[(?:debug|info)\]/ }
                        split /^/, $self->error_log;
            splice @lines, 0, @lines - 30 if @lines > 30;
            Test::More::diag("error.log of $self->{dir}:\n", @lines)
                if @lines;
        }
    }
}


1;
