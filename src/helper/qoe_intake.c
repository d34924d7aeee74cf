
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_intake.h"
#include "qoe_failpoint.h"
#include "qoe_record.h"
#include "qoe_tap.h"

#include <stdlib.h>


/* The records of one run, which takes a few milliseconds at most. */
#define QOE_INTAKE_RECORDS     1024

/*
 * So many records share one reading of the clock: what they begin must be
 * visible soon after its time.
 */
#define QOE_INTAKE_CLOCK       64

/* The shortest time between runs that only new records ask for. */
#define QOE_INTAKE_PAUSE_MS    500

/* The records of the tap that are taken before their room is given back. */
#define QOE_INTAKE_RELEASE     256

/* The shortest time between looks for silent views. */
#define QOE_INTAKE_TICK_MS     100


struct qoe_intake_s {
    qoe_intake_env_t    *env;
    uint32_t             lane;
    uint64_t             pos;                /* applied */
    uint64_t             quarter;            /* of the ring, in bytes */
    uint64_t             paused_ms;          /* pause until then; monotonic */
    uint64_t             tap;                /* position in the tap */
    uint64_t             tap_quarter;
    uint64_t             ticked_ms;          /* monotonic */
    qoe_apply_t         *apply;              /* NULL: metrics are off */
};


static void qoe_intake_recover(qoe_intake_t *in);
static void qoe_intake_skip(qoe_intake_t *in, uint64_t now_ms);
static uint32_t qoe_intake_requests(qoe_intake_t *in);
static bool qoe_intake_next(qoe_intake_t *in, uint64_t now_ns);
static void qoe_intake_record(qoe_intake_t *in, qoe_span_t packed,
    uint64_t now_ns);


qoe_intake_t *
qoe_intake_create(qoe_intake_env_t *env, uint32_t lane, bool adopted)
{
    qoe_intake_t     *in;
    qoe_lane_info_t   info;

    in = calloc(1, sizeof(qoe_intake_t));
    if (in == NULL) {
        return NULL;
    }

    in->env = env;
    in->lane = lane;

    qoe_zone_lane_info(env->state->zone, lane, &info);
    in->quarter = info.size / 4;

    qoe_intake_recover(in);

    in->pos = qoe_lane_applied(env->state->zone, lane);
    in->tap = qoe_tap_start(env->state->zone, lane);
    in->tap_quarter = qoe_tap_size(env->state->zone) / 4;

    /* recover an adopted lane even with metrics off, for when they are on */

    if (qoe_conf_applies(env->conf) || adopted) {
        in->apply = qoe_apply_create(env->state, env->conf, env->governor,
                                     lane, env->slot, adopted);

        if (in->apply == NULL) {
            free(in);
            return NULL;
        }
    }

    return in;
}


void
qoe_intake_destroy(qoe_intake_t *in)
{
    if (in->apply != NULL) {
        qoe_apply_destroy(in->apply);
    }

    free(in);
}


static void
qoe_intake_recover(qoe_intake_t *in)
{
    qoe_zone_t  *zone;

    zone = in->env->state->zone;

    if (qoe_lane_recover(zone, in->lane)) {
        qoe_zone_count(zone, in->env->slot, QOE_COUNT_RECORDS_INTERRUPTED, 1);
    }
}


bool
qoe_intake_run(qoe_intake_t *in, uint64_t now_ms)
{
    int       n;
    bool      more;
    uint32_t  requests;
    uint64_t  now_ns;

    if (!qoe_conf_applies(in->env->conf)) {
        qoe_intake_skip(in, now_ms);
        return false;
    }

    /* first, so that the log of a request is in the ring when that is read */

    requests = qoe_intake_requests(in);
    now_ns = qoe_unix_ns();

    for (n = 0; n < QOE_INTAKE_RECORDS; n++) {

        if (n != 0 && n % QOE_INTAKE_CLOCK == 0) {
            now_ns = qoe_unix_ns();
        }

        if (!qoe_intake_next(in, now_ns)) {
            break;
        }
    }

    more = (n == QOE_INTAKE_RECORDS || requests == QOE_INTAKE_RECORDS);

    if (n != 0 || requests != 0) {
        in->paused_ms = now_ms + QOE_INTAKE_PAUSE_MS;
    }

    if (qoe_apply_busy(in->apply)
        || now_ms >= in->ticked_ms + QOE_INTAKE_TICK_MS)
    {
        in->ticked_ms = now_ms;
        qoe_apply_tick(in->apply, now_ns);
    }

    /* pass over the records that were just put, or nothing exports them */

    while (n++ < QOE_INTAKE_RECORDS && qoe_intake_next(in, now_ns)) {
        /* void */
    }

    return more || n > QOE_INTAKE_RECORDS;
}


/* What is put here is taken in by the next run, and exported after that. */

bool
qoe_intake_leave(qoe_intake_t *in)
{
    uint64_t      tail;
    qoe_zone_t   *zone;
    qoe_status_t  rc;

    if (in->apply == NULL) {
        return false;
    }

    zone = in->env->state->zone;
    tail = qoe_lane_tail(zone, in->lane);
    rc = qoe_apply_leave(in->apply, qoe_unix_ns());

    return rc == QOE_AGAIN || qoe_lane_tail(zone, in->lane) != tail;
}


/* Nothing is made of the records: their room is given back. */

