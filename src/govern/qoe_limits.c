
/*
 * Copyright (C) OpenQoE
 *
 * Parses the JSON of CARDINALITY_LIMITS.
 */


#include "qoe_dimension.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>


#define QOE_LIMITS_VALUE   64                /* longest value in a reason */


typedef enum {
    QOE_LIMIT_MAX = 0,
    QOE_LIMIT_TTL,
    QOE_LIMIT_SIZE,
    QOE_LIMIT_MAXLEN,
    QOE_LIMIT_ACTION,
    QOE_LIMIT_OVERFLOW,
    QOE_LIMITS_N
} qoe_limit_t;

typedef struct {
    const char          *key;
    qoe_limit_t          limit;
    uint32_t             min;            /* for numbers; max 0: a text */
    uint32_t             max;
} qoe_limit_key_t;

typedef struct {
    char                *err;
    size_t               size;
    const char          *name;           /* name of the dimension */
    uint32_t             seen;           /* a bit for each qoe_limit_t */
} qoe_limits_ctx_t;


static qoe_status_t qoe_limits_apply(qoe_dimensions_t *d, json_t *root,
    uint64_t skip, qoe_limits_ctx_t *ctx);
static qoe_status_t qoe_limits_item(qoe_dimension_t *dim, json_t *item,
    qoe_limits_ctx_t *ctx);
static qoe_status_t qoe_limits_set(qoe_dimension_t *dim,
    const qoe_limit_key_t *k, json_t *value, qoe_limits_ctx_t *ctx);
static qoe_status_t qoe_limits_number(const qoe_limit_key_t *k, json_t *value,
    uint32_t *number, qoe_limits_ctx_t *ctx);
static qoe_status_t qoe_limits_action(qoe_dimension_t *dim, json_t *value,
    qoe_limits_ctx_t *ctx);
static qoe_status_t qoe_limits_overflow(qoe_dimension_t *dim, json_t *value,
    qoe_limits_ctx_t *ctx);
static qoe_status_t qoe_limits_whole(const qoe_dimension_t *dim,
    qoe_limits_ctx_t *ctx);
static qoe_span_t qoe_limits_text(json_t *value);
static void qoe_limits_print(json_t *value, char buf[QOE_LIMITS_VALUE]);
static int qoe_limits_write(const char *data, size_t size, void *ctx);
static void qoe_limits_key(const char *key, size_t len,
    char buf[QOE_LIMITS_VALUE]);
static qoe_status_t qoe_limits_fail(qoe_limits_ctx_t *ctx, const char *fmt,
    ...)
    __attribute__((format(printf, 2, 3)));


static const qoe_limit_key_t  qoe_limit_keys[] = {
    { "max_cardinality", QOE_LIMIT_MAX,      0, QOE_DIMENSION_MAX_MAX },
    { "max",             QOE_LIMIT_MAX,      0, QOE_DIMENSION_MAX_MAX },
    { "ttl",             QOE_LIMIT_TTL,      1, QOE_DIMENSION_TTL_MAX },
    { "bucket_size",     QOE_LIMIT_SIZE,     1, QOE_DIMENSION_SIZE_MAX },
    { "size",            QOE_LIMIT_SIZE,     1, QOE_DIMENSION_SIZE_MAX },
    { "maxlen",          QOE_LIMIT_MAXLEN,   1, QOE_DIMENSION_LEN_MAX },
    { "action",          QOE_LIMIT_ACTION,   0, 0 },
    { "overflow",        QOE_LIMIT_OVERFLOW, 0, 0 }
};


qoe_status_t
qoe_dimensions_json(qoe_dimensions_t *d, qoe_span_t json, uint64_t skip,
    char *err, size_t size)
{
    json_t            *root;
    qoe_status_t       rc;
    json_error_t       error;
    qoe_dimensions_t   changed;
    qoe_limits_ctx_t   ctx;

    memset(&ctx, 0, sizeof(ctx));
    memset(&error, 0, sizeof(error));

    ctx.err = err;
    ctx.size = size;

    root = json_loadb(json.data ? json.data : "", json.len,
                      JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, &error);

    if (root == NULL) {

        if (error.text[0] == '\0'
            || json_error_code(&error) == json_error_out_of_memory)
        {
            return QOE_NOMEM;
        }

        return qoe_limits_fail(&ctx, "is not valid JSON: %s, line %d column "
                               "%d", error.text, error.line, error.column);
    }

    /* change d only if all of the JSON is valid */

    changed = *d;
    rc = qoe_limits_apply(&changed, root, skip, &ctx);

    if (rc == QOE_OK) {
        *d = changed;
    }

    json_decref(root);

    return rc;
}


