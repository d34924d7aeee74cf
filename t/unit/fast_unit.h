
/*
 * Copyright (C) OpenQoE
 *
 * Runs a body through the single-pass decoder and through jansson, for the
 * decoder's tests: fast_test.c, fast_fault_test.c and fast_random_test.c, which
 * define _GNU_SOURCE for mmap().  src/lib.mk builds these tests twice, and the
 * second time with the portable scanner.
 */


#ifndef _FAST_UNIT_H_INCLUDED_
#define _FAST_UNIT_H_INCLUDED_


#include "tap.h"
#include "decode_same.h"

#include <sys/mman.h>


#define NOW                1765976635154
#define NOW_TEXT           "1765976635154"

#define IDS                                                                   \
    "\"org_id\":\"o\",\"player_id\":\"p\",\"view_id\":\"v\","                 \
    "\"session_id\":\"s\",\"viewer_id\":\"w\""
#define BASE                                                                  \
    "\"event_type\":\"playing\",\"event_time\":" NOW_TEXT "," IDS
#define BODY(event)        "{\"events\":[{" event "}]}"
#define EV(more)           BODY(BASE more)
#define DATA(members)      EV(",\"data\":{" members "}")

#define GUARDED            (1 << 20)
#define PADDING            4096


typedef struct {
    qoe_arena_t    arena;
    qoe_batch_t    batch;
    qoe_status_t   status;
} run_t;


static const qoe_custom_type_t  customs[] = {
    { { "adbreak", 7 }, QOE_SEVERITY_WARN }
};

static qoe_decode_conf_t  conf = {
    20, 86400000, 300000, customs, 1, NULL, 0
};

/* The body ends where the memory that may be read ends. */

static char  *guard_end;


static inline void
guard_init(void)
{
    char  *p;

    p = mmap(NULL, GUARDED * 2, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p, GUARDED, PROT_READ|PROT_WRITE) != 0) {
        perror("mmap");
        exit(2);
    }

    guard_end = p + GUARDED;
}


static inline qoe_span_t
guarded(const char *body, size_t len)
{
    char  *p;

    p = guard_end - len;
    memcpy(p, body, len);

    return (qoe_span_t) { p, len };
}


static inline void
start(run_t *r)
{
    qoe_arena_init(&r->arena, &qoe_mem_heap, 4096, 64 * 1024 * 1024);
}


static inline void
done(run_t *r)
{
    qoe_arena_free(&r->arena);
}


/*
 * The same body with blanks before its last byte: of a short one the first
 * event is taken for the only one, and nothing is shared with it.
 */

static inline qoe_span_t
padded(const char *body, size_t len)
{
    char  *p;

    p = guard_end - len - PADDING;
    memcpy(p, body, len);

    if (len != 0) {
        memset(p + len - 1, ' ', PADDING);
        guard_end[-1] = body[len - 1];
        len += PADDING;
    }

    return (qoe_span_t) { guard_end - len, len };
}


/*
 * Decodes a body by the single pass and by jansson: NULL, or what is wrong.
 * *taken says what the single pass did.
 */

static inline const char *
decode_all(qoe_span_t body, bool *taken)
{
    run_t               slow, fast;
    const char         *wrong;
    qoe_broken_place_t  place;

    start(&slow);
    start(&fast);
    wrong = NULL;

    fast.status = qoe_fast_decode(&fast.batch, body, &conf, NOW, &fast.arena,
                                  &place);
    *taken = (fast.status != QOE_DONE);

    if (*taken) {
        slow.status = qoe_decode_jansson(&slow.batch, body.data, body.len,
                                         &conf, NOW, &slow.arena);

        wrong = (slow.status != fast.status)
                ? "another status" : same_batch(&fast.batch, &slow.batch);
    }

    done(&fast);
    done(&slow);

    return wrong;
}


/* Compares what callers get with what jansson alone would have given them. */

static inline const char *
decode_whole(qoe_span_t body)
{
    run_t        whole, slow;
    const char  *wrong;

    start(&whole);
    start(&slow);

    whole.status = qoe_decode(&whole.batch, body.data, body.len, &conf, NOW,
                              &whole.arena);
    slow.status = qoe_decode_jansson(&slow.batch, body.data, body.len, &conf,
                                     NOW, &slow.arena);

    wrong = (whole.status != slow.status)
            ? "another status" : same_batch(&whole.batch, &slow.batch);

    done(&whole);
    done(&slow);

    return wrong;
}


typedef struct {
    const char    *body;
    size_t         len;          /* 0: of a string */
    bool           taken;
} case_t;


static inline void
check_cases(const char *what, const case_t *cases, size_t n)
{
    bool         taken;
    char         name[72];
    size_t       i, k, len;
    qoe_span_t   body;
    const char  *wrong;

    for (i = 0; i < n; i++) {
        len = cases[i].len ? cases[i].len : strlen(cases[i].body);
        body = guarded(cases[i].body, len);

        wrong = decode_all(body, &taken);

        if (wrong == NULL && taken != cases[i].taken) {
            wrong = taken ? "taken" : "declined";
        }

        if (wrong == NULL) {
            wrong = decode_whole(body);
        }

        if (wrong == NULL) {
            wrong = decode_all(padded(cases[i].body, len), &taken);
        }

        if (wrong == NULL && taken != cases[i].taken) {
            wrong = taken ? "taken with blanks" : "declined with blanks";
        }

        /*
         * The end of a body says more than its beginning, which is always the
         * same.
         */

        snprintf(name, sizeof(name), "%s",
                 cases[i].body + (len < 71 ? 0 : len - 71));

        for (k = 0; name[k] != '\0'; k++) {
            name[k] = (name[k] < 0x20 || name[k] == '#') ? '.' : name[k];
        }

        ok(wrong == NULL,
           "both decoders agree on %s, case %zu: %s%s%s",
           what, i, name, wrong ? ": " : "",
           wrong ? wrong : "");
    }
}


#define check(what, cases)                                                    \
    check_cases(what, cases, sizeof(cases) / sizeof(cases[0]))


#endif /* _FAST_UNIT_H_INCLUDED_ */
