
/*
 * Copyright (C) OpenQoE
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* syscall() */
#endif

#include "tap.h"
#include "qoe_transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>


#define LINE   "{\"resourceLogs\":[]}"
#define TORN   "{\"resourceLogs\":[{\"scopeLo"


typedef struct {
    int            n;
    qoe_outcome_t  last;
} got_t;


static char              dir[] = "/tmp/qoe_file_test.XXXXXX";
static char              path[64], other[64];
static qoe_net_t        *net;
static qoe_transport_t  *t;
static int               logged;


/* libqoe.a calls these functions instead of those of libc. */

static int  cut_errno;
static int  read_fails_at;                   /* the number of a pread() */
static int  write_fails_at;                  /* of a writev() */
static int  io_errno;                        /* 0: the call does nothing */


ssize_t
pread(int fd, void *p, size_t n, off_t at)
{
    if (read_fails_at != 0 && --read_fails_at == 0) {
        errno = io_errno;
        return io_errno ? -1 : 0;
    }

    return syscall(SYS_pread64, fd, p, n, at);
}


ssize_t
writev(int fd, const struct iovec *iov, int n)
{
    if (write_fails_at != 0 && --write_fails_at == 0) {
        errno = io_errno;
        return io_errno ? -1 : 0;
    }

    return syscall(SYS_writev, fd, iov, n);
}


int
ftruncate(int fd, off_t size)
{
    if (cut_errno != 0) {
        errno = cut_errno;
        return -1;
    }

    return (int) syscall(SYS_ftruncate, fd, size);
}


static const qoe_log_t  quiet = { tap_log_write, &logged, QOE_LOG_DEBUG };


static void
done(void *data, const qoe_outcome_t *o)
{
    got_t  *got = data;

    got->n++;
    got->last = *o;
}


static void
start(const char *file)
{
    qoe_transport_conf_t  conf;

    memset(&conf, 0, sizeof(conf));

    conf.protocol = QOE_PROTOCOL_FILE;
    conf.url[QOE_SIGNAL_LOGS] = qoe_span_str(file);
    conf.url[QOE_SIGNAL_TRACES] = qoe_span_str(file);
    conf.timeout_ms = 10000;

    if (qoe_transport_create(&t, net, &conf, &quiet) != QOE_OK) {
        printf("Bail out! no transport\n");
        exit(1);
    }
}


static qoe_outcome_t
put(qoe_signal_t signal, qoe_span_t line)
{
    got_t  got = { 0 };

    if (qoe_transport_send(t, signal, line, done, &got) != QOE_OK
        || got.n != 0)
    {
        printf("Bail out! send\n");
        exit(1);
    }

    qoe_net_wait(net, NULL, 0, -1);

    if (got.n != 1) {
        printf("Bail out! done was called %d times\n", got.n);
        exit(1);
    }

    return got.last;
}


static bool
holds(const char *file, const char *want)
{
    int      fd;
    char     buf[65536];
    ssize_t  n;

    fd = open(file, O_RDONLY);
    if (fd == -1) {
        return false;
    }

    n = read(fd, buf, sizeof(buf));
    close(fd);

    return n == (ssize_t) strlen(want) && memcmp(buf, want, strlen(want)) == 0;
}


static void
set(const char *file, const char *text)
{
    int  fd;

    fd = open(file, O_WRONLY|O_CREAT|O_TRUNC, 0640);

    if (fd == -1 || write(fd, text, strlen(text)) != (ssize_t) strlen(text)) {
        printf("Bail out! cannot write %s\n", file);
        exit(1);
    }

    close(fd);
}


