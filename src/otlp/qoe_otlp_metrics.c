
/*
 * Copyright (C) OpenQoE
 *
 * A request is written in one pass: the lengths that stand before its points,
 * and before those of a metric, are filled in at the end.
 *
 * ExportMetricsServiceRequest { resource_metrics = 1: ResourceMetrics {
 *     resource = 1,
 *     scope_metrics = 2: ScopeMetrics { scope = 1, metrics = 2: Metric {
 *         name = 1, description = 2, unit = 3,
 *         gauge = 5 | sum = 7 | histogram = 9: {
 *             aggregation_temporality = 2, is_monotonic = 3,
 *             data_points = 1 ... } } ... } } }
 */


#include "qoe_otlp_metrics.h"

#include "qoe_otlp_attrs.h"
#include "qoe_otlp_pb.h"
#include "qoe_otlp_point.h"
#include "qoe_otlp_wire.h"

#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"

#include <time.h>


/* Points between two looks at the clock: some tens of microseconds. */
#define QOE_METRICS_SLICE      64

/* JSON is two to five times as long as protobuf. */
#define QOE_METRICS_JSON       4

/* Bytes that a byte of protobuf may take unpacked, on its way to JSON. */
#define QOE_METRICS_UNPACKED   64

#define QOE_METRICS_CHUNK      (64 * 1024)
#define QOE_METRICS_IDENTITY   (1024 * 1024)

#define QOE_METRICS_CUMULATIVE 2     /* of AggregationTemporality */


typedef struct {
    uint32_t             metric;
    size_t               series;
} qoe_metrics_place_t;


struct qoe_otlp_metrics_s {
    const qoe_mem_t     *mem;
    const qoe_collect_t *c;
    qoe_encoding_t       encoding;
    size_t               max;            /* of a request */
    size_t               pb_max;         /* of a request in protobuf */

    char                *head;           /* a request up to its metrics */
    size_t               head_len;
    size_t               resource_at;    /* lengths to be filled in */
    size_t               scope_at;
    size_t               metric_at;
    size_t               data_at;

    qoe_metrics_place_t  first;          /* first point of this request */
    qoe_metrics_place_t  next;
    size_t               npoints;
    bool                 metric_open;

    qoe_buf_t            pb;             /* JSON: this request in protobuf */
    qoe_arena_t          arena;
    qoe_attrs_t          attrs;
};


static qoe_status_t qoe_metrics_head(qoe_otlp_metrics_t *m,
    const qoe_otlp_identity_t *id);
static void qoe_metrics_head_write(qoe_otlp_metrics_t *m,
    const qoe_pb_resource_t *resource, const qoe_pb_scope_t *scope);
static qoe_status_t qoe_metrics_build(qoe_otlp_metrics_t *m, qoe_buf_t *out,
    uint64_t budget_us);
static qoe_status_t qoe_metrics_point(qoe_otlp_metrics_t *m, qoe_buf_t *out);
static qoe_status_t qoe_metrics_no_room(qoe_otlp_metrics_t *m,
    qoe_buf_t *out);
static size_t qoe_metrics_open_size(const qoe_metric_t *metric);
static char *qoe_metrics_open(qoe_otlp_metrics_t *m, char *p,
    const char *start, const qoe_metric_t *metric);
static void qoe_metrics_close_metric(qoe_otlp_metrics_t *m, qoe_buf_t *out);
static void qoe_metrics_close(qoe_otlp_metrics_t *m, qoe_buf_t *out);
static void qoe_metrics_rewind(qoe_otlp_metrics_t *m, qoe_buf_t *out);
static qoe_status_t qoe_metrics_json(qoe_otlp_metrics_t *m, qoe_buf_t *out,
    size_t npoints);
static uint64_t qoe_metrics_clock_us(void);


