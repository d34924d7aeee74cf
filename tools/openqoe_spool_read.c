
/*
 * Copyright (C) OpenQoE
 *
 * Finds the segments of a spool, and reads them.
 */


#define _GNU_SOURCE

#include "openqoe_spool.h"
#include "qoe_uuid.h"
#include "qoe_crc32c.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


/* DIR/INSTANCE/NAME/LANE/ID.seg: the module writes nothing deeper. */
#define SPOOL_DEPTH        4

#define SPOOL_QUARANTINE   "quarantine"


static void spool_list_entry(spool_list_t *list, FTS *fts, FTSENT *e,
    const spool_options_t *opt);
static void spool_list_add(spool_list_t *list, const FTSENT *e,
    const spool_options_t *opt);
static bool spool_has_suffix(const char *path, const char *suffix);
static qoe_span_t spool_parent(const char *path, size_t up);
static void spool_list_sort(spool_list_t *list);
static int spool_compare(const void *one, const void *two);
static int spool_fd(const char *path, bool given);
static bool spool_is_zero(const spool_segment_t *s);
static uint64_t spool_id(const char *path);
static qoe_status_t spool_payload(const spool_segment_t *s,
    const qoe_segment_record_t *record, qoe_buf_t *payload);


void
spool_list(spool_list_t *list, char **paths, size_t npaths,
    const spool_options_t *opt)
{
    FTS     *fts;
    char    *one[2];
    size_t   i;
    FTSENT  *e;

    memset(list, 0, sizeof(spool_list_t));

    for (i = 0; i < npaths; i++) {
        one[0] = paths[i];
        one[1] = NULL;

        fts = fts_open(one, FTS_PHYSICAL|FTS_COMFOLLOW|FTS_NOCHDIR, NULL);

        if (fts == NULL) {
            spool_error("\"%s\": %s", paths[i], strerror(errno));
            list->failed = true;
            continue;
        }

        while ((e = fts_read(fts)) != NULL) {
            spool_list_entry(list, fts, e, opt);
        }

        fts_close(fts);
    }

    spool_list_sort(list);
}


static void
spool_list_entry(spool_list_t *list, FTS *fts, FTSENT *e,
    const spool_options_t *opt)
{
    switch (e->fts_info) {

    case FTS_D:
        if (e->fts_level > SPOOL_DEPTH - 1) {
            fts_set(fts, e, FTS_SKIP);
        }

        return;

    case FTS_F:
        if (e->fts_level == FTS_ROOTLEVEL
            || spool_has_suffix(e->fts_path, ".seg")
            || spool_has_suffix(e->fts_path, ".open")
            || spool_has_suffix(e->fts_path, ".bad"))
        {
            spool_list_add(list, e, opt);
        }

        return;

    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:

        /* a file may have been sent and deleted since it was listed */

        if (e->fts_errno != ENOENT || e->fts_level == FTS_ROOTLEVEL) {
            spool_error("\"%s\": %s", e->fts_path, strerror(e->fts_errno));
            list->failed = true;
        }

        return;

    default:
        if (e->fts_level == FTS_ROOTLEVEL && e->fts_info != FTS_DP) {
            spool_error("\"%s\" is neither a directory nor a file",
                        e->fts_path);
            list->failed = true;
        }
    }
}


static void
spool_list_add(spool_list_t *list, const FTSENT *e,
    const spool_options_t *opt)
{
    bool           quarantine;
    size_t         cap;
    qoe_span_t     name;
    spool_file_t  *f;

    name = spool_exporter(e->fts_path);
    quarantine = qoe_span_eq(spool_parent(e->fts_path, 2),
                             qoe_span(SPOOL_QUARANTINE));

    if (opt->exporter != NULL
        && !qoe_span_eq(name, qoe_span_str(opt->exporter)))
    {
        return;
    }

    /* a path that was named is wanted, even if it is in the quarantine */

    if (quarantine && !opt->quarantine && e->fts_level > 1) {
        list->left_out++;
        return;
    }

    if (list->n == list->cap) {
        cap = 2 * list->cap + 64;
        f = reallocarray(list->file, cap, sizeof(spool_file_t));

        if (f == NULL) {
            list->failed = true;
            spool_error("no memory");
            return;
        }

        list->file = f;
        list->cap = cap;
    }

    f = &list->file[list->n];
    memset(f, 0, sizeof(spool_file_t));

    f->path = strdup(e->fts_path);
    if (f->path == NULL) {
        list->failed = true;
        spool_error("no memory");
        return;
    }

    f->dev = e->fts_statp->st_dev;
    f->ino = e->fts_statp->st_ino;
    f->given = (e->fts_level == FTS_ROOTLEVEL);
    f->writing = spool_has_suffix(f->path, ".open");
    f->quarantine = quarantine;
    list->n++;
}


