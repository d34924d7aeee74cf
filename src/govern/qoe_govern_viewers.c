
/*
 * Copyright (C) OpenQoE
 *
 * Unique viewers: a sketch for each pair of org and player, for the current UTC
 * day.  A pair without a viewer today may lose its place to any other pair, and
 * a pair whose org or player is unknown may lose it to a known pair, so that
 * pairs that clients invent do not occupy the places until midnight.
 *
 * Sketches of several edges can be merged if their viewers are hashed by the
 * same key, so a sketch is of one key only.
 */


#include "qoe_govern_layout.h"


#define QOE_DAY_S          86400


/* A day of 0 is none. */

#define qoe_viewers_day(now_s)  qoe_max((now_s) / QOE_DAY_S, (uint32_t) 1)


static bool qoe_viewers_stale(const qoe_govern_t *g, const qoe_pair_t *p,
    uint32_t day);
static uint64_t qoe_viewers_hash(const qoe_govern_t *g, qoe_span_t org,
    qoe_span_t player);
static uint64_t qoe_viewers_hash_viewer(const qoe_governor_t *gv,
    qoe_span_t viewer_id);
static bool qoe_viewers_current(const qoe_govern_t *g, const qoe_pair_t *p,
    uint32_t day);
static uint32_t qoe_viewers_find(const qoe_govern_t *g, uint64_t hash,
    bool known, uint32_t day);
static bool qoe_viewers_claim(qoe_governor_t *gv, uint64_t hash,
    qoe_span_t org, qoe_span_t player, bool known, uint32_t now_s,
    uint32_t *index);
static void qoe_viewers_write(qoe_govern_t *g, uint32_t i, uint64_t hash,
    qoe_span_t org, qoe_span_t player, bool known);
static void qoe_viewers_begin(qoe_govern_t *g, uint32_t i, uint32_t day,
    uint32_t now_s);
static bool qoe_viewers_names(qoe_govern_t *g, size_t i, uint64_t hash,
    qoe_span_t *org, qoe_span_t *player, char buf[QOE_GOVERN_BUF]);


uint64_t
qoe_govern_fleet(qoe_govern_t *g, uint64_t id)
{
    return __atomic_exchange_n(&g->key_id, id, __ATOMIC_ACQ_REL);
}


void
qoe_govern_viewer(qoe_governor_t *gv, qoe_span_t org, qoe_span_t player,
    bool known, qoe_span_t viewer_id, uint32_t now_s)
{
    bool           mine;
    uint32_t       i, day;
    uint64_t       hash;
    qoe_pair_t    *p;
    qoe_govern_t  *g;

    g = gv->g;

    /* a thread of an earlier configuration may have an earlier key */

    if (viewer_id.len == 0 || gv->fleet.id != qoe_acquire(&g->key_id)) {
        return;
    }

    org.len = qoe_min(org.len, (size_t) QOE_DIMENSION_LEN_MAX);
    player.len = qoe_min(player.len, (size_t) QOE_DIMENSION_LEN_MAX);

    hash = qoe_viewers_hash(g, org, player);
    day = qoe_viewers_day(now_s);
    i = qoe_viewers_find(g, hash, known, day);
    p = qoe_govern_pair(g, i);
    mine = (i == g->pairs - 1 || qoe_acquire(&p->hash) == hash);

    if ((!mine || qoe_viewers_stale(g, p, day))
        && !qoe_viewers_claim(gv, hash, org, player, known, now_s, &i))
    {
        return;
    }

    p = qoe_govern_pair(g, i);

    if (known && qoe_acquire(&p->hash) == hash && !qoe_peek(&p->known)) {
        qoe_poke(&p->known, 1);
    }

    /* a thread that sees midnight late must not add to the new day */

    if (qoe_viewers_current(g, p, day)) {
        qoe_hll_add(qoe_govern_hll_at(g, g->sketches + i),
                    qoe_viewers_hash_viewer(gv, viewer_id));
    }
}


