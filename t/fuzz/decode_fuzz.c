
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: any bytes into the decoder.  What it must hold beyond not
 * crashing is written in the checks; the oracle is jansson on the whole body
 * and on every slice.  Seeds: t/tools/corpus_seed.pl, made for the same time.
 */


#include "qoe_decode.h"
#include "oracle.h"
#include "qoe_number.h"
#include "qoe_record.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define NOW        1765976635154

#define FLAGS      (JSON_REJECT_DUPLICATES|JSON_DECODE_INT_AS_REAL             \
                    |JSON_DECODE_ANY)

#define check(cond)                                                           \
    do {                                                                      \
        if (!(cond)) {                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);        \
            abort();                                                          \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const qoe_source_t  sources[] = {
    { .name = { "media", 5 }, .kind = QOE_SOURCE_DATA,
      .key = { "media_type", 10 } },
    { .name = { "city", 4 }, .kind = QOE_SOURCE_FIELD,
      .field = QOE_FIELD_NETWORK_CITY }
};

static const qoe_decode_conf_t  conf = {
    .max_events = QOE_EVENTS_MAX,
    .max_age_ms = 86400000,
    .max_ahead_ms = 300000,
    .sources = sources,
    .nsources = sizeof(sources) / sizeof(sources[0])
};

static const struct {
    qoe_event_field_t  field;
    const char        *key;
} ids[] = {
    { QOE_FIELD_ORG_ID, "org_id" },
    { QOE_FIELD_PLAYER_ID, "player_id" },
    { QOE_FIELD_VIEW_ID, "view_id" },
    { QOE_FIELD_SESSION_ID, "session_id" },
    { QOE_FIELD_VIEWER_ID, "viewer_id" }
};


static void
check_text(const char *p, size_t size)
{
    size_t  n;

    n = strnlen(p, size);
    check(n < size);

    while (n-- != 0) {
        check(p[n] >= 0x20 && p[n] < 0x7f);
    }
}


static void
check_errors(const qoe_batch_t *b)
{
    size_t  i;

    check(b->nerrors <= QOE_DECODE_ERRORS_MAX);

    for (i = 0; i < b->nerrors; i++) {
        check(b->errors[i].reason[0] != '\0');
        check_text(b->errors[i].reason, sizeof(b->errors[i].reason));
        check_text(b->errors[i].field, sizeof(b->errors[i].field));

        if (b->errors[i].event == QOE_DECODE_BODY) {
            check(b->nerrors == 1 && b->nevents == 0);
        } else {
            check(b->errors[i].event < b->total);
            check(i == 0 || b->errors[i].event >= b->errors[i - 1].event);
        }
    }
}


static void
check_record(const qoe_event_t *ev, qoe_arena_t *arena)
{
    size_t                     i;
    qoe_span_t                 packed;
    qoe_record_t               r;
    qoe_sample_t               s;
    qoe_record_parts_t         parts;
    static qoe_record_meta_t   meta = { .received_ns = 1, .uid = { 1 } };

    check(qoe_record_pack(&parts, ev, &meta, arena) == QOE_OK);
    check(qoe_record_join(&packed, &parts, arena) == QOE_OK);
    check(qoe_record_open(&r, packed) == QOE_OK);
    check(qoe_record_sample(&s, &r, arena) == QOE_OK);

    const struct {
        qoe_span_t  got;
        qoe_span_t  want;
    } pairs[] = {
        { s.type_name, ev->type_name },
        { s.text[QOE_TEXT_ORG_ID], ev->field[QOE_FIELD_ORG_ID].v.string },
        { s.text[QOE_TEXT_PLAYER_ID],
          ev->field[QOE_FIELD_PLAYER_ID].v.string },
        { s.text[QOE_TEXT_SESSION_ID],
          ev->field[QOE_FIELD_SESSION_ID].v.string },
        { s.text[QOE_TEXT_VIEW_ID], ev->field[QOE_FIELD_VIEW_ID].v.string },
        { s.text[QOE_TEXT_VIEWER_ID],
          ev->field[QOE_FIELD_VIEWER_ID].v.string },
        { s.text[QOE_TEXT_ENV], ev->field[QOE_FIELD_ENV].v.string },
        { s.text[QOE_TEXT_APP_NAME], ev->field[QOE_FIELD_APP_NAME].v.string },
        { s.text[QOE_TEXT_APP_VERSION],
          ev->field[QOE_FIELD_APP_VERSION].v.string }
    };

    check(r.head->severity == (unsigned) ev->severity);

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        check(qoe_span_eq(pairs[i].got,
                          qoe_text_cut(pairs[i].want, QOE_RECORD_TEXT_MAX)));
    }

    check(qoe_span_eq(r.body, ev->raw));
    check(s.type == ev->type && s.time_ms == ev->time_ms);

    /* the numbers behind those of data are fields of the event */

    check((s.set & (((uint64_t) 1 << QOE_DATA_NUMBERS) - 1)) == ev->set);

    for (i = 0; i < QOE_DATA_NUMBERS; i++) {
        check((s.set >> i & 1) == 0 || s.number[i] == ev->number[i]);
    }
}


static const json_t *
below_data(const json_t *data, const char *path)
{
    char         key[64];
    const char  *dot;

    dot = strchr(path, '.');

    if (dot == NULL) {
        return json_object_get(data, path);
    }

    snprintf(key, sizeof(key), "%.*s", (int) (dot - path), path);

    return json_object_get(json_object_get(data, key), dot + 1);
}


