
/*
 * Copyright (C) OpenQoE
 *
 * The dictionary that a set is.  A member with an error is skipped up to the
 * next comma and counted; RFC 8941 would refuse all of them.
 */


#include "qoe_cmcd_priv.h"


/* The items of a list, which is at its opening parenthesis. */

static bool
qoe_cmcd_list(qoe_cmcd_parser_t *p, qoe_cmcd_key_t key, size_t *n,
    uint8_t *fault)
{
    qoe_field_t  item;

    p->p++;

    for ( ;; ) {
        while (p->p < p->end && *p->p == ' ') {
            p->p++;
        }

        if (p->p < p->end && *p->p == ')') {
            p->p++;
            return true;
        }

        if (!qoe_field_item(p, &item) || !qoe_field_parameters(p, &item)
            || p->p == p->end || (*p->p != ' ' && *p->p != ')'))
        {
            return false;
        }

        qoe_cmcd_list_item(p, key, n, &item, fault);
    }
}


/* A custom key has a hyphen with a name on both sides. */

static bool
qoe_cmcd_is_custom(qoe_span_t name)
{
    const char  *hyphen;

    hyphen = memchr(name.data, '-', name.len);

    return hyphen && hyphen != name.data
           && name.data[name.len - 1] != '-';
}


/* One member, up to the comma after it or the end. */

static bool
qoe_cmcd_parse_member(qoe_cmcd_parser_t *p)
{
    size_t          n;
    uint8_t         fault;
    qoe_span_t      name;
    qoe_field_t     value;
    qoe_cmcd_key_t  key;

    if (!qoe_field_key(p, &name)) {
        return false;
    }

    key = qoe_cmcd_key_find(name);
    value.type = QOE_FIELD_BOOLEAN;
    value.flag = true;
    fault = 0;
    n = 0;

    if (p->p < p->end && *p->p == '=') {
        p->p++;

        if (p->p < p->end && *p->p == '(') {
            value.type = QOE_FIELD_LIST;

            if (!qoe_cmcd_list(p, key, &n, &fault)) {
                return false;
            }

        } else if (!qoe_field_item(p, &value)) {
            return false;
        }
    }

    if (!qoe_field_parameters(p, &value)) {
        return false;
    }

    qoe_field_blanks(p);

    if (p->p < p->end && *p->p != ',') {
        return false;
    }

    if (key != QOE_CMCD_NKEYS) {
        qoe_cmcd_member(p, key, &value, n, fault);

    } else if (qoe_cmcd_is_custom(name)) {
        qoe_cmcd_custom_member(p, name, &value);

    } else {
        p->c->ignored[QOE_CMCD_UNKNOWN]++;
    }

    return true;
}


void
qoe_cmcd_parse(qoe_cmcd_parser_t *p)
{
    char  *comma;

    while (p->p < p->end && *p->p == ' ') {
        p->p++;
    }

    while (p->p < p->end) {
        if (!qoe_cmcd_parse_member(p)) {
            p->c->ignored[QOE_CMCD_SYNTAX]++;

            comma = memchr(p->p, ',', (size_t) (p->end - p->p));
            p->p = comma ? comma : p->end;
        }

        if (p->p == p->end) {
            return;
        }

        p->p++;
        qoe_field_blanks(p);

        if (p->p == p->end) {
            /* a comma that nothing follows */
            p->c->ignored[QOE_CMCD_SYNTAX]++;
        }
    }
}
