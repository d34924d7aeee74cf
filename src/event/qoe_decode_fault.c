
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_decode_fault.h"
#include "qoe_fast_priv.h"

#include <math.h>
#include <string.h>


#define QOE_FAULT_NEAR_MAX    20

#define QOE_FAULT_SYNTAX      "the body is not valid JSON"
#define QOE_FAULT_UTF8        "the body is not valid UTF-8"
#define QOE_FAULT_ENDS        "the body ends before the JSON does"
#define QOE_FAULT_GOES_ON     "the body goes on after the end of the JSON"
#define QOE_FAULT_NUL         "a string has a NUL (\\u0000)"
#define QOE_FAULT_NUL_KEY     "a key has a NUL (\\u0000)"
#define QOE_FAULT_TWICE       "a key occurs twice in one object"
#define QOE_FAULT_RANGE       "a number is out of range"


/* The kinds of tokens; a punctuation character stands for itself. */

typedef enum {
    QOE_TOKEN_INVALID = -1,
    QOE_TOKEN_END = 0,
    QOE_TOKEN_STRING = '"',
    QOE_TOKEN_SCALAR = 'a'       /* a number, true, false or null */
} qoe_token_t;


/* Results of qoe_reader_peek() that are not a byte. */

#define QOE_PEEK_END          (-1)
#define QOE_PEEK_FAULT        (-2)


typedef struct {
    const char   *p;             /* the next byte */
    const char   *end;
    const char   *token;         /* where the last token begins */
    bool          nul;           /* the token is a string with \u0000 */
    const char   *reason;        /* the first fault, NULL while there is none */
    const char   *at;
    qoe_span_t    near;
    qoe_arena_t  *arena;
} qoe_reader_t;


static int qoe_reader_token(qoe_reader_t *r);
static int qoe_reader_string(qoe_reader_t *r);
static bool qoe_reader_escape(qoe_reader_t *r);
static int qoe_reader_number(qoe_reader_t *r);
static bool qoe_reader_exponent(qoe_reader_t *r, int *exp);
static size_t qoe_reader_digits(qoe_reader_t *r, uint64_t *digits);
static int qoe_reader_word(qoe_reader_t *r);
static int qoe_reader_other(qoe_reader_t *r);
static int qoe_reader_peek(qoe_reader_t *r);
static const char *qoe_reader_char(const qoe_reader_t *r);
static bool qoe_reader_fail(qoe_reader_t *r, const char *reason);
static bool qoe_reader_key(qoe_reader_t *r, int token, bool twice);
static bool qoe_reader_value(qoe_reader_t *r, int token);
static void qoe_reader_members(qoe_reader_t *r, int token);
static void qoe_reader_items(qoe_reader_t *r, int token);


bool
qoe_decode_fault(qoe_decode_fault_t *fault, qoe_span_t body,
    const qoe_broken_place_t *place, qoe_arena_t *arena)
{
    qoe_reader_t  r;

    memset(&r, 0, sizeof(qoe_reader_t));
    r.p = body.data + place->at;
    r.end = body.data + body.len;
    r.arena = arena;

    switch (place->broken) {

    case QOE_BROKEN_NOT:
        break;

    case QOE_BROKEN_TOP:
        if (!qoe_reader_value(&r, qoe_reader_token(&r))) {
            break;
        }

        /* fall through */

    case QOE_BROKEN_END:
        if (qoe_reader_token(&r) != QOE_TOKEN_END) {
            qoe_reader_fail(&r, QOE_FAULT_GOES_ON);
        }

        break;

    case QOE_BROKEN_TWICE:
        (void) qoe_reader_key(&r, qoe_reader_token(&r), true);
        break;

    case QOE_BROKEN_MEMBER:
        if (qoe_reader_key(&r, qoe_reader_token(&r), false)
            && qoe_reader_value(&r, qoe_reader_token(&r)))
        {
            qoe_reader_members(&r, qoe_reader_token(&r));
        }

        break;

    case QOE_BROKEN_ITEM:
        if (qoe_reader_value(&r, qoe_reader_token(&r))) {
            qoe_reader_items(&r, qoe_reader_token(&r));
        }

        break;

    case QOE_BROKEN_MEMBERS:
        qoe_reader_members(&r, qoe_reader_token(&r));
        break;

    case QOE_BROKEN_ITEMS:
        qoe_reader_items(&r, qoe_reader_token(&r));
        break;
    }

    if (r.reason == NULL) {
        return false;
    }

    fault->reason = r.reason;
    fault->near = r.near;
    fault->at = (size_t) (r.at - body.data);

    return true;
}


/* Checks that token is a key, and that a colon follows. */

