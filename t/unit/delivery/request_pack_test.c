
/*
 * Copyright (C) OpenQoE
 *
 * Requests as the bytes that cross the zone.
 */


#include "qoe_request.h"
#include "tap.h"

#include <math.h>


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


/* Every member has a value of its own, and comes back with it. */

static void
test_pack_members(void)
{
    char           buf[QOE_REQUEST_MAX];
    size_t         n, i, right;
    qoe_request_t  r, back;

    qoe_request_init(&r);
    r.start_ms = 1;
    r.duration_ms = 2;
    r.ttfb_ms = 3;
    r.upstream_header_ms = 4;
    r.upstream_ms = 5;
    r.rtt_ms = 6;
    r.lag_ms = 7;
    r.bytes = 8;
    r.path_hash = 9;
    r.segment = 10;
    r.range_first = 11;
    r.range_next = 12;
    r.retransmits = 13;
    r.status = 14;
    r.cache = QOE_CACHE_N - 1;
    r.content = QOE_CMCD_OTS - 1;
    r.version = 2;
    r.ot = QOE_CMCD_OTS - 1;
    r.st = QOE_CMCD_STS - 1;
    r.sf = QOE_CMCD_SFS - 1;
    r.bl_ms = 15;
    r.dl_ms = 16;
    r.d_ms = 17;
    r.br_kbps = 18;
    r.tb_kbps = 19;
    r.mtp_kbps = 20;
    r.rtp_kbps = 21;
    r.pr = 22;
    r.ltc_ms = 1e15;
    r.nor_hash = UINT64_MAX;

    n = qoe_request_pack(buf, &r);
    memset(&back, 0xff, sizeof(back));

    ok(qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK
       && memcmp(&back, &r, offsetof(qoe_request_t, aborted)) == 0
       && back.version == r.version && back.ot == r.ot && back.st == r.st
       && back.sf == r.sf && back.nattrs == 0 && back.ndims == 0
       && memcmp(&back.bl_ms, &r.bl_ms,
                 offsetof(qoe_request_t, nattrs)
                 - offsetof(qoe_request_t, bl_ms)) == 0,
       "all numbers of a request come back, at their highest values too");

    for (i = 0, right = 0; i < 64; i++) {
        r.aborted = i & 1;
        r.cmcd = i >> 1 & 1;
        r.headers = i >> 2 & 1;
        r.bs = i >> 3 & 1;
        r.su = i >> 4 & 1;
        r.nor = i >> 5 & 1;
        n = qoe_request_pack(buf, &r);
        right += qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK
                 && back.aborted == r.aborted && back.cmcd == r.cmcd
                 && back.headers == r.headers && back.bs == r.bs
                 && back.su == r.su && back.nor == r.nor;
    }

    ok(right == 64, "all flags come back, in any combination");
}


/* Numbers that no request can have. */

static void
test_pack_insane(void)
{
    char           buf[QOE_REQUEST_MAX];
    size_t         n;
    qoe_request_t  r, back;

    fill(&r);
    r.cache = QOE_CACHE_N;
    r.content = QOE_CMCD_OTS;
    r.ot = QOE_CMCD_OTS;
    r.st = QOE_CMCD_STS;
    r.sf = QOE_CMCD_SFS;
    r.duration_ms = -1;
    r.ttfb_ms = 1.1e15;
    r.bl_ms = INFINITY;
    r.pr = 0;
    n = qoe_request_pack(buf, &r);

    ok(qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK
       && back.cache == 0 && back.content == 0 && back.ot == 0
       && back.st == 0 && back.sf == 0 && isnan(back.duration_ms)
       && isnan(back.ttfb_ms) && isnan(back.bl_ms) && back.pr == 0
       && back.status == 206,
       "numbers that no request can have are those of no value");

    buf[0] ^= 1;
    ok(qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_INVALID,
       "bytes of another format are refused");
}


/* The named values: as many as there is room for, attributes first. */

