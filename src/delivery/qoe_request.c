
/*
 * Copyright (C) OpenQoE
 *
 * A request as the edge served it: what identifies its object, and what its
 * CMCD says.
 */


#include "qoe_request.h"
#include "qoe_hash_quick.h"
#include "qoe_hex.h"

#include <math.h>
#include <strings.h>


/* The longest path that is hashed, after escapes were resolved. */
#define QOE_REQUEST_PATH       1024

/* Longer times, and higher rates, come from a broken player. */
#define QOE_REQUEST_TIME_MAX   (24.0 * 3600 * 1000)
#define QOE_REQUEST_KBPS_MAX   1e7


typedef struct {
    char        *data;
    size_t       len;
    size_t       max;
    bool         full;
} qoe_request_buf_t;


static void qoe_request_range(qoe_request_t *r, qoe_span_t range);
static qoe_span_t qoe_request_unit(qoe_span_t range);
static size_t qoe_request_number(qoe_span_t s, uint64_t *number);
static void qoe_request_segment(qoe_request_t *r, qoe_span_t path);
static uint64_t qoe_request_hash(const qoe_hash_key_t *key, qoe_span_t base,
    qoe_span_t rel, qoe_span_t range);
static qoe_span_t qoe_request_until(qoe_span_t s, char c);
static void qoe_request_clean(qoe_request_buf_t *b, qoe_span_t s);
static bool qoe_request_dotted(const qoe_request_buf_t *b);
static void qoe_request_dots(qoe_request_buf_t *b);
static void qoe_request_nor(qoe_request_t *r, const qoe_hash_key_t *key,
    const qoe_cmcd_t *c, qoe_span_t path);
static double qoe_request_value(const qoe_cmcd_t *c, qoe_cmcd_key_t key,
    qoe_cmcd_ot_t ot, double max);
static bool qoe_request_flag(const qoe_cmcd_t *c, qoe_cmcd_key_t key);
static qoe_span_t qoe_request_text(const qoe_cmcd_t *c, qoe_cmcd_key_t key);
static bool qoe_request_like(qoe_span_t s, qoe_span_t prefix);


void
qoe_request_init(qoe_request_t *r)
{
    /* of the named values there are none yet, and nothing reads them */

    memset(r, 0, offsetof(qoe_request_t, named));

    r->duration_ms = NAN;
    r->ttfb_ms = NAN;
    r->upstream_header_ms = NAN;
    r->upstream_ms = NAN;
    r->rtt_ms = NAN;
    r->lag_ms = NAN;
    r->segment = QOE_SEGMENT_NONE;

    r->bl_ms = NAN;
    r->dl_ms = NAN;
    r->d_ms = NAN;
    r->br_kbps = NAN;
    r->tb_kbps = NAN;
    r->mtp_kbps = NAN;
    r->rtp_kbps = NAN;
    r->pr = NAN;
    r->ltc_ms = NAN;
}


void
qoe_request_path(qoe_request_t *r, const qoe_hash_key_t *key, qoe_span_t path,
    qoe_span_t range)
{
    r->path_hash = qoe_request_hash(key, qoe_span_null, path, range);

    qoe_request_range(r, range);
    qoe_request_segment(r, path);
}


/* "bytes=0-99", as headers have it, or "0-99", as CMCD does. */

static qoe_span_t
qoe_request_unit(qoe_span_t range)
{
    if (range.len >= 6 && strncasecmp(range.data, "bytes=", 6) == 0) {
        range.data += 6;
        range.len -= 6;
    }

    return range;
}


static void
qoe_request_range(qoe_request_t *r, qoe_span_t range)
{
    size_t    n;
    uint64_t  first, last;

    r->range_first = 0;
    r->range_next = 0;

    range = qoe_request_unit(range);
    n = qoe_request_number(range, &first);

    if (n == 0 || n == range.len || range.data[n] != '-') {
        return;
    }

    range.data += n + 1;
    range.len -= n + 1;

    if (range.len == 0) {
        r->range_first = first;
        r->range_next = UINT64_MAX;
        return;
    }

    if (qoe_request_number(range, &last) == range.len && last >= first) {
        r->range_first = first;
        r->range_next = last + 1;
    }
}


/*
 * Reads the digits at the beginning of s, and returns how many there are; of
 * more than 18 the last ones count.
 */

