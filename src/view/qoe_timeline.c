
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_timeline.h"


/*
 * An entry: 3 bits of its kind, 30 of its start since the base, 31 that depend
 * on the kind: the length, or what a rendition or an error is.  30 bits of ms
 * are 12 days.
 */

#define QOE_ENTRY_START_BITS   30
#define QOE_ENTRY_REST_BITS    31
#define QOE_ENTRY_START_MAX    ((1ULL << QOE_ENTRY_START_BITS) - 1)
#define QOE_ENTRY_REST_MAX     ((1ULL << QOE_ENTRY_REST_BITS) - 1)

/*
 * Of a rendition: half the height, for 8k in 12 bits; the bitrate, 14 bits in
 * steps of 4^n kbit/s, and n in 2 bits; the codec in 3 bits.
 */
#define QOE_ENTRY_HEIGHT_BITS  12
#define QOE_ENTRY_HEIGHT_MAX   ((1ULL << QOE_ENTRY_HEIGHT_BITS) - 1)
#define QOE_ENTRY_RATE_BITS    14
#define QOE_ENTRY_RATE_MAX     ((1ULL << QOE_ENTRY_RATE_BITS) - 1)
#define QOE_ENTRY_STEP_BITS    2
#define QOE_ENTRY_STEP_MAX     ((1ULL << QOE_ENTRY_STEP_BITS) - 1)
#define QOE_ENTRY_CODEC_SHIFT                                                 \
    (QOE_ENTRY_HEIGHT_BITS + QOE_ENTRY_RATE_BITS + QOE_ENTRY_STEP_BITS)
#define QOE_ENTRY_CODEC_MAX    (QOE_ENTRY_REST_MAX >> QOE_ENTRY_CODEC_SHIFT)

/* Of errors: their number, and whether one was fatal. */
#define QOE_ENTRY_ERRORS_MAX   (QOE_ENTRY_REST_MAX >> 1)

/* A reported startup may have begun so long before the first event. */
#define QOE_TIMELINE_BEFORE_MS (1ULL << 24)

/* Where the next start lies once a start did not fit. */
#define QOE_TIMELINE_SHIFT_MS  (1ULL << 29)

/* Playing that goes on after a shorter gap is the same stretch. */
#define QOE_TIMELINE_GAP_MS    1000

_Static_assert(QOE_STRETCH_KINDS <= 8, "a kind has 3 bits");
_Static_assert(QOE_CODECS_N <= QOE_ENTRY_CODEC_MAX + 1,
               "what is left of an entry has room for the codec");
_Static_assert(sizeof(qoe_timeline_t) == 24 + 8 * QOE_TIMELINE_ENTRIES,
               "the layout is part of the zone's");


typedef struct {
    uint32_t            kind;
    uint64_t            start;           /* since the base */
    uint64_t            rest;
} qoe_entry_t;


static qoe_entry_t qoe_entry_get(const qoe_timeline_t *t, size_t i);
static void qoe_entry_set(qoe_timeline_t *t, size_t i, qoe_entry_t e);
static uint64_t qoe_entry_rest(const qoe_stretch_t *s);
static uint64_t qoe_entry_rendition(const qoe_stretch_t *s);
static void qoe_entry_shows(uint64_t rest, qoe_stretch_t *s);
static bool qoe_entry_same(uint64_t last, uint64_t rest);
static uint64_t qoe_entry_end(qoe_entry_t e);
static bool qoe_entry_lasts(uint32_t kind);
static size_t qoe_timeline_n(const qoe_timeline_t *t);
static size_t qoe_timeline_last(const qoe_timeline_t *t, uint32_t kind);
static void qoe_timeline_clip(const qoe_timeline_t *t, qoe_entry_t *e,
    uint32_t kind);
static void qoe_timeline_append(qoe_timeline_t *t, qoe_entry_t e);
static bool qoe_timeline_goes_on(qoe_timeline_t *t, qoe_entry_t e);
static void qoe_timeline_make_room(qoe_timeline_t *t);
static uint64_t qoe_timeline_cost(const qoe_timeline_t *t, qoe_entry_t a,
    qoe_entry_t b, size_t b_at);
static void qoe_timeline_merge(qoe_timeline_t *t, size_t i, size_t k);
static void qoe_timeline_remove(qoe_timeline_t *t, size_t k);
static void qoe_timeline_shift(qoe_timeline_t *t, uint64_t ms);
static size_t qoe_timeline_next(const qoe_timeline_t *t, size_t i,
    uint32_t kind);


