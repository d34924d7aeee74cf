
/*
 * Copyright (C) OpenQoE
 *
 * The sample: what decoding finds in "data", what custom dimensions are made
 * of, and what of both comes out of a record.
 */


#include "tap.h"
#include "qoe_decode.h"
#include "qoe_number.h"
#include "qoe_record.h"

#include <math.h>


#define NOW        1765976635154

#define HEAD                                                                  \
    "{\"events\":[{\"event_type\":\"playing\",\"event_time\":1765976635154,"  \
    "\"org_id\":\"o\",\"player_id\":\"p\",\"view_id\":\"v\","                 \
    "\"session_id\":\"s\",\"viewer_id\":\"w\","


typedef struct {
    qoe_arena_t          arena;
    qoe_batch_t          batch;
    qoe_event_t         *ev;
} run_t;


static qoe_decode_conf_t  conf = {
    .max_events = QOE_EVENTS_MAX,
    .max_age_ms = 1000,
    .max_ahead_ms = 1000
};


/*
 * A single event with these members after the required ones; ev stays NULL if
 * it is refused.
 */

static void
run(run_t *r, const char *members)
{
    static char  body[8192];

    snprintf(body, sizeof(body), HEAD "%s}]}", members);
    qoe_arena_init(&r->arena, &qoe_mem_heap, 4096, 1 << 20);

    r->ev = (qoe_decode(&r->batch, body, strlen(body), &conf, NOW, &r->arena)
             == QOE_OK) ? r->batch.events : NULL;
}


static void
done(run_t *r)
{
    qoe_arena_free(&r->arena);
}


static int
is(qoe_span_t s, const char *text)
{
    return qoe_span_eq(s, qoe_span_str(text));
}


