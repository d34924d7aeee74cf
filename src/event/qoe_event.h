
/*
 * Copyright (C) OpenQoE
 *
 * The neutral event: what a player reported, independent of the input format.
 * Strings are spans into memory that the batch owns.
 */


#ifndef _QOE_EVENT_H_INCLUDED_
#define _QOE_EVENT_H_INCLUDED_


#include "qoe_arena.h"
#include "qoe_sample.h"


/*
 * The fields of an event except event_type, event_time and data: id, parent
 * object (NULL for the event itself), key, kind.
 *
 * ID is a required non-empty string of at most 256 bytes.  The other kinds are
 * optional, and null means absent.  LIST kinds also accept the inner lists of
 * CMCD version 2 (CTA-5004-B).
 */

#define QOE_EVENT_FIELDS(X)                                                   \
    X(VIEWER_TIME,          NULL,      "viewer_time",   NUMBER)               \
    X(PLAYBACK_TIME,        NULL,      "playback_time", NUMBER)               \
    X(ORG_ID,               NULL,      "org_id",        ID)                   \
    X(PLAYER_ID,            NULL,      "player_id",     ID)                   \
    X(VIEW_ID,              NULL,      "view_id",       ID)                   \
    X(SESSION_ID,           NULL,      "session_id",    ID)                   \
    X(VIEWER_ID,            NULL,      "viewer_id",     ID)                   \
    X(ENV,                  NULL,      "env",           STRING)               \
    X(APP_NAME,             NULL,      "app_name",      STRING)               \
    X(APP_VERSION,          NULL,      "app_version",   STRING)               \
    X(DEVICE_NAME,          "device",  "name",          STRING)               \
    X(DEVICE_MODEL,         "device",  "model",         STRING)               \
    X(DEVICE_CATEGORY,      "device",  "category",      STRING)               \
    X(DEVICE_MANUFACTURER,  "device",  "manufacturer",  STRING)               \
    X(OS_FAMILY,            "os",      "family",        STRING)               \
    X(OS_VERSION,           "os",      "version",       STRING)               \
    X(BROWSER_FAMILY,       "browser", "family",        STRING)               \
    X(BROWSER_VERSION,      "browser", "version",       STRING)               \
    X(PLAYER_NAME,          "player",  "name",          STRING)               \
    X(PLAYER_VERSION,       "player",  "version",       STRING)               \
    X(PLAYER_AUTOPLAY,      "player",  "autoplay",      BOOL)                 \
    X(PLAYER_PRELOAD,       "player",  "preload",       STRING)               \
    X(NETWORK_ASN,          "network", "asn",           NUMBER)               \
    X(NETWORK_COUNTRY_CODE, "network", "country_code",  STRING)               \
    X(NETWORK_REGION,       "network", "region",        STRING)               \
    X(NETWORK_CITY,         "network", "city",          STRING)               \
    X(CDN_PROVIDER,         "cdn",     "provider",      STRING)               \
    X(CDN_EDGE_POP,         "cdn",     "edge_pop",      STRING)               \
    X(CDN_ORIGIN,           "cdn",     "origin",        STRING)               \
    X(VIDEO_ID,             "video",   "id",            STRING)               \
    X(VIDEO_TITLE,          "video",   "title",         STRING)               \
    X(VIDEO_SERIES,         "video",   "series",        STRING)               \
    X(VIDEO_DURATION,       "video",   "duration",      NUMBER)               \
    X(VIDEO_SOURCE_URL,     "video",   "source_url",    STRING)               \
    X(VIDEO_STREAM_TYPE,    "video",   "stream_type",   STRING)               \
    X(CMCD_BR,              "cmcd",    "br",            NUMBER_LIST)          \
    X(CMCD_BL,              "cmcd",    "bl",            NUMBER_LIST)          \
    X(CMCD_BS,              "cmcd",    "bs",            BOOL)                 \
    X(CMCD_CID,             "cmcd",    "cid",           STRING)               \
    X(CMCD_D,               "cmcd",    "d",             NUMBER)               \
    X(CMCD_DL,              "cmcd",    "dl",            NUMBER)               \
    X(CMCD_MTP,             "cmcd",    "mtp",           NUMBER_LIST)          \
    X(CMCD_NOR,             "cmcd",    "nor",           STRING_LIST)          \
    X(CMCD_NRR,             "cmcd",    "nrr",           STRING)               \
    X(CMCD_OT,              "cmcd",    "ot",            STRING)               \
    X(CMCD_PR,              "cmcd",    "pr",            NUMBER)               \
    X(CMCD_RTP,             "cmcd",    "rtp",           NUMBER)               \
    X(CMCD_SF,              "cmcd",    "sf",            STRING)               \
    X(CMCD_SID,             "cmcd",    "sid",           STRING)               \
    X(CMCD_ST,              "cmcd",    "st",            STRING)               \
    X(CMCD_SU,              "cmcd",    "su",            BOOL)                 \
    X(CMCD_TB,              "cmcd",    "tb",            NUMBER_LIST)          \
    X(CMCD_V,               "cmcd",    "v",             NUMBER)

