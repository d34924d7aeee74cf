
/*
 * Copyright (C) OpenQoE
 *
 * Prints the catalogue of metrics, a line each, between tabs: name, kind,
 * unit, bounds, group, attributes, when, description, grain.
 *
 * catalogue_cli counters: the counters of the zone and of an exporter that
 * /v2/stats has: path, and what is counted.
 */


#include "qoe_catalogue.h"
#include "qoe_counters.h"

#include <stdio.h>
#include <string.h>


static void
print_counters(void)
{
    size_t  i;

    static const char *const  places[] = {
#define PATH(id, path)  path,
        QOE_COUNTER_PLACES(PATH)
    };
    static const char *const  dest_places[] = {
        QOE_DEST_PLACES(PATH)
    };
    static const char *const  what[] = {
#define WHAT(id, place, name, metric, what)  what,
        QOE_COUNTERS(WHAT)
    };
    static const char *const  dest_what[] = {
#define DEST_WHAT(id, place, name, what)  what,
        QOE_DEST_COUNTERS(DEST_WHAT)
    };

    for (i = 0; i < QOE_COUNTERS_N; i++) {
        printf("%s.%s\t%s\n", places[qoe_counters[i].place],
               qoe_counters[i].name, what[i]);
    }

    for (i = 0; i < QOE_DEST_COUNTERS_N; i++) {
        if (qoe_dest_counters[i].place != QOE_DEST_PLACE_HIDDEN) {
            printf("exporter.%s%s%s\t%s\n",
                   dest_places[qoe_dest_counters[i].place],
                   *dest_places[qoe_dest_counters[i].place] ? "." : "",
                   qoe_dest_counters[i].name, dest_what[i]);
        }
    }
}


int
main(int argc, char **argv)
{
    size_t                    i, j;
    unsigned                  group;
    const qoe_metric_t       *m;
    static const char *const  kinds[] = {
        [QOE_INSTRUMENT_COUNTER] = "counter",
        [QOE_INSTRUMENT_COUNTER_DOUBLE] = "counter(double)",
        [QOE_INSTRUMENT_UPDOWN_DOUBLE] = "updowncounter(double)",
        [QOE_INSTRUMENT_GAUGE] = "gauge",
        [QOE_INSTRUMENT_GAUGE_NOW] = "gauge(now)",
        [QOE_INSTRUMENT_HISTOGRAM] = "histogram"
    };
    static const char *const  grains[] = { "coarse", "titled", "headline" };
    static const char *const  groups[] = {
        "core", "rules", "view", "self", "stats", "cmcd"
    };

    if (argc > 1 && strcmp(argv[1], "counters") == 0) {
        print_counters();
        return 0;
    }

    for (i = 0; i < QOE_METRICS_N; i++) {
        m = &qoe_metrics[i];
        group = (unsigned) __builtin_ctz(m->group);

        printf("%s\t%s\t%s\t", m->name.data, kinds[m->kind], m->unit.data);

        for (j = 0; j < m->nbounds; j++) {
            printf("%s%.12g", j ? "," : "", m->bounds[j]);
        }

        printf("\t%s\t%s\t%s\t%s\t%s\n", groups[group], m->attrs.data,
               m->when.data, m->description.data,
               grains[m->grain]);
    }

    return 0;
}
