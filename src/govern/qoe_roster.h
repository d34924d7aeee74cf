
/*
 * Copyright (C) OpenQoE
 *
 * A roster: the values of a dimension that a file lists, a value a line.  The
 * helper thread reads the file again when it changes; the event loop of the
 * same process looks values up meanwhile, without a lock.
 *
 * A roster never changes once it is made.  A new one takes its place in the
 * slot, and the old one is freed when no thread is in a look-up.
 *
 * Uses no file: its maker passes the text.
 */


#ifndef _QOE_ROSTER_H_INCLUDED_
#define _QOE_ROSTER_H_INCLUDED_


#include "qoe_core.h"


#define QOE_ROSTER_BYTES   (8 * 1024 * 1024)     /* most of a file */
#define QOE_ROSTER_VALUES  100000                /* most values */

typedef struct qoe_roster_s  qoe_roster_t;


/*
 * Makes a roster of a text.  White space around a value is no part of it; blank
 * lines, and those that begin with #, are skipped, and so are repeated values.
 * QOE_INVALID: err says what is wrong, and in which line; QOE_NOMEM.
 */
qoe_status_t qoe_roster_make(qoe_roster_t **roster, qoe_span_t text,
    size_t maxlen, char *err, size_t size);
void qoe_roster_free(qoe_roster_t *roster);

/* The number of its values, and value i of them, in no certain order. */
uint32_t qoe_roster_count(const qoe_roster_t *roster);
qoe_span_t qoe_roster_value(const qoe_roster_t *roster, uint32_t i);


/* The identity of a file's content; all 0: there is none. */

typedef struct {
    uint64_t          mtime_ns;
    uint64_t          inode;
    uint64_t          size;
} qoe_roster_stamp_t;


/* Where the roster of a dimension is, for all threads of a process. */

typedef struct {
    const char          *path;           /* absolute */
    qoe_span_t           text;           /* the same, as configured */
    size_t               maxlen;

    qoe_roster_t        *roster;         /* atomic; never NULL */
    uint32_t             version;        /* atomic; raised with each change */
    uint32_t             readers;        /* atomic; look-ups in progress */

    /* of the thread that changes it */
    qoe_roster_t        *old;            /* to be freed */
    qoe_roster_stamp_t   stamp;          /* of the file of the roster */
} qoe_roster_slot_t;


bool qoe_roster_has(qoe_roster_slot_t *slot, qoe_span_t value);
uint32_t qoe_roster_version(const qoe_roster_slot_t *slot);

/* Look-ups of another kind are done between these two. */
const qoe_roster_t *qoe_roster_enter(qoe_roster_slot_t *slot);
void qoe_roster_leave(qoe_roster_slot_t *slot);

/*
 * Puts a roster in the slot.  QOE_BUSY: the one before the last is still in
 * use, so the caller must try again later.  One thread at a time.
 */
qoe_status_t qoe_roster_put(qoe_roster_slot_t *slot, qoe_roster_t *roster);
/* Frees what was replaced, if no thread uses it. */
void qoe_roster_reap(qoe_roster_slot_t *slot);


#endif /* _QOE_ROSTER_H_INCLUDED_ */
