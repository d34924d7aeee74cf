
/*
 * Copyright (C) OpenQoE
 *
 * A zone in memory whose lane is held: events of any session, view and video
 * go in as samples, time passes as for the helper thread, and the metrics are
 * collected.
 */


#ifndef _APPLY_UNIT_H_INCLUDED_
#define _APPLY_UNIT_H_INCLUDED_


#define _GNU_SOURCE                          /* memmem() */

#include "view_events.h"
#include "qoe_apply.h"
#include "qoe_collect.h"
#include "qoe_sessions.h"


typedef struct {
    void              *mem;
    size_t             size;
    qoe_zone_t        *zone;
    qoe_state_t        st;
    qoe_conf_t         conf;
    qoe_dimensions_t   dims;
    qoe_governor_t     governor;
    qoe_apply_t       *apply;
    uint64_t           now_ms;           /* of the server, since LOG_START */
    uint64_t           delay_ms;         /* of the next events' receipt */
    const char        *org;              /* of the next events; NULL: acme */
    unsigned           wakeups;
    uint32_t           views;            /* alive at once, at most */
    qoe_collect_t     *c;
} lane_t;


/* A consumer of the lane; adopted: the consumer before it was killed. */

static inline void
lane_hold(lane_t *l, bool adopted)
{
    if (l->apply != NULL) {

        /* A killed consumer gives nothing back. */

        if (adopted) {
            free(l->apply);

        } else {
            qoe_apply_destroy(l->apply);
        }
    }

    qoe_governor_init(&l->governor, l->st.govern, &l->dims, qoe_proc_self());

    l->apply = qoe_apply_create(&l->st, &l->conf, &l->governor, 0, 0, adopted);

    if (l->apply == NULL) {
        abort();
    }
}


static inline lane_t *
lane_new(size_t size)
{
    lane_t  *l;

    l = calloc(1, sizeof(lane_t));

    if (l == NULL) {
        abort();
    }

    l->size = size;
    l->mem = aligned_alloc(4096, size);

    if (l->mem == NULL) {
        abort();
    }

    memset(l->mem, 0, size);

    if (qoe_zone_create(&l->zone, l->mem, size, 1, true) != QOE_OK) {
        abort();
    }

    qoe_state_create(l->zone);

    if (qoe_state_attach(&l->st, l->zone) != QOE_OK) {
        abort();
    }

    qoe_dimensions_init(&l->dims);

    l->conf.groups = QOE_GROUPS_ALL;
    l->conf.view = view_conf;
    l->conf.series_max = 100000;
    l->conf.series_ttl_ms = 3600000;
    l->conf.dims = &l->dims;

    lane_hold(l, false);

    return l;
}


static inline void
lane_free(lane_t *l)
{
    qoe_collect_destroy(l->c);
    qoe_apply_destroy(l->apply);
    free(l->mem);
    free(l);
}


static inline uint64_t
lane_ns(uint64_t ms)
{
    return (LOG_START + ms) * 1000000;
}


static inline void
lane_apply(lane_t *l, const qoe_sample_t *s)
{
    qoe_sessions_info_t  info;

    qoe_apply_sample(l->apply, s, s->received_ns);

    qoe_sessions_info(l->st.sessions[0], &info);
    l->views = qoe_max(l->views, info.views);
}


/*
 * An event that happened at ms. of: "session/view/video", each of which may be
 * empty.  It is received at once, or later by delay_ms.
 */

static inline void
tell(lane_t *l, int64_t ms, const char *of, const char *type,
    const char *data)
{
    char          buf[512], ids[128], *view, *video;
    uint64_t      at;
    qoe_sample_t  s;

    snprintf(buf, sizeof(buf), "%s", data);
    snprintf(ids, sizeof(ids), "%s", of);

    view = strchr(ids, '/');
    *view++ = '\0';
    video = strchr(view, '/');
    *video++ = '\0';

    at = LOG_START + (uint64_t) ms;

    make_sample(&s, type, at, at + l->delay_ms, buf);

    s.text[QOE_TEXT_ORG_ID] = qoe_span_str(l->org ? l->org : "acme");
    s.text[QOE_TEXT_PLAYER_ID] = qoe_span("web");
    s.text[QOE_TEXT_SESSION_ID] = qoe_span_str(ids);
    s.text[QOE_TEXT_VIEW_ID] = qoe_span_str(view);
    s.text[QOE_TEXT_VIDEO_ID] = qoe_span_str(video);

    l->now_ms = (uint64_t) ms + l->delay_ms;
    lane_apply(l, &s);
}


/* Heartbeats every 10 s, the position and playing_time by the clock. */

static inline void
beats(lane_t *l, int64_t from, int64_t until, const char *of, int64_t less)
{
    char  data[128];

    for (; from <= until; from += 10000) {
        snprintf(data, sizeof(data), "at=%lld playing_time=%lld",
                 (long long) (from - less), (long long) (from - less));
        tell(l, from, of, "heartbeat", data);
    }
}


/* Time passes: the helper wakes up when something is due, and not before. */

