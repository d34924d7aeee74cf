
/*
 * Copyright (C) OpenQoE
 *
 * What a session knows: its client's clock, and the views that are over.
 */


#include "tap.h"
#include "qoe_session.h"

#include <math.h>


#define START      1700000000000LL
#define HOUR       3600000LL


/* A client whose clock is ahead of the server's by some ms. */

typedef struct {
    qoe_session_t  s;
    int64_t        ahead_ms;
    unsigned       stepped;
} client_t;


static client_t *
client(int64_t ahead_ms)
{
    static client_t  c;

    memset(&c, 0, sizeof(c));
    c.ahead_ms = ahead_ms;

    return &c;
}


/*
 * The session's time of an event that happened at ms of the server's clock and
 * was received later by way ms.  From START, as the client counts at first.
 */

static int64_t
at(client_t *c, int64_t ms, int64_t way)
{
    bool          stepped;
    uint64_t      time;
    qoe_sample_t  s;

    memset(&s, 0, sizeof(s));
    s.time_ms = START + ms + c->ahead_ms;
    s.received_ns = (uint64_t) (START + ms + way) * 1000000;

    time = qoe_session_clock(&c->s, &s, &stepped);
    c->stepped += stepped;

    return (int64_t) time - START;
}


static void
test_true(void)
{
    int64_t    i, wrong;
    client_t  *c;

    c = client(0);
    ok(at(c, 0, 60000) == 0 && at(c, 30000, 30000) == 30000
       && at(c, 60000, 0) == 60000 && at(c, 61000, 20) == 61000
       && c->stepped == 0,
       "a first batch of a minute keeps the times of its events");

    c = client(0);
    ok(at(c, 0, 590000) == 0 && at(c, 590100, 50) == 590100
       && c->stepped == 0,
       "a first batch that was on its way for ten minutes is only late");

    c = client(2 * HOUR);
    ok(at(c, 0, 20) == 2 * HOUR && at(c, 10000, 20) == 2 * HOUR + 10000
       && c->stepped == 0,
       "a clock that is two hours fast changes no interval");

    c = client(-2 * HOUR);
    ok(at(c, 0, 20) == -2 * HOUR && at(c, 10000, 20) == -2 * HOUR + 10000
       && c->stepped == 0,
       "a clock that is two hours slow changes no interval");

    c = client(0);
    wrong = 0;

    for (i = 0; i < 3600; i++) {
        wrong += (at(c, i * 1000, i * 7919 % 9000) != i * 1000);
    }

    ok(wrong == 0 && c->stepped == 0,
       "deliveries that take up to 9 s change no time");

    c = client(0);
    (void) at(c, 0, 0);
    ok(at(c, 300000, 0) == 300000 && at(c, 10000, 300000) == 10000
       && at(c, 20000, 290000) == 20000 && at(c, 310000, 0) == 310000
       && c->stepped == 0,
       "batches that were kept while the client was offline keep their times");
}


static void
test_set(void)
{
    client_t  *c;

    c = client(0);
    (void) at(c, 0, 10);
    (void) at(c, 40000, 10);
    c->ahead_ms = HOUR;
    ok(at(c, 50000, 10) == 50000 && c->stepped == 1
       && at(c, 60000, 10) == 60000 && at(c, 70000, 10) == 70000
       && c->stepped == 1,
       "a clock that is set forward by an hour goes on as if it had not been");

    c->ahead_ms = 2 * HOUR;
    ok(at(c, 80000, 10) == 80000 && at(c, 90000, 10) == 90000
       && c->stepped == 2, "a clock that is set forward twice goes on as well");

    c = client(0);
    (void) at(c, 0, 10);
    (void) at(c, 1000, 10);
    c->ahead_ms = HOUR;
    ok(at(c, 2000, 10) == 2000 && at(c, 3000, 10) == 3000 && c->stepped == 1,
       "an hour is no late delivery, however young the session is");

    c = client(0);
    (void) at(c, 0, 10);
    (void) at(c, 40000, 10);
    c->ahead_ms = -HOUR;
    ok(at(c, 50000, 10) == 50000 - HOUR && c->stepped == 0
       && at(c, 60000, 10) == 60000 && c->stepped == 1
       && at(c, 70000, 10) == 70000 && at(c, 80000, 10) == 80000
       && c->stepped == 1,
       "a clock that is set back by an hour goes on from the second request");

    c->ahead_ms = 0;
    ok(at(c, 90000, 10) == 90000 && at(c, 100000, 10) == 100000
       && c->stepped == 2, "a clock that is set right again goes on as well");
}


