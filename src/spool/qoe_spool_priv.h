
/*
 * Copyright (C) OpenQoE
 *
 * What the files of the spool share:
 *
 * qoe_spool.c             create, append, sync, run, heal
 * qoe_spool_lane.c        the segments of a lane, their sums, limits
 * qoe_spool_segment.c     the segments that this helper writes
 * qoe_spool_copy.c        those whose fdatasync failed
 * qoe_spool_dir.c         directories, the instance's lock, files by id
 * qoe_spool_adopt.c       segments of dead instances
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
#include "qoe_spool_info.h"
#include "qoe_uuid.h"

#include <dirent.h>
#include <sys/types.h>


#define QOE_SPOOL_RETRY_MS     1000
#define QOE_SPOOL_LOOK_MS      5000
#define QOE_SPOOL_IDLE_MS      1000          /* then a segment is finished */
#define QOE_SPOOL_ADOPT_MS     50            /* of adopting, in one call */

/*
 * While a lane has so many segments, one that is not full is kept open:
 * otherwise a trickle of events during a long outage would make a file for
 * each of them.
 */
#define QOE_SPOOL_SEGMENTS     32

#define QOE_SPOOL_NAME_LEN     32            /* ID.open and a NUL */
#define QOE_SPOOL_ID_TRIES     8             /* while ids are taken */


typedef struct qoe_spool_seg_s   qoe_spool_seg_t;
typedef struct qoe_spool_lane_s  qoe_spool_lane_t;

struct qoe_spool_ref_s {
    qoe_spool_seg_t      *seg;               /* NULL: lost with its copy */
    qoe_spool_ref_t      *prev;              /* in the order of the file */
    qoe_spool_ref_t      *next;
    uint64_t              offset;
    uint32_t              items;
};


/*
 * A segment.  This helper writes it until it is finished, and may hold its
 * records; once none is held it waits for the backlog, as those of earlier
 * owners of the lane do from the start.
 */

struct qoe_spool_seg_s {
    qoe_spool_seg_t      *next;              /* of a later id */
    qoe_spool_lane_t     *lane;
    qoe_spool_ref_t      *first;             /* records still held */
    qoe_spool_ref_t      *last;
    uint64_t              id;
    uint64_t              offset;            /* of the next record */
    uint64_t              allocated;         /* fallocate()d up to here */
    uint64_t              sequence;
    uint64_t              events;            /* in the file, if known */
    uint64_t              done;
    uint64_t              oldest_ns;
    uint64_t              used_ms;           /* of the last append */
    uint64_t              dirty_ms;          /* unsynced since; 0: synced */
    uint64_t              left_ms;           /* first record left; 0: none */
    uint64_t              copied;            /* bad: copied up to here */
    int                   fd;                /* -1 while it waits */
    bool                  known;             /* this helper wrote or counted */
    bool                  unsynced;          /* records, not only marks */
    bool                  open;              /* its file is named ID.open */
    bool                  finished;          /* no more is appended */
    bool                  waiting;           /* for the backlog, or is read */
    bool                  sent;              /* a request of it was given out */
    bool                  bad;               /* an fdatasync failed */
    bool                  copies;            /* bad: all copies were made */
    bool                  spent;             /* only its file is left */
};


struct qoe_spool_lane_s {
    qoe_spool_lane_t     *next;
    qoe_spool_part_t     *part;              /* its sums in the zone */
    uint32_t              lane;
    int                   dir_fd;            /* DIR/INSTANCE/NAME/LANE */
    bool                  dir_dirty;         /* a name in it is not durable */
    bool                  listed;            /* it was read */
    bool                  damaged;           /* some of it was */
    qoe_spool_seg_t      *segs;              /* oldest first */
    qoe_spool_seg_t      *current;
};


typedef struct {
    qoe_spool_seg_t      *seg;               /* NULL: none */
    qoe_segment_reader_t  reader;
    qoe_segment_record_t  record;
    qoe_buf_t             payload;
    uint64_t              seen;              /* items with whole headers */
    int                   fd;
    int                   strikes;           /* failed reads in a row */
    bool                  item;              /* a request was given out */
    bool                  again;             /* and is to be read again */
    bool                  damaged;
} qoe_spool_backlog_t;


struct qoe_spool_s {
    qoe_spool_conf_t      conf;
    qoe_zone_t           *zone;
    const qoe_log_t      *log;
    uint32_t              dest;

    char                 *path;              /* conf.dir, NUL-terminated */
    char                 *name;
    char                  instance[QOE_UUID_TEXT_LEN + 1];

    int                   base_fd;           /* DIR */
    int                   instance_fd;
    int                   name_fd;           /* DIR/INSTANCE/NAME */
    int                   lock_fd;
    int                   quarantine_fd;
    bool                  dirs_synced;       /* the way to name_fd is durable */
    uid_t                 owner;             /* of name_fd, at its opening */

