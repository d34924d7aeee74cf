
/*
 * Copyright (C) OpenQoE
 *
 * A segment on a kernel that writes and reads in part, is interrupted, or
 * fails at any call: a record is there as a whole or not at all.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* memfd_create() */
#endif

#include "tap.h"
#include "qoe_segment.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>


#define ID         77
#define LENGTH     300                       /* of a payload */
#define RECORD     (QOE_SEGMENT_RECORD + LENGTH)
#define LARGE      40000                     /* more than two blocks */


/* libqoe.a calls these functions instead of those of libc. */

static int     calls;
static int     fail_at;                      /* the number of a call; 0: none */
static int     fail_errno;                   /* 0: the call does nothing */
static size_t  most;                         /* bytes a call; 0: all */
static int     cut_calls, cut_errno;


static bool
fails(void)
{
    errno = fail_errno;

    return ++calls == fail_at;
}


ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    size_t   part;
    ssize_t  rc, sum;

    if (fails()) {
        return fail_errno ? -1 : 0;
    }

    for (sum = 0; n > 0; n--, iov++) {
        part = (most == 0) ? iov->iov_len
                           : qoe_min(iov->iov_len, most - (size_t) sum);
        rc = syscall(SYS_pwrite64, fd, iov->iov_base, part, at + sum);

        if (rc != (ssize_t) part) {
            abort();
        }

        sum += rc;
    }

    return sum;
}


ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
    if (fails()) {
        return fail_errno ? -1 : 0;
    }

    return syscall(SYS_pwrite64, fd, p, n, at);
}


ssize_t
pread(int fd, void *p, size_t n, off_t at)
{
    if (fails()) {
        return fail_errno ? -1 : 0;
    }

    return syscall(SYS_pread64, fd, p, most ? qoe_min(n, most) : n, at);
}


int
ftruncate(int fd, off_t size)
{
    cut_calls++;

    if (cut_errno != 0) {
        errno = cut_errno;
        return -1;
    }

    return (int) syscall(SYS_ftruncate, fd, size);
}


static void
faults(int at, int err, size_t bytes)
{
    calls = 0;
    fail_at = at;
    fail_errno = err;
    most = bytes;
    cut_calls = 0;
    cut_errno = 0;
}


static const char *
payload(void)
{
    size_t       i;
    static char  p[LARGE];

    for (i = 0; i < LARGE; i++) {
        p[i] = (char) (i * 31 + i / 256);
    }

    return p;
}


/* A file with so many records, the last one of len bytes. */

static int
segment(int records, size_t len)
{
    int                    fd, i;
    qoe_segment_record_t   r;

    faults(0, 0, 0);
    fd = memfd_create("segment", MFD_CLOEXEC);

    if (fd == -1 || qoe_segment_begin(fd, ID, 5) != 0) {
        abort();
    }

    memset(&r, 0, sizeof(r));

    for (i = 0; i < records; i++) {
        r.offset = QOE_SEGMENT_HEADER + (uint64_t) i * RECORD;
        r.length = (uint32_t) (i == records - 1 ? len : LENGTH);
        r.items = 3;
        r.sequence = (uint64_t) i;

        if (qoe_segment_append(fd, ID, &r, payload()) != 0) {
            abort();
        }
    }

    return fd;
}


/* Appends the second record. */

static int
append(int fd)
{
    qoe_segment_record_t  r;

    memset(&r, 0, sizeof(r));
    r.offset = QOE_SEGMENT_HEADER + RECORD;
    r.length = LENGTH;
    r.items = 3;
    r.sequence = 1;

    return qoe_segment_append(fd, ID, &r, payload());
}


/* The number of whole records; -1: anything else is in the file. */

static int
whole(int fd, uint64_t name)
{
    int                    n;
    qoe_buf_t              buf;
    qoe_status_t           rc;
    qoe_segment_reader_t   reader;
    qoe_segment_record_t   r;

    qoe_buf_init(&buf, &qoe_mem_heap, QOE_SEGMENT_PAYLOAD_MAX);

    if (qoe_segment_open(&reader, fd, name) != QOE_OK) {
        return -1;
    }

    for (n = 0; (rc = qoe_segment_next(&reader, &r, &buf)) == QOE_OK; n++) {
        if (r.items != 3 || r.sequence != (uint64_t) n
            || buf.len != r.length
            || (buf.len != 0 && memcmp(buf.data, payload(), buf.len) != 0))
        {
            rc = QOE_INVALID;
            break;
        }
    }

    qoe_buf_free(&buf);

    return rc == QOE_DONE && reader.damaged == 0 && reader.lost == 0
           && !reader.torn ? n : -1;
}


static off_t
size_of(int fd)
{
    return lseek(fd, 0, SEEK_END);
}


