
/*
 * Copyright (C) OpenQoE
 *
 * The record: what is packed comes out again, anything else is refused.
 */


#include "tap.h"
#include "qoe_record.h"
#include "qoe_source.h"


#define RECORD_FIELDS  8


static const qoe_event_field_t  text_fields[RECORD_FIELDS] = {
    QOE_FIELD_ORG_ID, QOE_FIELD_PLAYER_ID, QOE_FIELD_SESSION_ID,
    QOE_FIELD_VIEW_ID, QOE_FIELD_VIEWER_ID, QOE_FIELD_ENV, QOE_FIELD_APP_NAME,
    QOE_FIELD_APP_VERSION
};

static const qoe_text_t  text_ids[RECORD_FIELDS] = {
    QOE_TEXT_ORG_ID, QOE_TEXT_PLAYER_ID, QOE_TEXT_SESSION_ID,
    QOE_TEXT_VIEW_ID, QOE_TEXT_VIEWER_ID, QOE_TEXT_ENV, QOE_TEXT_APP_NAME,
    QOE_TEXT_APP_VERSION
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


static bool
is(qoe_span_t s, const char *text)
{
    return qoe_span_eq(s, qoe_span_str(text));
}


static bool
within(qoe_span_t s, qoe_span_t in)
{
    return s.data >= in.data && s.data + s.len <= in.data + in.len;
}


/* Packs the record in one piece; returns QOE_OK or why that failed. */

static qoe_status_t
pack(qoe_span_t *packed, const qoe_event_t *ev, const qoe_record_meta_t *meta,
    qoe_arena_t *arena)
{
    qoe_status_t         rc;
    qoe_record_parts_t   parts;

    rc = qoe_record_pack(&parts, ev, meta, arena);

    return (rc == QOE_OK) ? qoe_record_join(packed, &parts, arena) : rc;
}


static void
test_round_trip(void)
{
    double               number[3];
    size_t               i, bad;
    qoe_span_t           packed;
    qoe_event_t          ev;
    qoe_arena_t          arena;
    qoe_record_t         r;
    qoe_record_meta_t    meta;

    make_event(&ev, &meta);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);

    ok(pack(&packed, &ev, &meta, &arena) == QOE_OK && packed.len > 100,
       "an event can be packed into a record");
    ok(qoe_record_open(&r, packed) == QOE_OK, "a packed record can be opened");

    ok(r.head->received_ns == 1765976635200123456
       && qoe_record_received(packed) == 1765976635200123456
       && r.head->time_ms == 1765976635154 && r.head->severity == 17,
       "a record keeps times and severity");
    ok(is(r.type_name, "error") && r.head->type == QOE_EVENT_ERROR
       && memcmp(r.head->uid, meta.uid, 16) == 0
       && is(qoe_record_text(&r, QOE_TEXT_MARKER), "0197-marker")
       && qoe_span_eq(r.body, ev.raw),
       "a record keeps type, uid, marker and body");

    for (i = 0, bad = 0; i < RECORD_FIELDS; i++) {
        bad += !is(qoe_record_text(&r, text_ids[i]), texts[i]);
    }

    ok(bad == 0, "each text field is in its own place");
    ok(is(qoe_record_text(&r, QOE_TEXT_NETWORK_ASN), "64512")
       && is(qoe_record_text(&r, QOE_TEXT_CODEC), "avc1")
       && is(qoe_record_text(&r, QOE_TEXT_ERROR_CODE), "403")
       && qoe_record_text(&r, QOE_TEXT_ERROR_FAMILY).len == 0
       && qoe_record_text(&r, QOE_TEXT_VIDEO_TITLE).len == 0,
       "a record holds the texts that samples need");

    memcpy(number, r.numbers, sizeof(number));
    ok(r.head->set == ev.set && r.head->nnumbers == 3 && number[0] == 1234.5
       && number[1] == 3e6 && number[2] == 1,
       "a record holds its numbers in the order of their bits");
    ok(r.head->nattrs == 3 && is(qoe_record_named(&r, 2).name, "network.asn")
       && is(qoe_record_named(&r, 2).value, "64512")
       && is(qoe_record_named(&r, 0).name, "geo.city")
       && is(qoe_record_named(&r, 0).value, "K\xc3\xb6ln")
       && is(qoe_record_named(&r, 1).name, "edge"),
       "a record holds the attributes that are no fields of the body");
    ok(r.head->ndims == 3 && is(qoe_record_named(&r, 3).name, "plan")
       && is(qoe_record_named(&r, 3).value, "gold")
       && is(qoe_record_named(&r, 4).name, "city")
       && is(qoe_record_named(&r, 4).value, "K\xc3\xb6ln")
       && is(qoe_record_named(&r, 5).value, "64512"),
       "a record holds dimensions from data, an attribute and a field");
    ok(within(r.body, packed)
       && within(qoe_record_text(&r, QOE_TEXT_CODEC), packed),
       "an opened record's strings point into the record");

    ev.field[QOE_FIELD_ENV].type = QOE_VALUE_NONE;
    meta.marker = qoe_span_null;

    ok(pack(&packed, &ev, &meta, &arena) == QOE_OK
       && qoe_record_open(&r, packed) == QOE_OK
       && qoe_record_text(&r, QOE_TEXT_ENV).len == 0
       && qoe_record_text(&r, QOE_TEXT_MARKER).len == 0
       && is(qoe_record_text(&r, QOE_TEXT_APP_NAME), "app"),
       "fields that the event lacks are absent from the record");

    qoe_arena_free(&arena);
}


