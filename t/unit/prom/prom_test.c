
/*
 * Copyright (C) OpenQoE
 */


#include "tap.h"
#include "fake_collect.h"

#include "qoe_prom.h"

#include <math.h>
#include <time.h>


#define SPEED_SERIES     20000
#define TEXT_MAX         (256 * 1024 * 1024)
#define START            1700000000123456789


/* What Prometheus's own translator (otlptranslator 1.0.0) makes of them. */

static const struct {
    const char  *otel;
    const char  *prom;
} names[] = {
    { "openqoe.events_total", "openqoe_events_total" },
    { "openqoe.page_load_time", "openqoe_page_load_time_milliseconds" },
    { "openqoe.player_startup_time",
      "openqoe_player_startup_time_milliseconds" },
    { "openqoe.video_startup_time", "openqoe_video_startup_time_milliseconds" },
    { "openqoe.views_started_total", "openqoe_views_started_total" },
    { "openqoe.views_completed_total", "openqoe_views_completed_total" },
    { "openqoe.views_continued_total", "openqoe_views_continued_total" },
    { "openqoe.pause_events_total", "openqoe_pause_events_total" },
    { "openqoe.pause_playing_time", "openqoe_pause_playing_time_milliseconds" },
    { "openqoe.playing_time", "openqoe_playing_time_milliseconds" },
    { "openqoe.completion_rate", "openqoe_completion_rate" },
    { "openqoe.seek_total", "openqoe_seek_total" },
    { "openqoe.seek_latency", "openqoe_seek_latency_milliseconds" },
    { "openqoe.rebuffer_events_count", "openqoe_rebuffer_events_count_total" },
    { "openqoe.rebuffer_duration", "openqoe_rebuffer_duration_milliseconds" },
    { "openqoe.stall_position", "openqoe_stall_position_milliseconds" },
    { "openqoe.buffer_length", "openqoe_buffer_length_milliseconds" },
    { "openqoe.buffer_instability_index", "openqoe_buffer_instability_index" },
    { "openqoe.errors_total", "openqoe_errors_total" },
    { "openqoe.quartile_reached_total", "openqoe_quartile_reached_total" },
    { "openqoe.heart_beat_playing_time",
      "openqoe_heart_beat_playing_time_milliseconds" },
    { "openqoe.heart_beat_rate_bps", "openqoe_heart_beat_rate_bps" },
    { "openqoe.dropped_frames_total", "openqoe_dropped_frames_total" },
    { "openqoe.exit_without_play", "openqoe_exit_without_play_total" },
    { "openqoe.stay_duration", "openqoe_stay_duration_milliseconds" },
    { "openqoe.network.latency", "openqoe_network_latency_milliseconds" },
    { "openqoe.network.latency_deviation",
      "openqoe_network_latency_deviation" },
    { "openqoe.fragment_duration", "openqoe_fragment_duration_seconds" },
    { "openqoe.fragment_size", "openqoe_fragment_size_bytes" },
    { "openqoe.buffered_duration", "openqoe_buffered_duration_seconds_total" },
    { "openqoe.network.bandwidth", "openqoe_network_bandwidth_bps_total" },
    { "openqoe.bitrate_change", "openqoe_bitrate_change_bps_total" },
    { "openqoe.quality_change_request_total",
      "openqoe_quality_change_request_total" },
    { "openqoe.quality_change_total", "openqoe_quality_change_total" },
    { "openqoe.quality_change_latency",
      "openqoe_quality_change_latency_milliseconds" },
    { "openqoe.quality_change_bitrate_bps",
      "openqoe_quality_change_bitrate_bps" },
    { "openqoe.quality_change_old_bitrate_bps",
      "openqoe_quality_change_old_bitrate_bps" },
    { "openqoe.framerate", "openqoe_framerate_fps" },
    { "openqoe.resolution_total", "openqoe_resolution_total" },
    { "openqoe.time_weighted_average_bitrate",
      "openqoe_time_weighted_average_bitrate" },
    { "openqoe.time_weighted_average_resolution",
      "openqoe_time_weighted_average_resolution" },
    { "openqoe.perceived_quality_index", "openqoe_perceived_quality_index" },
    { "openqoe.resolution_to_player_ratio",
      "openqoe_resolution_to_player_ratio" },
    { "openqoe.video_startup_seconds", "openqoe_video_startup_seconds" },
    { "openqoe.rebuffer_duration_seconds",
      "openqoe_rebuffer_duration_seconds" },
    { "openqoe.rebuffer_events_total", "openqoe_rebuffer_events_total" },
    { "openqoe.rebuffer_count", "openqoe_rebuffer_count" },
    { "openqoe.seek_latency_seconds", "openqoe_seek_latency_seconds" },
    { "openqoe.buffer_length_seconds", "openqoe_buffer_length_seconds" },
    { "openqoe.bitrate", "openqoe_bitrate_bps" },
    { "openqoe.quality_changes_total", "openqoe_quality_changes_total" },
    { "openqoe.view_started_total", "openqoe_view_started_total" },
    { "openqoe.playing_time_seconds", "openqoe_playing_time_seconds" },
    { "openqoe.heartbeat_playing_time_seconds",
      "openqoe_heartbeat_playing_time_seconds" },
    { "openqoe.concurrent_views_current", "openqoe_concurrent_views_current" },
    { "openqoe.views_total", "openqoe_views_total" },
    { "openqoe.aggregate_startup_time",
      "openqoe_aggregate_startup_time_milliseconds" },
    { "openqoe.rebuffer_ratio", "openqoe_rebuffer_ratio" },
    { "openqoe.rebuffer_percentage", "openqoe_rebuffer_percentage" },
    { "openqoe.rebuffer_frequency", "openqoe_rebuffer_frequency_per_min" },
    { "openqoe.weighted_average_bitrate",
      "openqoe_weighted_average_bitrate_bps" },
    { "openqoe.upscale_percentage", "openqoe_upscale_percentage" },
    { "openqoe.downscale_percentage", "openqoe_downscale_percentage" },
    { "openqoe.video_startup_failure_percentage",
      "openqoe_video_startup_failure_percentage" },
    { "openqoe.exits_before_video_start_percentage",
      "openqoe_exits_before_video_start_percentage" },
    { "openqoe.playback_failure_percentage",
      "openqoe_playback_failure_percentage" },
    { "openqoe.watch_time_seconds", "openqoe_watch_time_seconds" },
    { "openqoe.unique_viewers", "openqoe_unique_viewers" },
    { "openqoe.startup_time_score", "openqoe_startup_time_score" },
    { "openqoe.rebuffer_score", "openqoe_rebuffer_score" },
    { "openqoe.video_quality_score", "openqoe_video_quality_score" },
    { "openqoe.viewer_experience_score", "openqoe_viewer_experience_score" },
    { "openqoe.cmcd.requests", "openqoe_cmcd_requests_total" },
    { "openqoe.cmcd.ignored", "openqoe_cmcd_ignored_total" },
    { "openqoe.cmcd.reports", "openqoe_cmcd_reports_total" },
    { "openqoe.cmcd.sequence_gaps", "openqoe_cmcd_sequence_gaps_total" },
    { "openqoe.delivery.client_ttfb",
      "openqoe_delivery_client_ttfb_milliseconds" },
    { "openqoe.delivery.client_ttlb",
      "openqoe_delivery_client_ttlb_milliseconds" },
    { "openqoe.delivery.client_errors",
      "openqoe_delivery_client_errors_total" },
    { "openqoe.cmcd.sessions.active", "openqoe_cmcd_sessions_active" },
    { "openqoe.delivery.requests", "openqoe_delivery_requests_total" },
    { "openqoe.delivery.bytes", "openqoe_delivery_bytes_total" },
    { "openqoe.delivery.media_time",
      "openqoe_delivery_media_time_milliseconds_total" },
    { "openqoe.delivery.ttfb", "openqoe_delivery_ttfb_milliseconds" },
    { "openqoe.delivery.duration", "openqoe_delivery_duration_milliseconds" },
    { "openqoe.delivery.upstream_time",
      "openqoe_delivery_upstream_time_milliseconds" },
    { "openqoe.delivery.throughput",
      "openqoe_delivery_throughput_kbit_per_second" },
    { "openqoe.delivery.throughput_gap",
      "openqoe_delivery_throughput_gap_ratio" },
    { "openqoe.delivery.rtt", "openqoe_delivery_rtt_milliseconds" },
    { "openqoe.delivery.retransmits", "openqoe_delivery_retransmits_total" },
    { "openqoe.delivery.realtime_ratio", "openqoe_delivery_realtime_ratio" },
    { "openqoe.delivery.errors", "openqoe_delivery_errors_total" },
    { "openqoe.delivery.aborted", "openqoe_delivery_aborted_total" },
    { "openqoe.delivery.retries", "openqoe_delivery_retries_total" },
    { "openqoe.experience.attempts", "openqoe_experience_attempts_total" },
    { "openqoe.experience.startup", "openqoe_experience_startup_milliseconds" },
    { "openqoe.experience.startup_failed",
      "openqoe_experience_startup_failed_total" },
    { "openqoe.experience.rebuffers", "openqoe_experience_rebuffers_total" },
    { "openqoe.experience.rebuffer_time",
      "openqoe_experience_rebuffer_time_milliseconds" },
    { "openqoe.experience.playing_time",
      "openqoe_experience_playing_time_milliseconds_total" },
    { "openqoe.experience.bitrate",
      "openqoe_experience_bitrate_kbit_per_second" },
    { "openqoe.experience.bitrate_share",
      "openqoe_experience_bitrate_share_ratio" },
    { "openqoe.experience.switches", "openqoe_experience_switches_total" },
    { "openqoe.experience.buffer", "openqoe_experience_buffer_milliseconds" },
    { "openqoe.experience.deadline_margin",
      "openqoe_experience_deadline_margin_milliseconds" },
    { "openqoe.experience.deadline_missed",
      "openqoe_experience_deadline_missed_total" },
    { "openqoe.experience.playback_rate",
      "openqoe_experience_playback_rate_ratio" },
    { "openqoe.experience.live_latency",
      "openqoe_experience_live_latency_milliseconds" },
    { "request_processing_time", "request_processing_time_nanoseconds" },
    { "worker.heap_allocation", "worker_heap_allocation_byte" },
    { "worker.stack_in_use", "worker_stack_in_use_byte" },
    { "openqoe.ingest.events", "openqoe_ingest_events_total" },
    { "openqoe.ingest.waiting", "openqoe_ingest_waiting" },
    { "openqoe.ingest.delayed", "openqoe_ingest_delayed_total" },
    { "openqoe.ingest.delay", "openqoe_ingest_delay_seconds_total" },
    { "openqoe.ingest.undecoded", "openqoe_ingest_undecoded_total" },
    { "openqoe.queue.size", "openqoe_queue_size_bytes" },
    { "openqoe.queue.capacity", "openqoe_queue_capacity_bytes" },
    { "openqoe.queue.oldest_age", "openqoe_queue_oldest_age_seconds" },
    { "openqoe.spool.size", "openqoe_spool_size_bytes" },
    { "openqoe.spool.capacity", "openqoe_spool_capacity_bytes" },
    { "openqoe.delivery.events", "openqoe_delivery_events" },
    { "otel.sdk.exporter.log.exported",
      "otel_sdk_exporter_log_exported_total" },
    { "otel.sdk.exporter.span.exported",
      "otel_sdk_exporter_span_exported_total" },
    { "otel.sdk.exporter.metric_data_point.exported",
      "otel_sdk_exporter_metric_data_point_exported_total" },
    { "otel.sdk.exporter.operation.duration",
      "otel_sdk_exporter_operation_duration_seconds" },
    { "openqoe.series.count", "openqoe_series_count" },
    { "openqoe.series.overflow", "openqoe_series_overflow_total" },
    { "openqoe.dimension.cardinality", "openqoe_dimension_cardinality" },
    { "openqoe.dimension.overflow", "openqoe_dimension_overflow_total" },
    { "openqoe.events_received", "openqoe_events_received_total" },
    { "openqoe.events_accepted", "openqoe_events_accepted_total" },
    { "openqoe.events_rejected", "openqoe_events_rejected_total" },
    { "openqoe.ingest_latency", "openqoe_ingest_latency_seconds" }
};


