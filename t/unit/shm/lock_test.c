
/*
 * Copyright (C) OpenQoE
 *
 * The lock in shared memory: who has it, who waits for how long, and who may
 * take it from whom.
 */


#include "tap.h"
#include "qoe_lock.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


#define THREADS            4
#define TURNS              20000


static uint64_t  word, counted;
static int       lost;


static void *
count(void *arg)
{
    int       i;
    bool      stolen;
    uint64_t  n;

    (void) arg;

    for (i = 0; i < TURNS; i++) {

        /* on a busy machine its holder may not run for a while */

        while (qoe_lock(&word, qoe_proc_self(), &stolen) != QOE_OK) {
            /* void */
        }

        n = __atomic_load_n(&counted, __ATOMIC_RELAXED);
        __atomic_store_n(&counted, n + 1, __ATOMIC_RELAXED);

        if (stolen) {
            __atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
        }

        qoe_unlock(&word);
    }

    return NULL;
}


static void
test_threads(void)
{
    int        i;
    pthread_t  t[THREADS];

    for (i = 0; i < THREADS; i++) {
        if (pthread_create(&t[i], NULL, count, NULL) != 0) {
            abort();
        }
    }

    for (i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
    }

    ok(counted == THREADS * TURNS && word == 0,
       "threads of one process exclude each other");
    ok(lost == 0, "a lock of a process that lives is never stolen");
}


static void
test_owner(void)
{
    bool        stolen;
    pid_t       pid;
    uint64_t    start, took, *shared;
    qoe_proc_t  self;

    self = qoe_proc_self();
    shared = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);

    if (shared == MAP_FAILED) {
        abort();
    }

    stolen = true;
    ok(qoe_lock(shared, self, &stolen) == QOE_OK && *shared == self
       && !stolen, "a free lock is taken, and names its owner");

    stolen = true;
    start = qoe_mono_ms();
    ok(qoe_lock(shared, self, &stolen) == QOE_BUSY && *shared == self
       && !stolen, "it does not recurse");
    took = qoe_mono_ms() - start;
    ok(took >= 50, "the wait for a lock is of 50 ms at least (%llu)",
       (unsigned long long) took);

    qoe_unlock(shared);
    ok(*shared == 0 && qoe_lock(shared, self, &stolen) == QOE_OK && !stolen,
       "a lock that was released is free");
    qoe_unlock(shared);

    pid = fork();

    if (pid == 0) {
        _exit(qoe_lock(shared, qoe_proc_self(), &stolen) != QOE_OK);
    }

    waitpid(pid, NULL, 0);
    ok(*shared != 0 && *shared != self,
       "a process that exited with the lock has left it taken");
    ok(qoe_lock(shared, self, &stolen) == QOE_OK && stolen && *shared == self,
       "it is stolen from that process, and the caller learns of it");

    munmap(shared, 4096);
}


int
main(void)
{
    test_owner();
    test_threads();

    return tap_end();
}
