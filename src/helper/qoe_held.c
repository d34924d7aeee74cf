
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_held.h"
#include "qoe_tap.h"

#include <stdlib.h>


static qoe_kind_t qoe_held_kind(const qoe_held_t *held, size_t i);
static uint64_t qoe_held_half(const qoe_held_t *held, size_t i);


qoe_held_t *
qoe_held_create(qoe_intake_env_t *intake, qoe_feed_env_t *const *env,
    size_t n, uint32_t lane, bool adopted)
{
    size_t           i;
    qoe_held_t      *held;
    qoe_lane_info_t  info;

    held = calloc(1, sizeof(qoe_held_t));
    if (held == NULL) {
        return NULL;
    }

    held->zone = intake->state->zone;
    held->lane = lane;
    held->nfeeds = n;

    qoe_zone_lane_info(held->zone, lane, &info);
    held->size = info.size;

    for (i = 0; i < n; i++) {

        if (env[i] == NULL
            || !qoe_lane_dest_in(held->zone, lane, env[i]->dest))
        {
            continue;
        }

        if (env[i]->spool != NULL
            && qoe_spool_take(env[i]->spool, lane) != QOE_OK)
        {
            qoe_held_destroy(held);
            return NULL;
        }

        held->spool[i] = env[i]->spool;
        held->feed[i] = qoe_feed_create(env[i], lane);

        if (held->feed[i] == NULL) {
            qoe_held_destroy(held);
            return NULL;
        }
    }

    /* last, because it changes the lane */

    held->intake = qoe_intake_create(intake, lane, adopted);

    if (held->intake == NULL) {
        qoe_held_destroy(held);
        return NULL;
    }

    return held;
}


void
qoe_held_destroy(qoe_held_t *held)
{
    size_t  i;

    for (i = 0; i < held->nfeeds; i++) {

        if (held->feed[i] != NULL) {
            qoe_feed_destroy(held->feed[i]);
        }

        if (held->spool[i] != NULL) {
            qoe_spool_give(held->spool[i], held->lane);
        }
    }

    if (held->intake != NULL) {
        qoe_intake_destroy(held->intake);
    }

    free(held);
}


void
qoe_held_run(qoe_held_t *held, uint64_t now_ms, bool flush)
{
    bool      any;
    size_t    i;
    uint64_t  pos;

    held->more = qoe_intake_run(held->intake, now_ms);
    pos = qoe_intake_pos(held->intake);
    any = false;

    for (i = 0; i < held->nfeeds; i++) {
        if (held->feed[i] != NULL) {
            qoe_feed_run(held->feed[i], pos, now_ms, flush);
            any = true;
        }
    }

    /* without feeds only the metrics use the records: free them here */

    if (!any) {
        qoe_lane_free(held->zone, held->lane, pos);
    }
}


bool
qoe_held_arm(qoe_held_t *held)
{
    bool      requests;
    size_t    i;
    uint64_t  pos, now_ms;

    now_ms = qoe_mono_ms();
    pos = qoe_intake_wake_pos(held->intake, now_ms);
    requests = qoe_intake_arm(held->intake, now_ms);

    for (i = 0; i < held->nfeeds; i++) {
        if (held->feed[i] != NULL) {
            pos = qoe_min(pos, qoe_feed_wake_pos(held->feed[i]));
            pos = qoe_min(pos, qoe_held_half(held, i));
        }
    }

    return qoe_lane_arm(held->zone, held->lane, pos, held->asked)
           || requests || held->more;
}


void
qoe_held_disarm(qoe_held_t *held)
{
    (void) qoe_lane_arm(held->zone, held->lane, QOE_LANE_AWAKE, 0);
    qoe_intake_disarm(held->intake);
}


uint64_t
qoe_held_due_ms(const qoe_held_t *held, uint64_t now_ms)
{
    size_t    i;
    uint64_t  at;

    at = qoe_intake_due_ms(held->intake, now_ms);

    for (i = 0; i < held->nfeeds; i++) {
        if (held->feed[i] != NULL) {
            at = qoe_min(at, qoe_feed_due_ms(held->feed[i]));
        }
    }

    return at;
}


bool
qoe_held_sending(const qoe_held_t *held)
{
    size_t  i;

    for (i = 0; i < held->nfeeds; i++) {
        if ((held->feed[i] != NULL && qoe_feed_sending(held->feed[i]))
            || (held->spool[i] != NULL
                && qoe_spool_replays(held->spool[i], held->lane)))
        {
            return true;
        }
    }

    return false;
}


bool
qoe_held_blocked(const qoe_held_t *held)
{
    size_t  i;

    for (i = 0; i < held->nfeeds; i++) {
        if (held->feed[i] != NULL && qoe_feed_blocked(held->feed[i])) {
            return true;
        }
    }

    return false;
}


bool
qoe_held_empty(const qoe_held_t *held)
{
    size_t  i;

    for (i = 0; i < held->nfeeds; i++) {
        if (held->feed[i] != NULL && !qoe_feed_empty(held->feed[i])) {
            return false;
        }
    }

    /* without feeds, the metrics must have all records */

    return qoe_intake_pos(held->intake)
           == qoe_lane_tail(held->zone, held->lane)
           && qoe_tap_used(held->zone, held->lane) == 0;
}


bool
qoe_held_lags(const qoe_held_t *held, size_t i)
{
    return qoe_feed_lag(held->feed[i]) > held->size / 2;
}


/*
 * The position at which an exporter begins to lag; if it lags already, that is
 * handled, and needs no wake-up.
 */

static uint64_t
qoe_held_half(const qoe_held_t *held, size_t i)
{
    uint64_t  pos;

    pos = qoe_lane_dest_head(held->zone, held->lane,
                             held->feed[i]->env->dest) + held->size / 2;

    return qoe_lane_tail(held->zone, held->lane) > pos ? QOE_LANE_ASKED : pos;
}


static qoe_kind_t
qoe_held_kind(const qoe_held_t *held, size_t i)
{
    return held->feed[i]->env->stream->kind;
}


bool
qoe_held_behind(const qoe_held_t *held, size_t i)
{
    size_t    j;
    uint64_t  lag;

    lag = qoe_feed_lag(held->feed[i]);

    for (j = 0; j < held->nfeeds; j++) {
        if (held->feed[j] != NULL
            && (qoe_held_kind(held, i) != QOE_KIND_EVENT
                || qoe_held_kind(held, j) == QOE_KIND_EVENT)
            && qoe_feed_lag(held->feed[j]) + held->size / 4 < lag)
        {
            return true;
        }
    }

    return false;
}


uint64_t
qoe_held_waiters(qoe_held_t *held)
{
    bool    changed;
    size_t  i;

    changed = false;

    for (i = 0; i < held->nfeeds; i++) {
        if (held->feed[i] != NULL) {
            changed |= held->feed[i]->changed;
            held->feed[i]->changed = false;
        }
    }

    return changed ? qoe_lane_waiters(held->zone, held->lane) : 0;
}
