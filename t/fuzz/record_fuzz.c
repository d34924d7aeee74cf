
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: any bytes into the reader of records.  An odd first byte makes
 * the rest edits of a good record (pairs of offset and value), which is how
 * the depth behind the required fields is reached without seeds.
 */


#include "qoe_record.h"
#include "qoe_source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define check(cond)                                                           \
    do {                                                                      \
        if (!(cond)) {                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);        \
            abort();                                                          \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static qoe_span_t
good_record(qoe_arena_t *arena)
{
    qoe_span_t         packed;
    qoe_event_t        ev;
    qoe_record_meta_t  meta;
    qoe_named_t        attr = { qoe_span("edge"), qoe_span("fra1") };
    qoe_named_t        dim = { qoe_span("plan"), qoe_span("gold") };

    memset(&ev, 0, sizeof(qoe_event_t));
    memset(&meta, 0, sizeof(qoe_record_meta_t));

    ev.type_name = qoe_span("playing");
    ev.severity = QOE_SEVERITY_INFO;
    ev.time_ms = 1765976635154;
    ev.raw = qoe_span("{\"event_type\":\"playing\"}");
    ev.field[QOE_FIELD_ORG_ID].type = QOE_VALUE_STRING;
    ev.field[QOE_FIELD_ORG_ID].v.string = qoe_span("org");
    meta.received_ns = 1765976635154000000;
    meta.marker = qoe_span("marker");
    meta.attrs = &attr;
    meta.nattrs = 1;

    ev.data[QOE_DATA_TEXT_CODEC] = qoe_span("avc1");
    ev.set = 1 << QOE_NUMBER_BITRATE | 1 << QOE_NUMBER_FATAL;
    ev.number[QOE_NUMBER_BITRATE] = 3e6;
    ev.number[QOE_NUMBER_FATAL] = 1;
    ev.dims = &dim;
    ev.ndims = 1;

    check(qoe_record_pack(&packed, &ev, &meta, arena) == QOE_OK);

    return packed;
}


static void
check_named(const qoe_named_t *named, size_t n, size_t max)
{
    check(n <= max);

    while (n-- != 0) {
        check(named[n].name.len != 0 && named[n].value.len != 0);
    }
}


/* Whatever the record says, the sample keeps the rules of its header. */

static void
check_sample(const Openqoe__V1__Record *r, qoe_arena_t *arena)
{
    size_t         i, n;
    qoe_sample_t   s;

    check(qoe_record_sample(&s, r, arena) == QOE_OK);
    check(s.type <= QOE_EVENT_CUSTOM && s.type_name.len != 0);
    check((s.set & ~r->number_set) == 0);
    check(s.text[QOE_TEXT_CODEC].len == r->codec.len);

    n = 0;

    for (i = 0; i < 64; i++) {
        if (s.set >> i & 1) {
            check(i < QOE_NUMBERS && isfinite(s.number[i]));
            n++;
        }
    }

    check(n <= r->n_numbers);
    check_named(s.attrs, s.nattrs, QOE_ATTRIBUTES_MAX);
    check_named(s.dims, s.ndims, QOE_SOURCES_MAX);
}


/* A record that was read is one that, written again, reads the same. */

static void
check_again(Openqoe__V1__Record *r, qoe_arena_t *arena)
{
    size_t                i, n, len;
    uint8_t              *bytes;
    Openqoe__V1__Record  *again;

    check(r->event_type.len != 0 && r->uid.len == 16);

    /*
     * Fields that it does not know are never written by us, and protobuf-c
     * itself writes one with the number 0, which it reads, so that it cannot
     * be read again.
     */

    r->base.n_unknown_fields = 0;

    len = openqoe__v1__record__get_packed_size(r);
    bytes = qoe_arena_alloc(arena, len);
    check(bytes != NULL);
    check(openqoe__v1__record__pack(r, bytes) == len);

    /* a number that was written short may be longer now */

    if (len > QOE_RECORD_MAX) {
        return;
    }

    check(qoe_record_unpack(&again, (qoe_span_t) { (char *) bytes, len },
                            arena) == QOE_OK);

    const ProtobufCBinaryData  pairs[][2] = {
        { r->event_type, again->event_type }, { r->uid, again->uid },
        { r->org_id, again->org_id }, { r->player_id, again->player_id },
        { r->session_id, again->session_id }, { r->view_id, again->view_id },
        { r->viewer_id, again->viewer_id }, { r->env, again->env },
        { r->app_name, again->app_name },
        { r->app_version, again->app_version }, { r->marker, again->marker },
        { r->body, again->body }, { r->codec, again->codec },
        { r->network_asn, again->network_asn },
        { r->error_code, again->error_code }
    };

    n = sizeof(pairs) / sizeof(pairs[0]);

    for (i = 0; i < n; i++) {
        check(qoe_span_eq((qoe_span_t) { (char *) pairs[i][0].data,
                                         pairs[i][0].len },
                          (qoe_span_t) { (char *) pairs[i][1].data,
                                         pairs[i][1].len }));
    }

    check(r->received_unix_nano == again->received_unix_nano
          && r->event_unix_nano == again->event_unix_nano
          && r->severity_number == again->severity_number
          && r->number_set == again->number_set
          && r->n_numbers == again->n_numbers
          && r->n_attributes == again->n_attributes
          && r->n_dimensions == again->n_dimensions);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                 *bytes;
    size_t                i;
    qoe_span_t            packed;
    qoe_arena_t           arena, small;
    qoe_status_t          status;
    Openqoe__V1__Record  *r;

    if (size == 0) {
        return 0;
    }

    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 26);

    if (data[0] & 1) {
        packed = good_record(&arena);
        bytes = (char *) (uintptr_t) packed.data;

        for (i = 1; i + 1 < size; i += 2) {
            bytes[data[i] % packed.len] = (char) data[i + 1];
        }

    } else {
        packed = (qoe_span_t) { (const char *) data + 1, size - 1 };
    }

    status = qoe_record_unpack(&r, packed, &arena);
    check(status == QOE_OK || status == QOE_INVALID);

    if (status == QOE_OK) {
        check_sample(r, &arena);
        check_again(r, &arena);
    }

    /* too little memory is told, or was enough */

    qoe_arena_init(&small, &qoe_mem_heap, 64, (size_t) data[0] * 8);
    status = qoe_record_unpack(&r, packed, &small);
    check(status == QOE_OK || status == QOE_INVALID || status == QOE_NOMEM);

    qoe_arena_free(&small);
    qoe_arena_free(&arena);

    return 0;
}
