
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_gzip_isal.h"


#if (QOE_ISAL)

#include <isa-l/igzip_lib.h>


/*
 * ISA-L documents no bound for the growth of data that cannot be packed.  A
 * batch shrinks to about a tenth, so a quarter is reserved first, and more is
 * added as needed.
 */
#define QOE_GZIP_ISAL_SLACK    256
#define QOE_GZIP_ISAL_MORE     (16 * 1024)
#define QOE_GZIP_ISAL_ONCE     (1024 * 1024 * 1024)


/* The library's buffer for the level lies right after the stream. */

struct qoe_gzip_isal_s {
    struct isal_zstream  strm;
};


static const uint32_t  qoe_gzip_isal_room[] = {
    0,
    ISAL_DEF_LVL1_DEFAULT,
    ISAL_DEF_LVL2_DEFAULT,
    ISAL_DEF_LVL3_DEFAULT
};


bool
qoe_gzip_isal_has(int level)
{
    return level >= 1 && level <= ISAL_DEF_MAX_LEVEL;
}


qoe_gzip_isal_t *
qoe_gzip_isal_create(const qoe_mem_t *mem, int level)
{
    size_t            head;
    qoe_gzip_isal_t  *z;

    head = qoe_align(sizeof(qoe_gzip_isal_t), 64);

    z = mem->alloc(mem->ctx, head + qoe_gzip_isal_room[level]);
    if (z == NULL) {
        return NULL;
    }

    /* igzip reads table entries that it never wrote, harmlessly */

    memset(z, 0, head + qoe_gzip_isal_room[level]);

    isal_deflate_init(&z->strm);

    z->strm.level = (uint32_t) level;
    z->strm.level_buf = (uint8_t *) z + head;
    z->strm.level_buf_size = qoe_gzip_isal_room[level];

    return z;
}


void
qoe_gzip_isal_destroy(qoe_gzip_isal_t *z, const qoe_mem_t *mem)
{
    mem->free(mem->ctx, z);
}


qoe_status_t
qoe_gzip_isal(qoe_gzip_isal_t *z, qoe_buf_t *out, qoe_span_t in)
{
    char          *dst;
    size_t         before, room;
    qoe_status_t   status;

    isal_deflate_reset(&z->strm);

    /* igzip changes the flag when it writes the header, and reset keeps it */

    z->strm.gzip_flag = IGZIP_GZIP;
    z->strm.flush = NO_FLUSH;
    z->strm.end_of_stream = 1;

    z->strm.next_in = (uint8_t *) in.data;
    z->strm.avail_in = (uint32_t) in.len;

    before = out->len;
    room = qoe_min(in.len, in.len / 4 + QOE_GZIP_ISAL_MORE)
           + QOE_GZIP_ISAL_SLACK;

    for ( ;; ) {
        dst = qoe_buf_reserve(out, room);

        if (dst == NULL) {
            status = out->status;
            out->status = QOE_OK;
            break;
        }

        room = qoe_min(out->cap - out->len, (size_t) QOE_GZIP_ISAL_ONCE);

        z->strm.next_out = (uint8_t *) dst;
        z->strm.avail_out = (uint32_t) room;

        if (isal_deflate(&z->strm) != COMP_OK) {
            status = QOE_ERROR;
            break;
        }

        out->len += room - z->strm.avail_out;

        if (z->strm.internal_state.state == ZSTATE_END) {
            return QOE_OK;
        }

        if (z->strm.avail_out != 0) {
            status = QOE_ERROR;
            break;
        }

        room = QOE_GZIP_ISAL_MORE;
    }

    out->len = before;

    return status;
}


#else


bool
qoe_gzip_isal_has(int level)
{
    (void) level;

    return false;
}


qoe_gzip_isal_t *
qoe_gzip_isal_create(const qoe_mem_t *mem, int level)
{
    (void) mem;
    (void) level;

    return NULL;
}


void
qoe_gzip_isal_destroy(qoe_gzip_isal_t *z, const qoe_mem_t *mem)
{
    (void) z;
    (void) mem;
}


qoe_status_t
qoe_gzip_isal(qoe_gzip_isal_t *z, qoe_buf_t *out, qoe_span_t in)
{
    (void) z;
    (void) out;
    (void) in;

    return QOE_ERROR;
}


#endif
