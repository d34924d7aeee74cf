
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_overload_wait: while the queue is nearly full, a request waits with
 * its body as it came, before anything of it is decoded.  Decoding what is
 * then refused would cost the event loop the very CPU that the helper thread
 * needs to make room.
 *
 * The lane of an event is known only after decoding, so a request waits while
 * all lanes are nearly full: one full lane must not stop the sessions of the
 * others.  Requests go on in the order in which they came, woken through the
 * waiter slot of _ack.c, and some of them a turn of the event loop.
 */


#include "ngx_http_openqoe.h"


/*
 * Per worker: what waiting requests hold must stay small, and what is more
 * than this is refused before its body is read.
 */
#define NGX_HTTP_OPENQOE_DELAYED_MAX    1024
#define NGX_HTTP_OPENQOE_DELAYED_BYTES  (8 * 1024 * 1024)
#define NGX_HTTP_OPENQOE_DELAYED_POOL   4096     /* of each, for its request */

/*
 * What the requests hold that one turn of the event loop goes on with:
 * decoding is work, and the other connections have their turns.
 */
#define NGX_HTTP_OPENQOE_DELAYED_TURN   (256 * 1024)

/* A helper that dies wakes no worker, and a worker may have no waiter slot. */
#define NGX_HTTP_OPENQOE_DELAYED_LOOK   20


typedef struct {
    ngx_http_openqoe_wait_t      wait;       /* first */

    qoe_zone_t                  *zone;
    uint64_t                     received_ns;
} ngx_http_openqoe_delayed_t;


static ngx_uint_t ngx_http_openqoe_overload_full(size_t bytes);
static size_t ngx_http_openqoe_overload_bytes(ngx_http_request_t *r);
static ngx_uint_t ngx_http_openqoe_overload_room(qoe_zone_t *zone);
static ngx_uint_t ngx_http_openqoe_overload_ready(ngx_http_openqoe_wait_t *w);
static void ngx_http_openqoe_overload_proceed(ngx_http_openqoe_wait_t *w,
    ngx_uint_t room);
static void ngx_http_openqoe_overload_left(ngx_http_openqoe_wait_t *w,
    ngx_uint_t gone);


static ngx_http_openqoe_wait_line_t  ngx_http_openqoe_overload_line = {
    .ready = ngx_http_openqoe_overload_ready,
    .proceed = ngx_http_openqoe_overload_proceed,
    .left = ngx_http_openqoe_overload_left,
    .ordered = 1,
    .max_turn = NGX_HTTP_OPENQOE_DELAYED_TURN
};


static ngx_http_openqoe_range_t  ngx_http_openqoe_overload_range = {
    0, 10000, "a time from 0 to 10s or off"
};


char *
ngx_http_openqoe_overload_wait(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value;
    ngx_http_openqoe_loc_conf_t  *lcf = conf;

    value = cf->args->elts;

    if (lcf->overload_wait != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    if (ngx_http_openqoe_str_is(&value[1], "off")) {
        lcf->overload_wait = 0;
        return NGX_CONF_OK;
    }

    if (ngx_http_openqoe_time(&value[1], &ngx_http_openqoe_overload_range,
                              &lcf->overload_wait)
        != NGX_OK)
    {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1],
                                          ngx_http_openqoe_overload_range.text);
    }

    return NGX_CONF_OK;
}


void
ngx_http_openqoe_overload_init(ngx_cycle_t *cycle)
{
    ngx_http_openqoe_wait_line_init(&ngx_http_openqoe_overload_line, cycle->log,
                               NGX_HTTP_OPENQOE_DELAYED_LOOK);
}


/* True: refuse the request at once, its body need not be read. */

ngx_uint_t
ngx_http_openqoe_overload_refuses(ngx_http_request_t *r)
{
    ngx_http_openqoe_loc_conf_t   *lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);

    return lcf->overload_wait != 0
           && ngx_http_openqoe_overload_full(NGX_HTTP_OPENQOE_DELAYED_POOL)
           && qoe_zone_crowded(ngx_http_openqoe_get_zone(mcf)->zone);
}


static ngx_uint_t
ngx_http_openqoe_overload_full(size_t bytes)
{
    return ngx_http_openqoe_overload_line.n >= NGX_HTTP_OPENQOE_DELAYED_MAX
           || ngx_http_openqoe_overload_line.bytes + bytes
              > NGX_HTTP_OPENQOE_DELAYED_BYTES;
}


/*
 * The body was read.  NGX_DECLINED: decode it now.  NGX_OK: the request waits,
 * and goes on by ngx_http_openqoe_events_run() or is refused.  NGX_BUSY: it
 * cannot wait, refuse it.
 */

