
/*
 * Copyright (C) OpenQoE
 *
 * gzip FILE [SECONDS]: what packing an export request costs.  FILE has a
 * request body a line, as bench/events.lua writes it; their events become OTLP
 * requests of 512 log records.  Prints a row of a Markdown table for zlib alone
 * and for the module's own levels: who packs, level, microseconds an event,
 * ratio.  Times are of this thread's CPU and the medians of rounds in which
 * all of them take their turn.
 */


#include "qoe_decode.h"
#include "qoe_gzip.h"
#include "qoe_otlp.h"
#include "qoe_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define DAY_MS             (24 * 3600 * 1000)
#define BATCH              512
#define REQUESTS           16        /* different requests */
#define ROUNDS             1000
#define ARENA_MAX          (256 * 1024 * 1024)


typedef struct {
    const char  *name;
    int          level;
    z_stream     strm;               /* of zlib alone */
    qoe_gzip_t   gz;                 /* of the module */
    double       us[ROUNDS];         /* an event */
    size_t       bytes;              /* in a round */
} packer_t;


static packer_t  packers[] = {
    { .name = "zlib", .level = 1 },
    { .name = "zlib", .level = 2 },
    { .name = "zlib", .level = 3 },
    { .name = "zlib", .level = 6 },
    { .name = "module", .level = 1 },
    { .name = "module", .level = 2 },
    { .name = "module", .level = 3 },
    { .name = "module", .level = 4 },
    { .name = "module", .level = 6 },
    { .name = "module", .level = 9 }
};

#define PACKERS            (sizeof(packers) / sizeof(packers[0]))

static qoe_buf_t   request[REQUESTS];
static size_t      nrequests;
static qoe_span_t  record[BATCH];
static size_t      nrecords;
static qoe_buf_t   out;


static void read_bodies(const char *path);
static void take_body(qoe_span_t body, qoe_arena_t *arena);
static void encode(void);
static void start(packer_t *p);
static void run(packer_t *p, size_t round);
static void pack(packer_t *p, const qoe_buf_t *in);
static int by_size(const void *a, const void *b);
static double cpu_us(void);
static void die(const char *what)
    __attribute__((noreturn));


int
main(int argc, char **argv)
{
    double  begin, seconds;
    size_t  i, in, round;

    if (argc < 2) {
        die("usage: gzip FILE [SECONDS]");
    }

    read_bodies(argv[1]);
    seconds = (argc > 2) ? atof(argv[2]) : 2;

    qoe_buf_init(&out, &qoe_mem_heap, 2 * QOE_OTLP_REQUEST_MAX);

    for (i = 0; i < PACKERS; i++) {
        start(&packers[i]);
    }

    begin = cpu_us();

    for (round = 0; round < ROUNDS && cpu_us() - begin < seconds * 1e6;
         round++)
    {
        for (i = 0; i < PACKERS; i++) {
            run(&packers[i], round);
        }
    }

    for (in = 0, i = 0; i < nrequests; i++) {
        in += request[i].len;
    }

    for (i = 0; i < PACKERS; i++) {
        qsort(packers[i].us, round, sizeof(double), by_size);

        printf("| %s | %d | %.2f | %.1f |\n",
               packers[i].gz.isal != NULL ? "module, ISA-L" : packers[i].name,
               packers[i].level, packers[i].us[round / 2],
               (double) in / (double) packers[i].bytes);
    }

    return 0;
}


static void
die(const char *what)
{
    fprintf(stderr, "gzip: %s\n", what);
    exit(1);
}


static void
read_bodies(const char *path)
{
    FILE         *f;
    char         *line = NULL;
    size_t        cap = 0;
    ssize_t       len;
    qoe_arena_t   arena;

    f = fopen(path, "rb");
    if (f == NULL) {
        die("the file cannot be read");
    }

    qoe_arena_init(&arena, &qoe_mem_heap, 1024 * 1024, ARENA_MAX);

    while (nrequests < REQUESTS && (len = getline(&line, &cap, f)) > 0) {
        take_body((qoe_span_t) { line, (size_t) len }, &arena);
    }

    if (nrequests == 0) {
        die("the file has too few events for a request");
    }

    free(line);
    fclose(f);
    qoe_arena_free(&arena);
}


