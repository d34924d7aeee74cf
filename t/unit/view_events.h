
/*
 * Copyright (C) OpenQoE
 *
 * Streams of events of a single view for the tests of the view state machine,
 * a log of the points that they make, and the view's timeline, which is checked
 * after every step.
 */


#ifndef _VIEW_EVENTS_H_INCLUDED_
#define _VIEW_EVENTS_H_INCLUDED_


#include <math.h>
#include <string.h>

#include "tap.h"
#include "timeline_check.h"
#include "qoe_view_report.h"
#include "qoe_view_table.h"


#define LOG_POINTS   32768
#define LOG_START    1700000000000ULL


typedef struct {
    qoe_metric_id_t    metric;
    double             value;
    char               extra[160];       /* "name=value,..." */
} logged_t;

typedef struct {
    qoe_session_t      session;          /* gives the clock */
    qoe_view_t         v;                /* view_key 0: none yet */
    qoe_view_birth_t   birth;            /* of the next view, at_ms apart */
    qoe_points_t       points;
    qoe_timeline_t     timeline;
    logged_t           log[LOG_POINTS];
    size_t             n;
    uint32_t           ignored;
    uint64_t           delay_ms;         /* of the next events' receipt */
    bool               again;            /* the next event came before */
    bool               lost;             /* reports before it are missing */
    bool               over;             /* the view */
    bool               torn;             /* v and timeline may be anything */
    unsigned           stepped;          /* how often the clock was set */
    qoe_view_result_t  last;
} stream_t;


/* openqoe_view_timeout 10m paused=60m hidden=3m */

static const qoe_view_conf_t  view_conf = { 600000, 3600000, 180000 };

static const char *const  dim_names[] = {
#define DIM_NAME(id, name, role, action, max, maxlen)  [QOE_DIM_##id] = name,
    QOE_DIMENSIONS(DIM_NAME, DIM_NAME)
#undef DIM_NAME
};

static const char *const  number_names[] = {
#define NUMBER_NAME(id, name, ...)  [QOE_NUMBER_##id] = name,
    QOE_SAMPLE_NUMBERS(NUMBER_NAME)
#undef NUMBER_NAME
    [QOE_NUMBER_PLAYBACK_TIME] = "at",
    [QOE_NUMBER_VIDEO_DURATION] = "duration",

    /* of reports, as CMCD names them */

    [QOE_NUMBER_SEQUENCE] = "sn",
    [QOE_NUMBER_START_DELAY] = "msd",
    [QOE_NUMBER_TTFB] = "ttfb",
    [QOE_NUMBER_TTLB] = "ttlb",
    [QOE_NUMBER_RESPONSE_CODE] = "rc",
    [QOE_NUMBER_STALLED_TOTAL] = "bsda",
    [QOE_NUMBER_STALLED] = "bsd",
    [QOE_NUMBERS] = NULL
};


