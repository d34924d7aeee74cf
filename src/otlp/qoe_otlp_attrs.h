
/*
 * Copyright (C) OpenQoE
 *
 * The attribute blocks of a collection as runs of KeyValue fields, each
 * encoded once: a point copies those of its two blocks.
 */


#ifndef _QOE_OTLP_ATTRS_H_INCLUDED_
#define _QOE_OTLP_ATTRS_H_INCLUDED_


#include "qoe_arena.h"
#include "qoe_collect.h"


/* The field that attributes are differs: so there are two runs of a block. */

typedef enum {
    QOE_ATTRS_NUMBER = 0,
    QOE_ATTRS_HISTOGRAM,
    QOE_ATTRS_FORMS
} qoe_attrs_form_t;


/*
 * An attribute of n bytes in a block takes at most n + 9, and n is 3 at
 * least.
 */
#define QOE_ATTRS_RUN_MAX  (4 * QOE_LABELS_MAX)


typedef struct {
    const char          *data;           /* NULL: not encoded yet */
    size_t               len;
    uint64_t             keys;           /* a bit a key has, by its hash */
} qoe_attrs_run_t;

typedef struct {
    const qoe_collect_t *c;
    uint32_t             blocks;
    qoe_arena_t          arena;          /* the runs */
    qoe_attrs_run_t     *runs;           /* forms of 0 .. blocks */
    char                 scratch[2][QOE_ATTRS_RUN_MAX];
} qoe_attrs_t;


/* c and mem must outlive it.  QOE_NOMEM. */
qoe_status_t qoe_attrs_init(qoe_attrs_t *a, const qoe_collect_t *c,
    const qoe_mem_t *mem);
void qoe_attrs_free(qoe_attrs_t *a);

/*
 * The attributes of a point: those of base, then those of extra.  Text is
 * made valid UTF-8; otel.metric.overflow is a boolean.  No key is there
 * twice: the first of a block counts, and extra's before base's.  (The keys
 * of the two are disjoint by the table of dimensions, so that is the rare
 * way.)  Both are good until the next call.
 */
void qoe_attrs_get(qoe_attrs_t *a, qoe_attrs_form_t form, uint32_t base,
    uint32_t extra, qoe_span_t run[2]);


#endif /* _QOE_OTLP_ATTRS_H_INCLUDED_ */
