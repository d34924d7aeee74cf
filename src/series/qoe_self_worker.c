
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

    __atomic_store_n(&row->heap, heap, __ATOMIC_RELAXED);
    __atomic_store_n(&row->stack, stack, __ATOMIC_RELAXED);
    __atomic_store_n(&row->seen_ms, now_ms, __ATOMIC_RELEASE);
}


void
qoe_self_worker_gone(qoe_self_t *t, qoe_proc_t self)
{
    qoe_self_row_t  *row;

    row = qoe_self_row(t, self);

    if (row != NULL) {
        __atomic_store_n(&row->proc, 0, __ATOMIC_RELEASE);
    }
}


bool
qoe_self_worker_here(const qoe_self_t *t, qoe_proc_t proc)
{
    uint32_t  i;

    for (i = 0; i < QOE_WORKERS_MAX; i++) {
        if (__atomic_load_n(&t->row[i].proc, __ATOMIC_ACQUIRE) == proc) {
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
        proc = __atomic_load_n(&row->proc, __ATOMIC_ACQUIRE);

        if (proc == 0 || !qoe_proc_alive(proc)) {
            continue;
        }

        seen = __atomic_load_n(&row->seen_ms, __ATOMIC_ACQUIRE);

        sum->heap += __atomic_load_n(&row->heap, __ATOMIC_RELAXED);
        sum->stack += __atomic_load_n(&row->stack, __ATOMIC_RELAXED);
        sum->helpers += (seen + lately_ms >= now_ms);
    }
}


static qoe_self_row_t *
qoe_self_row(qoe_self_t *t, qoe_proc_t self)
{
    uint32_t  i;

    for (i = 0; i < QOE_WORKERS_MAX; i++) {
        if (__atomic_load_n(&t->row[i].proc, __ATOMIC_ACQUIRE) == self) {
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
        proc = __atomic_load_n(&row->proc, __ATOMIC_ACQUIRE);

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
