
/*
 * Copyright (C) OpenQoE
 *
 * What the files of the spool share:
 *
 * qoe_spool.c             create, append, sync, run
 * qoe_spool_segment.c     the segments that this helper writes
 * qoe_spool_copy.c        those whose fdatasync failed
 * qoe_spool_left.c        segments of others: made durable
 * qoe_spool_dir.c         directories, the instance's lock, files by id
 * qoe_spool_adopt.c       segments of dead processes and instances
 * qoe_spool_scan.c        counts what is in those
 * qoe_spool_read.c        the backlog
 * qoe_spool_quarantine.c  refused requests and damaged segments
 * qoe_spool_stranger.c    entries that are no segments
 */


#ifndef _QOE_SPOOL_PRIV_H_INCLUDED_
#define _QOE_SPOOL_PRIV_H_INCLUDED_


#include "qoe_spool.h"
#include "qoe_atomic.h"
#include "qoe_dest.h"
#include "qoe_segment.h"
#include "qoe_spool_table.h"
#include "qoe_uuid.h"

#include <sys/types.h>


#define QOE_SPOOL_RETRY_MS     1000
#define QOE_SPOOL_LOOK_MS      5000
#define QOE_SPOOL_IDLE_MS      1000          /* then a segment is finished */
#define QOE_SPOOL_SLICE_MS     2             /* of reading, in one call */

/*
 * While so many segments wait, a segment that is not full is kept open:
 * otherwise a trickle of events during a long outage would fill the table.
 */
#define QOE_SPOOL_SEGMENTS     (QOE_SEGMENTS_MAX / 4)

/* entry->reserved: adopted, and its records are not counted yet */
#define QOE_SPOOL_FOREIGN      1

/* an fdatasync of it failed, so a later one proves nothing */
#define QOE_SPOOL_BAD          2

/* a reader found damage in it and counted that */
#define QOE_SPOOL_DAMAGED      4

/*
 * The owner of an entry that its living owner gives up unread: a process that
 * never lives, so that any helper may adopt the entry.
 */
#define QOE_SPOOL_NOBODY       ((qoe_proc_t) INT32_MAX << 32 | 1)

#define QOE_SPOOL_NAME_LEN     32            /* ID.open and a NUL */
#define QOE_SPOOL_ID_TRIES     8             /* while ids are taken */


typedef struct qoe_spool_seg_s  qoe_spool_seg_t;

struct qoe_spool_ref_s {
    qoe_spool_seg_t      *seg;               /* NULL: lost with its copy */
    qoe_spool_ref_t      *prev;              /* in the order of the file */
    qoe_spool_ref_t      *next;
    uint64_t              offset;
    uint32_t              items;
};


/* A segment that this helper began and is not finished with. */

struct qoe_spool_seg_s {
    qoe_spool_seg_t      *next;
    qoe_segment_entry_t  *entry;
    qoe_spool_ref_t      *first;             /* records still held */
    qoe_spool_ref_t      *last;
    uint64_t              id;
    uint64_t              offset;            /* of the next record */
    uint64_t              allocated;         /* fallocate()d up to here */
    uint64_t              sequence;
    uint64_t              events;
    uint64_t              done;
    uint64_t              used_ms;           /* of the last append */
    uint64_t              dirty_ms;          /* unsynced since; 0: synced */
    uint64_t              left_ms;           /* first record left; 0: none */
    uint64_t              copied;            /* bad: copied up to here */
    int                   fd;
    bool                  unsynced;          /* records, not only marks */
    bool                  finished;          /* has its final name */
    bool                  bad;               /* an fdatasync failed */
    bool                  copies;            /* bad: all copies were made */
};


typedef struct {
    qoe_segment_entry_t  *entry;             /* NULL: none */
    qoe_segment_reader_t  reader;
    uint64_t              id;
    uint64_t              events;
    uint64_t              done;
    uint64_t              oldest_ns;
    int                   fd;
} qoe_spool_scan_t;


typedef struct {
    qoe_segment_entry_t  *entry;             /* NULL: none */
    qoe_segment_reader_t  reader;
    qoe_segment_record_t  record;
    qoe_buf_t             payload;
    uint64_t              id;
    uint64_t              seen;              /* items with whole headers */
    uint64_t              done;
    int                   fd;
    int                   strikes;           /* failed reads in a row */
    bool                  item;              /* a request was given out */
    bool                  again;             /* and is to be read again */
    bool                  damaged;
    bool                  doomed;            /* dropped while being read */
} qoe_spool_backlog_t;


