
/*
 * Copyright (C) OpenQoE
 *
 * What an exporter does with the batches of its lanes: sends, spools or drops
 * them.
 */


#include "qoe_exporter.h"


/*
 * The circuit opens when the first failure has lasted so long, in ms, or at
 * this number of failures in a row.
 */
#define QOE_EXPORTER_OPEN_MS      1000
#define QOE_EXPORTER_OPEN         2

/* How long appends are not tried after one failed. */
#define QOE_EXPORTER_SPOOL_MS     250

/* How often the spool runs while nothing of it can be sent. */
#define QOE_EXPORTER_WAIT_MS      100

/* The batches that are dropped in one turn. */
#define QOE_EXPORTER_GIVE_UP      4

/* A batch in flight for longer is dropped too if the ring has no room. */
#define QOE_EXPORTER_STUCK_MS     1000


static void qoe_exporter_spool_run(qoe_exporter_t *e, uint64_t now_ms);
static void qoe_exporter_send(qoe_exporter_t *e, uint64_t now_ms);
static bool qoe_exporter_send_batch(qoe_exporter_t *e, qoe_export_batch_t *b,
    uint64_t now_ms);
static qoe_export_batch_t *qoe_exporter_next(qoe_exporter_t *e);
static bool qoe_exporter_ready(const qoe_exporter_t *e);
static bool qoe_exporter_parting(const qoe_exporter_t *e, uint64_t now_ms);
static bool qoe_exporter_relieve(qoe_exporter_t *e, qoe_held_t *held,
    uint64_t now_ms);
static bool qoe_exporter_give_up(qoe_exporter_t *e, qoe_held_t *held,
    uint64_t now_ms);


bool
qoe_exporter_open(const qoe_exporter_t *e, uint64_t now_ms)
{
    return e->retry.failures >= QOE_EXPORTER_OPEN
           || (e->retry.failures != 0
               && (e->refusing
                   || now_ms >= e->failing_ms + QOE_EXPORTER_OPEN_MS));
}


bool
qoe_exporter_can_spool(const qoe_exporter_t *e, uint64_t now_ms)
{
    return e->spool != NULL && now_ms >= e->spool_ms
           && !qoe_spool_failing(e->spool);
}


void
qoe_exporter_spool_failed(qoe_exporter_t *e, qoe_status_t rc, uint64_t now_ms)
{
    e->spool_ms = now_ms + QOE_EXPORTER_SPOOL_MS;

    /* the spool has logged its own failures */

    if (rc == QOE_FULL) {
        qoe_log_limited(e->env->log, &e->log_limit, QOE_LOG_WARN,
                        "exporter \"%s\": the spool is full", e->name);
    }
}


bool
qoe_exporter_commit(qoe_exporter_t *e, uint64_t now_ms)
{
    bool          more, sync;
    size_t        i;
    qoe_feed_t   *f;
    qoe_held_t   *held;
    qoe_status_t  rc;

    /* requests wait for their events alone */

    if (!qoe_exporter_can_spool(e, now_ms)
        || e->stream->kind != QOE_KIND_EVENT)
    {
        return false;
    }

    more = false;
    sync = false;

    for (i = 0; i < e->env->nheld; i++) {
        held = e->env->held[i];
        f = held->feed[e->index];

        if (f == NULL) {
            continue;
        }

        if (qoe_lane_asked(e->env->zone, held->lane, QOE_ACK_SPOOL)
            > f->taken)
        {
            rc = qoe_feed_commit(f, qoe_intake_pos(held->intake), now_ms);

            if (rc == QOE_AGAIN) {
                more = true;

            } else if (rc != QOE_OK) {
                qoe_exporter_spool_failed(e, rc, now_ms);
                return false;
            }
        }

        sync |= f->unsynced
                && qoe_lane_asked(e->env->zone, held->lane, QOE_ACK_FSYNC)
                   > f->synced;
    }

    if (!sync) {
        return more;
    }

    rc = qoe_spool_sync(e->spool);

    if (rc != QOE_OK) {
        qoe_exporter_spool_failed(e, rc, now_ms);
        return false;
    }

    for (i = 0; i < e->env->nheld; i++) {
        f = e->env->held[i]->feed[e->index];

        if (f != NULL && f->unsynced) {
            qoe_feed_synced(f);
        }
    }

    return more;
}


