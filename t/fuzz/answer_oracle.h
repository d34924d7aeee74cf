
/*
 * Copyright (C) OpenQoE
 *
 * What an answer of a collector means, written from the text of OTLP, gRPC
 * and RFC 9110 and from docs/delivery.md alone: for the fuzzers that compare
 * the module with it.  It shares no code with the module.
 */


#ifndef _ANSWER_ORACLE_H_INCLUDED_
#define _ANSWER_ORACLE_H_INCLUDED_


#include "answer_input.h"
#include "qoe_outcome.h"

#include <time.h>


#define ANY                INT64_MIN         /* the oracle does not know */


/* The whole of s is decimal digits, and there is at least one. */

static inline bool
oracle_digits(qoe_span_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (strchr("0123456789", s.data[i]) == NULL || s.data[i] == '\0') {
            return false;
        }
    }

    return s.len != 0;
}


/* ms, -1 where it is neither, ANY where only a lax reader sees a date in it */

static inline int64_t
oracle_retry_after(qoe_span_t s, int64_t now_s)
{
    char       text[64], again[64];
    double     seconds;
    struct tm  tm;

    if (s.len == 0 || s.len >= sizeof(text)) {
        return -1;
    }

    memcpy(text, s.data, s.len);
    text[s.len] = '\0';

    if (oracle_digits(s)) {
        return (int64_t) qoe_min(strtod(text, NULL) * 1000, (double) DAY_MS);
    }

    memset(&tm, 0, sizeof(tm));

    if (strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) == NULL
        || strftime(again, sizeof(again), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0
        || strcmp(again, text) != 0 || strlen(text) != s.len
        || tm.tm_year < 70 || tm.tm_year > 8000 || tm.tm_sec > 59)
    {
        return ANY;
    }

    seconds = difftime(timegm(&tm), (time_t) now_s);

    return (int64_t) qoe_min(qoe_max(seconds * 1000, 0), (double) DAY_MS);
}


/* A code of gRPC; what is none, or not known, is UNKNOWN. */

static inline int
oracle_grpc_code(qoe_span_t s)
{
    char  text[16];

    if (!oracle_digits(s) || s.len > 8) {
        return 2;
    }

    snprintf(text, sizeof(text), "%.*s", (int) s.len, s.data);

    return atoi(text) > 16 ? 2 : atoi(text);
}


/* retry: there was RetryInfo */

static inline qoe_outcome_kind_t
oracle_grpc(int code, bool retry)
{
    switch (code) {

    case 0:
        return QOE_OUTCOME_OK;

    case 1:                                  /* CANCELLED */
    case 4:                                  /* DEADLINE_EXCEEDED */
    case 10:                                 /* ABORTED */
    case 11:                                 /* OUT_OF_RANGE */
    case 14:                                 /* UNAVAILABLE */
    case 15:                                 /* DATA_LOSS */
        return QOE_OUTCOME_RETRY;

    case 8:                                  /* RESOURCE_EXHAUSTED */
        return retry ? QOE_OUTCOME_RETRY : QOE_OUTCOME_FINAL;

    case 2:                                  /* UNKNOWN */
    case 5:                                  /* NOT_FOUND */
    case 7:                                  /* PERMISSION_DENIED */
    case 12:                                 /* UNIMPLEMENTED */
    case 13:                                 /* INTERNAL */
    case 16:                                 /* UNAUTHENTICATED */
        return QOE_OUTCOME_HOLD;

    default:
        return QOE_OUTCOME_FINAL;
    }
}


/* Only a status from 400 to 499 can blame the batch. */

static inline qoe_outcome_kind_t
oracle_http(int status)
{
    switch (status) {

    case 429:
    case 502:
    case 503:
    case 504:
        return QOE_OUTCOME_RETRY;

    case 401:
    case 402:
    case 403:
    case 404:
    case 405:
    case 407:
    case 408:
    case 410:
    case 421:
        return QOE_OUTCOME_HOLD;
    }

    return status / 100 == 2 ? QOE_OUTCOME_OK
           : status / 100 == 4 ? QOE_OUTCOME_FINAL : QOE_OUTCOME_HOLD;
}


/*
 * A text for the log and /v2/stats: shorter than size, UTF-8, without control
 * characters (C0, DEL, C1).
 */

static inline bool
oracle_is_text(const char *text, size_t size)
{
    uint32_t              ch, least;
    unsigned              more;
    const unsigned char  *p = (const unsigned char *) text;

    if (memchr(text, '\0', size) == NULL) {
        return false;
    }

    while (*p != '\0') {
        ch = *p++;
        more = ch < 0x80 ? 0 : ch < 0xc0 ? 9 : ch < 0xe0 ? 1 : ch < 0xf0 ? 2
               : ch < 0xf8 ? 3 : 9;
        least = more == 0 ? 0x20 : more == 1 ? 0xa0 : more == 2 ? 0x800
                : 0x10000;

        if (more == 9) {
            return false;
        }

        ch &= more == 0 ? 0x7f : 0x3fu >> more;

        for ( /* void */ ; more != 0; more--) {
            if ((*p & 0xc0) != 0x80) {
                return false;
            }

            ch = ch << 6 | (*p++ & 0x3f);
        }

        if (ch < least || ch == 0x7f || ch > 0x10ffff
            || (ch >= 0xd800 && ch < 0xe000))
        {
            return false;
        }
    }

    return true;
}


#endif /* _ANSWER_ORACLE_H_INCLUDED_ */