static qoe_status_t
qoe_limits_apply(qoe_dimensions_t *d, json_t *root, uint64_t skip,
    qoe_limits_ctx_t *ctx)
{
    char              text[QOE_LIMITS_VALUE];
    void             *iter;
    size_t            i;
    qoe_span_t        name;
    qoe_status_t      rc;
    qoe_dimension_t   unused, *dim;

    if (!json_is_object(root)) {
        qoe_limits_print(root, text);
        return qoe_limits_fail(ctx, "must be an object of dimensions, not %s",
                               text);
    }

    for (iter = json_object_iter(root);
         iter != NULL;
         iter = json_object_iter_next(root, iter))
    {
        name.data = json_object_iter_key(iter);
        name.len = json_object_iter_key_len(iter);
        i = qoe_dimension_find(d, name);

        qoe_limits_key(name.data, name.len, text);

        if (i == d->n) {
            return qoe_limits_fail(ctx, "unknown dimension \"%s\"", text);
        }

        /* check dimensions that a directive overrides, too, but ignore them */

        unused = d->dim[i];
        dim = (skip >> i & 1) ? &unused : &d->dim[i];

        ctx->name = text;
        rc = qoe_limits_item(dim, json_object_iter_value(iter), ctx);
        ctx->name = NULL;

        if (rc != QOE_OK) {
            return rc;
        }
    }

    return QOE_OK;
}


