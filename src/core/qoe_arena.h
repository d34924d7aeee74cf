
/*
 * Copyright (C) OpenQoE
 *
 * A bump allocator over blocks from a qoe_mem_t, for many small objects that
 * are freed together.  Not thread-safe: only the thread that owns an arena may
 * use it.
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


/* A position in an arena, for qoe_arena_rewind(). */

typedef struct {
    qoe_arena_block_t  *block;
    size_t              pos;
} qoe_arena_mark_t;


/*
 * block_size is the number of bytes requested from mem at a time, max the
 * limit on their sum, headers included.  Allocates nothing yet.  mem must
 * outlive the arena.
 */
void qoe_arena_init(qoe_arena_t *a, const qoe_mem_t *mem, size_t block_size,
    size_t max);

/*
 * Returns 16-byte aligned memory, or NULL when mem or max is exhausted;
 * qoe_arena_calloc() clears it.
 */
void *qoe_arena_alloc(qoe_arena_t *a, size_t size);
void *qoe_arena_calloc(qoe_arena_t *a, size_t size);

/* A copy of s, terminated by a NUL; data is NULL on failure. */
qoe_span_t qoe_arena_copy(qoe_arena_t *a, qoe_span_t s);

/*
 * Frees every object that was allocated after the mark was taken, and returns
 * the blocks taken since then to mem, so that they no longer count against
 * max.
 */
qoe_arena_mark_t qoe_arena_mark(const qoe_arena_t *a);
void qoe_arena_rewind(qoe_arena_t *a, qoe_arena_mark_t mark);

/* Frees every object, but keeps a block for the next use. */
void qoe_arena_reset(qoe_arena_t *a);

/* Returns every block to mem. */
void qoe_arena_free(qoe_arena_t *a);


#endif /* _QOE_ARENA_H_INCLUDED_ */
