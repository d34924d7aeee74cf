
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_counters.h"


const qoe_counter_row_t  qoe_counters[QOE_COUNTERS_N] = {
#define QOE_COUNTER_ROW(id, place, name, metric, what)                        \
    { name, QOE_PLACE_##place },
    QOE_COUNTERS(QOE_COUNTER_ROW)
};


const qoe_dest_row_t  qoe_dest_counters[QOE_DEST_COUNTERS_N] = {
#define QOE_DEST_ROW(id, place, name, what)                                   \
    { name, QOE_DEST_PLACE_##place },
    QOE_DEST_COUNTERS(QOE_DEST_ROW)
};
