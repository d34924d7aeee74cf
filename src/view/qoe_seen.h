
/*
 * Copyright (C) OpenQoE
 *
 * The events that a lane has seen last, so that what is sent again counts
 * once: clients send a batch anew whose answer they did not get.  Sets of
 * tags of a keyed hash, a cache line each; in the zone, fixed memory, and any
 * bytes are safe: its writer may have been killed at any store.  One writer
 * and reader: the helper thread that holds the lane.
 */


#ifndef _QOE_SEEN_H_INCLUDED_
#define _QOE_SEEN_H_INCLUDED_


#include "qoe_hash.h"
#include "qoe_sample.h"


#define QOE_SEEN_MIN       (16 * 1024)       /* bytes */
#define QOE_SEEN_MAX       (1024 * 1024)


typedef struct qoe_seen_s  qoe_seen_t;


/* Makes an empty table in size bytes, zero-filled, 64-byte aligned. */
void qoe_seen_create(qoe_seen_t *t, size_t size);

/*
 * What makes an event the same one as another: the hashes of its session, view
 * and video, its time and type, and all of it that points are made of.  Not its
 * receipt.
 */
uint64_t qoe_seen_hash(const qoe_hash_key_t *key, uint64_t session,
    uint64_t view_key, uint64_t video_key, const qoe_sample_t *s);

/* Begins to load what qoe_seen() of that hash needs. */
void qoe_seen_fetch(const qoe_seen_t *t, uint64_t hash);

/* Is it one of the last events?  It is from now on. */
bool qoe_seen(qoe_seen_t *t, uint64_t hash);


#endif /* _QOE_SEEN_H_INCLUDED_ */
