
/*
 * Copyright (C) OpenQoE
 *
 * A lane that is held: what it makes of its intake and of its feeds, which are
 * replaced by some that say what the test wants.
 */


#include "tap.h"
#include "zone_unit.h"
#include "qoe_held.h"

#include <string.h>


#define FEEDS              3


struct qoe_intake_s {
    int                unused;
};


/* What a feed says, and what was asked of it. */

typedef struct {
    qoe_feed_t         feed;         /* first: cast from it */
    bool               alive;
    bool               sending;
    bool               blocked;
    bool               filled;       /* not empty */
    uint64_t           lag;
    uint64_t           wake_pos;
    uint64_t           due_ms;

    uint64_t           limit;        /* of the last run */
    uint64_t           run_ms;
    bool               flush;
    int                runs;
} feed_t;


static struct qoe_intake_s  the_intake;

static struct {
    bool               nomem;
    bool               alive;
    bool               adopted;
    bool               more;
    uint64_t           pos;
    uint64_t           wake_pos;
    uint64_t           due_ms;
    size_t             feeds;        /* alive when it was made */
    bool               armed;
    bool               requests;     /* in the tap */
} intake;

/* What a feed takes: events, or records of views. */
static const qoe_stream_t  streams[2] = {
    { .kind = QOE_KIND_EVENT }, { .kind = QOE_KIND_VIEW }
};

static feed_t              feeds[FEEDS];
static qoe_feed_env_t      feed_env[FEEDS];
static qoe_feed_env_t     *envs[FEEDS];
static int                 nomem;        /* the feed that cannot be made; -1 */
static qoe_zone_t         *zone;
static qoe_state_t         state;
static qoe_intake_env_t    intake_env;


static size_t
feeds_alive(void)
{
    size_t  i, n;

    for (i = 0, n = 0; i < FEEDS; i++) {
        n += feeds[i].alive;
    }

    return n;
}


qoe_intake_t *
qoe_intake_create(qoe_intake_env_t *env, uint32_t lane, bool adopted)
{
    (void) env;
    (void) lane;

    if (intake.nomem) {
        return NULL;
    }

    intake.alive = true;
    intake.adopted = adopted;
    intake.feeds = feeds_alive();

    return &the_intake;
}


void
qoe_intake_destroy(qoe_intake_t *in)
{
    (void) in;
    intake.alive = false;
}


bool
qoe_intake_run(qoe_intake_t *in, uint64_t now_ms)
{
    (void) in;
    (void) now_ms;

    return intake.more;
}


uint64_t
qoe_intake_pos(const qoe_intake_t *in)
{
    (void) in;

    return intake.pos;
}


uint64_t
qoe_intake_wake_pos(const qoe_intake_t *in, uint64_t now_ms)
{
    (void) in;
    (void) now_ms;

    return intake.wake_pos;
}


bool
qoe_intake_arm(const qoe_intake_t *in, uint64_t now_ms)
{
    (void) in;
    (void) now_ms;
    intake.armed = true;

    return intake.requests;
}


void
qoe_intake_disarm(const qoe_intake_t *in)
{
    (void) in;
    intake.armed = false;
}


uint64_t
qoe_intake_due_ms(const qoe_intake_t *in, uint64_t now_ms)
{
    (void) in;
    (void) now_ms;

    return intake.due_ms;
}


qoe_feed_t *
qoe_feed_create(qoe_feed_env_t *env, uint32_t lane)
{
    size_t  i;

    i = (size_t) (env - feed_env);

    if (nomem == (int) i) {
        return NULL;
    }

    memset(&feeds[i], 0, sizeof(feed_t));
    env->stream = &streams[0];
    feeds[i].feed.env = env;
    feeds[i].feed.lane = lane;
    feeds[i].alive = true;
    feeds[i].wake_pos = QOE_LANE_ASKED;
    feeds[i].due_ms = UINT64_MAX;

    return &feeds[i].feed;
}


void
qoe_feed_destroy(qoe_feed_t *feed)
{
    ((feed_t *) feed)->alive = false;
}


void
qoe_feed_run(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms, bool flush)
{
    feed_t  *f = (feed_t *) feed;

    f->limit = limit;
    f->run_ms = now_ms;
    f->flush = flush;
    f->runs++;
}


bool
qoe_feed_sending(const qoe_feed_t *feed)
{
    return ((const feed_t *) feed)->sending;
}


bool
qoe_feed_blocked(const qoe_feed_t *feed)
{
    return ((const feed_t *) feed)->blocked;
}


bool
qoe_feed_empty(const qoe_feed_t *feed)
{
    return !((const feed_t *) feed)->filled;
}


