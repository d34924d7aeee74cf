
/*
 * Copyright (C) OpenQoE
 *
 * Timelines: what they show of the sequences that docs/numbers.md is about,
 * and what is left when there are more stretches than places.  view_events.h
 * checks after every step that the sums are those of the view.
 *
 * Arguments: first seed, number of random timelines.
 */


#include "view_events.h"
#include "qoe_view_priv.h"


#define RANDOM_TIMELINES   20000


static const char *
shown(const qoe_timeline_t *t, uint64_t end_ms)
{
    char          *p;
    size_t         i, n;
    static char    text[4096];
    qoe_stretch_t  s[QOE_TIMELINE_ENTRIES];

    n = qoe_timeline_stretches(t, 0, end_ms, s);
    text[0] = '\0';

    for (i = 0, p = text; i < n; i++) {
        p += sprintf(p, "%s%lld %s", i ? "; " : "",
                     (long long) (s[i].start_ms - LOG_START),
                     qoe_stretch_name(s[i].kind).data);

        if (s[i].kind == QOE_STRETCH_ERROR) {
            p += sprintf(p, " x%u%s", s[i].errors, s[i].fatal ? "!" : "");

        } else {
            p += sprintf(p, " %llu", (unsigned long long) s[i].ms);
        }

        if (s[i].kind == QOE_STRETCH_RENDITION) {
            p += sprintf(p, " (%llu/%u%s%s)",
                         (unsigned long long) s[i].bitrate, s[i].height,
                         s[i].codec != QOE_CODEC_UNKNOWN ? "/" : "",
                         s[i].codec != QOE_CODEC_UNKNOWN
                         ? qoe_codec_name(s[i].codec).data : "");
        }
    }

    return text;
}


static void
is_shown(const stream_t *t, const char *right, const char *name)
{
    const char  *text;

    text = shown(&t->timeline, t->v.seen_ms);

    if (!ok(strcmp(text, right) == 0, "%s", name)) {
        printf("#      got: %s\n# expected: %s\n", text, right);
    }
}


typedef struct {
    const char  *name;
    const char  *script;
    const char  *right;
} case_t;

