
/*
 * Copyright (C) OpenQoE
 *
 * gzip (RFC 1952) of whole buffers, by a deflate stream that is reset and
 * reused: ISA-L's for the fast levels if it is built in, else zlib's.  For one
 * thread.
 */


#ifndef _QOE_GZIP_H_INCLUDED_
#define _QOE_GZIP_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_buf.h"
#include "qoe_gzip_isal.h"

#include <zlib.h>


typedef struct {
    qoe_gzip_isal_t  *isal;      /* NULL: zlib is used */
    z_stream          strm;
    const qoe_mem_t  *mem;
    bool              ready;     /* deflateEnd() is due */
} qoe_gzip_t;


/*
 * level is 1 to 9.  Takes 260 to 450 kB from mem, which must outlive gz.
 * QOE_NOMEM; QOE_INVALID: there is no such level.
 */
qoe_status_t qoe_gzip_init(qoe_gzip_t *gz, const qoe_mem_t *mem, int level);
void qoe_gzip_free(qoe_gzip_t *gz);

/*
 * Appends in, packed, to out.  QOE_NOMEM or QOE_TOO_LARGE, as out reports it;
 * the length and the status of out are then unchanged.
 */
qoe_status_t qoe_gzip(qoe_gzip_t *gz, qoe_buf_t *out, qoe_span_t in);


#endif /* _QOE_GZIP_H_INCLUDED_ */
