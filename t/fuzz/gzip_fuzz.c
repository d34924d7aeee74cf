
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: any bytes are packed, the first byte says at which level, by
 * streams that live on from one input to the next.  zlib must inflate them to
 * what they were.
 */


#include "qoe_gzip.h"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_inflates(const qoe_buf_t *packed, const uint8_t *data, size_t size)
{
    char      *text;
    z_stream   z;

    memset(&z, 0, sizeof(z));

    text = malloc(size + 1);

    if (text == NULL || inflateInit2(&z, 15 + 16) != Z_OK) {
        abort();
    }

    z.next_in = (Bytef *) packed->data;
    z.avail_in = (uInt) packed->len;
    z.next_out = (Bytef *) text;
    z.avail_out = (uInt) size + 1;

    if (inflate(&z, Z_FINISH) != Z_STREAM_END || z.avail_in != 0
        || z.total_out != size || memcmp(text, data, size) != 0)
    {
        abort();
    }

    inflateEnd(&z);
    free(text);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                level;
    qoe_buf_t          out;
    static bool        ready[10];
    static qoe_gzip_t  gz[10];

    if (size == 0) {
        return 0;
    }

    level = 1 + data[0] % 9;

    if (!ready[level]) {
        ready[level] = true;

        if (qoe_gzip_init(&gz[level], &qoe_mem_heap, level) != QOE_OK) {
            abort();
        }
    }

    qoe_buf_init(&out, &qoe_mem_heap, 1024 * 1024);

    if (qoe_gzip(&gz[level], &out,
                 (qoe_span_t) { (const char *) data + 1, size - 1 })
        != QOE_OK)
    {
        abort();
    }

    check_inflates(&out, data + 1, size - 1);
    qoe_buf_free(&out);

    return 0;
}
