
/*
 * Copyright (C) OpenQoE
 *
 * The tables of a collection: attribute sets by their bytes, and series by
 * metric and sets, whatever lane they come from.
 */


#include "qoe_collect_priv.h"

#include <math.h>


#define QOE_COLLECT_BYTES  (64 * 1024)       /* allocated at a time */


static uint32_t *qoe_collect_heads(qoe_collect_t *c, uint32_t n,
    uint32_t *heads);
static void qoe_collect_pool_init(qoe_collect_pool_t *p,
    const qoe_mem_t *mem, size_t size);
static void qoe_collect_pool_free(qoe_collect_pool_t *p);
static qoe_status_t qoe_collect_lane_block(qoe_collect_t *c, uint32_t lane,
    uint32_t block, uint64_t hash, uint32_t *out);
static qoe_status_t qoe_collect_intern(qoe_collect_t *c, uint64_t hash,
    qoe_span_t bytes, uint32_t *out);
static qoe_merged_t *qoe_collect_merged(qoe_collect_t *c,
    qoe_metric_id_t metric, uint32_t base, uint32_t extra,
    uint64_t start_ns);
static void qoe_collect_histogram(qoe_histogram_t *h, uint64_t count,
    double sum, double min, double max, const uint64_t *bucket);
static qoe_status_t qoe_collect_idle_slot(qoe_collect_t *c, qoe_merged_t *m,
    uint32_t lane, uint32_t slot, uint32_t last_s);


qoe_status_t
qoe_collect_tables(qoe_collect_t *c, uint32_t series, uint32_t blocks,
    uint32_t nmap)
{
    qoe_arena_init(&c->bytes, c->mem, QOE_COLLECT_BYTES, SIZE_MAX / 2);

    qoe_collect_pool_init(&c->series, c->mem, sizeof(qoe_merged_t));
    qoe_collect_pool_init(&c->histograms, c->mem, sizeof(qoe_histogram_t));
    qoe_collect_pool_init(&c->idle, c->mem, sizeof(qoe_idle_t));
    qoe_collect_pool_init(&c->blocks, c->mem, sizeof(qoe_collect_block_t));

    c->heads = qoe_collect_heads(c, series, &c->nheads);
    c->block_heads = qoe_collect_heads(c, blocks, &c->nblock_heads);

    c->nmap = nmap;
    c->map = c->mem->alloc(c->mem->ctx,
                           ((size_t) nmap + 1) * sizeof(qoe_collect_map_t));

    if (c->heads == NULL || c->block_heads == NULL || c->map == NULL) {
        return QOE_NOMEM;
    }

    memset(c->map, 0, ((size_t) nmap + 1) * sizeof(qoe_collect_map_t));

    return QOE_OK;
}


static uint32_t *
qoe_collect_heads(qoe_collect_t *c, uint32_t n, uint32_t *heads)
{
    uint32_t  *p;

    for (*heads = 1; *heads < n && *heads < 0x40000000; *heads *= 2) {
        /* void */
    }

    p = c->mem->alloc(c->mem->ctx, *heads * sizeof(uint32_t));

    if (p != NULL) {
        memset(p, 0, *heads * sizeof(uint32_t));
    }

    return p;
}


void
qoe_collect_tables_free(qoe_collect_t *c)
{
    c->mem->free(c->mem->ctx, c->heads);
    c->mem->free(c->mem->ctx, c->block_heads);
    c->mem->free(c->mem->ctx, c->map);

    qoe_collect_pool_free(&c->series);
    qoe_collect_pool_free(&c->histograms);
    qoe_collect_pool_free(&c->idle);
    qoe_collect_pool_free(&c->blocks);

    qoe_arena_free(&c->bytes);
}


static void
qoe_collect_pool_init(qoe_collect_pool_t *p, const qoe_mem_t *mem,
    size_t size)
{
    p->mem = mem;
    p->size = size;
    p->n = 0;
    p->cap = 0;
    p->chunk = NULL;
}


