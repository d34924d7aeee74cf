
/*
 * Copyright (C) OpenQoE
 *
 * Writes a segment of the spool, for t/spool_tool.t:
 *
 *     segment_cli FILE ID RECORDS ITEMS [DONE]
 *
 * of so many records, each a request of ITEMS log records whose bodies are
 * {"n":"ID.RECORD.ITEM"}, received at 1700000000 s + RECORD minutes; the first
 * DONE of them are done.
 */


#include "qoe_otlp.h"
#include "qoe_record.h"
#include "qoe_segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define CREATED            UINT64_C(1700000000000000000)
#define MINUTE             UINT64_C(60000000000)
#define ITEMS_MAX          1000


static void segment_request(qoe_buf_t *out, uint64_t id, unsigned long record,
    unsigned long items, qoe_arena_t *arena);
static void segment_die(const char *what);


int
main(int argc, char **argv)
{
    int                   fd;
    uint64_t              id;
    qoe_buf_t             out;
    qoe_arena_t           arena;
    unsigned long         i, n, items, done;
    qoe_segment_record_t  record;

    if (argc < 5) {
        segment_die("usage: segment_cli FILE ID RECORDS ITEMS [DONE]");
    }

    id = strtoull(argv[2], NULL, 16);
    n = strtoul(argv[3], NULL, 10);
    items = strtoul(argv[4], NULL, 10);
    done = (argc > 5) ? strtoul(argv[5], NULL, 10) : 0;

    if (items == 0 || items > ITEMS_MAX) {
        segment_die("bad number of items");
    }

    fd = open(argv[1], O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (fd == -1 || qoe_segment_begin(fd, id, CREATED + id) != 0) {
        segment_die(argv[1]);
    }

    qoe_buf_init(&out, &qoe_mem_heap, QOE_SEGMENT_PAYLOAD_MAX);
    qoe_arena_init(&arena, &qoe_mem_heap, 64 * 1024, 64 * 1024 * 1024);

    memset(&record, 0, sizeof(record));
    record.offset = QOE_SEGMENT_HEADER;

    for (i = 0; i < n; i++) {
        segment_request(&out, id, i, items, &arena);

        record.length = (uint32_t) out.len;
        record.items = (uint32_t) items;
        record.flags = QOE_SIGNAL_LOGS;
        record.sequence = i;
        record.received_ns = CREATED + i * MINUTE;

        if (qoe_segment_append(fd, id, &record, out.data) != 0
            || (i < done && qoe_segment_done(fd, record.offset) != 0))
        {
            segment_die(argv[1]);
        }

        printf("%llu\n", (unsigned long long) record.offset);
        record.offset += QOE_SEGMENT_RECORD + record.length;
    }

    qoe_arena_free(&arena);
    qoe_buf_free(&out);

    return close(fd) == 0 ? 0 : 1;
}


static void
segment_request(qoe_buf_t *out, uint64_t id, unsigned long record,
    unsigned long items, qoe_arena_t *arena)
{
    char                 raw[64];
    size_t               nbad;
    unsigned long        i;
    qoe_span_t           packed[ITEMS_MAX];
    qoe_event_t          ev;
    qoe_otlp_identity_t  nobody;
    qoe_record_meta_t    meta;
    qoe_record_parts_t   parts;

    qoe_buf_reset(out);
    qoe_arena_reset(arena);
    memset(&nobody, 0, sizeof(nobody));

    for (i = 0; i < items; i++) {
        memset(&ev, 0, sizeof(ev));
        memset(&meta, 0, sizeof(meta));
        snprintf(raw, sizeof(raw), "{\"n\":\"%llx.%lu.%lu\"}",
                 (unsigned long long) id, record, i);

        ev.type = QOE_EVENT_PLAYING;
        ev.type_name = qoe_span("playing");
        ev.severity = QOE_SEVERITY_INFO;
        ev.time_ms = 1700000000000;
        ev.raw = qoe_span_str(raw);

        if (qoe_record_pack(&parts, &ev, &meta, arena) != QOE_OK
            || qoe_record_join(&packed[i], &parts, arena) != QOE_OK)
        {
            segment_die("a record");
        }
    }

    if (qoe_otlp_logs(out, &nobody, packed, items, &nbad, arena) != QOE_OK
        || nbad != 0)
    {
        segment_die("a request");
    }
}


static void
segment_die(const char *what)
{
    perror(what);
    exit(1);
}
