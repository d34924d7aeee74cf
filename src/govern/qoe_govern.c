
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_govern_layout.h"


#define QOE_LOCK_TRIES     4                 /* of 50 ms, as a process starts */


typedef qoe_span_t (*qoe_action_pt)(qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d, qoe_span_t value, uint32_t now_s,
    char buf[QOE_GOVERN_BUF]);


static uint32_t qoe_govern_counters(size_t size);
static void qoe_govern_claim(qoe_governor_t *gv);
static qoe_action_t qoe_govern_action(const qoe_dimension_t *d);
static size_t qoe_govern_name_find(const qoe_govern_t *g, qoe_span_t name);
static size_t qoe_govern_name_take(qoe_govern_t *g, qoe_span_t name);
static void qoe_govern_claim_hll(qoe_govern_t *g, qoe_govern_slot_t *s);
static void qoe_govern_claim_topk(qoe_governor_t *gv, qoe_govern_slot_t *s);
static qoe_span_t qoe_govern_allow(qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d, qoe_span_t value, uint32_t now_s,
    char buf[QOE_GOVERN_BUF]);
static qoe_span_t qoe_govern_frequent(qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d, qoe_span_t value, uint32_t now_s,
    char buf[QOE_GOVERN_BUF]);
static qoe_span_t qoe_govern_hashed(qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d, qoe_span_t value, uint32_t now_s,
    char buf[QOE_GOVERN_BUF]);
static qoe_span_t qoe_govern_bucketed(qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d, qoe_span_t value, uint32_t now_s,
    char buf[QOE_GOVERN_BUF]);
static qoe_span_t qoe_govern_drop(qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d, qoe_span_t value, uint32_t now_s,
    char buf[QOE_GOVERN_BUF]);
static qoe_span_t qoe_govern_overflow(qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d, qoe_span_t value, char buf[QOE_GOVERN_BUF]);
static void qoe_govern_estimate(const qoe_governor_t *gv, size_t slot,
    uint64_t hash);


static const qoe_action_pt  qoe_action_handlers[] = {
    qoe_govern_allow,
    qoe_govern_frequent,
    qoe_govern_hashed,
    qoe_govern_bucketed,
    qoe_govern_drop
};


void
qoe_govern_create(qoe_govern_t *g, size_t size, const qoe_hash_key_t *key)
{
    size_t    i, at, sketches;
    uint32_t  counters;

    memset(g, 0, sizeof(*g));
    g->key = *key;

    sketches = size / 9 / sizeof(qoe_hll_t);
    sketches = qoe_max(qoe_min(sketches, (size_t) QOE_SKETCHES_MAX),
                       (size_t) 6);
    g->sketches = (uint32_t) qoe_min(qoe_min(6 + sketches / 6, sketches - 2),
                                     (size_t) QOE_DIMENSIONS_MAX);
    g->pairs = (uint32_t) sketches - g->sketches;
    g->areas = (size < 4 << 20) ? 1 : (size < 32 << 20) ? 2 : 4;

    counters = qoe_govern_counters(size / 15 * 2 / g->areas
                                   - sizeof(qoe_area_t));
    g->area_size = sizeof(qoe_area_t) + qoe_topk_size(counters);

    at = qoe_align(sizeof(*g), 64);
    g->pair_offset = at;
    at = qoe_align(at + g->pairs * sizeof(qoe_pair_t), 64);
    g->pair_text_offset = at;
    at += g->pairs * sizeof(qoe_pair_text_t);
    g->hll_offset = at;
    at += sketches * sizeof(qoe_hll_t);
    g->area_offset = at;
    at += g->areas * g->area_size;
    g->waiting_offset = at;
    g->waiting = size / 128 / (QOE_WAITING * sizeof(qoe_waiting_t));
    at += g->waiting * QOE_WAITING * sizeof(qoe_waiting_t);
    at = qoe_align(at, 64);
    g->table_offset = at;
    g->buckets = (uint32_t) qoe_min((size - at) / sizeof(qoe_bucket_t),
                                    (size_t) UINT32_MAX / QOE_PLACES);

    for (i = 0; i < g->areas; i++) {
        qoe_topk_create(qoe_area_topk(qoe_govern_area(g, i)), counters);
    }
}


/* The number of counters that fit into size bytes. */

