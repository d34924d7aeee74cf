
/*
 * Copyright (C) OpenQoE
 *
 * Reports of CMCD as events.
 */


#include "qoe_cmcd_events.h"
#include "qoe_cmcd_json.h"
#include "qoe_number.h"
#include "qoe_schema.h"

#include <stdio.h>
#include <stdlib.h>


/* What an event as JSON has beside the set and the texts. */
#define QOE_CMCD_RAW_HEAD     256

/* A larger time or position is a Unix time in ms. */
#define QOE_CMCD_EPOCH        1e11

/* The length of "e=t,ts=1", less than which no report has. */
#define QOE_CMCD_LINE_MIN     8


/* A body while it is decoded. */

typedef struct {
    qoe_batch_t              *batch;
    qoe_cmcd_events_t        *x;
    const qoe_decode_conf_t  *conf;
    qoe_arena_t              *arena;
    int64_t                   now_ms;
    qoe_span_t                org;
    uint64_t                 *order;     /* of events: the sequence number */
    size_t                    room;
    qoe_cmcd_t                set;       /* of the line in hand */
} qoe_cmcd_body_t;


/* The place of an event in its run. */

typedef struct {
    uint64_t                  order;
    size_t                    i;
} qoe_cmcd_place_t;


static size_t qoe_cmcd_lines(qoe_span_t body);
static bool qoe_cmcd_room(qoe_cmcd_body_t *b, size_t lines);
static qoe_status_t qoe_cmcd_line(qoe_cmcd_body_t *b, qoe_span_t line);
static void qoe_cmcd_count(qoe_cmcd_body_t *b);
static const char *qoe_cmcd_fault(qoe_cmcd_body_t *b, char *buf, size_t size);
static void qoe_cmcd_refuse(qoe_cmcd_body_t *b, const char *why);
static bool qoe_cmcd_event(qoe_cmcd_body_t *b, qoe_span_t line);
static int qoe_cmcd_report_event(unsigned token);
static int qoe_cmcd_state(const qoe_cmcd_t *c);
static void qoe_cmcd_type(const qoe_cmcd_body_t *b, qoe_event_t *ev);
static void qoe_cmcd_custom(const qoe_cmcd_body_t *b, qoe_event_t *ev,
    int event);
static bool qoe_cmcd_failed(const qoe_cmcd_t *c);
static void qoe_cmcd_fields(const qoe_cmcd_body_t *b, qoe_event_t *ev);
static void qoe_cmcd_text(qoe_event_t *ev, qoe_event_field_t field,
    qoe_span_t text);
static void qoe_cmcd_media(const qoe_cmcd_t *c, qoe_event_t *ev);
static void qoe_cmcd_number(qoe_event_t *ev, qoe_number_t id, double n);
static void qoe_cmcd_numbers(const qoe_cmcd_t *c, qoe_event_t *ev);
static bool qoe_cmcd_report_numbers(const qoe_cmcd_body_t *b,
    qoe_event_t *ev);
static void qoe_cmcd_report_number(qoe_event_t *ev, double *report,
    qoe_number_t id, double n);
static double qoe_cmcd_sum(const qoe_cmcd_t *c, qoe_cmcd_key_t key);
static bool qoe_cmcd_raw(qoe_cmcd_body_t *b, qoe_event_t *ev,
    qoe_span_t line);
static void *qoe_cmcd_alloc(void *ctx, size_t size);
static void qoe_cmcd_free(void *ctx, void *p);
static void qoe_cmcd_sort(qoe_cmcd_body_t *b);
static void qoe_cmcd_sort_run(qoe_cmcd_body_t *b, size_t start, size_t n);
static int qoe_cmcd_by_order(const void *one, const void *two);


/* Events and states of CMCD in the words of events, states from 1 on. */

