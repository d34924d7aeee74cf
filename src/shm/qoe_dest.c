
/*
 * Copyright (C) OpenQoE
 *
 * The slots of the exporters in the zone: names, counters, and the totals of
 * their events.  Only the master assigns slots.
 */


#include "qoe_zone_layout.h"
#include "qoe_lock.h"


#define QOE_DEST_READS     100


/* An exporter's numbers in a lane. */

typedef struct {
    uint64_t             accepted;
    uint64_t             queued;
    uint64_t             removed;
} qoe_dest_part_t;


static uint32_t qoe_dest_find(const qoe_zone_t *zone, qoe_span_t name);
static uint32_t qoe_dest_new(qoe_zone_t *zone, qoe_span_t name,
    qoe_kind_t kind);
static bool qoe_dest_unused(const qoe_zone_t *zone, uint32_t dest,
    bool segments);
static void qoe_dest_clear(qoe_zone_t *zone, uint32_t dest);
static void qoe_dest_part(const qoe_zone_t *zone, uint32_t lane,
    uint32_t dest, qoe_dest_part_t *part);
static void qoe_dest_health(const qoe_zone_t *zone, uint32_t dest,
    qoe_lane_health_t *health);


static const struct {
    const char  *name;
    size_t       offset;
} qoe_dest_states[] = {
#define QOE_DEST_STATE(id, name)  { #name, offsetof(qoe_dest_info_t, name) },
    QOE_DEST_STATES(QOE_DEST_STATE)
};


void
qoe_dests_set(qoe_zone_t *zone, const qoe_span_t *names,
    const qoe_kind_t *kinds, const bool *spooled, size_t n, uint32_t *slots)
{
    size_t    i;
    bool      keep[QOE_DESTS_MAX];
    uint32_t  dest;

    memset(keep, 0, sizeof(keep));

    /*
     * keep the existing slots first, so that a new name cannot take any of them
     */

    for (i = 0; i < n; i++) {
        slots[i] = qoe_dest_find(zone, names[i]);

        if (slots[i] != UINT32_MAX) {
            keep[slots[i]] = true;
            qoe_publish(&qoe_zone_dest(zone, slots[i])->flags,
                        QOE_DEST_WANTED
                        | (spooled[i] ? QOE_DEST_HAS_SPOOL : 0));
        }
    }

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        if (!keep[dest] && qoe_zone_dest(zone, dest)->flags
                           != QOE_DEST_METRICS)
        {
            qoe_publish(&qoe_zone_dest(zone, dest)->flags, 0);
        }
    }

    for (i = 0; i < n; i++) {

        if (slots[i] != UINT32_MAX) {
            continue;
        }

        slots[i] = qoe_dest_new(zone, names[i],
                                kinds != NULL ? kinds[i] : QOE_KIND_EVENT);

        if (slots[i] != UINT32_MAX) {
            qoe_publish(&qoe_zone_dest(zone, slots[i])->flags,
                        QOE_DEST_WANTED
                        | (spooled[i] ? QOE_DEST_HAS_SPOOL : 0));
        }
    }
}


void
qoe_dests_set_metrics(qoe_zone_t *zone, const qoe_span_t *names, size_t n,
    uint32_t *slots)
{
    size_t       i;
    uint32_t     dest;
    qoe_dest_t  *d;

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        d = qoe_zone_dest(zone, dest);

        if (d->flags == QOE_DEST_METRICS) {
            qoe_publish(&d->flags, 0);
        }
    }

    for (i = 0; i < n; i++) {
        slots[i] = qoe_dest_find(zone, names[i]);

        if (slots[i] != UINT32_MAX) {
            qoe_publish(&qoe_zone_dest(zone, slots[i])->flags,
                        QOE_DEST_METRICS);
        }
    }

    for (i = 0; i < n; i++) {

        if (slots[i] == UINT32_MAX) {
            slots[i] = qoe_dest_new(zone, names[i], QOE_KIND_EVENT);

            if (slots[i] != UINT32_MAX) {
                qoe_publish(&qoe_zone_dest(zone, slots[i])->flags,
                            QOE_DEST_METRICS);
            }
        }
    }
}


static uint32_t
qoe_dest_find(const qoe_zone_t *zone, qoe_span_t name)
{
    uint32_t           dest;
    const qoe_dest_t  *d;

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        d = qoe_zone_dest(zone, dest);

        if (d->incarnation != 0
            && qoe_span_eq((qoe_span_t) { d->name, d->name_len }, name))
        {
            return dest;
        }
    }

    return UINT32_MAX;
}


