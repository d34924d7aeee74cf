
/*
 * Copyright (C) OpenQoE
 *
 * What an answer, or none, means for a request: the tables of the OTLP
 * specification ("Failures", "Retryable Response Codes"), with one difference.
 * Of the answers that must not be retried, those that do not blame the request
 * are held: the next request would fare no better.  Pure functions, any
 * thread.
 */


#ifndef _QOE_OUTCOME_H_INCLUDED_
#define _QOE_OUTCOME_H_INCLUDED_


#include "qoe_transport.h"

#include <curl/curl.h>


/* gRPC status codes */
#define QOE_GRPC_OK                    0
#define QOE_GRPC_UNKNOWN               2
#define QOE_GRPC_RESOURCE_EXHAUSTED    8

/* A server may ask for a delay of a day at most. */
#define QOE_RETRY_AFTER_MAX_MS         (24 * 60 * 60 * 1000)


/* The outcome before any answer: OK, nothing rejected. */
void qoe_outcome_init(qoe_outcome_t *o);

/*
 * Set kind, http_status or grpc_status, and error_type.  retry_after_ms must
 * be set before qoe_outcome_grpc(), which checks whether the server gave a
 * delay.
 */
void qoe_outcome_http(qoe_outcome_t *o, int status);
void qoe_outcome_grpc(qoe_outcome_t *o, int status);

/* The transfer failed, which is always QOE_OUTCOME_RETRY. */
void qoe_outcome_curl(qoe_outcome_t *o, CURLcode rc);

/* Any other failure, with an error.type of our own. */
void qoe_outcome_fail(qoe_outcome_t *o, qoe_outcome_kind_t kind,
    const char *error_type);

/*
 * Sets message.  A byte that is not UTF-8 becomes '?', a control character a
 * space; a text that is too long is cut between characters.
 */
void qoe_outcome_message(qoe_outcome_t *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The message, or error_type if there is none. */
const char *qoe_outcome_error(const qoe_outcome_t *o);

/* How many of the items were rejected, 0 to sent whatever the server said. */
uint64_t qoe_outcome_rejected(const qoe_outcome_t *o, uint64_t sent);

/* "UNAVAILABLE" for 14; "UNKNOWN" for a number that is no code. */
const char *qoe_grpc_status_name(int status);

/*
 * Reads Retry-After (RFC 9110, 10.2.3), seconds or an HTTP date, as ms from
 * now_s (Unix).  A date in the past gives 0; -1: it is neither.
 */
int64_t qoe_retry_after(qoe_span_t value, int64_t now_s);


#endif /* _QOE_OUTCOME_H_INCLUDED_ */
