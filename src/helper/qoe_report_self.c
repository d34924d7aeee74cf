
/*
 * Copyright (C) OpenQoE */


#include "qoe_report_self.h"

#include <stdio.h>


static const uint16_t  qoe_report_metrics[QOE_SIGNALS] = {
    [QOE_SIGNAL_LOGS] = QOE_METRIC_OTEL_SDK_EXPORTER_LOG_EXPORTED,
    [QOE_SIGNAL_TRACES] = QOE_METRIC_OTEL_SDK_EXPORTER_SPAN_EXPORTED,
    [QOE_SIGNAL_METRICS] = QOE_METRIC_OTEL_SDK_EXPORTER_METRIC_EXPORTED
};


void
qoe_report_exported(const qoe_self_env_t *env, qoe_signal_t signal,
    uint64_t n, const char *error_type)
{
    qoe_labels_t  labels;

    if (n == 0 || (env->conf->groups & QOE_GROUP_SELF) == 0) {
        return;
    }

    labels.len = 0;

    if (error_type != NULL && error_type[0] != '\0') {
        (void) qoe_labels_add(&labels, qoe_span("error.type"),
                              qoe_span_str(error_type));
    }

    qoe_self_add(env->state->self, env->self, qoe_report_metrics[signal],
                 qoe_labels_span(&labels), (double) n);
}


void
qoe_report_attempt(const qoe_self_env_t *env, const qoe_outcome_t *o)
{
    char          code[16];
    qoe_labels_t  labels;

    if ((env->conf->groups & QOE_GROUP_SELF) == 0) {
        return;
    }

    labels.len = 0;

    if (o->kind != QOE_OUTCOME_OK && o->error_type[0] != '\0') {
        (void) qoe_labels_add(&labels, qoe_span("error.type"),
                              qoe_span_str(o->error_type));
    }

    if (o->grpc_status >= 0) {
        snprintf(code, sizeof(code), "%d", o->grpc_status);
        (void) qoe_labels_add(&labels, qoe_span("rpc.grpc.status_code"),
                              qoe_span_str(code));

    } else if (o->http_status > 0) {
        snprintf(code, sizeof(code), "%d", o->http_status);
        (void) qoe_labels_add(&labels, qoe_span("http.response.status_code"),
                              qoe_span_str(code));
    }

    qoe_self_add(env->state->self, env->self,
                 QOE_METRIC_OTEL_SDK_EXPORTER_OPERATION_DURATION,
                 qoe_labels_span(&labels), o->seconds);
}
