
/*
 * Copyright (C) OpenQoE
 *
 * The spool as its users see it: appends, durability, and healing after I/O
 * failures.
 */


#include "qoe_spool_priv.h"
#include "qoe_failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


/*
 * Records that were left are read when their segment is finished.  A segment
 * that is always written to (openqoe_ack) is finished after this time, so that
 * they do not wait for long.
 */
#define QOE_SPOOL_LEFT_MS      5000

/* the most an exit spends on reading segments adopted just before */
#define QOE_SPOOL_LEAVE_MS     100


static qoe_status_t qoe_spool_heal(qoe_spool_t *sp);
static bool qoe_spool_finish_due(const qoe_spool_t *sp, uint64_t now_ms);
static uint64_t qoe_spool_current_due_ms(const qoe_spool_t *sp);


qoe_spool_t *
qoe_spool_create(const qoe_spool_conf_t *conf, qoe_zone_t *zone,
    uint32_t dest, qoe_span_t name, qoe_proc_t self, const qoe_log_t *log)
{
    uint8_t       id[16];
    qoe_spool_t  *sp;

    sp = calloc(1, sizeof(qoe_spool_t));
    if (sp == NULL) {
        return NULL;
    }

    sp->conf = *conf;
    sp->zone = zone;
    sp->log = log;
    sp->dest = dest;
    sp->self = self;
    sp->table = qoe_spool_table(zone, dest);

    sp->path = strndup(conf->dir.data, conf->dir.len);
    sp->name = strndup(name.data, name.len);

    if (sp->path == NULL || sp->name == NULL) {
        free(sp->path);
        free(sp->name);
        free(sp);
        return NULL;
    }

    sp->conf.dir = (qoe_span_t) { sp->path, conf->dir.len };
    qoe_zone_instance_id(zone, id);
    qoe_uuid_format(sp->instance, id);

    sp->base_fd = -1;
    sp->instance_fd = -1;
    sp->dir_fd = -1;
    sp->lock_fd = -1;
    sp->quarantine_fd = -1;
    sp->scan.fd = -1;
    sp->backlog.fd = -1;
    sp->next_ms = UINT64_MAX;
    sp->tokens = (int64_t) qoe_min(conf->replay_rate,
                                   (uint64_t) INT64_MAX);

    qoe_buf_init(&sp->backlog.payload, &qoe_mem_heap,
                 QOE_SEGMENT_PAYLOAD_MAX);

    return sp;
}


void
qoe_spool_destroy(qoe_spool_t *sp)
{
    uint64_t          until_ms;
    qoe_spool_seg_t  *seg, *next;

    /* segments of an unfinished scan stay ours while this process lives */

    until_ms = qoe_mono_ms() + QOE_SPOOL_LEAVE_MS;

    while (sp->scan.entry != NULL && qoe_mono_ms() < until_ms) {
        qoe_spool_scan(sp, qoe_mono_ms());
    }

    qoe_spool_scan_stop(sp);
    qoe_spool_backlog_stop(sp);
    qoe_spool_scan_give(sp);

    for (seg = sp->segs; seg != NULL; seg = seg->next) {
        while (seg->first != NULL) {
            qoe_spool_leave(sp, seg->first);
        }

        if (sp->dir_fd != -1) {
            qoe_spool_seg_finish(sp, seg);
        }
    }

    if (sp->segs != NULL) {

        /* the last chance for a segment whose fdatasync failed */

        (void) (sp->failing ? qoe_spool_heal(sp)
                            : qoe_spool_segs_sync(sp, true));

        for (seg = sp->segs; seg != NULL; seg = seg->next) {
            qoe_spool_seg_finish(sp, seg);
        }

        qoe_spool_segs_settle(sp);
    }

    /* what could not be synced or opened is read again by the next helper */

    for (seg = sp->segs; seg != NULL; seg = next) {
        next = seg->next;

        qoe_spool_entry_seal(seg->entry);

        if (seg->fd != -1) {
            close(seg->fd);
        }

        free(seg);
    }

    if (sp->lease) {
        qoe_spool_backlog_give(sp->zone, sp->dest, sp->self);
    }

    /* last, as it takes a while: no other helper may be left for it */

    sp->segs = NULL;

    if (!sp->failing) {
        (void) qoe_spool_others_sync(sp);
    }

    qoe_spool_dirs_close(sp);
    qoe_buf_free(&sp->backlog.payload);

    free(sp->path);
    free(sp->name);
    free(sp);
}


