
/*
 * Copyright (C) OpenQoE
 *
 * Exporters in a lane: which of them take part, how far each of them is, and
 * the floor below them all.  Every function that writes is called only by the
 * owner of the lane, which may be killed after any store: so a position and its
 * number of records change together, as do a membership and all its counters,
 * and the next owner computes the floor anew.
 */


#include "qoe_zone_layout.h"

#include <stdio.h>


#define QOE_HEALTH_READS   100


static void qoe_member_set(qoe_lane_dest_t *ld, const qoe_member_t *member);
static void qoe_lane_dest_join(qoe_zone_t *zone, uint32_t lane,
    uint32_t dest);
static uint64_t qoe_lane_dest_leave(qoe_zone_t *zone, uint32_t lane,
    uint32_t dest);
static void qoe_lane_dest_take_over(qoe_lane_dest_t *ld);
static void qoe_lane_floor_move(qoe_zone_t *zone, uint32_t lane);
static void qoe_lane_wake_all(qoe_zone_t *zone, uint32_t lane);


uint64_t
qoe_member_get(const qoe_lane_dest_t *ld, qoe_member_t *member)
{
    uint64_t             version;
    const qoe_member_t  *m;

    do {
        version = qoe_acquire(&ld->member_version);
        m = &ld->member[version & 1];

        member->incarnation = qoe_peek(&m->incarnation);
        member->active = qoe_peek(&m->active);
        member->joined = qoe_peek(&m->joined);
        member->left = qoe_peek(&m->left);
        member->removed = qoe_peek(&m->removed);

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

    } while (qoe_peek(&ld->member_version) != version);

    return version;
}


static void
qoe_member_set(qoe_lane_dest_t *ld, const qoe_member_t *member)
{
    uint64_t       version;
    qoe_member_t  *m;

    version = ld->member_version + 1;
    m = &ld->member[version & 1];

    __atomic_thread_fence(__ATOMIC_RELEASE);

    qoe_poke(&m->incarnation, member->incarnation);
    qoe_poke(&m->active, member->active);
    qoe_poke(&m->joined, member->joined);
    qoe_poke(&m->left, member->left);
    qoe_poke(&m->removed, member->removed);

    qoe_publish(&ld->member_version, version);
}


bool
qoe_member_in(const qoe_dest_t *d, const qoe_lane_dest_t *ld)
{
    qoe_member_t  m;

    (void) qoe_member_get(ld, &m);

    return m.active && m.incarnation == qoe_acquire(&d->incarnation);
}


uint64_t
qoe_lane_dests(qoe_zone_t *zone, uint32_t lane)
{
    bool              in, wanted;
    uint32_t          dest;
    uint64_t          removed;
    qoe_lane_dest_t  *ld;

    removed = 0;

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        if (qoe_lane_dest_in(zone, lane, dest)) {
            qoe_lane_dest_take_over(qoe_zone_lane_dest(zone, lane, dest));
        }
    }

    /* the previous owner may have died between moving a head and the floor */

    qoe_lane_floor_move(zone, lane);

    /*
     * let exporters in before others leave: the floor must not move past
     * records that a new exporter is to get
     */

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        if (qoe_dest_wanted(zone, dest)
            && !qoe_lane_dest_in(zone, lane, dest))
        {
            qoe_lane_dest_join(zone, lane, dest);
        }
    }

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        ld = qoe_zone_lane_dest(zone, lane, dest);
        in = qoe_member_in(qoe_zone_dest(zone, dest), ld);
        wanted = qoe_dest_wanted(zone, dest);

        if (in && !wanted) {
            removed += qoe_lane_dest_leave(zone, lane, dest);
        }
    }

    qoe_lane_floor_move(zone, lane);
    qoe_lane_wake_all(zone, lane);

    return removed;
}


/*
 * An exporter that is new to the lane gets everything from the floor on.  If it
 * comes back, it does not start before its old position; records that were
 * given up when it left and still exist are accepted once more.
 */

