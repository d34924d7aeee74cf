
/*
 * Copyright (C) OpenQoE
 *
 * The typed part of an event that metrics use: it crosses the zone beside the
 * event's text, and src/qoe works on it.  How a record carries it is the matter
 * of qoe_record.h.
 *
 * The numbers of both tables are part of the record's format: append only.
 */


#ifndef _QOE_SAMPLE_H_INCLUDED_
#define _QOE_SAMPLE_H_INCLUDED_


#include "qoe_event_type.h"


/*
 * Numbers: an id, then the paths below "data" that it is read from; the first
 * path with a usable value wins.  Usable are finite numbers, texts that are
 * entirely a number ("29.97"), and booleans (1 and 0).  Anything else is
 * ignored, because the content of "data" is free.
 */

#define QOE_SAMPLE_NUMBERS(X)                                                 \
    X(PAGE_LOAD_TIME,       "page_load_time")                                 \
    X(PLAYER_STARTUP_TIME,  "player_startup_time")                            \
    X(VIDEO_STARTUP_TIME,   "video_startup_time")                             \
    X(PLAYING_TIME,         "playing_time")                                   \
    X(COMPLETION_RATE,      "completion_rate")                                \
    X(SEEK_LATENCY,         "seek_latency")                                   \
    X(STALL_DURATION,       "stall_duration")                                 \
    X(STALL_POSITION_SECS,  "stall_position_secs")                            \
    X(BUFFER_LENGTH,        "buffer_len_ms", "buffer_length")                 \
    X(Z_SCORE,              "z_score")                                        \
    X(IS_OUTLIER,           "is_outlier")                                     \
    X(BITRATE,              "bitrate")                                        \
    X(BITRATE_KB,           "bitrate_kb")                                     \
    X(OLD_BITRATE_KB,       "old.bitrate_kb")                                 \
    X(NEW_BITRATE_KB,       "new.bitrate_kb")                                 \
    X(DROPPED_FRAMES,       "dropped_frames", "dropped_frames.droppedFrames") \
    X(QUARTILE,             "quartile")                                       \
    X(FRAG_DURATION,        "frag_duration")                                  \
    X(SIZE_BYTES,           "size_bytes")                                     \
    X(TTFB_MS,              "ttfb_ms")                                        \
    X(BANDWIDTH,            "bandwidth")                                      \
    X(FRAMERATE,            "framerate")                                      \
    X(RESOLUTION_WIDTH,     "resolution.width")                               \
    X(RESOLUTION_HEIGHT,    "resolution.height")                              \
    X(VIDEO_WIDTH,          "video_width")                                    \
    X(VIDEO_HEIGHT,         "video_height")                                   \
    X(PLAYER_WIDTH,         "player_width")                                   \
    X(PLAYER_HEIGHT,        "player_height")                                  \
    X(DEVICE_PIXEL_RATIO,   "device_pixel_ratio")                             \
    X(FATAL,                "error_context.fatal", "fatal")                   \
    X(PLAYBACK_RATE,        "playback_rate")

/*
 * Numbers that are fields of the event; the ids are those of QOE_EVENT_FIELDS.
 */

#define QOE_SAMPLE_FIELD_NUMBERS(X)                                           \
    X(PLAYBACK_TIME)                                                          \
    X(VIDEO_DURATION)

/*
 * Numbers that only a report of CMCD has (qoe_cmcd_events.h); no path of "data"
 * leads to them.  An event with REPORT is a report, any other one was sent by
 * an SDK.
 */

#define QOE_SAMPLE_REPORT_NUMBERS(X)                                          \
    X(REPORT)                    /* its event: qoe_report_event_t */          \
    X(PLAYER_STATE)              /* qoe_player_state_t */                     \
    X(SEQUENCE)                  /* sn */                                     \
    X(START_DELAY)               /* msd, ms */                                \
    X(TTFB)                      /* of a response, ms */                      \
    X(TTLB)                                                                   \
    X(RESPONSE_CODE)                                                          \
    X(STALLED_TOTAL)             /* bsda, ms */                               \
    X(STALLED)                   /* the sum of bsd, ms */

typedef enum {
#define QOE_SAMPLE_NUMBER_ENUM(id, ...)  QOE_NUMBER_##id,
    QOE_SAMPLE_NUMBERS(QOE_SAMPLE_NUMBER_ENUM)
    QOE_DATA_NUMBERS,
    QOE_NUMBERS_BEFORE_FIELDS = QOE_DATA_NUMBERS - 1,
    QOE_SAMPLE_FIELD_NUMBERS(QOE_SAMPLE_NUMBER_ENUM)
    QOE_NUMBERS_OF_EVENTS,
    QOE_NUMBERS_BEFORE_REPORTS = QOE_NUMBERS_OF_EVENTS - 1,
    QOE_SAMPLE_REPORT_NUMBERS(QOE_SAMPLE_NUMBER_ENUM)
#undef QOE_SAMPLE_NUMBER_ENUM
    QOE_NUMBERS                  /* at most 64 */
} qoe_number_t;

#define QOE_REPORT_NUMBERS   (QOE_NUMBERS - QOE_NUMBERS_OF_EVENTS)


/*
 * The events of reports: an id, the token of CMCD, and its name in metrics, and
 * as the type of an event, but for STATE, whose type is that of the state.
 */

