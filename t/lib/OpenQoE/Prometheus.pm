package OpenQoE::Prometheus;

# Copyright (C) OpenQoE
#
# The Prometheus text formats as a strict reader sees them, and a real
# Prometheus (Debian's package) that scrapes.
#
#     my $text = prometheus_text($body);
#     is_deeply($text->{problems}, []);
#     is($text->{samples}{'openqoe_seek_total{org_id="a"}'}, 7);
#
#     my $prometheus = OpenQoE::Prometheus->new(
#         jobs => { edge => { port => 8788, path => '/v2/stats' } })->start;
#     $prometheus->wait_scrape('edge');
#     my $samples = $prometheus->samples('edge');

use v5.36;

use Encode qw(encode);
use Exporter qw(import);

use OpenQoE::Event qw(decode_json_text);
use OpenQoE::HTTP qw(http_request);
use OpenQoE::Metrics qw(labels_key near);
use OpenQoE::Peers qw(program);
use OpenQoE::Process qw(free_port scratch_dir spawn wait_until);

our @EXPORT_OK = qw(prometheus_text sample_key sample_differences);

my $NAME = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $LABEL = qr/[a-zA-Z_][a-zA-Z0-9_]*/;
my $NUMBER = qr/[-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|Inf|NaN)/i;

my %SUFFIX = (histogram => [ qw(_bucket _sum _count _created) ],
              counter => [ '', qw(_total _created) ]);


# The same key for a sample however its bound is written ("1000", "1000.0").

sub sample_key ($name, $labels) {
    my %labels = %$labels;
    $labels{le} = 0 + $labels{le}
        if defined $labels{le} && $labels{le} !~ /inf/i;
    return $name . labels_key(\%labels);
}


# Text of /metrics, either format: { samples => { key => value }, families =>
# { name => { type, help, unit } }, labels => { key => { } },
# problems => [ ] }.

