
/*
 * Copyright (C) OpenQoE
 *
 * Governance that cannot be locked out: values on probation, known values,
 * pinned values, and how many new values a request may bring.
 */


#include "govern_env.h"


#define FRESH              8                 /* of a request */
#define REQUESTS           2000


static qoe_govern_t      *g;
static qoe_governor_t     gv;
static qoe_dimensions_t   d;
static size_t             plan;


static void
begin(uint32_t max)
{
    g = region(QOE_GOVERN_MIN);
    qoe_dimensions_init(&d);
    d.fresh = FRESH;
    plan = custom(&d, "plan", QOE_ACTION_ALLOW, max);
    qoe_governor_init(&gv, g, &d, 1);
}


/* Does the value have its own label at that time, when a session shows it? */

static bool
shown(const char *value, uint64_t session, uint32_t at)
{
    char        buf[QOE_GOVERN_BUF];
    qoe_span_t  s;

    qoe_govern_from(&gv, session, session * 10000 + at, false);
    s = qoe_govern(&gv, plan, qoe_span_str(value), at, buf);

    return qoe_span_eq(s, qoe_span_str(value));
}


/*
 * Sends a request with n values that were never seen; returns how many are
 * admitted.
 */

static uint32_t
forge(uint32_t n, uint32_t at, bool refused)
{
    char             text[16], buf[QOE_GOVERN_BUF];
    uint32_t         i, in;
    qoe_span_t       v;
    static uint32_t  next;
    static uint64_t  request = 1ULL << 40;

    request++;

    for (i = 0, in = 0; i < n; i++) {
        v = number(text, next++);
        qoe_govern_from(&gv, request * 1000 + i % 64, request, refused);
        in += (qoe_govern(&gv, plan, v, at, buf).data == v.data);
    }

    return in;
}


static void
expire(uint32_t at)
{
    uint32_t  cursor;

    cursor = 0;
    qoe_govern_expire(&gv, at, &cursor, UINT32_MAX);
}


static void
test_request(void)
{
    begin(1000);

    ok(forge(1000, NOW, false) == FRESH
       && info(&gv, plan).count == FRESH,
       "a request with 1000 new values gets %d of them admitted", FRESH);
    ok(forge(5, NOW, false) == 5,
       "the next request gets its own new values admitted");
    ok(shown("real", 1, NOW), "a new value of another request is admitted");

    ok(forge(1000, NOW, true) == 0
       && info(&gv, plan).count == FRESH + 6,
       "no value of a refused event is admitted");
    qoe_govern_from(&gv, 1, 77, true);
    ok(gives(&gv, plan, "real", "real"),
       "a value that was admitted before is shown for refused events as well");

    munmap(g, QOE_GOVERN_MIN);
}


static void
test_refused(void)
{
    qoe_govern_info_t  before, after;

    begin(1);
    qoe_govern_from(&gv, 0, 1, false);
    gives(&gv, plan, "a", "a");
    before = info(&gv, plan);

    d.dim[QOE_DIM_ORG_ID].action = QOE_ACTION_TOPK;
    d.dim[QOE_DIM_PLAYER_ID].action = QOE_ACTION_DROP;
    d.dim[QOE_DIM_ENV].action = QOE_ACTION_HASH;
    d.dim[QOE_DIM_VIDEO_TITLE].action = QOE_ACTION_ALLOW;
    qoe_governor_init(&gv, g, &d, 1);
    qoe_govern_from(&gv, 5, 2, true);

    ok(gives(&gv, plan, "b", "other")
       && gives(&gv, QOE_DIM_ORG_ID, "o", "other")
       && gives(&gv, QOE_DIM_PLAYER_ID, "p", NULL)
       && gives(&gv, QOE_DIM_ENV, "123456789", "cbf43926"),
       "each action has an answer for the values of refused events");

    after = info(&gv, plan);
    ok(after.count == before.count && after.overflow == before.overflow
       && info(&gv, QOE_DIM_ORG_ID).count == 0
       && info(&gv, QOE_DIM_PLAYER_ID).count == 0
       && info(&gv, QOE_DIM_ENV).count == 0,
       "values of refused events are neither counted nor estimated");

    munmap(g, QOE_GOVERN_MIN);
}


