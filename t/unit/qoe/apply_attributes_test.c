
/*
 * Copyright (C) OpenQoE
 *
 * How long governed attributes are reused, what a file of allowed values
 * changes, what becomes of attributes that a killed writer has left, and
 * that groups of metrics that are off make nothing.
 */


#include "apply_unit.h"


#define SIZE  (16 * 1024 * 1024)


/* Events that name a country, or an error's code. */

static void
from(lane_t *l, int64_t at, const char *of, const char *country)
{
    char  data[64];

    snprintf(data, sizeof(data), "country=%s", country);
    tell(l, at, of, "fpsdrop", data);
}


static void
fails(lane_t *l, int64_t at, const char *code)
{
    char  data[64];

    snprintf(data, sizeof(data), "error_code=%s", code);
    tell(l, at, "s/a/v", "error", data);
}


static double
events(lane_t *l, const char *country)
{
    return total_with(l, QOE_METRIC_EVENTS_TOTAL, country);
}


static double
errors(lane_t *l, const char *code)
{
    size_t  count;

    return total_of(l, QOE_METRIC_ERRORS_TOTAL, code, &count);
}


/* Two places for countries and codes, which others have. */

static lane_t *
lane_of(void)
{
    lane_t  *l;

    l = lane_new(SIZE);
    l->dims.dim[QOE_DIM_NETWORK_COUNTRY_CODE].max = 1;
    l->dims.dim[QOE_DIM_ERROR_CODE].max = 1;
    from(l, 0, "first/a/v", "DE");
    tell(l, 0, "first/a/v", "error", "country=DE error_code=1000");

    return l;
}


static void
test_fresh(void)
{
    lane_t  *l;

    l = lane_of();
    from(l, 1000, "s/a/v", "FR");
    ok(events(l, "DE") == 2 && events(l, "other") == 1
       && events(l, "FR") == 0,
       "a value without a place is another one");

    l->dims.dim[QOE_DIM_NETWORK_COUNTRY_CODE].max = 10;
    from(l, 60999, "s/a/v", "FR");
    ok(events(l, "FR") == 0, "a view keeps its attributes for a minute");
    from(l, 61000, "s/a/v", "FR");
    ok(events(l, "FR") == 1 && events(l, "other") == 2,
       "after a minute the governor is asked again");
    from(l, 62000, "s/a/v", "IT");
    ok(events(l, "IT") == 1, "for other values it is asked at once");
    lane_free(l);

    l = lane_of();
    fails(l, 1000, "2000");
    ok(errors(l, "1000") == 1 && errors(l, "other") == 1
       && errors(l, "2000") == 0,
       "so it is with the attributes of a single point");

    l->dims.dim[QOE_DIM_ERROR_CODE].max = 10;
    fails(l, 60999, "2000");
    ok(errors(l, "2000") == 0, "they are kept for a minute");
    fails(l, 61000, "2000");
    ok(errors(l, "2000") == 1 && errors(l, "other") == 2,
       "after a minute the governor is asked again");
    lane_free(l);
}


/* A file that changes is looked at before the minute is over. */

static void
test_roster(void)
{
    lane_t             *l;
    qoe_roster_slot_t   countries, codes;

    memset(&countries, 0, sizeof(countries));
    memset(&codes, 0, sizeof(codes));
    countries.maxlen = codes.maxlen = 128;
    lane_roster(&countries, "IT\n");
    lane_roster(&codes, "3000\n");

    l = lane_of();
    l->dims.dim[QOE_DIM_NETWORK_COUNTRY_CODE].roster = &countries;
    l->dims.dim[QOE_DIM_ERROR_CODE].roster = &codes;

    from(l, 1000, "s/a/v", "IT");
    from(l, 2000, "t/a/v", "FR");
    ok(events(l, "IT") == 1 && events(l, "FR") == 0 && events(l, "other") == 1,
       "a value of the file needs no place, others do");

    lane_roster(&countries, "IT\nFR\n");
    from(l, 3000, "t/a/v", "FR");
    ok(events(l, "FR") == 1 && events(l, "other") == 1,
       "a value that the file allows later is there with the next event");

    fails(l, 4000, "3000");
    fails(l, 5000, "4000");
    ok(errors(l, "3000") == 1 && errors(l, "4000") == 0,
       "so it is with the attributes of a single point");
    lane_roster(&codes, "4000\n");
    fails(l, 6000, "4000");
    fails(l, 7000, "3000");
    ok(errors(l, "4000") == 1 && errors(l, "3000") == 1
       && errors(l, "other") == 2, "and with a value that leaves the file");

    lane_free(l);
    qoe_roster_free(countries.roster);
    qoe_roster_free(codes.roster);
}


