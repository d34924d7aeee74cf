
/*
 * Copyright (C) OpenQoE
 *
 * Governance: every action, and what bounds it.
 */


#include "govern_env.h"


static void
test_allow(void)
{
    char               buf[QOE_GOVERN_BUF];
    size_t             plan, hashed;
    qoe_span_t         v, s;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(SIZE);
    qoe_dimensions_init(&d);
    plan = custom(&d, "plan", QOE_ACTION_ALLOW, 2);
    hashed = custom(&d, "hashed", QOE_ACTION_ALLOW, 1);
    d.dim[hashed].overflow = QOE_OVERFLOW_HASH;
    qoe_governor_init(&gv, g, &d, 1);

    v = qoe_span("gold");
    s = qoe_govern(&gv, plan, v, NOW, buf);
    ok(s.data == v.data && s.len == v.len,
       "the action allow gives the value itself");
    ok(gives(&gv, plan, "tin", "tin") && gives(&gv, plan, "gold", "gold"),
       "the action allow gives own values up to max");
    ok(gives(&gv, plan, "lead", "other") && gives(&gv, plan, "iron", "other")
       && gives(&gv, plan, "tin", "tin"),
       "past max new values become \"other\", and known ones keep their label");
    ok(info(&gv, plan).count == 2 && info(&gv, plan).overflow == 2,
       "admitted values and overflows are counted");
    ok(gives(&gv, plan, "", NULL) && gives(&gv, d.n, "x", NULL),
       "an empty value or an unknown dimension gives no attribute");
    ok(gives(&gv, hashed, "123456789", "123456789")
       && gives(&gv, hashed, "abc", "352441c2")
       && info(&gv, hashed).overflow == 1,
       "with overflow=hash a value past max becomes its hash");
    ok(gives(&gv, QOE_DIM_ENV, "gold", "gold")
       && info(&gv, QOE_DIM_ENV).count == 1,
       "a value of a dimension takes no place in another dimension");

    munmap(g, SIZE);
}


static void
test_actions(void)
{
    int                  bad;
    char                 text[16], buf[QOE_GOVERN_BUF];
    size_t               i, h, b, t;
    qoe_govern_t        *g;
    qoe_governor_t       gv;
    qoe_dimensions_t     d;
    static const struct {
        const char      *value;
        const char      *label;
    } ranges[] = {
        { "0", "0-100" }, { "99.99", "0-100" }, { "100", "100-200" },
        { "150", "100-200" }, { "-1", "-100-0" }, { "-100", "-100-0" },
        { "1.5e3", "1500-1600" }, { "+7", "0-100" }, { ".5", "0-100" },
        { "1e-400", "0-100" }, { "9e14", "900000000000000-900000000000100" },
        /* These are CRC-32 modulo 100. */
        { "abc", "bucket_78" }, { "1e300", "bucket_68" },
        { "nan", "bucket_45" }, { "inf", "bucket_73" }, { "0x10", "bucket_7" },
        { "1 ", "bucket_33" }, { "1e", "bucket_10" }, { "-", "bucket_44" }
    };

    g = region(SIZE);
    qoe_dimensions_init(&d);
    h = custom(&d, "h", QOE_ACTION_HASH, 1);
    b = custom(&d, "b", QOE_ACTION_BUCKET, 15);
    t = custom(&d, "t", QOE_ACTION_TOPK, 2);
    d.dim[b].size = 100;
    d.dim[QOE_DIM_VIEW_ID].action = QOE_ACTION_ALLOW;
    qoe_governor_init(&gv, g, &d, 1);

    ok(gives(&gv, h, "123456789", "cbf43926") && gives(&gv, h, "x", "8cdc1683")
       && info(&gv, h).count == 2 && info(&gv, h).overflow == 0,
       "the action hash gives CRC-32, and its distinct values are estimated");

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        d.dim[b].max = 100;
        ok(gives(&gv, b, ranges[i].value, ranges[i].label),
           "the value %s falls into the bucket %s",
           ranges[i].value, ranges[i].label);
    }

    d.dim[b].max = (uint32_t) info(&gv, b).count;
    ok(gives(&gv, b, "5555", "other") && gives(&gv, b, "55", "0-100")
       && info(&gv, b).overflow == 1, "buckets past max become \"other\"");
    d.dim[b].size = 1;
    d.dim[b].max++;
    ok(gives(&gv, b, "-0.5", "-1-0"), "a bucket may have the size 1");

    for (i = 0, bad = 0; i < 3000; i++) {
        bad += qoe_govern(&gv, QOE_DIM_MARKER,
                          number(text, (uint32_t) i % 1000), NOW, buf).data
               != NULL;
    }

    ok(bad == 0 && llabs((long long) info(&gv, QOE_DIM_MARKER).count - 1000)
       <= 20,
       "the action drop gives no attribute and estimates about 1000 values: "
       "%llu", (unsigned long long) info(&gv, QOE_DIM_MARKER).count);

    ok(gives(&gv, QOE_DIM_VIEW_ID, "v", NULL)
       && info(&gv, QOE_DIM_VIEW_ID).count == 1,
       "an id is never an attribute, whatever its action, but it is counted");

    ok(gives(&gv, t, "a", "a") && gives(&gv, t, "a", "a")
       && gives(&gv, t, "b", "b") && gives(&gv, t, "b", "b")
       && gives(&gv, t, "c", "other") && gives(&gv, t, "c", "other")
       && gives(&gv, t, "c", "c") && gives(&gv, t, "d", "other")
       && info(&gv, t).overflow == 3 && info(&gv, t).count == 4,
       "the action topk gives the most frequent values, and \"other\" for the "
       "rest");

    munmap(g, SIZE);
}


