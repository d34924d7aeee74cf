
/*
 * Copyright (C) OpenQoE
 *
 * Bodies of reports as events: their order, what is refused and counted, limits
 * and memory; then bodies at random, which must always become events that pass
 * as records, with valid JSON.
 */


#include "tap.h"

#include "qoe_cmcd_events.h"
#include "qoe_record.h"

#include <jansson.h>
#include <math.h>


#define NOW      1700000000000LL
#define ROUNDS   20000
#define BODY     2048


static qoe_arena_t        arena;
static qoe_batch_t        batch;
static qoe_cmcd_events_t  extra;
static uint64_t           seed = 17;


static qoe_status_t
decode_span(qoe_span_t body, size_t max)
{
    qoe_custom_type_t  type = { qoe_span("chapter"), QOE_SEVERITY_WARN };
    qoe_decode_conf_t  conf = {
        .max_events = max, .max_age_ms = 86400000, .max_ahead_ms = 300000,
        .types = &type, .ntypes = 1
    };

    qoe_arena_reset(&arena);

    return qoe_cmcd_events(&batch, &extra, body, qoe_span("acme"), &conf, NOW,
                           &arena);
}


static qoe_status_t
decode(const char *body)
{
    return decode_span(qoe_span_str(body), 1000);
}


static double
number(size_t i, qoe_number_t id)
{
    const qoe_event_t  *ev = &batch.events[i];

    if (id >= QOE_NUMBERS_OF_EVENTS) {
        id -= QOE_NUMBERS_OF_EVENTS;
        return ev->reported >> id & 1 ? ev->report[id] : (double) NAN;
    }

    return ev->set >> id & 1 ? ev->number[id] : (double) NAN;
}


static int
field_is(size_t i, qoe_event_field_t field, const char *text)
{
    return qoe_span_eq(batch.events[i].field[field].v.string,
                       qoe_span_str(text));
}


static int
type_is(size_t i, const char *name)
{
    return qoe_span_eq(batch.events[i].type_name, qoe_span_str(name));
}


