
/*
 * Copyright (C) OpenQoE
 *
 * UUIDs (RFC 9562): makes version 7, and parses any version.
 */


#ifndef _QOE_UUID_H_INCLUDED_
#define _QOE_UUID_H_INCLUDED_


#include "qoe_core.h"


#define QOE_UUID_TEXT_LEN  36


/* Fills p with n bytes from getrandom(2).  QOE_ERROR if that fails. */
qoe_status_t qoe_random(void *p, size_t n);

/* A version 7 UUID at now_ms (Unix) from 10 random bytes. */
void qoe_uuid_v7(uint8_t id[16], uint64_t now_ms, const uint8_t random[10]);

/* Writes lower-case digits with hyphens, and no NUL. */
void qoe_uuid_format(char text[QOE_UUID_TEXT_LEN], const uint8_t id[16]);

/* QOE_INVALID unless s is 8-4-4-4-12 hexadecimal digits of either case. */
qoe_status_t qoe_uuid_parse(uint8_t id[16], qoe_span_t s);


#endif /* _QOE_UUID_H_INCLUDED_ */
