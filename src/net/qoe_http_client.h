
/*
 * Copyright (C) OpenQoE
 *
 * What gRPC and OTLP/HTTP share: POST requests by libcurl on the helper's
 * event loop.  Helper thread only.
 */


#ifndef _QOE_HTTP_CLIENT_H_INCLUDED_
#define _QOE_HTTP_CLIENT_H_INCLUDED_


#include "qoe_transport_impl.h"
#include "qoe_gzip.h"


/*
 * After so many answers in a row that said 200 in whole headers but did not
 * end, the next one's 200 counts as it is: otherwise the same request would be
 * sent for ever.
 */
#define QOE_HTTP_UNFINISHED    3

/* the most that is read of an answer; a longer answer fails the attempt */
#define QOE_HTTP_ANSWER_MAX    (4 * 1024 * 1024)

#define QOE_HTTP_TEXT          256


/* A request on its easy handle, kept in qoe_transfer_t.io. */

typedef struct {
    qoe_net_transfer_t   transfer;       /* first: cast from it */
    qoe_transfer_t      *r;

    /* sent: head, then body, which is the payload, or packed if compressed */
    char                 head[5];
    size_t               head_len;
    qoe_span_t           body;
    size_t               sent;
    qoe_buf_t            packed;

    /* received: the last answer to this attempt */
    qoe_buf_t            answer;
    bool                 garbled;        /* it begins with no status line */
    bool                 too_large;
    bool                 no_memory;
    int                  grpc_status;    /* -1 until it is known */
    int64_t              retry_info_ms;
    int64_t              retry_after_ms;
    char                 grpc_message[QOE_HTTP_TEXT];
    char                 content_type[64];

    bool                 fresh;          /* it may open a connection */
    bool                 refused;        /* opening one was refused */
    bool                 heard;          /* part of an answer came */
    bool                 again;          /* the kept connection was dead */
    char                 error[CURL_ERROR_SIZE];
} qoe_http_io_t;


typedef struct {
    /* A header or trailer arrived; value has no white space around it. */
    void               (*header)(qoe_http_io_t *io, qoe_span_t name,
                             qoe_span_t value);

    /* All headers of an answer have arrived, or all its trailers. */
    void               (*headers_end)(qoe_http_io_t *io);

    /*
     * Sets the outcome of io->r.  The transfer ended with rc, or was stopped
     * with CURLE_OPERATION_TIMEDOUT, and what arrived must be enough.
     */
    void               (*outcome)(qoe_http_io_t *io, CURLcode rc);
} qoe_http_hooks_t;


typedef struct {
    qoe_transport_t         *t;
    const qoe_http_hooks_t  *hooks;

    qoe_arena_t              arena;          /* copies of the configuration */
    char                    *url[QOE_SIGNALS];
    char                    *host[QOE_SIGNALS];    /* "host:port" */
    struct curl_slist       *headers;
    char                    *user_agent;
    qoe_span_t               ca_pem;
    qoe_span_t               certificate_pem;
    qoe_span_t               key_pem;
    uint64_t                 connect_timeout_ms;
    bool                     ssl_verify;

    bool                     gzip;
    qoe_gzip_t               gz;

    bool                     grpc;           /* HTTP/2, and a framed body */
    bool                     reuse_broken;   /* see qoe_http_io.c */
    uint32_t                 unfinished;     /* answers in a row that did
                                                not end */
} qoe_http_client_t;

#define qoe_http_client_of(t)  ((qoe_http_client_t *) (t)->state)


/*
 * path[signal] is appended to each URL, unless path is NULL.  The caller adds
 * the headers of the protocol by qoe_http_client_header().  After an error
 * qoe_http_client_destroy() is still due.
 */
qoe_status_t qoe_http_client_create(qoe_transport_t *t,
    const qoe_transport_conf_t *conf, const qoe_http_hooks_t *hooks,
    const char *const *path);
void qoe_http_client_destroy(qoe_transport_t *t);

/* QOE_OK or QOE_NOMEM.  An empty value removes a header of curl's own. */
qoe_status_t qoe_http_client_header(qoe_http_client_t *c, const char *name,
    const char *value);

/* The functions of qoe_transport_ops_t. */
qoe_status_t qoe_http_client_send(qoe_transfer_t *r);
void qoe_http_client_settle(qoe_transfer_t *r);
void qoe_http_client_stop(qoe_transfer_t *r);
void qoe_http_client_free(qoe_transfer_t *r);
const char *qoe_http_client_peer(const qoe_transfer_t *r);

/* What protocols over HTTP share in their ops. */

#define QOE_HTTP_CLIENT_OPS                                                   \
    .destroy = qoe_http_client_destroy,                                       \
    .send = qoe_http_client_send,                                             \
    .settle = qoe_http_client_settle,                                         \
    .stop = qoe_http_client_stop,                                             \
    .peer = qoe_http_client_peer,                                             \
    .free = qoe_http_client_free

/* Whether name equals s, ignoring case. */
bool qoe_http_name_eq(qoe_span_t name, const char *s);

/* Sets the outcome of a transfer that failed in libcurl or in a callback. */
void qoe_http_io_failed(qoe_http_io_t *io, CURLcode rc);

/* Sets the message of an outcome whose answer was cut at the maximum. */
void qoe_http_io_too_large(qoe_http_io_t *io);

/*
 * qoe_http_easy.c: makes a handle, with done() for its transfers; sets the
 * target of the next request, after its body; forgets an answer.
 */

qoe_status_t qoe_http_io_create(qoe_http_client_t *c, qoe_http_io_t **io,
    void (*done)(qoe_net_transfer_t *x, CURLcode rc));
CURLcode qoe_http_io_target(qoe_http_io_t *io, const char *url, long version,
    bool new_connection);
void qoe_http_io_reset(qoe_http_io_t *io);


#endif /* _QOE_HTTP_CLIENT_H_INCLUDED_ */
