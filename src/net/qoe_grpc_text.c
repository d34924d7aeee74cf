
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_grpc_text.h"
#include "qoe_hex.h"


static int qoe_grpc_sextet(char ch);


int
qoe_grpc_status(qoe_span_t s)
{
    int     n;
    size_t  i;

    if (s.len == 0 || s.len > 8) {
        return -1;
    }

    n = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return -1;
        }

        n = n * 10 + (s.data[i] - '0');
    }

    return n;
}


void
qoe_grpc_percent_decode(char *dst, size_t size, qoe_span_t s)
{
    int     byte;
    size_t  i, n;

    n = 0;

    for (i = 0; i < s.len && n + 1 < size; i++) {

        byte = s.data[i] == '%' && s.len - i > 2
               ? qoe_hex_byte(s.data + i + 1) : -1;

        if (byte >= 0) {
            dst[n++] = (char) byte;
            i += 2;
            continue;
        }

        dst[n++] = s.data[i];
    }

    dst[n] = '\0';
}


qoe_status_t
qoe_grpc_base64_decode(char *dst, size_t *len, qoe_span_t s)
{
    int       v;
    size_t    i, n;
    unsigned  bits, acc;

    while (s.len > 0 && s.data[s.len - 1] == '=') {
        s.len--;
    }

    n = 0;
    acc = 0;
    bits = 0;

    for (i = 0; i < s.len; i++) {

        v = qoe_grpc_sextet(s.data[i]);
        if (v < 0) {
            return QOE_INVALID;
        }

        acc = (acc << 6 | (unsigned) v) & 0xffff;
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            dst[n++] = (char) (acc >> bits & 0xff);
        }
    }

    /* a single character at the end holds less than a byte */

    if (bits >= 6) {
        return QOE_INVALID;
    }

    *len = n;

    return QOE_OK;
}


static int
qoe_grpc_sextet(char ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A';
    }

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 26;
    }

    if (ch >= '0' && ch <= '9') {
        return ch - '0' + 52;
    }

    return (ch == '+') ? 62 : (ch == '/') ? 63 : -1;
}
