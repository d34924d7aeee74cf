
/*
 * Copyright (C) OpenQoE
 *
 * The inputs of events, and the way from a body to the lanes that they share.
 * Part of ngx_http_openqoe.h.
 */


#ifndef _NGX_HTTP_OPENQOE_INPUT_H_INCLUDED_
#define _NGX_HTTP_OPENQOE_INPUT_H_INCLUDED_


typedef struct ngx_http_openqoe_submit_s  ngx_http_openqoe_submit_t;

/*
 * What clients may send to a location that takes events, and how they are
 * answered.  Everything else is the same for all inputs.
 */

struct ngx_http_openqoe_input_s {
    const char               *types[3];      /* of the body; NULL: no more */
    const char               *expected;      /* why another one is refused */
    ngx_uint_t                untyped;       /* the type may be absent */
    ngx_uint_t                in_order;      /* events are put as decoded */
    ngx_uint_t                empty;         /* the answers have no body */
    ngx_uint_t                overload_status;       /* the default */
    const char               *key;           /* an argument that may have the
                                                API key, or NULL */

    /* as ngx_http_openqoe_submit_decode(), but for the limit of sessions */
    qoe_status_t            (*decode)(ngx_http_openqoe_submit_t *s,
                                      qoe_span_t body,
                                      const qoe_decode_conf_t *conf);

    /* counts what the batch does not have; NULL: there is nothing more */
    void                    (*judged)(ngx_http_openqoe_submit_t *s);
};

extern const ngx_http_openqoe_input_t  ngx_http_openqoe_json_input;
extern const ngx_http_openqoe_input_t  ngx_http_openqoe_cmcd_input;


/*
 * _submit.c: takes the events of a body to their lanes, all of them or none.
 * A submission is on the stack, and does not outlive a turn of the event loop.
 */
struct ngx_http_openqoe_submit_s {
    ngx_http_request_t            *r;        /* for variables */
    ngx_http_openqoe_main_conf_t  *mcf;
    ngx_http_openqoe_loc_conf_t   *lcf;
    qoe_zone_t                    *zone;
    uint64_t                       received_ns;      /* Unix */

    qoe_arena_t                   *arena;
    ngx_uint_t                     nomem;    /* malloc() itself failed */
    ngx_uint_t                     unstorable;       /* the spool fails */
    size_t                         invalid;  /* events that break a rule */
    size_t                         over;     /* events of too many sessions */
    qoe_cmcd_events_t              reports;  /* of reports of CMCD */
    qoe_span_t                     org;      /* the same: their org_id */

    qoe_batch_t                    batch;
    uint64_t                       ends[QOE_LANES_MAX];
};

void ngx_http_openqoe_submit_init(ngx_http_openqoe_submit_t *s,
    ngx_http_request_t *r, uint64_t received_ns);
/*
 * Fills s->batch, whose texts point into body and the arena.  QOE_OK: at least
 * one event is valid, or all were reports of no session; QOE_INVALID: none is;
 * QOE_NOMEM: see nomem.
 */
qoe_status_t ngx_http_openqoe_submit_decode(ngx_http_openqoe_submit_t *s,
    qoe_span_t body);
/*
 * Queues the valid events and wakes the helpers.  marker has QOE_UUID_TEXT_LEN
 * bytes, or is NULL.  Returns and fills s->ends as qoe_zone_put() does; also
 * returns QOE_BUSY, and sets unstorable, if events must be stored while the
 * spool fails.
 */
qoe_status_t ngx_http_openqoe_submit_put(ngx_http_openqoe_submit_t *s,
    const char *marker);
/* Frees the texts of the batch. */
void ngx_http_openqoe_submit_end(ngx_http_openqoe_submit_t *s);
/* To be called at the end of the process. */
void ngx_http_openqoe_submit_exit(void);

/* _events.c */
ngx_int_t ngx_http_openqoe_events_handler(ngx_http_request_t *r);
/* Reads the body and continues. */
ngx_int_t ngx_http_openqoe_events_read(ngx_http_request_t *r);
/* Discards the body and refuses the request. */
ngx_int_t ngx_http_openqoe_events_discard(ngx_http_request_t *r);
/* Decodes the body, which was read, and answers. */
void ngx_http_openqoe_events_run(ngx_http_request_t *r, uint64_t received_ns);

/* _answer.c */
ngx_int_t ngx_http_openqoe_send_accepted(ngx_http_request_t *r,
    const ngx_http_openqoe_answer_t *answer);
ngx_int_t ngx_http_openqoe_send_retry(ngx_http_request_t *r,
    const char *message, size_t queued, uint64_t received_ns);
ngx_int_t ngx_http_openqoe_send_empty(ngx_http_request_t *r,
    qoe_counter_t counter);
void ngx_http_openqoe_errors(qoe_buf_t *b, const qoe_batch_t *batch);


#endif /* _NGX_HTTP_OPENQOE_INPUT_H_INCLUDED_ */
