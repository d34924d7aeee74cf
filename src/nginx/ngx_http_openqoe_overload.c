
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_overload_wait: while the queue is nearly full, a request waits with
 * its undecoded body.  Decoding requests that are then refused would cost the
 * event loop the very CPU time that the helper thread needs to make room.
 *
 * The lane of an event is known only after decoding, so requests wait only
 * while all lanes are nearly full: one full lane must not stop the sessions of
 * the others.  If the lanes of a request then turn out to be full, it waits
 * once more, for those.  Requests proceed in the order in which they came.
 * They are woken through the waiter slot of ngx_http_openqoe_ack.c, and only
 * some of them proceed in one turn of the event loop.
 */


#include "ngx_http_openqoe.h"


/*
 * The most that waiting requests of a worker may hold, so that their memory
 * stays small.  Beyond that, requests wait before their body is read: a client
 * that is refused at once comes again at once, and reading and refusing its
 * body takes the time that the helper thread needs.
 */
#define NGX_HTTP_OPENQOE_DELAYED_MAX    1024
#define NGX_HTTP_OPENQOE_DELAYED_BYTES  (8 * 1024 * 1024)
#define NGX_HTTP_OPENQOE_UNREAD_MAX     2048
#define NGX_HTTP_OPENQOE_DELAYED_POOL   4096     /* pool of a request */

/*
 * What the requests hold that proceed in one turn of the event loop: decoding
 * is work, and other connections need their turns.
 */
#define NGX_HTTP_OPENQOE_DELAYED_TURN   (256 * 1024)

/*
 * Poll as well, in ms: a helper that dies wakes no worker, and a worker may
 * have no waiter slot.
 */
#define NGX_HTTP_OPENQOE_DELAYED_LOOK   20


/* The room that a request needs in a lane. */

typedef struct {
    uint32_t                     lane;
    uint64_t                     bytes;
} ngx_http_openqoe_need_t;


struct ngx_http_openqoe_delayed_s {
    ngx_http_openqoe_wait_t      wait;       /* first: cast from it */

    qoe_zone_t                  *zone;
    uint64_t                     received_ns;

    ngx_uint_t                   n;          /* 0: not decoded yet */
    ngx_http_openqoe_need_t      need[];
};


static ngx_http_openqoe_delayed_t *ngx_http_openqoe_overload_hold(
    ngx_http_request_t *r, ngx_http_openqoe_wait_line_t *line,
    uint64_t received_ns, ngx_uint_t n);
static ngx_http_openqoe_delayed_t *ngx_http_openqoe_overload_create(
    ngx_http_request_t *r, ngx_http_openqoe_wait_line_t *line, ngx_uint_t n);
static ngx_uint_t ngx_http_openqoe_overload_full(size_t bytes,
    ngx_uint_t read);
static size_t ngx_http_openqoe_overload_bytes(ngx_http_request_t *r);
static ngx_uint_t ngx_http_openqoe_overload_room(qoe_zone_t *zone);
static ngx_uint_t ngx_http_openqoe_overload_ready(ngx_http_openqoe_wait_t *w);
static ngx_uint_t ngx_http_openqoe_overload_fits(ngx_http_openqoe_wait_t *w);
static void ngx_http_openqoe_overload_proceed(ngx_http_openqoe_wait_t *w,
    ngx_uint_t room);
static void ngx_http_openqoe_overload_left(ngx_http_openqoe_wait_t *w,
    ngx_uint_t gone);
static ngx_uint_t ngx_http_openqoe_overload_place(ngx_http_openqoe_wait_t *w);
static void ngx_http_openqoe_overload_read(ngx_http_openqoe_wait_t *w,
    ngx_uint_t place);


static ngx_http_openqoe_wait_line_t  ngx_http_openqoe_overload_line = {
    .what = QOE_WAIT_ROOM,
    .ready = ngx_http_openqoe_overload_ready,
    .proceed = ngx_http_openqoe_overload_proceed,
    .left = ngx_http_openqoe_overload_left,
    .ordered = 1,
    .max_turn = NGX_HTTP_OPENQOE_DELAYED_TURN
};


