
/*
 * Copyright (C) OpenQoE
 *
 * The segments of a lane: taken, summed up for the zone, dropped for room, and
 * given back.
 *
 * The zone's number of a lane's events is written by the owner of the lane
 * alone, which may be killed after any store.  It is raised before a record is
 * written and lowered after one is marked as done, so it is never less than
 * what the files hold.  By how much it may be more, if the owner is killed in
 * between, "moving" says.  What is left beyond that when there is no file any
 * more is lost.
 */


#include "qoe_spool_priv.h"
#include "qoe_failpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


static int qoe_spool_lane_entry(qoe_spool_t *sp, qoe_spool_lane_t *l,
    const char *name, uint64_t id);
static void qoe_spool_lane_rest(qoe_spool_t *sp, qoe_spool_lane_t *l);
static bool qoe_spool_drop(qoe_spool_t *sp, qoe_spool_lane_t *l);
static qoe_spool_seg_t *qoe_spool_oldest(const qoe_spool_lane_t *l);


qoe_spool_lane_t *
qoe_spool_lane(const qoe_spool_t *sp, uint32_t lane)
{
    qoe_spool_lane_t  *l;

    for (l = sp->lanes; l != NULL && l->lane != lane; l = l->next) {
        /* void */
    }

    return l;
}


qoe_status_t
qoe_spool_take(qoe_spool_t *sp, uint32_t lane)
{
    qoe_spool_lane_t  *l;

    l = calloc(1, sizeof(qoe_spool_lane_t));
    if (l == NULL) {
        return QOE_NOMEM;
    }

    l->lane = lane;
    l->dir_fd = -1;
    l->part = qoe_spool_part(sp->zone, lane, sp->dest);
    l->next = sp->lanes;
    sp->lanes = l;

    if (qoe_acquire(&l->part->suspect)) {

        /* no sync from now on makes good what the last owner had written */

        qoe_lane_dest_unkept(sp->zone, lane, sp->dest);
        qoe_publish(&l->part->suspect, 0);
    }

    /* an error is met again, and reported, by qoe_spool_run() */

    (void) qoe_spool_lane_list(sp, l);

    sp->look_ms = 0;
    sp->next_ms = 0;

    return QOE_OK;
}


void
qoe_spool_give(qoe_spool_t *sp, uint32_t lane)
{
    qoe_spool_seg_t    *seg, *next;
    qoe_spool_lane_t   *l, **p;

    l = qoe_spool_lane(sp, lane);
    if (l == NULL) {
        return;
    }

    if (sp->backlog.seg != NULL && sp->backlog.seg->lane == l) {
        qoe_spool_backlog_stop(sp);
    }

    for (seg = l->segs; seg != NULL; seg = seg->next) {
        while (seg->first != NULL) {
            qoe_spool_leave(sp, seg->first);
        }

        if (l->dir_fd != -1) {
            qoe_spool_seg_finish(sp, seg);
        }
    }

    /* the last chance for a segment whose fdatasync failed */

    (void) (sp->failing ? qoe_spool_heal(sp) : qoe_spool_segs_sync(sp, true));

    if (l->current != NULL) {
        qoe_spool_seg_finish(sp, l->current);
    }

    qoe_spool_segs_settle(sp);
    qoe_spool_lane_note(l);

    for (p = &sp->lanes; *p != l; p = &(*p)->next) { /* void */ }

    *p = l->next;

    for (seg = l->segs; seg != NULL; seg = next) {
        next = seg->next;
        qoe_spool_fd_close(&seg->fd);
        free(seg);
    }

    qoe_spool_fd_close(&l->dir_fd);
    free(l);
}


int
qoe_spool_lane_list(qoe_spool_t *sp, qoe_spool_lane_t *l)
{
    int               err;
    DIR              *dir;
    bool              unsynced;
    uint64_t          id, now;
    struct dirent    *d;
    qoe_spool_seg_t  *seg;

    err = qoe_spool_lane_open(sp, l);
    if (err != 0) {
        return err;
    }

    dir = qoe_spool_dir_list(l->dir_fd);
    if (dir == NULL) {
        return errno;
    }

    while (err == 0 && (d = readdir(dir)) != NULL) {
        if (qoe_spool_file_id(d->d_name, &id)) {
            err = qoe_spool_lane_entry(sp, l, d->d_name, id);
        }
    }

    closedir(dir);

    if (err != 0) {
        return err;
    }

    unsynced = qoe_lane_dest_unsynced(sp->zone, l->lane, sp->dest);
    now = qoe_max(qoe_mono_ms(), 1);

    for (seg = l->segs; seg != NULL; seg = seg->next) {
        if (seg->waiting) {
            seg->unsynced = unsynced;
            seg->dirty_ms = unsynced ? now : 0;
        }
    }

    l->dir_dirty |= unsynced;
    l->listed = true;

    qoe_spool_lane_rest(sp, l);
    qoe_spool_lane_note(l);

    return 0;
}


