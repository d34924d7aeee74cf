
/*
 * Copyright (C) OpenQoE
 *
 * Sends the requests of a replay: several at a time, within a rate, and tried
 * again as the module does.
 */


#define _GNU_SOURCE

#include "openqoe_spool_replay.h"
#include "qoe_outcome.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>


#define REPLAY_JSON_MAX    (64 * 1024 * 1024)
#define REPLAY_CONNECT_MS  5000


static void replay_urls(const spool_options_t *opt, qoe_transport_conf_t *conf,
    char url[QOE_SIGNALS][2048]);
static bool replay_allowed(replay_t *r, uint64_t now);
static void replay_done(void *data, const qoe_outcome_t *o);
static void replay_log(void *ctx, qoe_log_level_t level, const char *text,
    size_t len);
static void replay_signal(int signo);


volatile sig_atomic_t  replay_interrupted;


bool
replay_init(replay_t *r)
{
    size_t                i;
    char                  url[QOE_SIGNALS][2048];
    struct sigaction      sa;
    qoe_transport_conf_t  conf;

    for (i = 0; i < REPLAY_WINDOW; i++) {
        r->slot[i].replay = r;
        qoe_buf_init(&r->slot[i].payload, &qoe_mem_heap,
                     QOE_SEGMENT_PAYLOAD_MAX + 1);
        qoe_buf_init(&r->slot[i].json, &qoe_mem_heap, REPLAY_JSON_MAX);
    }

    qoe_retry_init(&r->retry);
    r->log = (qoe_log_t) { replay_log, NULL, QOE_LOG_WARN };

    memset(&conf, 0, sizeof(conf));
    conf.protocol = r->opt->protocol;
    conf.headers = r->opt->headers;
    conf.nheaders = r->opt->nheaders;
    conf.gzip = r->opt->gzip;
    conf.gzip_level = 1;
    conf.timeout_ms = r->opt->timeout_ms;
    conf.connect_timeout_ms = qoe_min(r->opt->timeout_ms,
                                      (uint64_t) REPLAY_CONNECT_MS);
    conf.ssl_verify = true;
    conf.user_agent = qoe_span("OTel-OTLP-Exporter-openqoe-nginx/"
                               OPENQOE_VERSION);

    if (strlen(r->opt->endpoint) > sizeof(url[0]) - 16) {
        spool_error("--endpoint: bad value \"%s\"", r->opt->endpoint);
        return false;
    }

    replay_urls(r->opt, &conf, url);

    /* catch signals, so that the final line is printed at ^C too */

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = replay_signal;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        spool_error("libcurl cannot be used");
        return false;
    }

    r->net = qoe_net_create(&r->log);

    if (r->net == NULL
        || qoe_transport_create(&r->transport, r->net, &conf, &r->log)
           != QOE_OK)
    {
        spool_error("cannot send to \"%s\"", r->opt->endpoint);
        return false;
    }

    return true;
}


/* The path after an HTTP endpoint depends on the signal. */

static void
replay_urls(const spool_options_t *opt, qoe_transport_conf_t *conf,
    char url[QOE_SIGNALS][2048])
{
    int                       len;
    qoe_signal_t              i;
    static const char *const  paths[QOE_SIGNALS] = {
        [QOE_SIGNAL_LOGS] = "/v1/logs",
        [QOE_SIGNAL_TRACES] = "/v1/traces",
        [QOE_SIGNAL_METRICS] = "/v1/metrics"
    };

    len = (int) strlen(opt->endpoint);

    while (opt->endpoint[len - 1] == '/') {
        len--;
    }

    for (i = 0; i < QOE_SIGNALS; i++) {
        snprintf(url[i], 2048, "%.*s%s", len, opt->endpoint,
                 opt->protocol == QOE_PROTOCOL_GRPC ? "" : paths[i]);
        conf->url[i] = qoe_span_str(url[i]);
    }
}


void
replay_free(replay_t *r)
{
    size_t  i;

    if (r->transport != NULL) {
        qoe_transport_destroy(r->transport);
    }

    if (r->net != NULL) {
        qoe_net_destroy(r->net);
    }

    curl_global_cleanup();

    for (i = 0; i < REPLAY_WINDOW; i++) {
        qoe_buf_free(&r->slot[i].payload);
        qoe_buf_free(&r->slot[i].json);
    }
}


