
/*
 * Copyright (C) OpenQoE
 *
 * The table of stored values.  A value can be in either of two buckets, so a
 * look-up reads only these.
 */


#include "qoe_govern_layout.h"


static bool qoe_table_found(qoe_governor_t *gv,
    const qoe_dimension_t *d, const qoe_table_look_t *at, uint32_t now_s);
static uint32_t qoe_table_kept(const qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d);
static bool qoe_table_room(const qoe_govern_t *g, uint32_t count, uint32_t max,
    const qoe_table_look_t *at);
static bool qoe_table_insert(qoe_governor_t *gv, size_t slot, uint32_t max,
    uint32_t shown, uint64_t hash, qoe_span_t value, uint32_t now_s);
static void qoe_table_write(qoe_bucket_t *b, uint32_t place, size_t slot,
    uint32_t shown, uint64_t hash, qoe_span_t value, uint32_t now_s);
static void qoe_table_expire(qoe_governor_t *gv, qoe_bucket_t *b,
    uint32_t first, uint32_t end, const uint32_t *ttl, uint32_t now_s);
static void qoe_table_halve(qoe_governor_t *gv, uint32_t now_s);


bool
qoe_govern_admit(qoe_governor_t *gv, size_t slot, const qoe_dimension_t *d,
    uint64_t hash, qoe_span_t value, uint32_t now_s)
{
    bool               known, done;
    uint32_t           max, count;
    qoe_govern_t      *g;
    qoe_table_look_t   at;

    g = gv->g;
    qoe_table_look(g, hash, &at);

    if (at.found != NULL) {
        return qoe_table_found(gv, d, &at, now_s);
    }

    known = qoe_dimension_made((size_t) (d - gv->dims->dim), value);

    if (gv->refused || (!known && !qoe_govern_fresh(gv, slot))) {
        return false;
    }

    /* pinned values have places of their own */

    max = d->max - qoe_min(d->max, d->npins);

    if (!known) {
        max -= qoe_min(max, qoe_table_kept(gv, slot, d));
    }

    count = qoe_peek(&g->slot[slot].count);

    if (!qoe_table_room(g, count, max, &at)
        && !qoe_govern_make_place(gv, slot, hash, &at, count >= max, now_s,
                                  &known))
    {
        return false;
    }

    if (qoe_govern_lock(g, gv->self) != QOE_OK) {
        return false;
    }

    done = qoe_table_insert(gv, slot, max,
                            known ? QOE_SHOWN_KNOWN
                                  : qoe_shown_by(0, gv->session),
                            hash, value, now_s);
    qoe_unlock(&g->lock);

    gv->unknown |= done && !known;

    return done;
}


static bool
qoe_table_found(qoe_governor_t *gv, const qoe_dimension_t *d,
    const qoe_table_look_t *at, uint32_t now_s)
{
    uint32_t  *last;

    if (gv->refused) {
        return true;
    }

    /* do not write on every look-up, which would make the cache line travel */

    last = &at->found->last_s[at->place];

    if (now_s - qoe_peek(last)
        >= qoe_min((uint32_t) QOE_GOVERN_TOUCH_S, d->ttl_s / 4))
    {
        qoe_poke(last, now_s);
    }

    qoe_govern_vouch(gv, at->found, at->place, now_s);
    gv->unknown |= !qoe_shown_known(qoe_peek(&at->found->shown[at->place]));

    return true;
}


void
qoe_table_look(qoe_govern_t *g, uint64_t hash, qoe_table_look_t *at)
{
    uint32_t   i, j, b[2];
    uint64_t   h;

    b[0] = (uint32_t) ((hash & UINT32_MAX) * g->buckets >> 32);
    b[1] = (uint32_t) ((hash >> 32) * g->buckets >> 32);

    at->found = NULL;
    at->place = 0;

    for (i = 0; i < 2; i++) {
        at->bucket[i] = qoe_govern_bucket(g, b[i]);
        at->free[i] = 0;

        for (j = 0; j < QOE_PLACES; j++) {
            h = qoe_peek(&at->bucket[i]->hash[j]);

            if (h == hash) {
                at->found = at->bucket[i];
                at->place = j;
                return;
            }

            at->free[i] += (h == 0);
        }
    }
}


/*
 * The number of places that are reserved for values that the module makes and
 * that are not stored yet.
 */

