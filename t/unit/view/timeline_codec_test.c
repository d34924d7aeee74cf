
/*
 * Copyright (C) OpenQoE
 *
 * Renditions in the entries of a timeline: bitrates, codecs, and what builds
 * without codecs wrote.
 */


#include <string.h>

#include "tap.h"
#include "qoe_timeline.h"


#define LOG_START   1700000000000ULL


/* Bitrates with the height and the codec that need all their bits beside. */

static void
test_bitrates(void)
{
    size_t          i;
    uint64_t        step, got;
    qoe_stretch_t   s, out[QOE_TIMELINE_ENTRIES];
    qoe_timeline_t  t;

    static const uint32_t  kbits[] = {
        1, 1800, 4999, 15999, 16383, 16384, 16387, 25003, 65535, 65536, 65551,
        100001, 120000, 262143, 262144, 400000, 524287, 1048575
    };

    memset(&s, 0, sizeof(s));
    s.kind = QOE_STRETCH_RENDITION;
    s.start_ms = LOG_START;
    s.height = 8190;

    for (i = 0; i < sizeof(kbits) / sizeof(kbits[0]); i++) {
        s.bitrate = kbits[i] * 1000ULL + 999;
        s.codec = 1 + (uint32_t) i % (QOE_CODECS_N - 1);

        step = kbits[i] < 16384 ? 1 : kbits[i] < 65536 ? 4
               : kbits[i] < 262144 ? 16 : 64;

        qoe_timeline_begin(&t, LOG_START);
        qoe_timeline_add(&t, &s);

        got = qoe_timeline_stretches(&t, 0, LOG_START + 1, out) == 1
              ? out[0].bitrate : 0;

        ok(got == kbits[i] / step * step * 1000 && out[0].height == 8190
           && out[0].codec == s.codec,
           "%u kbit/s are kept to %llu, with height and codec", kbits[i],
           (unsigned long long) step);
    }
}


/* A rendition whose codec becomes known, in entries and in parts. */

static void
test_codecs(void)
{
    size_t          n;
    qoe_stretch_t   s, out[QOE_TIMELINE_ENTRIES];
    qoe_timeline_t  t;

    qoe_timeline_begin(&t, LOG_START);
    memset(&s, 0, sizeof(s));
    s.kind = QOE_STRETCH_RENDITION;
    s.start_ms = LOG_START;
    s.bitrate = 3000000;
    qoe_timeline_add(&t, &s);

    s.start_ms = LOG_START + 5000;
    s.codec = QOE_CODEC_AV1;
    qoe_timeline_add(&t, &s);
    n = qoe_timeline_stretches(&t, 0, LOG_START + 9000, out);
    ok(n == 1 && out[0].codec == QOE_CODEC_AV1 && out[0].ms == 9000,
       "a rendition has the codec that becomes known from its start");

    s.start_ms = LOG_START + 6000;
    s.codec = QOE_CODEC_VP9;
    qoe_timeline_add(&t, &s);
    s.start_ms = LOG_START + 7000;
    s.codec = QOE_CODEC_UNKNOWN;
    qoe_timeline_add(&t, &s);
    s.start_ms = LOG_START + 8000;
    s.bitrate = 800000;
    s.codec = QOE_CODEC_VP9;
    qoe_timeline_add(&t, &s);
    n = qoe_timeline_stretches(&t, 0, LOG_START + 9000, out);
    ok(n == 4 && out[1].codec == QOE_CODEC_VP9
       && out[2].codec == QOE_CODEC_UNKNOWN
       && out[3].codec == QOE_CODEC_VP9,
       "another codec, a lost one, or another bitrate is another rendition");

    qoe_timeline_part(&t, LOG_START + 10000);
    n = qoe_timeline_stretches(&t, t.sent, LOG_START + 12000, out);
    ok(n == 1 && out[0].codec == QOE_CODEC_VP9 && out[0].ms == 2000,
       "the next part of a long view knows the codec");

    t.entry[0] = UINT64_MAX << 3 | QOE_STRETCH_RENDITION;
    n = qoe_timeline_stretches(&t, 0, LOG_START + 12000, out);
    ok(n == 5 && out[4].codec == 7
       && qoe_codec_name(out[4].codec).len == 0,
       "a codec of a torn entry that has no name is unknown");
}


/*
 * What builds without codecs wrote: 19 bits of kbit/s over 12 of half the
 * height.
 */

static void
test_convert(void)
{
    size_t          n;
    qoe_stretch_t   s, out[QOE_TIMELINE_ENTRIES];
    qoe_timeline_t  t;

    qoe_timeline_begin(&t, LOG_START);

    memset(&s, 0, sizeof(s));
    s.kind = QOE_STRETCH_PLAYING;
    s.start_ms = LOG_START;
    s.ms = 0x7fffffff;
    qoe_timeline_add(&t, &s);

    s.kind = QOE_STRETCH_RENDITION;
    qoe_timeline_add(&t, &s);
    t.entry[1] |= (3000ULL << 12 | 360) << 33;

    s.start_ms++;
    s.height = 2;
    qoe_timeline_add(&t, &s);
    t.entry[2] &= UINT64_MAX >> 31;
    t.entry[2] |= (400000ULL << 12 | 2160) << 33;

    qoe_timeline_convert(&t);
    n = qoe_timeline_stretches(&t, 0, LOG_START + 9, out);

    ok(n == 3 && qoe_timeline_sum(&t, QOE_STRETCH_PLAYING) == 0x7fffffff
       && out[1].bitrate == 3000000 && out[1].height == 720
       && out[1].codec == QOE_CODEC_UNKNOWN && out[1].ms == 1
       && out[2].bitrate == 400000000 && out[2].height == 4320
       && out[2].codec == QOE_CODEC_UNKNOWN,
       "renditions that a build without codecs wrote stay what they were");
}


int
main(void)
{
    test_bitrates();
    test_codecs();
    test_convert();

    return tap_end();
}
