
/*
 * Copyright (C) OpenQoE
 *
 * A directory, a zone and a clock for the tests of the spool.
 */


#ifndef _SPOOL_UNIT_H_INCLUDED_
#define _SPOOL_UNIT_H_INCLUDED_


#include "tap.h"
#include "zone_unit.h"
#include "qoe_segment.h"
#include "qoe_spool.h"
#include "qoe_spool_info.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


static char      dir[PATH_MAX];              /* of this test */
static uint64_t  skew;                       /* of the clock, ms */
static char      logged[1024];

static qoe_spool_conf_t  conf;


static inline void
log_write(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    (void) ctx;
    (void) level;

    len = qoe_min(len, sizeof(logged) - 1);
    memcpy(logged, text, len);
    logged[len] = '\0';
}


static const qoe_log_t  test_log = { log_write, NULL, QOE_LOG_INFO };


static inline uint64_t
now(void)
{
    return qoe_mono_ms() + skew;
}


/* Removes what is below path; path itself stays if keep. */

static inline void
clear(const char *path, bool keep)
{
    DIR            *d;
    char            name[PATH_MAX];
    struct dirent  *e;

    d = opendir(path);

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }

        if (snprintf(name, sizeof(name), "%s/%s", path, e->d_name)
            < (int) sizeof(name) && unlink(name) == -1)
        {
            clear(name, false);
        }
    }

    if (d != NULL) {
        closedir(d);
    }

    if (!keep) {
        rmdir(path);
    }
}


/*
 * Counts the files whose path below `path` ends with suffix; the last one is
 * in found.
 */

static char  found[PATH_MAX];

static inline int
count_files(const char *path, const char *suffix)
{
    int             n;
    DIR            *d;
    char            name[PATH_MAX];
    size_t          len;
    struct stat     st;
    struct dirent  *e;

    n = 0;
    d = opendir(path);

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0
            || snprintf(name, sizeof(name), "%s/%s", path, e->d_name)
               >= (int) sizeof(name)
            || lstat(name, &st) == -1)
        {
            continue;
        }

        if (S_ISDIR(st.st_mode)) {
            n += count_files(name, suffix);
            continue;
        }

        len = strlen(name);

        if (len >= strlen(suffix)
            && strcmp(name + len - strlen(suffix), suffix) == 0)
        {
            n++;
            strcpy(found, name);
        }
    }

    if (d != NULL) {
        closedir(d);
    }

    return n;
}


/* Segments of any kind, not those of the quarantine. */

static inline int
segments(void)
{
    int   n;
    char  path[PATH_MAX + 16];

    n = count_files(dir, ".seg") + count_files(dir, ".open");
    snprintf(path, sizeof(path), "%s/quarantine", dir);

    return n - count_files(path, ".seg");
}


static inline void
begin(void)
{
    if (dir[0] == '\0') {
        const char  *tmp;

        tmp = getenv("TMPDIR");
        snprintf(dir, sizeof(dir), "%s/qoe_spool.XXXXXX", tmp ? tmp : "/tmp");

        if (mkdtemp(dir) == NULL) {
            abort();
        }
    }

    clear(dir, true);
    logged[0] = '\0';

    memset(&conf, 0, sizeof(conf));
    conf.dir = qoe_span_str(dir);
    conf.max_size = 64 * 1024 * 1024;
    conf.segment_size = 1024 * 1024;
    conf.sync_ms = 1000;
    conf.quarantine_size = 1024 * 1024;
}


/* That of a helper which holds the lane. */

static inline qoe_spool_t *
spool_of(qoe_zone_t *zone, uint32_t lane)
{
    qoe_spool_t  *sp;

    sp = qoe_spool_create(&conf, zone, 0, qoe_span("A"), &test_log);

    if (sp == NULL || qoe_spool_take(sp, lane) != QOE_OK) {
        abort();
    }

    return sp;
}


static inline qoe_spool_t *
spool_new(qoe_zone_t *zone)
{
    return spool_of(zone, 0);
}


#define LANES          2

static inline qoe_zone_t *
spool_zone(void)
{
    uint32_t     slot;
    qoe_zone_t  *zone;

    zone = zone_new(LANES);
    configure(zone, "A", &slot);

    if (slot != 0) {
        abort();
    }

    return zone;
}


