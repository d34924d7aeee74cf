
/*
 * Copyright (C) OpenQoE
 *
 * The walk through a body, for the file that includes this: it has said what
 * a step of the scanner is.
 *
 * QOE_FAST_STEP             bytes
 * qoe_fast_mask_t           of them: bits, those of lower bytes first
 * qoe_fast_block(p, &high)  the bytes that end a run of plain text; exact up to
 *                           the first of them.  In high, those beyond ASCII
 * QOE_FAST_AT(mask)         the first byte in the mask
 * QOE_FAST_TARGET           an attribute of every function, or nothing
 */


static const char *qoe_fast_string_rest(qoe_fast_t *f, const char *p,
    qoe_fast_text_t *text, bool high);
static const char *qoe_fast_object(qoe_fast_t *f, const char *p,
    size_t depth, qoe_fast_hook_t *hook);
static const char *qoe_fast_array(qoe_fast_t *f, const char *p, size_t depth);


/* p is at the opening quote. */

QOE_FAST_TARGET
static inline const char *
qoe_fast_string(qoe_fast_t *f, const char *p, qoe_fast_text_t *text)
{
    size_t           n;
    qoe_fast_mask_t  mask, high;

    text->data = ++p;

    if (f->end - p < QOE_FAST_STEP) {
        return qoe_fast_string_rest(f, p, text, false);
    }

    mask = qoe_fast_block(p, &high);

    if (mask == 0) {
        return qoe_fast_string_rest(f, p + QOE_FAST_STEP, text, high != 0);
    }

    n = QOE_FAST_AT(mask);

    if (p[n] != '"' || (high & (mask ^ (mask - 1))) != 0) {
        return qoe_fast_string_rest(f, p, text, false);
    }

    text->len = n;
    text->escaped = false;

    return p + n + 1;
}


/* The same from p on; high: there was a byte beyond ASCII before. */

QOE_FAST_TARGET
static __attribute__((noinline)) const char *
qoe_fast_string_rest(qoe_fast_t *f, const char *p, qoe_fast_text_t *text,
    bool high)
{
    const char       *end;
    qoe_fast_mask_t   mask, beyond;

    end = f->end;
    text->escaped = false;

    for ( ;; ) {

        if (end - p >= QOE_FAST_STEP) {
            mask = qoe_fast_block(p, &beyond);

            if (mask == 0) {
                high |= (beyond != 0);
                p += QOE_FAST_STEP;
                continue;
            }

            high |= ((beyond & (mask ^ (mask - 1))) != 0);
            p += QOE_FAST_AT(mask);

        } else {
            while (p != end && (unsigned char) *p >= ' ' && *p != '"'
                   && *p != '\\')
            {
                high |= ((unsigned char) *p++ >= 0x80);
            }

            if (p == end) {
                return NULL;
            }
        }

        if (*p != '\\') {
            break;
        }

        text->escaped = true;
        p = qoe_fast_escape(p, end);

        if (p == NULL) {
            return NULL;
        }
    }

    text->len = (size_t) (p - text->data);

    if (*p != '"' || (high && !qoe_fast_utf8(text->data, p))) {
        return NULL;
    }

    return p + 1;
}


/* p is at a '-' or digit, or at anything that is no number. */

QOE_FAST_TARGET
static inline const char *
qoe_fast_number(const char *p, double *n)
{
    int          exp, given;
    bool         negative, minus;
    size_t       len;
    double       value;
    uint64_t     digits;
    const char  *start, *first;

    start = p;
    negative = (*p == '-');
    first = p += negative;
    digits = 0;
    exp = 0;

    while ((unsigned) (*p - '0') <= 9) {
        digits = digits * 10 + (unsigned) (*p++ - '0');
    }

    len = (size_t) (p - first);

    if (len == 0 || (len > 1 && *first == '0')) {
        return NULL;
    }

    if (*p == '.') {
        first = ++p;

        while ((unsigned) (*p - '0') <= 9) {
            digits = digits * 10 + (unsigned) (*p++ - '0');
        }

        if (p == first) {
            return NULL;
        }

        len += (size_t) (p - first);
        exp = -(int) (p - first);
    }

    if (*p == 'e' || *p == 'E') {
        minus = (*++p == '-');
        first = p += (minus || *p == '+');
        given = 0;

        while ((unsigned) (*p - '0') <= 9) {
            given = (p - first < QOE_FAST_EXPONENT)
                    ? given * 10 + (*p - '0') : 0;
            p++;
        }

        if (p == first || p - first > QOE_FAST_EXPONENT) {
            return NULL;
        }

        exp += minus ? -given : given;
    }

    if (len > QOE_FAST_DIGITS) {
        return qoe_fast_number_long(start, p, n);
    }

    value = (exp == 0) ? (double) digits : qoe_number_decimal(digits, exp);
    *n = negative ? -value : value;

    return isfinite(value) ? p : NULL;
}


