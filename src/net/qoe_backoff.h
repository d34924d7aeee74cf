
/*
 * Copyright (C) OpenQoE
 *
 * When a failing destination is tried again: exponential backoff with jitter
 * (OTLP specification, "OTLP/gRPC Throttling"), or later if the server asks
 * for that.
 */


#ifndef _QOE_BACKOFF_H_INCLUDED_
#define _QOE_BACKOFF_H_INCLUDED_


#include "qoe_core.h"


#define QOE_BACKOFF_MIN_MS     1000
#define QOE_BACKOFF_MAX_MS     30000
#define QOE_BACKOFF_SERVER_MAX_MS  3600000   /* of what a server may ask */
#define QOE_BACKOFF_LEAVING_MS 200           /* longer waits nobody who exits */


/*
 * The delay in ms before attempt number failures + 1; failures is at least 1.
 * server_ms: what the server asked for, or -1; it can only lengthen the delay,
 * up to QOE_BACKOFF_SERVER_MAX_MS.  random: any 32 bits.
 */
uint64_t qoe_backoff(uint64_t failures, int64_t server_ms, uint32_t random);


/*
 * The tries of one destination.  Times are monotonic ms, qoe_mono_ms().  No
 * lock: all calls are the thread's that owns it.
 */

typedef struct {
    uint64_t  failures;                      /* consecutive */
    uint64_t  not_before_ms;                 /* the next try; 0: at once */
    uint32_t  seed;                          /* of the jitter */
} qoe_retry_t;


/* No failure yet. */
void qoe_retry_init(qoe_retry_t *r);

bool qoe_retry_due(const qoe_retry_t *r, uint64_t now_ms);

/*
 * A try failed, server_ms as above; but not one that was under way when
 * another had failed: until the next is due, they fail as one.  leaving: the
 * process exits, and the next is due in QOE_BACKOFF_LEAVING_MS at most.
 */
void qoe_retry_failed(qoe_retry_t *r, uint64_t now_ms, int64_t server_ms,
    bool leaving);

/* The destination answered: no failures, due at once. */
void qoe_retry_succeeded(qoe_retry_t *r);


#endif /* _QOE_BACKOFF_H_INCLUDED_ */
