
/*
 * Copyright (C) OpenQoE
 *
 * Bounded load whose outcome is known for each event: N keep-alive
 * connections post batches to /v2/events for some seconds; every event has
 * an id, oqid-RUN-NUMBER in data.seq, and the file named by -o says what
 * became of it:
 *
 *     run RUN
 *     A first count            answered 202
 *     R first count status     answered otherwise
 *     U first count            the connection broke before the answer, or it
 *                              was a 503 that took a second: with openqoe_ack
 *                              events may be taken that are not confirmed
 *
 * OpenQoE::Oracle reads that.  One thread, epoll, HTTP/1.1 to 127.0.0.1.
 * "sum", the last member of data, is the CRC-32 of the event's text up to it.
 *
 * With -x 0 every event has a value of its own in every dimension, a session,
 * a view and a viewer: an attack on the metrics.  -x N takes the values out of
 * N viewers instead, honest ones of a like body: the calm beside it.
 */

#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load_viewer.h"


#define LOAD_EVENT_MAX   2048       /* the most bytes of an event */
#define LOAD_IN_SIZE     65536
#define LOAD_PAUSE_NS    20000000   /* after a refusal or a lost connection */
#define LOAD_DRAIN_NS    5000000000
#define LOAD_LATE_NS     1000000000
#define LOAD_BUCKETS     20000      /* of 50 us: one second */


typedef enum {
    LOAD_CLOSED = 0,
    LOAD_CONNECTING,
    LOAD_BUSY                       /* request going out or answer awaited */
} load_state_e;


typedef struct {
    load_state_e  state;
    int           fd;
    int           index;
    uint64_t      wake;             /* ns: not before this */
    uint64_t      started;
    uint64_t      first;            /* number of the first event */
    char         *out;
    size_t        out_len;
    size_t        sent;
    char         *in;
    size_t        in_len;
} load_conn_t;


typedef struct {
    int           port;
    int           conns;
    int           events;           /* a request */
    int           rate;             /* requests per second, 0: no limit */
    long          viewers;          /* 0: forged, -1: one */
    double        seconds;
    uint64_t      max_requests;     /* 0: no limit */
    const char   *path;
    const char   *key;
    const char   *output;
    char          run[32];
} load_conf_t;


typedef struct {
    uint64_t      requests;
    uint64_t      accepted;
    uint64_t      refused;
    uint64_t      ambiguous;
    uint64_t      resets;
    uint64_t      late;             /* 503 after a wait */
    uint64_t      odd;              /* 202 for a part of a batch */
    uint64_t      next;             /* number of the next event */
    uint32_t      latency[LOAD_BUCKETS];
} load_sum_t;


static void load_stop(int sig);
static void load_usage(void);
static void load_options(load_conf_t *cf, int argc, char **argv);
static int load_start(load_conn_t *conns);
static void load_wait(void);
static int load_report(void);
static uint64_t load_now(void);
static int load_allowed(uint64_t now);
static void load_connect(load_conn_t *c);
static void load_close(load_conn_t *c, int lost);
static void load_request(load_conn_t *c);
static size_t load_event(char *p, load_conn_t *c, uint64_t number);
static void load_send(load_conn_t *c);
static void load_receive(load_conn_t *c);
static ssize_t load_answer_len(load_conn_t *c, size_t *head);
static void load_answer(load_conn_t *c, size_t head, size_t len);
static void load_watch(load_conn_t *c, uint32_t events, int op);
static double load_quantile(double q);


static load_conf_t  conf = { 0, 8, 10, 0, -1, 5, 0, "/v2/events", NULL,
                             NULL, "" };
static load_sum_t   sum;
static FILE        *ids;
static uint64_t     begin;
static volatile uint64_t  end;
static int          epfd;


