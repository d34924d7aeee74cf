
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_self_layout.h"
#include "qoe_lock.h"


/* How long new series are not waited for after the lock could not be taken. */
#define QOE_SELF_BUSY_MS   1000

#define QOE_SELF_MILLIONTHS  1e6

/*
 * The largest scaled value, so that an addition cannot overflow the sum.  Real
 * values are far below it.
 */
#define QOE_SELF_VALUE_MAX   1e17


static uint64_t qoe_self_hash(const qoe_self_t *t, qoe_metric_id_t metric,
    qoe_span_t labels);
static bool qoe_self_is_kept(qoe_metric_id_t metric);
static double qoe_self_scale(qoe_metric_id_t metric);
static uint32_t qoe_self_buckets(qoe_metric_id_t metric);
static uint64_t *qoe_self_word(const qoe_self_t *t, uint64_t i);
static qoe_self_entry_t *qoe_self_entry(const qoe_self_t *t, uint32_t unit);
static qoe_span_t qoe_self_labels(const qoe_self_entry_t *e);
static qoe_self_entry_t *qoe_self_find(const qoe_self_t *t, uint64_t hash,
    qoe_metric_id_t metric, qoe_span_t labels, uint64_t **word);
static qoe_self_entry_t *qoe_self_insert(qoe_self_t *t, qoe_proc_t self,
    uint64_t hash, qoe_metric_id_t metric, qoe_span_t labels);
static qoe_self_entry_t *qoe_self_make(qoe_self_t *t, uint64_t hash,
    qoe_metric_id_t metric, qoe_span_t labels);
static void qoe_self_record(qoe_self_t *t, qoe_self_entry_t *e,
    qoe_metric_id_t metric, double value);
static void qoe_self_value(qoe_self_entry_t *e, qoe_metric_id_t metric,
    double value);
static void qoe_self_observe(qoe_self_entry_t *e, qoe_metric_id_t metric,
    double value);


void
qoe_self_create(qoe_self_t *t, size_t size, const qoe_hash_key_t *key)
{
    uint32_t           i;
    qoe_labels_t       labels;
    qoe_self_entry_t  *e;

    t->key = *key;
    t->size = size;
    t->index_offset = qoe_align(sizeof(qoe_self_t), QOE_SELF_UNIT);

    /*
     * an entry takes at least two units, so the index is never more than half
     * full
     */

    t->slots = QOE_SELF_UNIT;

    while ((size_t) t->slots * 2 * QOE_SELF_UNIT <= size) {
        t->slots *= 2;
    }

    t->used = t->index_offset + t->slots * sizeof(uint64_t);

    labels.len = 0;
    (void) qoe_labels_add(&labels, qoe_span("otel.metric.overflow"),
                          qoe_span("true"));

    for (i = 0; i < QOE_METRICS_N; i++) {

        if (!qoe_self_is_kept(i)) {
            continue;
        }

        e = qoe_self_make(t, qoe_self_hash(t, i, qoe_labels_span(&labels)), i,
                          qoe_labels_span(&labels));

        if (e != NULL) {
            t->overflow[i] = (uint32_t) (((char *) e - (char *) t)
                                         / QOE_SELF_UNIT);
        }
    }
}


void
qoe_self_add(qoe_self_t *t, qoe_proc_t self, qoe_metric_id_t metric,
    qoe_span_t labels, double value)
{
    uint64_t           hash, *word;
    qoe_self_entry_t  *e;

    if (!qoe_self_is_kept(metric)
        || !(value >= 0 && value * qoe_self_scale(metric)
                           <= QOE_SELF_VALUE_MAX))
    {
        return;
    }

    hash = qoe_self_hash(t, metric, labels);

    e = qoe_self_find(t, hash, metric, labels, &word);

    if (e == NULL) {
        e = qoe_self_insert(t, self, hash, metric, labels);
    }

    if (e == NULL) {
        e = qoe_self_entry(t, t->overflow[metric]);
    }

    if (e != NULL) {
        qoe_self_record(t, e, metric, value);
    }
}


uint64_t
qoe_self_born(const qoe_self_t *t)
{
    return qoe_acquire(&t->born);
}


uint32_t
qoe_self_slots(const qoe_self_t *t)
{
    return t->slots;
}


