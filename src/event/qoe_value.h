
/*
 * Copyright (C) OpenQoE
 *
 * One JSON value -> a field's value, by the kind that the schema gives it.
 * Private to this room.
 */


#ifndef _QOE_VALUE_H_INCLUDED_
#define _QOE_VALUE_H_INCLUDED_


#include "qoe_decode.h"

#include <jansson.h>


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


/*
 * NULL, or the reason why value, which is no null, breaks the kind's rule.
 * A string points into value.
 */
const char *qoe_value_read(qoe_value_t *out, qoe_value_kind_t kind,
    const json_t *value);


#endif /* _QOE_VALUE_H_INCLUDED_ */