qoe_otlp_metrics_t *
qoe_otlp_metrics_create(const qoe_collect_t *c, qoe_encoding_t encoding,
    const qoe_otlp_identity_t *id, size_t max, const qoe_mem_t *mem)
{
    size_t               pb_max;
    qoe_otlp_metrics_t  *m;

    m = mem->alloc(mem->ctx, sizeof(qoe_otlp_metrics_t));
    if (m == NULL) {
        return NULL;
    }

    if (qoe_attrs_init(&m->attrs, c, mem) != QOE_OK) {
        mem->free(mem->ctx, m);
        return NULL;
    }

    max = qoe_min(max, (size_t) QOE_WIRE_LEN_MAX / 2);
    pb_max = (encoding == QOE_ENCODING_JSON) ? max / QOE_METRICS_JSON : max;

    m->mem = mem;
    m->c = c;
    m->encoding = encoding;
    m->max = max;
    m->pb_max = pb_max;
    m->head = NULL;
    m->first = (qoe_metrics_place_t) { 0, 0 };
    m->next = m->first;
    m->npoints = 0;
    m->metric_open = false;

    qoe_buf_init(&m->pb, mem, QOE_WIRE_LEN_MAX);
    qoe_arena_init(&m->arena, mem, QOE_METRICS_CHUNK,
                   QOE_METRICS_IDENTITY + QOE_METRICS_UNPACKED * pb_max);

    if (qoe_metrics_head(m, id) != QOE_OK) {
        qoe_otlp_metrics_destroy(m);
        return NULL;
    }

    return m;
}


void
qoe_otlp_metrics_destroy(qoe_otlp_metrics_t *m)
{
    if (m == NULL) {
        return;
    }

    qoe_attrs_free(&m->attrs);
    qoe_arena_free(&m->arena);
    qoe_buf_free(&m->pb);

    m->mem->free(m->mem->ctx, m->head);
    m->mem->free(m->mem->ctx, m);
}


static qoe_status_t
qoe_metrics_head(qoe_otlp_metrics_t *m, const qoe_otlp_identity_t *id)
{
    size_t             resource_len, scope_len;
    qoe_pb_scope_t     scope;
    qoe_pb_resource_t  resource;

    if (qoe_pb_identity(&resource, &scope, id, &m->arena) != QOE_OK) {
        return QOE_NOMEM;
    }

    resource_len = protobuf_c_message_get_packed_size(&resource.base);
    scope_len = protobuf_c_message_get_packed_size(&scope.base);

    m->head_len = 2 * (1 + QOE_WIRE_LEN_SIZE)
                  + qoe_wire_bytes_size(resource_len)
                  + qoe_wire_bytes_size(scope_len);

    m->head = m->mem->alloc(m->mem->ctx, m->head_len);
    if (m->head == NULL) {
        return QOE_NOMEM;
    }

    qoe_metrics_head_write(m, &resource, &scope);
    qoe_arena_reset(&m->arena);

    return QOE_OK;
}


static void
qoe_metrics_head_write(qoe_otlp_metrics_t *m,
    const qoe_pb_resource_t *resource, const qoe_pb_scope_t *scope)
{
    char  *p;

    p = m->head;

    *p++ = qoe_wire_key(1, QOE_WIRE_BYTES);
    m->resource_at = (size_t) (p - m->head);
    p += QOE_WIRE_LEN_SIZE;

    p = qoe_wire_head(p, 1, protobuf_c_message_get_packed_size(
                                                        &resource->base));
    p += protobuf_c_message_pack(&resource->base, (uint8_t *) p);

    *p++ = qoe_wire_key(2, QOE_WIRE_BYTES);
    m->scope_at = (size_t) (p - m->head);
    p += QOE_WIRE_LEN_SIZE;

    p = qoe_wire_head(p, 1, protobuf_c_message_get_packed_size(&scope->base));
    protobuf_c_message_pack(&scope->base, (uint8_t *) p);
}


qoe_status_t
qoe_otlp_metrics_next(qoe_otlp_metrics_t *m, qoe_buf_t *out, size_t *npoints,
    uint64_t budget_us)
{
    qoe_buf_t     *pb;
    qoe_status_t   rc;

    *npoints = 0;
    pb = (m->encoding == QOE_ENCODING_JSON) ? &m->pb : out;

    rc = qoe_metrics_build(m, pb, budget_us);

    if (rc != QOE_OK) {
        return rc;
    }

    qoe_metrics_close(m, pb);

    *npoints = m->npoints;
    m->npoints = 0;

    if (m->encoding == QOE_ENCODING_JSON) {
        rc = qoe_metrics_json(m, out, *npoints);
        qoe_buf_reset(&m->pb);
    }

    if (rc != QOE_OK) {
        *npoints = 0;
        return rc;
    }

    m->first = m->next;

    return QOE_OK;
}