bool
qoe_self_read(const qoe_self_t *t, uint32_t slot, qoe_self_series_t *out)
{
    uint32_t                 i;
    uint64_t                 word, bits;
    qoe_span_t               labels;
    const qoe_self_entry_t  *e;

    if (slot >= t->slots) {
        return false;
    }

    word = qoe_acquire(qoe_self_word(t, slot));
    e = qoe_self_entry(t, (uint32_t) word);

    if (e == NULL) {
        return false;
    }

    memset(out, 0, offsetof(qoe_self_series_t, labels));

    out->metric = e->metric;

    /*
     * The count must equal the sum of the buckets at any moment.  The other
     * numbers are read after it, because they were written before it.
     */

    out->count = qoe_acquire(&e->count);

    for (i = 0; i < e->buckets; i++) {
        out->bucket[i] = qoe_acquire(&e->bucket[i]);
        out->count += out->bucket[i];
    }

    if (out->count == 0) {
        return false;
    }

    out->start_ns = qoe_peek(&e->start_ns);
    out->sum = (double) qoe_peek(&e->sum) / qoe_self_scale(out->metric);

    if (e->buckets != 0) {
        bits = qoe_peek(&e->min);
        memcpy(&out->min, &bits, sizeof(double));

        bits = qoe_peek(&e->max);
        memcpy(&out->max, &bits, sizeof(double));
    }

    labels = qoe_self_labels(e);
    memcpy(out->labels, labels.data, labels.len);
    out->labels_len = labels.len;

    return true;
}


static uint64_t
qoe_self_hash(const qoe_self_t *t, qoe_metric_id_t metric, qoe_span_t labels)
{
    qoe_hash_key_t  key;

    key = t->key;
    key.k1 ^= metric;

    return qoe_hash(&key, labels.data, labels.len);
}


static bool
qoe_self_is_kept(qoe_metric_id_t metric)
{
    const qoe_metric_t  *m;

    if ((uint32_t) metric >= QOE_METRICS_N) {
        return false;
    }

    m = &qoe_metrics[metric];

    return (m->group & (QOE_GROUP_SELF|QOE_GROUP_STATS)) != 0
           && (m->kind == QOE_INSTRUMENT_COUNTER
               || m->kind == QOE_INSTRUMENT_HISTOGRAM);
}


static double
qoe_self_scale(qoe_metric_id_t metric)
{
    if (qoe_metrics[metric].kind == QOE_INSTRUMENT_COUNTER
        || qoe_span_eq(qoe_metrics[metric].unit, qoe_span("ns")))
    {
        return 1;
    }

    return QOE_SELF_MILLIONTHS;
}


static uint32_t
qoe_self_buckets(qoe_metric_id_t metric)
{
    return qoe_metrics[metric].kind == QOE_INSTRUMENT_HISTOGRAM
           ? (uint32_t) qoe_metrics[metric].nbounds + 1 : 0;
}


static uint64_t *
qoe_self_word(const qoe_self_t *t, uint64_t i)
{
    return (uint64_t *) ((char *) t + t->index_offset)
           + (i & (t->slots - 1));
}


/*
 * The entry at a unit; NULL if the number, which comes from the zone, is not
 * valid.
 */

static qoe_self_entry_t *
qoe_self_entry(const qoe_self_t *t, uint32_t unit)
{
    uint64_t           offset, left;
    qoe_self_entry_t  *e;

    offset = (uint64_t) unit * QOE_SELF_UNIT;

    if (unit == 0 || offset >= t->size
        || t->size - offset < sizeof(qoe_self_entry_t))
    {
        return NULL;
    }

    e = (qoe_self_entry_t *) ((char *) t + offset);
    left = t->size - offset - sizeof(qoe_self_entry_t);

    if (!qoe_self_is_kept(e->metric)
        || e->buckets != qoe_self_buckets(e->metric)
        || e->labels_len > QOE_SELF_LABELS
        || e->buckets * sizeof(uint64_t) + e->labels_len > left)
    {
        return NULL;
    }

    return e;
}


static qoe_span_t
qoe_self_labels(const qoe_self_entry_t *e)
{
    return (qoe_span_t) { (const char *) (e->bucket + e->buckets),
                          e->labels_len };
}


/*
 * Looks an entry up, without the lock.  *word becomes the word of the index
 * where a new entry would be published, or NULL if there is no room.
 */

static qoe_self_entry_t *
qoe_self_find(const qoe_self_t *t, uint64_t hash, qoe_metric_id_t metric,
    qoe_span_t labels, uint64_t **word)
{
    uint32_t           i;
    uint64_t           w;
    qoe_self_entry_t  *e;

    for (i = 0; i < QOE_SELF_PROBES; i++) {

        *word = qoe_self_word(t, hash + i);
        w = qoe_acquire(*word);

        if (w == 0) {
            return NULL;
        }

        if (w >> 32 != hash >> 32) {
            continue;
        }

        e = qoe_self_entry(t, (uint32_t) w);

        if (e != NULL && e->hash == hash && e->metric == metric
            && qoe_span_eq(qoe_self_labels(e), labels))
        {
            return e;
        }
    }

    *word = NULL;

    return NULL;
}


