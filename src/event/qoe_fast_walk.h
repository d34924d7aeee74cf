
/*
 * Copyright (C) OpenQoE
 *
 * The walk through a body, compiled once for every width of the scanner's
 * steps.  The file that includes this defines:
 *
 * QOE_FAST_STEP       the bytes of a step
 * qoe_fast_mask_t     a set of the bytes of a step; lower bits, earlier bytes
 * qoe_fast_block(p)   the bytes that end a run of plain text: quotes and
 *                     backslashes, control characters, and bytes beyond
 *                     ASCII.  Only the first byte in the set must be exact
 * QOE_FAST_AT(mask)   the index of the first byte in the set
 * qoe_fast_is(p, n)   is the name n at p?  p is before the margin
 * qoe_fast_common(p, q)  the number of equal bytes at both, up to a step
 * QOE_FAST_TARGET     an attribute of every function, or nothing
 */


static const char *qoe_fast_string_rest(qoe_fast_t *f, const char *p,
    qoe_fast_text_t *text);
static const char *qoe_fast_object(qoe_fast_t *f, const char *p,
    size_t depth, qoe_fast_hook_t *hook);
static const char *qoe_fast_array(qoe_fast_t *f, const char *p, size_t depth);


/*
 * Finds the quote that ends a string; NULL if the text from p on is not plain
 * or comes too close to the end.
 */

QOE_FAST_TARGET
static __attribute__((noinline)) const char *
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


QOE_FAST_TARGET
static inline const char *
qoe_fast_quote(const qoe_fast_t *f, const char *p)
{
    qoe_fast_mask_t  mask;

    if (p >= f->safe) {
        return NULL;
    }

    mask = qoe_fast_block(p);

    if (mask == 0) {
        return qoe_fast_quote_far(p + QOE_FAST_STEP, f->safe);
    }

    p += QOE_FAST_AT(mask);

    return (*p == '"') ? p : NULL;
}


/* Reads a string; p is at the opening quote. */

QOE_FAST_TARGET
static inline const char *
qoe_fast_string(qoe_fast_t *f, const char *p, qoe_fast_text_t *text)
{
    const char  *end;

    end = qoe_fast_quote(f, ++p);

    if (end == NULL) {
        return qoe_fast_string_rest(f, p, text);
    }

    text->data = p;
    text->len = (size_t) (end - p);
    text->escaped = false;

    return end + 1;
}


/* Reads any string; p is after its opening quote. */

QOE_FAST_TARGET
static __attribute__((noinline)) const char *
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

QOE_FAST_TARGET
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

QOE_FAST_TARGET
static __attribute__((noinline)) const char *
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

QOE_FAST_TARGET
static __attribute__((noinline)) const char *
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


/*
 * Reads a number; the fast path is for integers of a few digits, the most
 * frequent numbers in data.
 */

QOE_FAST_TARGET
static inline const char *
qoe_fast_number(const qoe_fast_t *f, const char *p, double *n)
{
    size_t    len;
    uint64_t  digits;

    if (p < f->safe) {
        len = qoe_fast_eight(p, &digits);

        if (len != 0 && len < 8 && qoe_fast_ends(p[len])
            && (*p != '0' || len == 1))
        {
            *n = (double) (int64_t) digits;
            return p + len;
        }
    }

    return qoe_fast_number_long(f, p, n);
}


/* Reads any value; a string keeps its escapes. */

QOE_FAST_TARGET
static const char *
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


static __attribute__((noinline)) bool
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


/* Reads a key that was not expected, and returns the place of its value. */

QOE_FAST_TARGET
static inline __attribute__((always_inline)) const char *
qoe_fast_member(qoe_fast_t *f, const char *p, qoe_fast_key_t *key)
{
    qoe_fast_text_t  text;

    if (*p != '"') {
        return NULL;
    }

    f->keys++;
    p = qoe_fast_string(f, p, &text);

    if (p == NULL) {
        return NULL;
    }

    if (text.escaped) {
        return qoe_fast_key_escaped(f, &text, key) ? qoe_fast_colon(p) : NULL;
    }

    qoe_fast_hash(key, text.data, text.len, f->end);

    return qoe_fast_colon(p);
}


/*
 * There is no key and colon at p.  If there is a key, and the object has it
 * already, the duplicate is the first fault.
 */

QOE_FAST_TARGET
static __attribute__((noinline)) const char *
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

        twice = (name != NULL && name->bit != 0)
                ? (names & name->bit) != 0
                : !qoe_fast_key(f, first, &seen, &key);
    }

    return qoe_fast_broken(f, p, twice ? QOE_BROKEN_TWICE
                                       : QOE_BROKEN_MEMBER);
}


/*
 * Returns the next member or item, or the closing bracket at its end; NULL if
 * what follows the value at p is neither a comma before another one nor close.
 */

QOE_FAST_TARGET
static inline const char *
qoe_fast_more(qoe_fast_t *f, const char *p, char close)
{
    if (*p != ',') {
        p = qoe_fast_skip(p);

        if (*p != ',') {
            return (*p == close) ? p : NULL;
        }
    }

    f->commas++;
    p = qoe_fast_skip(p + 1);

    return (*p != close) ? p : NULL;
}


