
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_fast_priv.h"
#include "qoe_slice.h"


static void qoe_fast_init(qoe_fast_t *f, const qoe_decode_conf_t *conf,
    int64_t now_ms, qoe_arena_t *arena);


static const qoe_fast_walk_pt  qoe_fast_walks[QOE_FAST_VARIANTS] = {
    [QOE_FAST_SWAR] = qoe_fast_walk_swar,
#ifdef __SSE2__
    [QOE_FAST_SSE2] = qoe_fast_walk_sse2,
#endif
#ifdef __x86_64__
    [QOE_FAST_AVX2] = qoe_fast_walk_avx2,
#endif
};


bool
qoe_fast_usable(qoe_fast_variant_t variant)
{
    if (qoe_fast_walks[variant] == NULL) {
        return false;
    }

#ifdef __x86_64__
    if (variant == QOE_FAST_AVX2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
    }
#endif

    return true;
}


qoe_fast_variant_t
qoe_fast_best(void)
{
    qoe_fast_variant_t  variant;

    variant = QOE_FAST_VARIANTS - 1;

    while (!qoe_fast_usable(variant)) {
        variant--;
    }

    return variant;
}


qoe_status_t
qoe_fast_decode(qoe_batch_t *batch, qoe_span_t body,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena,
    qoe_fast_variant_t variant)
{
    qoe_fast_t   f;
    const char  *p;

    /* what is behind the object may be white space only */

    while (body.len != 0 && (unsigned char) body.data[body.len - 1] <= ' ') {

        if (strchr(" \t\r\n", body.data[body.len - 1]) == NULL
            || body.data[body.len - 1] == '\0')
        {
            return QOE_DONE;
        }

        body.len--;
    }

    if (body.len < 2 || body.data[body.len - 1] != '}') {
        return QOE_DONE;
    }

    qoe_fast_init(&f, conf, now_ms, arena);
    f.end = body.data + body.len;
    f.safe = (body.len > QOE_FAST_MARGIN) ? f.end - QOE_FAST_MARGIN
                                          : body.data;

    p = qoe_fast_skip(body.data);

    if (qoe_fast_walks[variant](&f, p) == NULL
        || f.containers > qoe_containers_max(conf->max_events)
        || f.commas > qoe_values_max(conf->max_events))
    {
        return QOE_DONE;
    }

    batch->events = f.events;
    batch->nevents = f.nevents;
    batch->total = f.nevents;
    batch->nrejected = 0;
    batch->nerrors = 0;
    batch->unknown_keys = f.unknown;
    batch->root = NULL;

    /* of the errors, the first is looked at where there is none */

    memset(&batch->errors[0], 0, sizeof(qoe_decode_error_t));

    return QOE_OK;
}


/* ranks[], marks[] and key[] are never read before they are written. */

static void
qoe_fast_init(qoe_fast_t *f, const qoe_decode_conf_t *conf, int64_t now_ms,
    qoe_arena_t *arena)
{
    double  now;

    memset(f, 0, offsetof(qoe_fast_t, next));

    f->conf = conf;
    f->arena = arena;

    /* not told to the compiler, which would clear word by word */

    f->clear = offsetof(qoe_event_t, number);

    now = (double) now_ms;
    f->time_min = qoe_max(now - (double) conf->max_age_ms, 0);
    f->time_max = qoe_min(now + (double) conf->max_ahead_ms, QOE_TIME_MAX);

    f->tables = qoe_fast_tables();
    qoe_fast_expect(f);

    f->before = &f->marks[0];
    f->before->n = 0;
    memset(f->before->at, 0, sizeof(f->before->at));
    memset(f->marks[1].at, 0, sizeof(f->marks[1].at));
}


/*
 * Room for the event that begins at p, cleared as far as it must be.  How many
 * there will be is told by how long those before were, and at first by how
 * long they use to be: for most bodies the array does not move.
 */

qoe_event_t *
qoe_fast_slot(qoe_fast_t *f, const char *p)
{
    size_t        room;
    qoe_event_t  *events, *ev;

    if (f->nevents == f->conf->max_events) {
        return NULL;
    }

    if (f->nevents == f->room) {
        room = qoe_max((size_t) (f->end - p) / QOE_FAST_EVENT, (size_t) 1);

        if (f->nevents != 0) {
            room = (size_t) (f->end - p)
                   / ((size_t) (p - f->array) / f->nevents);
            room += f->nevents + room / 8 + 1;
        }

        room = qoe_min(room, f->conf->max_events);
        events = qoe_arena_alloc(f->arena, room * sizeof(qoe_event_t));

        if (events == NULL) {
            return NULL;
        }

        if (f->nevents != 0) {
            memcpy(events, f->events, f->nevents * sizeof(qoe_event_t));
        }

        f->events = events;
        f->room = room;
    }

    ev = &f->events[f->nevents++];
    memset(ev, 0, f->clear);

    return ev;
}


/* As qoe_schema_data() and qoe_decode_event() measure them. */

bool
qoe_fast_sizes(const qoe_fast_t *f)
{
    qoe_span_t  text;

    if (f->ev->raw.len > QOE_EVENT_RAW_MAX) {
        return false;
    }

    if (f->data == NULL) {
        return true;
    }

    text = (qoe_span_t) { f->data, (size_t) (f->data_end - f->data) };

    return qoe_slice_compact_len(text) <= QOE_DATA_MAX;
}
