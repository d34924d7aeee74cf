
/*
 * Copyright (C) OpenQoE
 */


#include "tap.h"
#include "qoe_outcome.h"
#include "qoe_backoff.h"
#include "qoe_grpc_text.h"


static bool
one_of(const int *list, size_t n, int value)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (list[i] == value) {
            return true;
        }
    }

    return false;
}


static void
test_http(void)
{
    int                 i, wrong;
    qoe_outcome_t       o;
    qoe_outcome_kind_t  kind;

    /*
     * These two lists are retried or held; any other 4xx blames the request's
     * body.
     */

    static const int  again[] = { 429, 502, 503, 504 };
    static const int  hold[] = {
        401, 402, 403, 404, 405, 407, 408, 410, 421
    };

    wrong = 0;

    for (i = 100; i < 600; i++) {
        qoe_outcome_init(&o);
        qoe_outcome_http(&o, i);

        kind = (i >= 200 && i <= 299) ? QOE_OUTCOME_OK
               : one_of(again, 4, i) ? QOE_OUTCOME_RETRY
               : one_of(hold, 9, i) || i <= 399 || i >= 500
               ? QOE_OUTCOME_HOLD : QOE_OUTCOME_FINAL;

        wrong += (o.kind != kind || o.http_status != i
                  || (kind == QOE_OUTCOME_OK) != (o.error_type[0] == '\0'));
    }

    ok(wrong == 0,
       "HTTP: each status has its kind of outcome (%d wrong)", wrong);

    qoe_outcome_http(&o, 101);
    ok(o.kind == QOE_OUTCOME_HOLD,
       "HTTP: a collector that switches protocols does not blame the batch");

    qoe_outcome_http(&o, 503);
    ok(strcmp(o.error_type, "503") == 0, "HTTP: error.type is the status");
    ok(o.grpc_status == -1 && o.retry_after_ms == -1,
       "HTTP: the status alone sets neither gRPC's status nor a delay");
}


static void
test_grpc(void)
{
    int            i, wrong;
    qoe_outcome_t  o;

    static const int  again[] = { 1, 4, 10, 11, 14, 15 };
    static const int  hold[] = { 2, 5, 7, 12, 13, 16 };

    wrong = 0;

    for (i = 1; i <= 16; i++) {
        qoe_outcome_init(&o);
        qoe_outcome_grpc(&o, i);

        wrong += (o.kind != (one_of(again, 6, i) ? QOE_OUTCOME_RETRY
                             : one_of(hold, 6, i) ? QOE_OUTCOME_HOLD
                             : QOE_OUTCOME_FINAL)
                  || o.grpc_status != i || o.error_type[0] == '\0');
    }

    ok(wrong == 0, "gRPC: each code has its kind of outcome (%d wrong)", wrong);

    qoe_outcome_init(&o);
    qoe_outcome_grpc(&o, 0);
    ok(o.kind == QOE_OUTCOME_OK && o.error_type[0] == '\0',
       "gRPC: the code OK is a good outcome");

    qoe_outcome_init(&o);
    qoe_outcome_grpc(&o, QOE_GRPC_RESOURCE_EXHAUSTED);
    ok(o.kind == QOE_OUTCOME_FINAL,
       "gRPC: RESOURCE_EXHAUSTED alone blames the batch");

    qoe_outcome_init(&o);
    o.retry_after_ms = 0;
    qoe_outcome_grpc(&o, QOE_GRPC_RESOURCE_EXHAUSTED);
    ok(o.kind == QOE_OUTCOME_RETRY,
       "gRPC: RESOURCE_EXHAUSTED with RetryInfo is to be retried");
    ok(strcmp(o.error_type, "RESOURCE_EXHAUSTED") == 0,
       "gRPC: error.type is the code's name");

    qoe_outcome_grpc(&o, 17);
    ok(o.kind == QOE_OUTCOME_HOLD && o.grpc_status == QOE_GRPC_UNKNOWN,
       "gRPC: code 17 becomes UNKNOWN");
    qoe_outcome_grpc(&o, -5);
    ok(o.grpc_status == QOE_GRPC_UNKNOWN, "gRPC: code -5 becomes UNKNOWN");
    ok(strcmp(qoe_grpc_status_name(16), "UNAUTHENTICATED") == 0,
       "gRPC: code 16 has the name UNAUTHENTICATED");
}