int
main(int argc, char **argv)
{
    int           i;
    load_conn_t  *conns;

    load_options(&conf, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, load_stop);

    ids = fopen(conf.output, "w");
    epfd = epoll_create1(EPOLL_CLOEXEC);
    conns = calloc((size_t) conf.conns, sizeof(load_conn_t));
    if (ids == NULL || epfd == -1 || conns == NULL) {
        perror("load");
        return 1;
    }

    fprintf(ids, "run %s\n", conf.run);

    for (i = 0; i < conf.conns; i++) {
        conns[i].index = i;
        conns[i].out = malloc((size_t) conf.events * LOAD_EVENT_MAX + 1024);
        conns[i].in = malloc(LOAD_IN_SIZE + 1);
        if (conns[i].out == NULL || conns[i].in == NULL) {
            perror("load");
            return 1;
        }
    }

    begin = load_now();
    end = begin + (uint64_t) (conf.seconds * 1e9);

    while (load_start(conns)) {
        load_wait();
    }

    for (i = 0; i < conf.conns; i++) {
        load_close(&conns[i], 1);
        free(conns[i].out);
        free(conns[i].in);
    }

    free(conns);

    if (fclose(ids) != 0) {
        perror(conf.output);
        return 1;
    }

    return load_report();
}


/* Requests that wait for their answers are ambiguous then. */

static void
load_stop(int sig)
{
    (void) sig;
    end = 0;
}


/* Gives idle connections their next request; false when all are done. */

static int
load_start(load_conn_t *conns)
{
    int           i, busy;
    uint64_t      now;
    load_conn_t  *c;

    now = load_now();
    busy = 0;

    for (i = 0; i < conf.conns; i++) {
        c = &conns[i];

        if (c->out_len == 0 && now >= c->wake && load_allowed(now)) {
            if (c->state == LOAD_CLOSED) {
                load_connect(c);

            } else if (c->state == LOAD_BUSY) {
                load_request(c);
            }
        }

        busy |= c->out_len != 0;
    }

    if (conf.max_requests && sum.requests >= conf.max_requests && !busy) {
        return 0;
    }

    return now < end || (busy && now < end + LOAD_DRAIN_NS);
}


