
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_zone: the shared memory, and the eventfds of its lanes.
 *
 * Once the zone is initialised, shm_zone->data is an ngx_http_openqoe_zone_t
 * outside of any pool: a cycle that keeps the zone shares it, and the last
 * cycle of this process that has it closes the eventfds.  Workers inherit both
 * by fork.
 */


#include "ngx_http_openqoe.h"

#include <sys/eventfd.h>


static ngx_int_t ngx_http_openqoe_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_openqoe_zone_compare(ngx_shm_zone_t *shm_zone,
    ngx_http_openqoe_zone_t *z, ngx_uint_t kept);
static ngx_int_t ngx_http_openqoe_zone_fresh(ngx_shm_zone_t *shm_zone,
    ngx_cycle_t *cycle, qoe_zone_t **zone);
static ngx_int_t ngx_http_openqoe_zone_found(ngx_shm_zone_t *shm_zone,
    ngx_cycle_t *cycle, qoe_zone_t **zone);
static ngx_http_openqoe_zone_t *ngx_http_openqoe_zone_open(qoe_zone_t *zone,
    ngx_cycle_t *cycle);
static int *ngx_http_openqoe_zone_fds(uint32_t n, ngx_log_t *log);
static void ngx_http_openqoe_zone_close(int *fds, uint32_t n);
static ngx_int_t ngx_http_openqoe_zone_hold(ngx_http_openqoe_zone_t *z,
    ngx_cycle_t *cycle);
static void ngx_http_openqoe_zone_drop(void *data);


/* openqoe_zone name:size */

char *
ngx_http_openqoe_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    off_t                          size;
    u_char                        *p;
    ngx_str_t                     *value, name, s;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    static const char  expected[] = "name:size, as in \"qoe:64m\"";

    if (mcf->shm_zone != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;
    p = (u_char *) ngx_strchr(value[1].data, ':');

    if (p == NULL || p == value[1].data) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1], expected);
    }

    name.data = value[1].data;
    name.len = (size_t) (p - name.data);

    s.data = p + 1;
    s.len = value[1].len - name.len - 1;

    size = ngx_parse_offset(&s);

    if (size <= 0 || size != (off_t) (size_t) size) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1], expected);
    }

    /* nginx's slab pool itself would not fit in less */

    if (size < (off_t) qoe_zone_size_min(1)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"%V\" is too small, a worker needs at "
                           "least %uzk", &value[1], &cmd->name,
                           qoe_align(qoe_zone_size_min(1), 1024) / 1024);
        return NGX_CONF_ERROR;
    }

    mcf->shm_zone = ngx_shared_memory_add(cf, &name, (size_t) size,
                                          &ngx_http_openqoe_module);
    if (mcf->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->shm_zone->init = ngx_http_openqoe_zone_init;
    mcf->shm_zone->data = mcf;

    return NGX_CONF_OK;
}


/* The zone of an initialised cycle; NULL if it has none. */

ngx_http_openqoe_zone_t *
ngx_http_openqoe_get_zone(ngx_http_openqoe_main_conf_t *mcf)
{
    return mcf->shm_zone != NULL ? mcf->shm_zone->data : NULL;
}


void
ngx_http_openqoe_zone_wake(ngx_http_openqoe_zone_t *z, const uint64_t *wake)
{
    uint32_t  lane;
    uint64_t  one, word;

    one = 1;

    for (lane = 0; lane < z->lanes; lane++) {

        word = wake[lane / 64];

        if (word == 0) {
            lane |= 63;
            continue;
        }

        if ((word >> (lane % 64) & 1) == 0) {
            continue;
        }

        if (write(z->lane_fd[lane], &one, sizeof(one)) == -1
            && ngx_errno != NGX_EAGAIN)
        {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                          "openqoe: cannot wake lane %uD", lane);
        }
    }
}


/*
 * There are three cases: data is the zone of an earlier cycle, which is kept;
 * the memory exists, but no cycle of this process has it; or the memory is
 * new.  Runs in the master before the workers start, and in "nginx -t".  Takes
 * no lock, because a lock here could deadlock the master.
 */

static ngx_int_t
ngx_http_openqoe_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    qoe_zone_t                    *zone;
    ngx_cycle_t                   *cycle;
    ngx_http_openqoe_zone_t       *z = data;
    ngx_http_openqoe_main_conf_t  *mcf = shm_zone->data;

    cycle = mcf->cycle;

    if (z == NULL) {

        if ((shm_zone->shm.exists
             ? ngx_http_openqoe_zone_found(shm_zone, cycle, &zone)
             : ngx_http_openqoe_zone_fresh(shm_zone, cycle, &zone))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        z = ngx_http_openqoe_zone_open(zone, cycle);
        if (z == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_http_openqoe_zone_compare(shm_zone, z, data != NULL);

    if (ngx_http_openqoe_zone_hold(z, cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    shm_zone->data = z;

    return NGX_OK;
}


/*
 * A zone keeps the layout that it was made with, whatever later configurations
 * ask for.
 */

static void
ngx_http_openqoe_zone_compare(ngx_shm_zone_t *shm_zone,
    ngx_http_openqoe_zone_t *z, ngx_uint_t kept)
{
    ngx_cycle_t                   *cycle;
    ngx_core_conf_t               *ccf;
    ngx_http_openqoe_main_conf_t  *mcf = shm_zone->data;

    cycle = mcf->cycle;
    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if ((ngx_int_t) z->lanes != ccf->worker_processes && kept) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "openqoe: zone \"%V\" keeps its %uD lanes with %i "
                      "worker processes", &shm_zone->shm.name, z->lanes,
                      ccf->worker_processes);
    }

    if (mcf->cmcd_used && !qoe_zone_requests(z->zone)) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "openqoe: zone \"%V\" was made when no location had "
                      "\"openqoe_cmcd\" and has little room for requests for "
                      "media, some of which may be left out of metrics; a "
                      "restart or another size of \"openqoe_zone\" makes a "
                      "zone with room for them", &shm_zone->shm.name);
    }
}