static qoe_status_t
qoe_limits_item(qoe_dimension_t *dim, json_t *item, qoe_limits_ctx_t *ctx)
{
    char                    text[QOE_LIMITS_VALUE];
    void                   *iter;
    size_t                  i, n;
    qoe_span_t              key;
    qoe_status_t            rc;
    const qoe_limit_key_t  *k;

    if (!json_is_object(item)) {
        qoe_limits_print(item, text);
        return qoe_limits_fail(ctx, "must be an object, not %s", text);
    }

    ctx->seen = 0;
    n = sizeof(qoe_limit_keys) / sizeof(qoe_limit_keys[0]);

    for (iter = json_object_iter(item);
         iter != NULL;
         iter = json_object_iter_next(item, iter))
    {
        key.data = json_object_iter_key(iter);
        key.len = json_object_iter_key_len(iter);

        for (i = 0; i < n; i++) {
            if (qoe_span_eq(key, qoe_span_str(qoe_limit_keys[i].key))) {
                break;
            }
        }

        if (i == n) {
            qoe_limits_key(key.data, key.len, text);
            return qoe_limits_fail(ctx, "unknown key \"%s\"", text);
        }

        k = &qoe_limit_keys[i];

        if (ctx->seen >> k->limit & 1) {
            return qoe_limits_fail(ctx, "\"%s\" is given twice, under two "
                                   "names", k->key);
        }

        ctx->seen |= (uint32_t) 1 << k->limit;
        rc = qoe_limits_set(dim, k, json_object_iter_value(iter), ctx);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    return qoe_limits_whole(dim, ctx);
}


static qoe_status_t
qoe_limits_set(qoe_dimension_t *dim, const qoe_limit_key_t *k, json_t *value,
    qoe_limits_ctx_t *ctx)
{
    switch (k->limit) {

    case QOE_LIMIT_ACTION:
        return qoe_limits_action(dim, value, ctx);

    case QOE_LIMIT_OVERFLOW:
        return qoe_limits_overflow(dim, value, ctx);

    case QOE_LIMIT_MAX:
        return qoe_limits_number(k, value, &dim->max, ctx);

    case QOE_LIMIT_TTL:
        return qoe_limits_number(k, value, &dim->ttl_s, ctx);

    case QOE_LIMIT_SIZE:
        return qoe_limits_number(k, value, &dim->size, ctx);

    default:
        return qoe_limits_number(k, value, &dim->maxlen, ctx);
    }
}


/*
 * Accepts whole numbers also as 1000.0 or 1e3, because the reference
 * implementation reads them as doubles.
 */

static qoe_status_t
qoe_limits_number(const qoe_limit_key_t *k, json_t *value, uint32_t *number,
    qoe_limits_ctx_t *ctx)
{
    char    text[QOE_LIMITS_VALUE];
    double  x;

    if (json_is_number(value)) {
        x = json_number_value(value);

        if (x >= k->min && x <= k->max && x == floor(x)) {
            *number = (uint32_t) x;
            return QOE_OK;
        }
    }

    qoe_limits_print(value, text);

    return qoe_limits_fail(ctx, "\"%s\" must be a whole number from %u to %u, "
                           "not %s", k->key, k->min, k->max, text);
}


static qoe_status_t
qoe_limits_action(qoe_dimension_t *dim, json_t *value, qoe_limits_ctx_t *ctx)
{
    char  text[QOE_LIMITS_VALUE];

    if (qoe_action_find(qoe_limits_text(value), &dim->action) == QOE_OK) {
        return QOE_OK;
    }

    qoe_limits_print(value, text);

    return qoe_limits_fail(ctx, "\"action\" must be \"allow\", \"topk\", "
                           "\"hash\", \"bucket\" or \"drop\", not %s", text);
}


static qoe_status_t
qoe_limits_overflow(qoe_dimension_t *dim, json_t *value, qoe_limits_ctx_t *ctx)
{
    char        text[QOE_LIMITS_VALUE];
    qoe_span_t  s;

    s = qoe_limits_text(value);

    if (qoe_span_eq(s, qoe_span("other"))) {
        dim->overflow = QOE_OVERFLOW_OTHER;
        return QOE_OK;
    }

    if (qoe_span_eq(s, qoe_span("hash"))) {
        dim->overflow = QOE_OVERFLOW_HASH;
        return QOE_OK;
    }

    qoe_limits_print(value, text);

    return qoe_limits_fail(ctx, "\"overflow\" must be \"other\" or \"hash\", "
                           "not %s", text);
}


/* Checks the combinations of an item's members. */

static qoe_status_t
qoe_limits_whole(const qoe_dimension_t *dim, qoe_limits_ctx_t *ctx)
{
    qoe_span_t  action;

    action = qoe_action_name(dim->action);

    if (dim->role == QOE_ROLE_NEVER) {

        /* hash means drop here: the reference has it for these dimensions */

        if (dim->action != QOE_ACTION_DROP && dim->action != QOE_ACTION_HASH) {
            return qoe_limits_fail(ctx, "\"action\" must not be \"%.*s\": "
                                   "this is never an attribute of a metric",
                                   (int) action.len, action.data);
        }

        return QOE_OK;
    }

    if (dim->max == 0 && dim->action != QOE_ACTION_DROP
        && dim->action != QOE_ACTION_HASH)
    {
        return qoe_limits_fail(ctx, "\"max_cardinality\" must be at least 1 "
                               "with the action \"%.*s\", not 0",
                               (int) action.len, action.data);
    }

    return QOE_OK;
}


static qoe_span_t
qoe_limits_text(json_t *value)
{
    if (!json_is_string(value)) {
        return qoe_span_null;
    }

    return (qoe_span_t) { json_string_value(value),
                          json_string_length(value) };
}


/* Formats the beginning of a value as ASCII JSON. */

static void
qoe_limits_print(json_t *value, char buf[QOE_LIMITS_VALUE])
{
    buf[0] = '\0';

    (void) json_dump_callback(value, qoe_limits_write, buf,
                              JSON_ENCODE_ANY|JSON_COMPACT|JSON_ENSURE_ASCII);
}


/* Appends to a text; stops when it is full and ends in "...". */

static int
qoe_limits_write(const char *data, size_t size, void *ctx)
{
    char    *buf = ctx;
    size_t   used, room;

    used = strlen(buf);
    room = QOE_LIMITS_VALUE - 1 - used;

    memcpy(buf + used, data, qoe_min(size, room));
    buf[used + qoe_min(size, room)] = '\0';

    if (size <= room) {
        return 0;
    }

    memcpy(buf + QOE_LIMITS_VALUE - 4, "...", 4);

    return -1;
}


static void
qoe_limits_key(const char *key, size_t len, char buf[QOE_LIMITS_VALUE])
{
    size_t  i;

    for (i = 0; i < len && i < QOE_LIMITS_VALUE - 1; i++) {
        buf[i] = (key[i] >= 0x20 && key[i] < 0x7f) ? key[i] : '?';
    }

    buf[i] = '\0';
}


static qoe_status_t
qoe_limits_fail(qoe_limits_ctx_t *ctx, const char *fmt, ...)
{
    int      n;
    va_list  args;

    if (ctx->size == 0) {
        return QOE_INVALID;
    }

    n = 0;

    if (ctx->name != NULL) {
        n = snprintf(ctx->err, ctx->size, "\"%s\": ", ctx->name);
        n = qoe_max(qoe_min(n, (int) ctx->size - 1), 0);
    }

    va_start(args, fmt);
    vsnprintf(ctx->err + n, ctx->size - (size_t) n, fmt, args);
    va_end(args);

    return QOE_INVALID;
}
