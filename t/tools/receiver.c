
/*
 * Copyright (C) OpenQoE
 *
 * A collector that does what a test wants: OTLP by HTTP/1.1, protobuf, plain
 * or gzip.  One thread, epoll; some hundred thousand events a second.
 *
 *     receiver -p PORT -o FILE -m MODE_FILE
 *
 * FILE gets a line for each event that was taken (answered 2xx, or would be
 * had the client waited): "oqid-RUN-NUMBER MS", MS from its event_time until
 * now.  An event whose "sum" (t/tools/load.c) is not that of its text makes
 * "damaged RUN NUMBER" instead.
 *
 * MODE_FILE is read at each request:
 *
 *     ok | hang | close | rst | slow MS | drip | large BYTES
 *     status CODE [RETRY_AFTER]       RETRY_AFTER to the end of the line
 *     partial N                       takes it, says that N were rejected
 *     poison TEXT CODE                the requests with that text; ok for all
 *
 * GET /stats answers with the sums as JSON.
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
#include <zlib.h>


#define RECV_CONNS       512
#define RECV_IN_MAX      (16 * 1024 * 1024)
#define RECV_EVENT_MAX   16384


typedef struct {
    int       fd;
    uint64_t  answer_at;            /* ms; 0: nothing is due */
    uint64_t  left;                 /* of a long answer */
    int       drip;
    int       muted;                /* hangs */
    char     *in;
    size_t    in_len;
    size_t    in_size;
    char      out[512];
    size_t    out_len;
} recv_conn_t;


typedef struct {
    char      name[16];
    char      text[128];            /* text after the name */
} recv_mode_t;


typedef struct {
    uint64_t  connections;
    uint64_t  requests;
    uint64_t  logs;                 /* requests taken */
    uint64_t  metrics;
    uint64_t  other;                /* requests not taken */
    uint64_t  events;
    uint64_t  damaged;
    uint64_t  unchecked;            /* events without a sum */
    uint64_t  bytes;
} recv_sum_t;


static int recv_listen(int port);
static void recv_accept(int listener);
static void recv_readable(recv_conn_t *c);
static int recv_grow(recv_conn_t *c);
static void recv_close(recv_conn_t *c, int reset);
static int recv_request(recv_conn_t *c);
static void recv_mode(recv_mode_t *mode);
static void recv_logs(recv_conn_t *c, recv_mode_t *mode, const char *body,
    size_t len);
static void recv_take(const char *body, size_t len);
static int recv_whole(const char *body, size_t len, const char *seq,
    const char *end);
static char *recv_inflate(const char *body, size_t *len);
static void recv_answer(recv_conn_t *c, int code, const char *headers,
    const char *body, size_t len);
static void recv_flush(recv_conn_t *c);
static void recv_due(void);
static uint64_t recv_ms(clockid_t clock);


static recv_conn_t  conns[RECV_CONNS];
static recv_sum_t   sum;
static const char  *mode_file = "";
static FILE        *out;
static int          epfd;


int
main(int argc, char **argv)
{
    int                 i, n, opt, port, listener;
    struct epoll_event  got[64];

    port = 0;
    signal(SIGPIPE, SIG_IGN);

    while ((opt = getopt(argc, argv, "p:o:m:")) != -1) {
        switch (opt) {
        case 'p': port = atoi(optarg); break;
        case 'o': out = fopen(optarg, "a"); break;
        case 'm': mode_file = optarg; break;
        default: return 2;
        }
    }

    if (port < 1 || port > 65535 || out == NULL) {
        fprintf(stderr, "usage: receiver -p PORT -o FILE [-m MODE_FILE]\n");
        return 2;
    }

    epfd = epoll_create1(EPOLL_CLOEXEC);
    listener = recv_listen(port);
    if (epfd == -1 || listener == -1) {
        perror("receiver");
        return 1;
    }

    for (i = 0; i < RECV_CONNS; i++) {
        conns[i].fd = -1;
    }

    printf("READY %d\n", port);
    fflush(stdout);

    for ( ;; ) {
        n = epoll_wait(epfd, got, 64, 5);

        for (i = 0; i < n; i++) {
            if (got[i].data.ptr == NULL) {
                recv_accept(listener);

            } else {
                recv_readable(got[i].data.ptr);
            }
        }

        recv_due();
    }
}