static size_t
qoe_request_number(qoe_span_t s, uint64_t *number)
{
    size_t  n;

    *number = 0;

    for (n = 0; n < s.len && s.data[n] >= '0' && s.data[n] <= '9'; n++) {
        *number = *number % 100000000000000000 * 10
                  + (uint64_t) (s.data[n] - '0');
    }

    return n;
}


/* Looks for the last number of the name, without what follows its last dot. */

static void
qoe_request_segment(qoe_request_t *r, qoe_span_t path)
{
    size_t  i, from, end;

    from = 0;
    end = path.len;

    for (i = path.len; i != 0; i--) {

        if (path.data[i - 1] == '/') {
            from = i;
            break;
        }

        if (path.data[i - 1] == '.' && end == path.len) {
            end = i - 1;
        }
    }

    r->segment = QOE_SEGMENT_NONE;

    for (i = end; i != from; i--) {
        if (path.data[i - 1] >= '0' && path.data[i - 1] <= '9') {
            break;
        }
    }

    if (i == from) {
        return;
    }

    /* once, after its first digit is found: a path may be 8k of digits */

    while (i != from && path.data[i - 1] >= '0' && path.data[i - 1] <= '9') {
        i--;
    }

    (void) qoe_request_number((qoe_span_t) { path.data + i, end - i },
                              &r->segment);
}


/*
 * The hash of an object: of the path that rel is when it is resolved against
 * base, and of the bytes asked for.  0: the path is too long.  It need not be
 * SipHash: two objects of one session are compared by it, and nothing else.
 */

static uint64_t
qoe_request_hash(const qoe_hash_key_t *key, qoe_span_t base, qoe_span_t rel,
    qoe_span_t range)
{
    char               text[QOE_REQUEST_PATH];
    size_t             i;
    uint64_t           h;
    qoe_request_buf_t  b = { text, 0, sizeof(text), false };

    if (rel.len == 0 || rel.data[0] != '/') {
        for (i = base.len; i != 0 && base.data[i - 1] != '/'; i--) {
            /* void */
        }

        qoe_request_clean(&b, (qoe_span_t) { base.data, i });
    }

    qoe_request_clean(&b, rel);
    qoe_request_dots(&b);

    if (b.full) {
        return 0;
    }

    h = qoe_hash_quick(key, key->k0, (qoe_span_t) { b.data, b.len });

    return qoe_hash_quick(key, h, qoe_request_unit(range)) | 1;
}


/* What comes before the first such character. */

static qoe_span_t
qoe_request_until(qoe_span_t s, char c)
{
    const char  *p;

    p = s.len != 0 ? memchr(s.data, c, s.len) : NULL;

    if (p != NULL) {
        s.len = (size_t) (p - s.data);
    }

    return s;
}


/* Appends a path up to its arguments, with its escapes resolved. */

static void
qoe_request_clean(qoe_request_buf_t *b, qoe_span_t s)
{
    int     byte;
    char    c;
    size_t  i;

    s = qoe_request_until(qoe_request_until(s, '?'), '#');

    /* most paths have no escapes */

    if (s.len != 0 && s.len <= b->max - b->len
        && memchr(s.data, '%', s.len) == NULL)
    {
        memcpy(b->data + b->len, s.data, s.len);
        b->len += s.len;
        return;
    }

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (c == '%' && s.len - i > 2) {
            byte = qoe_hex_byte(s.data + i + 1);

            if (byte >= 0) {
                c = (char) byte;
                i += 2;
            }
        }

        if (b->len == b->max) {
            b->full = true;
            return;
        }

        b->data[b->len++] = c;
    }
}


/* Does a segment of the path in b begin with a dot? */

static bool
qoe_request_dotted(const qoe_request_buf_t *b)
{
    const char  *p, *end;

    end = b->data + b->len;

    for (p = b->data; p < end; p++) {
        p = memchr(p, '.', (size_t) (end - p));

        if (p == NULL) {
            return false;
        }

        if (p == b->data || p[-1] == '/') {
            return true;
        }
    }

    return false;
}


/* Resolves the segments "." and ".." of the path in b. */

