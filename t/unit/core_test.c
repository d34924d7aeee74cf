
/*
 * Copyright (C) OpenQoE
 *
 * The arena, the buffer and its JSON strings, SipHash, UUIDs.
 */


#include "tap.h"
#include "qoe_arena.h"
#include "qoe_buf.h"
#include "qoe_hash.h"
#include "qoe_uuid.h"


/*
 * The test vectors of the SipHash-2-4 reference: key 00 01 .. 0f, input of
 * length i is 00 01 02 ..; here as the little-endian number of the 8 bytes.
 */

static const uint64_t  sip_vectors[64] = {
    0x726fdb47dd0e0e31ULL, 0x74f839c593dc67fdULL, 0x0d6c8009d9a94f5aULL,
    0x85676696d7fb7e2dULL, 0xcf2794e0277187b7ULL, 0x18765564cd99a68dULL,
    0xcbc9466e58fee3ceULL, 0xab0200f58b01d137ULL, 0x93f5f5799a932462ULL,
    0x9e0082df0ba9e4b0ULL, 0x7a5dbbc594ddb9f3ULL, 0xf4b32f46226bada7ULL,
    0x751e8fbc860ee5fbULL, 0x14ea5627c0843d90ULL, 0xf723ca908e7af2eeULL,
    0xa129ca6149be45e5ULL, 0x3f2acc7f57c29bdbULL, 0x699ae9f52cbe4794ULL,
    0x4bc1b3f0968dd39cULL, 0xbb6dc91da77961bdULL, 0xbed65cf21aa2ee98ULL,
    0xd0f2cbb02e3b67c7ULL, 0x93536795e3a33e88ULL, 0xa80c038ccd5ccec8ULL,
    0xb8ad50c6f649af94ULL, 0xbce192de8a85b8eaULL, 0x17d835b85bbb15f3ULL,
    0x2f2e6163076bcfadULL, 0xde4daaaca71dc9a5ULL, 0xa6a2506687956571ULL,
    0xad87a3535c49ef28ULL, 0x32d892fad841c342ULL, 0x7127512f72f27cceULL,
    0xa7f32346f95978e3ULL, 0x12e0b01abb051238ULL, 0x15e034d40fa197aeULL,
    0x314dffbe0815a3b4ULL, 0x027990f029623981ULL, 0xcadcd4e59ef40c4dULL,
    0x9abfd8766a33735cULL, 0x0e3ea96b5304a7d0ULL, 0xad0c42d6fc585992ULL,
    0x187306c89bc215a9ULL, 0xd4a60abcf3792b95ULL, 0xf935451de4f21df2ULL,
    0xa9538f0419755787ULL, 0xdb9acddff56ca510ULL, 0xd06c98cd5c0975ebULL,
    0xe612a3cb9ecba951ULL, 0xc766e62cfcadaf96ULL, 0xee64435a9752fe72ULL,
    0xa192d576b245165aULL, 0x0a8787bf8ecb74b2ULL, 0x81b3e73d20b49b6fULL,
    0x7fa8220ba3b2eceaULL, 0x245731c13ca42499ULL, 0xb78dbfaf3a8d83bdULL,
    0xea1ad565322a1a0bULL, 0x60e61c23a3795013ULL, 0x6606d7e446282b93ULL,
    0x6ca4ecb15c5f91e1ULL, 0x9f626da15c9625f3ULL, 0xe51b38608ef25f57ULL,
    0x958a324ceb064572ULL
};


static void
test_hash(void)
{
    size_t                 i, bad;
    uint8_t                in[64];
    const qoe_hash_key_t   key = { 0x0706050403020100ULL,
                                   0x0f0e0d0c0b0a0908ULL };

    for (i = 0, bad = 0; i < 64; i++) {
        in[i] = (uint8_t) i;
        bad += (qoe_hash(&key, in, i) != sip_vectors[i]);
    }

    ok(bad == 0, "the 64 vectors of SipHash-2-4");
}


