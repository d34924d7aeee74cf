
/*
 * Copyright (C) OpenQoE
 *
 * The table of fields: every field is in the group that its parent names, and
 * no key occurs twice.  Why a time is refused, in words.
 */


#include "tap.h"
#include "qoe_schema.h"

#include <string.h>


#define AHEAD(ms)          ahead(ms, buf, sizeof(buf))
#define OLDER(ms)          older(ms, buf, sizeof(buf))


static const char *
ahead(uint64_t ms, char *buf, size_t size)
{
    qoe_decode_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.max_ahead_ms = ms;
    conf.max_age_ms = 7;

    return qoe_schema_ahead(buf, size, &conf);
}


static const char *
older(uint64_t ms, char *buf, size_t size)
{
    qoe_decode_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.max_ahead_ms = 7;
    conf.max_age_ms = ms;

    return qoe_schema_older(buf, size, &conf, 5, 6000, 7000);
}


static void
test_table(void)
{
    size_t                     i, k, wrong, twice, empty;
    const qoe_schema_field_t  *f;
    const qoe_schema_group_t  *g;

    wrong = 0;
    twice = 0;
    empty = 0;

    for (i = 0; i < QOE_SCHEMA_TOP_END; i++) {
        wrong += (qoe_schema_fields[i].parent != NULL);
    }

    for (k = 0; k < QOE_SCHEMA_GROUPS; k++) {
        g = &qoe_schema_groups[k];
        empty += (g->first >= g->end || g->key.len == 0);

        wrong += (g->first != (k ? g[-1].end : (size_t) QOE_SCHEMA_TOP_END));

        for (i = g->first; i < g->end; i++) {
            f = &qoe_schema_fields[i];
            wrong += (f->parent == NULL
                      || !qoe_span_eq(qoe_span_str(f->parent), g->key));
        }
    }

    wrong += (qoe_schema_groups[QOE_SCHEMA_GROUPS - 1].end != QOE_FIELDS);

    ok(wrong == 0,
       "each field is among those of the object that its parent names");
    ok(empty == 0, "each group has a name and at least one field");

    for (i = 0; i < QOE_FIELDS; i++) {
        for (k = 0; k < i; k++) {
            twice += qoe_schema_fields[i].parent == qoe_schema_fields[k].parent
                     && qoe_span_eq(qoe_schema_fields[i].key,
                                    qoe_schema_fields[k].key);
        }
    }

    ok(twice == 0, "no object has two fields of one key");
}


static void
test_durations(void)
{
    char    buf[80];
    size_t  i, wrong;

    static const struct {
        uint64_t     ms;
        const char  *text;
    } cases[] = {
        { 0, "0 milliseconds" },
        { 1, "1 millisecond" },
        { 2, "2 milliseconds" },
        { 999, "999 milliseconds" },
        { 1000, "1 second" },
        { 1001, "1001 milliseconds" },
        { 2000, "2 seconds" },
        { 59000, "59 seconds" },
        { 60000, "1 minute" },
        { 60001, "60001 milliseconds" },
        { 61000, "61 seconds" },
        { 120000, "2 minutes" },
        { 3599000, "3599 seconds" },
        { 3600000, "1 hour" },
        { 3660000, "61 minutes" },
        { 7200000, "2 hours" },
        { 7201000, "7201 seconds" },
        { 90000000, "25 hours" }
    };

    wrong = 0;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char  want[120];

        snprintf(want, sizeof(want), "is more than %s in the future",
                 cases[i].text);
        wrong += strcmp(AHEAD(cases[i].ms), want) != 0;

        snprintf(want, sizeof(want), "is older than %s", cases[i].text);
        wrong += strcmp(OLDER(cases[i].ms), want) != 0;

        if (wrong != 0) {
            break;
        }
    }

    ok(wrong == 0, "a duration is in the largest unit that divides it%s%s",
       wrong ? ", but not " : "", wrong ? cases[i].text : "");
}


/* The range of milliseconds is 6,000 to 7,000. */

static void
test_seconds(void)
{
    char               buf[80];
    size_t             i, wrong;
    const char        *text;
    qoe_decode_conf_t  conf;

    static const struct {
        double  t;
        bool    seconds;
    } cases[] = {
        { 5, false }, { 6, true }, { 7, true }, { 8, false }, { 0, false },
        { 5999, false }, { -6, false }
    };

    memset(&conf, 0, sizeof(conf));
    conf.max_age_ms = 1000;
    wrong = 0;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = qoe_schema_older(buf, sizeof(buf), &conf, cases[i].t, 6000,
                                7000);
        wrong += (strstr(text, "looks like seconds") != NULL)
                 != cases[i].seconds;
        wrong += (text != buf);
    }

    ok(wrong == 0, "a time that would be in the range if it were seconds is "
       "named as such, and no other");

    text = qoe_schema_older(buf, sizeof(buf), &conf, 6, 6000, 7000);
    ok(strcmp(text, "must be in milliseconds: 6 looks like seconds") == 0,
       "the hint shows the time as it was sent");
}


int
main(void)
{
    test_table();
    test_durations();
    test_seconds();

    return tap_end();
}
