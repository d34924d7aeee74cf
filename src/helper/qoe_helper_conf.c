
/*
 * Copyright (C) OpenQoE
 *
 * Copies a helper's configuration for the thread: a reload may free the
 * original.
 */


#include "qoe_helper_priv.h"


#define QOE_HELPER_SCRATCH     (64 * 1024)
#define QOE_HELPER_SCRATCH_MAX (64 * 1024 * 1024)

/* for transcoding a request of 4 MiB */
#define QOE_HELPER_UNPACKED_MAX (QOE_OTLP_UNPACKED * QOE_OTLP_REQUEST_MAX)


static qoe_status_t qoe_helper_copy_fds(qoe_helper_t *h,
    const qoe_helper_conf_t *conf);
static qoe_status_t qoe_helper_copy_qoe(qoe_helper_t *h,
    const qoe_conf_t *conf);
static qoe_status_t qoe_helper_exporter(qoe_helper_t *h,
    const qoe_exporter_conf_t *conf);
static qoe_status_t qoe_helper_stream(qoe_helper_t *h,
    const qoe_exporter_conf_t *conf, qoe_stream_id_t stream,
    qoe_exporter_t **first);
static qoe_status_t qoe_helper_copy_attrs(qoe_helper_t *h,
    qoe_otlp_identity_t *id);
static bool qoe_helper_copy_span(qoe_helper_t *h, qoe_span_t *s);
static void qoe_helper_env(qoe_helper_t *h);


qoe_status_t
qoe_helper_copy_conf(qoe_helper_t *h, const qoe_helper_conf_t *conf)
{
    size_t        i;
    qoe_status_t  rc;

    h->conf = *conf;
    h->conf.exporters = NULL;            /* copied to h->exporter */

    if (qoe_helper_copy_fds(h, conf) != QOE_OK
        || qoe_helper_copy_qoe(h, &conf->qoe) != QOE_OK)
    {
        return QOE_NOMEM;
    }

    if (qoe_state_attach(&h->state, conf->zone) != QOE_OK) {
        qoe_log(&h->conf.log, QOE_LOG_ERR,
                "the zone's state is of another version");
        return QOE_ERROR;
    }

    h->net = qoe_net_create(&h->conf.log);
    if (h->net == NULL) {
        return QOE_NOMEM;
    }

    qoe_helper_env(h);

    for (i = 0; i < conf->nexporters && i < QOE_DESTS_CONF; i++) {
        rc = qoe_helper_exporter(h, &conf->exporters[i]);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    return QOE_OK;
}


static qoe_status_t
qoe_helper_copy_fds(qoe_helper_t *h, const qoe_helper_conf_t *conf)
{
    int     *lanes, *waiters;
    size_t   n;

    n = qoe_zone_lanes(conf->zone);
    lanes = qoe_arena_alloc(&h->arena, n * sizeof(int));
    waiters = qoe_arena_alloc(&h->arena, (conf->nwaiters + 1) * sizeof(int));

    if (lanes == NULL || waiters == NULL) {
        return QOE_NOMEM;
    }

    memcpy(lanes, conf->lane_fd, n * sizeof(int));
    h->conf.lane_fd = lanes;

    if (conf->nwaiters != 0) {
        memcpy(waiters, conf->waiter_fd, conf->nwaiters * sizeof(int));
    }

    h->conf.waiter_fd = waiters;

    return QOE_OK;
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
        dims->dim[i].source = qoe_span_null;         /* for event loops only */

        if (!qoe_helper_copy_span(h, &dims->dim[i].name)) {
            return QOE_NOMEM;
        }
    }

    return QOE_OK;
}


