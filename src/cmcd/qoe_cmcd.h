
/*
 * Copyright (C) OpenQoE
 *
 * Common Media Client Data (CTA-5004, version 1; CTA-5004-B, version 2): the
 * sets of keys that players add to their requests, and the reports that they
 * post, as plain structs.
 *
 * Decoding is lenient: what is ill-formed or ill-typed is left out and counted,
 * and the rest of the set counts.  Pure: uses no clock and no memory but its
 * arguments, and keeps no pointer but those into them.
 */


#ifndef _QOE_CMCD_H_INCLUDED_
#define _QOE_CMCD_H_INCLUDED_


#include "qoe_core.h"


/* A set of a higher version is left out as a whole. */
#define QOE_CMCD_VERSION_MAX  2


/*
 * Keys: id, name, type, longest text in characters (0: no limit), and where
 * the key is allowed (ANY, or EVENT for event mode only).
 *
 *   NUMBER   a number, rounded to an integer and not negative
 *   DECIMAL  a number as it is
 *   NUMBERS  a list of numbers, each with an object type or without; rounded
 *            and not negative
 *   FLAG     a boolean
 *   STRING   a text
 *   STRINGS  a list of texts
 *   TOKEN    one of the tokens of the key
 *
 * The order is alphabetic, which the search for a key relies on.  No format
 * depends on the numbers of the keys.
 */

#define QOE_CMCD_KEYS(X)                                                      \
    X(AB,    "ab",    NUMBERS, 0,    ANY)                                     \
    X(BG,    "bg",    FLAG,    0,    ANY)                                     \
    X(BL,    "bl",    NUMBERS, 0,    ANY)                                     \
    X(BR,    "br",    NUMBERS, 0,    ANY)                                     \
    X(BS,    "bs",    FLAG,    0,    ANY)                                     \
    X(BSA,   "bsa",   NUMBERS, 0,    ANY)                                     \
    X(BSD,   "bsd",   NUMBERS, 0,    ANY)                                     \
    X(BSDA,  "bsda",  NUMBERS, 0,    ANY)                                     \
    X(CEN,   "cen",   STRING,  64,   EVENT)                                   \
    X(CID,   "cid",   STRING,  128,  ANY)                                     \
    X(CMSDD, "cmsdd", STRING,  0,    EVENT)                                   \
    X(CMSDS, "cmsds", STRING,  0,    EVENT)                                   \
    X(CS,    "cs",    STRING,  0,    ANY)                                     \
    X(D,     "d",     NUMBER,  0,    ANY)                                     \
    X(DFA,   "dfa",   NUMBER,  0,    ANY)                                     \
    X(DL,    "dl",    NUMBER,  0,    ANY)                                     \
    X(E,     "e",     TOKEN,   0,    EVENT)                                   \
    X(EC,    "ec",    STRINGS, 0,    ANY)                                     \
    X(H,     "h",     STRING,  128,  EVENT)                                   \
    X(LAB,   "lab",   NUMBERS, 0,    ANY)                                     \
    X(LB,    "lb",    NUMBERS, 0,    ANY)                                     \
    X(LTC,   "ltc",   NUMBER,  0,    ANY)                                     \
    X(MSD,   "msd",   NUMBER,  0,    ANY)                                     \
    X(MTP,   "mtp",   NUMBERS, 0,    ANY)                                     \
    X(NOR,   "nor",   STRINGS, 0,    ANY)                                     \
    X(NR,    "nr",    FLAG,    0,    ANY)                                     \
    X(NRR,   "nrr",   STRING,  0,    ANY)                                     \
    X(OT,    "ot",    TOKEN,   0,    ANY)                                     \
    X(PB,    "pb",    NUMBERS, 0,    ANY)                                     \
    X(PR,    "pr",    DECIMAL, 0,    ANY)                                     \
    X(PT,    "pt",    NUMBER,  0,    ANY)                                     \
    X(RC,    "rc",    NUMBER,  0,    EVENT)                                   \
    X(RTP,   "rtp",   NUMBER,  0,    ANY)                                     \
    X(SF,    "sf",    TOKEN,   0,    ANY)                                     \
    X(SID,   "sid",   STRING,  64,   ANY)                                     \
    X(SMRT,  "smrt",  STRING,  0,    EVENT)                                   \
    X(SN,    "sn",    NUMBER,  0,    ANY)                                     \
    X(ST,    "st",    TOKEN,   0,    ANY)                                     \
    X(STA,   "sta",   TOKEN,   0,    ANY)                                     \
    X(SU,    "su",    FLAG,    0,    ANY)                                     \
    X(TAB,   "tab",   NUMBERS, 0,    ANY)                                     \
    X(TB,    "tb",    NUMBERS, 0,    ANY)                                     \
    X(TBL,   "tbl",   NUMBERS, 0,    ANY)                                     \
    X(TPB,   "tpb",   NUMBERS, 0,    ANY)                                     \
    X(TS,    "ts",    NUMBER,  0,    EVENT)                                   \
    X(TTFB,  "ttfb",  NUMBER,  0,    EVENT)                                   \
    X(TTFBB, "ttfbb", NUMBER,  0,    EVENT)                                   \
    X(TTLB,  "ttlb",  NUMBER,  0,    EVENT)                                   \
    X(URL,   "url",   STRING,  0,    EVENT)                                   \
    X(V,     "v",     NUMBER,  0,    ANY)

