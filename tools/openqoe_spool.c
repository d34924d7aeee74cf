
/*
 * Copyright (C) OpenQoE
 *
 * openqoe-spool: its command line, and the commands that print.
 */


#define _GNU_SOURCE

#include "openqoe_spool.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>


/* the most bytes of a request as JSON, and unpacked */
#define SPOOL_JSON_MAX     (64 * 1024 * 1024)

#define SPOOL_CHUNK        (256 * 1024)


/* The commands that accept an option, a bit for each. */

#define SPOOL_VERIFY       0x1
#define SPOOL_DUMP         0x2
#define SPOOL_REPLAY       0x4


typedef struct {
    const char   *name;
    int           flag;
} spool_command_t;

static const spool_command_t  spool_commands[] = {
    { "verify", SPOOL_VERIFY },
    { "dump", SPOOL_DUMP },
    { "replay", SPOOL_REPLAY },
    { NULL, 0 }
};


/* The val of a long option: its letter, and the commands that accept it. */

#define spool_val(c, commands)  ((c) | (commands) << 8)

#define SPOOL_ANY          (SPOOL_VERIFY|SPOOL_DUMP|SPOOL_REPLAY)

static const struct option  spool_long[] = {
    { "help", no_argument, NULL, spool_val('?', SPOOL_ANY) },
    { "version", no_argument, NULL, spool_val('V', SPOOL_ANY) },
    { "exporter", required_argument, NULL, spool_val('x', SPOOL_ANY) },
    { "all", no_argument, NULL, spool_val('a', SPOOL_DUMP) },
    { "from", required_argument, NULL,
      spool_val('f', SPOOL_DUMP|SPOOL_REPLAY) },
    { "to", required_argument, NULL,
      spool_val('t', SPOOL_DUMP|SPOOL_REPLAY) },
    { "quarantine", no_argument, NULL, spool_val('q', SPOOL_REPLAY) },
    { "endpoint", required_argument, NULL, spool_val('e', SPOOL_REPLAY) },
    { "protocol", required_argument, NULL, spool_val('p', SPOOL_REPLAY) },
    { "header", required_argument, NULL, spool_val('H', SPOOL_REPLAY) },
    { "compression", required_argument, NULL,
      spool_val('c', SPOOL_REPLAY) },
    { "rate", required_argument, NULL, spool_val('r', SPOOL_REPLAY) },
    { "timeout", required_argument, NULL, spool_val('o', SPOOL_REPLAY) },
    { "max-time", required_argument, NULL, spool_val('m', SPOOL_REPLAY) },
    { NULL, 0, NULL, 0 }
};


static const char  spool_help[] =
"usage: openqoe-spool verify|dump|replay [OPTION]... PATH...\n"
"\n"
"Reads the spool of OpenQoE for nginx: PATH is a directory of it, at any\n"
"level, or a segment.  It never writes to it; nginx may be running.\n"
"\n"
"  verify   a line for each segment, and a sum\n"
"  dump     what was not sent yet as lines of OTLP JSON\n"
"  replay   sends that to an endpoint; marks nothing as sent\n"
"\n"
"  --exporter NAME         only that exporter's\n"
"  --from TIME, --to TIME  received then, the end excluded: RFC 3339 or Unix\n"
"                          seconds (dump, replay)\n"
"  --all                   what was sent, too (dump)\n"
"  --quarantine            what was refused for good, too (replay; a PATH\n"
"                          that names it needs no option)\n"
"\n"
"  --endpoint URL          http:// or https://, as openqoe_exporter has it\n"
"  --protocol PROTOCOL     grpc (default), http/protobuf or http/json\n"
"  --header \"NAME: VALUE\"  may be given several times\n"
"  --compression gzip|none default none\n"
"  --rate SIZE             bytes a second, with k, m or g; default no bound\n"
"  --timeout TIME          of a request, with ms, s, m or h; default 10s\n"
"  --max-time TIME         of all, retries too; default no bound\n"
"\n"
"  --help, --version\n"
"\n"
"Exit status: 0, or 1 for damage (verify, dump) or if not all was taken\n"
"(replay), or 2 for a wrong command line or what could not be read.\n";


static int spool_command(const char *name);
static bool spool_options(spool_options_t *opt, int argc, char **argv,
    int command);
static bool spool_option(spool_options_t *opt, int c, const char *value);
static void spool_print(const spool_segment_t *s, uint64_t records,
    uint64_t done, uint64_t items, uint64_t items_done);
static void spool_time_text(char text[32], uint64_t ns);
static int spool_dump_segment(spool_segment_t *s, const spool_options_t *opt,
    qoe_buf_t *payload, qoe_buf_t *json);
static bool spool_dump_record(const spool_segment_t *s,
    const qoe_segment_record_t *record, qoe_span_t payload, qoe_buf_t *json);


