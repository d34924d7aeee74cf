
/*
 * Copyright (C) OpenQoE
 *
 * The intake of a lane, with metrics that only note what they are given, and a
 * clock that the test sets.
 */


#include "tap.h"
#include "zone_unit.h"
#include "qoe_intake.h"
#include "qoe_record.h"
#include "qoe_tap.h"

#include <string.h>
#include <time.h>


#define RUN                1024      /* records of a run, at most */
#define CLOCK              64        /* records for each reading of the clock */


struct qoe_apply_s {
    int                unused;
};


/* What the metrics were given, and what they say. */

static struct {
    int                created;
    int                destroyed;
    bool               adopted;
    bool               nomem;

    int                samples;
    uint64_t           sample_ns[RUN * 2];
    int                requests;
    uint64_t           request_sum;
    uint64_t           request_ns;
    int                ticks;
    uint64_t           tick_ns;

    bool               busy;
    uint64_t           due_ms;

    int                leaves;
    qoe_status_t       leave;
    int                puts;         /* at an exit */
} apply;

static void events(int n);

static uint64_t            unix_ns, step_ns;
static struct qoe_apply_s  the_apply;
static int                 logged;
static qoe_state_t         state;
static qoe_conf_t          conf;
static qoe_intake_env_t    env;
static qoe_log_t           quiet = { tap_log_write, &logged, QOE_LOG_ERR };


/* Replaces the function of libc: each reading is step_ns later. */

int
clock_gettime(clockid_t id, struct timespec *ts)
{
    (void) id;

    ts->tv_sec = (time_t) (unix_ns / 1000000000);
    ts->tv_nsec = (long) (unix_ns % 1000000000);
    unix_ns += step_ns;

    return 0;
}


qoe_apply_t *
qoe_apply_create(const qoe_state_t *st, const qoe_conf_t *c,
    qoe_governor_t *governor, uint32_t lane, uint32_t slot, bool adopted)
{
    (void) st;
    (void) c;
    (void) governor;
    (void) lane;
    (void) slot;

    if (apply.nomem) {
        return NULL;
    }

    apply.created++;
    apply.adopted = adopted;

    return &the_apply;
}


void
qoe_apply_destroy(qoe_apply_t *a)
{
    (void) a;
    apply.destroyed++;
}


void
qoe_apply_sample(qoe_apply_t *a, const qoe_sample_t *s, uint64_t now_ns)
{
    (void) a;
    (void) s;
    apply.sample_ns[apply.samples++ % (RUN * 2)] = now_ns;
}


void
qoe_apply_request(qoe_apply_t *a, qoe_span_t record, uint64_t now_ns)
{
    uint64_t  n;

    (void) a;
    memcpy(&n, record.data, sizeof(n));
    apply.requests++;
    apply.request_sum += n;
    apply.request_ns = now_ns;
}


void
qoe_apply_tick(qoe_apply_t *a, uint64_t now_ns)
{
    (void) a;
    apply.ticks++;
    apply.tick_ns = now_ns;
}


qoe_status_t
qoe_apply_leave(qoe_apply_t *a, uint64_t now_ns)
{
    (void) a;
    (void) now_ns;

    apply.leaves++;
    events(apply.puts);

    return apply.leave;
}


bool
qoe_apply_busy(const qoe_apply_t *a)
{
    (void) a;

    return apply.busy;
}


uint64_t
qoe_apply_due_ms(const qoe_apply_t *a)
{
    (void) a;

    return apply.due_ms;
}


static qoe_intake_t *
begin(uint32_t groups, bool adopted)
{
    qoe_intake_t  *in;

    memset(&apply, 0, sizeof(apply));
    memset(&env, 0, sizeof(env));
    memset(&conf, 0, sizeof(conf));

    apply.due_ms = UINT64_MAX;
    unix_ns = 5000000000000;
    step_ns = 0;
    logged = 0;

    state.zone = zone_new(2);
    conf.groups = groups;
    env.state = &state;
    env.conf = &conf;
    env.log = &quiet;
    qoe_arena_init(&env.scratch, &qoe_mem_heap, 4096, 1 << 20);

    in = qoe_intake_create(&env, 0, adopted);

    if (in == NULL) {
        abort();
    }

    return in;
}


