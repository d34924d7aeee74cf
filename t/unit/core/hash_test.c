
/*
 * Copyright (C) OpenQoE
 *
 * The hash of a list of byte strings, against the hash of bytes.
 */


#include "tap.h"
#include "qoe_hash.h"


static const qoe_hash_key_t  key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };


static uint64_t
of(const char *a, const char *b)
{
    qoe_hasher_t  h;

    qoe_hash_begin(&h, &key);
    qoe_hash_add(&h, qoe_span_str(a));

    if (b != NULL) {
        qoe_hash_add(&h, qoe_span_str(b));
    }

    return qoe_hash_end(&h);
}


/* A string goes in as its length and its bytes, with zeroes to a whole word. */

static void
test_words(void)
{
    int           wrong;
    char          bytes[64], padded[80];
    size_t        i, len;
    uint64_t      word, end;
    qoe_hasher_t  h, w;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char) (i * 37 + 1);
    }

    for (len = 0, wrong = 0; len <= sizeof(bytes); len++) {
        memset(padded, 0, sizeof(padded));
        memcpy(padded, bytes, len);

        qoe_hash_begin(&h, &key);
        qoe_hash_add(&h, (qoe_span_t) { bytes, len });

        qoe_hash_begin(&w, &key);
        qoe_hash_word(&w, len);

        for (i = 0; i < len; i += 8) {
            memcpy(&word, padded + i, 8);
            qoe_hash_word(&w, word);
        }

        end = qoe_hash_end(&h);
        wrong += end != qoe_hash_end(&w);
        wrong += qoe_hash_more(&h) != qoe_hash_more(&w);
        wrong += end == qoe_hash_more(&h);
    }

    ok(wrong == 0, "strings of any length are hashed as the words they are "
       "made of");
}


int
main(void)
{
    test_words();

    ok(of("ab", "c") != of("a", "bc") && of("abc", NULL) != of("ab", "c")
       && of("abc", "") != of("abc", NULL) && of("", "abc") != of("abc", ""),
       "lists of strings whose bytes are the same have other hashes");
    ok(of("a", "b") == of("a", "b") && of("a", "b") != of("b", "a"),
       "equal lists have equal hashes, and the order counts");
    ok(of("12345678", NULL) != of("12345679", NULL)
       && of("12345678a", NULL) != of("12345678b", NULL),
       "every byte counts, of the last word as well");

    ok(qoe_hash_plain(qoe_span("foobar")) == (0xbf9cf968 | 1)
       && qoe_hash_plain(qoe_span("a")) == (0xe40c292c | 1)
       && qoe_hash_plain(qoe_span("")) == 0,
       "without a key it is FNV-1a, odd, and 0 for an empty text");

    return tap_end();
}