static void
test_probation(void)
{
    begin(4);

    ok(shown("a", 1, NOW),
       "a value that a single session shows gets its label");
    expire(NOW + QOE_PROBATION_S);
    ok(info(&gv, plan).count == 1,
       "a value on probation keeps its place for five minutes");
    expire(NOW + QOE_PROBATION_S + 1);
    ok(info(&gv, plan).count == 0,
       "a value that no other session has shown leaves after its probation");
    ok(shown("a", 1, NOW + 400),
       "a value that left is admitted again where there is room");

    shown("b", 1, NOW);
    shown("b", 2, NOW);
    shown("b", 3, NOW);
    expire(NOW + QOE_PROBATION_S + 1);
    ok(info(&gv, plan).count == 1,
       "sessions of one second, as a single request has them, vouch once");

    shown("c", 1, NOW);
    shown("c", 1, NOW + 1);
    shown("c", 1, NOW + 2);
    expire(NOW + QOE_PROBATION_S + 1);
    ok(info(&gv, plan).count == 1,
       "a session that shows a value three times vouches once");

    shown("d", 1, NOW);
    shown("d", 2, NOW + 200);
    expire(NOW + QOE_PROBATION_S + 100);
    ok(shown("d", 3, NOW + 450) && info(&gv, plan).count == 2,
       "another session makes the probation longer");

    munmap(g, QOE_GOVERN_MIN);
}


static void
test_standing(void)
{
    begin(4);

    make_known(&gv, plan, "brief", NOW);
    make_known(&gv, plan, "long", NOW);
    shown("long", 9, NOW + 10000);

    expire(NOW + QOE_PROBATION_S);
    ok(info(&gv, plan).count == 2, "known values outlast the probation");
    expire(NOW + 1000);
    ok(info(&gv, plan).count == 1,
       "a value that was shown for seconds does not stay for a day");
    expire(NOW + 10000 + 8 * 9998);
    ok(info(&gv, plan).count == 1,
       "a value that was shown for long stays eight times as long after that");
    expire(NOW + 10000 + 8 * 9998 + QOE_PROBATION_S + 1);
    ok(info(&gv, plan).count == 0, "a value leaves once that time is over");

    make_known(&gv, plan, "old", NOW);
    shown("old", 9, NOW + 50000);
    expire(NOW + 50000 + DAY);
    ok(info(&gv, plan).count == 1,
       "a value that was shown for very long stays for its ttl");
    expire(NOW + 50001 + DAY);
    ok(info(&gv, plan).count == 0, "no value stays longer than its ttl");

    munmap(g, QOE_GOVERN_MIN);
}


/*
 * The attack that was seen in practice: requests of 1,000 values each, without
 * an end.
 */

static void
test_attack(void)
{
    bool      kept, first, new, later;
    char      real[8][8];
    size_t    i;
    uint32_t  n, at, in;

    begin(10);

    for (i = 0, kept = true; i < 8; i++) {
        snprintf(real[i], sizeof(real[i]), "real%zu", i);
        kept = make_known(&gv, plan, real[i], NOW + 3 * (uint32_t) i) && kept;
    }

    ok(kept, "eight real values become known in places for ten");

    in = 0;
    new = false;
    later = true;
    first = false;

    for (n = 0; n < REQUESTS; n++) {
        at = NOW + 100 + n / 10;
        in += forge(1000, at, false);

        for (i = 0; i < 8; i++) {
            kept = shown(real[i], 100000 + n, at) && kept;
        }

        /*
         * A customer comes in the middle of the attack, with an event every
         * few seconds.
         */

        if (n % 50 == 0) {
            first = shown("customer", 200000 + n, at);
            later = later && (first || !new);
            new = new || first;
        }

        expire(at);
    }

    ok(kept,
       "%u requests with 1000 values each take no real value's label",
       REQUESTS);
    ok(new && later,
       "a real value that comes during an attack gets its label and keeps it");
    ok(in <= 20 && info(&gv, plan).count <= 10,
       "few of the forged values had a place: %u of 2 million", in);

    expire(at + QOE_PROBATION_S + 1);
    ok(shown("another", 1, at + 400) && info(&gv, plan).count <= 10,
       "minutes after an attack there is room again");

    munmap(g, QOE_GOVERN_MIN);
}


