
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_top.h"
#include "qoe_hash_quick.h"

#include <time.h>


#define QOE_TOP_SLICE      64                /* between looks at the clock */
#define QOE_TOP_PLACES     64                /* at first; a power of two */
#define QOE_TOP_BLOCK      (16 * 1024)
#define QOE_TOP_MEMORY     (8 * 1024 * 1024)


/* A hash table of rows; a row without a name is a free place. */

typedef struct {
    qoe_top_row_t     *row;
    size_t             size;                 /* a power of two */
    size_t             n;
    bool               more;
} qoe_top_table_t;


struct qoe_top_s {
    const qoe_mem_t   *mem;
    const qoe_state_t *st;
    qoe_span_t         name[QOE_TOP_LISTS];  /* of the dimensions */
    qoe_span_t         other;                /* what stands for a title */
    uint32_t           lane;
    uint32_t           slot;
    qoe_arena_t        arena;
    qoe_top_table_t    table[QOE_TOP_LISTS];
    char               labels[QOE_LABELS_MAX];
};


/* The attributes of a series that matter. */

typedef struct {
    qoe_span_t         value[QOE_TOP_LISTS];
    qoe_span_t         other;
} qoe_top_values_t;


static bool qoe_top_wants(uint32_t metric);
static qoe_status_t qoe_top_slot(qoe_top_t *t, const qoe_store_t *store,
    uint32_t slot);
static void qoe_top_values(qoe_top_t *t, qoe_span_t packed,
    qoe_top_values_t *values);
static qoe_span_t qoe_top_outcome(const qoe_store_t *store,
    const qoe_series_t *e, char buf[QOE_LABELS_MAX]);
static void qoe_top_add(qoe_top_row_t *row, const qoe_series_t *e,
    qoe_span_t outcome);
static qoe_top_row_t *qoe_top_place(qoe_top_t *t, qoe_top_list_t list,
    qoe_span_t name);
static qoe_top_row_t *qoe_top_find(const qoe_top_t *t,
    const qoe_top_table_t *table, qoe_span_t name);
static bool qoe_top_grow(qoe_top_t *t, qoe_top_table_t *table);
static void qoe_top_sort(qoe_top_table_t *table);
static int qoe_top_compare(const qoe_top_row_t *a, const qoe_top_row_t *b);
static uint64_t qoe_top_clock_us(void);


qoe_top_t *
qoe_top_create(const qoe_state_t *st, const qoe_dimensions_t *dims,
    const qoe_mem_t *mem)
{
    qoe_top_t  *t;

    t = mem->alloc(mem->ctx, sizeof(qoe_top_t));
    if (t == NULL) {
        return NULL;
    }

    memset(t, 0, sizeof(qoe_top_t));

    t->mem = mem;
    t->st = st;
    t->name[QOE_TOP_TITLES] = dims->dim[QOE_DIM_VIDEO_TITLE].name;
    t->name[QOE_TOP_CDNS] = dims->dim[QOE_DIM_CDN_PROVIDER].name;
    t->name[QOE_TOP_COUNTRIES] = dims->dim[QOE_DIM_NETWORK_COUNTRY_CODE].name;
    t->name[QOE_TOP_DEVICES] = dims->dim[QOE_DIM_DEVICE_CATEGORY].name;
    t->other = dims->dim[QOE_DIM_VIDEO_ID].name;

    qoe_arena_init(&t->arena, mem, QOE_TOP_BLOCK, QOE_TOP_MEMORY);

    return t;
}


void
qoe_top_destroy(qoe_top_t *t)
{
    size_t  i;

    if (t == NULL) {
        return;
    }

    for (i = 0; i < QOE_TOP_LISTS; i++) {
        t->mem->free(t->mem->ctx, t->table[i].row);
    }

    qoe_arena_free(&t->arena);
    t->mem->free(t->mem->ctx, t);
}


qoe_status_t
qoe_top_step(qoe_top_t *t, uint64_t budget_us)
{
    size_t              i;
    uint64_t            deadline;
    qoe_status_t        rc;
    const qoe_store_t  *store;

    deadline = qoe_top_clock_us() + budget_us;

    while (t->lane < t->st->lanes) {

        store = t->st->store[t->lane];

        for (i = 0; i < QOE_TOP_SLICE && t->slot < qoe_store_slots(store); i++)
        {
            rc = qoe_top_slot(t, store, t->slot++);

            if (rc != QOE_OK) {
                return rc;
            }
        }

        if (t->slot == qoe_store_slots(store)) {
            t->slot = 0;
            t->lane++;
        }

        if (t->lane < t->st->lanes && qoe_top_clock_us() >= deadline) {
            return QOE_AGAIN;
        }
    }

    for (i = 0; i < QOE_TOP_LISTS; i++) {
        qoe_top_sort(&t->table[i]);
    }

    return QOE_OK;
}


