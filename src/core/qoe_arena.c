
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_arena.h"


#define QOE_ARENA_ALIGN    16


struct qoe_arena_block_s {
    qoe_arena_block_t  *next;
    size_t              size;        /* bytes of data[] */
    size_t              pos;
    char                data[] __attribute__((aligned(QOE_ARENA_ALIGN)));
};


static qoe_arena_block_t *qoe_arena_grow(qoe_arena_t *a, size_t size);


void
qoe_arena_init(qoe_arena_t *a, const qoe_mem_t *mem, size_t block_size,
    size_t max)
{
    a->mem = mem;
    a->blocks = NULL;
    a->block_size = block_size;
    a->used = 0;
    a->max = max;
}


void *
qoe_arena_alloc(qoe_arena_t *a, size_t size)
{
    void               *p;
    qoe_arena_block_t  *b;

    if (size > a->max) {
        return NULL;
    }

    size = qoe_align(qoe_max(size, (size_t) 1), QOE_ARENA_ALIGN);
    b = a->blocks;

    if (b == NULL || b->size - b->pos < size) {
        b = qoe_arena_grow(a, size);
        if (b == NULL) {
            return NULL;
        }
    }

    p = b->data + b->pos;
    b->pos += size;

    return p;
}


void *
qoe_arena_calloc(qoe_arena_t *a, size_t size)
{
    void  *p;

    p = qoe_arena_alloc(a, size);

    if (p != NULL) {
        memset(p, 0, size);
    }

    return p;
}


qoe_span_t
qoe_arena_copy(qoe_arena_t *a, qoe_span_t s)
{
    char  *p;

    p = qoe_arena_alloc(a, s.len + 1);

    if (p == NULL) {
        return qoe_span_null;
    }

    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    p[s.len] = '\0';

    return (qoe_span_t) { p, s.len };
}


qoe_arena_mark_t
qoe_arena_mark(const qoe_arena_t *a)
{
    return (qoe_arena_mark_t) { a->blocks, a->blocks ? a->blocks->pos : 0 };
}


void
qoe_arena_rewind(qoe_arena_t *a, qoe_arena_mark_t mark)
{
    qoe_arena_block_t  *b;

    while (a->blocks != mark.block) {
        b = a->blocks;
        a->blocks = b->next;
        a->used -= sizeof(qoe_arena_block_t) + b->size;
        a->mem->free(a->mem->ctx, b);
    }

    if (mark.block != NULL) {
        mark.block->pos = mark.pos;
    }
}


void
qoe_arena_reset(qoe_arena_t *a)
{
    qoe_arena_block_t  *b, *next, *keep;

    keep = NULL;

    for (b = a->blocks; b != NULL; b = next) {
        next = b->next;

        if (keep == NULL && b->size <= a->block_size) {
            keep = b;
            continue;
        }

        a->used -= sizeof(qoe_arena_block_t) + b->size;
        a->mem->free(a->mem->ctx, b);
    }

    if (keep != NULL) {
        keep->next = NULL;
        keep->pos = 0;
    }

    a->blocks = keep;
}


void
qoe_arena_free(qoe_arena_t *a)
{
    qoe_arena_block_t  *b, *next;

    for (b = a->blocks; b != NULL; b = next) {
        next = b->next;
        a->mem->free(a->mem->ctx, b);
    }

    a->blocks = NULL;
    a->used = 0;
}


static qoe_arena_block_t *
qoe_arena_grow(qoe_arena_t *a, size_t size)
{
    size_t              need;
    qoe_arena_block_t  *b;

    size = qoe_max(size, a->block_size);
    need = sizeof(qoe_arena_block_t) + size;

    if (need > a->max - a->used) {
        return NULL;
    }

    b = a->mem->alloc(a->mem->ctx, need);
    if (b == NULL) {
        return NULL;
    }

    b->next = a->blocks;
    b->size = size;
    b->pos = 0;

    a->blocks = b;
    a->used += need;

    return b;
}
