
/*
 * Copyright (C) OpenQoE
 *
 * Any bytes as a segment of the spool. The first byte says what is corrected
 * in them before: a header, or a record with a whole header in the middle, so
 * that the fuzzer gets past the CRCs.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* memfd_create() */
#endif

#include "qoe_segment.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


#define ID                 0x17


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
read_all(int fd, uint64_t size, uint64_t name, bool whole)
{
    size_t                n;
    uint64_t              end, next;
    qoe_buf_t             payload;
    qoe_status_t          rc;
    qoe_segment_reader_t  r;
    qoe_segment_record_t  record;

    qoe_buf_init(&payload, &qoe_mem_heap, QOE_SEGMENT_PAYLOAD_MAX);

    if (qoe_segment_open(&r, fd, name) != QOE_OK) {
        abort();
    }

    end = 0;
    next = 0;

    for (n = 0; n < 2 * size + 2; n++) {
        rc = qoe_segment_next(&r, &record, whole ? &payload : NULL);

        if (rc == QOE_DONE) {
            break;
        }

        if (rc == QOE_AGAIN) {
            continue;
        }

        if ((rc != QOE_OK && rc != QOE_INVALID)
            || record.offset < end || record.sequence < next
            || record.length > QOE_SEGMENT_PAYLOAD_MAX
            || record.offset + QOE_SEGMENT_RECORD + record.length > size
            || (rc == QOE_OK && whole && !record.done
                && payload.len != record.length))
        {
            abort();
        }

        end = record.offset + QOE_SEGMENT_RECORD + record.length;
        next = record.sequence + 1;
    }

    if (rc != QOE_DONE || r.damaged > size || r.lost > size) {
        abort();
    }

    qoe_buf_free(&payload);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned              what;
    static int            fd = -1;
    qoe_segment_record_t  record;

    if (size == 0) {
        return 0;
    }

    if (fd == -1) {
        fd = memfd_create("segment", MFD_CLOEXEC);
    }

    what = *data++;
    size--;

    if (fd == -1 || ftruncate(fd, 0) == -1
        || pwrite(fd, data, size, 0) != (ssize_t) size)
    {
        abort();
    }

    if ((what & 1) && qoe_segment_begin(fd, ID, 1) != 0) {
        abort();
    }

    if ((what & 2) && size >= 4) {
        memset(&record, 0, sizeof(record));
        record.offset = (what & 4) ? QOE_SEGMENT_HEADER
                                   : (size_t) (data[0] | data[1] << 8) % size;
        record.sequence = data[2];
        record.length = (uint32_t) qoe_min(size, (size_t) data[3]);
        record.done = (what & 8) != 0;

        if (qoe_segment_append(fd, ID, &record, data) != 0) {
            abort();
        }
    }

    size = (size_t) lseek(fd, 0, SEEK_END);

    read_all(fd, size, (what & 16) ? ID : 0, true);
    read_all(fd, size, (what & 16) ? ID : 0, false);

    return 0;
}
