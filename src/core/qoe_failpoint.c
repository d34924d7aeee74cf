
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_failpoint.h"


#ifdef QOE_FAILPOINTS

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define QOE_FAILPOINT_FILE     4096          /* longest file that is read */
#define QOE_FAILPOINT_LINES    256           /* lines counted by a process */


typedef enum {
    QOE_FAILPOINT_KILL,
    QOE_FAILPOINT_SLEEP,
    QOE_FAILPOINT_ERROR
} qoe_failpoint_action_t;


/* A line of the file that names the failpoint that was hit. */

typedef struct {
    uint64_t                 hash;           /* hash of the line's text */
    qoe_failpoint_action_t   action;
    unsigned long            value;
    unsigned long            after;
} qoe_failpoint_line_t;

typedef struct {
    uint64_t                 hash;
    unsigned long            hits;
    bool                     acted;
} qoe_failpoint_seen_t;


static const struct {
    const char              *name;
    qoe_failpoint_action_t   action;
    bool                     value;
} qoe_failpoint_actions[] = {
    { "kill", QOE_FAILPOINT_KILL, false },
    { "sleep=", QOE_FAILPOINT_SLEEP, true },
    { "error=", QOE_FAILPOINT_ERROR, true }
};


static size_t qoe_failpoint_read(char *buf, size_t size);
static bool qoe_failpoint_parse(char *text, const char *name,
    qoe_failpoint_line_t *line);
static bool qoe_failpoint_turn(const qoe_failpoint_line_t *line);
static int qoe_failpoint_act(const qoe_failpoint_line_t *line);


static char                  qoe_failpoint_path[512];
static pthread_mutex_t       qoe_failpoint_lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t                 qoe_failpoint_pid;
static size_t                qoe_failpoint_nseen;
static qoe_failpoint_seen_t  qoe_failpoint_seen[QOE_FAILPOINT_LINES];


/*
 * Reads the variable when the module is loaded: nginx removes it from the
 * environment of its workers.
 */

static void __attribute__((constructor))
qoe_failpoint_init(void)
{
    const char  *path;

    path = getenv("OPENQOE_FAILPOINTS");

    if (path != NULL && strlen(path) < sizeof(qoe_failpoint_path)) {
        strcpy(qoe_failpoint_path, path);
    }
}


int
qoe_failpoint_hit(const char *name)
{
    int                    err, rc;
    char                   buf[QOE_FAILPOINT_FILE], *text, *next;
    qoe_failpoint_line_t   line;

    if (qoe_failpoint_path[0] == '\0') {
        return 0;
    }

    err = errno;
    rc = 0;

    if (qoe_failpoint_read(buf, sizeof(buf)) != 0) {

        for (text = buf; text != NULL && rc == 0; text = next) {
            next = strchr(text, '\n');

            if (next != NULL) {
                *next++ = '\0';
            }

            if (qoe_failpoint_parse(text, name, &line)
                && qoe_failpoint_turn(&line))
            {
                rc = qoe_failpoint_act(&line);
            }
        }
    }

    errno = err;

    return rc;
}


static size_t
qoe_failpoint_read(char *buf, size_t size)
{
    int      fd;
    size_t   len;
    ssize_t  n;

    fd = open(qoe_failpoint_path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    len = 0;

    do {
        n = read(fd, buf + len, size - 1 - len);
        len += (n > 0) ? (size_t) n : 0;
    } while (n > 0 || (n == -1 && errno == EINTR));

    close(fd);

    buf[len] = '\0';

    return len;
}


/*
 * Parses "NAME ACTION [AFTER]"; returns false if the line names another
 * failpoint or an unknown action.
 */

static bool
qoe_failpoint_parse(char *text, const char *name, qoe_failpoint_line_t *line)
{
    char    *word, *save;
    size_t   i, len;

    line->hash = 14695981039346656037ULL;            /* FNV-1a */

    for (i = 0; text[i] != '\0'; i++) {
        line->hash = (line->hash ^ (uint8_t) text[i]) * 1099511628211ULL;
    }

    word = strtok_r(text, " \t\r", &save);
    if (word == NULL || strcmp(word, name) != 0) {
        return false;
    }

    word = strtok_r(NULL, " \t\r", &save);
    if (word == NULL) {
        return false;
    }

    for (i = 0; i < sizeof(qoe_failpoint_actions)
                    / sizeof(qoe_failpoint_actions[0]); i++)
    {
        len = strlen(qoe_failpoint_actions[i].name);

        if (strncmp(word, qoe_failpoint_actions[i].name, len) != 0
            || (word[len] != '\0') != qoe_failpoint_actions[i].value)
        {
            continue;
        }

        line->action = qoe_failpoint_actions[i].action;
        line->value = strtoul(word + len, NULL, 10);

        word = strtok_r(NULL, " \t\r", &save);
        line->after = (word != NULL) ? strtoul(word, NULL, 10) : 0;

        return true;
    }

    return false;
}


/*
 * Counts a hit, and decides whether the line acts now.  A forked child starts
 * its own count.
 */

static bool
qoe_failpoint_turn(const qoe_failpoint_line_t *line)
{
    bool    turn;
    size_t  i;

    turn = false;

    pthread_mutex_lock(&qoe_failpoint_lock);

    if (qoe_failpoint_pid != getpid()) {
        qoe_failpoint_pid = getpid();
        qoe_failpoint_nseen = 0;
    }

    for (i = 0; i < qoe_failpoint_nseen; i++) {
        if (qoe_failpoint_seen[i].hash == line->hash) {
            break;
        }
    }

    if (i < QOE_FAILPOINT_LINES) {

        if (i == qoe_failpoint_nseen) {
            qoe_failpoint_seen[i] = (qoe_failpoint_seen_t)
                { line->hash, 0, false };
            qoe_failpoint_nseen++;
        }

        turn = !qoe_failpoint_seen[i].acted
               && qoe_failpoint_seen[i].hits++ >= line->after;

        if (turn) {
            qoe_failpoint_seen[i].acted = true;
        }
    }

    pthread_mutex_unlock(&qoe_failpoint_lock);

    return turn;
}


static int
qoe_failpoint_act(const qoe_failpoint_line_t *line)
{
    struct timespec  t;

    switch (line->action) {

    case QOE_FAILPOINT_KILL:
        (void) kill(getpid(), SIGKILL);
        return 0;

    case QOE_FAILPOINT_SLEEP:
        t.tv_sec = (time_t) (line->value / 1000);
        t.tv_nsec = (long) (line->value % 1000) * 1000000;

        while (nanosleep(&t, &t) == -1 && errno == EINTR) {
            /* void */
        }

        return 0;

    default:
        return (int) line->value;
    }
}

#endif /* QOE_FAILPOINTS */
