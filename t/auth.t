# API keys: the forms, several of them, keys that are nearly right, the key
# file and its reload, inheritance, off.

use lib 't/lib';
use OpenQoE::Test;
use OpenQoE::HTTP;

my $dir = scratch_dir('keys');
my $key = 'Secret-key_1/+=~';
my $long = 'k' x 600;

write_file("$dir/keys", "# comment\n\n  file-one \t\r\nfile-two\nfile-one\n"
                        . "two words\n#file-three\nlast-one");

my $nginx = OpenQoE::Nginx->new(server => 'openqoe_api_key server-key;',
    locations => <<"END")->start;
        location = /one { openqoe_events; openqoe_api_key "$key"; }
        location = /many {
            openqoe_events;
            openqoe_api_key a;
            openqoe_api_key "$long";
            openqoe_api_key_file $dir/keys;
            openqoe_api_key b;
        }
        location = /inherited { openqoe_events; }
        location /outer {
            openqoe_api_key outer-key;
            location = /outer/inner { openqoe_events; }
        }
        location = /off { openqoe_events; openqoe_api_key off; }
        location = /health { openqoe_health; }
        location = /stats { openqoe_stats; }
END
my $client = $nginx->http;


sub status ($path, @headers) {
    my $r = $client->request('POST', $path, body => batch_json(batch(1)),
                             headers => [ @headers ]);
    return $r ? $r->{status} : 'none';
}


sub key_status ($path, $value) { status($path, 'X-API-Key' => $value) }


# --- the four forms, and what is not one of them

my %forms = (
    'Authorization: Bearer' => [ Authorization => "Bearer $key" ],
    'Authorization' => [ Authorization => $key ],
    'X-API-Key' => [ 'X-API-Key' => $key ],
    'X-API-Token' => [ 'X-API-Token' => $key ],
    'bearer in small letters' => [ Authorization => "bearer $key" ],
    'BEARER in capitals' => [ Authorization => "BEARER $key" ],
    'Bearer and several spaces' => [ Authorization => "Bearer   $key" ],
    'a header name in capitals' => [ 'X-API-KEY' => $key ],
    'a header name in small letters' => [ 'x-api-token' => $key ],
    'a wrong form besides' => [ 'X-API-Key' => 'wrong',
                                Authorization => "Bearer $key" ],
    'a repeated header' => [ 'X-API-Key' => 'wrong', 'X-API-Key' => $key ],
);

is(status('/one', @{ $forms{$_} }), 202, $_) for sort keys %forms;

my %wrong = (
    'no header' => [],
    'an empty one' => [ 'X-API-Key' => '' ],
    'Bearer alone' => [ Authorization => 'Bearer' ],
    'Bearer and a space' => [ Authorization => 'Bearer ' ],
    'Bearer without a space' => [ Authorization => "Bearer$key" ],
    'Basic' => [ Authorization => "Basic $key" ],
    'Token' => [ Authorization => "Token $key" ],
    'Bearer in X-API-Key' => [ 'X-API-Key' => "Bearer $key" ],
    'another header' => [ 'X-API-Keys' => $key ],
    'yet another' => [ 'API-Key' => $key ],
    'a cookie' => [ Cookie => "key=$key" ],
    'the key of the server' => [ 'X-API-Key' => 'server-key' ],
);

is(status('/one', @{ $wrong{$_} }), 401, $_) for sort keys %wrong;
is(status("/one?api_key=$key&key=$key"), 401,
   'a key in the query is not taken');


# --- nearly the key

my %near = (
    (map { ("without byte $_" => substr($key, 0, $_)
                                 . substr($key, $_ + 1)) }
        0, 5, length($key) - 1),
    (map { my $k = $key; substr($k, $_, 1) = chr(ord(substr $k, $_, 1) ^ 1);
           ("byte $_ another" => $k) } 0, 7, length($key) - 1),
    'in capitals' => uc $key, 'in small letters' => lc $key,
    'twice' => "$key$key", 'twice with a comma' => "$key, $key",
    'longer' => "${key}x", 'quoted' => "\"$key\"", 'a prefix' => 'S',
    'very long' => $key . 'x' x 3000,
);

