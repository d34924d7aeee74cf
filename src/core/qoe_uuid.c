
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_uuid.h"

#include <errno.h>
#include <sys/random.h>


static int qoe_hex_value(char c);


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
    size_t             i;
    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *text++ = '-';
        }

        *text++ = hex[id[i] >> 4];
        *text++ = hex[id[i] & 0x0f];
    }
}


qoe_status_t
qoe_uuid_parse(uint8_t id[16], qoe_span_t s)
{
    int          hi, lo;
    size_t       i;
    const char  *p;

    if (s.len != QOE_UUID_TEXT_LEN) {
        return QOE_INVALID;
    }

    p = s.data;

    for (i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-') {
            return QOE_INVALID;
        }

        hi = qoe_hex_value(*p++);
        lo = qoe_hex_value(*p++);

        if (hi < 0 || lo < 0) {
            return QOE_INVALID;
        }

        id[i] = (uint8_t) (hi << 4 | lo);
    }

    return QOE_OK;
}


static int
qoe_hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}
