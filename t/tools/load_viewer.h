
/*
 * Copyright (C) OpenQoE
 *
 * Events for t/tools/load: plain ones, and for -x with forged values in every
 * dimension, or with those of a number of honest viewers, in bodies that are
 * alike.
 */


#ifndef _LOAD_VIEWER_H_INCLUDED_
#define _LOAD_VIEWER_H_INCLUDED_


#include <stdint.h>
#include <stdio.h>
#include <zlib.h>


/*
 * "sum" is the CRC-32 of the text before it, so that receivers can check an
 * event.
 */

static size_t
load_plain_event(char *p, size_t max, int index, unsigned session,
    const char *run, long long ms, uint64_t number)
{
    size_t  len;

    len = (size_t) snprintf(p, max,
        "{\"event_type\":\"heartbeat\",\"event_time\":%lld,"
        "\"viewer_time\":%lld,\"playback_time\":%lu,\"org_id\":\"org-load\","
        "\"player_id\":\"player-load\","
        "\"view_id\":\"%08x-%04x-4000-8000-00000000000a\","
        "\"session_id\":\"%08x-%04x-4000-8000-00000000000b\","
        "\"viewer_id\":\"viewer-%d\",\"env\":\"test\","
        "\"app_name\":\"load\",\"app_version\":\"1.0.0\","
        "\"device\":{\"name\":\"desktop\",\"model\":\"x\","
        "\"category\":\"desktop\",\"manufacturer\":\"none\"},"
        "\"os\":{\"family\":\"Linux\",\"version\":\"6.1\"},"
        "\"browser\":{\"family\":\"Chrome\",\"version\":\"120.0\"},"
        "\"player\":{\"name\":\"hls.js\",\"version\":\"1.5.0\","
        "\"autoplay\":true,\"preload\":\"auto\"},"
        "\"network\":{\"asn\":64496,\"country_code\":\"DE\"},"
        "\"cdn\":{\"provider\":\"edge\",\"edge_pop\":\"fra1\"},"
        "\"video\":{\"id\":\"video-%u\",\"title\":\"A film of the load\","
        "\"duration\":5400000,\"source_url\":\"https://v.example/a.m3u8\"},"
        "\"data\":{\"seq\":\"oqid-%s-%lu\",\"playing_time\":10000,"
        "\"bitrate\":3000000,\"buffer_length\":12000,"
        "\"dropped_frames\":0,",
        ms, ms, (unsigned long) (number % 5400000), session,
        (unsigned) index & 0xffff, session, (unsigned) index & 0xffff,
        index, session % 100, run, (unsigned long) number);

    return len + (size_t) sprintf(p + len, "\"sum\":\"%08x\"}}",
                     (unsigned) crc32(0, (const Bytef *) p, (uInt) len));
}


/* Numbers that follow each other look like nothing, and stay distinct. */

static uint64_t
load_mix(uint64_t n)
{
    return n * 0x9e3779b97f4a7c15;
}


/*
 * One of that many values for an honest viewer, else a value of the viewer's
 * own.
 */

static uint64_t
load_pick(uint64_t viewers, uint64_t n, unsigned honest)
{
    return viewers ? n % honest : load_mix(n) & 0xffffffff;
}


#define pick(honest)  load_pick(viewers, n, honest)


/*
 * The fields that all events of a viewer share: honest viewers have as many
 * values of each dimension as an honest crowd has.
 */

static size_t
load_viewer(char *p, size_t max, uint64_t viewers, uint64_t n)
{
    uint64_t  id;

    id = load_mix(n);

    return (size_t) snprintf(p, max,
        "\"org_id\":\"org-%08lx\",\"player_id\":\"player-%08lx\","
        "\"view_id\":\"%08lx-%04lx-4000-8000-00000000000a\","
        "\"session_id\":\"%08lx-%04lx-4000-8000-00000000000b\","
        "\"viewer_id\":\"viewer-%08lx\",\"env\":\"env-%08lx\","
        "\"app_name\":\"app-%08lx\",\"app_version\":\"1.%08lx\","
        "\"device\":{\"category\":\"d-%08lx\"},"
        "\"os\":{\"family\":\"os-%08lx\"},"
        "\"browser\":{\"family\":\"b-%08lx\"},"
        "\"player\":{\"name\":\"p-%08lx\"},"
        "\"network\":{\"asn\":%lu,\"country_code\":\"%08lx\","
        "\"region\":\"r-%08lx\"},\"cdn\":{\"provider\":\"cdn-%08lx\"},"
        "\"video\":{\"id\":\"video-%08lx\",\"title\":\"Film %08lx\","
        "\"stream_type\":\"live\",\"source_url\":\"https://v/%08lx\"}",
        pick(10), pick(5), id & 0xffffffff, id >> 48, id & 0xffffffff, id >> 48,
        id & 0xffffffff, pick(3), pick(5), pick(20), pick(5), pick(8), pick(8),
        pick(5), pick(50) + 1, pick(40), pick(30), pick(4), pick(50), pick(50),
        pick(50));
}


/* Events of the types whose metrics have attributes of their own, in turn. */

static size_t
load_viewer_event(char *p, size_t max, uint64_t viewers, const char *run,
    long long ms, uint64_t number)
{
    size_t    len;
    uint64_t  n;

    static const struct {
        const char  *type;
        const char  *data;
    } kind[] = {
        { "heartbeat", "\"playing_time\":10000,\"bitrate\":3000000,"
          "\"buffer_length\":12000,\"dropped_frames\":0" },
        { "fragmentloaded", "\"frag_duration\":4,\"size_bytes\":1500000,"
          "\"ttfb_ms\":40,\"z_score\":0.5,\"is_outlier\":false" },
        { "bufferlevelchange", "\"buffer_len_ms\":12000,\"z_score\":0.5,"
          "\"is_outlier\":false" },
        { "qualitychange", "\"bitrate_kb\":3000,\"resolution\":"
          "{\"width\":1280,\"height\":720}" },
        { "error", "\"error_message\":\"fragLoadError\"" }
    };

    n = viewers ? number % viewers : number;

    len = (size_t) snprintf(p, max,
              "{\"event_type\":\"%s\",\"event_time\":%lld,"
              "\"viewer_time\":%lld,\"playback_time\":1000,",
              kind[number % 5].type, ms, ms);

    len += load_viewer(p + len, max - len, viewers, n);

    return len + (size_t) snprintf(p + len, max - len,
        ",\"data\":{\"seq\":\"oqid-%s-%lu\",\"media_type\":\"m-%08lx\","
        "\"codec\":\"c-%08lx\",\"error_family\":\"f-%08lx\","
        "\"error_code\":\"e-%08lx\",\"framerate\":%lu,%s}}", run,
        (unsigned long) number, pick(2), pick(5), pick(5), pick(20),
        20 + pick(3) % 900, kind[number % 5].data);
}

#undef pick


#endif /* _LOAD_VIEWER_H_INCLUDED_ */
