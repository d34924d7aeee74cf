
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: any bytes into the reader of records; what it opens becomes a
 * sample and a log record, whose bytes must be those of protobuf-c.  An odd
 * first byte makes the rest edits of a good record (three bytes each: where,
 * where, what), the second bit puts the good record beside it.
 */


#include "../unit/otlp_logs_oracle.h"

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


static const qoe_attr_t  resource[] = {
    { qoe_span("service.name"), qoe_span("openQoE-worker") }
};

static const qoe_otlp_identity_t  identity = {
    resource, 1, qoe_span("openqoe"), qoe_span("0.1.0")
};


static qoe_span_t
good_record(qoe_arena_t *arena)
{
    qoe_span_t           packed, view;
    qoe_event_t          ev;
    qoe_record_meta_t    meta;
    qoe_record_parts_t   parts;
    qoe_named_t          attrs[] = {
        { qoe_span("edge"), qoe_span("fra1") },
        { qoe_span("org_id"), qoe_span("no") }
    };
    qoe_named_t          dim = { qoe_span("plan"), qoe_span("gold") };

    memset(&ev, 0, sizeof(qoe_event_t));
    memset(&meta, 0, sizeof(qoe_record_meta_t));

    ev.type = QOE_EVENT_CUSTOM;
    ev.type_name = qoe_span("adbreak");
    ev.severity = QOE_SEVERITY_INFO;
    ev.time_ms = 1765976635154;
    ev.raw = qoe_span("{\"event_type\":\"adbreak\",\"view_id\":"
                      "\"018bcfe5-6800-7000-8000-0123456789ab\","
                      "\"t\":\"S\xc3\xa3o Paulo\"}");
    view = (qoe_span_t) { ev.raw.data + 35, 36 };
    ev.field[QOE_FIELD_VIEW_ID].type = QOE_VALUE_STRING;
    ev.field[QOE_FIELD_VIEW_ID].v.string = view;
    ev.field[QOE_FIELD_ORG_ID].type = QOE_VALUE_STRING;
    ev.field[QOE_FIELD_ORG_ID].v.string = qoe_span("org");
    meta.received_ns = 1765976635154000000;
    meta.marker = qoe_span("marker");
    meta.attrs = attrs;
    meta.nattrs = 2;

    ev.data[QOE_DATA_TEXT_CODEC] = qoe_span("avc1");
    ev.set = 1 << QOE_NUMBER_BITRATE | 1 << QOE_NUMBER_FATAL;
    ev.number[QOE_NUMBER_BITRATE] = 3e6;
    ev.number[QOE_NUMBER_FATAL] = 1;
    ev.dims = &dim;
    ev.ndims = 1;

    check(qoe_record_pack(&parts, &ev, &meta, arena) == QOE_OK);
    check(qoe_record_join(&packed, &parts, arena) == QOE_OK);

    return packed;
}


/* The text must lie within the record, and be readable. */

static void
check_text(qoe_span_t s, qoe_span_t packed)
{
    size_t           i;
    volatile char    sum;

    check(s.data >= packed.data
          && s.data + s.len <= packed.data + packed.len);

    sum = 0;

    for (i = 0; i < s.len; i++) {
        sum = (char) (sum + s.data[i]);
    }
}


static void
check_named(const qoe_named_t *named, size_t n, size_t max, qoe_span_t packed)
{
    check(n <= max);

    while (n-- != 0) {
        check(named[n].name.len != 0 && named[n].value.len != 0);
        check_text(named[n].name, packed);
        check_text(named[n].value, packed);
    }
}


/* Whatever the record says, the sample keeps the rules of its header. */

static void
check_sample(const qoe_record_t *r, qoe_span_t packed, qoe_arena_t *arena)
{
    size_t         i, n;
    qoe_sample_t   s;

    check(qoe_record_sample(&s, r, arena) == QOE_OK);
    check(s.type <= QOE_EVENT_CUSTOM && s.type_name.len != 0);
    check((s.set & ~r->head->set) == 0);
    check(s.received_ns == qoe_record_received(packed));

    n = 0;

    for (i = 0; i < 64; i++) {
        if (s.set >> i & 1) {
            check(i < QOE_NUMBERS && isfinite(s.number[i]));
            n++;
        }
    }

    check(n <= r->head->nnumbers);

    for (i = 0; i < QOE_TEXTS; i++) {
        check_text(s.text[i], packed);
    }

    check_text(r->body, packed);
    check_named(s.attrs, s.nattrs, QOE_ATTRIBUTES_MAX, packed);
    check_named(s.dims, s.ndims, QOE_SOURCES_MAX, packed);
}


static void
check_logs(const qoe_span_t *records, size_t n, qoe_arena_t *arena)
{
    size_t         bad[2];
    uint64_t       items;
    qoe_buf_t      out, want;
    qoe_span_t     request;
    qoe_status_t   rc[2];

    qoe_buf_init(&out, &qoe_mem_heap, 1 << 24);
    qoe_buf_init(&want, &qoe_mem_heap, 1 << 24);

    rc[0] = qoe_otlp_logs(&out, &identity, records, n, &bad[0], arena);
    rc[1] = oracle_logs(&want, &identity, records, n, &bad[1], arena);

    request = (qoe_span_t) { out.data, out.len };

    check(rc[0] == rc[1] && bad[0] == bad[1]);
    check(qoe_span_eq(request, (qoe_span_t) { want.data, want.len }));
    check(qoe_otlp_items(QOE_SIGNAL_LOGS, request, &items) == QOE_OK
          && items == n - bad[0]);

    qoe_buf_free(&out);
    qoe_buf_free(&want);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *bytes;
    size_t          i;
    qoe_span_t      packed, records[2];
    qoe_arena_t     arena;
    qoe_record_t    r;
    qoe_status_t    status;

    if (size == 0) {
        return 0;
    }

    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 26);

    records[1] = good_record(&arena);
    packed = (data[0] & 1) ? records[1]
                           : (qoe_span_t) { (const char *) data + 1, size - 1 };

    /* The copy is at an odd address, with no memory after it. */

    bytes = malloc(packed.len + 1);
    check(bytes != NULL);

    if (packed.len != 0) {
        memcpy(bytes + 1, packed.data, packed.len);
    }

    packed.data = bytes + 1;

    for (i = 1; (data[0] & 1) && i + 2 < size; i += 3) {
        bytes[1 + (data[i] << 8 | data[i + 1]) % packed.len] =
            (char) data[i + 2];
    }

    status = qoe_record_open(&r, packed);
    check(status == QOE_OK || status == QOE_INVALID);

    if (status == QOE_OK) {
        check_sample(&r, packed, &arena);
    }

    records[0] = packed;
    check_logs(records, (data[0] & 2) ? 2 : 1, &arena);

    free(bytes);
    qoe_arena_free(&arena);

    return 0;
}
