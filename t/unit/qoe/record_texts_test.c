
/*
 * Copyright (C) OpenQoE
 *
 * The texts of records of views: ids, dimensions as they were sent, viewers and
 * errors.
 */


#include "record_unit.h"
#include "qoe_delivery.h"


static void
test_texts(void)
{
    lane_t  *l;

    l = lane_of(0);

    l->dims.dim[QOE_DIM_VIDEO_ID].action = QOE_ACTION_DROP;
    l->dims.dim[QOE_DIM_ORG_ID].action = QOE_ACTION_HASH;
    begin(l, 0, OF);
    tell(l, 10000, OF, "ended", "at=10000 player=shaka");
    receive(l);

    ok(is(got.r[0].view_id, VIEW) && is(got.r[0].session_id, SESSION),
       "the ids of a record are those of its events");
    ok(dim_is(0, "video_id", "film") && dim_is(0, "org_id", "acme"),
       "values are those that were sent, not the governed ones");
    ok(dim_is(0, "player_name", "shaka") && dim_is(0, "player_id", "web"),
       "values that are governed as they were sent are there as well");
    ok(dim_is(0, "view_id", "") && dim_is(0, "session_id", ""),
       "ids are no dimensions");
    ok(counter(l, QOE_COUNT_RECORDS_GOVERNED) == 0,
       "no record had to do with governed values");

    begin(l, 20000, "a session/the view/film");
    tell(l, 30000, "a session/the view/film", "ended", "at=10000");
    receive(l);
    ok(is(got.r[1].view_id, "the view")
       && is(got.r[1].session_id, "a session"),
       "ids that are no UUIDs are kept as well");
    ok(got.r[1].viewer_hash.len == 0 && got.r[1].error_type.len == 0,
       "what a view does not have is left out");

    begin(l, 40000, "5E551011-0001-4000-8000-000000000001/"
          "71E30000-0001-4000-8000-000000000001/film");
    tell(l, 50000, "5E551011-0001-4000-8000-000000000001/"
         "71E30000-0001-4000-8000-000000000001/film", "ended", "at=10000");
    begin(l, 60000, "00000000-0000-0000-0000-000000000000/"
          "00000000-0000-0000-0000-000000000000/film");
    tell(l, 70000, "00000000-0000-0000-0000-000000000000/"
         "00000000-0000-0000-0000-000000000000/film", "ended", "at=10000");
    receive(l);
    ok(is(got.r[2].view_id, "71E30000-0001-4000-8000-000000000001")
       && is(got.r[2].session_id, "5E551011-0001-4000-8000-000000000001"),
       "UUIDs in capitals are kept as they were sent");
    ok(is(got.r[3].view_id, "00000000-0000-0000-0000-000000000000")
       && is(got.r[3].session_id, "00000000-0000-0000-0000-000000000000"),
       "so are ids of zeros");
    lane_free(l);
}


/* The hash of a viewer, as the record of a view of that viewer has it. */

static const char *
viewer_of(lane_t *l, int64_t at, const char *data)
{
    char         of[64];
    static char  text[2][64];
    static int   n;

    n = !n;
    snprintf(of, sizeof(of), SESSION "/v%lld/film", (long long) at);
    tell(l, at, of, "playing", data);
    tell(l, at + 1000, of, "heartbeat", "at=1000");
    tell(l, at + 2000, of, "ended", "at=2000");
    got.n = 0;
    receive(l);

    snprintf(text[n], sizeof(text[n]), "%.*s", (int) got.r[0].viewer_hash.len,
             got.r[0].viewer_hash.data);

    return text[n];
}


