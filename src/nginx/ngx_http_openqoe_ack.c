
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_ack spool and fsync: a request is parked until its events are
 * stored.  Helpers write the spool; they wake a worker through the eventfd of
 * its waiter slot, once for all that is parked there.
 *
 * A parked request holds a lane position or some, and what its answer tells:
 * body and decoded events are gone.
 */


#include "ngx_http_openqoe.h"

#include "qoe_failpoint.h"

#include <ngx_channel.h>


#define NGX_HTTP_OPENQOE_UNSTORED   "Events queued, but not stored in time"
#define NGX_HTTP_OPENQOE_LOOK_MS     10      /* without a waiter slot */


/* The lane must be stored up to there. */

typedef struct {
    uint32_t                      lane;
    uint64_t                      pos;
} ngx_http_openqoe_stored_t;


struct ngx_http_openqoe_parked_s {
    ngx_queue_t                   queue;     /* while parked */
    ngx_http_request_t           *r;

    /* ident must be after 3 pointers, as a connection's fd: debug logs */

    ngx_int_t                     ident;

    qoe_zone_t                   *zone;
    qoe_ack_t                     ack;
    ngx_uint_t                    parked;
    ngx_event_t                   timer;
    ngx_http_openqoe_answer_t     answer;

    ngx_uint_t                    n;         /* of lanes that are not */
    ngx_http_openqoe_stored_t     lane[];
};


static ngx_uint_t ngx_http_openqoe_ack_stored(ngx_http_openqoe_parked_t *p);
static void ngx_http_openqoe_ack_event(ngx_event_t *ev);
static void ngx_http_openqoe_ack_look(ngx_event_t *ev);
static void ngx_http_openqoe_ack_walk(void);
static void ngx_http_openqoe_ack_late(ngx_event_t *ev);
static void ngx_http_openqoe_ack_gone(void *data);
static void ngx_http_openqoe_ack_unlink(ngx_http_openqoe_parked_t *p);
static void ngx_http_openqoe_ack_answer(ngx_http_openqoe_parked_t *p,
    ngx_uint_t stored);


/* One process, event loop thread. */

static struct {
    ngx_queue_t       parked;                /* in the order of arrival */
    qoe_zone_t       *zone;                  /* of the slot */
    uint32_t          slot;                  /* UINT32_MAX: has none */
    ngx_event_t       look;
    ngx_connection_t  dummy;                 /* of look, for debug logs */
} ngx_http_openqoe_ack;


/*
 * A single process goes on with its event loop over a reload, other than its
 * zone: it looks by itself, as a worker does that finds no slot.
 */

void
ngx_http_openqoe_ack_init(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf)
{
    uint32_t                  slot;
    ngx_http_openqoe_zone_t  *z;

    if (ngx_http_openqoe_ack.parked.next == NULL) {
        ngx_queue_init(&ngx_http_openqoe_ack.parked);
    }

    ngx_http_openqoe_ack.slot = UINT32_MAX;
    ngx_http_openqoe_ack.dummy.fd = (ngx_socket_t) -1;
    ngx_http_openqoe_ack.look.handler = ngx_http_openqoe_ack_look;
    ngx_http_openqoe_ack.look.data = &ngx_http_openqoe_ack.dummy;
    ngx_http_openqoe_ack.look.log = cycle->log;

    if ((!mcf->ack_used && !mcf->overload_used)
        || ngx_process == NGX_PROCESS_SINGLE)
    {
        return;
    }

    z = ngx_http_openqoe_get_zone(mcf);
    slot = qoe_waiter_take(z->zone, ngx_http_openqoe_self(), z->waiters);

    if (slot == UINT32_MAX) {
        return;
    }

    /* level-triggered; as nginx's own channel it keeps no worker alive */

    if (ngx_add_channel_event(cycle, z->waiter_fd[slot], NGX_READ_EVENT,
                              ngx_http_openqoe_ack_event)
        != NGX_OK)
    {
        qoe_waiter_give(z->zone, slot);
        return;
    }

    ngx_http_openqoe_ack.zone = z->zone;
    ngx_http_openqoe_ack.slot = slot;
}


