
/*
 * Copyright (C) OpenQoE
 *
 * Which lanes a helper holds.
 *
 * Every lane has one preferred helper, lane % workers == worker, which takes
 * it at once.  The others only take what nobody has held for a while.  A
 * helper of an old generation finishes what is in flight and gives its lanes
 * away, although its worker may go on producing for hours.
 *
 * A helper that leaves, of whatever generation, also takes what nobody holds:
 * the last one to go sends the last record.  It leaves a moment to those that
 * stay, who are as a rule faster.
 */


#include "qoe_helper_priv.h"


/* preferred lanes: a hand-over takes as long as a batch is in flight */
#define QOE_LEASE_SOON_MS      20
#define QOE_LEASE_SOON_FOR_MS  30000
#define QOE_LEASE_LATER_MS     500
#define QOE_LEASE_SWEEP_MS     5000      /* of orphans; all there is at idle */
#define QOE_LEASE_ORPHAN_MS    2000
#define QOE_LEASE_LEFT_MS      100       /* the same, for one that leaves */

/* A helper tells of itself every 5 s. */
#define QOE_LEASE_LATELY_MS    15000


static bool qoe_lease_drained(qoe_helper_t *h);
static void qoe_lease_hand_over(qoe_helper_t *h, uint64_t now);
static size_t qoe_lease_take_preferred(qoe_helper_t *h);
static void qoe_lease_take_orphans(qoe_helper_t *h, uint64_t older_ms);
static bool qoe_lease_take(qoe_helper_t *h, uint32_t lane);
static void qoe_lease_give(qoe_helper_t *h, size_t i);
static bool qoe_lease_holds(const qoe_helper_t *h, uint32_t lane);


void
qoe_lease_update(qoe_helper_t *h, uint64_t now)
{
    bool    given;
    size_t  missing;

    qoe_row_update(h, now);

    if (!h->conf.single && !h->handing_over && h->leaving_ms == 0
        && qoe_zone_generation(h->conf.zone) != h->conf.generation)
    {
        h->handing_over = true;
        h->hand_over_ms = now + h->conf.drain_ms;
        qoe_transport_deadline(h->transport, h->conf.drain_ms);
    }

    if (h->handing_over) {
        qoe_lease_hand_over(h, now);
        given = qoe_report_give(h->report) && h->nfeeds == 0;

        if (!given || h->leaving_ms == 0) {
            h->lease_ms = given ? UINT64_MAX
                          : qoe_max(h->hand_over_ms, now + QOE_LEASE_SOON_MS);
            return;
        }
    }

    if (h->leaving_ms != 0) {
        h->handing_over = false;
        qoe_lease_take_orphans(h, QOE_LEASE_LEFT_MS);
        h->lease_ms = now + QOE_LEASE_SOON_MS;
        return;
    }

    if (now < h->lease_ms) {
        return;
    }

    if (h->started_ms == 0) {
        h->started_ms = now;
    }

    qoe_report_take(h->report);

    missing = qoe_lease_take_preferred(h);

    if (missing == 0 || now - h->started_ms >= QOE_LEASE_SOON_FOR_MS) {
        qoe_lease_take_orphans(h, QOE_LEASE_ORPHAN_MS);
        h->lease_ms = now + QOE_LEASE_SWEEP_MS;

    } else {
        h->lease_ms = now + ((now - h->started_ms < QOE_LEASE_LATER_MS)
                             ? QOE_LEASE_SOON_MS : QOE_LEASE_LATER_MS);
    }
}


/*
 * Every record is out, and the metrics of them: the last helper of all sees
 * to that, for the zone may be gone with it.  One that waits for an answer is
 * not gone, and may become the last.
 */

bool
qoe_lease_finished(qoe_helper_t *h)
{
    qoe_workers_t  others;

    if (!qoe_lease_drained(h)) {
        h->drained_ns = 0;
        return false;
    }

    if (h->drained_ns == 0) {
        h->drained_ns = qoe_unix_ns();
    }

    if (!h->gone) {
        h->gone = true;

        /* first: of two that leave at once, one sees that it is alone */

        qoe_self_worker_gone(h->state.self, h->self);
    }

    if (!h->last) {
        qoe_self_workers(h->state.self, qoe_mono_ms(), QOE_LEASE_LATELY_MS,
                         &others);

        if (others.helpers == 0) {
            h->last = qoe_report_last(h->report, h->drained_ns);

            if (!h->last) {
                return false;
            }
        }
    }

    return qoe_report_idle(h->report);
}


/* Is every record that this helper could send sent? */

