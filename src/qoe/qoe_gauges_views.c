
/*
 * Copyright (C) OpenQoE
 *
 * Counts the live views of all lanes by their attributes.  When the last view
 * of a set ends, the set counts 0 for as long as its session is known:
 * otherwise a backend would go on showing the last number that it received.
 */


#include "qoe_gauges.h"
#include "qoe_sessions.h"


#define QOE_GAUGES_SETS        64            /* at first; a power of two */
#define QOE_GAUGES_TRIES       4
#define QOE_GAUGES_BLOCK       (64 * 1024)
#define QOE_GAUGES_SLICE       2048          /* sessions: about 0.2 ms */


/* A set of attributes and the number of its views.  len 0: a free place. */

typedef struct {
    uint64_t          hash;
    qoe_span_t        labels;
    uint64_t          views;
} qoe_gauges_set_t;

typedef struct {
    qoe_gauges_set_t  *set;
    size_t             size;                 /* a power of two */
    size_t             n;
    qoe_arena_t        arena;
} qoe_gauges_sets_t;


static qoe_status_t qoe_gauges_slice(qoe_gauges_sets_t *sets,
    const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_view(qoe_gauges_sets_t *sets,
    const qoe_store_t *store, const qoe_sessions_t *sessions, uint32_t i,
    qoe_view_t *v, bool on);
static qoe_status_t qoe_gauges_count(qoe_gauges_set_t *set, bool on);
static qoe_gauges_set_t *qoe_gauges_place(const qoe_gauges_sets_t *sets,
    uint64_t hash);
static qoe_gauges_set_t *qoe_gauges_new(qoe_gauges_sets_t *sets,
    uint64_t hash, qoe_span_t labels);
static bool qoe_gauges_grow(qoe_gauges_sets_t *sets);


qoe_status_t
qoe_gauges_views(const qoe_gauges_t *g)
{
    size_t             i;
    qoe_status_t       rc, status;
    qoe_gauges_set_t  *set;
    qoe_gauges_sets_t  sets;

    memset(&sets, 0, sizeof(qoe_gauges_sets_t));
    qoe_arena_init(&sets.arena, &qoe_mem_heap, QOE_GAUGES_BLOCK, SIZE_MAX);

    rc = qoe_gauges_grow(&sets) ? qoe_gauges_slice(&sets, g) : QOE_NOMEM;

    for (i = 0; rc != QOE_NOMEM && i < sets.size; i++) {

        set = &sets.set[i];

        if (set->labels.len == 0) {
            continue;
        }

        status = qoe_collect_add(g->collect,
                                 QOE_METRIC_CONCURRENT_VIEWS_CURRENT,
                                 set->labels, qoe_span_null,
                                 (double) set->views);
        if (status != QOE_OK) {
            rc = status;
        }
    }

    qoe_mem_heap.free(qoe_mem_heap.ctx, sets.set);
    qoe_arena_free(&sets.arena);

    return rc;
}


/* All lanes have the same number of slots: one cursor counts through all. */

static qoe_status_t
qoe_gauges_slice(qoe_gauges_sets_t *sets, const qoe_gauges_t *g)
{
    bool          on;
    uint32_t      n, i, lane, slots;
    uint64_t      now_ms;
    qoe_view_t    v;
    qoe_status_t  rc;

    now_ms = g->now_ns / 1000000;
    slots = qoe_max(qoe_sessions_slots(g->st->sessions[0]), (uint32_t) 1);

    for (n = 0; *g->cursor / slots < g->st->lanes; n++) {

        if (n == QOE_GAUGES_SLICE) {
            return QOE_AGAIN;
        }

        lane = *g->cursor / slots;
        i = (*g->cursor)++ % slots;

        if (!qoe_sessions_read(g->st->sessions[lane], i, &v)) {
            continue;
        }

        on = qoe_view_concurrent(&v, now_ms);

        rc = qoe_gauges_view(sets, g->st->store[lane], g->st->sessions[lane],
                             i, &v, on);
        if (rc != QOE_OK) {
            return rc;
        }
    }

    return QOE_OK;
}


/*
 * Counts the view in slot i, of which v is a copy.  Its block is valid only
 * while the slot still names it.  A view that leaves meanwhile, or has just
 * begun and has no attributes yet, is not counted.  A view whose attributes
 * found no room in the store, or change faster than they can be read, counts
 * for the overflow set.
 */

static qoe_status_t
qoe_gauges_view(qoe_gauges_sets_t *sets, const qoe_store_t *store,
    const qoe_sessions_t *sessions, uint32_t i, qoe_view_t *v, bool on)
{
    int                n;
    char               buf[QOE_LABELS_MAX];
    uint32_t           base;
    uint64_t           hash;
    qoe_span_t         labels;
    qoe_labels_t       overflow;
    qoe_gauges_set_t  *set;

    for (n = 0; n < QOE_GAUGES_TRIES && v->base != 0; n++) {

        base = v->base;
        hash = qoe_store_block_hash(store, base);
        set = qoe_gauges_place(sets, hash);

        labels = (qoe_span_t) { buf, 0 };

        if (set->labels.len == 0) {
            labels.len = qoe_store_block_read(store, base, buf);
        }

        if (!qoe_sessions_read(sessions, i, v)) {
            return QOE_OK;
        }

        if (v->base != base) {
            continue;
        }

        if (set->labels.len != 0) {
            return qoe_gauges_count(set, on);
        }

        if (labels.len != 0) {
            return qoe_gauges_count(qoe_gauges_new(sets, hash, labels), on);
        }
    }

    if (!on || (v->base == 0 && v->base_s == 0)) {
        return QOE_OK;
    }

    set = qoe_gauges_place(sets, 0);

    if (set->labels.len == 0) {
        overflow.len = 0;
        (void) qoe_labels_add(&overflow, qoe_span("otel.metric.overflow"),
                              qoe_span("true"));

        set = qoe_gauges_new(sets, 0, qoe_labels_span(&overflow));
    }

    return qoe_gauges_count(set, on);
}


static qoe_status_t
qoe_gauges_count(qoe_gauges_set_t *set, bool on)
{
    if (set == NULL) {
        return QOE_NOMEM;
    }

    set->views += on;

    return QOE_OK;
}


/* The place where the set of that hash is or belongs. */

static qoe_gauges_set_t *
qoe_gauges_place(const qoe_gauges_sets_t *sets, uint64_t hash)
{
    size_t             i;
    qoe_gauges_set_t  *set;

    /* ends, for the table is never more than half full */

    for (i = hash; /* void */ ; i++) {

        set = &sets->set[i & (sets->size - 1)];

        if (set->labels.len == 0 || set->hash == hash) {
            return set;
        }
    }
}


static qoe_gauges_set_t *
qoe_gauges_new(qoe_gauges_sets_t *sets, uint64_t hash, qoe_span_t labels)
{
    qoe_gauges_set_t  *set;

    labels = qoe_arena_copy(&sets->arena, labels);

    if (labels.data == NULL
        || (sets->n * 2 >= sets->size && !qoe_gauges_grow(sets)))
    {
        return NULL;
    }

    set = qoe_gauges_place(sets, hash);

    set->hash = hash;
    set->labels = labels;
    set->views = 0;

    sets->n++;

    return set;
}


static bool
qoe_gauges_grow(qoe_gauges_sets_t *sets)
{
    size_t             i, size;
    qoe_gauges_set_t  *old;
    qoe_gauges_sets_t  new;

    old = sets->set;
    size = sets->size;

    new = *sets;
    new.size = qoe_max(size * 2, (size_t) QOE_GAUGES_SETS);
    new.set = qoe_mem_heap.alloc(qoe_mem_heap.ctx,
                                 new.size * sizeof(qoe_gauges_set_t));

    if (new.set == NULL) {
        return false;
    }

    memset(new.set, 0, new.size * sizeof(qoe_gauges_set_t));

    for (i = 0; i < size; i++) {
        if (old[i].labels.len != 0) {
            *qoe_gauges_place(&new, old[i].hash) = old[i];
        }
    }

    qoe_mem_heap.free(qoe_mem_heap.ctx, old);

    sets->set = new.set;
    sets->size = new.size;

    return true;
}
