
/*
 * Copyright (C) OpenQoE
 *
 * Requests as observations: what identifies their object, what they take from
 * CMCD.
 */


#include "qoe_request.h"
#include "tap.h"

#include <math.h>
#include <unistd.h>


static const qoe_hash_key_t  key = { 3, 4 };


static void
test_path(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct {
        const char  *path;
        const char  *range;
        uint64_t     segment;
        uint64_t     first;
        uint64_t     next;
    } rows[] = {
        { "/v/chunk-stream0-00012.m4s", "", 12, 0, 0 },
        { "/v/seg7.ts", "", 7, 0, 0 },
        { "/7/init.mp4", "", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/180180", "", 180180, 0, 0 },
        { "/v/f(video=35000000)", "", 35000000, 0, 0 },
        { "/v/all.mp4", "bytes=100-299", QOE_SEGMENT_NONE, 100, 300 },
        { "/v/all.mp4", "bytes=100-", QOE_SEGMENT_NONE, 100, UINT64_MAX },
        { "/v/all.mp4", "bytes=-100", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/all.mp4", "bytes=300-100", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/all.mp4", "bytes=0-9,20-29", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/99999999999999999999999999.ts", "", 999999999999999999, 0, 0 },
        { "", "", QOE_SEGMENT_NONE, 0, 0 },
        { "7", "", 7, 0, 0 }, { "/7", "", 7, 0, 0 }, { "7.ts", "", 7, 0, 0 },
        { "/v/7/", "", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/7.8.ts", "", 8, 0, 0 }, { "/v/s7.8", "", 7, 0, 0 },
        { "/v/.7", "", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/7x9y.ts", "", 9, 0, 0 }, { "/v/90/:.ts", "",
          QOE_SEGMENT_NONE, 0, 0 }, { "/v.8/s", "", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/0.ts", "", 0, 0, 0 },
        { "/v/123456789012345678.ts", "", 123456789012345678, 0, 0 },
        { "/v/1234567890123456789.ts", "", 234567890123456789, 0, 0 },
        { "/v/a", "BYTES=1-2", QOE_SEGMENT_NONE, 1, 3 },
        { "/v/a", "1-2", QOE_SEGMENT_NONE, 1, 3 },
        { "/v/a", "bytes=0-0", QOE_SEGMENT_NONE, 0, 1 },
        { "/v/a", "bytes=0-", QOE_SEGMENT_NONE, 0, UINT64_MAX },
        { "/v/a", "bytes=5-5", QOE_SEGMENT_NONE, 5, 6 },
        { "/v/a", "bytes=5-4", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/a", "bytes=5-6x", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/a", "bytes=5", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/a", "bytes=5+6", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/a", "bytes=", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/a", "bytes", QOE_SEGMENT_NONE, 0, 0 },
        { "/v/a", "items=1-2", QOE_SEGMENT_NONE, 0, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        qoe_request_init(&r);
        qoe_request_path(&r, &key, qoe_span_str(rows[i].path),
                         qoe_span_str(rows[i].range));

        ok(r.segment == rows[i].segment && r.range_first == rows[i].first
           && r.range_next == rows[i].next && r.path_hash != 0,
           "the number and the range of \"%s\" \"%s\" are read",
           rows[i].path, rows[i].range);
    }
}


/* The time must not grow with the square of the digits: the alarm kills it. */

static void
test_digits(void)
{
    char           path[8000];
    size_t         i;
    qoe_request_t  r;

    memset(path, '7', sizeof(path));
    path[0] = '/';

    (void) alarm(60);

    for (i = 0; i < 200; i++) {
        qoe_request_init(&r);
        qoe_request_path(&r, &key, (qoe_span_t) { path, sizeof(path) },
                         qoe_span_null);
    }

    (void) alarm(0);

    ok(r.segment == 777777777777777777,
       "a path of 8,000 digits takes no longer than another");
}


/* The hash of what a set announces, and that of the path of a request. */

static uint64_t
announced(const char *path, const char *query)
{
    char           buf[512];
    qoe_cmcd_t     c;
    qoe_request_t  r;

    qoe_request_init(&r);

    if (qoe_cmcd_query(&c, qoe_span_str(query), buf) == QOE_OK) {
        qoe_request_cmcd(&r, &key, &c, qoe_span_str(path));
    }

    return r.nor_hash;
}


static uint64_t
asked(const char *path, const char *range)
{
    qoe_request_t  r;

    qoe_request_init(&r);
    qoe_request_path(&r, &key, qoe_span_str(path), qoe_span_str(range));

    return r.path_hash;
}


static void
test_nor(void)
{
    uint64_t  want;

    char  path[3000];

    want = asked("/a/b/seg2.m4s", "");

    ok(announced("/a/b/seg1.m4s", "CMCD=nor%3D%22seg2.m4s%22") == want,
       "a next object is found beside its own");
    ok(announced("/a/c/seg1.m4s", "CMCD=nor%3D%22..%252Fb%252Fseg2.m4s%22")
       == want, "a next object is found by a relative path with escapes");
    ok(announced("/x", "CMCD=nor%3D%22/a/./b/seg2.m4s%22") == want,
       "a next object is found by an absolute path");
    ok(announced("/x", "CMCD=nor%3D%22https://e.org/a/b/seg2.m4s%3Ft%3D1%22")
       == want, "a next object is found by a URL, without its arguments");
    ok(announced("/x", "CMCD=v%3D2,nor%3D(%22/a/b/seg2.m4s%22)") == want,
       "a next object of version 2 is the first of its list");
    ok(announced("/x", "CMCD=nor%3D%22../../a/b/seg2.m4s%22") == want,
       "a relative path that leads out of the root stays in it");
    ok(announced("/x", "CMCD=nor%3D%22%22") == 0
       && announced("/x", "CMCD=nor%3D%22y%22") == asked("/y", ""),
       "an empty next object is none, and one of a single letter is found");
    ok(asked("/a/b/se%672.m4s", "") == want,
       "a path with an escape is the same object");
    ok(asked("/a/b/seg2.m4s", "bytes=0-9") != want,
       "a range of an object is another object");
    ok(announced("/a/b/all.mp4", "CMCD=nrr%3D%2210-19%22")
       == asked("/a/b/all.mp4", "bytes=10-19"),
       "a next range is one of the same object");
    ok(announced("/x", "CMCD=nor%3D%22/all.mp4%22,nrr%3D%2210-19%22")
       == asked("/all.mp4", "bytes=10-19"),
       "a next range of a next object is found");

    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';

    ok(asked(path, "") == 0, "a path that is too long is no known object");

    path[1025] = '\0';
    ok(asked(path, "") == 0, "so is one of 1,025 bytes");
    path[1024] = '\0';
    ok(asked(path, "") != 0, "one of 1,024 bytes is known");
    memcpy(path + 1024, "%61", 4);
    ok(asked(path, "") == 0, "a byte more as an escape is too long as well");
}


/* Pairs of paths that are the same object, or are not. */

static void
test_same(void)
{
    size_t  i;

    static const struct {
        const char  *a;
        const char  *b;
        bool         same;
    } rows[] = {
        { "/v/a.ts", "/v/a.ts?x=1", true }, { "/v/a.ts", "/v/a.ts#x", true },
        { "/v/a.ts", "/v/b.ts", false }, { "/v/a.ts", "/v/A.ts", false },
        { "/v/a", "/w/a", false }, { "/v/a", "/a", false },
        { "/vw/a", "/vx/a", false }, { "/vw/a", "/a", false },
        { "/v/./a", "/v/a", true }, { "/v/w/../a", "/v/a", true },
        { "/../a", "/a", true }, { "/v/../../a", "/a", true },
        { "/v/.../a", "/v/a", false }, { "/v/.a/b", "/v/b", false },
        { "/v/..a/b", "/b", false }, { "/v/a.", "/v/a", false },
        { "/v//a", "/v/a", false }, { "/v/ab/../a", "/v/a", true },
        { "/v/w/x/../../a", "/v/a", true }, { "/v/xy/a", "/v/a", false },
        { "/%2E%2e/a", "/a", true }, { "/%61", "/a", true },
        { "/%6a", "/%6A", true }, { "/%4F", "/O", true },
        { "/%09", "/\t", true },
        { "/%39", "/9", true }, { "/%30", "/0", true }, { "/%66", "/f", true },
        { "/%6", "/6", false }, { "/%", "/", false }, { "/%6g", "/%6G", false },
        { "/%g1", "/%G1", false }, { "/%6/", "/%6", false },
        { "/%6:", "/j", false }, { "/%6@", "/`", false },
        { "/%61%", "/a", false }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok((asked(rows[i].a, "") == asked(rows[i].b, "")) == rows[i].same,
           "\"%s\" and \"%s\" are %s object", rows[i].a, rows[i].b,
           rows[i].same ? "the same" : "not the same");
    }

    ok(asked("/a", "bytes=0-9") == asked("/a", "0-9")
       && asked("/a", "0-9") != asked("/a", "0-8")
       && asked("/a", "0-9,20-29") != asked("/a", "0-9"),
       "an object is a path and its ranges");
    ok((asked("/a", "") & 1) == 1 && (asked("/b", "") & 1) == 1
       && (asked("/c", "") & 1) == 1, "no object that is known has the hash 0");
}


/* What is announced at "/a/b/1.mp4": its path and its range, NULL: nothing. */

static void
test_next(void)
{
    char           buf[512];
    size_t         i;
    qoe_cmcd_t     c;
    qoe_request_t  r;

    static const struct {
        const char  *query;
        const char  *path;
        const char  *range;
        bool         nor;
    } rows[] = {
        { "CMCD=bl%3D100", NULL, "", false },
        { "CMCD=nor%3D%22%22", NULL, "", false },
        { "CMCD=nor%3D%22c%22", "/a/b/c", "", true },
        { "CMCD=nor%3D%22/c%22", "/c", "", true },
        { "CMCD=nor%3D%22../c%22", "/a/c", "", true },
        { "CMCD=nrr%3D%220-9%22", "/a/b/1.mp4", "0-9", true },
        { "CMCD=nor%3D%22%22,nrr%3D%220-9%22", "/a/b/1.mp4", "0-9", true },
        { "CMCD=nor%3D%22c%22,nrr%3D%220-9%22", "/a/b/c", "0-9", true },
        { "CMCD=v%3D2,nor%3D(%22c%22%3Br%3D%220-9%22)", "/a/b/c", "0-9",
          true },
        { "CMCD=v%3D2,nor%3D()", NULL, "", false },
        { "CMCD=nor%3D%22http://e.org/c%22", "/c", "", true },
        { "CMCD=nor%3D%22http://e.org%22", NULL, "", false },
        { "CMCD=nor%3D%22x://%22", "/a/b/x://", "", true },
        { "CMCD=nor%3D%22x:///%22", "/", "", true },
        { "CMCD=nor%3D%22x:/c%22", "/a/b/x:/c", "", true },
        { "CMCD=nor%3D%22x:/c/d%22", "/a/b/x:/c/d", "", true }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        qoe_request_init(&r);
        r.nor = true;
        r.nor_hash = 5;

        ok(qoe_cmcd_query(&c, qoe_span_str(rows[i].query), buf) == QOE_OK
           && (qoe_request_cmcd(&r, &key, &c, qoe_span("/a/b/1.mp4")),
               r.nor == rows[i].nor)
           && r.nor_hash == (rows[i].path != NULL
                             ? asked(rows[i].path, rows[i].range) : 0),
           "what \"%s\" announces", rows[i].query);
    }
}


/* Numbers of a set at their bounds; -1: not known. */

static void
test_values(void)
{
    char           buf[512];
    size_t         i, n;
    qoe_cmcd_t     c;
    qoe_request_t  r;

    static const struct {
        const char  *query;
        size_t       at;
        double       value;
    } rows[] = {
#define AT(member)  offsetof(qoe_request_t, member)
        { "CMCD=bl%3D86400000", AT(bl_ms), 86400000 },
        { "CMCD=bl%3D86400100", AT(bl_ms), -1 },
        { "CMCD=bl%3D0", AT(bl_ms), 0 },
        { "CMCD=dl%3D86400100", AT(dl_ms), -1 },
        { "CMCD=dl%3D86400000", AT(dl_ms), 86400000 },
        { "CMCD=d%3D86400001", AT(d_ms), -1 },
        { "CMCD=d%3D86400000", AT(d_ms), 86400000 },
        { "CMCD=ltc%3D86400001", AT(ltc_ms), -1 },
        { "CMCD=ltc%3D86400000", AT(ltc_ms), 86400000 },
        { "CMCD=br%3D10000000", AT(br_kbps), 10000000 },
        { "CMCD=br%3D10000001", AT(br_kbps), -1 },
        { "CMCD=tb%3D10000001", AT(tb_kbps), -1 },
        { "CMCD=tb%3D10000000", AT(tb_kbps), 10000000 },
        { "CMCD=mtp%3D10000100", AT(mtp_kbps), -1 },
        { "CMCD=mtp%3D10000000", AT(mtp_kbps), 10000000 },
        { "CMCD=rtp%3D10000100", AT(rtp_kbps), -1 },
        { "CMCD=rtp%3D10000000", AT(rtp_kbps), 10000000 },
        { "CMCD=pr%3D100", AT(pr), 100 },
        { "CMCD=pr%3D100.5", AT(pr), -1 },
        { "CMCD=v%3D2,ot%3Dav,br%3D(900;v)", AT(br_kbps), 900 },
        { "CMCD=v%3D2,ot%3Dav,br%3D(900;a)", AT(br_kbps), -1 },
        { "CMCD=v%3D2,ot%3Dv,br%3D(900;a)", AT(br_kbps), -1 }
#undef AT
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double  value;

        qoe_request_init(&r);
        n = qoe_cmcd_query(&c, qoe_span_str(rows[i].query), buf) == QOE_OK;

        if (n != 0) {
            qoe_request_cmcd(&r, &key, &c, qoe_span("/1.ts"));
        }

        memcpy(&value, (char *) &r + rows[i].at, sizeof(value));
        ok(n == 1 && (rows[i].value < 0 ? isnan(value) != 0
                                        : value == rows[i].value),
           "the number of \"%s\" is %s", rows[i].query,
           rows[i].value < 0 ? "not known" : "known");
    }

    (void) qoe_cmcd_query(&c, qoe_span("CMCD=v%3D2"), buf);
    memset(&r, 0xff, sizeof(r));
    r.nor = r.bs = r.su = r.cmcd = r.headers = true;
    qoe_request_cmcd(&r, &key, &c, qoe_span("/1.ts"));
    ok(r.cmcd && r.version == 2 && r.ot == 0 && r.st == 0 && r.sf == 0
       && !r.bs && !r.su && !r.nor && r.nor_hash == 0 && isnan(r.bl_ms)
       && isnan(r.dl_ms) && isnan(r.d_ms) && isnan(r.br_kbps)
       && isnan(r.tb_kbps) && isnan(r.mtp_kbps) && isnan(r.rtp_kbps)
       && isnan(r.pr) && isnan(r.ltc_ms) && qoe_request_sid(&r).len == 0
       && qoe_request_cid(&r).len == 0
       && r.text[QOE_TEXT_CMCD_ST].len == 0,
       "what a set does not have is not known, whatever it was before");
}


static void
test_init(void)
{
    qoe_request_t  r;

    memset(&r, 0xff, sizeof(r));
    qoe_request_init(&r);

    ok(isnan(r.duration_ms) && isnan(r.ttfb_ms)
       && isnan(r.upstream_header_ms) && isnan(r.upstream_ms)
       && isnan(r.rtt_ms) && isnan(r.lag_ms) && isnan(r.bl_ms)
       && isnan(r.dl_ms) && isnan(r.d_ms) && isnan(r.br_kbps)
       && isnan(r.tb_kbps) && isnan(r.mtp_kbps) && isnan(r.rtp_kbps)
       && isnan(r.pr) && isnan(r.ltc_ms), "a new request has no known number");
    ok(r.start_ms == 0 && r.bytes == 0 && r.path_hash == 0
       && r.segment == QOE_SEGMENT_NONE && r.range_next == 0 && r.status == 0
       && r.cache == QOE_CACHE_NONE && !r.aborted && !r.cmcd && !r.nor
       && r.nor_hash == 0 && r.nattrs == 0 && r.ndims == 0
       && qoe_request_sid(&r).len == 0, "and nothing else of it");
}


static void
test_cmcd(void)
{
    char           buf[512];
    qoe_cmcd_t     c;
    qoe_request_t  r;

    (void) qoe_cmcd_query(&c, qoe_span(
        "CMCD=bl%3D2100,br%3D900,bs,cid%3D%22c%22,d%3D2000,dl%3D1400,"
        "ltc%3D3000,mtp%3D5000,ot%3Dav,pr%3D1.5,rtp%3D400,sf%3Dh,"
        "sid%3D%22s%22,st%3Dl,su,tb%3D3000"), buf);

    qoe_request_init(&r);
    qoe_request_cmcd(&r, &key, &c, qoe_span("/1.ts"));

    ok(r.cmcd && !r.headers && r.version == 1, "the set is of version 1");
    ok(r.bl_ms == 2100 && r.dl_ms == 1400 && r.d_ms == 2000
       && r.br_kbps == 900 && r.tb_kbps == 3000 && r.mtp_kbps == 5000
       && r.rtp_kbps == 400 && r.pr == 1.5 && r.ltc_ms == 3000,
       "the numbers of a set are those of the request");
    ok(r.bs && r.su && r.ot == QOE_CMCD_OT_MUXED && r.st == QOE_CMCD_ST_LIVE
       && r.sf == QOE_CMCD_SF_HLS, "flags and tokens are, too");
    ok(qoe_span_eq(qoe_request_sid(&r), qoe_span("s"))
       && qoe_span_eq(qoe_request_cid(&r), qoe_span("c"))
       && qoe_span_eq(r.text[QOE_TEXT_CMCD_ST], qoe_span("l")),
       "sid, cid and st are texts of its attributes");

    (void) qoe_cmcd_query(&c, qoe_span("CMCD=v%3D2,ot%3Da,br%3D(900;v%2064;a),"
                                       "bl%3D(700;v%20800)"), buf);
    qoe_request_init(&r);
    qoe_request_cmcd(&r, &key, &c, qoe_span("/1.ts"));

    ok(r.version == 2 && r.br_kbps == 64 && r.bl_ms == 800,
       "of a list the number of the object's type counts");
    ok(isnan(r.dl_ms) && isnan(r.pr), "a number that is absent is not known");

    (void) qoe_cmcd_query(&c, qoe_span("CMCD=v%3D2,bs%3D%3F0,su"), buf);
    qoe_request_init(&r);
    qoe_request_cmcd(&r, &key, &c, qoe_span("/1.ts"));
    ok(!r.bs && r.su, "a flag that is sent as false is false");
}


static void
test_content(void)
{
    size_t  i;

    static const struct { const char *type; qoe_cmcd_ot_t ot; }  rows[] = {
        { "video/mp4", QOE_CMCD_OT_VIDEO }, { "Audio/MP4", QOE_CMCD_OT_AUDIO },
        { "video/mp2t", QOE_CMCD_OT_MUXED },
        { "application/vnd.apple.mpegurl", QOE_CMCD_OT_MANIFEST },
        { "application/x-mpegURL", QOE_CMCD_OT_MANIFEST },
        { "application/dash+xml", QOE_CMCD_OT_MANIFEST },
        { "application/vnd.ms-sstr+xml", QOE_CMCD_OT_MANIFEST },
        { "audio/mpegurl", QOE_CMCD_OT_MANIFEST },
        { "audio/x-mpegurl", QOE_CMCD_OT_MANIFEST },
        { "text/vtt; charset=utf-8", QOE_CMCD_OT_CAPTION },
        { "text/vtt", QOE_CMCD_OT_CAPTION }, { "text/vt", QOE_CMCD_OT_NONE },
        { "application/ttml+xml", QOE_CMCD_OT_TIMED_TEXT },
        { "application/mp4", QOE_CMCD_OT_NONE },
        { "audio/", QOE_CMCD_OT_AUDIO }, { "audio", QOE_CMCD_OT_NONE },
        { "video", QOE_CMCD_OT_NONE }, { "xvideo/mp4", QOE_CMCD_OT_NONE },
        { "text/html", QOE_CMCD_OT_NONE }, { "", QOE_CMCD_OT_NONE }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(qoe_request_content(qoe_span_str(rows[i].type)) == rows[i].ot,
           "the class of the content type \"%s\" is that of its media",
           rows[i].type);
    }
}


/* Is it media, and has all of it come? */

static void
test_media(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct {
        qoe_cmcd_ot_t  ot;
        qoe_cmcd_ot_t  content;
        double         d;
        bool           media;
    } rows[] = {
        { QOE_CMCD_OT_AUDIO, QOE_CMCD_OT_NONE, NAN, true },
        { QOE_CMCD_OT_VIDEO, QOE_CMCD_OT_NONE, NAN, true },
        { QOE_CMCD_OT_MUXED, QOE_CMCD_OT_NONE, NAN, true },
        { QOE_CMCD_OT_MANIFEST, QOE_CMCD_OT_VIDEO, 2000, false },
        { QOE_CMCD_OT_INIT, QOE_CMCD_OT_VIDEO, 2000, false },
        { QOE_CMCD_OT_CAPTION, QOE_CMCD_OT_NONE, 2000, false },
        { QOE_CMCD_OT_NONE, QOE_CMCD_OT_VIDEO, NAN, true },
        { QOE_CMCD_OT_NONE, QOE_CMCD_OT_MANIFEST, 2000, false },
        { QOE_CMCD_OT_NONE, QOE_CMCD_OT_NONE, 1, true },
        { QOE_CMCD_OT_NONE, QOE_CMCD_OT_NONE, 0, false },
        { QOE_CMCD_OT_NONE, QOE_CMCD_OT_NONE, NAN, false }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        qoe_request_init(&r);
        r.ot = (uint8_t) rows[i].ot;
        r.content = (uint8_t) rows[i].content;
        r.d_ms = rows[i].d;
        ok(qoe_request_media(&r) == rows[i].media
           && qoe_request_ot(&r) == (rows[i].ot ? rows[i].ot
                                                : rows[i].content),
           "type %d by CMCD and %d by content is %s", rows[i].ot,
           rows[i].content, rows[i].media ? "media" : "none");
    }

    for (i = 199; i <= 300; i++) {
        r.status = (uint16_t) i;
        r.aborted = false;

        if (qoe_request_complete(&r) != (i >= 200 && i < 300)) {
            break;
        }

        r.aborted = true;

        if (qoe_request_complete(&r)) {
            break;
        }
    }

    ok(i == 301, "a response is complete if it is 2xx and was not given up");
}


int
main(void)
{
    test_path();
    test_digits();
    test_nor();
    test_cmcd();
    test_same();
    test_next();
    test_values();
    test_init();
    test_content();
    test_media();

    return tap_end();
}