static void
test_numbers(void)
{
    run_t                    r;
    char                     members[256];
    size_t                   i;
    static const struct {
        const char          *data;
        qoe_number_t         id;
        double               value;      /* NAN: absent */
    } rows[] = {
        { "\"bitrate\":3000000", QOE_NUMBER_BITRATE, 3e6 },
        { "\"bitrate\":-0.5e1", QOE_NUMBER_BITRATE, -5 },
        { "\"bitrate\":\"29.97\"", QOE_NUMBER_BITRATE, 29.97 },
        { "\"bitrate\":\"-1e3\"", QOE_NUMBER_BITRATE, -1000 },
        { "\"bitrate\":\"0\"", QOE_NUMBER_BITRATE, 0 },
        { "\"is_outlier\":true", QOE_NUMBER_IS_OUTLIER, 1 },
        { "\"is_outlier\":false", QOE_NUMBER_IS_OUTLIER, 0 },
        { "\"bitrate\":null", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\"\"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\" 1\"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\"1 \"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\"1\\n\"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\"0x10\"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\"inf\"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\"nan\"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\"1e999\"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\"50/1\"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\"1e\"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":\"-\"", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":[1]", QOE_NUMBER_BITRATE, NAN },
        { "\"bitrate\":{\"bitrate\":1}", QOE_NUMBER_BITRATE, NAN },
        { "\"Bitrate\":1", QOE_NUMBER_BITRATE, NAN },
        { "\"old\":{\"bitrate_kb\":800}", QOE_NUMBER_OLD_BITRATE_KB, 800 },
        { "\"old\":{\"bitrate_kb\":800}", QOE_NUMBER_BITRATE_KB, NAN },
        { "\"old.bitrate_kb\":800", QOE_NUMBER_OLD_BITRATE_KB, NAN },
        { "\"old\":[]", QOE_NUMBER_OLD_BITRATE_KB, NAN },
        { "\"old\":5", QOE_NUMBER_OLD_BITRATE_KB, NAN },
        { "\"buffer_len_ms\":1,\"buffer_length\":2",
          QOE_NUMBER_BUFFER_LENGTH, 1 },
        { "\"buffer_length\":2,\"buffer_len_ms\":1",
          QOE_NUMBER_BUFFER_LENGTH, 1 },
        { "\"buffer_length\":2,\"buffer_len_ms\":\"x\"",
          QOE_NUMBER_BUFFER_LENGTH, 2 },
        { "\"buffer_len_ms\":null,\"buffer_length\":2",
          QOE_NUMBER_BUFFER_LENGTH, 2 },
        { "\"dropped_frames\":3", QOE_NUMBER_DROPPED_FRAMES, 3 },
        { "\"dropped_frames\":{\"time\":9,\"droppedFrames\":4}",
          QOE_NUMBER_DROPPED_FRAMES, 4 },
        { "\"fatal\":false,\"error_context\":{\"fatal\":true}",
          QOE_NUMBER_FATAL, 1 },
        { "\"error_context\":{\"fatal\":\"yes\"},\"fatal\":true",
          QOE_NUMBER_FATAL, 1 },
        { "\"resolution\":{\"width\":1920}",
          QOE_NUMBER_RESOLUTION_WIDTH, 1920 },
        { "\"page_load_time\":7", QOE_NUMBER_PAGE_LOAD_TIME, 7 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(members, sizeof(members), "\"data\":{\"a\":1,%s,\"z\":[]}",
                 rows[i].data);
        run(&r, members);

        ok(r.ev != NULL
           && (r.ev->set >> rows[i].id & 1) == !isnan(rows[i].value)
           && (isnan(rows[i].value)
               || r.ev->number[rows[i].id] == rows[i].value),
           "data with %s gives the number %g", rows[i].data, rows[i].value);

        done(&r);
    }
}


/* Each path of the table is given on its own. */

static void
test_paths(void)
{
    run_t                     r;
    char                      members[256];
    size_t                    i, j, n, bad;
    const char               *dot;

#define PATHS(id, ...)  { __VA_ARGS__ },
    static const char *const  paths[][4] = { QOE_SAMPLE_NUMBERS(PATHS) };
#undef PATHS

    n = 0;
    bad = 0;

    for (i = 0; i < QOE_DATA_NUMBERS; i++) {
        for (j = 0; paths[i][j] != NULL; j++) {
            dot = strchr(paths[i][j], '.');

            if (dot != NULL) {
                snprintf(members, sizeof(members),
                         "\"data\":{\"%.*s\":{\"%s\":%zu}}",
                         (int) (dot - paths[i][j]), paths[i][j], dot + 1,
                         i + 100);
            } else {
                snprintf(members, sizeof(members), "\"data\":{\"%s\":%zu}",
                         paths[i][j], i + 100);
            }

            run(&r, members);
            bad += (r.ev == NULL || r.ev->set != (uint64_t) 1 << i
                    || r.ev->number[i] != (double) (i + 100));
            n++;
            done(&r);
        }
    }

    ok(bad == 0 && n > QOE_DATA_NUMBERS, "each of %zu paths sets its number",
       n);
}


static void
test_texts(void)
{
    run_t                 r;
    char                  members[256];
    size_t                i;
    static const struct {
        const char       *value;
        const char       *text;
    } rows[] = {
        { "\"MEDIA_ERR\"", "MEDIA_ERR" },
        { "\"\"", "" },
        { "403", "403" },
        { "403.0", "403" },
        { "-7", "-7" },
        { "-0", "0" },
        { "0.1", "0.1" },
        { "29.97", "29.97" },
        { "0.30000000000000004", "0.30000000000000004" },
        { "9007199254740992", "9007199254740992" },
        { "1e300", "1e+300" },
        { "-1.7976931348623157e308", "-1.7976931348623157e+308" },
        { "null", "" },
        { "true", "" },
        { "[\"a\"]", "" },
        { "{\"a\":1}", "" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(members, sizeof(members),
                 "\"data\":{\"codec\":\"x\",\"error_code\":%s}",
                 rows[i].value);
        run(&r, members);

        ok(r.ev != NULL
           && is(r.ev->data[QOE_DATA_TEXT_ERROR_CODE], rows[i].text)
           && is(r.ev->data[QOE_DATA_TEXT_CODEC], "x")
           && r.ev->data[QOE_DATA_TEXT_MEDIA_TYPE].len == 0,
           "error_code %s is read as \"%s\"", rows[i].value, rows[i].text);

        done(&r);
    }

    run(&r, "\"data\":null");
    ok(r.ev != NULL && r.ev->set == 0, "an event without data sets no number");
    done(&r);
}


static void
test_parse(void)
{
    size_t                    i;
    qoe_source_t              s;
    static const char *const  bad[] = {
        "", "data", "data.", "data..a", "data.a.", "data.a.b.c", "attribute",
        "attribute.", "event_type", "network", "network.nothing", "Data.a",
        "plan", "data.a.b."
    };

    ok(qoe_source_parse(&s, qoe_span("n"), qoe_span("data.plan")) == QOE_OK
       && s.kind == QOE_SOURCE_DATA && is(s.key, "plan") && s.sub.len == 0
       && is(s.name, "n"), "data.plan names a member of data");
    ok(qoe_source_parse(&s, qoe_span("n"), qoe_span("data.user.plan"))
       == QOE_OK && s.kind == QOE_SOURCE_DATA && is(s.key, "user")
       && is(s.sub, "plan"),
       "data.user.plan names a member of an object in data");
    ok(qoe_source_parse(&s, qoe_span("n"), qoe_span("network.city")) == QOE_OK
       && s.kind == QOE_SOURCE_FIELD && s.field == QOE_FIELD_NETWORK_CITY,
       "network.city names a field of the event");
    ok(qoe_source_parse(&s, qoe_span("n"), qoe_span("env")) == QOE_OK
       && s.kind == QOE_SOURCE_FIELD && s.field == QOE_FIELD_ENV,
       "env names a field at the top of the event");
    ok(qoe_source_parse(&s, qoe_span("n"), qoe_span("attribute.a.b")) == QOE_OK
       && s.kind == QOE_SOURCE_ATTRIBUTE && is(s.key, "a.b"),
       "attribute.a.b names the configured attribute a.b");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(qoe_source_parse(&s, qoe_span("n"), qoe_span_str(bad[i]))
           == QOE_INVALID, "\"%s\" is no source", bad[i]);
    }

    ok(qoe_source_parse(&s, qoe_span("n"), qoe_span_null) == QOE_INVALID,
       "an empty text is no source");
}


/* The value of the dimension of that name; "" if there is none. */

static qoe_span_t
dim_of(const qoe_named_t *dims, size_t n, const char *name)
{
    size_t      i;
    qoe_span_t  value = qoe_span("");

    for (i = 0; i < n; i++) {
        if (is(dims[i].name, name)) {
            value = dims[i].value;
        }
    }

    return value;
}


static void
test_dims(void)
{
    run_t               r;
    char                members[2048], text[600];
    size_t              n;
    qoe_source_t        s[7];
    const qoe_named_t  *dims;
    const qoe_named_t   attrs[] = {
        { qoe_span("tier"), qoe_span("1") }, { qoe_span("none"), qoe_span("") }
    };

    qoe_source_parse(&s[0], qoe_span("plan"), qoe_span("data.plan"));
    qoe_source_parse(&s[1], qoe_span("sub"), qoe_span("data.user.age"));
    qoe_source_parse(&s[2], qoe_span("city"), qoe_span("network.city"));
    qoe_source_parse(&s[3], qoe_span("auto"), qoe_span("player.autoplay"));
    qoe_source_parse(&s[4], qoe_span("tier"), qoe_span("attribute.tier"));
    qoe_source_parse(&s[5], qoe_span("none"), qoe_span("attribute.none"));
    qoe_source_parse(&s[6], qoe_span("plan2"), qoe_span("data.plan"));

    conf.sources = s;
    conf.nsources = 7;

    run(&r, "\"data\":{\"user\":{\"age\":42},\"plan\":true},"
            "\"player\":{\"autoplay\":false}");

    ok(r.ev != NULL && r.ev->ndims == 3
       && is(dim_of(r.ev->dims, 3, "plan"), "true")
       && is(dim_of(r.ev->dims, 3, "plan2"), "true")
       && is(dim_of(r.ev->dims, 3, "sub"), "42"),
       "dimensions are taken from data and from objects in it");

    qoe_event_fill(r.ev, qoe_span("network.city"), qoe_span("Ulm"));

    ok(qoe_source_dims(&dims, &n, r.ev, attrs, 2, &r.arena) == QOE_OK
       && n == 6 && is(dim_of(dims, n, "plan"), "true")
       && is(dim_of(dims, n, "sub"), "42")
       && is(dim_of(dims, n, "city"), "Ulm")
       && is(dim_of(dims, n, "auto"), "false")
       && is(dim_of(dims, n, "tier"), "1")
       && dim_of(dims, n, "none").len == 0,
       "dimensions are taken from fields, filled ones included, and from "
       "attributes");
    done(&r);

    memset(text, 'x', sizeof(text));
    memcpy(text + QOE_SOURCE_LEN - 2, "\xe2\x82\xac", 3);
    text[sizeof(text) - 1] = '\0';
    snprintf(members, sizeof(members), "\"data\":{\"plan\":\"%s\","
             "\"user\":\"\"},\"network\":{\"city\":\"%s\"}", text, text);
    run(&r, members);

    ok(r.ev != NULL && r.ev->ndims == 2
       && r.ev->dims[0].value.len == QOE_SOURCE_LEN - 2
       && qoe_source_dims(&dims, &n, r.ev, NULL, 0, &r.arena) == QOE_OK
       && n == 3 && dim_of(dims, n, "city").len == QOE_SOURCE_LEN - 2,
       "a long dimension is cut before the character that passes the end");
    done(&r);

    run(&r, "\"data\":{\"plan\":\"\",\"user\":[1]}");
    ok(r.ev != NULL && r.ev->ndims == 0 && r.ev->dims == NULL
       && qoe_source_dims(&dims, &n, r.ev, attrs, 0, &r.arena) == QOE_OK
       && n == 0, "a source without a value gives no dimension");
    done(&r);

    conf.sources = NULL;
    conf.nsources = 0;
}


static void
test_cut(void)
{
    size_t                i;
    static const struct {
        const char       *text;
        size_t            max;
        size_t            len;
    } rows[] = {
        { "abc", 3, 3 }, { "abc", 2, 2 }, { "abc", 0, 0 },
        { "\xc3\xa9", 1, 0 }, { "a\xe2\x82\xac", 3, 1 },
        { "a\xe2\x82\xac""b", 4, 4 }, { "\xf0\x9f\x98\x80x", 3, 0 },
        { "\xf0\x9f\x98\x80x", 4, 4 }, { "\x80\x80\x80\x80\x80\x80", 5, 5 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(qoe_text_cut(qoe_span_str(rows[i].text), rows[i].max).len
           == rows[i].len, "text %zu cut at %zu has %zu bytes", i,
           rows[i].max, rows[i].len);
    }
}


/* The sample of the event's record. */

static bool
sample(qoe_sample_t *s, const qoe_event_t *ev, const qoe_record_meta_t *meta,
    qoe_arena_t *arena)
{
    qoe_span_t          packed;
    qoe_record_t        r;
    qoe_record_parts_t  parts;

    return qoe_record_pack(&parts, ev, meta, arena) == QOE_OK
           && qoe_record_join(&packed, &parts, arena) == QOE_OK
           && qoe_record_open(&r, packed) == QOE_OK
           && qoe_record_sample(s, &r, arena) == QOE_OK;
}


/* From the body of a request to the sample of its record. */

static void
test_way(void)
{
    run_t                 r;
    qoe_sample_t          s;
    qoe_record_meta_t     meta;
    const qoe_named_t     attrs[] = { { qoe_span("a"), qoe_span("b") } };

    memset(&meta, 0, sizeof(meta));
    meta.received_ns = 17;
    meta.marker = qoe_span("mk");
    meta.attrs = attrs;
    meta.nattrs = 1;

    run(&r, "\"video\":{\"title\":\"T\\u00e9\",\"id\":\"\"},\"cmcd\":"
            "{\"st\":\"v\"},\"network\":{\"asn\":3320,\"region\":null},"
            "\"data\":{\"media_type\":\"video\",\"bitrate\":1,"
            "\"ttfb_ms\":2.5}");

    ok(r.ev != NULL && sample(&s, r.ev, &meta, &r.arena),
       "an event can be packed and sampled");

    ok(s.type == QOE_EVENT_PLAYING && is(s.type_name, "playing")
       && s.received_ns == 17 && s.time_ms == NOW,
       "a sample keeps type and times");
    ok(is(s.text[QOE_TEXT_ORG_ID], "o") && is(s.text[QOE_TEXT_VIEWER_ID], "w")
       && is(s.text[QOE_TEXT_VIDEO_TITLE], "T\xc3\xa9")
       && is(s.text[QOE_TEXT_CMCD_ST], "v")
       && is(s.text[QOE_TEXT_NETWORK_ASN], "3320")
       && is(s.text[QOE_TEXT_MEDIA_TYPE], "video")
       && is(s.text[QOE_TEXT_MARKER], "mk")
       && s.text[QOE_TEXT_VIDEO_ID].len == 0
       && s.text[QOE_TEXT_NETWORK_REGION].len == 0, "a sample keeps the texts");
    ok(s.set == (1 << QOE_NUMBER_BITRATE | 1 << QOE_NUMBER_TTFB_MS)
       && s.number[QOE_NUMBER_BITRATE] == 1
       && s.number[QOE_NUMBER_TTFB_MS] == 2.5
       && qoe_sample_has(&s, BITRATE) && !qoe_sample_has(&s, QUARTILE),
       "a sample keeps the numbers that the event has");
    ok(s.nattrs == 1 && is(s.attrs[0].name, "a") && is(s.attrs[0].value, "b")
       && s.ndims == 0 && s.dims == NULL,
       "a sample keeps attributes and dimensions");

    qoe_event_fill(r.ev, qoe_span("network.region"), qoe_span("BE"));
    qoe_event_fill(r.ev, qoe_span("video.id"), qoe_span("7"));
    qoe_event_fill(r.ev, qoe_span("network.asn"), qoe_span("1"));
    qoe_event_fill(r.ev, qoe_span("video.duration"), qoe_span("1.5"));
    qoe_event_fill(r.ev, qoe_span("app_name"), qoe_span("tv"));

    ok(sample(&s, r.ev, &meta, &r.arena)
       && is(s.text[QOE_TEXT_NETWORK_REGION], "BE")
       && is(s.text[QOE_TEXT_VIDEO_ID], "7")
       && is(s.text[QOE_TEXT_APP_NAME], "tv")
       && is(s.text[QOE_TEXT_NETWORK_ASN], "3320"),
       "a sample has the fields that were filled because the client left them "
       "empty");
    ok(s.nattrs == 5 && is(dim_of(s.attrs, 5, "a"), "b")
       && is(dim_of(s.attrs, 5, "network.region"), "BE")
       && is(dim_of(s.attrs, 5, "video.id"), "7")
       && is(dim_of(s.attrs, 5, "video.duration"), "1.5")
       && is(dim_of(s.attrs, 5, "app_name"), "tv"),
       "only filled fields and configured attributes are attributes of a "
       "sample");

    r.ev->field[QOE_FIELD_NETWORK_ASN].v.number = 0;
    ok(sample(&s, r.ev, &meta, &r.arena)
       && s.text[QOE_TEXT_NETWORK_ASN].len == 0, "an ASN of 0 is no ASN");

    r.ev->field[QOE_FIELD_NETWORK_ASN].v.number = 1.5;
    ok(sample(&s, r.ev, &meta, &r.arena)
       && s.text[QOE_TEXT_NETWORK_ASN].len == 0, "an ASN of 1.5 is no ASN");

    done(&r);
}


/* Records that another program may have written, or that are damaged. */

static void
test_strange(void)
{
    size_t               i;
    double               numbers[3] = { NAN, INFINITY, 5 };
    qoe_arena_t          arena;
    qoe_event_t          ev;
    qoe_named_t          attrs[2] = {
        { qoe_span(""), qoe_span("n") }, { qoe_span("n"), qoe_span("n") }
    };
    qoe_named_t          dims[QOE_SOURCES_MAX + 1];
    qoe_sample_t         s;
    qoe_record_t         r;
    qoe_record_meta_t    meta;
    qoe_record_head_t    head;

    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);
    memset(&ev, 0, sizeof(ev));
    memset(&meta, 0, sizeof(meta));

    ev.type = QOE_EVENT_CUSTOM;
    ev.type_name = qoe_span("adbreak");

    ok(sample(&s, &ev, &meta, &arena) && s.set == 0
       && s.type == QOE_EVENT_CUSTOM && is(s.type_name, "adbreak")
       && s.nattrs == 0 && s.ndims == 0 && s.text[QOE_TEXT_ORG_ID].len == 0,
       "a custom event without fields gives a sample with only its type");

    memset(&head, 0, sizeof(head));
    memset(&r, 0, sizeof(r));
    head.nnumbers = 3;
    head.set = 7;
    r.head = &head;
    r.numbers = (const char *) numbers;
    r.body = qoe_span("");

    ok(qoe_record_sample(&s, &r, &arena) == QOE_OK && s.set == 4
       && s.number[2] == 5,
       "infinities and NaN are left out of a sample's numbers");

    head.set = UINT64_MAX;
    numbers[0] = 1;
    numbers[1] = 2;
    ok(qoe_record_sample(&s, &r, &arena) == QOE_OK && s.set == 7
       && s.number[0] == 1 && s.number[1] == 2,
       "bits without a number are left out of a sample");

    head.set = (uint64_t) 1 << 63 | 1;
    ok(qoe_record_sample(&s, &r, &arena) == QOE_OK && s.set == 1
       && s.number[0] == 1, "numbers without a bit are left out of a sample");

    for (i = 0; i < QOE_SOURCES_MAX + 1; i++) {
        dims[i] = attrs[i != 0];
    }

    meta.attrs = attrs;
    meta.nattrs = 2;
    ev.dims = dims;
    ev.ndims = QOE_SOURCES_MAX + 1;
    ok(sample(&s, &ev, &meta, &arena) && s.nattrs == 1
       && is(s.attrs[0].name, "n") && s.ndims == QOE_SOURCES_MAX - 1,
       "attributes without a name and dimensions beyond the maximum are left "
       "out");

    qoe_arena_free(&arena);
}


int
main(void)
{
    test_numbers();
    test_paths();
    test_texts();
    test_parse();
    test_dims();
    test_cut();
    test_way();
    test_strange();

    return tap_end();
}