static void
test_written(void)
{
    int     fd, wrong;
    size_t  n;

    for (n = 1, wrong = 0; n < RECORD; n++) {
        fd = segment(1, LENGTH);
        faults(0, 0, n);
        wrong += append(fd) != 0 || cut_calls != 0
                 || calls != (int) ((RECORD + n - 1) / n);
        faults(0, 0, 0);
        wrong += whole(fd, 0) != 2;
        close(fd);
    }

    ok(wrong == 0, "a record that the kernel takes in parts of 1 to %d bytes "
       "is written whole", RECORD - 1);

    fd = segment(1, LENGTH);
    faults(0, 0, 0);
    wrong = append(fd) != 0;
    ok(wrong == 0 && calls == 1, "a record is a single write");
    close(fd);

    for (n = 1, wrong = 0; n < 5; n++) {
        fd = segment(1, LENGTH);
        faults((int) n, EINTR, 100);
        wrong += append(fd) != 0 || calls != 5;
        faults(0, 0, 0);
        wrong += whole(fd, 0) != 2;
        close(fd);
    }

    ok(wrong == 0, "a signal at any part delays it only");
}


static void
test_not_written(void)
{
    int     fd, wrong, kind;
    size_t  n;

    for (n = 1, wrong = 0; n < 5; n++) {
        for (kind = 0; kind < 2; kind++) {
            fd = segment(1, LENGTH);
            faults((int) n, kind ? ENOSPC : 0, 100);
            wrong += append(fd) != (kind ? ENOSPC : EIO)
                     || calls != (int) n
                     || cut_calls != (n > 1)
                     || size_of(fd) != QOE_SEGMENT_HEADER + RECORD;

            faults(0, 0, 0);
            wrong += whole(fd, 0) != 1 || append(fd) != 0
                     || whole(fd, 0) != 2;
            close(fd);
        }
    }

    ok(wrong == 0, "of a record that fails at any part, or is not taken, "
       "nothing is left, and the next try follows the last record");

    fd = segment(1, LENGTH);
    faults(2, ENOSPC, 100);
    cut_errno = EIO;
    ok(append(fd) == ENOSPC
       && size_of(fd) == QOE_SEGMENT_HEADER + RECORD + 100,
       "a part that cannot be cut off stays, and the reason is that of the "
       "write");
    faults(0, 0, 0);
    ok(append(fd) == 0 && whole(fd, 0) == 2,
       "the next try writes over such a part");
    close(fd);
}


static void
test_done(void)
{
    int                    fd;
    qoe_segment_reader_t   reader;
    qoe_segment_record_t   r;

    fd = segment(1, LENGTH);
    faults(1, EINTR, 0);
    ok(qoe_segment_done(fd, QOE_SEGMENT_HEADER) == 0 && calls == 2
       && qoe_segment_open(&reader, fd, 0) == QOE_OK
       && qoe_segment_next(&reader, &r, NULL) == QOE_OK && r.done,
       "a signal delays a mark only");
    close(fd);

    fd = segment(1, LENGTH);
    faults(1, EROFS, 0);
    ok(qoe_segment_done(fd, QOE_SEGMENT_HEADER) == EROFS && calls == 1,
       "a mark that fails says why");
    faults(1, 0, 0);
    ok(qoe_segment_done(fd, QOE_SEGMENT_HEADER) == EIO
       && whole(fd, 0) == 1, "so does one that is not taken");
    close(fd);
}


static void
test_read(void)
{
    int                    fd, n, wrong, total;
    qoe_buf_t              buf;
    qoe_status_t           rc;
    qoe_segment_reader_t   reader;
    qoe_segment_record_t   r;

    fd = segment(2, LARGE);

    for (n = 1, wrong = 0; n < 100; n += 7) {
        faults(0, 0, (size_t) n);
        wrong += whole(fd, 0) != 2;
    }

    ok(wrong == 0, "records that the kernel gives in parts are read whole");

    faults(0, 0, 1000);
    wrong = whole(fd, 0) != 2;
    total = calls;

    for (n = 1; n <= total; n++) {
        faults(n, EINTR, 1000);
        wrong += whole(fd, 0) != 2 || calls != total + 1;
    }

    ok(wrong == 0 && total > 40, "a signal at any of %d reads delays it only",
       total);

    /* the header of the file, that of the record, its CRC and its payload */

    qoe_buf_init(&buf, &qoe_mem_heap, QOE_SEGMENT_PAYLOAD_MAX);

    for (n = 1, wrong = 0; n <= 4; n++) {
        faults(n, EIO, 0);
        rc = qoe_segment_open(&reader, fd, 0);
        wrong += (rc == QOE_ERROR) != (n == 1);

        if (rc != QOE_OK) {
            continue;
        }

        wrong += qoe_segment_next(&reader, &r, &buf) != QOE_ERROR
                 || errno != EIO || calls != n;
        wrong += qoe_segment_next(&reader, &r, &buf) != QOE_OK
                 || r.sequence != 0 || buf.len != LENGTH
                 || qoe_segment_next(&reader, &r, &buf) != QOE_OK
                 || buf.len != LARGE
                 || qoe_segment_next(&reader, &r, &buf) != QOE_DONE
                 || reader.lost != 0 || reader.damaged != 0;
    }

    ok(wrong == 0, "after a read that failed the same record is read");
    qoe_buf_free(&buf);
    close(fd);
}


