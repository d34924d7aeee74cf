
/*
 * Copyright (C) OpenQoE
 *
 * A set of CMCD as JSON.
 */


#include "qoe_cmcd_json.h"
#include "qoe_cmcd_priv.h"
#include "qoe_number.h"


static void
qoe_cmcd_json_number(qoe_buf_t *b, double number)
{
    char        buf[QOE_NUMBER_LEN];
    qoe_span_t  text;

    text = qoe_number_text(number, buf);
    qoe_buf_append(b, text.data, text.len);
}


/*
 * The name of a member and its colon, with a comma if another is before it.
 * The grammar of keys has no character that JSON escapes, so all of it is
 * written at once.
 */

static void
qoe_cmcd_json_name(qoe_buf_t *b, qoe_span_t name)
{
    char  *p;

    p = qoe_buf_reserve(b, name.len + 4);

    if (p == NULL) {
        return;
    }

    if (b->len && p[-1] != '{') {
        *p++ = ',';
    }

    *p++ = '"';
    memcpy(p, name.data, name.len);
    p += name.len;
    *p++ = '"';
    *p++ = ':';

    b->len = (size_t) (p - b->data);
}


static void
qoe_cmcd_json_item(qoe_buf_t *b, const qoe_cmcd_item_t *item, bool number)
{
    bool  text;

    text = !number && item->range.data;

    if ((number && item->ot != QOE_CMCD_OT_NONE) || text) {
        qoe_buf_literal(b, "[");
    }

    if (number) {
        qoe_cmcd_json_number(b, item->number);
    } else {
        qoe_buf_json_string(b, item->text);
    }

    if (text) {
        qoe_buf_literal(b, ",{\"r\":");
        qoe_buf_json_string(b, item->range);
        qoe_buf_literal(b, "}]");

    } else if (number && item->ot != QOE_CMCD_OT_NONE) {
        qoe_buf_literal(b, ",");
        qoe_buf_json_string(b, qoe_cmcd_ot_text(item->ot));
        qoe_buf_literal(b, "]");
    }
}


static void
qoe_cmcd_json_value(qoe_buf_t *b, const qoe_cmcd_t *c, qoe_cmcd_key_t key)
{
    size_t  i;

    switch (qoe_cmcd_info[key].type) {

    case QOE_CMCD_TYPE_NUMBER:
    case QOE_CMCD_TYPE_DECIMAL:
        qoe_cmcd_json_number(b, c->number[key]);
        break;

    case QOE_CMCD_TYPE_FLAG:
        if (qoe_cmcd_flag(c, key)) {
            qoe_buf_literal(b, "true");
        } else {
            qoe_buf_literal(b, "false");
        }

        break;

    case QOE_CMCD_TYPE_STRING:
    case QOE_CMCD_TYPE_TOKEN:
        qoe_buf_json_string(b, c->text[key]);
        break;

    default: /* QOE_CMCD_TYPE_NUMBERS, QOE_CMCD_TYPE_STRINGS */
        for (i = 0; i < c->count[key]; i++) {
            qoe_buf_append(b, i == 0 ? "[" : ",", 1);
            qoe_cmcd_json_item(b, &c->items[c->first[key] + i],
                               qoe_cmcd_info[key].type
                               == QOE_CMCD_TYPE_NUMBERS);
        }

        qoe_buf_literal(b, "]");
    }
}


static bool
qoe_cmcd_json_less(qoe_span_t a, qoe_span_t b)
{
    int  order;

    order = memcmp(a.data, b.data, qoe_min(a.len, b.len));

    return order < 0 || (order == 0 && a.len < b.len);
}


/* The custom keys between two names; after or before may be NULL. */

static void
qoe_cmcd_json_custom(qoe_buf_t *b, const qoe_cmcd_t *c, qoe_span_t after,
    qoe_span_t before)
{
    size_t                    i;
    double                    number;
    const qoe_cmcd_custom_t  *custom, *next;

    for ( ;; ) {
        next = NULL;

        for (i = 0; i < c->ncustom; i++) {
            custom = &c->custom[i];

            if ((after.data && !qoe_cmcd_json_less(after, custom->name))
                || (before.data && !qoe_cmcd_json_less(custom->name, before)))
            {
                continue;
            }

            if (next == NULL || qoe_cmcd_json_less(custom->name, next->name)) {
                next = custom;
            }
        }

        if (next == NULL) {
            return;
        }

        qoe_cmcd_json_name(b, next->name);

        if (next->number && qoe_number_parse(&number, next->text)) {
            qoe_cmcd_json_number(b, number);
        } else {
            qoe_buf_json_string(b, next->text);
        }

        after = next->name;
    }
}


void
qoe_cmcd_json(qoe_buf_t *b, const qoe_cmcd_t *c)
{
    uint64_t        left;
    qoe_span_t      name, last;
    qoe_cmcd_key_t  key;

    qoe_buf_literal(b, "{");
    last = qoe_span_null;

    for (left = c->set; left; left &= left - 1) {
        key = (qoe_cmcd_key_t) __builtin_ctzll(left);
        name = qoe_cmcd_key_name(key);

        if (c->ncustom) {
            qoe_cmcd_json_custom(b, c, last, name);
            last = name;
        }

        qoe_cmcd_json_name(b, name);
        qoe_cmcd_json_value(b, c, key);
    }

    qoe_cmcd_json_custom(b, c, last, qoe_span_null);
    qoe_buf_literal(b, "}");
}