static bool
spool_has_suffix(const char *path, const char *suffix)
{
    size_t  len, n;

    len = strlen(path);
    n = strlen(suffix);

    return len > n && strcmp(path + len - n, suffix) == 0;
}


/* The name of the path's directory, or of the directory so many levels up. */

static qoe_span_t
spool_parent(const char *path, size_t up)
{
    const char  *p, *end;

    end = path + strlen(path);

    for ( ;; ) {
        for (p = end; p > path && p[-1] != '/'; p--) {
            /* void */
        }

        if (up-- == 0) {
            return (qoe_span_t) { p, (size_t) (end - p) };
        }

        for (end = p; end > path && end[-1] == '/'; end--) {
            /* void */
        }
    }
}


/* A directory of digits is a lane, unless it stands where exporters do. */

qoe_span_t
spool_exporter(const char *path)
{
    size_t      i;
    uint8_t     id[16];
    qoe_span_t  name, above;

    name = spool_parent(path, 1);
    above = spool_parent(path, 2);

    for (i = 0; i < name.len && name.data[i] >= '0' && name.data[i] <= '9';
         i++)
    {
        /* void */
    }

    if (i < name.len || qoe_span_eq(above, qoe_span(SPOOL_QUARANTINE))
        || qoe_uuid_parse(id, above) == QOE_OK)
    {
        return name;
    }

    return above;
}


/* Sorts by age, and removes files that were found twice. */

static void
spool_list_sort(spool_list_t *list)
{
    size_t           i, j;
    spool_file_t    *f;
    spool_segment_t  s;

    for (i = 0; i < list->n; i++) {
        f = &list->file[i];

        for (j = 0; j < i; j++) {
            if (list->file[j].ino == f->ino && list->file[j].dev == f->dev) {
                break;
            }
        }

        if (j < i) {
            free(f->path);
            *f = list->file[--list->n];
            i--;
            continue;
        }

        if (spool_open(&s, f)) {
            f->created_ns = s.reader.created_ns;
            f->id = s.reader.id;
            spool_close(&s);
        }

        list->failed |= s.failed;
    }

    if (list->n != 0) {
        qsort(list->file, list->n, sizeof(spool_file_t), spool_compare);
    }
}


static int
spool_compare(const void *one, const void *two)
{
    const spool_file_t  *a = one, *b = two;

    if (a->created_ns != b->created_ns) {
        return a->created_ns < b->created_ns ? -1 : 1;
    }

    return strcmp(a->path, b->path);
}


void
spool_list_free(spool_list_t *list)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        free(list->file[i].path);
    }

    free(list->file);
}


bool
spool_open(spool_segment_t *s, const spool_file_t *f)
{
    int           fd;
    char         *path;
    struct stat   st;

    memset(s, 0, sizeof(spool_segment_t));
    s->file = f;
    s->reader.fd = -1;

    fd = spool_fd(f->path, f->given);

    /* its writer may have finished it, which renames it */

    if (fd == -1 && errno == ENOENT && f->writing) {
        if (asprintf(&path, "%.*s.seg", (int) (strlen(f->path) - 5), f->path)
            != -1)
        {
            fd = spool_fd(path, f->given);
            free(path);
        }
    }

    if (fd == -1) {
        s->failed = (errno != ENOENT);

    } else if (fstat(fd, &st) == -1
               || qoe_segment_open(&s->reader, fd, spool_id(f->path))
                  != QOE_OK)
    {
        s->failed = true;
    }

    if (s->failed) {
        spool_error("\"%s\": %s", f->path, strerror(errno));
    }

    s->reader.fd = fd;

    if (fd == -1 || s->failed) {
        spool_close(s);
        return false;
    }

    s->size = (uint64_t) st.st_size;
    s->tail = s->reader.offset;

    return true;
}


/*
 * Opens a file without waiting for the other end of a FIFO, and without
 * following a link in the spool.
 */