static void
end(qoe_intake_t *in)
{
    qoe_intake_destroy(in);
    qoe_arena_free(&env.scratch);
    munmap(state.zone, qoe_zone_size_min(2));
}


/* Puts n events into lane 0. */

static void
events(int n)
{
    uint64_t             wake[QOE_LANES_MAX / 64];
    qoe_put_t            p;
    qoe_event_t          ev;
    qoe_arena_t          arena;
    qoe_record_meta_t    meta;
    qoe_record_parts_t   parts;

    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);
    memset(&ev, 0, sizeof(ev));
    memset(&meta, 0, sizeof(meta));
    ev.type = QOE_EVENT_PLAYING;
    ev.type_name = qoe_span("playing");
    ev.time_ms = 1700000000000;
    ev.raw = qoe_span("{}");

    if (qoe_record_pack(&parts, &ev, &meta, &arena) != QOE_OK) {
        abort();
    }

    p = (qoe_put_t) { 0, parts.head, parts.body, QOE_KIND_EVENT };
    qoe_lane_free(state.zone, 0, qoe_lane_applied(state.zone, 0));

    while (n-- != 0) {
        if (qoe_zone_put(state.zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL,
                         wake)
            != QOE_OK)
        {
            abort();
        }
    }

    qoe_arena_free(&arena);
}


/* Puts n records with the numbers from first into the tap of lane 0. */

static bool
requests(uint64_t first, uint64_t n)
{
    bool        wake, any;
    qoe_span_t  part;

    any = false;

    for (n += first; first < n; first++) {
        part = (qoe_span_t) { (char *) &first, sizeof(first) };

        if (qoe_tap_put(state.zone, self, 0, 0, &part, 1, &wake) != QOE_OK) {
            abort();
        }

        any |= wake;
    }

    return any;
}


static uint64_t
counted(qoe_counter_t c)
{
    return qoe_zone_counter(state.zone, c);
}


static void
test_off(void)
{
    uint64_t       tail, quarter;
    qoe_intake_t  *in;

    in = begin(0, false);
    quarter = state.zone->ring_size / 4;

    ok(apply.created == 0, "without metrics there is nothing to apply to");
    ok(!qoe_intake_run(in, 1000) && qoe_intake_pos(in) == 0
       && qoe_intake_wake_pos(in, 1000) == 0
       && qoe_intake_due_ms(in, 1000) == UINT64_MAX,
       "without records the next one wakes, and nothing is due");

    events(3);
    tail = qoe_lane_tail(state.zone, 0);

    ok(!qoe_intake_run(in, 1000) && qoe_intake_pos(in) == tail
       && qoe_lane_applied(state.zone, 0) == tail,
       "records that no metric uses may be exported at once");
    ok(qoe_intake_wake_pos(in, 1499) == tail + quarter
       && qoe_intake_wake_pos(in, 1500) == tail,
       "for half a second after them only a quarter of the ring wakes");
    ok(qoe_intake_due_ms(in, 1499) == 1500
       && qoe_intake_due_ms(in, 1500) == UINT64_MAX,
       "the next run is due at the end of that pause");

    (void) qoe_intake_run(in, 1400);
    ok(qoe_intake_due_ms(in, 1499) == 1500,
       "a run without records does not make the pause longer");

    end(in);
    ok(apply.destroyed == 0, "nothing is freed that was not made");

    in = begin(0, true);
    ok(apply.created == 1 && apply.adopted,
       "of an adopted lane the metrics are recovered though they are off");
    end(in);
    ok(apply.destroyed == 1, "the metrics are freed with the intake");
}


static void
test_records(void)
{
    bool           more;
    uint64_t       tail;
    qoe_intake_t  *in;

    in = begin(1, false);
    ok(apply.created == 1 && !apply.adopted, "metrics of a lane that was given "
       "are not recovered");

    events(RUN);
    more = qoe_intake_run(in, 1000);
    ok(more && apply.samples == RUN
       && qoe_intake_pos(in) == qoe_lane_tail(state.zone, 0),
       "after as many records as a run takes there may be more");

    more = qoe_intake_run(in, 1000);
    ok(!more && apply.samples == RUN,
       "the run after the last record finds none");

    events(RUN + 1);
    tail = qoe_lane_tail(state.zone, 0);
    more = qoe_intake_run(in, 2000);
    ok(more && apply.samples == 2 * RUN && qoe_intake_pos(in) < tail
       && qoe_lane_applied(state.zone, 0) == qoe_intake_pos(in),
       "a run leaves what is more than it takes, and says how far it came");

    more = qoe_intake_run(in, 2000);
    ok(!more && apply.samples == 2 * RUN + 1 && qoe_intake_pos(in) == tail,
       "the run after a long one takes the rest");
    ok(qoe_intake_wake_pos(in, 2499) > tail
       && qoe_intake_wake_pos(in, 2500) == tail,
       "after records there is a pause of half a second");

    end(in);
}


