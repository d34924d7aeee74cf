
/*
 * Copyright (C) OpenQoE
 *
 * A tick does a bounded part of the work that has come due, and says whether
 * there is more: views that are silent, sessions to forget, records that wait.
 */


#include "record_unit.h"


#define MANY  150                            /* 64 + 64 + 22 */


static uint32_t
known(const lane_t *l)
{
    qoe_sessions_info_t  info;

    qoe_sessions_info(l->st.sessions[0], &info);

    return info.sessions;
}


static uint32_t
over(const lane_t *l)
{
    qoe_sessions_info_t  info;

    qoe_sessions_info(l->st.sessions[0], &info);

    return info.over;
}


/*
 * Ticks at that time until nothing is left: is it 64 less with each tick, and
 * is the lane busy as long as it may not be all?
 */

static bool
in_parts(lane_t *l, uint64_t ms, uint32_t (*left)(const lane_t *l))
{
    int       ticks;
    uint32_t  before, now;

    before = left(l);

    if (before != MANY) {
        return false;
    }

    for (ticks = 1; before != 0; ticks++) {
        qoe_apply_tick(l->apply, lane_ns(ms));
        now = left(l);

        if (now != before - qoe_min(before, 64)
            || qoe_apply_busy(l->apply) != (before >= 64))
        {
            printf("# tick %d: %u of %u left\n", ticks, now, before);
            return false;
        }

        before = now;
    }

    return ticks == 4;
}


static void
test_silence(void)
{
    int      i;
    char     of[32];
    lane_t  *l;

    l = lane_new(LANE_SIZE);

    for (i = 0; i < MANY; i++) {
        snprintf(of, sizeof(of), "s%d/v/x", i);
        tell(l, 0, of, "playerready", "");
        tell(l, 1000, of, "playbackdetached", "");
    }

    ok(in_parts(l, 100000, alive),
       "%d views that are over end in three ticks", MANY);
    ok(known(l) == MANY, "their sessions are remembered");
    ok(in_parts(l, 100000000, known), "and forgotten in three ticks as well");
    ok(!qoe_apply_busy(l->apply)
       && qoe_apply_due_ms(l->apply) == UINT64_MAX,
       "after which there is nothing to do");
    lane_free(l);
}


/* The ring has had no room for the records of views that are over. */

static void
test_records(void)
{
    int            i;
    char           of[32], text[4096];
    size_t         len;
    lane_t        *l;
    uint64_t       wake[QOE_LANES_MAX / 64];
    qoe_put_t      put;
    qoe_counts_t   counts;

    l = lane_of(0);
    memset(text, 'x', sizeof(text));

    for (len = sizeof(text); len >= 8; len /= 2) {
        put = (qoe_put_t) { 0, { text, len }, qoe_span_null, QOE_KIND_VIEW };

        while (qoe_zone_put(l->zone, qoe_proc_self(), 0, &put, 1,
                            QOE_ACK_MEMORY, NULL, wake)
               == QOE_OK)
        {
            /* void */
        }
    }

    for (i = 0; i < MANY; i++) {
        snprintf(of, sizeof(of), "s%d/v/x", i);
        begin(l, i, of);
        tell(l, 10000 + i, of, "ended", "at=10000");
    }

    qoe_apply_tick(l->apply, lane_ns(20000));
    ok(over(l) == MANY && !qoe_apply_busy(l->apply),
       "a tick that finds no room does not try all records");
    ok(qoe_apply_due_ms(l->apply) == LOG_START + 20100,
       "and the next one comes 100 ms later");

    counts = qoe_lane_dest_queued(l->zone, 0, got.dest, &got.pos);
    qoe_lane_dest_release(l->zone, 0, got.dest, got.pos, counts, true);

    ok(in_parts(l, 20100, over),
       "once there is room %d records are put in three ticks", MANY);
    ok(receive(l) == MANY && got.r[MANY - 1].final
       && counter(l, QOE_COUNT_RECORDS_PUT) == MANY
       && counter(l, QOE_COUNT_RECORDS_DROPPED) == 0, "none is lost");
    lane_free(l);
}


int
main(void)
{
    test_silence();
    test_records();

    return tap_end();
}
