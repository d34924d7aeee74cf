
/*
 * Copyright (C) OpenQoE
 *
 * Bytes that another implementation wrote: the Python packages
 * opentelemetry-proto 1.45.2 and googleapis-common-protos 1.76.0 of PyPI with
 * protobuf 7.36.2, SerializeToString() of the messages that the comments
 * describe.  In hex.
 */


#ifndef _OTLP_GOLDEN_H_INCLUDED_
#define _OTLP_GOLDEN_H_INCLUDED_


#include "qoe_core.h"

#include <stdio.h>


/*
 * ExportLogsServiceRequest of the two records of otlp_logs_test.c, resource
 * service.name openQoE-worker and host.name h1, scope openqoe 0.1.0.
 */
#define GOLDEN_LOGS                                                           \
    "0aaf050a350a200a0c736572766963652e6e616d6512100a0e6f70656e516f452d77"    \
    "6f726b65720a110a09686f73742e6e616d6512040a02683112f5040a100a076f7065"    \
    "6e716f651205302e312e3012860309c0d47e3dfe9c971710111a054552524f522a27"    \
    "0a257b226576656e745f74797065223a226572726f72222c2274223a22c3a9205c22"    \
    "785c22227d32150a0a6576656e745f7479706512070a056572726f72320f0a066f72"    \
    "675f696412050a036f726732110a09706c617965725f696412040a02706c32120a0a"    \
    "73657373696f6e5f696412040a02736532310a07766965775f696412260a24303138"    \
    "42434645352d363830302d373030302d383030302d30313233343536373839616232"    \
    "110a097669657765725f696412040a027677320d0a03656e7612060a0470726f6432"    \
    "110a086170705f6e616d6512050a0361707032140a0b6170705f76657273696f6e12"    \
    "050a03312e32320e0a066d61726b657212040a026d6b32380a0e6c6f672e7265636f"    \
    "72642e75696412260a2430303031303230332d303430352d303630372d303830392d"    \
    "3061306230633064306530664a10018bcfe56800700080000123456789ab52088000"    \
    "0123456789ab59140c6451fe9c9717620d6f70656e716f652e6572726f7212d70109"    \
    "40420f000000000010091a04494e464f2a040a027b7d32150a0a6576656e745f7479"    \
    "706512070a057061757365320d0a066f72675f696412030a016f32100a09706c6179"    \
    "65725f696412030a017032110a0a73657373696f6e5f696412030a0173320f0a0776"    \
    "6965775f696412040a02763132100a097669657765725f696412030a017732380a0e"    \
    "6c6f672e7265636f72642e75696412260a2466666666666666662d666666662d6666"    \
    "66662d666666662d666666666666666666666666590200000000000000620d6f7065"    \
    "6e716f652e7061757365"

/* rejected_log_records 3, error_message "too old" */
#define GOLDEN_LOGS_RESPONSE                                                  \
    "0a0b08031207746f6f206f6c64"

/* rejected_spans 2^63 - 1 */
#define GOLDEN_TRACE_RESPONSE                                                 \
    "0a0a08ffffffffffffffff7f"

/* rejected_data_points -1, error_message "m" */
#define GOLDEN_METRICS_RESPONSE                                               \
    "0a0e08ffffffffffffffffff0112016d"

/*
 * google.rpc.Status, code 8, message "slow down", details: a google.rpc.Help,
 * then a RetryInfo of 5 s and 250,000,001 ns.
 */
#define GOLDEN_RETRY_INFO                                                     \
    "08081209736c6f7720646f776e1a290a23747970652e676f6f676c65617069732e63"    \
    "6f6d2f676f6f676c652e7270632e48656c7012020a001a350a28747970652e676f6f"    \
    "676c65617069732e636f6d2f676f6f676c652e7270632e5265747279496e666f1209"    \
    "0a0708051081e59a77"


/* Bytes of hex; dst has room for half as many. */

static inline qoe_span_t
golden_bytes(char *dst, const char *hex)
{
    size_t    n;
    unsigned  byte;

    for (n = 0; sscanf(hex + 2 * n, "%2x", &byte) == 1; n++) {
        dst[n] = (char) byte;
    }

    return (qoe_span_t) { dst, n };
}


#endif /* _OTLP_GOLDEN_H_INCLUDED_ */
