
/*
 * Copyright (C) OpenQoE
 *
 * Unique viewers as they are collected, and collections whose memory ends.
 */


#include "gauges_place.h"


static void
test_viewers(void)
{
    int          i;
    char         id[16];
    double       a, b;
    place_t     *p;

    p = place_new();

    for (i = 0; i < 600; i++) {
        qoe_govern_viewer(&p->governor, qoe_span("a"), qoe_span("p"), true,
                          numbered(id, i % 300), NOW_S);
    }

    qoe_govern_viewer(&p->governor, qoe_span("a"), qoe_span("q"), true,
                      qoe_span("v1"), NOW_S);

    ok(collect(p), "a zone with viewers can be collected");

    a = value_of(p, QOE_METRIC_UNIQUE_VIEWERS, "org_id=a,player_id=p");
    b = value_of(p, QOE_METRIC_UNIQUE_VIEWERS, "org_id=a,player_id=q");

    ok(fabs(a - 300) <= 6 && fabs(b - 1) < 0.5,
       "viewers are estimated by org and player: %g of 300, %g of 1", a, b);

    place_free(p);
}


/* More pairs of org and player than there are sketches for them. */

static void
test_viewers_many(void)
{
    int          i;
    char         id[16], labels[64];
    double       n, one, all, rest;
    place_t     *p;

    p = place_new();

    for (i = 0; i < 4000; i++) {
        qoe_govern_viewer(&p->governor, numbered(id, i), qoe_span("p"), true,
                          qoe_span("viewer"), NOW_S);
        qoe_govern_viewer(&p->governor, numbered(id, i), qoe_span("p"), true,
                          numbered(id, i), NOW_S);
    }

    ok(collect(p), "a zone with more viewers than sketches can be collected");

    rest = value_of(p, QOE_METRIC_UNIQUE_VIEWERS, "otel.metric.overflow=true");
    all = n = 0;

    for (i = 0; i < 4000; i++) {
        snprintf(labels, sizeof(labels), "org_id=v%d,player_id=p", i);
        one = value_of(p, QOE_METRIC_UNIQUE_VIEWERS, labels);
        all += isnan(one) ? 0 : 1;
        n += isnan(one) ? 0 : one;
    }

    ok(all > 10 && all < 4000 && n == 2 * all
       && qoe_collect_count(p->c, QOE_METRIC_UNIQUE_VIEWERS) == all + 1
       && fabs(rest - (4000 - all + 1)) < 0.05 * 4000,
       "pairs without a sketch are counted together: %g of %g", rest,
       4000 - all + 1);

    place_free(p);
}


/* Exporters, dimensions and viewers as they are; each allocation fails. */

static void
test_nomem(void)
{
    int            i;
    char           id[16], name[QOE_DESTS_MAX][16], dim[64][16];
    long           n;
    bool           wrong, spooled[QOE_DESTS_MAX];
    place_t       *p;
    uint32_t       slots[QOE_DESTS_MAX];
    qoe_span_t     names[QOE_DESTS_MAX];
    tap_mem_t      m;
    qoe_status_t   rc;

    p = place_new();

    for (i = 0; i < QOE_DESTS_MAX; i++) {
        snprintf(name[i], sizeof(name[i]), "e%d", i);
        names[i] = qoe_span_str(name[i]);
        spooled[i] = true;
    }

    qoe_dests_set(p->zone, names, NULL, spooled, QOE_DESTS_MAX, slots);

    for (i = 0; p->dims.n < QOE_DIMENSIONS_MAX; i++) {
        snprintf(dim[i], sizeof(dim[i]), "d%d", i);
        p->dims.dim[p->dims.n] = p->dims.dim[QOE_DIM_APP_NAME];
        p->dims.dim[p->dims.n++].name = qoe_span_str(dim[i]);
    }

    for (i = 0; i < 3000; i++) {
        (void) qoe_govern(&p->governor, (size_t) i % p->dims.n,
                          numbered(id, i), NOW_S, (char [QOE_GOVERN_BUF]) { 0 }
                         );
        qoe_govern_viewer(&p->governor, numbered(id, i), qoe_span("p"), true,
                          qoe_span("viewer"), NOW_S);
        view(p, 0, numbered(id, i).data, 0);
    }

    wrong = false;

    for (n = 0; n < 10000; n++) {
        p->c = qoe_collect_create(&p->st, &p->conf, &p->governor,
                                  QOE_COLLECT_READ, QOE_GROUPS_ALL, NOW_NS,
                                  tap_mem(&m, n));
        rc = QOE_NOMEM;

        while (p->c != NULL
               && (rc = qoe_collect_step(p->c, 1000)) == QOE_AGAIN)
        {
            /* void */
        }

        qoe_collect_destroy(p->c);
        p->c = NULL;
        wrong |= (m.live != 0) || (m.failed != 0) != (rc == QOE_NOMEM);

        if (m.failed == 0) {
            break;
        }
    }

    ok(!wrong && n > 10 && n < 10000,
       "where memory ends the collection ends without a leak (%ld places)", n);

    place_free(p);
}


int
main(void)
{
    test_viewers();
    test_viewers_many();
    test_nomem();

    return tap_end();
}
