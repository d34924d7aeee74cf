
/*
 * Copyright (C) OpenQoE
 *
 * The identity of a process: its pid together with its start time, so that a
 * later process with the same pid differs.  It fits into a word, so that a lock
 * or a lease can hold it.
 */


#ifndef _QOE_PROC_H_INCLUDED_
#define _QOE_PROC_H_INCLUDED_


#include "qoe_core.h"

#include <sys/types.h>


/*
 * 0 means no process; otherwise pid << 32 | low bits of the start time in
 * proc(5).
 */
typedef uint64_t  qoe_proc_t;


/*
 * The identity of the calling process.  Reads /proc: call it once after each
 * fork.
 */
qoe_proc_t qoe_proc_self(void);

#define qoe_proc_pid(p)    ((pid_t) ((p) >> 32))

/*
 * Returns false only if the process has certainly ended; a zombie has.  Costs a
 * few system calls.  Any thread.
 */
bool qoe_proc_alive(qoe_proc_t p);


#endif /* _QOE_PROC_H_INCLUDED_ */