static int
qoe_spool_lane_entry(qoe_spool_t *sp, qoe_spool_lane_t *l, const char *name,
    uint64_t id)
{
    int               fd, err;
    struct stat       st;
    qoe_spool_seg_t  *seg;

    for (seg = l->segs; seg != NULL; seg = seg->next) {
        if (seg->id == id) {
            return 0;
        }
    }

    err = qoe_spool_file_at(l->dir_fd, name, &fd);

    if (qoe_spool_stranger(err)) {
        qoe_spool_stranger_aside(sp, l->dir_fd, name, id, err);
        return 0;
    }

    /* a file that cannot be opened now is met again by its reader */

    st.st_size = 0;

    if (err == 0) {
        (void) fstat(fd, &st);
        close(fd);
    }

    seg = qoe_spool_seg_new(l, id);
    if (seg == NULL) {
        return ENOMEM;
    }

    seg->offset = (uint64_t) st.st_size;
    seg->open = (strcmp(name + 16, ".open") == 0);
    seg->finished = true;
    seg->waiting = true;
    (void) qoe_spool_file_finish(seg);

    return 0;
}


void
qoe_spool_lane_note(const qoe_spool_lane_t *l)
{
    uint64_t                bytes, segments, oldest_ns, ns;
    const qoe_spool_seg_t  *seg;

    if (!l->listed) {
        return;
    }

    bytes = 0;
    segments = 0;
    oldest_ns = UINT64_MAX;

    for (seg = l->segs; seg != NULL; seg = seg->next) {
        bytes += seg->offset;
        segments++;

        if (!seg->known || seg->done < seg->events) {

            /* an id is the time of its segment, which will do meanwhile */

            ns = seg->known ? seg->oldest_ns : seg->id;
            oldest_ns = qoe_min(oldest_ns, ns);
        }
    }

    qoe_publish(&l->part->bytes, bytes);
    qoe_publish(&l->part->segments, segments);
    qoe_publish(&l->part->oldest_ns, oldest_ns == UINT64_MAX ? 0 : oldest_ns);

    seg = qoe_spool_oldest(l);
    qoe_publish(&l->part->oldest, seg == NULL ? 0 : seg->id);
}


/* Without any segment, no event can be left. */

static void
qoe_spool_lane_rest(qoe_spool_t *sp, qoe_spool_lane_t *l)
{
    uint64_t  events, moving;

    if (!l->listed || l->segs != NULL) {
        return;
    }

    events = qoe_acquire(&l->part->events);
    moving = qoe_acquire(&l->part->moving);

    if (events > moving) {
        qoe_dest_count(sp->zone, sp->dest, l->damaged
                       ? QOE_DEST_DROPPED_CORRUPT : QOE_DEST_DROPPED_LOST,
                       events - moving);
    }

    qoe_publish(&l->part->events, 0);
    qoe_publish(&l->part->moving, 0);
}


qoe_status_t
qoe_spool_room(qoe_spool_t *sp, uint64_t need)
{
    bool               settled;
    uint32_t           lane;
    uint64_t           id, best;
    qoe_spool_lane_t  *l;
    qoe_spool_part_t  *part, *oldest;

    settled = false;

    if (need > sp->conf.max_size) {
        return QOE_FULL;
    }

    while (qoe_spool_bytes(sp->zone, sp->dest) > sp->conf.max_size - need) {

        if (!settled) {

            /* delivered segments can go first */

            settled = true;
            qoe_spool_segs_settle(sp);
            continue;
        }

        oldest = NULL;
        best = UINT64_MAX;

        for (lane = 0; lane < qoe_zone_lanes(sp->zone); lane++) {
            part = qoe_spool_part(sp->zone, lane, sp->dest);
            id = qoe_acquire(&part->oldest);

            if (id != 0 && id < best) {
                oldest = part;
                best = id;
            }
        }

        if (sp->conf.reject || oldest == NULL) {
            return QOE_FULL;
        }

        for (l = sp->lanes; l != NULL && l->part != oldest; l = l->next) {
            /* void */
        }

        if (l == NULL) {

            /* its owner looks at every turn, at least once a second */

            qoe_publish(&oldest->drop, best);
            return QOE_AGAIN;
        }

        if (!qoe_spool_drop(sp, l)) {
            return QOE_FULL;
        }
    }

    return QOE_OK;
}


void
qoe_spool_drop_asked(qoe_spool_t *sp)
{
    uint64_t           id;
    qoe_spool_lane_t  *l;

    for (l = sp->lanes; l != NULL; l = l->next) {

        id = qoe_acquire(&l->part->drop);

        if (id == 0) {
            continue;
        }

        qoe_publish(&l->part->drop, 0);

        /* not if there is room meanwhile */

        if (id == qoe_acquire(&l->part->oldest)
            && qoe_spool_bytes(sp->zone, sp->dest)
               > sp->conf.max_size - sp->conf.segment_size)
        {
            (void) qoe_spool_drop(sp, l);
        }
    }
}


/* Drops the oldest segment of the lane.  false: that makes no room now. */