static void
test_curl(void)
{
    int            rc, wrong;
    qoe_outcome_t  o;

    wrong = 0;

    for (rc = 1; rc < CURL_LAST; rc++) {
        qoe_outcome_init(&o);
        qoe_outcome_curl(&o, rc);
        wrong += (o.kind != QOE_OUTCOME_RETRY || o.error_type[0] == '\0');
    }

    ok(wrong == 0,
       "curl: after any error the request may be sent again (%d wrong)", wrong);

    qoe_outcome_curl(&o, CURLE_OPERATION_TIMEDOUT);
    ok(strcmp(o.error_type, "timeout") == 0,
       "curl: a timeout has error.type timeout");
    qoe_outcome_curl(&o, CURLE_FTP_ACCEPT_FAILED);
    ok(strcmp(o.error_type, "curl_10") == 0,
       "curl: an error without a name of ours has its number as error.type");
}


/* What errors are called in metrics and logs. */

static void
test_names(void)
{
    int            i, wrong;
    size_t         k;
    qoe_outcome_t  o;

    static const char *const  grpc[] = {
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
        "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED"
    };
    static const struct {
        CURLcode     rc;
        const char  *name;
    } curl[] = {
        { CURLE_COULDNT_RESOLVE_HOST, "resolve" },
        { CURLE_COULDNT_CONNECT, "connect" },
        { CURLE_OPERATION_TIMEDOUT, "timeout" },
        { CURLE_HTTP2, "http2" }, { CURLE_HTTP2_STREAM, "http2" },
        { CURLE_PARTIAL_FILE, "closed" }, { CURLE_GOT_NOTHING, "closed" },
        { CURLE_SEND_ERROR, "send" }, { CURLE_RECV_ERROR, "receive" },
        { CURLE_WEIRD_SERVER_REPLY, "protocol" },
        { CURLE_UNSUPPORTED_PROTOCOL, "protocol" },
        { CURLE_SSL_CONNECT_ERROR, "tls_handshake" },
        { CURLE_PEER_FAILED_VERIFICATION, "tls_verify" },
        { CURLE_SSL_CERTPROBLEM, "tls_certificate" },
        { CURLE_SSL_CACERT_BADFILE, "tls_ca" },
        { CURLE_OUT_OF_MEMORY, "memory" }
    };

    for (i = 0, wrong = 0; i < 17; i++) {
        qoe_outcome_init(&o);
        qoe_outcome_grpc(&o, i);
        wrong += strcmp(qoe_grpc_status_name(i), grpc[i]) != 0
                 || strcmp(o.error_type, i == 0 ? "" : grpc[i]) != 0;
    }

    ok(wrong == 0 && strcmp(qoe_grpc_status_name(17), "UNKNOWN") == 0
       && strcmp(qoe_grpc_status_name(-1), "UNKNOWN") == 0,
       "gRPC: each code has its name, any other number that of UNKNOWN");

    for (k = 0, wrong = 0; k < sizeof(curl) / sizeof(curl[0]); k++) {
        qoe_outcome_init(&o);
        qoe_outcome_curl(&o, curl[k].rc);
        wrong += strcmp(o.error_type, curl[k].name) != 0
                 || o.kind != QOE_OUTCOME_RETRY;
    }

    ok(wrong == 0, "curl: errors that happen have a name of ours");

    qoe_outcome_init(&o);
    ok(o.kind == QOE_OUTCOME_OK && o.retry_after_ms == -1
       && o.grpc_status == -1 && o.http_status == 0 && o.rejected == 0
       && o.message[0] == '\0' && o.error_type[0] == '\0',
       "an outcome begins as a good one");

    qoe_outcome_fail(&o, QOE_OUTCOME_HOLD, "memory");
    ok(o.kind == QOE_OUTCOME_HOLD
       && strcmp(qoe_outcome_error(&o), "memory") == 0,
       "without a message an error is called by its type");
    qoe_outcome_message(&o, "no %s", "room");
    ok(strcmp(qoe_outcome_error(&o), "no room") == 0
       && strcmp(o.error_type, "memory") == 0,
       "with a message by that");
}


