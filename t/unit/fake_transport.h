
/*
 * Copyright (C) OpenQoE
 *
 * Transports in place of qoe_transport.c's, that keep what is sent until the
 * test answers: link nothing that needs the real ones.
 */


#ifndef _FAKE_TRANSPORT_H_INCLUDED_
#define _FAKE_TRANSPORT_H_INCLUDED_


#include "tap.h"
#include "qoe_outcome.h"
#include "qoe_transport.h"


struct qoe_transport_s {
    qoe_encoding_t         encoding;
    qoe_span_t             payload;          /* in flight; null: nothing */
    qoe_transport_done_pt  done;
    void                  *data;
    int                    sent;             /* requests, so far */
    bool                   refuse;           /* send() fails */
    uint64_t               deadline_ms;
};


qoe_encoding_t
qoe_transport_encoding(const qoe_transport_t *t)
{
    return t->encoding;
}


qoe_status_t
qoe_transport_send(qoe_transport_t *t, qoe_signal_t signal,
    qoe_span_t payload, qoe_transport_done_pt done, void *data)
{
    if (t->refuse) {
        return QOE_NOMEM;
    }

    if (signal != QOE_SIGNAL_METRICS || t->payload.data != NULL
        || payload.len == 0)
    {
        abort();
    }

    t->payload = payload;
    t->done = done;
    t->data = data;
    t->sent++;

    return QOE_OK;
}


void
qoe_transport_deadline(qoe_transport_t *t, uint64_t ms)
{
    t->deadline_ms = ms;
}


/* Answers the request in flight. */

static inline void
fake_answer(qoe_transport_t *t, qoe_outcome_kind_t kind)
{
    qoe_outcome_t  o;

    qoe_outcome_init(&o);

    if (kind != QOE_OUTCOME_OK) {
        qoe_outcome_fail(&o, kind, "test");
    }

    if (t->payload.data == NULL) {
        abort();
    }

    t->payload = qoe_span_null;
    t->done(t->data, &o);
}


static inline bool
fake_has(const qoe_transport_t *t, const char *text)
{
    return t->payload.data != NULL
           && memmem(t->payload.data, t->payload.len, text, strlen(text))
              != NULL;
}


#endif /* _FAKE_TRANSPORT_H_INCLUDED_ */
