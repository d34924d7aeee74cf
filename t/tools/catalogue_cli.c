
/*
 * Copyright (C) OpenQoE
 *
 * Prints the catalogue of metrics, a line each, between tabs: name, kind,
 * unit, bounds, group, attributes, when, description, grain.
 */


#include "qoe_catalogue.h"

#include <stdio.h>


int
main(void)
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
