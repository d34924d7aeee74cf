
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_hex.h"


const uint8_t  qoe_hex_values[256] = {
    [0 ... '0' - 1] = QOE_HEX_NONE, ['0'] = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ['9' + 1 ... 'A' - 1] = QOE_HEX_NONE, ['A'] = 10, 11, 12, 13, 14, 15,
    ['F' + 1 ... 'a' - 1] = QOE_HEX_NONE, ['a'] = 10, 11, 12, 13, 14, 15,
    ['f' + 1 ... 255] = QOE_HEX_NONE
};
