
/*
 * Copyright (C) OpenQoE
 *
 * The nginx glue: the structures of the configuration, and what the files of
 * this room share.  No other room includes ngx_*.h.
 */


#ifndef _NGX_HTTP_OPENQOE_H_INCLUDED_
#define _NGX_HTTP_OPENQOE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "qoe_batch.h"
#include "qoe_cmcd.h"
#include "qoe_cmcd_events.h"
#include "qoe_core.h"
#include "qoe_buf.h"
#include "qoe_decode.h"
#include "qoe_dest.h"
#include "qoe_helper.h"
#include "qoe_prom.h"
#include "qoe_request.h"
#include "qoe_record.h"
#include "qoe_source.h"
#include "qoe_spool_info.h"
#include "qoe_state.h"
#include "qoe_top.h"
#include "qoe_transport.h"
#include "qoe_uuid.h"
#include "qoe_zone.h"


#define NGX_HTTP_OPENQOE_VERSION     "2.0.0"
#define NGX_HTTP_OPENQOE_SERVICE     "openQoE-worker"

#define NGX_HTTP_OPENQOE_KEY_LEN     32      /* SHA-256 */
#define NGX_HTTP_OPENQOE_HASH_LEN    16      /* hexadecimal digits */
#define NGX_HTTP_OPENQOE_JSON_MAX    (1024 * 1024)

/* Signals of an exporter: a bit for each stream (qoe_stream.h), and metrics. */
#define NGX_HTTP_OPENQOE_LOGS        (1 << QOE_STREAM_LOGS)
#define NGX_HTTP_OPENQOE_METRICS     (1 << QOE_STREAMS)
#define NGX_HTTP_OPENQOE_RECORDS     (NGX_HTTP_OPENQOE_METRICS - 1)

/* Converts an ngx_str_t for the other rooms. */
#define ngx_http_openqoe_span(s)                                              \
    ((qoe_span_t) { (const char *) (s).data, (s).len })

/* Is the byte c in the literal s?  A NUL is in none. */
#define ngx_http_openqoe_in(s, c)    (memchr(s, c, sizeof(s) - 1) != NULL)


/* The zone as a process sees it; freed when no cycle uses it any more. */

typedef struct {
    qoe_zone_t               *zone;
    qoe_state_t               state;         /* of its metrics */
    uint32_t                  lanes;
    int                      *lane_fd;       /* an eventfd a lane */
    uint32_t                  waiters;
    int                      *waiter_fd;     /* an eventfd a waiter slot */
    ngx_uint_t                refs;          /* cycles, in this process */
} ngx_http_openqoe_zone_t;


/*
 * An openqoe_exporter: where and how to export.  Complete when the
 * configuration has been read, except for the slots.
 */

/* Where a signal is sent, as configured. */

typedef struct {
    ngx_str_t                 url;           /* null: that of the logs */
    const char               *name;          /* what set it, for messages */
    ngx_uint_t                verbatim;      /* its own: append no path */
} ngx_http_openqoe_endpoint_t;


typedef struct {
    ngx_str_t                 name;

    /* slots in the zone, set by init; UINT32_MAX: it has none */
    uint32_t                  dest[QOE_STREAMS];
    uint32_t                  metrics_dest;  /* if it gets only metrics */

    ngx_uint_t                signals;
    ngx_uint_t                spool;         /* it uses the openqoe_spool */

    ngx_http_openqoe_endpoint_t  endpoint[QOE_SIGNALS];
    ngx_uint_t                protocol;      /* qoe_protocol_t */
    ngx_uint_t                gzip;
    size_t                    gzip_level;
    ngx_msec_t                interval;
    ngx_msec_t                metric_interval;
    ngx_msec_t                timeout;
    size_t                    batch_size;
    ngx_uint_t                ssl_verify;
    ngx_uint_t                drop_refused;  /* "refused drop" */
    ngx_uint_t                insecure;      /* scheme of a bare gRPC host */

    ngx_str_t                 ca_pem;
    ngx_str_t                 certificate_pem;
    ngx_str_t                 key_pem;

    ngx_array_t               headers;       /* qoe_header_t */
    ngx_array_t               resource;      /* qoe_attr_t */

    ngx_open_file_t          *file;          /* of a file:// endpoint */
    qoe_transport_conf_t      transport;

    uint32_t                  set;           /* bits: directives of the block */
    unsigned                  env_headers:1;
} ngx_http_openqoe_exporter_t;


