
/*
 * Copyright (C) OpenQoE
 *
 * The attributes that metrics of an event have beside their own: a set for
 * each grain of metrics (qoe_catalogue.h).
 */


#ifndef _QOE_BASE_H_INCLUDED_
#define _QOE_BASE_H_INCLUDED_


#include "qoe_catalogue.h"
#include "qoe_govern.h"
#include "qoe_labels.h"


/*
 * A keyed hash of all raw values that the sets are made of: while it stays, and
 * the rules do, so do the sets.
 */
uint64_t qoe_base_hash(const qoe_sample_t *s, const qoe_dimensions_t *dims,
    const qoe_hash_key_t *key);

/*
 * The governed sets, in the order of the dimensions, and whether each value of
 * a set is known.  Also counts the values of dimensions that are in no metric,
 * and the viewer of today.  How many attributes were left out, for a set was
 * full.
 */
uint32_t qoe_base_labels(qoe_labels_t out[QOE_GRAINS], bool known[QOE_GRAINS],
    const qoe_sample_t *s, qoe_governor_t *gv, uint32_t now_s);


#endif /* _QOE_BASE_H_INCLUDED_ */
