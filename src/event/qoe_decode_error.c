
/*
 * Copyright (C) OpenQoE
 *
 * Why a body as a whole is refused, in words and with its place.
 */


#include "qoe_decode_priv.h"
#include "qoe_slice.h"

#include <stdarg.h>
#include <stdio.h>


#define QOE_DECODE_NEAR_MAX    48

#define QOE_UTF8_BOM           "\xef\xbb\xbf"

/* What stands before, a key, its value, and the text with up to two cuts. */
#define QOE_DECODE_PIECES      6


typedef struct {
    qoe_span_t    piece[QOE_DECODE_PIECES];      /* what is not given yet */
    size_t        i;
    size_t        before;        /* bytes before the text of the body */
    size_t        end[2];        /* in what is given, where a cut was made */
    size_t        cut[2];        /* bytes that were left out there */
} qoe_decode_pieces_t;


static void qoe_decode_pieces(qoe_decode_pieces_t *pieces, qoe_span_t whole,
    const qoe_broken_place_t *place);
static int qoe_decode_position(const qoe_decode_pieces_t *pieces,
    const qoe_broken_place_t *place, int position);
static size_t qoe_decode_piece(void *buf, size_t size, void *data);
static qoe_status_t qoe_decode_check(qoe_batch_t *batch, qoe_span_t body);
static qoe_status_t qoe_decode_check_size(qoe_batch_t *batch, qoe_span_t body,
    size_t max_events);
static qoe_status_t qoe_decode_whole(qoe_span_t *whole, qoe_span_t body,
    qoe_arena_t *arena);
static void qoe_decode_near(char *dst, size_t size, const char *text);
static void qoe_decode_fail_at(qoe_batch_t *batch, qoe_slice_pos_t pos,
    const char *reason, const char *near);


qoe_status_t
qoe_decode_broken(qoe_batch_t *batch, qoe_span_t body,
    const qoe_broken_place_t *place, size_t max_events, qoe_arena_t *arena)
{
    size_t                flags;
    json_t               *root;
    qoe_span_t            whole;
    json_error_t          error;
    qoe_status_t          status;
    qoe_decode_pieces_t   pieces;

    status = qoe_decode_prepare(batch, body, &whole, max_events, arena);

    if (status != QOE_OK) {
        return status;
    }

    if (place->broken == QOE_BROKEN_NOT) {
        return QOE_NOMEM;
    }

    qoe_decode_pieces(&pieces, whole, place);
    memset(&error, 0, sizeof(json_error_t));

    /* where it was memory that failed, the rest of an object is no error */

    flags = QOE_DECODE_FLAGS;

    if (place->broken != QOE_BROKEN_TOP && place->broken != QOE_BROKEN_END) {
        flags |= JSON_DISABLE_EOF_CHECK;
    }

    root = json_load_callback(qoe_decode_piece, &pieces, flags, &error);

    if (root != NULL) {
        json_decref(root);
        return QOE_NOMEM;
    }

    error.position = qoe_decode_position(&pieces, place, error.position);

    return qoe_decode_syntax(batch, body, &error);
}


/* The place in the text, and something like all that is around it. */

static void
qoe_decode_pieces(qoe_decode_pieces_t *pieces, qoe_span_t whole,
    const qoe_broken_place_t *place)
{
    size_t                   i, n, given;
    qoe_span_t               rest, key, cut[2];
    static const qoe_span_t  before[] = {
        [QOE_BROKEN_TOP] = { "", 0 },
        [QOE_BROKEN_END] = { "{}", 2 },
        [QOE_BROKEN_MEMBER] = { "{", 1 },
        [QOE_BROKEN_TWICE] = { "{", 1 },
        [QOE_BROKEN_ITEM] = { "[", 1 },
        [QOE_BROKEN_MEMBERS] = { "{\"\":\"\"", 6 },
        [QOE_BROKEN_ITEMS] = { "[\"\"", 3 }
    };

    rest = (qoe_span_t) { whole.data + place->at, whole.len - place->at };
    key = qoe_span_null;

    if (place->broken == QOE_BROKEN_TWICE) {
        key = (qoe_span_t) { rest.data, qoe_slice_string_len(rest) };
    }

    pieces->piece[0] = before[place->broken];
    pieces->piece[1] = key;
    pieces->piece[2] = (key.len != 0) ? qoe_span(":0,") : qoe_span_null;
    pieces->i = 0;
    pieces->before = 0;

    for (i = 0; i < 3; i++) {
        pieces->before += pieces->piece[i].len;
    }

    cut[0] = cut[1] = qoe_span_null;

    /* a key that stands twice must stay the same */

    if (key.len == 0) {
        qoe_decode_cut(rest, cut);
    }

    given = pieces->before;

    for (i = 0; i < 2; i++) {
        n = (cut[i].len != 0) ? (size_t) (cut[i].data - rest.data) : 0;
        given += n;

        pieces->piece[3 + i] = (qoe_span_t) { rest.data, n };
        pieces->end[i] = given;
        pieces->cut[i] = cut[i].len;

        rest.data += n + cut[i].len;
        rest.len -= n + cut[i].len;
    }

    pieces->piece[QOE_DECODE_PIECES - 1] = rest;
}


