
/*
 * Copyright (C) OpenQoE
 *
 * The table of states: its lists, what a full one gives up, and what a killed
 * writer leaves.
 */


#include "qoe_deliveries.h"
#include "tap.h"

#include <math.h>


#define T0     1700000000000
#define SIZE   (64 * 1024)


static qoe_deliveries_t  *table;
static qoe_points_t       points;


static void
create(size_t size)
{
    free(table);
    table = aligned_alloc(64, size);
    memset(table, 0, size);
    qoe_deliveries_create(table, size);
}


static uint32_t
max(void)
{
    qoe_deliveries_info_t  info;

    qoe_deliveries_info(table, &info);

    return info.max;
}


static uint32_t
count(void)
{
    qoe_deliveries_info_t  info;

    qoe_deliveries_info(table, &info);

    return info.count;
}


static uint32_t
alive(unsigned st, unsigned sf)
{
    qoe_deliveries_info_t  info;

    qoe_deliveries_info(table, &info);

    return info.alive[st][sf];
}


/* A segment of session n, at a time; the state is made if there is none. */

static qoe_delivery_t *
visit(uint64_t n, uint64_t at_ms)
{
    uint64_t         key[2] = { n * 0x9e3779b97f4a7c15, n + 1 };
    qoe_request_t    r;
    qoe_delivery_t  *d;

    d = qoe_deliveries_find(table, key);

    if (d == NULL) {
        d = qoe_deliveries_add(table, key);
    }

    if (d == NULL) {
        return NULL;
    }

    qoe_request_init(&r);
    r.start_ms = T0 + at_ms;
    r.duration_ms = 10;
    r.status = 200;
    r.ot = QOE_CMCD_OT_VIDEO;
    r.st = QOE_CMCD_ST_VOD;
    r.sf = QOE_CMCD_SF_HLS;
    r.d_ms = 2000;
    r.bl_ms = 4000;

    qoe_points_clear(&points);
    qoe_deliveries_open(table, d);
    qoe_delivery_apply(d, &r, r.start_ms, &points);
    qoe_deliveries_close(table, d);

    return d;
}


static qoe_delivery_t *
known(uint64_t n, uint64_t at_ms)
{
    (void) visit(n, at_ms);
    (void) visit(n, at_ms + 3000);
    (void) visit(n, at_ms + 6000);

    return visit(n, at_ms + 7000);
}


static void
over(qoe_delivery_t *d)
{
    qoe_points_clear(&points);
    qoe_deliveries_open(table, d);
    qoe_delivery_end(d, &points);
    qoe_deliveries_close(table, d);
}


static void
test_table(void)
{
    uint32_t         i, n;
    uint64_t         key[2] = { 1, 2 };
    qoe_delivery_t  *d;
    qoe_delivery_t   copy;

    create(SIZE);
    n = max();

    ok(n > SIZE / sizeof(qoe_delivery_t) * 9 / 10,
       "most of the memory of a table are states");
    ok(qoe_deliveries_find(table, key) == NULL
       && qoe_deliveries_victim(table) == NULL
       && qoe_deliveries_due_ms(table) == UINT64_MAX
       && !qoe_deliveries_read(table, 0, &copy), "a new table is empty");

    for (i = 0; i < n; i++) {
        (void) visit(i, i);
    }

    ok(count() == n && visit(n, 0) == NULL, "a full table takes no other");
    ok(alive(QOE_CMCD_ST_VOD, QOE_CMCD_SF_HLS) == n && alive(0, 0) == 0,
       "sessions that are alive count by st and sf");
    ok(qoe_deliveries_read(table, 0, &copy) && copy.st == QOE_CMCD_ST_VOD,
       "a reader copies a state");

    d = visit(5, 1000);
    over(d);
    ok(alive(QOE_CMCD_ST_VOD, QOE_CMCD_SF_HLS) == n - 1 && count() == n,
       "a session that is over is kept, and not alive");

    qoe_deliveries_remove(table, d);
    ok(count() == n - 1 && visit(n, 0) == d,
       "the place of a state that was removed is used again");

    create(512);
    ok(max() == 0 && qoe_deliveries_find(table, key) == NULL
       && qoe_deliveries_add(table, key) == NULL,
       "a table without room holds nothing");
}


static void
test_silence(void)
{
    qoe_delivery_t  *d;

    create(SIZE);
    (void) known(1, 0);
    (void) visit(2, 1000);

    ok(qoe_deliveries_due_ms(table) == T0 + 31000,
       "the oldest receipt of all lists is due first");
    ok(qoe_deliveries_silent(table, T0 + 30999) == NULL,
       "before its time nothing is silent");

    d = qoe_deliveries_silent(table, T0 + 31000);
    ok(d != NULL && d->received_ms == T0 + 1000, "then that session is");
    over(d);

    ok(qoe_deliveries_due_ms(table) == T0 + 37000,
       "a session that is over is not due again");
    (void) visit(2, 50000);
    ok(qoe_deliveries_due_ms(table) == T0 + 37000
       && alive(QOE_CMCD_ST_VOD, QOE_CMCD_SF_HLS) == 2,
       "a request makes it alive again");
}