/* Appends points to out.  QOE_OK: no more points fit, or none are left. */

static qoe_status_t
qoe_metrics_build(qoe_otlp_metrics_t *m, qoe_buf_t *out, uint64_t budget_us)
{
    size_t        n, count;
    uint64_t      start;
    qoe_status_t  rc;

    n = 0;
    start = qoe_metrics_clock_us();

    while (m->next.metric < QOE_METRICS_N) {
        count = qoe_collect_count(m->c, (qoe_metric_id_t) m->next.metric);

        while (m->next.series < count) {
            rc = qoe_metrics_point(m, out);

            if (rc == QOE_FULL) {
                return QOE_OK;
            }

            if (rc != QOE_OK) {
                return rc;
            }

            m->next.series++;

            if (++n % QOE_METRICS_SLICE == 0
                && qoe_metrics_clock_us() - start >= budget_us)
            {
                return QOE_AGAIN;
            }
        }

        qoe_metrics_close_metric(m, out);

        m->next.metric++;
        m->next.series = 0;
    }

    return m->npoints != 0 ? QOE_OK : QOE_DONE;
}


/* Appends the next point, and all that must stand before it. */

static qoe_status_t
qoe_metrics_point(qoe_otlp_metrics_t *m, qoe_buf_t *out)
{
    char                *p, *start;
    size_t               size, need;
    qoe_span_t           attrs[2];
    qoe_attrs_form_t     form;
    qoe_collected_t      point;
    const qoe_metric_t  *metric;

    metric = &qoe_metrics[m->next.metric];

    qoe_collect_get(m->c, (qoe_metric_id_t) m->next.metric, m->next.series,
                    &point);

    if (!qoe_point_valid(metric, &point)) {
        return QOE_OK;
    }

    form = (metric->kind == QOE_INSTRUMENT_HISTOGRAM) ? QOE_ATTRS_HISTOGRAM
                                                      : QOE_ATTRS_NUMBER;
    qoe_attrs_get(&m->attrs, form, point.base, point.extra, attrs);

    size = qoe_point_size(metric, &point, attrs[0].len + attrs[1].len);

    need = qoe_wire_bytes_size(size);
    need += m->metric_open ? 0 : qoe_metrics_open_size(metric);
    need += m->npoints != 0 ? 0 : m->head_len;

    if (m->npoints != 0
        && out->len + need > qoe_min(m->pb_max, out->max))
    {
        return QOE_FULL;
    }

    start = qoe_buf_reserve(out, need);
    if (start == NULL) {
        return qoe_metrics_no_room(m, out);
    }

    p = start;

    if (m->npoints == 0) {
        p = qoe_wire_text(p, (qoe_span_t) { m->head, m->head_len });
    }

    if (!m->metric_open) {
        p = qoe_metrics_open(m, p, out->data, metric);
    }

    p = qoe_wire_head(p, 1, size);
    p = qoe_point_write(p, metric, &point, qoe_collect_time_ns(m->c), attrs);

    out->len += (size_t) (p - start);
    m->npoints++;

    return QOE_OK;
}


/* A point that alone is longer than out may be is left out. */

static qoe_status_t
qoe_metrics_no_room(qoe_otlp_metrics_t *m, qoe_buf_t *out)
{
    qoe_status_t  rc;

    rc = out->status;

    if (rc == QOE_TOO_LARGE) {
        m->next.series++;
        m->first = m->next;
    }

    qoe_metrics_rewind(m, out);

    return rc;
}


static size_t
qoe_metrics_open_size(const qoe_metric_t *metric)
{
    return 2 * (1 + QOE_WIRE_LEN_SIZE) + 2 + 2
           + qoe_wire_bytes_size(metric->name.len)
           + qoe_wire_bytes_size(metric->description.len)
           + qoe_wire_bytes_size(metric->unit.len);
}


