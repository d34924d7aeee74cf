
/*
 * Copyright (C) OpenQoE
 *
 * CRC-32C (Castagnoli; RFC 3720, B.4), computed by the processor's own
 * instruction where there is one.  No shared state, for any thread.
 */


#ifndef _QOE_CRC32C_H_INCLUDED_
#define _QOE_CRC32C_H_INCLUDED_


#include "qoe_core.h"


/*
 * Continues crc, the checksum of the preceding bytes, over len more bytes; the
 * checksum of no bytes is 0.
 */
uint32_t qoe_crc32c(uint32_t crc, const void *data, size_t len);

/* The same from tables alone, for processors without the instruction. */
uint32_t qoe_crc32c_portable(uint32_t crc, const void *data, size_t len);


#endif /* _QOE_CRC32C_H_INCLUDED_ */