static void
test_event(void)
{
    json_t  *json;

    ok(decode("cid=\"film\",e=ps,sid=\"s1\",sn=4,sta=r,br=(5000;v 64;a),"
              "pb=(2500;v),st=v,ts=1700000000000,v=2") == QOE_OK
       && batch.nevents == 1 && batch.total == 1 && batch.nrejected == 0,
       "a line is an event");
    ok(batch.events[0].type == QOE_EVENT_STALLSTART && type_is(0, "stallstart")
       && batch.events[0].severity == QOE_SEVERITY_WARN
       && batch.events[0].time_ms == NOW,
       "its type is that of the state, its time is ts");
    ok(field_is(0, QOE_FIELD_ORG_ID, "acme")
       && field_is(0, QOE_FIELD_SESSION_ID, "s1")
       && field_is(0, QOE_FIELD_VIEW_ID, "s1")
       && field_is(0, QOE_FIELD_VIDEO_ID, "film")
       && field_is(0, QOE_FIELD_CMCD_ST, "v"),
       "its ids are the sid, the cid and the org");
    ok(number(0, QOE_NUMBER_REPORT) == QOE_REPORT_STATE
       && number(0, QOE_NUMBER_PLAYER_STATE) == QOE_PLAYER_REBUFFERING
       && number(0, QOE_NUMBER_SEQUENCE) == 4,
       "its state and its number are those of the report");

    json = json_loadb(batch.events[0].raw.data, batch.events[0].raw.len, 0,
                      NULL);
    ok(json != NULL
       && strcmp(json_string_value(json_object_get(json, "event_type")),
                 "stallstart") == 0
       && json_object_size(json_object_get(json, "cmcd")) == 10,
       "its JSON has the whole set");
    json_decref(json);

    ok(decode("e=ps,sid=\"s1\",nr,sta=p,ts=1700000000000") == QOE_OK
       && isnan(number(0, QOE_NUMBER_PLAYER_STATE)),
       "the state of a player that shows nothing is none");
    ok(decode("e=bc,sid=\"s1\",br=(5000;v 64;a),ts=1700000000000") == QOE_OK
       && batch.events[0].type == QOE_EVENT_QUALITYCHANGE
       && number(0, QOE_NUMBER_BITRATE_KB) == 5000,
       "a change of the bitrate has that of the video");
    ok(decode("e=t,sid=\"s1\",br=(5000;v),pb=(2500;v),bl=(900),dfa=7,"
              "ts=1700000000000") == QOE_OK
       && number(0, QOE_NUMBER_BITRATE_KB) == 2500
       && number(0, QOE_NUMBER_BUFFER_LENGTH) == 900
       && number(0, QOE_NUMBER_DROPPED_FRAMES) == 7,
       "a heartbeat has the bitrate that is shown");
    ok(decode("e=b,bg,sid=\"s1\",ts=1700000000000\n"
              "e=b,sid=\"s1\",ts=1700000000000") == QOE_OK
       && batch.events[0].type == QOE_EVENT_MOVEAWAY
       && batch.events[1].type == QOE_EVENT_MOVEBACK,
       "a page that is hidden and shown again");
    ok(decode("e=ce,cen=\"chapter\",sid=\"s1\",ts=1700000000000\n"
              "e=ce,cen=\"playing\",sid=\"s1\",ts=1700000000000\n"
              "e=ce,cen=\"mine\",sid=\"s1\",ts=1700000000000") == QOE_OK
       && type_is(0, "chapter") && type_is(1, "custom_event")
       && type_is(2, "custom_event")
       && batch.events[0].severity == QOE_SEVERITY_WARN,
       "only declared types are names of custom events");
    ok(decode("bsda=(900;v 700;a),bsd=(300;v 200;v 400;a),e=t,sid=\"s1\","
              "ts=1700000000000") == QOE_OK
       && number(0, QOE_NUMBER_STALLED_TOTAL) == 900
       && number(0, QOE_NUMBER_STALLED) == 500,
       "the stalls of one type of media are added up, not those of several");
    ok(decode("e=rr,rc=0,sid=\"s1\",ts=1700000000000\n"
              "e=rr,rc=206,ot=a,sid=\"s1\",ts=1700000000000") == QOE_OK
       && type_is(0, "fragmentfailed") && type_is(1, "fragmentloaded"),
       "a response that never came is a failure");
    ok(decode("e=e,ec=27,sid=\"s1\",ts=1700000000000\n"
              "e=e,ec=(\"a\" \"b\"),sid=\"s1\",ts=1700000000000") == QOE_OK
       && qoe_span_eq(batch.events[0].data[QOE_DATA_TEXT_ERROR_CODE],
                      qoe_span("27"))
       && qoe_span_eq(batch.events[1].data[QOE_DATA_TEXT_ERROR_CODE],
                      qoe_span("a")),
       "the code of an error is the first one, also if it is a number");
    ok(decode("e=t,pt=5000,sid=\"s1\",ts=1700000000000\n"
              "e=t,pt=1700000000000,sid=\"s1\",ts=1700000000000") == QOE_OK
       && batch.events[0].field[QOE_FIELD_PLAYBACK_TIME].v.number == 5000
       && batch.events[1].field[QOE_FIELD_PLAYBACK_TIME].type
          == QOE_VALUE_NONE,
       "a playhead that is a Unix time is no position");
}


/* Where a key of the set is in the event, and where it is not. */

