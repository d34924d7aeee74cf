
/*
 * Copyright (C) OpenQoE
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* pwritev() */
#endif

#include "qoe_segment.h"
#include "qoe_crc32c.h"
#include "qoe_failpoint.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>


#define QOE_SEGMENT_MAGIC      "OQSPOOL1"
#define QOE_SEGMENT_LIVE       'R'
#define QOE_SEGMENT_DONE       ((unsigned char) ~'R')

/* the magic's last byte, at this place in a record, after "\x8fQR" */
#define QOE_SEGMENT_MARK       3

/* bytes at the start of a record header that its own CRC leaves out */
#define QOE_SEGMENT_COVERED    12

/* a search reads blocks, and returns to its caller after a slice */
#define QOE_SEGMENT_BLOCK      (16 * 1024)
#define QOE_SEGMENT_SLICE      (1024 * 1024)


static const unsigned char  qoe_segment_magic[QOE_SEGMENT_MARK] = {
    0x8f, 'Q', 'R'
};


static uint32_t qoe_segment_mask(uint64_t id);
static uint32_t qoe_segment_header_crc(const unsigned char *p);
static int qoe_segment_write(int fd, uint64_t offset, struct iovec *iov, int n,
    size_t len);
static ssize_t qoe_segment_read(int fd, uint64_t offset, void *p, size_t len);
static void qoe_segment_guess(qoe_segment_reader_t *r);
static qoe_status_t qoe_segment_here(qoe_segment_reader_t *r,
    qoe_segment_record_t *record);
static qoe_status_t qoe_segment_search(qoe_segment_reader_t *r,
    qoe_segment_record_t *record);
static bool qoe_segment_header_ok(const qoe_segment_reader_t *r,
    const unsigned char *p, uint64_t offset, qoe_segment_record_t *record);
static qoe_status_t qoe_segment_payload(qoe_segment_reader_t *r,
    const qoe_segment_record_t *record, qoe_buf_t *payload);


static inline void
qoe_segment_put(unsigned char *p, uint64_t v, int bytes)
{
    int  i;

    for (i = 0; i < bytes; i++) {
        p[i] = (unsigned char) (v >> (8 * i));
    }
}


static inline uint64_t
qoe_segment_get(const unsigned char *p, int bytes)
{
    int       i;
    uint64_t  v;

    v = 0;

    for (i = 0; i < bytes; i++) {
        v |= (uint64_t) p[i] << (8 * i);
    }

    return v;
}


int
qoe_segment_begin(int fd, uint64_t id, uint64_t created_ns)
{
    struct iovec   iov;
    unsigned char  p[QOE_SEGMENT_HEADER];

    memcpy(p, QOE_SEGMENT_MAGIC, 8);
    qoe_segment_put(p + 8, QOE_SEGMENT_VERSION, 4);
    qoe_segment_put(p + 16, id, 8);
    qoe_segment_put(p + 24, created_ns, 8);
    qoe_segment_put(p + 12, qoe_segment_header_crc(p), 4);

    iov.iov_base = p;
    iov.iov_len = sizeof(p);

    return qoe_segment_write(fd, 0, &iov, 1, sizeof(p));
}


int
qoe_segment_append(int fd, uint64_t id, const qoe_segment_record_t *record,
    const void *payload)
{
    int            err;
    uint32_t       crc;
    struct iovec   iov[2];
    unsigned char  p[QOE_SEGMENT_RECORD];

    if (record->length > QOE_SEGMENT_PAYLOAD_MAX) {
        return EFBIG;
    }

    err = qoe_failpoint("segment.append");
    if (err != 0) {
        return err;
    }

    memcpy(p, qoe_segment_magic, QOE_SEGMENT_MARK);
    p[QOE_SEGMENT_MARK] = record->done ? QOE_SEGMENT_DONE : QOE_SEGMENT_LIVE;

    qoe_segment_put(p + 8, qoe_crc32c(0, payload, record->length), 4);
    qoe_segment_put(p + 12, record->length, 4);
    qoe_segment_put(p + 16, record->items, 4);
    qoe_segment_put(p + 20, record->flags, 4);
    qoe_segment_put(p + 24, record->sequence, 8);
    qoe_segment_put(p + 32, record->received_ns, 8);

    crc = qoe_crc32c(0, p + QOE_SEGMENT_COVERED,
                     QOE_SEGMENT_RECORD - QOE_SEGMENT_COVERED);
    qoe_segment_put(p + 4, crc ^ qoe_segment_mask(id), 4);

    iov[0].iov_base = p;
    iov[0].iov_len = sizeof(p);
    iov[1].iov_base = (void *) payload;
    iov[1].iov_len = record->length;

    err = qoe_segment_write(fd, record->offset, iov, 2,
                            sizeof(p) + record->length);
    if (err != 0) {
        return err;
    }

    (void) qoe_failpoint("segment.appended");

    return 0;
}


