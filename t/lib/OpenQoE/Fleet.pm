package OpenQoE::Fleet;

# Copyright (C) OpenQoE
#
# Edges of a fleet: several nginx with the module on this machine, each with a
# name, a zone and a spool of its own, that send records of views to one
# centre.  Their configuration is deploy/fleet/nginx/edge.conf.
#
#     my $fleet = OpenQoE::Fleet->new(edges => 3, endpoint => $url)->start;
#     $fleet->post(0, $events);
#     $fleet->wait_final;
#     $fleet->kill_edge(1);
#
# The module of an edge may be another one: modules => { 2 => path }.

use v5.36;

use OpenQoE::Event qw(decode_json_text encode_json_text);
use OpenQoE::HTTP;
use OpenQoE::Nginx;
use OpenQoE::Peers qw(peers_dir);
use OpenQoE::Process qw(scaled scratch_dir slurp wait_until);
use OpenQoE::Records;


# new(edges => 3, endpoint => URL, silence => seconds (3), http => more text at
#     that level, key => path of the fleet's key, files => 1: records into files, too,
#     batch => records in a request, modules => { edge => path of another module }, old => { edge => 1 } where
#     that knows no fleet's key)

sub new ($class, %opt) {
    my $self = bless { edges => 3, silence => 3, http => '', modules => {},
                       signals => 'views', interval => '1s', %opt,
                       spool => scratch_dir('fleet-spool'), nginx => [] },
               $class;

    chmod 0777, $self->{spool};
    $self->{key} //= $self->new_key;
    $self->make($_) for 0 .. $self->{edges} - 1;
    return $self;
}


# A file with a new key, such as `openssl rand -hex 32` makes it

sub new_key ($self) {
    my $path = "$self->{spool}/key." . ++$self->{keys};

    open my $out, '>', $path or die "$path: $!\n";
    print $out map({ sprintf '%02x', int rand 256 } 1 .. 32), "\n";
    close $out;
    chmod 0600, $path;
    return $path;
}


sub make ($self, $i) {
    my $silence = int scaled($self->{silence});

    mkdir "$self->{spool}/$i";
    chmod 0777, "$self->{spool}/$i";
    local $ENV{TEST_NGINX_OPENQOE_MODULE} =
        $self->{modules}{$i} // $ENV{TEST_NGINX_OPENQOE_MODULE};

    # as it is delivered, but for its paths, and with records sooner
    my $config = slurp(peers_dir() . '/../../deploy/fleet/nginx/edge.conf');
    for ([ '/var/spool/openqoe', "$self->{spool}/$i" ],
         [ '/etc/openqoe/fleet.key', $self->{key} ],
         [ 'interval=5m', "interval=$self->{interval}" ],
         [ 'signals views metrics', "signals $self->{signals}" ],
         [ 'metric_interval 60s', 'metric_interval 1s; interval 100ms'
             . ($self->{batch} ? "; batch_size $self->{batch}" : '') ],
         [ 'qoe:64m', 'qoe:32m' ])
    {
        my ($from, $to) = @$_;
        $config =~ s/\Q$from\E/$to/ or die "edge.conf has no $from\n";
    }

    $config =~ s/^openqoe_fleet_key .*\n//m if $self->{old}{$i};
    $self->{nginx}[$i] = OpenQoE::Nginx->new(
        zone => undef, exporter => undef, http => <<"END",
$config
    openqoe_view_timeout ${silence}s hidden=${silence}s paused=${silence}s;
    openqoe_series_birth off;
    openqoe_max_sessions 10000;
    openqoe_max_new_values 10000;
    $self->{http}
END
        env => { OTEL_EXPORTER_OTLP_ENDPOINT => $self->{endpoint},
                 OTEL_EXPORTER_OTLP_PROTOCOL => 'http/protobuf',
                 OTEL_RESOURCE_ATTRIBUTES => "service.instance.id=edge-$i" });
    return if !$self->{files};

    # The same records once more, into a file: for a test that plays them again.
    my $file = $self->nginx($i)->out_file;
    $self->nginx($i)->write_config(http => $self->nginx($i)->{http}
        . "    openqoe_exporter file { endpoint file://$file; interval 50ms; "
        . "signals views; spool off; }\n");
}


# The records that edge $i wrote into its file.

sub records ($self, $i) {
    return $self->{records}[$i] //=
        OpenQoE::Records->new($self->nginx($i)->out_file);
}


# Gives these edges the same new key and reloads them.

sub new_keys ($self, @edges) {
    my $old = $self->{key};
    my $new = $self->{next_key} //= $self->new_key;

    for my $nginx (map { $self->nginx($_) } @edges) {
        $nginx->write_config(http => $nginx->{http} =~ s/\Q$old\E/$new/r);
        $nginx->reload(old => 1) or die "an edge does not reload\n";
    }

    delete $self->{client};
}


sub nginx ($self, $i) { $self->{nginx}[$i] }
sub all ($self) { 0 .. $self->{edges} - 1 }


sub start ($self) {
    $_->start for @{ $self->{nginx} };
    return $self;
}


# True when all of it was accepted.

sub post ($self, $i, $events) {
    my $client = $self->{client}[$i] //= $self->nginx($i)->http(timeout => 20);
    my $answer = $client->request('POST', '/v2/events',
        headers => { 'Content-Type' => 'application/json' },
        body => encode_json_text({ events => $events }));
    my $body = $answer && decode_json_text($answer->{body});

    delete $self->{client}[$i] if !$answer;
    return $answer && $answer->{status} == 202 && !$body->{errors}
           && $body->{events_received} == @$events;
}


sub views ($self, $i) {
    my $stats = $self->nginx($i)->stats;
    return ($stats->{views}, $stats->{exporters}{default}{views}, $stats);
}


# Waits until no view is alive on these edges and all of their records are
# delivered.

sub wait_final ($self, @edges) {
    @edges = $self->all if !@edges;
    return wait_until(sub {
        for my $i (@edges) {
            my ($views, $records, $stats) = $self->views($i);
            return 0 if $stats->{queue}{events} || $views->{active}
                        || $views->{records_waiting} || $records->{queued}
                        || $records->{spooled};
        }
        return 1;
    }, 60);
}


# Waits until nothing is on its way: all records are delivered, or on disk.

sub wait_settled ($self, @edges) {
    @edges = $self->all if !@edges;
    return wait_until(sub {
        for my $i (@edges) {
            my ($views, $records, $stats) = $self->views($i);
            return 0 if $stats->{queue}{events} || $views->{records_waiting}
                        || $records->{queued};
        }
        return 1;
    }, 60);
}


# The whole edge at once, as a machine that loses power: master and workers.

sub kill_edge ($self, $i) {
    my $nginx = $self->nginx($i);
    my @pids = ($nginx->master_pid, $nginx->worker_pids(all => 1));

    delete $self->{client}[$i];
    kill 'KILL', @pids;
    $nginx->stop('KILL', 10);
    return wait_until(sub { !grep { kill 0, $_ } @pids }, 20);
}


sub stop ($self) {
    my $clean = 1;
    for my $i ($self->all) {
        delete $self->{client}[$i];
        $clean &&= $self->nginx($i)->stop if $self->nginx($i)->{process};
    }
    return $clean;
}


1;
