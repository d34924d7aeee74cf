
/*
 * Copyright (C) OpenQoE
 */


#include "tap.h"
#include "qoe_gzip.h"


/* Whether packed is one whole gzip member that holds text. */

static bool
unpacks_to(const char *packed, size_t len, qoe_span_t text)
{
    int        rc;
    bool       same;
    char      *out;
    z_stream   z;

    memset(&z, 0, sizeof(z));

    out = malloc(text.len + 1);
    if (out == NULL || inflateInit2(&z, 15 + 16) != Z_OK) {
        free(out);
        return false;
    }

    z.next_in = (Bytef *) packed;
    z.avail_in = (uInt) len;
    z.next_out = (Bytef *) out;
    z.avail_out = (uInt) text.len + 1;

    rc = inflate(&z, Z_FINISH);
    same = (rc == Z_STREAM_END && z.avail_in == 0 && z.total_out == text.len
            && memcmp(out, text.data, text.len) == 0);

    inflateEnd(&z);
    free(out);

    return same;
}


static char *
sample(size_t len)
{
    char      *p;
    size_t     i;
    uint32_t   x;

    p = malloc(len + 1);
    if (p == NULL) {
        exit(1);
    }

    x = 1;

    for (i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        p[i] = (char) ((i / 50) % 3 == 0 ? x >> 24 : 'a' + i % 7);
    }

    return p;
}


static void
test_levels(void)
{
    int         level, round;
    bool        good;
    char       *text;
    qoe_buf_t   out;
    qoe_gzip_t  gz;

    static const size_t  sizes[] = { 1, 100000, 17, 2000000, 0 };

    text = sample(2000000);
    qoe_buf_init(&out, &qoe_mem_heap, 16 * 1024 * 1024);

    for (level = 1; level <= 9; level += 4) {

        ok(qoe_gzip_init(&gz, &qoe_mem_heap, level) == QOE_OK, "init %d",
           level);

        for (round = 0; round < 5; round++) {
            qoe_span_t  in = { text, sizes[round] };

            qoe_buf_reset(&out);
            good = (qoe_gzip(&gz, &out, in) == QOE_OK)
                   && unpacks_to(out.data, out.len, in);

            ok(good, "level %d, %zu bytes, stream used again", level, in.len);
        }

        qoe_gzip_free(&gz);
    }

    ok(qoe_gzip_init(&gz, &qoe_mem_heap, 0) == QOE_INVALID, "level 0");
    qoe_gzip_free(&gz);
    ok(qoe_gzip_init(&gz, &qoe_mem_heap, 10) == QOE_INVALID, "level 10");
    qoe_gzip_free(&gz);

    qoe_buf_free(&out);
    free(text);
}


static void
test_append_and_limits(void)
{
    char         *text;
    qoe_buf_t     out;
    qoe_span_t    in;
    qoe_gzip_t    gz;
    qoe_status_t  status;

    text = sample(10000);
    in = (qoe_span_t) { text, 10000 };

    qoe_gzip_init(&gz, &qoe_mem_heap, 6);

    qoe_buf_init(&out, &qoe_mem_heap, 20000);
    qoe_buf_literal(&out, "head");
    status = qoe_gzip(&gz, &out, in);
    ok(status == QOE_OK && memcmp(out.data, "head", 4) == 0
       && unpacks_to(out.data + 4, out.len - 4, in), "appends");
    qoe_buf_free(&out);

    qoe_buf_init(&out, &qoe_mem_heap, 1000);
    qoe_buf_literal(&out, "head");
    ok(qoe_gzip(&gz, &out, in) == QOE_TOO_LARGE, "no room");
    ok(out.len == 4 && out.status == QOE_OK, "the buffer is as it was");

    in.len = 100;
    ok(qoe_gzip(&gz, &out, in) == QOE_OK
       && unpacks_to(out.data + 4, out.len - 4, in), "works after that");
    qoe_buf_free(&out);

    qoe_gzip_free(&gz);
    free(text);
}


static void
test_nomem(void)
{
    long          n;
    bool          wrong;
    qoe_buf_t     out;
    qoe_gzip_t    gz;
    tap_mem_t     m;
    qoe_status_t  status;

    wrong = false;

    for (n = 0; n < 100; n++) {

        tap_mem(&m, n);
        qoe_buf_init(&out, &m.mem, 100000);

        status = qoe_gzip_init(&gz, &m.mem, 1);

        if (status == QOE_OK) {
            status = qoe_gzip(&gz, &out, qoe_span("text"));
        }

        qoe_gzip_free(&gz);
        qoe_buf_free(&out);

        wrong |= (status != (m.failed ? QOE_NOMEM : QOE_OK) || m.live != 0);

        if (m.failed == 0) {
            break;
        }
    }

    ok(!wrong && n > 1 && n < 100, "each of %ld allocations may fail", n);
}


int
main(void)
{
    test_levels();
    test_append_and_limits();
    test_nomem();

    return tap_end();
}