static uint32_t
qoe_govern_counters(size_t size)
{
    uint32_t  low, high, middle;

    low = 16;
    high = 1 << 20;

    while (high - low > 1) {
        middle = low + (high - low) / 2;

        if (qoe_topk_size(middle) <= size) {
            low = middle;

        } else {
            high = middle;
        }
    }

    return low;
}


void
qoe_governor_init(qoe_governor_t *gv, qoe_govern_t *g,
    const qoe_dimensions_t *dims, qoe_proc_t self)
{
    int     tries;
    size_t  i;

    gv->g = g;
    gv->dims = dims;
    gv->self = self;
    memset(&gv->fleet, 0, sizeof(gv->fleet));
    gv->request = 0;
    gv->session = 0;
    gv->refused = false;
    gv->deferred = false;
    gv->unknown = false;
    memset(gv->fresh, 0, sizeof(gv->fresh));

    for (tries = 0; tries < QOE_LOCK_TRIES; tries++) {

        if (qoe_govern_lock(g, self) == QOE_OK) {
            qoe_govern_claim(gv);
            qoe_unlock(&g->lock);
            return;
        }
    }

    /* a stopped process holds the lock: make do with the known dimensions */

    for (i = 0; i < dims->n; i++) {
        gv->slot[i] = (uint16_t) qoe_govern_name_find(g, dims->dim[i].name);
    }
}


static void
qoe_govern_claim(qoe_governor_t *gv)
{
    size_t              i, slot;
    qoe_govern_slot_t  *s;

    for (i = 0; i < gv->dims->n; i++) {
        slot = qoe_govern_name_find(gv->g, gv->dims->dim[i].name);

        if (slot == QOE_GOVERN_NONE) {
            slot = qoe_govern_name_take(gv->g, gv->dims->dim[i].name);
        }

        gv->slot[i] = (uint16_t) slot;
    }

    for (i = 0; i < gv->dims->n; i++) {
        s = qoe_govern_slot(gv, i);

        if (s == NULL) {
            continue;
        }

        switch (qoe_govern_action(&gv->dims->dim[i])) {

        case QOE_ACTION_TOPK:
            qoe_govern_claim_topk(gv, s);
            qoe_govern_claim_hll(gv->g, s);
            break;

        case QOE_ACTION_HASH:
        case QOE_ACTION_DROP:
            qoe_govern_claim_hll(gv->g, s);
            break;

        default:
            break;
        }
    }
}


/*
 * Values that never become an attribute are dropped, whatever the configuration
 * says.
 */

static qoe_action_t
qoe_govern_action(const qoe_dimension_t *d)
{
    return (d->role == QOE_ROLE_NEVER) ? QOE_ACTION_DROP : d->action;
}


static size_t
qoe_govern_name_find(const qoe_govern_t *g, qoe_span_t name)
{
    size_t                    i;
    const qoe_govern_slot_t  *s;

    if (name.len > QOE_DIMENSION_NAME_MAX) {
        return QOE_GOVERN_NONE;
    }

    for (i = 0; i < QOE_DIMENSIONS_MAX; i++) {
        s = &g->slot[i];

        if (qoe_acquire(&s->taken) != 0
            && s->name[name.len] == '\0'
            && memcmp(s->name, name.data, name.len) == 0)
        {
            return i;
        }
    }

    return QOE_GOVERN_NONE;
}


static size_t
qoe_govern_name_take(qoe_govern_t *g, qoe_span_t name)
{
    size_t              i;
    qoe_govern_slot_t  *s;

    for (i = 0; i < QOE_DIMENSIONS_MAX; i++) {
        s = &g->slot[i];

        if (qoe_peek(&s->taken) == 0) {
            memset(s->name, 0, sizeof(s->name));
            memcpy(s->name, name.data,
                   qoe_min(name.len, (size_t) QOE_DIMENSION_NAME_MAX));
            qoe_publish(&s->taken, 1);

            return i;
        }
    }

    return QOE_GOVERN_NONE;
}


/*
 * Takes a free sketch.  The slots alone record which sketches are in use, so a
 * kill cannot lose any.
 */

static void
qoe_govern_claim_hll(qoe_govern_t *g, qoe_govern_slot_t *s)
{
    size_t    i;
    uint32_t  n;

    if (qoe_govern_hll(g, s) != NULL) {
        return;
    }

    for (n = 1; n <= g->sketches; n++) {

        for (i = 0; i < QOE_DIMENSIONS_MAX; i++) {
            if (qoe_peek(&g->slot[i].hll) == n) {
                break;
            }
        }

        if (i == QOE_DIMENSIONS_MAX) {
            qoe_publish(&s->hll, n);
            return;
        }
    }
}


