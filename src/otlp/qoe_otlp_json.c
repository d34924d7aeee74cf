
/*
 * Copyright (C) OpenQoE
 *
 * The JSON mapping of OTLP for any message, by protobuf-c's descriptors.
 */


#include "qoe_otlp_pb.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <inttypes.h>


/*
 * The most levels of messages.  An event nests 32 deep at most, and each level
 * as structured values takes three.
 */
#define QOE_JSON_DEPTH      128

#define QOE_JSON_NUMBER     40       /* bytes of any number, and a NUL */


static void qoe_json_message(qoe_buf_t *out, const ProtobufCMessage *msg,
    unsigned depth);
static size_t qoe_json_count(const ProtobufCMessage *msg,
    const ProtobufCFieldDescriptor *fd, const void *field);
static bool qoe_json_is_default(ProtobufCType type, const void *value);
static size_t qoe_json_type_size(ProtobufCType type);
static void qoe_json_key(qoe_buf_t *out, const char *name);
static void qoe_json_value(qoe_buf_t *out, const ProtobufCFieldDescriptor *fd,
    const void *value, unsigned depth);
static void qoe_json_integer(qoe_buf_t *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void qoe_json_real(qoe_buf_t *out, double value);
static void qoe_json_bytes(qoe_buf_t *out, const char *name,
    const ProtobufCBinaryData *b);
static void qoe_json_hex(char *dst, const uint8_t *p, size_t len);
static void qoe_json_base64(char *dst, const uint8_t *p, size_t len);


void
qoe_otlp_json(qoe_buf_t *out, const ProtobufCMessage *msg)
{
    qoe_json_message(out, msg, 0);
}


static void
qoe_json_message(qoe_buf_t *out, const ProtobufCMessage *msg, unsigned depth)
{
    size_t                           n, i, size;
    unsigned                         f, nfields;
    const char                      *value;
    const ProtobufCFieldDescriptor  *fd;

    if (depth == QOE_JSON_DEPTH && out->status == QOE_OK) {
        out->status = QOE_TOO_LARGE;
    }

    if (out->status != QOE_OK) {
        return;
    }

    nfields = 0;
    qoe_buf_literal(out, "{");

    for (f = 0; f < msg->descriptor->n_fields; f++) {
        fd = &msg->descriptor->fields[f];
        value = (const char *) msg + fd->offset;

        n = qoe_json_count(msg, fd, value);
        if (n == 0) {
            continue;
        }

        if (nfields++ != 0) {
            qoe_buf_literal(out, ",");
        }

        qoe_json_key(out, fd->name);

        if (fd->label != PROTOBUF_C_LABEL_REPEATED) {
            qoe_json_value(out, fd, value, depth);
            continue;
        }

        value = *(const char *const *) value;
        size = qoe_json_type_size(fd->type);

        for (i = 0; i < n; i++) {
            qoe_buf_append(out, i == 0 ? "[" : ",", 1);
            qoe_json_value(out, fd, value + i * size, depth);
        }

        qoe_buf_literal(out, "]");
    }

    qoe_buf_literal(out, "}");
}


/* The number of values of the field that must be written. */

static size_t
qoe_json_count(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *fd,
    const void *field)
{
    const char  *quantifier, *pointer;

    quantifier = (const char *) msg + fd->quantifier_offset;

    if (fd->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        return *(const uint32_t *) quantifier == fd->id;
    }

    switch (fd->label) {

    case PROTOBUF_C_LABEL_REPEATED:
        return *(const size_t *) quantifier;

    case PROTOBUF_C_LABEL_OPTIONAL:

        if (fd->type == PROTOBUF_C_TYPE_STRING
            || fd->type == PROTOBUF_C_TYPE_MESSAGE)
        {
            pointer = *(const char *const *) field;
            return pointer != NULL && pointer != fd->default_value;
        }

        return *(const protobuf_c_boolean *) quantifier != 0;

    default:                     /* PROTOBUF_C_LABEL_NONE */
        return !qoe_json_is_default(fd->type, field);
    }
}


/* proto3: a value equal to the default of its type is absent. */

static bool
qoe_json_is_default(ProtobufCType type, const void *value)
{
    const char  *s;

    switch (type) {

    case PROTOBUF_C_TYPE_STRING:
        s = *(const char *const *) value;
        return s == NULL || *s == '\0';

    case PROTOBUF_C_TYPE_MESSAGE:
        return *(const void *const *) value == NULL;

    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *) value)->len == 0;

    case PROTOBUF_C_TYPE_DOUBLE:
        return *(const double *) value == 0;

    default:
        return qoe_json_type_size(type) == 8 ? *(const uint64_t *) value == 0
                                             : *(const uint32_t *) value == 0;
    }
}


static size_t
qoe_json_type_size(ProtobufCType type)
{
    switch (type) {

    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;

    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);

    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);

    default:                     /* protobuf-c's boolean is an int */
        return 4;
    }
}


/* Writes the name in lowerCamelCase, in quotes, and the colon. */