static void
test_places(void)
{
    size_t  i;

    static const qoe_event_field_t  texts[] = {
        QOE_FIELD_VIDEO_ID, QOE_FIELD_CMCD_CID, QOE_FIELD_CMCD_ST,
        QOE_FIELD_CMCD_SF, QOE_FIELD_CMCD_OT
    };

    ok(decode("cid=\"film\",d=4000,e=rr,msd=700,ot=v,rc=206,sf=h,sid=\"s1\","
              "sn=9,st=l,ts=1700000000000,ttfb=30,ttlb=90") == QOE_OK
       && field_is(0, QOE_FIELD_CMCD_SID, "s1")
       && field_is(0, QOE_FIELD_CMCD_CID, "film")
       && field_is(0, QOE_FIELD_CMCD_ST, "l")
       && field_is(0, QOE_FIELD_CMCD_SF, "h")
       && field_is(0, QOE_FIELD_CMCD_OT, "v"),
       "the ids and the types of a report are the event's attributes of CMCD");
    ok(number(0, QOE_NUMBER_FRAG_DURATION) == 4
       && number(0, QOE_NUMBER_START_DELAY) == 700
       && number(0, QOE_NUMBER_RESPONSE_CODE) == 206
       && number(0, QOE_NUMBER_SEQUENCE) == 9
       && number(0, QOE_NUMBER_TTFB) == 30
       && number(0, QOE_NUMBER_TTLB) == 90,
       "the length of a segment is in seconds, and its times as they are sent");

    ok(decode("d=4000,e=t,sid=\"s1\",ts=1700000000000") == QOE_OK
       && isnan(number(0, QOE_NUMBER_FRAG_DURATION))
       && isnan(number(0, QOE_NUMBER_START_DELAY))
       && isnan(number(0, QOE_NUMBER_RESPONSE_CODE))
       && isnan(number(0, QOE_NUMBER_STALLED))
       && isnan(number(0, QOE_NUMBER_BITRATE_KB))
       && isnan(number(0, QOE_NUMBER_PLAYER_STATE)),
       "a number that is not sent is not known");

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (batch.events[0].field[texts[i]].type != QOE_VALUE_NONE) {
            break;
        }
    }

    ok(i == sizeof(texts) / sizeof(texts[0]), "nor is a text");

    ok(decode("e=ps,sid=\"s1\",sta=f,ts=1700000000000\n"
              "e=e,sid=\"s1\",sta=f,ts=1700000000000\n"
              "e=e,sid=\"s1\",sta=p,ts=1700000000000\n"
              "e=t,sid=\"s1\",sta=f,ts=1700000000000") == QOE_OK
       && number(0, QOE_NUMBER_FATAL) == 0
       && number(1, QOE_NUMBER_FATAL) == 0
       && isnan(number(2, QOE_NUMBER_FATAL))
       && isnan(number(3, QOE_NUMBER_FATAL)),
       "an error of a player that failed does not end its view, for the state "
       "says how it goes on");
}


/* The type of each report, by its event, its state and its code. */