/* A value in the first bucket of the table, and one in the last. */

static void
test_ends(void)
{
    char             text[16];
    uint32_t         i, j, n, gone;
    qoe_span_t       v;
    qoe_bucket_t    *b;

    gone = 0;

    for (n = 0; n < 2; n++) {

        for (i = 0; ; i++) {
            begin(1);
            v = number(text, i);
            b = qoe_govern_bucket(g, n == 0 ? 0 : g->buckets - 1);

            if (!shown(v.data, 1, NOW)) {
                abort();
            }

            for (j = 0; j < QOE_PLACES && b->hash[j] == 0; j++) { /* void */ }

            if (j < QOE_PLACES) {
                break;
            }

            munmap(g, QOE_GOVERN_MIN);
        }

        (void) shown("real", 2, NOW + 10);
        (void) shown("real", 3, NOW + 20);
        (void) shown("real", 4, NOW + 30);
        gone += shown("real", 5, NOW + 40);
        munmap(g, QOE_GOVERN_MIN);
    }

    ok(gone == 2, "a value on probation gives way to a known one, wherever in "
       "the table it is");
}


/* The table itself is full of one dimension's forged values. */

static void
test_crowded(void)
{
    bool      kept;
    uint32_t  i, n;

    begin(1000000);
    make_known(&gv, plan, "real", NOW);

    for (n = 0, kept = true; n < 10000; n++) {
        (void) forge(20, NOW + 10, false);
        kept = shown("real", 1, NOW + 10) && kept;
    }

    ok(kept && info(&gv, plan).count > 1000,
       "a table that is full of forged values keeps the known one");

    ok(!shown("soon", 40, NOW + 10) && !shown("soon", 41, NOW + 11)
       && shown("soon", 42, NOW + 12),
       "a session counts that shows a value in the second of the value that "
       "waited in its place");

    for (i = 0; i < 3; i++) {
        (void) shown("late", 50 + i, NOW + 20 + i * 10);
    }

    ok(shown("late", 60, NOW + 60),
       "a table that is full of forged values admits another value that three "
       "sessions show");

    munmap(g, QOE_GOVERN_MIN);
}


static void
test_pins(void)
{
    int                bad;
    size_t             n;
    qoe_span_t         values[8];
    qoe_arena_t        arena;

    static const qoe_span_t  pins[] = { { "gold", 4 }, { "tin", 3 } };

    begin(3);
    d.dim[plan].pins = pins;
    d.dim[plan].npins = 2;

    (void) forge(1000, NOW, false);
    ok(shown("gold", 1, NOW + 1) && shown("tin", 1, NOW + 1),
       "pinned values have a place whatever came before them");
    ok(info(&gv, plan).count == 3 && !shown("lead", 1, NOW + 1),
       "values that are not pinned share the places that are left of max");
    expire(NOW + 300 * DAY);
    ok(info(&gv, plan).count == 2 && shown("gold", 1, NOW + 300 * DAY)
       && shown("lead", 1, NOW + 300 * DAY), "pinned values never leave");

    n = 8;
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, MB);
    bad = (qoe_govern_values(&gv, plan, values, &n, &arena) != QOE_OK);
    ok(!bad && n == 3 && qoe_span_eq(values[0], qoe_span("gold"))
       && qoe_span_eq(values[1], qoe_span("lead"))
       && qoe_span_eq(values[2], qoe_span("tin")),
       "the list of values holds the pinned ones");
    qoe_arena_free(&arena);

    munmap(g, QOE_GOVERN_MIN);
}


/*
 * Values that the module makes itself are known at once, however many there
 * are.
 */

static void
test_made(void)
{
    char      buf[QOE_GOVERN_BUF], text[16];
    uint32_t  i, in;

    begin(1);
    qoe_govern_from(&gv, 1, 1, false);

    for (i = 0, in = 0; i < 26; i++) {
        in += (qoe_govern(&gv, QOE_DIM_EVENT_TYPE, number(text, i), NOW,
                          buf).data == text);
    }

    expire(NOW + QOE_PROBATION_S);
    ok(in == 26 && info(&gv, QOE_DIM_EVENT_TYPE).count == 26,
       "a single request may have events of every type");

    munmap(g, QOE_GOVERN_MIN);
}


