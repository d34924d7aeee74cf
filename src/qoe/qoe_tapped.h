
/*
 * Copyright (C) OpenQoE
 *
 * A record of the tap (qoe_tap.h): a head, then a packed request
 * (qoe_request.h), then the attributes that only its log has.  A request that
 * is logged goes from there into the ring of its lane, as a record of the kind
 * QOE_KIND_REQUEST: the same bytes after the time of receipt.
 *
 * Pure: uses no clock, and no memory but its arguments.
 */


#ifndef _QOE_TAPPED_H_INCLUDED_
#define _QOE_TAPPED_H_INCLUDED_


#include "qoe_labels.h"
#include "qoe_request.h"


typedef struct {
    uint32_t         request;            /* bytes of the packed request */
    uint32_t         log;                /* bytes after it; 0: not logged */
    uint16_t         ignored[QOE_CMCD_IGNORED];
    uint8_t          media;              /* a request for media, not only
                                            what was left out of its set */
} qoe_tapped_t;

/* The texts of *r and the attributes point into the record.  QOE_INVALID. */
qoe_status_t qoe_tapped_open(qoe_tapped_t *head, qoe_request_t *r,
    qoe_span_t *log, qoe_span_t record);


/* What stands before it in the ring. */

#define QOE_LOGGED_FORMAT  0x31474f4c

typedef struct {
    uint32_t         format;
    uint32_t         reserved;
    uint64_t         received_ns;        /* Unix */
} qoe_logged_t;

qoe_status_t qoe_logged_open(uint64_t *received_ns, qoe_request_t *r,
    qoe_span_t *log, qoe_span_t record);

/* When it was received, Unix ns; 0 if the bytes are no such record. */
uint64_t qoe_logged_received(qoe_span_t record);


/*
 * Attributes of a log: a set (qoe_labels.h) whose values begin with a byte that
 * is their type.
 */

#define QOE_LOGGED_TEXT    's'
#define QOE_LOGGED_COUNT   'i'           /* 8 bytes, int64_t */
#define QOE_LOGGED_REAL    'd'           /* 8 bytes, double */
#define QOE_LOGGED_FLAG    'b'           /* nothing; true */

/*
 * Append an attribute.  An empty text, and a number that is none, are left out;
 * so is what has no room.
 */
void qoe_logged_text(qoe_labels_t *l, qoe_span_t name, qoe_span_t text);
void qoe_logged_number(qoe_labels_t *l, qoe_span_t name, double number);
void qoe_logged_flag(qoe_labels_t *l, qoe_span_t name);


#endif /* _QOE_TAPPED_H_INCLUDED_ */