void *
qoe_collect_pool_add(qoe_collect_pool_t *p)
{
    char      **chunk;
    uint32_t    i, cap;

    i = p->n / QOE_COLLECT_CHUNK;

    if (i == p->cap) {
        cap = qoe_max(p->cap * 2, 64);

        chunk = p->mem->alloc(p->mem->ctx, cap * sizeof(char *));
        if (chunk == NULL) {
            return NULL;
        }

        memset(chunk, 0, cap * sizeof(char *));

        if (p->cap != 0) {
            memcpy(chunk, p->chunk, p->cap * sizeof(char *));
        }

        p->mem->free(p->mem->ctx, p->chunk);
        p->chunk = chunk;
        p->cap = cap;
    }

    if (p->chunk[i] == NULL) {
        p->chunk[i] = p->mem->alloc(p->mem->ctx, QOE_COLLECT_CHUNK * p->size);

        if (p->chunk[i] == NULL) {
            return NULL;
        }
    }

    return memset(qoe_collect_pool_at(p, p->n++), 0, p->size);
}


static void
qoe_collect_pool_free(qoe_collect_pool_t *p)
{
    uint32_t  i;

    for (i = 0; i < p->cap; i++) {
        p->mem->free(p->mem->ctx, p->chunk[i]);
    }

    p->mem->free(p->mem->ctx, p->chunk);
}


qoe_status_t
qoe_collect_series(qoe_collect_t *c, uint32_t lane, uint32_t slot,
    const qoe_series_t *e, bool before)
{
    uint32_t       base, extra;
    qoe_status_t   rc;
    qoe_merged_t  *m;

    extra = 0;

    rc = qoe_collect_lane_block(c, lane, e->base, e->base_hash, &base);

    if (rc == QOE_OK) {
        rc = qoe_collect_lane_block(c, lane, e->extra, e->extra_hash, &extra);
    }

    if (rc != QOE_OK) {

        /* QOE_DONE: the series has left since it was read */

        return rc == QOE_DONE ? QOE_OK : rc;
    }

    m = qoe_collect_merged(c, e->metric, base, extra, e->start_ns);
    if (m == NULL) {
        return QOE_NOMEM;
    }

    if (m->histogram != NULL) {
        qoe_collect_histogram(m->histogram, e->count, e->sum, e->min, e->max,
                              e->bucket);

    } else if (qoe_metrics[e->metric].kind == QOE_INSTRUMENT_GAUGE) {
        m->count += e->window_count;
        m->sum += e->window_sum;
        m->open_count += e->open_count;
        m->open_sum += e->open_sum;
        m->before |= before;
        m->last_s = qoe_max(m->last_s, e->last_s);

    } else {
        m->count += e->count;
        m->sum += e->sum;
    }

    return qoe_collect_idle_slot(c, m, lane, slot, e->last_s);
}


qoe_status_t
qoe_collect_self(qoe_collect_t *c, const qoe_self_series_t *e)
{
    uint32_t       extra;
    qoe_span_t     labels;
    qoe_status_t   rc;
    qoe_merged_t  *m;

    labels.data = e->labels;
    labels.len = qoe_min(e->labels_len, sizeof(e->labels));

    rc = qoe_collect_intern(c, qoe_hash(&c->st.key, labels.data, labels.len),
                            labels, &extra);
    if (rc != QOE_OK) {
        return rc;
    }

    m = qoe_collect_merged(c, e->metric, 0, extra, e->start_ns);
    if (m == NULL) {
        return QOE_NOMEM;
    }

    if (m->histogram != NULL) {
        qoe_collect_histogram(m->histogram, e->count, e->sum, e->min, e->max,
                              e->bucket);

    } else {
        m->count += e->count;
    }

    return QOE_OK;
}


