
/*
 * Copyright (C) OpenQoE
 *
 * Records of views as OTLP: one wide log record each.
 */


#ifndef _QOE_OTLP_VIEWS_H_INCLUDED_
#define _QOE_OTLP_VIEWS_H_INCLUDED_


#include "qoe_otlp.h"


/*
 * Appends to out one ExportLogsServiceRequest in protobuf, with a LogRecord
 * "openqoe.view" for each of the n packed records (qoe_view_record.h).  All
 * else is as for qoe_otlp_logs(); scratch memory is about 24 kB and 4 kB a
 * record.
 */
qoe_status_t qoe_otlp_views(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena);


#endif /* _QOE_OTLP_VIEWS_H_INCLUDED_ */