static void
test_text(void)
{
    char                 buf[QOE_GOVERN_BUF];
    size_t               i;
    qoe_span_t           s;
    static const struct {
        const char      *in;
        size_t           maxlen;
        const char      *out;
    } texts[] = {
        { "abcdefghijklmnop~", 128, "abcdefghijklmnop~" },
        { "abcdefghijklmnop", 10, "abcdefghij" },
        { "a\tb\nc\x7f" "d", 128, "a?b?c?d" },
        { "12345678\x1f", 128, "12345678?" },
        { "1234567\x7f", 128, "1234567?" },
        { "1234567\x80", 128, "1234567?" },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xac", 128,
          "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xac" },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xac", 8, "\xc3\xa4\xe2\x82\xac" },
        { "\xc3\xa4\xe2\x82\xac", 4, "\xc3\xa4" },
        { "\xc3\xa4", 1, "" },
        { "a\xc3", 128, "a?" },
        { "\xe2\x82", 128, "??" },
        { "\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80", 128, "?????????" },
        { "\xe0\x9f\xbf\xf0\x8f\xbf\xbf\xff", 128, "????????" },
        { "\xc2\x85\xc2\xa0", 128, "?\xc2\xa0" }
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        s = qoe_govern_clean(qoe_span_str(texts[i].in), texts[i].maxlen, buf);
        ok(qoe_span_eq(s, qoe_span_str(texts[i].out)),
           "text %zu becomes a clean label: %.*s", i, (int) s.len, s.data);
    }

    for (i = 0; i < 256; i++) {
        char  c[] = "abcdefgh";

        c[i % 8] = (char) i;
        s = qoe_govern_clean((qoe_span_t) { c, 8 }, 128, buf);

        if ((s.data == c) != (i >= 0x20 && i < 0x7f) || s.len != 8) {
            break;
        }
    }

    ok(i == 256, "the fast path takes printable ASCII and nothing else");
}