static void
qoe_lane_dest_join(qoe_zone_t *zone, uint32_t lane, uint32_t dest)
{
    uint64_t          pos, old_pos, incarnation, seq;
    qoe_kind_t        kind;
    qoe_counts_t      records, old_records;
    qoe_member_t      m;
    qoe_lane_dest_t  *ld;

    ld = qoe_zone_lane_dest(zone, lane, dest);
    incarnation = qoe_acquire(&qoe_zone_dest(zone, dest)->incarnation);
    kind = qoe_dest_kind(qoe_zone_dest(zone, dest));

    qoe_mark_get(&qoe_zone_lane(zone, lane)->floor, &pos, &records);
    (void) qoe_member_get(ld, &m);

    if (m.incarnation == incarnation) {
        qoe_mark_get(&ld->head, &old_pos, &old_records);

        if (old_pos > pos) {
            pos = old_pos;
            records = old_records;
        }

        m.joined += records.n[kind] - m.left;

    } else {
        m.incarnation = incarnation;
        m.joined = records.n[kind];
        m.left = 0;
        m.removed = 0;

        seq = ld->health_seq | 1;
        __atomic_store_n(&ld->health_seq, seq, __ATOMIC_SEQ_CST);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        memset(&ld->health, 0, sizeof(ld->health));
        qoe_publish(&ld->health_seq, seq + 1);
    }

    m.active = 1;

    qoe_mark_set(&ld->stored, pos, records);
    qoe_publish(&ld->synced, pos);
    qoe_mark_set(&ld->head, pos, records);

    qoe_member_set(ld, &m);
}


/*
 * The head stays where it is, so that an exporter that comes back does not get
 * the same records twice.
 */

static uint64_t
qoe_lane_dest_leave(qoe_zone_t *zone, uint32_t lane, uint32_t dest)
{
    uint64_t          pos, n;
    qoe_kind_t        kind;
    qoe_counts_t      tail, head;
    qoe_member_t      m;
    qoe_lane_dest_t  *ld;

    ld = qoe_zone_lane_dest(zone, lane, dest);

    (void) qoe_member_get(ld, &m);
    qoe_mark_get(&qoe_zone_lane(zone, lane)->tail, &pos, &tail);
    qoe_mark_get(&ld->head, &pos, &head);

    kind = qoe_dest_kind(qoe_zone_dest(zone, dest));
    n = tail.n[kind] - qoe_min(head.n[kind], tail.n[kind]);

    m.active = 0;
    m.left = tail.n[kind];
    m.removed += n;

    qoe_member_set(ld, &m);

    return n;
}


/*
 * Records that are in the spool are released: they need no room in the queue.
 */

static void
qoe_lane_dest_take_over(qoe_lane_dest_t *ld)
{
    uint64_t      pos;
    qoe_counts_t  records;

    qoe_lane_dest_taken(ld, &pos, &records);

    if (pos > qoe_mark_pos(&ld->head)) {
        qoe_mark_set(&ld->head, pos, records);
    }
}


void
qoe_lane_dest_taken(const qoe_lane_dest_t *ld, uint64_t *pos,
    qoe_counts_t *records)
{
    uint64_t      stored_pos;
    qoe_counts_t  stored_records;

    qoe_mark_get(&ld->head, pos, records);
    qoe_mark_get(&ld->stored, &stored_pos, &stored_records);

    if (stored_pos > *pos) {
        *pos = stored_pos;
        *records = stored_records;
    }
}


/* Moves the floor to the lowest head.  Without any exporter it stays. */

static void
qoe_lane_floor_move(qoe_zone_t *zone, uint32_t lane)
{
    uint64_t      pos;
    qoe_lane_t   *l;
    qoe_counts_t  records;

    l = qoe_zone_lane(zone, lane);
    pos = qoe_lane_released(zone, lane, QOE_KINDS, &records);

    if (pos > qoe_mark_pos(&l->floor)) {
        qoe_mark_set(&l->floor, pos, records);
    }
}


