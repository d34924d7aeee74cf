
/*
 * Copyright (C) OpenQoE
 *
 * Single words in memory that threads or processes share.  Stores that publish
 * something release it, and the loads that look for it acquire it; the relaxed
 * forms are for words that need no order with others.  Where a total order with
 * another word matters, the code uses the sequentially consistent builtins and
 * says why.
 */


#ifndef _QOE_ATOMIC_H_INCLUDED_
#define _QOE_ATOMIC_H_INCLUDED_


#define qoe_acquire(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define qoe_publish(p, v)  __atomic_store_n((p), (v), __ATOMIC_RELEASE)

#define qoe_peek(p)        __atomic_load_n((p), __ATOMIC_RELAXED)
#define qoe_poke(p, v)     __atomic_store_n((p), (v), __ATOMIC_RELAXED)


#endif /* _QOE_ATOMIC_H_INCLUDED_ */
