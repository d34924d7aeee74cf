
/*
 * Copyright (C) OpenQoE
 *
 * Parses the values of options.
 */


#define _GNU_SOURCE

#include "openqoe_spool.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>


typedef struct {
    const char   *name;
    uint64_t      factor;
} spool_unit_t;

static const spool_unit_t  spool_sizes[] = {
    { "", 1 }, { "k", 1024 }, { "m", 1024 * 1024 },
    { "g", 1024 * 1024 * 1024 }, { NULL, 0 }
};

static const spool_unit_t  spool_durations[] = {
    { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
    { "h", 3600000 }, { NULL, 0 }
};

static const char *const  spool_protocols[] = {
    [QOE_PROTOCOL_GRPC] = "grpc",
    [QOE_PROTOCOL_HTTP_PROTOBUF] = "http/protobuf",
    [QOE_PROTOCOL_HTTP_JSON] = "http/json"
};


static bool spool_number(const char *s, const spool_unit_t *unit,
    uint64_t *value);
static bool spool_date(const char **s, uint64_t *seconds);
static bool spool_fraction(const char **s, uint64_t *ns);
static bool spool_zone(const char **s, int64_t *seconds);


bool
spool_parse_size(const char *s, uint64_t *bytes)
{
    return spool_number(s, spool_sizes, bytes);
}


bool
spool_parse_duration(const char *s, uint64_t *ms)
{
    return spool_number(s, spool_durations, ms);
}


static bool
spool_number(const char *s, const spool_unit_t *unit, uint64_t *value)
{
    char      *end;
    uint64_t   n;

    if (!isdigit((unsigned char) *s)) {
        return false;
    }

    errno = 0;
    n = strtoull(s, &end, 10);

    if (errno != 0) {
        return false;
    }

    for ( /* void */ ; unit->name != NULL; unit++) {
        if (strcasecmp(end, unit->name) == 0) {
            *value = n * unit->factor;
            return n <= INT64_MAX / unit->factor;
        }
    }

    return false;
}


/* RFC 3339, 5.6, or Unix seconds, with or without a fraction. */

bool
spool_parse_time(const char *s, uint64_t *ns)
{
    char      *end;
    int64_t    zone;
    uint64_t   seconds, fraction;

    if (!isdigit((unsigned char) *s)) {
        return false;
    }

    zone = 0;
    fraction = 0;

    errno = 0;
    seconds = strtoull(s, &end, 10);

    if (*end == '-') {
        if (!spool_date(&s, &seconds) || !spool_fraction(&s, &fraction)
            || !spool_zone(&s, &zone))
        {
            return false;
        }

    } else {
        s = end;

        if (errno != 0 || !spool_fraction(&s, &fraction)) {
            return false;
        }
    }

    /* up to the year 2262 */

    if (*s != '\0' || seconds > INT64_MAX / 1000000000 - 86400
        || (int64_t) seconds < zone)
    {
        return false;
    }

    *ns = (seconds - (uint64_t) zone) * 1000000000 + fraction;

    return true;
}


static bool
spool_date(const char **s, uint64_t *seconds)
{
    int         len;
    time_t      t;
    struct tm   tm, whole;

    memset(&tm, 0, sizeof(tm));
    len = 0;

    if (sscanf(*s, "%4d-%2d-%2d%*[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &len) != 6
        || len != 19)
    {
        return false;
    }

    tm.tm_year -= 1900;
    tm.tm_mon--;
    whole = tm;

    /* timegm() would turn the 31st of June into the 1st of July */

    t = timegm(&whole);

    if (t < 0 || whole.tm_mon != tm.tm_mon || whole.tm_mday != tm.tm_mday
        || whole.tm_hour != tm.tm_hour || whole.tm_min != tm.tm_min
        || whole.tm_sec != tm.tm_sec)
    {
        return false;
    }

    *seconds = (uint64_t) t;
    *s += len;

    return true;
}


static bool
spool_fraction(const char **s, uint64_t *ns)
{
    uint64_t  place;

    if (**s != '.') {
        return true;
    }

    place = 100000000;

    if (!isdigit((unsigned char) *++*s)) {
        return false;
    }

    for ( /* void */ ; isdigit((unsigned char) **s); (*s)++) {
        *ns += place * (uint64_t) (**s - '0');
        place /= 10;
    }

    return true;
}


static bool
spool_zone(const char **s, int64_t *seconds)
{
    int       len;
    char      sign;
    unsigned  hours, minutes;

    if (**s == 'Z' || **s == 'z') {
        (*s)++;
        return true;
    }

    len = 0;

    if (sscanf(*s, "%c%2u:%2u%n", &sign, &hours, &minutes, &len) != 3
        || len != 6 || (sign != '+' && sign != '-')
        || hours > 23 || minutes > 59)
    {
        return false;
    }

    *seconds = (int64_t) (hours * 3600 + minutes * 60);
    *seconds = (sign == '-') ? -*seconds : *seconds;
    *s += len;

    return true;
}


/* "Name: value"; blanks around the value do not belong to it. */

bool
spool_parse_header(const char *s, qoe_header_t *h)
{
    size_t       i;
    const char  *colon;

    colon = strchr(s, ':');

    if (colon == NULL || colon == s || strpbrk(s, "\r\n") != NULL) {
        return false;
    }

    h->name = (qoe_span_t) { s, (size_t) (colon - s) };

    /* a token of RFC 9110, 5.6.2 */

    for (i = 0; i < h->name.len; i++) {
        if (!isalnum((unsigned char) s[i])
            && strchr("!#$%&'*+-.^_`|~", s[i]) == NULL)
        {
            return false;
        }
    }

    colon += 1 + strspn(colon + 1, " \t");
    h->value = qoe_span_str(colon);

    while (h->value.len != 0
           && strchr(" \t", h->value.data[h->value.len - 1]) != NULL)
    {
        h->value.len--;
    }

    return true;
}


bool
spool_parse_endpoint(const char *s)
{
    size_t  scheme;

    scheme = strncasecmp(s, "http://", 7) == 0 ? 7
             : strncasecmp(s, "https://", 8) == 0 ? 8 : 0;

    return scheme != 0 && s[scheme] != '\0' && s[scheme] != '/'
           && strpbrk(s, " \t\r\n?#") == NULL;
}


bool
spool_parse_protocol(const char *s, qoe_protocol_t *protocol)
{
    size_t  i;

    for (i = 0; i < sizeof(spool_protocols) / sizeof(spool_protocols[0]);
         i++)
    {
        if (strcmp(s, spool_protocols[i]) == 0) {
            *protocol = (qoe_protocol_t) i;
            return true;
        }
    }

    return false;
}
