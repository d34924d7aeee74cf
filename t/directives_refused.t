# Every wrong value, place and repetition of a directive stops "nginx -t",
# with one line that names the directive, the token and the place; the values
# at the ends of a range pass.  What a directive does is in directives.t and
# directives_exporter.t.

use lib 't/lib';
use OpenQoE::Test;

my $certs = make_certs();
my $nginx = OpenQoE::Nginx->new;
my $dir = $nginx->dir;
my $out = $nginx->out_file;


# Runs "nginx -t" on the configuration with these changes; returns (status,
# text).

sub check (%change) {
    $nginx->write_config(zone => 'qoe:8m', exporter => "endpoint file://$out;",
                         (map { $_ => '' } qw(main http server location
                                              events servers)), %change);
    my ($rc, $text) = $nginx->test_config;
    return ($rc, $text);
}


# @says holds strings that the [emerg] line must have.

sub refused ($name, $change, @says) {
    my ($rc, $text) = check(%$change);
    my @lines = grep { /\[emerg\]/ } split /^/, $text;
    my @missing = grep { index($lines[0] // '', $_) < 0 } @says;
    my $ok = $rc ne 'timeout' && $rc >> 8 == 1 && @lines == 1 && !@missing
             && $lines[0] =~ m{ in \S+:\d+$};

    ok($ok, "refused: $name") or diag("status $rc, missing: @missing\n$text");
}


sub taken ($name, %change) {
    my ($rc, $text) = check(%change);
    ok($rc eq '0' && $text !~ /\[(?:emerg|alert|crit|error|warn)\]/,
       "taken: $name") or diag($text);
}


taken('the configuration that the other tests begin with');


# --- values: [place, directive, value, what the message has besides both]

my $BAD = 'invalid value "%s" in "%s", it must be ';
my $NUMBER = 'a number from 1 to 10000';
my $ORIGIN = 'scheme://host[:port] in lower case without a path, or "*"';
my $TYPE = '[a-z][a-z0-9_]{0,63} and no built-in type';
my $LONG = 'a' x 64;

my @values = (
    (map { [ events => 'openqoe_max_events', $_, $NUMBER ] }
        qw(0 10001 -1 1k 1.5 x 99999999999999999999)),
    (map { [ events => 'openqoe_max_sessions', $_, $NUMBER ] }
        qw(0 10001 -1 x 64k)),
    (map { [ events => 'openqoe_max_inflated_size', $_,
             'a size from 1k to 1g' ] }
        qw(0 1023 1025m 2g -1 1.5m 1t x 99999999999999999999g)),
    (map { [ http => 'openqoe_drain_timeout', $_, 'a time from 0 to 10m' ] }
        qw(-1 601s 1h 1x 1s1m x)),
    (map { [ http => 'openqoe_helper_nice', $_, 'a number from 0 to 19' ] }
        qw(-1 20 x 1.5)),
    (map { [ http => 'openqoe_max_new_values', $_, $NUMBER ] }
        qw(0 10001 -1 1k 1.5 x)),
    (map { [ http => 'openqoe_series_max', $_,
             'a number from 100 to 10000000' ] } qw(99 10000001 0 x 1k)),
    (map { [ http => 'openqoe_series_ttl', $_, 'a time from 1s to 366d' ] }
        qw(0 999ms 367d x)),
    (map { [ http => 'openqoe_series_birth', $_,
             'a time from 1s to 10m or off' ] } qw(0 999ms 11m on Off x)),
    (map { [ events => 'openqoe_validation', $_, '"partial" or "strict"' ] }
        qw(on Strict part partially)),
    (map { [ events => 'openqoe_overload_status', $_,
             '"503" or "429" or "204"' ] }
        qw(500 200 5033 50 2044 x)),
    (map { [ events => 'openqoe_ack', $_,
             '"memory" or "spool" or "fsync"' ] } qw(on disk Fsync sync)),
    (map { [ events => 'openqoe_ack_timeout', $_,
             'a time from 100ms to 60s' ] } qw(0 99ms 61s 2m -1 x)),
    (map { [ events => 'openqoe_overload_wait', $_,
             'a time from 0 to 10s or off' ] } qw(-1 11s 10001ms 1m on x)),
    (map { [ http => 'openqoe_spool', "spool $_->[0]", $_->[1], $_->[0] ] }
        (map { [ "max_size=$_", 'a size from 256k to 96g' ] }
            qw(0 255k 97g 1t x -1), ''),
        (map { [ "segment_size=$_", 'a size from 64k to 1g' ] }
            qw(0 63k 1025m x), ''),
        (map { [ "sync=$_", 'a time from 10ms to 60s' ] }
            qw(0 9ms 61s x), ''),
        (map { [ "full=$_", 'full=drop_oldest or full=reject' ] }
            qw(drop rejects REJECT), ''),
        (map { [ "replay_rate=$_", 'a size from 64k to 4g, or 0' ] }
            qw(63k 5g x), ''),
        (map { [ "quarantine=$_", 'a size from 0 to 96g' ] }
            qw(97g x), ''),
        (map { [ $_, 'max_size=, segment_size=, sync=' ] }
            qw(maxsize=1g 1g max_size sync)),
        [ 'max_size=3m', 'such that max_size is at least 4 times' ]),
    [ http => 'openqoe_spool', 'spool max_size=1m segment_size=512k',
      'such that max_size is at least 4 times segment_size',
      'segment_size=512k' ],
    [ http => 'openqoe_spool', 'spool segment_size=64k max_size=7m',
      'such that max_size is at most 96 times segment_size', 'max_size=7m' ],
    [ http => 'openqoe_spool', 'spool sync=1s sync=2s', 'given once',
      'sync=2s' ],
    [ http => 'openqoe_spool', 'nowhere/spool',
      'in an existing directory' ],
    [ http => 'openqoe_spool', 'nginx.conf', 'a directory, and not a link' ],
    (map { [ events => 'openqoe_cors_origin', $_, $ORIGIN ] }
        qw(example.org https://example.org/ https://example.org/a
           https://Example.org HTTPS://example.org https:// https://:80
           https://a.example:0 https://a.example:65536 https://a.example:
           https://a.example:8x https://*.example.org https://a@b.example
           https://[::g] https://[::1
           null ** 1https://a.example //a.example),
        'https://a.example,https://b.example'),
    (map { [ events => 'openqoe_marker_domain', $_, 'a domain name' ] }
        'a_b.example', 'a.example/x', 'a.example:80', 'a' x 254, 'ex;mple'),
    (map { [ http => 'openqoe_event_type', $_, $TYPE ] }
        'Ad', 'ad-start', '1ad', '_ad', 'ad.start', "${LONG}a", 'heartbeat',
        'playing', "\xc3\xa4d"),
    (map { [ http => 'openqoe_event_type', "ad $_", '"severity=info", '
             . '"severity=warn" or "severity=error"', $_ ] }
        qw(severity=fatal severity= severity error severity=INFO
           severity=infox)),
    (map { [ http => 'openqoe_event_time', $_, 'a time from 1s to 366d' ] }
        qw(max_age=0 max_age=999ms max_age=367d max_age=x max_age= max_age=-1
           max_ahead=0 max_ahead=1y2 max_ahead=367d)),
    (map { [ http => 'openqoe_event_time', $_,
             '"max_age=time" or "max_ahead=time"' ] } qw(24h age=1h max_age)),
    (map { [ http => 'openqoe_edge', qq{"$_"},
             '1 to 255 bytes of UTF-8 without control characters', $_ ] }
        '', 'e' x 256, "edge\t1", "edge\x7f", "edge\xff"),
    (map { [ zone => 'openqoe_zone', $_, 'name:size, as in "qoe:64m"' ] }
        qw(qoe :8m qoe: qoe:x qoe:0 qoe:-8m qoe:8mm qoe:8m:1)),
);

for my $row (@values) {
    my ($place, $directive, $value, $expected, $token) = @$row;
    my $text = $place eq 'zone' ? $value
             : "$directive " . ($value =~ /[;{}]/ ? "\"$value\"" : $value)
               . ';';

    refused("$directive $value", { $place => $text },
            sprintf($BAD, $token // $value, $directive) . $expected);
}

refused('an empty value of ' . $_->[1], { $_->[0] => "$_->[1] \"\";" },
        "\"$_->[1]\"")
    for [ events => 'openqoe_api_key' ], [ events => 'openqoe_api_key_file' ],
        [ events => 'openqoe_cors_origin' ], [ events => 'openqoe_validation' ],
        [ events => 'openqoe_marker_domain' ], [ events => 'openqoe_marker' ],
        [ events => 'openqoe_max_events' ], [ http => 'openqoe_event_type' ],
        [ events => 'openqoe_max_inflated_size' ],
        [ http => 'openqoe_drain_timeout' ], [ http => 'openqoe_helper_nice' ],
        [ http => 'openqoe_event_time' ],
        [ events => 'openqoe_overload_status' ], [ events => 'openqoe_ack' ],
        [ events => 'openqoe_ack_timeout' ], [ http => 'openqoe_spool' ],
        [ events => 'openqoe_overload_wait' ];


# --- the spool, and directives that need a spool

symlink "$dir/spool", "$dir/linked" or die;
refused('openqoe_spool with a link as its directory',
        { http => 'openqoe_spool linked;' },
        'invalid value "linked" in "openqoe_spool"', 'not a link to one');
taken("openqoe_spool $_", http => "openqoe_spool $_;")
    for 'fresh', 'fresh/', "$dir/fresh", 'spool max_size=256k segment_size=64k',
        'spool max_size=96g segment_size=1g', 'spool max_size=96g',
        'spool max_size=4m', 'spool sync=10ms full=reject replay_rate=64k',
        'spool sync=60s full=drop_oldest replay_rate=0 quarantine=0',
        'spool replay_rate=4g quarantine=96g';
ok(!-e "$dir/fresh", 'a test of the configuration makes no directory');

refused("openqoe_ack $_ without a spool", { events => "openqoe_ack $_;" },
        "\"openqoe_ack $_\" needs an \"openqoe_exporter\" with logs and a spool")
    for qw(spool fsync);
refused("openqoe_ack spool, $_", { events => 'openqoe_ack spool;',
        exporter => "endpoint http://a; $_;", http => 'openqoe_spool spool;' },
        '"openqoe_ack spool" needs an "openqoe_exporter"')
    for 'spool off', 'signals metrics';
taken("openqoe_ack $_", events => "openqoe_ack $_; openqoe_ack_timeout 100ms;",
      http => 'openqoe_spool spool; openqoe_ack_timeout 60s;')
    for qw(memory spool fsync);
taken('openqoe_ack where one of two exporters has a spool',
      events => 'openqoe_ack fsync;',
      http => 'openqoe_spool spool; openqoe_exporter b { spool off; }');


# --- several exporters

my $NAME = 'a name of 1 to 32 of a-z, 0-9, "_" and "-"';

refused("openqoe_exporter $_", { http => "openqoe_exporter \"$_\" { }" },
        "invalid value \"$_\" in \"openqoe_exporter\", it must be $NAME")
    for '', 'A', '_a', '-a', 'a.b', 'a/b', '..', 'a' x 33, 'lock',
        'quarantine', 'a b';
refused('two exporters of the same name', { http => 'openqoe_exporter a { } '
        . 'openqoe_exporter a { }' },
        '"openqoe_exporter" "a" is duplicate');
refused('a fifth exporter',
        { http => join ' ', map { "openqoe_exporter $_ { }" }
        qw(a b c d) }, '"openqoe_exporter" "d" is one too many');
taken('four exporters', http => join ' ', map { "openqoe_exporter $_ { }" } 'a',
      '9-_', 'a' x 32);
refused('two exporters with different metric intervals',
        { exporter => 'metric_interval 1s;', http =>
        'openqoe_exporter a { } openqoe_exporter b { metric_interval 2s; }' },
        '"metric_interval" of "openqoe_exporter" "b" is not that of "default"');
taken('two exporters with the same metric interval',
      exporter => 'metric_interval 1s;', http =>
      'openqoe_exporter a { } openqoe_exporter b { metric_interval 1s; }');
refused('the same file for two exporters', { http =>
        "openqoe_exporter a { endpoint file://$out; }" }, "file://$out",
        'a file of its own, another exporter has this one');
taken('two exporters with a file each', http =>
      "openqoe_exporter a { endpoint file://$out.a; }");


# --- dimensions, metrics and attributes that need or exclude each other

my $DIM = 'openqoe_dimension';
my $GROUPS = '"core", "rules", "view", "self", "all" or "off"';
my $OWN_ID = '"drop" for this dimension: it has a value of its own';

refused("$DIM $_->[0]", { http => "$DIM $_->[0];" }, "\"$DIM\"", @$_[1 .. $#$_])
    for [ 'env nope', 'invalid value "nope"',
          '"allow", "topk", "hash", "bucket" or "drop"' ],
        (map { [ "env allow max=$_", "invalid value \"max=$_\"",
                 'a number from 1 to 1000000' ] }
            qw(0 1000001 -1 x 1k), '""'),
        (map { [ "env allow ttl=$_", "invalid value \"ttl=$_\"",
                 'a time from 1m to 366d' ] } qw(59s 367d 0 x)),
        (map { [ "env bucket size=$_", "invalid value \"size=$_\"",
                 'a number from 1 to 1000000000' ] } qw(0 1000000001 x)),
        (map { [ "env allow maxlen=$_", "invalid value \"maxlen=$_\"",
                 'a number from 1 to 256' ] } qw(0 257 x)),
        (map { [ "env allow overflow=$_", "invalid value \"overflow=$_\"",
                 '"other" or "hash"' ] } qw(drop Other)),
        [ 'env allow maximum=3', 'invalid value "maximum=3"', '"max=", ' ],
        (map { [ "env allow values=$_", "\"values=", '1 to 64 different '
                 . 'values' ] }
            '', ',', 'a,', ',a', 'a,,b', 'a,b,a', 'x' x 257,
            join ',', 1 .. 65),
        [ 'env allow max=2 values=a,b,c', '"values=" of "env"',
          'has 3 values, which is more than "max=2"' ],
        [ 'env allow values=a,b,abcd maxlen=3', '"abcd" in "values="',
          'is longer than "maxlen=3"' ],
        (map { [ "env $_ values=a", '"values=" of "env"', 'has no meaning' ] }
            qw(topk hash drop), 'bucket size=3'),
        [ 'env allow max=3 max=4', 'duplicate parameter "max=4"' ],
        [ 'env bucket', 'action "bucket" of "env"', 'needs "size="' ],
        (map { [ "env $_->[0] $_->[1]=5", "\"$_->[1]=\" of \"env\"",
                 "has no meaning with the action \"$_->[0]\"" ] }
            [ allow => 'size' ], [ topk => 'size' ], [ hash => 'max' ],
            [ drop => 'max' ], [ hash => 'maxlen' ], [ drop => 'maxlen' ]),
        [ 'env drop overflow=hash', '"overflow=" of "env"', '"drop"' ],
        [ 'env drop metrics=all', '"metrics=" of "env"', '"drop"' ],
        (map { [ "env allow metrics=$_", "invalid value \"metrics=$_\"",
                 '"headline" or "all"' ] } qw(none All)),
        [ 'codec allow metrics=all', '"metrics=" of "codec"',
          'belongs to certain metrics alone' ],
        [ 'env bucket size=5 ttl=1h', '"ttl=" of "env"', '"bucket"' ],
        [ 'env topk ttl=1h', '"ttl=" of "env"', '"topk"' ],
        (map { my $dim = $_; map { [ "$dim $_", $OWN_ID ] }
                   qw(allow topk hash), 'bucket size=3' }
            qw(session_id view_id viewer_id video_source_url)),
        [ 'env allow source=data.env', '"env" in', 'cannot have "source="' ],
        [ 'plan allow', '"plan" in', 'needs "source="' ],
        (map { [ "$_ allow source=data.x", "invalid value \"$_\"",
                 'a dimension of the module, or ' ] }
            qw(1a a-b le job instance __x), 'a' x 64),
        [ 'org.id allow source=data.x', '"org.id"', 'it must be' ],
        (map { [ "plan allow source=$_", "invalid value \"$_\"",
                 '"data.key", "data.key.key", a field of events' ] }
            qw(data data. data.a. data.a.b.c network.nope nope attribute.)),
        (map { [ "plan allow source=$_", "invalid value \"$_\"",
                 'another field' ] }
            qw(session_id view_id viewer_id video.source_url));

refused("$DIM twice", { http => "$DIM env allow; $DIM env drop;" },
        'duplicate value "env" in "openqoe_dimension"');
refused("$DIM twice for a custom dimension",
        { http => "$DIM a.b allow source=data.a;\n"
        . "$DIM a_b allow source=data.b;" }, '"a_b"', "another dimension's");
refused("$DIM more often than there can be dimensions", { http => join '', map {
            "$DIM d$_ allow source=data.d$_;\n" } 1 .. 22 },
        '"d22" in "openqoe_dimension" is one too many, there can be 64');

{
    # This is known when the whole configuration has been read, so the line is
    # that of its end.
    my ($rc, $text) = check(http => "$DIM plan allow source=attribute.plan;");
    isnt($rc, 0, 'refused: a source that no openqoe_attribute makes');
    like($text, qr/"source=attribute\.plan"\ in\ "openqoe_dimension"\ needs\ an
                   \ "openqoe_attribute"/x,
         'the refusal names the source and the directive');
}

taken("$DIM with all its parameters", http => join '', map { "$DIM $_;\n" }
    'org_id allow max=1', 'player_id allow max=1000000 ttl=1m overflow=hash',
    'env allow ttl=366d maxlen=1', 'app_name topk max=10 maxlen=256',
    'app_version hash', 'network_asn bucket size=1000000000',
    'video_id drop', 'session_id drop', 'marker allow overflow=other',
    'codec drop', 'city allow source=network.city',
    'plan topk source=data.plan', 'deep hash source=data.a.b');
taken("$DIM as often as there can be dimensions", http => join '', map {
    "$DIM d$_ allow source=data.d$_;\n" } 1 .. 21);

refused("openqoe_metrics $_->[0]", { http => "openqoe_metrics $_->[0];" },
        '"openqoe_metrics"', $_->[1])
    for [ 'nope', "invalid value \"nope\" in \"openqoe_metrics\", it must be "
          . $GROUPS ],
        [ 'core Rules', 'invalid value "Rules"' ],
        [ 'core all', 'invalid value "all"' ],
        [ 'off view', 'invalid value "off"' ],
        [ 'core core', 'duplicate value "core"' ];
taken("openqoe_metrics $_", http => "openqoe_metrics $_;")
    for qw(core off all), 'core rules view self';

refused("openqoe_view_timeout $_->[0]", { http =>
        "openqoe_view_timeout $_->[0];" }, '"openqoe_view_timeout"', $_->[1])
    for (map { [ $_, "invalid value \"$_\" in \"openqoe_view_timeout\", it "
                     . 'must be a time from 1s to 24h' ] } qw(0 999ms 25h x)),
        [ '1m hidden=25h', 'invalid value "hidden=25h"' ],
        [ '1m hide=1h', 'invalid value "hide=1h"' ];
taken("openqoe_view_timeout $_", http => "openqoe_view_timeout $_;")
    for '1s', '24h', '1m hidden=1s', '10s hidden=24h';

refused("openqoe_view_record $_", { http => "openqoe_view_record $_;" },
        '"openqoe_view_record"', "invalid value \"$_\"")
    for qw(5m off interval= interval=999ms interval=25h interval=on every=1m);
taken("openqoe_view_record $_", http => "openqoe_view_record $_;")
    for 'interval=1s', 'interval=24h', 'interval=off';

refused("openqoe_traces $_->[0]", { http => "openqoe_traces $_->[0];" },
        'in "openqoe_traces", it must be ', $_->[1])
    for (map { [ $_, "invalid value \"$_\"" ] } qw(on good ALL badly)),
        (map { [ "bad sample=$_", "invalid value \"sample=$_\"" ] }
            qw(1 101% -1% % x% 0.00001% 1%% 100.0001%)),
        [ 'bad rate=1%', 'invalid value "rate=1%"' ],
        [ 'all sample=1%', 'invalid value "sample=1%"' ],
        [ 'off sample=1%', 'invalid value "sample=1%"' ];
taken("openqoe_traces $_", http => "openqoe_traces $_;")
    for 'off', 'all', 'bad', map { "bad sample=$_%" } qw(0 1 0.0001 33.3 100);

my $ATTR = 'openqoe_attribute';

refused("$ATTR $_->[0]", { events => "$ATTR $_->[0] x;" }, "\"$ATTR\"",
        "invalid value \"$_->[0]\"", $_->[1])
    for (map { [ $_, 'a field of events, or ' ] } qw(1a a/b .a), 'a' x 64),
        (map { [ $_, 'because events already have this one' ] }
            qw(event_type event_time marker log.record.uid data)),
        (map { [ $_, 'because only the client sets this one' ] }
            qw(org_id player_id view_id session_id viewer_id cmcd.br));
refused("$ATTR twice", { events => "$ATTR a 1; $ATTR a 2;" },
        'duplicate value "a" in "openqoe_attribute"');
refused("$ATTR more often than there can be attributes",
        { events => join '', map { "$ATTR a$_ 1;\n" }
          1 .. 33 },
        '"a33" in "openqoe_attribute" is one too many, there can be 32');
taken("$ATTR", events => join '', map { "$ATTR $_;\n" } 'a b', 'a-b.c $uri',
      'network.country_code DE', 'cdn.edge_pop $hostname', 'env ""',
      'network.asn 64500', 'app_name "$host x"');

refused("openqoe_marker $_", { events => "openqoe_marker $_;" }, "\"$_\"",
        '"openqoe_marker"', 'it must be "on" or "off"') for qw(yes 1);
refused('a zone that is too small',
        { zone => 'qoe:64k' }, '"qoe:64k" in "openqoe_zone"',
        'is too small, a worker needs at least ');
refused('the name of a zone that is in use', { http =>
            'limit_req_zone $uri zone=qoe:32k rate=1r/s;' }, '"qoe"');


# --- a zone that has room for one worker, but not for all

{
    my $one = OpenQoE::Nginx->zone_min;
    my ($rc, $text) = check(zone => "qoe:${one}k",
                            main => 'worker_rlimit_nofile 1024;');
    is($rc, 0, "taken: a zone of $one kB for one worker") or diag($text);
    $nginx->write_config(workers => 64);
    ($rc, $text) = $nginx->test_config;
    like($text, qr/\[emerg\]\ zone\ "qoe"\ of\ "openqoe_zone"\ is\ too\ small,
                   \ 64\ worker\ processes\ need\ at\ least\ (\d+)k/x,
         'refused: a zone of that size for 64 workers');
    isnt($rc, 0, 'a zone that is too small is an exit status, too');

    my ($k) = $text =~ /at least (\d+)k/;
    $nginx->write_config(zone => "qoe:${k}k");
    ($rc, $text) = $nginx->test_config;
    is($rc, 0,
       "taken: a zone of the ${k}k that the message asked for") or diag($text);
    $nginx->write_config(workers => 1);
}


# --- files

sub file ($name, $text) {
    write_file("$dir/$name", $text);
    chmod 0600, "$dir/$name";
    return "$dir/$name";
}

refused("openqoe_api_key_file: $_->[0]",
        { events => "openqoe_api_key_file $_->[1];" }, $_->[1],
        '"openqoe_api_key_file"', $_->[2])
    for [ 'not there', "$dir/nowhere", 'cannot open' ],
        [ 'a directory', $dir, 'is not a regular file' ],
        [ 'empty', file('empty', ''), 'no key in file' ],
        [ 'no key', file('nokey', "\n  \n# only a comment\n\t\r\n"),
          'no key in file' ],
        [ 'too large', file('large', "k\n" x 600_000), 'is larger than' ];


# --- directives that exclude each other

refused('openqoe_api_key with the same key twice', { events =>
        'openqoe_api_key a; openqoe_api_key a;' },
        'duplicate key in "openqoe_api_key"');
refused('openqoe_api_key with a key, then off',
        { events => 'openqoe_api_key a; '
        . 'openqoe_api_key off;' }, '"openqoe_api_key"', '"off"');
refused('openqoe_api_key off, then a key', { events => 'openqoe_api_key off; '
        . 'openqoe_api_key a;' }, '"openqoe_api_key"', '"off"');
refused('openqoe_api_key off, then a key file',
        { events => 'openqoe_api_key off; '
        . 'openqoe_api_key_file ' . file('keys', "k\n") . ';' },
        '"openqoe_api_key_file"', '"openqoe_api_key off"');
refused('openqoe_cors_origin off, then an origin',
        { events => 'openqoe_cors_origin off; '
        . 'openqoe_cors_origin https://a.example;' },
        '"openqoe_cors_origin"', '"off"');
refused('openqoe_cors_origin off among origins', { events =>
        'openqoe_cors_origin https://a.example off;' }, '"off"',
        '"openqoe_cors_origin"');
refused('openqoe_cors_origin with an origin, then off', { events =>
        'openqoe_cors_origin off https://a.example;' }, '"off"',
        '"openqoe_cors_origin"');
refused("openqoe_cors_origin $_", { events => "openqoe_cors_origin $_;" },
        'in "openqoe_cors_origin", it must be given alone when "*" is used')
    for '* https://a.example', 'https://a.example *', '* *';
refused('openqoe_cors_origin with the same origin twice',
        { events => 'openqoe_cors_origin https://a.example;'
        . ' openqoe_cors_origin https://b.example https://a.example;' },
        'invalid value "https://a.example" in "openqoe_cors_origin"',
        'it must be given once');
refused('an event type twice', { http => 'openqoe_event_type ad; '
        . 'openqoe_event_type ad severity=warn;' },
        'duplicate value "ad" in "openqoe_event_type"');
refused('openqoe_event_time with max_age twice',
        { http => 'openqoe_event_time max_age=1h max_age=2h;' },
        'duplicate parameter "max_age=2h" in "openqoe_event_time"');
refused('openqoe_event_time with max_ahead twice',
        { http => 'openqoe_event_time max_ahead=1h; '
        . 'openqoe_event_time max_ahead=1h;' },
        'duplicate parameter "max_ahead=1h" in "openqoe_event_time"');
refused("$_->[0] and $_->[1]", { events => '', location =>
        "location /two { $_->[0]; $_->[1]; }" }, "\"$_->[1]\"",
        'conflicts with another openqoe handler of this location')
    for [qw(openqoe_events openqoe_health)], [qw(openqoe_stats openqoe_events)];

refused("$_->[1] twice", { $_->[0] => "$_->[1] $_->[2]; $_->[1] $_->[2];" },
        "\"$_->[1]\" directive is duplicate")
    for [ events => 'openqoe_marker', 'on' ],
        [ events => 'openqoe_marker_domain', 'a.example' ],
        [ events => 'openqoe_max_events', 10 ],
        [ events => 'openqoe_max_sessions', 10 ],
        [ events => 'openqoe_max_inflated_size', '1m' ],
        [ events => 'openqoe_validation', 'strict' ],
        [ events => 'openqoe_overload_status', 429 ],
        [ http => 'openqoe_drain_timeout', '1s' ],
        [ http => 'openqoe_helper_nice', 3 ],
        [ events => 'openqoe_ack', 'memory' ],
        [ events => 'openqoe_ack_timeout', '1s' ],
        [ events => 'openqoe_overload_wait', '1s' ],
        [ http => 'openqoe_spool', 'spool' ],
        [ http => 'openqoe_metrics', 'core' ],
        [ http => 'openqoe_view_timeout', '1m' ],
        [ http => 'openqoe_view_record', 'interval=1m' ],
        [ http => 'openqoe_traces', 'all' ],
        [ http => 'openqoe_max_new_values', 8 ],
        [ http => 'openqoe_series_max', 100 ],
        [ http => 'openqoe_series_ttl', '1m' ],
        [ http => 'openqoe_series_birth', '1m' ];
refused("$_ twice in a location", { location => "location /x { $_; $_; }" },
        "\"$_\" directive is duplicate")
    for qw(openqoe_events openqoe_cmcd_events openqoe_health openqoe_stats
           openqoe_page);
refused('openqoe_zone twice', { http => 'openqoe_zone other:8m;' },
        '"openqoe_zone" directive is duplicate');
refused('openqoe_exporter twice', { http => 'openqoe_exporter { }' },
        '"openqoe_exporter" "default" is duplicate');

refused("$_ without a zone", { zone => undef, exporter => undef, locations =>
        "location = /x { $_; }" },
        "\"$_\" needs the \"openqoe_zone\" directive")
    for qw(openqoe_events openqoe_cmcd_events openqoe_health openqoe_stats
           openqoe_page);
delete $nginx->{locations};


# --- the number of arguments, and the places

my %PLACES = (
    openqoe_zone => [ 'zz:8m', 'http' ],
    openqoe_edge => [ 'edge-1', 'http' ],
    openqoe_fleet_key => [ file('fleet', "00112233" x 4), 'http' ],
    openqoe_exporter => [ undef, 'http' ],
    openqoe_spool => [ 'spool', 'http' ],
    openqoe_drain_timeout => [ '1s', 'http' ],
    openqoe_helper_nice => [ 0, 'http' ],
    openqoe_event_type => [ 'ad', 'http' ],
    openqoe_event_time => [ 'max_age=1h', 'http' ],
    openqoe_metrics => [ 'core', 'http' ],
    openqoe_dimension => [ 'env drop', 'http' ],
    openqoe_view_timeout => [ '1m', 'http' ],
    openqoe_view_record => [ 'interval=1m', 'http' ],
    openqoe_traces => [ 'all', 'http' ],
    openqoe_max_new_values => [ 8, 'http' ],
    openqoe_series_max => [ 1000, 'http' ],
    openqoe_series_ttl => [ '1m', 'http' ],
    openqoe_series_birth => [ '1m', 'http' ],
    openqoe_attribute => [ 'a b', 'any' ],
    openqoe_events => [ '', 'location' ],
    openqoe_cmcd_events => [ '', 'location' ],
    openqoe_health => [ '', 'location' ],
    openqoe_stats => [ '', 'location' ],
    openqoe_page => [ '', 'location' ],
    openqoe_api_key => [ 'k', 'any' ],
    openqoe_api_key_file => [ file('keys', "k\n"), 'any' ],
    openqoe_cors_origin => [ '*', 'any' ],
    openqoe_marker => [ 'on', 'any' ],
    openqoe_marker_domain => [ 'a.example', 'any' ],
    openqoe_max_events => [ 5, 'any' ],
    openqoe_max_sessions => [ 5, 'any' ],
    openqoe_max_inflated_size => [ '1m', 'any' ],
    openqoe_validation => [ 'strict', 'any' ],
    openqoe_overload_status => [ 429, 'any' ],
    openqoe_ack => [ 'memory', 'any' ],
    openqoe_ack_timeout => [ '1s', 'any' ],
    openqoe_overload_wait => [ 'off', 'any' ],
);

my @CONTEXTS = (
    [ main => sub ($line) { (main => $line) } ],
    [ http => sub ($line) { (http => $line) } ],
    [ server => sub ($line) { (server => $line) } ],
    [ location => sub ($line) { (location => "location /x { $line }") } ],
    [ if => sub ($line) {
          (location => "location /x { if (\$args) { $line } }") } ],
    [ limit_except => sub ($line) {
          (location => "location /x { limit_except GET { $line } }") } ],
    [ upstream => sub ($line) {
          (http => "upstream u { server 127.0.0.1:1; $line }") } ],
);

# Each directive of the module is in the table.

my @all = slurp('ngx_http_openqoe_module.c')
          =~ /ngx_string\("(openqoe_\w+)"\)/g;
is_deeply([ sort keys %PLACES ], [ sort @all ],
          'every directive is tried in every place');

my %good = map { $_->[0] => '' } @CONTEXTS;

for my $directive (sort keys %PLACES) {
    my ($value, $where) = @{ $PLACES{$directive} };
    my $line = defined $value ? "$directive $value;" : "$directive { }";

    for my $context (@CONTEXTS) {
        my ($name, $build) = @$context;

        if ($name eq $where
            || $where eq 'any' && $name =~ /^(?:http|server|location)$/)
        {
            $good{$name} .= "$line\n"
                if $directive !~ /_(?:zone|exporter|health|stats|page|cmcd_events)$/
                   && ($name eq 'http' || $directive ne 'openqoe_spool');
            next;
        }

        refused("$directive in $name", { $build->($line) },
                "\"$directive\" directive is not allowed here");
    }

    my @wrong = $directive eq 'openqoe_exporter'
        ? ("$directive;", "$directive a b { }")
        : ("$directive a b c;", $value ne '' ? "$directive;"
                                             : "$directive x;");
    shift @wrong if $directive eq 'openqoe_cors_origin';
    refused("$_", { $where eq 'http' ? (http => $_)
                    : (location => "location /x { $_ }") }, "\"$directive\"")
        for @wrong;
}

taken("each directive that may stand in $_->[0]",
      $_->[1]->($good{ $_->[0] })) for @CONTEXTS[1 .. 3];


# --- the ends of the ranges

taken($_->[1], $_->[0] eq 'location'
      ? (location => "location /x { $_->[1]; }") : ($_->[0] => "$_->[1];"))
    for (map { [ http => "openqoe_drain_timeout $_" ] } qw(0 1ms 10m)),
        (map { [ http => "openqoe_max_new_values $_" ] } qw(1 10000)),
        (map { [ http => "openqoe_series_max $_" ] } qw(100 10000000)),
        (map { [ http => "openqoe_series_ttl $_" ] } qw(1s 366d)),
        (map { [ http => "openqoe_series_birth $_" ] } qw(1s 10m off)),
        (map { [ http => "openqoe_dimension $_" ] }
            'env allow values=a', 'env allow max=1 values=' . 'x' x 128,
            'plan allow source=data.plan values=' . join(',', 1 .. 64),
            '"env" allow "values=two words,other"',
            'env allow metrics=headline', 'video_id allow metrics=all',
            'plan hash source=data.plan metrics=all'),
        [ http => "openqoe_event_type $LONG" ],
        (map { [ http => "openqoe_event_time $_" ] } 'max_age=1s',
         'max_ahead=366d max_age=1000ms');

taken('every valid value', http => join('', map { "openqoe_event_type $_;\n" }
          'a', 'a1_', 'b severity=info', 'c severity=warn',
          'd severity=error'),
      location => join '', map {
          state $n = 0;
          'location /g' . $n++ . " { openqoe_events; $_; }\n";
      } 'openqoe_max_events 1', 'openqoe_max_events 10000',
      'openqoe_max_sessions 1', 'openqoe_max_sessions 10000',
        'openqoe_max_inflated_size 1k', 'openqoe_max_inflated_size 1024',
        'openqoe_max_inflated_size 1g', 'openqoe_validation partial',
        'openqoe_overload_status 503', 'openqoe_marker off',
        'openqoe_marker_domain .Example.org',
        'openqoe_marker_domain localhost', 'openqoe_cors_origin off',
        'openqoe_cors_origin https://a.example http://b.example:8080',
        'openqoe_cors_origin https://[::1]:8443 app://x capacitor://localhost',
        'openqoe_cors_origin https://a.example; openqoe_cors_origin '
        . 'https://b.example', 'openqoe_api_key off', 'openqoe_api_key "a b"',
        'openqoe_api_key a; openqoe_api_key_file ' . file('a', "a\nb\n"));

taken('the module without a zone or any directive',
      zone => undef, exporter => undef,
      locations => '');

done_testing;