static qoe_self_entry_t *
qoe_self_insert(qoe_self_t *t, qoe_proc_t self, uint64_t hash,
    qoe_metric_id_t metric, qoe_span_t labels)
{
    bool               stolen;
    qoe_self_entry_t  *e;

    if (labels.len > QOE_SELF_LABELS
        || qoe_mono_ms() < qoe_peek(&t->busy_ms))
    {
        return NULL;
    }

    /* a dead holder leaves nothing that needs repair: see qoe_self_make() */

    if (qoe_lock(&t->lock, self, &stolen) != QOE_OK) {
        qoe_poke(&t->busy_ms, qoe_mono_ms() + QOE_SELF_BUSY_MS);
        return NULL;
    }

    e = qoe_self_make(t, hash, metric, labels);

    qoe_unlock(&t->lock);

    return e;
}


/*
 * Makes an entry.  The caller holds the lock.  The entry is filled in after the
 * used space, then its space is allocated, then it is published: a writer that
 * is killed in between leaves nothing, or some unused space.
 */

static qoe_self_entry_t *
qoe_self_make(qoe_self_t *t, uint64_t hash, qoe_metric_id_t metric,
    qoe_span_t labels)
{
    size_t             need;
    uint64_t           offset, *word;
    qoe_self_entry_t  *e;

    e = qoe_self_find(t, hash, metric, labels, &word);

    if (e != NULL || word == NULL) {
        return e;
    }

    need = qoe_align(sizeof(qoe_self_entry_t)
                     + qoe_self_buckets(metric) * sizeof(uint64_t)
                     + labels.len, QOE_SELF_UNIT);
    offset = t->used;

    if (offset > t->size || need > t->size - offset) {
        return NULL;
    }

    e = (qoe_self_entry_t *) ((char *) t + offset);
    memset(e, 0, need);

    e->hash = hash;
    e->metric = metric;
    e->buckets = qoe_self_buckets(metric);
    e->labels_len = (uint32_t) labels.len;
    e->min = UINT64_MAX;

    if (labels.len != 0) {
        memcpy(e->bucket + e->buckets, labels.data, labels.len);
    }

    qoe_publish(&t->used, offset + need);
    qoe_publish(word, (hash >> 32 << 32) | offset / QOE_SELF_UNIT);

    return e;
}


/*
 * Sets the start before the first value, and counts the new series last, for
 * readers that look for new series.
 */

static void
qoe_self_record(qoe_self_t *t, qoe_self_entry_t *e, qoe_metric_id_t metric,
    double value)
{
    uint64_t  start;

    start = qoe_peek(&e->start_ns);

    if (start != 0) {
        qoe_self_value(e, metric, value);
        return;
    }

    (void) __atomic_compare_exchange_n(&e->start_ns, &start, qoe_unix_ns(),
                                       false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
    qoe_self_value(e, metric, value);

    __atomic_fetch_add(&t->born, 1, __ATOMIC_RELEASE);
}


static void
qoe_self_value(qoe_self_entry_t *e, qoe_metric_id_t metric, double value)
{
    uint64_t  n;

    n = (uint64_t) (value * qoe_self_scale(metric) + 0.5);

    __atomic_fetch_add(&e->sum, n, __ATOMIC_RELAXED);

    if (e->buckets == 0) {
        __atomic_fetch_add(&e->count, n, __ATOMIC_RELEASE);

    } else {
        qoe_self_observe(e, metric, value);
    }
}


/* Counts the bucket last, so that a reader of the count finds the extremes. */

static void
qoe_self_observe(qoe_self_entry_t *e, qoe_metric_id_t metric, double value)
{
    size_t    i;
    uint64_t  bits, old;

    value += 0.0;                            /* -0 becomes 0: its bits sort
                                                as a huge number */
    memcpy(&bits, &value, sizeof(double));

    old = qoe_peek(&e->min);

    while (bits < old
           && !__atomic_compare_exchange_n(&e->min, &old, bits, true,
                                           __ATOMIC_RELAXED,
                                           __ATOMIC_RELAXED))
    {
        /* void */
    }

    old = qoe_peek(&e->max);

    while (bits > old
           && !__atomic_compare_exchange_n(&e->max, &old, bits, true,
                                           __ATOMIC_RELAXED,
                                           __ATOMIC_RELAXED))
    {
        /* void */
    }

    i = qoe_metric_bucket(&qoe_metrics[metric], value);

    if (i < e->buckets) {
        __atomic_fetch_add(&e->bucket[i], 1, __ATOMIC_RELEASE);
    }
}
