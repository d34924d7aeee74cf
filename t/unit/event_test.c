
/*
 * Copyright (C) OpenQoE
 *
 * The table of event types.
 */


#include "tap.h"
#include "qoe_event.h"


static const qoe_custom_type_t  customs[] = {
    { { "adbreak", 7 }, QOE_SEVERITY_WARN },
    { { "login2_x", 8 }, QOE_SEVERITY_ERROR }
};


static void
test_builtin(void)
{
    size_t                i, bad;
    qoe_span_t            name;
    qoe_severity_t        severity;
    qoe_event_type_t      type;

    static const struct {
        const char       *name;
        qoe_severity_t    severity;
    } rows[] = {
        { "waitstart", QOE_SEVERITY_WARN },
        { "stallstart", QOE_SEVERITY_WARN },
        { "fpsdrop", QOE_SEVERITY_WARN },
        { "error", QOE_SEVERITY_ERROR },
        { "viewstart", QOE_SEVERITY_INFO },
        { "manifestload", QOE_SEVERITY_INFO },
        { "moveback", QOE_SEVERITY_INFO }
    };

    bad = 0;

    for (i = 0; i < QOE_EVENT_CUSTOM; i++) {
        name = qoe_event_type_name((qoe_event_type_t) i);

        bad += (name.len == 0 || name.len != strlen(name.data)
                || qoe_event_type_find(name, NULL, 0, &type, &severity)
                   != QOE_OK
                || type != (qoe_event_type_t) i);
    }

    ok(QOE_EVENT_CUSTOM == 26 && bad == 0, "26 types, each found by its name");
    ok(qoe_event_type_name(QOE_EVENT_CUSTOM).len == 0,
       "a custom type has no built-in name");

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(qoe_event_type_find(qoe_span_str(rows[i].name), NULL, 0, &type,
                               &severity) == QOE_OK
           && severity == rows[i].severity,
           "%s has severity %d", rows[i].name, (int) rows[i].severity);
    }
}


static void
test_custom(void)
{
    qoe_severity_t    severity;
    qoe_event_type_t  type;

    ok(qoe_event_type_find(qoe_span("login2_x"), customs, 2, &type, &severity)
       == QOE_OK && type == QOE_EVENT_CUSTOM && severity == QOE_SEVERITY_ERROR,
       "a configured type");
    ok(qoe_event_type_find(qoe_span("login2_x"), customs, 1, &type, &severity)
       == QOE_INVALID, "a type behind the configured ones");
    ok(qoe_event_type_find(qoe_span("adbreak"), NULL, 0, &type, &severity)
       == QOE_INVALID, "not configured");
    ok(qoe_event_type_find(qoe_span_null, customs, 2, &type, &severity)
       == QOE_INVALID, "no name");
    ok(qoe_event_type_find(qoe_span("playing\0x"), NULL, 0, &type, &severity)
       == QOE_INVALID, "a name with a NUL is another name");
}


static void
test_valid(void)
{
    char                      name[66];
    size_t                    i;
    static const char *const  good[] = { "a", "z9_", "adbreak", "errors" };
    static const char *const  bad[] = {
        "", "A", "9a", "_a", "a-b", "a b", "aB", "a.b", "a\xc3\xa9", "{a", "a`",
        "error", "viewstart"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(qoe_event_type_valid(qoe_span_str(good[i])) == QOE_OK,
           "\"%s\" can be a type", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(qoe_event_type_valid(qoe_span_str(bad[i])) == QOE_INVALID,
           "type number %zu of the bad ones", i);
    }

    memset(name, 'a', sizeof(name));

    ok(qoe_event_type_valid((qoe_span_t) { name, 64 }) == QOE_OK,
       "64 characters");
    ok(qoe_event_type_valid((qoe_span_t) { name, 65 }) == QOE_INVALID,
       "65 characters");
}


int
main(void)
{
    test_builtin();
    test_custom();
    test_valid();

    return tap_end();
}
