
/*
 * Copyright (C) OpenQoE
 *
 * The stats as Prometheus text.  A collection of many series takes longer than
 * an event loop may be blocked: so it is made and rendered in slices, with a
 * turn of the loop between them, into a chain of buffers, and is sent when its
 * length is known.
 */


#include "ngx_http_openqoe_stats.h"

#include <time.h>


#define NGX_HTTP_OPENQOE_SCRAPES     2       /* at a time, per worker */
#define NGX_HTTP_OPENQOE_SLICE_NS    2000000
#define NGX_HTTP_OPENQOE_STEP_US     1000
#define NGX_HTTP_OPENQOE_HOLD_MS     60000

/*
 * A client that has not read its answer after this time may lose its place to
 * another client.
 */
#define NGX_HTTP_OPENQOE_SLOW_MS     5000

#define NGX_HTTP_OPENQOE_CHUNK       65536   /* about so many bytes */
#define NGX_HTTP_OPENQOE_CHUNK_MAX   (1024 * 1024)


/* A piece of the text; buf of the last has next NULL. */

typedef struct ngx_http_openqoe_chunk_s  ngx_http_openqoe_chunk_t;

struct ngx_http_openqoe_chunk_s {
    qoe_buf_t                  buf;
    ngx_http_openqoe_chunk_t  *next;
};


typedef struct {
    ngx_http_request_t         *r;
    ngx_event_t                 event;
    qoe_prom_format_t           format;

    qoe_governor_t              governor;
    qoe_conf_t                  conf;
    qoe_collect_t              *collect;     /* freed when all is rendered */
    ngx_uint_t                  collected;   /* collect is complete */
    qoe_prom_t                  prom;

    ngx_http_openqoe_chunk_t   *chunks;
    ngx_http_openqoe_chunk_t  **last;
    off_t                       length;
    ngx_msec_t                  sent;        /* when sending began */
    ngx_uint_t                  sending;
} ngx_http_openqoe_scrape_t;


static ngx_http_openqoe_scrape_t **ngx_http_openqoe_scrape_place(void);
static void ngx_http_openqoe_scrape_give_up(ngx_http_openqoe_scrape_t *s);
static ngx_int_t ngx_http_openqoe_scrape_busy(ngx_http_request_t *r);
static void ngx_http_openqoe_scrape_wait(ngx_http_openqoe_scrape_t *s);
static void ngx_http_openqoe_scrape_event(ngx_event_t *ev);
static void ngx_http_openqoe_scrape_next(ngx_http_openqoe_scrape_t *s);
static qoe_status_t ngx_http_openqoe_scrape_slice(
    ngx_http_openqoe_scrape_t *s);
static qoe_status_t ngx_http_openqoe_scrape_render(
    ngx_http_openqoe_scrape_t *s);
static ngx_http_openqoe_chunk_t *ngx_http_openqoe_scrape_chunk(
    ngx_http_openqoe_scrape_t *s);
static ngx_int_t ngx_http_openqoe_scrape_send(ngx_http_openqoe_scrape_t *s);
static void ngx_http_openqoe_scrape_end(void *data);
static void ngx_http_openqoe_scrape_free(void *data);
static uint64_t ngx_http_openqoe_mono_ns(void);


static const struct {
    const char  *type;
    size_t       len;                        /* without parameters */
} ngx_http_openqoe_prom_types[] = {
    { "text/plain; version=0.0.4; charset=utf-8",
      sizeof("text/plain") - 1 },
    { "application/openmetrics-text; version=1.0.0; charset=utf-8",
      sizeof("application/openmetrics-text") - 1 }
};


/* The scrapes of this process; NULL: a free place. */

static ngx_http_openqoe_scrape_t
    *ngx_http_openqoe_scrapes[NGX_HTTP_OPENQOE_SCRAPES];


