
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_otlp_pb.h"

#include <endian.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif


#define QOE_PB_VALUE_STRING                                                   \
    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE


/* An allocator for protobuf-c's unpacking; its free() does nothing. */

typedef struct {
    ProtobufCAllocator  allocator;
    qoe_arena_t        *arena;
    bool                nomem;       /* the arena was exhausted */
} qoe_pb_mem_t;


static void *qoe_pb_alloc(void *ctx, size_t size);
static void qoe_pb_free(void *ctx, void *p);


#ifdef __SSE2__

#define QOE_PB_BLOCK  16


/* The number of bytes from 0x01 to 0x7f at the start of a block. */

static inline size_t
qoe_pb_ascii_run(const char *p)
{
    __m128i   v;
    unsigned  other;

    v = _mm_loadu_si128((const __m128i *) p);
    v = _mm_or_si128(v, _mm_cmpeq_epi8(v, _mm_setzero_si128()));
    other = (unsigned) _mm_movemask_epi8(v);

    return (size_t) __builtin_ctz(other | 1 << QOE_PB_BLOCK);
}


/* The same for len bytes, as far as four blocks at a time can decide. */

static inline size_t
qoe_pb_ascii_blocks(const char *p, size_t len)
{
    size_t          n;
    __m128i         a, b, c, d, bits, least;
    const __m128i  *v;

    for (n = 0; len - n >= 4 * QOE_PB_BLOCK; n += 4 * QOE_PB_BLOCK) {
        v = (const __m128i *) (p + n);

        a = _mm_loadu_si128(v);
        b = _mm_loadu_si128(v + 1);
        c = _mm_loadu_si128(v + 2);
        d = _mm_loadu_si128(v + 3);

        bits = _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d));
        least = _mm_min_epu8(_mm_min_epu8(a, b), _mm_min_epu8(c, d));
        least = _mm_cmpeq_epi8(least, _mm_setzero_si128());

        if (_mm_movemask_epi8(_mm_or_si128(bits, least)) != 0) {
            break;
        }
    }

    return n;
}


#else

#define QOE_PB_BLOCK  8


static inline size_t
qoe_pb_ascii_run(const char *p)
{
    uint64_t  word, other;

    memcpy(&word, p, 8);
    word = le64toh(word);
    other = qoe_pb_other(word);

    return (other != 0) ? (size_t) __builtin_ctzll(other) / 8 : QOE_PB_BLOCK;
}


static inline size_t
qoe_pb_ascii_blocks(const char *p, size_t len)
{
    (void) p;
    (void) len;

    return 0;
}


#endif


static void *
qoe_pb_alloc(void *ctx, size_t size)
{
    void          *p;
    qoe_pb_mem_t  *m = ctx;

    p = qoe_arena_alloc(m->arena, size);
    m->nomem |= (p == NULL);

    return p;
}


static void
qoe_pb_free(void *ctx, void *p)
{
    (void) ctx;
    (void) p;
}


qoe_status_t
qoe_pb_unpack(ProtobufCMessage **msg, const ProtobufCMessageDescriptor *desc,
    qoe_span_t packed, qoe_arena_t *arena)
{
    qoe_pb_mem_t  mem;

    mem.allocator.alloc = qoe_pb_alloc;
    mem.allocator.free = qoe_pb_free;
    mem.allocator.allocator_data = &mem;
    mem.arena = arena;
    mem.nomem = false;

    *msg = protobuf_c_message_unpack(desc, &mem.allocator, packed.len,
                                     (const uint8_t *) packed.data);

    if (*msg != NULL) {
        return QOE_OK;
    }

    return mem.nomem ? QOE_NOMEM : QOE_INVALID;
}


char *
qoe_pb_text(qoe_arena_t *arena, qoe_span_t prefix, qoe_span_t s)
{
    char  *text;

    text = qoe_arena_alloc(arena, prefix.len + s.len + 1);
    if (text == NULL) {
        return NULL;
    }

    if (prefix.len != 0) {
        memcpy(text, prefix.data, prefix.len);
    }

    if (s.len != 0) {
        memcpy(text + prefix.len, s.data, s.len);
    }

    text[prefix.len + s.len] = '\0';

    qoe_pb_repair(text + prefix.len, s.len);

    return text;
}


