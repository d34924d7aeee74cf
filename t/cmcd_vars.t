use Test::Nginx::Socket;

# Variables of CMCD in any location: $openqoe_cmcd_KEY from the query or the
# headers, and $openqoe_args for cache keys, upstreams and tokens.  No location
# here has a directive of this module.

use Digest::MD5 qw(md5_base64);

add_block_preprocessor(sub {
    my $block = shift;
    my $main = $block->main_config // '';
    my $http = $block->http_config // '';

    $block->set_value('main_config',
                      "load_module \$TEST_NGINX_OPENQOE_MODULE;\n$main");
    $block->set_value('http_config', <<"END");
        $http
        proxy_cache_path \$TEST_NGINX_SERVER_ROOT/cache keys_zone=cache:1m;
        server {
            listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
            location / { default_type text/plain; return 200 "\$request_uri"; }
        }
END
    $block->set_value('config', <<'END') if !defined $block->config;
        location = /echo {
            return 200 "[$openqoe_cmcd_sid][$openqoe_cmcd_cid][$openqoe_cmcd_ot][$openqoe_cmcd_br][$openqoe_cmcd_bs][$openqoe_cmcd_su][$openqoe_cmcd_pr][$openqoe_cmcd_nor]";
        }
        location = /args { return 200 "$openqoe_is_args|$openqoe_args"; }
END
    $block->set_value('no_error_log', "[error]")
        if !defined $block->no_error_log && !defined $block->error_log;
});

our $Sid = '6e2fb550-c457-11e9-bb97-0800200c9a66';

# Location of a cache before the server that answers with the URI it is asked
# for, with what a recipe needs.
sub cache {
    my ($recipe) = @_;
    return <<"END";
        location /v/ {
            proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
            proxy_cache cache;
            proxy_cache_valid 200 1m;
            add_header X-Cache \$upstream_cache_status;
            $recipe
        }
END
}

our $KeyOnly = cache('proxy_cache_key $scheme$proxy_host$uri$openqoe_is_args'
                     . '$openqoe_args;');
our $Strip = cache('set $args $openqoe_args;');

our @Requests = map { "GET /v/s.mp4$_" }
    '?a=1&CMCD=br%3D1&b=2', '?a=1&CMCD=br%3D2&b=2', '?a=1&b=2',
    '?CMCD=br%3D3', '', '?XCMCD=br%3D3', '?XCMCD=br%3D4';

plan('no_plan');
run_tests();

__DATA__

=== TEST 1: keys of the query: text without quotes, a list's first item, true as 1
--- request eval
["GET /echo?CMCD=sid%3D%22$::Sid%22%2Ccid%3D%22a+b%22%2Cot%3Dv%2Cbr%3D3200%2Cbs%2Csu%3D%3F0%2Cpr%3D1.5",
 'GET /echo?x=1&CMCD=br%3D(5000%3Bv%20320%3Ba)%2Cnor%3D(%22n.mp4%22%20%22o.mp4%22)&y=2',
 "GET /echo?CMCD=cid%3D%22a%5C%22b%22",
 'GET /echo?C%4DCD=ot%3Da']
--- response_body eval
["[$::Sid][a b][v][3200][1][0][1.5][]", '[][][][5000][][][][n.mp4]',
 '[][a"b][][][][][][]', '[][][a][][][][][]']
--- error_code eval
[200, 200, 200, 200]



=== TEST 2: keys of the headers stand in place of those of the query
--- request
GET /echo?CMCD=sid%3D%22q%22%2Cot%3Dv%2Cbr%3D1
--- more_headers
CMCD-Session: sid="h"
cmcd-object: br=(5000;v 320;a)
CMCD-Object: ot=a
CMCD-Status: bs
--- response_body: [h][][a][5000][1][][][]
--- error_code: 200



=== TEST 3: headers that are empty or broken still keep the query away
--- request eval
['GET /echo?CMCD=sid%3D%22q%22', 'GET /echo?CMCD=sid%3D%22q%22',
 'GET /echo?CMCD=sid%3D%22q%22']
--- more_headers eval
["CMCD-Status:", "CMCD-Status: ===", "X-CMCD: sid=\"x\"\nCMCD-Objects: br=1"]
--- response_body eval
['[][][][][][][][]', '[][][][][][][][]', '[q][][][][][][][]']
--- error_code eval
[200, 200, 200]



