
/*
 * Copyright (C) OpenQoE
 *
 * The neutral event: what a player reported, whatever format it came in.
 * Strings are spans into memory that the batch owns.
 */


#ifndef _QOE_EVENT_H_INCLUDED_
#define _QOE_EVENT_H_INCLUDED_


#include "qoe_core.h"


/* OpenTelemetry severity numbers (logs data model). */

typedef enum {
    QOE_SEVERITY_INFO = 9,
    QOE_SEVERITY_WARN = 13,
    QOE_SEVERITY_ERROR = 17
} qoe_severity_t;


/*
 * Built-in event types: name, severity.  The order is not part of any format:
 * records carry the name.
 */

#define QOE_EVENT_TYPES(X)                                                    \
    X(MANIFESTLOAD,           "manifestload",           INFO)                 \
    X(PLAYERREADY,            "playerready",            INFO)                 \
    X(VIEWSTART,              "viewstart",              INFO)                 \
    X(CANPLAY,                "canplay",                INFO)                 \
    X(CANPLAYTHROUGH,         "canplaythrough",         INFO)                 \
    X(PLAYING,                "playing",                INFO)                 \
    X(PAUSE,                  "pause",                  INFO)                 \
    X(SEEK,                   "seek",                   INFO)                 \
    X(WAITSTART,              "waitstart",              WARN)                 \
    X(STALLSTART,             "stallstart",             WARN)                 \
    X(STALLEND,               "stallend",               INFO)                 \
    X(ENDED,                  "ended",                  INFO)                 \
    X(ERROR,                  "error",                  ERROR)                \
    X(QUARTILE,               "quartile",               INFO)                 \
    X(HEARTBEAT,              "heartbeat",              INFO)                 \
    X(QUALITYCHANGEREQUESTED, "qualitychangerequested", INFO)                 \
    X(QUALITYCHANGE,          "qualitychange",          INFO)                 \
    X(FPSDROP,                "fpsdrop",                WARN)                 \
    X(FRAGMENTLOADED,         "fragmentloaded",         INFO)                 \
    X(BUFFERLEVELCHANGE,      "bufferlevelchange",      INFO)                 \
    X(BANDWIDTHCHANGE,        "bandwidthchange",        INFO)                 \
    X(PLAYBACKRATECHANGE,     "playbackratechange",     INFO)                 \
    X(PLAYBACKVOLUMECHANGE,   "playbackvolumechange",   INFO)                 \
    X(PLAYBACKDETACHED,       "playbackdetached",       INFO)                 \
    X(MOVEAWAY,               "moveaway",               INFO)                 \
    X(MOVEBACK,               "moveback",               INFO)

typedef enum {
#define QOE_EVENT_TYPE_ENUM(id, name, severity)  QOE_EVENT_##id,
    QOE_EVENT_TYPES(QOE_EVENT_TYPE_ENUM)
#undef QOE_EVENT_TYPE_ENUM
    QOE_EVENT_CUSTOM             /* one that the configuration declares */
} qoe_event_type_t;


/*
 * The schema of an event but for event_type, event_time and data:
 * id, parent object (NULL at the top), key, kind.
 *
 * ID is a required non-empty string of at most 256 bytes; the others are
 * optional, null is the same as absent.  LIST kinds also take an array of
 * what the CMCD version 2 (CTA-5004-B) inner lists hold.
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


typedef struct {
    qoe_event_type_t  type;
    qoe_span_t        type_name;
    qoe_severity_t    severity;
    int64_t           time_ms;       /* Unix, the client's clock */
    qoe_value_t       field[QOE_FIELDS];
    qoe_span_t        raw;           /* its JSON object as it was sent */
} qoe_event_t;


/* A type that openqoe_event_type adds; name outlives every decode. */

typedef struct {
    qoe_span_t        name;
    qoe_severity_t    severity;
} qoe_custom_type_t;


/*
 * QOE_OK and *type, *severity for a known name; QOE_INVALID otherwise.
 * customs may be NULL when ncustoms is 0.
 */
qoe_status_t qoe_event_type_find(qoe_span_t name,
    const qoe_custom_type_t *customs, size_t ncustoms, qoe_event_type_t *type,
    qoe_severity_t *severity);

/* [a-z][a-z0-9_]{0,63} and not a built-in name. */
qoe_status_t qoe_event_type_valid(qoe_span_t name);

qoe_span_t qoe_event_type_name(qoe_event_type_t type);


#endif /* _QOE_EVENT_H_INCLUDED_ */
