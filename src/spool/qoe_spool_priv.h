
/*
 * Copyright (C) OpenQoE
 *
 * What the files of the spool share:
 *
 *   qoe_spool.c             create, append, sync, run
 *   qoe_spool_segment.c     the segments that this helper writes
 *   qoe_spool_copy.c        those whose fdatasync has failed
 *   qoe_spool_left.c        those of others: made durable
 *   qoe_spool_dir.c         directories, the instance's lock, files by id
 *   qoe_spool_adopt.c       what dead processes and other instances left
 *   qoe_spool_scan.c        what is in that
 *   qoe_spool_read.c        the backlog
 *   qoe_spool_quarantine.c  what nobody will take
 *   qoe_spool_stranger.c    entries that are no segments
 */


#ifndef _QOE_SPOOL_PRIV_H_INCLUDED_
#define _QOE_SPOOL_PRIV_H_INCLUDED_


#include "qoe_spool.h"
#include "qoe_dest.h"
#include "qoe_segment.h"
#include "qoe_spool_table.h"
#include "qoe_uuid.h"

#include <sys/types.h>


#define qoe_spool_load(p)      __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define qoe_spool_store(p, v)  __atomic_store_n(p, v, __ATOMIC_RELEASE)

#define QOE_SPOOL_RETRY_MS     1000
#define QOE_SPOOL_LOOK_MS      5000
#define QOE_SPOOL_IDLE_MS      1000          /* then a segment is finished */
#define QOE_SPOOL_SLICE_MS     2             /* of reading in one call */

/*
 * While that many segments wait, those that are not full are kept open: else
 * a trickle during a long outage would use up the table.
 */
#define QOE_SPOOL_SEGMENTS     (QOE_SEGMENTS_MAX / 4)

/* entry->reserved: in the table since an adoption, not yet counted */
#define QOE_SPOOL_FOREIGN      1

/* an fdatasync of it has failed: no other one proves anything */
#define QOE_SPOOL_BAD          2

/* a reader has met damage in it, and counted it */
#define QOE_SPOOL_DAMAGED      4

/*
 * An owner that never lives: of an entry that its owner, who does, has not
 * come to read.
 */
#define QOE_SPOOL_NOBODY       ((qoe_proc_t) INT32_MAX << 32 | 1)

#define QOE_SPOOL_NAME_LEN     32            /* ID.open and a NUL */


typedef struct qoe_spool_seg_s  qoe_spool_seg_t;

struct qoe_spool_ref_s {
    qoe_spool_seg_t      *seg;               /* NULL: lost, with its copy */
    qoe_spool_ref_t      *prev;              /* in the order of the file */
    qoe_spool_ref_t      *next;
    uint64_t              offset;
    uint32_t              items;
};


/* A segment that this helper began and has still to do with. */

struct qoe_spool_seg_s {
    qoe_spool_seg_t      *next;
    qoe_segment_entry_t  *entry;
    qoe_spool_ref_t      *first;             /* those held */
    qoe_spool_ref_t      *last;
    uint64_t              id;
    uint64_t              offset;            /* where the next record goes */
    uint64_t              allocated;         /* fallocate()d up to here */
    uint64_t              sequence;
    uint64_t              events;
    uint64_t              done;
    uint64_t              used_ms;           /* appended last */
    uint64_t              dirty_ms;          /* not synced since; 0: it is */
    uint64_t              left_ms;           /* the first was left; 0: none */
    uint64_t              copied;            /* bad: up to here */
    int                   fd;
    bool                  unsynced;          /* records, not marks alone */
    bool                  finished;          /* has its last name */
    bool                  bad;               /* an fdatasync failed */
    bool                  copies;            /* bad: all of them were made */
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
    uint64_t              seen;              /* items of whole headers */
    uint64_t              done;
    int                   fd;
    int                   strikes;           /* failed reads in a row */
    bool                  item;              /* somebody has it */
    bool                  again;             /* comes again */
    bool                  damaged;
    bool                  doomed;            /* dropped while it was read */
} qoe_spool_backlog_t;


