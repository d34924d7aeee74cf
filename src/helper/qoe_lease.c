
/*
 * Copyright (C) OpenQoE
 *
 * Decides which lanes a helper holds.
 *
 * Every lane has a preferred helper, lane % workers == worker, which takes it
 * at once.  The others only take lanes that have had no owner for a while.  A
 * helper of an old generation finishes what is in flight and gives its lanes
 * away, although its worker may go on producing for hours.  If no helper takes
 * them, it serves them again: the next configuration may use another zone, and
 * the helpers that it gave its lanes to may have exited.
 *
 * A helper that exits, of whatever generation, also takes lanes without an
 * owner, so that the last helper to exit sends the last record.  It leaves a
 * moment to the helpers that stay, which are usually faster.
 */


#include "qoe_helper_priv.h"


/* for preferred lanes: a hand-over lasts as long as a batch is in flight */
#define QOE_LEASE_SOON_MS      20
#define QOE_LEASE_SOON_FOR_MS  30000
#define QOE_LEASE_LATER_MS     500
#define QOE_LEASE_SWEEP_MS     1000      /* between looks for orphans */
#define QOE_LEASE_ORPHAN_MS    2000
#define QOE_LEASE_LEFT_MS      100       /* like ORPHAN, at an exit */
#define QOE_LEASE_LOOK_MS      500       /* after a hand-over */
#define QOE_LEASE_ALONE_MS     1000


static void qoe_lease_begin(qoe_helper_t *h, uint64_t now);
static bool qoe_lease_given(qoe_helper_t *h, uint64_t now);
static bool qoe_lease_alone(qoe_helper_t *h, uint64_t now);
static void qoe_lease_hand_over(qoe_helper_t *h, uint64_t now);
static size_t qoe_lease_take_preferred(qoe_helper_t *h);
static void qoe_lease_take_orphans(qoe_helper_t *h, uint64_t older_ms);
static bool qoe_lease_own(qoe_helper_t *h, uint32_t lane, bool *adopted);


void
qoe_lease_update(qoe_helper_t *h, uint64_t now)
{
    size_t  missing;

    qoe_row_update(h, now);

    if (!h->conf.single && !h->handing_over && h->leaving_ms == 0
        && qoe_zone_generation(h->conf.zone) != h->conf.generation)
    {
        qoe_lease_begin(h, now);
    }

    if (h->handing_over && !qoe_lease_given(h, now)) {
        return;
    }

    if (h->leaving_ms != 0) {
        h->handing_over = false;
        h->env.handing_over = false;
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


static void
qoe_lease_begin(qoe_helper_t *h, uint64_t now)
{
    size_t  i;

    h->handing_over = true;
    h->alone_ms = 0;
    h->hand_over_ms = now + h->conf.drain_ms;

    h->env.handing_over = true;
    h->env.until_ms = h->hand_over_ms;

    for (i = 0; i < h->nexporters; i++) {
        qoe_transport_deadline(h->exporter[i].transport, h->conf.drain_ms);
    }
}


/*
 * Whether the hand-over is complete (nothing is in flight, the lanes are given
 * away and the spools finished) and this helper has more to do: it exits, or
 * serves the lanes again because no other helper does.
 */

static bool
qoe_lease_given(qoe_helper_t *h, uint64_t now)
{
    bool    given;
    size_t  i;

    qoe_lease_hand_over(h, now);

    given = qoe_report_give(h->report) && h->env.nheld == 0;

    if (!given) {
        h->lease_ms = qoe_max(h->hand_over_ms, now + QOE_LEASE_SOON_MS);
        return false;
    }

    for (i = 0; i < h->nexporters; i++) {
        qoe_exporter_close_spool(&h->exporter[i]);
    }

    h->lease_ms = now + QOE_LEASE_LOOK_MS;

    if (h->leaving_ms != 0 || !qoe_lease_alone(h, now)) {
        return h->leaving_ms != 0;
    }

    /* as one of this generation, until the next one comes, if it does here */

    h->conf.generation = qoe_zone_generation(h->conf.zone);
    h->handing_over = false;
    h->env.handing_over = false;
    h->lease_ms = now;

    qoe_lease_take_orphans(h, QOE_LEASE_LEFT_MS);

    qoe_log(&h->conf.log, QOE_LOG_NOTICE,
            "no helper serves the lanes that were handed over, %zu of them "
            "taken back", h->env.nheld);

    return true;
}


/* Whether a lane had no living owner at all looks for a while. */

static bool
qoe_lease_alone(qoe_helper_t *h, uint64_t now)
{
    uint32_t         lane;
    qoe_lane_info_t  info;

    for (lane = 0; lane < qoe_zone_lanes(h->conf.zone); lane++) {
        qoe_zone_lane_info(h->conf.zone, lane, &info);

        if (qoe_proc_alive(info.owner)) {
            continue;
        }

        if (h->alone_ms == 0) {
            h->alone_ms = now;
        }

        return now - h->alone_ms >= QOE_LEASE_ALONE_MS;
    }

    h->alone_ms = 0;

    return false;
}


/*
 * A lane is given away once none of its batches is in flight: batches without
 * an answer are read again by the next owner.  The same would happen to
 * batches that were taken after one that was not, so that one is tried again
 * until the hand-over must end.
 */

static void
qoe_lease_hand_over(qoe_helper_t *h, uint64_t now)
{
    size_t  i;

    for (i = 0; i < h->env.nheld; /* void */) {

        if (qoe_held_sending(h->env.held[i])
            || (qoe_held_blocked(h->env.held[i]) && now < h->hand_over_ms))
        {
            i++;
            continue;
        }

        qoe_lease_give(h, i);
    }
}


/* Returns how many of them other helpers hold. */

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

        if (h->owed[lane] != QOE_LANE_NONE
            || (info.lease_ms + older_ms <= now
                && !qoe_proc_alive(info.owner)))
        {
            (void) qoe_lease_take(h, lane);
        }
    }
}


