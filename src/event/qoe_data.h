
/*
 * Copyright (C) OpenQoE
 *
 * The free part of an event, "data": the numbers and texts of it that metrics
 * are made of, and the values of custom dimensions.  Private to this room.
 */


#ifndef _QOE_DATA_H_INCLUDED_
#define _QOE_DATA_H_INCLUDED_


#include "qoe_source.h"

#include <jansson.h>


/*
 * Fills number, set, data and dims of ev, whose sources are known, from the
 * object data.  What is not usable is ignored.  Texts point into data and the
 * arena.  QOE_NOMEM.
 */
qoe_status_t qoe_data_read(qoe_event_t *ev, json_t *data, qoe_arena_t *arena);


#endif /* _QOE_DATA_H_INCLUDED_ */
