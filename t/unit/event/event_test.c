
/*
 * Copyright (C) OpenQoE
 *
 * The table of event types, and the fields by their paths.
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

    ok(QOE_EVENT_CUSTOM == 26 && bad == 0,
       "each of the 26 types is found by its name");
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
       "a configured type is found, with its severity");
    ok(qoe_event_type_find(qoe_span("login2_x"), customs, 1, &type, &severity)
       == QOE_INVALID,
       "a type that is configured but beyond the given number is not found");
    ok(qoe_event_type_find(qoe_span("adbreak"), NULL, 0, &type, &severity)
       == QOE_INVALID, "a type that is not configured is not found");
    ok(qoe_event_type_find(qoe_span_null, customs, 2, &type, &severity)
       == QOE_INVALID, "an empty name is no type");
    ok(qoe_event_type_find(qoe_span("playing\0x"), NULL, 0, &type, &severity)
       == QOE_INVALID,
       "a name that continues with a NUL is not the name before it");
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
           "invalid type name number %zu is refused", i);
    }

    memset(name, 'a', sizeof(name));

    ok(qoe_event_type_valid((qoe_span_t) { name, 64 }) == QOE_OK,
       "a type's name may have 64 characters");
    ok(qoe_event_type_valid((qoe_span_t) { name, 65 }) == QOE_INVALID,
       "a type's name of 65 characters is refused");
}


static void
test_fields(void)
{
    size_t                    i;
    static const struct {
        const char           *path;
        size_t                field;
        bool                  fillable;
    } rows[] = {
        { "network.country_code", QOE_FIELD_NETWORK_COUNTRY_CODE, true },
        { "cdn.edge_pop", QOE_FIELD_CDN_EDGE_POP, true },
        { "app_name", QOE_FIELD_APP_NAME, true },
        { "network.asn", QOE_FIELD_NETWORK_ASN, true },
        { "cmcd.st", QOE_FIELD_CMCD_ST, true },
        { "cmcd.br", QOE_FIELD_CMCD_BR, false },
        { "cmcd.nor", QOE_FIELD_CMCD_NOR, false },
        { "player.autoplay", QOE_FIELD_PLAYER_AUTOPLAY, false },
        { "org_id", QOE_FIELD_ORG_ID, false },
        { "viewer_id", QOE_FIELD_VIEWER_ID, false },
        { "event_type", QOE_FIELDS, false },
        { "event_time", QOE_FIELDS, false },
        { "data", QOE_FIELDS, false },
        { "data.plan", QOE_FIELDS, false },
        { "network", QOE_FIELDS, false },
        { "network.", QOE_FIELDS, false },
        { ".app_name", QOE_FIELDS, false },
        { "asn", QOE_FIELDS, false },
        { "device.asn", QOE_FIELDS, false },
        { "network.asn.x", QOE_FIELDS, false },
        { "Network.asn", QOE_FIELDS, false },
        { "", QOE_FIELDS, false }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(qoe_event_field_find(qoe_span_str(rows[i].path)) == rows[i].field
           && qoe_event_field_known(qoe_span_str(rows[i].path))
              == rows[i].fillable,
           "\"%s\" is %s", rows[i].path,
           rows[i].fillable ? "a field to be filled"
           : (rows[i].field != QOE_FIELDS) ? "a field" : "no field");
    }

    ok(qoe_event_field_find(qoe_span_null) == QOE_FIELDS,
       "an empty path is no field");
}


static qoe_status_t
fill(qoe_event_t *ev, const char *path, const char *value)
{
    return qoe_event_fill(ev, qoe_span_str(path), qoe_span_str(value));
}


static void
test_fill(void)
{
    char                  text[600];
    qoe_event_t           ev;
    qoe_value_t          *country, *asn;

    memset(&ev, 0, sizeof(ev));
    country = &ev.field[QOE_FIELD_NETWORK_COUNTRY_CODE];
    asn = &ev.field[QOE_FIELD_NETWORK_ASN];

    ok(fill(&ev, "network.country_code", "") == QOE_INVALID
       && country->type == QOE_VALUE_NONE,
       "an empty value does not fill a field");
    ok(fill(&ev, "network.country_code", "DE") == QOE_OK
       && country->type == QOE_VALUE_STRING
       && qoe_span_eq(country->v.string, qoe_span("DE")),
       "an absent field is filled");
    ok(fill(&ev, "network.country_code", "FR") == QOE_DONE
       && qoe_span_eq(country->v.string, qoe_span("DE")),
       "a field that the client sent is not overwritten");

    country->v.string.len = 0;
    ok(fill(&ev, "network.country_code", "FR") == QOE_OK
       && qoe_span_eq(country->v.string, qoe_span("FR")),
       "a field that the client sent empty is filled");

    ok(fill(&ev, "network.asn", "AS3320") == QOE_INVALID
       && asn->type == QOE_VALUE_NONE,
       "a text does not fill a field for numbers");
    ok(fill(&ev, "network.asn", "3320") == QOE_OK
       && asn->type == QOE_VALUE_NUMBER && asn->v.number == 3320,
       "a number fills a field for numbers");
    ok(fill(&ev, "network.asn", "1") == QOE_DONE && asn->v.number == 3320,
       "a number that the client sent is not overwritten");

    ok(fill(&ev, "org_id", "x") == QOE_INVALID
       && ev.field[QOE_FIELD_ORG_ID].type == QOE_VALUE_NONE
       && fill(&ev, "cmcd.bs", "true") == QOE_INVALID
       && fill(&ev, "cmcd.br", "1") == QOE_INVALID
       && fill(&ev, "event_time", "1") == QOE_INVALID
       && fill(&ev, "nothing", "1") == QOE_INVALID,
       "ids, times, booleans, CMCD's numbers and unknown paths cannot be "
       "filled");

    memset(text, 'x', sizeof(text));
    memcpy(text + QOE_FILL_MAX - 1, "\xc3\xa9", 2);

    ok(qoe_event_fill(&ev, qoe_span("cdn.edge_pop"),
                      (qoe_span_t) { text, sizeof(text) }) == QOE_OK
       && ev.field[QOE_FIELD_CDN_EDGE_POP].v.string.len == QOE_FILL_MAX - 1,
       "a long value is cut at a whole character");
}


int
main(void)
{
    test_fields();
    test_fill();
    test_builtin();
    test_custom();
    test_valid();

    return tap_end();
}
