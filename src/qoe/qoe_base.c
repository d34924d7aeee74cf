
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_base.h"
#include "qoe_hash_quick.h"

#include <strings.h>


/* The bytes of a value that go into the hash: no rule keeps more of it. */
#define QOE_BASE_CUT       256


static inline uint64_t qoe_base_add_hash(uint64_t h,
    const qoe_hash_key_t *key, const qoe_dimensions_t *dims, size_t i,
    qoe_span_t value);
static uint32_t qoe_base_add(qoe_labels_t out[QOE_GRAINS],
    bool known[QOE_GRAINS], const qoe_dimension_t *dim, qoe_span_t text,
    bool unknown);
static qoe_span_t qoe_base_value(const qoe_sample_t *s, size_t dim,
    qoe_span_t name);
static qoe_span_t qoe_base_content_type(const qoe_sample_t *s);
static qoe_span_t qoe_base_stream_id(const qoe_sample_t *s);
static qoe_span_t qoe_base_custom(const qoe_sample_t *s, qoe_span_t name);


/*
 * Where the value of a built-in dimension comes from: the number of a text, or
 * QOE_BASE_MADE and above for a value that is computed.
 */

#define QOE_BASE_MADE      QOE_TEXTS

static const uint8_t  qoe_base_texts[] = {
#define QOE_BASE_TEXT(id, name, role, action, max, maxlen)  QOE_TEXT_##id,
#define QOE_BASE_NO_TEXT(id, name, role, action, max, maxlen)  QOE_BASE_MADE,
    QOE_DIMENSIONS(QOE_BASE_TEXT, QOE_BASE_NO_TEXT)
};


/* The other way round: 1 + the dimension of a text, or 0. */

