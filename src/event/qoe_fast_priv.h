
/*
 * Copyright (C) OpenQoE
 *
 * What the files of the single-pass decoder share: its tables, its state and
 * its keys.
 *
 * A reader takes the place where its token starts, and returns the place after
 * the token, or NULL to decline.  The text ends with the last '}' of the body,
 * so a byte can be read after any token that does not end in a '}'; a reader
 * that takes a '}' checks whether it was the last one.
 */


#ifndef _QOE_FAST_PRIV_H_INCLUDED_
#define _QOE_FAST_PRIV_H_INCLUDED_


#include "qoe_decode_priv.h"
#include "qoe_data.h"
#include "qoe_number.h"
#include "qoe_schema.h"

#include <math.h>


/* Room for the keys of the body's object and those of an event. */
#define QOE_FAST_KEYS      (QOE_KEYS_MAX * 2)

/* An object with more keys than this finds duplicates by their hash. */
#define QOE_FAST_KEYS_FEW  32
#define QOE_FAST_HEADS     512

/* More than the known keys of any event; checked in qoe_fast_table.c. */
#define QOE_FAST_KEYS_KNOWN  128

#define QOE_FAST_DIGITS    19        /* digits that fit into 64 bits */
#define QOE_FAST_EXPONENT  100000000 /* more than any number has digits */

/* Closer to the end than this, text is read byte by byte. */
#define QOE_FAST_MARGIN    32

/* Sharing takes at least this many equal bytes. */
#define QOE_FAST_SHARE     64

#define QOE_FAST_BYTES(c)  ((uint64_t) (c) * 0x0101010101010101)

/* The expected length of an event, for the first size of the array. */
#define QOE_FAST_EVENT     1024

#define QOE_FAST_BITS      7
#define QOE_FAST_BUCKETS   ((size_t) 1 << QOE_FAST_BITS)
#define QOE_FAST_NONE      UINT8_MAX


/*
 * What the value of a known key must be: a qoe_value_kind_t, or one of these.
 */

typedef enum {
    QOE_FAST_TYPE = QOE_KIND_STRING_LIST + 1,
    QOE_FAST_TIME,
    QOE_FAST_DATA,
    QOE_FAST_GROUP,
    QOE_FAST_ROW_NUMBER,         /* data: a single row, a number, no sub-key */
    QOE_FAST_ROWS_ANY
} qoe_fast_kind_t;


/* A key with its first and its last eight bytes, and a hash of these. */

typedef struct {
    qoe_span_t         text;
    uint64_t           first;
    uint64_t           last;
    uint64_t           hash;
    size_t             before;       /* previous one in its chain; 0: none */
} qoe_fast_key_t;


/*
 * A known name.  text is "\"name\":" under mask, and is compared as two words
 * where that name is expected.  A longer name has no text that can match.
 */

typedef struct {
    uint64_t           text[2];
    uint64_t           mask[2];
    qoe_fast_key_t     key;
    uint64_t           bit;          /* its bit in the table */
    size_t             len_min;      /* shortest string allowed */
    size_t             len_more;     /* longest string, less len_min */
    uint32_t           other;        /* a bit for each byte not in text */
    uint8_t            size;         /* length of text */
    uint8_t            kind;
    uint8_t            id;           /* of the field or the group */
    uint8_t            next;         /* index in qoe_fast_t.next */
    uint8_t            index;        /* index in its table */
    uint8_t            first;        /* the fields that its value sets, from */
    uint8_t            end;          /* first to end; none if they are equal */

    const qoe_data_key_t  *rows;     /* the rows of a key of data */
} qoe_fast_name_t;


typedef struct {
    qoe_fast_name_t   *name;
    size_t             n;
    size_t             next;         /* index in qoe_fast_t.next */
    uint64_t           required;     /* bits of the required names */
    uint8_t            bucket[QOE_FAST_BUCKETS];
} qoe_fast_table_t;


/* The tables of names: a table for each group of fields, then these. */

#define QOE_FAST_TOP       QOE_SCHEMA_GROUPS
#define QOE_FAST_TYPES     (QOE_SCHEMA_GROUPS + 1)
#define QOE_FAST_ROWS      (QOE_SCHEMA_GROUPS + 2)
#define QOE_FAST_TABLES    (QOE_SCHEMA_GROUPS + 3)

