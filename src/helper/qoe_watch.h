
/*
 * Copyright (C) OpenQoE
 *
 * Watches the files of rosters (qoe_roster.h) on the helper's thread: looks at
 * each once a second, and reads it when it has changed and rests.
 *
 * A look is a stat(); a turn reads one file at most, of at most
 * QOE_ROSTER_BYTES.  The last good roster stays while a file is missing or
 * wrong.
 */


#ifndef _QOE_WATCH_H_INCLUDED_
#define _QOE_WATCH_H_INCLUDED_


#include "qoe_dimension.h"


#define QOE_WATCH_MS       1000


typedef struct {
    qoe_roster_slot_t   *slot;
    qoe_roster_stamp_t   seen;           /* by the last look */
    uint64_t             since_ms;       /* when it was first seen */
    qoe_roster_stamp_t   wrong;          /* a content that is no roster */
    uint64_t             logged_ms;      /* monotonic; 0: it is fine */
} qoe_watched_t;


typedef struct {
    qoe_watched_t        file[QOE_DIMENSIONS_MAX];
    size_t               n;
    size_t               next;           /* the first to be read */
    uint64_t             due_ms;         /* monotonic */
    const qoe_log_t     *log;
} qoe_watch_t;


void qoe_watch_init(qoe_watch_t *w, const qoe_dimensions_t *dims,
    const qoe_log_t *log);

/* What a look has found; to be counted by the caller. */

typedef struct {
    uint32_t             read;           /* files that became rosters */
    uint32_t             failed;         /* files that are missing or wrong */
} qoe_watch_found_t;

/* Looks if it is time. */
void qoe_watch_run(qoe_watch_t *w, uint64_t now_ms, qoe_watch_found_t *found);

/* The next look; UINT64_MAX: there is no file. */
uint64_t qoe_watch_due_ms(const qoe_watch_t *w);


#endif /* _QOE_WATCH_H_INCLUDED_ */