static void
test_pack_named(void)
{
    char           buf[QOE_REQUEST_MAX + 1], name[3];
    size_t         i, n, empty;
    qoe_request_t  r, back;

    static const struct {
        size_t       attrs;
        size_t       dims;
        size_t       back_attrs;
        size_t       back_dims;
    } rows[] = {
        { 0, 0, 0, 0 }, { 1, 0, 1, 0 }, { 0, 1, 0, 1 }, { 31, 1, 31, 1 },
        { 32, 0, 32, 0 }, { 0, 32, 0, 32 }, { 20, 20, 20, 12 },
        { 40, 2, 32, 0 }
    };

    qoe_request_init(&r);
    empty = qoe_request_pack(buf, &r);

    for (i = 0; i < QOE_REQUEST_NAMED; i++) {
        r.named[i] = (qoe_named_t) { qoe_span("n"), qoe_span("v") };
    }

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r.nattrs = rows[i].attrs;
        r.ndims = rows[i].dims;
        n = qoe_request_pack(buf, &r);
        ok(n == empty + 8 * (rows[i].back_attrs + rows[i].back_dims)
           && qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK
           && back.nattrs == rows[i].back_attrs
           && back.ndims == rows[i].back_dims
           && (n == empty
               || qoe_span_eq(back.named[back.nattrs + back.ndims - 1].value,
                              qoe_span("v"))),
           "%zu attributes and %zu dimensions come back, as far as there is "
           "room", rows[i].attrs, rows[i].dims);
    }

    /* names or values that are empty, and a value too many */

    r.nattrs = 3;
    r.ndims = 0;
    r.named[0].name = qoe_span_null;
    r.named[1].value = qoe_span_null;
    n = qoe_request_pack(buf, &r);
    ok(qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK
       && back.nattrs == 1 && qoe_span_eq(back.named[0].name, qoe_span("n")),
       "a value without a name, and a name without a value, are left out");

    r.nattrs = QOE_REQUEST_NAMED;
    r.named[0] = r.named[1] = r.named[2];
    n = qoe_request_pack(buf, &r);
    memcpy(buf + n, buf + n - 8, 8);
    ok(qoe_request_open(&back, (qoe_span_t) { buf, n + 8 }) == QOE_INVALID
       && qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK,
       "more named values than there is room for are refused");

    r.nattrs = 1;
    r.ndims = 1;
    n = qoe_request_pack(buf, &r);
    memcpy(name, buf + n - 16, 1);
    buf[n - 16] = buf[n - 8];
    buf[n - 8] = name[0];
    ok(qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_INVALID,
       "an attribute after a dimension is refused");

    n = qoe_request_pack(buf, &r);
    buf[n - 8] = buf[n - 4];
    ok(qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_INVALID,
       "a value of nothing is refused");
}


/* Texts at their bounds, and a request that is full. */

static void
test_pack_texts(void)
{
    char           buf[QOE_REQUEST_MAX], text[300];
    size_t         i, n, empty;
    qoe_request_t  r, back;

    memset(text, 'x', sizeof(text));
    qoe_request_init(&r);
    empty = qoe_request_pack(buf, &r);

    for (i = 255; i <= 257; i++) {
        r.text[QOE_TEXT_SESSION_ID] = (qoe_span_t) { text, i };
        n = qoe_request_pack(buf, &r);
        ok(n == empty + 3 + qoe_min(i, 256U)
           && qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK
           && qoe_request_sid(&back).len == qoe_min(i, 256U)
           && memcmp(qoe_request_sid(&back).data, text,
                     qoe_request_sid(&back).len) == 0,
           "a text of %zu bytes has %zu of them", i, qoe_min(i, 256U));
    }

    /* a last text that just fits, or does not */

    for (i = 0; i < QOE_TEXTS; i++) {
        r.text[i] = qoe_span_null;
    }

    r.nattrs = (QOE_REQUEST_MAX - empty) / (2 * 259);

    for (i = 0; i < r.nattrs; i++) {
        r.named[i].name = r.named[i].value = (qoe_span_t) { text, 256 };
    }

    n = QOE_REQUEST_MAX - empty - r.nattrs * 2 * 259;

    for (i = 0; i < 2; i++) {
        r.named[r.nattrs].name = (qoe_span_t) { text, n / 2 };
        r.named[r.nattrs].value = (qoe_span_t) { text, n - 6 - n / 2 + i };
        r.nattrs++;
        ok(qoe_request_pack(buf, &r)
           == QOE_REQUEST_MAX - (i == 0 ? 0 : n),
           "a value that %s", i == 0 ? "fills the request fits"
                                     : "is a byte longer is left out");
        r.nattrs--;
    }

    r.named[r.nattrs].value = (qoe_span_t) { text, n - 6 - n / 2 };
    r.nattrs++;
    n = qoe_request_pack(buf, &r);
    ok(n == QOE_REQUEST_MAX
       && qoe_request_open(&back, (qoe_span_t) { buf, n }) == QOE_OK
       && back.nattrs == r.nattrs, "a full request is opened");
}


static unsigned
random_bits(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245 + 12345;

    return *seed >> (32 - n);
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

            if (i != 0 && random_bits(&seed, 1)) {
                *real = random_bits(&seed, 20);
                *real += random_bits(&seed, 1)
                         ? 1.0 / (1 + random_bits(&seed, 8)) : 0;
            }
        }

        for (k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
            word = words[k];

            if (i != 0 && random_bits(&seed, 1)) {
                *word = random_bits(&seed, 30);
                *word <<= random_bits(&seed, 5);
            }
        }

        r.retransmits = i != 0 ? random_bits(&seed, 2) : 0;

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
    test_pack();
    test_pack_members();
    test_pack_insane();
    test_pack_named();
    test_pack_texts();
    test_numbers();
    test_bytes();
    test_long();

    return tap_end();
}
