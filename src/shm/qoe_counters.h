
/*
 * Copyright (C) OpenQoE
 *
 * The counters: those of the zone, which are sums over all workers since the
 * zone was made, and those that each exporter has (qoe_dest.h).  Every failure
 * has a counter.  A row is all that there is to say of a counter: it is shown
 * in /v2/stats, and exported if it says so, without another line of code.
 *
 * There is no counter of accepted, queued and exported events: these follow
 * from the positions in the lanes, which stay consistent when a process is
 * killed (qoe_dest_info_t).
 *
 * The order of the rows is part of the layout of the zone (QOE_ZONE_VERSION),
 * and the order in which the stats have the counters of a place.
 */


#ifndef _QOE_COUNTERS_H_INCLUDED_
#define _QOE_COUNTERS_H_INCLUDED_


#include "qoe_core.h"


/*
 * The places of the stats where counters stand: an id, and the object whose
 * members they are.  An object has several places where something else stands
 * between its counters.  The names in REJECTED are also the attribute "reason"
 * of openqoe.ingest.events and of openqoe.events_rejected.
 */

#define QOE_COUNTER_PLACES(X)                                                 \
    X(EVENTS,        "events")                                                \
    X(REJECTED,      "events.rejected")                                       \
    X(STORED,        "events")                                                \
    X(KEYS,          "events")                                                \
    X(REQUESTS,      "requests")                                              \
    X(QUEUE,         "queue")                                                 \
    X(LISTS,         "lists")                                                 \
    X(VIEWS,         "views")                                                 \
    X(METRICS,       "metrics")                                               \
    X(POINTS,        "metrics.points")                                        \
    X(BATCHES,       "metrics.batches")                                       \
    X(CMCD,          "cmcd")                                                  \
    X(CMCD_IGNORED,  "cmcd.ignored")                                          \
    X(CMCD_SESSIONS, "cmcd.sessions")                                         \
    X(CMCD_LOGS,     "cmcd.logs")

/*
 * The counters of the zone: id, place, name of the member, the metric that also
 * exports it (qoe_catalogue.h, which has its name, unit and description; NONE:
 * there is no such metric), and what it counts.  If the metric is in seconds,
 * the counter is in milliseconds.
 */