int
qoe_segment_done(int fd, uint64_t offset)
{
    ssize_t        n;
    unsigned char  mark;

    mark = QOE_SEGMENT_DONE;

    do {
        n = pwrite(fd, &mark, 1, (off_t) (offset + QOE_SEGMENT_MARK));
    } while (n == -1 && errno == EINTR);

    return n == 1 ? 0 : n == -1 ? errno : EIO;
}


static uint32_t
qoe_segment_mask(uint64_t id)
{
    unsigned char  p[8];

    qoe_segment_put(p, id, 8);

    return qoe_crc32c(0, p, 8);
}


static uint32_t
qoe_segment_header_crc(const unsigned char *p)
{
    uint32_t  crc;

    crc = qoe_crc32c(0, p, 12);

    return qoe_crc32c(crc, p + 16, QOE_SEGMENT_HEADER - 16);
}


/* Writes again only after a short write, to learn the reason. */

static int
qoe_segment_write(int fd, uint64_t offset, struct iovec *iov, int n,
    size_t len)
{
    int      err;
    size_t   written;
    ssize_t  rc;

    written = 0;

    while (written < len) {

        rc = pwritev(fd, iov, n, (off_t) (offset + written));

        if (rc == -1 && errno == EINTR) {
            continue;
        }

        if (rc <= 0) {
            err = (rc == -1) ? errno : EIO;

            if (written != 0 && ftruncate(fd, (off_t) offset) == -1) {

                /* it may stay: the next append or recovery handles it */

                return err;
            }

            return err;
        }

        written += (size_t) rc;

        while (n > 0 && (size_t) rc >= iov->iov_len) {
            rc -= (ssize_t) iov->iov_len;
            iov++;
            n--;
        }

        if (n > 0) {
            iov->iov_base = (char *) iov->iov_base + rc;
            iov->iov_len -= (size_t) rc;
        }
    }

    return 0;
}


/* Reads as much as there is; -1 and errno. */

static ssize_t
qoe_segment_read(int fd, uint64_t offset, void *p, size_t len)
{
    size_t   got;
    ssize_t  n;

    got = 0;

    while (got < len) {

        n = pread(fd, (char *) p + got, len - got, (off_t) (offset + got));

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            return -1;
        }

        if (n == 0) {
            break;
        }

        got += (size_t) n;
    }

    return (ssize_t) got;
}


qoe_status_t
qoe_segment_open(qoe_segment_reader_t *r, int fd, uint64_t name)
{
    ssize_t        i, n;
    struct stat    st;
    unsigned char  p[QOE_SEGMENT_HEADER];

    memset(r, 0, sizeof(qoe_segment_reader_t));

    if (fstat(fd, &st) == -1) {
        return QOE_ERROR;
    }

    n = qoe_segment_read(fd, 0, p, sizeof(p));
    if (n == -1) {
        return QOE_ERROR;
    }

    r->fd = fd;
    r->end = (uint64_t) st.st_size;
    r->offset = qoe_min(r->end, (uint64_t) QOE_SEGMENT_HEADER);
    r->blank = true;

    for (i = 0; i < n; i++) {
        r->blank &= (p[i] == 0);
    }

    if (n == (ssize_t) sizeof(p)
        && memcmp(p, QOE_SEGMENT_MAGIC, 8) == 0
        && qoe_segment_get(p + 8, 4) == QOE_SEGMENT_VERSION
        && qoe_segment_get(p + 12, 4) == qoe_segment_header_crc(p))
    {
        r->header = true;
        r->id = qoe_segment_get(p + 16, 8);
        r->created_ns = qoe_segment_get(p + 24, 8);

    } else {
        r->id = name;
    }

    if (r->header || name != 0) {
        r->mask = qoe_segment_mask(r->id);
        r->masked = true;

    } else {
        qoe_segment_guess(r);
    }

    return QOE_OK;
}


