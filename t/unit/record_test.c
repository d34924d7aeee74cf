
/*
 * Copyright (C) OpenQoE
 *
 * The record: what is packed comes out again, anything else is refused.
 */


#include "tap.h"
#include "record_pb.h"
#include "qoe_source.h"


#define RECORD_FIELDS  8


static const qoe_event_field_t  text_fields[RECORD_FIELDS] = {
    QOE_FIELD_ORG_ID, QOE_FIELD_PLAYER_ID, QOE_FIELD_SESSION_ID,
    QOE_FIELD_VIEW_ID, QOE_FIELD_VIEWER_ID, QOE_FIELD_ENV, QOE_FIELD_APP_NAME,
    QOE_FIELD_APP_VERSION
};

static const char *const  texts[RECORD_FIELDS] = {
    "org", "player", "session", "view", "viewer", "prod", "app", "1.2.3"
};


static qoe_named_t  attrs[] = {
    { { "geo.city", 8 }, { "K\xc3\xb6ln", 5 } },
    { { "edge", 4 }, { "fra1", 4 } }
};

static qoe_named_t  dims[] = {
    { { "plan", 4 }, { "gold", 4 } }
};

static const qoe_source_t  sources[] = {
    { .name = { "plan", 4 }, .kind = QOE_SOURCE_DATA, .key = { "plan", 4 } },
    { .name = { "city", 4 }, .kind = QOE_SOURCE_ATTRIBUTE,
      .key = { "geo.city", 8 } },
    { .name = { "asn", 3 }, .kind = QOE_SOURCE_FIELD,
      .field = QOE_FIELD_NETWORK_ASN }
};


static void
make_event(qoe_event_t *ev, qoe_record_meta_t *meta)
{
    size_t  i;

    memset(ev, 0, sizeof(qoe_event_t));
    memset(meta, 0, sizeof(qoe_record_meta_t));

    ev->type = QOE_EVENT_ERROR;
    ev->type_name = qoe_span("error");
    ev->severity = QOE_SEVERITY_ERROR;
    ev->time_ms = 1765976635154;
    ev->raw = qoe_span("{\"a\":\"\xc3\xa9\"}");

    for (i = 0; i < RECORD_FIELDS; i++) {
        ev->field[text_fields[i]].type = QOE_VALUE_STRING;
        ev->field[text_fields[i]].v.string = qoe_span_str(texts[i]);
    }

    ev->data[QOE_DATA_TEXT_CODEC] = qoe_span("avc1");
    ev->data[QOE_DATA_TEXT_ERROR_CODE] = qoe_span("403");
    ev->field[QOE_FIELD_NETWORK_ASN].type = QOE_VALUE_NUMBER;
    ev->field[QOE_FIELD_NETWORK_ASN].v.number = 64512;

    ev->set = 1 << QOE_NUMBER_BITRATE | 1 << QOE_NUMBER_PAGE_LOAD_TIME
              | 1 << QOE_NUMBER_FATAL;
    ev->number[QOE_NUMBER_PAGE_LOAD_TIME] = 1234.5;
    ev->number[QOE_NUMBER_BITRATE] = 3e6;
    ev->number[QOE_NUMBER_FATAL] = 1;

    ev->sources = sources;
    ev->nsources = 3;
    ev->dims = dims;
    ev->ndims = 1;
    ev->filled = (uint64_t) 1 << QOE_FIELD_NETWORK_ASN;

    meta->attrs = attrs;
    meta->nattrs = 2;
    meta->received_ns = 1765976635200123456;
    meta->marker = qoe_span("0197-marker");

    for (i = 0; i < 16; i++) {
        meta->uid[i] = (uint8_t) (i * 17);
    }
}


static int
bytes_are(ProtobufCBinaryData b, qoe_span_t s)
{
    return b.len == s.len && (s.len == 0 || memcmp(b.data, s.data, s.len) == 0);
}


