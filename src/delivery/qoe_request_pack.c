
/*
 * Copyright (C) OpenQoE
 *
 * A request as the bytes that cross the zone: a fixed head, the numbers that
 * are known, then texts, each with its number and its length; those of named
 * values come in pairs.  A request without CMCD has few numbers, and bytes that
 * cross to another core are what a record costs, so what is not known takes
 * none of them.
 *
 * Writer and reader are of the same build, as those of other records are, but
 * the reader trusts no byte.
 */


#include "qoe_request.h"

#include <math.h>


#define QOE_REQUEST_FORMAT   0x32545152

/* Numbers of texts beyond those of qoe_text_t. */
#define QOE_REQUEST_ATTR     0xfd
#define QOE_REQUEST_DIM      0xfe
#define QOE_REQUEST_VALUE    0xff

/* Of a text: its number, and its length in two bytes. */
#define QOE_REQUEST_PREFIX   3

/* The flags, in the order of their bits. */

#define QOE_REQUEST_FLAGS(X)                                                  \
    X(aborted) X(cmcd) X(headers) X(bs) X(su) X(nor)

#define QOE_REQUEST_REALS(X)                                                  \
    X(duration_ms) X(ttfb_ms) X(upstream_header_ms) X(upstream_ms) X(rtt_ms)  \
    X(lag_ms) X(bl_ms) X(dl_ms) X(d_ms) X(br_kbps) X(tb_kbps) X(mtp_kbps)     \
    X(rtp_kbps) X(pr) X(ltc_ms)

/* Each with the value that takes no bytes. */

#define QOE_REQUEST_WORDS(X)                                                  \
    X(start_ms, 0) X(bytes, 0) X(path_hash, 0) X(segment, QOE_SEGMENT_NONE)   \
    X(range_first, 0) X(range_next, 0) X(nor_hash, 0) X(retransmits, 0)

#define QOE_REQUEST_BYTES(X)                                                  \
    X(cache) X(content) X(version) X(ot) X(st) X(sf)


/*
 * The numbers have a bit each, in the order of their lists: of words, whether
 * they are there; of reals the same, and whether they are floats, without loss,
 * or doubles.
 */

typedef struct {
    uint32_t  format;
    uint16_t  status;
    uint8_t   words;
    uint8_t   flags;
    uint16_t  reals;
    uint16_t  floats;
#define QOE_REQUEST_BYTE(member)  uint8_t  member;
    QOE_REQUEST_BYTES(QOE_REQUEST_BYTE)
} __attribute__((packed)) qoe_request_head_t;

#define QOE_REQUEST_COUNT(...)  + 1

#define QOE_REQUEST_NWORDS  (0 QOE_REQUEST_WORDS(QOE_REQUEST_COUNT))
#define QOE_REQUEST_NREALS  (0 QOE_REQUEST_REALS(QOE_REQUEST_COUNT))

#define QOE_REQUEST_NUMBERS                                                   \
    ((QOE_REQUEST_NWORDS + QOE_REQUEST_NREALS) * sizeof(uint64_t))

_Static_assert(QOE_REQUEST_NWORDS <= 8 && QOE_REQUEST_NREALS <= 16,
               "each number has its bit");
_Static_assert(sizeof(qoe_request_head_t) + QOE_REQUEST_NUMBERS
               <= QOE_REQUEST_MAX, "numbers always have room");


static char *qoe_request_numbers(char *p, const qoe_request_t *r,
    qoe_request_head_t *head);
static qoe_status_t qoe_request_known(qoe_request_t *r,
    const qoe_request_head_t *head, const char **at, const char *end);
static size_t qoe_request_put(char *buf, size_t at, unsigned id,
    qoe_span_t text);
static qoe_span_t qoe_request_cut(qoe_span_t text);
static void qoe_request_check(qoe_request_t *r);
static qoe_status_t qoe_request_texts(qoe_request_t *r, const char *p,
    const char *end);
static qoe_status_t qoe_request_named(qoe_request_t *r, unsigned id,
    qoe_span_t name, qoe_span_t value);


