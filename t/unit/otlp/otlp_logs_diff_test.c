
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of log records are protobuf-c's: random records, and those of
 * bodies as players send them.
 */


#include "tap.h"
#include "otlp_logs_oracle.h"
#include "otlp_logs_records.h"

#include "qoe_decode.h"


static const qoe_attr_t  resource[] = {
    { qoe_span("service.name"), qoe_span("openQoE-worker") },
    { qoe_span("host.name"), qoe_span("h1") }
};

static const qoe_otlp_identity_t  identity = {
    resource, 2, qoe_span("openqoe"), qoe_span("0.1.0")
};


static qoe_buf_t    out, want;
static qoe_arena_t  arena;


/*
 * Writes the same bytes as protobuf-c for the same records, and leaves out as
 * many bad ones.
 */

static int
same(const qoe_span_t *records, size_t n)
{
    size_t        bad[2];
    qoe_status_t  rc[2];

    qoe_buf_reset(&out);
    qoe_buf_reset(&want);
    qoe_arena_reset(&arena);

    rc[0] = qoe_otlp_logs(&out, &identity, records, n, &bad[0], &arena);
    rc[1] = oracle_logs(&want, &identity, records, n, &bad[1], &arena);

    return rc[0] == rc[1] && bad[0] == bad[1]
           && qoe_span_eq((qoe_span_t) { out.data, out.len },
                          (qoe_span_t) { want.data, want.len });
}


static uint32_t
draw(uint32_t n)
{
    static uint64_t  state = 88172645463325252;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return (uint32_t) (state >> 16) % n;
}


/*
 * A piece of the body, or of text that is nowhere in the body; often of
 * neither.
 */

static qoe_span_t
draw_text(qoe_span_t raw, qoe_span_t other)
{
    size_t      len, at;
    qoe_span_t  from;

    from = draw(2) ? raw : other;

    if (draw(4) == 0 || from.len == 0) {
        return qoe_span_null;
    }

    len = draw(8) ? draw(40) : draw((uint32_t) from.len + 1);
    len = qoe_min(len, from.len);
    at = draw((uint32_t) (from.len - len) + 1);

    return (qoe_span_t) { from.data + at, len };
}


static qoe_span_t
draw_record(char *raw, qoe_span_t other)
{
    rec_t                     r;
    size_t                    i, len;
    qoe_span_t                packed;
    qoe_named_t               attrs[6];
    static const qoe_span_t   names[] = {
        { "env", 3 }, { "geo", 3 }, { "marker", 6 }, { "e\x80", 2 },
        { "e?", 2 }, { "event_type", 10 }, { "", 0 }, { "edge.pop", 8 }
    };
    static const char        *ids[] = {
        "018bcfe5-6800-7000-8000-0123456789ab",
        "018BCFE5-6800-7000-8000-0123456789AB",
        "00000000-0000-0000-0000-000000000000"
    };

    memset(&r, 0, sizeof(r));

    len = draw(4) ? draw(300) : draw(3000);

    for (i = 0; i < len; i++) {
        raw[i] = (char) (draw(200) ? ' ' + draw(95) : draw(256));
    }

    r.ev.raw = (qoe_span_t) { raw, len };
    r.ev.type = (qoe_event_type_t) draw(QOE_EVENT_CUSTOM + 1);
    r.ev.type_name = draw_text(r.ev.raw, other);
    r.ev.severity = (qoe_severity_t) draw(30);
    r.ev.time_ms = draw(8) ? (int64_t) draw(2000000000) * 1000 : 0;
    r.meta.received_ns = draw(8) ? draw(2000000000) * 1000000ull : 0;
    r.meta.marker = draw_text(r.ev.raw, other);
    r.meta.attrs = attrs;
    r.meta.nattrs = draw(2) ? draw(7) : 0;

    for (i = 0; i < sizeof(r.meta.uid); i++) {
        r.meta.uid[i] = (uint8_t) draw(256);
    }

    for (i = 0; i < QOE_FIELDS; i++) {
        set(&r, (qoe_event_field_t) i, draw_text(r.ev.raw, other));
    }

    if (draw(2)) {
        set_str(&r, QOE_FIELD_VIEW_ID, ids[draw(3)]);
    }

    for (i = 0; i < r.meta.nattrs; i++) {
        attrs[i].name = names[draw(8)];
        attrs[i].value = draw_text(r.ev.raw, other);
    }

    packed = pack(&r);

    if (draw(20) == 0) {
        ((char *) (uintptr_t) packed.data)[draw((uint32_t) packed.len)]
            ^= (char) (1 << draw(8));
    }

    return packed;
}


