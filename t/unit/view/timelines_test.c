
/*
 * Copyright (C) OpenQoE
 *
 * The table of timelines in the zone: places are for views that are alive
 * first, readers find a view by its key, and a killed writer leaves nothing
 * that the next one cannot use.
 */


#include "tap.h"
#include "qoe_timelines.h"
#include "qoe_timelines_layout.h"

#include <pthread.h>


#define SESSIONS_SIZE  (1024 * 1024)
#define PLACES         8

/* As many places, with the header and the least number of buckets. */
#define TIMELINES_SIZE (64 + 16 * 4 + PLACES * 384)


static qoe_sessions_t   *sessions;
static qoe_timelines_t  *timelines;
static qoe_session_t    *session;


static void
setup(size_t size)
{
    uint64_t  key[2] = { 1, 1 };

    free(sessions);
    free(timelines);

    sessions = aligned_alloc(64, SESSIONS_SIZE);
    timelines = aligned_alloc(64, size);

    memset(sessions, 0, SESSIONS_SIZE);
    memset(timelines, 0, size);

    qoe_sessions_create(sessions, SESSIONS_SIZE);
    qoe_timelines_create(timelines, size);

    session = qoe_sessions_add(sessions, key);
}


static qoe_view_t *
begin(uint64_t view_key, uint64_t at_ms, uint32_t org, const char *org_id,
    const char *session_id)
{
    qoe_view_t          *v;
    qoe_view_birth_t     birth;
    qoe_timeline_ids_t   ids;

    memset(&birth, 0, sizeof(birth));
    birth.view_key = view_key;
    birth.at_ms = at_ms;

    v = qoe_sessions_add_view(sessions, session, view_key);
    qoe_view_begin(v, &birth);

    ids.org_hash = org;
    ids.org_id = qoe_span_str(org_id);
    ids.session_id = qoe_span_str(session_id);
    (void) qoe_timelines_begin(timelines, sessions, v, &ids);

    return v;
}


static void
add(qoe_view_t *v, uint32_t kind, uint64_t from, uint64_t ms)
{
    static qoe_points_t  points;

    memset(&points, 0, sizeof(points));
    points.nstretches = 1;
    points.stretch[0].kind = kind;
    points.stretch[0].start_ms = from;
    points.stretch[0].ms = ms;
    points.stretch[0].bitrate = ms * 1000;
    v->seen_ms = from + ms;

    qoe_timelines_add(timelines, sessions, v, &points);
}


static void
play(qoe_view_t *v, uint64_t from, uint64_t ms)
{
    add(v, QOE_STRETCH_PLAYING, from, ms);
}


static void
end(qoe_view_t *v)
{
    v->outcome = QOE_VIEW_WAS_PLAYED;

    qoe_timelines_end(timelines, sessions, v);
    qoe_sessions_remove_view(sessions, v);
}


static bool
id_is(const qoe_timeline_id_t *id, const char *text)
{
    return qoe_span_eq((qoe_span_t) { id->text, id->len },
                       qoe_span_str(text));
}


/* How long the view with that key has played; -1: it is not found. */

static long
played(uint64_t view_key, bool alive)
{
    qoe_timeline_info_t  info;

    if (!qoe_timelines_find(timelines, sessions, view_key, 0, &info)
        || info.alive != alive)
    {
        return -1;
    }

    return (long) qoe_timeline_sum(&info.timeline, QOE_STRETCH_PLAYING);
}


static void
test_life(void)
{
    qoe_view_t           *v;
    qoe_timeline_info_t   info;

    setup(TIMELINES_SIZE);
    ok(qoe_timelines_slots(timelines) == PLACES,
       "the table has the places that fit");
    ok(played(7, true) == -1, "a view that never was is not found");

    v = begin(7, 100000, 5, "acme", "1f0e3dad-9990-4345-b743-1234567890ab");
    play(v, 100000, 4000);

    ok(qoe_timelines_find(timelines, sessions, 7, 0, &info) && info.alive
       && info.start_ms == 100000 && info.end_ms == 104000
       && info.view.view_key == 7 && played(7, true) == 4000,
       "a view that is alive is found with its state and its timeline");
    ok(id_is(&info.org_id, "acme")
       && id_is(&info.session_id, "1f0e3dad-9990-4345-b743-1234567890ab"),
       "with the ids of its organization and of its session");

    v->outcome = QOE_VIEW_WAS_PLAYED;
    qoe_sessions_part(sessions, v, QOE_VIEW_SILENT);
    ok(qoe_timelines_find(timelines, sessions, 7, 0, &info) && !info.alive
       && info.end_ms == 104000 && info.outcome == QOE_VIEW_WAS_PLAYED
       && played(7, false) == 4000,
       "a view that is over, and waits for its last record, is found");

    end(v);
    ok(qoe_timelines_find(timelines, sessions, 7, 0, &info) && !info.alive
       && info.end_ms == 104000 && info.outcome == QOE_VIEW_WAS_PLAYED
       && played(7, false) == 4000,
       "a view that is just over is found with its outcome");
}