/* Text that lies in the body is not copied; text that overlaps its ends is. */

static void
test_places(void)
{
    char                 raw[64];
    size_t               head;
    qoe_span_t           packed;
    qoe_event_t          ev;
    qoe_arena_t          arena;
    qoe_record_t         r;
    qoe_record_meta_t    meta;
    qoe_record_parts_t   parts;

    make_event(&ev, &meta);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);
    memset(raw, 'y', sizeof(raw));
    memcpy(raw + 8, "{\"env\":\"prod\",\"app\":\"app\",\"p\":\"\"}", 33);

    qoe_record_pack(&parts, &ev, &meta, &arena);
    head = parts.head.len;

    ev.raw = (qoe_span_t) { raw + 8, 33 };
    ev.field[QOE_FIELD_ENV].v.string = (qoe_span_t) { raw + 16, 4 };
    ev.field[QOE_FIELD_APP_NAME].v.string = (qoe_span_t) { raw + 29, 3 };

    ok(qoe_record_pack(&parts, &ev, &meta, &arena) == QOE_OK
       && parts.head.len == head - 7 && parts.body.data == raw + 8
       && parts.body.len == 33,
       "a record's body is the event's own bytes, and texts of the body are "
       "not repeated in the head");

    qoe_record_join(&packed, &parts, &arena);

    ok(qoe_record_open(&r, packed) == QOE_OK
       && is(qoe_record_text(&r, QOE_TEXT_ENV), "prod")
       && is(qoe_record_text(&r, QOE_TEXT_APP_NAME), "app")
       && within(qoe_record_text(&r, QOE_TEXT_ENV), r.body)
       && is(qoe_record_text(&r, QOE_TEXT_APP_VERSION), "1.2.3"),
       "texts of the body are read from the body");

    /*
     * The texts are the whole body, its last byte, and a byte too far on
     * either side.
     */

    ev.field[QOE_FIELD_ENV].v.string = ev.raw;
    ev.field[QOE_FIELD_APP_NAME].v.string = (qoe_span_t) { raw + 40, 1 };
    ev.field[QOE_FIELD_ORG_ID].v.string = (qoe_span_t) { raw + 40, 2 };
    ev.field[QOE_FIELD_PLAYER_ID].v.string = (qoe_span_t) { raw + 7, 2 };
    pack(&packed, &ev, &meta, &arena);

    ok(qoe_record_open(&r, packed) == QOE_OK
       && qoe_span_eq(qoe_record_text(&r, QOE_TEXT_ENV), ev.raw)
       && is(qoe_record_text(&r, QOE_TEXT_APP_NAME), "}")
       && within(qoe_record_text(&r, QOE_TEXT_APP_NAME), r.body)
       && is(qoe_record_text(&r, QOE_TEXT_ORG_ID), "}y")
       && is(qoe_record_text(&r, QOE_TEXT_PLAYER_ID), "y{"),
       "texts at the very ends of the body are read from there");

    ev.type = QOE_EVENT_CUSTOM;
    ev.type_name = qoe_span("adbreak");
    pack(&packed, &ev, &meta, &arena);
    ok(qoe_record_open(&r, packed) == QOE_OK && is(r.type_name, "adbreak"),
       "a record of a custom type holds the type's name");

    ev.type_name = qoe_span_null;
    pack(&packed, &ev, &meta, &arena);
    ok(qoe_record_open(&r, packed) == QOE_INVALID,
       "a record of a custom type without a name is refused");

    qoe_arena_free(&arena);
}