static void
qoe_intake_skip(qoe_intake_t *in, uint64_t now_ms)
{
    uint64_t      tail;
    qoe_zone_t   *zone;
    qoe_span_t    record;

    zone = in->env->state->zone;
    tail = qoe_lane_tail(zone, in->lane);

    if (tail != in->pos) {
        in->pos = tail;
        in->paused_ms = now_ms + QOE_INTAKE_PAUSE_MS;
        qoe_lane_apply(zone, in->lane, tail);
    }

    while (qoe_tap_next(zone, in->lane, &in->tap, &record) == QOE_OK) {
        in->paused_ms = now_ms + QOE_INTAKE_PAUSE_MS;
    }

    qoe_tap_release(zone, in->lane, in->tap);
}


/* Takes in requests of the tap, and returns their number. */

static uint32_t
qoe_intake_requests(qoe_intake_t *in)
{
    uint32_t       n;
    uint64_t       now_ns;
    qoe_zone_t    *zone;
    qoe_span_t     record;
    qoe_status_t   rc;

    zone = in->env->state->zone;
    now_ns = 0;

    for (n = 0; n < QOE_INTAKE_RECORDS; n++) {

        rc = qoe_tap_next(zone, in->lane, &in->tap, &record);

        if (rc == QOE_DONE) {
            break;
        }

        if (n % QOE_INTAKE_CLOCK == 0) {
            now_ns = qoe_unix_ns();
        }

        if (rc == QOE_OK) {
            (void) qoe_failpoint("intake.request");
            qoe_apply_request(in->apply, record, now_ns);

        } else {
            qoe_zone_count(zone, in->env->slot, QOE_COUNT_RECORDS_UNREAD, 1);
        }

        if (n % QOE_INTAKE_RELEASE == QOE_INTAKE_RELEASE - 1) {
            qoe_tap_release(zone, in->lane, in->tap);
        }
    }

    if (n != 0) {
        qoe_tap_release(zone, in->lane, in->tap);
    }

    return n;
}


/* Takes in one record.  false: there is none. */

static bool
qoe_intake_next(qoe_intake_t *in, uint64_t now_ns)
{
    uint64_t       pos;
    qoe_zone_t    *zone;
    qoe_span_t     record;
    qoe_status_t   rc;

    zone = in->env->state->zone;
    pos = in->pos;

    rc = qoe_lane_read(zone, in->lane, UINT64_MAX, &pos, &record);

    if (rc == QOE_INVALID) {

        /* the feeds, which come later, drop and count the damaged part */

        pos = qoe_lane_tail(zone, in->lane);

    } else if (rc == QOE_OK) {
        qoe_lane_hand(zone, in->lane, pos);
        (void) qoe_failpoint("intake.apply");
        qoe_intake_record(in, record, now_ns);
    }

    if (pos == in->pos) {
        return false;
    }

    in->pos = pos;
    qoe_lane_apply(zone, in->lane, pos);

    return true;
}


static void
qoe_intake_record(qoe_intake_t *in, qoe_span_t packed, uint64_t now_ns)
{
    qoe_status_t       rc;
    qoe_record_t       record;
    qoe_sample_t       sample;
    qoe_intake_env_t  *env;

    env = in->env;

    rc = qoe_record_open(&record, packed);

    if (rc == QOE_OK) {
        rc = qoe_record_sample(&sample, &record, &env->scratch);
    }

    if (rc == QOE_OK) {
        qoe_apply_sample(in->apply, &sample, now_ns);

    } else {
        qoe_zone_count(env->state->zone, env->slot, QOE_COUNT_RECORDS_UNREAD,
                       1);
        qoe_log_limited(env->log, &env->log_limit, QOE_LOG_ERR,
                        "an event is in no metric: %s",
                        rc == QOE_NOMEM ? "no memory"
                                        : "its record cannot be read");
    }

    qoe_arena_reset(&env->scratch);
}


uint64_t
qoe_intake_pos(const qoe_intake_t *in)
{
    return in->pos;
}


uint64_t
qoe_intake_wake_pos(const qoe_intake_t *in, uint64_t now_ms)
{
    return now_ms < in->paused_ms ? in->pos + in->quarter : in->pos;
}


bool
qoe_intake_arm(const qoe_intake_t *in, uint64_t now_ms)
{
    return qoe_tap_arm(in->env->state->zone, in->lane,
                       now_ms < in->paused_ms ? in->tap + in->tap_quarter
                                              : in->tap);
}


void
qoe_intake_disarm(const qoe_intake_t *in)
{
    (void) qoe_tap_arm(in->env->state->zone, in->lane, QOE_LANE_AWAKE);
}


uint64_t
qoe_intake_due_ms(const qoe_intake_t *in, uint64_t now_ms)
{
    uint64_t  due, tick, now;

    due = UINT64_MAX;

    /* even without records: a new one does not wake the helper now */

    if (now_ms < in->paused_ms) {
        due = in->paused_ms;
    }

    if (!qoe_conf_applies(in->env->conf)) {
        return due;
    }

    if (qoe_apply_busy(in->apply)) {
        return now_ms;
    }

    tick = qoe_apply_due_ms(in->apply);

    if (tick == UINT64_MAX) {
        return due;
    }

    now = qoe_unix_ns() / 1000000;

    tick = now_ms + (tick > now ? tick - now : 0);
    tick = qoe_max(tick, in->ticked_ms + QOE_INTAKE_TICK_MS);

    return qoe_min(due, tick);
}