static void
load_wait(void)
{
    int                 i, n;
    load_conn_t        *c;
    struct epoll_event  got[64];

    n = epoll_wait(epfd, got, 64, 5);

    for (i = 0; i < n; i++) {
        c = got[i].data.ptr;

        if (c->state == LOAD_CONNECTING
            || (c->state == LOAD_BUSY && (got[i].events & EPOLLOUT)))
        {
            load_send(c);
        }

        if (c->state == LOAD_BUSY
            && (got[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        {
            load_receive(c);
        }
    }
}


/* Prints the line that tests and bench read; returns the exit status. */

static int
load_report(void)
{
    printf("requests %lu accepted_events %lu refused_events %lu "
           "ambiguous_events %lu resets %lu seconds %.3f "
           "p50_ms %.2f p99_ms %.2f late %lu\n",
           (unsigned long) sum.requests, (unsigned long) sum.accepted,
           (unsigned long) sum.refused, (unsigned long) sum.ambiguous,
           (unsigned long) sum.resets, (double) (load_now() - begin) / 1e9,
           load_quantile(0.5), load_quantile(0.99), (unsigned long) sum.late);

    if (sum.odd) {
        fprintf(stderr, "load: %lu answers of 202 did not take every event\n",
                (unsigned long) sum.odd);
        return 1;
    }

    return 0;
}


static void
load_usage(void)
{
    fprintf(stderr, "usage: load -p port -o file [-c connections] "
            "[-d seconds] [-n events a request] [-r requests a second] "
            "[-m requests at most] [-u path] [-k api key] [-i run] "
            "[-x viewers, 0: all values forged] [-s first event]\n");
    exit(2);
}


static void
load_options(load_conf_t *cf, int argc, char **argv)
{
    int  opt;

    snprintf(cf->run, sizeof(cf->run), "%xc%lx", (unsigned) getpid(),
             (unsigned long) (load_now() / 1000) & 0xffffff);

    while ((opt = getopt(argc, argv, "p:o:c:d:n:r:m:u:k:i:x:s:")) != -1) {
        switch (opt) {
        case 'p': cf->port = atoi(optarg); break;
        case 'o': cf->output = optarg; break;
        case 'c': cf->conns = atoi(optarg); break;
        case 'd': cf->seconds = atof(optarg); break;
        case 'n': cf->events = atoi(optarg); break;
        case 'r': cf->rate = atoi(optarg); break;
        case 'm': cf->max_requests = strtoull(optarg, NULL, 10); break;
        case 'u': cf->path = optarg; break;
        case 'k': cf->key = optarg; break;
        case 's': sum.next = strtoull(optarg, NULL, 10); break;
        case 'x': cf->viewers = atol(optarg); break;
        case 'i': snprintf(cf->run, sizeof(cf->run), "%s", optarg); break;
        default: load_usage();
        }
    }

    if (cf->port < 1 || cf->port > 65535 || cf->output == NULL
        || cf->conns < 1 || cf->conns > 4096 || cf->events < 1
        || cf->events > 1000 || cf->viewers < -1
        || cf->seconds <= 0 || strlen(cf->path) > 256
        || (cf->key != NULL && strlen(cf->key) > 256)
        || cf->run[strspn(cf->run, "0123456789abcdefghijklmnopqrstuvwxyz")])
    {
        load_usage();
    }
}


static uint64_t
load_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* Whether one more request may start now. */

static int
load_allowed(uint64_t now)
{
    if (now >= end) {
        return 0;
    }

    if (conf.max_requests && sum.requests >= conf.max_requests) {
        return 0;
    }

    return conf.rate == 0
           || (double) sum.requests
              < (double) (now - begin) / 1e9 * conf.rate + 1;
}


static void
load_watch(load_conn_t *c, uint32_t events, int op)
{
    struct epoll_event  ev;

    ev.events = events;
    ev.data.ptr = c;

    if (epoll_ctl(epfd, op, c->fd, &ev) == -1) {
        perror("epoll_ctl");
        exit(1);
    }
}


static void
load_connect(load_conn_t *c)
{
    int                 one = 1;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) conf.port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd == -1) {
        perror("socket");
        exit(1);
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    c->out_len = 0;
    c->in_len = 0;
    c->state = LOAD_CONNECTING;

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        && errno != EINPROGRESS)
    {
        load_close(c, 1);
        return;
    }

    load_watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}


/* lost: the connection broke, and a request without an answer is ambiguous. */

static void
load_close(load_conn_t *c, int lost)
{
    if (c->state == LOAD_CLOSED) {
        return;
    }

    if (c->out_len != 0) {
        fprintf(ids, "U %lu %d\n", (unsigned long) c->first, conf.events);
        sum.ambiguous += (uint64_t) conf.events;
    }

    if (lost) {
        sum.resets++;
        c->wake = load_now() + LOAD_PAUSE_NS;
    }

    close(c->fd);
    c->state = LOAD_CLOSED;
    c->out_len = 0;
}


static void
load_request(load_conn_t *c)
{
    int     i;
    char    head[1024];
    char   *body;
    size_t  len, head_len;

    /* The body goes after the longest possible head, then the two meet. */

    body = c->out + sizeof(head);
    len = (size_t) sprintf(body, "{\"events\":[");

    c->first = sum.next;

    for (i = 0; i < conf.events; i++) {
        if (i) {
            body[len++] = ',';
        }

        len += load_event(body + len, c, sum.next++);
    }

    len += (size_t) sprintf(body + len, "]}");

    head_len = (size_t) snprintf(head, sizeof(head),
                   "POST %s HTTP/1.1\r\nHost: localhost\r\n"
                   "Content-Type: application/json\r\n"
                   "%s%s%sContent-Length: %zu\r\n\r\n", conf.path,
                   conf.key ? "Authorization: Bearer " : "",
                   conf.key ? conf.key : "", conf.key ? "\r\n" : "", len);

    memmove(c->out + head_len, body, len);
    memcpy(c->out, head, head_len);

    c->out_len = head_len + len;
    c->sent = 0;
    c->in_len = 0;
    c->started = load_now();
    sum.requests++;

    load_send(c);
}


/* A session lives for 50 requests of a connection. */

static size_t
load_event(char *p, load_conn_t *c, uint64_t number)
{
    unsigned         session;
    long long        ms;
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    ms = (long long) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
    session = (unsigned) (number / (50 * (uint64_t) conf.events));

    if (conf.viewers != -1) {
        return load_viewer_event(p, LOAD_EVENT_MAX, (uint64_t) conf.viewers,
                                 conf.run, ms, number);
    }

    return load_plain_event(p, LOAD_EVENT_MAX, c->index, session, conf.run, ms,
                            number);
}


static void
load_send(load_conn_t *c)
{
    int        err;
    ssize_t    n;
    socklen_t  len;

    if (c->state == LOAD_CONNECTING) {
        err = 0;
        len = sizeof(err);

        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1
            || err != 0)
        {
            load_close(c, 1);
            return;
        }

        /* The main loop gives the connection a request when one is allowed. */

        c->state = LOAD_BUSY;
        load_watch(c, EPOLLIN, EPOLL_CTL_MOD);
        return;
    }

    while (c->sent < c->out_len) {
        n = send(c->fd, c->out + c->sent, c->out_len - c->sent, MSG_NOSIGNAL);

        if (n == -1 && errno == EAGAIN) {
            load_watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            return;
        }

        if (n == -1) {
            load_close(c, 1);
            return;
        }

        c->sent += (size_t) n;
    }

    load_watch(c, EPOLLIN, EPOLL_CTL_MOD);
}


