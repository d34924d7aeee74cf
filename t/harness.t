use Test::Nginx::Socket;

# The runner itself.  The blocks after __DATA__ must pass; the files below,
# run by a prove of their own, must fail, each for its reason.

use Cwd qw(abs_path);
use File::Temp qw(tempdir);

my %expect_failure = (
    'wrong status' => ["--- config\nlocation = /a { return 200 x; }\n"
        . "--- request\nGET /a\n--- error_code: 404\n", qr/expected: '404'/],

    'status is 200 unless told' =>
        ["--- config\nlocation = /a { return 404 x; }\n"
         . "--- request\nGET /a\n", qr/expected: '200'/],

    'wrong body' => ["--- config\nlocation = /a { return 200 x; }\n"
        . "--- request\nGET /a\n--- response_body\ny\n", qr/expected: 'y/],

    'body unlike' => ["--- config\nlocation = /a { return 200 x; }\n"
        . "--- request\nGET /a\n--- response_body_like: ^y\n",
        qr/doesn't match/],

    'missing header' => ["--- config\nlocation = /a { return 200 x; }\n"
        . "--- request\nGET /a\n--- response_headers\nX-A: b\n",
        qr/header X-A/],

    'header that must not be' =>
        ["--- config\nlocation = /a { return 200 x; }\n"
         . "--- request\nGET /a\n--- response_headers\n! Content-Type\n",
         qr/header Content-Type not present/],

    'line not logged' => ["--- config\nlocation = /a { return 200 x; }\n"
        . "--- request\nGET /a\n--- error_log\nno such line\n",
        qr/"no such line" is in a line/],

    'line logged' => ["--- config\nlocation = /a { root /nonexistent; }\n"
        . "--- request\nGET /a\n--- error_code: 404\n--- no_error_log\n"
        . "[error]\n", qr/"\[error\]" is in no line/],

    'lives though it must die' =>
        ["--- config\nlocation = /a { return 200 x; }\n--- must_die\n",
         qr/nginx runs on/],

    'dies for another reason' =>
        ["--- config\nbogus on;\n--- must_die\n--- error_log\nother\n",
         qr/"other" is in a line/],

    'does not start' => ["--- config\nbogus on;\n--- request\nGET /a\n",
        qr/nginx does not start/],

    'a misspelt section' => ["--- config\nlocation = /a { return 200 x; }\n"
        . "--- request\nGET /a\n--- respons_body\nnever\n",
        qr/nothing checks: respons_body/],

    'a [crit] that no section speaks of' =>
        ["--- http_config\nlog_format f \"\$uri\";\n"
         . "--- config\nlocation = /a {\n"
         . "access_log /nonexistent/\$host f; return 200 x; }\n"
         . "--- request\nGET /a\n", qr/unexpected lines in error\.log/],

    'an eval that fails' => ["--- config\nlocation = /a { return 200 x; }\n"
        . "--- request\nGET /a\n--- response_body eval\ndie 'oops'\n",
        qr/oops/],

    'no answer in time' =>
        ["--- config\nlocation = /a { proxy_pass http://127.0.0.1:9; "
         . "proxy_connect_timeout 1s; return 200 x; }\n"
         . "--- raw_request eval\n\"GET /a HTTP/1.1\\r\\nHost: x\\r\\n\"\n"
         . "--- timeout: 0.3\n--- error_code:\n", qr/timed out/],
);

plan(tests => 2 * keys(%expect_failure) + 60);


my $lib = abs_path($0) =~ s{/[^/]*\z}{/lib}r;
my $dir = tempdir(CLEANUP => 1);

for my $name (sort keys %expect_failure) {
    my ($block, $says) = @{ $expect_failure{$name} };

    open my $out, '>', "$dir/fails.t" or die $!;
    print $out "use Test::Nginx::Socket 'no_plan';\nrun_tests();\n"
               . "__DATA__\n\n=== TEST 1: it\n$block";
    close $out;

    my $output = do {
        local %ENV = %ENV;
        delete @ENV{grep { /^TEST_NGINX_(?!BINARY)/ } keys %ENV};
        `prove -I$lib -v $dir/fails.t 2>&1`;
    };
    isnt($?, 0, "prove fails for $name");
    like($output, $says, "prove says why it fails for $name");
}


add_block_preprocessor(sub {
    my $block = shift;
    $block->set_value('http_config', 'map $uri $mapped { default "yes"; }')
        if defined $block->with_map;
});

$ENV{TEST_NGINX_HARNESS_WORD} = 'expanded';
our $Body = 'from a variable of main';

no_long_string();
run_tests();

__DATA__

=== TEST 1: a request is checked for status, body and headers
--- config
    location = /a {
        add_header X-One 1;
        add_header X-Two "a b";
        return 201 "hello\n";
    }
--- request
GET /a
--- error_code: 201
--- response_body
hello
--- response_headers
X-One: 1
X-Two: a b
! X-Three
--- no_error_log
[error]



=== TEST 2: the defaults are the status 200 and the root location
--- config
--- request
GET /index.html
--- response_body_like: It works!
--- response_headers_like
Content-Type: text/(?:html|plain)
Content-Length: \d+



=== TEST 3: a proxied server echoes the body of a POST
--- config
    location = /in {
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/out;
        proxy_set_header X-Body $request_body;
    }
    location = /out { return 200 "$http_x_body/$request_method/$http_x_more"; }
--- request
POST /in
the body
--- more_headers
X-More: more
# a comment
--- response_body chomp
the body/POST/more



=== TEST 4: eval filters and a variable of main are expanded
--- config eval
"location = /a { return 200 '$::Body'; }"
--- request eval
"GET /a"
--- response_body eval
$::Body



=== TEST 5: a body can be checked by a pattern
--- config
    location = /a { return 200 "abc\n"; }
--- request
GET /a
--- response_body eval
qr/^a.c$/



=== TEST 6: a body can be checked not to match a pattern
--- config
    location = /a { return 200 "abc\n"; }
--- request
GET /a
--- response_body_unlike: xyz



=== TEST 7: several requests use a connection each
--- config
    location = /a { return 200 "a"; }
    location = /b { return 404 "b"; }
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[200, 404]
--- response_body eval
["a", "b"]



=== TEST 8: pipelined requests use one connection
--- config
    location = /a { return 200 "a"; }
    location = /b { return 200 "b"; }
--- pipelined_requests eval
["GET /a", "GET /b", "GET /a"]
--- response_body eval
["a", "b", "a"]



=== TEST 9: a request can be sent in packets
--- config
    location = /in {
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/out;
        proxy_set_header X-Body $request_body;
    }
    location = /out { return 200 "$http_x_body"; }
--- request eval
[["POST /in\nabc", {value => "def", delay_before => 0.05}, "ghi"]]
--- response_body chomp
abcdefghi



=== TEST 10: a raw request can be chunked by hand
--- config
    location = /in {
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/out;
        proxy_set_header X-Body $request_body;
    }
    location = /out { return 200 "$http_x_body"; }
--- raw_request eval
["POST /in HTTP/1.1\r\nHost: h\r\nConnection: close\r\n",
 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "0\r\n\r\n"]
--- raw_request_middle_delay: 0.02
--- response_body chomp
abc



=== TEST 11: must_die checks the message
--- config
    no_such_directive on;
--- must_die
--- error_log
unknown directive "no_such_directive"



=== TEST 12: must_die checks the exit code, in http
--- http_config
    limit_req_zone $uri zone=a:1k rate=1r/s;
--- config
--- must_die: 1
--- error_log eval
qr/\[emerg\].* zone "zone=a:1k" is too small/



=== TEST 13: a configuration has the environment and the user's files
--- main_config
    env FOO=$TEST_NGINX_HARNESS_WORD;
--- user_files
>>> one.txt
$TEST_NGINX_HARNESS_WORD
>>> dir/two.txt
two
--- config
    location /dir/ { root $TEST_NGINX_SERVER_ROOT/html; }
--- request eval
["GET /one.txt", "GET /dir/two.txt"]
--- response_body eval
["expanded\n", "two\n"]



=== TEST 14: a preprocessor may add a section of its own
--- with_map
--- config
    location = /a { return 200 $mapped; }
--- request
GET /a
--- response_body chomp
yes



=== TEST 15: the error log can be checked in lines and by a pattern
--- config
    location = /a { root /nonexistent; }
--- request
GET /a
--- error_code: 404
--- error_log
/nonexistent/a
No such file



=== TEST 16: the error log can be searched for strings
--- config
    location = /a { root /nonexistent; }
--- request
GET /a
--- error_code: 404
--- grep_error_log eval
qr/open\(\) "[^"]*"/
--- grep_error_log_out
open() "/nonexistent/a"



=== TEST 17: curl makes HTTP/2 requests
--- http2
--- config
    location = /a { return 200 "$server_protocol"; }
--- request
GET /a
--- response_body chomp
HTTP/2.0



=== TEST 18: HEAD and raw headers can be checked
--- config
    location = /a { return 200 "abc"; }
--- request
HEAD /a
--- response_body chomp
--- raw_response_headers_like: Content-Length: 3\r\n
--- raw_response_headers_unlike: X-None



=== TEST 19: the log of a single request can be checked
--- config
    location = /a { return 200 "abc"; }
--- request
GET /a?q=1
--- access_log
GET /a?q=1
--- no_access_log
GET /b



=== TEST 20: an expected [crit] in the log is no failure
--- http_config
    log_format f "$uri";
--- config
    location = /a {
        access_log /nonexistent/$host.log f;
        return 200 "abc";
    }
--- request
GET /a
--- response_body chomp
abc
--- error_log
[crit]
"/nonexistent/localhost.log" failed



=== TEST 21: a block with SKIP is never run
--- SKIP
--- config
    bogus;
--- request
GET /a