qoe_status_t
qoe_collect_add(qoe_collect_t *c, qoe_metric_id_t metric, qoe_span_t base,
    qoe_span_t extra, double value)
{
    uint32_t       b, x;
    qoe_status_t   rc;
    qoe_merged_t  *m;

    if (!(qoe_metrics[metric].group & c->groups) || !isfinite(value)) {
        return QOE_OK;
    }

    x = 0;

    rc = qoe_collect_intern(c, qoe_hash(&c->st.key, base.data, base.len),
                            base, &b);

    if (rc == QOE_OK) {
        rc = qoe_collect_intern(c, qoe_hash(&c->st.key, extra.data,
                                            extra.len), extra, &x);
    }

    if (rc != QOE_OK) {
        return rc;
    }

    m = qoe_collect_merged(c, metric, b, x, c->start_ns);
    if (m == NULL) {
        return QOE_NOMEM;
    }

    m->sum += value;

    if (qoe_metrics[metric].kind == QOE_INSTRUMENT_COUNTER) {
        m->count += value > 0 ? (uint64_t) qoe_min(value, 9e18) : 0;
    }

    return QOE_OK;
}


/*
 * A set of attributes that no view has any more keeps its number of concurrent
 * views, with 0, as long as any other series of the set lives: without the 0 a
 * backend would show the last number for minutes.
 */

qoe_status_t
qoe_collect_no_views(qoe_collect_t *c, uint32_t i)
{
    qoe_merged_t         *m;
    qoe_collect_block_t  *b;

    m = qoe_collect_pool_at(&c->series, i);

    if (m->base == 0 || qoe_metrics[m->metric].grain != QOE_GRAIN_COARSE
        || qoe_metrics[m->metric].kind == QOE_INSTRUMENT_GAUGE_NOW
        || qoe_collect_later(c, m->start_ns))
    {
        return QOE_OK;
    }

    b = qoe_collect_pool_at(&c->blocks, m->base - 1);

    if (b->views) {
        return QOE_OK;
    }

    b->views = true;

    return qoe_collect_merged(c, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, m->base,
                              0, c->start_ns)
           ? QOE_OK : QOE_NOMEM;
}


/* QOE_DONE: the block exists no more. */

static qoe_status_t
qoe_collect_lane_block(qoe_collect_t *c, uint32_t lane, uint32_t block,
    uint64_t hash, uint32_t *out)
{
    char                buf[QOE_LABELS_MAX];
    size_t              len;
    qoe_status_t        rc;
    qoe_collect_map_t  *map;

    if (block == 0) {
        *out = 0;
        return QOE_OK;
    }

    if (block > c->nmap) {
        return QOE_DONE;
    }

    map = &c->map[block];

    if (map->lane == lane + 1 && map->hash == hash) {
        *out = map->block;
        return QOE_OK;
    }

    len = qoe_store_block_read(c->st.store[lane], block, buf);

    if (len == 0
        || qoe_store_block_hash(c->st.store[lane], block) != hash)
    {
        return QOE_DONE;
    }

    rc = qoe_collect_intern(c, hash, (qoe_span_t) { buf, len }, out);

    if (rc == QOE_OK) {
        map->hash = hash;
        map->block = *out;
        map->lane = lane + 1;
    }

    return rc;
}


/* Lanes hash with the zone's key too: equal sets have equal hashes. */