static bool
qoe_reader_key(qoe_reader_t *r, int token, bool twice)
{
    if (token != QOE_TOKEN_STRING) {
        return qoe_reader_fail(r, QOE_FAULT_SYNTAX);
    }

    if (r->nul) {
        return qoe_reader_fail(r, QOE_FAULT_NUL_KEY);
    }

    if (twice) {
        return qoe_reader_fail(r, QOE_FAULT_TWICE);
    }

    return qoe_reader_token(r) == ':' || qoe_reader_fail(r, QOE_FAULT_SYNTAX);
}


/*
 * Is token a complete value?  An object or a list is not read any further: a
 * fault inside of it has a place of its own.
 */

static bool
qoe_reader_value(qoe_reader_t *r, int token)
{
    switch (token) {

    case QOE_TOKEN_STRING:
        return !r->nul || qoe_reader_fail(r, QOE_FAULT_NUL);

    case QOE_TOKEN_SCALAR:
        return true;

    case '{':
    case '[':
        return false;
    }

    return qoe_reader_fail(r, QOE_FAULT_SYNTAX);
}


/* Reads on after a member of an object. */

static void
qoe_reader_members(qoe_reader_t *r, int token)
{
    while (token == ',') {

        if (!qoe_reader_key(r, qoe_reader_token(r), false)
            || !qoe_reader_value(r, qoe_reader_token(r)))
        {
            return;
        }

        token = qoe_reader_token(r);
    }

    if (token != '}') {
        qoe_reader_fail(r, QOE_FAULT_SYNTAX);
    }
}


/* Reads on after an item of a list. */

static void
qoe_reader_items(qoe_reader_t *r, int token)
{
    while (token == ',') {
        token = qoe_reader_token(r);

        if (token == QOE_TOKEN_END) {
            break;
        }

        if (!qoe_reader_value(r, token)) {
            return;
        }

        token = qoe_reader_token(r);
    }

    if (token != ']') {
        qoe_reader_fail(r, QOE_FAULT_SYNTAX);
    }
}


/*
 * Records the first fault and ignores later ones: reading may have to go on to
 * find where the token ends.  Always returns false, for the caller to return.
 */

static bool
qoe_reader_fail(qoe_reader_t *r, const char *reason)
{
    size_t  len;

    if (r->reason != NULL) {
        return false;
    }

    len = (size_t) (r->p - r->token);

    r->reason = reason;
    r->at = r->p;

    if (len == 0) {

        /* the text ended where a token was expected */

        if (strcmp(reason, QOE_FAULT_SYNTAX) == 0) {
            r->reason = QOE_FAULT_ENDS;
        }

    } else if (len <= QOE_FAULT_NEAR_MAX) {
        r->near = (qoe_span_t) { r->token, len };
    }

    return false;
}


static int
qoe_reader_token(qoe_reader_t *r)
{
    int  c;

    while (r->p != r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n'
                              || *r->p == '\r'))
    {
        r->p++;
    }

    r->token = r->p;
    r->nul = false;
    c = qoe_reader_peek(r);

    switch (c) {

    case QOE_PEEK_END:
        return QOE_TOKEN_END;

    case QOE_PEEK_FAULT:
        return QOE_TOKEN_INVALID;

    case '{':
    case '}':
    case '[':
    case ']':
    case ':':
    case ',':
        r->p++;
        return c;

    case '"':
        r->p++;
        return qoe_reader_string(r);
    }

    if (c == '-' || (c >= '0' && c <= '9')) {
        return qoe_reader_number(r);
    }

    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') {
        return qoe_reader_word(r);
    }

    return qoe_reader_other(r);
}


/* The next byte, provided that it begins a valid character. */

static int
qoe_reader_peek(qoe_reader_t *r)
{
    if (r->p == r->end) {
        return QOE_PEEK_END;
    }

    if (qoe_reader_char(r) == NULL) {
        qoe_reader_fail(r, QOE_FAULT_UTF8);
        return QOE_PEEK_FAULT;
    }

    return (unsigned char) *r->p;
}


/*
 * Returns the end of the character at r->p, or NULL if it is not valid UTF-8.
 */

static const char *
qoe_reader_char(const qoe_reader_t *r)
{
    size_t         len;
    unsigned char  c;

    c = (unsigned char) *r->p;

    if (c < 0x80) {
        return r->p + 1;
    }

    len = (c < 0xe0) ? 2 : (c < 0xf0) ? 3 : 4;

    return ((size_t) (r->end - r->p) >= len)
           ? qoe_fast_utf8(r->p, r->p + len) : NULL;
}


/* Reads a string whose opening quote has been read. */

