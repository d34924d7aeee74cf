
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_backoff.h"


uint64_t
qoe_backoff(uint64_t failures, int64_t server_ms, uint32_t random)
{
    uint64_t  ms;

    if (server_ms >= 0) {
        return qoe_min((uint64_t) server_ms, QOE_BACKOFF_SERVER_MAX_MS);
    }

    ms = QOE_BACKOFF_MAX_MS;

    if (failures <= 5) {
        ms = qoe_min(ms, (uint64_t) QOE_BACKOFF_MIN_MS << (failures - 1));
    }

    /* from half of it up, so that many workers do not come back as one */

    return ms / 2 + random % (ms / 2 + 1);
}