/*
 * Takes a top-k area, if need be from a dimension whose action is no longer
 * topk.
 */

static void
qoe_govern_claim_topk(qoe_governor_t *gv, qoe_govern_slot_t *s)
{
    bool                used;
    size_t              i;
    uint32_t            n;
    qoe_area_t         *a;
    qoe_govern_t       *g;
    qoe_govern_slot_t  *other;

    g = gv->g;

    if (qoe_govern_topk(g, s) != NULL) {
        return;
    }

    for (n = 1; n <= g->areas; n++) {
        used = false;

        for (i = 0; i < gv->dims->n; i++) {
            other = qoe_govern_slot(gv, i);
            used |= (other != NULL && qoe_peek(&other->topk) == n
                     && gv->dims->dim[i].action == QOE_ACTION_TOPK);
        }

        if (!used) {
            break;
        }
    }

    if (n > g->areas) {
        return;
    }

    a = qoe_govern_area(g, n - 1);

    if (qoe_govern_area_lock(a, gv->self) != QOE_OK) {
        return;
    }

    for (i = 0; i < QOE_DIMENSIONS_MAX; i++) {
        if (qoe_peek(&g->slot[i].topk) == n) {
            qoe_poke(&g->slot[i].topk, 0);
        }
    }

    a->halved_s = 0;
    qoe_topk_clear(qoe_area_topk(a));
    qoe_publish(&s->topk, n);

    qoe_unlock(&a->lock);
}


qoe_status_t
qoe_govern_lock(qoe_govern_t *g, qoe_proc_t self)
{
    bool          stolen;
    qoe_status_t  rc;

    rc = qoe_lock(&g->lock, self, &stolen);

    if (rc == QOE_OK && stolen) {
        qoe_govern_recount(g);
    }

    return rc;
}


qoe_status_t
qoe_govern_area_lock(qoe_area_t *a, qoe_proc_t self)
{
    bool          stolen;
    qoe_status_t  rc;

    rc = qoe_lock(&a->lock, self, &stolen);

    if (rc == QOE_OK && stolen) {
        qoe_topk_rebuild(qoe_area_topk(a));
    }

    return rc;
}


qoe_govern_slot_t *
qoe_govern_slot(const qoe_governor_t *gv, size_t dim)
{
    if (dim >= gv->dims->n || gv->slot[dim] >= QOE_DIMENSIONS_MAX) {
        return NULL;
    }

    return &gv->g->slot[gv->slot[dim]];
}


qoe_hll_t *
qoe_govern_hll(qoe_govern_t *g, const qoe_govern_slot_t *s)
{
    uint32_t  n;

    n = qoe_acquire(&s->hll);

    return (n == 0 || n > g->sketches) ? NULL : qoe_govern_hll_at(g, n - 1);
}


qoe_area_t *
qoe_govern_topk(qoe_govern_t *g, const qoe_govern_slot_t *s)
{
    uint32_t  n;

    n = qoe_acquire(&s->topk);

    return (n == 0 || n > g->areas) ? NULL : qoe_govern_area(g, n - 1);
}


uint64_t
qoe_govern_hash(const qoe_govern_t *g, size_t slot, qoe_span_t value)
{
    uint64_t        hash;
    qoe_hash_key_t  key;

    key = g->key;
    key.k0 ^= (slot + 1) * 0x9e3779b97f4a7c15ULL;

    hash = qoe_hash(&key, value.data, value.len);

    return hash + (hash == 0);
}


qoe_span_t
qoe_govern(qoe_governor_t *gv, size_t dim, qoe_span_t value, uint32_t now_s,
    char buf[QOE_GOVERN_BUF])
{
    size_t                  slot;
    qoe_action_t            action;
    const qoe_dimension_t  *d;

    if (dim >= gv->dims->n || value.len == 0) {
        return qoe_span_null;
    }

    d = &gv->dims->dim[dim];
    slot = gv->slot[dim];
    action = qoe_govern_action(d);

    if (slot >= QOE_DIMENSIONS_MAX) {
        __atomic_fetch_add(&gv->g->homeless, !gv->refused, __ATOMIC_RELAXED);
        return (action == QOE_ACTION_DROP) ? qoe_span_null : qoe_span("other");
    }

    value = qoe_govern_clean(value, d->maxlen, buf);

    if (value.len == 0) {
        return qoe_span_null;
    }

    return qoe_action_handlers[action](gv, slot, d, value, now_s, buf);
}


