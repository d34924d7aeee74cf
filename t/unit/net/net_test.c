
/*
 * Copyright (C) OpenQoE
 */


#include "tap.h"
#include "qoe_net.h"

#include <curl/curl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>


static void
quiet(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    (void) ctx;
    (void) level;
    (void) text;
    (void) len;
}


static const qoe_log_t  log_quiet = { quiet, NULL, QOE_LOG_ERR };


static void *
wake_later(void *data)
{
    usleep(100 * 1000);
    qoe_net_wakeup(data);

    return NULL;
}


static uint64_t
cpu_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


int
main(void)
{
    int         i, fds[12];
    uint64_t    start, cpu;
    qoe_net_t  *net;
    pthread_t   thread;

    curl_global_init(CURL_GLOBAL_DEFAULT);

    net = qoe_net_create(&log_quiet);
    if (net == NULL) {
        return 1;
    }

    start = qoe_mono_ms();
    cpu = cpu_us();
    qoe_net_wait(net, NULL, 0, 300);
    ok(qoe_mono_ms() - start >= 295, "a wait lasts as long as asked for");
    ok(cpu_us() - cpu < 100000, "a wait takes no CPU time");

    start = qoe_mono_ms();
    qoe_net_wait(net, NULL, 0, 0);
    ok(qoe_mono_ms() - start < 200, "a wait of 0 returns at once");

    pthread_create(&thread, NULL, wake_later, net);
    start = qoe_mono_ms();
    qoe_net_wait(net, NULL, 0, -1);
    start = qoe_mono_ms() - start;
    pthread_join(thread, NULL);
    ok(start >= 90 && start < 5000,
       "another thread ends a wait without a limit");

    qoe_net_wakeup(net);
    qoe_net_wakeup(net);
    start = qoe_mono_ms();
    qoe_net_wait(net, NULL, 0, 5000);
    ok(qoe_mono_ms() - start < 2000, "a wakeup before the wait ends it");

    start = qoe_mono_ms();
    qoe_net_wait(net, NULL, 0, 200);
    ok(qoe_mono_ms() - start >= 195, "a wakeup ends only one wait");

    for (i = 0; i < 12; i++) {
        fds[i] = eventfd(0, EFD_CLOEXEC);
    }

    eventfd_write(fds[11], 1);
    start = qoe_mono_ms();
    qoe_net_wait(net, fds, 12, 5000);
    ok(qoe_mono_ms() - start < 2000, "the last of 12 descriptors ends a wait");

    start = qoe_mono_ms();
    qoe_net_wait(net, fds, 11, 200);
    ok(qoe_mono_ms() - start >= 195, "the other descriptors do not end a wait");

    for (i = 0; i < 12; i++) {
        close(fds[i]);
    }

    qoe_net_destroy(net);
    qoe_net_destroy(NULL);
    curl_global_cleanup();

    return tap_end();
}
