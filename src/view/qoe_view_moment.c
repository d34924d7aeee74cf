
/*
 * Copyright (C) OpenQoE
 *
 * Events that wait to be judged: what is kept of them, and their order.
 */


#include "qoe_view_priv.h"


static double qoe_moment_number(const qoe_view_step_t *x, qoe_number_t id);
static double qoe_moment_value(const qoe_view_step_t *x);
static bool qoe_moment_before(const qoe_moment_t *a, const qoe_moment_t *b);


void
qoe_moment_of(qoe_moment_t *m, const qoe_view_step_t *x)
{
    memset(m, 0, sizeof(qoe_moment_t));

    m->at_ms = x->at_ms;
    m->type = (uint8_t) qoe_min((unsigned) x->s->type, QOE_EVENT_CUSTOM);
    m->media = (uint8_t) x->media;

    m->position = qoe_view_has(x, PLAYBACK_TIME)
                  ? qoe_view_number(x, PLAYBACK_TIME) : NAN;

    /* in a `playing`, players send their position as playing_time */

    m->told = NAN;

    if (m->type == QOE_EVENT_HEARTBEAT || m->type == QOE_EVENT_QUARTILE
        || m->type == QOE_EVENT_PAUSE || m->type == QOE_EVENT_ENDED)
    {
        m->told = (float) qoe_moment_number(x, QOE_NUMBER_PLAYING_TIME);
    }

    m->value = qoe_moment_value(x);
    m->bitrate = (float) x->bitrate;
    m->codec = (uint8_t) qoe_codec_of(qoe_view_text(x, CODEC));

    if (m->type == QOE_EVENT_STALLEND) {
        m->stalled_at = qoe_moment_number(x, QOE_NUMBER_STALL_POSITION_SECS)
                        * 1000;

    } else {
        qoe_view_sizes(m, x);
    }
}


static double
qoe_moment_number(const qoe_view_step_t *x, qoe_number_t id)
{
    return (x->set >> id & 1) ? x->s->number[id] : NAN;
}


/* The number that matters for the event's type. */

static double
qoe_moment_value(const qoe_view_step_t *x)
{
    unsigned  type;

    static const uint8_t  of[QOE_EVENT_CUSTOM + 1] = {
        [QOE_EVENT_MANIFESTLOAD] = 1 + QOE_NUMBER_PAGE_LOAD_TIME,
        [QOE_EVENT_PLAYERREADY] = 1 + QOE_NUMBER_PLAYER_STARTUP_TIME,
        [QOE_EVENT_CANPLAY] = 1 + QOE_NUMBER_VIDEO_STARTUP_TIME,
        [QOE_EVENT_PAUSE] = 1 + QOE_NUMBER_PLAYING_TIME,
        [QOE_EVENT_SEEK] = 1 + QOE_NUMBER_SEEK_LATENCY,
        [QOE_EVENT_STALLEND] = 1 + QOE_NUMBER_STALL_DURATION,
        [QOE_EVENT_ERROR] = 1 + QOE_NUMBER_FATAL,
        [QOE_EVENT_HEARTBEAT] = 1 + QOE_NUMBER_DROPPED_FRAMES,
        [QOE_EVENT_PLAYBACKRATECHANGE] = 1 + QOE_NUMBER_PLAYBACK_RATE
    };

    type = qoe_min((unsigned) x->s->type, QOE_EVENT_CUSTOM);

    return of[type] ? qoe_moment_number(x, (qoe_number_t) (of[type] - 1))
                    : NAN;
}


static bool
qoe_moment_before(const qoe_moment_t *a, const qoe_moment_t *b)
{
    if (a->at_ms != b->at_ms) {
        return a->at_ms < b->at_ms;
    }

    return qoe_event_type_rank((qoe_event_type_t) a->type)
           < qoe_event_type_rank((qoe_event_type_t) b->type);
}


/* Inserts an event in order; there must be room. */

void
qoe_moment_insert(qoe_view_t *v, const qoe_moment_t *m)
{
    size_t  i;

    for (i = v->nmoments; i > 0 && qoe_moment_before(m, &v->moment[i - 1]);
         i--)
    {
        v->moment[i] = v->moment[i - 1];
    }

    v->moment[i] = *m;
    v->nmoments++;
}


/*
 * Drops an event to make room.  Changes of the rendition and the first and last
 * event stay; the counts of a heartbeat are contained in the next one's.
 */

bool
qoe_moment_thin(qoe_view_t *v)
{
    size_t               i, n;
    const qoe_moment_t  *m;

    n = qoe_min(v->nmoments, QOE_VIEW_MOMENTS);

    for (i = 1; i + 1 < n; i++) {
        m = &v->moment[i];

        if (qoe_moment_informs(m) && m->type != QOE_EVENT_QUALITYCHANGE) {
            memmove(&v->moment[i], &v->moment[i + 1],
                    (n - i - 1) * sizeof(qoe_moment_t));
            v->nmoments = (uint8_t) (n - 1);
            return true;
        }
    }

    return false;
}


bool
qoe_moment_informs(const qoe_moment_t *m)
{
    if (m->type >= QOE_MOMENT_STATE) {
        return false;
    }

    switch (m->type) {

    case QOE_EVENT_PLAYING:
    case QOE_EVENT_PAUSE:
    case QOE_EVENT_SEEK:
    case QOE_EVENT_CANPLAY:
    case QOE_EVENT_STALLSTART:
    case QOE_EVENT_WAITSTART:
    case QOE_EVENT_STALLEND:
    case QOE_EVENT_ENDED:
    case QOE_EVENT_ERROR:
    case QOE_EVENT_PLAYBACKDETACHED:
    case QOE_EVENT_PLAYBACKRATECHANGE:
    case QOE_EVENT_MOVEAWAY:
    case QOE_EVENT_MOVEBACK:
        return false;

    default:
        return true;
    }
}


bool
qoe_moment_silent(const qoe_moment_t *m)
{
    return isnan(m->position) && isnan(m->told)
           && (qoe_moment_informs(m) || m->type == QOE_EVENT_CANPLAY
               || m->type == QOE_EVENT_MOVEBACK
               || m->type == QOE_EVENT_PLAYBACKRATECHANGE);
}


const qoe_moment_t *
qoe_moment_ahead(const qoe_judge_t *j, unsigned type, uint64_t ms)
{
    size_t  i;

    for (i = 0; i < j->nrest && j->rest[i].at_ms - j->m->at_ms <= ms; i++) {

        if (j->rest[i].type == type) {
            return &j->rest[i];
        }
    }

    return NULL;
}
