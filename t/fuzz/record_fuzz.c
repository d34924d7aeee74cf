
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: any bytes into the reader of records.  An odd first byte makes
 * the rest edits of a good record (pairs of offset and value), which is how
 * the depth behind the required fields is reached without seeds.  What we read,
 * protobuf-c reads alike, and its log record has the same bytes.
 */


#include "../unit/otlp_logs_pb.h"

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

    check(record_pack(&packed, &ev, &meta, arena) == QOE_OK);

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
check_sample(const qoe_record_t *r)
{
    size_t         i, n;
    qoe_sample_t   s;

    qoe_record_sample(&s, r);
    check(s.type <= QOE_EVENT_CUSTOM && s.type_name.len != 0);
    check((s.set & ~r->set) == 0);
    check(qoe_span_eq(s.text[QOE_TEXT_CODEC], r->text[QOE_TEXT_CODEC]));

    n = 0;

    for (i = 0; i < 64; i++) {
        if (s.set >> i & 1) {
            check(i < QOE_NUMBERS && isfinite(s.number[i]));
            n++;
        }
    }

    check(n <= r->numbers.len / sizeof(double));
    check_named(s.attrs, s.nattrs, QOE_ATTRIBUTES_MAX);
    check_named(s.dims, s.ndims, QOE_SOURCES_MAX);
}


static void
check_logs(qoe_span_t packed, qoe_arena_t *arena)
{
    size_t               nbad, pb_nbad;
    qoe_buf_t            out, pb;
    qoe_otlp_identity_t  id;

    memset(&id, 0, sizeof(id));
    qoe_buf_init(&out, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);
    qoe_buf_init(&pb, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    check(qoe_otlp_logs(&out, &id, &packed, 1, &nbad, arena) == QOE_OK);
    check(pb_logs(&pb, QOE_ENCODING_PROTOBUF, &id, &packed, 1, &pb_nbad, arena)
          == QOE_OK);
    check(nbad == 0 && pb_nbad == 0 && out.len == pb.len
          && memcmp(out.data, pb.data, pb.len) == 0);

    qoe_buf_free(&out);
    qoe_buf_free(&pb);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                 *bytes;
    size_t                i;
    qoe_span_t            packed;
    qoe_arena_t           arena;
    qoe_status_t          status;
    qoe_record_t          open;
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

    status = qoe_record_open(&open, packed);
    check(status == QOE_OK || status == QOE_INVALID);

    if (status == QOE_OK) {
        check_sample(&open);

        /*
         * protobuf-c does not read all that we skip: groups, and text within
         * what it does not know
         */

        if (record_unpack(&r, packed, &arena) == QOE_OK) {
            check(record_is(&open, r));
            check_logs(packed, &arena);
        }
    }

    qoe_arena_free(&arena);

    return 0;
}
