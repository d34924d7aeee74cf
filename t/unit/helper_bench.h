
/*
 * Copyright (C) OpenQoE
 *
 * A zone with two lanes and files as destinations, for the tests of the
 * helper thread: every record that is put must come out once.
 */


#ifndef _HELPER_BENCH_H_INCLUDED_
#define _HELPER_BENCH_H_INCLUDED_


#include "tap.h"
#include "qoe_dest.h"
#include "qoe_helper.h"
#include "qoe_record.h"
#include "qoe_uuid.h"
#include "qoe_zone_layout.h"

#include <curl/curl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>


#define LANES              2
#define DESTS              2
#define WAITERS            2
#define SEEN_MAX           40000
#define DRAIN_MS           500

#ifndef ZONE_SIZE
#define ZONE_SIZE          (4 << 20)
#endif


typedef struct {
    qoe_zone_t           *zone;
    int                   fd[LANES];
    int                   waiter[WAITERS];
    char                  dir[64];
    char                  path[DESTS][128];
    uint32_t              next;          /* number of the next record */
    qoe_ack_t             ack;           /* of records put */
    uint64_t              end[LANES];    /* after the last put */
    uint32_t              slots[DESTS];
    qoe_exporter_conf_t   exporter[DESTS];
    qoe_helper_conf_t     conf;
} bench_t;


static char  log_text[8192];


static inline void
log_write(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    size_t  used;

    (void) ctx;
    (void) level;

    used = strlen(log_text);

    if (used + len + 2 < sizeof(log_text)) {
        memcpy(log_text + used, text, len);
        memcpy(log_text + used + len, "\n", 2);
    }
}


static inline void
exporter(bench_t *t, size_t i)
{
    qoe_exporter_conf_t  *e;
    static qoe_attr_t     attrs[] = {
        { qoe_span("service.name"), qoe_span("openQoE-worker") }
    };

    snprintf(t->path[i], sizeof(t->path[i]), "%s/out%zu.jsonl", t->dir, i);

    e = &t->exporter[i];
    e->name = (i == 0) ? qoe_span("default") : qoe_span("other");
    memset(e->dest, 0xff, sizeof(e->dest));
    e->metrics_dest = UINT32_MAX;
    e->transport.protocol = QOE_PROTOCOL_FILE;
    e->transport.url[QOE_SIGNAL_LOGS] = qoe_span_str(t->path[i]);
    e->transport.timeout_ms = 10000;
    e->transport.connect_timeout_ms = 1000;
    e->identity.attrs = attrs;
    e->identity.nattrs = 1;
    e->identity.scope_name = qoe_span("openqoe");
    e->identity.scope_version = qoe_span("test");
    e->batch_size = 100;
    e->interval_ms = 20;
}


/* Wants the first n exporters, as the master does. */

static inline void
configure(bench_t *t, size_t n)
{
    bool        spooled[DESTS] = { false };
    size_t      i;
    qoe_span_t  names[DESTS] = { { NULL, 0 } };

    for (i = 0; i < n; i++) {
        names[i] = t->exporter[i].name;
        spooled[i] = t->exporter[i].spool.dir.len != 0;
    }

    qoe_dests_set(t->zone, names, NULL, spooled, n, t->slots);

    for (i = 0; i < n; i++) {
        t->exporter[i].dest[QOE_STREAM_LOGS] = t->slots[i];
    }

    t->conf.exporters = t->exporter;
    t->conf.nexporters = n;
}


static inline void
spool(bench_t *t, size_t i)
{
    qoe_spool_conf_t  *s;

    s = &t->exporter[i].spool;
    s->dir = qoe_span_str(t->dir);
    s->max_size = 64 << 20;
    s->segment_size = 1 << 20;
    s->sync_ms = 1000;
    s->quarantine_size = 1 << 20;
}


