
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_record.h"


#define QOE_RECORD_UID_LEN 16


/* Gives protobuf-c memory of an arena, and remembers that there was none. */

typedef struct {
    qoe_arena_t    *arena;
    bool            failed;
} qoe_record_memory_t;


/* Which field of an event goes to which field of the record. */

typedef struct {
    qoe_event_field_t    field;
    size_t               offset;     /* of a ProtobufCBinaryData */
} qoe_record_field_t;


static void *qoe_record_alloc(void *data, size_t size);
static void qoe_record_free(void *data, void *p);
static ProtobufCBinaryData qoe_record_bytes(qoe_span_t s);


#define QOE_RECORD_FIELD(id, name)                                            \
    { QOE_FIELD_##id, offsetof(Openqoe__V1__Record, name) }

static const qoe_record_field_t  qoe_record_fields[] = {
    QOE_RECORD_FIELD(ORG_ID, org_id),
    QOE_RECORD_FIELD(PLAYER_ID, player_id),
    QOE_RECORD_FIELD(SESSION_ID, session_id),
    QOE_RECORD_FIELD(VIEW_ID, view_id),
    QOE_RECORD_FIELD(VIEWER_ID, viewer_id),
    QOE_RECORD_FIELD(ENV, env),
    QOE_RECORD_FIELD(APP_NAME, app_name),
    QOE_RECORD_FIELD(APP_VERSION, app_version)
};


qoe_status_t
qoe_record_pack(qoe_span_t *out, const qoe_event_t *ev,
    const qoe_record_meta_t *meta, qoe_arena_t *arena)
{
    size_t                     i, len;
    uint8_t                   *p;
    const qoe_value_t         *value;
    Openqoe__V1__Record        record;
    ProtobufCBinaryData       *bytes;
    const qoe_record_field_t  *f;

    openqoe__v1__record__init(&record);

    record.received_unix_nano = meta->received_ns;
    record.event_unix_nano = (uint64_t) ev->time_ms * 1000000;
    record.severity_number = (uint32_t) ev->severity;
    record.event_type = qoe_record_bytes(ev->type_name);
    record.uid = qoe_record_bytes((qoe_span_t) { (const char *) meta->uid,
                                                 QOE_RECORD_UID_LEN });
    record.marker = qoe_record_bytes(meta->marker);
    record.body = qoe_record_bytes(ev->raw);

    for (i = 0; i < sizeof(qoe_record_fields) / sizeof(qoe_record_fields[0]);
         i++)
    {
        f = &qoe_record_fields[i];
        value = &ev->field[f->field];

        if (value->type == QOE_VALUE_STRING) {
            bytes = (ProtobufCBinaryData *) ((char *) &record + f->offset);
            *bytes = qoe_record_bytes(value->v.string);
        }
    }

    len = openqoe__v1__record__get_packed_size(&record);

    if (len > QOE_RECORD_MAX) {
        return QOE_TOO_LARGE;
    }

    p = qoe_arena_alloc(arena, len);

    if (p == NULL) {
        return QOE_NOMEM;
    }

    openqoe__v1__record__pack(&record, p);

    *out = (qoe_span_t) { (const char *) p, len };

    return QOE_OK;
}


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


/* protobuf-c only reads what it packs; its type has no const. */

static ProtobufCBinaryData
qoe_record_bytes(qoe_span_t s)
{
    ProtobufCBinaryData  bytes;

    bytes.len = s.len;
    bytes.data = (uint8_t *) (uintptr_t) s.data;

    return bytes;
}