static inline void
spool_zone_free(qoe_zone_t *zone)
{
    munmap(zone, qoe_zone_size_min(LANES));
}


/* A payload from which its number can be read: a text of at least len bytes. */

static inline size_t
numbered(char *buf, size_t len, int n)
{
    size_t  i;

    i = (size_t) sprintf(buf, "%d:", n);

    for ( /* void */ ; i < len; i++) {
        buf[i] = (char) ('a' + (n + (int) i) % 26);
    }

    return i;
}


static inline qoe_status_t
append_to(qoe_spool_t *sp, uint32_t lane, int n, size_t len, uint32_t items,
    qoe_spool_ref_t **ref)
{
    char          *buf;
    size_t         size;
    qoe_status_t   rc;

    buf = malloc(len + 16);
    if (buf == NULL) {
        abort();
    }

    size = numbered(buf, len, n);
    rc = qoe_spool_append(sp, lane, QOE_SIGNAL_TRACES,
                          (qoe_span_t) { buf, size }, items,
                          1000 + (uint64_t) n, ref);
    free(buf);

    return rc;
}


static inline qoe_status_t
append(qoe_spool_t *sp, int n, size_t len, uint32_t items,
    qoe_spool_ref_t **ref)
{
    return append_to(sp, 0, n, len, items, ref);
}


/* Segments of 10 records of 1 item each. */

static inline void
fill(qoe_spool_t *sp, int from, int n)
{
    int  i;

    for (i = from; i < from + n; i++) {
        append(sp, i, 960, 1, NULL);
    }
}


/* The number of an item whose bytes are all as they were; else -1. */

static inline int
number_of(const qoe_spool_item_t *item)
{
    int     n;
    char   *buf;
    bool    same;

    buf = malloc(item->payload.len + 16);
    if (buf == NULL || item->payload.len < 2) {
        abort();
    }

    n = atoi(item->payload.data);
    same = numbered(buf, item->payload.len, n) == item->payload.len
           && memcmp(buf, item->payload.data, item->payload.len) == 0
           && item->signal == QOE_SIGNAL_TRACES
           && item->received_ns == 1000 + (uint64_t) n;
    free(buf);

    return same ? n : -1;
}


/* Lets time pass: finishes segments, looks for orphans, heals. */

static inline void
pass(qoe_spool_t *sp, uint64_t ms)
{
    int  i;

    skew += ms;

    for (i = 0; i < 50; i++) {
        qoe_spool_run(sp, now());

        if (qoe_spool_due_ms(sp) > now()) {
            break;
        }
    }
}


static inline int
descriptors(void)
{
    int   n;
    DIR  *d;

    d = opendir("/proc/self/fd");

    for (n = 0; d != NULL && readdir(d) != NULL; n++) { /* void */ }

    if (d != NULL) {
        closedir(d);
    }

    return n;
}


/*
 * Reads the next record and marks it done: its number, -1: damaged, -2: none.
 */

static inline int
next(qoe_spool_t *sp)
{
    int               i, n;
    qoe_status_t      rc;
    qoe_spool_item_t  item;

    for (i = 0; i < 1000; i++) {
        rc = qoe_spool_next(sp, now(), &item);

        if (rc == QOE_AGAIN) {
            skew += 100;
            continue;
        }

        if (rc != QOE_OK) {
            return -2;
        }

        n = number_of(&item);
        qoe_spool_next_done(sp);

        return n;
    }

    return -2;
}


static inline uint64_t
counter(qoe_zone_t *zone, qoe_dest_counter_t c)
{
    return qoe_dest_counter(zone, 0, c);
}


static inline uint64_t
spooled(qoe_zone_t *zone)
{
    qoe_spool_info_t  info;

    qoe_spool_info(zone, 0, &info);

    return info.events;
}


static inline uint64_t
entries(qoe_zone_t *zone)
{
    qoe_spool_info_t  info;

    qoe_spool_info(zone, 0, &info);

    return info.segments;
}


#endif /* _SPOOL_UNIT_H_INCLUDED_ */