/* A collector may reject no more than it was sent, and no less than nothing. */

static void
test_rejected(void)
{
    size_t         i;
    qoe_outcome_t  o;
    static const struct {
        int64_t     rejected;
        uint64_t    sent;
        uint64_t    counted;
    } rows[] = {
        { 0, 5, 0 }, { 1, 5, 1 }, { 5, 5, 5 }, { 6, 5, 5 }, { -1, 5, 0 },
        { INT64_MAX, 5, 5 }, { INT64_MIN, 5, 0 }, { 3, 0, 0 }
    };

    qoe_outcome_init(&o);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        o.rejected = rows[i].rejected;
        ok(qoe_outcome_rejected(&o, rows[i].sent) == rows[i].counted,
           "of %llu events that were sent %lld rejected ones count as %llu",
           (unsigned long long) rows[i].sent, (long long) rows[i].rejected,
           (unsigned long long) rows[i].counted);
    }
}


static void
test_retry_after(void)
{
    size_t   i;
    int64_t  ms;

    static const char  far[] = ",1Oct 1102415555";

    /* 784111777 is Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110. */

    static const struct {
        const char  *value;
        int64_t      now;
        int64_t      ms;
    } cases[] = {
        { "0", 0, 0 },
        { "120", 0, 120000 },
        { "9", 0, 9000 },
        { "86399", 0, 86399000 },
        { "86400", 0, QOE_RETRY_AFTER_MAX_MS },
        { "86401", 0, QOE_RETRY_AFTER_MAX_MS },
        { "000000000000000000000000000000000000000000000000000000000000007",
          0, 7000 },
        { "0000000000000000000000000000000000000000000000000000000000000007",
          0, -1 },
        { "/5", 0, -1 },
        { "5:", 0, -1 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 10, 10000 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 10, 0 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 - 10, 10000 },
        { "Sun Nov  6 08:49:37 1994", 784111777 - 10, 10000 },
        { "99999999999999999999999999", 0, QOE_RETRY_AFTER_MAX_MS },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 0, QOE_RETRY_AFTER_MAX_MS },
        { "", 0, -1 },
        { "-1", 0, -1 },
        { "1.5", 0, -1 },
        { "soon", 0, -1 },
        { "10 s", 0, -1 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ok(qoe_retry_after(qoe_span_str(cases[i].value), cases[i].now)
           == cases[i].ms,
           "Retry-After \"%s\" gives the delay that RFC 9110 says",
           cases[i].value);
    }

    /* Of the year 1102415555 the seconds times 1000 do not fit. */

    ms = qoe_retry_after(qoe_span_str(far), 784111777);

    ok(ms == QOE_RETRY_AFTER_MAX_MS
       || (ms == -1 && curl_getdate(far, NULL) == -1),
       "Retry-After \"%s\" gives the longest delay, or is no date where "
       "libcurl, as of 8.14, reads none", far);
}


