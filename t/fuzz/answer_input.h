
/*
 * Copyright (C) OpenQoE
 *
 * A fuzzer's bytes as a script: choices, numbers and texts, and the parts of a
 * collector's answer that are made of them.
 */


#ifndef _ANSWER_INPUT_H_INCLUDED_
#define _ANSWER_INPUT_H_INCLUDED_


#include "qoe_core.h"

#include <stdio.h>
#include <stdlib.h>


#define check(cond)                                                           \
    do {                                                                      \
        if (!(cond)) {                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);        \
            abort();                                                          \
        }                                                                     \
    } while (0)

#define DAY_MS             86400000


/* The rest of the input; missing bytes read as zeros. */

typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
} input_t;


/* 0 to n - 1, n at most 256 */

static inline unsigned
take(input_t *in, unsigned n)
{
    return (in->p < in->end ? *in->p++ : 0u) % n;
}


static inline uint64_t
take_bytes(input_t *in, unsigned n)
{
    uint64_t  v;

    for (v = 0; n != 0; n--) {
        v = v << 8 | take(in, 256);
    }

    return v;
}


/* Some of the bytes that are left, at most max. */

static inline qoe_span_t
take_text(input_t *in, size_t max)
{
    size_t      n, left;
    qoe_span_t  s;

    n = take(in, 256);
    left = (size_t) (in->end - in->p);
    n = qoe_min(qoe_min(n, max), left);
    s = (qoe_span_t) { (const char *) in->p, n };
    in->p += n;

    return s;
}


/*
 * Bytes that libcurl never hands over within a line, and space around a value.
 */

static inline qoe_span_t
take_value(input_t *in, char buf[256])
{
    size_t      i;
    qoe_span_t  s;

    s = take_text(in, 200);
    memcpy(buf, s.data ? s.data : "", s.len);

    for (i = 0; i < s.len; i++) {
        if (buf[i] == '\n' || buf[i] == '\r' || buf[i] == '\0') {
            buf[i] = '.';
        }
    }

    s.data = buf;

    while (s.len != 0 && (*s.data == ' ' || *s.data == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len != 0 && (s.data[s.len - 1] == ' '
                          || s.data[s.len - 1] == '\t'))
    {
        s.len--;
    }

    return s;
}


static inline size_t
put_number(unsigned char *p, unsigned field, uint64_t v)
{
    size_t  n;

    n = 0;
    p[n++] = (unsigned char) (field << 3);

    for ( /* void */ ; v > 127; v >>= 7) {
        p[n++] = (unsigned char) (v | 128);
    }

    p[n++] = (unsigned char) v;

    return n;
}


/* A field of bytes, shorter than 128. */

static inline size_t
put_bytes(unsigned char *p, unsigned field, const void *s, size_t len)
{
    p[0] = (unsigned char) (field << 3 | 2);
    p[1] = (unsigned char) len;
    memmove(p + 2, s, len);

    return len + 2;
}


/* google.rpc.Status with a RetryInfo, in base64; returns the delay in ms. */

static inline int64_t
put_retry_info(input_t *in, char text[400])
{
    size_t         i, n, len;
    int64_t        seconds;
    int32_t        nanos;
    unsigned       v;
    unsigned char  delay[64], info[80], any[160], status[200];

    static const char  url[] = "type.googleapis.com/google.rpc.RetryInfo";
    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                  "qrstuvwxyz0123456789+/";

    seconds = (int64_t) take_bytes(in, take(in, 9));
    nanos = (int32_t) take_bytes(in, take(in, 5));

    n = put_number(delay, 1, (uint64_t) seconds);
    n += put_number(delay + n, 2, (uint64_t) (int64_t) nanos);
    n = put_bytes(info, 1, delay, n);
    len = put_bytes(any, 1, url, sizeof(url) - 1);
    len += put_bytes(any + len, 2, info, n);
    n = put_number(status, 1, 8);
    n += put_bytes(status + n, 3, any, len);

    for (i = 0, len = 0; i < n; i += 3) {
        v = (unsigned) status[i] << 16
            | (i + 1 < n ? (unsigned) status[i + 1] << 8 : 0)
            | (i + 2 < n ? status[i + 2] : 0);

        text[len++] = digits[v >> 18];
        text[len++] = digits[v >> 12 & 63];
        text[len++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
        text[len++] = i + 2 < n ? digits[v & 63] : '=';
    }

    text[len] = '\0';

    if (seconds < 0 || nanos < 0) {
        return 0;
    }

    return seconds > 86400 ? DAY_MS
           : qoe_min((int64_t) DAY_MS,
                     seconds * 1000 + (nanos + 999999LL) / 1000000);
}


#endif /* _ANSWER_INPUT_H_INCLUDED_ */
