
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_tapped.h"
#include "qoe_number.h"

#include <math.h>


/* The longest text of an attribute; the rest is cut off at a character. */
#define QOE_LOGGED_MAX     1024

/* Whole numbers up to here are those of a double, too. */
#define QOE_LOGGED_WHOLE   9007199254740992.0


qoe_status_t
qoe_tapped_open(qoe_tapped_t *head, qoe_request_t *r, qoe_span_t *log,
    qoe_span_t record)
{
    size_t      left;
    qoe_span_t  packed;

    if (record.len < sizeof(qoe_tapped_t)) {
        return QOE_INVALID;
    }

    memcpy(head, record.data, sizeof(qoe_tapped_t));
    left = record.len - sizeof(qoe_tapped_t);

    if (head->request > left || head->log > left - head->request) {
        return QOE_INVALID;
    }

    packed.data = record.data + sizeof(qoe_tapped_t);
    packed.len = head->request;
    log->data = packed.data + packed.len;
    log->len = head->log;

    return qoe_request_open(r, packed);
}


qoe_status_t
qoe_logged_open(uint64_t *received_ns, qoe_request_t *r, qoe_span_t *log,
    qoe_span_t record)
{
    qoe_tapped_t  head;

    *received_ns = qoe_logged_received(record);

    if (*received_ns == 0) {
        return QOE_INVALID;
    }

    record.data += sizeof(qoe_logged_t);
    record.len -= sizeof(qoe_logged_t);

    return qoe_tapped_open(&head, r, log, record);
}


uint64_t
qoe_logged_received(qoe_span_t record)
{
    qoe_logged_t  head;

    if (record.len < sizeof(qoe_logged_t)) {
        return 0;
    }

    memcpy(&head, record.data, sizeof(qoe_logged_t));

    return head.format == QOE_LOGGED_FORMAT ? head.received_ns : 0;
}


void
qoe_logged_text(qoe_labels_t *l, qoe_span_t name, qoe_span_t text)
{
    char  value[1 + QOE_LOGGED_MAX];

    text = qoe_text_cut(text, QOE_LOGGED_MAX);

    if (text.len == 0) {
        return;
    }

    value[0] = QOE_LOGGED_TEXT;
    memcpy(value + 1, text.data, text.len);

    (void) qoe_labels_add(l, name, (qoe_span_t) { value, 1 + text.len });
}


void
qoe_logged_number(qoe_labels_t *l, qoe_span_t name, double number)
{
    char     value[1 + sizeof(double)];
    int64_t  whole;

    if (!isfinite(number)) {
        return;
    }

    if (fabs(number) < QOE_LOGGED_WHOLE && number == trunc(number)) {
        whole = (int64_t) number;
        value[0] = QOE_LOGGED_COUNT;
        memcpy(value + 1, &whole, sizeof(whole));

    } else {
        value[0] = QOE_LOGGED_REAL;
        memcpy(value + 1, &number, sizeof(number));
    }

    (void) qoe_labels_add(l, name, (qoe_span_t) { value, sizeof(value) });
}


void
qoe_logged_flag(qoe_labels_t *l, qoe_span_t name)
{
    char  value;

    value = QOE_LOGGED_FLAG;

    (void) qoe_labels_add(l, name, (qoe_span_t) { &value, 1 });
}