uint64_t
qoe_lane_released(const qoe_zone_t *zone, uint32_t lane, qoe_kind_t kind,
    qoe_counts_t *released)
{
    bool               any;
    uint32_t           dest;
    uint64_t           pos, min_pos;
    qoe_counts_t       records, min_records;
    const qoe_lane_t  *l;
    const qoe_dest_t  *d;

    l = qoe_zone_lane(zone, lane);
    any = false;

    qoe_mark_get(&l->floor, &min_pos, &min_records);

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        d = qoe_zone_dest(zone, dest);

        if ((kind != QOE_KINDS && qoe_dest_kind(d) != kind)
            || !qoe_member_in(d, &l->dest[dest]))
        {
            continue;
        }

        qoe_mark_get(&l->dest[dest].head, &pos, &records);

        if (!any || pos < min_pos) {
            min_pos = pos;
            min_records = records;
        }

        any = true;
    }

    if (released != NULL) {
        *released = min_records;
    }

    return min_pos;
}


uint64_t
qoe_lane_consumed(const qoe_zone_t *zone, uint32_t lane, qoe_kind_t kind)
{
    qoe_counts_t  records;

    (void) qoe_lane_released(zone, lane, kind, &records);

    return records.n[kind];
}


/* The previous owner may have died after it had taken the set of waiters. */

static void
qoe_lane_wake_all(qoe_zone_t *zone, uint32_t lane)
{
    uint32_t  w;
    uint64_t  set;

    set = 0;

    for (w = 0; w < QOE_WAITERS_MAX; w++) {
        if (qoe_acquire(&zone->waiter[w]) != 0) {
            set |= (uint64_t) 1 << w;
        }
    }

    __atomic_fetch_or(&qoe_zone_lane(zone, lane)->waiters, set,
                      __ATOMIC_SEQ_CST);
}


bool
qoe_lane_dest_in(const qoe_zone_t *zone, uint32_t lane, uint32_t dest)
{
    return qoe_member_in(qoe_zone_dest(zone, dest),
                         qoe_zone_lane_dest(zone, lane, dest));
}


uint64_t
qoe_lane_dest_head(const qoe_zone_t *zone, uint32_t lane, uint32_t dest)
{
    return qoe_mark_pos(&qoe_zone_lane_dest(zone, lane, dest)->head);
}


qoe_counts_t
qoe_lane_dest_queued(const qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t *tail)
{
    int           i;
    uint64_t      pos;
    qoe_counts_t  head, records;

    qoe_mark_get(&qoe_zone_lane_dest(zone, lane, dest)->head, &pos, &head);
    qoe_mark_get(&qoe_zone_lane(zone, lane)->tail, tail, &records);

    for (i = 0; i < QOE_KINDS; i++) {
        records.n[i] -= qoe_min(head.n[i], records.n[i]);
    }

    return records;
}


void
qoe_lane_dest_release(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t pos, qoe_counts_t n, bool durable)
{
    uint64_t          head, synced;
    qoe_lane_dest_t  *ld;

    ld = qoe_zone_lane_dest(zone, lane, dest);
    head = qoe_mark_pos(&ld->head);
    synced = qoe_acquire(&ld->synced);

    qoe_mark_move(&ld->head, pos, n);

    /* synced must not skip earlier records that are in the spool unsynced */

    if (durable && synced >= head && pos > synced) {
        __atomic_store_n(&ld->synced, pos, __ATOMIC_SEQ_CST);
    }

    qoe_lane_floor_move(zone, lane);
}