static const case_t  cases[] = {
    { "a view without a first frame shows the error and how long it tried",
      "0 error error_family=network; 5 playing at=0; 5 stallstart at=0;"
      "10005 heartbeat playing_time=0 at=0; 12000 playbackdetached at=0; end",
      "0 error x1; 5 startup 11995" },
    { "a view that is closed before its first frame shows how long it tried",
      "0 playing at=0; 0 stallstart at=0; 6 playerready;"
      "6000 playbackdetached at=0; end",
      "0 startup 6000" },
    { "a wait before the first frame is startup and no stall",
      "0 playing at=0; 1 stallstart at=0; 4000 canplay "
      "video_startup_time=4980 at=0; 4001 stallend at=0; 24001 ended at=20000",
      "0 startup 4000; 4000 playing 20001" },
    { "a view that was never asked to play shows nothing",
      "0 manifestload page_load_time=500; 900 canplay; 5000 playbackdetached;"
      "end", "" },
    { "a view that is paused before its first frame shows how long it tried",
      "0 playing at=0; 1 stallstart at=0; 3000 pause at=0; 9000 ended at=0",
      "0 startup 3000" },
    { "a pause lies between two stretches of playing",
      "0 playing at=0; 1 stallstart at=0; 450 stallend at=0;"
      "20000 pause at=19550; 28000 playing at=19550; 38000 heartbeat at=29550;"
      "end",
      "0 startup 450; 450 playing 19550; 20000 pause 8000; "
      "28000 playing 10000" },
    { "a wait in a seek belongs to the seek",
      "0 canplay video_startup_time=0 at=30000; 0 playing at=30000;"
      "10000 stallstart at=40000; 12000 seek seek_latency=2000 at=40000;"
      "12000 stallend at=40000; 30000 ended at=58000",
      "0 startup 0; 0 playing 10000; 10000 seek 2000; 12000 playing 18000" },
    { "a stall that turns out to be none is not in the timeline",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
      "10000 stallstart at=9890; 10000..60000 heartbeat at=@-110 "
      "playing_time=@-110; 60111 ended at=60001",
      "0 startup 0; 0 playing 60111" },
    { "a stall that proof ends lasts as long as the view says",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
      "10000..60000 heartbeat at=@ playing_time=@; 60000 stallstart at=60000;"
      "70000..590000 heartbeat at=@-4000 playing_time=@-4000;"
      "600000 ended at=596000 playing_time=596000",
      "0 startup 0; 0 playing 60000; 60000 stall 4000; 64000 playing 536000" },
    { "a fatal error that the player recovers from leaves a gap",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
      "12000 error error_context.fatal=1 at=12000; 12310 playing at=12000;"
      "30000 stallstart at=29690; 35000 stallend at=29690; 60000 ended "
      "at=54690",
      "0 startup 0; 0 playing 29690; 12000 error x1!; 30000 stall 5000; "
      "35000 playing 25000" },
    { "a hidden page is shown beside what plays",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
      "10000..60000 heartbeat at=@; 61000 moveaway at=61000;"
      "70000..90000 heartbeat at=@; 91000 moveback at=91000;"
      "100000 ended at=100000",
      "0 startup 0; 0 playing 100000; 61000 hidden 30000" },
    { "a page that is hidden until the end is hidden until the last event",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
      "10000 moveaway at=10000; 20000 heartbeat at=20000; end",
      "0 startup 0; 0 playing 20000; 10000 hidden 10000" },
    { "a time in which nothing played, and nothing else was seen, is a gap",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
      "10000..60000 heartbeat at=@ playing_time=@;"
      "170000..200000 heartbeat at=@-110000 playing_time=@-110000; end",
      "0 startup 0; 0 playing 60000; 170000 playing 30000" },
    { "a pause that the player makes at the end is none",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
      "30000 pause at=30000; 30100 ended at=30000",
      "0 startup 0; 0 playing 30000" },
    { "a view that is left while it is paused is paused until its last event",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
      "30000 pause at=30000; 40000..60000 heartbeat at=30000; end",
      "0 startup 0; 0 playing 30000; 30000 pause 30000" },
    { "renditions last until the next one, and a repeated one is no change",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0 bitrate=800000 "
      "video_width=640 video_height=360;"
      "10000 qualitychange bitrate=3000000 video_width=1280 video_height=720 "
      "at=10000; 20000 heartbeat at=20000 bitrate=3000000;"
      "30000 qualitychange bitrate=800000 video_width=640 video_height=360 "
      "at=30000; 40000 ended at=40000",
      "0 startup 0; 0 rendition 10000 (800000/360); 0 playing 40000; "
      "10000 rendition 20000 (3000000/720); 30000 rendition 10000 "
      "(800000/360)" },
    { "a change of the codec alone is another rendition, a repeated one none",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0 bitrate=800000 "
      "video_width=640 video_height=360 codec=avc1.64001e;"
      "10000 qualitychange codec=hvc1.1.6.L93.B0 at=10000;"
      "20000 qualitychange codec=hev1.2.4.L93.B0,mp4a.40.2 at=20000;"
      "30000 ended at=30000",
      "0 startup 0; 0 rendition 10000 (800000/360/avc); 0 playing 30000; "
      "10000 rendition 20000 (800000/360/hevc)" },
    { "an event with a sound's codec, or one without any, leaves the video's",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0 bitrate=800000 "
      "codec=vp09.00.10.08; 5000 qualitychange codec=mp4a.40.2 at=5000;"
      "10000 qualitychange bitrate=64000 media_type=audio codec=avc1 at=10000;"
      "20000 qualitychange bitrate=3000000 at=20000; 30000 ended at=30000",
      "0 startup 0; 0 rendition 20000 (800000/0/vp9); 0 playing 30000; "
      "20000 rendition 10000 (3000000/0/vp9)" },
    { "a heartbeat names a codec where nothing did, and overrides none",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0 bitrate=800000;"
      "10000 heartbeat at=10000 codec=av01.0.04M.08;"
      "20000 heartbeat at=20000 codec=avc1.42e01e; 30000 ended at=30000",
      "0 startup 0; 0 rendition 30000 (800000/0/av1); 0 playing 30000" },
    { "what is loaded before the first picture names the codec of that",
      "0 bandwidthchange codec=avc1,mp4a; 500 playing at=0; 500 canplay "
      "video_startup_time=500 at=0; 1000 qualitychange bitrate=370000 "
      "video_width=320 video_height=180 at=500;"
      "3000 bandwidthchange codec=hvc1; 10000 ended at=9500",
      "0 startup 500; 500 playing 9500; 1000 rendition 9000 "
      "(370000/180/avc)" },
    { "what is loaded later names the codec of a rendition from its start",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0 bitrate=370000;"
      "3000 bandwidthchange codec=aac media_type=audio;"
      "4000 bandwidthchange codec=vvc1.1.L51 media_type=video;"
      "10000 ended at=10000",
      "0 startup 0; 0 rendition 10000 (370000/0/vvc); 0 playing 10000" },
    { "a leap of the position is a seek until the video plays there",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
      "10000 heartbeat at=10000; 20000 heartbeat at=90000;"
      "30000 heartbeat at=93000; 40000 heartbeat at=103000; end",
      "0 startup 0; 0 playing 20000; 20000 seek 7000; 27000 playing 13000" },
    { "a stall ends in the pause, and another begins after it",
      "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
      "10000 stallstart at=10000; 12000 pause at=10000;"
      "20000 playing at=10000; 23000 stallend at=10000; 33000 ended at=20000",
      "0 startup 0; 0 playing 10000; 10000 stall 2000; 12000 pause 8000; "
      "20000 stall 3000; 23000 playing 10000" }
};


