
/*
 * Copyright (C) OpenQoE
 *
 * Families are written in the order of the catalogue, each with its HELP, TYPE
 * and samples together, so that a rendering may pause after any series.
 */


#include "qoe_prom_number.h"
#include "qoe_prom.h"

#include <math.h>


#define QOE_PROM_LABELS    128       /* of a series; more are left out */

/* What all series of a metric share. */

typedef struct {
    qoe_buf_t           *out;
    const qoe_metric_t  *metric;
    qoe_prom_format_t    format;
    bool                 total;          /* the name ends with "_total" */
    size_t               name_len;
    size_t               le_len[QOE_BUCKETS_MAX];
    char                 name[QOE_PROM_NAME_MAX];
    char                 le[QOE_BUCKETS_MAX][QOE_PROM_LE_MAX];
} qoe_prom_family_t;

typedef struct {
    qoe_span_t           name;
    qoe_span_t           value;
} qoe_prom_label_t;

/* The bytes in out of the labels of a series, as its first sample has them. */

typedef struct {
    size_t               at;
    size_t               len;
} qoe_prom_labels_t;


static void qoe_prom_family(qoe_prom_family_t *f, const qoe_metric_t *m,
    qoe_prom_format_t format, qoe_buf_t *out);
static void qoe_prom_head(const qoe_prom_family_t *f);
static void qoe_prom_series(const qoe_prom_family_t *f,
    const qoe_collect_t *c, const qoe_collected_t *s);
static bool qoe_prom_valid(const qoe_metric_t *m, const qoe_collected_t *s);
static void qoe_prom_name_of(const qoe_prom_family_t *f, qoe_span_t suffix);
static void qoe_prom_histogram(const qoe_prom_family_t *f,
    const qoe_collect_t *c, const qoe_collected_t *s);
static void qoe_prom_bucket(const qoe_prom_family_t *f,
    const qoe_prom_labels_t *labels, size_t i, uint64_t total);
static void qoe_prom_sum(const qoe_prom_family_t *f, qoe_span_t suffix,
    const qoe_prom_labels_t *labels);
static void qoe_prom_created(const qoe_prom_family_t *f,
    const qoe_prom_labels_t *labels, uint64_t start_ns);
static void qoe_prom_copy(qoe_buf_t *out, const qoe_prom_labels_t *labels);
static void qoe_prom_labels(qoe_buf_t *out, const qoe_collect_t *c,
    const qoe_collected_t *s);
static size_t qoe_prom_gather(qoe_prom_label_t *labels, size_t n,
    qoe_span_t block);
static bool qoe_prom_same_name(qoe_span_t a, qoe_span_t b);
static void qoe_prom_label_name(qoe_buf_t *out, qoe_span_t name);
static void qoe_prom_escaped(qoe_buf_t *out, qoe_span_t s, bool quote);


qoe_status_t
qoe_prom_step(qoe_prom_t *p, const qoe_collect_t *c, qoe_prom_format_t format,
    qoe_buf_t *out, size_t max)
{
    size_t             start, count;
    qoe_collected_t    s;
    qoe_prom_family_t  family;

    start = out->len;

    for ( /* void */ ; p->metric < QOE_METRICS_N; p->metric++, p->series = 0) {

        count = qoe_collect_count(c, (qoe_metric_id_t) p->metric);

        if (p->series >= count) {
            continue;
        }

        if (out->len - start >= max && out->len != start) {
            return QOE_AGAIN;
        }

        qoe_prom_family(&family, &qoe_metrics[p->metric], format, out);

        if (p->series == 0) {
            qoe_prom_head(&family);
        }

        do {
            qoe_collect_get(c, (qoe_metric_id_t) p->metric, p->series, &s);
            qoe_prom_series(&family, c, &s);
            p->series++;

            if (out->status != QOE_OK) {
                return out->status;
            }

        } while (p->series < count && out->len - start < max);

        if (p->series < count) {
            return QOE_AGAIN;
        }
    }

    if (p->metric == QOE_METRICS_N && format == QOE_PROM_OPENMETRICS) {
        qoe_buf_literal(out, "# EOF\n");
        p->metric++;
    }

    return out->status;
}


