
/*
 * Copyright (C) OpenQoE
 *
 * The spool as its users see it: appends, durability, and healing after I/O
 * failures.
 */


#include "qoe_spool_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>


/*
 * Records that were left are read when their segment is finished.  A segment
 * that is always written to (openqoe_ack) is finished after this time, so that
 * they do not wait for long.
 */
#define QOE_SPOOL_LEFT_MS      5000


static qoe_status_t qoe_spool_lane_heal(qoe_spool_t *sp,
    qoe_spool_lane_t *l);
static bool qoe_spool_finish_due(const qoe_spool_lane_t *l, uint64_t now_ms);
static void qoe_spool_look(qoe_spool_t *sp, uint64_t now_ms);
static int qoe_spool_look_others(qoe_spool_t *sp, qoe_spool_lane_t *l,
    uint64_t now_ms);
static bool qoe_spool_sync_due(const qoe_spool_t *sp, uint64_t now_ms);
static uint64_t qoe_spool_lane_due_ms(const qoe_spool_t *sp,
    const qoe_spool_lane_t *l);
static uint64_t qoe_spool_current_due_ms(const qoe_spool_seg_t *seg);


qoe_spool_t *
qoe_spool_create(const qoe_spool_conf_t *conf, qoe_zone_t *zone,
    uint32_t dest, qoe_span_t name, const qoe_log_t *log)
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
    sp->name_fd = -1;
    sp->lock_fd = -1;
    sp->quarantine_fd = -1;
    sp->backlog.fd = -1;
    sp->next_ms = UINT64_MAX;

    qoe_buf_init(&sp->backlog.payload, &qoe_mem_heap,
                 QOE_SEGMENT_PAYLOAD_MAX);

    return sp;
}


void
qoe_spool_destroy(qoe_spool_t *sp)
{
    while (sp->lanes != NULL) {
        qoe_spool_give(sp, sp->lanes->lane);
    }

    qoe_spool_dirs_close(sp);
    qoe_buf_free(&sp->backlog.payload);

    free(sp->path);
    free(sp->name);
    free(sp);
}


