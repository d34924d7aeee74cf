
/*
 * Copyright (C) OpenQoE
 *
 * The schema of an event as tables, and texts for an event_time out of range.
 * Private to this room.
 */


#ifndef _QOE_SCHEMA_H_INCLUDED_
#define _QOE_SCHEMA_H_INCLUDED_


#include "qoe_decode.h"


#define QOE_STRINGIFY_(x)  #x
#define QOE_STRINGIFY(x)   QOE_STRINGIFY_(x)


/* The kinds of QOE_EVENT_FIELDS. */

typedef enum {
    QOE_KIND_ID = 0,
    QOE_KIND_STRING,
    QOE_KIND_NUMBER,
    QOE_KIND_BOOL,
    QOE_KIND_NUMBER_LIST,
    QOE_KIND_STRING_LIST
} qoe_value_kind_t;


/* Above this, a double cannot represent every millisecond (2^53). */
#define QOE_TIME_MAX       9007199254740992.0


typedef struct {
    const char         *parent;      /* NULL in the event itself */
    qoe_span_t          key;
    qoe_value_kind_t    kind;
} qoe_schema_field_t;


/* The fields of a known object, which are adjacent in QOE_EVENT_FIELDS. */

typedef struct {
    qoe_span_t          key;
    size_t              first;
    size_t              end;         /* the field after the last one */
} qoe_schema_group_t;


#define QOE_SCHEMA_GROUPS  8
#define QOE_SCHEMA_TOP_END QOE_FIELD_DEVICE_NAME     /* first in an object */

extern const qoe_schema_field_t  qoe_schema_fields[QOE_FIELDS];
extern const qoe_schema_group_t  qoe_schema_groups[QOE_SCHEMA_GROUPS];


#define QOE_SCHEMA_TIME    "must be an integer, Unix time in milliseconds"
#define QOE_SCHEMA_DATA_SIZE                                                  \
    "must be at most " QOE_STRINGIFY(QOE_DATA_MAX)                            \
    " bytes of JSON without white space"


/*
 * Why an event_time t, an integer, out of the configured range is refused;
 * return buf.  min and max: the range that is taken.  A time that would be in
 * it if it were meant in seconds is named as such.
 */
const char *qoe_schema_older(char *buf, size_t size,
    const qoe_decode_conf_t *conf, double t, double min, double max);
const char *qoe_schema_ahead(char *buf, size_t size,
    const qoe_decode_conf_t *conf);


#endif /* _QOE_SCHEMA_H_INCLUDED_ */
