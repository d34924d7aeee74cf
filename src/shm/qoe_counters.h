
/*
 * Copyright (C) OpenQoE
 *
 * The counters of the zone: an id, and what it counts (docs/http-api.md).
 * Every failure has a counter.  Each is a sum over all workers since the zone
 * was made.  What happens to exported events is counted for each exporter
 * (qoe_dest.h).
 *
 * There is no counter of accepted, queued and exported events: these follow
 * from the positions in the lanes, which stay consistent when a process is
 * killed (qoe_dest_info_t).
 */


#ifndef _QOE_COUNTERS_H_INCLUDED_
#define _QOE_COUNTERS_H_INCLUDED_


#define QOE_COUNTERS(X)                                                       \
    X(REQUESTS,              "POST requests to an events location")           \
    X(REQUESTS_ACCEPTED,     "answered 202")                                  \
    X(REQUESTS_INVALID,      "answered 400")                                  \
    X(REQUESTS_UNAUTHORIZED, "answered 401, any location")                    \
    X(REQUESTS_METHOD,       "answered 405, any location")                    \
    X(REQUESTS_TOO_LARGE,    "answered 413 by this module")                   \
    X(REQUESTS_MEDIA_TYPE,   "answered 415")                                  \
    X(REQUESTS_OVERLOAD,     "answered 503 (or 429): the queue was full")     \
    X(REQUESTS_UNCONFIRMED,  "answered 503: not stored in time")              \
    X(REQUESTS_DELAYED,      "waited for room in the queue")                  \
    X(REQUESTS_UNDECODED,    "answered 503 (or 429), events not counted")    \
    X(REQUESTS_DELAY_MS,     "milliseconds that they waited, together")       \
    X(REQUESTS_ERROR,        "answered 500: memory or a system call failed")  \
    X(EVENTS_RECEIVED,       "elements of the events arrays that were read")  \
    X(EVENTS_INVALID,        "events refused by validation")                  \
    X(EVENTS_SESSIONS,       "valid events of more sessions than one request " \
                             "may have")                                      \
    X(EVENTS_STRICT,         "valid events refused with a strict batch")      \
    X(EVENTS_OVERLOAD,       "valid events refused: the queue was full")      \
    X(EVENTS_UNSTORABLE,     "valid events refused: the spool failed")        \
    X(EVENTS_UNCONFIRMED,    "events in the queue, answered 503: not "        \
                             "stored in time")                                \
    X(EVENTS_ERROR,          "valid events refused by an internal error")     \
    X(UNKNOWN_KEYS,          "keys of events that the schema has not")        \
    X(CMCD_REPORTS,          "reports of event mode, also those refused")     \
    X(LOCKS_STOLEN,          "locks taken from a dead process")               \
    X(LANES_ADOPTED,         "lanes taken over from a dead process")          \
    X(RECORDS_INTERRUPTED,   "records whose metrics a kill may have cut")     \
    X(RECORDS_UNREAD,        "records that metrics could not be made of")     \
    X(EVENTS_DUPLICATE,      "events seen before in their view")              \
    X(EVENTS_LATE,           "events of views that were over, or older than " \
                             "what was judged")                               \
    X(CLOCKS_SET,            "events that showed that a client's clock was "  \
                             "set")                                           \
    X(VALUES_IGNORED,        "measurements out of range")                     \
    X(VIEWS_STARTED,         "views begun")                                   \
    X(VIEWS_ENDED,           "views over, for whatever reason")               \
    X(VIEWS_SILENT,          "of them ended by openqoe_view_timeout")         \
    X(VIEWS_EVICTED,         "of them ended for lack of room")                \
    X(VIEWS_NO_TIMELINE,     "views begun for whose timeline was no room")    \
    X(RECORDS_PUT,           "records of views put into the queue")           \
    X(RECORDS_DROPPED,       "final records of views given up, for their "   \
                             "views' places were needed")                     \
    X(RECORDS_GOVERNED,      "times that a view's values as sent had no "     \
                             "place: its records have the governed ones")     \
    X(POINTS_SENT,           "metric points that the collector took")         \
    X(POINTS_REJECTED,       "of them rejected in a partial success")         \
    X(POINTS_REFUSED,        "metric points refused for good")                \
    X(METRIC_BATCHES_SENT,   "metric requests that succeeded")                \
    X(METRIC_BATCHES_RETRIED, "metric requests that will be repeated")        \
    X(METRIC_BATCHES_FAILED, "metric requests refused for good")              \
    X(METRIC_BATCHES_STALE,  "metric requests given up for newer ones")       \
    X(LISTS_READ,            "lists of openqoe_dimension read again")         \
    X(LISTS_FAILED,          "looks at a list that was missing or wrong")     \
    X(COLLECTIONS,           "collections for export")                        \
    X(CMCD_REQUESTS,         "requests that openqoe_cmcd has looked at")      \
    X(CMCD_SETS,             "of them with a set of CMCD")                    \
    X(CMCD_MEDIA,            "without one, but for media by their type")      \
    X(CMCD_SYNTAX,           "members of sets that are no structured field")  \
    X(CMCD_TYPE,             "members of another type than their key has")    \
    X(CMCD_RANGE,            "members out of range, and unknown tokens")      \
    X(CMCD_LENGTH,           "members that are too long, or too many")        \
    X(CMCD_UNKNOWN,          "members with an unknown key")                   \
    X(CMCD_MODE,             "keys of event mode in requests")                \
    X(CMCD_VERSION,          "sets of a higher version, left out")            \
    X(CMCD_NO_SID,           "sets without a sid")                            \
    X(CMCD_DROPPED,          "requests in no metric: no room in the tap, or " \
                             "no memory")                                     \
    X(CMCD_SESSIONS,         "sessions begun")                                \
    X(CMCD_EVICTED,          "of them given up for lack of room")             \
    X(CMCD_LOGS,             "requests put into the queue as logs")           \
    X(CMCD_LOGS_DROPPED,     "requests not logged: the queue had no room")

typedef enum {
#define QOE_COUNTER_ENUM(id, help)  QOE_COUNT_##id,
    QOE_COUNTERS(QOE_COUNTER_ENUM)
#undef QOE_COUNTER_ENUM
    QOE_COUNTERS_N
} qoe_counter_t;


#endif /* _QOE_COUNTERS_H_INCLUDED_ */
