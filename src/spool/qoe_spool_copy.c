
/*
 * Copyright (C) OpenQoE
 *
 * Reads back the records of a segment whose fdatasync failed, and writes those
 * that are not done to another segment.
 */


#include "qoe_spool_priv.h"

#include <errno.h>


static qoe_status_t qoe_spool_copy_record(qoe_spool_t *sp,
    qoe_spool_seg_t *seg, qoe_segment_record_t *record, qoe_span_t payload);
static void qoe_spool_copy_lost(qoe_spool_t *sp, qoe_spool_seg_t *seg,
    const qoe_segment_record_t *record);
static void qoe_spool_copy_end(qoe_spool_t *sp, qoe_spool_seg_t *seg,
    qoe_dest_counter_t lost_as);
static qoe_spool_ref_t *qoe_spool_copy_ref(const qoe_spool_seg_t *seg,
    uint64_t offset);


qoe_status_t
qoe_spool_seg_copy(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    int                   err;
    qoe_buf_t             payload;
    qoe_status_t          rc;
    qoe_segment_reader_t  reader;
    qoe_segment_record_t  record;

    if (seg->copies) {
        return QOE_OK;
    }

    err = 0;

    if (seg->fd == -1) {
        err = qoe_spool_file_open(sp, seg, &seg->fd);

        if (err == ENOENT) {
            qoe_spool_copy_end(sp, seg, QOE_DEST_DROPPED_LOST);
            return QOE_OK;
        }
    }

    if (err != 0 || qoe_segment_open(&reader, seg->fd, seg->id) != QOE_OK) {
        qoe_spool_fail(sp, err ? err : errno, "read", sp->name);
        return QOE_ERROR;
    }

    /* where the last try stopped; no record begins after seg->offset */

    reader.offset = qoe_max(reader.offset, seg->copied);
    reader.end = qoe_min(reader.end, seg->offset);

    qoe_buf_init(&payload, &qoe_mem_heap, QOE_SEGMENT_PAYLOAD_MAX);

    do {
        rc = qoe_segment_next(&reader, &record, &payload);

        if (rc == QOE_ERROR) {
            qoe_spool_fail(sp, errno, "read", sp->name);

        } else if (rc == QOE_INVALID) {
            qoe_spool_copy_lost(sp, seg, &record);
            rc = QOE_OK;

        } else if (rc == QOE_OK && !record.done) {
            rc = qoe_spool_copy_record(sp, seg, &record,
                          (qoe_span_t) { payload.data, record.length });
        }

        if (rc == QOE_OK) {
            seg->copied = reader.offset;
        }

    } while (rc == QOE_OK || rc == QOE_AGAIN);

    qoe_buf_free(&payload);

    if (rc == QOE_DONE) {
        qoe_spool_copy_end(sp, seg, QOE_DEST_DROPPED_CORRUPT);
        return QOE_OK;
    }

    return rc;
}


static qoe_status_t
qoe_spool_copy_record(qoe_spool_t *sp, qoe_spool_seg_t *seg,
    qoe_segment_record_t *record, qoe_span_t payload)
{
    uint64_t           offset;
    qoe_status_t       rc;
    qoe_spool_ref_t   *ref;
    qoe_spool_lane_t  *l;

    l = seg->lane;
    rc = qoe_spool_seg_ready(sp, l, QOE_SEGMENT_RECORD + payload.len, true);
    if (rc != QOE_OK) {
        return rc;
    }

    offset = record->offset;

    if (qoe_spool_seg_write(sp, l, record, payload.data) != 0) {
        return QOE_ERROR;
    }

    qoe_spool_seg_done(seg, record->items);

    ref = qoe_spool_copy_ref(seg, offset);

    if (ref != NULL) {
        qoe_spool_ref_remove(ref);
        qoe_spool_ref_add(l->current, ref);
        ref->offset = record->offset;

    } else if (l->current->left_ms == 0) {
        l->current->left_ms = qoe_mono_ms();
    }

    return QOE_OK;
}


/*
 * A record that is still held is in its holder's memory, so it is lost only if
 * the holder leaves it, see qoe_spool_leave().
 */

static void
qoe_spool_copy_lost(qoe_spool_t *sp, qoe_spool_seg_t *seg,
    const qoe_segment_record_t *record)
{
    qoe_spool_ref_t  *ref;

    if (record->done) {
        return;
    }

    qoe_spool_seg_done(seg, record->items);

    ref = qoe_spool_copy_ref(seg, record->offset);

    if (ref != NULL) {
        qoe_spool_ref_remove(ref);

    } else {
        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_CORRUPT,
                       record->items);
    }
}


/* The rest is lost.  The file is deleted once the copies are durable. */

static void
qoe_spool_copy_end(qoe_spool_t *sp, qoe_spool_seg_t *seg,
    qoe_dest_counter_t lost_as)
{
    uint64_t          lost;
    qoe_spool_ref_t  *ref;

    while (seg->first != NULL) {
        ref = seg->first;
        qoe_spool_seg_done(seg, ref->items);
        qoe_spool_ref_remove(ref);
    }

    lost = (seg->events > seg->done) ? seg->events - seg->done : 0;

    if (lost != 0) {
        qoe_spool_seg_done(seg, lost);
        qoe_dest_count(sp->zone, sp->dest, lost_as, lost);
    }

    seg->copies = true;
}


static qoe_spool_ref_t *
qoe_spool_copy_ref(const qoe_spool_seg_t *seg, uint64_t offset)
{
    qoe_spool_ref_t  *ref;

    /* both are in the order of the file, so the first is the one, if any */

    for (ref = seg->first; ref != NULL; ref = ref->next) {
        if (ref->offset >= offset) {
            return ref->offset == offset ? ref : NULL;
        }
    }

    return NULL;
}
