
/*
 * Copyright (C) OpenQoE
 *
 * Usage: decode_cli NOW FILE...
 * Decodes each file at that Unix time in milliseconds and prints a line about
 * it for t/decode_corpus.t: file, status, events, rejected, unknown keys, then
 * event (-1: the body), field and reason of the first error, between tabs.
 */


#include "qoe_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>


static char *
read_file(const char *path, size_t *len)
{
    long   size;
    FILE  *f;
    char  *body;

    f = fopen(path, "rb");

    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
        return NULL;
    }

    /*
     * The memory is exactly as long as the file, so that a sanitizer sees a
     * read past it.
     */

    *len = (size_t) size;
    body = malloc(*len + (*len == 0));

    rewind(f);

    if (body == NULL || fread(body, 1, *len, f) != *len) {
        return NULL;
    }

    fclose(f);

    return body;
}


static int
decode_file(const char *path, int64_t now)
{
    char                            *body;
    size_t                           len;
    qoe_arena_t                      arena;
    qoe_batch_t                      batch;
    qoe_status_t                     status;
    static const qoe_decode_conf_t   conf = {
        .max_events = QOE_EVENTS_MAX,
        .max_age_ms = 86400000,
        .max_ahead_ms = 300000
    };
    static const char *const         names[] = {
        [QOE_OK] = "ok",
        [QOE_INVALID] = "invalid",
        [QOE_NOMEM] = "nomem"
    };

    body = read_file(path, &len);

    if (body == NULL) {
        perror(path);
        return 1;
    }

    qoe_arena_init(&arena, &qoe_mem_heap, 65536, 16 * 1024 * 1024);
    status = qoe_decode(&batch, body, len, &conf, now, &arena);

    printf("%s\t%s\t%zu\t%zu\t%zu\t%zd\t%s\t%s\n", path, names[status],
           batch.nevents, batch.nrejected, batch.unknown_keys,
           (ssize_t) batch.errors[0].event, batch.errors[0].field,
           batch.errors[0].reason);

    qoe_arena_free(&arena);
    free(body);

    return 0;
}


int
main(int argc, char **argv)
{
    int      i, rc;
    int64_t  now;

    if (argc < 3) {
        fprintf(stderr, "usage: %s NOW FILE...\n", argv[0]);
        return 2;
    }

    now = strtoll(argv[1], NULL, 10);
    rc = 0;

    for (i = 2; i < argc; i++) {
        rc |= decode_file(argv[i], now);
    }

    return rc;
}
