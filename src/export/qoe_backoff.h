
/*
 * Copyright (C) OpenQoE
 *
 * When a failing destination is tried again: exponential backoff with jitter
 * (OTLP specification, "OTLP/gRPC Throttling"), or when the server says.
 */


#ifndef _QOE_BACKOFF_H_INCLUDED_
#define _QOE_BACKOFF_H_INCLUDED_


#include "qoe_core.h"


#define QOE_BACKOFF_MIN_MS     1000
#define QOE_BACKOFF_MAX_MS     30000
#define QOE_BACKOFF_SERVER_MAX_MS  3600000   /* of what a server may ask */


/*
 * The delay in ms before attempt number failures + 1; failures is at least 1.
 * server_ms: what the server asked for, or -1.  random: any 32 bits.
 */
uint64_t qoe_backoff(uint64_t failures, int64_t server_ms, uint32_t random);


#endif /* _QOE_BACKOFF_H_INCLUDED_ */
