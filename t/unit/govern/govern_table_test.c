
/*
 * Copyright (C) OpenQoE
 *
 * The table of values from within: how its memory is divided, when a value
 * leaves, what room there is, and what a turn of the expiry looks at.
 */


#include "govern_env.h"


#define PLAN   0                         /* slots of the test's dimensions */


static qoe_govern_t      *g;
static qoe_governor_t     gv;
static qoe_dimensions_t   dims;
static uint32_t           ttl[QOE_DIMENSIONS_MAX];


/* A table with a dimension "plan" with a ttl of 1,000 s. */

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
    dims.dim[1] = dims.dim[0];
    dims.dim[1].name = qoe_span("title");
    dims.dim[1].action = QOE_ACTION_TOPK;
    dims.dim[1].max = 2;
    dims.n = 2;
    qoe_governor_init(&gv, g, &dims, 77);
    qoe_table_ttls(&gv, ttl);
}


/* A value in a place, with that slot and those times. */

static qoe_bucket_t *
stored(uint32_t i, uint32_t place, unsigned slot, uint32_t shown,
    uint32_t since_s, uint32_t last_s)
{
    qoe_bucket_t  *b;

    b = qoe_govern_bucket(g, i);
    b->hash[place] = 1000 * i + place + 1;
    b->slot[place] = (uint16_t) slot;
    b->shown[place] = shown;
    b->since_s[place] = since_s;
    b->last_s[place] = last_s;
    b->len[place] = 1;

    return b;
}


