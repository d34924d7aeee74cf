
/*
 * Copyright (C) OpenQoE
 *
 * A lane that makes records of views, and what its ring has held of them.
 */


#ifndef _RECORD_UNIT_H_INCLUDED_
#define _RECORD_UNIT_H_INCLUDED_


#include "apply_unit.h"
#include "qoe_view_record.h"
#include "qoe_zone_layout.h"


#define LANE_SIZE  ((size_t) 16 << 20)
#define RECORDS    4096

#define VIEW       "71e30000-0001-4000-8000-000000000001"
#define SESSION    "5e551011-0001-4000-8000-000000000001"
#define OF         SESSION "/" VIEW "/film"


/* What the ring held, in order; the texts are copies. */

typedef struct {
    qoe_view_record_t  r[RECORDS];
    char               packed[RECORDS][1024];
    size_t             n;
    uint64_t           pos;
    uint32_t           dest;
} got_t;

static got_t  got;


static inline lane_t *
lane_of(uint64_t record_ms)
{
    lane_t      *l;
    bool         spooled, adopted;
    qoe_kind_t   kind;
    qoe_span_t   name;

    l = lane_new(LANE_SIZE);
    l->conf.records = true;
    l->conf.views = true;
    l->conf.record_ms = record_ms;

    name = qoe_span("default.views");
    kind = QOE_KIND_VIEW;
    spooled = false;

    memset(&got, 0, sizeof(got));
    qoe_dests_set(l->zone, &name, &kind, &spooled, 1, &got.dest);

    if (qoe_lane_take(l->zone, 0, qoe_proc_self(), &adopted) != QOE_OK) {
        abort();
    }

    (void) qoe_lane_dests(l->zone, 0);

    return l;
}


/* Reads what was put since the last call, and frees it. */

static inline size_t
receive(lane_t *l)
{
    size_t        n;
    qoe_kind_t    kind;
    qoe_span_t    record;
    qoe_counts_t  counts;

    memset(&counts, 0, sizeof(counts));

    for (n = 0;
         qoe_lane_next(l->zone, 0, UINT64_MAX, &got.pos, &record, &kind)
         == QOE_OK; n++)
    {
        counts.n[kind]++;

        if (kind != QOE_KIND_VIEW || got.n == RECORDS
            || record.len > sizeof(got.packed[0]))
        {
            abort();
        }

        memcpy(got.packed[got.n], record.data, record.len);

        if (qoe_view_record_unpack(&got.r[got.n],
                                   (qoe_span_t) { got.packed[got.n],
                                                  record.len })
            != QOE_OK)
        {
            abort();
        }

        got.n++;
    }

    qoe_lane_dest_release(l->zone, 0, got.dest, got.pos, counts, true);

    return n;
}


static inline int
is(qoe_span_t text, const char *expected)
{
    if (qoe_span_eq(text, qoe_span_str(expected))) {
        return 1;
    }

    printf("# \"%.*s\", not \"%s\"\n", (int) text.len, text.data, expected);

    return 0;
}


/* The value of a dimension in record i; "" if the record has none. */

static inline int
dim_is(size_t i, const char *name, const char *expected)
{
    qoe_span_t         key, value;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, got.r[i].dims);

    while (qoe_labels_next(&it, &key, &value)) {
        if (qoe_span_eq(key, qoe_span_str(name))) {
            return is(value, expected);
        }
    }

    return expected[0] == '\0';
}


static inline uint64_t
counter(const lane_t *l, qoe_counter_t c)
{
    return qoe_zone_counter(l->zone, c);
}


static inline void
begin(lane_t *l, int64_t at, const char *of)
{
    tell(l, at, of, "canplay", "video_startup_time=0 at=0");
    tell(l, at, of, "playing", "at=0");
}


#endif /* _RECORD_UNIT_H_INCLUDED_ */