static void
test_types(void)
{
    char    line[160];
    size_t  i;

    static const struct { const char *keys; const char *type; }  rows[] = {
        { "e=ps,sta=d", "playerready" }, { "e=ps,sta=s", "viewstart" },
        { "e=ps,sta=p", "playing" }, { "e=ps,sta=k", "seek" },
        { "e=ps,sta=r", "stallstart" }, { "e=ps,sta=w", "waitstart" },
        { "e=ps,sta=a", "pause" }, { "e=ps,sta=e", "ended" },
        { "e=ps,sta=f", "error" }, { "e=ps,sta=q", "playbackdetached" },
        { "e=ps", "state" }, { "e=ps,nr,sta=d", "state" },
        { "e=t", "heartbeat" }, { "e=e", "error" }, { "e=bc", "qualitychange" },
        { "e=pr", "playbackratechange" }, { "e=m", "playbackvolumechange" },
        { "e=um", "playbackvolumechange" }, { "e=c", "content_change" },
        { "e=h", "host_change" }, { "e=as", "ad_start" },
        { "e=ae", "ad_end" }, { "e=abs", "ad_break_start" },
        { "e=abe", "ad_break_end" }, { "e=sk", "ad_skip" },
        { "e=pe", "player_expand" }, { "e=pc", "player_collapse" },
        { "e=rr", "fragmentloaded" }, { "e=rr,rc=99", "fragmentfailed" },
        { "e=rr,rc=100", "fragmentloaded" },
        { "e=rr,rc=399", "fragmentloaded" },
        { "e=rr,rc=400", "fragmentfailed" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(line, sizeof(line), "%s,sid=\"s1\",ts=1700000000000",
                 rows[i].keys);
        ok(decode(line) == QOE_OK && type_is(0, rows[i].type)
           && qoe_span_eq(qoe_event_type_name(batch.events[0].type),
                          qoe_span_str(rows[i].type))
              == (batch.events[0].type != QOE_EVENT_CUSTOM),
           "a report of \"%s\" is of type %s", rows[i].keys, rows[i].type);
    }

    ok(decode("e=ps,sta=p,br=(900;v),pb=(700;v),bl=(5),dfa=3,sid=\"s1\","
              "ts=1700000000000\n"
              "e=ps,sta=a,br=(900;v),pb=(700;v),sid=\"s1\","
              "ts=1700000000000\n"
              "e=bc,br=(900;v),pb=(700;v),sid=\"s1\",ts=1700000000000\n"
              "e=t,br=(900;v),pb=(0;v),sid=\"s1\",ts=1700000000000")
       == QOE_OK
       && number(0, QOE_NUMBER_BITRATE_KB) == 700
       && isnan(number(0, QOE_NUMBER_BUFFER_LENGTH))
       && isnan(number(0, QOE_NUMBER_DROPPED_FRAMES))
       && isnan(number(1, QOE_NUMBER_BITRATE_KB))
       && number(2, QOE_NUMBER_BITRATE_KB) == 900
       && number(3, QOE_NUMBER_BITRATE_KB) == 900
       && isnan(number(3, QOE_NUMBER_DROPPED_FRAMES)),
       "what plays has the bitrate that is shown, else the one selected");
    ok(decode("e=pr,pr=1.5,sid=\"s1\",ts=1700000000000\n"
              "e=pr,sid=\"s1\",ts=1700000000000\n"
              "e=t,pr=1.5,sid=\"s1\",ts=1700000000000") == QOE_OK
       && number(0, QOE_NUMBER_PLAYBACK_RATE) == 1.5
       && number(1, QOE_NUMBER_PLAYBACK_RATE) == 1
       && isnan(number(2, QOE_NUMBER_PLAYBACK_RATE))
       && field_is(0, QOE_FIELD_PLAYER_ID, "cmcd"),
       "a change of the rate has the rate, which is 1 if none is sent");

    for (i = 0; i < 4; i++) {
        static const char *const  ots[] = { "v", "av", "a", "m" };
        static const char *const  media[] = { "video", "video", "audio", "" };

        snprintf(line, sizeof(line), "e=rr,ot=%s,sid=\"s1\",ts=1700000000000",
                 ots[i]);
        ok(decode(line) == QOE_OK
           && qoe_span_eq(batch.events[0].data[QOE_DATA_TEXT_MEDIA_TYPE],
                          qoe_span_str(media[i]))
           && field_is(0, QOE_FIELD_CMCD_OT, ots[i]),
           "an object of type %s is of media \"%s\"", ots[i], media[i]);
    }
}


static void
test_order(void)
{
    ok(decode("e=t,sid=\"a\",sn=3,ts=1700000000001\n"
              "e=t,sid=\"a\",sn=1,ts=1700000000003\n"
              "e=t,sid=\"a\",sn=2,ts=1700000000002\n"
              "e=t,sid=\"b\",sn=0,ts=1700000000000\n"
              "e=t,sid=\"b\",ts=1699999999999\n"
              "e=t,sid=\"b\",sn=9,ts=1700000000000\n"
              "e=t,sid=\"b\",sn=8,ts=1700000000000\r\n\n") == QOE_OK
       && batch.nevents == 7
       && number(0, QOE_NUMBER_SEQUENCE) == 1
       && number(1, QOE_NUMBER_SEQUENCE) == 2
       && number(2, QOE_NUMBER_SEQUENCE) == 3
       && number(3, QOE_NUMBER_SEQUENCE) == 0
       && isnan(number(4, QOE_NUMBER_SEQUENCE))
       && number(5, QOE_NUMBER_SEQUENCE) == 8
       && number(6, QOE_NUMBER_SEQUENCE) == 9,
       "consecutive reports of a session are in the order of their numbers, "
       "whatever their times");
}


static void
test_refused(void)
{
    char    *many;
    size_t   i, len;
    FILE    *out;

    ok(decode("nonsense\ne=t,sid=\"s\",ts=1700000000000\ne=t,ts=1\n"
              "e=t,sid=\"s\",ts=1700000000001,v=3") == QOE_OK
       && batch.nevents == 1 && batch.total == 4 && batch.nrejected == 3
       && batch.nerrors == 3 && batch.errors[0].event == 0
       && batch.errors[1].event == 2 && batch.errors[2].event == 3
       && extra.ignored[QOE_CMCD_VERSION] == 1,
       "a broken line does not take the others, and errors name the lines");
    ok(strcmp(batch.errors[1].reason, "ts is older than 24 hours") == 0,
       "a report of another century is refused with the reason");
    ok(decode("e=t,ts=1700000000\n") == QOE_INVALID
       && strstr(batch.errors[0].reason, "looks like seconds") != NULL,
       "a time in seconds is refused as such");
    ok(decode("e=t,ts=1700000000000\ne=t,sid=\"\",ts=1700000000000") == QOE_OK
       && batch.nevents == 0 && batch.total == 0 && extra.no_sid == 2
       && extra.ignored[QOE_CMCD_NO_SID] == 2,
       "reports without a session are counted, and are no events");
    ok(decode("") == QOE_INVALID && decode("\n \r\n") == QOE_INVALID
       && batch.nerrors == 1 && batch.errors[0].event == QOE_DECODE_BODY,
       "a body without a report is refused as a whole");

    out = open_memstream(&many, &len);
    for (i = 0; i < 10000; i++) {
        fprintf(out, "e=t,sid=\"s\",sn=%zu,ts=1700000000000\n", 10000 - i);
    }
    fclose(out);

    ok(decode_span((qoe_span_t) { many, len }, 100) == QOE_OK
       && batch.nevents == 100 && batch.total == 10000
       && batch.nrejected == 9900 && batch.nerrors == QOE_DECODE_ERRORS_MAX
       && number(0, QOE_NUMBER_SEQUENCE) == 9901,
       "lines that are too many are refused one by one");
    ok(arena.used < 100 * (sizeof(qoe_event_t) * 3 + 2048),
       "and take no memory: %zu bytes for 100 of 10,000 lines", arena.used);

    memset(many, 'x', len);
    ok(decode_span((qoe_span_t) { many, len }, 100) == QOE_INVALID
       && strstr(batch.errors[0].reason, "too long") != NULL,
       "a line without an end is too long");
    free(many);
}


static uint64_t
below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed * 0x2545f4914f6cdd1dULL % n;
}


