
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_stream.h"
#include "qoe_otlp_requests.h"
#include "qoe_otlp_spans.h"
#include "qoe_otlp_views.h"
#include "qoe_record.h"
#include "qoe_tapped.h"
#include "qoe_view_record.h"


const qoe_stream_t  qoe_streams[QOE_STREAMS] = {

    [QOE_STREAM_LOGS] = {
        { "logs", 4 }, "", "events", QOE_KIND_EVENT, QOE_SIGNAL_LOGS,
        qoe_otlp_logs, qoe_record_received
    },

    [QOE_STREAM_VIEWS] = {
        { "views", 5 }, ".views", "records of views", QOE_KIND_VIEW,
        QOE_SIGNAL_LOGS, qoe_otlp_views, qoe_view_record_made
    },

    [QOE_STREAM_TRACES] = {
        { "traces", 6 }, ".traces", "records of views for traces",
        QOE_KIND_VIEW, QOE_SIGNAL_TRACES, qoe_otlp_spans, qoe_view_record_made
    },

    [QOE_STREAM_REQUESTS] = {
        { "requests", 8 }, ".requests", "logs of requests", QOE_KIND_REQUEST,
        QOE_SIGNAL_LOGS, qoe_otlp_requests, qoe_logged_received
    }
};
