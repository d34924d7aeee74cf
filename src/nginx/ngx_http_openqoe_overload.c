
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

/* What the requests hold that one turn of the event loop goes on with. */
#define NGX_HTTP_OPENQOE_DELAYED_TURN   (256 * 1024)

/* A helper that dies wakes no worker, and a worker may have no waiter slot. */
#define NGX_HTTP_OPENQOE_DELAYED_LOOK   20


typedef struct {
    ngx_queue_t                  queue;      /* while it waits */
    ngx_http_request_t          *r;

    /* ident must be after 3 pointers, as a connection's fd: debug logs */

    ngx_int_t                    ident;

    qoe_zone_t                  *zone;
    uint64_t                     received_ns;
    ngx_msec_t                   since;
    size_t                       bytes;
    ngx_uint_t                   waits;
    ngx_event_t                  timer;
} ngx_http_openqoe_delayed_t;


static ngx_uint_t ngx_http_openqoe_overload_full(size_t bytes);
static size_t ngx_http_openqoe_overload_bytes(ngx_http_request_t *r);
static ngx_http_openqoe_delayed_t *ngx_http_openqoe_overload_create(
    ngx_http_request_t *r, qoe_zone_t *zone, uint64_t received_ns);
static ngx_uint_t ngx_http_openqoe_overload_room(qoe_zone_t *zone);
static void ngx_http_openqoe_overload_look(ngx_event_t *ev);
static void ngx_http_openqoe_overload_late(ngx_event_t *ev);
static void ngx_http_openqoe_overload_end(ngx_http_openqoe_delayed_t *d,
    ngx_uint_t room);
static void ngx_http_openqoe_overload_unlink(void *data);


/* One process, event loop thread. */

static struct {
    ngx_queue_t       waiting;               /* in the order of arrival */
    ngx_uint_t        n;
    size_t            bytes;
    ngx_event_t       look;                  /* as a timer */
    ngx_event_t       turn;                  /* as a posted event */
    ngx_connection_t  dummy;                 /* of both, for debug logs */
} ngx_http_openqoe_overload;


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


/* A single process keeps what waits over a reload. */

void
ngx_http_openqoe_overload_init(ngx_cycle_t *cycle)
{
    if (ngx_http_openqoe_overload.waiting.next == NULL) {
        ngx_queue_init(&ngx_http_openqoe_overload.waiting);
    }

    ngx_http_openqoe_overload.dummy.fd = (ngx_socket_t) -1;

    ngx_http_openqoe_overload.look.handler = ngx_http_openqoe_overload_look;
    ngx_http_openqoe_overload.look.data = &ngx_http_openqoe_overload.dummy;
    ngx_http_openqoe_overload.look.log = cycle->log;

    ngx_http_openqoe_overload.turn.handler = ngx_http_openqoe_overload_look;
    ngx_http_openqoe_overload.turn.data = &ngx_http_openqoe_overload.dummy;
    ngx_http_openqoe_overload.turn.log = cycle->log;
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
    return ngx_http_openqoe_overload.n >= NGX_HTTP_OPENQOE_DELAYED_MAX
           || ngx_http_openqoe_overload.bytes + bytes
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
    qoe_zone_t                    *zone;
    ngx_http_openqoe_delayed_t    *d;
    ngx_http_openqoe_loc_conf_t   *lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    zone = ngx_http_openqoe_get_zone(mcf)->zone;

    /* a worker that leaves takes what it can, and keeps none waiting */

    if (lcf->overload_wait == 0 || ngx_exiting || ngx_terminate
        || (ngx_queue_empty(&ngx_http_openqoe_overload.waiting)
            && ngx_http_openqoe_overload_room(zone)))
    {
        return NGX_DECLINED;
    }

    if (ngx_http_openqoe_overload_full(ngx_http_openqoe_overload_bytes(r))) {
        return NGX_BUSY;
    }

    d = ngx_http_openqoe_overload_create(r, zone, received_ns);

    if (d == NULL) {
        return NGX_BUSY;
    }

    ngx_add_timer(&d->timer, lcf->overload_wait);

    if (!ngx_http_openqoe_overload.look.timer_set) {
        ngx_add_timer(&ngx_http_openqoe_overload.look,
                      NGX_HTTP_OPENQOE_DELAYED_LOOK);
    }

    ngx_http_openqoe_count(r, QOE_COUNT_REQUESTS_DELAYED, 1);

    ngx_http_openqoe_suspend(r);

    return NGX_OK;
}


