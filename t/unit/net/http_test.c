
/*
 * Copyright (C) OpenQoE
 *
 * Answers of collectors over HTTP and gRPC, line by line as libcurl hands them
 * over: what becomes of the request, in which words, and what of it is decided
 * before the answer has ended.  There is no network (answer_curl.h).
 */


#include "http_unit.h"


#define TYPE_GRPC          "content-type: application/grpc\n"
#define TYPE_PROTOBUF      "Content-Type: application/x-protobuf\n"
#define TYPE_JSON          "content-type: Application/JSON; charset=utf-8\n"

#define BODY(s)            { s, sizeof(s) - 1 }

/* 70 bytes */
#define TEXT                                                                  \
    "a reason of 70 bytes, whose length has the seventh bit of a byte set,."

/* the mark of a body that is longer than what is read of an answer */
#define ENDLESS            { NULL, 1 }


/* An answer, and what must come of it. */

typedef struct {
    const char          *name;
    qoe_protocol_t       protocol;
    long                 status;
    long                 version;
    CURLcode             rc;
    const char          *headers;    /* lines */
    qoe_span_t           body;
    const char          *trailers;

    qoe_outcome_kind_t   kind;
    int64_t              retry_ms;
    int64_t              rejected;
    const char          *error_type;
    const char          *message;
} case_t;


static void
line(qoe_http_io_t *io, const char *text, size_t len)
{
    char  copy[512];

    memcpy(copy, text, len);
    memcpy(copy + len, "\r\n", 2);

    if (on_header(copy, 1, len + 2, io) != len + 2) {
        abort();
    }
}


/* Lines that end with LF, and the empty line after them. */

static void
lines(qoe_http_io_t *io, const char *text)
{
    const char  *nl;

    while ((nl = strchr(text, '\n')) != NULL) {
        line(io, text, (size_t) (nl - text));
        text = nl + 1;
    }

    line(io, "", 0);
}


static void
head(qoe_http_io_t *io, long status, const char *headers)
{
    char  text[64];

    http_status = status;
    line(io, text, (size_t) snprintf(text, sizeof(text), "HTTP/1.1 %ld",
                                     status));
    lines(io, headers);
}


static void
exchange(const case_t *c)
{
    char             body[512];
    qoe_transfer_t  *r;

    r = request(c->protocol);
    http_version = c->version ? c->version
                   : c->protocol == GRPC ? CURL_HTTP_VERSION_2_0
                                         : CURL_HTTP_VERSION_1_1;
    http_status = 0;

    if (c->headers != NULL) {
        head(r->io, c->status, c->headers);
    }

    if (c->body.data == NULL && c->body.len != 0) {
        memset(body, 'x', LARGE / 2);

        while (on_body(body, 1, LARGE / 2, r->io) != 0) { /* void */ }

    } else if (c->body.len != 0) {
        memcpy(body, c->body.data, c->body.len);
        (void) on_body(body, 1, c->body.len, r->io);
    }

    if (c->trailers != NULL) {
        lines(r->io, c->trailers);
    }

    finish(r, c->rc);
}


static void
check_cases(const case_t *cases, size_t n)
{
    int            good;
    size_t         i;
    const case_t  *c;

    for (i = 0; i < n; i++) {
        c = &cases[i];
        exchange(c);

        good = ok(outcome.kind == c->kind
                  && outcome.retry_after_ms == c->retry_ms
                  && outcome.rejected == c->rejected
                  && strcmp(outcome.error_type, c->error_type) == 0
                  && strcmp(outcome.message, c->message) == 0,
                  "%s", c->name);

        if (!good) {
            printf("# kind %d retry %lld rejected %lld type %s: %s\n",
                   outcome.kind, (long long) outcome.retry_after_ms,
                   (long long) outcome.rejected, outcome.error_type,
                   outcome.message);
        }
    }
}


