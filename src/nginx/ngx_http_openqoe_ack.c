
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_ack spool and fsync: a request is parked until its events are
 * stored.  Helpers write the spool, and wake a worker through the eventfd of
 * its waiter slot, once for all requests that are parked there.
 *
 * A parked request holds only the lane positions that it waits for, and what
 * its answer needs: its body and the decoded events are freed.
 */


#include "ngx_http_openqoe.h"

#include "qoe_failpoint.h"

#include <ngx_channel.h>


#define NGX_HTTP_OPENQOE_UNSTORED   "Events queued, but not stored in time"
#define NGX_HTTP_OPENQOE_LOOK_MS     10      /* between looks, without slot */


/* The lane must be stored up to this position. */

typedef struct {
    uint32_t                      lane;
    uint64_t                      pos;
} ngx_http_openqoe_stored_t;


struct ngx_http_openqoe_parked_s {
    ngx_http_openqoe_wait_t       wait;      /* first: cast from it */

    qoe_zone_t                   *zone;
    qoe_ack_t                     ack;
    ngx_http_openqoe_answer_t     answer;

    ngx_uint_t                    n;         /* lanes not stored yet */
    ngx_http_openqoe_stored_t     lane[];
};


static ngx_uint_t ngx_http_openqoe_ack_stored(ngx_http_openqoe_wait_t *w);
static void ngx_http_openqoe_ack_event(ngx_event_t *ev);
static void ngx_http_openqoe_ack_answer(ngx_http_openqoe_wait_t *w,
    ngx_uint_t stored);
static void ngx_http_openqoe_ack_left(ngx_http_openqoe_wait_t *w,
    ngx_uint_t gone);


static ngx_http_openqoe_wait_line_t  ngx_http_openqoe_ack_line = {
    .what = QOE_WAIT_ACK,
    .ready = ngx_http_openqoe_ack_stored,
    .proceed = ngx_http_openqoe_ack_answer,
    .left = ngx_http_openqoe_ack_left
};


/* The waiter slot of this process; for the event loop's thread. */

static struct {
    qoe_zone_t       *zone;                  /* of the slot; NULL: no slot */
    uint32_t          own;                   /* the slot */
    uint32_t          slot;                  /* own, if its eventfd is
                                                watched; else UINT32_MAX */
} ngx_http_openqoe_ack;


/*
 * Takes a waiter slot for this worker.  A single process keeps its event loop
 * over a reload, but not its zone, so it polls instead, as a worker does that
 * finds no free slot.
 */

void
ngx_http_openqoe_ack_init(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf)
{
    uint32_t                  slot;
    ngx_http_openqoe_zone_t  *z;

    ngx_http_openqoe_ack_exit();

    ngx_http_openqoe_ack.slot = UINT32_MAX;
    ngx_http_openqoe_wait_line_init(&ngx_http_openqoe_ack_line, cycle->log,
                               NGX_HTTP_OPENQOE_LOOK_MS);

    if (!mcf->ack_used && !mcf->overload_used) {
        return;
    }

    z = ngx_http_openqoe_get_zone(mcf);
    slot = qoe_waiter_take(z->zone, ngx_http_openqoe_self(), z->waiters);

    if (slot == UINT32_MAX) {
        return;
    }

    ngx_http_openqoe_ack.zone = z->zone;
    ngx_http_openqoe_ack.own = slot;

    if (ngx_process == NGX_PROCESS_SINGLE) {
        return;
    }

    /* level-triggered; like nginx's own channel it keeps no worker alive */

    if (ngx_add_channel_event(cycle, z->waiter_fd[slot], NGX_READ_EVENT,
                              ngx_http_openqoe_ack_event)
        != NGX_OK)
    {
        return;
    }

    ngx_http_openqoe_ack.slot = slot;
    ngx_http_openqoe_ack_line.look = 0;
}


uint32_t
ngx_http_openqoe_ack_slot(void)
{
    return ngx_http_openqoe_ack.slot;
}


/* Notes for /v2/stats that n requests of this process wait for this. */

void
ngx_http_openqoe_ack_waiting(qoe_wait_t what, ngx_uint_t n)
{
    if (ngx_http_openqoe_ack.zone != NULL) {
        qoe_waiter_waiting(ngx_http_openqoe_ack.zone, ngx_http_openqoe_ack.own,
                           what, n);
    }
}


