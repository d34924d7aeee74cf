
/*
 * Copyright (C) OpenQoE
 *
 * Adopts the segments of dead processes of this instance, and of whole dead
 * instances.
 */


#include "qoe_spool_priv.h"
#include "qoe_failpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


static void qoe_spool_look_others(qoe_spool_t *sp);
static int qoe_spool_own_read(qoe_spool_t *sp);
static int qoe_spool_instances(qoe_spool_t *sp);
static int qoe_spool_instance(qoe_spool_t *sp, const char *name);
static int qoe_spool_move_all(qoe_spool_t *sp, int instance);
static int qoe_spool_move(qoe_spool_t *sp, int from, const char *name,
    uint64_t id);
static DIR *qoe_spool_list(int fd);


void
qoe_spool_look(qoe_spool_t *sp, uint64_t now_ms)
{
    int               err;
    qoe_spool_info_t  info;

    sp->looked_ms = now_ms;
    sp->look_ms = UINT64_MAX;

    err = qoe_spool_dirs_open(sp);

    if (err != 0) {
        if (!sp->failing) {
            qoe_spool_fail(sp, err, "open", sp->name);
        }

        sp->look_ms = now_ms + QOE_SPOOL_RETRY_MS;
        return;
    }

    qoe_spool_info(sp->zone, sp->dest, &info);

    if (info.failed_ms != 0 && !sp->failing) {

        /* noted by another helper, which may be dead by now */

        sp->failing = true;
        sp->retry_ms = qoe_max(info.failed_ms, now_ms) + QOE_SPOOL_RETRY_MS;
    }

    if (info.segments != 0 || !sp->own_read
        || (sp->foreign && now_ms >= sp->foreign_ms))
    {
        (void) qoe_spool_lease(sp);
    }

    if (sp->lease && (!sp->own_read
                      || (sp->foreign && now_ms >= sp->foreign_ms)))
    {
        sp->foreign_ms = now_ms + QOE_SPOOL_LOOK_MS;
        qoe_spool_look_others(sp);
    }

    if (sp->scan.entry == NULL) {
        (void) qoe_spool_orphan(sp);
    }

    if (qoe_spool_segments(sp, NULL) != 0) {
        sp->look_ms = now_ms + QOE_SPOOL_LOOK_MS;

    } else {

        /* a helper that finishes a segment is awake, and reads the backlog */

        qoe_spool_lease_give(sp);

        if (sp->foreign) {
            sp->look_ms = sp->foreign_ms;
        }
    }
}


static void
qoe_spool_look_others(qoe_spool_t *sp)
{
    int  err;

    err = sp->own_read ? 0 : qoe_spool_own_read(sp);

    if (err == 0) {
        sp->own_read = true;
        err = qoe_spool_instances(sp);
    }

    if (err != 0) {
        sp->foreign = true;

        /* a segment without a place in the table waits in its file */

        if (err != ENOSPC) {
            qoe_spool_warn(sp, err, "adopt into", sp->name);
        }
    }
}


/*
 * Enters files that the table does not have: their writers died, and so did
 * all processes that knew of them.
 */

static int
qoe_spool_own_read(qoe_spool_t *sp)
{
    int                   err, rc, fd;
    DIR                  *dir;
    uint64_t              id;
    struct dirent        *d;
    qoe_segment_entry_t  *e, *end;

    dir = qoe_spool_list(sp->dir_fd);
    if (dir == NULL) {
        return errno;
    }

    err = 0;
    end = sp->table + QOE_SEGMENTS_MAX;

    while ((d = readdir(dir)) != NULL) {

        if (!qoe_spool_file_id(d->d_name, &id)) {
            continue;
        }

        for (e = sp->table; e < end; e++) {
            if (qoe_acquire(&e->id) == id
                && qoe_acquire(&e->state) != QOE_SEGMENT_FREE)
            {
                break;
            }
        }

        if (e < end) {
            continue;
        }

        rc = qoe_spool_file_at(sp->dir_fd, d->d_name, &fd);

        if (qoe_spool_stranger(rc)) {
            qoe_spool_stranger_aside(sp, sp->dir_fd, d->d_name, id, rc);
            continue;
        }

        if (rc == 0) {
            close(fd);
        }

        e = qoe_spool_entry_new(sp->zone, sp->dest, sp->self);

        if (e == NULL) {
            err = ENOSPC;
            break;
        }

        qoe_publish(&e->reserved, QOE_SPOOL_FOREIGN);
        qoe_publish(&e->id, id);
    }

    closedir(dir);

    return err;
}


