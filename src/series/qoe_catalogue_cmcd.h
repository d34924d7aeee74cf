
/*
 * Copyright (C) OpenQoE
 *
 * The rows of the catalogue (qoe_catalogue.h) that are made from requests for
 * media and from CMCD.  All have at most QOE_VIEW_BOUNDS_MAX bounds.
 *
 * The bounds of times begin where a cache in memory answers, and end where a
 * player has given up; those of ratios have one at or around 1, where the
 * meaning changes.
 */


#ifndef _QOE_CATALOGUE_CMCD_H_INCLUDED_
#define _QOE_CATALOGUE_CMCD_H_INCLUDED_


#define QOE_BOUNDS_CMCD(X)                                                    \
    X(DELIVERY_TTFB, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)       \
    X(DELIVERY_DURATION, 5, 25, 100, 250, 500, 1000, 2000, 4000, 8000,        \
      15000, 30000)                                                           \
    X(DELIVERY_THROUGHPUT, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000,    \
      64000, 128000, 256000)                                                  \
    X(DELIVERY_GAP, 0.1, 0.25, 0.5, 0.75, 0.9, 1.1, 1.5, 2, 4, 10)            \
    X(DELIVERY_RTT, 1, 5, 10, 20, 40, 60, 100, 150, 250, 500, 1000)           \
    X(DELIVERY_REALTIME, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 50)        \
    X(EXPERIENCE_BITRATE, 100, 250, 500, 1000, 2500, 5000, 8000, 12000,       \
      25000)                                                                  \
    X(EXPERIENCE_SHARE, 0.1, 0.25, 0.5, 0.75, 0.9, 1)                         \
    X(EXPERIENCE_BUFFER, 500, 1000, 2000, 4000, 6000, 8000, 12000, 20000,     \
      30000, 60000)                                                           \
    X(EXPERIENCE_MARGIN, 0, 100, 250, 500, 1000, 2000, 4000, 8000, 15000,     \
      30000)                                                                  \
    X(EXPERIENCE_RATE, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 4)             \
    X(EXPERIENCE_LATENCY, 500, 1000, 2000, 3000, 5000, 8000, 12000, 20000,    \
      30000, 60000)


