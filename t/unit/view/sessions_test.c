
/*
 * Copyright (C) OpenQoE
 *
 * The table of sessions and views against a model, and under writers that are
 * killed.
 */


#include "tap.h"
#include "qoe_sessions.h"
#include "qoe_proc.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


#define SIZE       (512 * 1024)
#define KEYS       1000
#define VIEWS      3                         /* at most, of a session */
#define STEPS      200000
#define KILLS      200


/* at counts the steps; a view's base is unique, and identifies the view. */

typedef struct {
    bool      there;
    uint32_t  list;
    uint64_t  at;
} model_view_t;

typedef struct {
    bool          there;
    uint64_t      at;
    model_view_t  view[VIEWS];
} model_t;


static const qoe_blocks_t  no_blocks;


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


static qoe_view_t *
view_of(qoe_sessions_t *t, const qoe_session_t *s, uint64_t view_key)
{
    uint32_t     n;
    qoe_view_t  *v;

    v = qoe_sessions_view(t, s);

    for (n = 0; v != NULL && v->view_key != view_key && n <= VIEWS; n++) {
        v = qoe_sessions_next_view(t, v);
    }

    return v;
}


static uint32_t
base_of(uint32_t session, uint32_t view)
{
    return 1 + session * VIEWS + view;
}


/* From the oldest session on: are they the model's, in order? */

static bool
sessions_ok(qoe_sessions_t *t, const model_t *model, uint32_t *count)
{
    uint32_t        i, n;
    uint64_t        last;
    qoe_session_t  *s;

    last = 0;
    n = 0;

    for (s = qoe_sessions_oldest(t); s != NULL;
         s = qoe_sessions_newer(t, s), n++)
    {
        i = (uint32_t) s->key[1] - 1;

        if (n > KEYS || i >= KEYS || !model[i].there || model[i].at < last
            || s->received_ms != model[i].at)
        {
            return false;
        }

        last = model[i].at;
    }

    *count = n;

    return true;
}


/* From the view that is longest in the list on; a link is 1 + the slot. */

static bool
list_ok(qoe_sessions_t *t, const model_t *model, qoe_silence_t list,
    uint32_t *count)
{
    uint32_t             n;
    uint64_t             last;
    qoe_view_t          *v;
    const model_view_t  *m;

    last = 0;
    n = 0;

    for (v = qoe_sessions_silent(t, list); v != NULL; n++) {

        if (n > KEYS * VIEWS || v->base == 0 || v->base > KEYS * VIEWS) {
            return false;
        }

        m = &model[(v->base - 1) / VIEWS].view[(v->base - 1) % VIEWS];

        if (!m->there || m->list != list || m->at < last
            || v->received_ms != m->at
            || qoe_sessions_of(t, v)->key[1] - 1 != (v->base - 1) / VIEWS)
        {
            return false;
        }

        last = m->at;
        v = v->links.newer ? qoe_sessions_slot(t, v->links.newer - 1) : NULL;
    }

    *count += n;

    return true;
}


/* Each session of the model is found, with its views and no others. */

static bool
found_ok(qoe_sessions_t *t, const model_t *model, uint32_t *sessions,
    uint32_t *views)
{
    uint32_t        i, j, n;
    uint64_t        k[2];
    qoe_session_t  *s;

    for (i = 0; i < KEYS; i++) {
        key(k, i);
        s = qoe_sessions_find(t, k);

        if ((s != NULL) != model[i].there) {
            return false;
        }

        if (s == NULL) {
            continue;
        }

        for (j = 0, n = 0; j < VIEWS; j++) {
            if ((view_of(t, s, j + 1) != NULL) != model[i].view[j].there) {
                return false;
            }

            n += model[i].view[j].there;
        }

        if (n != s->nviews) {
            return false;
        }

        *sessions += 1;
        *views += n;
    }

    return true;
}


static bool
same(qoe_sessions_t *t, const model_t *model, bool ordered)
{
    uint32_t             i, sessions, views, listed, silent;
    qoe_view_t           copy;
    qoe_sessions_info_t  info;

    sessions = 0;
    views = 0;
    silent = 0;

    if (!found_ok(t, model, &sessions, &views)) {
        return false;
    }

    qoe_sessions_info(t, &info);

    if (info.sessions != sessions || info.views != views
        || info.views_max != qoe_sessions_slots(t)
        || !sessions_ok(t, model, &listed) || listed != sessions)
    {
        return false;
    }

    for (i = 0; ordered && i < QOE_SILENCES; i++) {
        if (!list_ok(t, model, (qoe_silence_t) i, &silent)) {
            return false;
        }
    }

    if (ordered && silent != views) {
        return false;
    }

    for (i = 0; i < qoe_sessions_slots(t); i++) {
        views -= qoe_sessions_read(t, i, &copy);
    }

    return views == 0;
}


