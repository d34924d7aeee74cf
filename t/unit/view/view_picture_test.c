
/*
 * Copyright (C) OpenQoE
 *
 * Pictures: their classes, how they fit the player, bitrates in any unit, and
 * the direction of changes.
 */


#include "view_events.h"
#include "qoe_view_state.h"


#define BEGUN  "0 canplay video_startup_time=0 at=0; 0 playing at=0;"


static void
test_classes(void)
{
    char               text[256], class[64];
    size_t             i;
    stream_t          *t;
    static const struct {
        int            width;
        int            height;
        const char    *class;
    } sizes[] = {
        { 1920, 1080, "1080p" }, { 1920, 800, "1080p" },
        { 1080, 1920, "1080p" }, { 1440, 1080, "1080p" },
        { 1280, 720, "720p" }, { 1280, 536, "720p" }, { 720, 1280, "720p" },
        { 3840, 2160, "4k" }, { 3840, 1600, "4k" }, { 7680, 4320, "8k" },
        { 2560, 1440, "1440p" }, { 854, 480, "480p" }, { 640, 480, "480p" },
        { 640, 360, "360p" }, { 426, 240, "240p" }, { 256, 144, "unknown" },
        { 7679, 4319, "4k" }, { 3839, 2159, "1440p" }, { 2559, 1439, "1080p" },
        { 1919, 1079, "720p" }, { 1279, 719, "480p" }, { 853, 479, "360p" },
        { 639, 359, "240p" }, { 425, 239, "unknown" }, { 1, 1, "unknown" },
        { 853, 480, "480p" }, { 854, 479, "480p" }
    };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        t = stream();
        snprintf(text, sizeof(text), BEGUN "1000 qualitychange "
                 "resolution.width=%d resolution.height=%d", sizes[i].width,
                 sizes[i].height);
        snprintf(class, sizeof(class), "resolution=%s", sizes[i].class);
        script(t, text);

        ok(made(t, QOE_METRIC_RESOLUTION_TOTAL, 1, 1, class),
           "%dx%d is %s", sizes[i].width, sizes[i].height, sizes[i].class);
    }

    for (i = 0; i < 2; i++) {
        t = stream();
        snprintf(text, sizeof(text), BEGUN "1000 qualitychange video_width=%d "
                 "video_height=%d resolution.width=1920 resolution.height=1080",
                 i ? 1280 : 0, i ? 0 : 720);
        script(t, text);

        ok(made(t, QOE_METRIC_RESOLUTION_TOTAL, 1, 1, "resolution=1080p"),
           "where the video's %s is 0, the resolution of the rendition counts",
           i ? "height" : "width");
    }

    for (i = 0; i < 2; i++) {
        t = stream();
        snprintf(text, sizeof(text), "0 canplay video_startup_time=0 at=0;"
                 "0 playing at=0 resolution.%s=1080; 10000 ended at=10000",
                 i ? "height" : "width");
        script(t, text);

        ok(made(t, QOE_METRIC_RESOLUTION_TOTAL, 0, 0, "") && started(t, 1),
           "the %s alone is no resolution", i ? "height" : "width");
    }

    t = stream();
    script(t, BEGUN "10000 heartbeat at=10000; end");
    ok(made(t, QOE_METRIC_RESOLUTION_TOTAL, 0, 0, ""),
       "a `playing` without a resolution adds no unknown");

    t = stream();
    script(t, "0 playing resolution.width=1920 resolution.height=800 at=0;"
              "1 stallstart at=0; 3000 playbackdetached at=0; end");
    ok(made(t, QOE_METRIC_RESOLUTION_TOTAL, 0, 0, ""),
       "a view without a first frame showed no picture");

    t = stream();
    script(t, "0 playing resolution.width=1920 resolution.height=800 at=0;"
              "1 stallstart at=0; 3000 stallend at=0; 9000 pause at=6000;"
              "20000 playing resolution.width=640 resolution.height=360 "
              "at=6000; end");
    ok(made(t, QOE_METRIC_RESOLUTION_TOTAL, 1, 1, "resolution=1080p"),
       "the class at the start is that of the wish, and counts once a view");
}


/* The scales of the whole of ten seconds, or of nothing of them. */

