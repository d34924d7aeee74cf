
/*
 * Copyright (C) OpenQoE
 *
 * Dimensions: which attributes metrics have, where their values come from, and
 * how the values are limited (governance).  The table of the built-in
 * dimensions is here; the configuration may change their rules and add
 * dimensions.
 */


#ifndef _QOE_DIMENSION_H_INCLUDED_
#define _QOE_DIMENSION_H_INCLUDED_


#include "qoe_roster.h"
#include "qoe_sample.h"


#define QOE_DIMENSIONS_MAX     64            /* built-in and custom */
#define QOE_DIMENSION_NAME_MAX 63            /* bytes */
#define QOE_DIMENSION_LEN      128           /* default of maxlen */

/* Upper limits of what the configuration may set; the lower limit is 1. */

#define QOE_DIMENSION_LEN_MAX  256           /* maxlen */
#define QOE_DIMENSION_MAX_MAX  1000000       /* max */
#define QOE_DIMENSION_TTL_MAX  31536000      /* ttl, seconds */
#define QOE_DIMENSION_SIZE_MAX 1000000000    /* size */
#define QOE_DIMENSION_PINS_MAX 64            /* values */


/* What is done with a value. */

typedef enum {
    QOE_ACTION_ALLOW = 0,        /* the first max distinct values in ttl */
    QOE_ACTION_TOPK,             /* the max most frequent values */
    QOE_ACTION_HASH,             /* CRC-32 as 8 hexadecimal digits, as the
                                    reference implementation does */
    QOE_ACTION_BUCKET,           /* numbers "100-200", text "bucket_7" */
    QOE_ACTION_DROP              /* no attribute; values are estimated */
} qoe_action_t;

typedef enum {
    QOE_OVERFLOW_OTHER = 0,      /* "other" */
    QOE_OVERFLOW_HASH
} qoe_overflow_t;


/* Which metrics have the dimension as an attribute. */

typedef enum {
    QOE_ROLE_BASE = 0,           /* all metrics of views and events */
    QOE_ROLE_TITLE,              /* titled and headline metrics */
    QOE_ROLE_FINE,               /* headline metrics only */
    QOE_ROLE_EXTRA,              /* metrics whose points have it */
    QOE_ROLE_NEVER               /* none: only counted, never allowed */
} qoe_role_t;


/*
 * Built-in dimensions: id, name, role, action, max, maxlen.  The value of a
 * TEXT dimension is the text of the sample with that id; the values of the
 * others are made by the metrics that use them.
 */

#define QOE_DIMENSIONS(TEXT, MADE)                                            \
    TEXT(ORG_ID,           "org_id",           BASE,  ALLOW, 1000,   128)     \
    TEXT(PLAYER_ID,        "player_id",        BASE,  ALLOW, 10000,  128)     \
    TEXT(ENV,              "env",              BASE,  ALLOW, 10,     128)     \
    TEXT(APP_NAME,         "app_name",         BASE,  ALLOW, 100,    128)     \
    TEXT(APP_VERSION,      "app_version",      FINE,  ALLOW, 200,    128)     \
    TEXT(DEVICE_CATEGORY,  "device_category",  BASE,  ALLOW, 10,     128)     \
    TEXT(OS_FAMILY,        "os_family",        FINE,  ALLOW, 20,     128)     \
    TEXT(BROWSER_FAMILY,   "browser_family",   FINE,  ALLOW, 20,     128)     \
    TEXT(PLAYER_NAME,      "player_name",      BASE,  ALLOW, 20,     128)     \
    TEXT(NETWORK_COUNTRY_CODE,                                                \
                           "network_country",  BASE,  ALLOW, 250,    128)     \
    TEXT(VIDEO_ID,         "video_id",         FINE,  ALLOW, 100000, 128)     \
    TEXT(VIDEO_TITLE,      "video_title",      TITLE, TOPK,  100,    100)     \
    MADE(CONTENT_TYPE,     "content_type",     BASE,  ALLOW, 4,      128)     \
    MADE(STREAM_ID,        "stream_id",        BASE,  ALLOW, 1000,   128)     \
    TEXT(CDN_PROVIDER,     "cdn_provider",     BASE,  DROP,  20,     128)     \
    TEXT(NETWORK_REGION,   "network_region",   FINE,  DROP,  1000,   128)     \
    TEXT(NETWORK_ASN,      "network_asn",      FINE,  DROP,  1000,   128)     \
    TEXT(MARKER,           "marker",           FINE,  DROP,  100000, 128)     \
    TEXT(SESSION_ID,       "session_id",       NEVER, DROP,  0,      128)     \
    TEXT(VIEW_ID,          "view_id",          NEVER, DROP,  0,      128)     \
    TEXT(VIEWER_ID,        "viewer_id",        NEVER, DROP,  0,      128)     \
    TEXT(VIDEO_SOURCE_URL, "video_source_url", NEVER, DROP,  0,      128)     \
    MADE(EVENT_TYPE,       "event_type",       EXTRA, ALLOW, 64,     128)     \
    TEXT(MEDIA_TYPE,       "media_type",       EXTRA, ALLOW, 8,      128)     \
    TEXT(CODEC,            "codec",            EXTRA, ALLOW, 50,     128)     \
    MADE(FRAMERATE,        "framerate",        EXTRA, ALLOW, 30,     128)     \
    MADE(RESOLUTION,       "resolution",       EXTRA, ALLOW, 9,      128)     \
    MADE(IS_OUTLIER,       "is_outlier",       EXTRA, ALLOW, 2,      128)     \
    TEXT(ERROR_FAMILY,     "error_family",     EXTRA, ALLOW, 20,     128)     \
    TEXT(ERROR_CODE,       "error_code",       EXTRA, ALLOW, 200,    128)     \
    MADE(QUARTILE,         "quartile",         EXTRA, ALLOW, 4,      128)     \
    MADE(DIRECTION,        "direction",        EXTRA, ALLOW, 8,      128)     \
    MADE(CHANGE_DIRECTION, "change_direction", EXTRA, ALLOW, 8,      128)     \
    MADE(OUTCOME,          "outcome",          EXTRA, ALLOW, 8,      128)     \
    MADE(VERSION,          "version",          EXTRA, ALLOW, 4,      128)     \
    MADE(OT,               "ot",               EXTRA, ALLOW, 12,     128)     \
    MADE(CACHE_STATUS,     "cache_status",     EXTRA, ALLOW, 10,     128)     \
    MADE(STATUS_CLASS,     "status_class",     EXTRA, ALLOW, 8,      128)     \
    MADE(CAUSE,            "cause",            EXTRA, ALLOW, 8,      128)     \
    MADE(SOURCE,           "source",           EXTRA, ALLOW, 8,      128)     \
    MADE(SF,               "sf",               EXTRA, ALLOW, 8,      128)     \
    MADE(ST,               "st",               EXTRA, ALLOW, 8,      128)     \
    MADE(REASON,           "reason",           EXTRA, ALLOW, 24,     128)     \
    MADE(STAGE,            "stage",            EXTRA, ALLOW, 4,      128)

