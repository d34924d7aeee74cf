
/*
 * Copyright (C) OpenQoE
 *
 * The record of a view: all that its state says, as a plain struct, and as the
 * bytes that cross the zone from the helper that makes it to the feeds that
 * export it (a frame of kind QOE_FRAME_VIEW).
 *
 * The numbers are cumulative for the view, and seq grows with each record of
 * it: of all records with the same ids, start and edge, the one with the
 * highest seq is valid, and the others may be forgotten.  So a record that
 * arrives twice changes nothing.
 *
 * Pure: uses no clock, and no memory but its arguments.
 */


#ifndef _QOE_VIEW_RECORD_H_INCLUDED_
#define _QOE_VIEW_RECORD_H_INCLUDED_


#include "qoe_labels.h"
#include "qoe_view.h"


/*
 * The attributes of a record beside its dimensions, in the order in which they
 * are written: a member, the name, and what it is.  docs/views.md shows the
 * table.
 *
 *   TEXT   a text, left out if it is empty
 *   COUNT  a whole number, always there
 *   PLAYED a whole number that a view has only once it has started
 *   REAL   a fraction, left out if it is NaN
 *   FLAG   true or false, left out if it is false
 */

#define QOE_VIEW_ATTRIBUTES(TEXT, COUNT, PLAYED, REAL, FLAG)                  \
    TEXT(session_id, "session_id",                                            \
      "The session, as in the logs of its events")                            \
    TEXT(view_id, "view_id",                                                  \
      "The view, as in the logs of its events; also the trace id if it is a " \
      "UUID")                                                                 \
    TEXT(viewer_hash, "viewer_hash",                                          \
      "A keyed hash of `org_id` and `viewer_id`, the same for all views of a "\
      "viewer")                                                               \
    COUNT(play, "openqoe.view.play",                                          \
      "Which view of its session it is, from 1")                              \
    COUNT(seq, "openqoe.view.seq",                                            \
      "Which record of the view it is, from 1; the highest one is valid")     \
    FLAG(final, "openqoe.view.final",                                         \
      "The view is over, and no other record of it follows")                  \
    TEXT(outcome, "openqoe.view.outcome",                                     \
      "How the view ended, as in `openqoe.views_total`; final records only")  \
    TEXT(end_reason, "openqoe.view.end_reason",                               \
      "What ended it: `ended`, `detached`, `replaced`, `silent`, `evicted`; " \
      "final records only")                                                   \
    TEXT(error_type, "error.type",                                            \
      "The `error_family` of its last error")                                 \
    TEXT(error_code, "error_code",                                            \
      "The `error_code` of its last error")                                   \
    TEXT(source, "openqoe.view.source",                                       \
      "What the record was made from: `events` of an SDK, `cmcd`, or "        \
      "`events+cmcd`")                                                        \
    FLAG(continued, "openqoe.view.continued",                                 \
      "It goes on with a view that silence had ended")                        \
    FLAG(started, "openqoe.view.started",                                     \
      "A first frame was shown")                                              \
    COUNT(start_ms, "openqoe.view.start_ms",                                  \
      "Its first event, Unix time in ms by the client's clock")               \
    COUNT(end_ms, "openqoe.view.end_ms",                                      \
      "Its last event so far")                                                \
    COUNT(events, "openqoe.view.events",                                      \
      "Its events, without those that were seen before")                      \
    REAL(startup_ms, "openqoe.view.startup_ms",                               \
      "From the wish to play to the first frame, where both are known")       \
    REAL(page_load_ms, "openqoe.view.page_load_ms",                           \
      "The page's load time; first view of a session")                        \
    REAL(player_startup_ms, "openqoe.view.player_startup_ms",                 \
      "The player's startup; first view of a session")                        \
    REAL(aggregate_startup_ms, "openqoe.view.aggregate_startup_ms",           \
      "All startup together, as in `openqoe.aggregate_startup_time`")         \
    PLAYED(playing_ms, "openqoe.view.playing_ms",                             \
      "Time in which pictures moved")                                         \
    COUNT(watched_ms, "openqoe.view.watched_ms",                              \
      "Time from the first event to the last one, without long holes")        \
    PLAYED(paused_ms, "openqoe.view.paused_ms",                               \
      "Time paused")                                                          \
    PLAYED(seeking_ms, "openqoe.view.seeking_ms",                             \
      "Time from seeking until it played again")                              \
    COUNT(hidden_ms, "openqoe.view.hidden_ms",                                \
      "Time in which the page was hidden")                                    \
    PLAYED(stalled_ms, "openqoe.view.stalled_ms",                             \
      "Time stalled, the sum of `openqoe.rebuffer_duration`")                 \
    PLAYED(stalls, "openqoe.view.stalls",                                     \
      "Stalls of 250 ms or more")                                             \
    PLAYED(longest_stall_ms, "openqoe.view.longest_stall_ms",                 \
      "The longest of them")                                                  \
    PLAYED(pauses, "openqoe.view.pauses",                                     \
      "Pauses of the viewer")                                                 \
    COUNT(seeks, "openqoe.view.seeks",                                        \
      "Seeks")                                                                \
    COUNT(errors, "openqoe.view.errors",                                      \
      "Errors, fatal or not")                                                 \
    REAL(bitrate, "openqoe.view.bitrate",                                     \
      "The mean video bitrate over the time of playing, bit/s")               \
    REAL(height, "openqoe.view.height",                                       \
      "The mean height of the picture over the time of playing, pixels")      \
    REAL(top_bitrate, "openqoe.view.top_bitrate",                             \
      "The highest video bitrate shown, bit/s")                               \
    REAL(top_height, "openqoe.view.top_height",                               \
      "The greatest height of the picture, pixels")                           \
    PLAYED(switches_up, "openqoe.view.switches_up",                           \
      "Changes of the video to a higher bitrate")                             \
    PLAYED(switches_down, "openqoe.view.switches_down",                       \
      "Changes of the video to a lower bitrate")                              \
    REAL(upscale_share, "openqoe.view.upscale_share",                         \
      "The share of playing with the picture enlarged, 0 to 1")               \
    REAL(downscale_share, "openqoe.view.downscale_share",                     \
      "The share of playing with the picture reduced, 0 to 1")                \
    PLAYED(dropped_frames, "openqoe.view.dropped_frames",                     \
      "Frames that the player dropped")                                       \
    PLAYED(quartile, "openqoe.view.quartile",                                 \
      "The highest quartile reached: 0, 25, 50, 75 or 100")                   \
    REAL(max_position_ms, "openqoe.view.max_position_ms",                     \
      "The furthest position in the video")                                   \
    REAL(duration_ms, "openqoe.view.duration_ms",                             \
      "The duration of the video")                                            \
    REAL(completion, "openqoe.view.completion",                               \
      "The completion rate that the player reports, else the furthest "       \
      "position as a share of the duration, 0 to 1")                          \
    COUNT(requests, "openqoe.view.requests",                                  \
      "Requests for media that name its session by CMCD")                     \
    COUNT(request_bytes, "openqoe.view.request_bytes",                        \
      "Bytes of the bodies of their answers")                                 \
    COUNT(request_errors, "openqoe.view.request_errors",                      \
      "Those answered with 4xx or 5xx")                                       \
    COUNT(request_aborts, "openqoe.view.request_aborts",                      \
      "Those whose answer did not come to its end")                           \
    COUNT(deadline_misses, "openqoe.view.deadline_misses",                    \
      "Those that ended after the deadline that CMCD gives")                  \
    COUNT(request_stalls, "openqoe.view.request_stalls",                      \
      "Stalls, as estimated from the requests")                               \
    TEXT(stall_cause, "openqoe.view.stall_cause",                             \
      "The cause of the last stall or miss: `error`, `origin`, `edge`, "      \
      "`network`, `client`")                                                  \
    REAL(startup_score, "openqoe.view.startup_score",                         \
      "As `openqoe.startup_time_score`; final records only")                  \
    REAL(rebuffer_score, "openqoe.view.rebuffer_score",                       \
      "As `openqoe.rebuffer_score`; final records only")                      \
    REAL(quality_score, "openqoe.view.quality_score",                         \
      "As `openqoe.video_quality_score`; final records only")                 \
    REAL(experience_score, "openqoe.view.experience_score",                   \
      "As `openqoe.viewer_experience_score`; final records only")


