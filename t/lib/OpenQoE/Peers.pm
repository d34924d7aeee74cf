package OpenQoE::Peers;

# Copyright (C) OpenQoE
#
# Peers that others made: the OpenTelemetry Collector (t/peers/collector),
# Prometheus 3 (t/peers/prometheus3), Jaeger 2 (t/peers/jaeger), a reader of
# dashboards (t/peers/grafana), the npm packages of t/peers, Chromium.  What
# cannot be had on a machine makes the test that asks for it skip, with the
# reason.

use v5.36;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use JSON::PP ();
use Test::More ();

use OpenQoE::Event qw(decode_json_text encode_json_text);
use OpenQoE::Process qw(free_ports run_cmd scratch_dir slurp spawn_peer);

our @EXPORT_OK = qw(collector_program collector_if_any node_dir media_dir
                    peers_dir prometheus3 jaeger_program grafana_check program
                    browse otlp_file_logs attributes fleet_collector
                    clickhouse_python victorialogs kafka_jars older_module);


sub peers_dir () { dirname(abs_path(__FILE__)) . '/../../peers' }


# The path that a script prints, or undef and the reason when the script says
# by status 77 that it cannot be had here; dies when the script failed.

sub path_of ($script) {
    my ($rc, $out, $err) = run_cmd({ timeout => 900 },
                                   peers_dir() . "/$script");
    chomp($out, $err);

    return $out if $rc eq '0';
    return (undef, $err) if $rc ne 'timeout' && $rc >> 8 == 77;
    die "$script failed ($rc): $err\n";
}


sub path_or_skip ($script) {
    my ($path, $reason) = path_of($script);
    return $path // Test::More::plan(skip_all => $reason);
}


sub collector_program () { path_or_skip('collector/build.sh') }


# As above, but undef when there is none.

sub collector_if_any () { (path_of('collector/build.sh'))[0] }


# Prometheus 3 (t/peers/prometheus3): its path, or undef and the reason

sub prometheus3 () { path_of('prometheus3/build.sh') }


# Jaeger 2 (t/peers/jaeger): the same

sub jaeger_program () { path_of('jaeger/build.sh') }


# What reads dashboards as Grafana's schema has them (t/peers/grafana): its
# path, or undef and the reason

sub grafana_check () { path_of('grafana/build.sh') }


# The parts of a fleet's centre, each its path, or undef and the reason: a
# Collector with the components that deploy/fleet names (t/peers/fleet), the
# Python that has the engine of ClickHouse (t/peers/clickhouse), VictoriaLogs.

sub fleet_collector () { path_of('fleet/build.sh') }
sub clickhouse_python () { path_of('clickhouse/build.sh') }
sub victorialogs () { path_of('victorialogs/build.sh') }


# A Kafka broker (t/peers/kafka): the directory of its jars, or undef and the
# reason

sub kafka_jars () { path_of('kafka/build.sh') }


# The module of an earlier commit (t/peers/older): the same

sub older_module () { path_of('older/build.sh') }


# The directory that holds node_modules.

sub node_dir () { path_or_skip('node.sh') }


# The directory of the media that players play.

sub media_dir () { path_or_skip('players/stream.sh') }


# The first of the programs that is in PATH, or undef.

sub program (@names) {
    for my $name (@names) {
        my ($found) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};
        return $found if $found;
    }

    return undef;
}


# Runs a driver of t/peers, which takes Chromium over pages and its options as
# a JSON object: returns what it prints, decoded, or undef when it fails.
# Chromium gets a fresh profile, whose user has allowed third parties' cookies:
# by default Chromium drops those.

sub browse ($driver, $timeout, %options) {
    my $home = scratch_dir('chromium');

    mkdir $_ for "$home/profile", "$home/profile/Default";
    open my $out, '>', "$home/profile/Default/Preferences" or die "$home: $!\n";
    print $out encode_json_text({ profile => {
        cookie_controls_mode => 0,
        block_third_party_cookies => JSON::PP::false,
    } });
    close $out;

    my ($rc, $text, $err) = run_cmd(
        { timeout => $timeout, env => {
            HOME => $home, TMPDIR => $home, XDG_RUNTIME_DIR => $home,
            XDG_CONFIG_HOME => undef, XDG_CACHE_HOME => undef } },
        program('node'), peers_dir() . "/$driver",
        encode_json_text({ %options, chromium => program('chromium'),
                           profile => "$home/profile" }));

    Test::More::diag("$driver ends with $rc: $err") if "$rc$err" ne '0';
    return $rc eq '0' ? decode_json_text($text) : undef;
}


