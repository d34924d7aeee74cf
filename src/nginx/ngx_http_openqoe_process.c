
/*
 * Copyright (C) OpenQoE
 *
 * The helper thread of a worker: how it is configured, started and stopped, and
 * what is done for it when a configuration comes into force.
 */


#include "ngx_http_openqoe_cmcd.h"
#include "ngx_http_openqoe_fleet.h"

#include <curl/curl.h>
#include <sys/mman.h>


#define NGX_HTTP_OPENQOE_ATTRS   5           /* of the resource by default */

/*
 * How long a helper may take at a TERM.  The master sends KILL about 3.1 s
 * after TERM, but once the first worker has exited, it sends KILL to the others
 * after 1.55 s.
 */
#define NGX_HTTP_OPENQOE_TERM_MS 1200


static void ngx_http_openqoe_chown(ngx_cycle_t *cycle, ngx_open_file_t *file);
static uint64_t *ngx_http_openqoe_lost(ngx_log_t *log);
static void ngx_http_openqoe_metrics_dests(ngx_http_openqoe_main_conf_t *mcf);
static void ngx_http_openqoe_dests(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf);
static void ngx_http_openqoe_start(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf);
static qoe_status_t ngx_http_openqoe_helper(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf, qoe_helper_conf_t *conf);
static void ngx_http_openqoe_records(qoe_conf_t *qoe,
    const qoe_exporter_conf_t *exporters, ngx_uint_t n);
static ngx_uint_t ngx_http_openqoe_resource(
    ngx_http_openqoe_exporter_t *e, const qoe_attr_t *own, qoe_attr_t *out);
static void ngx_http_openqoe_log(void *ctx, qoe_log_level_t level,
    const char *text, size_t len);


/* Used by the thread of the event loop alone. */

static struct {
    qoe_helper_t  *helper;
    ngx_msec_t     drain;                    /* how long its exit may take */
} ngx_http_openqoe_process;


/* nginx's log levels by ours. */

static const ngx_uint_t  ngx_http_openqoe_levels[] = {
    NGX_LOG_ERR,                             /* QOE_LOG_ERR */
    NGX_LOG_WARN,
    NGX_LOG_NOTICE,
    NGX_LOG_INFO,
    NGX_LOG_DEBUG
};


/*
 * Called when a new configuration comes into force.  The generation is raised
 * here and not in the zone's init, because a reload that fails runs that, too.
 * A single process does not run init_process again, so its helper is replaced
 * here.
 */

ngx_int_t
ngx_http_openqoe_init_module(ngx_cycle_t *cycle)
{
    uint64_t                       all[QOE_LANES_MAX / 64];
    ngx_uint_t                     i;
    ngx_http_openqoe_zone_t       *z;
    ngx_http_openqoe_exporter_t   *e;
    ngx_http_openqoe_main_conf_t  *mcf;

    if (ngx_http_openqoe_process.helper != NULL) {
        ngx_http_openqoe_exit_process(cycle);
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_openqoe_module);

    if (mcf == NULL || mcf->shm_zone == NULL) {
        return NGX_OK;
    }

    z = ngx_http_openqoe_get_zone(mcf);
    mcf->lost = ngx_http_openqoe_lost(cycle->log);

    /* a helper that sees the new generation must see its destinations */

    ngx_http_openqoe_edge_renamed(cycle, mcf);
    ngx_http_openqoe_fleet_init(cycle, mcf);
    ngx_http_openqoe_spool_init(cycle, mcf);
    ngx_http_openqoe_dests(cycle, mcf);
    qoe_zone_generation_raise(z->zone);
    mcf->generation = qoe_zone_generation(z->zone);

    /* wake the helpers of the old generation, so that they hand over lanes */

    ngx_memset(all, 0xff, sizeof(all));
    ngx_http_openqoe_zone_wake(z, all);

    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        ngx_http_openqoe_chown(cycle, e[i].file);
    }

    if (ngx_process == NGX_PROCESS_SINGLE
        && ngx_http_openqoe_self() != 0)
    {
        ngx_http_openqoe_metrics_init(mcf);
        ngx_http_openqoe_overload_init(cycle);
        ngx_http_openqoe_ack_init(cycle, mcf);
        ngx_http_openqoe_start(cycle, mcf);
    }

    return NGX_OK;
}


/*
 * Returns the counter of the events that helpers lose at their exit.  No zone
 * is sure to outlive that exit, so the counter has a page of its own, which is
 * mapped once for all generations.
 */

static uint64_t *
ngx_http_openqoe_lost(ngx_log_t *log)
{
    static uint64_t  own;                    /* not shared with others */
    static uint64_t  *lost;

    if (lost != NULL) {
        return lost;
    }

    lost = mmap(NULL, ngx_pagesize, PROT_READ|PROT_WRITE,
                MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (lost == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno, "openqoe: mmap() failed");
        lost = &own;
    }

    return lost;
}


