
/*
 * Copyright (C) OpenQoE
 *
 * Which process a word names, and whether that process has ended, by what
 * /proc says of it, or by the kernel if /proc says nothing.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* memfd_create() */
#endif

#include "tap.h"
#include "qoe_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>


#define PID        ((uint64_t) 4711 << 32)

/* the fields of proc(5) after the state, before and after the start time */
#define BEFORE     " 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 "
#define AFTER      " 10 11 12\n"


/* libqoe.a calls these functions instead of those of libc. */

static const char  *stat_text;               /* NULL: there is no such file */
static int          read_errno;
static int          kill_errno;              /* 0: the signal could be sent */
static char         opened[64];
static pid_t        asked;


int
open(const char *path, int flags, ...)
{
    int  fd;

    if (strncmp(path, "/proc/", 6) != 0) {
        abort();
    }

    (void) flags;
    strncpy(opened, path, sizeof(opened) - 1);

    if (stat_text == NULL) {
        errno = ENOENT;
        return -1;
    }

    fd = memfd_create("stat", MFD_CLOEXEC);

    if (fd == -1
        || write(fd, stat_text, strlen(stat_text)) == -1
        || lseek(fd, 0, SEEK_SET) == -1)
    {
        abort();
    }

    return fd;
}


ssize_t
read(int fd, void *p, size_t n)
{
    if (read_errno != 0) {
        errno = read_errno;
        return -1;
    }

    return syscall(SYS_read, fd, p, n);
}


int
kill(pid_t pid, int sig)
{
    if (sig != 0) {
        abort();
    }

    asked = pid;
    errno = kill_errno;

    return kill_errno ? -1 : 0;
}


/* Is the process alive whose file says so?  The kernel says that it is not. */

static bool
alive(const char *text, uint64_t start)
{
    stat_text = text;
    kill_errno = ESRCH;
    asked = 0;

    return qoe_proc_alive(PID | start);
}


static void
test_states(void)
{
    int   wrong;
    char  text[256];
    const char  *s;

    for (s = "RSDTtIWKP", wrong = 0; *s != '\0'; s++) {
        snprintf(text, sizeof(text), "4711 (nginx) %c" BEFORE "900" AFTER, *s);
        wrong += !alive(text, 900) || asked != 0;
    }

    ok(wrong == 0 && strcmp(opened, "/proc/4711/stat") == 0,
       "a process that runs, sleeps or is stopped is alive");

    for (s = "ZXx"; *s != '\0'; s++) {
        snprintf(text, sizeof(text), "4711 (nginx) %c" BEFORE "900" AFTER, *s);
        wrong += alive(text, 900) || asked != 0;
    }

    ok(wrong == 0, "a zombie has ended, and so has a process that is exiting");
}


static void
test_start(void)
{
    const char  *text = "4711 (nginx) S" BEFORE "900" AFTER;

    ok(alive(text, 900) && !alive(text, 901) && !alive(text, 20),
       "a later process of the same pid is another one");
    ok(alive(text, 0),
       "without a start time a process of that pid is taken for the same");
    ok(alive("4711 (nginx) S" BEFORE "4294967396" AFTER, 100)
       && !alive("4711 (nginx) S" BEFORE "4294967396" AFTER, 101),
       "of a long start time the low bits count");
    ok(alive("4711 (a) S 5 (b)) R" BEFORE "900" AFTER, 900)
       && !alive("4711 (a) S 5 (b)) Z" BEFORE "900" AFTER, 900),
       "a name may have parentheses and look like fields");

    stat_text = text;
    ok((uint32_t) qoe_proc_self() == 900 && qoe_proc_pid(qoe_proc_self())
       == getpid(), "a process is its pid and its start time");
    stat_text = NULL;
    ok(qoe_proc_self() == (uint64_t) getpid() << 32,
       "or its pid alone, if its start time is not known");
}


/* The kernel knows whether there is such a process at all. */

static bool
asks_kernel(const char *text)
{
    bool  gone, there, other;

    gone = !alive(text, 900) && asked == 4711;
    kill_errno = 0;
    there = qoe_proc_alive(PID | 900);
    kill_errno = EPERM;
    other = qoe_proc_alive(PID | 900);

    return gone && there && other;
}


static void
test_unknown(void)
{
    ok(asks_kernel(NULL), "without /proc the kernel is asked");
    read_errno = EIO;
    ok(asks_kernel("4711 (nginx) S" BEFORE "900" AFTER),
       "it is asked if the file cannot be read");
    read_errno = 0;
    ok(asks_kernel(""), "if the file is empty");
    ok(asks_kernel("4711 nginx S" BEFORE "900" AFTER),
       "if it has no name in parentheses");
    ok(asks_kernel("4711 (nginx)"), "if it ends after the name");
    ok(asks_kernel("4711 (nginx)S" BEFORE "900" AFTER),
       "if no blank follows the name");
    ok(asks_kernel("4711 (nginx) S 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 "
                   "0 1 0"), "if it ends before the start time");
    ok(!alive(NULL, 900) && !qoe_proc_alive(0), "no process is 0");
}


int
main(void)
{
    test_states();
    test_start();
    test_unknown();

    return tap_end();
}