struct qoe_spool_s {
    qoe_spool_conf_t      conf;
    qoe_zone_t           *zone;
    const qoe_log_t      *log;
    qoe_segment_entry_t  *table;
    qoe_proc_t            self;
    uint32_t              dest;

    char                 *path;              /* conf.dir, with a NUL */
    char                 *name;
    char                  instance[QOE_UUID_TEXT_LEN + 1];

    int                   base_fd;           /* DIR */
    int                   instance_fd;
    int                   dir_fd;            /* DIR/INSTANCE/NAME */
    int                   lock_fd;
    int                   quarantine_fd;
    bool                  dirs_synced;       /* the way to dir_fd is durable */
    bool                  dir_dirty;         /* a name in it is not */
    uid_t                 owner;             /* of dir_fd, when it was opened */
    uint64_t              left_ms;           /* of others: not synced since */

    qoe_spool_seg_t      *segs;              /* newest first */
    qoe_spool_seg_t      *current;
    uint64_t              last_id;

    bool                  failing;
    uint64_t              retry_ms;
    uint64_t              look_ms;           /* UINT64_MAX: no reason to */
    uint64_t              looked_ms;
    uint64_t              next_ms;           /* the backlog goes on; MAX: no */
    uint64_t              hold_ms;           /* and not before */

    bool                  lease;             /* of the backlog */
    bool                  own_read;          /* our directory was looked at */
    bool                  foreign;           /* an instance was alive */
    uint64_t              foreign_ms;

    int64_t               tokens;            /* bytes that may be replayed */
    uint64_t              tokens_ms;

