
/*
 * Copyright (C) OpenQoE
 *
 * Private to qoe_apply*.c.
 */


#ifndef _QOE_APPLY_PRIV_H_INCLUDED_
#define _QOE_APPLY_PRIV_H_INCLUDED_


#include "qoe_apply.h"
#include "qoe_deliveries.h"
#include "qoe_sessions.h"
#include "qoe_timelines.h"
#include "qoe_trace.h"
#include "qoe_view_report.h"


/*
 * A view's governed attributes are reused for so long before the governor is
 * asked about them again; so are those of requests and of points.
 */
#define QOE_APPLY_FRESH_S      60

/* The live views that one session may have. */
#define QOE_APPLY_VIEWS        32

/* Blocks of extra attributes that are cached, to be found without hashing. */
#define QOE_APPLY_EXTRAS       256


typedef struct {
    uint64_t             key;                /* hash of the raw values */
    uint32_t             block;              /* holds a reference */
    uint32_t             at_s;
} qoe_apply_extra_t;


/* Series of requests that are kept, as a power of two. */
#define QOE_APPLY_KEPT_BITS    12


typedef struct {
    uint64_t             key;                /* base, metric, code; 0: none */
    uint32_t             series;
    uint32_t             at_s;               /* as that of its extra block */
} qoe_apply_kept_t;


/* Sets of blocks of requests that are cached; see qoe_apply_request.c. */
#define QOE_APPLY_CACHES       64


typedef struct {
    uint64_t             key;                /* hash of the raw values */
    qoe_blocks_t         b;                  /* holds references */
    uint32_t             at_s;
} qoe_apply_cache_t;


struct qoe_apply_s {
    const qoe_state_t   *st;
    const qoe_conf_t    *conf;
    qoe_governor_t      *governor;
    uint32_t             slot;
    uint32_t             lane;
    qoe_proc_t           self;

    qoe_sessions_t      *sessions;
    qoe_timelines_t     *timelines;
    qoe_seen_t          *seen;
    qoe_deliveries_t    *deliveries;
    qoe_store_t         *store;
    qoe_store_env_t      env;
    qoe_hash_key_t       key;

    uint64_t             swept_ns;           /* last collection swept after */
    uint32_t             sweep;
    bool                 sweeping;
    bool                 silent;             /* more views are overdue */
    bool                 hushed;             /* more sessions of requests */
    bool                 parting;            /* more records can be put */
    uint32_t             left;               /* slots whose views have put their
                                                last record, at an exit */
    uint64_t             retry_ms;           /* when to try again; Unix */

    /* of qoe_apply_live.c: the views that are watched */

    bool                 moved;              /* an event has come since */
    bool                 counting;
    uint32_t             counted;            /* slots */
    uint32_t             count;
    uint64_t             until_ms;           /* when the last of them falls
                                                silent, Unix */
    uint64_t             counted_ms;         /* the last complete count */
    uint64_t             stands_ms;          /* it is right until then at
                                                most; UINT64_MAX: it is 0 */

    qoe_points_t         points;
    qoe_points_t         ending;             /* of a session of requests */
    qoe_labels_t         labels;
    qoe_labels_t         base[QOE_GRAINS];
    qoe_labels_t         sent;               /* values as sent */
    char                 packed[QOE_VIEW_RECORD_MAX];
    qoe_apply_extra_t    extra[QOE_APPLY_EXTRAS];
    qoe_apply_cache_t    cache[QOE_APPLY_CACHES];
    qoe_apply_kept_t     kept[1 << QOE_APPLY_KEPT_BITS];

    /* those of all dimensions, and a hash of their versions at a request */

    const qoe_roster_slot_t  *roster[QOE_DIMENSIONS_MAX];
    size_t               nrosters;
    uint64_t             rosters;
};


/* An event while it is applied. */

typedef struct {
    const qoe_sample_t  *s;
    qoe_session_t       *session;
    qoe_view_birth_t     birth;              /* its keys and its time */
    bool                 seen;
    bool                 guest;              /* its attributes are not those
                                                of its view */
    uint64_t             now_ns;
} qoe_apply_event_t;


