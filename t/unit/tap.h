
/*
 * Copyright (C) OpenQoE
 *
 * The Test Anything Protocol for the unit tests: ok() a check, and
 * return tap_end() from main().  Also an allocator that fails on demand.
 */


#ifndef _TAP_H_INCLUDED_
#define _TAP_H_INCLUDED_


#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "qoe_core.h"


static int  tap_run, tap_failed;


static inline int __attribute__((format(printf, 2, 3)))
ok(int pass, const char *fmt, ...)
{
    va_list  args;

    tap_run++;
    tap_failed += !pass;

    printf("%sok %d - ", pass ? "" : "not ", tap_run);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    putchar('\n');
    fflush(stdout);

    return pass;
}


static inline int
tap_end(void)
{
    printf("1..%d\n", tap_run);

    return tap_failed != 0;
}


/* A log that prints nothing and counts its messages in an int. */

static inline void
tap_log_write(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    int  *logged = ctx;

    (void) level;
    (void) text;
    (void) len;

    (*logged)++;
}


/*
 * Memory whose Nth allocation fails: for (n = 0; ...; n++) run the code with
 * tap_mem(&m, n) until m.failed stays 0; m.live must be 0 after each run.
 */

typedef struct {
    qoe_mem_t  mem;
    long       fail_at;          /* the index of the allocation; -1 never */
    long       count;
    long       live;
    long       failed;
} tap_mem_t;


static inline void *
tap_mem_alloc(void *ctx, size_t size)
{
    void       *p;
    tap_mem_t  *m = ctx;

    if (m->count++ == m->fail_at) {
        m->failed++;
        return NULL;
    }

    p = malloc(size);
    m->live += (p != NULL);

    return p;
}


static inline void
tap_mem_free(void *ctx, void *p)
{
    tap_mem_t  *m = ctx;

    m->live -= (p != NULL);
    free(p);
}


static inline const qoe_mem_t *
tap_mem(tap_mem_t *m, long fail_at)
{
    m->mem = (qoe_mem_t) { tap_mem_alloc, tap_mem_free, m };
    m->fail_at = fail_at;
    m->count = 0;
    m->live = 0;
    m->failed = 0;

    return &m->mem;
}


#endif /* _TAP_H_INCLUDED_ */