static void
qoe_request_dots(qoe_request_buf_t *b)
{
    size_t  i, n, to;

    if (!qoe_request_dotted(b)) {
        return;
    }

    for (i = 0, to = 0; i < b->len; i += n) {

        for (n = 0; i + n < b->len && b->data[i + n] != '/'; n++) {
            /* void */
        }

        n += (i + n < b->len);

        if (n == 2 && memcmp(b->data + i, "./", 2) == 0) {
            continue;
        }

        if (n == 3 && memcmp(b->data + i, "../", 3) == 0) {
            to -= (to > 1);

            while (to > 1 && b->data[to - 1] != '/') {
                to--;
            }

            continue;
        }

        memmove(b->data + to, b->data + i, n);
        to += n;
    }

    b->len = to;
}


void
qoe_request_cmcd(qoe_request_t *r, const qoe_hash_key_t *key,
    const qoe_cmcd_t *c, qoe_span_t path)
{
    qoe_cmcd_ot_t  ot;

    r->cmcd = true;
    r->headers = c->headers;
    r->version = (uint8_t) (qoe_cmcd_has(c, QOE_CMCD_V)
                            ? c->number[QOE_CMCD_V] : 1);

    r->ot = qoe_cmcd_has(c, QOE_CMCD_OT) ? c->token[QOE_CMCD_OT] : 0;
    r->st = qoe_cmcd_has(c, QOE_CMCD_ST) ? c->token[QOE_CMCD_ST] : 0;
    r->sf = qoe_cmcd_has(c, QOE_CMCD_SF) ? c->token[QOE_CMCD_SF] : 0;
    r->bs = qoe_request_flag(c, QOE_CMCD_BS);
    r->su = qoe_request_flag(c, QOE_CMCD_SU);

    ot = (qoe_cmcd_ot_t) r->ot;

    r->bl_ms = qoe_request_value(c, QOE_CMCD_BL, ot, QOE_REQUEST_TIME_MAX);
    r->dl_ms = qoe_request_value(c, QOE_CMCD_DL, ot, QOE_REQUEST_TIME_MAX);
    r->d_ms = qoe_request_value(c, QOE_CMCD_D, ot, QOE_REQUEST_TIME_MAX);
    r->br_kbps = qoe_request_value(c, QOE_CMCD_BR, ot, QOE_REQUEST_KBPS_MAX);
    r->tb_kbps = qoe_request_value(c, QOE_CMCD_TB, ot, QOE_REQUEST_KBPS_MAX);
    r->mtp_kbps = qoe_request_value(c, QOE_CMCD_MTP, ot,
                                    QOE_REQUEST_KBPS_MAX);
    r->rtp_kbps = qoe_request_value(c, QOE_CMCD_RTP, ot,
                                    QOE_REQUEST_KBPS_MAX);
    r->pr = qoe_request_value(c, QOE_CMCD_PR, ot, 100);
    r->ltc_ms = qoe_request_value(c, QOE_CMCD_LTC, ot, QOE_REQUEST_TIME_MAX);

    r->text[QOE_TEXT_SESSION_ID] = qoe_request_text(c, QOE_CMCD_SID);
    r->text[QOE_TEXT_VIDEO_ID] = qoe_request_text(c, QOE_CMCD_CID);
    r->text[QOE_TEXT_CMCD_ST] = qoe_request_text(c, QOE_CMCD_ST);

    qoe_request_nor(r, key, c, path);
}


/*
 * In version 2 the range is a parameter of nor, in version 1 it is nrr.  A
 * plugin of video.js sends "undefined" where it has none.
 */

static void
qoe_request_nor(qoe_request_t *r, const qoe_hash_key_t *key,
    const qoe_cmcd_t *c, qoe_span_t path)
{
    const char             *p, *slash;
    qoe_span_t              nor, range;
    const qoe_cmcd_item_t  *item;

    r->nor = false;
    r->nor_hash = 0;

    if (!qoe_cmcd_has(c, QOE_CMCD_NOR) || c->count[QOE_CMCD_NOR] == 0
        || qoe_span_eq(c->items[c->first[QOE_CMCD_NOR]].text,
                       qoe_span("undefined")))
    {

        if (qoe_cmcd_has(c, QOE_CMCD_NRR)) {
            r->nor = true;
            r->nor_hash = qoe_request_hash(key, qoe_span_null, path,
                                           c->text[QOE_CMCD_NRR]);
        }

        return;
    }

    item = &c->items[c->first[QOE_CMCD_NOR]];
    nor = item->text;
    range = item->range;

    if (range.len == 0 && qoe_cmcd_has(c, QOE_CMCD_NRR)) {
        range = c->text[QOE_CMCD_NRR];
    }

    /* of an absolute URL the path alone counts */

    p = nor.len != 0 ? memchr(nor.data, ':', nor.len) : NULL;

    if (p != NULL && nor.data + nor.len - p > 3 && memcmp(p, "://", 3) == 0) {
        p += 3;
        slash = memchr(p, '/', (size_t) (nor.data + nor.len - p));

        if (slash == NULL) {
            return;
        }

        nor.len -= (size_t) (slash - nor.data);
        nor.data = slash;
    }

    r->nor = (nor.len != 0 || range.len != 0);
    r->nor_hash = r->nor ? qoe_request_hash(key, nor.len ? path
                                                         : qoe_span_null,
                                            nor.len ? nor : path, range)
                         : 0;
}


