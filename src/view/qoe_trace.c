
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_trace.h"

#include "qoe_hash.h"
#include "qoe_uuid.h"

#include <math.h>


#define QOE_TRACE_FORMAT       2

/* The renditions of the format before have no codec; a spool may hold some. */
#define QOE_TRACE_FORMAT_OLD   1

#define QOE_TRACE_STARTUP_MS   4000
#define QOE_TRACE_STALLED      0.01

/* The least significant bytes of a trace id are random in any of them. */
#define QOE_TRACE_RANDOM_BITS  56


/* Not secret: another edge must make the same ids. */

static const qoe_hash_key_t  qoe_trace_key = {
    0x6f70656e716f6521ULL, 0x747261636500ff01ULL
};


static void qoe_trace_span(uint8_t span[8], uint64_t hash);


bool
qoe_trace_bad(const qoe_view_record_t *r)
{
    double  playing, stalled;

    if (r->failed || (r->final && !r->started) || r->errors != 0
        || r->startup_ms > QOE_TRACE_STARTUP_MS)
    {
        return true;
    }

    playing = (double) r->playing_ms;
    stalled = (double) r->stalled_ms;

    return stalled > QOE_TRACE_STALLED * (playing + stalled);
}


bool
qoe_trace_wanted(const qoe_traces_conf_t *conf, const qoe_view_record_t *r,
    double *probability)
{
    size_t    i;
    uint8_t   id[16];
    uint64_t  random;

    *probability = 1;

    if (conf->mode == QOE_TRACES_OFF) {
        return false;
    }

    if (conf->mode == QOE_TRACES_ALL || qoe_trace_bad(r)) {
        return true;
    }

    *probability = conf->sample;
    qoe_trace_id(id, r->session_id, r->view_id);

    for (i = 16 - QOE_TRACE_RANDOM_BITS / 8, random = 0; i < 16; i++) {
        random = random << 8 | id[i];
    }

    return (double) random < conf->sample
                             * (double) (1ULL << QOE_TRACE_RANDOM_BITS);
}


void
qoe_trace_id(uint8_t id[16], qoe_span_t session_id, qoe_span_t view_id)
{
    qoe_hasher_t          h;
    static const uint8_t  zero[16];

    if (qoe_uuid_parse(id, view_id) == QOE_OK
        && memcmp(id, zero, sizeof(zero)) != 0)
    {
        return;
    }

    qoe_hash_begin(&h, &qoe_trace_key);
    qoe_hash_add(&h, session_id);
    qoe_hash_add(&h, view_id);

    qoe_trace_span(id, qoe_hash_end(&h));
    qoe_trace_span(id + 8, qoe_hash_more(&h));
}


void
qoe_trace_root(uint8_t span[8], const uint8_t id[16], bool again,
    uint64_t start_ms)
{
    qoe_hasher_t          h;
    static const uint8_t  zero[8];

    if (!again && memcmp(id + 8, zero, sizeof(zero)) != 0) {
        memcpy(span, id + 8, 8);
        return;
    }

    qoe_hash_begin(&h, &qoe_trace_key);
    qoe_hash_add(&h, (qoe_span_t) { (const char *) id, 16 });
    qoe_hash_word(&h, start_ms);
    qoe_trace_span(span, qoe_hash_end(&h));
}


void
qoe_trace_child(uint8_t span[8], const uint8_t id[16], const qoe_stretch_t *s)
{
    qoe_hasher_t  h;

    /* no two stretches of a kind begin at the same time, but empty ones */

    qoe_hash_begin(&h, &qoe_trace_key);
    qoe_hash_add(&h, (qoe_span_t) { (const char *) id, 16 });
    qoe_hash_word(&h, s->start_ms);
    qoe_hash_word(&h, s->kind);
    qoe_hash_word(&h, s->ms);
    qoe_trace_span(span, qoe_hash_end(&h));
}


/* Big-endian, so that the id is the same everywhere; never all zero. */

static void
qoe_trace_span(uint8_t span[8], uint64_t hash)
{
    int  i;

    hash += (hash == 0);

    for (i = 7; i >= 0; i--) {
        span[i] = (uint8_t) hash;
        hash >>= 8;
    }
}


size_t
qoe_trace_pack(char buf[QOE_TRACE_PACKED], const qoe_trace_t *t)
{
    size_t  len;

    len = offsetof(qoe_timeline_t, entry)
          + qoe_min(t->timeline.n, QOE_TIMELINE_ENTRIES) * sizeof(uint64_t);

    memset(buf, 0, 16);
    buf[0] = QOE_TRACE_FORMAT;
    buf[1] = (char) t->again;
    memcpy(buf + 8, &t->probability, 8);
    memcpy(buf + 16, &t->timeline, len);

    return 16 + len;
}


qoe_status_t
qoe_trace_unpack(qoe_trace_t *t, qoe_span_t packed)
{
    memset(t, 0, sizeof(qoe_trace_t));

    if (packed.len < 16 + offsetof(qoe_timeline_t, entry)
        || packed.len > QOE_TRACE_PACKED
        || (packed.data[0] != QOE_TRACE_FORMAT
            && packed.data[0] != QOE_TRACE_FORMAT_OLD))
    {
        return QOE_INVALID;
    }

    t->again = packed.data[1] != 0;
    memcpy(&t->probability, packed.data + 8, 8);
    memcpy(&t->timeline, packed.data + 16, packed.len - 16);

    if (packed.len != 16 + offsetof(qoe_timeline_t, entry)
                      + t->timeline.n * sizeof(uint64_t)
        || t->timeline.sent > t->timeline.n)
    {
        return QOE_INVALID;
    }

    if (packed.data[0] == QOE_TRACE_FORMAT_OLD) {
        qoe_timeline_convert(&t->timeline);
    }

    return QOE_OK;
}