static void
test_groups(void)
{
    size_t            i;
    lane_t           *l;
    uint32_t          started, completed;
    qoe_live_read_t  *got;

    got = malloc(sizeof(qoe_live_read_t));

    if (got == NULL) {
        abort();
    }

    l = lane_new(SIZE);
    l->conf.groups = QOE_GROUP_RULES;
    tell(l, 0, "s/a/v", "canplay", "video_startup_time=0 at=0");
    tell(l, 0, "s/a/v", "playing", "at=0");
    beats(l, 10000, 20000, "s/a/v", 0);
    tell(l, 21000, "s/a/v", "ended", "at=21000");

    qoe_live_read(got, l->st.live, l->st.live_lane, l->st.lanes,
                  lane_ns(21000));
    ok(total(l, QOE_METRIC_EVENTS_TOTAL) == 0
       && total(l, QOE_METRIC_VIEWS_TOTAL) == 0
       && total(l, QOE_METRIC_VIDEO_STARTUP_TIME) == 0,
       "groups of metrics that are off make no series");
    ok(total(l, QOE_METRIC_VIEW_STARTED_TOTAL) == 1,
       "those that are on make theirs");

    for (i = 0, started = 0, completed = 0; i < QOE_LIVE_KEPT; i++) {
        started += got->count[i][QOE_LIVE_STARTED];
        completed += got->count[i][QOE_LIVE_COMPLETED];
    }

    ok(started == 1 && completed == 1,
       "the live page shows the view whatever the groups");
    lane_free(l);
    free(got);
}


/* A writer may be killed between the release of a block and its last name. */

static void
test_gone(void)
{
    lane_t            *l;
    uint32_t           blocks;
    qoe_view_t        *v;
    qoe_store_info_t   info;

    l = lane_new(SIZE);
    tell(l, 0, "s/a/v", "playing", "at=0 country=DE");
    tell(l, 10000, "s/a/v", "heartbeat", "at=10000 country=DE");
    qoe_store_info(l->st.store[0], &info);
    blocks = (uint32_t) info.blocks;

    v = qoe_sessions_slot(l->st.sessions[0], 0);
    v->titled = v->sent = v->ids = v->error = 0x7ffffff0;
    lane_hold(l, true);
    ok(v->titled == 0 && v->sent == 0 && v->ids == 0 && v->error == 0
       && v->base != 0 && v->fine != 0 && v->base_key == 0,
       "of attributes that no longer exist nothing is kept, of others all is");

    tell(l, 20000, "s/a/v", "heartbeat", "at=20000 country=DE");
    qoe_store_info(l->st.store[0], &info);
    ok(v->titled != 0 && events(l, "DE") == 3 && events(l, "overflow") == 0
       && info.blocks <= blocks + 1,
       "the next event brings them again");
    lane_free(l);
}


/* A set of attributes that is full leaves out the rest, which is counted. */

static void
test_left_out(void)
{
    char            value[QOE_DIMENSION_LEN_MAX], none[1];
    size_t          i;
    lane_t         *l;
    qoe_sample_t    s;
    qoe_named_t     dims[QOE_DIMENSIONS_MAX];
    static char     name[QOE_DIMENSIONS_MAX][64];

    l = lane_new(SIZE);
    memset(value, 'x', sizeof(value));
    none[0] = '\0';
    make_sample(&s, "fpsdrop", LOG_START, LOG_START, none);

    for (i = 0; i < QOE_TEXTS; i++) {
        s.text[i] = (qoe_span_t) { value, sizeof(value) };
    }

    for (i = 0; i < QOE_DIMS_BUILTIN; i++) {
        l->dims.dim[i].maxlen = QOE_DIMENSION_LEN_MAX;
        l->dims.dim[i].action = QOE_ACTION_ALLOW;
    }

    for (i = 0; l->dims.n < QOE_DIMENSIONS_MAX; i++) {
        snprintf(name[i], sizeof(name[i]), "a-rather-long-name-of-a-dimension"
                 "-%zu", i);
        l->dims.dim[l->dims.n] = l->dims.dim[QOE_DIM_APP_NAME];
        l->dims.dim[l->dims.n].role = QOE_ROLE_FINE;
        l->dims.dim[l->dims.n++].name = qoe_span_str(name[i]);
        dims[i].name = qoe_span_str(name[i]);
        dims[i].value = (qoe_span_t) { value, sizeof(value) };
    }

    s.dims = dims;
    s.ndims = i;
    lane_apply(l, &s);
    ok(counted(l, QOE_COUNT_VALUES_IGNORED) > 0
       && counted(l, QOE_COUNT_VALUES_IGNORED) < i,
       "values that a set has no room for are counted (%u of %zu)",
       (unsigned) counted(l, QOE_COUNT_VALUES_IGNORED), i);
    lane_free(l);
}


/* Ids are those of an organization. */

static void
test_orgs(void)
{
    lane_t  *l;

    l = lane_new(SIZE);
    tell(l, 0, "s/v/m", "playing", "at=0");
    beats(l, 10000, 10000, "s/v/m", 0);
    l->org = "umbrella";
    tell(l, 0, "s/v/m", "playing", "at=0");
    beats(l, 10000, 10000, "s/v/m", 0);
    ok(alive(l) == 2 && counted(l, QOE_COUNT_EVENTS_DUPLICATE) == 0,
       "the same session_id of two organizations is two sessions");
    tell(l, 20000, "s/v/m", "ended", "at=20000");
    l->org = NULL;
    tell(l, 30000, "s/v/m", "ended", "at=30000");
    ok(came_to(l, 2, 2, 0, 50000)
       && total_with(l, QOE_METRIC_PLAYING_TIME_SECONDS, "umbrella") == 20
       && total_with(l, QOE_METRIC_PLAYING_TIME_SECONDS, "acme") == 30,
       "each with its view");
    lane_free(l);
}


int
main(void)
{
    test_orgs();
    test_fresh();
    test_roster();
    test_groups();
    test_gone();
    test_left_out();

    return tap_end();
}