#define QOE_FAST_NAMES     (QOE_FIELDS + 3 + QOE_SCHEMA_GROUPS               \
                            + QOE_EVENT_CUSTOM + QOE_DATA_ROWS)
#define QOE_FAST_TOP_MAX   (QOE_SCHEMA_TOP_END + 3 + QOE_SCHEMA_GROUPS + 1)
#define QOE_FAST_NEXT      (QOE_FIELDS + 3 + QOE_SCHEMA_GROUPS * 2 + 1)


/* A valid string as it stands in the body, with its escapes. */

typedef struct {
    const char        *data;
    size_t             len;
    bool               escaped;
} qoe_fast_text_t;


/* A value of any kind; its type is NONE for null, an object or a list. */

typedef struct {
    qoe_value_t        value;
    bool               escaped;      /* a string whose escapes remain */
} qoe_fast_value_t;


/*
 * A member of an event: where it begins, and the counters before it.  name is
 * NULL if the member sets anything but fields, so that it cannot be shared.
 */

typedef struct {
    const char             *start;
    const qoe_fast_name_t  *name;
    size_t                  unknown;
    size_t                  containers;
    size_t                  commas;
} qoe_fast_mark_t;


/* The members that were shared last; first == NULL if there are none. */

typedef struct {
    const qoe_fast_mark_t  *first;
    const qoe_fast_mark_t  *end;
    uint64_t                names;
} qoe_fast_run_t;


typedef struct {
    size_t             n;
    size_t             event;        /* its index in the batch */
    qoe_fast_run_t     run;
    uint8_t            at[QOE_FAST_TOP_MAX];     /* by qoe_fast_name_t.index */
    qoe_fast_mark_t    mark[QOE_FAST_TOP_MAX * 2];
} qoe_fast_marks_t;


/* What is wrong with an event; several faults are reported in this order. */

typedef enum {
    QOE_FAULT_OBJECT = 0,
    QOE_FAULT_SIZE,
    QOE_FAULT_KEYS,
    QOE_FAULT_HALF,
    QOE_FAULT_TYPE,
    QOE_FAULT_TIME,
    QOE_FAULT_GROUP,                 /* the first group */
    QOE_FAULT_FIELD = QOE_FAULT_GROUP + QOE_SCHEMA_GROUPS,
    QOE_FAULT_DATA = QOE_FAULT_FIELD + QOE_FIELDS,
    QOE_FAULT_NONE
} qoe_fast_fault_t;


/* The counters of the walk, saved before an event. */

typedef struct {
    size_t             unknown;
    size_t             containers;
    size_t             commas;
    size_t             nkeys;
    size_t             nevents;
} qoe_fast_counts_t;


typedef struct {
    const char        *end;
    const char        *safe;         /* QOE_FAST_MARGIN before the end */
    qoe_event_t       *ev;           /* the event being read */
    qoe_arena_t       *arena;
    const char        *data;         /* the event's data, or NULL */
    const char        *data_end;
    size_t             unknown;
    size_t             containers;
    size_t             commas;       /* an upper limit: qoe_fast_members() */
    size_t             nkeys;
    double             time_min;
    double             time_max;
    qoe_event_t       *events;
    size_t             nevents;
    size_t             room;         /* events that the array can hold */
    const char        *array;        /* where the first event begins */
    size_t             clear;        /* bytes of an event to clear */
    qoe_fast_marks_t  *now;          /* of this event; NULL: not recorded */
    qoe_fast_marks_t  *before;       /* of the event to compare with */

    size_t             keys;         /* keys of the event so far, or of the
                                        body outside of events; an upper
                                        limit until the event is read again */
    size_t             unknown_body; /* keys of the body except "events" */
    size_t             total;        /* elements of "events" */
    size_t             nerrors;
    const char        *shape;        /* what is wrong with "events" */
    const char        *broken_at;    /* innermost place that is not JSON */
    qoe_broken_t       broken;
    bool               no_object;    /* the body is JSON, but not an object */
    bool               cut;          /* the last '}' was added to the body */
    qoe_decode_error_t  *errors;     /* the errors of the batch */
    qoe_fast_fault_t   fault;        /* of this event, the first one */
    size_t             nfaults;      /* of this event, as far as there is room:
                                        faults[] and, after nerrors, errors[] */
    bool               lenient;      /* do not fail for too many keys */
    bool               half;         /* a surrogate is unpaired */
    bool               half_body;    /* the same outside of the events */
    size_t             nchained;     /* keys of an object that are chained */
    const char        *chained;      /* the first key of that object */
    const char        *hashed;       /* the key that hashed_head belongs to */
    size_t             hashed_head;

    const qoe_decode_conf_t  *conf;
    const qoe_fast_table_t   *tables;

    /* by table and name: the name that followed this name last time */

    const qoe_fast_name_t    *next[QOE_FAST_NEXT];

    uint8_t            ranks[QOE_DATA_NUMBERS];
    qoe_fast_marks_t   marks[2];     /* of this event and of an earlier one */
    qoe_fast_fault_t   faults[QOE_DECODE_ERRORS_MAX];
    uint16_t           head[QOE_FAST_HEADS];
    qoe_fast_key_t     key[QOE_FAST_KEYS];
} qoe_fast_t;