int
main(int argc, char **argv)
{
    int              command, rc;
    spool_list_t     list;
    spool_options_t  opt;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(spool_help, stdout);
        return SPOOL_EXIT_OK;
    }

    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts("openqoe-spool " OPENQOE_VERSION);
        return SPOOL_EXIT_OK;
    }

    if (argc < 2) {
        fputs(spool_help, stderr);
        return SPOOL_EXIT_ERROR;
    }

    command = spool_command(argv[1]);

    if (command == 0) {
        spool_error("no such command \"%s\", see --help", argv[1]);
        return SPOOL_EXIT_ERROR;
    }

    argv[1] = argv[0];
    argv++;
    argc--;

    memset(&opt, 0, sizeof(spool_options_t));
    opt.to_ns = UINT64_MAX;
    opt.timeout_ms = 10000;
    opt.quarantine = (command != SPOOL_REPLAY);

    if (!spool_options(&opt, argc, argv, command)) {
        return SPOOL_EXIT_ERROR;
    }

    spool_list(&list, argv + optind, (size_t) (argc - optind), &opt);

    switch (command) {

    case SPOOL_VERIFY:
        rc = spool_verify(&list);
        break;

    case SPOOL_DUMP:
        rc = spool_dump(&list, &opt);
        break;

    default:
        rc = spool_replay(&list, &opt);
    }

    if (list.failed) {
        rc = SPOOL_EXIT_ERROR;
    }

    spool_list_free(&list);

    if (fflush(stdout) != 0) {
        spool_error("cannot write: %s", strerror(errno));
        rc = SPOOL_EXIT_ERROR;
    }

    return rc;
}


static int
spool_command(const char *name)
{
    const spool_command_t  *c;

    for (c = spool_commands; c->name != NULL; c++) {
        if (strcmp(name, c->name) == 0) {
            return c->flag;
        }
    }

    return 0;
}


static bool
spool_options(spool_options_t *opt, int argc, char **argv, int command)
{
    int  c, i;

    while ((c = getopt_long(argc, argv, "", spool_long, &i)) != -1) {

        if (c == '?') {
            return false;                        /* getopt printed why */
        }

        if (((c >> 8) & command) == 0) {
            spool_error("--%s is not an option of this command, see --help",
                        spool_long[i].name);
            return false;
        }

        c &= 0xff;

        if (c == '?' || c == 'V') {
            fputs(c == '?' ? spool_help
                           : "openqoe-spool " OPENQOE_VERSION "\n", stdout);
            exit(SPOOL_EXIT_OK);
        }

        if (!spool_option(opt, c, optarg)) {
            spool_error("--%s: bad value \"%s\"", spool_long[i].name, optarg);
            return false;
        }
    }

    if (optind == argc) {
        spool_error("no directory or file is given, see --help");
        return false;
    }

    if (command == SPOOL_REPLAY && opt->endpoint == NULL) {
        spool_error("replay needs an --endpoint");
        return false;
    }

    return true;
}


static bool
spool_option(spool_options_t *opt, int c, const char *value)
{
    switch (c) {

    case 'x':
        opt->exporter = value;
        return *value != '\0';

    case 'a':
        opt->all = true;
        return true;

    case 'f':
        return spool_parse_time(value, &opt->from_ns);

    case 't':
        return spool_parse_time(value, &opt->to_ns);

    case 'q':
        opt->quarantine = true;
        return true;

    case 'e':
        opt->endpoint = value;
        return spool_parse_endpoint(value);

    case 'p':
        return spool_parse_protocol(value, &opt->protocol);

    case 'H':
        return opt->nheaders < SPOOL_HEADERS_MAX
               && spool_parse_header(value, &opt->headers[opt->nheaders++]);

    case 'c':
        opt->gzip = (strcmp(value, "gzip") == 0);
        return opt->gzip || strcmp(value, "none") == 0;

    case 'r':
        return spool_parse_size(value, &opt->rate) && opt->rate != 0;

    case 'o':
        return spool_parse_duration(value, &opt->timeout_ms)
               && opt->timeout_ms != 0;

    default:
        return spool_parse_duration(value, &opt->max_time_ms)
               && opt->max_time_ms != 0;
    }
}


void
spool_error(const char *fmt, ...)
{
    va_list  args;

    fputs("openqoe-spool: ", stderr);

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fputc('\n', stderr);
}


int
spool_verify(const spool_list_t *list)
{
    int                   rc;
    bool                  damaged;
    size_t                i;
    uint64_t              n[7], records, done, items, items_done;
    qoe_buf_t             payload;
    spool_segment_t       s;
    qoe_segment_record_t  record;

    rc = SPOOL_EXIT_OK;
    memset(n, 0, sizeof(n));
    qoe_buf_init(&payload, &qoe_mem_heap, QOE_SEGMENT_PAYLOAD_MAX + 1);

    for (i = 0; i < list->n; i++) {

        if (!spool_open(&s, &list->file[i])) {
            rc = s.failed ? SPOOL_EXIT_ERROR : rc;
            continue;
        }

        records = done = items = items_done = 0;

        while (spool_next(&s, &record, &payload) != QOE_DONE) {
            records++;
            items += record.items;
            done += record.done;
            items_done += record.done ? record.items : 0;
        }

        spool_print(&s, records, done, items, items_done);

        damaged = spool_is_damaged(&s);

        n[0]++;
        n[1] += records;
        n[2] += done;
        n[3] += items;
        n[4] += items - items_done;
        n[5] += s.size;
        n[6] += damaged;

        if (s.failed) {
            rc = SPOOL_EXIT_ERROR;

        } else if (damaged && rc == SPOOL_EXIT_OK) {
            rc = SPOOL_EXIT_BAD;
        }

        spool_close(&s);
    }

    qoe_buf_free(&payload);

    printf("total segments=%" PRIu64 " records=%" PRIu64 " done=%" PRIu64
           " items=%" PRIu64 " waiting=%" PRIu64 " bytes=%" PRIu64
           " damaged=%" PRIu64 "\n", n[0], n[1], n[2], n[3], n[4], n[5], n[6]);

    return rc;
}