    uint64_t              quarantined;       /* files since the last look */
    uint64_t              kept;              /* bytes there, at that time */
    uint64_t              kept_base;         /* and the counter of bytes */
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

/* I/O failed: told, counted, and not tried again for a second. */
void qoe_spool_fail(qoe_spool_t *sp, int err, const char *what,
    const char *file);
/* The same where it costs nothing but a warning. */
void qoe_spool_warn(qoe_spool_t *sp, int err, const char *what,
    const char *file);
void qoe_spool_well(qoe_spool_t *sp);
/* Drops the oldest segment.  False: there is none that may be. */
bool qoe_spool_drop_oldest(qoe_spool_t *sp);

/* qoe_spool_segment.c; errno or 0 where it is an int */

/*
 * QOE_OK: sp->current has room for need bytes; QOE_FULL; QOE_ERROR; QOE_NOMEM.
 * force: past max_size, too, for what is counted already.
 */
qoe_status_t qoe_spool_seg_ready(qoe_spool_t *sp, uint64_t need, bool force);
int qoe_spool_seg_write(qoe_spool_t *sp, qoe_segment_record_t *record,
    const void *payload);
/* all: also where there are only marks of what is done. */
qoe_status_t qoe_spool_segs_sync(qoe_spool_t *sp, bool all);
void qoe_spool_seg_finish(qoe_spool_t *sp, qoe_spool_seg_t *seg);
/* qoe_spool_copy.c */

/* Copies the records of a bad one. */
qoe_status_t qoe_spool_seg_copy(qoe_spool_t *sp, qoe_spool_seg_t *seg);
/* Gives away or deletes what is finished and no longer held. */
void qoe_spool_segs_settle(qoe_spool_t *sp);
void qoe_spool_seg_done(qoe_spool_seg_t *seg, uint64_t items);
void qoe_spool_ref_add(qoe_spool_seg_t *seg, qoe_spool_ref_t *ref);
void qoe_spool_ref_remove(qoe_spool_ref_t *ref);
uint64_t qoe_spool_segments(const qoe_spool_t *sp, uint64_t *bytes);

/* qoe_spool_left.c */

/* Makes durable what qoe_spool_sync_left() tells of. */
qoe_status_t qoe_spool_others_sync(qoe_spool_t *sp);

/* qoe_spool_dir.c; errno or 0 */

int qoe_spool_dirs_open(qoe_spool_t *sp);
void qoe_spool_dirs_close(qoe_spool_t *sp);
int qoe_spool_dirs_sync(qoe_spool_t *sp);
/* err, because the master has given the directory to another user since? */
bool qoe_spool_dirs_given(const qoe_spool_t *sp, int err);
int qoe_spool_dir_make(int at, const char *name, int *fd);
/* A lock file in dir.  Exclusive: EWOULDBLOCK if somebody lives there. */
int qoe_spool_dir_lock(int dir, bool exclusive, int *fd);
uint64_t qoe_spool_new_id(qoe_spool_t *sp);
void qoe_spool_file_name(char name[QOE_SPOOL_NAME_LEN], uint64_t id,
    const char *suffix);
/* Of "ID.open" and "ID.seg"; false: it is something else. */
bool qoe_spool_file_id(const char *name, uint64_t *id);
/*
 * O_RDWR; whichever of the two names it has.  An error may be that of a
 * stranger (qoe_spool_stranger()).
 */
int qoe_spool_file_open(qoe_spool_t *sp, uint64_t id, int *fd);
int qoe_spool_file_unlink(qoe_spool_t *sp, uint64_t id);
/* Never replaces a file: EEXIST. */
int qoe_spool_file_rename(int from, const char *name, int to,
    const char *to_name);

/* qoe_spool_adopt.c */

void qoe_spool_look(qoe_spool_t *sp, uint64_t now_ms);

/* qoe_spool_scan.c */

/* Begins with the next one of which it is to be known what is in it, if any. */
bool qoe_spool_orphan(qoe_spool_t *sp);
void qoe_spool_scan(qoe_spool_t *sp, uint64_t now_ms);
void qoe_spool_scan_stop(qoe_spool_t *sp);
/* What is adopted and not read yet is anybody's. */
void qoe_spool_scan_give(qoe_spool_t *sp);
/* What is left in it is counted as lost, the entry is free. */
void qoe_spool_lost(qoe_spool_t *sp, qoe_segment_entry_t *e);

/* qoe_spool_read.c */

bool qoe_spool_lease(qoe_spool_t *sp);
void qoe_spool_lease_give(qoe_spool_t *sp);
void qoe_spool_backlog_stop(qoe_spool_t *sp);
/* The segment that is read now is to be dropped: its file is gone already. */
void qoe_spool_backlog_doom(qoe_spool_t *sp);

/* qoe_spool_quarantine.c */

/*
 * Counts and reports a damaged segment, and moves it there; the file is gone
 * from ours in any case.
 */
void qoe_spool_damaged(qoe_spool_t *sp, uint64_t id, uint64_t bytes);
/*
 * sp->quarantine_fd is open, and size bytes more have room there: of all
 * helpers' files the oldest are deleted for that.  An errno; EFBIG: too much.
 */
int qoe_spool_quarantine_room(qoe_spool_t *sp, uint64_t size);

/* qoe_spool_stranger.c */

/* Opens what may be a segment, by its name in dir.  An errno or 0. */
int qoe_spool_file_at(int dir, const char *name, int *fd);
/* Is that errno of qoe_spool_file_at() the fault of the entry alone? */
bool qoe_spool_stranger(int err);
/* Counts and reports it, and takes its name away: to the quarantine, if. */
void qoe_spool_stranger_aside(qoe_spool_t *sp, int dir, const char *name,
    uint64_t id, int err);
/*
 * The file of an entry that self owns could not be opened for err.  True: it
 * is a stranger's, set aside; what it had held is lost, the entry is free.
 */
bool qoe_spool_pass_over(qoe_spool_t *sp, qoe_segment_entry_t *e, uint64_t id,
    int err);
/* n other instances were passed over at this look, the last for err. */
void qoe_spool_strangers_told(qoe_spool_t *sp, const char *name, int err,
    uint64_t n);


#endif /* _QOE_SPOOL_PRIV_H_INCLUDED_ */
