
/*
 * Copyright (C) OpenQoE
 *
 * The names that the single-pass decoder knows, built from the tables of the
 * schema before the first body is decoded, and constant from then on.
 */


#include "qoe_fast_priv.h"
#include "qoe_hash.h"
#include "qoe_uuid.h"

#include <pthread.h>


static void qoe_fast_chain(qoe_fast_t *f, size_t first);
static void qoe_fast_prepare(void);
static void qoe_fast_begin(qoe_fast_table_t *t);
static void qoe_fast_add(qoe_fast_table_t *t, qoe_span_t name, unsigned kind,
    size_t id);
static void qoe_fast_add_fields(qoe_fast_table_t *t, size_t first, size_t end);
static size_t qoe_fast_order(qoe_fast_table_t *t, size_t next);


static qoe_fast_name_t   qoe_fast_name[QOE_FAST_NAMES];
static qoe_fast_table_t  qoe_fast_table[QOE_FAST_TABLES];
static size_t            qoe_fast_nnames;

static const qoe_fast_name_t  *qoe_fast_next[QOE_FAST_NEXT];
static pthread_once_t    qoe_fast_once = PTHREAD_ONCE_INIT;
static qoe_hash_key_t    qoe_fast_secret;


_Static_assert(QOE_FIELDS <= 64
               && QOE_SCHEMA_TOP_END + 3 + QOE_SCHEMA_GROUPS <= 64,
               "qoe_fast_members() has a bit a name of a table");
_Static_assert(QOE_FIELDS < QOE_FAST_BUCKETS
               && QOE_EVENT_CUSTOM < QOE_FAST_BUCKETS
               && QOE_DATA_ROWS < QOE_FAST_BUCKETS,
               "there is an empty bucket in every table");
_Static_assert(QOE_FAST_NEXT <= UINT8_MAX, "qoe_fast_name_t.next has a byte");
_Static_assert(QOE_FAST_KEYS < UINT16_MAX, "qoe_fast_t.head has 16 bits");
_Static_assert(QOE_FIELDS + 3 + QOE_SCHEMA_GROUPS < QOE_FAST_KEYS_KNOWN,
               "no event has as many known keys");


/*
 * The chain of a key.  The hash in the key is public and ignores the middle of
 * long keys: a client that chooses keys by it could make a chain of 1,000, and
 * 1 MB of them would cost 170 ms.  So the chains use a hash with a secret of
 * this process.  A key is looked up first and put into its chain during the
 * look-up of the next one, so the last result is kept.
 */

static inline size_t
qoe_fast_head(qoe_fast_t *f, const qoe_fast_key_t *key)
{
    if (f->hashed != key->text.data) {
        f->hashed = key->text.data;
        f->hashed_head = qoe_hash(&qoe_fast_secret, key->text.data,
                                  key->text.len)
                         & (QOE_FAST_HEADS - 1);
    }

    return f->hashed_head;
}


const qoe_fast_table_t *
qoe_fast_tables(void)
{
    (void) pthread_once(&qoe_fast_once, qoe_fast_prepare);

    return qoe_fast_table;
}


/*
 * Expects the names in the order of the tables, until events show another
 * order.
 */

void
qoe_fast_expect(qoe_fast_t *f)
{
    memcpy(f->next, qoe_fast_next, sizeof(qoe_fast_next));
}


bool
qoe_fast_type(qoe_fast_t *f, qoe_span_t name)
{
    qoe_event_t              *ev;
    qoe_fast_key_t            key;
    const qoe_fast_name_t    *known;
    const qoe_decode_conf_t  *conf;

    ev = f->ev;
    conf = f->conf;
    ev->type_name = name;

    qoe_fast_hash(&key, name.data, name.len, name.data + name.len);
    known = qoe_fast_find(&qoe_fast_table[QOE_FAST_TYPES], &key);

    if (known != NULL) {
        ev->type = (qoe_event_type_t) known->id;
        ev->severity = (qoe_severity_t) known->kind;
        return true;
    }

    return qoe_event_type_find(name, conf->types, conf->ntypes, &ev->type,
                               &ev->severity)
           == QOE_OK;
}


/* Is the key equal to one of the keys from first on? */

bool
qoe_fast_key_twice(qoe_fast_t *f, size_t first, const qoe_fast_key_t *key)
{
    size_t  i;

    if (f->nkeys - first > QOE_FAST_KEYS_FEW) {
        qoe_fast_chain(f, first);

        i = f->head[qoe_fast_head(f, key)];

        while (i != 0 && !qoe_fast_same(&f->key[i - 1], key)) {
            i = f->key[i - 1].before;
        }

        return i != 0;
    }

    for (i = first; i < f->nkeys; i++) {
        if (qoe_fast_same(&f->key[i], key)) {
            return true;
        }
    }

    return false;
}


/*
 * Chains the keys of the innermost object, which begin at first.  Only one
 * object is chained at a time: the keys of an enclosing object must be chained
 * again, which is rare because an event has at most QOE_KEYS_MAX keys.
 */

static void
qoe_fast_chain(qoe_fast_t *f, size_t first)
{
    uint16_t        *head;
    qoe_fast_key_t  *key;

    if (f->chained != f->key[first].text.data || f->nchained > f->nkeys) {
        memset(f->head, 0, sizeof(f->head));
        f->chained = f->key[first].text.data;
        f->nchained = first;
    }

    for ( /* void */ ; f->nchained < f->nkeys; f->nchained++) {
        key = &f->key[f->nchained];
        head = &f->head[qoe_fast_head(f, key)];
        key->before = *head;
        *head = (uint16_t) (f->nchained + 1);
    }
}