#define QOE_METRICS_CMCD(X)                                                   \
    X(CMCD_REQUESTS,                                                          \
      "openqoe.cmcd.requests", COUNTER, "{request}", NONE,                    \
      CMCD, COARSE, "source,version",                                         \
      "each request with a set of CMCD",                                      \
      "Requests with CMCD")                                                   \
    X(CMCD_IGNORED,                                                           \
      "openqoe.cmcd.ignored", COUNTER, "{item}", NONE,                        \
      CMCD, COARSE, "reason",                                                 \
      "each member of a set that is left out, and each such set",             \
      "Members of CMCD that were left out")                                   \
    X(CMCD_REPORTS,                                                           \
      "openqoe.cmcd.reports", COUNTER, "{report}", NONE,                      \
      CMCD, COARSE, "event_type",                                             \
      "each report of event mode with a sid",                                 \
      "Reports of players")                                                   \
    X(CMCD_SEQUENCE_GAPS,                                                     \
      "openqoe.cmcd.sequence_gaps", COUNTER, "{report}", NONE,                \
      CMCD, COARSE, "",                                                       \
      "the 32nd report after one that is missing, or the end of its view",    \
      "Reports of players that did not arrive")                               \
    X(DELIVERY_CLIENT_TTFB,                                                   \
      "openqoe.delivery.client_ttfb", HISTOGRAM, "ms", DELIVERY_TTFB,         \
      CMCD, COARSE, "media_type",                                             \
      "rr with a ttfb that is not above its ttlb",                            \
      "Time to the first byte of a response, by the player")                  \
    X(DELIVERY_CLIENT_TTLB,                                                   \
      "openqoe.delivery.client_ttlb", HISTOGRAM, "ms", DELIVERY_DURATION,     \
      CMCD, COARSE, "media_type",                                             \
      "rr with a ttlb below 10 minutes",                                      \
      "Time to the last byte of a response, by the player")                   \
    X(DELIVERY_CLIENT_ERRORS,                                                 \
      "openqoe.delivery.client_errors", COUNTER, "{response}", NONE,          \
      CMCD, HEADLINE, "status_class",                                         \
      "rr with an rc of 400 or more, or 0: no response came",                 \
      "Responses that failed, by the player")                                 \
    X(CMCD_SESSIONS_ACTIVE,                                                   \
      "openqoe.cmcd.sessions.active", GAUGE_NOW, "{session}", NONE,           \
      CMCD, COARSE, "st,sf",                                                  \
      "collection",                                                           \
      "Sessions that request media, by their CMCD")                           \
    X(DELIVERY_REQUESTS,                                                      \
      "openqoe.delivery.requests", COUNTER, "{request}", NONE,                \
      CMCD, HEADLINE, "ot,cache_status,status_class",                         \
      "each request for media",                                               \
      "Requests for media")                                                   \
    X(DELIVERY_BYTES,                                                         \
      "openqoe.delivery.bytes", COUNTER, "By", NONE,                          \
      CMCD, HEADLINE, "ot,cache_status",                                      \
      "each request for media",                                               \
      "Bytes of bodies sent")                                                 \
    X(DELIVERY_MEDIA_TIME,                                                    \
      "openqoe.delivery.media_time", COUNTER, "ms", NONE,                     \
      CMCD, COARSE, "ot",                                                     \
      "a complete response with d",                                           \
      "Media time sent")                                                      \
    X(DELIVERY_TTFB,                                                          \
      "openqoe.delivery.ttfb", HISTOGRAM, "ms", DELIVERY_TTFB,                \
      CMCD, COARSE, "cache_status",                                           \
      "each request for media with a response",                               \
      "Time from the request to the header of its response")                  \
    X(DELIVERY_DURATION,                                                      \
      "openqoe.delivery.duration", HISTOGRAM, "ms", DELIVERY_DURATION,        \
      CMCD, COARSE, "ot",                                                     \
      "a complete response",                                                  \
      "Time from the request to the last byte handed to the kernel")          \
    X(DELIVERY_UPSTREAM_TIME,                                                 \
      "openqoe.delivery.upstream_time", HISTOGRAM, "ms", DELIVERY_TTFB,       \
      CMCD, COARSE, "stage",                                                  \
      "a response that came from an upstream",                                \
      "Time that the upstream took for its header, and for all")              \
    X(DELIVERY_THROUGHPUT,                                                    \
      "openqoe.delivery.throughput", HISTOGRAM, "kbit/s", DELIVERY_THROUGHPUT,\
      CMCD, COARSE, "ot",                                                     \
      "a complete response of more than 128 kB that took 10 ms or more",      \
      "Throughput from the first byte of a response to its last")             \
    X(DELIVERY_THROUGHPUT_GAP,                                                \
      "openqoe.delivery.throughput_gap", HISTOGRAM, "ratio", DELIVERY_GAP,    \
      CMCD, COARSE, "ot",                                                     \
      "the next request of the session and type, with mtp",                   \
      "Throughput by the edge as a share of what the player measured")        \
    X(DELIVERY_RTT,                                                           \
      "openqoe.delivery.rtt", HISTOGRAM, "ms", DELIVERY_RTT,                  \
      CMCD, COARSE, "",                                                       \
      "each request for media over TCP",                                      \
      "Round-trip time by the kernel at the end of a response")               \
    X(DELIVERY_RETRANSMITS,                                                   \
      "openqoe.delivery.retransmits", COUNTER, "{segment}", NONE,             \
      CMCD, COARSE, "",                                                       \
      "each request for media over TCP",                                      \
      "TCP segments sent again")                                              \
    X(DELIVERY_REALTIME_RATIO,                                                \
      "openqoe.delivery.realtime_ratio", HISTOGRAM, "ratio", DELIVERY_REALTIME,\
      CMCD, COARSE, "ot",                                                     \
      "a complete response with d",                                           \
      "Media time sent by the time it took, at the rate of playback")         \
    X(DELIVERY_ERRORS,                                                        \
      "openqoe.delivery.errors", COUNTER, "{request}", NONE,                  \
      CMCD, HEADLINE, "ot,status_class",                                      \
      "a response of 400 or more, except 499",                                \
      "Requests for media answered with an error")                            \
    X(DELIVERY_ABORTED,                                                       \
      "openqoe.delivery.aborted", COUNTER, "{request}", NONE,                 \
      CMCD, COARSE, "ot",                                                     \
      "a client that goes before the end",                                    \
      "Requests for media given up by the client")                            \
    X(DELIVERY_RETRIES,                                                       \
      "openqoe.delivery.retries", COUNTER, "{request}", NONE,                 \
      CMCD, COARSE, "ot",                                                     \
      "the same object again, soon after an error or an abort",               \
      "Requests for media that repeat one that failed")                       \
    X(EXPERIENCE_ATTEMPTS,                                                    \
      "openqoe.experience.attempts", COUNTER, "{view}", NONE,                 \
      CMCD, HEADLINE, "source,st,sf",                                         \
      "the first request of a sid, or of a cid in it",                        \
      "Views begun, estimated from requests")                                 \
    X(EXPERIENCE_STARTUP,                                                     \
      "openqoe.experience.startup", HISTOGRAM, "ms", VIDEO_STARTUP_TIME,      \
      CMCD, HEADLINE, "source",                                               \
      "the first media request of a view that plays",                         \
      "Time from the first request until it plays, an upper estimate")        \
    X(EXPERIENCE_STARTUP_FAILED,                                              \
      "openqoe.experience.startup_failed", COUNTER, "{view}", NONE,           \
      CMCD, HEADLINE, "source",                                               \
      "silence after manifests and errors alone",                             \
      "Views that never got media")                                           \
    X(EXPERIENCE_REBUFFERS,                                                   \
      "openqoe.experience.rebuffers", COUNTER, "{stall}", NONE,               \
      CMCD, HEADLINE, "source,reason,cause",                                  \
      "the end of an estimated stall is known",                               \
      "Stalls, estimated")                                                    \
    X(EXPERIENCE_REBUFFER_TIME,                                               \
      "openqoe.experience.rebuffer_time", HISTOGRAM, "ms", REBUFFER_DURATION, \
      CMCD, HEADLINE, "source,reason,cause",                                  \
      "the end of an estimated stall is known, and its length",               \
      "Length of stalls, estimated")                                          \
    X(EXPERIENCE_PLAYING_TIME,                                                \
      "openqoe.experience.playing_time", COUNTER, "ms", NONE,                 \
      CMCD, HEADLINE, "source",                                               \
      "each media request of a view that plays",                              \
      "Time played, estimated")                                               \
    X(EXPERIENCE_BITRATE,                                                     \
      "openqoe.experience.bitrate", HISTOGRAM, "kbit/s", EXPERIENCE_BITRATE,  \
      CMCD, HEADLINE, "source,ot",                                            \
      "a complete response with br: once for each second of media",           \
      "Bitrate requested, weighted by media time")                            \
    X(EXPERIENCE_BITRATE_SHARE,                                               \
      "openqoe.experience.bitrate_share", HISTOGRAM, "ratio", EXPERIENCE_SHARE,\
      CMCD, COARSE, "source,ot",                                              \
      "a complete response with br and tb",                                   \
      "Bitrate requested as a share of the highest one")                      \
    X(EXPERIENCE_SWITCHES,                                                    \
      "openqoe.experience.switches", COUNTER, "{switch}", NONE,               \
      CMCD, COARSE, "source,ot,change_direction",                             \
      "a complete response with another br than the one before",              \
      "Changes of the bitrate requested")                                     \
    X(EXPERIENCE_BUFFER,                                                      \
      "openqoe.experience.buffer", HISTOGRAM, "ms", EXPERIENCE_BUFFER,        \
      CMCD, COARSE, "source,ot",                                              \
      "a media request with bl, without su",                                  \
      "Length of the buffer")                                                 \
    X(EXPERIENCE_DEADLINE_MARGIN,                                             \
      "openqoe.experience.deadline_margin", HISTOGRAM, "ms", EXPERIENCE_MARGIN,\
      CMCD, COARSE, "source,ot",                                              \
      "a complete response to a request with dl of 300 ms or more",           \
      "Time left of the deadline at the end of the response; 0 if it was "    \
      "missed")                                                               \
    X(EXPERIENCE_DEADLINE_MISSED,                                             \
      "openqoe.experience.deadline_missed", COUNTER, "{request}", NONE,       \
      CMCD, HEADLINE, "source,ot,cause",                                      \
      "a response that ends more than 100 ms after its deadline",             \
      "Deadlines missed")                                                     \
    X(EXPERIENCE_PLAYBACK_RATE,                                               \
      "openqoe.experience.playback_rate", HISTOGRAM, "ratio", EXPERIENCE_RATE,\
      CMCD, COARSE, "source",                                                 \
      "a media request with pr other than 0 and 1",                           \
      "Rate of playback")                                                     \
    X(EXPERIENCE_LIVE_LATENCY,                                                \
      "openqoe.experience.live_latency", HISTOGRAM, "ms", EXPERIENCE_LATENCY, \
      CMCD, COARSE, "source",                                                 \
      "a request with ltc below an hour",                                     \
      "Latency of live video")


#endif /* _QOE_CATALOGUE_CMCD_H_INCLUDED_ */
