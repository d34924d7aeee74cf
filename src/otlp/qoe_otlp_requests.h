
/*
 * Copyright (C) OpenQoE
 *
 * Requests for media as OTLP: a log record each (openqoe_cmcd_log).
 */


#ifndef _QOE_OTLP_REQUESTS_H_INCLUDED_
#define _QOE_OTLP_REQUESTS_H_INCLUDED_


#include "qoe_otlp.h"


/*
 * Appends to out one ExportLogsServiceRequest in protobuf, with a LogRecord
 * "openqoe.request" for each of the n records (qoe_tapped.h).  All else is as
 * for qoe_otlp_views().
 */
qoe_status_t qoe_otlp_requests(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena);


#endif /* _QOE_OTLP_REQUESTS_H_INCLUDED_ */