qoe_status_t
qoe_spool_append(qoe_spool_t *sp, qoe_signal_t signal, qoe_span_t payload,
    uint32_t items, uint64_t received_ns, qoe_spool_ref_t **ref)
{
    qoe_status_t          rc;
    qoe_spool_ref_t      *r;
    qoe_segment_record_t  record;

    if (payload.len > QOE_SEGMENT_PAYLOAD_MAX) {
        return QOE_TOO_LARGE;
    }

    if (sp->failing) {
        if (qoe_mono_ms() < sp->retry_ms) {
            return QOE_AGAIN;
        }

        rc = qoe_spool_heal(sp);
        if (rc != QOE_OK) {
            return rc;
        }
    }

    r = (ref != NULL) ? calloc(1, sizeof(qoe_spool_ref_t)) : NULL;
    if (ref != NULL && r == NULL) {
        return QOE_NOMEM;
    }

    rc = qoe_spool_seg_ready(sp, QOE_SEGMENT_RECORD + payload.len, false);

    memset(&record, 0, sizeof(qoe_segment_record_t));
    record.length = (uint32_t) payload.len;
    record.items = items;
    record.flags = (uint32_t) signal & QOE_SEGMENT_SIGNAL;
    record.received_ns = received_ns;

    if (rc == QOE_OK && qoe_spool_seg_write(sp, &record, payload.data) != 0) {
        rc = QOE_ERROR;
    }

    if (rc != QOE_OK) {
        free(r);
        return rc;
    }

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOLED, items);

    if (r != NULL) {
        r->offset = record.offset;
        r->items = items;
        qoe_spool_ref_add(sp->current, r);
        *ref = r;

    } else if (sp->current->left_ms == 0) {
        sp->current->left_ms = sp->current->used_ms;
    }

    return QOE_OK;
}


qoe_status_t
qoe_spool_sync(qoe_spool_t *sp)
{
    bool              pending;
    qoe_status_t      rc;
    qoe_spool_seg_t  *seg;

    pending = false;

    for (seg = sp->segs; seg != NULL; seg = seg->next) {
        pending |= seg->unsynced || seg->bad;
    }

    pending |= sp->dir_dirty || sp->left_ms != 0;

    if (!pending) {
        return QOE_OK;
    }

    if (sp->failing) {
        rc = (qoe_mono_ms() < sp->retry_ms) ? QOE_ERROR : qoe_spool_heal(sp);

    } else {
        rc = qoe_spool_segs_sync(sp, false);
    }

    return rc == QOE_OK ? qoe_spool_others_sync(sp) : rc;
}


void
qoe_spool_done(qoe_spool_t *sp, qoe_spool_ref_t *ref)
{
    int               err;
    qoe_spool_seg_t  *seg;

    seg = ref->seg;

    if (seg != NULL) {
        err = qoe_failpoint("spool.done");

        if (err == 0 && seg->fd != -1) {
            err = qoe_segment_done(seg->fd, ref->offset);
        }

        if (err != 0) {

            /* the request may be delivered twice, after a restart */

            qoe_spool_warn(sp, err, "mark a record as done in", sp->name);
        }

        if (seg->dirty_ms == 0) {
            seg->dirty_ms = qoe_mono_ms();
        }

        qoe_spool_seg_done(seg, ref->items);
        qoe_spool_ref_remove(ref);
    }

    free(ref);
}


void
qoe_spool_leave(qoe_spool_t *sp, qoe_spool_ref_t *ref)
{
    qoe_spool_seg_t  *seg;

    seg = ref->seg;

    if (seg != NULL) {
        qoe_spool_ref_remove(ref);

        if (seg->left_ms == 0) {
            seg->left_ms = qoe_mono_ms();
        }

    } else {

        /* it could not be read back from the file that failed */

        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_CORRUPT,
                       ref->items);
    }

    free(ref);
}


bool
qoe_spool_failing(const qoe_spool_t *sp)
{
    return sp->failing;
}