/* A reader that was led astray knows by the count that a chain has changed. */

static void
test_moves(void)
{
    uint32_t     i, moves, wrong;
    qoe_view_t  *v[PLACES + 1];

    setup(TIMELINES_SIZE);
    wrong = 0;

    for (i = 0; i < PLACES; i++) {
        moves = timelines->moves;
        v[i] = begin(100 + i, 1000 + i, 5, "acme", "s");
        wrong += (timelines->moves == moves);
    }

    ok(wrong == 0, "a timeline that comes into a chain is counted");

    end(v[0]);
    moves = timelines->moves;
    (void) begin(200, 2000, 5, "acme", "s");
    ok(timelines->moves == moves + 2,
       "one that leaves its chain for another is counted twice");
}


/* A reader finds the view after each stretch, whatever it was. */

static void
test_found(void)
{
    size_t                k, found;
    qoe_view_t           *v;
    qoe_timeline_info_t   info;

    setup(TIMELINES_SIZE);
    v = begin(7, 1000, 5, "acme", "s");

    for (k = 0, found = 0; k < QOE_STRETCH_KINDS; k++) {
        play(v, 1000 + k * 2000, 1000);
        found += qoe_timelines_find(timelines, sessions, 7, 0, &info);
        add(v, (uint32_t) k, 2000 + k * 2000, 1000);
        found += qoe_timelines_find(timelines, sessions, 7, 0, &info);
    }

    ok(found == 2 * QOE_STRETCH_KINDS && info.alive
       && info.end_ms == v->seen_ms,
       "a view is found after each stretch of its timeline");
}


static void
test_ids(void)
{
    qoe_view_t           *v;
    qoe_timeline_info_t   info;

    setup(TIMELINES_SIZE);

    v = begin(1, 1000, 5, "acme", "a session whose id is no UUID");
    (void) qoe_timelines_find(timelines, sessions, 1, 0, &info);
    ok(id_is(&info.org_id, "acme")
       && id_is(&info.session_id, "a session whose id is no UUID"),
       "ids need not be UUIDs");
    end(v);

    v = begin(2, 1000, 5, "acme",
              "a session whose id is longer than the place for both of them");
    (void) qoe_timelines_find(timelines, sessions, 2, 0, &info);
    ok(id_is(&info.org_id, "acme") && info.session_id.len == 0,
       "an id that is too long is left out, and the other one is there");
    end(v);

    v = begin(3, 1000, 5, "acme", "1F0E3DAD-9990-4345-b743-1234567890ab");
    (void) qoe_timelines_find(timelines, sessions, 3, 0, &info);
    ok(id_is(&info.session_id, "1F0E3DAD-9990-4345-b743-1234567890ab"),
       "a UUID in capitals is shown as it was sent");

    (void) begin(4, 2000, 6, "acme", "s");
    (void) begin(4, 1000, 7, "umbrella", "s");
    (void) qoe_timelines_find(timelines, sessions, 4, 0, &info);
    ok(id_is(&info.org_id, "acme"),
       "of two views with one id, that which began last is found");
    (void) qoe_timelines_find(timelines, sessions, 4, 7, &info);
    ok(id_is(&info.org_id, "umbrella"),
       "unless the organization is named");
    ok(!qoe_timelines_find(timelines, sessions, 4, 8, &info),
       "of another organization there is no view with the id");
}


