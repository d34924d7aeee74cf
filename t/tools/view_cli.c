
/*
 * Copyright (C) OpenQoE
 *
 * Usage: view_cli [--by LABEL] < LINES
 * What the views of any number of sessions came to, for tests that play
 * thousands of them.  Each line of the input is one of
 *
 *     {"received": MS, "events": [ ... ]}   a batch as it was posted
 *     {"tick": MS}                          nothing but time goes by
 *     {"adopt": 1}                          the lane's consumer is killed, and
 *                                           another goes on
 *     {"collect": MS}                       time goes by, then totals are
 *                                           printed
 *     {"reset": 1}                          totals as at the end of the input,
 *                                           then an empty zone
 *
 * MS is Unix time and never goes back between two resets; the key that is
 * named first above must come first in its line.  From one line to the next
 * time passes as it does for the helper thread: each view ends when its
 * silence is due.  At the end of the input it goes on until all views are
 * over.
 *
 * Totals are one JSON object for each value of the label (org_id), each on a
 * line of its own, by value, and after them {"end": MS, "evicted": N}, where N
 * views were given up for want of room: a test wants 0.
 */


#include "scenario_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>


/* After so long without an event no view is alive, whatever its state. */
#define VIEW_CLI_AFTER_MS    (6 * 3600 * 1000)

#define VIEW_CLI_GROUPS      (QOE_GROUP_CORE|QOE_GROUP_RULES|QOE_GROUP_VIEW)


/* The totals: the name in the output, the metric, and what is summed of it. */

typedef enum {
    VIEW_CLI_SUM = 0,            /* of counters, sums and gauges */
    VIEW_CLI_COUNT,              /* of a histogram, as the rest */
    VIEW_CLI_TOTAL,
    VIEW_CLI_LEAST,
    VIEW_CLI_MOST
} view_cli_part_t;

typedef struct {
    const char       *name;
    const char       *metric;
    view_cli_part_t   part;
    const char       *label;     /* only points with label=value */
    const char       *value;
} view_cli_total_t;

#define VIEW_CLI_OUTCOME(name)                                                \
    { name, "openqoe.views_total", VIEW_CLI_SUM, "outcome", name }

static const view_cli_total_t  view_cli_totals[] = {
    { "events", "openqoe.events_total", VIEW_CLI_SUM, NULL, NULL },
    { "started", "openqoe.views_started_total", VIEW_CLI_SUM, NULL, NULL },
    { "over", "openqoe.views_total", VIEW_CLI_SUM, NULL, NULL },
    VIEW_CLI_OUTCOME("completed"),
    VIEW_CLI_OUTCOME("played"),
    VIEW_CLI_OUTCOME("exit_before_start"),
    VIEW_CLI_OUTCOME("startup_failure"),
    VIEW_CLI_OUTCOME("playback_failure"),
    { "views_completed", "openqoe.views_completed_total", VIEW_CLI_SUM, NULL,
      NULL },
    { "exits", "openqoe.exit_without_play", VIEW_CLI_SUM, NULL, NULL },
    { "continued", "openqoe.views_continued_total", VIEW_CLI_SUM, NULL, NULL },
    { "playing_s", "openqoe.playing_time_seconds", VIEW_CLI_SUM, NULL, NULL },
    { "watch_s", "openqoe.watch_time_seconds", VIEW_CLI_SUM, NULL, NULL },
    { "rebuffers", "openqoe.rebuffer_events_count", VIEW_CLI_SUM, NULL, NULL },
    { "rebuffer_count", "openqoe.rebuffer_duration", VIEW_CLI_COUNT, NULL,
      NULL },
    { "rebuffer_ms", "openqoe.rebuffer_duration", VIEW_CLI_TOTAL, NULL, NULL },
    { "rebuffer_min_ms", "openqoe.rebuffer_duration", VIEW_CLI_LEAST, NULL,
      NULL },
    { "rebuffer_max_ms", "openqoe.rebuffer_duration", VIEW_CLI_MOST, NULL,
      NULL },
    { "startups", "openqoe.video_startup_time", VIEW_CLI_COUNT, NULL, NULL },
    { "startup_ms", "openqoe.video_startup_time", VIEW_CLI_TOTAL, NULL, NULL },
    { "aggregates", "openqoe.aggregate_startup_time", VIEW_CLI_COUNT, NULL,
      NULL },
    { "aggregate_ms", "openqoe.aggregate_startup_time", VIEW_CLI_TOTAL, NULL,
      NULL },
    { "ratios", "openqoe.rebuffer_ratio", VIEW_CLI_COUNT, NULL, NULL },
    { "ratio", "openqoe.rebuffer_ratio", VIEW_CLI_TOTAL, NULL, NULL },
    { "pauses", "openqoe.pause_events_total", VIEW_CLI_SUM, NULL, NULL },
    { "seeks", "openqoe.seek_total", VIEW_CLI_SUM, NULL, NULL },
    { "errors", "openqoe.errors_total", VIEW_CLI_SUM, NULL, NULL },
    { "concurrent", "openqoe.concurrent_views_current", VIEW_CLI_SUM, NULL,
      NULL }
};