static uint32_t
qoe_dest_new(qoe_zone_t *zone, qoe_span_t name, qoe_kind_t kind)
{
    int          segments;
    uint32_t     dest;
    qoe_dest_t  *d;

    if (name.len > QOE_DEST_NAME) {
        return UINT32_MAX;
    }

    for (segments = 0; segments < 2; segments++) {
        for (dest = 0; dest < QOE_DESTS_MAX; dest++) {

            if (!qoe_dest_unused(zone, dest, segments)) {
                continue;
            }

            d = qoe_zone_dest(zone, dest);

            qoe_dest_clear(zone, dest);

            if (name.len != 0) {
                memcpy(d->name, name.data, name.len);
            }

            d->name_len = name.len;
            qoe_poke(&d->kind, (uint64_t) kind);

            /*
             * now the lanes' data about the slot is that of another incarnation
             */

            qoe_publish(&d->incarnation, d->incarnation + 1);

            return dest;
        }
    }

    return UINT32_MAX;
}


/*
 * Can the slot get another name?  With segments set, also if there are still
 * segments of the old name.
 */

static bool
qoe_dest_unused(const qoe_zone_t *zone, uint32_t dest, bool segments)
{
    uint32_t           i;
    const qoe_dest_t  *d;

    d = qoe_zone_dest(zone, dest);

    if (d->flags != 0) {
        return false;
    }

    for (i = 0; i < zone->lanes; i++) {
        if (qoe_member_in(d, qoe_zone_lane_dest(zone, i, dest))
            || (!segments
                && qoe_acquire(&qoe_spool_part(zone, i, dest)->segments) != 0))
        {
            return false;
        }
    }

    return true;
}


static void
qoe_dest_clear(qoe_zone_t *zone, uint32_t dest)
{
    uint32_t     i;
    qoe_dest_t  *d;

    d = qoe_zone_dest(zone, dest);

    for (i = 0; i < QOE_DEST_COUNTERS_N; i++) {
        qoe_poke(&d->counter[i], 0);
    }

    qoe_publish(&d->replay_us, 0);
    qoe_publish(&d->failed_ms, 0);
    qoe_publish(&d->error_lock, 0);
    qoe_publish(&d->health_lock, 0);
    memset(&d->health, 0, sizeof(d->health));
    qoe_mark_set(&d->recovered, 0, qoe_events(0));
    d->error[0] = '\0';

    for (i = 0; i < zone->lanes; i++) {
        memset(qoe_spool_part(zone, i, dest), 0, sizeof(qoe_spool_part_t));
    }
}


bool
qoe_dest_wanted(const qoe_zone_t *zone, uint32_t dest)
{
    return (qoe_acquire(&qoe_zone_dest(zone, dest)->flags) & QOE_DEST_WANTED)
           != 0;
}


bool
qoe_dest_spooled(const qoe_zone_t *zone, uint32_t dest)
{
    return (qoe_acquire(&qoe_zone_dest(zone, dest)->flags)
            & QOE_DEST_HAS_SPOOL) != 0;
}


size_t
qoe_dest_name(const qoe_zone_t *zone, uint32_t dest, char name[QOE_DEST_NAME])
{
    const qoe_dest_t  *d;

    d = qoe_zone_dest(zone, dest);

    if (qoe_acquire(&d->incarnation) == 0) {
        return 0;
    }

    memcpy(name, d->name, QOE_DEST_NAME);

    return (size_t) qoe_min(d->name_len, QOE_DEST_NAME);
}


void
qoe_dest_count(qoe_zone_t *zone, uint32_t dest, qoe_dest_counter_t c,
    uint64_t n)
{
    __atomic_fetch_add(&qoe_zone_dest(zone, dest)->counter[c], n,
                       __ATOMIC_RELAXED);

    /* the health reports that events were lost */

    if (n != 0 && qoe_dest_counters[c].place == QOE_DEST_PLACE_DROPPED) {
        qoe_zone_refused(zone, qoe_mono_ms());
    }
}


void
qoe_dest_recovered(qoe_zone_t *zone, uint32_t dest, uint64_t id, uint64_t n)
{
    uint64_t       last;
    qoe_mark_t    *m;
    qoe_counts_t   sum;

    m = &qoe_zone_dest(zone, dest)->recovered;

    qoe_mark_get(m, &last, &sum);

    if (last != id) {
        sum.n[0] += n;
        qoe_mark_set(m, id, sum);
    }
}


uint64_t
qoe_dest_counter(const qoe_zone_t *zone, uint32_t dest, qoe_dest_counter_t c)
{
    uint32_t         lane;
    uint64_t         n, id;
    qoe_counts_t     recovered;
    qoe_dest_part_t  part;

    n = qoe_peek(&qoe_zone_dest(zone, dest)->counter[c]);

    if (c == QOE_DEST_RECOVERED) {
        qoe_mark_get(&qoe_zone_dest(zone, dest)->recovered, &id, &recovered);
        n += recovered.n[0];
    }

    if (c == QOE_DEST_DROPPED_REMOVED) {

        /*
         * kept in the membership, so that both change together even if the
         * owner is killed in between
         */

        for (lane = 0; lane < zone->lanes; lane++) {
            qoe_dest_part(zone, lane, dest, &part);
            n += part.removed;
        }
    }

    return n;
}