# new(tls => { cert_file, key_file, client_ca_file }): a Collector with an
# OTLP receiver for gRPC and one for HTTP, not yet started.  Its output file
# stays the same over stop and start.  prometheus => 1: metrics end in its
# Prometheus exporter too, at /metrics of port('prometheus').

sub new ($class, %opt) {
    my $dir = scratch_dir('collector');
    my ($grpc, $http, $prometheus) = free_ports(3);

    my $self = bless {
        program => $opt{program} // collector_program(),
        dir => $dir, grpc_port => $grpc, http_port => $http,
        prometheus_port => $opt{prometheus} ? $prometheus : undef,
        file => "$dir/otlp.jsonl", headers_file => "$dir/headers",
    }, $class;

    $self->write_config($opt{tls} // {});
    return $self;
}


sub file ($self) { $self->{file} }


# Names and values of the headers of all requests.

sub headers ($self) { slurp($self->{headers_file}) }


sub port ($self, $protocol) {
    return $self->{prometheus_port} if $protocol eq 'prometheus';
    return $protocol eq 'grpc' ? $self->{grpc_port} : $self->{http_port};
}


sub write_config ($self, $tls) {
    my $lines = join "\n          ", '', map { "$_: $tls->{$_}" }
                                         sort keys %$tls;
    my $section = %$tls ? "        tls:$lines\n" : '';
    my ($prometheus, $metrics) = ('', 'debug, lines');

    if ($self->{prometheus_port}) {
        $metrics .= ', prometheus';
        $prometheus = <<"END";
  prometheus:
    endpoint: 127.0.0.1:$self->{prometheus_port}
END
    }

    open my $out, '>', "$self->{dir}/config.yaml" or die "config.yaml: $!\n";
    print $out <<"END";
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:$self->{grpc_port}
        include_metadata: true
$section
      http:
        endpoint: 127.0.0.1:$self->{http_port}
        include_metadata: true
$section
exporters:
  debug:
    verbosity: basic
  lines:
    path: $self->{file}
    metadata: $self->{headers_file}
${prometheus}service:
  pipelines:
    logs:
      receivers: [otlp]
      exporters: [debug, lines]
    metrics:
      receivers: [otlp]
      exporters: [$metrics]
    traces:
      receivers: [otlp]
      exporters: [debug, lines]
END
    close $out;
}


sub start ($self) {
    $self->{process} = spawn_peer(
        cmd => [$self->{program}, '--config', "$self->{dir}/config.yaml"],
        name => 'otelcol', ready => qr/Everything is ready/, timeout => 30);
    return $self;
}


# Returns true if the Collector exited by itself.

sub stop ($self, $sig = 'TERM') {
    my $process = delete $self->{process} // return 1;
    return $process->stop($sig, 10);
}


sub process ($self) { $self->{process} }


# { name => value } of OTLP attributes that are strings

sub attributes ($list) {
    return { map { $_->{key} => $_->{value}{stringValue} } @{ $list // [] } };
}


# The log records of a file of OTLP JSON lines, each with the resource and
# scope it came under: { resource => { }, scope => { }, attr => { }, record }

sub otlp_file_logs ($path) {
    my @logs;

    # Metrics that are exported all the time would take longer and longer.
    for my $line (slurp($path) =~ /^(.+)\n/mg) {
        next if $line =~ /^\{"resourceMetrics"/;
        my $request = decode_json_text($line) // die "$path: not JSON\n";

        for my $rl (@{ $request->{resourceLogs} // [] }) {
            my $resource = attributes($rl->{resource}{attributes});

            for my $sl (@{ $rl->{scopeLogs} // [] }) {
                push @logs, map { {
                    resource => $resource, scope => $sl->{scope},
                    attr => attributes($_->{attributes}), record => $_,
                } } @{ $sl->{logRecords} // [] };
            }
        }
    }

    return @logs;
}


1;
