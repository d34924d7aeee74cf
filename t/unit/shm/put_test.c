
/*
 * Copyright (C) OpenQoE
 *
 * A put byte by byte: where records, pads and tails are in the ring, to the
 * last byte that fits, what is asked for, and what a refusal says.
 */


#include "tap.h"
#include "zone_unit.h"


#define FRAME              sizeof(qoe_frame_t)


static char  bytes[QOE_RING_RECORD_MAX + 8];


/* Puts a record that takes size bytes of the ring of lane 0. */

static qoe_status_t
put_size(qoe_zone_t *zone, uint64_t size, uint64_t *ends, qoe_ack_t ack)
{
    uint64_t   wake[QOE_LANES_MAX / 64];
    qoe_put_t  p;

    p = (qoe_put_t) { 0, { bytes, (size_t) (size - FRAME) }, qoe_span_null,
                      QOE_KIND_VIEW };

    return qoe_zone_put(zone, self, 0, &p, 1, ack, ends, wake);
}


/*
 * The bytes of lane 0 that are free.  Records of views may have all of them,
 * and are what these tests put.
 */

static uint64_t
room(const qoe_zone_t *zone)
{
    return zone->ring_size - (qoe_lane_tail(zone, 0) - qoe_lane_floor(zone, 0));
}


/* Fills lane 0 until so many bytes are left, in records of the maximum. */

static void
fill(qoe_zone_t *zone, uint64_t left)
{
    uint64_t  size;

    while (room(zone) > left) {
        size = qoe_min(room(zone) - left, (uint64_t) QOE_RING_RECORD_MAX);

        if (put_size(zone, size, NULL, QOE_ACK_MEMORY) != QOE_OK) {
            abort();
        }
    }
}


static void
test_record(void)
{
    char         *ring;
    uint64_t      wake[QOE_LANES_MAX / 64], pos;
    qoe_put_t     p[3];
    qoe_span_t    record;
    qoe_zone_t   *zone;
    qoe_frame_t   frame;

    zone = zone_new(2);
    ring = qoe_zone_ring(zone, 1);

    p[0] = (qoe_put_t) { 1, qoe_span("head"), qoe_span("body-"),
                         QOE_KIND_VIEW };
    p[1] = (qoe_put_t) { 1, qoe_span_null, qoe_span("only a body"),
                         QOE_KIND_EVENT };
    p[2] = (qoe_put_t) { 1, qoe_span("only a head"), qoe_span_null,
                         QOE_KIND_EVENT };

    ok(qoe_zone_put(zone, self, 0, p, 3, QOE_ACK_MEMORY, NULL, wake) == QOE_OK
       && qoe_lane_tail(zone, 0) == 0
       && qoe_lane_tail(zone, 1) == qoe_frame_size(9) + 2 * qoe_frame_size(11),
       "a put moves the tail of its lane by the frames of its records");

    memcpy(&frame, ring, FRAME);
    ok(frame.kind == QOE_FRAME_VIEW && frame.len == 9
       && memcmp(ring + FRAME, "headbody-", 9) == 0,
       "the body of a record follows its head, and its frame has the length "
       "of both");

    pos = qoe_frame_size(9);
    ok(qoe_lane_read(zone, 1, UINT64_MAX, &pos, &record) == QOE_OK
       && qoe_span_eq(record, qoe_span("only a body"))
       && qoe_lane_read(zone, 1, UINT64_MAX, &pos, &record) == QOE_OK
       && qoe_span_eq(record, qoe_span("only a head"))
       && pos == qoe_lane_tail(zone, 1),
       "a record may be only a head, or only a body");
}


static void
test_limits(void)
{
    uint64_t     wake[QOE_LANES_MAX / 64], ends[QOE_LANES_MAX];
    qoe_put_t    p;
    qoe_zone_t  *zone;

    zone = zone_new(2);
    memset(ends, 0xff, sizeof(ends));

    p = (qoe_put_t) { 0, { bytes, QOE_RING_RECORD_MAX }, qoe_span_null,
                      QOE_KIND_VIEW };
    ok(qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, ends, wake) == QOE_OK
       && ends[0] == qoe_frame_size(QOE_RING_RECORD_MAX) && ends[1] == 0,
       "a record of the greatest length is taken, and only its lane has an "
       "end");

    p.body = (qoe_span_t) { bytes, 1 };
    ok(qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, ends, wake)
       == QOE_TOO_LARGE && ends[0] == 0,
       "with one more byte in its body the record is too large");

    p = (qoe_put_t) { 0, { bytes, QOE_RING_RECORD_MAX + 1 }, qoe_span_null,
                      QOE_KIND_VIEW };
    ok(qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, ends, wake)
       == QOE_TOO_LARGE, "a head that is a byte longer is too large");

    p = (qoe_put_t) { 0, { bytes, 1 }, { bytes, QOE_RING_RECORD_MAX - 1 },
                      QOE_KIND_VIEW };
    ok(qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, ends, wake) == QOE_OK,
       "a head and a body of the greatest length together are taken");

    p.lane = 2;
    ok(qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, ends, wake)
       == QOE_TOO_LARGE, "there is no lane after the last one");
}


