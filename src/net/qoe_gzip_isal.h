
/*
 * Copyright (C) OpenQoE
 *
 * gzip by ISA-L's igzip, which packs batches of events several times as fast
 * as zlib.  Built without the library, the functions exist but support no
 * level.  Private to qoe_gzip.c; for one thread.
 */


#ifndef _QOE_GZIP_ISAL_H_INCLUDED_
#define _QOE_GZIP_ISAL_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_buf.h"


typedef struct qoe_gzip_isal_s  qoe_gzip_isal_t;


/* Whether ISA-L packs at this level, 1 to 9; zlib does otherwise. */
bool qoe_gzip_isal_has(int level);

/* For a level that ISA-L packs at.  NULL: no memory. */
qoe_gzip_isal_t *qoe_gzip_isal_create(const qoe_mem_t *mem, int level);
void qoe_gzip_isal_destroy(qoe_gzip_isal_t *z, const qoe_mem_t *mem);

/* Like qoe_gzip(), which has checked the length. */
qoe_status_t qoe_gzip_isal(qoe_gzip_isal_t *z, qoe_buf_t *out, qoe_span_t in);


#endif /* _QOE_GZIP_ISAL_H_INCLUDED_ */
