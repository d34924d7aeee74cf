
/*
 * Copyright (C) OpenQoE
 *
 * The single-pass decoder against jansson, on bodies that are not hand-picked:
 * strings of all lengths, random numbers, edited bodies, memory that fails.
 */


#define _GNU_SOURCE              /* MAP_ANONYMOUS */

#include "fast_unit.h"
#include "qoe_number.h"

#include <math.h>


#define REALISTIC          "t/data/realistic.jsonl"
#define MUTATIONS          300000


/*
 * Every string length up to some steps of the scanner, with each kind of end.
 */

static void
test_lengths(void)
{
    bool         taken;
    char         body[512];
    int          len;
    size_t       n, i, bad, kinds;
    const char  *wrong;

    static const struct {
        const char  *end;
        bool         taken;
    } ends[] = {
        { "", true }, { "\\n", true }, { "\xc3\xa9", true },
        { "\\u00e9x", true }, { "\x01", false }, { "\xc3", false },
        { "\\", false }, { "\\ud800", true }, { "\\\\", true }
    };

    bad = 0;
    kinds = sizeof(ends) / sizeof(ends[0]);

    for (n = 0; n < 140; n++) {
        for (i = 0; i < kinds * 2; i++) {
            len = snprintf(body, sizeof(body),
                           (i < kinds) ? "{\"events\":[{" BASE
                                         ",\"env\":\"%0*d%s\"}]}"
                                       : "{\"events\":[{" BASE
                                         "}],\"a\":\"%0*d%s\"}",
                           (int) n + 1, 0, ends[i % kinds].end);

            wrong = decode_all(guarded(body, (size_t) len), &taken);
            bad += (wrong != NULL || taken != ends[i % kinds].taken);
        }
    }

    ok(bad == 0,
       "strings of all lengths are read as the oracle reads them, whatever "
       "they hold");
}


static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;

    return *state;
}


/*
 * The numbers are compared with those of strtod(), which the C library rounds
 * right.
 */

static void
test_rounding(void)
{
    int       exp;
    char      text[64];
    double    got, want;
    size_t    i, bad;
    uint64_t  state, digits;

    state = 88172645463325252;
    bad = 0;

    for (i = 0; i < 200000; i++) {
        digits = next_random(&state) >> (next_random(&state) % 64);
        exp = (int) (next_random(&state) % 80) - 45;

        /*
         * Some numbers lie half way between two doubles, or just beside that.
         */

        if (i % 4 == 0) {
            digits = (digits | (uint64_t) 1 << 63) & ~(uint64_t) 2047;
            digits += 1024 + next_random(&state) % 3 - 1;
            exp = (int) (i / 4 % 3) - 1;
        }

        snprintf(text, sizeof(text), "%llue%d", (unsigned long long) digits,
                 exp);
        want = strtod(text, NULL);
        got = qoe_number_decimal(digits, exp);
        bad += (memcmp(&got, &want, sizeof(double)) != 0);
    }

    ok(bad == 0, "%zu numbers are rounded as strtod() does", i);
    ok(isinf(qoe_number_decimal(1, 400)) && qoe_number_decimal(1, -400) == 0
       && qoe_number_decimal(0, 9999) == 0,
       "numbers out of range become infinite or zero");
}


typedef struct {
    char        *text;
    qoe_span_t   line[32];
    size_t       n;
} bodies_t;


static void
read_bodies(bodies_t *b)
{
    FILE    *f;
    char    *p, *nl;
    size_t   len;

    b->n = 0;
    b->text = malloc(1 << 16);
    f = fopen(REALISTIC, "rb");
    len = (f != NULL) ? fread(b->text, 1, 1 << 16, f) : 0;

    for (p = b->text;
         b->n < 32
         && (nl = memchr(p, '\n', len - (size_t) (p - b->text))) != NULL;
         p = nl + 1)
    {
        b->line[b->n++] = (qoe_span_t) { p, (size_t) (nl - p) };
    }

    if (f != NULL) {
        fclose(f);
    }

    ok(b->n >= 10 && len < 1 << 16, "%zu bodies of " REALISTIC, b->n);
}


static void
test_realistic(const bodies_t *b)
{
    bool         taken;
    size_t       i;
    qoe_span_t   body;
    const char  *wrong;

    for (i = 0; i < b->n; i++) {
        body = guarded(b->line[i].data, b->line[i].len);
        wrong = decode_all(body, &taken);

        ok(wrong == NULL && taken && decode_whole(body) == NULL,
           "realistic body %zu is not declined: %s", i, wrong ? wrong : "");
    }
}


/* Makes one to three edits of a body. */