static void
test_ttl(void)
{
    char               buf[QOE_GOVERN_BUF];
    size_t             plan;
    uint32_t           cursor, turns;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(QOE_GOVERN_MIN);
    qoe_dimensions_init(&d);
    plan = custom(&d, "plan", QOE_ACTION_ALLOW, 2);
    d.dim[plan].ttl_s = 1000;
    qoe_governor_init(&gv, g, &d, 1);

    make_known(&gv, plan, "gold", NOW);
    make_known(&gv, plan, "tin", NOW);
    make_known(&gv, QOE_DIM_ENV, "prod", NOW);
    qoe_govern_from(&gv, 0, 0, false);
    qoe_govern(&gv, plan, qoe_span("tin"), NOW + 92, buf);
    qoe_govern(&gv, plan, qoe_span("gold"), NOW + 900, buf);
    qoe_govern(&gv, QOE_DIM_ENV, qoe_span("prod"), NOW + 200, buf);

    cursor = 0;
    turns = 0;

    /* By its standing alone tin would stay for longer than its ttl. */

    qoe_govern_expire(&gv, NOW + 1092, &cursor, UINT32_MAX);
    ok(info(&gv, plan).count == 2 && info(&gv, QOE_DIM_ENV).count == 1,
       "a value that was seen within its ttl stays");

    do {
        qoe_govern_expire(&gv, NOW + 1093, &cursor, 777);
        turns++;
    } while (cursor != 0 && turns < 10000);

    ok(turns == (g->buckets * QOE_PLACES + 776) / 777,
       "%u steps of the expiry are a whole turn of the table", turns);
    ok(info(&gv, plan).count == 1 && info(&gv, QOE_DIM_ENV).count == 1,
       "a value that was not seen within its ttl is removed");
    ok(gives(&gv, plan, "lead", "lead") && gives(&gv, plan, "tin", "other")
       && gives(&gv, plan, "gold", "gold"),
       "a value that was removed makes room for another");

    qoe_govern_expire(&gv, NOW - 500, &cursor, UINT32_MAX);
    ok(info(&gv, plan).count == 2 && cursor == 0,
       "a clock that went back removes nothing");

    munmap(g, QOE_GOVERN_MIN);
}


static void
test_topk_ages(void)
{
    char               buf[QOE_GOVERN_BUF];
    size_t             i, t;
    uint32_t           cursor, day;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(QOE_GOVERN_MIN);
    qoe_dimensions_init(&d);
    d.dim[QOE_DIM_VIDEO_TITLE].action = QOE_ACTION_DROP;
    t = custom(&d, "t", QOE_ACTION_TOPK, 1);
    qoe_governor_init(&gv, g, &d, 1);

    for (i = 0; i < 1000; i++) {
        gives(&gv, t, "old", "old");
    }

    for (day = 0, cursor = 0; day < 12; day++) {
        qoe_govern_expire(&gv, NOW + day * (DAY + 1), &cursor, UINT32_MAX);
    }

    gives(&gv, t, "new", "other");
    ok(qoe_govern(&gv, t, qoe_span("new"), NOW, buf).len == 3,
       "a value that was frequent two weeks ago gives way to a new one");

    munmap(g, QOE_GOVERN_MIN);
}


static void
test_reload(void)
{
    size_t             i, plan, extra;
    char               names[QOE_DIMENSIONS_MAX][24];
    qoe_govern_t      *g;
    qoe_governor_t     gv, after;
    qoe_dimensions_t   d, e;

    g = region(SIZE);
    qoe_dimensions_init(&d);
    plan = custom(&d, "plan", QOE_ACTION_ALLOW, 2);
    qoe_governor_init(&gv, g, &d, 1);
    gives(&gv, plan, "gold", "gold");

    qoe_dimensions_init(&e);
    extra = custom(&e, "extra", QOE_ACTION_ALLOW, 1);
    plan = custom(&e, "plan", QOE_ACTION_ALLOW, 1);
    e.dim[QOE_DIM_VIDEO_TITLE].action = QOE_ACTION_ALLOW;
    e.dim[QOE_DIM_VIDEO_ID].action = QOE_ACTION_TOPK;
    e.dim[QOE_DIM_APP_NAME].action = QOE_ACTION_TOPK;
    qoe_governor_init(&after, g, &e, 2);

    ok(after.slot[plan] == gv.slot[plan - 1] && info(&after, plan).count == 1
       && gives(&after, plan, "gold", "gold")
       && gives(&after, plan, "tin", "other"),
       "values survive a reload, by the dimension's name");
    ok(gives(&after, extra, "gold", "gold"),
       "a dimension that a reload adds begins empty");
    ok(qoe_govern_topk(g, qoe_govern_slot(&after, QOE_DIM_VIDEO_ID)) != NULL
       && qoe_govern_topk(g, qoe_govern_slot(&after, QOE_DIM_APP_NAME)) != NULL
       && qoe_govern_topk(g, qoe_govern_slot(&after, QOE_DIM_VIDEO_TITLE))
          == NULL,
       "a reload gives the area of a dimension that is topk no more to a new "
       "one");
    ok(gives(&gv, QOE_DIM_VIDEO_TITLE, "t", "t")
       && info(&gv, QOE_DIM_VIDEO_TITLE).count == 1,
       "a worker with the old configuration then allows every value of that "
       "dimension");

    for (i = 0; e.n < QOE_DIMENSIONS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "c%zu", i);
        custom(&e, names[i], QOE_ACTION_ALLOW, 3);
    }

    qoe_governor_init(&after, g, &e, 2);
    qoe_dimensions_init(&d);
    i = custom(&d, "late", QOE_ACTION_ALLOW, 3);
    qoe_governor_init(&gv, g, &d, 1);

    ok(gives(&after, e.n - 1, "a", "a"),
       "the table keeps %d dimension names", QOE_DIMENSIONS_MAX);
    ok(gives(&gv, i, "a", "other") && info(&gv, i).overflow == 1
       && info(&gv, i).count == 0,
       "a dimension past the maximum number of names admits nothing");

    munmap(g, SIZE);
}


