
/*
 * Copyright (C) OpenQoE
 *
 * The events that a lane has seen last.
 */


#include "tap.h"
#include "qoe_seen.h"

#include <stdlib.h>


#define SIZE       (64 * 1024)


static qoe_seen_t *
table_new(void)
{
    void  *mem;

    mem = aligned_alloc(64, SIZE);
    if (mem == NULL) {
        abort();
    }

    memset(mem, 0, SIZE);
    qoe_seen_create(mem, SIZE);

    return mem;
}


static uint64_t
mixed(uint64_t n)
{
    n *= 0x9e3779b97f4a7c15ULL;
    n = (n ^ n >> 31) * 0xbf58476d1ce4e5b9ULL;

    return n ^ n >> 29;
}


static void
test_table(void)
{
    size_t       i, again, wrong;
    qoe_seen_t  *t;

    t = table_new();

    /* Half of what fits, so that hardly any set is full. */

    for (i = 1, wrong = 0; i <= SIZE / 8; i++) {
        wrong += qoe_seen(t, mixed(i));
    }

    ok(wrong == 0, "a new event is not taken for one that was seen");

    for (i = 1, again = 0; i <= SIZE / 8; i++) {
        again += qoe_seen(t, mixed(i));
    }

    ok(again > SIZE / 8 * 95 / 100,
       "%zu of %d events that come again are recognized", again, SIZE / 8);

    for (i = SIZE; i < 2 * SIZE; i++) {
        (void) qoe_seen(t, mixed(i));
    }

    for (i = 2 * SIZE - 1000, again = 0; i < 2 * SIZE; i++) {
        again += qoe_seen(t, mixed(i));
    }

    ok(again == 1000, "in a full table the last events are still known");
    ok(!qoe_seen(t, mixed(1)),
       "in a full table the first events are forgotten");
    ok(!qoe_seen(t, 0) && qoe_seen(t, 0) && !qoe_seen(t, UINT64_MAX)
       && qoe_seen(t, UINT64_MAX),
       "any hash can be kept, 0 and the greatest included");

    free(t);
}


/* After a writer was killed the table may hold any bytes. */

static void
test_bytes(void)
{
    size_t       i, seen, again;
    qoe_seen_t  *t;

    t = table_new();
    memset((char *) t + 64, 0xa5, SIZE - 64);

    for (i = 1, seen = 0, again = 0; i <= 1000; i++) {
        seen += qoe_seen(t, mixed(i));
        again += qoe_seen(t, mixed(i));
    }

    ok(seen == 0 && again == 1000, "a table of arbitrary bytes works");

    free(t);
}


/* Each step changes something that makes the event another one. */

static void
test_hash(void)
{
    size_t          i, j, n, same;
    uint64_t        h[10];
    qoe_sample_t    s;
    qoe_hash_key_t  key = { 1, 2 };

    memset(&s, 0, sizeof(s));
    s.type_name = qoe_span("error");
    s.time_ms = 1700000000000;
    n = 0;

    h[n++] = qoe_seen_hash(&key, 1, 0, 0, &s);
    h[n++] = qoe_seen_hash(&key, 2, 0, 0, &s);
    h[n++] = qoe_seen_hash(&key, 1, 5, 0, &s);
    h[n++] = qoe_seen_hash(&key, 1, 5, 5, &s);
    h[n++] = qoe_seen_hash(&key, 1, 0, 5, &s);
    s.text[QOE_TEXT_ERROR_CODE] = qoe_span("404");
    h[n++] = qoe_seen_hash(&key, 1, 0, 0, &s);
    s.text[QOE_TEXT_ERROR_CODE] = qoe_span("500");
    h[n++] = qoe_seen_hash(&key, 1, 0, 0, &s);
    s.text[QOE_TEXT_ERROR_FAMILY] = qoe_span("network");
    h[n++] = qoe_seen_hash(&key, 1, 0, 0, &s);
    s.text[QOE_TEXT_CODEC] = qoe_span("vp9");
    h[n++] = qoe_seen_hash(&key, 1, 0, 0, &s);
    s.set = 1;
    h[n++] = qoe_seen_hash(&key, 1, 0, 0, &s);

    for (i = 0, same = 0; i < n; i++) {
        for (j = 0; j < i; j++) {
            same += (h[i] == h[j]);
        }
    }

    ok(same == 0,
       "another session, view, video, error or codec makes another event");

    s.received_ns = 5;
    ok(qoe_seen_hash(&key, 1, 0, 0, &s) == h[n - 1],
       "an event that is received at another time is the same");
}


int
main(void)
{
    test_table();
    test_bytes();
    test_hash();

    return tap_end();
}