static void
test_cases(void)
{
    size_t     i;
    stream_t  *t;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        t = stream();
        script(t, cases[i].script);
        is_shown(t, cases[i].right, cases[i].name);
    }
}


/*
 * What a view does now, which its timeline has not got yet, up to the last
 * event that was judged: the one before the last.
 */

static void
test_open(void)
{
    char           text[128], *p;
    size_t         i, k, n;
    stream_t      *t;
    qoe_span_t     state;
    qoe_stretch_t  s[2];

    static const case_t  open[] = {
        { "a view that waits for its first frame is starting up",
          "0 playing at=0; 1 stallstart at=0; 4000..14000 heartbeat at=0",
          "starting 0 startup 4000" },
        { "a view that was paused before its first frame is not",
          "0 playing at=0; 1 stallstart at=0; 3000 pause at=0;"
          "4000..14000 heartbeat at=0", "starting" },
        { "a view that plays has no open stretch",
          "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000..20000 heartbeat at=@", "playing" },
        { "a stall is open until it ends",
          "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000 heartbeat at=10000; 12000 stallstart at=12000;"
          "15000..25000 heartbeat at=12000", "stalled 12000 stall 3000" },
        { "a pause is open until playing goes on",
          "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000 heartbeat at=10000; 12000 pause at=12000;"
          "20000..30000 heartbeat at=12000", "paused 12000 pause 8000" },
        { "a page is hidden beside what plays",
          "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000 heartbeat at=10000; 12000 moveaway at=12000;"
          "20000..30000 heartbeat at=@", "playing 12000 hidden 8000" },
        { "a wait within a pause changes nothing about it",
          "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000 heartbeat at=10000; 12000 pause at=12000;"
          "14000 stallstart at=12000; 16000 stallend at=12000;"
          "20000..30000 heartbeat at=12000", "paused 12000 pause 8000" },
        { "a seek is open until it plays",
          "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000 heartbeat at=10000; 12000 seek at=50000;"
          "12001 waitstart at=50000; 20000..30000 heartbeat at=50000",
          "seeking 12000 seek 8000" },
        { "a pause that the player makes at the end of the video is none",
          "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000 heartbeat at=10000 duration=12000;"
          "12000 pause at=12000 duration=12000;"
          "20000..30000 heartbeat at=12000 duration=12000", "paused" },
        { "a paused view in a hidden page has both",
          "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000 heartbeat at=10000; 12000 pause at=12000;"
          "13000 moveaway at=12000; 20000..30000 heartbeat at=12000",
          "paused 12000 pause 8000 13000 hidden 7000" },
        { "a suspended view has none",
          "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000 heartbeat at=10000; 12000 playbackdetached at=12000;"
          "13000 fpsdrop", "suspended" }
    };

    for (i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        t = stream();
        script(t, open[i].script);

        state = qoe_view_state_name(&t->v);
        p = text + sprintf(text, "%.*s", (int) state.len, state.data);
        n = qoe_view_open_stretches(&t->v, s);

        for (k = 0; k < n; k++) {
            p += sprintf(p, " %lld %s %llu",
                         (long long) (s[k].start_ms - LOG_START),
                         qoe_stretch_name(s[k].kind).data,
                         (unsigned long long) s[k].ms);
        }

        if (!ok(strcmp(text, open[i].right) == 0, "%s", open[i].name)) {
            printf("# %s, not %s\n", text, open[i].right);
        }
    }
}


/* The stretches of a single judgement, of which a torn view has too many. */

