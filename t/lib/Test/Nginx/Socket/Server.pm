package Test::Nginx::Socket::Server;

# Copyright (C) OpenQoE
#
# The nginx of a block: its root, configuration, start and end.

use v5.36;

use File::Path qw(make_path remove_tree);
use IO::Socket::INET;

use OpenQoE::Listen qw(listen_for nginx_version);
use OpenQoE::Process qw(spawn wait_until scratch_dir free_port slurp);

our %Set = (
    workers => 1,
    worker_connections => 64,
    log_level => $ENV{TEST_NGINX_LOG_LEVEL} || 'info',
    master_process => $ENV{TEST_NGINX_MASTER_PROCESS} || 'off',
    server_name => 'localhost',
    preamble => '',
    root_location => 1,
    port => $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT}
            || free_port(),
    binary => $ENV{TEST_NGINX_BINARY} || 'nginx',
    root => $ENV{TEST_NGINX_SERVROOT} || scratch_dir('servroot') . '/root',
    env => [],
);

$Set{client_port} = $ENV{TEST_NGINX_CLIENT_PORT} || $Set{port};
$Set{root} =~ s{/\z}{};

$ENV{TEST_NGINX_SERVER_ROOT} = $Set{root};
$ENV{TEST_NGINX_SERVROOT} ||= $Set{root};

my ($process, %rand_ports);


sub error_log_path () { "$Set{root}/logs/error.log" }
sub access_log_path () { "$Set{root}/logs/access.log" }
sub html_dir () { "$Set{root}/html" }


# $TEST_NGINX_NAME becomes the environment's value; _RAND_PORT_n a free port,
# the same throughout a block

sub expand ($text) {
    return '' if !defined $text;

    $text =~ s{\$(TEST_NGINX_[_A-Z0-9]+)}{
        my $name = $1;
        $name =~ /^TEST_NGINX_RAND_PORT_\d+$/
            ? $rand_ports{$name} //= free_port()
            : $ENV{$name} // die "no environment variable $name\n";
    }ge;

    return $text;
}


sub write_file ($path, $text) {
    open my $out, '>:raw', $path or die "$path: $!\n";
    print $out $text;
    close $out or die "$path: $!\n";
}


# An empty root.  Only what this runner makes is removed from an old one.

sub make_root () {
    my $root = $Set{root};

    remove_tree("$root/conf", "$root/html", "$root/logs",
                glob("$root/*_temp $root/*_cache"));
    make_path("$root/conf", "$root/html", "$root/logs");
    # the workers may be another user
    chmod 0755, $root, "$root/html";
    chmod 0777, "$root/logs";
    write_file("$root/html/index.html", '<html><head><title>It works!</title>'
               . '</head><body>It works!</body></html>');
}


# user_files: ">>> name [date]" lines with contents, or [[name, contents]]

sub write_user_files ($files) {
    return if !defined $files;

    if (!ref $files) {
        my (undef, @parts) = split /^>>> *(\S+)(?: +(.+))?\n/m, $files;
        my @list;
        push @list, [ splice @parts, 0, 3 ] while @parts;
        $files = [ map { [ $_->[0], $_->[2], $_->[1] ] } @list ];
    }

    for my $file (@$files) {
        my ($name, $text, $date) = @$file;
        my $path = $name =~ m{^/} ? $name : html_dir() . "/$name";
        make_path($path =~ s{/[^/]*\z}{}r);
        write_file($path, expand($text // ''));
        system 'env', 'TZ=GMT', 'touch', '-t', $date, $path if $date;
    }
}


sub config_text ($block) {
    my ($root, $port) = @Set{qw(root port)};
    my $level = $block->log_level || $Set{log_level};
    my $name = ($block->server_name // $Set{server_name}) =~ s/(['\\])/\\$1/gr;
    my $env = join '', map { /\s/ ? "env '$_';\n" : "env $_;\n" }
                       @{ $Set{env} };
    my $user = $ENV{TEST_NGINX_WORKER_USER};
    my $listen = $port . (defined $block->http2 ? ' http2' : '');
    my %text = map { $_ => expand($block->$_) }
               qw(main_config http_config config post_main_config);

    $env .= "user $user;\n" if $user;

    my $root_location = $Set{root_location} ? <<"END" : '';
        location / {
            root $root/html;
            index index.html index.htm;
        }
END

    return listen_for(<<"END", $Set{binary});
worker_processes $Set{workers};
daemon off;
master_process $Set{master_process};
error_log $root/logs/error.log $level;
pid $root/logs/nginx.pid;
env ASAN_OPTIONS;
env UBSAN_OPTIONS;
env LSAN_OPTIONS;
env LD_PRELOAD;
$env
$text{main_config}
http {
    access_log $root/logs/access.log;
    default_type text/plain;
    keepalive_timeout 68;

$text{http_config}

    server {
        listen $listen;
        server_name '$name';
        client_max_body_size 30M;

$Set{preamble}

$text{config}

$root_location
    }
}
$text{post_main_config}
events {
    accept_mutex off;
    worker_connections $Set{worker_connections};
}
END
}


# Prepares everything and starts nginx.  Returns undef once the port answers,
# else the exit status and what nginx said.

sub start ($block) {
    my $root = $Set{root};

    %rand_ports = ();
    make_root();
    write_user_files($block->user_files);
    write_file("$root/conf/nginx.conf", config_text($block));

    # without -e the messages about a bad configuration go elsewhere
    $process = spawn(cmd => [ split(' ', $Set{binary}), '-p', "$root/", '-c',
                              "$root/conf/nginx.conf", '-e',
                              error_log_path() ], name => 'nginx');

    my $up = wait_until(sub {
        return -1 if !$process->alive;
        my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                         PeerPort => $Set{client_port},
                                         Timeout => 2);
        return defined $sock;
    }, 15);

    return undef if $up && $up == 1;

    my $said = $process->errors;
    my $status = $up ? $process->wait(1) : undef;
    $process->stop('KILL');
    $process = undef;

    return { status => $status, said => $said };
}


# Ends it; a text when that was not clean.

sub stop () {
    return undef if !$process;

    my $p = $process;
    $process = undef;

    my $clean = $p->stop('QUIT', 5);
    my $status = $p->wait(0.1) // -1;

    return 'nginx had to be killed' if !$clean;
    return sprintf 'nginx ended with status 0x%x', $status if $status != 0;
    return undef;
}


# what sanitizers and nginx print outside the log

sub stderr_text () { $process ? $process->errors : '' }


sub version () { nginx_version($Set{binary}) }


1;
