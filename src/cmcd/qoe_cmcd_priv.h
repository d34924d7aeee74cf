
/*
 * Copyright (C) OpenQoE
 *
 * What the files of the decoder share: values of structured fields (RFC 8941)
 * and the state of one set in the making.
 */


#ifndef _QOE_CMCD_PRIV_H_INCLUDED_
#define _QOE_CMCD_PRIV_H_INCLUDED_


#include "qoe_cmcd.h"


typedef enum {
    QOE_FIELD_INTEGER = 0,
    QOE_FIELD_DECIMAL,
    QOE_FIELD_STRING,
    QOE_FIELD_TOKEN,
    QOE_FIELD_BYTES,
    QOE_FIELD_BOOLEAN,
    QOE_FIELD_LIST
} qoe_field_type_t;


/*
 * A value with what its parameters say.  text is a string without its escapes,
 * or the bytes of a token or a number as they were sent.
 */

typedef struct {
    qoe_field_type_t   type;
    bool               flag;     /* BOOLEAN */
    double             number;   /* INTEGER, DECIMAL */
    qoe_span_t         text;
    qoe_cmcd_ot_t      ot;
    qoe_span_t         range;    /* the parameter r if it is a string */
} qoe_field_t;


/*
 * The bytes p to end are changed in place: escapes of strings are taken out.
 * fault[key] is why the last member of the key is, or some of its items are,
 * left out; it is counted at the end, for a later member replaces it.
 */

typedef struct {
    qoe_cmcd_t        *c;
    char              *p;
    char              *end;
    bool               report;   /* keys of event mode are allowed */
    uint64_t           faulty;   /* a bit for each key that has a fault */
    uint8_t            fault[QOE_CMCD_NKEYS];
} qoe_cmcd_parser_t;


/* Skips blanks and tabs. */

static inline void
qoe_field_blanks(qoe_cmcd_parser_t *p)
{
    while (p->p < p->end && (*p->p == ' ' || *p->p == '\t')) {
        p->p++;
    }
}


/* Adds the members of the dictionary p->p to p->end to the set. */
void qoe_cmcd_parse(qoe_cmcd_parser_t *p);

/*
 * The structured fields themselves: false if the bytes are none, with p->p
 * where a member may be looked for.
 */
bool qoe_field_key(qoe_cmcd_parser_t *p, qoe_span_t *name);
bool qoe_field_item(qoe_cmcd_parser_t *p, qoe_field_t *value);
bool qoe_field_parameters_read(qoe_cmcd_parser_t *p, qoe_field_t *value);


/* Few values have parameters. */

static inline bool
qoe_field_parameters(qoe_cmcd_parser_t *p, qoe_field_t *value)
{
    value->ot = QOE_CMCD_OT_NONE;
    value->range = qoe_span_null;

    return p->p >= p->end || *p->p != ';'
           || qoe_field_parameters_read(p, value);
}


/*
 * A member of a list, before it is known whether its list has an end: put it
 * after the first n items that the list has; n grows if the value fits.
 */
void qoe_cmcd_list_item(qoe_cmcd_parser_t *p, qoe_cmcd_key_t key, size_t *n,
    const qoe_field_t *value, uint8_t *fault);

/*
 * A member that is well-formed takes the place of earlier ones of its key.  Of
 * a list, n items have been put after those of the set.
 */
void qoe_cmcd_member(qoe_cmcd_parser_t *p, qoe_cmcd_key_t key,
    const qoe_field_t *value, size_t n, uint8_t fault);
void qoe_cmcd_custom_member(qoe_cmcd_parser_t *p, qoe_span_t name,
    const qoe_field_t *value);


typedef struct {
    char               name[QOE_CMCD_NAME_MAX];  /* the rest is 0 */
    uint8_t            type;
    bool               event;
    uint16_t           max;
} qoe_cmcd_info_t;

extern const qoe_cmcd_info_t  qoe_cmcd_info[QOE_CMCD_NKEYS];

/* The number of a token in the enumeration of its key, or 0. */
unsigned qoe_cmcd_token_find(qoe_cmcd_key_t key, qoe_span_t text);

#define qoe_cmcd_ot_find(text)                                                \
    ((qoe_cmcd_ot_t) qoe_cmcd_token_find(QOE_CMCD_OT, text))


#endif /* _QOE_CMCD_PRIV_H_INCLUDED_ */
