
/*
 * Copyright (C) OpenQoE
 *
 * The rows of workers: whose they are, until when a helper counts as seen, and
 * which row another one takes.
 */


#include "tap.h"
#include "qoe_proc.h"
#include "qoe_self_layout.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


#define INIT(n)  ((qoe_proc_t) 1 << 32 | (n))    /* lives, for 0 */


static qoe_self_t  *table;
static qoe_proc_t   self, dead;


static void
begin(void)
{
    static const qoe_hash_key_t  key = { 1, 2 };

    table = mmap(NULL, QOE_SELF_MIN, PROT_READ|PROT_WRITE,
                 MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (table == MAP_FAILED) {
        abort();
    }

    qoe_self_create(table, QOE_SELF_MIN, &key);
}


/* Are those the sums at that time? */

static bool
are(uint64_t now_ms, uint64_t heap, uint64_t stack, uint32_t helpers)
{
    qoe_workers_t  w;

    memset(&w, 0xff, sizeof(w));
    qoe_self_workers(table, now_ms, 100, &w);

    return w.heap == heap && w.stack == stack && w.helpers == helpers;
}


static void
test_seen(void)
{
    qoe_self_row_t  *row;

    begin();
    row = table->row;
    row[QOE_WORKERS_MAX] = (qoe_self_row_t) { .proc = INIT(0), .heap = 9 };
    ok(are(1000, 0, 0, 0), "without a row there is no helper");
    memset(&row[QOE_WORKERS_MAX], 0, sizeof(*row));

    qoe_self_worker(table, self, 10, 3, 5000);
    qoe_self_worker(table, INIT(0), 20, 4, 5050);
    ok(are(5050, 30, 7, 2), "the memory of all workers is added");
    ok(are(5100, 30, 7, 2), "a helper counts until 100 ms after its last row");
    ok(are(5101, 30, 7, 1), "and no longer, but its memory does");
    ok(are(5151, 30, 7, 0), "for as long as its process lives");

    qoe_self_worker(table, self, 11, 2, 5200);
    ok(are(5200, 31, 6, 1) && table->row[0].proc == self
       && table->row[1].proc == INIT(0) && table->row[2].proc == 0,
       "each worker has a row of its own");

    qoe_self_worker_gone(table, self);
    qoe_self_worker_gone(table, INIT(0) + 5);
    ok(are(5200, 20, 4, 0) && table->row[0].proc == 0
       && table->row[1].proc == INIT(0), "one that has left has none");

    table->row[1].proc = dead;
    ok(are(5200, 0, 0, 0), "the row of a process that ended says nothing");
}


static void
test_here(void)
{
    begin();
    qoe_self_worker(table, self, 1, 1, 1);
    table->row[QOE_WORKERS_MAX - 1].proc = INIT(0);
    table->row[5].proc = dead;
    ok(qoe_self_worker_here(table, self)
       && qoe_self_worker_here(table, INIT(0))
       && !qoe_self_worker_here(table, dead)
       && !qoe_self_worker_here(table, INIT(7)),
       "a helper is there if it has a row and lives");
}


static void
test_take(void)
{
    uint32_t  i;

    begin();

    for (i = 0; i < QOE_WORKERS_MAX; i++) {
        table->row[i].proc = INIT(0);
    }

    qoe_self_worker(table, self, 1, 1, 1);

    for (i = 0; i < QOE_WORKERS_MAX && table->row[i].proc == INIT(0); i++) {
        /* void */
    }

    ok(i == QOE_WORKERS_MAX, "where all rows are taken another has none");

    table->row[QOE_WORKERS_MAX - 1].proc = 0;
    qoe_self_worker(table, self, 1, 1, 1);
    ok(table->row[QOE_WORKERS_MAX - 1].proc == self, "the last row is one");

    table->row[QOE_WORKERS_MAX - 1].proc = INIT(0);
    table->row[9].proc = dead;
    qoe_self_worker(table, self, 1, 1, 77);
    ok(table->row[9].proc == self && table->row[9].seen_ms == 77,
       "that of a process that ended is taken over");
}


int
main(void)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    (void) waitpid(pid, NULL, 0);
    dead = (qoe_proc_t) pid << 32 | 1;
    self = qoe_proc_self();

    test_seen();
    test_here();
    test_take();

    return tap_end();
}