static qoe_span_t
qoe_govern_allow(qoe_governor_t *gv, size_t slot, const qoe_dimension_t *d,
    qoe_span_t value, uint32_t now_s, char buf[QOE_GOVERN_BUF])
{
    uint64_t  hash;

    if (qoe_dimension_pinned(d, value)) {
        return value;
    }

    if (d->roster != NULL) {

        if (qoe_roster_has(d->roster, value)) {
            return value;
        }

        if (d->max <= d->npins) {
            return qoe_govern_overflow(gv, slot, d, value, buf);
        }
    }

    hash = qoe_govern_hash(gv->g, slot, value);

    if (qoe_govern_admit(gv, slot, d, hash, value, now_s)) {
        return value;
    }

    return qoe_govern_overflow(gv, slot, d, value, buf);
}


static qoe_span_t
qoe_govern_frequent(qoe_governor_t *gv, size_t slot, const qoe_dimension_t *d,
    qoe_span_t value, uint32_t now_s, char buf[QOE_GOVERN_BUF])
{
    bool                top;
    uint64_t            hash;
    qoe_area_t         *a;
    qoe_govern_slot_t  *s;

    s = &gv->g->slot[slot];
    a = qoe_govern_topk(gv->g, s);

    if (a == NULL) {
        return qoe_govern_allow(gv, slot, d, value, now_s, buf);
    }

    hash = qoe_govern_hash(gv->g, slot, value);
    qoe_govern_estimate(gv, slot, hash);
    top = false;

    if (!gv->refused && qoe_govern_area_lock(a, gv->self) == QOE_OK) {

        /* a reload may have given the area to another dimension */

        if (qoe_govern_topk(gv->g, s) == a) {
            top = qoe_topk_add(qoe_area_topk(a), hash, value, d->max);
        }

        qoe_unlock(&a->lock);
    }

    return top ? value : qoe_govern_overflow(gv, slot, d, value, buf);
}


static qoe_span_t
qoe_govern_hashed(qoe_governor_t *gv, size_t slot, const qoe_dimension_t *d,
    qoe_span_t value, uint32_t now_s, char buf[QOE_GOVERN_BUF])
{
    (void) d;
    (void) now_s;

    qoe_govern_estimate(gv, slot, qoe_govern_hash(gv->g, slot, value));
    gv->unknown = true;

    return qoe_govern_crc(value, buf);
}


/*
 * Ranges are admitted like values, so that forged numbers cannot create any
 * number of them.
 */

static qoe_span_t
qoe_govern_bucketed(qoe_governor_t *gv, size_t slot, const qoe_dimension_t *d,
    qoe_span_t value, uint32_t now_s, char buf[QOE_GOVERN_BUF])
{
    return qoe_govern_allow(gv, slot, d, qoe_govern_range(value, d->size, buf),
                            now_s, buf);
}


static qoe_span_t
qoe_govern_drop(qoe_governor_t *gv, size_t slot, const qoe_dimension_t *d,
    qoe_span_t value, uint32_t now_s, char buf[QOE_GOVERN_BUF])
{
    (void) d;
    (void) now_s;
    (void) buf;

    qoe_govern_estimate(gv, slot, qoe_govern_hash(gv->g, slot, value));

    return qoe_span_null;
}


static qoe_span_t
qoe_govern_overflow(qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d, qoe_span_t value, char buf[QOE_GOVERN_BUF])
{
    __atomic_fetch_add(&gv->g->slot[slot].overflow, !gv->refused,
                       __ATOMIC_RELAXED);

    if (d->overflow == QOE_OVERFLOW_OTHER) {
        return qoe_span("other");
    }

    gv->unknown = true;

    return qoe_govern_crc(value, buf);
}


static void
qoe_govern_estimate(const qoe_governor_t *gv, size_t slot, uint64_t hash)
{
    qoe_hll_t  *h;

    h = qoe_govern_hll(gv->g, &gv->g->slot[slot]);

    if (h != NULL && !gv->refused) {
        qoe_hll_add(h, hash);
    }
}