static void
test_scale(void)
{
    char               text[256];
    size_t             i;
    stream_t          *t;
    static const struct {
        const char    *claim;
        const char    *sizes;
        double         up;
        double         down;
    } scales[] = {
        { "1920x800 in 1920x1080 has bars above and below, and fits",
          "video_width=1920 video_height=800 player_width=1920 "
          "player_height=1080", 0, 0 },
        { "1080x1920 in 1920x1080 is shrunk to the height",
          "video_width=1080 video_height=1920 player_width=1920 "
          "player_height=1080", 0, 1 },
        { "640x480 in 1920x480 has bars at both sides",
          "video_width=640 video_height=480 player_width=1920 "
          "player_height=480", 0, 0 },
        { "640x360 in 1280x720 is stretched",
          "video_width=640 video_height=360 player_width=1280 "
          "player_height=720", 1, 0 },
        { "640x360 in 320x180 on a screen of two pixels to one fits",
          "video_width=640 video_height=360 player_width=320 "
          "player_height=180 device_pixel_ratio=2", 0, 0 },
        { "1280x720 in 1279x719 fits, for sizes are rounded",
          "video_width=1280 video_height=720 player_width=1279 "
          "player_height=719", 0, 0 },
        { "1920x1080 in 640x360 is shrunk",
          "video_width=1920 video_height=1080 player_width=640 "
          "player_height=360", 0, 1 },
        { "a player smaller by 1 % fits",
          "video_width=100 video_height=100 player_width=99 "
          "player_height=99", 0, 0 },
        { "a player smaller by more does not",
          "video_width=1000 video_height=1000 player_width=989 "
          "player_height=989", 0, 1 },
        { "a player larger by 1 % fits",
          "video_width=100 video_height=100 player_width=101 "
          "player_height=101", 0, 0 },
        { "a player larger by more stretches the picture",
          "video_width=1000 video_height=1000 player_width=1011 "
          "player_height=1011", 1, 0 }
    };

    for (i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
        t = stream();
        snprintf(text, sizeof(text), BEGUN "1 qualitychange at=1 %s;"
                 "10001 ended at=10001", scales[i].sizes);
        script(t, text);

        ok(fabs(sum_of(t, QOE_METRIC_UPSCALE_PERCENTAGE) - scales[i].up)
           < 0.001
           && fabs(sum_of(t, QOE_METRIC_DOWNSCALE_PERCENTAGE)
                   - scales[i].down) < 0.001
           && count_of(t, QOE_METRIC_UPSCALE_PERCENTAGE) == 1,
           "%s", scales[i].claim);
    }

    t = stream();
    script(t, BEGUN "1 qualitychange at=1 video_width=1280 video_height=720;"
              "10000 heartbeat at=10000 video_width=640 video_height=360;"
              "20000 heartbeat at=20000; end");
    ok(made(t, QOE_METRIC_TIME_WEIGHTED_AVERAGE_RESOLUTION, 1, 1280 * 720, ""),
       "a heartbeat's picture is older than the last change and does not "
       "replace it");

    t = stream();
    script(t, BEGUN "1 heartbeat at=1 player_width=1280 player_height=720;"
              "5001 qualitychange at=5001 video_width=1280 video_height=720;"
              "10001 ended at=10001");
    ok(sum_of(t, QOE_METRIC_UPSCALE_PERCENTAGE) == 0
       && sum_of(t, QOE_METRIC_DOWNSCALE_PERCENTAGE) == 0
       && count_of(t, QOE_METRIC_UPSCALE_PERCENTAGE) == 1,
       "while the player's size is known and the picture's is not, nothing is "
       "stretched");

    t = stream();
    script(t, BEGUN "1 qualitychange at=1 video_width=1920 video_height=1080;"
              "10001 ended at=10001");
    ok(count_of(t, QOE_METRIC_UPSCALE_PERCENTAGE) == 0,
       "without the player's size no scale is known");
}


