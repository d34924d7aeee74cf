
/*
 * Copyright (C) OpenQoE
 *
 * The family of video codecs: what players, manifests and SDKs write.
 */


#include "tap.h"
#include "qoe_codec.h"


static const struct {
    const char   *text;
    qoe_codec_t   family;
} texts[] = {

    /* codec strings, as manifests and WebCodecs have them */

    { "avc1.640028", QOE_CODEC_AVC },
    { "avc3.42e01e", QOE_CODEC_AVC },
    { "hvc1.1.6.L93.B0", QOE_CODEC_HEVC },
    { "hev1.2.4.L120.B0", QOE_CODEC_HEVC },
    { "av01.0.04M.08", QOE_CODEC_AV1 },
    { "vp09.00.10.08", QOE_CODEC_VP9 },
    { "vp08.00.10.08", QOE_CODEC_VP8 },
    { "vvc1.1.L51.CQA.O1+3", QOE_CODEC_VVC },
    { "vvi1.1.L51", QOE_CODEC_VVC },

    /* Dolby Vision, by the codec under it */

    { "dvh1.05.06", QOE_CODEC_HEVC },
    { "dvhe.08.07", QOE_CODEC_HEVC },
    { "dva1.09.05", QOE_CODEC_AVC },
    { "dvav.09.05", QOE_CODEC_AVC },
    { "dav1.10.09", QOE_CODEC_AV1 },

    /* names alone, of players and of the SDK */

    { "avc1", QOE_CODEC_AVC },
    { "avc", QOE_CODEC_AVC },
    { "HEVC", QOE_CODEC_HEVC },
    { "av1", QOE_CODEC_AV1 },
    { "vp9", QOE_CODEC_VP9 },
    { "vp9.2", QOE_CODEC_VP9 },
    { "VP8", QOE_CODEC_VP8 },
    { "vvc", QOE_CODEC_VVC },
    { "h264", QOE_CODEC_AVC },
    { "H.264", QOE_CODEC_AVC },
    { "H.265/HEVC", QOE_CODEC_HEVC },

    /* lists: the first one that is video */

    { "avc1,mp4a", QOE_CODEC_AVC },
    { "mp4a.40.2,avc1.42c01e", QOE_CODEC_AVC },
    { "mp4a.40.2, hvc1.1.6.L93.B0 ,ac-3", QOE_CODEC_HEVC },
    { "vp09.00.10.08,avc1.42c01e", QOE_CODEC_VP9 },
    { "opus;av01.0.04M.08", QOE_CODEC_AV1 },
    { "[\"mp4a.40.2\",\"avc1.42c01e\"]", QOE_CODEC_AVC },

    /* MIME types */

    { "video/mp4; codecs=\"avc1.640028, mp4a.40.2\"", QOE_CODEC_AVC },
    { "video/webm;codecs=vp9", QOE_CODEC_VP9 },
    { "video/hevc", QOE_CODEC_HEVC },
    { "video/x-vnd.on2.vp8", QOE_CODEC_VP8 },

    /* no video, nothing that is known, and junk */

    { "", QOE_CODEC_UNKNOWN },
    { "mp4a.40.2", QOE_CODEC_UNKNOWN },
    { "aac", QOE_CODEC_UNKNOWN },
    { "opus,ec-3", QOE_CODEC_UNKNOWN },
    { "video/mp4", QOE_CODEC_UNKNOWN },
    { "mp4v.20.9", QOE_CODEC_UNKNOWN },
    { "theora", QOE_CODEC_UNKNOWN },
    { "unknown", QOE_CODEC_UNKNOWN },
    { "avc11", QOE_CODEC_UNKNOWN },
    { "xavc1", QOE_CODEC_UNKNOWN },
    { "av", QOE_CODEC_UNKNOWN },
    { "vp", QOE_CODEC_UNKNOWN },
    { ",,.;", QOE_CODEC_UNKNOWN },
    { "\xff\xfe\x01 \xc3\xa4", QOE_CODEC_UNKNOWN },
    { "[object Object]", QOE_CODEC_UNKNOWN }
};


int
main(void)
{
    char        long_text[300];
    size_t      i;
    qoe_span_t  name;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        name = qoe_codec_name(texts[i].family);

        ok(qoe_codec_of(qoe_span_str(texts[i].text)) == texts[i].family,
           "text %zu, \"%s\", is of the family %.*s", i,
           texts[i].text[0] & 0x80 ? "bytes" : texts[i].text,
           name.len ? (int) name.len : 7, name.len ? name.data : "unknown");
    }

    ok(qoe_codec_of(qoe_span_null) == QOE_CODEC_UNKNOWN,
       "an event without a codec has no family");
    ok(qoe_codec_of((qoe_span_t) { "avc1", 3 }) == QOE_CODEC_AVC
       && qoe_codec_of((qoe_span_t) { "avc1", 2 }) == QOE_CODEC_UNKNOWN,
       "nothing after the end of the text is read");

    memset(long_text, ',', sizeof(long_text));
    memcpy(long_text + 124, "hvc1", 4);
    memcpy(long_text + 200, "avc1", 4);
    ok(qoe_codec_of((qoe_span_t) { long_text, sizeof(long_text) })
       == QOE_CODEC_HEVC, "a codec within the first 128 bytes is found");
    memset(long_text + 124, ',', 4);
    ok(qoe_codec_of((qoe_span_t) { long_text, sizeof(long_text) })
       == QOE_CODEC_UNKNOWN, "the rest of a longer text is not searched");

    ok(qoe_codec_name(QOE_CODEC_UNKNOWN).len == 0
       && qoe_codec_name(QOE_CODECS_N).len == 0
       && qoe_codec_name(UINT32_MAX).len == 0,
       "what is no family has no name");

    return tap_end();
}