/*
 * Allocates all of the slab pool at once, which is never used again.  The
 * first page holds the size, for processes that find the zone later.
 */

static ngx_int_t
ngx_http_openqoe_zone_fresh(ngx_shm_zone_t *shm_zone, ngx_cycle_t *cycle,
    qoe_zone_t **zone)
{
    void                          *mem;
    size_t                         size, need;
    uint32_t                       lanes;
    qoe_status_t                   rc;
    ngx_core_conf_t               *ccf;
    ngx_slab_pool_t               *pool;
    ngx_http_openqoe_main_conf_t  *mcf = shm_zone->data;

    pool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    lanes = (uint32_t) ngx_min(ngx_max(ccf->worker_processes, 1),
                               QOE_LANES_MAX);

    size = (pool->pfree - 1) * ngx_pagesize;
    need = qoe_zone_size_min(lanes);

    if (size < need) {

        /* the pool's header, a descriptor for each page, and the first page */

        need = qoe_align(need, ngx_pagesize) + 3 * ngx_pagesize;
        need += need / ngx_pagesize * sizeof(ngx_slab_page_t);

        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "zone \"%V\" of \"openqoe_zone\" is too small, %uD "
                      "worker processes need at least %uzk",
                      &shm_zone->shm.name, lanes,
                      qoe_align(need, 1024) / 1024);
        return NGX_ERROR;
    }

    mem = ngx_slab_alloc_locked(pool, size + ngx_pagesize);
    if (mem == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "openqoe: no memory in zone \"%V\"",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    *(size_t *) mem = size;

    rc = qoe_zone_create(zone, (u_char *) mem + ngx_pagesize, size, lanes,
                         mcf->cmcd_used != 0);

    if (rc != QOE_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "openqoe: zone \"%V\" could not be created (%d)",
                      &shm_zone->shm.name, (int) rc);
        return NGX_ERROR;
    }

    qoe_state_create(*zone);

    pool->data = mem;

    return NGX_OK;
}


static ngx_int_t
ngx_http_openqoe_zone_found(ngx_shm_zone_t *shm_zone, ngx_cycle_t *cycle,
    qoe_zone_t **zone)
{
    u_char           *mem;
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    mem = pool->data;

    if (mem == NULL
        || qoe_zone_attach(zone, mem + ngx_pagesize, *(size_t *) mem)
           != QOE_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "openqoe: zone \"%V\" is of another version",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * There are waiter slots for the workers of two generations, and some to
 * spare.  A worker that finds none free polls instead
 * (ngx_http_openqoe_ack.c).
 */

static ngx_http_openqoe_zone_t *
ngx_http_openqoe_zone_open(qoe_zone_t *zone, ngx_cycle_t *cycle)
{
    ngx_core_conf_t          *ccf;
    ngx_http_openqoe_zone_t  *z;

    z = ngx_calloc(sizeof(ngx_http_openqoe_zone_t), cycle->log);
    if (z == NULL) {
        return NULL;
    }

    if (qoe_state_attach(&z->state, zone) != QOE_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "openqoe: the zone's state is of another version");
        ngx_free(z);
        return NULL;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    z->zone = zone;
    z->lanes = qoe_zone_lanes(zone);
    z->waiters = (uint32_t) ngx_min(2 * ngx_max(ccf->worker_processes, 1) + 2,
                                    QOE_WAITERS_MAX);

    z->lane_fd = ngx_http_openqoe_zone_fds(z->lanes, cycle->log);
    z->waiter_fd = ngx_http_openqoe_zone_fds(z->waiters, cycle->log);

    if (z->lane_fd == NULL || z->waiter_fd == NULL) {
        z->refs = 1;
        ngx_http_openqoe_zone_drop(z);
        return NULL;
    }

    return z;
}


/* Makes n eventfds.  NULL: the error was logged. */

static int *
ngx_http_openqoe_zone_fds(uint32_t n, ngx_log_t *log)
{
    int       *fds;
    uint32_t   i;

    fds = ngx_alloc(sizeof(int) * n, log);
    if (fds == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {

        fds[i] = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (fds[i] == -1) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "openqoe: eventfd() failed");
            ngx_http_openqoe_zone_close(fds, i);
            return NULL;
        }
    }

    return fds;
}


static void
ngx_http_openqoe_zone_close(int *fds, uint32_t n)
{
    uint32_t  i;

    if (fds == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        (void) close(fds[i]);
    }

    ngx_free(fds);
}


static ngx_int_t
ngx_http_openqoe_zone_hold(ngx_http_openqoe_zone_t *z, ngx_cycle_t *cycle)
{
    ngx_pool_cleanup_t  *cln;

    z->refs++;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);

    if (cln == NULL) {
        ngx_http_openqoe_zone_drop(z);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_openqoe_zone_drop;
    cln->data = z;

    return NGX_OK;
}


static void
ngx_http_openqoe_zone_drop(void *data)
{
    ngx_http_openqoe_zone_t  *z = data;

    if (--z->refs != 0) {
        return;
    }

    ngx_http_openqoe_zone_close(z->lane_fd, z->lanes);
    ngx_http_openqoe_zone_close(z->waiter_fd, z->waiters);
    ngx_free(z);
}
