
/*
 * Copyright (C) OpenQoE
 *
 * Moves the segments of dead instances to a lane of this one, one after the
 * other, the oldest of an instance first.  Its events are counted as recovered
 * before it moves: a helper that is killed in between leaves it to the next,
 * for which the zone has its id.
 */


#include "qoe_spool_priv.h"
#include "qoe_failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


static int qoe_spool_instance(qoe_spool_t *sp, qoe_spool_lane_t *l,
    const char *name);
static int qoe_spool_move_any(qoe_spool_t *sp, qoe_spool_lane_t *l,
    int instance);
static int qoe_spool_move_from(qoe_spool_t *sp, qoe_spool_lane_t *l, int fd);
static bool qoe_spool_oldest_in(qoe_spool_t *sp, int fd, DIR *dir,
    char oldest[QOE_SPOOL_NAME_LEN]);
static int qoe_spool_move_counted(qoe_spool_t *sp, qoe_spool_seg_t *seg,
    int from, const char *name);
static int qoe_spool_move(qoe_spool_t *sp, qoe_spool_lane_t *l, int from,
    const char *name);
static bool qoe_spool_dir_is_lane(const char *name);
static void qoe_spool_instance_remove(qoe_spool_t *sp, int fd,
    const char *name);


int
qoe_spool_adopt(qoe_spool_t *sp, qoe_spool_lane_t *l)
{
    int             err, rc, why;
    DIR            *dir;
    char            name[QOE_UUID_TEXT_LEN + 1];
    uint8_t         id[16];
    uint64_t        strangers;
    struct dirent  *d;

    /*
     * The directory must be durable before files move there, and its names
     * before the files' old directory is removed.
     */

    err = qoe_spool_dirs_sync(sp, l);
    if (err != 0) {
        return err;
    }

    dir = qoe_spool_dir_list(sp->base_fd);
    if (dir == NULL) {
        return errno;
    }

    why = 0;
    strangers = 0;
    name[0] = '\0';

    while (err != EINPROGRESS && (d = readdir(dir)) != NULL) {

        if (strlen(d->d_name) != QOE_UUID_TEXT_LEN
            || strcmp(d->d_name, sp->instance) == 0
            || qoe_uuid_parse(id, qoe_span_str(d->d_name)) != QOE_OK)
        {
            continue;
        }

        rc = qoe_spool_instance(sp, l, d->d_name);

        if (rc == ENOTDIR || rc == EACCES || qoe_spool_stranger(rc)) {
            err = err ? err : EAGAIN;
            strangers++;
            why = rc;
            memcpy(name, d->d_name, sizeof(name));

        } else if (rc == EWOULDBLOCK) {
            err = err ? err : EAGAIN;

        } else if (rc != 0 && rc != ENOENT && rc != ESTALE) {
            err = rc;
        }
    }

    closedir(dir);

    if (err != EINPROGRESS) {
        qoe_spool_strangers_report(sp, name, why, strangers);
    }

    return err;
}


/* EWOULDBLOCK: the instance is alive; EINPROGRESS: a segment was moved. */