/*
 * Gives the exporters their slots in the zone.  A test of the configuration
 * does that in a zone of its own, which is not read.
 */

static void
ngx_http_openqoe_dests(ngx_cycle_t *cycle, ngx_http_openqoe_main_conf_t *mcf)
{
    bool                          spooled[QOE_FEEDS_MAX];
    size_t                        n;
    uint32_t                      slots[QOE_FEEDS_MAX], *dest[QOE_FEEDS_MAX];
    qoe_kind_t                    kinds[QOE_FEEDS_MAX];
    qoe_span_t                    names[QOE_FEEDS_MAX];
    ngx_uint_t                    i, k;
    ngx_http_openqoe_exporter_t  *e;
    u_char                        text[QOE_FEEDS_MAX][QOE_DEST_NAME];

    ngx_http_openqoe_metrics_dests(mcf);

    n = 0;
    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        for (k = 0; k < QOE_STREAMS; k++) {

            if ((e[i].signals >> k & 1) == 0) {
                continue;
            }

            names[n].data = (char *) text[n];
            names[n].len = ngx_snprintf(text[n], QOE_DEST_NAME, "%V%s",
                                        &e[i].name, qoe_streams[k].suffix)
                           - text[n];
            kinds[n] = qoe_streams[k].kind;
            spooled[n] = e[i].spool;
            dest[n++] = &e[i].dest[k];
        }
    }

    qoe_dests_set(ngx_http_openqoe_get_zone(mcf)->zone, names, kinds, spooled,
                  n, slots);

    for (i = 0; i < n; i++) {
        *dest[i] = slots[i];

        if (slots[i] == UINT32_MAX) {
            ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                          "openqoe: no place for exporter \"%*s\" while "
                          "those before it are leaving: it gets no events, "
                          "reload again", names[i].len, names[i].data);
        }
    }
}


/* Exporters of metrics alone get a slot, too, which holds their health. */

static void
ngx_http_openqoe_metrics_dests(ngx_http_openqoe_main_conf_t *mcf)
{
    size_t                        n;
    uint32_t                      slots[QOE_DESTS_CONF];
    qoe_span_t                    names[QOE_DESTS_CONF];
    ngx_uint_t                    i;
    ngx_http_openqoe_exporter_t  *e;

    n = 0;
    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        if ((e[i].signals & NGX_HTTP_OPENQOE_RECORDS) == 0) {
            names[n++] = ngx_http_openqoe_span(e[i].name);
        }
    }

    qoe_dests_set_metrics(ngx_http_openqoe_get_zone(mcf)->zone, names, n,
                          slots);

    n = 0;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        if ((e[i].signals & NGX_HTTP_OPENQOE_RECORDS) == 0) {
            e[i].metrics_dest = slots[n++];
        }
    }
}


/*
 * Gives the file of an exporter to the user of the workers, which must open the
 * file themselves; nginx opened it as root.  Only a file that nginx has just
 * made is given away, or one that belongs to the user of the last
 * configuration: another user may have put something else at its path, such as
 * a link to a file of root's, and that must keep its owner.
 */

static void
ngx_http_openqoe_chown(ngx_cycle_t *cycle, ngx_open_file_t *file)
{
    ngx_core_conf_t  *ccf, *last;
    ngx_file_info_t   fi, li;

    if (file == NULL || geteuid() != 0 || ngx_test_config
        || ngx_fd_info(file->fd, &fi) == NGX_FILE_ERROR
        || ngx_link_info(file->name.data, &li) == NGX_FILE_ERROR
        || !ngx_is_file(&fi) || fi.st_nlink != 1
        || li.st_ino != fi.st_ino || li.st_dev != fi.st_dev)
    {
        return;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    last = ngx_is_init_cycle(cycle->old_cycle) ? NULL
           : (ngx_core_conf_t *) ngx_get_conf(cycle->old_cycle->conf_ctx,
                                              ngx_core_module);

    if ((fi.st_uid != 0 || fi.st_size != 0)
        && (last == NULL || fi.st_uid != last->user || fi.st_uid == 0))
    {
        return;
    }

    if (fi.st_uid != ccf->user
        && fchown(file->fd, ccf->user, (gid_t) -1) == -1)
    {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                      "openqoe: fchown(\"%V\", %d) failed", &file->name,
                      (int) ccf->user);
    }
}


