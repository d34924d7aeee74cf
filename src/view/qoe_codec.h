
/*
 * Copyright (C) OpenQoE
 *
 * The family of a video codec: what an event names in free text, as a number
 * that fits the three bits that an entry of a timeline has for it.
 *
 * Pure: uses no clock, and no memory but its arguments.
 */


#ifndef _QOE_CODEC_H_INCLUDED_
#define _QOE_CODEC_H_INCLUDED_


#include "qoe_core.h"


/*
 * An id, and the name in traces and JSON.  The order is part of the layout of
 * the zone (QOE_STATE_VERSION) and of traces (QOE_TRACE_FORMAT).
 */

#define QOE_CODECS(X)                                                         \
    X(UNKNOWN, "")                                                            \
    X(AVC,     "avc")                                                         \
    X(HEVC,    "hevc")                                                        \
    X(AV1,     "av1")                                                         \
    X(VP8,     "vp8")                                                         \
    X(VP9,     "vp9")                                                         \
    X(VVC,     "vvc")

typedef enum {
#define QOE_CODEC_ENUM(id, name)  QOE_CODEC_##id,
    QOE_CODECS(QOE_CODEC_ENUM)
#undef QOE_CODEC_ENUM
    QOE_CODECS_N
} qoe_codec_t;


/*
 * The family of the first video codec that a text names: a codec string of RFC
 * 6381, a list of them, a MIME type with or without codecs, or a common name.
 */
qoe_codec_t qoe_codec_of(qoe_span_t text);

/* The name of a family; null if it is unknown. */
qoe_span_t qoe_codec_name(uint32_t codec);


#endif /* _QOE_CODEC_H_INCLUDED_ */