static void
test_values(void)
{
    int                bad;
    char               text[16], buf[QOE_GOVERN_BUF];
    size_t             i, n, t;
    qoe_span_t         values[64];
    qoe_arena_t        arena;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(SIZE);
    qoe_dimensions_init(&d);
    t = custom(&d, "t", QOE_ACTION_TOPK, 3);
    qoe_governor_init(&gv, g, &d, 1);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, MB);

    for (i = 0; i < 1000; i++) {
        qoe_govern(&gv, QOE_DIM_VIDEO_ID, number(text, (uint32_t) i), NOW,
                   buf);
        qoe_govern(&gv, t, number(text, (uint32_t) i % 20), NOW, buf);
    }

    n = 50;
    bad = qoe_govern_values(&gv, QOE_DIM_VIDEO_ID, values, &n, &arena)
          != QOE_OK;

    for (i = 1; i < n; i++) {
        bad += (memcmp(values[i - 1].data, values[i].data,
                       qoe_min(values[i - 1].len, values[i].len)) > 0);
    }

    ok(bad == 0 && n == 50 && qoe_span_eq(values[0], qoe_span("v0"))
       && qoe_span_eq(values[2], qoe_span("v10"))
       && qoe_span_eq(values[3], qoe_span("v100"))
       && qoe_span_eq(values[49], qoe_span("v142")),
       "the list of values gives the first 50 of 1000");

    gives(&gv, QOE_DIM_ENV, "012345678901234567890123456789012345\xc3\xa4---",
          "012345678901234567890123456789012345\xc3\xa4---");
    gives(&gv, QOE_DIM_ENV, "b", "b");
    n = 64;
    bad = qoe_govern_values(&gv, QOE_DIM_ENV, values, &n, &arena) != QOE_OK;
    ok(!bad && n == 2
       && qoe_span_eq(values[0], qoe_span("012345678901234567890123456789012"
                                          "345...")),
       "a long value in the list ends with dots: %.*s",
       (int) values[0].len, values[0].data);

    n = 64;
    bad = qoe_govern_values(&gv, t, values, &n, &arena) != QOE_OK;
    ok(!bad && n == 3,
       "the list of a topk dimension gives the frequent values");

    n = 64;
    bad = qoe_govern_values(&gv, QOE_DIM_VIEWER_ID, values, &n, &arena);
    ok(!bad && n == 0, "the list never gives viewers");

    qoe_arena_free(&arena);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 16);
    n = 64;
    ok(qoe_govern_values(&gv, QOE_DIM_ENV, values, &n, &arena) == QOE_NOMEM,
       "a list without memory is reported as out of memory");
    qoe_arena_free(&arena);

    munmap(g, SIZE);
}


static void
view_known(qoe_governor_t *gv, const char *org, bool known, uint32_t viewer,
    uint32_t now_s)
{
    char  buf[16];

    qoe_govern_viewer(gv, qoe_span_str(org), qoe_span("player"), known,
                      number(buf, viewer), now_s);
}


