package OpenQoE::Receiver;

# Copyright (C) OpenQoE
#
# A collector by t/tools/receiver.c: fast, with a mood that a test sets.  Port,
# mood and output file stay the same over stop and start.
#
#     my $to = OpenQoE::Receiver->new->start;
#     $to->mode('status 503 7');
#     is($to->sums->{events}, 10);

use v5.36;

use OpenQoE::Event qw(decode_json_text);
use OpenQoE::HTTP qw(http_get);
use OpenQoE::Process qw(free_port scratch_dir slurp spawn_peer);


sub new ($class, $mode = 'ok') {
    my $dir = scratch_dir('receiver');
    my $self = bless { dir => $dir, port => free_port() }, $class;

    $self->mode($mode);
    return $self;
}


sub port ($self) { $self->{port} }
sub file ($self) { "$self->{dir}/events" }
sub url ($self) { "http://127.0.0.1:$self->{port}" }


# Written by rename, because the file is read at each request.

sub mode ($self, $text) {
    open my $out, '>', "$self->{dir}/mode.new" or die "mode: $!\n";
    print $out "$text\n";
    close $out or die "mode: $!\n";
    rename "$self->{dir}/mode.new", "$self->{dir}/mode" or die "mode: $!\n";
    return $self;
}


sub start ($self) {
    my $program = ($ENV{OPENQOE_TOOLS} // '') . '/receiver';

    die "t/tools/receiver is not built\n" if !-x $program;
    $self->{process} = spawn_peer(
        cmd => [$program, '-p', $self->{port}, '-o', $self->file, '-m',
                "$self->{dir}/mode"], name => 'receiver');
    return $self;
}


# Ends as a crash does: requests in flight get no answer.

sub stop ($self) {
    my $process = delete $self->{process} // return 1;
    $process->stop('KILL');
    return 1;
}


# The receiver's counts since its last start.

sub sums ($self) {
    my $answer = http_get($self->{port}, '/stats')
        // die "the receiver does not answer\n";
    return decode_json_text($answer->{body});
}


# Events whose text was not what had been sent, over all starts.

sub damaged ($self) { slurp($self->file) =~ /^(damaged .*)$/mg }


# Milliseconds from event_time to here of the events of a load (->{run}), in
# the order of their arrival.

sub latencies ($self, $run) {
    return slurp($self->file) =~ /^oqid-\Q$run\E-\d+ (-?\d+)$/mg;
}


1;