static const struct {
    uint8_t             token;
    qoe_report_event_t  event;
} qoe_cmcd_report_events[] = {
    { QOE_CMCD_E_STATE,          QOE_REPORT_STATE },
    { QOE_CMCD_E_INTERVAL,       QOE_REPORT_INTERVAL },
    { QOE_CMCD_E_RESPONSE,       QOE_REPORT_RESPONSE },
    { QOE_CMCD_E_ERROR,          QOE_REPORT_ERROR },
    { QOE_CMCD_E_BITRATE,        QOE_REPORT_BITRATE },
    { QOE_CMCD_E_BACKGROUND,     QOE_REPORT_BACKGROUND },
    { QOE_CMCD_E_RATE,           QOE_REPORT_RATE },
    { QOE_CMCD_E_MUTE,           QOE_REPORT_MUTE },
    { QOE_CMCD_E_UNMUTE,         QOE_REPORT_UNMUTE },
    { QOE_CMCD_E_CONTENT,        QOE_REPORT_CONTENT },
    { QOE_CMCD_E_HOST,           QOE_REPORT_HOST },
    { QOE_CMCD_E_AD_START,       QOE_REPORT_AD_START },
    { QOE_CMCD_E_AD_END,         QOE_REPORT_AD_END },
    { QOE_CMCD_E_AD_BREAK_START, QOE_REPORT_AD_BREAK_START },
    { QOE_CMCD_E_AD_BREAK_END,   QOE_REPORT_AD_BREAK_END },
    { QOE_CMCD_E_SKIP,           QOE_REPORT_SKIP },
    { QOE_CMCD_E_EXPAND,         QOE_REPORT_EXPAND },
    { QOE_CMCD_E_COLLAPSE,       QOE_REPORT_COLLAPSE },
    { QOE_CMCD_E_CUSTOM,         QOE_REPORT_CUSTOM }
};

static const uint8_t  qoe_cmcd_states[QOE_CMCD_STAS] = {
    [QOE_CMCD_STA_STARTING]    = 1 + QOE_PLAYER_STARTING,
    [QOE_CMCD_STA_PLAYING]     = 1 + QOE_PLAYER_PLAYING,
    [QOE_CMCD_STA_SEEKING]     = 1 + QOE_PLAYER_SEEKING,
    [QOE_CMCD_STA_REBUFFERING] = 1 + QOE_PLAYER_REBUFFERING,
    [QOE_CMCD_STA_PAUSED]      = 1 + QOE_PLAYER_PAUSED,
    [QOE_CMCD_STA_WAITING]     = 1 + QOE_PLAYER_WAITING,
    [QOE_CMCD_STA_ENDED]       = 1 + QOE_PLAYER_ENDED,
    [QOE_CMCD_STA_FATAL]       = 1 + QOE_PLAYER_FAILED,
    [QOE_CMCD_STA_QUIT]        = 1 + QOE_PLAYER_QUIT,
    [QOE_CMCD_STA_PRELOADING]  = 1 + QOE_PLAYER_PRELOADING
};

static const qoe_event_type_t  qoe_cmcd_state_types[] = {
#define QOE_CMCD_STATE_TYPE(id, token, type)  QOE_EVENT_##type,
    QOE_PLAYER_STATES(QOE_CMCD_STATE_TYPE)
#undef QOE_CMCD_STATE_TYPE
};

static const qoe_span_t  qoe_cmcd_names[] = {
#define QOE_CMCD_NAME(id, token, name)  { name, sizeof(name) - 1 },
    QOE_REPORT_EVENTS(QOE_CMCD_NAME)
#undef QOE_CMCD_NAME
};


