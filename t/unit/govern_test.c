
/*
 * Copyright (C) OpenQoE
 *
 * Governance: every action, what bounds it, and writers that are killed or
 * many.
 */


#include "tap.h"
#include "qoe_govern_layout.h"

#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define MB                 ((size_t) 1024 * 1024)
#define SIZE               (10 * MB)         /* of a zone of 64 MB */
#define NOW                1700000000u
#define DAY                86400u


static const qoe_hash_key_t  key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };


static qoe_govern_t *
region(size_t size)
{
    void  *mem;

    mem = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (mem == MAP_FAILED) {
        abort();
    }

    qoe_govern_create(mem, size, &key);

    return mem;
}


/* A custom dimension of its own name. */

static size_t
custom(qoe_dimensions_t *d, const char *name, qoe_action_t action,
    uint32_t max)
{
    d->dim[d->n] = d->dim[QOE_DIM_ENV];
    d->dim[d->n].name = qoe_span_str(name);
    d->dim[d->n].action = action;
    d->dim[d->n].max = max;

    return d->n++;
}


static bool
gives(qoe_governor_t *gv, size_t dim, const char *value, const char *text)
{
    char        buf[QOE_GOVERN_BUF];
    qoe_span_t  s;

    s = qoe_govern(gv, dim, qoe_span_str(value), NOW, buf);

    if (text == NULL) {
        return s.data == NULL;
    }

    return qoe_span_eq(s, qoe_span_str(text));
}


static qoe_govern_info_t
info(const qoe_governor_t *gv, size_t dim)
{
    qoe_govern_info_t  i;

    qoe_govern_info(gv, dim, &i);

    return i;
}


/* Decimal text of i; the same for every value of a test. */

