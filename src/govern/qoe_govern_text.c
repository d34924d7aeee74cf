
/*
 * Copyright (C) OpenQoE
 *
 * The texts of governance: makes values printable, and formats hashes and
 * ranges.
 */


#include "qoe_govern_layout.h"
#include "qoe_buf.h"

#include <math.h>
#include <stdio.h>
#include <zlib.h>


#define QOE_ONES           0x0101010101010101ULL
#define QOE_HIGHS          0x8080808080808080ULL

#define QOE_NUMBER_MAX     9007199254740992.0        /* 2^53 */


static bool qoe_govern_plain(const char *p, size_t len);
static size_t qoe_govern_char(const uint8_t *p, size_t len, bool *text);
static bool qoe_govern_number(qoe_span_t value, double *number);
static double qoe_govern_scale(double number, int exponent);


qoe_span_t
qoe_govern_clean(qoe_span_t value, size_t maxlen, char buf[QOE_GOVERN_BUF])
{
    bool            text;
    size_t          i, n, len;
    const uint8_t  *p;

    maxlen = qoe_min(maxlen, (size_t) QOE_DIMENSION_LEN_MAX);

    if (qoe_govern_plain(value.data, qoe_min(value.len, maxlen))) {
        value.len = qoe_min(value.len, maxlen);
        return value;
    }

    len = 0;
    p = (const uint8_t *) value.data;

    for (i = 0; i < value.len; i += n) {
        n = qoe_govern_char(p + i, value.len - i, &text);

        if (len + (text ? n : 1) > maxlen) {
            break;
        }

        if (text) {
            memcpy(buf + len, p + i, n);
            len += n;

        } else {
            buf[len++] = '?';
        }
    }

    return (qoe_span_t) { buf, len };
}


/* Is it all printable ASCII?  Tests eight bytes at a time. */

static bool
qoe_govern_plain(const char *p, size_t len)
{
    size_t    i;
    uint64_t  w, bad;

    bad = 0;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&w, p + i, 8);

        /* set the high bit of bytes >= 0x80, < 0x20 or 0x7f */

        bad |= w | (w - QOE_ONES * 0x20) | ((w ^ QOE_ONES * 0x7f) - QOE_ONES);
    }

    for ( /* void */ ; i < len; i++) {
        if ((uint8_t) p[i] < 0x20 || (uint8_t) p[i] > 0x7e) {
            return false;
        }
    }

    return (bad & QOE_HIGHS) == 0;
}


/*
 * The length of the UTF-8 character at p, or 1 if there is none.  *text is
 * false for that and for control characters.
 */

static size_t
qoe_govern_char(const uint8_t *p, size_t len, bool *text)
{
    size_t  n;

    if (p[0] < 0x80) {
        *text = (p[0] >= 0x20 && p[0] != 0x7f);
        return 1;
    }

    n = qoe_utf8_len(p, p + len);

    *text = (n != 0 && (p[0] != 0xc2 || p[1] > 0x9f));       /* not C1 */

    return qoe_max(n, (size_t) 1);
}


qoe_span_t
qoe_govern_crc(qoe_span_t value, char buf[QOE_GOVERN_BUF])
{
    int            i;
    unsigned long  crc;

    crc = crc32(0, (const Bytef *) value.data, (uInt) value.len);

    for (i = 7; i >= 0; i--) {
        buf[i] = "0123456789abcdef"[crc & 15];
        crc >>= 4;
    }

    return (qoe_span_t) { buf, 8 };
}


qoe_span_t
qoe_govern_range(qoe_span_t value, uint32_t size, char buf[QOE_GOVERN_BUF])
{
    int     n;
    double  number, start;

    size = qoe_max(size, (uint32_t) 1);

    if (qoe_govern_number(value, &number)) {
        start = floor(number / size) * size;

        /* doubles past 2^53 cannot represent every integer */

        if (start > -QOE_NUMBER_MAX && start + size < QOE_NUMBER_MAX) {
            n = snprintf(buf, QOE_GOVERN_BUF, "%lld-%lld", (long long) start,
                         (long long) (start + size));

            return (qoe_span_t) { buf, (size_t) n };
        }
    }

    n = snprintf(buf, QOE_GOVERN_BUF, "bucket_%lu",
                 crc32(0, (const Bytef *) value.data, (uInt) value.len)
                 % size);

    return (qoe_span_t) { buf, (size_t) n };
}


/*
 * Parses a decimal number that is the whole value.  Not by strtod(), which
 * depends on the locale.
 */

static bool
qoe_govern_number(qoe_span_t value, double *number)
{
    int          scale, exponent, sign;
    bool         point, minus;
    double       x;
    size_t       digits;
    const char  *p, *end;

    x = 0;
    scale = 0;
    digits = 0;
    point = false;
    p = value.data;
    end = p + value.len;

    minus = (p < end && *p == '-');
    p += (p < end && (*p == '-' || *p == '+'));

    for ( /* void */ ; p < end; p++) {

        if (*p == '.' && !point) {
            point = true;
            continue;
        }

        if (*p < '0' || *p > '9') {
            break;
        }

        x = x * 10 + (*p - '0');
        scale -= point;
        digits++;
    }

    if (digits == 0) {
        return false;
    }

    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        sign = (p < end && *p == '-') ? -1 : 1;
        p += (p < end && (*p == '-' || *p == '+'));

        if (p == end) {
            return false;
        }

        for (exponent = 0; p < end && *p >= '0' && *p <= '9'; p++) {
            exponent = qoe_min(exponent * 10 + (*p - '0'), 9999);
        }

        scale += sign * exponent;
    }

    *number = qoe_govern_scale(minus ? -x : x, scale);

    return p == end && isfinite(*number);
}


static double
qoe_govern_scale(double number, int exponent)
{
    double  power;

    /* a single division rounds as a compiler does, for example for "0.3" */

    power = pow(10, exponent < 0 ? -exponent : exponent);

    return (exponent < 0) ? number / power : number * power;
}
