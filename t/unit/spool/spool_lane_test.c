
/*
 * Copyright (C) OpenQoE
 *
 * The lanes of a spool: each belongs to one helper at a time, and goes from
 * one to the next with all that is in it; their segments share the limit.
 */


#include "spool_unit.h"


/* Each of two helpers holds a lane. */

static void
test_lanes(void)
{
    qoe_zone_t        *zone;
    qoe_spool_t       *a, *b;
    qoe_spool_item_t   item;

    begin();
    zone = spool_zone();
    a = spool_of(zone, 0);
    b = spool_of(zone, 1);

    append(a, 1, 10, 1, NULL);
    append_to(b, 1, 2, 10, 1, NULL);

    ok(append_to(a, 1, 3, 10, 1, NULL) == QOE_AGAIN && spooled(zone) == 2,
       "nothing is appended to a lane that was not taken");
    pass(a, 1500);
    pass(b, 1500);

    ok(qoe_spool_next(a, now(), &item) == QOE_OK && number_of(&item) == 1
       && item.lane == 0 && qoe_spool_replays(a, 0) && !qoe_spool_replays(a, 1),
       "a helper reads the backlog of its lane");
    qoe_spool_next_done(a);
    ok(next(a) == -2 && next(b) == 2 && next(b) == -2 && spooled(zone) == 0,
       "no helper reads the backlog of a lane that it does not hold");

    append_to(b, 1, 6, 10, 3, NULL);
    pass(b, 1500);
    memset(&item, 0x55, sizeof(item));
    ok(qoe_spool_next(b, now(), &item) == QOE_OK && number_of(&item) == 6
       && item.lane == 1 && item.signal == QOE_SIGNAL_TRACES && item.items == 3
       && item.received_ns == 1006,
       "a record has its lane, its signal, its items and its time");
    qoe_spool_next_done(b);

    append_to(b, 1, 4, 10, 1, NULL);
    usleep(1000);
    append(a, 5, 10, 1, NULL);
    pass(b, 1500);
    ok(qoe_spool_next(b, now(), &item) == QOE_OK, "a record is in flight");

    /* The second helper is gone as if it had been killed. */

    ok(qoe_spool_take(a, 1) == QOE_OK, "the other helper takes the lane");
    pass(a, 1500);
    ok(spooled(zone) == 2 && next(a) == 4 && next(a) == 5 && next(a) == -2,
       "who holds two lanes reads the oldest segment of both first");
    ok(spooled(zone) == 0 && segments() == 0,
       "once all is read nothing is left");

    qoe_spool_destroy(a);
    qoe_spool_next_again(b);
    qoe_spool_destroy(b);
    spool_zone_free(zone);
}


/* The limit is one for both lanes, and the oldest segment is in the other. */

static void
test_lanes_full(void)
{
    int           i;
    qoe_zone_t   *zone;
    qoe_spool_t  *a, *b;

    begin();
    conf.segment_size = QOE_SEGMENT_HEADER + 10 * 1000;
    conf.max_size = 5 * conf.segment_size;
    zone = spool_zone();
    a = spool_of(zone, 0);
    b = spool_of(zone, 1);

    /* Ids of different helpers grow with time, down to some 65 us. */

    fill(a, 0, 20);
    pass(a, 1500);
    usleep(1000);

    for (i = 20; i < 50; i++) {
        append_to(b, 1, i, 960, 1, NULL);
    }

    ok(spooled(zone) == 50 && append_to(b, 1, 50, 960, 1, NULL) == QOE_AGAIN
       && counter(zone, QOE_DEST_DROPPED_SPOOL) == 0,
       "a helper does not drop the segments of a lane that it does not hold");
    ok(qoe_spool_due_ms(a) == 0, "the owner of that lane has something to do");
    pass(a, 0);
    ok(spooled(zone) == 40 && counter(zone, QOE_DEST_DROPPED_SPOOL) == 10,
       "the owner of the lane drops its oldest segment");
    pass(a, 0);
    ok(append_to(b, 1, 50, 960, 1, NULL) == QOE_OK && spooled(zone) == 41,
       "the record is appended then");
    ok(next(a) == 10, "the owner of the lane goes on with the next segment");

    /* The room that was asked for is there before it is made. */

    for (i = 51; append_to(b, 1, i, 960, 1, NULL) == QOE_OK; i++) { /* void */ }

    for (i = 11; i < 20 && next(a) == i; i++) { /* void */ }

    ok(i == 20 && next(a) == -2, "the other lane is read to its end");
    pass(a, 1500);
    ok(counter(zone, QOE_DEST_DROPPED_SPOOL) == 10
       && qoe_spool_due_ms(a) == UINT64_MAX,
       "nothing is dropped if there is room meanwhile");

    qoe_spool_destroy(a);
    qoe_spool_destroy(b);
    spool_zone_free(zone);
}


