
/*
 * Copyright (C) OpenQoE
 *
 * Inside qoe_apply*.c.
 */


#ifndef _QOE_APPLY_PRIV_H_INCLUDED_
#define _QOE_APPLY_PRIV_H_INCLUDED_


#include "qoe_apply.h"
#include "qoe_sessions.h"


/* Sets of extra attributes that are kept at hand. */
#define QOE_APPLY_EXTRAS       256


typedef struct {
    uint64_t             key;                /* of the raw values */
    uint32_t             block;              /* with a reference */
    uint32_t             at_s;
} qoe_apply_extra_t;


struct qoe_apply_s {
    const qoe_state_t   *st;
    const qoe_conf_t    *conf;
    qoe_governor_t      *governor;
    uint32_t             slot;

    qoe_sessions_t      *sessions;
    qoe_seen_t          *seen;
    qoe_store_t         *store;
    qoe_store_env_t      env;
    qoe_hash_key_t       key;

    uint64_t             swept_ns;           /* the collection swept after */
    uint32_t             sweep;
    bool                 sweeping;
    bool                 silent;             /* more views are due */

    qoe_points_t         points;
    qoe_labels_t         labels;
    qoe_labels_t         base[QOE_GRAINS];
    qoe_apply_extra_t    extra[QOE_APPLY_EXTRAS];
};


/* qoe_apply.c */

void qoe_apply_count(qoe_apply_t *a, qoe_counter_t c, uint64_t n);

/* Records a->points, and empties it. */
void qoe_apply_points(qoe_apply_t *a, qoe_blocks_t b, uint64_t now_ns);
/* Under the attributes last seen in the view. */
void qoe_apply_view_points(qoe_apply_t *a, const qoe_view_t *v,
    uint64_t now_ns);
/* Gives the references up. */
void qoe_apply_base_free(qoe_apply_t *a, qoe_blocks_t b);
extern const qoe_blocks_t  qoe_apply_no_blocks;

/* qoe_apply_view.c */

/*
 * The live view that an event belongs to, begun where need be; NULL: the view
 * is over, or the event was seen before and there is none.  Ends views that
 * the event replaces.  birth has the keys and the time of the event; the rest
 * of it is filled in here.
 */
qoe_view_t *qoe_apply_view(qoe_apply_t *a, qoe_session_t *session,
    const qoe_sample_t *s, qoe_view_birth_t *birth, bool seen,
    uint64_t now_ns);

/*
 * Ends the views of the same view_id that were not heard of after at_ms: since
 * then another video plays in their place.
 */
void qoe_apply_replace(qoe_apply_t *a, qoe_session_t *session,
    const qoe_view_t *by, uint64_t at_ms, uint64_t now_ns);

/* The session of an event. */
qoe_session_t *qoe_apply_session(qoe_apply_t *a, const uint64_t key[2],
    uint64_t now_ns);

/* Ends a view: its points, its place in the session's memory, its slot. */
void qoe_apply_end(qoe_apply_t *a, qoe_view_t *v, qoe_view_end_t why,
    uint64_t at_ms, uint64_t now_ns);

/* Ends what was silent for too long; a->silent: there is more. */
void qoe_apply_silence(qoe_apply_t *a, uint64_t now_ns);


#endif /* _QOE_APPLY_PRIV_H_INCLUDED_ */