/* Events wait as records until there are enough for a request. */

static void
take_body(qoe_span_t body, qoe_arena_t *arena)
{
    char                *p;
    size_t               i;
    uint64_t             now;
    qoe_record_meta_t    meta;
    qoe_record_parts_t   parts;
    static qoe_batch_t   batch;
    qoe_decode_conf_t    conf = {
        .max_events = QOE_EVENTS_MAX,
        .max_age_ms = DAY_MS,
        .max_ahead_ms = DAY_MS
    };

    now = qoe_unix_ns();

    if (qoe_decode(&batch, body.data, body.len, &conf,
                   (int64_t) (now / 1000000), arena) != QOE_OK)
    {
        die("a body is refused");
    }

    memset(&meta, 0, sizeof(meta));

    for (i = 0; i < batch.nevents && nrequests < REQUESTS; i++) {
        meta.received_ns = now + i;

        if (qoe_record_pack(&parts, &batch.events[i], &meta, arena) != QOE_OK
            || (p = malloc(parts.head.len + parts.body.len)) == NULL)
        {
            die("a record cannot be made");
        }

        memcpy(p, parts.head.data, parts.head.len);
        memcpy(p + parts.head.len, parts.body.data, parts.body.len);
        record[nrecords++] = (qoe_span_t) { p, parts.head.len
                                               + parts.body.len };

        if (nrecords == BATCH) {
            encode();
        }
    }

    qoe_arena_reset(arena);
}


static void
encode(void)
{
    size_t                      nbad;
    qoe_buf_t                  *r;
    qoe_arena_t                 scratch;
    static qoe_otlp_identity_t  nameless;

    r = &request[nrequests++];

    qoe_arena_init(&scratch, &qoe_mem_heap, 64 * 1024, ARENA_MAX);
    qoe_buf_init(r, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    if (qoe_otlp_logs(r, &nameless, record, nrecords, &nbad, &scratch)
        != QOE_OK || nbad != 0)
    {
        die("the events cannot be encoded");
    }

    while (nrecords != 0) {
        free((void *) record[--nrecords].data);
    }

    qoe_arena_free(&scratch);
}


static void
start(packer_t *p)
{
    if (strcmp(p->name, "zlib") == 0) {
        if (deflateInit2(&p->strm, p->level, Z_DEFLATED, 15 + 16, 8,
                         Z_DEFAULT_STRATEGY) != Z_OK)
        {
            die("deflateInit2 failed");
        }

    } else if (qoe_gzip_init(&p->gz, &qoe_mem_heap, p->level) != QOE_OK) {
        die("qoe_gzip_init failed");
    }
}


static void
run(packer_t *p, size_t round)
{
    size_t  i;
    double  begin;

    p->bytes = 0;
    begin = cpu_us();

    for (i = 0; i < nrequests; i++) {
        pack(p, &request[i]);
        p->bytes += out.len;
    }

    p->us[round] = (cpu_us() - begin) / (double) (nrequests * BATCH);
}


static void
pack(packer_t *p, const qoe_buf_t *in)
{
    size_t  bound;

    qoe_buf_reset(&out);

    if (strcmp(p->name, "zlib") != 0) {
        if (qoe_gzip(&p->gz, &out, (qoe_span_t) { in->data, in->len })
            != QOE_OK)
        {
            die("qoe_gzip failed");
        }

        return;
    }

    deflateReset(&p->strm);

    bound = deflateBound(&p->strm, in->len);
    p->strm.next_in = (Bytef *) in->data;
    p->strm.avail_in = (uInt) in->len;
    p->strm.next_out = (Bytef *) qoe_buf_reserve(&out, bound);
    p->strm.avail_out = (uInt) bound;

    if (p->strm.next_out == NULL
        || deflate(&p->strm, Z_FINISH) != Z_STREAM_END)
    {
        die("deflate failed");
    }

    out.len = bound - p->strm.avail_out;
}


static int
by_size(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


static double
cpu_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}
