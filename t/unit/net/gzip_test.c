
/*
 * Copyright (C) OpenQoE
 */


#include "tap.h"
#include "otlp_logs_records.h"
#include "qoe_gzip.h"


#define TEXT_MAX       2000000

/* How much zlib inflates at once: not a divisor of any size that matters. */
#define PIECE_IN       997
#define PIECE_OUT      4093


static uint32_t  seed = 1;


static uint32_t
next_random(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;

    return (uint32_t) (((uint64_t) seed * n) >> 32);
}


/*
 * Whether zlib makes text of packed, which must be one whole gzip member,
 * given pieces of so many bytes and room for so many.
 */

static bool
unpacks_in_pieces(const char *packed, size_t len, qoe_span_t text,
    size_t piece_in, size_t piece_out)
{
    int        rc;
    bool       same;
    char      *out;
    size_t     used, made;
    z_stream   z;

    memset(&z, 0, sizeof(z));

    out = malloc(text.len + 1);
    if (out == NULL || inflateInit2(&z, 15 + 16) != Z_OK) {
        free(out);
        return false;
    }

    used = 0;
    made = 0;

    do {
        z.next_in = (Bytef *) packed + used;
        z.avail_in = (uInt) qoe_min(piece_in, len - used);
        z.next_out = (Bytef *) out + made;
        z.avail_out = (uInt) qoe_min(piece_out, text.len + 1 - made);

        rc = inflate(&z, Z_NO_FLUSH);

        used = (size_t) z.total_in;
        made = (size_t) z.total_out;

    } while (rc == Z_OK);

    same = (rc == Z_STREAM_END && used == len && made == text.len
            && (made == 0 || memcmp(out, text.data, made) == 0));

    inflateEnd(&z);
    free(out);

    return same;
}


static bool
unpacks_to(const char *packed, size_t len, qoe_span_t text)
{
    return unpacks_in_pieces(packed, len, text, len, text.len + 1);
}


/* Runs of bytes that cannot be packed among runs that can. */

static void
fill_mixed(char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        p[i] = (char) ((i / 50) % 3 == 0 ? next_random(256) : 'a' + i % 7);
    }
}


static void
fill_random(char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        p[i] = (char) next_random(256);
    }
}


static void
fill_same(char *p, size_t len)
{
    memset(p, 'x', len);
}


/* What an exporter sends: log records of a few sessions, cut anywhere. */

static void
fill_batch(char *p, size_t len)
{
    char          text[64];
    size_t        nbad, n;
    rec_t         r;
    qoe_buf_t     batch;
    qoe_span_t    record;
    qoe_arena_t   scratch;

    static qoe_otlp_identity_t  nameless;

    qoe_arena_init(&scratch, &qoe_mem_heap, 4096, 1 << 20);
    qoe_buf_init(&batch, &qoe_mem_heap, TEXT_MAX + 4096);

    while (batch.len < len) {
        memset(&r, 0, sizeof(r));
        r.meta.received_ns = 1765976635000000000 + batch.len;

        set_str(&r, QOE_FIELD_ORG_ID, "acme-media");
        set_str(&r, QOE_FIELD_PLAYER_ID, "web-player-main");

        snprintf(text, sizeof(text), "018bcfe5-6800-7abc-9000-%012x",
                 next_random(5));
        set_str(&r, QOE_FIELD_SESSION_ID, text);

        record = pack(&r);

        if (qoe_otlp_logs(&batch, &nameless, &record, 1, &nbad, &scratch)
            != QOE_OK || nbad != 0)
        {
            abort();
        }

        free((void *) record.data);
        qoe_arena_reset(&scratch);
    }

    n = qoe_min(len, batch.len);

    if (n != 0) {
        memcpy(p, batch.data, n);
    }

    qoe_buf_free(&batch);
    qoe_arena_free(&scratch);
}


static const struct {
    const char  *name;
    void       (*fill)(char *p, size_t len);
} kinds[] = {
    { "mixed bytes", fill_mixed },
    { "random bytes", fill_random },
    { "one byte repeated", fill_same },
    { "an OTLP batch", fill_batch }
};

