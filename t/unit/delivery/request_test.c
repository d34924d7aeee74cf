
/*
 * Copyright (C) OpenQoE
 *
 * Requests as observations: what identifies their object, what they take from
 * CMCD, and how they cross the zone.
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
        { "", "", QOE_SEGMENT_NONE, 0, 0 }
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
    ok(qoe_request_content(qoe_span("video/mp4")) == QOE_CMCD_OT_VIDEO
       && qoe_request_content(qoe_span("Audio/MP4")) == QOE_CMCD_OT_AUDIO
       && qoe_request_content(qoe_span("video/mp2t")) == QOE_CMCD_OT_MUXED
       && qoe_request_content(qoe_span("application/dash+xml"))
          == QOE_CMCD_OT_MANIFEST
       && qoe_request_content(qoe_span("audio/mpegurl"))
          == QOE_CMCD_OT_MANIFEST
       && qoe_request_content(qoe_span("text/vtt; charset=utf-8"))
          == QOE_CMCD_OT_CAPTION
       && qoe_request_content(qoe_span("text/html")) == QOE_CMCD_OT_NONE
       && qoe_request_content(qoe_span_null) == QOE_CMCD_OT_NONE,
       "the class of a content type is that of its media");
}


static void
fill(qoe_request_t *r)
{
    qoe_request_init(r);

    r->start_ms = 1700000000123;
    r->duration_ms = 77;
    r->upstream_ms = 5;
    r->bytes = 1234567;
    r->segment = 12;
    r->status = 206;
    r->retransmits = 3;
    r->lag_ms = 4200;
    r->cache = QOE_CACHE_HIT;
    r->aborted = true;
    r->nor = true;
    r->ot = QOE_CMCD_OT_VIDEO;
    r->bl_ms = 100;
    r->text[QOE_TEXT_ORG_ID] = qoe_span("acme");
    r->text[QOE_TEXT_SESSION_ID] = qoe_span("sid");
    r->named[0] = (qoe_named_t) { qoe_span("a"), qoe_span("1") };
    r->named[1] = (qoe_named_t) { qoe_span("b"), qoe_span("2") };
    r->named[2] = (qoe_named_t) { qoe_span("c"), qoe_span("3") };
    r->nattrs = 1;
    r->ndims = 2;
}


static void
test_pack(void)
{
    char           buf[QOE_REQUEST_MAX], cut[QOE_REQUEST_MAX];
    size_t         n, i, invalid;
    qoe_request_t  r, back;
    qoe_sample_t   s;

    fill(&r);
    n = qoe_request_pack(buf, &r);

    ok(qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK,
       "what was packed is opened");
    ok(back.start_ms == r.start_ms && back.duration_ms == 77
       && isnan(back.ttfb_ms) && back.upstream_ms == 5
       && back.bytes == 1234567 && back.segment == 12 && back.status == 206
       && back.retransmits == 3 && back.lag_ms == 4200 && isnan(back.rtt_ms)
       && back.cache == QOE_CACHE_HIT && back.aborted && back.nor && !back.bs
       && !back.su && back.ot == QOE_CMCD_OT_VIDEO && back.bl_ms == 100,
       "its numbers and flags are the same");

    qoe_request_sample(&s, &back);

    ok(qoe_span_eq(s.text[QOE_TEXT_ORG_ID], qoe_span("acme"))
       && qoe_span_eq(s.text[QOE_TEXT_SESSION_ID], qoe_span("sid"))
       && s.nattrs == 1 && qoe_span_eq(s.attrs[0].value, qoe_span("1"))
       && s.ndims == 2 && qoe_span_eq(s.dims[1].name, qoe_span("c")),
       "its texts make the sample that attributes are made of");
    ok(s.time_ms == (int64_t) r.start_ms && s.time_ms != 0
       && s.received_ns == r.start_ms * 1000000,
       "the time of that sample is when the request began");

    for (i = 0, invalid = 0; i < n; i++) {
        memcpy(cut, buf, i);
        invalid += qoe_request_open(&back, (qoe_span_t) { cut, i }) != QOE_OK;
    }

    ok(invalid > n / 2, "a request that was cut is refused, or has less texts");
}


/* Any set of numbers, whole ones and others, comes back bit by bit. */

