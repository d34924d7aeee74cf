
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_data.h"
#include "qoe_number.h"

#include <math.h>
#include <pthread.h>


#define QOE_DATA_RANKS     3             /* paths of a number at most */
#define QOE_DATA_BUCKETS   64
#define QOE_DATA_ROWS      (QOE_NUMBERS * QOE_DATA_RANKS + QOE_DATA_TEXTS)


/* Where a value is read from: one path of the tables, in two keys. */

typedef struct {
    qoe_span_t      key;
    qoe_span_t      sub;                 /* empty: the value of key itself */
    bool            text;
    uint8_t         id;                  /* qoe_number_t or qoe_data_text_t */
    uint8_t         rank;                /* the lower one is taken */
} qoe_data_row_t;


/* The rows by a hash of their key: those of bucket b end where b + 1 begins. */

typedef struct {
    qoe_data_row_t  row[QOE_DATA_ROWS];
    size_t          first[QOE_DATA_BUCKETS + 1];
} qoe_data_table_t;


typedef struct {
    const char     *path[QOE_DATA_RANKS];
} qoe_data_paths_t;


static void qoe_data_prepare(void);
static size_t qoe_data_list(qoe_data_row_t *rows);
static void qoe_data_row(qoe_data_row_t *row, const char *path);
static qoe_status_t qoe_data_set(qoe_event_t *ev, const qoe_data_row_t *row,
    json_t *value, uint8_t *ranks, qoe_arena_t *arena);
static bool qoe_data_number(double *n, const json_t *value);
static qoe_status_t qoe_data_text(qoe_span_t *text, const json_t *value,
    qoe_arena_t *arena);
static qoe_status_t qoe_data_dims(qoe_event_t *ev, qoe_span_t key,
    json_t *value, qoe_arena_t *arena);


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


/* Made from the two above at the first event, and constant from then on. */

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


qoe_status_t
qoe_data_read(qoe_event_t *ev, json_t *data, qoe_arena_t *arena)
{
    void                  *iter;
    size_t                 i, bucket;
    json_t                *value;
    uint8_t                ranks[QOE_NUMBERS];
    qoe_span_t             key;
    const qoe_data_row_t  *row;

    (void) pthread_once(&qoe_data_once, qoe_data_prepare);

    for (iter = json_object_iter(data);
         iter != NULL;
         iter = json_object_iter_next(data, iter))
    {
        key.data = json_object_iter_key(iter);
        key.len = json_object_iter_key_len(iter);
        value = json_object_iter_value(iter);
        bucket = qoe_data_hash(key);

        for (i = qoe_data_table.first[bucket];
             i < qoe_data_table.first[bucket + 1];
             i++)
        {
            row = &qoe_data_table.row[i];

            if (qoe_span_eq(key, row->key)
                && qoe_data_set(ev, row, value, ranks, arena) != QOE_OK)
            {
                return QOE_NOMEM;
            }
        }

        if (ev->nsources != 0
            && qoe_data_dims(ev, key, value, arena) != QOE_OK)
        {
            return QOE_NOMEM;
        }
    }

    return QOE_OK;
}


/* A counting sort of the rows by their buckets. */

static void
qoe_data_prepare(void)
{
    size_t            i, n, *first, next[QOE_DATA_BUCKETS];
    qoe_data_row_t    rows[QOE_DATA_ROWS];

    n = qoe_data_list(rows);
    first = qoe_data_table.first;

    for (i = 0; i < n; i++) {
        first[qoe_data_hash(rows[i].key) + 1]++;
    }

    for (i = 0; i < QOE_DATA_BUCKETS; i++) {
        first[i + 1] += first[i];
        next[i] = first[i];
    }

    for (i = 0; i < n; i++) {
        qoe_data_table.row[next[qoe_data_hash(rows[i].key)]++] = rows[i];
    }
}


static size_t
qoe_data_list(qoe_data_row_t *rows)
{
    size_t  i, rank, n;

    n = 0;
    memset(rows, 0, QOE_DATA_ROWS * sizeof(qoe_data_row_t));

    for (i = 0; i < QOE_NUMBERS; i++) {
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


static qoe_status_t
qoe_data_set(qoe_event_t *ev, const qoe_data_row_t *row, json_t *value,
    uint8_t *ranks, qoe_arena_t *arena)
{
    double    n;
    uint64_t  bit;

    if (row->sub.len != 0) {
        value = json_object_getn(value, row->sub.data, row->sub.len);
    }

    if (row->text) {
        return json_is_boolean(value)
               ? QOE_OK : qoe_data_text(&ev->data[row->id], value, arena);
    }

    if (!qoe_data_number(&n, value)) {
        return QOE_OK;
    }

    bit = (uint64_t) 1 << row->id;

    if ((ev->set & bit) == 0 || row->rank < ranks[row->id]) {
        ev->set |= bit;
        ev->number[row->id] = n;
        ranks[row->id] = row->rank;
    }

    return QOE_OK;
}


static bool
qoe_data_number(double *n, const json_t *value)
{
    qoe_span_t  text;

    if (json_is_number(value)) {
        *n = json_number_value(value);
        return isfinite(*n);
    }

    if (json_is_boolean(value)) {
        *n = json_is_true(value);
        return true;
    }

    text.data = json_string_value(value);
    text.len = json_string_length(value);

    return qoe_number_parse(n, text);
}


/* A string, or a number or boolean as text; else *text stays as it is. */

static qoe_status_t
qoe_data_text(qoe_span_t *text, const json_t *value, qoe_arena_t *arena)
{
    if (json_is_string(value)) {
        text->data = json_string_value(value);
        text->len = json_string_length(value);

    } else if (json_is_boolean(value)) {
        *text = json_is_true(value) ? qoe_span("true") : qoe_span("false");

    } else if (json_is_number(value) && isfinite(json_number_value(value))) {
        *text = qoe_number_copy(json_number_value(value), arena);
        return (text->data != NULL) ? QOE_OK : QOE_NOMEM;
    }

    return QOE_OK;
}


/* Sources are few: a search of them is one look at each key's length. */

static qoe_status_t
qoe_data_dims(qoe_event_t *ev, qoe_span_t key, json_t *value,
    qoe_arena_t *arena)
{
    size_t               i, max;
    json_t              *v;
    qoe_span_t           text;
    const qoe_source_t  *source;

    max = qoe_min(ev->nsources, (size_t) QOE_SOURCES_MAX);

    for (i = 0; i < max; i++) {
        source = &ev->sources[i];

        if (source->kind != QOE_SOURCE_DATA || !qoe_span_eq(key, source->key))
        {
            continue;
        }

        v = (source->sub.len == 0)
            ? value
            : json_object_getn(value, source->sub.data, source->sub.len);

        text = qoe_span_null;

        if (qoe_data_text(&text, v, arena) != QOE_OK) {
            return QOE_NOMEM;
        }

        if (text.len == 0) {
            continue;
        }

        if (ev->dims == NULL) {
            ev->dims = qoe_arena_alloc(arena, max * sizeof(qoe_named_t));

            if (ev->dims == NULL) {
                return QOE_NOMEM;
            }
        }

        ev->dims[ev->ndims].name = source->name;
        ev->dims[ev->ndims++].value = qoe_text_cut(text, QOE_SOURCE_LEN);
    }

    return QOE_OK;
}