static inline void
pass(lane_t *l, uint64_t until_ms)
{
    uint64_t  due;

    for ( ;; ) {
        due = qoe_apply_due_ms(l->apply);

        if (due == UINT64_MAX || due > LOG_START + until_ms) {
            break;
        }

        l->now_ms = qoe_max(l->now_ms, due - qoe_min(due, LOG_START));
        qoe_apply_tick(l->apply, lane_ns(l->now_ms));

        if (++l->wakeups > 10000000) {
            abort();
        }
    }

    l->now_ms = until_ms;
}


static inline void
lane_collect(lane_t *l)
{
    qoe_status_t  rc;

    if (l->c != NULL) {
        qoe_collect_destroy(l->c);
    }

    l->c = qoe_collect_create(&l->st, &l->conf, &l->governor, QOE_COLLECT_READ,
                              QOE_GROUPS_ALL,
                              lane_ns(l->now_ms + QOE_COLLECT_SETTLE_MS),
                              &qoe_mem_heap);
    if (l->c == NULL) {
        abort();
    }

    do {
        rc = qoe_collect_step(l->c, 100000);
    } while (rc == QOE_AGAIN);
}


static inline bool
block_has(lane_t *l, uint32_t block, const char *text)
{
    qoe_span_t  labels;

    if (block == 0) {
        return false;
    }

    labels = qoe_collect_block(l->c, block);

    return memmem(labels.data, labels.len, text, strlen(text)) != NULL;
}


/* The sum over all series; for histograms the sum of their sums. */

static inline double
total_of(lane_t *l, qoe_metric_id_t metric, const char *label,
    size_t *count)
{
    size_t           i;
    double           sum;
    qoe_collected_t  s;

    lane_collect(l);

    sum = 0;
    *count = 0;

    for (i = 0; i < qoe_collect_count(l->c, metric); i++) {
        qoe_collect_get(l->c, metric, i, &s);

        if (label != NULL && !block_has(l, s.extra, label)) {
            continue;
        }

        sum += s.histogram != NULL ? s.histogram->sum : s.number;
        *count += s.histogram != NULL ? (size_t) s.histogram->count : 1;
    }

    return sum;
}


/* The same over the series whose dimensions have that value. */

static inline double
total_with(lane_t *l, qoe_metric_id_t metric, const char *value)
{
    size_t           i;
    double           sum;
    qoe_collected_t  s;

    lane_collect(l);

    for (i = 0, sum = 0; i < qoe_collect_count(l->c, metric); i++) {
        qoe_collect_get(l->c, metric, i, &s);

        if (block_has(l, s.base, value)) {
            sum += s.histogram != NULL ? s.histogram->sum : s.number;
        }
    }

    return sum;
}


static inline double
total(lane_t *l, qoe_metric_id_t metric)
{
    size_t  count;

    return total_of(l, metric, NULL, &count);
}


/* The number of views that ended so: completed, played, ... */

static inline double
ended_as(lane_t *l, const char *name)
{
    size_t  count;

    return total_of(l, QOE_METRIC_VIEWS_TOTAL, name, &count);
}


static inline uint64_t
counted(const lane_t *l, qoe_counter_t c)
{
    return qoe_zone_counter(l->zone, c);
}


static inline uint32_t
alive(const lane_t *l)
{
    qoe_sessions_info_t  info;

    qoe_sessions_info(l->st.sessions[0], &info);

    return info.views;
}


/*
 * Were so many views started, completed and played, with so many ms of
 * playing?
 */

static inline int
came_to(lane_t *l, unsigned started, unsigned completed, unsigned played,
    double playing)
{
    double  n, c, p, ms;

    n = total(l, QOE_METRIC_VIEWS_STARTED_TOTAL);
    c = ended_as(l, "completed");
    p = ended_as(l, "played");
    ms = total(l, QOE_METRIC_PLAYING_TIME_SECONDS) * 1000;

    if (n == started && c == completed && p == played
        && fabs(ms - playing) < 0.5)
    {
        return 1;
    }

    printf("# %g started, %g completed, %g played, %.12g ms\n", n, c, p, ms);

    return 0;
}


/* An export to which idle series belong no more. */

static inline void
lane_export(lane_t *l, uint64_t ms)
{
    qoe_status_t    rc;
    qoe_collect_t  *c;

    c = qoe_collect_create(&l->st, &l->conf, &l->governor, QOE_COLLECT_EXPORT,
                           QOE_GROUPS_ALL,
                           lane_ns(ms + QOE_COLLECT_SETTLE_MS), &qoe_mem_heap);
    if (c == NULL) {
        abort();
    }

    do {
        rc = qoe_collect_step(c, 100000);
    } while (rc == QOE_AGAIN);

    qoe_collect_destroy(c);
}


/* The next list of a dimension. */

static inline void
lane_roster(qoe_roster_slot_t *slot, const char *values)
{
    char           err[128];
    qoe_roster_t  *roster;

    if (qoe_roster_make(&roster, qoe_span_str(values), 128, err, sizeof(err))
        != QOE_OK || qoe_roster_put(slot, roster) != QOE_OK)
    {
        abort();
    }

    qoe_roster_reap(slot);
}


#endif /* _APPLY_UNIT_H_INCLUDED_ */
