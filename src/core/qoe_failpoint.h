
/*
 * Copyright (C) OpenQoE
 *
 * Named places where a test lets a process die, wait or see an error.  Only
 * in a build with QOE_FAILPOINTS; elsewhere nothing is left of them.
 *
 * The file that the environment variable OPENQOE_FAILPOINTS names (as the
 * master had it at its start) has lines "NAME ACTION [AFTER]": kill (SIGKILL
 * to the own process), sleep=MS, error=ERRNO; AFTER hits are let pass first.
 * It is read anew at each hit, so that a test arms a running process; a line
 * acts once in a process.
 */


#ifndef _QOE_FAILPOINT_H_INCLUDED_
#define _QOE_FAILPOINT_H_INCLUDED_


#ifdef QOE_FAILPOINTS

/* 0, or the errno that the caller is to act on.  Any thread. */
int qoe_failpoint_hit(const char *name);

#define qoe_failpoint(name)    qoe_failpoint_hit(name)

#else

#define qoe_failpoint(name)    0

#endif


#endif /* _QOE_FAILPOINT_H_INCLUDED_ */