/* Reports, some of whose bytes are others. */

static size_t
random_body(char *body)
{
    size_t  i, n, len;

    static const char *const  piece[] = {
        "e=ps", "e=t", "e=rr", "e=e", "e=ce", "e=zz", "sta=p", "sta=r",
        "sta=x", "sid=\"s1\"", "sid=\"s2\"", "cid=\"a\\\"b\"",
        "cen=\"chapter\"", "sn=5", "sn=4", "ts=1700000000000",
        "ts=1699999999000", "ts=17", "v=2", "v=3", "br=(5000;v 64;a)",
        "bl=(1;zz)", "ec=(\"x\" \"y\")", "ec=27", "msd=3", "bsda=(1;v 2;v)",
        "ttfb=1795907111344", "ttlb=5", "rc=0", "pr=1.5", "nr", "bg",
        "pt=99999999999999", "com.x-y=\"\xc3\xa9\"", "url=\"\x01\"", "\n",
        "\n", "\r\n", "dfa=3", "pb=(967.662)", "nor=(\"a\";r=\"0-9\")"
    };

    for (len = 0, n = below(60); n > 0; n--) {
        i = below(sizeof(piece) / sizeof(piece[0]));
        len += (size_t) snprintf(body + len, BODY - len, "%s%s",
                                 below(8) ? "," : "", piece[i]);
        len = qoe_min(len, (size_t) BODY - 1);
    }

    for (n = below(4) ? 0 : below(8); n > 0 && len > 0; n--) {
        body[below(len)] = (char) below(256);
    }

    return len;
}


