
/*
 * Copyright (C) OpenQoE
 *
 * The event loop of a helper thread: waits for descriptors, transfers and a
 * deadline at once (curl_multi_poll), and is woken from another thread.
 */


#ifndef _QOE_NET_H_INCLUDED_
#define _QOE_NET_H_INCLUDED_


#include "qoe_core.h"


typedef struct qoe_net_s  qoe_net_t;


/*
 * curl_global_init() must have been called, by the thread that starts the
 * helper.  Returns NULL when out of memory.  Everything but qoe_net_wakeup()
 * is called on the helper thread only.
 */
qoe_net_t *qoe_net_create(const qoe_log_t *log);
void qoe_net_destroy(qoe_net_t *net);

/*
 * Waits until a transfer has something to do, one of fds (watched for
 * reading) is ready, wakeup is called, or timeout_ms passed (-1: no limit),
 * then drives the transfers: their done callbacks run in here.
 */
void qoe_net_wait(qoe_net_t *net, const int *fds, size_t nfds,
    int64_t timeout_ms);

/* Ends the current or the next wait at once.  Any thread. */
void qoe_net_wakeup(qoe_net_t *net);


#endif /* _QOE_NET_H_INCLUDED_ */