typedef struct {
#define QOE_VIEW_TEXT_MEMBER(member, name, text)   qoe_span_t  member;
#define QOE_VIEW_COUNT_MEMBER(member, name, text)  uint64_t  member;
#define QOE_VIEW_REAL_MEMBER(member, name, text)   double  member;
#define QOE_VIEW_FLAG_MEMBER(member, name, text)   bool  member;
    QOE_VIEW_ATTRIBUTES(QOE_VIEW_TEXT_MEMBER, QOE_VIEW_COUNT_MEMBER,
                        QOE_VIEW_COUNT_MEMBER, QOE_VIEW_REAL_MEMBER,
                        QOE_VIEW_FLAG_MEMBER)
#undef QOE_VIEW_TEXT_MEMBER
#undef QOE_VIEW_COUNT_MEMBER
#undef QOE_VIEW_REAL_MEMBER
#undef QOE_VIEW_FLAG_MEMBER

    qoe_span_t    dims;          /* qoe_labels.h: the dimensions, as sent */
    uint64_t      made_ns;       /* Unix */
    bool          failed;        /* its outcome is a failure */

    /* for the trace of the view; its bytes are the matter of their maker */
    bool          trace;         /* the trace is to be exported */
    qoe_span_t    timeline;      /* empty: none */
} qoe_view_record_t;


/* The longest record, in bytes, and the longest timeline in one. */
#define QOE_VIEW_RECORD_MAX  (16 * 1024)
#define QOE_TIMELINE_MAX     2048


/*
 * Fills in all but the texts of the ids, of the error and of the dimensions,
 * and the timeline, which become empty.  A view that qoe_view_end() has ended
 * makes a final record.
 */
void qoe_view_record_make(qoe_view_record_t *r, const qoe_view_t *v,
    uint64_t made_ns);

/*
 * Packs the record into buf and returns its length.  Texts that do not fit are
 * left out: the timeline first, then the dimensions.
 */
size_t qoe_view_record_pack(char buf[QOE_VIEW_RECORD_MAX],
    const qoe_view_record_t *r);

/*
 * The texts of *r point into packed.  QOE_INVALID: the bytes are no record;
 * every other sequence of bytes is safe.
 */
qoe_status_t qoe_view_record_unpack(qoe_view_record_t *r, qoe_span_t packed);

/* When the record was made, Unix ns; 0 if the bytes are no record. */
uint64_t qoe_view_record_made(qoe_span_t packed);


#endif /* _QOE_VIEW_RECORD_H_INCLUDED_ */
