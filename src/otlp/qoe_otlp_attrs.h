
/*
 * Copyright (C) OpenQoE
 *
 * The attribute blocks of a collection as runs of KeyValue fields, each
 * encoded once: a point only copies the runs of its two blocks.
 */


#ifndef _QOE_OTLP_ATTRS_H_INCLUDED_
#define _QOE_OTLP_ATTRS_H_INCLUDED_


#include "qoe_arena.h"
#include "qoe_collect.h"


/*
 * The two kinds of points number their attributes field differently, so a
 * block has a run for each.
 */

typedef enum {
    QOE_ATTRS_NUMBER = 0,
    QOE_ATTRS_HISTOGRAM,
    QOE_ATTRS_FORMS
} qoe_attrs_form_t;


/* An attribute of n bytes in a block (3 or more) takes n + 9 at most. */
#define QOE_ATTRS_RUN_MAX  (4 * QOE_LABELS_MAX)


typedef struct {
    const char          *data;           /* NULL: not encoded yet */
    size_t               len;
    uint64_t             keys;           /* a bit for each key */
} qoe_attrs_run_t;

typedef struct {
    const qoe_collect_t *c;
    uint32_t             blocks;
    qoe_arena_t          arena;          /* the runs */
    qoe_attrs_run_t     *runs;           /* forms of 0 .. blocks */
    char                 scratch[2][QOE_ATTRS_RUN_MAX];
} qoe_attrs_t;


/* c and mem must outlive a.  QOE_NOMEM. */
qoe_status_t qoe_attrs_init(qoe_attrs_t *a, const qoe_collect_t *c,
    const qoe_mem_t *mem);
void qoe_attrs_free(qoe_attrs_t *a);

/*
 * The attributes of a point: those of base, then those of extra, each a run
 * that is valid until the next call.  Text is made valid UTF-8;
 * otel.metric.overflow is a boolean.  No key appears twice: the first within a
 * block wins, and extra's wins over base's.  (The table of dimensions keeps
 * the keys of the two apart, so that is the rare way.)
 */
void qoe_attrs_get(qoe_attrs_t *a, qoe_attrs_form_t form, uint32_t base,
    uint32_t extra, qoe_span_t run[2]);


#endif /* _QOE_OTLP_ATTRS_H_INCLUDED_ */
