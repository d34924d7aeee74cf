
/*
 * Copyright (C) OpenQoE
 *
 * A zone of two lanes whose values are taken by whole collections.
 */


#ifndef _GAUGES_PLACE_H_INCLUDED_
#define _GAUGES_PLACE_H_INCLUDED_


#include "tap.h"
#include "qoe_collect.h"
#include "qoe_dest.h"
#include "qoe_record.h"
#include "qoe_sessions.h"
#include "qoe_spool_info.h"
#include "qoe_view_table.h"
#include "qoe_zone_layout.h"

#include <math.h>
#include <sys/mman.h>


#define MB                 (1024 * 1024)
#define SIZE               (64 * MB)         /* room for some sketches */
#define LANES              2
#define NOW_MS             1900000000000ULL
#define NOW_NS             (NOW_MS * 1000000)
#define NOW_S              ((uint32_t) (NOW_MS / 1000))
#define set_base(v, b, key, at)                                               \
    qoe_sessions_set_base(v, &(qoe_blocks_t) { { b, 0, 0 } }, key, at)


typedef struct {
    qoe_zone_t        *zone;
    qoe_state_t        st;
    qoe_conf_t         conf;
    qoe_dimensions_t   dims;
    qoe_governor_t     governor;
    qoe_proc_t         self;
    uint64_t           sessions;
    bool               over;                 /* come_and_leave() may end */
    qoe_collect_t     *c;
} place_t;


static inline place_t *
place_new(void)
{
    void     *mem;
    place_t  *p;

    p = calloc(1, sizeof(place_t));
    mem = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (p == NULL || mem == MAP_FAILED
        || qoe_zone_create(&p->zone, mem, SIZE, LANES, true) != QOE_OK)
    {
        abort();
    }

    /* A secret that stays the same makes estimates the same in each run. */

    p->zone->hash_key = (qoe_hash_key_t) { 11, 22 };
    qoe_state_create(p->zone);

    if (qoe_state_attach(&p->st, p->zone) != QOE_OK) {
        abort();
    }

    qoe_dimensions_init(&p->dims);

    p->self = qoe_proc_self();
    p->conf.groups = QOE_GROUPS_ALL;
    p->conf.series_max = 1000;
    p->conf.series_ttl_ms = 3600000;
    p->conf.dims = &p->dims;

    qoe_governor_init(&p->governor, p->st.govern, &p->dims, p->self);

    return p;
}


static inline void
place_free(place_t *p)
{
    qoe_collect_destroy(p->c);
    munmap(p->zone, SIZE);
    free(p);
}


static inline bool
collect(place_t *p)
{
    qoe_status_t  rc;

    if (p->c != NULL) {
        qoe_collect_destroy(p->c);
    }

    p->c = qoe_collect_create(&p->st, &p->conf, &p->governor,
                              QOE_COLLECT_READ,
                              p->conf.groups|QOE_GROUP_STATS, NOW_NS,
                              &qoe_mem_heap);
    if (p->c == NULL) {
        return false;
    }

    while ((rc = qoe_collect_step(p->c, 1000)) == QOE_AGAIN) {
        /* void */
    }

    return rc == QOE_OK;
}


/* "name=value,name=value" of both blocks of a series. */

static inline void
text_of(const qoe_collect_t *c, const qoe_collected_t *s, char *out,
    size_t size)
{
    int                i;
    size_t             n;
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    n = 0;
    out[0] = '\0';

    for (i = 0; i < 2; i++) {

        if ((i == 0 ? s->base : s->extra) == 0) {
            continue;
        }

        qoe_labels_iter(&it, qoe_collect_block(c, i == 0 ? s->base
                                                         : s->extra));

        while (qoe_labels_next(&it, &name, &value) && n < size) {
            n += (size_t) snprintf(out + n, size - n, "%s%.*s=%.*s",
                                   n ? "," : "", (int) name.len, name.data,
                                   (int) value.len, value.data);
        }
    }
}


/* The value of the only series of those attributes; NAN if there is none. */

static inline double
value_of(const place_t *p, qoe_metric_id_t metric, const char *labels)
{
    char             text[1024];
    size_t           i;
    double           found;
    qoe_collected_t  s;

    found = NAN;

    for (i = 0; i < qoe_collect_count(p->c, metric); i++) {

        qoe_collect_get(p->c, metric, i, &s);
        text_of(p->c, &s, text, sizeof(text));

        if (strcmp(text, labels) == 0) {
            found = isnan(found) ? s.number : INFINITY;
        }
    }

    return found;
}


static inline qoe_store_env_t
env_of(place_t *p)
{
    return (qoe_store_env_t) { p->st.key, &p->st.shared->series,
                               p->conf.series_max };
}


/* The block of an org's attributes, with a reference for the caller. */

static inline uint32_t
block_of(place_t *p, uint32_t lane, const char *org)
{
    qoe_labels_t     l;
    qoe_store_env_t  env;

    l.len = 0;
    env = env_of(p);
    (void) qoe_labels_add(&l, qoe_span("org_id"), qoe_span_str(org));
    (void) qoe_labels_add(&l, qoe_span("env"), qoe_span("e"));

    return qoe_store_block(p->st.store[lane], &env, qoe_labels_span(&l));
}


/* A session with a view that plays, whose last event came age_ms ago. */

static inline qoe_view_t *
view(place_t *p, uint32_t lane, const char *org, uint64_t age_ms)
{
    uint32_t        base;
    uint64_t        key[2];
    qoe_view_t     *v;
    qoe_session_t  *session;

    key[0] = ++p->sessions;
    key[1] = 0x9e3779b97f4a7c15ULL * p->sessions;

    session = qoe_sessions_add(p->st.sessions[lane], key);

    if (session == NULL) {
        abort();
    }

    v = qoe_sessions_add_view(p->st.sessions[lane], session, p->sessions);

    if (v == NULL) {
        abort();
    }

    base = (org != NULL) ? block_of(p, lane, org) : 0;

    set_base(v, base, 1, NOW_MS / 1000);
    v->received_ms = NOW_MS - age_ms;
    v->phase = QOE_PHASE_PLAYING;
    qoe_sessions_list(p->st.sessions[lane], v, QOE_SILENCE_FRESH);

    return v;
}


static inline qoe_span_t
numbered(char id[16], int i)
{
    return (qoe_span_t) { id, (size_t) snprintf(id, 16, "v%d", i) };
}


#endif /* _GAUGES_PLACE_H_INCLUDED_ */
