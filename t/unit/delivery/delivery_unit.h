
/*
 * Copyright (C) OpenQoE
 *
 * Requests of a session, written by hand, and the points that they make.
 */


#ifndef _DELIVERY_UNIT_H_INCLUDED_
#define _DELIVERY_UNIT_H_INCLUDED_


#include "qoe_delivery.h"
#include "tap.h"

#include <math.h>


#define T0  1700000000000

static qoe_delivery_t  state;
static qoe_points_t    made;
static unsigned        refused_points;       /* beyond the room for them */

/* All points since begin(), those that count several times so many times. */
static struct { qoe_point_t point[4096]; size_t n; }  all;


static inline void
keep(void)
{
    size_t    i;
    uint32_t  n;

    for (i = 0; i < made.n; i++) {
        for (n = 0; n < made.point[i].times && all.n < 4096; n++) {
            all.point[all.n++] = made.point[i];
        }
    }

    refused_points += (made.n == QOE_POINTS_MAX);
}


static inline void
begin(void)
{
    memset(&state, 0, sizeof(state));
    all.n = 0;
}


/* A complete response of a session, ms after T0 and ms long. */

static inline qoe_request_t
response(double at, double ms, qoe_cmcd_ot_t ot)
{
    qoe_request_t  r;

    qoe_request_init(&r);

    r.start_ms = (uint64_t) (T0 + at);
    r.duration_ms = ms;
    r.ttfb_ms = 0;
    r.status = 200;
    r.cmcd = true;
    r.version = 1;
    r.ot = (uint8_t) ot;
    r.text[QOE_TEXT_SESSION_ID] = qoe_span("sid");
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span("film");

    return r;
}


/* A segment of 2 s with its number and the buffer before it. */

static inline qoe_request_t
segment(double at, double ms, qoe_cmcd_ot_t ot, unsigned number, double bl)
{
    qoe_request_t  r;

    r = response(at, ms, ot);
    r.segment = number;
    r.path_hash = (uint64_t) ot << 32 | (number + 1000);
    r.d_ms = 2000;
    r.bl_ms = bl;
    r.dl_ms = bl;
    r.br_kbps = 800;
    r.bytes = 200000;
    r.su = (bl == 0);

    return r;
}


static inline void
apply(const qoe_request_t *r)
{
    qoe_points_clear(&made);
    qoe_delivery_apply(&state, r,
                       r->start_ms + (uint64_t) fmax(r->duration_ms, 0),
                       &made);
    keep();
}


static inline void
end(void)
{
    qoe_points_clear(&made);
    qoe_delivery_end(&state, &made);
    keep();
}


/* Only what needs no session. */

static inline void
alone(const qoe_request_t *r)
{
    all.n = 0;
    qoe_points_clear(&made);
    qoe_delivery_request(r, &made);
    keep();
}


static inline bool
has(const qoe_point_t *p, const char *text)
{
    uint16_t  i;

    for (i = 0; text != NULL && i < p->nextra; i++) {
        if (qoe_span_eq(p->extra[i].text, qoe_span_str(text))) {
            return true;
        }
    }

    return text == NULL;
}


/* The sum of the points of a metric with that attribute (NULL: any). */

static inline double
sum(qoe_metric_id_t metric, const char *text)
{
    size_t  i;
    double  total;

    total = 0;

    for (i = 0; i < all.n; i++) {
        if (all.point[i].metric == metric && has(&all.point[i], text)) {
            total += all.point[i].value;
        }
    }

    return total;
}


static inline unsigned
count(qoe_metric_id_t metric, const char *text)
{
    size_t    i;
    unsigned  n;

    n = 0;

    for (i = 0; i < all.n; i++) {
        n += all.point[i].metric == metric && has(&all.point[i], text);
    }

    return n;
}


/*
 * All points as text, "metric value dim=text .."; the metrics without
 * "openqoe.", the points in their order with "; " between them.
 */

static inline const char *
listing(void)
{
    size_t              i, at;
    uint16_t            k;
    const qoe_point_t  *p;

    static char              text[8192];
    static qoe_dimensions_t  dims;

    qoe_dimensions_init(&dims);
    text[0] = '\0';

    for (i = 0, at = 0; i < all.n && at < sizeof(text) - 512; i++) {
        p = &all.point[i];
        at += (size_t) sprintf(text + at, "%s%.*s %g", i != 0 ? "; " : "",
                               (int) qoe_metrics[p->metric].name.len - 8,
                               qoe_metrics[p->metric].name.data + 8, p->value);

        for (k = 0; k < p->nextra; k++) {
            at += (size_t) sprintf(text + at, " %.*s=%.*s",
                                   (int) dims.dim[p->extra[k].dim].name.len,
                                   dims.dim[p->extra[k].dim].name.data,
                                   (int) p->extra[k].text.len,
                                   p->extra[k].text.data);
        }
    }

    return text;
}


/* Are those all points, in that order? */

static inline bool
made_are(const char *wanted)
{
    if (strcmp(listing(), wanted) != 0) {
        printf("# wanted %s\n# made   %s\n", wanted, listing());
        return false;
    }

    return true;
}


#define SUM(id, text)    sum(QOE_METRIC_##id, text)
#define COUNT(id, text)  count(QOE_METRIC_##id, text)


#endif /* _DELIVERY_UNIT_H_INCLUDED_ */
