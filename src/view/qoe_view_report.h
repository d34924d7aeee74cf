
/*
 * Copyright (C) OpenQoE
 *
 * Views that reports of CMCD (CTA-5004-B, event mode) make or describe.
 *
 * A report names the state of the player, so nothing has to be concluded from
 * positions: a change of the state is a moment that waits as events do, and is
 * judged as the events of the product that mean the same (qoe_view_table.h).
 * What players make of the states is docs/cmcd.md.
 *
 * Pure, as qoe_view.h.
 */


#ifndef _QOE_VIEW_REPORT_H_INCLUDED_
#define _QOE_VIEW_REPORT_H_INCLUDED_


#include "qoe_view.h"
#include "qoe_session.h"


typedef struct {
    bool            seen;                    /* it came before */
    bool            state;                   /* its state is to be believed */
    bool            lost;                    /* others before it are missing */
    uint64_t        at_ms;
} qoe_view_report_t;


/*
 * When a report describes the player, by the session's clock: a report about a
 * response names the time at which the request was sent, but was made when the
 * response was complete.
 */
uint64_t qoe_report_time(const qoe_sample_t *s, uint64_t at_ms);

/*
 * Does the report say that the viewer wants to watch, so that it begins a
 * view?
 * A player that preloads, or has ended, does not.
 */
bool qoe_report_begins(const qoe_sample_t *s);

/*
 * The type of event by which the view of a report is found: one with the state
 * of a player that wants to play begins and replaces views as a `playing` does.
 */
qoe_event_type_t qoe_report_type(const qoe_sample_t *s);

/*
 * Should the state in the report be believed?  That of a state change or a
 * heartbeat always; others were noted before or after what they report, and are
 * needed only if reports were lost, or none of the view has arrived so far.  v
 * is NULL: there is no view; past is what the session remembers of it, or NULL.
 */
bool qoe_report_tells(const qoe_view_t *v, const qoe_past_t *past,
    const qoe_sample_t *s, bool lost);

/*
 * Applies a report as qoe_view_apply() applies an event.  v is NULL: there is
 * no view.  The points of a view to which an SDK sends events are only those
 * of the report as such.
 */
qoe_view_result_t qoe_view_report(qoe_view_t *v, const qoe_view_report_t *r,
    const qoe_sample_t *s, const qoe_view_conf_t *conf, qoe_points_t *points);

/*
 * Is it a report that does not say that its content has changed for good?
 */
bool qoe_report_leaves(const qoe_sample_t *s);

/*
 * Does the report leave out what an earlier one has named, the content or the
 * type of the stream?  Then the view keeps the attributes that it has.
 */
bool qoe_report_lacks(qoe_view_t *v, const qoe_sample_t *s);

/*
 * Another video plays since at_ms, and this one may go on later: until then it
 * is as if it were paused.  The points replace the content of points.
 */
void qoe_view_aside(qoe_view_t *v, uint64_t at_ms,
    const qoe_view_conf_t *conf, qoe_points_t *points);

/* Adds the points of reports that are missing. */
void qoe_report_missing(qoe_points_t *points, uint64_t n);

/*
 * Notes the sequence number of a report.  *lost: numbers before it are missing
 * so far.  Returns how many reports are missing for good, because 32 others
 * came after them.
 */
uint32_t qoe_session_sequence(qoe_session_t *s, const qoe_sample_t *sample,
    bool *lost);

/* Those that are missing when a view ends. */
uint32_t qoe_session_missing(qoe_session_t *s);

/*
 * An ad, whose video is another, belongs to the view that it interrupts: the
 * tag of that view's video, or 0 if there is no ad.  video_key is what plays
 * when the ad begins.
 */
uint32_t qoe_session_ad(qoe_session_t *s, const qoe_sample_t *sample,
    uint64_t video_key);
uint32_t qoe_session_ad_tag(uint64_t video_key);

/* Does an SDK send events of the session?  Notes that it does. */
bool qoe_session_of_events(const qoe_session_t *s);
void qoe_session_note_events(qoe_session_t *s);


#endif /* _QOE_VIEW_REPORT_H_INCLUDED_ */
