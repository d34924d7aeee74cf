
/*
 * Copyright (C) OpenQoE
 *
 * Unique viewers: a sketch for each pair of org and player, for the current UTC
 * day.  A pair without a viewer today may lose its place to any other pair, and
 * a pair whose org or player is unknown may lose it to a known pair, so that
 * pairs that clients invent do not occupy the places until midnight.
 */


#include "qoe_govern_layout.h"


#define QOE_DAY_S          86400


/*
 * Is the day of a sketch over, seen from a thread's day?  The next day is not:
 * another thread may have seen midnight earlier.
 */

#define qoe_viewers_stale(of, day)  ((of) != (day) && (of) != (day) + 1)


static uint64_t qoe_viewers_hash(const qoe_govern_t *g, qoe_span_t org,
    qoe_span_t player);
static uint32_t qoe_viewers_find(const qoe_govern_t *g, uint64_t hash,
    bool known, uint32_t day);
static bool qoe_viewers_claim(qoe_governor_t *gv, uint64_t hash,
    qoe_span_t org, qoe_span_t player, bool known, uint32_t day,
    uint32_t *index);
static void qoe_viewers_write(qoe_govern_t *g, uint32_t i, uint64_t hash,
    qoe_span_t org, qoe_span_t player, bool known);
static void qoe_viewers_begin(qoe_govern_t *g, uint32_t i, uint32_t day);


void
qoe_govern_viewer(qoe_governor_t *gv, qoe_span_t org, qoe_span_t player,
    bool known, qoe_span_t viewer_id, uint32_t now_s)
{
    bool           mine;
    uint32_t       i, day;
    uint64_t       hash;
    qoe_pair_t    *p;
    qoe_govern_t  *g;

    if (viewer_id.len == 0) {
        return;
    }

    g = gv->g;
    org.len = qoe_min(org.len, (size_t) QOE_DIMENSION_LEN_MAX);
    player.len = qoe_min(player.len, (size_t) QOE_DIMENSION_LEN_MAX);

    hash = qoe_viewers_hash(g, org, player);
    day = qoe_max(now_s / QOE_DAY_S, (uint32_t) 1);
    i = qoe_viewers_find(g, hash, known, day);
    p = qoe_govern_pair(g, i);
    mine = (i == g->pairs - 1 || qoe_acquire(&p->hash) == hash);

    if ((!mine || qoe_viewers_stale(qoe_acquire(&p->day), day))
        && !qoe_viewers_claim(gv, hash, org, player, known, day, &i))
    {
        return;
    }

    p = qoe_govern_pair(g, i);

    if (known && qoe_acquire(&p->hash) == hash && !qoe_peek(&p->known)) {
        qoe_poke(&p->known, 1);
    }

    /* a thread that sees midnight late must not add to the new day */

    if (qoe_acquire(&p->day) == day) {
        qoe_hll_add(qoe_govern_hll_at(g, g->sketches + i),
                    qoe_govern_hash(g, QOE_DIMENSIONS_MAX, viewer_id));
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
    day = qoe_max(now_s / QOE_DAY_S, (uint32_t) 1);

    if (hash == 0 && !*overflow) {
        return true;
    }

    if (qoe_acquire(&p->day) == day) {
        *viewers = qoe_hll_count(qoe_govern_hll_at(g, g->sketches + i));
    }

    if (*overflow) {
        return true;
    }

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
        *viewers = 0;
    }

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
            && (h == 0 || qoe_viewers_stale(qoe_peek(&p->day), day)))
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
    qoe_span_t player, bool known, uint32_t day, uint32_t *index)
{
    uint32_t       i;
    qoe_pair_t    *p;
    qoe_govern_t  *g;

    g = gv->g;

    if (qoe_govern_lock(g, gv->self) != QOE_OK) {
        return false;
    }

    i = qoe_viewers_find(g, hash, known, day);
    p = qoe_govern_pair(g, i);

    if (i != g->pairs - 1 && qoe_peek(&p->hash) != hash) {
        qoe_viewers_write(g, i, hash, org, player, known);
    }

    if (qoe_viewers_stale(qoe_peek(&p->day), day)) {
        qoe_viewers_begin(g, i, day);
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
qoe_viewers_begin(qoe_govern_t *g, uint32_t i, uint32_t day)
{
    size_t      n;
    qoe_hll_t  *h;

    h = qoe_govern_hll_at(g, g->sketches + i);

    qoe_publish(&qoe_govern_pair(g, i)->day, 0);

    for (n = 0; n < sizeof(qoe_hll_t); n++) {
        qoe_publish(&h->reg[n], 0);
    }

    qoe_publish(&qoe_govern_pair(g, i)->day, day);
}