static void
test_victim(void)
{
    uint32_t         i, n;
    qoe_delivery_t  *viewer, *gone, *next, *d;

    create(SIZE);
    n = max();

    viewer = known(1, 0);
    gone = known(2, 1000);
    over(gone);
    next = known(3, 2000);

    ok(qoe_deliveries_victim(table) == gone,
       "a session that is over is given up first");

    for (i = 0; i < n / 4 - 1; i++) {
        (void) visit(100 + i, 20000 + i);
    }

    ok(qoe_deliveries_victim(table) == gone,
       "as long as newcomers are less than a quarter");

    (void) visit(5000, 30000);
    (void) visit(5001, 30000);

    d = qoe_deliveries_victim(table);
    ok(d != NULL && d->received_ms == T0 + 20000,
       "the oldest newcomer is given up when they are more");

    create(SIZE);
    viewer = known(1, 0);
    next = known(3, 2000);
    (void) next;
    (void) visit(4, 1);
    d = qoe_deliveries_victim(table);
    ok(d != NULL && d->received_ms == T0 + 1,
       "without one that is over, a newcomer is given up");
    qoe_deliveries_remove(table, d);
    ok(qoe_deliveries_victim(table) == viewer,
       "without a newcomer, who has been silent longest");
}


/* Invented sids, a hundred for each place, and viewers among them. */

static void
test_flood(void)
{
    uint32_t         i, n, left;
    uint64_t         key[2];
    qoe_delivery_t  *d;

    create(SIZE);
    n = max() / 2;

    for (i = 0; i < n; i++) {
        (void) known(i, i);
    }

    for (i = 0; i < 100 * n; i++) {
        d = visit(1000000 + i, 10000 + i / 100);

        if (d == NULL) {
            d = qoe_deliveries_victim(table);
            over(d);
            qoe_deliveries_remove(table, d);
            d = visit(1000000 + i, 10000 + i / 100);
        }

        if (d == NULL) {
            break;
        }
    }

    for (i = 0, left = 0; i < n; i++) {
        key[0] = i * 0x9e3779b97f4a7c15;
        key[1] = i + 1;
        left += qoe_deliveries_find(table, key) != NULL;
    }

    ok(left == n && count() == max(), "a flood of sids evicts no viewer");
}


/* A writer may be killed at any store: what it leaves is put in order. */

static void
test_rebuild(void)
{
    uint32_t         i, k, n, found;
    uint64_t         key[2];
    unsigned         seed;
    qoe_delivery_t  *d;
    qoe_delivery_t   copy;

    create(SIZE);
    n = max() / 2;

    for (i = 0; i < n; i++) {
        d = i % 2 ? known(i, i) : visit(i, i);

        if (i % 3 == 0) {
            over(d);
        }
    }

    seed = 1;

    /* all that a rebuild makes anew becomes nonsense */

    for (i = 0; i < n; i++) {
        d = qoe_deliveries_slot(table, i);

        for (k = 0; k < 4; k++) {
            seed = seed * 1103515245 + 12345;
            (&d->next)[k % 3] = seed >> 8;
        }

        d->list = (uint8_t) (seed >> 16);
        d->seq |= 1;
    }

    memset((char *) table + 512, 0x5a, 64);
    key[0] = 4 * 0x9e3779b97f4a7c15;
    key[1] = 5;
    (void) qoe_deliveries_find(table, key);

    qoe_deliveries_rebuild(table);

    for (i = 0, found = 0; i < n; i++) {
        key[0] = i * 0x9e3779b97f4a7c15;
        key[1] = i + 1;
        d = qoe_deliveries_find(table, key);
        found += d != NULL && qoe_delivery_over(d) == (i % 3 == 0)
                 && qoe_deliveries_read(table, i, &copy);
    }

    ok(found == n && count() == n, "all states are found after a rebuild");
    ok(alive(QOE_CMCD_ST_VOD, QOE_CMCD_SF_HLS) == n - (n + 2) / 3,
       "those that are alive are counted again");

    for (i = 0; qoe_deliveries_silent(table, UINT64_MAX / 2) != NULL; i++) {
        over(qoe_deliveries_silent(table, UINT64_MAX / 2));
    }

    ok(i == n - (n + 2) / 3, "each of them is in a list by its silence");

    for (i = 0; qoe_deliveries_victim(table) != NULL; i++) {
        qoe_deliveries_remove(table, qoe_deliveries_victim(table));
    }

    ok(i == n && count() == 0, "all of them can be given up");

    for (i = 0; visit(i, i) != NULL; i++) {
        /* void */
    }

    ok(i == max(), "the free places are all there");
}


int
main(void)
{
    test_table();
    test_silence();
    test_victim();
    test_flood();
    test_rebuild();

    free(table);

    return tap_end();
}