void
ngx_http_openqoe_ack_exit(void)
{
    if (ngx_http_openqoe_ack.zone != NULL) {
        qoe_waiter_give(ngx_http_openqoe_ack.zone, ngx_http_openqoe_ack.own);
        ngx_http_openqoe_ack.zone = NULL;
        ngx_http_openqoe_ack.slot = UINT32_MAX;
    }
}


/*
 * Allocates all that parking needs, before the events are queued, when the
 * request can still be refused.  n is the number of events.  NULL: no memory.
 */

ngx_http_openqoe_parked_t *
ngx_http_openqoe_ack_create(ngx_http_request_t *r, size_t n)
{
    size_t                         lanes;
    ngx_http_openqoe_parked_t     *p;
    ngx_http_openqoe_loc_conf_t   *lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);

    lanes = ngx_min(n, ngx_http_openqoe_get_zone(mcf)->lanes);

    p = ngx_http_openqoe_wait_create(r, &ngx_http_openqoe_ack_line,
                                     sizeof(ngx_http_openqoe_parked_t)
                                     + lanes
                                       * sizeof(ngx_http_openqoe_stored_t));
    if (p == NULL) {
        return NULL;
    }

    p->zone = ngx_http_openqoe_get_zone(mcf)->zone;
    p->ack = lcf->ack;

    return p;
}


/*
 * To be called in place of finalizing the request, after its events were
 * queued up to ends (of qoe_zone_put()).  Answers now, or when they are
 * stored.
 */

void
ngx_http_openqoe_ack_park(ngx_http_openqoe_parked_t *p, const uint64_t *ends,
    const ngx_http_openqoe_answer_t *answer)
{
    uint32_t                      i;
    ngx_http_request_t           *r;
    ngx_http_openqoe_loc_conf_t  *lcf;

    r = p->wait.r;
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

    /* the caller handles the request, and runs what this may post */

    if (ngx_http_openqoe_ack_stored(&p->wait)) {
        ngx_http_finalize_request(r, ngx_http_openqoe_send_accepted(r,
                                                                &p->answer));
        return;
    }

    ngx_http_openqoe_wait_begin(&p->wait, lcf->ack_timeout);
}


/*
 * Forgets the lanes that are stored; true when all are.  For each other lane
 * it asks to be woken before the last look, so that no wake-up is missed.
 */

static ngx_uint_t
ngx_http_openqoe_ack_stored(ngx_http_openqoe_wait_t *w)
{
    ngx_uint_t                  i;
    ngx_http_openqoe_parked_t  *p;
    ngx_http_openqoe_stored_t  *s;

    p = (ngx_http_openqoe_parked_t *) w;

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

    /* the count may be meant for the slot's last owner: it is not used */

    if (read(c->fd, &n, sizeof(n)) == -1 && ngx_errno != NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno,
                      "openqoe: read() of an eventfd failed");
    }

    ngx_http_openqoe_wait_line_walk(&ngx_http_openqoe_ack_line);
    ngx_http_openqoe_overload_walk();
}


/* After openqoe_ack_timeout the answer is 503; the events stay queued. */

static void
ngx_http_openqoe_ack_answer(ngx_http_openqoe_wait_t *w, ngx_uint_t stored)
{
    ngx_int_t                   rc;
    ngx_http_openqoe_parked_t  *p;

    p = (ngx_http_openqoe_parked_t *) w;

    if (stored) {
        rc = ngx_http_openqoe_send_accepted(w->r, &p->answer);

    } else {
        ngx_http_openqoe_count(w->r, QOE_COUNT_EVENTS_UNCONFIRMED,
                               p->answer.accepted);
        ngx_http_openqoe_count(w->r, QOE_COUNT_REQUESTS_UNCONFIRMED, 1);
        qoe_zone_refused(p->zone, qoe_mono_ms());

        rc = ngx_http_openqoe_send_retry(w->r, NGX_HTTP_OPENQOE_UNSTORED,
                                         p->answer.accepted,
                                         p->answer.received_ns);
    }

    ngx_http_finalize_request(w->r, rc);
}


static void
ngx_http_openqoe_ack_left(ngx_http_openqoe_wait_t *w, ngx_uint_t gone)
{
    ngx_http_openqoe_parked_t  *p;

    p = (ngx_http_openqoe_parked_t *) w;

    if (gone) {
        qoe_zone_count(p->zone, (uint32_t) ngx_worker,
                       QOE_COUNT_EVENTS_UNCONFIRMED, p->answer.accepted);
    }
}