typedef enum {
#define QOE_EVENT_FIELD_ENUM(id, parent, key, kind)  QOE_FIELD_##id,
    QOE_EVENT_FIELDS(QOE_EVENT_FIELD_ENUM)
#undef QOE_EVENT_FIELD_ENUM
    QOE_FIELDS
} qoe_event_field_t;


typedef enum {
    QOE_VALUE_NONE = 0,          /* absent, null, or a list */
    QOE_VALUE_STRING,
    QOE_VALUE_NUMBER,
    QOE_VALUE_BOOL
} qoe_value_type_t;


typedef struct {
    qoe_value_type_t  type;
    union {
        qoe_span_t    string;
        double        number;
        bool          boolean;
    } v;
} qoe_value_t;


/* The texts of QOE_SAMPLE_TEXTS that are read from "data". */

typedef enum {
#define QOE_EVENT_NO_TEXT(id)
#define QOE_EVENT_DATA_TEXT(id, path)  QOE_DATA_TEXT_##id,
    QOE_SAMPLE_TEXTS(QOE_EVENT_NO_TEXT, QOE_EVENT_DATA_TEXT)
#undef QOE_EVENT_NO_TEXT
#undef QOE_EVENT_DATA_TEXT
    QOE_DATA_TEXTS
} qoe_data_text_t;


/* Where the value of a custom dimension comes from; see qoe_source.h. */

typedef struct qoe_source_s  qoe_source_t;


typedef struct {
    qoe_event_type_t     type;
    qoe_severity_t       severity;
    qoe_span_t           type_name;
    int64_t              time_ms;    /* Unix, the client's clock */
    qoe_value_t          field[QOE_FIELDS];
    uint64_t             filled;     /* fields filled by the server: bits */
    qoe_span_t           raw;        /* the event's JSON object, as sent */

    qoe_span_t           data[QOE_DATA_TEXTS];   /* empty: absent */

    const qoe_source_t  *sources;    /* as configured */
    size_t               nsources;
    qoe_named_t         *dims;       /* custom dimensions read from "data" */
    size_t               ndims;

    /* numbers of a report, by their ids less QOE_NUMBERS_OF_EVENTS */

    uint64_t             reported;   /* a bit for each valid number */
    const double        *report;

    uint64_t             set;        /* a bit for each valid number */

    /* the last member, because numbers not in set are not even cleared */

    double               number[QOE_DATA_NUMBERS];
} qoe_event_t;


/* The longest text that qoe_event_fill() keeps. */
#define QOE_FILL_MAX         512

/*
 * The field with a path such as "network.city" or "app_name", or QOE_FIELDS if
 * there is none.
 */
size_t qoe_event_field_find(qoe_span_t path);

/* The path of a field, allocated in the arena; data is NULL on failure. */
qoe_span_t qoe_event_field_path(qoe_event_field_t field, qoe_arena_t *arena);

/*
 * May qoe_event_fill() fill the field of that path?  It fills strings and
 * numbers, but neither ids nor the lists of CMCD.
 */
bool qoe_event_field_known(qoe_span_t path);

/*
 * Fills a field that the client left empty: absent, null or "".  The value is
 * not copied, and cut at QOE_FILL_MAX bytes.  The record carries such a field
 * as an attribute of the server; the JSON of the client is not changed.
 *
 * QOE_OK         the field has been filled
 * QOE_DONE       the client has sent a value
 * QOE_INVALID    the field cannot be filled, the value is empty, or it is not
 *                a number though the field is
 */
qoe_status_t qoe_event_fill(qoe_event_t *ev, qoe_span_t path,
    qoe_span_t value);

/*
 * The text of a field: a string as it is, a number as JSON writes it, "true"
 * or "false"; empty for an absent value.  *text points into the event or the
 * arena.  QOE_NOMEM.
 */
qoe_status_t qoe_event_field_text(qoe_span_t *text, const qoe_event_t *ev,
    qoe_event_field_t field, qoe_arena_t *arena);


#endif /* _QOE_EVENT_H_INCLUDED_ */
