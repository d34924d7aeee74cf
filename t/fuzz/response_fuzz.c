
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: the parts of a collector's answer, each on its own: the first
 * byte says which it is.  answer_fuzz.c puts them together.
 */


#define _GNU_SOURCE                          /* strptime(), timegm() */

#include "answer_oracle.h"

#include "qoe_grpc_text.h"
#include "qoe_otlp.h"


#define MESSAGE            256


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* Seconds or a date, at some time of the clock. */

static void
retry_after(input_t *in)
{
    int64_t     now_s, ms, right;
    qoe_span_t  s;

    now_s = (int64_t) take_bytes(in, 5);
    s = (qoe_span_t) { (const char *) in->p, (size_t) (in->end - in->p) };

    ms = qoe_retry_after(s, now_s);
    right = oracle_retry_after(s, now_s);

    check(ms >= -1 && ms <= DAY_MS);
    check(right == ANY || ms == right);
}


/* grpc-status, and grpc-message: bytes that are no escape stay. */

static void
grpc_text(qoe_span_t s)
{
    int     code;
    char    text[MESSAGE], again[3 * MESSAGE];
    char   *p;
    size_t  i;

    code = qoe_grpc_status(s);
    check(code >= 0 || !oracle_digits(s) || s.len > 8);
    check(code < 0 || oracle_grpc_code(s) == (code > 16 ? 2 : code));

    memset(text, 'x', sizeof(text));
    qoe_grpc_percent_decode(text, sizeof(text), s);
    check(memchr(text, '\0', sizeof(text)) != NULL);

    /* Text that was escaped as a whole comes back as it was. */

    for (i = 0, p = again; i < s.len && i + 1 < sizeof(text); i++) {
        p += sprintf(p, "%%%02X", (uint8_t) s.data[i]);
    }

    qoe_grpc_percent_decode(text, sizeof(text),
                            (qoe_span_t) { again, (size_t) (p - again) });
    check(i == 0 || memcmp(text, s.data, i) == 0);
    check(text[i] == '\0');
}


/* A text for the log, whatever the collector sent. */

static void
message(qoe_span_t s)
{
    qoe_outcome_t  o;

    qoe_outcome_init(&o);
    qoe_outcome_message(&o, "collector: %.*s", (int) s.len, s.data);

    check(oracle_is_text(o.message, sizeof(o.message)));
    check(strncmp(o.message, "collector: ", 11) == 0);
}


static void
base64(qoe_span_t s, qoe_arena_t *arena)
{
    char    *dst;
    size_t   len;

    dst = qoe_arena_alloc(arena, QOE_BASE64_MAX(s.len));
    check(dst != NULL);

    len = 0;

    if (qoe_grpc_base64_decode(dst, &len, s) == QOE_OK) {
        check(len <= s.len / 4 * 3 + 2);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t       in;
    int64_t       n;
    unsigned      what;
    qoe_span_t    body, error;
    qoe_arena_t   arena;
    qoe_status_t  rc;

    if (size == 0) {
        return 0;
    }

    what = data[0] % 11;
    body = (qoe_span_t) { (const char *) data + 1, size - 1 };

    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);

    in = (input_t) { data + 1, data + size };

    if (what == 7) {
        retry_after(&in);

    } else if (what == 8) {
        grpc_text(body);

    } else if (what == 9) {
        message(body);

    } else if (what == 10) {
        base64(body, &arena);

    } else if (what == 6) {
        rc = qoe_otlp_retry_info(body, &n, &arena);

        if (n < -1 || (rc != QOE_OK && n != -1)) {
            abort();
        }

    } else {
        rc = qoe_otlp_response((qoe_signal_t) (what / 2),
                               (qoe_encoding_t) (what % 2), body, &n, &error,
                               &arena);

        if (n < 0 || (rc == QOE_INVALID && n != 0)
            || (error.data != NULL && strlen(error.data) != error.len))
        {
            abort();
        }
    }

    qoe_arena_free(&arena);

    return 0;
}