static uint64_t  seed = 1;


static uint64_t
rnd(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % n;
}


static qoe_metric_t
metric(const char *name, const char *unit, qoe_instrument_t kind)
{
    return (qoe_metric_t) { .name = qoe_span_str(name), .kind = kind,
                            .unit = qoe_span_str(unit) };
}


static int
name_is(const char *name, const char *unit, qoe_instrument_t kind,
    const char *want)
{
    char          text[QOE_PROM_NAME_MAX];
    size_t        len;
    qoe_metric_t  m = metric(name, unit, kind);

    len = qoe_prom_name(&m, text);

    return ok(qoe_span_eq((qoe_span_t) { text, len }, qoe_span_str(want)),
              "%s with unit \"%s\" becomes %s (%.*s)",
              name, unit, want, (int) len, text);
}


static void
test_catalogue(void)
{
    char    text[QOE_METRICS_N][QOE_PROM_NAME_MAX];
    size_t  i, j, len[QOE_METRICS_N], same;

    ok(sizeof(names) / sizeof(names[0]) == QOE_METRICS_N,
       "the table has a name for each metric");

    for (i = 0; i < QOE_METRICS_N; i++) {
        len[i] = qoe_prom_name(&qoe_metrics[i], text[i]);

        for (j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            if (qoe_span_eq(qoe_metrics[i].name,
                            qoe_span_str(names[j].otel)))
            {
                break;
            }
        }

        ok(j < sizeof(names) / sizeof(names[0])
           && qoe_span_eq((qoe_span_t) { text[i], len[i] },
                          qoe_span_str(names[j].prom)),
           "%s is named %.*s", qoe_metrics[i].name.data, (int) len[i], text[i]);
    }

    /* Names are unique without _total, too, as OpenMetrics names families. */

    same = 0;

    for (i = 0; i < QOE_METRICS_N; i++) {
        if (len[i] > 6 && memcmp(text[i] + len[i] - 6, "_total", 6) == 0) {
            len[i] -= 6;
        }

        for (j = 0; j < i; j++) {
            same += qoe_span_eq((qoe_span_t) { text[i], len[i] },
                                (qoe_span_t) { text[j], len[j] });
        }
    }

    ok(same == 0, "no two families have the same name");
}