static const uint8_t  qoe_base_dims[QOE_TEXTS] = {
#define QOE_BASE_DIM(id, name, role, action, max, maxlen)                     \
    [QOE_TEXT_##id] = 1 + QOE_DIM_##id,
#define QOE_BASE_NO_DIM(id, name, role, action, max, maxlen)
    QOE_DIMENSIONS(QOE_BASE_DIM, QOE_BASE_NO_DIM)
};


/*
 * This hash only answers whether a session's attributes are still those of its
 * last event, so it need not be SipHash: its key is secret, and a client that
 * found a collision could only keep its own attributes, which it may send
 * anyway.
 */

uint64_t
qoe_base_hash(const qoe_sample_t *s, const qoe_dimensions_t *dims,
    const qoe_hash_key_t *key)
{
    size_t    i;
    uint64_t  h;

    h = key->k0;

    /* most texts are empty */

    for (i = 0; i < QOE_TEXTS; i++) {
        if (s->text[i].len != 0 && qoe_base_dims[i] != 0) {
            h = qoe_base_add_hash(h, key, dims, qoe_base_dims[i] - 1,
                                  s->text[i]);
        }
    }

    h = qoe_base_add_hash(h, key, dims, QOE_DIM_CONTENT_TYPE,
                          qoe_base_content_type(s));
    h = qoe_base_add_hash(h, key, dims, QOE_DIM_STREAM_ID,
                          qoe_base_stream_id(s));

    for (i = QOE_DIMS_BUILTIN; i < dims->n; i++) {
        h = qoe_base_add_hash(h, key, dims, i,
                              qoe_base_custom(s, dims->dim[i].name));
    }

    return h;
}


static inline uint64_t
qoe_base_add_hash(uint64_t h, const qoe_hash_key_t *key,
    const qoe_dimensions_t *dims, size_t i, qoe_span_t value)
{
    const qoe_dimension_t  *dim;

    dim = &dims->dim[i];

    if (value.len == 0 || dim->role == QOE_ROLE_EXTRA) {
        return h;
    }

    value.len = qoe_min(value.len, QOE_BASE_CUT);
    h = qoe_hash_quick(key, qoe_hash_quick_word(key, h, i), value);

    /* another roster may admit what this one does not */

    return dim->roster == NULL
           ? h : qoe_hash_quick_word(key, h, qoe_roster_version(dim->roster));
}


uint32_t
qoe_base_labels(qoe_labels_t out[QOE_GRAINS], bool known[QOE_GRAINS],
    const qoe_sample_t *s, qoe_governor_t *gv, uint32_t now_s,
    qoe_labels_t *sent)
{
    bool        unknown, pair;
    char        buf[QOE_GOVERN_BUF], org_buf[QOE_GOVERN_BUF],
                player_buf[QOE_GOVERN_BUF];
    size_t      i;
    uint32_t    dropped;
    qoe_span_t  value, text, org, player;

    const qoe_dimensions_t  *dims = gv->dims;

    for (i = 0; i < QOE_GRAINS; i++) {
        out[i].len = 0;
        known[i] = true;
    }

    (void) qoe_govern_unknown(gv);
    pair = true;
    dropped = 0;
    org = qoe_span_null;
    player = qoe_span_null;

    for (i = 0; i < dims->n; i++) {

        if (dims->dim[i].role == QOE_ROLE_EXTRA) {
            continue;
        }

        value = qoe_base_value(s, i, dims->dim[i].name);
        text = qoe_govern(gv, i, value, now_s,
                          i == QOE_DIM_ORG_ID ? org_buf
                          : i == QOE_DIM_PLAYER_ID ? player_buf : buf);
        unknown = qoe_govern_unknown(gv);

        if (i == QOE_DIM_ORG_ID) {
            org = text;
            pair &= !unknown;

        } else if (i == QOE_DIM_PLAYER_ID) {
            player = text;
            pair &= !unknown;
        }

        if (text.len != 0) {
            dropped += qoe_base_add(out, known, &dims->dim[i], text, unknown);
        }

        if (sent != NULL && value.len != 0 && i != QOE_DIM_MARKER
            && dims->dim[i].role != QOE_ROLE_NEVER
            && !qoe_span_eq(text, value))
        {
            (void) qoe_labels_add(sent, dims->dim[i].name, value);
        }
    }

    qoe_govern_viewer(gv, org, player, pair, s->text[QOE_TEXT_VIEWER_ID],
                      now_s);

    return dropped;
}


/*
 * Adds an attribute to the set of its grain.  1: it was left out, because the
 * set is full.
 */

static uint32_t
qoe_base_add(qoe_labels_t out[QOE_GRAINS], bool known[QOE_GRAINS],
    const qoe_dimension_t *dim, qoe_span_t text, bool unknown)
{
    if (dim->role == QOE_ROLE_BASE) {
        (void) qoe_labels_add(&out[QOE_GRAIN_COARSE], dim->name, text);
        known[QOE_GRAIN_COARSE] &= !unknown;
    }

    if (dim->role == QOE_ROLE_BASE || dim->role == QOE_ROLE_TITLE) {
        (void) qoe_labels_add(&out[QOE_GRAIN_TITLED], dim->name, text);
        known[QOE_GRAIN_TITLED] &= !unknown;
    }

    known[QOE_GRAIN_HEADLINE] &= !unknown;

    return qoe_labels_add(&out[QOE_GRAIN_HEADLINE], dim->name, text) != QOE_OK;
}


static qoe_span_t
qoe_base_value(const qoe_sample_t *s, size_t dim, qoe_span_t name)
{
    if (dim < QOE_DIMS_BUILTIN) {

        if (qoe_base_texts[dim] != QOE_BASE_MADE) {
            return s->text[qoe_base_texts[dim]];
        }

        if (dim == QOE_DIM_CONTENT_TYPE) {
            return qoe_base_content_type(s);
        }

        return dim == QOE_DIM_STREAM_ID ? qoe_base_stream_id(s)
                                        : qoe_span_null;
    }

    return qoe_base_custom(s, name);
}


/*
 * CMCD (CTA-5004-A): st is v, l, or ll for low latency.  A stream_type is the
 * page's free choice, such as "LIVE" or "live", and all spellings must become
 * one series.
 */

static qoe_span_t
qoe_base_content_type(const qoe_sample_t *s)
{
    qoe_span_t  st, type;

    st = s->text[QOE_TEXT_CMCD_ST];
    type = s->text[QOE_TEXT_VIDEO_STREAM_TYPE];

    if (qoe_span_eq(st, qoe_span("v"))) {
        return qoe_span("vod");
    }

    if (qoe_span_eq(st, qoe_span("l")) || qoe_span_eq(st, qoe_span("ll"))) {
        return qoe_span("live");
    }

    if (type.len == 3 && strncasecmp(type.data, "vod", 3) == 0) {
        return qoe_span("vod");
    }

    if (type.len == 4 && strncasecmp(type.data, "live", 4) == 0) {
        return qoe_span("live");
    }

    return type;
}


static qoe_span_t
qoe_base_stream_id(const qoe_sample_t *s)
{
    return qoe_span_eq(qoe_base_content_type(s), qoe_span("live"))
           ? s->text[QOE_TEXT_VIDEO_ID] : qoe_span_null;
}


static qoe_span_t
qoe_base_custom(const qoe_sample_t *s, qoe_span_t name)
{
    size_t  i;

    for (i = 0; i < s->ndims; i++) {
        if (qoe_span_eq(s->dims[i].name, name)) {
            return s->dims[i].value;
        }
    }

    return qoe_span_null;
}
