
/*
 * Copyright (C) OpenQoE
 *
 * For tests of the decoder of CMCD: sets in buffers that end where their bytes
 * end, so that a sanitizer sees a read outside, and sets as JSON values.
 */


#ifndef _CMCD_SUPPORT_H_INCLUDED_
#define _CMCD_SUPPORT_H_INCLUDED_


#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "qoe_buf.h"
#include "qoe_cmcd.h"
#include "qoe_cmcd_json.h"


#define CMCD_LINES  32


/* A set, with the memory that it points into. */

typedef struct {
    qoe_cmcd_t    c;
    qoe_status_t  status;
    const char   *why;
    char         *in;
    char         *buf;
} cmcd_set_t;


static inline char *
cmcd_exact(const char *data, size_t len)
{
    char  *p;

    p = malloc(len ? len : 1);

    if (len) {
        memcpy(p, data, len);
    }

    return p;
}


static inline void
cmcd_free(cmcd_set_t *s)
{
    free(s->in);
    free(s->buf);
}


static inline void
cmcd_query(cmcd_set_t *s, qoe_span_t query)
{
    s->in = cmcd_exact(query.data, query.len);
    s->buf = malloc(query.len ? query.len : 1);
    s->status = qoe_cmcd_query(&s->c, (qoe_span_t) { s->in, query.len },
                               s->buf);
}


static inline void
cmcd_report(cmcd_set_t *s, qoe_span_t line)
{
    s->why = NULL;
    s->in = cmcd_exact(line.data, line.len);
    s->buf = malloc(line.len ? line.len : 1);
    s->status = qoe_cmcd_report(&s->c, (qoe_span_t) { s->in, line.len },
                                s->buf, &s->why);
}


/* The header of a line "Name: value", or QOE_CMCD_NHEADERS. */

static inline unsigned
cmcd_header(qoe_span_t *line)
{
    size_t             len;
    unsigned           i;
    const char        *colon;
    static const char *const  names[] = {
#define CMCD_HEADER_NAME(id, name)  name,
        QOE_CMCD_HEADERS(CMCD_HEADER_NAME)
    };

    colon = memchr(line->data, ':', line->len);
    len = colon ? (size_t) (colon - line->data) : line->len;

    for (i = 0; colon && i < QOE_CMCD_NHEADERS; i++) {
        if (strlen(names[i]) == len
            && strncasecmp(names[i], line->data, len) == 0)
        {
            line->data += len + 1;
            line->len -= len + 1;
            return i;
        }
    }

    return QOE_CMCD_NHEADERS;
}


/*
 * The headers of a request, a line each, as nginx would give them: without the
 * blanks around.  A line that begins with ? is the query.
 */

static inline void
cmcd_headers(cmcd_set_t *s, qoe_span_t lines)
{
    char        *at;
    size_t       n, len;
    uint8_t      name[CMCD_LINES];
    unsigned     header;
    qoe_span_t   line, query, value[CMCD_LINES];
    const char  *end, *p;

    query = qoe_span_null;
    end = lines.data + lines.len;
    n = 0;
    len = 0;

    for (p = lines.data; p <= end; p = line.data + line.len + 1) {
        at = memchr(p, '\n', (size_t) (end - p));
        line = (qoe_span_t) { p, (size_t) ((at ? at : end) - p) };

        if (line.len && line.data[0] == '?') {
            query = (qoe_span_t) { line.data + 1, line.len - 1 };
            continue;
        }

        value[n] = line;
        header = cmcd_header(&value[n]);

        if (header == QOE_CMCD_NHEADERS) {
            continue;
        }

        while (value[n].len && (*value[n].data == ' '
                                || *value[n].data == '\t'))
        {
            value[n].data++;
            value[n].len--;
        }

        while (value[n].len
               && value[n].data[value[n].len - 1] == ' ')
        {
            value[n].len--;
        }

        len += value[n].len + 1;
        name[n++] = (uint8_t) header;
    }

    if (n == 0) {
        cmcd_query(s, query);
        return;
    }

    s->in = NULL;
    s->buf = malloc(len);
    s->status = qoe_cmcd_headers(&s->c, value, name, n, s->buf);
}


/* The JSON of a set as a value, or NULL if it is none. */

static inline json_t *
cmcd_json(const qoe_cmcd_t *c)
{
    json_t     *json;
    qoe_buf_t   b;

    qoe_buf_init(&b, &qoe_mem_heap, 1 << 24);
    qoe_cmcd_json(&b, c);

    json = b.status == QOE_OK
           ? json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL,
                        NULL)
           : NULL;
    qoe_buf_free(&b);

    return json;
}


/* Equal as JSON values; 1 equals 1.0, which jansson takes for different. */

static inline bool
cmcd_same(json_t *a, json_t *b)
{
    size_t       i;
    json_t      *value;
    const char  *key;

    if (json_is_number(a) && json_is_number(b)) {
        return fabs(json_number_value(a) - json_number_value(b)) < 1e-9;
    }

    if (json_is_array(a) && json_is_array(b)) {
        if (json_array_size(a) != json_array_size(b)) {
            return false;
        }

        json_array_foreach(a, i, value) {
            if (!cmcd_same(value, json_array_get(b, i))) {
                return false;
            }
        }

        return true;
    }

    if (json_is_object(a) && json_is_object(b)) {
        if (json_object_size(a) != json_object_size(b)) {
            return false;
        }

        json_object_foreach(a, key, value) {
            if (!cmcd_same(value, json_object_get(b, key))) {
                return false;
            }
        }

        return true;
    }

    return json_equal(a, b);
}


#endif /* _CMCD_SUPPORT_H_INCLUDED_ */