static void
test_crowd(void)
{
    size_t               i;
    qoe_judge_t          j;
    const qoe_stretch_t  *last;
    static qoe_points_t  points;

    memset(&j, 0, sizeof(j));
    qoe_points_clear(&points);
    j.points = &points;

    for (i = 0; i < QOE_STRETCHES_MAX; i++) {
        qoe_view_stretch(&j, QOE_STRETCH_PLAYING, 1000 + i, 10 + i);
    }

    last = &points.stretch[QOE_STRETCHES_MAX - 1];
    ok(points.nstretches == QOE_STRETCHES_MAX
       && points.stretch[0].start_ms == 1000 && points.stretch[0].ms == 10
       && last->start_ms == 1000 + QOE_STRETCHES_MAX - 1
       && last->ms == 10 + QOE_STRETCHES_MAX - 1
       && last->kind == QOE_STRETCH_PLAYING,
       "stretches are kept in their order");

    qoe_view_stretch(&j, QOE_STRETCH_PLAYING, 5000, 7);
    qoe_view_stretch(&j, QOE_STRETCH_PAUSE, 6000, 100);
    ok(points.nstretches == QOE_STRETCHES_MAX
       && last->ms == 10 + QOE_STRETCHES_MAX - 1 + 7
       && last->start_ms == 1000 + QOE_STRETCHES_MAX - 1
       && last->kind == QOE_STRETCH_PLAYING,
       "where there is no room, time goes to the last one of the same kind");
}


static void
add(qoe_timeline_t *t, qoe_stretch_kind_t kind, uint64_t start, uint64_t ms)
{
    qoe_stretch_t  s;

    memset(&s, 0, sizeof(s));
    s.kind = (uint32_t) kind;
    s.start_ms = LOG_START + start;
    s.ms = ms;
    s.errors = kind == QOE_STRETCH_ERROR;

    qoe_timeline_add(t, &s);
}


/* 10 stalls of 2 s, a minute apart, and then 100 of 0.3 s in 5 minutes. */

static void
test_full(void)
{
    size_t          i, n, stalls, longer;
    uint64_t        at, playing;
    qoe_stretch_t   s[QOE_TIMELINE_ENTRIES];
    qoe_timeline_t  t;

    qoe_timeline_begin(&t, LOG_START);
    playing = 0;

    for (i = 0; i < 10; i++) {
        at = i * 60000;
        add(&t, QOE_STRETCH_PLAYING, at, 58000);
        add(&t, QOE_STRETCH_STALL, at + 58000, 2000);
        playing += 58000;
    }

    for (i = 0; i < 100; i++) {
        at = 600000 + i * 3000;
        add(&t, QOE_STRETCH_PLAYING, at, 2700);
        add(&t, QOE_STRETCH_STALL, at + 2700, 300);
        playing += 2700;
    }

    n = qoe_timeline_stretches(&t, 0, LOG_START + 900000, s);
    stalls = 0;
    longer = 0;

    for (i = 0; i < n; i++) {
        stalls += (s[i].kind == QOE_STRETCH_STALL);
        longer += (s[i].kind == QOE_STRETCH_STALL && s[i].ms == 2000);
    }

    ok(n == QOE_TIMELINE_ENTRIES && t.merged == 220 - n,
       "a full timeline counts what it merges");
    ok(qoe_timeline_sum(&t, QOE_STRETCH_PLAYING) == playing
       && qoe_timeline_sum(&t, QOE_STRETCH_STALL) == 20000 + 30000,
       "merges keep the time of each kind");
    if (!ok(longer >= 9 && stalls > 10,
            "the short neighbours are merged, and stalls that are far apart "
            "are not"))
    {
        timeline_print(&t, LOG_START, LOG_START + 900000);
    }
}


/* Of a seek that was reported late, what the last seek has is cut off. */

static void
test_seeks(void)
{
    qoe_stretch_t   s[QOE_TIMELINE_ENTRIES];
    qoe_timeline_t  t;

    qoe_timeline_begin(&t, LOG_START);
    add(&t, QOE_STRETCH_SEEK, 1000, 2000);
    add(&t, QOE_STRETCH_SEEK, 2000, 3000);

    ok(qoe_timeline_stretches(&t, 0, LOG_START + 9000, s) == 2
       && s[1].start_ms == LOG_START + 3000 && s[1].ms == 2000,
       "a seek that would overlap the last one begins at its end, and ends "
       "where it did");
}


/* A seek is reported when it is over, with its length. */

