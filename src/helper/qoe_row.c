
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


#ifdef __GLIBC__
#if (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 33))
#define QOE_ROW_MALLINFO2  1
#endif
#endif


static uint64_t qoe_row_heap(void);
static uint64_t qoe_row_stack(void);


void
qoe_row_update(qoe_helper_t *h, uint64_t now)
{
    if (now < h->row_ms || h->gone) {
        return;
    }

    h->row_ms = now + QOE_ROW_MS;

    qoe_self_worker(h->state.self, h->self, qoe_row_heap(), qoe_row_stack(),
                    now);
}


/*
 * The bytes that malloc() has given out.  0: unknown, as the C library does
 * not say: musl never does, and glibc before 2.33 only up to 4 GB.
 */

static uint64_t
qoe_row_heap(void)
{
#ifdef QOE_ROW_MALLINFO2

    struct mallinfo2  info;

    info = mallinfo2();

    return info.uordblks + info.hblkhd;

#else

    return 0;

#endif
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
