
/*
 * Copyright (C) OpenQoE
 *
 * Event types: the names that an event may have, and their severities.
 */


#ifndef _QOE_EVENT_TYPE_H_INCLUDED_
#define _QOE_EVENT_TYPE_H_INCLUDED_


#include "qoe_core.h"


/* OpenTelemetry severity numbers (logs data model). */

typedef enum {
    QOE_SEVERITY_INFO = 9,
    QOE_SEVERITY_WARN = 13,
    QOE_SEVERITY_ERROR = 17
} qoe_severity_t;


/*
 * Built-in event types: name, severity.  Their numbers are part of the
 * record's format (qoe_record.h): append only.
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
    QOE_EVENT_CUSTOM             /* a type that the configuration declares */
} qoe_event_type_t;


/* A type that openqoe_event_type declares; name must outlive every decode. */

typedef struct {
    qoe_span_t        name;
    qoe_severity_t    severity;
} qoe_custom_type_t;


/*
 * Sets *type and *severity for a known name.  customs may be NULL if ncustoms
 * is 0.  QOE_INVALID for an unknown name.
 */
qoe_status_t qoe_event_type_find(qoe_span_t name,
    const qoe_custom_type_t *customs, size_t ncustoms, qoe_event_type_t *type,
    qoe_severity_t *severity);

/* QOE_OK for [a-z][a-z0-9_]{0,63}, unless the name is a built-in type's. */
qoe_status_t qoe_event_type_valid(qoe_span_t name);

/* The name of a built-in type; a null span for QOE_EVENT_CUSTOM. */
qoe_span_t qoe_event_type_name(qoe_event_type_t type);

/*
 * Orders events of the same millisecond: the one with the lower rank is
 * applied first, so that their order in a request makes no difference.
 */
int qoe_event_type_rank(qoe_event_type_t type);


#endif /* _QOE_EVENT_TYPE_H_INCLUDED_ */