qoe_span_t
qoe_stretch_name(uint32_t kind)
{
    static const qoe_span_t  names[] = {
#define QOE_STRETCH_NAME(id, name)  { name, sizeof(name) - 1 },
        QOE_STRETCHES(QOE_STRETCH_NAME)
#undef QOE_STRETCH_NAME
    };

    return kind < QOE_STRETCH_KINDS ? names[kind] : qoe_span_null;
}


static qoe_entry_t
qoe_entry_get(const qoe_timeline_t *t, size_t i)
{
    qoe_entry_t  e;

    e.kind = (uint32_t) (t->entry[i] & 7);
    e.start = t->entry[i] >> 3 & QOE_ENTRY_START_MAX;
    e.rest = t->entry[i] >> (3 + QOE_ENTRY_START_BITS);

    return e;
}


static void
qoe_entry_set(qoe_timeline_t *t, size_t i, qoe_entry_t e)
{
    t->entry[i] = e.kind | (e.start & QOE_ENTRY_START_MAX) << 3
                  | e.rest << (3 + QOE_ENTRY_START_BITS);
}


/* Does the entry have a length? */

static bool
qoe_entry_lasts(uint32_t kind)
{
    return kind != QOE_STRETCH_RENDITION && kind != QOE_STRETCH_ERROR;
}


static uint64_t
qoe_entry_end(qoe_entry_t e)
{
    return e.start + (qoe_entry_lasts(e.kind) ? e.rest : 0);
}


static uint64_t
qoe_entry_rest(const qoe_stretch_t *s)
{
    if (s->kind == QOE_STRETCH_RENDITION) {
        return qoe_entry_rendition(s);
    }

    if (s->kind == QOE_STRETCH_ERROR) {
        return qoe_min(s->errors, QOE_ENTRY_ERRORS_MAX) << 1 | s->fatal;
    }

    return qoe_min(s->ms, QOE_ENTRY_REST_MAX);
}


static uint64_t
qoe_entry_rendition(const qoe_stretch_t *s)
{
    uint64_t  rate, step, height;

    rate = s->bitrate / 1000;

    for (step = 0; rate > QOE_ENTRY_RATE_MAX && step < QOE_ENTRY_STEP_MAX;
         step++)
    {
        rate >>= 2;
    }

    rate = qoe_min(rate, QOE_ENTRY_RATE_MAX) | step << QOE_ENTRY_RATE_BITS;
    height = qoe_min(s->height / 2, QOE_ENTRY_HEIGHT_MAX);

    return (s->codec & QOE_ENTRY_CODEC_MAX) << QOE_ENTRY_CODEC_SHIFT
           | rate << QOE_ENTRY_HEIGHT_BITS | height;
}


/* Fills in what a rendition is. */

static void
qoe_entry_shows(uint64_t rest, qoe_stretch_t *s)
{
    uint64_t  rate, step;

    rate = rest >> QOE_ENTRY_HEIGHT_BITS & QOE_ENTRY_RATE_MAX;
    step = rest >> (QOE_ENTRY_HEIGHT_BITS + QOE_ENTRY_RATE_BITS)
           & QOE_ENTRY_STEP_MAX;

    s->codec = (uint32_t) (rest >> QOE_ENTRY_CODEC_SHIFT);
    s->bitrate = (rate << 2 * step) * 1000;
    s->height = (uint32_t) (rest & QOE_ENTRY_HEIGHT_MAX) * 2;
}


/* Is that the last rendition, or what was not known of its codec? */

static bool
qoe_entry_same(uint64_t last, uint64_t rest)
{
    return last == rest
           || last == (rest & ((1ULL << QOE_ENTRY_CODEC_SHIFT) - 1));
}


/* The numbers in a torn timeline may be anything. */

static size_t
qoe_timeline_n(const qoe_timeline_t *t)
{
    return qoe_min(t->n, QOE_TIMELINE_ENTRIES);
}


/* 1 + the index of the last entry of a kind, or 0. */

static size_t
qoe_timeline_last(const qoe_timeline_t *t, uint32_t kind)
{
    return t->last[kind] <= qoe_timeline_n(t) ? t->last[kind] : 0;
}


