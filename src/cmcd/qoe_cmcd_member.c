
/*
 * Copyright (C) OpenQoE
 *
 * From a well-formed member to the value of its key: type, range, length and
 * mode.  What does not fit leaves the key without a value, whatever an earlier
 * member has said, for the last one counts.
 */


#include "qoe_cmcd_priv.h"


#define QOE_CMCD_FAULT(reason)  ((uint8_t) (QOE_CMCD_##reason + 1))


/*
 * Decimals that stand for integers are rounded, halves up: players send
 * bitrates and latencies without rounding.
 */

static uint8_t
qoe_cmcd_whole(const qoe_field_t *value, double *number)
{
    double  n;

    n = value->number;

    if (value->type == QOE_FIELD_DECIMAL) {
        /* of at most 12 digits, so it fits */
        n = n < -0.5 ? -1 : (double) (int64_t) (n + 0.5);

    } else if (value->type != QOE_FIELD_INTEGER) {
        return QOE_CMCD_FAULT(TYPE);
    }

    if (n < 0) {
        return QOE_CMCD_FAULT(RANGE);
    }

    *number = n;

    return 0;
}


/* Characters are what limits count: bytes that begin one. */

static bool
qoe_cmcd_longer(qoe_span_t text, size_t max)
{
    size_t  i, chars;

    if (max == 0 || text.len <= max) {
        return false;
    }

    chars = 0;

    for (i = 0; i < text.len; i++) {
        chars += ((unsigned char) text.data[i] & 0xc0) != 0x80;
    }

    return chars > max;
}


void
qoe_cmcd_list_item(qoe_cmcd_parser_t *p, qoe_cmcd_key_t key, size_t *n,
    const qoe_field_t *value, uint8_t *fault)
{
    uint8_t           bad;
    qoe_cmcd_item_t  *item;

    if (key == QOE_CMCD_NKEYS
        || (qoe_cmcd_info[key].type != QOE_CMCD_TYPE_NUMBERS
            && qoe_cmcd_info[key].type != QOE_CMCD_TYPE_STRINGS))
    {
        return;
    }

    if (p->c->nitems + *n == QOE_CMCD_ITEMS) {
        *fault = QOE_CMCD_FAULT(LENGTH);
        return;
    }

    item = &p->c->items[p->c->nitems + *n];
    item->ot = value->ot;
    item->range = qoe_span_null;
    bad = 0;

    if (qoe_cmcd_info[key].type == QOE_CMCD_TYPE_NUMBERS) {
        bad = qoe_cmcd_whole(value, &item->number);

    } else if (value->type == QOE_FIELD_STRING
               || (key == QOE_CMCD_EC && value->type <= QOE_FIELD_DECIMAL))
    {
        /* dash.js sends error codes as bare integers */
        item->text = value->text;

        if (key == QOE_CMCD_NOR) {
            item->range = value->range;
        }

    } else {
        bad = QOE_CMCD_FAULT(TYPE);
    }

    if (bad) {
        *fault = bad;
    } else {
        (*n)++;
    }
}


/* Takes the value of a key away, with the items that it has. */

static void
qoe_cmcd_unset(qoe_cmcd_parser_t *p, qoe_cmcd_key_t key, size_t n)
{
    size_t       first, count;
    unsigned     other;
    uint64_t     left;
    qoe_cmcd_t  *c = p->c;

    p->faulty &= ~((uint64_t) 1 << key);

    if (!qoe_cmcd_has(c, key)) {
        return;
    }

    c->set &= ~((uint64_t) 1 << key);
    c->flags &= ~((uint64_t) 1 << key);

    if (qoe_cmcd_info[key].type != QOE_CMCD_TYPE_NUMBERS
        && qoe_cmcd_info[key].type != QOE_CMCD_TYPE_STRINGS)
    {
        return;
    }

    first = c->first[key];
    count = c->count[key];

    memmove(&c->items[first], &c->items[first + count],
            (c->nitems + n - first - count) * sizeof(qoe_cmcd_item_t));
    c->nitems -= count;

    for (left = c->set; left; left &= left - 1) {
        other = (unsigned) __builtin_ctzll(left);

        if (c->first[other] > first) {
            c->first[other] -= (uint8_t) count;
        }
    }
}


/* A value that is no list, of a key that has none; or a fault. */

