
/*
 * Copyright (C) OpenQoE
 *
 * Requests over HTTP and gRPC without a network (answer_curl.h), for the tests
 * of these transports.  To be included once a program.
 */


#ifndef _HTTP_UNIT_H_INCLUDED_
#define _HTTP_UNIT_H_INCLUDED_


#include "../fuzz/answer_curl.h"
#include "tap.h"

#include "qoe_http_client.h"


#define GRPC               QOE_PROTOCOL_GRPC
#define PROTOBUF           QOE_PROTOCOL_HTTP_PROTOBUF
#define JSON               QOE_PROTOCOL_HTTP_JSON

#define OK                 QOE_OUTCOME_OK
#define RETRY              QOE_OUTCOME_RETRY
#define FINAL              QOE_OUTCOME_FINAL
#define HOLD               QOE_OUTCOME_HOLD

#define HOST               "collector:4318: "

#define LARGE              128               /* read of an answer at most */


static qoe_outcome_t     outcome;
static qoe_transport_t  *transports[QOE_PROTOCOL_HTTP_JSON + 1];


static void
done(void *data, const qoe_outcome_t *o)
{
    (void) data;
    outcome = *o;
}


static void
transfer_done(qoe_net_transfer_t *x, CURLcode rc)
{
    (void) x;
    (void) rc;
    abort();
}


/* A transport of that protocol with a request in flight. */

static inline qoe_transfer_t *
request(qoe_protocol_t protocol)
{
    size_t                s;
    qoe_transfer_t       *r;
    qoe_http_io_t        *io;
    qoe_transport_t      *t;
    qoe_transport_conf_t  conf;

    static int             logged;
    static qoe_net_t      *net;
    static qoe_log_t       log = { tap_log_write, &logged, QOE_LOG_ERR };

    t = transports[protocol];

    if (t == NULL) {
        memset(&conf, 0, sizeof(conf));

        for (s = 0; s < QOE_SIGNALS; s++) {
            conf.url[s] = (protocol == GRPC)
                          ? qoe_span("http://collector:4318")
                          : qoe_span("http://collector:4318/v1/x");
        }

        conf.protocol = protocol;
        conf.timeout_ms = 10000;
        conf.connect_timeout_ms = 5000;
        conf.user_agent = qoe_span("unit");

        if (net == NULL) {
            net = qoe_net_create(&log);
        }

        if (net == NULL
            || qoe_transport_create(&t, net, &conf, &log) != QOE_OK)
        {
            abort();
        }

        transports[protocol] = t;
        r = calloc(1, sizeof(qoe_transfer_t));

        if (r == NULL
            || qoe_http_io_create(t->state, (qoe_http_io_t **) &r->io,
                                  transfer_done)
               != QOE_OK)
        {
            abort();
        }

        r->t = t;
        t->idle = r;
        io = r->io;
        io->r = r;
        io->answer.max = LARGE;
    }

    r = t->idle;
    t->idle = NULL;
    io = r->io;

    r->signal = QOE_SIGNAL_LOGS;
    r->done = done;
    r->answered = false;
    r->expires_ms = UINT64_MAX;
    io->head_len = 0;
    io->body.len = 1;
    io->sent = 1;
    qoe_outcome_init(&r->outcome);
    qoe_http_io_reset(io);

    return r;
}


static inline void
finish(qoe_transfer_t *r, CURLcode rc)
{
    qoe_http_client_of(r->t)->hooks->outcome(r->io, rc);
    qoe_transport_finish(r);
    qoe_arena_reset(&r->t->arena);
}


#endif /* _HTTP_UNIT_H_INCLUDED_ */
