
/*
 * Copyright (C) OpenQoE
 *
 * The steps of a collection, and access to a complete one.
 */


#include "qoe_collect_priv.h"

#include <math.h>
#include <time.h>


/* Items between two looks at the clock. */
#define QOE_COLLECT_SLICE  64

/* Spare places for series that begin while the collection is made. */
#define QOE_COLLECT_SPARE  1024

/* Values that governance examines between two looks at the clock. */
#define QOE_COLLECT_EXPIRE 256


static qoe_status_t qoe_collect_prepare(qoe_collect_t *c);
static uint64_t qoe_collect_clock_us(void);
static qoe_status_t qoe_collect_lanes(qoe_collect_t *c);
static qoe_status_t qoe_collect_lane_slot(qoe_collect_t *c, uint32_t slot);
static qoe_status_t qoe_collect_rest(qoe_collect_t *c);
static bool qoe_collect_lane_wanted(qoe_collect_t *c, uint32_t slot,
    qoe_series_t *e, bool *before);
static bool qoe_collect_birth_wanted(const qoe_collect_t *c,
    const qoe_store_t *store, uint32_t slot, qoe_series_t *e);
static qoe_status_t qoe_collect_module(qoe_collect_t *c);
static qoe_status_t qoe_collect_gauges(qoe_collect_t *c);
static qoe_status_t qoe_collect_views(qoe_collect_t *c);
static qoe_status_t qoe_collect_end_idle(qoe_collect_t *c);
static qoe_status_t qoe_collect_expire(qoe_collect_t *c);
static qoe_status_t qoe_collect_count_metrics(qoe_collect_t *c);
static qoe_status_t qoe_collect_sort(qoe_collect_t *c);
static qoe_status_t qoe_collect_finish(qoe_collect_t *c);
static bool qoe_collect_shown(const qoe_collect_t *c, const qoe_merged_t *m);


/*
 * Each phase does a slice of its work from c->cursor on.  QOE_AGAIN: there is
 * more; QOE_OK: the phase is complete.
 */

typedef qoe_status_t (*qoe_collect_phase_pt)(qoe_collect_t *c);

static const qoe_collect_phase_pt  qoe_collect_phases[] = {
    qoe_collect_lanes,
    qoe_collect_rest,
    qoe_collect_module,
    qoe_collect_gauges,
    qoe_collect_views,
    qoe_collect_end_idle,
    qoe_collect_expire,
    qoe_collect_count_metrics,
    qoe_collect_sort,
    qoe_collect_finish
};

#define QOE_COLLECT_PHASES                                                    \
    (sizeof(qoe_collect_phases) / sizeof(qoe_collect_phases[0]))


qoe_collect_t *
qoe_collect_create(const qoe_state_t *st, const qoe_conf_t *conf,
    qoe_governor_t *governor, qoe_collect_mode_t mode, uint32_t groups,
    uint64_t now_ns, const qoe_mem_t *mem)
{
    qoe_collect_t  *c;

    c = mem->alloc(mem->ctx, sizeof(qoe_collect_t));
    if (c == NULL) {
        return NULL;
    }

    memset(c, 0, sizeof(qoe_collect_t));

    c->st = *st;
    c->conf = conf;
    c->governor = governor;
    c->mem = mem;
    c->mode = mode;
    c->groups = groups;
    c->now_ns = now_ns;
    c->start_ns = qoe_zone_start_ns(st->zone);
    c->drift = qoe_collect_drift(st);
    c->status = QOE_AGAIN;

    qoe_collect_birth(c);

    if (qoe_collect_prepare(c) != QOE_OK) {
        qoe_collect_destroy(c);
        return NULL;
    }

    return c;
}


static qoe_status_t
qoe_collect_prepare(qoe_collect_t *c)
{
    uint32_t          i, series, blocks, nmap;
    qoe_store_info_t  info;

    series = QOE_COLLECT_SPARE;
    blocks = QOE_COLLECT_SPARE;
    nmap = 0;

    for (i = 0; i < c->st.lanes; i++) {
        qoe_store_info(c->st.store[i], &info);

        series += info.series;
        blocks += info.blocks;
        nmap = qoe_max(nmap, info.blocks_max);
    }

    return qoe_collect_tables(c, series, blocks, nmap);
}


