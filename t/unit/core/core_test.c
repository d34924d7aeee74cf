
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

#include <ctype.h>


/*
 * SipHash-1-3 under the key 0, as Python 3.11 has it: PYTHONHASHSEED=0
 * python3 -c "print(hash(bytes(range(N))) & 2**64 - 1)" for N from 1 to 63.
 */

static const uint64_t  sip_vectors[] = {
    0x68a914128e01e473ULL, 0x010bac45c41e3669ULL, 0x4d4c9a4a8ef6e0adULL,
    0x7cc43f98813e4dbdULL, 0x5abe2169dff36275ULL, 0xe3c25f87624f1cdbULL,
    0x2f098ab0c751325aULL, 0xead411e67ebe2eeaULL, 0x75927f9d95124362ULL,
    0xaf9f77a65ab51a1dULL, 0xfe64ce8b6617fcffULL, 0xa6baf4fb0f9fe1c2ULL,
    0xa0cf3211850f8e0dULL, 0x7f86049379fbfe67ULL, 0xf30eb725bb91c9eaULL,
    0x8972188433a5c5b7ULL, 0x4883c49a2c009c1dULL, 0xadc2c0b63044067dULL,
    0x091f4a3329f87d19ULL, 0x639e355ae68c0100ULL, 0xb17bef2cb5213239ULL,
    0xf8aeb1066236ccfeULL, 0x37332b1389daa4ffULL, 0x31185a47af932f3aULL,
    0xebf352e82ae23e2fULL, 0xed36ff242fe478b2ULL, 0x2454d97d299299dfULL,
    0x8cd57fe8130d0ac7ULL, 0xbe98eb2faf0a0e85ULL, 0xd427c34ee09470c6ULL,
    0x169739443111d49bULL, 0x31ef8061c910629bULL, 0x7fb71d24dfa4c9f6ULL,
    0x92771f49e836d389ULL, 0x3c393cf6f0853bc3ULL, 0xac77921fcc642bd3ULL,
    0x422a9751192ff266ULL, 0xc680ae8a8c584ddfULL, 0x6c76b6d34bb6d26bULL,
    0x95bc321ab41d8206ULL, 0x908a3a97a6d37669ULL, 0xfcaf3c64874dd0b4ULL,
    0xf689479b32b84a44ULL, 0xd857641079efd1fdULL, 0x8b581578722633f7ULL,
    0x83cb09d35ea7bcd4ULL, 0x8485f7f5ae725a0dULL, 0xfe1f2445ba50237fULL,
    0x23cece041d7866b0ULL, 0x416687480b336c09ULL, 0xf15960da7e7f3892ULL,
    0xded6177b9826835aULL, 0xf80dae51668be6beULL, 0x17ecc6ee6647df18ULL,
    0x5220d642b4a52110ULL, 0xa4f0cf4ba4adc016ULL, 0xe5125bb26d1f2976ULL,
    0x851b0e75f580d256ULL, 0x12605250a37e39acULL, 0xd95a713568daebf1ULL,
    0xcdcf4a42ec0dd605ULL, 0xa5c708712b617164ULL, 0x385d3e39e5f37359ULL
};


static void
test_hash(void)
{
    size_t                 i, bad;
    uint8_t                in[64];
    const qoe_hash_key_t   zero = { 0, 0 };
    const qoe_hash_key_t   keys[] = { { 1, 0 }, { 0, 1 } };

    for (i = 0, bad = 0; i < 63; i++) {
        in[i] = (uint8_t) i;
        bad += (qoe_hash(&zero, in, i + 1) != sip_vectors[i]);
    }

    ok(bad == 0, "qoe_hash() gives all 63 published vectors of SipHash-1-3");

    ok(qoe_hash(&keys[0], in, 8) != qoe_hash(&zero, in, 8)
       && qoe_hash(&keys[1], in, 8) != qoe_hash(&zero, in, 8)
       && qoe_hash(&keys[0], in, 8) != qoe_hash(&keys[1], in, 8),
       "each half of the key changes the hash");
}


