
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define QOE_PROC_START_FIELD   22            /* starttime in /proc/pid/stat */


typedef enum {
    QOE_PROC_RUNS,
    QOE_PROC_ENDED,              /* a zombie, or exiting */
    QOE_PROC_UNKNOWN             /* no such file, or unreadable */
} qoe_proc_state_t;


static qoe_proc_state_t qoe_proc_stat(pid_t pid, uint32_t *start);


qoe_proc_t
qoe_proc_self(void)
{
    pid_t     pid;
    uint32_t  start;

    pid = getpid();

    if (qoe_proc_stat(pid, &start) == QOE_PROC_UNKNOWN) {
        start = 0;
    }

    return (qoe_proc_t) pid << 32 | start;
}


bool
qoe_proc_alive(qoe_proc_t p)
{
    uint32_t  start;

    if (p == 0) {
        return false;
    }

    switch (qoe_proc_stat(qoe_proc_pid(p), &start)) {

    case QOE_PROC_RUNS:
        return (uint32_t) p == 0 || (uint32_t) p == start;

    case QOE_PROC_ENDED:
        return false;

    default:
        /* /proc may be absent or mounted with hidepid: ask the kernel */
        return kill(qoe_proc_pid(p), 0) == 0 || errno != ESRCH;
    }
}


/* Reads the state and the start time of pid, in the format of proc(5). */

static qoe_proc_state_t
qoe_proc_stat(pid_t pid, uint32_t *start)
{
    int       fd, field;
    char      path[32], buf[512], *p, state;
    ssize_t   n;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long) pid);

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return QOE_PROC_UNKNOWN;
    }

    n = read(fd, buf, sizeof(buf) - 1);
    close(fd);

    if (n <= 0) {
        return QOE_PROC_UNKNOWN;
    }

    buf[n] = '\0';

    /* the name is in parentheses, and may contain parentheses itself */

    p = strrchr(buf, ')');
    if (p == NULL || p[1] != ' ') {
        return QOE_PROC_UNKNOWN;
    }

    p += 2;
    state = *p;

    for (field = 3; field < QOE_PROC_START_FIELD; field++) {
        p = strchr(p, ' ');
        if (p == NULL) {
            return QOE_PROC_UNKNOWN;
        }

        p++;
    }

    *start = (uint32_t) strtoull(p, NULL, 10);

    return (state == 'Z' || state == 'X' || state == 'x') ? QOE_PROC_ENDED
                                                          : QOE_PROC_RUNS;
}
