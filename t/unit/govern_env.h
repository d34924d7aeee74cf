
/*
 * Copyright (C) OpenQoE
 *
 * What the tests of governance share.
 */


#ifndef _GOVERN_ENV_H_INCLUDED_
#define _GOVERN_ENV_H_INCLUDED_


#include "tap.h"
#include "qoe_govern_layout.h"

#include <sys/mman.h>


#define MB                 ((size_t) 1024 * 1024)
#define SIZE               (10 * MB)         /* of a zone of 64 MB */
#define NOW                1700000000u
#define DAY                86400u


static const qoe_hash_key_t  key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };


static inline qoe_govern_t *
region(size_t size)
{
    void  *mem;

    mem = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (mem == MAP_FAILED) {
        abort();
    }

    qoe_govern_create(mem, size, &key);

    return mem;
}


/* A custom dimension of its own name. */

static inline size_t
custom(qoe_dimensions_t *d, const char *name, qoe_action_t action,
    uint32_t max)
{
    d->dim[d->n] = d->dim[QOE_DIM_ENV];
    d->dim[d->n].name = qoe_span_str(name);
    d->dim[d->n].action = action;
    d->dim[d->n].max = max;

    return d->n++;
}


static inline bool
gives(qoe_governor_t *gv, size_t dim, const char *value, const char *text)
{
    char        buf[QOE_GOVERN_BUF];
    qoe_span_t  s;

    s = qoe_govern(gv, dim, qoe_span_str(value), NOW, buf);

    if (text == NULL) {
        return s.data == NULL;
    }

    return qoe_span_eq(s, qoe_span_str(text));
}


/* Three sessions show the value, at three seconds from at on. */

static inline bool
make_known(qoe_governor_t *gv, size_t dim, const char *value, uint32_t at)
{
    char        buf[QOE_GOVERN_BUF];
    bool        shown;
    uint32_t    i;
    qoe_span_t  s;

    for (i = 0, shown = true; i < 3; i++) {
        qoe_govern_from(gv, 1000 + i, at + i, false);
        s = qoe_govern(gv, dim, qoe_span_str(value), at + i, buf);
        shown = shown && qoe_span_eq(s, qoe_span_str(value));
    }

    return shown;
}


static inline qoe_govern_info_t
info(const qoe_governor_t *gv, size_t dim)
{
    qoe_govern_info_t  i;

    qoe_govern_info(gv, dim, &i);

    return i;
}


/* The decimal text of i; all values of a test share its memory. */

static inline qoe_span_t
number(char buf[16], uint32_t i)
{
    return (qoe_span_t) { buf, (size_t) snprintf(buf, 16, "v%u", i) };
}


/*
 * The estimate of the pair of an org and "player"; org NULL: of pairs without
 * a sketch; -1: there is none.
 */

static inline double
viewers(qoe_governor_t *gv, const char *org, uint32_t now_s, size_t *pairs)
{
    bool        overflow;
    char        buf[QOE_GOVERN_BUF];
    double      v, found;
    size_t      i;
    qoe_span_t  o, p;

    found = -1;
    *pairs = 0;

    for (i = 0; qoe_govern_viewers(gv, i, now_s, &o, &p, &overflow, &v, buf);
         i++)
    {
        *pairs += (o.len != 0);

        if (overflow ? org == NULL
            : org && qoe_span_eq(o, qoe_span_str(org))
              && qoe_span_eq(p, qoe_span("player")))
        {
            found = v;
        }
    }

    return found;
}


#endif /* _GOVERN_ENV_H_INCLUDED_ */
