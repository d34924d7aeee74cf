
/*
 * Copyright (C) OpenQoE
 *
 * An exporter of two lanes whose transport and intake, and what says that a
 * lane lags, are the test's.
 */


#ifndef _EXPORTER_UNIT_H_INCLUDED_
#define _EXPORTER_UNIT_H_INCLUDED_


#include "qoe_exporter.h"
#include "qoe_outcome.h"
#include "spool_unit.h"


#define BATCH              2
#define SHIPS              (QOE_EXPORTER_WINDOW + 1)


struct qoe_transport_s {
    qoe_transport_done_pt  done[SHIPS];
    void                  *data[SHIPS];
    size_t                 n;                /* in flight */
    int                    sent;             /* so far */
    char                   first;            /* byte of the last payload */
    size_t                 len;              /* of it */
    bool                   nomem;
    uint64_t               deadline_ms;
};


static struct qoe_transport_s  wire;
static uint64_t                at;           /* the time, ms */
static bool                    lags, behind;
static bool                    json;         /* the transport's encoding */
static bool                    unfit;        /* batches cannot be JSON */

static qoe_zone_t          *zone;
static qoe_conf_t           qoe_conf;
static qoe_state_t          state;
static qoe_self_env_t       self_env;
static qoe_exporter_env_t   env;
static qoe_exporter_t       e;
static qoe_held_t           held[LANES];


qoe_status_t
qoe_transport_create(qoe_transport_t **t, qoe_net_t *net,
    const qoe_transport_conf_t *c, const qoe_log_t *log)
{
    (void) net;
    (void) c;
    (void) log;

    memset(&wire, 0, sizeof(wire));
    *t = &wire;

    return QOE_OK;
}


void
qoe_transport_destroy(qoe_transport_t *t)
{
    if (t != NULL) {
        t->n = 0;
    }
}


void
qoe_transport_reopen(qoe_transport_t *t)
{
    (void) t;
}


void
qoe_transport_deadline(qoe_transport_t *t, uint64_t ms)
{
    t->deadline_ms = ms;
}


qoe_encoding_t
qoe_transport_encoding(const qoe_transport_t *t)
{
    (void) t;

    return json ? QOE_ENCODING_JSON : QOE_ENCODING_PROTOBUF;
}


qoe_status_t
qoe_transport_send(qoe_transport_t *t, qoe_signal_t signal,
    qoe_span_t payload, qoe_transport_done_pt done, void *data)
{
    if (signal != QOE_SIGNAL_LOGS || payload.len == 0 || t->n == SHIPS) {
        abort();
    }

    if (t->nomem) {
        return QOE_NOMEM;
    }

    t->done[t->n] = done;
    t->data[t->n++] = data;
    t->sent++;
    t->first = payload.data[0];
    t->len = payload.len;

    return QOE_OK;
}


uint64_t
qoe_intake_pos(const qoe_intake_t *in)
{
    (void) in;

    return UINT64_MAX;
}


bool
qoe_held_lags(const qoe_held_t *h, size_t i)
{
    return lags && qoe_feed_lag(h->feed[i]) != 0;
}


bool
qoe_held_behind(const qoe_held_t *h, size_t i)
{
    (void) h;
    (void) i;

    return behind;
}


/* Answers the oldest request in flight. */

static inline void
answer(qoe_outcome_kind_t kind, int64_t rejected)
{
    void                   *data;
    qoe_outcome_t           o;
    qoe_transport_done_pt   done;

    if (wire.n == 0) {
        abort();
    }

    qoe_outcome_init(&o);
    o.rejected = rejected;

    if (kind != QOE_OUTCOME_OK) {
        qoe_outcome_fail(&o, kind, "503");
    }

    done = wire.done[0];
    data = wire.data[0];
    wire.n--;
    memmove(wire.done, wire.done + 1, wire.n * sizeof(wire.done[0]));
    memmove(wire.data, wire.data + 1, wire.n * sizeof(wire.data[0]));

    done(data, &o);
}