static int
sound(const qoe_event_t *ev)
{
    int                   good;
    json_t               *json;
    qoe_span_t            packed;
    qoe_record_t          record;
    qoe_sample_t          sample;
    qoe_record_meta_t     meta;
    qoe_record_parts_t    parts;

    memset(&meta, 0, sizeof(meta));

    json = json_loadb(ev->raw.data, ev->raw.len, JSON_ALLOW_NUL, NULL);
    good = json != NULL
           && qoe_record_pack(&parts, ev, &meta, &arena) == QOE_OK
           && qoe_record_join(&packed, &parts, &arena) == QOE_OK
           && qoe_record_open(&record, packed) == QOE_OK
           && qoe_record_sample(&sample, &record, &arena) == QOE_OK
           && sample.time_ms == ev->time_ms && qoe_sample_has(&sample, REPORT)
           && sample.text[QOE_TEXT_SESSION_ID].len != 0
           && sample.type == ev->type;
    json_decref(json);

    return good;
}


static void
test_random(void)
{
    int           bad;
    char         *exact, body[BODY];
    size_t        i, round, len, events;
    qoe_status_t  rc;

    bad = 0;
    events = 0;

    for (round = 0; round < ROUNDS; round++) {
        len = random_body(body);

        /* memory of that size, so that a sanitizer sees reads beyond it */

        exact = malloc(len + (len == 0));
        memcpy(exact, body, len);

        rc = decode_span((qoe_span_t) { exact, len }, 1 + below(20));
        bad += rc != QOE_OK && rc != QOE_INVALID;
        bad += batch.total != batch.nevents + batch.nrejected;

        for (i = 0; rc == QOE_OK && i < batch.nevents; i++) {
            bad += !sound(&batch.events[i]);
        }

        events += rc == QOE_OK ? batch.nevents : 0;
        free(exact);
    }

    ok(bad == 0 && events > ROUNDS / 10,
       "%d random bodies give %zu events, which all pass as records", ROUNDS,
       events);
}


static void
test_memory(void)
{
    size_t        max, made, wrong;
    qoe_arena_t   small;
    qoe_status_t  rc;

    qoe_decode_conf_t  conf = {
        .max_events = 10, .max_age_ms = 86400000, .max_ahead_ms = 300000
    };

    static const char  body[] = "e=t,sid=\"s\",sn=2,ts=1700000000000\n"
                                "e=t,sid=\"s\",sn=1,ts=1700000000000";

    made = wrong = 0;

    for (max = 256; max < 32768; max += 64) {
        qoe_arena_init(&small, &qoe_mem_heap, 256, max);
        rc = qoe_cmcd_events(&batch, &extra, qoe_span(body), qoe_span_null,
                             &conf, NOW, &small);
        qoe_arena_free(&small);

        made += (rc == QOE_OK);
        wrong += (rc == QOE_OK) ? batch.nevents != 2 : rc != QOE_NOMEM;
    }

    ok(made > 0 && made < 500 && wrong == 0,
       "too little memory is an error, whenever it runs out, and no report is "
       "left out for want of it");
}


int
main(void)
{
    qoe_arena_init(&arena, &qoe_mem_heap, 65536, 64 * 1024 * 1024);

    test_event();
    test_places();
    test_types();
    test_order();
    test_refused();
    test_random();
    test_memory();

    qoe_arena_free(&arena);

    return tap_end();
}
