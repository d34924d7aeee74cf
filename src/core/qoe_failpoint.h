
/*
 * Copyright (C) OpenQoE
 *
 * Named places in the code where a test can make a process die, wait or see an
 * error.  They exist only in a build with QOE_FAILPOINTS and compile to
 * nothing otherwise.
 *
 * The environment variable OPENQOE_FAILPOINTS of the master, as it is when
 * nginx starts, names a file with lines "NAME ACTION [AFTER]".  The actions
 * are kill (SIGKILL to the process itself), sleep=MS and error=ERRNO; the
 * first AFTER hits are ignored.  The file is read at each hit, so that a test
 * can arm a running process.  A line acts once in a process.
 */


#ifndef _QOE_FAILPOINT_H_INCLUDED_
#define _QOE_FAILPOINT_H_INCLUDED_


#ifdef QOE_FAILPOINTS

/* Returns 0, or the errno that the caller must act on.  Any thread. */
int qoe_failpoint_hit(const char *name);

#define qoe_failpoint(name)    qoe_failpoint_hit(name)

#else

#define qoe_failpoint(name)    0

#endif


#endif /* _QOE_FAILPOINT_H_INCLUDED_ */
