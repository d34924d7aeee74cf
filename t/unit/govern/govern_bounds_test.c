
/*
 * Copyright (C) OpenQoE
 *
 * Where governance ends: how long a value stays, and dimensions for which no
 * sketch or no area is left.
 */


#include "govern_env.h"


/* The whole table; true: the value is there at now_s. */

static bool
kept(qoe_governor_t *gv, size_t dim, const char *value, uint32_t now_s)
{
    uint32_t          cursor;
    uint64_t          hash;
    qoe_table_look_t  at;

    cursor = 0;

    do {
        qoe_govern_expire(gv, now_s, &cursor, 1000);
    } while (cursor != 0);

    hash = qoe_govern_hash(gv->g, gv->slot[dim], qoe_span_str(value));
    qoe_table_look(gv->g, hash, &at);

    return at.found != NULL;
}


/*
 * A value that is known for as long as its ttl stays for its ttl, and no
 * longer; its standing alone would give it more.
 */

static void
test_ttl_bounds(void)
{
    char               buf[QOE_GOVERN_BUF];
    size_t             plan, brief;
    uint32_t           at, stays;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(QOE_GOVERN_MIN);
    qoe_dimensions_init(&d);
    plan = custom(&d, "plan", QOE_ACTION_ALLOW, 5);
    brief = custom(&d, "brief", QOE_ACTION_ALLOW, 5);
    d.dim[plan].ttl_s = 1000;
    d.dim[brief].ttl_s = 100;
    qoe_governor_init(&gv, g, &d, 1);

    make_known(&gv, plan, "gold", NOW);

    for (at = NOW; at <= NOW + 1000; at += 100) {
        qoe_govern(&gv, plan, qoe_span("gold"), at, buf);
    }

    ok(kept(&gv, plan, "gold", NOW + 2000),
       "a value of long standing is there until its ttl is over");
    ok(!kept(&gv, plan, "gold", NOW + 2001),
       "no value stays a second longer than its ttl, whatever its standing");

    make_known(&gv, plan, "tin", NOW);
    qoe_govern(&gv, plan, qoe_span("tin"), NOW + 62, buf);
    stays = QOE_PROBATION_S + 60 * QOE_STANDING;
    ok(kept(&gv, plan, "tin", NOW + 62 + stays)
       && !kept(&gv, plan, "tin", NOW + 63 + stays),
       "a known value of a minute's standing stays for its probation and "
       "%d minutes", QOE_STANDING);

    qoe_govern_from(&gv, 77, NOW, false);
    qoe_govern(&gv, plan, qoe_span("lead"), NOW, buf);
    qoe_govern(&gv, brief, qoe_span("b"), NOW, buf);
    ok(kept(&gv, brief, "b", NOW + 100) && !kept(&gv, brief, "b", NOW + 101),
       "a ttl that is shorter than the probation bounds the probation");
    ok(kept(&gv, plan, "lead", NOW + QOE_PROBATION_S)
       && !kept(&gv, plan, "lead", NOW + QOE_PROBATION_S + 1),
       "a value that one session has shown stays for its probation");

    munmap(g, QOE_GOVERN_MIN);
}


/* Each dimension that estimates has a sketch of its own while there are any. */