static bool
qoe_top_wants(uint32_t metric)
{
    switch (metric) {

    case QOE_METRIC_VIEWS_STARTED_TOTAL:
    case QOE_METRIC_VIEWS_TOTAL:
    case QOE_METRIC_VIDEO_STARTUP_TIME:
    case QOE_METRIC_REBUFFER_DURATION:
    case QOE_METRIC_PLAYING_TIME_SECONDS:
        return true;

    default:
        return false;
    }
}


/*
 * The attributes are those of the series only if its block is still the same
 * after they were read.
 */

static qoe_status_t
qoe_top_slot(qoe_top_t *t, const qoe_store_t *store, uint32_t slot)
{
    char               buf[QOE_LABELS_MAX];
    size_t             i;
    qoe_span_t         outcome;
    qoe_series_t       e;
    qoe_top_row_t     *row;
    qoe_top_values_t   values;

    if (!qoe_top_wants(qoe_store_metric(store, slot))
        || !qoe_store_read(store, slot, &e) || !qoe_top_wants(e.metric))
    {
        return QOE_OK;
    }

    qoe_top_values(t, (qoe_span_t) { t->labels,
                                     qoe_store_block_read(store, e.base,
                                                          t->labels) },
                   &values);

    if (e.base_hash == 0
        || qoe_store_block_hash(store, e.base) != e.base_hash)
    {
        return QOE_OK;
    }

    outcome = qoe_top_outcome(store, &e, buf);

    for (i = 0; i < QOE_TOP_LISTS; i++) {

        if (values.value[i].len == 0) {
            continue;
        }

        row = qoe_top_place(t, i, values.value[i]);

        if (row != NULL) {
            qoe_top_add(row, &e, outcome);

        } else if (!t->table[i].more) {
            return QOE_NOMEM;
        }
    }

    return QOE_OK;
}


/* A title that metrics do not have gives way to the video's id. */

static void
qoe_top_values(qoe_top_t *t, qoe_span_t packed, qoe_top_values_t *values)
{
    size_t             i;
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    memset(values, 0, sizeof(qoe_top_values_t));
    qoe_labels_iter(&it, packed);

    while (qoe_labels_next(&it, &name, &value)) {

        for (i = 0; i < QOE_TOP_LISTS; i++) {
            if (qoe_span_eq(name, t->name[i])) {
                values->value[i] = value;
            }
        }

        if (qoe_span_eq(name, t->other)) {
            values->other = value;
        }
    }

    if (values->value[QOE_TOP_TITLES].len == 0) {
        values->value[QOE_TOP_TITLES] = values->other;
    }
}


static qoe_span_t
qoe_top_outcome(const qoe_store_t *store, const qoe_series_t *e,
    char buf[QOE_LABELS_MAX])
{
    if (e->metric != QOE_METRIC_VIEWS_TOTAL) {
        return qoe_span_null;
    }

    return qoe_labels_get((qoe_span_t) { buf,
                                         qoe_store_block_read(store, e->extra,
                                                              buf) },
                          qoe_span("outcome"));
}


static void
qoe_top_add(qoe_top_row_t *row, const qoe_series_t *e, qoe_span_t outcome)
{
    size_t  i;

    switch (e->metric) {

    case QOE_METRIC_VIEWS_STARTED_TOTAL:
        row->started += e->count;
        break;

    case QOE_METRIC_PLAYING_TIME_SECONDS:
        row->playing_ms += e->sum * 1000;
        break;

    case QOE_METRIC_REBUFFER_DURATION:
        row->stalls += e->count;
        row->stalled_ms += e->sum;
        break;

    case QOE_METRIC_VIDEO_STARTUP_TIME:
        for (i = 0; i < QOE_TOP_BUCKETS; i++) {
            row->startup[i] += e->bucket[i];
        }
        break;

    default: /* QOE_METRIC_VIEWS_TOTAL */
        row->over += e->count;

        if (qoe_span_eq(outcome, qoe_span("startup_failure"))
            || qoe_span_eq(outcome, qoe_span("playback_failure")))
        {
            row->failures += e->count;

        } else if (qoe_span_eq(outcome, qoe_span("exit_before_start"))) {
            row->exits += e->count;
        }
    }
}