qoe_status_t
qoe_spool_append(qoe_spool_t *sp, uint32_t lane, qoe_signal_t signal,
    qoe_span_t payload, uint32_t items, uint64_t received_ns,
    qoe_spool_ref_t **ref)
{
    qoe_status_t          rc;
    qoe_spool_ref_t      *r;
    qoe_spool_lane_t     *l;
    qoe_segment_record_t  record;

    l = qoe_spool_lane(sp, lane);

    if (payload.len > QOE_SEGMENT_PAYLOAD_MAX) {
        return QOE_TOO_LARGE;
    }

    if (l == NULL) {
        return QOE_AGAIN;
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

    rc = qoe_spool_seg_ready(sp, l, QOE_SEGMENT_RECORD + payload.len, false);

    memset(&record, 0, sizeof(qoe_segment_record_t));
    record.length = (uint32_t) payload.len;
    record.items = items;
    record.flags = (uint32_t) signal & QOE_SEGMENT_SIGNAL;
    record.received_ns = received_ns;

    if (rc == QOE_OK
        && qoe_spool_seg_write(sp, l, &record, payload.data) != 0)
    {
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
        qoe_spool_ref_add(l->current, r);
        *ref = r;

    } else if (l->current->left_ms == 0) {
        l->current->left_ms = l->current->used_ms;
    }

    return QOE_OK;
}


qoe_status_t
qoe_spool_sync(qoe_spool_t *sp)
{
    bool               pending;
    qoe_spool_seg_t   *seg;
    qoe_spool_lane_t  *l;

    pending = false;

    for (l = sp->lanes; l != NULL; l = l->next) {

        pending |= l->dir_dirty || !l->listed;

        for (seg = l->segs; seg != NULL; seg = seg->next) {
            pending |= seg->unsynced || seg->bad;
        }
    }

    if (!pending) {
        return QOE_OK;
    }

    if (sp->failing) {
        return qoe_mono_ms() < sp->retry_ms ? QOE_ERROR : qoe_spool_heal(sp);
    }

    for (l = sp->lanes; l != NULL; l = l->next) {

        /* its last owner may have left records in it that are not durable */

        if (!l->listed && qoe_spool_lane_list(sp, l) != 0) {
            return QOE_ERROR;
        }
    }

    return qoe_spool_segs_sync(sp, false);
}


void
qoe_spool_done(qoe_spool_t *sp, qoe_spool_ref_t *ref)
{
    int               err, marked;
    qoe_spool_seg_t  *seg;

    seg = ref->seg;

    if (seg != NULL) {

        /* a failed sync has closed it, and it could not be opened again */

        err = (seg->fd == -1) ? qoe_spool_file_open(sp, seg, &seg->fd) : 0;
        marked = qoe_spool_seg_mark(seg, seg->fd, ref->offset, ref->items);
        err = (err == 0) ? marked : err;

        if (err != 0 && err != ENOENT) {

            /* the request may be delivered twice, after a restart */

            qoe_spool_warn(sp, err, "mark a record as done in", sp->name);
        }

        if (seg->dirty_ms == 0) {
            seg->dirty_ms = qoe_mono_ms();
        }

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
    bool               sync;
    qoe_spool_lane_t  *l;

    if (sp->lanes == NULL) {
        return;
    }

    if (sp->failing && now_ms >= sp->retry_ms) {
        (void) qoe_spool_heal(sp);
    }

    if (now_ms >= sp->next_ms) {

        /* due_ms announced it; the next call of qoe_spool_next() acts on it */

        sp->next_ms = UINT64_MAX;
    }

    if (now_ms >= sp->look_ms) {
        qoe_spool_look(sp, now_ms);
    }

    for (l = sp->lanes; l != NULL; l = l->next) {
        if (l->current != NULL && qoe_spool_finish_due(l, now_ms)) {
            qoe_spool_seg_finish(sp, l->current);
        }
    }

    sync = qoe_spool_sync_due(sp, now_ms);

    qoe_spool_segs_settle(sp);

    if (sync && !sp->failing) {
        (void) qoe_spool_segs_sync(sp, true);
    }

    qoe_spool_drop_asked(sp);
}


static void
qoe_spool_look(qoe_spool_t *sp, uint64_t now_ms)
{
    int                err;
    uint64_t           failed_ms;
    qoe_spool_lane_t  *l;

    sp->look_ms = UINT64_MAX;

    failed_ms = qoe_spool_failed_ms(sp->zone, sp->dest);

    if (failed_ms != 0 && !sp->failing) {

        /* noted by another helper, which may be dead by now */

        sp->failing = true;
        sp->retry_ms = qoe_max(failed_ms, now_ms) + QOE_SPOOL_RETRY_MS;
    }

    for (l = sp->lanes; l != NULL; l = l->next) {

        err = l->listed ? 0 : qoe_spool_lane_list(sp, l);

        if (err == 0 && l->lane == 0 && now_ms >= sp->foreign_ms) {
            err = qoe_spool_look_others(sp, l, now_ms);
        }

        if (err != 0) {
            sp->look_ms = now_ms + QOE_SPOOL_RETRY_MS;
        }

        if (err != 0 && !sp->failing) {
            qoe_spool_fail(sp, err, "open", sp->name);
        }

        if (l->lane == 0) {
            sp->look_ms = qoe_min(sp->look_ms, sp->foreign_ms);
        }
    }
}


/* Adopts what dead instances have left, for a short time. */

static int
qoe_spool_look_others(qoe_spool_t *sp, qoe_spool_lane_t *l, uint64_t now_ms)
{
    int       err;
    uint64_t  until_ms;

    until_ms = qoe_mono_ms() + QOE_SPOOL_ADOPT_MS;

    do {
        err = qoe_spool_adopt(sp, l);

    } while (err == EINPROGRESS && qoe_mono_ms() < until_ms);

    switch (err) {

    case 0:
        sp->foreign_ms = UINT64_MAX;
        return 0;

    case EINPROGRESS:
        sp->foreign_ms = now_ms;
        return 0;

    default:
        sp->foreign_ms = now_ms + QOE_SPOOL_LOOK_MS;
        return err == EAGAIN ? 0 : err;
    }
}


static bool
qoe_spool_sync_due(const qoe_spool_t *sp, uint64_t now_ms)
{
    const qoe_spool_seg_t   *seg;
    const qoe_spool_lane_t  *l;

    for (l = sp->lanes; l != NULL; l = l->next) {
        for (seg = l->segs; seg != NULL; seg = seg->next) {
            if (!seg->bad && seg->dirty_ms != 0
                && now_ms >= seg->dirty_ms + sp->conf.sync_ms)
            {
                return true;
            }
        }
    }

    return false;
}


uint64_t
qoe_spool_due_ms(const qoe_spool_t *sp)
{
    uint64_t                 due;
    const qoe_spool_lane_t  *l;

    if (sp->lanes == NULL) {
        return UINT64_MAX;
    }

    due = qoe_min(sp->look_ms, sp->next_ms);

    if (sp->failing) {
        due = qoe_min(due, sp->retry_ms);
    }

    for (l = sp->lanes; l != NULL; l = l->next) {
        due = qoe_min(due, qoe_spool_lane_due_ms(sp, l));
    }

    return due;
}


static uint64_t
qoe_spool_lane_due_ms(const qoe_spool_t *sp, const qoe_spool_lane_t *l)
{
    uint64_t                due;
    const qoe_spool_seg_t  *seg;

    due = qoe_acquire(&l->part->drop) != 0 ? 0 : UINT64_MAX;

    for (seg = l->segs; seg != NULL; seg = seg->next) {

        if (seg->bad) {
            continue;                        /* retry_ms covers it */
        }

        if (seg->finished && seg->first == NULL && !seg->waiting) {
            due = qoe_min(due, sp->failing ? sp->retry_ms : 0);
        }

        if (seg->dirty_ms != 0) {
            due = qoe_min(due, sp->failing ? sp->retry_ms
                               : seg->dirty_ms + sp->conf.sync_ms);
        }
    }

    return qoe_min(due, qoe_spool_current_due_ms(l->current));
}


/* While too many segments wait, check once a second if they still do. */

static bool
qoe_spool_finish_due(const qoe_spool_lane_t *l, uint64_t now_ms)
{
    return now_ms >= qoe_spool_current_due_ms(l->current)
           && (l->current->done >= l->current->events
               || qoe_acquire(&l->part->segments) <= QOE_SPOOL_SEGMENTS);
}


static uint64_t
qoe_spool_current_due_ms(const qoe_spool_seg_t *seg)
{
    uint64_t  due;

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

qoe_status_t
qoe_spool_heal(qoe_spool_t *sp)
{
    qoe_status_t       rc;
    qoe_spool_lane_t  *l;

    rc = QOE_OK;

    for (l = sp->lanes; l != NULL && rc == QOE_OK; l = l->next) {
        rc = qoe_spool_lane_heal(sp, l);
    }

    if (rc == QOE_OK) {
        rc = qoe_spool_segs_sync(sp, true);
    }

    if (rc == QOE_OK) {
        sp->failing = false;
        qoe_spool_report(sp->zone, sp->dest, NULL);

        qoe_log(sp->log, QOE_LOG_NOTICE, "spool: \"%s/%s/%s\" works again",
                sp->path, sp->instance, sp->name);

    } else if (sp->retry_ms <= qoe_mono_ms()) {

        /* without memory nothing has set the time */

        sp->failing = true;
        sp->retry_ms = qoe_mono_ms() + QOE_SPOOL_RETRY_MS;
    }

    return rc;
}


static qoe_status_t
qoe_spool_lane_heal(qoe_spool_t *sp, qoe_spool_lane_t *l)
{
    qoe_status_t          rc;
    qoe_spool_seg_t      *seg;
    qoe_segment_record_t  nothing;

    rc = QOE_OK;

    for (seg = l->segs; seg != NULL && rc == QOE_OK; seg = seg->next) {
        if (seg->bad) {
            rc = qoe_spool_seg_copy(sp, seg);
        }
    }

    if (rc == QOE_OK) {
        rc = qoe_spool_seg_ready(sp, l, QOE_SEGMENT_RECORD, true);
    }

    if (rc != QOE_OK) {
        return rc;
    }

    memset(&nothing, 0, sizeof(qoe_segment_record_t));
    nothing.received_ns = qoe_unix_ns();
    nothing.done = true;

    return qoe_spool_seg_write(sp, l, &nothing, NULL) == 0 ? QOE_OK
                                                           : QOE_ERROR;
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

    qoe_log_limited(sp->log, &sp->warn_limit, QOE_LOG_WARN,
                    "spool: cannot %s \"%s/%s/%s\" (%d: %s)", what, sp->path,
                    sp->instance, file, err, strerror(err));

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOL_ERRORS, 1);
}