is(key_status('/one', $near{$_}), 401,
   "nearly a key is refused: $_") for sort keys %near;


# --- several keys, of directives and of a file

is(key_status('/many', $_), 202, 'known: ' . substr $_, 0, 20)
    for 'a', 'b', $long, 'file-one', 'file-two', 'two words', 'last-one';
is(key_status('/many', $_), 401, "unknown: '$_'")
    for '# comment', '#file-three', 'file-three', 'file-on', 'two', 'words',
        'ab', '', substr($long, 1), "file-one\t#";


# --- inheritance

is(key_status('/inherited', 'server-key'), 202,
   'a location without keys takes those of the server');
is(key_status('/inherited', $key), 401, 'it takes no key of another location');
is(key_status('/outer/inner', 'outer-key'), 202,
   'a location takes the keys of the location around it');
is(key_status('/outer/inner', 'server-key'), 401,
   "these stand in place of the server's keys");
is(status('/off'), 202, 'off asks for no key');
is(key_status('/off', 'whatever'), 202, 'off takes any key');
is($client->request('GET', '/health')->{status}, 200, 'health asks for no key');
is($client->request('GET', '/stats')->{status}, 401, 'stats asks for a key');
is($client->request('GET', '/stats', headers => { 'X-API-Key' => 'server-key'
   })->{status}, 200, "stats takes the server's key");


# --- the answer; nothing of a refused request is taken

my $sent = 0;
my $stats = sub {
    decode_json_text(http_get($nginx->port, '/stats', headers =>
        { Authorization => 'server-key' })->{body});
};
my $before = $stats->();
my $r = $client->request('POST', '/one', body => 'x' x 100_000);

is($r->{status}, 401,
   'a request without a key is refused with its body unread');
is($r->{body}, '{"success":false,"message":"Unauthorized: Invalid or missing '
   . 'API key"}', 'the 401 says that the key is wrong or missing');
is($r->{headers}{'www-authenticate'}, 'Bearer realm="OpenQoE"',
   'the 401 has a challenge');
is($r->{headers}{'content-type'}, 'application/json', 'the 401 is JSON');
is($r->{headers}{'cache-control'}, 'no-store', 'the 401 must not be cached');

$r = $client->request('POST', '/one', body => '{"events":[]}',
                      headers => { 'X-API-Key' => $key });
is($r->{status}, 400, 'the same connection takes the next request');

my $after = $stats->();
is($after->{requests}{401} - $before->{requests}{401}, 1, 'the 401 is counted');
is($after->{events}{received}, $before->{events}{received},
   'no event of the refused request is counted');
is($client->request('OPTIONS', '/one')->{status}, 204,
   'a preflight needs no key');
is($client->request('PUT', '/one', body => '')->{status}, 405,
   'the method is checked before the key');
unlike($nginx->error_log, qr/Secret-key|server-key|file-one/,
       'no key is in the log');


# --- reload reads the file again

write_file("$dir/keys", "file-two\nfile-new\n");
is(key_status('/many', 'file-new'), 401,
   'a key added to the file is unknown before a reload');
ok($nginx->reload(old => 1), 'nginx reloads');
$client->close;
is(key_status('/many', $_), 202,
   "after the reload the key is known: $_") for qw(file-new file-two a);
is(key_status('/many', 'file-one'), 401,
   'after the reload a key removed from the file is unknown');

unlink "$dir/keys";
like($nginx->reload_fails // '', qr{"$dir/keys" of "openqoe_api_key_file"},
     'a reload fails when the file is gone');
is(key_status('/many', 'file-new'), 202, 'after a failed reload the keys stay');

$client->close;
ok($nginx->stop, 'nginx exits in order');
$nginx->no_errors(allow => qr/openqoe_api_key_file/);

done_testing;
