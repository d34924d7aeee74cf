
/*
 * Copyright (C) OpenQoE
 *
 * The counters are sorted by their counts in an array, order: the index of a
 * counter there is its rank.  Counters with the same count form a group, a run
 * of that array.  To count an occurrence, a counter changes places with the
 * first one of its group and joins the group before, or begins a new one: a few
 * stores, however many counters there are.  The least frequent value is last.
 *
 *   header | counters | order | groups | heads of the hash chains
 *
 * hash, count, error and text of a counter are authoritative; everything else
 * is computed again from them when a writer has died.
 */


#include "qoe_sketch.h"
#include "qoe_words.h"


#define QOE_TOPK_NONE      UINT32_MAX


typedef struct {
    uint64_t             hash;           /* 0: no value */
    uint64_t             count;          /* 0: never used */
    uint64_t             error;
    uint32_t             pos;            /* index in the order */
    uint32_t             group;
    uint32_t             next;           /* in the chain, 1 + index */
    uint32_t             len;
    uint64_t             text[QOE_TOPK_TEXT / 8];
} qoe_topk_counter_t;

typedef struct {
    uint32_t             first;          /* index in the order; of a free
                                            group: the next free one, 1 +
                                            index */
    uint32_t             size;
} qoe_topk_group_t;

struct qoe_topk_s {
    uint32_t             counters;
    uint32_t             used;
    uint32_t             mask;           /* heads - 1 */
    uint32_t             free_group;     /* 1 + index */
    uint64_t             pad[6];
    qoe_topk_counter_t   counter[];
};


static uint32_t qoe_topk_heads(uint32_t counters);
static qoe_topk_group_t *qoe_topk_groups(const qoe_topk_t *t);
static uint32_t *qoe_topk_order(const qoe_topk_t *t);
static uint32_t *qoe_topk_head(const qoe_topk_t *t, uint64_t hash);
static uint32_t qoe_topk_find(const qoe_topk_t *t, uint64_t hash);
static void qoe_topk_link(qoe_topk_t *t, uint32_t i);
static void qoe_topk_unlink(qoe_topk_t *t, uint32_t i);
static uint32_t qoe_topk_take(qoe_topk_t *t, uint64_t hash, qoe_span_t text);
static bool qoe_topk_raise(qoe_topk_t *t, uint32_t i);
static bool qoe_topk_regroup_one(qoe_topk_t *t, qoe_topk_counter_t *c,
    uint32_t first);
static bool qoe_topk_group_leave(qoe_topk_t *t, uint32_t g, uint32_t *fresh);
static void qoe_topk_sort(qoe_topk_t *t);
static void qoe_topk_sift(const qoe_topk_t *t, uint32_t *order, uint32_t i,
    uint32_t n);
static void qoe_topk_regroup(qoe_topk_t *t);


size_t
qoe_topk_size(uint32_t counters)
{
    return qoe_align(sizeof(qoe_topk_t)
                     + (size_t) counters * (sizeof(qoe_topk_counter_t)
                                            + sizeof(uint32_t)
                                            + sizeof(qoe_topk_group_t))
                     + (size_t) qoe_topk_heads(counters) * sizeof(uint32_t),
                     64);
}


void
qoe_topk_create(qoe_topk_t *t, uint32_t counters)
{
    memset(t, 0, qoe_topk_size(counters));

    t->counters = counters;
    t->mask = qoe_topk_heads(counters) - 1;

    qoe_topk_rebuild(t);
}


void
qoe_topk_clear(qoe_topk_t *t)
{
    uint32_t  i;

    for (i = 0; i < t->counters; i++) {
        qoe_poke(&t->counter[i].hash, 0);
        qoe_poke(&t->counter[i].count, 0);
    }

    qoe_topk_rebuild(t);
}


