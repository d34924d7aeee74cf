
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_gzip.h"


/* zlib: the largest window, and + 16 for a gzip header instead of zlib's */
#define QOE_GZIP_WINDOW    (15 + 16)
#define QOE_GZIP_MEMLEVEL  8


static void *qoe_gzip_alloc(void *opaque, unsigned items, unsigned size);
static void qoe_gzip_release(void *opaque, void *p);


qoe_status_t
qoe_gzip_init(qoe_gzip_t *gz, const qoe_mem_t *mem, int level)
{
    int  rc;

    memset(gz, 0, sizeof(qoe_gzip_t));

    if (level < 1 || level > 9) {
        return QOE_INVALID;
    }

    gz->mem = mem;

    if (qoe_gzip_isal_has(level)) {
        gz->isal = qoe_gzip_isal_create(mem, level);
        return gz->isal != NULL ? QOE_OK : QOE_NOMEM;
    }

    gz->strm.zalloc = qoe_gzip_alloc;
    gz->strm.zfree = qoe_gzip_release;
    gz->strm.opaque = gz;

    rc = deflateInit2(&gz->strm, level, Z_DEFLATED, QOE_GZIP_WINDOW,
                      QOE_GZIP_MEMLEVEL, Z_DEFAULT_STRATEGY);
    if (rc != Z_OK) {
        return rc == Z_MEM_ERROR ? QOE_NOMEM : QOE_ERROR;
    }

    gz->ready = true;

    return QOE_OK;
}


void
qoe_gzip_free(qoe_gzip_t *gz)
{
    if (gz->isal != NULL) {
        qoe_gzip_isal_destroy(gz->isal, gz->mem);
        gz->isal = NULL;
    }

    if (gz->ready) {
        gz->ready = false;
        deflateEnd(&gz->strm);
    }
}


qoe_status_t
qoe_gzip(qoe_gzip_t *gz, qoe_buf_t *out, qoe_span_t in)
{
    char          *dst;
    size_t         bound;
    qoe_status_t   status;

    /* both libraries count in 32 bits, and the packed data may be longer */

    if (in.len > UINT32_MAX / 2) {
        return QOE_TOO_LARGE;
    }

    if (gz->isal != NULL) {
        return qoe_gzip_isal(gz->isal, out, in);
    }

    if (deflateReset(&gz->strm) != Z_OK) {
        return QOE_ERROR;
    }

    bound = deflateBound(&gz->strm, in.len);
    dst = qoe_buf_reserve(out, bound);

    if (dst == NULL) {
        status = out->status;
        out->status = QOE_OK;
        return status;
    }

    gz->strm.next_in = (Bytef *) in.data;
    gz->strm.avail_in = (uInt) in.len;
    gz->strm.next_out = (Bytef *) dst;
    gz->strm.avail_out = (uInt) bound;

    if (deflate(&gz->strm, Z_FINISH) != Z_STREAM_END) {
        return QOE_ERROR;
    }

    out->len += bound - gz->strm.avail_out;

    return QOE_OK;
}


static void *
qoe_gzip_alloc(void *opaque, unsigned items, unsigned size)
{
    qoe_gzip_t  *gz = opaque;

    if (size != 0 && items > SIZE_MAX / size) {
        return NULL;
    }

    return gz->mem->alloc(gz->mem->ctx, (size_t) items * size);
}


static void
qoe_gzip_release(void *opaque, void *p)
{
    qoe_gzip_t  *gz = opaque;

    gz->mem->free(gz->mem->ctx, p);
}