static void
test_arena(void)
{
    char         *p[200];
    size_t        i, j, bad;
    tap_mem_t     m;
    qoe_arena_t   a;

    qoe_arena_init(&a, tap_mem(&m, -1), 256, 64 * 1024);
    ok(m.count == 0 && a.used == 0,
       "an arena that was only initialized has allocated nothing");

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

    ok(bad == 0, "objects of every size are aligned and do not overlap");
    ok(a.used > 200 * 199 / 2 && a.used <= 64 * 1024,
       "the arena counts the bytes that its blocks take");

    ok(qoe_arena_alloc(&a, 5000) != NULL,
       "an object may be larger than a block");

    p[0] = qoe_arena_calloc(&a, 100);
    for (i = 0, bad = 0; i < 100; i++) {
        bad += (p[0][i] != 0);
    }

    ok(bad == 0, "calloc clears memory that was used before");

    qoe_arena_reset(&a);
    ok(m.live == 1 && a.used <= 256 + 64, "a reset keeps a single block");
    ok(qoe_arena_alloc(&a, 10) != NULL && m.live == 1,
       "an allocation after a reset uses the block that was kept");

    qoe_arena_free(&a);
    ok(m.live == 0 && a.used == 0,
       "freeing the arena gives all its memory back");
}


static void
test_arena_rewind(void)
{
    char              *first, *p;
    size_t             used;
    tap_mem_t          m;
    qoe_arena_t        a;
    qoe_arena_mark_t   empty, mark;

    qoe_arena_init(&a, tap_mem(&m, -1), 256, 4096);
    empty = qoe_arena_mark(&a);

    first = qoe_arena_alloc(&a, 16);
    memset(first, 'x', 16);
    used = a.used;
    mark = qoe_arena_mark(&a);

    p = qoe_arena_alloc(&a, 32);
    ok(qoe_arena_alloc(&a, 300) != NULL && qoe_arena_alloc(&a, 2000) != NULL
       && m.live == 3 && qoe_arena_alloc(&a, 2000) == NULL,
       "an arena that has reached its maximum refuses the next allocation");

    qoe_arena_rewind(&a, mark);
    ok(m.live == 1 && a.used == used && qoe_arena_alloc(&a, 32) == p
       && memcmp(first, "xxxxxxxxxxxxxxxx", 16) == 0,
       "a full arena goes back to a mark, and what is older than the mark "
       "stays");
    ok(qoe_arena_alloc(&a, 3000) != NULL,
       "an arena that went back to its mark has as much room as it had then");

    qoe_arena_rewind(&a, empty);
    ok(m.live == 0 && a.used == 0,
       "an arena goes back to a mark that was set when it was empty");

    qoe_arena_free(&a);
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
       "an arena takes no more than its maximum");
    ok(qoe_arena_alloc(&a, SIZE_MAX) == NULL
       && qoe_arena_alloc(&a, SIZE_MAX - 15) == NULL
       && qoe_arena_alloc(&a, 513) == NULL,
       "sizes whose rounding would overflow are refused");

    qoe_arena_reset(&a);
    ok(qoe_arena_alloc(&a, 40) != NULL,
       "an arena that was full works again after a reset");
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
       "each allocation that fails is reported once, and the arena goes on");
}


/* Blocks and the maximum, to the byte. */