/* Does the value of a number come from this one of its paths? */

static bool
gives(const json_t *value, double *n)
{
    char        *end;
    const char  *s;

    if (json_is_boolean(value)) {
        *n = json_is_true(value);

    } else if (json_is_string(value)) {
        s = json_string_value(value);
        *n = strtod(s, &end);

        if (*s == '\0' || *end != '\0' || strlen(s) > 64
            || strspn(s, "+-.0123456789eE") != strlen(s) || !isfinite(*n))
        {
            return false;
        }

    } else if (json_is_number(value)) {
        *n = json_number_value(value);

    } else {
        return false;
    }

    return true;
}


/* Numbers, texts and dimensions of data, looked up one by one. */

static void
check_data(const qoe_event_t *ev, const json_t *data)
{
    bool                      set;
    double                    n;
    size_t                    i, j;
    const json_t             *value;

#define PATHS(id, ...)     { __VA_ARGS__ },
    static const char *const  paths[][4] = { QOE_SAMPLE_NUMBERS(PATHS) };
#undef PATHS

    check((ev->set >> (QOE_DATA_NUMBERS - 1)) <= 1);

    for (i = 0; i < QOE_DATA_NUMBERS; i++) {
        set = false;

        for (j = 0; paths[i][j] != NULL && !set; j++) {
            set = gives(below_data(data, paths[i][j]), &n);
        }

        check((ev->set >> i & 1) == set);
        check(!set || ev->number[i] == n);
    }

    value = json_object_get(data, "error_code");

    if (json_is_string(value)) {
        check(qoe_span_eq(ev->data[QOE_DATA_TEXT_ERROR_CODE],
                          qoe_span_str(json_string_value(value))));

    } else if (json_is_number(value)) {
        check(strtod(ev->data[QOE_DATA_TEXT_ERROR_CODE].data, NULL)
              == json_number_value(value));

    } else {
        check(ev->data[QOE_DATA_TEXT_ERROR_CODE].len == 0);
    }

    value = json_object_get(data, "media_type");
    check(ev->ndims == (json_is_number(value) || json_is_boolean(value)
                        || json_string_length(value) != 0));
}


/* The slice is JSON and tells the same as the event; the caller frees it. */

static json_t *
check_event(const qoe_event_t *ev)
{
    json_t      *json;
    size_t       i;
    qoe_span_t   id;

    check(ev->raw.len >= 2 && ev->raw.len <= QOE_EVENT_RAW_MAX);
    check(ev->time_ms >= NOW - 86400000 && ev->time_ms <= NOW + 300000);

    json = json_loadb(ev->raw.data, ev->raw.len, FLAGS, NULL);
    check(json_is_object(json));

    check(qoe_span_eq(ev->type_name, qoe_span_str(json_string_value(
                          json_object_get(json, "event_type")))));
    check(json_number_value(json_object_get(json, "event_time"))
          == (double) ev->time_ms);

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        check(ev->field[ids[i].field].type == QOE_VALUE_STRING);

        id = ev->field[ids[i].field].v.string;
        check(id.len > 0 && id.len <= QOE_ID_MAX);
        check(qoe_span_eq(id, qoe_span_str(json_string_value(
                                  json_object_get(json, ids[i].key)))));
    }

    check_data(ev, json_object_get(json, "data"));

    return json;
}


/*
 * The body as JSON: half a surrogate pair, of an event that is refused, is
 * none.  The caller frees it.
 */

static json_t *
load_body(const char *body, size_t len)
{
    char     *copy;
    size_t    at;
    json_t   *root;

    copy = malloc(len);
    check(copy != NULL);
    memcpy(copy, body, len);
    at = 0;

    while (qoe_slice_half((qoe_span_t) { copy, len }, &at)) {
        memcpy(copy + at, "\\ufffd", 6);
    }

    root = json_loadb(copy, len, FLAGS, NULL);
    free(copy);

    return root;
}


/* The events are elements of the body's array, in its order. */

static void
check_events(const qoe_batch_t *b, const char *body, size_t len,
    qoe_arena_t *arena)
{
    json_t  *root, *array, *json;
    size_t   i, j;

    root = load_body(body, len);
    array = json_object_get(root, "events");
    check(json_array_size(array) == b->total);
    check(b->nevents + b->nrejected == b->total && b->nevents != 0);

    j = 0;

    for (i = 0; i < b->nevents; i++) {
        check(b->events[i].raw.data >= body
              && b->events[i].raw.data + b->events[i].raw.len <= body + len);

        json = check_event(&b->events[i]);

        while (j < b->total && !json_equal(json, json_array_get(array, j))) {
            j++;
        }

        check(j++ < b->total);
        json_decref(json);

        check_record(&b->events[i], arena);
    }

    json_decref(root);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qoe_arena_t   arena;
    qoe_batch_t   batch;
    qoe_status_t  status;

    qoe_arena_init(&arena, &qoe_mem_heap, 65536, 1 << 30);

    status = qoe_decode(&batch, (const char *) data, size, &conf, NOW, &arena);

    check(status == QOE_OK || status == QOE_INVALID);
    check_errors(&batch);

    if (status == QOE_OK) {
        check_events(&batch, (const char *) data, size, &arena);

    } else {
        check(batch.nevents == 0 && batch.nerrors != 0);
    }

    qoe_arena_free(&arena);

    return 0;
}