qoe_status_t
qoe_cmcd_events(qoe_batch_t *batch, qoe_cmcd_events_t *x, qoe_span_t body,
    qoe_span_t org, const qoe_decode_conf_t *conf, int64_t now_ms,
    qoe_arena_t *arena)
{
    qoe_span_t        line;
    const char       *p, *end, *next;
    qoe_status_t      rc;
    qoe_cmcd_body_t   b;

    /* the set is large, and each line fills in its own */

    memset(&b, 0, offsetof(qoe_cmcd_body_t, set));
    memset(batch, 0, sizeof(qoe_batch_t));
    memset(x, 0, sizeof(qoe_cmcd_events_t));

    b.batch = batch;
    b.x = x;
    b.conf = conf;
    b.arena = arena;
    b.now_ms = now_ms;
    b.org = org;

    if (!qoe_cmcd_room(&b, qoe_cmcd_lines(body))) {
        return QOE_NOMEM;
    }

    end = body.data + body.len;

    for (p = body.data; p < end; p = next + 1) {
        next = memchr(p, '\n', (size_t) (end - p));
        next = next != NULL ? next : end;

        line = (qoe_span_t) { p, (size_t) (next - p) };
        rc = qoe_cmcd_line(&b, line);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    if (batch->nevents == 0 && x->no_sid == 0) {

        if (batch->total == 0) {
            qoe_cmcd_refuse(&b, "the body has no report");
            batch->errors[0].event = QOE_DECODE_BODY;
            batch->total = 0;
            batch->nrejected = 0;
        }

        return QOE_INVALID;
    }

    qoe_cmcd_sort(&b);

    return QOE_OK;
}


/* A blank line is no report.  QOE_NOMEM. */

static qoe_status_t
qoe_cmcd_line(qoe_cmcd_body_t *b, qoe_span_t line)
{
    char          text[160], *buf;
    qoe_status_t  rc;
    const char   *why;

    /* lines that are too many cost no more than their count */

    if (b->batch->nevents + b->x->no_sid >= b->conf->max_events) {
        qoe_cmcd_refuse(b, "more reports than a request may have");
        return QOE_OK;
    }

    if (line.len > QOE_EVENT_RAW_MAX / 2) {
        qoe_cmcd_refuse(b, "the report is too long");
        return QOE_OK;
    }

    buf = qoe_arena_alloc(b->arena, line.len + 1);

    if (buf == NULL) {
        return QOE_NOMEM;
    }

    rc = qoe_cmcd_report(&b->set, line, buf, &why);

    if (rc == QOE_DONE) {
        return QOE_OK;
    }

    qoe_cmcd_count(b);

    if (rc == QOE_OK) {
        why = qoe_cmcd_fault(b, text, sizeof(text));
    }

    if (why != NULL) {
        qoe_cmcd_refuse(b, why);
        return QOE_OK;
    }

    if (!qoe_cmcd_has(&b->set, QOE_CMCD_SID)
        || b->set.text[QOE_CMCD_SID].len == 0)
    {
        b->x->ignored[QOE_CMCD_NO_SID]++;
        b->x->no_sid++;
        return QOE_OK;
    }

    return qoe_cmcd_event(b, line) ? QOE_OK : QOE_NOMEM;
}


static void
qoe_cmcd_count(qoe_cmcd_body_t *b)
{
    size_t  i;

    for (i = 0; i < QOE_CMCD_IGNORED; i++) {
        b->x->ignored[i] += b->set.ignored[i];
    }
}


/* Why a report is refused, or NULL. */

static const char *
qoe_cmcd_fault(qoe_cmcd_body_t *b, char *buf, size_t size)
{
    double  t, min, max;
    char    reason[128];

    t = b->set.number[QOE_CMCD_TS];
    min = qoe_max((double) b->now_ms - (double) b->conf->max_age_ms, 0);
    max = (double) b->now_ms + (double) b->conf->max_ahead_ms;

    if (t < min) {
        snprintf(buf, size, "ts %s", qoe_schema_older(reason, sizeof(reason),
                                                      b->conf, t, min, max));
        return buf;
    }

    if (t > max) {
        snprintf(buf, size, "ts %s", qoe_schema_ahead(reason, sizeof(reason),
                                                      b->conf));
        return buf;
    }

    return NULL;
}


static void
qoe_cmcd_refuse(qoe_cmcd_body_t *b, const char *why)
{
    qoe_batch_t         *batch;
    qoe_decode_error_t  *e;

    batch = b->batch;

    if (batch->nerrors < QOE_DECODE_ERRORS_MAX) {
        e = &batch->errors[batch->nerrors++];
        e->event = batch->total;
        e->field[0] = '\0';
        snprintf(e->reason, sizeof(e->reason), "%s", why);
    }

    batch->total++;
    batch->nrejected++;
}


/* Room for an event for each line, as far as they may be events. */

static bool
qoe_cmcd_room(qoe_cmcd_body_t *b, size_t lines)
{
    b->room = qoe_min(lines, b->conf->max_events);

    b->batch->events = qoe_arena_alloc(b->arena,
                                       b->room * sizeof(qoe_event_t));
    b->order = qoe_arena_alloc(b->arena, b->room * sizeof(uint64_t));

    return b->batch->events != NULL && b->order != NULL;
}


static size_t
qoe_cmcd_lines(qoe_span_t body)
{
    size_t       n;
    const char  *p, *end, *next;

    n = 0;
    end = body.data + body.len;

    for (p = body.data; p < end; p = next + 1) {
        next = memchr(p, '\n', (size_t) (end - p));
        next = next != NULL ? next : end;
        n += (next - p >= QOE_CMCD_LINE_MIN);
    }

    return n;
}


static bool
qoe_cmcd_event(qoe_cmcd_body_t *b, qoe_span_t line)
{
    qoe_event_t       *ev;
    const qoe_cmcd_t  *c;

    c = &b->set;
    ev = &b->batch->events[b->batch->nevents];

    memset(ev, 0, offsetof(qoe_event_t, number));

    ev->sources = b->conf->sources;
    ev->nsources = b->conf->nsources;
    ev->time_ms = (int64_t) c->number[QOE_CMCD_TS];

    qoe_cmcd_type(b, ev);
    qoe_cmcd_fields(b, ev);
    qoe_cmcd_media(c, ev);
    qoe_cmcd_numbers(c, ev);

    if (!qoe_cmcd_report_numbers(b, ev) || !qoe_cmcd_raw(b, ev, line)) {
        return false;
    }

    b->order[b->batch->nevents] = qoe_cmcd_has(c, QOE_CMCD_SN)
                                  ? (uint64_t) qoe_min(c->number[QOE_CMCD_SN],
                                                       QOE_NUMBER_EXACT)
                                  : UINT64_MAX;
    b->batch->nevents++;
    b->batch->total++;

    return true;
}


static int
qoe_cmcd_report_event(unsigned token)
{
    size_t  i;

    for (i = 0; i < QOE_REPORT_EVENTS_N; i++) {
        if (qoe_cmcd_report_events[i].token == token) {
            return (int) qoe_cmcd_report_events[i].event;
        }
    }

    return -1;
}


/* -1: there is none, or it is that of a player that shows nothing. */

static int
qoe_cmcd_state(const qoe_cmcd_t *c)
{
    if (qoe_cmcd_flag(c, QOE_CMCD_NR)) {
        return -1;
    }

    return (int) qoe_cmcd_states[qoe_cmcd_token(c, QOE_CMCD_STA)] - 1;
}


static void
qoe_cmcd_type(const qoe_cmcd_body_t *b, qoe_event_t *ev)
{
    int                state, event;
    const qoe_cmcd_t  *c;

    c = &b->set;
    event = qoe_cmcd_report_event(qoe_cmcd_token(c, QOE_CMCD_E));
    state = qoe_cmcd_state(c);

    switch (event) {

    case QOE_REPORT_STATE:
        ev->type = state >= 0 ? qoe_cmcd_state_types[state]
                              : QOE_EVENT_CUSTOM;
        break;

    case QOE_REPORT_BACKGROUND:
        ev->type = qoe_cmcd_flag(c, QOE_CMCD_BG) ? QOE_EVENT_MOVEAWAY
                                                 : QOE_EVENT_MOVEBACK;
        break;

    case QOE_REPORT_MUTE:
    case QOE_REPORT_UNMUTE:
        ev->type = QOE_EVENT_PLAYBACKVOLUMECHANGE;
        break;

    case QOE_REPORT_RESPONSE:
        ev->type = qoe_cmcd_failed(c) ? QOE_EVENT_CUSTOM
                                      : QOE_EVENT_FRAGMENTLOADED;
        break;

    default:

        if (qoe_event_type_find(qoe_cmcd_names[event], NULL, 0, &ev->type,
                                &ev->severity) != QOE_OK)
        {
            ev->type = QOE_EVENT_CUSTOM;
        }
    }

    if (ev->type == QOE_EVENT_CUSTOM) {
        qoe_cmcd_custom(b, ev, event);
        return;
    }

    ev->type_name = qoe_event_type_name(ev->type);
    (void) qoe_event_type_find(ev->type_name, NULL, 0, &ev->type,
                               &ev->severity);
}


/*
 * The names of custom events are those that the configuration declares: a
 * client could invent any number of others.
 */

static void
qoe_cmcd_custom(const qoe_cmcd_body_t *b, qoe_event_t *ev, int event)
{
    ev->severity = QOE_SEVERITY_INFO;
    ev->type_name = qoe_cmcd_names[event];

    if (event == QOE_REPORT_RESPONSE) {
        ev->severity = QOE_SEVERITY_WARN;
        ev->type_name = qoe_span("fragmentfailed");

    } else if (event == QOE_REPORT_CUSTOM
               && qoe_cmcd_has(&b->set, QOE_CMCD_CEN)
               && qoe_event_type_find(b->set.text[QOE_CMCD_CEN],
                                      b->conf->types, b->conf->ntypes,
                                      &ev->type, &ev->severity) == QOE_OK
               && ev->type == QOE_EVENT_CUSTOM)
    {
        ev->type_name = b->set.text[QOE_CMCD_CEN];
    }

    ev->type = QOE_EVENT_CUSTOM;
}


/* The code 0 says that there was no response. */

static bool
qoe_cmcd_failed(const qoe_cmcd_t *c)
{
    return qoe_cmcd_has(c, QOE_CMCD_RC)
           && (c->number[QOE_CMCD_RC] < 100 || c->number[QOE_CMCD_RC] >= 400);
}


static void
qoe_cmcd_fields(const qoe_cmcd_body_t *b, qoe_event_t *ev)
{
    const qoe_cmcd_t  *c;

    c = &b->set;

    qoe_cmcd_text(ev, QOE_FIELD_ORG_ID, b->org);
    qoe_cmcd_text(ev, QOE_FIELD_PLAYER_ID, qoe_span(QOE_CMCD_PLAYER_ID));
    qoe_cmcd_text(ev, QOE_FIELD_VIEW_ID, c->text[QOE_CMCD_SID]);
    qoe_cmcd_text(ev, QOE_FIELD_SESSION_ID, c->text[QOE_CMCD_SID]);
    qoe_cmcd_text(ev, QOE_FIELD_CMCD_SID, c->text[QOE_CMCD_SID]);

    if (qoe_cmcd_has(c, QOE_CMCD_CID)) {
        qoe_cmcd_text(ev, QOE_FIELD_VIDEO_ID, c->text[QOE_CMCD_CID]);
        qoe_cmcd_text(ev, QOE_FIELD_CMCD_CID, c->text[QOE_CMCD_CID]);
    }

    if (qoe_cmcd_has(c, QOE_CMCD_ST)) {
        qoe_cmcd_text(ev, QOE_FIELD_CMCD_ST, c->text[QOE_CMCD_ST]);
    }

    if (qoe_cmcd_has(c, QOE_CMCD_SF)) {
        qoe_cmcd_text(ev, QOE_FIELD_CMCD_SF, c->text[QOE_CMCD_SF]);
    }

    if (qoe_cmcd_has(c, QOE_CMCD_OT)) {
        qoe_cmcd_text(ev, QOE_FIELD_CMCD_OT, c->text[QOE_CMCD_OT]);
    }

    /* of a live stream it is a Unix time, which the view cannot follow */

    if (qoe_cmcd_has(c, QOE_CMCD_PT)
        && c->number[QOE_CMCD_PT] < QOE_CMCD_EPOCH)
    {
        ev->field[QOE_FIELD_PLAYBACK_TIME].type = QOE_VALUE_NUMBER;
        ev->field[QOE_FIELD_PLAYBACK_TIME].v.number = c->number[QOE_CMCD_PT];
    }
}


static void
qoe_cmcd_text(qoe_event_t *ev, qoe_event_field_t field, qoe_span_t text)
{
    ev->field[field].type = QOE_VALUE_STRING;
    ev->field[field].v.string = text;
}


/* The type of media of a response, and the first code of an error. */

static void
qoe_cmcd_media(const qoe_cmcd_t *c, qoe_event_t *ev)
{
    const qoe_cmcd_item_t  *item;

    switch (qoe_cmcd_token(c, QOE_CMCD_OT)) {

    case QOE_CMCD_OT_VIDEO:
    case QOE_CMCD_OT_MUXED:
        ev->data[QOE_DATA_TEXT_MEDIA_TYPE] = qoe_span("video");
        break;

    case QOE_CMCD_OT_AUDIO:
        ev->data[QOE_DATA_TEXT_MEDIA_TYPE] = qoe_span("audio");
        break;

    default:
        break;
    }

    if (qoe_cmcd_has(c, QOE_CMCD_EC) && c->count[QOE_CMCD_EC] != 0) {
        item = &c->items[c->first[QOE_CMCD_EC]];
        ev->data[QOE_DATA_TEXT_ERROR_CODE] = item->text;
        ev->data[QOE_DATA_TEXT_ERROR_FAMILY] = qoe_span("player");
    }
}


static void
qoe_cmcd_number(qoe_event_t *ev, qoe_number_t id, double n)
{
    if (n >= 0) {
        ev->number[id] = n;
        ev->set |= (uint64_t) 1 << id;
    }
}


/*
 * The numbers that events have as well.  The bitrate is the one that is shown,
 * else the one that is selected.
 */

static void
qoe_cmcd_numbers(const qoe_cmcd_t *c, qoe_event_t *ev)
{
    double  rate;

    if (ev->type == QOE_EVENT_PLAYING || ev->type == QOE_EVENT_HEARTBEAT
        || ev->type == QOE_EVENT_QUALITYCHANGE)
    {
        rate = qoe_cmcd_number_of(c, QOE_CMCD_PB, QOE_CMCD_OT_VIDEO);

        if (!(rate > 0) || ev->type == QOE_EVENT_QUALITYCHANGE) {
            rate = qoe_cmcd_number_of(c, QOE_CMCD_BR, QOE_CMCD_OT_VIDEO);
        }

        qoe_cmcd_number(ev, QOE_NUMBER_BITRATE_KB, rate);
    }

    if (ev->type == QOE_EVENT_HEARTBEAT) {
        qoe_cmcd_number(ev, QOE_NUMBER_BUFFER_LENGTH,
                        qoe_cmcd_number_of(c, QOE_CMCD_BL, QOE_CMCD_OT_VIDEO));

        if (qoe_cmcd_has(c, QOE_CMCD_DFA)) {
            qoe_cmcd_number(ev, QOE_NUMBER_DROPPED_FRAMES,
                            c->number[QOE_CMCD_DFA]);
        }
    }

    if (ev->type == QOE_EVENT_PLAYBACKRATECHANGE) {
        qoe_cmcd_number(ev, QOE_NUMBER_PLAYBACK_RATE,
                        qoe_cmcd_has(c, QOE_CMCD_PR) ? c->number[QOE_CMCD_PR]
                                                     : 1);
    }

    if (ev->type == QOE_EVENT_FRAGMENTLOADED && qoe_cmcd_has(c, QOE_CMCD_D)) {
        qoe_cmcd_number(ev, QOE_NUMBER_FRAG_DURATION,
                        c->number[QOE_CMCD_D] / 1000);
    }

    if (qoe_cmcd_token(c, QOE_CMCD_STA) == QOE_CMCD_STA_FATAL
        && ev->type == QOE_EVENT_ERROR)
    {
        qoe_cmcd_number(ev, QOE_NUMBER_FATAL, 0);
    }
}


/* The numbers of reports alone. */

static bool
qoe_cmcd_report_numbers(const qoe_cmcd_body_t *b, qoe_event_t *ev)
{
    int                state;
    size_t             i;
    double            *report;
    const qoe_cmcd_t  *c;

    static const struct {
        qoe_number_t    number;
        qoe_cmcd_key_t  key;
    } keys[] = {
        { QOE_NUMBER_SEQUENCE, QOE_CMCD_SN },
        { QOE_NUMBER_START_DELAY, QOE_CMCD_MSD },
        { QOE_NUMBER_TTFB, QOE_CMCD_TTFB },
        { QOE_NUMBER_TTLB, QOE_CMCD_TTLB },
        { QOE_NUMBER_RESPONSE_CODE, QOE_CMCD_RC }
    };

    c = &b->set;
    report = qoe_arena_alloc(b->arena, QOE_REPORT_NUMBERS * sizeof(double));

    if (report == NULL) {
        return false;
    }

    ev->report = report;

    qoe_cmcd_report_number(ev, report, QOE_NUMBER_REPORT,
        qoe_cmcd_report_event(qoe_cmcd_token(c, QOE_CMCD_E)));

    state = qoe_cmcd_state(c);

    if (state >= 0) {
        qoe_cmcd_report_number(ev, report, QOE_NUMBER_PLAYER_STATE, state);
    }

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (qoe_cmcd_has(c, keys[i].key)) {
            qoe_cmcd_report_number(ev, report, keys[i].number,
                                   c->number[keys[i].key]);
        }
    }

    if (qoe_cmcd_has(c, QOE_CMCD_BSDA)) {
        qoe_cmcd_report_number(ev, report, QOE_NUMBER_STALLED_TOTAL,
                               qoe_cmcd_sum(c, QOE_CMCD_BSDA));
    }

    if (qoe_cmcd_has(c, QOE_CMCD_BSD)) {
        qoe_cmcd_report_number(ev, report, QOE_NUMBER_STALLED,
                               qoe_cmcd_sum(c, QOE_CMCD_BSD));
    }

    return true;
}