/* Each request here waits for other lanes, so they may overtake each other. */

static ngx_http_openqoe_wait_line_t  ngx_http_openqoe_overload_again_line = {
    .what = QOE_WAIT_ROOM,
    .ready = ngx_http_openqoe_overload_fits,
    .proceed = ngx_http_openqoe_overload_proceed,
    .left = ngx_http_openqoe_overload_left,
    .max_turn = NGX_HTTP_OPENQOE_DELAYED_TURN
};


/* Requests whose body is not read, while the others hold all they may. */

static ngx_http_openqoe_wait_line_t  ngx_http_openqoe_overload_unread_line = {
    .what = QOE_WAIT_ROOM,
    .ready = ngx_http_openqoe_overload_place,
    .proceed = ngx_http_openqoe_overload_read,
    .left = ngx_http_openqoe_overload_left,
    .ordered = 1
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
    ngx_http_openqoe_wait_line_init(&ngx_http_openqoe_overload_line,
                                    cycle->log, NGX_HTTP_OPENQOE_DELAYED_LOOK);
    ngx_http_openqoe_wait_line_init(&ngx_http_openqoe_overload_again_line,
                                    cycle->log, NGX_HTTP_OPENQOE_DELAYED_LOOK);
    ngx_http_openqoe_wait_line_init(&ngx_http_openqoe_overload_unread_line,
                                    cycle->log, NGX_HTTP_OPENQOE_DELAYED_LOOK);
}


/*
 * Called before the body is read.  NGX_DECLINED: read it now; NGX_OK: the
 * request waits, and will proceed by ngx_http_openqoe_events_read() or be
 * refused; NGX_BUSY: refuse it.
 */

ngx_int_t
ngx_http_openqoe_overload_unread(ngx_http_request_t *r)
{
    ngx_http_openqoe_delayed_t    *d;
    ngx_http_openqoe_loc_conf_t   *lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);

    if (lcf->overload_wait == 0
        || !ngx_http_openqoe_overload_full(NGX_HTTP_OPENQOE_DELAYED_POOL, 0)
        || !qoe_zone_crowded(ngx_http_openqoe_get_zone(mcf)->zone))
    {
        return NGX_DECLINED;
    }

    /* nginx itself keeps what of the body an HTTP/2 client sends meanwhile */

    if (r->http_version >= NGX_HTTP_VERSION_20
        || ngx_http_openqoe_overload_unread_line.n
           >= NGX_HTTP_OPENQOE_UNREAD_MAX
        || ngx_exiting || ngx_terminate)
    {
        return NGX_BUSY;
    }

    d = ngx_http_openqoe_overload_create(r,
                                     &ngx_http_openqoe_overload_unread_line, 0);
    if (d == NULL) {
        return NGX_BUSY;
    }

    r->main->count++;
    ngx_http_openqoe_overload_begin(d);

    return NGX_OK;
}


/* Is there a place for the request with its body? */

static ngx_uint_t
ngx_http_openqoe_overload_place(ngx_http_openqoe_wait_t *w)
{
    off_t                      length;
    size_t                     bytes;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(w->r, ngx_http_core_module);
    length = w->r->headers_in.content_length_n;
    bytes = clcf->client_body_buffer_size;

    if (length >= 0 && length < (off_t) bytes) {
        bytes = (size_t) length;
    }

    return !ngx_http_openqoe_overload_full(bytes
                                           + NGX_HTTP_OPENQOE_DELAYED_POOL, 0);
}


static void
ngx_http_openqoe_overload_read(ngx_http_openqoe_wait_t *w, ngx_uint_t place)
{
    ngx_http_finalize_request(w->r,
                              place ? ngx_http_openqoe_events_read(w->r)
                                    : ngx_http_openqoe_events_discard(w->r));
}


/*
 * May no more requests wait with their bodies?  Those whose body has been read
 * (read) have twice the space: nginx was reading them when the space ran out.
 */

