
/*
 * Copyright (C) OpenQoE
 *
 * rate [-c CONNECTIONS] [-r RATE] [-d SECONDS] [-w WARMUP] [-f BODIES]
 *      HOST:PORT PATH
 *
 * Sends requests at a constant rate (requests/s; 0: as fast as answers come),
 * GET, or POST of the lines of BODIES in turn, and prints one line of JSON.
 *
 * A latency counts from when its request was due, not from when a connection
 * was free for it: a server that stands still for a second has made a second's
 * requests late, and each of them says so (no coordinated omission).
 *
 * HTTP/1.1 with keep-alive.  The server's answer must tell its length.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* epoll_pwait2(), asprintf() */
#endif

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>


#define SECOND             1000000000LL
#define EVENTS             256
#define ANSWER             8192          /* bytes of head and body */
#define STATUSES           600

/* Latencies: 64 steps for each power of two of nanoseconds, 1.6 % exact. */
#define STEPS              64
#define POWERS             40


typedef struct {
    const char      *head;
    size_t           head_len;
    const char      *body;
    size_t           body_len;
} message_t;


typedef struct {
    int              fd;
    bool             busy;
    int64_t          due;
    const message_t *message;
    size_t           sent;
    size_t           got;
    size_t           want;               /* 0: the head is not there yet */
    int              status;
    char             answer[ANSWER];
} connection_t;


static struct {
    unsigned         connections;
    double           rate;
    double           seconds;
    double           warmup;
    const char      *bodies;
    const char      *host;
    const char      *port;
    const char      *path;
} opt = { .connections = 32, .seconds = 10, .warmup = 1 };

static struct {
    uint64_t         bucket[POWERS * STEPS];
    uint64_t         status[STATUSES];
    uint64_t         requests;
    uint64_t         errors;
    uint64_t         unsent;             /* for want of a connection */
    int64_t          max;
    double           sum;
} result;

static message_t       *messages;
static size_t           nmessages, next_message;
static connection_t    *connections;
static unsigned        *idle;
static size_t           nidle;
static struct addrinfo *address;
static int              epoll;
static int64_t          counted_from;


static void options(int argc, char **argv);
static void read_bodies(void);
static message_t message_of(const char *body, size_t len);
static void run(void);
static void start(connection_t *c, int64_t due);
static void open_connection(connection_t *c);
static bool send_more(connection_t *c);
static bool receive(connection_t *c);
static void parse_head(connection_t *c);
static void answered(connection_t *c, int64_t now);
static void broken(connection_t *c);
static void record(int64_t ns);
static double percentile(double p);
static void print(double seconds);
static void die(const char *fmt, ...) __attribute__((noreturn,
    format(printf, 1, 2)));


static void
die(const char *fmt, ...)
{
    va_list  args;

    fprintf(stderr, "rate: ");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(1);
}


static int64_t
now_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * SECOND + ts.tv_nsec;
}


int
main(int argc, char **argv)
{
    int              rc;
    unsigned         i;
    struct addrinfo  hints;

    options(argc, argv);
    read_bodies();

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;

    rc = getaddrinfo(opt.host, opt.port, &hints, &address);
    if (rc != 0) {
        die("%s:%s: %s", opt.host, opt.port, gai_strerror(rc));
    }

    connections = calloc(opt.connections, sizeof(connection_t));
    idle = calloc(opt.connections, sizeof(unsigned));
    epoll = epoll_create1(EPOLL_CLOEXEC);

    if (connections == NULL || idle == NULL || epoll == -1) {
        die("no memory");
    }

    for (i = 0; i < opt.connections; i++) {
        open_connection(&connections[i]);
        idle[nidle++] = i;
    }

    run();

    return 0;
}


static void
options(int argc, char **argv)
{
    int    c;
    char  *colon;

    while ((c = getopt(argc, argv, "c:r:d:w:f:")) != -1) {
        switch (c) {
        case 'c':
            opt.connections = (unsigned) atoi(optarg);
            break;
        case 'r':
            opt.rate = atof(optarg);
            break;
        case 'd':
            opt.seconds = atof(optarg);
            break;
        case 'w':
            opt.warmup = atof(optarg);
            break;
        case 'f':
            opt.bodies = optarg;
            break;
        default:
            exit(2);
        }
    }

    if (argc - optind != 2 || opt.connections == 0 || opt.rate < 0
        || opt.seconds <= 0 || opt.warmup < 0)
    {
        die("[-c CONNECTIONS] [-r RATE] [-d SECONDS] [-w WARMUP] [-f BODIES] "
            "HOST:PORT PATH");
    }

    opt.host = argv[optind];
    opt.path = argv[optind + 1];
    colon = strrchr(argv[optind], ':');

    if (colon == NULL) {
        die("%s: no port", opt.host);
    }

    *colon = '\0';
    opt.port = colon + 1;
}


/* One message a line; the file stays in memory. */

