
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_outcome.h"
#include "qoe_buf.h"

#include <stdarg.h>
#include <stdio.h>


/* longer than a message, so that it can be cut between whole characters */
#define QOE_OUTCOME_TEXT       1024


typedef struct {
    const char          *name;
    qoe_outcome_kind_t   kind;
} qoe_outcome_grpc_t;


typedef struct {
    CURLcode             rc;
    const char          *error_type;
} qoe_outcome_curl_t;


static qoe_outcome_kind_t qoe_outcome_http_kind(int status);
static size_t qoe_outcome_utf8(char *dst, size_t size, const char *src);


static const qoe_outcome_grpc_t  qoe_outcome_grpcs[] = {
    { "OK",                  QOE_OUTCOME_OK },
    { "CANCELLED",           QOE_OUTCOME_RETRY },
    { "UNKNOWN",             QOE_OUTCOME_HOLD },
    { "INVALID_ARGUMENT",    QOE_OUTCOME_FINAL },
    { "DEADLINE_EXCEEDED",   QOE_OUTCOME_RETRY },
    { "NOT_FOUND",           QOE_OUTCOME_HOLD },
    { "ALREADY_EXISTS",      QOE_OUTCOME_FINAL },
    { "PERMISSION_DENIED",   QOE_OUTCOME_HOLD },
    /* unless there is RetryInfo */
    { "RESOURCE_EXHAUSTED",  QOE_OUTCOME_FINAL },
    { "FAILED_PRECONDITION", QOE_OUTCOME_FINAL },
    { "ABORTED",             QOE_OUTCOME_RETRY },
    { "OUT_OF_RANGE",        QOE_OUTCOME_RETRY },
    { "UNIMPLEMENTED",       QOE_OUTCOME_HOLD },
    { "INTERNAL",            QOE_OUTCOME_HOLD },
    { "UNAVAILABLE",         QOE_OUTCOME_RETRY },
    { "DATA_LOSS",           QOE_OUTCOME_RETRY },
    { "UNAUTHENTICATED",     QOE_OUTCOME_HOLD }
};

#define QOE_OUTCOME_GRPCS                                                     \
    ((int) (sizeof(qoe_outcome_grpcs) / sizeof(qoe_outcome_grpcs[0])))


static const int  qoe_outcome_http_retry[] = { 429, 502, 503, 504 };


/*
 * The statuses from 400 to 499 that are not about the body of the request but
 * about the credential, the address or the way to it.
 */

static const int  qoe_outcome_http_hold[] = {
    401, 402, 403, 404, 405, 407, 408, 410, 421
};


/* any other code is "curl_<number>" */

static const qoe_outcome_curl_t  qoe_outcome_curls[] = {
    { CURLE_COULDNT_RESOLVE_HOST,   "resolve" },
    { CURLE_COULDNT_CONNECT,        "connect" },
    { CURLE_OPERATION_TIMEDOUT,     "timeout" },
    { CURLE_HTTP2,                  "http2" },
    { CURLE_HTTP2_STREAM,           "http2" },
    { CURLE_PARTIAL_FILE,           "closed" },
    { CURLE_GOT_NOTHING,            "closed" },
    { CURLE_SEND_ERROR,             "send" },
    { CURLE_RECV_ERROR,             "receive" },
    { CURLE_WEIRD_SERVER_REPLY,     "protocol" },
    { CURLE_UNSUPPORTED_PROTOCOL,   "protocol" },
    { CURLE_SSL_CONNECT_ERROR,      "tls_handshake" },
    { CURLE_PEER_FAILED_VERIFICATION, "tls_verify" },
    { CURLE_SSL_CERTPROBLEM,        "tls_certificate" },
    { CURLE_SSL_CACERT_BADFILE,     "tls_ca" },
    { CURLE_OUT_OF_MEMORY,          "memory" }
};


void
qoe_outcome_init(qoe_outcome_t *o)
{
    memset(o, 0, sizeof(qoe_outcome_t));

    o->kind = QOE_OUTCOME_OK;
    o->retry_after_ms = -1;
    o->grpc_status = -1;
}


void
qoe_outcome_http(qoe_outcome_t *o, int status)
{
    o->http_status = status;
    o->kind = qoe_outcome_http_kind(status);

    if (o->kind == QOE_OUTCOME_OK) {
        o->error_type[0] = '\0';
        return;
    }

    snprintf(o->error_type, sizeof(o->error_type), "%d", status);
}


/*
 * A redirect means a wrong address, 5xx a trouble of the server itself, and
 * 101 that the server switched to another protocol.
 */

static qoe_outcome_kind_t
qoe_outcome_http_kind(int status)
{
    size_t  i;

    if (status >= 200 && status <= 299) {
        return QOE_OUTCOME_OK;
    }

    for (i = 0; i < sizeof(qoe_outcome_http_retry) / sizeof(int); i++) {
        if (qoe_outcome_http_retry[i] == status) {
            return QOE_OUTCOME_RETRY;
        }
    }

    for (i = 0; i < sizeof(qoe_outcome_http_hold) / sizeof(int); i++) {
        if (qoe_outcome_http_hold[i] == status) {
            return QOE_OUTCOME_HOLD;
        }
    }

    return (status <= 399 || status >= 500) ? QOE_OUTCOME_HOLD
                                            : QOE_OUTCOME_FINAL;
}