size_t
qoe_request_pack(char buf[QOE_REQUEST_MAX], const qoe_request_t *r)
{
    size_t              i, at, next, n;
    qoe_request_head_t  head;

    head.format = QOE_REQUEST_FORMAT;
    head.status = r->status;
    head.flags = 0;
    n = 0;

#define QOE_REQUEST_FLAG(member)                                              \
    head.flags |= (uint8_t) ((unsigned) r->member << n++);
    QOE_REQUEST_FLAGS(QOE_REQUEST_FLAG)

#define QOE_REQUEST_COPY(member)  head.member = r->member;
    QOE_REQUEST_BYTES(QOE_REQUEST_COPY)

    at = (size_t) (qoe_request_numbers(buf + sizeof(head), r, &head) - buf);
    memcpy(buf, &head, sizeof(head));

    for (i = 0; i < QOE_TEXTS; i++) {
        if (r->text[i].len != 0) {
            next = qoe_request_put(buf, at, (unsigned) i, r->text[i]);
            at = next ? next : at;
        }
    }

    n = qoe_min(r->nattrs + r->ndims, (size_t) QOE_REQUEST_NAMED);

    for (i = 0; i < n; i++) {

        next = qoe_request_put(buf, at, i < r->nattrs ? QOE_REQUEST_ATTR
                                                      : QOE_REQUEST_DIM,
                               r->named[i].name);
        next = next ? qoe_request_put(buf, next, QOE_REQUEST_VALUE,
                                      r->named[i].value) : 0;
        at = next ? next : at;
    }

    return at;
}


/* Returns the place after the numbers. */

static char *
qoe_request_numbers(char *p, const qoe_request_t *r, qoe_request_head_t *head)
{
    float     f;
    size_t    n;
    uint64_t  word;

    head->words = 0;
    head->reals = 0;
    head->floats = 0;
    n = 0;

#define QOE_REQUEST_WORD(member, none)                                        \
    word = r->member;                                                         \
                                                                              \
    if (word != (none)) {                                                     \
        head->words |= (uint8_t) (1u << n);                                   \
        memcpy(p, &word, sizeof(word));                                       \
        p += sizeof(word);                                                    \
    }                                                                         \
                                                                              \
    n++;

    QOE_REQUEST_WORDS(QOE_REQUEST_WORD)

    n = 0;

    /* all are below FLT_MAX, so that a float holds them, if not exactly */

#define QOE_REQUEST_REAL(member)                                              \
    if (!isnan(r->member)) {                                                  \
        head->reals |= (uint16_t) (1u << n);                                  \
        f = (float) r->member;                                                \
                                                                              \
        if ((double) f == r->member) {                                        \
            head->floats |= (uint16_t) (1u << n);                             \
            memcpy(p, &f, sizeof(f));                                         \
            p += sizeof(f);                                                   \
                                                                              \
        } else {                                                              \
            memcpy(p, &r->member, sizeof(double));                            \
            p += sizeof(double);                                              \
        }                                                                     \
    }                                                                         \
                                                                              \
    n++;

    QOE_REQUEST_REALS(QOE_REQUEST_REAL)

    return p;
}


/* Returns the place after the text; 0: there is no room for it. */

static size_t
qoe_request_put(char *buf, size_t at, unsigned id, qoe_span_t text)
{
    text = qoe_request_cut(text);

    if (QOE_REQUEST_MAX - at < QOE_REQUEST_PREFIX + text.len) {
        return 0;
    }

    buf[at] = (char) id;
    buf[at + 1] = (char) (text.len & 0xff);
    buf[at + 2] = (char) (text.len >> 8);

    if (text.len != 0) {
        memcpy(buf + at + QOE_REQUEST_PREFIX, text.data, text.len);
    }

    return at + QOE_REQUEST_PREFIX + text.len;
}


/* Cuts a text that is too long before the first byte of a character. */

static qoe_span_t
qoe_request_cut(qoe_span_t text)
{
    if (text.len > QOE_REQUEST_TEXT_MAX) {
        text.len = QOE_REQUEST_TEXT_MAX;

        while (text.len != 0 && (text.data[text.len] & 0xc0) == 0x80) {
            text.len--;
        }
    }

    return text;
}


qoe_status_t
qoe_request_open(qoe_request_t *r, qoe_span_t packed)
{
    size_t              n;
    const char         *p, *end;
    qoe_request_head_t  head;

    if (packed.len < sizeof(head) || packed.len > QOE_REQUEST_MAX) {
        return QOE_INVALID;
    }

    memcpy(&head, packed.data, sizeof(head));

    if (head.format != QOE_REQUEST_FORMAT) {
        return QOE_INVALID;
    }

    qoe_request_init(r);

    r->status = head.status;
    n = 0;

#define QOE_REQUEST_UNFLAG(member)  r->member = (head.flags >> n++ & 1) != 0;
    QOE_REQUEST_FLAGS(QOE_REQUEST_UNFLAG)

#define QOE_REQUEST_BACK(member)  r->member = head.member;
    QOE_REQUEST_BYTES(QOE_REQUEST_BACK)

    p = packed.data + sizeof(head);
    end = packed.data + packed.len;

    if (qoe_request_known(r, &head, &p, end) != QOE_OK) {
        return QOE_INVALID;
    }

    qoe_request_check(r);

    return qoe_request_texts(r, p, end);
}


/* Reads the numbers from *at on, and moves it after them. */