static void
view(qoe_governor_t *gv, const char *org, uint32_t viewer, uint32_t now_s)
{
    view_known(gv, org, false, viewer, now_s);
}


static void
test_viewers(void)
{
    char                 buf[16];
    size_t               i, pairs;
    qoe_govern_t        *g;
    qoe_governor_t       gv;
    qoe_dimensions_t     d;
    qoe_govern_sketch_t  s;

    g = region(SIZE);
    qoe_dimensions_init(&d);
    qoe_governor_init(&gv, g, &d, 1);
    ok(qoe_govern_sketch(&gv, g->pairs - 1, NOW, &s)
       && !qoe_govern_sketch(&gv, g->pairs, NOW, &s),
       "there are as many sketches of viewers as pairs, and no more");

    for (i = 0; i < 20000; i++) {
        view(&gv, "a", (uint32_t) i % 5000, NOW);
        view(&gv, "b", (uint32_t) i % 10, NOW);
    }

    ok(viewers(&gv, "a", NOW, &pairs) > 4900
       && viewers(&gv, "a", NOW, &pairs) < 5100
       && viewers(&gv, "b", NOW, &pairs) > 9.5 && pairs == 2,
       "viewers are estimated for each pair of org and player");
    ok(viewers(&gv, "a", NOW + DAY, &pairs) == 0 && pairs == 2,
       "on the next day no viewers are counted yet");

    view(&gv, "a", 1, NOW + DAY);
    view(&gv, "a", 2, NOW);
    ok((int) (viewers(&gv, "a", NOW + DAY, &pairs) + 0.5) == 1,
       "each day counts anew, and late events of the day before do not count");

    view(&gv, "a", 1, NOW - 100 * DAY);
    ok((int) (viewers(&gv, "a", NOW - 100 * DAY, &pairs) + 0.5) == 1,
       "a clock that was wrong for long counts anew");

    for (i = 0; i < 2 * g->pairs; i++) {
        view(&gv, number(buf, (uint32_t) i + 500).data, 1, NOW + 3 * DAY);
        view(&gv, buf, 2, NOW + 3 * DAY);
    }

    ok((int) (viewers(&gv, NULL, NOW + 3 * DAY, &pairs) + 0.5) == 2
       && pairs == g->pairs - 1,
       "%u pairs have a sketch of their own, the others share a sketch",
       g->pairs - 1);
    ok(viewers(&gv, "a", NOW + 3 * DAY, &pairs) == -1
       && (int) (viewers(&gv, "v500", NOW + 3 * DAY, &pairs) + 0.5) == 2,
       "a pair of an earlier day has lost its sketch");

    view_known(&gv, "real", true, 1, NOW + 3 * DAY);
    view_known(&gv, "v501", true, 3, NOW + 3 * DAY);
    ok((int) (viewers(&gv, "real", NOW + 3 * DAY, &pairs) + 0.5) == 1
       && (int) (viewers(&gv, "v501", NOW + 3 * DAY, &pairs) + 0.5) == 3
       && pairs == g->pairs - 1,
       "a pair of known values takes the sketch of a pair of unknown ones, and "
       "a pair that becomes known keeps its viewers");

    for (i = 0; i < 2 * g->pairs; i++) {
        view(&gv, number(buf, (uint32_t) i + 900).data, 1, NOW + 3 * DAY);
        view_known(&gv, number(buf, (uint32_t) i + 700).data, true, 1,
                   NOW + 3 * DAY);
    }

    ok((int) (viewers(&gv, "real", NOW + 3 * DAY, &pairs) + 0.5) == 1
       && (int) (viewers(&gv, "v501", NOW + 3 * DAY, &pairs) + 0.5) == 3
       && viewers(&gv, "v900", NOW + 3 * DAY, &pairs) == -1,
       "pairs that are known keep their sketch until the next day");

    munmap(g, SIZE);
}


/* Sketches under the key of the fleet, and what a change of it does to them. */