void
qoe_timeline_begin(qoe_timeline_t *t, uint64_t at_ms)
{
    memset(t, 0, sizeof(qoe_timeline_t));

    t->base_ms = at_ms > QOE_TIMELINE_BEFORE_MS
                 ? at_ms - QOE_TIMELINE_BEFORE_MS : 0;
}


void
qoe_timeline_add(qoe_timeline_t *t, const qoe_stretch_t *s)
{
    size_t       last;
    uint64_t     end;
    qoe_entry_t  e;

    e.kind = s->kind % QOE_STRETCH_KINDS;
    e.rest = qoe_entry_rest(s);

    t->n = (uint8_t) qoe_timeline_n(t);

    if (s->start_ms > t->base_ms + QOE_ENTRY_START_MAX) {
        qoe_timeline_shift(t, s->start_ms - t->base_ms
                              - QOE_TIMELINE_SHIFT_MS);
    }

    e.start = s->start_ms > t->base_ms ? s->start_ms - t->base_ms : 0;

    if (e.kind == QOE_STRETCH_SEEK) {
        qoe_timeline_clip(t, &e, QOE_STRETCH_PLAYING);
        qoe_timeline_clip(t, &e, QOE_STRETCH_STALL);
        qoe_timeline_clip(t, &e, QOE_STRETCH_SEEK);
    }

    last = qoe_timeline_last(t, e.kind);

    if (last != 0) {
        end = qoe_entry_end(qoe_entry_get(t, last - 1));
        e.start = qoe_max(e.start, end);

        if (qoe_timeline_goes_on(t, e)) {
            return;
        }
    }

    qoe_timeline_append(t, e);

    /* merges of many days may reach further than a start can */

    if (e.start > QOE_ENTRY_START_MAX) {
        qoe_timeline_merge(t, last - 1, t->n - 1U);
    }
}


/*
 * Players report a seek when it ends, with its length.  What was counted as
 * another kind until then was that.
 */

static void
qoe_timeline_clip(const qoe_timeline_t *t, qoe_entry_t *e, uint32_t kind)
{
    size_t    last;
    uint64_t  end, start;

    last = qoe_timeline_last(t, kind);

    if (last != 0) {
        end = qoe_entry_end(*e);
        start = qoe_entry_end(qoe_entry_get(t, last - 1));
        e->start = qoe_min(qoe_max(e->start, start), end);
        e->rest = end - e->start;
    }
}


static void
qoe_timeline_append(qoe_timeline_t *t, qoe_entry_t e)
{
    if (qoe_timeline_n(t) == QOE_TIMELINE_ENTRIES) {
        qoe_timeline_make_room(t);
    }

    qoe_entry_set(t, t->n, e);
    t->last[e.kind] = ++t->n;
}


/*
 * Adds the entry to the last one of its kind, if nothing lies between them.
 * Returns false if it is one of its own.
 */

static bool
qoe_timeline_goes_on(qoe_timeline_t *t, qoe_entry_t e)
{
    size_t       i;
    qoe_entry_t  last;

    i = qoe_timeline_last(t, e.kind);
    last = qoe_entry_get(t, i - 1);

    if (i <= t->sent) {
        return false;
    }

    if (e.kind == QOE_STRETCH_RENDITION) {

        if (!qoe_entry_same(last.rest, e.rest) && e.start != last.start) {
            return false;
        }

        last.rest = e.rest;
        qoe_entry_set(t, i - 1, last);

        return true;
    }

    if (e.kind != QOE_STRETCH_PLAYING
        || !qoe_timeline_plays_on(qoe_entry_end(last), e.start)
        || e.rest > QOE_ENTRY_REST_MAX - last.rest
        || qoe_timeline_last(t, QOE_STRETCH_STALL) > i
        || qoe_timeline_last(t, QOE_STRETCH_SEEK) > i
        || qoe_timeline_last(t, QOE_STRETCH_PAUSE) > i)
    {
        return false;
    }

    last.rest += e.rest;
    qoe_entry_set(t, i - 1, last);

    return true;
}


bool
qoe_timeline_plays_on(uint64_t end_ms, uint64_t start_ms)
{
    return start_ms <= end_ms || start_ms - end_ms <= QOE_TIMELINE_GAP_MS;
}