static void
test_append(void)
{
    struct stat    st;
    qoe_outcome_t  o;

    umask(0);
    start(path);

    ok(qoe_transport_encoding(t) == QOE_ENCODING_JSON, "a file takes JSON");
    ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640,
       "a new file has the mode 0640");

    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(o.kind == QOE_OUTCOME_OK && o.grpc_status == -1
       && o.retry_after_ms == -1 && o.error_type[0] == '\0',
       "a line that was written gives a good outcome");

    put(QOE_SIGNAL_TRACES, qoe_span(LINE));
    ok(holds(path, LINE "\n" LINE "\n"), "two signals can share a file");

    ok(qoe_transport_send(t, QOE_SIGNAL_METRICS, qoe_span(LINE), done, NULL)
       == QOE_ERROR, "a signal without a path is refused");
    ok(qoe_transport_send(t, QOE_SIGNAL_LOGS, qoe_span_null, done, NULL)
       == QOE_ERROR, "an empty request is refused");

    ok(rename(path, other) == 0, "the file is renamed as a rotation does");
    put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(holds(other, LINE "\n" LINE "\n" LINE "\n"),
       "until it is reopened, lines go to the renamed file");
    qoe_transport_reopen(t);
    put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(holds(path, LINE "\n"), "after it is reopened, lines go to a new file");

    qoe_transport_destroy(t);
}