ngx_int_t
ngx_http_openqoe_init_process(ngx_cycle_t *cycle)
{
    CURLcode                       rc;
    ngx_http_openqoe_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_openqoe_module);

    if (mcf == NULL || mcf->shm_zone == NULL) {
        return NGX_OK;
    }

    ngx_http_openqoe_self_init();
    ngx_http_openqoe_metrics_init(mcf);
    ngx_http_openqoe_overload_init(cycle);
    ngx_http_openqoe_ack_init(cycle, mcf);

    rc = curl_global_init(CURL_GLOBAL_DEFAULT);

    if (rc != CURLE_OK) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "openqoe: curl_global_init() failed: %s",
                      curl_easy_strerror(rc));
        ngx_http_openqoe_helper_fail(1);
        return NGX_OK;
    }

    ngx_http_openqoe_start(cycle, mcf);

    return NGX_OK;
}


/*
 * Starts the helper.  Serving is more important than telemetry: if that fails,
 * the worker runs without a helper, the helpers of others serve its lanes, and
 * /v2/health reports it.
 */

static void
ngx_http_openqoe_start(ngx_cycle_t *cycle, ngx_http_openqoe_main_conf_t *mcf)
{
    qoe_status_t       rc;
    qoe_helper_conf_t  conf;

    ngx_memzero(&conf, sizeof(qoe_helper_conf_t));

    conf.log.write = ngx_http_openqoe_log;
    conf.log.level = mcf->log_level;

    rc = ngx_http_openqoe_helper(cycle, mcf, &conf);

    ngx_http_openqoe_helper_fail(rc != QOE_OK);

    if (rc != QOE_OK) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "openqoe: the helper thread could not be started (%d)",
                      (int) rc);
    }
}


/* Fills conf and starts the helper, which copies everything from conf. */

static qoe_status_t
ngx_http_openqoe_helper(ngx_cycle_t *cycle, ngx_http_openqoe_main_conf_t *mcf,
    qoe_helper_conf_t *conf)
{
    ngx_uint_t                    i, n;
    qoe_attr_t                    own[NGX_HTTP_OPENQOE_ATTRS], *all, *p;
    qoe_status_t                  rc;
    ngx_core_conf_t              *ccf;
    qoe_exporter_conf_t           exporters[QOE_DESTS_CONF];
    ngx_http_openqoe_zone_t      *z;
    ngx_http_openqoe_exporter_t  *e;

    e = mcf->exporters.elts;
    z = ngx_http_openqoe_get_zone(mcf);
    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    conf->zone = z->zone;
    conf->single = (ngx_process == NGX_PROCESS_SINGLE);
    conf->worker = conf->single ? 0 : (uint32_t) ngx_worker;
    conf->workers = conf->single ? 1
                                 : (uint32_t) ngx_max(ccf->worker_processes,
                                                      1);
    conf->generation = mcf->generation;
    conf->lane_fd = z->lane_fd;
    conf->waiter_fd = z->waiter_fd;
    conf->nwaiters = z->waiters;
    conf->exporters = exporters;
    conf->nexporters = mcf->exporters.nelts;
    conf->qoe = mcf->qoe;
    conf->metric_interval_ms = mcf->exporter->metric_interval;
    conf->drain_ms = mcf->drain_timeout;
    conf->nice = (int) mcf->helper_nice;
    conf->lost = mcf->lost;
    ngx_http_openqoe_process.drain = mcf->drain_timeout;

    own[0].key = qoe_span("service.name");
    own[0].value = qoe_span(NGX_HTTP_OPENQOE_SERVICE);
    own[1].key = qoe_span("service.instance.id");
    own[1].value = ngx_http_openqoe_span(mcf->edge);
    own[2].key = qoe_span("service.version");
    own[2].value = qoe_span(NGX_HTTP_OPENQOE_VERSION);
    own[3].key = qoe_span("host.name");
    own[3].value = ngx_http_openqoe_span(cycle->hostname);
    own[4].key = qoe_span("openqoe.config.hash");
    own[4].value = (qoe_span_t) { (char *) mcf->config_hash,
                                  NGX_HTTP_OPENQOE_HASH_LEN };

    n = 0;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        n += NGX_HTTP_OPENQOE_ATTRS + e[i].resource.nelts;
    }

    all = ngx_alloc(n * sizeof(qoe_attr_t), cycle->log);
    if (all == NULL) {
        return QOE_NOMEM;
    }

    ngx_memzero(exporters, sizeof(exporters));
    p = all;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        exporters[i].name = ngx_http_openqoe_span(e[i].name);
        ngx_memcpy(exporters[i].dest, e[i].dest, sizeof(e[i].dest));
        exporters[i].metrics_dest = e[i].metrics_dest;
        exporters[i].transport = e[i].transport;
        exporters[i].batch_size = e[i].batch_size;
        exporters[i].interval_ms = e[i].interval;
        exporters[i].identity.scope_name = qoe_span("openqoe");
        exporters[i].identity.scope_version =
            qoe_span(NGX_HTTP_OPENQOE_VERSION);
        exporters[i].identity.attrs = p;
        exporters[i].identity.nattrs = ngx_http_openqoe_resource(&e[i], own,
                                                                 p);
        p += exporters[i].identity.nattrs;

        if (e[i].spool) {
            exporters[i].spool = mcf->spool_conf;
        }
    }

    ngx_http_openqoe_records(&conf->qoe, exporters, mcf->exporters.nelts);

    rc = qoe_helper_start(&ngx_http_openqoe_process.helper, conf);

    ngx_free(all);

    return rc;
}


