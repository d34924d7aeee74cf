
/*
 * Copyright (C) OpenQoE
 *
 * Dimensions: their table, their names, and the JSON of CARDINALITY_LIMITS.
 */


#include "tap.h"
#include "qoe_dimension.h"


static void
test_table(void)
{
    size_t            i;
    qoe_action_t      a;
    qoe_dimensions_t  d;

    qoe_dimensions_init(&d);

    ok(d.n == QOE_DIMS_BUILTIN, "there are %zu built-in dimensions", d.n);
    ok(qoe_dimension_find(&d, qoe_span("video_id")) == QOE_DIM_VIDEO_ID
       && d.dim[QOE_DIM_VIDEO_ID].max == 100000
       && d.dim[QOE_DIM_VIDEO_ID].action == QOE_ACTION_ALLOW,
       "a dimension is found by its name");
    ok(qoe_dimension_find(&d, qoe_span("video_i")) == d.n,
       "a part of a name finds no dimension");
    ok(d.dim[QOE_DIM_VIDEO_TITLE].maxlen == 100
       && d.dim[QOE_DIM_VIDEO_TITLE].action == QOE_ACTION_TOPK,
       "video_title has the top 100 values, cut at 100 bytes");

    for (i = 0; i < d.n; i++) {
        if (qoe_dimension_find(&d, d.dim[i].name) != i || d.dim[i].size == 0
            || d.dim[i].ttl_s != 86400
            || (d.dim[i].role == QOE_ROLE_NEVER
                && d.dim[i].action != QOE_ACTION_DROP))
        {
            break;
        }
    }

    ok(i == d.n,
       "no two built-in dimensions have the same name, and each has all its "
       "defaults");

    for (i = QOE_ACTION_ALLOW; i <= QOE_ACTION_DROP; i++) {
        if (qoe_action_find(qoe_action_name((qoe_action_t) i), &a) != QOE_OK
            || a != (qoe_action_t) i)
        {
            break;
        }
    }

    ok(i == QOE_ACTION_DROP + 1, "each action is found by its name");
    ok(qoe_action_find(qoe_span("Allow"), &a) == QOE_INVALID
       && qoe_action_name((qoe_action_t) 17).data == NULL,
       "an unknown action is refused");
}