typedef enum {
#define QOE_CMCD_KEY_ENUM(id, name, type, max, where)  QOE_CMCD_##id,
    QOE_CMCD_KEYS(QOE_CMCD_KEY_ENUM)
#undef QOE_CMCD_KEY_ENUM
    QOE_CMCD_NKEYS
} qoe_cmcd_key_t;

/* Types of keys; see above. */

typedef enum {
    QOE_CMCD_TYPE_NUMBER = 0,
    QOE_CMCD_TYPE_DECIMAL,
    QOE_CMCD_TYPE_NUMBERS,
    QOE_CMCD_TYPE_FLAG,
    QOE_CMCD_TYPE_STRING,
    QOE_CMCD_TYPE_STRINGS,
    QOE_CMCD_TYPE_TOKEN
} qoe_cmcd_type_t;

/* The longest name of a key, and the longest value of a custom key. */
#define QOE_CMCD_NAME_MAX    8
#define QOE_CMCD_CUSTOM_MAX  64


/* Headers: id and name, in the order in which their keys count. */

#define QOE_CMCD_HEADERS(X)                                                   \
    X(OBJECT,  "cmcd-object")                                                 \
    X(REQUEST, "cmcd-request")                                                \
    X(SESSION, "cmcd-session")                                                \
    X(STATUS,  "cmcd-status")

typedef enum {
#define QOE_CMCD_HEADER_ENUM(id, name)  QOE_CMCD_HEADER_##id,
    QOE_CMCD_HEADERS(QOE_CMCD_HEADER_ENUM)
#undef QOE_CMCD_HEADER_ENUM
    QOE_CMCD_NHEADERS
} qoe_cmcd_header_t;


/*
 * Tokens of the keys of type TOKEN: id and text.  0 of each enumeration is
 * NONE: there is no value.  Object types are those of the items of lists, too.
 */

#define QOE_CMCD_TOKENS_OT(X)                                                 \
    X(OT_MANIFEST,      "m")                                                  \
    X(OT_AUDIO,         "a")                                                  \
    X(OT_VIDEO,         "v")                                                  \
    X(OT_MUXED,         "av")                                                 \
    X(OT_INIT,          "i")                                                  \
    X(OT_CAPTION,       "c")                                                  \
    X(OT_TIMED_TEXT,    "tt")                                                 \
    X(OT_KEY,           "k")                                                  \
    X(OT_OTHER,         "o")

#define QOE_CMCD_TOKENS_SF(X)                                                 \
    X(SF_DASH,          "d")                                                  \
    X(SF_HESP,          "e")                                                  \
    X(SF_HLS,           "h")                                                  \
    X(SF_SMOOTH,        "s")                                                  \
    X(SF_OTHER,         "o")

#define QOE_CMCD_TOKENS_ST(X)                                                 \
    X(ST_VOD,           "v")                                                  \
    X(ST_LIVE,          "l")                                                  \
    X(ST_LOW_LATENCY,   "ll")

#define QOE_CMCD_TOKENS_STA(X)                                                \
    X(STA_STARTING,     "s")                                                  \
    X(STA_PLAYING,      "p")                                                  \
    X(STA_SEEKING,      "k")                                                  \
    X(STA_REBUFFERING,  "r")                                                  \
    X(STA_PAUSED,       "a")                                                  \
    X(STA_WAITING,      "w")                                                  \
    X(STA_ENDED,        "e")                                                  \
    X(STA_FATAL,        "f")                                                  \
    X(STA_QUIT,         "q")                                                  \
    X(STA_PRELOADING,   "d")

