
/*
 * Copyright (C) OpenQoE
 *
 * Private to ngx_http_openqoe_cmcd*.c of requests for media.
 */


#ifndef _NGX_HTTP_OPENQOE_CMCD_H_INCLUDED_
#define _NGX_HTTP_OPENQOE_CMCD_H_INCLUDED_


#include "ngx_http_openqoe.h"

#include "qoe_labels.h"


/* _cmcd_facts.c: what the server knows of a request that it has served */
void ngx_http_openqoe_cmcd_facts(ngx_http_request_t *r, qoe_request_t *q);
/* What the kernel knows of its connection, which costs a system call. */
void ngx_http_openqoe_cmcd_tcp(ngx_http_request_t *r, qoe_request_t *q);
/* The class of what was asked for by its content type, or by its name. */
qoe_cmcd_ot_t ngx_http_openqoe_cmcd_content(ngx_http_request_t *r);
/* The path of the URI as it was sent, and what follows its first "?". */
qoe_span_t ngx_http_openqoe_cmcd_path(ngx_http_request_t *r,
    qoe_span_t *query);

/* _cmcd_log.c: is the request to be logged, a share of a million? */
ngx_uint_t ngx_http_openqoe_cmcd_logs(const qoe_request_t *q,
    const qoe_hash_key_t *key, ngx_uint_t share);
/* The attributes that only a log has. */
void ngx_http_openqoe_cmcd_log_make(ngx_http_request_t *r,
    const qoe_cmcd_t *set, const qoe_request_t *q, qoe_labels_t *out);


#endif /* _NGX_HTTP_OPENQOE_CMCD_H_INCLUDED_ */
