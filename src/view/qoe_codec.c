
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_codec.h"

#include <ctype.h>
#include <strings.h>


/* Lists of codecs are shorter; a longer text is read up to here. */
#define QOE_CODEC_TEXT_MAX     128

#define qoe_codec_row(name, family)  { { name, sizeof(name) - 1 },            \
                                       QOE_CODEC_##family }


/*
 * The names: the codes of sample entries (ISO/IEC 14496-15, RFC 6381), those of
 * the registry of WebCodecs, and what dash.js and players of phones say.  Dolby
 * Vision is a layer over another codec and counts as the one that decodes the
 * picture, because that is what devices have or lack a decoder for.
 */

static const struct {
    qoe_span_t          name;
    qoe_codec_t         family;
} qoe_codec_names[] = {
    qoe_codec_row("avc1", AVC),
    qoe_codec_row("avc2", AVC),
    qoe_codec_row("avc3", AVC),
    qoe_codec_row("avc4", AVC),
    qoe_codec_row("avc", AVC),
    qoe_codec_row("h264", AVC),
    qoe_codec_row("h.264", AVC),
    qoe_codec_row("dva1", AVC),
    qoe_codec_row("dvav", AVC),
    qoe_codec_row("hvc1", HEVC),
    qoe_codec_row("hev1", HEVC),
    qoe_codec_row("hvc2", HEVC),
    qoe_codec_row("hev2", HEVC),
    qoe_codec_row("hevc", HEVC),
    qoe_codec_row("h265", HEVC),
    qoe_codec_row("h.265", HEVC),
    qoe_codec_row("dvh1", HEVC),
    qoe_codec_row("dvhe", HEVC),
    qoe_codec_row("av01", AV1),
    qoe_codec_row("av1", AV1),
    qoe_codec_row("dav1", AV1),
    qoe_codec_row("vp08", VP8),
    qoe_codec_row("vp8", VP8),
    qoe_codec_row("vp09", VP9),
    qoe_codec_row("vp9", VP9),
    qoe_codec_row("vvc1", VVC),
    qoe_codec_row("vvi1", VVC),
    qoe_codec_row("vvc", VVC),
    qoe_codec_row("h266", VVC),
    qoe_codec_row("h.266", VVC)
};

#define QOE_CODEC_NAMES                                                       \
    (sizeof(qoe_codec_names) / sizeof(qoe_codec_names[0]))

_Static_assert(QOE_CODECS_N <= 8, "a family has 3 bits");


static qoe_codec_t qoe_codec_at(const char *p, const char *end);


/* A name begins and ends where no letter or digit lies beside it. */

qoe_codec_t
qoe_codec_of(qoe_span_t text)
{
    size_t       i, n;
    qoe_codec_t  codec;

    n = qoe_min(text.len, QOE_CODEC_TEXT_MAX);

    for (i = 0; i < n; i++) {

        if (i > 0 && isalnum((unsigned char) text.data[i - 1])) {
            continue;
        }

        codec = qoe_codec_at(text.data + i, text.data + n);

        if (codec != QOE_CODEC_UNKNOWN) {
            return codec;
        }
    }

    return QOE_CODEC_UNKNOWN;
}


static qoe_codec_t
qoe_codec_at(const char *p, const char *end)
{
    size_t      i, left;
    qoe_span_t  name;

    left = (size_t) (end - p);

    for (i = 0; i < QOE_CODEC_NAMES; i++) {
        name = qoe_codec_names[i].name;

        if (name.len <= left && strncasecmp(p, name.data, name.len) == 0
            && (name.len == left || !isalnum((unsigned char) p[name.len])))
        {
            return qoe_codec_names[i].family;
        }
    }

    return QOE_CODEC_UNKNOWN;
}


qoe_span_t
qoe_codec_name(uint32_t codec)
{
    static const qoe_span_t  names[] = {
#define QOE_CODEC_NAME(id, name)  { name, sizeof(name) - 1 },
        QOE_CODECS(QOE_CODEC_NAME)
#undef QOE_CODEC_NAME
    };

    return codec != QOE_CODEC_UNKNOWN && codec < QOE_CODECS_N
           ? names[codec] : qoe_span_null;
}
