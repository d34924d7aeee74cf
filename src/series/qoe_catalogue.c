
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_catalogue.h"


#define QOE_BOUNDS_ARRAY(id, ...)                                             \
    static const double  qoe_bounds_##id[] = { __VA_ARGS__ };
QOE_BOUNDS(QOE_BOUNDS_ARRAY)

#define qoe_bounds_NONE    NULL


/*
 * the rows give bounds by name, and NONE has no array whose elements could be
 * counted, so each name of bounds gets a constant for its count
 */

enum {
    qoe_nbounds_NONE = 0,
#define QOE_BOUNDS_COUNT(id, ...)                                             \
    qoe_nbounds_##id = sizeof(qoe_bounds_##id) / sizeof(double),
    QOE_BOUNDS(QOE_BOUNDS_COUNT)
};


#define QOE_TEXT(s)        { s, sizeof(s) - 1 }

const qoe_metric_t  qoe_metrics[QOE_METRICS_N] = {
#define QOE_METRIC_ROW(id, name, kind, unit, bounds, group, grain, attrs,     \
    when, text)                                                               \
    { QOE_TEXT(name), QOE_TEXT(unit), QOE_TEXT(text), QOE_TEXT(attrs),        \
      QOE_TEXT(when), QOE_INSTRUMENT_##kind, QOE_GROUP_##group,               \
      QOE_GRAIN_##grain,                                                      \
      qoe_bounds_##bounds, qoe_nbounds_##bounds },
    QOE_METRICS(QOE_METRIC_ROW)
};