#define KINDS          (sizeof(kinds) / sizeof(kinds[0]))


static char *
sample(size_t len)
{
    char  *p;

    p = malloc(len + 1);
    if (p == NULL) {
        exit(1);
    }

    fill_mixed(p, len);

    return p;
}


/*
 * Lengths around powers of two and the ends of windows and blocks, and random
 * ones.
 */

static size_t
next_length(size_t step)
{
    if (step < 300) {
        return step;
    }

    if (step < 340) {
        return ((size_t) 1 << (8 + (step - 300) / 5)) + step % 5 - 2;
    }

    return next_random(TEXT_MAX >> next_random(10));
}


/* A stream that packs text of every length, one after another. */

static void
test_differential(int level, size_t kind)
{
    bool        good;
    char       *text;
    size_t      step, wrong;
    qoe_buf_t   out;
    qoe_gzip_t  gz;
    qoe_span_t  in;

    text = malloc(TEXT_MAX);
    if (text == NULL) {
        exit(1);
    }

    kinds[kind].fill(text, TEXT_MAX);
    wrong = 0;

    qoe_buf_init(&out, &qoe_mem_heap, 2 * TEXT_MAX);

    if (qoe_gzip_init(&gz, &qoe_mem_heap, level) != QOE_OK) {
        abort();
    }

    for (step = 0; step < 360; step++) {
        in.len = next_length(step);
        in.data = text + next_random((uint32_t) (TEXT_MAX - in.len));

        qoe_buf_reset(&out);

        good = qoe_gzip(&gz, &out, in) == QOE_OK
               && unpacks_in_pieces(out.data, out.len, in, PIECE_IN,
                                    PIECE_OUT);
        wrong += !good;
    }

    ok(wrong == 0,
       "level %d, %s: zlib inflates %zu lengths in pieces to what was packed",
       level, kinds[kind].name, step);

    qoe_gzip_free(&gz);
    qoe_buf_free(&out);
    free(text);
}


static void
test_levels(void)
{
    int         level;
    bool        good;
    char       *text;
    size_t      i, size[10];
    qoe_buf_t   out;
    qoe_gzip_t  gz;
    qoe_span_t  in;

    text = malloc(600000);
    if (text == NULL) {
        exit(1);
    }

    fill_batch(text, 600000);
    in = (qoe_span_t) { text, 600000 };
    good = true;
    size[0] = in.len;

    for (level = 1; level <= 9; level++) {
        qoe_buf_init(&out, &qoe_mem_heap, 1000000);

        good &= qoe_gzip_init(&gz, &qoe_mem_heap, level) == QOE_OK
                && qoe_gzip(&gz, &out, in) == QOE_OK
                && unpacks_to(out.data, out.len, in);
        size[level] = out.len;

        qoe_gzip_free(&gz);
        qoe_buf_free(&out);

        for (i = 0; i < KINDS; i++) {
            test_differential(level, i);
        }
    }

    ok(good, "each level packs a batch so that zlib unpacks it");
    ok(size[1] < in.len / 4, "level 1 packs a batch to less than a quarter");
    /* level 3 of ISA-L on aarch64 takes a hundredth more than its level 1 */
    ok(size[3] <= size[1] + size[1] / 50 && size[6] <= size[3]
       && size[6] <= size[1] && size[9] <= size[6],
       "a higher level takes no more, but for a trifle: %zu, %zu, %zu, %zu",
       size[1], size[3], size[6], size[9]);

    ok(qoe_gzip_init(&gz, &qoe_mem_heap, 0) == QOE_INVALID,
       "there is no level 0");
    qoe_gzip_free(&gz);
    ok(qoe_gzip_init(&gz, &qoe_mem_heap, 10) == QOE_INVALID,
       "there is no level 10");
    qoe_gzip_free(&gz);

    free(text);
}


/* The stream is made once, and a batch allocates nothing. */

