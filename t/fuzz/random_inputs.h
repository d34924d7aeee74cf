
/*
 * Copyright (C) OpenQoE
 *
 * A fuzzer without libFuzzer, for the unit tests: a generator of numbers makes
 * the same inputs each time.  The fuzzer aborts where something is wrong.
 */


#ifndef _RANDOM_INPUTS_H_INCLUDED_
#define _RANDOM_INPUTS_H_INCLUDED_


#include <stdint.h>
#include <stdlib.h>


/* Inputs of up to max bytes; half of them have small numbers more often. */

static inline void
random_inputs(int (*fuzz)(const uint8_t *data, size_t size), unsigned n,
    size_t max)
{
    size_t     size, j;
    uint8_t   *data;
    uint64_t   x;
    unsigned   i;

    for (i = 0; i < n; i++) {
        x = 0x9e3779b97f4a7c15 * (i + 1);
        size = 1 + (size_t) (x >> 32) % max;
        data = malloc(size);

        if (data == NULL) {
            abort();
        }

        for (j = 0; j < size; j++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            data[j] = (uint8_t) (x >> 24);

            if ((i & 1) && (x & 0x300) == 0) {
                data[j] %= 16;
            }
        }

        (void) fuzz(data, size);
        free(data);
    }
}


#endif /* _RANDOM_INPUTS_H_INCLUDED_ */