static void
test_arena_exact(void)
{
    size_t             head;
    tap_mem_t          m;
    qoe_arena_t        a;
    qoe_arena_mark_t   mark;

    qoe_arena_init(&a, tap_mem(&m, -1), 64, 4096);
    ok(qoe_arena_alloc(&a, 64) != NULL && m.live == 1,
       "a block is filled to its last byte");
    head = a.used - 64;
    ok(qoe_arena_alloc(&a, 1) != NULL && m.live == 2
       && a.used == 2 * (64 + head), "the next byte takes another block");
    ok(qoe_arena_alloc(&a, 48) != NULL && m.live == 2
       && qoe_arena_alloc(&a, 1) != NULL && m.live == 3,
       "objects take multiples of 16 bytes");
    mark = qoe_arena_mark(&a);
    ok(qoe_arena_alloc(&a, 65) != NULL && a.used == 4 * head + 3 * 64 + 80,
       "a larger object takes a block of its own size");
    qoe_arena_rewind(&a, mark);
    ok(m.live == 3 && a.used == 3 * (64 + head) && a.blocks == mark.block,
       "which a rewind gives back");
    qoe_arena_free(&a);
    ok(m.live == 0 && a.blocks == NULL, "a freed arena has no block");

    qoe_arena_init(&a, tap_mem(&m, -1), 64, 64 + head);
    ok(qoe_arena_alloc(&a, 64) != NULL && a.used == a.max
       && qoe_arena_alloc(&a, 1) == NULL,
       "an arena grows to its maximum, and no further");
    qoe_arena_free(&a);

    qoe_arena_init(&a, tap_mem(&m, -1), 64, 64 + head - 1);
    ok(qoe_arena_alloc(&a, 1) == NULL && a.used == 0 && m.count == 0,
       "an arena whose maximum is less than a block has none");
    qoe_arena_free(&a);

    /* what a reset keeps is the newest block of the usual size */

    qoe_arena_init(&a, tap_mem(&m, -1), 64, 4096);
    (void) qoe_arena_alloc(&a, 64);
    (void) qoe_arena_alloc(&a, 64);
    (void) qoe_arena_alloc(&a, 100);
    qoe_arena_reset(&a);
    ok(m.live == 1 && a.used == 64 + head && qoe_arena_alloc(&a, 64) != NULL
       && m.live == 1 && qoe_arena_alloc(&a, 1) != NULL && m.live == 2,
       "a reset keeps a block of the usual size, which is empty");
    qoe_arena_free(&a);

    qoe_arena_init(&a, tap_mem(&m, -1), 64, 4096);
    (void) qoe_arena_alloc(&a, 100);
    qoe_arena_reset(&a);
    ok(m.live == 0 && a.used == 0 && a.blocks == NULL,
       "a larger one it does not keep");
    qoe_arena_free(&a);
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
    ok(buf_is(&b, "ab12-x"),
       "a buffer holds what was appended and what was printed");

    for (i = 0; i < 100; i++) {
        qoe_buf_literal(&b, "0123456789");
    }

    ok(b.status == QOE_TOO_LARGE && b.len == 6 + 99 * 10 && b.cap <= 1000,
       "a buffer does not pass its maximum, and what fitted stays");

    qoe_buf_literal(&b, "x");
    ok(b.status == QOE_TOO_LARGE && b.len == 996,
       "a buffer that was too small refuses all that follows");

    qoe_buf_reset(&b);
    qoe_buf_literal(&b, "again");
    ok(buf_is(&b, "again"), "a reset clears the buffer's error");
    qoe_buf_free(&b);
    ok(m.live == 0, "a freed buffer has given back all its memory");

    qoe_buf_init(&b, tap_mem(&m, -1), 1000);
    qoe_buf_printf(&b, "%s", "");
    ok(b.status == QOE_OK && b.len == 0,
       "an empty text can be printed into a buffer without memory");
    qoe_buf_free(&b);

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

    ok(n > 3 && n < 100 && bad == 0,
       "a buffer reports the failure of each of its %ld allocations", n);
}


/* The maximum, and how a buffer grows, to the byte. */

static void
test_buf_exact(void)
{
    size_t      i;
    qoe_buf_t   b;
    tap_mem_t   m;

    qoe_buf_init(&b, tap_mem(&m, -1), 10);
    qoe_buf_literal(&b, "0123456789");
    ok(buf_is(&b, "0123456789") && b.cap == 10,
       "a buffer is filled to its maximum");
    qoe_buf_append(&b, "", 0);
    ok(b.status == QOE_OK, "nothing can be appended to a full buffer");
    qoe_buf_literal(&b, "x");
    ok(b.status == QOE_TOO_LARGE && b.len == 10, "a byte cannot");
    ok(qoe_buf_reserve(&b, 0) == NULL,
       "a buffer with an error reserves nothing");
    qoe_buf_printf(&b, "%d", 1);
    ok(b.status == QOE_TOO_LARGE && b.len == 10, "and prints nothing");

    qoe_buf_reset(&b);
    qoe_buf_printf(&b, "%s", "123456789");
    ok(buf_is(&b, "123456789"), "a text is printed that fits with its NUL");
    qoe_buf_reset(&b);
    qoe_buf_printf(&b, "%s", "1234567890");
    ok(b.status == QOE_TOO_LARGE && b.len == 0,
       "one that does not fit is not");
    qoe_buf_free(&b);

    qoe_buf_init(&b, tap_mem(&m, -1), 1 << 20);

    for (i = 0; i < 1000; i++) {
        qoe_buf_append(&b, "x", 1);
    }

    ok(m.count == 3 && b.cap == 1024 && b.len == 1000,
       "a buffer of 1000 bytes was allocated three times, twice as large each "
       "time");
    ok(qoe_buf_reserve(&b, 24) == b.data + 1000 && m.count == 3
       && qoe_buf_reserve(&b, 25) != NULL && m.count == 4 && b.cap == 2048
       && qoe_buf_reserve(&b, 9000) != NULL && b.cap == 10000,
       "what is reserved is free, and no more is allocated than that or twice "
       "as much");
    qoe_buf_free(&b);
    ok(b.data == NULL && b.len == 0 && b.cap == 0 && m.live == 0,
       "a freed buffer is empty");
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
        { { "\x1f ~\x80", 4 }, "\"\\u001f ~\xef\xbf\xbd\"" },
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
        ok(buf_is(&b, cases[i].out),
           "JSON string number %zu is escaped as the table says", i);
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

    /* This is the example of RFC 9562, appendix A.6. */

    static const uint8_t  rand_rfc[10] = {
        0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f
    };

    qoe_uuid_v7(id, 0x017f22e279b0, rand_rfc);
    qoe_uuid_format(text, id);
    ok(memcmp(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 36) == 0,
       "a UUID has the bytes and the text of RFC 9562's version 7 example");

    ok(qoe_uuid_parse(back, (qoe_span_t) { text, 36 }) == QOE_OK
       && memcmp(back, id, 16) == 0, "parsed again");
    ok(qoe_uuid_parse(back, qoe_span("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"))
       == QOE_OK && memcmp(back, id, 16) == 0,
       "a UUID in upper case is parsed");

    for (i = 0, bad = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bad += (qoe_uuid_parse(back, qoe_span_str(wrong[i])) != QOE_INVALID);
    }

    ok(bad == 0, "a text that is no UUID is refused");

    for (i = 0, bad = 0; i < 36 * 256; i++) {
        memcpy(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 36);
        text[i / 256] = (char) i;

        bad += (qoe_uuid_parse(back, (qoe_span_t) { text, 36 }) == QOE_OK)
               != (strchr("\x08\x0d\x12\x17", (int) (i / 256)) != NULL
                   && i / 256 != 0
                   ? (char) i == '-' : isxdigit((int) (i % 256)) != 0);
    }

    ok(bad == 0, "of each byte in each place only digits and lines are read");

    memset(random, 0xff, sizeof(random));
    qoe_uuid_v7(id, 1, random);
    ok((id[6] >> 4) == 7 && (id[8] >> 6) == 2 && id[5] == 1,
       "version and variant are set whatever the random bytes are");

    qoe_uuid_v7(back, 2, rand_rfc);
    ok(memcmp(id, back, 16) < 0,
       "a UUID of a later time sorts after an earlier one");

    memset(random, 0, sizeof(random));
    ok(qoe_random(id, 16) == QOE_OK && qoe_random(back, 16) == QOE_OK
       && memcmp(id, back, 16) != 0, "two draws of 16 random bytes differ");
}


