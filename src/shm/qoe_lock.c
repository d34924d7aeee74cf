
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_lock.h"
#include "qoe_atomic.h"

#include <sched.h>


#define QOE_LOCK_SPINS     128
#define QOE_LOCK_CHECK_MS  1             /* how often to check the owner */
#define QOE_LOCK_WAIT_MS   50            /* longest wait of an event loop */


static bool qoe_lock_try(uint64_t *word, qoe_proc_t self);
static bool qoe_lock_steal(uint64_t *word, qoe_proc_t self);


qoe_status_t
qoe_lock(uint64_t *word, qoe_proc_t self, bool *stolen)
{
    return qoe_lock_within(word, self, QOE_LOCK_WAIT_MS, stolen);
}


qoe_status_t
qoe_lock_within(uint64_t *word, qoe_proc_t self, uint64_t wait_ms,
    bool *stolen)
{
    int       i;
    uint64_t  now, start, check;

    *stolen = false;
    start = 0;
    check = 0;

    for ( ;; ) {

        for (i = 0; i < QOE_LOCK_SPINS; i++) {

            if (qoe_lock_try(word, self)) {
                return QOE_OK;
            }

#if defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
#endif
        }

        now = qoe_mono_ms();

        if (start == 0) {
            start = now;
            check = now + QOE_LOCK_CHECK_MS;
        }

        if (now >= check) {
            if (qoe_lock_steal(word, self)) {
                *stolen = true;
                return QOE_OK;
            }

            if (now - start >= wait_ms) {
                return QOE_BUSY;
            }

            check = now + QOE_LOCK_CHECK_MS;
        }

        sched_yield();
    }
}


void
qoe_unlock(uint64_t *word)
{
    qoe_publish(word, 0);
}


static bool
qoe_lock_try(uint64_t *word, qoe_proc_t self)
{
    uint64_t  free_word;

    free_word = 0;

    return qoe_peek(word) == 0
           && __atomic_compare_exchange_n(word, &free_word, self, false,
                                          __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}


static bool
qoe_lock_steal(uint64_t *word, qoe_proc_t self)
{
    uint64_t  owner;

    owner = qoe_acquire(word);

    if (owner == 0 || qoe_proc_alive(owner)) {
        return false;
    }

    return __atomic_compare_exchange_n(word, &owner, self, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
