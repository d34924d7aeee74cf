
/*
 * Copyright (C) OpenQoE
 *
 * The event loop of a helper thread: it waits for descriptors, transfers and a
 * deadline at once (curl_multi_poll), and other threads can wake it.
 */


#ifndef _QOE_NET_H_INCLUDED_
#define _QOE_NET_H_INCLUDED_


#include "qoe_core.h"


typedef struct qoe_net_s  qoe_net_t;


/*
 * The thread that starts the helper must have called curl_global_init().
 * NULL: no memory.  Only the helper thread may call these functions, but for
 * qoe_net_wakeup().
 */
qoe_net_t *qoe_net_create(const qoe_log_t *log);
void qoe_net_destroy(qoe_net_t *net);

/*
 * Waits until a transfer can go on, a descriptor of fds is readable,
 * qoe_net_wakeup() is called, or timeout_ms have passed (-1: no limit).  Then
 * drives the transfers, and calls their done callbacks.
 */
void qoe_net_wait(qoe_net_t *net, const int *fds, size_t nfds,
    int64_t timeout_ms);

/* Ends the current wait, or the next one, at once.  Any thread may call it. */
void qoe_net_wakeup(qoe_net_t *net);


#endif /* _QOE_NET_H_INCLUDED_ */
