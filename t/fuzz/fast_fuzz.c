
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: any bytes into the single-pass decoder, and into jansson, which is
 * right.  Where the single pass does not decline the body, both give the same
 * result, with all errors; and qoe_decode() gives what jansson gives.  Built a
 * second time with the portable scanner, as fast_portable_fuzz.  Seeds:
 * t/tools/corpus_seed.pl.
 */


#include "../unit/decode_same.h"
#include "qoe_source.h"

#include <stdio.h>
#include <stdlib.h>


#define NOW        1765976635154
#define BLOCK      4096
#define ARENA      (1 << 30)
#define PADDING    2048

#define check(cond)                                                           \
    do {                                                                      \
        if (!(cond)) {                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);        \
            abort();                                                          \
        }                                                                     \
    } while (0)

#define DATA(name, key)        { { name, sizeof(name) - 1 }, QOE_SOURCE_DATA, \
                                 0, { key, sizeof(key) - 1 }, { NULL, 0 } }
#define BELOW(name, key, sub)  { { name, sizeof(name) - 1 }, QOE_SOURCE_DATA, \
                                 0, { key, sizeof(key) - 1 },                 \
                                 { sub, sizeof(sub) - 1 } }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


typedef struct {
    qoe_arena_t   arena;
    qoe_batch_t   batch;
    qoe_status_t  status;
} run_t;


/* Several sources of the same key, in an order that is not the text's. */

static const qoe_source_t  sources[] = {
    BELOW("height", "resolution", "height"),
    DATA("media", "media_type"),
    BELOW("width", "resolution", "width"),
    DATA("resolution", "resolution"),
    DATA("plan", "x"),
    DATA("again", "media_type"),
    BELOW("fatal", "error_context", "fatal")
};

static const qoe_custom_type_t  types[] = {
    { { "adbreak", 7 }, QOE_SEVERITY_WARN }
};

static qoe_decode_conf_t  conf = {
    .max_events = 20,
    .max_age_ms = 86400000,
    .max_ahead_ms = 300000,
    .types = types,
    .ntypes = 1,
    .sources = sources
};


static void
start(run_t *r)
{
    qoe_arena_init(&r->arena, &qoe_mem_heap, BLOCK, ARENA);
}


static void
end(run_t *r)
{
    qoe_arena_free(&r->arena);
}


/* Keys beyond those that an event may have are not compared. */

static bool
keys_dropped(const run_t *r)
{
    size_t  i;

    for (i = 0; i < r->batch.nerrors; i++) {
        if (strstr(r->batch.errors[i].reason, "1024 keys") != NULL) {
            return true;
        }
    }

    return r->batch.nerrors == QOE_DECODE_ERRORS_MAX;
}


static bool
keys_twice(const run_t *r)
{
    return strstr(r->batch.errors[0].reason, "a key occurs twice") != NULL;
}


static void
check_same(const run_t *a, const run_t *b)
{
    const char  *what;

    if (keys_dropped(a) && keys_twice(b)) {
        return;
    }

    check(a->status == b->status);

    what = same_batch(&a->batch, &b->batch);

    if (what != NULL) {
        fprintf(stderr, "not the same: %s\n", what);
    }

    check(what == NULL);
}


static void
check_body(qoe_span_t body)
{
    run_t               fast, whole;
    static run_t        slow;
    qoe_broken_place_t  place;

    start(&slow);
    slow.status = qoe_decode_jansson(&slow.batch, body.data, body.len, &conf,
                                     NOW, &slow.arena);

    start(&fast);
    fast.status = qoe_fast_decode(&fast.batch, body, &conf, NOW, &fast.arena,
                                  &place);

    check(fast.status == QOE_OK || fast.status == QOE_INVALID
          || fast.status == QOE_DONE);

    if (fast.status != QOE_DONE) {
        check_same(&fast, &slow);
    }

    end(&fast);

    start(&whole);
    whole.status = qoe_decode(&whole.batch, body.data, body.len, &conf, NOW,
                              &whole.arena);
    check_same(&whole, &slow);

    end(&whole);
    end(&slow);
}


/*
 * The body gets blanks before its last byte: in a short body the first event
 * is taken for the only one, and nothing is shared with it.
 */

static void
check_padded(const char *body, size_t len)
{
    char  *p;

    p = malloc(len + PADDING);
    check(p != NULL);

    memcpy(p, body, len);
    memset(p + len - 1, ' ', PADDING);
    p[len + PADDING - 1] = body[len - 1];

    check_body((qoe_span_t) { p, len + PADDING });
    free(p);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    conf.nsources = (size % 2 != 0) ? sizeof(sources) / sizeof(sources[0]) : 0;

    check_body((qoe_span_t) { (const char *) data, size });

    if (size != 0) {
        check_padded((const char *) data, size);
    }

    return 0;
}
