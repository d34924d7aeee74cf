
/*
 * Copyright (C) OpenQoE
 *
 * A report of CMCD in the words of events.
 */


#include "qoe_cmcd_event.h"
#include "qoe_cmcd_events.h"
#include "qoe_cmcd_json.h"
#include "qoe_number.h"


/* What an event as JSON has beside the set and the texts. */
#define QOE_CMCD_RAW_HEAD     256

/* A larger position is a Unix time in ms. */
#define QOE_CMCD_EPOCH        1e11


static int qoe_cmcd_report_event(unsigned token);
static int qoe_cmcd_state(const qoe_cmcd_t *c);
static void qoe_cmcd_type(qoe_event_t *ev, const qoe_cmcd_t *c,
    const qoe_decode_conf_t *conf);
static void qoe_cmcd_custom(qoe_event_t *ev, const qoe_cmcd_t *c,
    const qoe_decode_conf_t *conf, int event);
static bool qoe_cmcd_failed(const qoe_cmcd_t *c);
static void qoe_cmcd_fields(qoe_event_t *ev, const qoe_cmcd_t *c,
    qoe_span_t org);
static void qoe_cmcd_text(qoe_event_t *ev, qoe_event_field_t field,
    qoe_span_t text);
static void qoe_cmcd_media(qoe_event_t *ev, const qoe_cmcd_t *c);
static void qoe_cmcd_number(qoe_event_t *ev, qoe_number_t id, double n);
static void qoe_cmcd_numbers(qoe_event_t *ev, const qoe_cmcd_t *c);
static bool qoe_cmcd_report_numbers(qoe_event_t *ev, const qoe_cmcd_t *c,
    qoe_arena_t *arena);
static void qoe_cmcd_report_number(qoe_event_t *ev, double *report,
    qoe_number_t id, double n);
static double qoe_cmcd_sum(const qoe_cmcd_t *c, qoe_cmcd_key_t key);
static bool qoe_cmcd_raw(qoe_event_t *ev, const qoe_cmcd_t *c, qoe_span_t org,
    size_t len, qoe_arena_t *arena);
static void *qoe_cmcd_alloc(void *ctx, size_t size);
static void qoe_cmcd_free(void *ctx, void *p);


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


bool
qoe_cmcd_event(qoe_event_t *ev, const qoe_cmcd_t *c, qoe_span_t org,
    size_t len, const qoe_decode_conf_t *conf, qoe_arena_t *arena)
{
    memset(ev, 0, offsetof(qoe_event_t, number));

    ev->sources = conf->sources;
    ev->nsources = conf->nsources;
    ev->time_ms = (int64_t) c->number[QOE_CMCD_TS];

    qoe_cmcd_type(ev, c, conf);
    qoe_cmcd_fields(ev, c, org);
    qoe_cmcd_media(ev, c);
    qoe_cmcd_numbers(ev, c);

    return qoe_cmcd_report_numbers(ev, c, arena)
           && qoe_cmcd_raw(ev, c, org, len, arena);
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
qoe_cmcd_type(qoe_event_t *ev, const qoe_cmcd_t *c,
    const qoe_decode_conf_t *conf)
{
    int  state, event;

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
        qoe_cmcd_custom(ev, c, conf, event);
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
qoe_cmcd_custom(qoe_event_t *ev, const qoe_cmcd_t *c,
    const qoe_decode_conf_t *conf, int event)
{
    ev->severity = QOE_SEVERITY_INFO;
    ev->type_name = qoe_cmcd_names[event];

    if (event == QOE_REPORT_RESPONSE) {
        ev->severity = QOE_SEVERITY_WARN;
        ev->type_name = qoe_span("fragmentfailed");

    } else if (event == QOE_REPORT_CUSTOM
               && qoe_cmcd_has(c, QOE_CMCD_CEN)
               && qoe_event_type_find(c->text[QOE_CMCD_CEN], conf->types,
                                      conf->ntypes, &ev->type, &ev->severity)
                  == QOE_OK
               && ev->type == QOE_EVENT_CUSTOM)
    {
        ev->type_name = c->text[QOE_CMCD_CEN];
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
qoe_cmcd_fields(qoe_event_t *ev, const qoe_cmcd_t *c, qoe_span_t org)
{
    qoe_cmcd_text(ev, QOE_FIELD_ORG_ID, org);
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
qoe_cmcd_media(qoe_event_t *ev, const qoe_cmcd_t *c)
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
qoe_cmcd_numbers(qoe_event_t *ev, const qoe_cmcd_t *c)
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
qoe_cmcd_report_numbers(qoe_event_t *ev, const qoe_cmcd_t *c,
    qoe_arena_t *arena)
{
    int      state;
    size_t   i;
    double  *report;

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

    report = qoe_arena_alloc(arena, QOE_REPORT_NUMBERS * sizeof(double));

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
qoe_cmcd_raw(qoe_event_t *ev, const qoe_cmcd_t *c, qoe_span_t org,
    size_t len, qoe_arena_t *arena)
{
    char        time[QOE_NUMBER_LEN];
    qoe_buf_t   buf;
    qoe_mem_t   mem;
    qoe_span_t  text;

    mem.alloc = qoe_cmcd_alloc;
    mem.free = qoe_cmcd_free;
    mem.ctx = arena;

    qoe_buf_init(&buf, &mem, QOE_EVENT_RAW_MAX);
    (void) qoe_buf_reserve(&buf, QOE_CMCD_RAW_HEAD + 2 * len);

    qoe_buf_literal(&buf, "{\"event_type\":");
    qoe_buf_json_string(&buf, ev->type_name);
    qoe_buf_literal(&buf, ",\"event_time\":");
    text = qoe_number_text((double) ev->time_ms, time);
    qoe_buf_append(&buf, text.data, text.len);
    qoe_buf_literal(&buf, ",\"org_id\":");
    qoe_buf_json_string(&buf, org);
    qoe_buf_literal(&buf, ",\"player_id\":\"" QOE_CMCD_PLAYER_ID
                    "\",\"session_id\":");
    qoe_buf_json_string(&buf, c->text[QOE_CMCD_SID]);
    qoe_buf_literal(&buf, ",\"view_id\":");
    qoe_buf_json_string(&buf, c->text[QOE_CMCD_SID]);

    if (qoe_cmcd_has(c, QOE_CMCD_CID)) {
        qoe_buf_literal(&buf, ",\"video\":{\"id\":");
        qoe_buf_json_string(&buf, c->text[QOE_CMCD_CID]);
        qoe_buf_literal(&buf, "}");
    }

    qoe_buf_literal(&buf, ",\"cmcd\":");
    qoe_cmcd_json(&buf, c);
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