void
qoe_spool_run(qoe_spool_t *sp, uint64_t now_ms)
{
    bool              sync;
    qoe_spool_seg_t  *seg;

    if (sp->failing && now_ms >= sp->retry_ms) {
        (void) qoe_spool_heal(sp);
    }

    if (now_ms >= sp->next_ms) {

        /* due_ms announced it; the next call of qoe_spool_next() acts on it */

        sp->next_ms = UINT64_MAX;
    }

    if (now_ms >= sp->look_ms || now_ms >= sp->looked_ms + QOE_SPOOL_RETRY_MS) {
        qoe_spool_look(sp, now_ms);
    }

    if (sp->current != NULL && qoe_spool_finish_due(sp, now_ms)) {
        qoe_spool_seg_finish(sp, sp->current);
    }

    sync = false;

    for (seg = sp->segs; seg != NULL; seg = seg->next) {
        sync |= !seg->bad && seg->dirty_ms != 0
                && now_ms >= seg->dirty_ms + sp->conf.sync_ms;
    }

    qoe_spool_segs_settle(sp);

    if (sync && !sp->failing) {
        (void) qoe_spool_segs_sync(sp, true);
    }

    if (!sp->failing && sp->left_ms != 0
        && now_ms >= sp->left_ms + sp->conf.sync_ms)
    {
        (void) qoe_spool_others_sync(sp);
    }

    if (now_ms >= sp->look_ms) {

        /* a segment was finished just now */

        qoe_spool_look(sp, now_ms);
    }

    qoe_spool_scan(sp, now_ms);
}


uint64_t
qoe_spool_due_ms(const qoe_spool_t *sp)
{
    uint64_t                due;
    const qoe_spool_seg_t  *seg;

    due = qoe_min(sp->look_ms, sp->next_ms);

    if (sp->failing) {
        due = qoe_min(due, sp->retry_ms);
    }

    if (sp->scan.entry != NULL) {
        return 0;
    }

    if (sp->left_ms != 0) {
        due = qoe_min(due, sp->failing ? sp->retry_ms
                           : sp->left_ms + sp->conf.sync_ms);
    }

    for (seg = sp->segs; seg != NULL; seg = seg->next) {

        if (seg->bad) {
            continue;                        /* retry_ms covers it */
        }

        if (seg->finished && seg->first == NULL) {
            due = qoe_min(due, sp->failing ? sp->retry_ms : 0);
        }

        if (seg->dirty_ms != 0) {
            due = qoe_min(due, sp->failing ? sp->retry_ms
                               : seg->dirty_ms + sp->conf.sync_ms);
        }
    }

    return qoe_min(due, qoe_spool_current_due_ms(sp));
}


/* While too many segments wait, check once a second if they still do. */

static bool
qoe_spool_finish_due(const qoe_spool_t *sp, uint64_t now_ms)
{
    const qoe_spool_seg_t  *seg;

    seg = sp->current;

    if (now_ms < qoe_spool_current_due_ms(sp)) {
        return false;
    }

    return seg->done >= seg->events
           || qoe_spool_segments(sp, NULL) <= QOE_SPOOL_SEGMENTS;
}


static uint64_t
qoe_spool_current_due_ms(const qoe_spool_t *sp)
{
    uint64_t                due;
    const qoe_spool_seg_t  *seg;

    seg = sp->current;
    due = UINT64_MAX;

    if (seg == NULL) {
        return due;
    }

    if (seg->first == NULL) {
        due = seg->used_ms + QOE_SPOOL_IDLE_MS;
    }

    if (seg->left_ms != 0) {
        due = qoe_min(due, seg->left_ms + QOE_SPOOL_LEFT_MS);
    }

    return due;
}


/*
 * Writes again all that a failed file had, and then an empty record as a
 * trial.  The spool is well once all of it is synced.
 */

static qoe_status_t
qoe_spool_heal(qoe_spool_t *sp)
{
    qoe_status_t          rc;
    qoe_spool_seg_t      *seg;
    qoe_segment_record_t  nothing;

    rc = QOE_OK;

    for (seg = sp->segs; seg != NULL && rc == QOE_OK; seg = seg->next) {
        if (seg->bad) {
            rc = qoe_spool_seg_copy(sp, seg);
        }
    }

    if (rc == QOE_OK) {
        rc = qoe_spool_seg_ready(sp, QOE_SEGMENT_RECORD, true);
    }

    if (rc == QOE_OK) {
        memset(&nothing, 0, sizeof(qoe_segment_record_t));
        nothing.received_ns = qoe_unix_ns();
        nothing.done = true;

        rc = (qoe_spool_seg_write(sp, &nothing, NULL) == 0) ? QOE_OK
                                                            : QOE_ERROR;
    }

    if (rc == QOE_OK) {
        rc = qoe_spool_segs_sync(sp, true);
    }

    if (rc == QOE_OK) {
        qoe_spool_well(sp);

    } else if (sp->retry_ms <= qoe_mono_ms()) {

        /* without memory or a free entry nothing has set the time */

        sp->failing = true;
        sp->retry_ms = qoe_mono_ms() + QOE_SPOOL_RETRY_MS;
    }

    return rc;
}


