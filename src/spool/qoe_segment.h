
/*
 * Copyright (C) OpenQoE
 *
 * The file format of the spool: a segment is a header and the records after
 * it, all little-endian and packed.
 *
 *   header   magic "OQSPOOL1" | version u32 | crc32c u32 | id u64
 *            | created_ns u64
 *   record   magic u32 | header crc32c u32 | payload crc32c u32 | length u32
 *            | items u32 | flags u32 | sequence u64 | received_ns u64
 *            | payload
 *
 * The CRC of the segment header covers the rest of the header.  That of a
 * record header covers its fields after the two CRCs, mixed with the segment's
 * id, so that neither bytes of a payload, which a client can choose, nor a
 * record of another file are ever taken for a record.  It does not cover the
 * magic, whose last byte is inverted when the record is done: a byte is
 * written whole or not at all.  So the progress of reading needs no file of
 * its own, and cannot disagree with the records.
 *
 * The payload is an Export*ServiceRequest in protobuf.  It is not compressed,
 * so that it suits any endpoint that is configured when it is replayed.
 *
 * These functions work on descriptors and know nothing of directories.  Only
 * one thread may use a descriptor at a time.
 */


#ifndef _QOE_SEGMENT_H_INCLUDED_
#define _QOE_SEGMENT_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_buf.h"


#define QOE_SEGMENT_VERSION    1
#define QOE_SEGMENT_HEADER     32
#define QOE_SEGMENT_RECORD     40        /* before the payload */
#define QOE_SEGMENT_PAYLOAD_MAX  (4 * 1024 * 1024)

/* flags */
#define QOE_SEGMENT_SIGNAL     0x3       /* qoe_signal_t */


typedef struct {
    uint64_t      offset;                /* of the record in the file */
    uint32_t      length;                /* of the payload */
    uint32_t      items;                 /* log records or spans */
    uint32_t      flags;
    uint64_t      sequence;              /* 0, 1, 2, ... in a segment */
    uint64_t      received_ns;           /* of the oldest item, Unix */
    bool          done;
} qoe_segment_record_t;


/* Writes the header at the start of an empty file.  0 or an errno. */
int qoe_segment_begin(int fd, uint64_t id, uint64_t created_ns);

/*
 * Appends a record at record->offset of segment id, with one write.  0 or an
 * errno, which means that nothing of the record remains, unless even cutting
 * it off failed: recovery handles that.
 */
int qoe_segment_append(int fd, uint64_t id, const qoe_segment_record_t *record,
    const void *payload);

/* Marks the record at offset as done, in place.  0 or an errno. */
int qoe_segment_done(int fd, uint64_t offset);


/*
 * Reads a segment from its start, whatever it contains: a damaged record is
 * skipped, and the next whole one is searched for.
 */

typedef struct {
    int           fd;
    uint64_t      offset;                /* where to read next */
    uint64_t      end;                   /* size of the file at open */
    bool          header;                /* the header is whole */
    bool          blank;                 /* no header, or zeroes */
    uint64_t      id;
    uint64_t      created_ns;
    uint32_t      mask;                  /* of the headers' CRCs */
    bool          masked;                /* mask is known */
    uint64_t      next;                  /* expected sequence */
    uint64_t      zeroes;                /* damage, if a record follows */
    uint64_t      damaged;               /* bytes skipped */
    uint64_t      lost;                  /* missing sequence numbers */
    bool          torn;                  /* ends within a record or zeroes */
} qoe_segment_reader_t;

/*
 * name is the id in the file's name, 0 if there is none; it is used if the
 * header is damaged.  QOE_OK, also for a file without a valid header;
 * QOE_ERROR: the file cannot be read, see errno.
 */
qoe_status_t qoe_segment_open(qoe_segment_reader_t *r, int fd, uint64_t name);

/*
 * Reads the next record whose header is whole.  payload: NULL leaves the
 * payload unread; otherwise the buffer is emptied, and the payload is read
 * into it and checked, unless the record is done.  received_ns is right even
 * if the payload is damaged.
 *
 * QOE_OK; QOE_INVALID: the payload is damaged, record says how many items are
 * lost; QOE_AGAIN: searched about a megabyte of damage without finding a
 * record, call again; QOE_DONE: the end; QOE_NOMEM: the same record is next
 * again; QOE_ERROR: read(2) failed, see errno.
 */
qoe_status_t qoe_segment_next(qoe_segment_reader_t *r,
    qoe_segment_record_t *record, qoe_buf_t *payload);


#endif /* _QOE_SEGMENT_H_INCLUDED_ */
