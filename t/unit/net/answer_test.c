
/*
 * Copyright (C) OpenQoE
 *
 * Answers of collectors, as t/fuzz/answer_fuzz.c has them, with the same
 * inputs each time.
 */


#include "../fuzz/answer_fuzz.c"
#include "../fuzz/random_inputs.h"

#include "tap.h"


#define INPUTS             100000


int
main(void)
{
    random_inputs(LLVMFuzzerTestOneInput, INPUTS, 600);

    ok(1, "what becomes of a batch after %d answers, and when the next try is, "
       "is what the specifications say", INPUTS);

    return tap_end();
}