/* The lane goes from one helper to the next, with all that is in it. */

static void
test_moves(void)
{
    int               i;
    qoe_zone_t       *zone;
    qoe_spool_t      *a, *b;
    qoe_spool_ref_t  *ref;

    begin();
    zone = spool_zone();
    a = spool_of(zone, 0);
    b = spool_of(zone, 1);

    for (i = 0; i < 30; i++) {
        append(a, i, 10, 1, i == 29 ? &ref : NULL);
    }

    pass(a, 1500);
    qoe_spool_give(a, 0);
    ok(spooled(zone) == 30 && count_files(dir, ".open") == 0,
       "a lane that is given back has finished segments alone");
    ok(qoe_spool_due_ms(a) == UINT64_MAX,
       "without any lane nothing is due");

    ok(qoe_spool_take(b, 0) == QOE_OK, "the next helper takes the lane");

    for (i = 0; i < 30 && next(b) == i; i++) {
        if (i % 7 == 3) {
            qoe_spool_give(b, 0);
            (void) qoe_spool_take(b, 0);
        }
    }

    ok(i == 30 && next(b) == -2 && spooled(zone) == 0 && segments() == 0,
       "every record comes once, however often the lane is given back (%d)",
       i);

    qoe_spool_destroy(a);
    qoe_spool_destroy(b);
    spool_zone_free(zone);
}


/*
 * An earlier version wrote DIR/INSTANCE/NAME/ID.seg and ID.open.  Moves n of
 * the segments to there.
 */

static void
flatten(int n)
{
    DIR            *d;
    char            from[2 * PATH_MAX], to[2 * PATH_MAX], home[PATH_MAX];
    struct dirent  *e;

    if (count_files(dir, ".seg") < n) {
        abort();
    }

    strcpy(home, found);
    *strrchr(home, '/') = '\0';
    d = opendir(home);

    while (d != NULL && n > 0 && (e = readdir(d)) != NULL) {

        if (strlen(e->d_name) != 20) {
            continue;
        }

        snprintf(from, sizeof(from), "%s/%s", home, e->d_name);
        snprintf(to, sizeof(to), "%s/../%.16s.%s", home, e->d_name,
                 n == 1 ? "open" : "seg");

        if (rename(from, to) == -1) {
            abort();
        }

        n--;
    }

    closedir(d);
}


static void
test_old_layout(void)
{
    int           i, n;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    for (n = 3; n <= 5; n++) {
        begin();
        conf.segment_size = QOE_SEGMENT_HEADER + 10 * 1000;
        zone = spool_zone();
        sp = spool_new(zone);
        fill(sp, 0, 45);
        pass(sp, 1500);

        for (i = 0; i < 7 && next(sp) == i; i++) { /* void */ }

        qoe_spool_destroy(sp);
        spool_zone_free(zone);
        flatten(n);

        zone = spool_zone();
        sp = spool_new(zone);
        pass(sp, 0);
        ok(i == 7 && counter(zone, QOE_DEST_RECOVERED) == 38
           && spooled(zone) == 38 && entries(zone) == 5,
           "%d of 5 segments lie where an earlier version has put them, and "
           "all are adopted", n);

        for (i = 7; i < 45 && next(sp) == i; i++) { /* void */ }

        ok(i == 45 && next(sp) == -2 && segments() == 0
           && count_files(dir, "lock") == 1,
           "each record of these that was not sent comes once, in order");

        qoe_spool_destroy(sp);
        spool_zone_free(zone);
    }
}


int
main(void)
{
    int  before;

    self = qoe_proc_self();
    before = descriptors();

    test_lanes();
    test_lanes_full();
    test_moves();
    test_old_layout();

    ok(descriptors() == before, "the spool leaves no descriptor open");
    clear(dir, false);

    return tap_end();
}
