
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_data.h"
#include "qoe_number.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>


#define QOE_DATA_BUCKETS   64


/*
 * The keys in the order of their hashes: the keys of bucket b are those from
 * first[b] to first[b + 1].
 */

typedef struct {
    qoe_data_row_t  row[QOE_DATA_ROWS];
    qoe_data_key_t  key[QOE_DATA_ROWS];
    uint8_t         first[QOE_DATA_BUCKETS + 1];
} qoe_data_table_t;


_Static_assert(QOE_DATA_ROWS <= UINT8_MAX, "first[] has bytes");


typedef struct {
    const char     *path[QOE_DATA_RANKS];
} qoe_data_paths_t;


static void qoe_data_prepare(void);
static size_t qoe_data_list(qoe_data_row_t *rows);
static void qoe_data_row(qoe_data_row_t *row, const char *path);
static int qoe_data_compare(const void *one, const void *two);
static bool qoe_data_number(double *n, const qoe_value_t *value);
static qoe_status_t qoe_data_text(qoe_span_t *text, const qoe_value_t *value,
    qoe_arena_t *arena);


static const qoe_data_paths_t  qoe_data_numbers[] = {
#define QOE_DATA_NUMBER(id, ...)  { { __VA_ARGS__ } },
    QOE_SAMPLE_NUMBERS(QOE_DATA_NUMBER)
#undef QOE_DATA_NUMBER
};


static const char *const  qoe_data_texts[] = {
#define QOE_DATA_NONE(id)
#define QOE_DATA_PATH(id, path)  path,
    QOE_SAMPLE_TEXTS(QOE_DATA_NONE, QOE_DATA_PATH)
#undef QOE_DATA_NONE
#undef QOE_DATA_PATH
};


/* Built from the two tables above before the first event, then constant. */

static qoe_data_table_t  qoe_data_table;
static pthread_once_t    qoe_data_once = PTHREAD_ONCE_INIT;


static inline size_t
qoe_data_hash(qoe_span_t key)
{
    if (key.len == 0) {
        return 0;
    }

    return ((unsigned char) key.data[0] * 7
            + (unsigned char) key.data[key.len - 1] * 3
            + (unsigned char) key.data[key.len / 2] + key.len)
           % QOE_DATA_BUCKETS;
}


void
qoe_data_init(void)
{
    (void) pthread_once(&qoe_data_once, qoe_data_prepare);
}


const qoe_data_key_t *
qoe_data_find(qoe_span_t key)
{
    size_t  i, bucket;

    bucket = qoe_data_hash(key);

    for (i = qoe_data_table.first[bucket];
         i < qoe_data_table.first[bucket + 1];
         i++)
    {
        if (qoe_span_eq(key, qoe_data_table.key[i].key)) {
            return &qoe_data_table.key[i];
        }
    }

    return NULL;
}


const qoe_data_key_t *
qoe_data_keys(size_t *n)
{
    *n = qoe_data_table.first[QOE_DATA_BUCKETS];

    return qoe_data_table.key;
}


/*
 * Sorts the rows by the hashes of their keys, which also brings the rows of a
 * key together.
 */

static void
qoe_data_prepare(void)
{
    size_t           i, n, nkeys;
    qoe_data_row_t  *row;
    qoe_data_key_t  *key;

    n = qoe_data_list(qoe_data_table.row);
    qsort(qoe_data_table.row, n, sizeof(qoe_data_row_t), qoe_data_compare);

    nkeys = 0;
    key = NULL;

    for (i = 0; i < n; i++) {
        row = &qoe_data_table.row[i];

        if (key == NULL || !qoe_span_eq(key->key, row->key)) {
            key = &qoe_data_table.key[nkeys++];
            key->key = row->key;
            key->first = row;
            qoe_data_table.first[qoe_data_hash(row->key) + 1]++;
        }

        key->end = row + 1;
    }

    for (i = 0; i < QOE_DATA_BUCKETS; i++) {
        qoe_data_table.first[i + 1] += qoe_data_table.first[i];
    }
}