static void
test_places(void)
{
    uint64_t     i;
    qoe_view_t  *v[PLACES], *more;

    setup(TIMELINES_SIZE);

    for (i = 0; i < PLACES; i++) {
        v[i] = begin(100 + i, 1000 + i, 5, "acme", "s");
        play(v[i], 1000, 10 + i);
    }

    more = begin(200, 5000, 5, "acme", "s");
    ok(more->timeline == 0 && played(200, true) == -1,
       "a view gets no timeline while all places are of views that are alive");

    play(more, 5000, 10);
    end(more);
    ok(played(100, true) == 10 && played(107, true) == 17,
       "which changes nothing for the others");

    end(v[3]);
    end(v[1]);
    ok(played(103, false) == 13 && played(101, false) == 11,
       "views that are over keep their timelines while no other needs them");

    (void) begin(300, 6000, 5, "acme", "s");
    ok(played(300, true) == 0 && played(103, false) == -1
       && played(101, false) == 11,
       "the next view gets the place of the one that has been over longest");

    (void) begin(301, 6000, 5, "acme", "s");
    more = begin(302, 6000, 5, "acme", "s");
    ok(played(301, true) == 0 && played(101, false) == -1
       && more->timeline == 0,
       "until all places are of views that are alive again");

    setup(64);
    more = begin(1, 1000, 5, "acme", "s");
    play(more, 1000, 10);
    ok(more->timeline == 0 && played(1, true) == -1,
       "a table without any place has no timelines");
    qoe_timelines_rebuild(timelines, sessions);
    end(more);
    qoe_timelines_create(timelines, 0);
}


/* Buckets are at least half as many as slots, and no more than needed. */

static void
test_buckets(void)
{
    size_t  n, good;

    for (n = 1, good = 0; n <= 64; n++) {
        setup(n * 4096);
        good += (timelines->buckets == 16
                 || (timelines->buckets * 2 >= timelines->capacity
                     && timelines->buckets <= timelines->capacity + 1))
                && timelines->buckets * 2 >= timelines->capacity;
    }

    ok(good == 64, "a table of any size has a bucket for two slots or less "
       "(%zu of 64)", good);
}


static void
test_rebuild(void)
{
    uint64_t     i;
    qoe_view_t  *v[PLACES];

    setup(TIMELINES_SIZE);

    for (i = 0; i < PLACES; i++) {
        v[i] = begin(100 + i, 1000 + i, 5, "acme", "s");
        play(v[i], 1000, 10 + i);
    }

    end(v[0]);
    end(v[1]);

    /* the view of this one was lost, and the slot of another is half written */

    qoe_sessions_remove_view(sessions, v[2]);
    v[3]->timeline = 0;

    qoe_sessions_rebuild(sessions);
    qoe_timelines_rebuild(timelines, sessions);

    ok(played(100, false) == 10 && played(101, false) == 11
       && played(107, true) == 17,
       "after a kill the timelines are found again");
    ok(played(102, true) == -1 && played(102, false) == -1
       && played(103, true) == -1 && played(103, false) == -1,
       "those without a view are free");

    (void) begin(200, 2000, 5, "acme", "s");
    (void) begin(201, 2000, 5, "acme", "s");
    ok(played(100, false) == 10 && played(101, false) == 11
       && played(200, true) == 0 && played(201, true) == 0,
       "and are used before those of views that are over");

    (void) begin(202, 2000, 5, "acme", "s");
    ok(played(202, true) == 0
       && (played(100, false) == -1) + (played(101, false) == -1) == 1,
       "which come next, one by one");
}


static void
test_rebuild_full(void)
{
    uint64_t     i, alive;
    qoe_view_t  *v;

    setup(TIMELINES_SIZE);

    for (i = 0; i < PLACES; i++) {
        v = begin(100 + i, 1000 + i, 5, "acme", "s");
        play(v, 1000, 10 + i);
    }

    end(v);

    qoe_sessions_rebuild(sessions);
    qoe_timelines_rebuild(timelines, sessions);

    (void) begin(200, 2000, 5, "acme", "s");

    for (i = 0, alive = 0; i + 1 < PLACES; i++) {
        alive += (played(100 + i, true) == (long) (10 + i));
    }

    ok(alive == PLACES - 1 && played(200, true) == 0
       && played(100 + PLACES - 1, false) == -1,
       "where all places are taken after a kill, a new view takes that of the "
       "view that is over, and no live view loses its own");
}


/* What an event prolongs is in the view, and what the view has is found. */