static void
test_round_trip(void)
{
    size_t                i, bad;
    qoe_span_t            packed;
    qoe_event_t           ev;
    qoe_arena_t           arena;
    qoe_record_t          open;
    qoe_record_meta_t     meta;
    Openqoe__V1__Record  *r;

    make_event(&ev, &meta);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);

    ok(record_pack(&packed, &ev, &meta, &arena) == QOE_OK
       && packed.len > 100, "packs");
    ok(record_unpack(&r, packed, &arena) == QOE_OK, "protobuf-c unpacks it");
    ok(qoe_record_open(&open, packed) == QOE_OK && record_is(&open, r),
       "and we read the same");
    ok(open.body.data == packed.data + packed.len - ev.raw.len
       && packed.data[0] == 0x09, "in place; the time first, the body last");

    ok(r->received_unix_nano == 1765976635200123456
       && r->event_unix_nano == 1765976635154000000
       && r->severity_number == 17, "numbers");
    ok(bytes_are(r->event_type, qoe_span("error"))
       && bytes_are(r->uid, (qoe_span_t) { (char *) meta.uid, 16 })
       && bytes_are(r->marker, meta.marker) && bytes_are(r->body, ev.raw),
       "type, uid, marker, body");

    const ProtobufCBinaryData  got[RECORD_FIELDS] = {
        r->org_id, r->player_id, r->session_id, r->view_id, r->viewer_id,
        r->env, r->app_name, r->app_version
    };

    for (i = 0, bad = 0; i < RECORD_FIELDS; i++) {
        bad += !bytes_are(got[i], qoe_span_str(texts[i]));
    }

    ok(bad == 0, "each text field is in its own place");
    ok(bytes_are(r->network_asn, qoe_span("64512"))
       && bytes_are(r->codec, qoe_span("avc1"))
       && bytes_are(r->error_code, qoe_span("403"))
       && r->error_family.len == 0 && r->video_title.len == 0,
       "the sample's texts");
    ok(r->number_set == ev.set && r->n_numbers == 3
       && r->numbers[0] == 1234.5 && r->numbers[1] == 3e6
       && r->numbers[2] == 1, "its numbers, in the order of the bits");
    ok(r->n_attributes == 3
       && bytes_are(r->attributes[2]->name, qoe_span("network.asn"))
       && bytes_are(r->attributes[2]->value, qoe_span("64512"))
       && bytes_are(r->attributes[0]->name, attrs[0].name)
       && bytes_are(r->attributes[0]->value, attrs[0].value)
       && bytes_are(r->attributes[1]->name, attrs[1].name), "attributes");
    ok(r->n_dimensions == 3
       && bytes_are(r->dimensions[0]->name, qoe_span("plan"))
       && bytes_are(r->dimensions[0]->value, qoe_span("gold"))
       && bytes_are(r->dimensions[1]->name, qoe_span("city"))
       && bytes_are(r->dimensions[1]->value, attrs[0].value)
       && bytes_are(r->dimensions[2]->value, qoe_span("64512")),
       "dimensions from data, an attribute and a field");
    ev.field[QOE_FIELD_ENV].type = QOE_VALUE_NONE;
    meta.marker = qoe_span_null;

    ok(record_pack(&packed, &ev, &meta, &arena) == QOE_OK
       && record_unpack(&r, packed, &arena) == QOE_OK
       && r->env.len == 0 && r->marker.len == 0
       && bytes_are(r->app_name, qoe_span("app")), "absent fields stay absent");

    qoe_arena_free(&arena);
}


/* A record of a later version has fields that this code does not know. */

static void
test_unknown_field(void)
{
    char                  bytes[1024];
    qoe_span_t            packed;
    qoe_event_t           ev;
    qoe_arena_t           arena;
    qoe_record_t          open;
    qoe_record_meta_t     meta;
    Openqoe__V1__Record  *r;
    static const char     later[] = "\x82\x06\x03xyz";  /* field 96 */

    make_event(&ev, &meta);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);
    record_pack(&packed, &ev, &meta, &arena);

    memcpy(bytes, packed.data, packed.len);
    memcpy(bytes + packed.len, later, sizeof(later) - 1);

    ok(record_unpack(&r, (qoe_span_t) { bytes, packed.len
                                                   + sizeof(later) - 1 },
                         &arena) == QOE_OK
       && r->base.n_unknown_fields == 1 && bytes_are(r->body, ev.raw)
       && qoe_record_open(&open, (qoe_span_t) { bytes, packed.len
                                                       + sizeof(later) - 1 })
          == QOE_OK && record_is(&open, r),
       "an unknown field does no harm");

    qoe_arena_free(&arena);
}


static void
test_invalid(void)
{
    char                 *copy;
    size_t                i, ok_count, bad;
    qoe_span_t            packed, cut;
    qoe_event_t           ev;
    qoe_arena_t           arena, scratch;
    qoe_status_t          rc, pb;
    qoe_record_t          open;
    qoe_record_meta_t     meta;
    Openqoe__V1__Record  *r;

    make_event(&ev, &meta);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);
    qoe_arena_init(&scratch, &qoe_mem_heap, 4096, 1 << 20);
    record_pack(&packed, &ev, &meta, &arena);

    ok_count = 0;
    bad = 0;

    for (i = 0; i < packed.len; i++) {
        copy = malloc(i + 1);
        memcpy(copy, packed.data, i);
        cut = (qoe_span_t) { copy, i };

        rc = qoe_record_open(&open, cut);
        pb = record_unpack(&r, cut, &scratch);
        ok_count += (rc == QOE_OK);
        bad += (rc != pb) || (rc == QOE_OK && !record_is(&open, r));

        free(copy);
        qoe_arena_reset(&scratch);
    }

    /* cut between two fields it is a record that lacks the later ones */

    ok(ok_count == 21 && bad == 0,
       "cut anywhere: refused, but at the %zu borders behind uid", ok_count);

    const qoe_span_t  wrong[] = {
        qoe_span_null, qoe_span("{\"events\":[]}"),
        qoe_span("\x2a\x10" "0123456789abcdef"),
        qoe_span("\x1a\x01x\x2a\x02xy"),
        qoe_span("\x1a\x01x\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"),
        qoe_span("\x1a\x01x\x2a\x10" "0123456789abcdef\x80"),
        qoe_span("\x1a\x01x\x2a\x10" "0123456789abcdef\x0b\x0c"),
        qoe_span("\x1a\x01x\x2a\x10" "0123456789abcdef\x30\x01"),
        qoe_span("\x1a\x01x\x2a\x10" "0123456789abcdef\x0a\x01x"),
        qoe_span("\x1a\x01x\x2a\x10" "0123456789abcdef\x9a\x02\x07" "1234567"),
        qoe_span("\x1a\x01x\x2a\x10" "0123456789abcdef\xa2\x02\x02\x0a\x01"),
        qoe_span("\x1a\x01x\x2a\x10" "0123456789abcdef\xa2\x02\x02\x08\x01")
    };

    for (i = 0, bad = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bad += qoe_record_open(&open, wrong[i]) != QOE_INVALID
               || record_unpack(&r, wrong[i], &arena) != QOE_INVALID;
    }

    ok(bad == 0, "nothing, JSON, no type, a short uid, lengths and types that "
       "are wrong: %zu of them", i);

    qoe_arena_free(&arena);
    qoe_arena_free(&scratch);
}


