package OpenQoE::Sink;

# Copyright (C) OpenQoE
#
# An nginx server as the receiver of what the exporter sends: it shows each
# request (path, headers, body) in a file of JSON lines, and takes all of
# them.  It stands in the nginx under test or in one of its own.
#
#     my $sink = OpenQoE::Sink->new;
#     my $nginx = OpenQoE::Nginx->new($sink->config, exporter =>
#         'endpoint ' . $sink->url . '; protocol http/json;');
#     ...
#     my ($request) = $sink->wait_for(1);
#     is($request->{uri}, '/v1/logs');

use v5.36;

use JSON::PP ();

use OpenQoE::Process qw(free_port scratch_dir slurp wait_until);

my %FIELDS = (
    uri => '$request_uri', protocol => '$server_protocol',
    method => '$request_method', host => '$http_host',
    type => '$http_content_type', encoding => '$http_content_encoding',
    agent => '$http_user_agent', authorization => '$http_authorization',
    te => '$http_te', grpc_timeout => '$http_grpc_timeout',
    scope => '$http_x_scope_orgid', one => '$http_x_one', two => '$http_x_two',
    client => '$ssl_client_s_dn', connection => '$connection',
    body => '$request_body',
);


# new(listen => 'ssl', server => 'ssl_certificate ...;', address =>
# '127.0.0.1:443', answer => 'return 200;')

sub new ($class, %opt) {
    my $dir = scratch_dir('sink');
    chmod 0777, $dir;
    return bless { dir => $dir, listen => '', server => '',
                   answer => 'return 200;', answers => free_port(),
                   address => '127.0.0.1:' . free_port(), %opt }, $class;
}


sub file ($self) { "$self->{dir}/requests" }


sub url ($self, $path = '', $scheme = undef) {
    $scheme //= $self->{listen} =~ /ssl/ ? 'https' : 'http';
    return "$scheme://$self->{address}$path";
}


# The options of OpenQoE::Nginx that add the sink.

sub config ($self) {
    my $format = join ',', map { "\"$_\":\"$FIELDS{$_}\"" } sort keys %FIELDS;

    # The sink ends with the nginx around it, so there is no process to wait
    # for.  Its answers come from a port: a master that quits removes a socket
    # in the file system while its workers still send, which is logged as crit.
    return (
        http => "openqoe_drain_timeout 100ms;\n"
                . "log_format sink escape=json '{$format}';",
        servers => <<"END");
    server {
        listen $self->{address} $self->{listen};
        access_log @{[ $self->file ]} sink;
        client_body_buffer_size 4m;
        $self->{server}
        location / { proxy_pass http://127.0.0.1:$self->{answers}; }
    }
    server {
        listen 127.0.0.1:$self->{answers};
        location / { $self->{answer} }
    }
END
}


# Bytes of a body stay bytes.

sub requests ($self) {
    my $json = JSON::PP->new->latin1;
    return map { $json->decode($_) } slurp($self->file) =~ /^(.+)\n/mg;
}


# Waits for at least so many requests; returns fewer when the time is over.

sub wait_for ($self, $n, $timeout = 5) {
    my @requests;
    wait_until(sub { (@requests = $self->requests) >= $n }, $timeout);
    return @requests;
}


sub clear ($self) { truncate $self->file, 0 }


1;