static void
test_http(void)
{
    static const case_t  cases[] = {
        { "an empty 200 is success", PROTOBUF, 200, 0, 0, "", { 0 }, NULL,
          OK, -1, 0, "", "" },
        { "a partial success in protobuf is read", PROTOBUF, 200, 0, 0,
          TYPE_PROTOBUF, BODY("\x0a\x07\x08\x03\x12\x03" "odd"), NULL,
          OK, -1, 3, "", HOST "odd" },
        { "a partial success in JSON is read, as its type says", PROTOBUF, 200,
          0, 0, TYPE_JSON, BODY("{\"partialSuccess\":{\"rejectedLogRecords\":"
                                "\"4\"}}"), NULL, OK, -1, 4, "", "" },
        { "without a type the answer is read as the request is encoded", JSON,
          200, 0, 0, "",
          BODY("{\"partialSuccess\":{\"rejectedLogRecords\":5}}"),
          NULL, OK, -1, 5, "", "" },
        { "a success that cannot be read rejects nothing", JSON, 200, 0, 0,
          TYPE_JSON, BODY("{\"partialSuccess\":{\"rejectedLogRecords\":5}"),
          NULL, OK, -1, 0, "", "" },
        { "503 is tried again, after the time that the server wants", PROTOBUF,
          503, 0, 0, "Retry-After: 7\n", BODY("busy"), NULL,
          RETRY, 7000, 0, "503", HOST "HTTP status 503: busy" },
        { "400 is final, whatever Retry-After says", PROTOBUF, 400, 0, 0,
          "Retry-After: 7\n", { 0 }, NULL,
          FINAL, -1, 0, "400", HOST "HTTP status 400" },
        { "401 is held, after the time that the server wants", PROTOBUF, 401, 0,
          0, "retry-after: 2\n", BODY("who?"), NULL,
          HOLD, 2000, 0, "401", HOST "HTTP status 401: who?" },
        { "the reason is read from a Status in protobuf", PROTOBUF, 400, 0, 0,
          TYPE_PROTOBUF, BODY("\x08\x03\x12\x05" "wrong"), NULL,
          FINAL, -1, 0, "400", HOST "HTTP status 400: wrong" },
        { "a code of two bytes is passed over", PROTOBUF, 400, 0, 0,
          TYPE_PROTOBUF, BODY("\x08\x83\x01\x12\x05" "wrong"), NULL,
          FINAL, -1, 0, "400", HOST "HTTP status 400: wrong" },
        { "a Status without a code has a reason, too", PROTOBUF, 400, 0, 0,
          TYPE_PROTOBUF, BODY("\x12\x02" "no!"), NULL,
          FINAL, -1, 0, "400", HOST "HTTP status 400: no" },
        { "a reason may be a single byte", PROTOBUF, 400, 0, 0,
          TYPE_PROTOBUF, BODY("\x12\x01" "a"), NULL,
          FINAL, -1, 0, "400", HOST "HTTP status 400: a" },
        { "a reason whose length takes two bytes ends where it says", PROTOBUF,
          400, 0, 0, TYPE_PROTOBUF, BODY("\x12\xc6\x00" TEXT "more"), NULL,
          FINAL, -1, 0, "400", HOST "HTTP status 400: " TEXT },
        { "a reason that broke off is shown as far as it came", PROTOBUF, 400,
          0, CURLE_PARTIAL_FILE, TYPE_PROTOBUF, BODY("\x12\xff\x01" "abc"),
          NULL, FINAL, -1, 0, "400", HOST "HTTP status 400: abc" },
        { "a Status of another type is shown as it is", PROTOBUF, 400, 0, 0, "",
          BODY("\x12\x05wrong"), NULL,
          FINAL, -1, 0, "400", HOST "HTTP status 400:   wrong" },
        { "a success that is too long rejects nothing, and says so", PROTOBUF,
          200, 0, CURLE_WRITE_ERROR, TYPE_PROTOBUF, ENDLESS, NULL,
          OK, -1, 0, "", HOST "the answer is larger "
          "than 4194304 bytes and was not read" }
    };

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


/* Answers that break off among their headers, or begin with no status line. */

static void
test_heads(void)
{
    int              wrong;
    size_t           i;
    qoe_transfer_t  *r;

    static const struct {
        const char  *line;
        long         status;    /* as libcurl reads it */
        const char  *error_type;
        const char  *name;
    } cases[] = {
        { "HTTP/1.1 200 OK", 200, "closed",
          "a success without the end of its headers is tried again" },
        { "HTTP/1.1 2000 OK\r\n", 200, "protocol",
          "a status of four digits is no success" },
        { "HTTP/1.1 4000 No\r\n", 400, "protocol",
          "a status of four digits is no refusal" },
        { "HTTP/1.1 20\r\n", 200, "protocol",
          "a status of two digits is no success" },
        { "HTTP/1.1 2x0\r\n", 200, "protocol",
          "a status with a letter is no success" },
        { "HTTP/1.1\r\n", 200, "protocol",
          "an answer without a status is no success" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = request(PROTOBUF);
        http_status = cases[i].status;
        http_version = CURL_HTTP_VERSION_1_1;

        /* with the empty line if the line has its own end */

        line(r->io, cases[i].line, strcspn(cases[i].line, "\r"));

        if (strchr(cases[i].line, '\r') != NULL) {
            line(r->io, "", 0);
        }

        finish(r, CURLE_OK);
        ok(outcome.kind == RETRY
           && strcmp(outcome.error_type, cases[i].error_type) == 0,
           "%s", cases[i].name);
    }

    for (i = 0, wrong = 0; i < 2 * QOE_HTTP_UNFINISHED; i++) {
        r = request(PROTOBUF);
        http_status = 200;
        line(r->io, cases[0].line, strlen(cases[0].line));
        finish(r, CURLE_OK);
        wrong += (outcome.kind != RETRY);
    }

    ok(wrong == 0, "headers that never end are no success, however often they "
       "come");
}


static void
test_unfinished(void)
{
    int           i, wrong;
    const case_t  cut = { "", PROTOBUF, 200, 0, CURLE_PARTIAL_FILE, "",
                          BODY("x"), NULL, RETRY, -1, 0, "", "" };
    const case_t  whole = { "", PROTOBUF, 200, 0, 0, "", { 0 }, NULL,
                            OK, -1, 0, "", "" };

    exchange(&whole);

    for (i = 0, wrong = 0; i < QOE_HTTP_UNFINISHED; i++) {
        exchange(&cut);
        wrong += (outcome.kind != RETRY || outcome.unfinished);
    }

    ok(wrong == 0, "the first answers that do not end are tried again");

    exchange(&cut);
    ok(outcome.kind == OK && outcome.unfinished
       && strcmp(outcome.message, HOST "HTTP status 200, but 4 answers in a "
                 "row did not end") == 0,
       "the 200 of the next one is taken as it is");

    exchange(&whole);
    exchange(&cut);
    ok(outcome.kind == RETRY, "an answer that ends begins the count anew");
    exchange(&whole);
}


/* A message in a frame, with its length; flag 0: not compressed. */

#define FRAME(len, s)      BODY("\0\0\0\0" len s)

#define PARTIAL            "\x0a\x07\x08\x03\x12\x03" "odd"


static void
test_grpc(void)
{
    static const case_t  cases[] = {
        { "status 0 in the trailers is success", GRPC, 200, 0, 0, TYPE_GRPC,
          FRAME("\x00", ""), "grpc-status: 0\n", OK, -1, 0, "", "" },
        { "a partial success is read", GRPC, 200, 0, 0, TYPE_GRPC,
          FRAME("\x09", PARTIAL), "grpc-status: 0\n", OK, -1, 3, "",
          HOST "odd" },
        { "a compressed message is not read", GRPC, 200, 0, 0, TYPE_GRPC,
          BODY("\1\0\0\0\x09" PARTIAL), "grpc-status: 0\n",
          OK, -1, 0, "", "" },
        { "a frame that says another length is not read", GRPC, 200, 0, 0,
          TYPE_GRPC, FRAME("\x08", PARTIAL), "grpc-status: 0\n",
          OK, -1, 0, "", "" },
        { "an error is shown with its code and its message", GRPC, 200, 0, 0,
          TYPE_GRPC "grpc-status: 14\ngrpc-message: try%20later\n", { 0 }, NULL,
          RETRY, -1, 0, "UNAVAILABLE",
          HOST "gRPC status 14 UNAVAILABLE: try later" },
        { "an error without a message has none", GRPC, 200, 0, 0,
          TYPE_GRPC "Grpc-Status: 3\n", { 0 }, NULL,
          FINAL, -1, 0, "INVALID_ARGUMENT",
          HOST "gRPC status 3 INVALID_ARGUMENT" },
        { "a status that is no number is UNKNOWN", GRPC, 200, 0, 0,
          TYPE_GRPC "grpc-status: x\n", { 0 }, NULL,
          HOLD, -1, 0, "UNKNOWN", HOST "gRPC status 2 UNKNOWN" },
        { "RetryInfo says when to try again", GRPC, 200, 0, 0,
          TYPE_GRPC "grpc-status: 8\ngrpc-status-details-bin: "
          "GjAKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8S"
          "BAoCCAU" "\n",
          { 0 }, NULL, RETRY, 5000, 0, "RESOURCE_EXHAUSTED",
          HOST "gRPC status 8 RESOURCE_EXHAUSTED" },
        { "a delay of RetryInfo is a day at most", GRPC, 200, 0, 0,
          TYPE_GRPC "grpc-status: 8\ngrpc-status-details-bin: "
          "GjIKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8S"
          "BgoECIGjBQ" "\n",
          { 0 }, NULL, RETRY, QOE_RETRY_AFTER_MAX_MS, 0, "RESOURCE_EXHAUSTED",
          HOST "gRPC status 8 RESOURCE_EXHAUSTED" },
        { "without RetryInfo that status is final", GRPC, 200, 0, 0,
          TYPE_GRPC "grpc-status: 8\n", { 0 }, NULL, FINAL, -1, 0,
          "RESOURCE_EXHAUSTED", HOST "gRPC status 8 RESOURCE_EXHAUSTED" },
        { "details that are no base64 are no delay", GRPC, 200, 0, 0,
          TYPE_GRPC "grpc-status: 14\ngrpc-status-details-bin: ?\n", { 0 },
          NULL, RETRY, -1, 0, "UNAVAILABLE",
          HOST "gRPC status 14 UNAVAILABLE" },
        { "a whole message without a status is success", GRPC, 200, 0,
          CURLE_HTTP2, TYPE_GRPC, FRAME("\x09", PARTIAL), NULL,
          OK, -1, 3, "", HOST "odd" },
        { "a message of another type without a status is no success", GRPC,
          200, 0, 0, TYPE_JSON, FRAME("\x09", PARTIAL), NULL, HOLD, -1, 0,
          "no_grpc_status", HOST "HTTP status 200 without grpc-status" },
        { "an answer without a status and a message is held", GRPC, 200, 0, 0,
          TYPE_GRPC, { 0 }, NULL, HOLD, -1, 0,
          "no_grpc_status", HOST "HTTP status 200 without grpc-status" },
        { "a message that is too long comes with success", GRPC, 200, 0,
          CURLE_WRITE_ERROR, TYPE_GRPC, ENDLESS, NULL, OK, -1, 0, "",
          HOST "the answer is larger "
          "than 4194304 bytes and was not read" },
        { "a server without HTTP/2 is no gRPC server", GRPC, 200,
          CURL_HTTP_VERSION_1_1, 0, TYPE_JSON, BODY("{}"), NULL, RETRY, -1, 0,
          "no_http2",
          HOST "not a gRPC server: it answered 200 without HTTP/2" },
        { "a proxy's 503 is tried again, after the time that it wants", GRPC,
          503, 0, 0, "retry-after: 3\n", { 0 }, NULL, RETRY, 3000, 0, "503",
          HOST "HTTP status 503 without grpc-status" },
        { "a proxy's 404 is held", GRPC, 404, 0, 0, "", { 0 }, NULL,
          HOLD, -1, 0, "404", HOST "HTTP status 404 without grpc-status" },
        { "a 202 without a status is held as UNKNOWN is", GRPC, 202, 0, 0,
          TYPE_GRPC, { 0 }, NULL, HOLD, -1, 0, "no_grpc_status",
          HOST "HTTP status 202 without grpc-status" }
    };

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


/* What is decided when the headers have arrived. */

static void
test_headers_end(void)
{
    uint64_t         now;
    qoe_transfer_t  *r;
    qoe_http_io_t   *io;

    r = request(PROTOBUF);
    io = r->io;
    io->heard = false;
    head(io, 100, "");
    ok(!r->answered, "an interim answer over HTTP is no answer");
    ok(io->heard, "after it the connection does not count as dead");

    io->no_memory = true;
    io->too_large = true;
    head(io, 200, "");
    ok(!io->no_memory && !io->too_large,
       "what was noted of an answer does not count for the next one");
    r->answered = false;
    head(io, 100, "");
    head(r->io, 200, "");
    ok(r->answered && r->expires_ms == UINT64_MAX,
       "at the timeout the status of HTTP counts");
    finish(r, CURLE_OK);

    r = request(GRPC);
    head(r->io, 200, TYPE_JSON);
    ok(!r->answered,
       "an answer to gRPC of another type and without a status is no answer");
    finish(r, CURLE_OK);

    r = request(GRPC);
    head(r->io, 200, TYPE_GRPC);
    ok(r->answered && r->expires_ms == UINT64_MAX,
       "without a status, a message of gRPC is judged at the timeout");
    finish(r, CURLE_OK);

    now = qoe_mono_ms();
    r = request(GRPC);
    head(r->io, 200, TYPE_GRPC "grpc-status: 0\n");
    ok(r->answered && r->expires_ms >= now + 100
       && r->expires_ms <= qoe_mono_ms() + 100,
       "with a status the transfer of a request that was sent may end within "
       "100 ms");
    finish(r, CURLE_OK);

    r = request(GRPC);
    io = r->io;
    io->sent = 0;
    r->expires_ms = UINT64_MAX;
    head(io, 200, TYPE_GRPC "grpc-status: 0\n");
    ok(r->answered && r->expires_ms <= qoe_mono_ms(),
       "with a status the transfer of a request that was not sent ends at "
       "once");
    finish(r, CURLE_OK);

    r = request(GRPC);
    io = r->io;

    if (qoe_net_attach(r->t->net, &io->transfer) != QOE_OK) {
        abort();
    }

    head(io, 200, TYPE_GRPC "grpc-status: 0\n");
    r->t->ops->settle(r);
    ok(!io->transfer.attached && r->outcome.kind == QOE_OUTCOME_OK,
       "a transfer that does not end after its answer is taken from curl");
    qoe_transport_finish(r);

    r = request(GRPC);
    r->expires_ms = 5;
    head(r->io, 200, TYPE_GRPC "grpc-status: 0\n");
    ok(r->expires_ms == 5, "a status makes no request last longer");
    finish(r, CURLE_OK);
}


/* Is the line among the headers of a request? */

static bool
sends(const qoe_transport_t *t, const char *text)
{
    const struct curl_slist  *l;

    for (l = qoe_http_client_of(t)->headers; l != NULL; l = l->next) {
        if (strcmp(l->data, text) == 0) {
            return true;
        }
    }

    return false;
}


static size_t
nheaders(const qoe_transport_t *t)
{
    size_t                    n;
    const struct curl_slist  *l;

    for (n = 0, l = qoe_http_client_of(t)->headers; l != NULL; l = l->next) {
        n++;
    }

    return n;
}


static qoe_transport_t *
configured(qoe_net_t *net, qoe_protocol_t protocol, uint64_t timeout_ms,
    const qoe_header_t *headers, size_t n, int *bad)
{
    qoe_log_t              log = { tap_log_write, bad, QOE_LOG_WARN };
    qoe_transport_t       *t;
    qoe_transport_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.url[QOE_SIGNAL_LOGS] = qoe_span("http://collector:4318");
    conf.protocol = protocol;
    conf.timeout_ms = timeout_ms;
    conf.user_agent = qoe_span("unit");
    conf.headers = headers;
    conf.nheaders = n;
    *bad = 0;

    if (qoe_transport_create(&t, net, &conf, &log) != QOE_OK) {
        abort();
    }

    return t;
}


static void
test_headers(void)
{
    int                        bad;
    size_t                     n;
    qoe_net_t                 *net;
    qoe_log_t                  log = { tap_log_write, &bad, QOE_LOG_ERR };
    qoe_transport_t           *t;

    static const qoe_header_t  good[] = {
        { qoe_span("X-One"), qoe_span("1, 2") },
        { qoe_span("x-#$"), qoe_span_null }
    };
    static const qoe_header_t  wrong[] = {
        { qoe_span_null, qoe_span("a") },
        { qoe_span("a b"), qoe_span("a") },
        { qoe_span("a:"), qoe_span("a") },
        { qoe_span("a\0"), qoe_span("a") },
        { qoe_span("a"), qoe_span("a\r") },
        { qoe_span("a"), qoe_span("\n") },
        { qoe_span("a"), qoe_span("a\0") },
        { qoe_span("Content-Type"), qoe_span("a") }
    };

    net = qoe_net_create(&log);
    t = configured(net, PROTOBUF, 10000, NULL, 0, &bad);
    n = nheaders(t);
    ok(sends(t, "Content-Type: application/x-protobuf"),
       "a request over HTTP has the type of its encoding");
    qoe_transport_destroy(t);

    t = configured(net, PROTOBUF, 10000, good, 2, &bad);
    ok(bad == 0 && nheaders(t) == n + 2 && sends(t, "X-One: 1, 2"),
       "the operator's headers are sent, too");
    ok(sends(t, "x-#$;"), "a header without a value is sent, not removed");
    qoe_transport_destroy(t);

    t = configured(net, PROTOBUF, 10000, wrong, 8, &bad);
    ok(bad == 8 && nheaders(t) == n,
       "headers that would break a request are left out, each with a message");
    qoe_transport_destroy(t);

    t = configured(net, GRPC, 99999999, NULL, 0, &bad);
    ok(sends(t, "Content-Type: application/grpc") && sends(t, "TE: trailers")
       && sends(t, "grpc-timeout: 99999999m"),
       "a call of gRPC has its type, and its timeout in milliseconds");
    qoe_transport_destroy(t);

    t = configured(net, GRPC, 100000000, NULL, 0, &bad);
    ok(sends(t, "grpc-timeout: 100000S"),
       "a timeout of more than eight digits is in seconds");
    qoe_transport_destroy(t);
    qoe_net_destroy(net);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_ALL);

    test_http();
    test_heads();
    test_unfinished();
    test_grpc();
    test_headers_end();
    test_headers();

    return tap_end();
}
