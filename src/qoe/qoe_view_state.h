
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of a session slot.  They are in the zone: every member is a plain
 * value whose every bit pattern is safe to work on, for its writer may have
 * been killed at any store.  A change of meaning raises QOE_STATE_VERSION.
 */


#ifndef _QOE_VIEW_STATE_H_INCLUDED_
#define _QOE_VIEW_STATE_H_INCLUDED_


#include "qoe_core.h"


struct qoe_view_s {

    /* written by qoe_sessions.c; read by collectors of other threads */

    uint64_t        session[2];      /* 128 bits of keyed hash of org_id and
                                        session_id; 0, 0: free */
    uint32_t        seq;             /* odd while base is changed */
    uint32_t        base;            /* attribute block, a reference held */
    uint32_t        next;            /* of the hash chain, 1 + index */
    uint32_t        newer;           /* of the list by last receipt */
    uint32_t        older;
    uint32_t        list;            /* 1 + qoe_sessions_list_t, 0: none */
    uint32_t        reserved;
    uint32_t        base_s;          /* Unix s at which base was looked up */
    uint64_t        base_key;        /* hash of the raw values of base */

    /* written by qoe_view*.c */

    uint64_t        received_ms;     /* last receipt, Unix */
    uint64_t        view_key;        /* current view, 0: none */
    uint32_t        flags;
    uint32_t        pad;
};


#endif /* _QOE_VIEW_STATE_H_INCLUDED_ */