/* NAN unless the value is a number from 0 to max. */

static double
qoe_request_value(const qoe_cmcd_t *c, qoe_cmcd_key_t key, qoe_cmcd_ot_t ot,
    double max)
{
    double  value;

    if (!qoe_cmcd_has(c, key)) {
        return NAN;
    }

    value = qoe_cmcd_key_type(key) == QOE_CMCD_TYPE_NUMBERS
            ? qoe_cmcd_number_of(c, key, ot) : c->number[key];

    /* the lists of muxed content may have its video alone */

    if (isnan(value) && ot == QOE_CMCD_OT_MUXED) {
        value = qoe_cmcd_number_of(c, key, QOE_CMCD_OT_VIDEO);
    }

    return value >= 0 && value <= max ? value : NAN;
}


static bool
qoe_request_flag(const qoe_cmcd_t *c, qoe_cmcd_key_t key)
{
    return qoe_cmcd_has(c, key) && (c->flags >> key & 1) != 0;
}


static qoe_span_t
qoe_request_text(const qoe_cmcd_t *c, qoe_cmcd_key_t key)
{
    return qoe_cmcd_has(c, key) ? c->text[key] : qoe_span_null;
}


static bool
qoe_request_like(qoe_span_t s, qoe_span_t prefix)
{
    return s.len >= prefix.len && (s.data[0] | 0x20) == prefix.data[0]
           && strncasecmp(s.data, prefix.data, prefix.len) == 0;
}


qoe_cmcd_ot_t
qoe_request_content(qoe_span_t type)
{
    size_t  i;

    /* the usual ones first, and of two that fit the longer one */

    static const struct {
        qoe_span_t     prefix;
        qoe_cmcd_ot_t  ot;
    } types[] = {
        { { "video/mp2t", 10 }, QOE_CMCD_OT_MUXED },
        { { "video/", 6 }, QOE_CMCD_OT_VIDEO },
        { { "audio/mpegurl", 13 }, QOE_CMCD_OT_MANIFEST },
        { { "audio/x-mpegurl", 15 }, QOE_CMCD_OT_MANIFEST },
        { { "audio/", 6 }, QOE_CMCD_OT_AUDIO },
        { { "application/vnd.apple.mpegurl", 29 }, QOE_CMCD_OT_MANIFEST },
        { { "application/x-mpegurl", 21 }, QOE_CMCD_OT_MANIFEST },
        { { "application/dash+xml", 20 }, QOE_CMCD_OT_MANIFEST },
        { { "application/vnd.ms-sstr+xml", 27 }, QOE_CMCD_OT_MANIFEST },
        { { "text/vtt", 8 }, QOE_CMCD_OT_CAPTION },
        { { "application/ttml+xml", 20 }, QOE_CMCD_OT_TIMED_TEXT }
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (qoe_request_like(type, types[i].prefix)) {
            return types[i].ot;
        }
    }

    return QOE_CMCD_OT_NONE;
}


void
qoe_request_sample(qoe_sample_t *s, const qoe_request_t *r)
{
    s->type = QOE_EVENT_CUSTOM;
    s->type_name = qoe_span_null;
    s->received_ns = r->start_ms * 1000000;
    s->time_ms = (int64_t) r->start_ms;
    memcpy(s->text, r->text, sizeof(s->text));
    s->set = 0;

    s->attrs = r->named;
    s->nattrs = r->nattrs;
    s->dims = r->named + r->nattrs;
    s->ndims = r->ndims;
}
