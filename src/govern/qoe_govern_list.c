
/*
 * Copyright (C) OpenQoE
 *
 * Reads governance for statistics and collections, without a lock.
 */


#include "qoe_govern_layout.h"
#include "qoe_number.h"


/* The first values in the order of their bytes. */

typedef struct {
    qoe_span_t          *values;
    size_t               n;
    size_t               max;
    char                *spare;              /* room for QOE_LIST_TEXT bytes */
} qoe_list_t;

#define QOE_LIST_TEXT      128               /* longest text of any table */
#define QOE_LIST_DOTS      "..."


static qoe_status_t qoe_list_init(qoe_list_t *l, qoe_span_t *values,
    size_t max, qoe_arena_t *arena);
static void qoe_list_add(qoe_list_t *l, const char *text, size_t len);
static int qoe_list_compare(qoe_span_t a, qoe_span_t b);
static size_t qoe_list_dots(char *text, size_t kept, size_t len);
static void qoe_list_kept(qoe_list_t *l, qoe_govern_t *g, size_t slot);
static void qoe_list_pinned(qoe_list_t *l, const qoe_dimension_t *d);
static void qoe_list_roster(qoe_list_t *l, const qoe_dimension_t *d);
static qoe_status_t qoe_list_frequent(qoe_list_t *l, qoe_area_t *a,
    uint32_t k, qoe_arena_t *arena);


void
qoe_govern_info(const qoe_governor_t *gv, size_t dim, qoe_govern_info_t *info)
{
    qoe_hll_t                *h;
    const qoe_dimension_t    *d;
    const qoe_govern_slot_t  *s;

    memset(info, 0, sizeof(*info));

    s = qoe_govern_slot(gv, dim);

    if (s == NULL) {
        info->unknown = true;
        info->overflow = qoe_peek(&gv->g->homeless);
        return;
    }

    d = &gv->dims->dim[dim];
    info->overflow = qoe_peek(&s->overflow);
    info->count = qoe_min(qoe_peek(&s->count) + d->npins, d->max);

    if (d->roster != NULL) {
        info->count += qoe_roster_count(qoe_roster_enter(d->roster));
        qoe_roster_leave(d->roster);
    }

    if (d->role != QOE_ROLE_NEVER
        && (d->action == QOE_ACTION_ALLOW || d->action == QOE_ACTION_BUCKET
            || (d->action == QOE_ACTION_TOPK
                && qoe_govern_topk(gv->g, s) == NULL)))
    {
        return;
    }

    h = qoe_govern_hll(gv->g, s);
    info->count = (h != NULL) ? (uint64_t) (qoe_hll_count(h) + 0.5) : 0;
    info->unknown = (h == NULL);
}


qoe_status_t
qoe_govern_values(const qoe_governor_t *gv, size_t dim, qoe_span_t *values,
    size_t *n, qoe_arena_t *arena)
{
    qoe_list_t                l;
    qoe_area_t               *a;
    qoe_status_t              rc;
    const qoe_dimension_t    *d;
    const qoe_govern_slot_t  *s;

    s = qoe_govern_slot(gv, dim);
    d = (s != NULL) ? &gv->dims->dim[dim] : NULL;

    /* values that identify a person or a device must not be disclosed */

    if (s == NULL || *n == 0 || d->role == QOE_ROLE_NEVER
        || dim == QOE_DIM_MARKER)
    {
        *n = 0;
        return QOE_OK;
    }

    rc = qoe_list_init(&l, values, *n, arena);

    if (rc != QOE_OK) {
        return rc;
    }

    a = qoe_govern_topk(gv->g, s);

    if (d->action == QOE_ACTION_TOPK && a != NULL) {
        rc = qoe_list_frequent(&l, a, d->max, arena);

    } else if (d->action != QOE_ACTION_HASH && d->action != QOE_ACTION_DROP) {
        qoe_list_kept(&l, gv->g, gv->slot[dim]);
        qoe_list_pinned(&l, d);
        qoe_list_roster(&l, d);
    }

    *n = l.n;

    return rc;
}


static qoe_status_t
qoe_list_init(qoe_list_t *l, qoe_span_t *values, size_t max,
    qoe_arena_t *arena)
{
    size_t  i;
    char   *text;

    text = qoe_arena_alloc(arena, (max + 1) * QOE_LIST_TEXT);

    if (text == NULL) {
        return QOE_NOMEM;
    }

    for (i = 0; i < max; i++) {
        values[i] = (qoe_span_t) { text + i * QOE_LIST_TEXT, 0 };
    }

    l->values = values;
    l->n = 0;
    l->max = max;
    l->spare = text + max * QOE_LIST_TEXT;

    return QOE_OK;
}