static void
qoe_fast_prepare(void)
{
    bool                       simple;
    size_t                     i, n, next;
    qoe_span_t                 name;
    qoe_event_type_t           type;
    qoe_severity_t             severity;
    qoe_fast_table_t          *top, *types, *data;
    const qoe_data_key_t      *rows;
    const qoe_data_row_t      *row;
    const qoe_schema_group_t  *group;

    /* if the kernel has no random bytes, the secret stays zero */

    (void) qoe_random(&qoe_fast_secret, sizeof(qoe_fast_secret));

    for (i = 0; i < QOE_SCHEMA_GROUPS; i++) {
        group = &qoe_schema_groups[i];
        qoe_fast_begin(&qoe_fast_table[i]);
        qoe_fast_add_fields(&qoe_fast_table[i], group->first, group->end);
    }

    top = &qoe_fast_table[QOE_FAST_TOP];
    qoe_fast_begin(top);
    qoe_fast_add(top, qoe_span("event_type"), QOE_FAST_TYPE, 0);
    qoe_fast_add(top, qoe_span("event_time"), QOE_FAST_TIME, 0);
    qoe_fast_add_fields(top, 0, QOE_SCHEMA_TOP_END);

    for (i = 0; i < QOE_SCHEMA_GROUPS; i++) {
        group = &qoe_schema_groups[i];
        qoe_fast_add(top, group->key, QOE_FAST_GROUP, i);
        top->name[top->n - 1].first = (uint8_t) group->first;
        top->name[top->n - 1].end = (uint8_t) group->end;
    }

    qoe_fast_add(top, qoe_span("data"), QOE_FAST_DATA, 0);

    types = &qoe_fast_table[QOE_FAST_TYPES];
    qoe_fast_begin(types);

    for (i = 0; i < QOE_EVENT_CUSTOM; i++) {
        name = qoe_event_type_name((qoe_event_type_t) i);

        if (qoe_event_type_find(name, NULL, 0, &type, &severity) == QOE_OK) {
            qoe_fast_add(types, name, severity, type);
        }
    }

    data = &qoe_fast_table[QOE_FAST_ROWS];
    qoe_fast_begin(data);
    qoe_data_init();
    rows = qoe_data_keys(&n);

    for (i = 0; i < n; i++) {
        row = rows[i].first;
        simple = (row + 1 == rows[i].end && row->sub.len == 0 && !row->text);

        qoe_fast_add(data, rows[i].key,
                     simple ? QOE_FAST_ROW_NUMBER : QOE_FAST_ROWS_ANY, 0);
        data->name[i].rows = &rows[i];
    }

    next = 0;

    for (i = 0; i <= QOE_FAST_TOP; i++) {
        next = qoe_fast_order(&qoe_fast_table[i], next);
    }
}


static void
qoe_fast_begin(qoe_fast_table_t *t)
{
    t->name = &qoe_fast_name[qoe_fast_nnames];
    t->n = 0;
    t->required = 0;

    memset(t->bucket, QOE_FAST_NONE, sizeof(t->bucket));
}


static void
qoe_fast_add(qoe_fast_table_t *t, qoe_span_t name, unsigned kind, size_t id)
{
    char              text[sizeof(t->name->text)];
    size_t            i;
    qoe_fast_name_t  *n;

    n = &t->name[t->n];
    n->kind = (uint8_t) kind;
    n->id = (uint8_t) id;
    n->index = (uint8_t) t->n;
    n->first = (uint8_t) id;
    n->end = (uint8_t) (id + (kind <= QOE_KIND_STRING_LIST));
    n->bit = (t->n < 64) ? (uint64_t) 1 << t->n : 0;
    n->len_min = (kind == QOE_KIND_ID);
    n->len_more = (kind == QOE_KIND_ID) ? QOE_ID_MAX - 1 : SIZE_MAX;

    /* makes the text match nothing */

    memset(n->text, 0, sizeof(n->text));
    memset(n->mask, 0xff, sizeof(n->mask));
    n->other = 0;

    if (name.len + 3 <= sizeof(text)) {
        memset(text, 0, sizeof(text));
        memset(n->mask, 0, sizeof(n->mask));

        text[0] = '"';
        memcpy(text + 1, name.data, name.len);
        memcpy(text + 1 + name.len, "\":", 2);

        n->size = (uint8_t) (name.len + 3);
        memcpy(n->text, text, sizeof(text));
        memset(n->mask, 0xff, n->size);
        n->other = (~(uint32_t) 0 << n->size) & 0xffff;
    }

    if (kind == QOE_KIND_ID || kind == QOE_FAST_TYPE || kind == QOE_FAST_TIME) {
        t->required |= n->bit;
    }

    qoe_fast_hash(&n->key, name.data, name.len, name.data + name.len);
    i = n->key.hash >> (64 - QOE_FAST_BITS);

    while (t->bucket[i] != QOE_FAST_NONE) {
        i = (i + 1) % QOE_FAST_BUCKETS;
    }

    t->bucket[i] = (uint8_t) t->n++;
    qoe_fast_nnames++;
}


/* Lets each name of a table expect the name after it. */

static size_t
qoe_fast_order(qoe_fast_table_t *t, size_t next)
{
    size_t  i;

    t->next = next;

    for (i = 0; i < t->n; i++) {
        qoe_fast_next[next++] = &t->name[i];
        t->name[i].next = (uint8_t) next;
    }

    qoe_fast_next[next++] = &t->name[0];

    return next;
}


static void
qoe_fast_add_fields(qoe_fast_table_t *t, size_t first, size_t end)
{
    size_t  i;

    for (i = first; i < end; i++) {
        qoe_fast_add(t, qoe_schema_fields[i].key, qoe_schema_fields[i].kind,
                     i);
    }
}