/*
 * Neither the header nor the file's name gives the id: derive the mask of the
 * CRCs from the first record, if its payload is whole.
 */

static void
qoe_segment_guess(qoe_segment_reader_t *r)
{
    size_t         len, n;
    uint64_t       offset;
    uint32_t       crc;
    unsigned char  p[QOE_SEGMENT_RECORD], block[QOE_SEGMENT_BLOCK];

    if (qoe_segment_read(r->fd, r->offset, p, sizeof(p)) != sizeof(p)
        || memcmp(p, qoe_segment_magic, QOE_SEGMENT_MARK) != 0)
    {
        return;
    }

    len = (size_t) qoe_segment_get(p + 12, 4);
    offset = r->offset + QOE_SEGMENT_RECORD;

    if (len > QOE_SEGMENT_PAYLOAD_MAX || len > r->end - offset) {
        return;
    }

    for (crc = 0; len > 0; len -= n, offset += n) {
        n = qoe_min(len, sizeof(block));

        if (qoe_segment_read(r->fd, offset, block, n) != (ssize_t) n) {
            return;
        }

        crc = qoe_crc32c(crc, block, n);
    }

    if (crc != qoe_segment_get(p + 8, 4)) {
        return;
    }

    crc = qoe_crc32c(0, p + QOE_SEGMENT_COVERED,
                     QOE_SEGMENT_RECORD - QOE_SEGMENT_COVERED);

    r->mask = crc ^ (uint32_t) qoe_segment_get(p + 4, 4);
    r->masked = true;
}


qoe_status_t
qoe_segment_next(qoe_segment_reader_t *r, qoe_segment_record_t *record,
    qoe_buf_t *payload)
{
    qoe_status_t  rc, read;

    if (r->offset >= r->end) {
        return QOE_DONE;
    }

    rc = qoe_segment_here(r, record);

    if (rc == QOE_INVALID) {
        rc = qoe_segment_search(r, record);
    }

    if (rc != QOE_OK) {
        return rc;
    }

    read = QOE_OK;

    if (payload != NULL && !record->done) {
        read = qoe_segment_payload(r, record, payload);

        if (read != QOE_OK && read != QOE_INVALID) {
            return read;
        }
    }

    r->lost += record->sequence - r->next;
    r->next = record->sequence + 1;
    r->offset = record->offset + QOE_SEGMENT_RECORD + record->length;

    return read;
}


/* Reads the record at r->offset.  QOE_INVALID: something else is there. */

static qoe_status_t
qoe_segment_here(qoe_segment_reader_t *r, qoe_segment_record_t *record)
{
    ssize_t        n;
    unsigned char  p[QOE_SEGMENT_RECORD];

    n = qoe_segment_read(r->fd, r->offset, p, sizeof(p));
    if (n == -1) {
        return QOE_ERROR;
    }

    if (n < (ssize_t) sizeof(p) || r->end - r->offset < sizeof(p)) {
        r->torn = true;
        r->offset = r->end;
        return QOE_DONE;
    }

    /* the magic may be damaged, but only its last byte is needed here */

    if (!qoe_segment_header_ok(r, p, r->offset, record)) {
        return QOE_INVALID;
    }

    if (record->length > r->end - r->offset - QOE_SEGMENT_RECORD) {
        r->torn = true;
        r->offset = r->end;
        return QOE_DONE;
    }

    return QOE_OK;
}


