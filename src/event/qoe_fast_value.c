
/*
 * Copyright (C) OpenQoE
 *
 * Reads values of any kind.  Of strings and numbers the rare forms are read
 * here, and the frequent ones by qoe_fast_scan.h.
 */


#include "qoe_fast_scan.h"


/* Reads an item of a list that is an object: the type of its member "value". */

typedef struct {
    qoe_fast_hook_t   hook;
    qoe_value_type_t  type;
} qoe_fast_item_t;


static const char *qoe_fast_number_any(const qoe_fast_t *f, const char *p,
    double *n) __attribute__((noinline));
static const char *qoe_fast_array(qoe_fast_t *f, const char *p, size_t depth);


_Static_assert(QOE_FAST_STEP <= QOE_FAST_MARGIN
               && QOE_FAST_SAME <= QOE_FAST_MARGIN,
               "text before the margin is read by whole steps");

const size_t  qoe_fast_step = QOE_FAST_STEP;


/*
 * Finds the quote that ends a string; NULL if the text from p on is not plain
 * or comes too close to the end.
 */

const char *
qoe_fast_quote_far(const char *p, const char *safe)
{
    qoe_fast_mask_t  mask;

    while (p < safe) {
        mask = qoe_fast_block(p);

        if (mask != 0) {
            p += QOE_FAST_AT(mask);
            return (*p == '"') ? p : NULL;
        }

        p += QOE_FAST_STEP;
    }

    return NULL;
}


/* Reads any string; p is after its opening quote. */

const char *
qoe_fast_string_rest(qoe_fast_t *f, const char *p, qoe_fast_text_t *text)
{
    qoe_fast_mask_t  mask;

    text->data = p;
    text->escaped = false;

    for ( ;; ) {

        if (p < f->safe) {
            mask = qoe_fast_block(p);

            if (mask == 0) {
                p += QOE_FAST_STEP;
                continue;
            }

            p += QOE_FAST_AT(mask);

        } else {
            p = qoe_fast_plain_end(p, f->end);
        }

        if (p == f->end || (unsigned char) *p < ' ') {
            return NULL;
        }

        if (*p == '"') {
            text->len = (size_t) (p - text->data);
            return p + 1;
        }

        if (*p == '\\') {
            text->escaped = true;
            p = qoe_fast_escape(f, p);

        } else {
            p = qoe_fast_utf8(p, f->end);
        }

        if (p == NULL) {
            return NULL;
        }
    }
}


/*
 * Reads the digits at p, eight at a time, and adds their number to *n. *digits
 * wraps around if there are too many; the caller knows that from *n.
 */

static inline const char *
qoe_fast_digits(const qoe_fast_t *f, const char *p, uint64_t *digits,
    size_t *n)
{
    size_t    count;
    uint64_t  w;

    while (p < f->safe) {
        count = qoe_fast_eight(p, &w);
        *digits = *digits * qoe_fast_pow10[count] + w;
        *n += count;
        p += count;

        if (count != 8) {
            return p;
        }
    }

    while ((unsigned char) (*p - '0') <= 9) {
        *digits = *digits * 10 + (unsigned char) (*p++ - '0');
        ++*n;
    }

    return p;
}


/* Reads a number of any form. */

static const char *
qoe_fast_number_any(const qoe_fast_t *f, const char *p, double *n)
{
    size_t       len, whole;
    uint64_t     digits;
    const char  *start;

    start = p;
    p += (*p == '-');
    digits = 0;
    len = 0;

    if (*p == '0' && (unsigned char) (p[1] - '0') <= 9) {
        return NULL;
    }

    p = qoe_fast_digits(f, p, &digits, &len);

    if (len == 0) {
        return NULL;
    }

    whole = len;

    if (*p == '.') {
        p = qoe_fast_digits(f, p + 1, &digits, &len);

        if (len == whole) {
            return NULL;
        }
    }

    return qoe_fast_number_rest(f, start, p, digits, len, whole, n);
}


/*
 * Reads a number; the fast paths are for integers and for numbers with a few
 * decimal places.
 */

const char *
qoe_fast_number_long(const qoe_fast_t *f, const char *p, double *n)
{
    size_t       len, more;
    uint64_t     high, low;
    const char  *end;

    if (p >= f->safe) {
        return qoe_fast_number_any(f, p, n);
    }

    len = qoe_fast_eight(p, &high);
    end = p + len;

    if (len == 0 || (*p == '0' && len != 1)) {
        return qoe_fast_number_any(f, p, n);
    }

    if (len != 8) {

        if (qoe_fast_ends(*end)) {
            *n = (double) (int64_t) high;
            return end;
        }

        end += (*end == '.');
    }

    more = qoe_fast_eight(end, &low);

    /*
     * all digits have been seen if fewer than 8 were found now; there are at
     * most 15, so they fit into a double exactly
     */

    if (more == 0 || more == 8 || !qoe_fast_ends(end[more])) {
        return qoe_fast_number_any(f, p, n);
    }

    high = high * qoe_fast_pow10[more] + low;
    *n = (len == 8) ? (double) (int64_t) high
                    : qoe_number_decimal(high, -(int) more);

    return end + more;
}


/* Reads any value; a string keeps its escapes. */