static void
test_open(void)
{
    qoe_view_t           *v;
    qoe_stretch_t         s[QOE_TIMELINE_ENTRIES];
    qoe_timeline_info_t   info;

    setup(TIMELINES_SIZE);
    v = begin(7, 100000, 5, "acme", "s");

    play(v, 100500, 3000);
    play(v, 103500, 3000);
    add(v, QOE_STRETCH_RENDITION, 104000, 3000);
    play(v, 107400, 2000);
    ok(v->open_ms == 8000 && v->open_at_ms == 500,
       "a stretch of playing is prolonged in the view, also beside another "
       "rendition and after less than a second");
    ok(qoe_timelines_find(timelines, sessions, 7, 0, &info)
       && qoe_timeline_stretches(&info.timeline, 0, 109400, s) == 2
       && s[0].kind == QOE_STRETCH_PLAYING && s[0].start_ms == 100500
       && s[0].ms == 8000 && s[1].bitrate == 3000000,
       "a reader finds it in the timeline");

    add(v, QOE_STRETCH_STALL, 109400, 700);
    play(v, 110100, 3000);
    play(v, 120000, 4000);
    ok(v->open_ms == 4000 && v->open_at_ms == 20000,
       "playing after a stall, and after a hole, is another stretch");
    ok(qoe_timelines_find(timelines, sessions, 7, 0, &info)
       && qoe_timeline_stretches(&info.timeline, 0, 124000, s) == 5
       && s[0].ms == 8000 && s[2].kind == QOE_STRETCH_STALL
       && s[3].start_ms == 110100 && s[3].ms == 3000
       && s[4].start_ms == 120000 && s[4].ms == 4000,
       "and all of them are found in order");

    qoe_timelines_part(timelines, sessions, v, 1, true);
    ok(v->open_ms == 0 && v->parts == 1, "a part has all of the playing");
    play(v, 124000, 1000);
    ok(qoe_timelines_find(timelines, sessions, 7, 0, &info)
       && played(7, true) == 16000 && info.timeline.sent == 5
       && qoe_timeline_stretches(&info.timeline, 5, 125000, s) == 2
       && s[1].start_ms == 124000 && s[1].ms == 1000,
       "and playing goes on in the next one");

    end(v);
    ok(played(7, false) == 16000, "a view that is over has all of it");

    v = begin(8, 100000, 5, "acme", "s");
    play(v, 99000, 3000);
    play(v, 100000 + (1ULL << 33), 1000);
    ok(v->open_ms == 0 && played(8, true) == 4000,
       "what a view has no place for is in its timeline at once");
}


/* The table and a timeline by itself, with the same stretches at random. */

static void
test_same(void)
{
    size_t           i, k, n, wrong;
    uint64_t         at, ms;
    uint32_t         kind;
    qoe_view_t      *v;
    qoe_stretch_t    add_one, s[2][QOE_TIMELINE_ENTRIES];
    qoe_timeline_t   alone, *whole;

    srand48(20261130);

    for (i = 0, wrong = 0; i < 2000; i++) {
        setup(TIMELINES_SIZE);
        v = begin(7, 100000, 5, "acme", "s");
        qoe_timeline_begin(&alone, 100000);
        at = 100000;

        for (k = 0; k < 60; k++) {
            kind = lrand48() % 5 ? QOE_STRETCH_PLAYING
                                 : (uint32_t) lrand48() % QOE_STRETCH_KINDS;
            ms = 1 + (uint64_t) lrand48() % 5000;
            at += lrand48() % 4 ? 0 : (uint64_t) lrand48() % 2000;

            memset(&add_one, 0, sizeof(add_one));
            add_one.kind = kind;
            add_one.start_ms = at;
            add_one.ms = ms;
            add_one.bitrate = ms * 1000;
            qoe_timeline_add(&alone, &add_one);
            add(v, kind, at, ms);
            at += ms;

            if (lrand48() % 20 == 0) {
                qoe_timelines_part(timelines, sessions, v, 1, true);
                qoe_timeline_part(&alone, v->seen_ms);
            }
        }

        whole = qoe_timelines_of(timelines, sessions, v);
        wrong += qoe_timeline_sum(whole, QOE_STRETCH_PLAYING)
                 != qoe_timeline_sum(&alone, QOE_STRETCH_PLAYING);

        if (alone.merged != 0 || whole->merged != 0) {
            continue;
        }

        n = qoe_timeline_stretches(&alone, 0, at, s[0]);
        wrong += n != qoe_timeline_stretches(whole, 0, at, s[1])
                 || memcmp(s[0], s[1], n * sizeof(qoe_stretch_t)) != 0;
    }

    ok(wrong == 0, "2000 views have the stretches that timelines have whose "
       "playing is never kept in a view");
}


