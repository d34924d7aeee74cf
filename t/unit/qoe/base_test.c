
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


/* The value of an attribute in the set; "" if it has none. */

static const char *
value_of(const qoe_labels_t *set, const char *name)
{
    qoe_span_t   value;
    static char  text[64];

    value = qoe_labels_get(qoe_labels_span(set), qoe_span_str(name));
    snprintf(text, sizeof(text), "%.*s", (int) value.len,
             value.len ? value.data : "");

    return text;
}


/* Dimensions that the configuration adds, of which events have some. */

static void
test_custom(place_t *p)
{
    bool           known[QOE_GRAINS];
    uint64_t       hash;
    qoe_labels_t   sets[QOE_GRAINS], sent;
    qoe_named_t    dims[2];
    qoe_sample_t   s;

    p->dims.dim[p->dims.n] = p->dims.dim[QOE_DIM_APP_NAME];
    p->dims.dim[p->dims.n].name = qoe_span("tier");
    p->dims.dim[p->dims.n++].role = QOE_ROLE_FINE;
    p->dims.dim[p->dims.n] = p->dims.dim[QOE_DIM_APP_NAME];
    p->dims.dim[p->dims.n].name = qoe_span("shop");
    p->dims.dim[p->dims.n++].role = QOE_ROLE_FINE;

    /* left there by nothing that counts */

    p->dims.dim[p->dims.n] = p->dims.dim[p->dims.n - 1];
    p->dims.dim[p->dims.n].name = qoe_span("other");

    memset(&s, 0, sizeof(s));
    memset(dims, 0, sizeof(dims));
    s.text[QOE_TEXT_ORG_ID] = qoe_span("o");
    dims[0].name = qoe_span("shop");
    dims[0].value = qoe_span("b7");
    dims[1].name = qoe_span("other");
    dims[1].value = qoe_span("x");
    s.dims = dims;
    s.ndims = 2;

    ok(qoe_base_labels(sets, known, &s, &p->governor, NOW_S, NULL) == 0
       && strcmp(names(&sets[QOE_GRAIN_HEADLINE]), "org_id shop") == 0
       && strcmp(value_of(&sets[QOE_GRAIN_HEADLINE], "shop"), "b7") == 0
       && strcmp(names(&sets[QOE_GRAIN_COARSE]), "org_id") == 0,
       "an event has the added dimensions that it names");

    hash = qoe_base_hash(&s, &p->dims, &p->st.key);
    dims[1].value = qoe_span("y");
    ok(qoe_base_hash(&s, &p->dims, &p->st.key) == hash,
       "what is no dimension does not change the attributes");
    dims[0].value = qoe_span("b8");
    ok(qoe_base_hash(&s, &p->dims, &p->st.key) != hash,
       "another value of an added dimension does");

    s.text[QOE_TEXT_MEDIA_TYPE] = qoe_span("audio");
    hash = qoe_base_hash(&s, &p->dims, &p->st.key);
    s.text[QOE_TEXT_MEDIA_TYPE] = qoe_span("video");
    ok(qoe_base_hash(&s, &p->dims, &p->st.key) == hash,
       "attributes that only points have do not");

    p->dims.dim[p->dims.n - 1].action = QOE_ACTION_HASH;
    s.text[QOE_TEXT_SESSION_ID] = qoe_span("a session");
    s.text[QOE_TEXT_CDN_PROVIDER] = qoe_span("edge");
    s.text[QOE_TEXT_MARKER] = qoe_span("marked");
    sent.len = 0;
    (void) qoe_base_labels(sets, known, &s, &p->governor, NOW_S, &sent);
    ok(strcmp(names(&sent), "cdn_provider shop") == 0
       && strcmp(value_of(&sent, "shop"), "b8") == 0
       && strcmp(value_of(&sent, "cdn_provider"), "edge") == 0,
       "values that the governor changes or drops are kept as they were sent, "
       "but for ids and the device's marker");
    ok(strlen(value_of(&sets[QOE_GRAIN_HEADLINE], "shop")) == 8
       && strcmp(value_of(&sets[QOE_GRAIN_HEADLINE], "cdn_provider"), "")
          == 0, "metrics have the changed value");
}


/* Which sets hold only values that the governor knows. */

static void
test_known(place_t *p)
{
    size_t         i;
    bool           known[QOE_GRAINS];
    qoe_labels_t   sets[QOE_GRAINS];
    qoe_sample_t   s;
    static const struct {
        const char  *claim;
        qoe_dim_t    dim;
        qoe_text_t   text;
        bool         known[QOE_GRAINS];
    } rows[] = {
        { "a hash in every metric makes no set a known one",
          QOE_DIM_ENV, QOE_TEXT_ENV, { false, false, false } },
        { "a hashed title leaves the sets without titles known",
          QOE_DIM_VIDEO_TITLE, QOE_TEXT_VIDEO_TITLE, { true, false, false } },
        { "a hashed video leaves all but that of headline metrics known",
          QOE_DIM_VIDEO_ID, QOE_TEXT_VIDEO_ID, { true, true, false } }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&s, 0, sizeof(s));
        s.text[rows[i].text] = qoe_span("new");
        qoe_dimensions_init(&p->dims);
        p->dims.dim[rows[i].dim].action = QOE_ACTION_HASH;

        (void) qoe_base_labels(sets, known, &s, &p->governor, NOW_S, NULL);

        ok(known[QOE_GRAIN_COARSE] == rows[i].known[QOE_GRAIN_COARSE]
           && known[QOE_GRAIN_TITLED] == rows[i].known[QOE_GRAIN_TITLED]
           && known[QOE_GRAIN_HEADLINE] == rows[i].known[QOE_GRAIN_HEADLINE],
           "%s", rows[i].claim);
    }
}


