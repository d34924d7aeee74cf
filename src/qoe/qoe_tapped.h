
/*
 * Copyright (C) OpenQoE
 *
 * A record of the tap (qoe_tap.h): this head, then a packed request
 * (qoe_request.h), then what is only in its log.
 */


#ifndef _QOE_TAPPED_H_INCLUDED_
#define _QOE_TAPPED_H_INCLUDED_


#include "qoe_cmcd.h"


typedef struct {
    uint32_t         request;            /* bytes of the packed request */
    uint32_t         log;                /* bytes after it; 0: not logged */
    uint16_t         ignored[QOE_CMCD_IGNORED];
    uint8_t          media;              /* a request for media, not only
                                            what was left out of its set */
} qoe_tapped_t;


#endif /* _QOE_TAPPED_H_INCLUDED_ */