static void
test_random(void)
{
    char        *raw, *other;
    size_t       i, n, k, bad;
    qoe_span_t   records[20];

    raw = malloc(3000);
    other = malloc(2000);

    for (i = 0; i < 2000; i++) {
        other[i] = (char) (draw(50) ? 'a' + draw(26) : draw(256));
    }

    bad = 0;

    for (i = 0; i < 2000; i++) {
        n = 1 + draw(20);

        for (k = 0; k < n; k++) {
            records[k] = draw_record(raw, (qoe_span_t) { other, 2000 });
        }

        bad += !same(records, n);
        release(records, n);
    }

    ok(bad == 0,
       "2000 requests of random records have the bytes that protobuf-c writes");

    free(raw);
    free(other);
}


/* Bodies as players send them, passed through the decoder. */

#define IDS                                                                   \
    "\"event_time\":1765976635154,\"org_id\":\"org-17\","                      \
    "\"player_id\":\"web-player-main\","                                      \
    "\"view_id\":\"0197f6a0-1111-4222-8333-444455556666\","                   \
    "\"session_id\":\"0197f6a0-7777-4222-8333-444455556666\","                \
    "\"viewer_id\":\"viewer \\u00e9\",\"env\":\"production\","                \
    "\"app_name\":\"acme-tv\",\"app_version\":\"4.12.3\","

static void
test_bodies(void)
{
    size_t               i, bad;
    qoe_arena_t          a;
    qoe_batch_t          batch;
    qoe_named_t          attr = { qoe_span("geo.city"), qoe_span("Ulm") };
    qoe_span_t           records[8];
    rec_t                r;
    static const char    body[] =
        "{\"events\":["
        "{\"event_type\":\"heartbeat\"," IDS
        "\"network\":{\"asn\":3320,\"city\":\"S\xc3\xa3o Paulo\"},"
        "\"data\":{\"playing_time\":123456,\"bitrate\":3000000}},"
        "{\"event_type\":\"error\"," IDS
        "\"video\":{\"title\":\"\xe5\xa4\x9c\xe3\x81\xae \\\"x\\\"\"},"
        "\"data\":{\"error_family\":\"network\",\"error_code\":403,"
        "\"error_message\":\"HTTP 403 at\\nload (app.js:1:20)\"}},"
        "{\"event_type\":\"qualitychange\", " IDS " \"cmcd\":{\"st\":\"v\"},"
        "\"data\":{\"resolution\":{\"width\":1920,\"height\":1080},"
        "\"framerate\":\"29.97\",\"codec\":\"avc1.640028\"}},"
        "{\"event_type\":\"moveaway\"," IDS "\"data\":{}}]}";
    qoe_decode_conf_t    conf = {
        .max_events = 10, .max_age_ms = 1000, .max_ahead_ms = 1000
    };

    qoe_arena_init(&a, &qoe_mem_heap, 65536, 1 << 20);
    bad = 0;

    if (qoe_decode(&batch, body, sizeof(body) - 1, &conf, 1765976635154, &a)
        != QOE_OK)
    {
        abort();
    }

    for (i = 0; i < batch.nevents; i++) {
        memset(&r, 0, sizeof(r));
        r.ev = batch.events[i];
        r.meta.received_ns = 1765976635200123456;
        r.meta.marker = qoe_span("0197f6a0-9999-4222-8333-444455556666");
        r.meta.attrs = &attr;
        r.meta.nattrs = i & 1;

        records[i] = pack(&r);
        bad += !same(&records[i], 1);
    }

    ok(batch.nevents == 4 && bad == 0 && same(records, 4),
       "requests of what players send have the bytes that protobuf-c writes");

    release(records, batch.nevents);
    qoe_arena_free(&a);
}


int
main(void)
{
    qoe_buf_init(&out, &qoe_mem_heap, 64 << 20);
    qoe_buf_init(&want, &qoe_mem_heap, 64 << 20);
    qoe_arena_init(&arena, &qoe_mem_heap, 1 << 20, 256 << 20);

    test_random();
    test_bodies();

    qoe_buf_free(&out);
    qoe_buf_free(&want);
    qoe_arena_free(&arena);

    return tap_end();
}
