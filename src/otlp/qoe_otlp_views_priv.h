
/*
 * Copyright (C) OpenQoE
 *
 * What the encoders of records of views share: the messages around them, which
 * have the same numbers for logs and for spans, and attributes.
 */


#ifndef _QOE_OTLP_VIEWS_PRIV_H_INCLUDED_
#define _QOE_OTLP_VIEWS_PRIV_H_INCLUDED_


#include "qoe_otlp.h"
#include "qoe_view_record.h"


/* A record while it is written. */

typedef struct {
    char                *p;
    qoe_view_record_t    r;
    qoe_span_t           edge;
    unsigned             field;      /* the number of the attributes' field */
} qoe_view_log_t;


/* A request while it is written: positions in the buffer. */

typedef struct {
    size_t               start;
    size_t               at[2];      /* where the contents of ResourceLogs or
                                        ResourceSpans, and of ScopeLogs or
                                        ScopeSpans begin */
    size_t               items;      /* where the first item begins */
} qoe_view_request_t;


/* Writes a request up to its items. */
qoe_status_t qoe_views_open(qoe_buf_t *out, qoe_view_request_t *request,
    const qoe_otlp_identity_t *id, qoe_arena_t *arena);

/*
 * Ends the request after its items, which ended with rc.  QOE_DONE: it has
 * none.  Unless QOE_OK is returned, out is as before the request.
 */
qoe_status_t qoe_views_close(qoe_buf_t *out,
    const qoe_view_request_t *request, qoe_status_t rc);

/* The instance that made the record; the consumer sums over instances. */
qoe_span_t qoe_views_edge(const qoe_otlp_identity_t *id);

/* More bytes than the record can take. */
size_t qoe_view_log_bound(const qoe_view_log_t *log);

/* Writes the attributes of the record, and those of its dimensions. */
void qoe_view_log_attributes(qoe_view_log_t *log);
void qoe_view_log_dims(qoe_view_log_t *log);

/* Writes an attribute; an empty text and a number that is none are left out. */
void qoe_view_log_text(qoe_view_log_t *log, qoe_span_t key, qoe_span_t text);
void qoe_view_log_count(qoe_view_log_t *log, qoe_span_t key, uint64_t value);
void qoe_view_log_real(qoe_view_log_t *log, qoe_span_t key, double value);
void qoe_view_log_flag(qoe_view_log_t *log, qoe_span_t key);


#endif /* _QOE_OTLP_VIEWS_PRIV_H_INCLUDED_ */