static int
qoe_spool_instances(qoe_spool_t *sp)
{
    int             err, rc, why;
    DIR            *dir;
    char            name[QOE_UUID_TEXT_LEN + 1];
    uint8_t         id[16];
    uint64_t        strangers;
    struct dirent  *d;

    dir = qoe_spool_list(sp->base_fd);
    if (dir == NULL) {
        return errno;
    }

    err = 0;
    why = 0;
    strangers = 0;
    name[0] = '\0';
    sp->foreign = false;

    while ((d = readdir(dir)) != NULL) {

        if (strlen(d->d_name) != QOE_UUID_TEXT_LEN
            || strcmp(d->d_name, sp->instance) == 0
            || qoe_uuid_parse(id, qoe_span_str(d->d_name)) != QOE_OK)
        {
            continue;
        }

        rc = qoe_spool_instance(sp, d->d_name);

        if (rc == EWOULDBLOCK) {
            sp->foreign = true;

        } else if (rc == ENOTDIR || rc == EACCES || qoe_spool_stranger(rc)) {
            sp->foreign = true;
            strangers++;
            why = rc;
            memcpy(name, d->d_name, sizeof(name));

        } else if (rc != 0 && rc != ENOENT && rc != ESTALE) {
            err = rc;
        }
    }

    closedir(dir);
    qoe_spool_strangers_told(sp, name, why, strangers);

    return err;
}


/* EWOULDBLOCK: the instance is alive. */

static int
qoe_spool_instance(qoe_spool_t *sp, const char *name)
{
    int             err, fd, lock;
    DIR            *dir;
    bool            empty;
    struct dirent  *d;

    fd = openat(sp->base_fd, name,
                O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (fd == -1) {
        return errno;
    }

    err = qoe_spool_dir_lock(fd, true, &lock);
    if (err != 0) {
        close(fd);
        return err;
    }

    err = qoe_spool_move_all(sp, fd);

    if (err == 0) {

        /* directories of other exporters stay, for helpers with those */

        dir = qoe_spool_list(fd);
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

    close(lock);
    close(fd);

    return err;
}


static int
qoe_spool_move_all(qoe_spool_t *sp, int instance)
{
    int             err, fd, rc, f;
    DIR            *dir;
    uint64_t        id;
    unsigned        moved;
    struct dirent  *d;

    fd = openat(instance, sp->name,
                O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (fd == -1) {
        return errno == ENOENT ? 0 : errno;
    }

    dir = qoe_spool_list(fd);
    err = (dir == NULL) ? errno : 0;
    moved = 0;

    if (err == 0) {

        /* make the target directory durable before files move there */

        err = qoe_spool_dirs_sync(sp);
    }

    while (err == 0 && (d = readdir(dir)) != NULL) {

        if (!qoe_spool_file_id(d->d_name, &id)) {
            continue;
        }

        rc = qoe_spool_file_at(fd, d->d_name, &f);

        if (qoe_spool_stranger(rc)) {
            qoe_spool_stranger_aside(sp, fd, d->d_name, id, rc);
            continue;
        }

        if (rc == 0) {
            close(f);
        }

        err = qoe_spool_move(sp, fd, d->d_name, id);
        moved += (err == 0);

        if (err == 0) {
            (void) qoe_failpoint("spool.adopt");
        }
    }

    if (dir != NULL) {
        closedir(dir);
    }

    close(fd);

    if (moved != 0) {
        qoe_log(sp->log, QOE_LOG_NOTICE, "spool: %u segments of a past "
                "instance moved to \"%s/%s/%s\"", moved, sp->path,
                sp->instance, sp->name);

        /* make the new names durable before the old directory is removed */

        if (fsync(sp->dir_fd) == -1 && err == 0) {
            err = errno;
        }

        /* the writers may have died before they synced the contents */

        qoe_spool_sync_left(sp);
    }

    if (err == 0) {

        /* fails, as it should, if anything but segments is in it */

        (void) unlinkat(instance, sp->name, AT_REMOVEDIR);
    }

    return err;
}


static int
qoe_spool_move(qoe_spool_t *sp, int from, const char *name, uint64_t id)
{
    int                   i, err;
    char                  to[QOE_SPOOL_NAME_LEN];
    qoe_segment_entry_t  *e;

    e = qoe_spool_entry_new(sp->zone, sp->dest, sp->self);
    if (e == NULL) {
        return ENOSPC;
    }

    qoe_publish(&e->reserved, QOE_SPOOL_FOREIGN);
    err = EEXIST;

    for (i = 0; i < QOE_SPOOL_ID_TRIES; i++, id++) {

        qoe_publish(&e->id, id);
        qoe_spool_file_name(to, id, "seg");

        err = qoe_spool_file_rename(from, name, sp->dir_fd, to);

        if (err != EEXIST) {
            break;
        }
    }

    if (err != 0) {
        qoe_spool_entry_free(e);
    }

    return err == ENOENT ? 0 : err;
}


/* Needs a descriptor of its own: duplicates share the position. */

static DIR *
qoe_spool_list(int fd)
{
    int   own;
    DIR  *dir;

    own = openat(fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (own == -1) {
        return NULL;
    }

    dir = fdopendir(own);
    if (dir == NULL) {
        close(own);
    }

    return dir;
}
