
/*
 * Copyright (C) OpenQoE
 *
 * The record of a view: made from its state, packed, and unpacked.
 *
 *   fixed part: head, numbers, lengths of the texts | texts | dimensions
 *   | timeline
 */


#include "qoe_view_record.h"
#include "qoe_view_priv.h"


#define QOE_VIEW_RECORD_FORMAT  0x31574956



/* The bytes of the numbers, flags and lengths; a member for each. */

typedef struct {
    uint32_t        format;
    uint32_t        timeline_len;
    uint64_t        made_ns;
    uint32_t        dims_len;
    uint8_t         failed;
    uint8_t         trace;

#define QOE_VIEW_TEXT_FIXED(member, name, text)   uint16_t  member##_len;
#define QOE_VIEW_COUNT_FIXED(member, name, text)  uint64_t  member;
#define QOE_VIEW_REAL_FIXED(member, name, text)   double  member;
#define QOE_VIEW_FLAG_FIXED(member, name, text)   uint8_t  member;
    QOE_VIEW_ATTRIBUTES(QOE_VIEW_TEXT_FIXED, QOE_VIEW_COUNT_FIXED,
                        QOE_VIEW_COUNT_FIXED, QOE_VIEW_REAL_FIXED,
                        QOE_VIEW_FLAG_FIXED)
#undef QOE_VIEW_TEXT_FIXED
#undef QOE_VIEW_COUNT_FIXED
#undef QOE_VIEW_REAL_FIXED
#undef QOE_VIEW_FLAG_FIXED
} __attribute__((packed)) qoe_view_fixed_t;


/* Where texts are written to, or read from. */

typedef struct {
    char           *p;
    size_t          left;
} qoe_view_cursor_t;


static void qoe_view_record_startup(qoe_view_record_t *r,
    const qoe_view_t *v);
static void qoe_view_record_picture(qoe_view_record_t *r,
    const qoe_view_t *v);
static void qoe_view_record_over(qoe_view_record_t *r, const qoe_view_t *v);
static uint64_t qoe_view_quartile(const qoe_view_t *v);
static qoe_span_t qoe_view_source(const qoe_view_t *v);
static double qoe_view_completion(const qoe_view_t *v);
static size_t qoe_view_put(qoe_view_cursor_t *c, qoe_span_t text, size_t max);
static bool qoe_view_get(qoe_view_cursor_t *c, qoe_span_t *text, size_t len);


static const qoe_span_t  qoe_view_end_names[] = {
    [QOE_VIEW_ENDED] = { "ended", 5 },
    [QOE_VIEW_DETACHED] = { "detached", 8 },
    [QOE_VIEW_REPLACED] = { "replaced", 8 },
    [QOE_VIEW_SILENT] = { "silent", 6 },
    [QOE_VIEW_EVICTED] = { "evicted", 7 }
};


/* NaN stands for a number that a view does not have. */

static inline double
qoe_view_known(double value)
{
    return value > 0 && isfinite(value) ? value : NAN;
}


/* Who has described the view: an SDK, its reports or requests, or both. */

static qoe_span_t
qoe_view_source(const qoe_view_t *v)
{
    if (qoe_view_reported(v)) {
        return qoe_span("cmcd");
    }

    return (v->flags & QOE_VIEW_REPORTS) || v->requests.requests != 0
           ? qoe_span("events+cmcd") : qoe_span("events");
}


void
qoe_view_record_make(qoe_view_record_t *r, const qoe_view_t *v,
    uint64_t made_ns)
{
    memset(r, 0, sizeof(qoe_view_record_t));

    r->made_ns = made_ns;
    r->source = qoe_view_source(v);
    r->play = v->play;
    r->seq = (uint64_t) v->records + 1;
    r->continued = (v->flags & QOE_VIEW_CONTINUED) != 0;
    r->started = (v->flags & QOE_VIEW_STARTED) != 0;
    r->start_ms = v->born_ms;
    r->end_ms = qoe_max(v->seen_ms, v->born_ms);
    r->events = v->events;

    r->playing_ms = v->playing_ms;
    r->watched_ms = v->watched_ms;
    r->paused_ms = v->paused_ms;
    r->seeking_ms = v->seeking_ms;
    r->hidden_ms = v->hidden_ms;
    r->stalled_ms = v->stalled_ms;
    r->stalls = v->stalls;
    r->longest_stall_ms = v->longest_ms;
    r->pauses = v->pauses;
    r->seeks = v->seeks;
    r->errors = v->errors;

    r->requests = v->requests.requests;
    r->request_bytes = v->requests.bytes;
    r->request_errors = v->requests.errors;
    r->request_aborts = v->requests.aborted;
    r->deadline_misses = v->requests.misses;
    r->request_stalls = v->requests.stalls;

    r->quartile = qoe_view_quartile(v);
    r->max_position_ms = v->max_position;
    r->duration_ms = qoe_view_known((double) v->duration);
    r->completion = qoe_view_completion(v);

    qoe_view_record_startup(r, v);
    qoe_view_record_picture(r, v);
    qoe_view_record_over(r, v);
}