#define QOE_CMCD_TOKENS_E(X)                                                  \
    X(E_AD_BREAK_START, "abs")                                                \
    X(E_AD_BREAK_END,   "abe")                                                \
    X(E_AD_END,         "ae")                                                 \
    X(E_AD_START,       "as")                                                 \
    X(E_BACKGROUND,     "b")                                                  \
    X(E_BITRATE,        "bc")                                                 \
    X(E_CONTENT,        "c")                                                  \
    X(E_CUSTOM,         "ce")                                                 \
    X(E_ERROR,          "e")                                                  \
    X(E_HOST,           "h")                                                  \
    X(E_MUTE,           "m")                                                  \
    X(E_COLLAPSE,       "pc")                                                 \
    X(E_EXPAND,         "pe")                                                 \
    X(E_RATE,           "pr")                                                 \
    X(E_STATE,          "ps")                                                 \
    X(E_RESPONSE,       "rr")                                                 \
    X(E_SKIP,           "sk")                                                 \
    X(E_INTERVAL,       "t")                                                  \
    X(E_UNMUTE,         "um")

#define QOE_CMCD_TOKEN_ENUM(id, text)  QOE_CMCD_##id,

typedef enum {
    QOE_CMCD_OT_NONE = 0,
    QOE_CMCD_TOKENS_OT(QOE_CMCD_TOKEN_ENUM)
    QOE_CMCD_OTS
} qoe_cmcd_ot_t;

typedef enum {
    QOE_CMCD_SF_NONE = 0,
    QOE_CMCD_TOKENS_SF(QOE_CMCD_TOKEN_ENUM)
    QOE_CMCD_SFS
} qoe_cmcd_sf_t;

typedef enum {
    QOE_CMCD_ST_NONE = 0,
    QOE_CMCD_TOKENS_ST(QOE_CMCD_TOKEN_ENUM)
    QOE_CMCD_STS
} qoe_cmcd_st_t;

typedef enum {
    QOE_CMCD_STA_NONE = 0,
    QOE_CMCD_TOKENS_STA(QOE_CMCD_TOKEN_ENUM)
    QOE_CMCD_STAS
} qoe_cmcd_sta_t;

typedef enum {
    QOE_CMCD_E_NONE = 0,
    QOE_CMCD_TOKENS_E(QOE_CMCD_TOKEN_ENUM)
    QOE_CMCD_ES
} qoe_cmcd_e_t;

#undef QOE_CMCD_TOKEN_ENUM


/*
 * Why members were left out: id and name, as openqoe.cmcd.ignored counts them.
 *
 *   SYNTAX   no structured field
 *   TYPE     another type than the key has
 *   RANGE    a number that is negative, or an unknown token
 *   LENGTH   a text that is too long, an empty list, more items or custom keys
 *            than a set may have
 *   UNKNOWN  an unknown key
 *   MODE     a key of event mode in a request
 *   VERSION  the whole set: its version is too high
 *   NO_SID   counted by the users of a set, never by the decoder
 */

#define QOE_CMCD_REASONS(X)                                                   \
    X(SYNTAX,  "syntax")                                                      \
    X(TYPE,    "type")                                                        \
    X(RANGE,   "range")                                                       \
    X(LENGTH,  "length")                                                      \
    X(UNKNOWN, "unknown")                                                     \
    X(MODE,    "mode")                                                        \
    X(VERSION, "version")                                                     \
    X(NO_SID,  "no_sid")

typedef enum {
#define QOE_CMCD_REASON_ENUM(id, name)  QOE_CMCD_##id,
    QOE_CMCD_REASONS(QOE_CMCD_REASON_ENUM)
#undef QOE_CMCD_REASON_ENUM
    QOE_CMCD_IGNORED
} qoe_cmcd_ignored_t;


typedef struct {
    qoe_cmcd_ot_t        ot;     /* NONE: no type given */
    double               number; /* NUMBERS */
    qoe_span_t           text;   /* STRINGS */
    qoe_span_t           range;  /* of nor; data is NULL if there is none */
} qoe_cmcd_item_t;


/* The text of a number is the number as it was sent. */

typedef struct {
    qoe_span_t           name;
    qoe_span_t           text;
    bool                 number;
} qoe_cmcd_custom_t;


/* The most items of all lists together, and the most custom keys, of a set. */
#define QOE_CMCD_ITEMS    128
#define QOE_CMCD_CUSTOM   16