static void
test_backoff(void)
{
    int       i, wrong;
    uint64_t  failures, ms, least;

    wrong = 0;

    for (failures = 1; failures < 10; failures++) {

        least = qoe_min(1000u << qoe_min(failures - 1, 10), 30000u) / 2;

        for (i = 0; i < 1000; i++) {
            ms = qoe_backoff(failures, -1, (uint32_t) i * 7919);
            wrong += (ms < least || ms > 2 * least);

            ms = qoe_backoff(failures, i % 2, (uint32_t) i * 7919);
            wrong += (ms < least || ms > 2 * least);
        }
    }

    ok(wrong == 0, "back-off: a server that asks for 0 or 1 ms never shortens "
       "it (%d wrong)", wrong);
    ok(qoe_backoff(1, 7000, 0) == 7000 && qoe_backoff(9, 16000, 0) == 16000,
       "back-off: a server that asks for longer than it gets that");
    ok(qoe_backoff(9, 16000, 15000) == 30000,
       "back-off: the longer of the two counts");
    ok(qoe_backoff(1, INT64_MAX, 0) == QOE_BACKOFF_SERVER_MAX_MS,
       "back-off: a server cannot ask for more than an hour");
}


/* Both ends of each step are reached, and nothing beyond them. */

static void
test_backoff_bounds(void)
{
    int                    wrong;
    uint32_t               i;
    uint64_t               ms, least, most;
    static const uint64_t  step[] = { 1000, 2000, 4000, 8000, 16000, 30000,
                                      30000 };

    for (i = 0, wrong = 0; i < 7; i++) {
        least = step[i] / 2;
        most = step[i];

        wrong += qoe_backoff(i + 1, -1, 0) != least;
        wrong += qoe_backoff(i + 1, -1, (uint32_t) least) != most;
        wrong += qoe_backoff(i + 1, -1, (uint32_t) least + 1) != least;

        ms = qoe_backoff(i + 1, (int64_t) least + 1, 0);
        wrong += ms != least + 1;
    }

    ok(wrong == 0, "back-off: a step is from half of it to the whole of it, "
       "and the sixth and later ones are of 30 s");
    ok(qoe_backoff(UINT64_MAX, -1, 0) == 15000,
       "back-off: no number of failures is too large");
}


/* Times are far from 0, as those of a machine that runs for long are. */

static void
test_retry(void)
{
    int           apart;
    uint64_t      due, last;
    const uint64_t  now = 5000000;
    qoe_retry_t   r, other;

    qoe_retry_init(&r);
    ok(r.failures == 0 && qoe_retry_due(&r, 0),
       "retry: the first try is due at once");

    qoe_retry_failed(&r, now, -1, false);
    due = r.not_before_ms;
    ok(r.failures == 1 && due >= now + 500 && due <= now + 1000,
       "retry: after a failure the next try is due in 0.5 to 1 s");
    ok(!qoe_retry_due(&r, due - 1) && qoe_retry_due(&r, due),
       "retry: the next try is due at that millisecond, not before");

    qoe_retry_failed(&r, due - 1, 100000, false);
    ok(r.failures == 1 && r.not_before_ms == due,
       "retry: failures of tries that were under way count as one");

    qoe_retry_failed(&r, due, -1, false);
    ok(r.failures == 2 && r.not_before_ms >= due + 1000
       && r.not_before_ms <= due + 2000,
       "retry: the failure of the next try counts, and doubles the wait");

    last = r.not_before_ms;
    qoe_retry_failed(&r, last, 60000, false);
    ok(r.not_before_ms == last + 60000,
       "retry: a server that asks for a minute gets a minute");

    last = r.not_before_ms;
    qoe_retry_failed(&r, last, 60000, true);
    ok(r.not_before_ms == last + QOE_BACKOFF_LEAVING_MS,
       "retry: an exit does not wait that long");

    qoe_retry_succeeded(&r);
    ok(r.failures == 0 && qoe_retry_due(&r, 0),
       "retry: a success ends the waiting and the counting");

    /* of two with other seeds: not always the same wait */

    memset(&other, 0, sizeof(other));
    r.seed = 1;
    other.seed = 2;

    for (apart = 0, last = now; last < now + 100000; last += 40000) {
        qoe_retry_failed(&r, last, -1, false);
        qoe_retry_failed(&other, last, -1, false);
        apart += r.not_before_ms != other.not_before_ms;
    }

    ok(apart > 0 && r.failures == 3,
       "retry: two processes that failed together do not come back together");
}


