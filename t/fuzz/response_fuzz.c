
/*
 * Copyright (C) OpenQoE
 *
 * What a collector may answer: the first byte says what it claims to be.
 */


#include "qoe_otlp.h"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t       n;
    unsigned      what;
    qoe_span_t    body, error;
    qoe_arena_t   arena;
    qoe_status_t  rc;

    if (size == 0) {
        return 0;
    }

    what = data[0] % 7;
    body = (qoe_span_t) { (const char *) data + 1, size - 1 };

    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);

    if (what == 6) {
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