bool
qoe_topk_add(qoe_topk_t *t, uint64_t hash, qoe_span_t text, uint32_t k)
{
    uint32_t  i;

    if (t->counters == 0) {
        return false;
    }

    hash += (hash == 0);
    i = qoe_topk_find(t, hash);

    if (i == QOE_TOPK_NONE) {
        i = qoe_topk_take(t, hash, text);
    }

    if (!qoe_topk_raise(t, i)) {

        /* a dead writer has left broken indexes */

        qoe_topk_rebuild(t);
    }

    /*
     * A new value takes over the smallest counter with its count, and so ranks
     * above its peers for a moment; it counts as frequent only if at least half
     * of the count is its own.
     */

    return t->counter[i].pos < k
           && t->counter[i].error * 2 < t->counter[i].count;
}


size_t
qoe_topk_list(const qoe_topk_t *t, qoe_topk_entry_t *out, size_t n)
{
    size_t                     m, at;
    uint32_t                   i, pos, used, *order;
    qoe_topk_entry_t           e;
    const qoe_topk_counter_t  *c;

    m = 0;
    used = qoe_min(qoe_acquire(&t->used), t->counters);
    order = qoe_topk_order(t);

    for (pos = 0; pos < used && m < n; pos++) {
        i = qoe_peek(&order[pos]);

        if (i >= t->counters) {
            continue;
        }

        c = &t->counter[i];
        e.hash = qoe_acquire(&c->hash);

        if (e.hash == 0) {
            continue;
        }

        e.count = qoe_peek(&c->count);
        e.error = qoe_peek(&c->error);
        e.text.data = (const char *) c->text;
        e.text.len = qoe_min(qoe_acquire(&c->len), (uint32_t) QOE_TOPK_TEXT);

        /* counts may have changed since the order was read */

        for (at = m; at > 0 && out[at - 1].count < e.count; at--) {
            out[at] = out[at - 1];
        }

        out[at] = e;
        m++;
    }

    return m;
}


size_t
qoe_topk_text(const qoe_topk_entry_t *e, char buf[QOE_TOPK_TEXT])
{
    size_t                     len;
    const qoe_topk_counter_t  *c;

    c = (const qoe_topk_counter_t *)
        (e->text.data - offsetof(qoe_topk_counter_t, text));
    len = qoe_min(e->text.len, (size_t) QOE_TOPK_TEXT);

    qoe_words_get(buf, c->text, len);

    return qoe_acquire(&c->hash) == e->hash
           && qoe_acquire(&c->len) == e->text.len ? len : 0;
}


void
qoe_topk_halve(qoe_topk_t *t)
{
    uint32_t             i;
    qoe_topk_counter_t  *c;

    for (i = 0; i < t->counters; i++) {
        c = &t->counter[i];

        qoe_poke(&c->error, c->error / 2);
        qoe_poke(&c->count, c->count - c->count / 2);
    }

    qoe_topk_rebuild(t);
}


void
qoe_topk_rebuild(qoe_topk_t *t)
{
    uint32_t   i, used, rest, *order;

    used = 0;
    rest = t->counters;
    order = qoe_topk_order(t);

    for (i = t->counters; i > 0; i--) {
        if (t->counter[i - 1].count == 0) {
            qoe_poke(&t->counter[i - 1].hash, 0);
            qoe_poke(&order[--rest], i - 1);
        }
    }

    for (i = 0; i < t->counters; i++) {
        if (t->counter[i].count != 0) {
            qoe_poke(&order[used++], i);
        }
    }

    qoe_publish(&t->used, used);

    qoe_topk_sort(t);
    qoe_topk_regroup(t);

    memset(qoe_topk_head(t, 0), 0, ((size_t) t->mask + 1) * sizeof(uint32_t));

    for (i = 0; i < t->counters; i++) {
        if (t->counter[i].hash != 0) {
            qoe_topk_link(t, i);
        }
    }
}


static uint32_t
qoe_topk_heads(uint32_t counters)
{
    uint32_t  n;

    for (n = 16; n < counters; n *= 2) {
        /* void */
    }

    return n;
}


static uint32_t *
qoe_topk_order(const qoe_topk_t *t)
{
    return (uint32_t *) &t->counter[t->counters];
}