/* Any value; its string is not decoded yet. */

QOE_FAST_TARGET
static inline const char *
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
        return qoe_fast_number(p, &v->value.v.number);
    }
}


/* A key that is no known one's: its text, and the place of its value. */

QOE_FAST_TARGET
static inline const char *
qoe_fast_member(qoe_fast_t *f, const char *p, qoe_span_t *key)
{
    qoe_fast_text_t  text;

    if (*p != '"') {
        return NULL;
    }

    p = qoe_fast_string(f, p, &text);

    if (p == NULL || text.escaped) {
        return NULL;
    }

    *key = (qoe_span_t) { text.data, text.len };

    return qoe_fast_colon(p);
}


/*
 * Past what stands behind a member or an item: NULL where that is no close,
 * and no comma with something to follow.
 */

QOE_FAST_TARGET
static inline const char *
qoe_fast_more(qoe_fast_t *f, const char *p, char close)
{
    p = qoe_fast_skip(p);

    if (*p == ',') {
        f->commas++;
        p = qoe_fast_skip(p + 1);

        return (*p != close) ? p : NULL;
    }

    return (*p == close) ? p : NULL;
}


QOE_FAST_TARGET
static const char *
qoe_fast_object(qoe_fast_t *f, const char *p, size_t depth,
    qoe_fast_hook_t *hook)
{
    size_t            first;
    uint64_t          seen;
    qoe_span_t        key;
    qoe_fast_value_t  v;

    if (depth == QOE_DEPTH_MAX) {
        return NULL;
    }

    f->containers++;
    first = f->nkeys;
    seen = 0;
    p = qoe_fast_skip(p + 1);

    while (*p != '}') {
        p = qoe_fast_member(f, p, &key);

        if (p == NULL || !qoe_fast_key(f, first, &seen, key)) {
            return NULL;
        }

        p = qoe_fast_value(f, p, depth + 1, &v);

        if (p == NULL || (hook != NULL && !hook->member(f, hook, key, &v))) {
            return NULL;
        }

        p = qoe_fast_more(f, p, '}');

        if (p == NULL) {
            return NULL;
        }
    }

    f->nkeys = first;

    return qoe_fast_leave(f, p);
}


QOE_FAST_TARGET
static const char *
qoe_fast_array(qoe_fast_t *f, const char *p, size_t depth)
{
    qoe_fast_value_t  v;

    if (depth == QOE_DEPTH_MAX) {
        return NULL;
    }

    f->containers++;
    p = qoe_fast_skip(p + 1);

    while (*p != ']') {
        p = qoe_fast_value(f, p, depth + 1, &v);

        if (p == NULL) {
            return NULL;
        }

        p = qoe_fast_more(f, p, ']');

        if (p == NULL) {
            return NULL;
        }
    }

    return p + 1;
}


/* A list of what qoe_value_read() takes as values of that type. */

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


QOE_FAST_TARGET
static const char *
qoe_fast_data(qoe_fast_t *f, const char *p, size_t depth)
{
    size_t                 first;
    uint64_t               seen;
    qoe_span_t             key;
    qoe_fast_value_t       v;
    qoe_fast_member_t      m;
    const qoe_data_key_t  *rows;

    f->data = p;
    f->containers++;
    first = f->nkeys;
    seen = 0;
    p = qoe_fast_skip(p + 1);

    while (*p != '}') {
        p = qoe_fast_member(f, p, &key);

        if (p == NULL || !qoe_fast_key(f, first, &seen, key)) {
            return NULL;
        }

        rows = qoe_data_find(key);

        if (rows == NULL && f->conf->nsources == 0) {
            p = qoe_fast_value(f, p, depth + 1, &v);

            if (p == NULL) {
                return NULL;
            }

        } else {
            qoe_fast_member_init(f, &m, key, rows);

            if (*p == '{') {
                v.value.type = QOE_VALUE_NONE;
                p = qoe_fast_object(f, p, depth + 1, &m.hook);

            } else {
                p = qoe_fast_value(f, p, depth + 1, &v);
            }

            if (p == NULL || !qoe_fast_member_done(f, &m, &v)) {
                return NULL;
            }
        }

        p = qoe_fast_more(f, p, '}');

        if (p == NULL) {
            return NULL;
        }
    }

    f->nkeys = first;
    f->data_end = p + 1;

    return qoe_fast_leave(f, p);
}