static int
spool_fd(const char *path, bool given)
{
    int          fd;
    struct stat  st;

    fd = open(path, O_RDONLY|O_CLOEXEC|O_NOCTTY|O_NONBLOCK
                    |(given ? 0 : O_NOFOLLOW));

    if (fd != -1 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        close(fd);
        errno = EINVAL;
        fd = -1;
    }

    return fd;
}


/* The id in the file's name; 0: there is none. */

static uint64_t
spool_id(const char *path)
{
    char        *end;
    uint64_t     id;
    const char  *name;

    name = strrchr(path, '/');
    name = (name != NULL) ? name + 1 : path;

    errno = 0;
    id = strtoull(name, &end, 16);

    return (end != name && *end == '.' && errno == 0) ? id : 0;
}


void
spool_close(spool_segment_t *s)
{
    if (s->reader.fd != -1) {
        close(s->reader.fd);
        s->reader.fd = -1;
    }
}


qoe_status_t
spool_next(spool_segment_t *s, qoe_segment_record_t *record,
    qoe_buf_t *payload)
{
    qoe_status_t  rc;

    do {
        rc = qoe_segment_next(&s->reader, record, payload);
    } while (rc == QOE_AGAIN);

    if (rc == QOE_OK && payload != NULL && record->done) {
        rc = spool_payload(s, record, payload);
    }

    if (rc == QOE_OK || rc == QOE_INVALID) {
        s->tail = record->offset + QOE_SEGMENT_RECORD + record->length;
    }

    switch (rc) {

    case QOE_OK:
        return rc;

    case QOE_DONE:
        s->cut = s->reader.torn && !spool_is_zero(s);
        return rc;

    case QOE_INVALID:
        s->damaged++;
        s->damaged_items += record->items;
        return rc;

    default:
        spool_error("\"%s\": %s", s->file->path,
                    rc == QOE_NOMEM ? "no memory" : strerror(errno));
        s->failed = true;
        return QOE_DONE;
    }
}


/* Whether the rest is allocated space without any record. */

static bool
spool_is_zero(const spool_segment_t *s)
{
    char      block[4096];
    ssize_t   i, n;
    uint64_t  at;

    for (at = s->tail; ; at += (uint64_t) n) {
        n = pread(s->reader.fd, block, sizeof(block), (off_t) at);

        if (n <= 0) {
            return n == 0;
        }

        for (i = 0; i < n; i++) {
            if (block[i] != 0) {
                return false;
            }
        }
    }
}


/* Reads the payload of a record that is done; nginx never needs that. */

static qoe_status_t
spool_payload(const spool_segment_t *s, const qoe_segment_record_t *record,
    qoe_buf_t *payload)
{
    char      *p;
    ssize_t    n;
    uint32_t   crc;

    qoe_buf_reset(payload);

    p = qoe_buf_reserve(payload, (size_t) record->length + 1);
    if (p == NULL) {
        return QOE_NOMEM;
    }

    if (pread(s->reader.fd, &crc, 4, (off_t) record->offset + 8) != 4) {
        return QOE_INVALID;
    }

    n = pread(s->reader.fd, p, record->length,
              (off_t) (record->offset + QOE_SEGMENT_RECORD));
    if (n == -1) {
        return QOE_ERROR;
    }

    payload->len = (size_t) n;

    return payload->len == record->length
           && qoe_crc32c(0, p, payload->len) == le32toh(crc)
           ? QOE_OK : QOE_INVALID;
}


bool
spool_wanted(const spool_options_t *opt, const qoe_segment_record_t *record)
{
    return (opt->all || !record->done) && record->received_ns >= opt->from_ns
           && record->received_ns < opt->to_ns;
}


bool
spool_is_damaged(const spool_segment_t *s)
{
    const qoe_segment_reader_t  *r;

    r = &s->reader;

    /* not written yet, or nginx was killed before: nothing is lost */

    if (s->file->writing && s->size == 0) {
        return false;
    }

    return !r->header || s->damaged != 0 || r->lost != 0
           || r->damaged != 0 || (s->cut && !s->file->writing);
}


qoe_signal_t
spool_signal(const qoe_segment_record_t *record)
{
    uint32_t  signal;

    signal = record->flags & QOE_SEGMENT_SIGNAL;

    return signal < QOE_SIGNALS ? (qoe_signal_t) signal : QOE_SIGNALS;
}