/*
 * Called for each member of an object; the walk declines if it returns false.
 */

typedef struct qoe_fast_hook_s  qoe_fast_hook_t;

struct qoe_fast_hook_s {
    bool            (*member)(qoe_fast_t *f, qoe_fast_hook_t *hook,
                        qoe_span_t key, qoe_fast_value_t *v);
};


/* Functions of qoe_fast_table.c. */

const qoe_fast_table_t *qoe_fast_tables(void);
void qoe_fast_expect(qoe_fast_t *f);
bool qoe_fast_key_twice(qoe_fast_t *f, size_t first,
    const qoe_fast_key_t *key);
bool qoe_fast_type(qoe_fast_t *f, qoe_span_t name);

/* Functions of qoe_fast_share.c. */

void qoe_fast_marks_begin(qoe_fast_t *f, const char *p);
void qoe_fast_marks_end(qoe_fast_t *f);
const qoe_fast_mark_t *qoe_fast_share(qoe_fast_t *f, const char *p, size_t n,
    const qoe_fast_mark_t *m, uint64_t *names);

/* Functions of qoe_fast_text.c. */

const char *qoe_fast_escape(qoe_fast_t *f, const char *p);
const char *qoe_fast_utf8(const char *p, const char *end);
const char *qoe_fast_plain_end(const char *p, const char *end);
bool qoe_fast_unescape(qoe_fast_t *f, qoe_span_t *text);
const char *qoe_fast_space(const char *p);

/*
 * The character of the escape "\u" at p, or of a pair of such escapes; *next is
 * the place after it.  Returns the surrogate itself if it is unpaired, and -1
 * if the escape is not valid or means NUL.
 */
int32_t qoe_fast_unicode(const char *p, const char *end, const char **next);
const char *qoe_fast_number_rest(const qoe_fast_t *f, const char *start,
    const char *p, uint64_t digits, size_t len, size_t whole, double *n);

/*
 * The number that is written from start to end with len digits, whole of them
 * before the point, and an exponent.  digits is their value, valid if len is at
 * most QOE_FAST_DIGITS.  Returns false if the number is infinite, or if there
 * is no memory for its digits; in that case *n is not changed.
 */
bool qoe_fast_number_make(qoe_arena_t *arena, const char *start,
    const char *end, int exp, uint64_t digits, size_t len, size_t whole,
    double *n);

/* Functions of qoe_fast_value.c. */

/* The bytes of a step of the scanner that was compiled. */
extern const size_t  qoe_fast_step;

const char *qoe_fast_quote_far(const char *p, const char *safe)
    __attribute__((noinline));
const char *qoe_fast_string_rest(qoe_fast_t *f, const char *p,
    qoe_fast_text_t *text) __attribute__((noinline));
const char *qoe_fast_number_long(const qoe_fast_t *f, const char *p, double *n)
    __attribute__((noinline));
bool qoe_fast_key_escaped(qoe_fast_t *f, const qoe_fast_text_t *text,
    qoe_fast_key_t *key);
const char *qoe_fast_broken_key(qoe_fast_t *f, const char *p,
    const qoe_fast_table_t *t, uint64_t names, size_t first, uint64_t seen);
const char *qoe_fast_value(qoe_fast_t *f, const char *p, size_t depth,
    qoe_fast_value_t *v);
const char *qoe_fast_object(qoe_fast_t *f, const char *p, size_t depth,
    qoe_fast_hook_t *hook);
const char *qoe_fast_list(qoe_fast_t *f, const char *p, size_t depth,
    qoe_value_type_t type);

/* Functions of qoe_fast_data.c, qoe_fast_event.c and qoe_fast_again.c. */