static void
test_clock(void)
{
    int            i, wrong;
    qoe_intake_t  *in;

    in = begin(1, false);
    step_ns = 1000;
    events(3 * CLOCK);
    (void) qoe_intake_run(in, 1000);

    for (i = 1, wrong = 0; i < 3 * CLOCK; i++) {
        wrong += (apply.sample_ns[i] != apply.sample_ns[i - 1])
                 != (i % CLOCK == 0);
    }

    ok(apply.samples == 3 * CLOCK && wrong == 0,
       "the clock is read once for every %d records", CLOCK);

    end(in);
}


static void
test_ticks(void)
{
    qoe_intake_t  *in;

    in = begin(1, false);

    (void) qoe_intake_run(in, 1000);
    ok(apply.ticks == 1 && apply.tick_ns == 5000000000000,
       "the first run looks for silent views");

    (void) qoe_intake_run(in, 1099);
    ok(apply.ticks == 1, "there is no other look within 100 ms");

    (void) qoe_intake_run(in, 1100);
    ok(apply.ticks == 2, "after 100 ms there is another look");

    apply.busy = true;
    (void) qoe_intake_run(in, 1101);
    ok(apply.ticks == 3, "a look that was cut short is continued at once");

    end(in);
}


static void
test_due(void)
{
    qoe_intake_t  *in;

    /* the clock says 5,000,000 ms */

    in = begin(1, false);
    ok(qoe_intake_due_ms(in, 1000) == UINT64_MAX,
       "without views and records nothing is due");

    (void) qoe_intake_run(in, 1000);

    apply.due_ms = 5000300;
    ok(qoe_intake_due_ms(in, 1000) == 1300,
       "a view that will be silent is due then, by the monotonic clock");

    apply.due_ms = 5000020;
    ok(qoe_intake_due_ms(in, 1000) == 1100,
       "a look is never due within 100 ms of another");

    apply.due_ms = 4000000;
    ok(qoe_intake_due_ms(in, 1200) == 1200,
       "a view that is silent already is due now");

    events(1);
    (void) qoe_intake_run(in, 1200);
    apply.due_ms = 5000300;
    ok(qoe_intake_due_ms(in, 1200) == 1500,
       "a view that is due before the end of the pause comes first");

    apply.due_ms = 5000900;
    ok(qoe_intake_due_ms(in, 1200) == 1700,
       "the end of the pause comes before a view that is due later");

    apply.busy = true;
    ok(qoe_intake_due_ms(in, 1200) == 1200,
       "a look that was cut short is due now");

    end(in);
}


static void
test_broken(void)
{
    uint64_t       wake[QOE_LANES_MAX / 64], tail;
    qoe_put_t      p;
    qoe_intake_t  *in;

    in = begin(1, false);
    events(1);
    p = (qoe_put_t) { 0, qoe_span("not a record at all"), qoe_span_null,
                      QOE_KIND_EVENT };
    (void) qoe_zone_put(state.zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake);
    events(1);
    (void) qoe_intake_run(in, 1000);

    ok(apply.samples == 2 && counted(QOE_COUNT_RECORDS_UNREAD) == 1
       && logged == 1
       && qoe_intake_pos(in) == qoe_lane_tail(state.zone, 0),
       "a record that cannot be read is counted, logged and passed over");

    /* a frame that is none: nothing after it can be found */

    tail = qoe_lane_tail(state.zone, 0);
    events(2);
    memset(qoe_zone_ring(state.zone, 0) + tail, 0xee, 4);
    (void) qoe_intake_run(in, 1000);

    ok(apply.samples == 2 && counted(QOE_COUNT_RECORDS_UNREAD) == 1
       && qoe_intake_pos(in) == qoe_lane_tail(state.zone, 0)
       && qoe_lane_applied(state.zone, 0) == qoe_intake_pos(in),
       "what is damaged is passed over up to the tail, for the feeds to count");

    end(in);
}