struct qoe_spool_s {
    qoe_spool_conf_t      conf;
    qoe_zone_t           *zone;
    const qoe_log_t      *log;
    qoe_segment_entry_t  *table;
    qoe_proc_t            self;
    uint32_t              dest;

    char                 *path;              /* conf.dir, NUL-terminated */
    char                 *name;
    char                  instance[QOE_UUID_TEXT_LEN + 1];

    int                   base_fd;           /* DIR */
    int                   instance_fd;
    int                   dir_fd;            /* DIR/INSTANCE/NAME */
    int                   lock_fd;
    int                   quarantine_fd;
    bool                  dirs_synced;       /* the way to dir_fd is durable */
    bool                  dir_dirty;         /* a name in dir_fd is not */
    uid_t                 owner;             /* of dir_fd, at its opening */
    uint64_t              left_ms;           /* others' files unsynced since */

    qoe_spool_seg_t      *segs;              /* newest first */
    qoe_spool_seg_t      *current;
    uint64_t              last_id;

    bool                  failing;
    uint64_t              retry_ms;
    uint64_t              look_ms;           /* next look; UINT64_MAX: none */
    uint64_t              looked_ms;
    uint64_t              next_ms;           /* next read; UINT64_MAX: none */
    uint64_t              hold_ms;           /* but not before */

    bool                  lease;             /* of the backlog's reader */
    bool                  own_read;          /* own directory was read */
    bool                  foreign;           /* look for instances again */
    uint64_t              foreign_ms;

    int64_t               tokens;            /* bytes that may be replayed */
    uint64_t              tokens_ms;

    uint64_t              quarantined;       /* files since the last look */
    uint64_t              kept;              /* bytes found at that look */
    uint64_t              kept_base;         /* counter of bytes, then */
    bool                  looked;            /* there was a look */

    uint64_t              strangers;         /* instances passed over */

    qoe_spool_scan_t      scan;
    qoe_spool_backlog_t   backlog;

    qoe_log_limit_t       fail_limit;
    qoe_log_limit_t       drop_limit;
    qoe_log_limit_t       damage_limit;
    qoe_log_limit_t       stranger_limit;
};


/* qoe_spool.c */

/* I/O failed: notes, counts and logs it, and stops I/O for a second. */
void qoe_spool_fail(qoe_spool_t *sp, int err, const char *what,
    const char *file);
/* The same if nothing is lost by the failure: only logs it. */
void qoe_spool_warn(qoe_spool_t *sp, int err, const char *what,
    const char *file);
/* I/O works again: notes it in the zone, and logs it. */
void qoe_spool_well(qoe_spool_t *sp);
/* Drops the oldest segment.  false: there is none that may be dropped. */
bool qoe_spool_drop_oldest(qoe_spool_t *sp);

/* qoe_spool_segment.c; an int is 0 or an errno */

/*
 * QOE_OK: sp->current has room for need bytes; QOE_FULL; QOE_ERROR; QOE_NOMEM.
 * force: exceeds max_size if need be, for records that are counted already.
 */
qoe_status_t qoe_spool_seg_ready(qoe_spool_t *sp, uint64_t need, bool force);
/* Appends to sp->current, which has room; sets offset and sequence. */
int qoe_spool_seg_write(qoe_spool_t *sp, qoe_segment_record_t *record,
    const void *payload);
/* all: includes files with no new records but only marks. */
qoe_status_t qoe_spool_segs_sync(qoe_spool_t *sp, bool all);
/* No more is appended to the segment, and it gets its final name. */
void qoe_spool_seg_finish(qoe_spool_t *sp, qoe_spool_seg_t *seg);
/* Gives away or deletes segments that are finished and no longer held. */
void qoe_spool_segs_settle(qoe_spool_t *sp);
/* Counts items of the segment as done, also in its entry. */
void qoe_spool_seg_done(qoe_spool_seg_t *seg, uint64_t items);
void qoe_spool_ref_add(qoe_spool_seg_t *seg, qoe_spool_ref_t *ref);
void qoe_spool_ref_remove(qoe_spool_ref_t *ref);
/* The number of the exporter's segments, and their bytes (or NULL). */
uint64_t qoe_spool_segments(const qoe_spool_t *sp, uint64_t *bytes);

/* qoe_spool_copy.c */

/* Copies the records of a segment whose fdatasync failed. */
qoe_status_t qoe_spool_seg_copy(qoe_spool_t *sp, qoe_spool_seg_t *seg);

/* qoe_spool_left.c */

/* Makes durable what qoe_spool_sync_left() asks for. */
qoe_status_t qoe_spool_others_sync(qoe_spool_t *sp);

/* qoe_spool_dir.c; an int is 0 or an errno */