=== TEST 4: there is no value without CMCD, of an argument of another case, of ill-typed members, and of a higher version
--- request eval
['GET /echo', 'GET /echo?cmcd=ot%3Dv', 'GET /echo?XCMCD=ot%3Dv',
 'GET /echo?CMCD=ot%3D%22v%22%2Cbr%3D-1%2Cbs%3D1', 'GET /echo?CMCD=ot%3Dv%2Cv%3D3',
 'GET /echo?CMCD', 'GET /echo?CMC']
--- response_body eval
[('[][][][][][][][]') x 7]
--- error_code eval
[(200) x 7]



=== TEST 5: custom keys by their names with underscores, whatever their case
--- config
    location = /echo {
        return 200 "$openqoe_cmcd_com_example_x|$openqoe_cmcd_com_example_myNumericKey|$openqoe_cmcd_x_y_z|$openqoe_cmcd_zzz";
    }
--- request eval
['GET /echo?CMCD=com.example-x%3D%22y%22%2Ccom.example-myNumericKey%3D500%2Cx-y_z%3Dtok%2Czzz%3D1',
 'GET /echo?CMCD=com.example-xx%3D%22y%22%2Cbr%3D5']
--- response_body eval
['y|500|tok|', '|||']
--- error_code eval
[200, 200]



=== TEST 6: more lines of CMCD than usual are joined by name in their order
--- request
GET /echo
--- more_headers eval
join "\n", (map { "CMCD-Object: br=$_" } 1 .. 20), 'CMCD-Request: nor="a"',
    (map { "CMCD-Session: sid=\"s$_\"" } 1 .. 20), 'CMCD-Object: ot=v'
--- response_body: [s20][][v][20][][][][a]
--- error_code: 200



=== TEST 7: a rewrite, an internal redirect, "set $args" and a named location leave the set as it was
--- config
    location = /rewrite { rewrite ^ /out?r=1? last; }
    location = /redirect { error_page 404 = /out?e=1; return 404; }
    location = /set { set $args ""; return 200 "$openqoe_cmcd_sid:$args"; }
    location = /before {
        set $sid $openqoe_cmcd_sid;
        set $args "";
        rewrite ^ /out last;
    }
    location = /named { error_page 404 = @named; return 404; }
    location @named { return 200 "$openqoe_cmcd_sid:$args"; }
    location = /out { return 200 "$openqoe_cmcd_sid:$args"; }
--- request eval
[map { "GET /$_?CMCD=sid%3D%22s%22" }
 qw(rewrite redirect set before named)]
--- response_body eval
['s:r=1', 's:e=1', 's:', 's:', 's:CMCD=sid%3D%22s%22']
--- error_code eval
[(200) x 5]



=== TEST 8: variables of CMCD in a log, after "set $args" has taken the arguments away
--- http_config
    log_format cmcd escape=json '{"sid":"$openqoe_cmcd_sid","cid":"$openqoe_cmcd_cid","bl":"$openqoe_cmcd_bl","args":"$openqoe_args"}';
--- config
    location = /x {
        set $args $openqoe_args;
        access_log logs/access.log cmcd;
        return 200 "$args";
    }
--- request
GET /x?a=1&CMCD=sid%3D%22s%22%2Ccid%3D%22q%5C%22%C3%A9%22
--- response_body: a=1
--- access_log eval
'{"sid":"s","cid":"q\"' . "\xc3\xa9" . '","bl":"","args":"a=1"}'
--- error_code: 200



=== TEST 9: a map and an if by keys of CMCD
--- http_config
    map $openqoe_cmcd_ot $class { v media; a media; default other; }
--- config
    location /m {
        if ($openqoe_cmcd_bs) { return 200 "starved $class"; }
        return 200 $class;
    }
--- request eval
['GET /m?CMCD=bs%2Cot%3Dv', 'GET /m?CMCD=ot%3Da', 'GET /m?CMCD=bs%3D%3F0%2Cot%3Dm', 'GET /m']
--- response_body eval
['starved media', 'media', 'other', 'other']
--- error_code eval
[(200) x 4]