#define VIEW_CLI_TOTALS                                                       \
    (sizeof(view_cli_totals) / sizeof(view_cli_totals[0]))


/* The totals of one value of the label. */

typedef struct {
    char     *value;
    double    total[VIEW_CLI_TOTALS];
    bool      known[VIEW_CLI_TOTALS];
} view_cli_row_t;

typedef struct {
    const char      *by;
    int64_t          now;            /* Unix ms; 0: no line has come */
    view_cli_row_t  *row;
    size_t           nrows;
    size_t           room;
    scenario_run_t   run;
} view_cli_t;


/* The value of a label in a point's two sets of attributes. */

static qoe_span_t
label_value(const qoe_collect_t *c, const qoe_collected_t *p, const char *name)
{
    size_t              i;
    uint32_t            block[2] = { p->base, p->extra };
    qoe_span_t          key, value;
    qoe_labels_iter_t   it;

    for (i = 0; i < 2; i++) {

        if (block[i] == 0) {
            continue;
        }

        qoe_labels_iter(&it, qoe_collect_block(c, block[i]));

        while (qoe_labels_next(&it, &key, &value)) {
            if (qoe_span_eq(key, qoe_span_str(name))) {
                return value;
            }
        }
    }

    return qoe_span("");
}


static view_cli_row_t *
find_row(view_cli_t *cli, qoe_span_t value)
{
    size_t           i;
    view_cli_row_t  *row;

    for (i = cli->nrows; i > 0; i--) {
        if (qoe_span_eq(qoe_span_str(cli->row[i - 1].value), value)) {
            return &cli->row[i - 1];
        }
    }

    if (cli->nrows == cli->room) {
        cli->room = 2 * cli->room + 64;
        cli->row = realloc(cli->row, cli->room * sizeof(view_cli_row_t));
    }

    row = &cli->row[cli->nrows++];
    memset(row, 0, sizeof(view_cli_row_t));

    row->value = strndup(value.data, value.len);

    return row;
}


static void
add_point(view_cli_row_t *row, size_t i, const qoe_collected_t *p)
{
    double                  *total;
    const qoe_histogram_t   *h;

    h = p->histogram;
    total = &row->total[i];

    switch (view_cli_totals[i].part) {

    case VIEW_CLI_SUM:
        *total += p->number;
        break;

    case VIEW_CLI_COUNT:
        *total += (double) h->count;
        break;

    case VIEW_CLI_TOTAL:
        *total += h->sum;
        break;

    case VIEW_CLI_LEAST:
        *total = row->known[i] ? qoe_min(*total, h->min) : h->min;
        break;

    case VIEW_CLI_MOST:
        *total = row->known[i] ? qoe_max(*total, h->max) : h->max;
        break;
    }

    row->known[i] = true;
}


static void
add_metric(view_cli_t *cli, const qoe_collect_t *c, size_t i)
{
    size_t                   j, m, n;
    qoe_collected_t          p;
    const view_cli_total_t  *t;

    t = &view_cli_totals[i];

    for (m = 0; m < QOE_METRICS_N; m++) {
        if (qoe_span_eq(qoe_metrics[m].name, qoe_span_str(t->metric))) {
            break;
        }
    }

    if (m == QOE_METRICS_N) {
        return;
    }

    n = qoe_collect_count(c, (qoe_metric_id_t) m);

    for (j = 0; j < n; j++) {
        qoe_collect_get(c, (qoe_metric_id_t) m, j, &p);

        /* A histogram that was born and has no value yet has no bounds. */

        if (p.histogram != NULL && p.histogram->count == 0) {
            continue;
        }

        if (t->label == NULL
            || qoe_span_eq(label_value(c, &p, t->label),
                           qoe_span_str(t->value)))
        {
            add_point(find_row(cli, label_value(c, &p, cli->by)), i, &p);
        }
    }
}