static void
test_names(void)
{
    char  longest[2 * QOE_PROM_NAME_MAX];

    name_is("/0/9/:/;@A@Z[`a`z{", "", QOE_INSTRUMENT_GAUGE, "0_9_:_A_Z_a_z");
    name_is("0x", "", QOE_INSTRUMENT_GAUGE, "_0x");
    name_is("9x", "", QOE_INSTRUMENT_GAUGE, "_9x");
    name_is(":x", "", QOE_INSTRUMENT_GAUGE, ":x");
    name_is("", "", QOE_INSTRUMENT_GAUGE, "");
    name_is("a..b--c", "", QOE_INSTRUMENT_GAUGE, "a_b_c");
    name_is(".a.", "", QOE_INSTRUMENT_GAUGE, "a");
    name_is("2xx.count", "", QOE_INSTRUMENT_COUNTER, "_2xx_count_total");
    name_is("a.total.b", "By", QOE_INSTRUMENT_COUNTER, "a_b_bytes_total");
    name_is("a.seconds.b", "s", QOE_INSTRUMENT_HISTOGRAM, "a_seconds_b");
    name_is("a", "1", QOE_INSTRUMENT_GAUGE, "a_ratio");
    name_is("a.ratio", "1", QOE_INSTRUMENT_GAUGE_NOW, "a_ratio");
    name_is("a", "1", QOE_INSTRUMENT_COUNTER, "a_total");
    name_is("a", "1", QOE_INSTRUMENT_UPDOWN_DOUBLE, "a");
    name_is("a", "{x}", QOE_INSTRUMENT_GAUGE, "a");
    name_is("a", "{x}/s", QOE_INSTRUMENT_GAUGE, "a_per_second");
    name_is("a", "By/m", QOE_INSTRUMENT_GAUGE, "a_bytes_per_minute");
    name_is("a", "By/{x}", QOE_INSTRUMENT_GAUGE, "a_bytes");
    name_is("a", "%", QOE_INSTRUMENT_GAUGE, "a_percent");

    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    name_is(longest, "s", QOE_INSTRUMENT_COUNTER, "seconds_total");
}


