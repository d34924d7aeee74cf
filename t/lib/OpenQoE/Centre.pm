package OpenQoE::Centre;

# Copyright (C) OpenQoE
#
# The centre of a fleet, of real parts: a Collector with a configuration of
# deploy/fleet, and the engine of ClickHouse (t/peers/clickhouse) or VictoriaLogs
# (t/peers/victorialogs) with the schema and the queries of deploy/fleet, all
# as they are delivered.
#
#     my $centre = OpenQoE::Centre->new->start;
#     my ($row) = $centre->query('starts', since => $t, until => $t + 3600,
#                                org => 'acme');
#
# Its ports and its data stay over stop and start of any part.

use v5.36;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use POSIX qw(strftime);

use OpenQoE::Event qw(decode_json_text);
use OpenQoE::HTTP qw(http_post http_request);
use OpenQoE::Peers qw(fleet_collector clickhouse_python peers_dir victorialogs);
use OpenQoE::Process qw(free_ports scratch_dir slurp spawn_peer wait_until);

my $deploy = abs_path(dirname(abs_path(__FILE__)) . '/../../../deploy/fleet');


sub deploy_dir () { $deploy }


# new(engine => 'clickhouse' or 'victorialogs', remote_write => URL,
#     collector => 'collector.yaml', env => { NAME => value } of the Collector)

sub new ($class, %opt) {
    my ($grpc, $http, $engine) = free_ports(3);

    return bless {
        engine => 'clickhouse', collector => 'collector.yaml', env => {},
        remote_write => 'http://127.0.0.1:9/', %opt,
        dir => scratch_dir('centre'), grpc => $grpc, http => $http,
        port => $engine, processes => {},
    }, $class;
}


sub url ($self) { "http://127.0.0.1:$self->{http}" }
sub engine_url ($self) { "http://127.0.0.1:$self->{port}" }


sub start ($self) {
    $self->start_engine;
    $self->start_collector;
    return $self;
}


sub start_engine ($self) {
    my $port = $self->{port};

    if ($self->{engine} eq 'victorialogs') {
        my ($path, $why) = victorialogs();
        die "$why\n" if !$path;
        $self->{processes}{engine} = spawn_peer(
            cmd => ['sh', '-c', 'exec "$@" 2>&1', 'sh', $path,
                    "-storageDataPath=$self->{dir}/logs",
                    "-httpListenAddr=127.0.0.1:$port",
                    '-retentionPeriod=90d', '-loggerFormat=default'],
            name => 'victorialogs', timeout => 30,
            ready => qr/started server at/);
        return $self;
    }

    my ($python, $why) = clickhouse_python();
    die "$why\n" if !$python;
    mkdir "$self->{dir}/clickhouse";
    $self->{processes}{engine} = spawn_peer(
        cmd => [$python, '-B', peers_dir() . '/clickhouse/server.py',
                "$self->{dir}/clickhouse", $port],
        name => 'clickhouse', timeout => 60, ready => qr/^READY/);
    $self->run_file('schema.sql') if !$self->{made}++;
    return $self;
}


sub start_collector ($self, $config = $self->{collector}) {
    my ($path, $why) = fleet_collector();
    die "$why\n" if !$path;

    $self->{processes}{$config} = spawn_peer(
        cmd => ['sh', '-c', 'exec "$@" 2>&1', 'sh', $path, '--config',
                "file:$deploy/$config"],
        env => {
            OTLP_GRPC => "127.0.0.1:$self->{grpc}",
            OTLP_HTTP => "127.0.0.1:$self->{http}",
            CLICKHOUSE => $self->engine_url . '?compress=none',
            VICTORIALOGS => $self->engine_url,
            REMOTE_WRITE => $self->{remote_write}, %{ $self->{env} },
        },
        name => "otelcol-$config", timeout => 60,
        ready => qr/Everything is ready/);
    return $self;
}


# Stops a part: 'engine' or the name of the Collector's configuration.

sub stop_part ($self, $name = $self->{collector}, $sig = 'TERM') {
    my $process = delete $self->{processes}{$name} // return 1;
    return $process->stop($sig, 15);
}


sub stop ($self) {
    my $clean = 1;
    $clean &&= $self->stop_part($_)
        for sort { ($a eq 'engine') <=> ($b eq 'engine') }
            keys %{ $self->{processes} };
    return $clean;
}


# What the Collector and the engine wrote.

sub output ($self, $name = $self->{collector}) {
    my $process = $self->{processes}{$name} // return '';
    return $process->output . $process->errors;
}


# SQL

sub time_text ($unix) { strftime('%Y-%m-%d %H:%M:%S', gmtime $unix) }


# Rows as hashes; of statements without an answer none.

sub sql ($self, $sql, %params) {
    my $query = join '&', 'default_format=JSONEachRow',
                map { 'param_' . $_ . '=' . ($params{$_} =~
                          s/([^\w.-])/sprintf '%%%02X', ord $1/ger) }
                sort keys %params;
    my $answer = http_request($self->{port}, 'POST', "/?$query",
                              body => $sql, timeout => 120)
        // die "the engine does not answer\n";

    die "$answer->{body}\n$sql\n" if $answer->{status} != 200;
    return map { decode_json_text($_) } split /\n/, $answer->{body};
}


# Runs a file of deploy/fleet/clickhouse, statement by statement, as
# clickhouse-client --multiquery does; returns the rows of the last one.

sub run_file ($self, $name, %params) {
    my $text = slurp("$deploy/clickhouse/$name") =~ s/^\s*--.*\n//gmr;
    my @rows;

    die "there is no $name\n" if $text !~ /\S/;
    for my $statement (grep { /\S/ } split /;\s*$/m, $text) {
        my %used = map { $_ => $params{$_} }
                   grep { $statement =~ /\{$_:/ } keys %params;
        @rows = $self->sql($statement, %used);
    }

    return @rows;
}


# query(NAME, since => Unix time, until =>, org =>)

sub query ($self, $name, %params) {
    $params{$_} = time_text($params{$_})
        for grep { defined $params{$_} } qw(since until);
    return $self->run_file("queries/$name.sql", %params);
}


# The refreshed table is made anew now.

sub refresh ($self) {
    $self->sql('SYSTEM REFRESH VIEW openqoe.agg_1m_mv');
    $self->sql('SYSTEM WAIT VIEW openqoe.agg_1m_mv');
    return $self;
}


# logsql(NAME, since =>, until =>, org =>): the rows of a query of
# deploy/fleet/victorialogs

sub logsql ($self, $name, %params) {
    my $text = slurp("$deploy/victorialogs/queries/$name.logsql")
               =~ s/^\s*#.*\n//gmr;

    die "there is no $name\n" if $text !~ /\S/;
    $text =~ s/\$(\w+)/$params{$1} \/\/ die "$name wants $1\n"/ge;

    return $self->logs_query($text, @params{qw(since until)});
}


sub logs_query ($self, $text, $since, $until) {
    my %form = (query => $text, start => $since, end => $until);
    my $body = join '&', map { "$_=" . ($form{$_} =~
                   s/([^\w.-])/sprintf '%%%02X', ord $1/ger) } sort keys %form;
    my $answer = http_post($self->{port}, '/select/logsql/query', $body,
        headers => { 'Content-Type' => 'application/x-www-form-urlencoded' },
        timeout => 60) // die "VictoriaLogs does not answer\n";

    die "$answer->{body}\n$text\n" if $answer->{status} != 200;
    return map { decode_json_text($_) } split /\n/, $answer->{body};
}


1;
