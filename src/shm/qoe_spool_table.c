
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_zone_layout.h"
#include "qoe_lock.h"

#include <stdio.h>


#define QOE_SPOOL_READS    100


static bool qoe_spool_own(uint64_t *owner, qoe_proc_t self, bool *adopted);
static void qoe_spool_error(const qoe_dest_t *d, char *error, size_t size);
static void qoe_spool_error_set(qoe_dest_t *d, const char *error);


qoe_segment_entry_t *
qoe_spool_table(const qoe_zone_t *zone, uint32_t dest)
{
    return (qoe_segment_entry_t *) ((char *) zone + zone->segments_offset)
           + dest * QOE_SEGMENTS_MAX;
}


/*
 * The process in the owner word holds the entry in any state: the word is taken
 * first and cleared last.
 */

qoe_segment_entry_t *
qoe_spool_entry_new(qoe_zone_t *zone, uint32_t dest, qoe_proc_t self)
{
    bool                  adopted;
    uint32_t              i;
    qoe_segment_entry_t  *e;

    e = qoe_spool_table(zone, dest);

    for (i = 0; i < QOE_SEGMENTS_MAX; i++, e++) {

        if (qoe_acquire(&e->state) != QOE_SEGMENT_FREE
            || !qoe_spool_own(&e->owner, self, &adopted))
        {
            continue;
        }

        if (qoe_acquire(&e->state) != QOE_SEGMENT_FREE) {

            /* another process used and freed the entry between the two looks */

            qoe_publish(&e->owner, 0);
            continue;
        }

        qoe_publish(&e->id, 0);
        qoe_publish(&e->bytes, 0);
        qoe_publish(&e->events, 0);
        qoe_publish(&e->done, 0);
        qoe_publish(&e->oldest_ns, 0);
        qoe_publish(&e->flags, 0);
        qoe_publish(&e->state, QOE_SEGMENT_OPEN);

        return e;
    }

    return NULL;
}


qoe_status_t
qoe_spool_entry_claim(qoe_segment_entry_t *e, qoe_proc_t self, bool *adopted)
{
    if (qoe_acquire(&e->state) == QOE_SEGMENT_FREE
        || !qoe_spool_own(&e->owner, self, adopted))
    {
        return QOE_BUSY;
    }

    if (qoe_acquire(&e->state) == QOE_SEGMENT_FREE) {
        qoe_publish(&e->owner, 0);
        return QOE_BUSY;
    }

    return QOE_OK;
}


void
qoe_spool_entry_seal(qoe_segment_entry_t *e)
{
    qoe_publish(&e->state, QOE_SEGMENT_SEALED);
    qoe_publish(&e->owner, 0);
}


void
qoe_spool_entry_free(qoe_segment_entry_t *e)
{
    qoe_publish(&e->state, QOE_SEGMENT_FREE);
    qoe_publish(&e->owner, 0);
}


bool
qoe_spool_backlog_take(qoe_zone_t *zone, uint32_t dest, qoe_proc_t self)
{
    bool       adopted;
    uint64_t  *owner;

    owner = &qoe_zone_dest(zone, dest)->backlog;

    return qoe_acquire(owner) == self || qoe_spool_own(owner, self, &adopted);
}


void
qoe_spool_backlog_give(qoe_zone_t *zone, uint32_t dest, qoe_proc_t self)
{
    __atomic_compare_exchange_n(&qoe_zone_dest(zone, dest)->backlog, &self, 0,
                                false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}


/*
 * Takes the ownership from no process, or from a dead one, which sets *adopted.
 */

static bool
qoe_spool_own(uint64_t *owner, qoe_proc_t self, bool *adopted)
{
    uint64_t  old;

    old = qoe_acquire(owner);

    if (old == self || (old != 0 && qoe_proc_alive(old))) {
        return false;
    }

    *adopted = (old != 0);

    return __atomic_compare_exchange_n(owner, &old, self, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}


void
qoe_spool_info(const qoe_zone_t *zone, uint32_t dest, qoe_spool_info_t *info)
{
    uint32_t                    i;
    uint64_t                    events, done, oldest;
    const qoe_dest_t           *d;
    const qoe_segment_entry_t  *e;

    memset(info, 0, sizeof(qoe_spool_info_t));

    e = qoe_spool_table(zone, dest);

    for (i = 0; i < QOE_SEGMENTS_MAX; i++, e++) {

        if (qoe_acquire(&e->state) == QOE_SEGMENT_FREE) {
            continue;
        }

        /* read done first: events can only have grown meanwhile */

        done = qoe_acquire(&e->done);
        events = qoe_acquire(&e->events);
        oldest = qoe_acquire(&e->oldest_ns);

        info->segments++;
        info->bytes += qoe_acquire(&e->bytes);

        if (events <= done) {
            continue;
        }

        info->events += events - done;

        if (oldest != 0
            && (info->oldest_ns == 0 || oldest < info->oldest_ns))
        {
            info->oldest_ns = oldest;
        }
    }

    d = qoe_zone_dest(zone, dest);

    info->failed_ms = qoe_acquire(&d->failed_ms);
    qoe_spool_error(d, info->error, sizeof(info->error));
}


void
qoe_spool_report(qoe_zone_t *zone, uint32_t dest, const char *error)
{
    uint64_t     none;
    qoe_dest_t  *d;

    d = qoe_zone_dest(zone, dest);

    if (error == NULL) {
        if (qoe_acquire(&d->failed_ms) != 0) {
            qoe_publish(&d->failed_ms, 0);
        }

        return;
    }

    qoe_spool_error_set(d, error);

    /* keep the time of the first failure */

    none = 0;
    __atomic_compare_exchange_n(&d->failed_ms, &none,
                                qoe_max(qoe_mono_ms(), 1), false,
                                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}


/*
 * Called only by helper threads, and only after a failure, so waiting shortly
 * for the lock does no harm.
 */

static void
qoe_spool_error_set(qoe_dest_t *d, const char *error)
{
    bool      stolen;
    uint64_t  seq;

    if (qoe_lock(&d->error_lock, qoe_proc_self(), &stolen) != QOE_OK) {
        return;
    }

    seq = d->error_seq | 1;
    __atomic_store_n(&d->error_seq, seq, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    snprintf(d->error, sizeof(d->error), "%s", error);

    qoe_publish(&d->error_seq, seq + 1);
    qoe_unlock(&d->error_lock);
}


static void
qoe_spool_error(const qoe_dest_t *d, char *error, size_t size)
{
    int       i;
    uint64_t  seq;

    for (i = 0; i < QOE_SPOOL_READS; i++) {
        seq = qoe_acquire(&d->error_seq);
        memcpy(error, d->error, qoe_min(size, sizeof(d->error)));
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if ((seq & 1) == 0 && seq == qoe_acquire(&d->error_seq)) {
            break;
        }
    }

    error[size - 1] = '\0';
}


bool
qoe_spool_any_failing(const qoe_zone_t *zone)
{
    uint32_t           dest;
    const qoe_dest_t  *d;

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        d = qoe_zone_dest(zone, dest);

        if (qoe_dest_stores_events(d) && qoe_acquire(&d->failed_ms) != 0) {
            return true;
        }
    }

    return false;
}