static void
test_numbers(void)
{
    char           buf[QOE_REQUEST_MAX];
    bool           same;
    size_t         i, k, n, least, most;
    double        *real;
    uint64_t      *word;
    unsigned       seed;
    qoe_request_t  r, back;

    seed = 1;
    same = true;
    least = QOE_REQUEST_MAX;
    most = 0;

#define random_bits(n)  (seed = seed * 1103515245 + 12345, seed >> (32 - (n)))

    for (i = 0; i < 20000; i++) {
        double    *reals[] = { &r.duration_ms, &r.ttfb_ms,
                               &r.upstream_header_ms, &r.upstream_ms,
                               &r.rtt_ms, &r.lag_ms, &r.bl_ms, &r.dl_ms,
                               &r.d_ms, &r.br_kbps, &r.tb_kbps, &r.mtp_kbps,
                               &r.rtp_kbps, &r.pr, &r.ltc_ms };
        uint64_t  *words[] = { &r.start_ms, &r.bytes, &r.path_hash,
                               &r.segment, &r.range_first, &r.range_next,
                               &r.nor_hash };

        qoe_request_init(&r);

        for (k = 0; k < sizeof(reals) / sizeof(reals[0]); k++) {
            real = reals[k];

            if (i != 0 && random_bits(1)) {
                *real = random_bits(20);
                *real += random_bits(1) ? 1.0 / (1 + random_bits(8)) : 0;
            }
        }

        for (k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
            word = words[k];

            if (i != 0 && random_bits(1)) {
                *word = (uint64_t) random_bits(30) << random_bits(5);
            }
        }

        r.retransmits = i != 0 ? random_bits(2) : 0;

        n = qoe_request_pack(buf, &r);
        least = n < least ? n : least;
        most = n > most ? n : most;

        same &= qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK
                && memcmp(&back, &r, offsetof(qoe_request_t, named)) == 0;
    }

    ok(same, "numbers that are known come back, and no others");
    ok(least < 32 && most > 150, "what is not known takes no bytes");
}


/* Every sequence of bytes is refused, or makes a request that is sane. */

static void
test_bytes(void)
{
    char           buf[QOE_REQUEST_MAX], *bytes;
    bool           sane;
    size_t         n, i, k, opened;
    unsigned       seed;
    qoe_request_t  r, back;

    fill(&r);
    n = qoe_request_pack(buf, &r);
    bytes = malloc(n);
    seed = 1;
    sane = true;
    opened = 0;

    for (i = 0; i < 200000; i++) {
        memcpy(bytes, buf, n);

        for (k = 0; k < 4; k++) {
            seed = seed * 1103515245 + 12345;
            bytes[4 + (seed >> 8) % (n - 4)] = (char) (seed >> 24);
        }

        if (qoe_request_open(&back, (qoe_span_t) { bytes, n }) != QOE_OK) {
            continue;
        }

        opened++;
        sane &= back.ot < QOE_CMCD_OTS && back.st < QOE_CMCD_STS
                && back.sf < QOE_CMCD_SFS && back.cache < QOE_CACHE_N
                && back.content < QOE_CMCD_OTS
                && !(back.duration_ms < 0) && !(back.bl_ms < 0)
                && back.nattrs + back.ndims <= QOE_REQUEST_NAMED;

        for (k = 0; k < QOE_TEXTS; k++) {
            sane &= back.text[k].len == 0
                    || (back.text[k].data >= bytes
                        && back.text[k].data + back.text[k].len <= bytes + n);
        }
    }

    ok(sane && opened > 1000,
       "forged bytes are refused, or make a request within its bounds");

    free(bytes);
}


static void
test_long(void)
{
    char           buf[QOE_REQUEST_MAX], text[2000];
    size_t         i, n;
    qoe_request_t  r, back;

    memset(text, 'x', sizeof(text));
    fill(&r);

    /* the last character that fits ends in the middle of an "e" with accent */

    text[255] = '\xc3';
    text[256] = '\xa9';

    for (i = 0; i < QOE_TEXTS; i++) {
        r.text[i] = (qoe_span_t) { text, sizeof(text) };
    }

    n = qoe_request_pack(buf, &r);

    ok(n <= QOE_REQUEST_MAX
       && qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK,
       "a request with long texts fits");
    ok(back.text[0].len == 255, "a long text is cut before a character");
    ok(back.status == 206 && qoe_request_sid(&back).len == 255,
       "what comes first is kept");
    ok(back.nattrs + back.ndims <= 3, "what does not fit is left out");
}


int
main(void)
{
    test_path();
    test_digits();
    test_nor();
    test_cmcd();
    test_content();
    test_pack();
    test_numbers();
    test_bytes();
    test_long();

    return tap_end();
}