/* Reads every byte that r points to, for valgrind and ASan to see. */

static size_t
sum(const qoe_record_t *r, qoe_span_t packed)
{
    size_t       i, n;
    qoe_span_t   s[3];
    qoe_named_t  named;

    n = 0;

    for (i = 0; i < QOE_TEXTS; i++) {
        s[0] = qoe_record_text(r, (qoe_text_t) i);
        n += !within(s[0], packed);
    }

    for (i = 0; i < (size_t) r->head->nattrs + r->head->ndims; i++) {
        named = qoe_record_named(r, i);
        n += !within(named.name, packed) || !within(named.value, packed);
    }

    n += !within(r->body, packed);
    n += r->type_name.len == 0 || r->type_name.len > packed.len;
    n += r->numbers + 8 * r->head->nnumbers > packed.data + packed.len;

    return n;
}


static void
test_invalid(void)
{
    char                *copy;
    size_t               i, k, opened, refused, beyond;
    qoe_span_t           packed, damaged;
    qoe_event_t          ev;
    qoe_arena_t          arena;
    qoe_record_t         r;
    qoe_record_meta_t    meta;

    make_event(&ev, &meta);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);
    ev.type = QOE_EVENT_CUSTOM;
    pack(&packed, &ev, &meta, &arena);

    opened = 0;

    for (i = 0; i < packed.len; i++) {
        copy = malloc(i + 1);
        memcpy(copy, packed.data, i);
        opened += (qoe_record_open(&r, (qoe_span_t) { copy, i })
                   != QOE_INVALID);
        free(copy);
    }

    ok(opened == 0, "a record cut at any byte is refused");

    copy = malloc(packed.len + 1);
    damaged = (qoe_span_t) { copy, packed.len };
    memcpy(copy, packed.data, packed.len);

    ok(qoe_record_open(&r, (qoe_span_t) { copy, packed.len + 1 })
       == QOE_INVALID, "a record with a byte too many is refused");

    refused = 0;
    beyond = 0;

    for (i = 0; i < packed.len; i++) {
        for (k = 0; k < 255; k++) {
            copy[i] = (char) (copy[i] + 1);

            if (qoe_record_open(&r, damaged) == QOE_OK) {
                beyond += sum(&r, damaged);
            } else {
                refused++;
            }
        }

        copy[i] = packed.data[i];
    }

    ok(beyond == 0 && refused > 1000,
       "a record with any byte altered is refused or stays within its bounds");

    ok(qoe_record_open(&r, qoe_span_null) == QOE_INVALID
       && qoe_record_received(qoe_span_null) == 0,
       "an empty record is refused");
    ok(qoe_record_open(&r, qoe_span("{\"events\":[]}")) == QOE_INVALID,
       "JSON is refused as a record");

    memset(copy, ' ', packed.len);
    ok(qoe_record_open(&r, damaged) == QOE_INVALID
       && qoe_record_received(damaged) == 0,
       "a record of another format is refused");

    free(copy);
    qoe_arena_free(&arena);
}


/* The fixed part of a record is refused where it passes its limits. */

