
/*
 * Copyright (C) OpenQoE
 *
 * Takes events from the bytes of a body to their lanes: decodes, orders and
 * packs them, puts them into the queue, and wakes the helpers.  No answer is
 * made here, so that any input of events can use it.
 */


#include "ngx_http_openqoe.h"

#include <stdlib.h>


/*
 * The memory that decoding may take for each byte of the body, as much as JSON
 * needs at worst.  A body that needs more is refused as an attack, and not
 * taken for a shortage of memory.
 */
#define NGX_HTTP_OPENQOE_ARENA_RATIO 64
#define NGX_HTTP_OPENQOE_ARENA_MIN   (1024 * 1024)
#define NGX_HTTP_OPENQOE_ATTRIBUTE_ROOM  512 /* in an event's record */
#define NGX_HTTP_OPENQOE_BLOCK       (64 * 1024)


static qoe_arena_t *ngx_http_openqoe_arena(ngx_http_openqoe_submit_t *s,
    size_t len);
static qoe_status_t ngx_http_openqoe_meta(ngx_http_openqoe_submit_t *s,
    qoe_record_meta_t *meta, const char *marker);
static qoe_status_t ngx_http_openqoe_pack(ngx_http_openqoe_submit_t *s,
    qoe_record_meta_t *meta, qoe_put_t *puts);
static void *ngx_http_openqoe_malloc(void *ctx, size_t size);
static void ngx_http_openqoe_free(void *ctx, void *p);


/*
 * The arena of all bodies: each of them is processed without returning to the
 * event loop, so only one of them uses it at a time.  When it is reset, it
 * keeps a block for the next body.
 */

static struct {
    qoe_arena_t  arena;
    qoe_mem_t    mem;
} ngx_http_openqoe_scratch;


void
ngx_http_openqoe_submit_init(ngx_http_openqoe_submit_t *s,
    ngx_http_request_t *r, uint64_t received_ns)
{
    /* the batch is large, and the decoder clears it; a put fills ends */

    ngx_memzero(s, offsetof(ngx_http_openqoe_submit_t, batch));

    s->r = r;
    s->received_ns = received_ns;
    s->mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    s->lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    s->zone = ngx_http_openqoe_get_zone(s->mcf)->zone;
}


qoe_status_t
ngx_http_openqoe_submit_decode(ngx_http_openqoe_submit_t *s, qoe_span_t body)
{
    qoe_batch_t        *batch;
    qoe_status_t        rc;
    qoe_hash_key_t      key;
    qoe_decode_conf_t   conf;

    conf.max_events = s->lcf->max_events;
    conf.max_age_ms = s->mcf->max_age;
    conf.max_ahead_ms = s->mcf->max_ahead;
    conf.types = s->mcf->types.elts;
    conf.ntypes = s->mcf->types.nelts;
    conf.sources = s->mcf->sources.elts;
    conf.nsources = s->mcf->sources.nelts;

    batch = &s->batch;
    s->arena = ngx_http_openqoe_arena(s, body.len);

    rc = s->lcf->input->decode(s, body, &conf);

    if (rc != QOE_OK && rc != QOE_INVALID) {

        /* decoding was given up, so no event counts as judged */

        batch->nevents = batch->total;
        batch->events = NULL;
        return rc;
    }

    s->invalid = batch->total - batch->nevents;

    if (rc != QOE_OK) {
        return rc;
    }

    key = qoe_zone_hash_key(s->zone);

    return qoe_batch_limit_sessions(batch, s->lcf->max_sessions, &key,
                                    s->arena, &s->over);
}


qoe_status_t
ngx_http_openqoe_submit_put(ngx_http_openqoe_submit_t *s, const char *marker)
{
    uint64_t            wake[QOE_LANES_MAX / 64];
    qoe_put_t          *puts;
    qoe_status_t        rc;
    qoe_record_meta_t   meta;

    if (s->batch.nevents == 0) {
        return QOE_OK;
    }

    if (s->lcf->ack != QOE_ACK_MEMORY && qoe_spool_any_failing(s->zone)) {
        s->unstorable = 1;
        return QOE_BUSY;
    }

    puts = qoe_arena_alloc(s->arena, s->batch.nevents * sizeof(qoe_put_t));
    if (puts == NULL) {
        return QOE_NOMEM;
    }

    rc = ngx_http_openqoe_meta(s, &meta, marker);
    if (rc != QOE_OK) {
        return rc;
    }

    rc = ngx_http_openqoe_pack(s, &meta, puts);
    if (rc != QOE_OK) {
        return rc;
    }

    ngx_memzero(wake, sizeof(wake));

    rc = qoe_zone_put(s->zone, ngx_http_openqoe_self(), (uint32_t) ngx_worker,
                      puts, s->batch.nevents, s->lcf->ack, s->ends, wake);

    if (rc == QOE_OK) {
        ngx_http_openqoe_zone_wake(ngx_http_openqoe_get_zone(s->mcf), wake);
    }

    return rc;
}


