
/*
 * Copyright (C) OpenQoE
 *
 * Structured fields of RFC 8941, section 4.2, with what players need beyond it:
 * capital letters in keys, and UTF-8 in strings.  Dates and display strings
 * are of RFC 9651, and none here.
 */


#include "qoe_cmcd_priv.h"
#include "qoe_buf.h"


#define QOE_FIELD_INTEGER_DIGITS   15
#define QOE_FIELD_DECIMAL_DIGITS   12
#define QOE_FIELD_FRACTION_DIGITS  3

/* Classes of characters; the numbers are bits. */

#define ALPHA   0x01             /* letters */
#define DIGIT   0x02
#define KEY     0x04             /* of a key after its first character */
#define TOKEN   0x08             /* of a token after its first character */
#define START   0x10             /* first of a key or a token */
#define TEXT    0x20             /* of a string: stands for itself */
#define BASE64  0x40

#define QOE_LETTER  (ALPHA|KEY|TOKEN|START|TEXT|BASE64)
#define QOE_MARK    (TOKEN|TEXT)

static const uint8_t  qoe_field_class[256] = {
    [' '] = TEXT, ['!'] = QOE_MARK, ['#' ... '\''] = QOE_MARK,
    ['(' ... ')'] = TEXT, ['*'] = QOE_MARK|KEY|START,
    ['+'] = QOE_MARK|BASE64, [','] = TEXT, ['-' ... '.'] = QOE_MARK|KEY,
    ['/'] = QOE_MARK|BASE64, ['0' ... '9'] = QOE_MARK|DIGIT|KEY|BASE64,
    [':'] = QOE_MARK, [';' ... '<'] = TEXT, ['='] = TEXT|BASE64,
    ['>' ... '@'] = TEXT, ['A' ... 'Z'] = QOE_LETTER, ['['] = TEXT,
    [']'] = TEXT, ['^'] = QOE_MARK, ['_'] = QOE_MARK|KEY, ['`'] = QOE_MARK,
    ['a' ... 'z'] = QOE_LETTER, ['{'] = TEXT, ['|'] = QOE_MARK, ['}'] = TEXT,
    ['~'] = QOE_MARK
};

#define is(p, bits)  (qoe_field_class[(unsigned char) *(p)] & (bits))


/* The characters from p->p on that are of a class. */

static inline qoe_span_t
qoe_field_run(qoe_cmcd_parser_t *p, unsigned bits)
{
    char  *s, *start;

    start = p->p;

    for (s = start; s < p->end && is(s, bits); s++) {
        /* void */
    }

    p->p = s;

    return (qoe_span_t) { start, (size_t) (s - start) };
}


bool
qoe_field_key(qoe_cmcd_parser_t *p, qoe_span_t *name)
{
    if (p->p == p->end || !is(p->p, START)) {
        return false;
    }

    *name = qoe_field_run(p, KEY);

    return true;
}


/*
 * Reads digits, which are added to *n, and returns how many there are; of more
 * than 15 *n has no meaning.
 */

static inline size_t
qoe_field_digits(qoe_cmcd_parser_t *p, uint64_t *n)
{
    char      *s;
    unsigned   digit;

    for (s = p->p; s < p->end; s++) {
        digit = (unsigned char) *s - (unsigned) '0';

        if (digit > 9) {
            break;
        }

        *n = *n * 10 + digit;
    }

    digit = (unsigned) (s - p->p);
    p->p = s;

    return digit;
}


static bool
qoe_field_number(qoe_cmcd_parser_t *p, qoe_field_t *value)
{
    char                 *start;
    size_t                whole, fraction;
    uint64_t              n;
    static const double   scale[] = { 1, 10, 100, 1000 };

    start = p->p;
    p->p += (*p->p == '-');

    n = 0;
    whole = qoe_field_digits(p, &n);
    fraction = 0;

    if (whole == 0 || whole > QOE_FIELD_INTEGER_DIGITS) {
        return false;
    }

    value->type = QOE_FIELD_INTEGER;

    if (p->p < p->end && *p->p == '.') {
        p->p++;
        fraction = qoe_field_digits(p, &n);
        value->type = QOE_FIELD_DECIMAL;

        if (whole > QOE_FIELD_DECIMAL_DIGITS || fraction == 0
            || fraction > QOE_FIELD_FRACTION_DIGITS)
        {
            return false;
        }
    }

    value->number = (double) n / scale[fraction];

    if (*start == '-' && n != 0) {
        value->number = -value->number;
    }

    value->text = (qoe_span_t) { start, (size_t) (p->p - start) };

    return true;
}