/* Writes a metric up to its points, which are the last field of its data. */

static char *
qoe_metrics_open(qoe_otlp_metrics_t *m, char *p, const char *start,
    const qoe_metric_t *metric)
{
    bool                   sum, monotonic;
    unsigned               field;
    static const unsigned  fields[] = {
        [QOE_INSTRUMENT_COUNTER] = 7,
        [QOE_INSTRUMENT_COUNTER_DOUBLE] = 7,
        [QOE_INSTRUMENT_UPDOWN_DOUBLE] = 7,
        [QOE_INSTRUMENT_GAUGE] = 5,
        [QOE_INSTRUMENT_GAUGE_NOW] = 5,
        [QOE_INSTRUMENT_HISTOGRAM] = 9
    };

    field = fields[metric->kind];
    sum = (field != 5);
    monotonic = (field == 7 && metric->kind != QOE_INSTRUMENT_UPDOWN_DOUBLE);

    *p++ = qoe_wire_key(2, QOE_WIRE_BYTES);
    m->metric_at = (size_t) (p - start);
    p += QOE_WIRE_LEN_SIZE;

    p = qoe_wire_bytes(p, 1, metric->name);
    p = qoe_wire_bytes(p, 2, metric->description);

    if (metric->unit.len != 0) {
        p = qoe_wire_bytes(p, 3, metric->unit);
    }

    *p++ = qoe_wire_key(field, QOE_WIRE_BYTES);
    m->data_at = (size_t) (p - start);
    p += QOE_WIRE_LEN_SIZE;

    if (sum) {
        p = qoe_wire_small(p, 2, QOE_METRICS_CUMULATIVE);
    }

    if (monotonic) {
        p = qoe_wire_small(p, 3, 1);
    }

    m->metric_open = true;

    return p;
}


static inline void
qoe_metrics_len(qoe_buf_t *out, size_t at)
{
    qoe_wire_len(out->data + at, out->len - at - QOE_WIRE_LEN_SIZE);
}


static void
qoe_metrics_close_metric(qoe_otlp_metrics_t *m, qoe_buf_t *out)
{
    if (m->metric_open) {
        qoe_metrics_len(out, m->data_at);
        qoe_metrics_len(out, m->metric_at);
        m->metric_open = false;
    }
}


static void
qoe_metrics_close(qoe_otlp_metrics_t *m, qoe_buf_t *out)
{
    qoe_metrics_close_metric(m, out);
    qoe_metrics_len(out, m->scope_at);
    qoe_metrics_len(out, m->resource_at);
}


/* Goes back to the first point of the current request, and empties out. */

static void
qoe_metrics_rewind(qoe_otlp_metrics_t *m, qoe_buf_t *out)
{
    qoe_buf_reset(out);

    m->next = m->first;
    m->npoints = 0;
    m->metric_open = false;
}


/*
 * Turns the request in m->pb into JSON.  If the JSON is too long, the request
 * is made again from half as many bytes: QOE_AGAIN.
 */

static qoe_status_t
qoe_metrics_json(qoe_otlp_metrics_t *m, qoe_buf_t *out, size_t npoints)
{
    bool               too_large;
    qoe_status_t       rc;
    ProtobufCMessage  *msg;

    rc = qoe_pb_unpack(&msg,
                       &qoe_pb_service(metrics, service_request__descriptor),
                       (qoe_span_t) { m->pb.data, m->pb.len }, &m->arena);

    if (rc == QOE_OK) {
        qoe_otlp_json(out, msg);
        rc = out->status;
    }

    qoe_arena_reset(&m->arena);

    too_large = (rc == QOE_TOO_LARGE);

    if (npoints > 1 && (too_large || (rc == QOE_OK && out->len > m->max))) {
        m->pb_max = m->pb.len / 2;
        qoe_metrics_rewind(m, out);
        return QOE_AGAIN;
    }

    if (too_large) {
        qoe_buf_reset(out);
        m->first = m->next;

    } else if (rc != QOE_OK) {
        qoe_metrics_rewind(m, out);
    }

    return rc;
}


static uint64_t
qoe_metrics_clock_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}