    qoe_spool_lane_t     *lanes;             /* that were taken */
    uint64_t              last_id;

    bool                  failing;
    uint64_t              retry_ms;
    uint64_t              look_ms;           /* next look; UINT64_MAX: none */
    uint64_t              next_ms;           /* next read; UINT64_MAX: none */
    uint64_t              hold_ms;           /* but not before */
    uint64_t              foreign_ms;        /* next look for instances */

    qoe_spool_backlog_t   backlog;

    uint64_t              quarantined;       /* files since the last look */
    uint64_t              kept;              /* bytes found at that look */
    uint64_t              kept_base;         /* counter of bytes, then */
    bool                  looked;            /* there was a look */

    uint64_t              strangers;         /* instances passed over */

    qoe_log_limit_t       fail_limit;        /* a warning hides no failure */
    qoe_log_limit_t       warn_limit;
    qoe_log_limit_t       drop_limit;
    qoe_log_limit_t       damage_limit;
    qoe_log_limit_t       stranger_limit;
};


/* The lane's words in the zone have no other writer. */

static inline void
qoe_spool_add(uint64_t *word, uint64_t n)
{
    qoe_publish(word, qoe_acquire(word) + n);
}


static inline void
qoe_spool_sub(uint64_t *word, uint64_t n)
{
    qoe_publish(word, qoe_acquire(word) - qoe_min(n, qoe_acquire(word)));
}


/* qoe_spool.c */

/* I/O failed: notes, counts and logs it, and stops I/O for a second. */
void qoe_spool_fail(qoe_spool_t *sp, int err, const char *what,
    const char *file);
/* The same if nothing is lost by the failure: only logs it. */
void qoe_spool_warn(qoe_spool_t *sp, int err, const char *what,
    const char *file);
/* Copies what must be copied, and tries whether all can be written again. */
qoe_status_t qoe_spool_heal(qoe_spool_t *sp);

/* qoe_spool_lane.c */

/* NULL: it was not taken. */
qoe_spool_lane_t *qoe_spool_lane(const qoe_spool_t *sp, uint32_t lane);
/* Reads the lane's directory.  0 or an errno. */
int qoe_spool_lane_list(qoe_spool_t *sp, qoe_spool_lane_t *l);
/* Brings the lane's sums in the zone, but for its events, up to date. */
void qoe_spool_lane_note(const qoe_spool_lane_t *l);
/*
 * Waits for nothing: QOE_OK: the exporter's spool has room for so many bytes;
 * QOE_AGAIN: the owner of another lane was asked to drop a segment; QOE_FULL.
 */
qoe_status_t qoe_spool_room(qoe_spool_t *sp, uint64_t need);
/* Drops what the owners of other lanes ask for. */
void qoe_spool_drop_asked(qoe_spool_t *sp);
/* A new segment in the list of the lane, in the order of the ids; or NULL. */
qoe_spool_seg_t *qoe_spool_seg_new(qoe_spool_lane_t *l, uint64_t id);
/*
 * Removes it from there.  If it was the last, the events that the zone still
 * has for the lane are lost.
 */
void qoe_spool_seg_free(qoe_spool_t *sp, qoe_spool_seg_t *seg);
/* Reads the segment, to know what is in it.  0 or an errno. */
int qoe_spool_seg_count(qoe_spool_seg_t *seg, int fd);
/* Its file is gone: counts what was left in it as lost, and frees it. */
void qoe_spool_seg_lost(qoe_spool_t *sp, qoe_spool_seg_t *seg);
/* Counts items of the segment as done, which have no mark. */
void qoe_spool_seg_done(qoe_spool_seg_t *seg, uint64_t items);
/* Marks a record as done, and counts its items.  0 or an errno of the mark. */
int qoe_spool_seg_mark(qoe_spool_seg_t *seg, int fd, uint64_t offset,
    uint64_t items);

/* qoe_spool_segment.c; an int is 0 or an errno */

/*
 * QOE_OK: l->current has room for need bytes; or what qoe_spool_room() says;
 * QOE_ERROR; QOE_NOMEM.  force: exceeds max_size if need be, for records that
 * are counted already.
 */
qoe_status_t qoe_spool_seg_ready(qoe_spool_t *sp, qoe_spool_lane_t *l,
    uint64_t need, bool force);
/* Appends to l->current, which has room; sets offset and sequence. */
int qoe_spool_seg_write(qoe_spool_t *sp, qoe_spool_lane_t *l,
    qoe_segment_record_t *record, const void *payload);