/* Opens, and makes if need be, DIR/INSTANCE/NAME, and locks the instance. */
int qoe_spool_dirs_open(qoe_spool_t *sp);
void qoe_spool_dirs_close(qoe_spool_t *sp);
/* Makes the directories durable, and all names in them. */
int qoe_spool_dirs_sync(qoe_spool_t *sp);
/* Whether err comes from the master's giving the directory to another user. */
bool qoe_spool_dirs_given(const qoe_spool_t *sp, int err);
/* Makes the directory if need be, and opens it. */
int qoe_spool_dir_make(int at, const char *name, int *fd);
/*
 * Opens and locks the lock file in dir.  exclusive: EWOULDBLOCK if a helper of
 * that instance lives.
 */
int qoe_spool_dir_lock(int dir, bool exclusive, int *fd);
uint64_t qoe_spool_new_id(qoe_spool_t *sp);
void qoe_spool_file_name(char name[QOE_SPOOL_NAME_LEN], uint64_t id,
    const char *suffix);
/* The id in "ID.open" or "ID.seg".  false: it is another name. */
bool qoe_spool_file_id(const char *name, uint64_t *id);
/*
 * Opens the file for reading and writing under either of its names.  The error
 * may be that of a stranger (qoe_spool_stranger()).
 */
int qoe_spool_file_open(qoe_spool_t *sp, uint64_t id, int *fd);
/* Deletes the file under either of its names; ENOENT: it has neither. */
int qoe_spool_file_unlink(qoe_spool_t *sp, uint64_t id);
/* Renames a file, but never replaces another one: EEXIST. */
int qoe_spool_file_rename(int from, const char *name, int to,
    const char *to_name);

/* qoe_spool_adopt.c */

/* Adopts segments of dead processes and of dead instances. */
void qoe_spool_look(qoe_spool_t *sp, uint64_t now_ms);

/* qoe_spool_scan.c */

/* Begins with the next segment whose content is unknown; false: none is. */
bool qoe_spool_orphan(qoe_spool_t *sp);
/* Reads on in the segment that is being counted, for a short time. */
void qoe_spool_scan(qoe_spool_t *sp, uint64_t now_ms);
void qoe_spool_scan_stop(qoe_spool_t *sp);
/* Gives up the segments that are adopted but not read yet, to any helper. */
void qoe_spool_scan_give(qoe_spool_t *sp);
/* Counts what is left in the segment as lost, and frees its entry. */
void qoe_spool_lost(qoe_spool_t *sp, qoe_segment_entry_t *e);

/* qoe_spool_read.c */

/* Whether this helper reads the backlog; it does if no other one does. */
bool qoe_spool_lease(qoe_spool_t *sp);
void qoe_spool_lease_give(qoe_spool_t *sp);
/* Gives up the segment that is being read, to any later reader. */
void qoe_spool_backlog_stop(qoe_spool_t *sp);
/* Drops the segment that is being read; its file is deleted already. */
void qoe_spool_backlog_doom(qoe_spool_t *sp);

/* qoe_spool_quarantine.c */

/* Counts, reports and removes a damaged segment, to the quarantine if any. */
void qoe_spool_damaged(qoe_spool_t *sp, uint64_t id, uint64_t bytes);
/*
 * Makes room for size bytes in the quarantine, whose sp->quarantine_fd is
 * open, by deleting the oldest files, whichever helper's they are.  0 or an
 * errno; EFBIG: size is too large.
 */
int qoe_spool_quarantine_room(qoe_spool_t *sp, uint64_t size);

/* qoe_spool_stranger.c */

/* Opens what may be a segment, by its name in dir.  0 or an errno. */
int qoe_spool_file_at(int dir, const char *name, int *fd);
/* Whether an errno of qoe_spool_file_at() is the fault of the entry. */
bool qoe_spool_stranger(int err);
/*
 * Counts and reports the entry, and takes its name away: it goes to the
 * quarantine if there is one.
 */
void qoe_spool_stranger_aside(qoe_spool_t *sp, int dir, const char *name,
    uint64_t id, int err);
/*
 * err is why the file of an entry that self owns could not be opened.  true:
 * it is a stranger and was set aside; its records are lost, and the entry is
 * free.
 */
bool qoe_spool_pass_over(qoe_spool_t *sp, qoe_segment_entry_t *e, uint64_t id,
    int err);
/* Reports that n instances were passed over in this look, the last for err. */
void qoe_spool_strangers_told(qoe_spool_t *sp, const char *name, int err,
    uint64_t n);


#endif /* _QOE_SPOOL_PRIV_H_INCLUDED_ */
