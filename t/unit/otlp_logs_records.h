
/*
 * Copyright (C) OpenQoE
 *
 * Records for the tests of log records.
 */


#ifndef _OTLP_LOGS_RECORDS_H_INCLUDED_
#define _OTLP_LOGS_RECORDS_H_INCLUDED_


#include "qoe_otlp.h"
#include "qoe_record.h"

#include <stdlib.h>


/* What a record is made of. */

typedef struct {
    qoe_event_t        ev;
    qoe_record_meta_t  meta;
} rec_t;


static inline void
set(rec_t *r, qoe_event_field_t field, qoe_span_t text)
{
    r->ev.field[field].type = QOE_VALUE_STRING;
    r->ev.field[field].v.string = text;
}


static inline void
set_str(rec_t *r, qoe_event_field_t field, const char *text)
{
    set(r, field, qoe_span_str(text));
}


/* A record packed into memory that lives as long as the test. */

static inline qoe_span_t
pack(const rec_t *r)
{
    char                *p;
    qoe_arena_t          a;
    qoe_record_parts_t   parts;

    qoe_arena_init(&a, &qoe_mem_heap, 4096, 1 << 20);

    if (qoe_record_pack(&parts, &r->ev, &r->meta, &a) != QOE_OK) {
        abort();
    }

    p = malloc(parts.head.len + parts.body.len);

    if (p == NULL) {
        abort();
    }

    memcpy(p, parts.head.data, parts.head.len);

    if (parts.body.len != 0) {
        memcpy(p + parts.head.len, parts.body.data, parts.body.len);
    }

    qoe_arena_free(&a);

    return (qoe_span_t) { p, parts.head.len + parts.body.len };
}


static inline void
release(qoe_span_t *s, size_t n)
{
    while (n-- > 0) {
        free((char *) (uintptr_t) s[n].data);
    }
}


#endif /* _OTLP_LOGS_RECORDS_H_INCLUDED_ */
