
/*
 * Copyright (C) OpenQoE
 *
 * Works on requests in protobuf as they are: turns them into JSON, and counts
 * their items.
 */


#include "qoe_otlp_pb.h"
#include "qoe_otlp_wire.h"

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"


/* Levels of messages, from the request to its items. */
#define QOE_ITEMS_DEPTH        5

/* The field numbers of a metric's data in Metric, a bit for each. */
#define QOE_ITEMS_DATA                                                        \
    (1 << 5 | 1 << 7 | 1 << 9 | 1 << 10 | 1 << 11)


typedef struct {
    const ProtobufCMessageDescriptor  *desc;

    /*
     * For each level a bit for each field that is a message of the next level;
     * on the last level these are the items.  0: there is no such level.
     */
    uint32_t                           path[QOE_ITEMS_DEPTH];
} qoe_request_t;


static const qoe_request_t  qoe_requests[QOE_SIGNALS] = {

    [QOE_SIGNAL_LOGS] = {
        &qoe_pb_service(logs, service_request__descriptor),
        { 1 << 1, 1 << 2, 1 << 2 }
    },

    [QOE_SIGNAL_TRACES] = {
        &qoe_pb_service(trace, service_request__descriptor),
        { 1 << 1, 1 << 2, 1 << 2 }
    },

    [QOE_SIGNAL_METRICS] = {
        &qoe_pb_service(metrics, service_request__descriptor),
        { 1 << 1, 1 << 2, 1 << 2, QOE_ITEMS_DATA, 1 << 1 }
    }
};


static qoe_status_t qoe_items_walk(const uint32_t *path, size_t depth,
    qoe_span_t msg, uint64_t *n);
static qoe_status_t qoe_items_field(qoe_span_t *msg, uint64_t *key,
    qoe_span_t *bytes);
static qoe_status_t qoe_items_varint(qoe_span_t *msg, uint64_t *v);


qoe_status_t
qoe_otlp_transcode(qoe_buf_t *out, qoe_signal_t signal, qoe_span_t request,
    qoe_arena_t *arena)
{
    qoe_status_t       rc;
    ProtobufCMessage  *msg;

    rc = qoe_pb_unpack(&msg, qoe_requests[signal].desc, request, arena);

    return (rc == QOE_OK) ? qoe_pb_append_json(out, msg) : rc;
}


qoe_status_t
qoe_otlp_items(qoe_signal_t signal, qoe_span_t request, uint64_t *n)
{
    qoe_status_t  rc;

    *n = 0;

    rc = qoe_items_walk(qoe_requests[signal].path, 0, request, n);

    if (rc != QOE_OK) {
        *n = 0;
    }

    return rc;
}


/* Descends at most QOE_ITEMS_DEPTH levels. */

static qoe_status_t
qoe_items_walk(const uint32_t *path, size_t depth, qoe_span_t msg,
    uint64_t *n)
{
    bool          last;
    uint64_t      key, field;
    qoe_span_t    bytes;
    qoe_status_t  rc;

    last = (depth + 1 == QOE_ITEMS_DEPTH || path[depth + 1] == 0);

    while (msg.len != 0) {

        if (qoe_items_field(&msg, &key, &bytes) != QOE_OK) {
            return QOE_INVALID;
        }

        field = key >> 3;

        if ((key & 7) != QOE_WIRE_BYTES || field > 31
            || (path[depth] >> field & 1) == 0)
        {
            continue;
        }

        if (last) {
            (*n)++;
            continue;
        }

        rc = qoe_items_walk(path, depth + 1, bytes, n);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    return QOE_OK;
}


/* Takes one field off msg.  bytes is its content if it has a length. */

static qoe_status_t
qoe_items_field(qoe_span_t *msg, uint64_t *key, qoe_span_t *bytes)
{
    uint64_t  len;

    if (qoe_items_varint(msg, key) != QOE_OK || *key >> 3 == 0) {
        return QOE_INVALID;
    }

    switch (*key & 7) {

    case QOE_WIRE_VARINT:
        return qoe_items_varint(msg, &len);

    case QOE_WIRE_FIXED64:
        len = 8;
        break;

    case QOE_WIRE_FIXED32:
        len = 4;
        break;

    case QOE_WIRE_BYTES:
        if (qoe_items_varint(msg, &len) != QOE_OK) {
            return QOE_INVALID;
        }

        break;

    default:
        return QOE_INVALID;
    }

    if (len > msg->len) {
        return QOE_INVALID;
    }

    *bytes = (qoe_span_t) { msg->data, (size_t) len };
    msg->data += len;
    msg->len -= (size_t) len;

    return QOE_OK;
}


static qoe_status_t
qoe_items_varint(qoe_span_t *msg, uint64_t *v)
{
    size_t   i;
    uint8_t  byte;

    *v = 0;

    for (i = 0; i < 10 && i < msg->len; i++) {
        byte = (uint8_t) msg->data[i];
        *v |= (uint64_t) (byte & 0x7f) << (7 * i);

        if (byte < 0x80) {
            msg->data += i + 1;
            msg->len -= i + 1;
            return QOE_OK;
        }
    }

    return QOE_INVALID;
}