static void
qoe_prom_family(qoe_prom_family_t *f, const qoe_metric_t *m,
    qoe_prom_format_t format, qoe_buf_t *out)
{
    size_t  i;

    f->out = out;
    f->metric = m;
    f->format = format;
    f->name_len = qoe_prom_name(m, f->name);
    f->total = (m->kind == QOE_INSTRUMENT_COUNTER
                || m->kind == QOE_INSTRUMENT_COUNTER_DOUBLE);

    for (i = 0; i < m->nbounds; i++) {
        f->le_len[i] = qoe_prom_le(f->le[i], m->bounds[i],
                                   format == QOE_PROM_OPENMETRICS);
    }

    memcpy(f->le[m->nbounds], "+Inf", 4);
    f->le_len[m->nbounds] = 4;
}


/* OpenMetrics names the family of a counter without "_total". */

static void
qoe_prom_head(const qoe_prom_family_t *f)
{
    bool        open;
    size_t      len;
    qoe_buf_t  *out;
    qoe_span_t  type;

    out = f->out;
    open = (f->format == QOE_PROM_OPENMETRICS);

    len = f->name_len;
    len -= (open && f->total) ? sizeof("_total") - 1 : 0;

    qoe_buf_literal(out, "# HELP ");
    qoe_buf_append(out, f->name, len);
    qoe_buf_literal(out, " ");
    qoe_prom_escaped(out, f->metric->description, open);

    qoe_buf_literal(out, "\n# TYPE ");
    qoe_buf_append(out, f->name, len);

    type = f->total ? qoe_span(" counter\n")
           : f->metric->kind == QOE_INSTRUMENT_HISTOGRAM
             ? qoe_span(" histogram\n") : qoe_span(" gauge\n");

    qoe_buf_append(out, type.data, type.len);
}


static void
qoe_prom_series(const qoe_prom_family_t *f, const qoe_collect_t *c,
    const qoe_collected_t *s)
{
    qoe_buf_t          *out;
    qoe_prom_labels_t   labels;

    if (!qoe_prom_valid(f->metric, s)) {
        return;
    }

    if (f->metric->kind == QOE_INSTRUMENT_HISTOGRAM) {
        qoe_prom_histogram(f, c, s);
        return;
    }

    out = f->out;

    qoe_prom_name_of(f, qoe_span("{"));
    labels.at = out->len;
    qoe_prom_labels(out, c, s);
    labels.len = out->len - labels.at;

    if (labels.len != 0) {
        qoe_buf_literal(out, "}");

    } else if (out->status == QOE_OK) {
        out->len--;                      /* no labels, no braces */
    }

    qoe_buf_literal(out, " ");

    if (f->metric->kind == QOE_INSTRUMENT_COUNTER) {
        qoe_prom_integer(out, s->integer);

    } else {
        qoe_prom_number(out, s->number);
    }

    qoe_buf_literal(out, "\n");

    if (f->total) {
        qoe_prom_created(f, &labels, s->start_ns);
    }
}


/* Leaves out what the OTLP export leaves out, so that both show the same. */

static bool
qoe_prom_valid(const qoe_metric_t *m, const qoe_collected_t *s)
{
    switch (m->kind) {

    case QOE_INSTRUMENT_HISTOGRAM:
        return s->histogram != NULL && isfinite(s->histogram->sum);

    case QOE_INSTRUMENT_COUNTER:
        return true;

    case QOE_INSTRUMENT_COUNTER_DOUBLE:
        return isfinite(s->number) && s->number >= 0;

    default:
        return isfinite(s->number);
    }
}


