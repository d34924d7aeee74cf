
/*
 * Copyright (C) OpenQoE
 *
 * Who a process is, told apart from a later one with the same pid: pid and
 * start time.  Fits one word, so that a lock or a lease can hold it.
 */


#ifndef _QOE_PROC_H_INCLUDED_
#define _QOE_PROC_H_INCLUDED_


#include "qoe_core.h"

#include <sys/types.h>


/* 0 is nobody; else pid << 32 | low bits of the start time (proc(5)). */
typedef uint64_t  qoe_proc_t;


/* The calling process.  Reads /proc: call it once after each fork. */
qoe_proc_t qoe_proc_self(void);

#define qoe_proc_pid(p)    ((pid_t) ((p) >> 32))

/*
 * False only when the process has surely ended (a zombie has).  Costs a few
 * system calls; any thread.
 */
bool qoe_proc_alive(qoe_proc_t p);


#endif /* _QOE_PROC_H_INCLUDED_ */
