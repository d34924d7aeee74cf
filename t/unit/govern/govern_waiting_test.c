
/*
 * Copyright (C) OpenQoE
 *
 * Probation and waiting from within: who has shown a value, which value waits,
 * which one gives its place away and how often that is looked for; and the
 * places of viewers.
 */


#include "govern_env.h"
#include "qoe_govern_probation.c"

#include <math.h>


static qoe_govern_t      *g;
static qoe_governor_t     gv;
static qoe_dimensions_t   dims;


static void
begin(void)
{
    if (g != NULL) {
        munmap(g, QOE_GOVERN_MIN);
    }

    g = region(QOE_GOVERN_MIN);
    memset(&dims, 0, sizeof(dims));
    dims.dim[0].name = qoe_span("plan");
    dims.dim[0].max = 100;
    dims.dim[0].maxlen = 128;
    dims.dim[0].ttl_s = 1000;
    dims.n = 1;
    qoe_governor_init(&gv, g, &dims, 77);
}


static uint32_t
shown(uint32_t a, uint32_t b, unsigned n)
{
    return a << 2 | b << 17 | n;
}


static void
test_shown(void)
{
    size_t  i;

    static const struct {
        uint32_t  a, b;
        unsigned  n;
        uint32_t  tag;
        uint32_t  to_a, to_b;
        unsigned  to_n;
    } rows[] = {
        { 0, 0, 0, 0, 0, 0, 0 }, { 0, 0, 0, 5, 5, 0, 1 },
        { 0, 0, 0, 0x7fff, 0x7fff, 0, 1 }, { 5, 0, 1, 0, 5, 0, 1 },
        { 5, 0, 1, 5, 5, 0, 1 }, { 5, 0, 1, 6, 5, 6, 2 },
        { 0x7fff, 0, 1, 0x7ffe, 0x7fff, 0x7ffe, 2 },
        { 5, 6, 2, 0, 5, 6, 2 }, { 5, 6, 2, 5, 5, 6, 2 },
        { 5, 6, 2, 6, 5, 6, 2 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(qoe_shown_by(shown(rows[i].a, rows[i].b, rows[i].n), rows[i].tag)
           == shown(rows[i].to_a, rows[i].to_b, rows[i].to_n),
           "session %u after %u others, %u and %u", rows[i].tag, rows[i].n,
           rows[i].a, rows[i].b);
    }

    ok(qoe_shown_by(shown(5, 6, 2), 7) == QOE_SHOWN_KNOWN
       && qoe_shown_by(QOE_SHOWN_KNOWN, 5) == QOE_SHOWN_KNOWN
       && qoe_shown_known(QOE_SHOWN_KNOWN) && !qoe_shown_known(shown(5, 6, 2)),
       "the third of them makes a value known, for good");
}


static void
test_from(void)
{
    begin();
    qoe_govern_from(&gv, 0, 7, false);
    ok(gv.session == 0 && gv.request == 7 && !gv.refused,
       "a session that is not known has no tag");
    gv.fresh[0] = 3;
    qoe_govern_from(&gv, 0x7fff, 7, true);
    ok(gv.session == 1 && gv.fresh[0] == 3 && gv.refused,
       "every other has one; a request goes on with its events");
    qoe_govern_from(&gv, 0x7ffe, 8, false);
    ok(gv.session == 0x7fff && gv.fresh[0] == 0 && !gv.refused,
       "another request begins anew");
    gv.fresh[0] = 3;
    gv.request = 0;
    qoe_govern_from(&gv, 1, 0, false);
    ok(gv.fresh[0] == 0, "as does each one that is not known");
}


static void
test_fresh(void)
{
    begin();
    dims.fresh = 2;
    ok(qoe_govern_fresh(&gv, 0) && qoe_govern_fresh(&gv, 0)
       && qoe_govern_fresh(&gv, 0) && gv.fresh[0] == 0,
       "before a request there is no limit");
    gv.request = 5;
    ok(qoe_govern_fresh(&gv, 0) && qoe_govern_fresh(&gv, 0)
       && !qoe_govern_deferred(&gv) && !qoe_govern_fresh(&gv, 0)
       && gv.fresh[0] == 2 && qoe_govern_fresh(&gv, 1),
       "of a request two new values of a dimension are taken");
    ok(qoe_govern_deferred(&gv) && !qoe_govern_deferred(&gv),
       "that another one was not is said once");
    dims.fresh = 0;
    ok(qoe_govern_fresh(&gv, 0), "without a limit any number is");

    gv.unknown = true;
    ok(qoe_govern_unknown(&gv) && !qoe_govern_unknown(&gv),
       "an unknown value is said once as well");
}


static void
test_vouch(void)
{
    qoe_bucket_t  *b;

    begin();
    b = qoe_govern_bucket(g, 0);
    b->shown[3] = shown(5, 0, 1);
    b->since_s[3] = NOW;
    gv.session = 6;
    qoe_govern_vouch(&gv, b, 3, NOW);
    ok(b->shown[3] == shown(5, 0, 1), "one session a second counts");
    gv.refused = true;
    qoe_govern_vouch(&gv, b, 3, NOW + 1);
    ok(b->shown[3] == shown(5, 0, 1), "a refused event vouches for nothing");
    gv.refused = false;
    qoe_govern_vouch(&gv, b, 3, NOW + 1);
    ok(b->shown[3] == shown(5, 6, 2) && b->since_s[3] == NOW + 1,
       "another session does, and its time is noted");
    qoe_govern_vouch(&gv, b, 3, NOW + 9);
    ok(b->since_s[3] == NOW + 1, "the same session changes nothing");
    b->shown[3] = QOE_SHOWN_KNOWN;
    gv.session = 9;
    qoe_govern_vouch(&gv, b, 3, NOW + 10);
    ok(b->since_s[3] == NOW + 1, "nor does any for a known value");
}


/* Values that wait: shown by sessions, so many seconds ago. */

static void
test_worth(void)
{
    size_t         i;
    qoe_waiting_t  w;

    static const struct { uint32_t shown, ago, worth; }  rows[] = {
        { 1, 0, 1301 }, { 1, 300, 1001 }, { 1, 301, 0 }, { 2, 300, 2001 },
        { 3, 0, 3301 }, { 0, 0, 301 }, { 3, 301, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        w.shown = rows[i].shown;
        w.at_s = NOW - rows[i].ago;
        ok(qoe_waiting_worth(&w, NOW) == rows[i].worth,
           "what %u sessions showed %u s ago is worth %u", rows[i].shown,
           rows[i].ago, rows[i].worth);
    }
}


static void
test_waiting(void)
{
    uint32_t        i;
    uint64_t        hash;
    qoe_waiting_t  *set;

    begin();
    hash = g->waiting << 16 | 7;         /* of set 0 */
    set = qoe_govern_waiting(g, 0);
    ok(qoe_waiting_find(g, hash, NOW) == set, "an empty set has its first");

    for (i = 0; i < QOE_WAITING; i++) {
        set[i].hash = 100 + i;
        set[i].shown = 2;
        set[i].at_s = NOW;
    }

    ok(qoe_waiting_find(g, hash, NOW) == set,
       "of equal ones the first gives way");
    set[2].shown = 1;
    ok(qoe_waiting_find(g, hash, NOW) == &set[2], "or what is worth least");
    set[QOE_WAITING - 1].hash = hash;
    ok(qoe_waiting_find(g, hash, NOW) == &set[QOE_WAITING - 1],
       "but a value that waits has its own");
    ok(qoe_waiting_find(g, hash + (1 << 16), NOW)
       == qoe_govern_waiting(g, 1), "another set has others");

    /* three sessions in three seconds */

    set[2].hash = 77;
    hash += 1;
    gv.session = 5;
    ok(!qoe_waiting_shown(&gv, hash, NOW) && set[2].hash == hash
       && set[2].shown == shown(5, 0, 1) && set[2].at_s == NOW,
       "a value that takes a place begins with its session");
    gv.session = 6;
    ok(!qoe_waiting_shown(&gv, hash, NOW) && set[2].shown == shown(5, 0, 1),
       "one session a second counts");
    ok(!qoe_waiting_shown(&gv, hash, NOW + 1) && set[2].at_s == NOW + 1,
       "the second one in another second");
    gv.session = 7;
    ok(qoe_waiting_shown(&gv, hash, NOW + 2)
       && set[2].shown == QOE_SHOWN_KNOWN, "with the third it is known");
}


/* Which of two values on probation gives way. */

static void
test_lesser(void)
{
    size_t         i;
    qoe_bucket_t  *b;

    static const struct { uint32_t shown[2], since[2]; bool lesser; }
    rows[] = {
        { { 1, 2 }, { 9, 1 }, true }, { { 2, 1 }, { 1, 9 }, false },
        { { 1, 1 }, { 1, 2 }, true }, { { 1, 1 }, { 2, 2 }, false },
        { { 1, 1 }, { 3, 2 }, false }, { { 3, 1 }, { 1, 2 }, false },
        { { 5, 6 }, { 9, 1 }, true }, { { 0, 1 }, { 9, 1 }, true }
    };

    begin();
    b = qoe_govern_bucket(g, 0);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        b->shown[2] = rows[i].shown[0];
        b->shown[7] = rows[i].shown[1];
        b->since_s[2] = rows[i].since[0];
        b->since_s[7] = rows[i].since[1];
        ok(qoe_govern_lesser(b, 2, b, 7) == rows[i].lesser,
           "shown by %u of %u since %u of %u: it %s",
           rows[i].shown[0], rows[i].shown[1], rows[i].since[0],
           rows[i].since[1], rows[i].lesser ? "gives way" : "stays");
    }

    b->shown[2] = 1;
    ok(qoe_govern_lesser(b, 2, NULL, 0), "a single one gives way");
    b->shown[2] = 3;
    ok(!qoe_govern_lesser(b, 2, NULL, 0), "unless it is known");
}


static void
test_due(void)
{
    qoe_govern_slot_t  *s;

    begin();
    s = &g->slot[0];
    s->scanned_s = s->placed_s = NOW;
    ok(!qoe_govern_scan_due(s, false, NOW + 4)
       && qoe_govern_scan_due(s, false, NOW + 5) && s->scanned_s == NOW + 5
       && s->placed_s == NOW, "a place is looked for each 5 s");
    ok(!qoe_govern_scan_due(s, true, NOW)
       && qoe_govern_scan_due(s, true, NOW + 1) && s->placed_s == NOW + 1
       && s->scanned_s == NOW + 5, "that of a known value each second");
}


/* A value of a slot in a place, shown by so many, known or seen since. */

static void
put_value(uint32_t bucket, uint32_t place, unsigned slot, uint32_t by,
    uint32_t since_s)
{
    qoe_bucket_t  *b;

    b = qoe_govern_bucket(g, bucket);
    b->hash[place] = 1 + bucket * 16 + place;
    b->slot[place] = (uint16_t) slot;
    b->shown[place] = by;
    b->since_s[place] = b->last_s[place] = since_s;
    g->slot[slot].count++;
}


static bool
there(uint32_t bucket, uint32_t place)
{
    return qoe_govern_bucket(g, bucket)->hash[place] != 0;
}


static void
test_scan(void)
{
    uint32_t  last;

    begin();
    last = g->buckets - 1;
    put_value(0, 0, 0, 1, NOW - 301);            /* too old */
    put_value(last, QOE_PLACES - 1, 0, 1, NOW - 301);
    put_value(1, 4, 0, 2, NOW - 90);
    put_value(1, 5, 0, 1, NOW - 10);             /* the least of all */
    put_value(1, 6, 0, 1, NOW - 5);
    put_value(1, 7, 0, 3, NOW - 5);
    put_value(2, 0, 9, 1, NOW - 299);            /* of another dimension */
    put_value(2, 1, 9, 1, NOW - 301);

    qoe_govern_scan(&gv, 0, false, NOW);
    ok(!there(0, 0) && !there(last, QOE_PLACES - 1) && there(1, 4)
       && there(1, 5) && there(1, 6) && there(1, 7) && there(2, 0)
       && there(2, 1) && g->slot[0].count == 4 && g->slot[9].count == 2,
       "values of a dimension whose time is over leave");
    qoe_govern_scan(&gv, 0, true, NOW);
    ok(there(1, 4) && !there(1, 5) && there(1, 6) && there(1, 7)
       && there(2, 0) && g->slot[0].count == 3,
       "for a known one the least of those on probation does");
}


/* The same in the two buckets of a value. */

static void
test_near(void)
{
    uint32_t           i, k, free0;
    qoe_table_look_t   at;

    for (free0 = 0; free0 < 3; free0++) {
        begin();

        for (i = 0; i < 2; i++) {
            for (k = 0; k < QOE_PLACES; k++) {
                put_value(i, k, 9, QOE_SHOWN_KNOWN, NOW);
            }
        }

        put_value(0, 0, 8, 1, NOW - 301);
        put_value(1, QOE_PLACES - 1, 7, 1, NOW - 9);
        put_value(1, 0, 6, 2, NOW - 20);
        at.bucket[0] = qoe_govern_bucket(g, 0);
        at.bucket[1] = qoe_govern_bucket(g, 1);
        at.free[0] = free0;
        at.free[1] = 1;

        qoe_govern_scan_near(&gv, &at, false, NOW);
        ok(there(0, 0) == (free0 == 2) && there(1, QOE_PLACES - 1)
           && there(1, 0), "with %u free places what is over %s", free0,
           free0 == 2 ? "stays" : "leaves");
        qoe_govern_scan_near(&gv, &at, true, NOW);
        ok(there(1, QOE_PLACES - 1) == (free0 == 2) && there(1, 0),
           "and the least on probation for a known value");
    }
}


static void
test_dimension(void)
{
    begin();
    dims.dim[1] = dims.dim[0];

    ok(gives(&gv, 0, "gold", "gold") && gives(&gv, 1, "gold", NULL)
       && gives(&gv, 0, "", NULL),
       "a dimension that does not exist gives no value, nor does an empty one");
}


/* A viewer where no lock can be had, and of a pair beside another. */

static void
test_viewers(void)
{
    bool        overflow;
    char        buf[QOE_GOVERN_BUF];
    double      v;
    size_t      n;
    uint32_t    i;
    qoe_hll_t  *h;
    qoe_span_t  org, player;

    begin();
    ok(qoe_govern_viewers(&gv, 0, NOW, &org, &player, &overflow, &v, buf)
       && org.data == NULL && player.data == NULL && !overflow && v == 0,
       "a place without a pair has no names");

    h = qoe_govern_hll_at(g, g->sketches + 1);
    h->reg[0] = 9;
    qoe_govern_viewer(&gv, qoe_span("a"), qoe_span("player"), true,
                      qoe_span("v1"), NOW);
    ok(viewers(&gv, "a", NOW, &n) > 0.5 && n == 1 && h->reg[0] == 9,
       "a sketch that begins leaves the next one as it is");

    /* all places are those of known pairs, so the others share the last */

    for (i = 1; i < g->pairs - 1; i++) {
        qoe_govern_viewer(&gv, number(buf, i), qoe_span("player"), true,
                          qoe_span("v1"), NOW);
    }

    qoe_govern_viewer(&gv, qoe_span("x"), qoe_span("player"), true,
                      qoe_span("v1"), NOW);
    ok(fabs(viewers(&gv, NULL, NOW, &n) - 1) < 0.5 && n == g->pairs - 1,
       "a pair without a place counts with others");

    g->lock = (qoe_proc_t) 1 << 32;
    qoe_govern_viewer(&gv, qoe_span("y"), qoe_span("player"), true,
                      qoe_span("v2"), NOW);
    qoe_govern_viewer(&gv, qoe_span("a"), qoe_span("player"), true,
                      qoe_span("v2"), NOW);
    g->lock = 0;
    ok(fabs(viewers(&gv, NULL, NOW, &n) - 2) < 0.5
       && fabs(viewers(&gv, "a", NOW, &n) - 2) < 0.5,
       "viewers of sketches that have begun need no lock");

    /* a writer that was killed had freed the place, and nothing else */

    qoe_govern_pair(g, 0)->hash = 0;
    qoe_govern_viewer(&gv, qoe_span("z"), qoe_span("player"), true,
                      qoe_span("v2"), NOW);
    ok(fabs(viewers(&gv, "z", NOW, &n) - 1) < 0.5 && n == g->pairs - 1,
       "a place that is free is taken, although its sketch is of today, and "
       "its viewers do not count for the new pair");
}


/* The sketch of a pair, for edges to be merged. */

static void
test_sketch(void)
{
    bool                 same;
    size_t               i, n;
    qoe_hll_t           *h;
    qoe_govern_sketch_t  s;

    begin();
    memset(&s, 0xff, sizeof(s));
    ok(qoe_govern_sketch(&gv, 0, NOW, &s) && s.begun_s == 0,
       "a place without a viewer today has no sketch");

    (void) qoe_govern_fleet(g, 42);
    gv.fleet.id = 42;
    qoe_govern_viewer(&gv, qoe_span("org"), qoe_span("player"), true,
                      qoe_span("v1"), NOW);
    qoe_govern_viewer(&gv, qoe_span("org"), qoe_span("player"), true,
                      qoe_span("v2"), NOW + 5);
    memset(&s, 0xff, sizeof(s));
    h = qoe_govern_hll_at(g, g->sketches);
    same = qoe_govern_sketch(&gv, 0, NOW + 9, &s);

    for (i = 0, n = 0; i < QOE_HLL_SIZE; i++) {
        same = same && s.hll.reg[i] == h->reg[i];
        n += s.hll.reg[i] != 0;
    }

    ok(same && n == 2 && qoe_span_eq(s.org, qoe_span("org"))
       && qoe_span_eq(s.player, qoe_span("player")) && !s.overflow
       && fabs(s.viewers - 2) < 0.01 && s.key_id == 42 && s.begun_s == NOW,
       "that of a pair has its names, its registers and when it began");
    ok(qoe_govern_sketch(&gv, 0, NOW + DAY, &s) && s.begun_s == 0,
       "on another day it has none");

    qoe_govern_pair(g, 0)->hash = 0;
    ok(qoe_govern_sketch(&gv, 0, NOW + 9, &s) && s.begun_s == 0,
       "nor when the pair has lost its place");

    qoe_govern_pair(g, g->pairs - 1)->day = qoe_govern_pair(g, 0)->day;
    qoe_govern_pair(g, g->pairs - 1)->key_id = 42;
    qoe_govern_pair(g, g->pairs - 1)->begun_s = NOW + 3;
    ok(qoe_govern_sketch(&gv, g->pairs - 1, NOW + 9, &s)
       && s.begun_s == NOW + 3 && s.overflow && s.org.data == NULL
       && s.player.data == NULL && s.viewers == 0,
       "that of all others has no names");
}


int
main(void)
{
    test_shown();
    test_from();
    test_fresh();
    test_vouch();
    test_worth();
    test_waiting();
    test_lesser();
    test_due();
    test_scan();
    test_near();
    test_dimension();
    test_viewers();
    test_sketch();

    return tap_end();
}