/* Records of views are made, and have traces, if an exporter takes them. */

static void
ngx_http_openqoe_records(qoe_conf_t *qoe,
    const qoe_exporter_conf_t *exporters, ngx_uint_t n)
{
    bool        traces;
    ngx_uint_t  i;

    traces = false;
    qoe->views = false;
    qoe->requests = false;

    for (i = 0; i < n; i++) {
        qoe->views |= exporters[i].dest[QOE_STREAM_VIEWS] != UINT32_MAX;
        qoe->requests |= exporters[i].dest[QOE_STREAM_REQUESTS] != UINT32_MAX;
        traces |= exporters[i].dest[QOE_STREAM_TRACES] != UINT32_MAX;
    }

    if (!traces) {
        qoe->traces.mode = QOE_TRACES_OFF;
    }

    qoe->records = qoe->views || qoe->traces.mode != QOE_TRACES_OFF;
}


/*
 * Collects the attributes of the resource: a configured one replaces the
 * default of the same name.  Returns their number.
 */

static ngx_uint_t
ngx_http_openqoe_resource(ngx_http_openqoe_exporter_t *e,
    const qoe_attr_t *own, qoe_attr_t *out)
{
    ngx_uint_t   i, k, n;
    qoe_attr_t  *resource;

    resource = e->resource.elts;

    ngx_memcpy(out, own, NGX_HTTP_OPENQOE_ATTRS * sizeof(qoe_attr_t));
    n = NGX_HTTP_OPENQOE_ATTRS;

    for (i = 0; i < e->resource.nelts; i++) {

        for (k = 0;
             k < NGX_HTTP_OPENQOE_ATTRS
             && !qoe_span_eq(out[k].key, resource[i].key);
             k++)
        {
            /* void */
        }

        k = (k < NGX_HTTP_OPENQOE_ATTRS) ? k : n++;
        out[k] = resource[i];
    }

    return n;
}


/*
 * A helper that does not end in time may still use any memory, so the process
 * must exit without freeing it.  nginx's conf module has flushed the buffered
 * logs before.  This skips the exit_process of the modules after this one, the
 * cleanups of the pools, and nginx's "exit" line in the log.
 */

void
ngx_http_openqoe_exit_process(ngx_cycle_t *cycle)
{
    ngx_msec_t     drain;
    qoe_helper_t  *helper;

    ngx_http_openqoe_ack_exit();
    ngx_http_openqoe_submit_exit();
    ngx_http_openqoe_cmcd_exit();

    helper = ngx_http_openqoe_process.helper;

    if (helper == NULL) {
        return;
    }

    drain = ngx_http_openqoe_process.drain;

    if (ngx_terminate && ngx_process == NGX_PROCESS_WORKER) {
        drain = ngx_min(drain, NGX_HTTP_OPENQOE_TERM_MS);
    }

    ngx_http_openqoe_process.helper = NULL;

    if (qoe_helper_stop(helper, drain) == QOE_OK) {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                  "openqoe: the helper thread did not end in time, exiting "
                  "without it");

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_delete_pidfile(cycle);
    }

    _exit(0);
}


/*
 * nginx calls this in each process before it reopens its files (USR1), and also
 * when a process ends, where it does no harm.
 */

void
ngx_http_openqoe_reopen(ngx_open_file_t *file, ngx_log_t *log)
{
    if (ngx_http_openqoe_process.helper != NULL) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, log, 0, "openqoe: reopening %V",
                       &file->name);
        qoe_helper_reopen(ngx_http_openqoe_process.helper);
    }
}


/*
 * Runs on the helper thread, too: ngx_log_error() formats on the stack and
 * writes by a single write(2).  ngx_cycle is read each time, because a single
 * process frees old cycles while the helper runs.  As with the threads of
 * nginx's own pools, a line may be lost while a log is reopened or a syslog
 * socket is busy, and nothing else.
 */

static void
ngx_http_openqoe_log(void *ctx, qoe_log_level_t level, const char *text,
    size_t len)
{
    ngx_log_t  *log;

    (void) ctx;

    log = ngx_cycle->log;

    ngx_log_error(ngx_http_openqoe_levels[level], log, 0, "openqoe: %*s", len,
                  text);
}
