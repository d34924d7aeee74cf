
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_exporter.h"
#include "qoe_failpoint.h"
#include "qoe_outcome.h"

#include <stdio.h>
#include <stdlib.h>


#define QOE_EXPORTER_SCRATCH      (64 * 1024)
#define QOE_EXPORTER_SCRATCH_MAX  (64 * 1024 * 1024)

/*
 * The most bytes of a batch in protobuf.  JSON may be six times as long (if
 * the text is all control characters), and must fit in a request.
 */
#define QOE_EXPORTER_PAYLOAD      (2 * 1024 * 1024)
#define QOE_EXPORTER_PAYLOAD_JSON (640 * 1024)


static qoe_status_t qoe_exporter_points(qoe_exporter_t *e);
static void qoe_exporter_feed_env(qoe_exporter_t *e);
static void qoe_exporter_done(void *data, const qoe_outcome_t *o);
static bool qoe_exporter_blamed(qoe_exporter_t *e, qoe_export_batch_t *b);
static void qoe_exporter_taken(qoe_exporter_t *e, qoe_export_batch_t *b,
    const qoe_outcome_t *o);
static void qoe_exporter_refused(qoe_exporter_t *e, qoe_export_batch_t *b,
    const qoe_outcome_t *o);


qoe_status_t
qoe_exporter_create(qoe_exporter_t *e, qoe_exporter_env_t *env, size_t index,
    const qoe_exporter_conf_t *conf, qoe_stream_id_t stream,
    const qoe_exporter_t *first)
{
    size_t        i;
    qoe_status_t  rc;

    memset(e, 0, sizeof(qoe_exporter_t));

    e->env = env;
    e->index = index;
    e->first = (first == NULL);
    e->conf = *conf;
    memset(&e->conf.transport, 0, sizeof(e->conf.transport));

    e->stream = (stream != QOE_STREAMS) ? &qoe_streams[stream] : NULL;
    e->dest = (e->stream != NULL) ? conf->dest[stream] : conf->metrics_dest;

    snprintf(e->name, sizeof(e->name), "%.*s%s", (int) conf->name.len,
             conf->name.data, e->stream != NULL ? e->stream->suffix : "");

    qoe_retry_init(&e->retry);
    qoe_arena_init(&e->feed.scratch, &qoe_mem_heap, QOE_EXPORTER_SCRATCH,
                   QOE_EXPORTER_SCRATCH_MAX);

    for (i = 0; i < QOE_EXPORTER_WINDOW + 1; i++) {
        e->ship[i].exporter = e;
        qoe_buf_init(&e->ship[i].text, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);
    }

    if (first != NULL) {
        e->transport = first->transport;

    } else {
        rc = qoe_transport_create(&e->transport, env->net, &conf->transport,
                                  env->log);
        if (rc != QOE_OK) {
            return rc;
        }
    }

    qoe_exporter_feed_env(e);
    qoe_exporter_open_spool(e);

    if (e->stream != NULL && conf->spool.dir.len != 0 && e->spool == NULL) {
        return QOE_NOMEM;
    }

    if (!e->first || conf->transport.url[QOE_SIGNAL_METRICS].len == 0) {
        return QOE_OK;
    }

    return qoe_exporter_points(e);
}


static qoe_status_t
qoe_exporter_points(qoe_exporter_t *e)
{
    qoe_points_env_t  points;

    points = (qoe_points_env_t) { e->env->self, &e->conf.identity,
                                  e->transport, e->conf.name };
    e->points = qoe_points_create(&points);

    if (e->points == NULL) {
        return QOE_NOMEM;
    }

    /* an exporter that gets records too reports its health by those alone */

    if (e->stream == NULL) {
        qoe_points_health(e->points, e->dest);
    }

    return QOE_OK;
}


static void
qoe_exporter_feed_env(qoe_exporter_t *e)
{
    bool  json;

    json = qoe_transport_encoding(e->transport) == QOE_ENCODING_JSON;

    e->feed.zone = e->env->zone;
    e->feed.stream = e->stream;
    e->feed.dest = e->dest;
    e->feed.batch_size = e->conf.batch_size;
    e->feed.interval_ms = e->conf.interval_ms;
    e->feed.payload_max = json ? QOE_EXPORTER_PAYLOAD_JSON
                               : QOE_EXPORTER_PAYLOAD;
    e->feed.identity = &e->conf.identity;
    e->feed.log = e->env->log;
}


void
qoe_exporter_abort(qoe_exporter_t *e)
{
    size_t  i;

    if (e->first) {
        qoe_transport_destroy(e->transport);
    }

    e->transport = NULL;
    e->sending = 0;
    e->item_sent = false;

    for (i = 0; i < QOE_EXPORTER_WINDOW + 1; i++) {
        e->ship[i].busy = false;
        qoe_buf_free(&e->ship[i].text);
    }
}


