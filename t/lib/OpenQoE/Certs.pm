package OpenQoE::Certs;

# Copyright (C) OpenQoE
#
# Certificates by the openssl command, made anew for each test.

use v5.36;

use Exporter qw(import);

use OpenQoE::Process qw(run_cmd scratch_dir);

our @EXPORT_OK = qw(make_certs);


sub openssl (@args) {
    my ($rc, undef, $err) = run_cmd('openssl', @args);
    die "openssl @args: $err\n" if $rc ne '0';
}


sub write_file ($path, $text) {
    open my $out, '>', $path or die "$path: $!\n";
    print $out $text;
    close $out;
}


# A self-signed authority: NAME.crt and NAME.key

sub authority ($dir, $name) {
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-256', '-nodes', '-keyout', "$dir/$name.key",
            '-out', "$dir/$name.crt", '-subj', "/CN=openqoe test $name",
            '-days', '30', '-addext', 'basicConstraints=critical,CA:TRUE',
            '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
}


# A certificate signed by the test's CA; not every openssl has -not_before and
# its like, so "openssl ca" signs the expired one with dates.

sub leaf ($dir, $name, %opt) {
    write_file("$dir/$name.ext", "basicConstraints=CA:FALSE\n"
               . "subjectAltName=" . ($opt{san}
                                      // 'DNS:localhost,IP:127.0.0.1') . "\n"
               . "extendedKeyUsage=$opt{usage}\n");
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-256', '-nodes', '-keyout', "$dir/$name.key",
            '-out', "$dir/$name.csr", '-subj', "/CN=$name");

    if (!$opt{expired}) {
        openssl('x509', '-req', '-in', "$dir/$name.csr", '-CA', "$dir/ca.crt",
                '-CAkey', "$dir/ca.key", '-CAcreateserial', '-days', '30',
                '-extfile', "$dir/$name.ext", '-out', "$dir/$name.crt");
        return;
    }

    write_file("$dir/index.txt", '');
    write_file("$dir/serial", "1000\n");
    write_file("$dir/ca.cnf", <<"END");
[ca]
default_ca = it
[it]
database = $dir/index.txt
serial = $dir/serial
new_certs_dir = $dir
default_md = sha256
policy = any
[any]
commonName = supplied
END
    openssl('ca', '-batch', '-config', "$dir/ca.cnf", '-cert', "$dir/ca.crt",
            '-keyfile', "$dir/ca.key", '-in', "$dir/$name.csr", '-out',
            "$dir/$name.crt", '-notext', '-extfile', "$dir/$name.ext",
            '-startdate', '20200101000000Z', '-enddate', '20200201000000Z');
}


# Paths: ca, server, server_key (localhost, 127.0.0.1), client, client_key,
# expired, expired_key, other_host, other_host_key (name example.org), and
# wrong_ca, an authority that signed none of them.

sub make_certs ($dir = scratch_dir('certs')) {
    authority($dir, 'ca');
    authority($dir, 'wrong_ca');
    leaf($dir, 'server', usage => 'serverAuth');
    leaf($dir, 'client', usage => 'clientAuth');
    leaf($dir, 'other_host', usage => 'serverAuth', san => 'DNS:example.org');
    leaf($dir, 'expired', usage => 'serverAuth', expired => 1);

    return {
        dir => $dir, ca => "$dir/ca.crt", wrong_ca => "$dir/wrong_ca.crt",
        map { $_ => "$dir/$_.crt", "${_}_key" => "$dir/$_.key" }
            qw(server client other_host expired),
    };
}


1;
