
/*
 * Copyright (C) OpenQoE
 *
 * Names of families by the rules of "Prometheus and OpenMetrics Compatibility"
 * in the OpenTelemetry specification, as the Collector and Prometheus itself
 * apply them: a name is split into tokens, the tokens of the unit and the type
 * are appended, and all are joined by '_'.
 */


#include "qoe_prom.h"


typedef struct {
    qoe_span_t  unit;
    qoe_span_t  word;
} qoe_prom_unit_t;

typedef struct {
    char       *p;
    size_t      len;
} qoe_prom_text_t;


/* UCUM units and their words; any other unit is its own word. */

static const qoe_prom_unit_t  qoe_prom_units[] = {
    { qoe_span("d"), qoe_span("days") },
    { qoe_span("h"), qoe_span("hours") },
    { qoe_span("min"), qoe_span("minutes") },
    { qoe_span("s"), qoe_span("seconds") },
    { qoe_span("ms"), qoe_span("milliseconds") },
    { qoe_span("us"), qoe_span("microseconds") },
    { qoe_span("ns"), qoe_span("nanoseconds") },
    { qoe_span("By"), qoe_span("bytes") },
    { qoe_span("KiBy"), qoe_span("kibibytes") },
    { qoe_span("MiBy"), qoe_span("mebibytes") },
    { qoe_span("GiBy"), qoe_span("gibibytes") },
    { qoe_span("KBy"), qoe_span("kilobytes") },
    { qoe_span("MBy"), qoe_span("megabytes") },
    { qoe_span("GBy"), qoe_span("gigabytes") },
    { qoe_span("Hz"), qoe_span("hertz") },
    { qoe_span("1"), qoe_span("") },
    { qoe_span("%"), qoe_span("percent") },
    { qoe_span_null, qoe_span_null }
};

/* Units after a '/'.  "min" must not be here: {stall}/min is per_min. */

static const qoe_prom_unit_t  qoe_prom_per_units[] = {
    { qoe_span("s"), qoe_span("second") },
    { qoe_span("m"), qoe_span("minute") },
    { qoe_span("h"), qoe_span("hour") },
    { qoe_span("d"), qoe_span("day") },
    { qoe_span("w"), qoe_span("week") },
    { qoe_span("mo"), qoe_span("month") },
    { qoe_span("y"), qoe_span("year") },
    { qoe_span_null, qoe_span_null }
};


static bool qoe_prom_next_token(qoe_span_t *rest, qoe_span_t *token);
static bool qoe_prom_has_token(qoe_span_t text, qoe_span_t token);
static void qoe_prom_put(qoe_prom_text_t *t, qoe_span_t token);
static void qoe_prom_put_tokens(qoe_prom_text_t *t, qoe_span_t text,
    qoe_span_t without);
static void qoe_prom_put_unit(qoe_prom_text_t *t, const qoe_metric_t *m,
    qoe_span_t suffix);
static qoe_span_t qoe_prom_unit_word(const qoe_prom_unit_t *units,
    qoe_span_t unit);


size_t
qoe_prom_name(const qoe_metric_t *m, char name[QOE_PROM_NAME_MAX])
{
    qoe_span_t       suffix;
    qoe_prom_text_t  t;

    t.p = name;
    t.len = 0;
    suffix = qoe_span_null;

    switch (m->kind) {

    case QOE_INSTRUMENT_COUNTER:
    case QOE_INSTRUMENT_COUNTER_DOUBLE:
        suffix = qoe_span("total");
        break;

    case QOE_INSTRUMENT_GAUGE:
    case QOE_INSTRUMENT_GAUGE_NOW:

        if (qoe_span_eq(m->unit, qoe_span("1"))) {
            suffix = qoe_span("ratio");
        }

        break;

    default:
        break;
    }

    if (m->name.len != 0 && *m->name.data >= '0' && *m->name.data <= '9') {
        name[t.len++] = '_';
    }

    qoe_prom_put_tokens(&t, m->name, suffix);
    qoe_prom_put_unit(&t, m, suffix);

    if (suffix.len != 0) {
        qoe_prom_put(&t, suffix);
    }

    return t.len;
}


/*
 * The unit "a/b" gives the word for a, then "per" and the word for b; a unit
 * "{text}" gives nothing.
 */

static void
qoe_prom_put_unit(qoe_prom_text_t *t, const qoe_metric_t *m,
    qoe_span_t suffix)
{
    qoe_span_t   unit, per;
    const char  *slash;

    unit = m->unit;
    per = qoe_span_null;

    slash = unit.len ? memchr(unit.data, '/', unit.len) : NULL;

    if (slash != NULL) {
        per.data = slash + 1;
        per.len = (size_t) (unit.data + unit.len - per.data);
        unit.len = (size_t) (slash - unit.data);
    }

    unit = qoe_prom_unit_word(qoe_prom_units, unit);
    per = qoe_prom_unit_word(qoe_prom_per_units, per);

    if (unit.len != 0 && !qoe_prom_has_token(m->name, unit)) {
        qoe_prom_put_tokens(t, unit, suffix);
    }

    if (per.len != 0) {
        qoe_prom_put(t, qoe_span("per"));
        qoe_prom_put_tokens(t, per, qoe_span_null);
    }
}


static qoe_span_t
qoe_prom_unit_word(const qoe_prom_unit_t *units, qoe_span_t unit)
{
    if (unit.len == 0 || memchr(unit.data, '{', unit.len) != NULL
        || memchr(unit.data, '}', unit.len) != NULL)
    {
        return qoe_span_null;
    }

    for ( /* void */ ; units->unit.data != NULL; units++) {
        if (qoe_span_eq(units->unit, unit)) {
            return units->word;
        }
    }

    return unit;
}


/* Tokens are runs of letters, digits and colons. */

static inline bool
qoe_prom_is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == ':';
}


static bool
qoe_prom_next_token(qoe_span_t *rest, qoe_span_t *token)
{
    while (rest->len != 0 && !qoe_prom_is_name(*rest->data)) {
        rest->data++;
        rest->len--;
    }

    token->data = rest->data;

    while (rest->len != 0 && qoe_prom_is_name(*rest->data)) {
        rest->data++;
        rest->len--;
    }

    token->len = (size_t) (rest->data - token->data);

    return token->len != 0;
}


static bool
qoe_prom_has_token(qoe_span_t text, qoe_span_t token)
{
    qoe_span_t  t;

    while (qoe_prom_next_token(&text, &t)) {
        if (qoe_span_eq(t, token)) {
            return true;
        }
    }

    return false;
}


static void
qoe_prom_put_tokens(qoe_prom_text_t *t, qoe_span_t text, qoe_span_t without)
{
    qoe_span_t  token;

    while (qoe_prom_next_token(&text, &token)) {
        if (!qoe_span_eq(token, without)) {
            qoe_prom_put(t, token);
        }
    }
}


/* A token for which there is no room is left out. */

static void
qoe_prom_put(qoe_prom_text_t *t, qoe_span_t token)
{
    bool  first;

    first = (t->len == 0 || (t->len == 1 && t->p[0] == '_'));

    if (token.len + !first > QOE_PROM_NAME_MAX - t->len) {
        return;
    }

    if (!first) {
        t->p[t->len++] = '_';
    }

    memcpy(t->p + t->len, token.data, token.len);
    t->len += token.len;
}
