
/*
 * Copyright (C) OpenQoE
 *
 * The file format of the spool: round trips, and what is left of a segment
 * when any byte of it is changed, or the file ends anywhere.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* memfd_create() */
#endif

#include "tap.h"
#include "qoe_segment.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>


#define ID                 0x1122334455667788ULL
#define RECORDS            7

/* Bits of a set of records. */
#define ALL                ((1u << RECORDS) - 1)


static size_t  length[RECORDS] = { 5, 0, 300, 1, 41, 64, 17 };
static size_t  offset[RECORDS + 1];

static unsigned char  image[4096];


static void
payload_of(int i, unsigned char *p)
{
    size_t  n;

    for (n = 0; n < length[i]; n++) {
        p[n] = (unsigned char) (n * 7 + (size_t) i * 31 + 3);
    }

    /* Bytes like the begin of a record, as a client may send them. */

    if (length[i] > 60) {
        memcpy(p + 10, "\x8fQRR", 4);
    }
}


static int
file_of(const void *data, size_t len)
{
    int  fd;

    fd = memfd_create("segment", MFD_CLOEXEC);

    if (fd == -1 || write(fd, data, len) != (ssize_t) len) {
        abort();
    }

    return fd;
}


/* Writes all records and keeps the bytes in image; returns their number. */

static size_t
make(void)
{
    int                   fd, i, err;
    size_t                len;
    unsigned char         p[512];
    qoe_segment_record_t  r;

    fd = file_of("", 0);
    len = QOE_SEGMENT_HEADER;
    err = qoe_segment_begin(fd, ID, 99);

    for (i = 0; i < RECORDS; i++) {
        payload_of(i, p);

        offset[i] = len;
        memset(&r, 0, sizeof(r));
        r.offset = len;
        r.length = (uint32_t) length[i];
        r.items = (uint32_t) (i + 1);
        r.flags = (uint32_t) (i % 3);
        r.sequence = (uint64_t) i;
        r.received_ns = 1000 + (uint64_t) i;

        err |= qoe_segment_append(fd, ID, &r, p);
        len += QOE_SEGMENT_RECORD + length[i];
    }

    offset[RECORDS] = len;

    if (err != 0 || pread(fd, image, sizeof(image), 0) != (ssize_t) len) {
        abort();
    }

    close(fd);

    return len;
}


typedef struct {
    unsigned              got;           /* records with a right payload */
    unsigned              invalid;
    unsigned              done;
    int                   wrong;         /* read, but never written */
    uint64_t              items_lost;
    qoe_segment_reader_t  r;
} result_t;


static result_t
read_fd(int fd, uint64_t name)
{
    int                   i, n;
    result_t              res;
    qoe_buf_t             buf;
    qoe_status_t          rc;
    unsigned char         p[512];
    qoe_segment_record_t  r;

    memset(&res, 0, sizeof(res));
    qoe_buf_init(&buf, &qoe_mem_heap, QOE_SEGMENT_PAYLOAD_MAX);

    res.wrong = qoe_segment_open(&res.r, fd, name) != QOE_OK;

    for (n = 0; n < 10000; n++) {
        rc = qoe_segment_next(&res.r, &r, &buf);

        if (rc == QOE_DONE) {
            break;
        }

        if (rc == QOE_AGAIN) {
            continue;
        }

        i = (int) r.sequence;

        if (i >= RECORDS || r.items != (uint32_t) (i + 1)
            || r.length != length[i] || r.flags != (uint32_t) (i % 3)
            || r.received_ns != 1000 + (uint64_t) i)
        {
            res.wrong++;
            continue;
        }

        payload_of(i, p);

        if (rc == QOE_INVALID) {
            res.invalid |= 1u << i;
            res.items_lost += r.items;

        } else if (r.done) {
            res.done |= 1u << i;
            res.got |= 1u << i;

        } else if (rc == QOE_OK && buf.len == length[i]
                   && (buf.len == 0 || memcmp(buf.data, p, buf.len) == 0))
        {
            res.got |= 1u << i;

        } else {
            res.wrong++;
        }
    }

    res.wrong += (n == 10000);
    qoe_buf_free(&buf);

    return res;
}