/* The row of that name, made if need be.  NULL: no memory, or table->more. */

static qoe_top_row_t *
qoe_top_place(qoe_top_t *t, qoe_top_list_t list, qoe_span_t name)
{
    qoe_top_row_t    *row;
    qoe_top_table_t  *table;

    table = &t->table[list];

    if (table->n * 2 >= table->size && !qoe_top_grow(t, table)) {
        return NULL;
    }

    row = qoe_top_find(t, table, name);

    if (row->name.len != 0) {
        return row;
    }

    if (table->n == QOE_TOP_ROWS) {
        table->more = true;
        return NULL;
    }

    name = qoe_arena_copy(&t->arena, name);

    if (name.data == NULL) {
        return NULL;
    }

    row->name = name;
    table->n++;

    return row;
}


/* Ends, for the table is never more than half full. */

static qoe_top_row_t *
qoe_top_find(const qoe_top_t *t, const qoe_top_table_t *table,
    qoe_span_t name)
{
    uint64_t        i;
    qoe_top_row_t  *row;

    for (i = qoe_hash_quick(&t->st->key, t->st->key.k0, name);
         /* void */ ;
         i++)
    {
        row = &table->row[i & (table->size - 1)];

        if (row->name.len == 0 || qoe_span_eq(row->name, name)) {
            return row;
        }
    }
}


static bool
qoe_top_grow(qoe_top_t *t, qoe_top_table_t *table)
{
    size_t            i;
    qoe_top_table_t   new;

    new = *table;
    new.size = qoe_max(table->size * 2, (size_t) QOE_TOP_PLACES);
    new.row = t->mem->alloc(t->mem->ctx, new.size * sizeof(qoe_top_row_t));

    if (new.row == NULL) {
        return false;
    }

    memset(new.row, 0, new.size * sizeof(qoe_top_row_t));

    for (i = 0; i < table->size; i++) {
        if (table->row[i].name.len != 0) {
            *qoe_top_find(t, &new, table->row[i].name) = table->row[i];
        }
    }

    t->mem->free(t->mem->ctx, table->row);
    *table = new;

    return true;
}


/*
 * Moves the rows with the most views to the front, in order.  The rest need no
 * order, and to sort thousands of rows would hold up an event loop.
 */

static void
qoe_top_sort(qoe_top_table_t *table)
{
    size_t         i, k, n;
    qoe_top_row_t  row;

    n = 0;

    for (i = 0; i < table->size; i++) {

        if (table->row[i].name.len == 0) {
            continue;
        }

        row = table->row[i];
        k = n++;

        /* the row that leaves the front takes the place of the new one */

        if (k >= QOE_TOP_SHOWN) {
            k = QOE_TOP_SHOWN - 1;

            if (qoe_top_compare(&row, &table->row[k]) >= 0) {
                table->row[n - 1] = row;
                continue;
            }

            table->row[n - 1] = table->row[k];
        }

        for (/* void */;
             k != 0 && qoe_top_compare(&row, &table->row[k - 1]) < 0;
             k--)
        {
            table->row[k] = table->row[k - 1];
        }

        table->row[k] = row;
    }
}


/* By views, and those with equally many by name. */

static int
qoe_top_compare(const qoe_top_row_t *a, const qoe_top_row_t *b)
{
    int       rc;
    uint64_t  m, n;

    m = qoe_max(a->started, a->over);
    n = qoe_max(b->started, b->over);

    if (m != n) {
        return m > n ? -1 : 1;
    }

    rc = memcmp(a->name.data, b->name.data,
                qoe_min(a->name.len, b->name.len));

    return rc != 0 ? rc : (a->name.len > b->name.len)
                          - (a->name.len < b->name.len);
}


const qoe_top_row_t *
qoe_top_row(const qoe_top_t *t, qoe_top_list_t list, size_t n)
{
    return n < qoe_min(t->table[list].n, (size_t) QOE_TOP_SHOWN)
           ? &t->table[list].row[n] : NULL;
}


size_t
qoe_top_rows(const qoe_top_t *t, qoe_top_list_t list, bool *more)
{
    *more = t->table[list].more;

    return t->table[list].n;
}


static uint64_t
qoe_top_clock_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}
