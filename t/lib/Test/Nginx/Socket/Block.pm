package Test::Nginx::Socket::Block;

# Copyright (C) OpenQoE
#
# The text after __DATA__ as blocks of sections:
#
#     === TEST 1: name
#     --- section filter filter
#     value
#     --- section: value on one line
#
# A section that is not read while its block runs is an assertion that was
# not made; unread() lists them, so that a misspelt name cannot pass.

use v5.36;

my %FILTERS = (
    chomp => sub ($text) { chomp $text; $text },
    chop => sub ($text) { chop $text; $text },
    trim => \&trim,
    norm => sub ($text) { $text =~ s/\r\n?/\n/gr },
    lines => sub ($text) { [ split /^/, $text ] },
    array => sub ($text) { [ split /\n/, $text ] },
    join => sub ($value) { ref $value ? join '', @$value : $value },
    quotemeta => sub ($text) { quotemeta $text },
    escape => sub ($text) { eval_text("qq\0$text\0") },
    base64_decode => sub ($text) {
        require MIME::Base64;
        MIME::Base64::decode_base64($text);
    },
    eval => \&eval_text,
);


# Empty lines before and after are removed, the last line feed stays.

sub trim ($text) {
    $text =~ s/\A(?:[ \t]*\n)+//;
    $text =~ s/(?<=\n)\s*\z//;
    return $text;
}


# In package main, where the tests keep their variables as $::name.  An error
# ends the run: a broken expectation must not become one.

sub eval_text {
    my @value = eval "package main; no strict; $_[0]\n;";
    die "eval of a section failed: $@in:\n$_[0]" if $@;
    return $value[0];
}


sub new ($class, $name, $description) {
    return bless { name => $name, description => $description, value => {},
                   read => {} }, $class;
}


sub add ($self, $section, $filters, $text) {
    my %off = map { $_ => 1 } $filters =~ /(?:^|\s)-(\w+)/g;
    my @filters = (grep({ !$off{$_} } qw(norm trim)),
                   grep { !/^-/ } split ' ', $filters);

    my $value = $text;
    for my $filter (@filters) {
        my $code = $FILTERS{$filter}
            // die "$self->{name}: unknown filter $filter in $section\n";
        $value = $code->($value);
    }

    $self->{value}{$section} = $value;
}


# parse(text): the blocks that are to be run

sub parse ($class, $text) {
    my @blocks;

    for my $hunk (split /^(?====)/m, $text) {
        next if $hunk !~ s/\A===[ \t]*(.*?)[ \t]*(?:\n|\z)//;
        my $name = $1;
        my ($description, @parts) =
            split /^--- +(\w+) *(.*)(?:\n|\z)/m, $hunk;
        my $self = $class->new($name, $description);

        while (@parts) {
            my ($section, $filters, $value) = splice @parts, 0, 3;
            $value //= '';

            if ($filters =~ /:(?:\s|\z)/) {
                die "$name: lines after the one of $section\n"
                    if $value =~ /\S/;
                ($filters, $value) = split /\s*:(?:\s+|\z)/, $filters, 2;
                $value = ($value // '') =~ s/\s+\z//r;
            }
            $self->add($section, $filters, $value);
        }

        push @blocks, $self;
    }

    return select_blocks(@blocks);
}


# ONLY: runs that block alone; SKIP: leaves that block out; LAST: runs none
# after it.

sub select_blocks (@blocks) {
    my @run;

    for my $block (@blocks) {
        return $block if defined $block->ONLY;
    }

    for my $block (@blocks) {
        push @run, $block if !defined $block->SKIP;
        last if defined $block->LAST;
    }

    return @run;
}


sub name ($self) { $self->{name} }


sub set_value ($self, $section, $value) {
    $self->{value}{$section} = $value;
}


# A section that may stand there without being used.

sub excuse ($self, @sections) { $self->{read}{$_} = 1 for @sections }


sub unread ($self) {
    return grep { !$self->{read}{$_} } sort keys %{ $self->{value} };
}


# Every section is a method: its value, undef when the block has none.

our $AUTOLOAD;

sub AUTOLOAD ($self, @) {
    my $section = $AUTOLOAD =~ s/.*:://r;
    return if $section eq 'DESTROY';

    $self->{read}{$section} = 1;
    return $self->{value}{$section};
}


1;