static inline void
setup(bench_t *t)
{
    int                      i;
    void                    *mem;
    qoe_helper_conf_t       *c;
    static uint64_t          lost;
    static qoe_dimensions_t  dims;

    memset(t, 0, sizeof(*t));
    log_text[0] = '\0';
    lost = 0;

    mem = mmap(NULL, ZONE_SIZE, PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    strcpy(t->dir, "/tmp/openqoe-helper-XXXXXX");

    if (mem == MAP_FAILED || mkdtemp(t->dir) == NULL
        || qoe_zone_create(&t->zone, mem, ZONE_SIZE, LANES, true) != QOE_OK)
    {
        abort();
    }

    qoe_state_create(t->zone);
    qoe_dimensions_init(&dims);

    for (i = 0; i < LANES; i++) {
        t->fd[i] = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
    }

    for (i = 0; i < WAITERS; i++) {
        t->waiter[i] = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
    }

    c = &t->conf;
    c->zone = t->zone;
    c->workers = 1;
    c->lane_fd = t->fd;
    c->waiter_fd = t->waiter;
    c->nwaiters = WAITERS;
    c->qoe.groups = QOE_GROUPS_ALL;
    c->qoe.dims = &dims;
    c->qoe.series_max = 10000;
    c->qoe.series_ttl_ms = 3600000;
    c->qoe.view.timeout_ms = 120000;
    c->qoe.view.hidden_timeout_ms = 1800000;
    c->metric_interval_ms = 60000;
    c->drain_ms = DRAIN_MS;
    c->lost = &lost;
    c->log = (qoe_log_t) { log_write, NULL, QOE_LOG_INFO };

    for (i = 0; i < DESTS; i++) {
        exporter(t, i);
    }

    configure(t, 1);
}


static inline void
teardown(bench_t *t)
{
    int   i;
    char  cmd[128];

    for (i = 0; i < LANES; i++) {
        close(t->fd[i]);
    }

    for (i = 0; i < WAITERS; i++) {
        close(t->waiter[i]);
    }

    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", t->dir);

    if (system(cmd) != 0) {
        abort();
    }

    munmap(t->zone, ZONE_SIZE);
}


static inline void
put_bytes(bench_t *t, uint32_t lane, qoe_span_t record)
{
    uint64_t      wake[QOE_LANES_MAX / 64], ends[QOE_LANES_MAX], one;
    qoe_put_t     put;
    qoe_status_t  rc;

    put = (qoe_put_t) { lane, record, qoe_span_null, 0 };
    one = 1;

    while ((rc = qoe_zone_put(t->zone, 1, 0, &put, 1, t->ack, ends, wake))
           == QOE_FULL)
    {
        usleep(1000);
    }

    if (rc != QOE_OK) {
        abort();
    }

    t->end[lane] = ends[lane];

    if (wake[0] >> lane & 1 && write(t->fd[lane], &one, 8) != 8) {
        abort();
    }
}


/* Puts records from number t->next on, each with "seq-N;" in its body. */

static inline void
put(bench_t *t, uint32_t n)
{
    char                raw[64];
    qoe_span_t          packed;
    qoe_event_t         ev;
    qoe_arena_t         arena;
    qoe_record_meta_t   meta;
    qoe_record_parts_t  parts;

    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);

    for (n += t->next; t->next < n; t->next++) {
        memset(&ev, 0, sizeof(ev));
        memset(&meta, 0, sizeof(meta));
        snprintf(raw, sizeof(raw), "{\"n\":\"seq-%u;\"}", t->next);

        ev.type = QOE_EVENT_PLAYING;
        ev.type_name = qoe_span("playing");
        ev.severity = QOE_SEVERITY_INFO;
        ev.time_ms = 1700000000000;
        ev.field[QOE_FIELD_ORG_ID] = (qoe_value_t) {
            QOE_VALUE_STRING, { qoe_span("org") }
        };
        ev.raw = qoe_span_str(raw);
        meta.received_ns = qoe_unix_ns();

        if (qoe_record_pack(&parts, &ev, &meta, &arena) != QOE_OK
            || qoe_record_join(&packed, &parts, &arena) != QOE_OK)
        {
            abort();
        }

        put_bytes(t, t->next % LANES, packed);
        qoe_arena_reset(&arena);
    }

    qoe_arena_free(&arena);
}


/*
 * How many records exporter i wrote, each once; -1: a record was written
 * twice.
 */

static inline int
delivered_to(bench_t *t, size_t i_exporter)
{
    int           n;
    char         *text, *p;
    FILE         *f;
    size_t        len;
    unsigned long i;
    static char   seen[SEEN_MAX];

    memset(seen, 0, sizeof(seen));
    f = fopen(t->path[i_exporter], "r");

    if (f == NULL) {
        return 0;
    }

    text = calloc(1, 16 << 20);
    len = fread(text, 1, (16 << 20) - 1, f);
    text[len] = '\0';
    fclose(f);
    n = 0;

    for (p = text; (p = strstr(p, "seq-")) != NULL; /* void */) {
        i = strtoul(p + 4, &p, 10);

        if (i >= SEEN_MAX || seen[i]++ != 0) {
            n = -1;
            break;
        }

        n++;
    }

    free(text);

    return n;
}


static inline int
delivered(bench_t *t)
{
    return delivered_to(t, 0);
}


static inline bool
wait_delivered_to(bench_t *t, size_t exporter_i, int n)
{
    int  i;

    for (i = 0; i < 1500 && delivered_to(t, exporter_i) != n; i++) {
        usleep(10000);
    }

    return delivered_to(t, exporter_i) == n;
}


static inline bool
wait_delivered(bench_t *t, int n)
{
    return wait_delivered_to(t, 0, n);
}


static inline uint64_t
counter(bench_t *t, size_t i, qoe_dest_counter_t c)
{
    return qoe_dest_counter(t->zone, t->slots[i], c);
}


static inline qoe_dest_info_t
info_of(bench_t *t, size_t i)
{
    qoe_dest_info_t  info;

    qoe_dest_info(t->zone, t->slots[i], &info);

    return info;
}


/*
 * Waits until records are released, not only written: the file is ahead of its
 * answer.
 */

static inline bool
wait_empty(bench_t *t)
{
    int  i;

    for (i = 0; i < 1000; i++) {
        if (qoe_lane_floor(t->zone, 0) == qoe_lane_tail(t->zone, 0)
            && qoe_lane_floor(t->zone, 1) == qoe_lane_tail(t->zone, 1))
        {
            return true;
        }

        usleep(10000);
    }

    return false;
}


#endif /* _HELPER_BENCH_H_INCLUDED_ */
