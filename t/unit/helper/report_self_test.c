
/*
 * Copyright (C) OpenQoE
 *
 * What a helper counts of its exports in the module's own metrics.
 */


#include "tap.h"
#include "qoe_report_self.h"
#include "qoe_outcome.h"
#include "qoe_self.h"

#include <sys/mman.h>


static const qoe_hash_key_t  key = { 1, 2 };

static qoe_conf_t       conf;
static qoe_state_t      state;
static qoe_self_env_t   env = { .state = &state, .conf = &conf, .slot = 0 };


static void
begin(void)
{
    state.self = mmap(NULL, QOE_SELF_MIN, PROT_READ|PROT_WRITE,
                      MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (state.self == MAP_FAILED) {
        abort();
    }

    qoe_self_create(state.self, QOE_SELF_MIN, &key);
    env.self = qoe_proc_self();
    conf.groups = QOE_GROUP_SELF;
}


/* The only series of the metric has that sum and those labels. */

static bool
is(qoe_metric_id_t metric, double sum, const char *name, const char *value)
{
    uint32_t           i, n;
    qoe_labels_t       l;
    qoe_self_series_t  s;

    l.len = 0;

    if (name != NULL) {
        (void) qoe_labels_add(&l, qoe_span_str(name), qoe_span_str(value));
    }

    for (i = 0, n = 0; i < qoe_self_slots(state.self); i++) {
        if (!qoe_self_read(state.self, i, &s) || s.metric != metric) {
            continue;
        }

        n++;

        if (s.sum != sum
            || !qoe_span_eq((qoe_span_t) { s.labels, s.labels_len },
                            qoe_labels_span(&l)))
        {
            return false;
        }
    }

    return n == (sum != 0);
}


static bool
attempt(qoe_outcome_kind_t kind, int http, int grpc, const char *name,
    const char *value)
{
    bool           good;
    qoe_outcome_t  o;

    begin();
    qoe_outcome_init(&o);

    if (kind != QOE_OUTCOME_OK) {
        qoe_outcome_fail(&o, kind, "timeout");
    }

    o.http_status = http;
    o.grpc_status = grpc;
    o.seconds = 0.5;
    qoe_report_attempt(&env, &o);

    good = is(QOE_METRIC_OTEL_SDK_EXPORTER_OPERATION_DURATION, 0.5, name,
              value);
    munmap(state.self, QOE_SELF_MIN);

    return good;
}


static bool
exported(qoe_signal_t signal, qoe_metric_id_t metric, uint64_t n,
    const char *error, const char *label)
{
    bool  good;

    begin();
    qoe_report_exported(&env, signal, n, error);
    good = is(metric, (double) n, label, error);
    munmap(state.self, QOE_SELF_MIN);

    return good;
}


int
main(void)
{
    ok(exported(QOE_SIGNAL_LOGS, QOE_METRIC_OTEL_SDK_EXPORTER_LOG_EXPORTED, 3,
                NULL, NULL)
       && exported(QOE_SIGNAL_TRACES,
                   QOE_METRIC_OTEL_SDK_EXPORTER_SPAN_EXPORTED, 4, "", NULL)
       && exported(QOE_SIGNAL_METRICS,
                   QOE_METRIC_OTEL_SDK_EXPORTER_METRIC_EXPORTED, 1, NULL,
                   NULL),
       "items that were exported are counted by their signal, and without an "
       "error");
    ok(exported(QOE_SIGNAL_LOGS, QOE_METRIC_OTEL_SDK_EXPORTER_LOG_EXPORTED, 3,
                "timeout", "error.type"),
       "items that were not exported are counted by the error's type");
    ok(exported(QOE_SIGNAL_LOGS, QOE_METRIC_OTEL_SDK_EXPORTER_LOG_EXPORTED, 0,
                "timeout", "error.type"),
       "an export of nothing makes no series");

    ok(attempt(QOE_OUTCOME_OK, 0, -1, NULL, NULL),
       "the time of an attempt without a status has no labels");
    ok(attempt(QOE_OUTCOME_OK, 200, -1, "http.response.status_code", "200"),
       "the time of an attempt by HTTP has the status of HTTP");
    ok(attempt(QOE_OUTCOME_OK, 200, 0, "rpc.grpc.status_code", "0"),
       "the time of an attempt by gRPC has the status of gRPC alone");
    ok(attempt(QOE_OUTCOME_RETRY, 0, -1, "error.type", "timeout"),
       "the time of an attempt that failed has the type of the error");

    begin();
    conf.groups = 0;
    qoe_report_exported(&env, QOE_SIGNAL_LOGS, 3, NULL);
    ok(is(QOE_METRIC_OTEL_SDK_EXPORTER_LOG_EXPORTED, 0, NULL, NULL),
       "without the group of the module's own metrics nothing is counted");

    return tap_end();
}