static void
test_fleet_key(void)
{
    size_t             i, pairs;
    qoe_hll_t         *a, *b;
    qoe_govern_t      *g[2];
    qoe_governor_t     gv[2], old;
    qoe_dimensions_t   d;

    qoe_dimensions_init(&d);

    for (i = 0; i < 2; i++) {
        g[i] = region(SIZE);
        g[i]->key.k0 = i;
        qoe_governor_init(&gv[i], g[i], &d, 1);
    }

    view(&gv[0], "a", 1, NOW);
    view(&gv[1], "a", 1, NOW);
    a = qoe_govern_hll_at(g[0], g[0]->sketches);
    b = qoe_govern_hll_at(g[1], g[1]->sketches);
    ok(memcmp(a, b, sizeof(qoe_hll_t)) != 0,
       "without a key of the fleet, a viewer has other registers in each zone");

    old = gv[0];

    for (i = 0; i < 2; i++) {
        gv[i].fleet.key.k0 = 7;
        gv[i].fleet.id = 77;
        view(&gv[i], "a", 1, NOW);
        ok((int) (viewers(&gv[i], "a", NOW, &pairs) + 0.5) == 1,
           "viewers of a thread with another key than the zone's are not "
           "added");
    }

    ok(qoe_govern_fleet(g[0], 77) == 0 && qoe_govern_fleet(g[1], 77) == 0
       && viewers(&gv[0], "a", NOW, &pairs) == 0 && pairs == 1,
       "a new key leaves no viewers counted");

    for (i = 0; i < 1000; i++) {
        view(&gv[0], "a", (uint32_t) i, NOW + 5);
        view(&gv[1], "a", (uint32_t) i, NOW + 5);
        view(&old, "a", (uint32_t) i + 5000, NOW + 5);
    }

    ok(memcmp(a, b, sizeof(qoe_hll_t)) == 0
       && viewers(&gv[0], "a", NOW, &pairs) > 980
       && viewers(&gv[0], "a", NOW, &pairs) < 1020,
       "with the same key the same viewers make the same sketch in each zone, "
       "and threads that still have the old key add nothing");
    ok(qoe_govern_pair(g[0], 0)->begun_s == NOW + 5
       && qoe_govern_pair(g[0], 0)->key_id == 77,
       "a sketch knows when and under which key it began");

    ok(qoe_govern_fleet(g[0], 0) == 77, "the key may be taken away again");
    view(&old, "a", 1, NOW + 9);
    ok((int) (viewers(&gv[0], "a", NOW, &pairs) + 0.5) == 1,
       "then the sketch begins anew under the key of the zone");

    munmap(g[0], SIZE);
    munmap(g[1], SIZE);
}


/* The smallest region, with a dimension that wants all of it. */

static void
test_full(void)
{
    uint32_t           i, other;
    char               text[16], buf[QOE_GOVERN_BUF];
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(QOE_GOVERN_MIN);
    qoe_dimensions_init(&d);
    qoe_governor_init(&gv, g, &d, 1);

    ok((char *) qoe_govern_bucket(g, g->buckets)
       <= (char *) g + QOE_GOVERN_MIN && g->buckets > 100 && g->areas == 1
       && g->pairs >= 2 && (uintptr_t) qoe_govern_bucket(g, 0) % 64 == 0,
       "the smallest region has %u values, %u + %u sketches and %u bytes of "
       "topk",
       g->buckets * QOE_PLACES, g->sketches, g->pairs, (unsigned) g->area_size);

    for (i = 0; i < 50000; i++) {
        qoe_govern(&gv, QOE_DIM_VIDEO_ID, number(text, i), NOW, buf);
    }

    for (i = 0, other = 0; i < 60; i++) {
        other += (qoe_govern(&gv, QOE_DIM_APP_VERSION, number(text, i), NOW,
                             buf).data != text);
    }

    ok(info(&gv, QOE_DIM_VIDEO_ID).count
       >= g->buckets * (QOE_PLACES - 1) * 98 / 100
       && other <= 2,
       "a dimension fills the places it may have, %llu, and only %u of another "
       "dimension's 60 values find none",
       (unsigned long long) info(&gv, QOE_DIM_VIDEO_ID).count, other);

    munmap(g, QOE_GOVERN_MIN);
}


int
main(void)
{
    test_allow();
    test_actions();
    test_text();
    test_ttl();
    test_topk_ages();
    test_reload();
    test_values();
    test_viewers();
    test_fleet_key();
    test_full();

    return tap_end();
}