void
replay_send(replay_t *r, uint64_t now)
{
    size_t          i;
    qoe_buf_t      *b;
    replay_slot_t  *slot;

    for (i = 0; i < REPLAY_WINDOW; i++) {
        slot = &r->slot[i];

        if (slot->state != REPLAY_READY || !qoe_retry_due(&r->retry, now)
            || (r->retry.failures != 0 && r->sending != 0)
            || !replay_allowed(r, now))
        {
            continue;
        }

        b = qoe_transport_encoding(r->transport) == QOE_ENCODING_JSON
            ? &slot->json : &slot->payload;

        if (qoe_transport_send(r->transport, spool_signal(&slot->record),
                               (qoe_span_t) { b->data, b->len }, replay_done,
                               slot)
            != QOE_OK)
        {
            spool_error("no memory to send a request, trying again");
            r->retry.not_before_ms = now + QOE_BACKOFF_MIN_MS;
            return;
        }

        slot->state = REPLAY_SENDING;
        r->sending++;
        r->allowed -= (int64_t) b->len;
    }
}


/* Whether the rate allows the next request: earn what was sent first. */

static bool
replay_allowed(replay_t *r, uint64_t now)
{
    double  earned;

    if (r->opt->rate == 0) {
        return true;
    }

    earned = (double) r->opt->rate * (double) (now - r->earned_ms) / 1000;

    if (earned >= 1) {
        r->allowed = (int64_t) qoe_min((double) r->allowed + earned, 1.0);
        r->earned_ms = now;
    }

    return r->allowed >= 0;
}


/* Handles the answer; called in qoe_net_wait(). */

static void
replay_done(void *data, const qoe_outcome_t *o)
{
    uint64_t        rejected;
    replay_t       *r;
    replay_slot_t  *slot = data;

    r = slot->replay;
    r->sending--;

    if (o->kind == QOE_OUTCOME_RETRY) {
        snprintf(r->error, sizeof(r->error), "%s", qoe_outcome_error(o));
        qoe_retry_failed(&r->retry, qoe_mono_ms(), o->retry_after_ms, false);
        slot->state = REPLAY_READY;
        return;
    }

    qoe_retry_succeeded(&r->retry);
    r->error[0] = '\0';
    slot->state = REPLAY_FREE;

    if (o->kind == QOE_OUTCOME_FINAL) {
        replay_refused(slot, qoe_outcome_error(o));
        return;
    }

    rejected = qoe_outcome_rejected(o, slot->record.items);

    r->n.requests++;
    r->n.bytes += slot->payload.len;
    r->n.sent += slot->record.items - rejected;
    r->n.rejected += rejected;

    if (rejected != 0) {
        fprintf(stderr, "rejected \"%s\", record %" PRIu64 ", %" PRIu64
                " of %" PRIu32 " items: %s\n", slot->file->path,
                slot->record.sequence, rejected, slot->record.items,
                o->message);
    }
}


void
replay_refused(replay_slot_t *slot, const char *error)
{
    slot->replay->n.refused += slot->record.items;
    slot->replay->bad = true;

    fprintf(stderr, "refused \"%s\", record %" PRIu64 ", %" PRIu32
            " items: %s\n", slot->file->path, slot->record.sequence,
            slot->record.items, error);
}


int64_t
replay_timeout(const replay_t *r, uint64_t now)
{
    size_t    i;
    bool      ready;
    uint64_t  at, due;

    at = r->progress_ms;
    ready = false;

    for (i = 0; i < REPLAY_WINDOW; i++) {
        ready |= (r->slot[i].state == REPLAY_READY);
    }

    if (ready && (r->retry.failures == 0 || r->sending == 0)) {
        due = r->retry.not_before_ms;

        if (r->opt->rate != 0 && r->allowed < 0) {
            due = qoe_max(due, r->earned_ms + 1
                               + (uint64_t) -r->allowed * 1000
                                 / r->opt->rate);
        }

        at = qoe_min(at, due);
    }

    if (r->opt->max_time_ms != 0) {
        at = qoe_min(at, r->started_ms + r->opt->max_time_ms);
    }

    return at <= now ? 0 : (int64_t) (at - now);
}


static void
replay_log(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    (void) ctx;
    (void) level;

    spool_error("%.*s", (int) len, text);
}


static void
replay_signal(int signo)
{
    (void) signo;

    replay_interrupted = 1;
}