#define QOE_COUNTERS(X)                                                       \
    X(EVENTS_RECEIVED, EVENTS, "received", NONE,                              \
      "elements of the events arrays that were read")                         \
    X(EVENTS_INVALID, REJECTED, "invalid", NONE,                              \
      "events refused by validation")                                         \
    X(EVENTS_SESSIONS, REJECTED, "sessions", NONE,                            \
      "valid events of more sessions than one request may have")              \
    X(EVENTS_STRICT, REJECTED, "strict", NONE,                                \
      "valid events refused with a strict batch")                             \
    X(EVENTS_OVERLOAD, REJECTED, "overload", NONE,                            \
      "valid events refused: the queue was full")                             \
    X(EVENTS_UNSTORABLE, REJECTED, "unstorable", NONE,                        \
      "valid events refused: the spool failed")                               \
    X(EVENTS_ERROR, REJECTED, "error", NONE,                                  \
      "valid events refused by an internal error")                            \
    X(EVENTS_UNCONFIRMED, STORED, "unconfirmed", NONE,                        \
      "events in the queue, answered 503: not stored in time")                \
    X(UNKNOWN_KEYS, KEYS, "unknown_keys", NONE,                               \
      "keys of events that the schema has not")                               \
    X(REQUESTS, REQUESTS, "received", NONE,                                   \
      "POST requests to an events location")                                  \
    X(REQUESTS_ACCEPTED, REQUESTS, "202", NONE,                               \
      "answered 202")                                                         \
    X(REQUESTS_INVALID, REQUESTS, "400", NONE,                                \
      "answered 400")                                                         \
    X(REQUESTS_UNAUTHORIZED, REQUESTS, "401", NONE,                           \
      "answered 401, any location")                                           \
    X(REQUESTS_METHOD, REQUESTS, "405", NONE,                                 \
      "answered 405, any location")                                           \
    X(REQUESTS_TOO_LARGE, REQUESTS, "413", NONE,                              \
      "answered 413 by this module")                                          \
    X(REQUESTS_MEDIA_TYPE, REQUESTS, "415", NONE,                             \
      "answered 415")                                                         \
    X(REQUESTS_ERROR, REQUESTS, "500", NONE,                                  \
      "answered 500: memory or a system call failed")                         \
    X(REQUESTS_OVERLOAD, REQUESTS, "503", NONE,                               \
      "answered 503 (or 429): the queue was full")                            \
    X(REQUESTS_UNCONFIRMED, REQUESTS, "unconfirmed", NONE,                    \
      "answered 503: not stored in time")                                     \
    X(REQUESTS_DELAYED, REQUESTS, "delayed", INGEST_DELAYED,                  \
      "waited for room in the queue")                                         \
    X(REQUESTS_DELAY_MS, REQUESTS, "delay_ms", INGEST_DELAY,                  \
      "milliseconds that they waited, together")                              \
    X(REQUESTS_UNDECODED, REQUESTS, "undecoded", INGEST_UNDECODED,            \
      "answered 503 (or 429), events not counted")                            \
    X(LOCKS_STOLEN, QUEUE, "locks_stolen", NONE,                              \
      "locks taken from a dead process")                                      \
    X(LANES_ADOPTED, QUEUE, "lanes_adopted", NONE,                            \
      "lanes taken over from a dead process")                                 \
    X(LISTS_READ, LISTS, "read", NONE,                                        \
      "lists of openqoe_dimension read again")                                \
    X(LISTS_FAILED, LISTS, "failed", NONE,                                    \
      "looks at a list that was missing or wrong")                            \
    X(VIEWS_STARTED, VIEWS, "started", NONE,                                  \
      "views begun")                                                          \
    X(VIEWS_ENDED, VIEWS, "ended", NONE,                                      \
      "views over, for whatever reason")                                      \
    X(VIEWS_SILENT, VIEWS, "ended_silent", NONE,                              \
      "of them ended by openqoe_view_timeout")                                \
    X(VIEWS_EVICTED, VIEWS, "closed_early", NONE,                             \
      "of them ended for lack of room")                                       \
    X(VIEWS_NO_TIMELINE, VIEWS, "without_timeline", NONE,                     \
      "views begun for whose timeline was no room")                           \
    X(RECORDS_PUT, VIEWS, "records", NONE,                                    \
      "records of views put into the queue")                                  \
    X(RECORDS_DROPPED, VIEWS, "records_dropped", NONE,                        \
      "final records of views given up, for their views' places were needed") \
    X(RECORDS_GOVERNED, VIEWS, "records_governed", NONE,                      \
      "times that a view's values as sent had no place: its records have "    \
      "the governed ones")                                                    \
    X(EVENTS_DUPLICATE, VIEWS, "duplicates", NONE,                            \
      "events seen before in their view")                                     \
    X(EVENTS_LATE, VIEWS, "late", NONE,                                       \
      "events of views that were over, or older than what was judged")        \
    X(CLOCKS_SET, VIEWS, "clocks_set", NONE,                                  \
      "events that showed that a client's clock was set")                     \
    X(VALUES_IGNORED, VIEWS, "values_ignored", NONE,                          \
      "measurements out of range")                                            \
    X(RECORDS_INTERRUPTED, VIEWS, "interrupted", NONE,                        \
      "records whose metrics a kill may have cut")                            \
    X(RECORDS_UNREAD, VIEWS, "unread", NONE,                                  \
      "records that metrics could not be made of")                            \
    X(COLLECTIONS, METRICS, "collections", NONE,                              \
      "collections for export")                                               \
    X(POINTS_SENT, POINTS, "sent", NONE,                                      \
      "metric points that the collector took")                                \
    X(POINTS_REJECTED, POINTS, "rejected", NONE,                              \
      "of them rejected in a partial success")                                \
    X(POINTS_REFUSED, POINTS, "refused", NONE,                                \
      "metric points refused for good")                                       \
    X(METRIC_BATCHES_SENT, BATCHES, "sent", NONE,                             \
      "metric requests that succeeded")                                       \
    X(METRIC_BATCHES_RETRIED, BATCHES, "retried", NONE,                       \
      "metric requests that will be repeated")                                \
    X(METRIC_BATCHES_FAILED, BATCHES, "failed", NONE,                         \
      "metric requests refused for good")                                     \
    X(METRIC_BATCHES_STALE, BATCHES, "stale", NONE,                           \
      "metric requests given up for newer ones")                              \
    X(CMCD_REPORTS, CMCD, "reports", NONE,                                    \
      "reports of event mode, also those refused")                            \
    X(CMCD_REQUESTS, CMCD, "requests", NONE,                                  \
      "requests that openqoe_cmcd has looked at")                             \
    X(CMCD_SETS, CMCD, "sets", NONE,                                          \
      "of them with a set of CMCD")                                           \
    X(CMCD_MEDIA, CMCD, "without", NONE,                                      \
      "without one, but for media by their type")                             \
    X(CMCD_DROPPED, CMCD, "dropped", NONE,                                    \
      "requests in no metric: no room in the tap, or no memory")              \
    X(CMCD_SYNTAX, CMCD_IGNORED, "syntax", NONE,                              \
      "members of sets that are no structured field")                         \
    X(CMCD_TYPE, CMCD_IGNORED, "type", NONE,                                  \
      "members of another type than their key has")                           \
    X(CMCD_RANGE, CMCD_IGNORED, "range", NONE,                                \
      "members out of range, and unknown tokens")                             \
    X(CMCD_LENGTH, CMCD_IGNORED, "length", NONE,                              \
      "members that are too long, or too many")                               \
    X(CMCD_UNKNOWN, CMCD_IGNORED, "unknown", NONE,                            \
      "members with an unknown key")                                          \
    X(CMCD_MODE, CMCD_IGNORED, "mode", NONE,                                  \
      "keys of event mode in requests")                                       \
    X(CMCD_VERSION, CMCD_IGNORED, "version", NONE,                            \
      "sets of a higher version, left out")                                   \
    X(CMCD_NO_SID, CMCD_IGNORED, "no_sid", NONE,                              \
      "sets without a sid")                                                   \
    X(CMCD_SESSIONS, CMCD_SESSIONS, "begun", NONE,                            \
      "sessions begun")                                                       \
    X(CMCD_EVICTED, CMCD_SESSIONS, "evicted", NONE,                           \
      "of them given up for lack of room")                                    \
    X(CMCD_LOGS, CMCD_LOGS, "queued", NONE,                                   \
      "requests put into the queue as logs")                                  \
    X(CMCD_LOGS_DROPPED, CMCD_LOGS, "dropped", NONE,                          \
      "requests not logged: the queue had no room")

