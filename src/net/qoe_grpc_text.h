
/*
 * Copyright (C) OpenQoE
 *
 * The encodings of gRPC's trailers ("gRPC over HTTP2").  Pure, any thread.
 */


#ifndef _QOE_GRPC_TEXT_H_INCLUDED_
#define _QOE_GRPC_TEXT_H_INCLUDED_


#include "qoe_core.h"


/* Reads grpc-status: 0 or more; -1: it is no number. */
int qoe_grpc_status(qoe_span_t s);

/*
 * Decodes grpc-message: %XX becomes the byte, and an invalid escape stays as
 * it is.  The text is cut to size - 1 bytes and NUL-terminated.
 */
void qoe_grpc_percent_decode(char *dst, size_t size, qoe_span_t s);

/*
 * Decodes a -bin header: base64 of RFC 4648, padded or not.  dst has room for
 * QOE_BASE64_MAX(s.len) bytes.  QOE_OK sets *len; QOE_INVALID: it is no
 * base64.
 */
#define QOE_BASE64_MAX(n)      ((n) / 4 * 3 + 3)

qoe_status_t qoe_grpc_base64_decode(char *dst, size_t *len, qoe_span_t s);


#endif /* _QOE_GRPC_TEXT_H_INCLUDED_ */
