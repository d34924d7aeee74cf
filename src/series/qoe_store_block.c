
/*
 * Copyright (C) OpenQoE
 *
 * Blocks: interned sets of attributes, stored in cells, with reference counts.
 * For the writer; qoe_store_read.c has the readers' functions.
 */


#include "qoe_store_layout.h"


static bool qoe_store_block_is(const qoe_store_t *s,
    const qoe_store_block_t *b, uint64_t hash, qoe_span_t labels);
static uint32_t qoe_store_block_get(qoe_store_t *s,
    const qoe_store_env_t *env, qoe_span_t labels, bool known);
static uint32_t qoe_store_block_make(qoe_store_t *s, uint64_t hash,
    qoe_span_t labels, bool known);
static uint32_t qoe_store_block_take(qoe_store_t *s);
static uint32_t qoe_store_cell_take(qoe_store_t *s);
static void qoe_store_cell_fill(qoe_store_cell_t *c, const char *p,
    size_t len);
static void qoe_store_block_unlink(qoe_store_t *s, uint32_t block);


uint64_t
qoe_store_hash(const qoe_store_env_t *env, qoe_span_t labels)
{
    uint64_t  hash;

    hash = qoe_hash(&env->key, labels.data, labels.len);

    return hash ? hash : 1;
}


uint32_t
qoe_store_block(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_span_t labels)
{
    return qoe_store_block_get(s, env, labels, true);
}


uint32_t
qoe_store_block_new(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_span_t labels)
{
    return qoe_store_block_get(s, env, labels, false);
}


static uint32_t
qoe_store_block_get(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_span_t labels, bool known)
{
    uint32_t            i, left, n;
    uint64_t            hash;
    qoe_store_block_t  *b;

    if (labels.len == 0 || labels.len > QOE_LABELS_MAX) {
        return 0;
    }

    hash = qoe_store_hash(env, labels);
    n = s->pool[QOE_POOL_BLOCKS].n;
    i = *qoe_store_block_head(s, hash);

    for (left = n; i != 0 && i <= n && left != 0; left--) {
        b = qoe_store_block_at(s, i);

        if (qoe_store_block_is(s, b, hash, labels)) {
            b->refs++;
            b->known |= known;
            return i;
        }

        i = b->next;
    }

    return qoe_store_block_make(s, hash, labels, known);
}


static uint32_t
qoe_store_block_make(qoe_store_t *s, uint64_t hash, qoe_span_t labels,
    bool known)
{
    size_t              off;
    uint32_t            i, cell, block;
    qoe_store_block_t  *b;

    if (!qoe_store_pool_room(&s->pool[QOE_POOL_CELLS],
                             qoe_store_cells_of(labels.len), known)
        || !qoe_store_pool_room(&s->pool[QOE_POOL_BLOCKS], 1, known))
    {
        return 0;
    }

    block = qoe_store_block_take(s);
    if (block == 0) {
        return 0;
    }

    b = qoe_store_block_at(s, block);

    qoe_publish(&b->len, (uint32_t) labels.len);
    b->refs = 1;
    b->known = known;

    /* begin with the last cell, because each cell has the number of the next */

    cell = 0;
    off = qoe_store_cells_of(labels.len) * QOE_CELL_DATA;

    while (off != 0) {
        off -= QOE_CELL_DATA;

        i = qoe_store_cell_take(s);
        qoe_store_cell_fill(qoe_store_cell_at(s, i), labels.data + off,
                            qoe_min(labels.len - off, QOE_CELL_DATA));
        qoe_publish(&qoe_store_cell_at(s, i)->next, cell);
        cell = i;
    }

    qoe_publish(&b->first, cell);
    qoe_publish(&b->hash, hash);

    qoe_store_block_link(s, block);

    return block;
}


static bool
qoe_store_block_is(const qoe_store_t *s, const qoe_store_block_t *b,
    uint64_t hash, qoe_span_t labels)
{
    size_t             off;
    uint32_t           i;
    qoe_store_cell_t  *c;

    if (b->hash != hash || b->len != labels.len) {
        return false;
    }

    i = b->first;

    for (off = 0; off < labels.len; off += QOE_CELL_DATA) {

        if (i == 0 || i > s->pool[QOE_POOL_CELLS].n) {
            return false;
        }

        c = qoe_store_cell_at(s, i);

        if (memcmp(c->data, labels.data + off,
                   qoe_min(labels.len - off, QOE_CELL_DATA))
            != 0)
        {
            return false;
        }

        i = c->next & ~QOE_CELL_USED;
    }

    return true;
}


static uint32_t
qoe_store_block_take(qoe_store_t *s)
{
    uint32_t           block;
    qoe_store_pool_t  *p;

    p = &s->pool[QOE_POOL_BLOCKS];
    block = p->free;

    if (block != 0 && block <= p->n) {
        p->free = qoe_store_block_at(s, block)->next;
        p->nfree--;

    } else if (p->top < p->n) {
        qoe_publish(&p->top, p->top + 1);
        block = p->top;

    } else {
        return 0;
    }

    qoe_publish(&s->live_blocks, s->live_blocks + 1);

    return block;
}