static void
test_message(void)
{
    char           text[600];
    size_t         i;
    qoe_outcome_t  o;

    static const char *const  cases[][2] = {
        { "plain", "plain" },
        { "a\r\nb\tc\x7f", "a  b c " },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
          "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "\xff\xfe", "??" },
        { "\xc0\x80", "??" },                        /* overlong */
        { "\xed\xa0\x80", "???" },                   /* a surrogate */
        { "\xf4\x90\x80\x80", "????" },              /* past U+10FFFF */
        { "\xe2\x82", "??" },                        /* cut */
        { "\xc2\x85", "??" },                        /* a C1 control */
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        qoe_outcome_message(&o, "%s", cases[i][0]);
        ok(strcmp(o.message, cases[i][1]) == 0,
           "message %zu is clean UTF-8", i);
    }

    /* The euro sign has three bytes: 85 of them fit with the NUL. */

    for (i = 0; i < sizeof(text) - 3; i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 3);
    }

    text[i] = '\0';

    qoe_outcome_message(&o, "%s", text);
    ok(strlen(o.message) == 255 && memcmp(o.message, text, 255) == 0,
       "a long message is cut between characters");

    qoe_outcome_message(&o, "x%s", text);
    ok(strlen(o.message) == 253,
       "a long message is cut before a character that does not fit");
}


static void
test_grpc_text(void)
{
    char          dst[64];
    size_t        i, len;
    qoe_status_t  status;

    static const char *const  percent[][2] = {
        { "a%20b%25", "a b%" }, { "%e4%C3", "\xe4\xc3" },
        { "%", "%" }, { "%4", "%4" }, { "%zz", "%zz" }, { "100%", "100%" },
        { "", "" }, { "%%41", "%A" },
    };

    static const struct {
        const char  *text;
        int          len;        /* -1: invalid */
    } base64[] = {
        { "", 0 }, { "QQ", 1 }, { "QQ==", 1 }, { "QUI", 2 }, { "QUI=", 2 },
        { "QUJD", 3 }, { "QUJDRA", 4 }, { "Q", -1 }, { "QUJDR", -1 },
        { "Q Q=", -1 }, { "QQ=Q", -1 }, { "Q-_Q", -1 },
    };

    static const struct {
        const char  *text;
        int          n;
    } status_of[] = {
        { "0", 0 }, { "16", 16 }, { "", -1 }, { "-1", -1 }, { "x", -1 },
        { "1 ", -1 }, { "4294967296", -1 },
    };

    for (i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
        qoe_grpc_percent_decode(dst, sizeof(dst), qoe_span_str(percent[i][0]));
        ok(strcmp(dst, percent[i][1]) == 0, "percent \"%s\"", percent[i][0]);
    }

    qoe_grpc_percent_decode(dst, 4, qoe_span("%41%42%43%44"));
    ok(strcmp(dst, "ABC") == 0, "percent-encoded text that is too long is cut");

    for (i = 0; i < sizeof(base64) / sizeof(base64[0]); i++) {
        len = 0;
        status = qoe_grpc_base64_decode(dst, &len,
                                        qoe_span_str(base64[i].text));

        ok(base64[i].len < 0 ? status == QOE_INVALID
           : status == QOE_OK && len == (size_t) base64[i].len
             && memcmp(dst, "ABCD", len) == 0,
           "base64 \"%s\" is decoded or refused", base64[i].text);
    }

    for (i = 0; i < sizeof(status_of) / sizeof(status_of[0]); i++) {
        ok(qoe_grpc_status(qoe_span_str(status_of[i].text)) == status_of[i].n,
           "grpc-status \"%s\" gives its code", status_of[i].text);
    }
}


int
main(void)
{
    test_http();
    test_grpc();
    test_curl();
    test_names();
    test_rejected();
    test_retry_after();
    test_backoff();
    test_backoff_bounds();
    test_retry();
    test_message();
    test_grpc_text();

    return tap_end();
}
