
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: answers of a collector, one after another, from the lines that
 * libcurl would hand over to what becomes of the batch and when the next try
 * is.  The input says what the collector sends; an oracle (answer_oracle.h)
 * says what that means, and the module must agree with it.
 *
 * There is no network (answer_curl.h).
 */


#define _GNU_SOURCE                          /* strptime(), timegm() */

#include "answer_curl.h"
#include "answer_oracle.h"

#include "qoe_backoff.h"
#include "qoe_http_client.h"


#define LARGE              4096              /* instead of 4 MiB */
#define ANSWERS            8                 /* of an input, at most */


/* What the oracle knows of the answer that is being sent. */

typedef struct {
    int                 status;      /* 0: none came */
    int                 grpc;        /* -1: not said */
    bool                is_grpc;     /* by the type of the answer */
    char                encoding;    /* by the type: p, j, or 0 */
    int64_t             info;        /* of RetryInfo, ms */
    int64_t             after;       /* of Retry-After, ms */
    bool                large;
    bool                framed;      /* the body is a whole gRPC message */
    char                partial;     /* the body is a partial success: p, j */
    int64_t             rejected;
    CURLcode            rc;
} answer_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static qoe_transport_t  *transports[3];
static qoe_outcome_t     outcome;
static int               outcomes;

static const qoe_protocol_t  protocols[] = {
    QOE_PROTOCOL_GRPC, QOE_PROTOCOL_HTTP_PROTOBUF, QOE_PROTOCOL_HTTP_JSON
};

static const int  statuses[] = {
    200, 202, 204, 206, 299, 301, 302, 304, 307, 400, 401, 402,
    403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 414, 415, 418, 421, 422,
    425, 426, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 511, 520, 599,
    101, 199, 600, 999
};

static const CURLcode  failures[] = {
    CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_HTTP2,
    CURLE_HTTP2_STREAM, CURLE_OPERATION_TIMEDOUT, CURLE_WEIRD_SERVER_REPLY,
    CURLE_SEND_ERROR, CURLE_BAD_CONTENT_ENCODING, CURLE_COULDNT_CONNECT,
    CURLE_SSL_CONNECT_ERROR
};


static void
no_log(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    (void) ctx;
    (void) level;
    (void) text;
    (void) len;
}


static void
done(void *data, const qoe_outcome_t *o)
{
    (void) data;

    outcome = *o;
    outcomes++;
}


static void
transfer_done(qoe_net_transfer_t *x, CURLcode rc)
{
    (void) x;
    (void) rc;
    abort();
}


static qoe_transport_t *
transport(unsigned i)
{
    size_t                       s;
    qoe_log_t                    log = { no_log, NULL, QOE_LOG_ERR };
    static qoe_net_t            *net;
    static qoe_transport_conf_t  conf;

    if (transports[i] != NULL) {
        return transports[i];
    }

    if (net == NULL) {
        net = qoe_net_create(&log);
        check(net != NULL);
    }

    for (s = 0; s < QOE_SIGNALS; s++) {
        conf.url[s] = i ? qoe_span("http://collector:4318/v1/x")
                        : qoe_span("http://collector:4317");
    }

    conf.protocol = protocols[i];
    conf.timeout_ms = 10000;
    conf.connect_timeout_ms = 5000;
    conf.user_agent = qoe_span("fuzz");

    check(qoe_transport_create(&transports[i], net, &conf, &log) == QOE_OK);

    return transports[i];
}


/* As libcurl hands lines over: not terminated, each in memory of its own. */

static void
line(qoe_http_io_t *io, const char *name, const void *value, size_t len)
{
    char    *text;
    size_t   n;

    n = strlen(name);
    text = malloc(n + len + 2);
    check(text != NULL);

    memcpy(text, name, n);
    memcpy(text + n, value, len);
    memcpy(text + n + len, "\r\n", 2);

    check(on_header(text, 1, n + len + 2, io) == n + len + 2);

    free(text);
}


/* One header or trailer, into the module and into what the oracle knows. */