/* A character of a string that is neither ASCII nor an escape. */

static bool
qoe_field_utf8(qoe_cmcd_parser_t *p, char **to)
{
    size_t  n;

    n = qoe_utf8_len((unsigned char *) p->p, (unsigned char *) p->end);

    if (n == 0) {
        p->p++;
        return false;
    }

    memmove(*to, p->p, n);
    *to += n;
    p->p += n;

    return true;
}


/*
 * The escapes are taken out in place.  Of a string that has a fault, the end
 * is looked for all the same, so that nothing within it is taken for a key.
 */

static bool
qoe_field_string(qoe_cmcd_parser_t *p, qoe_field_t *value)
{
    bool   good;
    char  *to, *start;

    p->p++;
    start = (char *) qoe_field_run(p, TEXT).data;
    to = p->p;
    good = true;

    while (p->p < p->end && *p->p != '"') {
        if (is(p->p, TEXT)) {
            *to++ = *p->p++;

        } else if (*p->p == '\\') {
            p->p++;

            if (p->p == p->end) {
                return false;
            }

            good &= (*p->p == '"' || *p->p == '\\');
            *to++ = *p->p++;

        } else {
            good &= qoe_field_utf8(p, &to);
        }
    }

    if (p->p == p->end) {
        return false;
    }

    p->p++;

    value->type = QOE_FIELD_STRING;
    value->text = (qoe_span_t) { start, (size_t) (to - start) };

    return good;
}


static bool
qoe_field_bytes(qoe_cmcd_parser_t *p, qoe_field_t *value)
{
    p->p++;
    value->type = QOE_FIELD_BYTES;
    value->text = qoe_field_run(p, BASE64);

    if (p->p == p->end || *p->p != ':') {
        return false;
    }

    p->p++;

    return true;
}


static bool
qoe_field_boolean(qoe_cmcd_parser_t *p, qoe_field_t *value)
{
    p->p++;

    if (p->p == p->end || (*p->p != '0' && *p->p != '1')) {
        return false;
    }

    value->type = QOE_FIELD_BOOLEAN;
    value->flag = (*p->p++ == '1');

    return true;
}


bool
qoe_field_item(qoe_cmcd_parser_t *p, qoe_field_t *value)
{
    if (p->p == p->end) {
        return false;
    }

    if (*p->p == '-' || is(p->p, DIGIT)) {
        return qoe_field_number(p, value);
    }

    if (is(p->p, START)) {
        value->type = QOE_FIELD_TOKEN;
        value->text = qoe_field_run(p, TOKEN);
        return true;
    }

    switch (*p->p) {
    case '"':
        return qoe_field_string(p, value);
    case ':':
        return qoe_field_bytes(p, value);
    case '?':
        return qoe_field_boolean(p, value);
    default:
        return false;
    }
}


/*
 * The parameters that mean something: an object type, and the range of nor.
 * The last of two of one name counts, in the place of the first; an object
 * type that is ?0 is none.
 */

bool
qoe_field_parameters_read(qoe_cmcd_parser_t *p, qoe_field_t *value)
{
    size_t         i, n;
    unsigned       seen, on;
    qoe_span_t     name;
    qoe_field_t    v;
    qoe_cmcd_ot_t  ot, order[QOE_CMCD_OTS];

    seen = 0;
    on = 0;
    n = 0;

    while (p->p < p->end && *p->p == ';') {
        p->p++;

        while (p->p < p->end && *p->p == ' ') {
            p->p++;
        }

        if (!qoe_field_key(p, &name)) {
            return false;
        }

        v.type = QOE_FIELD_BOOLEAN;
        v.flag = true;

        if (p->p < p->end && *p->p == '=') {
            p->p++;

            if (!qoe_field_item(p, &v)) {
                return false;
            }
        }

        if (name.len == 1 && name.data[0] == 'r') {
            value->range = (v.type == QOE_FIELD_STRING) ? v.text
                                                        : qoe_span_null;
            continue;
        }

        ot = qoe_cmcd_ot_find(name);

        if (ot == QOE_CMCD_OT_NONE) {
            continue;
        }

        if (!(seen >> ot & 1)) {
            seen |= 1u << ot;
            order[n++] = ot;
        }

        on &= ~(1u << ot);
        on |= (unsigned) (v.type != QOE_FIELD_BOOLEAN || v.flag) << ot;
    }

    for (i = 0; i < n && value->ot == QOE_CMCD_OT_NONE; i++) {
        value->ot = (on >> order[i] & 1) ? order[i] : QOE_CMCD_OT_NONE;
    }

    return true;
}
