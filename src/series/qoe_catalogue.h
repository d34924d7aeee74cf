
/*
 * Copyright (C) OpenQoE
 *
 * The catalogue of metrics, with a row for each.  A row is all that the store,
 * the exporters, the Prometheus text and docs/metrics.md know of it; the
 * formula is where its points are made (qoe_view*.c for views, qoe_delivery*.c
 * for requests, qoe_self.h and qoe_gauges.c for the module itself).
 *
 * Names, units and kinds are OpenTelemetry's.  Kinds:
 *   COUNTER          monotonic sum of integers
 *   COUNTER_DOUBLE   monotonic sum
 *   UPDOWN_DOUBLE    sum that backends must not treat as monotonic
 *   GAUGE            mean of the values since the last collection, exported
 *                    only if there were any
 *   GAUGE_NOW        measured at the collection, always exported
 *   HISTOGRAM        explicit bounds, upper-inclusive
 *
 * Groups: openqoe_metrics chooses among core, rules, view, self and cmcd; stats
 * exists in the Prometheus text only.
 *
 * The order of the rows is part of the layout of the zone (QOE_STATE_VERSION),
 * but of no other format.
 */


#ifndef _QOE_CATALOGUE_H_INCLUDED_
#define _QOE_CATALOGUE_H_INCLUDED_


#include "qoe_catalogue_cmcd.h"
#include "qoe_core.h"


/* Bounds: an id, then values in the unit of the metrics that use them. */

