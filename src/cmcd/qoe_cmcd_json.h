
/*
 * Copyright (C) OpenQoE
 *
 * A set of CMCD as JSON, for logs.
 */


#ifndef _QOE_CMCD_JSON_H_INCLUDED_
#define _QOE_CMCD_JSON_H_INCLUDED_


#include "qoe_buf.h"
#include "qoe_cmcd.h"


/*
 * Appends the set as one object, its keys sorted.  Lists are arrays, also those
 * that were sent as one value; an item with an object type is [5000,"v"], one
 * with a range ["a.mp4",{"r":"0-99"}].  Tokens are strings.
 */
void qoe_cmcd_json(qoe_buf_t *b, const qoe_cmcd_t *c);


#endif /* _QOE_CMCD_JSON_H_INCLUDED_ */
