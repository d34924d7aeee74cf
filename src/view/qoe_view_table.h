
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
      "Nothing plays, and nobody has asked for it: a page is open, or the "   \
      "next video is being loaded.")                                          \
    X(STARTING, "starting",                                                   \
      "The viewer, or autoplay, wants it to play; there is no first frame "   \
      "yet.")                                                                 \
    X(PLAYING, "playing", "Pictures move.")                                   \
    X(STALLED, "stalled",                                                     \
      "It waits in the middle of playing: the only time that is rebuffering.")\
    X(SEEKING, "seeking",                                                     \
      "The viewer went to another place in the video, and it does not play "  \
      "there yet.")                                                           \
    X(PAUSED, "paused", "The viewer has paused it.")                          \
    X(SUSPENDED, "suspended",                                                 \
      "The player was taken away, or failed; the view is over unless "        \
      "something plays within 30 s.")

/* Signals: an id, a name, and which events give the signal. */

#define QOE_VIEW_SIGNALS(X)                                                   \
    X(PLAYS, "plays", "`playing`")                                            \
    X(GROWS, "grows",                                                         \
      "the position, else the playing time, has grown since the state began") \
    X(LEAPS, "leaps",                                                         \
      "the position went forward by over a second more than time did, or "    \
      "back by over half a second")                                           \
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
      "What follows belongs to the seek, until it plays again.")              \
    X(PLAYING,   PAUSES,   always,        PAUSED,                             \
      "The viewer pauses; the pause at the end of the video is no pause.")    \
    X(PLAYING,   LEAVES,   suspends,      SUSPENDED,                          \
      "It may come back: players recover from errors that they call fatal.")  \
    X(STALLED,   GROWS,    stall_grows,   PLAYING,                            \
      "It plays without having said so: the stall was what is missing.")      \
    X(STALLED,   GOES_ON,  stall_goes_on, PLAYING,                            \
      "The stall is over, with its length; within a seek it was none.")       \
    X(STALLED,   PLAYS,    stall_ends,    PLAYING,                            \
      "The stall is over, with its length.")                                  \
    X(STALLED,   SEEKS,    stall_seeks,   SEEKING,                            \
      "The stall ends where the seek began; within the seek it was none.")    \
    X(STALLED,   PAUSES,   stall_pauses,  PAUSED,                             \
      "A pause ends the stall; playing on may open another.")                 \
    X(STALLED,   LEAVES,   stall_leaves,  SUSPENDED,                          \
      "The stall is over, with its length.")                                  \
    X(SEEKING,   GROWS,    plays_on,      PLAYING,                            \
      "It plays in the new place.")                                           \
    X(SEEKING,   WAITS,    seek_waits,    SEEKING,                            \
      "A wait within a seek is not rebuffering.")                             \
    X(SEEKING,   GOES_ON,  seek_ends,     PLAYING,                            \
      "It plays in the new place.")                                           \
    X(SEEKING,   PLAYS,    seek_ends,     PLAYING,                            \
      "It plays in the new place.")                                           \
    X(SEEKING,   CAN_PLAY, seek_can_play, PLAYING,                            \
      "It can play there, and nothing waits.")                                \
    X(SEEKING,   SEEKS,    seek_again,    SEEKING,                            \
      "Another seek; where nothing waited, it has played in between.")        \
    X(SEEKING,   PAUSES,   seek_pauses,   PAUSED,                             \
      "The viewer pauses.")                                                   \
    X(SEEKING,   LEAVES,   suspends,      SUSPENDED,                          \
      "It may come back.")                                                    \
    X(PAUSED,    GROWS,    plays_on,      PLAYING,                            \
      "It plays without having said so.")                                     \
    X(PAUSED,    WAITS,    wait_is_held,  PAUSED,                             \
      "Nobody waits for a paused video, but the wait may outlast the pause.") \
    X(PAUSED,    GOES_ON,  wait_forgets,  PAUSED,                             \
      "The wait did not outlast the pause.")                                  \
    X(PAUSED,    PLAYS,    wait_resumes,  STALLED,                            \
      "The wait outlasts the pause.")                                         \
    X(PAUSED,    PLAYS,    always,        PLAYING,                            \
      "The viewer resumes.")                                                  \
    X(PAUSED,    LEAVES,   suspends,      SUSPENDED,                          \
      "It may come back.")                                                    \
    X(SUSPENDED, PLAYS,    always,        PLAYING,                            \
      "It came back: the view goes on.")                                      \
    X(SUSPENDED, GROWS,    plays_on,      PLAYING,                            \
      "It came back without having said so.")


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
    QOE_SIGNALS                  /* no signal */
} qoe_view_signal_t;


#endif /* _QOE_VIEW_TABLE_H_INCLUDED_ */
