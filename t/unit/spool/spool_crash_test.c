
/*
 * Copyright (C) OpenQoE
 *
 * Power loss at any moment: after the restart every record that was durable
 * and not done is there, whole; a record durably done does not come again.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "crash_model.h"
#include "spool_unit.h"


#define RECORDS            200
#define RANDOM             6                 /* parts tried at each moment */

/* marks in the list of calls; the number of a record is added */
#define DURABLE            1000              /* all records before it are */
#define DONE               2000              /* may be done from here on */


static int               appended;
static char              base[PATH_MAX + 8];
static qoe_spool_ref_t  *ref[RECORDS];


static void
add(qoe_spool_t *sp, int n, bool hold)
{
    while (n-- != 0) {
        if (append(sp, appended, 180 + (size_t) (appended * 37 % 900), 1,
                   hold ? &ref[appended] : NULL) != QOE_OK)
        {
            abort();
        }

        appended++;
    }
}


static bool
sync_all(qoe_spool_t *sp)
{
    if (qoe_spool_sync(sp) != QOE_OK) {
        return false;
    }

    crash_mark((uint64_t) (DURABLE + appended));

    return true;
}


static void
done(qoe_spool_t *sp, int n)
{
    crash_mark((uint64_t) (DONE + n));
    qoe_spool_done(sp, ref[n]);
}


/* Reads k records of the backlog. */

static void
backlog(qoe_spool_t *sp, int k)
{
    int               i;
    qoe_status_t      rc;
    qoe_spool_item_t  item;

    for (i = 0; k > 0 && i < 1000; i++) {
        rc = qoe_spool_next(sp, now(), &item);

        if (rc == QOE_AGAIN) {
            pass(sp, 100);

        } else if (rc != QOE_OK) {
            return;

        } else {
            crash_mark((uint64_t) (DONE + number_of(&item)));
            qoe_spool_next_done(sp);
            k--;
        }
    }
}


/* Two lives of the spool: the second takes over what the first left. */