void
qoe_spool_fail(qoe_spool_t *sp, int err, const char *what, const char *file)
{
    char  text[256];

    sp->failing = true;
    sp->retry_ms = qoe_mono_ms() + QOE_SPOOL_RETRY_MS;

    if (qoe_spool_dirs_given(sp, err)) {
        qoe_log_limited(sp->log, &sp->fail_limit, QOE_LOG_NOTICE, "spool: "
                        "\"%s/%s/%s\" was given to another user, the next "
                        "workers continue it", sp->path, sp->instance,
                        sp->name);
        return;
    }

    snprintf(text, sizeof(text), "cannot %s \"%.160s/%.36s/%.32s\" (%d: %s)",
             what, sp->path, sp->instance, file, err, strerror(err));

    qoe_log_limited(sp->log, &sp->fail_limit, QOE_LOG_ERR, "spool: %s", text);
    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOL_ERRORS, 1);
    qoe_spool_report(sp->zone, sp->dest, text);
}


void
qoe_spool_warn(qoe_spool_t *sp, int err, const char *what, const char *file)
{
    if (qoe_spool_dirs_given(sp, err)) {
        return;
    }

    qoe_log_limited(sp->log, &sp->fail_limit, QOE_LOG_WARN,
                    "spool: cannot %s \"%s/%s/%s\" (%d: %s)", what, sp->path,
                    sp->instance, file, err, strerror(err));

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOL_ERRORS, 1);
}


void
qoe_spool_well(qoe_spool_t *sp)
{
    sp->failing = false;
    qoe_spool_report(sp->zone, sp->dest, NULL);

    qoe_log(sp->log, QOE_LOG_NOTICE, "spool: \"%s/%s/%s\" works again",
            sp->path, sp->instance, sp->name);
}


bool
qoe_spool_drop_oldest(qoe_spool_t *sp)
{
    int                   err;
    bool                  adopted;
    uint64_t              id, best, events, done;
    qoe_segment_entry_t  *e, *oldest;

    oldest = NULL;
    best = UINT64_MAX;

    for (e = sp->table; e < sp->table + QOE_SEGMENTS_MAX; e++) {

        id = qoe_acquire(&e->id);

        if (qoe_acquire(&e->state) == QOE_SEGMENT_SEALED && id < best
            && (qoe_acquire(&e->owner) == 0
                || (e == sp->backlog.entry && !sp->backlog.doomed)))
        {
            oldest = e;
            best = id;
        }
    }

    if (oldest == NULL) {
        return false;
    }

    if (oldest != sp->backlog.entry
        && qoe_spool_entry_claim(oldest, sp->self, &adopted) != QOE_OK)
    {
        /* another helper dropped the segment, or began to read it */

        return true;
    }

    if (oldest != sp->backlog.entry && qoe_acquire(&oldest->id) != best) {
        qoe_spool_entry_seal(oldest);
        return true;
    }

    (void) qoe_failpoint("spool.unlink");

    err = qoe_spool_file_unlink(sp, best);

    if (err == EISDIR && oldest != sp->backlog.entry
        && qoe_spool_pass_over(sp, oldest, best, err))
    {
        return true;
    }

    if (err != 0 && err != ENOENT) {

        /* the file still exists: no room was made, and nothing is lost */

        qoe_spool_warn(sp, err, "delete a segment of", sp->name);

        if (oldest != sp->backlog.entry) {
            qoe_spool_entry_seal(oldest);
        }

        return false;
    }

    events = qoe_acquire(&oldest->events);
    done = qoe_min(qoe_acquire(&oldest->done), events);

    if (oldest == sp->backlog.entry) {
        qoe_spool_backlog_doom(sp);

    } else {
        qoe_dest_count(sp->zone, sp->dest, err == ENOENT
                       ? QOE_DEST_DROPPED_LOST : QOE_DEST_DROPPED_SPOOL,
                       events - done);
        qoe_spool_entry_free(oldest);
    }

    qoe_log_limited(sp->log, &sp->drop_limit, QOE_LOG_WARN, "spool: "
                    "\"%s/%s/%s\" is full, dropped the oldest segment, "
                    "%llu events", sp->path, sp->instance, sp->name,
                    (unsigned long long) (events - done));

    return true;
}