/* Texts */

static qoe_status_t
render(const qoe_collect_t *c, qoe_prom_format_t format, size_t max,
    qoe_buf_t *out, size_t *steps)
{
    qoe_prom_t    p = { 0, 0 };
    qoe_status_t  rc;

    *steps = 0;

    do {
        rc = qoe_prom_step(&p, c, format, out, max);
        (*steps)++;
    } while (rc == QOE_AGAIN);

    return rc;
}


static void
text_is(const qoe_collect_t *c, qoe_prom_format_t format, const char *want,
    const char *what)
{
    size_t     steps;
    qoe_buf_t  out;

    qoe_buf_init(&out, &qoe_mem_heap, TEXT_MAX);

    if (!ok(render(c, format, SIZE_MAX, &out, &steps) == QOE_OK && steps == 1
            && qoe_span_eq((qoe_span_t) { out.data, out.len },
                           qoe_span_str(want)), "%s", what))
    {
        printf("# %.*s\n", (int) out.len, out.data);
    }

    qoe_buf_free(&out);
}


static void
test_texts(void)
{
    uint32_t         base, extra, overflow;
    qoe_collect_t   *c;
    qoe_histogram_t  h = { .count = 4, .sum = 1.75, .min = 0.1, .max = 1,
                           .bucket = { 1, 0, 2, 0, 1 } };

    c = fake_create(1);

    text_is(c, QOE_PROM_TEXT, "", "no series give no text");
    text_is(c, QOE_PROM_OPENMETRICS, "# EOF\n",
            "no series give # EOF in OpenMetrics");

    base = fake_labels(c, (const char *const []) {
        "org_id", "o\\\"\n\xc3\xa9\x80\xff\t", "app.name", "x", NULL });
    extra = fake_labels(c, (const char *const []) { "app_name", "y", "2nd",
        "z", "__name__", "n", NULL });
    overflow = fake_labels(c, (const char *const []) {
        "otel.metric.overflow", "true", NULL });

    fake_add(c, QOE_METRIC_SEEK_TOTAL, base, 0, 1, 3.5, NULL);
    fake_add(c, QOE_METRIC_SEEK_TOTAL, 0, overflow, 1, 2, NULL);
    fake_add(c, QOE_METRIC_BUFFERED_DURATION, 0, 0, 1, -2, NULL);
    fake_add(c, QOE_METRIC_FRAMERATE, 0, 0, 1, 29.97, NULL);
    fake_add(c, QOE_METRIC_FRAMERATE, base, extra, 1, NAN, NULL);
    fake_add(c, QOE_METRIC_PLAYING_TIME_SECONDS, base, extra, 1, -1, NULL);

    text_is(c, QOE_PROM_TEXT,
            "# HELP openqoe_seek_total Seeks\n"
            "# TYPE openqoe_seek_total counter\n"
            "openqoe_seek_total{org_id=\"o\\\\\\\"\\n\xc3\xa9??\t\","
            "app_name=\"x\"} 3\n"
            "openqoe_seek_total{otel_metric_overflow=\"true\"} 2\n"
            "# HELP openqoe_buffered_duration_seconds_total Media time of all "
            "loaded segments\n"
            "# TYPE openqoe_buffered_duration_seconds_total counter\n"
            "# HELP openqoe_framerate_fps Frame rate of the rendition shown\n"
            "# TYPE openqoe_framerate_fps gauge\n"
            "openqoe_framerate_fps 29.97\n"
            "# HELP openqoe_playing_time_seconds Time spent playing\n"
            "# TYPE openqoe_playing_time_seconds gauge\n"
            "openqoe_playing_time_seconds{app_name=\"y\",key_2nd=\"z\","
            "key__name__=\"n\",org_id=\"o\\\\\\\"\\n\xc3\xa9??\t\"} -1\n",
            "counters, gauges and labels are written as text");

    c->metric[QOE_METRIC_SEEK_TOTAL].n = 0;
    c->metric[QOE_METRIC_BUFFERED_DURATION].n = 0;
    c->metric[QOE_METRIC_FRAMERATE].n = 0;
    c->metric[QOE_METRIC_PLAYING_TIME_SECONDS].n = 0;

    fake_add(c, QOE_METRIC_EVENTS_RECEIVED, 0, overflow, START, 5, NULL);
    fake_add(c, QOE_METRIC_PERCEIVED_QUALITY_INDEX, 0, overflow, START, 0,
             &h);
    fake_add(c, QOE_METRIC_PERCEIVED_QUALITY_INDEX, 0, 0, START, 0, &h);

    text_is(c, QOE_PROM_OPENMETRICS,
            "# HELP openqoe_perceived_quality_index Bits a pixel of the "
            "rendition after a quality change\n"
            "# TYPE openqoe_perceived_quality_index histogram\n"
#define LE(le, n)                                                             \
            "openqoe_perceived_quality_index_bucket{otel_metric_overflow="    \
            "\"true\",le=\"" le "\"} " #n "\n"
            LE("0.05", 1) LE("0.1", 1) LE("0.15", 3) LE("0.25", 3)
            LE("+Inf", 4)
#undef LE
            "openqoe_perceived_quality_index_sum{otel_metric_overflow="
            "\"true\"} 1.75\n"
            "openqoe_perceived_quality_index_count{otel_metric_overflow="
            "\"true\"} 4\n"
            "openqoe_perceived_quality_index_created{otel_metric_overflow="
            "\"true\"} 1700000000.123\n"
#define LE(le, n)                                                             \
            "openqoe_perceived_quality_index_bucket{le=\"" le "\"} " #n "\n"
            LE("0.05", 1) LE("0.1", 1) LE("0.15", 3) LE("0.25", 3)
            LE("+Inf", 4)
#undef LE
            "openqoe_perceived_quality_index_sum 1.75\n"
            "openqoe_perceived_quality_index_count 4\n"
            "openqoe_perceived_quality_index_created 1700000000.123\n"
            "# HELP openqoe_events_received Events received\n"
            "# TYPE openqoe_events_received counter\n"
            "openqoe_events_received_total{otel_metric_overflow=\"true\"} 5\n"
            "openqoe_events_received_created{otel_metric_overflow=\"true\"} "
            "1700000000.123\n"
            "# EOF\n", "histograms and counters are written as OpenMetrics");

    fake_destroy(c);
}