static void
read_bodies(void)
{
    FILE    *in;
    char    *line;
    size_t   size;
    ssize_t  len;

    if (opt.bodies == NULL) {
        messages = malloc(sizeof(message_t));
        messages[nmessages++] = message_of(NULL, 0);
        return;
    }

    in = fopen(opt.bodies, "r");

    if (in == NULL) {
        die("%s: %s", opt.bodies, strerror(errno));
    }

    for ( ;; ) {
        line = NULL;
        size = 0;
        len = getline(&line, &size, in);

        if (len <= 0) {
            free(line);
            break;
        }

        messages = realloc(messages, (nmessages + 1) * sizeof(message_t));
        messages[nmessages++] = message_of(line, (size_t) len
                                                 - (line[len - 1] == '\n'));
    }

    fclose(in);

    if (nmessages == 0) {
        die("%s: no body in it", opt.bodies);
    }
}


static message_t
message_of(const char *body, size_t len)
{
    int        n;
    char      *head;
    message_t  m;

    n = asprintf(&head, body == NULL
                 ? "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n"
                 : "POST %s HTTP/1.1\r\nHost: %s\r\n"
                   "Content-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                 opt.path, opt.host, len);

    if (n < 0) {
        die("no memory");
    }

    m = (message_t) { head, (size_t) n, body, len };

    return m;
}


/*
 * Sends requests that are due while connections are free, then waits for
 * answers, but not beyond the next due time; epoll's millisecond is too coarse
 * for that.
 */

static void
run(void)
{
    int                 i, n;
    double              step;
    int64_t             now, begin, end, due, wait;
    connection_t       *c;
    struct timespec     ts;
    struct epoll_event  events[EVENTS];

    step = (opt.rate != 0) ? (double) SECOND / opt.rate : 0;
    begin = now_ns();
    counted_from = begin + (int64_t) (opt.warmup * (double) SECOND);
    end = counted_from + (int64_t) (opt.seconds * (double) SECOND);
    uint64_t  count = 0;

    for ( ;; ) {
        now = now_ns();

        if (now >= end && nidle == opt.connections) {
            break;
        }

        /* The last requests have ten seconds. */

        if (now >= end + 10 * SECOND) {
            result.errors += opt.connections - nidle;
            break;
        }

        wait = end > now ? end - now : SECOND;

        while (nidle != 0) {
            due = (step != 0) ? begin + (int64_t) ((double) count * step)
                              : now;

            if (due >= end) {
                break;
            }

            if (due > now) {
                wait = due - now;
                break;
            }

            count++;
            start(&connections[idle[--nidle]], due);
        }

        ts.tv_sec = wait / SECOND;
        ts.tv_nsec = wait % SECOND;

        n = epoll_pwait2(epoll, events, EVENTS, &ts, NULL);

        if (n == -1 && errno != EINTR) {
            die("epoll_pwait2: %s", strerror(errno));
        }

        for (i = 0; i < n; i++) {
            c = events[i].data.ptr;

            if ((c->busy && (events[i].events & EPOLLOUT) && !send_more(c))
                || ((events[i].events & ~(uint32_t) EPOLLOUT) && !receive(c)))
            {
                broken(c);
            }
        }
    }

    /* Requests that were due and never sent, because no connection was free. */

    if (step != 0 && (double) count < (double) (end - begin) / step - 1) {
        result.unsent = (uint64_t) ((double) (end - begin) / step) - count;
    }

    print(opt.seconds);
}


static void
start(connection_t *c, int64_t due)
{
    c->busy = true;
    c->due = due;
    c->message = &messages[next_message++ % nmessages];
    c->sent = 0;
    c->got = 0;
    c->want = 0;

    if (!send_more(c)) {
        broken(c);
    }
}


static void
open_connection(connection_t *c)
{
    int                 one;
    struct epoll_event  ev;

    one = 1;
    c->fd = socket(address->ai_family, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (c->fd == -1
        || connect(c->fd, address->ai_addr, address->ai_addrlen) == -1)
    {
        die("%s:%s: %s", opt.host, opt.port, strerror(errno));
    }

    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    ev.events = EPOLLIN|EPOLLRDHUP;
    ev.data.ptr = c;

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev) == -1) {
        die("epoll_ctl: %s", strerror(errno));
    }
}


static bool
send_more(connection_t *c)
{
    ssize_t             n;
    size_t              skip, whole;
    struct iovec        iov[2];
    struct msghdr       msg;
    struct epoll_event  ev;

    whole = c->message->head_len + c->message->body_len;

    while (c->sent < whole) {
        skip = c->sent;
        memset(&msg, 0, sizeof(msg));
        msg.msg_iov = iov;

        if (skip < c->message->head_len) {
            iov[msg.msg_iovlen++] = (struct iovec) {
                (char *) (uintptr_t) c->message->head + skip,
                c->message->head_len - skip
            };
            skip = c->message->head_len;
        }

        skip -= c->message->head_len;

        if (skip < c->message->body_len) {
            iov[msg.msg_iovlen++] = (struct iovec) {
                (char *) (uintptr_t) c->message->body + skip,
                c->message->body_len - skip
            };
        }

        n = sendmsg(c->fd, &msg, MSG_DONTWAIT|MSG_NOSIGNAL);

        if (n == -1) {
            if (errno != EAGAIN) {
                return false;
            }

            ev.events = EPOLLIN|EPOLLOUT|EPOLLRDHUP;
            ev.data.ptr = c;
            return epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &ev) == 0;
        }

        c->sent += (size_t) n;
    }

    return true;
}