typedef struct {
    ngx_cycle_t              *cycle;
    ngx_shm_zone_t           *shm_zone;
    const char               *used_by;       /* a directive that needs it */
    ngx_str_t                 edge;          /* complete after init */
    ngx_array_t               locations;     /* loc_conf_t *, of which numbers
                                                are made */
    u_char                    config_hash[NGX_HTTP_OPENQOE_HASH_LEN];

    ngx_array_t               exporters;     /* at least one after init */
    ngx_http_openqoe_exporter_t  *exporter;  /* the first of them */

    ngx_str_t                 spool;         /* directory; null: none */
    qoe_spool_conf_t          spool_conf;
    ngx_uint_t                ack_used;      /* a location waits for the
                                                spool */
    ngx_uint_t                overload_used; /* a location waits for room */
    ngx_uint_t                cmcd_used;     /* a location reads CMCD, */
    ngx_uint_t                cmcd_logged;   /* logs requests, or */
    ngx_uint_t                cmsd_used;     /* sends CMSD */
    uint64_t                 *lost;          /* shared by all processes */

    ngx_array_t               types;         /* qoe_custom_type_t */
    ngx_msec_t                drain_timeout;
    size_t                    helper_nice;
    uint64_t                  generation;    /* of the zone, set by init */
    ngx_msec_t                max_age;
    ngx_msec_t                max_ahead;

    qoe_conf_t                qoe;           /* complete after init */
    qoe_dimensions_t          dimensions;
    uint64_t                  dimensions_set;        /* bits: those that
                                                        have a directive */
    ngx_array_t               sources;       /* qoe_source_t */
    ngx_array_t               attributes;    /* ngx_str_t: free names */
    ngx_msec_t                view_timeout;
    ngx_msec_t                view_record;   /* 0: final records alone */
    ngx_msec_t                paused_timeout;
    ngx_msec_t                hidden_timeout;
    ngx_uint_t                traces_set;    /* openqoe_traces was read */
    ngx_msec_t                series_ttl;
    ngx_msec_t                series_birth;  /* 0: off */
    size_t                    max_new_values;
    size_t                    series_max;

    /* from the environment: the defaults of directives of locations */
    ngx_array_t              *env_keys;
    ngx_array_t              *env_origins;
    ngx_str_t                 env_domain;
    qoe_log_level_t           log_level;
} ngx_http_openqoe_main_conf_t;


typedef enum {
    NGX_HTTP_OPENQOE_NONE = 0,
    NGX_HTTP_OPENQOE_EVENTS,
    NGX_HTTP_OPENQOE_CMCD_EVENTS,
    NGX_HTTP_OPENQOE_HEALTH,
    NGX_HTTP_OPENQOE_STATS,
    NGX_HTTP_OPENQOE_PAGE
} ngx_http_openqoe_kind_e;


typedef struct ngx_http_openqoe_input_s  ngx_http_openqoe_input_t;


typedef struct {
    ngx_uint_t                kind;          /* of this location only */
    const ngx_http_openqoe_input_t  *input;  /* NULL: it takes no events */
    ngx_uint_t                gone;          /* it takes no reports any more */

    ngx_array_t              *keys;          /* of digests; NULL: open */
    ngx_array_t              *origins;       /* of ngx_str_t; NULL: none */
    ngx_array_t              *attributes;    /* NULL: none */
    ngx_flag_t                marker;
    ngx_str_t                 marker_domain;
    ngx_str_t                 marker_path;   /* safe inside a cookie */
    ngx_uint_t                strict;
    ngx_uint_t                overload_status;
    size_t                    max_events;
    size_t                    max_sessions;
    size_t                    max_inflated_size;
    ngx_uint_t                ack;           /* qoe_ack_t */
    ngx_msec_t                ack_timeout;
    ngx_msec_t                overload_wait; /* 0: off */

    /* of _cmcd*.c and _cmsd.c */
    ngx_uint_t                cmcd;          /* NGX_HTTP_OPENQOE_CMCD_* */
    ngx_uint_t                cmcd_log;      /* of a million sessions */
    ngx_http_complex_value_t *cmcd_org;      /* NULL: empty */
    ngx_uint_t                cmsd;
    ngx_str_t                 cmsd_name;
} ngx_http_openqoe_loc_conf_t;