const char *
qoe_fast_value(qoe_fast_t *f, const char *p, size_t depth,
    qoe_fast_value_t *v)
{
    qoe_fast_text_t  text;

    v->value.type = QOE_VALUE_NONE;
    v->escaped = false;

    switch (*p) {

    case '"':
        p = qoe_fast_string(f, p, &text);
        v->value.type = QOE_VALUE_STRING;
        v->value.v.string = (qoe_span_t) { text.data, text.len };
        v->escaped = text.escaped;
        return p;

    case '{':
        return qoe_fast_object(f, p, depth, NULL);

    case '[':
        return qoe_fast_array(f, p, depth);

    case 't':
    case 'f':
        v->value.type = QOE_VALUE_BOOL;
        v->value.v.boolean = (*p == 't');
        return qoe_fast_literal(f, p);

    case 'n':
        return qoe_fast_literal(f, p);

    default:
        v->value.type = QOE_VALUE_NUMBER;
        return qoe_fast_number(f, p, &v->value.v.number);
    }
}


static inline const char *
qoe_fast_object_member(qoe_fast_t *f, void *ctx, const char *p, size_t depth,
    const qoe_fast_key_t *key, const qoe_fast_name_t *name)
{
    qoe_fast_hook_t   *hook = ctx;
    qoe_fast_value_t   v;

    (void) name;

    p = qoe_fast_value(f, p, depth, &v);

    return (p == NULL || hook == NULL || hook->member(f, hook, key->text, &v))
           ? p : NULL;
}


const char *
qoe_fast_object(qoe_fast_t *f, const char *p, size_t depth,
    qoe_fast_hook_t *hook)
{
    if (depth == QOE_DEPTH_MAX) {
        return NULL;
    }

    p = qoe_fast_walk(f, p, depth + 1, NULL, qoe_fast_object_member, hook);

    return (p != NULL) ? qoe_fast_leave(f, p) : NULL;
}


static const char *
qoe_fast_array(qoe_fast_t *f, const char *p, size_t depth)
{
    const char       *end, *next;
    qoe_fast_value_t  v;

    if (depth == QOE_DEPTH_MAX) {
        return NULL;
    }

    f->containers++;
    p = qoe_fast_skip(p + 1);

    while (*p != ']') {
        end = qoe_fast_value(f, p, depth + 1, &v);

        if (end == NULL) {
            return qoe_fast_broken(f, p, QOE_BROKEN_ITEM);
        }

        next = qoe_fast_more(f, end, ']');

        if (next == NULL) {
            return qoe_fast_broken_after(f, p, end, QOE_BROKEN_ITEM);
        }

        p = next;
    }

    return p + 1;
}


static bool
qoe_fast_item_member(qoe_fast_t *f, qoe_fast_hook_t *hook, qoe_span_t key,
    qoe_fast_value_t *v)
{
    (void) f;

    if (qoe_span_eq(key, qoe_span("value"))) {
        ((qoe_fast_item_t *) hook)->type = v->value.type;
    }

    return true;
}


/*
 * Reads a list whose items must be of a type, or objects with a member "value"
 * of that type.
 */

const char *
qoe_fast_list(qoe_fast_t *f, const char *p, size_t depth,
    qoe_value_type_t type)
{
    qoe_fast_item_t   item;
    qoe_fast_value_t  v;

    item.hook.member = qoe_fast_item_member;

    f->containers++;
    p = qoe_fast_skip(p + 1);

    while (*p != ']') {

        if (*p == '{') {
            item.type = QOE_VALUE_NONE;
            p = qoe_fast_object(f, p, depth + 1, &item.hook);

        } else {
            p = qoe_fast_value(f, p, depth + 1, &v);
            item.type = v.value.type;
        }

        if (p == NULL || item.type != type) {
            return NULL;
        }

        p = qoe_fast_more(f, p, ']');

        if (p == NULL) {
            return NULL;
        }
    }

    return p + 1;
}


bool
qoe_fast_key_escaped(qoe_fast_t *f, const qoe_fast_text_t *text,
    qoe_fast_key_t *key)
{
    qoe_span_t  plain;

    if (!qoe_fast_string_value(f, &plain, text)) {
        return false;
    }

    qoe_fast_hash(key, plain.data, plain.len, plain.data + plain.len);

    return true;
}


/*
 * There is no key and colon at p.  If there is a key, and the object has it
 * already, the duplicate is the first fault.
 */

const char *
qoe_fast_broken_key(qoe_fast_t *f, const char *p, const qoe_fast_table_t *t,
    uint64_t names, size_t first, uint64_t seen)
{
    bool                    twice;
    qoe_span_t              plain;
    qoe_fast_key_t          key;
    qoe_fast_text_t         text;
    const qoe_fast_name_t  *name;

    twice = false;

    if (*p == '"' && qoe_fast_string(f, p, &text) != NULL
        && qoe_fast_string_value(f, &plain, &text))
    {
        qoe_fast_hash(&key, plain.data, plain.len, plain.data + plain.len);
        name = (t != NULL) ? qoe_fast_find(t, &key) : NULL;

        twice = (name != NULL) ? (names & name->bit) != 0
                               : !qoe_fast_key(f, first, &seen, &key);
    }

    return qoe_fast_broken(f, p, twice ? QOE_BROKEN_TWICE
                                       : QOE_BROKEN_MEMBER);
}