static void
test_units(void)
{
    char               text[256];
    size_t             i;
    stream_t          *t;
    static const struct {
        const char    *data;
        double         bps;
    } rates[] = {
        { "bitrate=64.318 player=dash.js", 64318 },
        { "bitrate=3375000 player=dash.js", 3375000 },
        { "bitrate=3375000 player=hls.js", 3375000 },
        { "bitrate=2500 player=shaka", 2500000 },
        { "bitrate=29999", 29999000 },
        { "bitrate=30000", 30000 },
        { "bitrate_kb=800", 800000 },
        { "bitrate_kb=3375000", 3375000 }
    };

    for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        t = stream();
        snprintf(text, sizeof(text), BEGUN "10000 heartbeat at=10000 %s; end",
                 rates[i].data);
        script(t, text);

        ok(fabs(sum_of(t, QOE_METRIC_HEART_BEAT_RATE_BPS) - rates[i].bps)
           < 0.001 && fabs(sum_of(t, QOE_METRIC_BITRATE) - rates[i].bps)
           < 0.001, "%s is %.10g bit/s", rates[i].data, rates[i].bps);
    }

    t = stream();
    script(t, BEGUN "10000 heartbeat at=10000 bitrate=0;"
              "20000 heartbeat at=20000 bitrate=-1; end");
    ok(count_of(t, QOE_METRIC_BITRATE) == 0 && t->ignored == 0,
       "0 and -1 are bitrates that are not known");
}


static void
test_direction(void)
{
    stream_t  *t;

    t = stream();
    script(t, BEGUN "1000 qualitychangerequested new.bitrate_kb=2500;"
              "2000 qualitychangerequested new.bitrate_kb=1700");
    ok(made(t, QOE_METRIC_BITRATE_CHANGE, 1, 800000, "direction=down"),
       "a request is compared with the last request");

    t = stream();
    script(t, BEGUN "1000 qualitychange bitrate_kb=1000;"
              "2000 qualitychangerequested new.bitrate_kb=1700");
    ok(made(t, QOE_METRIC_BITRATE_CHANGE, 1, 700000, "direction=up"),
       "a request without another before it is compared with the rendition "
       "that is shown");

    t = stream();
    script(t, BEGUN "1000 heartbeat at=1000 bitrate=1000000;"
              "2000 qualitychangerequested new.bitrate_kb=800");
    ok(made(t, QOE_METRIC_BITRATE_CHANGE, 1, 200000, "direction=down"),
       "a heartbeat says which rendition is shown where nothing else did");

    t = stream();
    script(t, BEGUN "1000 qualitychangerequested new.bitrate_kb=1700");
    ok(made(t, QOE_METRIC_BITRATE_CHANGE, 0, 0, ""),
       "the first request of a view has nothing to be compared with");

    t = stream();
    script(t, BEGUN "1000 qualitychange bitrate_kb=1000 media_type=video;"
              "2000 qualitychange bitrate_kb=64 media_type=audio;"
              "3000 qualitychange bitrate_kb=2000 media_type=video");
    ok(made(t, QOE_METRIC_QUALITY_CHANGES_TOTAL, 3, 3,
            "media_type=video,change_direction=up"),
       "a change of video is not compared with audio");

    t = stream();
    script(t, BEGUN "1000 qualitychange bitrate_kb=64 media_type=audio "
              "resolution.width=1280 resolution.height=720");
    ok(made(t, QOE_METRIC_RESOLUTION_TOTAL, 0, 0, ""),
       "a change of audio shows no picture");

    t = stream();
    script(t, BEGUN "1000 qualitychange bitrate_kb=900 media_type=muxed "
              "resolution.width=1280 resolution.height=720");
    ok(made(t, QOE_METRIC_RESOLUTION_TOTAL, 1, 1, "resolution=720p"),
       "a change of media of another type may be one of its picture");
}


/* What a change says of the picture, and what it leaves unsaid. */

