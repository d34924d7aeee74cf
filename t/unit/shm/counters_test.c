
/*
 * Copyright (C) OpenQoE
 *
 * The tables of counters: a row that the stats, the metrics or another table
 * could not use as it stands is an error here.  That the stats show each
 * counter is checked by t/stats.t.
 */


#include "tap.h"

#include "qoe_catalogue.h"
#include "qoe_cmcd.h"
#include "qoe_dest.h"

#include <ctype.h>


static const char *const  places[] = {
#define PATH(id, path)  path,
    QOE_COUNTER_PLACES(PATH)
};


/* Is it a name that a client can take from the object without quotes? */

static bool
is_name(const char *s)
{
    size_t  n;

    for (n = 0; isdigit(s[n]) || islower(s[n]) || s[n] == '_'; n++) {
        /* void */
    }

    return n != 0 && s[n] == '\0';
}


static void
test_zone(void)
{
    size_t  i, j, n[QOE_PLACES_N] = { 0 };

    for (i = 0; i < QOE_COUNTERS_N; i++) {
        ok(is_name(qoe_counters[i].name)
           && qoe_counters[i].place < QOE_PLACES_N,
           "counter %zu of the zone has a name and a place: %s.%s", i,
           places[qoe_counters[i].place], qoe_counters[i].name);
        n[qoe_counters[i].place]++;

        for (j = 0; j < i; j++) {
            if (strcmp(qoe_counters[i].name, qoe_counters[j].name) == 0
                && strcmp(places[qoe_counters[i].place],
                          places[qoe_counters[j].place]) == 0)
            {
                ok(false, "two counters of %s are named %s",
                   places[qoe_counters[i].place], qoe_counters[i].name);
            }
        }
    }

    for (i = 0; i < QOE_PLACES_N; i++) {
        ok(n[i] != 0, "place %zu, in %s, has counters", i, places[i]);
    }
}


static void
test_dest(void)
{
    size_t                 i, j, n[QOE_DEST_PLACES_N] = { 0 };
    const qoe_dest_row_t  *row, *other;

    for (i = 0; i < QOE_DEST_COUNTERS_N; i++) {
        row = &qoe_dest_counters[i];
        n[row->place]++;

        if (row->place == QOE_DEST_PLACE_HIDDEN) {
            ok(strchr(row->name, ' ') != NULL,
               "counter %zu of an exporter is not shown, for %s", i,
               row->name);
            continue;
        }

        ok(is_name(row->name), "counter %zu of an exporter has a name: %s", i,
           row->name);

        for (j = 0; j < i; j++) {
            other = &qoe_dest_counters[j];

            if (other->place == row->place
                && strcmp(other->name, row->name) == 0)
            {
                ok(false, "two counters of an exporter are named %s",
                   row->name);
            }
        }
    }

    for (i = 0; i < QOE_DEST_PLACES_N; i++) {
        ok(n[i] != 0, "place %zu of an exporter has counters", i);
    }

    ok(n[QOE_DEST_PLACE_HIDDEN] == 2,
       "two counters of exporters are not in the stats: give a new one a place "
       "that is shown, or change this number");
}


/* The counters among the states are shown by the name of their state. */

static void
test_states(void)
{
    size_t           i;
    qoe_dest_info_t  info = {
        .accepted = 1, .recovered = 2, .exported = 3, .rejected = 4,
        .dropped = 5, .queued = 6, .spooled = 7
    };

    for (i = 0; i < QOE_DEST_STATES_N; i++) {
        ok(qoe_dest_state(&info, (qoe_dest_state_t) i) == i + 1,
           "the number of %s events is that of the state",
           qoe_dest_state_name((qoe_dest_state_t) i));
    }

    ok(strcmp(qoe_dest_counters[QOE_DEST_RECOVERED].name,
              qoe_dest_state_name(QOE_DEST_STATE_RECOVERED)) == 0
       && strcmp(qoe_dest_counters[QOE_DEST_REJECTED].name,
                 qoe_dest_state_name(QOE_DEST_STATE_REJECTED)) == 0,
       "a counter that is a state has its name");
}


/*
 * A collection adds them with those of group self, for openqoe_metrics, and
 * counters that grow must be exported as such.
 */

static void
test_metrics(void)
{
    size_t               i, n;
    const qoe_metric_t  *m;

#define QOE_METRIC_NONE    QOE_METRICS_N
    static const unsigned  metrics[] = {
#define METRIC(id, place, name, metric, what)  QOE_METRIC_##metric,
        QOE_COUNTERS(METRIC)
    };

    for (i = 0, n = 0; i < QOE_COUNTERS_N; i++) {

        if (metrics[i] == QOE_METRIC_NONE) {
            continue;
        }

        n++;
        m = &qoe_metrics[metrics[i]];
        ok(m->group == QOE_GROUP_SELF && m->attrs.len == 0
           && (m->kind == QOE_INSTRUMENT_COUNTER
               || m->kind == QOE_INSTRUMENT_COUNTER_DOUBLE),
           "%s is a counter of the module without attributes", m->name.data);
        ok(qoe_span_eq(m->unit, qoe_span("s"))
           == (strstr(qoe_counters[i].name, "_ms") != NULL),
           "%s has the unit of the counter \"%s\"", m->name.data,
           qoe_counters[i].name);
    }

    ok(n == 3, "three counters of the zone are also metrics");
}


/* Reasons for what is ignored have a table of their own, and counters. */

static void
test_reasons(void)
{
    size_t  i, n;

#define REASON(id, text)                                                      \
    ok(strcmp(qoe_counters[QOE_COUNT_CMCD_##id].name, text) == 0              \
       && qoe_counters[QOE_COUNT_CMCD_##id].place                             \
          == QOE_PLACE_CMCD_IGNORED,                                          \
       "the counter of the reason \"%s\" has its name", text);
    QOE_CMCD_REASONS(REASON)

    for (i = 0, n = 0; i < QOE_COUNTERS_N; i++) {
        n += (qoe_counters[i].place == QOE_PLACE_CMCD_IGNORED);
    }

    ok(n == QOE_CMCD_IGNORED, "there is a reason for each such counter");
}


int
main(void)
{
    test_zone();
    test_dest();
    test_states();
    test_metrics();
    test_reasons();

    return tap_end();
}