static int
by_value(const void *a, const void *b)
{
    return strcmp(((const view_cli_row_t *) a)->value,
                  ((const view_cli_row_t *) b)->value);
}


/* A text of the input, in which only these two characters must be escaped. */

static void
print_text(const char *text)
{
    putchar('"');

    for (/* void */; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            putchar('\\');
        }
        putchar(*text);
    }

    putchar('"');
}


static void
print_rows(view_cli_t *cli)
{
    size_t           i, j;
    view_cli_row_t  *row;

    if (cli->nrows != 0) {
        qsort(cli->row, cli->nrows, sizeof(view_cli_row_t), by_value);
    }

    for (i = 0; i < cli->nrows; i++) {
        row = &cli->row[i];

        printf("{\"%s\":", cli->by);
        print_text(row->value);

        for (j = 0; j < VIEW_CLI_TOTALS; j++) {
            printf(",\"%s\":%.12g", view_cli_totals[j].name, row->total[j]);
        }

        puts("}");
        free(row->value);
    }

    cli->nrows = 0;
}


static void
collect(view_cli_t *cli)
{
    size_t           i;
    uint64_t         evicted;
    qoe_collect_t   *c;

    c = scenario_run_collect(&cli->run, QOE_COLLECT_READ, VIEW_CLI_GROUPS,
                             cli->now);

    for (i = 0; i < VIEW_CLI_TOTALS; i++) {
        add_metric(cli, c, i);
    }

    qoe_collect_destroy(c);
    print_rows(cli);

    evicted = qoe_zone_counter(cli->run.st.zone, QOE_COUNT_VIEWS_EVICTED);

    printf("{\"end\":%" PRId64 ",\"evicted\":%" PRIu64 "}\n", cli->now,
           evicted);
    fflush(stdout);
}


static void
move_time(view_cli_t *cli, int64_t to)
{
    if (to < cli->now) {
        scenario_run_fail(&cli->run, "time goes back");
    }

    scenario_run_advance(&cli->run, cli->now ? cli->now : to, to);
    cli->now = to;
}


static void
finish(view_cli_t *cli)
{
    if (cli->now != 0) {
        move_time(cli, cli->now + VIEW_CLI_AFTER_MS);
        collect(cli);
    }
}


static void
run_line(view_cli_t *cli, char *line)
{
    int      n;
    char    *body;
    int64_t  ms;

    n = 0;

    if (sscanf(line, " { \"received\" : %" SCNd64 " , %n", &ms, &n) == 1
        && n != 0)
    {
        /* the rest of the object is the request's body */

        body = line + n - 1;
        *body = '{';

        move_time(cli, ms);
        scenario_run_batch(&cli->run, body, strlen(body), ms);

    } else if (sscanf(line, " { \"tick\" : %" SCNd64, &ms) == 1) {
        move_time(cli, ms);

    } else if (sscanf(line, " { \"collect\" : %" SCNd64, &ms) == 1) {
        move_time(cli, ms);
        collect(cli);

    } else if (sscanf(line, " { \"adopt\" : %" SCNd64, &ms) == 1) {
        scenario_run_adopt(&cli->run);

    } else if (sscanf(line, " { \"reset\" : %" SCNd64, &ms) == 1) {
        finish(cli);
        scenario_run_begin(&cli->run);
        cli->now = 0;

    } else {
        scenario_run_fail(&cli->run, "neither a batch nor a command");
    }
}


int
main(int argc, char **argv)
{
    char               *line;
    size_t              room;
    ssize_t             len;
    static view_cli_t   cli;

    cli.by = argc == 3 ? argv[2] : "org_id";

    if ((argc != 1 && argc != 3)
        || (argc == 3 && strcmp(argv[1], "--by") != 0))
    {
        fprintf(stderr, "usage: %s [--by LABEL] < LINES\n", argv[0]);
        return 2;
    }

    scenario_run_begin(&cli.run);

    line = NULL;
    room = 0;

    while ((len = getline(&line, &room, stdin)) > 0) {
        cli.run.line++;

        if (line[strspn(line, " \r\n")] != '\0') {
            run_line(&cli, line);
        }
    }

    free(line);
    finish(&cli);

    return 0;
}