/*
 * Merges the pair of neighbours of one kind that covers the least time.  With
 * more than twice as many entries as kinds there is a pair on one side of
 * `sent`.
 */

static void
qoe_timeline_make_room(qoe_timeline_t *t)
{
    size_t       i, k, one, two, before[QOE_STRETCH_KINDS];
    uint64_t     cost, least;
    qoe_entry_t  e;

    one = two = 0;
    least = UINT64_MAX;
    memset(before, 0, sizeof(before));

    for (k = 0; k < QOE_TIMELINE_ENTRIES; k++) {
        e = qoe_entry_get(t, k);

        if (k == t->sent) {
            memset(before, 0, sizeof(before));
        }

        i = before[e.kind];
        before[e.kind] = k + 1;

        if (i == 0) {
            continue;
        }

        cost = qoe_timeline_cost(t, qoe_entry_get(t, i - 1), e, k);

        if (cost < least) {
            least = cost;
            one = i - 1;
            two = k;
        }
    }

    qoe_timeline_merge(t, one, two);
}


/*
 * The time that a pair covers, which is the time within which its places are
 * known after a merge; stalls and errors matter most.  Of renditions, the
 * shorter one of the two is lost.
 */

static uint64_t
qoe_timeline_cost(const qoe_timeline_t *t, qoe_entry_t a, qoe_entry_t b,
    size_t b_at)
{
    size_t                next;
    uint64_t              ms;
    static const uint8_t  weight[QOE_STRETCH_KINDS] = {
        [QOE_STRETCH_STARTUP] = 1,
        [QOE_STRETCH_PLAYING] = 1,
        [QOE_STRETCH_STALL] = 4,
        [QOE_STRETCH_SEEK] = 2,
        [QOE_STRETCH_PAUSE] = 2,
        [QOE_STRETCH_HIDDEN] = 1,
        [QOE_STRETCH_ERROR] = 4
    };

    if (a.kind != QOE_STRETCH_RENDITION) {
        ms = qoe_entry_end(b) - qoe_min(a.start, qoe_entry_end(b));
        return ms * weight[a.kind];
    }

    ms = b.start - qoe_min(a.start, b.start);
    next = qoe_timeline_next(t, b_at, b.kind);

    if (next != QOE_TIMELINE_ENTRIES) {
        ms = qoe_min(ms, qoe_entry_get(t, next).start - b.start);
    }

    return ms;
}


/* The next entry of a kind after i, or QOE_TIMELINE_ENTRIES. */

static size_t
qoe_timeline_next(const qoe_timeline_t *t, size_t i, uint32_t kind)
{
    size_t  n;

    n = qoe_timeline_n(t);

    for (i++; i < n; i++) {

        if ((t->entry[i] & 7) == kind) {
            return i;
        }
    }

    return QOE_TIMELINE_ENTRIES;
}


/* Merges entry k into entry i of the same kind, which is the earlier one. */

static void
qoe_timeline_merge(qoe_timeline_t *t, size_t i, size_t k)
{
    size_t       next;
    uint64_t     n;
    qoe_entry_t  a, b;

    a = qoe_entry_get(t, i);
    b = qoe_entry_get(t, k);

    switch (a.kind) {

    case QOE_STRETCH_RENDITION:
        next = qoe_timeline_next(t, k, a.kind);

        if (next == QOE_TIMELINE_ENTRIES
            || qoe_entry_get(t, next).start - b.start > b.start - a.start)
        {
            a.rest = b.rest;
        }

        break;

    case QOE_STRETCH_ERROR:
        n = qoe_min((a.rest >> 1) + (b.rest >> 1), QOE_ENTRY_ERRORS_MAX);
        a.rest = n << 1 | ((a.rest | b.rest) & 1);
        break;

    default:
        a.rest = qoe_min(a.rest + b.rest, QOE_ENTRY_REST_MAX);
        break;
    }

    qoe_entry_set(t, i, a);
    qoe_timeline_remove(t, k);
    t->merged++;
}


static void
qoe_timeline_remove(qoe_timeline_t *t, size_t k)
{
    size_t  i;

    t->n--;
    t->sent -= (k < t->sent);
    memmove(&t->entry[k], &t->entry[k + 1], (t->n - k) * sizeof(uint64_t));
    memset(t->last, 0, sizeof(t->last));

    for (i = 0; i < t->n; i++) {
        t->last[t->entry[i] & 7] = (uint8_t) (i + 1);
    }
}