static inline void
log_points(stream_t *t)
{
    size_t              i, j;
    logged_t           *l;
    const char         *wrong;
    const qoe_point_t  *p;

    if (t->n + t->points.n > LOG_POINTS) {
        abort();
    }

    for (i = 0; i < t->points.n; i++) {
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

    if (t->v.view_key != 0) {
        timeline_take(&t->timeline, &t->points);
        wrong = t->torn ? NULL : timeline_wrong(&t->timeline, &t->v);

        if (wrong != NULL) {
            printf("# the timeline: %s\n", wrong);
            timeline_print(&t->timeline, LOG_START, t->v.seen_ms);
            abort();
        }
    }
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


/*
 * What a report is about, "ps", "t", "rr" and so on, and the state of the
 * player, "s", "p" and so on.  Its type is that of the state, or what its name
 * says, as the decoder has it.
 */

static inline void
make_report(qoe_sample_t *s, const char *about, const char *state)
{
    int  i;
    static const struct {
        const char        *token;
        const char        *name;
    } events[] = {
#define REPORT_EVENT(id, token, name)  { token, name },
        QOE_REPORT_EVENTS(REPORT_EVENT)
#undef REPORT_EVENT
    };
    static const struct {
        const char        *token;
        qoe_event_type_t   type;
    } states[] = {
#define REPORT_STATE(id, token, type)  { token, QOE_EVENT_##type },
        QOE_PLAYER_STATES(REPORT_STATE)
#undef REPORT_STATE
    };

    for (i = 0; i < QOE_REPORT_EVENTS_N; i++) {
        if (about != NULL && strcmp(events[i].token, about) == 0) {
            s->set |= 1ULL << QOE_NUMBER_REPORT;
            s->number[QOE_NUMBER_REPORT] = i;
            s->type_name = qoe_span_str(events[i].name);
            s->type = type_of(events[i].name);
        }
    }

    for (i = 0; i < QOE_PLAYER_STATES_N; i++) {
        if (state != NULL && strcmp(states[i].token, state) == 0) {
            s->set |= 1ULL << QOE_NUMBER_PLAYER_STATE;
            s->number[QOE_NUMBER_PLAYER_STATE] = i;

            if (s->number[QOE_NUMBER_REPORT] == QOE_REPORT_STATE) {
                s->type = states[i].type;
                s->type_name = qoe_event_type_name(s->type);
            }
        }
    }
}


/*
 * data: "playing_time=1000 media_type=video player=dashjs".  The position
 * (playback_time) is "at", the video's duration "duration".  An event with "e"
 * is a report of CMCD, and "sta" is the state in it.
 */

static inline void
make_sample(qoe_sample_t *s, const char *type, uint64_t at, uint64_t received,
    char *data)
{
    int          i;
    char        *key, *value, *rest, *about, *state;
    static const struct {
        const char  *name;
        qoe_text_t   id;
    } texts[] = {
        { "player", QOE_TEXT_PLAYER_NAME },
        { "media_type", QOE_TEXT_MEDIA_TYPE },
        { "codec", QOE_TEXT_CODEC },
        { "title", QOE_TEXT_VIDEO_TITLE },
        { "video", QOE_TEXT_VIDEO_ID },
        { "stream", QOE_TEXT_CMCD_ST },
        { "cdn", QOE_TEXT_CDN_PROVIDER },
        { "country", QOE_TEXT_NETWORK_COUNTRY_CODE },
        { "device", QOE_TEXT_DEVICE_CATEGORY },
        { "viewer", QOE_TEXT_VIEWER_ID },
        { "error_family", QOE_TEXT_ERROR_FAMILY },
        { "error_code", QOE_TEXT_ERROR_CODE }
    };

    memset(s, 0, sizeof(qoe_sample_t));

    s->type = type_of(type);
    s->type_name = qoe_span_str(type);
    s->time_ms = (int64_t) at;
    s->received_ns = received * 1000000;

    about = state = NULL;

    for (key = strtok_r(data, " ", &rest); key != NULL;
         key = strtok_r(NULL, " ", &rest))
    {
        value = strchr(key, '=');
        *value++ = '\0';

        about = strcmp(key, "e") == 0 ? value : about;
        state = strcmp(key, "sta") == 0 ? value : state;

        for (i = 0; i < QOE_NUMBERS; i++) {
            if (number_names[i] != NULL
                && strcmp(number_names[i], key) == 0)
            {
                s->set |= 1ULL << i;
                s->number[i] = strtod(value, NULL);
            }
        }

        for (i = 0; i < (int) (sizeof(texts) / sizeof(texts[0])); i++) {
            if (strcmp(texts[i].name, key) == 0) {
                s->text[texts[i].id] = qoe_span_str(value);
            }
        }
    }

    make_report(s, about, state);
}


/* What a helper does 30 s after the last event: nothing waits any longer. */

static inline void
quiet(stream_t *t)
{
    qoe_view_judge(&t->v, UINT64_MAX, &view_conf, &t->points);
    log_points(t);
}


/* at_ms: where a view that is replaced ends. */

static inline void
end_as(stream_t *t, qoe_view_end_t why, uint64_t at_ms)
{
    qoe_view_end(&t->v, why, at_ms, &view_conf, &t->points);
    log_points(t);

    t->v.view_key = 0;
    t->over = true;
}


static inline void
end_view(stream_t *t)
{
    end_as(t, QOE_VIEW_SILENT, 0);
}


/* Applies an event or a report to the view; NULL: that is over. */

static inline void
take_event(stream_t *t, qoe_view_t *v, uint64_t at, const qoe_sample_t *s)
{
    qoe_view_report_t  r;

    if (!qoe_sample_has(s, REPORT)) {
        t->last = qoe_view_apply(v, t->again, at, s, &view_conf, &t->points);
        return;
    }

    r.seen = t->again;
    r.lost = t->lost;
    r.state = qoe_report_tells(v, NULL, s, t->lost);
    r.at_ms = at;

    t->last = qoe_view_report(v, &r, s, &view_conf, &t->points);
}


/* An event at ms of the stream's clock. */

static inline void
event(stream_t *t, int64_t ms, const char *type, const char *data)
{
    bool          stepped;
    char          buf[512];
    uint64_t      at;
    qoe_sample_t  s;

    at = LOG_START + (uint64_t) ms;

    snprintf(buf, sizeof(buf), "%s", data ? data : "");
    make_sample(&s, type, at, at + t->delay_ms, buf);

    at = qoe_session_clock(&t->session, &s, &stepped);
    t->stepped += stepped;

    if (t->v.view_key == 0 && !t->over) {
        t->birth.at_ms = at;
        qoe_view_begin(&t->v, &t->birth);
        qoe_timeline_begin(&t->timeline, at);
    }

    take_event(t, t->over ? NULL : &t->v, at, &s);
    log_points(t);

    if (!t->over && qoe_view_ending(&t->v)) {
        end_as(t, QOE_VIEW_ENDED, at);
    }
}


static inline stream_t *
stream(void)
{
    static stream_t  t;

    memset(&t, 0, sizeof(t));

    t.birth.view_key = 1;
    t.birth.first = true;
    t.birth.told = NAN;

    return &t;
}


/* count points of the metric, their sum, and the last point's attributes. */

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


/*
 * A script: "0 playing at=0; 10000..60000 heartbeat at=@ playing_time=@-500;
 * end". From..to is every 10 s; @ is the event's time, with a number added.
 * "end" is the end by silence, "quiet" 30 s of it, "again" makes the next
 * event a duplicate, "lost" a report after others that are missing; "replaced"
 * ends the view by another video then.
 */

static inline void
script_event(stream_t *t, int64_t ms, const char *text)
{
    char         type[64], data[512], *end;
    double       value;
    size_t       n;
    const char  *p;

    n = strcspn(text, " ");
    snprintf(type, sizeof(type), "%.*s", (int) n, text);
    text += n + strspn(text + n, " ");
    n = 0;

    for (p = text; *p != '\0'; p++) {

        if (*p != '@') {
            data[n++] = *p;
            continue;
        }

        value = (double) ms;

        if (p[1] == '+' || p[1] == '-') {
            value += strtod(p + 1, &end);
            p = end - 1;
        }

        n += (size_t) snprintf(data + n, sizeof(data) - n, "%.17g", value);
    }

    data[n] = '\0';

    if (strcmp(type, "replaced") == 0) {
        end_as(t, QOE_VIEW_REPLACED, LOG_START + (uint64_t) ms);

    } else {
        event(t, ms, type, data);
        t->again = t->lost = false;
    }
}


static inline void
script_line(stream_t *t, char *line)
{
    char     *text;
    int64_t   ms, until;

    line += strspn(line, " ");

    if (strcmp(line, "end") == 0) {
        end_view(t);
        return;
    }

    if (strcmp(line, "quiet") == 0) {
        quiet(t);
        return;
    }

    if (strcmp(line, "again") == 0) {
        t->again = true;
        return;
    }

    if (strcmp(line, "lost") == 0) {
        t->lost = true;
        return;
    }

    ms = strtoll(line, &text, 10);
    until = ms;

    if (strncmp(text, "..", 2) == 0) {
        until = strtoll(text + 2, &text, 10);
    }

    for (text += strspn(text, " "); ms <= until; ms += 10000) {
        script_event(t, ms, text);
    }
}


static inline void
script(stream_t *t, const char *text)
{
    char  *copy, *line, *state;

    copy = strdup(text);

    for (line = strtok_r(copy, ";", &state); line != NULL;
         line = strtok_r(NULL, ";", &state))
    {
        script_line(t, line);
    }

    free(copy);
}


static inline double
sum_of(const stream_t *t, qoe_metric_id_t metric)
{
    size_t  i;
    double  sum;

    sum = 0;

    for (i = 0; i < t->n; i++) {
        sum += t->log[i].metric == metric ? t->log[i].value : 0;
    }

    return sum;
}


static inline size_t
count_of(const stream_t *t, qoe_metric_id_t metric)
{
    size_t  i, n;

    for (i = 0, n = 0; i < t->n; i++) {
        n += (t->log[i].metric == metric);
    }

    return n;
}


/* Is the sum in seconds so many ms? */

static inline int
is_ms(const stream_t *t, qoe_metric_id_t metric, double ms)
{
    double  sum;

    sum = sum_of(t, metric) * 1000;

    if (fabs(sum - ms) < 0.5) {
        return 1;
    }

    printf("# %s: %g ms\n", qoe_metrics[metric].name.data, sum);

    return 0;
}


static inline int
played_ms(const stream_t *t, double ms)
{
    return is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, ms);
}


/* So many stalls, which took so long together. */

static inline int
stalled_ms(const stream_t *t, size_t stalls, double ms)
{
    double  sum;

    sum = sum_of(t, QOE_METRIC_REBUFFER_DURATION);

    if (count_of(t, QOE_METRIC_REBUFFER_DURATION) == stalls
        && sum_of(t, QOE_METRIC_REBUFFER_EVENTS_COUNT) == (double) stalls
        && fabs(sum - ms) < 0.5)
    {
        return 1;
    }

    printf("# %g stalls of %g ms\n",
           sum_of(t, QOE_METRIC_REBUFFER_EVENTS_COUNT), sum);

    return 0;
}


/* NONE: no point. */

#define NONE  (-1.0)

static inline int
startup_ms(const stream_t *t, double ms)
{
    return made(t, QOE_METRIC_VIDEO_STARTUP_TIME, ms != NONE,
                ms == NONE ? 0 : ms, "");
}


static inline int
started(const stream_t *t, size_t n)
{
    return made(t, QOE_METRIC_VIEWS_STARTED_TOTAL, n, (double) n, "");
}


static inline int
outcome(const stream_t *t, const char *name)
{
    char  text[64];

    snprintf(text, sizeof(text), "outcome=%s", name);

    return made(t, QOE_METRIC_VIEWS_TOTAL, 1, 1, text);
}


/*
 * A claim, the script of a view, and what the view came to: how it ended, its
 * startup (NONE: no point), its time of playing, the number of its stalls and
 * their time, all in ms.  It was started unless it ended before.
 */

typedef struct {
    const char  *claim;
    const char  *script;
    const char  *outcome;
    double       startup;
    double       playing;
    unsigned     stalls;
    double       stalled;
} view_case_t;


static inline bool
ratio_ok(const stream_t *t, const view_case_t *c, size_t n)
{
    double  whole;

    whole = c->stalled + c->playing;

    return made(t, QOE_METRIC_REBUFFER_RATIO, n && whole > 0,
                n && whole > 0 ? c->stalled / whole : 0, "");
}


static inline void
view_cases(const view_case_t *c, size_t ncases)
{
    int        good;
    size_t     i, n;
    stream_t  *t;

    for (i = 0; i < ncases; i++, c++) {
        t = stream();
        script(t, c->script);

        n = (strcmp(c->outcome, "exit_before_start") != 0
             && strcmp(c->outcome, "startup_failure") != 0);

        good = outcome(t, c->outcome);
        good &= started(t, n);
        good &= startup_ms(t, c->startup);
        good &= played_ms(t, c->playing);
        good &= stalled_ms(t, c->stalls, c->stalled);
        good &= ratio_ok(t, c, n);
        good &= (sum_of(t, QOE_METRIC_WATCH_TIME_SECONDS)
                 >= sum_of(t, QOE_METRIC_PLAYING_TIME_SECONDS) - 1e-9);

        ok(good, "%s", c->claim);
    }
}


#endif /* _VIEW_EVENTS_H_INCLUDED_ */
