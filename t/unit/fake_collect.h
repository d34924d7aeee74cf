
/*
 * Copyright (C) OpenQoE
 *
 * A complete collection made by a test, in place of qoe_collect.c's: link
 * nothing that needs the real one.
 */


#ifndef _FAKE_COLLECT_H_INCLUDED_
#define _FAKE_COLLECT_H_INCLUDED_


#include <stdlib.h>

#include "qoe_collect.h"


typedef struct {
    size_t            n;
    size_t            cap;
    qoe_collected_t  *series;
} fake_metric_t;

struct qoe_collect_s {
    uint64_t          time_ns;
    uint32_t          nblocks;
    uint32_t          cap;
    qoe_span_t       *block;
    fake_metric_t     metric[QOE_METRICS_N];
};


static inline void *
fake_alloc(void *p, size_t size)
{
    p = realloc(p, size);

    if (p == NULL) {
        abort();
    }

    return p;
}


static inline qoe_collect_t *
fake_create(uint64_t time_ns)
{
    qoe_collect_t  *c;

    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        abort();
    }

    c->time_ns = time_ns;

    return c;
}


static inline void
fake_destroy(qoe_collect_t *c)
{
    size_t  i, j;

    for (i = 0; i < QOE_METRICS_N; i++) {
        for (j = 0; j < c->metric[i].n; j++) {
            free((void *) (uintptr_t) c->metric[i].series[j].histogram);
        }

        free(c->metric[i].series);
    }

    for (i = 0; i < c->nblocks; i++) {
        free((char *) (uintptr_t) c->block[i].data);
    }

    free(c->block);
    free(c);
}


static inline uint32_t
fake_block(qoe_collect_t *c, qoe_span_t packed)
{
    char  *p;

    if (c->nblocks == c->cap) {
        c->cap = 2 * c->cap + 16;
        c->block = fake_alloc(c->block, c->cap * sizeof(qoe_span_t));
    }

    p = fake_alloc(NULL, packed.len + 1);

    if (packed.len != 0) {
        memcpy(p, packed.data, packed.len);
    }

    c->block[c->nblocks++] = (qoe_span_t) { p, packed.len };

    return c->nblocks;
}


/* Labels of names and values in turn, NULL after the last. */

static inline uint32_t
fake_labels(qoe_collect_t *c, const char *const *text)
{
    static qoe_labels_t  l;

    l.len = 0;

    for ( /* void */ ; *text != NULL; text += 2) {
        if (qoe_labels_add(&l, qoe_span_str(text[0]), qoe_span_str(text[1]))
            != QOE_OK)
        {
            abort();
        }
    }

    return fake_block(c, qoe_labels_span(&l));
}


/* Of a counter number is the whole value; h is copied, for histograms. */

static inline void
fake_add(qoe_collect_t *c, qoe_metric_id_t id, uint32_t base, uint32_t extra,
    uint64_t start_ns, double number, const qoe_histogram_t *h)
{
    fake_metric_t    *m;
    qoe_histogram_t  *copy;

    m = &c->metric[id];
    copy = NULL;

    if (m->n == m->cap) {
        m->cap = 2 * m->cap + 16;
        m->series = fake_alloc(m->series, m->cap * sizeof(qoe_collected_t));
    }

    if (h != NULL) {
        copy = fake_alloc(NULL, sizeof(*copy));
        *copy = *h;
    }

    m->series[m->n++] = (qoe_collected_t) {
        .base = base, .extra = extra, .start_ns = start_ns, .number = number,
        .integer = number > 0 ? (uint64_t) number : 0, .histogram = copy
    };
}


uint64_t
qoe_collect_time_ns(const qoe_collect_t *c)
{
    return c->time_ns;
}


size_t
qoe_collect_count(const qoe_collect_t *c, qoe_metric_id_t metric)
{
    return c->metric[metric].n;
}


void
qoe_collect_get(const qoe_collect_t *c, qoe_metric_id_t metric, size_t i,
    qoe_collected_t *out)
{
    *out = c->metric[metric].series[i];
}


uint32_t
qoe_collect_blocks(const qoe_collect_t *c)
{
    return c->nblocks;
}


qoe_span_t
qoe_collect_block(const qoe_collect_t *c, uint32_t block)
{
    return c->block[block - 1];
}


#endif /* _FAKE_COLLECT_H_INCLUDED_ */