void
qoe_pb_repair(char *text, size_t len)
{
    size_t          n;
    unsigned char  *p, *end;

    p = (unsigned char *) text;
    end = p + len;

    for ( ;; ) {
        p += qoe_pb_ascii((const char *) p, (size_t) (end - p));

        if (p == end) {
            return;
        }

        /* characters that are not ASCII mostly come together */

        do {
            n = (*p >= 0x80) ? qoe_utf8_len(p, end) : 0;

            if (n == 0) {
                *p = '?';
                n = 1;
            }

            p += n;

        } while (p < end && (*p == 0 || *p >= 0x80));
    }
}


size_t
qoe_pb_ascii(const char *text, size_t len)
{
    size_t       n;
    const char  *p, *end;

    p = text;
    end = text + len;

    if (len < QOE_PB_BLOCK) {

        while (p < end && (signed char) *p > 0) {
            p++;
        }

        return (size_t) (p - text);
    }

    p += qoe_pb_ascii_blocks(p, len);

    do {
        /* the last block may overlap the one before */

        p = qoe_min(p, end - QOE_PB_BLOCK);
        n = qoe_pb_ascii_run(p);
        p += n;
    } while (n == QOE_PB_BLOCK && p < end);

    return (size_t) (p - text);
}


void
qoe_pb_value_string(qoe_pb_value_t *value, char *text)
{
    opentelemetry__proto__common__v1__any_value__init(value);
    value->value_case = QOE_PB_VALUE_STRING;
    value->string_value = text;
}


void
qoe_pb_attr_string(qoe_pb_attr_t *attr, qoe_pb_value_t *value, const char *key,
    char *text)
{
    qoe_pb_value_string(value, text);

    opentelemetry__proto__common__v1__key_value__init(attr);
    attr->key = (char *) key;
    attr->value = value;
}


qoe_status_t
qoe_pb_identity(qoe_pb_resource_t *resource, qoe_pb_scope_t *scope,
    const qoe_otlp_identity_t *id, qoe_arena_t *arena)
{
    char             *key, *text;
    size_t            i;
    qoe_pb_attr_t    *attrs;
    qoe_pb_value_t   *values;

    opentelemetry__proto__resource__v1__resource__init(resource);
    opentelemetry__proto__common__v1__instrumentation_scope__init(scope);

    scope->name = qoe_pb_text(arena, qoe_span_null, id->scope_name);
    scope->version = qoe_pb_text(arena, qoe_span_null, id->scope_version);
    attrs = qoe_arena_alloc(arena, id->nattrs * sizeof(qoe_pb_attr_t));
    values = qoe_arena_alloc(arena, id->nattrs * sizeof(qoe_pb_value_t));
    resource->attributes = qoe_arena_alloc(arena,
                                           id->nattrs * sizeof(attrs));

    if (scope->name == NULL || scope->version == NULL || attrs == NULL
        || values == NULL || resource->attributes == NULL)
    {
        return QOE_NOMEM;
    }

    for (i = 0; i < id->nattrs; i++) {
        key = qoe_pb_text(arena, qoe_span_null, id->attrs[i].key);
        text = qoe_pb_text(arena, qoe_span_null, id->attrs[i].value);

        if (key == NULL || text == NULL) {
            return QOE_NOMEM;
        }

        qoe_pb_attr_string(&attrs[i], &values[i], key, text);
        resource->attributes[i] = &attrs[i];
    }

    resource->n_attributes = id->nattrs;

    return QOE_OK;
}


qoe_status_t
qoe_pb_append_json(qoe_buf_t *out, const ProtobufCMessage *msg)
{
    size_t        len;
    qoe_status_t  rc;

    if (out->status != QOE_OK) {
        return out->status;
    }

    len = out->len;

    qoe_otlp_json(out, msg);

    rc = out->status;

    if (rc != QOE_OK) {
        out->len = len;
        out->status = QOE_OK;
    }

    return rc;
}