static uint8_t
qoe_cmcd_scalar(qoe_cmcd_t *c, qoe_cmcd_key_t key, const qoe_field_t *value)
{
    unsigned  token;

    switch (qoe_cmcd_info[key].type) {

    case QOE_CMCD_TYPE_NUMBER:
        return qoe_cmcd_whole(value, &c->number[key]);

    case QOE_CMCD_TYPE_DECIMAL:
        if (value->type > QOE_FIELD_DECIMAL) {
            return QOE_CMCD_FAULT(TYPE);
        }

        c->number[key] = value->number;
        return 0;

    case QOE_CMCD_TYPE_FLAG:
        if (value->type != QOE_FIELD_BOOLEAN) {
            return QOE_CMCD_FAULT(TYPE);
        }

        c->flags |= (uint64_t) value->flag << key;
        return 0;

    case QOE_CMCD_TYPE_STRING:
        if (value->type != QOE_FIELD_STRING) {
            return QOE_CMCD_FAULT(TYPE);
        }

        if (qoe_cmcd_longer(value->text, qoe_cmcd_info[key].max)) {
            return QOE_CMCD_FAULT(LENGTH);
        }

        c->text[key] = value->text;
        return 0;

    default: /* QOE_CMCD_TYPE_TOKEN */
        if (value->type != QOE_FIELD_TOKEN) {
            return QOE_CMCD_FAULT(TYPE);
        }

        token = qoe_cmcd_token_find(key, value->text);

        if (token == 0) {
            return QOE_CMCD_FAULT(RANGE);
        }

        c->token[key] = (uint8_t) token;
        c->text[key] = value->text;
        return 0;
    }
}


void
qoe_cmcd_member(qoe_cmcd_parser_t *p, qoe_cmcd_key_t key,
    const qoe_field_t *value, size_t n, uint8_t fault)
{
    bool         set;
    qoe_cmcd_t  *c = p->c;

    qoe_cmcd_unset(p, key, n);

    if (qoe_cmcd_info[key].event && !p->report) {
        set = false;
        fault = QOE_CMCD_FAULT(MODE);

    } else if (qoe_cmcd_info[key].type == QOE_CMCD_TYPE_NUMBERS
               || qoe_cmcd_info[key].type == QOE_CMCD_TYPE_STRINGS)
    {
        if (value->type != QOE_FIELD_LIST) {
            /* version 1 has no lists: a value is a list of itself */
            qoe_cmcd_list_item(p, key, &n, value, &fault);
        }

        if (n == 0 && fault == 0) {
            fault = QOE_CMCD_FAULT(LENGTH);
        }

        c->first[key] = (uint8_t) c->nitems;
        c->count[key] = (uint8_t) n;
        c->nitems += n;
        set = (n != 0);

    } else {
        fault = qoe_cmcd_scalar(c, key, value);

        if (key == QOE_CMCD_V && fault == 0 && c->number[key] == 0) {
            fault = QOE_CMCD_FAULT(RANGE);
        }

        set = (fault == 0);
    }

    c->set |= (uint64_t) set << key;

    if (fault) {
        p->faulty |= (uint64_t) 1 << key;
        p->fault[key] = fault;
    }
}


void
qoe_cmcd_custom_member(qoe_cmcd_parser_t *p, qoe_span_t name,
    const qoe_field_t *value)
{
    qoe_cmcd_t         *c = p->c;
    qoe_cmcd_custom_t  *custom;

    custom = (qoe_cmcd_custom_t *) qoe_cmcd_custom_find(c, name);

    if (custom) {
        *custom = c->custom[--c->ncustom];
    }

    if (value->type == QOE_FIELD_LIST) {
        c->ignored[QOE_CMCD_UNKNOWN]++;
        return;
    }

    if (value->type > QOE_FIELD_TOKEN) {
        c->ignored[QOE_CMCD_TYPE]++;
        return;
    }

    if (qoe_cmcd_longer(value->text, QOE_CMCD_CUSTOM_MAX)
        || c->ncustom == QOE_CMCD_CUSTOM)
    {
        c->ignored[QOE_CMCD_LENGTH]++;
        return;
    }

    custom = &c->custom[c->ncustom++];
    custom->name = name;
    custom->text = value->text;
    custom->number = value->type <= QOE_FIELD_DECIMAL;
}
