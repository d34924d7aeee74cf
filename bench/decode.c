
/*
 * Copyright (C) OpenQoE
 *
 * decode FILE [SECONDS]: what the way of an event costs without nginx, from a
 * request's bytes to an export request's.  FILE has a request body a line;
 * bench/events.lua writes it.  Prints a row of a Markdown table: events a body,
 * bytes an event, nanoseconds an event of each stage, MB/s of the first, bytes
 * of a record.  Times are of this thread's CPU, not of the clock.
 *
 * decode FILE STAGE TIMES: goes that often over FILE up to that stage and
 * prints the number of events, for callgrind: the difference of two stages is
 * what the later one takes.  STAGE "jansson" is the decoding without the
 * single-pass decoder.
 *
 * decode FILE refused TIMES: the same for bodies that may be refused in part
 * or as a whole; prints microseconds a body, by the decoder and by jansson.
 */


#include "qoe_decode.h"
#include "qoe_otlp.h"
#include "qoe_record.h"
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define DAY_MS             (24 * 3600 * 1000)

/* As the events handler sizes its arena. */
#define BLOCK              (64 * 1024)
#define ARENA_MAX          (64 * 1024 * 1024)

#define BATCH              512       /* records of an export request */


/* Each stage does what the stages before it do, and its own part. */

typedef enum {
    STAGE_NONE = 0,
    STAGE_DECODE,
    STAGE_PACK,                      /* event -> record */
    STAGE_READ,                      /* record -> sample, for metrics */
    STAGE_LOG,                       /* records -> OTLP log records */
    STAGE_JANSSON,
    STAGES
} stage_t;


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
static void pass(result_t *res, const bodies_t *bodies, stage_t stage);
static void request(result_t *res, qoe_span_t body, stage_t stage);
static void records(const qoe_batch_t *batch, result_t *res, stage_t stage);
static void log_records(void);
static void refused(const bodies_t *bodies, int times);
static void decode(qoe_batch_t *batch, qoe_span_t body, stage_t stage,
    qoe_status_t *rc);
static double ns_of(const result_t *r, stage_t stage, stage_t before);
static double cpu_seconds(void);
static void die(const char *what, const char *why)
    __attribute__((noreturn));


static const char *const  stages[STAGES] = {
    "none", "decode", "pack", "read", "log", "jansson"
};

/* Kept from a request to the next, as a worker and its helper do. */

static qoe_arena_t  arena, queue, scratch;
static qoe_buf_t    out;
static qoe_span_t   queued[BATCH];
static size_t       nqueued;


static void
die(const char *what, const char *why)
{
    fprintf(stderr, "decode: %s: %s\n", what, why);
    exit(1);
}


