
/*
 * Copyright (C) OpenQoE
 *
 * When a failing exporter tries again: exponential backoff with jitter (OTLP
 * specification, "OTLP/gRPC Throttling"), or later if the server asks for
 * that.
 */


#ifndef _QOE_BACKOFF_H_INCLUDED_
#define _QOE_BACKOFF_H_INCLUDED_


#include "qoe_core.h"


#define QOE_BACKOFF_MIN_MS     1000
#define QOE_BACKOFF_MAX_MS     30000
#define QOE_BACKOFF_SERVER_MAX_MS  3600000   /* the most servers may ask for */
#define QOE_BACKOFF_LEAVING_MS 200           /* the most during an exit */


/*
 * The delay in ms before attempt number failures + 1; failures is at least 1.
 * server_ms: what the server asked for, or -1; it can only lengthen the delay,
 * up to QOE_BACKOFF_SERVER_MAX_MS.  random: any 32 bits.
 */
uint64_t qoe_backoff(uint64_t failures, int64_t server_ms, uint32_t random);


/*
 * The tries of one exporter.  Times are monotonic ms, qoe_mono_ms().  There is
 * no lock: only the thread that owns it may use it.
 */

typedef struct {
    uint64_t  failures;                      /* consecutive */
    uint64_t  not_before_ms;                 /* of the next try; 0: at once */
    uint32_t  seed;                          /* of the random jitter */
} qoe_retry_t;


/* Starts without failures. */
void qoe_retry_init(qoe_retry_t *r);

/* Whether the next try is due. */
bool qoe_retry_due(const qoe_retry_t *r, uint64_t now_ms);

/*
 * Notes that a try failed; server_ms as above.  A try that was already under
 * way when another one failed does not count: until the next try is due, all
 * failures are one.  leaving: the process exits, and the next try is due in at
 * most QOE_BACKOFF_LEAVING_MS.
 */
void qoe_retry_failed(qoe_retry_t *r, uint64_t now_ms, int64_t server_ms,
    bool leaving);

/* Notes that the server took a request: the next try is due at once. */
void qoe_retry_succeeded(qoe_retry_t *r);


#endif /* _QOE_BACKOFF_H_INCLUDED_ */
