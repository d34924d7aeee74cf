
/*
 * Copyright (C) OpenQoE
 *
 * What every room below the nginx glue shares: status codes, byte spans, and
 * the memory and log callbacks that the embedding program passes in.  No file
 * outside src/nginx includes a header of nginx.
 */


#ifndef _QOE_CORE_H_INCLUDED_
#define _QOE_CORE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>


/*
 * The only status type of the project; the glue translates it to HTTP statuses
 * and to log levels in a single place each.
 */

typedef enum {
    QOE_OK = 0,
    QOE_AGAIN,                   /* nothing to do now, try again later */
    QOE_DONE,                    /* the end was reached */
    QOE_INVALID,                 /* the input breaks a rule */
    QOE_TOO_LARGE,               /* larger than a configured or fixed limit */
    QOE_FULL,                    /* no room, nothing was stored */
    QOE_BUSY,                    /* a lock was not acquired in time */
    QOE_NOMEM,                   /* an allocation failed */
    QOE_ERROR                    /* a system or library call failed */
} qoe_status_t;


/* Bytes that the span does not own; not NUL-terminated. */

typedef struct {
    const char  *data;
    size_t       len;
} qoe_span_t;

#define qoe_span(s)        ((qoe_span_t) { (s), sizeof(s) - 1 })
#define qoe_span_null      ((qoe_span_t) { NULL, 0 })


static inline bool
qoe_span_eq(qoe_span_t a, qoe_span_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline qoe_span_t
qoe_span_str(const char *s)
{
    return (qoe_span_t) { s, s ? strlen(s) : 0 };
}


/*
 * A memory allocator.  alloc() returns NULL on failure; free() accepts NULL.
 * Both are called only from the thread that owns the object they were passed
 * to.
 */

typedef struct {
    void     *(*alloc)(void *ctx, size_t size);
    void      (*free)(void *ctx, void *p);
    void       *ctx;
} qoe_mem_t;

/* Uses malloc() and free(). */
extern const qoe_mem_t  qoe_mem_heap;


typedef enum {
    QOE_LOG_ERR = 0,
    QOE_LOG_WARN,
    QOE_LOG_NOTICE,
    QOE_LOG_INFO,
    QOE_LOG_DEBUG
} qoe_log_level_t;


/* A log callback, called from whichever thread logs.  text has no newline. */

typedef struct {
    void        (*write)(void *ctx, qoe_log_level_t level, const char *text,
                    size_t len);
    void         *ctx;
    qoe_log_level_t  level;      /* less severe messages are not formatted */
} qoe_log_t;

/* Limits a message to one a second.  Starts zeroed; not shared by threads. */

typedef struct {
    uint64_t      next_ms;       /* monotonic, milliseconds */
    uint64_t      suppressed;
} qoe_log_limit_t;

/*
 * Format a message as printf() does, and pass it to the callback; log may be
 * NULL.  A message is cut at 1023 bytes.
 */
void qoe_log(const qoe_log_t *log, qoe_log_level_t level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void qoe_log_limited(const qoe_log_t *log, qoe_log_limit_t *limit,
    qoe_log_level_t level, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));


/* Clocks, for any thread. */

uint64_t qoe_unix_ns(void);      /* CLOCK_REALTIME */
uint64_t qoe_mono_ms(void);      /* CLOCK_MONOTONIC */


#define qoe_min(a, b)      ((a) < (b) ? (a) : (b))
#define qoe_max(a, b)      ((a) > (b) ? (a) : (b))
#define qoe_align(n, a)    (((n) + ((a) - 1)) & ~((size_t) (a) - 1))


#endif /* _QOE_CORE_H_INCLUDED_ */