static bool
qoe_lease_drained(qoe_helper_t *h)
{
    size_t           i;
    uint32_t         lane;
    qoe_lane_info_t  info;

    if (h->sending != 0 || h->handing_over) {
        return false;
    }

    for (i = 0; i < h->nfeeds; i++) {
        if (!qoe_feed_empty(h->feed[i])) {
            return false;
        }
    }

    /* what others hold is theirs to send */

    for (lane = 0; lane < qoe_zone_lanes(h->conf.zone); lane++) {

        if (qoe_lease_holds(h, lane)) {
            continue;
        }

        qoe_zone_lane_info(h->conf.zone, lane, &info);

        if (info.used != 0 && !qoe_proc_alive(info.owner)) {
            return false;
        }
    }

    return true;
}


void
qoe_lease_close(qoe_helper_t *h)
{
    uint32_t         lane;
    uint64_t         left;
    qoe_lane_info_t  info;

    while (h->nfeeds != 0) {
        qoe_lease_give(h, 0);
    }

    left = 0;

    for (lane = 0; lane < qoe_zone_lanes(h->conf.zone); lane++) {
        qoe_zone_lane_info(h->conf.zone, lane, &info);

        if (!qoe_proc_alive(info.owner)) {
            left += info.produced - info.consumed;
        }
    }

    if (left != 0) {
        qoe_log(&h->conf.log, QOE_LOG_ERR,
                "%llu events were not exported within the drain "
                "timeout of %llu ms; they stay in the zone and are lost if "
                "nginx stops", (unsigned long long) left,
                (unsigned long long) h->drain_ms);
    }
}


/*
 * A lane goes once none of its batches is in flight: what was not answered
 * is read again by the next owner.  So would be what was taken behind a batch
 * that was not: that one is tried until the hand-over must end.
 */

static void
qoe_lease_hand_over(qoe_helper_t *h, uint64_t now)
{
    size_t  i;

    for (i = 0; i < h->nfeeds; /* void */) {

        if (qoe_feed_sending(h->feed[i])
            || (qoe_feed_blocked(h->feed[i]) && now < h->hand_over_ms))
        {
            i++;
            continue;
        }

        qoe_lease_give(h, i);
    }
}


/* How many of them are held by somebody else. */

static size_t
qoe_lease_take_preferred(qoe_helper_t *h)
{
    size_t    missing;
    uint32_t  lane;

    missing = 0;

    for (lane = h->conf.worker;
         lane < qoe_zone_lanes(h->conf.zone);
         lane += h->conf.workers)
    {
        if (!qoe_lease_holds(h, lane) && !qoe_lease_take(h, lane)) {
            missing++;
        }
    }

    return missing;
}


static void
qoe_lease_take_orphans(qoe_helper_t *h, uint64_t older_ms)
{
    uint32_t         lane;
    uint64_t         now;
    qoe_lane_info_t  info;

    now = qoe_mono_ms();

    for (lane = 0; lane < qoe_zone_lanes(h->conf.zone); lane++) {

        if (qoe_lease_holds(h, lane)) {
            continue;
        }

        qoe_zone_lane_info(h->conf.zone, lane, &info);

        if (info.lease_ms + older_ms <= now && !qoe_proc_alive(info.owner)) {
            (void) qoe_lease_take(h, lane);
        }
    }
}


static bool
qoe_lease_take(qoe_helper_t *h, uint32_t lane)
{
    bool         adopted;
    qoe_feed_t  *feed;

    if (qoe_lane_take(h->conf.zone, lane, h->self, &adopted) != QOE_OK) {
        return false;
    }

    if (adopted) {
        qoe_zone_count(h->conf.zone, h->env.slot, QOE_COUNT_LANES_ADOPTED, 1);
        qoe_log(&h->conf.log, QOE_LOG_NOTICE,
                "lane %u adopted from a process that ended", lane);
    }

    feed = qoe_feed_create(&h->env, lane, adopted);

    if (feed == NULL) {
        qoe_lane_give(h->conf.zone, lane, h->self);
        return false;
    }

    h->feed[h->nfeeds++] = feed;

    return true;
}


static void
qoe_lease_give(qoe_helper_t *h, size_t i)
{
    uint32_t  lane;

    lane = h->feed[i]->lane;

    qoe_feed_destroy(h->feed[i]);
    h->feed[i] = h->feed[--h->nfeeds];

    qoe_lane_give(h->conf.zone, lane, h->self);
}


static bool
qoe_lease_holds(const qoe_helper_t *h, uint32_t lane)
{
    size_t  i;

    for (i = 0; i < h->nfeeds; i++) {
        if (h->feed[i]->lane == lane) {
            return true;
        }
    }

    return false;
}
