
/*
 * Copyright (C) OpenQoE
 *
 * openqoe.cmcd.sessions.active: the sessions of requests that are not over.
 */


#include "qoe_deliveries.h"
#include "qoe_gauges.h"


#define QOE_GAUGES_TOKEN(id, text)  text,

static const char *const  qoe_gauges_st[QOE_CMCD_STS] = {
    "", QOE_CMCD_TOKENS_ST(QOE_GAUGES_TOKEN)
};

static const char *const  qoe_gauges_sf[QOE_CMCD_SFS] = {
    "", QOE_CMCD_TOKENS_SF(QOE_GAUGES_TOKEN)
};


static qoe_status_t qoe_gauges_alive(const qoe_gauges_t *g, size_t st,
    size_t sf, uint64_t n);


qoe_status_t
qoe_gauges_requests(const qoe_gauges_t *g)
{
    size_t                 st, sf;
    uint32_t               i;
    uint64_t               alive[QOE_CMCD_STS][QOE_CMCD_SFS];
    qoe_status_t           rc;
    qoe_deliveries_info_t  info;

    memset(alive, 0, sizeof(alive));

    for (i = 0; i < g->st->lanes; i++) {
        qoe_deliveries_info(g->st->deliveries[i], &info);

        for (st = 0; st < QOE_CMCD_STS; st++) {
            for (sf = 0; sf < QOE_CMCD_SFS; sf++) {
                alive[st][sf] += info.alive[st][sf];
            }
        }
    }

    rc = QOE_OK;

    for (st = 0; st < QOE_CMCD_STS; st++) {
        for (sf = 0; sf < QOE_CMCD_SFS && rc == QOE_OK; sf++) {
            if (alive[st][sf] != 0) {
                rc = qoe_gauges_alive(g, st, sf, alive[st][sf]);
            }
        }
    }

    return rc;
}


static qoe_status_t
qoe_gauges_alive(const qoe_gauges_t *g, size_t st, size_t sf, uint64_t n)
{
    qoe_labels_t  labels;

    labels.len = 0;

    if (st != 0) {
        (void) qoe_labels_add(&labels, qoe_span("st"),
                              qoe_span_str(qoe_gauges_st[st]));
    }

    if (sf != 0) {
        (void) qoe_labels_add(&labels, qoe_span("sf"),
                              qoe_span_str(qoe_gauges_sf[sf]));
    }

    return qoe_collect_add(g->collect, QOE_METRIC_CMCD_SESSIONS_ACTIVE,
                           qoe_span_null, qoe_labels_span(&labels),
                           (double) n);
}