uint32_t
ngx_http_openqoe_ack_slot(void)
{
    return ngx_http_openqoe_ack.slot;
}


void
ngx_http_openqoe_ack_exit(void)
{
    if (ngx_http_openqoe_ack.zone != NULL) {
        qoe_waiter_give(ngx_http_openqoe_ack.zone, ngx_http_openqoe_ack.slot);
        ngx_http_openqoe_ack.zone = NULL;
        ngx_http_openqoe_ack.slot = UINT32_MAX;
    }
}


/*
 * All that parking needs of memory, had before the events are queued.  n:
 * events.  NULL: no memory.
 */

ngx_http_openqoe_parked_t *
ngx_http_openqoe_ack_create(ngx_http_request_t *r, size_t n)
{
    size_t                         lanes;
    ngx_http_cleanup_t            *cln;
    ngx_http_openqoe_parked_t     *p;
    ngx_http_openqoe_loc_conf_t   *lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);

    lanes = ngx_min(n, ngx_http_openqoe_get_zone(mcf)->lanes);

    p = ngx_pcalloc(r->pool, sizeof(ngx_http_openqoe_parked_t)
                             + lanes * sizeof(ngx_http_openqoe_stored_t));
    if (p == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_openqoe_ack_gone;
    cln->data = p;

    p->r = r;
    p->ident = -1;
    p->zone = ngx_http_openqoe_get_zone(mcf)->zone;
    p->ack = lcf->ack;
    p->timer.handler = ngx_http_openqoe_ack_late;
    p->timer.data = p;
    p->timer.log = r->connection->log;

    return p;
}


/*
 * The events were queued up to ends, of qoe_zone_put().  Answers, now or when
 * they are stored; in place of finalizing the request.
 */

void
ngx_http_openqoe_ack_park(ngx_http_openqoe_parked_t *p, const uint64_t *ends,
    const ngx_http_openqoe_answer_t *answer)
{
    uint32_t                      i;
    ngx_http_request_t           *r;
    ngx_http_openqoe_loc_conf_t  *lcf;

    r = p->r;
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    p->answer = *answer;

    for (i = 0; i < qoe_zone_lanes(p->zone); i++) {
        if (ends[i] != 0) {
            p->lane[p->n].lane = i;
            p->lane[p->n].pos = ends[i];
            p->n++;
        }
    }

    (void) qoe_failpoint("ack.park");

    /* who called has the request in its hands, and runs what this may post */

    if (ngx_http_openqoe_ack_stored(p)) {
        ngx_http_finalize_request(r, ngx_http_openqoe_send_accepted(r,
                                                                &p->answer));
        return;
    }

    p->parked = 1;
    ngx_queue_insert_tail(&ngx_http_openqoe_ack.parked, &p->queue);
    ngx_add_timer(&p->timer, lcf->ack_timeout);

    if (ngx_http_openqoe_ack.slot == UINT32_MAX
        && !ngx_http_openqoe_ack.look.timer_set)
    {
        ngx_add_timer(&ngx_http_openqoe_ack.look, NGX_HTTP_OPENQOE_LOOK_MS);
    }

    ngx_http_openqoe_suspend(r);
}


void
ngx_http_openqoe_suspend(ngx_http_request_t *r)
{
    ngx_event_t  *rev;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


/*
 * Forgets the lanes that are stored; true when all are.  Of the others it asks
 * to be woken first, and looks after that.
 */

static ngx_uint_t
ngx_http_openqoe_ack_stored(ngx_http_openqoe_parked_t *p)
{
    ngx_uint_t                  i;
    ngx_http_openqoe_stored_t  *s;

    for (i = 0; i < p->n; /* void */ ) {

        s = &p->lane[i];

        if (!qoe_lane_acked(p->zone, s->lane, s->pos, p->ack)) {

            if (ngx_http_openqoe_ack.slot != UINT32_MAX) {
                qoe_lane_wait(p->zone, s->lane, ngx_http_openqoe_ack.slot);
            }

            if (!qoe_lane_acked(p->zone, s->lane, s->pos, p->ack)) {
                i++;
                continue;
            }
        }

        *s = p->lane[--p->n];
    }

    return p->n == 0;
}


static void
ngx_http_openqoe_ack_event(ngx_event_t *ev)
{
    uint64_t           n;
    ngx_connection_t  *c;

    c = ev->data;

    /* who owned the slot before may be meant: nothing depends on it */

    if (read(c->fd, &n, sizeof(n)) == -1 && ngx_errno != NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno,
                      "openqoe: read() of an eventfd failed");
    }

    ngx_http_openqoe_ack_walk();
    ngx_http_openqoe_overload_walk();
}


