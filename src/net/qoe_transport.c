
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_transport.h"
#include "qoe_transport_impl.h"

#include <stdlib.h>
#include <time.h>


/* for reading an answer of up to 4 MiB, which takes more when unpacked */
#define QOE_TRANSPORT_ARENA_BLOCK  4096
#define QOE_TRANSPORT_ARENA_MAX    (16 * 1024 * 1024)


static qoe_transfer_t *qoe_transport_request(qoe_transport_t *t);
static void qoe_transport_unlink(qoe_transfer_t *r);
static uint64_t qoe_transport_due(void *data);
static void qoe_transport_run(void *data, uint64_t now_ms);
static void qoe_transport_expire(qoe_transfer_t *r);
static void qoe_transport_free_list(qoe_transport_t *t, qoe_transfer_t *r);
static uint64_t qoe_transport_mono_ns(void);


const qoe_protocol_row_t  qoe_protocols[QOE_PROTOCOLS_N] = {
#define QOE_PROTOCOL_ROW(id, name, encoding, url, path)                       \
    { { name, sizeof(name) - 1 }, QOE_ENCODING_##encoding,                    \
      { url, sizeof(url) - 1 }, path },
    QOE_PROTOCOLS(QOE_PROTOCOL_ROW)
#undef QOE_PROTOCOL_ROW
};

static const qoe_transport_ops_t  *const qoe_transport_ops[] = {
    [QOE_PROTOCOL_GRPC] = &qoe_grpc_ops,
    [QOE_PROTOCOL_HTTP_PROTOBUF] = &qoe_http_ops,
    [QOE_PROTOCOL_HTTP_JSON] = &qoe_http_ops,
    [QOE_PROTOCOL_FILE] = &qoe_file_ops
};


qoe_status_t
qoe_transport_create(qoe_transport_t **tp, qoe_net_t *net,
    const qoe_transport_conf_t *conf, const qoe_log_t *log)
{
    qoe_status_t      status;
    qoe_transport_t  *t;

    *tp = NULL;

    t = calloc(1, sizeof(qoe_transport_t));
    if (t == NULL) {
        return QOE_NOMEM;
    }

    t->ops = qoe_transport_ops[conf->protocol];
    t->protocol = conf->protocol;
    t->timeout_ms = conf->timeout_ms;
    t->drop_refused = conf->drop_refused;
    t->net = net;
    t->log = *log;

    qoe_arena_init(&t->arena, &qoe_mem_heap, QOE_TRANSPORT_ARENA_BLOCK,
                   QOE_TRANSPORT_ARENA_MAX);

    status = t->ops->create(t, conf);

    if (status != QOE_OK) {
        t->ops->destroy(t);
        free(t);
        return status;
    }

    t->client.data = t;
    t->client.due = qoe_transport_due;
    t->client.run = qoe_transport_run;

    qoe_net_add(net, &t->client);

    *tp = t;

    return QOE_OK;
}


void
qoe_transport_destroy(qoe_transport_t *t)
{
    qoe_transfer_t  *r;

    if (t == NULL) {
        return;
    }

    qoe_net_remove(t->net, &t->client);

    for (r = t->active; r != NULL; r = r->next) {
        t->ops->stop(r);
    }

    qoe_transport_free_list(t, t->active);
    qoe_transport_free_list(t, t->idle);

    t->ops->destroy(t);
    qoe_arena_free(&t->arena);

    free(t);
}


qoe_encoding_t
qoe_transport_encoding(const qoe_transport_t *t)
{
    return qoe_protocols[t->protocol].encoding;
}


qoe_status_t
qoe_transport_send(qoe_transport_t *t, qoe_signal_t signal, qoe_span_t payload,
    qoe_transport_done_pt done, void *data)
{
    qoe_status_t     status;
    qoe_transfer_t  *r, **last;

    if (payload.len == 0 || (unsigned) signal >= QOE_SIGNALS) {
        return QOE_ERROR;
    }

    r = qoe_transport_request(t);
    if (r == NULL) {
        return QOE_NOMEM;
    }

    r->signal = signal;
    r->payload = payload;
    r->done = done;
    r->data = data;
    r->start_ns = qoe_transport_mono_ns();
    r->expires_ms = qoe_mono_ms() + t->timeout_ms;
    r->answered = false;

    qoe_outcome_init(&r->outcome);

    status = t->ops->send(r);

    if (status != QOE_OK) {
        r->next = t->idle;
        t->idle = r;
        return status;
    }

    for (last = &t->active; *last != NULL; last = &(*last)->next) {
        /* void */
    }

    r->next = NULL;
    *last = r;

    return QOE_OK;
}


