
/*
 * Copyright (C) OpenQoE
 *
 * Failpoints, which the library that the other tests link is built without:
 * armed by a file, in a running process, once a line.
 */


#include "tap.h"

#define QOE_FAILPOINTS
#include "../../../src/core/qoe_failpoint.c"

#include <sys/wait.h>


static char  path[64];


static void
arm(const char *text)
{
    FILE  *f;

    f = fopen(path, "w");

    if (f == NULL || fputs(text, f) == EOF || fclose(f) != 0) {
        abort();
    }
}


static void
test_file(void)
{
    ok(qoe_failpoint("spool.sync") == 0,
       "without the environment variable no failpoint fails");

    setenv("OPENQOE_FAILPOINTS", path, 1);
    qoe_failpoint_init();

    ok(qoe_failpoint("spool.sync") == 0,
       "without the file that the variable names no failpoint fails");

    arm("spool.done error=5\nspool.sync error=28 2\nnonsense\n"
        "spool.unlink nonsense\nspool.unlink errors=5\n");
    errno = EAGAIN;
    ok(qoe_failpoint("spool.syn") == 0 && qoe_failpoint("nonsense") == 0
       && qoe_failpoint("spool.unlink") == 0,
       "a failpoint leaves places of other names alone");
    ok(qoe_failpoint("spool.sync") == 0 && qoe_failpoint("spool.sync") == 0,
       "a failpoint that begins at the third hit lets two pass");
    ok(qoe_failpoint("spool.sync") == 28 && errno == EAGAIN,
       "the third hit gets the error, and errno stays as it was");
    ok(qoe_failpoint("spool.sync") == 0, "a failpoint fails a single time");
    ok(qoe_failpoint("spool.done") == 5,
       "the line before it in the file is a failpoint of its own");

    arm("spool.sync error=5");
    ok(qoe_failpoint("spool.sync") == 5,
       "a failpoint can be armed anew while the process runs");

    arm("spool.sync error=6 1\nspool.sync error=7\n");
    ok(qoe_failpoint("spool.sync") == 7 && qoe_failpoint("spool.sync") == 6,
       "two lines for one place take effect one after the other");
}


static void
test_acts(void)
{
    int              status;
    pid_t            pid;
    struct timespec  a, b;

    arm("feed.send kill 1\nfeed.acked sleep=120\n");

    pid = fork();

    if (pid == 0) {
        (void) qoe_failpoint("feed.send");
        (void) qoe_failpoint("feed.send");
        _exit(0);
    }

    waitpid(pid, &status, 0);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
       "a failpoint with an action of kill kills the process");

    pid = fork();

    if (pid == 0) {
        (void) qoe_failpoint("feed.send");
        _exit(0);
    }

    waitpid(pid, &status, 0);
    ok(WIFEXITED(status),
       "a kill that waits for a second hit does not count the parent's hits");

    clock_gettime(CLOCK_MONOTONIC, &a);
    ok(qoe_failpoint("feed.acked") == 0,
       "a failpoint that only waits returns no error");
    clock_gettime(CLOCK_MONOTONIC, &b);
    ok((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000
       >= 119, "a failpoint waits at least as long as its line says");
}


static void *
hitter(void *data)
{
    int   i;
    long  n;

    (void) data;

    for (n = 0, i = 0; i < 300; i++) {
        n += qoe_failpoint("put.publish");
    }

    return (void *) n;
}


static void
test_threads(void)
{
    int        i;
    long       n;
    void      *got;
    pthread_t  t[4];

    arm("put.publish error=1 600\n");

    for (i = 0; i < 4; i++) {
        if (pthread_create(&t[i], NULL, hitter, NULL) != 0) {
            abort();
        }
    }

    for (n = 0, i = 0; i < 4; i++) {
        pthread_join(t[i], &got);
        n += (long) got;
    }

    ok(n == 1, "of four threads at a failpoint a single one gets the error");
}


int
main(void)
{
    strcpy(path, "/tmp/failpoint_test.XXXXXX");

    if (mkdtemp(path) == NULL) {
        abort();
    }

    strcat(path, "/armed");

    test_file();
    test_acts();
    test_threads();

    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);

    return tap_end();
}