static void
qoe_view_record_startup(qoe_view_record_t *r, const qoe_view_t *v)
{
    bool  first;

    first = (v->flags & QOE_VIEW_FIRST) != 0;

    r->startup_ms = v->startup;
    r->aggregate_startup_ms = v->aggregate;
    r->page_load_ms = first ? qoe_view_known(v->page) : NAN;
    r->player_startup_ms = (first && v->ready_ms != 0) ? v->ready : NAN;
}


static void
qoe_view_record_picture(qoe_view_record_t *r, const qoe_view_t *v)
{
    bool    sized;
    double  playing;

    playing = (double) v->playing_ms;
    sized = (v->flags & QOE_VIEW_SIZED) != 0 && playing > 0;

    r->bitrate = qoe_view_known(qoe_view_mean_rate(&v->media[QOE_VIEW_VIDEO]));
    r->top_bitrate = qoe_view_known((double) v->top);
    r->top_height = qoe_view_known(v->top_height);
    r->height = v->pixel_ms != 0
                ? qoe_view_known(v->height_sum / (double) v->pixel_ms) : NAN;
    r->switches_up = v->switches_up;
    r->switches_down = v->switches_down;
    r->upscale_share = sized ? qoe_view_share((double) v->up_ms, playing)
                             : NAN;
    r->downscale_share = sized ? qoe_view_share((double) v->down_ms, playing)
                               : NAN;
    r->dropped_frames = v->frames_lost;
}


static void
qoe_view_record_over(qoe_view_record_t *r, const qoe_view_t *v)
{
    unsigned            why;
    qoe_view_scores_t   s;
    qoe_view_outcome_t  outcome;

    r->startup_score = r->rebuffer_score = NAN;
    r->quality_score = r->experience_score = NAN;

    if (v->over == 0) {
        return;
    }

    outcome = (qoe_view_outcome_t) v->outcome;
    why = v->over - 1u;

    r->final = true;
    r->outcome = qoe_view_outcome_name(outcome);
    r->end_reason = qoe_view_end_names[qoe_min(why, QOE_VIEW_EVICTED)];
    r->failed = (outcome == QOE_VIEW_FAILED_START
                 || outcome == QOE_VIEW_FAILED);

    qoe_view_scores(&s, v, outcome);

    r->startup_score = s.startup;
    r->rebuffer_score = s.rebuffer;
    r->quality_score = s.quality;
    r->experience_score = s.experience;
}


/* The highest quartile of those reached, of which each has a bit. */

static uint64_t
qoe_view_quartile(const qoe_view_t *v)
{
    uint64_t  n;

    for (n = 4; n != 0 && (v->quartiles >> (n - 1) & 1) == 0; n--) {
        /* void */
    }

    return 25 * n;
}


static double
qoe_view_completion(const qoe_view_t *v)
{
    if (!isnan(v->completion)) {
        return (double) v->completion;
    }

    if (!(v->duration > 0) || isnan(v->max_position)) {
        return NAN;
    }

    return qoe_view_share(v->max_position, (double) v->duration);
}