static void
test_full(void)
{
    uint64_t     ends[QOE_LANES_MAX], tail, size;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    size = zone->ring_size;
    fill(zone, 64);

    ok(put_size(zone, 72, ends, QOE_ACK_MEMORY) == QOE_FULL && ends[0] == 144,
       "a record eight bytes longer than the room is refused; twice its size "
       "is needed, for a pad may come before it");
    ok(put_size(zone, 64, ends, QOE_ACK_MEMORY) == QOE_OK && ends[0] == size,
       "a record that takes the last byte of the room is taken");
    ok(put_size(zone, 16, ends, QOE_ACK_MEMORY) == QOE_FULL && ends[0] == 32,
       "a full ring takes no record");

    /* the tail is at the start of the ring again: no pad is needed */

    tail = qoe_lane_tail(zone, 0);
    qoe_lane_free(zone, 0, 4096);
    ok(put_size(zone, 4096, ends, QOE_ACK_MEMORY) == QOE_OK
       && qoe_lane_tail(zone, 0) == tail + 4096,
       "a ring that ends with a record goes on at its start without a pad");
}


static void
test_reserve(void)
{
    uint64_t     ends[QOE_LANES_MAX], reserve, wake[QOE_LANES_MAX / 64];
    qoe_put_t    p;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    reserve = zone->ring_size - qoe_ring_events(zone);
    fill(zone, reserve + 64);
    p = (qoe_put_t) { 0, { bytes, 64 - FRAME }, qoe_span_null,
                      QOE_KIND_EVENT };

    ok(qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, ends, wake) == QOE_OK
       && room(zone) == reserve && qoe_lane_room(zone, 0) == 0,
       "events may fill the ring up to the reserve");
    ok(qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, ends, wake)
       == QOE_FULL, "the reserve takes no event");
    ok(put_size(zone, reserve, ends, QOE_ACK_MEMORY) == QOE_OK
       && room(zone) == 0, "the reserve takes a record of a view");
}


static void
test_pad(void)
{
    char         *ring;
    uint64_t      ends[QOE_LANES_MAX], size;
    qoe_zone_t   *zone;
    qoe_frame_t   frame;

    /* 64 bytes are left before the end, and much is free at the start */

    zone = zone_new(1);
    ring = qoe_zone_ring(zone, 0);
    size = zone->ring_size;
    fill(zone, 64);
    qoe_lane_free(zone, 0, size - 64);

    ok(put_size(zone, 64, ends, QOE_ACK_MEMORY) == QOE_OK && ends[0] == size,
       "a record that ends with the ring has no pad before it");

    zone = zone_new(1);
    ring = qoe_zone_ring(zone, 0);
    fill(zone, 64);
    qoe_lane_free(zone, 0, size - 64);

    ok(put_size(zone, 72, ends, QOE_ACK_MEMORY) == QOE_OK
       && ends[0] == size + 72,
       "a record that does not fit before the ring's end begins at its start");

    memcpy(&frame, ring + size - 64, FRAME);
    ok(frame.kind == QOE_FRAME_PAD && frame.len == 0,
       "a pad fills the rest of the ring");

    memcpy(&frame, ring, FRAME);
    ok(frame.kind == QOE_FRAME_VIEW && frame.len == 72 - FRAME,
       "the record is not split");

    /* the pad counts as room that is needed */

    zone = zone_new(1);
    (void) put_size(zone, 72, ends, QOE_ACK_MEMORY);
    fill(zone, 64);
    qoe_lane_free(zone, 0, 72);

    ok(put_size(zone, 80, ends, QOE_ACK_MEMORY) == QOE_FULL,
       "a record that would fit into the room before and after the ring's end "
       "together is refused");
    ok(put_size(zone, 72, ends, QOE_ACK_MEMORY) == QOE_OK,
       "a record that fits after the ring's end is taken");
}


static void
test_needs(void)
{
    size_t       i, n;
    uint64_t     wake[QOE_LANES_MAX / 64], ends[QOE_LANES_MAX];
    qoe_put_t    p[64];
    qoe_zone_t  *zone;

    zone = zone_new(2);
    fill(zone, 8);

    for (i = 0; i < 4; i++) {
        p[i] = (qoe_put_t) { i % 2, { bytes, 100 * (i + 1) }, qoe_span_null,
                      QOE_KIND_VIEW };
    }

    ok(qoe_zone_put(zone, self, 0, p, 4, QOE_ACK_MEMORY, ends, wake) == QOE_FULL
       && ends[0] == qoe_frame_size(100) + 2 * qoe_frame_size(300)
       && ends[1] == qoe_frame_size(200) + 2 * qoe_frame_size(400),
       "a refusal says the room for the records of each lane and for a pad as "
       "long as the longest");
    ok(qoe_zone_put(zone, self, 0, p, 4, QOE_ACK_MEMORY, NULL, wake)
       == QOE_FULL, "a refusal needs no place for the room");

    /* all of a ring, and more than a ring */

    n = (size_t) (qoe_ring_events(zone) / qoe_frame_size(8192));

    for (i = 0; i < n; i++) {
        p[i] = (qoe_put_t) { 0, { bytes, 8192 }, qoe_span_null,
                          QOE_KIND_EVENT };
    }

    ok(n < 64 && qoe_zone_put(zone, self, 0, p, n, QOE_ACK_MEMORY, ends, wake)
       == QOE_FULL && ends[0] == qoe_ring_events(zone) && ends[1] == 0,
       "no more than what events may have of the ring is said to be needed");

    p[n] = p[0];
    ok(qoe_zone_put(zone, self, 0, p, n + 1, QOE_ACK_MEMORY, ends, wake)
       == QOE_TOO_LARGE, "records that no empty ring can hold are too large");
    ok(qoe_zone_lane(zone, 0)->lock == 0,
       "a refused put leaves its lane unlocked");
}


