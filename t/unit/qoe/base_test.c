
/*
 * Copyright (C) OpenQoE
 *
 * The attributes of an event that are made of several fields: the type of the
 * content, and the stream of a live event.  Also which attributes metrics of
 * each grain have.
 */


#include "tap.h"
#include "qoe_base.h"
#include "qoe_state.h"

#include <sys/mman.h>


#define SIZE               (16 * 1024 * 1024)
#define NOW_S              1900000000


typedef struct {
    qoe_zone_t        *zone;
    qoe_state_t        st;
    qoe_dimensions_t   dims;
    qoe_governor_t     governor;
} place_t;


static void
place_init(place_t *p)
{
    void  *mem;

    mem = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (mem == MAP_FAILED
        || qoe_zone_create(&p->zone, mem, SIZE, 1, true) != QOE_OK)
    {
        abort();
    }

    qoe_state_create(p->zone);

    if (qoe_state_attach(&p->st, p->zone) != QOE_OK) {
        abort();
    }

    qoe_dimensions_init(&p->dims);
    qoe_governor_init(&p->governor, p->st.govern, &p->dims, qoe_proc_self());
}


/* "content_type=...,stream_id=..." as they are among the attributes. */

static const char *
made(place_t *p, const char *st, const char *stream_type)
{
    size_t             len;
    qoe_span_t         name, value;
    static char        text[256];
    bool               known[QOE_GRAINS];
    qoe_labels_t       sets[QOE_GRAINS];
    qoe_sample_t       s;
    qoe_labels_iter_t  it;

    memset(&s, 0, sizeof(s));

    s.text[QOE_TEXT_ORG_ID] = qoe_span("o");
    s.text[QOE_TEXT_VIDEO_ID] = qoe_span("v1");
    s.text[QOE_TEXT_CMCD_ST] = qoe_span_str(st);
    s.text[QOE_TEXT_VIDEO_STREAM_TYPE] = qoe_span_str(stream_type);

    (void) qoe_base_labels(sets, known, &s, &p->governor, NOW_S,
                           NULL);

    qoe_labels_iter(&it, qoe_labels_span(&sets[QOE_GRAIN_COARSE]));
    len = 0;
    text[0] = '\0';

    while (qoe_labels_next(&it, &name, &value)) {

        if (qoe_span_eq(name, qoe_span("content_type"))
            || qoe_span_eq(name, qoe_span("stream_id")))
        {
            len += (size_t) snprintf(text + len, sizeof(text) - len,
                                     "%s%.*s=%.*s", len ? "," : "",
                                     (int) name.len, name.data,
                                     (int) value.len, value.data);
        }
    }

    return text;
}


/* "org_id video_id ...", the names of the set. */

static const char *
names(const qoe_labels_t *set)
{
    size_t             len;
    qoe_span_t         name, value;
    static char        text[512];
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, qoe_labels_span(set));
    len = 0;
    text[0] = '\0';

    while (qoe_labels_next(&it, &name, &value)) {
        len += (size_t) snprintf(text + len, sizeof(text) - len, "%s%.*s",
                                 len ? " " : "", (int) name.len, name.data);
    }

    return text;
}


static void
test_grains(place_t *p)
{
    bool          known[QOE_GRAINS];
    qoe_labels_t  sets[QOE_GRAINS];
    qoe_sample_t  s;

    memset(&s, 0, sizeof(s));

    s.text[QOE_TEXT_ORG_ID] = qoe_span("o");
    s.text[QOE_TEXT_APP_VERSION] = qoe_span("1.0");
    s.text[QOE_TEXT_OS_FAMILY] = qoe_span("iOS");
    s.text[QOE_TEXT_BROWSER_FAMILY] = qoe_span("Safari");
    s.text[QOE_TEXT_PLAYER_NAME] = qoe_span("hls.js");
    s.text[QOE_TEXT_VIDEO_ID] = qoe_span("v1");
    s.text[QOE_TEXT_VIDEO_TITLE] = qoe_span("Film");
    s.text[QOE_TEXT_CMCD_ST] = qoe_span("l");

    (void) qoe_base_labels(sets, known, &s, &p->governor, NOW_S,
                           NULL);

    ok(strcmp(names(&sets[QOE_GRAIN_COARSE]),
              "org_id player_name content_type stream_id") == 0,
       "every metric has the attributes for org, player, content type and "
       "stream");
    ok(strcmp(names(&sets[QOE_GRAIN_TITLED]),
              "org_id player_name video_title content_type stream_id") == 0,
       "titled metrics have the video's title besides");
    ok(strcmp(names(&sets[QOE_GRAIN_HEADLINE]),
              "org_id app_version os_family browser_family player_name "
              "video_id video_title content_type stream_id") == 0,
       "headline metrics have all attributes");

    p->dims.dim[QOE_DIM_APP_VERSION].role = QOE_ROLE_BASE;
    p->dims.dim[QOE_DIM_VIDEO_TITLE].role = QOE_ROLE_FINE;
    (void) qoe_base_labels(sets, known, &s, &p->governor, NOW_S,
                           NULL);

    ok(strcmp(names(&sets[QOE_GRAIN_COARSE]),
              "org_id app_version player_name content_type stream_id") == 0
       && strcmp(names(&sets[QOE_GRAIN_TITLED]),
                 "org_id app_version player_name content_type stream_id")
          == 0,
       "a dimension is an attribute of the metrics that the configuration "
       "names");
}


/* The live page's part is the last one of what all lanes share. */

static void
test_live_place(void)
{
    int          i, good;
    char        *end;
    size_t       size, shared;
    void        *mem;
    qoe_zone_t  *zone;
    qoe_state_t  st;

    for (i = 0, good = 0; i < 32; i++) {
        size = SIZE + (size_t) i * 4096;
        mem = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                   -1, 0);

        if (mem == MAP_FAILED
            || qoe_zone_create(&zone, mem, size, 1, true) != QOE_OK)
        {
            abort();
        }

        qoe_state_create(zone);

        if (qoe_state_attach(&st, zone) != QOE_OK) {
            abort();
        }

        end = qoe_zone_shared(zone, &shared);
        end += shared;

        good += ((uintptr_t) st.live % 64 == 0 && (char *) (st.live + 1) <= end
                 && end - (char *) (st.live + 1) < 64);
        munmap(mem, size);
    }

    ok(good == 32, "the part of the live page is aligned and ends where the "
       "shared memory ends, whatever the size (%d of 32)", good);
}


int
main(void)
{
    size_t               i;
    place_t              p;

    static const struct {
        const char      *st;
        const char      *stream_type;
        const char      *expected;
    } rows[] = {
        { "", "", "" },
        { "v", "", "content_type=vod" },
        { "v", "live", "content_type=vod" },
        { "l", "", "content_type=live,stream_id=v1" },
        { "ll", "vod", "content_type=live,stream_id=v1" },
        { "x", "vod", "content_type=vod" },
        { "", "live", "content_type=live,stream_id=v1" },
        { "", "LIVE", "content_type=live,stream_id=v1" },
        { "", "VoD", "content_type=vod" },
        { "", "dvr", "content_type=dvr" }
    };

    place_init(&p);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(strcmp(made(&p, rows[i].st, rows[i].stream_type),
                  rows[i].expected) == 0,
           "st \"%s\" and stream_type \"%s\" give the content and stream types "
           "of the table", rows[i].st, rows[i].stream_type);
    }

    test_grains(&p);

    munmap(p.zone, SIZE);
    test_live_place();

    return tap_end();
}