/* The request is in the queue of those that wait, and leaves it at its end. */

static ngx_http_openqoe_delayed_t *
ngx_http_openqoe_overload_create(ngx_http_request_t *r, qoe_zone_t *zone,
    uint64_t received_ns)
{
    ngx_http_cleanup_t          *cln;
    ngx_http_openqoe_delayed_t  *d;

    d = ngx_pcalloc(r->pool, sizeof(ngx_http_openqoe_delayed_t));
    if (d == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_openqoe_overload_unlink;
    cln->data = d;

    d->r = r;
    d->ident = -1;
    d->zone = zone;
    d->received_ns = received_ns;
    d->since = ngx_current_msec;
    d->bytes = ngx_http_openqoe_overload_bytes(r);
    d->waits = 1;
    d->timer.handler = ngx_http_openqoe_overload_late;
    d->timer.data = d;
    d->timer.log = r->connection->log;

    ngx_queue_insert_tail(&ngx_http_openqoe_overload.waiting, &d->queue);
    ngx_http_openqoe_overload.n++;
    ngx_http_openqoe_overload.bytes += d->bytes;

    return d;
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


/* Decoding is work: after some of it the other connections have their turn. */

void
ngx_http_openqoe_overload_walk(void)
{
    size_t                       done;
    ngx_queue_t                 *q;
    ngx_http_openqoe_delayed_t  *d;

    done = 0;

    while (!ngx_queue_empty(&ngx_http_openqoe_overload.waiting)) {

        q = ngx_queue_head(&ngx_http_openqoe_overload.waiting);
        d = ngx_queue_data(q, ngx_http_openqoe_delayed_t, queue);

        if (!ngx_http_openqoe_overload_room(d->zone)) {
            return;
        }

        if (done >= NGX_HTTP_OPENQOE_DELAYED_TURN) {
            ngx_post_event(&ngx_http_openqoe_overload.turn,
                           &ngx_posted_next_events);
            return;
        }

        done += d->bytes;
        ngx_http_openqoe_overload_end(d, 1);
    }
}


static void
ngx_http_openqoe_overload_look(ngx_event_t *ev)
{
    ngx_http_openqoe_overload_walk();

    if (!ngx_queue_empty(&ngx_http_openqoe_overload.waiting)
        && !ngx_http_openqoe_overload.look.timer_set)
    {
        ngx_add_timer(&ngx_http_openqoe_overload.look,
                      NGX_HTTP_OPENQOE_DELAYED_LOOK);
    }
}


static void
ngx_http_openqoe_overload_late(ngx_event_t *ev)
{
    ngx_http_openqoe_delayed_t  *d;

    d = ev->data;

    ngx_http_openqoe_overload_end(d, !qoe_zone_crowded(d->zone));
}


/*
 * Runs from a timer or an eventfd, not from the request's own events, so its
 * posted requests must be run here.
 */

static void
ngx_http_openqoe_overload_end(ngx_http_openqoe_delayed_t *d, ngx_uint_t room)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    ngx_http_openqoe_overload_unlink(d);

    r = d->r;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);
    r->read_event_handler = ngx_http_block_reading;

    if (room) {
        ngx_http_openqoe_events_run(r, d->received_ns);

    } else {
        ngx_http_finalize_request(r,
                    ngx_http_openqoe_overload_refuse(r, d->received_ns));
    }

    ngx_http_run_posted_requests(c);
}


/* Also when the client has gone. */

static void
ngx_http_openqoe_overload_unlink(void *data)
{
    ngx_http_openqoe_delayed_t  *d = data;

    if (!d->waits) {
        return;
    }

    d->waits = 0;
    ngx_queue_remove(&d->queue);
    ngx_http_openqoe_overload.n--;
    ngx_http_openqoe_overload.bytes -= d->bytes;

    qoe_zone_count(d->zone, (uint32_t) ngx_worker, QOE_COUNT_REQUESTS_DELAY_MS,
                   ngx_current_msec - d->since);

    if (d->timer.timer_set) {
        ngx_del_timer(&d->timer);
    }
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