=== TEST 10: $openqoe_args has the arguments without CMCD, their bytes and their order
--- request eval
[map { "GET /args$_" }
 '?a=1&CMCD=br%3D1&b=2', '?CMCD=br%3D1&b=2', '?a=1&CMCD=br%3D1',
 '?CMCD=br%3D1', '?CMCD', '?CMCD=', '', '?', '?a=1&b=2',
 '?CMCD=1&a=1&CMCD=2&b=2&CMCD=3', '?C%4DCD=1&a=1', '?a=1&%43%4d%43%44=x&b',
 '?XCMCD=1&CMCDX=2&cmcd=3&CMC=4', '?x=CMCD%3Dbr&y=CMCD=1',
 '?&&CMCD=1&&', '?CMCD=1&', '?a=b&', '?CMC%4=1&CMCD%=1',
 '?tok=a%20b~c&flag&CMCD=1&hdnts=exp=1~acl=/*~hmac=AB%2f+',
 "?t=\xff%ff%00&CMCD=\xff&u=\xc3\xa9"]
--- response_body eval
['?|a=1&b=2', '?|b=2', '?|a=1', '|', '|', '|', '|', '|', '?|a=1&b=2',
 '?|a=1&b=2', '?|a=1', '?|a=1&b',
 '?|XCMCD=1&CMCDX=2&cmcd=3&CMC=4', '?|x=CMCD%3Dbr&y=CMCD=1',
 '?|&&&', '|', '?|a=b&', '?|CMC%4=1&CMCD%=1',
 '?|tok=a%20b~c&flag&hdnts=exp=1~acl=/*~hmac=AB%2f+',
 "?|t=\xff%ff%00&u=\xc3\xa9"]
--- error_code eval
[(200) x 20]



=== TEST 11: a cache key without CMCD hits from the second request on; the origin sees CMCD
--- config eval
$::KeyOnly
--- request eval
\@::Requests
--- response_headers eval
[map { "X-Cache: $_" } qw(MISS HIT HIT MISS HIT MISS MISS)]
--- response_body eval
['/v/s.mp4?a=1&CMCD=br%3D1&b=2', ('/v/s.mp4?a=1&CMCD=br%3D1&b=2') x 2,
 ('/v/s.mp4?CMCD=br%3D3') x 2, '/v/s.mp4?XCMCD=br%3D3', '/v/s.mp4?XCMCD=br%3D4']
--- error_code eval
[(200) x 7]



=== TEST 12: arguments without CMCD hit from the second request on; the origin sees no CMCD
--- config eval
$::Strip
--- request eval
\@::Requests
--- response_headers eval
[map { "X-Cache: $_" } qw(MISS HIT HIT MISS HIT MISS MISS)]
--- response_body eval
[('/v/s.mp4?a=1&b=2') x 3, ('/v/s.mp4') x 2, '/v/s.mp4?XCMCD=br%3D3',
 '/v/s.mp4?XCMCD=br%3D4']
--- error_code eval
[(200) x 7]



=== TEST 13: the default cache key makes a MISS of each request with CMCD
--- config eval
::cache('')
--- request eval
[@::Requests[0, 1]]
--- response_headers eval
["X-Cache: MISS", "X-Cache: MISS"]
--- error_code eval
[200, 200]



=== TEST 14: odd bytes of a token reach the origin as they were sent
--- config eval
$::Strip
--- request eval
['GET /v/a%20b/s.mp4?hdnts=exp=1~acl=/*~hmac=AB%2f+&CMCD=br%3D1&t=%00%e9|^']
--- response_body eval
'/v/a%20b/s.mp4?hdnts=exp=1~acl=/*~hmac=AB%2f+&t=%00%e9|^'
--- error_code: 200



=== TEST 15: a token of named arguments, and a token of all arguments but CMCD
--- config
    location /named {
        secure_link $arg_md5;
        secure_link_md5 "$uri$arg_user secret";
        if ($secure_link = "") { return 403; }
        return 200 "ok";
    }
    location ~ ^/(?<token>[\w-]+)(?<file>/all)$ {
        secure_link $token;
        secure_link_md5 "$file?$openqoe_args secret";
        if ($secure_link = "") { return 403; }
        return 200 "ok";
    }
--- request eval
[do { my ($named, $all) = map { Digest::MD5::md5_base64($_) =~ tr{+/}{-_}r }
    '/named7 secret', '/all?b=%20&a secret';
("GET /named?user=7&md5=$named&CMCD=br%3D1", "GET /named?user=7&md5=$named",
 "GET /named?CMCD=br%3D1&user=8&md5=$named",
 "GET /$all/all?b=%20&a", "GET /$all/all?b=%20&CMCD=br%3D1&a",
 "GET /$all/all?b=+&a&CMCD=br%3D1") }]
--- error_code eval
[200, 200, 403, 200, 200, 403]