typedef struct {
    qoe_span_t                json;          /* to send instead of the page */
    unsigned                  own:1;         /* this module answers */
    unsigned                  counted:1;     /* as a request to events */
    unsigned                  replaced:1;

    /* of _metrics.c */
    unsigned                  answered:1;
    unsigned                  ingested:1;    /* its events are counted */
    uint64_t                  receipt_ns;    /* monotonic; 0: not yet */
    size_t                    over;          /* events of sessions that are
                                                more than a request's */

    /* of _overload.c */
    unsigned                  delayed:1;     /* has waited for room */
    unsigned                  again:1;       /* and is decoded again */
    ngx_msec_t                delayed_until;

    unsigned                  marked:1;      /* the cookie is set */
    char                      marker[QOE_UUID_TEXT_LEN];

    ngx_msec_t                headed_ms;     /* when the header was sent, since
                                                the request; of _cmcd.c */

    u_char                   *ids;           /* org_id and player_id */
    size_t                    org_len;
    size_t                    player_len;
} ngx_http_openqoe_ctx_t;


typedef struct {
    u_char                    digest[NGX_HTTP_OPENQOE_KEY_LEN];
} ngx_http_openqoe_key_t;


/* The bytes of a request's body, without its Content-Encoding. */

typedef struct {
    qoe_span_t                bytes;
    void                     *heap;          /* to be freed, or NULL */
    const char               *error;         /* why there are none */
} ngx_http_openqoe_body_t;


extern ngx_module_t  ngx_http_openqoe_module;