static void
test_mend(void)
{
    char  block[5000];

    static const struct {
        const char  *before;
        const char  *after;
        const char  *name;
    } cases[] = {
        { LINE "\n" TORN, LINE "\n" LINE "\n", "a torn line is cut off" },
        { TORN, LINE "\n", "a torn first line is cut off" },
        { LINE "\n{\"re", LINE "\n" LINE "\n", "a line torn early is cut off" },
        { LINE, LINE "\n", "a line without its newline is cut off" },
        { "notes", "notes\n" LINE "\n", "other text gets a newline" },
        { "a\nnotes", "a\nnotes\n" LINE "\n", "later text gets a newline" },
        { "\n", "\n" LINE "\n", "an empty line stays as it is" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set(path, cases[i].before);
        start(path);
        put(QOE_SIGNAL_LOGS, qoe_span(LINE));
        ok(holds(path, cases[i].after), "%s", cases[i].name);
        qoe_transport_destroy(t);
    }

    /* The torn line is longer than what is read at a time. */

    memset(block, 'x', sizeof(block) - 1);
    memcpy(block, LINE "\n" TORN, sizeof(LINE "\n" TORN) - 1);
    block[sizeof(block) - 1] = '\0';

    set(path, block);
    start(path);
    put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(holds(path, LINE "\n" LINE "\n"),
       "a torn line longer than a read is removed");
    qoe_transport_destroy(t);
}


/* A torn line is cut off, and the next one fits in part, or the cut fails. */

static void
test_mend_fails(void)
{
    qoe_outcome_t  o;
    struct rlimit  limit, old;

    set(path, LINE "\n" TORN);
    start(path);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = sizeof(LINE) + 5;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    setrlimit(RLIMIT_FSIZE, &old);
    ok(o.kind == QOE_OUTCOME_RETRY && holds(path, LINE "\n"),
       "neither a torn line nor one that does not fit in its place stays");

    set(path, LINE "\n" TORN);
    cut_errno = EROFS;
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    cut_errno = 0;
    ok(o.kind == QOE_OUTCOME_RETRY
       && strstr(o.message, "Read-only file system") != NULL
       && holds(path, LINE "\n" TORN),
       "nothing is written after a torn line that cannot be cut off: %s",
       o.message);
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(o.kind == QOE_OUTCOME_OK && holds(path, LINE "\n" LINE "\n"),
       "once it can be cut off, the line is written");

    /* what does not fit cannot be cut off either */

    set(path, LINE "\n");
    limit.rlim_cur = sizeof(LINE) + 5;
    setrlimit(RLIMIT_FSIZE, &limit);
    cut_errno = EROFS;
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    cut_errno = 0;
    setrlimit(RLIMIT_FSIZE, &old);
    ok(o.kind == QOE_OUTCOME_RETRY && holds(path, LINE "\n{\"res"),
       "a part that cannot be cut off stays");
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(o.kind == QOE_OUTCOME_OK && holds(path, LINE "\n" LINE "\n"),
       "until the next line");
    qoe_transport_destroy(t);
}


/* Each of the reads before a line, and its write, fails or does nothing. */

static void
test_io_fails(void)
{
    int            i, n, wrong;
    qoe_outcome_t  o;

    start(path);

    for (n = 1, wrong = 0; n <= 3; n++) {
        for (i = 0; i < 2; i++) {
            set(path, LINE "\n" TORN);
            read_fails_at = n;
            io_errno = i ? ENOMEM : 0;
            o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
            wrong += o.kind != QOE_OUTCOME_RETRY || read_fails_at != 0
                     || strstr(o.message, strerror(i ? ENOMEM : EIO)) == NULL
                     || !holds(path, LINE "\n" TORN);
            o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
            wrong += o.kind != QOE_OUTCOME_OK
                     || !holds(path, LINE "\n" LINE "\n");
        }
    }

    ok(wrong == 0, "a file whose end cannot be read is left as it is, and "
       "mended by the next line");

    set(path, "");
    write_fails_at = 1;
    io_errno = EINTR;
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(o.kind == QOE_OUTCOME_OK && holds(path, LINE "\n"),
       "a signal delays a line only");
    write_fails_at = 1;
    io_errno = 0;
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(o.kind == QOE_OUTCOME_RETRY && holds(path, LINE "\n")
       && strstr(o.message, strerror(EIO)) != NULL,
       "a line that is not taken is to be retried: %s", o.message);
    qoe_transport_destroy(t);
}


/* The lock is given up a moment later. */

static void *
unlock_soon(void *data)
{
    usleep(20000);
    flock(*(int *) data, LOCK_UN);

    return data;
}


/*
 * The writer waits for a second; a busy machine may give the lock up too late,
 * which another round makes up for.
 */

static void
test_locked(void)
{
    int            i, fd;
    pthread_t      thread;
    qoe_outcome_t  o;

    start(path);

    for (i = 0; i < 20; i++) {
        set(path, "");
        fd = open(path, O_RDONLY);
        flock(fd, LOCK_EX);
        pthread_create(&thread, NULL, unlock_soon, &fd);
        o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
        pthread_join(thread, NULL);
        close(fd);

        if (o.kind == QOE_OUTCOME_OK && holds(path, LINE "\n")) {
            break;
        }
    }

    ok(i < 20, "a file that another process locks for a moment is waited for");
    qoe_transport_destroy(t);
}


static void
test_errors(void)
{
    int             fd;
    qoe_outcome_t   o;
    struct rlimit   limit, old;

    set(path, "");
    start(path);

    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = sizeof(LINE) + 5;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);

    put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    setrlimit(RLIMIT_FSIZE, &old);

    ok(o.kind == QOE_OUTCOME_RETRY && strcmp(o.error_type, "file") == 0
       && strstr(o.message, "File too large") != NULL,
       "a line that does not fit on the disk is to be retried: %s", o.message);
    ok(holds(path, LINE "\n"),
       "nothing of a line that did not fit stays in the file");

    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(o.kind == QOE_OUTCOME_OK && holds(path, LINE "\n" LINE "\n"),
       "once there is room the line is written");

    fd = open(path, O_RDONLY);
    flock(fd, LOCK_EX);
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    close(fd);
    ok(o.kind == QOE_OUTCOME_RETRY && strstr(o.message, "busy") != NULL,
       "a file that another process keeps locked is to be retried: %s",
       o.message);

    qoe_transport_destroy(t);

    o.kind = QOE_OUTCOME_OK;
    logged = 0;
    snprintf(other, sizeof(other), "%s/sub/file", dir);
    start(other);
    ok(logged == 1, "a missing directory is logged at the start");
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(o.kind == QOE_OUTCOME_RETRY && strstr(o.message, other) != NULL,
       "a line for a missing directory is to be retried: %s", o.message);

    snprintf(path, sizeof(path), "%s/sub", dir);
    mkdir(path, 0700);
    o = put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    ok(o.kind == QOE_OUTCOME_OK && holds(other, LINE "\n"),
       "a file works as soon as its directory exists");

    qoe_transport_destroy(t);
    unlink(other);
    rmdir(path);
}


/* A rotation whose directory has gone, and comes back. */

