
/*
 * Copyright (C) OpenQoE
 *
 * The event loop when libcurl or the kernel fails: it reports that, does not
 * run in circles, and works on.
 */


#include "tap.h"

#include "qoe_net_curl.h"



/* libqoe.a calls these functions instead of those of libcurl. */

CURLMcode (curl_multi_poll)(CURLM *multi, struct curl_waitfd *fds,
    unsigned nfds, int ms, int *ready);
CURLMcode (curl_multi_perform)(CURLM *multi, int *running);
CURLMcode (curl_multi_add_handle)(CURLM *multi, CURL *easy);
CURLMcode (curl_multi_setopt)(CURLM *multi, CURLMoption option, ...);


static CURLMcode  poll_rc, perform_rc, add_rc;
static int        polls, poll_ms[4];
static unsigned   poll_nfds[4];
static int        poll_fd;

static char       logged[512];
static int        lines;

static uint64_t   due_ms, ran_ms;


static long       pipelining = -1, connections;


CURLMcode
(curl_multi_setopt)(CURLM *multi, CURLMoption option, ...)
{
    va_list  args;

    (void) multi;
    va_start(args, option);

    if (option == CURLMOPT_PIPELINING) {
        pipelining = va_arg(args, long);

    } else if (option == CURLMOPT_MAXCONNECTS) {
        connections = va_arg(args, long);
    }

    va_end(args);

    return CURLM_OK;
}


CURLMcode
(curl_multi_poll)(CURLM *multi, struct curl_waitfd *fds, unsigned nfds, int ms,
    int *ready)
{
    CURLMcode  rc;

    (void) multi;
    (void) ready;

    if (polls == 4) {
        abort();
    }

    poll_fd = (nfds != 0) ? fds[nfds - 1].fd : -1;
    poll_nfds[polls] = nfds;
    poll_ms[polls++] = ms;
    rc = poll_rc;
    poll_rc = CURLM_OK;

    return rc;
}


CURLMcode
(curl_multi_perform)(CURLM *multi, int *running)
{
    (void) multi;
    *running = 0;

    return perform_rc;
}


CURLMcode
(curl_multi_add_handle)(CURLM *multi, CURL *easy)
{
    (void) multi;
    (void) easy;

    return add_rc;
}


static void
log_write(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    (void) ctx;
    (void) level;

    lines++;
    snprintf(logged, sizeof(logged), "%.*s", (int) len, text);
}


static const qoe_log_t  test_log = { log_write, NULL, QOE_LOG_ERR };


static qoe_net_t *
net_new(void)
{
    qoe_net_t  *net;

    net = qoe_net_create(&test_log);

    if (net == NULL) {
        abort();
    }

    polls = 0;
    lines = 0;
    logged[0] = '\0';

    return net;
}


static void
test_poll(void)
{
    int         fds[2] = { 7, 8 };
    qoe_net_t  *net;

    net = net_new();
    ok(pipelining == CURLPIPE_NOTHING && connections == 16,
       "each connection carries one request, and 16 are kept");
    qoe_net_wait(net, fds, 2, 5000);
    ok(polls == 1 && poll_ms[0] == 5000 && poll_nfds[0] == 2 && poll_fd == 8
       && lines == 0, "a wait is one poll of all descriptors");

    polls = 0;
    poll_rc = CURLM_UNRECOVERABLE_POLL;
    qoe_net_wait(net, fds, 2, 5000);
    ok(polls == 2 && poll_nfds[1] == 0 && poll_ms[1] == 100
       && lines == 1 && strstr(logged, "curl_multi_poll() failed") != NULL,
       "after a poll that failed there is a pause without descriptors: %s",
       logged);

    polls = 0;
    poll_rc = CURLM_UNRECOVERABLE_POLL;
    qoe_net_wait(net, fds, 2, 40);
    ok(polls == 2 && poll_ms[1] == 40,
       "which is not longer than the wait that was asked for");
    qoe_net_destroy(net);
}


static uint64_t
due(void *data)
{
    (void) data;

    return due_ms;
}


static void
run(void *data, uint64_t now_ms)
{
    (void) data;
    ran_ms = now_ms;
}


static void
test_timeout(void)
{
    qoe_net_t         *net;
    qoe_net_client_t   c = { .due = due, .run = run };

    net = net_new();
    qoe_net_add(net, &c);

    due_ms = QOE_NET_NEVER;
    qoe_net_wait(net, NULL, 0, -1);
    qoe_net_wait(net, NULL, 0, 3600001);
    qoe_net_wait(net, NULL, 0, 3599999);
    ok(poll_ms[0] == 3600000 && poll_ms[1] == 3600000
       && poll_ms[2] == 3599999,
       "a wait without a limit is an hour, and none is longer");

    polls = 0;
    ran_ms = 0;
    due_ms = qoe_mono_ms() + 100000;
    qoe_net_wait(net, NULL, 0, 3000);
    qoe_net_wait(net, NULL, 0, -1);
    ok(poll_ms[0] == 3000 && poll_ms[1] <= 100000 && poll_ms[1] > 40000
       && ran_ms != 0, "a client that is due earlier ends a wait, and runs");

    due_ms = 1;
    qoe_net_wait(net, NULL, 0, -1);
    ok(poll_ms[2] == 0, "a client that is overdue waits for nothing");
    qoe_net_remove(net, &c);
    polls = 0;
    ran_ms = 0;
    qoe_net_wait(net, NULL, 0, 10);
    ok(poll_ms[0] == 10 && ran_ms == 0,
       "a client that was removed is not asked and does not run");
    qoe_net_destroy(net);
}


static void
test_transfers(void)
{
    qoe_net_t           *net;
    qoe_net_transfer_t   x = { .easy = curl_easy_init() };

    net = net_new();
    perform_rc = CURLM_INTERNAL_ERROR;
    qoe_net_wait(net, NULL, 0, 0);
    perform_rc = CURLM_OK;
    ok(lines == 1 && strstr(logged, "curl_multi_perform() failed") != NULL,
       "a failure of all transfers is reported: %s", logged);
    qoe_net_destroy(net);

    net = net_new();
    add_rc = CURLM_OUT_OF_MEMORY;
    ok(qoe_net_attach(net, &x) == QOE_NOMEM && !x.attached && lines == 1
       && strstr(logged, "curl_multi_add_handle() failed") != NULL,
       "a transfer for which there is no memory is not begun: %s", logged);
    add_rc = CURLM_BAD_EASY_HANDLE;
    ok(qoe_net_attach(net, &x) == QOE_ERROR && !x.attached,
       "nor is one that libcurl refuses");
    add_rc = CURLM_OK;
    ok(qoe_net_attach(net, &x) == QOE_OK && x.attached,
       "else it is attached");
    qoe_net_detach(net, &x);
    ok(!x.attached, "until it is detached");
    qoe_net_destroy(net);
    curl_easy_cleanup(x.easy);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);

    test_poll();
    test_timeout();
    test_transfers();

    curl_global_cleanup();

    return tap_end();
}
