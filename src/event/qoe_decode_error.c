
/*
 * Copyright (C) OpenQoE
 *
 * Why a body as a whole is refused: the reason in words, and where in the
 * body.
 */


#include "qoe_decode_priv.h"
#include "qoe_decode_fault.h"
#include "qoe_slice.h"

#include <stdarg.h>
#include <stdio.h>


#define QOE_DECODE_NEAR_MAX    48

#define QOE_UTF8_BOM           "\xef\xbb\xbf"


static void qoe_decode_near(char *dst, size_t size, qoe_span_t near);
static void qoe_decode_fail_at(qoe_batch_t *batch, qoe_span_t body, size_t at,
    const char *reason, qoe_span_t near);


/* Does the text end with an opening bracket? */

static inline bool
qoe_decode_opens(qoe_span_t text)
{
    return text.len != 0
           && (text.data[text.len - 1] == '{'
               || text.data[text.len - 1] == '[');
}


qoe_status_t
qoe_decode_broken(qoe_batch_t *batch, qoe_span_t body,
    const qoe_broken_place_t *place, size_t max_events, qoe_arena_t *arena)
{
    bool                 broken;
    qoe_span_t           text;
    qoe_decode_fault_t   fault;

    memset(batch, 0, sizeof(qoe_batch_t));

    if (qoe_decode_no_text(batch, body)) {
        return QOE_INVALID;
    }

    /*
     * Report the limit or the syntax error, whichever is first in the body.  A
     * bracket in the wrong place is where it breaks, and may be too deep, too.
     */

    broken = qoe_decode_fault(&fault, body, place, arena);
    text = (qoe_span_t) { body.data, broken ? fault.at : body.len };

    if ((!broken || place->crowded || qoe_decode_opens(text))
        && qoe_decode_excess(batch, text, max_events))
    {
        return QOE_INVALID;
    }

    if (!broken) {
        return QOE_NOMEM;
    }

    qoe_decode_fail_at(batch, body, fault.at, fault.reason, fault.near);

    return QOE_INVALID;
}


bool
qoe_decode_no_text(qoe_batch_t *batch, qoe_span_t body)
{
    const char  *nul;

    if (body.len >= sizeof(QOE_UTF8_BOM) - 1
        && memcmp(body.data, QOE_UTF8_BOM, sizeof(QOE_UTF8_BOM) - 1) == 0)
    {
        qoe_decode_fail_at(batch, body, 0,
                           "the body starts with a byte order mark",
                           qoe_span_null);
        return true;
    }

    nul = memchr(body.data, '\0', body.len);

    if (nul != NULL) {
        qoe_decode_fail_at(batch, body, (size_t) (nul - body.data),
                           "the body has a NUL byte", qoe_span_null);
        return true;
    }

    return false;
}


bool
qoe_decode_excess(qoe_batch_t *batch, qoe_span_t text, size_t max_events)
{
    size_t              at;
    char                reason[80];
    qoe_slice_limits_t  max;

    max.depth = QOE_DEPTH_MAX;
    max.containers = qoe_containers_max(max_events);
    max.values = qoe_values_max(max_events);

    switch (qoe_slice_check(text, &max, &at)) {

    case QOE_SLICE_DEPTH:
        snprintf(reason, sizeof(reason),
                 "the JSON is nested deeper than %zu levels", max.depth);
        break;

    case QOE_SLICE_CONTAINERS:
        snprintf(reason, sizeof(reason),
                 "the JSON has more than %zu objects and lists",
                 max.containers);
        break;

    case QOE_SLICE_VALUES:
        snprintf(reason, sizeof(reason), "the JSON has more than %zu values",
                 max.values);
        break;

    default:
        return false;
    }

    if (batch != NULL) {
        qoe_decode_fail_at(batch, text, at, reason, qoe_span_null);
    }

    return true;
}


/*
 * Formats the token at the fault.  The client may have sent any byte in it, so
 * everything that is not printable ASCII is replaced.
 */

static void
qoe_decode_near(char *dst, size_t size, qoe_span_t near)
{
    size_t  i, n;

    n = (size_t) snprintf(dst, size, "%s", (near.len != 0) ? " near '" : "");

    for (i = 0; i < near.len && n < size - 2; i++, n++) {
        dst[n] = (near.data[i] >= 0x20 && near.data[i] < 0x7f) ? near.data[i]
                                                               : '?';
    }

    snprintf(dst + n, size - n, "%s", (near.len != 0) ? "'" : "");
}


bool
qoe_decode_total(qoe_batch_t *batch, size_t max_events)
{
    if (batch->total == 0) {
        qoe_decode_fail(batch, "events", "must hold at least one event");
        return false;
    }

    if (batch->total > max_events) {
        qoe_decode_fail(batch, "events", "must hold at most %zu events",
                        max_events);
        return false;
    }

    return true;
}


static void
qoe_decode_fail_at(qoe_batch_t *batch, qoe_span_t body, size_t at,
    const char *reason, qoe_span_t near)
{
    char             text[QOE_DECODE_NEAR_MAX];
    qoe_slice_pos_t  pos;

    pos = qoe_slice_pos(body, at);
    qoe_decode_near(text, sizeof(text), near);

    qoe_decode_fail(batch, "", "%s%s: line %zu, column %zu, byte %zu", reason,
                    text, pos.line, pos.column, pos.byte);
}


void
qoe_decode_fail(qoe_batch_t *batch, const char *field, const char *fmt, ...)
{
    va_list              args;
    qoe_decode_error_t  *err;

    err = &batch->errors[0];
    batch->nerrors = 1;

    err->event = QOE_DECODE_BODY;
    snprintf(err->field, sizeof(err->field), "%s", field);

    va_start(args, fmt);
    vsnprintf(err->reason, sizeof(err->reason), fmt, args);
    va_end(args);
}