#define QOE_REPORT_EVENTS(X)                                                  \
    X(STATE,          "ps",  "state")                                         \
    X(INTERVAL,       "t",   "heartbeat")                                     \
    X(RESPONSE,       "rr",  "fragmentloaded")                                \
    X(ERROR,          "e",   "error")                                         \
    X(BITRATE,        "bc",  "qualitychange")                                 \
    X(BACKGROUND,     "b",   "background")                                    \
    X(RATE,           "pr",  "playbackratechange")                            \
    X(MUTE,           "m",   "mute")                                          \
    X(UNMUTE,         "um",  "unmute")                                        \
    X(CONTENT,        "c",   "content_change")                                \
    X(HOST,           "h",   "host_change")                                   \
    X(AD_START,       "as",  "ad_start")                                      \
    X(AD_END,         "ae",  "ad_end")                                        \
    X(AD_BREAK_START, "abs", "ad_break_start")                                \
    X(AD_BREAK_END,   "abe", "ad_break_end")                                  \
    X(SKIP,           "sk",  "ad_skip")                                       \
    X(EXPAND,         "pe",  "player_expand")                                 \
    X(COLLAPSE,       "pc",  "player_collapse")                               \
    X(CUSTOM,         "ce",  "custom_event")

typedef enum {
#define QOE_REPORT_EVENT_ENUM(id, token, name)  QOE_REPORT_##id,
    QOE_REPORT_EVENTS(QOE_REPORT_EVENT_ENUM)
#undef QOE_REPORT_EVENT_ENUM
    QOE_REPORT_EVENTS_N
} qoe_report_event_t;


/* The states of a player by CMCD: an id, the token, and the type of event. */

#define QOE_PLAYER_STATES(X)                                                  \
    X(PRELOADING,  "d", PLAYERREADY)                                          \
    X(STARTING,    "s", VIEWSTART)                                            \
    X(PLAYING,     "p", PLAYING)                                              \
    X(SEEKING,     "k", SEEK)                                                 \
    X(REBUFFERING, "r", STALLSTART)                                           \
    X(WAITING,     "w", WAITSTART)                                            \
    X(PAUSED,      "a", PAUSE)                                                \
    X(ENDED,       "e", ENDED)                                                \
    X(FAILED,      "f", ERROR)                                                \
    X(QUIT,        "q", PLAYBACKDETACHED)

typedef enum {
#define QOE_PLAYER_STATE_ENUM(id, token, type)  QOE_PLAYER_##id,
    QOE_PLAYER_STATES(QOE_PLAYER_STATE_ENUM)
#undef QOE_PLAYER_STATE_ENUM
    QOE_PLAYER_STATES_N
} qoe_player_state_t;


/*
 * Texts: an id, and for DATA the path below "data" that it is read from.  The
 * ids of FIELD are those of QOE_EVENT_FIELDS.  A number where a text is
 * expected is written as in JSON (error_code 403 becomes "403").
 */

#define QOE_SAMPLE_TEXTS(FIELD, DATA)                                         \
    FIELD(ORG_ID)                                                             \
    FIELD(PLAYER_ID)                                                          \
    FIELD(SESSION_ID)                                                         \
    FIELD(VIEW_ID)                                                            \
    FIELD(VIEWER_ID)                                                          \
    FIELD(ENV)                                                                \
    FIELD(APP_NAME)                                                           \
    FIELD(APP_VERSION)                                                        \
    FIELD(DEVICE_CATEGORY)                                                    \
    FIELD(OS_FAMILY)                                                          \
    FIELD(BROWSER_FAMILY)                                                     \
    FIELD(PLAYER_NAME)                                                        \
    FIELD(NETWORK_COUNTRY_CODE)                                               \
    FIELD(NETWORK_REGION)                                                     \
    FIELD(NETWORK_ASN)                                                        \
    FIELD(CDN_PROVIDER)                                                       \
    FIELD(CDN_EDGE_POP)                                                       \
    FIELD(VIDEO_ID)                                                           \
    FIELD(VIDEO_TITLE)                                                        \
    FIELD(VIDEO_SOURCE_URL)                                                   \
    FIELD(VIDEO_STREAM_TYPE)                                                  \
    FIELD(CMCD_ST)                                                            \
    DATA(MEDIA_TYPE,   "media_type")                                          \
    DATA(CODEC,        "codec")                                               \
    DATA(ERROR_FAMILY, "error_family")                                        \
    DATA(ERROR_CODE,   "error_code")

typedef enum {
#define QOE_SAMPLE_FIELD_ENUM(id)       QOE_TEXT_##id,
#define QOE_SAMPLE_DATA_ENUM(id, path)  QOE_TEXT_##id,
    QOE_SAMPLE_TEXTS(QOE_SAMPLE_FIELD_ENUM, QOE_SAMPLE_DATA_ENUM)
#undef QOE_SAMPLE_FIELD_ENUM
#undef QOE_SAMPLE_DATA_ENUM
    QOE_TEXT_MARKER,             /* the device cookie */
    QOE_TEXTS
} qoe_text_t;


/*
 * A named text: an attribute that openqoe_attribute declares, or the value of a
 * custom dimension.  A record has each name at most once.
 */

typedef struct {
    qoe_span_t          name;
    qoe_span_t          value;
} qoe_named_t;


typedef struct {
    qoe_event_type_t    type;        /* QOE_EVENT_CUSTOM: see type_name */
    qoe_span_t          type_name;
    uint64_t            received_ns; /* Unix */
    int64_t             time_ms;     /* Unix, the client's clock */

    qoe_span_t          text[QOE_TEXTS];     /* empty: absent */

    uint64_t            set;         /* a bit for each valid number */
    double              number[QOE_NUMBERS];

    const qoe_named_t  *attrs;       /* of openqoe_attribute */
    size_t              nattrs;
    const qoe_named_t  *dims;        /* custom dimensions, in order */
    size_t              ndims;
} qoe_sample_t;


#define qoe_sample_has(s, id)                                                 \
    (((s)->set >> QOE_NUMBER_##id & 1) != 0)


#endif /* _QOE_SAMPLE_H_INCLUDED_ */