bool
qoe_exporter_run(qoe_exporter_t *e, uint64_t now_ms)
{
    bool    more;
    size_t  i;

    if (e->stream == NULL) {
        return false;
    }

    qoe_exporter_spool_run(e, now_ms);
    qoe_exporter_send(e, now_ms);

    if (!qoe_exporter_ready(e)) {
        qoe_exporter_backlog(e, now_ms);
    }

    if (e->env->handing_over) {
        return false;
    }

    more = false;

    for (i = 0; i < e->env->nheld; i++) {
        if (e->env->held[i]->feed[e->index] != NULL) {
            more |= qoe_exporter_relieve(e, e->env->held[i], now_ms);
        }
    }

    return more;
}


static void
qoe_exporter_spool_run(qoe_exporter_t *e, uint64_t now_ms)
{
    if (e->spool != NULL && qoe_spool_due_ms(e->spool) <= now_ms) {
        qoe_spool_run(e->spool, now_ms);
        e->backlog_ms = 0;

        /* a backlog that cannot be sent now would be due all the time */

        e->run_ms = now_ms + ((e->item_sent || qoe_exporter_ready(e)
                               || !qoe_retry_due(&e->retry, now_ms))
                              ? QOE_EXPORTER_WAIT_MS : 1);
    }
}


static void
qoe_exporter_send(qoe_exporter_t *e, uint64_t now_ms)
{
    qoe_export_batch_t  *b;

    /* it would be aborted, and sent again from the spool */

    if (qoe_exporter_parting(e, now_ms)) {
        return;
    }

    while (e->sending < QOE_EXPORTER_WINDOW
           && qoe_retry_due(&e->retry, now_ms))
    {
        /* while the server fails, it is tried with one request at a time */

        if (e->retry.failures != 0 && (e->sending != 0 || e->item_sent)) {
            return;
        }

        b = qoe_exporter_next(e);

        if (b == NULL || !qoe_exporter_send_batch(e, b, now_ms)) {
            return;
        }
    }
}


static bool
qoe_exporter_send_batch(qoe_exporter_t *e, qoe_export_batch_t *b,
    uint64_t now_ms)
{
    qoe_status_t  rc;

    rc = qoe_exporter_ship(e, e->stream->signal,
                           (qoe_span_t) { b->payload.data, b->payload.len },
                           b);

    if (rc == QOE_NOMEM || rc == QOE_ERROR) {
        e->retry.not_before_ms = now_ms + QOE_BACKOFF_MIN_MS;
        return false;
    }

    if (rc != QOE_OK) {
        qoe_log_limited(e->env->log, &e->log_limit, QOE_LOG_ERR,
                        "exporter \"%s\": %zu %s dropped, they cannot be sent "
                        "as JSON", e->name, b->items, e->stream->noun);
        qoe_feed_unsendable(b);
        qoe_feed_release(b->feed);
        return true;
    }

    b->state = QOE_BATCH_SENDING;
    b->sent_ms = now_ms;
    e->sending++;

    if (e->env->handing_over) {
        qoe_transport_deadline(e->transport, e->env->until_ms
                               - qoe_min(now_ms, e->env->until_ms));
    }

    return true;
}


/*
 * Takes the lanes in turn, so that a busy lane does not starve another; but
 * what no answer has held comes first, see qoe_feed_ready().
 */

static qoe_export_batch_t *
qoe_exporter_next(qoe_exporter_t *e)
{
    size_t               i, lane, turn;
    qoe_feed_t          *f;
    qoe_export_batch_t  *b, *next;

    next = NULL;
    turn = e->turn;

    for (i = 1; i <= e->env->nheld; i++) {
        lane = (e->turn + i) % e->env->nheld;
        f = e->env->held[lane]->feed[e->index];

        if (f == NULL || (e->env->handing_over && !qoe_feed_blocked(f))) {
            continue;
        }

        b = qoe_feed_ready(f);

        if (b != NULL && (next == NULL || b->hold < next->hold)) {
            next = b;
            turn = lane;
        }
    }

    e->turn = turn;

    return next;
}


static bool
qoe_exporter_ready(const qoe_exporter_t *e)
{
    size_t       i;
    qoe_feed_t  *f;

    for (i = 0; i < e->env->nheld; i++) {
        f = e->env->held[i]->feed[e->index];

        if (f != NULL && qoe_feed_ready(f) != NULL
            && (!e->env->handing_over || qoe_feed_blocked(f)))
        {
            return true;
        }
    }

    return false;
}


