
/*
 * Copyright (C) OpenQoE
 *
 * Values on probation: which sessions have shown a value, and how a known value
 * gets a place that others have taken.
 *
 * A value without a place waits in a small table of its own until three
 * sessions have shown it.  Forged values are shown once and overwrite each
 * other there, while a real value comes again.
 */


#include "qoe_govern_layout.h"


static bool qoe_waiting_shown(const qoe_governor_t *gv, uint64_t hash,
    uint32_t now_s);
static qoe_waiting_t *qoe_waiting_find(const qoe_govern_t *g, uint64_t hash,
    uint32_t now_s);
static uint32_t qoe_waiting_worth(const qoe_waiting_t *w, uint32_t now_s);
static bool qoe_govern_scan_due(qoe_govern_slot_t *s, bool known,
    uint32_t now_s);
static void qoe_govern_scan(qoe_governor_t *gv, size_t slot, bool known,
    uint32_t now_s);
static void qoe_govern_scan_near(qoe_governor_t *gv,
    const qoe_table_look_t *at, bool known, uint32_t now_s);
static bool qoe_govern_lesser(const qoe_bucket_t *b, uint32_t place,
    const qoe_bucket_t *than, uint32_t than_place);


void
qoe_govern_from(qoe_governor_t *gv, uint64_t session, uint64_t request,
    bool refused)
{
    if (request == 0 || gv->request != request) {
        gv->request = request;
        memset(gv->fresh, 0, sizeof(gv->fresh));
    }

    gv->session = (session == 0) ? 0 : 1 + (uint32_t) (session % 0x7fff);
    gv->refused = refused;
}


bool
qoe_govern_fresh(qoe_governor_t *gv, size_t slot)
{
    if (gv->request == 0 || gv->dims->fresh == 0) {
        return true;
    }

    if (gv->fresh[slot] >= gv->dims->fresh) {
        gv->deferred = true;
        return false;
    }

    gv->fresh[slot]++;

    return true;
}


bool
qoe_govern_deferred(qoe_governor_t *gv)
{
    bool  deferred;

    deferred = gv->deferred;
    gv->deferred = false;

    return deferred;
}


bool
qoe_govern_unknown(qoe_governor_t *gv)
{
    bool  unknown;

    unknown = gv->unknown;
    gv->unknown = false;

    return unknown;
}


void
qoe_govern_vouch(const qoe_governor_t *gv, qoe_bucket_t *b, uint32_t place,
    uint32_t now_s)
{
    uint32_t  shown, more;

    shown = qoe_peek(&b->shown[place]);

    /* count one session a second, because a single request may have many */

    if (gv->refused || qoe_shown_known(shown)
        || qoe_peek(&b->since_s[place]) == now_s)
    {
        return;
    }

    more = qoe_shown_by(shown, gv->session);

    if (more != shown) {
        qoe_poke(&b->since_s[place], now_s);
        qoe_poke(&b->shown[place], more);
    }
}


bool
qoe_govern_make_place(qoe_governor_t *gv, size_t slot, uint64_t hash,
    const qoe_table_look_t *at, bool full, uint32_t now_s, bool *known)
{
    if (!*known) {

        if (gv->session == 0) {
            return false;
        }

        *known = qoe_waiting_shown(gv, hash, now_s);
    }

    if (full) {
        if (!qoe_govern_scan_due(&gv->g->slot[slot], *known, now_s)) {
            return false;
        }

        qoe_govern_scan(gv, slot, *known, now_s);
    }

    qoe_govern_scan_near(gv, at, *known, now_s);

    return true;
}


/*
 * Records that the session has shown a value that waits; returns true if enough
 * sessions have.
 */

static bool
qoe_waiting_shown(const qoe_governor_t *gv, uint64_t hash, uint32_t now_s)
{
    uint32_t        shown;
    qoe_waiting_t  *w;

    w = qoe_waiting_find(gv->g, hash, now_s);

    if (qoe_peek(&w->hash) != hash) {
        qoe_poke(&w->shown, 0);
        qoe_poke(&w->at_s, 0);
        qoe_poke(&w->hash, hash);
    }

    shown = qoe_peek(&w->shown);

    if (qoe_peek(&w->at_s) != now_s) {
        shown = qoe_shown_by(shown, gv->session);
        qoe_poke(&w->shown, shown);
        qoe_poke(&w->at_s, now_s);
    }

    return qoe_shown_known(shown);
}


/*
 * Returns the value's entry in the waiting table, or the entry that is the
 * least valuable.
 */