static qoe_collect_t *
random_collection(size_t series)
{
    char             value[40];
    size_t           i, j;
    qoe_labels_t     l;
    qoe_collect_t   *c;
    qoe_metric_id_t  id;
    static const char *const  keys[] = {
        "org_id", "player_id", "env", "app_name", "app_version",
        "device_category", "os_family", "browser_family", "player_name",
        "network_country", "video_id", "video_title", "content_type",
        "stream_id"
    };

    c = fake_create(1);

    for (i = 0; i < series; i++) {
        l.len = 0;

        for (j = 0; j < sizeof(keys) / sizeof(keys[0]); j++) {
            snprintf(value, sizeof(value), "value-%zu %s", i + j,
                     j % 5 ? "" : "\"\\\n");
            qoe_labels_add(&l, qoe_span_str(keys[j]), qoe_span_str(value));
        }

        id = (qoe_metric_id_t) rnd(QOE_METRICS_N);
        qoe_histogram_t  h = { .count = 1, .sum = 5 };
        h.bucket[rnd(qoe_metrics[id].nbounds + 1)]++;

        fake_add(c, id, fake_block(c, qoe_labels_span(&l)), 0, 1,
                 (double) rnd(100000) / 16, &h);
    }

    return c;
}


static void
test_steps(void)
{
    int             wrong;
    size_t          i, steps;
    qoe_buf_t       once, out;
    qoe_collect_t  *c;

    c = random_collection(300);
    qoe_buf_init(&once, &qoe_mem_heap, TEXT_MAX);
    qoe_buf_init(&out, &qoe_mem_heap, TEXT_MAX);

    ok(render(c, QOE_PROM_OPENMETRICS, SIZE_MAX, &once, &steps) == QOE_OK
       && steps == 1, "a collection is rendered in a single step");
    ok(render(c, QOE_PROM_OPENMETRICS, 0, &out, &steps) == QOE_OK
       && steps == 300 && qoe_span_eq((qoe_span_t) { once.data, once.len },
                                      (qoe_span_t) { out.data, out.len }),
       "a series a step gives the same text (%zu steps)", steps);

    qoe_buf_reset(&out);
    ok(render(c, QOE_PROM_OPENMETRICS, 20000, &out, &steps) == QOE_OK
       && steps > 5 && steps < 100
       && qoe_span_eq((qoe_span_t) { once.data, once.len },
                      (qoe_span_t) { out.data, out.len }),
       "20 kB a step give the same text");

    qoe_buf_free(&out);
    qoe_buf_init(&out, &qoe_mem_heap, 5000);
    ok(render(c, QOE_PROM_TEXT, 100, &out, &steps) == QOE_TOO_LARGE,
       "text past the buffer's maximum is refused");
    qoe_buf_free(&out);

    for (i = 0, wrong = 0; i < 8; i++) {
        qoe_buf_init(&out, &qoe_mem_heap, once.len - i);
        wrong += render(c, QOE_PROM_OPENMETRICS, SIZE_MAX, &out, &steps)
                 != (i == 0 ? QOE_OK : QOE_TOO_LARGE);
        qoe_buf_free(&out);
    }

    ok(wrong == 0, "text that just fits is rendered, to its last line");

    qoe_buf_free(&once);
    fake_destroy(c);
}