static void
drop_view(qoe_sessions_t *t, qoe_view_t *v)
{
    qoe_sessions_set_base(v, &no_blocks, 0, 0);
    qoe_sessions_remove_view(t, v);
}


static void
drop_session(qoe_sessions_t *t, qoe_session_t *s)
{
    qoe_view_t  *v;

    while ((v = qoe_sessions_view(t, s)) != NULL) {
        drop_view(t, v);
    }

    qoe_sessions_remove(t, s);
}


/* An event of a view of a session that has been found or added. */

static void
step_view(qoe_sessions_t *t, qoe_session_t *s, model_t *m, uint32_t i,
    uint64_t now)
{
    uint32_t     j;
    qoe_view_t  *v;

    j = rnd(VIEWS);
    v = view_of(t, s, j + 1);

    if (v != NULL && rnd(3) == 0) {
        drop_view(t, v);
        m->view[j].there = false;
        return;
    }

    if (v == NULL) {
        v = qoe_sessions_add_view(t, s, j + 1);

        if (v == NULL) {
            return;
        }
    }

    v->received_ms = now;
    m->view[j].there = true;
    m->view[j].at = now;
    m->view[j].list = rnd(QOE_SILENCES);

    qoe_sessions_set_base(v, &(qoe_blocks_t) { { base_of(i, j) } },
                          i, 1);
    qoe_sessions_list(t, v, (qoe_silence_t) m->view[j].list);
}


static void
step(qoe_sessions_t *t, model_t *model, uint64_t now)
{
    uint32_t        i;
    uint64_t        k[2];
    qoe_session_t  *s;

    i = rnd(KEYS);
    key(k, i);
    s = qoe_sessions_find(t, k);

    if (s != NULL && rnd(6) == 0) {
        drop_session(t, s);
        memset(&model[i], 0, sizeof(model_t));
        return;
    }

    if (s == NULL) {
        s = qoe_sessions_add(t, k);

        if (s == NULL) {
            return;
        }
    }

    s->received_ms = now;
    model[i].there = true;
    model[i].at = now;

    qoe_sessions_touch(t, s);
    step_view(t, s, &model[i], i, now);

    if (now % 3 == 0) {
        qoe_sessions_know(t, s);
    }
}


/* After a rebuild all views are in the first list, by their last receipt. */

static void
all_fresh(model_t *model)
{
    uint32_t  i, j;

    for (i = 0; i < KEYS; i++) {
        for (j = 0; j < VIEWS; j++) {
            model[i].view[j].list = QOE_SILENCE_FRESH;
        }
    }
}


static void
model_test(void)
{
    bool                  good;
    uint32_t              i, full;
    uint64_t              k[2];
    qoe_sessions_t       *t;
    qoe_sessions_info_t   info;
    static model_t        model[KEYS];

    t = table_new();
    qoe_sessions_info(t, &info);
    good = true;

    ok(info.sessions_max > 200 && info.views_max > 100 && info.sessions == 0
       && info.views == 0, "%u bytes hold %u sessions and %u views, and none "
       "is in use", SIZE, info.sessions_max, info.views_max);

    for (i = 1; i <= STEPS; i++) {
        step(t, model, i);

        if (i % 5000 == 0) {
            good = good && same(t, model, true);
        }
    }

    ok(good, "sessions, views, lists and counts are as the model's in %u "
       "steps", STEPS);

    qoe_sessions_rebuild(t);
    all_fresh(model);
    ok(same(t, model, true),
       "a rebuild keeps all sessions and views, in order");

    for (i = 0, full = 0; i < KEYS; i++) {
        key(k, i);

        if (qoe_sessions_find(t, k) == NULL) {
            full += (qoe_sessions_add(t, k) == NULL);
        }
    }

    qoe_sessions_info(t, &info);
    ok(full != 0 && info.sessions == info.sessions_max,
       "a table full of sessions has no room for another");

    i = 0;

    do {
        key(k, i++);
    } while (qoe_sessions_find(t, k) == NULL && i < KEYS);

    for (i = 0; i <= info.views_max
                && qoe_sessions_add_view(t, qoe_sessions_find(t, k), 9) != NULL;
         i++)
    {
        /* void */
    }

    qoe_sessions_info(t, &info);
    ok(i <= info.views_max && info.views == info.views_max,
       "a table full of views has no room for another");

    munmap(t, SIZE);
}


