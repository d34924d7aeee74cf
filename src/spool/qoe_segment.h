
/*
 * Copyright (C) OpenQoE
 *
 * The file format of the spool: a segment is a header and records behind it,
 * all little-endian, packed.
 *
 *   header   magic "OQSPOOL1" | version u32 | crc32c u32 | id u64
 *            | created_ns u64
 *   record   magic u32 | header crc32c u32 | payload crc32c u32 | length u32
 *            | items u32 | flags u32 | sequence u64 | received_ns u64
 *            | payload
 *
 * The segment header's CRC is of all else in it, a record header's of what
 * stands behind both CRCs' places, mixed with the segment's id: what a client
 * may have put into a payload is never taken for a record, nor is one of
 * another file.  The magic is not covered: the last byte of it changes when
 * the record is done, all its bits do, and one byte is written whole or not at
 * all.  That is the cursor: it needs no file of its own and cannot disagree
 * with the records.
 *
 * The payload is an Export*ServiceRequest in protobuf, never compressed, so
 * that whatever destination there is at replay can have it.
 *
 * Functions on descriptors; nothing here knows of directories.  One thread a
 * descriptor.
 */


#ifndef _QOE_SEGMENT_H_INCLUDED_
#define _QOE_SEGMENT_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_buf.h"


#define QOE_SEGMENT_VERSION    1
#define QOE_SEGMENT_HEADER     32
#define QOE_SEGMENT_RECORD     40        /* before its payload */
#define QOE_SEGMENT_PAYLOAD_MAX  (4 * 1024 * 1024)

/* flags */
#define QOE_SEGMENT_SIGNAL     0x3       /* qoe_signal_t */


typedef struct {
    uint64_t      offset;                /* of the record, in the file */
    uint32_t      length;                /* of the payload */
    uint32_t      items;                 /* log records or spans in it */
    uint32_t      flags;
    uint64_t      sequence;              /* 0, 1, 2, ... in its segment */
    uint64_t      received_ns;           /* Unix; of the oldest item */
    bool          done;
} qoe_segment_record_t;


/* Writes the header at the begin of an empty file.  0 or an errno. */
int qoe_segment_begin(int fd, uint64_t id, uint64_t created_ns);

/*
 * Appends at record->offset to segment id, with one write.  0, or an errno:
 * then nothing of it is there, unless even cutting it off has failed, which
 * recovery sees to.
 */
int qoe_segment_append(int fd, uint64_t id, const qoe_segment_record_t *record,
    const void *payload);

/* Marks the record at offset as done, in place.  0 or an errno. */
int qoe_segment_done(int fd, uint64_t offset);


/*
 * Reads a segment from the begin, whatever is in it: a record that is damaged
 * is passed over, and the next whole one is looked for.
 */

typedef struct {
    int           fd;
    uint64_t      offset;                /* where it looks next */
    uint64_t      end;                   /* of the file, when it was opened */
    bool          header;                /* a whole one was there */
    bool          blank;                 /* nothing, or zeroes, in its place */
    uint64_t      id;
    uint64_t      created_ns;
    uint32_t      mask;                  /* of the record headers' CRCs */
    bool          masked;                /* it is known */
    uint64_t      next;                  /* sequence expected */
    uint64_t      zeroes;                /* passed over; damage if more comes */
    uint64_t      damaged;               /* bytes passed over */
    uint64_t      lost;                  /* records missing in the sequence */
    bool          torn;                  /* the file ends within a record, or
                                            with zeroes */
} qoe_segment_reader_t;

/*
 * name: the id that the file's name tells, 0 if it tells none; it stands in
 * for the header's where that is damaged.  QOE_OK, also for a file without a
 * valid header; QOE_ERROR: cannot read, errno tells.
 */
qoe_status_t qoe_segment_open(qoe_segment_reader_t *r, int fd, uint64_t name);

/*
 * The next record whose header is whole.  payload: NULL to leave it unread;
 * otherwise it is read into this buffer, emptied first, and checked, unless
 * the record is done.  received_ns of a damaged payload is right all the same.
 *
 * QOE_OK; QOE_INVALID: this record's payload is damaged, the record tells how
 * many items are lost; QOE_AGAIN: looked at about a megabyte of damage and
 * found nothing yet, call again; QOE_DONE: the end; QOE_NOMEM (the same record
 * is next again); QOE_ERROR: read(2) failed, errno tells.
 */
qoe_status_t qoe_segment_next(qoe_segment_reader_t *r,
    qoe_segment_record_t *record, qoe_buf_t *payload);


#endif /* _QOE_SEGMENT_H_INCLUDED_ */