static uint32_t
qoe_table_kept(const qoe_governor_t *gv, size_t slot, const qoe_dimension_t *d)
{
    uint32_t           i, n, kept;
    qoe_table_look_t   at;
    const qoe_span_t  *own;

    own = qoe_dimension_own((size_t) (d - gv->dims->dim), &n);

    for (i = 0, kept = 0; i < n; i++) {

        if (qoe_dimension_pinned(d, own[i])) {
            continue;
        }

        qoe_table_look(gv->g, qoe_govern_hash(gv->g, slot, own[i]), &at);
        kept += (at.found == NULL);
    }

    return kept;
}


/*
 * A dimension that has much of the table leaves the last place of each bucket
 * to the others, so that forged values of one dimension cannot crowd out the
 * few values of another.
 */

static bool
qoe_table_room(const qoe_govern_t *g, uint32_t count, uint32_t max,
    const qoe_table_look_t *at)
{
    uint32_t  leave;

    leave = (count >= g->buckets);

    return count < max && (at->free[0] > leave || at->free[1] > leave);
}


/*
 * Stores a value.  The caller holds the lock; a process killed at any store
 * leaves no value stored twice.
 */

static bool
qoe_table_insert(qoe_governor_t *gv, size_t slot, uint32_t max, uint32_t shown,
    uint64_t hash, qoe_span_t value, uint32_t now_s)
{
    uint32_t           place, count;
    qoe_bucket_t      *b;
    qoe_govern_t      *g;
    qoe_table_look_t   at;

    g = gv->g;
    qoe_table_look(g, hash, &at);

    if (at.found != NULL) {
        return true;
    }

    count = qoe_peek(&g->slot[slot].count);

    if (!qoe_table_room(g, count, max, &at)) {
        return false;
    }

    b = at.bucket[at.free[1] > at.free[0]];

    for (place = 0; qoe_peek(&b->hash[place]) != 0; place++) {
        /* the bucket has a free place */
    }

    /* raise the count first, so that it is never too low, even after a kill */

    qoe_poke(&g->slot[slot].count, count + 1);
    qoe_table_write(b, place, slot, shown, hash, value, now_s);

    return true;
}


static void
qoe_table_write(qoe_bucket_t *b, uint32_t place, size_t slot, uint32_t shown,
    uint64_t hash, qoe_span_t value, uint32_t now_s)
{
    qoe_words_put(b->text[place], value.data,
                  qoe_min(value.len, (size_t) QOE_VALUE_TEXT));

    qoe_publish(&b->len[place], (uint16_t) value.len);
    qoe_publish(&b->slot[place], (uint16_t) slot);
    qoe_poke(&b->last_s[place], now_s);
    qoe_poke(&b->since_s[place], now_s);
    qoe_publish(&b->shown[place], shown);
    qoe_publish(&b->hash[place], hash);
}


void
qoe_govern_recount(qoe_govern_t *g)
{
    uint32_t       i, j, count[QOE_DIMENSIONS_MAX];
    qoe_bucket_t  *b;

    memset(count, 0, sizeof(count));

    for (i = 0; i < g->buckets; i++) {
        b = qoe_govern_bucket(g, i);

        for (j = 0; j < QOE_PLACES; j++) {

            if (qoe_peek(&b->hash[j]) == 0) {
                continue;
            }

            if (b->slot[j] < QOE_DIMENSIONS_MAX) {
                count[b->slot[j]]++;

            } else {
                qoe_poke(&b->hash[j], 0);
            }
        }
    }

    for (i = 0; i < QOE_DIMENSIONS_MAX; i++) {
        qoe_poke(&g->slot[i].count, count[i]);
    }
}


void
qoe_govern_expire(qoe_governor_t *gv, uint32_t now_s, uint32_t *cursor,
    uint32_t n)
{
    uint32_t       first, end, left, ttl[QOE_DIMENSIONS_MAX];
    qoe_bucket_t  *b;

    qoe_table_ttls(gv, ttl);

    while (n > 0) {

        if (*cursor / QOE_PLACES >= gv->g->buckets) {
            *cursor = 0;
        }

        b = qoe_govern_bucket(gv->g, *cursor / QOE_PLACES);
        first = *cursor % QOE_PLACES;
        end = first + qoe_min(n, QOE_PLACES - first);
        left = n - (end - first);

        qoe_table_expire(gv, b, first, end, ttl, now_s);

        *cursor += end - first;
        n = left;

        if (*cursor / QOE_PLACES >= gv->g->buckets) {
            *cursor = 0;
            qoe_table_halve(gv, now_s);
            return;
        }
    }
}