static void
qoe_prom_name_of(const qoe_prom_family_t *f, qoe_span_t suffix)
{
    qoe_buf_append(f->out, f->name, f->name_len);
    qoe_buf_append(f->out, suffix.data, suffix.len);
}


/* Renders the labels of a series once, then copies them. */

static void
qoe_prom_histogram(const qoe_prom_family_t *f, const qoe_collect_t *c,
    const qoe_collected_t *s)
{
    size_t             i;
    uint64_t           total;
    qoe_buf_t         *out;
    qoe_prom_labels_t  labels;

    out = f->out;

    qoe_prom_name_of(f, qoe_span("_bucket{"));

    labels.at = out->len;
    qoe_prom_labels(out, c, s);
    labels.len = out->len - labels.at;

    total = s->histogram->bucket[0];
    qoe_prom_bucket(f, &labels, 0, total);

    for (i = 1; i <= f->metric->nbounds; i++) {
        qoe_prom_name_of(f, qoe_span("_bucket{"));
        qoe_prom_copy(out, &labels);

        total += s->histogram->bucket[i];
        qoe_prom_bucket(f, &labels, i, total);
    }

    qoe_prom_sum(f, qoe_span("_sum"), &labels);
    qoe_prom_number(out, s->histogram->sum);

    qoe_buf_literal(out, "\n");

    qoe_prom_sum(f, qoe_span("_count"), &labels);
    qoe_prom_integer(out, total);

    qoe_buf_literal(out, "\n");

    qoe_prom_created(f, &labels, s->start_ns);
}


/* When the series began, in seconds.  Only OpenMetrics has such samples. */

static void
qoe_prom_created(const qoe_prom_family_t *f, const qoe_prom_labels_t *labels,
    uint64_t start_ns)
{
    size_t      len;
    qoe_buf_t  *out;

    if (f->format != QOE_PROM_OPENMETRICS) {
        return;
    }

    out = f->out;
    len = f->name_len - (f->total ? sizeof("_total") - 1 : 0);

    qoe_buf_append(out, f->name, len);
    qoe_buf_literal(out, "_created");

    if (labels->len != 0) {
        qoe_buf_literal(out, "{");
        qoe_prom_copy(out, labels);
        qoe_buf_literal(out, "}");
    }

    qoe_buf_printf(out, " %llu.%03u\n",
                   (unsigned long long) (start_ns / 1000000000),
                   (unsigned) (start_ns / 1000000 % 1000));
}


/* Writes what follows the other labels of a bucket: le and the count. */

static void
qoe_prom_bucket(const qoe_prom_family_t *f, const qoe_prom_labels_t *labels,
    size_t i, uint64_t total)
{
    if (labels->len != 0) {
        qoe_buf_literal(f->out, ",");
    }

    qoe_buf_literal(f->out, "le=\"");
    qoe_buf_append(f->out, f->le[i], f->le_len[i]);
    qoe_buf_literal(f->out, "\"} ");
    qoe_prom_integer(f->out, total);
    qoe_buf_literal(f->out, "\n");
}


static void
qoe_prom_sum(const qoe_prom_family_t *f, qoe_span_t suffix,
    const qoe_prom_labels_t *labels)
{
    qoe_prom_name_of(f, suffix);

    if (labels->len != 0) {
        qoe_buf_literal(f->out, "{");
        qoe_prom_copy(f->out, labels);
        qoe_buf_literal(f->out, "}");
    }

    qoe_buf_literal(f->out, " ");
}


static void
qoe_prom_copy(qoe_buf_t *out, const qoe_prom_labels_t *labels)
{
    char  *p;

    p = qoe_buf_reserve(out, labels->len);       /* may move out->data */

    if (p != NULL && labels->len != 0) {
        memcpy(p, out->data + labels->at, labels->len);
        out->len += labels->len;
    }
}


