
/*
 * Copyright (C) OpenQoE
 *
 * Sends the records of a spool to an endpoint.
 */


#define _GNU_SOURCE

#include "openqoe_spool_replay.h"

#include <inttypes.h>
#include <stdio.h>


#define REPLAY_PROGRESS_MS 1000


static void replay_warn(const spool_list_t *list);
static void replay_run(replay_t *r);
static bool replay_stopped(const replay_t *r, uint64_t now);
static bool replay_fill(replay_t *r);
static bool replay_read(replay_t *r, replay_slot_t *slot);
static bool replay_take(replay_t *r, replay_slot_t *slot, qoe_status_t rc);
static void replay_segment_end(replay_t *r);
static void replay_progress(replay_t *r, uint64_t now);
static void replay_unsent(replay_t *r);


int
spool_replay(const spool_list_t *list, const spool_options_t *opt)
{
    replay_t  r;

    memset(&r, 0, sizeof(replay_t));
    r.list = list;
    r.opt = opt;

    replay_warn(list);

    if (replay_init(&r)) {
        replay_run(&r);
        replay_unsent(&r);

        printf("sent=%" PRIu64 " rejected=%" PRIu64 " refused=%" PRIu64
               " damaged=%" PRIu64 " unsent=%" PRIu64 " requests=%" PRIu64
               " bytes=%" PRIu64 "\n", r.n.sent, r.n.rejected, r.n.refused,
               r.n.damaged, r.n.unsent, r.n.requests, r.n.bytes);

        r.bad |= (r.n.rejected + r.n.refused + r.n.damaged + r.n.unsent != 0);

    } else {
        r.failed = true;
    }

    replay_free(&r);

    return r.failed ? SPOOL_EXIT_ERROR
                    : r.bad ? SPOOL_EXIT_BAD : SPOOL_EXIT_OK;
}


/* Warns if several exporters are selected: they have the same events. */

static void
replay_warn(const spool_list_t *list)
{
    size_t      i;
    qoe_span_t  one, other;

    if (list->left_out != 0) {
        fprintf(stderr, "%zu segments of the quarantine are left out\n",
                list->left_out);
    }

    for (i = 1; i < list->n; i++) {
        one = spool_exporter(list->file[0].path);
        other = spool_exporter(list->file[i].path);

        if (!qoe_span_eq(one, other)) {
            fprintf(stderr, "the spools of several exporters (%.*s, %.*s) may "
                    "have the same events, --exporter chooses one\n",
                    (int) one.len, one.data, (int) other.len, other.data);
            return;
        }
    }
}


static void
replay_run(replay_t *r)
{
    bool      more;
    uint64_t  now;

    r->started_ms = qoe_mono_ms();
    r->earned_ms = r->started_ms;
    r->progress_ms = r->started_ms + REPLAY_PROGRESS_MS;

    for ( ;; ) {
        now = qoe_mono_ms();

        if (replay_stopped(r, now)) {
            return;
        }

        more = replay_fill(r);
        replay_send(r, now);

        if (!more) {
            return;
        }

        replay_progress(r, now);
        qoe_net_wait(r->net, NULL, 0, replay_timeout(r, now));
    }
}


static bool
replay_stopped(const replay_t *r, uint64_t now)
{
    if (replay_interrupted) {
        spool_error("interrupted");
        return true;
    }

    if (r->opt->max_time_ms != 0
        && now - r->started_ms >= r->opt->max_time_ms)
    {
        spool_error("not finished in time%s%s", r->error[0] ? ": " : "",
                    r->error);
        return true;
    }

    return false;
}


/* Fills the free slots.  false: nothing is left to send. */

static bool
replay_fill(replay_t *r)
{
    bool    more;
    size_t  i;

    more = false;

    for (i = 0; i < REPLAY_WINDOW; i++) {
        if (r->slot[i].state != REPLAY_FREE || replay_read(r, &r->slot[i])) {
            more = true;
        }
    }

    return more;
}


/* Reads the next selected record.  false: there is none. */

static bool
replay_read(replay_t *r, replay_slot_t *slot)
{
    qoe_status_t  rc;

    for ( ;; ) {

        if (!r->open) {
            if (r->next == r->list->n) {
                return false;
            }

            r->open = spool_open(&r->segment, &r->list->file[r->next++]);
            r->failed |= r->segment.failed;
            continue;
        }

        rc = spool_next(&r->segment, &slot->record, &slot->payload);

        if (rc == QOE_DONE) {
            replay_segment_end(r);

        } else if (spool_wanted(r->opt, &slot->record)
                   && replay_take(r, slot, rc))
        {
            return true;
        }
    }
}


static bool
replay_take(replay_t *r, replay_slot_t *slot, qoe_status_t rc)
{
    uint64_t  items;

    slot->file = r->segment.file;

    if (rc == QOE_INVALID) {
        r->n.damaged += slot->record.items;
        r->bad = true;
        return false;
    }

    if (r->opt->protocol == QOE_PROTOCOL_HTTP_JSON) {
        rc = spool_json(&slot->json, &slot->record,
                        (qoe_span_t) { slot->payload.data,
                                       slot->payload.len });

    } else if (spool_signal(&slot->record) == QOE_SIGNALS
               || slot->payload.len == 0
               || qoe_otlp_items(spool_signal(&slot->record),
                                 (qoe_span_t) { slot->payload.data,
                                                slot->payload.len }, &items)
                  != QOE_OK)
    {
        rc = QOE_INVALID;
    }

    if (rc != QOE_OK) {
        replay_refused(slot, rc == QOE_NOMEM ? "no memory"
                                             : "not an OTLP request");
        return false;
    }

    slot->state = REPLAY_READY;

    return true;
}


static void
replay_segment_end(replay_t *r)
{
    if (spool_is_damaged(&r->segment)) {
        spool_error("\"%s\" is damaged, see openqoe-spool verify",
                    r->segment.file->path);
        r->bad = true;
    }

    r->failed |= r->segment.failed;
    spool_close(&r->segment);
    r->open = false;
}


static void
replay_progress(replay_t *r, uint64_t now)
{
    if (now < r->progress_ms) {
        return;
    }

    r->progress_ms = now + REPLAY_PROGRESS_MS;

    fprintf(stderr, "segment %zu of %zu, sent %" PRIu64 ", rejected %" PRIu64
            ", refused %" PRIu64 ", damaged %" PRIu64 "%s%s\n", r->next,
            r->list->n, r->n.sent, r->n.rejected, r->n.refused, r->n.damaged,
            r->error[0] ? "; trying again: " : "", r->error);
}


/* Counts what was not sent because the replay stopped before it. */

static void
replay_unsent(replay_t *r)
{
    size_t                i;
    qoe_segment_record_t  record;

    for (i = 0; i < REPLAY_WINDOW; i++) {
        if (r->slot[i].state != REPLAY_FREE) {
            r->n.unsent += r->slot[i].record.items;
            r->bad = true;
        }
    }

    for ( ;; ) {

        if (!r->open) {
            if (r->next == r->list->n) {
                return;
            }

            r->open = spool_open(&r->segment, &r->list->file[r->next++]);
            r->failed |= r->segment.failed;
            continue;
        }

        if (spool_next(&r->segment, &record, NULL) == QOE_DONE) {
            replay_segment_end(r);

        } else if (spool_wanted(r->opt, &record)) {
            r->n.unsent += record.items;
            r->bad = true;
        }
    }
}