static void
header(qoe_http_io_t *io, input_t *in, answer_t *a)
{
    char        buf[256], text[400];
    time_t      at;
    qoe_span_t  s;

    switch (take(in, 10)) {

    case 0:
        snprintf(text, sizeof(text), "%u", take(in, 19));
        line(io, "grpc-status: ", text, strlen(text));
        a->grpc = oracle_grpc_code(qoe_span_str(text));
        break;

    case 1:
        s = take_value(in, buf);
        line(io, "Grpc-Status:", s.data, s.len);
        a->grpc = oracle_grpc_code(s);
        break;

    case 2:
        s = take_value(in, buf);
        line(io, "grpc-message: ", s.data, s.len);
        break;

    case 3:
        a->info = put_retry_info(in, text);
        line(io, "grpc-status-details-bin: ", text, strlen(text));
        break;

    case 4:
        s = take_value(in, buf);
        line(io, "grpc-status-details-bin: ", s.data, s.len);
        a->info = ANY;
        break;

    case 5:
        s = take_value(in, buf);
        line(io, "Retry-After:\t", s.data, s.len);
        a->after = oracle_retry_after(s, time(NULL));
        break;

    case 6:
        at = time(NULL) + (int16_t) take_bytes(in, 2);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&at));
        line(io, "retry-after: ", text, strlen(text));
        a->after = oracle_retry_after(qoe_span_str(text), time(NULL));
        break;

    case 7:
        s = take_value(in, buf);
        line(io, "content-type: ", s.data, s.len);
        a->is_grpc = s.len > 15 && memcmp(s.data, "application/grpc", 16) == 0;
        a->encoding = '?';
        break;

    case 8:
        a->encoding = "pj"[take(in, 2)];
        a->is_grpc = false;
        s = (a->encoding == 'p') ? qoe_span("Application/X-Protobuf")
                                 : qoe_span("application/json; charset=utf-8");
        line(io, "Content-Type: ", s.data, s.len);
        break;

    default:
        s = take_value(in, buf);
        line(io, "", s.data, s.len);

        /* it may be any of them */

        if (memchr(s.data, ':', s.len) != NULL || s.len == 0
            || memcmp(s.data, "HTTP/", qoe_min(s.len, (size_t) 5)) == 0)
        {
            a->rc = (CURLcode) -1;
        }
    }
}


static void
headers(qoe_http_io_t *io, input_t *in, answer_t *a)
{
    unsigned  n;

    for (n = take(in, 5); n != 0; n--) {
        header(io, in, a);
    }

    line(io, "", "", 0);
}


static void
answer_begin(answer_t *a)
{
    memset(a, 0, sizeof(answer_t));

    a->grpc = -1;
    a->info = -1;
    a->after = -1;
}


/* One piece of the body; false: the module wants no more. */

static bool
body(qoe_http_io_t *io, const void *data, size_t len)
{
    char    *copy;
    size_t   n;

    copy = malloc(len + 1);
    check(copy != NULL);
    memcpy(copy, data, len);

    n = len ? on_body(copy, 1, len, io) : len;
    free(copy);

    return n == len;
}


/* A partial success, by the encoding of the answer. */

static size_t
put_partial(input_t *in, answer_t *a, char *p)
{
    size_t         n;
    qoe_span_t     text;
    unsigned char  part[160];

    a->rejected = (int64_t) take_bytes(in, take(in, 9));
    a->partial = a->encoding == 'j' ? 'j' : 'p';
    text = take(in, 2) ? qoe_span("a \xc3\xa3 \x01\xc2\x85 b") : qoe_span("");

    if (a->partial == 'j') {
        return (size_t) sprintf(p, "{\"partialSuccess\":{\"rejectedLogRecords"
                                "\":\"%lld\",\"rejectedSpans\":%lld,"
                                "\"rejectedDataPoints\":\"%lld\","
                                "\"errorMessage\":\"%s\"}}",
                                (long long) a->rejected,
                                (long long) a->rejected,
                                (long long) a->rejected,
                                text.len ? "\\u0001\\n" : "");
    }

    n = put_number(part, 1, (uint64_t) a->rejected);
    n += put_bytes(part + n, 2, text.data, text.len);

    return put_bytes((unsigned char *) p, 1, part, n);
}