static qoe_status_t
qoe_segment_search(qoe_segment_reader_t *r, qoe_segment_record_t *record)
{
    bool            zeroes;
    size_t          i, slice;
    ssize_t         n;
    uint64_t        start;
    unsigned char  *p, block[QOE_SEGMENT_BLOCK];

    start = r->offset;
    zeroes = true;

    for (slice = 0; slice < QOE_SEGMENT_SLICE; slice += i) {

        n = qoe_segment_read(r->fd, r->offset, block, sizeof(block));
        if (n == -1) {
            return QOE_ERROR;
        }

        if (n < QOE_SEGMENT_RECORD) {

            /* too short for a record: cut off, unless it is only zeroes */

            for (i = 0; i < (size_t) n; i++) {
                zeroes &= (block[i] == 0);
            }

            r->damaged += zeroes ? 0 : r->zeroes + r->end - start;
            r->torn = zeroes;
            r->offset = r->end;

            return QOE_DONE;
        }

        for (i = 0; i + QOE_SEGMENT_RECORD <= (size_t) n; i++) {
            p = block + i;

            if (memcmp(p, qoe_segment_magic, QOE_SEGMENT_MARK) == 0
                && qoe_segment_header_ok(r, p, r->offset + i, record)
                && record->length <= r->end - r->offset - i
                                     - QOE_SEGMENT_RECORD)
            {
                r->offset += i;
                r->damaged += r->zeroes + r->offset - start;
                r->zeroes = 0;
                return QOE_OK;
            }

            zeroes &= (*p == 0);
        }

        r->offset += i;
    }

    if (zeroes) {
        r->zeroes += r->offset - start;

    } else {
        r->damaged += r->zeroes + r->offset - start;
        r->zeroes = 0;
    }

    return QOE_AGAIN;
}


static bool
qoe_segment_header_ok(const qoe_segment_reader_t *r, const unsigned char *p,
    uint64_t offset, qoe_segment_record_t *record)
{
    uint32_t  crc;

    if (!r->masked) {
        return false;
    }

    crc = qoe_crc32c(0, p + QOE_SEGMENT_COVERED,
                     QOE_SEGMENT_RECORD - QOE_SEGMENT_COVERED);

    if ((crc ^ r->mask) != qoe_segment_get(p + 4, 4)) {
        return false;
    }

    record->offset = offset;
    record->length = (uint32_t) qoe_segment_get(p + 12, 4);
    record->items = (uint32_t) qoe_segment_get(p + 16, 4);
    record->flags = (uint32_t) qoe_segment_get(p + 20, 4);
    record->sequence = qoe_segment_get(p + 24, 8);
    record->received_ns = qoe_segment_get(p + 32, 8);

    /* a flipped bit of the mark does not change its meaning */

    record->done = __builtin_popcount(p[QOE_SEGMENT_MARK]
                                      ^ QOE_SEGMENT_DONE) < 4;

    /* sequences grow, and each record before this one took some space */

    return record->length <= QOE_SEGMENT_PAYLOAD_MAX
           && record->sequence >= r->next
           && record->sequence <= offset / QOE_SEGMENT_RECORD;
}


static qoe_status_t
qoe_segment_payload(qoe_segment_reader_t *r,
    const qoe_segment_record_t *record, qoe_buf_t *payload)
{
    char           *p;
    ssize_t         n;
    unsigned char   crc[4];

    qoe_buf_reset(payload);

    p = qoe_buf_reserve(payload, record->length);

    if (p == NULL && record->length != 0) {
        return QOE_NOMEM;
    }

    n = qoe_segment_read(r->fd, record->offset + 8, crc, sizeof(crc));

    if (n != (ssize_t) sizeof(crc)) {
        return n == -1 ? QOE_ERROR : QOE_INVALID;
    }

    n = qoe_segment_read(r->fd, record->offset + QOE_SEGMENT_RECORD, p,
                         record->length);
    if (n == -1) {
        return QOE_ERROR;
    }

    payload->len = (size_t) n;

    return n == (ssize_t) record->length
           && qoe_crc32c(0, payload->data, payload->len)
              == qoe_segment_get(crc, 4)
           ? QOE_OK : QOE_INVALID;
}