sub prometheus_text ($text) {
    my $p = { samples => {}, families => {}, labels => {}, problems => [],
              done => {}, family => '',
              open_metrics => scalar($text =~ /^# EOF$/m) };

    push @{ $p->{problems} }, 'the last line has no end' if $text !~ /\n\z/;
    push @{ $p->{problems} }, 'something follows # EOF'
        if $p->{open_metrics} && $text !~ /^# EOF\n\z/m;

    for my $line (split /\n/, $text) {
        my $wrong = $line =~ /^# EOF$/ ? undef
            : $line =~ /^#/ ? read_comment($p, $line) : read_sample($p, $line);
        push @{ $p->{problems} }, "$wrong: $line" if $wrong;
    }

    check_histograms($p);
    return $p;
}


sub read_comment ($p, $line) {
    my ($what, $name, $value) = $line =~ /^# (HELP|TYPE|UNIT) ($NAME) (.*)$/s
        or return 'not a comment of the format';

    if ($name ne $p->{family}) {
        $p->{done}{ $p->{family} } = 1;
        $p->{family} = $name;
    }

    my $family = $p->{families}{$name} //= {};
    $what = lc $what;

    return "$what twice" if exists $family->{$what};
    return "$what behind samples" if $family->{samples} || $p->{done}{$name};

    $family->{$what} = $value;
    return undef;
}


sub read_labels ($text) {
    my %labels;

    while ($text =~ /\G($LABEL)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|\z)/gc) {
        my ($name, $value) = ($1, $2);
        return undef if exists $labels{$name};
        $labels{$name} = $value =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ger;
    }

    return (pos($text) // 0) == length $text ? \%labels : undef;
}


sub read_sample ($p, $line) {
    my ($name, $inner, $value) = $line =~ /^($NAME)(?:\{(.*)\})? ($NUMBER)$/s
        or return 'not a sample';
    my $labels = read_labels($inner // '') // return 'labels';
    my $key = sample_key($name, $labels);
    my $family = $p->{families}{ $p->{family} } // {};
    my $type = $family->{type} // 'none';

    return 'outside of its family'
        if !grep { "$p->{family}$_" eq $name } @{ $SUFFIX{$type} // [ '' ] };
    return 'twice' if exists $p->{samples}{$key};

    $family->{samples}++;
    $p->{samples}{$key} = 0 + $value;
    $p->{labels}{$key} = $labels;
    return undef;
}


# Buckets must add up: they are cumulative, and the last is +Inf, which is the
# count.

sub check_histograms ($p) {
    my %sets;

    for my $key (keys %{ $p->{samples} }) {
        my ($name, $which) = $key =~ /^(.*)_(bucket|count|sum)\{/ or next;
        my $family = $p->{families}{$name} // next;
        next if $family->{type} ne 'histogram';
        my %labels = %{ $p->{labels}{$key} };
        my $le = delete $labels{le};
        my $set = $sets{ sample_key($name, \%labels) } //= {};

        if ($which eq 'bucket') { $set->{le}{$le} = $p->{samples}{$key} }
        else { $set->{$which} = $p->{samples}{$key} }
    }

    for my $key (sort keys %sets) {
        my ($set, $last) = ($sets{$key}, 0);
        my $wrong = !defined $set->{count} || !defined $set->{sum}
                    || ($set->{le}{'+Inf'} // -1) != $set->{count};

        for my $le (sort { $a <=> $b } keys %{ $set->{le} }) {
            $wrong = 1 if $set->{le}{$le} < $last;
            $last = $set->{le}{$le};
        }
        push @{ $p->{problems} }, "buckets of $key" if $wrong;
    }
}


# Samples that only one of two sets has, or that differ: a list of texts.

sub sample_differences ($a, $b, $name_a, $name_b) {
    my @wrong;

    for my $key (sort keys %{ { %$a, %$b } }) {
        if (!exists $a->{$key}) {
            push @wrong, "$key: $name_b alone";
        } elsif (!exists $b->{$key}) {
            push @wrong, "$key: $name_a alone";
        } elsif (!near($a->{$key}, $b->{$key})) {
            push @wrong, "$key: $name_a $a->{$key}, $name_b $b->{$key}";
        }
    }

    return @wrong;
}


# new(jobs => { name => { port, path, params => 'format: [prometheus]' } }).
# Scrapes each every second.  Optional: program, args (a list), replica, a name
# by which one server of a pair scrapes at other moments than the other, and
# rules, files of rules that are evaluated every second.

sub new ($class, %opt) {
    my $dir = scratch_dir('prometheus');
    my $self = bless { dir => $dir, port => free_port(), jobs => $opt{jobs},
                       program => $opt{program} // program('prometheus'),
                       args => $opt{args} // [] }, $class;

    open my $out, '>', "$dir/prometheus.yml" or die "prometheus.yml: $!\n";
    print $out "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n";
    print $out "  external_labels: { replica: $opt{replica} }\n"
        if defined $opt{replica};
    print $out "rule_files:\n", map { "  - $_\n" } @{ $opt{rules} }
        if $opt{rules};
    print $out "scrape_configs:\n";

    for my $name (sort keys %{ $opt{jobs} }) {
        my $job = $opt{jobs}{$name};
        print $out "  - job_name: $name\n    metrics_path: $job->{path}\n";
        print $out "    params: { $job->{params} }\n" if $job->{params};
        print $out "    static_configs:\n",
                   "      - targets: ['127.0.0.1:$job->{port}']\n";
    }

    close $out or die "prometheus.yml: $!\n";
    return $self;
}


sub start ($self) {
    my $p = $self->{process} = spawn(
        cmd => [ $self->{program}, "--config.file=$self->{dir}/prometheus.yml",
                 "--storage.tsdb.path=$self->{dir}/data",
                 "--web.listen-address=127.0.0.1:$self->{port}",
                 '--log.level=warn', @{ $self->{args} } ],
        name => 'prometheus', chdir => $self->{dir});

    my $up = wait_until(sub {
        return -1 if !$p->alive;
        my $answer = http_request($self->{port}, 'GET', '/-/ready');
        return $answer && $answer->{status} == 200;
    }, 30);
    die "Prometheus does not start: ", $p->errors, "\n"
        if !$up || $up == -1;

    return $self;
}


sub stop ($self) {
    my $process = delete $self->{process} // return 1;
    return $process->stop('TERM', 10);
}


sub process ($self) { $self->{process} }
sub port ($self) { $self->{port} }


# The version of Prometheus, as "2.42.0".

sub version ($self) {
    return $self->ask('status/buildinfo')->{version} =~ s/[^\d.].*//r;
}


# The data of an answer of its HTTP API.

sub ask ($self, $path, %query) {
    my $query = join '&', map {
        "$_=" . $query{$_} =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger
    } sort keys %query;
    my $answer = http_request($self->{port}, 'GET', "/api/v1/$path?$query",
                              timeout => 30)
        // die "Prometheus does not answer\n";
    my $body = decode_json_text($answer->{body});

    die "$path: $answer->{body}\n" if ($body->{status} // '') ne 'success';
    return $body->{data};
}


# The results of an instant query, each { metric => { }, value => number }, or
# of a range { metric, samples => [[ Unix time, number ], ...] }.  at: a Unix
# time, else now.

sub query ($self, $query, $at = undef) {
    my $data = $self->ask('query', query => $query,
                          defined $at ? (time => sprintf '%.3f', $at) : ());
    return map { { metric => $_->{metric}, value => $_->{value}[1],
                   samples => $_->{values} } } @{ $data->{result} };
}


# The value of a query that has a single result; undef where there is none.

sub value ($self, $query, $at = undef) {
    my @results = $self->query($query, $at);
    die "$query has ", scalar @results, " results\n" if @results > 1;
    return @results ? $results[0]{value} : undef;
}


sub target ($self, $job) {
    my ($target) = grep { $_->{labels}{job} eq $job }
                   @{ $self->ask('targets')->{activeTargets} };
    return $target;
}


# Waits for a scrape that began after now; returns its target, undef after the
# time.

sub wait_scrape ($self, $job, $timeout = 20) {
    my $before = $self->target($job);
    my $seen = $before ? $before->{lastScrape} : '';

    # A scrape that is under way now may have begun before.
    for (1 .. 2) {
        my $target = wait_until(sub {
            my $target = $self->target($job);
            return $target && $target->{lastScrape} ne $seen
                   && $target->{health} ne 'unknown' && $target;
        }, $timeout) // return undef;
        $seen = $target->{lastScrape};
        $before = $target;
    }

    return $before;
}


# The last samples of a job, without those that Prometheus itself adds.

sub samples ($self, $job) {
    my %samples;
    my $data = $self->ask('query', query => "{job=\"$job\"}");

    for my $result (@{ $data->{result} }) {
        my %labels = map { encode('UTF-8', $_) } %{ $result->{metric} };
        my $name = delete $labels{__name__};

        next if $name =~ /^(?:up|scrape_\w+)$/;
        delete @labels{qw(job instance)};
        $samples{ sample_key($name, \%labels) } = $result->{value}[1];
    }

    return \%samples;
}


# { family => { type, help, unit } } as Prometheus has understood it

sub metadata ($self, $job) {
    my $data = $self->ask('targets/metadata',
                          match_target => "{job=\"$job\"}");
    return { map { $_->{metric} => $_ } @$data };
}


1;