/*
 * The places in the object of an exporter.  The counters of STATES stand among
 * other states (QOE_DEST_STATES), those of DROPPED are also the attribute
 * "reason" of openqoe.delivery.events.
 */

#define QOE_DEST_PLACES(X)                                                    \
    X(STATES,        "")                                                      \
    X(DROPPED,       "dropped")                                               \
    X(BATCHES,       "batches")                                               \
    X(SPOOL,         "spool")                                                 \
    X(HIDDEN,        NULL)

/*
 * The counters of an exporter: id, place, name of the member, and what it
 * counts.  A counter whose place is HIDDEN is not in the stats, and says why in
 * place of a name.
 */

#define QOE_DEST_COUNTERS(X)                                                  \
    X(RECOVERED, STATES, "recovered",                                         \
      "events found in the spool of another instance")                        \
    X(REJECTED, STATES, "rejected",                                           \
      "events that the collector rejected in a partial success")              \
    X(DROPPED_REFUSED, DROPPED, "refused",                                    \
      "events of a batch refused for good")                                   \
    X(DROPPED_CORRUPT, DROPPED, "corrupt",                                    \
      "events of records, queued or spooled, that could not be read")         \
    X(DROPPED_SPOOL, DROPPED, "spool",                                        \
      "events of the oldest segments, dropped for room in the spool")         \
    X(DROPPED_BEHIND, DROPPED, "behind",                                      \
      "events dropped for room in the queue, while other exporters had "      \
      "released them")                                                        \
    X(DROPPED_REMOVED, DROPPED, "removed",                                    \
      "events queued for an exporter that was removed")                       \
    X(DROPPED_LOST, DROPPED, "lost",                                          \
      "spooled events whose segment was removed or replaced")                 \
    X(BATCHES_SENT, BATCHES, "sent",                                          \
      "export requests that succeeded")                                       \
    X(BATCHES_RETRIED, BATCHES, "retried",                                    \
      "export attempts that will be repeated")                                \
    X(BATCHES_FAILED, BATCHES, "failed",                                      \
      "export requests refused for good")                                     \
    X(BATCHES_QUARANTINED, BATCHES, "quarantined",                            \
      "refused batches kept in the quarantine")                               \
    X(BATCHES_UNFINISHED, BATCHES, "unfinished",                              \
      "successful export requests whose answer did not end")                  \
    X(SPOOLED, SPOOL, "written",                                              \
      "events written to the spool")                                          \
    X(REPLAYED, SPOOL, "replayed",                                            \
      "spooled events that were exported later")                              \
    X(SEGMENTS_DAMAGED, SPOOL, "damaged",                                     \
      "segments with damage, kept in the quarantine")                         \
    X(SPOOL_STRANGERS, SPOOL, "strangers",                                    \
      "entries of the spool directory that are not segments")                 \
    X(SPOOL_SYNCS, SPOOL, "syncs",                                            \
      "fdatasync calls")                                                      \
    X(SPOOL_ERRORS, SPOOL, "errors",                                          \
      "failed I/O of the spool")                                              \
    X(SEGMENTS_CREATED, HIDDEN, "\"segments\" shows those that there are",    \
      "segments begun")                                                       \
    X(QUARANTINE_BYTES, HIDDEN, "it bounds what the quarantine may take",     \
      "bytes put into the quarantine")


