package OpenQoE::NodePeer;

# Copyright (C) OpenQoE
#
# The scripted receivers of t/peers (grpc_server.js, http_server.js,
# h2_server.js).  Port and output file stay the same over stop and start.
#
#     my $peer = OpenQoE::NodePeer->new('grpc_server.js')->start;
#     $peer->mode(mode => 'status', code => 14);
#     is($peer->stats->{requests}, 3);

use v5.36;

use OpenQoE::Event qw(encode_json_text decode_json_text);
use OpenQoE::HTTP qw(http_request);
use OpenQoE::Peers qw(node_dir peers_dir);
use OpenQoE::Process qw(free_port scratch_dir spawn_peer wait_until);


# new(script, name => value, ...): the options of the script beside port and
# out, which are chosen here.  Skips the test where there is no node.

sub new ($class, $script, %opt) {
    state $serial = 0;
    state $dir = scratch_dir('peer');

    return bless {
        script => $script, opt => \%opt, port => free_port(),
        modules => node_dir() . '/node_modules',
        file => "$dir/$script." . ++$serial, mode => undef,
    }, $class;
}


sub port ($self) { $self->{port} }
sub file ($self) { $self->{file} }
sub process ($self) { $self->{process} }

sub url ($self, %opt) {
    my $scheme = $self->{opt}{tls} ? 'https' : 'http';
    return "$scheme://localhost:$self->{port}";
}


# The mode that mode() set survives a restart.

sub start ($self) {
    my %opt = (%{ $self->{opt} }, out => $self->{file},
               port => $self->{port});

    $self->{process} = spawn_peer(
        cmd => ['node', peers_dir() . "/$self->{script}",
                map { "$_=$opt{$_}" } sort keys %opt],
        env => { NODE_PATH => $self->{modules} }, name => $self->{script});

    (undef, $self->{control}) = split ' ', $self->{process}{ready}[0];
    $self->ask($self->{mode}) if $self->{mode};

    return $self;
}


sub stop ($self, $sig = 'TERM') {
    my $process = delete $self->{process} // return 1;
    return $process->stop($sig, 5);
}


# Sets other options for the next start.

sub change ($self, %opt) {
    $self->{opt} = { %{ $self->{opt} }, %opt };
    delete $self->{opt}{$_} for grep { !defined $opt{$_} } keys %opt;
}


# The statistics, after a command if there is one.

sub ask ($self, $command = undef) {
    my $answer = http_request($self->{control}, 'POST', '/',
        body => $command ? encode_json_text($command) : '')
        // die "$self->{script} does not answer\n";
    return decode_json_text($answer->{body});
}


sub stats ($self) { $self->ask }


sub mode ($self, %mode) { $self->ask($self->{mode} = \%mode) }


# Waits until the peer has had n requests in all; returns the statistics, or
# undef.

sub wait_requests ($self, $n, $timeout = 10) {
    return wait_until(sub {
        my $stats = $self->stats;
        return $stats->{requests} >= $n && $stats;
    }, $timeout);
}


1;
