
/*
 * Copyright (C) OpenQoE
 *
 * A lane under floods of made-up values, as t/fuzz/govern_fuzz.c has them,
 * with the same inputs each time.
 */


#include "../fuzz/govern_fuzz.c"
#include "../fuzz/random_inputs.h"


#define INPUTS             60


int
main(void)
{
    random_inputs(LLVMFuzzerTestOneInput, INPUTS, 4096);

    ok(1,
       "store and table are sound after every step of %d floods, and real "
       "values keep their series", INPUTS);

    return tap_end();
}