/*
 * Moves the base on by ms.  What began before the new base is merged with the
 * others of its kind, at the base.
 */

static void
qoe_timeline_shift(qoe_timeline_t *t, uint64_t ms)
{
    size_t       i, k;
    qoe_entry_t  e;

    t->base_ms += ms;

    for (i = 0; i < t->n; i++) {
        e = qoe_entry_get(t, i);
        e.start = e.start > ms ? e.start - ms : 0;
        qoe_entry_set(t, i, e);

        for (k = 0; e.start == 0 && k < i; k++) {

            if (qoe_entry_get(t, k).kind == e.kind
                && qoe_entry_get(t, k).start == 0)
            {
                qoe_timeline_merge(t, k, i--);
                break;
            }
        }
    }
}


void
qoe_timeline_part(qoe_timeline_t *t, uint64_t at_ms)
{
    size_t       last;
    qoe_entry_t  e;

    t->n = (uint8_t) qoe_timeline_n(t);
    t->sent = t->n;
    last = qoe_timeline_last(t, QOE_STRETCH_RENDITION);

    /* the rendition goes on in the next part */

    if (last != 0) {
        e = qoe_entry_get(t, last - 1);
        e.start = at_ms > t->base_ms ? at_ms - t->base_ms : 0;
        e.start = qoe_min(e.start, QOE_ENTRY_START_MAX);
        qoe_timeline_append(t, e);
    }
}


size_t
qoe_timeline_stretches(const qoe_timeline_t *t, size_t from, uint64_t end_ms,
    qoe_stretch_t out[QOE_TIMELINE_ENTRIES])
{
    size_t         i, k, next, n;
    qoe_entry_t    e;
    qoe_stretch_t  s;

    n = 0;

    for (i = from; i < qoe_timeline_n(t); i++) {
        e = qoe_entry_get(t, i);

        memset(&s, 0, sizeof(s));
        s.kind = e.kind;
        s.start_ms = t->base_ms + e.start;

        if (e.kind == QOE_STRETCH_RENDITION) {
            qoe_entry_shows(e.rest, &s);
            next = qoe_timeline_next(t, i, e.kind);
            s.ms = next != QOE_TIMELINE_ENTRIES
                   ? t->base_ms + qoe_entry_get(t, next).start : end_ms;
            s.ms = s.ms > s.start_ms ? s.ms - s.start_ms : 0;

        } else if (e.kind == QOE_STRETCH_ERROR) {
            s.errors = (uint32_t) (e.rest >> 1);
            s.fatal = (e.rest & 1) != 0;

        } else {
            s.ms = e.rest;
        }

        for (k = n++; k > 0 && out[k - 1].start_ms > s.start_ms; k--) {
            out[k] = out[k - 1];
        }

        out[k] = s;
    }

    return n;
}


void
qoe_timeline_convert(qoe_timeline_t *t)
{
    size_t         i;
    qoe_entry_t    e;
    qoe_stretch_t  s;

    for (i = 0; i < qoe_timeline_n(t); i++) {
        e = qoe_entry_get(t, i);

        if (e.kind != QOE_STRETCH_RENDITION) {
            continue;
        }

        memset(&s, 0, sizeof(s));
        s.bitrate = (e.rest >> QOE_ENTRY_HEIGHT_BITS) * 1000;
        s.height = (uint32_t) (e.rest & QOE_ENTRY_HEIGHT_MAX) * 2;

        e.rest = qoe_entry_rendition(&s);
        qoe_entry_set(t, i, e);
    }
}


uint64_t
qoe_timeline_end(const qoe_timeline_t *t, qoe_stretch_kind_t kind)
{
    size_t  last;

    last = qoe_timeline_last(t, kind);

    return last != 0 ? t->base_ms + qoe_entry_end(qoe_entry_get(t, last - 1))
                     : 0;
}


uint64_t
qoe_timeline_sum(const qoe_timeline_t *t, qoe_stretch_kind_t kind)
{
    size_t       i;
    uint64_t     sum;
    qoe_entry_t  e;

    sum = 0;

    for (i = 0; i < qoe_timeline_n(t); i++) {
        e = qoe_entry_get(t, i);
        sum += (e.kind == kind && qoe_entry_lasts(kind)) ? e.rest : 0;
    }

    return sum;
}
