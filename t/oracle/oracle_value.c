
/*
 * Copyright (C) OpenQoE
 */


#include "oracle.h"


static const char *qoe_value_id(qoe_value_t *out, const json_t *value);
static const char *qoe_value_string(qoe_value_t *out, const json_t *value);
static const char *qoe_value_number(qoe_value_t *out, const json_t *value);
static const char *qoe_value_bool(qoe_value_t *out, const json_t *value);
static const char *qoe_value_numbers(qoe_value_t *out, const json_t *value);
static const char *qoe_value_strings(qoe_value_t *out, const json_t *value);
static bool qoe_value_list(const json_t *value, bool numbers);


static const char *(*const qoe_value_kinds[])(qoe_value_t *out,
    const json_t *value) = {
    [QOE_KIND_ID] = qoe_value_id,
    [QOE_KIND_STRING] = qoe_value_string,
    [QOE_KIND_NUMBER] = qoe_value_number,
    [QOE_KIND_BOOL] = qoe_value_bool,
    [QOE_KIND_NUMBER_LIST] = qoe_value_numbers,
    [QOE_KIND_STRING_LIST] = qoe_value_strings
};


const char *
qoe_value_read(qoe_value_t *out, qoe_value_kind_t kind, const json_t *value)
{
    return qoe_value_kinds[kind](out, value);
}


static const char *
qoe_value_id(qoe_value_t *out, const json_t *value)
{
    if (qoe_value_string(out, value) != NULL) {
        return "must be a string";
    }

    if (out->v.string.len == 0) {
        return "must not be empty";
    }

    if (out->v.string.len > QOE_ID_MAX) {
        return "must be at most " QOE_STRINGIFY(QOE_ID_MAX) " bytes long";
    }

    return NULL;
}


static const char *
qoe_value_string(qoe_value_t *out, const json_t *value)
{
    if (!json_is_string(value)) {
        return "must be a string or null";
    }

    out->type = QOE_VALUE_STRING;
    out->v.string.data = json_string_value(value);
    out->v.string.len = json_string_length(value);

    return NULL;
}


static const char *
qoe_value_number(qoe_value_t *out, const json_t *value)
{
    if (!json_is_number(value)) {
        return "must be a number or null";
    }

    out->type = QOE_VALUE_NUMBER;
    out->v.number = json_number_value(value);

    return NULL;
}


static const char *
qoe_value_bool(qoe_value_t *out, const json_t *value)
{
    if (!json_is_boolean(value)) {
        return "must be true, false or null";
    }

    out->type = QOE_VALUE_BOOL;
    out->v.boolean = json_is_true(value);

    return NULL;
}


static const char *
qoe_value_numbers(qoe_value_t *out, const json_t *value)
{
    if (qoe_value_list(value, true) || !qoe_value_number(out, value)) {
        return NULL;
    }

    return "must be a number, a list of numbers or null";
}


static const char *
qoe_value_strings(qoe_value_t *out, const json_t *value)
{
    if (qoe_value_list(value, false) || !qoe_value_string(out, value)) {
        return NULL;
    }

    return "must be a string, a list of strings or null";
}


/*
 * An inner list of CTA-5004-B as the CMCD libraries write it to JSON: an item
 * is a bare value, or with its parameters {"value": ..., "params": {...}}.
 */

static bool
qoe_value_list(const json_t *value, bool numbers)
{
    size_t         i, n;
    const json_t  *item;

    if (!json_is_array(value)) {
        return false;
    }

    n = json_array_size(value);

    for (i = 0; i < n; i++) {
        item = json_array_get(value, i);

        if (json_is_object(item)) {
            item = json_object_get(item, "value");
        }

        if (numbers ? !json_is_number(item) : !json_is_string(item)) {
            return false;
        }
    }

    return true;
}