ngx_int_t
ngx_http_openqoe_scrape(ngx_http_request_t *r, qoe_prom_format_t format)
{
    qoe_status_t                   rc;
    ngx_pool_cleanup_t            *cln;
    ngx_http_openqoe_zone_t       *z;
    ngx_http_openqoe_scrape_t     *s, **place;
    ngx_http_openqoe_main_conf_t  *mcf;

    place = ngx_http_openqoe_scrape_place();

    if (place == NULL) {
        return ngx_http_openqoe_scrape_busy(r);
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    z = ngx_http_openqoe_get_zone(mcf);

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_openqoe_scrape_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (s == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *place = s;

    cln->handler = ngx_http_openqoe_scrape_free;
    cln->data = s;

    s->r = r;
    s->format = format;
    s->last = &s->chunks;
    s->conf = mcf->qoe;

    qoe_governor_init(&s->governor, z->state.govern, s->conf.dims,
                      ngx_http_openqoe_self());

    s->collect = qoe_collect_create(&z->state, &s->conf, &s->governor,
                                    QOE_COLLECT_READ,
                                    s->conf.groups|QOE_GROUP_STATS,
                                    qoe_unix_ns(), &qoe_mem_heap);
    if (s->collect == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_openqoe_scrape_slice(s);

    if (rc == QOE_OK) {
        return ngx_http_openqoe_scrape_send(s);
    }

    if (rc != QOE_AGAIN) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_openqoe_scrape_wait(s);

    return s->event.data != NULL ? NGX_DONE : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/*
 * A free place, or that of the client that has been slow for longest: clients
 * that do not read must not lock out the others until send_timeout.
 */

static ngx_http_openqoe_scrape_t **
ngx_http_openqoe_scrape_place(void)
{
    ngx_uint_t                   i;
    ngx_msec_t                   age, oldest;
    ngx_http_openqoe_scrape_t   *s, **slow;

    slow = NULL;
    oldest = NGX_HTTP_OPENQOE_SLOW_MS;

    for (i = 0; i < NGX_HTTP_OPENQOE_SCRAPES; i++) {
        s = ngx_http_openqoe_scrapes[i];

        if (s == NULL) {
            return &ngx_http_openqoe_scrapes[i];
        }

        age = s->sending ? ngx_current_msec - s->sent : 0;

        if (age >= oldest) {
            oldest = age;
            slow = &ngx_http_openqoe_scrapes[i];
        }
    }

    if (slow != NULL) {
        ngx_http_openqoe_scrape_give_up(*slow);
        *slow = NULL;
    }

    return slow;
}


/* Ends the connection in this turn of the loop, as send_timeout would. */

static void
ngx_http_openqoe_scrape_give_up(ngx_http_openqoe_scrape_t *s)
{
    ngx_event_t       *wev;
    ngx_connection_t  *c;

    c = s->r->connection;
    wev = c->write;

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "openqoe: a client that reads its metrics slowly is closed "
                  "to make room for another client");

    wev->timedout = 1;
    ngx_post_event(wev, &ngx_posted_events);
}


static ngx_int_t
ngx_http_openqoe_scrape_busy(ngx_http_request_t *r)
{
    static ngx_str_t  retry_after = ngx_string("1");

    if (ngx_http_openqoe_header(r, "Retry-After", retry_after) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_openqoe_fail(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                 "Too many scrapes at a time", NULL);
}


/* Leaves the rest to events.  s->event.data stays NULL: no memory. */

static void
ngx_http_openqoe_scrape_wait(ngx_http_openqoe_scrape_t *s)
{
    ngx_http_cleanup_t  *cln;
    ngx_http_request_t  *r;

    r = s->r;

    /* not a cleanup of the pool, which may run long after the request ends */

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return;
    }

    cln->handler = ngx_http_openqoe_scrape_end;
    cln->data = s;

    s->event.handler = ngx_http_openqoe_scrape_event;
    s->event.data = s;
    s->event.log = r->connection->log;

    r->main->count++;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (r == r->main && !r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }

    ngx_http_openqoe_scrape_next(s);
}


static void
ngx_http_openqoe_scrape_event(ngx_event_t *ev)
{
    ngx_int_t                   rc;
    qoe_status_t                status;
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_openqoe_scrape_t  *s;

    s = ev->data;
    r = s->r;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    status = ngx_http_openqoe_scrape_slice(s);

    if (status == QOE_AGAIN) {
        ngx_http_openqoe_scrape_next(s);
        return;
    }

    ngx_http_openqoe_scrape_end(s);

    rc = (status == QOE_OK) ? ngx_http_openqoe_scrape_send(s)
                            : NGX_HTTP_INTERNAL_SERVER_ERROR;

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


/*
 * Goes on in the next turn of the loop.  A quitting worker exits as soon as no
 * timer is set, even if events are posted, so this timer keeps it alive until
 * the answer is made.
 */

static void
ngx_http_openqoe_scrape_next(ngx_http_openqoe_scrape_t *s)
{
    ngx_add_timer(&s->event, NGX_HTTP_OPENQOE_HOLD_MS);
    ngx_post_event(&s->event, &ngx_posted_next_events);
}


static qoe_status_t
ngx_http_openqoe_scrape_slice(ngx_http_openqoe_scrape_t *s)
{
    uint64_t      end;
    qoe_status_t  rc;

    end = ngx_http_openqoe_mono_ns() + NGX_HTTP_OPENQOE_SLICE_NS;

    do {
        if (!s->collected) {
            rc = qoe_collect_step(s->collect, NGX_HTTP_OPENQOE_STEP_US);

            if (rc == QOE_OK) {
                s->collected = 1;
                rc = QOE_AGAIN;
            }

        } else {
            rc = ngx_http_openqoe_scrape_render(s);
        }

        if (rc != QOE_AGAIN) {
            return rc;
        }

    } while (ngx_http_openqoe_mono_ns() < end);

    return QOE_AGAIN;
}


/* Renders the next buffer.  The collection is freed with the last one. */

static qoe_status_t
ngx_http_openqoe_scrape_render(ngx_http_openqoe_scrape_t *s)
{
    qoe_status_t               rc;
    ngx_http_openqoe_chunk_t  *chunk;

    chunk = ngx_http_openqoe_scrape_chunk(s);
    if (chunk == NULL) {
        return QOE_NOMEM;
    }

    rc = qoe_prom_step(&s->prom, s->collect, s->format, &chunk->buf,
                       NGX_HTTP_OPENQOE_CHUNK);

    s->length += (off_t) chunk->buf.len;

    if (rc == QOE_OK) {
        qoe_collect_destroy(s->collect);
        s->collect = NULL;
    }

    return rc;
}


static ngx_http_openqoe_chunk_t *
ngx_http_openqoe_scrape_chunk(ngx_http_openqoe_scrape_t *s)
{
    ngx_http_openqoe_chunk_t  *chunk;

    chunk = ngx_pcalloc(s->r->pool, sizeof(ngx_http_openqoe_chunk_t));
    if (chunk == NULL) {
        return NULL;
    }

    qoe_buf_init(&chunk->buf, &qoe_mem_heap, NGX_HTTP_OPENQOE_CHUNK_MAX);

    *s->last = chunk;
    s->last = &chunk->next;

    return chunk;
}


/* Returns what to finalize the request with. */

static ngx_int_t
ngx_http_openqoe_scrape_send(ngx_http_openqoe_scrape_t *s)
{
    ngx_int_t                  rc;
    ngx_buf_t                 *b;
    ngx_chain_t               *out, **next, *cl;
    ngx_http_request_t        *r;
    ngx_http_openqoe_chunk_t  *chunk;

    r = s->r;

    rc = ngx_http_openqoe_send_head(r, NGX_HTTP_OK, s->length,
                               ngx_http_openqoe_prom_types[s->format].type,
                               ngx_http_openqoe_prom_types[s->format].len);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out = NULL;
    next = &out;
    b = NULL;

    for (chunk = s->chunks; chunk != NULL; chunk = chunk->next) {

        /* nginx's writer takes an empty buffer in the middle for an error */

        if (chunk->buf.len == 0 && (chunk->next != NULL || b != NULL)) {
            continue;
        }

        b = ngx_calloc_buf(r->pool);
        cl = ngx_alloc_chain_link(r->pool);

        if (b == NULL || cl == NULL) {
            return NGX_ERROR;
        }

        b->pos = (u_char *) chunk->buf.data;
        b->last = b->pos + chunk->buf.len;
        b->memory = (chunk->buf.len != 0);

        cl->buf = b;
        cl->next = NULL;
        *next = cl;
        next = &cl->next;
    }

    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    s->sent = ngx_current_msec;
    s->sending = 1;

    return ngx_http_output_filter(r, out);
}


/* The answer is made, or the request ends, perhaps by its client. */

static void
ngx_http_openqoe_scrape_end(void *data)
{
    ngx_http_openqoe_scrape_t  *s = data;

    if (s->event.timer_set) {
        ngx_del_timer(&s->event);
    }

    if (s->event.posted) {
        ngx_delete_posted_event(&s->event);
    }
}


static void
ngx_http_openqoe_scrape_free(void *data)
{
    ngx_uint_t                  i;
    ngx_http_openqoe_chunk_t   *chunk;
    ngx_http_openqoe_scrape_t  *s = data;

    for (chunk = s->chunks; chunk != NULL; chunk = chunk->next) {
        qoe_buf_free(&chunk->buf);
    }

    if (s->collect != NULL) {
        qoe_collect_destroy(s->collect);
    }

    /* the place may belong to another scrape by now */

    for (i = 0; i < NGX_HTTP_OPENQOE_SCRAPES; i++) {
        if (ngx_http_openqoe_scrapes[i] == s) {
            ngx_http_openqoe_scrapes[i] = NULL;
        }
    }
}


static uint64_t
ngx_http_openqoe_mono_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}