/* Whole, cut or wrong; over gRPC in a frame that may lie. */

static void
answer_body(qoe_http_io_t *io, input_t *in, answer_t *a, bool grpc)
{
    char        text[1024];
    size_t      n, at, cut, piece;
    unsigned    kind;
    qoe_span_t  s;

    memset(text, 0, sizeof(text));
    kind = take(in, 8);
    at = grpc ? 5 : 0;
    n = 0;

    if (kind < 4) {
        a->encoding = grpc ? 'p' : a->encoding;
        n = put_partial(in, a, text + at);

    } else if (kind < 7) {
        s = take_text(in, 255);
        memcpy(text + at, s.data ? s.data : "", s.len);
        n = s.len;
        a->rejected = n ? ANY : 0;
    }

    if (grpc) {
        memset(text, 0, at);
        text[4] = (char) n;
        text[3] = (char) (n >> 8);

        if (take(in, 4) == 0) {
            text[take(in, 5)] ^= (char) (1 + take(in, 255));
            a->rejected = ANY;
        }
    }

    n += at;

    if (take(in, 8) == 0) {
        cut = take(in, 256);
        n = qoe_min(n, cut);
        a->rejected = n ? ANY : 0;
    }

    a->framed = grpc && n >= 5 && memcmp(text, "\0\0", 3) == 0
                && (size_t) (uint8_t) text[3] * 256 + (uint8_t) text[4]
                   == n - 5;

    for (at = 0; at < n; at += piece) {
        piece = 1 + take(in, 200);
        piece = qoe_min(n - at, piece);
        check(body(io, text + at, piece));
    }

    if (take(in, 16) == 0) {
        memset(text, 'x', sizeof(text));

        while (body(io, text, sizeof(text))) { /* void */ }

        a->large = true;
        a->rejected = 0;
    }
}


/* Everything that comes before the end of the transfer. */

static void
answer(qoe_http_io_t *io, input_t *in, answer_t *a, bool grpc)
{
    char      text[64];
    unsigned  interim;

    answer_begin(a);
    http_status = 0;

    if (take(in, 16) == 0) {
        a->rc = failures[take(in, sizeof(failures) / sizeof(CURLcode))];
        return;
    }

    /* informational ones have headers of their own, and no meaning */

    for (interim = take(in, 8); interim > 5; interim--) {
        http_status = 100 + (long) take(in, 4);
        line(io, "HTTP/1.1 ", "103 Early", 9);
        headers(io, in, a);
    }

    answer_begin(a);
    a->status = take(in, 2)
                ? 200 : statuses[take(in, sizeof(statuses) / sizeof(int))];
    http_status = a->status;

    snprintf(text, sizeof(text), "%d", a->status);
    line(io, take(in, 2) ? "HTTP/2 " : "HTTP/1.1 ", text, strlen(text));

    if (grpc && take(in, 8) != 0) {
        line(io, "content-type: ", "application/grpc+proto", 22);
        a->is_grpc = true;
    }

    headers(io, in, a);
    answer_body(io, in, a, grpc);

    if (!a->large && take(in, 2)) {
        headers(io, in, a);
    }

    if (a->rc == 0 && (a->large || take(in, 4) == 0)) {
        a->rc = a->large ? CURLE_WRITE_ERROR
                         : failures[take(in, sizeof(failures)
                                             / sizeof(CURLcode))];
    }
}


/* The kind that is right; *delay: what the server asked for. */

static qoe_outcome_kind_t
right_grpc(const answer_t *a, int64_t *delay)
{
    *delay = -1;

    if (a->grpc >= 0) {
        *delay = a->info;
        return oracle_grpc(a->grpc, outcome.retry_after_ms >= 0);
    }

    if (a->status == 200 && a->is_grpc && (a->large || a->framed)) {
        return QOE_OUTCOME_OK;
    }

    if (a->large || a->rc == CURLE_OK) {
        if (http_version != CURL_HTTP_VERSION_2_0) {
            return QOE_OUTCOME_RETRY;
        }

        if (a->status != 200) {
            *delay = a->after;
        }

        return a->status / 100 == 2 ? QOE_OUTCOME_HOLD    /* as UNKNOWN is */
                                    : oracle_http(a->status);
    }

    return QOE_OUTCOME_RETRY;
}