bool
qoe_govern_viewers(const qoe_governor_t *gv, size_t i, uint32_t now_s,
    qoe_span_t *org, qoe_span_t *player, bool *overflow, double *viewers,
    char buf[QOE_GOVERN_BUF])
{
    uint64_t      hash;
    uint32_t      day;
    qoe_pair_t   *p;
    qoe_govern_t *g;

    g = gv->g;

    if (i >= g->pairs) {
        return false;
    }

    *org = qoe_span_null;
    *player = qoe_span_null;
    *overflow = (i == g->pairs - 1);
    *viewers = 0;

    p = qoe_govern_pair(g, i);
    hash = qoe_acquire(&p->hash);
    day = qoe_viewers_day(now_s);

    if (hash == 0 && !*overflow) {
        return true;
    }

    if (qoe_viewers_current(g, p, day)) {
        *viewers = qoe_hll_count(qoe_govern_hll_at(g, g->sketches + i));
    }

    if (*overflow) {
        return true;
    }

    if (!qoe_viewers_names(g, i, hash, org, player, buf)) {
        *viewers = 0;
    }

    return true;
}


/*
 * The names of pair i; none, and false, if it is no longer the one with that
 * hash.
 */

static bool
qoe_viewers_names(qoe_govern_t *g, size_t i, uint64_t hash, qoe_span_t *org,
    qoe_span_t *player, char buf[QOE_GOVERN_BUF])
{
    qoe_pair_t  *p;

    p = qoe_govern_pair(g, i);

    org->data = buf;
    org->len = qoe_min(qoe_acquire(&p->org_len), QOE_DIMENSION_LEN_MAX);
    player->data = buf + QOE_DIMENSION_LEN_MAX;
    player->len = qoe_min(qoe_acquire(&p->player_len), QOE_DIMENSION_LEN_MAX);

    qoe_words_get(buf, qoe_govern_pair_text(g, i)->org, org->len);
    qoe_words_get(buf + QOE_DIMENSION_LEN_MAX,
                  qoe_govern_pair_text(g, i)->player, player->len);

    if (qoe_acquire(&p->hash) != hash) {
        *org = qoe_span_null;
        *player = qoe_span_null;
        return false;
    }

    return true;
}


/* A sketch that begins anew while it is copied is left out. */

bool
qoe_govern_sketch(const qoe_governor_t *gv, size_t i, uint32_t now_s,
    qoe_govern_sketch_t *s)
{
    size_t         n;
    uint64_t       hash;
    uint32_t       day;
    qoe_hll_t     *h;
    qoe_pair_t    *p;
    qoe_govern_t  *g;

    g = gv->g;

    if (i >= g->pairs) {
        return false;
    }

    p = qoe_govern_pair(g, i);
    h = qoe_govern_hll_at(g, g->sketches + i);
    hash = qoe_acquire(&p->hash);
    day = qoe_viewers_day(now_s);

    s->begun_s = qoe_viewers_current(g, p, day) ? qoe_peek(&p->begun_s) : 0;

    if (s->begun_s == 0) {
        return true;
    }

    s->key_id = qoe_peek(&p->key_id);

    for (n = 0; n < QOE_HLL_SIZE; n++) {
        s->hll.reg[n] = qoe_peek(&h->reg[n]);
    }

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    s->overflow = (i == g->pairs - 1);
    s->org = qoe_span_null;
    s->player = qoe_span_null;

    if (hash != 0 && !s->overflow) {
        (void) qoe_viewers_names(g, i, hash, &s->org, &s->player, s->buf);
    }

    if (qoe_acquire(&p->hash) != hash || !qoe_viewers_current(g, p, day)
        || qoe_peek(&p->key_id) != s->key_id
        || qoe_peek(&p->begun_s) != s->begun_s
        || (s->org.data == NULL && !s->overflow))
    {
        s->begun_s = 0;
    }

    s->viewers = qoe_hll_count(&s->hll);

    return true;
}


static uint64_t
qoe_viewers_hash(const qoe_govern_t *g, qoe_span_t org, qoe_span_t player)
{
    uint64_t        hash;
    qoe_hash_key_t  key;

    key = g->key;
    key.k1 ^= qoe_hash(&g->key, org.data, org.len);

    hash = qoe_hash(&key, player.data, player.len);

    return hash + (hash == 0);
}


/*
 * Without a key of the fleet, the zone's own key; the values of dimensions have
 * other hashes under it, because no slot has that number.
 */

static uint64_t
qoe_viewers_hash_viewer(const qoe_governor_t *gv, qoe_span_t viewer_id)
{
    return gv->fleet.id != 0
           ? qoe_hash(&gv->fleet.key, viewer_id.data, viewer_id.len)
           : qoe_govern_hash(gv->g, QOE_DIMENSIONS_MAX, viewer_id);
}