static void
test_recover(void)
{
    uint64_t       first;
    qoe_intake_t  *in;

    in = begin(1, false);
    events(1);
    first = qoe_lane_tail(state.zone, 0);
    events(1);

    ok(counted(QOE_COUNT_RECORDS_INTERRUPTED) == 0,
       "a lane whose owner was in no record has none that was interrupted");

    /* the owner dies in the first record */

    qoe_lane_hand(state.zone, 0, first);
    qoe_intake_destroy(in);
    in = qoe_intake_create(&env, 0, true);

    ok(in != NULL && counted(QOE_COUNT_RECORDS_INTERRUPTED) == 1
       && qoe_intake_pos(in) == first,
       "the record in which the last owner died is counted, and is not taken "
       "again");

    (void) qoe_intake_run(in, 1000);
    ok(apply.samples == 1, "the records after it are taken");

    apply.nomem = true;
    ok(qoe_intake_create(&env, 0, false) == NULL,
       "without memory for the metrics there is no intake");

    end(in);
}


static void
test_leave(void)
{
    qoe_intake_t  *in;

    in = begin(0, false);
    ok(!qoe_intake_leave(in) && apply.leaves == 0,
       "at an exit nothing is put where nothing is applied");
    end(in);

    in = begin(QOE_GROUPS_ALL, false);
    apply.leave = QOE_AGAIN;
    ok(qoe_intake_leave(in), "while there is more to put an exit waits");

    apply.leave = QOE_OK;
    apply.puts = 3;
    ok(qoe_intake_leave(in), "what was just put has to be sent");

    apply.puts = 0;
    ok(!qoe_intake_leave(in) && apply.leaves == 3, "after that all is put");
    end(in);
}


static void
test_requests(void)
{
    bool           asleep, early, quarter;
    qoe_intake_t  *in;

    in = begin(QOE_GROUPS_ALL, false);

    asleep = !qoe_intake_arm(in, 1000);
    ok(asleep && requests(1, 1), "the first request of a quiet lane wakes");
    qoe_intake_disarm(in);

    ok(!qoe_intake_run(in, 1000) && apply.requests == 1
       && apply.request_ns == unix_ns && qoe_tap_used(state.zone, 0) == 0,
       "a request is applied, and its room is free again");

    asleep = !qoe_intake_arm(in, 1001);
    early = requests(2, 100);
    quarter = requests(102, qoe_tap_size(state.zone) / 4 / 16);
    ok(asleep && !early && quarter,
       "right after a run only a quarter of the tap wakes");
    ok(qoe_intake_due_ms(in, 1001) == 1500,
       "and half a second after it the next run is due");
    qoe_intake_disarm(in);

    apply.requests = 0;
    apply.request_sum = 0;
    ok(qoe_intake_run(in, 1500) && apply.requests == RUN,
       "a run takes a bounded number of requests, and says that more are left");
    ok(!qoe_intake_run(in, 1500)
       && apply.requests == (int) (100 + qoe_tap_size(state.zone) / 4 / 16)
       && apply.request_sum == (uint64_t) apply.requests
                               * (2 + 1 + (uint64_t) apply.requests) / 2,
       "the next run takes the rest, each once");

    requests(1, 3);
    qoe_intake_destroy(in);
    in = qoe_intake_create(&env, 0, false);
    apply.requests = 0;
    (void) qoe_intake_run(in, 2000);
    ok(apply.requests == 3, "the next holder of the lane takes what is left");

    conf.groups = 0;
    requests(1, 3);
    (void) qoe_intake_run(in, 3000);
    ok(apply.requests == 3 && qoe_tap_used(state.zone, 0) == 0,
       "without metrics requests are passed over");

    end(in);
}


int
main(void)
{
    self = qoe_proc_self();

    test_off();
    test_records();
    test_clock();
    test_ticks();
    test_due();
    test_broken();
    test_recover();
    test_leave();
    test_requests();

    return tap_end();
}