static void
test_counts(void)
{
    size_t               i, bad;
    qoe_span_t           packed;
    qoe_event_t          ev;
    qoe_arena_t          arena;
    qoe_record_t         r;
    qoe_record_meta_t    meta;
    qoe_record_head_t   *head, good;

    make_event(&ev, &meta);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);
    ev.raw.data = qoe_arena_calloc(&arena, 4096);
    ev.raw.len = 4096;
    pack(&packed, &ev, &meta, &arena);

    head = (qoe_record_head_t *) (uintptr_t) packed.data;
    good = *head;
    bad = 0;

    for (i = 0; i < 8; i++) {
        *head = good;

        switch (i) {
        case 0: head->format++; break;
        case 1: head->head_len += 4096; break;
        case 2: head->body_len--; break;
        case 3: head->type = QOE_EVENT_CUSTOM + 1; break;
        case 4: head->nnumbers = QOE_NUMBERS + 1; break;
        case 5: head->nattrs = QOE_ATTRIBUTES_MAX + 1; break;
        case 6: head->ndims = QOE_SOURCES_MAX + 1; break;
        case 7: head->head_len = sizeof(good); head->body_len = (uint32_t)
                (packed.len - sizeof(good)); break;
        }

        bad += (qoe_record_open(&r, packed) != QOE_INVALID);
    }

    *head = good;
    ok(bad == 0 && qoe_record_open(&r, packed) == QOE_OK,
       "counts and lengths beyond the record are refused");

    for (i = 0; i < QOE_TEXTS; i++) {
        *head = good;
        head->text[i] = 4096 << QOE_RECORD_LEN_BITS;
        bad += (qoe_record_open(&r, packed) != QOE_OK);
        head->text[i] = 4096 << QOE_RECORD_LEN_BITS | 1;
        bad += (qoe_record_open(&r, packed) != QOE_INVALID);
        head->text[i] = QOE_RECORD_IN_HEAD | 1
                        | (good.head_len - 1) << QOE_RECORD_LEN_BITS;
        bad += (qoe_record_open(&r, packed) != QOE_OK);
        head->text[i]++;
        bad += (qoe_record_open(&r, packed) != QOE_INVALID);
        head->text[i] = UINT32_MAX;
        bad += (qoe_record_open(&r, packed) != QOE_INVALID);
    }

    ok(bad == 0,
       "each text of the head is refused from the first byte past its limit");

    qoe_arena_free(&arena);
}


/* The largest event that the decoder and the configuration let through. */

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
    ev->set = UINT64_MAX >> (64 - QOE_DATA_NUMBERS);
    meta->attrs = many;
    meta->nattrs = QOE_ATTRIBUTES_MAX + 1;

    rc = pack(&packed, ev, meta, arena);

    ok(rc == QOE_OK && packed.len < QOE_RECORD_MAX,
       "the largest event fits into a record, of %zu bytes", packed.len);
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
    ok(pack(&packed, &ev, &meta, &arena) == QOE_TOO_LARGE,
       "an event whose record would be too large is refused");

    ev.raw.len = QOE_RECORD_MAX - 512;
    ok(pack(&packed, &ev, &meta, &arena) == QOE_OK
       && packed.len <= QOE_RECORD_MAX,
       "an event whose record is just small enough is packed");

    test_largest(&ev, &meta, &arena, big);

    qoe_arena_free(&arena);
    free(big);
}


static void
test_nomem(void)
{
    long                 n;
    size_t               bad;
    tap_mem_t            m;
    qoe_span_t           packed;
    qoe_event_t          ev;
    qoe_arena_t          arena;
    qoe_record_t         r;
    qoe_sample_t         s;
    qoe_status_t         rc;
    qoe_record_meta_t    meta;

    make_event(&ev, &meta);
    bad = 0;

    for (n = 0; n < 1000; n++) {

        /* Blocks of 16 bytes make every object an allocation of its own. */

        qoe_arena_init(&arena, tap_mem(&m, n), 16, 1 << 20);

        rc = pack(&packed, &ev, &meta, &arena);

        if (rc == QOE_OK) {
            bad += (qoe_record_open(&r, packed) != QOE_OK);
            rc = qoe_record_sample(&s, &r, &arena);
        }

        qoe_arena_free(&arena);

        bad += (m.live != 0);

        if (m.failed == 0) {
            break;
        }

        bad += (rc != QOE_NOMEM);
    }

    ok(n > 6 && n < 1000 && rc == QOE_OK,
       "an event is packed after %ld allocations", n);
    ok(bad == 0,
       "a failure of any of these allocations is out of memory, and nothing "
       "leaks");
}


int
main(void)
{
    test_round_trip();
    test_places();
    test_invalid();
    test_counts();
    test_limits();
    test_nomem();

    return tap_end();
}