/* What a key has no value of is not cleared; look at set, count and n... */

typedef struct {
    uint64_t             set;    /* a bit for each key that has a value */
    uint64_t             flags;  /* the values of the keys of type FLAG */
    double               number[QOE_CMCD_NKEYS];  /* NUMBER, DECIMAL */
    qoe_span_t           text[QOE_CMCD_NKEYS];    /* STRING, TOKEN: unescaped */
    uint8_t              token[QOE_CMCD_NKEYS];   /* TOKEN, as enumerated */
    uint8_t              first[QOE_CMCD_NKEYS];   /* of the items of a list */
    uint8_t              count[QOE_CMCD_NKEYS];
    qoe_cmcd_item_t      items[QOE_CMCD_ITEMS];
    size_t               nitems;
    qoe_cmcd_custom_t    custom[QOE_CMCD_CUSTOM];
    size_t               ncustom;
    uint32_t             ignored[QOE_CMCD_IGNORED];
    bool                 headers;    /* from headers, not from the query */
} qoe_cmcd_t;


/*
 * Decodes the set of a query, which is what comes after the first "?" of a
 * URI, as on the wire: the first argument whose decoded name is CMCD.
 * buf has at least query.len bytes and must outlive *c.
 *
 * QOE_OK       a set, which may be empty
 * QOE_DONE     there is no CMCD in the query; *c is an empty set
 * QOE_INVALID  a set of a higher version, left out as a whole: *c is an empty
 *              set that has counted VERSION
 */
qoe_status_t qoe_cmcd_query(qoe_cmcd_t *c, qoe_span_t query, char *buf);

/*
 * Decodes the headers of a request: value[i] is the value of one header line,
 * name[i] its qoe_cmcd_header_t.  Lines of a name are joined in their order.
 * buf has at least the sum of the lengths plus one byte a line.  The same
 * results; QOE_DONE for n == 0.
 */
qoe_status_t qoe_cmcd_headers(qoe_cmcd_t *c, const qoe_span_t *value,
    const uint8_t *name, size_t n, char *buf);

/*
 * Decodes one report, a line of a body without its line feed.  buf has at
 * least line.len bytes.  QOE_DONE for a line of white space; QOE_INVALID for a
 * higher version, or without a known e or a ts: *why, unless NULL, is set to a
 * static text, and the set has nothing but its counts.
 */
qoe_status_t qoe_cmcd_report(qoe_cmcd_t *c, qoe_span_t line, char *buf,
    const char **why);

/* The id of a key by its exact name, or QOE_CMCD_NKEYS. */
qoe_cmcd_key_t qoe_cmcd_key_find(qoe_span_t name);

/* The value of a custom key by its exact name, or NULL. */
const qoe_cmcd_custom_t *qoe_cmcd_custom_find(const qoe_cmcd_t *c,
    qoe_span_t name);

/* The name and the type of a key, and the name of a reason. */
qoe_span_t qoe_cmcd_key_name(qoe_cmcd_key_t key);
qoe_cmcd_type_t qoe_cmcd_key_type(qoe_cmcd_key_t key);
qoe_span_t qoe_cmcd_ignored_name(qoe_cmcd_ignored_t reason);

/* The text of an object type; empty for NONE. */
qoe_span_t qoe_cmcd_ot_text(qoe_cmcd_ot_t ot);


static inline bool
qoe_cmcd_has(const qoe_cmcd_t *c, qoe_cmcd_key_t key)
{
    return (c->set >> key & 1) != 0;
}


/* The value of a key of type FLAG: false if it is not set. */

static inline bool
qoe_cmcd_flag(const qoe_cmcd_t *c, qoe_cmcd_key_t key)
{
    return ((c->set & c->flags) >> key & 1) != 0;
}


/* The value of a key of type TOKEN, in the enumeration of the key, or NONE. */

static inline unsigned
qoe_cmcd_token(const qoe_cmcd_t *c, qoe_cmcd_key_t key)
{
    return qoe_cmcd_has(c, key) ? c->token[key] : 0;
}


/*
 * The item of a list that is about an object type: the first of that type,
 * else the first without a type, else NAN.  For OT_NONE the first item.
 */
double qoe_cmcd_number_of(const qoe_cmcd_t *c, qoe_cmcd_key_t key,
    qoe_cmcd_ot_t ot);


#endif /* _QOE_CMCD_H_INCLUDED_ */
