
/*
 * Copyright (C) OpenQoE
 *
 * One parsed JSON object -> one event, or why not: the field rules of the
 * HTTP contract.  Private to this room; any one thread a batch.
 */


#ifndef _QOE_SCHEMA_H_INCLUDED_
#define _QOE_SCHEMA_H_INCLUDED_


#include "qoe_decode.h"

#include <jansson.h>


/*
 * Fills ev from object, whose text is raw.  ev's strings point into object
 * and the arena.
 * *unknown grows by the keys that no rule knows, whatever is returned.
 *
 * QOE_OK, or QOE_INVALID with err->field and err->reason: the first rule
 * broken, in the order type, time, known objects, fields, data.  QOE_NOMEM.
 */
qoe_status_t qoe_schema_event(qoe_event_t *ev, json_t *object, qoe_span_t raw,
    const qoe_decode_conf_t *conf, int64_t now_ms, size_t *unknown,
    qoe_decode_error_t *err, qoe_arena_t *arena);


#endif /* _QOE_SCHEMA_H_INCLUDED_ */
