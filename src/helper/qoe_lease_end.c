
/*
 * Copyright (C) OpenQoE
 *
 * The end of a helper: when its work is done, and what is lost with it.
 */


#include "qoe_helper_priv.h"
#include "qoe_tap.h"


/* An older row is of a helper that is gone: live ones update every 5 s. */
#define QOE_LEASE_LATELY_MS    15000

/* How long the last helper waits for lanes of others that have ended. */
#define QOE_LEASE_HEIRLESS_MS  500


static bool qoe_lease_drained(qoe_helper_t *h, uint64_t now);
static bool qoe_lease_last_records(qoe_helper_t *h, uint64_t now);
static uint32_t qoe_lease_others(qoe_helper_t *h);
static void qoe_lease_count_left(qoe_helper_t *h);
static uint64_t qoe_lease_left(qoe_helper_t *h, bool last);


/*
 * All records are out, and for the last helper those of the views that are
 * still alive and the metrics as well, because the zone may vanish with it.  A
 * helper that still waits for an answer is not gone, and may become the last
 * one.
 */

bool
qoe_lease_finished(qoe_helper_t *h, uint64_t now)
{
    if (!qoe_lease_drained(h, now)) {
        h->drained_ns = 0;
        return false;
    }

    if (h->drained_ns == 0) {
        h->drained_ns = qoe_unix_ns();
    }

    if (!h->last && qoe_lease_others(h) == 0) {

        if (qoe_lease_last_records(h, now)) {
            return false;
        }

        h->last = qoe_report_last(h->report, h->drained_ns);

        if (!h->last) {
            return false;
        }
    }

    return qoe_report_idle(h->report);
}


/*
 * Puts records of the views that are alive.  true: they have to be sent, or
 * more will be put; or lanes of a helper that has just ended are still to be
 * taken, for a while.
 */

static bool
qoe_lease_last_records(qoe_helper_t *h, uint64_t now)
{
    bool      more;
    size_t    i;
    uint32_t  lane;

    if (!h->intake.conf->views || h->intake.conf->record_ms == 0) {
        return false;
    }

    if (h->alone_at_ms == 0) {
        h->alone_at_ms = now;
    }

    for (lane = 0; lane < qoe_zone_lanes(h->conf.zone); lane++) {
        if (!qoe_lease_holds(h, lane)
            && now - h->alone_at_ms < QOE_LEASE_HEIRLESS_MS)
        {
            return true;
        }
    }

    more = false;

    for (i = 0; i < h->env.nheld; i++) {
        more |= qoe_intake_leave(h->env.held[i]->intake);
    }

    h->more |= more;

    return more;
}


/* The number of other helpers of the zone that live. */

static uint32_t
qoe_lease_others(qoe_helper_t *h)
{
    qoe_workers_t  others;

    if (!h->gone) {
        h->gone = true;

        /* first, so that of two that exit at once, one finds itself alone */

        qoe_self_worker_gone(h->state.self, h->self);
    }

    qoe_self_workers(h->state.self, qoe_mono_ms(), QOE_LEASE_LATELY_MS,
                     &others);

    return others.helpers;
}


/* Whether every record that this helper could send is sent, or in a spool. */

static bool
qoe_lease_drained(qoe_helper_t *h, uint64_t now)
{
    size_t           i;
    uint32_t         lane;
    qoe_lane_info_t  info;

    if (h->handing_over) {
        return false;
    }

    for (i = 0; i < h->nexporters; i++) {
        if (!qoe_exporter_idle(&h->exporter[i], now)) {
            return false;
        }
    }

    for (i = 0; i < h->env.nheld; i++) {
        if (!qoe_held_empty(h->env.held[i])) {
            return false;
        }
    }

    /* lanes of other helpers are theirs to send */

    for (lane = 0; lane < qoe_zone_lanes(h->conf.zone); lane++) {

        if (qoe_lease_holds(h, lane)) {
            continue;
        }

        qoe_zone_lane_info(h->conf.zone, lane, &info);

        if ((info.used != 0 || qoe_tap_used(h->conf.zone, lane) != 0)
            && !qoe_proc_alive(info.owner))
        {
            return false;
        }
    }

    return true;
}


void
qoe_lease_close(qoe_helper_t *h)
{
    size_t    i;
    uint32_t  lane;

    while (h->env.nheld != 0) {
        qoe_lease_give(h, 0);
    }

    /* an adopted lane that was never served stays a dead process's lane */

    for (lane = 0; lane < qoe_zone_lanes(h->conf.zone); lane++) {
        if (h->owed[lane] == QOE_LANE_TAKEN) {
            qoe_lane_give(h->conf.zone, lane, h->self);
        }
    }

    for (i = 0; i < h->nexporters; i++) {
        qoe_exporter_close_spool(&h->exporter[i]);
    }

    (void) qoe_lease_others(h);
    qoe_lease_count_left(h);
}


/*
 * The thread did not return, perhaps because of a disk or a resolver.  The
 * worker exits without it, and counts here what it holds.
 */

void
qoe_lease_late(qoe_helper_t *h)
{
    qoe_self_worker_gone(h->state.self, h->self);
    qoe_lease_count_left(h);
}


static void
qoe_lease_count_left(qoe_helper_t *h)
{
    bool           last;
    uint64_t       left;
    qoe_workers_t  others;

    qoe_self_workers(h->state.self, qoe_mono_ms(), QOE_LEASE_LATELY_MS,
                     &others);
    last = (others.helpers == 0);
    left = qoe_lease_left(h, last);

    if (left == 0) {
        return;
    }

    qoe_log(&h->conf.log, QOE_LOG_ERR,
            "%llu events were not exported within the drain "
            "timeout of %llu ms; they %s", (unsigned long long) left,
            (unsigned long long) h->drain_ms,
            last ? "stay in the zone and are lost if nginx stops"
                 : "stay in the zone, for other helpers");

    /* they are lost if no other process uses the zone, or nginx stops */

    if (last && h->conf.lost != NULL) {
        __atomic_fetch_add(h->conf.lost, left, __ATOMIC_RELAXED);
    }
}


/*
 * The events that no helper holds and that are not sent.  At the last exit
 * these include the lanes of a late helper, whose process is still alive.
 */

static uint64_t
qoe_lease_left(qoe_helper_t *h, bool last)
{
    uint32_t         lane;
    uint64_t         left;
    qoe_lane_info_t  info;

    left = 0;

    for (lane = 0; lane < qoe_zone_lanes(h->conf.zone); lane++) {
        qoe_zone_lane_info(h->conf.zone, lane, &info);

        if (last) {
            if (!qoe_self_worker_here(h->state.self, info.owner)) {
                left += qoe_lane_lost(h->conf.zone, lane);
            }

        } else if (info.owner == h->self || !qoe_proc_alive(info.owner)) {
            left += info.produced - info.consumed;
        }
    }

    return left;
}
