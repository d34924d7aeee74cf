
/*
 * Copyright (C) OpenQoE
 *
 * What the encoders that write in one pass share: those of records of views,
 * of traces and of requests.  The messages around the items have the same
 * numbers for logs and for spans; the lengths of messages take four bytes each
 * and are filled in afterwards.
 *
 *   ExportLogsServiceRequest { resource_logs = 1:
 *       ResourceLogs { resource = 1, scope_logs = 2:
 *           ScopeLogs { scope = 1, log_records = 2: LogRecord ... } } }
 */


#ifndef _QOE_OTLP_WRITE_H_INCLUDED_
#define _QOE_OTLP_WRITE_H_INCLUDED_


#include "qoe_otlp.h"
#include "qoe_otlp_wire.h"


/* Fields of ScopeLogs and ScopeSpans, LogRecord and AnyValue. */

#define QOE_SCOPE_ITEMS        2

#define QOE_LOG_TIME           1
#define QOE_LOG_SEVERITY       2
#define QOE_LOG_SEVERITY_TEXT  3
#define QOE_LOG_BODY           5
#define QOE_LOG_ATTRIBUTES     6
#define QOE_LOG_TRACE_ID       9
#define QOE_LOG_OBSERVED       11
#define QOE_LOG_EVENT_NAME     12

#define QOE_VALUE_STRING       1
#define QOE_VALUE_BOOL         2
#define QOE_VALUE_INT          3
#define QOE_VALUE_DOUBLE       4

#define QOE_LOG_INFO           9
#define QOE_LOG_WARN           13
#define QOE_LOG_ERROR          17

/* The most bytes of an attribute without its key and its text. */
#define QOE_OTLP_ATTR_MAX      32


/* An export request while it is written: positions in the buffer. */

typedef struct {
    size_t               start;
    size_t               at[2];      /* where the contents of ResourceLogs or
                                        ResourceSpans, and of ScopeLogs or
                                        ScopeSpans begin */
    size_t               items;      /* where the first item begins */
} qoe_otlp_export_t;


/* A log record or a span while it is written. */

typedef struct {
    char                *p;
    unsigned             field;      /* the number of the attributes' field */
} qoe_otlp_item_t;


/* Writes a request up to its items. */
qoe_status_t qoe_otlp_export_open(qoe_buf_t *out, qoe_otlp_export_t *export,
    const qoe_otlp_identity_t *id, qoe_arena_t *arena);

/*
 * Ends the request after its items, which ended with rc.  QOE_DONE: it has
 * none.  Unless QOE_OK is returned, out is as before the request.
 */
qoe_status_t qoe_otlp_export_close(qoe_buf_t *out,
    const qoe_otlp_export_t *export, qoe_status_t rc);

/* The instance that made the record; the consumer sums over instances. */
qoe_span_t qoe_otlp_edge(const qoe_otlp_identity_t *id);

/* Begins a message, whose length is filled in by qoe_otlp_item_close(). */
char *qoe_otlp_item_open(qoe_otlp_item_t *item, unsigned field);
void qoe_otlp_item_close(qoe_otlp_item_t *item, char *at);

/* Writes an attribute; an empty text and a number that is none are left out. */
void qoe_otlp_item_text(qoe_otlp_item_t *item, qoe_span_t key,
    qoe_span_t text);
void qoe_otlp_item_count(qoe_otlp_item_t *item, qoe_span_t key,
    uint64_t value);
void qoe_otlp_item_real(qoe_otlp_item_t *item, qoe_span_t key, double value);
void qoe_otlp_item_flag(qoe_otlp_item_t *item, qoe_span_t key);


#endif /* _QOE_OTLP_WRITE_H_INCLUDED_ */