static void
test_sketches(void)
{
    char               text[16], buf[QOE_GOVERN_BUF];
    char               names[QOE_DIMENSIONS_MAX][16];
    size_t             i, a, b, many[QOE_DIMENSIONS_MAX], n, unknown, users;
    size_t             hashes;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(SIZE);
    qoe_dimensions_init(&d);

    for (i = 0, users = 2; i < d.n; i++) {
        if (d.dim[i].role == QOE_ROLE_NEVER) {
            users++;

        } else {
            d.dim[i].action = QOE_ACTION_ALLOW;
        }
    }

    a = custom(&d, "a", QOE_ACTION_HASH, 1);
    b = custom(&d, "b", QOE_ACTION_HASH, 1);
    qoe_governor_init(&gv, g, &d, 1);

    for (i = 0; i < 300; i++) {
        qoe_govern(&gv, a, number(text, (uint32_t) i), NOW, buf);
        qoe_govern(&gv, b, number(text, (uint32_t) i % 100), NOW, buf);
    }

    ok(llabs((long long) info(&gv, a).count - 300) <= 6
       && llabs((long long) info(&gv, b).count - 100) <= 2,
       "two dimensions that are hashed count their values separately");

    for (n = 0; d.n < QOE_DIMENSIONS_MAX; n++) {
        snprintf(names[n], sizeof(names[n]), "h%zu", n);
        many[n] = custom(&d, names[n], QOE_ACTION_HASH, 1);
    }

    qoe_governor_init(&gv, g, &d, 1);

    for (i = 0, unknown = 0, hashes = 0; i < n; i++) {
        hashes += qoe_govern(&gv, many[i], qoe_span("v"), NOW, buf).len == 8;
        unknown += info(&gv, many[i]).unknown
                   && info(&gv, many[i]).count == 0;
    }

    ok(hashes == n, "a dimension gives hashes, with a sketch or without");
    ok(unknown == users + n - g->sketches && unknown != 0
       && info(&gv, many[0]).count == 1,
       "%u sketches are for as many dimensions, and of the %zu others the "
       "number of values is not known", g->sketches, unknown);

    munmap(g, SIZE);
}


/* The smallest region has one area: a second topk dimension allows. */

static void
test_topk_without_area(void)
{
    int                out;
    char               text[16], buf[QOE_GOVERN_BUF];
    size_t             i, n, one, two;
    qoe_span_t         values[8];
    qoe_arena_t        arena;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(QOE_GOVERN_MIN);
    qoe_dimensions_init(&d);
    d.dim[QOE_DIM_VIDEO_TITLE].action = QOE_ACTION_DROP;
    one = custom(&d, "one", QOE_ACTION_TOPK, 3);
    two = custom(&d, "two", QOE_ACTION_TOPK, 3);
    qoe_governor_init(&gv, g, &d, 1);

    for (i = 0, out = 0; i < 20; i++) {
        qoe_govern(&gv, one, number(text, (uint32_t) i), NOW, buf);
        out += !qoe_span_eq(qoe_govern(&gv, two, number(text, (uint32_t) i),
                                       NOW, buf), qoe_span("other"));
    }

    ok(qoe_govern_topk(g, qoe_govern_slot(&gv, one)) != NULL
       && qoe_govern_topk(g, qoe_govern_slot(&gv, two)) == NULL,
       "the smallest region has an area for one topk dimension");
    ok(out == 3 && gives(&gv, two, "v2", "v2")
       && gives(&gv, two, "v3", "other"),
       "a topk dimension without an area keeps its first values");
    ok(info(&gv, two).count == 3 && !info(&gv, two).unknown
       && info(&gv, two).overflow == 18,
       "such a dimension counts its values and those without a place");

    qoe_arena_init(&arena, &qoe_mem_heap, 4096, MB);
    n = 8;
    ok(qoe_govern_values(&gv, two, values, &n, &arena) == QOE_OK && n == 3
       && qoe_span_eq(values[2], qoe_span("v2")), "and lists them");
    qoe_arena_free(&arena);

    munmap(g, QOE_GOVERN_MIN);
}


/* A process that was stopped with the lock: what is known will do. */

