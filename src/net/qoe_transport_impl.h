
/*
 * Copyright (C) OpenQoE
 *
 * Private to the transports: a request, and the functions of a protocol.
 * Helper thread only.
 */


#ifndef _QOE_TRANSPORT_IMPL_H_INCLUDED_
#define _QOE_TRANSPORT_IMPL_H_INCLUDED_


#include "qoe_transport.h"
#include "qoe_arena.h"
#include "qoe_buf.h"
#include "qoe_net_curl.h"
#include "qoe_outcome.h"


typedef struct qoe_transfer_s  qoe_transfer_t;


struct qoe_transfer_s {
    qoe_transfer_t         *next;        /* in active or in idle */
    qoe_transport_t        *t;
    void                   *io;          /* the protocol's, reused */

    qoe_signal_t            signal;
    qoe_span_t              payload;
    qoe_transport_done_pt   done;
    void                   *data;

    uint64_t                start_ns;    /* monotonic */

    /*
     * Monotonic ms at which the request ends: with the answer that came, if
     * answered is set, else without an answer.
     */
    uint64_t                expires_ms;
    bool                    answered;

    qoe_outcome_t           outcome;
};


typedef struct {
    qoe_status_t          (*create)(qoe_transport_t *t,
                                const qoe_transport_conf_t *conf);
    void                  (*destroy)(qoe_transport_t *t);

    /*
     * Starts r.  If it is done at once, sets its outcome, answered, and
     * expires_ms to 0.  Not QOE_OK: nothing was started.
     */
    qoe_status_t          (*send)(qoe_transfer_t *r);

    /* Stops r, which is answered, and sets its outcome unless it is set. */
    void                  (*settle)(qoe_transfer_t *r);

    /* Stops r in flight, so that its io can be used again. */
    void                  (*stop)(qoe_transfer_t *r);

    /* The name of the server or the file, for messages. */
    const char           *(*peer)(const qoe_transfer_t *r);

    /* Frees io of r, which is not in flight. */
    void                  (*free)(qoe_transfer_t *r);

    void                  (*reopen)(qoe_transport_t *t);
} qoe_transport_ops_t;


struct qoe_transport_s {
    const qoe_transport_ops_t  *ops;
    qoe_net_t                  *net;
    qoe_net_client_t            client;
    qoe_log_t                   log;
    qoe_arena_t                 arena;       /* scratch for answers */

    qoe_protocol_t              protocol;
    uint64_t                    timeout_ms;
    bool                        drop_refused;

    qoe_transfer_t             *active;      /* in flight, oldest first */
    qoe_transfer_t             *idle;        /* reused by the next send */

    void                       *state;       /* the protocol's */
};


extern const qoe_transport_ops_t  qoe_grpc_ops;
extern const qoe_transport_ops_t  qoe_http_ops;
extern const qoe_transport_ops_t  qoe_file_ops;


/*
 * Ends r, whose outcome is set: takes it off the list and calls its done.
 * Only within qoe_net_wait().  r may be in use again when this returns.
 */
void qoe_transport_finish(qoe_transfer_t *r);


#endif /* _QOE_TRANSPORT_IMPL_H_INCLUDED_ */