static qoe_span_t
number(char buf[16], uint32_t i)
{
    return (qoe_span_t) { buf, (size_t) snprintf(buf, 16, "v%u", i) };
}


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
    ok(s.data == v.data && s.len == v.len, "allow gives the value itself");
    ok(gives(&gv, plan, "tin", "tin") && gives(&gv, plan, "gold", "gold"),
       "up to max");
    ok(gives(&gv, plan, "lead", "other") && gives(&gv, plan, "iron", "other")
       && gives(&gv, plan, "tin", "tin"), "then other, but for the known");
    ok(info(&gv, plan).count == 2 && info(&gv, plan).overflow == 2,
       "both are counted");
    ok(gives(&gv, plan, "", NULL) && gives(&gv, d.n, "x", NULL),
       "no value, no dimension: no attribute");
    ok(gives(&gv, hashed, "123456789", "123456789")
       && gives(&gv, hashed, "abc", "352441c2")
       && info(&gv, hashed).overflow == 1, "overflow as a hash");
    ok(gives(&gv, QOE_DIM_ENV, "gold", "gold")
       && info(&gv, QOE_DIM_ENV).count == 1, "dimensions are apart");

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
        /* CRC-32 % 100 */
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
       "hash is CRC-32, its values are estimated");

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        d.dim[b].max = 100;
        ok(gives(&gv, b, ranges[i].value, ranges[i].label), "bucket of %s: %s",
           ranges[i].value, ranges[i].label);
    }

    d.dim[b].max = (uint32_t) info(&gv, b).count;
    ok(gives(&gv, b, "5555", "other") && gives(&gv, b, "55", "0-100")
       && info(&gv, b).overflow == 1, "ranges have a max");
    d.dim[b].size = 1;
    d.dim[b].max++;
    ok(gives(&gv, b, "-0.5", "-1-0"), "a size of 1");

    for (i = 0, bad = 0; i < 3000; i++) {
        bad += qoe_govern(&gv, QOE_DIM_MARKER,
                          number(text, (uint32_t) i % 1000), NOW, buf).data
               != NULL;
    }

    ok(bad == 0 && llabs((long long) info(&gv, QOE_DIM_MARKER).count - 1000)
       <= 20, "drop: no attribute, and about 1000 values: %llu",
       (unsigned long long) info(&gv, QOE_DIM_MARKER).count);

    ok(gives(&gv, QOE_DIM_VIEW_ID, "v", NULL)
       && info(&gv, QOE_DIM_VIEW_ID).count == 1,
       "an id is never an attribute, whatever the action, but counted");

    ok(gives(&gv, t, "a", "a") && gives(&gv, t, "a", "a")
       && gives(&gv, t, "b", "b") && gives(&gv, t, "b", "b")
       && gives(&gv, t, "c", "other") && gives(&gv, t, "c", "other")
       && gives(&gv, t, "c", "c") && gives(&gv, t, "d", "other")
       && info(&gv, t).overflow == 3 && info(&gv, t).count == 4,
       "topk: the most frequent, the rest other");

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
        ok(qoe_span_eq(s, qoe_span_str(texts[i].out)), "text %zu: %.*s", i,
           (int) s.len, s.data);
    }

    for (i = 0; i < 256; i++) {
        char  c[8] = "abcdefgh";

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

    gives(&gv, plan, "gold", "gold");
    gives(&gv, plan, "tin", "tin");
    gives(&gv, QOE_DIM_ENV, "prod", "prod");
    qoe_govern(&gv, plan, qoe_span("gold"), NOW + 900, buf);

    cursor = 0;
    turns = 0;

    do {
        qoe_govern_expire(&gv, NOW + 1001, &cursor, 777);
        turns++;
    } while (cursor != 0 && turns < 10000);

    ok(turns == (g->buckets * QOE_PLACES + 776) / 777,
       "%u steps are a whole turn of the table", turns);
    ok(info(&gv, plan).count == 1 && info(&gv, QOE_DIM_ENV).count == 1,
       "what was not seen within its ttl is out");
    ok(gives(&gv, plan, "lead", "lead") && gives(&gv, plan, "tin", "other")
       && gives(&gv, plan, "gold", "gold"), "and makes place");

    qoe_govern_expire(&gv, NOW - 500, &cursor, UINT32_MAX);
    ok(info(&gv, plan).count == 2 && cursor == 0,
       "a clock that went back takes out nothing");

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
       "what was frequent two weeks ago gives way");

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
    ok(gives(&after, extra, "gold", "gold"), "a new one is empty");
    ok(qoe_govern_topk(g, qoe_govern_slot(&after, QOE_DIM_VIDEO_ID)) != NULL
       && qoe_govern_topk(g, qoe_govern_slot(&after, QOE_DIM_APP_NAME)) != NULL
       && qoe_govern_topk(g, qoe_govern_slot(&after, QOE_DIM_VIDEO_TITLE))
          == NULL, "an area goes over from a dimension that is topk no more");
    ok(gives(&gv, QOE_DIM_VIDEO_TITLE, "t", "t")
       && info(&gv, QOE_DIM_VIDEO_TITLE).count == 1,
       "whose old configuration then allows");

    for (i = 0; e.n < QOE_DIMENSIONS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "c%zu", i);
        custom(&e, names[i], QOE_ACTION_ALLOW, 3);
    }

    qoe_governor_init(&after, g, &e, 2);
    qoe_dimensions_init(&d);
    i = custom(&d, "late", QOE_ACTION_ALLOW, 3);
    qoe_governor_init(&gv, g, &d, 1);

    ok(gives(&after, e.n - 1, "a", "a"), "%d names", QOE_DIMENSIONS_MAX);
    ok(gives(&gv, i, "a", "other") && info(&gv, i).overflow == 1
       && info(&gv, i).count == 0, "the next one admits nothing");

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
       && qoe_span_eq(values[49], qoe_span("v142")), "the first 50 of 1000");

    gives(&gv, QOE_DIM_ENV, "0123456789012345678901234567890123456789012345"
          "\xc3\xa4-", "0123456789012345678901234567890123456789012345"
          "\xc3\xa4-");
    gives(&gv, QOE_DIM_ENV, "b", "b");
    n = 64;
    bad = qoe_govern_values(&gv, QOE_DIM_ENV, values, &n, &arena) != QOE_OK;
    ok(!bad && n == 2
       && qoe_span_eq(values[0], qoe_span("012345678901234567890123456789012"
                                          "345678901234...")),
       "a long one ends with dots: %.*s", (int) values[0].len, values[0].data);

    n = 64;
    bad = qoe_govern_values(&gv, t, values, &n, &arena) != QOE_OK;
    ok(!bad && n == 3, "the values of topk are the frequent ones");

    n = 64;
    bad = qoe_govern_values(&gv, QOE_DIM_VIEWER_ID, values, &n, &arena);
    ok(!bad && n == 0, "those of viewers are not told");

    qoe_arena_free(&arena);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 16);
    n = 64;
    ok(qoe_govern_values(&gv, QOE_DIM_ENV, values, &n, &arena) == QOE_NOMEM,
       "no memory");
    qoe_arena_free(&arena);

    munmap(g, SIZE);
}