static void
load_receive(load_conn_t *c)
{
    size_t   head;
    ssize_t  n, len;

    n = recv(c->fd, c->in + c->in_len, LOAD_IN_SIZE - c->in_len, 0);

    if (n == -1 && errno == EAGAIN) {
        return;
    }

    if (n <= 0) {
        load_close(c, 1);
        return;
    }

    c->in_len += (size_t) n;
    c->in[c->in_len] = '\0';

    len = load_answer_len(c, &head);

    if (len == 0) {
        if (c->in_len == LOAD_IN_SIZE) {
            fprintf(stderr, "load: the answer is too long\n");
            exit(1);
        }

        return;
    }

    if (len == -1 || c->out_len == 0) {
        fprintf(stderr, "load: not an answer: %.200s\n", c->in);
        exit(1);
    }

    load_answer(c, head, (size_t) len);
}


/* The whole answer's length, 0 if it is incomplete, -1 if it is no answer. */

static ssize_t
load_answer_len(load_conn_t *c, size_t *head)
{
    char    *body, *p;
    size_t   len;

    body = strstr(c->in, "\r\n\r\n");
    if (body == NULL) {
        return 0;
    }

    body += 4;
    *head = (size_t) (body - c->in);

    if (strncmp(c->in, "HTTP/1.1 ", 9) != 0) {
        return -1;
    }

    p = strcasestr(c->in, "\r\nContent-Length:");

    if (p != NULL && p < body) {
        len = *head + strtoul(p + 17, NULL, 10);
        return len <= c->in_len ? (ssize_t) len : 0;
    }

    p = strcasestr(c->in, "\r\nTransfer-Encoding: chunked");

    if (p != NULL && p < body) {
        p = strstr(body - 2, "\r\n0\r\n\r\n");
        return p ? p + 7 - c->in : 0;
    }

    return -1;
}


static void
load_answer(load_conn_t *c, size_t head, size_t len)
{
    int       status, close_it;
    char     *p;
    uint64_t  now, bucket;

    now = load_now();
    status = atoi(c->in + 9);

    bucket = (now - c->started) / 50000;
    sum.latency[bucket < LOAD_BUCKETS ? bucket : LOAD_BUCKETS - 1]++;

    if (status == 202) {
        fprintf(ids, "A %lu %d\n", (unsigned long) c->first, conf.events);
        sum.accepted += (uint64_t) conf.events;

        if (memmem(c->in + head, len - head, "\"events_rejected\"", 17)) {
            sum.odd++;
        }

    } else if (status == 503 && now - c->started > LOAD_LATE_NS) {
        fprintf(ids, "U %lu %d\n", (unsigned long) c->first, conf.events);
        sum.ambiguous += (uint64_t) conf.events;
        sum.late++;
        c->wake = now + LOAD_PAUSE_NS;

    } else {
        fprintf(ids, "R %lu %d %d\n", (unsigned long) c->first, conf.events,
                status);
        sum.refused += (uint64_t) conf.events;
        c->wake = now + LOAD_PAUSE_NS;
    }

    p = strcasestr(c->in, "\r\nConnection: close");
    close_it = p != NULL && p < c->in + head;

    c->out_len = 0;
    c->in_len = 0;

    if (close_it) {
        load_close(c, 0);

    } else if (now >= c->wake && load_allowed(now)) {
        load_request(c);
    }
}


/* milliseconds */

static double
load_quantile(double q)
{
    double    want;
    uint64_t  i, n, total;

    total = 0;
    for (i = 0; i < LOAD_BUCKETS; i++) {
        total += sum.latency[i];
    }

    want = q * (double) total;
    n = 0;

    for (i = 0; i < LOAD_BUCKETS; i++) {
        n += sum.latency[i];
        if ((double) n >= want) {
            break;
        }
    }

    return (double) (i + 1) * 0.05;
}