static int
qoe_spool_instance(qoe_spool_t *sp, qoe_spool_lane_t *l, const char *name)
{
    int  err, fd, lock;

    fd = openat(sp->base_fd, name,
                O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (fd == -1) {
        return errno;
    }

    err = qoe_spool_dir_lock(fd, true, &lock);

    if (err == 0) {
        err = qoe_spool_move_any(sp, l, fd);

        if (err == 0) {
            qoe_spool_instance_remove(sp, fd, name);
        }

        close(lock);
    }

    close(fd);

    return err;
}


/* Directories of other exporters stay, for helpers with those. */

static void
qoe_spool_instance_remove(qoe_spool_t *sp, int fd, const char *name)
{
    DIR            *dir;
    bool            empty;
    struct dirent  *d;

    dir = qoe_spool_dir_list(fd);
    empty = (dir != NULL);

    while (dir != NULL && (d = readdir(dir)) != NULL) {
        empty &= (strcmp(d->d_name, ".") == 0
                  || strcmp(d->d_name, "..") == 0
                  || strcmp(d->d_name, "lock") == 0);
    }

    if (dir != NULL) {
        closedir(dir);
    }

    if (empty && unlinkat(fd, "lock", 0) == 0) {
        (void) unlinkat(sp->base_fd, name, AT_REMOVEDIR);
    }
}


/* The exporter's directory, and those of its lanes, if there are any. */

static int
qoe_spool_move_any(qoe_spool_t *sp, qoe_spool_lane_t *l, int instance)
{
    int             err, fd, from;
    DIR            *dir;
    struct dirent  *d;

    fd = openat(instance, sp->name,
                O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (fd == -1) {
        return errno == ENOENT ? 0 : errno;
    }

    dir = qoe_spool_dir_list(fd);
    err = (dir == NULL) ? errno : qoe_spool_move_from(sp, l, fd);

    while (err == 0 && (d = readdir(dir)) != NULL) {

        if (!qoe_spool_dir_is_lane(d->d_name)) {
            continue;
        }

        from = openat(fd, d->d_name,
                      O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
        if (from == -1) {
            continue;                        /* it is no directory of ours */
        }

        err = qoe_spool_move_from(sp, l, from);
        close(from);

        if (err == 0) {

            /* fails, as it should, if anything but segments is in it */

            (void) unlinkat(fd, d->d_name, AT_REMOVEDIR);
        }
    }

    if (dir != NULL) {
        closedir(dir);
    }

    close(fd);

    if (err == 0) {
        (void) unlinkat(instance, sp->name, AT_REMOVEDIR);
    }

    return err;
}


static bool
qoe_spool_dir_is_lane(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0'
           && strtoul(name, NULL, 10) < QOE_LANES_MAX;
}


static int
qoe_spool_move_from(qoe_spool_t *sp, qoe_spool_lane_t *l, int fd)
{
    int   err;
    DIR  *dir;
    bool  any;
    char  oldest[QOE_SPOOL_NAME_LEN];

    dir = qoe_spool_dir_list(fd);
    if (dir == NULL) {
        return errno;
    }

    any = qoe_spool_oldest_in(sp, fd, dir, oldest);
    closedir(dir);

    if (!any) {
        return 0;
    }

    err = qoe_spool_move(sp, l, fd, oldest);

    return err != 0 ? err : EINPROGRESS;
}


static bool
qoe_spool_oldest_in(qoe_spool_t *sp, int fd, DIR *dir,
    char oldest[QOE_SPOOL_NAME_LEN])
{
    int             err, f;
    uint64_t        id, best;
    struct dirent  *d;

    best = UINT64_MAX;

    while ((d = readdir(dir)) != NULL) {

        if (!qoe_spool_file_id(d->d_name, &id)) {
            continue;
        }

        err = qoe_spool_file_at(fd, d->d_name, &f);

        if (qoe_spool_stranger(err)) {
            qoe_spool_stranger_aside(sp, fd, d->d_name, id, err);
            continue;
        }

        if (err == 0) {
            close(f);
        }

        if (id < best) {
            best = id;
            snprintf(oldest, QOE_SPOOL_NAME_LEN, "%.*s",
                     QOE_SPOOL_NAME_LEN - 1, d->d_name);
        }
    }

    return best != UINT64_MAX;
}


static int
qoe_spool_move(qoe_spool_t *sp, qoe_spool_lane_t *l, int from,
    const char *name)
{
    int               err;
    uint64_t          id;
    qoe_spool_seg_t  *seg;

    (void) qoe_spool_file_id(name, &id);

    seg = qoe_spool_seg_new(l, id);
    if (seg == NULL) {
        return ENOMEM;
    }

    err = qoe_spool_move_counted(sp, seg, from, name);

    if (err != 0) {
        qoe_spool_seg_free(sp, seg);
        return err;
    }

    /* its writer may have died before it was durable */

    seg->finished = true;
    seg->waiting = true;
    seg->unsynced = true;
    seg->dirty_ms = qoe_max(qoe_mono_ms(), 1);

    l->dir_dirty = true;
    qoe_spool_lane_note(l);
    sp->next_ms = 0;

    qoe_log(sp->log, QOE_LOG_NOTICE, "spool: segment %016llx of a past "
            "instance moved to \"%s/%s/%s\", %llu events",
            (unsigned long long) seg->id, sp->path, sp->instance, sp->name,
            (unsigned long long) (seg->events - seg->done));

    return 0;
}


static int
qoe_spool_move_counted(qoe_spool_t *sp, qoe_spool_seg_t *seg, int from,
    const char *name)
{
    int       err, fd, i;
    char      to[QOE_SPOOL_NAME_LEN];
    uint64_t  waiting;

    err = qoe_spool_file_at(from, name, &fd);
    if (err != 0) {
        return err;
    }

    /* what cannot be read now is left to the backlog */

    (void) qoe_spool_seg_count(seg, fd);
    close(fd);

    waiting = seg->events - seg->done;

    qoe_spool_add(&seg->lane->part->moving, waiting);
    qoe_spool_add(&seg->lane->part->events, waiting);
    qoe_dest_recovered(sp->zone, sp->dest, seg->id, waiting);

    for (i = 0, err = EEXIST; i < QOE_SPOOL_ID_TRIES && err == EEXIST; i++) {

        qoe_spool_file_name(to, seg->id, "seg");
        err = qoe_spool_file_rename(from, name, seg->lane->dir_fd, to);
        seg->id += (err == EEXIST);
    }

    (void) qoe_failpoint("spool.adopt");

    if (err != 0) {
        qoe_spool_sub(&seg->lane->part->events, waiting);
    }

    qoe_spool_sub(&seg->lane->part->moving, waiting);

    return err;
}