static void
test_viewer(void)
{
    char     one[64];
    lane_t  *l, *other;

    l = lane_of(0);
    snprintf(one, sizeof(one), "%s", viewer_of(l, 0, "at=0 viewer=ann"));
    ok(strlen(one) == 16 && strspn(one, "0123456789abcdef") == 16,
       "a viewer is a hash of 16 digits, also where later events name none");
    ok(strcmp(viewer_of(l, 10000, "at=0 viewer=ann"), one) == 0,
       "a viewer has the same hash in each record");
    ok(strcmp(viewer_of(l, 20000, "at=0 viewer=bob"), one) != 0,
       "another viewer has another one");
    ok(strcmp(viewer_of(l, 30000, "at=0"), "") == 0,
       "a view without a viewer has none");

    other = lane_of(0);
    ok(strcmp(viewer_of(other, 0, "at=0 viewer=ann"), one) != 0,
       "another zone has another key");
    lane_free(other);
    lane_free(l);

    l = lane_of(0);
    l->conf.fleet.id = 7;
    l->conf.fleet.key = (qoe_hash_key_t) { 1, 2 };
    snprintf(one, sizeof(one), "%s", viewer_of(l, 0, "at=0 viewer=ann"));
    lane_free(l);

    l = lane_of(0);
    l->conf.fleet.id = 7;
    l->conf.fleet.key = (qoe_hash_key_t) { 1, 2 };
    ok(strcmp(viewer_of(l, 0, "at=0 viewer=ann"), one) == 0,
       "the edges of a fleet have the same hash of a viewer");
    l->conf.fleet.key = (qoe_hash_key_t) { 1, 3 };
    ok(strcmp(viewer_of(l, 10000, "at=0 viewer=ann"), one) != 0,
       "with another key of the fleet they have another one");
    lane_free(l);
}


static void
test_errors(void)
{
    lane_t      *l;
    qoe_view_t  *v;

    l = lane_of(0);
    begin(l, 0, OF);
    tell(l, 1000, OF, "error", "error_family=media error_code=3");
    tell(l, 2000, OF, "error", "error_code=404");
    tell(l, 10000, OF, "ended", "at=10000");
    receive(l);
    ok(is(got.r[0].error_type, "unknown") && is(got.r[0].error_code, "404")
       && got.r[0].errors == 2,
       "the error of a view is the last one, unknown if it names no family");

    begin(l, 20000, OF);
    v = qoe_sessions_slot(l->st.sessions[0], 0);
    v->requests.cause = 1 + QOE_CAUSE_ORIGIN;
    tell(l, 30000, OF, "ended", "at=10000");
    receive(l);
    ok(is(got.r[1].stall_cause, "origin") && got.r[1].errors == 0
       && got.r[1].error_type.len == 0 && got.r[1].error_code.len == 0,
       "a view has the cause of its last stall, and no error of another view");

    begin(l, 40000, OF);
    tell(l, 50000, OF, "ended", "at=10000");
    receive(l);
    ok(got.r[2].stall_cause.len == 0, "without a stall there is no cause");
    lane_free(l);
}


/* Where the store has no room for values as sent, the governed ones count. */

static void
test_no_room(void)
{
    char      of[64], data[128];
    lane_t   *l;
    uint32_t  i, n;

    l = lane_new(2 << 20);
    l->conf.records = true;
    l->conf.views = true;
    l->dims.dim[QOE_DIM_NETWORK_COUNTRY_CODE].action = QOE_ACTION_HASH;
    n = qoe_sessions_slots(l->st.sessions[0]);

    for (i = 0; i < n; i++) {
        snprintf(of, sizeof(of), "s%u/v%u/film%u", i, i, i);
        snprintf(data, sizeof(data), "at=0 country=a-long-country-that-takes-"
                 "room-in-the-store-%u title=another-long-title-of-film-%u",
                 i, i);
        tell(l, i, of, "playing", data);
    }

    ok(counter(l, QOE_COUNT_RECORDS_GOVERNED) > 0
       && counter(l, QOE_COUNT_RECORDS_GOVERNED) < n && alive(l) == n,
       "values as sent that find no room are counted (%u of %u)",
       (unsigned) counter(l, QOE_COUNT_RECORDS_GOVERNED), n);
    lane_free(l);
}


int
main(void)
{
    test_texts();
    test_viewer();
    test_errors();
    test_no_room();

    return tap_end();
}