/* A viewer counts for the pair of org and player as metrics have both. */

static void
test_viewer(place_t *p)
{
    char           buf[QOE_GOVERN_BUF];
    bool           known[QOE_GRAINS], overflow;
    size_t         i, found;
    double         viewers;
    qoe_span_t     org, player;
    qoe_labels_t   sets[QOE_GRAINS];
    qoe_sample_t   s;

    qoe_dimensions_init(&p->dims);
    p->dims.dim[QOE_DIM_ORG_ID].action = QOE_ACTION_HASH;
    p->dims.dim[QOE_DIM_PLAYER_ID].action = QOE_ACTION_HASH;
    p->dims.dim[QOE_DIM_ENV].action = QOE_ACTION_HASH;
    p->dims.dim[QOE_DIM_APP_NAME].action = QOE_ACTION_HASH;

    memset(&s, 0, sizeof(s));
    s.text[QOE_TEXT_ORG_ID] = qoe_span("acme");
    s.text[QOE_TEXT_PLAYER_ID] = qoe_span("web");
    s.text[QOE_TEXT_ENV] = qoe_span("prod");
    s.text[QOE_TEXT_APP_NAME] = qoe_span("app");
    s.text[QOE_TEXT_VIEWER_ID] = qoe_span("ann");
    (void) qoe_base_labels(sets, known, &s, &p->governor, NOW_S, NULL);

    for (i = 0, found = 0;
         qoe_govern_viewers(&p->governor, i, NOW_S, &org, &player, &overflow,
                            &viewers, buf);
         i++)
    {
        if (viewers < 0.5) {
            continue;
        }

        found += !overflow && viewers < 1.5
                 && qoe_span_eq(org, qoe_labels_get(
                                    qoe_labels_span(&sets[0]),
                                    qoe_span("org_id")))
                 && qoe_span_eq(player, qoe_labels_get(
                                    qoe_labels_span(&sets[0]),
                                    qoe_span("player_id")))
                 && org.len == 8 && player.len == 8
                 && !qoe_span_eq(org, player);
    }

    ok(found == 1, "a viewer is counted for the org and the player of metrics");
}


/* An attribute for which a set has no room is left out, and counted. */

static void
test_full(place_t *p)
{
    char           text[QOE_DIMENSION_LEN_MAX];
    size_t         i, left_out;
    bool           known[QOE_GRAINS];
    qoe_named_t    dims[QOE_DIMENSIONS_MAX];
    qoe_labels_t   sets[QOE_GRAINS];
    qoe_sample_t   s;
    static char    name[QOE_DIMENSIONS_MAX][64];

    memset(&s, 0, sizeof(s));
    memset(text, 'x', sizeof(text));

    qoe_dimensions_init(&p->dims);

    for (i = 0; i < QOE_TEXTS; i++) {
        s.text[i] = (qoe_span_t) { text, sizeof(text) };
    }

    for (i = 0; i < QOE_DIMS_BUILTIN; i++) {
        p->dims.dim[i].maxlen = QOE_DIMENSION_LEN_MAX;
        p->dims.dim[i].action = QOE_ACTION_ALLOW;
    }

    for (i = 0; p->dims.n < QOE_DIMENSIONS_MAX; i++) {
        snprintf(name[i], sizeof(name[i]), "a-rather-long-name-of-a-dimension"
                 "-%zu", i);
        p->dims.dim[p->dims.n] = p->dims.dim[QOE_DIM_APP_NAME];
        p->dims.dim[p->dims.n].role = QOE_ROLE_FINE;
        p->dims.dim[p->dims.n++].name = qoe_span_str(name[i]);
        dims[i].name = qoe_span_str(name[i]);
        dims[i].value = (qoe_span_t) { text, sizeof(text) };
    }

    s.dims = dims;
    s.ndims = i;

    left_out = qoe_base_labels(sets, known, &s, &p->governor, NOW_S, NULL);

    for (i = 0; i < s.ndims; i++) {
        left_out -= (value_of(&sets[QOE_GRAIN_HEADLINE], name[i])[0] == '\0');
    }

    ok(left_out == 0
       && value_of(&sets[QOE_GRAIN_HEADLINE], name[0])[0] != '\0'
       && value_of(&sets[QOE_GRAIN_HEADLINE], name[s.ndims - 1])[0] == '\0',
       "attributes without room are counted");
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
    test_custom(&p);
    test_known(&p);
    test_viewer(&p);
    test_full(&p);

    munmap(p.zone, SIZE);
    test_live_place();

    return tap_end();
}
