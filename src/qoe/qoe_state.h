
/*
 * Copyright (C) OpenQoE
 *
 * The QoE state of a zone: what qoe_zone.h gives as opaque regions, laid out.
 *
 *   shared region   header | governance | self metrics
 *   lane region     sessions | events seen | series store
 *
 * qoe_state_t is a process's (or thread's) map of it.
 */


#ifndef _QOE_STATE_H_INCLUDED_
#define _QOE_STATE_H_INCLUDED_


#include "qoe_govern.h"
#include "qoe_seen.h"
#include "qoe_self.h"
#include "qoe_store.h"
#include "qoe_view.h"
#include "qoe_zone.h"


#define QOE_STATE_VERSION  6


typedef struct qoe_sessions_s  qoe_sessions_t;


/* Written with atomics, by whoever. */

typedef struct {
    uint64_t        magic;
    uint32_t        version;
    uint32_t        series;          /* live, all lanes */
    uint64_t        exporter;        /* qoe_proc_t that exports metrics */
    uint64_t        collected_ns;    /* the last export collection, Unix */
    uint64_t        points_exported;
    uint64_t        exporter_ms;     /* lease changed last; monotonic */
    uint64_t        points_ns;       /* the time that exported points had
                                        last, Unix: they never go back */
    uint64_t        announced_ns;    /* series that began until then have been
                                        exported, Unix */
} qoe_state_shared_t;


typedef struct {
    qoe_zone_t          *zone;
    uint32_t             lanes;
    qoe_hash_key_t       key;
    qoe_state_shared_t  *shared;
    qoe_govern_t        *govern;
    qoe_self_t          *self;
    qoe_sessions_t      *sessions[QOE_LANES_MAX];
    qoe_seen_t          *seen[QOE_LANES_MAX];
    qoe_store_t         *store[QOE_LANES_MAX];
} qoe_state_t;


/* What the configuration says; a copy of the dimensions belongs to it. */

typedef struct {
    uint32_t             groups;             /* qoe_metric_group_t bits */
    qoe_view_conf_t      view;
    uint32_t             series_max;
    uint64_t             series_ttl_ms;
    uint64_t             series_birth_ms;    /* 0: off */
    const qoe_dimensions_t  *dims;
} qoe_conf_t;


/* Lays out the regions of a zone that has just been made (zero-filled). */
void qoe_state_create(qoe_zone_t *zone);

/* QOE_INVALID unless the regions are of this version. */
qoe_status_t qoe_state_attach(qoe_state_t *st, qoe_zone_t *zone);


#endif /* _QOE_STATE_H_INCLUDED_ */
