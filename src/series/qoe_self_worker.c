
/*
 * Copyright (C) OpenQoE
 *
 * The rows of worker processes.  A row belongs to the process named in it; the
 * row of a dead process is taken by another one.
 */


#include "qoe_self_layout.h"


static qoe_self_row_t *qoe_self_row(qoe_self_t *t, qoe_proc_t self);
static qoe_self_row_t *qoe_self_row_take(qoe_self_t *t, qoe_proc_t self);


void
qoe_self_worker(qoe_self_t *t, qoe_proc_t self, uint64_t heap, uint64_t stack,
    uint64_t now_ms)
{
    qoe_self_row_t  *row;

    row = qoe_self_row(t, self);

    if (row == NULL) {
        row = qoe_self_row_take(t, self);
    }

    if (row == NULL) {
        return;
    }

    qoe_poke(&row->heap, heap);
    qoe_poke(&row->stack, stack);
    qoe_publish(&row->seen_ms, now_ms);
}


void
qoe_self_worker_gone(qoe_self_t *t, qoe_proc_t self)
{
    qoe_self_row_t  *row;

    row = qoe_self_row(t, self);

    if (row != NULL) {
        qoe_publish(&row->proc, 0);
    }
}


bool
qoe_self_worker_here(const qoe_self_t *t, qoe_proc_t proc)
{
    uint32_t  i;

    for (i = 0; i < QOE_WORKERS_MAX; i++) {
        if (qoe_acquire(&t->row[i].proc) == proc) {
            return qoe_proc_alive(proc);
        }
    }

    return false;
}


void
qoe_self_workers(const qoe_self_t *t, uint64_t now_ms, uint64_t lately_ms,
    qoe_workers_t *sum)
{
    uint32_t               i;
    uint64_t               seen;
    qoe_proc_t             proc;
    const qoe_self_row_t  *row;

    memset(sum, 0, sizeof(qoe_workers_t));

    for (i = 0; i < QOE_WORKERS_MAX; i++) {

        row = &t->row[i];
        proc = qoe_acquire(&row->proc);

        if (proc == 0 || !qoe_proc_alive(proc)) {
            continue;
        }

        seen = qoe_acquire(&row->seen_ms);

        sum->heap += qoe_peek(&row->heap);
        sum->stack += qoe_peek(&row->stack);
        sum->helpers += (seen + lately_ms >= now_ms);
    }
}


static qoe_self_row_t *
qoe_self_row(qoe_self_t *t, qoe_proc_t self)
{
    uint32_t  i;

    for (i = 0; i < QOE_WORKERS_MAX; i++) {
        if (qoe_acquire(&t->row[i].proc) == self) {
            return &t->row[i];
        }
    }

    return NULL;
}


/* Returns NULL if the live processes have taken all rows. */

static qoe_self_row_t *
qoe_self_row_take(qoe_self_t *t, qoe_proc_t self)
{
    uint32_t         i;
    qoe_proc_t       proc;
    qoe_self_row_t  *row;

    for (i = 0; i < QOE_WORKERS_MAX; i++) {

        row = &t->row[i];
        proc = qoe_acquire(&row->proc);

        if (proc != 0 && qoe_proc_alive(proc)) {
            continue;
        }

        if (__atomic_compare_exchange_n(&row->proc, &proc, self, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        {
            return row;
        }
    }

    return NULL;
}