bool
qoe_lease_take(qoe_helper_t *h, uint32_t lane)
{
    bool             adopted;
    size_t           i;
    uint64_t         removed;
    qoe_held_t      *held;
    qoe_feed_env_t  *env[QOE_FEEDS_MAX];

    if (!qoe_lease_own(h, lane, &adopted)) {
        return false;
    }

    for (i = 0; i < h->nexporters; i++) {
        qoe_exporter_open_spool(&h->exporter[i]);    /* after a hand-over */
        env[i] = qoe_exporter_serves(&h->exporter[i])
                 ? &h->exporter[i].feed : NULL;
    }

    removed = qoe_lane_dests(h->conf.zone, lane);

    if (removed != 0) {
        qoe_log(&h->conf.log, QOE_LOG_WARN,
                "%llu records dropped, they were queued in lane %u for an "
                "exporter that was removed", (unsigned long long) removed,
                lane);
    }

    held = qoe_held_create(&h->intake, env, h->nexporters, lane, adopted);

    if (held == NULL) {

        /* kept, because the next owner would not know that it was adopted */

        h->owed[lane] = adopted ? QOE_LANE_ADOPTED : QOE_LANE_TAKEN;
        qoe_log_limited(&h->conf.log, &h->log_limit, QOE_LOG_ERR,
                        "no memory to serve lane %u, trying again", lane);
        return false;
    }

    h->owed[lane] = QOE_LANE_NONE;
    h->env.held[h->env.nheld++] = held;

    return true;
}


/* Takes the lease, unless an earlier call did but had no memory. */

static bool
qoe_lease_own(qoe_helper_t *h, uint32_t lane, bool *adopted)
{
    if (h->owed[lane] != QOE_LANE_NONE) {
        *adopted = (h->owed[lane] == QOE_LANE_ADOPTED);
        return true;
    }

    if (qoe_lane_take(h->conf.zone, lane, h->self, adopted) != QOE_OK) {
        return false;
    }

    if (*adopted) {
        qoe_zone_count(h->conf.zone, h->conf.worker, QOE_COUNT_LANES_ADOPTED,
                       1);
        qoe_log(&h->conf.log, QOE_LOG_NOTICE,
                "lane %u adopted from a process that ended", lane);
    }

    return true;
}


void
qoe_lease_give(qoe_helper_t *h, size_t i)
{
    uint32_t  lane;

    lane = h->env.held[i]->lane;

    qoe_held_destroy(h->env.held[i]);
    h->env.held[i] = h->env.held[--h->env.nheld];

    qoe_lane_give(h->conf.zone, lane, h->self);
}


bool
qoe_lease_holds(const qoe_helper_t *h, uint32_t lane)
{
    size_t  i;

    for (i = 0; i < h->env.nheld; i++) {
        if (h->env.held[i]->lane == lane) {
            return true;
        }
    }

    return false;
}
