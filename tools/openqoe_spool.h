
/*
 * Copyright (C) OpenQoE
 *
 * openqoe-spool: reads a spool directory without nginx, and never harms it:
 * every file is opened for reading alone, nothing is locked, renamed or
 * written.  nginx may be at work in it meanwhile.
 */


#ifndef _OPENQOE_SPOOL_H_INCLUDED_
#define _OPENQOE_SPOOL_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_buf.h"
#include "qoe_otlp.h"
#include "qoe_segment.h"
#include "qoe_transport.h"

#include <sys/stat.h>


/* The exit status. */

#define SPOOL_EXIT_OK      0
#define SPOOL_EXIT_BAD     1             /* damage, or not all was taken */
#define SPOOL_EXIT_ERROR   2             /* of usage, or of I/O */

#define SPOOL_HEADERS_MAX  32


typedef struct {
    bool                 all;            /* records that are done, too */
    bool                 quarantine;
    const char          *exporter;       /* NULL: every one */
    uint64_t             from_ns;        /* received, Unix */
    uint64_t             to_ns;          /* before that */

    const char          *endpoint;
    qoe_protocol_t       protocol;
    qoe_header_t         headers[SPOOL_HEADERS_MAX];
    size_t               nheaders;
    bool                 gzip;
    uint64_t             rate;           /* bytes a second; 0: no bound */
    uint64_t             timeout_ms;     /* of a request */
    uint64_t             max_time_ms;    /* of all; 0: no bound */
} spool_options_t;


/* A file that may be a segment. */

typedef struct {
    char                *path;
    dev_t                dev;
    ino_t                ino;
    uint64_t             created_ns;
    uint64_t             id;
    bool                 given;          /* as an argument */
    bool                 writing;        /* .open */
    bool                 quarantine;
} spool_file_t;

typedef struct {
    spool_file_t        *file;           /* the oldest first */
    size_t               n;
    size_t               cap;
    size_t               left_out;       /* of the quarantine */
    bool                 failed;         /* something could not be read */
} spool_list_t;


/* A segment while it is read. */

typedef struct {
    const spool_file_t   *file;
    qoe_segment_reader_t  reader;
    uint64_t              size;          /* of the file */
    uint64_t              tail;          /* behind the last record */
    bool                  cut;           /* a record is not whole there */
    uint64_t              damaged;       /* records, of damaged payload */
    uint64_t              damaged_items;
    bool                  failed;        /* it could not be read to its end */
} spool_segment_t;


/* An argument that means a value; false: it is none. */

bool spool_parse_time(const char *s, uint64_t *ns);      /* Unix */
bool spool_parse_size(const char *s, uint64_t *bytes);
bool spool_parse_duration(const char *s, uint64_t *ms);
bool spool_parse_header(const char *s, qoe_header_t *h);
bool spool_parse_endpoint(const char *s);
bool spool_parse_protocol(const char *s, qoe_protocol_t *protocol);


/* "openqoe-spool: " and the text on stderr, a line. */
void spool_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));


/*
 * All segments under the paths: directories of a spool at any level, or
 * single files.  failed is set, and the reason printed, for what cannot be
 * read; what vanishes meanwhile is no failure.
 */
void spool_list(spool_list_t *list, char **paths, size_t npaths,
    const spool_options_t *opt);
void spool_list_free(spool_list_t *list);

/* False: it has vanished, or (failed is set) cannot be read. */
bool spool_open(spool_segment_t *s, const spool_file_t *f);
void spool_close(spool_segment_t *s);

/*
 * The next record, done or not, with its payload (empty if that is damaged:
 * QOE_INVALID).  QOE_DONE at the end and after an error, which is printed and
 * sets failed.  payload NULL: it is not read.
 */
qoe_status_t spool_next(spool_segment_t *s, qoe_segment_record_t *record,
    qoe_buf_t *payload);

/* Is it asked for? */
bool spool_wanted(const spool_options_t *opt,
    const qoe_segment_record_t *record);

/* Behind the end: anything that should not be. */
bool spool_is_damaged(const spool_segment_t *s);

/* QOE_SIGNALS: no signal that can be in a spool. */
qoe_signal_t spool_signal(const qoe_segment_record_t *record);

/* An OTLP request as JSON in the buffer, emptied first. */
qoe_status_t spool_json(qoe_buf_t *json, const qoe_segment_record_t *record,
    qoe_span_t payload);


/* The commands; an exit status. */

int spool_verify(const spool_list_t *list);
int spool_dump(const spool_list_t *list, const spool_options_t *opt);
int spool_replay(const spool_list_t *list, const spool_options_t *opt);


#endif /* _OPENQOE_SPOOL_H_INCLUDED_ */