typedef enum {
#define QOE_PLACE_ENUM(id, path)  QOE_PLACE_##id,
    QOE_COUNTER_PLACES(QOE_PLACE_ENUM)
#undef QOE_PLACE_ENUM
    QOE_PLACES_N
} qoe_counter_place_t;


typedef enum {
#define QOE_COUNTER_ENUM(id, ...)  QOE_COUNT_##id,
    QOE_COUNTERS(QOE_COUNTER_ENUM)
#undef QOE_COUNTER_ENUM
    QOE_COUNTERS_N
} qoe_counter_t;


typedef enum {
#define QOE_DEST_PLACE_ENUM(id, path)  QOE_DEST_PLACE_##id,
    QOE_DEST_PLACES(QOE_DEST_PLACE_ENUM)
#undef QOE_DEST_PLACE_ENUM
    QOE_DEST_PLACES_N
} qoe_dest_place_t;


typedef enum {
#define QOE_DEST_COUNTER_ENUM(id, ...)  QOE_DEST_##id,
    QOE_DEST_COUNTERS(QOE_DEST_COUNTER_ENUM)
#undef QOE_DEST_COUNTER_ENUM
    QOE_DEST_COUNTERS_N
} qoe_dest_counter_t;


/* Names of members, and where these are. */

typedef struct {
    const char            *name;
    qoe_counter_place_t    place;
} qoe_counter_row_t;

typedef struct {
    const char            *name;
    qoe_dest_place_t       place;
} qoe_dest_row_t;

extern const qoe_counter_row_t  qoe_counters[QOE_COUNTERS_N];
extern const qoe_dest_row_t     qoe_dest_counters[QOE_DEST_COUNTERS_N];


#endif /* _QOE_COUNTERS_H_INCLUDED_ */