static qoe_topk_group_t *
qoe_topk_groups(const qoe_topk_t *t)
{
    return (qoe_topk_group_t *) (qoe_topk_order(t) + t->counters);
}


static uint32_t *
qoe_topk_head(const qoe_topk_t *t, uint64_t hash)
{
    return (uint32_t *) (qoe_topk_groups(t) + t->counters)
           + (hash & t->mask);
}


static uint32_t
qoe_topk_find(const qoe_topk_t *t, uint64_t hash)
{
    uint32_t  i, steps;

    i = *qoe_topk_head(t, hash);

    for (steps = 0; steps < t->counters; steps++) {

        if (i == 0 || i > t->counters) {
            break;
        }

        if (t->counter[i - 1].hash == hash) {
            return i - 1;
        }

        i = t->counter[i - 1].next;
    }

    return QOE_TOPK_NONE;
}


static void
qoe_topk_link(qoe_topk_t *t, uint32_t i)
{
    uint32_t  *head;

    head = qoe_topk_head(t, t->counter[i].hash);
    t->counter[i].next = *head;
    *head = i + 1;
}


static void
qoe_topk_unlink(qoe_topk_t *t, uint32_t i)
{
    uint32_t  *link, steps;

    link = qoe_topk_head(t, t->counter[i].hash);

    for (steps = 0; steps < t->counters; steps++) {

        if (*link == 0 || *link > t->counters) {
            return;
        }

        if (*link == i + 1) {
            *link = t->counter[i].next;
            return;
        }

        link = &t->counter[*link - 1].next;
    }
}


/*
 * Finds a counter for a new value: an unused one, or that of the least frequent
 * value, whose count becomes the new value's error.
 */

static uint32_t
qoe_topk_take(qoe_topk_t *t, uint64_t hash, qoe_span_t text)
{
    uint32_t             i, g, pos, len;
    qoe_topk_group_t    *groups;
    qoe_topk_counter_t  *c;

    pos = qoe_min(t->used, t->counters - 1);
    i = qoe_topk_order(t)[pos];

    if (i >= t->counters) {
        qoe_topk_rebuild(t);
        pos = qoe_min(t->used, t->counters - 1);
        i = qoe_topk_order(t)[pos];
    }

    c = &t->counter[i];
    len = (uint32_t) qoe_min(text.len, (size_t) QOE_TOPK_TEXT);

    qoe_topk_unlink(t, i);

    qoe_poke(&c->hash, 0);
    qoe_words_put(c->text, text.data, len);
    qoe_publish(&c->len, len);
    qoe_poke(&c->error, c->count);
    qoe_publish(&c->hash, hash);

    qoe_topk_link(t, i);

    if (t->used == t->counters) {
        return i;
    }

    /* make a group with count 0, for qoe_topk_raise() */

    groups = qoe_topk_groups(t);
    g = t->free_group - 1;

    if (g < t->counters) {
        t->free_group = groups[g].first;
        groups[g].first = pos;
        groups[g].size = 1;
    }

    c->pos = pos;
    c->group = g;
    qoe_publish(&t->used, t->used + 1);

    return i;
}


/*
 * Counts an occurrence.  Returns false if the indexes are broken; the count
 * itself is right even then.
 */

static bool
qoe_topk_raise(qoe_topk_t *t, uint32_t i)
{
    uint32_t             j, g, first, *order;
    qoe_topk_group_t    *groups;
    qoe_topk_counter_t  *c;

    c = &t->counter[i];
    g = c->group;
    order = qoe_topk_order(t);
    groups = qoe_topk_groups(t);

    qoe_poke(&c->count, c->count + 1);

    if (g >= t->counters || c->pos >= t->counters) {
        return false;
    }

    first = groups[g].first;

    if (first > c->pos || groups[g].size == 0) {
        return false;
    }

    j = order[first];

    if (j >= t->counters) {
        return false;
    }

    qoe_poke(&order[c->pos], j);
    qoe_poke(&order[first], i);
    t->counter[j].pos = c->pos;
    c->pos = first;

    return qoe_topk_regroup_one(t, c, first);
}


