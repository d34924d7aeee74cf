
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_net.h"
#include "qoe_net_curl.h"

#include <stdlib.h>


/* the most idle connections; beyond them the oldest is closed */
#define QOE_NET_CONNECTIONS    16

/* the longest sleep when there is no limit; the caller loops anyway */
#define QOE_NET_SLEEP_MAX      (60 * 60 * 1000)

/* the pause after a failed poll, which prevents a busy loop */
#define QOE_NET_ERROR_MS       100


struct qoe_net_s {
    CURLM                *multi;
    qoe_net_client_t     *clients;
    struct curl_waitfd   *fds;
    size_t                nfds;          /* allocated */
    qoe_log_t             log;
    qoe_log_limit_t       limit;
};


static bool qoe_net_fds(qoe_net_t *net, const int *fds, size_t nfds);
static int qoe_net_timeout(const qoe_net_t *net, int64_t timeout_ms);
static void qoe_net_poll(qoe_net_t *net, size_t nfds, int ms);
static void qoe_net_drive(qoe_net_t *net);


qoe_net_t *
qoe_net_create(const qoe_log_t *log)
{
    qoe_net_t  *net;

    net = calloc(1, sizeof(qoe_net_t));
    if (net == NULL) {
        return NULL;
    }

    net->log = *log;

    net->multi = curl_multi_init();
    if (net->multi == NULL) {
        free(net);
        return NULL;
    }

    /*
     * Each connection carries one stream: requests are few and large, and a
     * connection that fails takes no other request with it.
     */

    curl_multi_setopt(net->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(net->multi, CURLMOPT_MAXCONNECTS,
                      (long) QOE_NET_CONNECTIONS);

    return net;
}


void
qoe_net_destroy(qoe_net_t *net)
{
    if (net == NULL) {
        return;
    }

    curl_multi_cleanup(net->multi);
    free(net->fds);
    free(net);
}


void
qoe_net_wait(qoe_net_t *net, const int *fds, size_t nfds, int64_t timeout_ms)
{
    uint64_t           now;
    qoe_net_client_t  *c;

    if (!qoe_net_fds(net, fds, nfds)) {

        /* without memory no descriptor is watched: return soon to try again */

        qoe_log_limited(&net->log, &net->limit, QOE_LOG_ERR,
                        "no memory to wait for %zu descriptors", nfds);

        nfds = 0;
        timeout_ms = (timeout_ms < 0) ? QOE_NET_ERROR_MS
                                      : qoe_min(timeout_ms, QOE_NET_ERROR_MS);
    }

    qoe_net_poll(net, nfds, qoe_net_timeout(net, timeout_ms));
    qoe_net_drive(net);

    now = qoe_mono_ms();

    for (c = net->clients; c != NULL; c = c->next) {
        c->run(c->data, now);
    }
}


void
qoe_net_wakeup(qoe_net_t *net)
{
    curl_multi_wakeup(net->multi);
}


qoe_status_t
qoe_net_attach(qoe_net_t *net, qoe_net_transfer_t *x)
{
    CURLMcode  rc;

    if (curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x) != CURLE_OK) {
        return QOE_ERROR;
    }

    rc = curl_multi_add_handle(net->multi, x->easy);

    if (rc != CURLM_OK) {
        qoe_log_limited(&net->log, &net->limit, QOE_LOG_ERR,
                        "curl_multi_add_handle() failed: %s",
                        curl_multi_strerror(rc));

        return rc == CURLM_OUT_OF_MEMORY ? QOE_NOMEM : QOE_ERROR;
    }

    x->attached = true;

    return QOE_OK;
}


void
qoe_net_detach(qoe_net_t *net, qoe_net_transfer_t *x)
{
    if (x->attached) {
        x->attached = false;
        curl_multi_remove_handle(net->multi, x->easy);
    }
}


void
qoe_net_add(qoe_net_t *net, qoe_net_client_t *c)
{
    c->next = net->clients;
    net->clients = c;
}


void
qoe_net_remove(qoe_net_t *net, qoe_net_client_t *c)
{
    qoe_net_client_t  **p;

    for (p = &net->clients; *p != NULL; p = &(*p)->next) {

        if (*p == c) {
            *p = c->next;
            return;
        }
    }
}


/* Copies fds for curl.  false: no memory. */

static bool
qoe_net_fds(qoe_net_t *net, const int *fds, size_t nfds)
{
    size_t               i;
    struct curl_waitfd  *p;

    if (nfds > net->nfds) {
        p = realloc(net->fds, nfds * sizeof(struct curl_waitfd));
        if (p == NULL) {
            return false;
        }

        net->fds = p;
        net->nfds = nfds;
    }

    for (i = 0; i < nfds; i++) {
        net->fds[i] = (struct curl_waitfd) { fds[i], CURL_WAIT_POLLIN, 0 };
    }

    return true;
}


/* The caller's limit, or an earlier deadline of a client. */

static int
qoe_net_timeout(const qoe_net_t *net, int64_t timeout_ms)
{
    uint64_t           now, due;
    qoe_net_client_t  *c;

    if (timeout_ms < 0 || timeout_ms > QOE_NET_SLEEP_MAX) {
        timeout_ms = QOE_NET_SLEEP_MAX;
    }

    now = qoe_mono_ms();

    for (c = net->clients; c != NULL; c = c->next) {

        due = c->due(c->data);

        if (due <= now) {
            return 0;
        }

        if (due - now < (uint64_t) timeout_ms) {
            timeout_ms = (int64_t) (due - now);
        }
    }

    return (int) timeout_ms;
}


static void
qoe_net_poll(qoe_net_t *net, size_t nfds, int ms)
{
    CURLMcode  rc;

    rc = curl_multi_poll(net->multi, net->fds, (unsigned) nfds, ms, NULL);

    if (rc == CURLM_OK) {
        return;
    }

    qoe_log_limited(&net->log, &net->limit, QOE_LOG_ERR,
                    "curl_multi_poll() failed: %s", curl_multi_strerror(rc));

    /* poll() itself failed, perhaps on a bad descriptor: pause */

    curl_multi_poll(net->multi, NULL, 0, qoe_min(ms, QOE_NET_ERROR_MS), NULL);
}


static void
qoe_net_drive(qoe_net_t *net)
{
    int                  left, running;
    CURLMsg             *msg;
    CURLcode             result;
    CURLMcode            rc;
    qoe_net_transfer_t  *x;

    rc = curl_multi_perform(net->multi, &running);

    if (rc != CURLM_OK) {
        qoe_log_limited(&net->log, &net->limit, QOE_LOG_ERR,
                        "curl_multi_perform() failed: %s",
                        curl_multi_strerror(rc));
    }

    while ((msg = curl_multi_info_read(net->multi, &left)) != NULL) {

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        /* read msg now: it does not survive the removal of its handle */

        x = NULL;
        result = msg->data.result;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **) &x);

        qoe_net_detach(net, x);
        x->done(x, result);
    }
}