int
main(int argc, char **argv)
{
    int       i;
    double    seconds, spent;
    stage_t   stage;
    result_t  r[STAGES];
    bodies_t  bodies;

    if (argc < 2) {
        die("usage", "decode FILE [SECONDS | STAGE TIMES]");
    }

    read_bodies(&bodies, argv[1]);
    memset(r, 0, sizeof(r));

    qoe_arena_init(&arena, &qoe_mem_heap, BLOCK, ARENA_MAX);
    qoe_arena_init(&queue, &qoe_mem_heap, ARENA_MAX / 8, ARENA_MAX);
    qoe_arena_init(&scratch, &qoe_mem_heap, BLOCK, ARENA_MAX);
    qoe_buf_init(&out, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    if (argc == 4 && strcmp(argv[2], "refused") == 0) {
        refused(&bodies, atoi(argv[3]));
        return 0;
    }

    if (argc == 4) {
        for (stage = STAGE_DECODE; stage < STAGES; stage++) {
            if (strcmp(stages[stage], argv[2]) == 0) {
                for (i = atoi(argv[3]); i > 0; i--) {
                    pass(&r[stage], &bodies, stage);
                }

                printf("%llu\n", (unsigned long long) r[stage].events);
                return 0;
            }
        }

        die(argv[2], "no such stage");
    }

    seconds = (argc > 2) ? atof(argv[2]) : 1;
    spent = 0;

    for (stage = STAGE_DECODE; stage < STAGES; stage++) {
        pass(&r[stage], &bodies, stage);
    }

    memset(r, 0, sizeof(r));

    /*
     * The stages run in turn, so that a disturbance of the machine disturbs
     * all.
     */

    while (spent < seconds) {
        for (stage = STAGE_DECODE; stage < STAGES; stage++) {
            spent -= r[stage].seconds;
            pass(&r[stage], &bodies, stage);
            spent += r[stage].seconds;
        }
    }

    printf("| %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f "
           "|\n",
           (double) r[STAGE_PACK].events / (double) r[STAGE_PACK].bodies,
           (double) r[STAGE_PACK].bytes / (double) r[STAGE_PACK].events,
           ns_of(r, STAGE_JANSSON, STAGE_NONE),
           ns_of(r, STAGE_DECODE, STAGE_NONE),
           (double) r[STAGE_DECODE].bytes / r[STAGE_DECODE].seconds / 1e6,
           ns_of(r, STAGE_PACK, STAGE_DECODE),
           ns_of(r, STAGE_READ, STAGE_PACK),
           ns_of(r, STAGE_LOG, STAGE_PACK),
           (double) r[STAGE_PACK].packed / (double) r[STAGE_PACK].events);

    return 0;
}


/* The cost of an event beyond what an earlier stage takes. */

static double
ns_of(const result_t *r, stage_t stage, stage_t before)
{
    double  ns;

    ns = r[stage].seconds * 1e9 / (double) r[stage].events;

    return before == STAGE_NONE
           ? ns : ns - r[before].seconds * 1e9 / (double) r[before].events;
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
pass(result_t *res, const bodies_t *bodies, stage_t stage)
{
    size_t  i;
    double  start;

    start = cpu_seconds();

    for (i = 0; i < bodies->n; i++) {
        request(res, bodies->span[i], stage);
    }

    res->seconds += cpu_seconds() - start;

    nqueued = 0;
    qoe_arena_reset(&queue);
}


/* A request, with memory as the events handler takes it. */

static void
request(result_t *res, qoe_span_t body, stage_t stage)
{
    qoe_status_t         rc;
    static qoe_batch_t   batch;

    decode(&batch, body, stage, &rc);

    if (rc != QOE_OK || batch.nrejected != 0) {
        die("a body is refused", batch.nerrors ? batch.errors[0].reason : "");
    }

    if (stage >= STAGE_PACK && stage != STAGE_JANSSON) {
        records(&batch, res, stage);
    }

    res->bodies++;
    res->events += batch.nevents;
    res->bytes += body.len;

    qoe_arena_reset(&arena);
}


static void
decode(qoe_batch_t *batch, qoe_span_t body, stage_t stage, qoe_status_t *rc)
{
    uint64_t             now;
    qoe_decode_conf_t    conf = {
        .max_events = QOE_EVENTS_MAX,
        .max_age_ms = DAY_MS,
        .max_ahead_ms = DAY_MS
    };

    now = qoe_unix_ns() / 1000000;

    *rc = (stage == STAGE_JANSSON)
          ? qoe_decode_jansson(batch, body.data, body.len, &conf,
                               (int64_t) now, &arena)
          : qoe_decode(batch, body.data, body.len, &conf, (int64_t) now,
                       &arena);
}


/* Bodies that may be refused: each is measured by itself. */

static void
refused(const bodies_t *bodies, int times)
{
    int                 n;
    size_t              i, k;
    double              seconds[2];
    qoe_status_t        rc;
    static qoe_batch_t  batch;

    printf("| bytes | events | rejected | us | us by jansson | error |\n"
           "|---|---|---|---|---|---|\n");

    for (i = 0; i < bodies->n; i++) {
        for (k = 0; k < 2; k++) {

            /* The first run is not counted, because it allocates the memory. */

            for (n = -1; n < times; n++) {
                seconds[k] = (n <= 0) ? -cpu_seconds() : seconds[k];
                decode(&batch, bodies->span[i],
                       (k == 0) ? STAGE_DECODE : STAGE_JANSSON, &rc);
                qoe_oracle_free();

                if (rc != QOE_OK && rc != QOE_INVALID) {
                    die("qoe_decode", "out of memory");
                }

                qoe_arena_reset(&arena);
            }

            seconds[k] += cpu_seconds();
        }

        printf("| %zu | %zu | %zu | %.1f | %.1f | %s |\n",
               bodies->span[i].len, batch.total, batch.nrejected,
               seconds[0] * 1e6 / times, seconds[1] * 1e6 / times,
               batch.nerrors ? batch.errors[0].reason : "");
    }
}


static void
records(const qoe_batch_t *batch, result_t *res, stage_t stage)
{
    char                *p;
    size_t               i, len;
    qoe_record_parts_t   parts;
    qoe_sample_t         sample;
    qoe_record_meta_t    meta;
    static qoe_record_t  record;

    memset(&meta, 0, sizeof(meta));
    meta.received_ns = 1;

    for (i = 0; i < batch->nevents; i++) {
        if (qoe_record_pack(&parts, &batch->events[i], &meta, &arena)
            != QOE_OK)
        {
            die("qoe_record_pack", "failed");
        }

        len = parts.head.len + parts.body.len;
        res->packed += len;

        /* As a put into the ring does. */

        p = qoe_arena_alloc(&queue, len);

        if (p == NULL) {
            die("the queue", "out of memory");
        }

        memcpy(p, parts.head.data, parts.head.len);
        memcpy(p + parts.head.len, parts.body.data, parts.body.len);
        queued[nqueued++] = (qoe_span_t) { p, len };

        if (stage == STAGE_READ) {
            if (qoe_record_open(&record, queued[nqueued - 1]) != QOE_OK
                || qoe_record_sample(&sample, &record, &scratch) != QOE_OK)
            {
                die("qoe_record_open", "failed");
            }

            qoe_arena_reset(&scratch);
        }

        if (nqueued == BATCH) {
            if (stage == STAGE_LOG) {
                log_records();
            }

            nqueued = 0;
            qoe_arena_reset(&queue);
        }
    }
}


static void
log_records(void)
{
    size_t                      nbad;
    static qoe_otlp_identity_t  nobody;

    if (qoe_otlp_logs(&out, &nobody, queued, nqueued, &nbad, &scratch)
        != QOE_OK || nbad != 0)
    {
        die("qoe_otlp_logs", "failed");
    }

    qoe_buf_reset(&out);
    qoe_arena_reset(&scratch);
}


static double
cpu_seconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}
