
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_record_priv.h"
#include "qoe_source.h"

#include <math.h>


/* of attributes, of dimensions */
#define QOE_RECORD_NAMED_MAX  qoe_max(QOE_ATTRIBUTES_MAX, QOE_SOURCES_MAX)


/* Gives protobuf-c memory of an arena, and remembers that there was none. */

typedef struct {
    qoe_arena_t    *arena;
    bool            failed;
} qoe_record_memory_t;


static void qoe_sample_numbers(qoe_sample_t *s, const Openqoe__V1__Record *r);
static qoe_status_t qoe_sample_named(const qoe_named_t **to, size_t *nto,
    qoe_record_named_t *const *list, size_t n, qoe_arena_t *arena);
static void *qoe_record_alloc(void *data, size_t size);
static void qoe_record_free(void *data, void *p);


qoe_status_t
qoe_record_unpack(Openqoe__V1__Record **out, qoe_span_t packed,
    qoe_arena_t *arena)
{
    ProtobufCAllocator    allocator;
    Openqoe__V1__Record  *record;
    qoe_record_memory_t   memory;

    memory.arena = arena;
    memory.failed = false;

    allocator.alloc = qoe_record_alloc;
    allocator.free = qoe_record_free;
    allocator.allocator_data = &memory;

    if (packed.len > QOE_RECORD_MAX) {
        return QOE_INVALID;
    }

    record = openqoe__v1__record__unpack(&allocator, packed.len,
                                         (const uint8_t *) packed.data);

    /* protobuf-c frees what it had made: to the arena that is nothing */

    if (record == NULL) {
        return memory.failed ? QOE_NOMEM : QOE_INVALID;
    }

    /* any bytes without a tag of ours are a message too, but no record */

    if (record->event_type.len == 0
        || record->uid.len != QOE_RECORD_UID_LEN)
    {
        return QOE_INVALID;
    }

    *out = record;

    return QOE_OK;
}


qoe_status_t
qoe_record_sample(qoe_sample_t *s, const Openqoe__V1__Record *r,
    qoe_arena_t *arena)
{
    size_t                      i;
    qoe_severity_t              severity;
    const ProtobufCBinaryData  *bytes;

    memset(s, 0, sizeof(qoe_sample_t));

    s->type_name = (qoe_span_t) { (const char *) r->event_type.data,
                                  r->event_type.len };
    s->received_ns = r->received_unix_nano;
    s->time_ms = (int64_t) (r->event_unix_nano / 1000000);

    if (qoe_event_type_find(s->type_name, NULL, 0, &s->type, &severity)
        != QOE_OK)
    {
        s->type = QOE_EVENT_CUSTOM;
    }

    for (i = 0; i < QOE_TEXTS; i++) {
        bytes = (const ProtobufCBinaryData *) ((const char *) r
                                               + qoe_record_offsets[i]);
        s->text[i].data = (const char *) bytes->data;
        s->text[i].len = bytes->len;
    }

    qoe_sample_numbers(s, r);

    if (qoe_sample_named(&s->attrs, &s->nattrs, r->attributes,
                         r->n_attributes, arena)
        != QOE_OK)
    {
        return QOE_NOMEM;
    }

    return qoe_sample_named(&s->dims, &s->ndims, r->dimensions,
                            r->n_dimensions, arena);
}


static void
qoe_sample_numbers(qoe_sample_t *s, const Openqoe__V1__Record *r)
{
    size_t    i;
    uint64_t  left;
    unsigned  id;

    left = r->number_set;

    for (i = 0; i < r->n_numbers && left != 0; i++) {
        id = (unsigned) __builtin_ctzll(left);
        left &= left - 1;

        if (id < QOE_NUMBERS && isfinite(r->numbers[i])) {
            s->set |= (uint64_t) 1 << id;
            s->number[id] = r->numbers[i];
        }
    }
}


/* More than a record of ours has are not looked at. */

static qoe_status_t
qoe_sample_named(const qoe_named_t **to, size_t *nto,
    qoe_record_named_t *const *list, size_t n, qoe_arena_t *arena)
{
    size_t        i;
    qoe_named_t  *named;

    n = qoe_min(n, (size_t) QOE_RECORD_NAMED_MAX);

    if (n == 0) {
        return QOE_OK;
    }

    named = qoe_arena_alloc(arena, n * sizeof(qoe_named_t));

    if (named == NULL) {
        return QOE_NOMEM;
    }

    *to = named;

    for (i = 0; i < n; i++) {

        if (list[i]->name.len == 0 || list[i]->value.len == 0) {
            continue;
        }

        named->name = (qoe_span_t) { (const char *) list[i]->name.data,
                                     list[i]->name.len };
        named->value = (qoe_span_t) { (const char *) list[i]->value.data,
                                      list[i]->value.len };
        named++;
        (*nto)++;
    }

    return QOE_OK;
}


static void *
qoe_record_alloc(void *data, size_t size)
{
    void                 *p;
    qoe_record_memory_t  *memory = data;

    p = qoe_arena_alloc(memory->arena, size);

    if (p == NULL) {
        memory->failed = true;
    }

    return p;
}


static void
qoe_record_free(void *data, void *p)
{
    (void) data;
    (void) p;
}
