
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: a lane under a flood.  The input is a script of viewers, of
 * attackers who make up values and sessions, of time that passes, of events
 * that were refused, of collections, reloads and killed helpers.  After each
 * step the store and the table of values must be sound, no refused value may
 * have been admitted, and values that real viewers have made known must be
 * known.
 */


#define _GNU_SOURCE                          /* memmem() */

#include "answer_input.h"

#include "../unit/apply_unit.h"
#include "../unit/store_check.h"

#include "qoe_apply_priv.h"
#include "qoe_govern_layout.h"


#define SIZE               ((size_t) 8 << 20)
#define STEPS              300               /* of an input, at most */
#define REAL               3                 /* orgs of real viewers */
#define VIEWERS            30
#define ATTACKERS          256               /* sessions */
#define HELD_MAX           (3 * 65536)

/* A known value that was not seen for longer than this may leave. */
#define SURE_MS            200000

#define ORGS_MAX           8
#define ENVS_MAX           4
#define CODES_MAX          6


/* What the fuzzer expects of the lane. */

typedef struct {
    lane_t     *l;
    input_t    *in;
    uint64_t    applied;             /* events */
    uint64_t    real[REAL];          /* of the org's viewers */
    uint64_t    last_ms[REAL];       /* the last event's time */
    bool        sure[REAL];          /* the org is known */
    bool        kept;                /* all were sure, nothing was condemned */
    bool        shown[VIEWERS + ATTACKERS];
    unsigned    sessions;            /* seen so far */
} flood_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const qoe_hash_key_t  key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };


/*
 * Made as its neighbours are, but with the same hash in every run of an input.
 */

static lane_t *
lane(void)
{
    size_t   i;
    lane_t  *l;

    l = lane_new(SIZE);

    l->st.key = key;
    l->st.govern->key = key;

    for (i = 0; i < l->dims.n; i++) {
        l->dims.dim[i].ttl_s = 3600;
    }

    l->dims.dim[QOE_DIM_ORG_ID].max = ORGS_MAX;
    l->dims.dim[QOE_DIM_ENV].max = ENVS_MAX;
    l->dims.dim[QOE_DIM_ERROR_CODE].max = CODES_MAX;
    l->dims.fresh = 2;

    lane_hold(l, false);

    return l;
}


static void
apply(flood_t *f, const char *type, const char *org, unsigned session,
    const char *env, const char *code)
{
    char          id[16], data[64];
    uint64_t      at;
    qoe_sample_t  s;

    at = LOG_START + f->l->now_ms;
    snprintf(data, sizeof(data), "playing_time=%llu error_code=%s",
             (unsigned long long) f->applied, code);
    make_sample(&s, type, at, at, data);

    snprintf(id, sizeof(id), "s%u", session);
    s.text[QOE_TEXT_ORG_ID] = qoe_span_str(org);
    s.text[QOE_TEXT_PLAYER_ID] = qoe_span("web");
    s.text[QOE_TEXT_ENV] = qoe_span_str(env);
    s.text[QOE_TEXT_SESSION_ID] = qoe_span_str(id);
    s.text[QOE_TEXT_VIEW_ID] = qoe_span_str(id);
    s.text[QOE_TEXT_VIDEO_ID] = qoe_span("video");

    /* A dimension that is dropped is estimated all the same. */

    s.text[QOE_TEXT_CDN_PROVIDER] = qoe_span_str(id);

    lane_apply(f->l, &s);

    f->applied++;
    f->sessions += !f->shown[session];
    f->shown[session] = true;
}


static void
name(char text[16], char first, unsigned i)
{
    snprintf(text, 16, "%c%u", first, i);
}


/* Is the value in the table, and past its probation? */

static bool
known(flood_t *f, qoe_dim_t dim, const char *value)
{
    uint64_t           hash;
    qoe_table_look_t   at;

    hash = qoe_govern_hash(f->l->st.govern, f->l->governor.slot[dim],
                           qoe_span_str(value));
    qoe_table_look(f->l->st.govern, hash, &at);

    return at.found != NULL && qoe_shown_known(at.found->shown[at.place]);
}


static void
viewer(flood_t *f, unsigned i)
{
    char      org[16], buf[QOE_GOVERN_BUF];
    unsigned  r;

    r = i % REAL;
    name(org, 'r', r);
    f->l->now_ms += 1001;

    /* After a pause the value may have to become known anew. */

    if (f->l->now_ms - f->last_ms[r] > SURE_MS) {
        f->sure[r] = false;
        f->kept = false;
    }

    apply(f, "heartbeat", org, i, "real", "1");

    f->real[r]++;
    f->last_ms[r] = f->l->now_ms;
    f->sure[r] = f->sure[r] || known(f, QOE_DIM_ORG_ID, org);

    if (f->sure[r]) {
        qoe_govern_from(&f->l->governor, 0, 0, true);
        check(qoe_span_eq(qoe_govern(&f->l->governor, QOE_DIM_ORG_ID,
                                     qoe_span_str(org),
                                     (uint32_t) ((LOG_START + f->l->now_ms)
                                                 / 1000), buf),
                          qoe_span_str(org)));
    }
}