static int
recv_listen(int port)
{
    int                 fd, on;
    struct epoll_event  ev;
    struct sockaddr_in  addr;

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }

    on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons((uint16_t) port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    memset(&ev, 0, sizeof(ev));
    ev.events = EPOLLIN;

    if (bind(fd, (struct sockaddr *) &addr, sizeof(addr)) == -1
        || listen(fd, 511) == -1
        || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) == -1)
    {
        close(fd);
        return -1;
    }

    return fd;
}


static void
recv_accept(int listener)
{
    int                 i, fd, on;
    struct epoll_event  ev;

    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1) {
        return;
    }

    for (i = 0; i < RECV_CONNS && conns[i].fd != -1; i++) { /* void */ }

    if (i == RECV_CONNS) {
        close(fd);
        return;
    }

    on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    memset(&ev, 0, sizeof(ev));
    ev.events = EPOLLIN;
    ev.data.ptr = &conns[i];
    conns[i].fd = fd;
    sum.connections++;

    if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) == -1) {
        recv_close(&conns[i], 0);
    }
}


static void
recv_readable(recv_conn_t *c)
{
    ssize_t  n;

    if (c->fd == -1) {
        return;
    }

    if (c->in_len == c->in_size && !recv_grow(c)) {
        recv_close(c, 1);
        return;
    }

    n = recv(c->fd, c->in + c->in_len, c->in_size - c->in_len, 0);

    if (n == -1 && errno == EAGAIN) {
        return;
    }

    if (n <= 0) {
        recv_close(c, 0);
        return;
    }

    c->in_len += (size_t) n;

    while (c->fd != -1 && c->answer_at == 0 && c->left == 0 && !c->muted
           && recv_request(c))
    {
        /* void */
    }
}


static int
recv_grow(recv_conn_t *c)
{
    char    *p;
    size_t   size;

    size = c->in_size ? c->in_size * 2 : 65536;
    p = size <= RECV_IN_MAX ? realloc(c->in, size + 1) : NULL;
    if (p == NULL) {
        return 0;
    }

    c->in = p;
    c->in_size = size;
    return 1;
}


static void
recv_close(recv_conn_t *c, int reset)
{
    struct linger  now;

    if (reset) {
        now.l_onoff = 1;
        now.l_linger = 0;
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }

    close(c->fd);
    c->fd = -1;
    c->in_len = 0;
    c->out_len = 0;
    c->answer_at = 0;
    c->left = 0;
    c->drip = 0;
    c->muted = 0;
}


/*
 * Takes a whole request of the bytes that were read; false if there is none
 * yet.
 */

static int
recv_request(recv_conn_t *c)
{
    char         *head, *p, *body, text[512];
    size_t        len, head_len;
    recv_mode_t   mode;

    c->in[c->in_len] = '\0';
    head = strstr(c->in, "\r\n\r\n");
    if (head == NULL) {
        return 0;
    }

    head_len = (size_t) (head - c->in) + 4;
    head[2] = '\0';
    p = strcasestr(c->in, "\r\nContent-Length:");
    len = p ? strtoul(p + 17, NULL, 10) : 0;

    if (c->in_len - head_len < len) {
        head[2] = '\r';
        return 0;
    }

    if (strncmp(c->in, "GET /stats", 10) == 0) {
        len = (size_t) snprintf(text, sizeof(text), "{\"connections\":%lu,"
            "\"requests\":%lu,\"logs\":%lu,\"metrics\":%lu,\"other\":%lu,"
            "\"events\":%lu,\"damaged\":%lu,\"unchecked\":%lu,\"bytes\":%lu}",
            sum.connections, sum.requests, sum.logs, sum.metrics, sum.other,
            sum.events, sum.damaged, sum.unchecked, sum.bytes);
        recv_answer(c, 200, "", text, len);
        c->in_len = 0;
        return 0;
    }

    sum.requests++;
    sum.bytes += len;
    recv_mode(&mode);
    body = c->in + head_len;

    if (strcasestr(c->in, "\r\nContent-Encoding: gzip")) {
        p = recv_inflate(body, &len);
        if (p == NULL) {
            fprintf(stderr, "receiver: not gzip\n");
            exit(1);
        }

    } else {
        p = NULL;
    }

    if (strncmp(c->in, "POST /v1/metrics", 16) == 0
        && strcmp(mode.name, "ok") == 0)
    {
        sum.metrics++;
        recv_answer(c, 200, "", "", 0);

    } else {
        recv_logs(c, &mode, p ? p : body, len);
    }

    if (p != NULL) {
        free(p);
    }

    /* The client has one request in flight on a connection. */
    c->in_len = 0;
    return 0;
}