static qoe_outcome_kind_t
right_http(const answer_t *a, unsigned *unfinished, int64_t *delay)
{
    qoe_outcome_kind_t  kind;

    *delay = -1;

    if (a->rc != CURLE_OK && a->status < 300 && !a->large) {

        if (a->status < 200) {
            return QOE_OUTCOME_RETRY;
        }

        return ++*unfinished > 3 ? QOE_OUTCOME_OK : QOE_OUTCOME_RETRY;
    }

    *unfinished = 0;
    kind = oracle_http(a->status);
    *delay = (kind == QOE_OUTCOME_RETRY || kind == QOE_OUTCOME_HOLD)
             ? a->after : -1;

    return kind;
}


/* What was rejected, of a batch of that many. */

static void
check_rejected(const answer_t *a, bool grpc, char encoding, uint64_t sent)
{
    uint64_t  n, right;

    n = qoe_outcome_rejected(&outcome, sent);
    check(n <= sent);

    if (outcome.kind != QOE_OUTCOME_OK) {
        check(outcome.rejected == 0);
        return;
    }

    if (outcome.unfinished || a->rejected == ANY
        || (grpc ? !a->is_grpc : a->encoding == '?')
        || (a->partial != 0 && a->partial != encoding))
    {
        return;
    }

    right = a->rejected < 0 ? 0 : (uint64_t) a->rejected;

    if (n != qoe_min(right, sent)) {
        fprintf(stderr, "%lld (%lld) rejected, not %lld\n", (long long) n,
                (long long) outcome.rejected, (long long) a->rejected);
        abort();
    }
}


static void
check_texts(void)
{
    const char  *p;

    check(oracle_is_text(outcome.message, sizeof(outcome.message)));
    check(oracle_is_text(outcome.error_type, sizeof(outcome.error_type)));
    check((outcome.kind == QOE_OUTCOME_OK) == (outcome.error_type[0] == '\0'));
    check(outcome.kind == QOE_OUTCOME_OK
          || qoe_outcome_error(&outcome)[0] != '\0');

    for (p = outcome.error_type; *p != '\0'; p++) {
        check(*p > ' ' && *p < 0x7f);
    }
}


/* As the exporter does it; the clock goes on, not always until it is due. */

static void
check_backoff(qoe_retry_t *retry, uint64_t *now, bool wait, bool leaving)
{
    uint64_t  base, delay, server;

    if (outcome.kind == QOE_OUTCOME_OK || outcome.kind == QOE_OUTCOME_FINAL) {
        qoe_retry_succeeded(retry);
        check(retry->failures == 0 && qoe_retry_due(retry, *now));
        return;
    }

    *now = wait ? qoe_max(*now, retry->not_before_ms) : *now;

    base = retry->failures;
    delay = retry->not_before_ms;
    wait = qoe_retry_due(retry, *now);

    qoe_retry_failed(retry, *now, outcome.retry_after_ms, leaving);
    check(retry->failures >= 1);

    if (!wait) {
        check(retry->failures == base && retry->not_before_ms == delay);
        return;
    }

    check(retry->failures == base + 1);
    check(!qoe_retry_due(retry, *now));

    delay = retry->not_before_ms - *now;

    for (server = 1, base = 1000; server < retry->failures && base < 30000;
         server++)
    {
        base *= 2;
    }

    base = qoe_min(base, (uint64_t) 30000);
    server = (uint64_t) qoe_max(outcome.retry_after_ms, 0);
    server = qoe_min(server, (uint64_t) 3600000);

    if (leaving) {
        check(delay <= 200);
        return;
    }

    check(delay >= base / 2 && delay >= server);
    check(delay <= qoe_max(base, server));
}


/* One answer to one request, and all that must be true of it. */