const char *qoe_fast_data(qoe_fast_t *f, const char *p, size_t depth);
const char *qoe_fast_event(qoe_fast_t *f, const char *start, size_t depth);
const char *qoe_fast_again(qoe_fast_t *f, const char *start, size_t depth,
    const qoe_fast_counts_t *counts);

/* Functions of qoe_fast_fault.c. */

void qoe_fast_faults_begin(qoe_fast_t *f, const qoe_fast_counts_t *counts);
void qoe_fast_faults_end(qoe_fast_t *f, qoe_span_t text,
    const qoe_fast_counts_t *counts);
void qoe_fast_fault(qoe_fast_t *f, qoe_fast_fault_t fault, const char *parent,
    const char *key, const char *reason);
void qoe_fast_missing(qoe_fast_t *f, const qoe_fast_table_t *t,
    uint64_t given);
bool qoe_fast_judge(qoe_fast_t *f, const qoe_fast_name_t *name,
    qoe_fast_value_t *v);

/* Functions of qoe_fast.c. */

const char *qoe_fast_broken(qoe_fast_t *f, const char *p,
    qoe_broken_t broken);
const char *qoe_fast_broken_after(qoe_fast_t *f, const char *p,
    const char *end, qoe_broken_t broken);
bool qoe_fast_sizes(const qoe_fast_t *f);
bool qoe_fast_slot(qoe_fast_t *f, const char *p);


static inline uint64_t
qoe_fast_load(const char *p)
{
    uint64_t  w;

    memcpy(&w, p, sizeof(w));

    return w;
}


/* Loads eight bytes with the first one in the lowest bits. */

static inline uint64_t
qoe_fast_load_little(const char *p)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(qoe_fast_load(p));
#else
    return qoe_fast_load(p);
#endif
}


/* Prepares a key for look-ups; the text may be read up to end. */

static inline void
qoe_fast_hash(qoe_fast_key_t *key, const char *p, size_t len, const char *end)
{
    key->text = (qoe_span_t) { p, len };
    key->last = 0;

    if (len >= sizeof(uint64_t)) {
        key->first = qoe_fast_load(p);
        key->last = qoe_fast_load(p + len - sizeof(uint64_t));

    } else if (len != 0 && end - p >= (ptrdiff_t) sizeof(uint64_t)) {
        key->first = qoe_fast_load_little(p)
                     & (~(uint64_t) 0 >> (64 - 8 * len));

    } else {
        char  text[sizeof(uint64_t)] = { 0 };

        memcpy(text, p, len);
        key->first = qoe_fast_load_little(text);
    }

    key->hash = (key->first ^ (key->last << 29 | key->last >> 35) ^ len)
                * 0x9e3779b97f4a7c15;
}


static inline bool
qoe_fast_same(const qoe_fast_key_t *a, const qoe_fast_key_t *b)
{
    return a->text.len == b->text.len && a->first == b->first
           && a->last == b->last
           && (a->text.len <= 16
               || memcmp(a->text.data, b->text.data, a->text.len) == 0);
}


static inline const qoe_fast_name_t *
qoe_fast_find(const qoe_fast_table_t *t, const qoe_fast_key_t *key)
{
    size_t   i;
    uint8_t  n;

    i = key->hash >> (64 - QOE_FAST_BITS);

    while ((n = t->bucket[i]) != QOE_FAST_NONE) {

        if (qoe_fast_same(key, &t->name[n].key)) {
            return &t->name[n];
        }

        i = (i + 1) % QOE_FAST_BUCKETS;
    }

    return NULL;
}


/*
 * Adds a key to the object whose keys begin at first; *seen has a bit for each
 * value of six bits of the hash.  Returns false if the object has the key
 * already, or if there are too many keys.
 */

static inline bool
qoe_fast_key(qoe_fast_t *f, size_t first, uint64_t *seen,
    const qoe_fast_key_t *key)
{
    uint64_t  bit;

    bit = (uint64_t) 1 << (key->hash >> 58);

    if (f->keys > QOE_KEYS_MAX) {
        return f->lenient;
    }

    if ((*seen & bit) != 0 && qoe_fast_key_twice(f, first, key)) {
        return false;
    }

    *seen |= bit;
    f->key[f->nkeys++] = *key;

    return true;
}


#endif /* _QOE_FAST_PRIV_H_INCLUDED_ */