static void
test_locked(void)
{
    size_t             known, fresh, i;
    uint64_t           start;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(QOE_GOVERN_MIN);
    qoe_dimensions_init(&d);
    known = custom(&d, "known", QOE_ACTION_ALLOW, 5);
    qoe_governor_init(&gv, g, &d, 1);
    i = gv.slot[known];
    gives(&gv, known, "gold", "gold");

    fresh = custom(&d, "fresh", QOE_ACTION_ALLOW, 5);
    g->lock = qoe_proc_self();
    start = qoe_mono_ms();
    qoe_governor_init(&gv, g, &d, 1);

    ok(qoe_mono_ms() - start < 5000 && gv.slot[known] == i
       && gives(&gv, known, "gold", "gold"),
       "a dimension that has a slot keeps it while the lock is taken");
    ok(qoe_govern_slot(&gv, fresh) == NULL
       && gives(&gv, fresh, "x", "other") && info(&gv, fresh).unknown
       && info(&gv, fresh).overflow == 1,
       "a dimension without a slot gets none, and its values are counted");

    g->lock = 0;
    qoe_governor_init(&gv, g, &d, 1);
    ok(gives(&gv, fresh, "x", "x"),
       "once the lock is free such a dimension gets a slot");

    munmap(g, QOE_GOVERN_MIN);
}


/* A process that was stopped with the lock of the only area. */

static void
test_area_locked(void)
{
    size_t             top;
    qoe_area_t        *a;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(QOE_GOVERN_MIN);
    qoe_dimensions_init(&d);
    d.dim[QOE_DIM_VIDEO_TITLE].action = QOE_ACTION_DROP;
    top = custom(&d, "top", QOE_ACTION_TOPK, 3);
    a = qoe_govern_area(g, 0);

    a->lock = qoe_proc_self();
    qoe_governor_init(&gv, g, &d, 1);
    ok(qoe_govern_topk(g, qoe_govern_slot(&gv, top)) == NULL
       && a->lock == qoe_proc_self(),
       "a topk dimension gets no area whose lock is taken");

    a->lock = 0;
    qoe_governor_init(&gv, g, &d, 1);
    ok(qoe_govern_topk(g, qoe_govern_slot(&gv, top)) == a && a->lock == 0
       && gives(&gv, top, "gold", "gold"),
       "it gets the area once the lock is free");

    a->lock = qoe_proc_self();
    ok(gives(&gv, top, "gold", "other") && a->lock == qoe_proc_self()
       && info(&gv, top).overflow == 1,
       "while the lock is taken a value is none of the most frequent ones, and "
       "the lock stays with its holder");

    a->lock = 0;
    ok(gives(&gv, top, "gold", "gold") && a->lock == 0,
       "afterwards a value is counted as before");

    munmap(g, QOE_GOVERN_MIN);
}


/* The list reads the table from its first bucket to its last one. */

static void
test_list(void)
{
    char               text[16];
    size_t             dim, n;
    uint32_t           i;
    qoe_span_t         values[1024];
    qoe_arena_t        arena;
    qoe_bucket_t      *beyond;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(QOE_GOVERN_MIN);
    g->buckets--;
    qoe_dimensions_init(&d);
    dim = custom(&d, "list", QOE_ACTION_ALLOW, 1000);
    qoe_governor_init(&gv, g, &d, 1);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, MB);

    for (i = 0; i < 1000 && qoe_govern_bucket(g, 0)->hash[0] == 0; i++) {
        gives(&gv, dim, number(text, i).data, text);
    }

    beyond = qoe_govern_bucket(g, g->buckets);
    beyond->hash[0] = 1;
    beyond->slot[0] = (uint16_t) gv.slot[dim];
    beyond->len[0] = 6;
    memcpy(beyond->text[0], "beyond", 6);

    n = 1024;
    ok(qoe_govern_values(&gv, dim, values, &n, &arena) == QOE_OK && n == i
       && info(&gv, dim).count == i && i < 1000,
       "the list has all %u values, that of the first bucket too, and nothing "
       "from beyond the table", i);

    qoe_arena_free(&arena);
    munmap(g, QOE_GOVERN_MIN);
}


int
main(void)
{
    test_ttl_bounds();
    test_sketches();
    test_topk_without_area();
    test_locked();
    test_area_locked();
    test_list();

    return tap_end();
}