ngx_int_t
ngx_http_openqoe_overload_park(ngx_http_request_t *r, uint64_t received_ns)
{
    size_t                         bytes;
    qoe_zone_t                    *zone;
    ngx_http_openqoe_delayed_t    *d;
    ngx_http_openqoe_loc_conf_t   *lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    zone = ngx_http_openqoe_get_zone(mcf)->zone;

    /* a worker that leaves takes what it can, and keeps none waiting */

    if (lcf->overload_wait == 0 || ngx_exiting || ngx_terminate
        || (ngx_http_openqoe_overload_line.n == 0
            && ngx_http_openqoe_overload_room(zone)))
    {
        return NGX_DECLINED;
    }

    bytes = ngx_http_openqoe_overload_bytes(r);

    if (ngx_http_openqoe_overload_full(bytes)) {
        return NGX_BUSY;
    }

    d = ngx_http_openqoe_wait_create(r, &ngx_http_openqoe_overload_line,
                                     sizeof(ngx_http_openqoe_delayed_t));
    if (d == NULL) {
        return NGX_BUSY;
    }

    d->wait.bytes = bytes;
    d->zone = zone;
    d->received_ns = received_ns;

    ngx_http_openqoe_count(r, QOE_COUNT_REQUESTS_DELAYED, 1);
    ngx_http_openqoe_wait_begin(&d->wait, lcf->overload_wait);

    return NGX_OK;
}


/* The memory that a request holds while it waits, its body above all. */

static size_t
ngx_http_openqoe_overload_bytes(ngx_http_request_t *r)
{
    size_t        bytes;
    ngx_chain_t  *cl;

    bytes = NGX_HTTP_OPENQOE_DELAYED_POOL;

    if (r->request_body == NULL) {
        return bytes;
    }

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        if (ngx_buf_in_memory(cl->buf)) {
            bytes += (size_t) (cl->buf->end - cl->buf->start);
        }
    }

    /* a body in a file has left the buffer through which it went */

    if (r->request_body->temp_file != NULL && r->request_body->buf != NULL) {
        bytes += (size_t) (r->request_body->buf->end
                           - r->request_body->buf->start);
    }

    return bytes;
}


/*
 * False: this worker is woken when a lane gets room.  It asks for that first
 * and looks once more after that, or a wake-up is missed.
 */

static ngx_uint_t
ngx_http_openqoe_overload_room(qoe_zone_t *zone)
{
    uint32_t  i, slot;

    if (!qoe_zone_crowded(zone)) {
        return 1;
    }

    slot = ngx_http_openqoe_ack_slot();

    if (slot == UINT32_MAX) {
        return 0;
    }

    for (i = 0; i < qoe_zone_lanes(zone); i++) {
        qoe_lane_wait(zone, i, slot);
    }

    return !qoe_zone_crowded(zone);
}


void
ngx_http_openqoe_overload_walk(void)
{
    ngx_http_openqoe_wait_line_walk(&ngx_http_openqoe_overload_line);
}


static ngx_uint_t
ngx_http_openqoe_overload_ready(ngx_http_openqoe_wait_t *w)
{
    return ngx_http_openqoe_overload_room(
                                   ((ngx_http_openqoe_delayed_t *) w)->zone);
}


static void
ngx_http_openqoe_overload_proceed(ngx_http_openqoe_wait_t *w, ngx_uint_t room)
{
    ngx_http_openqoe_delayed_t  *d;

    d = (ngx_http_openqoe_delayed_t *) w;

    if (room) {
        ngx_http_openqoe_events_run(w->r, d->received_ns);
        return;
    }

    ngx_http_finalize_request(w->r,
                     ngx_http_openqoe_overload_refuse(w->r, d->received_ns));
}


static void
ngx_http_openqoe_overload_left(ngx_http_openqoe_wait_t *w, ngx_uint_t gone)
{
    qoe_zone_count(((ngx_http_openqoe_delayed_t *) w)->zone,
                   (uint32_t) ngx_worker, QOE_COUNT_REQUESTS_DELAY_MS,
                   ngx_current_msec - w->since);
}


/* An answer for a request of which nothing was decoded. */

ngx_int_t
ngx_http_openqoe_overload_refuse(ngx_http_request_t *r, uint64_t received_ns)
{
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);

    ngx_http_openqoe_count(r, QOE_COUNT_REQUESTS_UNDECODED, 1);
    qoe_zone_refused(ngx_http_openqoe_get_zone(mcf)->zone, qoe_mono_ms());

    return ngx_http_openqoe_send_retry(r, "Server overload", 0, received_ns);
}
