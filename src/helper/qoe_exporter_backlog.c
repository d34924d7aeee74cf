
/*
 * Copyright (C) OpenQoE
 *
 * Sends what is in the spool, one request at a time, and only while no live
 * batch waits.
 */


#include "qoe_exporter.h"
#include "qoe_crc32c.h"
#include "qoe_outcome.h"
#include "qoe_spool_info.h"


/* The time to the next look if the backlog was empty. */
#define QOE_BACKLOG_LOOK_MS    5000
#define QOE_BACKLOG_NOMEM_MS   1000

static bool qoe_exporter_backlog_next(qoe_exporter_t *e, uint64_t now_ms);
static void qoe_exporter_backlog_drop(qoe_exporter_t *e,
    qoe_dest_counter_t reason);
static void qoe_exporter_backlog_failing(qoe_exporter_t *e,
    const qoe_outcome_t *o);
static bool qoe_exporter_backlog_blamed(qoe_exporter_t *e);
static void qoe_exporter_backlog_turn(qoe_exporter_t *e);
static void qoe_exporter_backlog_refused(qoe_exporter_t *e,
    const qoe_outcome_t *o);


void
qoe_exporter_backlog(qoe_exporter_t *e, uint64_t now_ms)
{
    qoe_status_t  rc;

    if (e->spool == NULL || e->item_sent || e->env->leaving
        || e->env->handing_over || now_ms < e->backlog_ms
        || !qoe_retry_due(&e->retry, now_ms)
        || (e->retry.failures != 0 && e->sending != 0))
    {
        return;
    }

    if (!e->item_held && !qoe_exporter_backlog_next(e, now_ms)) {
        return;
    }

    rc = qoe_exporter_ship(e, e->item.signal, e->item.payload, NULL);

    switch (rc) {

    case QOE_OK:
        e->item_sent = true;
        return;

    case QOE_NOMEM:
    case QOE_ERROR:
        e->backlog_ms = now_ms + QOE_BACKLOG_NOMEM_MS;
        return;

    default:
        qoe_log_limited(e->env->log, &e->log_limit, QOE_LOG_ERR,
                        "exporter \"%s\": %u spooled %s dropped, they cannot "
                        "be sent", e->name, e->item.items, e->stream->noun);
        qoe_exporter_backlog_drop(e, QOE_DEST_DROPPED_CORRUPT);
    }
}


static bool
qoe_exporter_backlog_next(qoe_exporter_t *e, uint64_t now_ms)
{
    switch (qoe_spool_next(e->spool, now_ms, &e->item)) {

    case QOE_OK:
        e->item_held = true;
        return true;

    case QOE_AGAIN:
        /* qoe_spool_run(), when it is due, sets this back to 0 */
        e->backlog_ms = UINT64_MAX;
        return false;

    case QOE_DONE:
        e->backlog_ms = now_ms + QOE_BACKLOG_LOOK_MS;
        return false;

    default:
        e->backlog_ms = now_ms + QOE_BACKLOG_NOMEM_MS;
        return false;
    }
}


void
qoe_exporter_backlog_done(qoe_exporter_t *e, const qoe_outcome_t *o)
{
    uint64_t  rejected;

    e->item_sent = false;

    switch (o->kind) {

    case QOE_OUTCOME_OK:
        rejected = qoe_outcome_rejected(o, e->item.items);

        qoe_exporter_sent(e, o);
        qoe_exporter_count(e, QOE_DEST_REPLAYED, e->item.items);
        qoe_exporter_rejected(e, rejected, e->item.items, o);
        qoe_exporter_count(e, QOE_DEST_REJECTED, rejected);

        qoe_spool_next_done(e->spool);
        e->item_held = false;

        qoe_exporter_answered(e, NULL);
        return;

    case QOE_OUTCOME_FINAL:
        qoe_exporter_backlog_refused(e, o);
        return;

    case QOE_OUTCOME_HOLD:
        if (qoe_exporter_backlog_blamed(e)) {
            qoe_exporter_backlog_refused(e, o);
            return;
        }

        qoe_exporter_backlog_failing(e, o);
        qoe_exporter_failed(e, o, true);
        qoe_exporter_backlog_turn(e);
        return;

    default:
        qoe_exporter_backlog_failing(e, o);
        qoe_exporter_failed(e, o, true);
        qoe_spool_next_again(e->spool);
        e->item_held = false;
    }
}


/*
 * Health is kept for each lane.  That of the request may have been given away
 * meanwhile, so the failure is noted in one of the lanes held; a success clears
 * all of them.
 */

static void
qoe_exporter_backlog_failing(qoe_exporter_t *e, const qoe_outcome_t *o)
{
    size_t  i;

    for (i = 0; i < e->env->nheld; i++) {
        if (e->env->held[i]->feed[e->index] != NULL) {
            qoe_lane_dest_report(e->env->zone, e->env->held[i]->lane,
                                 e->dest, qoe_unix_ns() / 1000000,
                                 qoe_outcome_error(o), true);
            return;
        }
    }
}


static bool
qoe_exporter_backlog_blamed(qoe_exporter_t *e)
{
    bool      first;
    uint32_t  crc;

    crc = qoe_crc32c(0, e->item.payload.data, e->item.payload.len);
    first = (crc != e->blamed_crc);
    e->blamed_crc = crc;

    return qoe_exporter_blame(e, &e->blame, first);
}


/*
 * Moves a refused request to the end of the backlog, to see whether the server
 * takes another one.  Not if the copy could push out the oldest segment: a
 * spool is full because the server was away, and will be read in order.
 */

static void
qoe_exporter_backlog_turn(qoe_exporter_t *e)
{
    qoe_spool_info_t  info;

    e->item_held = false;

    qoe_spool_info(e->env->zone, e->dest, &info);

    if (info.events > e->item.items
        && info.bytes < e->conf.spool.max_size / 2
        && qoe_spool_append(e->spool, e->item.lane, e->item.signal,
                            e->item.payload, e->item.items,
                            e->item.received_ns, NULL)
           == QOE_OK
        && qoe_spool_sync(e->spool) == QOE_OK)
    {
        qoe_spool_next_done(e->spool);
        return;
    }

    qoe_spool_next_again(e->spool);
}


static void
qoe_exporter_backlog_refused(qoe_exporter_t *e, const qoe_outcome_t *o)
{
    const char  *error;

    error = qoe_outcome_error(o);

    qoe_report_exported(e->env->self, e->stream->signal, e->item.items,
                        o->error_type);
    qoe_exporter_answered(e, error);
    qoe_zone_refused(e->env->zone, qoe_mono_ms());

    qoe_exporter_count(e, QOE_DEST_BATCHES_FAILED, 1);
    qoe_log_limited(e->env->log, &e->log_limit, QOE_LOG_ERR,
                    "exporter \"%s\": %u spooled %s dropped, the collector "
                    "refused them for good: %s", e->name, e->item.items,
                    e->stream->noun, error);

    qoe_spool_quarantine(e->spool, e->item.signal, e->item.payload,
                         e->item.items, e->item.received_ns);
    qoe_exporter_backlog_drop(e, QOE_DEST_DROPPED_REFUSED);
}


static void
qoe_exporter_backlog_drop(qoe_exporter_t *e, qoe_dest_counter_t reason)
{
    qoe_exporter_count(e, reason, e->item.items);
    qoe_spool_next_done(e->spool);
    e->item_held = false;
}
