
/*
 * Copyright (C) OpenQoE
 *
 * Repairs a store after the death of its writer: computes chains, free lists,
 * references and counts from the lives of slots and the hashes of blocks.  It
 * may be killed at any moment, and repeated.
 */


#include "qoe_store_layout.h"


static void qoe_store_rebuild_pools(qoe_store_t *s);
static void qoe_store_rebuild_blocks(qoe_store_t *s,
    const qoe_store_env_t *env);
static bool qoe_store_rebuild_block(qoe_store_t *s,
    const qoe_store_env_t *env, const qoe_store_block_t *b);
static void qoe_store_rebuild_cells(qoe_store_t *s);
static uint32_t qoe_store_rebuild_slots(qoe_store_t *s,
    const qoe_store_env_t *env, uint32_t from, uint32_t to);
static bool qoe_store_rebuild_slot(qoe_store_t *s,
    const qoe_store_env_t *env, uint32_t slot);
static void qoe_store_recount(const qoe_store_env_t *env, uint32_t was,
    uint32_t is);


void
qoe_store_rebuild(qoe_store_t *s, const qoe_store_env_t *env)
{
    uint32_t  was, is;

    qoe_store_rebuild_pools(s);
    qoe_store_rebuild_blocks(s, env);
    qoe_store_rebuild_cells(s);

    is = qoe_store_rebuild_slots(s, env, s->numbers,
                                 s->numbers
                                 + s->pool[QOE_POOL_HISTOGRAMS].top);
    is += qoe_store_rebuild_slots(s, env, 0, s->pool[QOE_POOL_NUMBERS].top);

    was = s->series;
    qoe_publish(&s->series, is);

    /* the writer may have died before it counted a series that readers see */
    qoe_publish(&s->born, s->born + 1);

    qoe_store_recount(env, was, is);
}


static void
qoe_store_rebuild_pools(qoe_store_t *s)
{
    size_t             i;
    uint32_t           c;
    qoe_store_pool_t  *p;

    memset((char *) s + s->heads_offset, 0, s->heads * sizeof(uint32_t));
    memset((char *) s + s->block_heads_offset, 0,
           s->block_heads * sizeof(uint32_t));

    for (i = 0; i < QOE_POOLS; i++) {
        p = &s->pool[i];

        p->free = 0;
        p->nfree = 0;

        if (p->top > p->n) {
            qoe_publish(&p->top, p->n);
        }
    }

    for (c = 1; c <= s->pool[QOE_POOL_CELLS].top; c++) {
        qoe_publish(&qoe_store_cell_at(s, c)->next,
                    qoe_store_cell_at(s, c)->next & ~QOE_CELL_USED);
    }

    qoe_publish(&s->live_blocks, 0);
}


/* Builds lists from their ends, so that low numbers are used first. */

static void
qoe_store_rebuild_blocks(qoe_store_t *s, const qoe_store_env_t *env)
{
    uint32_t            i;
    qoe_store_block_t  *b;

    for (i = s->pool[QOE_POOL_BLOCKS].top; i != 0; i--) {

        b = qoe_store_block_at(s, i);
        b->refs = 0;

        if (b->hash != 0 && qoe_store_rebuild_block(s, env, b)) {

            if (i != QOE_STORE_OVERFLOW_BLOCK) {
                qoe_store_block_link(s, i);
                qoe_publish(&s->live_blocks, s->live_blocks + 1);
            }

            continue;
        }

        qoe_publish(&b->version, b->version + 1);
        qoe_publish(&b->hash, 0);

        if (i != QOE_STORE_OVERFLOW_BLOCK) {
            qoe_store_block_free(s, i);
        }
    }
}


/*
 * Marks the cells of a block; returns false, without marks, if the block is
 * damaged.
 */

