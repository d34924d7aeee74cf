
/*
 * Copyright (C) OpenQoE
 *
 * Which two stretches a full timeline merges: the nearest neighbours of a kind,
 * by the weight of that kind.
 */


#include <string.h>

#include "tap.h"
#include "qoe_timeline.h"


#define LOG_START  1700000000000ULL


static void
add(qoe_timeline_t *t, qoe_stretch_kind_t kind, uint64_t start, uint64_t ms)
{
    qoe_stretch_t  s;

    memset(&s, 0, sizeof(s));
    s.kind = (uint32_t) kind;
    s.start_ms = LOG_START + start;
    s.ms = ms;
    s.errors = kind == QOE_STRETCH_ERROR;

    qoe_timeline_add(t, &s);
}


/* 33 short stalls a minute apart, of which two are only 5 s apart. */

static void
test_pairs(void)
{
    size_t          i, pair, wrong;
    uint64_t        at;
    qoe_stretch_t   s[QOE_TIMELINE_ENTRIES];
    qoe_timeline_t  t;

    wrong = 0;

    for (pair = 0; pair + 1 < QOE_TIMELINE_ENTRIES; pair++) {
        qoe_timeline_begin(&t, LOG_START);

        for (i = 0; i < QOE_TIMELINE_ENTRIES + 1; i++) {
            at = i * 60000 - (i > pair ? 55000 : 0);
            add(&t, QOE_STRETCH_STALL, at, 10);
        }

        wrong += (qoe_timeline_stretches(&t, 0, LOG_START + at + 10, s)
                  != QOE_TIMELINE_ENTRIES || t.merged != 1);

        for (i = 0; i < QOE_TIMELINE_ENTRIES; i++) {
            at = LOG_START + i * 60000 + (i > pair ? 5000 : 0);
            wrong += s[i].start_ms != at || s[i].ms != (i == pair ? 20 : 10);
        }
    }

    ok(wrong == 0, "the two neighbours that are nearest to each other are the "
       "ones that are merged, wherever they are");
}


/*
 * A full timeline of pauses an hour apart, with a pair of some kind that covers
 * 10 s, and a pair of stretches of playing that covers more or less.
 */

static bool
playing_stays(qoe_stretch_kind_t kind, uint64_t covered)
{
    size_t          i, n, playing;
    uint64_t        at, ms;
    qoe_stretch_t   s[QOE_TIMELINE_ENTRIES];
    qoe_timeline_t  t;

    qoe_timeline_begin(&t, LOG_START);
    ms = (kind == QOE_STRETCH_ERROR) ? 0 : 100;

    for (i = 0; i < QOE_TIMELINE_ENTRIES - 4; i++) {
        add(&t, QOE_STRETCH_PAUSE, i * 3600000, 1000);
    }

    at = i++ * 3600000;
    add(&t, kind, at, ms);
    add(&t, kind, at + 10000 - ms, ms);
    at = i++ * 3600000;
    add(&t, QOE_STRETCH_PLAYING, at, 1000);
    add(&t, QOE_STRETCH_PLAYING, at + covered - 1000, 1000);
    add(&t, QOE_STRETCH_PAUSE, i * 3600000, 1000);

    n = qoe_timeline_stretches(&t, 0, LOG_START + (i + 1) * 3600000, s);
    playing = 0;

    for (i = 0; i < n; i++) {
        playing += (s[i].kind == QOE_STRETCH_PLAYING);
    }

    if (t.merged != 1) {
        printf("# %u were merged\n", (unsigned) t.merged);
    }

    return playing == 2;
}


static void
test_weights(void)
{
    size_t  i;
    static const struct {
        const char          *name;
        qoe_stretch_kind_t   kind;
        unsigned             weight;
    } kinds[] = {
        { "of startup", QOE_STRETCH_STARTUP, 1 },
        { "of stalls", QOE_STRETCH_STALL, 4 },
        { "of seeks", QOE_STRETCH_SEEK, 2 },
        { "of pauses", QOE_STRETCH_PAUSE, 2 },
        { "of hidden time", QOE_STRETCH_HIDDEN, 1 },
        { "of errors", QOE_STRETCH_ERROR, 4 }
    };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        ok(!playing_stays(kinds[i].kind, kinds[i].weight * 10000 - 1)
           && playing_stays(kinds[i].kind, kinds[i].weight * 10000 + 1),
           "a pair %s is kept as long as a pair of playing that covers %u "
           "times its time", kinds[i].name, kinds[i].weight);
    }
}


int
main(void)
{
    test_pairs();
    test_weights();

    return tap_end();
}
