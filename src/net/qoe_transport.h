
/*
 * Copyright (C) OpenQoE
 *
 * Brings encoded OTLP requests to one destination: gRPC, HTTP or a file.
 * Never blocks but for the file; runs on the helper thread only.  It tries
 * each request once: when to try again is the exporter's business.
 */


#ifndef _QOE_TRANSPORT_H_INCLUDED_
#define _QOE_TRANSPORT_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_net.h"
#include "qoe_otlp.h"


typedef enum {
    QOE_PROTOCOL_GRPC = 0,
    QOE_PROTOCOL_HTTP_PROTOBUF,
    QOE_PROTOCOL_HTTP_JSON,
    QOE_PROTOCOL_FILE            /* OTLP JSON lines */
} qoe_protocol_t;


typedef struct {
    qoe_span_t        name;
    qoe_span_t        value;
} qoe_header_t;


/*
 * Everything is borrowed during qoe_transport_create() only, which copies.
 */

typedef struct {
    qoe_protocol_t       protocol;

    /*
     * The URL of each signal, complete: for HTTP with its path
     * (http://host:4318/v1/logs), for gRPC scheme and authority only
     * (http://host:4317), for a file the absolute path.  Null: not sent.
     */
    qoe_span_t           url[QOE_SIGNALS];

    const qoe_header_t  *headers;
    size_t               nheaders;
    bool                 gzip;
    int                  gzip_level;         /* 1..9 */
    uint64_t             timeout_ms;         /* of one request */
    uint64_t             connect_timeout_ms;
    bool                 drop_refused;       /* QOE_OUTCOME_FINAL for what
                                                would be QOE_OUTCOME_HOLD */

    bool                 ssl_verify;         /* chain and host name */
    qoe_span_t           ca_pem;             /* empty: the system's store */
    qoe_span_t           certificate_pem;    /* client certificate, or empty */
    qoe_span_t           key_pem;

    qoe_span_t           user_agent;
} qoe_transport_conf_t;


typedef enum {
    QOE_OUTCOME_OK = 0,          /* taken; rejected tells of partial success */
    QOE_OUTCOME_RETRY,           /* not taken, may be sent again */
    QOE_OUTCOME_HOLD,            /* not taken, and it is not the request's
                                    fault: as RETRY, but the destination is
                                    known to fail at once */
    QOE_OUTCOME_FINAL            /* refused for good: never send it again */
} qoe_outcome_kind_t;


typedef struct {
    qoe_outcome_kind_t  kind;
    int64_t             rejected;        /* items, partial success */
    bool                unfinished;      /* taken, by an answer that never
                                            came to its end */
    int64_t             retry_after_ms;  /* what the server asked for, or -1 */
    int                 http_status;     /* 0 without an answer */
    int                 grpc_status;     /* -1 where there is none */
    double              seconds;         /* the attempt took */
    char                error_type[32];  /* error.type: "timeout", "503",
                                            "UNAVAILABLE", ...; "" when OK */
    char                message[256];    /* for people; valid UTF-8 */
} qoe_outcome_t;


typedef struct qoe_transport_s  qoe_transport_t;

/*
 * Called in qoe_net_wait(), once a request.  It may send the next one, but not
 * destroy the transport.
 */
typedef void (*qoe_transport_done_pt)(void *data, const qoe_outcome_t *o);


/* QOE_NOMEM, or QOE_ERROR with the reason logged. */
qoe_status_t qoe_transport_create(qoe_transport_t **t, qoe_net_t *net,
    const qoe_transport_conf_t *conf, const qoe_log_t *log);

/* Aborts what is in flight without calling done; before qoe_net_destroy(). */
void qoe_transport_destroy(qoe_transport_t *t);

qoe_encoding_t qoe_transport_encoding(const qoe_transport_t *t);

/*
 * Starts one request.  payload (uncompressed, encoded as
 * qoe_transport_encoding() says) must stay until done was called; it is not
 * called from in here.  Never pass an empty request.  QOE_OK, or QOE_NOMEM
 * and QOE_ERROR with nothing started.
 */
qoe_status_t qoe_transport_send(qoe_transport_t *t, qoe_signal_t signal,
    qoe_span_t payload, qoe_transport_done_pt done, void *data);

/*
 * No request in flight may last longer than this from now; what is sent later
 * has its own timeout.
 */
void qoe_transport_deadline(qoe_transport_t *t, uint64_t ms);

/* Opens the file anew (log rotation); nothing for the other protocols. */
void qoe_transport_reopen(qoe_transport_t *t);


#endif /* _QOE_TRANSPORT_H_INCLUDED_ */