static void
test_reopen_fails(void)
{
    char           away[80];
    qoe_outcome_t  o;

    snprintf(path, sizeof(path), "%s/sub", dir);
    snprintf(other, sizeof(other), "%s/sub/file", dir);
    snprintf(away, sizeof(away), "%s/away", dir);
    mkdir(path, 0700);
    start(other);
    put(QOE_SIGNAL_LOGS, qoe_span(LINE));

    logged = 0;
    qoe_transport_reopen(t);
    ok(logged == 0, "a file that is reopened is not worth a message");

    (void) rename(path, away);
    qoe_transport_reopen(t);
    ok(logged == 1, "a file that two signals share and that cannot be "
       "reopened is logged once");
    o = put(QOE_SIGNAL_TRACES, qoe_span(LINE));
    ok(o.kind == QOE_OUTCOME_RETRY && strstr(o.message, other) != NULL,
       "until it can be opened, lines are to be retried: %s", o.message);

    (void) rename(away, path);
    o = put(QOE_SIGNAL_TRACES, qoe_span(LINE));
    ok(o.kind == QOE_OUTCOME_OK && holds(other, LINE "\n" LINE "\n"),
       "once it can be opened, lines follow those before");

    qoe_transport_destroy(t);
    unlink(other);
    rmdir(path);
}


static void
test_pipe(void)
{
    int             fd;
    char            buf[65536], *big;
    ssize_t         n;
    qoe_outcome_t   o;

    snprintf(path, sizeof(path), "%s/pipe", dir);
    mkfifo(path, 0600);
    fd = open(path, O_RDWR|O_NONBLOCK);

    big = malloc(100000);
    if (fd == -1 || big == NULL) {
        exit(1);
    }

    memset(big, 'x', 100000);

    start(path);

    o = put(QOE_SIGNAL_LOGS, (qoe_span_t) { big, 100000 });
    ok(o.kind == QOE_OUTCOME_RETRY, "a full pipe does not block the writer");

    while (read(fd, buf, sizeof(buf)) > 0) { /* void */ }

    put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    n = read(fd, buf, sizeof(buf));
    ok(n == sizeof(LINE) + 1 && memcmp(buf, "\n" LINE "\n", (size_t) n) == 0,
       "after a line that a pipe took in part the next begins on a line of its "
       "own");

    qoe_transport_destroy(t);
    close(fd);
    unlink(path);
    free(big);
}


/* done() may send the next request; what is queued at the end is let go. */

static int  chain_sent;


static void
chain(void *data, const qoe_outcome_t *o)
{
    (void) data;

    if (o->kind == QOE_OUTCOME_OK && chain_sent < 5) {
        chain_sent++;
        qoe_transport_send(t, QOE_SIGNAL_LOGS, qoe_span(LINE), chain, NULL);
    }
}


static void
test_chain(void)
{
    snprintf(path, sizeof(path), "%s/chain", dir);
    start(path);

    chain(NULL, &(qoe_outcome_t) { .kind = QOE_OUTCOME_OK });
    qoe_net_wait(net, NULL, 0, 0);
    ok(chain_sent == 2, "a turn delivers only what was queued before it");

    qoe_transport_deadline(t, 0);
    qoe_net_wait(net, NULL, 0, 0);
    ok(chain_sent == 3, "a deadline does not undo what is written");

    qoe_transport_destroy(t);
    ok(chain_sent == 3, "destroying the transport calls no callback");

    unlink(path);
}


static int
descriptors(void)
{
    int  fd, n;

    for (fd = 0, n = 0; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) != -1;
    }

    return n;
}


static void
test_closed(void)
{
    int  before;

    before = descriptors();
    start(path);
    put(QOE_SIGNAL_LOGS, qoe_span(LINE));
    put(QOE_SIGNAL_TRACES, qoe_span(LINE));
    ok(descriptors() > before, "a file that is written stays open");
    qoe_transport_destroy(t);
    ok(descriptors() == before, "those of all signals are closed at the end");
    unlink(path);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    snprintf(path, sizeof(path), "%s/otlp.jsonl", dir);
    snprintf(other, sizeof(other), "%s/otlp.jsonl.1", dir);

    net = qoe_net_create(&quiet);
    if (net == NULL) {
        return 1;
    }

    test_append();
    test_mend();
    test_mend_fails();
    test_io_fails();
    unlink(other);
    test_locked();
    test_errors();
    snprintf(path, sizeof(path), "%s/otlp.jsonl", dir);
    unlink(path);
    test_closed();
    test_reopen_fails();
    test_pipe();
    test_chain();

    qoe_net_destroy(net);
    curl_global_cleanup();
    ok(rmdir(dir) == 0, "the test leaves no file behind");

    return tap_end();
}