/* A request of events whose values are made up. */

static void
attack(flood_t *f)
{
    char         org[16], env[16], code[16];
    unsigned     i, n, session, kind;

    static const char *const  types[] = {
        "heartbeat", "error", "playing", "pause", "ended", "quartile"
    };

    n = 1 + take(f->in, 12);
    session = VIEWERS + take(f->in, ATTACKERS);
    f->l->now_ms += take(f->in, 50) * 40 + 1;

    for (i = 0; i < n; i++) {
        kind = take(f->in, 8);

        /* A few values that many sessions show become known, too. */

        name(org, 'x', (kind & 1) ? take(f->in, 16)
                                  : (unsigned) take_bytes(f->in, 2));
        name(env, 'e', take(f->in, 256));
        name(code, 'c', take(f->in, 256));

        /* A request has many sessions, or a single one. */

        if (kind & 2) {
            session = VIEWERS + take(f->in, ATTACKERS);
        }

        apply(f, types[take(f->in, 6)], (kind & 4) ? "x" : org, session, env,
              code);
    }
}


/* Events that validation refused leave no values. */

static void
refuse(flood_t *f)
{
    char               value[16], buf[QOE_GOVERN_BUF];
    unsigned           dim;
    qoe_span_t         got;
    qoe_govern_info_t  before, after;

    static const qoe_dim_t  dims[] = {
        QOE_DIM_ORG_ID, QOE_DIM_ENV, QOE_DIM_ERROR_CODE, QOE_DIM_CDN_PROVIDER,
        QOE_DIM_VIDEO_TITLE
    };

    dim = dims[take(f->in, 5)];
    name(value, 'f', take(f->in, 256));
    qoe_govern_info(&f->l->governor, dim, &before);

    qoe_govern_from(&f->l->governor, 1 + take(f->in, 256),
                    lane_ns(f->l->now_ms), true);
    got = qoe_govern(&f->l->governor, dim, qoe_span_str(value),
                     (uint32_t) ((LOG_START + f->l->now_ms) / 1000), buf);

    qoe_govern_info(&f->l->governor, dim, &after);

    check(got.len == 0 || qoe_span_eq(got, qoe_span("other")));
    check(before.count == after.count && before.overflow == after.overflow);
    check(!known(f, dim, value));
}


static void
collect(flood_t *f)
{
    qoe_collect_t  *c;

    c = qoe_collect_create(&f->l->st, &f->l->conf, &f->l->governor,
                           QOE_COLLECT_EXPORT, QOE_GROUPS_ALL,
                           lane_ns(f->l->now_ms), &qoe_mem_heap);
    check(c != NULL);

    while (qoe_collect_step(c, 10000) == QOE_AGAIN) { /* void */ }

    qoe_collect_destroy(c);
}


static void
expire(flood_t *f)
{
    uint32_t  cursor;

    cursor = 0;

    do {
        qoe_govern_expire(&f->l->governor,
                          (uint32_t) ((LOG_START + f->l->now_ms) / 1000),
                          &cursor, 4096);
    } while (cursor != 0);
}


/*
 * Everything that holds a block: views, and the extras that are kept for use.
 */

static void
check_store(const lane_t *l)
{
    size_t            j;
    uint32_t          i, n, own[3];
    const char       *wrong;
    qoe_view_t       *v;
    qoe_blocks_t      b;
    static uint32_t   held[HELD_MAX];

    n = 0;

    for (i = 0; i < qoe_sessions_slots(l->st.sessions[0]); i++) {
        v = qoe_sessions_slot(l->st.sessions[0], i);

        if (v->view_key == 0) {
            continue;
        }

        b = qoe_sessions_base(v);

        for (j = 0; j < QOE_GRAINS; j++) {
            check(n < HELD_MAX);
            held[n++] = b.grain[j];
        }

        own[0] = v->sent;
        own[1] = v->ids;
        own[2] = v->error;

        for (j = 0; j < 3; j++) {
            if (own[j] != 0) {
                check(n < HELD_MAX);
                held[n++] = own[j];
            }
        }
    }

    for (i = 0; i < QOE_APPLY_EXTRAS; i++) {
        check(n < HELD_MAX);
        held[n++] = l->apply->extra[i].block;
    }

    wrong = store_check(l->st.store[0], &l->apply->env, n, held);

    if (wrong != NULL) {
        fprintf(stderr, "the store%s\n", wrong);
        abort();
    }

    check(l->st.shared->series == l->st.store[0]->series);
}


