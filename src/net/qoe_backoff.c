
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_backoff.h"


uint64_t
qoe_backoff(uint64_t failures, int64_t server_ms, uint32_t random)
{
    uint64_t  ms, server;

    ms = QOE_BACKOFF_MAX_MS;

    if (failures <= 5) {
        ms = qoe_min(ms, (uint64_t) QOE_BACKOFF_MIN_MS << (failures - 1));
    }

    /* half of it or more, at random, so that workers do not come together */

    ms = ms / 2 + random % (ms / 2 + 1);

    /* a server that asks for a shorter delay, or none, does not shorten it */

    server = (uint64_t) qoe_max(server_ms, 0);

    return qoe_max(ms, qoe_min(server, (uint64_t) QOE_BACKOFF_SERVER_MAX_MS));
}


void
qoe_retry_init(qoe_retry_t *r)
{
    memset(r, 0, sizeof(qoe_retry_t));

    r->seed = (uint32_t) qoe_unix_ns();
}


bool
qoe_retry_due(const qoe_retry_t *r, uint64_t now_ms)
{
    return now_ms >= r->not_before_ms;
}


void
qoe_retry_failed(qoe_retry_t *r, uint64_t now_ms, int64_t server_ms,
    bool leaving)
{
    uint64_t  delay;

    if (!qoe_retry_due(r, now_ms)) {
        return;
    }

    r->failures++;
    r->seed = r->seed * 1664525 + 1013904223;

    delay = qoe_backoff(r->failures, server_ms, r->seed >> 8);

    if (leaving) {
        delay = qoe_min(delay, (uint64_t) QOE_BACKOFF_LEAVING_MS);
    }

    r->not_before_ms = now_ms + delay;
}


void
qoe_retry_succeeded(qoe_retry_t *r)
{
    r->failures = 0;
    r->not_before_ms = 0;
}
