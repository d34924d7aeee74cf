
/*
 * Copyright (C) OpenQoE
 *
 * Text in shared memory that a thread writes while others may read it: it is
 * copied in whole words, so that a reader sees old bytes or new ones.  A writer
 * first clears the word that makes the text valid, and sets it last; a reader
 * checks that word before and after it reads the text.  Stores release and
 * loads acquire, so the order holds without fences.
 */


#ifndef _QOE_WORDS_H_INCLUDED_
#define _QOE_WORDS_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_atomic.h"


/* len must not exceed the size of words. */

static inline void
qoe_words_put(uint64_t *words, const char *text, size_t len)
{
    size_t    i, n;
    uint64_t  w;

    for (i = 0; i < len; i += 8) {
        n = qoe_min(len - i, (size_t) 8);
        w = 0;
        memcpy(&w, text + i, n);
        qoe_publish(&words[i / 8], w);
    }
}


/* Reads len bytes, of which any 8 may be old or new. */

static inline void
qoe_words_get(char *text, const uint64_t *words, size_t len)
{
    size_t    i, n;
    uint64_t  w;

    for (i = 0; i < len; i += 8) {
        n = qoe_min(len - i, (size_t) 8);
        w = qoe_acquire(&words[i / 8]);
        memcpy(text + i, &w, n);
    }
}


#endif /* _QOE_WORDS_H_INCLUDED_ */