/* RFC 3629, the table in section 4: the bounds of each line. */

static void
test_utf8(void)
{
    size_t  i, wrong;

    static const struct {
        const char  *text;
        size_t       len;
    } cases[] = {
        { "\x7f", 0 }, { "\x80", 0 }, { "\xc1\xbf", 0 },
        { "\xc2\x80", 2 }, { "\xdf\xbf", 2 }, { "\xc2\x7f", 0 },
        { "\xc2\xc0", 0 }, { "\xc2", 0 },
        { "\xe0\xa0\x80", 3 }, { "\xe0\xbf\xbf", 3 }, { "\xe0\x9f\xbf", 0 },
        { "\xe1\x80\x80", 3 }, { "\xec\xbf\xbf", 3 }, { "\xe1\x7f\x80", 0 },
        { "\xed\x80\x80", 3 }, { "\xed\x9f\xbf", 3 }, { "\xed\xa0\x80", 0 },
        { "\xee\x80\x80", 3 }, { "\xef\xbf\xbf", 3 }, { "\xee\x80\x7f", 0 },
        { "\xee\x80\xc0", 0 }, { "\xee\x80", 0 },
        { "\xf0\x90\x80\x80", 4 }, { "\xf0\xbf\xbf\xbf", 4 },
        { "\xf0\x8f\x80\x80", 0 }, { "\xf1\x80\x80\x80", 4 },
        { "\xf3\xbf\xbf\xbf", 4 }, { "\xf4\x8f\xbf\xbf", 4 },
        { "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 },
        { "\xf0\x90\x7f\x80", 0 }, { "\xf0\x90\x80\x7f", 0 },
        { "\xf0\x90\x80", 0 }, { "\xff", 0 }
    };

    for (i = 0, wrong = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        wrong += qoe_utf8_len((const unsigned char *) cases[i].text,
                              (const unsigned char *) cases[i].text
                              + strlen(cases[i].text))
                 != cases[i].len;
    }

    ok(wrong == 0,
       "characters beyond ASCII are as long as RFC 3629 says, or invalid");
}


int
main(void)
{
    test_hash();
    test_arena();
    test_arena_rewind();
    test_arena_limits();
    test_arena_exact();
    test_buf();
    test_buf_exact();
    test_utf8();
    test_json_string();
    test_uuid();

    return tap_end();
}