/* At an exit, whether all that is left goes to the spool. */

static bool
qoe_exporter_parting(const qoe_exporter_t *e, uint64_t now_ms)
{
    return e->env->leaving
           && (e->env->spooling || qoe_exporter_open(e, now_ms))
           && qoe_exporter_can_spool(e, now_ms);
}


/* Spools, or else drops, batches that the server does not take in time. */

static bool
qoe_exporter_relieve(qoe_exporter_t *e, qoe_held_t *held, uint64_t now_ms)
{
    bool          lags;
    uint64_t      lag;
    qoe_feed_t   *f;
    qoe_status_t  rc;

    f = held->feed[e->index];
    lags = qoe_held_lags(held, e->index);

    if (!lags && !qoe_exporter_open(e, now_ms)
        && !qoe_exporter_parting(e, now_ms))
    {
        return false;
    }

    if (!qoe_exporter_can_spool(e, now_ms)) {
        return lags && qoe_exporter_give_up(e, held, now_ms);
    }

    lag = qoe_feed_lag(f);
    rc = qoe_feed_spool(f);

    if (rc != QOE_OK) {
        qoe_exporter_spool_failed(e, rc, now_ms);
        return false;
    }

    return qoe_feed_lag(f) < lag;
}


/*
 * Drops records before they fill the ring: other exporters must not have to
 * wait for this one.
 */

static bool
qoe_exporter_give_up(qoe_exporter_t *e, qoe_held_t *held, uint64_t now_ms)
{
    int       i;
    size_t    n, lost;
    uint64_t  sent_ms;

    sent_ms = qoe_exporter_open(e, now_ms)
              ? UINT64_MAX
              : now_ms - qoe_min(now_ms, QOE_EXPORTER_STUCK_MS);
    lost = 0;

    for (i = 0; i < QOE_EXPORTER_GIVE_UP; i++) {

        if (!qoe_held_lags(held, e->index)
            || !qoe_held_behind(held, e->index)
            || !qoe_feed_give_up(held->feed[e->index],
                                 qoe_intake_pos(held->intake), now_ms,
                                 sent_ms, &n))
        {
            break;
        }

        lost += n;
    }

    if (lost != 0) {
        qoe_report_exported(e->env->self, e->stream->signal, lost, "behind");
        qoe_zone_refused(e->env->zone, now_ms);
        qoe_log_limited(e->env->log, &e->log_limit, QOE_LOG_ERR,
                        "exporter \"%s\": %zu %s dropped to make room in the "
                        "queue for other exporters", e->name, lost,
                        e->stream->noun);
    }

    return i == QOE_EXPORTER_GIVE_UP;
}


uint64_t
qoe_exporter_due_ms(const qoe_exporter_t *e, uint64_t now_ms)
{
    uint64_t  at;

    if (e->stream == NULL) {
        return UINT64_MAX;
    }

    at = UINT64_MAX;

    if (qoe_exporter_ready(e) && e->sending == 0 && !e->item_sent) {
        at = e->retry.not_before_ms;
    }

    if (e->spool == NULL) {
        return at;
    }

    at = qoe_min(at, qoe_max(qoe_spool_due_ms(e->spool), e->run_ms));

    /* wake for the next try, maybe the backlog's, and for the circuit */

    if (e->retry.failures != 0) {

        if (now_ms < e->retry.not_before_ms) {
            at = qoe_min(at, e->retry.not_before_ms);
        }

        if (now_ms < e->failing_ms + QOE_EXPORTER_OPEN_MS) {
            at = qoe_min(at, e->failing_ms + QOE_EXPORTER_OPEN_MS);
        }
    }

    if (now_ms < e->spool_ms) {
        at = qoe_min(at, e->spool_ms);
    }

    return at;
}


bool
qoe_exporter_idle(const qoe_exporter_t *e, uint64_t now_ms)
{
    size_t       i;
    qoe_feed_t  *f;

    if (e->sending == 0 && !e->item_sent) {
        return true;
    }

    if (!qoe_exporter_open(e, now_ms)) {
        return false;
    }

    for (i = 0; i < e->env->nheld; i++) {
        f = e->env->held[i]->feed[e->index];

        if (f != NULL && qoe_feed_unsafe(f)) {
            return false;
        }
    }

    return true;
}
