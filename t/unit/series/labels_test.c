
/*
 * Copyright (C) OpenQoE
 *
 * Packed sets of attributes: labels that are added can be read back, and
 * broken bytes never lead a reader out of its bounds.
 */


#include "tap.h"
#include "qoe_labels.h"


static void
test_round_trip(void)
{
    static char        big[70000];
    qoe_span_t         name, value;
    qoe_labels_t       l;
    qoe_labels_iter_t  it;

    l.len = 0;

    ok(qoe_labels_add(&l, qoe_span("a"), qoe_span("one")) == QOE_OK
       && qoe_labels_add(&l, qoe_span("bb"), qoe_span_null) == QOE_OK
       && qoe_labels_add(&l, qoe_span(""), qoe_span("\0x")) == QOE_OK,
       "three labels are added");
    ok(l.len == 7 + 5 + 5,
       "three labels take as many bytes as the format says");
    ok(memcmp(l.data, "\1a\3\0one\2bb\0\0\0\2\0\0x", l.len) == 0,
       "three labels have the bytes that the format says");

    qoe_labels_iter(&it, qoe_labels_span(&l));

    ok(qoe_labels_next(&it, &name, &value)
       && qoe_span_eq(name, qoe_span("a"))
       && qoe_span_eq(value, qoe_span("one")), "the first label is read");
    ok(qoe_labels_next(&it, &name, &value)
       && qoe_span_eq(name, qoe_span("bb")) && value.len == 0,
       "the second label, with an empty value, is read");
    ok(qoe_labels_next(&it, &name, &value) && name.len == 0
       && qoe_span_eq(value, qoe_span("\0x")),
       "the third label, with an empty name and a NUL, is read");
    ok(!qoe_labels_next(&it, &name, &value)
       && !qoe_labels_next(&it, &name, &value),
       "after the last label none is read");

    memset(big, 'x', sizeof(big));
    l.len = 0;

    ok(qoe_labels_add(&l, (qoe_span_t) { big, 256 }, qoe_span("v"))
       == QOE_TOO_LARGE
       && qoe_labels_add(&l, qoe_span("n"), (qoe_span_t) { big, 65536 })
          == QOE_TOO_LARGE
       && l.len == 0, "a name or a value that is too long is refused");
    ok(qoe_labels_add(&l, qoe_span("n"),
                      (qoe_span_t) { big, QOE_LABELS_MAX - 4 }) == QOE_OK
       && l.len == QOE_LABELS_MAX, "a set may be full to the last byte");
    ok(qoe_labels_add(&l, qoe_span_null, qoe_span_null) == QOE_TOO_LARGE
       && l.len == QOE_LABELS_MAX, "a set that is full takes no label");
}


static void
test_get(void)
{
    size_t        i;
    qoe_labels_t  l;
    static char   name[256];

    static const struct { const char *name, *value; }  rows[] = {
        { "a", "1" }, { "bb", "2" }, { "c", "" }, { "b", NULL },
        { "bbb", NULL }, { "1", NULL }, { "", NULL }
    };

    l.len = 0;
    (void) qoe_labels_add(&l, qoe_span("a"), qoe_span("1"));
    (void) qoe_labels_add(&l, qoe_span("bb"), qoe_span("2"));
    (void) qoe_labels_add(&l, qoe_span("bb"), qoe_span("3"));
    (void) qoe_labels_add(&l, qoe_span("c"), qoe_span_null);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        qoe_span_t  value;

        value = qoe_labels_get(qoe_labels_span(&l), qoe_span_str(rows[i].name));
        ok((rows[i].value == NULL || rows[i].value[0] == '\0')
           ? value.len == 0 : qoe_span_eq(value, qoe_span_str(rows[i].value)),
           "the value of the first label \"%s\" is found, if there is one",
           rows[i].name);
    }

    memset(name, 'n', sizeof(name));
    l.len = 0;
    ok(qoe_labels_add(&l, (qoe_span_t) { name, 255 }, qoe_span("v")) == QOE_OK
       && qoe_span_eq(qoe_labels_get(qoe_labels_span(&l),
                                     (qoe_span_t) { name, 255 }),
                      qoe_span("v")), "a name of 255 bytes is one");
    ok(qoe_labels_get(qoe_span_null, qoe_span("a")).len == 0,
       "an empty set has no value");

    l.len = sizeof(l.data) + 1;
    ok(qoe_labels_add(&l, qoe_span("a"), qoe_span("1")) == QOE_TOO_LARGE,
       "a set that is longer than it can be takes none");
}


static void
test_broken(void)
{
    char               buf[64], *p;
    int                inside;
    size_t             len, i, n;
    unsigned           round, seed;
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, qoe_span_null);
    ok(!qoe_labels_next(&it, &name, &value), "an empty set has no labels");

    inside = 1;
    seed = 7;

    for (round = 0; round < 20000; round++) {

        /*
         * The copy has exactly as many bytes as there are, so that ASan sees a
         * read past them.
         */

        len = round % sizeof(buf);
        p = malloc(len + 1);

        for (i = 0; i < len; i++) {
            seed = seed * 1103515245 + 12345;
            p[1 + i] = (char) ((seed >> 16) % 9);
        }

        qoe_labels_iter(&it, (qoe_span_t) { p + 1, len });

        for (n = 0; qoe_labels_next(&it, &name, &value); n++) {
            inside &= name.data >= p + 1
                      && value.data + value.len <= p + 1 + len;
        }

        inside &= n <= len / 3;
        free(p);
    }

    ok(inside, "any bytes are read within their bounds");
}


int
main(void)
{
    test_round_trip();
    test_get();
    test_broken();

    return tap_end();
}