uint64_t
qoe_feed_lag(const qoe_feed_t *feed)
{
    return ((const feed_t *) feed)->lag;
}


uint64_t
qoe_feed_wake_pos(const qoe_feed_t *feed)
{
    return ((const feed_t *) feed)->wake_pos;
}


uint64_t
qoe_feed_due_ms(const qoe_feed_t *feed)
{
    return ((const feed_t *) feed)->due_ms;
}


/* A zone with so many destinations, each of which is an exporter's. */

static void
begin(const char *names)
{
    size_t    i;
    uint32_t  slots[QOE_DESTS_CONF];

    memset(&intake, 0, sizeof(intake));
    memset(feeds, 0, sizeof(feeds));
    memset(&intake_env, 0, sizeof(intake_env));
    memset(feed_env, 0, sizeof(feed_env));
    memset(slots, 0, sizeof(slots));

    nomem = -1;
    intake.wake_pos = QOE_LANE_ASKED;
    intake.due_ms = UINT64_MAX;

    zone = zone_new(2);
    state.zone = zone;
    intake_env.state = &state;
    configure(zone, names, slots);
    (void) qoe_lane_dests(zone, 1);

    for (i = 0; i < FEEDS; i++) {
        envs[i] = NULL;

        if (i < strlen(names)) {
            feed_env[i].zone = zone;
            feed_env[i].dest = slots[i];
            envs[i] = &feed_env[i];
        }
    }
}


static qoe_held_t *
hold(void)
{
    qoe_held_t  *held;

    held = qoe_held_create(&intake_env, envs, FEEDS, 1, false);

    if (held == NULL) {
        abort();
    }

    return held;
}


static uint64_t
armed(void)
{
    return qoe_zone_lane(zone, 1)->wake;
}


static void
test_create(void)
{
    qoe_held_t  *held;

    begin("ab");
    held = qoe_held_create(&intake_env, envs, FEEDS, 1, true);

    ok(held != NULL && held->feed[0] == &feeds[0].feed
       && held->feed[1] == &feeds[1].feed && held->feed[2] == NULL
       && feeds[1].feed.lane == 1,
       "each exporter of events gets a feed of the lane, and no other does");
    ok(intake.alive && intake.adopted && intake.feeds == 2,
       "the intake, which changes the lane, is made last, and learns that the "
       "lane was adopted");

    qoe_held_destroy(held);
    ok(feeds_alive() == 0 && !intake.alive,
       "the feeds and the intake are freed with it");

    begin("ab");
    feed_env[1].dest = 5;
    held = hold();
    ok(held->feed[0] != NULL && held->feed[1] == NULL,
       "an exporter that is no destination of the lane gets no feed");
    qoe_held_destroy(held);

    begin("ab");
    nomem = 1;
    ok(qoe_held_create(&intake_env, envs, FEEDS, 1, false) == NULL
       && feeds_alive() == 0 && intake.feeds == 0,
       "if a feed cannot be made, the others are freed and the lane is not "
       "changed");

    begin("ab");
    intake.nomem = true;
    ok(qoe_held_create(&intake_env, envs, FEEDS, 1, false) == NULL
       && feeds_alive() == 0,
       "if the intake cannot be made, the feeds are freed");
}


static void
test_run(void)
{
    uint64_t     tail;
    qoe_held_t  *held;

    begin("ab");
    held = hold();
    put(zone, 1, 2);
    tail = qoe_lane_tail(zone, 1);
    intake.pos = tail;

    qoe_held_run(held, 1234, true);
    ok(feeds[0].runs == 1 && feeds[1].runs == 1
       && feeds[0].limit == tail && feeds[1].limit == tail
       && feeds[1].run_ms == 1234 && feeds[0].flush && feeds[1].flush,
       "each feed runs up to what the metrics have");
    ok(qoe_lane_floor(zone, 1) == 0,
       "the records stay in the ring until the feeds release them");

    qoe_held_run(held, 1234, false);
    ok(!feeds[0].flush, "batches are closed early only when that is asked for");
    qoe_held_destroy(held);

    begin("");
    held = hold();
    put(zone, 1, 2);
    intake.pos = 16;
    qoe_held_run(held, 0, false);
    ok(qoe_lane_floor(zone, 1) == 16,
       "without feeds the records are freed once they are in the metrics");
    qoe_held_destroy(held);
}