static double
viewers(qoe_governor_t *gv, const char *org, uint32_t now_s, size_t *pairs)
{
    bool        overflow;
    char        buf[QOE_GOVERN_BUF];
    double      v, found;
    size_t      i;
    qoe_span_t  o, p;

    found = -1;
    *pairs = 0;

    for (i = 0; qoe_govern_viewers(gv, i, now_s, &o, &p, &overflow, &v, buf);
         i++)
    {
        *pairs += (o.len != 0);

        if (overflow ? org == NULL
            : org && qoe_span_eq(o, qoe_span_str(org))
              && qoe_span_eq(p, qoe_span("player")))
        {
            found = v;
        }
    }

    return found;
}


static void
view(qoe_governor_t *gv, const char *org, uint32_t viewer, uint32_t now_s)
{
    char  buf[16];

    qoe_govern_viewer(gv, qoe_span_str(org), qoe_span("player"),
                      number(buf, viewer), now_s);
}


static void
test_viewers(void)
{
    char               buf[16];
    size_t             i, pairs;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(SIZE);
    qoe_dimensions_init(&d);
    qoe_governor_init(&gv, g, &d, 1);

    for (i = 0; i < 20000; i++) {
        view(&gv, "a", (uint32_t) i % 5000, NOW);
        view(&gv, "b", (uint32_t) i % 10, NOW);
    }

    ok(viewers(&gv, "a", NOW, &pairs) > 4900
       && viewers(&gv, "a", NOW, &pairs) < 5100
       && viewers(&gv, "b", NOW, &pairs) > 9.5 && pairs == 2,
       "viewers of pairs");
    ok(viewers(&gv, "a", NOW + DAY, &pairs) == 0 && pairs == 2,
       "nobody yet on the next day");

    view(&gv, "a", 1, NOW + DAY);
    view(&gv, "a", 2, NOW);
    ok((int) (viewers(&gv, "a", NOW + DAY, &pairs) + 0.5) == 1,
       "which begins anew, and late ones of yesterday do not count");

    view(&gv, "a", 1, NOW - 100 * DAY);
    ok((int) (viewers(&gv, "a", NOW - 100 * DAY, &pairs) + 0.5) == 1,
       "a clock that was wrong for long");

    for (i = 0; i < 2 * g->pairs; i++) {
        view(&gv, number(buf, (uint32_t) i + 500).data, 1, NOW + 3 * DAY);
        view(&gv, buf, 2, NOW + 3 * DAY);
    }

    ok((int) (viewers(&gv, NULL, NOW + 3 * DAY, &pairs) + 0.5) == 2
       && pairs == g->pairs - 1,
       "%u pairs have a sketch, the others share one", g->pairs - 1);
    ok(viewers(&gv, "a", NOW + 3 * DAY, &pairs) == -1
       && (int) (viewers(&gv, "v500", NOW + 3 * DAY, &pairs) + 0.5) == 2,
       "a pair of another day has lost its place");

    munmap(g, SIZE);
}


