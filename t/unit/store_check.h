
/*
 * Copyright (C) OpenQoE
 *
 * What must hold for a store whenever no writer is changing it.
 */


#ifndef _STORE_CHECK_H_INCLUDED_
#define _STORE_CHECK_H_INCLUDED_


#include "qoe_store_layout.h"

#include <stdlib.h>


/*
 * Chains: each one ends, and all of them together hold n things.  Without the
 * second a chain that runs into another, or into itself behind the last thing
 * that is looked for, would do no harm until a look-up of what is not there.
 */

static inline const char *
store_check_slot_chains(const qoe_store_t *s)
{
    uint32_t         i, j, n, steps;
    const uint32_t  *head;

    head = (const uint32_t *) ((const char *) s + s->heads_offset);
    n = 0;

    for (i = 0; i < s->heads; i++) {
        for (j = head[i], steps = 0; j != 0; steps++, n++) {

            if (j > s->numbers + s->histograms || steps > s->series) {
                return ": a chain of series that does not end";
            }

            j = qoe_store_slot(s, j - 1)->next;
        }
    }

    return n == s->series ? NULL : ": a chain of series that runs on";
}


static inline const char *
store_check_block_chains(const qoe_store_t *s)
{
    uint32_t         i, j, n, steps;
    const uint32_t  *head;

    head = (const uint32_t *) ((const char *) s + s->block_heads_offset);
    n = 0;

    for (i = 0; i < s->block_heads; i++) {
        for (j = head[i], steps = 0; j != 0; steps++, n++) {

            if (j > s->pool[QOE_POOL_BLOCKS].n || steps > s->live_blocks) {
                return ": a chain of blocks that does not end";
            }

            j = qoe_store_block_at(s, j)->next;
        }
    }

    return n == s->live_blocks ? NULL : ": a chain of blocks that runs on";
}


/* Slots: in the chain of their hash, or free, or of overflow series. */

static inline const char *
store_check_slots(const qoe_store_t *s, const qoe_store_env_t *env)
{
    uint32_t           i, j, n, live, free_n;
    qoe_store_slot_t  *e;

    live = 0;

    for (i = 0; i < s->numbers + s->histograms; i++) {
        if (!qoe_store_slot_touched(s, i) || qoe_store_reserved(s, i)) {
            continue;
        }

        e = qoe_store_slot(s, i);

        if (e->life == 0) {
            continue;
        }

        if (e->seq & 1) {
            return ": a series that seems to be changing";
        }

        live++;
        j = *qoe_store_head(s, env, e->metric, e->base, e->extra);

        for (n = 0; j != 0 && j != i + 1 && n <= s->numbers; n++) {
            j = qoe_store_slot(s, j - 1)->next;
        }

        if (j != i + 1) {
            return ": a series that is not found";
        }
    }

    if (live != s->series) {
        return ": the count of series";
    }

    for (i = 0; i < 2; i++) {
        const qoe_store_pool_t  *p = &s->pool[i];

        free_n = 0;

        for (j = p->free; j != 0 && free_n <= p->n; free_n++) {
            if (qoe_store_slot(s, j - 1)->life != 0) {
                return ": a free slot that lives";
            }
            j = qoe_store_slot(s, j - 1)->next;
        }

        live -= p->top - free_n - (i ? s->histogram_reserve
                                     : s->number_reserve);

        if (free_n != p->nfree) {
            return ": the count of free slots";
        }
    }

    return live == 0 ? NULL : ": a slot that is lost";
}


/*
 * Blocks have as many references as there are, plus those in held; each is
 * findable or free.
 */

static inline const char *
store_check_blocks(const qoe_store_t *s, uint32_t nheld,
    const uint32_t *held)
{
    uint32_t            i, j, n, live, *refs;
    const char         *wrong;
    qoe_store_slot_t   *e;
    qoe_store_block_t  *b;

    const qoe_store_pool_t  *p = &s->pool[QOE_POOL_BLOCKS];

    refs = calloc(p->n + 1, sizeof(uint32_t));
    if (refs == NULL) {
        abort();
    }

    for (i = 0; i < s->numbers + s->histograms; i++) {
        if (qoe_store_slot_touched(s, i) && !qoe_store_reserved(s, i)) {
            e = qoe_store_slot(s, i);
            refs[e->life ? e->base : 0]++;
            refs[e->life ? e->extra : 0]++;
        }
    }

    for (i = 0; i < nheld; i++) {
        refs[held[i]]++;
    }

    wrong = NULL;
    live = 0;

    for (i = QOE_STORE_OVERFLOW_BLOCK + 1; i <= p->top; i++) {
        b = qoe_store_block_at(s, i);
        live += b->hash != 0;

        if (refs[i] != b->refs || (b->hash == 0) != (b->refs == 0)) {
            wrong = ": references of a block";
        }

        j = b->hash ? *qoe_store_block_head(s, b->hash) : i;

        for (n = 0; j != 0 && j != i && n <= p->n; n++) {
            j = qoe_store_block_at(s, j)->next;
        }

        wrong = j == i ? wrong : ": a block that is not found";
    }

    n = 0;

    for (j = p->free; j != 0 && n <= p->n; n++) {
        j = qoe_store_block_at(s, j)->next;
    }

    if (live != s->live_blocks || n != p->nfree
        || n + live + QOE_STORE_OVERFLOW_BLOCK != p->top)
    {
        wrong = ": the count of blocks";
    }

    free(refs);

    return wrong;
}


/* Each cell belongs to one block, or is free. */

static inline const char *
store_check_cells(const qoe_store_t *s)
{
    char               *seen;
    uint32_t            i, c, k, n;
    const char         *wrong;
    qoe_store_block_t  *b;

    const qoe_store_pool_t  *p = &s->pool[QOE_POOL_CELLS];

    seen = calloc(p->n + 1, 1);
    if (seen == NULL) {
        abort();
    }

    wrong = NULL;
    n = QOE_STORE_OVERFLOW_BLOCK;

    for (i = 2; i <= s->pool[QOE_POOL_BLOCKS].top; i++) {
        b = qoe_store_block_at(s, i);
        c = b->first;
        k = b->hash ? qoe_store_cells_of(b->len) : 0;

        for ( /* void */ ; k != 0; k--, n++) {
            if (c < 2 || c > p->top || seen[c]) {
                wrong = ": a cell of two blocks";
                break;
            }

            seen[c] = 1;
            c = qoe_store_cell_at(s, c)->next & ~QOE_CELL_USED;
        }
    }

    for (c = p->free, k = 0; c != 0; k++, n++) {
        if (c > p->top || seen[c]) {
            wrong = ": a free cell that is in use";
            break;
        }

        seen[c] = 1;
        c = qoe_store_cell_at(s, c)->next & ~QOE_CELL_USED;
    }

    if (k != p->nfree || n != p->top) {
        wrong = wrong ? wrong : ": a cell that is lost";
    }

    free(seen);

    return wrong;
}


/* Checks the whole store; returns NULL, or what is wrong. */

static inline const char *
store_check(const qoe_store_t *s, const qoe_store_env_t *env, uint32_t nheld,
    const uint32_t *held)
{
    const char  *wrong;

    wrong = store_check_slots(s, env);
    wrong = wrong ? wrong : store_check_slot_chains(s);
    wrong = wrong ? wrong : store_check_blocks(s, nheld, held);
    wrong = wrong ? wrong : store_check_block_chains(s);

    return wrong ? wrong : store_check_cells(s);
}


#endif /* _STORE_CHECK_H_INCLUDED_ */