static int
qoe_reader_string(qoe_reader_t *r)
{
    int  c;

    for ( ;; ) {
        r->p = qoe_fast_plain_end(r->p, r->end);
        c = qoe_reader_peek(r);

        if (c == '"') {
            r->p++;
            return QOE_TOKEN_STRING;
        }

        if (c == QOE_PEEK_END) {
            qoe_reader_fail(r, QOE_FAULT_ENDS);
            return QOE_TOKEN_INVALID;
        }

        if (c < ' ') {
            qoe_reader_fail(r, QOE_FAULT_SYNTAX);
            return QOE_TOKEN_INVALID;
        }

        if (c != '\\') {
            r->p = qoe_reader_char(r);

        } else if (!qoe_reader_escape(r)) {
            return QOE_TOKEN_INVALID;
        }
    }
}


/*
 * An unpaired surrogate is no fault here: it refuses its event, not the body.
 */

static bool
qoe_reader_escape(qoe_reader_t *r)
{
    int          c, i;
    const char  *digits;

    r->p++;
    c = qoe_reader_peek(r);
    r->p += (c >= 0);

    if (c != 'u') {
        return (c > 0 && strchr("\"\\/bfnrt", c) != NULL)
               || qoe_reader_fail(r, QOE_FAULT_SYNTAX);
    }

    digits = r->p;

    for (i = 0; i < 4; i++) {
        c = qoe_reader_peek(r);
        r->p += (c >= 0);

        if (c < 0 || strchr("0123456789abcdefABCDEF", c) == NULL) {
            return qoe_reader_fail(r, QOE_FAULT_SYNTAX);
        }
    }

    r->nul = r->nul || memcmp(digits, "0000", 4) == 0;

    return true;
}


static int
qoe_reader_number(qoe_reader_t *r)
{
    int          c, exp;
    double       n;
    size_t       len, whole;
    uint64_t     digits;
    const char  *end;

    r->p += (*r->p == '-');
    digits = 0;
    exp = 0;
    n = 0;

    if (r->p != r->end && *r->p == '0') {
        r->p++;
        whole = 1;
        c = qoe_reader_peek(r);

        if (c >= '0' && c <= '9') {
            return QOE_TOKEN_INVALID;
        }

    } else {
        whole = qoe_reader_digits(r, &digits);
    }

    if (whole == 0) {
        return QOE_TOKEN_INVALID;
    }

    len = whole;

    if (qoe_reader_peek(r) == '.') {
        r->p++;
        len += qoe_reader_digits(r, &digits);

        if (len == whole) {
            return QOE_TOKEN_INVALID;
        }
    }

    end = r->p;
    c = qoe_reader_peek(r);

    if ((c == 'e' || c == 'E') && !qoe_reader_exponent(r, &exp)) {
        return QOE_TOKEN_INVALID;
    }

    if (!qoe_fast_number_make(r->arena, r->token, end, exp, digits, len, whole,
                              &n)
        && isinf(n))
    {
        qoe_reader_fail(r, QOE_FAULT_RANGE);
    }

    return (r->reason == NULL) ? QOE_TOKEN_SCALAR : QOE_TOKEN_INVALID;
}


/*
 * An exponent may have more digits than can matter; they are read but no
 * longer added up.
 */

static bool
qoe_reader_exponent(qoe_reader_t *r, int *exp)
{
    int          c;
    bool         minus;
    const char  *first;

    r->p++;
    c = qoe_reader_peek(r);
    minus = (c == '-');
    r->p += (minus || c == '+');
    first = r->p;
    (void) qoe_reader_digits(r, NULL);

    if (r->p == first) {
        return false;
    }

    for ( /* void */ ; first != r->p && *exp < QOE_FAST_EXPONENT; first++) {
        *exp = *exp * 10 + (*first - '0');
    }

    *exp = minus ? -*exp : *exp;

    return true;
}


/*
 * Counts the digits.  Their value wraps around if there are too many of them;
 * the caller knows that from the count.
 */

static size_t
qoe_reader_digits(qoe_reader_t *r, uint64_t *digits)
{
    const char  *first;

    first = r->p;

    while (r->p != r->end && (unsigned char) (*r->p - '0') <= 9) {

        if (digits != NULL) {
            *digits = *digits * 10 + (unsigned char) (*r->p - '0');
        }

        r->p++;
    }

    (void) qoe_reader_peek(r);

    return (size_t) (r->p - first);
}


static int
qoe_reader_word(qoe_reader_t *r)
{
    int         c;
    qoe_span_t  word;

    do {
        r->p++;
        c = qoe_reader_peek(r);
    } while ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

    word = (qoe_span_t) { r->token, (size_t) (r->p - r->token) };

    return (r->reason == NULL
            && (qoe_span_eq(word, qoe_span("true"))
                || qoe_span_eq(word, qoe_span("false"))
                || qoe_span_eq(word, qoe_span("null"))))
           ? QOE_TOKEN_SCALAR : QOE_TOKEN_INVALID;
}


/* Skips a whole character, so that the report shows all of its bytes. */

static int
qoe_reader_other(qoe_reader_t *r)
{
    r->p = qoe_reader_char(r);

    return QOE_TOKEN_INVALID;
}
