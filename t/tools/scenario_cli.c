
/*
 * Copyright (C) OpenQoE
 *
 * Usage: scenario_cli FILE
 * Feeds the events of a golden scenario (t/scenarios/README.md) through all
 * of it but nginx: decode, record, sample, views, governance, series,
 * collection.  Prints the points, a line each, sorted.
 */


#define _GNU_SOURCE                          /* asprintf() */

#include "scenario_run.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>


#define SCENARIO_START     1700000000000LL   /* +0, by default */
#define SCENARIO_LINE      65536
#define SCENARIO_TYPES     8
#define SCENARIO_POINTS    4096
#define SCENARIO_LABELS    64


typedef struct {
    int64_t              start;      /* +0, Unix ms */
    int64_t              now;        /* of the last line, from the start */
    json_t              *defaults;
    char                *only;       /* names of metrics; NULL: all */
    qoe_custom_type_t    type[SCENARIO_TYPES];
    size_t               ntypes;

    scenario_run_t       run;

    char                *point[SCENARIO_POINTS];
    size_t               npoints;
} scenario_t;


static void
fail(const scenario_t *sc, const char *why)
{
    scenario_run_fail(&sc->run, why);
}


/* "a.b=value" into the object: a value that is no JSON is a text. */

static void
set_field(const scenario_t *sc, json_t *object, char *word)
{
    char          *value, *key;
    json_t        *v, *sub;
    json_error_t   error;

    value = strchr(word, '=');
    if (value == NULL) {
        fail(sc, "a field without '='");
    }

    *value++ = '\0';

    v = json_loads(value, JSON_DECODE_ANY, &error);
    if (v == NULL) {
        v = json_string(value);
    }

    key = strchr(word, '.');

    if (key != NULL) {
        *key++ = '\0';

        sub = json_object_get(object, word);
        if (sub == NULL) {
            sub = json_object();
            json_object_set_new(object, word, sub);
        }

        object = sub;
        word = key;
    }

    json_object_set_new(object, word, v);
}


/* An event's type, fields and data. */

static void
run_event(scenario_t *sc, int64_t at, int64_t received, char *text)
{
    char          *type, *word, *body, *state;
    json_t        *event, *data;
    json_error_t   error;

    data = NULL;
    word = strchr(text, '{');

    if (word != NULL) {
        data = json_loads(word, 0, &error);
        if (data == NULL) {
            fail(sc, error.text);
        }
        *word = '\0';
    }

    type = strtok_r(text, " ", &state);
    event = json_deep_copy(sc->defaults);

    json_object_set_new(event, "event_type", json_string(type));
    json_object_set_new(event, "event_time",
                        json_integer(sc->start + at));
    json_object_set_new(event, "data", data ? data : json_object());

    while ((word = strtok_r(NULL, " ", &state)) != NULL) {
        set_field(sc, event, word);
    }

    event = json_pack("{s:[o]}", "events", event);
    body = json_dumps(event, 0);

    scenario_run_batch(&sc->run, body, strlen(body),
                       sc->start + received);

    free(body);
    json_decref(event);
}


/*
 * A body of reports of CMCD, with "\\n" for each line feed.  Unless they are
 * whole, a report without a ts happens at that time, and one without a sid is
 * of the session s1.
 */

static void
run_reports(scenario_t *sc, int64_t at, int64_t received, char *text,
    bool whole)
{
    char    *line, *next, *body;
    FILE    *out;
    size_t   len;

    out = open_memstream(&body, &len);

    for (line = text; line != NULL; line = next) {
        next = strstr(line, "\\n");

        if (next != NULL) {
            *next = '\0';
            next += 2;
        }

        fputs(line, out);

        if (whole) {
            fputc('\n', out);
            continue;
        }

        if (strstr(line, "sid=") == NULL) {
            fputs(",sid=\"s1\"", out);
        }

        if (strstr(line, "ts=") == NULL) {
            fprintf(out, ",ts=%lld", (long long) (sc->start + at));
        }

        fputs(",v=2\n", out);
    }

    fclose(out);
    scenario_run_reports(&sc->run, body, len, sc->start + received);
    free(body);
}


/* "+1500 TYPE ..." or "+1500 @2000 TYPE ..." or "+1500 tick" */

static void
run_line(scenario_t *sc, char *text)
{
    int64_t  at, received;

    at = strtoll(text, &text, 10);
    received = at;
    text += strspn(text, " ");

    if (*text == '@') {
        received = strtoll(text + 1, &text, 10);
        text += strspn(text, " ");
    }

    if (received < sc->now) {
        fail(sc, "receipt goes back");
    }

    sc->now = received;

    /*
     * As the helper does: what is due comes first, at its time or a bit later.
     */

    scenario_run_tick(&sc->run, sc->start + received);

    if (strncmp(text, "report ", 7) == 0) {
        run_reports(sc, at, received, text + 7, false);

    } else if (strncmp(text, "post ", 5) == 0) {
        run_reports(sc, at, received, text + 5, true);

    } else if (strcmp(text, "tick") != 0) {
        run_event(sc, at, received, text);
    }
}


static void
read_types(scenario_t *sc, char *text)
{
    char  *word, *state;

    for (word = strtok_r(text, " ", &state);
         word != NULL && sc->ntypes < SCENARIO_TYPES;
         word = strtok_r(NULL, " ", &state))
    {
        sc->type[sc->ntypes].name = qoe_span_str(strdup(word));
        sc->type[sc->ntypes].severity = QOE_SEVERITY_INFO;
        sc->ntypes++;
    }

    sc->run.types = sc->type;
    sc->run.ntypes = sc->ntypes;
}


/* False at the line where the expected points begin. */

