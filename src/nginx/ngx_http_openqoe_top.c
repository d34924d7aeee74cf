
/*
 * Copyright (C) OpenQoE
 *
 * The lists of the live page.  They are made in slices between turns of the
 * event loop, only after a client has asked, and so seldom that they take
 * at most a twentieth of a worker's time; until new ones are complete the
 * last ones are shown, unless these are old.
 */


#include "ngx_http_openqoe_stats.h"


#define NGX_HTTP_OPENQOE_TOP_US      500     /* a slice */
#define NGX_HTTP_OPENQOE_TOP_FIRST_US  2000
#define NGX_HTTP_OPENQOE_TOP_MS      2000    /* between two lists, at least */
#define NGX_HTTP_OPENQOE_TOP_PART    20
#define NGX_HTTP_OPENQOE_TOP_OLD_MS  10000   /* after new ones were due */


typedef struct {
    ngx_cycle_t  *cycle;                     /* NULL: not in use */
    qoe_top_t    *top;                       /* complete, or NULL */
    qoe_top_t    *next;                      /* being made, or NULL */
    ngx_msec_t    due;                       /* of the next one */
    ngx_msec_t    slices;                    /* of the one being made */
    ngx_uint_t    made;
    ngx_event_t   event;
} ngx_http_openqoe_top_t;


static void ngx_http_openqoe_top_begin(ngx_http_openqoe_main_conf_t *mcf);
static void ngx_http_openqoe_top_slice(uint64_t budget_us);
static void ngx_http_openqoe_top_event(ngx_event_t *ev);
static void ngx_http_openqoe_top_free(void *data);


static ngx_http_openqoe_top_t  ngx_http_openqoe_tops;


void
ngx_http_openqoe_top_look(ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_msec_int_t           late;
    ngx_pool_cleanup_t      *cln;
    ngx_http_openqoe_top_t  *t;

    t = &ngx_http_openqoe_tops;

    /* a reload in single-process mode has made a new cycle, and its zone */

    if (t->cycle != mcf->cycle) {

        cln = ngx_pool_cleanup_add(mcf->cycle->pool, 0);
        if (cln == NULL) {
            return;
        }

        ngx_http_openqoe_top_free(t->cycle);

        cln->handler = ngx_http_openqoe_top_free;
        cln->data = mcf->cycle;

        t->cycle = mcf->cycle;
    }

    if (t->next != NULL) {
        return;
    }

    late = (ngx_msec_int_t) (ngx_current_msec - t->due);

    /*
     * A page compares with the first lists that it gets: those that were made
     * for another one, some time ago, would make all since then new to it.
     */

    if (t->top != NULL && late >= NGX_HTTP_OPENQOE_TOP_OLD_MS) {
        qoe_top_destroy(t->top);
        t->top = NULL;
    }

    if (t->top == NULL || late >= 0) {
        ngx_http_openqoe_top_begin(mcf);
    }
}


static void
ngx_http_openqoe_top_begin(ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_http_openqoe_top_t  *t;

    t = &ngx_http_openqoe_tops;

    t->next = qoe_top_create(&ngx_http_openqoe_get_zone(mcf)->state,
                             mcf->qoe.dims, &qoe_mem_heap);
    if (t->next == NULL) {
        return;
    }

    t->slices = 0;
    t->event.handler = ngx_http_openqoe_top_event;
    t->event.data = t;
    t->event.log = ngx_cycle->log;

    /* few series are listed at once, for the answer that is being made */

    ngx_http_openqoe_top_slice(t->top == NULL ? NGX_HTTP_OPENQOE_TOP_FIRST_US
                                              : NGX_HTTP_OPENQOE_TOP_US);
}


static void
ngx_http_openqoe_top_slice(uint64_t budget_us)
{
    ngx_msec_t               pause;
    qoe_status_t             rc;
    ngx_http_openqoe_top_t  *t;

    t = &ngx_http_openqoe_tops;

    rc = qoe_top_step(t->next, budget_us);
    t->slices++;

    if (rc == QOE_AGAIN) {
        ngx_post_event(&t->event, &ngx_posted_next_events);
        return;
    }

    if (rc == QOE_OK) {
        qoe_top_destroy(t->top);
        t->top = t->next;
        t->made++;

    } else {
        qoe_top_destroy(t->next);
    }

    t->next = NULL;

    pause = t->slices * NGX_HTTP_OPENQOE_TOP_US * NGX_HTTP_OPENQOE_TOP_PART
            / 1000;
    t->due = ngx_current_msec + ngx_max(pause, NGX_HTTP_OPENQOE_TOP_MS);
}


static void
ngx_http_openqoe_top_event(ngx_event_t *ev)
{
    ngx_http_openqoe_top_slice(NGX_HTTP_OPENQOE_TOP_US);
    (void) ev;
}


/* The cycle ends, or another one is in force. */

static void
ngx_http_openqoe_top_free(void *data)
{
    ngx_http_openqoe_top_t  *t;

    t = &ngx_http_openqoe_tops;

    if (data == NULL || t->cycle != data) {
        return;
    }

    if (t->event.posted) {
        ngx_delete_posted_event(&t->event);
    }

    qoe_top_destroy(t->top);
    qoe_top_destroy(t->next);

    ngx_memzero(t, sizeof(ngx_http_openqoe_top_t));
}


const qoe_top_t *
ngx_http_openqoe_top(ngx_http_openqoe_main_conf_t *mcf)
{
    return ngx_http_openqoe_tops.cycle == mcf->cycle
           ? ngx_http_openqoe_tops.top : NULL;
}


ngx_uint_t
ngx_http_openqoe_top_made(void)
{
    return ngx_http_openqoe_tops.made;
}