void
qoe_transport_deadline(qoe_transport_t *t, uint64_t ms)
{
    uint64_t         limit;
    qoe_transfer_t  *r;

    limit = qoe_mono_ms() + ms;

    for (r = t->active; r != NULL; r = r->next) {
        r->expires_ms = qoe_min(r->expires_ms, limit);
    }
}


void
qoe_transport_reopen(qoe_transport_t *t)
{
    if (t->ops->reopen != NULL) {
        t->ops->reopen(t);
    }
}


void
qoe_transport_finish(qoe_transfer_t *r)
{
    void                   *data;
    uint64_t                ns;
    qoe_outcome_t           outcome;
    qoe_transport_t        *t;
    qoe_transport_done_pt   done;

    t = r->t;
    ns = qoe_transport_mono_ns() - r->start_ns;
    r->outcome.seconds = (double) ns / 1e9;

    if (r->outcome.kind == QOE_OUTCOME_HOLD && t->drop_refused) {
        r->outcome.kind = QOE_OUTCOME_FINAL;
    }

    /* copied, because done() may send the next request in r */

    outcome = r->outcome;
    done = r->done;
    data = r->data;

    qoe_transport_unlink(r);

    r->next = t->idle;
    t->idle = r;

    done(data, &outcome);
}


static qoe_transfer_t *
qoe_transport_request(qoe_transport_t *t)
{
    qoe_transfer_t  *r;

    r = t->idle;

    if (r != NULL) {
        t->idle = r->next;
        return r;
    }

    r = calloc(1, sizeof(qoe_transfer_t));

    if (r != NULL) {
        r->t = t;
    }

    return r;
}


static void
qoe_transport_unlink(qoe_transfer_t *r)
{
    qoe_transfer_t  **p;

    for (p = &r->t->active; *p != NULL; p = &(*p)->next) {

        if (*p == r) {
            *p = r->next;
            return;
        }
    }
}


static uint64_t
qoe_transport_due(void *data)
{
    uint64_t          due;
    qoe_transfer_t   *r;
    qoe_transport_t  *t = data;

    due = QOE_NET_NEVER;

    for (r = t->active; r != NULL; r = r->next) {
        due = qoe_min(due, r->expires_ms);
    }

    return due;
}


/*
 * Ends the requests that are due.  The walk starts again at the head after
 * each, because done() changes the list.  What done() sends is left to the
 * next turn: a file, which answers at once, would keep this loop running for
 * ever.
 */

static void
qoe_transport_run(void *data, uint64_t now_ms)
{
    uint64_t          turn_ns;
    qoe_transfer_t   *r;
    qoe_transport_t  *t = data;

    turn_ns = qoe_transport_mono_ns();
    r = t->active;

    while (r != NULL) {

        if (r->start_ns > turn_ns || r->expires_ms > now_ms) {
            r = r->next;
            continue;
        }

        if (r->answered) {
            t->ops->settle(r);

        } else {
            qoe_transport_expire(r);
        }

        qoe_transport_finish(r);
        r = t->active;
    }
}


static void
qoe_transport_expire(qoe_transfer_t *r)
{
    uint64_t  ms;

    r->t->ops->stop(r);

    ms = (qoe_transport_mono_ns() - r->start_ns) / 1000000;

    qoe_outcome_init(&r->outcome);
    qoe_outcome_fail(&r->outcome, QOE_OUTCOME_RETRY, "timeout");
    qoe_outcome_message(&r->outcome, "%s: no answer within %llu ms",
                        r->t->ops->peer(r), (unsigned long long) ms);
}


static void
qoe_transport_free_list(qoe_transport_t *t, qoe_transfer_t *r)
{
    qoe_transfer_t  *next;

    for ( /* void */ ; r != NULL; r = next) {
        next = r->next;
        t->ops->free(r);
        free(r);
    }
}


static uint64_t
qoe_transport_mono_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}