static bool
read_line(scenario_t *sc, char *text)
{
    char  *word, *state;

    text[strcspn(text, "\r\n")] = '\0';

    if (text[0] == '\0' || text[0] == '#') {
        return true;
    }

    if (strcmp(text, "points") == 0) {
        return false;
    }

    if (text[0] == '+') {
        run_line(sc, text + 1);

    } else if (strncmp(text, "metrics ", 8) == 0) {
        sc->only = strdup(text + 8);

    } else if (strncmp(text, "start ", 6) == 0) {
        sc->start = strtoll(text + 6, NULL, 10);

    } else if (strncmp(text, "types ", 6) == 0) {
        read_types(sc, text + 6);

    } else if (strncmp(text, "defaults ", 9) == 0) {

        for (word = strtok_r(text + 9, " ", &state); word != NULL;
             word = strtok_r(NULL, " ", &state))
        {
            set_field(sc, sc->defaults, word);
        }

    } else {
        fail(sc, "neither an event nor a directive");
    }

    return true;
}


static bool
wanted(const scenario_t *sc, qoe_span_t name)
{
    size_t       n;
    const char  *p;

    if (sc->only == NULL) {
        return true;
    }

    for (p = sc->only; *p != '\0'; p += n + strspn(p + n, " ")) {
        n = strcspn(p, " ");

        if (n == name.len && memcmp(p, name.data, n) == 0) {
            return true;
        }
    }

    return false;
}


static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


/* {a="x",b="y"}, by name */

static void
print_labels(FILE *out, const qoe_collect_t *c, const qoe_collected_t *p)
{
    char               *label[SCENARIO_LABELS];
    size_t              i, n;
    uint32_t            block[2] = { p->base, p->extra };
    qoe_span_t          name, value;
    qoe_labels_iter_t   it;

    n = 0;

    for (i = 0; i < 2; i++) {

        if (block[i] == 0) {
            continue;
        }

        qoe_labels_iter(&it, qoe_collect_block(c, block[i]));

        while (n < SCENARIO_LABELS && qoe_labels_next(&it, &name, &value)) {

            if (asprintf(&label[n], "%.*s=\"%.*s\"", (int) name.len,
                         name.data, (int) value.len, value.data) < 0)
            {
                abort();
            }

            n++;
        }
    }

    qsort(label, n, sizeof(label[0]), by_text);

    fputc('{', out);

    for (i = 0; i < n; i++) {
        fprintf(out, "%s%s", i ? "," : "", label[i]);
        free(label[i]);
    }

    fputc('}', out);
}


static void
print_value(FILE *out, const qoe_metric_t *m, const qoe_collected_t *p)
{
    size_t                  i;
    const qoe_histogram_t  *h;

    h = p->histogram;

    switch (m->kind) {

    case QOE_INSTRUMENT_HISTOGRAM:
        fprintf(out, " count=%llu sum=%.12g min=%.12g max=%.12g buckets=",
                (unsigned long long) h->count, h->sum, h->min, h->max);

        for (i = 0; i <= m->nbounds; i++) {
            fprintf(out, "%s%llu", i ? "," : "",
                    (unsigned long long) h->bucket[i]);
        }

        break;

    case QOE_INSTRUMENT_GAUGE:
        fprintf(out, " gauge=%.12g", p->number);
        break;

    case QOE_INSTRUMENT_GAUGE_NOW:

        /*
         * Printed whole, but for the estimate of viewers, whose key is random.
         */

        fprintf(out, " gauge=%.0f", p->number);
        break;

    default:
        fprintf(out, " sum=%.12g", p->number);
    }

    if (m->unit.len != 0) {
        fprintf(out, " unit=%.*s", (int) m->unit.len, m->unit.data);
    }
}


static void
collect(scenario_t *sc)
{
    FILE             *out;
    size_t            i, j, len;
    qoe_collect_t    *c;
    qoe_collected_t   p;

    c = scenario_run_collect(&sc->run, QOE_COLLECT_EXPORT,
                             QOE_GROUP_CORE|QOE_GROUP_RULES|QOE_GROUP_VIEW
                             |(sc->only != NULL ? QOE_GROUP_CMCD : 0),
                             sc->start + sc->now);

    for (i = 0; i < QOE_METRICS_N; i++) {

        if (!wanted(sc, qoe_metrics[i].name)) {
            continue;
        }

        for (j = 0; j < qoe_collect_count(c, (qoe_metric_id_t) i); j++) {

            if (sc->npoints == SCENARIO_POINTS) {
                fail(sc, "too many points");
            }

            qoe_collect_get(c, (qoe_metric_id_t) i, j, &p);

            out = open_memstream(&sc->point[sc->npoints++], &len);
            fputs(qoe_metrics[i].name.data, out);
            print_labels(out, c, &p);
            print_value(out, &qoe_metrics[i], &p);
            fclose(out);
        }
    }

    qoe_collect_destroy(c);
}


int
main(int argc, char **argv)
{
    FILE               *in;
    size_t              i;
    static char         line[SCENARIO_LINE];
    static scenario_t   sc;

    in = argc == 2 ? fopen(argv[1], "r") : NULL;

    if (in == NULL) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }

    sc.start = SCENARIO_START;
    scenario_run_begin(&sc.run);

    sc.defaults = json_pack("{s:s, s:s, s:s, s:s, s:s}",
                            "org_id", "acme", "player_id", "web",
                            "session_id", "s1", "view_id", "v1",
                            "viewer_id", "u1");

    do {
        sc.run.line++;
    } while (fgets(line, sizeof(line), in) != NULL && read_line(&sc, line));

    fclose(in);

    collect(&sc);
    qsort(sc.point, sc.npoints, sizeof(sc.point[0]), by_text);

    for (i = 0; i < sc.npoints; i++) {
        puts(sc.point[i]);
    }

    return 0;
}
