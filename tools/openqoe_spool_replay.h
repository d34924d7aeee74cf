
/*
 * Copyright (C) OpenQoE
 *
 * A replay: openqoe_spool_replay.c reads the records, openqoe_spool_send.c
 * sends them.
 */


#ifndef _OPENQOE_SPOOL_REPLAY_H_INCLUDED_
#define _OPENQOE_SPOOL_REPLAY_H_INCLUDED_


#include "openqoe_spool.h"
#include "qoe_backoff.h"
#include "qoe_net.h"

#include <signal.h>


/* The requests in memory, most of them in flight. */
#define REPLAY_WINDOW      4


typedef enum {
    REPLAY_FREE = 0,
    REPLAY_READY,
    REPLAY_SENDING
} replay_state_t;

typedef struct replay_s  replay_t;

typedef struct {
    replay_t              *replay;
    replay_state_t         state;
    qoe_buf_t              payload;
    qoe_buf_t              json;         /* of the request, if sent as JSON */
    qoe_segment_record_t   record;
    const spool_file_t    *file;
} replay_slot_t;

/* Counts of items, except for requests. */

typedef struct {
    uint64_t               requests;     /* taken by the server */
    uint64_t               bytes;
    uint64_t               sent;
    uint64_t               rejected;
    uint64_t               refused;
    uint64_t               damaged;
    uint64_t               unsent;
} replay_count_t;

struct replay_s {
    const spool_list_t    *list;
    const spool_options_t *opt;
    qoe_log_t              log;
    qoe_net_t             *net;
    qoe_transport_t       *transport;

    size_t                 next;         /* the next file of the list */
    spool_segment_t        segment;
    bool                   open;

    replay_slot_t          slot[REPLAY_WINDOW];
    size_t                 sending;
    qoe_retry_t            retry;
    uint64_t               earned_ms;    /* tokens counted up to then */
    int64_t                allowed;      /* tokens: bytes that may be sent */

    uint64_t               started_ms;
    uint64_t               progress_ms;  /* next progress line */
    char                   error[256];   /* the last failure */
    replay_count_t         n;
    bool                   failed;       /* an I/O error */
    bool                   bad;          /* some requests were not taken */
};


/* Set by SIGINT or SIGTERM. */
extern volatile sig_atomic_t  replay_interrupted;


/* Prepares to send.  false: the reason was printed. */
bool replay_init(replay_t *r);
void replay_free(replay_t *r);

/* Sends the requests that are ready and due. */
void replay_send(replay_t *r, uint64_t now);

/* The ms until something is due, except for an answer. */
int64_t replay_timeout(const replay_t *r, uint64_t now);

/* Counts a request that the server will never take, and prints which it is. */
void replay_refused(replay_slot_t *slot, const char *error);


#endif /* _OPENQOE_SPOOL_REPLAY_H_INCLUDED_ */
