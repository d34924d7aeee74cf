
/*
 * Copyright (C) OpenQoE
 *
 * The QoE state of a zone: the layout of the regions that qoe_zone.h gives.
 *
 * shared region   header | self metrics | governance | live history
 * lane region     sessions | timelines | events seen | sessions of requests |
 *                 series store | views watched
 *
 * qoe_state_t is the map of it that a process or a thread has.
 */


#ifndef _QOE_STATE_H_INCLUDED_
#define _QOE_STATE_H_INCLUDED_


#include "qoe_atomic.h"
#include "qoe_govern.h"
#include "qoe_live.h"
#include "qoe_seen.h"
#include "qoe_self.h"
#include "qoe_store.h"
#include "qoe_trace.h"
#include "qoe_view.h"
#include "qoe_zone.h"


#define QOE_STATE_VERSION  14


typedef struct qoe_sessions_s  qoe_sessions_t;
typedef struct qoe_timelines_s  qoe_timelines_t;
typedef struct qoe_deliveries_s  qoe_deliveries_t;


/* Written with atomics, by any process. */

typedef struct {
    uint64_t        magic;
    uint32_t        version;
    uint32_t        series;          /* live, in all lanes */
    uint64_t        exporter;        /* qoe_proc_t that exports metrics */
    uint64_t        collected_ns;    /* last export collection, Unix */
    uint64_t        points_exported;
    uint64_t        exporter_ms;     /* last change of the lease; monotonic */
    uint64_t        points_ns;       /* time of the points exported last,
                                        Unix: the time of points never goes
                                        back */
    uint64_t        announced_ns;    /* series that began until then have
                                        been exported, Unix */
} qoe_state_shared_t;


typedef struct {
    qoe_zone_t          *zone;
    uint32_t             lanes;
    qoe_hash_key_t       key;
    qoe_state_shared_t  *shared;
    qoe_govern_t        *govern;
    qoe_self_t          *self;
    qoe_sessions_t      *sessions[QOE_LANES_MAX];
    qoe_timelines_t     *timelines[QOE_LANES_MAX];
    qoe_seen_t          *seen[QOE_LANES_MAX];
    qoe_deliveries_t    *deliveries[QOE_LANES_MAX];
    qoe_store_t         *store[QOE_LANES_MAX];
    qoe_live_t          *live;
    qoe_live_lane_t     *live_lane[QOE_LANES_MAX];
} qoe_state_t;


/* The configuration of a worker.  It holds a copy of the dimensions. */

typedef struct {
    uint32_t             groups;             /* qoe_metric_group_t bits */
    qoe_view_conf_t      view;
    uint32_t             series_max;
    uint64_t             series_ttl_ms;
    uint64_t             series_birth_ms;    /* 0: off */
    uint64_t             spool_max;          /* bytes an exporter; 0: none */
    bool                 records;            /* make records of views, */
    bool                 views;              /* which are exported as such */
    uint64_t             record_ms;          /* between those of a view; 0:
                                                only when it is over */
    qoe_traces_conf_t    traces;
    qoe_fleet_key_t      fleet;
    bool                 requests;           /* requests are exported as logs */
    const qoe_dimensions_t  *dims;
} qoe_conf_t;


/* Is anything made, metrics or records of views or of requests? */

static inline bool
qoe_conf_applies(const qoe_conf_t *conf)
{
    return conf->groups != 0 || conf->records || conf->requests;
}


/* Lays out the regions of a new, zero-filled zone. */
void qoe_state_create(qoe_zone_t *zone);

/* QOE_INVALID: the regions are of another version. */
qoe_status_t qoe_state_attach(qoe_state_t *st, qoe_zone_t *zone);


#endif /* _QOE_STATE_H_INCLUDED_ */