/* The most that the decoder and the configuration let through. */

static void
test_largest(qoe_event_t *ev, qoe_record_meta_t *meta, qoe_arena_t *arena,
    const char *big)
{
    char          name[QOE_SOURCES_MAX][128];
    size_t        i;
    qoe_span_t    packed, huge = { big, QOE_RECORD_MAX };
    qoe_named_t   many[QOE_ATTRIBUTES_MAX + 1];
    qoe_status_t  rc;
    qoe_source_t  from[QOE_SOURCES_MAX];

    for (i = 0; i < QOE_FIELDS; i++) {
        ev->field[i].type = QOE_VALUE_STRING;
        ev->field[i].v.string = huge;
    }

    for (i = 0; i < QOE_DATA_TEXTS; i++) {
        ev->data[i] = huge;
    }

    for (i = 0; i < QOE_SOURCES_MAX; i++) {
        memset(name[i], 'a' + (int) i % 26, sizeof(name[i]));
        (void) qoe_source_parse(&from[i], (qoe_span_t) { name[i], 63 },
                                qoe_span("video.title"));
    }

    for (i = 0; i <= QOE_ATTRIBUTES_MAX; i++) {
        many[i].name = (qoe_span_t) { name[i % QOE_SOURCES_MAX], 127 };
        many[i].value = huge;
    }

    ev->raw.len = 65536;
    ev->sources = from;
    ev->nsources = QOE_SOURCES_MAX;
    ev->ndims = 0;
    ev->set = UINT64_MAX >> (64 - QOE_NUMBERS);
    meta->attrs = many;
    meta->nattrs = QOE_ATTRIBUTES_MAX + 1;

    rc = record_pack(&packed, ev, meta, arena);

    ok(rc == QOE_OK && packed.len < QOE_RECORD_MAX,
       "the largest event fits: %zu bytes", packed.len);
}


static void
test_limits(void)
{
    char               *big;
    qoe_span_t          packed;
    qoe_event_t         ev;
    qoe_arena_t         arena;
    qoe_record_meta_t   meta;

    make_event(&ev, &meta);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);

    big = calloc(1, QOE_RECORD_MAX + 1);

    ev.raw = (qoe_span_t) { big, QOE_RECORD_MAX };
    ok(record_pack(&packed, &ev, &meta, &arena) == QOE_TOO_LARGE,
       "too large");

    ev.raw.len = QOE_RECORD_MAX - 512;
    ok(record_pack(&packed, &ev, &meta, &arena) == QOE_OK
       && packed.len <= QOE_RECORD_MAX, "just not too large");

    test_largest(&ev, &meta, &arena, big);

    qoe_arena_free(&arena);
    free(big);
}


static void
test_nomem(void)
{
    long                  n;
    size_t                bad;
    tap_mem_t             m;
    qoe_span_t            packed;
    qoe_event_t           ev;
    qoe_arena_t           arena;
    qoe_status_t          pack, unpack;
    qoe_record_meta_t     meta;
    Openqoe__V1__Record  *r;

    make_event(&ev, &meta);
    bad = 0;

    for (n = 0; n < 1000; n++) {

        /* blocks of 16 bytes: every object is an allocation of its own */

        qoe_arena_init(&arena, tap_mem(&m, n), 16, 1 << 20);

        pack = record_pack(&packed, &ev, &meta, &arena);
        unpack = (pack == QOE_OK) ? record_unpack(&r, packed, &arena)
                                  : QOE_NOMEM;
        qoe_arena_free(&arena);

        bad += (m.live != 0);

        if (m.failed == 0) {
            break;
        }

        bad += (unpack != QOE_NOMEM);
    }

    ok(n > 10 && n < 1000 && unpack == QOE_OK, "%ld allocations", n);
    ok(bad == 0, "each one's failure is out of memory, and nothing leaks");
}


int
main(void)
{
    test_round_trip();
    test_unknown_field();
    test_invalid();
    test_limits();
    test_nomem();

    return tap_end();
}
