
/*
 * Copyright (C) OpenQoE
 *
 * The events that a lane has seen last, so that an event that is sent again
 * counts only once: clients repeat a batch when they did not get the answer.
 * Stores tags of a keyed hash, in sets of a cache line; in the zone, with fixed
 * memory.  Any bytes are safe, because the writer may be killed at any store.
 * Only the helper thread that holds the lane reads and writes.
 */


#ifndef _QOE_SEEN_H_INCLUDED_
#define _QOE_SEEN_H_INCLUDED_


#include "qoe_hash.h"
#include "qoe_sample.h"


#define QOE_SEEN_MIN       (16 * 1024)       /* smallest table, bytes */
#define QOE_SEEN_MAX       (1024 * 1024)


typedef struct qoe_seen_s  qoe_seen_t;


/* Creates an empty table in size bytes, zero-filled and aligned to 64 bytes. */
void qoe_seen_create(qoe_seen_t *t, size_t size);

/*
 * The identity of an event: a hash of its session, view and video (given as
 * hashes), its time and type, and everything that points are made from, but not
 * of the time of its receipt.
 */
uint64_t qoe_seen_hash(const qoe_hash_key_t *key, uint64_t session,
    uint64_t view_key, uint64_t video_key, const qoe_sample_t *s);

/* Prefetches what qoe_seen() needs for that hash. */
void qoe_seen_fetch(const qoe_seen_t *t, uint64_t hash);

/* Returns whether the event is among the last ones, and adds it to them. */
bool qoe_seen(qoe_seen_t *t, uint64_t hash);


#endif /* _QOE_SEEN_H_INCLUDED_ */
