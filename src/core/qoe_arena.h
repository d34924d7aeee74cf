
/*
 * Copyright (C) OpenQoE
 *
 * A bump allocator over blocks from a qoe_mem_t: many small objects with one
 * lifetime.  Not thread-safe: it belongs to the thread that uses it.
 */


#ifndef _QOE_ARENA_H_INCLUDED_
#define _QOE_ARENA_H_INCLUDED_


#include "qoe_core.h"


typedef struct qoe_arena_block_s  qoe_arena_block_t;


typedef struct {
    const qoe_mem_t    *mem;
    qoe_arena_block_t  *blocks;      /* newest first */
    size_t              block_size;
    size_t              used;        /* bytes taken from mem, headers too */
    size_t              max;         /* never take more than this */
} qoe_arena_t;


/* A place in an arena, to go back to. */

typedef struct {
    qoe_arena_block_t  *block;
    size_t              pos;
} qoe_arena_mark_t;


/*
 * block_size: bytes asked from mem at a time; max: bytes in all.  Allocates
 * nothing yet.  mem must outlive the arena.
 */
void qoe_arena_init(qoe_arena_t *a, const qoe_mem_t *mem, size_t block_size,
    size_t max);

/* 16-byte aligned, not cleared; NULL when mem or max is exhausted. */
void *qoe_arena_alloc(qoe_arena_t *a, size_t size);
void *qoe_arena_calloc(qoe_arena_t *a, size_t size);

/* A copy of s with a NUL behind it; data is NULL on failure. */
qoe_span_t qoe_arena_copy(qoe_arena_t *a, qoe_span_t s);

/*
 * Forgets every object that is newer than the mark, and gives back the blocks
 * taken since: the arena has the room that it had.
 */
qoe_arena_mark_t qoe_arena_mark(const qoe_arena_t *a);
void qoe_arena_rewind(qoe_arena_t *a, qoe_arena_mark_t mark);

/* Forgets every object; keeps one block for the next use. */
void qoe_arena_reset(qoe_arena_t *a);

/* Gives every block back to mem. */
void qoe_arena_free(qoe_arena_t *a);


#endif /* _QOE_ARENA_H_INCLUDED_ */