/*
 * Every session is found and in the list, every view is of a session and in a
 * list, and every other slot is free.
 */

static bool
whole(qoe_sessions_t *t)
{
    uint32_t              i, n, listed, views, list, newcomers;
    qoe_view_t           *v, copy;
    qoe_session_t        *s;
    qoe_sessions_info_t   info;

    qoe_sessions_info(t, &info);
    listed = 0;
    views = 0;
    newcomers = 0;

    for (s = qoe_sessions_oldest(t); s != NULL && listed <= info.sessions;
         s = qoe_sessions_newer(t, s))
    {
        if (qoe_sessions_find(t, s->key) != s) {
            return false;
        }

        listed++;
        newcomers += (s->newcomer && s->nviews != 0);
        v = qoe_sessions_view(t, s);

        for (n = 0; v != NULL && n <= s->nviews; n++) {
            if (qoe_sessions_of(t, v) != s) {
                return false;
            }

            v = qoe_sessions_next_view(t, v);
        }

        if (n != s->nviews) {
            return false;
        }

        views += n;
    }

    for (i = 0, n = 0; i < qoe_sessions_slots(t); i++) {
        n += qoe_sessions_read(t, i, &copy);
    }

    if (newcomers != qoe_sessions_newcomers(t)
        || listed != info.sessions || views != info.views || n != views)
    {
        return false;
    }

    for (list = 0, n = 0; list < QOE_SILENCES; list++) {
        for (v = qoe_sessions_silent(t, (qoe_silence_t) list);
             v != NULL && n <= views; n++)
        {
            v = v->links.newer ? qoe_sessions_slot(t, v->links.newer - 1)
                               : NULL;
        }
    }

    return n == views;
}


static void
kill_test(void)
{
    int                   i, status, bad;
    pid_t                 pid;
    uint32_t              n, m;
    qoe_session_t        *s;
    qoe_sessions_t       *t;
    qoe_sessions_info_t   info;
    static model_t        model[KEYS];

    t = table_new();
    bad = 0;

    for (i = 0; i < KILLS; i++) {
        pid = fork();

        if (pid == 0) {
            for (n = 1, seed = (uint32_t) i; /* void */ ; n++) {
                step(t, model, n);
            }
        }

        usleep((useconds_t) (500 + i % 10 * 100));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);

        qoe_sessions_rebuild(t);
        bad += !whole(t);
    }

    ok(bad == 0, "a rebuild makes the table whole after each of %d killed "
       "writers", KILLS);

    while ((s = qoe_sessions_oldest(t)) != NULL) {
        drop_session(t, s);
    }

    qoe_sessions_info(t, &info);
    ok(info.sessions == 0 && info.views == 0,
       "all sessions and views that are there can be removed");

    /* A rebuild must find the free slots, not only those in use. */

    qoe_sessions_rebuild(t);
    ok(whole(t), "an empty table is whole after a rebuild");

    for (n = 0; qoe_sessions_add(t, (uint64_t[2]) { n, n + 1 }) != NULL; n++) {
        /* void */
    }

    s = qoe_sessions_find(t, (uint64_t[2]) { 0, 1 });

    for (m = 0; s != NULL && qoe_sessions_add_view(t, s, m + 1) != NULL; m++) {
        /* void */
    }

    ok(n == info.sessions_max && m == info.views_max,
       "all slots of sessions and of views can be taken after a rebuild");

    munmap(t, SIZE);
}


/*
 * A view whose session's slot was taken by another session (its writer died
 * between the two removals) is not given to that session.
 */

static void
strange_test(void)
{
    uint64_t              k[2];
    qoe_session_t        *s;
    qoe_sessions_t       *t;
    qoe_sessions_info_t   info;

    t = table_new();

    key(k, 1);
    s = qoe_sessions_add(t, k);
    qoe_sessions_touch(t, s);
    (void) qoe_sessions_add_view(t, s, 1);

    s->key[1] = 77;
    qoe_sessions_rebuild(t);
    qoe_sessions_info(t, &info);

    ok(info.sessions == 1 && info.views == 0 && whole(t),
       "a view of a session that is gone is not given to the next session in "
       "its slot");

    munmap(t, SIZE);
}


int
main(void)
{
    model_test();
    kill_test();
    strange_test();

    return tap_end();
}
