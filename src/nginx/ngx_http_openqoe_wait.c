
/*
 * Copyright (C) OpenQoE
 *
 * Lets requests wait without blocking.  A line holds the requests of this
 * worker that wait for the same kind of thing.  A request leaves its line
 * once: when that thing has come, when its time is over, or when the request
 * ends because its client is gone.  In the first two cases it proceeds; in the
 * last it gets no answer.
 *
 * An exiting worker keeps its lines: nginx waits for the connections, and the
 * timer of each request bounds that wait.
 */


#include "ngx_http_openqoe.h"


static void ngx_http_openqoe_wait_line_event(ngx_event_t *ev);
static void ngx_http_openqoe_wait_line_look(ngx_http_openqoe_wait_line_t *line);
static void ngx_http_openqoe_wait_late(ngx_event_t *ev);
static void ngx_http_openqoe_wait_end(ngx_http_openqoe_wait_t *w,
    ngx_uint_t ready);
static void ngx_http_openqoe_wait_gone(void *data);
static void ngx_http_openqoe_wait_leave(ngx_http_openqoe_wait_t *w,
    ngx_uint_t gone);


/* The number of requests of this process that wait, by what they wait for. */

static ngx_uint_t  ngx_http_openqoe_waiting[QOE_WAITS];


/* Runs again when a single process reloads: must keep waiting requests. */

void
ngx_http_openqoe_wait_line_init(ngx_http_openqoe_wait_line_t *line,
    ngx_log_t *log, ngx_msec_t look)
{
    if (line->queue.next == NULL) {
        ngx_queue_init(&line->queue);
    }

    line->look = look;
    line->dummy.fd = (ngx_socket_t) -1;
    line->dummy.data = line;

    line->timer.handler = ngx_http_openqoe_wait_line_event;
    line->timer.data = &line->dummy;
    line->timer.log = log;

    line->turn.handler = ngx_http_openqoe_wait_line_event;
    line->turn.data = &line->dummy;
    line->turn.log = log;
}


/*
 * A request that proceeds may end other requests of the line (those of the
 * same HTTP/2 connection), or add requests to it.  Both are safe, because the
 * next request is always the head of a separate queue.
 */

void
ngx_http_openqoe_wait_line_walk(ngx_http_openqoe_wait_line_t *line)
{
    size_t                    done;
    ngx_queue_t              *q, todo;
    ngx_http_openqoe_wait_t  *w;

    if (ngx_queue_empty(&line->queue)) {
        return;
    }

    ngx_queue_init(&todo);
    ngx_queue_add(&todo, &line->queue);
    ngx_queue_init(&line->queue);

    done = 0;

    while (!ngx_queue_empty(&todo)) {

        q = ngx_queue_head(&todo);
        w = ngx_queue_data(q, ngx_http_openqoe_wait_t, queue);

        if (line->max_turn != 0 && done >= line->max_turn) {
            ngx_post_event(&line->turn, &ngx_posted_next_events);
            break;
        }

        if (line->ready(w)) {
            done += w->bytes;
            ngx_http_openqoe_wait_end(w, 1);
            continue;
        }

        if (line->ordered) {
            break;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&line->queue, q);
    }

    if (!ngx_queue_empty(&todo)) {
        ngx_queue_add(&line->queue, &todo);
    }
}


static void
ngx_http_openqoe_wait_line_event(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_http_openqoe_wait_line_t  *line;

    c = ev->data;
    line = c->data;

    ngx_http_openqoe_wait_line_walk(line);
    ngx_http_openqoe_wait_line_look(line);
}


static void
ngx_http_openqoe_wait_line_look(ngx_http_openqoe_wait_line_t *line)
{
    if (line->look != 0 && !ngx_queue_empty(&line->queue)
        && !line->timer.timer_set)
    {
        ngx_add_timer(&line->timer, line->look);
    }
}


/*
 * Prepares a request to wait: allocates size zeroed bytes, which begin with an
 * ngx_http_openqoe_wait_t.  NULL: no memory.
 */

void *
ngx_http_openqoe_wait_create(ngx_http_request_t *r,
    ngx_http_openqoe_wait_line_t *line, size_t size)
{
    ngx_http_cleanup_t       *cln;
    ngx_http_openqoe_wait_t  *w;

    w = ngx_pcalloc(r->pool, size);
    if (w == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_openqoe_wait_gone;
    cln->data = w;

    w->r = r;
    w->ident = -1;
    w->line = line;
    w->timer.handler = ngx_http_openqoe_wait_late;
    w->timer.data = w;
    w->timer.log = r->connection->log;

    return w;
}


/*
 * Called in place of finalizing the request.  Until the request leaves the
 * line it only notices, as with limit_req, that its client goes away.
 */

void
ngx_http_openqoe_wait_begin(ngx_http_openqoe_wait_t *w, ngx_msec_t time)
{
    ngx_event_t              *rev;
    ngx_http_request_t       *r;
    ngx_http_openqoe_wait_line_t  *line;

    r = w->r;
    line = w->line;

    w->waits = 1;
    w->since = ngx_current_msec;
    ngx_queue_insert_tail(&line->queue, &w->queue);
    line->n++;
    ngx_http_openqoe_ack_waiting(line->what,
                                 ++ngx_http_openqoe_waiting[line->what]);
    line->bytes += w->bytes;

    ngx_add_timer(&w->timer, time);
    ngx_http_openqoe_wait_line_look(line);

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


static void
ngx_http_openqoe_wait_late(ngx_event_t *ev)
{
    ngx_http_openqoe_wait_t  *w = ev->data;

    ngx_http_openqoe_wait_end(w, w->line->ready(w));
}


/*
 * Runs from a timer or an eventfd, not from the request's own events, so its
 * posted requests must be run here.
 */

static void
ngx_http_openqoe_wait_end(ngx_http_openqoe_wait_t *w, ngx_uint_t ready)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    ngx_http_openqoe_wait_leave(w, 0);

    r = w->r;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);
    r->read_event_handler = ngx_http_block_reading;

    w->line->proceed(w, ready);

    ngx_http_run_posted_requests(c);
}


/* The request ends while it waits, because its client is gone. */

static void
ngx_http_openqoe_wait_gone(void *data)
{
    ngx_http_openqoe_wait_t  *w = data;

    if (w->waits) {
        ngx_http_openqoe_wait_leave(w, 1);
    }
}


static void
ngx_http_openqoe_wait_leave(ngx_http_openqoe_wait_t *w, ngx_uint_t gone)
{
    ngx_http_openqoe_wait_line_t  *line;

    line = w->line;

    w->waits = 0;
    ngx_queue_remove(&w->queue);
    line->n--;
    ngx_http_openqoe_ack_waiting(line->what,
                                 --ngx_http_openqoe_waiting[line->what]);
    line->bytes -= w->bytes;

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    line->left(w, gone);
}
