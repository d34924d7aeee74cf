
/*
 * Copyright (C) OpenQoE
 *
 * From points to series: the blocks of their attributes, and the values.
 */


#include "qoe_apply_priv.h"
#include "qoe_hash_quick.h"


static uint32_t qoe_apply_keep(qoe_apply_t *a, qoe_apply_kept_t *k,
    uint64_t key, const qoe_point_t *p, uint32_t set, uint64_t now_ns);
static const qoe_apply_extra_t *qoe_apply_extra(qoe_apply_t *a,
    const qoe_point_t *p, uint32_t now_s);
static uint64_t qoe_apply_extra_key(const qoe_apply_t *a,
    const qoe_point_t *p);


/*
 * An event's series lie anywhere in the zone: prefetch them together, or each
 * value waits for memory on its own.
 */

void
qoe_apply_points(qoe_apply_t *a, qoe_blocks_t b, uint64_t now_ns)
{
    size_t         i, n;
    uint32_t       extra[QOE_POINTS_MAX], set[QOE_POINTS_MAX];
    uint32_t      *place[QOE_POINTS_MAX];
    qoe_point_t   *p;
    qoe_points_t  *points;

    points = &a->points;
    qoe_apply_count(a, QOE_COUNT_VALUES_IGNORED, points->ignored);

    p = points->point;

    for (i = 0, n = 0; i < points->n; i++) {

        qoe_live_point(a->st->live, &p[i], now_ns);

        if ((qoe_metrics[p[i].metric].group & a->conf->groups) == 0) {
            continue;
        }

        if (n != i) {
            p[n] = p[i];
        }

        extra[n] = 0;
        set[n] = b.grain[qoe_metrics[p[n].metric].grain];

        if (p[n].nextra != 0) {
            extra[n] = qoe_apply_extra(a, &p[n],
                                       (uint32_t) (now_ns / 1000000000))
                       ->block;

            /* hold the block: the next point may evict it from a->extra */
            qoe_store_ref(a->store, extra[n]);
        }

        if (set[n] == 0 || (p[n].nextra != 0 && extra[n] == 0)) {
            set[n] = QOE_STORE_OVERFLOW;
        }

        place[n] = qoe_store_place(a->store, &a->env, p[n].metric, set[n],
                                   extra[n]);
        n++;
    }

    for (i = 0; i < n; i++) {
        qoe_store_fetch(a->store, place[i]);
    }

    for (i = 0; i < n; i++) {
        (void) qoe_store_record_at(a->store, &a->env, place[i], p[i].metric,
                                   set[i], extra[i], p[i].value, p[i].times,
                                   now_ns);
        qoe_store_unref(a->store, extra[i]);
    }

    points->n = 0;
    points->ignored = 0;
}


/*
 * The requests of a session, and of most sessions, have the same few series
 * again and again, so these are kept: to find one by its blocks, and its blocks
 * by their texts, would cost several times as much as the value.
 */

void
qoe_apply_request_points(qoe_apply_t *a, qoe_points_t *points, qoe_blocks_t b,
    uint64_t now_ns)
{
    size_t             i;
    uint32_t           set, now_s, series[QOE_POINTS_MAX];
    uint64_t           key;
    qoe_point_t       *p;
    qoe_apply_kept_t  *k;

    if ((a->conf->groups & QOE_GROUP_CMCD) == 0) {
        points->n = 0;
        return;
    }

    p = points->point;
    now_s = (uint32_t) (now_ns / 1000000000);

    for (i = 0; i < points->n; i++) {
        set = b.grain[qoe_metrics[p[i].metric].grain];
        key = (uint64_t) set << 32 | (uint32_t) p[i].metric << 16 | p[i].code;
        k = &a->kept[(key * 0x9e3779b97f4a7c15) >> (64 - QOE_APPLY_KEPT_BITS)];

        if (k->key == key && now_s - k->at_s < QOE_APPLY_FRESH_S) {
            series[i] = k->series;
            qoe_store_fetch_series(a->store, k->series);

        } else {
            series[i] = qoe_apply_keep(a, k, key, &p[i], set, now_ns);
        }
    }

    for (i = 0; i < points->n; i++) {

        if (series[i] != 0) {
            qoe_store_add(a->store, series[i], p[i].value, p[i].times,
                          now_ns);
            continue;
        }

        (void) qoe_store_record_at(a->store, &a->env, NULL, p[i].metric,
                                   QOE_STORE_OVERFLOW, 0, p[i].value,
                                   p[i].times, now_ns);
    }

    points->n = 0;
}


/*
 * The series of a point, which is kept if the point has a code; 0: that of
 * overflow, or none for such a value.
 */

static uint32_t
qoe_apply_keep(qoe_apply_t *a, qoe_apply_kept_t *k, uint64_t key,
    const qoe_point_t *p, uint32_t set, uint64_t now_ns)
{
    uint32_t                  extra, series, at_s;
    const qoe_apply_extra_t  *e;

    at_s = (uint32_t) (now_ns / 1000000000);
    extra = 0;

    if (p->nextra != 0) {
        e = qoe_apply_extra(a, p, at_s);
        extra = e->block;
        at_s = e->at_s;

        if (extra == 0) {
            return 0;
        }
    }

    if (p->value > QOE_STORE_VALUE_MAX) {
        return 0;
    }

    series = qoe_store_series(a->store, &a->env, p->metric, set, extra,
                              now_ns);

    if (series != 0 && p->code != 0) {
        k->key = key;
        k->at_s = at_s;
        k->series = series;
    }

    return series;
}


/* The block of a point's own attributes; 0: there is no memory for it. */

static const qoe_apply_extra_t *
qoe_apply_extra(qoe_apply_t *a, const qoe_point_t *p, uint32_t now_s)
{
    char                buf[QOE_GOVERN_BUF];
    size_t              i, dim;
    uint64_t            key;
    qoe_span_t          text;
    qoe_apply_extra_t  *e;

    key = qoe_apply_extra_key(a, p);
    e = &a->extra[key % QOE_APPLY_EXTRAS];

    if (e->key == key && e->block != 0
        && now_s - e->at_s < QOE_APPLY_FRESH_S)
    {
        return e;
    }

    a->labels.len = 0;
    (void) qoe_govern_deferred(a->governor);
    (void) qoe_govern_unknown(a->governor);

    for (i = 0; i < p->nextra; i++) {
        dim = p->extra[i].dim;
        text = qoe_govern(a->governor, dim, p->extra[i].text, now_s, buf);

        if (text.len != 0) {
            (void) qoe_labels_add(&a->labels, a->conf->dims->dim[dim].name,
                                  text);
        }
    }

    qoe_store_unref(a->store, e->block);

    e->key = key;
    e->at_s = qoe_apply_asked_s(a, now_s);
    e->block = qoe_apply_block(a, &a->labels,
                               !qoe_govern_unknown(a->governor));

    return e;
}


/* As qoe_base_hash(), a hash of values that the client may send anyway. */

static uint64_t
qoe_apply_extra_key(const qoe_apply_t *a, const qoe_point_t *p)
{
    size_t              i;
    uint64_t            h;
    qoe_roster_slot_t  *roster;

    h = a->key.k0;

    for (i = 0; i < p->nextra; i++) {
        h = qoe_hash_quick_word(&a->key, h, p->extra[i].dim);
        h = qoe_hash_quick(&a->key, h, p->extra[i].text);

        roster = a->conf->dims->dim[p->extra[i].dim].roster;

        if (roster != NULL) {
            h = qoe_hash_quick_word(&a->key, h, qoe_roster_version(roster));
        }
    }

    return h;
}