static void
test_nomem(void)
{
    bool            good;
    long            at;
    size_t          steps;
    tap_mem_t       mem;
    qoe_buf_t       out;
    qoe_status_t    rc;
    qoe_collect_t  *c;

    c = random_collection(100);
    good = true;

    for (at = 0; good; at++) {
        qoe_buf_init(&out, tap_mem(&mem, at), TEXT_MAX);
        rc = render(c, QOE_PROM_TEXT, 1000, &out, &steps);
        good = (rc == (mem.failed ? QOE_NOMEM : QOE_OK));
        qoe_buf_free(&out);
        good &= (mem.live == 0);

        if (mem.failed == 0) {
            break;
        }
    }

    ok(good && at > 5, "each of %ld allocations may fail", at);
    fake_destroy(c);
}


static void
test_speed(void)
{
    size_t           steps;
    clock_t          start;
    qoe_buf_t        out;
    qoe_collect_t   *c;

    c = random_collection(SPEED_SERIES);
    qoe_buf_init(&out, &qoe_mem_heap, TEXT_MAX);

    start = clock();
    ok(render(c, QOE_PROM_TEXT, 65536, &out, &steps) == QOE_OK,
       "%d series are rendered in the time measured", SPEED_SERIES);
    printf("# %d series with 14 labels: %.1f ms, %.1f MB, %zu steps\n",
           SPEED_SERIES, (double) (clock() - start) * 1e3 / CLOCKS_PER_SEC,
           (double) out.len / 1e6, steps);

    qoe_buf_free(&out);
    fake_destroy(c);
}


/* Prints the text for promtool to look at. */

static void
print(const char *format)
{
    size_t          steps;
    qoe_buf_t       out;
    qoe_collect_t  *c;

    c = random_collection(500);
    qoe_buf_init(&out, &qoe_mem_heap, TEXT_MAX);

    render(c, *format == 'o' ? QOE_PROM_OPENMETRICS : QOE_PROM_TEXT, 4096,
           &out, &steps);
    fwrite(out.data, 1, out.len, stdout);

    qoe_buf_free(&out);
    fake_destroy(c);
}


int
main(int argc, char **argv)
{
    if (argc > 1) {
        print(argv[1]);
        return 0;
    }

    test_catalogue();
    test_names();
    test_texts();
    test_steps();
    test_nomem();
    test_speed();

    return tap_end();
}