static qoe_waiting_t *
qoe_waiting_find(const qoe_govern_t *g, uint64_t hash, uint32_t now_s)
{
    uint32_t        i;
    qoe_waiting_t  *set, *least;

    set = qoe_govern_waiting(g, (hash >> 16) % g->waiting);
    least = set;

    for (i = 0; i < QOE_WAITING; i++) {

        if (qoe_peek(&set[i].hash) == hash) {
            return &set[i];
        }

        if (qoe_waiting_worth(&set[i], now_s)
            < qoe_waiting_worth(least, now_s))
        {
            least = &set[i];
        }
    }

    return least;
}


/* More sessions are worth more, then later ones; an old entry is worthless. */

static uint32_t
qoe_waiting_worth(const qoe_waiting_t *w, uint32_t now_s)
{
    uint32_t  age;

    age = now_s - qoe_peek(&w->at_s);

    return (age > QOE_PROBATION_S)
           ? 0 : (qoe_peek(&w->shown) & 3) * 1000 + 1 + QOE_PROBATION_S - age;
}


/* Limits searches in time, for all threads together. */

static bool
qoe_govern_scan_due(qoe_govern_slot_t *s, bool known, uint32_t now_s)
{
    uint32_t  last, *at;

    at = known ? &s->placed_s : &s->scanned_s;
    last = qoe_peek(at);

    return now_s - last >= (known ? QOE_GOVERN_PLACE_S : QOE_GOVERN_SCAN_S)
           && __atomic_compare_exchange_n(at, &last, now_s, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}


/*
 * Removes the values of a dimension that are due to leave.  For a known value
 * that needs a place, also removes the least valuable one on probation.
 */

static void
qoe_govern_scan(qoe_governor_t *gv, size_t slot, bool known, uint32_t now_s)
{
    uint32_t       i, j, place, ttl[QOE_DIMENSIONS_MAX];
    qoe_bucket_t  *b, *least;

    least = NULL;
    place = 0;
    qoe_table_ttls(gv, ttl);

    for (i = 0; i < gv->g->buckets; i++) {
        b = qoe_govern_bucket(gv->g, i);

        for (j = 0; j < QOE_PLACES; j++) {

            if (qoe_acquire(&b->hash[j]) == 0
                || qoe_acquire(&b->slot[j]) != slot)
            {
                continue;
            }

            if (qoe_table_expired(b, j, ttl, now_s)) {
                qoe_table_leave(gv, b, j, ttl, false, now_s);

            } else if (qoe_govern_lesser(b, j, least, place)) {
                least = b;
                place = j;
            }
        }
    }

    if (known && least != NULL) {
        qoe_table_leave(gv, least, place, ttl, true, now_s);
    }
}


/*
 * Does the same in the two buckets where the value can be stored, whatever
 * dimension the values there belong to.
 */

static void
qoe_govern_scan_near(qoe_governor_t *gv, const qoe_table_look_t *at,
    bool known, uint32_t now_s)
{
    uint32_t       i, j, place, ttl[QOE_DIMENSIONS_MAX];
    qoe_bucket_t  *b, *least;

    if (at->free[0] > 1 || at->free[1] > 1) {
        return;
    }

    least = NULL;
    place = 0;
    qoe_table_ttls(gv, ttl);

    for (i = 0; i < 2; i++) {
        b = at->bucket[i];

        for (j = 0; j < QOE_PLACES; j++) {

            if (qoe_table_expired(b, j, ttl, now_s)) {
                qoe_table_leave(gv, b, j, ttl, false, now_s);

            } else if (qoe_acquire(&b->hash[j]) != 0
                       && qoe_govern_lesser(b, j, least, place))
            {
                least = b;
                place = j;
            }
        }
    }

    if (known && least != NULL) {
        qoe_table_leave(gv, least, place, ttl, true, now_s);
    }
}


/*
 * Is the value on probation, and less valuable than another: shown by fewer
 * sessions, or longer ago?
 */

static bool
qoe_govern_lesser(const qoe_bucket_t *b, uint32_t place,
    const qoe_bucket_t *than, uint32_t than_place)
{
    uint32_t  shown, other;

    shown = qoe_peek(&b->shown[place]);

    if (qoe_shown_known(shown)) {
        return false;
    }

    if (than == NULL) {
        return true;
    }

    other = qoe_peek(&than->shown[than_place]);

    return (shown & 3) < (other & 3)
           || ((shown & 3) == (other & 3)
               && qoe_peek(&b->since_s[place])
                  < qoe_peek(&than->since_s[than_place]));
}