static void
test_arena(void)
{
    char         *p[200];
    size_t        i, j, bad;
    tap_mem_t     m;
    qoe_arena_t   a;

    qoe_arena_init(&a, tap_mem(&m, -1), 256, 64 * 1024);
    ok(m.count == 0 && a.used == 0, "init allocates nothing");

    for (i = 0, bad = 0; i < 200; i++) {
        p[i] = qoe_arena_alloc(&a, i);
        bad += (p[i] == NULL || ((uintptr_t) p[i] & 15) != 0);

        if (p[i] != NULL) {
            memset(p[i], (int) i, i);
        }
    }

    for (i = 0; i < 200 && bad == 0; i++) {
        for (j = 0; j < i; j++) {
            bad += (p[i][j] != (char) i);
        }
    }

    ok(bad == 0, "objects are aligned and do not overlap");
    ok(a.used > 200 * 199 / 2 && a.used <= 64 * 1024, "used is counted");

    ok(qoe_arena_alloc(&a, 5000) != NULL, "an object larger than a block");

    p[0] = qoe_arena_calloc(&a, 100);
    for (i = 0, bad = 0; i < 100; i++) {
        bad += (p[0][i] != 0);
    }

    ok(bad == 0, "calloc clears");

    qoe_arena_reset(&a);
    ok(m.live == 1 && a.used <= 256 + 64, "reset keeps one block");
    ok(qoe_arena_alloc(&a, 10) != NULL && m.live == 1, "and uses it again");

    qoe_arena_free(&a);
    ok(m.live == 0 && a.used == 0, "free gives all back");
}


static void
test_arena_limits(void)
{
    long          n;
    size_t        i, bad;
    tap_mem_t     m;
    qoe_span_t    s;
    qoe_arena_t   a;

    qoe_arena_init(&a, tap_mem(&m, -1), 64, 512);

    for (i = 0; qoe_arena_alloc(&a, 40) != NULL; i++) { /* void */ }

    ok(i > 1 && i < 512 / 40 && a.used <= 512 && m.failed == 0,
       "no more than max is taken");
    ok(qoe_arena_alloc(&a, SIZE_MAX) == NULL
       && qoe_arena_alloc(&a, SIZE_MAX - 15) == NULL
       && qoe_arena_alloc(&a, 513) == NULL, "sizes that would wrap");

    qoe_arena_reset(&a);
    ok(qoe_arena_alloc(&a, 40) != NULL, "a full arena works after reset");
    qoe_arena_free(&a);

    for (n = 0, bad = 0; n < 100; n++) {
        qoe_arena_init(&a, tap_mem(&m, n), 16, 1 << 20);

        for (i = 0; i < 20; i++) {
            s = qoe_arena_copy(&a, qoe_span("0123456789012345678901"));
            bad += (s.data == NULL) ? (long) i != n
                   : (s.len != 22 || s.data[22] != '\0'
                      || memcmp(s.data, "0123456789012345678901", 22) != 0);
        }

        qoe_arena_free(&a);
        bad += (m.live != 0);

        if (m.failed == 0) {
            break;
        }
    }

    ok(n == 20 && bad == 0,
       "each allocation's failure is seen once, and the arena goes on");
}


static int
buf_is(const qoe_buf_t *b, const char *text)
{
    return b->status == QOE_OK && b->len == strlen(text)
           && memcmp(b->data, text, b->len) == 0;
}


static void
test_buf(void)
{
    long        n;
    size_t      i, bad;
    qoe_buf_t   b;
    tap_mem_t   m;

    qoe_buf_init(&b, tap_mem(&m, -1), 1000);
    qoe_buf_literal(&b, "ab");
    qoe_buf_printf(&b, "%d-%s", 12, "x");
    qoe_buf_append(&b, NULL, 0);
    ok(buf_is(&b, "ab12-x"), "append and printf");

    for (i = 0; i < 100; i++) {
        qoe_buf_literal(&b, "0123456789");
    }

    ok(b.status == QOE_TOO_LARGE && b.len == 6 + 99 * 10 && b.cap <= 1000,
       "the maximum holds, and what fitted stays");

    qoe_buf_literal(&b, "x");
    ok(b.status == QOE_TOO_LARGE && b.len == 996, "the error is sticky");

    qoe_buf_reset(&b);
    qoe_buf_literal(&b, "again");
    ok(buf_is(&b, "again"), "reset clears it");
    qoe_buf_free(&b);
    ok(m.live == 0, "nothing leaked");

    for (n = 0, bad = 0; n < 100; n++) {
        qoe_buf_init(&b, tap_mem(&m, n), 1 << 20);

        for (i = 0; i < 1000; i++) {
            qoe_buf_printf(&b, "%zu,", i);
        }

        bad += (m.failed != 0) ? b.status != QOE_NOMEM
               : (b.status != QOE_OK || b.len != 3890);
        qoe_buf_free(&b);
        bad += (m.live != 0);

        if (m.failed == 0) {
            break;
        }
    }

    ok(n > 3 && n < 100 && bad == 0, "%ld allocations, each made to fail", n);
}


