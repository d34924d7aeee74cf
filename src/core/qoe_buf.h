
/*
 * Copyright (C) OpenQoE
 *
 * A growable byte buffer with a mandatory maximum.  Errors are sticky: after
 * the first failed append every later one does nothing, and status keeps the
 * reason, so that an encoder needs to check only once, at its end.
 */


#ifndef _QOE_BUF_H_INCLUDED_
#define _QOE_BUF_H_INCLUDED_


#include "qoe_core.h"


typedef struct {
    char             *data;
    size_t            len;
    size_t            cap;
    size_t            max;
    const qoe_mem_t  *mem;
    qoe_status_t      status;        /* QOE_OK, QOE_NOMEM or QOE_TOO_LARGE */
} qoe_buf_t;


/* Allocates nothing yet; mem must outlive the buffer. */
void qoe_buf_init(qoe_buf_t *b, const qoe_mem_t *mem, size_t max);

/*
 * Makes room for n more bytes and returns where they go, data + len, or NULL
 * on failure.  Does not change len.
 */
char *qoe_buf_reserve(qoe_buf_t *b, size_t n);

/*
 * Append bytes, or formatted text without its NUL.  On failure nothing is
 * appended, and status is set.
 */
void qoe_buf_append(qoe_buf_t *b, const void *p, size_t n);
void qoe_buf_printf(qoe_buf_t *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define qoe_buf_literal(b, s)    qoe_buf_append(b, s, sizeof(s) - 1)

/*
 * Appends s as a JSON string with its quotes (RFC 8259).  Bytes that are not
 * UTF-8 become U+FFFD, so the result is always valid.
 */
void qoe_buf_json_string(qoe_buf_t *b, qoe_span_t s);

/*
 * The length of the UTF-8 sequence of two to four bytes at p < end (RFC 3629),
 * or 0 if there is no such sequence.
 */
size_t qoe_utf8_len(const unsigned char *p, const unsigned char *end);

/* Removes the content and clears the status, but keeps the memory. */
void qoe_buf_reset(qoe_buf_t *b);

/* Returns the memory.  The buffer is empty and may be used again. */
void qoe_buf_free(qoe_buf_t *b);


#endif /* _QOE_BUF_H_INCLUDED_ */