static void
test_changes(void)
{
    stream_t  *t;

    t = stream();
    script(t, BEGUN "1000 qualitychange media_type=video bitrate=0.001 "
              "framerate=1 video_width=1 video_height=1 player_width=1 "
              "player_height=1; 2000 qualitychange bitrate=0.002;"
              "3000 qualitychange bitrate=0.001");
    ok(made(t, QOE_METRIC_QUALITY_CHANGE_BITRATE_BPS, 3, 4, "")
       && made(t, QOE_METRIC_BITRATE, 3, 4, "")
       && made(t, QOE_METRIC_FRAMERATE, 1, 1, "media_type=video")
       && made(t, QOE_METRIC_PERCEIVED_QUALITY_INDEX, 1, 1, "")
       && made(t, QOE_METRIC_RESOLUTION_TO_PLAYER_RATIO, 1, 1, "")
       && made(t, QOE_METRIC_QUALITY_CHANGE_OLD_BITRATE_BPS, 2, 3, "")
       && made(t, QOE_METRIC_QUALITY_CHANGES_TOTAL, 3, 3,
               "change_direction=down"),
       "a bit per second, a frame per second and a pixel are values, and the "
       "ratio to the player has no attributes");

    t = stream();
    script(t, BEGUN "1000 qualitychange bitrate=0 framerate=0 player_width=640 "
              "player_height=360; 2000 qualitychange bitrate=0 framerate=25 "
              "video_width=640 video_height=360");
    ok(made(t, QOE_METRIC_QUALITY_CHANGE_BITRATE_BPS, 0, 0, "")
       && made(t, QOE_METRIC_BITRATE, 0, 0, "")
       && made(t, QOE_METRIC_FRAMERATE, 1, 25, "")
       && made(t, QOE_METRIC_PERCEIVED_QUALITY_INDEX, 0, 0, "")
       && made(t, QOE_METRIC_RESOLUTION_TO_PLAYER_RATIO, 0, 0, "")
       && made(t, QOE_METRIC_QUALITY_CHANGE_OLD_BITRATE_BPS, 0, 0, ""),
       "a bitrate, a frame rate or a picture of 0 is not known and makes no "
       "point");

    t = stream();
    script(t, BEGUN "1000 qualitychange bitrate=1000000;"
              "2000 qualitychange");
    ok(made(t, QOE_METRIC_QUALITY_CHANGES_TOTAL, 2, 2,
            "change_direction=same"),
       "a change that does not say its bitrate goes neither up nor down");

    script(t, "3000 qualitychange bitrate=2000000");
    ok(made(t, QOE_METRIC_QUALITY_CHANGES_TOTAL, 3, 3, "change_direction=up")
       && made(t, QOE_METRIC_QUALITY_CHANGE_OLD_BITRATE_BPS, 2, 2000000, ""),
       "the bitrate before such a change is what the next change is compared "
       "with");

    script(t, "4000 qualitychange bitrate=3000000;"
              "5000 qualitychange bitrate=3000000;"
              "6000 qualitychange bitrate=500000;"
              "7000 qualitychange bitrate=64000 media_type=audio;"
              "8000 qualitychange bitrate=32000 media_type=audio");
    ok(t->v.switches_up == 2 && t->v.switches_down == 1,
       "a view counts the changes of its video that go up and those that go "
       "down, and none of its audio");

    t = stream();
    script(t, BEGUN "1000 qualitychange resolution.width=1920");
    ok(made(t, QOE_METRIC_RESOLUTION_TOTAL, 1, 1, "resolution=unknown"),
       "a change of video to a width alone is one to an unknown resolution");

    t = stream();
    script(t, BEGUN "1 qualitychange bitrate=1000000 media_type=video at=1;"
              "10001 ended at=10001");
    ok(made(t, QOE_METRIC_TIME_WEIGHTED_AVERAGE_BITRATE, 1, 1000,
            "media_type=video"),
       "the average bitrate has the media type that only a change named");
}


/*
 * A change of the rendition counts the time until then as played.  The position
 * at the pause shows that 3 of these 14 seconds were not: what is taken away
 * was of the first rendition.
 */

static void
test_fit(void)
{
    stream_t  *t;

    t = stream();
    script(t, "0 canplay video_startup_time=0 at=0;"
              "0 qualitychange bitrate=1000000 video_width=1280 "
              "video_height=720; 0 playing at=0; 10000 heartbeat at=10000;"
              "14000 qualitychange bitrate=2000000 video_width=640 "
              "video_height=360; 20000 pause at=11000; end");
    ok(played_ms(t, 11000)
       && made(t, QOE_METRIC_VIDEO_QUALITY_SCORE, 1, log(1e6) / log(2e6), ""),
       "time that turns out not to be played does not change the quality score "
       "of the time that was");
    ok(made(t, QOE_METRIC_TIME_WEIGHTED_AVERAGE_BITRATE, 2, 2 * 1000, "")
       && made(t, QOE_METRIC_TIME_WEIGHTED_AVERAGE_RESOLUTION, 2,
               2 * 1280 * 720, "")
       && t->v.media[0].rate_ms == 11000 && t->v.pixel_ms == 11000
       && fabs(t->v.height_sum - 720.0 * 11000) < 1e-3,
       "nor does it change the means of the bitrate and of the picture");
}


int
main(void)
{
    test_classes();
    test_scale();
    test_units();
    test_direction();
    test_changes();
    test_fit();

    return tap_end();
}
