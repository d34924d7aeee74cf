
/*
 * Copyright (C) OpenQoE
 *
 * What the transports see of the event loop, which owns the curl multi handle:
 * they give it easy handles and deadlines.  Helper thread only.
 */


#ifndef _QOE_NET_CURL_H_INCLUDED_
#define _QOE_NET_CURL_H_INCLUDED_


#include "qoe_net.h"

#include <curl/curl.h>


#define QOE_NET_NEVER      UINT64_MAX


/* An easy handle in the loop, embedded by its owner. */

typedef struct qoe_net_transfer_s  qoe_net_transfer_t;

struct qoe_net_transfer_s {
    CURL         *easy;
    bool          attached;

    /*
     * Called in qoe_net_wait() with the handle detached, so that it may be
     * attached again.
     */
    void        (*done)(qoe_net_transfer_t *x, CURLcode rc);
};


/* A part of the helper that has deadlines. */

typedef struct qoe_net_client_s  qoe_net_client_t;

struct qoe_net_client_s {
    qoe_net_client_t  *next;
    void              *data;

    /* When run() has work: monotonic ms, 0 for now, or QOE_NET_NEVER. */
    uint64_t         (*due)(void *data);

    /* Called in each qoe_net_wait(), after the transfers were driven. */
    void             (*run)(void *data, uint64_t now_ms);
};


/*
 * Starts the transfer; uses CURLOPT_PRIVATE of the handle.  QOE_OK; QOE_NOMEM
 * or QOE_ERROR: nothing was started.
 */
qoe_status_t qoe_net_attach(qoe_net_t *net, qoe_net_transfer_t *x);

/* Ends the transfer without done(); does nothing if it is not attached. */
void qoe_net_detach(qoe_net_t *net, qoe_net_transfer_t *x);

/* Not to be called from a client's run(). */
void qoe_net_add(qoe_net_t *net, qoe_net_client_t *c);
void qoe_net_remove(qoe_net_t *net, qoe_net_client_t *c);


#endif /* _QOE_NET_CURL_H_INCLUDED_ */
