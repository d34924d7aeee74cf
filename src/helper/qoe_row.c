
/*
 * Copyright (C) OpenQoE
 *
 * The row of a helper in the zone: its worker's memory, and that it lives.
 */


#include "qoe_helper_priv.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>


/* As often as leases are looked at when there is nothing else to do. */
#define QOE_ROW_MS         5000


static uint64_t qoe_row_stack(void);


void
qoe_row_update(qoe_helper_t *h, uint64_t now)
{
    struct mallinfo2  info;

    if (now < h->row_ms || h->gone) {
        return;
    }

    h->row_ms = now + QOE_ROW_MS;

    info = mallinfo2();

    qoe_self_worker(h->state.self, h->self, info.uordblks + info.hblkhd,
                    qoe_row_stack(), now);
}


/* VmStk of proc(5) in bytes; 0: not available. */

static uint64_t
qoe_row_stack(void)
{
    int       fd;
    char      buf[4096], *p;
    ssize_t   n;

    fd = open("/proc/self/status", O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, buf, sizeof(buf) - 1);
    close(fd);

    if (n <= 0) {
        return 0;
    }

    buf[n] = '\0';
    p = strstr(buf, "VmStk:");

    return p != NULL ? strtoull(p + sizeof("VmStk:") - 1, NULL, 10) * 1024 : 0;
}