static qoe_status_t
qoe_helper_exporter(qoe_helper_t *h, const qoe_exporter_conf_t *conf)
{
    size_t                i;
    qoe_status_t          rc;
    qoe_exporter_t       *first;
    qoe_exporter_conf_t   copy;

    copy = *conf;

    if (!qoe_helper_copy_span(h, &copy.name)
        || !qoe_helper_copy_span(h, &copy.spool.dir)
        || qoe_helper_copy_attrs(h, &copy.identity) != QOE_OK)
    {
        return QOE_NOMEM;
    }

    first = NULL;

    for (i = 0; i < QOE_STREAMS; i++) {

        if (copy.dest[i] == UINT32_MAX
            || copy.transport.url[qoe_streams[i].signal].len == 0)
        {
            continue;
        }

        rc = qoe_helper_stream(h, &copy, (qoe_stream_id_t) i, &first);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    return first != NULL ? QOE_OK
                         : qoe_helper_stream(h, &copy, QOE_STREAMS, &first);
}


static qoe_status_t
qoe_helper_stream(qoe_helper_t *h, const qoe_exporter_conf_t *conf,
    qoe_stream_id_t stream, qoe_exporter_t **first)
{
    qoe_status_t     rc;
    qoe_exporter_t  *e;

    e = &h->exporter[h->nexporters];
    rc = qoe_exporter_create(e, &h->env, h->nexporters, conf, stream, *first);

    h->nexporters++;                     /* even if it fails, to be freed */

    if (*first == NULL) {
        *first = e;
    }

    if (rc == QOE_OK && e->points != NULL) {
        h->report_env.points[h->report_env.npoints++] = e->points;
    }

    return rc;
}


static qoe_status_t
qoe_helper_copy_attrs(qoe_helper_t *h, qoe_otlp_identity_t *id)
{
    size_t             i;
    qoe_attr_t        *attrs;
    const qoe_attr_t  *from;

    from = id->attrs;
    attrs = qoe_arena_alloc(&h->arena, (id->nattrs + 1) * sizeof(qoe_attr_t));

    if (attrs == NULL || !qoe_helper_copy_span(h, &id->scope_name)
        || !qoe_helper_copy_span(h, &id->scope_version))
    {
        return QOE_NOMEM;
    }

    for (i = 0; i < id->nattrs; i++) {
        attrs[i] = from[i];

        if (!qoe_helper_copy_span(h, &attrs[i].key)
            || !qoe_helper_copy_span(h, &attrs[i].value))
        {
            return QOE_NOMEM;
        }
    }

    id->attrs = attrs;

    return QOE_OK;
}


static bool
qoe_helper_copy_span(qoe_helper_t *h, qoe_span_t *s)
{
    if (s->data == NULL) {
        return true;
    }

    *s = qoe_arena_copy(&h->arena, *s);

    return s->data != NULL;
}


static void
qoe_helper_env(qoe_helper_t *h)
{
    qoe_self_env_t  *self;

    h->self = qoe_proc_self();

    qoe_governor_init(&h->governor, h->state.govern, h->conf.qoe.dims,
                      h->self);
    h->governor.fleet = h->conf.qoe.fleet;
    qoe_watch_init(&h->watch, h->conf.qoe.dims, &h->conf.log);

    self = &h->report_env.self;
    self->state = &h->state;
    self->conf = &h->conf.qoe;
    self->slot = h->conf.worker;
    self->self = h->self;
    self->log = &h->conf.log;

    h->report_env.governor = &h->governor;
    h->report_env.interval_ms = h->conf.metric_interval_ms;

    h->env.zone = h->conf.zone;
    h->env.net = h->net;
    h->env.self = self;
    h->env.log = &h->conf.log;
    qoe_arena_init(&h->env.scratch, &qoe_mem_heap, QOE_HELPER_SCRATCH,
                   QOE_HELPER_UNPACKED_MAX);

    h->intake.state = &h->state;
    h->intake.conf = &h->conf.qoe;
    h->intake.governor = &h->governor;
    h->intake.slot = h->conf.worker;
    h->intake.log = &h->conf.log;
    qoe_arena_init(&h->intake.scratch, &qoe_mem_heap, QOE_HELPER_SCRATCH,
                   QOE_HELPER_SCRATCH_MAX);
}
