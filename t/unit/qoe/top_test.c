
/*
 * Copyright (C) OpenQoE
 *
 * The lists of the live page, made of the series of several lanes.
 */


#include "apply_unit.h"
#include "qoe_top.h"


static qoe_top_t *
make(lane_t *l, const qoe_mem_t *mem, qoe_status_t *rc, unsigned *steps)
{
    qoe_top_t  *t;

    *rc = QOE_NOMEM;
    t = qoe_top_create(&l->st, &l->dims, mem);

    for (*steps = 0; t != NULL; (*steps)++) {
        *rc = qoe_top_step(t, 0);

        if (*rc != QOE_AGAIN) {
            break;
        }
    }

    return t;
}


static const qoe_top_row_t *
row_of(const qoe_top_t *t, qoe_top_list_t list, const char *name)
{
    bool                  more;
    size_t                i;
    const qoe_top_row_t  *row;

    (void) qoe_top_rows(t, list, &more);

    for (i = 0; (row = qoe_top_row(t, list, i)) != NULL; i++) {
        if (qoe_span_eq(row->name, qoe_span_str(name))) {
            return row;
        }
    }

    return NULL;
}


/* A view of 20 s with a stall of 1 s, or with a start that fails. */

static void
view(lane_t *l, int64_t at, const char *of, const char *texts, bool fails)
{
    char  data[256];

    tell(l, at, of, "playing", texts);
    tell(l, at + 1, of, "stallstart", texts);

    if (fails) {
        tell(l, at + 2, of, "error", texts);
        tell(l, at + 3, of, "playbackdetached", texts);
        return;
    }

    tell(l, at + 1500, of, "stallend", texts);
    snprintf(data, sizeof(data), "at=10000 %s", texts);
    tell(l, at + 11500, of, "stallstart", data);
    tell(l, at + 12500, of, "stallend", data);
    snprintf(data, sizeof(data), "at=20000 playing_time=20000 %s", texts);
    tell(l, at + 22500, of, "ended", data);
}


static void
test_rows(void)
{
    bool                  more;
    lane_t               *l;
    unsigned              steps;
    qoe_top_t            *t;
    qoe_status_t          rc;
    const qoe_top_row_t  *row;

    l = lane_new(16 * 1024 * 1024);
    l->dims.dim[QOE_DIM_CDN_PROVIDER].action = QOE_ACTION_ALLOW;

    t = make(l, &qoe_mem_heap, &rc, &steps);
    ok(rc == QOE_OK && qoe_top_rows(t, QOE_TOP_TITLES, &more) == 0 && !more
       && qoe_top_row(t, QOE_TOP_TITLES, 0) == NULL,
       "without series the lists are empty");
    qoe_top_destroy(t);

    view(l, 0, "s1/a/x", "title=Dune cdn=one country=DE device=tv", false);
    view(l, 30000, "s2/b/x", "title=Dune cdn=two country=FR device=tv", false);
    view(l, 60000, "s3/c/y", "title=Heat cdn=one country=DE device=pc", true);
    view(l, 90000, "s4/d/z", "cdn=one country=DE device=pc", false);
    pass(l, 300000);

    t = make(l, &qoe_mem_heap, &rc, &steps);
    ok(rc == QOE_OK && steps > 1, "lists are made in steps (%u)", steps);

    row = row_of(t, QOE_TOP_TITLES, "Dune");
    ok(row == qoe_top_row(t, QOE_TOP_TITLES, 0),
       "the row with the most views is the first one");
    ok(row != NULL && row->started == 2 && row->over == 2
       && row->failures == 0 && row->stalls == 2 && row->stalled_ms == 2000
       && fabs(row->playing_ms - 40000) < 1,
       "the numbers of a title are the sums of its series");
    ok(row != NULL && row->startup[4] == 2 && row->startup[3] == 0,
       "its startups are in their bucket");

    row = row_of(t, QOE_TOP_TITLES, "Heat");
    ok(row != NULL && row->started == 0 && row->over == 1
       && row->failures == 1, "a start that failed is a failure");

    row = row_of(t, QOE_TOP_TITLES, "z");
    ok(row != NULL && row->started == 1,
       "a view without a title is listed by the video's id");

    row = row_of(t, QOE_TOP_CDNS, "one");
    ok(row != NULL && row->started == 2 && row->over == 3
       && row->failures == 1, "CDNs have their own list");
    row = row_of(t, QOE_TOP_COUNTRIES, "DE");
    ok(row != NULL && row->over == 3
       && qoe_top_rows(t, QOE_TOP_COUNTRIES, &more) == 2,
       "so have countries");
    ok(row_of(t, QOE_TOP_DEVICES, "pc") != NULL
       && qoe_top_rows(t, QOE_TOP_DEVICES, &more) == 2, "and devices");

    qoe_top_destroy(t);
    lane_free(l);
}


/* A view of that title alone. */

static void
titled(lane_t *l, int i, const char *title)
{
    char  of[32], texts[64];

    snprintf(of, sizeof(of), "o%d/v%d/x", i, i);
    snprintf(texts, sizeof(texts), "title=%s", title);
    view(l, i * 30000, of, texts, false);
}