void
qoe_dest_info(const qoe_zone_t *zone, uint32_t dest, qoe_dest_info_t *info)
{
    size_t            i;
    uint32_t          lane;
    uint64_t          all, gone;
    qoe_dest_part_t   part;
    qoe_spool_info_t  spool;

    memset(info, 0, sizeof(qoe_dest_info_t));

    /*
     * Reads the places in the order in which events move through them: from
     * another process's spool or the queue into the spool, and from there to a
     * loss.  An event that moves meanwhile is counted twice, but never missed.
     */

    info->recovered = qoe_dest_counter(zone, dest, QOE_DEST_RECOVERED);

    for (lane = 0; lane < zone->lanes; lane++) {
        qoe_dest_part(zone, lane, dest, &part);

        info->accepted += part.accepted;
        info->queued += part.queued;
    }

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    qoe_spool_info(zone, dest, &spool);
    info->spooled = spool.events;

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    for (i = 0; i < QOE_DEST_COUNTERS_N; i++) {
        info->counter[i] = qoe_dest_counter(zone, dest,
                                            (qoe_dest_counter_t) i);

        if (qoe_dest_counters[i].place == QOE_DEST_PLACE_DROPPED) {
            info->dropped += info->counter[i];
        }
    }

    info->rejected = info->counter[QOE_DEST_REJECTED];

    all = info->accepted + info->recovered;
    gone = info->rejected + info->dropped + info->queued + info->spooled;

    info->exported = all - qoe_min(gone, all);

    qoe_dest_health(zone, dest, &info->health);
}


const char *
qoe_dest_state_name(qoe_dest_state_t state)
{
    return qoe_dest_states[state].name;
}


uint64_t
qoe_dest_state(const qoe_dest_info_t *info, qoe_dest_state_t state)
{
    return *(const uint64_t *) ((const char *) info
                                + qoe_dest_states[state].offset);
}


static void
qoe_dest_part(const qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    qoe_dest_part_t *part)
{
    int                     i;
    uint64_t                pos, taken, tail, version, incarnation;
    qoe_kind_t              kind;
    qoe_counts_t            records;
    qoe_member_t            m;
    const qoe_lane_dest_t  *ld;

    ld = qoe_zone_lane_dest(zone, lane, dest);
    incarnation = qoe_acquire(&qoe_zone_dest(zone, dest)->incarnation);
    kind = qoe_dest_kind(qoe_zone_dest(zone, dest));

    for (i = 0; i < QOE_DEST_READS; i++) {
        version = qoe_member_get(ld, &m);

        if (m.incarnation != incarnation) {
            *part = (qoe_dest_part_t) { 0, 0, 0 };
            return;
        }

        /* read the tail last: it can only have moved on */

        qoe_lane_dest_taken(ld, &pos, &records);
        taken = records.n[kind];
        qoe_mark_get(&qoe_zone_lane(zone, lane)->tail, &pos, &records);
        tail = records.n[kind];

        if (!m.active) {
            tail = m.left;
            taken = m.left;
        }

        part->accepted = tail - m.joined;
        part->queued = tail - qoe_min(taken, tail);
        part->removed = m.removed;

        if (qoe_acquire(&ld->member_version) == version) {
            return;
        }
    }
}


void
qoe_dest_report(qoe_zone_t *zone, uint32_t dest, uint64_t now_ms,
    const char *error, bool failing)
{
    bool         stolen;
    qoe_dest_t  *d;

    d = qoe_zone_dest(zone, dest);

    if (qoe_acquire(&d->flags) != QOE_DEST_METRICS
        || qoe_lock(&d->health_lock, qoe_proc_self(), &stolen) != QOE_OK)
    {
        return;
    }

    qoe_health_write(&d->health, &d->health_seq, now_ms, error, failing);
    qoe_unlock(&d->health_lock);
}


static void
qoe_dest_health(const qoe_zone_t *zone, uint32_t dest,
    qoe_lane_health_t *health)
{
    uint32_t                lane;
    const qoe_dest_t       *d;
    qoe_lane_health_t       one;
    const qoe_lane_dest_t  *ld;

    d = qoe_zone_dest(zone, dest);

    if (qoe_acquire(&d->flags) == QOE_DEST_METRICS) {
        qoe_health_read(&d->health, &d->health_seq, health);
        return;
    }

    for (lane = 0; lane < zone->lanes; lane++) {
        ld = qoe_zone_lane_dest(zone, lane, dest);

        if (!qoe_member_in(d, ld)) {
            continue;
        }

        qoe_lane_dest_health(ld, &one);

        health->consecutive_failures = qoe_max(health->consecutive_failures,
                                               one.consecutive_failures);
        health->last_success_ms = qoe_max(health->last_success_ms,
                                          one.last_success_ms);

        if (one.last_failure_ms > health->last_failure_ms) {
            health->last_failure_ms = one.last_failure_ms;
            memcpy(health->last_error, one.last_error,
                   sizeof(health->last_error));
        }
    }
}