static void
qoe_prom_labels(qoe_buf_t *out, const qoe_collect_t *c,
    const qoe_collected_t *s)
{
    size_t            i, n;
    qoe_prom_label_t  labels[QOE_PROM_LABELS];

    n = 0;

    if (s->extra != 0 && s->extra <= qoe_collect_blocks(c)) {
        n = qoe_prom_gather(labels, n, qoe_collect_block(c, s->extra));
    }

    if (s->base != 0 && s->base <= qoe_collect_blocks(c)) {
        n = qoe_prom_gather(labels, n, qoe_collect_block(c, s->base));
    }

    for (i = 0; i < n; i++) {
        if (i != 0) {
            qoe_buf_literal(out, ",");
        }

        qoe_prom_label_name(out, labels[i].name);
        qoe_buf_literal(out, "=\"");
        qoe_prom_escaped(out, labels[i].value, true);
        qoe_buf_literal(out, "\"");
    }
}


/*
 * Prometheus refuses a whole text in which a sample has a label twice, so the
 * first attribute of a name wins.
 */

static size_t
qoe_prom_gather(qoe_prom_label_t *labels, size_t n, qoe_span_t block)
{
    size_t             i;
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, block);

    while (n < QOE_PROM_LABELS && qoe_labels_next(&it, &name, &value)) {

        if (name.len == 0) {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (qoe_prom_same_name(labels[i].name, name)) {
                break;
            }
        }

        if (i == n) {
            labels[n].name = name;
            labels[n++].value = value;
        }
    }

    return n;
}


/* "a.b" is the label "a_b" */

static inline char
qoe_prom_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') ? c : '_';
}


static bool
qoe_prom_same_name(qoe_span_t a, qoe_span_t b)
{
    size_t  i;

    if (a.len != b.len) {
        return false;
    }

    for (i = 0; i < a.len; i++) {
        if (qoe_prom_label_char(a.data[i]) != qoe_prom_label_char(b.data[i])) {
            return false;
        }
    }

    return true;
}


/* Prometheus forbids a digit as the first character, and reserves "__". */

static void
qoe_prom_label_name(qoe_buf_t *out, qoe_span_t name)
{
    char   *p;
    size_t  i;

    p = qoe_buf_reserve(out, name.len + 4);
    if (p == NULL) {
        return;
    }

    if (*name.data >= '0' && *name.data <= '9') {
        memcpy(p, "key_", 4);
        p += 4;

    } else if (name.len > 1 && qoe_prom_label_char(name.data[0]) == '_'
               && qoe_prom_label_char(name.data[1]) == '_')
    {
        memcpy(p, "key", 3);
        p += 3;
    }

    for (i = 0; i < name.len; i++) {
        *p++ = qoe_prom_label_char(name.data[i]);
    }

    out->len = (size_t) (p - out->data);
}


/* Text is UTF-8 in both formats: an invalid byte, or a NUL, becomes '?'. */

static void
qoe_prom_escaped(qoe_buf_t *out, qoe_span_t s, bool quote)
{
    size_t                n;
    const unsigned char  *p, *end, *run;

    p = (const unsigned char *) s.data;
    end = s.len ? p + s.len : p;
    run = p;

    while (p < end) {

        if (*p >= 0x20 && *p < 0x80 && *p != '\\' && *p != '"') {
            p++;
            continue;
        }

        n = (*p >= 0x80) ? qoe_utf8_len(p, end)
            : (*p == '"') ? !quote
            : (*p != '\\' && *p != '\n' && *p != '\0');

        if (n != 0) {
            p += n;
            continue;
        }

        qoe_buf_append(out, run, (size_t) (p - run));

        switch (*p) {

        case '\n':
            qoe_buf_literal(out, "\\n");
            break;

        case '\\':
            qoe_buf_literal(out, "\\\\");
            break;

        case '"':
            qoe_buf_literal(out, "\\\"");
            break;

        default:
            qoe_buf_literal(out, "?");
        }

        run = ++p;
    }

    qoe_buf_append(out, run, (size_t) (p - run));
}