static qoe_status_t
qoe_request_known(qoe_request_t *r, const qoe_request_head_t *head,
    const char **at, const char *end)
{
    float        f;
    size_t       n, len;
    uint64_t     word;
    const char  *p;

    len = (size_t) __builtin_popcount(head->words) * sizeof(uint64_t)
          + (size_t) __builtin_popcount(head->reals) * sizeof(double)
          - (size_t) __builtin_popcount(head->reals & head->floats)
            * (sizeof(double) - sizeof(float));

    p = *at;
    *at += qoe_min(len, (size_t) (end - p));

    if (*at != p + len) {
        return QOE_INVALID;
    }

    n = 0;

#define QOE_REQUEST_READ(member, none)                                        \
    if (head->words >> n++ & 1) {                                             \
        memcpy(&word, p, sizeof(word));                                       \
        p += sizeof(word);                                                    \
        r->member = (__typeof__(r->member)) word;                             \
    }

    QOE_REQUEST_WORDS(QOE_REQUEST_READ)

    n = 0;

#define QOE_REQUEST_KNOWN(member)                                             \
    if ((head->reals >> n & 1) == 0) {                                        \
        /* NAN stays */                                                       \
                                                                              \
    } else if (head->floats >> n & 1) {                                       \
        memcpy(&f, p, sizeof(f));                                             \
        p += sizeof(f);                                                       \
        r->member = (double) f;                                               \
                                                                              \
    } else {                                                                  \
        memcpy(&r->member, p, sizeof(double));                                \
        p += sizeof(double);                                                  \
    }                                                                         \
                                                                              \
    n++;

    QOE_REQUEST_REALS(QOE_REQUEST_KNOWN)

    return QOE_OK;
}


/* Makes numbers that no request can have those of an unknown value. */

static void
qoe_request_check(qoe_request_t *r)
{
    r->cache = r->cache < QOE_CACHE_N ? r->cache : 0;
    r->content = r->content < QOE_CMCD_OTS ? r->content : 0;
    r->ot = r->ot < QOE_CMCD_OTS ? r->ot : 0;
    r->st = r->st < QOE_CMCD_STS ? r->st : 0;
    r->sf = r->sf < QOE_CMCD_SFS ? r->sf : 0;

    /* written so that NaN stays */

#define QOE_REQUEST_SANE(member)                                              \
    if (!(r->member >= 0 && r->member <= 1e15)) {                             \
        r->member = NAN;                                                      \
    }
    QOE_REQUEST_REALS(QOE_REQUEST_SANE)
}


static qoe_status_t
qoe_request_texts(qoe_request_t *r, const char *p, const char *end)
{
    size_t       len;
    unsigned     id, of;
    qoe_span_t   text, name;
    const char  *item;

    of = 0;
    name = qoe_span_null;
    r->packed_texts = (qoe_span_t) { p, 0 };
    r->packed_dims = qoe_span_null;

    for (/* void */; p != end; p += len) {

        if (end - p < QOE_REQUEST_PREFIX) {
            return QOE_INVALID;
        }

        item = p;
        id = (unsigned char) p[0];
        len = (size_t) (unsigned char) p[1]
              | (size_t) (unsigned char) p[2] << 8;
        p += QOE_REQUEST_PREFIX;

        if (len > (size_t) (end - p)) {
            return QOE_INVALID;
        }

        text = (qoe_span_t) { p, len };

        if (id < QOE_TEXTS) {
            r->text[id] = text;
            r->packed_texts.len = (size_t) (p + len - r->packed_texts.data);

        } else if (id == QOE_REQUEST_VALUE) {
            if (qoe_request_named(r, of, name, text) != QOE_OK) {
                return QOE_INVALID;
            }

            of = 0;

        } else {
            of = id;
            name = text;

            if (id == QOE_REQUEST_DIM && r->packed_dims.len == 0) {
                r->packed_dims = (qoe_span_t) { item, (size_t) (end - item) };
            }
        }
    }

    return QOE_OK;
}


/* All attributes come before all dimensions. */

static qoe_status_t
qoe_request_named(qoe_request_t *r, unsigned id, qoe_span_t name,
    qoe_span_t value)
{
    qoe_named_t  *to;

    if (r->nattrs + r->ndims == QOE_REQUEST_NAMED
        || (id != QOE_REQUEST_ATTR && id != QOE_REQUEST_DIM)
        || (id == QOE_REQUEST_ATTR && r->ndims != 0))
    {
        return QOE_INVALID;
    }

    if (name.len == 0 || value.len == 0) {
        return QOE_OK;
    }

    to = &r->named[r->nattrs + r->ndims];
    to->name = name;
    to->value = value;

    if (id == QOE_REQUEST_ATTR) {
        r->nattrs++;

    } else {
        r->ndims++;
    }

    return QOE_OK;
}
