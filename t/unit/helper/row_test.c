
/*
 * Copyright (C) OpenQoE
 *
 * The row of a helper in the zone: its worker's memory, and when it is written.
 */


#include "tap.h"
#include "qoe_helper_priv.h"
#include "qoe_self.h"

#include <stdlib.h>
#include <sys/mman.h>


#define MB  (1 << 20)


int
main(void)
{
    void *volatile               block;
    qoe_workers_t                w, more;
    static qoe_helper_t          h;
    static const qoe_hash_key_t  key = { 1, 2 };

    h.self = qoe_proc_self();
    h.state.self = mmap(NULL, QOE_SELF_MIN, PROT_READ|PROT_WRITE,
                        MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (h.state.self == MAP_FAILED) {
        abort();
    }

    qoe_self_create(h.state.self, QOE_SELF_MIN, &key);

    qoe_row_update(&h, 1000);
    qoe_self_workers(h.state.self, 1000, 100, &w);
    ok(w.helpers == 1 && w.stack >= 4096 && w.stack < 64 * MB,
       "a helper reports the stack of its worker: %llu bytes",
       (unsigned long long) w.stack);

    /* volatile: gcc 16 leaves out a block that is only compared and freed */

    block = malloc(MB);
    qoe_row_update(&h, 5999);
    qoe_self_workers(h.state.self, 5999, 100, &more);
    ok(block != NULL && more.heap == w.heap && more.helpers == 0,
       "it does so every five seconds");
    qoe_row_update(&h, 6000);
    qoe_self_workers(h.state.self, 6000, 100, &more);

    /* musl does not say */

    ok((more.heap >= w.heap + MB || (w.heap == 0 && more.heap == 0))
       && more.helpers == 1, "then its heap has what was allocated since");
    free(block);

    h.gone = true;
    qoe_row_update(&h, 20000);
    qoe_self_workers(h.state.self, 20000, 100, &more);
    ok(more.helpers == 0, "a helper that has left reports no more");

    return tap_end();
}
