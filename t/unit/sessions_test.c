
/*
 * Copyright (C) OpenQoE
 *
 * The table of sessions against a model, and under writers that are killed.
 */


#include "tap.h"
#include "qoe_sessions.h"
#include "qoe_proc.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


#define SIZE       (128 * 1024)
#define KEYS       1000
#define STEPS      200000
#define KILLS      200


typedef struct {
    bool      there;
    uint32_t  list;
    uint64_t  at;
} model_t;


static uint32_t  seed = 1;


static uint32_t
rnd(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;

    return (seed >> 8) % n;
}


static qoe_sessions_t *
table_new(void)
{
    void  *mem;

    mem = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);
    if (mem == MAP_FAILED) {
        abort();
    }

    qoe_sessions_create(mem, SIZE);

    return mem;
}


static void
key(uint64_t k[2], uint32_t i)
{
    k[0] = i % 7;                            /* long chains */
    k[1] = i + 1;
}


/* The list from the oldest on: are these the keys of the model, in order? */

static bool
list_ok(qoe_sessions_t *s, const model_t *model, uint32_t list,
    uint32_t *count)
{
    uint64_t     last;
    uint32_t     n, i;
    qoe_view_t  *v;

    last = 0;
    n = 0;

    for (v = qoe_sessions_oldest(s, list); v != NULL; n++) {
        i = (uint32_t) v->session[1] - 1;

        if (n > KEYS || i >= KEYS || !model[i].there || model[i].list != list
            || model[i].at < last || v->received_ms != model[i].at)
        {
            return false;
        }

        last = model[i].at;
        v = v->newer ? qoe_sessions_slot(s, v->newer - 1) : NULL;
    }

    *count += n;

    return true;
}


static bool
same(qoe_sessions_t *s, const model_t *model)
{
    uint32_t     i, n, listed;
    uint64_t     k[2];
    qoe_view_t  *v, copy;

    n = 0;
    listed = 0;

    for (i = 0; i < KEYS; i++) {
        key(k, i);
        v = qoe_sessions_find(s, k);

        if ((v != NULL) != model[i].there) {
            return false;
        }

        n += model[i].there;
    }

    if (n != qoe_sessions_count(s)
        || !list_ok(s, model, QOE_SESSIONS_VISIBLE, &listed)
        || !list_ok(s, model, QOE_SESSIONS_HIDDEN, &listed)
        || listed != n)
    {
        return false;
    }

    for (i = 0; i < qoe_sessions_slots(s); i++) {
        n -= qoe_sessions_read(s, i, &copy);
    }

    return n == 0;
}


static void
step(qoe_sessions_t *s, model_t *model, uint64_t now)
{
    uint32_t     i;
    uint64_t     k[2];
    qoe_view_t  *v;

    i = rnd(KEYS);
    key(k, i);
    v = qoe_sessions_find(s, k);

    if (v != NULL && rnd(4) == 0) {
        qoe_sessions_set_base(v, 0, 0, 0, 0);
        qoe_sessions_remove(s, v);
        model[i].there = false;
        return;
    }

    if (v == NULL) {
        v = qoe_sessions_add(s, k);

        if (v == NULL) {
            return;
        }
    }

    v->received_ms = now;
    model[i].there = true;
    model[i].at = now;
    model[i].list = rnd(8) == 0;

    qoe_sessions_set_base(v, i + 1, 0, i, 1);
    qoe_sessions_touch(s, v, model[i].list);
}


static void
model_test(void)
{
    bool             good;
    uint32_t         i, full;
    uint64_t         k[2];
    qoe_sessions_t  *s;
    static model_t   model[KEYS];

    s = table_new();
    good = true;

    ok(qoe_sessions_slots(s) > 200 && qoe_sessions_count(s) == 0,
       "%u slots in %u bytes, none in use", qoe_sessions_slots(s), SIZE);

    for (i = 1; i <= STEPS; i++) {
        step(s, model, i);

        if (i % 5000 == 0) {
            good = good && same(s, model);
        }
    }

    ok(good, "as the model, in %u steps", STEPS);

    qoe_sessions_rebuild(s);
    ok(same(s, model), "and rebuilt");

    for (i = 0, full = 0; i < KEYS; i++) {
        key(k, i);

        if (qoe_sessions_find(s, k) == NULL) {
            full += (qoe_sessions_add(s, k) == NULL);
        }
    }

    ok(full != 0 && qoe_sessions_count(s) == qoe_sessions_slots(s),
       "a full table says so");

    munmap(s, SIZE);
}


/* Every session is found and in one list, and every other slot is free. */

static bool
whole(qoe_sessions_t *s)
{
    uint32_t     i, n, listed, list;
    qoe_view_t  *v, copy;

    n = 0;
    listed = 0;

    for (i = 0; i < qoe_sessions_slots(s); i++) {
        if (qoe_sessions_read(s, i, &copy)) {
            n++;

            if (qoe_sessions_find(s, copy.session) == NULL) {
                return false;
            }
        }
    }

    for (list = 0; list < QOE_SESSIONS_LISTS; list++) {
        for (v = qoe_sessions_oldest(s, list); v != NULL && listed <= n;
             listed++)
        {
            v = v->newer ? qoe_sessions_slot(s, v->newer - 1) : NULL;
        }
    }

    return n == qoe_sessions_count(s) && n == listed;
}


static void
kill_test(void)
{
    int              i, status, bad;
    pid_t            pid;
    uint32_t         n;
    qoe_sessions_t  *s;
    static model_t   model[KEYS];

    s = table_new();
    bad = 0;

    for (i = 0; i < KILLS; i++) {
        pid = fork();

        if (pid == 0) {
            for (n = 1, seed = (uint32_t) i; /* void */ ; n++) {
                step(s, model, n);
            }
        }

        usleep((useconds_t) (500 + i % 10 * 100));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);

        qoe_sessions_rebuild(s);
        bad += !whole(s);
    }

    ok(bad == 0, "whole again after %d killed writers", KILLS);

    /* all that there is can be had again */

    for (n = 0; n < qoe_sessions_slots(s); n++) {
        qoe_view_t  *v = qoe_sessions_slot(s, n);

        if (v->session[0] != 0 || v->session[1] != 0) {
            qoe_sessions_remove(s, v);
        }
    }

    for (n = 0; qoe_sessions_add(s, (uint64_t[2]) { n, n + 1 }) != NULL; n++) {
        /* void */
    }

    ok(n == qoe_sessions_slots(s), "no slot is lost");

    munmap(s, SIZE);
}


int
main(void)
{
    model_test();
    kill_test();

    return tap_end();
}
