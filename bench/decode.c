
/*
 * Copyright (C) OpenQoE
 *
 * decode FILE [SECONDS]: what the way from a request's bytes to records costs
 * without nginx.  FILE has a request body a line; bench/events.lua writes it.
 * Prints a row of a Markdown table: events a body, bytes an event, microseconds
 * an event in qoe_decode() and in qoe_record_pack(), events/s, MB/s, bytes of
 * a record.  Times are of this thread's CPU, not of the clock.
 */


#include "qoe_decode.h"
#include "qoe_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define DAY_MS             (24 * 3600 * 1000)

/* as the events handler sizes its arena */
#define BLOCK_MIN          (16 * 1024)
#define BLOCK_MAX          (256 * 1024)
#define ARENA_MAX          (64 * 1024 * 1024)


typedef struct {
    qoe_span_t  *span;
    size_t       n;
} bodies_t;


typedef struct {
    uint64_t     bodies;
    uint64_t     events;
    uint64_t     bytes;          /* of bodies */
    uint64_t     packed;         /* of records */
    double       seconds;
} result_t;


static void read_bodies(bodies_t *bodies, const char *path);
static char *read_file(const char *path, size_t *len);
static void pass(result_t *res, const bodies_t *bodies, bool pack);
static void decode_one(result_t *res, qoe_span_t body, bool pack);
static double cpu_seconds(void);
static void die(const char *what, const char *why)
    __attribute__((noreturn));


static void
die(const char *what, const char *why)
{
    fprintf(stderr, "decode: %s: %s\n", what, why);
    exit(1);
}


int
main(int argc, char **argv)
{
    double    seconds, us;
    result_t  decode, both;
    bodies_t  bodies;

    if (argc < 2) {
        die("usage", "decode FILE [SECONDS]");
    }

    seconds = (argc > 2) ? atof(argv[2]) : 1;

    read_bodies(&bodies, argv[1]);

    memset(&both, 0, sizeof(result_t));
    pass(&both, &bodies, true);

    memset(&both, 0, sizeof(result_t));
    memset(&decode, 0, sizeof(result_t));

    /* in turn, so that what disturbs the machine disturbs both */

    while (both.seconds + decode.seconds < seconds) {
        pass(&decode, &bodies, false);
        pass(&both, &bodies, true);
    }

    us = decode.seconds * 1e6 / (double) decode.events;

    printf("| %.0f | %.0f | %.2f | %.2f | %.0f | %.1f | %.0f |\n",
           (double) both.events / (double) both.bodies,
           (double) both.bytes / (double) both.events, us,
           both.seconds * 1e6 / (double) both.events - us,
           (double) both.events / both.seconds,
           (double) both.bytes / both.seconds / 1e6,
           (double) both.packed / (double) both.events);

    return 0;
}


static void
read_bodies(bodies_t *bodies, const char *path)
{
    char    *p, *nl, *end;
    size_t   len;

    p = read_file(path, &len);
    end = p + len;

    bodies->n = 0;
    bodies->span = malloc((len / 2 + 1) * sizeof(qoe_span_t));

    if (bodies->span == NULL) {
        die(path, "out of memory");
    }

    while (p < end && (nl = memchr(p, '\n', (size_t) (end - p))) != NULL) {
        bodies->span[bodies->n++] = (qoe_span_t) { p, (size_t) (nl - p) };
        p = nl + 1;
    }

    if (bodies->n == 0) {
        die(path, "no body in it");
    }
}


static char *
read_file(const char *path, size_t *len)
{
    FILE  *f;
    char  *p;
    long   size;

    f = fopen(path, "rb");

    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        die(path, "cannot be read");
    }

    size = ftell(f);

    if (size < 0) {
        die(path, "cannot be read");
    }

    rewind(f);

    *len = (size_t) size;
    p = malloc(*len + 1);

    if (p == NULL || fread(p, 1, *len, f) != *len) {
        die(path, "cannot be read");
    }

    fclose(f);

    return p;
}


static void
pass(result_t *res, const bodies_t *bodies, bool pack)
{
    size_t  i;
    double  start;

    start = cpu_seconds();

    for (i = 0; i < bodies->n; i++) {
        decode_one(res, bodies->span[i], pack);
    }

    res->seconds += cpu_seconds() - start;
}


/* One request, with memory as the events handler takes it. */

static void
decode_one(result_t *res, qoe_span_t body, bool pack)
{
    size_t               i, block;
    uint64_t             now;
    qoe_arena_t          arena;
    qoe_record_meta_t    meta;
    qoe_record_parts_t   parts;
    static qoe_batch_t   batch;
    qoe_decode_conf_t    conf = {
        .max_events = QOE_EVENTS_MAX,
        .max_age_ms = DAY_MS,
        .max_ahead_ms = DAY_MS
    };

    now = qoe_unix_ns();

    block = qoe_max(body.len * 4, (size_t) BLOCK_MIN);
    block = qoe_min(block, (size_t) BLOCK_MAX);

    qoe_arena_init(&arena, &qoe_mem_heap, block, ARENA_MAX);

    if (qoe_decode(&batch, body.data, body.len, &conf,
                   (int64_t) (now / 1000000), &arena)
        != QOE_OK || batch.nrejected != 0)
    {
        die("a body is refused", batch.nerrors ? batch.errors[0].reason : "");
    }

    if (pack) {
        memset(&meta, 0, sizeof(meta));
        meta.received_ns = now;

        for (i = 0; i < batch.nevents; i++) {
            if (qoe_record_pack(&parts, &batch.events[i], &meta, &arena)
                != QOE_OK)
            {
                die("qoe_record_pack", "failed");
            }

            res->packed += parts.head.len + parts.body.len;
        }
    }

    res->bodies++;
    res->events += batch.nevents;
    res->bytes += body.len;

    qoe_batch_free(&batch);
    qoe_arena_free(&arena);
}


static double
cpu_seconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}