static size_t
qoe_data_list(qoe_data_row_t *rows)
{
    size_t  i, rank, n;

    n = 0;
    memset(rows, 0, QOE_DATA_ROWS * sizeof(qoe_data_row_t));

    for (i = 0; i < QOE_DATA_NUMBERS; i++) {
        for (rank = 0; rank < QOE_DATA_RANKS; rank++) {

            if (qoe_data_numbers[i].path[rank] == NULL) {
                break;
            }

            rows[n].id = (uint8_t) i;
            rows[n].rank = (uint8_t) rank;
            qoe_data_row(&rows[n++], qoe_data_numbers[i].path[rank]);
        }
    }

    for (i = 0; i < QOE_DATA_TEXTS; i++) {
        rows[n].id = (uint8_t) i;
        rows[n].text = true;
        qoe_data_row(&rows[n++], qoe_data_texts[i]);
    }

    return n;
}


static void
qoe_data_row(qoe_data_row_t *row, const char *path)
{
    row->key = (qoe_span_t) { path, strcspn(path, ".") };

    if (path[row->key.len] == '.') {
        row->sub = qoe_span_str(path + row->key.len + 1);
    }
}


static int
qoe_data_compare(const void *one, const void *two)
{
    size_t                 x, y;
    const qoe_data_row_t  *a = one, *b = two;

    x = qoe_data_hash(a->key);
    y = qoe_data_hash(b->key);

    if (x == y) {
        x = a->key.len;
        y = b->key.len;
    }

    if (x != y) {
        return (x < y) ? -1 : 1;
    }

    return memcmp(a->key.data, b->key.data, a->key.len);
}


qoe_status_t
qoe_data_set(qoe_event_t *ev, const qoe_data_row_t *row,
    const qoe_value_t *value, uint8_t *ranks, qoe_arena_t *arena)
{
    double  n;

    if (row->text) {
        return (value->type == QOE_VALUE_BOOL)
               ? QOE_OK : qoe_data_text(&ev->data[row->id], value, arena);
    }

    if (qoe_data_number(&n, value)) {
        qoe_data_put(ev, row, n, ranks);
    }

    return QOE_OK;
}


static bool
qoe_data_number(double *n, const qoe_value_t *value)
{
    switch (value->type) {

    case QOE_VALUE_NUMBER:
        *n = value->v.number;
        return isfinite(*n);

    case QOE_VALUE_BOOL:
        *n = value->v.boolean;
        return true;

    case QOE_VALUE_STRING:
        return qoe_number_parse(n, value->v.string);

    case QOE_VALUE_NONE:
        break;
    }

    return false;
}


/*
 * Stores a string, number or boolean as text; any other value leaves *text
 * unchanged.
 */

static qoe_status_t
qoe_data_text(qoe_span_t *text, const qoe_value_t *value, qoe_arena_t *arena)
{
    if (value->type == QOE_VALUE_STRING) {
        *text = value->v.string;

    } else if (value->type == QOE_VALUE_BOOL) {
        *text = value->v.boolean ? qoe_span("true") : qoe_span("false");

    } else if (value->type == QOE_VALUE_NUMBER && isfinite(value->v.number)) {
        *text = qoe_number_copy(value->v.number, arena);
        return (text->data != NULL) ? QOE_OK : QOE_NOMEM;
    }

    return QOE_OK;
}


qoe_status_t
qoe_data_dim(qoe_event_t *ev, const qoe_source_t *source,
    const qoe_value_t *value, qoe_arena_t *arena)
{
    size_t      max;
    qoe_span_t  text;

    text = qoe_span_null;

    if (qoe_data_text(&text, value, arena) != QOE_OK) {
        return QOE_NOMEM;
    }

    if (text.len == 0) {
        return QOE_OK;
    }

    if (ev->dims == NULL) {
        max = qoe_min(ev->nsources, (size_t) QOE_SOURCES_MAX);
        ev->dims = qoe_arena_alloc(arena, max * sizeof(qoe_named_t));

        if (ev->dims == NULL) {
            return QOE_NOMEM;
        }
    }

    ev->dims[ev->ndims].name = source->name;
    ev->dims[ev->ndims++].value = qoe_text_cut(text, QOE_SOURCE_LEN);

    return QOE_OK;
}