void
ngx_http_openqoe_submit_end(ngx_http_openqoe_submit_t *s)
{
    if (s->arena != NULL) {
        qoe_arena_reset(s->arena);
    }
}


void
ngx_http_openqoe_submit_exit(void)
{
    qoe_arena_free(&ngx_http_openqoe_scratch.arena);
}


/* Sets what all records of the request have in common. */

static qoe_status_t
ngx_http_openqoe_meta(ngx_http_openqoe_submit_t *s, qoe_record_meta_t *meta,
    const char *marker)
{
    meta->received_ns = s->received_ns;
    meta->marker = (marker != NULL) ? (qoe_span_t) { marker, QOE_UUID_TEXT_LEN }
                                    : qoe_span_null;
    meta->attrs = NULL;
    meta->nattrs = 0;

    return (s->lcf->attributes != NULL)
           ? ngx_http_openqoe_attributes(s->r, s->lcf->attributes, &s->batch,
                                         meta, s->arena)
           : QOE_OK;
}


/*
 * Packs the events into records, and finds the lane of each.  They are put in
 * the order of the client's clock, because the metrics are made in that order,
 * unless the input has an order of its own.
 */

static qoe_status_t
ngx_http_openqoe_pack(ngx_http_openqoe_submit_t *s, qoe_record_meta_t *meta,
    qoe_put_t *puts)
{
    size_t               i;
    qoe_event_t         *ev, **order;
    qoe_status_t         rc;
    qoe_record_parts_t   parts;

    order = NULL;

    if (!s->lcf->input->in_order) {
        rc = qoe_batch_order(&order, &s->batch, s->arena);
        if (rc != QOE_OK) {
            return rc;
        }
    }

    for (i = 0; i < s->batch.nevents; i++) {

        ev = order != NULL ? order[i] : &s->batch.events[i];
        ngx_http_openqoe_uuid(meta->uid, s->received_ns / 1000000);

        rc = qoe_record_pack(&parts, ev, meta, s->arena);

        if (rc != QOE_OK) {
            return rc;
        }

        puts[i].head = parts.head;
        puts[i].body = parts.body;
        puts[i].kind = QOE_KIND_EVENT;
        puts[i].lane = qoe_zone_lane_of(s->zone,
                                        ev->field[QOE_FIELD_ORG_ID].v.string,
                                        ev->field[QOE_FIELD_SESSION_ID]
                                            .v.string);
    }

    return QOE_OK;
}


/* Returns the arena, with the limit for a body of len bytes. */

static qoe_arena_t *
ngx_http_openqoe_arena(ngx_http_openqoe_submit_t *s, size_t len)
{
    size_t        added, max;
    qoe_mem_t    *mem;
    qoe_arena_t  *arena;

    /*
     * Each event takes at least two bytes of the body, and the configuration
     * adds to each record.
     */

    added = sizeof(qoe_event_t)
            + s->mcf->sources.nelts * (sizeof(qoe_named_t) + QOE_SOURCE_LEN);

    if (s->lcf->attributes != NULL) {
        added += s->lcf->attributes->nelts * NGX_HTTP_OPENQOE_ATTRIBUTE_ROOM;
    }

    max = len * NGX_HTTP_OPENQOE_ARENA_RATIO + NGX_HTTP_OPENQOE_ARENA_MIN
          + qoe_min(len / 2, s->lcf->max_events) * added;

    arena = &ngx_http_openqoe_scratch.arena;
    mem = &ngx_http_openqoe_scratch.mem;

    mem->ctx = &s->nomem;

    if (arena->mem == NULL) {
        mem->alloc = ngx_http_openqoe_malloc;
        mem->free = ngx_http_openqoe_free;
        qoe_arena_init(arena, mem, NGX_HTTP_OPENQOE_BLOCK, 0);
    }

    arena->max = qoe_max(max, (size_t) 2 * NGX_HTTP_OPENQOE_BLOCK);

    return arena;
}


/* Sets nomem, which distinguishes a shortage from the limit of the arena. */

static void *
ngx_http_openqoe_malloc(void *ctx, size_t size)
{
    void        *p;
    ngx_uint_t  *nomem = ctx;

    p = malloc(size);

    if (p == NULL) {
        *nomem = 1;
    }

    return p;
}


static void
ngx_http_openqoe_free(void *ctx, void *p)
{
    (void) ctx;
    free(p);
}