size_t
qoe_view_record_pack(char buf[QOE_VIEW_RECORD_MAX], const qoe_view_record_t *r)
{
    size_t             timeline;
    qoe_view_fixed_t   fixed;
    qoe_view_cursor_t  c;

    memset(&fixed, 0, sizeof(fixed));

    fixed.format = QOE_VIEW_RECORD_FORMAT;
    fixed.made_ns = r->made_ns;
    fixed.failed = r->failed;
    fixed.trace = r->trace;

    c.p = buf + sizeof(fixed);
    c.left = QOE_VIEW_RECORD_MAX - sizeof(fixed);

    timeline = r->timeline.len <= QOE_TIMELINE_MAX ? r->timeline.len : 0;

#define QOE_VIEW_TEXT_PACK(member, name, text)                                \
    fixed.member##_len = (uint16_t) qoe_view_put(&c, r->member, UINT16_MAX);
#define QOE_VIEW_MEMBER_PACK(member, name, text)  fixed.member = r->member;

    QOE_VIEW_ATTRIBUTES(QOE_VIEW_TEXT_PACK, QOE_VIEW_MEMBER_PACK,
                        QOE_VIEW_MEMBER_PACK, QOE_VIEW_MEMBER_PACK,
                        QOE_VIEW_MEMBER_PACK)

#undef QOE_VIEW_TEXT_PACK
#undef QOE_VIEW_MEMBER_PACK

    fixed.dims_len = (uint32_t) qoe_view_put(&c, r->dims, QOE_LABELS_MAX);
    fixed.timeline_len = (uint32_t) qoe_view_put(&c, r->timeline, timeline);

    memcpy(buf, &fixed, sizeof(fixed));

    return QOE_VIEW_RECORD_MAX - c.left;
}


/* Writes the text, unless it is longer than max or than the room. */

static size_t
qoe_view_put(qoe_view_cursor_t *c, qoe_span_t text, size_t max)
{
    if (text.len == 0 || text.len > max || text.len > c->left) {
        return 0;
    }

    memcpy(c->p, text.data, text.len);

    c->p += text.len;
    c->left -= text.len;

    return text.len;
}


qoe_status_t
qoe_view_record_unpack(qoe_view_record_t *r, qoe_span_t packed)
{
    bool               ok;
    qoe_view_fixed_t   fixed;
    qoe_view_cursor_t  c;

    if (qoe_view_record_made(packed) == 0) {
        return QOE_INVALID;
    }

    memcpy(&fixed, packed.data, sizeof(fixed));
    memset(r, 0, sizeof(qoe_view_record_t));

    r->made_ns = fixed.made_ns;
    r->failed = fixed.failed != 0;
    r->trace = fixed.trace != 0;

    c.p = (char *) (uintptr_t) packed.data + sizeof(fixed);
    c.left = packed.len - sizeof(fixed);
    ok = true;

#define QOE_VIEW_TEXT_UNPACK(member, name, text)                              \
    ok &= qoe_view_get(&c, &r->member, fixed.member##_len);
#define QOE_VIEW_MEMBER_UNPACK(member, name, text)  r->member = fixed.member;
#define QOE_VIEW_FLAG_UNPACK(member, name, text)                              \
    r->member = fixed.member != 0;

    QOE_VIEW_ATTRIBUTES(QOE_VIEW_TEXT_UNPACK, QOE_VIEW_MEMBER_UNPACK,
                        QOE_VIEW_MEMBER_UNPACK, QOE_VIEW_MEMBER_UNPACK,
                        QOE_VIEW_FLAG_UNPACK)

#undef QOE_VIEW_TEXT_UNPACK
#undef QOE_VIEW_MEMBER_UNPACK
#undef QOE_VIEW_FLAG_UNPACK

    ok &= qoe_view_get(&c, &r->dims, fixed.dims_len);
    ok &= qoe_view_get(&c, &r->timeline, fixed.timeline_len);

    return ok && c.left == 0 ? QOE_OK : QOE_INVALID;
}


static bool
qoe_view_get(qoe_view_cursor_t *c, qoe_span_t *text, size_t len)
{
    if (len > c->left) {
        *text = qoe_span_null;
        return false;
    }

    *text = (qoe_span_t) { c->p, len };

    c->p += len;
    c->left -= len;

    return true;
}


uint64_t
qoe_view_record_made(qoe_span_t packed)
{
    qoe_view_fixed_t  fixed;

    if (packed.len < sizeof(fixed) || packed.len > QOE_VIEW_RECORD_MAX) {
        return 0;
    }

    memcpy(&fixed, packed.data, offsetof(qoe_view_fixed_t, dims_len));

    return fixed.format == QOE_VIEW_RECORD_FORMAT ? fixed.made_ns : 0;
}