static void
test_odd(void)
{
    bool           stepped;
    size_t         i, j, bad;
    uint64_t       time;
    client_t      *c;
    qoe_sample_t   s;

    c = client(0);
    (void) at(c, 0, 10);
    (void) at(c, 200000, 10);
    ok(at(c, 10000, 195000) == 10000 && at(c, 206000, 10) == 206000
       && at(c, 216000, 10) == 216000 && c->stepped == 0,
       "an old event alone changes nothing");

    ok(at(c, 20000, 196500) == 20000 && at(c, 60000, 157000) == 60000
       && at(c, 217500, 10) == 217500 && c->stepped == 0,
       "a batch of old events changes nothing");

    c = client(0);
    (void) at(c, 0, 10);
    (void) at(c, 100000, 10);
    c->ahead_ms = HOUR;
    ok(at(c, 110000 - HOUR, 10) == 110000 && c->s.received_ms
       == (uint64_t) START + 110010 - HOUR
       && at(c, 120000 - HOUR, 10) == 120000
       && at(c, 300000 - HOUR, 10) == 300000 && c->stepped == 0,
       "a server's clock that is set back by an hour changes no event's time");

    c = client(0);
    (void) at(c, 100000, 10);
    (void) at(c, 99000, 10);
    ok(c->s.received_ms == (uint64_t) START + 100010,
       "a receipt that another worker's overtook leaves the last receipt as it "
       "is");

    seed48((unsigned short[3]) { 1, 2, 3 });

    for (i = 0, bad = 0; i < 20000; i++) {
        for (j = 0; j < sizeof(c->s); j++) {
            ((unsigned char *) &c->s)[j] = (unsigned char) (lrand48() >> 8);
        }

        memset(&s, 0, sizeof(s));
        s.time_ms = START;
        s.received_ns = (uint64_t) START * 1000000;
        time = qoe_session_clock(&c->s, &s, &stepped);
        bad += (time == 0);
        bad += qoe_session_past(&c->s, 0, 1) != NULL;
        (void) qoe_session_past(&c->s, 1, 0);
        (void) qoe_session_first(&c->s);
    }

    ok(bad == 0, "a torn session's clock gives a time, and never 0");
}


/*
 * An event that is older than the newest one, and another one as much later as
 * its receipt: is it late, or was the clock set back?
 */

static void
test_late(void)
{
    int64_t    i;
    client_t  *c;

    for (i = 0; i < 2; i++) {
        c = client(0);
        (void) at(c, 0, 10);
        (void) at(c, 200000, 10);
        c->ahead_ms = -126000 - i;
        ok(at(c, 201000, 10) == 75000 - i && c->stepped == 0
           && at(c, 206000, 10) == (i == 0 ? 80000 : 206000)
           && c->stepped == i, i == 0
           ? "an event that is older by two minutes is late"
           : "one that is older by more, like that before, shows a clock that "
             "was set back");
    }

    c = client(0);
    (void) at(c, 0, 10);
    (void) at(c, 200000, 10);
    c->ahead_ms = -HOUR;
    (void) at(c, 201000, 10);
    ok(at(c, 201999, 10) == 201999 - HOUR && c->stepped == 0
       && at(c, 202000, 10) == 202000 && c->stepped == 1,
       "a second between two receipts makes them two");
}


static void
remember(qoe_session_t *s, uint64_t view, uint64_t video, uint64_t end,
    qoe_view_end_t why)
{
    qoe_view_t  v;

    memset(&v, 0, sizeof(v));
    v.view_key = view;
    v.video_key = video;
    v.seen_ms = end;

    qoe_session_remember(s, &v, why);
}


static void
test_past(void)
{
    uint64_t        i;
    qoe_past_t     *p;
    qoe_session_t   s;

    memset(&s, 0, sizeof(s));

    ok(qoe_session_first(&s) && !qoe_session_first(&s),
       "only a single view of a session is its first");

    ok(qoe_session_past(&s, 1, 1) == NULL,
       "a session that has just begun remembers no view");

    remember(&s, 1, 10, 100, QOE_VIEW_ENDED);
    remember(&s, 1, 11, 200, QOE_VIEW_SILENT);
    remember(&s, 2, 0, 300, QOE_VIEW_DETACHED);
    remember(&s, 1, 11, 400, QOE_VIEW_REPLACED);

    p = qoe_session_past(&s, 1, 10);
    ok(p != NULL && p->end_ms == 100 && p->why == QOE_VIEW_ENDED
       && isnan(p->told), "a view that is over is found by both of its keys");

    p = qoe_session_past(&s, 1, 11);
    ok(p != NULL && p->end_ms == 400 && p->why == QOE_VIEW_REPLACED,
       "of two views that had both keys the later is found");

    p = qoe_session_past(&s, 1, 0);
    ok(p != NULL && p->end_ms == 400,
       "an event that names no video finds the latest view of its view_id");

    p = qoe_session_past(&s, 2, 77);
    ok(p != NULL && p->end_ms == 300,
       "a view that was never named is found under any video");

    ok(qoe_session_past(&s, 1, 12) == NULL && qoe_session_past(&s, 3, 10)
       == NULL, "another video, or another view_id, is another view");

    for (i = 0; i < QOE_SESSION_PAST - 1; i++) {
        remember(&s, 50 + i, 50 + i, 500 + i, QOE_VIEW_ENDED);
    }

    ok(qoe_session_past(&s, 1, 10) == NULL
       && qoe_session_past(&s, 2, 0) == NULL
       && qoe_session_past(&s, 1, 11) != NULL
       && qoe_session_past(&s, 50, 50) != NULL,
       "the last %d views are remembered, and those before are not",
       QOE_SESSION_PAST);
}


int
main(void)
{
    test_true();
    test_set();
    test_odd();
    test_late();
    test_past();

    return tap_end();
}