/*
 * Moves a counter that is the first of its group, and has just been raised, to
 * the group before if the counts are equal, or else to a group of its own.
 */

static bool
qoe_topk_regroup_one(qoe_topk_t *t, qoe_topk_counter_t *c, uint32_t first)
{
    uint32_t             j, g, fresh;
    qoe_topk_group_t    *groups;
    qoe_topk_counter_t  *before;

    g = c->group;
    groups = qoe_topk_groups(t);

    if (first != 0) {
        j = qoe_topk_order(t)[first - 1];

        if (j >= t->counters) {
            return false;
        }

        before = &t->counter[j];

        if (before->count == c->count) {

            if (before->group >= t->counters) {
                return false;
            }

            groups[before->group].size++;
            c->group = before->group;

            return qoe_topk_group_leave(t, g, NULL);
        }
    }

    if (groups[g].size == 1) {
        return true;
    }

    if (!qoe_topk_group_leave(t, g, &fresh)) {
        return false;
    }

    groups[fresh].first = first;
    groups[fresh].size = 1;
    c->group = fresh;

    return true;
}


/*
 * Removes the first counter from a group; if fresh is not NULL, also takes a
 * free group for it.
 */

static bool
qoe_topk_group_leave(qoe_topk_t *t, uint32_t g, uint32_t *fresh)
{
    qoe_topk_group_t  *groups;

    groups = qoe_topk_groups(t);

    groups[g].first++;
    groups[g].size--;

    if (groups[g].size == 0) {
        groups[g].first = t->free_group;
        t->free_group = g + 1;
    }

    if (fresh == NULL) {
        return true;
    }

    *fresh = t->free_group - 1;

    if (*fresh >= t->counters) {
        return false;
    }

    t->free_group = groups[*fresh].first;

    return true;
}


/*
 * Sorts by heap sort, most frequent first: without memory, and without a bad
 * worst case.
 */

static void
qoe_topk_sort(qoe_topk_t *t)
{
    uint32_t  i, x, *order;

    order = qoe_topk_order(t);

    for (i = t->used / 2; i > 0; i--) {
        qoe_topk_sift(t, order, i - 1, t->used);
    }

    for (i = t->used; i > 1; i--) {
        x = order[0];
        qoe_poke(&order[0], order[i - 1]);
        qoe_poke(&order[i - 1], x);
        qoe_topk_sift(t, order, 0, i - 1);
    }
}


/* Restores the heap, whose root is the least frequent counter. */

static void
qoe_topk_sift(const qoe_topk_t *t, uint32_t *order, uint32_t i, uint32_t n)
{
    uint32_t  x, child;

    x = order[i];

    for ( ;; ) {
        child = 2 * i + 1;

        if (child >= n) {
            break;
        }

        if (child + 1 < n
            && t->counter[order[child + 1]].count
               < t->counter[order[child]].count)
        {
            child++;
        }

        if (t->counter[x].count <= t->counter[order[child]].count) {
            break;
        }

        qoe_poke(&order[i], order[child]);
        i = child;
    }

    qoe_poke(&order[i], x);
}


static void
qoe_topk_regroup(qoe_topk_t *t)
{
    uint32_t             g, i, pos, *order;
    uint64_t             count;
    qoe_topk_group_t    *groups;
    qoe_topk_counter_t  *c;

    g = 0;
    count = 0;
    order = qoe_topk_order(t);
    groups = qoe_topk_groups(t);

    for (pos = 0; pos < t->used; pos++) {
        c = &t->counter[order[pos]];

        if (c->count != count) {
            count = c->count;
            groups[g].first = pos;
            groups[g].size = 0;
            g++;
        }

        groups[g - 1].size++;
        c->group = g - 1;
        c->pos = pos;
    }

    t->free_group = (g < t->counters) ? g + 1 : 0;

    for (i = g; i < t->counters; i++) {
        groups[i].first = (i + 1 < t->counters) ? i + 2 : 0;
        groups[i].size = 0;
    }
}