typedef enum {
#define QOE_DIMENSION_ENUM(id, name, role, action, max, maxlen)               \
    QOE_DIM_##id,
    QOE_DIMENSIONS(QOE_DIMENSION_ENUM, QOE_DIMENSION_ENUM)
#undef QOE_DIMENSION_ENUM
    QOE_DIMS_BUILTIN
} qoe_dim_t;


/* A dimension as configured; number i of the built-in ones is qoe_dim_t i. */

typedef struct {
    qoe_span_t       name;
    qoe_span_t       source;     /* of a custom one, as configured */
    qoe_role_t       role;       /* custom: FINE */
    qoe_action_t     action;
    qoe_overflow_t   overflow;
    uint32_t         max;        /* distinct values; for topk: k */
    uint32_t         ttl_s;
    uint32_t         size;       /* for bucket, at least 1 */
    uint32_t         maxlen;     /* in bytes, cut at a character */
    const qoe_span_t  *pins;     /* for allow: always admitted */
    uint32_t         npins;      /* at most max */
    qoe_roster_slot_t  *roster;  /* for allow: of a file, always admitted and
                                    not counted in max; NULL: none */
} qoe_dimension_t;

typedef struct {
    qoe_dimension_t  dim[QOE_DIMENSIONS_MAX];
    size_t           n;          /* at least QOE_DIMS_BUILTIN */
    uint32_t         fresh;      /* new values of a dimension that a request
                                    may bring; 0: any number */
} qoe_dimensions_t;


/* Sets the built-in dimensions with their defaults. */
void qoe_dimensions_init(qoe_dimensions_t *d);

/* The index of the dimension with that name, or d->n if there is none. */
size_t qoe_dimension_find(const qoe_dimensions_t *d, qoe_span_t name);

/*
 * Does the module itself make the value?  Such a value is known when it is
 * first seen.  Of most dimensions, either all values are made or none; but a
 * content_type is anything that a page sends, while "vod" and "live" are made
 * from CMCD.
 */
bool qoe_dimension_made(size_t dim, qoe_span_t value);

/*
 * The values that the module makes for a dimension that has others as well: a
 * place is reserved for each of them until it is seen.
 */
const qoe_span_t *qoe_dimension_own(size_t dim, uint32_t *n);

/* Is the value one that the configuration always admits? */
bool qoe_dimension_pinned(const qoe_dimension_t *d, qoe_span_t value);

/*
 * QOE_OK for [a-zA-Z_][a-zA-Z0-9_.]{0,62}, unless the name is a built-in
 * dimension's or reserved, such as "le" and "job".
 */
qoe_status_t qoe_dimension_name_valid(qoe_span_t name);

/* The action with a name, or QOE_INVALID; and the name of an action. */
qoe_status_t qoe_action_find(qoe_span_t text, qoe_action_t *action);
qoe_span_t qoe_action_name(qoe_action_t action);

/*
 * Applies the JSON of CARDINALITY_LIMITS: an object of dimensions, each
 * {"max_cardinality" or "max", "action", "bucket_size" or "size", "ttl" in
 * seconds, "maxlen", "overflow": "other"|"hash"}, all optional.  skip has a bit
 * for each dimension that must not be changed, because a directive has set it.
 * QOE_INVALID: nothing is changed, and err has the reason with key and value.
 * QOE_NOMEM.
 */
qoe_status_t qoe_dimensions_json(qoe_dimensions_t *d, qoe_span_t json,
    uint64_t skip, char *err, size_t size);


#endif /* _QOE_DIMENSION_H_INCLUDED_ */