static void
exchange(qoe_transport_t *t, input_t *in, unsigned *unfinished, bool grpc)
{
    bool                drop;
    char                encoding;
    int64_t             delay;
    answer_t            a;
    qoe_transfer_t     *r;
    qoe_http_io_t      *io;
    qoe_outcome_kind_t  kind;

    r = t->idle;
    t->idle = NULL;
    io = r->io;
    drop = take(in, 4) == 0;
    t->drop_refused = drop;
    http_version = take(in, 8) ? CURL_HTTP_VERSION_2_0 : CURL_HTTP_VERSION_1_1;
    outcomes = 0;

    r->signal = (qoe_signal_t) take(in, QOE_SIGNALS);
    r->done = done;
    r->answered = false;
    r->expires_ms = UINT64_MAX;
    io->sent = take(in, 2);
    io->body.len = 1;
    io->head_len = 0;
    qoe_outcome_init(&r->outcome);
    qoe_http_io_reset(io);

    answer(io, in, &a, grpc);

    /* a header that may be any decides nothing the oracle knows of */

    kind = (a.rc == (CURLcode) -1) ? (qoe_outcome_kind_t) -1 : QOE_OUTCOME_OK;
    a.rc = (a.rc == (CURLcode) -1) ? CURLE_OK : a.rc;

    /* the outcome may be asked for without the end of the transfer */

    check(!r->answered || a.status != 0 || grpc);
    qoe_http_client_of(t)->hooks->outcome(io, a.rc);
    qoe_transport_finish(r);
    check(outcomes == 1 && t->idle == r);

    check(outcome.retry_after_ms >= -1 && outcome.retry_after_ms <= DAY_MS);
    check_texts();
    check(qoe_outcome_rejected(&outcome, 100) <= 100);

    if (kind == (qoe_outcome_kind_t) -1) {
        *unfinished = qoe_http_client_of(t)->unfinished;
        qoe_arena_reset(&t->arena);
        return;
    }

    kind = grpc ? right_grpc(&a, &delay) : right_http(&a, unfinished, &delay);
    kind = (kind == QOE_OUTCOME_HOLD && drop) ? QOE_OUTCOME_FINAL : kind;

    if (outcome.kind != kind) {
        fprintf(stderr, "%d, not %d: status %d, curl %d, grpc-status %d: %s\n",
                outcome.kind, kind, a.status, a.rc, a.grpc, outcome.message);
        abort();
    }

    if (delay != ANY) {
        check(llabs(outcome.retry_after_ms - delay) <= 2000);
    }

    encoding = grpc ? 'p' : a.encoding != 0 ? a.encoding
               : qoe_transport_encoding(t) == QOE_ENCODING_JSON ? 'j' : 'p';
    check_rejected(&a, grpc, encoding, take(in, 200));
    qoe_arena_reset(&t->arena);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t           in = { data, data + size };
    unsigned          i, n, unfinished;
    uint64_t          now;
    qoe_retry_t       retry;
    qoe_transfer_t   *r;
    qoe_transport_t  *t;

    i = take(&in, 3);
    t = transport(i);

    if (t->idle == NULL) {
        r = calloc(1, sizeof(qoe_transfer_t));
        check(r != NULL);
        r->t = t;
        t->idle = r;
        check(qoe_http_io_create(t->state, (qoe_http_io_t **) &r->io,
                                 transfer_done)
              == QOE_OK);
        ((qoe_http_io_t *) r->io)->r = r;
        ((qoe_http_io_t *) r->io)->answer.max = LARGE;
    }

    qoe_retry_init(&retry);
    retry.seed = (uint32_t) take_bytes(&in, 4);
    now = take_bytes(&in, 2);
    unfinished = 0;
    qoe_http_client_of(t)->unfinished = 0;

    for (n = 0; n < ANSWERS && in.p < in.end; n++) {
        exchange(t, &in, &unfinished, i == 0);
        check_backoff(&retry, &now, take(&in, 4) != 0, take(&in, 8) == 0);
        now += take_bytes(&in, 1) * 100;
    }

    return 0;
}