/* Several threads and processes insert the same values at once. */

#define RACERS             4
#define RACE_MAX           3000
#define RACE_VALUES        5000


typedef struct {
    qoe_govern_t            *g;
    const qoe_dimensions_t  *d;
    size_t                   dim;
    uint32_t                 first;
    uint32_t                 admitted;
} racer_t;


static void *
race(void *arg)
{
    char             text[16], buf[QOE_GOVERN_BUF];
    racer_t         *r = arg;
    uint32_t         i;
    qoe_span_t       v;
    qoe_governor_t   gv;

    qoe_governor_init(&gv, r->g, r->d, qoe_proc_self());

    for (i = 0; i < RACE_VALUES; i++) {
        v = number(text, (i + r->first) % RACE_VALUES);
        qoe_govern(&gv, QOE_DIM_VIDEO_TITLE, v, NOW, buf);
        qoe_govern(&gv, QOE_DIM_SESSION_ID, v, NOW, buf);
        qoe_govern_viewer(&gv, qoe_span("o"), qoe_span("p"), v, NOW);
        r->admitted += (qoe_govern(&gv, r->dim, v, NOW, buf).data == v.data);
    }

    return NULL;
}


static uint32_t
table_count(qoe_govern_t *g, uint32_t slot, bool *twice)
{
    uint32_t       i, j, n;
    uint64_t       hash, last;
    qoe_bucket_t  *b;

    n = 0;
    last = 0;
    *twice = false;

    for (i = 0; i < g->buckets; i++) {
        b = qoe_govern_bucket(g, i);

        for (j = 0; j < QOE_PLACES; j++) {
            hash = b->hash[j];

            if (hash != 0 && b->slot[j] == slot) {
                n++;
                *twice |= (hash == last);
                last = hash;
            }
        }
    }

    return n;
}


static void
test_race(void)
{
    bool               twice;
    size_t             i, n, dim, left;
    pid_t              pid;
    uint32_t           cursor, kept;
    pthread_t          thread[RACERS];
    qoe_span_t         values[8];
    qoe_arena_t        arena;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;
    racer_t            r[RACERS];

    g = region(SIZE);
    qoe_dimensions_init(&d);
    dim = custom(&d, "raced", QOE_ACTION_ALLOW, RACE_MAX);
    qoe_governor_init(&gv, g, &d, 1);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 64 * MB);

    for (i = 0; i < RACERS; i++) {
        r[i] = (racer_t) { g, &d, dim, (uint32_t) (i * 1250), 0 };
    }

    pid = fork();

    for (i = 0; i < RACERS; i++) {
        pthread_create(&thread[i], NULL, race, &r[i]);
    }

    /* a reader among them */

    for (i = 0; i < 20; i++) {
        n = 8;
        (void) qoe_govern_values(&gv, dim, values, &n, &arena);
        n = 8;
        (void) qoe_govern_values(&gv, QOE_DIM_VIDEO_TITLE, values, &n, &arena);
        (void) viewers(&gv, "o", NOW, &left);
        (void) info(&gv, QOE_DIM_SESSION_ID);
        cursor = 0;
        qoe_govern_expire(&gv, NOW, &cursor, 5000);
    }

    for (i = 0; i < RACERS; i++) {
        pthread_join(thread[i], NULL);
    }

    if (pid == 0) {
        _exit(0);
    }

    waitpid(pid, NULL, 0);

    kept = table_count(g, gv.slot[dim], &twice);
    ok(kept == RACE_MAX && info(&gv, dim).count == RACE_MAX && !twice,
       "%d threads in 2 processes: %u kept, none twice", 2 * RACERS, kept);
    ok(r[0].admitted >= RACE_MAX - 1250 && r[0].admitted <= RACE_MAX,
       "no thread was given more");

    qoe_arena_free(&arena);
    munmap(g, SIZE);
}