/* Where in the body that is: a fault at a cut stands after what was cut. */

static int
qoe_decode_position(const qoe_decode_pieces_t *pieces,
    const qoe_broken_place_t *place, int position)
{
    size_t  i, at;

    at = (size_t) position;

    for (i = 0; i < 2; i++) {
        if ((size_t) position >= pieces->end[i]) {
            at += pieces->cut[i];
        }
    }

    return (int) at + (int) place->at - (int) pieces->before;
}


static size_t
qoe_decode_piece(void *buf, size_t size, void *data)
{
    size_t                n;
    qoe_span_t           *piece;
    qoe_decode_pieces_t  *pieces;

    pieces = data;

    while (pieces->i < QOE_DECODE_PIECES - 1
           && pieces->piece[pieces->i].len == 0)
    {
        pieces->i++;
    }

    piece = &pieces->piece[pieces->i];
    n = qoe_min(piece->len, size);

    if (n != 0) {
        memcpy(buf, piece->data, n);
        piece->data += n;
        piece->len -= n;
    }

    return n;
}


qoe_status_t
qoe_decode_prepare(qoe_batch_t *batch, qoe_span_t body, qoe_span_t *whole,
    size_t max_events, qoe_arena_t *arena)
{
    qoe_status_t  status;

    memset(batch, 0, sizeof(qoe_batch_t));

    status = qoe_decode_check(batch, body);

    if (status == QOE_OK) {
        status = qoe_decode_check_size(batch, body, max_events);
    }

    return (status == QOE_OK) ? qoe_decode_whole(whole, body, arena) : status;
}


/*
 * What jansson must not be given: it takes a NUL byte after a number for
 * nothing at all, and has only "invalid token" to say about a byte order mark.
 */

static qoe_status_t
qoe_decode_check(qoe_batch_t *batch, qoe_span_t body)
{
    const char  *nul;

    if (body.len >= sizeof(QOE_UTF8_BOM) - 1
        && memcmp(body.data, QOE_UTF8_BOM, sizeof(QOE_UTF8_BOM) - 1) == 0)
    {
        qoe_decode_fail_at(batch, qoe_slice_pos(body, 0),
                           "the body starts with a byte order mark", "");
        return QOE_INVALID;
    }

    nul = memchr(body.data, '\0', body.len);

    if (nul != NULL) {
        qoe_decode_fail_at(batch,
                           qoe_slice_pos(body, (size_t) (nul - body.data)),
                           "the body has a NUL byte", "");
        return QOE_INVALID;
    }

    return QOE_OK;
}


/*
 * A tree of "{}," takes two orders of magnitude more memory than its text: no
 * body may hold more values than its number of events has any use for.
 */

static qoe_status_t
qoe_decode_check_size(qoe_batch_t *batch, qoe_span_t body, size_t max_events)
{
    size_t              at;
    char                reason[80];
    qoe_slice_limits_t  max;

    max.depth = QOE_DEPTH_MAX;
    max.containers = qoe_containers_max(max_events);
    max.values = qoe_values_max(max_events);

    switch (qoe_slice_check(body, &max, &at)) {

    case QOE_SLICE_DEPTH:
        snprintf(reason, sizeof(reason),
                 "the JSON is nested deeper than %zu levels", max.depth);
        break;

    case QOE_SLICE_CONTAINERS:
        snprintf(reason, sizeof(reason),
                 "the JSON has more than %zu objects and lists",
                 max.containers);
        break;

    case QOE_SLICE_VALUES:
        snprintf(reason, sizeof(reason), "the JSON has more than %zu values",
                 max.values);
        break;

    default:
        return QOE_OK;
    }

    qoe_decode_fail_at(batch, qoe_slice_pos(body, at), reason, "");

    return QOE_INVALID;
}