static bool
receive(connection_t *c)
{
    ssize_t  n;

    for ( ;; ) {
        n = recv(c->fd, c->answer + c->got, ANSWER - 1 - c->got,
                 MSG_DONTWAIT);

        if (n == -1 && errno == EAGAIN) {
            return true;
        }

        if (n <= 0 || !c->busy) {
            return false;
        }

        c->got += (size_t) n;

        if (c->want == 0) {
            c->answer[c->got] = '\0';
            parse_head(c);
        }

        if (c->want != 0 && c->got >= c->want) {
            answered(c, now_ns());
            return true;
        }

        /* Of a long body the bytes are only counted, not kept. */

        if (c->want != 0) {
            c->want -= c->got;
            c->got = 0;

        } else if (c->got == ANSWER - 1) {
            die("the head of an answer is too long");
        }
    }
}


static void
parse_head(connection_t *c)
{
    char  *end, *length;

    end = strstr(c->answer, "\r\n\r\n");

    if (end == NULL) {
        return;
    }

    *end = '\0';
    c->status = atoi(c->answer + sizeof("HTTP/1.1 ") - 1);
    length = strcasestr(c->answer, "\r\nContent-Length:");

    if (length == NULL) {
        die("an answer without Content-Length (status %d)", c->status);
    }

    c->want = (size_t) (end + 4 - c->answer)
              + strtoul(length + sizeof("\r\nContent-Length:") - 1, NULL, 10);
}


static void
answered(connection_t *c, int64_t now)
{
    c->busy = false;
    idle[nidle++] = (unsigned) (c - connections);

    if (c->due >= counted_from) {
        result.requests++;
        result.status[(c->status > 0 && c->status < STATUSES) ? c->status : 0]
            ++;
        record(now - c->due);
    }
}


/* The connection is made anew; a request that was on it has failed. */

static void
broken(connection_t *c)
{
    result.errors += c->busy;
    c->busy ? (void) (idle[nidle++] = (unsigned) (c - connections)) : (void) 0;
    c->busy = false;
    close(c->fd);
    open_connection(c);
}


static void
record(int64_t ns)
{
    int       power;
    uint64_t  v;

    v = ns > 0 ? (uint64_t) ns : 0;
    result.max = ns > result.max ? ns : result.max;
    result.sum += (double) v;

    /* The first power is the numbers below STEPS themselves. */

    power = (v < STEPS) ? 0 : 63 - __builtin_clzll(v) - 5;
    v = (power == 0) ? v : (v >> (power - 1)) - STEPS;

    if (power >= POWERS) {
        power = POWERS - 1;
        v = STEPS - 1;
    }

    result.bucket[(size_t) power * STEPS + v]++;
}


/* ms: the upper bound of the bucket. */

static double
percentile(double p)
{
    size_t    i;
    double    ns;
    uint64_t  seen, want;

    seen = 0;
    want = (uint64_t) ((double) result.requests * p / 100.0 + 0.5);

    for (i = 0; i < POWERS * STEPS; i++) {
        seen += result.bucket[i];

        if (seen >= want && seen != 0) {
            ns = (i < STEPS)
                 ? (double) i + 1
                 : (double) ((uint64_t) (i % STEPS + STEPS + 1)
                             << (i / STEPS - 1));
            ns = ns > (double) result.max ? (double) result.max : ns;
            return ns / 1e6;
        }
    }

    return 0;
}


static void
print(double seconds)
{
    int          i;
    const char  *comma;

    printf("{\"requests\":%llu,\"seconds\":%.3f,\"rate\":%.1f,"
           "\"errors\":%llu,\"unsent\":%llu,\"status\":{",
           (unsigned long long) result.requests, seconds,
           (double) result.requests / seconds,
           (unsigned long long) result.errors,
           (unsigned long long) result.unsent);

    for (i = 0, comma = ""; i < STATUSES; i++) {
        if (result.status[i] != 0) {
            printf("%s\"%d\":%llu", comma, i,
                   (unsigned long long) result.status[i]);
            comma = ",";
        }
    }

    printf("},\"mean\":%.4f,\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,"
           "\"p999\":%.4f,\"max\":%.4f}\n",
           result.requests ? result.sum / (double) result.requests / 1e6 : 0,
           percentile(50), percentile(90), percentile(99), percentile(99.9),
           (double) result.max / 1e6);
}
