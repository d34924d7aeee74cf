
/*
 * Copyright (C) OpenQoE
 *
 * A helper's configuration: what the thread uses is its own, for a reload may
 * free what it was given.
 */


#include "qoe_helper_priv.h"


#define QOE_HELPER_SCRATCH     (64 * 1024)
#define QOE_HELPER_SCRATCH_MAX (64 * 1024 * 1024)


static qoe_status_t qoe_helper_copy_qoe(qoe_helper_t *h,
    const qoe_conf_t *conf);
static void qoe_helper_env(qoe_helper_t *h);


qoe_status_t
qoe_helper_copy_conf(qoe_helper_t *h, const qoe_helper_conf_t *conf)
{
    int         *fds;
    size_t       i, lanes;
    qoe_attr_t  *attrs;

    h->conf = *conf;
    memset(&h->conf.transport, 0, sizeof(h->conf.transport));

    lanes = qoe_zone_lanes(conf->zone);
    fds = qoe_arena_alloc(&h->arena, lanes * sizeof(int));
    attrs = qoe_arena_alloc(&h->arena, (conf->identity.nattrs + 1)
                                       * sizeof(qoe_attr_t));

    if (fds == NULL || attrs == NULL) {
        return QOE_NOMEM;
    }

    memcpy(fds, conf->lane_fd, lanes * sizeof(int));
    h->conf.lane_fd = fds;
    h->conf.identity.attrs = attrs;

    for (i = 0; i < conf->identity.nattrs; i++) {
        attrs[i].key = qoe_arena_copy(&h->arena, conf->identity.attrs[i].key);
        attrs[i].value = qoe_arena_copy(&h->arena,
                                        conf->identity.attrs[i].value);

        if (attrs[i].key.data == NULL || attrs[i].value.data == NULL) {
            return QOE_NOMEM;
        }
    }

    h->conf.identity.scope_name = qoe_arena_copy(&h->arena,
                                                 conf->identity.scope_name);
    h->conf.identity.scope_version = qoe_arena_copy(&h->arena,
                                                conf->identity.scope_version);

    if (h->conf.identity.scope_name.data == NULL
        || h->conf.identity.scope_version.data == NULL)
    {
        return QOE_NOMEM;
    }

    if (qoe_helper_copy_qoe(h, &conf->qoe) != QOE_OK) {
        return QOE_NOMEM;
    }

    if (qoe_state_attach(&h->state, conf->zone) != QOE_OK) {
        qoe_log(&h->conf.log, QOE_LOG_ERR,
                "the zone's state is of another version");
        return QOE_ERROR;
    }

    qoe_helper_env(h);

    h->net = qoe_net_create(&h->conf.log);

    return h->net != NULL ? QOE_OK : QOE_NOMEM;
}


static qoe_status_t
qoe_helper_copy_qoe(qoe_helper_t *h, const qoe_conf_t *conf)
{
    size_t             i;
    qoe_dimensions_t  *dims;

    dims = qoe_arena_alloc(&h->arena, sizeof(qoe_dimensions_t));
    if (dims == NULL) {
        return QOE_NOMEM;
    }

    *dims = *conf->dims;
    h->conf.qoe.dims = dims;

    for (i = 0; i < dims->n; i++) {
        dims->dim[i].name = qoe_arena_copy(&h->arena, dims->dim[i].name);
        dims->dim[i].source = qoe_span_null;         /* of the event loop */

        if (dims->dim[i].name.data == NULL) {
            return QOE_NOMEM;
        }
    }

    return QOE_OK;
}


static void
qoe_helper_env(qoe_helper_t *h)
{
    h->self = qoe_proc_self();
    qoe_retry_init(&h->retry);

    qoe_governor_init(&h->governor, h->state.govern, h->conf.qoe.dims,
                      h->self);

    h->env.zone = h->conf.zone;
    h->env.slot = h->conf.worker;
    h->env.batch_size = h->conf.batch_size;
    h->env.interval_ms = h->conf.interval_ms;
    h->env.identity = &h->conf.identity;
    h->env.log = &h->conf.log;
    qoe_arena_init(&h->env.scratch, &qoe_mem_heap, QOE_HELPER_SCRATCH,
                   QOE_HELPER_SCRATCH_MAX);

    h->env.intake.state = &h->state;
    h->env.intake.conf = &h->conf.qoe;
    h->env.intake.governor = &h->governor;
    h->env.intake.slot = h->conf.worker;
    h->env.intake.log = &h->conf.log;
    qoe_arena_init(&h->env.intake.scratch, &qoe_mem_heap, QOE_HELPER_SCRATCH,
                   QOE_HELPER_SCRATCH_MAX);

    h->report_env.state = &h->state;
    h->report_env.conf = &h->conf.qoe;
    h->report_env.governor = &h->governor;
    h->report_env.identity = &h->conf.identity;
    h->report_env.slot = h->conf.worker;
    h->report_env.self = h->self;
    h->report_env.interval_ms = h->conf.metric_interval_ms;
    h->report_env.log = &h->conf.log;
}