/*
 * Each value is there once, as many as are counted, no more than are allowed.
 */

static void
check_table(flood_t *f)
{
    uint32_t            i, j, count[QOE_DIMENSIONS_MAX];
    qoe_bucket_t       *b;
    qoe_govern_t       *g;
    qoe_table_look_t    at;

    g = f->l->st.govern;
    memset(count, 0, sizeof(count));

    for (i = 0; i < g->buckets; i++) {
        b = qoe_govern_bucket(g, i);

        for (j = 0; j < QOE_PLACES; j++) {

            if (b->hash[j] == 0) {
                continue;
            }

            check(b->slot[j] < QOE_DIMENSIONS_MAX);
            count[b->slot[j]]++;

            qoe_table_look(g, b->hash[j], &at);
            check(at.found == b && at.place == j);
        }
    }

    for (i = 0; i < f->l->dims.n; i++) {
        j = f->l->governor.slot[i];
        check(j < QOE_DIMENSIONS_MAX && count[j] == g->slot[j].count);
        check(count[j] <= f->l->dims.dim[i].max);
    }
}


static void
check_all(flood_t *f)
{
    char      org[16];
    unsigned  r;

    check_store(f->l);
    check_table(f);

    for (r = 0; r < REAL; r++) {
        name(org, 'r', r);
        check(!f->sure[r] || f->l->now_ms - f->last_ms[r] > SURE_MS
              || known(f, QOE_DIM_ORG_ID, org));
    }
}


/* Nothing was lost: each event that came counts in some series. */

static void
check_totals(flood_t *f)
{
    char               org[16];
    size_t             i, r;
    double             all, real[REAL];
    qoe_span_t         text;
    qoe_collected_t    s;
    qoe_govern_info_t  info;

    all = total(f->l, QOE_METRIC_EVENTS_TOTAL);
    check(all <= (double) f->applied);
    memset(real, 0, sizeof(real));

    for (i = 0; i < qoe_collect_count(f->l->c, QOE_METRIC_EVENTS_TOTAL); i++) {
        qoe_collect_get(f->l->c, QOE_METRIC_EVENTS_TOTAL, i, &s);
        text = qoe_collect_block(f->l->c, s.base);

        for (r = 0; r < REAL && text.len != 0; r++) {
            name(org, 'r', (unsigned) r);

            if (memmem(text.data, text.len, org, 2) != NULL) {
                real[r] += s.number;
            }
        }
    }

    /* These are estimates of a HyperLogLog of 32,768 registers. */

    qoe_govern_info(&f->l->governor, QOE_DIM_CDN_PROVIDER, &info);
    check(!info.unknown);
    check(info.count <= f->sessions * 1.05 + 3);
    check(info.count >= f->sessions * 0.95 - 3);

    if (f->kept) {
        check(all == (double) f->applied);

        for (r = 0; r < REAL; r++) {
            check(real[r] == (double) f->real[r]);
        }
    }
}


static void
step(flood_t *f)
{
    switch (take(f->in, 16)) {

    case 0:
    case 1:
    case 2:
    case 3:
        viewer(f, take(f->in, VIEWERS));
        break;

    case 4:
        refuse(f);
        break;

    case 5:
        pass(f->l, f->l->now_ms + take(f->in, 60) * 1000);
        break;

    case 6:
        pass(f->l, f->l->now_ms + take_bytes(f->in, 2) * 1000);
        break;

    case 7:
        f->kept = false;
        collect(f);
        break;

    case 8:
        lane_hold(f->l, true);
        break;

    case 9:
        lane_hold(f->l, false);
        break;

    case 10:
        expire(f);
        break;

    default:
        attack(f);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t   in = { data, data + size };
    flood_t   f;
    unsigned  i;

    memset(&f, 0, sizeof(flood_t));
    f.l = lane();
    f.in = &in;
    f.kept = true;
    f.l->conf.series_ttl_ms = 600000;

    /* Three sessions of each org show it, at different seconds. */

    for (i = 0; i < 3 * REAL; i++) {
        viewer(&f, i);
    }

    check(f.sure[0] && f.sure[1] && f.sure[2]);

    for (i = 0; i < STEPS && in.p < in.end; i++) {
        step(&f);
        check_all(&f);
    }

    check_totals(&f);
    lane_free(f.l);

    return 0;
}