static inline qoe_status_t
encode(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    char    *p;
    size_t   i;

    (void) id;
    (void) arena;

    *nbad = 0;

    /* an empty list of resources, or bytes that are none */

    if (json && !unfit) {
        memcpy(qoe_buf_reserve(out, 2), "\n\0", 2);
        out->len += 2;
        return QOE_OK;
    }

    p = qoe_buf_reserve(out, n);

    for (i = 0; i < n; i++) {
        p[i] = unfit ? (char) 0xff : records[i].data[0];
    }

    out->len += n;

    return QOE_OK;
}


static uint64_t
received(qoe_span_t record)
{
    (void) record;

    return 7;
}


static const qoe_stream_t  stream = {
    .noun = "things", .kind = QOE_KIND_EVENT, .signal = QOE_SIGNAL_LOGS,
    .encode = encode, .received = received
};


static uint64_t  max_size;                   /* of the spool; 0: large */
static uint64_t  rate;                       /* of the backlog; 0: any */

static inline void
start(bool with_spool)
{
    int                   i;
    qoe_exporter_conf_t   c;

    begin();

    if (max_size != 0) {
        conf.max_size = max_size;
        conf.reject = true;
    }

    conf.replay_rate = rate;
    at = qoe_mono_ms();
    lags = behind = false;
    zone = zone_new(LANES);
    configure(zone, "A", &c.dest[0]);

    memset(&env, 0, sizeof(env));
    memset(&c, 0, sizeof(c));
    memset(held, 0, sizeof(held));
    self_env = (qoe_self_env_t) { &state, &qoe_conf, 0, self, &test_log };
    env.zone = zone;
    env.self = &self_env;
    env.log = &test_log;
    env.nheld = LANES;
    qoe_arena_init(&env.scratch, &qoe_mem_heap, 64, 4096);

    c.name = qoe_span("A");
    c.metrics_dest = UINT32_MAX;
    c.batch_size = BATCH;
    c.interval_ms = 0;

    if (with_spool) {
        c.spool = conf;
    }

    if (qoe_exporter_create(&e, &env, 0, &c, QOE_STREAM_LOGS, NULL)
        != QOE_OK)
    {
        abort();
    }

    e.stream = &stream;
    e.feed.stream = &stream;

    for (i = 0; i < LANES; i++) {
        (void) qoe_lane_dests(zone, (uint32_t) i);

        if (e.spool != NULL && qoe_spool_take(e.spool, (uint32_t) i)
                               != QOE_OK)
        {
            abort();
        }

        env.held[i] = &held[i];
        held[i].zone = zone;
        held[i].lane = (uint32_t) i;
        held[i].nfeeds = 1;
        held[i].feed[0] = qoe_feed_create(&e.feed, (uint32_t) i);
    }
}


static inline void
end(void)
{
    int  i;

    qoe_exporter_abort(&e);

    for (i = 0; i < LANES; i++) {
        qoe_feed_destroy(held[i].feed[0]);
        held[i].feed[0] = NULL;
    }

    qoe_exporter_destroy(&e);
    spool_zone_free(zone);
}


/* n batches of the lane are ready. */

static inline void
ready(uint32_t lane, int n)
{
    int        i;
    uint64_t   wake[QOE_LANES_MAX / 64];
    qoe_put_t  p;

    p = (qoe_put_t) { lane, lane ? qoe_span("1       ") : qoe_span("0       "),
                      qoe_span_null, 0 };

    for (i = 0; i < n * BATCH; i++) {
        if (qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
            != QOE_OK)
        {
            abort();
        }
    }

    qoe_feed_run(held[lane].feed[0], UINT64_MAX, at, true);
}


static inline bool
run(void)
{
    return qoe_exporter_run(&e, at);
}


static inline void
pass_ms(uint64_t ms)
{
    at = qoe_max(at, qoe_mono_ms()) + ms;
}


/* The next try is due; answers are judged by the real clock. */

static inline void
later(void)
{
    e.retry.not_before_ms = 0;
}


#endif /* _EXPORTER_UNIT_H_INCLUDED_ */
