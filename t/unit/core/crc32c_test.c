
/*
 * Copyright (C) OpenQoE
 *
 * CRC-32C: the vectors of RFC 3720, B.4, and that the processor's instruction
 * and the tables agree on anything.
 */


#include "tap.h"
#include "qoe_crc32c.h"


static void
test_vectors(void)
{
    int            i, pass;
    size_t         n;
    unsigned char  buf[4][32];

    static const unsigned char  scsi[48] = {
        0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
        0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
        0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
    };

    static const uint32_t  want[4] = {
        0x8a9136aa, 0x62a8ab43, 0x46dd794e, 0x113fdb5c
    };

    memset(buf[0], 0, 32);
    memset(buf[1], 0xff, 32);

    for (i = 0; i < 32; i++) {
        buf[2][i] = (unsigned char) i;
        buf[3][i] = (unsigned char) (31 - i);
    }

    pass = 1;

    for (i = 0; i < 4; i++) {
        pass &= qoe_crc32c(0, buf[i], 32) == want[i];
        pass &= qoe_crc32c_portable(0, buf[i], 32) == want[i];
    }

    ok(pass,
       "zeroes, ones, rising and falling bytes have the sums that RFC 3720 "
       "gives");
    ok(qoe_crc32c(0, scsi, 48) == 0xd9963a56
       && qoe_crc32c_portable(0, scsi, 48) == 0xd9963a56,
       "an iSCSI READ command has the sum that RFC 3720 gives");
    ok(qoe_crc32c(0, "123456789", 9) == 0xe3069283
       && qoe_crc32c_portable(0, "123456789", 9) == 0xe3069283,
       "the digits 1 to 9 have the check value of CRC-32C");
    ok(qoe_crc32c(0, NULL, 0) == 0 && qoe_crc32c(77, NULL, 0) == 77,
       "no bytes leave the sum as it is");

    for (n = 0, pass = 1; n <= 48; n++) {
        pass &= qoe_crc32c(qoe_crc32c(0, scsi, n), scsi + n, 48 - n)
                == 0xd9963a56;
    }

    ok(pass, "a text cut in two anywhere has the sum of the whole");
}


static void
test_agree(void)
{
    int            pass;
    size_t         i, at, len;
    uint32_t       x;
    unsigned char  buf[4096];

    x = 12345;

    for (i = 0; i < sizeof(buf); i++) {
        x = x * 1103515245 + 12345;
        buf[i] = (unsigned char) (x >> 16);
    }

    pass = 1;

    for (at = 0; at < 16; at++) {
        for (len = 0; len < 300; len++) {
            pass &= qoe_crc32c(x, buf + at, len)
                    == qoe_crc32c_portable(x, buf + at, len);
        }
    }

    pass &= qoe_crc32c(0, buf, sizeof(buf))
            == qoe_crc32c_portable(0, buf, sizeof(buf));

    ok(pass,
       "the CPU's instruction gives what the tables give, at any alignment and "
       "length");
}


int
main(void)
{
    test_vectors();
    test_agree();

    return tap_end();
}
