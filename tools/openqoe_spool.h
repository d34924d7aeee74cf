
/*
 * Copyright (C) OpenQoE
 *
 * openqoe-spool: reads a spool directory without nginx and never harms it:
 * every file is opened only for reading, and nothing is locked, renamed or
 * written.  nginx may use the directory at the same time.
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
#define SPOOL_EXIT_BAD     1             /* damage, or requests not taken */
#define SPOOL_EXIT_ERROR   2             /* wrong usage, or an I/O error */

#define SPOOL_HEADERS_MAX  32


typedef struct {
    bool                 all;            /* also records that are done */
    bool                 quarantine;
    const char          *exporter;       /* NULL: all */
    uint64_t             from_ns;        /* received since, Unix */
    uint64_t             to_ns;          /* received before, Unix */

    const char          *endpoint;
    qoe_protocol_t       protocol;
    qoe_header_t         headers[SPOOL_HEADERS_MAX];
    size_t               nheaders;
    bool                 gzip;
    uint64_t             rate;           /* bytes a second; 0: unlimited */
    uint64_t             timeout_ms;     /* of a request */
    uint64_t             max_time_ms;    /* of the replay; 0: unlimited */
} spool_options_t;


/* A file that may be a segment. */

typedef struct {
    char                *path;
    dev_t                dev;
    ino_t                ino;
    uint64_t             created_ns;
    uint64_t             id;
    bool                 given;          /* named as an argument */
    bool                 writing;        /* its name ends in .open */
    bool                 quarantine;
} spool_file_t;

typedef struct {
    spool_file_t        *file;           /* the oldest first */
    size_t               n;
    size_t               cap;
    size_t               left_out;       /* files in the quarantine */
    bool                 failed;         /* a path could not be read */
} spool_list_t;


/* A segment that is being read. */

typedef struct {
    const spool_file_t   *file;
    qoe_segment_reader_t  reader;
    uint64_t              size;          /* of the file */
    uint64_t              tail;          /* after the last record */
    bool                  cut;           /* a record there is incomplete */
    uint64_t              damaged;       /* records with damaged payload */
    uint64_t              damaged_items;
    bool                  failed;        /* not readable to its end */
} spool_segment_t;


/* Parse the value of an option.  false: it is invalid. */

bool spool_parse_time(const char *s, uint64_t *ns);      /* Unix */
bool spool_parse_size(const char *s, uint64_t *bytes);
bool spool_parse_duration(const char *s, uint64_t *ms);
bool spool_parse_header(const char *s, qoe_header_t *h);
bool spool_parse_endpoint(const char *s);
bool spool_parse_protocol(const char *s, qoe_protocol_t *protocol);


/* Prints "openqoe-spool: ", the text and a newline on stderr. */
void spool_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));


/*
 * Finds all segments below the paths, which are directories of a spool at any
 * level, or single files.  If something cannot be read, prints why and sets
 * failed; a file that vanishes meanwhile is no failure.
 */
void spool_list(spool_list_t *list, char **paths, size_t npaths,
    const spool_options_t *opt);
void spool_list_free(spool_list_t *list);

/* The name of the exporter in the path of a segment. */
qoe_span_t spool_exporter(const char *path);

/* false: the file has vanished, or cannot be read, and failed is set. */
bool spool_open(spool_segment_t *s, const spool_file_t *f);
void spool_close(spool_segment_t *s);

/*
 * Reads the next record, done or not, and its payload unless payload is NULL.
 * QOE_OK; QOE_INVALID: the payload is damaged, and left empty; QOE_DONE: the
 * end, or an error, which was printed and sets failed.
 */
qoe_status_t spool_next(spool_segment_t *s, qoe_segment_record_t *record,
    qoe_buf_t *payload);

/* Whether the options select the record. */
bool spool_wanted(const spool_options_t *opt,
    const qoe_segment_record_t *record);

/* After the end: whether the segment has anything that it should not have. */
bool spool_is_damaged(const spool_segment_t *s);

/* QOE_SIGNALS: the signal is one that cannot be in a spool. */
qoe_signal_t spool_signal(const qoe_segment_record_t *record);

/* Writes an OTLP request as JSON to the buffer, which is emptied first. */
qoe_status_t spool_json(qoe_buf_t *json, const qoe_segment_record_t *record,
    qoe_span_t payload);


/* The commands.  Each returns an exit status. */

int spool_verify(const spool_list_t *list);
int spool_dump(const spool_list_t *list, const spool_options_t *opt);
int spool_replay(const spool_list_t *list, const spool_options_t *opt);


#endif /* _OPENQOE_SPOOL_H_INCLUDED_ */
