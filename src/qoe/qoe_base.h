
/*
 * Copyright (C) OpenQoE
 *
 * The attributes that all metrics of an event share: a set for each grain of
 * metrics (qoe_catalogue.h).
 */


#ifndef _QOE_BASE_H_INCLUDED_
#define _QOE_BASE_H_INCLUDED_


#include "qoe_catalogue.h"
#include "qoe_govern.h"
#include "qoe_labels.h"


/*
 * A keyed hash of all raw values that the sets are made of: while the hash and
 * the rules stay the same, so do the sets.
 */
uint64_t qoe_base_hash(const qoe_sample_t *s, const qoe_dimensions_t *dims,
    const qoe_hash_key_t *key);

/*
 * Writes the governed sets, in the order of the dimensions, and whether every
 * value of a set is known.  Also counts the values of dimensions that no
 * metric has, and the viewer of the day.  Returns how many attributes were
 * left out because a set was full.
 *
 * sent (NULL: not wanted) gets the values as they were sent, of the dimensions
 * whose governed values are others.  Not the ids, and not the marker, which
 * names a device.
 */
uint32_t qoe_base_labels(qoe_labels_t out[QOE_GRAINS], bool known[QOE_GRAINS],
    const qoe_sample_t *s, qoe_governor_t *gv, uint32_t now_s,
    qoe_labels_t *sent);


#endif /* _QOE_BASE_H_INCLUDED_ */
