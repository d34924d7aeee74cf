
/*
 * Copyright (C) OpenQoE
 *
 * An exit with much in the queue and a collector that hangs: what takes
 * longer to write than the last moments of the exit begins earlier.
 */


#define ZONE_SIZE          ((size_t) 512 << 20)

#include "helper_bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>


#define BODY               16384
#define BYTES              (80 << 20)        /* over a second's writing */
#define EXIT_MS            2000              /* the last 500 for the spool */


/* Takes connections and never answers. */

static int
hole(bench_t *t)
{
    int                  fd;
    socklen_t            len;
    static char          url[64];
    struct sockaddr_in   sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);
    fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd == -1 || bind(fd, (struct sockaddr *) &sin, len) == -1
        || listen(fd, 64) == -1
        || getsockname(fd, (struct sockaddr *) &sin, &len) == -1)
    {
        abort();
    }

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1/logs",
             ntohs(sin.sin_port));

    t->exporter[0].transport.protocol = QOE_PROTOCOL_HTTP_PROTOBUF;
    t->exporter[0].transport.url[QOE_SIGNAL_LOGS] = qoe_span_str(url);

    return fd;
}


/* Puts large records; returns how many. */

static uint64_t
fill(bench_t *t)
{
    char                *raw;
    uint64_t             n, bytes;
    qoe_span_t           packed;
    qoe_event_t          ev;
    qoe_arena_t          arena;
    qoe_record_meta_t    meta;
    qoe_record_parts_t   parts;

    raw = malloc(BODY);
    if (raw == NULL) {
        abort();
    }

    memset(raw, 'x', BODY);
    memcpy(raw, "{\"n\":\"", 6);
    memcpy(raw + BODY - 2, "\"}", 2);

    memset(&ev, 0, sizeof(ev));
    memset(&meta, 0, sizeof(meta));
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);

    ev.type = QOE_EVENT_PLAYING;
    ev.type_name = qoe_span("playing");
    ev.severity = QOE_SEVERITY_INFO;
    ev.time_ms = 1700000000000;
    ev.field[QOE_FIELD_ORG_ID] = (qoe_value_t) {
        QOE_VALUE_STRING, { qoe_span("org") }
    };
    ev.raw = (qoe_span_t) { raw, BODY };
    meta.received_ns = qoe_unix_ns();

    if (qoe_record_pack(&parts, &ev, &meta, &arena) != QOE_OK
        || qoe_record_join(&packed, &parts, &arena) != QOE_OK)
    {
        abort();
    }

    for (n = 0, bytes = 0; bytes < BYTES; n++, bytes += packed.len) {
        put_bytes(t, (uint32_t) n % LANES, packed);
    }

    qoe_arena_free(&arena);
    free(raw);

    return n;
}


static void *
stop(void *data)
{
    static qoe_status_t  rc;

    rc = qoe_helper_stop(data, EXIT_MS);

    return &rc;
}


int
main(void)
{
    int               fd;
    void             *rc;
    bench_t           t;
    uint64_t          n;
    pthread_t         thread;
    qoe_helper_t     *h;
    qoe_dest_info_t   info;

    curl_global_init(CURL_GLOBAL_ALL);
    setup(&t);
    fd = hole(&t);
    spool(&t, 0);
    t.exporter[0].spool.max_size = 256 << 20;
    t.exporter[0].spool.segment_size = 8 << 20;
    t.conf.qoe.groups = 0;
    configure(&t, 1);

    if (qoe_helper_start(&h, &t.conf) != QOE_OK) {
        abort();
    }

    n = fill(&t);
    qoe_dest_info(t.zone, 0, &info);
    ok(info.queued == n && info.spooled == 0,
       "%llu records are in the queue and none in the spool",
       (unsigned long long) n);

    if (pthread_create(&thread, NULL, stop, h) != 0) {
        abort();
    }

    usleep(1300000);
    qoe_dest_info(t.zone, 0, &info);
    ok(info.spooled != 0,
       "the spool holds %llu of the records before the last moments",
       (unsigned long long) info.spooled);

    pthread_join(thread, &rc);
    qoe_dest_info(t.zone, 0, &info);
    ok(*(qoe_status_t *) rc == QOE_OK && info.spooled == n && info.queued == 0
       && *t.conf.lost == 0, "at the exit the spool holds all records");

    close(fd);
    teardown(&t);

    return tap_end();
}
