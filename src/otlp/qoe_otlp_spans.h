
/*
 * Copyright (C) OpenQoE
 *
 * Records of views as OTLP: the timeline of each as a trace.
 */


#ifndef _QOE_OTLP_SPANS_H_INCLUDED_
#define _QOE_OTLP_SPANS_H_INCLUDED_


#include "qoe_otlp.h"


/*
 * Appends to out one ExportTraceServiceRequest in protobuf, with the spans of
 * the n packed records (qoe_view_record.h, with a trace): a final record has a
 * root span "view", with its errors as events and a child for each stretch of
 * the timeline that no part before had; another record is such a part, and has
 * children only.  Records whose views have no trace make nothing, and QOE_DONE
 * says that none has made anything, *nbad how many of them could not be read.
 * All else is as for qoe_otlp_views().
 */
qoe_status_t qoe_otlp_spans(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena);


#endif /* _QOE_OTLP_SPANS_H_INCLUDED_ */