static void
test_order(void)
{
    size_t         i;
    lane_t        *l;
    unsigned       steps;
    qoe_top_t     *t;
    qoe_status_t   rc;

    static const char *const  titles[] = { "b", "ab", "a", "c", "b", "abc" };
    static const char *const  order[] = { "b", "a", "ab", "abc", "c" };

    l = lane_new(16 * 1024 * 1024);

    for (i = 0; i < 6; i++) {
        titled(l, (int) i, titles[i]);
    }

    /* left before the start, and failed in the middle */

    tell(l, 300000, "e/a/x", "playing", "title=zz");
    tell(l, 300001, "e/a/x", "stallstart", "title=zz");
    tell(l, 303000, "e/a/x", "playbackdetached", "title=zz");
    tell(l, 310000, "f/a/x", "playing", "at=0 title=zz");
    tell(l, 320000, "f/a/x", "heartbeat", "at=10000 title=zz");
    tell(l, 321000, "f/a/x", "error", "at=11000 error_context.fatal=1 "
         "title=zz");
    pass(l, 600000);

    t = make(l, &qoe_mem_heap, &rc, &steps);

    for (i = 0; i < 5; i++) {
        if (qoe_top_row(t, QOE_TOP_TITLES, i + (i != 0)) == NULL
            || !qoe_span_eq(qoe_top_row(t, QOE_TOP_TITLES,
                                        i + (i != 0))->name,
                            qoe_span_str(order[i])))
        {
            break;
        }
    }

    ok(rc == QOE_OK && i == 5 && qoe_top_row(t, QOE_TOP_TITLES, 6) == NULL,
       "rows with as many views are in the order of their names, the shorter "
       "one first");
    ok(row_of(t, QOE_TOP_TITLES, "zz") == qoe_top_row(t, QOE_TOP_TITLES, 1)
       && row_of(t, QOE_TOP_TITLES, "zz")->exits == 1
       && row_of(t, QOE_TOP_TITLES, "zz")->failures == 1
       && row_of(t, QOE_TOP_TITLES, "zz")->over == 2
       && row_of(t, QOE_TOP_TITLES, "zz")->started == 1
       && row_of(t, QOE_TOP_TITLES, "b")->exits == 0,
       "views that are over count where they were never started, and how they "
       "ended");

    qoe_top_destroy(t);
    qoe_top_destroy(NULL);
    lane_free(l);
}


static void
test_memory(void)
{
    long          n;
    bool          wrong;
    lane_t       *l;
    unsigned      steps;
    tap_mem_t     m;
    qoe_top_t    *t;
    qoe_status_t  rc;

    l = lane_new(16 * 1024 * 1024);

    view(l, 0, "s1/a/x", "title=Dune country=DE device=tv", false);
    view(l, 30000, "s2/b/y", "title=Heat country=FR device=pc", false);

    wrong = false;

    for (n = 0; n < 1000; n++) {
        t = make(l, tap_mem(&m, n), &rc, &steps);
        qoe_top_destroy(t);

        wrong |= (m.live != 0) || (m.failed != 0) != (rc == QOE_NOMEM);

        if (m.failed == 0) {
            break;
        }
    }

    ok(!wrong && n > 4 && n < 1000,
       "where memory ends the lists end without a leak (%ld places)", n);

    lane_free(l);
}


static void
test_many(void)
{
    int                   i, wrong;
    bool                  more;
    char                  of[64], texts[64];
    lane_t               *l;
    unsigned              steps;
    qoe_top_t            *t;
    qoe_status_t          rc;
    const qoe_top_row_t  *row;

    l = lane_new(256 * 1024 * 1024);
    l->dims.dim[QOE_DIM_VIDEO_TITLE].action = QOE_ACTION_ALLOW;
    l->dims.dim[QOE_DIM_VIDEO_TITLE].max = 100000;

    /* titles 700 to 739 have two views each, title 720 has three */

    for (i = 0; i < 41; i++) {
        snprintf(of, sizeof(of), "r%d/w%d/x", i, i);
        snprintf(texts, sizeof(texts), "title=title-%d",
                 i < 40 ? 700 + i : 720);
        view(l, i * 10, of, texts, false);
    }

    for (i = 0; i < QOE_TOP_ROWS + 500; i++) {
        snprintf(of, sizeof(of), "s%d/v%d/x", i, i);
        snprintf(texts, sizeof(texts), "title=title-%d country=DE", i);
        view(l, i * 10, of, texts, false);
    }

    t = make(l, &qoe_mem_heap, &rc, &steps);
    ok(rc == QOE_OK && qoe_top_rows(t, QOE_TOP_TITLES, &more) == QOE_TOP_ROWS
       && more, "a list has %d rows at most, and says that there are more",
       QOE_TOP_ROWS);

    wrong = 0;

    for (i = 0; i < QOE_TOP_SHOWN; i++) {
        snprintf(texts, sizeof(texts), "title-%d",
                 i == 0 ? 720 : i <= 20 ? 699 + i : 700 + i);
        row = qoe_top_row(t, QOE_TOP_TITLES, (size_t) i);
        wrong += row == NULL || row->started != (i == 0 ? 3 : 2)
                 || !qoe_span_eq(row->name, qoe_span_str(texts));
    }

    ok(wrong == 0 && qoe_top_row(t, QOE_TOP_TITLES, QOE_TOP_SHOWN) == NULL,
       "the first %d are in the order of views and names", QOE_TOP_SHOWN);
    ok(qoe_top_rows(t, QOE_TOP_COUNTRIES, &more) == 1 && !more
       && row_of(t, QOE_TOP_COUNTRIES, "DE")->started == QOE_TOP_ROWS + 500,
       "another list is complete all the same");

    qoe_top_destroy(t);
    lane_free(l);
}


int
main(void)
{
    test_rows();
    test_order();
    test_memory();
    test_many();

    return tap_end();
}