/* _conf.c */
void *ngx_http_openqoe_create_main_conf(ngx_conf_t *cf);
char *ngx_http_openqoe_init_main_conf(ngx_conf_t *cf, void *conf);
ngx_int_t ngx_http_openqoe_preconfiguration(ngx_conf_t *cf);
ngx_int_t ngx_http_openqoe_postconfiguration(ngx_conf_t *cf);
void *ngx_http_openqoe_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_openqoe_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
char *ngx_http_openqoe_set_handler(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_cmcd_events(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* _set.c: a value of a directive; errors name directive and token */
typedef struct {
    uint64_t                  min;
    uint64_t                  max;
    const char               *text;          /* "a number from 1 to 10" */
} ngx_http_openqoe_range_t;

char *ngx_http_openqoe_set_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_set_number(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_set_time(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_set_enum(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_bad_value(ngx_conf_t *cf, const char *name,
    ngx_str_t *token, const char *expected);
ngx_int_t ngx_http_openqoe_time(ngx_str_t *s,
    const ngx_http_openqoe_range_t *range, ngx_msec_t *out);
ngx_int_t ngx_http_openqoe_number(ngx_str_t *s,
    const ngx_http_openqoe_range_t *range, size_t *out);
ngx_int_t ngx_http_openqoe_read_file(ngx_conf_t *cf, const char *name,
    ngx_str_t *path, size_t max, ngx_str_t *out);

/* _types.c */
char *ngx_http_openqoe_event_type(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_event_time(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* _qoe_conf.c */
char *ngx_http_openqoe_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_view_timeout(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_view_record(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_traces(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_openqoe_traces_complete(ngx_http_openqoe_main_conf_t *mcf);
/* "12.5%", to four decimals, as 125000 millionths. */
#define NGX_HTTP_OPENQOE_WHOLE  1000000
ngx_int_t ngx_http_openqoe_percent(ngx_str_t *value, ngx_uint_t *share);
char *ngx_http_openqoe_series_birth(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_openqoe_qoe_init(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf);
void ngx_http_openqoe_qoe_complete(ngx_http_openqoe_main_conf_t *mcf);

/* _dimension.c */
char *ngx_http_openqoe_dimension(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
const char *ngx_http_openqoe_cardinality_limits(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, ngx_str_t *json);
ngx_int_t ngx_http_openqoe_dimensions_check(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf);

/* _attribute.c */
char *ngx_http_openqoe_attribute(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* Name and text of an openqoe_attribute; NGX_DECLINED: there is no more. */
ngx_int_t ngx_http_openqoe_attribute_at(ngx_array_t *attributes, ngx_uint_t i,
    ngx_str_t *name, ngx_str_t *value);
qoe_status_t ngx_http_openqoe_attributes(ngx_http_request_t *r,
    ngx_array_t *attributes, qoe_batch_t *batch, qoe_record_meta_t *meta,
    qoe_arena_t *arena);

/*
 * _cmcd_set.c: the set of CMCD that a request brings, in its headers or else in
 * its query, if these are not 0.  *c points into memory of the request's pool.
 * Results as of qoe_cmcd_query(), or QOE_NOMEM; *c is not always written for
 * QOE_DONE.
 */
qoe_status_t ngx_http_openqoe_cmcd_decode(ngx_http_request_t *r,
    ngx_uint_t headers, ngx_uint_t query, qoe_cmcd_t *c);

/* _cmcd_var.c: $openqoe_args, $openqoe_is_args, $openqoe_cmcd_KEY */
ngx_int_t ngx_http_openqoe_cmcd_variables(ngx_conf_t *cf);

/* _exporter_conf.c */
char *ngx_http_openqoe_exporter_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_openqoe_exporters_init(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf);
ngx_int_t ngx_http_openqoe_exporters_complete(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf);

/* _spool.c: openqoe_spool, its directory, and the slots of exporters */
char *ngx_http_openqoe_spool(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
void ngx_http_openqoe_spool_init(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf);
/* For a DIR, open as fd, of another user: gives it to the workers, or warns. */
void ngx_http_openqoe_spool_owner(ngx_cycle_t *cycle, ngx_str_t *dir, int fd,
    const struct stat *st);

/* _exporter.c: values of the exporter, of directives and the environment */
ngx_int_t ngx_http_openqoe_exporter_init(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e);
ngx_int_t ngx_http_openqoe_exporter_complete(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e);

ngx_uint_t ngx_http_openqoe_utf8(ngx_str_t *s);

/* each returns NULL, or what the value must be */
const char *ngx_http_openqoe_set_protocol(ngx_http_openqoe_exporter_t *e,
    ngx_str_t *value);
const char *ngx_http_openqoe_set_compression(ngx_http_openqoe_exporter_t *e,
    ngx_str_t *value);
const char *ngx_http_openqoe_set_timeout(ngx_http_openqoe_exporter_t *e,
    uint64_t ms);
const char *ngx_http_openqoe_set_metric_interval(
    ngx_http_openqoe_exporter_t *e, uint64_t ms);

typedef const char *ngx_http_openqoe_add_t(ngx_http_openqoe_exporter_t *e,
    ngx_str_t *name, ngx_str_t *value, ngx_uint_t *duplicate);

ngx_http_openqoe_add_t  ngx_http_openqoe_add_header;
ngx_http_openqoe_add_t  ngx_http_openqoe_add_resource;

/* _endpoint.c: the URLs and all that follows from them */
ngx_int_t ngx_http_openqoe_endpoint(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e);
ngx_int_t ngx_http_openqoe_file_check(ngx_conf_t *cf, const char *name,
    ngx_str_t *url, ngx_str_t *path);

/* _tls.c: PEM files, read and checked */
typedef enum {
    NGX_HTTP_OPENQOE_PEM_CERTIFICATES,
    NGX_HTTP_OPENQOE_PEM_KEY
} ngx_http_openqoe_pem_e;

ngx_int_t ngx_http_openqoe_pem(ngx_conf_t *cf, const char *name,
    ngx_str_t *path, ngx_http_openqoe_pem_e kind, ngx_str_t *out);
ngx_int_t ngx_http_openqoe_tls_check(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e);

/* _env.c: fills what the directives left unset */
ngx_int_t ngx_http_openqoe_env(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf);

/* _env_list.c */
void ngx_http_openqoe_trim(ngx_str_t *s);
const char *ngx_http_openqoe_pairs(ngx_http_openqoe_exporter_t *e,
    ngx_str_t *list, ngx_http_openqoe_add_t *add, ngx_uint_t decode_names);

/* _grafana.c: NULL, or NGX_CONF_ERROR after the error was logged */
const char *ngx_http_openqoe_grafana(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e);

/* _zone.c */
char *ngx_http_openqoe_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_http_openqoe_zone_t *ngx_http_openqoe_get_zone(
    ngx_http_openqoe_main_conf_t *mcf);
void ngx_http_openqoe_zone_wake(ngx_http_openqoe_zone_t *z,
    const uint64_t *wake);

/* _wait.c: requests that wait in lines, one line for each kind of waiting */
typedef struct ngx_http_openqoe_wait_line_s  ngx_http_openqoe_wait_line_t;

typedef struct {
    ngx_queue_t               queue;         /* while the request waits */
    ngx_http_request_t       *r;

    /* ident must be after 3 pointers, as a connection's fd: debug logs */

    ngx_int_t                 ident;
    ngx_http_openqoe_wait_line_t  *line;
    size_t                    bytes;         /* that the request holds, set
                                                before it waits */
    ngx_msec_t                since;
    ngx_uint_t                waits;
    ngx_event_t               timer;
} ngx_http_openqoe_wait_t;

struct ngx_http_openqoe_wait_line_s {
    qoe_wait_t                what;

    /*
     * Has come what the request waits for?  If not, this worker is woken when
     * it comes.
     */
    ngx_uint_t              (*ready)(ngx_http_openqoe_wait_t *w);
    /* Continues the request, or finalizes it. */
    void                    (*proceed)(ngx_http_openqoe_wait_t *w,
                                       ngx_uint_t ready);
    /* The request left the line; gone: it ended without an answer. */
    void                    (*left)(ngx_http_openqoe_wait_t *w,
                                    ngx_uint_t gone);
    ngx_uint_t                ordered;       /* first come, first served */
    size_t                    max_turn;      /* bytes of requests that proceed
                                                in a turn of the event loop;
                                                0: all of them */

    ngx_queue_t               queue;         /* in the order of arrival */
    ngx_uint_t                n;
    size_t                    bytes;
    ngx_msec_t                look;          /* interval of looks without being
                                                woken; 0: none */
    ngx_event_t               timer;         /* of look */
    ngx_event_t               turn;          /* posted for the next turn */
    ngx_connection_t          dummy;         /* of the two events above */
};

void ngx_http_openqoe_wait_line_init(ngx_http_openqoe_wait_line_t *line,
    ngx_log_t *log, ngx_msec_t look);
void ngx_http_openqoe_wait_line_walk(ngx_http_openqoe_wait_line_t *line);
void *ngx_http_openqoe_wait_create(ngx_http_request_t *r,
    ngx_http_openqoe_wait_line_t *line, size_t size);
void ngx_http_openqoe_wait_begin(ngx_http_openqoe_wait_t *w, ngx_msec_t time);

/* _ack.c: requests that wait until their events are stored */

/* What a 202 says; errors is in the request's pool. */
typedef struct {
    size_t                    accepted;
    uint64_t                  received_ns;   /* Unix */
    qoe_span_t                errors;        /* JSON, or empty */
} ngx_http_openqoe_answer_t;

typedef struct ngx_http_openqoe_parked_s  ngx_http_openqoe_parked_t;

void ngx_http_openqoe_ack_init(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf);
void ngx_http_openqoe_ack_exit(void);
/* The waiter slot of this worker, or UINT32_MAX. */
uint32_t ngx_http_openqoe_ack_slot(void);
void ngx_http_openqoe_ack_waiting(qoe_wait_t what, ngx_uint_t n);
ngx_http_openqoe_parked_t *ngx_http_openqoe_ack_create(ngx_http_request_t *r,
    size_t n);
void ngx_http_openqoe_ack_park(ngx_http_openqoe_parked_t *p,
    const uint64_t *ends, const ngx_http_openqoe_answer_t *answer);

/* _overload.c: requests that wait for room in the queue */
typedef struct ngx_http_openqoe_delayed_s  ngx_http_openqoe_delayed_t;

char *ngx_http_openqoe_overload_wait(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_openqoe_overload_init(ngx_cycle_t *cycle);
ngx_int_t ngx_http_openqoe_overload_unread(ngx_http_request_t *r);
ngx_int_t ngx_http_openqoe_overload_park(ngx_http_request_t *r,
    uint64_t received_ns);
/*
 * For a request whose events found no room in their lanes; needs is what
 * qoe_zone_put() returned.  NULL: refuse the request.  Otherwise it waits from
 * _begin() on, and is decoded again.
 */
ngx_http_openqoe_delayed_t *ngx_http_openqoe_overload_again(
    ngx_http_request_t *r, uint64_t received_ns, const uint64_t *needs);
void ngx_http_openqoe_overload_begin(ngx_http_openqoe_delayed_t *d);
ngx_int_t ngx_http_openqoe_overload_refuse(ngx_http_request_t *r,
    uint64_t received_ns);
/* Continues requests that wait, as far as there is room. */
void ngx_http_openqoe_overload_walk(void);

/* _process.c */
ngx_int_t ngx_http_openqoe_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_openqoe_init_process(ngx_cycle_t *cycle);
void ngx_http_openqoe_exit_process(ngx_cycle_t *cycle);
void ngx_http_openqoe_reopen(ngx_open_file_t *file, ngx_log_t *log);

/* _self.c: this process; 0 before a worker has called _init() */
void ngx_http_openqoe_self_init(void);
qoe_proc_t ngx_http_openqoe_self(void);
/* Did the helper not start?  Then other workers' helpers serve its lanes. */
void ngx_http_openqoe_helper_fail(ngx_uint_t failed);
ngx_uint_t ngx_http_openqoe_helper_failed(void);
void ngx_http_openqoe_uuid(uint8_t id[16], uint64_t now_ms);

/* _metrics.c: the module's own metrics that event loops count */
void ngx_http_openqoe_metrics_init(ngx_http_openqoe_main_conf_t *mcf);
void ngx_http_openqoe_metrics_receipt(ngx_http_openqoe_ctx_t *ctx);
/* refused: the counter of the valid events, or TAKEN: they were accepted */
#define NGX_HTTP_OPENQOE_TAKEN  QOE_COUNTERS_N
void ngx_http_openqoe_metrics_events(ngx_http_request_t *r,
    const qoe_batch_t *batch, qoe_counter_t refused);
void ngx_http_openqoe_metrics_answer(ngx_http_request_t *r,
    ngx_http_openqoe_ctx_t *ctx, ngx_uint_t status);

/* _auth.c */
char *ngx_http_openqoe_api_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openqoe_api_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_openqoe_add_key(ngx_conf_t *cf, ngx_array_t **keys,
    ngx_str_t *key);
ngx_int_t ngx_http_openqoe_authorized(ngx_http_request_t *r);

/* _cors.c */
char *ngx_http_openqoe_cors_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
const char *ngx_http_openqoe_add_origin(ngx_pool_t *pool,
    ngx_array_t **origins, ngx_str_t *origin);
ngx_int_t ngx_http_openqoe_cors_headers(ngx_http_request_t *r);
ngx_int_t ngx_http_openqoe_cors_refusal(ngx_http_request_t *r);

/* _marker.c */
char *ngx_http_openqoe_marker_domain(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
const char *ngx_http_openqoe_check_domain(ngx_str_t *domain);
void ngx_http_openqoe_marker_path(ngx_conf_t *cf,
    ngx_http_openqoe_loc_conf_t *lcf);
ngx_uint_t ngx_http_openqoe_marker_find(ngx_http_request_t *r,
    uint8_t id[16]);
void ngx_http_openqoe_marker_get(ngx_http_request_t *r, uint64_t now_ms,
    char text[QOE_UUID_TEXT_LEN]);
ngx_int_t ngx_http_openqoe_marker_set(ngx_http_request_t *r,
    const char text[QOE_UUID_TEXT_LEN]);

/* _headers.c */
typedef struct {
    const char               *name;          /* NULL after the last one */
    ngx_str_t                 value;
} ngx_http_openqoe_head_line_t;

typedef struct {
    ngx_list_part_t          *part;
    ngx_uint_t                i;
} ngx_http_openqoe_headers_t;

void ngx_http_openqoe_headers_in(ngx_http_request_t *r,
    ngx_http_openqoe_headers_t *it);
ngx_table_elt_t *ngx_http_openqoe_next_header(ngx_http_openqoe_headers_t *it);
ngx_uint_t ngx_http_openqoe_header_is(const ngx_table_elt_t *h,
    const char *name);
ngx_uint_t ngx_http_openqoe_str_is(const ngx_str_t *s, const char *text);
ngx_table_elt_t *ngx_http_openqoe_push_header(ngx_http_request_t *r,
    const char *name, ngx_str_t value);
ngx_int_t ngx_http_openqoe_header(ngx_http_request_t *r, const char *name,
    ngx_str_t value);
ngx_int_t ngx_http_openqoe_header_lines(ngx_http_request_t *r,
    const ngx_http_openqoe_head_line_t *l);
/*
 * The first argument of that name, unescaped, in memory of the request.
 * NGX_DECLINED: there is none, or it has more than max bytes as sent; max 0 is
 * no limit.
 */
ngx_int_t ngx_http_openqoe_arg(ngx_http_request_t *r, const char *name,
    size_t max, ngx_str_t *value);

/* _ctx.c */
ngx_http_openqoe_ctx_t *ngx_http_openqoe_get_ctx(ngx_http_request_t *r);
void ngx_http_openqoe_count(ngx_http_request_t *r, qoe_counter_t c,
    uint64_t n);
void ngx_http_openqoe_count_request(ngx_http_request_t *r,
    ngx_http_openqoe_ctx_t *ctx, ngx_uint_t status);

/* _response.c */
ngx_int_t ngx_http_openqoe_send_head(ngx_http_request_t *r,
    ngx_uint_t status, off_t length, const char *type, size_t type_len);
ngx_int_t ngx_http_openqoe_send_start(ngx_http_request_t *r,
    ngx_uint_t status, off_t length, const char *type, size_t type_len);
void ngx_http_openqoe_json_init(qoe_buf_t *b, qoe_mem_t *mem,
    ngx_http_request_t *r);
ngx_int_t ngx_http_openqoe_etag(ngx_http_request_t *r, ngx_str_t etag);
ngx_int_t ngx_http_openqoe_send_text(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *json);
ngx_int_t ngx_http_openqoe_send(ngx_http_request_t *r, ngx_uint_t status,
    qoe_buf_t *json);
ngx_int_t ngx_http_openqoe_fail(ngx_http_request_t *r, ngx_uint_t status,
    const char *message, const char *reason);
ngx_int_t ngx_http_openqoe_unauthorized(ngx_http_request_t *r);
ngx_int_t ngx_http_openqoe_common_headers(ngx_http_request_t *r);
void ngx_http_openqoe_rfc3339(qoe_buf_t *b, uint64_t unix_ms);

/* _method.c */
ngx_int_t ngx_http_openqoe_method(ngx_http_request_t *r, ngx_uint_t allowed,
    const char *allow);

/* _error.c: nginx's own error pages in our locations become JSON */
ngx_int_t ngx_http_openqoe_filter_init(ngx_conf_t *cf);

/* _body.c */
ngx_uint_t ngx_http_openqoe_body(ngx_http_request_t *r,
    ngx_http_openqoe_body_t *body);
void ngx_http_openqoe_body_free(ngx_http_openqoe_body_t *body);
const char *ngx_http_openqoe_media_type(ngx_http_request_t *r);

/* _inflate.c */
ngx_uint_t ngx_http_openqoe_inflate(ngx_http_request_t *r,
    ngx_http_openqoe_body_t *body, size_t max);

/* _page.c: the page itself */
ngx_int_t ngx_http_openqoe_page_handler(ngx_http_request_t *r);

/* _health.c, _stats.c */
ngx_int_t ngx_http_openqoe_health_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_openqoe_stats_handler(ngx_http_request_t *r);


#include "ngx_http_openqoe_input.h"


#endif /* _NGX_HTTP_OPENQOE_H_INCLUDED_ */