static void
qoe_cmcd_report_number(qoe_event_t *ev, double *report, qoe_number_t id,
    double n)
{
    report[id - QOE_NUMBERS_OF_EVENTS] = n;
    ev->reported |= (uint64_t) 1 << (id - QOE_NUMBERS_OF_EVENTS);
}


/*
 * All items of the list: it may have several stalls, and one for each type of
 * media of the same stall, so the largest sum of a type counts.
 */

static double
qoe_cmcd_sum(const qoe_cmcd_t *c, qoe_cmcd_key_t key)
{
    size_t                  i;
    double                  sum[QOE_CMCD_OTS], max;
    const qoe_cmcd_item_t  *item;

    memset(sum, 0, sizeof(sum));
    max = 0;

    for (i = 0; i < c->count[key]; i++) {
        item = &c->items[c->first[key] + i];
        sum[item->ot % QOE_CMCD_OTS] += item->number;
        max = qoe_max(max, sum[item->ot % QOE_CMCD_OTS]);
    }

    return max;
}


/* The event as JSON: its ids, and the whole set. */

static bool
qoe_cmcd_raw(qoe_cmcd_body_t *b, qoe_event_t *ev, qoe_span_t line)
{
    qoe_buf_t  buf;
    qoe_mem_t  mem;

    mem.alloc = qoe_cmcd_alloc;
    mem.free = qoe_cmcd_free;
    mem.ctx = b->arena;

    qoe_buf_init(&buf, &mem, QOE_EVENT_RAW_MAX);
    (void) qoe_buf_reserve(&buf, QOE_CMCD_RAW_HEAD + 2 * line.len);

    qoe_buf_literal(&buf, "{\"event_type\":");
    qoe_buf_json_string(&buf, ev->type_name);
    qoe_buf_printf(&buf, ",\"event_time\":%lld,\"org_id\":",
                   (long long) ev->time_ms);
    qoe_buf_json_string(&buf, b->org);
    qoe_buf_literal(&buf, ",\"player_id\":\"" QOE_CMCD_PLAYER_ID
                    "\",\"session_id\":");
    qoe_buf_json_string(&buf, b->set.text[QOE_CMCD_SID]);
    qoe_buf_literal(&buf, ",\"view_id\":");
    qoe_buf_json_string(&buf, b->set.text[QOE_CMCD_SID]);

    if (qoe_cmcd_has(&b->set, QOE_CMCD_CID)) {
        qoe_buf_literal(&buf, ",\"video\":{\"id\":");
        qoe_buf_json_string(&buf, b->set.text[QOE_CMCD_CID]);
        qoe_buf_literal(&buf, "}");
    }

    qoe_buf_literal(&buf, ",\"cmcd\":");
    qoe_cmcd_json(&buf, &b->set);
    qoe_buf_literal(&buf, "}");

    ev->raw = (qoe_span_t) { buf.data, buf.len };

    /* a set of many control characters is the only one that is too long */

    if (buf.status == QOE_TOO_LARGE) {
        ev->raw = qoe_span("{}");
        return true;
    }

    return buf.status == QOE_OK;
}


