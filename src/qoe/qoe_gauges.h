
/*
 * Copyright (C) OpenQoE
 *
 * Private to qoe_gauges*.c: the metrics that are taken at a collection.
 */


#ifndef _QOE_GAUGES_H_INCLUDED_
#define _QOE_GAUGES_H_INCLUDED_


#include "qoe_collect.h"


typedef struct {
    qoe_collect_t         *collect;
    const qoe_state_t     *st;
    const qoe_conf_t      *conf;
    const qoe_governor_t  *governor;
    uint64_t               now_ns;           /* Unix */
    uint32_t              *cursor;           /* sessions walked so far */
} qoe_gauges_t;


/*
 * Adds openqoe.concurrent_views_current, by the attributes of views.
 * QOE_AGAIN: a slice of the sessions is done; QOE_NOMEM.
 */
qoe_status_t qoe_gauges_views(const qoe_gauges_t *g);

/* Adds openqoe.cmcd.sessions.active, by st and sf. */
qoe_status_t qoe_gauges_requests(const qoe_gauges_t *g);


#endif /* _QOE_GAUGES_H_INCLUDED_ */
