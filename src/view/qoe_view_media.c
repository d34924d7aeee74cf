
/*
 * Copyright (C) OpenQoE
 *
 * Points about the delivery of media: segments, buffer, bandwidth.  The view
 * keeps none of it.
 */


#include "qoe_view_priv.h"


void
qoe_view_buffer(qoe_view_step_t *x)
{
    double  ms;

    if (!qoe_view_has(x, BUFFER_LENGTH)) {
        return;
    }

    ms = qoe_view_number(x, BUFFER_LENGTH);

    qoe_view_point(x, QOE_METRIC_BUFFER_LENGTH, ms,
                   QOE_WITH_MEDIA|QOE_WITH_OUTLIER);
    qoe_view_point(x, QOE_METRIC_BUFFER_LENGTH_SECONDS, ms / 1000,
                   QOE_WITH_MEDIA);
}


void
qoe_view_buffer_change(qoe_view_step_t *x)
{
    qoe_view_buffer(x);

    if (qoe_view_has(x, Z_SCORE)) {
        qoe_view_point(x, QOE_METRIC_BUFFER_INSTABILITY_INDEX,
                       qoe_view_number(x, Z_SCORE),
                       QOE_WITH_MEDIA|QOE_WITH_OUTLIER);
    }
}


void
qoe_view_fragment(qoe_view_step_t *x)
{
    size_t                    i;
    static const struct {
        qoe_number_t          number;
        qoe_metric_id_t       metric;
        unsigned              with;
    } points[] = {
        { QOE_NUMBER_TTFB_MS, QOE_METRIC_NETWORK_LATENCY,
          QOE_WITH_MEDIA|QOE_WITH_OUTLIER },
        { QOE_NUMBER_Z_SCORE, QOE_METRIC_NETWORK_LATENCY_DEVIATION,
          QOE_WITH_MEDIA|QOE_WITH_OUTLIER },
        { QOE_NUMBER_FRAG_DURATION, QOE_METRIC_FRAGMENT_DURATION,
          QOE_WITH_MEDIA },
        { QOE_NUMBER_SIZE_BYTES, QOE_METRIC_FRAGMENT_SIZE, QOE_WITH_MEDIA },
        { QOE_NUMBER_FRAG_DURATION, QOE_METRIC_BUFFERED_DURATION,
          QOE_WITH_MEDIA }
    };

    for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {

        if (x->set >> points[i].number & 1) {
            qoe_view_point(x, points[i].metric,
                           x->s->number[points[i].number], points[i].with);
        }
    }
}


void
qoe_view_bandwidth(qoe_view_step_t *x)
{
    if (qoe_view_has(x, BANDWIDTH)) {
        qoe_view_point(x, QOE_METRIC_NETWORK_BANDWIDTH,
                       qoe_view_number(x, BANDWIDTH),
                       QOE_WITH_MEDIA|QOE_WITH_CODEC);
    }
}
