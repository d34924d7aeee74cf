
/*
 * Copyright (C) OpenQoE
 *
 * Sources of custom dimensions: their syntax, and the values of an event.
 */


#include "tap.h"
#include "qoe_source.h"


static void
test_syntax(void)
{
    size_t        i;
    qoe_source_t  s;
    static const char *const  bad[] = {
        "", "data.", "data..", "data.a.", "data..b", "data.a.b.c",
        "attribute.", "nothing.of.this", "dat"
    };

    ok(qoe_source_parse(&s, qoe_span("n"), qoe_span("data.plan")) == QOE_OK
       && s.kind == QOE_SOURCE_DATA && qoe_span_eq(s.key, qoe_span("plan"))
       && s.sub.len == 0 && qoe_span_eq(s.name, qoe_span("n")),
       "data.KEY is a key of the free part");
    ok(qoe_source_parse(&s, qoe_span("n"), qoe_span("data.a.b")) == QOE_OK
       && s.kind == QOE_SOURCE_DATA && qoe_span_eq(s.key, qoe_span("a"))
       && qoe_span_eq(s.sub, qoe_span("b")),
       "data.KEY.KEY is a key below a key");
    ok(qoe_source_parse(&s, qoe_span("n"), qoe_span("attribute.geo.city"))
       == QOE_OK && s.kind == QOE_SOURCE_ATTRIBUTE
       && qoe_span_eq(s.key, qoe_span("geo.city")),
       "the name of an attribute may have dots");
    ok(qoe_source_parse(&s, qoe_span("n"), qoe_span("network.city")) == QOE_OK
       && s.kind == QOE_SOURCE_FIELD && s.field == QOE_FIELD_NETWORK_CITY,
       "the path of a field is that field");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(qoe_source_parse(&s, qoe_span("n"), qoe_span_str(bad[i]))
           == QOE_INVALID, "\"%s\" is no source", bad[i]);
    }
}


static bool
is(const qoe_named_t *d, const char *name, const char *value)
{
    return qoe_span_eq(d->name, qoe_span_str(name))
           && qoe_span_eq(d->value, qoe_span_str(value));
}


static void
test_values(void)
{
    char                long_text[QOE_SOURCE_LEN + 2];
    size_t              i, n;
    qoe_event_t         ev;
    qoe_arena_t         arena;
    qoe_source_t        from[QOE_SOURCES_MAX + 1];
    const qoe_named_t  *d;
    static qoe_named_t  found[] = { { { "plan", 4 }, { "gold", 4 } } };
    static qoe_named_t  attrs[] = {
        { { "edge", 4 }, { "fra1", 4 } }, { { "empty", 5 }, { "", 0 } },
        { { "long", 4 }, { NULL, 0 } }
    };

    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);
    memset(&ev, 0, sizeof(ev));
    memset(long_text, 'x', sizeof(long_text));
    attrs[2].value = (qoe_span_t) { long_text, sizeof(long_text) };

    ev.field[QOE_FIELD_NETWORK_ASN].type = QOE_VALUE_NUMBER;
    ev.field[QOE_FIELD_NETWORK_ASN].v.number = 64512;
    ev.filled = (uint64_t) 1 << QOE_FIELD_NETWORK_ASN;
    ev.sources = from;

    ok(qoe_source_dims(&d, &n, &ev, attrs, 3, &arena) == QOE_OK && n == 0,
       "without sources there are no dimensions");

    qoe_source_parse(&from[0], qoe_span("a"), qoe_span("network.asn"));
    qoe_source_parse(&from[1], qoe_span("b"), qoe_span("attribute.edge"));
    qoe_source_parse(&from[2], qoe_span("c"), qoe_span("attribute.empty"));
    qoe_source_parse(&from[3], qoe_span("d"), qoe_span("attribute.none"));
    qoe_source_parse(&from[4], qoe_span("e"), qoe_span("network.city"));
    qoe_source_parse(&from[5], qoe_span("f"), qoe_span("attribute.long"));
    ev.nsources = 6;

    ok(qoe_source_dims(&d, &n, &ev, attrs, 3, &arena) == QOE_OK && n == 3
       && is(&d[0], "a", "64512") && is(&d[1], "b", "fra1")
       && qoe_span_eq(d[2].name, qoe_span("f"))
       && d[2].value.len == QOE_SOURCE_LEN,
       "each source that has a value is a dimension, from the first on; a long "
       "value is cut");

    ev.dims = found;
    ev.ndims = 1;
    ok(qoe_source_dims(&d, &n, &ev, attrs, 3, &arena) == QOE_OK && n == 4
       && is(&d[0], "plan", "gold") && is(&d[1], "a", "64512"),
       "after those that decoding found below data");

    for (i = 0; i <= QOE_SOURCES_MAX; i++) {
        qoe_source_parse(&from[i], qoe_span("x"), qoe_span("attribute.edge"));
    }

    ev.nsources = QOE_SOURCES_MAX + 1;
    ev.ndims = 0;
    ok(qoe_source_dims(&d, &n, &ev, attrs, 3, &arena) == QOE_OK
       && n == QOE_SOURCES_MAX, "of %d sources the last one has no value",
       QOE_SOURCES_MAX + 1);

    qoe_arena_free(&arena);
    qoe_arena_init(&arena, &qoe_mem_heap, 64, 64);
    ok(qoe_source_dims(&d, &n, &ev, attrs, 3, &arena) == QOE_NOMEM,
       "without memory there are none");
    qoe_arena_free(&arena);
}


int
main(void)
{
    test_syntax();
    test_values();

    return tap_end();
}