static size_t
mutate(char *p, size_t len, size_t max, uint64_t *state)
{
    size_t             at, n, from, edits;
    static const char  alphabet[] = "\"\"\"\\\\,,::{}[]{}[] \n0019.-eEtfnu\0"
                                    "\x01\x1f\x7f\x80\xc3\xa9\xed\xa0\xf4";

    for (edits = next_random(state) % 3 + 1; edits != 0; edits--) {
        at = next_random(state) % len;

        switch (next_random(state) % 4) {

        case 0:                      /* another byte */
            p[at] = alphabet[next_random(state) % (sizeof(alphabet) - 1)];
            break;

        case 1:                      /* a byte more */
            if (len < max) {
                memmove(p + at + 1, p + at, len - at);
                p[at] = alphabet[next_random(state) % (sizeof(alphabet) - 1)];
                len++;
            }

            break;

        case 2:                      /* some bytes less */
            n = next_random(state) % 8 + 1;
            n = qoe_min(n, len - at);
            memmove(p + at, p + at + n, len - at - n);
            len -= n;
            break;

        default:                     /* a piece from elsewhere */
            n = next_random(state) % 24;
            from = next_random(state) % len;
            n = qoe_min(n, qoe_min(len - at, len - from));
            memmove(p + at, p + from, n);
            break;
        }

        if (len == 0) {
            return 0;
        }
    }

    return len;
}


static void
test_mutations(const bodies_t *b)
{
    bool         taken;
    char        *copy;
    size_t       i, len, bad, ntaken;
    uint64_t     state;
    qoe_span_t   body;
    const char  *wrong;

    bad = 0;
    ntaken = 0;
    state = 2463534242;
    copy = malloc(1 << 16);

    for (i = 0; i < MUTATIONS; i++) {

        /*
         * The shorter half of the bodies comes more often, because it is
         * decoded sooner.
         */

        body = b->line[next_random(&state) % b->n];

        if (body.len > 1024) {
            body = b->line[b->n - 1 - next_random(&state) % 4];
        }

        memcpy(copy, body.data, body.len);
        len = mutate(copy, body.len, 1 << 16, &state);

        wrong = decode_all((i % 2 == 0) ? guarded(copy, len)
                                        : padded(copy, len), &taken);
        ntaken += taken;

        if (wrong == NULL && (i % 64 == 0 || !taken)) {
            wrong = decode_whole(guarded(copy, len));
        }

        if (wrong != NULL && bad++ == 0) {
            printf("# %s: %.*s\n", wrong, (int) len, copy);
        }
    }

    ok(bad == 0,
       "%zu edited bodies are decoded as the oracle decodes them, %zu of them "
       "by the fast decoder", i, ntaken);
    ok(ntaken > MUTATIONS / 50 && ntaken < MUTATIONS / 2,
       "some edited bodies, but not most, are still taken by the fast decoder");

    free(copy);
}


/* What declining a body leaves of the arena, and memory that fails. */

static void
test_memory(void)
{
    long          n, bad, nomem;
    run_t         r;
    size_t        used;
    tap_mem_t     m;
    qoe_source_t  source;

    static const char  body[] =
        "{\"events\":[{" BASE ",\"env\":\"a\\n\",\"data\":{\"error_code\":403,"
        "\"codec\":1.5,\"plan\":7}},{" BASE "},{" BASE "}]}";
    static const char  refused[] =
        "{\"events\":[{" BASE ",\"env\":\"a\\n\"},{" BASE "},{" BASE "},{}]}";

    ok(qoe_source_parse(&source, qoe_span("plan"), qoe_span("data.plan"))
       == QOE_OK, "data.plan is a source of a dimension");

    conf.sources = &source;
    conf.nsources = 1;
    bad = 0;
    nomem = 0;

    for (n = 0; n < 100; n++) {
        qoe_arena_init(&r.arena, tap_mem(&m, n), 16, 1 << 20);
        r.status = qoe_decode(&r.batch, body, sizeof(body) - 1, &conf, NOW,
                              &r.arena);

        if (r.status == QOE_NOMEM) {
            nomem++;
            bad += (r.batch.nevents != 0);

        } else {
            bad += (r.status != QOE_OK || r.batch.nevents != 3
                    || r.batch.events[0].ndims != 1);
        }

        done(&r);
        bad += (m.live != 0);

        if (m.failed == 0) {
            break;
        }
    }

    /*
     * An event for which an allocation fails once is read again, which
     * succeeds.
     */

    ok(n == 7 && bad == 0 && nomem == 2,
       "where any of %ld allocations fails, all events are decoded or none", n);

    conf.sources = NULL;
    conf.nsources = 0;

    /* What was in the arena before stays, and no more than that. */

    qoe_arena_init(&r.arena, &qoe_mem_heap, 64, 2 * sizeof(qoe_event_t));
    used = (qoe_arena_alloc(&r.arena, 100) != NULL) ? r.arena.used : 0;
    r.status = qoe_decode(&r.batch, refused, sizeof(refused) - 1, &conf, NOW,
                          &r.arena);

    ok(r.status == QOE_NOMEM && r.batch.nevents == 0 && used != 0
       && r.arena.used == used,
       "an arena without room for three events gives none of them and is "
       "unchanged");
    done(&r);
}


int
main(void)
{
    bodies_t  bodies;

    guard_init();

    test_lengths();
    test_rounding();

    read_bodies(&bodies);
    test_realistic(&bodies);
    test_mutations(&bodies);
    free(bodies.text);

    test_memory();

    return tap_end();
}