/* qoe_apply.c */

/* Prefetches what a view needs after its event. */
void qoe_apply_fetch(const qoe_apply_t *a, const qoe_view_t *v);
/* Records the points of an event that was applied, and what follows from it. */
void qoe_apply_done(qoe_apply_t *a, const qoe_apply_event_t *e, qoe_view_t *v,
    qoe_view_result_t rc);
void qoe_apply_count(qoe_apply_t *a, qoe_counter_t c, uint64_t n);

/* The key of the session of an org_id and a session_id. */
void qoe_apply_session_key(const qoe_apply_t *a,
    const qoe_span_t text[QOE_TEXTS], uint64_t session[2]);
/* The blocks of the sample's attributes; sent as of qoe_base_labels(). */
qoe_blocks_t qoe_apply_base_blocks(qoe_apply_t *a, const qoe_sample_t *s,
    uint32_t now_s, qoe_labels_t *sent);
/*
 * The same, in the blocks of the attributes last seen in the view, and the
 * stretches in its timeline.
 */
void qoe_apply_view_points(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns);
/* A hash of an id; 0 stands for an empty id. */
uint64_t qoe_apply_key(const qoe_apply_t *a, qoe_span_t id);
/* Releases the references to the blocks. */
void qoe_apply_base_free(qoe_apply_t *a, qoe_blocks_t b);
extern const qoe_blocks_t  qoe_apply_no_blocks;
/* The block of a set, with a reference; 0: there is no room, or it is empty. */
uint32_t qoe_apply_block(qoe_apply_t *a, const qoe_labels_t *l, bool known);
/*
 * The time to note as that of the last question to the governor.  A value that
 * waits for the next request for its verdict is asked about again with the
 * next event, so its time is set back.
 */
uint32_t qoe_apply_asked_s(const qoe_apply_t *a, uint32_t now_s);

/* qoe_apply_points.c */

/*
 * Records the points of a->points in blocks b, and empties a->points.  A block
 * 0 is a set for which there was no room.
 */
void qoe_apply_points(qoe_apply_t *a, qoe_blocks_t b, uint64_t now_ns);
/* The same of requests; here a block 0 is the empty set. */
void qoe_apply_request_points(qoe_apply_t *a, qoe_points_t *points,
    qoe_blocks_t b, uint64_t now_ns);

/* qoe_apply_view.c */

/*
 * The live view that an event belongs to; it is begun if need be, and views
 * that the event replaces are ended.  birth has the keys and the time of the
 * event; the rest is filled in here.  NULL: the view is over, or the event is
 * a duplicate of one whose view is gone.
 */
qoe_view_t *qoe_apply_view(qoe_apply_t *a, qoe_session_t *session,
    const qoe_sample_t *s, qoe_view_birth_t *birth, bool seen,
    uint64_t now_ns);

/*
 * Ends the views of the same view_id that had no event after at_ms: another
 * video plays in their place since then.
 */
void qoe_apply_replace(qoe_apply_t *a, qoe_session_t *session,
    const qoe_view_t *by, uint64_t at_ms, uint64_t now_ns);

/*
 * The session with that key, made if there is none.  A full table evicts
 * another session for it, so this never fails.
 */
qoe_session_t *qoe_apply_session(qoe_apply_t *a, const uint64_t key[2],
    uint64_t now_ns);

/*
 * Ends a view: records its last points, notes it in the session's memory of
 * ended views, and frees its slot.
 */
void qoe_apply_end(qoe_apply_t *a, qoe_view_t *v, qoe_view_end_t why,
    uint64_t at_ms, uint64_t now_ns);

/*
 * Ends views and sessions that were silent for too long.  a->silent is set if
 * more of them are left.
 */
void qoe_apply_silence(qoe_apply_t *a, uint64_t now_ns);

/* The name by which an SDK knows the view, or else its only one. */
uint64_t qoe_apply_name(const qoe_view_t *v);

/* qoe_apply_report.c */