static qoe_status_t
qoe_collect_intern(qoe_collect_t *c, uint64_t hash, qoe_span_t bytes,
    uint32_t *out)
{
    char                 *p;
    uint32_t              i, *head;
    qoe_collect_block_t  *b;

    *out = 0;

    if (bytes.len == 0) {
        return QOE_OK;
    }

    head = &c->block_heads[hash & (c->nblock_heads - 1)];

    for (i = *head; i != 0; i = b->next) {
        b = qoe_collect_pool_at(&c->blocks, i - 1);

        if (b->hash == hash && qoe_span_eq(b->bytes, bytes)) {
            *out = i;
            return QOE_OK;
        }
    }

    p = qoe_arena_alloc(&c->bytes, bytes.len);
    if (p == NULL) {
        return QOE_NOMEM;
    }

    memcpy(p, bytes.data, bytes.len);

    b = qoe_collect_pool_add(&c->blocks);
    if (b == NULL) {
        return QOE_NOMEM;
    }

    b->hash = hash;
    b->bytes.data = p;
    b->bytes.len = bytes.len;
    b->next = *head;

    *out = c->blocks.n;
    *head = c->blocks.n;

    return QOE_OK;
}


bool
qoe_collect_known(const qoe_collect_t *c, uint64_t hash)
{
    uint32_t              i;
    qoe_collect_block_t  *b;

    if (hash == 0) {
        return true;                         /* no attributes */
    }

    for (i = c->block_heads[hash & (c->nblock_heads - 1)]; i != 0;
         i = b->next)
    {
        b = qoe_collect_pool_at(&c->blocks, i - 1);

        if (b->hash == hash) {
            return true;
        }
    }

    return false;
}


/* The entry of a series, made empty if it is new.  NULL: no memory. */

static qoe_merged_t *
qoe_collect_merged(qoe_collect_t *c, qoe_metric_id_t metric, uint32_t base,
    uint32_t extra, uint64_t start_ns)
{
    uint32_t       i, *head;
    uint64_t       h;
    qoe_merged_t  *m;

    h = ((uint64_t) base << 32 | extra) ^ c->st.key.k0;
    h *= 0x9e3779b97f4a7c15;
    h ^= (h >> 32) ^ metric;
    h *= 0xd6e8feb86659fd93;
    h ^= h >> 32;

    head = &c->heads[h & (c->nheads - 1)];

    for (i = *head; i != 0; i = m->next) {
        m = qoe_collect_pool_at(&c->series, i - 1);

        if (m->base == base && m->extra == extra && m->metric == metric) {
            m->start_ns = qoe_min(m->start_ns, start_ns);
            return m;
        }
    }

    m = qoe_collect_pool_add(&c->series);
    if (m == NULL) {
        return NULL;
    }

    m->metric = (uint16_t) metric;
    m->base = base;
    m->extra = extra;
    m->start_ns = start_ns;
    m->next = *head;
    *head = c->series.n;

    if (qoe_metrics[metric].kind == QOE_INSTRUMENT_HISTOGRAM) {
        m->histogram = qoe_collect_pool_add(&c->histograms);

        if (m->histogram == NULL) {
            return NULL;
        }
    }

    return m;
}


static void
qoe_collect_histogram(qoe_histogram_t *h, uint64_t count, double sum,
    double min, double max, const uint64_t *bucket)
{
    size_t  i;

    if (count == 0) {
        return;
    }

    h->min = h->count ? qoe_min(h->min, min) : min;
    h->max = h->count ? qoe_max(h->max, max) : max;

    h->count += count;
    h->sum += sum;

    for (i = 0; i < QOE_BUCKETS_MAX; i++) {
        h->bucket[i] += bucket[i];
    }
}


static qoe_status_t
qoe_collect_idle_slot(qoe_collect_t *c, qoe_merged_t *m, uint32_t lane,
    uint32_t slot, uint32_t last_s)
{
    qoe_idle_t  *e;

    if (!qoe_collect_exports(c)) {
        return QOE_OK;
    }

    if (!qoe_collect_is_idle(c, last_s)) {
        m->lively = true;
        return QOE_OK;
    }

    e = qoe_collect_pool_add(&c->idle);
    if (e == NULL) {
        return QOE_NOMEM;
    }

    e->lane = lane;
    e->slot = slot;
    e->last_s = last_s;
    e->next = m->idle;

    m->idle = c->idle.n;

    return QOE_OK;
}