static ngx_uint_t
ngx_http_openqoe_overload_full(size_t bytes, ngx_uint_t read)
{
    ngx_http_openqoe_wait_line_t  *line, *again;

    line = &ngx_http_openqoe_overload_line;
    again = &ngx_http_openqoe_overload_again_line;

    return line->n + again->n >= NGX_HTTP_OPENQOE_DELAYED_MAX * (1 + read)
           || line->bytes + again->bytes + bytes
              > NGX_HTTP_OPENQOE_DELAYED_BYTES * (1 + read);
}


/*
 * Called when the body was read.  NGX_DECLINED: decode it now; NGX_OK: the
 * request waits, and will proceed by ngx_http_openqoe_events_run() or be
 * refused; NGX_BUSY: it cannot wait, refuse it.
 */

ngx_int_t
ngx_http_openqoe_overload_park(ngx_http_request_t *r, uint64_t received_ns)
{
    ngx_http_openqoe_delayed_t    *d;
    ngx_http_openqoe_loc_conf_t   *lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);

    /* an exiting worker accepts what it can, and lets no request wait */

    if (lcf->overload_wait == 0 || ngx_exiting || ngx_terminate
        || (ngx_http_openqoe_overload_line.n == 0
            && ngx_http_openqoe_overload_room(
                                     ngx_http_openqoe_get_zone(mcf)->zone)))
    {
        return NGX_DECLINED;
    }

    d = ngx_http_openqoe_overload_hold(r, &ngx_http_openqoe_overload_line,
                                       received_ns, 0);
    if (d == NULL) {
        return NGX_BUSY;
    }

    ngx_http_openqoe_overload_begin(d);

    return NGX_OK;
}


/*
 * For a request that found a lane full, although not all lanes were, or
 * because a burst filled it.  The decoded events would take too much memory,
 * so the request waits with its body until the lanes have the room that its
 * records need, and is decoded a second time.  There is no third time, so that
 * decoding costs at most twice as much.
 */

ngx_http_openqoe_delayed_t *
ngx_http_openqoe_overload_again(ngx_http_request_t *r, uint64_t received_ns,
    const uint64_t *needs)
{
    uint32_t                      i, lanes;
    ngx_uint_t                    n;
    ngx_http_openqoe_ctx_t       *ctx;
    ngx_http_openqoe_delayed_t   *d;
    ngx_http_openqoe_loc_conf_t  *lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_openqoe_module);
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);

    /* a worker that exits lets no request begin to wait, but wait on */

    if (lcf->overload_wait == 0 || ctx->again || ngx_terminate
        || (ngx_exiting && !ctx->delayed))
    {
        return NULL;
    }

    lanes = qoe_zone_lanes(ngx_http_openqoe_get_zone(mcf)->zone);

    for (i = 0, n = 0; i < lanes; i++) {
        n += (needs[i] != 0);
    }

    d = ngx_http_openqoe_overload_hold(r,
                                       &ngx_http_openqoe_overload_again_line,
                                       received_ns, n);
    if (d == NULL) {
        return NULL;
    }

    for (i = 0, n = 0; i < lanes; i++) {
        if (needs[i] != 0) {
            d->need[n].lane = i;
            d->need[n++].bytes = needs[i];
        }
    }

    ctx->again = 1;

    return d;
}


/* A request with its body.  NULL: as below, or there is no place for it. */

static ngx_http_openqoe_delayed_t *
ngx_http_openqoe_overload_hold(ngx_http_request_t *r,
    ngx_http_openqoe_wait_line_t *line, uint64_t received_ns, ngx_uint_t n)
{
    size_t                       bytes;
    ngx_http_openqoe_delayed_t  *d;

    bytes = ngx_http_openqoe_overload_bytes(r);

    if (ngx_http_openqoe_overload_full(bytes, 1)) {
        return NULL;
    }

    d = ngx_http_openqoe_overload_create(r, line, n);

    if (d != NULL) {
        d->wait.bytes = bytes;
        d->received_ns = received_ns;
        d->n = n;
    }

    return d;
}


/* With room for n needs.  NULL: no memory, or no time is left to wait. */