static void
test_json_string(void)
{
    int                                   c, bad;
    char                                  in, expect[16];
    size_t                                i;
    qoe_buf_t                             b;

    static const struct {
        qoe_span_t                        in;
        const char                       *out;
    } cases[] = {
        { { "", 0 }, "\"\"" },
        { { "a\"b\\c/", 6 }, "\"a\\\"b\\\\c/\"" },
        { { "a\0b", 3 }, "\"a\\u0000b\"" },
        { { "\n\t\x7f", 3 }, "\"\\n\\u0009\\u007f\"" },
        { { "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80", 9 },
          "\"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80\"" },
        { { "a\xff" "b", 3 }, "\"a\xef\xbf\xbd" "b\"" },
        { { "\xc0\xaf", 2 }, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { { "\xed\xa0\x80", 3 },
          "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { { "\xf4\x90\x80\x80", 4 },
          "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { { "\xe2\x82", 2 }, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { { "\xe2\x28\xa1", 3 }, "\"\xef\xbf\xbd(\xef\xbf\xbd\"" },
        { { "\xef\xbf\xbf\xf4\x8f\xbf\xbf", 7 },
          "\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\"" }
    };

    qoe_buf_init(&b, &qoe_mem_heap, 1000);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        qoe_buf_reset(&b);
        qoe_buf_json_string(&b, cases[i].in);
        ok(buf_is(&b, cases[i].out), "JSON string number %zu", i);
    }

    for (c = 0, bad = 0; c < 0x20; c++) {
        in = (char) c;
        snprintf(expect, sizeof(expect), c == '\n' ? "\"\\n\"" : "\"\\u%04x\"",
                 (unsigned) c);

        qoe_buf_reset(&b);
        qoe_buf_json_string(&b, (qoe_span_t) { &in, 1 });
        bad += !buf_is(&b, expect);
    }

    ok(bad == 0, "every control character is escaped");

    qoe_buf_free(&b);
}


static void
test_uuid(void)
{
    char                        text[QOE_UUID_TEXT_LEN];
    size_t                      i, bad;
    uint8_t                     id[16], back[16], random[10];
    static const char *const    wrong[] = {
        "", "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398 ",
        "-17f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    };

    /* the example of RFC 9562, appendix A.6 */

    static const uint8_t  rand_rfc[10] = {
        0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f
    };

    qoe_uuid_v7(id, 0x017f22e279b0, rand_rfc);
    qoe_uuid_format(text, id);
    ok(memcmp(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 36) == 0,
       "the version 7 example of RFC 9562");

    ok(qoe_uuid_parse(back, (qoe_span_t) { text, 36 }) == QOE_OK
       && memcmp(back, id, 16) == 0, "parsed again");
    ok(qoe_uuid_parse(back, qoe_span("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"))
       == QOE_OK && memcmp(back, id, 16) == 0, "upper case");

    for (i = 0, bad = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bad += (qoe_uuid_parse(back, qoe_span_str(wrong[i])) != QOE_INVALID);
    }

    ok(bad == 0, "what is no UUID");

    memset(random, 0xff, sizeof(random));
    qoe_uuid_v7(id, 1, random);
    ok((id[6] >> 4) == 7 && (id[8] >> 6) == 2 && id[5] == 1,
       "version and variant stand whatever the random bytes");

    qoe_uuid_v7(back, 2, rand_rfc);
    ok(memcmp(id, back, 16) < 0, "a later one sorts behind");

    memset(random, 0, sizeof(random));
    ok(qoe_random(id, 16) == QOE_OK && qoe_random(back, 16) == QOE_OK
       && memcmp(id, back, 16) != 0, "random bytes differ");
}


int
main(void)
{
    test_hash();
    test_arena();
    test_arena_limits();
    test_buf();
    test_json_string();
    test_uuid();

    return tap_end();
}