static bool
content_type(const char *value, const char *text, uint32_t at)
{
    char        buf[QOE_GOVERN_BUF];
    qoe_span_t  s;

    s = qoe_govern(&gv, QOE_DIM_CONTENT_TYPE, qoe_span_str(value), at, buf);

    return qoe_span_eq(s, qoe_span_str(text));
}


/* A request of six sessions, each with a content type that it made up. */

static uint32_t
forge_types(const char *name, uint64_t request, uint32_t at)
{
    char      text[24];
    uint32_t  i, in;

    for (i = 0, in = 0; i < 6; i++) {
        snprintf(text, sizeof(text), "%s-%u", name, i);
        qoe_govern_from(&gv, request * 8 + i, request, false);
        in += content_type(text, text, at);
    }

    return in;
}


static void
test_content_types(void)
{
    size_t    n;
    uint32_t  i;

    begin(1);

    ok(forge_types("a", 1, NOW) == 2
       && info(&gv, QOE_DIM_CONTENT_TYPE).count == 2,
       "six forged content types get two of four places");

    for (i = 0; i < 9; i++) {
        (void) forge_types("a", 2 + i, NOW + 1 + i);
    }

    n = info(&gv, QOE_DIM_CONTENT_TYPE).count;
    qoe_govern_from(&gv, 500, 500, false);
    ok(n == 2 && content_type("vod", "vod", NOW + 10)
       && content_type("live", "live", NOW + 10)
       && info(&gv, QOE_DIM_CONTENT_TYPE).count == 4,
       "vod and live have a place also after forged types became known, and "
       "count when they are seen");

    expire(NOW + 10 + DAY + 1);
    ok(info(&gv, QOE_DIM_CONTENT_TYPE).count == 0
       && forge_types("b", 600, NOW + 2 * DAY) == 2
       && content_type("vod", "vod", NOW + 2 * DAY),
       "the places of vod and live are kept again after they have left");

    munmap(g, QOE_GOVERN_MIN);

    begin(1);
    d.dim[QOE_DIM_CONTENT_TYPE].max = 1;
    ok(forge_types("a", 1, NOW) == 0 && content_type("live", "live", NOW)
       && content_type("vod", "other", NOW),
       "no more values than max are admitted, vod and live included");
    munmap(g, QOE_GOVERN_MIN);
}


/*
 * Dimensions that have few values may fill the last places of the table too:
 * the module's own values find theirs all the same.
 */

static void
test_made_crowded(void)
{
    char      name[8], buf[QOE_GOVERN_BUF], text[16];
    size_t    dim;
    uint32_t  i, n, in;

    begin(1000000);

    for (n = 0; n < 8; n++) {
        snprintf(name, sizeof(name), "dim%u", n);
        (void) custom(&d, name, QOE_ACTION_ALLOW, 1000000);
    }

    qoe_governor_init(&gv, g, &d, 1);

    for (dim = plan; dim < d.n; dim++) {
        for (i = 0; i < 5000; i++) {
            qoe_govern_from(&gv, i + 1, i + 1 + dim * 10000, false);
            (void) qoe_govern(&gv, dim, number(text, i), NOW, buf);
        }
    }

    qoe_govern_from(&gv, 1, 1, false);

    for (i = 0, in = 0; i < 26; i++) {
        in += (qoe_govern(&gv, QOE_DIM_EVENT_TYPE, number(text, i), NOW + 1,
                          buf).data == text);
    }

    ok(in == 26,
       "in a table full of forged values of nine dimensions, the module's own "
       "values find a place: %u of 26", in);

    munmap(g, QOE_GOVERN_MIN);
}


int
main(void)
{
    test_request();
    test_refused();
    test_probation();
    test_standing();
    test_attack();
    test_ends();
    test_crowded();
    test_pins();
    test_made();
    test_content_types();
    test_made_crowded();

    return tap_end();
}