void
qoe_exporter_destroy(qoe_exporter_t *e)
{
    qoe_exporter_abort(e);

    if (e->points != NULL) {
        qoe_points_destroy(e->points);
        e->points = NULL;
    }

    qoe_exporter_close_spool(e);
    qoe_feed_env_free(&e->feed);
    qoe_arena_free(&e->feed.scratch);
}


bool
qoe_exporter_serves(const qoe_exporter_t *e)
{
    char    name[QOE_DEST_NAME];
    size_t  len;

    if (e->stream == NULL) {
        return false;
    }

    len = qoe_dest_name(e->env->zone, e->dest, name);

    return qoe_span_eq((qoe_span_t) { name, len }, qoe_span_str(e->name));
}


void
qoe_exporter_close_spool(qoe_exporter_t *e)
{
    if (e->spool == NULL) {
        return;
    }

    if (e->item_held) {
        qoe_spool_next_again(e->spool);
        e->item_held = false;
    }

    qoe_spool_destroy(e->spool);
    e->spool = NULL;
    e->feed.spool = NULL;
}


void
qoe_exporter_open_spool(qoe_exporter_t *e)
{
    if (!qoe_exporter_serves(e) || e->conf.spool.dir.len == 0
        || e->spool != NULL)
    {
        return;
    }

    e->spool = qoe_spool_create(&e->conf.spool, e->env->zone, e->dest,
                                qoe_span_str(e->name), e->env->log);
    e->feed.spool = e->spool;
    e->backlog_ms = 0;
}


/* payload must stay valid until the answer. */

qoe_status_t
qoe_exporter_ship(qoe_exporter_t *e, qoe_signal_t signal, qoe_span_t payload,
    qoe_export_batch_t *b)
{
    size_t           i;
    qoe_status_t     rc;
    qoe_shipment_t  *s;

    for (i = 0; i < QOE_EXPORTER_WINDOW && e->ship[i].busy; i++) {
        /* void */
    }

    s = &e->ship[i];
    s->batch = b;

    if (qoe_transport_encoding(e->transport) == QOE_ENCODING_JSON) {
        qoe_buf_reset(&s->text);

        rc = qoe_otlp_transcode(&s->text, signal, payload, &e->env->scratch);

        qoe_arena_free(&e->env->scratch);

        if (rc != QOE_OK) {
            qoe_buf_free(&s->text);
            return rc;
        }

        payload = (qoe_span_t) { s->text.data, s->text.len };
    }

    (void) qoe_failpoint("feed.send");

    if (qoe_transport_send(e->transport, signal, payload, qoe_exporter_done, s)
        != QOE_OK)
    {
        qoe_buf_free(&s->text);
        qoe_log_limited(e->env->log, &e->log_limit, QOE_LOG_ERR,
                        "exporter \"%s\": no memory to send a batch, trying "
                        "again", e->name);
        return QOE_NOMEM;
    }

    s->busy = true;

    return QOE_OK;
}


/* Handles the answer; called in qoe_net_wait(). */

static void
qoe_exporter_done(void *data, const qoe_outcome_t *o)
{
    qoe_exporter_t      *e;
    qoe_shipment_t      *s = data;
    qoe_export_batch_t  *b;

    e = s->exporter;
    b = s->batch;

    s->busy = false;
    qoe_buf_free(&s->text);

    (void) qoe_failpoint("feed.acked");

    qoe_report_attempt(e->env->self, o);

    if (b == NULL) {
        qoe_exporter_backlog_done(e, o);
        return;
    }

    e->sending--;

    switch (o->kind) {

    case QOE_OUTCOME_OK:
        qoe_exporter_taken(e, b, o);
        break;

    case QOE_OUTCOME_FINAL:
        qoe_exporter_refused(e, b, o);
        break;

    case QOE_OUTCOME_HOLD:
        if (qoe_exporter_blamed(e, b)) {
            qoe_exporter_refused(e, b, o);
            break;
        }

        /* fall through */

    default:
        qoe_lane_dest_report(e->env->zone, b->feed->lane, e->dest,
                             qoe_unix_ns() / 1000000, qoe_outcome_error(o),
                             true);
        qoe_exporter_failed(e, o, false);
        qoe_feed_failed(b);
    }

    qoe_feed_release(b->feed);
}


/*
 * Whether an answer that holds the batch makes it the one to blame: other
 * batches were taken between so many such answers.  A batch that the spool has
 * is judged there.
 */

static bool
qoe_exporter_blamed(qoe_exporter_t *e, qoe_export_batch_t *b)
{
    bool  first;

    if (qoe_feed_is_stored(b)) {
        return false;
    }

    first = (b->hold == 0);
    b->hold = ++e->holds;

    return qoe_exporter_blame(e, &b->blame, first);
}


bool
qoe_exporter_blame(qoe_exporter_t *e, qoe_blame_t *blame, bool first)
{
    if (first) {
        blame->times = 0;

    } else if (blame->taken != e->taken) {
        blame->times++;
    }

    blame->taken = e->taken;

    return blame->times >= QOE_EXPORTER_BLAMED;
}