/* A child that inserts is killed, at any store, over and over. */

static void
killed(qoe_govern_t *g, const qoe_dimensions_t *d, size_t dim, uint32_t seed)
{
    char            text[16], buf[QOE_GOVERN_BUF];
    uint32_t        i, cursor;
    qoe_span_t      v;
    qoe_governor_t  gv;

    qoe_governor_init(&gv, g, d, qoe_proc_self());
    cursor = 0;

    for (i = seed; /* void */ ; i = i * 1664525 + 1013904223) {
        v = number(text, i >> 8);
        qoe_govern(&gv, dim, v, NOW - (i & 1) * 2 * DAY, buf);
        qoe_govern(&gv, QOE_DIM_VIDEO_TITLE, v, NOW, buf);
        qoe_govern_viewer(&gv, v, v, v, NOW + (i & 3) * 3 * DAY);
        qoe_govern_expire(&gv, NOW, &cursor, 4);
    }
}


static void
test_kill(void)
{
    int                i, bad, stolen;
    bool               twice;
    size_t             dim, pairs;
    pid_t              pid;
    uint32_t           kept;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    struct timespec    ts;
    qoe_topk_entry_t   e[100];
    qoe_dimensions_t   d;

    g = region(QOE_GOVERN_MIN);
    qoe_dimensions_init(&d);
    dim = custom(&d, "killed", QOE_ACTION_ALLOW, 500);
    qoe_governor_init(&gv, g, &d, qoe_proc_self());
    bad = 0;
    stolen = 0;

    for (i = 0; i < 250; i++) {
        pid = fork();

        if (pid == 0) {
            killed(g, &d, dim, (uint32_t) i * 7919 + 1);
        }

        ts = (struct timespec) { 0, 1000000 + i * 7001 % 3000000 };
        nanosleep(&ts, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        stolen += (g->lock != 0) + (qoe_govern_area(g, 0)->lock != 0);

        /* what the next one finds, and must put right */

        gives(&gv, QOE_DIM_VIDEO_TITLE, "next", "next");
        bad += (qoe_govern_lock(g, gv.self) != QOE_OK);
        qoe_unlock(&g->lock);

        kept = table_count(g, gv.slot[dim], &twice);
        if (kept != info(&gv, dim).count || kept > 500 || twice) { printf("# %d kept %u count %u twice %d\n", i, kept, (unsigned) info(&gv,dim).count, twice); bad++; }
        if (qoe_topk_list(qoe_area_topk(qoe_govern_area(g, 0)), e, 100) != 100) printf("# %d topk %zu\n", i, qoe_topk_list(qoe_area_topk(qoe_govern_area(g, 0)), e, 100));
        bad += (qoe_topk_list(qoe_area_topk(qoe_govern_area(g, 0)), e, 100)
                != 100);
        (void) viewers(&gv, "x", NOW, &pairs);
    }

    ok(bad == 0, "%d killed at work, %d of them with a lock: counts right, "
       "no value twice", i, stolen);

    /* with the lock, for sure */

    pid = fork();

    if (pid == 0) {
        g->lock = qoe_proc_self();
        g->slot[gv.slot[dim]].count = 77777;
        qoe_govern_area(g, 0)->lock = qoe_proc_self();
        _exit(0);
    }

    waitpid(pid, NULL, 0);
    bad = (qoe_govern_lock(g, gv.self) != QOE_OK);
    qoe_unlock(&g->lock);
    kept = table_count(g, gv.slot[dim], &twice);

    ok(!bad && info(&gv, dim).count == kept, "a lock is stolen, and the count "
       "made anew");

    gives(&gv, QOE_DIM_VIDEO_TITLE, "next", "next");
    ok(qoe_govern_area(g, 0)->lock == 0, "that of an area as well");

    munmap(g, QOE_GOVERN_MIN);
}


static double
ns_each(qoe_governor_t *gv, size_t dim, uint32_t from, uint32_t n,
    uint32_t step)
{
    char             text[16], buf[QOE_GOVERN_BUF];
    uint32_t         i;
    qoe_span_t       v;
    struct timespec  a, b;

    clock_gettime(CLOCK_MONOTONIC, &a);

    for (i = 0; i < n; i++) {
        v.data = text;
        v.len = 11;

        memcpy(text, "val", 3);
        memcpy(text + 3, "00000000", 8);

        for (uint32_t x = from + i % step, j = 10; x != 0; x /= 10, j--) {
            text[j] = (char) ('0' + x % 10);
        }

        qoe_govern(gv, dim, v, NOW, buf);
    }

    clock_gettime(CLOCK_MONOTONIC, &b);

    return ((double) (b.tv_sec - a.tv_sec) * 1e9
            + (double) (b.tv_nsec - a.tv_nsec)) / n;
}


static void
test_forged(void)
{
    double             honest, few, forged, dropped, top;
    uint64_t           before;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(SIZE);
    qoe_dimensions_init(&d);
    qoe_governor_init(&gv, g, &d, 1);

    (void) ns_each(&gv, QOE_DIM_VIDEO_ID, 0, 100000, 100000);
    ok(info(&gv, QOE_DIM_VIDEO_ID).count == 100000,
       "all of 100000 values have a place: %llu of %u",
       (unsigned long long) info(&gv, QOE_DIM_VIDEO_ID).count,
       g->buckets * QOE_PLACES);

    few = ns_each(&gv, QOE_DIM_VIDEO_ID, 0, 500000, 100);
    honest = ns_each(&gv, QOE_DIM_VIDEO_ID, 0, 500000, 100000);
    before = info(&gv, QOE_DIM_VIDEO_ID).overflow;
    forged = ns_each(&gv, QOE_DIM_VIDEO_ID, 10000000, 2000000, UINT32_MAX);
    dropped = ns_each(&gv, QOE_DIM_MARKER, 0, 500000, UINT32_MAX);
    top = ns_each(&gv, QOE_DIM_VIDEO_TITLE, 0, 500000, UINT32_MAX);

    printf("# ns a call: known %.0f (of 100) %.0f (of 100000), forged %.0f, "
           "drop %.0f, topk forged %.0f, topk known %.0f\n", few, honest,
           forged, dropped, top,
           ns_each(&gv, QOE_DIM_VIDEO_TITLE, 0, 500000, 100));

    ok(info(&gv, QOE_DIM_VIDEO_ID).overflow - before == 2000000
       && info(&gv, QOE_DIM_VIDEO_ID).count == 100000,
       "2 million forged values: none admitted, all counted");
    ok(gives(&gv, QOE_DIM_ENV, "prod", "prod")
       && gives(&gv, QOE_DIM_VIDEO_ID, "val00099999", "val00099999"),
       "others have their place, the known theirs");

    munmap(g, SIZE);
}


/* The smallest region, and one dimension that wants all of it. */

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
       "the smallest: %u values, %u + %u sketches, %u bytes of topk",
       g->buckets * QOE_PLACES, g->sketches, g->pairs,
       (unsigned) g->area_size);

    for (i = 0; i < 50000; i++) {
        qoe_govern(&gv, QOE_DIM_VIDEO_ID, number(text, i), NOW, buf);
    }

    for (i = 0, other = 0; i < 60; i++) {
        other += (qoe_govern(&gv, QOE_DIM_APP_VERSION, number(text, i), NOW,
                             buf).data != text);
    }

    ok(info(&gv, QOE_DIM_VIDEO_ID).count
       >= g->buckets * (QOE_PLACES - 1) * 98 / 100
       && other <= 2, "one fills its %llu, %u of 60 of another find none",
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
    test_full();
    test_race();
    test_kill();
    test_forged();

    return tap_end();
}