static bool
qoe_store_rebuild_block(qoe_store_t *s, const qoe_store_env_t *env,
    const qoe_store_block_t *b)
{
    char               buf[QOE_LABELS_MAX];
    size_t             off, n;
    uint32_t           i, next;
    qoe_store_cell_t  *c;

    if (b->len == 0 || b->len > QOE_LABELS_MAX) {
        return false;
    }

    i = b->first;

    for (off = 0; off < b->len; off += n) {

        if (i == 0 || i > s->pool[QOE_POOL_CELLS].top) {
            return false;
        }

        c = qoe_store_cell_at(s, i);

        if (c->next & QOE_CELL_USED) {
            return false;
        }

        n = qoe_min(b->len - off, QOE_CELL_DATA);
        memcpy(buf + off, c->data, n);
        i = c->next;
    }

    if (qoe_store_hash(env, (qoe_span_t) { buf, b->len }) != b->hash) {
        return false;
    }

    i = b->first;

    for (off = 0; off < b->len; off += QOE_CELL_DATA) {
        c = qoe_store_cell_at(s, i);
        next = c->next & ~QOE_CELL_USED;
        qoe_publish(&c->next, next | QOE_CELL_USED);
        i = next;
    }

    return true;
}


static void
qoe_store_rebuild_cells(qoe_store_t *s)
{
    uint32_t  i;

    for (i = s->pool[QOE_POOL_CELLS].top; i > QOE_STORE_OVERFLOW_BLOCK; i--) {

        if (!(qoe_store_cell_at(s, i)->next & QOE_CELL_USED)) {
            qoe_store_cell_free(s, i);
        }
    }
}


/* Returns the number of live series that count against the limit. */

static uint32_t
qoe_store_rebuild_slots(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t from, uint32_t to)
{
    uint32_t           i, live;
    qoe_store_slot_t  *e;

    live = 0;

    for (i = to; i != from; i--) {

        e = qoe_store_slot(s, i - 1);

        if (e->seq & 1) {
            qoe_publish(&e->seq, e->seq + 1);
        }

        if (qoe_store_rebuild_slot(s, env, i - 1)) {
            live += !qoe_store_reserved(s, i - 1);
            continue;
        }

        qoe_publish(&e->life, 0);

        if (!qoe_store_reserved(s, i - 1)) {
            qoe_store_slot_free(s, i - 1);
        }
    }

    return live;
}


/* Returns false if the slot is not a series. */

static bool
qoe_store_rebuild_slot(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t slot)
{
    uint32_t          *head;
    qoe_store_slot_t  *e;

    e = qoe_store_slot(s, slot);

    if (!(qoe_acquire(&e->life) & (QOE_LIFE_LIVE|QOE_LIFE_DEAD))
        || !qoe_store_has(e->metric)
        || qoe_store_is_histogram(e->metric) != (slot >= s->numbers)
        || !qoe_store_block_ok(s, e->base)
        || !qoe_store_block_ok(s, e->extra))
    {
        return false;
    }

    if (qoe_store_reserved(s, slot)) {
        return s->overflow[e->metric] == slot
               && e->base == QOE_STORE_OVERFLOW_BLOCK;
    }

    qoe_store_ref(s, e->base);
    qoe_store_ref(s, e->extra);

    head = qoe_store_head(s, env, e->metric, e->base, e->extra);

    e->next = *head;
    *head = slot + 1;

    return true;
}


/*
 * Corrects the shared count by the difference in this lane.  A kill between the
 * stores of the two counts makes the shared one wrong by one; qoe_collect.c
 * corrects that.
 */

static void
qoe_store_recount(const qoe_store_env_t *env, uint32_t was, uint32_t is)
{
    uint32_t  count, next;

    count = qoe_acquire(env->count);

    do {
        next = is >= was ? count + (is - was)
                         : count - qoe_min(count, was - is);

    } while (!__atomic_compare_exchange_n(env->count, &count, next, false,
                                          __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
}


bool
qoe_store_adopt(qoe_store_t *s, uint32_t block)
{
    if (block <= QOE_STORE_OVERFLOW_BLOCK || !qoe_store_block_ok(s, block)) {
        return false;
    }

    qoe_store_ref(s, block);

    return true;
}


void
qoe_store_rebuilt(qoe_store_t *s)
{
    uint32_t            i;
    qoe_store_block_t  *b;

    for (i = s->pool[QOE_POOL_BLOCKS].top; i > QOE_STORE_OVERFLOW_BLOCK; i--) {

        b = qoe_store_block_at(s, i);

        if (b->hash != 0 && b->refs == 0) {
            qoe_store_block_end(s, i);
        }
    }
}