/*
 * A default applies to dimensions that the configuration no longer has, so that
 * their values leave, too.
 */

void
qoe_table_ttls(const qoe_governor_t *gv, uint32_t *ttl)
{
    size_t  i;

    for (i = 0; i < QOE_DIMENSIONS_MAX; i++) {
        ttl[i] = 86400;
    }

    for (i = 0; i < gv->dims->n; i++) {
        if (gv->slot[i] < QOE_DIMENSIONS_MAX) {
            ttl[gv->slot[i]] = gv->dims->dim[i].ttl_s;
        }
    }
}


/* Expires the places from first to end - 1 of a bucket. */

static void
qoe_table_expire(qoe_governor_t *gv, qoe_bucket_t *b, uint32_t first,
    uint32_t end, const uint32_t *ttl, uint32_t now_s)
{
    uint32_t  i;

    for (i = first; i < end; i++) {
        if (qoe_table_expired(b, i, ttl, now_s)) {
            qoe_table_leave(gv, b, i, ttl, false, now_s);
        }
    }
}


void
qoe_table_leave(qoe_governor_t *gv, qoe_bucket_t *b, uint32_t place,
    const uint32_t *ttl, bool victim, uint32_t now_s)
{
    bool      due;
    uint32_t  *count;

    if (qoe_govern_lock(gv->g, gv->self) != QOE_OK) {
        return;
    }

    /* the value may have been seen or removed before the lock was taken */

    due = victim ? qoe_peek(&b->hash[place]) != 0
                   && b->slot[place] < QOE_DIMENSIONS_MAX
                   && !qoe_shown_known(qoe_peek(&b->shown[place]))
                 : qoe_table_expired(b, place, ttl, now_s);

    if (due) {
        qoe_publish(&b->hash[place], 0);

        count = &gv->g->slot[b->slot[place]].count;
        qoe_poke(count, *count - (*count != 0));
    }

    qoe_unlock(&gv->g->lock);
}


bool
qoe_table_expired(const qoe_bucket_t *b, uint32_t place, const uint32_t *ttl,
    uint32_t now_s)
{
    uint16_t  slot;
    uint32_t  last_s, since_s, stays;

    if (qoe_acquire(&b->hash[place]) == 0) {
        return false;
    }

    slot = qoe_acquire(&b->slot[place]);
    last_s = qoe_peek(&b->last_s[place]);
    since_s = qoe_peek(&b->since_s[place]);

    if (slot >= QOE_DIMENSIONS_MAX) {
        return false;
    }

    if (qoe_shown_known(qoe_peek(&b->shown[place]))) {
        stays = last_s - qoe_min(since_s, last_s);
        stays = QOE_PROBATION_S + QOE_STANDING * qoe_min(stays, ttl[slot]);
        stays = qoe_min(stays, ttl[slot]);

    } else {
        last_s = since_s;
        stays = qoe_min((uint32_t) QOE_PROBATION_S, ttl[slot]);
    }

    /* if an earlier clock was ahead, the next look-up corrects last_s */

    return last_s < now_s && now_s - last_s > stays;
}


/*
 * Halves the counts of top-k areas once in a ttl, so that new titles can rise.
 */

static void
qoe_table_halve(qoe_governor_t *gv, uint32_t now_s)
{
    size_t              i;
    uint64_t            halved;
    qoe_area_t         *a;
    qoe_govern_slot_t  *s;

    for (i = 0; i < gv->dims->n; i++) {
        s = qoe_govern_slot(gv, i);

        if (s == NULL || gv->dims->dim[i].action != QOE_ACTION_TOPK) {
            continue;
        }

        a = qoe_govern_topk(gv->g, s);

        if (a == NULL || qoe_govern_area_lock(a, gv->self) != QOE_OK) {
            continue;
        }

        halved = a->halved_s;

        if (halved == 0 || halved > now_s) {
            a->halved_s = now_s;

        } else if (now_s - halved > gv->dims->dim[i].ttl_s) {
            a->halved_s = now_s;
            qoe_topk_halve(qoe_area_topk(a));
        }

        qoe_unlock(&a->lock);
    }
}
