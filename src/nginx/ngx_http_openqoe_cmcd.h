
/*
 * Copyright (C) OpenQoE
 *
 * Requests for media: openqoe_cmcd, openqoe_cmcd_log and openqoe_cmsd.
 */


#ifndef _NGX_HTTP_OPENQOE_CMCD_H_INCLUDED_
#define _NGX_HTTP_OPENQOE_CMCD_H_INCLUDED_


#include "ngx_http_openqoe.h"

#include "qoe_labels.h"


/* Where a location looks for CMCD. */
#define NGX_HTTP_OPENQOE_CMCD_QUERY    1
#define NGX_HTTP_OPENQOE_CMCD_HEADERS  2


/* _cmcd_conf.c: directives */
char *ngx_http_openqoe_cmcd(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_openqoe_cmcd_log(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_cmsd(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_openqoe_cmcd_merge(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, ngx_http_openqoe_loc_conf_t *prev,
    ngx_http_openqoe_loc_conf_t *conf);

/* _cmcd.c: requests for media, in the log phase */
ngx_int_t ngx_http_openqoe_cmcd_init(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf);
void ngx_http_openqoe_cmcd_exit(void);

/*
 * _tap.c: puts a request into the tap of a lane; media: it counts in metrics of
 * requests.  ignored has what was left out of its CMCD by reason, NULL: there
 * was none.  A full tap does without it, and counts that.
 */
void ngx_http_openqoe_tap(ngx_http_openqoe_zone_t *z, uint32_t lane,
    const qoe_request_t *q, ngx_uint_t media, const uint32_t *ignored,
    qoe_span_t log);
/* The lane for what belongs to no session. */
uint32_t ngx_http_openqoe_tap_lane(const qoe_zone_t *zone);
/* Counts, by reason, what was left out; the sum. */
uint64_t ngx_http_openqoe_tap_ignored(qoe_zone_t *zone,
    const uint32_t *ignored);

/* _tcp.c: TCP_INFO of the connection of a request */
typedef struct {
    double                    rtt_ms;        /* NAN: not measured */
    double                    etp_kbps;      /* NAN: not known */
    double                    busy_ms;       /* with sending, but for waits for
                                                a client that does not read;
                                                NAN: not known */
    uint32_t                  retransmits;   /* both of the connection, ever */
} ngx_http_openqoe_tcp_t;

ngx_int_t ngx_http_openqoe_tcp(ngx_http_request_t *r,
    ngx_http_openqoe_tcp_t *tcp);
/*
 * Makes busy_ms and retransmits those since the last call for a request of the
 * connection.  With the first call busy_ms is NAN.
 */
void ngx_http_openqoe_tcp_delta(ngx_http_request_t *r,
    ngx_http_openqoe_tcp_t *tcp);

/* _cmsd.c */
ngx_int_t ngx_http_openqoe_cmsd_init(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf);

/*
 * _attribute.c: as ngx_http_openqoe_attributes() for the events of a batch;
 * fills the empty texts of the request.
 */
qoe_status_t ngx_http_openqoe_attributes_request(ngx_http_request_t *r,
    ngx_array_t *attributes, const ngx_array_t *sources, qoe_request_t *q,
    qoe_arena_t *arena);
/* Copies a value into the arena as valid UTF-8, cut at its longest. */
qoe_status_t ngx_http_openqoe_attribute_text(qoe_span_t *out,
    ngx_str_t *value, qoe_arena_t *arena);

/* _cmcd_facts.c: what the server knows of a request that it has served */
void ngx_http_openqoe_cmcd_facts(ngx_http_request_t *r, qoe_request_t *q);
/* What the kernel knows of its connection, which costs a system call. */
void ngx_http_openqoe_cmcd_tcp(ngx_http_request_t *r, qoe_request_t *q);
/* The time since the request began, as $request_time. */
ngx_msec_t ngx_http_openqoe_cmcd_elapsed(const ngx_http_request_t *r);
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
