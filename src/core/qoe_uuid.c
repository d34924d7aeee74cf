
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_uuid.h"

#include <endian.h>
#include <errno.h>
#include <sys/random.h>


/*
 * A character that is no digit yields bits above a byte, in either place of
 * the two digits of a byte, so that a single test at the end finds it.
 */

#define QOE_HEX_BAD    0x1100

static const uint16_t  qoe_hex_values[256] = {
    [0 ... '0' - 1] = QOE_HEX_BAD,
    ['0'] = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ['9' + 1 ... 'A' - 1] = QOE_HEX_BAD,
    ['A'] = 10, 11, 12, 13, 14, 15,
    ['F' + 1 ... 'a' - 1] = QOE_HEX_BAD,
    ['a'] = 10, 11, 12, 13, 14, 15,
    ['f' + 1 ... 255] = QOE_HEX_BAD
};


qoe_status_t
qoe_random(void *p, size_t n)
{
    ssize_t   got;
    uint8_t  *dst;

    for (dst = p; n != 0; dst += got, n -= (size_t) got) {
        got = getrandom(dst, n, 0);

        if (got < 0) {
            if (errno != EINTR) {
                return QOE_ERROR;
            }

            got = 0;
        }
    }

    return QOE_OK;
}


void
qoe_uuid_v7(uint8_t id[16], uint64_t now_ms, const uint8_t random[10])
{
    size_t  i;

    for (i = 0; i < 6; i++) {
        id[i] = (uint8_t) (now_ms >> (40 - 8 * i));
    }

    memcpy(id + 6, random, 10);

    id[6] = (uint8_t) (0x70 | (id[6] & 0x0f));
    id[8] = (uint8_t) (0x80 | (id[8] & 0x3f));
}


void
qoe_uuid_format(char text[QOE_UUID_TEXT_LEN], const uint8_t id[16])
{
    char      hex[32];
    size_t    i;
    uint32_t  bytes;
    uint64_t  v, letters;

    /*
     * spread four bytes into eight nibbles at a time, then turn them into
     * digits
     */

    for (i = 0; i < 4; i++) {
        memcpy(&bytes, id + 4 * i, 4);

        v = le32toh(bytes);
        v = (v | v << 16) & 0x0000ffff0000ffff;
        v = (v | v << 8) & 0x00ff00ff00ff00ff;
        v = (v >> 4 & 0x000f000f000f000f) | (v & 0x000f000f000f000f) << 8;

        letters = (v + 0x0606060606060606) >> 4 & 0x0101010101010101;
        v += 0x3030303030303030 + letters * ('a' - '0' - 10);

        v = htole64(v);
        memcpy(hex + 8 * i, &v, 8);
    }

    memcpy(text, hex, 8);
    memcpy(text + 9, hex + 8, 4);
    memcpy(text + 14, hex + 12, 4);
    memcpy(text + 19, hex + 16, 4);
    memcpy(text + 24, hex + 20, 12);

    text[8] = '-';
    text[13] = '-';
    text[18] = '-';
    text[23] = '-';
}


qoe_status_t
qoe_uuid_parse(uint8_t id[16], qoe_span_t s)
{
    size_t        i;
    unsigned      value, bad;
    const char   *p;

    /* the offset of the two digits of each byte */
    static const uint8_t  at[16] = {
        0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34
    };

    if (s.len != QOE_UUID_TEXT_LEN) {
        return QOE_INVALID;
    }

    p = s.data;

    if (p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-') {
        return QOE_INVALID;
    }

    bad = 0;

    for (i = 0; i < 16; i++) {
        value = (unsigned) qoe_hex_values[(uint8_t) p[at[i]]] << 4
                | qoe_hex_values[(uint8_t) p[at[i] + 1]];
        bad |= value;
        id[i] = (uint8_t) value;
    }

    return (bad > 0xff) ? QOE_INVALID : QOE_OK;
}