static result_t
read_bytes(const void *data, size_t len, uint64_t name)
{
    int       fd;
    result_t  res;

    fd = file_of(data, len);
    res = read_fd(fd, name);
    close(fd);

    return res;
}


/* CRC-32C bit by bit, as RFC 3720 defines it. */

static uint32_t
crc32c(const unsigned char *p, size_t len)
{
    int       i;
    uint32_t  crc;

    for (crc = UINT32_MAX; len != 0; len--) {
        crc ^= *p++;

        for (i = 0; i < 8; i++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }

    return ~crc;
}


static uint64_t
number(const unsigned char *p, int bytes)
{
    uint64_t  n;

    for (n = 0; bytes != 0; bytes--) {
        n = n << 8 | p[bytes - 1];
    }

    return n;
}


/* The format, which other versions read: qoe_segment.h describes it. */

static void
test_format(void)
{
    int                   i, bad;
    const unsigned char  *p;
    unsigned char         id[8], header[QOE_SEGMENT_HEADER];

    memcpy(header, image, 12);
    memcpy(header + 12, image + 16, QOE_SEGMENT_HEADER - 16);

    ok(memcmp(image, "OQSPOOL1", 8) == 0
       && number(image + 8, 4) == QOE_SEGMENT_VERSION
       && number(image + 12, 4) == crc32c(header, QOE_SEGMENT_HEADER - 4)
       && number(image + 16, 8) == ID && number(image + 24, 8) == 99,
       "a segment begins with its mark, version, CRC, id and time");

    for (i = 0; i < 8; i++) {
        id[i] = (unsigned char) (ID >> (8 * i));
    }

    for (i = 0, bad = 0; i < RECORDS; i++) {
        p = image + offset[i];

        bad += memcmp(p, "\x8fQRR", 4) != 0
               || number(p + 4, 4) != (crc32c(p + 12, QOE_SEGMENT_RECORD - 12)
                                       ^ crc32c(id, 8))
               || number(p + 8, 4) != crc32c(p + QOE_SEGMENT_RECORD, length[i])
               || number(p + 12, 4) != length[i]
               || number(p + 16, 4) != (uint64_t) i + 1
               || number(p + 20, 4) != (uint64_t) i % 3
               || number(p + 24, 8) != (uint64_t) i
               || number(p + 32, 8) != 1000 + (uint64_t) i;
    }

    ok(bad == 0,
       "a record has its mark, the CRC of its header, which only its segment's "
       "id makes right, that of its payload, and its numbers");
}


static void
test_round(size_t len)
{
    int       fd;
    result_t  res;

    res = read_bytes(image, len, 0);
    ok(res.got == ALL && !res.wrong && res.r.header && res.r.id == ID
       && res.r.created_ns == 99 && res.r.lost == 0 && res.r.damaged == 0
       && !res.r.torn && res.done == 0,
       "records that were written are read back");

    fd = file_of(image, len);
    ok(qoe_segment_done(fd, offset[2]) == 0
       && qoe_segment_done(fd, offset[2]) == 0
       && qoe_segment_done(fd, offset[6]) == 0,
       "records can be marked as done, also twice");
    res = read_fd(fd, 0);
    ok(res.done == (1u << 2 | 1u << 6) && res.got == ALL && !res.wrong
       && res.r.damaged == 0, "the marks of records that are done are read");
    close(fd);

    res = read_bytes("", 0, ID);
    ok(res.got == 0 && !res.wrong && !res.r.header && !res.r.torn,
       "an empty file has neither records nor a header");
    ok(qoe_segment_done(-1, 32) == EBADF,
       "an invalid descriptor gives its errno");
}


/* Changes each bit, and writes two patterns over each byte. */

static void
test_flips(size_t len)
{
    int            k, hurt, named, bad[4];
    size_t         i;
    unsigned       want;
    result_t       res;
    unsigned char  copy[4096], flip;

    memset(bad, 0, sizeof(bad));

    for (i = 0; i < len; i++) {

        for (k = 0, hurt = -1; k < RECORDS; k++) {
            if (i >= offset[k] && i < offset[k + 1]) {
                hurt = k;
            }
        }

        want = (hurt == -1) ? ALL : ALL & ~(1u << hurt);

        for (k = 0; k < 10; k++) {
            flip = (unsigned char) (k < 8 ? 1 << k : k == 8 ? 0xff : 0xa5);
            named = k & 1;

            memcpy(copy, image, len);
            copy[i] ^= flip;

            res = read_bytes(copy, len, named ? ID : 0);

            bad[0] += (res.got & want) != want;
            bad[1] += res.wrong != 0;
            bad[2] += k < 8 && res.done != 0;

            if ((res.got & ALL) != ALL) {

                /*
                 * A loss is reported by the record, the sequence or the bytes.
                 */

                bad[3] += (res.invalid != (1u << hurt)
                           && res.r.damaged == 0 && !res.r.torn)
                          || (hurt < RECORDS - 1 && res.invalid == 0
                              && res.r.lost != 1);
            }
        }
    }

    ok(bad[0] == 0,
       "with any byte changed all other records are read (%d are not)", bad[0]);
    ok(bad[1] == 0,
       "with any byte changed nothing is read that was not written (%d)",
       bad[1]);
    ok(bad[2] == 0, "no single bit makes a record done (%d)", bad[2]);
    ok(bad[3] == 0,
       "with any byte changed the loss is reported (%d are not)", bad[3]);
}


static void
test_truncate(size_t len)
{
    int       k, bad[3];
    size_t    i;
    unsigned  want;
    result_t  res;

    memset(bad, 0, sizeof(bad));

    for (i = 0; i < len; i++) {

        for (k = 0, want = 0; k < RECORDS; k++) {
            want |= (offset[k + 1] <= i) ? 1u << k : 0;
        }

        res = read_bytes(image, i, (i & 1) ? ID : 0);

        bad[0] += res.got != want || res.wrong || res.invalid;
        bad[1] += res.r.damaged != 0 || res.r.lost != 0;

        for (k = 0; k < RECORDS; k++) {
            if (i > offset[k] && i < offset[k + 1]) {
                bad[2] += !res.r.torn;
            }
        }
    }

    ok(bad[0] == 0,
       "of a file cut anywhere all records before the cut are read (%d not)",
       bad[0]);
    ok(bad[1] == 0, "a file cut anywhere counts no damage (%d)", bad[1]);
    ok(bad[2] == 0,
       "a file cut anywhere is reported as torn (%d are not)", bad[2]);
}


static void
test_garbage(size_t len)
{
    size_t          n, at;
    result_t        res;
    unsigned char  *big;

    big = calloc(1, 5 << 20);
    if (big == NULL) {
        abort();
    }

    /* Three megabytes of half magics between two records. */

    at = offset[3];
    memcpy(big, image, at);

    for (n = at; n < at + (3 << 20); n++) {
        big[n] = (unsigned char) "\x8fQR\x8f\x8fQRR"[n % 8];
    }

    memcpy(big + n, image + at, len - at);
    res = read_bytes(big, n + len - at, 0);
    ok(res.got == ALL && !res.wrong && res.r.damaged == 3 << 20,
       "garbage between records is skipped and counted: %llu bytes",
       (unsigned long long) res.r.damaged);

    /* A sector is gone, with the header and the first two records. */

    memcpy(big, image, len);
    memset(big, 0, offset[2]);
    res = read_bytes(big, len, ID);
    ok(res.got == (ALL & ~3u) && !res.wrong && res.r.lost == 2
       && !res.r.header,
       "without header and first records, the id in the file's name is enough");
    res = read_bytes(big, len, 0);
    ok(res.got == 0 && !res.wrong, "without header and id no record is read");

    /* Records of another file, as blocks of a reused disk show them. */

    res = read_bytes(image, len, 1);
    ok(res.got == ALL, "the header's id wins over the file name's");
    memcpy(big, image, len);
    big[20] ^= 1;
    res = read_bytes(big, len, 1);
    ok(res.got == 0 && !res.wrong && res.r.damaged != 0,
       "records of another segment are not read");

    /* The space after the end, which was allocated and never written. */

    memcpy(big, image, len);
    memset(big + len, 0, 4 << 20);
    res = read_bytes(big, len + (4 << 20), 0);
    ok(res.got == ALL && res.r.damaged == 0 && res.r.torn,
       "zeroes at the end are no damage");

    /* A later copy of a record is not read again. */

    memcpy(big, image, len);
    memcpy(big + len, image + offset[2], len - offset[2]);
    res = read_bytes(big, 2 * len - offset[2], 0);
    ok(res.got == ALL && !res.wrong && res.r.damaged == len - offset[2],
       "no sequence number is read twice");

    free(big);
}


static void
test_lengths(void)
{
    int                    fd;
    char                  *p;
    result_t               res;
    tap_mem_t              m;
    qoe_buf_t              buf;
    qoe_segment_reader_t   reader;
    qoe_segment_record_t   r;

    p = calloc(1, QOE_SEGMENT_PAYLOAD_MAX + 1);
    fd = file_of("", 0);

    if (p == NULL || qoe_segment_begin(fd, ID, 1) != 0) {
        abort();
    }

    memset(&r, 0, sizeof(r));
    r.offset = QOE_SEGMENT_HEADER;
    r.length = QOE_SEGMENT_PAYLOAD_MAX + 1;

    ok(qoe_segment_append(fd, ID, &r, p) == EFBIG,
       "a payload that is too long is refused");

    r.length--;
    p[r.length - 1] = 'x';
    r.items = 9;
    ok(qoe_segment_append(fd, ID, &r, p) == 0,
       "the longest payload is written");

    qoe_buf_init(&buf, tap_mem(&m, 0), QOE_SEGMENT_PAYLOAD_MAX);
    ok(qoe_segment_open(&reader, fd, 0) == QOE_OK
       && qoe_segment_next(&reader, &r, &buf) == QOE_NOMEM
       && qoe_segment_next(&reader, &r, &buf) == QOE_OK && r.items == 9
       && buf.len == QOE_SEGMENT_PAYLOAD_MAX
       && memcmp(buf.data, p, buf.len) == 0
       && qoe_segment_next(&reader, &r, &buf) == QOE_DONE,
       "after a failed allocation the same record comes next");
    qoe_buf_free(&buf);

    ok(qoe_segment_open(&reader, fd, 0) == QOE_OK
       && qoe_segment_next(&reader, &r, NULL) == QOE_OK && r.items == 9
       && qoe_segment_next(&reader, &r, NULL) == QOE_DONE,
       "reading only the records' headers takes no memory");

    /* A whole header whose payload is not all there. */

    if (ftruncate(fd, QOE_SEGMENT_HEADER + QOE_SEGMENT_RECORD + 100) == -1) {
        abort();
    }

    res = read_fd(fd, 0);
    ok(res.got == 0 && res.r.torn && !res.wrong,
       "a record whose payload passes the end of the file is torn");

    close(fd);
    free(p);
}


/* In a file that may not grow nothing of the record stays. */

static void
test_short(void)
{
    int                    fd, err;
    off_t                  size;
    char                   p[2000];
    struct rlimit          old, lim;
    qoe_segment_record_t   r;

    signal(SIGXFSZ, SIG_IGN);
    memset(p, 'p', sizeof(p));
    memset(&r, 0, sizeof(r));

    fd = file_of("", 0);
    r.offset = QOE_SEGMENT_HEADER;
    r.length = sizeof(p);
    r.items = 1;

    err = qoe_segment_begin(fd, ID, 1) | qoe_segment_append(fd, ID, &r, p);

    getrlimit(RLIMIT_FSIZE, &old);
    lim = old;
    lim.rlim_cur = 3000;
    setrlimit(RLIMIT_FSIZE, &lim);

    r.offset += QOE_SEGMENT_RECORD + r.length;
    r.sequence = 1;

    ok(err == 0 && qoe_segment_append(fd, ID, &r, p) == EFBIG,
       "a write that the file's limit cuts short reports why");

    setrlimit(RLIMIT_FSIZE, &old);
    size = lseek(fd, 0, SEEK_END);
    ok(size == (off_t) r.offset,
       "a write that was cut short leaves nothing in the file");
    ok(qoe_segment_append(fd, ID, &r, p) == 0,
       "the next try writes in the same place");

    close(fd);
}


int
main(void)
{
    size_t  len;

    len = make();

    test_format();
    test_round(len);
    test_flips(len);
    test_truncate(len);
    test_garbage(len);
    test_lengths();
    test_short();

    return tap_end();
}
