
/*
 * Copyright (C) OpenQoE
 *
 * A lock in shared memory that survives the death of its owner: the lock word
 * holds the owner's identity, and a process that finds the owner dead takes the
 * lock over.  Hold it only for short copies, because event loops wait for it.
 */


#ifndef _QOE_LOCK_H_INCLUDED_
#define _QOE_LOCK_H_INCLUDED_


#include "qoe_proc.h"


/*
 * Takes the lock; the word is 0 while it is free.  QOE_OK; *stolen is set if
 * the previous owner died with the lock, and may have left the protected data
 * half changed.  QOE_BUSY if the lock could not be taken within 50 ms.  Not
 * recursive; threads of a process exclude each other.
 */
qoe_status_t qoe_lock(uint64_t *word, qoe_proc_t self, bool *stolen);

/*
 * The same with another longest wait, of 2 ms or more, so that the lock of a
 * dead process can be taken.
 */
qoe_status_t qoe_lock_within(uint64_t *word, qoe_proc_t self,
    uint64_t wait_ms, bool *stolen);

/* Releases the lock, which the caller must hold. */
void qoe_unlock(uint64_t *word);


#endif /* _QOE_LOCK_H_INCLUDED_ */