/* all: includes files with no new records but only marks. */
qoe_status_t qoe_spool_segs_sync(qoe_spool_t *sp, bool all);
/* No more is appended to the segment, and it gets its final name. */
void qoe_spool_seg_finish(qoe_spool_t *sp, qoe_spool_seg_t *seg);
/*
 * All records of the segment are done: deletes its file, and frees it.  false:
 * it could not be deleted, and waits for the backlog, which tries again.
 */
bool qoe_spool_seg_spent(qoe_spool_t *sp, qoe_spool_seg_t *seg);
/* Lets wait, or deletes, segments that are finished and no longer held. */
void qoe_spool_segs_settle(qoe_spool_t *sp);
void qoe_spool_ref_add(qoe_spool_seg_t *seg, qoe_spool_ref_t *ref);
void qoe_spool_ref_remove(qoe_spool_ref_t *ref);

/* qoe_spool_copy.c */

/* Copies the records of a segment whose fdatasync failed. */
qoe_status_t qoe_spool_seg_copy(qoe_spool_t *sp, qoe_spool_seg_t *seg);

/* qoe_spool_dir.c; an int is 0 or an errno */

/* Opens, and makes if need be, DIR/INSTANCE/NAME, and locks the instance. */
int qoe_spool_dirs_open(qoe_spool_t *sp);
/* The same, and the directory of the lane. */
int qoe_spool_lane_open(qoe_spool_t *sp, qoe_spool_lane_t *l);
/* Closes all directories, those of the lanes, too. */
void qoe_spool_dirs_close(qoe_spool_t *sp);
void qoe_spool_fd_close(int *fd);
/* Makes the directories durable, and all names in that of the lane. */
int qoe_spool_dirs_sync(qoe_spool_t *sp, qoe_spool_lane_t *l);
/* Whether err comes from the master's giving the directory to another user. */
bool qoe_spool_dirs_given(const qoe_spool_t *sp, int err);
/* Makes the directory if need be, and opens it. */
int qoe_spool_dir_make(int at, const char *name, int *fd);
/*
 * Opens and locks the lock file in dir.  exclusive: EWOULDBLOCK if a helper of
 * that instance lives.
 */
int qoe_spool_dir_lock(int dir, bool exclusive, int *fd);
/* Reads the directory, from its start; NULL: see errno. */
DIR *qoe_spool_dir_list(int fd);
uint64_t qoe_spool_new_id(qoe_spool_t *sp);
void qoe_spool_file_name(char name[QOE_SPOOL_NAME_LEN], uint64_t id,
    const char *suffix);
/* The id in "ID.open" or "ID.seg".  false: it is another name. */
bool qoe_spool_file_id(const char *name, uint64_t *id);
/* The name of the segment's file. */
void qoe_spool_seg_name(char name[QOE_SPOOL_NAME_LEN],
    const qoe_spool_seg_t *seg);
/*
 * Opens the file for reading and writing.  The error may be that of a stranger
 * (qoe_spool_stranger()).
 */
int qoe_spool_file_open(qoe_spool_t *sp, const qoe_spool_seg_t *seg, int *fd);
int qoe_spool_file_unlink(qoe_spool_t *sp, const qoe_spool_seg_t *seg);
/* Gives the file its final name, unless it has that. */
int qoe_spool_file_finish(qoe_spool_seg_t *seg);
/* Renames a file, but never replaces another one: EEXIST. */
int qoe_spool_file_rename(int from, const char *name, int to,
    const char *to_name);

/* qoe_spool_adopt.c */

/*
 * Moves a segment of a dead instance to the lane.  EINPROGRESS: there may be
 * more; EAGAIN: there may be more when another instance dies; 0: there is none
 * left; or another errno.
 */
int qoe_spool_adopt(qoe_spool_t *sp, qoe_spool_lane_t *l);

/* qoe_spool_read.c */

/* Stops reading, and gives up the request that was given out. */
void qoe_spool_backlog_stop(qoe_spool_t *sp);

/* qoe_spool_quarantine.c */

/* Counts, reports and removes a damaged segment, to the quarantine if any. */
void qoe_spool_damaged(qoe_spool_t *sp, const qoe_spool_seg_t *seg,
    uint64_t bytes);
/* The same for a segment that the next owner reads on: it stays as well. */
void qoe_spool_damaged_half(qoe_spool_t *sp, const qoe_spool_seg_t *seg,
    uint64_t bytes);
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
 * err is why the segment's file could not be opened.  true: it is gone, or a
 * stranger that was set aside; its records are lost, and the segment is freed.
 */
bool qoe_spool_pass_over(qoe_spool_t *sp, qoe_spool_seg_t *seg, int err);
/* Reports that n instances were passed over in this look, the last for err. */
void qoe_spool_strangers_report(qoe_spool_t *sp, const char *name, int err,
    uint64_t n);


#endif /* _QOE_SPOOL_PRIV_H_INCLUDED_ */