/*
 * A record after damage of any length, and at any place of the blocks in which
 * it is searched for.
 */

static void
test_found(void)
{
    int                    fd, wrong, again;
    char                   bytes[2 * RECORD];
    size_t                 n, i, sent;
    uint64_t               at;
    qoe_status_t           rc;
    qoe_segment_reader_t   reader;
    qoe_segment_record_t   r;

    static char          junk[1100 * 1024];
    static const size_t  lengths[] = { 1, 39, 40, 41, 16300, 32650, 1046000 };

    fd = segment(2, LENGTH);
    sent = (size_t) syscall(SYS_pread64, fd, bytes, sizeof(bytes),
                            QOE_SEGMENT_HEADER);
    memset(junk, 'j', sizeof(junk));
    close(fd);
    wrong = sent != sizeof(bytes);

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (n = lengths[i]; n < lengths[i] + (i < 4 ? 1 : 100); n++) {
            fd = segment(1, LENGTH);
            at = QOE_SEGMENT_HEADER + RECORD;
            (void) syscall(SYS_pwrite64, fd, junk, n, at);
            (void) syscall(SYS_pwrite64, fd, bytes + RECORD, RECORD, at + n);
            again = 0;

            (void) qoe_segment_open(&reader, fd, ID);
            (void) qoe_segment_next(&reader, &r, NULL);

            while ((rc = qoe_segment_next(&reader, &r, NULL)) == QOE_AGAIN) {
                again++;
            }

            wrong += rc != QOE_OK || r.sequence != 1 || r.offset != at + n
                     || reader.damaged != n || reader.torn
                     || again > 1 || (i < 6 && again != 0)
                     || qoe_segment_next(&reader, &r, NULL) != QOE_DONE;
            close(fd);
        }
    }

    ok(wrong == 0, "a record is found after damage of 1 byte to a megabyte, "
       "wherever it begins");
}


/* Neither the file's header nor its name says which segment it is. */

static void
test_guess(void)
{
    int     fd, wrong, n, total;
    size_t  len;

    static const size_t  lengths[] = { 0, 1, 16384, 16385, LARGE };

    for (n = 0, wrong = 0; n < 5; n++) {
        fd = segment(1, lengths[n]);
        wrong += syscall(SYS_pwrite64, fd, "x", 1, 0) != 1;
        wrong += whole(fd, 0) != 1;
        close(fd);
    }

    ok(wrong == 0, "a segment of no name whose header is damaged is read if "
       "its first record is whole, of any length");

    fd = segment(1, LARGE);
    (void) syscall(SYS_pwrite64, fd, "x", 1, 0);
    len = (size_t) size_of(fd);
    ok(syscall(SYS_ftruncate, fd, len - 1) == 0 && whole(fd, 0) == -1,
       "it is not if the file ends before that record");
    ok(syscall(SYS_ftruncate, fd, QOE_SEGMENT_HEADER + 39) == 0
       && whole(fd, 0) == -1, "nor if it ends within its header");
    close(fd);

    fd = segment(2, LARGE);
    (void) syscall(SYS_pwrite64, fd, "x", 1, 0);
    (void) syscall(SYS_pwrite64, fd, "x", 1, QOE_SEGMENT_HEADER + 100);
    ok(whole(fd, 0) == -1, "nor if that record is damaged");
    close(fd);

    fd = segment(1, LARGE);
    (void) syscall(SYS_pwrite64, fd, "x", 1, 0);
    faults(0, 0, 0);
    wrong = whole(fd, 0) != 1;
    total = calls;

    /* the head of the file, then the record and three blocks of its bytes */

    for (n = 2; n <= 5; n++) {
        faults(n, EIO, 0);
        wrong += whole(fd, 0) == 1;
    }

    ok(wrong == 0 && total >= 8, "nor if it cannot be read");
    close(fd);
}


int
main(void)
{
    test_written();
    test_not_written();
    test_done();
    test_read();
    test_found();
    test_guess();

    return tap_end();
}