#define QOE_BOUNDS(X)                                                         \
    X(VIDEO_STARTUP_TIME, 100, 250, 500, 1000, 2000, 3000, 5000, 10000,       \
      15000, 30000)                                                           \
    X(SEEK_LATENCY, 100, 250, 500, 1000, 2000, 5000)                          \
    X(REBUFFER_DURATION, 500, 1000, 2000, 3000, 5000, 10000, 30000)           \
    X(STALL_POSITION, 1000, 5000, 10000, 30000, 60000, 300000, 600000,        \
      1800000, 3600000, 7200000)                                              \
    X(BUFFER_LENGTH, 100, 350, 850, 1900, 4100, 8900, 18900)                  \
    X(STAY_DURATION, 1000, 5000, 10000, 30000, 60000, 300000, 600000,         \
      1800000, 3600000, 7200000, 14400000)                                    \
    X(PERCEIVED_QUALITY_INDEX, 0.05, 0.10, 0.15, 0.25)                        \
    X(RESOLUTION_TO_PLAYER_RATIO, 0.5, 0.9, 1.1, 2.1, 3.0)                    \
    X(VIDEO_STARTUP_SECONDS, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 10, 15, 30)       \
    X(REBUFFER_DURATION_SECONDS, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30)          \
    X(SEEK_LATENCY_SECONDS, 0.1, 0.25, 0.5, 1, 2, 5)                          \
    X(BUFFER_LENGTH_SECONDS, 0.1, 0.35, 0.85, 1.9, 4.1, 8.9, 18.9, 30, 60)    \
    X(BITRATE, 100000, 250000, 500000, 1000000, 2500000, 5000000, 8000000,    \
      12000000, 25000000)                                                     \
    X(REBUFFER_RATIO, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  \
    X(WEIGHTED_AVERAGE_BITRATE, 250000, 500000, 1000000, 2500000, 5000000,    \
      10000000)                                                               \
    X(UPSCALE_PERCENTAGE, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1)           \
    QOE_BOUNDS_CMCD(X)                                                        \
    X(REQUEST_PROCESSING_TIME, 10000, 25000, 50000, 100000, 150000, 250000,   \
      400000, 600000, 850000, 1500000, 5000000, 11000000, 30000000,           \
      100000000, 1000000000)                                                  \
    X(OTEL_SDK_EXPORTER_OPERATION_DURATION, 0.005, 0.01, 0.025, 0.05, 0.1,    \
      0.25, 0.5, 1, 2.5, 5, 10)                                               \
    X(INGEST_LATENCY, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,    \
      0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

/*
 * Metrics: id, name, kind, unit, bounds, group, grain, attributes in addition
 * to the base ones, when a point is made, description.
 *
 * Grain: a title, a version or a browser multiplies the series of a metric, so
 * the dimensions of role FINE (qoe_dimension.h) are attributes of the HEADLINE
 * metrics only: how many views, how long, and how they failed.  The published
 * dashboards look at a single title at a time, so the metrics that they query
 * this way are TITLED, and also have the dimensions of role TITLE.
 */

#define QOE_METRICS(X)                                                        \
    X(EVENTS_TOTAL,                                                           \
      "openqoe.events_total", COUNTER, "", NONE,                              \
      CORE, COARSE, "event_type",                                             \
      "every accepted event",                                                 \
      "Events accepted")                                                      \
    X(PAGE_LOAD_TIME,                                                         \
      "openqoe.page_load_time", GAUGE, "ms", NONE,                            \
      CORE, TITLED, "",                                                       \
      "manifestload",                                                         \
      "Load time of the page that holds the player")                          \
    X(PLAYER_STARTUP_TIME,                                                    \
      "openqoe.player_startup_time", GAUGE, "ms", NONE,                       \
      CORE, TITLED, "",                                                       \
      "playerready",                                                          \
      "Time that the player took until it was ready")                         \
    X(VIDEO_STARTUP_TIME,                                                     \
      "openqoe.video_startup_time", HISTOGRAM, "ms", VIDEO_STARTUP_TIME,      \
      CORE, HEADLINE, "",                                                     \
      "first frame of a view, where the wish is known",                       \
      "Time from the wish to play to the first frame")                        \
    X(VIEWS_STARTED_TOTAL,                                                    \
      "openqoe.views_started_total", COUNTER, "", NONE,                       \
      CORE, HEADLINE, "",                                                     \
      "first frame of a view",                                                \
      "Views that showed a first frame")                                      \
    X(VIEWS_COMPLETED_TOTAL,                                                  \
      "openqoe.views_completed_total", COUNTER, "", NONE,                     \
      CORE, HEADLINE, "",                                                     \
      "end of a view that started, by ended",                                 \
      "Views played to the end")                                              \
    X(VIEWS_CONTINUED_TOTAL,                                                  \
      "openqoe.views_continued_total", COUNTER, "", NONE,                     \
      CORE, COARSE, "",                                                       \
      "the first event after the silence that ended a view",                  \
      "Views that went on after silence had ended them")                      \
    X(PAUSE_EVENTS_TOTAL,                                                     \
      "openqoe.pause_events_total", COUNTER, "", NONE,                        \
      CORE, COARSE, "",                                                       \
      "pause of the viewer",                                                  \
      "Pauses of the viewer")                                                 \
    X(PAUSE_PLAYING_TIME,                                                     \
      "openqoe.pause_playing_time", GAUGE, "ms", NONE,                        \
      CORE, COARSE, "",                                                       \
      "pause of the viewer",                                                  \
      "Playing time reported at a pause")                                     \
    X(PLAYING_TIME,                                                           \
      "openqoe.playing_time", GAUGE, "ms", NONE,                              \
      CORE, COARSE, "",                                                       \
      "ended",                                                                \
      "Playing time reported at the end")                                     \
    X(COMPLETION_RATE,                                                        \
      "openqoe.completion_rate", GAUGE, "", NONE,                             \
      CORE, HEADLINE, "",                                                     \
      "ended",                                                                \
      "Share of the video that was played, reported at the end")              \
    X(SEEK_TOTAL,                                                             \
      "openqoe.seek_total", COUNTER, "", NONE,                                \
      CORE, COARSE, "",                                                       \
      "seek",                                                                 \
      "Seeks")                                                                \
    X(SEEK_LATENCY,                                                           \
      "openqoe.seek_latency", HISTOGRAM, "ms", SEEK_LATENCY,                  \
      CORE, COARSE, "",                                                       \
      "seek",                                                                 \
      "Time until playback went on after a seek")                             \
    X(REBUFFER_EVENTS_COUNT,                                                  \
      "openqoe.rebuffer_events_count", COUNTER, "", NONE,                     \
      CORE, HEADLINE, "",                                                     \
      "end of a stall of 250 ms or more",                                     \
      "Stalls")                                                               \
    X(REBUFFER_DURATION,                                                      \
      "openqoe.rebuffer_duration", HISTOGRAM, "ms", REBUFFER_DURATION,        \
      CORE, HEADLINE, "",                                                     \
      "end of a stall of 250 ms or more",                                     \
      "Length of a stall")                                                    \
    X(STALL_POSITION,                                                         \
      "openqoe.stall_position", HISTOGRAM, "ms", STALL_POSITION,              \
      CORE, COARSE, "",                                                       \
      "stallend that ends a stall",                                           \
      "Position in the video at which a stall ended")                         \
    X(BUFFER_LENGTH,                                                          \
      "openqoe.buffer_length", HISTOGRAM, "ms", BUFFER_LENGTH,                \
      CORE, TITLED, "media_type,is_outlier",                                  \
      "bufferlevelchange, stallstart, heartbeat",                             \
      "Media buffered ahead")                                                 \
    X(BUFFER_INSTABILITY_INDEX,                                               \
      "openqoe.buffer_instability_index", GAUGE, "", NONE,                    \
      CORE, TITLED, "media_type,is_outlier",                                  \
      "bufferlevelchange",                                                    \
      "How unusual a buffer length was, as a z-score")                        \
    X(ERRORS_TOTAL,                                                           \
      "openqoe.errors_total", COUNTER, "", NONE,                              \
      CORE, HEADLINE, "error_family,error_code",                              \
      "error",                                                                \
      "Errors reported by players")                                           \
    X(QUARTILE_REACHED_TOTAL,                                                 \
      "openqoe.quartile_reached_total", COUNTER, "", NONE,                    \
      CORE, COARSE, "quartile",                                               \
      "quartile",                                                             \
      "Views that reached a quartile of the video")                           \
    X(HEART_BEAT_PLAYING_TIME,                                                \
      "openqoe.heart_beat_playing_time", GAUGE, "ms", NONE,                   \
      CORE, COARSE, "",                                                       \
      "heartbeat",                                                            \
      "Playing time reported by a heartbeat")                                 \
    X(HEART_BEAT_RATE_BPS,                                                    \
      "openqoe.heart_beat_rate_bps", GAUGE, "bps", NONE,                      \
      CORE, COARSE, "",                                                       \
      "heartbeat",                                                            \
      "Bitrate reported by a heartbeat")                                      \
    X(DROPPED_FRAMES_TOTAL,                                                   \
      "openqoe.dropped_frames_total", COUNTER, "", NONE,                      \
      CORE, COARSE, "",                                                       \
      "heartbeat",                                                            \
      "Frames dropped")                                                       \
    X(EXIT_WITHOUT_PLAY,                                                      \
      "openqoe.exit_without_play", COUNTER, "", NONE,                         \
      CORE, TITLED, "",                                                       \
      "view end without any playing",                                         \
      "Views that ended without a first frame")                               \
    X(STAY_DURATION,                                                          \
      "openqoe.stay_duration", HISTOGRAM, "ms", STAY_DURATION,                \
      CORE, TITLED, "",                                                       \
      "moveaway, or view end",                                                \
      "Time on the page, until it was hidden or left")                        \
    X(NETWORK_LATENCY,                                                        \
      "openqoe.network.latency", GAUGE, "ms", NONE,                           \
      CORE, TITLED, "media_type,is_outlier",                                  \
      "fragmentloaded",                                                       \
      "Time to the first byte of a segment")                                  \
    X(NETWORK_LATENCY_DEVIATION,                                              \
      "openqoe.network.latency_deviation", GAUGE, "", NONE,                   \
      CORE, TITLED, "media_type,is_outlier",                                  \
      "fragmentloaded",                                                       \
      "How unusual the time to the first byte was, as a z-score")             \
    X(FRAGMENT_DURATION,                                                      \
      "openqoe.fragment_duration", GAUGE, "s", NONE,                          \
      CORE, COARSE, "media_type",                                             \
      "fragmentloaded",                                                       \
      "Media time of a loaded segment")                                       \
    X(FRAGMENT_SIZE,                                                          \
      "openqoe.fragment_size", GAUGE, "bytes", NONE,                          \
      CORE, COARSE, "media_type",                                             \
      "fragmentloaded",                                                       \
      "Size of a loaded segment")                                             \
    X(BUFFERED_DURATION,                                                      \
      "openqoe.buffered_duration", COUNTER_DOUBLE, "s", NONE,                 \
      CORE, COARSE, "media_type",                                             \
      "fragmentloaded",                                                       \
      "Media time of all loaded segments")                                    \
    X(NETWORK_BANDWIDTH,                                                      \
      "openqoe.network.bandwidth", COUNTER, "bps", NONE,                      \
      CORE, TITLED, "media_type,codec",                                       \
      "bandwidthchange",                                                      \
      "Sum of bandwidth estimates; over their number it is a mean")           \
    X(BITRATE_CHANGE,                                                         \
      "openqoe.bitrate_change", COUNTER_DOUBLE, "bps", NONE,                  \
      CORE, TITLED, "media_type,direction",                                   \
      "qualitychangerequested",                                               \
      "Sum of the bitrate steps that players asked for")                      \
    X(QUALITY_CHANGE_REQUEST_TOTAL,                                           \
      "openqoe.quality_change_request_total", COUNTER, "", NONE,              \
      CORE, COARSE, "media_type",                                             \
      "qualitychangerequested",                                               \
      "Quality changes asked for")                                            \
    X(QUALITY_CHANGE_TOTAL,                                                   \
      "openqoe.quality_change_total", COUNTER, "", NONE,                      \
      CORE, TITLED, "media_type,codec,framerate",                             \
      "qualitychange",                                                        \
      "Quality changes made")                                                 \
    X(QUALITY_CHANGE_LATENCY,                                                 \
      "openqoe.quality_change_latency", GAUGE, "ms", NONE,                    \
      CORE, TITLED, "media_type,codec",                                       \
      "qualitychange",                                                        \
      "Time from asking for a quality to showing it")                         \
    X(QUALITY_CHANGE_BITRATE_BPS,                                             \
      "openqoe.quality_change_bitrate_bps", GAUGE, "bps", NONE,               \
      CORE, COARSE, "media_type",                                             \
      "qualitychange",                                                        \
      "Bitrate after a quality change")                                       \
    X(QUALITY_CHANGE_OLD_BITRATE_BPS,                                         \
      "openqoe.quality_change_old_bitrate_bps", GAUGE, "bps", NONE,           \
      CORE, COARSE, "media_type",                                             \
      "qualitychange",                                                        \
      "Bitrate before a quality change")                                      \
    X(FRAMERATE,                                                              \
      "openqoe.framerate", GAUGE, "fps", NONE,                                \
      CORE, COARSE, "media_type",                                             \
      "qualitychange, playing",                                               \
      "Frame rate of the rendition shown")                                    \
    X(RESOLUTION_TOTAL,                                                       \
      "openqoe.resolution_total", COUNTER, "", NONE,                          \
      CORE, COARSE, "resolution",                                             \
      "qualitychange, first frame",                                           \
      "Renditions shown, by class of their height")                           \
    X(TIME_WEIGHTED_AVERAGE_BITRATE,                                          \
      "openqoe.time_weighted_average_bitrate", GAUGE, "", NONE,               \
      CORE, TITLED, "media_type",                                             \
      "qualitychange, view end",                                              \
      "Mean bitrate of a view so far, by time, in kbit/s")                    \
    X(TIME_WEIGHTED_AVERAGE_RESOLUTION,                                       \
      "openqoe.time_weighted_average_resolution", GAUGE, "", NONE,            \
      CORE, COARSE, "",                                                       \
      "qualitychange, view end",                                              \
      "Mean pixels of a view so far, by time")                                \
    X(PERCEIVED_QUALITY_INDEX,                                                \
      "openqoe.perceived_quality_index", HISTOGRAM,                           \
      "", PERCEIVED_QUALITY_INDEX,                                            \
      CORE, TITLED, "codec",                                                  \
      "qualitychange (video)",                                                \
      "Bits a pixel of the rendition after a quality change")                 \
    X(RESOLUTION_TO_PLAYER_RATIO,                                             \
      "openqoe.resolution_to_player_ratio", HISTOGRAM,                        \
      "ratio", RESOLUTION_TO_PLAYER_RATIO,                                    \
      CORE, COARSE, "",                                                       \
      "qualitychange (video)",                                                \
      "Pixels of the video over pixels of the player")                        \
    X(VIDEO_STARTUP_SECONDS,                                                  \
      "openqoe.video_startup_seconds", HISTOGRAM, "s", VIDEO_STARTUP_SECONDS, \
      RULES, HEADLINE, "stream_id",                                           \
      "as openqoe.video_startup_time",                                        \
      "Time from the ready player to the first frame")                        \
    X(REBUFFER_DURATION_SECONDS,                                              \
      "openqoe.rebuffer_duration_seconds", HISTOGRAM,                         \
      "s", REBUFFER_DURATION_SECONDS,                                         \
      RULES, HEADLINE, "",                                                    \
      "as openqoe.rebuffer_duration",                                         \
      "Length of a stall")                                                    \
    X(REBUFFER_EVENTS_TOTAL,                                                  \
      "openqoe.rebuffer_events_total", COUNTER, "", NONE,                     \
      RULES, HEADLINE, "",                                                    \
      "as openqoe.rebuffer_events_count",                                     \
      "Stalls that began")                                                    \
    X(REBUFFER_COUNT,                                                         \
      "openqoe.rebuffer_count", GAUGE, "", NONE,                              \
      RULES, TITLED, "",                                                      \
      "view end",                                                             \
      "Stalls of a view after its first frame")                               \
    X(SEEK_LATENCY_SECONDS,                                                   \
      "openqoe.seek_latency_seconds", HISTOGRAM, "s", SEEK_LATENCY_SECONDS,   \
      RULES, COARSE, "",                                                      \
      "as openqoe.seek_latency",                                              \
      "Time until playback went on after a seek")                             \
    X(BUFFER_LENGTH_SECONDS,                                                  \
      "openqoe.buffer_length_seconds", HISTOGRAM, "s", BUFFER_LENGTH_SECONDS, \
      RULES, COARSE, "media_type",                                            \
      "as openqoe.buffer_length",                                             \
      "Media buffered ahead")                                                 \
    X(BITRATE,                                                                \
      "openqoe.bitrate", HISTOGRAM, "bps", BITRATE,                           \
      RULES, COARSE, "media_type",                                            \
      "playing, heartbeat, qualitychange with a bitrate",                     \
      "Bitrates of what was shown")                                           \
    X(QUALITY_CHANGES_TOTAL,                                                  \
      "openqoe.quality_changes_total", COUNTER, "", NONE,                     \
      RULES, COARSE, "media_type,change_direction",                           \
      "qualitychange",                                                        \
      "Quality changes made, by direction")                                   \
    X(VIEW_STARTED_TOTAL,                                                     \
      "openqoe.view_started_total", COUNTER, "", NONE,                        \
      RULES, HEADLINE, "",                                                    \
      "as openqoe.views_started_total",                                       \
      "Views that showed a first frame")                                      \
    X(PLAYING_TIME_SECONDS,                                                   \
      "openqoe.playing_time_seconds", UPDOWN_DOUBLE, "s", NONE,               \
      RULES, HEADLINE, "",                                                    \
      "every event that ends a time of playing",                              \
      "Time spent playing")                                                   \
    X(HEARTBEAT_PLAYING_TIME_SECONDS,                                         \
      "openqoe.heartbeat_playing_time_seconds", GAUGE, "s", NONE,             \
      RULES, COARSE, "",                                                      \
      "heartbeat",                                                            \
      "Playing time reported by a heartbeat")                                 \
    X(CONCURRENT_VIEWS_CURRENT,                                               \
      "openqoe.concurrent_views_current", GAUGE_NOW, "", NONE,                \
      RULES, COARSE, "stream_id",                                             \
      "at collection",                                                        \
      "Views that are on: not ended, and heard of within 30 s")               \
    X(VIEWS_TOTAL,                                                            \
      "openqoe.views_total", COUNTER, "", NONE,                               \
      VIEW, HEADLINE, "outcome",                                              \
      "view end",                                                             \
      "Views that are over, by outcome")                                      \
    X(AGGREGATE_STARTUP_TIME,                                                 \
      "openqoe.aggregate_startup_time", HISTOGRAM, "ms", VIDEO_STARTUP_TIME,  \
      VIEW, COARSE, "",                                                       \
      "first frame of a view, where the wish is known",                       \
      "Startup of the page and the player, and of the video")                 \
    X(REBUFFER_RATIO,                                                         \
      "openqoe.rebuffer_ratio", HISTOGRAM, "", REBUFFER_RATIO,                \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Stalled share of the time that a view played or stalled")              \
    X(REBUFFER_PERCENTAGE,                                                    \
      "openqoe.rebuffer_percentage", GAUGE, "", NONE,                         \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Stalled share of a view, 0 to 1, mean of those that ended")            \
    X(REBUFFER_FREQUENCY,                                                     \
      "openqoe.rebuffer_frequency", GAUGE, "{stall}/min", NONE,               \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Stalls a minute of playing")                                           \
    X(WEIGHTED_AVERAGE_BITRATE,                                               \
      "openqoe.weighted_average_bitrate", HISTOGRAM,                          \
      "bps", WEIGHTED_AVERAGE_BITRATE,                                        \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Mean bitrate of a view, by time")                                      \
    X(UPSCALE_PERCENTAGE,                                                     \
      "openqoe.upscale_percentage", HISTOGRAM, "", UPSCALE_PERCENTAGE,        \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Share of playing time with fewer pixels than the player")              \
    X(DOWNSCALE_PERCENTAGE,                                                   \
      "openqoe.downscale_percentage", HISTOGRAM, "", UPSCALE_PERCENTAGE,      \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Share of playing time with more pixels than the player")               \
    X(VIDEO_STARTUP_FAILURE_PERCENTAGE,                                       \
      "openqoe.video_startup_failure_percentage", GAUGE, "", NONE,            \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Share of attempts that failed before a first frame, 0 to 1")           \
    X(EXITS_BEFORE_VIDEO_START_PERCENTAGE,                                    \
      "openqoe.exits_before_video_start_percentage", GAUGE, "", NONE,         \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Share of attempts left before a first frame, 0 to 1")                  \
    X(PLAYBACK_FAILURE_PERCENTAGE,                                            \
      "openqoe.playback_failure_percentage", GAUGE, "", NONE,                 \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Share of started views that failed, 0 to 1")                           \
    X(WATCH_TIME_SECONDS,                                                     \
      "openqoe.watch_time_seconds", UPDOWN_DOUBLE, "s", NONE,                 \
      VIEW, COARSE, "",                                                       \
      "every event of a view",                                                \
      "Time spent in views, at most 60 s between two events")                 \
    X(UNIQUE_VIEWERS,                                                         \
      "openqoe.unique_viewers", GAUGE_NOW, "", NONE,                          \
      VIEW, COARSE, "",                                                       \
      "at collection",                                                        \
      "Viewers of the current UTC day, estimated")                            \
    X(STARTUP_TIME_SCORE,                                                     \
      "openqoe.startup_time_score", GAUGE, "", NONE,                          \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Startup time of a view as a score, 0 to 1")                            \
    X(REBUFFER_SCORE,                                                         \
      "openqoe.rebuffer_score", GAUGE, "", NONE,                              \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Stalls of a view as a score, 0 to 1")                                  \
    X(VIDEO_QUALITY_SCORE,                                                    \
      "openqoe.video_quality_score", GAUGE, "", NONE,                         \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Bitrates of a view against its best as a score, 0 to 1")               \
    X(VIEWER_EXPERIENCE_SCORE,                                                \
      "openqoe.viewer_experience_score", GAUGE, "", NONE,                     \
      VIEW, COARSE, "",                                                       \
      "view end",                                                             \
      "Geometric mean of the three scores, 0 for a failed view")              \
    QOE_METRICS_CMCD(X)                                                       \
    X(REQUEST_PROCESSING_TIME,                                                \
      "request_processing_time", HISTOGRAM, "ns", REQUEST_PROCESSING_TIME,    \
      SELF, COARSE,                                                           \
      "org.id,player.id,request.endpoint,http.response.status_code",          \
      "every answered POST to the events location",                           \
      "Time from the receipt of a request to its answer")                     \
    X(WORKER_HEAP_ALLOCATION,                                                 \
      "worker.heap_allocation", GAUGE_NOW, "byte", NONE,                      \
      SELF, COARSE, "",                                                       \
      "at collection",                                                        \
      "Bytes in use on the heap, all workers")                                \
    X(WORKER_STACK_IN_USE,                                                    \
      "worker.stack_in_use", GAUGE_NOW, "byte", NONE,                         \
      SELF, COARSE, "",                                                       \
      "at collection",                                                        \
      "Bytes of stack, all workers")                                          \
    X(INGEST_EVENTS,                                                          \
      "openqoe.ingest.events", COUNTER, "{event}", NONE,                      \
      SELF, COARSE, "outcome,reason",                                         \
      "every event of every request",                                         \
      "Events of requests, by what became of them")                           \
    X(INGEST_WAITING,                                                         \
      "openqoe.ingest.waiting", GAUGE_NOW, "{request}", NONE,                 \
      SELF, COARSE, "reason",                                                 \
      "at collection",                                                        \
      "Requests that wait: for room in the queue, or to be acknowledged")     \
    X(INGEST_DELAYED,                                                         \
      "openqoe.ingest.delayed", COUNTER, "{request}", NONE,                   \
      SELF, COARSE, "",                                                       \
      "a request begins to wait for room",                                    \
      "Requests that waited for room in the queue")                           \
    X(INGEST_DELAY,                                                           \
      "openqoe.ingest.delay", COUNTER_DOUBLE, "s", NONE,                      \
      SELF, COARSE, "",                                                       \
      "a wait for room ends",                                                 \
      "Time that requests waited for room in the queue")                      \
    X(INGEST_UNDECODED,                                                       \
      "openqoe.ingest.undecoded", COUNTER, "{request}", NONE,                 \
      SELF, COARSE, "",                                                       \
      "a request is refused without its events being counted",                \
      "Requests refused for lack of room before they were decoded")           \
    X(QUEUE_SIZE,                                                             \
      "openqoe.queue.size", GAUGE_NOW, "By", NONE,                            \
      SELF, COARSE, "",                                                       \
      "at collection",                                                        \
      "Bytes waiting in the queue")                                           \
    X(QUEUE_CAPACITY,                                                         \
      "openqoe.queue.capacity", GAUGE_NOW, "By", NONE,                        \
      SELF, COARSE, "",                                                       \
      "at collection",                                                        \
      "Size of the queue")                                                    \
    X(QUEUE_OLDEST_AGE,                                                       \
      "openqoe.queue.oldest_age", GAUGE_NOW, "s", NONE,                       \
      SELF, COARSE, "",                                                       \
      "at collection",                                                        \
      "Age of the oldest event that waits")                                   \
    X(SPOOL_SIZE,                                                             \
      "openqoe.spool.size", GAUGE_NOW, "By", NONE,                            \
      SELF, COARSE, "exporter",                                               \
      "at collection",                                                        \
      "Bytes in the spool on disk")                                           \
    X(SPOOL_CAPACITY,                                                         \
      "openqoe.spool.capacity", GAUGE_NOW, "By", NONE,                        \
      SELF, COARSE, "exporter",                                               \
      "at collection, with a spool",                                          \
      "Bytes that the spool on disk may have")                                \
    X(DELIVERY_EVENTS,                                                        \
      "openqoe.delivery.events", GAUGE_NOW, "{event}", NONE,                  \
      SELF, COARSE, "exporter,state,reason",                                  \
      "at collection",                                                        \
      "Accepted events by where they are: accepted and recovered are the "    \
      "sum of the others")                                                    \
    X(OTEL_SDK_EXPORTER_LOG_EXPORTED,                                         \
      "otel.sdk.exporter.log.exported", COUNTER, "{log_record}", NONE,        \
      SELF, COARSE, "error.type",                                             \
      "after the final attempt",                                              \
      "Log records whose export is over")                                     \
    X(OTEL_SDK_EXPORTER_SPAN_EXPORTED,                                        \
      "otel.sdk.exporter.span.exported", COUNTER, "{span}", NONE,             \
      SELF, COARSE, "error.type",                                             \
      "after the final attempt",                                              \
      "Spans whose export is over")                                           \
    X(OTEL_SDK_EXPORTER_METRIC_EXPORTED,                                      \
      "otel.sdk.exporter.metric_data_point.exported", COUNTER,                \
      "{data_point}", NONE,                                                   \
      SELF, COARSE, "error.type",                                             \
      "after the final attempt",                                              \
      "Metric points whose export is over")                                   \
    X(OTEL_SDK_EXPORTER_OPERATION_DURATION,                                   \
      "otel.sdk.exporter.operation.duration", HISTOGRAM,                      \
      "s", OTEL_SDK_EXPORTER_OPERATION_DURATION,                              \
      SELF, COARSE,                                                           \
      "error.type,rpc.grpc.status_code,http.response.status_code",            \
      "every export attempt",                                                 \
      "Time of an export attempt")                                            \
    X(SERIES_COUNT,                                                           \
      "openqoe.series.count", GAUGE_NOW, "{series}", NONE,                    \
      SELF, COARSE, "",                                                       \
      "at collection",                                                        \
      "Live metric series")                                                   \
    X(SERIES_OVERFLOW,                                                        \
      "openqoe.series.overflow", COUNTER, "", NONE,                           \
      SELF, COARSE, "",                                                       \
      "a new series refused at the cap",                                      \
      "Values that went to the overflow series")                              \
    X(DIMENSION_CARDINALITY,                                                  \
      "openqoe.dimension.cardinality", GAUGE_NOW, "", NONE,                   \
      SELF, COARSE, "dimension",                                              \
      "at collection",                                                        \
      "Distinct values of a dimension")                                       \
    X(DIMENSION_OVERFLOW,                                                     \
      "openqoe.dimension.overflow", COUNTER, "", NONE,                        \
      SELF, COARSE, "dimension,action",                                       \
      "a value not admitted",                                                 \
      "Values that were not admitted")                                        \
    X(EVENTS_RECEIVED,                                                        \
      "openqoe.events_received", COUNTER, "", NONE,                           \
      STATS, COARSE, "org_id",                                                \
      "every event of every request",                                         \
      "Events received")                                                      \
    X(EVENTS_ACCEPTED,                                                        \
      "openqoe.events_accepted", COUNTER, "", NONE,                           \
      STATS, COARSE, "org_id",                                                \
      "every accepted event",                                                 \
      "Events accepted")                                                      \
    X(EVENTS_REJECTED,                                                        \
      "openqoe.events_rejected", COUNTER, "", NONE,                           \
      STATS, COARSE, "org_id,reason",                                         \
      "every refused event",                                                  \
      "Events refused")                                                       \
    X(INGEST_LATENCY,                                                         \
      "openqoe.ingest_latency", HISTOGRAM, "s", INGEST_LATENCY,               \
      STATS, COARSE, "",                                                      \
      "every answered POST to the events location",                           \
      "Time from the receipt of a request to its answer")


#define QOE_BOUNDS_MAX     15                /* for the module's own metrics */
#define QOE_BUCKETS_MAX    (QOE_BOUNDS_MAX + 1)

/* Metrics of views have fewer bounds, because they have many histograms. */
#define QOE_VIEW_BOUNDS_MAX  11


typedef enum {
#define QOE_METRIC_ENUM(id, name, kind, unit, bounds, group, grain, attrs,    \
    when, text)  QOE_METRIC_##id,
    QOE_METRICS(QOE_METRIC_ENUM)
#undef QOE_METRIC_ENUM
    QOE_METRICS_N
} qoe_metric_id_t;


typedef enum {
    QOE_INSTRUMENT_COUNTER = 0,
    QOE_INSTRUMENT_COUNTER_DOUBLE,
    QOE_INSTRUMENT_UPDOWN_DOUBLE,
    QOE_INSTRUMENT_GAUGE,
    QOE_INSTRUMENT_GAUGE_NOW,
    QOE_INSTRUMENT_HISTOGRAM
} qoe_instrument_t;


/* Bits, of which openqoe_metrics is a set. */

typedef enum {
    QOE_GROUP_CORE = 1,
    QOE_GROUP_RULES = 2,
    QOE_GROUP_VIEW = 4,
    QOE_GROUP_SELF = 8,
    QOE_GROUP_STATS = 16,
    QOE_GROUP_CMCD = 32
} qoe_metric_group_t;

#define QOE_GROUPS_ALL     (QOE_GROUP_CORE|QOE_GROUP_RULES|QOE_GROUP_VIEW     \
                            |QOE_GROUP_SELF|QOE_GROUP_CMCD)

