
/*
 * Copyright (C) OpenQoE
 *
 * The states of a view, and the transitions between them.  The table is the
 * program: qoe_view_judge.c looks the rows up, and docs/numbers.md shows them.
 */


#ifndef _QOE_VIEW_TABLE_H_INCLUDED_
#define _QOE_VIEW_TABLE_H_INCLUDED_


/* States: an id, a name, and what a viewer sees. */

#define QOE_VIEW_PHASES(X)                                                    \
    X(IDLE, "idle",                                                           \
      "Nothing plays, and no request to play has been made: a page is "       \
      "open, or the next video is being loaded.")                             \
    X(STARTING, "starting",                                                   \
      "The viewer, or autoplay, has requested playback; there is no first "   \
      "frame yet.")                                                           \
    X(PLAYING, "playing", "Pictures move.")                                   \
    X(STALLED, "stalled",                                                     \
      "Playback waits for media after the first frame; only this time is "    \
      "rebuffering.")                                                         \
    X(SEEKING, "seeking",                                                     \
      "The viewer has moved to another position, and the video does not "     \
      "play there yet.")                                                      \
    X(PAUSED, "paused", "The viewer has paused the video.")                   \
    X(SUSPENDED, "suspended",                                                 \
      "The player was removed, or failed; the view is over unless "           \
      "something plays within 30 s.")

/* Signals: an id, a name, and which events give the signal. */

#define QOE_VIEW_SIGNALS(X)                                                   \
    X(PLAYS, "plays", "`playing`")                                            \
    X(GROWS, "grows",                                                         \
      "the position, or without one the playing time, has grown since the "   \
      "state began")                                                          \
    X(LEAPS, "leaps",                                                         \
      "the position moved forward by over a second more than the time that "  \
      "passed, or back by over half a second")                                \
    X(WAITS, "waits", "`stallstart`, `waitstart`")                            \
    X(GOES_ON, "goes on", "`stallend`")                                       \
    X(CAN_PLAY, "can play", "`canplay`")                                      \
    X(SEEKS, "seeks", "`seek`")                                               \
    X(PAUSES, "pauses", "`pause`")                                            \
    X(LEAVES, "leaves", "`playbackdetached`, a fatal `error`")

/*
 * Transitions after the first frame: from, signal, action, to, meaning.  If an
 * action does not apply, the next row for that state and signal is tried; if
 * there is none, the state does not change.  Before the first frame,
 * qoe_view_start.c decides alone; `ended` ends the view in any state.
 */

#define QOE_VIEW_TRANSITIONS(X)                                               \
    X(PLAYING,   WAITS,    wait_opens,    STALLED,                            \
      "A wait begins, unless the video is at its end.")                       \
    X(PLAYING,   LEAPS,    seek_begins,   SEEKING,                            \
      "A leap is a seek, whether the player reports one or not.")             \
    X(PLAYING,   SEEKS,    seek_begins,   SEEKING,                            \
      "Everything belongs to the seek until the video plays again.")          \
    X(PLAYING,   PAUSES,   always,        PAUSED,                             \
      "The viewer pauses; the pause at the end of the video is no pause.")    \
    X(PLAYING,   LEAVES,   suspends,      SUSPENDED,                          \
      "Playback may resume: players recover from errors that they call "      \
      "fatal.")                                                               \
    X(STALLED,   GROWS,    stall_grows,   PLAYING,                            \
      "Playback resumed without an event: the stall is the time that the "    \
      "growth does not explain.")                                             \
    X(STALLED,   GOES_ON,  stall_goes_on, PLAYING,                            \
      "The stall is over and is counted; a wait that belongs to a seek is "   \
      "not.")                                                                 \
    X(STALLED,   PLAYS,    stall_ends,    PLAYING,                            \
      "The stall is over and is counted.")                                    \
    X(STALLED,   SEEKS,    stall_seeks,   SEEKING,                            \
      "The stall ends when the seek began; a wait during the seek is not "    \
      "rebuffering.")                                                         \
    X(STALLED,   PAUSES,   stall_pauses,  PAUSED,                             \
      "The pause ends the stall; another may begin when playback resumes.")   \
    X(STALLED,   LEAVES,   stall_leaves,  SUSPENDED,                          \
      "The stall is over and is counted.")                                    \
    X(SEEKING,   GROWS,    plays_on,      PLAYING,                            \
      "The video plays at the new position.")                                 \
    X(SEEKING,   WAITS,    seek_waits,    SEEKING,                            \
      "A wait within a seek is not rebuffering.")                             \
    X(SEEKING,   GOES_ON,  seek_ends,     PLAYING,                            \
      "The video plays at the new position.")                                 \
    X(SEEKING,   PLAYS,    seek_ends,     PLAYING,                            \
      "The video plays at the new position.")                                 \
    X(SEEKING,   CAN_PLAY, seek_can_play, PLAYING,                            \
      "The video can play at the new position, and no wait is open.")         \
    X(SEEKING,   SEEKS,    seek_again,    SEEKING,                            \
      "Another seek; without an open wait, the video has played in "          \
      "between.")                                                             \
    X(SEEKING,   PAUSES,   seek_pauses,   PAUSED,                             \
      "The viewer pauses.")                                                   \
    X(SEEKING,   LEAVES,   suspends,      SUSPENDED,                          \
      "Playback may resume.")                                                 \
    X(PAUSED,    GROWS,    plays_on,      PLAYING,                            \
      "Playback resumed without an event.")                                   \
    X(PAUSED,    WAITS,    wait_is_held,  PAUSED,                             \
      "The viewer does not wait for a paused video, but the wait may "        \
      "outlast the pause.")                                                   \
    X(PAUSED,    GOES_ON,  wait_forgets,  PAUSED,                             \
      "The wait did not outlast the pause.")                                  \
    X(PAUSED,    PLAYS,    wait_resumes,  STALLED,                            \
      "The wait outlasts the pause.")                                         \
    X(PAUSED,    PLAYS,    always,        PLAYING,                            \
      "The viewer resumes.")                                                  \
    X(PAUSED,    LEAVES,   suspends,      SUSPENDED,                          \
      "Playback may resume.")                                                 \
    X(SUSPENDED, PLAYS,    always,        PLAYING,                            \
      "Playback resumes, and the view goes on.")                              \
    X(SUSPENDED, GROWS,    plays_on,      PLAYING,                            \
      "Playback resumed without an event.")


typedef enum {
#define QOE_VIEW_PHASE_ENUM(id, name, text)  QOE_PHASE_##id,
    QOE_VIEW_PHASES(QOE_VIEW_PHASE_ENUM)
#undef QOE_VIEW_PHASE_ENUM
    QOE_PHASES
} qoe_view_phase_t;

typedef enum {
#define QOE_VIEW_SIGNAL_ENUM(id, name, text)  QOE_SIGNAL_##id,
    QOE_VIEW_SIGNALS(QOE_VIEW_SIGNAL_ENUM)
#undef QOE_VIEW_SIGNAL_ENUM
    QOE_SIGNAL_NONE
} qoe_view_signal_t;


#endif /* _QOE_VIEW_TABLE_H_INCLUDED_ */
