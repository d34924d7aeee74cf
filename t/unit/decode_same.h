
/*
 * Copyright (C) OpenQoE
 *
 * Do two decoders tell the same of a body?  For the unit test and the fuzzer
 * of the single-pass decoder.
 */


#ifndef _DECODE_SAME_H_INCLUDED_
#define _DECODE_SAME_H_INCLUDED_


#include "oracle.h"

#include <stdio.h>
#include <strings.h>


static inline bool
same_value(const qoe_value_t *a, const qoe_value_t *b)
{
    if (a->type != b->type) {
        return false;
    }

    switch (a->type) {

    case QOE_VALUE_STRING:
        return qoe_span_eq(a->v.string, b->v.string);

    case QOE_VALUE_NUMBER:           /* -0 is not 0 here */
        return memcmp(&a->v.number, &b->v.number, sizeof(double)) == 0;

    case QOE_VALUE_BOOL:
        return a->v.boolean == b->v.boolean;

    case QOE_VALUE_NONE:             /* there are those who look at this */
        return a->v.string.data == NULL && b->v.string.data == NULL
               && a->v.string.len == 0 && b->v.string.len == 0;
    }

    return false;
}


/* Returns NULL, or what of two events is not the same. */

static inline const char *
same_event(const qoe_event_t *a, const qoe_event_t *b)
{
    size_t  i;

    if (a->type != b->type || a->severity != b->severity
        || !qoe_span_eq(a->type_name, b->type_name))
    {
        return "type";
    }

    if (a->time_ms != b->time_ms) {
        return "time";
    }

    if (a->raw.data != b->raw.data || a->raw.len != b->raw.len) {
        return "raw";
    }

    for (i = 0; i < QOE_FIELDS; i++) {
        if (!same_value(&a->field[i], &b->field[i])) {
            return "field";
        }
    }

    for (i = 0; i < QOE_DATA_TEXTS; i++) {
        if (!qoe_span_eq(a->data[i], b->data[i])) {
            return "data";
        }
    }

    if (a->set != b->set || a->filled != b->filled) {
        return "set";
    }

    for (i = 0; i < QOE_DATA_NUMBERS; i++) {
        if ((a->set >> i & 1) != 0
            && memcmp(&a->number[i], &b->number[i], sizeof(double)) != 0)
        {
            return "number";
        }
    }

    if (a->sources != b->sources || a->nsources != b->nsources
        || a->ndims != b->ndims)
    {
        return "ndims";
    }

    for (i = 0; i < a->ndims; i++) {
        if (!qoe_span_eq(a->dims[i].name, b->dims[i].name)
            || !qoe_span_eq(a->dims[i].value, b->dims[i].value))
        {
            return "dims";
        }
    }

    return NULL;
}


/* Where there is half a surrogate pair, jansson was given "\ufffd". */

static inline bool
same_reason(const char *fast, const char *slow)
{
    while (*fast != '\0') {

        if (*fast == 'u' && strncasecmp(fast, "ud", 2) == 0
            && strncmp(slow, "ufffd", 5) == 0)
        {
            fast += 4;
            slow += 4;

        } else if (*fast != *slow) {
            return false;
        }

        fast++;
        slow++;
    }

    return *slow == '\0';
}


/* Compares whole batches, which were both OK or both INVALID. */

static inline const char *
same_batch(const qoe_batch_t *a, const qoe_batch_t *b)
{
    size_t       i;
    const char  *what;

    if (a->nevents != b->nevents || a->total != b->total
        || a->nrejected != b->nrejected || a->nerrors != b->nerrors)
    {
        return "counts";
    }

    if (a->unknown_keys != b->unknown_keys) {
        return "unknown_keys";
    }

    for (i = 0; i < a->nerrors; i++) {
        if (a->errors[i].event != b->errors[i].event
            || strcmp(a->errors[i].field, b->errors[i].field) != 0
            || !same_reason(a->errors[i].reason, b->errors[i].reason))
        {
            fprintf(stderr, "# \"%s\" or \"%s\"\n", a->errors[i].reason,
                    b->errors[i].reason);
            return "errors";
        }
    }

    for (i = 0; i < a->nevents; i++) {
        what = same_event(&a->events[i], &b->events[i]);

        if (what != NULL) {
            return what;
        }
    }

    return NULL;
}


#endif /* _DECODE_SAME_H_INCLUDED_ */