static void *
qoe_cmcd_alloc(void *ctx, size_t size)
{
    return qoe_arena_alloc(ctx, size);
}


/* The arena frees all at once. */

static void
qoe_cmcd_free(void *ctx, void *p)
{
    (void) ctx;
    (void) p;
}


/* Sorts each run of reports of a session that have sequence numbers. */

static void
qoe_cmcd_sort(qoe_cmcd_body_t *b)
{
    size_t        i, start;
    qoe_event_t  *events;

    events = b->batch->events;
    start = 0;

    for (i = 1; i <= b->batch->nevents; i++) {

        if (i < b->batch->nevents && b->order[i] != UINT64_MAX
            && b->order[start] != UINT64_MAX
            && qoe_span_eq(events[i].field[QOE_FIELD_SESSION_ID].v.string,
                           events[start].field[QOE_FIELD_SESSION_ID].v.string))
        {
            continue;
        }

        qoe_cmcd_sort_run(b, start, i - start);
        start = i;
    }
}


/*
 * Nearly every run is in order.  Events are large, so places are sorted and the
 * events moved once, into new memory; without it, the order stays.
 */

static void
qoe_cmcd_sort_run(qoe_cmcd_body_t *b, size_t start, size_t n)
{
    size_t             i;
    qoe_event_t       *events, *copy;
    qoe_cmcd_place_t  *place;

    for (i = 1; i < n && b->order[start + i - 1] <= b->order[start + i]; i++) {
        /* void */
    }

    if (i >= n) {
        return;
    }

    events = &b->batch->events[start];
    copy = qoe_arena_alloc(b->arena, n * sizeof(qoe_event_t));
    place = qoe_arena_alloc(b->arena, n * sizeof(qoe_cmcd_place_t));

    if (copy == NULL || place == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        place[i].order = b->order[start + i];
        place[i].i = i;
    }

    qsort(place, n, sizeof(qoe_cmcd_place_t), qoe_cmcd_by_order);
    memcpy(copy, events, n * sizeof(qoe_event_t));

    for (i = 0; i < n; i++) {
        events[i] = copy[place[i].i];
    }
}


static int
qoe_cmcd_by_order(const void *one, const void *two)
{
    const qoe_cmcd_place_t  *a = one, *b = two;

    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }

    return a->i < b->i ? -1 : 1;
}