static ngx_http_openqoe_delayed_t *
ngx_http_openqoe_overload_create(ngx_http_request_t *r,
    ngx_http_openqoe_wait_line_t *line, ngx_uint_t n)
{
    ngx_http_openqoe_ctx_t        *ctx;
    ngx_http_openqoe_delayed_t    *d;
    ngx_http_openqoe_loc_conf_t   *lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_openqoe_module);
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);

    if (ctx->delayed
        && (ngx_msec_int_t) (ctx->delayed_until - ngx_current_msec) <= 0)
    {
        return NULL;
    }

    d = ngx_http_openqoe_wait_create(r, line,
                                sizeof(ngx_http_openqoe_delayed_t)
                                + n * sizeof(ngx_http_openqoe_need_t));
    if (d == NULL) {
        return NULL;
    }

    d->zone = ngx_http_openqoe_get_zone(mcf)->zone;

    if (!ctx->delayed) {
        ctx->delayed = 1;
        ctx->delayed_until = ngx_current_msec + lcf->overload_wait;
        ngx_http_openqoe_count(r, QOE_COUNT_REQUESTS_DELAYED, 1);
    }

    return d;
}


void
ngx_http_openqoe_overload_begin(ngx_http_openqoe_delayed_t *d)
{
    ngx_http_openqoe_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(d->wait.r, ngx_http_openqoe_module);

    ngx_http_openqoe_wait_begin(&d->wait,
                                ctx->delayed_until - ngx_current_msec);

    /* ask its lanes for wake-ups; one may have got room before that */

    if (d->n != 0 && ngx_http_openqoe_overload_fits(&d->wait)) {
        ngx_post_event(&ngx_http_openqoe_overload_again_line.turn,
                       &ngx_posted_next_events);
    }
}


/* The memory that a request holds while it waits, which is mostly its body. */

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

    /* the buffer through which a body in a file passed is still allocated */

    if (r->request_body->temp_file != NULL && r->request_body->buf != NULL) {
        bytes += (size_t) (r->request_body->buf->end
                           - r->request_body->buf->start);
    }

    return bytes;
}


/*
 * false: this worker will be woken when a lane has room.  It asks for that
 * before the last look, so that no wake-up is missed.
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
    ngx_http_openqoe_wait_line_walk(&ngx_http_openqoe_overload_again_line);
    ngx_http_openqoe_wait_line_walk(&ngx_http_openqoe_overload_line);
    ngx_http_openqoe_wait_line_walk(&ngx_http_openqoe_overload_unread_line);
}


static ngx_uint_t
ngx_http_openqoe_overload_ready(ngx_http_openqoe_wait_t *w)
{
    return ngx_http_openqoe_overload_room(
                                   ((ngx_http_openqoe_delayed_t *) w)->zone);
}


/* The same for a request whose needs are known: asks before the last look. */

static ngx_uint_t
ngx_http_openqoe_overload_fits(ngx_http_openqoe_wait_t *w)
{
    uint32_t                     slot;
    ngx_uint_t                   i;
    ngx_http_openqoe_need_t     *need;
    ngx_http_openqoe_delayed_t  *d;

    d = (ngx_http_openqoe_delayed_t *) w;
    slot = ngx_http_openqoe_ack_slot();

    for (i = 0; i < d->n; i++) {

        need = &d->need[i];

        if (qoe_lane_room(d->zone, need->lane) >= need->bytes) {
            continue;
        }

        if (slot == UINT32_MAX) {
            return 0;
        }

        qoe_lane_wait(d->zone, need->lane, slot);

        if (qoe_lane_room(d->zone, need->lane) < need->bytes) {
            return 0;
        }
    }

    return 1;
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


/*
 * Answers a request that was never decoded, or waited for its lanes in vain.
 * Its events are not counted.
 */

ngx_int_t
ngx_http_openqoe_overload_refuse(ngx_http_request_t *r, uint64_t received_ns)
{
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);

    ngx_http_openqoe_count(r, QOE_COUNT_REQUESTS_UNDECODED, 1);
    qoe_zone_refused(ngx_http_openqoe_get_zone(mcf)->zone, qoe_mono_ms());

    return ngx_http_openqoe_send_retry(r, "Server overload", 0, received_ns);
}
