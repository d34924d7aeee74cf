
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_crc32c.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#include <asm/hwcap.h>
#endif


/* the Castagnoli polynomial 0x1edc6f41 with its bits reversed */
#define QOE_CRC32C_POLY    0x82f63b78


typedef uint32_t (*qoe_crc32c_pt)(uint32_t crc, const unsigned char *p,
    size_t len);


static uint32_t qoe_crc32c_table(uint32_t crc, const unsigned char *p,
    size_t len);


/*
 * tables[n][b]: the contribution of byte b that has n bytes after it, out of
 * eight processed together ("slicing by 8")
 */

static uint32_t       qoe_crc32c_tables[8][256];
static qoe_crc32c_pt  qoe_crc32c_impl = qoe_crc32c_table;


#if defined(__x86_64__)

#define QOE_CRC32C_HW      1

static bool
qoe_crc32c_has(void)
{
    __builtin_cpu_init();

    return __builtin_cpu_supports("sse4.2") != 0;
}


__attribute__((target("sse4.2")))
static uint32_t
qoe_crc32c_hw(uint32_t crc, const unsigned char *p, size_t len)
{
    uint64_t  word, c;

    c = crc;

    for ( /* void */ ; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        c = _mm_crc32_u64(c, word);
    }

    for ( /* void */ ; len > 0; p++, len--) {
        c = _mm_crc32_u8((uint32_t) c, *p);
    }

    return (uint32_t) c;
}


#elif defined(__aarch64__)

#define QOE_CRC32C_HW      1

static bool
qoe_crc32c_has(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}


__attribute__((target("+crc")))
static uint32_t
qoe_crc32c_hw(uint32_t crc, const unsigned char *p, size_t len)
{
    uint64_t  word;

    for ( /* void */ ; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
    }

    for ( /* void */ ; len > 0; p++, len--) {
        crc = __crc32cb(crc, *p);
    }

    return crc;
}


#endif


/*
 * Runs before main() or in dlopen(), so that no thread can see a table that is
 * half filled.
 */

__attribute__((constructor))
static void
qoe_crc32c_init(void)
{
    int       n;
    uint32_t  b, c;

    for (b = 0; b < 256; b++) {
        c = b;

        for (n = 0; n < 8; n++) {
            c = (c >> 1) ^ ((c & 1) ? QOE_CRC32C_POLY : 0);
        }

        qoe_crc32c_tables[0][b] = c;
    }

    for (n = 1; n < 8; n++) {
        for (b = 0; b < 256; b++) {
            c = qoe_crc32c_tables[n - 1][b];
            qoe_crc32c_tables[n][b] = (c >> 8)
                                      ^ qoe_crc32c_tables[0][c & 0xff];
        }
    }

#ifdef QOE_CRC32C_HW
    if (qoe_crc32c_has()) {
        qoe_crc32c_impl = qoe_crc32c_hw;
    }
#endif
}


uint32_t
qoe_crc32c(uint32_t crc, const void *data, size_t len)
{
    return ~qoe_crc32c_impl(~crc, data, len);
}


uint32_t
qoe_crc32c_portable(uint32_t crc, const void *data, size_t len)
{
    return ~qoe_crc32c_table(~crc, data, len);
}


static uint32_t
qoe_crc32c_table(uint32_t crc, const unsigned char *p, size_t len)
{
    int  n;

    for ( /* void */ ; len >= 8; p += 8, len -= 8) {
        uint32_t  next;

        crc ^= (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16
               | (uint32_t) p[3] << 24;
        next = 0;

        for (n = 0; n < 4; n++) {
            next ^= qoe_crc32c_tables[7 - n][(crc >> (8 * n)) & 0xff]
                    ^ qoe_crc32c_tables[3 - n][p[4 + n]];
        }

        crc = next;
    }

    for ( /* void */ ; len > 0; p++, len--) {
        crc = (crc >> 8) ^ qoe_crc32c_tables[0][(crc ^ *p) & 0xff];
    }

    return crc;
}