static void
test_no_allocation(void)
{
    int          level;
    long         before;
    char        *text;
    size_t       i;
    qoe_buf_t    out;
    tap_mem_t    m;
    qoe_gzip_t   gz;
    qoe_span_t   in;

    text = sample(100000);

    for (level = 1; level <= 9; level += 5) {
        tap_mem(&m, -1);
        qoe_buf_init(&out, &m.mem, 1000000);
        qoe_gzip_init(&gz, &m.mem, level);
        (void) qoe_buf_reserve(&out, 200000);
        before = m.count;

        for (i = 0; i < 20; i++) {
            in = (qoe_span_t) { text, 5000 * i };
            qoe_buf_reset(&out);
            (void) qoe_gzip(&gz, &out, in);
        }

        ok(m.count == before && unpacks_to(out.data, out.len, in),
           "level %d: twenty batches allocate nothing", level);

        qoe_gzip_free(&gz);
        qoe_buf_free(&out);
    }

    free(text);
}


/*
 * The library that was built in is used, for the levels that it is meant for.
 */

static void
test_library(void)
{
    int         level;
    bool        good, isal;
    qoe_gzip_t  gz;

#if (QOE_ISAL)
    isal = true;
#else
    isal = false;
#endif

    good = true;

    for (level = 1; level <= 9; level++) {
        if (qoe_gzip_init(&gz, &qoe_mem_heap, level) != QOE_OK) {
            abort();
        }

        good &= (gz.isal != NULL) == (isal && level <= 3);

        qoe_gzip_free(&gz);
    }

    ok(good, "%s", isal ? "ISA-L packs levels 1 to 3, zlib the others"
                        : "a build without ISA-L packs all levels by zlib");
}


static void
test_append_and_limits(int level)
{
    char         *text;
    qoe_buf_t     out;
    qoe_span_t    in;
    qoe_gzip_t    gz;
    qoe_status_t  status;

    text = sample(10000);
    in = (qoe_span_t) { text, 10000 };

    qoe_gzip_init(&gz, &qoe_mem_heap, level);

    qoe_buf_init(&out, &qoe_mem_heap, 20000);
    qoe_buf_literal(&out, "head");
    status = qoe_gzip(&gz, &out, in);
    ok(status == QOE_OK && memcmp(out.data, "head", 4) == 0
       && unpacks_to(out.data + 4, out.len - 4, in),
       "level %d: packed bytes follow what the buffer holds", level);
    qoe_buf_free(&out);

    qoe_buf_init(&out, &qoe_mem_heap, 1000);
    qoe_buf_literal(&out, "head");
    ok(qoe_gzip(&gz, &out, in) == QOE_TOO_LARGE,
       "a batch that may not fit is refused");
    ok(out.len == 4 && out.status == QOE_OK,
       "a buffer without room stays as it was");

    in.len = 100;
    ok(qoe_gzip(&gz, &out, in) == QOE_OK
       && unpacks_to(out.data + 4, out.len - 4, in),
       "the next batch is packed after a refusal");
    qoe_buf_free(&out);

    qoe_gzip_free(&gz);
    free(text);
}


static void
test_nomem(int level)
{
    long          n;
    bool          wrong;
    char         *text;
    qoe_buf_t     out;
    qoe_gzip_t    gz;
    tap_mem_t     m;
    qoe_status_t  status;

    text = sample(200000);
    wrong = false;

    for (n = 0; n < 100; n++) {

        tap_mem(&m, n);
        qoe_buf_init(&out, &m.mem, 1000000);

        status = qoe_gzip_init(&gz, &m.mem, level);

        if (status == QOE_OK) {
            status = qoe_gzip(&gz, &out, (qoe_span_t) { text, 200000 });
        }

        qoe_gzip_free(&gz);
        qoe_buf_free(&out);

        wrong |= (status != (m.failed ? QOE_NOMEM : QOE_OK) || m.live != 0);

        if (m.failed == 0) {
            break;
        }
    }

    ok(!wrong && n > 1 && n < 100,
       "level %d: the failure of each of %ld allocations is reported",
       level, n);

    free(text);
}


int
main(void)
{
    test_library();
    test_levels();
    test_no_allocation();
    test_append_and_limits(1);
    test_append_and_limits(6);
    test_nomem(1);
    test_nomem(6);

    return tap_end();
}