static void
spool_print(const spool_segment_t *s, uint64_t records, uint64_t done,
    uint64_t items, uint64_t items_done)
{
    char                         created[32];
    const qoe_segment_reader_t  *r;

    r = &s->reader;
    spool_time_text(created, r->created_ns);

    printf("%s id=%016" PRIx64 " created=%s records=%" PRIu64 " done=%" PRIu64
           " items=%" PRIu64 " waiting=%" PRIu64 " bytes=%" PRIu64,
           s->file->path, r->id, created, records, done, items,
           items - items_done, s->size);

    if (!spool_is_damaged(s)) {
        printf(" ok%s\n", r->torn ? ", its end is not written" : "");
        return;
    }

    printf(" DAMAGED:%s passed over %" PRIu64 " bytes, %" PRIu64
           " records missing, %" PRIu64 " of %" PRIu64 " items unreadable%s\n",
           r->header ? "" : " no header,", r->damaged, r->lost, s->damaged,
           s->damaged_items, s->cut ? ", cut off" : "");
}


static void
spool_time_text(char text[32], uint64_t ns)
{
    time_t     s;
    struct tm  tm;

    s = (time_t) (ns / 1000000000);

    if (ns == 0 || gmtime_r(&s, &tm) == NULL
        || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    {
        strcpy(text, "-");
    }
}


int
spool_dump(const spool_list_t *list, const spool_options_t *opt)
{
    int              rc, one;
    size_t           i;
    qoe_buf_t        payload, json;
    spool_segment_t  s;

    rc = SPOOL_EXIT_OK;
    qoe_buf_init(&payload, &qoe_mem_heap, QOE_SEGMENT_PAYLOAD_MAX + 1);
    qoe_buf_init(&json, &qoe_mem_heap, SPOOL_JSON_MAX);

    for (i = 0; i < list->n; i++) {
        one = SPOOL_EXIT_OK;

        if (spool_open(&s, &list->file[i])) {
            one = spool_dump_segment(&s, opt, &payload, &json);
            spool_close(&s);
        }

        rc = qoe_max(rc, s.failed ? SPOOL_EXIT_ERROR : one);
    }

    qoe_buf_free(&payload);
    qoe_buf_free(&json);

    return rc;
}


static int
spool_dump_segment(spool_segment_t *s, const spool_options_t *opt,
    qoe_buf_t *payload, qoe_buf_t *json)
{
    bool                  bad;
    qoe_status_t          rc;
    qoe_segment_record_t  record;

    bad = false;

    while ((rc = spool_next(s, &record, payload)) != QOE_DONE) {
        if (rc == QOE_OK && spool_wanted(opt, &record)) {
            bad |= !spool_dump_record(s, &record,
                                (qoe_span_t) { payload->data, payload->len },
                                json);
        }
    }

    if (spool_is_damaged(s)) {
        spool_error("\"%s\" is damaged, see openqoe-spool verify",
                    s->file->path);
        bad = true;
    }

    return bad ? SPOOL_EXIT_BAD : SPOOL_EXIT_OK;
}


static bool
spool_dump_record(const spool_segment_t *s,
    const qoe_segment_record_t *record, qoe_span_t payload, qoe_buf_t *json)
{
    qoe_status_t  rc;

    rc = spool_json(json, record, payload);

    if (rc != QOE_OK) {
        spool_error("\"%s\", record %" PRIu64 ": %s", s->file->path,
                    record->sequence,
                    rc == QOE_NOMEM ? "no memory" : "not an OTLP request");
        return false;
    }

    fwrite(json->data, 1, json->len, stdout);
    putchar('\n');

    if (ferror(stdout)) {
        spool_error("cannot write: %s", strerror(errno));
        exit(SPOOL_EXIT_ERROR);
    }

    return true;
}


qoe_status_t
spool_json(qoe_buf_t *json, const qoe_segment_record_t *record,
    qoe_span_t payload)
{
    qoe_arena_t   arena;
    qoe_status_t  rc;
    qoe_signal_t  signal;

    qoe_buf_reset(json);

    signal = spool_signal(record);
    if (signal == QOE_SIGNALS) {
        return QOE_INVALID;
    }

    qoe_arena_init(&arena, &qoe_mem_heap, SPOOL_CHUNK,
                   SPOOL_CHUNK + QOE_OTLP_UNPACKED * payload.len);

    rc = qoe_otlp_transcode(json, signal, payload, &arena);

    qoe_arena_free(&arena);

    return rc;
}