/*
 * To jansson half a surrogate pair is no JSON at all, but it is one title's
 * fault, not its body's: U+FFFD takes its place, which is as long, and the
 * event is refused where the texts differ.
 */

static qoe_status_t
qoe_decode_whole(qoe_span_t *whole, qoe_span_t body, qoe_arena_t *arena)
{
    char    *copy;
    size_t   at;

    *whole = body;
    at = 0;

    if (!qoe_slice_half(body, &at)) {
        return QOE_OK;
    }

    copy = qoe_arena_alloc(arena, body.len);

    if (copy == NULL) {
        return QOE_NOMEM;
    }

    memcpy(copy, body.data, body.len);
    *whole = (qoe_span_t) { copy, body.len };

    do {
        memcpy(copy + at, "\\ufffd", 6);
    } while (qoe_slice_half(*whole, &at));

    return QOE_OK;
}


qoe_status_t
qoe_decode_syntax(qoe_batch_t *batch, qoe_span_t body,
    const json_error_t *error)
{
    char                             near[QOE_DECODE_NEAR_MAX];
    size_t                           i;
    const char                      *reason;
    qoe_slice_pos_t                  pos;
    static const struct {
        enum json_error_code         code;
        const char                  *reason;
    } reasons[] = {
        { json_error_invalid_utf8, "the body is not valid UTF-8" },
        { json_error_premature_end_of_input,
          "the body ends before the JSON does" },
        { json_error_end_of_input_expected,
          "the body goes on behind the end of the JSON" },
        { json_error_null_character, "a string has a NUL (\\u0000)" },
        { json_error_null_byte_in_key, "a key has a NUL (\\u0000)" },
        { json_error_duplicate_key, "a key stands twice in one object" },
        { json_error_numeric_overflow, "a number is out of range" }
    };

    if (error->text[0] == '\0'
        || json_error_code(error) == json_error_out_of_memory)
    {
        return QOE_NOMEM;
    }

    reason = "the body is not valid JSON";

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].code == json_error_code(error)) {
            reason = reasons[i].reason;
        }
    }

    /* one way of counting for every error; jansson counts columns from 0 */

    pos = qoe_slice_pos(body, (size_t) qoe_max(error->position, 0));

    qoe_decode_near(near, sizeof(near), error->text);
    qoe_decode_fail_at(batch, pos, reason, near);

    return QOE_INVALID;
}


/*
 * The " near '...'" that jansson ends its text with, printable: it may hold
 * any byte that the client sent, and be cut within a character.
 */

static void
qoe_decode_near(char *dst, size_t size, const char *text)
{
    size_t       i;
    const char  *near;

    near = strstr(text, " near '");

    if (near == NULL) {
        near = "";
    }

    for (i = 0; i < size - 1 && near[i] != '\0'; i++) {
        dst[i] = (near[i] >= 0x20 && near[i] < 0x7f) ? near[i] : '?';
    }

    dst[i] = '\0';

    if (near[i] != '\0') {
        memcpy(dst + size - 5, "...'", 5);
    }
}


bool
qoe_decode_total(qoe_batch_t *batch, size_t max_events)
{
    if (batch->total == 0) {
        qoe_decode_fail(batch, "events", "must hold at least one event");
        return false;
    }

    if (batch->total > max_events) {
        qoe_decode_fail(batch, "events", "must hold at most %zu events",
                        max_events);
        return false;
    }

    return true;
}


static void
qoe_decode_fail_at(qoe_batch_t *batch, qoe_slice_pos_t pos,
    const char *reason, const char *near)
{
    qoe_decode_fail(batch, "", "%s%s: line %zu, column %zu, byte %zu", reason,
                    near, pos.line, pos.column, pos.byte);
}


void
qoe_decode_fail(qoe_batch_t *batch, const char *field, const char *fmt, ...)
{
    va_list              args;
    qoe_decode_error_t  *err;

    err = &batch->errors[0];
    batch->nerrors = 1;

    err->event = QOE_DECODE_BODY;
    snprintf(err->field, sizeof(err->field), "%s", field);

    va_start(args, fmt);
    vsnprintf(err->reason, sizeof(err->reason), fmt, args);
    va_end(args);
}