void qoe_apply_report(qoe_apply_t *a, qoe_apply_event_t *e);
/*
 * The first event of an SDK in a session of reports: the view that they have
 * begun becomes that of the event.
 */
void qoe_apply_adopt_reported(qoe_apply_t *a, const qoe_apply_event_t *e);
/* The view is over: counts the reports that are missing. */
void qoe_apply_missing(qoe_apply_t *a, qoe_view_t *v,
    qoe_session_t *session, uint64_t now_ns);

/* qoe_apply_record.c: records of views, if the configuration has them made */

/* Notes the values of the event as sent, those of a->sent, and the viewer. */
void qoe_apply_sent(qoe_apply_t *a, qoe_view_t *v, const qoe_sample_t *s);
/* Notes the ids of an event as those of the view. */
void qoe_apply_ids(qoe_apply_t *a, qoe_view_t *v, const qoe_sample_t *s);
/* Notes the ids of a view with its first event, and the texts of an error. */
void qoe_apply_noted(qoe_apply_t *a, qoe_view_t *v, qoe_session_t *session,
    const qoe_sample_t *s);
/*
 * The view's id, and its last error as a set of "family" and "code", as they
 * were sent; in buf, which has QOE_LABELS_MAX bytes.  Empty if there is none.
 */
qoe_span_t qoe_apply_view_id(const qoe_apply_t *a, const qoe_view_t *v,
    char *buf);
qoe_span_t qoe_apply_error(const qoe_apply_t *a, const qoe_view_t *v,
    char *buf);
/* Takes the references of an adopted view again. */
void qoe_apply_record_adopt(qoe_apply_t *a, qoe_view_t *v);

/* Puts a record of a live view if one is due. */
void qoe_apply_interim(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns);
/*
 * Puts the final record of a view that has ended, and frees the view; if there
 * is no room in the ring, that is left to qoe_apply_parted().
 */
void qoe_apply_final(qoe_apply_t *a, qoe_view_t *v, qoe_view_end_t why,
    uint64_t now_ns);
/*
 * Tries again to put the final records that had no room.  a->parting is set if
 * it has put many and more are left.
 */
void qoe_apply_parted(qoe_apply_t *a, uint64_t now_ns);
/*
 * Gives up the oldest of those records, and frees its view.  false: there is
 * none.
 */
bool qoe_apply_give_up(qoe_apply_t *a);

/* qoe_apply_request.c: sessions of requests, as of views above */

void qoe_apply_requests_silence(qoe_apply_t *a, uint64_t now_ns);
uint64_t qoe_apply_requests_due_ms(const qoe_apply_t *a);
void qoe_apply_requests_recover(qoe_apply_t *a);
void qoe_apply_requests_free(qoe_apply_t *a);
/* Makes the points of a session that is over. */
void qoe_apply_delivery_end(qoe_apply_t *a, qoe_delivery_t *d,
    uint64_t now_ns);

/* qoe_apply_trace.c */

/* Is a part of the trace of a long view due? */
bool qoe_apply_part_due(const qoe_apply_t *a, const qoe_view_t *v);
/*
 * Adds the timeline to a record, packed in buf, if the view is over or a part
 * is due, and the configuration has a trace made of such a view.
 */
void qoe_apply_trace(qoe_apply_t *a, qoe_view_record_t *r, qoe_view_t *v,
    char buf[QOE_TRACE_PACKED]);
/* The record was put: notes the part. */
void qoe_apply_traced(qoe_apply_t *a, const qoe_view_record_t *r,
    qoe_view_t *v);


/* qoe_apply_live.c */

/* Notes the view if it is a bad one by a->points, those of its end. */
void qoe_apply_bad(qoe_apply_t *a, const qoe_view_t *v, uint64_t now_ns);

/*
 * Counts the views that are watched, in slices: a->counting is set while there
 * is more to count.  Then the Unix ms of the next count, or UINT64_MAX.
 */
void qoe_apply_watched(qoe_apply_t *a, uint64_t now_ns);
uint64_t qoe_apply_watched_ms(const qoe_apply_t *a);


#endif /* _QOE_APPLY_PRIV_H_INCLUDED_ */
