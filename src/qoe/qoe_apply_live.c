
/*
 * Copyright (C) OpenQoE
 *
 * What the consumer of a lane writes for the live page: how many views are
 * watched, and the views that went badly.
 */


#include "qoe_apply_priv.h"
#include "qoe_number.h"

#include <math.h>


/* The view slots that a tick looks at, or an eighth of all if that is more. */
#define QOE_APPLY_COUNT        4096
#define QOE_APPLY_COUNT_TICKS  8

/*
 * The fewer slots there are, the sooner they are counted again: so many for
 * each ms since the last count, which takes a thousandth of the thread's time.
 */
#define QOE_APPLY_COUNT_RATE   40
#define QOE_APPLY_COUNT_MS     (QOE_LIVE_STEP_S * 1000)


static bool qoe_apply_watched_due(const qoe_apply_t *a, uint64_t now_ms);
static void qoe_apply_text(char *to, size_t size, qoe_span_t text);
static uint16_t qoe_apply_bad_labels(qoe_apply_t *a, const qoe_view_t *v,
    char *to);
static void qoe_apply_bad_texts(qoe_apply_t *a, const qoe_view_t *v,
    qoe_live_bad_t *bad);
static uint32_t qoe_apply_ms(double ms);


/* The dimensions that a bad view is shown with, as far as metrics have them. */

static const qoe_dim_t  qoe_apply_shown[] = {
    QOE_DIM_VIDEO_TITLE, QOE_DIM_VIDEO_ID, QOE_DIM_CDN_PROVIDER,
    QOE_DIM_NETWORK_COUNTRY_CODE, QOE_DIM_DEVICE_CATEGORY, QOE_DIM_ORG_ID,
    QOE_DIM_BROWSER_FAMILY, QOE_DIM_OS_FAMILY, QOE_DIM_PLAYER_NAME,
    QOE_DIM_APP_NAME
};


/* Cut at a character, and padded with NUL. */

static void
qoe_apply_text(char *to, size_t size, qoe_span_t text)
{
    text = qoe_text_cut(text, size);
    memset(to, 0, size);

    if (text.len != 0) {
        memcpy(to, text.data, text.len);
    }
}


void
qoe_apply_bad(qoe_apply_t *a, const qoe_view_t *v, uint64_t now_ns)
{
    uint32_t         why;
    qoe_live_bad_t   bad;
    qoe_view_sums_t  sums;

    sums = qoe_view_sums(v);
    why = qoe_live_why(&a->points, sums.startup);

    if (why == 0) {
        return;
    }

    memset(&bad, 0, sizeof(bad));

    bad.at_ms = now_ns / 1000000;
    bad.why = why;
    bad.startup_ms = isnan(sums.startup) ? UINT32_MAX
                                         : qoe_apply_ms(sums.startup);
    bad.playing_ms = qoe_apply_ms((double) sums.playing_ms);
    bad.stalled_ms = qoe_apply_ms((double) sums.stalled_ms);
    bad.stalls = sums.stalls;

    qoe_apply_bad_texts(a, v, &bad);
    bad.labels_len = qoe_apply_bad_labels(a, v, bad.labels);

    qoe_live_bad(a->st->live, &bad);
}


/* An id that has no room is left out, because a part of it finds nothing. */

static void
qoe_apply_bad_texts(qoe_apply_t *a, const qoe_view_t *v, qoe_live_bad_t *bad)
{
    char        buf[QOE_LABELS_MAX];
    qoe_span_t  text, error;

    text = qoe_apply_view_id(a, v, buf);

    if (text.len <= QOE_VIEW_ID) {
        qoe_apply_text(bad->view_id, QOE_VIEW_ID, text);
    }

    error = qoe_apply_error(a, v, buf);
    text = qoe_labels_get(error, qoe_span("code"));

    if (text.len == 0) {
        text = qoe_labels_get(error, qoe_span("family"));
    }

    qoe_apply_text(bad->error, QOE_VIEW_ERROR, text);
}


/* Copies the attributes that are shown, as far as there is room for them. */

static uint16_t
qoe_apply_bad_labels(qoe_apply_t *a, const qoe_view_t *v, char *to)
{
    char        buf[QOE_LABELS_MAX];
    size_t      i, len;
    qoe_span_t  packed, name, value;

    packed.data = buf;
    packed.len = qoe_store_block_read(a->store,
                                      qoe_sessions_base(v)
                                          .grain[QOE_GRAIN_HEADLINE],
                                      buf);
    a->labels.len = 0;

    for (i = 0; i < sizeof(qoe_apply_shown) / sizeof(qoe_apply_shown[0]); i++)
    {
        name = a->conf->dims->dim[qoe_apply_shown[i]].name;
        value = qoe_labels_get(packed, name);

        if (value.data == NULL) {
            continue;
        }

        len = a->labels.len;
        (void) qoe_labels_add(&a->labels, name, value);

        if (a->labels.len > QOE_LIVE_LABELS) {
            a->labels.len = len;
        }
    }

    memcpy(to, a->labels.data, a->labels.len);

    return (uint16_t) a->labels.len;
}


static uint32_t
qoe_apply_ms(double ms)
{
    return (uint32_t) fmin(fmax(ms, 0), UINT32_MAX - 1);
}


/*
 * A slice of the count; it is complete with the last one.  Views that count for
 * the last time at this ms are left out: nothing would wake the thread to count
 * again after them.
 */

void
qoe_apply_watched(qoe_apply_t *a, uint64_t now_ns)
{
    uint32_t           used, end;
    uint64_t           now_ms, until;
    const qoe_view_t  *v;

    now_ms = now_ns / 1000000;

    if (!a->counting) {

        if (!qoe_apply_watched_due(a, now_ms)) {
            return;
        }

        a->counting = true;
        a->moved = false;
        a->counted = 0;
        a->count = 0;
        a->until_ms = 0;
    }

    used = qoe_sessions_touched(a->sessions);
    end = a->counted + qoe_max((uint32_t) QOE_APPLY_COUNT,
                               used / QOE_APPLY_COUNT_TICKS);
    end = qoe_min(end, used);

    for (/* void */; a->counted < end; a->counted++) {

        v = qoe_sessions_slot(a->sessions, a->counted);
        until = qoe_view_concurrent_ms(v);

        if (until > now_ms && v->over == 0) {
            a->count++;
            a->until_ms = qoe_max(a->until_ms, until);
        }
    }

    if (a->counted < used) {
        return;
    }

    qoe_live_watched(a->st->live_lane[a->lane], a->count, now_ns);

    a->counting = false;
    a->counted_ms = now_ms;
    a->stands_ms = (a->count != 0) ? a->until_ms : UINT64_MAX;
}


/*
 * An event may have changed the count, or silence has: it is not known of each
 * view when that was, only that by then all have fallen silent.
 */

static bool
qoe_apply_watched_due(const qoe_apply_t *a, uint64_t now_ms)
{
    uint64_t  pause;

    pause = qoe_sessions_touched(a->sessions) / QOE_APPLY_COUNT_RATE;
    pause = qoe_min(pause, (uint64_t) QOE_APPLY_COUNT_MS);

    /* a clock that was set back must not stop the count */

    return now_ms >= a->stands_ms
           || (a->moved && (now_ms >= a->counted_ms + pause
                            || now_ms < a->counted_ms));
}


/* No event is waited for: the thread is awake when one comes. */

uint64_t
qoe_apply_watched_ms(const qoe_apply_t *a)
{
    return a->stands_ms;
}