static void
scenario(bool fails)
{
    int           n;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    zone = spool_zone();
    sp = spool_new(zone);

    add(sp, 3, true);
    sync_all(sp);
    done(sp, 1);
    add(sp, 2, false);
    add(sp, 2, true);
    sync_all(sp);
    done(sp, 0);
    done(sp, 6);
    pass(sp, 1100);

    /* The records pass the end of the first segment, and of the second. */

    for (n = 0; n < 10; n++) {
        add(sp, 2, true);
        sync_all(sp);
    }

    if (fails) {
        add(sp, 3, true);
        crash_sync_errno = EIO;

        if (sync_all(sp)) {
            abort();
        }

        done(sp, 26);
        pass(sp, 1100);
        sync_all(sp);
    }

    for (n = 7; n < 27; n++) {
        if (n != 26 || !fails) {
            done(sp, n);
        }
    }

    qoe_spool_leave(sp, ref[2]);
    qoe_spool_leave(sp, ref[5]);
    pass(sp, 1100);
    backlog(sp, 2);
    pass(sp, 1100);

    add(sp, 12, false);
    sync_all(sp);
    qoe_spool_destroy(sp);
    spool_zone_free(zone);

    zone = spool_zone();
    sp = spool_new(zone);
    pass(sp, 0);
    add(sp, 2, true);
    sync_all(sp);
    backlog(sp, 5);
    qoe_spool_leave(sp, ref[appended - 1]);
    done(sp, appended - 2);
    pass(sp, 2500);
    backlog(sp, 100);
    pass(sp, 2500);
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/*
 * What recovery gives back after a crash after n calls. state of a record: bit
 * 0 it must be there, bit 1 it must not.
 */

static int
recover(int n, const int *state, int *damaged)
{
    int           i, k, wrong;
    char          seen[RECORDS];
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    memset(seen, 0, sizeof(seen));
    wrong = 0;

    zone = spool_zone();
    sp = spool_new(zone);
    pass(sp, 0);

    for (k = 0; k < 2 * RECORDS && (i = next(sp)) != -2; k++) {
        if (i < 0 || i >= appended) {
            printf("# at %d: a record that was never written\n", n);
            wrong++;

        } else {
            seen[i] = 1;
        }
    }

    for (i = 0; i < appended; i++) {
        if ((state[i] & 1) && !seen[i]) {
            printf("# at %d: record %d is missing\n", n, i);
            wrong++;
        }

        if ((state[i] & 2) && seen[i]) {
            printf("# at %d: record %d was done\n", n, i);
            wrong++;
        }
    }

    *damaged += counter(zone, QOE_DEST_SEGMENTS_DAMAGED) != 0;
    wrong += spooled(zone) != 0 || segments() != 0
             || counter(zone, QOE_DEST_RECOVERED)
                != (uint64_t) k + counter(zone, QOE_DEST_DROPPED_CORRUPT);

    qoe_spool_destroy(sp);
    spool_zone_free(zone);

    return wrong;
}


/* What the disk must and must not hold after n calls. */

static void
expect(int n, int *state, bool fails)
{
    int       i, r, file[RECORDS];
    uint64_t  value;

    memset(state, 0, RECORDS * sizeof(int));
    memset(file, 0, sizeof(file));

    for (i = 0; i < n; i++) {

        if (crash_ops[i].type == CRASH_UNLINK) {

            /* The file may come back, but what is done in it may not. */

            for (r = 0; r < RECORDS && !fails; r++) {
                state[r] |= (file[r] == crash_ops[i].to && file[r]) ? 2 : 0;
            }
        }

        if (crash_ops[i].type != CRASH_MARK) {
            continue;
        }

        value = crash_ops[i].offset;

        if (value < DONE) {
            for (r = 0; r < (int) value - DURABLE; r++) {
                state[r] |= (state[r] & 4) ? 0 : 1;
            }

            continue;
        }

        r = (int) value - DONE;
        state[r] = 4;

        /* The mark is the next call; a copy elsewhere may lack it. */

        if (!fails && i + 1 < n && crash_ops[i + 1].type == CRASH_WRITE
            && crash_ops[i + 1].len == 1)
        {
            file[r] = crash_ops[i + 1].node;
            state[r] |= crash_forced(i + 1, n) ? 2 : 0;
        }
    }
}


static void
test_crashes(bool fails)
{
    int   n, how, wrong, states, damaged, must, state[RECORDS];

    begin();
    conf.segment_size = 8 * 1024;

    /* The file is not there yet. */

    snprintf(base, sizeof(base), "%s/spool", dir);
    conf.dir = qoe_span_str(base);

    for (n = 0; n < crash_nops; n++) {
        free(crash_ops[n].data);
    }

    memset(crash_ops, 0, sizeof(crash_ops));
    crash_nops = 0;
    crash_nnodes = 0;
    appended = 0;

    crash_record(dir);
    scenario(fails);
    crash_on = false;

    clear(dir, true);
    wrong = 0;
    states = 0;
    damaged = 0;
    must = 0;

    for (n = 0; n <= crash_nops; n++) {

        expect(n, state, fails);

        for (how = 0; how < 2 + RANDOM; how++) {
            clear(dir, true);
            crash_replay(n, how, dir);
            wrong += recover(n, state, &damaged);
            states++;
        }

        for (how = 0; how < appended; how++) {
            must += state[how] & 1;
        }
    }

    ok(wrong == 0 && must > 1000,
       "%s: after a crash at any time (%d records, %d calls, %d states of the "
       "disk) %d are wrong", fails ? "with failing syncs" : "syncs", appended,
       crash_nops, states, wrong);
    ok(damaged > 0 && damaged < states / 2,
       "some of these states had torn writes (%d)", damaged);
}


int
main(void)
{
    self = qoe_proc_self();

    test_crashes(false);
    test_crashes(true);

    clear(dir, false);

    return tap_end();
}
