
/*
 * Copyright (C) OpenQoE
 *
 * Packed sets of attributes: what goes in comes out, and broken bytes are
 * never left.
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
    test_broken();

    return tap_end();
}
