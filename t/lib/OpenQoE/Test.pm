package OpenQoE::Test;

# Copyright (C) OpenQoE
#
# Everything that a plain Perl scenario uses, in one import:
#
#     use OpenQoE::Test;
#
#     my $nginx = OpenQoE::Nginx->new(workers => 2)->start;
#     my $oracle = OpenQoE::Oracle->new;
#     my $events = batch(10);
#     my $answer = http_post($nginx->port, '/v2/events', batch_json($events));
#
#     is($answer->{status}, 202, 'accepted');
#     $oracle->note($events, $answer);
#     $oracle->wait_delivered($nginx->out_file);
#     $oracle->is_exactly_once;
#     ok($nginx->stop, 'leaves by itself');
#     $nginx->no_errors;
#     done_testing;
#
# Environment: TEST_NGINX_BINARY, TEST_NGINX_OPENQOE_MODULE, OPENQOE_TOOLS,
# OPENQOE_CACHE, OPENQOE_SLOW (a factor for timeouts), OPENQOE_KEEP (scratch
# directories stay).

use v5.36;

# "use v5.36" alone does not load them, and import would silently do nothing.
use feature ();
use strict ();
use warnings ();

use Time::HiRes ();
use Test::More ();

use OpenQoE::Certs qw(make_certs);
use OpenQoE::Event qw(event view_event batch batch_json event_id uuid run_id
                      encode_json_text decode_json_text);
use OpenQoE::HTTP qw(http_request http_get http_post curl);
use OpenQoE::Nginx;
use OpenQoE::Oracle;
use OpenQoE::Process qw(free_port free_ports scratch_dir spawn spawn_peer
                        wait_until scaled slow slurp children group_alive
                        process_title run_cmd);

our @EXPORT = qw(
    make_certs
    event view_event batch batch_json event_id uuid run_id
    encode_json_text decode_json_text
    http_request http_get http_post curl
    free_port free_ports scratch_dir spawn spawn_peer wait_until scaled slow
    slurp children group_alive process_title run_cmd
    tool cache_path need write_file read_jsonl load wrk_load
);


# Test::More, strict and warnings come along.

sub import ($class, @args) {
    my $caller = caller;

    Test::More->builder->exported_to($caller);
    Test::More::plan(@args) if @args;

    {
        no strict 'refs';
        *{"${caller}::$_"} = \&{"Test::More::$_"}
            for grep { /^\w+$/ } @Test::More::EXPORT;
        *{"${caller}::TODO"} = \${"${caller}::TODO"};
        *{"${caller}::$_"} = \&{"Time::HiRes::$_"} for qw(sleep time);
        *{"${caller}::$_"} = \&$_ for @EXPORT;
    }

    # These are about the file being compiled, as "use v5.36" is.
    strict->import;
    warnings->import;
    feature->import(':5.36');
}


# The path of a tool of t/tools, or undef when it is not built.

sub tool ($name) {
    my $dir = $ENV{OPENQOE_TOOLS} // return undef;
    my $path = "$dir/$name";
    return -x $path ? $path : undef;
}


# A path in the cache outside the tree, or undef.

sub cache_path ($name) {
    my $dir = $ENV{OPENQOE_CACHE} // return undef;
    my $path = "$dir/$name";
    return -e $path ? $path : undef;
}


# Skips the whole test when something that it needs is missing.

sub need (%what) {
    my @missing = grep { !$what{$_} } sort keys %what;
    Test::More::plan(skip_all => "needs @missing") if @missing;
}


sub write_file ($path, $text) {
    open my $out, '>:raw', $path or die "$path: $!\n";
    print $out $text;
    close $out or die "$path: $!\n";
}


# The values of a file of JSON lines, complete lines only.

sub read_jsonl ($path) {
    return map { decode_json_text($_) // die "$path: not JSON: $_" }
           slurp($path) =~ /^(.+)\n/mg;
}


# Starts t/tools/load against an OpenQoE::Nginx: load($nginx, c => 8,
# d => 10, n => 10), the letters being the tool's options.  The process has
# ->{ids}, files for the oracle's load_file; its output is one line of sums.

sub load ($nginx, %opt) {
    my $ids = ids_prefix($nginx);
    my $path = tool('load') // die "t/tools/load is not built\n";
    my $process = spawn(cmd => [$path, '-p', $nginx->port, '-o', $ids,
                                map { ("-$_", $opt{$_}) } sort keys %opt],
                        name => 'load');
    $process->{ids} = [$ids];
    return $process;
}


# A load by wrk and t/tools/oracle.lua: seconds, threads (and as many
# connections: oracle.lua says why), events a request, a key, pause (ms after
# each answer).

sub wrk_load ($nginx, %opt) {
    my $ids = ids_prefix($nginx);
    my $threads = $opt{threads} // 4;
    my $script = __FILE__ =~ s{lib/OpenQoE/Test\.pm\z}{tools/oracle.lua}r;
    my $process = spawn(cmd => ['wrk', '-t', $threads, '-c', $threads, '-d',
                                ($opt{seconds} // 10) . 's', '--timeout',
                                '10s', '-s', $script, $nginx->url, '--', $ids,
                                $opt{events} // 10, $opt{key} // '',
                                $opt{pause} // 0],
                        name => 'wrk');
    $process->{ids} = [map { "$ids.$_" } 1 .. $threads];
    return $process;
}


sub ids_prefix ($nginx) {
    state $serial = 0;
    return "$nginx->{dir}/load." . run_id() . '.' . ++$serial;
}


1;