/*
 * Must a sketch begin anew, seen from a thread's day?  That of the next day
 * must not: another thread may have seen midnight earlier.
 */

static bool
qoe_viewers_stale(const qoe_govern_t *g, const qoe_pair_t *p, uint32_t day)
{
    uint32_t  of;

    of = qoe_acquire(&p->day);

    return (of != day && of != day + 1)
           || qoe_peek(&p->key_id) != qoe_peek(&g->key_id);
}


static bool
qoe_viewers_current(const qoe_govern_t *g, const qoe_pair_t *p, uint32_t day)
{
    return qoe_acquire(&p->day) == day
           && qoe_peek(&p->key_id) == qoe_peek(&g->key_id);
}


/*
 * Finds the place of a pair.  A new pair gets a free place or one without a
 * viewer today; failing that, a known pair gets the place of an unknown one,
 * and any other pair shares the last place.
 */

static uint32_t
qoe_viewers_find(const qoe_govern_t *g, uint64_t hash, bool known,
    uint32_t day)
{
    uint32_t     i, last, place, unknown;
    uint64_t     h;
    qoe_pair_t  *p;

    last = g->pairs - 1;
    place = last;
    unknown = last;

    for (i = 0; i < last; i++) {
        p = qoe_govern_pair(g, i);
        h = qoe_acquire(&p->hash);

        if (h == hash) {
            return i;
        }

        if (place == last
            && (h == 0 || qoe_viewers_stale(g, p, day)))
        {
            place = i;
        }

        if (unknown == last && !qoe_peek(&p->known)) {
            unknown = i;
        }
    }

    return (place == last && known) ? unknown : place;
}


/*
 * Takes a place, and begins its sketch of the day.  Returns false if the lock
 * could not be taken.
 */

static bool
qoe_viewers_claim(qoe_governor_t *gv, uint64_t hash, qoe_span_t org,
    qoe_span_t player, bool known, uint32_t now_s, uint32_t *index)
{
    uint32_t       i, day;
    qoe_pair_t    *p;
    qoe_govern_t  *g;

    g = gv->g;

    if (qoe_govern_lock(g, gv->self) != QOE_OK) {
        return false;
    }

    day = qoe_viewers_day(now_s);
    i = qoe_viewers_find(g, hash, known, day);
    p = qoe_govern_pair(g, i);

    if (i != g->pairs - 1 && qoe_peek(&p->hash) != hash) {
        qoe_viewers_write(g, i, hash, org, player, known);
    }

    if (qoe_viewers_stale(g, p, day)) {
        qoe_viewers_begin(g, i, day, now_s);
    }

    qoe_unlock(&g->lock);

    *index = i;

    return true;
}


static void
qoe_viewers_write(qoe_govern_t *g, uint32_t i, uint64_t hash, qoe_span_t org,
    qoe_span_t player, bool known)
{
    qoe_pair_t  *p;

    p = qoe_govern_pair(g, i);

    qoe_poke(&p->hash, 0);
    qoe_publish(&p->day, 0);

    qoe_words_put(qoe_govern_pair_text(g, i)->org, org.data, org.len);
    qoe_words_put(qoe_govern_pair_text(g, i)->player, player.data, player.len);
    qoe_publish(&p->org_len, (uint16_t) org.len);
    qoe_publish(&p->player_len, (uint16_t) player.len);
    qoe_poke(&p->known, known);

    qoe_publish(&p->hash, hash);
}


/*
 * Clears a sketch.  If the process is killed here, the sketch has no day, and
 * is cleared again.
 */

static void
qoe_viewers_begin(qoe_govern_t *g, uint32_t i, uint32_t day, uint32_t now_s)
{
    size_t       n;
    qoe_hll_t   *h;
    qoe_pair_t  *p;

    p = qoe_govern_pair(g, i);
    h = qoe_govern_hll_at(g, g->sketches + i);

    qoe_publish(&p->day, 0);

    for (n = 0; n < sizeof(qoe_hll_t); n++) {
        qoe_publish(&h->reg[n], 0);
    }

    qoe_publish(&p->key_id, qoe_peek(&g->key_id));
    qoe_publish(&p->begun_s, now_s);
    qoe_publish(&p->day, day);
}