static void
test_asked(void)
{
    uint64_t     ends[QOE_LANES_MAX];
    qoe_lane_t  *lane;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    lane = qoe_zone_lane(zone, 0);

    (void) put_size(zone, 64, ends, QOE_ACK_MEMORY);
    ok(lane->asked[0] == 0 && lane->asked[1] == 0,
       "a put that does not wait asks for nothing");

    (void) put_size(zone, 64, ends, QOE_ACK_SPOOL);
    ok(lane->asked[0] == 128 && lane->asked[1] == 0,
       "a put that waits for the spool asks for its write");

    (void) put_size(zone, 64, ends, QOE_ACK_FSYNC);
    ok(lane->asked[0] == 192 && lane->asked[1] == 192,
       "a put that waits for the disk asks for the write and the sync");
}


/* Who is woken: the consumer that sleeps at a position. */

static void
test_woken(void)
{
    uint64_t     wake[QOE_LANES_MAX / 64];
    qoe_put_t    p;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    p = (qoe_put_t) { 0, { bytes, 64 - FRAME }, qoe_span_null,
                      QOE_KIND_VIEW };

    (void) qoe_lane_arm(zone, 0, 64, 0);
    (void) qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake);
    ok(wake[0] == 0,
       "a put up to the position of a sleeping consumer lets it sleep");

    (void) qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake);
    ok(wake[0] == 1, "a put beyond that position wakes it");

    (void) qoe_lane_arm(zone, 0, 1 << 20, 0);
    (void) qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_SPOOL, NULL, wake);
    ok(wake[0] == 1, "a put that waits for the spool wakes a consumer that "
       "sleeps, wherever that is");

    (void) qoe_lane_arm(zone, 0, QOE_LANE_AWAKE, 0);
    (void) qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_SPOOL, NULL, wake);
    ok(wake[0] == 0,
       "a put that waits for the spool wakes no consumer that is awake");
}


/* The bounds of what a put may say. */

static void
test_refused(void)
{
    int          i, wrong;
    uint64_t     wake[QOE_LANES_MAX / 64], tail;
    qoe_put_t    p;
    qoe_zone_t  *zone;

    static const struct {
        uint32_t      lane;
        size_t        head, body;
        uint32_t      kind;
        qoe_status_t  rc;
    } rows[] = {
        { 1, 1, 0, QOE_KIND_EVENT, QOE_OK },
        { 2, 1, 0, QOE_KIND_EVENT, QOE_TOO_LARGE },
        { 1, 1, 0, QOE_KINDS - 1, QOE_OK },
        { 1, 1, 0, QOE_KINDS, QOE_TOO_LARGE },
        { 1, QOE_RING_RECORD_MAX + 1, 0, QOE_KIND_VIEW, QOE_TOO_LARGE },
        { 1, QOE_RING_RECORD_MAX, 0, QOE_KIND_VIEW, QOE_OK },
        { 1, QOE_RING_RECORD_MAX - 8, 9, QOE_KIND_VIEW, QOE_TOO_LARGE },
        { 1, QOE_RING_RECORD_MAX - 8, 8, QOE_KIND_VIEW, QOE_OK },
        { 1, 0, QOE_RING_RECORD_MAX + 1, QOE_KIND_VIEW, QOE_TOO_LARGE }
    };

    for (i = 0, wrong = 0; i < (int) (sizeof(rows) / sizeof(rows[0])); i++) {
        zone = zone_new(2);
        tail = qoe_lane_tail(zone, 1);
        p = (qoe_put_t) { rows[i].lane, { bytes, rows[i].head },
                          { bytes, rows[i].body }, rows[i].kind };
        wrong += qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
                 != rows[i].rc;
        wrong += (qoe_lane_tail(zone, 1) != tail) != (rows[i].rc == QOE_OK);
    }

    ok(wrong == 0, "a record of no lane, of no kind, or longer than any may be "
       "is refused, and one at the bound is not");
}


int
main(void)
{
    self = qoe_proc_self();
    memset(bytes, 'x', sizeof(bytes));

    test_record();
    test_limits();
    test_full();
    test_reserve();
    test_pad();
    test_needs();
    test_asked();
    test_woken();
    test_refused();

    return tap_end();
}