void
qoe_outcome_grpc(qoe_outcome_t *o, int status)
{
    /* an unknown code counts as UNKNOWN, as in every gRPC library */

    if (status < 0 || status >= QOE_OUTCOME_GRPCS) {
        status = QOE_GRPC_UNKNOWN;
    }

    o->grpc_status = status;
    o->kind = qoe_outcome_grpcs[status].kind;
    o->error_type[0] = '\0';

    if (status == QOE_GRPC_RESOURCE_EXHAUSTED && o->retry_after_ms >= 0) {
        o->kind = QOE_OUTCOME_RETRY;
    }

    if (status != QOE_GRPC_OK) {
        snprintf(o->error_type, sizeof(o->error_type), "%s",
                 qoe_outcome_grpcs[status].name);
    }
}


void
qoe_outcome_curl(qoe_outcome_t *o, CURLcode rc)
{
    size_t  i;

    o->kind = QOE_OUTCOME_RETRY;

    for (i = 0; i < sizeof(qoe_outcome_curls) / sizeof(qoe_outcome_curl_t);
         i++)
    {
        if (qoe_outcome_curls[i].rc == rc) {
            qoe_outcome_fail(o, QOE_OUTCOME_RETRY,
                             qoe_outcome_curls[i].error_type);
            return;
        }
    }

    snprintf(o->error_type, sizeof(o->error_type), "curl_%d", (int) rc);
}


void
qoe_outcome_fail(qoe_outcome_t *o, qoe_outcome_kind_t kind,
    const char *error_type)
{
    o->kind = kind;
    snprintf(o->error_type, sizeof(o->error_type), "%s", error_type);
}


void
qoe_outcome_message(qoe_outcome_t *o, const char *fmt, ...)
{
    char     text[QOE_OUTCOME_TEXT];
    va_list  args;

    va_start(args, fmt);

    if (vsnprintf(text, sizeof(text), fmt, args) < 0) {
        text[0] = '\0';
    }

    va_end(args);

    qoe_outcome_utf8(o->message, sizeof(o->message), text);
}


const char *
qoe_outcome_error(const qoe_outcome_t *o)
{
    return (o->message[0] != '\0') ? o->message : o->error_type;
}


uint64_t
qoe_outcome_rejected(const qoe_outcome_t *o, uint64_t sent)
{
    return qoe_min((uint64_t) qoe_max(o->rejected, 0), sent);
}


const char *
qoe_grpc_status_name(int status)
{
    if (status < 0 || status >= QOE_OUTCOME_GRPCS) {
        status = QOE_GRPC_UNKNOWN;
    }

    return qoe_outcome_grpcs[status].name;
}


int64_t
qoe_retry_after(qoe_span_t value, int64_t now_s)
{
    char     date[64];
    size_t   i;
    time_t   t;
    int64_t  s;

    if (value.len == 0 || value.len >= sizeof(date)) {
        return -1;
    }

    s = 0;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            break;
        }

        s = qoe_min(s * 10 + (value.data[i] - '0'),
                    QOE_RETRY_AFTER_MAX_MS / 1000);
    }

    if (i == value.len) {
        return s * 1000;
    }

    /* reject "1.5" and "-1", which curl_getdate() would take for dates */

    if (i != 0 || value.data[0] == '-') {
        return -1;
    }

    memcpy(date, value.data, value.len);
    date[value.len] = '\0';

    t = curl_getdate(date, NULL);
    if (t == -1) {
        return -1;
    }

    /* curl_getdate() accepts years whose milliseconds overflow 64 bits */

    s = (int64_t) t - now_s;
    s = qoe_min(qoe_max(s, 0), QOE_RETRY_AFTER_MAX_MS / 1000);

    return s * 1000;
}


/* Copies src as readable text.  Returns its length, less than size. */

static size_t
qoe_outcome_utf8(char *dst, size_t size, const char *src)
{
    size_t                n, len;
    const unsigned char  *p, *end;

    len = 0;
    p = (const unsigned char *) src;
    end = p + strlen(src);

    while (p < end) {

        n = (*p < 0x80) ? 1 : qoe_utf8_len(p, end);

        /* C1 control characters are not text */

        if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) {
            n = 0;
        }

        if (len + qoe_max(n, 1) >= size) {
            break;
        }

        if (n > 1) {
            memcpy(dst + len, p, n);
            len += n;
            p += n;
            continue;
        }

        if (n == 0) {
            dst[len++] = '?';

        } else {
            dst[len++] = (*p < 0x20 || *p == 0x7f) ? ' ' : (char) *p;
        }

        p++;
    }

    dst[len] = '\0';

    return len;
}