static void
test_arm(void)
{
    uint64_t     size;
    qoe_held_t  *held;

    begin("ab");
    held = hold();
    size = zone->ring_size;

    intake.wake_pos = size;
    ok(!qoe_held_arm(held) && armed() == size / 2,
       "the helper is woken when a feed begins to lag");

    intake.wake_pos = 300;
    ok(!qoe_held_arm(held) && armed() == 300,
       "the helper is woken where the intake wants it");

    feeds[1].wake_pos = 200;
    ok(!qoe_held_arm(held) && armed() == 200,
       "the helper is woken where the first of the feeds wants it");

    qoe_held_disarm(held);
    ok(armed() == QOE_LANE_AWAKE, "an awake helper is not woken");

    intake.more = true;
    qoe_held_run(held, 0, false);
    ok(qoe_held_arm(held),
       "the helper does not sleep if there is more to take");

    intake.more = false;
    qoe_held_run(held, 0, false);
    put(zone, 1, 20);
    ok(qoe_held_arm(held),
       "the helper does not sleep if the tail is beyond what it waits for");

    /* both feeds lag already, so that wakes no more */

    intake.wake_pos = QOE_LANE_ASKED;
    feeds[1].wake_pos = QOE_LANE_ASKED;
    put(zone, 1, (int) (size / 2 / 16) + 1 - 20);
    ok(!qoe_held_arm(held) && armed() == QOE_LANE_ASKED,
       "a feed that lags already does not wake the helper");

    qoe_held_destroy(held);
}


static void
test_any(void)
{
    qoe_held_t  *held;

    begin("ab");
    held = hold();

    ok(!qoe_held_sending(held) && !qoe_held_blocked(held)
       && qoe_held_empty(held), "two idle feeds send nothing, are not blocked, "
       "and are empty");

    feeds[1].sending = true;
    ok(qoe_held_sending(held), "the lane sends if any feed does");

    feeds[1].blocked = true;
    ok(qoe_held_blocked(held), "the lane is blocked if any feed is");

    feeds[1].filled = true;
    ok(!qoe_held_empty(held), "the lane is empty only if all feeds are");

    feeds[1].filled = false;
    put(zone, 1, 1);
    ok(!qoe_held_empty(held),
       "the lane is not empty before the metrics have its records");

    intake.pos = 16;
    ok(qoe_held_empty(held), "the lane is empty once they have");

    qoe_held_destroy(held);
}


static void
test_due(void)
{
    qoe_held_t  *held;

    begin("ab");
    held = hold();
    ok(qoe_held_due_ms(held, 10) == UINT64_MAX, "nothing is due");

    intake.due_ms = 900;
    ok(qoe_held_due_ms(held, 10) == 900, "the intake may be due");

    feeds[0].due_ms = 1000;
    feeds[1].due_ms = 800;
    ok(qoe_held_due_ms(held, 10) == 800,
       "the first feed that is due comes before the intake");

    qoe_held_destroy(held);
}


static void
test_lag(void)
{
    uint64_t     size;
    qoe_held_t  *held;

    begin("ab");
    held = hold();
    size = zone->ring_size;

    feeds[0].lag = size / 2;
    ok(!qoe_held_lags(held, 0), "half of the ring is no lag");

    feeds[0].lag = size / 2 + 1;
    ok(qoe_held_lags(held, 0) && !qoe_held_lags(held, 1),
       "a feed lags with more than half of the ring, whatever another does");

    feeds[0].lag = size / 4 + 100;
    feeds[1].lag = 100;
    ok(!qoe_held_behind(held, 0),
       "a feed with a quarter of the ring more than another keeps up");

    feeds[0].lag++;
    ok(qoe_held_behind(held, 0) && !qoe_held_behind(held, 1),
       "a feed with more than that is behind, and the other is not");

    feed_env[1].stream = &streams[1];
    ok(!qoe_held_behind(held, 0),
       "a feed of events may be far after one of records of views");

    feed_env[0].stream = &streams[1];
    feed_env[1].stream = &streams[0];
    ok(qoe_held_behind(held, 0),
       "a feed of records of views may not be far after one of events");

    qoe_held_destroy(held);
}


static void
test_waiters(void)
{
    qoe_held_t  *held;

    begin("ab");
    held = hold();
    qoe_zone_lane(zone, 1)->waiters = 6;

    ok(qoe_held_waiters(held) == 0,
       "as long as nothing was stored those who wait are left alone");

    feeds[1].feed.changed = true;
    ok(qoe_held_waiters(held) == 6,
       "when a feed has stored something those who wait are woken");

    qoe_zone_lane(zone, 1)->waiters = 1;
    ok(qoe_held_waiters(held) == 0, "they are woken once for that");

    qoe_held_destroy(held);
}


int
main(void)
{
    self = qoe_proc_self();

    test_create();
    test_run();
    test_arm();
    test_any();
    test_due();
    test_lag();
    test_waiters();

    return tap_end();
}
