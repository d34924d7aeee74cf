
/*
 * Copyright (C) OpenQoE
 *
 * Sends encoded OTLP requests to one exporter's endpoint: by gRPC, by HTTP or
 * to a file.  Only the file may block.  Each request is tried once; the
 * exporter decides when to try again.  Helper thread only.
 */


#ifndef _QOE_TRANSPORT_H_INCLUDED_
#define _QOE_TRANSPORT_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_net.h"
#include "qoe_otlp.h"


/*
 * The protocols: an id, the name in a configuration (a file has none, its URL
 * says it), the encoding, the default endpoint, and whether URLs have a path.
 */

#define QOE_PROTOCOLS(X)                                                      \
    X(GRPC, "grpc", PROTOBUF, "http://localhost:4317", false)                 \
    X(HTTP_PROTOBUF, "http/protobuf", PROTOBUF, "http://localhost:4318",      \
      true)                                                                   \
    X(HTTP_JSON, "http/json", JSON, "http://localhost:4318", true)            \
    X(FILE, "", JSON, "", true)

typedef enum {
#define QOE_PROTOCOL_ENUM(id, name, encoding, url, path)  QOE_PROTOCOL_##id,
    QOE_PROTOCOLS(QOE_PROTOCOL_ENUM)
#undef QOE_PROTOCOL_ENUM
    QOE_PROTOCOLS_N
} qoe_protocol_t;

typedef struct {
    qoe_span_t        name;
    qoe_encoding_t    encoding;
    qoe_span_t        endpoint;
    bool              has_path;
} qoe_protocol_row_t;

extern const qoe_protocol_row_t  qoe_protocols[QOE_PROTOCOLS_N];


typedef struct {
    qoe_span_t        name;
    qoe_span_t        value;
} qoe_header_t;


/* Borrowed only during qoe_transport_create(), which copies all of it. */

typedef struct {
    qoe_protocol_t       protocol;

    /*
     * The complete URL of each signal: for HTTP with its path
     * (http://host:4318/v1/logs), for gRPC scheme and authority only
     * (http://host:4317), for a file the absolute path.  Null: this signal is
     * not sent.
     */
    qoe_span_t           url[QOE_SIGNALS];

    const qoe_header_t  *headers;
    size_t               nheaders;
    bool                 gzip;
    int                  gzip_level;         /* 1..9 */
    uint64_t             timeout_ms;         /* of one request */
    uint64_t             connect_timeout_ms;
    bool                 drop_refused;       /* QOE_OUTCOME_HOLD becomes
                                                QOE_OUTCOME_FINAL */

    bool                 ssl_verify;         /* verify chain and host name */
    qoe_span_t           ca_pem;             /* empty: the system's store */
    qoe_span_t           certificate_pem;    /* client certificate, or empty */
    qoe_span_t           key_pem;

    qoe_span_t           user_agent;
} qoe_transport_conf_t;


typedef enum {
    QOE_OUTCOME_OK = 0,          /* taken; a part may be rejected */
    QOE_OUTCOME_RETRY,           /* not taken, may be sent again */
    QOE_OUTCOME_HOLD,            /* not taken, but not for the request's own
                                    fault: as RETRY, but the endpoint is
                                    known to fail at once */
    QOE_OUTCOME_FINAL            /* refused for good: never send it again */
} qoe_outcome_kind_t;


typedef struct {
    qoe_outcome_kind_t  kind;
    int64_t             rejected;        /* items (partial success) */
    bool                unfinished;      /* taken, the answer did not end */
    int64_t             retry_after_ms;  /* the server's wish, or -1 */
    int                 http_status;     /* 0: no answer */
    int                 grpc_status;     /* -1: none */
    double              seconds;         /* the duration of the try */
    char                error_type[32];  /* error.type: "timeout", "503",
                                            "UNAVAILABLE", ...; "" when OK */
    char                message[256];    /* readable, valid UTF-8 */
} qoe_outcome_t;


typedef struct qoe_transport_s  qoe_transport_t;

/*
 * Called in qoe_net_wait(), once for each request.  It may send the next
 * request, but must not destroy the transport.
 */
typedef void (*qoe_transport_done_pt)(void *data, const qoe_outcome_t *o);


/* QOE_OK; QOE_NOMEM; QOE_ERROR: the reason was logged. */
qoe_status_t qoe_transport_create(qoe_transport_t **t, qoe_net_t *net,
    const qoe_transport_conf_t *conf, const qoe_log_t *log);

/*
 * Aborts the requests in flight without calling done.  To be called before
 * qoe_net_destroy().
 */
void qoe_transport_destroy(qoe_transport_t *t);

/* How its payloads must be encoded. */
qoe_encoding_t qoe_transport_encoding(const qoe_transport_t *t);

/*
 * Starts a request.  payload (not empty, not compressed, encoded as
 * qoe_transport_encoding() says) must stay valid until done is called, which
 * never happens within this call.  QOE_OK; QOE_NOMEM or QOE_ERROR: nothing was
 * started.
 */
qoe_status_t qoe_transport_send(qoe_transport_t *t, qoe_signal_t signal,
    qoe_span_t payload, qoe_transport_done_pt done, void *data);

/* Ends requests in flight within ms from now; later ones are not affected. */
void qoe_transport_deadline(qoe_transport_t *t, uint64_t ms);

/* Reopens the file, after a log rotation; does nothing for other protocols. */
void qoe_transport_reopen(qoe_transport_t *t);


#endif /* _QOE_TRANSPORT_H_INCLUDED_ */