/* The writer dies between the two stores that move what the view keeps. */

static void
test_moved(void)
{
    char        *slot;
    uint32_t     seq, kept;
    qoe_view_t  *v;

    setup(TIMELINES_SIZE);
    v = begin(7, 100000, 5, "acme", "s");
    play(v, 100000, 3000);
    kept = v->open_ms;

    qoe_sessions_rebuild(sessions);
    qoe_timelines_rebuild(timelines, sessions);
    ok(v->open_ms == 3000 && played(7, true) == 3000,
       "what a view keeps is there after a kill");

    (void) qoe_timelines_of(timelines, sessions, v);
    v->open_ms = kept;

    slot = (char *) timelines + TIMELINES_SIZE - PLACES * 384
           + (v->timeline - 1) * 384;
    memcpy(&seq, slot + 8, sizeof(seq));
    ok((seq & 1) == 0, "a slot at rest has an even number");
    seq |= 1;
    memcpy(slot + 8, &seq, sizeof(seq));

    qoe_sessions_rebuild(sessions);
    qoe_timelines_rebuild(timelines, sessions);
    ok(v->open_ms == 0 && played(7, true) == 3000,
       "what was just moved into the timeline counts once");
}


/* Any bytes in the slots, as a killed writer leaves them. */

static void
test_torn(void)
{
    size_t       i, k;
    char        *p;
    qoe_view_t  *v;

    srand48(20261129);

    for (i = 0; i < 2000; i++) {
        setup(TIMELINES_SIZE);

        for (k = 0; k < PLACES; k++) {
            v = begin(100 + k, 1000, 5, "acme", "s");
            play(v, 1000, 10);

            if (k % 2) {
                end(v);
            }
        }

        p = (char *) timelines + 64;

        for (k = 0; k < TIMELINES_SIZE - 64; k++) {
            p[k] = lrand48() % 3 ? p[k] : (char) lrand48();
        }

        (void) played(100, true);
        qoe_timelines_rebuild(timelines, sessions);

        for (k = 0; k < PLACES; k++) {
            (void) played(100 + k, true);
            v = begin(200 + k, 1000, 5, "acme", "s");
            play(v, 1000, 10);
            end(v);
        }
    }

    ok(played(207, false) == 10, "2000 tables of torn slots are usable again");
}


static int  stop, wrong;
static long  reads;

static void *
reader(void *arg)
{
    size_t                i, n;
    uint64_t              key, sum;
    qoe_stretch_t         s[QOE_TIMELINE_ENTRIES];
    qoe_timeline_info_t   info;

    (void) arg;

    for (key = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); key++) {

        if (!qoe_timelines_find(timelines, sessions, 100 + key % 16, 0,
                                &info))
        {
            continue;
        }

        /* the writer makes stretches as long as the key says */

        n = qoe_timeline_stretches(&info.timeline, 0, 0, s);

        for (i = 0, sum = 0; i < n; i++) {
            wrong += s[i].ms % (100 + key % 16) != 0;
            sum += s[i].ms;
        }

        /* two stretches, of which the second is twice as long */

        sum /= 100 + key % 16;
        wrong += sum > 1 && sum != 3;

        __atomic_add_fetch(&reads, 1, __ATOMIC_RELAXED);
    }

    return NULL;
}


static void
test_readers(void)
{
    long         i;
    uint64_t     key;
    pthread_t    thread;
    qoe_view_t  *v;

    setup(TIMELINES_SIZE);

    if (pthread_create(&thread, NULL, reader, NULL) != 0) {
        abort();
    }

    for (i = 0; i < 100000 || __atomic_load_n(&reads, __ATOMIC_RELAXED) < 100;
         i++)
    {
        key = 100 + (uint64_t) i % 16;
        v = begin(key, 1000, 5, "acme", "s");
        play(v, 1000, key);
        (void) qoe_timelines_of(timelines, sessions, v);
        play(v, 10000, 2 * key);
        end(v);
    }

    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);

    ok(wrong == 0, "a reader never gets the timeline of one view as that of "
       "another, or a stretch twice or not at all");
    printf("# %ld reads\n", reads);
}


int
main(void)
{
    test_life();
    test_found();
    test_moves();
    test_ids();
    test_places();
    test_buckets();
    test_rebuild();
    test_rebuild_full();
    test_open();
    test_same();
    test_moved();
    test_torn();
    test_readers();

    free(sessions);
    free(timelines);

    return tap_end();
}