static void
test_seek_clipped(void)
{
    size_t          i, n;
    qoe_stretch_t   s[QOE_TIMELINE_ENTRIES];
    qoe_timeline_t  t;
    static const struct {
        const char     *name;
        unsigned        kind;
    } kinds[] = {
        { "playing", QOE_STRETCH_PLAYING },
        { "a stall", QOE_STRETCH_STALL },
        { "another seek", QOE_STRETCH_SEEK }
    };

    for (i = 0; i < 3; i++) {
        qoe_timeline_begin(&t, LOG_START);
        add(&t, kinds[i].kind, 0, 10000);
        add(&t, QOE_STRETCH_SEEK, 7000, 5000);
        n = qoe_timeline_stretches(&t, 0, LOG_START + 20000, s);

        ok(n > 0 && qoe_timeline_sum(&t, kinds[i].kind)
                    + (i < 2 ? qoe_timeline_sum(&t, QOE_STRETCH_SEEK) : 0)
                    == 12000
           && qoe_timeline_sum(&t, QOE_STRETCH_SEEK) == (i < 2 ? 2000 : 12000),
           "of a seek the time that was counted as %s stays that",
           kinds[i].name);
    }
}


static void
test_renditions(void)
{
    size_t          i, n;
    qoe_stretch_t   s, out[QOE_TIMELINE_ENTRIES];
    qoe_timeline_t  t;

    qoe_timeline_begin(&t, LOG_START);
    memset(&s, 0, sizeof(s));
    s.kind = QOE_STRETCH_RENDITION;

    /* 31 renditions of a minute, between them a short one of a second */

    for (i = 0; i < 31; i++) {
        s.start_ms = LOG_START + i * 61000;
        s.bitrate = 1000000 + 1000 * i;
        s.codec = QOE_CODEC_AVC + i % 2;
        qoe_timeline_add(&t, &s);

        s.start_ms += 60000;
        s.bitrate = 9000000 + 1000 * i;
        s.codec = QOE_CODEC_VP9;
        qoe_timeline_add(&t, &s);
    }

    n = qoe_timeline_stretches(&t, 0, LOG_START + 31 * 61000, out);

    for (i = 0; i + 1 < n; i++) {
        if (out[i].start_ms + out[i].ms != out[i + 1].start_ms) {
            break;
        }
    }

    ok(n == QOE_TIMELINE_ENTRIES && i == n - 1,
       "renditions of a full timeline leave no gap");

    for (i = 0; i < n && out[i].bitrate < 9000000; i++) { /* void */ }

    ok(i >= n - 1, "the renditions that were shown for a second are merged");
    ok(out[0].bitrate == 1000000 && out[5].bitrate == 1005000,
       "the longer rendition of two that are merged is kept");
    ok(out[0].codec == QOE_CODEC_AVC && out[5].codec == QOE_CODEC_HEVC,
       "with its own codec, as with its height");

    /* all but the 20th of a minute, and one more than there is room for */

    qoe_timeline_begin(&t, LOG_START);

    for (i = 0; i < QOE_TIMELINE_ENTRIES + 1; i++) {
        s.start_ms = LOG_START + i * 60000 - (i > 20 ? 59000 : 0);
        s.bitrate = 1000000 + 1000 * i;
        qoe_timeline_add(&t, &s);
    }

    n = qoe_timeline_stretches(&t, 0, s.start_ms + 60000, out);
    ok(n == QOE_TIMELINE_ENTRIES && out[19].bitrate == 1019000
       && out[19].ms == 61000 && out[20].bitrate == 1021000
       && out[20].ms == 60000,
       "the time of a short rendition is given to the rendition before it");
}


