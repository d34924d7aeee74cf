
/*
 * Copyright (C) OpenQoE
 *
 * The encodings of gRPC's trailers ("gRPC over HTTP2").  Pure, any thread.
 */


#ifndef _QOE_GRPC_TEXT_H_INCLUDED_
#define _QOE_GRPC_TEXT_H_INCLUDED_


#include "qoe_core.h"


/* grpc-status: 0 or more, or -1 for what is no number. */
int qoe_grpc_status(qoe_span_t s);

/*
 * grpc-message: %XX becomes the byte, what is no such escape stays.  Cut to
 * size - 1 bytes, NUL-terminated.
 */
void qoe_grpc_percent_decode(char *dst, size_t size, qoe_span_t s);

/*
 * A -bin header: base64 of RFC 4648, padded or not.  dst has room for
 * QOE_BASE64_MAX(s.len) bytes.  QOE_OK and *len, or QOE_INVALID.
 */
#define QOE_BASE64_MAX(n)      ((n) / 4 * 3 + 3)

qoe_status_t qoe_grpc_base64_decode(char *dst, size_t *len, qoe_span_t s);


#endif /* _QOE_GRPC_TEXT_H_INCLUDED_ */