static void
test_names(void)
{
    char                 longest[65];
    size_t               i;
    static const char   *good[] = { "plan", "_x", "A.b_9", "le2", "jobs" };
    static const char   *bad[] = {
        "", "9a", ".a", "a-b", "a b", "\xc3\xa4", "__name__", "__x", "_.x",
        "le", "quantile", "job", "instance", "otel.scope.name",
        "otel_scope_version", "otel.metric.overflow", "video_id", "video.id",
        "outcome", "a\n"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(qoe_dimension_name_valid(qoe_span_str(good[i])) == QOE_OK,
           "\"%s\" is valid as a dimension's name", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(qoe_dimension_name_valid(qoe_span_str(bad[i])) == QOE_INVALID,
           "invalid dimension name number %zu is refused", i);
    }

    memset(longest, 'a', sizeof(longest));
    ok(qoe_dimension_name_valid((qoe_span_t) { longest, 63 }) == QOE_OK
       && qoe_dimension_name_valid((qoe_span_t) { longest, 64 })
          == QOE_INVALID, "a dimension's name may have 63 bytes, not 64");
}


static qoe_dimension_t
one(const char *name, const char *json)
{
    char              err[256];
    qoe_status_t      rc;
    qoe_dimensions_t  d;

    qoe_dimensions_init(&d);
    d.dim[d.n] = d.dim[QOE_DIM_ENV];
    d.dim[d.n++].name = qoe_span("plan");

    err[0] = '\0';
    rc = qoe_dimensions_json(&d, qoe_span_str(json), 0, err, sizeof(err));
    ok(rc == QOE_OK && err[0] == '\0',
       "the limits %s are accepted: %s", json, err);

    return d.dim[qoe_dimension_find(&d, qoe_span_str(name))];
}


static void
test_good(void)
{
    char              err[64];
    qoe_dimension_t   x;
    qoe_dimensions_t  d, before;

    x = one("video_id", "{\"video_id\":{\"max_cardinality\":5000.0,"
            "\"action\":\"hash\",\"bucket_size\":10}}");
    ok(x.max == 5000 && x.action == QOE_ACTION_HASH && x.size == 10
       && x.ttl_s == 86400 && x.overflow == QOE_OVERFLOW_OTHER,
       "an item of the reference sets all that it names");

    x = one("plan", "{\"plan\":{\"max\":1e3,\"action\":\"topk\",\"ttl\":60,"
            "\"maxlen\":9,\"size\":7,\"overflow\":\"hash\"}}");
    ok(x.max == 1000 && x.action == QOE_ACTION_TOPK && x.ttl_s == 60
       && x.maxlen == 9 && x.size == 7 && x.overflow == QOE_OVERFLOW_HASH,
       "a custom dimension may have every key");

    x = one("org_id", "{\"org_id\":{}}");
    ok(x.max == 1000 && x.action == QOE_ACTION_ALLOW,
       "every key of an item is optional");

    x = one("env", "{}");
    ok(x.max == 10, "an empty object changes nothing");

    x = one("viewer_id", "{\"viewer_id\":{\"action\":\"hash\"}}");
    ok(x.role == QOE_ROLE_NEVER,
       "a dimension that is never an attribute may be hashed");

    x = one("env", "{\"env\":{\"action\":\"drop\",\"max_cardinality\":0}}");
    ok(x.action == QOE_ACTION_DROP && x.max == 0,
       "the action drop needs no max");

    qoe_dimensions_init(&d);
    before = d;

    ok(qoe_dimensions_json(&d, qoe_span("{\"env\":{\"max\":3},"
                                        "\"app_name\":{\"max\":4}}"),
                           (uint64_t) 1 << QOE_DIM_ENV, err, sizeof(err))
       == QOE_OK && d.dim[QOE_DIM_ENV].max == 10
       && d.dim[QOE_DIM_APP_NAME].max == 4,
       "a directive wins over the JSON text");

    d = before;
    ok(qoe_dimensions_json(&d, qoe_span("{\"env\":{\"max\":3},\"x\":{}}"), 0,
                           err, sizeof(err)) == QOE_INVALID
       && memcmp(&d, &before, sizeof(d)) == 0,
       "limits with an error change nothing");

    ok(qoe_dimensions_json(&d, qoe_span("{\"envelope\":{\"max\":3}}"), 0,
                           err, 10) == QOE_INVALID
       && strcmp(err, "unknown d") == 0,
       "a reason that does not fit into its buffer is cut");
    ok(qoe_dimensions_json(&d, qoe_span("7"), 0, NULL, 0) == QOE_INVALID
       && qoe_dimensions_json(&d, qoe_span_null, 0, err, sizeof(err))
          == QOE_INVALID, "a caller without a buffer gets no reason");
}


static void
test_bad(void)
{
    char                 err[256];
    size_t               i;
    qoe_status_t         rc;
    qoe_dimensions_t     d;
    static const struct {
        const char      *json;
        const char      *err;
    } bad[] = {
        { "[]", "must be an object of dimensions, not []" },
        { "\"x\"", "must be an object of dimensions, not \"x\"" },
        { "null", "must be an object of dimensions, not null" },
        { "{\"nope\":{}}", "unknown dimension \"nope\"" },
        { "{\"n\\u00e4\\n\":{}}", "unknown dimension \"n???\"" },
        { "{\"env\":5}", "\"env\": must be an object, not 5" },
        { "{\"env\":{\"maximum\":5}}", "\"env\": unknown key \"maximum\"" },
        { "{\"env\":{\"max\":1,\"max_cardinality\":1}}",
          "\"env\": \"max_cardinality\" is given twice, under two names" },
        { "{\"env\":{\"max_cardinality\":-5}}",
          "\"env\": \"max_cardinality\" must be a whole number from 0 to "
          "1000000, not -5" },
        { "{\"env\":{\"max_cardinality\":1.5}}",
          "\"env\": \"max_cardinality\" must be a whole number from 0 to "
          "1000000, not 1.5" },
        { "{\"env\":{\"max\":1000001}}",
          "\"env\": \"max\" must be a whole number from 0 to 1000000, not "
          "1000001" },
        { "{\"env\":{\"max\":\"10\"}}",
          "\"env\": \"max\" must be a whole number from 0 to 1000000, not "
          "\"10\"" },
        { "{\"env\":{\"max\":null}}",
          "\"env\": \"max\" must be a whole number from 0 to 1000000, not "
          "null" },
        { "{\"env\":{\"max\":0}}",
          "\"env\": \"max_cardinality\" must be at least 1 with the action "
          "\"allow\", not 0" },
        { "{\"env\":{\"ttl\":0}}",
          "\"env\": \"ttl\" must be a whole number from 1 to 31536000, not "
          "0" },
        { "{\"a b~\":{}}", "unknown dimension \"a b~\"" },
        { "{\"a\\u007f\\u001f\\u00e9\":{}}", "unknown dimension \"a????\"" },
        { "{\"env\":{\"bucket_size\":0}}",
          "\"env\": \"bucket_size\" must be a whole number from 1 to "
          "1000000000, not 0" },
        { "{\"env\":{\"size\":[1,2]}}",
          "\"env\": \"size\" must be a whole number from 1 to 1000000000, "
          "not [1,2]" },
        { "{\"env\":{\"maxlen\":257}}",
          "\"env\": \"maxlen\" must be a whole number from 1 to 256, not "
          "257" },
        { "{\"env\":{\"action\":\"keep\"}}",
          "\"env\": \"action\" must be \"allow\", \"topk\", \"hash\", "
          "\"bucket\" or \"drop\", not \"keep\"" },
        { "{\"env\":{\"action\":7}}",
          "\"env\": \"action\" must be \"allow\", \"topk\", \"hash\", "
          "\"bucket\" or \"drop\", not 7" },
        { "{\"env\":{\"overflow\":\"drop\"}}",
          "\"env\": \"overflow\" must be \"other\" or \"hash\", not "
          "\"drop\"" },
        { "{\"viewer_id\":{\"action\":\"allow\"}}",
          "\"viewer_id\": \"action\" must not be \"allow\": this is never an "
          "attribute of a metric" },
        { "{\"env\":{\"overflow\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}",
          "\"env\": \"overflow\" must be \"other\" or \"hash\", not \"aaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..." },
        { "{\"env\":{\"max\":1}", "is not valid JSON: '}' expected near end "
          "of file, line 1 column 16" },
        { "{\"env\":{},\"env\":{}}", "is not valid JSON: duplicate object key "
          "near '\"env\"', line 1 column 15" },
        { "{} x", "is not valid JSON: end of file expected near 'x', line 1 "
          "column 4" }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        qoe_dimensions_init(&d);
        err[0] = '\0';
        rc = qoe_dimensions_json(&d, qoe_span_str(bad[i].json), 0, err,
                                 sizeof(err));

        ok(rc == QOE_INVALID && strcmp(err, bad[i].err) == 0,
           "wrong limits are refused: %s", err);
    }
}


/* A reason in a buffer that is too short for it. */

static void
test_short(void)
{
    char              err[64];
    size_t            size;
    unsigned          right;
    qoe_dimensions_t  d;

    qoe_dimensions_init(&d);
    right = 0;

    for (size = 1; size < 40; size++) {
        memset(err, 0x55, sizeof(err));
        right += qoe_dimensions_json(&d, qoe_span("{\"env\":{\"max\":-1}}"), 0,
                                     err, size) == QOE_INVALID
                 && strlen(err) < size && err[size] == 0x55
                 && strncmp(err, "\"env\": ", qoe_min(size - 1, (size_t) 7))
                    == 0
                 && (size > 20 || strlen(err) == size - 1);
    }

    ok(right == 39, "a reason is cut to the room that there is");

    memset(err, 0x55, sizeof(err));
    ok(qoe_dimensions_json(&d, qoe_span("{\"env\":{\"max\":-1}}"), 0, err, 0)
       == QOE_INVALID && err[0] == 0x55, "without room there is none");
}


int
main(void)
{
    test_table();
    test_names();
    test_good();
    test_bad();
    test_short();

    return tap_end();
}
