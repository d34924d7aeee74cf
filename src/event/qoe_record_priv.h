
/*
 * Copyright (C) OpenQoE
 *
 * What writing and reading a record share.  Private to this room.
 */


#ifndef _QOE_RECORD_PRIV_H_INCLUDED_
#define _QOE_RECORD_PRIV_H_INCLUDED_


#include "qoe_record.h"


/* The fields of openqoe.v1.Record that are no text of the sample. */

enum {
    QOE_RECORD_RECEIVED = 1,         /* the first one: qoe_feed_received() */
    QOE_RECORD_EVENT = 2,
    QOE_RECORD_TYPE = 3,
    QOE_RECORD_SEVERITY = 4,
    QOE_RECORD_UID = 5,
    QOE_RECORD_BODY = 15,
    QOE_RECORD_SET = 34,
    QOE_RECORD_NUMBERS = 35,
    QOE_RECORD_ATTRIBUTES = 36,
    QOE_RECORD_DIMENSIONS = 37,
    QOE_RECORD_FIELDS                /* one more than there are */
};

enum {
    QOE_NAMED_NAME = 1,
    QOE_NAMED_VALUE = 2
};


/* The texts of the sample and their field numbers. */

#define QOE_RECORD_TEXTS(X)                                                   \
    X(ORG_ID,               6)                                                \
    X(PLAYER_ID,            7)                                                \
    X(SESSION_ID,           8)                                                \
    X(VIEW_ID,              9)                                                \
    X(VIEWER_ID,            10)                                               \
    X(ENV,                  11)                                               \
    X(APP_NAME,             12)                                               \
    X(APP_VERSION,          13)                                               \
    X(DEVICE_CATEGORY,      16)                                               \
    X(OS_FAMILY,            17)                                               \
    X(BROWSER_FAMILY,       18)                                               \
    X(PLAYER_NAME,          19)                                               \
    X(NETWORK_COUNTRY_CODE, 20)                                               \
    X(NETWORK_REGION,       21)                                               \
    X(NETWORK_ASN,          22)                                               \
    X(CDN_PROVIDER,         23)                                               \
    X(CDN_EDGE_POP,         24)                                               \
    X(VIDEO_ID,             25)                                               \
    X(VIDEO_TITLE,          26)                                               \
    X(VIDEO_SOURCE_URL,     27)                                               \
    X(VIDEO_STREAM_TYPE,    28)                                               \
    X(CMCD_ST,              29)                                               \
    X(MEDIA_TYPE,           30)                                               \
    X(CODEC,                31)                                               \
    X(ERROR_FAMILY,         32)                                               \
    X(ERROR_CODE,           33)                                               \
    X(MARKER,               14)


#endif /* _QOE_RECORD_PRIV_H_INCLUDED_ */