static void
recv_mode(recv_mode_t *mode)
{
    int      fd;
    char     line[160];
    ssize_t  n;

    strcpy(mode->name, "ok");
    mode->text[0] = '\0';

    fd = open(mode_file, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    n = read(fd, line, sizeof(line) - 1);
    close(fd);
    line[n > 0 ? n : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    sscanf(line, "%15s %127[^\n]", mode->name, mode->text);
}


static void
recv_logs(recv_conn_t *c, recv_mode_t *mode, const char *body, size_t len)
{
    int                  code, n;
    char                 text[128], word[64];
    static const char    partial[] = { 0x0a, 0x02, 0x08 };

    code = 200;
    text[0] = '\0';

    if (strcmp(mode->name, "status") == 0) {
        n = 0;
        sscanf(mode->text, "%d %n", &code, &n);
        if (mode->text[n]) {
            snprintf(text, sizeof(text), "Retry-After: %.100s\r\n",
                     mode->text + n);
        }

    } else if (strcmp(mode->name, "poison") == 0
               && sscanf(mode->text, "%63s %d", word, &n) == 2
               && memmem(body, len, word, strlen(word)) != NULL)
    {
        code = n;

    } else if (strcmp(mode->name, "hang") == 0) {
        sum.other++;
        c->muted = 1;
        return;

    } else if (strcmp(mode->name, "close") == 0
               || strcmp(mode->name, "rst") == 0)
    {
        sum.other++;
        recv_close(c, mode->name[0] == 'r');
        return;
    }

    if (code / 100 != 2) {
        sum.other++;
        recv_answer(c, code, text, "no", 2);
        return;
    }

    recv_take(body, len);
    sum.logs++;

    if (strcmp(mode->name, "slow") == 0) {
        c->answer_at = recv_ms(CLOCK_MONOTONIC)
                       + strtoul(mode->text, NULL, 10);

    } else if (strcmp(mode->name, "partial") == 0) {
        memcpy(text, partial, 3);
        text[3] = (char) (atoi(mode->text) & 0x7f);
        recv_answer(c, 200, "Content-Type: application/x-protobuf\r\n", text,
                    4);

    } else if (strcmp(mode->name, "drip") == 0
               || strcmp(mode->name, "large") == 0)
    {
        c->drip = mode->name[0] == 'd';
        c->left = c->drip ? 100000 : strtoul(mode->text, NULL, 10);
        c->out_len = (size_t) sprintf(c->out, "HTTP/1.1 200 OK\r\n"
                         "Content-Length: %lu\r\n\r\n", c->left);
        recv_flush(c);

    } else {
        recv_answer(c, 200, "", "", 0);
    }
}


/* Writes every event of a request to the file. */

static void
recv_take(const char *body, size_t len)
{
    int          whole;
    char         id[64];
    uint64_t     now, at;
    const char  *p, *end, *t;

    now = recv_ms(CLOCK_REALTIME);
    p = body;

    while ((p = memmem(p, len - (size_t) (p - body), "\"oqid-", 6)) != NULL) {
        p++;
        end = memchr(p, '"', len - (size_t) (p - body));
        if (end == NULL || end - p >= (ssize_t) sizeof(id)) {
            continue;
        }

        memcpy(id, p, (size_t) (end - p));
        id[end - p] = '\0';

        whole = recv_whole(body, len, p, end);
        at = now;

        /* event_time stands before data in each of our events */

        for (t = p; t > body && p - t < RECV_EVENT_MAX; t--) {
            if (*t == '"' && memcmp(t, "\"event_time\":", 13) == 0) {
                at = strtoull(t + 13, NULL, 10);
                break;
            }
        }

        if (whole == 0) {
            sum.damaged++;
            *strrchr(id, '-') = ' ';
            fprintf(out, "damaged %s\n", id + 5);

        } else {
            sum.events++;
            sum.unchecked += whole == -1;
            fprintf(out, "%s %ld\n", id, (long) (now - at));
        }

        p = end;
    }

    fflush(out);
}


/* 1 if the event's sum is right, 0 if it is wrong, -1 if the event has none. */

static int
recv_whole(const char *body, size_t len, const char *seq, const char *end)
{
    size_t       left;
    unsigned     said;
    const char  *from, *to;

    static const char  first[] = "{\"event_type\":\"";

    left = len - (size_t) (end - body);
    left = left < RECV_EVENT_MAX ? left : RECV_EVENT_MAX;

    /* load.c puts the sum last in data, and data last in the event. */

    to = memmem(end, left, "\"sum\":\"", 7);
    from = memmem(end, left, "\"oqid-", 6);

    if (to == NULL || (from != NULL && from < to)) {
        return -1;
    }

    for (from = seq; from > body && seq - from < RECV_EVENT_MAX; from--) {
        if (*from == '{' && memcmp(from, first, sizeof(first) - 1) == 0) {
            break;
        }
    }

    if (left - (size_t) (to - end) < 17
        || sscanf(to + 7, "%8x", &said) != 1
        || memcmp(to + 15, "\"}}", 3) != 0)
    {
        return 0;
    }

    return said == (unsigned) crc32(0, (const Bytef *) from,
                                    (uInt) (to - from));
}


static char *
recv_inflate(const char *body, size_t *len)
{
    int        rc;
    char      *p;
    z_stream   z;

    memset(&z, 0, sizeof(z));
    p = malloc(RECV_IN_MAX);
    if (p == NULL || inflateInit2(&z, 15 + 16) != Z_OK) {
        free(p);
        return NULL;
    }

    z.next_in = (Bytef *) (uintptr_t) body;
    z.avail_in = (uInt) *len;
    z.next_out = (Bytef *) p;
    z.avail_out = RECV_IN_MAX;

    rc = inflate(&z, Z_FINISH);
    *len = z.total_out;
    inflateEnd(&z);

    if (rc != Z_STREAM_END) {
        free(p);
        return NULL;
    }

    return p;
}


static void
recv_answer(recv_conn_t *c, int code, const char *headers, const char *body,
    size_t len)
{
    c->out_len = (size_t) snprintf(c->out, sizeof(c->out),
                     "HTTP/1.1 %d Answer\r\n%sContent-Length: %zu\r\n\r\n",
                     code, headers, len);

    if (c->out_len + len < sizeof(c->out)) {
        memcpy(c->out + c->out_len, body, len);
        c->out_len += len;
        recv_flush(c);
        return;
    }

    fprintf(stderr, "receiver: too long an answer\n");
    exit(1);
}


/*
 * Answers are short: they fit into the socket's buffer, or the client has
 * gone.
 */

static void
recv_flush(recv_conn_t *c)
{
    if (send(c->fd, c->out, c->out_len, MSG_NOSIGNAL) != (ssize_t) c->out_len) {
        recv_close(c, 0);
    }

    c->out_len = 0;
}


/* Slow answers, and answers that never end. */

static void
recv_due(void)
{
    int           i;
    ssize_t       n;
    uint64_t      now;
    recv_conn_t  *c;

    static const char  fill[65536];

    now = recv_ms(CLOCK_MONOTONIC);

    for (i = 0; i < RECV_CONNS; i++) {
        c = &conns[i];
        if (c->fd == -1) {
            continue;
        }

        if (c->answer_at != 0 && now >= c->answer_at) {
            c->answer_at = 0;
            recv_answer(c, 200, "", "", 0);

        } else if (c->left > 0) {
            n = send(c->fd, fill, c->drip ? 1
                     : c->left < sizeof(fill) ? c->left : sizeof(fill),
                     MSG_NOSIGNAL);
            if (n > 0) {
                c->left -= (uint64_t) n;

            } else if (n == -1 && errno != EAGAIN) {
                recv_close(c, 0);
            }
        }
    }
}


static uint64_t
recv_ms(clockid_t clock)
{
    struct timespec  ts;

    clock_gettime(clock, &ts);
    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}
