
/*
 * Copyright (C) OpenQoE
 *
 * Streams of events for the tests of the view state machine, and a log of the
 * points that they make.
 */


#ifndef _VIEW_EVENTS_H_INCLUDED_
#define _VIEW_EVENTS_H_INCLUDED_


#include <math.h>

#include "tap.h"
#include "qoe_view.h"


#define LOG_POINTS   4096
#define LOG_START    1700000000000ULL


typedef struct {
    qoe_metric_id_t    metric;
    double             value;
    char               extra[160];       /* "name=value,..." */
} logged_t;

typedef struct {
    qoe_view_t         v;
    qoe_points_t       points;
    logged_t           log[LOG_POINTS];
    size_t             n;
    uint32_t           ignored;
    uint64_t           delay_ms;         /* of the next events' receipt */
    bool               again;            /* the next event came before */
    qoe_view_result_t  last;
} stream_t;


static const qoe_view_conf_t  view_conf = { 120000, 1800000 };

static const char *const  dim_names[] = {
#define DIM_NAME(id, name, role, action, max, maxlen)  [QOE_DIM_##id] = name,
    QOE_DIMENSIONS(DIM_NAME, DIM_NAME)
#undef DIM_NAME
};

static const char *const  number_names[] = {
#define NUMBER_NAME(id, name, ...)  [QOE_NUMBER_##id] = name,
    QOE_SAMPLE_NUMBERS(NUMBER_NAME)
#undef NUMBER_NAME
};


static inline void
log_points(stream_t *t)
{
    size_t              i, j;
    logged_t           *l;
    const qoe_point_t  *p;

    for (i = 0; i < t->points.n && t->n < LOG_POINTS; i++) {
        p = &t->points.point[i];
        l = &t->log[t->n++];

        l->metric = p->metric;
        l->value = p->value;
        l->extra[0] = '\0';

        for (j = 0; j < p->nextra; j++) {
            snprintf(l->extra + strlen(l->extra),
                     sizeof(l->extra) - strlen(l->extra), "%s%s=%.*s",
                     j ? "," : "", dim_names[p->extra[j].dim],
                     (int) p->extra[j].text.len, p->extra[j].text.data);
        }
    }

    t->ignored += t->points.ignored;
}


static inline qoe_event_type_t
type_of(const char *name)
{
    qoe_severity_t    severity;
    qoe_event_type_t  type;

    if (qoe_event_type_find(qoe_span_str(name), NULL, 0, &type, &severity)
        != QOE_OK)
    {
        type = QOE_EVENT_CUSTOM;
    }

    return type;
}


/* data: "playing_time=1000 media_type=video player=dashjs" */

static inline void
make_sample(qoe_sample_t *s, const char *type, uint64_t at, uint64_t received,
    char *data)
{
    int          i;
    char        *key, *value, *state;
    static const struct {
        const char  *name;
        qoe_text_t   id;
    } texts[] = {
        { "player", QOE_TEXT_PLAYER_NAME },
        { "media_type", QOE_TEXT_MEDIA_TYPE },
        { "codec", QOE_TEXT_CODEC },
        { "error_family", QOE_TEXT_ERROR_FAMILY },
        { "error_code", QOE_TEXT_ERROR_CODE }
    };

    memset(s, 0, sizeof(qoe_sample_t));

    s->type = type_of(type);
    s->type_name = qoe_span_str(type);
    s->time_ms = (int64_t) at;
    s->received_ns = received * 1000000;

    for (key = strtok_r(data, " ", &state); key != NULL;
         key = strtok_r(NULL, " ", &state))
    {
        value = strchr(key, '=');
        *value++ = '\0';

        for (i = 0; i < QOE_NUMBERS; i++) {
            if (strcmp(number_names[i], key) == 0) {
                s->set |= 1ULL << i;
                s->number[i] = strtod(value, NULL);
            }
        }

        for (i = 0; i < 5; i++) {
            if (strcmp(texts[i].name, key) == 0) {
                s->text[texts[i].id] = qoe_span_str(value);
            }
        }
    }
}


/* An event of view number key at ms of the stream's clock. */

static inline void
event_of(stream_t *t, uint64_t key, int64_t ms, const char *type,
    const char *data)
{
    char          buf[512];
    uint64_t      at;
    qoe_sample_t  s;

    at = LOG_START + (uint64_t) ms;

    snprintf(buf, sizeof(buf), "%s", data ? data : "");
    make_sample(&s, type, at, at + t->delay_ms, buf);

    if (!qoe_view_knows(&t->v, key)) {
        qoe_view_end(&t->v, &view_conf, &t->points);
        log_points(t);
        qoe_view_begin(&t->v, key, &s);
    }

    t->last = qoe_view_apply(&t->v, key, t->again, &s, &view_conf,
                             &t->points);
    log_points(t);

    if (qoe_view_ending(&t->v)) {
        qoe_view_end(&t->v, &view_conf, &t->points);
        log_points(t);
    }
}


#define event(t, ms, type, data)  event_of(t, 1, ms, type, data)


static inline stream_t *
stream(void)
{
    static stream_t  t;

    memset(&t, 0, sizeof(t));

    return &t;
}


static inline void
end_view(stream_t *t)
{
    qoe_view_end(&t->v, &view_conf, &t->points);
    log_points(t);
}


/* count points of the metric, their sum, and the last one's attributes */

static inline int
made(const stream_t *t, qoe_metric_id_t metric, size_t count, double sum,
    const char *extra)
{
    size_t       i, n;
    double       total;
    const char  *last;

    n = 0;
    total = 0;
    last = "";

    for (i = 0; i < t->n; i++) {
        if (t->log[i].metric == metric) {
            n++;
            total += t->log[i].value;
            last = t->log[i].extra;
        }
    }

    if (n == count && fabs(total - sum) <= 1e-9 * (1 + fabs(sum))
        && strcmp(last, extra) == 0)
    {
        return 1;
    }

    printf("# %s: %zu points, sum %.12g, {%s}\n",
           qoe_metrics[metric].name.data, n, total, last);

    return 0;
}


#endif /* _VIEW_EVENTS_H_INCLUDED_ */