QOE_FAST_TARGET
static const char *
qoe_fast_object(qoe_fast_t *f, const char *p, size_t depth,
    qoe_fast_hook_t *hook)
{
    size_t            first;
    uint64_t          seen;
    const char       *end, *next;
    qoe_fast_key_t    key;
    qoe_fast_value_t  v;

    if (depth == QOE_DEPTH_MAX) {
        return NULL;
    }

    f->containers++;
    first = f->nkeys;
    seen = 0;
    p = qoe_fast_skip(p + 1);

    while (*p != '}') {
        end = qoe_fast_member(f, p, &key);

        if (end == NULL) {
            return qoe_fast_broken_key(f, p, NULL, 0, first, seen);
        }

        if (!qoe_fast_key(f, first, &seen, &key)) {
            return qoe_fast_broken(f, p, QOE_BROKEN_TWICE);
        }

        end = qoe_fast_value(f, end, depth + 1, &v);

        if (end == NULL) {
            return qoe_fast_broken(f, p, QOE_BROKEN_MEMBER);
        }

        if (hook != NULL && !hook->member(f, hook, key.text, &v)) {
            return NULL;
        }

        next = qoe_fast_more(f, end, '}');

        if (next == NULL) {
            return qoe_fast_broken_after(f, p, end, QOE_BROKEN_MEMBER);
        }

        p = next;
    }

    f->nkeys = first;

    return qoe_fast_leave(f, p);
}


QOE_FAST_TARGET
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


/*
 * Reads a list whose items must be of a type, or objects with a member "value"
 * of that type.
 */

QOE_FAST_TARGET
static const char *
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


/* Reads an object below data, for rows or sources with two keys. */

QOE_FAST_TARGET
static __attribute__((noinline)) const char *
qoe_fast_data_nested(qoe_fast_t *f, const char *p, size_t depth,
    qoe_span_t key, const qoe_data_key_t *rows)
{
    qoe_fast_value_t   v;
    qoe_fast_member_t  m;

    qoe_fast_member_init(f, &m, key, rows);
    v = (qoe_fast_value_t) { .value.type = QOE_VALUE_NONE };

    if (*p == '{') {
        p = qoe_fast_object(f, p, depth, &m.hook);

    } else {
        p = qoe_fast_value(f, p, depth, &v);
    }

    return (p != NULL && qoe_fast_rows(f, rows, &v)
            && qoe_fast_dims(f, &m, &v))
           ? p : NULL;
}


/* Reads the value of a key of data; name is NULL if no row has that key. */

QOE_FAST_TARGET
static inline const char *
qoe_fast_data_value(qoe_fast_t *f, const char *p, size_t depth,
    qoe_span_t key, const qoe_fast_name_t *name)
{
    double                 n;
    qoe_fast_value_t       v;
    const qoe_data_key_t  *rows;

    rows = (name != NULL) ? name->rows : NULL;

    if (f->conf->nsources != 0 || (*p == '{' && rows != NULL)) {
        return qoe_fast_data_nested(f, p, depth, key, rows);
    }

    if (rows != NULL && name->kind == QOE_FAST_ROW_NUMBER
        && (unsigned char) (*p - '0') <= 9)
    {
        p = qoe_fast_number(f, p, &n);

        if (p != NULL) {
            qoe_data_put(f->ev, rows->first, n, f->ranks);
        }

        return p;
    }

    p = qoe_fast_value(f, p, depth, &v);

    if (p != NULL && rows != NULL && !qoe_fast_rows(f, rows, &v)) {
        return NULL;
    }

    return p;
}


QOE_FAST_TARGET
static __attribute__((noinline)) const char *
qoe_fast_data(qoe_fast_t *f, const char *p, size_t depth)
{
    size_t                  first;
    uint64_t                bit, names, seen;
    const char             *end, *next;
    qoe_fast_key_t          key;
    const qoe_fast_name_t  *name;

    f->data = p;
    f->containers++;
    first = f->nkeys;
    names = 0;
    seen = 0;
    p = qoe_fast_skip(p + 1);

    while (*p != '}') {
        end = qoe_fast_member(f, p, &key);

        if (end == NULL) {
            return qoe_fast_broken_key(f, p, f->tables + QOE_FAST_ROWS, names,
                                       first, seen);
        }

        name = qoe_fast_find(f->tables + QOE_FAST_ROWS, &key);
        bit = (name != NULL) ? name->bit : 0;

        if ((names & bit) != 0
            || (bit == 0 && !qoe_fast_key(f, first, &seen, &key)))
        {
            return qoe_fast_broken(f, p, QOE_BROKEN_TWICE);
        }

        names |= bit;

        end = qoe_fast_data_value(f, end, depth + 1, key.text, name);

        if (end == NULL) {
            return qoe_fast_broken(f, p, QOE_BROKEN_MEMBER);
        }

        next = qoe_fast_more(f, end, '}');

        if (next == NULL) {
            return qoe_fast_broken_after(f, p, end, QOE_BROKEN_MEMBER);
        }

        p = next;
    }

    f->nkeys = first;
    f->data_end = p + 1;

    return qoe_fast_leave(f, p);
}