static void
test_limits(void)
{
    size_t           n;
    stream_t        *t;
    qoe_stretch_t    s, out[QOE_TIMELINE_ENTRIES];
    qoe_timeline_t  *tl;

    t = stream();
    tl = &t->timeline;
    qoe_timeline_begin(tl, LOG_START);

    add(tl, QOE_STRETCH_PLAYING, 0, 86400000ULL * 7);
    add(tl, QOE_STRETCH_STALL, 86400000ULL * 7, 1000);
    add(tl, QOE_STRETCH_PLAYING, 86400000ULL * 7 + 1000, 86400000ULL * 7);
    add(tl, QOE_STRETCH_STALL, 86400000ULL * 14 + 1000, 1000);
    add(tl, QOE_STRETCH_PLAYING, 86400000ULL * 14 + 2000, 5000);

    ok(qoe_timeline_sum(tl, QOE_STRETCH_PLAYING) == 86400000ULL * 14 + 5000
       && qoe_timeline_sum(tl, QOE_STRETCH_STALL) == 2000,
       "a view of two weeks keeps its sums");
    add(tl, QOE_STRETCH_PAUSE, 86400000ULL * 14 + 7000, 3000);
    n = qoe_timeline_stretches(tl, 0, 0, out);
    ok(n > 0 && out[n - 1].start_ms == LOG_START + 86400000ULL * 14 + 7000
       && out[n - 1].ms == 3000,
       "what comes after two weeks has its place");

    memset(&s, 0, sizeof(s));
    qoe_timeline_begin(tl, LOG_START);
    s.kind = QOE_STRETCH_RENDITION;
    s.start_ms = LOG_START;
    s.bitrate = 400000000;
    s.height = 4320;
    qoe_timeline_add(tl, &s);

    ok(qoe_timeline_stretches(tl, 0, LOG_START + 1, out) == 1
       && out[0].bitrate == 400000000 && out[0].height == 4320,
       "a rendition of 8k with 400 Mbit/s fits");

    s.start_ms = LOG_START + 1;
    s.bitrate = 900000000000;
    s.height = 65535;
    qoe_timeline_add(tl, &s);
    ok(qoe_timeline_stretches(tl, 0, LOG_START + 1, out) == 2
       && out[1].bitrate == 1048512000 && out[1].height == 8190,
       "larger ones are the largest that fit");
}


/* What a part has sent stays, and the rest of the view goes on in the next. */

static void
test_parts(void)
{
    size_t         n;
    stream_t      *t;
    qoe_stretch_t  s[QOE_TIMELINE_ENTRIES];

    t = stream();
    script(t, "0 canplay video_startup_time=0 at=0; 0 playing at=0 "
              "bitrate=800000 video_width=640 video_height=360;"
              "10000..30000 heartbeat at=@");
    quiet(t);
    qoe_timeline_part(&t->timeline, t->v.seen_ms);
    script(t, "40000..50000 heartbeat at=@; end");

    is_shown(t, "0 startup 0; 0 rendition 30000 (800000/360); "
                "0 playing 30000; 30000 rendition 20000 (800000/360); "
                "30000 playing 20000",
             "after a part the stretches go on as others");

    n = qoe_timeline_stretches(&t->timeline, t->timeline.sent,
                               t->v.seen_ms, s);
    ok(n == 2 && s[0].start_ms == LOG_START + 30000,
       "the next part has what came after it");
}


/* Any stretches, in any order, with parts. */

static void
test_random(uint64_t seed, long n)
{
    long                i, k, adds, bad;
    uint64_t            at, ms, sum[QOE_STRETCH_KINDS];
    qoe_view_t          v;
    const char         *wrong;
    qoe_timeline_t      t;
    qoe_stretch_kind_t  kind;

    srand48((long) seed);
    bad = 0;
    printf("# seed %llu\n", (unsigned long long) seed);

    for (i = 0; i < n && bad == 0; i++) {
        qoe_timeline_begin(&t, LOG_START);
        memset(sum, 0, sizeof(sum));
        memset(&v, 0, sizeof(v));
        adds = lrand48() % 300;
        at = 0;

        for (k = 0; k < adds; k++) {
            kind = (qoe_stretch_kind_t) (lrand48() % QOE_STRETCH_KINDS);
            ms = (uint64_t) lrand48() % (lrand48() % 3 ? 3000 : 300000);
            add(&t, kind, at, ms);
            sum[kind] += ms;
            at += (uint64_t) lrand48() % 2 ? ms : 0;

            if (lrand48() % 100 == 0) {
                qoe_timeline_part(&t, LOG_START + at);
            }
        }

        v.playing_ms = sum[QOE_STRETCH_PLAYING];
        v.stalled_ms = sum[QOE_STRETCH_STALL];
        v.seen_ms = LOG_START + at + 1000000000;
        wrong = timeline_wrong(&t, &v);

        if (wrong != NULL) {
            printf("# timeline %ld: %s\n", i, wrong);
            bad++;
        }
    }

    ok(bad == 0, "%ld random timelines keep the sums of playing and stalls, "
       "and no two stretches of a kind overlap", i);
}


int
main(int argc, char **argv)
{
    test_cases();
    test_full();
    test_open();
    test_crowd();
    test_seeks();
    test_seek_clipped();
    test_renditions();
    test_limits();
    test_parts();
    test_random(argc > 1 ? strtoull(argv[1], NULL, 0) : 20261129,
                argc > 2 ? atol(argv[2]) : RANDOM_TIMELINES);

    return tap_end();
}