void
qoe_lane_free(qoe_zone_t *zone, uint32_t lane, uint64_t pos)
{
    uint32_t      dest;
    uint64_t      floor, at;
    qoe_span_t    record;
    qoe_kind_t    kind;
    qoe_counts_t  records;
    qoe_status_t  rc;

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        if (qoe_lane_dest_in(zone, lane, dest)) {
            return;
        }
    }

    qoe_mark_get(&qoe_zone_lane(zone, lane)->floor, &floor, &records);
    at = floor;

    while ((rc = qoe_lane_next(zone, lane, pos, &at, &record, &kind))
           == QOE_OK)
    {
        records.n[kind]++;
    }

    if (rc == QOE_INVALID) {
        qoe_mark_get(&qoe_zone_lane(zone, lane)->tail, &at, &records);
    }

    if (at != floor) {
        qoe_mark_set(&qoe_zone_lane(zone, lane)->floor, at, records);
    }
}


void
qoe_lane_dest_stored(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t pos, qoe_counts_t n)
{
    uint64_t          from;
    qoe_counts_t      records;
    qoe_lane_dest_t  *ld;

    ld = qoe_zone_lane_dest(zone, lane, dest);

    qoe_lane_dest_taken(ld, &from, &records);
    qoe_mark_set(&ld->stored, pos, qoe_counts_add(records, n));
}


void
qoe_lane_dest_unkept(qoe_zone_t *zone, uint32_t lane, uint32_t dest)
{
    __atomic_store_n(&qoe_zone_lane_dest(zone, lane, dest)->unkept,
                     qoe_lane_tail(zone, lane), __ATOMIC_SEQ_CST);
}


void
qoe_lane_dest_synced(qoe_zone_t *zone, uint32_t lane, uint32_t dest)
{
    uint64_t          pos;
    qoe_counts_t      records;
    qoe_lane_dest_t  *ld;

    ld = qoe_zone_lane_dest(zone, lane, dest);

    qoe_lane_dest_taken(ld, &pos, &records);
    __atomic_store_n(&ld->synced, pos, __ATOMIC_SEQ_CST);
}


bool
qoe_lane_dest_unsynced(const qoe_zone_t *zone, uint32_t lane, uint32_t dest)
{
    uint64_t                pos;
    qoe_counts_t            records;
    const qoe_lane_dest_t  *ld;

    ld = qoe_zone_lane_dest(zone, lane, dest);

    qoe_lane_dest_taken(ld, &pos, &records);

    return pos > qoe_acquire(&ld->synced);
}


void
qoe_lane_dest_report(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t now_ms, const char *error, bool failing)
{
    qoe_lane_dest_t  *ld;

    ld = qoe_zone_lane_dest(zone, lane, dest);

    qoe_health_write(&ld->health, &ld->health_seq, now_ms, error, failing);
}


void
qoe_lane_dest_health(const qoe_lane_dest_t *ld, qoe_lane_health_t *health)
{
    qoe_health_read(&ld->health, &ld->health_seq, health);
}


void
qoe_health_write(qoe_lane_health_t *h, uint64_t *seqp, uint64_t now_ms,
    const char *error, bool failing)
{
    uint64_t  seq;

    seq = *seqp | 1;
    __atomic_store_n(seqp, seq, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    if (error == NULL) {
        h->last_success_ms = now_ms;
        h->consecutive_failures = 0;

    } else {
        h->last_failure_ms = now_ms;
        h->consecutive_failures = failing ? h->consecutive_failures + 1 : 0;
        snprintf(h->last_error, sizeof(h->last_error), "%s", error);
    }

    qoe_publish(seqp, seq + 1);
}


void
qoe_health_read(const qoe_lane_health_t *h, const uint64_t *seqp,
    qoe_lane_health_t *health)
{
    int       i;
    uint64_t  seq;

    /* the sequence stays odd if a writer died; then accept what is there */

    for (i = 0; i < QOE_HEALTH_READS; i++) {
        seq = qoe_acquire(seqp);
        *health = *h;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if ((seq & 1) == 0 && seq == qoe_acquire(seqp)) {
            break;
        }
    }

    health->last_error[sizeof(health->last_error) - 1] = '\0';
}
