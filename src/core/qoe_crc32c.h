
/*
 * Copyright (C) OpenQoE
 *
 * CRC-32C (Castagnoli; RFC 3720, B.4), by the processor's own instruction
 * where it has one.  Pure, any thread.
 */


#ifndef _QOE_CRC32C_H_INCLUDED_
#define _QOE_CRC32C_H_INCLUDED_


#include "qoe_core.h"


/* Of len bytes behind those that crc is of; begin with 0. */
uint32_t qoe_crc32c(uint32_t crc, const void *data, size_t len);

/* The same by tables alone; what a processor without the instruction runs. */
uint32_t qoe_crc32c_portable(uint32_t crc, const void *data, size_t len);


#endif /* _QOE_CRC32C_H_INCLUDED_ */