/* Those whose series the lanes keep. */
#define QOE_GROUPS_STORED  (QOE_GROUP_CORE|QOE_GROUP_RULES|QOE_GROUP_VIEW     \
                            |QOE_GROUP_CMCD)


typedef enum {
    QOE_GRAIN_COARSE = 0,        /* dimensions of role BASE */
    QOE_GRAIN_TITLED,            /* roles BASE and TITLE */
    QOE_GRAIN_HEADLINE,          /* roles BASE, TITLE and FINE */
    QOE_GRAINS
} qoe_grain_t;


typedef struct {
    qoe_span_t          name;
    qoe_span_t          unit;            /* UCUM or free text; may be empty */
    qoe_span_t          description;
    qoe_span_t          attrs;           /* comma-separated */
    qoe_span_t          when;
    qoe_instrument_t    kind;
    qoe_metric_group_t  group;
    qoe_grain_t         grain;
    const double       *bounds;
    size_t              nbounds;         /* 0 except for histograms */
} qoe_metric_t;


/* A row for each qoe_metric_id_t. */
extern const qoe_metric_t  qoe_metrics[QOE_METRICS_N];


/* The index of the bucket for value: the first whose bound is not below it. */

static inline size_t
qoe_metric_bucket(const qoe_metric_t *m, double value)
{
    size_t  i;

    for (i = 0; i < m->nbounds && value > m->bounds[i]; i++) {
        /* void */
    }

    return i;
}


#endif /* _QOE_CATALOGUE_H_INCLUDED_ */