/* Takes a free cell; the caller has checked that there is one. */

static uint32_t
qoe_store_cell_take(qoe_store_t *s)
{
    uint32_t           cell;
    qoe_store_pool_t  *p;

    p = &s->pool[QOE_POOL_CELLS];
    cell = p->free;

    if (cell != 0 && cell <= p->n) {
        p->free = qoe_store_cell_at(s, cell)->next & ~QOE_CELL_USED;
        p->nfree--;
        return cell;
    }

    if (p->top < p->n) {
        qoe_publish(&p->top, p->top + 1);
    }

    return p->top;
}


void
qoe_store_cell_free(qoe_store_t *s, uint32_t cell)
{
    qoe_store_pool_t  *p;

    p = &s->pool[QOE_POOL_CELLS];

    qoe_publish(&qoe_store_cell_at(s, cell)->next, p->free);
    p->free = cell;
    p->nfree++;
}


/*
 * Fills a cell word by word, because a reader may be reading its old content.
 */

static void
qoe_store_cell_fill(qoe_store_cell_t *c, const char *p, size_t len)
{
    size_t    i;
    uint32_t  word[QOE_CELL_WORDS];

    memset(word, 0, sizeof(word));
    memcpy(word, p, len);

    for (i = 0; i < QOE_CELL_WORDS; i++) {
        qoe_publish(&c->data[i], word[i]);
    }
}


void
qoe_store_overflow_block(qoe_store_t *s, const qoe_store_env_t *env)
{
    qoe_labels_t        l;
    qoe_store_block_t  *b;

    b = qoe_store_block_at(s, QOE_STORE_OVERFLOW_BLOCK);

    if (b->hash != 0) {
        return;
    }

    l.len = 0;
    (void) qoe_labels_add(&l, qoe_span("otel.metric.overflow"),
                          qoe_span("true"));

    qoe_store_cell_fill(qoe_store_cell_at(s, QOE_STORE_OVERFLOW_BLOCK),
                        l.data, l.len);
    qoe_publish(&qoe_store_cell_at(s, QOE_STORE_OVERFLOW_BLOCK)->next, 0);

    qoe_publish(&b->len, (uint32_t) l.len);
    qoe_publish(&b->first, QOE_STORE_OVERFLOW_BLOCK);
    qoe_publish(&b->hash, qoe_store_hash(env, qoe_labels_span(&l)));
}


void
qoe_store_ref(qoe_store_t *s, uint32_t block)
{
    if (block != 0 && qoe_store_block_ok(s, block)) {
        qoe_store_block_at(s, block)->refs++;
    }
}


void
qoe_store_unref(qoe_store_t *s, uint32_t block)
{
    qoe_store_block_t  *b;

    if (block <= QOE_STORE_OVERFLOW_BLOCK || !qoe_store_block_ok(s, block)) {
        return;
    }

    b = qoe_store_block_at(s, block);

    if (b->refs > 1) {
        b->refs--;
        return;
    }

    qoe_store_block_end(s, block);
}


void
qoe_store_block_end(qoe_store_t *s, uint32_t block)
{
    uint32_t            i, next, left;
    qoe_store_block_t  *b;

    b = qoe_store_block_at(s, block);

    qoe_store_block_unlink(s, block);

    /* makes a reader that is copying the block see a different version */

    qoe_publish(&b->version, b->version + 1);
    qoe_publish(&b->hash, 0);

    b->refs = 0;
    i = b->first;

    for (left = qoe_store_cells_of(b->len); left != 0; left--) {

        if (i == 0 || i > s->pool[QOE_POOL_CELLS].n) {
            break;
        }

        next = qoe_store_cell_at(s, i)->next & ~QOE_CELL_USED;
        qoe_store_cell_free(s, i);
        i = next;
    }

    qoe_publish(&s->live_blocks, s->live_blocks - 1);

    qoe_store_block_free(s, block);
}


void
qoe_store_block_free(qoe_store_t *s, uint32_t block)
{
    qoe_store_pool_t  *p;

    p = &s->pool[QOE_POOL_BLOCKS];

    qoe_store_block_at(s, block)->next = p->free;
    p->free = block;
    p->nfree++;
}


void
qoe_store_block_link(qoe_store_t *s, uint32_t block)
{
    uint32_t           *head;
    qoe_store_block_t  *b;

    b = qoe_store_block_at(s, block);
    head = qoe_store_block_head(s, b->hash);

    b->next = *head;
    *head = block;
}


static void
qoe_store_block_unlink(qoe_store_t *s, uint32_t block)
{
    uint32_t            left, *link;
    qoe_store_block_t  *b;

    b = qoe_store_block_at(s, block);
    link = qoe_store_block_head(s, b->hash);

    for (left = s->pool[QOE_POOL_BLOCKS].n; *link != 0 && left != 0; left--) {

        if (*link > s->pool[QOE_POOL_BLOCKS].n) {
            return;
        }

        if (*link == block) {
            *link = b->next;
            return;
        }

        link = &qoe_store_block_at(s, *link)->next;
    }
}
