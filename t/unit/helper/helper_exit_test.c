
/*
 * Copyright (C) OpenQoE
 *
 * An exit with much in the queue and a collector that hangs: writing that
 * takes longer than the last moments of the exit begins earlier.  The clock
 * stands still at each moment that is looked at, so that a busy machine has as
 * much time as it needs.
 */


#define ZONE_SIZE          ((size_t) 512 << 20)

#include "helper_bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>


#define BODY               16384
#define BYTES              (80 << 20)        /* 1,280 ms of writing */
#define EXIT_MS            600000            /* the last 500 for the spool */

#define PATIENCE           6000              /* times 10 ms */


/* What the monotonic clock says, in ms; 0 lets it run. */
static uint64_t       stands;

/* qoe_helper_stop() looks at the clock once the helper can see that it ends. */
static bool           asked;
static __thread bool  stopping;


/* Replaces the function of libc. */

int
clock_gettime(clockid_t id, struct timespec *ts)
{
    uint64_t  ms;

    if (stopping) {
        __atomic_store_n(&asked, true, __ATOMIC_RELEASE);
    }

    ms = __atomic_load_n(&stands, __ATOMIC_ACQUIRE);

    if (id != CLOCK_MONOTONIC || ms == 0) {
        return (int) syscall(SYS_clock_gettime, id, ts);
    }

    ts->tv_sec = (time_t) (ms / 1000);
    ts->tv_nsec = (long) (ms % 1000 * 1000000);

    return 0;
}


static void
wake(bench_t *t)
{
    uint64_t  one;

    one = 1;

    if (write(t->fd[0], &one, sizeof(one)) != sizeof(one)) {
        abort();
    }
}


/* Wakes the helper, and waits until it has made a whole turn. */

static void
turn(bench_t *t)
{
    int            i, n;
    struct pollfd  pfd;

    pfd = (struct pollfd) { t->fd[0], POLLIN, 0 };

    /* it reads the descriptor at the end of a turn */

    for (i = 0; i < 2; i++) {
        wake(t);

        for (n = 0; n < PATIENCE && poll(&pfd, 1, 0) == 1; n++) {
            usleep(10000);
        }
    }
}


/* Sets the clock, and waits until that many records are in the spool. */

static uint64_t
spooled(bench_t *t, uint64_t ms, uint64_t want)
{
    int              n;
    qoe_dest_info_t  info;

    __atomic_store_n(&stands, ms, __ATOMIC_RELEASE);

    for (n = 0; n < PATIENCE; n++) {
        turn(t);
        qoe_dest_info(t->zone, 0, &info);

        if (info.spooled >= want) {
            break;
        }

        usleep(10000);
    }

    return info.spooled;
}


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

    stopping = true;
    rc = qoe_helper_stop(data, EXIT_MS);

    return &rc;
}


int
main(void)
{
    int               fd;
    void             *rc;
    bench_t           t;
    uint64_t          n, end, early;
    pthread_t         thread;
    qoe_helper_t     *h;
    qoe_dest_info_t   info;

    curl_global_init(CURL_GLOBAL_ALL);
    setup(&t);
    fd = hole(&t);
    spool(&t, 0);
    t.exporter[0].transport.timeout_ms = 2 * EXIT_MS;
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

    /* the exit ends EXIT_MS after the turn in which the helper learns of it */

    end = qoe_mono_ms() + EXIT_MS;
    __atomic_store_n(&stands, end - EXIT_MS, __ATOMIC_RELEASE);

    if (pthread_create(&thread, NULL, stop, h) != 0) {
        abort();
    }

    while (!__atomic_load_n(&asked, __ATOMIC_ACQUIRE)) {
        usleep(1000);
    }

    turn(&t);

    ok(spooled(&t, end - 1500, 0) == 0,
       "while there is time, the collector's answer is waited for");

    early = spooled(&t, end - 900, 1);
    ok(early != 0 && early < n,
       "%llu records are written before the last moments of the exit",
       (unsigned long long) early);

    ok(spooled(&t, end - 400, n) == n,
       "in the last moments the rest is written");

    __atomic_store_n(&stands, end, __ATOMIC_RELEASE);
    wake(&t);
    pthread_join(thread, &rc);
    qoe_dest_info(t.zone, 0, &info);
    ok(*(qoe_status_t *) rc == QOE_OK && info.spooled == n && info.queued == 0
       && *t.conf.lost == 0, "at the exit the spool holds all records");

    close(fd);
    teardown(&t);

    return tap_end();
}
