
/*
 * Copyright (C) OpenQoE
 *
 * Rosters: what is a list of values and what is none, and that a look-up never
 * meets a roster that was freed.
 */


#include "tap.h"
#include "qoe_atomic.h"
#include "qoe_roster.h"

#include <pthread.h>


#define LOOKS   200000
#define CHANGES 2000


static qoe_roster_t *
made(const char *text)
{
    char           err[256];
    qoe_roster_t  *r;

    r = NULL;
    (void) qoe_roster_make(&r, qoe_span_str(text), 8, err, sizeof(err));

    return r;
}


static bool
fails(qoe_span_t text, const char *says)
{
    char           err[256];
    qoe_roster_t  *r;
    qoe_status_t   rc;

    err[0] = '\0';
    rc = qoe_roster_make(&r, text, 8, err, sizeof(err));

    if (rc == QOE_INVALID && strcmp(err, says) == 0) {
        return true;
    }

    printf("# status %d, \"%s\"\n", (int) rc, err);

    if (rc == QOE_OK) {
        qoe_roster_free(r);
    }

    return false;
}


static bool
has(qoe_roster_slot_t *slot, const char *value)
{
    return qoe_roster_has(slot, qoe_span_str(value));
}


static void
test_text(void)
{
    qoe_roster_slot_t  slot;

    memset(&slot, 0, sizeof(slot));
    slot.roster = made("# top titles\n\n a b\t\r\nc\n\xc3\xa4\nc\n#d\nlast");

    ok(slot.roster != NULL && qoe_roster_count(slot.roster) == 4,
       "a roster has each value once, without comments and blank lines");
    ok(has(&slot, "a b") && has(&slot, "c") && has(&slot, "\xc3\xa4")
       && has(&slot, "last"),
       "white space around a value is no part of it, and the last line needs "
       "no end");
    ok(!has(&slot, "d") && !has(&slot, "") && !has(&slot, "a")
       && !has(&slot, "a b "),
       "nothing else is in it");
    qoe_roster_free(slot.roster);
}


static void
test_faults(void)
{
    ok(fails(qoe_span(""), "there is no value")
       && fails(qoe_span("\n# a\n \n"), "there is no value"),
       "a text without a value is no roster");
    ok(fails(qoe_span("12345678\n123456789\n"),
             "line 2 is longer than \"maxlen=\""),
       "a value that no event can have after it is cut is an error");
    ok(fails(qoe_span("a\n\nb\001\n"), "line 3 has a control character")
       && fails(qoe_span("a\0b"), "line 1 has a control character"),
       "so is a control character");
    ok(fails(qoe_span("a\nb\xff\n"), "line 2 is not UTF-8"),
       "so is a byte that is not UTF-8");
}


static void
test_many(void)
{
    char               *text, name[16];
    bool                all;
    size_t              len;
    uint32_t            i;
    qoe_roster_slot_t   slot;

    text = malloc(QOE_ROSTER_VALUES * 8 + 64);
    len = 0;

    for (i = 0; i < QOE_ROSTER_VALUES; i++) {
        len += (size_t) sprintf(text + len, "v%u\n", i);
    }

    len += (size_t) sprintf(text + len, "v0\n");

    memset(&slot, 0, sizeof(slot));
    slot.roster = made(text);
    ok(slot.roster != NULL
       && qoe_roster_count(slot.roster) == QOE_ROSTER_VALUES,
       "there may be %d values, some of them twice", QOE_ROSTER_VALUES);

    for (i = 0, all = true; i < QOE_ROSTER_VALUES; i++) {
        sprintf(name, "v%u", i);
        all = all && has(&slot, name);
    }

    ok(all && !has(&slot, "v100000"), "all of them are found");
    qoe_roster_free(slot.roster);

    (void) sprintf(text + len, "w\n");
    ok(fails(qoe_span_str(text), "line 100002 is one value too many"),
       "one more is an error");
    free(text);
}


/* The second thread looks up, as an event loop does. */

typedef struct {
    qoe_roster_slot_t   slot;
    uint32_t            stop;
    uint64_t            looks;
    uint64_t            wrong;
} race_t;


static void *
look(void *data)
{
    race_t  *race = data;

    while (!qoe_acquire(&race->stop) || race->looks < LOOKS) {
        race->wrong += !has(&race->slot, "always");
        race->wrong += has(&race->slot, "never");
        race->looks++;
    }

    return NULL;
}


static void
test_race(void)
{
    race_t        race;
    uint32_t      i;
    pthread_t     thread;
    qoe_roster_t  *r;

    memset(&race, 0, sizeof(race));
    race.slot.roster = made("always\n");
    pthread_create(&thread, NULL, look, &race);

    for (i = 0; i < CHANGES; ) {
        r = made((i & 1) ? "always\na\nb\n" : "x\ny\nalways\n");

        if (qoe_roster_put(&race.slot, r) == QOE_OK) {
            i++;
            continue;
        }

        qoe_roster_free(r);
    }

    qoe_publish(&race.stop, 1);
    pthread_join(thread, NULL);
    qoe_roster_reap(&race.slot);

    ok(race.wrong == 0 && race.looks >= LOOKS
       && qoe_roster_version(&race.slot) == CHANGES
       && race.slot.old == NULL,
       "look-ups in another thread are right while the roster is replaced %d "
       "times, and the old ones are freed", CHANGES);
    qoe_roster_free(race.slot.roster);
}


static void
test_busy(void)
{
    qoe_roster_t       *r;
    qoe_roster_slot_t   slot;
    const qoe_roster_t *held;

    memset(&slot, 0, sizeof(slot));
    slot.roster = made("a\n");
    held = qoe_roster_enter(&slot);

    ok(qoe_roster_put(&slot, made("b\n")) == QOE_OK && has(&slot, "b")
       && qoe_span_eq(qoe_roster_value(held, 0), qoe_span("a")),
       "a roster stays whole for a thread that has it");

    r = made("c\n");
    ok(qoe_roster_put(&slot, r) == QOE_BUSY && has(&slot, "b"),
       "another one must wait until that thread has left");

    qoe_roster_leave(&slot);
    ok(qoe_roster_put(&slot, r) == QOE_OK && has(&slot, "c"),
       "then it takes its place");

    qoe_roster_reap(&slot);
    qoe_roster_free(slot.roster);
}


int
main(void)
{
    test_text();
    test_faults();
    test_many();
    test_busy();
    test_race();

    return tap_end();
}
