
/*
 * Copyright (C) OpenQoE
 *
 * What writing and reading a record share.  Private to this room.
 */


#ifndef _QOE_RECORD_PRIV_H_INCLUDED_
#define _QOE_RECORD_PRIV_H_INCLUDED_


#include "qoe_record.h"


#define QOE_RECORD_UID_LEN    16


typedef Openqoe__V1__Named  qoe_record_named_t;


/* The names of the sample's texts in record.proto. */

#define QOE_RECORD_TEXTS(X)                                                   \
    X(ORG_ID,               org_id)                                           \
    X(PLAYER_ID,            player_id)                                        \
    X(SESSION_ID,           session_id)                                       \
    X(VIEW_ID,              view_id)                                          \
    X(VIEWER_ID,            viewer_id)                                        \
    X(ENV,                  env)                                              \
    X(APP_NAME,             app_name)                                         \
    X(APP_VERSION,          app_version)                                      \
    X(DEVICE_CATEGORY,      device_category)                                  \
    X(OS_FAMILY,            os_family)                                        \
    X(BROWSER_FAMILY,       browser_family)                                   \
    X(PLAYER_NAME,          player_name)                                      \
    X(NETWORK_COUNTRY_CODE, network_country_code)                             \
    X(NETWORK_REGION,       network_region)                                   \
    X(NETWORK_ASN,          network_asn)                                      \
    X(CDN_PROVIDER,         cdn_provider)                                     \
    X(CDN_EDGE_POP,         cdn_edge_pop)                                     \
    X(VIDEO_ID,             video_id)                                         \
    X(VIDEO_TITLE,          video_title)                                      \
    X(VIDEO_SOURCE_URL,     video_source_url)                                 \
    X(VIDEO_STREAM_TYPE,    video_stream_type)                                \
    X(CMCD_ST,              cmcd_st)                                          \
    X(MEDIA_TYPE,           media_type)                                       \
    X(CODEC,                codec)                                            \
    X(ERROR_FAMILY,         error_family)                                     \
    X(ERROR_CODE,           error_code)                                       \
    X(MARKER,               marker)

/* Of a text in the record: a ProtobufCBinaryData. */
extern const size_t  qoe_record_offsets[QOE_TEXTS];


#endif /* _QOE_RECORD_PRIV_H_INCLUDED_ */