void
qoe_collect_destroy(qoe_collect_t *c)
{
    if (c == NULL) {
        return;
    }

    qoe_collect_tables_free(c);
    c->mem->free(c->mem->ctx, c->index);
    c->mem->free(c->mem->ctx, c);
}


qoe_status_t
qoe_collect_step(qoe_collect_t *c, uint64_t budget_us)
{
    uint64_t      deadline;
    qoe_status_t  rc;

    if (c->status != QOE_AGAIN) {
        return c->status;
    }

    deadline = qoe_collect_clock_us() + budget_us;

    do {
        rc = qoe_collect_phases[c->phase](c);

        if (rc == QOE_OK) {
            c->phase++;
            c->cursor = 0;

            if (c->phase == QOE_COLLECT_PHASES) {
                c->status = QOE_OK;
            }

        } else if (rc != QOE_AGAIN) {
            c->status = rc;
        }

    } while (c->status == QOE_AGAIN && qoe_collect_clock_us() < deadline);

    return c->status;
}


static uint64_t
qoe_collect_clock_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static qoe_status_t
qoe_collect_lanes(qoe_collect_t *c)
{
    uint32_t      i, slots;
    qoe_status_t  rc;

    if (c->lane >= c->st.lanes) {
        return QOE_OK;
    }

    slots = qoe_store_slots(c->st.store[c->lane]);

    for (i = 0; i < QOE_COLLECT_SLICE && c->cursor < slots; i++) {

        rc = qoe_collect_lane_slot(c, c->cursor++);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    if (c->cursor == slots) {
        c->lane++;
        c->cursor = 0;
    }

    return QOE_AGAIN;
}


static qoe_status_t
qoe_collect_lane_slot(qoe_collect_t *c, uint32_t slot)
{
    bool          before;
    qoe_series_t  e;

    return qoe_collect_lane_wanted(c, slot, &e, &before)
           ? qoe_collect_series(c, c->lane, slot, &e, before) : QOE_OK;
}


/*
 * Births only: a series may be new in one lane and old in another.  After the
 * first walk over the lanes has found the new series, a second walk adds the
 * rest of them.
 */

static qoe_status_t
qoe_collect_rest(qoe_collect_t *c)
{
    if (c->mode != QOE_COLLECT_BIRTHS || c->series.n == 0) {
        return QOE_OK;
    }

    if (!c->resting) {
        c->resting = true;
        c->lane = 0;
    }

    return qoe_collect_lanes(c);
}


static bool
qoe_collect_lane_wanted(qoe_collect_t *c, uint32_t slot, qoe_series_t *e,
    bool *before)
{
    qoe_store_t  *store;

    store = c->st.store[c->lane];
    *before = false;

    if (c->mode == QOE_COLLECT_BIRTHS) {
        return qoe_collect_birth_wanted(c, store, slot, e);
    }

    if (!qoe_store_read(store, slot, e)) {
        return false;
    }

    /* an export examines all groups, because idle series of any must leave */

    if (c->mode == QOE_COLLECT_READ) {
        return (qoe_metrics[e->metric].group & c->groups) != 0;
    }

    if (qoe_metrics[e->metric].kind != QOE_INSTRUMENT_GAUGE) {
        return true;
    }

    *before = (e->window_count != 0);
    qoe_store_window(store, slot);

    return qoe_store_read(store, slot, e);
}


static bool
qoe_collect_birth_wanted(const qoe_collect_t *c, const qoe_store_t *store,
    uint32_t slot, qoe_series_t *e)
{
    bool      due;
    uint64_t  start_ns;

    start_ns = qoe_store_start(store, slot);
    due = qoe_collect_due(c, start_ns);

    if (start_ns == 0 || due == c->resting || !qoe_store_read(store, slot, e)
        || qoe_collect_is_gauge(e->metric)
        || !(qoe_metrics[e->metric].group & c->groups))
    {
        return false;
    }

    return due || (qoe_collect_known(c, e->base_hash)
                   && qoe_collect_known(c, e->extra_hash));
}


static qoe_status_t
qoe_collect_module(qoe_collect_t *c)
{
    uint32_t           i, slots;
    qoe_status_t       rc;
    qoe_self_series_t  e;

    slots = qoe_self_slots(c->st.self);

    for (i = 0; i < QOE_COLLECT_SLICE && c->cursor < slots; i++) {

        if (!qoe_self_read(c->st.self, c->cursor++, &e)
            || e.metric >= QOE_METRICS_N
            || !(qoe_metrics[e.metric].group & c->groups)
            || (c->mode == QOE_COLLECT_BIRTHS
                && !qoe_collect_due(c, e.start_ns)))
        {
            continue;
        }

        rc = qoe_collect_self(c, &e);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    return c->cursor == slots ? QOE_OK : QOE_AGAIN;
}


static qoe_status_t
qoe_collect_gauges(qoe_collect_t *c)
{
    if (c->mode == QOE_COLLECT_BIRTHS) {
        return QOE_OK;
    }

    return qoe_gauges_collect(c, &c->st, c->conf, c->governor, c->now_ns,
                              &c->cursor);
}


static qoe_status_t
qoe_collect_views(qoe_collect_t *c)
{
    uint32_t      i;
    qoe_status_t  rc;

    if (c->mode == QOE_COLLECT_BIRTHS
        || !(qoe_metrics[QOE_METRIC_CONCURRENT_VIEWS_CURRENT].group
             & c->groups))
    {
        return QOE_OK;
    }

    for (i = 0; i < QOE_COLLECT_SLICE && c->cursor < c->series.n; i++) {

        rc = qoe_collect_no_views(c, c->cursor++);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    return c->cursor == c->series.n ? QOE_OK : QOE_AGAIN;
}


static qoe_status_t
qoe_collect_end_idle(qoe_collect_t *c)
{
    uint32_t  i;

    if (!qoe_collect_exports(c) || c->idle.n == 0) {
        return QOE_OK;
    }

    for (i = 0; i < QOE_COLLECT_SLICE && c->cursor < c->series.n; i++) {
        qoe_collect_condemn(c, qoe_collect_pool_at(&c->series, c->cursor++));
    }

    return c->cursor == c->series.n ? QOE_OK : QOE_AGAIN;
}


static qoe_status_t
qoe_collect_expire(qoe_collect_t *c)
{
    if (!qoe_collect_exports(c)) {
        return QOE_OK;
    }

    qoe_govern_expire(c->governor, (uint32_t) (c->now_ns / 1000000000),
                      &c->cursor, QOE_COLLECT_EXPIRE);

    return c->cursor == 0 ? QOE_OK : QOE_AGAIN;
}


/* Counting sort by metric, first pass: the number of series of each. */

static qoe_status_t
qoe_collect_count_metrics(qoe_collect_t *c)
{
    uint32_t       i;
    qoe_merged_t  *m;

    for (i = 0; i < QOE_COLLECT_SLICE && c->cursor < c->series.n; i++) {

        m = qoe_collect_pool_at(&c->series, c->cursor++);

        if (qoe_collect_shown(c, m)) {
            c->first[m->metric + 1]++;
            qoe_collect_begins(c, m);
        }
    }

    if (c->cursor != c->series.n) {
        return QOE_AGAIN;
    }

    for (i = 0; i < QOE_METRICS_N; i++) {
        c->first[i + 1] += c->first[i];
        c->fill[i] = c->first[i];
    }

    c->index = c->mem->alloc(c->mem->ctx, ((size_t) c->first[QOE_METRICS_N]
                                           + 1) * sizeof(uint32_t));

    return c->index ? QOE_OK : QOE_NOMEM;
}


/* Second pass: puts each series in its place. */

static qoe_status_t
qoe_collect_sort(qoe_collect_t *c)
{
    uint32_t       i;
    qoe_merged_t  *m;

    for (i = 0; i < QOE_COLLECT_SLICE && c->cursor < c->series.n; i++) {

        m = qoe_collect_pool_at(&c->series, c->cursor);

        if (qoe_collect_shown(c, m)) {
            c->index[c->fill[m->metric]++] = c->cursor;
        }

        c->cursor++;
    }

    return c->cursor == c->series.n ? QOE_OK : QOE_AGAIN;
}


static qoe_status_t
qoe_collect_finish(qoe_collect_t *c)
{
    if (c->mode != QOE_COLLECT_READ) {
        qoe_publish(&c->st.shared->points_ns, c->time_ns);
    }

    if (qoe_collect_exports(c)) {
        qoe_collect_recount(c);
        qoe_publish(&c->st.shared->collected_ns, c->now_ns);
    }

    return QOE_OK;
}


static bool
qoe_collect_shown(const qoe_collect_t *c, const qoe_merged_t *m)
{
    if (!(qoe_metrics[m->metric].group & c->groups)) {
        return false;
    }

    if (c->mode == QOE_COLLECT_BIRTHS) {
        return qoe_collect_due(c, m->start_ns);
    }

    if (!qoe_collect_is_gauge(m->metric)) {
        return !qoe_collect_later(c, m->start_ns);
    }

    return qoe_metrics[m->metric].kind == QOE_INSTRUMENT_GAUGE_NOW
           || m->count != 0
           || (c->mode == QOE_COLLECT_READ ? m->open_count != 0
                                           : qoe_collect_ended(c, m));
}


uint64_t
qoe_collect_until_ns(const qoe_collect_t *c)
{
    return c->until_ns;
}


uint64_t
qoe_collect_time_ns(const qoe_collect_t *c)
{
    return c->time_ns;
}


bool
qoe_collect_waits(const qoe_collect_t *c)
{
    return c->waits;
}


size_t
qoe_collect_count(const qoe_collect_t *c, qoe_metric_id_t metric)
{
    if (c->status != QOE_OK || metric >= QOE_METRICS_N) {
        return 0;
    }

    return c->first[metric + 1] - c->first[metric];
}


void
qoe_collect_get(const qoe_collect_t *c, qoe_metric_id_t metric, size_t i,
    qoe_collected_t *out)
{
    const qoe_merged_t  *m;

    static const qoe_histogram_t  newborn;

    m = qoe_collect_pool_at(&c->series, c->index[c->first[metric] + i]);

    out->base = m->base;
    out->extra = m->extra;
    out->start_ns = qoe_min(m->start_ns, c->time_ns);
    out->number = m->sum;
    out->integer = 0;
    out->histogram = m->histogram;
    out->ended = false;

    if (!qoe_collect_is_gauge(metric) && qoe_collect_young(c, m->start_ns)) {
        out->number = 0;
        out->histogram = m->histogram ? &newborn : NULL;
        return;
    }

    switch (qoe_metrics[metric].kind) {

    case QOE_INSTRUMENT_COUNTER:
        out->number = (double) m->count;
        out->integer = m->count;
        break;

    case QOE_INSTRUMENT_GAUGE:

        if (c->mode != QOE_COLLECT_READ && m->count == 0) {
            out->number = 0;
            out->ended = true;
            break;
        }

        out->number = m->count ? m->sum / (double) m->count
                               : m->open_sum / (double) m->open_count;
        break;

    default:
        break;
    }
}


uint32_t
qoe_collect_blocks(const qoe_collect_t *c)
{
    return c->blocks.n;
}


qoe_span_t
qoe_collect_block(const qoe_collect_t *c, uint32_t block)
{
    const qoe_collect_block_t  *b;

    if (block == 0 || block > c->blocks.n) {
        return qoe_span_null;
    }

    b = qoe_collect_pool_at(&c->blocks, block - 1);

    return b->bytes;
}
