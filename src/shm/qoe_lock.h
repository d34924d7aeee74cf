
/*
 * Copyright (C) OpenQoE
 *
 * A lock in shared memory that survives its owner: the word holds who it is,
 * and is taken from an owner that has died.  For short copies only: whoever
 * waits may be an event loop.
 */


#ifndef _QOE_LOCK_H_INCLUDED_
#define _QOE_LOCK_H_INCLUDED_


#include "qoe_proc.h"


/*
 * word is 0 when free.  QOE_OK, with *stolen set when its last owner died
 * holding it: what it guards may be half changed.  QOE_BUSY when it was not
 * had within 50 ms.  It does not recurse, and two threads of one process
 * exclude each other.
 */
qoe_status_t qoe_lock(uint64_t *word, qoe_proc_t self, bool *stolen);
void qoe_unlock(uint64_t *word);


#endif /* _QOE_LOCK_H_INCLUDED_ */