static void
ngx_http_openqoe_ack_look(ngx_event_t *ev)
{
    ngx_http_openqoe_ack_walk();

    if (!ngx_queue_empty(&ngx_http_openqoe_ack.parked) && !ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_OPENQOE_LOOK_MS);
    }
}


/*
 * An answer may end other requests, of the same HTTP/2 connection: first all
 * that can be answered are set apart, then each is taken out for itself.
 */

static void
ngx_http_openqoe_ack_walk(void)
{
    ngx_queue_t                *q, *next, stored;
    ngx_http_openqoe_parked_t  *p;

    ngx_queue_init(&stored);

    for (q = ngx_queue_head(&ngx_http_openqoe_ack.parked);
         q != ngx_queue_sentinel(&ngx_http_openqoe_ack.parked);
         q = next)
    {
        next = ngx_queue_next(q);
        p = ngx_queue_data(q, ngx_http_openqoe_parked_t, queue);

        if (ngx_http_openqoe_ack_stored(p)) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&stored, q);
        }
    }

    while (!ngx_queue_empty(&stored)) {
        p = ngx_queue_data(ngx_queue_head(&stored), ngx_http_openqoe_parked_t,
                           queue);
        ngx_http_openqoe_ack_answer(p, 1);
    }
}


/* openqoe_ack_timeout: the events stay where they are. */

static void
ngx_http_openqoe_ack_late(ngx_event_t *ev)
{
    ngx_http_openqoe_parked_t  *p;

    p = ev->data;

    if (ngx_http_openqoe_ack_stored(p)) {
        ngx_http_openqoe_ack_answer(p, 1);
        return;
    }

    qoe_zone_count(p->zone, (uint32_t) ngx_worker, QOE_COUNT_EVENTS_UNCONFIRMED,
                   p->answer.accepted);
    qoe_zone_count(p->zone, (uint32_t) ngx_worker,
                   QOE_COUNT_REQUESTS_UNCONFIRMED, 1);
    qoe_zone_refused(p->zone, qoe_mono_ms());

    ngx_http_openqoe_ack_answer(p, 0);
}


/* The request ends: if it was parked, without an answer. */

static void
ngx_http_openqoe_ack_gone(void *data)
{
    ngx_http_openqoe_parked_t  *p = data;

    if (!p->parked) {
        return;
    }

    ngx_http_openqoe_ack_unlink(p);

    qoe_zone_count(p->zone, (uint32_t) ngx_worker, QOE_COUNT_EVENTS_UNCONFIRMED,
                   p->answer.accepted);
}


static void
ngx_http_openqoe_ack_unlink(ngx_http_openqoe_parked_t *p)
{
    if (!p->parked) {
        return;
    }

    p->parked = 0;
    ngx_queue_remove(&p->queue);

    if (p->timer.timer_set) {
        ngx_del_timer(&p->timer);
    }
}


/* Of an event that is not the request's own: nobody else has it in hand. */

static void
ngx_http_openqoe_ack_answer(ngx_http_openqoe_parked_t *p, ngx_uint_t stored)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    ngx_http_openqoe_ack_unlink(p);

    r = p->r;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);
    r->read_event_handler = ngx_http_block_reading;

    rc = stored ? ngx_http_openqoe_send_accepted(r, &p->answer)
                : ngx_http_openqoe_send_retry(r, NGX_HTTP_OPENQOE_UNSTORED,
                                              p->answer.accepted,
                                              p->answer.received_ns);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}