static void
qoe_list_add(qoe_list_t *l, const char *text, size_t len)
{
    int         c;
    char       *room;
    size_t      low, high, middle;
    qoe_span_t  v;

    v = (qoe_span_t) { text, len };
    low = 0;
    high = l->n;

    while (low < high) {
        middle = low + (high - low) / 2;
        c = qoe_list_compare(l->values[middle], v);

        if (c == 0) {
            return;
        }

        if (c < 0) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    if (low == l->max) {
        return;
    }

    /* store the text in the spare room; that of the last value becomes spare */

    memcpy(l->spare, text, len);
    v.data = l->spare;

    high = qoe_min(l->n, l->max - 1);
    room = (char *) l->values[high].data;

    memmove(&l->values[low + 1], &l->values[low],
            (high - low) * sizeof(qoe_span_t));

    l->values[low] = v;
    l->spare = room;
    l->n = high + 1;
}


static int
qoe_list_compare(qoe_span_t a, qoe_span_t b)
{
    int  c;

    c = memcmp(a.data, b.data, qoe_min(a.len, b.len));

    return c ? c : (a.len > b.len) - (a.len < b.len);
}


/*
 * Appends the dots if only kept of len bytes are there; text has room for them.
 */

static size_t
qoe_list_dots(char *text, size_t kept, size_t len)
{
    if (len <= kept) {
        return len;
    }

    kept = qoe_text_cut((qoe_span_t) { text, kept },
                        kept - (sizeof(QOE_LIST_DOTS) - 1)).len;
    memcpy(text + kept, QOE_LIST_DOTS, sizeof(QOE_LIST_DOTS) - 1);

    return kept + sizeof(QOE_LIST_DOTS) - 1;
}


static void
qoe_list_kept(qoe_list_t *l, qoe_govern_t *g, size_t slot)
{
    char           text[QOE_VALUE_TEXT];
    size_t         len;
    uint32_t       i, j;
    uint64_t       hash;
    qoe_bucket_t  *b;

    for (i = 0; i < g->buckets; i++) {
        b = qoe_govern_bucket(g, i);

        for (j = 0; j < QOE_PLACES; j++) {
            hash = qoe_acquire(&b->hash[j]);

            if (hash == 0 || qoe_acquire(&b->slot[j]) != slot) {
                continue;
            }

            len = qoe_acquire(&b->len[j]);
            qoe_words_get(text, b->text[j],
                          qoe_min(len, (size_t) QOE_VALUE_TEXT));

            if (qoe_acquire(&b->hash[j]) == hash) {
                qoe_list_add(l, text,
                             qoe_list_dots(text, QOE_VALUE_TEXT, len));
            }
        }
    }
}


static void
qoe_list_roster(qoe_list_t *l, const qoe_dimension_t *d)
{
    char                 text[QOE_VALUE_TEXT];
    uint32_t             i;
    qoe_span_t           v;
    const qoe_roster_t  *r;

    if (d->roster == NULL) {
        return;
    }

    r = qoe_roster_enter(d->roster);

    for (i = 0; i < qoe_roster_count(r); i++) {
        v = qoe_roster_value(r, i);
        memcpy(text, v.data, qoe_min(v.len, (size_t) QOE_VALUE_TEXT));
        qoe_list_add(l, text, qoe_list_dots(text, QOE_VALUE_TEXT, v.len));
    }

    qoe_roster_leave(d->roster);
}


static void
qoe_list_pinned(qoe_list_t *l, const qoe_dimension_t *d)
{
    char      text[QOE_VALUE_TEXT];
    size_t    len;
    uint32_t  i;

    for (i = 0; i < d->npins; i++) {
        len = d->pins[i].len;
        memcpy(text, d->pins[i].data, qoe_min(len, (size_t) QOE_VALUE_TEXT));
        qoe_list_add(l, text, qoe_list_dots(text, QOE_VALUE_TEXT, len));
    }
}


static qoe_status_t
qoe_list_frequent(qoe_list_t *l, qoe_area_t *a, uint32_t k,
    qoe_arena_t *arena)
{
    char               text[QOE_TOPK_TEXT];
    size_t             i, n, len;
    qoe_topk_entry_t  *e;

    n = qoe_min((size_t) k, l->max);
    e = qoe_arena_alloc(arena, n * sizeof(qoe_topk_entry_t));

    if (e == NULL) {
        return QOE_NOMEM;
    }

    n = qoe_topk_list(qoe_area_topk(a), e, n);

    for (i = 0; i < n; i++) {
        len = qoe_topk_text(&e[i], text);

        /* a text that fills its room may be cut, so it gets dots */

        if (len != 0) {
            qoe_list_add(l, text, qoe_list_dots(text, QOE_TOPK_TEXT - 1, len));
        }
    }

    return QOE_OK;
}
