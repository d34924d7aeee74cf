
/*
 * Copyright (C) OpenQoE
 *
 * gzip (RFC 1952) of whole buffers, by one deflate stream that is reset and
 * used again: ISA-L's for the fast levels where the build has it, zlib's for
 * the rest.  One thread.
 */


#ifndef _QOE_GZIP_H_INCLUDED_
#define _QOE_GZIP_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_buf.h"
#include "qoe_gzip_isal.h"

#include <zlib.h>


typedef struct {
    qoe_gzip_isal_t  *isal;      /* NULL: zlib packs */
    z_stream          strm;
    const qoe_mem_t  *mem;
    bool              ready;     /* strm is to be ended */
} qoe_gzip_t;


/*
 * level 1..9.  Takes 260 to 450 kB from mem, which must outlive it.  QOE_NOMEM,
 * or QOE_INVALID for another level.
 */
qoe_status_t qoe_gzip_init(qoe_gzip_t *gz, const qoe_mem_t *mem, int level);
void qoe_gzip_free(qoe_gzip_t *gz);

/*
 * Appends in, packed, to out.  QOE_NOMEM or QOE_TOO_LARGE as out has it, with
 * the length of out as it was, and its status too.
 */
qoe_status_t qoe_gzip(qoe_gzip_t *gz, qoe_buf_t *out, qoe_span_t in);


#endif /* _QOE_GZIP_H_INCLUDED_ */
