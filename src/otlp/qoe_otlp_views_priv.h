
/*
 * Copyright (C) OpenQoE
 *
 * What the encoders of records of views share: their attributes.
 */


#ifndef _QOE_OTLP_VIEWS_PRIV_H_INCLUDED_
#define _QOE_OTLP_VIEWS_PRIV_H_INCLUDED_


#include "qoe_otlp_write.h"
#include "qoe_view_record.h"


/* A record while it is written. */

typedef struct {
    qoe_otlp_item_t      item;
    qoe_view_record_t    r;
    qoe_span_t           edge;
} qoe_view_log_t;


/* More bytes than the record can take. */
size_t qoe_view_log_bound(const qoe_view_log_t *log);

/* Writes the attributes of the record, and those of its dimensions. */
void qoe_view_log_attributes(qoe_view_log_t *log);
void qoe_view_log_dims(qoe_view_log_t *log);


#endif /* _QOE_OTLP_VIEWS_PRIV_H_INCLUDED_ */