static void
qoe_exporter_taken(qoe_exporter_t *e, qoe_export_batch_t *b,
    const qoe_outcome_t *o)
{
    qoe_exporter_sent(e, o);

    if (!b->given_up) {
        b->rejected = (size_t) qoe_outcome_rejected(o, b->items);
        qoe_exporter_rejected(e, b->rejected, b->items, o);
    }

    qoe_exporter_answered(e, NULL);

    qoe_feed_taken(b);
}


void
qoe_exporter_sent(qoe_exporter_t *e, const qoe_outcome_t *o)
{
    qoe_exporter_count(e, QOE_DEST_BATCHES_SENT, 1);

    if (o->unfinished) {
        qoe_exporter_count(e, QOE_DEST_BATCHES_UNFINISHED, 1);
        qoe_log_limited(e->env->log, &e->log_limit, QOE_LOG_WARN,
                        "exporter \"%s\": a batch counts as sent, but the "
                        "number of its rejected %s is unknown: %s",
                        e->name, e->stream->noun, o->message);
    }
}


void
qoe_exporter_rejected(qoe_exporter_t *e, uint64_t rejected, uint64_t sent,
    const qoe_outcome_t *o)
{
    qoe_report_exported(e->env->self, e->stream->signal, sent - rejected,
                        NULL);
    qoe_report_exported(e->env->self, e->stream->signal, rejected,
                        "rejected");

    if (rejected != 0) {
        qoe_log_limited(e->env->log, &e->log_limit, QOE_LOG_WARN,
                        "exporter \"%s\": the collector rejected %llu of %llu "
                        "%s: %s", e->name, (unsigned long long) rejected,
                        (unsigned long long) sent, e->stream->noun,
                        o->message);
    }
}


static void
qoe_exporter_refused(qoe_exporter_t *e, qoe_export_batch_t *b,
    const qoe_outcome_t *o)
{
    const char  *error;

    error = qoe_outcome_error(o);

    qoe_report_exported(e->env->self, e->stream->signal, b->items,
                        o->error_type);
    qoe_exporter_answered(e, error);
    qoe_zone_refused(e->env->zone, qoe_mono_ms());

    qoe_exporter_count(e, QOE_DEST_BATCHES_FAILED, 1);
    qoe_log_limited(e->env->log, &e->log_limit, QOE_LOG_ERR,
                    "exporter \"%s\": %zu %s dropped, the collector refused "
                    "them for good: %s", e->name, b->items, e->stream->noun,
                    error);

    if (e->spool != NULL) {
        qoe_spool_quarantine(e->spool, e->stream->signal,
                             (qoe_span_t) { b->payload.data, b->payload.len },
                             (uint32_t) b->items, b->received_ns);
    }

    qoe_feed_refused(b);
}


/*
 * The exporter answers, so no lane counts as failing because of it any more,
 * not even an idle lane.
 */

void
qoe_exporter_answered(qoe_exporter_t *e, const char *error)
{
    size_t    i;
    uint64_t  now;

    if (error == NULL && e->retry.failures != 0) {
        qoe_log(e->env->log, QOE_LOG_NOTICE,
                "exporter \"%s\": the collector takes %s again, after %llu "
                "failures", e->name, e->stream->noun,
                (unsigned long long) e->retry.failures);
    }

    e->taken += (error == NULL);
    now = qoe_unix_ns() / 1000000;

    for (i = 0; i < e->env->nheld; i++) {
        if (e->env->held[i]->feed[e->index] != NULL) {
            qoe_lane_dest_report(e->env->zone, e->env->held[i]->lane,
                                 e->dest, now, error, false);
        }
    }

    qoe_retry_succeeded(&e->retry);

    e->refusing = false;
    e->backlog_ms = 0;
}


void
qoe_exporter_failed(qoe_exporter_t *e, const qoe_outcome_t *o, bool spooled)
{
    uint64_t  now;

    now = qoe_mono_ms();

    if (e->retry.failures == 0) {
        e->failing_ms = now;
    }

    e->refusing = (o->kind == QOE_OUTCOME_HOLD);

    qoe_retry_failed(&e->retry, now, o->retry_after_ms, e->env->leaving);

    qoe_exporter_count(e, QOE_DEST_BATCHES_RETRIED, 1);
    qoe_log_limited(e->env->log, &e->log_limit, QOE_LOG_WARN,
                    "exporter \"%s\": export failed, %s%s are kept and sent "
                    "again: %s", e->name, spooled ? "spooled " : "",
                    e->stream->noun, qoe_outcome_error(o));
}


void
qoe_exporter_count(qoe_exporter_t *e, qoe_dest_counter_t c, uint64_t n)
{
    if (n != 0) {
        qoe_dest_count(e->env->zone, e->dest, c, n);
    }
}