static bool
qoe_spool_drop(qoe_spool_t *sp, qoe_spool_lane_t *l)
{
    int               err, fd;
    uint64_t          lost;
    qoe_spool_seg_t  *seg;

    seg = qoe_spool_oldest(l);
    if (seg == NULL) {
        return false;
    }

    if (seg == sp->backlog.seg) {
        qoe_spool_backlog_stop(sp);
    }

    err = qoe_spool_file_open(sp, seg, &fd);

    if (err == 0) {
        if (!seg->known) {

            /* what cannot be read is counted at the end, in the rest */

            (void) qoe_spool_seg_count(seg, fd);
        }

        close(fd);
    }

    if (qoe_spool_pass_over(sp, seg, err)) {
        return true;
    }

    if (err == 0) {
        (void) qoe_failpoint("spool.unlink");
        err = qoe_spool_file_unlink(sp, seg);
    }

    if (err != 0 && err != ENOENT) {

        /* the file still exists: no room was made, and nothing is lost */

        qoe_spool_warn(sp, err, "delete a segment of", sp->name);
        return false;
    }

    lost = seg->events - qoe_min(seg->done, seg->events);

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_SPOOL, lost);
    qoe_spool_seg_done(seg, lost);
    qoe_spool_seg_free(sp, seg);

    qoe_log_limited(sp->log, &sp->drop_limit, QOE_LOG_WARN, "spool: "
                    "\"%s/%s/%s\" is full, dropped the oldest segment, "
                    "%llu events", sp->path, sp->instance, sp->name,
                    (unsigned long long) lost);

    return true;
}


/* The oldest segment that may be dropped: no request of it is on its way. */

static qoe_spool_seg_t *
qoe_spool_oldest(const qoe_spool_lane_t *l)
{
    qoe_spool_seg_t  *seg;

    for (seg = l->segs; seg != NULL; seg = seg->next) {
        if (seg->waiting && !seg->sent) {
            break;
        }
    }

    return seg;
}


int
qoe_spool_seg_count(qoe_spool_seg_t *seg, int fd)
{
    qoe_status_t          rc;
    qoe_segment_reader_t  reader;
    qoe_segment_record_t  record;

    seg->events = 0;
    seg->done = 0;
    seg->oldest_ns = UINT64_MAX;

    if (qoe_segment_open(&reader, fd, seg->id) != QOE_OK) {
        return errno;
    }

    do {
        rc = qoe_segment_next(&reader, &record, NULL);

        if (rc == QOE_OK) {
            seg->events += record.items;
            seg->done += record.done ? record.items : 0;
            seg->oldest_ns = qoe_min(seg->oldest_ns, record.received_ns);
        }

    } while (rc == QOE_OK || rc == QOE_AGAIN);

    if (rc != QOE_DONE) {
        return errno;
    }

    seg->known = true;
    seg->offset = reader.end;

    return 0;
}


qoe_spool_seg_t *
qoe_spool_seg_new(qoe_spool_lane_t *l, uint64_t id)
{
    qoe_spool_seg_t  *seg, **p;

    seg = calloc(1, sizeof(qoe_spool_seg_t));
    if (seg == NULL) {
        return NULL;
    }

    seg->lane = l;
    seg->id = id;
    seg->fd = -1;

    for (p = &l->segs; *p != NULL && (*p)->id < id; p = &(*p)->next) {
        /* void */
    }

    seg->next = *p;
    *p = seg;

    return seg;
}


void
qoe_spool_seg_free(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    qoe_spool_seg_t   **p;
    qoe_spool_lane_t   *l;

    l = seg->lane;

    for (p = &l->segs; *p != seg; p = &(*p)->next) { /* void */ }

    *p = seg->next;

    if (l->current == seg) {
        l->current = NULL;
    }

    /* only a bad segment has refs; their loss was reported */

    while (seg->first != NULL) {
        qoe_spool_ref_remove(seg->first);
    }

    qoe_spool_fd_close(&seg->fd);
    free(seg);

    qoe_spool_lane_rest(sp, l);
    qoe_spool_lane_note(l);
}


void
qoe_spool_seg_lost(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    uint64_t  lost;

    if (seg->known && seg->events > seg->done) {
        lost = seg->events - seg->done;

        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_LOST, lost);
        qoe_spool_seg_done(seg, lost);
    }

    /* what an unknown one had is in the rest, see qoe_spool_lane_rest() */

    qoe_spool_seg_free(sp, seg);
}


void
qoe_spool_seg_done(qoe_spool_seg_t *seg, uint64_t items)
{
    seg->done += items;
    qoe_spool_sub(&seg->lane->part->events, items);
}


int
qoe_spool_seg_mark(qoe_spool_seg_t *seg, int fd, uint64_t offset,
    uint64_t items)
{
    int  err;

    qoe_spool_add(&seg->lane->part->moving, items);

    err = qoe_failpoint("spool.done");

    if (err == 0 && fd != -1) {
        err = qoe_segment_done(fd, offset);
    }

    qoe_spool_seg_done(seg, items);
    qoe_spool_sub(&seg->lane->part->moving, items);

    return err;
}