static void
test_create(void)
{
    size_t         i, size, end;
    qoe_govern_t  *r;

    static const struct { size_t size; uint32_t areas; }  rows[] = {
        { QOE_GOVERN_MIN, 1 }, { 4 * MB - 64, 1 }, { 4 * MB, 2 },
        { SIZE, 2 }, { 32 * MB - 64, 2 }, { 32 * MB, 4 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size = rows[i].size;
        r = region(size);
        end = r->table_offset + r->buckets * sizeof(qoe_bucket_t);

        ok(r->areas == rows[i].areas && r->key.k0 == key.k0
           && r->sketches >= 4 && r->pairs >= 2
           && r->sketches <= QOE_DIMENSIONS_MAX
           && r->sketches + r->pairs <= QOE_SKETCHES_MAX
           && r->buckets > size / 4 / sizeof(qoe_bucket_t) && r->waiting > 0
           && r->area_size > size / 15 * 2 / r->areas / 100 * 98
           && r->area_size <= size / 15 * 2 / r->areas,
           "a region of %zu bytes has %u sketches, %u pairs, %u areas and %u "
           "buckets", size, r->sketches, r->pairs, r->areas, r->buckets);

        ok(r->pair_offset >= sizeof(*r) && r->pair_offset % 64 == 0
           && r->pair_text_offset % 64 == 0
           && r->pair_text_offset
              >= r->pair_offset + r->pairs * sizeof(qoe_pair_t)
           && r->pair_text_offset
              < r->pair_offset + r->pairs * sizeof(qoe_pair_t) + 64
           && r->hll_offset == r->pair_text_offset
                               + r->pairs * sizeof(qoe_pair_text_t)
           && r->area_offset == r->hll_offset + (r->sketches + r->pairs)
                                                * sizeof(qoe_hll_t)
           && r->waiting_offset == r->area_offset + r->areas * r->area_size
           && r->table_offset >= r->waiting_offset
              + r->waiting * QOE_WAITING * sizeof(qoe_waiting_t)
           && r->table_offset % 64 == 0 && end <= size
           && end + sizeof(qoe_bucket_t) > size,
           "%zu bytes: the parts follow each other, up to the end", size);

        munmap(r, size);
    }
}


/* Regions of which two fifteenths are an area of exactly so many counters. */

static void
test_counters(void)
{
    size_t         area, size, wrong;
    uint32_t       n;
    qoe_govern_t  *r;

    wrong = 0;

    for (n = 500; n < 540; n++) {
        area = sizeof(qoe_area_t) + qoe_topk_size(n);
        size = area / 2 * 15;

        r = region(size);
        wrong += r->areas != 1 || r->area_size != area;
        munmap(r, size);

        r = region(size - 15);
        wrong += r->area_size
                 != sizeof(qoe_area_t) + qoe_topk_size(n - 1);
        munmap(r, size - 15);
    }

    ok(wrong == 0, "an area has as many counters as its share of the region "
       "holds");
}


/* When a value leaves: its times are seconds before NOW, the ttl is 1,000 s. */

static void
test_expired(void)
{
    size_t         i;
    qoe_bucket_t  *b;

    static const struct {
        uint32_t     shown;
        uint32_t     since;
        uint32_t     last;
        bool         leaves;
        const char  *text;
    } rows[] = {
        { 1, 300, 0, false, "on probation, 300 s" },
        { 1, 301, 0, true, "on probation, 301 s, however late it was seen" },
        { 2, 301, 0, true, "with two sessions as well" },
        { 3, 301, 301, true, "known for no time, not seen for 301 s" },
        { 3, 300, 300, false, "known for no time, not seen for 300 s" },
        { 3, 318, 308, false, "known for 10 s, not seen for 380 s" },
        { 3, 390, 380, false, "known for 10 s, not seen for 380 s" },
        { 3, 391, 381, true, "known for 10 s, not seen for 381 s" },
        { 3, 2000, 1000, false, "known for 1,000 s, not seen for 1,000 s" },
        { 3, 2001, 1001, true, "known for 1,000 s, not seen for 1,001 s" },
        { 3, 9001, 1001, true, "known for long, not seen for 1,001 s" },
        { 3, 200, 301, true, "known since after it was seen" },
        { 3, 200, 300, false, "the same for 300 s" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        b = stored(1, 2, PLAN, rows[i].shown, NOW - rows[i].since,
                   NOW - rows[i].last);
        ok(qoe_table_expired(b, 2, ttl, NOW) == rows[i].leaves,
           "a value %s: %s", rows[i].leaves ? "leaves" : "stays",
           rows[i].text);
    }

    begin();
    b = stored(1, 2, PLAN, 3, NOW - 20000, NOW);
    ok(!qoe_table_expired(b, 2, ttl, NOW) && !qoe_table_expired(b, 2, ttl, 5),
       "a clock that went back lets none leave");
    b->hash[2] = 0;
    ok(!qoe_table_expired(b, 2, ttl, NOW + 90000), "a free place has no value");
    b->hash[2] = 1;
    b->slot[2] = QOE_DIMENSIONS_MAX;
    ok(!qoe_table_expired(b, 2, ttl, NOW + 90000), "nor has one of no slot");

    b->slot[2] = 5;
    ok(!qoe_table_expired(b, 2, ttl, NOW + 86400)
       && qoe_table_expired(b, 2, ttl, NOW + 86401),
       "a dimension that is gone has a ttl of a day");
}


static void
test_leave(void)
{
    size_t         i;
    qoe_bucket_t  *b;

    static const struct {
        uint32_t     shown;
        unsigned     slot;
        bool         victim;
        uint32_t     since;
        uint32_t     count;
        bool         leaves;
        uint32_t     left;
    } rows[] = {
        { 1, PLAN, false, 301, 5, true, 4 },
        { 1, PLAN, false, 300, 5, false, 5 },
        { 1, PLAN, true, 0, 5, true, 4 }, { 2, PLAN, true, 0, 1, true, 0 },
        { 1, PLAN, true, 0, 0, true, 0 }, { 3, PLAN, true, 0, 5, false, 5 },
        { 3, PLAN, false, 301, 5, true, 4 },
        { 1, QOE_DIMENSIONS_MAX, true, 0, 5, false, 5 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        b = stored(1, 2, rows[i].slot, rows[i].shown, NOW - rows[i].since,
                   NOW - rows[i].since);
        g->slot[PLAN].count = rows[i].count;
        qoe_table_leave(&gv, b, 2, ttl, rows[i].victim, NOW);
        ok((b->hash[2] == 0) == rows[i].leaves
           && g->slot[PLAN].count == rows[i].left && g->lock == 0,
           "a value that %s by %u sessions %s: %zu",
           rows[i].victim ? "has to leave, shown" : "may leave, shown",
           rows[i].shown, rows[i].leaves ? "leaves" : "stays", i);
    }

    begin();
    b = stored(1, 2, PLAN, 1, NOW, NOW);
    b->hash[2] = 0;
    g->slot[PLAN].count = 5;
    qoe_table_leave(&gv, b, 2, ttl, true, NOW);
    ok(g->slot[PLAN].count == 5, "a value that has left leaves once");

    b = stored(1, 2, PLAN, 1, NOW, NOW);
    g->lock = (qoe_proc_t) 1 << 32;
    qoe_table_leave(&gv, b, 2, ttl, true, NOW);
    ok(b->hash[2] != 0, "without the lock none leaves");
}


static void
test_look(void)
{
    uint32_t           j;
    uint64_t           hash;
    qoe_table_look_t   at;

    begin();

    /* the lowest and the highest bucket */

    hash = (uint64_t) UINT32_MAX << 32 | 1;
    qoe_table_look(g, hash, &at);
    ok(at.bucket[0] == qoe_govern_bucket(g, 0)
       && at.bucket[1] == qoe_govern_bucket(g, g->buckets - 1)
       && at.free[0] == QOE_PLACES && at.free[1] == QOE_PLACES
       && at.found == NULL && at.place == 0,
       "a value has two buckets, by the halves of its hash");

    for (j = 0; j < QOE_PLACES; j++) {
        at.bucket[0]->hash[j] = 99;
    }

    at.bucket[1]->hash[3] = 98;
    qoe_table_look(g, hash, &at);
    ok(at.free[0] == 0 && at.free[1] == QOE_PLACES - 1 && at.found == NULL,
       "the free places of both are counted");

    at.bucket[1]->hash[QOE_PLACES - 1] = hash;
    qoe_table_look(g, hash, &at);
    ok(at.found == at.bucket[1] && at.place == QOE_PLACES - 1,
       "it is found in the last place of the second");
    at.bucket[0]->hash[0] = hash;
    qoe_table_look(g, hash, &at);
    ok(at.found == at.bucket[0] && at.place == 0, "and of the first before it");
}


/* A value is admitted, as far as there is room. */

static void
test_room(void)
{
    char               buf[QOE_GOVERN_BUF];
    uint32_t           i, j;
    uint64_t           hash;
    qoe_table_look_t   at;

    begin();
    hash = qoe_govern_hash(g, PLAN, qoe_span("gold"));
    g->slot[PLAN].count = 99;
    ok(gives(&gv, 0, "gold", "gold") && g->slot[PLAN].count == 100,
       "the last of a dimension's values is admitted");
    ok(gives(&gv, 0, "tin", "other") && g->slot[PLAN].overflow == 1,
       "and no other");

    qoe_table_look(g, hash, &at);
    ok(at.found != NULL && at.found->slot[at.place] == PLAN
       && at.found->len[at.place] == 4 && at.found->last_s[at.place] == NOW
       && at.found->since_s[at.place] == NOW
       && at.found->shown[at.place] == 0
       && memcmp(at.found->text[at.place], "gold", 4) == 0,
       "its place says what it is");

    /* the fuller bucket is left alone; the last places are for others */

    for (i = 0; i < 3; i++) {
        begin();
        qoe_table_look(g, hash, &at);

        for (j = 0; j < QOE_PLACES - 1; j++) {
            at.bucket[0]->hash[j] = 5;
            at.bucket[0]->shown[j] = QOE_SHOWN_KNOWN;
            at.bucket[0]->last_s[j] = at.bucket[0]->since_s[j] = NOW;
        }

        for (j = 0; j < QOE_PLACES - (i == 0 ? 2 : 1); j++) {
            at.bucket[1]->hash[j] = 5;
            at.bucket[1]->shown[j] = QOE_SHOWN_KNOWN;
            at.bucket[1]->last_s[j] = at.bucket[1]->since_s[j] = NOW;
        }

        dims.dim[0].max = 1000000;
        g->slot[PLAN].count = i == 2 ? g->buckets : g->buckets - 1;
        ok(gives(&gv, 0, "gold", i == 2 ? "other" : "gold")
           && (at.bucket[0]->hash[QOE_PLACES - 1] == hash) == (i == 1)
           && (at.bucket[1]->hash[QOE_PLACES - 2] == hash) == (i == 0),
           "%s", i == 0 ? "a value goes to the bucket with more room"
                 : i == 1 ? "of two with as much to the first"
                 : "a dimension with much of the table has no last place");
    }

    /* the time that it was seen is not written each time */

    begin();
    (void) gives(&gv, 0, "gold", "gold");
    qoe_table_look(g, hash, &at);
    (void) qoe_govern(&gv, 0, qoe_span("gold"), NOW + 59, buf);
    ok(at.bucket[0]->last_s[0] + at.bucket[1]->last_s[0] == NOW,
       "a value that was seen a minute ago is not noted again before");
    (void) qoe_govern(&gv, 0, qoe_span("gold"), NOW + 60, buf);
    ok(at.bucket[0]->last_s[0] + at.bucket[1]->last_s[0] == NOW + 60,
       "then it is");
    dims.dim[0].ttl_s = 8;
    (void) qoe_govern(&gv, 0, qoe_span("gold"), NOW + 61, buf);
    ok(at.bucket[0]->last_s[0] + at.bucket[1]->last_s[0] == NOW + 60,
       "with a short ttl a quarter of it is enough");
    (void) qoe_govern(&gv, 0, qoe_span("gold"), NOW + 62, buf);
    ok(at.bucket[0]->last_s[0] + at.bucket[1]->last_s[0] == NOW + 62,
       "and no less");

    qoe_govern_from(&gv, 0, 0, true);
    (void) qoe_govern(&gv, 0, qoe_span("gold"), NOW + 90, buf);
    ok(at.bucket[0]->last_s[0] + at.bucket[1]->last_s[0] == NOW + 62
       && gives(&gv, 0, "tin", "other") && g->slot[PLAN].count == 1
       && g->slot[PLAN].overflow == 0,
       "an event that is refused notes nothing and counts nothing");
}


static void
test_expire(void)
{
    uint32_t  i, j, cursor, gone;

    begin();

    for (i = 0; i < 3; i++) {
        for (j = 0; j < QOE_PLACES; j++) {
            (void) stored(i, j, PLAN, 1, NOW - 301, NOW);
        }
    }

    g->slot[PLAN].count = 3 * QOE_PLACES;
    cursor = 3;
    qoe_govern_expire(&gv, NOW, &cursor, 20);

    for (i = 0, gone = 0; i < 3; i++) {
        for (j = 0; j < QOE_PLACES; j++) {
            gone += (qoe_govern_bucket(g, i)->hash[j] == 0)
                    == (i * QOE_PLACES + j >= 3 && i * QOE_PLACES + j < 23);
        }
    }

    ok(cursor == 23 && gone == 3 * QOE_PLACES
       && g->slot[PLAN].count == 3 * QOE_PLACES - 20,
       "20 places from the third on are looked at, and no other");

    cursor = g->buckets * QOE_PLACES + 5;
    qoe_govern_expire(&gv, NOW, &cursor, 3);
    ok(cursor == 3 && qoe_govern_bucket(g, 0)->hash[0] == 0,
       "a cursor beyond all begins anew");
    cursor = 5;
    qoe_govern_expire(&gv, NOW, &cursor, 0);
    ok(cursor == 5, "no places are none");

    g->slot[1].topk = 1;
    cursor = g->buckets * QOE_PLACES - 2;
    qoe_govern_expire(&gv, NOW, &cursor, 1);
    ok(cursor == g->buckets * QOE_PLACES - 1
       && qoe_govern_area(g, 0)->halved_s == 0, "before the end there is none");
    qoe_govern_expire(&gv, NOW, &cursor, 100);
    ok(cursor == 0 && qoe_govern_area(g, 0)->halved_s == NOW,
       "after the last place it is at the first, without going on");
}


/* The counts of titles are halved once in their ttl of 1,000 s. */

static void
test_halve(void)
{
    size_t        i;
    uint32_t      cursor;
    uint64_t      at;
    qoe_area_t   *a;

    static const struct { uint64_t halved; uint32_t now; bool noted; }
    rows[] = {
        { 0, NOW, true }, { NOW, NOW + 1000, false }, { NOW, NOW + 1001, true },
        { NOW + 1, NOW, true }, { NOW, NOW, false }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        a = qoe_govern_area(g, 0);
        a->halved_s = rows[i].halved;
        at = rows[i].halved;
        cursor = g->buckets * QOE_PLACES - 1;
        qoe_govern_expire(&gv, rows[i].now, &cursor, 1);
        ok(a->halved_s == (rows[i].noted ? rows[i].now : at) && a->lock == 0,
           "counts of titles %s: %zu",
           rows[i].noted ? "have a new time" : "wait", i);
    }

    begin();
    dims.dim[1].action = QOE_ACTION_ALLOW;
    cursor = g->buckets * QOE_PLACES - 1;
    qoe_govern_expire(&gv, NOW, &cursor, 1);
    ok(qoe_govern_area(g, 0)->halved_s == 0,
       "those of a dimension that is none any more stay");
}


static void
test_recount(void)
{
    begin();
    (void) stored(0, 0, PLAN, 1, NOW, NOW);
    (void) stored(0, QOE_PLACES - 1, 3, 1, NOW, NOW);
    (void) stored(g->buckets - 1, 4, PLAN, 1, NOW, NOW);
    (void) stored(1, 1, QOE_DIMENSIONS_MAX, 1, NOW, NOW);
    (void) stored(1, 2, QOE_DIMENSIONS_MAX - 1, 1, NOW, NOW);
    g->slot[PLAN].count = 50;
    g->slot[4].count = 50;
    qoe_govern_recount(g);
    ok(g->slot[PLAN].count == 2 && g->slot[3].count == 1
       && g->slot[4].count == 0 && g->slot[QOE_DIMENSIONS_MAX - 1].count == 1
       && qoe_govern_bucket(g, 1)->hash[1] == 0
       && qoe_govern_bucket(g, 1)->hash[2] != 0,
       "values are counted by their slot, and those of none are removed");
}


/* Names of dimensions: the longest, parts of others, and the last slot. */

static void
test_names(void)
{
    size_t            i;
    qoe_governor_t    other;
    qoe_dimensions_t  d;

    static char  names[QOE_DIMENSIONS_MAX + 1][QOE_DIMENSION_NAME_MAX + 2];

    begin();
    d = dims;
    d.n = 4;
    memset(names, 0, sizeof(names));
    memset(names[0], 'n', QOE_DIMENSION_NAME_MAX);
    memset(names[1], 'n', QOE_DIMENSION_NAME_MAX + 1);
    d.dim[0].name = qoe_span("pla");
    d.dim[1].name = qoe_span("plans");
    d.dim[2].name = qoe_span_str(names[0]);
    d.dim[3].name = qoe_span("plan");
    qoe_governor_init(&other, g, &d, 77);
    ok(other.slot[0] == 2 && other.slot[1] == 3 && other.slot[2] == 4
       && other.slot[3] == 0, "a name is the whole of it");

    d.n = 1;
    d.dim[0].name = qoe_span_str(names[1]);
    qoe_governor_init(&other, g, &d, 77);
    qoe_governor_init(&other, g, &d, 77);
    ok(other.slot[0] == 6, "one that is too long is never found again");

    for (i = 0; i < QOE_DIMENSIONS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "d%zu", i);
        d.dim[i] = dims.dim[0];
        d.dim[i].name = qoe_span_str(names[i]);
    }

    d.n = QOE_DIMENSIONS_MAX;
    qoe_governor_init(&other, g, &d, 77);

    for (i = 0; i < QOE_DIMENSIONS_MAX
                && other.slot[i] == (i + 7 < QOE_DIMENSIONS_MAX
                                     ? i + 7 : QOE_GOVERN_NONE); i++)
    {
        /* void */
    }

    ok(i == QOE_DIMENSIONS_MAX,
       "slots are taken in order, and those without one have none");
    ok(gives(&other, QOE_DIMENSIONS_MAX - 1, "x", "other")
       && g->homeless == 1 && qoe_govern_slot(&other, QOE_DIMENSIONS_MAX - 1)
                              == NULL
       && qoe_govern_slot(&other, 0) == &g->slot[7]
       && qoe_govern_slot(&other, QOE_DIMENSIONS_MAX) == NULL,
       "their values are counted as other");
    d.dim[QOE_DIMENSIONS_MAX - 1].action = QOE_ACTION_DROP;
    qoe_govern_from(&other, 0, 0, true);
    ok(gives(&other, QOE_DIMENSIONS_MAX - 1, "x", NULL) && g->homeless == 1,
       "unless they are dropped, or refused");
}


int
main(void)
{
    test_create();
    test_counters();
    test_expired();
    test_leave();
    test_look();
    test_room();
    test_expire();
    test_halve();
    test_recount();
    test_names();

    return tap_end();
}
