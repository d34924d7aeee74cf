
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define QOE_LOG_MAX        1024


static void *qoe_heap_alloc(void *ctx, size_t size);
static void qoe_heap_free(void *ctx, void *p);
static void qoe_log_write(const qoe_log_t *log, qoe_log_level_t level,
    uint64_t suppressed, const char *fmt, va_list args);


const qoe_mem_t  qoe_mem_heap = { qoe_heap_alloc, qoe_heap_free, NULL };


static void *
qoe_heap_alloc(void *ctx, size_t size)
{
    (void) ctx;
    return malloc(size);
}


static void
qoe_heap_free(void *ctx, void *p)
{
    (void) ctx;
    free(p);
}


void
qoe_log(const qoe_log_t *log, qoe_log_level_t level, const char *fmt, ...)
{
    va_list  args;

    if (log == NULL || level > log->level) {
        return;
    }

    va_start(args, fmt);
    qoe_log_write(log, level, 0, fmt, args);
    va_end(args);
}


void
qoe_log_limited(const qoe_log_t *log, qoe_log_limit_t *limit,
    qoe_log_level_t level, const char *fmt, ...)
{
    va_list   args;
    uint64_t  now;

    if (log == NULL || level > log->level) {
        return;
    }

    now = qoe_mono_ms();

    if (now < limit->next_ms) {
        limit->suppressed++;
        return;
    }

    limit->next_ms = now + 1000;

    va_start(args, fmt);
    qoe_log_write(log, level, limit->suppressed, fmt, args);
    va_end(args);

    limit->suppressed = 0;
}


static void
qoe_log_write(const qoe_log_t *log, qoe_log_level_t level, uint64_t suppressed,
    const char *fmt, va_list args)
{
    int   n, m;
    char  buf[QOE_LOG_MAX];

    n = vsnprintf(buf, sizeof(buf), fmt, args);

    if (n < 0) {
        return;
    }

    n = qoe_min(n, (int) sizeof(buf) - 1);

    if (suppressed != 0) {
        m = snprintf(buf + n, sizeof(buf) - (size_t) n,
                     " (%llu similar messages not logged)",
                     (unsigned long long) suppressed);

        if (m > 0) {
            n = qoe_min(n + m, (int) sizeof(buf) - 1);
        }
    }

    log->write(log->ctx, level, buf, (size_t) n);
}


uint64_t
qoe_unix_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


uint64_t
qoe_mono_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}