static void
qoe_json_key(qoe_buf_t *out, const char *name)
{
    char  *p, *start;
    bool   upper;

    start = qoe_buf_reserve(out, strlen(name) + 3);
    if (start == NULL) {
        return;
    }

    p = start;
    upper = false;
    *p++ = '"';

    for ( /* void */ ; *name != '\0'; name++) {

        if (*name == '_') {
            upper = true;
            continue;
        }

        /* names have digits, "_" and the letters of ASCII alone */

        *p++ = (upper && *name >= 'a') ? (char) (*name - 'a' + 'A') : *name;
        upper = false;
    }

    *p++ = '"';
    *p++ = ':';

    out->len += (size_t) (p - start);
}


static void
qoe_json_value(qoe_buf_t *out, const ProtobufCFieldDescriptor *fd,
    const void *value, unsigned depth)
{
    const char              *s;
    const ProtobufCMessage  *msg;

    switch (fd->type) {

    case PROTOBUF_C_TYPE_STRING:
        s = *(const char *const *) value;
        qoe_buf_json_string(out, s ? qoe_span_str(s) : qoe_span(""));
        break;

    case PROTOBUF_C_TYPE_MESSAGE:
        msg = *(const ProtobufCMessage *const *) value;

        if (msg != NULL) {
            qoe_json_message(out, msg, depth + 1);
        } else {
            qoe_buf_literal(out, "{}");
        }

        break;

    case PROTOBUF_C_TYPE_BYTES:
        qoe_json_bytes(out, fd->name, value);
        break;

    case PROTOBUF_C_TYPE_BOOL:

        if (*(const protobuf_c_boolean *) value) {
            qoe_buf_literal(out, "true");
        } else {
            qoe_buf_literal(out, "false");
        }

        break;

    case PROTOBUF_C_TYPE_DOUBLE:
        qoe_json_real(out, *(const double *) value);
        break;

    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        qoe_json_integer(out, "\"%" PRId64 "\"", *(const int64_t *) value);
        break;

    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        qoe_json_integer(out, "\"%" PRIu64 "\"", *(const uint64_t *) value);
        break;

    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        qoe_json_integer(out, "%" PRIu32, *(const uint32_t *) value);
        break;

    default:                     /* 32-bit signed, and enums */
        qoe_json_integer(out, "%" PRId32, *(const int32_t *) value);
    }
}


static void
qoe_json_integer(qoe_buf_t *out, const char *fmt, ...)
{
    int      n;
    char     text[QOE_JSON_NUMBER];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    qoe_buf_append(out, text, (size_t) n);
}


/*
 * Writes the shortest text of 15 to 17 significant digits that reads back as
 * the same value.  Any byte that cannot be in a number of the C locale is the
 * decimal point of another locale.
 */

static void
qoe_json_real(qoe_buf_t *out, double value)
{
    int     digits;
    char    text[QOE_JSON_NUMBER], *p, *end;
    size_t  n;

    if (isnan(value)) {
        qoe_buf_literal(out, "\"NaN\"");
        return;
    }

    if (isinf(value)) {
        qoe_buf_append(out, value < 0 ? "\"-Infinity\"" : "\"Infinity\"",
                       value < 0 ? 11 : 10);
        return;
    }

    digits = 15;

    do {
        snprintf(text, sizeof(text), "%.*g", digits, value);
    } while (strtod(text, NULL) != value && digits++ < 17);

    for (p = text; *p != '\0'; p = end) {
        n = strspn(p, "+-0123456789e");
        qoe_buf_append(out, p, n);

        end = p + n;
        n = strcspn(end, "+-0123456789e");

        if (n != 0) {
            qoe_buf_literal(out, ".");
            end += n;
        }
    }
}


/* OTLP writes the ids of traces and spans in hex instead of base64. */

static void
qoe_json_bytes(qoe_buf_t *out, const char *name, const ProtobufCBinaryData *b)
{
    bool    hex;
    char   *p;
    size_t  len;

    hex = strcmp(name, "trace_id") == 0 || strcmp(name, "span_id") == 0
          || strcmp(name, "parent_span_id") == 0;

    len = hex ? b->len * 2 : (b->len + 2) / 3 * 4;

    p = qoe_buf_reserve(out, len + 2);
    if (p == NULL) {
        return;
    }

    p[0] = '"';
    p[len + 1] = '"';

    if (hex) {
        qoe_json_hex(p + 1, b->data, b->len);

    } else {
        qoe_json_base64(p + 1, b->data, b->len);
    }

    out->len += len + 2;
}


static void
qoe_json_hex(char *dst, const uint8_t *p, size_t len)
{
    size_t             i;
    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < len; i++) {
        *dst++ = digits[p[i] >> 4];
        *dst++ = digits[p[i] & 0x0f];
    }
}


/* RFC 4648, section 4, with padding. */

static void
qoe_json_base64(char *dst, const uint8_t *p, size_t len)
{
    size_t             i, left;
    uint32_t           v;
    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for (i = 0; i < len; i += 3) {
        left = len - i;

        v = (uint32_t) p[i] << 16;
        v |= left > 1 ? (uint32_t) p[i + 1] << 8 : 0;
        v |= left > 2 ? (uint32_t) p[i + 2] : 0;

        *dst++ = digits[v >> 18];
        *dst++ = digits[v >> 12 & 0x3f];
        *dst++ = left > 1 ? digits[v >> 6 & 0x3f] : '=';
        *dst++ = left > 2 ? digits[v & 0x3f] : '=';
    }
}
